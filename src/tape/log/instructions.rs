//! The instructions of a log: all of it that does not depend on the type of the elements.
//!
//! What plans a program or marks the way of a sweep needs nothing else, and is compiled once.

use super::{Entry, Id, Place, SLOW};
use crate::shape::Shape;
use crate::tape::callers::Callers;
use crate::tape::shapes::Shapes;

/// Instructions by position.
#[derive(Default)]
pub(crate) struct Instructions {
    pub(super) entries: Vec<Entry>,
    /// The number of instructions recorded so far, this time; with [`SLOW`] where every push needs more care, so that one
    /// comparison with the length of the log tells whether there may be a hit.
    pub(super) cursor: usize,
    pub(crate) shapes: Shapes,
    pub(super) lists: Vec<u32>,
    pub(super) callers: Callers,
}

impl Instructions {
    /// The number of instructions recorded so far.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.cursor & !SLOW
    }

    /// The instruction at a position of this recording.
    #[inline]
    pub(crate) fn entry(&self, id: Id) -> &Entry {
        &self.entries[id as usize]
    }

    /// The line that recorded an instruction, or on whose behalf it was recorded.
    pub(crate) fn place(&self, id: Id) -> Place {
        self.callers.of(id).unwrap_or(self.entry(id).place)
    }

    #[inline]
    pub(crate) fn shape(&self, id: Id) -> &Shape {
        self.shapes.get(self.entries[id as usize].shape)
    }

    /// The operands of an instruction.
    pub(crate) fn operands<'a>(&'a self, entry: &'a Entry) -> &'a [Id] {
        if entry.op.has_list() { self.list(entry) } else { &entry.inputs[..entry.op.arity()] }
    }

    pub(super) fn list(&self, entry: &Entry) -> &[Id] {
        self.inputs_list(entry.inputs)
    }

    pub(crate) fn inputs_list(&self, inputs: [u32; 3]) -> &[Id] {
        &self.lists[inputs[0] as usize..(inputs[0] + inputs[1]) as usize]
    }
}
