//! The same for functions of several arrays.

use ndarray::{Array2, ArrayD, ArrayRef, Axis, Dimension};

use super::matrix::jacobian_of;
use super::{Scratch, expect_direction, variables};
use crate::grad::{other_count, pull_back};
use crate::real::Real;
use crate::run::Tensor;
use crate::tape::Var;

/// The gradients of a scalar function of several arrays.
///
/// A closure that is bound to a name first goes through [`objective_of_several`](super::objective_of_several).
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
/// let (a, b) = (array![[1.0, 2.0]], array![[3.0], [4.0]]);
/// let g = grads(|v| v[0].matmul(v[1]).sum(), &[&a, &b]);
/// assert_eq!(g[0], array![[3.0, 4.0]].into_dyn());
/// assert_eq!(g[1], array![[1.0], [2.0]].into_dyn());
/// ```
#[track_caller]
pub fn grads<T: Real>(
    f: impl for<'a, 't> FnOnce(&'a [Var<'t, T>]) -> Var<'t, T>,
    xs: &[&dyn Tensor<T>],
) -> Vec<ArrayD<T>> {
    value_and_grads(f, xs).1
}

/// The value and the gradients of a scalar function of several arrays.
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
/// let (value, gradients) = value_and_grads(|v| (v[0] * v[1]).sum(), &[&array![2.0], &array![3.0]]);
/// assert_eq!(value, 6.0);
/// assert_eq!(gradients, [array![3.0].into_dyn(), array![2.0].into_dyn()]);
/// ```
#[track_caller]
pub fn value_and_grads<T: Real>(
    f: impl for<'a, 't> FnOnce(&'a [Var<'t, T>]) -> Var<'t, T>,
    xs: &[&dyn Tensor<T>],
) -> (T, Vec<ArrayD<T>>) {
    let mut scratch = Scratch::new();
    let step = scratch.record();
    let vars = variables(&step, xs);
    let y = f(&vars);
    let gradients = y.gradients(&vars);
    (y.item(), step.values(&gradients))
}

/// The transposed Jacobian of a function of several arrays times a cotangent of its result: one part for each array.
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
/// let (a, b, c) = (array![1.0, 2.0], array![3.0, 4.0], array![1.0, 10.0]);
/// let g = vjps(|v| v[0] * v[1], &[&a, &b], &c);
/// assert_eq!(g, [array![3.0, 40.0].into_dyn(), array![1.0, 20.0].into_dyn()]);
/// ```
#[track_caller]
pub fn vjps<T: Real, E: Dimension>(
    f: impl for<'a, 't> FnOnce(&'a [Var<'t, T>]) -> Var<'t, T>,
    xs: &[&dyn Tensor<T>],
    cotangent: &ArrayRef<T, E>,
) -> Vec<ArrayD<T>> {
    let mut scratch = Scratch::new();
    let step = scratch.record();
    let vars = variables(&step, xs);
    step.values(&f(&vars).vjp(&vars, step.constant(cotangent)))
}

/// The derivative of a function of several arrays along one direction for each array.
///
/// # Panics
///
/// If the directions have other shapes than the arrays.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let dy = jvps(|v| v[0] * v[1], &[&array![2.0], &array![3.0]], &[&array![1.0], &array![10.0]]);
/// assert_eq!(dy, array![23.0].into_dyn()); // 1·3 + 2·10
/// ```
#[track_caller]
pub fn jvps<T: Real>(
    f: impl for<'a, 't> FnOnce(&'a [Var<'t, T>]) -> Var<'t, T>,
    xs: &[&dyn Tensor<T>],
    directions: &[&dyn Tensor<T>],
) -> ArrayD<T> {
    let mut scratch = Scratch::new();
    let step = scratch.record();
    let (vars, directions) = (variables(&step, xs), variables(&step, directions));
    f(&vars).jvps(&vars, &directions).value()
}

/// The Hessian of a scalar function of several arrays times one direction for each: one part for each array.
///
/// # Panics
///
/// If the result is no scalar or the directions have other shapes than the arrays.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// // The Hessian of a·b is [[0, 1], [1, 0]].
/// let hv = hvps(|v| (v[0] * v[1]).sum(), &[&array![2.0], &array![3.0]], &[&array![1.0], &array![10.0]]);
/// assert_eq!(hv, [array![10.0].into_dyn(), array![1.0].into_dyn()]);
/// ```
#[track_caller]
pub fn hvps<T: Real>(
    f: impl for<'a, 't> FnOnce(&'a [Var<'t, T>]) -> Var<'t, T>,
    xs: &[&dyn Tensor<T>],
    directions: &[&dyn Tensor<T>],
) -> Vec<ArrayD<T>> {
    assert!(xs.len() == directions.len(), "hvp: {}", other_count(directions.len(), xs.len()));
    for (x, direction) in xs.iter().zip(directions) {
        expect_direction("hvp", direction.lengths(), x.lengths());
    }
    let mut scratch = Scratch::new();
    let step = scratch.record();
    let (vars, directions) = (variables(&step, xs), variables(&step, directions));
    let gradients = f(&vars).gradients(&vars);
    let along: Vec<_> = gradients.into_iter().zip(directions).collect();
    step.values(&pull_back(step.recorder(), "hvp", &along, &vars))
}

/// The Jacobians of a function of several arrays, one for each; see [`jacobian`](super::jacobian()).
///
/// # Panics
///
/// If an array has more than 6 axes.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let j = jacobians(|v| v[0] * v[1].sum(), &[&array![1.0, 2.0], &array![3.0, 4.0]]);
/// assert_eq!(j, [array![[7.0, 0.0], [0.0, 7.0]], array![[1.0, 1.0], [2.0, 2.0]]]);
/// ```
#[track_caller]
pub fn jacobians<T: Real>(
    f: impl for<'a, 't> FnOnce(&'a [Var<'t, T>]) -> Var<'t, T>,
    xs: &[&dyn Tensor<T>],
) -> Vec<Array2<T>> {
    let mut scratch = Scratch::new();
    let step = scratch.record();
    let vars = variables(&step, xs);
    let y = f(&vars);
    split(&jacobian_of(y, &vars), &vars)
}

/// The blocks of the Hessian of a scalar function of several arrays: block (i, j) holds the second derivatives for
/// elements of array i and of array j; see [`hessian`](super::hessian()).
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
/// let h = hessians(|v| (v[0].square() * v[1]).sum(), &[&array![3.0], &array![5.0]]);
/// assert_eq!(h, [[array![[10.0]], array![[6.0]]], [array![[6.0]], array![[0.0]]]]);
/// ```
#[track_caller]
pub fn hessians<T: Real>(
    f: impl for<'a, 't> FnOnce(&'a [Var<'t, T>]) -> Var<'t, T>,
    xs: &[&dyn Tensor<T>],
) -> Vec<Vec<Array2<T>>> {
    let mut scratch = Scratch::new();
    let step = scratch.record();
    let vars = variables(&step, xs);
    let gradients = f(&vars).gradients(&vars);
    gradients.iter().map(|&g| split(&jacobian_of(g, &vars), &vars)).collect()
}

/// The columns of each tensor.
fn split<T: Real>(jacobian: &Array2<T>, xs: &[Var<'_, T>]) -> Vec<Array2<T>> {
    let mut rest = jacobian.view();
    let mut parts = Vec::with_capacity(xs.len());
    for x in xs {
        let (part, others) = rest.split_at(Axis(1), x.shape().size());
        parts.push(part.to_owned());
        rest = others;
    }
    parts
}
