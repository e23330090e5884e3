//! Mini-batches.

use std::fmt;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use super::samples::{Samples, assert_in_range, counted};
use crate::kernel::random::fork;

/// Samples and their targets in mini-batches, epoch after epoch.
///
/// [`next`](Batches::next) lends one batch after the other and answers `None` where an epoch (one pass over the data)
/// ends; the call after that begins the next epoch. A batch is copied into the same two buffers each time, so nothing is
/// allocated while training.
///
/// Without further options an epoch goes through the samples in order and the last batch may be smaller. [`shuffled`]
/// draws a new order for each epoch, which follows from the seed and the number of the epoch alone.
///
/// Samples are arrays of any rank (axis 0 counts the samples); targets are labels or arrays.
///
/// # Examples
///
/// ```
/// use gradus::data::Batches;
/// use ndarray::array;
///
/// let (x, labels) = (array![[1.0], [2.0], [3.0]], vec![1, 2, 3]);
/// let mut batches = Batches::of(&x, &labels, 2).shuffled(7);
/// for epoch in 1..=4 {
///     let mut seen = 0;
///     while let Some((x, labels)) = batches.next() {
///         assert!(x.column(0).iter().zip(labels).all(|(&x, &label)| x == label as f64));
///         seen += labels.len();
///     }
///     assert_eq!((epoch, seen), (batches.epochs(), 3));
/// }
/// ```
///
/// [`shuffled`]: Batches::shuffled
pub struct Batches<'a, X: Samples + ?Sized, Y: Samples + ?Sized> {
    x: &'a X,
    y: &'a Y,
    size: usize,
    keep_partial: bool,
    seed: Option<u64>,
    /// The samples of an epoch in the order given.
    rows: Vec<usize>,
    /// The same in the order they come.
    order: Vec<usize>,
    /// How many epochs are complete.
    epochs: usize,
    /// How many samples of this epoch have come.
    position: usize,
    x_buffer: X::Owned,
    y_buffer: Y::Owned,
}

impl<'a, X: Samples + ?Sized, Y: Samples + ?Sized> Batches<'a, X, Y> {
    /// Batches of `size` samples `x` with their targets `y`.
    ///
    /// # Panics
    ///
    /// If the size is 0, there are no samples, or not as many targets as samples.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::Batches;
    /// use ndarray::array;
    ///
    /// let (x, labels) = (array![[1.0], [2.0], [3.0]], [1, 2, 3]);
    /// let mut batches = Batches::of(&x, &labels[..], 2);
    /// assert_eq!(batches.next().unwrap().0, array![[1.0], [2.0]]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn of(x: &'a X, y: &'a Y, size: usize) -> Self {
        let (samples, targets) = (x.samples(), y.samples());
        assert!(size > 0, "batches: the batch size is 0");
        assert!(samples == targets, "batches: {}, {}", counted(samples, "sample"), counted(targets, "target"));
        assert!(samples > 0, "batches: there are no samples");
        Self {
            x,
            y,
            size,
            keep_partial: true,
            seed: None,
            rows: (0..samples).collect(),
            order: (0..samples).collect(),
            epochs: 0,
            position: 0,
            x_buffer: x.room(size.min(samples)),
            y_buffer: y.room(size.min(samples)),
        }
    }

    /// Draws a new order for each epoch.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::Batches;
    /// use ndarray::Array1;
    ///
    /// let x = Array1::<f64>::linspace(0.0, 9.0, 10);
    /// let first = |seed| Batches::of(&x, &x, 10).shuffled(seed).next().unwrap().0.to_vec();
    /// assert_eq!(first(1), first(1));
    /// assert_ne!(first(1), first(2));
    /// ```
    #[must_use]
    pub fn shuffled(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self.begin(self.epochs);
        self
    }

    /// Takes these samples only, such as one part of a [`split`](super::split); an index may come twice.
    ///
    /// # Panics
    ///
    /// If there are none, or an index is out of range.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::Batches;
    /// use ndarray::array;
    ///
    /// let x = array![[1.0], [2.0], [3.0]];
    /// let mut batches = Batches::of(&x, &x, 8).rows(&[2, 0]);
    /// assert_eq!(batches.next().unwrap().0, array![[3.0], [1.0]]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn rows(mut self, indices: &[usize]) -> Self {
        assert!(!indices.is_empty(), "batches: there are no samples");
        assert_in_range("batches", indices, self.x.samples());
        self.rows = indices.to_vec();
        self.order = indices.to_vec();
        self.x_buffer = self.x.room(self.size.min(indices.len()));
        self.y_buffer = self.y.room(self.size.min(indices.len()));
        self.begin(self.epochs);
        self
    }

    /// Leaves out the last batch of an epoch where it would be smaller than the others.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::Batches;
    /// use ndarray::Array1;
    ///
    /// let x = Array1::<f64>::zeros(10);
    /// assert_eq!(Batches::of(&x, &x, 4).per_epoch(), 3);
    /// assert_eq!(Batches::of(&x, &x, 4).drop_last().per_epoch(), 2);
    /// ```
    #[must_use]
    pub fn drop_last(mut self) -> Self {
        self.keep_partial = false;
        self
    }

    /// The next batch, `x` and targets, or `None` at the end of an epoch; then the next epoch begins.
    ///
    /// # Panics
    ///
    /// If the last batch is to be dropped and there is no other.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::Batches;
    /// use ndarray::Array1;
    ///
    /// let x = Array1::<f64>::zeros(3);
    /// let mut batches = Batches::of(&x, &x, 2);
    /// let sizes: Vec<_> = (0..4).map(|_| batches.next().map(|(x, _)| x.len())).collect();
    /// assert_eq!(sizes, [Some(2), Some(1), None, Some(2)]);
    /// ```
    #[allow(clippy::should_implement_trait, reason = "what it lends lives no longer than until the next call")]
    #[track_caller]
    pub fn next(&mut self) -> Option<(X::Lent<'_>, Y::Lent<'_>)> {
        assert!(
            self.keep_partial || self.size <= self.order.len(),
            "batches: {}, too few for one batch of {}, and the last is to be dropped",
            counted(self.order.len(), "sample"),
            self.size
        );
        let rest = &self.order[self.position..];
        let batch = &rest[..self.size.min(rest.len())];
        if batch.is_empty() || (batch.len() < self.size && !self.keep_partial) {
            self.begin(self.epochs + 1);
            return None;
        }
        self.x.gather(batch, &mut self.x_buffer);
        self.y.gather(batch, &mut self.y_buffer);
        let samples = batch.len();
        self.position += samples;
        Some((X::lend(&self.x_buffer, samples), Y::lend(&self.y_buffer, samples)))
    }

    /// Goes to the beginning of an epoch, as after this many complete ones: an interrupted training goes on with the
    /// same batches.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::Batches;
    /// use ndarray::Array1;
    ///
    /// let x = Array1::<f64>::linspace(0.0, 9.0, 10);
    /// let mut batches = Batches::of(&x, &x, 10).shuffled(7);
    /// while batches.next().is_some() {}
    /// let second = batches.next().unwrap().0.to_vec();
    /// let mut resumed = Batches::of(&x, &x, 10).shuffled(7);
    /// resumed.begin(1);
    /// assert_eq!(resumed.next().unwrap().0.to_vec(), second);
    /// ```
    pub fn begin(&mut self, epochs: usize) {
        self.epochs = epochs;
        self.position = 0;
        if let Some(seed) = self.seed {
            // From the same start each time: otherwise an order would depend on those before it.
            self.order.copy_from_slice(&self.rows);
            self.order.shuffle(&mut StdRng::seed_from_u64(fork(seed, epochs as u64)));
        }
    }

    /// How many epochs are complete.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::Batches;
    /// use ndarray::Array1;
    ///
    /// let x = Array1::<f64>::zeros(3);
    /// let mut batches = Batches::of(&x, &x, 2);
    /// while batches.next().is_some() {}
    /// assert_eq!(batches.epochs(), 1);
    /// ```
    #[must_use]
    pub fn epochs(&self) -> usize {
        self.epochs
    }

    /// The samples of a batch, but for a last one that is smaller.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// How many batches an epoch has.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::Batches;
    /// use ndarray::Array1;
    ///
    /// let x = Array1::<f64>::zeros(101);
    /// assert_eq!(Batches::of(&x, &x, 25).per_epoch(), 5);
    /// ```
    #[must_use]
    pub fn per_epoch(&self) -> usize {
        if self.keep_partial { self.order.len().div_ceil(self.size) } else { self.order.len() / self.size }
    }
}

impl<X: Samples + ?Sized, Y: Samples + ?Sized> fmt::Debug for Batches<'_, X, Y> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batches")
            .field("samples", &self.order.len())
            .field("size", &self.size)
            .field("seed", &self.seed)
            .field("epochs", &self.epochs)
            .finish_non_exhaustive()
    }
}
