//! When to stop: criteria, and how they combine.
//!
//! ```
//! use gradus::optim::stop;
//! use std::time::Duration;
//!
//! let enough = stop::gradient_norm(1e-6)
//!     .or(stop::max_iterations(10_000))
//!     .or(stop::time(Duration::from_secs(60)))
//!     .or(stop::relative_value_change(1e-9).and(stop::step_norm(1e-6)));
//! # let _ = enough;
//! ```
//!
//! | criterion | stops when |
//! |---|---|
//! | [`max_iterations`], [`max_epochs`], [`time`] | so much was done |
//! | [`gradient_norm`] | ‖g‖ ≤ ε |
//! | [`value_change`], [`relative_value_change`] | abs ΔL ≤ ε, abs ΔL ≤ ε · abs L |
//! | [`step_norm`] | ‖Δθ‖ ≤ ε |
//! | [`target`] | L ≤ a value |
//! | [`early_stopping`] | the validation metric no longer improves; the best parameters come back |
//! | [`above`], [`growing`] | L is larger than a bound, or grew k times in a row: divergence |
//! | [`flag`] | a flag is up, such as one that Ctrl-C raises |
//! | [`when`] | a closure says so |
//!
//! A value that is NaN or infinite always ends a minimisation; it needs no criterion.

mod criteria;
mod criterion;
mod reason;

use std::time::Duration;

pub use criteria::{
    above, early_stopping, early_stopping_by, flag, gradient_norm, growing, max_epochs, max_iterations,
    relative_value_change, step_norm, target, time, value_change, when,
};
pub use reason::Reason;

use criterion::Criterion;

/// A criterion, or several combined with [`or`](Stop::or) and [`and`](Stop::and).
///
/// It is asked after each evaluation. What counts (how often the value grew, how long the metric has not improved) goes on
/// counting in every part of a combination.
#[derive(Debug)]
#[must_use = "a criterion does nothing until a minimisation is given it"]
pub struct Stop(Node);

#[derive(Debug)]
enum Node {
    Leaf(Criterion),
    Or(Box<[Stop; 2]>),
    And(Box<[Stop; 2]>),
}

/// How a minimisation stands when a criterion is asked.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Status {
    /// The steps made.
    pub iteration: u64,
    /// The complete passes over the data; 0 where there are no batches.
    pub epoch: u64,
    /// The value at the parameters.
    pub value: f64,
    /// The value one iteration before; NaN in the first.
    pub previous: f64,
    /// ‖g‖ at the parameters; NaN unless [`needs`](Stop::needs) asked for it.
    pub gradient_norm: f64,
    /// ‖Δθ‖ of the last step; NaN before the first, and unless [`needs`](Stop::needs) asked for it.
    pub step_norm: f64,
    /// The validation metric, if it was measured since the last time.
    pub validation: Option<f64>,
    /// The time since the beginning; 0 unless [`needs`](Stop::needs) asked for it.
    pub elapsed: Duration,
    /// Whether `value` is new since the last time: with batches, criteria are asked once more before the next batch.
    pub fresh: bool,
}

impl Status {
    /// Before the first evaluation.
    #[must_use]
    pub fn start() -> Self {
        Self {
            iteration: 0,
            epoch: 0,
            value: f64::NAN,
            previous: f64::NAN,
            gradient_norm: f64::NAN,
            step_norm: f64::NAN,
            validation: None,
            elapsed: Duration::ZERO,
            fresh: false,
        }
    }
}

/// What criteria must be told that costs time to find out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Needs {
    /// ‖g‖.
    pub gradient_norm: bool,
    /// ‖Δθ‖.
    pub step_norm: bool,
    /// The time.
    pub time: bool,
}

impl Stop {
    fn leaf(criterion: Criterion) -> Self {
        Self(Node::Leaf(criterion))
    }

    /// Stops when either criterion holds; the first one that does is the reason.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::optim::stop::{self, Reason, Status};
    ///
    /// let mut either = stop::target(1.0).or(stop::max_iterations(3));
    /// let now = Status { iteration: 3, value: 2.0, ..Status::start() };
    /// assert_eq!(either.ask(&now), Some(Reason::MaxIterations(3)));
    /// ```
    pub fn or(self, other: Self) -> Self {
        Self(Node::Or(Box::new([self, other])))
    }

    /// Stops when both criteria hold at the same time.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::optim::stop::{self, Status};
    ///
    /// let mut both = stop::target(1.0).and(stop::max_iterations(3));
    /// let at = |iteration, value| Status { iteration, value, ..Status::start() };
    /// assert_eq!(both.ask(&at(3, 2.0)), None);
    /// assert!(both.ask(&at(4, 0.5)).is_some());
    /// ```
    pub fn and(self, other: Self) -> Self {
        Self(Node::And(Box::new([self, other])))
    }

    /// Whether to stop, and why.
    #[must_use]
    pub fn ask(&mut self, now: &Status) -> Option<Reason> {
        match &mut self.0 {
            Node::Leaf(criterion) => criterion.ask(now),
            Node::Or(parts) => {
                let [a, b] = parts.each_mut().map(|part| part.ask(now));
                a.or(b)
            }
            Node::And(parts) => match parts.each_mut().map(|part| part.ask(now)) {
                [Some(a), Some(b)] => Some(Reason::All(vec![a, b])),
                _ => None,
            },
        }
    }

    /// Begins anew: what counts, counts from 0.
    pub fn reset(&mut self) {
        match &mut self.0 {
            Node::Leaf(criterion) => criterion.reset(),
            Node::Or(parts) | Node::And(parts) => parts.iter_mut().for_each(Self::reset),
        }
    }

    /// What it must be told that costs time to find out.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::optim::stop;
    ///
    /// let needs = stop::target(1.0).or(stop::gradient_norm(1e-6)).needs();
    /// assert!(needs.gradient_norm && !needs.step_norm && !needs.time);
    /// ```
    #[must_use]
    pub fn needs(&self) -> Needs {
        match &self.0 {
            Node::Leaf(criterion) => criterion.needs(),
            Node::Or(parts) | Node::And(parts) => {
                let [a, b] = parts.each_ref().map(Self::needs);
                Needs {
                    gradient_norm: a.gradient_norm || b.gradient_norm,
                    step_norm: a.step_norm || b.step_norm,
                    time: a.time || b.time,
                }
            }
        }
    }
}
