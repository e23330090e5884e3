//! What a caller does with parts of C as soon as they are finished.

use std::marker::PhantomData;
use std::ops::Range;

/// A finished rectangle of C.
pub(crate) struct Block<'a, T> {
    c: *mut T,
    /// Elements in a row of C.
    width: usize,
    rows: Range<usize>,
    columns: Range<usize>,
    owner: PhantomData<&'a mut [T]>,
}

/// What is done with finished parts, by whichever thread has computed them.
pub(crate) type Finish<'a, T> = dyn Fn(Block<'_, T>) + Sync + 'a;

impl<'a, T> Block<'a, T> {
    /// # Safety
    ///
    /// The rectangle must lie within C, rows of `width` from `c` on, and be nobody else's for the lifetime.
    pub(super) unsafe fn new(c: *mut T, width: usize, rows: Range<usize>, columns: Range<usize>) -> Self {
        Self { c, width, rows, columns, owner: PhantomData }
    }

    /// Its parts that stand in one piece in memory, and their positions in C.
    pub(crate) fn pieces(self) -> impl Iterator<Item = (usize, &'a mut [T])> {
        let Self { c, width, rows, columns, .. } = self;
        let whole = columns.len() == width;
        let (count, length) = if whole { (1, rows.len() * width) } else { (rows.len(), columns.len()) };
        (0..count).map(move |row| {
            let at = (rows.start + row) * width + columns.start;
            // SAFETY: a row of the rectangle, or all rows where they follow each other; no two pieces overlap.
            (at, unsafe { std::slice::from_raw_parts_mut(c.add(at), length) })
        })
    }
}
