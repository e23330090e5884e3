//! Matrices in slices.

use super::view::View;
use crate::real::Real;

/// A matrix in a slice: rows, columns, and the distance between neighbours along each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matrix<'a, T> {
    data: &'a [T],
    pub(super) rows: usize,
    pub(super) columns: usize,
    row_stride: usize,
    column_stride: usize,
    transposed: bool,
}

impl<'a, T> Matrix<'a, T> {
    /// The matrix stored row after row as `rows × columns`; transposed without a copy if asked.
    pub(crate) fn new(data: &'a [T], rows: usize, columns: usize, transposed: bool) -> Self {
        assert_eq!(data.len(), rows * columns, "a matrix of {rows} × {columns}");
        if transposed {
            Self { data, rows: columns, columns: rows, row_stride: 1, column_stride: columns, transposed }
        } else {
            Self { data, rows, columns, row_stride: columns, column_stride: 1, transposed }
        }
    }

    /// Whether columns stand in memory one after the other, instead of rows.
    pub(super) fn is_transposed(&self) -> bool {
        self.transposed
    }

    /// By the constructor, what rows and columns reach lies within the slice.
    pub(super) fn view(&self) -> View<T>
    where
        T: Copy,
    {
        View { data: self.data.as_ptr(), row: self.row_stride, column: self.column_stride }
    }

    pub(super) fn at(&self, row: usize, column: usize) -> T
    where
        T: Real,
    {
        self.data[row * self.row_stride + column * self.column_stride]
    }
}

/// `c = a·b` where zeros of the operands that `weighs` names annihilate whatever they meet. For operands that hold NaN
/// or ∞: it is slow.
pub(crate) fn weighed<T: Real>(a: Matrix<'_, T>, b: Matrix<'_, T>, weighs: [bool; 2], c: &mut [T]) {
    let counts = |(x, y): &(T, T)| !(weighs[0] && *x == T::zero() || weighs[1] && *y == T::zero());
    for (at, c) in c.iter_mut().enumerate() {
        let (row, column) = (at / b.columns, at % b.columns);
        let pairs = (0..a.columns).map(|k| (a.at(row, k), b.at(k, column)));
        *c = pairs.filter(counts).map(|(x, y)| x * y).sum();
    }
}
