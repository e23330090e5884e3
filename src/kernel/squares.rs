//! Sums of squares in `f64`, for norms of long vectors.

use super::simd::{Isa, Kernel, dispatch};
use crate::real::{Real, twin};

/// Running sums side by side. Always so many, so that the bits do not depend on the machine.
const LANES: usize = 32;
/// Elements that are summed in one go; longer slices are cut in two at a multiple.
const BLOCK: usize = 64 * LANES;

/// Σ (x/unit)². The order of the additions depends on the length alone.
pub(crate) fn squares<T: Real>(values: &[T], unit: f64) -> f64 {
    let squares: fn(&[T], f64) -> f64 =
        twin(&(singles as fn(&[f32], f64) -> f64), &(doubles as fn(&[f64], f64) -> f64));
    squares(values, unit)
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
        let mut sums = [0.0; LANES];
        let (rows, rest) = self.values.as_chunks::<LANES>();
        if self.unit == 1.0 {
            for row in rows {
                for (sum, x) in sums.iter_mut().zip(row) {
                    let x = x.as_f64();
                    *sum += x * x;
                }
            }
        } else {
            for row in rows {
                for (sum, x) in sums.iter_mut().zip(row) {
                    let x = x.as_f64() / self.unit;
                    *sum += x * x;
                }
            }
        }
        for (sum, x) in sums.iter_mut().zip(rest) {
            let x = x.as_f64() / self.unit;
            *sum += x * x;
        }
        let mut half = LANES / 2;
        while half > 0 {
            for i in 0..half {
                sums[i] += sums[i + half];
            }
            half /= 2;
        }
        sums[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain<T: Real>(values: &[T], unit: f64) -> f64 {
        values.iter().map(|x| (x.as_f64() / unit).powi(2)).sum()
    }

    fn matches_the_plain_sum<T: Real>() {
        for n in [0, 1, 31, 32, 33, 2047, 2048, 2049, 5000, 100_000] {
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
}
