//! What a training loop needs around its steps: when to stop, and what to show meanwhile.

mod progress;
mod stopping;

pub use progress::Progress;
pub use stopping::{Best, EarlyStopping};
