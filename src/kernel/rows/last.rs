//! Rows along the last axis, with the exponentials of their elements shifted by the largest one.
//!
//! All passes over a row run at the full width of the machine, while it is in the nearest cache. Short rows are taken
//! together, so that the exponentials of ten classes cost no more than ten elements of a long row.

use smallvec::SmallVec;

use crate::kernel::lane::Lane;
use crate::kernel::reduce::{BLOCK, LANES, fold_lanes, maximum};
use crate::kernel::simd::math::Functions;
use crate::kernel::simd::{Isa, Kernel, dispatch};
use crate::number::Number;
use crate::real::Real;

/// Elements whose exponentials are computed in one go, of one row or of several.
const TOGETHER: usize = 1024;
/// Rows that are taken together at most.
const ROWS: usize = 64;
/// Elements that a sum adds up in one go; see [`sum`](crate::kernel::reduce::sum), whose order is kept.
const SUMMED: usize = LANES * BLOCK;

/// Calls `finish(row, x, m, Σ e^(x − m), e^(x − m))` for each row x of `n` elements, m being the largest. Where m is not
/// finite, the exponentials mean nothing.
///
/// The exponentials stand in the row of `kept`, if that is given, and are not handed on otherwise.
pub(super) fn each<T: Functions>(
    n: usize,
    data: &[T],
    kept: Option<&mut [T]>,
    finish: impl FnMut(usize, &[T], T, T, &mut [T]),
) {
    if n > 0 {
        dispatch(Each { n, data, kept, finish });
    }
}

struct Each<'a, T, F> {
    n: usize,
    data: &'a [T],
    kept: Option<&'a mut [T]>,
    finish: F,
}

impl<T: Functions, F: FnMut(usize, &[T], T, T, &mut [T])> Kernel for Each<'_, T, F> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        match (&self.kept, self.n <= TOGETHER) {
            (Some(_), true) => self.short::<I>(&mut []),
            (None, true) => self.short::<I>(&mut [T::zero(); TOGETHER]),
            (_, false) => self.long::<I>(),
        }
    }
}

impl<T: Functions, F: FnMut(usize, &[T], T, T, &mut [T])> Each<'_, T, F> {
    #[inline(always)]
    fn short<I: Isa>(mut self, buffer: &mut [T]) {
        let Self { n, data, .. } = self;
        let step = (TOGETHER / n).min(ROWS) * n;
        let mut tops = [T::zero(); ROWS];
        for (group, rows) in data.chunks(step).enumerate() {
            let kept = self.kept.as_mut().map(|kept| &mut kept[group * step..][..rows.len()]);
            let keeps = kept.is_some();
            let shifted = kept.unwrap_or_else(|| &mut buffer[..rows.len()]);
            for ((row, out), top) in rows.chunks_exact(n).zip(shifted.chunks_exact_mut(n)).zip(&mut tops) {
                *top = largest(row);
                shift(row, *top, out);
            }
            exponentials::<T, I>(shifted);
            for (k, (row, out)) in rows.chunks_exact(n).zip(shifted.chunks_exact_mut(n)).enumerate() {
                let total = total(out);
                let out = if keeps { out } else { &mut out[..0] };
                (self.finish)(group * step / n + k, row, tops[k], total, out);
            }
        }
    }

    #[inline(always)]
    fn long<I: Isa>(mut self) {
        let mut buffer = [T::zero(); TOGETHER];
        let mut parts: SmallVec<[T; 64]> = SmallVec::new();
        for (index, row) in self.data.chunks_exact(self.n).enumerate() {
            let top = largest(row);
            let mut kept = self.kept.as_mut().map(|kept| &mut kept[index * self.n..][..self.n]);
            parts.clear();
            for (at, summed) in row.chunks(SUMMED).enumerate() {
                let mut lanes = [T::zero(); LANES];
                let mut last = T::zero();
                for (piece, x) in summed.chunks(TOGETHER).enumerate() {
                    let start = at * SUMMED + piece * TOGETHER;
                    let out = match &mut kept {
                        Some(kept) => &mut kept[start..][..x.len()],
                        None => &mut buffer[..x.len()],
                    };
                    shift(x, top, out);
                    exponentials::<T, I>(out);
                    add_rows(&mut lanes, out);
                    last = out.iter().take(IN_ORDER).fold(T::zero(), |a, &x| a + x);
                }
                parts.push(if summed.len() <= IN_ORDER { last } else { fold_lanes(&mut lanes) });
            }
            let total = pairwise(&parts);
            (self.finish)(index, row, top, total, kept.unwrap_or_default());
        }
    }
}

/// So few elements are added one after the other.
const IN_ORDER: usize = 16;

/// The largest element, or NaN where there is one.
#[inline(always)]
fn largest<T: Real>(row: &[T]) -> T {
    if row.len() < LANES {
        return row.iter().copied().fold(T::neg_infinity(), maximum);
    }
    let mut lanes = [T::neg_infinity(); LANES];
    let mut tiles = row.chunks_exact(LANES);
    for tile in &mut tiles {
        lanes.iter_mut().zip(tile).for_each(|(top, &x)| *top = maximum(*top, x));
    }
    let mut half = LANES / 2;
    while half > 0 {
        let (low, high) = lanes.split_at_mut(half);
        low.iter_mut().zip(high).for_each(|(a, &mut x)| *a = maximum(*a, x));
        half /= 2;
    }
    tiles.remainder().iter().copied().fold(lanes[0], maximum)
}

/// x − top; 0 where that would not be finite for the whole row.
#[inline(always)]
fn shift<T: Real>(row: &[T], top: T, out: &mut [T]) {
    if top.is_finite() {
        out.iter_mut().zip(row).for_each(|(out, &x)| *out = x - top);
    } else {
        out.fill(T::zero());
    }
}

#[inline(always)]
fn exponentials<T: Functions, I: Isa>(values: &mut [T]) {
    for x in values {
        *x = Lane::<T, I>::new(*x).exp().0;
    }
}

/// The sum of at most [`SUMMED`] elements, in the order of [`sum`](crate::kernel::reduce::sum).
#[inline(always)]
fn total<T: Real>(values: &[T]) -> T {
    if values.len() <= IN_ORDER {
        return values.iter().fold(T::zero(), |a, &x| a + x);
    }
    let mut lanes = [T::zero(); LANES];
    add_rows(&mut lanes, values);
    fold_lanes(&mut lanes)
}

#[inline(always)]
fn add_rows<T: Real>(lanes: &mut [T; LANES], values: &[T]) {
    let mut tiles = values.chunks_exact(LANES);
    for tile in &mut tiles {
        lanes.iter_mut().zip(tile).for_each(|(a, &x)| *a += x);
    }
    lanes.iter_mut().zip(tiles.remainder()).for_each(|(a, &x)| *a += x);
}

/// The sum of the sums of blocks, halves first.
fn pairwise<T: Real>(parts: &[T]) -> T {
    match parts {
        [] => T::zero(),
        [one] => *one,
        _ => {
            let (left, right) = parts.split_at(parts.len() / 2);
            pairwise(left) + pairwise(right)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::reduce::sum;

    fn rows_are_those_of_simple_loops<T: Functions>() {
        for n in
            [1, 2, 3, 10, 15, 16, 17, 63, 64, 65, 1000, 1024, 1025, 4095, 4096, 4097, 4100, 4112, 4113, 9000, 20_000]
        {
            let rows = (40_000 / n).clamp(1, 150);
            let mut data: Vec<T> = (0..rows * n).map(|i| T::of(((i * 7919) % 1013) as f64 * 0.02 - 10.0)).collect();
            if rows > 2 {
                data[n + n / 2] = T::nan();
                data[2 * n..3 * n].fill(T::neg_infinity());
            }
            let mut kept = vec![T::one(); data.len()];
            let mut seen = 0;
            let mut totals = Vec::new();
            each(n, &data, Some(&mut kept), |row, x, top, total, exponentials| {
                assert_eq!((row, x.len(), exponentials.len()), (seen, n, n));
                seen += 1;
                let expected = x.iter().copied().fold(T::neg_infinity(), maximum);
                assert!(top == expected || top.is_nan() && expected.is_nan(), "{n}: {top} {expected}");
                totals.push(total);
                if top.is_finite() {
                    assert_eq!(total.bits(), sum(exponentials).bits(), "{n}");
                    for (&e, &x) in exponentials.iter().zip(x) {
                        let exact = (x - top).as_f64().exp();
                        assert!((e.as_f64() - exact).abs() <= 4.0 * T::epsilon().as_f64() * exact, "{n}: {e} {exact}");
                    }
                }
            });
            assert_eq!(seen, rows);
            each(n, &data, None, |row, _, _, total, exponentials| {
                assert!(exponentials.is_empty());
                assert_eq!(total.bits(), totals[row].bits(), "{n}: kept or not");
            });
        }
    }

    #[test]
    fn rows_are_those_of_simple_loops_in_both_types() {
        rows_are_those_of_simple_loops::<f32>();
        rows_are_those_of_simple_loops::<f64>();
    }
}
