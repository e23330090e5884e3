//! A row times a matrix: products with a single row or column, which read each element of the matrix once.
#![allow(clippy::needless_range_loop, reason = "rows and vectors of a tile are registers, which are numbered")]

use std::ops::Range;

use super::view::View;
use crate::kernel::simd::{Element, Isa, Kernel, Lanes, WIDEST};

/// Stretches of k that are summed side by side where rows of the matrix are combined, and where there is but one column:
/// an addition takes several cycles. Part of the definition of the bits.
const SIDE_BY_SIDE: usize = 4;

/// Some columns of x·W, W of `depth` rows.
pub(super) struct Row<T> {
    pub(super) x: *const T,
    pub(super) w: View<T>,
    pub(super) depth: usize,
    pub(super) y: *mut T,
    /// What the sums are added to; null for zeros.
    pub(super) start: *const T,
    /// The distance of its elements.
    pub(super) start_step: usize,
    pub(super) columns: Range<usize>,
    /// How many columns the whole row has.
    pub(super) width: usize,
}

impl<T: Element> Kernel for Row<T> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        // SAFETY: whoever made the row vouches for its pointers.
        unsafe {
            if self.width == 1 {
                self.add(0, self.dot::<I>());
            } else if self.w.column == 1 {
                self.combine_all::<I>();
            } else {
                self.dots_all::<I>();
            }
        }
    }
}

impl<T: Element> Row<T> {
    /// y = start + sum at one column.
    ///
    /// # Safety
    ///
    /// The row must have the column.
    #[inline(always)]
    unsafe fn add(&self, column: usize, sum: T) {
        // SAFETY: the caller vouches for the column.
        unsafe {
            let start = self.start.wrapping_add(column * self.start_step);
            *self.y.add(column) = if self.start.is_null() { sum } else { *start + sum };
        }
    }

    /// y = start + sum at the first `lanes` columns from one on.
    ///
    /// # Safety
    ///
    /// The row must have those columns.
    #[inline(always)]
    unsafe fn add_lanes<I: Isa>(&self, column: usize, lanes: usize, sum: T::V<I>) {
        let start = self.start.wrapping_add(column * self.start_step);
        // SAFETY: the caller vouches for the columns.
        unsafe {
            let value = if self.start.is_null() {
                sum
            } else if self.start_step == 0 {
                <T::V<I>>::splat(*start) + sum
            } else {
                <T::V<I>>::load_masked(start, lanes) + sum
            };
            value.store_masked(self.y.add(column), lanes);
        }
    }

    /// Rows of W stand in memory: Σ xₚ·Wₚ, a few vectors of columns at a time.
    ///
    /// # Safety
    ///
    /// As for the row.
    #[inline(always)]
    unsafe fn combine_all<I: Isa>(&self) {
        let n = <T::V<I>>::N;
        let mut column = self.columns.start;
        while column < self.columns.end {
            let left = self.columns.end - column;
            // SAFETY: columns that there are.
            unsafe {
                match left.div_ceil(n) {
                    1 => self.combine::<I, 1>(column, left),
                    2 => self.combine::<I, 2>(column, left),
                    3 => self.combine::<I, 3>(column, left),
                    _ => self.combine::<I, 4>(column, left.min(4 * n)),
                }
            }
            column += left.min(4 * n);
        }
    }

    /// # Safety
    ///
    /// `columns` from `column` on must be columns of the row, at most `V` vectors and more than one fewer.
    #[inline(always)]
    unsafe fn combine<I: Isa, const V: usize>(&self, column: usize, columns: usize) {
        let n = <T::V<I>>::N;
        let last = columns - (V - 1) * n;
        let mut sums = [[<T::V<I>>::zero(); V]; SIDE_BY_SIDE];
        let mut w = self.w.at(0, column);
        let mut p = 0;
        while p + SIDE_BY_SIDE <= self.depth {
            for (u, sums) in sums.iter_mut().enumerate() {
                // SAFETY: a row of W, the columns named.
                unsafe { add_row::<T, I, V>(sums, self.x.add(p + u), w.wrapping_add(u * self.w.row), last) }
            }
            p += SIDE_BY_SIDE;
            w = w.wrapping_add(SIDE_BY_SIDE * self.w.row);
        }
        for (u, sums) in sums.iter_mut().enumerate().take(self.depth - p) {
            // SAFETY: a row of W, the columns named.
            unsafe { add_row::<T, I, V>(sums, self.x.add(p + u), w.wrapping_add(u * self.w.row), last) }
        }
        for v in 0..V {
            let sum = (sums[0][v] + sums[1][v]) + (sums[2][v] + sums[3][v]);
            // SAFETY: the columns named.
            unsafe { self.add_lanes::<I>(column + v * n, if v + 1 == V { last } else { n }, sum) }
        }
    }

    /// Columns of W stand in memory: a scalar product for each, as many at a time as a vector has lanes.
    ///
    /// # Safety
    ///
    /// As for the row.
    #[inline(always)]
    unsafe fn dots_all<I: Isa>(&self) {
        let n = const { <T::V<I> as Lanes<T>>::N };
        let mut column = self.columns.start;
        while column + n <= self.columns.end {
            // SAFETY: columns that there are.
            unsafe { self.add_lanes::<I>(column, n, self.dots::<I>(column)) }
            column += n;
        }
        for column in column..self.columns.end {
            // SAFETY: a column that there is.
            unsafe { self.add(column, self.lanes_of_dot::<I>(column).reduce_sum()) }
        }
    }

    /// The scalar products of a vector's lanes of columns.
    ///
    /// # Safety
    ///
    /// The row must have the columns.
    #[inline(always)]
    unsafe fn dots<I: Isa>(&self, column: usize) -> T::V<I> {
        let n = const { <T::V<I> as Lanes<T>>::N };
        let mut sums = [<T::V<I>>::zero(); WIDEST];
        let whole = self.depth / n * n;
        let from = self.w.at(0, column);
        for p in (0..whole).step_by(n) {
            // SAFETY: a vector of x, and of each column.
            unsafe {
                let x = <T::V<I>>::load(self.x.add(p));
                for (i, sum) in sums.iter_mut().enumerate().take(n) {
                    *sum = x.fma(<T::V<I>>::load(from.add(i * self.w.column + p)), *sum);
                }
            }
        }
        if whole < self.depth {
            let rest = self.depth - whole;
            // SAFETY: what is left of x, and of each column.
            unsafe {
                let x = <T::V<I>>::load_masked(self.x.add(whole), rest);
                for (i, sum) in sums.iter_mut().enumerate().take(n) {
                    *sum = x.fma(<T::V<I>>::load_masked(from.add(i * self.w.column + whole), rest), *sum);
                }
            }
        }
        // Zipped lanes added: each vector's halves are added, as `reduce_sum` does, for all vectors at once.
        let mut vectors = n;
        while vectors > 1 {
            vectors /= 2;
            for i in 0..vectors {
                let (lower, upper) = sums[i].zip(sums[i + vectors]);
                sums[i] = lower + upper;
            }
        }
        sums[0]
    }

    /// The lanes whose sum is the scalar product with one column.
    ///
    /// # Safety
    ///
    /// The row must have the column.
    #[inline(always)]
    unsafe fn lanes_of_dot<I: Isa>(&self, column: usize) -> T::V<I> {
        let n = <T::V<I>>::N;
        let whole = self.depth / n * n;
        let from = self.w.at(0, column);
        let mut sum = <T::V<I>>::zero();
        for p in (0..whole).step_by(n) {
            // SAFETY: a vector of x and of the column.
            unsafe { sum = <T::V<I>>::load(self.x.add(p)).fma(<T::V<I>>::load(from.add(p)), sum) }
        }
        if whole < self.depth {
            let rest = self.depth - whole;
            // SAFETY: what is left of x and of the column.
            unsafe {
                let x = <T::V<I>>::load_masked(self.x.add(whole), rest);
                sum = x.fma(<T::V<I>>::load_masked(from.add(whole), rest), sum);
            }
        }
        sum
    }

    /// The scalar product with the only column.
    ///
    /// # Safety
    ///
    /// As for the row.
    #[inline(always)]
    unsafe fn dot<I: Isa>(&self) -> T {
        let n = <T::V<I>>::N;
        let mut sums = [<T::V<I>>::zero(); SIDE_BY_SIDE];
        let (mut x, mut w, mut left) = (self.x, self.w.data, self.depth);
        while left >= SIDE_BY_SIDE * n {
            for (u, sum) in sums.iter_mut().enumerate() {
                // SAFETY: as many vectors are left.
                unsafe { *sum = <T::V<I>>::load(x.add(u * n)).fma(<T::V<I>>::load(w.add(u * n)), *sum) }
            }
            (x, w) = (x.wrapping_add(SIDE_BY_SIDE * n), w.wrapping_add(SIDE_BY_SIDE * n));
            left -= SIDE_BY_SIDE * n;
        }
        for sum in &mut sums {
            let lanes = left.min(n);
            // SAFETY: no more than is left.
            unsafe { *sum = <T::V<I>>::load_masked(x, lanes).fma(<T::V<I>>::load_masked(w, lanes), *sum) }
            (x, w) = (x.wrapping_add(lanes), w.wrapping_add(lanes));
            left -= lanes;
        }
        ((sums[0] + sums[1]) + (sums[2] + sums[3])).reduce_sum()
    }
}

/// Adds x times the columns of a row of W to their sums.
///
/// # Safety
///
/// `x` must be readable, and `V - 1` vectors of columns, `last` of the last, at `w`.
#[inline(always)]
unsafe fn add_row<T: Element, I: Isa, const V: usize>(sums: &mut [T::V<I>; V], x: *const T, w: *const T, last: usize) {
    // SAFETY: the caller vouches for the number and the columns.
    unsafe {
        let x = <T::V<I>>::splat(*x);
        for v in 0..V {
            let w = w.add(v * <T::V<I>>::N);
            let row = if v + 1 == V { <T::V<I>>::load_masked(w, last) } else { <T::V<I>>::load(w) };
            sums[v] = x.fma(row, sums[v]);
        }
    }
}
