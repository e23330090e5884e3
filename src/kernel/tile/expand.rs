//! Tiles laid out so that all operands run alongside each other.

use std::ptr;

use crate::kernel::simd::{Element, Isa, Kernel, Lanes};

/// Rows that stand `stride` apart, copied to rows `to_stride` apart.
///
/// # Safety
///
/// `columns` elements of `rows` rows must be readable and writable, and not overlap.
pub(super) unsafe fn copy_rows<T: Copy>(
    (from, stride): (*const T, isize),
    (to, to_stride): (*mut T, isize),
    rows: usize,
    columns: usize,
) {
    for i in 0..rows.cast_signed() {
        // SAFETY: as above, for row i.
        unsafe {
            let (from, to) = (from.wrapping_offset(i * stride), to.wrapping_offset(i * to_stride));
            if columns == 1 { *to = *from } else { ptr::copy_nonoverlapping(from, to, columns) }
        }
    }
}

/// The number of each row all along the row, one row behind the other.
pub(super) struct RepeatColumn<T> {
    pub(super) from: *const T,
    pub(super) stride: isize,
    pub(super) to: *mut T,
    pub(super) rows: usize,
    pub(super) columns: usize,
}

impl<T: Element> Kernel for RepeatColumn<T> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        for i in 0..self.rows {
            // SAFETY: whoever made this vouches for all rows, and for the room of a vector behind the last.
            unsafe {
                let number = T::V::<I>::splat(*self.from.offset(i.cast_signed() * self.stride));
                let row = self.to.add(i * self.columns);
                // What goes beyond the end of a row is overwritten by the next.
                for j in (0..self.columns).step_by(T::V::<I>::N) {
                    number.store(row.add(j));
                }
            }
        }
    }
}
