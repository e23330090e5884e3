//! A learning rate that falls when training no longer gets better.

use super::Optimizer;
use super::allowed::Allowed;
use crate::real::Real;

/// Multiplies the learning rate by a factor when a metric has not improved for a while.
///
/// ```text
/// better    metric < best − threshold |best|     (maximise: metric > best + threshold |best|)
/// fires     after more than `patience` observations in a row that are not better
/// η ← max(η · factor, minimum)
/// ```
///
/// Defaults: smaller is better, factor 0.1, patience 10, threshold 10⁻⁴, cooldown 0, minimum 0, as in PyTorch.
///
/// The first number observed is the best so far. NaN is no improvement. During `cooldown` observations after it has fired,
/// none is counted as bad. It sets the learning rate η₀ of the optimiser: groups with a factor and a schedule
/// follow, groups with a learning rate of their own do not.
///
/// The threshold is relative to |best|. PyTorch's is relative to best itself, and so takes a negative metric that is a
/// little worse for an improvement.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let mut optimizer = Sgd::<f64>::new(1.0);
/// let mut plateau = ReduceOnPlateau::new().patience(1).factor(0.5);
/// let fired = [3.0, 2.0, 2.0, 2.0].map(|loss| plateau.observe(loss, &mut optimizer).is_some());
/// assert_eq!((fired, optimizer.learning_rate()), ([false, false, false, true], 0.5));
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct ReduceOnPlateau {
    patience: u64,
    factor: f64,
    threshold: f64,
    cooldown: u64,
    minimum: f64,
    maximise: bool,
    state: PlateauState,
}

/// What a [`ReduceOnPlateau`] has come to, as data: to keep, to write to a file, to go on from.
///
/// # Examples
///
/// ```
/// use gradus::optim::PlateauState;
/// use gradus::prelude::*;
///
/// let mut plateau = ReduceOnPlateau::new();
/// for loss in [2.0, 3.0, f64::NAN] {
///     plateau.observe(loss, &mut Sgd::<f64>::new(0.1));
/// }
/// assert_eq!(plateau.state(), PlateauState { best: Some(2.0), bad: 2, cooling: 0, observations: 3 });
/// ```
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct PlateauState {
    /// The best metric so far.
    pub best: Option<f64>,
    /// The observations since then, or since it last fired, that were not better.
    pub bad: u64,
    /// The observations that are left of the cooldown.
    pub cooling: u64,
    /// All observations.
    pub observations: u64,
}

/// What [`ReduceOnPlateau::observe`] did.
///
/// # Examples
///
/// ```
/// use gradus::optim::Reduction;
/// use gradus::prelude::*;
///
/// let mut optimizer = Sgd::<f64>::new(1.0);
/// let mut plateau = ReduceOnPlateau::new().patience(0).factor(0.25);
/// plateau.observe(1.0, &mut optimizer);
/// let reduction = plateau.observe(1.0, &mut optimizer);
/// assert_eq!(reduction, Some(Reduction { observation: 2, old: 1.0, new: 0.25 }));
/// ```
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Reduction {
    /// The number of the observation, counted from 1, that made it fire.
    pub observation: u64,
    /// η before.
    pub old: f64,
    /// η now.
    pub new: f64,
}

impl Default for ReduceOnPlateau {
    fn default() -> Self {
        Self::new()
    }
}

impl ReduceOnPlateau {
    /// With the defaults.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// assert_eq!(ReduceOnPlateau::new(), ReduceOnPlateau::new().patience(10).factor(0.1).threshold(1e-4));
    /// ```
    #[must_use]
    pub fn new() -> Self {
        let state = PlateauState::default();
        Self { patience: 10, factor: 0.1, threshold: 1e-4, cooldown: 0, minimum: 0.0, maximise: false, state }
    }

    /// The observations in a row that may be without improvement; with the next one it fires.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let (mut optimizer, mut plateau) = (Sgd::<f64>::new(1.0), ReduceOnPlateau::new().patience(0));
    /// plateau.observe(1.0, &mut optimizer);
    /// assert!(plateau.observe(1.0, &mut optimizer).is_some());
    /// ```
    #[must_use]
    pub fn patience(mut self, observations: u64) -> Self {
        self.patience = observations;
        self
    }

    /// What the learning rate is multiplied by.
    ///
    /// # Panics
    ///
    /// If it is not in (0, 1).
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut optimizer = Sgd::<f64>::new(1.0);
    /// let mut plateau = ReduceOnPlateau::new().patience(0).factor(0.5);
    /// (0..3).for_each(|_| drop(plateau.observe(1.0, &mut optimizer)));
    /// assert_eq!(optimizer.learning_rate(), 0.25);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn factor(mut self, factor: f64) -> Self {
        self.factor = checked("factor", factor, Allowed::PositiveFraction);
        self
    }

    /// How much better than the best a metric has to be to count, relative to |best|.
    ///
    /// # Panics
    ///
    /// If it is not a finite number ≥ 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut plateau = ReduceOnPlateau::new().threshold(0.25);
    /// for loss in [-8.0, -9.0] {
    ///     plateau.observe(loss, &mut Sgd::<f64>::new(1.0));
    /// }
    /// assert_eq!(plateau.state().best, Some(-8.0)); // −10 would have been passed only by less than −10
    /// ```
    #[must_use]
    #[track_caller]
    pub fn threshold(mut self, threshold: f64) -> Self {
        self.threshold = checked("threshold", threshold, Allowed::NonNegative);
        self
    }

    /// The observations after it has fired in which none is counted as bad.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut optimizer = Sgd::<f64>::new(1.0);
    /// let mut plateau = ReduceOnPlateau::new().patience(0).cooldown(2);
    /// let fired = [1.0; 5].map(|loss| plateau.observe(loss, &mut optimizer).is_some());
    /// assert_eq!(fired, [false, true, false, false, true]);
    /// ```
    #[must_use]
    pub fn cooldown(mut self, observations: u64) -> Self {
        self.cooldown = observations;
        self
    }

    /// The learning rate below which it does not go.
    ///
    /// # Panics
    ///
    /// If it is not a finite number ≥ 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut optimizer = Sgd::<f64>::new(1.0);
    /// let mut plateau = ReduceOnPlateau::new().patience(0).minimum(0.05);
    /// let fired = [1.0; 4].map(|loss| plateau.observe(loss, &mut optimizer).is_some());
    /// assert_eq!((fired, optimizer.learning_rate()), ([false, true, true, false], 0.05));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn minimum(mut self, learning_rate: f64) -> Self {
        self.minimum = checked("minimum", learning_rate, Allowed::NonNegative);
        self
    }

    /// Whether larger metrics are better, such as an accuracy.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut plateau = ReduceOnPlateau::new().maximise(true);
    /// for accuracy in [0.5, 0.8, 0.7] {
    ///     plateau.observe(accuracy, &mut Sgd::<f64>::new(1.0));
    /// }
    /// assert_eq!(plateau.state().best, Some(0.8));
    /// ```
    #[must_use]
    pub fn maximise(mut self, maximise: bool) -> Self {
        self.maximise = maximise;
        self
    }

    /// Takes note of a metric, and reduces the learning rate where it is time; tells what it did.
    ///
    /// Where the learning rate already is at the minimum, or below, nothing is done.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let (mut optimizer, mut plateau) = (Adam::<f64>::new(0.1), ReduceOnPlateau::new().patience(2));
    /// for loss in [0.9, 0.8, 0.9, f64::NAN, 0.9] {
    ///     if let Some(reduction) = plateau.observe(loss, &mut optimizer) {
    ///         println!("observation {}: η = {}", reduction.observation, reduction.new);
    ///     }
    /// }
    /// assert!((optimizer.learning_rate() - 0.01).abs() < 1e-15);
    /// ```
    pub fn observe<T: Real>(&mut self, metric: f64, optimizer: &mut (impl Optimizer<T> + ?Sized)) -> Option<Reduction> {
        let state = &mut self.state;
        state.observations += 1;
        if is_better(metric, state.best, self.threshold, self.maximise) {
            state.best = Some(metric);
            state.bad = 0;
        } else if state.cooling == 0 {
            state.bad += 1;
        }
        if state.cooling > 0 {
            state.cooling -= 1;
            state.bad = 0;
        }
        if state.bad <= self.patience {
            return None;
        }
        state.bad = 0;
        state.cooling = self.cooldown;
        let old = optimizer.learning_rate();
        let new = (old * self.factor).max(self.minimum);
        if new >= old {
            return None;
        }
        optimizer.set_learning_rate(new);
        Some(Reduction { observation: state.observations, old, new })
    }

    /// What it has come to.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// assert_eq!(ReduceOnPlateau::new().state().best, None);
    /// ```
    #[must_use]
    pub fn state(&self) -> PlateauState {
        self.state
    }

    /// Goes on from a saved state. Options are not in it; the learning rate is in the state of the optimiser.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::optim::PlateauState;
    /// use gradus::prelude::*;
    ///
    /// let mut plateau = ReduceOnPlateau::new().patience(3);
    /// plateau.restore(PlateauState { best: Some(1.0), bad: 3, cooling: 0, observations: 20 });
    /// assert_eq!(plateau.observe(1.0, &mut Sgd::<f64>::new(1.0)).map(|reduction| reduction.observation), Some(21));
    /// ```
    pub fn restore(&mut self, state: PlateauState) {
        self.state = state;
    }
}

fn is_better(metric: f64, best: Option<f64>, threshold: f64, maximise: bool) -> bool {
    let worst = if maximise { f64::NEG_INFINITY } else { f64::INFINITY };
    let best = best.unwrap_or(worst);
    // ∞ − threshold · ∞ is NaN.
    let margin = if best.is_finite() { threshold * best.abs() } else { 0.0 };
    if maximise { metric > best + margin } else { metric < best - margin }
}

#[track_caller]
fn checked(field: &str, value: f64, allowed: Allowed) -> f64 {
    allowed.check::<f64>("ReduceOnPlateau", field, value)
}
