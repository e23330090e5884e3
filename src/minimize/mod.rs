//! Minimising an objective: gradient descent in all its kinds behind one function.
//!
//! ```text
//! θ⁰ as the parameters are; t = 0
//! repeat  t ← t + 1;  θᵗ = θᵗ⁻¹ − η ∇J(θᵗ⁻¹), or what the method does instead
//! until   a criterion holds, such as |J(θᵗ) − J(θᵗ⁻¹)| ≤ ε
//! ```
//!
//! [`minimize`] takes the whole objective J, [`minimize_batches`] a loss on batches: with [`Batches`](crate::data::Batches) of
//! all samples it is batch gradient descent, of one sample stochastic, of some mini-batch gradient descent. A
//! [`Stream`](crate::data::Stream) without end is learned from online.
//!
//! ```
//! use gradus::minimize::minimize;
//! use gradus::optim::{Lbfgs, stop};
//! use gradus::prelude::*;
//!
//! // The best line through (1, 2), (2, 4), (3, 5), (4, 4).
//! let (x, y) = (array![[1.0], [2.0], [3.0], [4.0]], array![[2.0], [4.0], [5.0], [4.0]]);
//! let mut params = Params::<f64>::new();
//! let line = Linear::new(&mut params, "line", 1, 1, &mut StdRng::seed_from_u64(7));
//! let report = minimize(|step| mse(line.forward(step.input(&x)), step.input(&y)))
//!     .with(Lbfgs::new())
//!     .until(stop::gradient_norm(1e-9).or(stop::max_iterations(100)))
//!     .run(&mut params);
//! assert!(report.converged(), "{report}");
//! assert!((params.flat()[0] - 0.7).abs() < 1e-8 && (params.flat()[1] - 2.0).abs() < 1e-8);
//! ```
//!
//! # What a run does
//!
//! * The objective is evaluated at the start and after each step. Criteria are asked after each evaluation, so the reported
//!   value is the value at the parameters as they are left.
//! * A value that is NaN or infinite ends the run; the parameters go back to the last iterate that had a finite value, and
//!   the [`Reason`](crate::optim::stop::Reason) names the first tensor and op that is not finite.
//! * The parameters are left at the last iterate. After early stopping, divergence and a raised flag they go back to the best
//!   iterate, where one is known: with batches, only a validation tells which is the best. [`Report::best`] has it in any case.
//! * With batches the value is that of a batch before the step that is made with it. A batch whose value is not finite ends the
//!   run, unless the optimiser [skips](crate::optim::Descent::skip_not_finite) such steps.
//! * A step that moves nothing (a schedule at rate 0, a gradient that is only accumulated) is no convergence: criteria of change
//!   wait for one that does, unless the gradient is 0.
//! * A rule that looks ahead is evaluated where it looks: values, validation and best parameters are of those points. At the end
//!   the parameters are its iterate.
//! * An iteration costs one copy of the parameters beside the objective and the method; ‖g‖ and ‖Δθ‖ are measured only
//!   where a criterion needs them or [`norms`](Minimize::norms) asks for them.
//!
//! # References
//!
//! Shen 2026, Gradient descent (lecture notes), algorithms 1 to 3.

mod history;
mod loss;
mod report;
mod run;
mod work;

use std::fmt;

use crate::data::{Samples, Source};
use crate::optim::stop::{self, Status, Stop};
use crate::optim::{Descent, Method, Objective, Optimizer, Rule, Schedule};
use crate::params::Params;
use crate::real::Real;
use crate::tape::{Step, Tape, Var};

pub use history::History;
pub use loss::Loss;
pub use report::{Best, Report};
pub use work::{Opaque, Parts, Whole, Work};

use run::{Options, Validation};

/// Begins the minimisation of a loss over a store of parameters: the closure records it, a scalar, at each evaluation.
///
/// The closure gets the recording and may lend it data of its caller. [`Problem::with`] chooses the method.
///
/// # Examples
///
/// ```
/// use gradus::minimize::minimize;
/// use gradus::prelude::*;
///
/// let mut params = Params::<f64>::new();
/// let x = params.add("x", [], || 10.0);
/// let report = minimize(|step| (step.param(x) - 3.0).square()).with(Sgd::new(0.5)).run(&mut params);
/// assert_eq!((report.value, params.flat()[0], report.history.len()), (0.0, 3.0, 3)); // η = 1/L: one step, and one to see it
/// ```
pub fn minimize<'d, T: Real, F>(loss: F) -> Problem<Loss<F, T>>
where
    F: for<'t> Fn(Step<'t, 'd, T>) -> Var<'t, T>,
{
    Problem(Loss::new(loss))
}

/// Begins the minimisation of an [`Objective`] of any kind, such as a function of slices with a gradient by hand.
///
/// # Examples
///
/// ```
/// use gradus::minimize::minimize_objective;
/// use gradus::optim::{Lbfgs, flat};
/// use gradus::prelude::*;
///
/// let mut params = Params::<f64>::new();
/// params.add("x", [2], || 5.0);
/// let bowl = flat(|x: &[f64], g: &mut [f64]| {
///     (g[0], g[1]) = (2.0 * x[0], 8.0 * x[1]);
///     x[0] * x[0] + 4.0 * x[1] * x[1]
/// });
/// let report = minimize_objective(bowl).with(Lbfgs::new()).run(&mut params);
/// assert!(report.value < 1e-12);
/// ```
pub fn minimize_objective<T: Real, O: Objective<T>>(objective: O) -> Problem<Opaque<O>> {
    Problem(Opaque(objective))
}

/// Begins the minimisation of a loss on batches, which the closure gets beside the recording, by an optimiser.
///
/// # Examples
///
/// ```
/// use gradus::data::Batches;
/// use gradus::minimize::minimize_batches;
/// use gradus::optim::stop;
/// use gradus::prelude::*;
///
/// let x = Array2::from_shape_fn((64, 1), |(i, _)| i as f64 / 64.0);
/// let y = &x * 2.0 - 1.0;
/// let mut params = Params::<f64>::new();
/// let line = Linear::new(&mut params, "line", 1, 1, &mut StdRng::seed_from_u64(7));
/// let batches = Batches::of(&x, &y, 8).shuffled(7);
/// let report = minimize_batches(batches, |step, x, y| mse(line.forward(step.input(x)), step.input(y)))
///     .with(Adam::new(0.05))
///     .until(stop::max_epochs(60))
///     .run(&mut params);
/// assert_eq!((report.epochs, report.iterations), (60, 480));
/// assert!(report.value < 1e-3, "{report}");
/// ```
pub fn minimize_batches<T, S, F>(batches: S, loss: F) -> Sampled<S, F, T>
where
    T: Real,
    S: Source,
    F: for<'t, 'b> Fn(Step<'t, 'b, T>, <S::X as Samples>::Lent<'b>, <S::Y as Samples>::Lent<'b>) -> Var<'t, T>,
{
    Sampled { batches, record: loss, tape: Tape::new().lenient() }
}

/// A loss on batches that waits for an optimiser.
#[must_use = "a loss does nothing until `with` gives it an optimiser"]
pub struct Sampled<S, F, T: Real> {
    batches: S,
    record: F,
    tape: Tape<T>,
}

impl<S, F, T: Real> Sampled<S, F, T> {
    /// Chooses the optimiser; one that is lent, `&mut adam`, can go on afterwards.
    pub fn with<'a, O: Optimizer<T>>(self, optimizer: O) -> Minimize<'a, Parts<S, F, O, T>, T>
    where
        Parts<S, F, O, T>: Work<T>,
    {
        let Self { batches, record, tape } = self;
        Minimize::new(Parts { batches, record, optimizer, tape, trouble: None }, stop::max_epochs(10))
    }
}

impl<S: fmt::Debug, F, T: Real> fmt::Debug for Sampled<S, F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sampled").field("batches", &self.batches).finish_non_exhaustive()
    }
}

/// An objective that waits for a method.
#[derive(Debug)]
#[must_use = "an objective does nothing until `with` gives it a method"]
pub struct Problem<O>(O);

impl<O> Problem<O> {
    /// Chooses the method: an optimiser such as [`Adam`](crate::optim::Adam), or [`Lbfgs`](crate::optim::Lbfgs),
    /// [`GradientDescent`](crate::optim::GradientDescent), [`NewtonCg`](crate::optim::NewtonCg).
    ///
    /// A method that is lent, `&mut adam`, can go on afterwards.
    pub fn with<'a, T: Real, M: Method<T>>(self, method: M) -> Minimize<'a, Whole<O, M>, T>
    where
        Whole<O, M>: Work<T>,
    {
        let stop = stop::relative_value_change(1e-9).or(stop::max_iterations(10_000));
        Minimize::new(Whole { objective: self.0, method }, stop)
    }
}

/// A minimisation that is set up and not yet run.
///
/// Defaults: it ends when the value changes by a part of no more than 10⁻⁹ in an iteration, or after 10 000 iterations; with
/// batches, after 10 epochs.
#[must_use = "a minimisation does nothing until `run`"]
pub struct Minimize<'a, W, T: Real> {
    work: W,
    options: Options<'a, T>,
}

impl<'a, T: Real, W: Work<T>> Minimize<'a, W, T> {
    fn new(work: W, stop: Stop) -> Self {
        Self { work, options: Options { stop, norms: false, progress: false, validation: None, observer: None } }
    }

    /// When to stop, instead of the default.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::minimize::minimize;
    /// use gradus::optim::stop::{self, Reason};
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let x = params.add("x", [], || 1.0);
    /// // η > 2/L: each step is longer than the last.
    /// let report = minimize(|step| step.param(x).square())
    ///     .with(Sgd::new(1.5))
    ///     .until(stop::max_iterations(100).or(stop::growing(5)))
    ///     .run(&mut params);
    /// assert_eq!(report.reason, Reason::Growing(5));
    /// assert_eq!(params.flat(), [1.0]); // the best was the start
    /// ```
    pub fn until(mut self, stop: Stop) -> Self {
        self.options.stop = stop;
        self
    }

    /// Measures ‖g‖ and ‖Δθ‖ at each iterate for the history, also where no criterion needs them.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::minimize::minimize;
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let x = params.add("x", [], || 3.0);
    /// let report = minimize(|step| step.param(x).square()).with(Sgd::new(0.5)).norms(true).run(&mut params);
    /// assert_eq!((report.history.gradient_norms()[0], report.history.step_norms()[1]), (6.0, 3.0));
    /// ```
    pub fn norms(mut self, norms: bool) -> Self {
        self.options.norms = norms;
        self
    }

    /// Calls a function with the parameters at each iterate, after each evaluation: to average them, or to note their path.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::minimize::minimize;
    /// use gradus::optim::stop;
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let x = params.add("x", [], || 8.0);
    /// let mut mean = Averaged::new();
    /// minimize(|step| step.param(x).square())
    ///     .with(Sgd::new(0.25))
    ///     .each(|params: &Params<f64>, _| mean.update(params))
    ///     .until(stop::max_iterations(2))
    ///     .run(&mut params);
    /// assert_eq!(mean.params().unwrap().flat(), [(8.0 + 4.0 + 2.0) / 3.0]);
    /// ```
    pub fn each(mut self, observer: impl FnMut(&Params<T>, &Status) + 'a) -> Self {
        self.options.observer = Some(Box::new(observer));
        self
    }

    /// Shows how far it is on the standard error stream, once it has taken longer than a second.
    pub fn progress(mut self, progress: bool) -> Self {
        self.options.progress = progress;
        self
    }

    /// Measures a validation loss, recorded by a closure such as the objective's, after every `every` epochs, or iterations
    /// where there are no batches.
    ///
    /// # Panics
    ///
    /// If `every` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::minimize::minimize;
    /// use gradus::optim::stop;
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let x = params.add("x", [], || 0.0);
    /// let report = minimize(|step| (step.param(x) - 1.0).square())
    ///     .with(Sgd::new(0.05))
    ///     .validate(1, |step| (step.param(x) - 0.5).abs())
    ///     .until(stop::early_stopping(3))
    ///     .run(&mut params);
    /// assert_eq!(report.best.unwrap().iteration, 7); // 1 − 0.9⁷ = 0.52
    /// assert!((params.flat()[0] - 0.5217).abs() < 1e-4);
    /// ```
    #[track_caller]
    pub fn validate<'d, F>(self, every: u64, loss: F) -> Self
    where
        F: for<'t> Fn(Step<'t, 'd, T>) -> Var<'t, T> + 'a,
    {
        let mut loss = Loss::new(loss);
        self.validate_with(every, move |params: &Params<T>| loss.value(params))
    }

    /// The same with any metric of the parameters, smaller being better: an error rate, or an accuracy negated.
    ///
    /// # Panics
    ///
    /// If `every` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::minimize::minimize;
    /// use gradus::optim::stop;
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let x = params.add("x", [], || 0.0);
    /// let report = minimize(|step| (step.param(x) - 1.0).square())
    ///     .with(Sgd::new(0.05))
    ///     .validate_with(10, |params: &Params<f64>| -params.flat()[0])
    ///     .until(stop::max_iterations(20))
    ///     .run(&mut params);
    /// assert_eq!(report.history.validation().len(), 3); // after 0, 10 and 20 iterations
    /// ```
    #[track_caller]
    pub fn validate_with(mut self, every: u64, metric: impl FnMut(&Params<T>) -> f64 + 'a) -> Self {
        assert!(every > 0, "minimize: validation after every 0 iterations, expected at least 1");
        self.options.validation = Some(Validation { metric: Box::new(metric), every });
        self
    }

    /// Runs, from the parameters as they are.
    ///
    /// # Panics
    ///
    /// If the objective is no scalar, or has parameters of another store.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::minimize::minimize;
    /// use gradus::optim::stop;
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let x = params.add("x", [], || 1.0);
    /// let mut adam = Adam::new(0.1);
    /// for _ in 0..2 {
    ///     let ten = stop::max_iterations(10);
    ///     minimize(|step| step.param(x).square()).with(&mut adam).until(ten).run(&mut params); // goes on where it was
    /// }
    /// assert_eq!(adam.iteration(), 20);
    /// ```
    pub fn run(mut self, params: &mut Params<T>) -> Report<T> {
        run::run(&mut self.work, &mut self.options, params)
    }
}

impl<'a, T: Real, O, R: Rule> Minimize<'a, Whole<O, Descent<R, T>>, T>
where
    Whole<O, Descent<R, T>>: Work<T>,
{
    /// Lets a schedule make the learning rate of each iteration from the optimiser's own.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::minimize::minimize;
    /// use gradus::optim::stop;
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let x = params.add("x", [], || 1.0);
    /// let report = minimize(|step| step.param(x).square())
    ///     .with(Sgd::new(0.5))
    ///     .schedule(schedule::Linear::new(4))
    ///     .until(stop::max_iterations(4))
    ///     .run(&mut params);
    /// assert_eq!(report.history.step_sizes()[1..], [0.5, 0.375, 0.25, 0.125]);
    /// ```
    pub fn schedule(self, schedule: impl Schedule + 'static) -> Self {
        let Whole { objective, method } = self.work;
        Self { work: Whole { objective, method: method.schedule(schedule) }, options: self.options }
    }
}

impl<'a, T: Real, S, F, R: Rule> Minimize<'a, Parts<S, F, Descent<R, T>, T>, T>
where
    Parts<S, F, Descent<R, T>, T>: Work<T>,
{
    /// Lets a schedule make the learning rate of each iteration from the optimiser's own.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::Batches;
    /// use gradus::minimize::minimize_batches;
    /// use gradus::optim::stop;
    /// use gradus::prelude::*;
    ///
    /// let x = array![[1.0], [2.0], [3.0]];
    /// let mut params = Params::<f64>::new();
    /// let w = params.add("w", [1, 1], || 0.0);
    /// let report = minimize_batches(Batches::single(&x, &x), |step, x, y| mse(step.input(x).matmul(step.param(w)), step.input(y)))
    ///     .with(Sgd::new(0.05))
    ///     .schedule(schedule::InverseTime::new(0.01)) // η/(1 + 0.01 t)
    ///     .until(stop::max_epochs(20))
    ///     .run(&mut params);
    /// assert!((params.flat()[0] - 1.0).abs() < 1e-2, "{report}");
    /// ```
    pub fn schedule(self, schedule: impl Schedule + 'static) -> Self {
        let Parts { batches, record, optimizer, tape, trouble } = self.work;
        let optimizer = optimizer.schedule(schedule);
        Self { work: Parts { batches, record, optimizer, tape, trouble }, options: self.options }
    }
}

impl<W, T: Real> fmt::Debug for Minimize<'_, W, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Minimize").field("stop", &self.options.stop).finish_non_exhaustive()
    }
}
