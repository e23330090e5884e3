//! What line searches and second-order methods ask: values and derivatives at points of their choice.

use std::fmt;

use crate::params::{Gradient, Params};
use crate::real::Real;

/// A function of all parameters of a store that can be asked for its value and derivatives anywhere.
///
/// [`minimize`](crate::minimize::minimize) makes one of a loss on a tape; [`flat`] makes one of a function of slices with
/// a gradient written by hand.
pub trait Objective<T: Real> {
    /// The value at the parameters, and its gradient.
    fn value_and_gradient(&mut self, params: &Params<T>, gradient: &mut Gradient<T>) -> f64;

    /// The value alone.
    fn value(&mut self, params: &Params<T>) -> f64;

    /// The product H v of the Hessian at the parameters with a vector, written into `product`.
    ///
    /// # Errors
    ///
    /// If the objective has no second derivatives, which is what this default says.
    fn hessian_vector(&mut self, params: &Params<T>, v: &[T], product: &mut Gradient<T>) -> Result<(), Stuck> {
        let _ = (params, v, product);
        Err(Stuck::new(
            "the objective has no products with its Hessian\n  help: record it on a tape, as `minimize` does",
        ))
    }
}

impl<T: Real, O: Objective<T> + ?Sized> Objective<T> for &mut O {
    fn value_and_gradient(&mut self, params: &Params<T>, gradient: &mut Gradient<T>) -> f64 {
        (**self).value_and_gradient(params, gradient)
    }

    fn value(&mut self, params: &Params<T>) -> f64 {
        (**self).value(params)
    }

    fn hessian_vector(&mut self, params: &Params<T>, v: &[T], product: &mut Gradient<T>) -> Result<(), Stuck> {
        (**self).hessian_vector(params, v, product)
    }
}

/// An objective from a function that returns its value at a flat slice x and writes its gradient into a second one.
///
/// # Examples
///
/// ```
/// use gradus::optim::{Method, Lbfgs, flat, Evaluation};
/// use gradus::prelude::*;
///
/// let mut bowl = flat(|x: &[f64], g: &mut [f64]| {
///     (g[0], g[1]) = (2.0 * x[0], 20.0 * x[1]);
///     x[0] * x[0] + 10.0 * x[1] * x[1]
/// });
/// let mut params = Params::new();
/// params.add("x", [2], || 1.0);
/// let (mut gradient, mut method) = (params.gradient(), Lbfgs::new());
/// let mut at = Evaluation::new(&mut bowl, &mut params, &mut gradient);
/// for _ in 0..10 {
///     method.advance(&mut at)?;
/// }
/// assert!(at.value() < 1e-20);
/// # Ok::<(), gradus::optim::Stuck>(())
/// ```
pub fn flat<T: Real, F: FnMut(&[T], &mut [T]) -> f64>(function: F) -> Flat<T, F> {
    Flat { function, unused: Vec::new() }
}

/// A function of slices as an [`Objective`]; see [`flat`].
#[derive(Clone)]
pub struct Flat<T, F> {
    function: F,
    /// Room for a gradient that nobody asked for.
    unused: Vec<T>,
}

impl<T: Real, F: FnMut(&[T], &mut [T]) -> f64> Objective<T> for Flat<T, F> {
    fn value_and_gradient(&mut self, params: &Params<T>, gradient: &mut Gradient<T>) -> f64 {
        let value = (self.function)(params.flat(), gradient.flat_mut());
        gradient.clear_frozen(params.layout());
        value
    }

    fn value(&mut self, params: &Params<T>) -> f64 {
        self.unused.resize(params.len(), T::zero());
        (self.function)(params.flat(), &mut self.unused)
    }
}

impl<T, F> fmt::Debug for Flat<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flat").finish_non_exhaustive()
    }
}

/// Why a method can't go on from where it is.
///
/// # Examples
///
/// ```
/// use gradus::optim::Stuck;
///
/// assert_eq!(Stuck::new("no step decreases the value").to_string(), "no step decreases the value");
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stuck {
    message: String,
}

impl Stuck {
    /// With a message that says what was tried.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Stuck {}
