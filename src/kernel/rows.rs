//! Kernels over whole rows: softmax and what belongs to it, standardisation.

use super::Lines;
use super::reduce::{exp_shifted, maximum, sum};
use crate::real::Real;

/// Hands each line to `f` in a row of its own and writes back what `f` left there.
fn each_line<T: Real>(lines: Lines, data: &[T], out: &mut [T], mut f: impl FnMut(&[T], &mut [T])) {
    let Lines { n, inner, .. } = lines;
    if n == 0 {
        return;
    }
    if inner == 1 {
        data.chunks_exact(n).zip(out.chunks_exact_mut(n)).for_each(|(x, y)| f(x, y));
        return;
    }
    let (mut x, mut y) = (vec![T::zero(); n], vec![T::zero(); n]);
    for start in lines.starts() {
        x.iter_mut().enumerate().for_each(|(i, x)| *x = data[start + i * inner]);
        f(&x, &mut y);
        y.iter().enumerate().for_each(|(i, &y)| out[start + i * inner] = y);
    }
}

/// eˣ/Σeˣ along each line; zeros for a line of −∞, NaN for one that holds NaN or +∞.
pub(crate) fn softmax<T: Real>(lines: Lines, data: &[T], out: &mut [T]) {
    each_line(lines, data, out, |x, y| {
        let top = x.iter().copied().fold(T::neg_infinity(), maximum);
        if top.is_finite() {
            y.iter_mut().zip(x).for_each(|(y, &x)| *y = (x - top).exp());
            let total = sum(y);
            for y in y {
                *y /= total;
            }
        } else {
            y.fill(if top == T::neg_infinity() { T::zero() } else { T::nan() });
        }
    });
}

/// x − ln Σeˣ along each line; −∞ for a line of −∞, NaN for one that holds NaN or +∞.
pub(crate) fn log_softmax<T: Real>(lines: Lines, data: &[T], out: &mut [T]) {
    each_line(lines, data, out, |x, y| {
        let (top, total) = exp_shifted(x.len(), |i| x[i]);
        if top.is_finite() {
            let log = total.ln();
            y.iter_mut().zip(x).for_each(|(y, &x)| *y = (x - top) - log);
        } else {
            y.fill(if top == T::neg_infinity() { top } else { T::nan() });
        }
    });
}

/// ln Σeˣ − x[label] for each row of `classes` logits.
pub(crate) fn cross_entropy<T: Real>(classes: usize, logits: &[T], labels: &[u32], out: &mut [T]) {
    for ((out, x), &label) in out.iter_mut().zip(logits.chunks_exact(classes)).zip(labels) {
        let (top, total) = exp_shifted(classes, |i| x[i]);
        // The difference first: near-equal large logits cancel exactly.
        *out = (top - x[label as usize]) + total.ln();
    }
}

/// (x − mean)/√(variance + ε) along each line, the variance over n, in two passes.
pub(crate) fn standardize<T: Real>(lines: Lines, epsilon: T, data: &[T], out: &mut [T]) {
    #[allow(clippy::cast_precision_loss, reason = "a length")]
    let n = T::of(lines.n as f64);
    each_line(lines, data, out, |x, y| {
        let mean = sum(x) / n;
        y.iter_mut().zip(x).for_each(|(y, &x)| *y = (x - mean) * (x - mean));
        let scale = (sum(y) / n + epsilon).sqrt().recip();
        y.iter_mut().zip(x).for_each(|(y, &x)| *y = (x - mean) * scale);
    });
}
