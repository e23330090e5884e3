//! A loss recorded on a tape as an objective.

use std::fmt;

use crate::functional::model::hvp_into;
use crate::optim::{Objective, Stuck};
use crate::params::{Gradient, Params};
use crate::real::Real;
use crate::tape::{Step, Tape, Var};

/// A loss over a store of parameters that is recorded anew for each value, gradient or product with the Hessian.
///
/// Where an op refuses its operands, such as the factor of a matrix that is not positive definite, the loss is NaN: a step
/// led out of its domain, and line searches go back.
///
/// # Examples
///
/// ```
/// use gradus::minimize::Loss;
/// use gradus::optim::Objective;
/// use gradus::prelude::*;
///
/// let mut params = Params::<f64>::new();
/// let x = params.add("x", [2], || 3.0);
/// let mut loss = Loss::new(|step: Step<'_, '_, f64>| step.param(x).powi(3).sum());
/// let mut product = params.gradient();
/// loss.hessian_vector(&params, &[1.0, 0.0], &mut product)?;
/// assert_eq!((loss.value(&params), product.flat()), (54.0, &[18.0, 0.0][..])); // H = diag(6x)
/// # Ok::<(), gradus::optim::Stuck>(())
/// ```
pub struct Loss<F, T: Real> {
    record: F,
    tape: Tape<T>,
    /// For second derivatives: their recordings are longer and would push the others off the first tape.
    second: Tape<T>,
}

impl<F, T: Real> Loss<F, T> {
    /// A loss from a closure that records it.
    pub fn new<'d>(record: F) -> Self
    where
        F: for<'t> Fn(Step<'t, 'd, T>) -> Var<'t, T>,
    {
        Self { record, tape: Tape::new().lenient(), second: Tape::new().lenient() }
    }

    /// The first op on the way to the value or the gradient whose result is not finite, if there is one.
    pub(crate) fn first_not_finite<'d>(&self, params: &Params<T>) -> Option<String>
    where
        F: for<'t> Fn(Step<'t, 'd, T>) -> Var<'t, T>,
    {
        let mut tape = Tape::new();
        let step = tape.record(params);
        let loss = (self.record)(&step);
        let recorder = step.recorder();
        recorder.first_not_finite(&[loss]).or_else(|| {
            let vars: Vec<_> = params.params().filter(|&p| !params.is_frozen(p)).map(|p| step.param(p)).collect();
            recorder.first_not_finite(&loss.gradients(&vars))
        })
    }
}

impl<'d, F, T: Real> Objective<T> for Loss<F, T>
where
    F: for<'t> Fn(Step<'t, 'd, T>) -> Var<'t, T>,
{
    fn value_and_gradient(&mut self, params: &Params<T>, gradient: &mut Gradient<T>) -> f64 {
        let step = self.tape.record(params);
        (self.record)(&step).backward(gradient).as_f64()
    }

    fn value(&mut self, params: &Params<T>) -> f64 {
        let step = self.tape.record(params);
        (self.record)(&step).item().as_f64()
    }

    fn hessian_vector(&mut self, params: &Params<T>, v: &[T], product: &mut Gradient<T>) -> Result<(), Stuck> {
        assert!(
            v.len() == params.len(),
            "hessian_vector: the vector has {} elements, the parameters {}",
            v.len(),
            params.len()
        );
        let step = self.second.record(params);
        let loss = (self.record)(&step);
        hvp_into(&step, loss, params, v, product);
        Ok(())
    }
}

impl<F, T: Real> fmt::Debug for Loss<F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loss").field("tape", &self.tape).finish_non_exhaustive()
    }
}
