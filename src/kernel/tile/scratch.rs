//! Memory of passes, kept from run to run.

/// Working memory for any number of programs, one after the other.
#[derive(Debug)]
pub(crate) struct Scratch<T> {
    memory: Vec<T>,
}

impl<T> Scratch<T> {
    pub(crate) fn new() -> Self {
        Self { memory: Vec::new() }
    }
}
