//! Schedules: the learning rate as a function of the iteration.
//!
//! ```text
//! Constant             η₀
//! Step                 η₀ γ^⌊t/T₀⌋
//! MultiStep            η₀ γ^(milestones reached)
//! Exponential          η₀ e^(−λt)
//! Polynomial           η₀ (1 + αt)^(−β), β ∈ (0.5, 1]
//! InverseTime          η₀/(1 + αt), also η₀/t
//! Linear               η₀ (1 − t/T), then 0
//! Cosine               ηₘᵢₙ + ½(η₀ − ηₘᵢₙ)(1 + cos(πt/T)), then ηₘᵢₙ
//! WarmRestarts         cosines one after the other
//! OneCycle             up to η₀ and far down, both along cosines
//! Cyclic               between ηₘᵢₙ and η₀ along lines
//! WarmUp               a line up to what comes then
//! WarmUpStableDecay    a line up to η₀, η₀, a line down to 0
//! Sequence             one after the other
//! Product              the rate of one is the η₀ of the other
//! from_fn              a function of one's own
//! ```
//!
//! η₀ is the learning rate of the optimiser, or of a group, and the highest rate of every schedule here. t is the number of
//! updates made: 0 in the first step. A schedule keeps nothing: where a run is resumed, it goes on to the bit.
//! [`ReduceOnPlateau`](super::ReduceOnPlateau), which looks at what training comes to, is therefore none of them.
//!
//! ```
//! use gradus::prelude::*;
//!
//! let plan = schedule::WarmUp::new(4, schedule::Cosine::new(100));
//! let rates: Vec<f64> = (0..5).map(|t| plan.rate(1.0, t)).collect();
//! assert_eq!(rates, [0.2, 0.4, 0.6, 0.8, 1.0]);
//! let optimizer = AdamW::<f32>::new(1e-3).schedule(plan);
//! assert!((optimizer.scheduled_rate() - 2e-4).abs() < 1e-18);
//! ```

use std::fmt;
use std::sync::Arc;

mod annealing;
mod compose;
mod cycles;
mod decay;

pub use annealing::{Cosine, Linear, OneCycle, WarmRestarts};
pub use compose::{FromFn, Product, Sequence, WarmUp, WarmUpStableDecay, from_fn};
pub use cycles::Cyclic;
pub use decay::{Constant, Exponential, InverseTime, MultiStep, Polynomial, Step};

/// A learning rate as a function of the iteration.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// /// η₀/√(t + 1)
/// #[derive(Debug)]
/// struct InverseRoot;
///
/// impl Schedule for InverseRoot {
///     fn rate(&self, base: f64, t: u64) -> f64 {
///         base / ((t + 1) as f64).sqrt()
///     }
///
///     fn satisfies_robbins_monro(&self) -> Option<bool> {
///         Some(false) // the squares add up to ∞
///     }
/// }
///
/// let plans: Vec<Box<dyn Schedule>> = vec![Box::new(InverseRoot), Box::new(schedule::Linear::new(4))];
/// assert_eq!(plans.iter().map(|plan| plan.rate(1.0, 3)).collect::<Vec<_>>(), [0.5, 0.25]);
/// ```
pub trait Schedule: fmt::Debug + Send + Sync {
    /// The learning rate in the step after t updates, of an optimiser or group with learning rate `base`.
    ///
    /// Pure: it depends on nothing else.
    fn rate(&self, base: f64, t: u64) -> f64;

    /// Whether Σ ηₜ = ∞ and Σ ηₜ² < ∞, for η₀ > 0: with both, stochastic gradient descent can go any distance and yet comes to
    /// rest (Robbins & Monro 1951; Ruiz Correa 2026, eq. 22). `None` where it is not known.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// assert_eq!(schedule::InverseTime::new(0.1).satisfies_robbins_monro(), Some(true));
    /// assert_eq!(schedule::Constant.satisfies_robbins_monro(), Some(false)); // never comes to rest
    /// assert_eq!(schedule::Exponential::new(0.1).satisfies_robbins_monro(), Some(false)); // stops on the way
    /// ```
    fn satisfies_robbins_monro(&self) -> Option<bool> {
        None
    }
}

impl<S: Schedule + ?Sized> Schedule for Box<S> {
    fn rate(&self, base: f64, t: u64) -> f64 {
        (**self).rate(base, t)
    }

    fn satisfies_robbins_monro(&self) -> Option<bool> {
        (**self).satisfies_robbins_monro()
    }
}

impl<S: Schedule + ?Sized> Schedule for Arc<S> {
    fn rate(&self, base: f64, t: u64) -> f64 {
        (**self).rate(base, t)
    }

    fn satisfies_robbins_monro(&self) -> Option<bool> {
        (**self).satisfies_robbins_monro()
    }
}

/// t of T as a part of 1: 1 from T on.
fn progress(t: u64, end: u64) -> f64 {
    if t >= end { 1.0 } else { t as f64 / end as f64 }
}

/// From `from` to `to` along half a cosine, as `part` goes from 0 to 1.
fn cosine(from: f64, to: f64, part: f64) -> f64 {
    // The ends as they stand, whatever the cosine makes of them.
    if part == 0.0 {
        from
    } else if part >= 1.0 {
        to
    } else {
        to + 0.5 * (from - to) * (1.0 + libm::cos(std::f64::consts::PI * part))
    }
}
