//! Schedules over a time that is known.

use super::{Schedule, cosine, progress};
use crate::optim::allowed::{Allowed, counted};

/// η₀ (1 − t/T), and 0 from T on.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let plan = schedule::Linear::new(4);
/// assert_eq!([0, 1, 3, 4, 5].map(|t| plan.rate(1.0, t)), [1.0, 0.75, 0.25, 0.0, 0.0]);
/// ```
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Linear {
    iterations: u64,
}

impl Linear {
    /// Down to 0 in T = `iterations`.
    ///
    /// # Panics
    ///
    /// If T is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// assert_eq!(schedule::Linear::new(100).rate(1.0, 50), 0.5);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn new(iterations: u64) -> Self {
        Self { iterations: counted("Linear", "iterations", iterations) }
    }
}

impl Schedule for Linear {
    fn rate(&self, base: f64, t: u64) -> f64 {
        base * (1.0 - progress(t, self.iterations))
    }

    fn satisfies_robbins_monro(&self) -> Option<bool> {
        Some(false)
    }
}

/// ηₘᵢₙ + ½(η₀ − ηₘᵢₙ)(1 + cos(πt/T)), and ηₘᵢₙ from T on.
///
/// Default: ηₘᵢₙ = 0.
///
/// PyTorch's `CosineAnnealingLR` rises again after T.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let plan = schedule::Cosine::new(4).minimum(0.5);
/// let rates = [0, 2, 4, 5].map(|t| plan.rate(1.5, t));
/// assert!(rates.iter().zip([1.5, 1.0, 0.5, 0.5]).all(|(a, b)| (a - b).abs() < 1e-15));
/// ```
///
/// # References
///
/// Loshchilov & Hutter 2017, SGDR: stochastic gradient descent with warm restarts. Ruiz Correa 2026, Machine Learning
/// (lecture notes), on warm-up and scheduling.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Cosine {
    iterations: u64,
    minimum: f64,
}

impl Cosine {
    /// Down in T = `iterations`.
    ///
    /// # Panics
    ///
    /// If T is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// assert_eq!(schedule::Cosine::new(100).rate(1.0, 0), 1.0);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn new(iterations: u64) -> Self {
        Self { iterations: counted("Cosine", "iterations", iterations), minimum: 0.0 }
    }

    /// ηₘᵢₙ, where it ends.
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
    /// assert_eq!(schedule::Cosine::new(10).minimum(1e-3).rate(1.0, 10), 1e-3);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn minimum(mut self, minimum: f64) -> Self {
        self.minimum = Allowed::NonNegative.check::<f64>("Cosine", "minimum", minimum);
        self
    }
}

impl Schedule for Cosine {
    fn rate(&self, base: f64, t: u64) -> f64 {
        cosine(base, self.minimum, progress(t, self.iterations))
    }

    fn satisfies_robbins_monro(&self) -> Option<bool> {
        Some(false)
    }
}

/// [`Cosine`]s one after the other, each from η₀: the i-th, counted from 0, lasts T₀ mⁱ iterations.
///
/// Defaults: m = 1, ηₘᵢₙ = 0.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let plan = schedule::WarmRestarts::new(2).factor(2); // at 2, 6, 14, …
/// let rates = [0, 1, 2, 4, 6, 14].map(|t| plan.rate(1.0, t));
/// assert!(rates.iter().zip([1.0, 0.5, 1.0, 0.5, 1.0, 1.0]).all(|(a, b)| (a - b).abs() < 1e-15));
/// ```
///
/// # References
///
/// Loshchilov & Hutter 2017, SGDR: stochastic gradient descent with warm restarts.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct WarmRestarts {
    first: u64,
    factor: u64,
    minimum: f64,
}

impl WarmRestarts {
    /// The first restart after T₀ = `first` iterations.
    ///
    /// # Panics
    ///
    /// If T₀ is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// assert_eq!(schedule::WarmRestarts::new(10).rate(1.0, 10), 1.0);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn new(first: u64) -> Self {
        Self { first: counted("WarmRestarts", "first", first), factor: 1, minimum: 0.0 }
    }

    /// m: how many times as long as the one before each cosine is.
    ///
    /// # Panics
    ///
    /// If m is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let plan = schedule::WarmRestarts::new(1).factor(3);
    /// assert_eq!([0, 1, 4, 13].map(|t| plan.rate(1.0, t)), [1.0; 4]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn factor(mut self, factor: u64) -> Self {
        self.factor = counted("WarmRestarts", "factor", factor);
        self
    }

    /// ηₘᵢₙ, which each cosine comes near to.
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
    /// let plan = schedule::WarmRestarts::new(2).minimum(0.5);
    /// assert!((plan.rate(1.0, 3) - 0.75).abs() < 1e-15);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn minimum(mut self, minimum: f64) -> Self {
        self.minimum = Allowed::NonNegative.check::<f64>("WarmRestarts", "minimum", minimum);
        self
    }
}

impl Schedule for WarmRestarts {
    fn rate(&self, base: f64, t: u64) -> f64 {
        let (mut since, mut length) = (t, self.first);
        if self.factor == 1 {
            since %= length;
        }
        while since >= length {
            since -= length;
            length = length.saturating_mul(self.factor);
        }
        cosine(base, self.minimum, progress(since, length))
    }

    fn satisfies_robbins_monro(&self) -> Option<bool> {
        Some(false)
    }
}

/// Up from η₀/25 to η₀ and down to η₀/250 000, both along half a cosine.
///
/// ```text
/// t from 0 to pT − 1        η₀/d up to η₀
/// t from there to T − 1     η₀ down to η₀/(d f), which remains
/// ```
///
/// p `rise`, d `start_divisor`, f `end_divisor`. Defaults: p 0.3, d 25, f 10⁴, as in PyTorch, whose `max_lr` is η₀. Momentum is
/// left alone.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let plan = schedule::OneCycle::new(11).rise(6.0 / 11.0).start_divisor(10.0).end_divisor(100.0);
/// assert!([(0, 0.1), (5, 1.0), (10, 1e-3), (11, 1e-3)].iter().all(|&(t, rate)| (plan.rate(1.0, t) - rate).abs() < 1e-15));
/// ```
///
/// # References
///
/// Smith & Topin 2018, Super-convergence: very fast training of neural networks using large learning rates.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct OneCycle {
    iterations: u64,
    rise: f64,
    start_divisor: f64,
    end_divisor: f64,
}

impl OneCycle {
    /// A cycle of T = `iterations`.
    ///
    /// # Panics
    ///
    /// If T is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// assert_eq!(schedule::OneCycle::new(100).rate(1.0, 29), 1.0);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn new(iterations: u64) -> Self {
        let iterations = counted("OneCycle", "iterations", iterations);
        Self { iterations, rise: 0.3, start_divisor: 25.0, end_divisor: 1e4 }
    }

    /// p: the part of the cycle in which the rate rises.
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
    /// assert_eq!(schedule::OneCycle::new(100).rise(0.5).rate(1.0, 49), 1.0);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn rise(mut self, part: f64) -> Self {
        self.rise = Allowed::PositiveFraction.check::<f64>("OneCycle", "rise", part);
        self
    }

    /// d: the first rate is η₀/d.
    ///
    /// # Panics
    ///
    /// If it is not a finite number > 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// assert_eq!(schedule::OneCycle::new(100).start_divisor(4.0).rate(1.0, 0), 0.25);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn start_divisor(mut self, divisor: f64) -> Self {
        self.start_divisor = Allowed::Positive.check::<f64>("OneCycle", "start_divisor", divisor);
        self
    }

    /// f: the last rate is the first divided by f.
    ///
    /// # Panics
    ///
    /// If it is not a finite number > 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// assert_eq!(schedule::OneCycle::new(100).start_divisor(4.0).end_divisor(2.0).rate(1.0, 99), 0.125);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn end_divisor(mut self, divisor: f64) -> Self {
        self.end_divisor = Allowed::Positive.check::<f64>("OneCycle", "end_divisor", divisor);
        self
    }
}

impl Schedule for OneCycle {
    fn rate(&self, base: f64, t: u64) -> f64 {
        let (t, last) = (t.min(self.iterations - 1) as f64, (self.iterations - 1) as f64);
        let (start, top) = (base / self.start_divisor, (self.rise * self.iterations as f64 - 1.0).max(0.0));
        if t < top {
            cosine(start, base, t / top)
        } else {
            let part = if top < last { (t - top) / (last - top) } else { 1.0 };
            cosine(base, start / self.end_divisor, part)
        }
    }

    fn satisfies_robbins_monro(&self) -> Option<bool> {
        Some(false)
    }
}
