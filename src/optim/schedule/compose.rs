//! Schedules made of others.

use std::fmt;

use super::{Linear, Schedule};
use crate::optim::allowed::counted;

/// A line up to another schedule.
///
/// ```text
/// t < n    the other's first rate · (t + 1)/(n + 1)
/// else     the other's, n iterations ago
/// ```
///
/// No step is made with 0, and the other schedule loses none of its iterations.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let plan = schedule::WarmUp::new(3, schedule::Step::new(1, 0.5));
/// assert_eq!([0, 1, 2, 3, 4, 5].map(|t| plan.rate(4.0, t)), [1.0, 2.0, 3.0, 4.0, 2.0, 1.0]);
/// ```
///
/// # References
///
/// Goyal et al. 2017, Accurate, large minibatch SGD: training `ImageNet` in 1 hour.
#[derive(Clone, Debug)]
pub struct WarmUp<S> {
    iterations: u64,
    then: S,
}

impl<S: Schedule> WarmUp<S> {
    /// Up in n = `iterations`, then as `then`.
    ///
    /// # Panics
    ///
    /// If n is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// assert_eq!(schedule::WarmUp::new(9, schedule::Constant).rate(1.0, 0), 0.1);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn new(iterations: u64, then: S) -> Self {
        Self { iterations: counted("WarmUp", "iterations", iterations), then }
    }
}

impl<S: Schedule> Schedule for WarmUp<S> {
    fn rate(&self, base: f64, t: u64) -> f64 {
        match t.checked_sub(self.iterations) {
            Some(t) => self.then.rate(base, t),
            None => self.then.rate(base, 0) * ((t + 1) as f64 / (self.iterations as f64 + 1.0)),
        }
    }

    /// That of the other: what comes before any time changes nothing.
    fn satisfies_robbins_monro(&self) -> Option<bool> {
        self.then.satisfies_robbins_monro()
    }
}

/// A line up to η₀, η₀, and a line down to 0.
///
/// ```text
/// t < w            η₀ (t + 1)/(w + 1)
/// t < w + s        η₀
/// t < w + s + d    η₀ (1 − (t − w − s)/d)
/// else             0
/// ```
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let plan = schedule::WarmUpStableDecay::new(1, 2, 2);
/// assert_eq!([0, 1, 2, 3, 4, 5, 6].map(|t| plan.rate(1.0, t)), [0.5, 1.0, 1.0, 1.0, 0.5, 0.0, 0.0]);
/// ```
///
/// # References
///
/// Hu et al. 2024, `MiniCPM`: unveiling the potential of small language models with scalable training strategies.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct WarmUpStableDecay {
    warm_up: u64,
    stable: u64,
    decay: Linear,
}

impl WarmUpStableDecay {
    /// w = `warm_up`, s = `stable` and d = `decay` iterations. The first two may be 0.
    ///
    /// # Panics
    ///
    /// If d is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// assert_eq!(schedule::WarmUpStableDecay::new(0, 80, 20).rate(1.0, 90), 0.5);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn new(warm_up: u64, stable: u64, decay: u64) -> Self {
        Self { warm_up, stable, decay: Linear::new(counted("WarmUpStableDecay", "decay", decay)) }
    }
}

impl Schedule for WarmUpStableDecay {
    fn rate(&self, base: f64, t: u64) -> f64 {
        match t.checked_sub(self.warm_up) {
            None => base * ((t + 1) as f64 / (self.warm_up as f64 + 1.0)),
            Some(t) => self.decay.rate(base, t.saturating_sub(self.stable)),
        }
    }

    fn satisfies_robbins_monro(&self) -> Option<bool> {
        Some(false)
    }
}

/// Schedules one after the other, each with a time of its own that begins with 0.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let plan = schedule::Sequence::new(schedule::Constant).then(2, schedule::Linear::new(2));
/// assert_eq!([0, 1, 2, 3, 4].map(|t| plan.rate(1.0, t)), [1.0, 1.0, 1.0, 0.5, 0.0]);
/// ```
#[derive(Debug)]
pub struct Sequence {
    /// Each with the iteration that it begins in, ascending from 0.
    parts: Vec<(u64, Box<dyn Schedule>)>,
}

impl Sequence {
    /// Begins with `first`.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// assert_eq!(schedule::Sequence::new(schedule::Constant).rate(0.5, 100), 0.5);
    /// ```
    #[must_use]
    pub fn new(first: impl Schedule + 'static) -> Self {
        Self { parts: vec![(0, Box::new(first))] }
    }

    /// Goes on with `next` from iteration t = `from`.
    ///
    /// # Panics
    ///
    /// If `from` is not behind that of the one before.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let halves = schedule::from_fn(|base, _| 0.5 * base);
    /// let plan = schedule::Sequence::new(schedule::Constant).then(10, halves).then(20, schedule::Constant);
    /// assert_eq!([9, 10, 19, 20].map(|t| plan.rate(1.0, t)), [1.0, 0.5, 0.5, 1.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn then(mut self, from: u64, next: impl Schedule + 'static) -> Self {
        let last = self.parts.last().map_or(0, |&(start, _)| start);
        assert!(last < from, "Sequence: a part begins at {from}, expected an iteration > {last}");
        self.parts.push((from, Box::new(next)));
        self
    }
}

impl Schedule for Sequence {
    fn rate(&self, base: f64, t: u64) -> f64 {
        let (start, part) = &self.parts[self.parts.partition_point(|&(start, _)| start <= t) - 1];
        part.rate(base, t - start)
    }

    /// That of the last: what comes before any time changes nothing.
    fn satisfies_robbins_monro(&self) -> Option<bool> {
        self.parts.last().and_then(|(_, part)| part.satisfies_robbins_monro())
    }
}

/// Two schedules at once: the rate of the first is the η₀ of the second.
///
/// For schedules in proportion to η₀, η₀ a(t) and η₀ b(t), it is η₀ a(t) b(t) in either order.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let plan = schedule::Product::new(schedule::Linear::new(4), schedule::Step::new(2, 0.5));
/// assert_eq!([0, 1, 2, 3].map(|t| plan.rate(1.0, t)), [1.0, 0.75, 0.25, 0.125]);
/// // Whether Σηₜ = ∞ holds for a product does not follow from its factors.
/// assert_eq!(plan.satisfies_robbins_monro(), None);
/// ```
#[derive(Clone, Debug)]
pub struct Product<A, B> {
    first: A,
    second: B,
}

impl<A: Schedule, B: Schedule> Product<A, B> {
    /// `first`, then `second` on what it gives.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let plan = schedule::Product::new(schedule::Constant, schedule::InverseTime::harmonic());
    /// assert_eq!(plan.rate(1.0, 1), 0.5);
    /// ```
    #[must_use]
    pub fn new(first: A, second: B) -> Self {
        Self { first, second }
    }
}

impl<A: Schedule, B: Schedule> Schedule for Product<A, B> {
    fn rate(&self, base: f64, t: u64) -> f64 {
        self.second.rate(self.first.rate(base, t), t)
    }
}

/// A schedule by a function of η₀ and t; made by [`from_fn`].
#[derive(Clone, Copy)]
pub struct FromFn<F>(F);

/// The schedule f(η₀, t).
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let plan = schedule::from_fn(|base, t| if t % 2 == 0 { base } else { 0.0 });
/// assert_eq!([0, 1, 2].map(|t| plan.rate(0.5, t)), [0.5, 0.0, 0.5]);
/// ```
#[must_use]
pub fn from_fn<F: Fn(f64, u64) -> f64 + Send + Sync>(f: F) -> FromFn<F> {
    FromFn(f)
}

impl<F> fmt::Debug for FromFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("|base, t| …")
    }
}

impl<F: Fn(f64, u64) -> f64 + Send + Sync> Schedule for FromFn<F> {
    fn rate(&self, base: f64, t: u64) -> f64 {
        (self.0)(base, t)
    }
}
