//! Scalar formulas as kernels.
#![allow(unsafe_code, reason = "kernels are the home of unsafe code")]

use std::marker::PhantomData;

use super::block::{Block, CHUNK, Chunk, Map, cover, run};
use super::lane::Lane;
use super::simd::Isa;
use super::simd::math::{FARTHEST, Functions};
use crate::number::Num;

/// A scalar formula of `N` operands.
pub(crate) trait Formula<const N: usize>: 'static {
    /// Whether the first operand is an angle, for which functions are quick as far as [`FARTHEST`] only.
    const ANGLE: bool;

    /// The formula, compiled for an instruction set. Must be `#[inline(always)]` where it is implemented.
    fn fast<T: Functions, I: Isa>(x: [Lane<T, I>; N]) -> Lane<T, I>;

    /// The formula with the functions of `std`: the twin of the other.
    fn plain<T: Functions>(x: [Num<T>; N]) -> Num<T>;
}

/// Makes an expression a [`Formula`].
macro_rules! formula {
    ($Name:ident, angle $angle:expr, |$($x:ident),+| $value:expr) => {
        struct $Name;

        impl $crate::kernel::formula::Formula<{ [$(stringify!($x)),+].len() }> for $Name {
            const ANGLE: bool = $angle;

            #[inline(always)]
            fn fast<T: $crate::kernel::simd::math::Functions, I: $crate::kernel::simd::Isa>(
                [$($x),+]: [$crate::kernel::lane::Lane<T, I>; [$(stringify!($x)),+].len()],
            ) -> $crate::kernel::lane::Lane<T, I> {
                $value
            }

            fn plain<T: $crate::kernel::simd::math::Functions>(
                [$($x),+]: [$crate::number::Num<T>; [$(stringify!($x)),+].len()],
            ) -> $crate::number::Num<T> {
                $value
            }
        }
    };
}
pub(crate) use formula;

/// The kernel of a formula.
pub(crate) fn block<const N: usize, T: Functions, F: Formula<N>>() -> Block<T> {
    Block::new::<N>(|inputs, out, n| {
        // SAFETY: handed on to the caller.
        unsafe { cover::<N, T>(chunks::<N, T, F>, N, inputs, out, n) }
    })
}

/// Fills whole chunks.
///
/// # Safety
///
/// As for [`run`].
unsafe fn chunks<const N: usize, T: Functions, F: Formula<N>>(inputs: *const *const T, out: *mut T, n: usize) {
    // SAFETY: handed on to the caller.
    unsafe { run(Map::<N, T, _> { inputs, out, n, chunk: Values::<F>(PhantomData) }) }
}

/// Computes a formula with a certain instruction set.
#[cfg(test)]
pub(crate) fn fill_at<const N: usize, T: Functions, F: Formula<N>>(
    level: super::simd::Level,
    inputs: [&[T]; N],
    out: &mut [T],
) {
    assert!(inputs.iter().all(|input| input.len() == out.len()));
    for (k, out) in out.chunks_mut(CHUNK).enumerate() {
        let (mut chunks, mut values) = ([[T::zero(); CHUNK]; N], [T::zero(); CHUNK]);
        for (chunk, input) in chunks.iter_mut().zip(inputs) {
            chunk[..out.len()].copy_from_slice(&input[k * CHUNK..][..out.len()]);
        }
        let (inputs, to) = (chunks.each_ref().map(|chunk| chunk.as_ptr()), values.as_mut_ptr());
        let map = Map::<N, T, _> { inputs: inputs.as_ptr(), out: to, n: CHUNK, chunk: Values::<F>(PhantomData) };
        super::simd::dispatch_at(level, map);
        out.copy_from_slice(&values[..out.len()]);
    }
}

struct Values<F>(PhantomData<F>);

impl<const N: usize, T: Functions, F: Formula<N>> Chunk<N, T> for Values<F> {
    #[inline(always)]
    unsafe fn compute<I: Isa>(&self, operands: [*const T; N]) -> [T; CHUNK] {
        // An array of its own: it overlaps no operand, whatever these do among each other.
        let mut values = [T::zero(); CHUNK];
        let mut i = 0;
        while i < CHUNK {
            let (mut x, mut k) = ([Lane::new(T::zero()); N], 0);
            while k < N {
                // SAFETY: the caller vouches for whole chunks.
                x[k] = Lane::new(unsafe { *operands[k].add(i) });
                k += 1;
            }
            values[i] = F::fast::<T, I>(x).0;
            i += 1;
        }
        if F::ANGLE {
            let mut far = false;
            for i in 0..CHUNK {
                // SAFETY: as above.
                far |= unsafe { *operands[0].add(i) }.abs() > T::of(FARTHEST);
            }
            if far {
                // SAFETY: as above.
                unsafe { far_angles::<N, T, F>(operands, &mut values) };
            }
        }
        values
    }
}

/// Computes those elements again whose first operand is an angle too large for the quick way.
///
/// # Safety
///
/// A whole chunk must be readable at each operand.
#[cold]
unsafe fn far_angles<const N: usize, T: Functions, F: Formula<N>>(operands: [*const T; N], values: &mut [T; CHUNK]) {
    for (i, value) in values.iter_mut().enumerate() {
        let mut x = [Num(T::zero()); N];
        for (x, operand) in x.iter_mut().zip(operands) {
            // SAFETY: the caller vouches for whole chunks.
            x.0 = unsafe { *operand.add(i) };
        }
        if x[0].0.abs() > T::of(FARTHEST) {
            *value = F::plain(x).0;
        }
    }
}
