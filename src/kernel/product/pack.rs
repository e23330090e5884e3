//! Copies of operands in the order in which tiles read them.

use super::view::View;
use crate::kernel::simd::{Element, Isa, Lanes, WIDEST};

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
    let mut square = [<T::V<I>>::zero(); WIDEST];
    if rows == n && columns == n {
        for (i, row) in square.iter_mut().enumerate().take(n) {
            // SAFETY: a whole row.
            *row = unsafe { <T::V<I>>::load(from.add(i * from_row)) };
        }
    } else {
        for (i, row) in square.iter_mut().enumerate().take(rows) {
            // SAFETY: the columns of a row.
            *row = unsafe { <T::V<I>>::load_masked(from.add(i * from_row), columns) };
        }
    }
    // Zipping the first half of the rows with the second moves one bit of the row's number into the column's.
    let mut bit = 1;
    while bit < n {
        let old = square;
        for i in 0..n / 2 {
            (square[2 * i], square[2 * i + 1]) = old[i].zip(old[i + n / 2]);
        }
        bit *= 2;
    }
    for (j, row) in square.iter().enumerate().take(if columns == n { n } else { columns }) {
        // SAFETY: a vector for each column.
        unsafe { row.store(to.add(j * to_row)) }
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
