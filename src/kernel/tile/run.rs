//! Running a program: chunk by chunk, tile by tile, step by step.

use std::{ptr, slice};

use super::expand::{self, RepeatColumn};
use super::machine::{BLOCK, Run};
use super::program::{Entry, EntryId, Finish, Part, Position, Program, RowsOf, Segment, Step};
use super::rows::{Operand, Place, Rows};
use super::scratch::Scratch;
use super::{Extent, LANES, SUM_BLOCK, sums};
use crate::kernel::reduce;
use crate::kernel::simd::{self, Element, Kernel, Level};

impl<T: Element> Program<T> {
    /// Computes all outputs. In steady state nothing is allocated.
    ///
    /// # Safety
    ///
    /// For every row and column, what the graph's inputs describe must be readable and what its outputs describe must be
    /// writable by nobody else; outputs overlap neither inputs nor each other. Each slot of labels holds one for each row.
    pub(crate) unsafe fn run(
        &self,
        inputs: &[*const T],
        labels: &[*const u32],
        outputs: &[*mut T],
        scratch: &mut Scratch<T>,
        threads: usize,
    ) {
        for part in &self.parts {
            let chunks = part.tiling.chunks();
            let workers = threads.clamp(1, chunks);
            let (numbers, pointers) = (part.shared + workers * part.area, workers * part.pointers);
            let (shared, table) = scratch.reserve(numbers, pointers);
            let pass = Pass { part, level: self.level, inputs, labels, outputs, shared };
            let worker = |k: usize| Worker {
                pass: &pass,
                area: shared.wrapping_add(part.shared + k * part.area),
                table: table.wrapping_add(k * part.pointers),
                tile: Tile::default(),
                end: 0,
            };
            // SAFETY: the caller vouches for inputs and outputs; the memory is as large as the part asks for.
            unsafe {
                worker(0).once();
                worker(0).chunk(0, part.tiling.length());
                worker(0).finish();
            }
        }
    }
}

/// What is the same for all threads of a run.
struct Pass<'a, T> {
    part: &'a Part<T>,
    level: Level,
    inputs: &'a [*const T],
    labels: &'a [*const u32],
    outputs: &'a [*mut T],
    shared: *mut T,
}

/// A thread at work on a chunk.
struct Worker<'a, T> {
    pass: &'a Pass<'a, T>,
    /// Its own memory.
    area: *mut T,
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
/// Of all methods: that of [`Program::run`].
impl<T: Element> Worker<'_, T> {
    fn dispatch<K: Kernel>(&self, kernel: K) -> K::Output {
        // SAFETY: a program is compiled for a level that the machine has.
        unsafe { simd::run_at(self.pass.level, kernel) }
    }

    fn shared(&self, offset: usize) -> *mut T {
        self.pass.shared.wrapping_add(offset)
    }

    /// What is done once for a run.
    unsafe fn once(&mut self) {
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
    unsafe fn chunk(&mut self, start: usize, end: usize) {
        let part = self.pass.part;
        let tiling = part.tiling;
        self.end = end;
        self.settle();
        // SAFETY: the caller vouches for all of it.
        unsafe {
            for sum in &part.sums {
                ptr::write_bytes(self.area.add(sum.lanes), 0, LANES);
            }
            let (mut row, mut column) = if tiling.is_flat() { (0, start) } else { (start, 0) };
            let (last_row, last_column) = if tiling.is_flat() { (1, end) } else { (end, tiling.columns) };
            while row < last_row {
                let rows = tiling.tile_rows.min(last_row - row);
                let columns = tiling.tile_columns.min(last_column - column);
                self.tile(Tile { row, column, rows, columns });
                column += columns;
                if column == last_column {
                    (row, column) = (row + rows, 0);
                }
            }
        }
    }

    unsafe fn tile(&mut self, tile: Tile) {
        let part = self.pass.part;
        self.tile = tile;
        for &id in &part.travelling {
            // SAFETY: the table has a place for each entry.
            unsafe { *self.table.add(id.into()) = self.locate(part.entries[usize::from(id)]) };
        }
        // SAFETY: the caller vouches for all of it.
        unsafe {
            for step in &part.steps {
                self.step(step);
            }
            if part.tiling.follows_sums() {
                self.close_sums();
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
        for (k, &entry) in self.pass.part.entries.iter().enumerate() {
            // SAFETY: the table has a place for each entry.
            unsafe { *self.table.add(k) = self.locate(entry) };
        }
    }

    #[inline]
    fn locate(&self, entry: Entry) -> *mut T {
        let at = |start: *mut T, Position { offset, row, column }: Position| {
            let Tile { row: i, column: j, .. } = self.tile;
            start.wrapping_offset(offset + i.cast_signed() * row + j.cast_signed() * column)
        };
        match entry {
            Entry::Input { slot, at: position } => at(self.pass.inputs[slot].cast_mut(), position),
            Entry::Output { slot, at: position } => at(self.pass.outputs[slot], position),
            Entry::Shared(position) => at(self.pass.shared, position),
            Entry::Area(offset) => self.area.wrapping_add(offset),
            Entry::Constant(k) => ptr::from_ref(&self.pass.part.constants[k]).cast_mut(),
        }
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

    unsafe fn step(&mut self, step: &Step<T>) {
        let Tile { row, rows, columns, .. } = self.tile;
        let pointer = |id| self.pointer(id);
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
                Step::Unpack { from, to, stride, extent, add } => {
                    let width = if extent == Extent::Whole { columns } else { 1 };
                    let (from, to) = ((pointer(from).cast_const(), width.cast_signed()), (pointer(to), stride));
                    if add {
                        expand::add_rows(from, to, rows, width);
                    } else {
                        expand::copy_rows(from, to, rows, width);
                    }
                }
                Step::Call { kernel, operands, out, extent } => {
                    let operands = operands.map(|id| pointer(id).cast_const());
                    kernel(operands.as_ptr(), pointer(out), self.len(extent));
                }
                Step::Rows { kernel, operands, labels, out } => {
                    let operands = operands.map(|rows| rows.map_or(Operand::NONE, |rows| self.operand(rows)));
                    let labels = labels.map_or(ptr::null(), |slot| self.pass.labels[slot].add(row));
                    let Operand { start, stride, columns: width } = self.operand(out);
                    let place = Place { start: start.cast_mut(), stride, columns: width };
                    kernel(&mut Rows::new((rows, columns), operands, labels, place));
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
        let (block, small) = part.blocks;
        // SAFETY: there is room for the longest table behind the places of the entries.
        let table = unsafe { self.table.add(part.entries.len()) };
        for (k, &id) in segment.table.iter().enumerate() {
            // SAFETY: see above.
            unsafe { *table.add(k) = self.pointer(id) };
        }
        let run = |len, done, small| {
            let code = &part.code[segment.code.clone()];
            let start = self.tile.column + done;
            self.dispatch(Run { code, table, moving: segment.moving, len, start, small });
        };
        let len = self.len(segment.extent);
        let rest = len % block;
        let short = rest <= 2 * small;
        let covered = if short { rest.next_multiple_of(small) } else { block };
        let behind = match segment.extent {
            Extent::Whole if part.tiling.is_flat() => self.end - (self.tile.column + self.tile.columns),
            _ if part.tiling.is_flat() || segment.extent == Extent::Number => 0,
            Extent::Whole => (self.end - (self.tile.row + self.tile.rows)) * part.tiling.columns,
            _ => self.end - (self.tile.row + self.tile.rows),
        };
        if rest == 0 || segment.foreign.is_empty() || segment.overrun && covered - rest <= behind {
            let len = if short { len - rest } else { len };
            run(len, 0, false);
            if short && rest > 0 {
                run(rest, len, true);
            }
            return;
        }
        run(len - rest, 0, false);
        // SAFETY: the end of the segment's inputs and outputs is `rest` elements; each has a block of its own here.
        unsafe {
            let ends = self.area.add(part.ends);
            for (k, foreign) in segment.foreign.iter().enumerate() {
                let (place, end) = (table.add(foreign.place.into()), ends.add(k * BLOCK));
                if foreign.reads {
                    ptr::copy_nonoverlapping(*place, end, rest);
                }
                if foreign.writes {
                    *self.table.add(part.entries.len() + segment.table.len() + k) = *place;
                }
                *place = end;
            }
            run(rest, len - rest, short);
            for (k, _) in segment.foreign.iter().enumerate().filter(|(_, foreign)| foreign.writes) {
                let to = *self.table.add(part.entries.len() + segment.table.len() + k);
                ptr::copy_nonoverlapping(ends.add(k * BLOCK), to, rest);
            }
        }
    }

    /// What is done when all tiles are finished.
    unsafe fn finish(&mut self) {
        let part = self.pass.part;
        let Part { tiling, .. } = part;
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
                    Finish::Store { from, to, add } => {
                        let locate = |id: EntryId| self.locate(part.entries[usize::from(id)]);
                        let x = *locate(from);
                        let to = locate(to);
                        *to = if add { *to + x } else { x };
                    }
                }
            }
        }
    }
}
