//! What is known of a request.

use std::ops::Range;

use crate::kernel::aligned::Aligned;
use crate::run::plan::Program;
use crate::tape::log::Id;

/// One request of a program.
#[derive(Debug)]
pub(super) struct Segment<T> {
    /// The segment before, in the same recording.
    pub(super) parent: Option<u32>,
    pub(super) wanted: Vec<Id>,
    pub(super) parts: Vec<(Id, Range<usize>)>,
    /// What later segments need beside what is wanted, ascending.
    pub(super) exports: Vec<Id>,
    pub(super) children: Vec<u32>,
    pub(super) program: Option<Box<Program<T>>>,
    /// The memory of the program.
    pub(super) own: Aligned<T>,
}

impl<T> Segment<T> {
    /// All that this request is about.
    pub(super) fn asked(&self) -> impl Iterator<Item = Id> + '_ {
        self.wanted.iter().copied().chain(self.parts.iter().map(|&(id, _)| id))
    }

    /// Notes that a later segment needs this value.
    pub(super) fn export(&mut self, id: Id) {
        if let Err(at) = self.exports.binary_search(&id) {
            self.exports.insert(at, id);
        }
    }
}
