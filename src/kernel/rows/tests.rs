//! Row kernels on every instruction set against their formulas, written down one number at a time.

use super::softmax::{LogSoftmax, Reduce, Reduction, Softmax};
use super::standardize::Standardize;
use super::vector::{largest, sum};
use crate::kernel::reduce;
use crate::kernel::simd::math::Functions;
use crate::kernel::simd::{Isa, Kernel, Level, dispatch_at};

/// Lengths with every kind of tail; few of them under Miri, which is some thousand times slower.
const LENGTHS: &[usize] = if cfg!(miri) {
    &[1, 3, 17, 65]
} else {
    &[1, 2, 3, 7, 8, 10, 15, 16, 17, 31, 33, 63, 64, 65, 100, 129, 1000, 2049, 9000]
};

/// Rows without a pattern; the second all −∞, the third with a NaN, the fourth with +∞, the fifth −∞ but for one, the sixth
/// −∞ and NaN.
fn rows<T: Functions>(count: usize, n: usize) -> Vec<T> {
    let number = |i: usize| T::of((i.wrapping_mul(2_654_435_761) % 2001) as f64 * 0.01 - 10.0);
    let mut x: Vec<T> = (0..count * n).map(number).collect();
    let row = |r: usize| r * n..(r + 1) * n;
    x[row(1)].fill(T::neg_infinity());
    x[2 * n + n / 2] = T::nan();
    x[3 * n + n - 1] = T::infinity();
    x[row(4)].fill(T::neg_infinity());
    x[4 * n + n / 3] = T::of(3.0);
    x[row(5)].fill(T::neg_infinity());
    x[5 * n] = T::nan();
    x
}

fn softmax<T: Functions>(x: &[T]) -> Vec<T> {
    let top = x.iter().copied().fold(T::neg_infinity(), reduce::maximum);
    if top == T::neg_infinity() {
        return vec![T::zero(); x.len()];
    }
    let powers: Vec<T> = x.iter().map(|&x| (x - top).exp()).collect();
    let total = reduce::sum(&powers);
    powers.into_iter().map(|power| power / total).collect()
}

fn logsumexp<T: Functions>(x: &[T]) -> T {
    let top = x.iter().copied().fold(T::neg_infinity(), reduce::maximum);
    if !top.is_finite() {
        return top;
    }
    let powers: Vec<T> = x.iter().map(|&x| (x - top).exp()).collect();
    top + reduce::sum(&powers).ln()
}

fn log_softmax<T: Functions>(x: &[T]) -> Vec<T> {
    let total = logsumexp(x);
    let of = |x: T| match total {
        total if total == T::neg_infinity() => x,
        total if total.is_finite() => x - total,
        _ => T::nan(),
    };
    x.iter().map(|&x| of(x)).collect()
}

/// Asserts that numbers agree to a few units in the last place of what they were computed from.
#[track_caller]
fn assert_close<T: Functions>(name: &str, level: Level, n: usize, got: &[T], want: &[T], size: f64) {
    let bound = T::epsilon().as_f64() * 16.0;
    for (at, (&got, &want)) in got.iter().zip(want).enumerate() {
        let close = (got.as_f64() - want.as_f64()).abs() <= bound * (want.as_f64().abs() + size);
        let same = got == want || (got.is_nan() && want.is_nan());
        assert!(same || close, "{name} on {level:?}, rows of {n}, at {at}: {got} is not {want}");
    }
    assert_eq!(got.len(), want.len());
}

fn each_row<T: Functions>(x: &[T], n: usize, f: impl Fn(usize, &[T]) -> Vec<T>) -> Vec<T> {
    x.chunks_exact(n).enumerate().flat_map(|(row, x)| f(row, x)).collect()
}

fn check<T: Functions>() {
    for level in Level::available() {
        for &n in LENGTHS {
            let count = if n > 100 || cfg!(miri) { 6 } else { 300 };
            let x = rows::<T>(count, n);
            let mut out = vec![T::of(7.0); x.len()];
            let zero = T::zero();

            dispatch_at(level, Softmax { n, x: &x, out: &mut out });
            assert_close("softmax", level, n, &out, &each_row(&x, n, |_, x| softmax(x)), 0.0);

            dispatch_at(level, LogSoftmax { n, x: &x, out: &mut out });
            assert_close("log_softmax", level, n, &out, &each_row(&x, n, |_, x| log_softmax(x)), 20.0);

            let labels: Vec<u32> = (0..count).map(|row| u32::try_from(row * 5 % n).unwrap()).collect();
            let mut loss = vec![zero; count];
            dispatch_at(level, Reduce { n, x: &x, reduction: Reduction::LogSumExp, out: &mut loss });
            assert_close("logsumexp", level, n, &loss, &each_row(&x, n, |_, x| vec![logsumexp(x)]), 10.0);
            dispatch_at(level, Reduce { n, x: &x, reduction: Reduction::Loss(&labels), out: &mut loss });
            let losses = each_row(&x, n, |row, x| {
                let total = logsumexp(x);
                vec![match total {
                    total if total == T::neg_infinity() => T::infinity(),
                    total if total.is_finite() => total - x[labels[row] as usize],
                    _ => T::nan(),
                }]
            });
            assert_close("cross_entropy", level, n, &loss, &losses, 20.0);
        }
    }
}

#[test]
fn softmax_and_its_kin_are_their_formulas() {
    check::<f32>();
    check::<f64>();
}

fn check_standardize<T: Functions>() {
    for level in Level::available() {
        for &n in LENGTHS {
            let x: Vec<T> = (0..5 * n).map(|i| T::of((i * i % 101) as f64 * 0.1 + 3.0)).collect();
            let mut out = vec![T::zero(); x.len()];
            let epsilon = T::of(1e-5);
            dispatch_at(level, Standardize { n, epsilon, x: &x, out: &mut out });
            let count = T::of(n as f64);
            let moments = |x: &[T]| {
                let mean = reduce::sum(x) / count;
                let squares: Vec<T> = x.iter().map(|&x| (x - mean) * (x - mean)).collect();
                (mean, (reduce::sum(&squares) / count + epsilon).sqrt().recip())
            };
            let y = each_row(&x, n, |_, x| {
                let (mean, scale) = moments(x);
                x.iter().map(|&x| (x - mean) * scale).collect()
            });
            assert_eq!(out, y, "{level:?}, rows of {n}");
        }
    }
}

#[test]
fn standardisation_has_the_bits_of_its_formula() {
    check_standardize::<f32>();
    check_standardize::<f64>();
}

struct Sum<'a, T>(&'a [T]);

impl<T: Functions> Kernel for Sum<'_, T> {
    type Output = (T, T);

    #[inline(always)]
    fn run<I: Isa>(self) -> (T, T) {
        (sum::<T, I>(self.0), largest::<T, I>(self.0))
    }
}

#[test]
fn sums_have_the_bits_of_the_scalar_sum() {
    for level in Level::available() {
        let lengths = [0, 1, 5, 16, 17, 63, 64, 65, 130, 1000, 4096, 4097, 4100, 8192, 20_000];
        for n in lengths.into_iter().filter(|&n| !cfg!(miri) || n < 200) {
            let x: Vec<f32> = (0..n).map(|i| ((i * 2_654_435_761_usize) % 1000) as f32 * 0.37 - 100.0).collect();
            let (total, top) = dispatch_at(level, Sum(&x));
            assert_eq!(total.to_bits(), reduce::sum(&x).to_bits(), "{level:?}, {n}");
            assert_eq!(top, x.iter().copied().fold(f32::NEG_INFINITY, f32::max), "{level:?}, {n}");
            let x: Vec<f64> = x.iter().map(|&x| f64::from(x) / 3.0).collect();
            let (total, top) = dispatch_at(level, Sum(&x));
            assert_eq!(total.to_bits(), reduce::sum(&x).to_bits(), "{level:?}, {n}");
            assert_eq!(top, x.iter().copied().fold(f64::NEG_INFINITY, f64::max), "{level:?}, {n}");
        }
    }
}

#[test]
#[should_panic(expected = "softmax on")]
fn a_wrong_softmax_is_seen() {
    let x = rows::<f32>(6, 10);
    let mut out = vec![0.0; x.len()];
    dispatch_at(Level::Portable, Softmax { n: 10, x: &x, out: &mut out });
    let mut want = each_row(&x, 10, |_, x| softmax(x));
    want[3] *= 1.0 + 1e-4;
    assert_close("softmax", Level::Portable, 10, &out, &want, 0.0);
}
