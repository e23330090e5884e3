//! Computing values: the interpreter, reading, backward, running again with other data.

mod backward;
mod interpreter;
mod replay;
mod store;

use crate::real::Real;
use crate::tape::Tape;
use interpreter::Interpreter;

pub use replay::Tensor;

impl<T: Real> Tape<T> {
    /// An empty tape.
    #[must_use]
    pub fn new() -> Self {
        // The tape does not know its runner, which stands a layer above it; here they meet.
        Self::with_runner(Box::new(Interpreter::new()))
    }
}

impl<T: Real> Default for Tape<T> {
    fn default() -> Self {
        Self::new()
    }
}
