//! Groups: tensors with settings of their own.

use std::fmt;
use std::sync::Arc;

use super::allowed::Allowed;

/// Settings for the tensors that a predicate on the name accepts; made by [`Descent::group`](super::Descent::group).
///
/// What is not set here is as for the other tensors.
///
/// # Examples
///
/// ```
/// use gradus::optim::Group;
/// use gradus::prelude::*;
///
/// let slow = |group: Group| group.learning_rate_factor(0.1).weight_decay(0.0);
/// let optimizer = AdamW::<f64>::new(0.1)
///     .group(|name| name.starts_with("encoder."), slow)
///     .group(|name| name.starts_with("embedding."), slow);
/// assert_eq!(optimizer.settings("embedding.weight").weight_decay, 0.0);
/// ```
#[derive(Clone, Debug)]
pub struct Group {
    rule: &'static str,
    pub(super) which: Predicate,
    rate: Rate,
    weight_decay: Option<f64>,
}

/// What the tensors of a group are trained with.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let settings = AdamW::<f32>::new(1e-3).settings("weight");
/// assert_eq!((settings.learning_rate, settings.weight_decay), (1e-3, 0.01));
/// ```
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Settings {
    /// η.
    pub learning_rate: f64,
    /// λ.
    pub weight_decay: f64,
}

#[derive(Clone, Copy, Debug)]
enum Rate {
    Own(f64),
    Factor(f64),
}

#[derive(Clone)]
pub(super) struct Predicate(pub(super) Arc<dyn Fn(&str) -> bool + Send + Sync>);

impl fmt::Debug for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("|name| …")
    }
}

impl Group {
    pub(super) fn new(rule: &'static str, which: Predicate) -> Self {
        Self { rule, which, rate: Rate::Factor(1.0), weight_decay: None }
    }

    /// A learning rate of its own, which [`set_learning_rate`](super::Optimizer::set_learning_rate) does not change.
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
    /// let mut optimizer = Sgd::<f64>::new(0.1).group(|name| name == "bias", |group| group.learning_rate(0.5));
    /// optimizer.set_learning_rate(0.01);
    /// assert_eq!(optimizer.settings("bias").learning_rate, 0.5);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn learning_rate(mut self, learning_rate: f64) -> Self {
        self.rate = Rate::Own(self.checked("learning_rate", learning_rate));
        self
    }

    /// The optimiser's learning rate times a factor: it follows a schedule.
    ///
    /// # Panics
    ///
    /// If the factor is not a finite number ≥ 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut optimizer = Sgd::<f64>::new(1.0).group(|name| name == "bias", |group| group.learning_rate_factor(2.0));
    /// optimizer.set_learning_rate(0.25);
    /// assert_eq!(optimizer.settings("bias").learning_rate, 0.5);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn learning_rate_factor(mut self, factor: f64) -> Self {
        self.rate = Rate::Factor(self.checked("learning_rate_factor", factor));
        self
    }

    /// A weight decay λ of its own; coupled or decoupled as for the other tensors.
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
    /// let optimizer = AdamW::<f64>::new(0.1).group(|name| name == "norm.scale", |group| group.weight_decay(0.0));
    /// let decay = |name| optimizer.settings(name).weight_decay;
    /// assert_eq!((decay("norm.scale"), decay("weight")), (0.0, 0.01));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.weight_decay = Some(self.checked("weight_decay", weight_decay));
        self
    }

    pub(super) fn settings(&self, base: Settings) -> Settings {
        Settings {
            learning_rate: match self.rate {
                Rate::Own(rate) => rate,
                Rate::Factor(factor) => base.learning_rate * factor,
            },
            weight_decay: self.weight_decay.unwrap_or(base.weight_decay),
        }
    }

    #[track_caller]
    fn checked(&self, field: &str, value: f64) -> f64 {
        Allowed::NonNegative.check::<f64>(self.rule, &format!("{field} of a group"), value)
    }
}
