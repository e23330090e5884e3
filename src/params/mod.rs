//! Parameters: every number that is learned, in one flat buffer, with a name for each part.
//!
//! A [`Params`] store owns one contiguous vector of learned values and one of buffers (what is kept and saved, but not
//! trained). Handles, [`Param`] and [`Buffer`], are small `Copy` values; a model is a plain struct of them. Because the
//! values lie side by side, an update rule is one loop over two slices, and clipping, snapshots and averages are
//! operations on slices.

use std::ops::Range;
use std::sync::Arc;

use ndarray::{ArrayD, ArrayViewD, ArrayViewMutD};

use crate::error::{Error, ErrorKind};
use crate::kernel::aligned::Aligned;
use crate::real::Real;
use crate::shape::Shape;

mod gradient;
mod layout;
mod name;
mod norm;

pub use gradient::Gradient;
pub use layout::{Buffer, Param};
pub(crate) use layout::{Layout, Slot};
pub(crate) use norm::norm;

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

/// One named tensor of a store, as [`Params::iter`] shows it.
#[derive(Clone, Debug)]
pub struct Entry<'a, T> {
    /// The path, such as `mlp.0.weight`.
    pub name: &'static str,
    /// The shape.
    pub shape: Shape,
    /// The values in standard order.
    pub values: &'a [T],
    /// Whether it is left as it is by optimisers.
    pub frozen: bool,
}

/// All values of a store at one moment, to go back to.
#[derive(Clone, Debug)]
pub struct Snapshot<T> {
    store: u64,
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
    #[must_use]
    pub fn new() -> Self {
        Self { layout: Arc::new(Layout::new()), values: Aligned::new(), buffers: Aligned::new() }
    }

    /// Adds a learned tensor; `init` is called once for each element, in standard order.
    ///
    /// # Panics
    ///
    /// If the name is taken or empty.
    #[track_caller]
    pub fn add(&mut self, name: &str, shape: impl Into<Shape>, init: impl FnMut() -> T) -> Param {
        let shape = shape.into();
        let param = Arc::make_mut(&mut self.layout).append_param(name, shape);
        self.values.extend_by(shape.size(), init);
        param
    }

    /// Adds a learned tensor with the values and the shape of `array`.
    ///
    /// # Panics
    ///
    /// If the name is taken or empty, or the rank is above 6.
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
    #[track_caller]
    pub fn add_buffer(&mut self, name: &str, shape: impl Into<Shape>, init: impl FnMut() -> T) -> Buffer {
        let shape = shape.into();
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
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// All learned values, tensor after tensor in the order they were added.
    #[must_use]
    pub fn flat(&self) -> &[T] {
        &self.values
    }

    /// All learned values, to change.
    pub fn flat_mut(&mut self) -> &mut [T] {
        &mut self.values
    }

    pub(crate) fn flat_buffers(&self) -> &[T] {
        &self.buffers
    }

    /// The learned tensors in the order they were added.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Entry<'_, T>> {
        self.layout.params.iter().map(|slot| entry(slot, &self.values))
    }

    /// Handles of the learned tensors in the order they were added.
    pub fn params(&self) -> impl ExactSizeIterator<Item = Param> {
        let store = self.layout.store;
        (0_u32..)
            .zip(&self.layout.params)
            .map(move |(index, slot)| Param { store, index, name: slot.name })
            .collect::<Vec<_>>()
            .into_iter()
    }

    /// The buffers in the order they were added.
    pub fn buffers(&self) -> impl ExactSizeIterator<Item = Entry<'_, T>> {
        self.layout.buffers.iter().map(|slot| entry(slot, &self.buffers))
    }

    /// The values of a learned tensor.
    ///
    /// # Panics
    ///
    /// If the handle is of another store.
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
    #[track_caller]
    pub fn buffer_mut(&mut self, buffer: Buffer) -> ArrayViewMutD<'_, T> {
        let slot = belongs(self.layout.buffer(buffer));
        array_mut(slot.shape, &mut self.buffers[slot.range()])
    }

    /// The tensor of this name, learned or buffer.
    ///
    /// # Errors
    ///
    /// If there is none of this name.
    pub fn array(&self, name: &str) -> Result<ArrayViewD<'_, T>, Error> {
        let (slot, learned) = self.find(name)?;
        Ok(array(slot.shape, &if learned { &self.values } else { &self.buffers }[slot.range()]))
    }

    /// Gives the tensor of this name, learned or buffer, new values.
    ///
    /// # Errors
    ///
    /// If there is none of this name or the shape is another; nothing is changed then.
    pub fn assign<D: ndarray::Dimension>(&mut self, name: &str, values: &ndarray::ArrayRef<T, D>) -> Result<(), Error> {
        self.assign_all([(name, values)])
    }

    /// Gives several tensors new values: all of them, or none where one does not fit.
    ///
    /// # Errors
    ///
    /// If a name is unknown or a shape is another; nothing is changed then.
    pub fn assign_all<'a, D: ndarray::Dimension + 'a>(
        &mut self,
        tensors: impl IntoIterator<Item = (&'a str, &'a ndarray::ArrayRef<T, D>)>,
    ) -> Result<(), Error> {
        let mut plan = Vec::new();
        for (name, values) in tensors {
            let (slot, learned) = self.find(name)?;
            if slot.shape != *values.shape() {
                let message = format!("`{name}` has shape {}, found {:?}", slot.shape, values.shape());
                return Err(Error::new(ErrorKind::Shape, message));
            }
            plan.push((slot.range(), learned, values));
        }
        for (range, learned, values) in plan {
            let target = if learned { &mut self.values } else { &mut self.buffers };
            target[range].iter_mut().zip(values).for_each(|(to, &from)| *to = from);
        }
        Ok(())
    }

    fn find(&self, name: &str) -> Result<(&Slot, bool), Error> {
        let learned = self.layout.params.iter().map(|slot| (slot, true));
        let buffers = self.layout.buffers.iter().map(|slot| (slot, false));
        learned.chain(buffers).find(|(slot, _)| slot.name == name).ok_or_else(|| {
            let names: Vec<_> = self.iter().chain(self.buffers()).map(|e| e.name).take(8).collect();
            Error::new(ErrorKind::Name, format!("no tensor `{name}` here; there are {}", names.join(", ")))
        })
    }

    /// Excludes the learned tensors whose name the predicate accepts from training; returns how many there are.
    ///
    /// Their gradient is not computed and reads 0; optimisers leave them as they are.
    pub fn freeze(&mut self, which: impl FnMut(&str) -> bool) -> usize {
        self.set_frozen(which, true)
    }

    /// Takes the learned tensors whose name the predicate accepts back into training; returns how many there are.
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
    #[must_use]
    pub fn gradient(&self) -> Gradient<T> {
        Gradient::new(Arc::clone(&self.layout))
    }

    /// All values at this moment.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot<T> {
        Snapshot { store: self.layout.store, values: self.values.clone(), buffers: self.buffers.clone() }
    }

    /// Goes back to the values of a snapshot.
    ///
    /// # Panics
    ///
    /// If the snapshot is of another store, or tensors were added since.
    #[track_caller]
    pub fn restore(&mut self, snapshot: &Snapshot<T>) {
        assert!(
            snapshot.store == self.layout.store
                && (snapshot.values.len(), snapshot.buffers.len()) == (self.values.len(), self.buffers.len()),
            "params: a snapshot of store #{} with {} values, this is store #{} with {}",
            snapshot.store,
            snapshot.values.len(),
            self.layout.store,
            self.values.len()
        );
        self.values.copy_from_slice(&snapshot.values);
        self.buffers.copy_from_slice(&snapshot.buffers);
    }

    /// The same store with elements of another type; the handles of the model work with both.
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

/// An owned copy, for files and messages.
impl<T: Real> Entry<'_, T> {
    /// The values as an array of their shape.
    #[must_use]
    pub fn to_array(&self) -> ArrayD<T> {
        array(self.shape, self.values).to_owned()
    }
}
