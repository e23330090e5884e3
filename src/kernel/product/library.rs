//! Products through the crate `matrixmultiply`, for machines that our kernels do not know.

use super::block::Rectangle;
use crate::kernel::simd::Element;

/// The signature that `sgemm` and `dgemm` share.
pub(super) type Gemm<T> =
    unsafe fn(usize, usize, usize, T, *const T, isize, isize, *const T, isize, isize, T, *mut T, isize, isize);

/// # Safety
///
/// The operands must reach the rows and columns of the rectangle and the depth, C and the start the rectangle; C's part
/// must be nobody else's.
pub(super) unsafe fn compute<T: Element>(rectangle: Rectangle<T>, gemm: Gemm<T>) {
    let Rectangle { a, b, depth, c, c_row, start, start_row, rows, columns } = rectangle;
    for row in rows.clone() {
        let to = c.wrapping_add(row * c_row + columns.start);
        let from = start.wrapping_add(row * start_row + columns.start);
        // SAFETY: the columns of one row of C and of the start, which is borrowed beside it.
        unsafe {
            if start.is_null() {
                std::slice::from_raw_parts_mut(to, columns.len()).fill(T::zero());
            } else {
                std::ptr::copy_nonoverlapping(from, to, columns.len());
            }
        }
    }
    if depth > 0 {
        let beta = if start.is_null() { T::zero() } else { T::one() };
        let (m, n) = (rows.len(), columns.len());
        let (x, rsx, csx) = (a.at(rows.start, 0), a.row.cast_signed(), a.column.cast_signed());
        let (y, rsy, csy) = (b.at(0, columns.start), b.row.cast_signed(), b.column.cast_signed());
        let to = c.wrapping_add(rows.start * c_row + columns.start);
        // SAFETY: the caller vouches for the operands and C.
        unsafe { gemm(m, depth, n, T::one(), x, rsx, csx, y, rsy, csy, beta, to, c_row.cast_signed(), 1) }
    }
}
