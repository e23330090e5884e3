//! What a graph is compiled to.

use std::ops::Range;

use super::instr::Instr;
use super::tiling::Tiling;
use super::{BlockKernels, Extent, PairKernels, RowKernels};
use crate::kernel::simd::Level;

/// A graph, ready to run.
#[derive(Debug)]
pub(crate) struct Program<T> {
    pub(super) level: Level,
    pub(super) parts: Vec<Part>,
    /// For each part, what its constants are.
    pub(super) constants: Vec<Vec<T>>,
}

/// A range of columns with code of its own.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) tiling: Tiling,
    pub(super) chunks: usize,
    /// Whether tiles end where blocks of sums end.
    pub(super) follows_sums: bool,
    /// How many slots of inputs and outputs it looks at.
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    /// What stands in memory, and where.
    pub(super) located: Vec<Located>,
    /// The entries that stand elsewhere for each tile.
    pub(super) travelling: Vec<EntryId>,
    /// The bits of numbers.
    pub(super) constants: Vec<u64>,
    pub(super) code: Vec<Instr>,
    /// What is done once for a run.
    pub(super) once: Vec<Step>,
    /// What is done for each tile.
    pub(super) steps: Vec<Step>,
    pub(super) sums: Vec<Sum>,
    pub(super) rows_sums: Vec<RowsSum>,
    /// What is done when all tiles are finished.
    pub(super) finish: Vec<Finish>,
    /// Where the ends of inputs and outputs are in the memory of a thread, a block each.
    pub(super) ends: usize,
    /// Elements of memory for each thread, and for all together.
    pub(super) area: usize,
    pub(super) shared: usize,
    /// Pointers for each thread.
    pub(super) pointers: usize,
}

/// The position of an [`Entry`].
pub(super) type EntryId = u16;

/// Something in memory: where it stands for the tile that begins at (i, j).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Entry {
    Input {
        slot: usize,
        at: Position,
    },
    Output {
        slot: usize,
        at: Position,
    },
    /// In the memory of all threads together.
    Shared(Position),
    /// In the memory of a thread.
    Area(usize),
    Constant(usize),
}

/// Where an entry stands, from one of the bases: memory of all threads, of one, constants, inputs, outputs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Located {
    pub(super) base: usize,
    pub(super) at: Position,
}

/// How many bases stand before those of inputs.
pub(super) const BASES: usize = 3;

impl Entry {
    /// Where it stands in a part that looks at so many inputs.
    pub(super) fn locate(&self, inputs: usize) -> Located {
        let fixed = |offset: usize| Position { offset: offset.cast_signed(), row: 0, column: 0 };
        match *self {
            Self::Shared(at) => Located { base: 0, at },
            Self::Area(offset) => Located { base: 1, at: fixed(offset) },
            Self::Constant(offset) => Located { base: 2, at: fixed(offset) },
            Self::Input { slot, at } => Located { base: BASES + slot, at },
            Self::Output { slot, at } => Located { base: BASES + inputs + slot, at },
        }
    }

    /// Whether it stands elsewhere for each tile.
    pub(super) fn moves(&self) -> bool {
        match self {
            Self::Input { at, .. } | Self::Output { at, .. } | Self::Shared(at) => (at.row, at.column) != (0, 0),
            Self::Area(_) | Self::Constant(_) => false,
        }
    }
}

/// Element (i, j) stands at offset + i·row + j·column.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Position {
    pub(super) offset: isize,
    pub(super) row: isize,
    pub(super) column: isize,
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    Code(Segment),
    /// Rows that stand apart, one behind the other.
    Pack {
        from: EntryId,
        stride: isize,
        to: EntryId,
        extent: Extent,
    },
    /// The same row again and again.
    RepeatRow {
        from: EntryId,
        to: EntryId,
    },
    /// The number of each row all along the row.
    RepeatColumn {
        from: EntryId,
        stride: isize,
        to: EntryId,
    },
    /// One number everywhere.
    Fill {
        from: EntryId,
        to: EntryId,
        extent: Extent,
    },
    /// Rows that stand one behind the other, to where they belong.
    Unpack {
        from: EntryId,
        to: EntryId,
        stride: isize,
        extent: Extent,
    },
    Call {
        kernel: BlockKernels,
        operands: [EntryId; 3],
        out: EntryId,
        extent: Extent,
    },
    /// Two calls in one, over the tile and `lead` elements before it; see [`pair`](super::pair).
    Pair {
        kernel: PairKernels,
        operands: [EntryId; 3],
        outs: [EntryId; 2],
        lead: usize,
        extent: Extent,
    },
    Rows {
        kernel: RowKernels,
        operands: [Option<RowsOf>; 3],
        labels: Option<usize>,
        out: RowsOf,
    },
    RowSum {
        operand: RowsOf,
        out: EntryId,
    },
    /// The tile is added to a sum over all.
    Sum {
        operand: EntryId,
        sum: usize,
    },
    /// The rows of the tile are added up.
    SumRows {
        operand: RowsOf,
        sum: usize,
    },
}

/// Rows in memory, `stride` apart: whole ones, or one number each.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowsOf {
    pub(super) entry: EntryId,
    pub(super) stride: isize,
    pub(super) whole: bool,
}

/// Code of the accumulator machine.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) extent: Extent,
    pub(super) code: Range<usize>,
    /// What the places of the code's table are; those in front move on.
    pub(super) table: Vec<EntryId>,
    pub(super) moving: usize,
    /// Places in front that are not our own memory, where nothing behind the end may be touched.
    pub(super) foreign: Vec<Foreign>,
    /// Whether within a chunk it does no harm to go beyond the end of a tile.
    pub(super) overrun: bool,
}

/// A place of a segment's table in memory of others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Foreign {
    pub(super) place: u16,
    pub(super) reads: bool,
    pub(super) writes: bool,
}

/// The sum of all elements of a node over the whole domain.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sum {
    /// Where its lanes are in the memory of a thread.
    pub(super) lanes: usize,
    /// Where the sums of blocks are in the memory of all.
    pub(super) blocks: usize,
    pub(super) slot: usize,
}

/// The sum over all rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowsSum {
    /// Where the sums of blocks of rows are in the memory of all.
    pub(super) blocks: usize,
    pub(super) slot: usize,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Finish {
    /// The sum of `len` numbers in the memory of all.
    Sum { from: usize, len: usize, slot: usize },
    /// One number.
    Store { from: EntryId, to: EntryId },
}

impl Part {
    /// How many foreign places and places altogether the longest table has.
    pub(super) fn longest_table(&self) -> (usize, usize) {
        let tables = self.once.iter().chain(&self.steps).map(|step| match step {
            Step::Code(segment) => (segment.foreign.len(), segment.table.len()),
            _ => (0, 0),
        });
        tables.fold((0, 0), |all, one| (all.0.max(one.0), all.1.max(one.1)))
    }
}
