//! A thread at work: chunk by chunk, tile by tile, step by step.

use std::{ptr, slice};

use super::expand::{self, RepeatColumn};
use super::machine::Run;
use super::program::{BASES, EntryId, Finish, Located, Part, RowsOf, Segment, Step};
use super::rows::{Operand, Place, Rows};
use super::run::Pass;
use super::{BlockKernel, Extent, LANES, PairKernel, RowKernel, SUM_BLOCK, sums};
use crate::kernel::reduce;
use crate::kernel::simd::{self, Element, Kernel};

/// A thread at work on a chunk.
pub(super) struct Worker<'a, T> {
    pass: &'a Pass<'a, T>,
    /// Its own memory.
    area: *mut T,
    /// Where all memory begins: that of all threads, our own, constants, inputs and outputs.
    bases: *mut *mut T,
    /// Where each entry stands for the present tile, then the table of a segment.
    table: *mut *mut T,
    tile: Tile,
    /// The end of the chunk.
    end: usize,
}

/// The present tile: its first row and column and its size.
#[derive(Clone, Copy, Default)]
struct Tile {
    row: usize,
    column: usize,
    rows: usize,
    columns: usize,
}

/// # Safety
///
/// Of all methods: that of [`Program::run`](super::Program::run).
impl<'a, T: Element> Worker<'a, T> {
    /// A worker with its own memory and table.
    pub(super) unsafe fn new(pass: &'a Pass<'a, T>, area: *mut T, bases: *mut *mut T) -> Self {
        let Part { inputs, outputs, .. } = pass.part;
        let ours = [pass.shared, area, pass.constants.as_ptr().cast_mut()];
        // SAFETY: the caller vouches for room for them and for the table behind them.
        unsafe {
            ptr::copy_nonoverlapping(ours.as_ptr(), bases, ours.len());
            ptr::copy_nonoverlapping(pass.inputs.as_ptr().cast(), bases.add(ours.len()), *inputs);
            ptr::copy_nonoverlapping(pass.outputs.as_ptr(), bases.add(ours.len() + inputs), *outputs);
        }
        let table = bases.wrapping_add(ours.len() + inputs + outputs);
        Self { pass, area, bases, table, tile: Tile::default(), end: 0 }
    }

    fn dispatch<K: Kernel>(&self, kernel: K) -> K::Output {
        // SAFETY: a program is compiled for a level that the machine has.
        unsafe { simd::run_at(self.pass.level, kernel) }
    }

    fn shared(&self, offset: usize) -> *mut T {
        self.pass.shared.wrapping_add(offset)
    }

    /// What is done once for a run.
    pub(super) unsafe fn once(&mut self) {
        let Part { once, tiling, rows_sums, .. } = self.pass.part;
        for sum in rows_sums {
            let len = tiling.rows.div_ceil(reduce::BLOCK) * tiling.columns;
            // SAFETY: there is a place for each block and column.
            unsafe { ptr::write_bytes(self.shared(sum.blocks), 0, len) };
        }
        if once.is_empty() {
            return;
        }
        self.tile = Tile { row: 0, column: 0, rows: tiling.tile_rows, columns: tiling.tile_columns };
        self.settle();
        for step in once {
            // SAFETY: the caller vouches for it.
            unsafe { self.step(step) };
        }
    }

    /// What is done for the chunk from `start` to `end`, rows or, of a flat domain, columns.
    pub(super) unsafe fn chunk(&mut self, start: usize, end: usize) {
        let part = self.pass.part;
        let tiling = &part.tiling;
        self.end = end;
        // SAFETY: the caller vouches for all of it.
        unsafe {
            for sum in &part.sums {
                ptr::write_bytes(self.area.add(sum.lanes), 0, LANES);
            }
            let (mut row, mut column) = if tiling.is_flat() { (0, start) } else { (start, 0) };
            let (last_row, last_column) = if tiling.is_flat() { (1, end) } else { (end, tiling.columns) };
            let mut is_first = true;
            while row < last_row {
                let rows = tiling.tile_rows.min(last_row - row);
                let columns = tiling.tile_columns.min(last_column - column);
                self.tile = Tile { row, column, rows, columns };
                if is_first {
                    self.settle();
                } else {
                    self.travel();
                }
                self.tile();
                is_first = false;
                column += columns;
                if column == last_column {
                    (row, column) = (row + rows, 0);
                }
            }
        }
    }

    unsafe fn tile(&mut self) {
        let part = self.pass.part;
        if part.tiling.is_slow {
            self.announce();
        }
        // SAFETY: the caller vouches for all of it.
        unsafe {
            for step in &part.steps {
                if let Step::Code(segment) = step { self.code(segment) } else { self.step(step) }
            }
            if part.follows_sums {
                self.close_sums();
            }
        }
    }

    /// Asks for the places of results, so that they are there when the tile is computed.
    fn announce(&self) {
        let part = self.pass.part;
        let line = 64 / size_of::<T>();
        for &id in &part.travelling {
            let entry = &part.located[usize::from(id)];
            if entry.base >= BASES + part.inputs && entry.at.column == 1 {
                let (start, n) = (self.pointer(id), self.tile.columns);
                for row in 0..self.tile.rows {
                    let start = start.wrapping_offset(row.cast_signed() * entry.at.row);
                    (0..n).step_by(line).for_each(|i| simd::prefetch(start.wrapping_add(i).cast_const()));
                }
            }
        }
    }

    /// Closes the blocks of sums that end with this tile.
    unsafe fn close_sums(&self) {
        let part = self.pass.part;
        let end = self.tile.column + self.tile.columns;
        if !end.is_multiple_of(SUM_BLOCK) && end != part.tiling.columns || self.tile.columns == 0 {
            return;
        }
        let block = (end - 1) / SUM_BLOCK;
        for sum in &part.sums {
            // SAFETY: the lanes are ours, and there is a place for each block.
            unsafe {
                let lanes = &mut *self.area.add(sum.lanes).cast::<[T; LANES]>();
                *self.shared(sum.blocks + block) = sums::close(lanes, end - block * SUM_BLOCK);
            }
        }
    }

    /// Finds all entries.
    fn settle(&mut self) {
        for (k, entry) in self.pass.part.located.iter().enumerate() {
            // SAFETY: the table has a place for each entry.
            unsafe { *self.table.add(k) = self.locate(entry) };
        }
    }

    /// Finds the entries that stand elsewhere than for the last tile.
    fn travel(&mut self) {
        let part = self.pass.part;
        for &id in &part.travelling {
            // SAFETY: see above.
            unsafe { *self.table.add(id.into()) = self.locate(&part.located[usize::from(id)]) };
        }
    }

    #[inline]
    fn locate(&self, entry: &Located) -> *mut T {
        let Tile { row: i, column: j, .. } = self.tile;
        let at = &entry.at;
        // SAFETY: the compiler knows no other bases.
        let base = unsafe { *self.bases.add(entry.base) };
        base.wrapping_offset(at.offset + i.cast_signed() * at.row + j.cast_signed() * at.column)
    }

    fn pointer(&self, id: EntryId) -> *mut T {
        // SAFETY: the table has a place for each entry.
        unsafe { *self.table.add(id.into()) }
    }

    /// Elements of the present tile over an extent.
    fn len(&self, extent: Extent) -> usize {
        match extent {
            Extent::Number => 1,
            Extent::Column => self.tile.rows,
            Extent::Whole => self.tile.rows * self.tile.columns,
        }
    }

    #[inline(never)]
    unsafe fn step(&mut self, step: &Step) {
        let Tile { row, rows, columns, .. } = self.tile;
        let pointer = |id| self.pointer(id);
        let input = |id| self.pointer(id).cast_const();
        let part = self.pass.part;
        // SAFETY: the compiler gave each step memory of the right size; the caller vouches for inputs and outputs.
        unsafe {
            match *step {
                Step::Code(ref segment) => self.code(segment),
                Step::Pack { from, stride, to, extent } => {
                    let width = if extent == Extent::Whole { columns } else { 1 };
                    expand::copy_rows((pointer(from), stride), (pointer(to), width.cast_signed()), rows, width);
                }
                Step::RepeatRow { from, to } => {
                    expand::copy_rows((pointer(from), 0), (pointer(to), columns.cast_signed()), rows, columns);
                }
                Step::RepeatColumn { from, stride, to } => {
                    self.dispatch(RepeatColumn { from: pointer(from), stride, to: pointer(to), rows, columns });
                }
                Step::Fill { from, to, extent } => {
                    slice::from_raw_parts_mut(pointer(to), self.len(extent)).fill(*pointer(from));
                }
                Step::Unpack { from, to, stride, extent } => {
                    let width = if extent == Extent::Whole { columns } else { 1 };
                    let from = (pointer(from).cast_const(), width.cast_signed());
                    expand::copy_rows(from, (pointer(to), stride), rows, width);
                }
                Step::Call { kernel, operands, out, extent } => {
                    let operands = [input(operands[0]), input(operands[1]), input(operands[2])];
                    kernel.of::<BlockKernel<T>>()(operands.as_ptr(), pointer(out), self.len(extent));
                }
                Step::Pair { kernel, operands, outs, lead, extent } => {
                    let operands = [input(operands[0]), input(operands[1]), input(operands[2])];
                    let outs = [pointer(outs[0]), pointer(outs[1])];
                    kernel.of::<PairKernel<T>>()(operands.as_ptr(), outs.as_ptr(), self.len(extent) + lead);
                }
                Step::Rows { kernel, operands, labels, out } => {
                    let operand = |rows: Option<RowsOf>| rows.map_or(Operand::NONE, |rows| self.operand(rows));
                    let operands = [operand(operands[0]), operand(operands[1]), operand(operands[2])];
                    let labels = labels.map_or(ptr::null(), |slot| self.pass.labels[slot].add(row));
                    let Operand { start, stride, columns: width } = self.operand(out);
                    let place = Place { start: start.cast_mut(), stride, columns: width };
                    kernel.of::<RowKernel<T>>()(&mut Rows::new((rows, columns), operands, labels, place));
                }
                Step::RowSum { operand: RowsOf { entry, stride, .. }, out } => {
                    let out = slice::from_raw_parts_mut(pointer(out), rows);
                    self.dispatch(sums::EachRow { start: pointer(entry), stride, columns, out });
                }
                Step::Sum { operand, sum } => {
                    let n = part.tiling.rows * part.tiling.columns;
                    let position = row * part.tiling.columns + self.tile.column;
                    let values = slice::from_raw_parts(pointer(operand), rows * columns);
                    let lanes = &mut *self.area.add(part.sums[sum].lanes).cast::<[T; LANES]>();
                    let blocks = self.shared(part.sums[sum].blocks + position / SUM_BLOCK);
                    self.dispatch(sums::Extend { values, position, n, lanes, blocks });
                }
                Step::SumRows { operand: RowsOf { entry, stride, .. }, sum } => {
                    let sums = self.shared(part.rows_sums[sum].blocks + self.tile.column);
                    let all_columns = part.tiling.columns;
                    let start = pointer(entry).cast_const();
                    self.dispatch(sums::AddRows { start, stride, first: row, rows, columns, sums, all_columns });
                }
            }
        }
    }

    fn operand(&self, RowsOf { entry, stride, whole }: RowsOf) -> Operand<T> {
        Operand { start: self.pointer(entry), stride, columns: if whole { self.tile.columns } else { 1 } }
    }

    /// Runs code over the present tile.
    unsafe fn code(&self, segment: &Segment) {
        let part = self.pass.part;
        let len = segment.table.len();
        // SAFETY: there is room for the longest table behind the places of the entries.
        let table =
            unsafe { slice::from_raw_parts_mut(self.table.add(part.located.len()), len + segment.foreign.len()) };
        table.iter_mut().zip(&segment.table).for_each(|(place, &id)| *place = self.pointer(id));
        self.dispatch(Run {
            code: &part.code[segment.code.clone()],
            table,
            moving: segment.moving,
            len: self.len(segment.extent),
            start: self.tile.column,
            foreign: &segment.foreign,
            behind: if segment.overrun { self.behind(segment) } else { 0 },
            ends: self.area.wrapping_add(part.ends),
        });
    }

    /// How many elements of the chunk there are behind the present tile.
    fn behind(&self, segment: &Segment) -> usize {
        let Tile { row, column, rows, columns } = self.tile;
        let tiling = &self.pass.part.tiling;
        match segment.extent {
            _ if segment.foreign.is_empty() => usize::MAX,
            Extent::Number => 0,
            Extent::Whole if tiling.is_flat() => self.end - (column + columns),
            Extent::Column if tiling.is_flat() => 0,
            Extent::Whole => (self.end - (row + rows)) * tiling.columns,
            Extent::Column => self.end - (row + rows),
        }
    }

    /// What is done when all tiles are finished.
    pub(super) unsafe fn finish(&mut self) {
        let part = self.pass.part;
        let tiling = &part.tiling;
        self.tile = Tile::default();
        // SAFETY: the sums are in the memory of all, and all threads are done with it; the caller vouches for the outputs.
        unsafe {
            for sum in &part.sums {
                let blocks = (tiling.rows * tiling.columns).div_ceil(SUM_BLOCK);
                let blocks = slice::from_raw_parts(self.shared(sum.blocks), blocks);
                *self.pass.outputs[sum.slot] = sums::combine(blocks);
            }
            for sum in &part.rows_sums {
                let blocks = tiling.rows.div_ceil(reduce::BLOCK) * tiling.columns;
                let blocks = slice::from_raw_parts_mut(self.shared(sum.blocks), blocks);
                let out = slice::from_raw_parts_mut(self.pass.outputs[sum.slot], tiling.columns);
                sums::combine_rows(blocks, out);
            }
            for finish in &part.finish {
                match *finish {
                    Finish::Sum { from, len, slot } => {
                        let column = slice::from_raw_parts(self.shared(from), len);
                        *self.pass.outputs[slot] = reduce::sum(column);
                    }
                    Finish::Store { from, to } => {
                        let locate = |id: EntryId| self.locate(&part.located[usize::from(id)]);
                        *locate(to) = *locate(from);
                    }
                }
            }
        }
    }
}
