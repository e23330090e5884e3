//! The gradient that an update works with, where it is not the one that came: a mean of several, or cut elementwise.

use std::ops::Range;

use crate::kernel::aligned::Aligned;
use crate::kernel::parts::each_range;
use crate::kernel::simd::{Element, Lanes};
use crate::kernel::squares::PIECE;
use crate::kernel::update::{Before, Formula, Twins, splat, update};
use crate::real::Real;

/// A gradient of one's own.
#[derive(Clone, Debug)]
pub(super) struct Intake<T> {
    pub(super) values: Aligned<T>,
    /// The gradients that `values` is the sum of; 0 where it is what the last update worked with.
    pub(super) pending: u64,
    pieces: Vec<Range<usize>>,
}

impl<T: Real> Default for Intake<T> {
    fn default() -> Self {
        Self { values: Aligned::new(), pending: 0, pieces: Vec::new() }
    }
}

impl<T: Real> Intake<T> {
    /// Takes one more gradient. When it is the last of `count`, `values` is the mean with each element cut to [−c, c],
    /// and the answer is yes.
    pub(super) fn take(&mut self, gradient: &[T], count: u64, limit: f64, threads: usize) -> bool {
        self.resize(gradient.len());
        let taken = self.pending + 1;
        let complete = taken >= count;
        let first = self.pending == 0;
        let formula = if complete {
            Taken { first, count: taken as f64, limit }
        } else {
            Taken { first, count: 1.0, limit: f64::INFINITY }
        };
        let Self { values, pieces, .. } = self;
        each_range(pieces, threads, values, &mut [], &|index, sum, _| {
            update(formula, Before::NOTHING, sum, &gradient[pieces[index].clone()], []);
        });
        self.pending = if complete { 0 } else { taken };
        complete
    }

    /// Goes on from a sum that was saved.
    pub(super) fn restore(&mut self, sum: &[T], pending: u64) {
        self.resize(sum.len());
        self.values.copy_from_slice(sum);
        self.pending = pending;
    }

    /// Tensors that were added have had no gradients yet.
    fn resize(&mut self, len: usize) {
        if self.values.len() != len {
            self.values.resize(len, T::zero());
            self.pieces = (0..len).step_by(PIECE).map(|start| start..len.min(start + PIECE)).collect();
        }
    }
}

/// The sum with one more gradient, divided by `count` and cut at ±`limit`; NaN stays.
#[derive(Clone, Copy)]
struct Taken {
    first: bool,
    count: f64,
    limit: f64,
}

impl Formula<0> for Taken {
    #[inline(always)]
    fn next<T: Element, V: Lanes<T>>(self, sum: V, g: V, _: [V; 0]) -> (V, [V; 0]) {
        let [count, most, least] = splat::<T, V, 3>([self.count, self.limit, -self.limit]);
        let sum = if self.first { g } else { sum + g };
        (least.max(most.min(sum / count)), [])
    }

    #[inline(never)]
    fn twins() -> Twins<Self, 0> {
        Twins::of()
    }
}
