//! Derivatives of a model for every parameter of its store.
//!
//! The closure gets the recording, may lend it data of its caller, and returns what is differentiated. Directions are slices
//! in the order of [`Params::flat`] (so `gradient.flat()` is one); answers are [`Gradient`]s of the store, or matrices with a
//! column for each learned value in that order. Frozen parameters are not differentiated for: their derivatives are 0, and
//! what a direction says about them does not count. Recordings are not for training: dropout drops nothing.
//!
//! Each call records anew. A loop that takes many steps keeps a [`Tape`] and calls [`backward`](Var::backward) instead.

use std::ops::Range;

use ndarray::{Array2, ArrayD, ArrayRef, ArrayView, Dimension};

mod linearize;

pub use linearize::{Linearized, linearize};

use super::gradient::{ids, values};
use super::matrix::jacobian_of;
use super::product::curve;
use crate::params::{Gradient, Params};
use crate::real::Real;
use crate::tape::sweeps::Weighted;
use crate::tape::{Step, Tape, Var};

/// The parameters of a recording that are not frozen, and where they stand in the flat order.
struct Learned<'t, T: Real> {
    vars: Vec<Var<'t, T>>,
    ranges: Vec<Range<usize>>,
}

impl<'t, T: Real> Learned<'t, T> {
    #[track_caller]
    fn new(step: Step<'t, '_, T>, params: &Params<T>) -> Self {
        let mut learned = Self { vars: Vec::new(), ranges: Vec::new() };
        let mut at = 0;
        for param in params.params() {
            let range = at..at + params.value(param).len();
            at = range.end;
            if !params.is_frozen(param) {
                learned.vars.push(step.param(param));
                learned.ranges.push(range);
            }
        }
        learned
    }

    /// A flat vector as data, in parts.
    #[track_caller]
    fn parts(&self, flat: &[T]) -> Vec<Var<'t, T>> {
        let mut parts = Vec::with_capacity(self.vars.len());
        for (var, range) in self.vars.iter().zip(&self.ranges) {
            let part = ArrayView::from_shape(&var.shape()[..], &flat[range.clone()]).expect("a slot fills its shape");
            parts.push(var.constant(&part));
        }
        parts
    }
}

#[track_caller]
fn expect_direction<T: Real>(op: &str, params: &Params<T>, direction: &[T]) {
    let (found, expected) = (direction.len(), params.len());
    assert!(
        found == expected,
        "{op}: the direction has {found} elements, the parameters {expected}\n  help: it is a slice in the order of `params.flat()`"
    );
}

/// The gradient of a scalar for all parameters.
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
/// let mut params = Params::<f64>::new();
/// let w = params.add("w", [2], || 3.0);
/// let x = array![1.0, 10.0];
/// let gradient = model::grad(&params, |step| (step.input(&x) * step.param(w).square()).sum());
/// assert_eq!(gradient.value(w), array![6.0, 60.0].into_dyn());
/// ```
#[track_caller]
pub fn grad<'d, T: Real>(params: &Params<T>, f: impl for<'t> FnOnce(Step<'t, 'd, T>) -> Var<'t, T>) -> Gradient<T> {
    value_and_grad(params, f).1
}

/// A scalar and its gradient for all parameters.
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
/// let mut params = Params::<f64>::new();
/// let w = params.add("w", [2], || 3.0);
/// let (loss, gradient) = model::value_and_grad(&params, |step| step.param(w).square().sum());
/// assert_eq!((loss, gradient.flat()), (18.0, &[6.0, 6.0][..]));
/// ```
#[track_caller]
pub fn value_and_grad<'d, T: Real>(
    params: &Params<T>,
    f: impl for<'t> FnOnce(Step<'t, 'd, T>) -> Var<'t, T>,
) -> (T, Gradient<T>) {
    let (value, gradient, []) = value_and_grad_aux(params, |step| (f(step), []));
    (value, gradient)
}

/// A scalar, its gradient for all parameters, and the values of other tensors, which do not count for the derivative.
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
/// let mut params = Params::<f64>::new();
/// let w = params.add("w", [2], || 3.0);
/// let (loss, gradient, [squares]) = model::value_and_grad_aux(&params, |step| {
///     let squares = step.param(w).square();
///     (squares.sum(), [squares])
/// });
/// assert_eq!((loss, gradient.flat(), squares), (18.0, &[6.0, 6.0][..], array![9.0, 9.0].into_dyn()));
/// ```
#[track_caller]
pub fn value_and_grad_aux<'d, T: Real, const N: usize>(
    params: &Params<T>,
    f: impl for<'t> FnOnce(Step<'t, 'd, T>) -> (Var<'t, T>, [Var<'t, T>; N]),
) -> (T, Gradient<T>, [ArrayD<T>; N]) {
    let mut gradient = params.gradient();
    let mut tape = Tape::new();
    let step = tape.record(params);
    let (y, others) = f(&step);
    y.expect_scalar("grad");
    let outputs = Weighted::from_slice(&[(y.id(), None)]);
    step.recorder().differentiate(outputs, &ids(&[y], &others), &mut gradient, "grad", false);
    (y.item(), gradient, values(step.recorder(), others))
}

/// The derivative of Σ c⊙y for all parameters, y being the result: the transposed Jacobian times a cotangent.
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
/// let mut params = Params::<f64>::new();
/// let w = params.add("w", [2], || 3.0);
/// let gradient = model::vjp(&params, |step| step.param(w).square(), &array![1.0, 10.0]);
/// assert_eq!(gradient.flat(), [6.0, 60.0]);
/// ```
#[track_caller]
pub fn vjp<'d, T: Real, E: Dimension>(
    params: &Params<T>,
    f: impl for<'t> FnOnce(Step<'t, 'd, T>) -> Var<'t, T>,
    cotangent: &ArrayRef<T, E>,
) -> Gradient<T> {
    let mut gradient = params.gradient();
    let mut tape = Tape::new();
    let step = tape.record(params);
    let (y, c) = (f(&step), step.constant(cotangent));
    y.expect_cotangent(c);
    pull_back(&[(y, c)], &mut gradient, "vjp");
    gradient
}

/// The derivative of the result along a direction of all parameters: the Jacobian times the direction.
///
/// # Panics
///
/// If the direction has not as many elements as the store.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let mut params = Params::<f64>::new();
/// let w = params.add("w", [2], || 3.0);
/// let dy = model::jvp(&params, |step| step.param(w).square(), &[1.0, 10.0]);
/// assert_eq!(dy, array![6.0, 60.0].into_dyn());
/// ```
#[track_caller]
pub fn jvp<'d, T: Real>(
    params: &Params<T>,
    f: impl for<'t> FnOnce(Step<'t, 'd, T>) -> Var<'t, T>,
    direction: &[T],
) -> ArrayD<T> {
    expect_direction("jvp", params, direction);
    let mut tape = Tape::new();
    let step = tape.record(params);
    let (y, learned) = (f(&step), Learned::new(&step, params));
    y.jvps(&learned.vars, &learned.parts(direction)).value()
}

/// The Hessian of a scalar for all parameters times a direction of them.
///
/// # Panics
///
/// If the result is no scalar or the direction has not as many elements as the store.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let mut params = Params::<f64>::new();
/// let w = params.add("w", [2], || 3.0);
/// let product = model::hvp(&params, |step| step.param(w).powi(3).sum(), &[1.0, 10.0]);
/// assert_eq!(product.flat(), [18.0, 180.0]); // H = diag(6w)
/// ```
#[track_caller]
pub fn hvp<'d, T: Real>(
    params: &Params<T>,
    f: impl for<'t> FnOnce(Step<'t, 'd, T>) -> Var<'t, T>,
    direction: &[T],
) -> Gradient<T> {
    let mut gradient = params.gradient();
    let mut tape = Tape::new();
    let step = tape.record(params);
    hvp_into(&step, f(&step), params, direction, &mut gradient);
    gradient
}

/// The same for a scalar that is recorded already, into a gradient.
#[track_caller]
pub(crate) fn hvp_into<'t, T: Real>(
    step: Step<'t, '_, T>,
    loss: Var<'t, T>,
    params: &Params<T>,
    direction: &[T],
    product: &mut Gradient<T>,
) {
    expect_direction("hvp", params, direction);
    loss.expect_scalar("hvp");
    let learned = Learned::new(step, params);
    let along = loss.gradients(&learned.vars).into_iter().zip(learned.parts(direction));
    pull_back(&along.collect::<Vec<_>>(), product, "hvp");
}

/// The Gauss–Newton matrix `JᵀHJ` of a loss of a model's outputs times a direction of all parameters: J is the Jacobian of
/// the outputs, H the Hessian of the loss for them; see [`gauss_newton_vp`](super::gauss_newton_vp).
///
/// The loss gets the outputs alone, and labels or targets from the caller (`cross_entropy(z, &labels)`,
/// `mse(z, z.constant(&targets))`): what else depends on parameters, such as a penalty, has a curvature of its own.
///
/// # Panics
///
/// If the loss is no scalar or the direction has not as many elements as the store.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let mut params = Params::<f64>::new();
/// let w = params.add("w", [2], || 3.0);
/// let product =
///     model::gauss_newton_vp(&params, |step| step.param(w).square(), |z| z.square().sum(), &[1.0, 10.0]);
/// assert_eq!(product.flat(), [72.0, 720.0]); // diag(2w)·2·diag(2w)
/// ```
#[track_caller]
pub fn gauss_newton_vp<'d, T: Real>(
    params: &Params<T>,
    network: impl for<'t> FnOnce(Step<'t, 'd, T>) -> Var<'t, T>,
    loss: impl for<'t> FnOnce(Var<'t, T>) -> Var<'t, T>,
    direction: &[T],
) -> Gradient<T> {
    expect_direction("gauss_newton_vp", params, direction);
    let mut gradient = params.gradient();
    let mut tape = Tape::new();
    let step = tape.record(params);
    let (z, learned) = (network(&step), Learned::new(&step, params));
    let curved = curve(z, loss, z.jvps(&learned.vars, &learned.parts(direction)));
    pull_back(&[(z, curved)], &mut gradient, "gauss_newton_vp");
    gradient
}

/// The Jacobian of the result for all parameters: a row for each element of the result, a column for each learned value,
/// both in standard order; see [`jacobian`](super::jacobian) for what it costs.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let mut params = Params::<f64>::new();
/// let (w, b) = (params.add("w", [2], || 3.0), params.add("b", [], || 1.0));
/// let jacobian = model::jacobian(&params, |step| step.param(w).square() + step.param(b));
/// assert_eq!(jacobian, array![[6.0, 0.0, 1.0], [0.0, 6.0, 1.0]]);
/// ```
#[track_caller]
pub fn jacobian<'d, T: Real>(params: &Params<T>, f: impl for<'t> FnOnce(Step<'t, 'd, T>) -> Var<'t, T>) -> Array2<T> {
    let mut tape = Tape::new();
    let step = tape.record(params);
    let y = f(&step);
    let learned = Learned::new(&step, params);
    widen(&jacobian_of(y, &learned.vars), &learned, params.len())
}

/// The Hessian of a scalar for all parameters; see [`hessian`](super::hessian) for what it costs.
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
/// let mut params = Params::<f64>::new();
/// let (w, b) = (params.add("w", [], || 3.0), params.add("b", [], || 1.0));
/// let hessian = model::hessian(&params, |step| step.param(w).square() * step.param(b));
/// assert_eq!(hessian, array![[2.0, 6.0], [6.0, 0.0]]);
/// ```
#[track_caller]
pub fn hessian<'d, T: Real>(params: &Params<T>, f: impl for<'t> FnOnce(Step<'t, 'd, T>) -> Var<'t, T>) -> Array2<T> {
    let mut tape = Tape::new();
    let step = tape.record(params);
    let y = f(&step);
    let learned = Learned::new(&step, params);
    let mut hessian = Array2::zeros((params.len(), params.len()));
    for (gradient, range) in y.gradients(&learned.vars).into_iter().zip(&learned.ranges) {
        let rows = widen(&jacobian_of(gradient, &learned.vars), &learned, params.len());
        hessian.slice_mut(ndarray::s![range.clone(), ..]).assign(&rows);
    }
    hessian
}

/// Columns for what is frozen, too.
fn widen<T: Real>(jacobian: &Array2<T>, learned: &Learned<'_, T>, columns: usize) -> Array2<T> {
    let mut wide = Array2::zeros((jacobian.nrows(), columns));
    let mut from = 0;
    for range in &learned.ranges {
        let part = jacobian.slice(ndarray::s![.., from..from + range.len()]);
        wide.slice_mut(ndarray::s![.., range.clone()]).assign(&part);
        from += range.len();
    }
    wide
}

/// The derivative of Σ c⊙y over some pairs for all parameters.
#[track_caller]
fn pull_back<T: Real>(outputs: &[(Var<'_, T>, Var<'_, T>)], gradient: &mut Gradient<T>, op: &str) {
    let Some((first, _)) = outputs.first() else { return gradient.flat_mut().fill(T::zero()) };
    let weighted = outputs.iter().map(|(y, c)| (y.id(), Some(c.id()))).collect();
    first.recording().differentiate(weighted, &[], gradient, op, false);
}
