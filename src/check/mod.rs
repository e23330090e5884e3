//! Checking derivatives against finite differences, in anybody's tests.
//!
//! ```
//! use gradus::prelude::*;
//!
//! let (a, b) = (array![[1.0, 2.0], [3.0, 4.0]], array![[0.1], [0.2]]);
//! check::gradients(|v| v[0].matmul(v[1]).tanh().sum(), &[&a, &b]).order(2).assert();
//! ```
//!
//! Every element of every input is moved by a small step to both sides, the central differences for several steps are
//! extrapolated to step 0 (Ridders), and the result, with an error estimate of its own, is held against the derivative
//! from the tape. [`gradients`] checks a function of arrays, [`model`] a loss over a store of parameters by name, and
//! [`Var::check`] a recording as it stands, without a closure.
//!
//! # What a failure means
//!
//! *mismatch*: the two differ by more than tolerance and error estimate allow. *inconclusive*: the differences
//! themselves do not settle, as beside a kink of `relu` or `max`; move the point. *not finite*: one of the two is NaN or
//! infinite.
//!
//! # References
//!
//! Ridders 1982, Accurate computation of F′(x) and F′(x)·F″(x).

mod difference;
mod report;
mod subject;

use crate::kernel::random::{fork, uniform};
use crate::params::Params;
use crate::real::Real;
use crate::run::Tensor;
use crate::tape::{Step, Var};

pub use report::{Element, InputReport, Report, Verdict};

use difference::{Setting, differentiate};
use report::{Comparison, position};
use subject::{Block, Function, Model, Recorded, Subject};

/// A check that is set up and not yet run: [`assert`](Check::assert) or [`report`](Check::report) runs it.
#[must_use = "a check does nothing until `assert` or `report` runs it"]
pub struct Check<'a, T: Real> {
    subject: Box<dyn Subject<T> + 'a>,
    order: usize,
    directions: Option<usize>,
    seed: u64,
    tolerance: f64,
    /// The size of all that entered the derivatives so far: what is this many times smaller is as good as 0.
    scale: f64,
}

/// Checks the gradients of a function of several arrays, which may have different ranks.
///
/// A result that is no scalar is weighted with random numbers and summed.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// check::gradients(|v| (v[0] * v[0]).sum(), &[&array![1.0, 2.0]]).assert();
/// ```
pub fn gradients<'a, T: Real>(
    f: impl for<'v, 't> Fn(&'v [Var<'t, T>]) -> Var<'t, T> + 'a,
    inputs: &[&dyn Tensor<T>],
) -> Check<'a, T> {
    Check::new(Function::new(f, inputs))
}

/// Checks the gradient of a loss for every parameter of a store that is not frozen, by name.
///
/// The closure gets the recording and may lend it data of its caller. Training mode is off unless
/// [`training`](Check::training) sets it.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let mut params = Params::<f64>::new();
/// let w = params.add("w", [2, 1], || 0.3);
/// let (x, y) = (array![[1.0, 2.0], [3.0, 5.0]], array![[1.0], [2.0]]);
/// check::model(&params, |step| (step.input(&x).matmul(step.param(w)) - step.input(&y)).square().mean()).assert();
/// ```
pub fn model<'a, 'd: 'a, T: Real>(
    params: &Params<T>,
    loss: impl for<'t> Fn(Step<'t, 'd, T>) -> Var<'t, T> + 'a,
) -> Check<'a, T> {
    Check::new(Model::new(params, loss))
}

impl<'t, T: Real> Var<'t, T> {
    /// Checks the gradient of this tensor for every variable and every unfrozen parameter of its recording, running the
    /// recording again with other data: branches stay as they were taken.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let params = Params::<f64>::new();
    /// let mut tape = Tape::new();
    /// let step = tape.record(&params);
    /// step.variable(&[0.5, 1.5]).tanh().sum().check().assert();
    /// ```
    pub fn check(self) -> Check<'t, T> {
        Check::new(Recorded::new(self))
    }
}

impl<'a, T: Real> Check<'a, T> {
    fn new(subject: impl Subject<T> + 'a) -> Self {
        // The derivative loses a third of the digits to the step; f32 has few to lose.
        let tolerance = if T::epsilon() > T::of(1e-10) { 5e-3 } else { 1e-6 };
        Self { subject: Box::new(subject), order: 1, directions: None, seed: 0, tolerance, scale: 0.0 }
    }

    /// Checks derivatives up to this order; the default is 1. Order 2 checks the gradient of the gradient, weighted with
    /// random numbers.
    pub fn order(mut self, order: usize) -> Self {
        self.order = order;
        self
    }

    /// Checks the derivative along this many random directions for each input instead of every element: the cost does
    /// not depend on the number of elements.
    pub fn directions(mut self, count: usize) -> Self {
        self.directions = Some(count);
        self
    }

    /// The seed of all random numbers; the default is 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The relative difference that is allowed beyond the differences' own error; the default is 1e-6 for `f64` and 5e-3
    /// for `f32`.
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Records a [`model`] for training, with this seed: dropout drops and batch normalisation uses the batch.
    pub fn training(mut self, seed: u64) -> Self {
        self.subject.set_training(seed);
        self
    }

    /// Runs the check and panics with the report if it failed, or if there was nothing to check.
    ///
    /// # Panics
    ///
    /// If a derivative is wrong, or could not be checked.
    #[track_caller]
    pub fn assert(self) {
        self.report().assert();
    }

    /// Runs the check.
    #[must_use]
    #[track_caller]
    pub fn report(mut self) -> Report {
        let blocks = self.subject.blocks();
        let mut point: Vec<Vec<T>> = blocks.iter().map(|block| block.values.clone()).collect();
        let mut report = Report::new(self.tolerance, self.directions, &blocks);
        for order in 1..=self.order.max(1) {
            let (value, gradient) = self.subject.evaluate(order, self.seed, &point, true);
            let largest = gradient.iter().flatten().map(|g| g.as_f64().abs()).filter(|g| g.is_finite());
            self.scale = largest.fold(self.scale.max(value.as_f64().abs()), f64::max);
            for (block, analytic) in gradient.iter().enumerate() {
                let elements = match self.directions {
                    None => self.every_element(order, &blocks[block], block, analytic, &mut point),
                    Some(count) => self.some_directions(order, count, block, analytic, &mut point),
                };
                report.add(order, block, self.scale, elements);
            }
        }
        report
    }

    fn setting(&self, size: f64) -> Setting {
        Setting { tolerance: self.tolerance, size, scale: self.scale }
    }

    fn every_element(
        &mut self,
        order: usize,
        block: &Block<T>,
        input: usize,
        analytic: &[T],
        point: &mut [Vec<T>],
    ) -> Vec<Comparison> {
        let mut elements = Vec::with_capacity(analytic.len());
        for (at, slope) in analytic.iter().enumerate() {
            let x = block.values[at];
            let size = x.as_f64().abs().max(1.0);
            let estimate = differentiate(self.setting(size), |h: T| {
                point[input][at] = x + h;
                let moved = (x + h).as_f64() - x.as_f64();
                (moved, self.subject.evaluate(order, self.seed, point, false).0.as_f64())
            });
            point[input][at] = x;
            elements.push(Comparison { index: position(&block.shape, at), size, analytic: slope.as_f64(), estimate });
        }
        elements
    }

    fn some_directions(
        &mut self,
        order: usize,
        count: usize,
        input: usize,
        analytic: &[T],
        point: &mut [Vec<T>],
    ) -> Vec<Comparison> {
        let mut elements = Vec::with_capacity(count);
        let start = point[input].clone();
        if start.is_empty() {
            return elements;
        }
        for number in 0..count {
            // Entries of one size keep every element in play; signs are random.
            let seed = fork(self.seed, (input * count + number) as u64);
            let sign = |i: usize| T::of(if uniform(seed, i as u64) < 0.5 { -1.0 } else { 1.0 });
            let slope: f64 = analytic.iter().enumerate().map(|(i, g)| g.as_f64() * sign(i).as_f64()).sum();
            let estimate = differentiate(self.setting(1.0), |h: T| {
                for (i, (to, &x)) in point[input].iter_mut().zip(&start).enumerate() {
                    *to = x + h * sign(i);
                }
                (h.as_f64(), self.subject.evaluate(order, self.seed, point, false).0.as_f64())
            });
            point[input].copy_from_slice(&start);
            elements.push(Comparison { index: format!("direction {number}"), size: 1.0, analytic: slope, estimate });
        }
        elements
    }
}

impl<T: Real> std::fmt::Debug for Check<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Check")
            .field("order", &self.order)
            .field("directions", &self.directions)
            .field("seed", &self.seed)
            .field("tolerance", &self.tolerance)
            .finish_non_exhaustive()
    }
}
