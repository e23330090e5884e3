//! Stopping when validation no longer improves.

use crate::params::{Params, Snapshot};
use crate::real::Real;

/// Stops training when a validation metric no longer improves, and keeps the parameters of the best epoch.
///
/// An epoch is an improvement if its value is better than the best so far by more than `min_delta`. After `patience`
/// epochs in a row without one, [`observe`](EarlyStopping::observe) answers that it is time to stop. NaN is never an
/// improvement.
///
/// Defaults: `min_delta` 0.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
/// use gradus::train::EarlyStopping;
///
/// let mut params = Params::<f64>::new();
/// let w = params.add("w", [], || 0.0);
/// let mut stopping = EarlyStopping::minimise(2);
/// for loss in [0.9, 0.5, 0.7, 0.6, 0.1] {
///     params.value_mut(w).fill(loss);
///     if stopping.observe(loss, &params) {
///         break;
///     }
/// }
/// let best = stopping.restore(&mut params).unwrap();
/// assert_eq!((best.value, best.epoch, params.flat()), (0.5, 2, &[0.5][..]));
/// ```
///
/// # References
///
/// Prechelt 1998, Early stopping — but when?
#[derive(Clone, Debug)]
pub struct EarlyStopping<T> {
    patience: usize,
    min_delta: f64,
    maximise: bool,
    epoch: usize,
    best: Option<(Best, Snapshot<T>)>,
}

/// The best epoch so far.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Best {
    /// The value of the metric.
    pub value: f64,
    /// The number of the epoch, counted from 1.
    pub epoch: usize,
}

impl<T: Real> EarlyStopping<T> {
    /// For a metric that should be small, such as a loss; stops after `patience` epochs in a row that do not improve it.
    ///
    /// # Panics
    ///
    /// If the patience is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    /// use gradus::train::EarlyStopping;
    ///
    /// let (params, mut stopping) = (Params::<f32>::new(), EarlyStopping::minimise(1));
    /// assert_eq!([2.0, 1.0, 1.5].map(|loss| stopping.observe(loss, &params)), [false, false, true]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn minimise(patience: usize) -> Self {
        assert!(patience > 0, "early stopping: the patience is 0, it must be at least 1");
        Self { patience, min_delta: 0.0, maximise: false, epoch: 0, best: None }
    }

    /// For a metric that should be large, such as an accuracy; stops after `patience` epochs in a row that do not improve
    /// it.
    ///
    /// # Panics
    ///
    /// If the patience is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    /// use gradus::train::EarlyStopping;
    ///
    /// let (params, mut stopping) = (Params::<f32>::new(), EarlyStopping::maximise(1));
    /// assert_eq!([0.5, 0.9, 0.8].map(|accuracy| stopping.observe(accuracy, &params)), [false, false, true]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn maximise(patience: usize) -> Self {
        Self { maximise: true, ..Self::minimise(patience) }
    }

    /// How much better than the best a value must be, in the unit of the metric; the default is 0.
    ///
    /// # Panics
    ///
    /// If it is negative or not finite.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    /// use gradus::train::EarlyStopping;
    ///
    /// let (params, mut stopping) = (Params::<f32>::new(), EarlyStopping::minimise(1).min_delta(0.1));
    /// assert_eq!([1.0, 0.95].map(|loss| stopping.observe(loss, &params)), [false, true]); // 0.05 is too little
    /// ```
    #[must_use]
    #[track_caller]
    pub fn min_delta(self, min_delta: f64) -> Self {
        assert!(
            min_delta >= 0.0 && min_delta.is_finite(),
            "early stopping: min_delta is {min_delta}, it must be finite and at least 0"
        );
        Self { min_delta, ..self }
    }

    /// Takes the value of the metric after an epoch, keeps the parameters if it is the best so far, and answers whether
    /// to stop.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    /// use gradus::train::EarlyStopping;
    ///
    /// let (params, mut stopping) = (Params::<f32>::new(), EarlyStopping::minimise(2));
    /// let answers = [f64::NAN, 1.0, f64::NAN, 1.0].map(|loss| stopping.observe(loss, &params));
    /// assert_eq!(answers, [false, false, false, true]); // NaN and an equal value are no improvement
    /// ```
    #[must_use]
    pub fn observe(&mut self, value: impl Into<f64>, params: &Params<T>) -> bool {
        let value = value.into();
        self.epoch += 1;
        if self.improves(value) {
            self.best = Some((Best { value, epoch: self.epoch }, params.snapshot()));
        }
        self.waited() >= self.patience
    }

    fn improves(&self, value: f64) -> bool {
        match self.best() {
            None => !value.is_nan(),
            Some(best) if self.maximise => value > best.value + self.min_delta,
            Some(best) => value < best.value - self.min_delta,
        }
    }

    /// How many epochs there were since the best.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    /// use gradus::train::EarlyStopping;
    ///
    /// let (params, mut stopping) = (Params::<f32>::new(), EarlyStopping::minimise(10));
    /// for loss in [2.0, 1.0, 3.0, 4.0] {
    ///     let _ = stopping.observe(loss, &params);
    /// }
    /// assert_eq!((stopping.waited(), stopping.best().unwrap().epoch), (2, 2));
    /// ```
    #[must_use]
    pub fn waited(&self) -> usize {
        self.epoch - self.best().map_or(0, |best| best.epoch)
    }

    /// The best epoch so far; `None` before the first, or where every value was NaN.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    /// use gradus::train::EarlyStopping;
    ///
    /// let (params, mut stopping) = (Params::<f32>::new(), EarlyStopping::maximise(3));
    /// assert_eq!(stopping.best(), None);
    /// let _ = [0.5, 0.9, 0.8].map(|accuracy| stopping.observe(accuracy, &params));
    /// assert_eq!(stopping.best().map(|best| (best.value, best.epoch)), Some((0.9, 2)));
    /// ```
    #[must_use]
    pub fn best(&self) -> Option<Best> {
        self.best.as_ref().map(|(best, _)| *best)
    }

    /// Puts the parameters and buffers of the best epoch back and says which it was; without one, nothing is changed.
    ///
    /// # Panics
    ///
    /// If `params` is another store than the observed one.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    /// use gradus::train::EarlyStopping;
    ///
    /// let (mut params, mut stopping) = (Params::<f64>::new(), EarlyStopping::minimise(3));
    /// let mean = params.add_buffer("mean", [], || 1.0);
    /// let _ = stopping.observe(0.5, &params);
    /// params.buffer_mut(mean).fill(9.0);
    /// assert_eq!(stopping.restore(&mut params).unwrap().epoch, 1);
    /// assert_eq!(params.buffer(mean)[[]], 1.0);
    /// ```
    #[track_caller]
    pub fn restore(&self, params: &mut Params<T>) -> Option<Best> {
        let (best, snapshot) = self.best.as_ref()?;
        params.restore(snapshot);
        Some(*best)
    }
}
