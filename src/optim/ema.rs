//! The exponential moving average of the iterates.

use super::allowed::Allowed;
use super::average::Average;
use crate::params::Params;
use crate::real::Real;

/// A moving average of the parameters: often better than the last iterate, which the noise of its last batches has moved.
///
/// ```text
/// first update      A = θ
/// later             A ← A + (1 − dₜ)(θ − A)
///
/// plain             dₜ = d: the first θ counts as if it had always been
/// bias_correction   1 − dₜ = (1 − d)/(1 − dᵗ): the weights of the past are d⁰, d¹, d², … in proportion, with no start left over
/// warm_up           dₜ = min(d, t/(9 + t)): a short memory at first
/// ```
///
/// d `decay`; t counts updates from 1. Call [`update`](Ema::update) after each step. Buffers, such as running statistics, are
/// copied. Parameters that do not change, frozen ones for instance, stay as they are to the bit.
///
/// Default: plain. Of the two others, the last one asked for counts. 1/(1 − d) updates are the length of its memory: with
/// d = 0.999 the plain average is of little use before some thousand.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let mut params = Params::<f64>::new();
/// let _ = params.add("x", [1], || 0.0);
/// let mut average = Ema::new(0.75);
/// for x in [1.0, 5.0] {
///     params.flat_mut().fill(x);
///     average.update(&params);
/// }
/// assert_eq!(average.params().unwrap().flat(), [2.0]); // the same store: models and tapes work with it
/// average.swap(&mut params);
/// assert_eq!(params.flat(), [2.0]); // measure, then swap back
/// average.swap(&mut params);
/// assert_eq!(params.flat(), [5.0]);
/// ```
///
/// # References
///
/// Polyak & Juditsky 1992, Acceleration of stochastic approximation by averaging, for why averages are better. The warm-up is
/// that of TensorFlow's `ExponentialMovingAverage`.
#[derive(Clone, Debug)]
pub struct Ema<T> {
    decay: f64,
    start: Start,
    updates: u64,
    average: Average<T>,
}

#[derive(Clone, Copy, Debug)]
enum Start {
    Plain,
    Corrected,
    WarmUp,
}

impl<T: Real> Ema<T> {
    /// With d = `decay`, the weight of the past.
    ///
    /// # Panics
    ///
    /// If d is not in [0, 1).
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// assert!(Ema::<f32>::new(0.999).params().is_none()); // nothing yet
    /// ```
    #[must_use]
    #[track_caller]
    pub fn new(decay: f64) -> Self {
        let decay = Allowed::Fraction.check::<f64>("Ema", "decay", decay);
        Self { decay, start: Start::Plain, updates: 0, average: Average::new("Ema") }
    }

    /// Whether the weights of the past are dᵏ in proportion from the first update on, as Adam's are.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let _ = params.add("x", [1], || 0.0);
    /// let mut average = Ema::new(0.5).bias_correction(true);
    /// for x in [0.0, 3.0] {
    ///     params.flat_mut().fill(x);
    ///     average.update(&params);
    /// }
    /// assert_eq!(average.params().unwrap().flat(), [2.0]); // weights 1/3 and 2/3
    /// ```
    #[must_use]
    pub fn bias_correction(mut self, corrected: bool) -> Self {
        self.start = if corrected { Start::Corrected } else { Start::Plain };
        self
    }

    /// Whether the memory is short at first: dₜ = min(d, t/(9 + t)).
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let _ = params.add("x", [1], || 0.0);
    /// let mut average = Ema::new(0.999).warm_up(true);
    /// for x in [0.0, 11.0] {
    ///     params.flat_mut().fill(x);
    ///     average.update(&params);
    /// }
    /// assert!((average.params().unwrap().flat()[0] - 9.0).abs() < 1e-12); // d₂ is 2/11
    /// ```
    #[must_use]
    pub fn warm_up(mut self, warm_up: bool) -> Self {
        self.start = if warm_up { Start::WarmUp } else { Start::Plain };
        self
    }

    /// Takes the parameters into the average.
    ///
    /// # Panics
    ///
    /// If they are of another store than before, or tensors were added since.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let _ = params.add("x", [1], || 3.0);
    /// let mut average = Ema::new(0.9);
    /// average.update(&params);
    /// assert_eq!(average.params().unwrap().flat(), [3.0]);
    /// ```
    #[track_caller]
    pub fn update(&mut self, params: &Params<T>) {
        let t = (self.updates + 1) as f64;
        let weight = match self.start {
            Start::Plain => 1.0 - self.decay,
            Start::Corrected => (1.0 - self.decay) / (1.0 - libm::pow(self.decay, t)),
            Start::WarmUp => 1.0 - self.decay.min(t / (9.0 + t)),
        };
        self.average.take(params, weight);
        self.updates += 1;
    }

    /// The average, as the store that it is of; `None` before the first update.
    #[must_use]
    pub fn params(&self) -> Option<&Params<T>> {
        self.average.params()
    }

    /// The number of updates.
    #[must_use]
    pub fn updates(&self) -> u64 {
        self.updates
    }

    /// Writes the average, and the buffers copied with it, to the parameters.
    ///
    /// # Panics
    ///
    /// Before the first update, or if the parameters are of another store.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let _ = params.add("x", [1], || 3.0);
    /// let mut average = Ema::new(0.9);
    /// average.update(&params);
    /// params.flat_mut().fill(4.0);
    /// average.apply(&mut params);
    /// assert_eq!(params.flat(), [3.0]);
    /// ```
    #[track_caller]
    pub fn apply(&self, params: &mut Params<T>) {
        self.average.apply(params);
    }

    /// Exchanges the average with the parameters; a second time puts both back, to the bit.
    ///
    /// # Panics
    ///
    /// Before the first update, or if the parameters are of another store.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let _ = params.add("x", [1], || 3.0);
    /// let mut average = Ema::new(0.9);
    /// average.update(&params);
    /// params.flat_mut().fill(4.0);
    /// average.swap(&mut params);
    /// assert_eq!((params.flat(), average.params().unwrap().flat()), (&[3.0][..], &[4.0][..]));
    /// ```
    #[track_caller]
    pub fn swap(&mut self, params: &mut Params<T>) {
        self.average.swap(params);
    }

    /// Goes on from an average that was saved, as [`params`](Ema::params) gave it, and the number of its updates.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let _ = params.add("x", [1], || 3.0);
    /// let mut average = Ema::new(0.75);
    /// average.restore(&params, 10);
    /// params.flat_mut().fill(7.0);
    /// average.update(&params);
    /// assert_eq!((average.params().unwrap().flat(), average.updates()), (&[4.0][..], 11));
    /// ```
    pub fn restore(&mut self, average: &Params<T>, updates: u64) {
        self.average.set(average);
        self.updates = updates;
    }
}
