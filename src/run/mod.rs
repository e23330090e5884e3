//! Computing values: the interpreter, reading, backward, running again with other data.

mod anomaly;
mod backward;
mod interpreter;
mod plan;
mod replay;
mod rerun;
mod runner;
mod store;

use crate::real::{Real, twin};
use crate::tape::{Run, Tape};
use runner::Runner;

pub use replay::Tensor;

impl<T: Real> Tape<T> {
    /// An empty tape.
    #[must_use]
    pub fn new() -> Self {
        // The tape does not know its runner, which stands a layer above it; here they meet.
        let runner: fn() -> Box<dyn Run<T>> = twin(&(interpreter_f32 as fn() -> _), &(interpreter_f64 as fn() -> _));
        Self::with_runner(runner())
    }
}

fn interpreter_f32() -> Box<dyn Run<f32>> {
    Box::new(Runner::new())
}

fn interpreter_f64() -> Box<dyn Run<f64>> {
    Box::new(Runner::new())
}

impl<T: Real> Default for Tape<T> {
    fn default() -> Self {
        Self::new()
    }
}
