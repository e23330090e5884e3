//! Softmax and what belongs to it, row by row.
//!
//! Rows are taken in batches, so that exponentials and logarithms run through full registers however short a row is.
#![allow(unsafe_code, reason = "kernels are the home of unsafe code")]

use std::ops::Range;

use super::degenerate;
use super::vector::{CHUNK, each, exp_all, exp_less, largest, ln_all, sum};
use crate::kernel::reduce::{BLOCK, LANES, halves};
use crate::kernel::simd::math::Functions;
use crate::kernel::simd::{Element, Isa, Kernel, Lanes};
use crate::kernel::workspace::Workspace;

/// Elements of a batch, unless a single row has more.
const BATCH: usize = 2048;
/// Rows of a batch.
const ROWS: usize = 128;

/// Batches of rows of `n`.
#[inline(always)]
fn batches(rows: usize, n: usize) -> impl Iterator<Item = Range<usize>> {
    let step = (BATCH / n.max(1)).clamp(1, ROWS);
    (0..rows.div_ceil(step)).map(move |batch| batch * step..rows.min(batch * step + step))
}

/// The rows of a batch, exponentiated, and what is known of each.
struct Exponentials<T> {
    tops: [T; ROWS],
    /// Σ e^(x − top); 1 where the top is not finite.
    totals: [T; ROWS],
}

/// Writes e^(x − top) for each element of rows of `n`; where the top is not finite it does not matter what.
///
/// A function of its own, which all kernels over batches call.
struct Exponentiate<'a, T> {
    n: usize,
    x: &'a [T],
    out: &'a mut [T],
}

impl<T: Functions> Kernel for Exponentiate<'_, T> {
    type Output = Exponentials<T>;

    #[inline(always)]
    fn run<I: Isa>(self) -> Exponentials<T> {
        let Self { n, x, out } = self;
        let mut found = Exponentials { tops: [T::zero(); ROWS], totals: [T::one(); ROWS] };
        let rows = x.len() / n;
        for r in 0..rows {
            let (x, out) = (&x[r * n..][..n], &mut out[r * n..][..n]);
            let top = largest::<T, I>(x);
            found.tops[r] = top;
            if !top.is_finite() {
                out.fill(T::zero());
            } else if n < CHUNK {
                let top = <T::V<I>>::splat(top);
                each!(T, I, n; x: x.as_ptr(); out.as_mut_ptr() => x - top);
            } else {
                exp_less::<T, I>(x, top, out);
            }
        }
        if n < CHUNK {
            exp_all::<T, I>(&mut out[..rows * n]);
        }
        for r in 0..rows {
            if found.tops[r].is_finite() {
                found.totals[r] = sum::<T, I>(&out[r * n..][..n]);
            }
        }
        found
    }
}

/// Replaces numbers by their logarithms.
struct Logarithms<'a, T>(&'a mut [T]);

impl<T: Functions> Kernel for Logarithms<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        ln_all::<T, I>(self.0);
    }
}

/// eˣ/Σeˣ for rows of `n`.
pub(super) struct Softmax<'a, T> {
    pub(super) n: usize,
    pub(super) x: &'a [T],
    pub(super) out: &'a mut [T],
}

impl<T: Functions> Kernel for Softmax<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let n = self.n;
        for rows in batches(self.x.len() / n, n) {
            let part = rows.start * n..rows.end * n;
            let (x, out) = (&self.x[part.clone()], &mut self.out[part]);
            let found = I::call(Exponentiate { n, x, out });
            for r in 0..rows.len() {
                let (top, out) = (found.tops[r], &mut out[r * n..][..n]);
                if top.is_finite() {
                    let scale = <T::V<I>>::splat(found.totals[r].recip());
                    each!(T, I, n; y: out.as_ptr(); out.as_mut_ptr() => y * scale);
                } else {
                    out.fill(degenerate(top, T::zero()));
                }
            }
        }
    }
}

/// x − ln Σeˣ for rows of `n`.
pub(super) struct LogSoftmax<'a, T> {
    pub(super) n: usize,
    pub(super) x: &'a [T],
    pub(super) out: &'a mut [T],
}

impl<T: Functions> Kernel for LogSoftmax<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let n = self.n;
        for rows in batches(self.x.len() / n, n) {
            let part = rows.start * n..rows.end * n;
            let (x, out) = (&self.x[part.clone()], &mut self.out[part]);
            let mut found = I::call(Exponentiate { n, x, out });
            I::call(Logarithms(&mut found.totals[..rows.len()]));
            for r in 0..rows.len() {
                let (top, x, out) = (found.tops[r], &x[r * n..][..n], &mut out[r * n..][..n]);
                if top.is_finite() {
                    let (top, log) = (<T::V<I>>::splat(top), <T::V<I>>::splat(found.totals[r]));
                    each!(T, I, n; x: x.as_ptr(); out.as_mut_ptr() => (x - top) - log);
                } else {
                    out.fill(degenerate(top, top));
                }
            }
        }
    }
}

/// ln Σeˣ − x\[label\], from the top, x\[label\] and ln Σ e^(x − top).
#[inline(always)]
fn loss<T: Element>(top: T, labelled: T, log: T) -> T {
    // The difference first: near-equal large logits cancel exactly.
    if top.is_finite() { (top - labelled) + log } else { degenerate(top, T::infinity()) }
}

/// What a row is reduced to.
#[derive(Clone, Copy)]
pub(super) enum Reduction<'a> {
    /// ln Σeˣ.
    LogSumExp,
    /// ln Σeˣ − x\[label\].
    Loss(&'a [u32]),
}

/// A number for each row of `n`, from its largest element and the logarithm of the sum of exponentials.
pub(super) struct Reduce<'a, T> {
    pub(super) n: usize,
    pub(super) x: &'a [T],
    pub(super) reduction: Reduction<'a>,
    pub(super) out: &'a mut [T],
}

impl<T: Functions> Kernel for Reduce<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let n = self.n;
        let mut workspace = Workspace::take();
        let room = workspace.slice(BATCH.max(LANES * BLOCK));
        for rows in batches(self.out.len(), n) {
            let x = &self.x[rows.start * n..rows.end * n];
            let mut found =
                if n <= BATCH { I::call(Exponentiate { n, x, out: room }) } else { exponentiate_long::<T, I>(x, room) };
            I::call(Logarithms(&mut found.totals[..rows.len()]));
            for (r, row) in rows.enumerate() {
                let (top, log) = (found.tops[r], found.totals[r]);
                self.out[row] = match self.reduction {
                    Reduction::LogSumExp if top.is_finite() => top + log,
                    Reduction::LogSumExp => top,
                    Reduction::Loss(labels) => loss(top, x[r * n + labels[row] as usize], log),
                };
            }
        }
    }
}

/// The same for a single row that is longer than a batch, whose exponentials are not kept.
#[inline(always)]
fn exponentiate_long<T: Functions, I: Isa>(x: &[T], room: &mut [T]) -> Exponentials<T> {
    let mut found = Exponentials { tops: [T::zero(); ROWS], totals: [T::one(); ROWS] };
    found.tops[0] = largest::<T, I>(x);
    if found.tops[0].is_finite() {
        found.totals[0] = I::call(ExponentialSum { x, top: found.tops[0], room });
    }
    found
}

/// Σ e^(x − top) in the order of every sum, a block at a time.
struct ExponentialSum<'a, T> {
    x: &'a [T],
    top: T,
    room: &'a mut [T],
}

impl<T: Functions> Kernel for ExponentialSum<'_, T> {
    type Output = T;

    #[inline(always)]
    fn run<I: Isa>(self) -> T {
        let Self { x, top, room } = self;
        if let Some(middle) = halves(x.len()) {
            let left = I::call(ExponentialSum { x: &x[..middle], top, room });
            return left + I::call(ExponentialSum { x: &x[middle..], top, room });
        }
        let room = &mut room[..x.len()];
        exp_less::<T, I>(x, top, room);
        sum::<T, I>(room)
    }
}
