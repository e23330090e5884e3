//! Planning: from instructions to a program of steps over slots.
//!
//! 1. *Select* (`select`): only what the asked-for values need; layout ops become address arithmetic (`access`).
//! 2. *Group* (`group`): pointwise ops, row ops and reductions over one domain become passes; numbers become bytecode.
//! 3. *Place* (`place`): a slot for each value that has to stand in memory, by liveness. So far it is a `sketch`, which a
//!    graph can show.
//! 4. *Lower* (`lower`): steps become programs of the kernels.

mod access;
mod group;
mod lower;
mod place;
mod program;
mod select;
mod sketch;

use crate::kernel::space::Slot;
use crate::tape::log::{Entry, Id, Instructions};

pub(super) use access::is_address;
pub(super) use lower::plan;
pub(super) use program::{Program, Workspace};
pub(super) use select::{root, walk_down};
pub(super) use sketch::Sketch;

/// What a program is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Goal<'a> {
    /// What can be read afterwards.
    pub(super) kept: &'a [Id],
    /// What is written to parts of the target.
    pub(super) parts: &'a [(Id, std::ops::Range<usize>)],
}

/// Where a value is held: a number for the memory, as the run is told of it, and the slot there.
pub(super) type Imported = (usize, Slot);

/// The position that is read for an operand: its own, or that of what it transposes.
pub(super) fn source(log: &Instructions, entry: &Entry, operand: usize) -> Id {
    let id = log.operands(entry)[operand];
    if entry.op.reads_through(operand) { log.entry(id).inputs[0] } else { id }
}
