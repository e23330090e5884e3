//! Why a minimisation ended.

use std::fmt;
use std::time::Duration;

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
