//! The criteria there are.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::criterion::Criterion;
use super::{Status, Stop};
use crate::optim::allowed::Allowed;

/// Stops after n iterations.
///
/// # Examples
///
/// ```
/// use gradus::optim::stop::{self, Status};
///
/// assert!(stop::max_iterations(3).ask(&Status { iteration: 3, ..Status::start() }).is_some());
/// ```
pub fn max_iterations(n: u64) -> Stop {
    Stop::leaf(Criterion::MaxIterations(n))
}

/// Stops after n passes over the data; without batches it never does.
///
/// # Examples
///
/// ```
/// use gradus::optim::stop::{self, Status};
///
/// assert!(stop::max_epochs(3).ask(&Status { epoch: 2, ..Status::start() }).is_none());
/// ```
pub fn max_epochs(n: u64) -> Stop {
    Stop::leaf(Criterion::MaxEpochs(n))
}

/// Stops at the first iteration that ends after this time. What is computed until then depends on the machine.
///
/// # Examples
///
/// ```
/// use gradus::optim::stop::{self, Status};
///
/// use std::time::Duration;
///
/// let mut minute = stop::time(Duration::from_secs(60));
/// assert!(minute.ask(&Status { elapsed: Duration::from_secs(61), ..Status::start() }).is_some());
/// ```
pub fn time(limit: Duration) -> Stop {
    Stop::leaf(Criterion::Time(limit))
}

/// Stops when ‖g‖ ≤ ε. With batches, g is the gradient of one batch, which need not become small.
///
/// # Panics
///
/// If ε is not a finite number ≥ 0.
///
/// # Examples
///
/// ```
/// use gradus::optim::stop::{self, Status};
///
/// assert!(stop::gradient_norm(1e-6).ask(&Status { gradient_norm: 1e-7, ..Status::start() }).is_some());
/// ```
#[track_caller]
pub fn gradient_norm(tolerance: f64) -> Stop {
    Stop::leaf(Criterion::GradientNorm(checked("gradient_norm", tolerance)))
}

/// Stops when the value changes by no more than ε in an iteration: abs(L − L₋₁) ≤ ε.
///
/// # Panics
///
/// If ε is not a finite number ≥ 0.
///
/// # Examples
///
/// ```
/// use gradus::optim::stop::{self, Status};
///
/// let status = Status { value: 1.0, previous: 1.5, ..Status::start() };
/// assert!(stop::value_change(0.5).ask(&status).is_some() && stop::value_change(0.4).ask(&status).is_none());
/// ```
#[track_caller]
pub fn value_change(tolerance: f64) -> Stop {
    Stop::leaf(Criterion::ValueChange { tolerance: checked("value_change", tolerance), relative: false })
}

/// Stops when the value changes by no more than a part ε of itself in an iteration: abs(L − L₋₁) ≤ ε · abs L.
///
/// # Panics
///
/// If ε is not a finite number ≥ 0.
///
/// # Examples
///
/// ```
/// use gradus::optim::stop::{self, Status};
///
/// let status = Status { value: 100.0, previous: 101.0, ..Status::start() };
/// assert!(stop::relative_value_change(0.01).ask(&status).is_some());
/// ```
#[track_caller]
pub fn relative_value_change(tolerance: f64) -> Stop {
    Stop::leaf(Criterion::ValueChange { tolerance: checked("relative_value_change", tolerance), relative: true })
}

/// Stops when a step is no longer than ε: ‖Δθ‖ ≤ ε. A small learning rate makes short steps far from any minimum.
///
/// # Panics
///
/// If ε is not a finite number ≥ 0.
///
/// # Examples
///
/// ```
/// use gradus::optim::stop::{self, Status};
///
/// assert!(stop::step_norm(1e-6).ask(&Status { step_norm: 1e-7, ..Status::start() }).is_some());
/// ```
#[track_caller]
pub fn step_norm(tolerance: f64) -> Stop {
    Stop::leaf(Criterion::StepNorm(checked("step_norm", tolerance)))
}

/// Stops when the value is at most this.
///
/// # Panics
///
/// If it is NaN.
///
/// # Examples
///
/// ```
/// use gradus::optim::stop::{self, Status};
///
/// assert!(stop::target(0.1).ask(&Status { value: 0.05, ..Status::start() }).is_some());
/// ```
#[track_caller]
pub fn target(value: f64) -> Stop {
    assert!(!value.is_nan(), "stop: target is NaN, expected a number");
    Stop::leaf(Criterion::Target(value))
}

/// Stops when the validation metric has not become smaller for `patience` measurements in a row; the parameters of the
/// best one come back.
///
/// # Panics
///
/// If the patience is 0.
///
/// # Examples
///
/// ```
/// use gradus::optim::stop::{self, Status};
///
/// let mut patience = stop::early_stopping(2);
/// let mut ask = |metric| patience.ask(&Status { validation: Some(metric), ..Status::start() }).is_some();
/// assert_eq!([5.0, 4.0, 4.5, 4.2].map(&mut ask), [false, false, false, true]);
/// ```
#[track_caller]
pub fn early_stopping(patience: u64) -> Stop {
    early_stopping_by(patience, 0.0)
}

/// The same, where only a metric that is smaller than the best by more than `min_delta` is an improvement.
///
/// # Panics
///
/// If the patience is 0, or `min_delta` no finite number ≥ 0.
///
/// # Examples
///
/// ```
/// use gradus::optim::stop::{self, Status};
///
/// let mut patience = stop::early_stopping_by(2, 1.0);
/// let mut ask = |metric| patience.ask(&Status { validation: Some(metric), ..Status::start() }).is_some();
/// assert_eq!([5.0, 4.5, 4.2].map(&mut ask), [false, false, true]);
/// ```
#[track_caller]
pub fn early_stopping_by(patience: u64, min_delta: f64) -> Stop {
    assert!(patience > 0, "stop: the patience is 0, expected at least 1");
    let min_delta = Allowed::NonNegative.check::<f64>("stop", "min_delta", min_delta);
    Stop::leaf(Criterion::EarlyStopping { patience, min_delta, best: f64::INFINITY, waited: 0 })
}

/// Stops when the value is above the bound: divergence. The best parameters come back, where it is known
/// which they are.
///
/// # Panics
///
/// If the bound is NaN.
///
/// # Examples
///
/// ```
/// use gradus::optim::stop::{self, Status};
///
/// assert!(stop::above(1e3).ask(&Status { value: 1e4, ..Status::start() }).is_some());
/// ```
#[track_caller]
pub fn above(bound: f64) -> Stop {
    assert!(!bound.is_nan(), "stop: the bound is NaN, expected a number");
    Stop::leaf(Criterion::Above(bound))
}

/// Stops when the value grew in k iterations in a row: divergence. The best parameters come back, where it is known
/// which they are.
///
/// # Panics
///
/// If k is 0.
///
/// # Examples
///
/// ```
/// use gradus::optim::stop::{self, Status};
///
/// let mut twice = stop::growing(2);
/// let mut ask = |(previous, value)| twice.ask(&Status { value, previous, fresh: true, ..Status::start() }).is_some();
/// assert_eq!([(1.0, 2.0), (2.0, 3.0)].map(&mut ask), [false, true]);
/// ```
#[track_caller]
pub fn growing(times: u64) -> Stop {
    assert!(times > 0, "stop: growing is 0 times in a row, expected at least 1");
    Stop::leaf(Criterion::Growing { times, row: 0 })
}

/// Stops after the current iteration when the flag is raised, from another thread or from a handler of Ctrl-C. The best
/// parameters come back, where it is known which they are.
///
/// The library installs no handler by itself; the crate `ctrlc` makes one in a line.
///
/// # Examples
///
/// ```
/// use gradus::optim::stop;
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicBool, Ordering};
///
/// let flag = Arc::new(AtomicBool::new(false));
/// let raised = Arc::clone(&flag);
/// let handler = move || raised.store(true, Ordering::Relaxed); // ctrlc::set_handler(handler)?;
/// let enough = stop::max_iterations(1_000_000).or(stop::flag(flag));
/// # handler();
/// # let _ = enough;
/// ```
pub fn flag(flag: Arc<AtomicBool>) -> Stop {
    Stop::leaf(Criterion::Flag(flag))
}

/// Stops when the closure says so; the name is the reason. All of [`Status`] is measured for it.
///
/// # Examples
///
/// ```
/// use gradus::optim::stop::{self, Status};
///
/// let mut small = stop::when("the step is small beside the gradient", |now| now.step_norm < 1e-3 * now.gradient_norm);
/// assert_eq!(small.ask(&Status::start()), None);
/// ```
pub fn when(name: &'static str, closure: impl FnMut(&Status) -> bool + Send + 'static) -> Stop {
    Stop::leaf(Criterion::When(name, Box::new(closure)))
}

#[track_caller]
fn checked(field: &str, tolerance: f64) -> f64 {
    Allowed::NonNegative.check::<f64>("stop", field, tolerance)
}
