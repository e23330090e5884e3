//! Gradients: the derivative of a scalar for every learned value, in the layout of the store.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use ndarray::{ArrayViewD, ArrayViewMutD};
use smallvec::SmallVec;

use super::layout::{Layout, Param};
use super::{Params, array, array_mut, belongs, norm};
use crate::kernel::aligned::Aligned;
use crate::kernel::squares::{largest, squares};
use crate::real::Real;

/// The derivative of a scalar for every learned value of a store, in the layout of the store.
///
/// `backward` overwrites it, `backward_add` adds to it; both mark it *fresh*, and so does changing it by hand. An
/// optimiser step uses it up: a second step with the same gradient is refused, because a forgotten `backward` trains
/// on stale numbers without any other sign.
///
/// New values of buffers, such as running statistics, travel in it too and are taken over by the step.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let mut params = Params::<f64>::new();
/// let w = params.add("w", [], || 3.0);
/// let (mut tape, mut gradient) = (Tape::new(), params.gradient());
/// let step = tape.record(&params);
/// step.param(w).square().backward(&mut gradient);
/// step.param(w).backward_add(&mut gradient);
/// assert_eq!(gradient.flat(), [6.0 + 1.0]);
/// Sgd::new(1.0).step(&mut params, &gradient);
/// assert!(!gradient.is_fresh()); // used up
/// ```
#[derive(Debug)]
pub struct Gradient<T> {
    layout: Arc<Layout>,
    values: Aligned<T>,
    buffers: Aligned<T>,
    updated: Vec<bool>,
    reached: Vec<bool>,
    /// Atomic, so that a step can mark a gradient it only borrows and the type stays `Sync`.
    state: AtomicU8,
}

/// Positions of a tape, and where in the flat gradient their values belong.
pub(crate) type Parts = SmallVec<[(u32, Range<usize>); 16]>;

const EMPTY: u8 = 0;
const FRESH: u8 = 1;
const USED: u8 = 2;

impl<T: Real> Gradient<T> {
    pub(super) fn new(layout: Arc<Layout>) -> Self {
        let total = |slots: &[super::Slot]| slots.last().map_or(0, |slot| slot.range().end);
        Self {
            values: Aligned::zeros(total(&layout.params)),
            buffers: Aligned::zeros(total(&layout.buffers)),
            updated: vec![false; layout.buffers.len()],
            reached: vec![false; layout.params.len()],
            state: AtomicU8::new(EMPTY),
            layout,
        }
    }

    /// All derivatives, in the order of [`Params::flat`].
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let w = params.add("w", [2], || 3.0);
    /// let (mut tape, mut gradient) = (Tape::new(), params.gradient());
    /// tape.record(&params).param(w).square().sum().backward(&mut gradient);
    /// assert_eq!(gradient.flat(), [6.0, 6.0]);
    /// ```
    #[must_use]
    pub fn flat(&self) -> &[T] {
        &self.values
    }

    /// All derivatives, to change; marks the gradient fresh.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// params.add("w", [2], || 3.0);
    /// let mut gradient = params.gradient();
    /// gradient.flat_mut().copy_from_slice(&[1.0, -1.0]);
    /// Sgd::new(0.5).step(&mut params, &gradient);
    /// assert_eq!(params.flat(), [2.5, 3.5]);
    /// ```
    pub fn flat_mut(&mut self) -> &mut [T] {
        *self.state.get_mut() = FRESH;
        &mut self.values
    }

    /// The derivative for one tensor.
    ///
    /// # Panics
    ///
    /// If the handle is of another store.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let w = params.add("w", [2], || 3.0);
    /// let (mut tape, mut gradient) = (Tape::new(), params.gradient());
    /// tape.record(&params).param(w).square().sum().backward(&mut gradient);
    /// assert_eq!(gradient.value(w), array![6.0, 6.0].into_dyn());
    /// ```
    #[must_use]
    #[track_caller]
    pub fn value(&self, param: Param) -> ArrayViewD<'_, T> {
        let slot = belongs(self.layout.param(param));
        array(slot.shape, &self.values[slot.range()])
    }

    /// The derivative for one tensor, to change; marks the gradient fresh.
    ///
    /// # Panics
    ///
    /// If the handle is of another store.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// params.add("w", [2], || 0.0);
    /// let b = params.add("b", [], || 0.0);
    /// let mut gradient = params.gradient();
    /// gradient.value_mut(b).fill(2.0);
    /// assert_eq!(gradient.flat(), [0.0, 0.0, 2.0]);
    /// ```
    #[track_caller]
    pub fn value_mut(&mut self, param: Param) -> ArrayViewMutD<'_, T> {
        *self.state.get_mut() = FRESH;
        let slot = belongs(self.layout.param(param));
        array_mut(slot.shape, &mut self.values[slot.range()])
    }

    /// The names and derivatives of all tensors, in the order they were added.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// params.add("w", [2], || 0.0);
    /// params.add("b", [], || 0.0);
    /// let mut gradient = params.gradient();
    /// gradient.flat_mut().copy_from_slice(&[1.0, 2.0, 5.0]);
    /// let sums: Vec<_> = gradient.iter().map(|(name, g)| (name, g.sum())).collect();
    /// assert_eq!(sums, [("w", 3.0), ("b", 5.0)]);
    /// ```
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&'static str, ArrayViewD<'_, T>)> {
        self.layout.params.iter().map(|slot| (slot.name, array(slot.shape, &self.values[slot.range()])))
    }

    /// The Euclidean norm of all derivatives together, in `f64`, without overflow on the way.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let w = params.add("w", [2], || 3.0);
    /// let (mut tape, mut gradient) = (Tape::new(), params.gradient());
    /// tape.record(&params).param(w).square().sum().backward(&mut gradient);
    /// assert!((gradient.norm() - 72.0_f64.sqrt()).abs() < 1e-15);
    /// ```
    #[must_use]
    pub fn norm(&self) -> f64 {
        norm(|unit| squares(&self.values, unit), || largest(&self.values))
    }

    /// Multiplies every derivative by `factor`; a gradient already used stays used.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// params.add("w", [2], || 0.0);
    /// let mut gradient = params.gradient();
    /// gradient.flat_mut().copy_from_slice(&[4.0, 8.0]); // the sum over four batches
    /// gradient.scale(0.25);
    /// assert_eq!(gradient.flat(), [1.0, 2.0]);
    /// ```
    pub fn scale(&mut self, factor: T) {
        self.values.iter_mut().for_each(|g| *g *= factor);
    }

    /// Sets every derivative to 0 and forgets what was recorded about it.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// params.add("w", [2], || 0.0);
    /// let mut gradient = params.gradient();
    /// gradient.flat_mut().fill(4.0);
    /// gradient.clear();
    /// assert_eq!((gradient.flat(), gradient.is_fresh()), (&[0.0, 0.0][..], false));
    /// ```
    pub fn clear(&mut self) {
        self.values.fill(T::zero());
        self.updated.fill(false);
        self.reached.fill(false);
        *self.state.get_mut() = EMPTY;
    }

    /// Whether it was computed or changed since the last optimiser step.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// params.add("w", [1], || 1.0);
    /// let mut gradient = params.gradient();
    /// assert!(!gradient.is_fresh());
    /// gradient.flat_mut().fill(1.0);
    /// assert!(gradient.is_fresh());
    /// ```
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.state.load(Ordering::Relaxed) == FRESH
    }

    /// The trainable tensors that the last `backward` did not reach: their derivative is 0 because the scalar does not
    /// depend on them. Often a layer that was forgotten, or cut off by a `detach`.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let used = params.add("used", [2], || 1.0);
    /// let _ = params.add("forgotten", [2], || 1.0);
    /// let (mut tape, mut gradient) = (Tape::new(), params.gradient());
    /// let step = tape.record(&params);
    /// step.param(used).sum().backward(&mut gradient);
    /// assert_eq!(gradient.unreached().collect::<Vec<_>>(), ["forgotten"]);
    /// ```
    pub fn unreached(&self) -> impl Iterator<Item = &'static str> {
        let slots = self.layout.params.iter().zip(&self.reached);
        slots.filter(|(slot, reached)| !**reached && !slot.frozen).map(|(slot, _)| slot.name)
    }

    /// Uses the gradient up for one update of `params`.
    ///
    /// Every optimiser calls this first; a hand-written update should too.
    ///
    /// # Panics
    ///
    /// If the gradient is of another store or layout, or was not computed since it was last used.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let w = params.add("w", [2], || 3.0);
    /// let (mut tape, mut gradient) = (Tape::new(), params.gradient());
    /// tape.record(&params).param(w).square().sum().backward(&mut gradient);
    /// gradient.consume(&params);
    /// params.flat_mut().iter_mut().zip(gradient.flat()).for_each(|(x, g)| *x -= 0.5 * g); // a step of one's own
    /// assert_eq!(params.flat(), [0.0, 0.0]);
    /// assert!(!gradient.is_fresh());
    /// ```
    #[track_caller]
    pub fn consume(&self, params: &Params<T>) {
        if let Err(message) = self.fits(params.layout()) {
            panic!("step: {message}");
        }
        match self.state.swap(USED, Ordering::Relaxed) {
            FRESH => {}
            EMPTY => {
                panic!(
                    "step: the gradient was never computed\n  help: call `loss.backward(&mut gradient)` before the step"
                )
            }
            _ => panic!(
                "step: this gradient was used by an earlier step\n  help: call `loss.backward(&mut gradient)` before each step"
            ),
        }
    }

    pub(crate) fn fits(&self, layout: &Arc<Layout>) -> Result<(), String> {
        if Arc::ptr_eq(&self.layout, layout) || self.layout.is_same_but_for_freezing(layout) {
            return Ok(());
        }
        let (own, other) = (&self.layout, layout);
        Err(format!(
            "the gradient is of store #{} with {} tensors, the parameters are store #{} with {}\n  help: make it with `params.gradient()` once the model is complete",
            own.store,
            own.params.len(),
            other.store,
            other.params.len()
        ))
    }

    /// Starts a `backward` over a store of this layout.
    pub(crate) fn begin(&mut self, layout: &Arc<Layout>) {
        if !Arc::ptr_eq(&self.layout, layout) {
            self.layout = Arc::clone(layout);
        }
        self.updated.fill(false);
        *self.state.get_mut() = EMPTY;
    }

    /// Ends a `backward`: the gradient is fresh.
    pub(crate) fn finish(&mut self) {
        *self.state.get_mut() = FRESH;
    }

    /// Starts a `backward` that overwrites: where the derivatives for these tensors go, and the values to write them to. All
    /// others are 0.
    pub(crate) fn overwrite(
        &mut self,
        layout: &Arc<Layout>,
        reached: impl Iterator<Item = (usize, u32)>,
    ) -> (Parts, &mut [T]) {
        self.begin(layout);
        self.reached.fill(false);
        let mut parts = Parts::new();
        for (index, id) in reached {
            self.reached[index] = true;
            parts.push((id, self.layout.params[index].range()));
        }
        for (slot, _) in self.layout.params.iter().zip(&self.reached).filter(|(_, reached)| !**reached) {
            self.values[slot.range()].fill(T::zero());
        }
        (parts, &mut self.values)
    }

    /// Adds to the derivative for a tensor.
    pub(crate) fn add(&mut self, index: usize, derivative: &[T]) {
        self.reached[index] = true;
        let values = &mut self.values[self.layout.params[index].range()];
        values.iter_mut().zip(derivative).for_each(|(to, &from)| *to += from);
    }

    pub(crate) fn update(&mut self, buffer: usize, values: &[T]) {
        self.updated[buffer] = true;
        self.buffers[self.layout.buffers[buffer].range()].copy_from_slice(values);
    }

    /// Sets the derivatives of frozen tensors to 0.
    pub(crate) fn clear_frozen(&mut self, layout: &Layout) {
        for slot in layout.params.iter().filter(|slot| slot.frozen) {
            self.values[slot.range()].fill(T::zero());
        }
    }

    pub(super) fn updates(&self) -> impl Iterator<Item = (usize, &[T])> {
        let updated = self.updated.iter().enumerate().filter(|(_, updated)| **updated);
        updated.map(|(index, _)| (index, &self.buffers[self.layout.buffers[index].range()]))
    }
}

impl<T: Real> Clone for Gradient<T> {
    fn clone(&self) -> Self {
        Self {
            layout: Arc::clone(&self.layout),
            values: self.values.clone(),
            buffers: self.buffers.clone(),
            updated: self.updated.clone(),
            reached: self.reached.clone(),
            state: AtomicU8::new(self.state.load(Ordering::Relaxed)),
        }
    }
}
