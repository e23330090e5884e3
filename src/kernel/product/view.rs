//! Matrices as pointers.

/// A matrix somewhere in memory; whoever makes one knows how far it reaches.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<T> {
    pub(super) data: *const T,
    /// The distance between neighbouring rows.
    pub(super) row: usize,
    /// The distance between neighbouring columns.
    pub(super) column: usize,
}

impl<T: Copy> View<T> {
    #[inline(always)]
    pub(super) fn at(self, row: usize, column: usize) -> *const T {
        self.data.wrapping_add(row * self.row + column * self.column)
    }

    /// The part from an element on.
    #[inline(always)]
    pub(super) fn from(self, row: usize, column: usize) -> Self {
        Self { data: self.at(row, column), ..self }
    }

    pub(super) fn transposed(self) -> Self {
        Self { row: self.column, column: self.row, ..self }
    }
}
