//! Whole matrices of derivatives, row by row or column by column.

use ndarray::{Array2, ArrayD, ArrayRef, Dimension};

use super::Scratch;
use crate::real::Real;
use crate::tape::{Recorder, Var};

/// The Jacobian of a function: row i holds the derivatives of element i of the result for all elements of the argument,
/// both in standard order.
///
/// Recorded once. Where the argument is smaller than the result, a jvp is run for each column, a vjp for each row
/// otherwise; each of them costs what a direction of [`linearize`](super::linearize) does.
///
/// # Panics
///
/// If the argument has more than 6 axes.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let j = jacobian(|x| x * x.flip(0), &array![2.0, 3.0]);
/// assert_eq!(j, array![[3.0, 2.0], [3.0, 2.0]]);
/// ```
#[track_caller]
pub fn jacobian<T: Real, D: Dimension>(
    f: impl for<'t> FnOnce(Var<'t, T>) -> Var<'t, T>,
    x: &ArrayRef<T, D>,
) -> Array2<T> {
    let mut scratch = Scratch::new();
    let step = scratch.record();
    let var = step.constant(x);
    jacobian_of(f(var), &[var])
}

/// The Hessian of a scalar function: element (i, j) is the second derivative for elements i and j of the argument in
/// standard order.
///
/// Recorded once; a product with the Hessian is run for each row, the function and its gradient once.
///
/// # Panics
///
/// If the result is no scalar.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let h = hessian(|x| x.prod(), &array![2.0, 3.0]);
/// assert_eq!(h, array![[0.0, 1.0], [1.0, 0.0]]);
/// ```
#[track_caller]
pub fn hessian<T: Real, D: Dimension>(
    f: impl for<'t> FnOnce(Var<'t, T>) -> Var<'t, T>,
    x: &ArrayRef<T, D>,
) -> Array2<T> {
    let mut scratch = Scratch::new();
    let step = scratch.record();
    let var = step.constant(x);
    jacobian_of(f(var).gradient(var), &[var])
}

/// The Jacobian of `y` for the elements of all of `xs`, one tensor beside the other.
#[track_caller]
pub(super) fn jacobian_of<'t, T: Real>(y: Var<'t, T>, xs: &[Var<'t, T>]) -> Array2<T> {
    let rows = y.shape().size();
    let columns = xs.iter().map(|x| x.shape().size()).sum();
    let mut jacobian = Array2::zeros((rows, columns));
    if columns < rows {
        by_columns(y, xs, &mut jacobian);
    } else {
        by_rows(y, xs, &mut jacobian);
    }
    jacobian
}

#[track_caller]
fn by_rows<'t, T: Real>(y: Var<'t, T>, xs: &[Var<'t, T>], jacobian: &mut Array2<T>) {
    let (recorder, unit) = (y.recording(), zeros(y));
    let parts = y.vjp(xs, unit);
    let mut cotangent = vec![T::zero(); jacobian.nrows()];
    for k in 0..cotangent.len() {
        cotangent[k] = T::one();
        let mut row = jacobian.row_mut(k).into_iter();
        recorder.replay(&[(unit, &cotangent)], &parts, |_, values| {
            // The values first: where they end, the row must not be a step further.
            values.iter().zip(row.by_ref()).for_each(|(&from, to)| *to = from);
        });
        cotangent[k] = T::zero();
    }
}

#[track_caller]
fn by_columns<'t, T: Real>(y: Var<'t, T>, xs: &[Var<'t, T>], jacobian: &mut Array2<T>) {
    let recorder: Recorder<'t, T> = y.recording();
    let mut columns = jacobian.columns_mut().into_iter();
    for &x in xs {
        let unit = zeros(x);
        let part = y.jvp(x, unit);
        let mut direction = vec![T::zero(); x.shape().size()];
        for k in 0..direction.len() {
            direction[k] = T::one();
            let mut column = columns.next().expect("a column for each element");
            recorder.replay(&[(unit, &direction)], &[part], |_, values| {
                column.iter_mut().zip(values).for_each(|(to, &from)| *to = from);
            });
            direction[k] = T::zero();
        }
    }
}

/// Data of the shape of a tensor, to be given other values.
#[track_caller]
pub(super) fn zeros<'t, T: Real>(like: Var<'t, T>) -> Var<'t, T> {
    like.constant(&ArrayD::zeros(&like.shape()[..]))
}
