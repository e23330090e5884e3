//! Derivatives of plain functions of arrays, and of models over a store of parameters.
//!
//! A function takes a [`Var`] and returns one; it may call any Rust code, look at values and branch. The plural forms
//! take functions of several arrays: `grads(|v| v[0].matmul(v[1]).sum(), &[&a, &b])`. The operators of [`model`] take a
//! closure over a recording, as [`check::model`](crate::check::model) and [`minimize`](crate::minimize::minimize()) do, and
//! differentiate for every parameter of a store: `model::hvp(&params, |step| …, &direction)`.
//!
//! For derivatives of derivatives use the operators of `Var` inside the function ([`Var::gradient`], [`Var::grad_of`],
//! [`Var::vjp`], [`Var::jvp`]); they nest to any order. What enters a function from outside is data: a [`Var`] of another
//! recording does not get in,
//!
//! ```compile_fail
//! use gradus::prelude::*;
//!
//! let (params, mut tape) = (Params::<f64>::new(), Tape::new());
//! let step = tape.record(&params);
//! let outer = step.input(&[1.0]);
//! grad(move |x: Var<'_, f64>| (x * outer).sum(), &array![2.0]); // error: borrowed data escapes
//! ```
//!
//! nor does one get out,
//!
//! ```compile_fail
//! use gradus::prelude::*;
//!
//! let mut kept = None;
//! let _ = grad(|x| { kept = Some(x); x.sum() }, &array![2.0]);
//! let _ = kept.map(|x| x.item());
//! ```
//!
//! but values do: `value_and_grad_aux` hands arrays out beside the derivative.
//!
//! # What they cost
//!
//! In passes over a network's matrices, the function being 1: a gradient 3 (2 where data need none), jvp 3, a product with the
//! Hessian 8, with the Gauss–Newton matrix 5. Where many directions are asked for at one point, [`linearize`] computes the
//! function once and then 2 for each direction of either kind; rows of a Jacobian or a Hessian are such directions.
//!
//! None of them differentiates over a batch of directions at once (there is no `vmap`).

use ndarray::{Array, ArrayD, ArrayRef, Dimension};

use crate::grad::other_shape;
use crate::params::Params;
use crate::real::Real;
use crate::run::Tensor;
use crate::tape::{Recording, Step, Tape, Var};

mod gradient;
mod linearize;
mod matrix;
pub mod model;
mod product;
mod several;

pub use gradient::{grad, value, value_and_grad, value_and_grad_aux};
pub use linearize::{Linearized, linearize};
pub use matrix::{hessian, jacobian};
pub use product::{gauss_newton_vp, hvp, jvp, vjp};
pub use several::{grads, hessians, hvps, jacobians, jvps, value_and_grads, vjps};

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

/// The same for a closure over several arrays, as [`grads`], [`hessians`] and [`check::gradients`](crate::check::gradients)
/// take it.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let (a, b) = (array![[1.0, 2.0]], array![[3.0], [4.0]]);
/// let product = objective_of_several(|v: &[Var<'_, f64>]| v[0].matmul(v[1]).sum());
/// assert_eq!(grads(product, &[&a, &b])[0], array![[3.0, 4.0]].into_dyn());
/// check::gradients(product, &[&a, &b]).assert();
/// ```
pub fn objective_of_several<T: Real, F: for<'v, 't> Fn(&'v [Var<'t, T>]) -> Var<'t, T>>(f: F) -> F {
    f
}

/// A tape for one recording, without parameters. No closure takes it: that would hide the caller's line.
struct Scratch<T: Real> {
    params: Params<T>,
    tape: Tape<T>,
}

impl<T: Real> Scratch<T> {
    fn new() -> Self {
        Self { params: Params::new(), tape: Tape::new() }
    }

    fn record<'d>(&mut self) -> Recording<'_, 'd, T> {
        self.tape.record(&self.params)
    }
}

#[track_caller]
fn variables<'t, T: Real>(step: Step<'t, '_, T>, xs: &[&dyn Tensor<T>]) -> Vec<Var<'t, T>> {
    let mut vars = Vec::with_capacity(xs.len());
    for x in xs {
        let array = ArrayD::from_shape_vec(x.lengths(), x.elements()).expect("an array fills its shape");
        vars.push(step.constant(&array));
    }
    vars
}

#[track_caller]
fn expect_direction(op: &str, direction: &[usize], x: &[usize]) {
    assert!(direction == x, "{op}: {}", other_shape(direction, x));
}

/// An array of the dimension of `x`.
fn like<T: Real, D: Dimension>(x: &ArrayRef<T, D>, array: ArrayD<T>) -> Array<T, D> {
    array.into_shape_with_order(x.raw_dim()).expect("a gradient has the shape of its variable")
}
