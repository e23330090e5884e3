//! Mini-batches.

use std::fmt;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use super::samples::{Samples, assert_in_range, counted};
use super::source::Source;
use crate::kernel::random::fork;

/// Samples and their targets in mini-batches, epoch after epoch.
///
/// [`next`](Batches::next) lends one batch after the other and answers `None` where an epoch (one pass over the data)
/// ends; the call after that begins the next epoch. A batch is copied into the same two buffers each time, so nothing is
/// allocated while training.
///
/// Gradient descent, stochastic gradient descent and what lies between are one algorithm with three sizes m of a batch,
///
/// ```text
/// g = 1/m Σ ∇ℓᵢ,  i ∈ B,  |B| = m        m = n: [`full`],  m = 1: [`single`],  otherwise: [`of`]
/// ```
///
/// and three orders: that of the data, a new permutation each epoch ([`shuffled`]), or draws with replacement
/// ([`with_replacement`]); the draws of an epoch follow from the seed and the number of the epoch alone. The last two make
/// g unbiased: its mean over the draws is the gradient of the mean loss. Its variance is σ²/m with replacement, where σ² is
/// the variance of a single ∇ℓᵢ, and σ²/m · (n − m)/(n − 1) for a batch of a permutation, which holds no sample twice.
///
/// Without further options an epoch goes through the samples in order and the last batch may be smaller.
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
/// [`full`]: Batches::full
/// [`single`]: Batches::single
/// [`of`]: Batches::of
/// [`shuffled`]: Batches::shuffled
/// [`with_replacement`]: Batches::with_replacement
pub struct Batches<'a, X: Samples + ?Sized, Y: Samples + ?Sized> {
    x: &'a X,
    y: &'a Y,
    /// Of a batch; none where it is as large as an epoch.
    size: Option<usize>,
    keep_partial: bool,
    order: Order,
    /// The samples to take, in the order given.
    rows: Vec<usize>,
    /// The samples of this epoch in the order they come.
    epoch: Vec<usize>,
    /// How many epochs are complete.
    epochs: usize,
    /// How many samples of this epoch have come.
    position: usize,
    /// Whether the buffers hold the one batch that all epochs have.
    held: bool,
    x_buffer: X::Owned,
    y_buffer: Y::Owned,
}

/// In which order the samples of an epoch come.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Order {
    Given,
    /// A permutation, from this seed.
    Shuffled(u64),
    /// As many as there are, each uniform among all, from this seed.
    Drawn(u64),
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
        assert!(size > 0, "batches: the batch size is 0");
        Self::sized(x, y, Some(size))
    }

    /// One batch an epoch, of all samples: gradient descent. It is copied in the first epoch only, unless
    /// [`shuffled`](Batches::shuffled) or [`with_replacement`](Batches::with_replacement), a bootstrap sample then, change it.
    ///
    /// # Panics
    ///
    /// If there are no samples, or not as many targets as samples.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::Batches;
    /// use ndarray::array;
    ///
    /// let (x, labels) = (array![[1.0], [2.0], [3.0]], vec![1, 2, 3]);
    /// let mut batches = Batches::full(&x, &labels);
    /// assert_eq!(batches.next().unwrap().0, x);
    /// assert!(batches.next().is_none()); // an epoch has one batch
    /// ```
    #[must_use]
    #[track_caller]
    pub fn full(x: &'a X, y: &'a Y) -> Self {
        Self::sized(x, y, None)
    }

    /// Batches of one sample: stochastic gradient descent, usually [`with_replacement`](Batches::with_replacement), as
    /// theory has it, or [`shuffled`](Batches::shuffled), as most programs do.
    ///
    /// # Panics
    ///
    /// If there are no samples, or not as many targets as samples.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::Batches;
    /// use ndarray::array;
    ///
    /// let (x, labels) = (array![[1.0], [2.0], [3.0]], vec![1, 2, 3]);
    /// let mut batches = Batches::single(&x, &labels).shuffled(7);
    /// assert_eq!((batches.next().unwrap().1.len(), batches.per_epoch()), (1, 3));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn single(x: &'a X, y: &'a Y) -> Self {
        Self::sized(x, y, Some(1))
    }

    #[track_caller]
    fn sized(x: &'a X, y: &'a Y, size: Option<usize>) -> Self {
        let (samples, targets) = (x.samples(), y.samples());
        assert!(samples == targets, "batches: {}, {}", counted(samples, "sample"), counted(targets, "target"));
        assert!(samples > 0, "batches: there are no samples");
        let room = size.unwrap_or(samples).min(samples);
        Self {
            x,
            y,
            size,
            keep_partial: true,
            order: Order::Given,
            rows: (0..samples).collect(),
            epoch: (0..samples).collect(),
            epochs: 0,
            position: 0,
            held: false,
            x_buffer: x.room(room),
            y_buffer: y.room(room),
        }
    }

    /// Draws a new order for each epoch: every sample comes once, all orders are equally likely.
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
        self.order = Order::Shuffled(seed);
        self.begin(self.epochs);
        self
    }

    /// Draws each sample anew, i ~ Uniform{1, …, n}, independently of all others: within an epoch, which has as many draws
    /// as there are samples, some come several times and about 1/e of them not at all.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::Batches;
    /// use ndarray::Array1;
    ///
    /// let x = Array1::<f64>::linspace(0.0, 9.0, 10);
    /// let mut batches = Batches::of(&x, &x, 4).with_replacement(7);
    /// let sizes: Vec<_> = (0..4).map(|_| batches.next().map(|(x, _)| x.len())).collect();
    /// assert_eq!(sizes, [Some(4), Some(4), Some(2), None]);
    /// ```
    #[must_use]
    pub fn with_replacement(mut self, seed: u64) -> Self {
        self.order = Order::Drawn(seed);
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
        self.epoch = indices.to_vec();
        let room = self.size().min(indices.len());
        (self.x_buffer, self.y_buffer, self.held) = (self.x.room(room), self.y.room(room), false);
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
        let size = self.size();
        assert!(
            self.keep_partial || size <= self.epoch.len(),
            "batches: {}, too few for one batch of {size}, and the last is to be dropped",
            counted(self.epoch.len(), "sample"),
        );
        let rest = &self.epoch[self.position..];
        let batch = &rest[..size.min(rest.len())];
        if batch.is_empty() || (batch.len() < size && !self.keep_partial) {
            self.begin(self.epochs + 1);
            return None;
        }
        let samples = batch.len();
        if !self.held {
            self.x.gather(batch, &mut self.x_buffer);
            self.y.gather(batch, &mut self.y_buffer);
            self.held = self.order == Order::Given && samples == self.epoch.len();
        }
        self.position += samples;
        Some((X::lend(&self.x_buffer, samples), Y::lend(&self.y_buffer, samples)))
    }

    /// The samples of a batch, but for a last one that is smaller.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::Batches;
    /// use ndarray::Array1;
    ///
    /// let x = Array1::<f64>::zeros(10);
    /// assert_eq!((Batches::of(&x, &x, 4).size(), Batches::full(&x, &x).size()), (4, 10));
    /// ```
    #[must_use]
    pub fn size(&self) -> usize {
        self.size.unwrap_or(self.epoch.len())
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
        // From the same start each time: otherwise an order would depend on those before it.
        let rng = |seed| StdRng::seed_from_u64(fork(seed, epochs as u64));
        match self.order {
            Order::Given => return,
            Order::Shuffled(seed) => {
                self.epoch.copy_from_slice(&self.rows);
                self.epoch.shuffle(&mut rng(seed));
            }
            Order::Drawn(seed) => {
                let (mut rng, n) = (rng(seed), self.rows.len());
                self.epoch.fill_with(|| self.rows[rng.random_range(0..n)]);
            }
        }
        self.held = false;
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
        let (samples, size) = (self.epoch.len(), self.size());
        if self.keep_partial { samples.div_ceil(size) } else { samples / size }
    }
}

impl<X: Samples + ?Sized, Y: Samples + ?Sized> Source for Batches<'_, X, Y> {
    type X = X;
    type Y = Y;

    #[track_caller]
    fn next(&mut self) -> Option<(X::Lent<'_>, Y::Lent<'_>)> {
        self.next()
    }

    fn epochs(&self) -> usize {
        self.epochs
    }
}

impl<X: Samples + ?Sized, Y: Samples + ?Sized> fmt::Debug for Batches<'_, X, Y> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batches")
            .field("samples", &self.epoch.len())
            .field("size", &self.size())
            .field("order", &self.order)
            .field("epochs", &self.epochs)
            .finish_non_exhaustive()
    }
}
