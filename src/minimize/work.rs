//! What is iterated: a method on a whole objective, or an optimiser on batches.

use std::fmt;

use super::loss::Loss;
use crate::data::{Samples, Source};
use crate::optim::{Evaluation, Method, Objective, Optimizer, Stuck};
use crate::params::{Gradient, Params};
use crate::real::Real;
use crate::tape::{Step, Tape, Var};

/// What a run drives.
pub trait Work<T: Real> {
    /// Whether values are of batches, each of another one.
    const BATCHES: bool;

    /// Moves the parameters to where the next value is wanted.
    fn begin(&mut self, params: &mut Params<T>);

    /// Takes back what `begin` has done, where no step follows.
    fn end(&mut self, params: &mut Params<T>);

    /// The value and the gradient at the parameters; `None` where an epoch ends.
    fn evaluate(&mut self, params: &Params<T>, gradient: &mut Gradient<T>) -> Option<f64>;

    /// Makes one iteration from where value and gradient are known; the value where it knows it already, or why there is no
    /// way on, with the parameters as they were. Beside that, how often it asked for a value.
    fn advance(
        &mut self,
        params: &mut Params<T>,
        gradient: &mut Gradient<T>,
        value: f64,
    ) -> (Result<Option<f64>, Stuck>, u64);

    /// Whether a value that is not finite is passed over.
    fn passes_over(&self) -> bool;

    /// The learning rate or step length of the last iteration.
    fn step_size(&self) -> f64;

    /// The first op whose result is not finite.
    fn first_not_finite(&self, params: &Params<T>) -> Option<String>;
}

/// What can say where a value is not finite.
pub trait Explain<T: Real> {
    /// The first op whose result is not finite, if it is known.
    fn explain(&self, params: &Params<T>) -> Option<String> {
        let _ = params;
        None
    }
}

impl<'d, F, T: Real> Explain<T> for Loss<F, T>
where
    F: for<'t> Fn(Step<'t, 'd, T>) -> Var<'t, T>,
{
    fn explain(&self, params: &Params<T>) -> Option<String> {
        self.first_not_finite(params)
    }
}

/// An objective without a tape, of which only values are known.
#[derive(Debug)]
pub struct Opaque<O>(pub(super) O);

impl<T: Real, O: Objective<T>> Objective<T> for Opaque<O> {
    fn value_and_gradient(&mut self, params: &Params<T>, gradient: &mut Gradient<T>) -> f64 {
        self.0.value_and_gradient(params, gradient)
    }

    fn value(&mut self, params: &Params<T>) -> f64 {
        self.0.value(params)
    }

    fn hessian_vector(&mut self, params: &Params<T>, v: &[T], product: &mut Gradient<T>) -> Result<(), Stuck> {
        self.0.hessian_vector(params, v, product)
    }
}

impl<T: Real, O> Explain<T> for Opaque<O> {}

/// A method on a whole objective.
#[derive(Debug)]
pub struct Whole<O, M> {
    pub(super) objective: O,
    pub(super) method: M,
}

impl<T: Real, O: Objective<T> + Explain<T>, M: Method<T>> Work<T> for Whole<O, M> {
    const BATCHES: bool = false;

    fn begin(&mut self, params: &mut Params<T>) {
        self.method.begin(params);
    }

    fn end(&mut self, params: &mut Params<T>) {
        self.method.end(params);
    }

    fn evaluate(&mut self, params: &Params<T>, gradient: &mut Gradient<T>) -> Option<f64> {
        Some(self.objective.value_and_gradient(params, gradient))
    }

    fn advance(
        &mut self,
        params: &mut Params<T>,
        gradient: &mut Gradient<T>,
        value: f64,
    ) -> (Result<Option<f64>, Stuck>, u64) {
        let mut at = Evaluation::known(&mut self.objective, params, gradient, value);
        let advanced = self.method.advance(&mut at);
        let known = (!at.is_stale()).then(|| at.value());
        (advanced.map(|()| known), at.evaluations())
    }

    fn passes_over(&self) -> bool {
        // The next value would be the same.
        false
    }

    fn step_size(&self) -> f64 {
        self.method.step_size()
    }

    fn first_not_finite(&self, params: &Params<T>) -> Option<String> {
        self.objective.explain(params)
    }
}

/// An optimiser on batches.
pub struct Parts<S, F, O, T: Real> {
    pub(super) batches: S,
    pub(super) record: F,
    pub(super) optimizer: O,
    pub(super) tape: Tape<T>,
    /// What was not finite in the last batch whose value was not.
    pub(super) trouble: Option<String>,
}

impl<S: fmt::Debug, F, O: fmt::Debug, T: Real> fmt::Debug for Parts<S, F, O, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts")
            .field("batches", &self.batches)
            .field("optimizer", &self.optimizer)
            .finish_non_exhaustive()
    }
}

impl<S, F, O, T> Work<T> for Parts<S, F, O, T>
where
    T: Real,
    S: Source,
    O: Optimizer<T>,
    F: for<'t, 'b> Fn(Step<'t, 'b, T>, <S::X as Samples>::Lent<'b>, <S::Y as Samples>::Lent<'b>) -> Var<'t, T>,
{
    const BATCHES: bool = true;

    fn begin(&mut self, params: &mut Params<T>) {
        self.optimizer.prepare(params);
    }

    fn end(&mut self, params: &mut Params<T>) {
        self.optimizer.unprepare(params);
    }

    fn evaluate(&mut self, params: &Params<T>, gradient: &mut Gradient<T>) -> Option<f64> {
        let (x, y) = self.batches.next()?;
        let step = self.tape.record(params);
        let loss = (self.record)(&step, x, y);
        let value = loss.backward(gradient).as_f64();
        if !value.is_finite() {
            self.trouble = step.recorder().first_not_finite(&[loss]);
        }
        Some(value)
    }

    fn advance(
        &mut self,
        params: &mut Params<T>,
        gradient: &mut Gradient<T>,
        _: f64,
    ) -> (Result<Option<f64>, Stuck>, u64) {
        self.optimizer.step(params, gradient);
        (Ok(None), 0)
    }

    fn passes_over(&self) -> bool {
        self.optimizer.skips_not_finite()
    }

    fn step_size(&self) -> f64 {
        self.optimizer.last_rate()
    }

    fn first_not_finite(&self, _: &Params<T>) -> Option<String> {
        self.trouble.clone()
    }
}
