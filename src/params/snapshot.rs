//! Going back to earlier values.

use super::Params;
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
}
