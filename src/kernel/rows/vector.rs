//! What row kernels do to one row, or to several that follow each other, with registers.
#![allow(unsafe_code, reason = "kernels are the home of unsafe code")]

use crate::kernel::reduce::{BLOCK, LANES, halves, maximum};
use crate::kernel::simd::math::{Functions, exp_of_difference, ln};
use crate::kernel::simd::{Element, Isa, Kernel, Lanes};

/// Numbers that a function is applied to at a time.
pub(super) const CHUNK: usize = 32;

/// Writes an expression of vectors, element by element, over `n` elements: whole vectors, then one in part.
macro_rules! each {
    ($T:ident, $I:ident, $n:expr; $($x:ident: $from:expr),+; $to:expr => $value:expr) => {{
        let (n, width) = ($n, <$T::V<$I> as Lanes<$T>>::N);
        let mut i = 0;
        while i + width <= n {
            // SAFETY: the caller has n elements everywhere, and a whole vector of them is left.
            unsafe {
                $(let $x = <$T::V<$I> as Lanes<$T>>::load($from.add(i));)+
                Lanes::<$T>::store($value, $to.add(i));
            }
            i += width;
        }
        if i < n {
            // SAFETY: n − i elements are left.
            unsafe {
                $(let $x = <$T::V<$I> as Lanes<$T>>::load_masked($from.add(i), n - i);)+
                Lanes::<$T>::store_masked($value, $to.add(i), n - i);
            }
        }
    }};
}

pub(super) use each;

/// The largest element, or NaN where there is one; −∞ of nothing. But a NaN beside a finite largest is not seen here: it
/// shows in the sum of exponentials.
#[inline(always)]
pub(super) fn largest<T: Element, I: Isa>(x: &[T]) -> T {
    let (n, width) = (x.len(), <T::V<I>>::N);
    let mut top = <T::V<I>>::splat(T::neg_infinity());
    if n < width {
        // SAFETY: as many as there are.
        top = unsafe { top.load_over(x.as_ptr(), n) };
    } else {
        let (mut i, mut other) = (0, top);
        while i + 2 * width <= n {
            // SAFETY: two vectors are left.
            unsafe {
                top = <T::V<I>>::load(x.as_ptr().add(i)).max(top);
                other = <T::V<I>>::load(x.as_ptr().add(i + width)).max(other);
            }
            i += 2 * width;
        }
        // What is left, and some once more. Less than two vectors are left.
        // SAFETY: there is a whole vector.
        unsafe {
            top = <T::V<I>>::load(x.as_ptr().add(i.min(n - width))).max(top);
            other = <T::V<I>>::load(x.as_ptr().add(n - width)).max(other);
        }
        top = top.max(other);
    }
    let top = top.reduce_max();
    if top.is_finite() { top } else { x.iter().copied().fold(T::neg_infinity(), maximum) }
}

/// The sum of a slice in the order of [`reduce::sum`](crate::kernel::reduce::sum), so with its bits.
#[inline(always)]
pub(super) fn sum<T: Element, I: Isa>(x: &[T]) -> T {
    if x.len() <= 16 {
        let mut sum = T::zero();
        for &x in x {
            sum += x;
        }
        return sum;
    }
    if x.len() <= LANES * BLOCK { block_sum::<T, I>(x) } else { I::call(LongSum(x)) }
}

/// A sum of several blocks.
struct LongSum<'a, T>(&'a [T]);

impl<T: Element> Kernel for LongSum<'_, T> {
    type Output = T;

    #[inline(always)]
    fn run<I: Isa>(self) -> T {
        let middle = halves(self.0.len()).expect("several blocks");
        sum::<T, I>(&self.0[..middle]) + sum::<T, I>(&self.0[middle..])
    }
}

/// The sum of a single block, in lanes.
#[inline(always)]
fn block_sum<T: Element, I: Isa>(x: &[T]) -> T {
    let (n, width) = (x.len(), const { <T::V<I> as Lanes<T>>::N });
    let count = const { LANES / <T::V<I> as Lanes<T>>::N };
    let mut sums = [<T::V<I>>::zero(); LANES / 2];
    let mut i = 0;
    while i + LANES <= n {
        for (v, sum) in sums.iter_mut().enumerate().take(count) {
            // SAFETY: as many vectors are left.
            *sum = *sum + unsafe { <T::V<I>>::load(x.as_ptr().add(i + v * width)) };
        }
        i += LANES;
    }
    for sum in sums.iter_mut().take(count) {
        let lanes = width.min(n - i);
        // SAFETY: no more than is left.
        *sum = *sum + unsafe { <T::V<I>>::load_masked(x.as_ptr().add(i), lanes) };
        i += lanes;
    }
    let mut half = count;
    while half > 1 {
        half /= 2;
        for v in 0..half {
            sums[v] = sums[v] + sums[v + half];
        }
    }
    sums[0].reduce_sum()
}

/// Writes a function of each number of a slice to another, or in place.
macro_rules! apply {
    ($T:ident, $I:ident, $n:expr; $x:ident: $from:expr; $to:expr => $value:expr) => {{
        let (vectors, width) = const { (CHUNK / <$T::V<$I> as Lanes<$T>>::N, <$T::V<$I> as Lanes<$T>>::N) };
        let (mut from, mut to, mut left): (*const $T, *mut $T, usize) = ($from, $to, $n);
        while left >= CHUNK {
            // SAFETY: a whole chunk is left.
            let (chunk, results) = unsafe { (from.cast::<[$T; CHUNK]>().read(), &mut *to.cast::<[$T; CHUNK]>()) };
            for (y, &$x) in results.iter_mut().zip(&chunk) {
                *y = $value;
            }
            (from, to, left) = (from.wrapping_add(CHUNK), to.wrapping_add(CHUNK), left - CHUNK);
        }
        if left > 0 {
            // Copied by registers: a call for it would cost more than the copy.
            let (mut chunk, mut results) = ([$T::zero(); CHUNK], [$T::zero(); CHUNK]);
            for v in 0..vectors {
                let lanes = left.saturating_sub(v * width).min(width);
                // SAFETY: no more than is left, and as much as a chunk has.
                unsafe {
                    let x = <$T::V<$I> as Lanes<$T>>::load_masked(from.wrapping_add(v * width), lanes);
                    Lanes::<$T>::store(x, chunk.as_mut_ptr().add(v * width));
                }
            }
            for (y, &$x) in results.iter_mut().zip(&chunk) {
                *y = $value;
            }
            for v in 0..vectors {
                let lanes = left.saturating_sub(v * width).min(width);
                // SAFETY: no more than is left, and as much as a chunk has.
                unsafe {
                    let y = <$T::V<$I> as Lanes<$T>>::load(results.as_ptr().add(v * width));
                    Lanes::<$T>::store_masked(y, to.wrapping_add(v * width), lanes);
                }
            }
        }
    }};
}

/// Writes e^(x − top) for each x, none of which is larger than `top`.
#[inline(always)]
pub(super) fn exp_less<T: Functions, I: Isa>(x: &[T], top: T, out: &mut [T]) {
    let n = x.len().min(out.len());
    apply!(T, I, n; x: x.as_ptr(); out.as_mut_ptr() => exp_of_difference::<I, T>(x - top));
}

/// Replaces each number, none of them positive, by e to its power.
#[inline(always)]
pub(super) fn exp_all<T: Functions, I: Isa>(values: &mut [T]) {
    let at = values.as_mut_ptr();
    apply!(T, I, values.len(); x: at.cast_const(); at => exp_of_difference::<I, T>(x));
}

/// Replaces each number by its logarithm.
#[inline(always)]
pub(super) fn ln_all<T: Functions, I: Isa>(values: &mut [T]) {
    let at = values.as_mut_ptr();
    apply!(T, I, values.len(); x: at.cast_const(); at => ln::<I, T>(x));
}
