//! Kernels over whole rows: softmax and what belongs to it, standardisation.

use super::Lines;
use super::reduce::{LANES, maximum, sum, sum_tile};
use super::simd::math::Functions;
use crate::real::{Real, twin};

mod last;

/// Hands each line along the last axis, and the place for its result, to `f`.
fn each_line<T: Real>(lines: Lines, data: &[T], out: &mut [T], mut f: impl FnMut(&[T], &mut [T])) {
    let n = lines.n.max(1);
    data.chunks_exact(n).zip(out.chunks_exact_mut(n)).for_each(|(x, y)| f(x, y));
}

/// Up to [`LANES`] lines along another axis, side by side: where they stand in `data` and `out` alike.
struct Tile<'a, T> {
    data: &'a [T],
    out: &'a mut [T],
    n: usize,
    inner: usize,
    start: usize,
    width: usize,
}

/// Hands all lines to `f`, tile by tile.
fn each_tile<T: Real>(lines: Lines, data: &[T], out: &mut [T], mut f: impl FnMut(&mut Tile<'_, T>)) {
    let Lines { outer, n, inner } = lines;
    for o in 0..outer {
        for first in (0..inner).step_by(LANES) {
            let (start, width) = (o * n * inner + first, LANES.min(inner - first));
            f(&mut Tile { data, out, n, inner, start, width });
        }
    }
}

impl<T: Real> Tile<'_, T> {
    fn row(&self, i: usize) -> std::ops::Range<usize> {
        let start = self.start + i * self.inner;
        start..start + self.width
    }

    /// The largest element of each line.
    fn top(&self) -> [T; LANES] {
        let mut top = [T::neg_infinity(); LANES];
        for i in 0..self.n {
            top.iter_mut().zip(&self.data[self.row(i)]).for_each(|(top, &x)| *top = maximum(*top, x));
        }
        top
    }

    /// Σ `f(line, x, y)` over each line, y being what the result holds at present.
    fn sum(&self, f: impl Fn(usize, T, T) -> T) -> [T; LANES] {
        sum_tile(self.n, |i, lanes| {
            let (x, y) = (&self.data[self.row(i)], &self.out[self.row(i)]);
            lanes.iter_mut().zip(x).zip(y).enumerate().for_each(|(k, ((sum, &x), &y))| *sum += f(k, x, y));
        })
    }

    /// Writes `f(line, x, y)`, y being what the result held before.
    fn fill(&mut self, f: impl Fn(usize, T, T) -> T) {
        for i in 0..self.n {
            let row = self.row(i);
            let (x, y) = (&self.data[row.clone()], &mut self.out[row]);
            y.iter_mut().zip(x).enumerate().for_each(|(k, (y, &x))| *y = f(k, x, *y));
        }
    }
}

/// What a line is filled with whose largest element is not finite: `empty` if all are −∞, else NaN.
fn degenerate<T: Real>(top: T, empty: T) -> T {
    if top == T::neg_infinity() { empty } else { T::nan() }
}

/// eˣ/Σeˣ along each line; zeros for a line of −∞, NaN for one that holds NaN or +∞.
pub(crate) fn softmax<T: Real>(lines: Lines, data: &[T], out: &mut [T]) {
    if lines.inner == 1 {
        let run: fn(usize, &[T], &mut [T]) = twin(
            &(softmax_last::<f32> as fn(usize, &[f32], &mut [f32])),
            &(softmax_last::<f64> as fn(usize, &[f64], &mut [f64])),
        );
        return run(lines.n, data, out);
    }
    each_tile(lines, data, out, |tile| {
        let top = tile.top();
        tile.fill(|k, x, _| (x - top[k]).exp());
        let total = tile.sum(|_, _, y| y);
        tile.fill(|k, _, y| if top[k].is_finite() { y / total[k] } else { degenerate(top[k], T::zero()) });
    });
}

/// x − ln Σeˣ along each line; −∞ for a line of −∞, NaN for one that holds NaN or +∞.
pub(crate) fn log_softmax<T: Real>(lines: Lines, data: &[T], out: &mut [T]) {
    if lines.inner == 1 {
        let run: fn(usize, &[T], &mut [T]) = twin(
            &(log_softmax_last::<f32> as fn(usize, &[f32], &mut [f32])),
            &(log_softmax_last::<f64> as fn(usize, &[f64], &mut [f64])),
        );
        return run(lines.n, data, out);
    }
    each_tile(lines, data, out, |tile| {
        let top = tile.top();
        let log = tile.sum(|k, x, _| (x - top[k]).exp()).map(T::ln);
        tile.fill(|k, x, _| if top[k].is_finite() { (x - top[k]) - log[k] } else { degenerate(top[k], top[k]) });
    });
}

/// ln Σeˣ − x[label] for each row of `classes` logits; +∞ for a row of −∞, NaN for one that holds NaN or +∞.
pub(crate) fn cross_entropy<T: Real>(classes: usize, logits: &[T], labels: &[u32], out: &mut [T]) {
    let run: fn(usize, &[T], &[u32], &mut [T]) = twin(
        &(cross_entropy_last::<f32> as fn(usize, &[f32], &[u32], &mut [f32])),
        &(cross_entropy_last::<f64> as fn(usize, &[f64], &[u32], &mut [f64])),
    );
    run(classes, logits, labels, out);
}

/// ln Σeˣ, shifted by the largest element, for each row of `n` elements; −∞ for a row of −∞.
pub(crate) fn logsumexp<T: Real>(n: usize, data: &[T], out: &mut [T]) {
    let run: fn(usize, &[T], &mut [T]) = twin(
        &(logsumexp_last::<f32> as fn(usize, &[f32], &mut [f32])),
        &(logsumexp_last::<f64> as fn(usize, &[f64], &mut [f64])),
    );
    run(n, data, out);
}

fn softmax_last<T: Functions>(n: usize, data: &[T], out: &mut [T]) {
    last::each(n, data, Some(out), |_, _, top, total, y| {
        if top.is_finite() {
            for y in y {
                *y /= total;
            }
        } else {
            y.fill(degenerate(top, T::zero()));
        }
    });
}

fn log_softmax_last<T: Functions>(n: usize, data: &[T], out: &mut [T]) {
    last::each(n, data, None, |row, x, top, total, _| {
        let y = &mut out[row * n..][..n];
        if top.is_finite() {
            let log = total.ln();
            y.iter_mut().zip(x).for_each(|(y, &x)| *y = (x - top) - log);
        } else {
            y.fill(degenerate(top, top));
        }
    });
}

fn cross_entropy_last<T: Functions>(classes: usize, logits: &[T], labels: &[u32], out: &mut [T]) {
    last::each(classes, logits, None, |row, x, top, total, _| {
        // The difference first: near-equal large logits cancel exactly.
        let cost = |label: u32| (top - x[label as usize]) + total.ln();
        out[row] = if top.is_finite() { cost(labels[row]) } else { degenerate(top, T::infinity()) };
    });
}

fn logsumexp_last<T: Functions>(n: usize, data: &[T], out: &mut [T]) {
    last::each(n, data, None, |row, _, top, total, _| {
        out[row] = if top.is_finite() { top + total.ln() } else { top };
    });
}

/// (x − mean)/√(variance + ε) along each line, the variance over n, in two passes.
pub(crate) fn standardize<T: Real>(lines: Lines, epsilon: T, data: &[T], out: &mut [T]) {
    #[allow(clippy::cast_precision_loss, reason = "a length")]
    let n = T::of(lines.n as f64);
    if lines.inner == 1 {
        return each_line(lines, data, out, |x, y| {
            let mean = sum(x) / n;
            y.iter_mut().zip(x).for_each(|(y, &x)| *y = (x - mean) * (x - mean));
            let scale = (sum(y) / n + epsilon).sqrt().recip();
            y.iter_mut().zip(x).for_each(|(y, &x)| *y = (x - mean) * scale);
        });
    }
    each_tile(lines, data, out, |tile| {
        let mean = tile.sum(|_, x, _| x).map(|sum| sum / n);
        let squares = tile.sum(|k, x, _| (x - mean[k]) * (x - mean[k]));
        let scale = squares.map(|sum| (sum / n + epsilon).sqrt().recip());
        tile.fill(|k, x, _| (x - mean[k]) * scale[k]);
    });
}
