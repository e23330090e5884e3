//! Products of derivatives with vectors, without forming a matrix.

use ndarray::{Array, ArrayD, ArrayRef, Dimension};

use super::{Scratch, expect_direction, like};
use crate::real::Real;
use crate::tape::Var;

/// The transposed Jacobian of a function times a cotangent of its result.
///
/// # Panics
///
/// If the cotangent has another shape than the result.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let g = vjp(|x| x.exp(), &array![0.0, 0.0], &array![1.0, 10.0]);
/// assert_eq!(g, array![1.0, 10.0]);
/// ```
#[track_caller]
pub fn vjp<T: Real, D: Dimension, E: Dimension>(
    f: impl for<'t> FnOnce(Var<'t, T>) -> Var<'t, T>,
    x: &ArrayRef<T, D>,
    cotangent: &ArrayRef<T, E>,
) -> Array<T, D> {
    let mut scratch = Scratch::new();
    let step = scratch.record();
    let var = step.constant(x);
    let y = f(var);
    like(x, y.vjp(&[var], step.constant(cotangent))[0].value())
}

/// The Jacobian of a function times a direction of its argument.
///
/// # Panics
///
/// If the direction has another shape than the argument.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let dy = jvp(|x| x.sum_axis(0), &array![[1.0, 2.0], [3.0, 4.0]], &array![[1.0, 0.0], [1.0, 0.0]]);
/// assert_eq!(dy, array![2.0, 0.0].into_dyn());
/// ```
#[track_caller]
pub fn jvp<T: Real, D: Dimension>(
    f: impl for<'t> FnOnce(Var<'t, T>) -> Var<'t, T>,
    x: &ArrayRef<T, D>,
    direction: &ArrayRef<T, D>,
) -> ArrayD<T> {
    let mut scratch = Scratch::new();
    let step = scratch.record();
    let var = step.constant(x);
    f(var).jvp(var, step.constant(direction)).value()
}

/// The Hessian of a scalar function times a direction, without forming the Hessian.
///
/// # Panics
///
/// If the result is no scalar or the direction has another shape than the argument.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let hv = hvp(|x| x.powi(3).sum(), &array![1.0, 2.0], &array![1.0, 1.0]);
/// assert_eq!(hv, array![6.0, 12.0]);
/// ```
#[track_caller]
pub fn hvp<T: Real, D: Dimension>(
    f: impl for<'t> FnOnce(Var<'t, T>) -> Var<'t, T>,
    x: &ArrayRef<T, D>,
    direction: &ArrayRef<T, D>,
) -> Array<T, D> {
    expect_direction("hvp", direction.shape(), x.shape());
    let mut scratch = Scratch::new();
    let step = scratch.record();
    let var = step.constant(x);
    let gradient = f(var).gradient(var);
    like(x, gradient.vjp(&[var], step.constant(direction))[0].value())
}

/// The Gauss–Newton matrix `JᵀHJ` of a loss of a network's outputs times a direction, without forming any of the three: J is
/// the Jacobian of the network, H the Hessian of the loss for its outputs.
///
/// It is what is left of the Hessian where the network's own curvature is dropped, and positive semi-definite where the
/// loss is convex in the outputs. A jvp through the network, a product with H, a vjp back.
///
/// # Panics
///
/// If the loss is no scalar or the direction has another shape than the argument.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// // The outputs are x², the loss is their sum of squares: JᵀHJ = diag(2x)·2·diag(2x) = diag(8x²).
/// let product = gauss_newton_vp(|x| x.square(), |z| z.square().sum(), &array![1.0, 2.0], &array![1.0, 1.0]);
/// assert_eq!(product, array![8.0, 32.0]);
/// ```
///
/// # References
///
/// Schraudolph 2002, Fast curvature matrix-vector products for second-order gradient descent.
#[track_caller]
pub fn gauss_newton_vp<T: Real, D: Dimension>(
    network: impl for<'t> FnOnce(Var<'t, T>) -> Var<'t, T>,
    loss: impl for<'t> FnOnce(Var<'t, T>) -> Var<'t, T>,
    x: &ArrayRef<T, D>,
    direction: &ArrayRef<T, D>,
) -> Array<T, D> {
    expect_direction("gauss_newton_vp", direction.shape(), x.shape());
    let mut scratch = Scratch::new();
    let step = scratch.record();
    let var = step.constant(x);
    let z = network(var);
    let curved = curve(z, loss, z.jvp(var, step.constant(direction)));
    like(x, z.vjp(&[var], curved)[0].value())
}

/// The Hessian of a scalar function of `z` times a direction of it.
#[track_caller]
pub(super) fn curve<'t, T: Real>(
    z: Var<'t, T>,
    loss: impl FnOnce(Var<'t, T>) -> Var<'t, T>,
    dz: Var<'t, T>,
) -> Var<'t, T> {
    let z = z.alias();
    loss(z).gradient(z).vjp(&[z], dz)[0]
}
