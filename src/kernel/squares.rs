//! Sums of squares in `f64`, for norms of long vectors.
#![allow(unsafe_code, reason = "kernels are the home of unsafe code")]

use super::simd::{Isa, Kernel, Lanes, dispatch};
use crate::real::{Real, twin};

/// Running sums side by side. Always so many, so that the bits do not depend on the machine.
const LANES: usize = 32;
/// Elements that are summed in one go; longer slices are cut in two at a multiple.
const BLOCK: usize = 64 * LANES;

/// Elements of a piece: pieces are summed in order, so that threads may share them.
pub(crate) const PIECE: usize = 8 * BLOCK;

/// Σ (x/unit)². The order of the additions depends on the length alone.
pub(crate) fn squares<T: Real>(values: &[T], unit: f64) -> f64 {
    let squares: fn(&[T], f64) -> f64 =
        twin(&(singles as fn(&[f32], f64) -> f64), &(doubles as fn(&[f64], f64) -> f64));
    values.chunks(PIECE).map(|piece| squares(piece, unit)).sum()
}

/// The largest |x| that is not NaN; 0 where there is none.
pub(crate) fn largest<T: Real>(values: &[T]) -> f64 {
    values.iter().fold(0.0, |largest, x| x.as_f64().abs().max(largest))
}

#[inline(never)]
fn singles(values: &[f32], unit: f64) -> f64 {
    pairwise(values, unit)
}

#[inline(never)]
fn doubles(values: &[f64], unit: f64) -> f64 {
    pairwise(values, unit)
}

fn pairwise<T: Real>(values: &[T], unit: f64) -> f64 {
    let blocks = values.len().div_ceil(BLOCK);
    if blocks > 1 {
        let (left, right) = values.split_at(blocks / 2 * BLOCK);
        return pairwise(left, unit) + pairwise(right, unit);
    }
    dispatch(Block { values, unit })
}

struct Block<'a, T> {
    values: &'a [T],
    unit: f64,
}

impl<T: Real> Kernel for Block<'_, T> {
    type Output = f64;

    #[inline(always)]
    fn run<I: Isa>(self) -> f64 {
        let per_row = LANES / <I::F64 as Lanes<f64>>::N;
        // As many as the narrowest registers need; wider ones use fewer.
        let mut sums = [I::F64::zero(); LANES / 2];
        let (unit, plain) = (I::F64::splat(self.unit), self.unit == 1.0);
        let (rows, rest) = self.values.as_chunks::<LANES>();
        for row in rows {
            add_squares(&mut sums[..per_row], row, unit, plain);
        }
        if !rest.is_empty() {
            let mut row = [T::zero(); LANES];
            row[..rest.len()].copy_from_slice(rest);
            add_squares(&mut sums[..per_row], &row, unit, plain);
        }
        let mut lanes = [0.0; LANES];
        for (sum, to) in sums.into_iter().zip(lanes.chunks_exact_mut(<I::F64 as Lanes<f64>>::N)) {
            // SAFETY: a chunk has as many elements as lanes.
            unsafe { sum.store(to.as_mut_ptr()) }
        }
        let mut half = LANES / 2;
        while half > 0 {
            for i in 0..half {
                lanes[i] += lanes[i + half];
            }
            half /= 2;
        }
        lanes[0]
    }
}

#[inline(always)]
fn add_squares<T: Real, V: Lanes<f64>>(sums: &mut [V], row: &[T; LANES], unit: V, plain: bool) {
    // Converting is a loop of its own: the compiler makes vectors of it.
    let mut wide = [0.0; LANES];
    for (to, x) in wide.iter_mut().zip(row) {
        *to = x.as_f64();
    }
    for (k, sum) in sums.iter_mut().enumerate() {
        // SAFETY: the lanes of all sums together are a row.
        let x = unsafe { V::load(wide.as_ptr().add(k * V::N)) };
        let x = if plain { x } else { x / unit };
        *sum = *sum + x * x;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::simd::{Level, dispatch_at};

    /// More than one piece; Miri is some thousand times slower, and sees more than one block.
    const MOST: i32 = if cfg!(miri) { 2049 } else { 100_000 };

    fn plain<T: Real>(values: &[T], unit: f64) -> f64 {
        values.iter().map(|x| (x.as_f64() / unit).powi(2)).sum()
    }

    fn matches_the_plain_sum<T: Real>() {
        for n in [0, 1, 31, 32, 33, 2047, 2048, 2049, 5000, 100_000].into_iter().filter(|&n| n <= MOST) {
            let values: Vec<T> = (0..n).map(|i| T::of(f64::from(i * 7919 % 1000) / 100.0 - 5.0)).collect();
            for unit in [1.0, 3.0] {
                let (found, expected) = (squares(&values, unit), plain(&values, unit));
                assert!((found - expected).abs() <= 1e-12 * expected, "{n}: {found} instead of {expected}");
            }
        }
    }

    #[test]
    fn matches_the_plain_sum_of_f32() {
        matches_the_plain_sum::<f32>();
    }

    #[test]
    fn matches_the_plain_sum_of_f64() {
        matches_the_plain_sum::<f64>();
    }

    #[test]
    fn long_sums_keep_their_digits() {
        let values = vec![0.1_f64; 3_000_000];
        let exact = 0.1_f64 * 0.1 * 3e6;
        assert!((squares(&values, 1.0) - exact).abs() < 1e-14 * exact);
        assert!((plain(&values, 1.0) - exact).abs() > 1e-14 * exact, "one after the other is worse");
    }

    #[test]
    fn every_instruction_set_gives_the_same_bits() {
        let values: Vec<f32> = (0..1999_u16).map(|i| f32::from(i * 31 % 1013) / 100.0 - 5.0).collect();
        let sums: Vec<_> =
            Level::available().map(|level| dispatch_at(level, Block { values: &values, unit: 0.7 })).collect();
        assert!(sums.iter().all(|sum| sum.to_bits() == sums[0].to_bits()), "{sums:?}");
    }
}
