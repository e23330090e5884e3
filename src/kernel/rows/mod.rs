//! Kernels over whole rows: softmax and what belongs to it, standardisation.
//!
//! Lines along the last axis are rows that follow each other: they go through registers, however long a row is. Lines along
//! other axes go side by side. What is summed is summed in the order of [`reduce`](super::reduce).

mod softmax;
mod standardize;
#[cfg(test)]
mod tests;
mod tile;
mod vector;

use super::reduce::logsumexp_lines;
use super::simd::dispatch;
use super::{Lines, cast};
use crate::real::Real;
use softmax::{LogSoftmax, Reduce, Reduction, Softmax};
use standardize::Standardize;
use tile::each_tile;

/// Runs a kernel on slices of the type they really have, f32 or f64.
macro_rules! typed {
    ($T:ident: $($shared:ident),*; $($owned:ident),*; $kernel:expr) => {{
        if let ($(Some($shared),)* $(Some($owned),)*) =
            ($(cast::slice::<$T, f32>($shared),)* $(cast::slice_mut::<$T, f32>($owned),)*)
        {
            dispatch($kernel);
        } else if let ($(Some($shared),)* $(Some($owned),)*) =
            ($(cast::slice::<$T, f64>($shared),)* $(cast::slice_mut::<$T, f64>($owned),)*)
        {
            dispatch($kernel);
        }
    }};
}

/// What a line is filled with whose largest element is not finite: `empty` if all are −∞, else NaN.
#[inline(always)]
fn degenerate<T: Real>(top: T, empty: T) -> T {
    if top == T::neg_infinity() { empty } else { T::nan() }
}

/// eˣ/Σeˣ along each line; zeros for a line of −∞, NaN for one that holds NaN or +∞.
pub(crate) fn softmax<T: Real>(lines: Lines, data: &[T], out: &mut [T]) {
    assert_eq!(data.len(), out.len(), "rows and what they become");
    let n = lines.n;
    if lines.inner == 1 && n > 0 {
        return typed!(T: data; out; Softmax { n, x: data, out });
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
    assert_eq!(data.len(), out.len(), "rows and what they become");
    let n = lines.n;
    if lines.inner == 1 && n > 0 {
        return typed!(T: data; out; LogSoftmax { n, x: data, out });
    }
    each_tile(lines, data, out, |tile| {
        let top = tile.top();
        let mut log = tile.sum(|k, x, _| (x - top[k]).exp());
        for sum in &mut log {
            *sum = sum.ln();
        }
        tile.fill(|k, x, _| if top[k].is_finite() { (x - top[k]) - log[k] } else { degenerate(top[k], top[k]) });
    });
}

/// ln Σeˣ along each line; −∞ for a line of −∞.
pub(crate) fn logsumexp<T: Real>(lines: Lines, data: &[T], out: &mut [T]) {
    assert_eq!(data.len(), lines.outer * lines.n * lines.inner, "lines");
    let n = lines.n;
    if lines.inner == 1 && n > 0 {
        return typed!(T: data; out; Reduce { n, x: data, reduction: Reduction::LogSumExp, out });
    }
    logsumexp_lines(lines, data, out);
}

/// ln Σeˣ − x[label] for each row of `classes` logits; +∞ for a row of −∞, NaN for one that holds NaN or +∞.
pub(crate) fn cross_entropy<T: Real>(classes: usize, logits: &[T], labels: &[u32], out: &mut [T]) {
    assert!(logits.len() == out.len() * classes && labels.len() == out.len(), "logits and labels");
    if classes > 0 {
        typed!(T: logits; out; Reduce { n: classes, x: logits, reduction: Reduction::Loss(labels), out });
    }
}

/// (x − mean)/√(variance + ε) along each line, the variance over n, in two passes.
pub(crate) fn standardize<T: Real>(lines: Lines, epsilon: T, data: &[T], out: &mut [T]) {
    if lines.inner == 1 && lines.n > 0 {
        let (epsilon, n) = ([epsilon], lines.n);
        let epsilon = &epsilon[..];
        return typed!(T: data, epsilon; out; Standardize { n, epsilon: epsilon[0], x: data, out });
    }
    let n = T::of(lines.n as f64);
    each_tile(lines, data, out, |tile| {
        let mut mean = tile.sum(|_, x, _| x);
        for sum in &mut mean {
            *sum /= n;
        }
        let mut scale = tile.sum(|k, x, _| (x - mean[k]) * (x - mean[k]));
        for sum in &mut scale {
            *sum = (*sum / n + epsilon).sqrt().recip();
        }
        tile.fill(|k, x, _| (x - mean[k]) * scale[k]);
    });
}
