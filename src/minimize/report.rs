//! What a minimisation reports.

use std::fmt;
use std::time::Duration;

use super::history::History;
use crate::optim::stop::Reason;
use crate::params::Snapshot;

/// How a minimisation ended, and all it went through.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report<T> {
    /// Why it ended.
    pub reason: Reason,
    /// The value at the parameters as they are left; with batches, of the last batch, before the step that was made with it.
    pub value: f64,
    /// ‖g‖ at the parameters as they are left; with batches, of the last batch, before the step.
    pub gradient_norm: f64,
    /// The steps made.
    pub iterations: u64,
    /// The complete passes over the data; 0 where there are no batches.
    pub epochs: u64,
    /// How often the objective was asked for a value, with or without its gradient.
    pub evaluations: u64,
    /// The time it took.
    pub time: Duration,
    /// What was measured at each iterate.
    pub history: History,
    /// The iterate with the smallest value, or with the smallest validation metric where there is one; none with batches
    /// that are not validated, and where the first value was not finite.
    pub best: Option<Best<T>>,
}

/// The best iterate of a minimisation.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Best<T> {
    /// Its value, or its validation metric.
    pub value: f64,
    /// Its iteration.
    pub iteration: u64,
    /// The parameters there, for [`Params::restore`](crate::Params::restore).
    pub params: Snapshot<T>,
}

impl<T> Report<T> {
    /// Whether a minimum was approached as closely as was asked for.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::minimize::minimize;
    /// use gradus::optim::stop;
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let x = params.add("x", [], || 1.0);
    /// let report = minimize(|step| step.param(x).square()).with(Sgd::new(0.1)).until(stop::max_iterations(3)).run(&mut params);
    /// assert!(!report.converged());
    /// assert!(report.to_string().ends_with("3 iterations were made"));
    /// ```
    #[must_use]
    pub fn converged(&self) -> bool {
        self.reason.is_convergence()
    }
}

/// In one line: `stopped after 12 iterations (13 evaluations, 0.2 ms) at 3.1e-9, ‖g‖ = 4.0e-9: ‖g‖ = 4.000e-9 ≤ 1e-8`.
impl<T> fmt::Display for Report<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reason, value, gradient_norm, iterations, epochs, evaluations, time, .. } = self;
        let epochs = if *epochs > 0 { format!(", {epochs} epochs") } else { String::new() };
        write!(
            f,
            "stopped after {iterations} iterations ({evaluations} evaluations{epochs}, {time:.1?}) at {value:.6e}, ‖g‖ = {gradient_norm:.1e}: {reason}"
        )
    }
}
