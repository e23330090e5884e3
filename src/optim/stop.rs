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

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::allowed::Allowed;

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

/// Why a minimisation ended.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum Reason {
    /// So many iterations were made.
    MaxIterations(u64),
    /// So many epochs were made.
    MaxEpochs(u64),
    /// The time is over.
    Time(Duration),
    /// ‖g‖ ≤ ε.
    GradientNorm {
        /// ‖g‖.
        norm: f64,
        /// ε.
        tolerance: f64,
    },
    /// The value changed by no more than ε.
    ValueChange {
        /// abs ΔL, or abs ΔL / abs L.
        change: f64,
        /// ε.
        tolerance: f64,
        /// Whether the change is relative.
        relative: bool,
    },
    /// ‖Δθ‖ ≤ ε.
    StepNorm {
        /// ‖Δθ‖.
        norm: f64,
        /// ε.
        tolerance: f64,
    },
    /// The value is at most the target.
    Target {
        /// The value.
        value: f64,
        /// What was to be reached.
        target: f64,
    },
    /// The validation metric did not improve for so many measurements.
    EarlyStopping {
        /// The best metric.
        best: f64,
        /// Measurements since then.
        waited: u64,
    },
    /// The value is above the bound.
    Above {
        /// The value.
        value: f64,
        /// The bound.
        bound: f64,
    },
    /// The value grew so many times in a row.
    Growing(u64),
    /// The flag is up.
    Flag,
    /// The closure of this name said so.
    When(&'static str),
    /// All of these at once.
    All(Vec<Reason>),
    /// A value or a derivative is NaN or infinite: the first tensor and op where.
    NotFinite(String),
    /// The method has no way on.
    Stuck(String),
    /// The source of batches has no more.
    NoMoreData,
}

impl Reason {
    /// Whether a minimum was approached as closely as was asked for.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::optim::stop::Reason;
    ///
    /// assert!(Reason::GradientNorm { norm: 1e-9, tolerance: 1e-8 }.is_convergence());
    /// assert!(!Reason::MaxIterations(10).is_convergence());
    /// ```
    #[must_use]
    pub fn is_convergence(&self) -> bool {
        match self {
            Self::GradientNorm { .. } | Self::ValueChange { .. } | Self::StepNorm { .. } | Self::Target { .. } => true,
            Self::All(reasons) => reasons.iter().any(Self::is_convergence),
            _ => false,
        }
    }

    /// Whether the best parameters are worth more than the last.
    pub(crate) fn wants_best(&self) -> bool {
        match self {
            Self::EarlyStopping { .. } | Self::Above { .. } | Self::Growing(_) | Self::Flag => true,
            Self::All(reasons) => reasons.iter().any(Self::wants_best),
            _ => false,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MaxIterations(n) => write!(f, "{n} iterations were made"),
            Self::MaxEpochs(n) => write!(f, "{n} epochs were made"),
            Self::Time(time) => write!(f, "the time is over: {:.1} s", time.as_secs_f64()),
            Self::GradientNorm { norm, tolerance } => write!(f, "‖g‖ = {norm:.3e} ≤ {tolerance:e}"),
            Self::ValueChange { change, tolerance, relative } => {
                let what = if *relative { "the value's relative change" } else { "the value's change" };
                write!(f, "{what} is {change:.3e} ≤ {tolerance:e}")
            }
            Self::StepNorm { norm, tolerance } => write!(f, "‖Δθ‖ = {norm:.3e} ≤ {tolerance:e}"),
            Self::Target { value, target } => write!(f, "the value {value:e} has reached the target {target:e}"),
            Self::EarlyStopping { best, waited } => {
                write!(f, "validation has not improved on {best:e} for {waited} measurements")
            }
            Self::Above { value, bound } => write!(f, "diverged: the value {value:e} is above {bound:e}"),
            Self::Growing(times) => write!(f, "diverged: the value grew {times} times in a row"),
            Self::Flag => f.write_str("the stop flag is up"),
            Self::When(name) => f.write_str(name),
            Self::All(reasons) => {
                for (k, reason) in reasons.iter().enumerate() {
                    let and = if k > 0 { " and " } else { "" };
                    write!(f, "{and}{reason}")?;
                }
                Ok(())
            }
            Self::NotFinite(what) => write!(f, "not finite: {what}"),
            Self::Stuck(what) => f.write_str(what),
            Self::NoMoreData => f.write_str("there are no more data"),
        }
    }
}

enum Criterion {
    MaxIterations(u64),
    MaxEpochs(u64),
    Time(Duration),
    GradientNorm(f64),
    ValueChange { tolerance: f64, relative: bool },
    StepNorm(f64),
    Target(f64),
    EarlyStopping { patience: u64, min_delta: f64, best: f64, waited: u64 },
    Above(f64),
    Growing { times: u64, row: u64 },
    Flag(Arc<AtomicBool>),
    When(&'static str, Box<dyn FnMut(&Status) -> bool + Send>),
}

impl Criterion {
    fn ask(&mut self, now: &Status) -> Option<Reason> {
        match self {
            Self::MaxIterations(n) => (now.iteration >= *n).then_some(Reason::MaxIterations(now.iteration)),
            Self::MaxEpochs(n) => (now.epoch >= *n).then_some(Reason::MaxEpochs(now.epoch)),
            Self::Time(limit) => (now.elapsed >= *limit).then_some(Reason::Time(now.elapsed)),
            &mut Self::GradientNorm(tolerance) => {
                let norm = now.gradient_norm;
                (norm <= tolerance).then_some(Reason::GradientNorm { norm, tolerance })
            }
            &mut Self::ValueChange { tolerance, relative } => {
                let unit = if relative { now.value.abs().max(f64::MIN_POSITIVE) } else { 1.0 };
                let change = (now.value - now.previous).abs() / unit;
                (change <= tolerance).then_some(Reason::ValueChange { change, tolerance, relative })
            }
            &mut Self::StepNorm(tolerance) => {
                let norm = now.step_norm;
                (norm <= tolerance).then_some(Reason::StepNorm { norm, tolerance })
            }
            &mut Self::Target(target) => (now.value <= target).then_some(Reason::Target { value: now.value, target }),
            Self::EarlyStopping { patience, min_delta, best, waited } => {
                if let Some(metric) = now.validation {
                    // NaN is never an improvement.
                    if metric < *best - *min_delta || (best.is_infinite() && metric < *best) {
                        (*best, *waited) = (metric, 0);
                    } else {
                        *waited += 1;
                    }
                }
                (*waited >= *patience).then_some(Reason::EarlyStopping { best: *best, waited: *waited })
            }
            &mut Self::Above(bound) => (now.value > bound).then_some(Reason::Above { value: now.value, bound }),
            Self::Growing { times, row } => {
                if now.fresh {
                    *row = if now.value > now.previous { *row + 1 } else { 0 };
                }
                (*row >= *times).then_some(Reason::Growing(*row))
            }
            Self::Flag(flag) => flag.load(Ordering::Relaxed).then_some(Reason::Flag),
            Self::When(name, closure) => closure(now).then_some(Reason::When(name)),
        }
    }

    /// Begins anew.
    fn reset(&mut self) {
        match self {
            Self::EarlyStopping { best, waited, .. } => (*best, *waited) = (f64::INFINITY, 0),
            Self::Growing { row, .. } => *row = 0,
            _ => {}
        }
    }

    fn needs(&self) -> Needs {
        Needs {
            gradient_norm: matches!(self, Self::GradientNorm(_) | Self::When(..)),
            step_norm: matches!(self, Self::StepNorm(_) | Self::When(..)),
            time: matches!(self, Self::Time(_) | Self::When(..)),
        }
    }
}

impl fmt::Debug for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MaxIterations(n) => write!(f, "max_iterations({n})"),
            Self::MaxEpochs(n) => write!(f, "max_epochs({n})"),
            Self::Time(limit) => write!(f, "time({limit:?})"),
            Self::GradientNorm(tolerance) => write!(f, "gradient_norm({tolerance:e})"),
            Self::ValueChange { tolerance, relative: false } => write!(f, "value_change({tolerance:e})"),
            Self::ValueChange { tolerance, relative: true } => write!(f, "relative_value_change({tolerance:e})"),
            Self::StepNorm(tolerance) => write!(f, "step_norm({tolerance:e})"),
            Self::Target(target) => write!(f, "target({target:e})"),
            Self::EarlyStopping { patience, .. } => write!(f, "early_stopping({patience})"),
            Self::Above(bound) => write!(f, "above({bound:e})"),
            Self::Growing { times, .. } => write!(f, "growing({times})"),
            Self::Flag(_) => f.write_str("flag"),
            Self::When(name, _) => write!(f, "when({name})"),
        }
    }
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

/// Stops when the value is above the bound: divergence. The best parameters come back.
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

/// Stops when the value grew in k iterations in a row: divergence. The best parameters come back.
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
/// parameters come back.
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
