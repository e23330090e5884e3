//! Rows as a row kernel sees them.

use std::marker::PhantomData;
use std::slice;

/// A computation over whole rows: reads [`Rows::row`], [`Rows::number`] and [`Rows::label`], writes [`Rows::out`]; all rows that it is given. No row may depend on another.
pub(crate) type RowKernel<T> = fn(&mut Rows<'_, T>);

/// Some rows of up to three operands, and the place for their results.
#[allow(clippy::struct_field_names, reason = "rows is what they are")]
#[derive(Debug)]
pub(crate) struct Rows<'a, T> {
    operands: [Operand<T>; 3],
    labels: *const u32,
    out: *mut T,
    out_stride: isize,
    rows: usize,
    columns: usize,
    out_columns: usize,
    memory: PhantomData<&'a mut T>,
}

/// Where the rows of an operand stand: row i at `start` + i·`stride`, `columns` numbers each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operand<T> {
    pub(super) start: *const T,
    pub(super) stride: isize,
    pub(super) columns: usize,
}

impl<T> Operand<T> {
    /// No numbers at all.
    pub(super) const NONE: Self = Self { start: std::ptr::NonNull::dangling().as_ptr(), stride: 0, columns: 0 };
}

/// Where results go: row i to `start` + i·`stride`, `columns` numbers each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<T> {
    pub(super) start: *mut T,
    pub(super) stride: isize,
    pub(super) columns: usize,
}

impl<T: Copy> Rows<'_, T> {
    /// # Safety
    ///
    /// For as long as the rows live and each of the `rows` rows: what the operands describe must be readable and the place
    /// writable by nobody else; `labels` must be null or have a number for each row.
    pub(super) unsafe fn new(
        (rows, columns): (usize, usize),
        operands: [Operand<T>; 3],
        labels: *const u32,
        out: Place<T>,
    ) -> Self {
        let Place { start, stride, columns: out_columns } = out;
        Self { operands, labels, out: start, out_stride: stride, rows, columns, out_columns, memory: PhantomData }
    }

    pub(crate) fn len(&self) -> usize {
        self.rows
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// Row `i` of operand `k`; of an operand that is a column or a number, a slice of length 1.
    #[inline]
    pub(crate) fn row(&self, k: usize, i: usize) -> &[T] {
        assert!(i < self.rows);
        let Operand { start, stride, columns } = self.operands[k];
        // SAFETY: whoever made this vouches for all rows.
        unsafe { slice::from_raw_parts(start.offset(i.cast_signed() * stride), columns) }
    }

    /// The number that operand `k`, a column or a number, has for row `i`.
    #[inline]
    pub(crate) fn number(&self, k: usize, i: usize) -> T {
        self.row(k, i)[0]
    }

    /// The label of row `i`.
    ///
    /// # Panics
    ///
    /// If there are no labels.
    #[inline]
    pub(crate) fn label(&self, i: usize) -> u32 {
        assert!(i < self.rows && !self.labels.is_null());
        // SAFETY: whoever made this vouches for a label for each row.
        unsafe { *self.labels.add(i) }
    }

    /// All rows of operand 0, all labels if there are any, and the place for all results, where rows stand directly one
    /// behind the other.
    pub(crate) fn all(&mut self) -> Option<(&[T], &[u32], &mut [T])> {
        let Operand { start, stride, columns } = self.operands[0];
        let follows = |stride: isize, columns: usize| self.rows == 1 || stride == columns.cast_signed();
        if !follows(stride, columns) || !follows(self.out_stride, self.out_columns) {
            return None;
        }
        let labels = if self.labels.is_null() { 0 } else { self.rows };
        let labels_start = if labels == 0 { std::ptr::NonNull::dangling().as_ptr() } else { self.labels };
        // SAFETY: whoever made this vouches for all rows, for a label for each where there are any, and that the place
        // overlaps no operand; the rows follow each other without gaps.
        unsafe {
            Some((
                slice::from_raw_parts(start, self.rows * columns),
                slice::from_raw_parts(labels_start, labels),
                slice::from_raw_parts_mut(self.out, self.rows * self.out_columns),
            ))
        }
    }

    /// The place for the result of row `i`.
    #[inline]
    pub(crate) fn out(&mut self, i: usize) -> &mut [T] {
        self.both(i).1
    }

    /// Row `i` of each operand and the place for its result.
    #[inline]
    pub(crate) fn both(&mut self, i: usize) -> ([&[T]; 3], &mut [T]) {
        assert!(i < self.rows);
        // SAFETY: whoever made this vouches for all rows, and that the place overlaps no operand.
        let out =
            unsafe { slice::from_raw_parts_mut(self.out.offset(i.cast_signed() * self.out_stride), self.out_columns) };
        ([self.row(0, i), self.row(1, i), self.row(2, i)], out)
    }
}
