//! Matrix products, through the crate `matrixmultiply`.
#![allow(unsafe_code, reason = "kernels are the home of unsafe code")]

use super::cast;
use crate::real::Real;

/// A matrix in a slice: rows, columns, and the distance between neighbours along each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matrix<'a, T> {
    data: &'a [T],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a, T> Matrix<'a, T> {
    /// The matrix stored row after row as `rows × columns`; transposed without a copy if asked.
    pub(crate) fn new(data: &'a [T], rows: usize, columns: usize, transposed: bool) -> Self {
        assert_eq!(data.len(), rows * columns, "a matrix of {rows} × {columns}");
        if transposed {
            Self { data, rows: columns, columns: rows, row_stride: 1, column_stride: columns }
        } else {
            Self { data, rows, columns, row_stride: columns, column_stride: 1 }
        }
    }

    /// Whether no element is NaN or infinite.
    pub(crate) fn is_finite(&self) -> bool
    where
        T: Real,
    {
        self.data.iter().all(|x| x.is_finite())
    }

    fn at(&self, row: usize, column: usize) -> T
    where
        T: Real,
    {
        self.data[row * self.row_stride + column * self.column_stride]
    }

    fn cast<U: 'static>(self) -> Option<Matrix<'a, U>>
    where
        T: 'static,
    {
        let Self { data, rows, columns, row_stride, column_stride } = self;
        cast::slice(data).map(|data| Matrix { data, rows, columns, row_stride, column_stride })
    }
}

/// `c = a·b + beta·c` with `c` stored row after row. With `beta` 0, what `c` held does not matter.
pub(crate) fn product<T: Real>(a: Matrix<'_, T>, b: Matrix<'_, T>, beta: T, c: &mut [T]) {
    assert_eq!(a.columns, b.rows, "inner axes of a product");
    assert_eq!(c.len(), a.rows * b.columns, "result of a product");
    if c.is_empty() {
        return;
    }
    if a.columns == 0 {
        // matrixmultiply would leave c as it is.
        for x in c {
            *x = if beta == T::zero() { T::zero() } else { *x * beta };
        }
        return;
    }
    if let (Some(a), Some(b), Some(c)) = (a.cast::<f32>(), b.cast::<f32>(), cast::slice_mut::<T, f32>(c)) {
        #[allow(clippy::cast_possible_truncation, reason = "beta is an f32")]
        return run(matrixmultiply::sgemm, a, b, beta.as_f64() as f32, c);
    }
    if let (Some(a), Some(b), Some(c)) = (a.cast::<f64>(), b.cast::<f64>(), cast::slice_mut::<T, f64>(c)) {
        run(matrixmultiply::dgemm, a, b, beta.as_f64(), c);
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

/// The signature that `sgemm` and `dgemm` share.
type Gemm<T> =
    unsafe fn(usize, usize, usize, T, *const T, isize, isize, *const T, isize, isize, T, *mut T, isize, isize);

fn run<T: Real>(gemm: Gemm<T>, a: Matrix<'_, T>, b: Matrix<'_, T>, beta: T, c: &mut [T]) {
    let (m, k, n) = (a.rows, a.columns, b.columns);
    let (x, rsx, csx) = (a.data.as_ptr(), a.row_stride.cast_signed(), a.column_stride.cast_signed());
    let (y, rsy, csy) = (b.data.as_ptr(), b.row_stride.cast_signed(), b.column_stride.cast_signed());
    // SAFETY: by the constructor of `Matrix`, what its strides reach lies within its slice; `c` holds the m × n elements
    // of the result in standard order and is borrowed exclusively, so it overlaps neither operand.
    unsafe { gemm(m, k, n, T::one(), x, rsx, csx, y, rsy, csy, beta, c.as_mut_ptr(), n.cast_signed(), 1) }
}
