//! Methods: what moves parameters and may ask the objective on the way.

use super::objective::{Objective, Stuck};
use super::rule::Rule;
use super::{Descent, Optimizer};
use crate::params::{Gradient, Params};
use crate::real::Real;

/// A way to minimise an objective: every optimiser, and what searches along lines or asks for second derivatives.
///
/// An [`Optimizer`] of one's own becomes one with [`Evaluation::step`].
pub trait Method<T: Real> {
    /// Makes one iteration from where value and gradient are known.
    ///
    /// # Errors
    ///
    /// If there is no way on; parameters, value and gradient are then as they were.
    fn advance(&mut self, at: &mut Evaluation<'_, T>) -> Result<(), Stuck>;

    /// Moves the parameters to where the method wants the next value, before each evaluation; only look-ahead rules do.
    fn begin(&mut self, params: &mut Params<T>) {
        let _ = params;
    }

    /// Takes back what [`begin`](Method::begin) has done, where no iteration follows.
    fn end(&mut self, params: &mut Params<T>) {
        let _ = params;
    }

    /// The learning rate η or the step length α of the last iteration; 0 before the first.
    fn step_size(&self) -> f64;
}

/// An optimiser is a method: it steps against the gradient where it is. One impl for all of them would rule out methods that
/// are none.
macro_rules! method {
    ($Optimizer:ty $(, $R:ident)?) => {
        impl<T: Real $(, $R: Rule)?> Method<T> for $Optimizer {
            fn advance(&mut self, at: &mut Evaluation<'_, T>) -> Result<(), Stuck> {
                at.step(self);
                Ok(())
            }

            fn begin(&mut self, params: &mut Params<T>) {
                self.prepare(params);
            }

            fn end(&mut self, params: &mut Params<T>) {
                self.unprepare(params);
            }

            fn step_size(&self) -> f64 {
                self.last_rate()
            }
        }
    };
}
method!(Descent<R, T>, R);
method!(Box<dyn Optimizer<T> + '_>);
method!(Box<dyn Optimizer<T> + Send + '_>);

impl<T: Real, M: Method<T> + ?Sized> Method<T> for &mut M {
    fn advance(&mut self, at: &mut Evaluation<'_, T>) -> Result<(), Stuck> {
        (**self).advance(at)
    }

    fn begin(&mut self, params: &mut Params<T>) {
        (**self).begin(params);
    }

    fn end(&mut self, params: &mut Params<T>) {
        (**self).end(params);
    }

    fn step_size(&self) -> f64 {
        (**self).step_size()
    }
}

/// An objective at the parameters: its value and gradient there.
pub struct Evaluation<'a, T: Real> {
    objective: &'a mut dyn Objective<T>,
    params: &'a mut Params<T>,
    gradient: &'a mut Gradient<T>,
    value: f64,
    /// Whether the parameters were moved since value and gradient were computed.
    stale: bool,
    evaluations: u64,
}

impl<'a, T: Real> Evaluation<'a, T> {
    /// Computes value and gradient at the parameters.
    ///
    /// # Panics
    ///
    /// If the gradient is of another store.
    pub fn new(objective: &'a mut dyn Objective<T>, params: &'a mut Params<T>, gradient: &'a mut Gradient<T>) -> Self {
        let mut new = Self::known(objective, params, gradient, f64::NAN);
        new.evaluate();
        new
    }

    /// Where value and gradient are known already.
    pub(crate) fn known(
        objective: &'a mut dyn Objective<T>,
        params: &'a mut Params<T>,
        gradient: &'a mut Gradient<T>,
        value: f64,
    ) -> Self {
        Self { objective, params, gradient, value, stale: false, evaluations: 0 }
    }

    /// The value; of an earlier point if [`is_stale`](Self::is_stale).
    #[must_use]
    pub fn value(&self) -> f64 {
        self.value
    }

    /// The gradient; of an earlier point if [`is_stale`](Self::is_stale).
    #[must_use]
    pub fn gradient(&self) -> &Gradient<T> {
        self.gradient
    }

    /// The parameters.
    #[must_use]
    pub fn params(&self) -> &Params<T> {
        self.params
    }

    /// The parameters, to move them.
    pub fn params_mut(&mut self) -> &mut Params<T> {
        self.stale = true;
        self.params
    }

    /// Whether the parameters were moved since value and gradient were computed.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.stale
    }

    /// How often the objective was asked for a value, with or without its gradient.
    #[must_use]
    pub fn evaluations(&self) -> u64 {
        self.evaluations
    }

    /// Computes value and gradient at the parameters as they are now, and returns the value.
    pub fn evaluate(&mut self) -> f64 {
        self.evaluations += 1;
        self.value = self.objective.value_and_gradient(self.params, self.gradient);
        self.stale = false;
        self.value
    }

    /// Makes a step of an optimiser against the gradient.
    pub fn step<O: Optimizer<T> + ?Sized>(&mut self, optimizer: &mut O) {
        self.stale = true;
        optimizer.step(self.params, self.gradient);
    }

    /// The value at the parameters as they are now; what [`value`](Self::value) and [`gradient`](Self::gradient) say stays.
    pub fn probe(&mut self) -> f64 {
        self.evaluations += 1;
        self.objective.value(self.params)
    }

    /// The product of the Hessian at the parameters with a vector, written into `product`.
    ///
    /// # Errors
    ///
    /// If the objective has no second derivatives.
    pub fn hessian_vector(&mut self, v: &[T], product: &mut Gradient<T>) -> Result<(), Stuck> {
        self.objective.hessian_vector(self.params, v, product)
    }

    /// The parameters, to move them, and the gradient as it is known.
    pub(super) fn parts(&mut self) -> (&mut Params<T>, &Gradient<T>) {
        self.stale = true;
        (self.params, self.gradient)
    }

    /// Goes back to where value and gradient were computed.
    pub(super) fn undo(&mut self, x: &[T]) {
        self.params.flat_mut().copy_from_slice(x);
        self.stale = false;
    }

    /// Goes back to a point whose value and gradient are known.
    pub(super) fn go_back(&mut self, x: &[T], gradient: &[T], value: f64) {
        self.params.flat_mut().copy_from_slice(x);
        self.gradient.flat_mut().copy_from_slice(gradient);
        self.value = value;
        self.stale = false;
    }
}

impl<T: Real> std::fmt::Debug for Evaluation<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Evaluation")
            .field("value", &self.value)
            .field("stale", &self.stale)
            .field("evaluations", &self.evaluations)
            .finish_non_exhaustive()
    }
}
