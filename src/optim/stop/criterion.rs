//! What is asked.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{Needs, Reason, Status};

/// One criterion, and what it has counted.
pub(super) enum Criterion {
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
    pub(super) fn ask(&mut self, now: &Status) -> Option<Reason> {
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
    pub(super) fn reset(&mut self) {
        match self {
            Self::EarlyStopping { best, waited, .. } => (*best, *waited) = (f64::INFINITY, 0),
            Self::Growing { row, .. } => *row = 0,
            _ => {}
        }
    }

    pub(super) fn needs(&self) -> Needs {
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
