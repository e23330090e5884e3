//! Optimisers: every rule against its recurrence, against PyTorch, and against what all of them promise.

mod averages;
mod clip;
mod every;
mod groups;
mod look_ahead;
mod messages;
mod plateau;
mod problems;
mod pytorch;
mod reductions;
mod rules;
mod schedules;
mod state;
mod support;
mod tables;
mod twins;
mod wrappers;
