//! Copies of operands in the order in which tiles read them.

use super::view::View;
use crate::kernel::simd::{Element, Isa, Lanes, WIDEST};

/// Bytes that are moved as one.
const BLOCK: usize = 16;

/// Lays out `rows × columns` of B row after row, `width` apart, zeros behind the columns up to whole vectors.
///
/// # Safety
///
/// `b` must reach `rows × columns`, `to` have room for `rows · width` elements; `width` is at least the columns rounded up
/// to whole vectors.
#[inline(always)]
pub(super) unsafe fn pack_b<T: Element, I: Isa>(b: View<T>, rows: usize, columns: usize, to: *mut T, width: usize) {
    if b.column == 1 {
        // SAFETY: the caller vouches for both.
        unsafe { copy_rows::<T, I>(b, rows, columns, to, width) }
        return;
    }
    let n = <T::V<I>>::N;
    for j in (0..columns).step_by(n) {
        for p in (0..rows).step_by(n) {
            let (from, to) = (b.at(p, j), to.wrapping_add(p * width + j));
            // SAFETY: a square of B and its place.
            unsafe { transpose::<T, I>(from, b.column, [n.min(columns - j), n.min(rows - p)], to, width) }
        }
    }
}

/// # Safety
///
/// As for [`pack_b`].
#[inline(always)]
unsafe fn copy_rows<T: Element, I: Isa>(b: View<T>, rows: usize, columns: usize, to: *mut T, width: usize) {
    let n = <T::V<I>>::N;
    let whole = columns / n * n;
    for p in 0..rows {
        let (from, to) = (b.at(p, 0), to.wrapping_add(p * width));
        for j in (0..whole).step_by(n) {
            // SAFETY: a vector within the columns.
            unsafe { <T::V<I>>::load(from.add(j)).store(to.add(j)) }
        }
        if whole < columns {
            // SAFETY: what is left of the columns; the copy has room for a whole vector.
            unsafe { <T::V<I>>::load_masked(from.add(whole), columns - whole).store(to.add(whole)) }
        }
    }
}

/// Writes the transposition of up to `N × N` elements; its rows are filled up with zeros to whole vectors.
///
/// # Safety
///
/// `from` must reach `rows × columns` elements with rows `from_row` apart, `to` as many vectors as there are columns,
/// `to_row` apart.
#[inline(always)]
unsafe fn transpose<T: Element, I: Isa>(
    from: *const T,
    from_row: usize,
    [rows, columns]: [usize; 2],
    to: *mut T,
    to_row: usize,
) {
    let n = const { <T::V<I> as Lanes<T>>::N };
    if rows == n && columns == n {
        // SAFETY: a whole square.
        return unsafe { transpose_square::<T, I>(from, from_row, n, to, to_row) };
    }
    let mut square = [[T::zero(); WIDEST]; WIDEST];
    for (i, row) in square.iter_mut().enumerate().take(rows) {
        // SAFETY: the columns of a row; no vector is wider than the square.
        unsafe { <T::V<I>>::load_masked(from.add(i * from_row), columns).store(row.as_mut_ptr()) }
    }
    // SAFETY: a whole square, and a vector for each column.
    unsafe { transpose_square::<T, I>(square.as_ptr().cast(), WIDEST, columns, to, to_row) }
}

/// # Safety
///
/// `from` must reach `N × N` elements, `to` a vector for each of the `columns`.
#[inline(always)]
unsafe fn transpose_square<T: Element, I: Isa>(
    from: *const T,
    from_row: usize,
    columns: usize,
    to: *mut T,
    to_row: usize,
) {
    let n = const { <T::V<I> as Lanes<T>>::N };
    let block = const { BLOCK / size_of::<T>() };
    for first in (0..n).step_by(block) {
        // Blocks of every fourth (or second) row in one vector: what is left is to transpose within blocks.
        let mut vectors = [<T::V<I>>::zero(); BLOCK / 4];
        for (r, vector) in vectors.iter_mut().enumerate().take(block) {
            // SAFETY: blocks of the square.
            *vector = unsafe { <T::V<I>>::load_blocks(from.add(r * from_row + first), block * from_row) };
        }
        // Zipping the first half with the second moves one bit of a vector's number behind those of the lane's.
        let mut done = 1;
        while done < block {
            let old = vectors;
            for i in 0..block / 2 {
                (vectors[2 * i], vectors[2 * i + 1]) = old[i].zip_blocks(old[i + block / 2]);
            }
            done *= 2;
        }
        for (j, vector) in vectors.iter().enumerate().take(block.min(columns.saturating_sub(first))) {
            // SAFETY: one of the columns.
            unsafe { vector.store(to.add((first + j) * to_row)) }
        }
    }
}

/// Lays out A in blocks of `height` rows, within a block column after column. Needs rows that stand side by side.
///
/// # Safety
///
/// `a` must reach `rows × depth` with neighbouring rows side by side; `to` have room for that, rows rounded up to blocks.
#[inline(always)]
pub(super) unsafe fn pack_a<T: Element, const HEIGHT: usize>(a: View<T>, rows: usize, depth: usize, to: *mut T) {
    /// Blocks side by side, so that cache lines are read whole.
    const TOGETHER: usize = 4;
    let blocks = rows / HEIGHT;
    for first in (0..blocks).step_by(TOGETHER) {
        for p in 0..depth {
            for block in first..blocks.min(first + TOGETHER) {
                let (from, to) = (a.at(block * HEIGHT, p), to.wrapping_add((block * depth + p) * HEIGHT));
                // SAFETY: the rows of one block in one column.
                unsafe { to.cast::<[T; HEIGHT]>().write_unaligned(from.cast::<[T; HEIGHT]>().read_unaligned()) }
            }
        }
    }
    for p in 0..depth {
        for i in blocks * HEIGHT..rows {
            let to = to.wrapping_add((blocks * depth + p) * HEIGHT + i % HEIGHT);
            // SAFETY: one element of the last block.
            unsafe { *to = *a.at(i, p) }
        }
    }
}
