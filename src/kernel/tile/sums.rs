//! Sums over whole domains, taken tile by tile in the order of [`reduce`](crate::kernel::reduce).
#![allow(clippy::needless_range_loop, reason = "registers are counted")]

use super::{LANES, SUM_BLOCK};
use crate::kernel::reduce::{self, fold_lanes};
use crate::kernel::simd::{Element, Isa, Kernel, Lanes};
use crate::real::Real;

/// Below this, a sum is taken one number after the other.
const FEW: usize = 16;

/// The sum of a block of `n` elements that were added to the lanes; the lanes begin anew.
pub(super) fn close<T: Real>(lanes: &mut [T; LANES], n: usize) -> T {
    let sum = if n <= FEW { lanes[..n].iter().fold(T::zero(), |a, &x| a + x) } else { fold_lanes(lanes) };
    lanes.fill(T::zero());
    sum
}

/// The sum of the sums of blocks.
pub(super) fn combine<T: Real>(blocks: &[T]) -> T {
    match blocks {
        [] => T::zero(),
        [one] => *one,
        _ => {
            let (left, right) = blocks.split_at(blocks.len() / 2);
            combine(left) + combine(right)
        }
    }
}

/// Adds elements that begin at `position` of all `n` to the lanes, and closes the blocks that end among them.
pub(super) struct Extend<'a, T> {
    pub(super) values: &'a [T],
    pub(super) position: usize,
    pub(super) n: usize,
    pub(super) lanes: &'a mut [T; LANES],
    /// The sums of the blocks from the one on that holds `position`.
    pub(super) blocks: *mut T,
}

impl<T: Element> Kernel for Extend<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { mut values, position, n, lanes, blocks } = self;
        let (mut inside, mut block) = (position % SUM_BLOCK, position / SUM_BLOCK);
        while !values.is_empty() {
            let (part, rest) = values.split_at(values.len().min(SUM_BLOCK - inside));
            add_part::<T, I>(part, inside, lanes);
            inside += part.len();
            values = rest;
            if inside == SUM_BLOCK || block * SUM_BLOCK + inside == n {
                // SAFETY: whoever made this vouches for a place for each block.
                unsafe { *blocks.add(block - position / SUM_BLOCK) = close(lanes, inside) };
                (inside, block) = (0, block + 1);
            }
        }
    }
}

/// Adds elements, the first of which belongs to lane `inside`, to the lanes.
#[inline(always)]
fn add_part<T: Element, I: Isa>(part: &[T], inside: usize, lanes: &mut [T; LANES]) {
    let lane = inside % LANES;
    let (head, body) = part.split_at(part.len().min((LANES - lane) % LANES));
    lanes[lane..].iter_mut().zip(head).for_each(|(sum, &x)| *sum += x);
    let mut rows = body.chunks_exact(LANES);
    for row in &mut rows {
        add_row::<T, I>(row, lanes);
    }
    lanes.iter_mut().zip(rows.remainder()).for_each(|(sum, &x)| *sum += x);
}

#[inline(always)]
fn add_row<T: Element, I: Isa>(row: &[T], lanes: &mut [T; LANES]) {
    let width = T::V::<I>::N;
    for k in (0..LANES).step_by(width) {
        // SAFETY: a row has as many elements as there are lanes, a multiple of a vector's.
        unsafe {
            let to = lanes.as_mut_ptr().add(k);
            (T::V::<I>::load(to) + T::V::<I>::load(row.as_ptr().add(k))).store(to);
        }
    }
}

/// The sum of each row: `out[i] = Σ row i`.
pub(super) struct EachRow<'a, T> {
    pub(super) start: *const T,
    pub(super) stride: isize,
    pub(super) columns: usize,
    pub(super) out: &'a mut [T],
}

impl<T: Element> Kernel for EachRow<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        for (i, out) in self.out.iter_mut().enumerate() {
            // SAFETY: whoever made this vouches for all rows.
            let row =
                unsafe { std::slice::from_raw_parts(self.start.offset(i.cast_signed() * self.stride), self.columns) };
            *out = sum::<T, I>(row);
        }
    }
}

/// The sum of a slice with the bits of [`reduce::sum`].
#[inline(always)]
fn sum<T: Element, I: Isa>(values: &[T]) -> T {
    if values.len() <= FEW || values.len() > SUM_BLOCK {
        return if values.len() <= FEW { values.iter().fold(T::zero(), |a, &x| a + x) } else { reduce::sum(values) };
    }
    let mut lanes = [T::zero(); LANES];
    add_part::<T, I>(values, 0, &mut lanes);
    fold_lanes(&mut lanes)
}

/// Adds rows up, in blocks of rows: adds each to the sums of its block.
pub(super) struct AddRows<T> {
    pub(super) start: *const T,
    pub(super) stride: isize,
    /// The first row's number in the domain, and how many there are.
    pub(super) first: usize,
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// The sums of all blocks of rows at the first of these columns; a block's sums are `all_columns` apart.
    pub(super) sums: *mut T,
    pub(super) all_columns: usize,
}

impl<T: Element> Kernel for AddRows<T> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let end = self.first + self.rows;
        let mut row = self.first;
        while row < end {
            let block = row / reduce::BLOCK;
            let until = end.min((block + 1) * reduce::BLOCK);
            // SAFETY: whoever made this vouches for all rows and all sums.
            unsafe {
                let from = self.start.offset((row - self.first).cast_signed() * self.stride);
                add_rows::<T, I>(
                    (from, self.stride),
                    until - row,
                    self.columns,
                    self.sums.add(block * self.all_columns),
                );
            }
            row = until;
        }
    }
}

/// Vectors of sums that are carried side by side.
const SIDE: usize = 4;

/// # Safety
///
/// `columns` elements of each row must be readable, and as many sums writable.
#[inline(always)]
unsafe fn add_rows<T: Element, I: Isa>((from, stride): (*const T, isize), rows: usize, columns: usize, sums: *mut T) {
    let width = T::V::<I>::N;
    let mut column = 0;
    // SAFETY: all columns are below `columns`.
    unsafe {
        while column + SIDE * width <= columns {
            let mut side: [T::V<I>; SIDE] = [T::V::<I>::zero(); SIDE];
            for k in 0..SIDE {
                side[k] = T::V::<I>::load(sums.add(column + k * width));
            }
            let mut row = from.add(column);
            for _ in 0..rows {
                for k in 0..SIDE {
                    side[k] = side[k] + T::V::<I>::load(row.add(k * width));
                }
                row = row.wrapping_offset(stride);
            }
            for k in 0..SIDE {
                side[k].store(sums.add(column + k * width));
            }
            column += SIDE * width;
        }
        while column < columns {
            let n = width.min(columns - column);
            let mut sum = T::V::<I>::load_masked(sums.add(column), n);
            let mut row = from.add(column);
            for _ in 0..rows {
                sum = sum + T::V::<I>::load_masked(row, n);
                row = row.wrapping_offset(stride);
            }
            sum.store_masked(sums.add(column), n);
            column += n;
        }
    }
}

/// Adds up the sums of blocks of rows, block by block and large block by large block; they are overwritten.
pub(super) fn combine_rows<T: Real>(blocks: &mut [T], out: &mut [T]) {
    let columns = out.len();
    out.fill(T::zero());
    if columns == 0 {
        return;
    }
    for large in blocks.chunks_mut(reduce::BLOCK * columns) {
        let (first, rest) = large.split_at_mut(columns);
        for block in rest.chunks_exact(columns) {
            first.iter_mut().zip(block).for_each(|(sum, &x)| *sum += x);
        }
        out.iter_mut().zip(first).for_each(|(sum, &mut x)| *sum += x);
    }
}
