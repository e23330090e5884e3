//! Small dense matrices through the crate `nalgebra`, in `f64` for both element types.
//!
//! A matrix counts as singular, or as not positive definite, where a pivot is no larger than what rounding alone makes of 0.
//! Pivot k is a difference: an element minus Σ l·u over what was eliminated before. Where that sum cancels it to within
//! rounding of its terms, the pivot is noise, and all that is computed from it would be. Rounding is n·ε for what is
//! computed here and 4·ε of the elements' type for the elements, relative to the terms, so scaling rows or columns changes nothing. It finds most
//! matrices that are singular but for rounding, not all: of products of n × (n − 1) and (n − 1) × n random matrices about
//! nine in ten.

use nalgebra::{DMatrix, Dyn, LU};

use crate::real::Real;

/// The factors of a square matrix, P·A = L·U.
pub(crate) struct Factors(LU<f64, Dyn, Dyn>);

/// Whether the pivot at step k is more than rounding, where `terms` are the products that were subtracted.
fn is_pivot<T: Real>(pivot: f64, n: usize, terms: impl Iterator<Item = f64>) -> bool {
    let rounding = (n as f64 * f64::EPSILON).max(4.0 * T::epsilon().as_f64()) * terms.map(f64::abs).sum::<f64>();
    // What is NaN has overflowed, and shows in the result.
    pivot.is_nan() || pivot.abs() > rounding
}

impl Factors {
    /// Factors a matrix of n rows, or its transposition; nothing where it is singular.
    pub(crate) fn new<T: Real>(a: &[T], n: usize, transposed: bool) -> Option<Self> {
        let elements = a.iter().map(|x| x.as_f64());
        // The library's matrices stand column by column, ours row by row.
        let columns = DMatrix::from_iterator(n, n, elements);
        let factors = LU::new(if transposed { columns } else { columns.transpose() });
        let packed = factors.lu_internal();
        let regular = (0..n).all(|k| is_pivot::<T>(packed[(k, k)], n, (0..k).map(|i| packed[(k, i)] * packed[(i, k)])));
        regular.then_some(Self(factors))
    }

    /// Solves A·X = B for B of n rows, both row by row.
    pub(crate) fn solve<T: Real>(&self, b: &[T], out: &mut [T]) {
        let n = self.0.lu_internal().nrows();
        self.write(DMatrix::from_row_iterator(n, b.len() / n, b.iter().map(|x| x.as_f64())), out);
    }

    /// A⁻¹.
    pub(crate) fn inverse<T: Real>(&self, out: &mut [T]) {
        let n = self.0.lu_internal().nrows();
        self.write(DMatrix::identity(n, n), out);
    }

    fn write<T: Real>(&self, mut b: DMatrix<f64>, out: &mut [T]) {
        // Pivots are not 0, so there is a solution.
        self.0.solve_mut(&mut b);
        out.iter_mut().zip(&b.transpose()).for_each(|(to, &x)| *to = T::of(x));
    }

    /// ln |det A|.
    pub(crate) fn log_det(&self) -> f64 {
        let packed = self.0.lu_internal();
        packed.diagonal().iter().map(|u| u.abs().ln()).sum()
    }

    /// The sign of det A: −1 or 1.
    pub(crate) fn sign_of_det(&self) -> f64 {
        let packed = self.0.lu_internal();
        let exchanged: f64 = self.0.p().determinant();
        packed.diagonal().iter().map(|u| u.signum()).product::<f64>() * exchanged
    }
}

/// The lower factor of the symmetric part of a matrix of n rows, (A + Aᵀ)/2 = L·Lᵀ; whether it is positive definite.
pub(crate) fn cholesky<T: Real>(a: &[T], n: usize, out: &mut [T]) -> bool {
    let columns = DMatrix::from_iterator(n, n, a.iter().map(|x| x.as_f64()));
    let symmetric = (&columns + columns.transpose()) * 0.5;
    let Some(factor) = symmetric.cholesky() else { return false };
    let lower = factor.l();
    out.iter_mut().zip(&lower.transpose()).for_each(|(to, &x)| *to = T::of(x));
    (0..n).all(|k| is_pivot::<T>(lower[(k, k)].powi(2), n, (0..k).map(|i| lower[(k, i)].powi(2))))
}
