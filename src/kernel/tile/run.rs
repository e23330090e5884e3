//! Running a program: chunk by chunk, tile by tile, step by step.

use std::sync::atomic::{AtomicU64, Ordering};
use std::{ptr, slice};

use super::expand::{self, RepeatColumn};
use super::machine::Run;
use super::program::{Entry, EntryId, Finish, Part, Position, Program, RowsOf, Segment, Step};
use super::rows::{Operand, Place, Rows};
use super::scratch::Scratch;
use super::{Extent, LANES, SUM_BLOCK, sums};
use crate::kernel::reduce;
use crate::kernel::simd::{self, Element, Kernel, Level};
use crate::kernel::team;

/// As many threads as take part in a pass.
const MOST: usize = u64::BITS as usize;

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
            let workers = threads.clamp(1, chunks.min(MOST));
            let (numbers, pointers) = (part.shared + workers * part.area, workers * part.pointers);
            let (shared, table) = scratch.reserve(numbers, pointers);
            let pass = Pass { part, level: self.level, inputs, labels, outputs, shared, table };
            // SAFETY: the caller vouches for inputs and outputs; the memory is as large as the part asks for.
            unsafe {
                let mut worker = pass.worker(0);
                worker.once();
                if workers == 1 {
                    worker.chunk(0, part.tiling.length());
                } else {
                    pass.share(chunks, workers);
                }
                worker.finish();
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
    table: *mut *mut T,
}

// SAFETY: threads read the inputs, write different chunks of the outputs, and each has memory of its own in the rest but for
// what is the same for all, which is written before they begin, and places for each chunk.
unsafe impl<T: Sync> Sync for Pass<'_, T> {}

impl<'a, T: Element> Pass<'a, T> {
    /// The `k`th thread, with its own memory.
    fn worker(&'a self, k: usize) -> Worker<'a, T> {
        Worker {
            pass: self,
            area: self.shared.wrapping_add(self.part.shared + k * self.part.area),
            table: self.table.wrapping_add(k * self.part.pointers),
            tile: Tile::default(),
            end: 0,
        }
    }

    /// Shares the chunks among threads.
    ///
    /// # Safety
    ///
    /// That of [`Program::run`].
    unsafe fn share(&self, chunks: usize, workers: usize) {
        let tiling = &self.part.tiling;
        let places = Places(AtomicU64::new(u64::MAX >> (u64::BITS as usize - workers)));
        team::run(chunks, workers, &|chunk| {
            let place = places.take();
            let start = chunk * tiling.chunk;
            // SAFETY: the caller vouches for it; nobody else has this memory before its place is given back.
            unsafe { self.worker(place.1).chunk(start, tiling.length().min(start + tiling.chunk)) };
        });
    }
}

/// Which memory is free, a bit for each thread.
struct Places(AtomicU64);

/// A place that is taken until it is dropped.
struct Taken<'a>(&'a Places, usize);

impl Places {
    /// There must be one: no more threads are at work than there are bits.
    fn take(&self) -> Taken<'_> {
        let first = |free: u64| Some(free & free.wrapping_sub(1));
        let Ok(free) = self.0.fetch_update(Ordering::Acquire, Ordering::Relaxed, first) else { unreachable!() };
        assert!(free != 0, "more threads than were asked for");
        Taken(self, free.trailing_zeros() as usize)
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_or(1 << self.1, Ordering::Release);
    }
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
        let len = segment.table.len();
        // SAFETY: there is room for the longest table behind the places of the entries.
        let table =
            unsafe { slice::from_raw_parts_mut(self.table.add(part.entries.len()), len + segment.foreign.len()) };
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
    unsafe fn finish(&mut self) {
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
