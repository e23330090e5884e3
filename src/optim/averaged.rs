//! The running mean of the iterates.

use super::allowed::counted;
use super::average::Average;
use crate::params::Params;
use crate::real::Real;

/// The mean of all iterates from one on: stochastic weight averaging, and the θ̄ that the theory of stochastic gradient
/// descent is about.
///
/// ```text
/// θ̄ = (θ_s + θ_(s+k) + θ_(s+2k) + …)/n        θ̄ ← θ̄ + (θ − θ̄)/n
/// ```
///
/// s `starting_at`, k `every`, n the number of iterates taken. Call [`update`](Averaged::update) after each step: it counts them
/// from 1. Buffers, such as running statistics, are copied; those of batch normalisation belong to the last iterate, and
/// are best found anew by a pass over the data.
///
/// Defaults: s = 1, k = 1, which is θ̄ = (1/T) Σ θₜ. For stochastic weight averaging s is where the learning rate becomes
/// constant or cyclic, and k an epoch or a cycle.
///
/// In `f32` a mean of more than some 10⁵ iterates hardly moves, being rounded every time: take every k-th.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let mut params = Params::<f64>::new();
/// let _ = params.add("x", [1], || 0.0);
/// let mut average = Averaged::new().starting_at(2);
/// for x in [9.0, 1.0, 2.0, 6.0] {
///     params.flat_mut().fill(x);
///     average.update(&params);
/// }
/// assert_eq!((average.params().unwrap().flat(), average.taken()), (&[3.0][..], 3));
/// ```
///
/// # References
///
/// Ruppert 1988, Efficient estimations from a slowly convergent Robbins–Monro process. Polyak & Juditsky 1992, Acceleration
/// of stochastic approximation by averaging. Izmailov et al. 2018, Averaging weights leads to wider optima and better
/// generalization. Ruiz Correa 2026, Machine Learning (lecture notes), theorem 0.2.
#[derive(Clone, Debug)]
pub struct Averaged<T> {
    start: u64,
    every: u64,
    iterations: u64,
    average: Average<T>,
}

impl<T: Real> Default for Averaged<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Real> Averaged<T> {
    /// The mean of all iterates.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// assert!(Averaged::<f32>::new().params().is_none()); // nothing yet
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self { start: 1, every: 1, iterations: 0, average: Average::new("Averaged") }
    }

    /// s: the first iterate that counts; the iterate after the first step is 1.
    ///
    /// # Panics
    ///
    /// If s is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let (params, mut average) = (Params::<f64>::new(), Averaged::new().starting_at(3));
    /// let taken = [1, 2, 3, 4].map(|_| {
    ///     average.update(&params);
    ///     average.taken()
    /// });
    /// assert_eq!(taken, [0, 0, 1, 2]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn starting_at(mut self, iteration: u64) -> Self {
        self.start = counted("Averaged", "starting_at", iteration);
        self
    }

    /// k: of the iterates from there on, every k-th counts, beginning with the first.
    ///
    /// # Panics
    ///
    /// If k is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let _ = params.add("x", [1], || 0.0);
    /// let mut average = Averaged::new().every(2);
    /// for x in [1.0, 9.0, 3.0, 9.0] {
    ///     params.flat_mut().fill(x);
    ///     average.update(&params);
    /// }
    /// assert_eq!(average.params().unwrap().flat(), [2.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn every(mut self, iterations: u64) -> Self {
        self.every = counted("Averaged", "every", iterations);
        self
    }

    /// Takes note of an iterate, and takes it into the mean where it counts.
    ///
    /// # Panics
    ///
    /// If the parameters are of another store than before, or tensors were added since.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let _ = params.add("x", [1], || 4.0);
    /// let (mut gradient, mut optimizer, mut average) = (params.gradient(), Sgd::new(1.0), Averaged::new());
    /// for _ in 0..3 {
    ///     gradient.flat_mut().fill(1.0);
    ///     optimizer.step(&mut params, &gradient);
    ///     average.update(&params);
    /// }
    /// assert_eq!(average.params().unwrap().flat(), [2.0]); // of 3, 2 and 1
    /// ```
    #[track_caller]
    pub fn update(&mut self, params: &Params<T>) {
        let iteration = self.iterations + 1;
        if iteration >= self.start && (iteration - self.start).is_multiple_of(self.every) {
            self.average.take(params, 1.0 / (self.taken() + 1) as f64);
        }
        self.iterations = iteration;
    }

    /// The mean, as the store that it is of; `None` before an iterate has counted.
    #[must_use]
    pub fn params(&self) -> Option<&Params<T>> {
        self.average.params()
    }

    /// The iterates noted.
    #[must_use]
    pub fn iterations(&self) -> u64 {
        self.iterations
    }

    /// The iterates in the mean.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let (params, mut average) = (Params::<f64>::new(), Averaged::new().starting_at(2).every(3));
    /// (0..6).for_each(|_| average.update(&params));
    /// assert_eq!((average.iterations(), average.taken()), (6, 2)); // the second and the fifth
    /// ```
    #[must_use]
    pub fn taken(&self) -> u64 {
        let since = (self.iterations + 1).saturating_sub(self.start);
        since.div_ceil(self.every)
    }

    /// Writes the mean, and the buffers copied with it, to the parameters.
    ///
    /// # Panics
    ///
    /// Before an iterate has counted, or if the parameters are of another store.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let _ = params.add("x", [1], || 3.0);
    /// let mut average = Averaged::new();
    /// average.update(&params);
    /// params.flat_mut().fill(4.0);
    /// average.apply(&mut params);
    /// assert_eq!(params.flat(), [3.0]);
    /// ```
    #[track_caller]
    pub fn apply(&self, params: &mut Params<T>) {
        self.average.apply(params);
    }

    /// Exchanges the mean with the parameters; a second time puts both back, to the bit.
    ///
    /// # Panics
    ///
    /// Before an iterate has counted, or if the parameters are of another store.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let _ = params.add("x", [1], || 3.0);
    /// let mut average = Averaged::new();
    /// average.update(&params);
    /// params.flat_mut().fill(4.0);
    /// average.swap(&mut params);
    /// average.swap(&mut params);
    /// assert_eq!(params.flat(), [4.0]);
    /// ```
    #[track_caller]
    pub fn swap(&mut self, params: &mut Params<T>) {
        self.average.swap(params);
    }

    /// Goes on from a mean that was saved, as [`params`](Averaged::params) gave it, and the number of iterates noted.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let _ = params.add("x", [1], || 3.0);
    /// let mut average = Averaged::new();
    /// average.restore(&params, 3);
    /// params.flat_mut().fill(7.0);
    /// average.update(&params);
    /// assert_eq!(average.params().unwrap().flat(), [4.0]); // (3 + 3 + 3 + 7)/4
    /// ```
    pub fn restore(&mut self, average: &Params<T>, iterations: u64) {
        self.average.set(average);
        self.iterations = iterations;
    }
}
