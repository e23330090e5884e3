//! The loops around tiles: blocks of depth, of rows and of columns that fit into the caches.

use std::ops::Range;

use super::pack::{pack_a, pack_b};
use super::tile::{Panel, Sums, height, width};
use super::view::View;
use crate::kernel::simd::{Element, Isa, Kernel, Lanes, Level};
use crate::kernel::workspace::{self, Workspace};

/// The longest stretch of k that is summed before it is added to C. Part of the definition of the bits.
const DEPTH: usize = 256;
/// Rows of A that stay in the second cache.
const ROWS: usize = 256;
/// Columns of B that are packed at a time where they are used more than once.
const COLUMNS: usize = 1536;
/// Up to so many rows of C, B is read where it stands.
pub(super) const DIRECT: usize = 128;
/// Up to so many panels, A is read where it stands, even if its columns stand in memory.
const PANELS: usize = 16;

/// A rectangle of a product, and all that it needs.
pub(super) struct Rectangle<T> {
    pub(super) a: View<T>,
    pub(super) b: View<T>,
    pub(super) depth: usize,
    pub(super) c: *mut T,
    pub(super) c_row: usize,
    /// What the sums are added to, from C's first element on; null for zeros.
    pub(super) start: *const T,
    pub(super) start_row: usize,
    pub(super) rows: Range<usize>,
    pub(super) columns: Range<usize>,
}

/// Blocks of depth: as few as possible, of the same length but for the last.
#[inline(always)]
pub(super) fn stretch(depth: usize) -> usize {
    if depth <= DEPTH { depth.max(1) } else { depth.div_ceil(depth.div_ceil(DEPTH)) }
}

/// How the operands of a rectangle are read.
struct Reading<T> {
    /// The length of a block of depth.
    stretch: usize,
    /// A block of rows is copied here; null if A is read where it stands.
    a: *mut T,
    /// Panels are copied here; null if B is read where it stands.
    b: *mut T,
    /// Columns that are gone through before the next block of depth.
    columns: usize,
    /// Elements from one copied panel to the next; 0 if each takes the place of the last.
    slot: usize,
}

impl<T: Element> Kernel for Rectangle<T> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let (tall, wide) = (const { height(I::LEVEL) }, const { width(I::LEVEL) * <T::V<I> as Lanes<T>>::N });
        let (rows, columns) = (self.rows.len(), self.columns.len());
        let stretch = stretch(self.depth);
        let packs_a = self.a.row == 1 && self.a.column != 1 && rows >= tall && columns > PANELS * wide;
        // Elsewhere than on AVX-512 whole vectors are read, which a row of B need not have.
        let whole = matches!(I::LEVEL, Level::Avx512) || columns.is_multiple_of(<T::V<I>>::N);
        let reads_b = self.b.column == 1 && rows <= DIRECT && whole;
        let mut reading =
            Reading { stretch, a: std::ptr::null_mut(), b: std::ptr::null_mut(), columns: usize::MAX, slot: 0 };
        if !packs_a && reads_b {
            return self.blocks::<I>(&reading);
        }
        let for_a = if packs_a { rows.min(ROWS).next_multiple_of(tall) * stretch } else { 0 };
        // Panels begin on cache lines.
        let for_a = for_a.next_multiple_of(workspace::LINE);
        let mut for_b = 0;
        if !reads_b {
            // Panels that several blocks of rows need are kept.
            (reading.columns, reading.slot) =
                if rows > ROWS { (COLUMNS.next_multiple_of(wide), wide * stretch) } else { (usize::MAX, 0) };
            for_b = if rows > ROWS { columns.min(reading.columns).div_ceil(wide) } else { 1 } * wide * stretch;
        }
        let mut workspace = Workspace::take();
        let room = workspace.room::<T>(for_a + for_b);
        reading.a = if packs_a { room } else { reading.a };
        reading.b = if reads_b { reading.b } else { room.wrapping_add(for_a) };
        self.blocks::<I>(&reading);
    }
}

impl<T: Element> Rectangle<T> {
    #[inline(always)]
    fn blocks<I: Isa>(&self, reading: &Reading<T>) {
        for columns in steps(&self.columns, reading.columns) {
            for depth in steps(&(0..self.depth), reading.stretch) {
                for rows in steps(&self.rows, ROWS) {
                    self.panels::<I>(reading, &rows, &columns, &depth);
                }
            }
        }
    }

    /// One block of rows and depth, panel by panel of its columns.
    #[inline(always)]
    fn panels<I: Isa>(&self, reading: &Reading<T>, rows: &Range<usize>, columns: &Range<usize>, depth: &Range<usize>) {
        let n = const { <T::V<I> as Lanes<T>>::N };
        let (tall, wide) = (const { height(I::LEVEL) }, const { width(I::LEVEL) * <T::V<I> as Lanes<T>>::N });
        let (mut a, mut a_block) = (self.a.from(rows.start, depth.start), tall * self.a.row);
        if !reading.a.is_null() {
            // SAFETY: the rows and the depth lie within A, the room is theirs.
            unsafe {
                match tall {
                    8 => pack_a::<T, 8>(a, rows.len(), depth.len(), reading.a),
                    _ => pack_a::<T, 6>(a, rows.len(), depth.len(), reading.a),
                }
            }
            a = View { data: reading.a, row: 1, column: tall };
            a_block = tall * depth.len();
        }
        for (panel, columns) in steps(columns, wide).enumerate() {
            let vectors = columns.len().div_ceil(n);
            let mut b = self.b.from(depth.start, columns.start);
            if !reading.b.is_null() {
                let to = reading.b.wrapping_add(panel * reading.slot);
                if reading.slot == 0 || rows.start == self.rows.start {
                    // SAFETY: the depth and the columns lie within B, the room is theirs.
                    unsafe { pack_b::<T, I>(b, depth.len(), columns.len(), to, vectors * n) }
                }
                b = View { data: to, row: vectors * n, column: 1 };
            }
            let start = if depth.start == 0 { self.start } else { self.c.cast_const() };
            let start_row = if depth.start == 0 { self.start_row } else { self.c_row };
            let sums = Sums {
                depth: depth.len(),
                rows: rows.len(),
                columns: columns.len(),
                a: a.data,
                a_block,
                a_row: a.row,
                a_step: a.column,
                b: b.data,
                b_step: b.row,
                c: self.c.wrapping_add(rows.start * self.c_row + columns.start),
                c_row: self.c_row,
                start: if start.is_null() { start } else { start.wrapping_add(rows.start * start_row + columns.start) },
                start_row,
            };
            match vectors {
                1 => I::call(Panel::<T, 1>(sums)),
                _ if const { width(I::LEVEL) == 2 } => I::call(Panel::<T, 2>(sums)),
                2 => I::call(Panel::<T, 2>(sums)),
                _ => I::call(Panel::<T, 3>(sums)),
            }
        }
    }
}

/// A range cut into steps; `step_by` would divide.
struct Steps {
    left: Range<usize>,
    step: usize,
}

#[inline(always)]
fn steps(range: &Range<usize>, step: usize) -> Steps {
    Steps { left: range.clone(), step }
}

impl Iterator for Steps {
    type Item = Range<usize>;

    #[inline(always)]
    fn next(&mut self) -> Option<Range<usize>> {
        let start = self.left.start;
        self.left.start = self.left.end.min(start.saturating_add(self.step));
        (start < self.left.end).then_some(start..self.left.start)
    }
}
