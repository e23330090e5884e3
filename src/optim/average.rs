//! What averages of iterates share: a store that moves a part of the way towards another.

use std::ops::Range;

use crate::kernel::parts::each_range;
use crate::kernel::simd::{Element, Lanes};
use crate::kernel::squares::PIECE;
use crate::kernel::update::{Before, Formula, Twins, splat, update};
use crate::params::Params;
use crate::real::Real;

/// An average of parameters; none before the first.
#[derive(Clone, Debug)]
pub(super) struct Average<T> {
    owner: &'static str,
    params: Option<Params<T>>,
    pieces: Vec<Range<usize>>,
}

impl<T: Real> Average<T> {
    pub(super) fn new(owner: &'static str) -> Self {
        Self { owner, params: None, pieces: Vec::new() }
    }

    pub(super) fn params(&self) -> Option<&Params<T>> {
        self.params.as_ref()
    }

    pub(super) fn set(&mut self, params: &Params<T>) {
        let len = params.len();
        self.pieces = (0..len).step_by(PIECE).map(|start| start..len.min(start + PIECE)).collect();
        self.params = Some(params.clone());
    }

    /// A ← A + w(θ − A), and θ itself the first time. Buffers are copied.
    #[track_caller]
    pub(super) fn take(&mut self, params: &Params<T>, weight: f64) {
        let Some(average) = &mut self.params else {
            return self.set(params);
        };
        expect_same(self.owner, average, params);
        let (theta, pieces) = (params.flat(), &self.pieces);
        // Where a step is worth threads, so is this.
        let threads = if pieces.len() > 4 { usize::MAX } else { 1 };
        each_range(pieces, threads, average.flat_mut(), &mut [], &|index, average, _| {
            update(Towards { weight }, Before::NOTHING, average, &theta[pieces[index].clone()], []);
        });
        average.flat_buffers_mut().copy_from_slice(params.flat_buffers());
    }

    #[track_caller]
    pub(super) fn apply(&self, params: &mut Params<T>) {
        let Some(average) = &self.params else { panic!("{}: nothing was averaged yet", self.owner) };
        expect_same(self.owner, average, params);
        params.flat_mut().copy_from_slice(average.flat());
        params.flat_buffers_mut().copy_from_slice(average.flat_buffers());
    }

    #[track_caller]
    pub(super) fn swap(&mut self, params: &mut Params<T>) {
        let Some(average) = &mut self.params else { panic!("{}: nothing was averaged yet", self.owner) };
        expect_same(self.owner, average, params);
        params.flat_mut().swap_with_slice(average.flat_mut());
        params.flat_buffers_mut().swap_with_slice(average.flat_buffers_mut());
    }
}

#[track_caller]
fn expect_same<T: Real>(owner: &str, average: &Params<T>, params: &Params<T>) {
    let (own, other) = (average.layout(), params.layout());
    assert!(
        own.is_same_but_for_freezing(other),
        "{owner}: the average is of store #{} with {} tensors, the parameters are store #{} with {}\n  help: give each store an average of its own, once the model is complete",
        own.store,
        own.params.len(),
        other.store,
        other.params.len()
    );
}

/// The average by what is averaged; in this form that of equals is their value, to the bit.
#[derive(Clone, Copy)]
struct Towards {
    weight: f64,
}

impl Formula<0> for Towards {
    #[inline(always)]
    fn next<T: Element, V: Lanes<T>>(self, average: V, theta: V, _: [V; 0]) -> (V, [V; 0]) {
        let [weight] = splat::<T, V, 1>([self.weight]);
        (average + weight * (theta - average), [])
    }

    #[inline(never)]
    fn twins() -> Twins<Self, 0> {
        Twins::of()
    }
}
