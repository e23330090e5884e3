//! Saving what was learned and reading it back.

pub mod safetensors;
