//! Going back to earlier values.

use super::{Params, norm_of};
use crate::kernel::aligned::Aligned;
use crate::real::Real;

/// All values of a store at one moment, to go back to.
///
/// # Examples
///
/// ```
/// use gradus::{Snapshot, prelude::*};
///
/// let mut params = Params::<f64>::new();
/// params.add("w", [1], || 3.0);
/// let before: Snapshot<f64> = params.snapshot();
/// params.freeze(|_| true);
/// params.restore(&before); // values, not what is frozen
/// assert_eq!((params.flat(), params.iter().all(|w| w.frozen)), (&[3.0][..], true));
/// ```
#[derive(Clone, Debug)]
pub struct Snapshot<T> {
    store: u64,
    values: Aligned<T>,
    buffers: Aligned<T>,
}

impl<T: Real> Snapshot<T> {
    /// Takes the values that the parameters have now, in the memory it has.
    ///
    /// # Panics
    ///
    /// If `params` is another store.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let x = params.add("x", [1], || 1.0);
    /// let mut snapshot = params.snapshot();
    /// params.value_mut(x).fill(2.0);
    /// snapshot.update(&params);
    /// params.value_mut(x).fill(3.0);
    /// params.restore(&snapshot);
    /// assert_eq!(params.flat(), [2.0]);
    /// ```
    #[track_caller]
    pub fn update(&mut self, params: &Params<T>) {
        self.expect(params);
        self.values.copy_from_slice(&params.values);
        self.buffers.copy_from_slice(&params.buffers);
    }

    /// ‖θ − θ′‖, the Euclidean distance between the learned values now and then.
    ///
    /// # Panics
    ///
    /// If `params` is another store.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// params.add("x", [2], || 0.0);
    /// let snapshot = params.snapshot();
    /// params.flat_mut().copy_from_slice(&[3.0, 4.0]);
    /// assert_eq!(snapshot.distance(&params), 5.0);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn distance(&self, params: &Params<T>) -> f64 {
        let then = self.flat_of(params);
        norm_of(|| then.iter().zip(params.flat()).map(|(a, b)| b.as_f64() - a.as_f64()))
    }

    /// The learned values then, of a store that is this one's.
    #[track_caller]
    pub(crate) fn flat_of(&self, params: &Params<T>) -> &[T] {
        self.expect(params);
        &self.values
    }

    #[track_caller]
    fn expect(&self, params: &Params<T>) {
        assert!(
            self.store == params.layout.store
                && (self.values.len(), self.buffers.len()) == (params.values.len(), params.buffers.len()),
            "params: a snapshot of store #{} with {} values, this is store #{} with {}",
            self.store,
            self.values.len(),
            params.layout.store,
            params.values.len()
        );
    }
}

impl<T: Real> Params<T> {
    /// All values at this moment.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// params.add("w", [2], || 3.0);
    /// let best = params.snapshot();
    /// params.flat_mut().fill(0.0);
    /// params.restore(&best);
    /// assert_eq!(params.flat(), [3.0, 3.0]);
    /// ```
    #[must_use]
    pub fn snapshot(&self) -> Snapshot<T> {
        Snapshot { store: self.layout.store, values: self.values.clone(), buffers: self.buffers.clone() }
    }

    /// Goes back to the values of a snapshot.
    ///
    /// # Panics
    ///
    /// If the snapshot is of another store, or tensors were added since.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let mean = params.add_buffer("mean", [], || 1.0);
    /// let before = params.snapshot();
    /// params.buffer_mut(mean).fill(9.0);
    /// params.restore(&before); // buffers too
    /// assert_eq!(params.buffer(mean)[[]], 1.0);
    /// ```
    #[track_caller]
    pub fn restore(&mut self, snapshot: &Snapshot<T>) {
        snapshot.expect(self);
        self.values.copy_from_slice(&snapshot.values);
        self.buffers.copy_from_slice(&snapshot.buffers);
    }
}
