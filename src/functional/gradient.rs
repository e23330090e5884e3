//! The value of a scalar function and its gradient.

use ndarray::{Array, ArrayD, ArrayRef, Dimension};

use super::{Scratch, like};
use crate::real::Real;
use crate::tape::{Recorder, Var};

/// The value of a scalar function.
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
/// assert_eq!(value(|x| (x * x).sum(), &array![1.0, 2.0]), 5.0);
/// ```
#[track_caller]
pub fn value<T: Real, D: Dimension>(f: impl for<'t> FnOnce(Var<'t, T>) -> Var<'t, T>, x: &ArrayRef<T, D>) -> T {
    let mut scratch = Scratch::new();
    let step = scratch.record();
    f(step.constant(x)).item()
}

/// The gradient of a scalar function.
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
/// let g = grad(|x| (x * x).sum(), &array![1.0, 2.0]);
/// assert_eq!(g, array![2.0, 4.0]);
/// ```
#[track_caller]
pub fn grad<T: Real, D: Dimension>(
    f: impl for<'t> FnOnce(Var<'t, T>) -> Var<'t, T>,
    x: &ArrayRef<T, D>,
) -> Array<T, D> {
    value_and_grad(f, x).1
}

/// The value and the gradient of a scalar function.
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
/// let (value, gradient) = value_and_grad(|x| x.square().sum(), &array![3.0, 4.0]);
/// assert_eq!((value, gradient), (25.0, array![6.0, 8.0]));
/// ```
#[track_caller]
pub fn value_and_grad<T: Real, D: Dimension>(
    f: impl for<'t> FnOnce(Var<'t, T>) -> Var<'t, T>,
    x: &ArrayRef<T, D>,
) -> (T, Array<T, D>) {
    let (value, gradient, []) = value_and_grad_aux(|x| (f(x), []), x);
    (value, gradient)
}

/// The value and the gradient of a scalar function that hands out other tensors beside it, and the values of these: what
/// was computed on the way is read, not computed again.
///
/// The others do not count for the derivative. What is no tensor leaves by a captured variable.
///
/// # Panics
///
/// If the first result is no scalar.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let (loss, gradient, [logits]) = value_and_grad_aux(
///     |x| {
///         let logits = x * 10.0;
///         (logits.square().sum(), [logits])
///     },
///     &array![1.0, 2.0],
/// );
/// assert_eq!((loss, gradient), (500.0, array![200.0, 400.0]));
/// assert_eq!(logits, array![10.0, 20.0].into_dyn());
/// ```
#[track_caller]
pub fn value_and_grad_aux<T: Real, D: Dimension, const N: usize>(
    f: impl for<'t> FnOnce(Var<'t, T>) -> (Var<'t, T>, [Var<'t, T>; N]),
    x: &ArrayRef<T, D>,
) -> (T, Array<T, D>, [ArrayD<T>; N]) {
    let mut scratch = Scratch::new();
    let step = scratch.record();
    let var = step.constant(x);
    let (y, others) = f(var);
    let gradient = y.gradient(var);
    step.recorder().run(&ids(&[y, gradient], &others));
    (y.item(), like(x, gradient.value()), values(step.recorder(), others))
}

/// The values of several tensors.
#[track_caller]
pub(super) fn values<T: Real, const N: usize>(recorder: Recorder<'_, T>, vars: [Var<'_, T>; N]) -> [ArrayD<T>; N] {
    recorder.values(&vars).try_into().expect("as many values as tensors")
}

/// The positions of all of these.
pub(super) fn ids<T: Real>(results: &[Var<'_, T>], others: &[Var<'_, T>]) -> Vec<u32> {
    results.iter().chain(others).map(|var| var.id()).collect()
}
