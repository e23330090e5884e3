//! Parameters: every number that is learned, in one flat buffer, with a name for each part.
//!
//! A [`Params`] store owns one contiguous vector of learned values and one of buffers (what is kept and saved, but not
//! trained). Handles, [`Param`] and [`Buffer`], are small `Copy` values; a model is a plain struct of them. Because the
//! values lie side by side, an update rule is one loop over two slices, and clipping, snapshots and averages are
//! operations on slices.

use std::ops::Range;
use std::sync::Arc;

use ndarray::{ArrayViewD, ArrayViewMutD};

use crate::kernel::aligned::Aligned;
use crate::real::Real;
use crate::shape::{Lengths, Shape};

mod entry;
mod gradient;
mod layout;
mod name;
mod named;
mod norm;
mod snapshot;

pub use entry::Entry;
pub use gradient::Gradient;
pub use layout::{Buffer, Param};
pub(crate) use layout::{Layout, Slot};
pub(crate) use norm::{norm, norm_of};
pub use snapshot::Snapshot;

/// A store of named tensors: what is learned, and the buffers that go with it.
///
/// Clones and [`cast`](Params::cast)s keep the identity of the store, so that the handles of a model work with all of
/// them: averages of the weights, target networks, an `f32` model checked in `f64`.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let mut params = Params::<f64>::new();
/// let w = params.add("line.weight", [2], || 0.5);
/// let b = params.add("line.bias", [], || 0.0);
/// assert_eq!(params.len(), 3);
/// assert_eq!(params.value(w), array![0.5, 0.5].into_dyn());
/// params.freeze(|name| name.ends_with("bias"));
/// assert!(params.is_frozen(b));
/// ```
#[derive(Clone, Debug)]
pub struct Params<T> {
    layout: Arc<Layout>,
    values: Aligned<T>,
    buffers: Aligned<T>,
}

impl<T: Real> Default for Params<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Real> Params<T> {
    /// An empty store with an identity of its own.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let _ = params.add("w", [2, 3], || 0.0);
    /// assert_eq!(params.len(), 6);
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self { layout: Arc::new(Layout::new()), values: Aligned::new(), buffers: Aligned::new() }
    }

    /// Adds a learned tensor; `init` is called once for each element, in standard order.
    ///
    /// # Panics
    ///
    /// If the name is taken or empty.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let mut next = 0.0;
    /// let w = params.add("layer.weight", [2, 2], || {
    ///     next += 1.0;
    ///     next
    /// });
    /// assert_eq!(params.value(w), array![[1.0, 2.0], [3.0, 4.0]].into_dyn());
    /// ```
    #[track_caller]
    pub fn add(&mut self, name: &str, shape: impl Lengths, init: impl FnMut() -> T) -> Param {
        let shape = Shape::asked_of("params", shape);
        let param = Arc::make_mut(&mut self.layout).append_param(name, shape);
        self.values.extend_by(shape.size(), init);
        param
    }

    /// Adds a learned tensor with the values and the shape of `array`.
    ///
    /// # Panics
    ///
    /// If the name is taken or empty, or the rank is above 6.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let w = params.add_array("w", &array![[1.0, 2.0]]);
    /// assert_eq!(params.value(w).shape(), [1, 2]);
    /// ```
    #[track_caller]
    pub fn add_array<D: ndarray::Dimension>(&mut self, name: &str, array: &ndarray::ArrayRef<T, D>) -> Param {
        let mut values = array.iter().copied();
        self.add(name, array.shape(), || values.next().expect("one value for each element"))
    }

    /// Adds a tensor that is kept and saved, but never trained.
    ///
    /// # Panics
    ///
    /// If the name is taken or empty.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let mask = params.add_buffer("mask", [3], || 1.0);
    /// assert_eq!((params.len(), params.buffer(mask).sum()), (0, 3.0));
    /// ```
    #[track_caller]
    pub fn add_buffer(&mut self, name: &str, shape: impl Lengths, init: impl FnMut() -> T) -> Buffer {
        let shape = Shape::asked_of("params", shape);
        let buffer = Arc::make_mut(&mut self.layout).append_buffer(name, shape);
        self.buffers.extend_by(shape.size(), init);
        buffer
    }

    /// The number of learned values.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether nothing is learned.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// params.add_buffer("mean", [2], || 0.0);
    /// assert!(params.is_empty()); // a buffer is not learned
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// All learned values, tensor after tensor in the order they were added.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// params.add("a", [2], || 1.0);
    /// params.add("b", [1], || 2.0);
    /// assert_eq!(params.flat(), [1.0, 1.0, 2.0]);
    /// ```
    #[must_use]
    pub fn flat(&self) -> &[T] {
        &self.values
    }

    /// All learned values, to change.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// params.add("a", [2], || 1.0);
    /// params.flat_mut().iter_mut().for_each(|x| *x *= 0.5);
    /// assert_eq!(params.flat(), [0.5, 0.5]);
    /// ```
    pub fn flat_mut(&mut self) -> &mut [T] {
        &mut self.values
    }

    pub(crate) fn flat_buffers(&self) -> &[T] {
        &self.buffers
    }

    pub(crate) fn flat_buffers_mut(&mut self) -> &mut [T] {
        &mut self.buffers
    }

    /// The learned tensors in the order they were added.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// params.add("a", [2], || 1.0);
    /// params.add("b", [3, 1], || 2.0);
    /// let sizes: Vec<_> = params.iter().map(|entry| (entry.name, entry.shape.size())).collect();
    /// assert_eq!(sizes, [("a", 2), ("b", 3)]);
    /// ```
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Entry<'_, T>> {
        self.layout.params.iter().map(|slot| entry(slot, &self.values))
    }

    /// Handles of the learned tensors in the order they were added.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let (a, b) = (params.add("a", [2], || 1.0), params.add("b", [1], || 2.0));
    /// assert_eq!(params.params().collect::<Vec<_>>(), [a, b]);
    /// ```
    pub fn params(&self) -> impl ExactSizeIterator<Item = Param> {
        let store = self.layout.store;
        (0_u32..)
            .zip(&self.layout.params)
            .map(move |(index, slot)| Param { store, index, name: slot.name })
            .collect::<Vec<_>>()
            .into_iter()
    }

    /// The buffers in the order they were added.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// params.add("weight", [2], || 1.0);
    /// params.add_buffer("mean", [2], || 0.5);
    /// let entry = params.buffers().next().unwrap();
    /// assert_eq!((entry.name, entry.values), ("mean", &[0.5, 0.5][..]));
    /// ```
    pub fn buffers(&self) -> impl ExactSizeIterator<Item = Entry<'_, T>> {
        self.layout.buffers.iter().map(|slot| entry(slot, &self.buffers))
    }

    /// The values of a learned tensor.
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
    /// let w = params.add("w", [2], || 1.5);
    /// assert_eq!(params.value(w), array![1.5, 1.5].into_dyn());
    /// ```
    #[must_use]
    #[track_caller]
    pub fn value(&self, param: Param) -> ArrayViewD<'_, T> {
        let slot = belongs(self.layout.param(param));
        array(slot.shape, &self.values[slot.range()])
    }

    /// The values of a learned tensor, to change.
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
    /// let w = params.add("w", [2], || 1.5);
    /// params.value_mut(w)[[1]] = 7.0;
    /// assert_eq!(params.flat(), [1.5, 7.0]);
    /// ```
    #[track_caller]
    pub fn value_mut(&mut self, param: Param) -> ArrayViewMutD<'_, T> {
        let slot = belongs(self.layout.param(param));
        array_mut(slot.shape, &mut self.values[slot.range()])
    }

    /// The values of a buffer.
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
    /// let mean = params.add_buffer("mean", [2], || 0.5);
    /// assert_eq!(params.buffer(mean), array![0.5, 0.5].into_dyn());
    /// ```
    #[must_use]
    #[track_caller]
    pub fn buffer(&self, buffer: Buffer) -> ArrayViewD<'_, T> {
        let slot = belongs(self.layout.buffer(buffer));
        array(slot.shape, &self.buffers[slot.range()])
    }

    /// The values of a buffer, to change.
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
    /// let mean = params.add_buffer("mean", [2], || 0.5);
    /// params.buffer_mut(mean)[[1]] = 3.0;
    /// assert_eq!(params.buffer(mean), array![0.5, 3.0].into_dyn());
    /// ```
    #[track_caller]
    pub fn buffer_mut(&mut self, buffer: Buffer) -> ArrayViewMutD<'_, T> {
        let slot = belongs(self.layout.buffer(buffer));
        array_mut(slot.shape, &mut self.buffers[slot.range()])
    }

    /// Excludes the learned tensors whose name the predicate accepts from training; returns how many there are.
    ///
    /// Their gradient is not computed and reads 0; optimisers leave them as they are.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let w = params.add("encoder.weight", [2], || 1.0);
    /// params.add("head.weight", [2], || 1.0);
    /// assert_eq!(params.freeze(|name| name.starts_with("encoder.")), 1);
    /// assert!(params.is_frozen(w));
    /// ```
    pub fn freeze(&mut self, which: impl FnMut(&str) -> bool) -> usize {
        self.set_frozen(which, true)
    }

    /// Takes the learned tensors whose name the predicate accepts back into training; returns how many there are.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let w = params.add("encoder.weight", [2], || 1.0);
    /// params.freeze(|_| true);
    /// assert_eq!(params.unfreeze(|name| name.starts_with("encoder.")), 1);
    /// assert!(!params.is_frozen(w));
    /// ```
    pub fn unfreeze(&mut self, which: impl FnMut(&str) -> bool) -> usize {
        self.set_frozen(which, false)
    }

    fn set_frozen(&mut self, mut which: impl FnMut(&str) -> bool, frozen: bool) -> usize {
        let slots = &mut Arc::make_mut(&mut self.layout).params;
        slots.iter_mut().filter(|slot| which(slot.name)).map(|slot| slot.frozen = frozen).count()
    }

    /// Whether the tensor is excluded from training.
    ///
    /// # Panics
    ///
    /// If the handle is of another store.
    #[must_use]
    #[track_caller]
    pub fn is_frozen(&self, param: Param) -> bool {
        belongs(self.layout.param(param)).frozen
    }

    /// The ranges of [`flat`](Params::flat) that hold the tensors whose name the predicate accepts; neighbours are
    /// merged into one range.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// params.add("weight", [2, 2], || 1.0);
    /// params.add("bias", [2], || 1.0);
    /// assert_eq!(params.ranges(|name| name == "bias"), [4..6]);
    /// ```
    pub fn ranges(&self, mut which: impl FnMut(&str) -> bool) -> Vec<Range<usize>> {
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for slot in self.layout.params.iter().filter(|slot| which(slot.name)) {
            match ranges.last_mut() {
                Some(last) if last.end == slot.offset => last.end = slot.range().end,
                _ => ranges.push(slot.range()),
            }
        }
        ranges
    }

    /// A gradient of the same layout, all zeros and not yet fresh.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let w = params.add("w", [2], || 3.0);
    /// let (mut tape, mut gradient) = (Tape::new(), params.gradient());
    /// tape.record(&params).param(w).sum().backward(&mut gradient);
    /// assert_eq!(gradient.value(w), array![1.0, 1.0].into_dyn());
    /// ```
    #[must_use]
    pub fn gradient(&self) -> Gradient<T> {
        Gradient::new(Arc::clone(&self.layout))
    }

    /// The same store with elements of another type; the handles of the model work with both.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let w = params.add("w", [2], || 0.1);
    /// let single = params.cast::<f32>();
    /// assert_eq!(single.value(w), array![0.1_f32, 0.1].into_dyn()); // the same handle
    /// ```
    #[must_use]
    pub fn cast<U: Real>(&self) -> Params<U> {
        let cast = |values: &[T]| Aligned::of_each(values.iter().map(|x| U::of(x.as_f64())));
        Params { layout: Arc::clone(&self.layout), values: cast(&self.values), buffers: cast(&self.buffers) }
    }

    /// Takes over the new values of buffers, such as running statistics, that a recording left in `gradient`.
    ///
    /// Optimisers do this in their step; only a hand-written update has to call it.
    ///
    /// # Panics
    ///
    /// If the gradient is of another store.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let (w, last) = (params.add("w", [], || 4.0), params.add_buffer("last", [], || 0.0));
    /// let (mut tape, mut gradient) = (Tape::new(), params.gradient());
    /// let step = tape.record(&params);
    /// step.recorder().update(last, step.param(w) * 0.5);
    /// step.param(w).backward(&mut gradient);
    /// params.apply_updates(&gradient);
    /// assert_eq!(params.buffer(last)[[]], 2.0);
    /// ```
    #[track_caller]
    pub fn apply_updates(&mut self, gradient: &Gradient<T>) {
        if let Err(message) = gradient.fits(&self.layout) {
            panic!("apply_updates: {message}");
        }
        for (index, values) in gradient.updates() {
            let range = self.layout.buffers[index].range();
            self.buffers[range].copy_from_slice(values);
        }
    }

    pub(crate) fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }
}

fn entry<'a, T>(slot: &Slot, flat: &'a [T]) -> Entry<'a, T> {
    Entry { name: slot.name, shape: slot.shape, values: &flat[slot.range()], frozen: slot.frozen }
}

#[track_caller]
fn belongs<S>(slot: Result<S, String>) -> S {
    match slot {
        Ok(slot) => slot,
        Err(message) => panic!("params: {message}"),
    }
}

fn array<T>(shape: Shape, values: &[T]) -> ArrayViewD<'_, T> {
    ArrayViewD::from_shape(&shape[..], values).expect("a slot has as many values as its shape says")
}

fn array_mut<T>(shape: Shape, values: &mut [T]) -> ArrayViewMutD<'_, T> {
    ArrayViewMutD::from_shape(&shape[..], values).expect("a slot has as many values as its shape says")
}
