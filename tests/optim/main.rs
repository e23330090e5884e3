//! Optimisers: every rule against its recurrence, against PyTorch, and against what all of them promise.

mod clip;
mod every;
mod groups;
mod messages;
mod pytorch;
mod reductions;
mod rules;
mod state;
mod support;
mod twins;
