//! Products of matrices.
//!
//! C = start + A·B, where start is zeros, or a row that is added to each row. Our own kernels compute it on
//! AVX-512 and AVX2; other machines use the crate `matrixmultiply`, which our kernels are tested against.
//!
//! *Bits.* An element of C is summed in an order that depends on shapes and on which operand is stored transposed, never on
//! threads or on how the work is cut. With more than one row and column: blocks of k of up to 256, each in order of k, are
//! added to the start one after the other. With a single row or column: see `row.rs`.
#![allow(unsafe_code, reason = "kernels are the home of unsafe code")]

mod block;
mod library;
mod matrix;
mod pack;
mod partition;
mod row;
#[cfg(test)]
mod tests;
mod tile;
mod view;

use std::any::TypeId;
use std::marker::PhantomData;
use std::ops::Range;

pub(crate) use matrix::{Matrix, weighed};

use super::simd::{Element, Level, level, run_wide};
use super::team;
use crate::real::Real;
use block::Rectangle;
use partition::Partition;
use row::Row;

/// What a product is added to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Start<'a, T> {
    /// Nothing: what C holds does not matter.
    Zero,
    /// A row, added to each row.
    Row(&'a [T]),
}

/// A product to be computed, whole or in chunks.
pub(crate) struct Product<'a, T> {
    a: Matrix<'a, T>,
    b: Matrix<'a, T>,
    start: Start<'a, T>,
    c: *mut T,
    owner: PhantomData<&'a mut [T]>,
}

// SAFETY: threads write to disjoint chunks of c, which is borrowed exclusively, see `run_chunk`.
unsafe impl<T: Sync + Send> Sync for Product<'_, T> {}

impl<'a, T: Real> Product<'a, T> {
    /// `c = start + a·b`, with `c` stored row after row.
    pub(crate) fn new(a: Matrix<'a, T>, b: Matrix<'a, T>, start: Start<'a, T>, c: &'a mut [T]) -> Self {
        assert_eq!(a.columns, b.rows, "inner axes of a product");
        assert_eq!(c.len(), a.rows * b.columns, "result of a product");
        if let Start::Row(row) = start {
            assert_eq!(row.len(), b.columns, "row that a product is added to");
        }
        Self { a, b, start, c: c.as_mut_ptr(), owner: PhantomData }
    }

    fn partition(&self) -> Partition {
        Partition::of(self.a.rows, self.a.columns, self.b.columns, self.a.is_transposed(), self.b.is_transposed())
    }

    /// Into how many chunks the work is best cut; it depends on sizes and layouts alone.
    pub(crate) fn chunks(&self) -> usize {
        self.partition().chunks()
    }

    /// Computes one chunk. All chunks together are the product, with the same bits as [`run`](Self::run).
    ///
    /// # Safety
    ///
    /// No chunk may be computed twice, nor by two threads at a time.
    pub(crate) unsafe fn run_chunk(&self, chunk: usize) {
        let (rows, columns) = self.partition().chunk(chunk);
        // SAFETY: the chunks of a partition are disjoint, and the caller asks for each once.
        unsafe { self.compute(rows, columns) }
    }

    /// Computes the product, with helpers where it is worth it.
    pub(crate) fn run(self) {
        let chunks = self.chunks();
        if chunks > 1 && team::threads() > 1 {
            // SAFETY: a team runs each chunk once.
            return team::run(chunks, team::threads(), &|chunk| unsafe { self.run_chunk(chunk) });
        }
        // SAFETY: all of c, which is borrowed exclusively.
        unsafe { self.compute(0..self.a.rows, 0..self.b.columns) }
    }

    /// # Safety
    ///
    /// Nobody else may touch these elements of c meanwhile.
    unsafe fn compute(&self, rows: Range<usize>, columns: Range<usize>) {
        // SAFETY: the machine has what `level` answers; the caller vouches for the elements.
        unsafe { self.compute_at(level(), rows, columns) }
    }

    /// # Safety
    ///
    /// Nobody else may touch these elements of c meanwhile, and the machine must have the instruction set.
    unsafe fn compute_at(&self, level: Level, rows: Range<usize>, columns: Range<usize>) {
        if rows.is_empty() || columns.is_empty() {
            return;
        }
        // SAFETY: the caller vouches for the elements and the instruction set.
        unsafe {
            if let Some(product) = self.cast::<f32>() {
                product.compute_as(level, rows, columns, matrixmultiply::sgemm);
            } else if let Some(product) = self.cast::<f64>() {
                product.compute_as(level, rows, columns, matrixmultiply::dgemm);
            }
        }
    }

    /// This product, where T is U.
    fn cast<U: Real>(&self) -> Option<&Product<'a, U>> {
        // SAFETY: T and U are one and the same type.
        (TypeId::of::<T>() == TypeId::of::<U>()).then(|| unsafe { &*std::ptr::from_ref(self).cast() })
    }
}

impl<T: Element> Product<'_, T> {
    /// # Safety
    ///
    /// As for [`compute_at`](Self::compute_at).
    unsafe fn compute_as(&self, level: Level, rows: Range<usize>, columns: Range<usize>, gemm: library::Gemm<T>) {
        let (m, depth, n) = (self.a.rows, self.a.columns, self.b.columns);
        let (start, start_row) = match self.start {
            Start::Zero => (std::ptr::null(), 0),
            Start::Row(row) => (row.as_ptr(), 0),
        };
        let (a, b, c) = (self.a.view(), self.b.view(), self.c);
        let rectangle = Rectangle { a, b, depth, c, c_row: n, start, start_row, rows, columns };
        let ours = matches!(level, Level::Avx2 | Level::Avx512);
        // SAFETY: the operands reach as far as their rows and columns say, the start as far as a row of C; the caller vouches for
        // C and the instruction set.
        unsafe {
            match (m, n) {
                _ if depth == 0 || !ours => library::compute(rectangle, gemm),
                (1, _) => {
                    let (x, w, columns) = (a.data, b, rectangle.columns);
                    let row = Row { x, w, depth, y: c, start, start_step: 1, columns, width: n };
                    run_wide(level, row);
                }
                (_, 1) => {
                    let (x, w, columns) = (b.data, a.transposed(), rectangle.rows);
                    let row = Row { x, w, depth, y: c, start, start_step: start_row, columns, width: m };
                    run_wide(level, row);
                }
                _ => run_wide(level, rectangle),
            }
        }
    }
}
