//! What is said of a function that panics in a check: where it was asked, and its own text.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::Check;
use crate::op::custom::message;
use crate::real::Real;

/// Where the function is asked: at the point, or beside it.
#[derive(Clone, Default, Debug)]
pub(super) struct Whereabouts {
    /// What is moved.
    pub(super) what: String,
    /// By how much; 0 at the point itself.
    pub(super) step: f64,
}

impl fmt::Display for Whereabouts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.step {
            0.0 => f.write_str("at the point itself"),
            step => write!(f, "where {} is moved by {step:e}", self.what),
        }
    }
}

/// A panic of the function, with its text.
pub(super) struct Panicked {
    whereabouts: Whereabouts,
    text: String,
}

impl Panicked {
    /// What is left to say where everybody knows that the function was asked at a point: the text, unless it was beside that.
    pub(super) fn in_short(self) -> String {
        if self.whereabouts.step == 0.0 { self.text } else { self.to_string() }
    }
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { whereabouts, text } = self;
        write!(f, "check: the function panics {whereabouts}: {text}")?;
        if whereabouts.step != 0.0 {
            return f.write_str("\n  help: check it at a point around which it is defined");
        }
        // What has help of its own knows better.
        if text.contains("help: ") {
            return Ok(());
        }
        f.write_str("\n  help: no input was moved: call it there without a check; if it doesn't panic then, it keeps state from call to call")
    }
}

impl<T: Real> Check<'_, T> {
    /// Runs a part of the check, unless the function panics in it.
    pub(super) fn watch<R>(&mut self, run: impl FnOnce(&mut Self) -> R) -> Result<R, Panicked> {
        // What the panic leaves behind is not looked at again.
        catch_unwind(AssertUnwindSafe(|| run(self))).map_err(|payload| {
            let Some(text) = message(&*payload) else { resume_unwind(payload) };
            Panicked { whereabouts: std::mem::take(&mut self.whereabouts), text }
        })
    }
}
