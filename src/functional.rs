//! Derivatives of plain functions of arrays.
//!
//! A function takes a [`Var`] and returns one; it may call any Rust code, look at values and branch. The plural forms
//! take functions of several arrays: `grads(|v| v[0].matmul(v[1]).sum(), &[&a, &b])`.
//!
//! For derivatives of derivatives use the operators of `Var` inside the function ([`Var::gradient`], [`Var::grad_of`],
//! [`Var::vjp`], [`Var::jvp`]).

use ndarray::{Array, Array2, ArrayD, ArrayRef, Dimension};

use crate::params::Params;
use crate::real::Real;
use crate::run::Tensor;
use crate::tape::{Step, Tape, Var};

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
    scratch(|step| f(step.constant(x)).item())
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
    scratch(|step| {
        let var = step.constant(x);
        let y = f(var);
        let gradient = y.gradient(var);
        step.recorder().run(&[y.id(), gradient.id()]);
        (y.item(), like(x, gradient.value()))
    })
}

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
    scratch(|step| {
        let var = step.constant(x);
        let y = f(var);
        like(x, y.vjp(&[var], step.constant(cotangent))[0].value())
    })
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
    scratch(|step| {
        let var = step.constant(x);
        f(var).jvp(var, step.constant(direction)).value()
    })
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
    scratch(|step| {
        let var = step.constant(x);
        let gradient = f(var).gradient(var);
        like(x, gradient.vjp(&[var], step.constant(direction))[0].value())
    })
}

/// The Jacobian of a function: row i holds the derivatives of element i of the result for all elements of the argument,
/// both in standard order.
///
/// Recorded once and run once for each row, or, where the argument is smaller than the result, for each column.
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
    scratch(|step| {
        let var = step.constant(x);
        jacobian_of(step, f(var), var)
    })
}

/// The Hessian of a scalar function: element (i, j) is the second derivative for elements i and j of the argument in
/// standard order.
///
/// Recorded once and run once for each row.
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
    scratch(|step| {
        let var = step.constant(x);
        jacobian_of(step, f(var).gradient(var), var)
    })
}

/// The gradients of a scalar function of several arrays.
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
    scratch(|step| {
        let vars = variables(step, xs);
        let y = f(&vars);
        let gradients = y.gradients(&vars);
        (y.item(), step.values(&gradients))
    })
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
    scratch(|step| {
        let vars = variables(step, xs);
        step.values(&f(&vars).vjp(&vars, step.constant(cotangent)))
    })
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
    scratch(|step| {
        let (vars, directions) = (variables(step, xs), variables(step, directions));
        let y = f(&vars);
        let parts = vars.iter().zip(&directions).map(|(&x, &dx)| y.jvp(x, dx));
        parts.reduce(|a, b| a + b).map_or_else(|| ArrayD::zeros(&y.shape()[..]), Var::value)
    })
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
    scratch(|step| {
        let (vars, directions) = (variables(step, xs), variables(step, directions));
        let gradients = f(&vars).gradients(&vars);
        let along = gradients.iter().zip(&directions).map(|(&g, &v)| (g * v).sum());
        along.reduce(|a, b| a + b).map_or_else(Vec::new, |sum| step.values(&sum.gradients(&vars)))
    })
}

/// The Jacobians of a function of several arrays, one for each; see [`jacobian`].
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
    scratch(|step| {
        let vars = variables(step, xs);
        let y = f(&vars);
        vars.iter().map(|&x| jacobian_of(step, y, x)).collect()
    })
}

/// The blocks of the Hessian of a scalar function of several arrays: block (i, j) holds the second derivatives for
/// elements of array i and of array j; see [`hessian`].
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
    scratch(|step| {
        let vars = variables(step, xs);
        let gradients = f(&vars).gradients(&vars);
        gradients.iter().map(|&g| vars.iter().map(|&x| jacobian_of(step, g, x)).collect()).collect()
    })
}

/// States the type of a closure that is bound to a name before it is passed on; the compiler can't infer it there.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let square = objective(|x: Var<'_, f64>| (x * x).sum());
/// assert_eq!(grad(square, &array![3.0]), array![6.0]);
/// assert_eq!(value(square, &array![3.0]), 9.0);
/// ```
pub fn objective<T: Real, F: for<'t> Fn(Var<'t, T>) -> Var<'t, T>>(f: F) -> F {
    f
}

/// A recording without parameters on a tape of its own.
#[track_caller]
pub(crate) fn scratch<T: Real, R>(f: impl for<'t> FnOnce(Step<'t, '_, T>) -> R) -> R {
    let params = Params::new();
    let mut tape = Tape::new();
    f(&tape.record(&params))
}

#[track_caller]
pub(crate) fn variables<'t, T: Real>(step: Step<'t, '_, T>, xs: &[&dyn Tensor<T>]) -> Vec<Var<'t, T>> {
    let mut vars = Vec::with_capacity(xs.len());
    for x in xs {
        let array = ArrayD::from_shape_vec(x.lengths(), x.elements()).expect("an array fills its shape");
        vars.push(step.constant(&array));
    }
    vars
}

fn jacobian_of<'t, T: Real>(step: Step<'t, '_, T>, y: Var<'t, T>, x: Var<'t, T>) -> Array2<T> {
    let (rows, columns) = (y.shape().size(), x.shape().size());
    let mut jacobian = Array2::zeros((rows, columns));
    let forward = columns < rows;
    let unit = step.constant(&ArrayD::zeros(&(if forward { x.shape() } else { y.shape() })[..]));
    let part = if forward { y.jvp(x, unit) } else { y.vjp(&[x], unit)[0] };
    let mut direction = vec![T::zero(); unit.shape().size()];
    for k in 0..direction.len() {
        direction[k] = T::one();
        let mut line = if forward { jacobian.column_mut(k) } else { jacobian.row_mut(k) };
        step.recorder().replay(&[(unit, &direction)], &[part], |_, values| {
            line.iter_mut().zip(values).for_each(|(to, &from)| *to = from);
        });
        direction[k] = T::zero();
    }
    jacobian
}

/// An array of the dimension of `x`.
fn like<T: Real, D: Dimension>(x: &ArrayRef<T, D>, array: ArrayD<T>) -> Array<T, D> {
    array.into_shape_with_order(x.raw_dim()).expect("a gradient has the shape of its variable")
}
