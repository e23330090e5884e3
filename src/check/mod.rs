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
//! extrapolated to step 0 (Ridders), and the result, with an error bar of its own, is held against the derivative from the
//! tape. [`gradients`] checks a function of arrays, [`model`] a loss over a store of parameters by name, and
//! [`Var::check`] a recording as it stands, without a closure.
//!
//! # What is confirmed
//!
//! Let a be the derivative from the tape, n the one from differences, t the tolerance, and e the error bar: how far the
//! differences disagree among themselves, and how far rounding may have moved them and a.
//!
//! | | |
//! |---|---|
//! | *mismatch* | abs(a − n) > t · max(abs a, abs n) + e |
//! | confirmed | no mismatch, and e ≤ t · max(abs a, abs n), or e ≤ t · the largest derivative of the same input |
//! | confirmed | no mismatch, e ≤ t/100, and a is 0 (to rounding) or e ≤ max(abs a, abs n)/20 |
//! | confirmed | no mismatch, and e ≤ t/1000 |
//! | *inconclusive* | neither: the differences are too coarse to tell |
//! | *not finite* | a or n is NaN or infinite |
//!
//! So a wrong sign or factor passes only where it can't be told from the right one *and* the differences see a t-th part
//! of the largest derivative of the same input, or a derivative of t/1000 (10⁻⁹ for `f64`); where the tape says 0, a
//! hundredth of t. What else the loss is made of has no say in it.
//!
//! At a kink, as of `relu` at 0, slopes to the left and to the right stay apart however near they are taken; a derivative
//! between the two that is not their mean is inconclusive, and the report says *kink*: move the point.
//!
//! # Large losses
//!
//! A sum rounds away what is small beside the rest of it. So the differences are taken of its terms, and added in `f64`:
//! what follows the last op that is no sum, difference, or multiple by a number is not recomputed from rounded numbers.
//! Where that does not help, the steps grow. `f32` keeps four digits at best; where the report finds that too coarse, it
//! advises a check in `f64`.
//!
//! # References
//!
//! Ridders 1982, Accurate computation of F′(x) and F′(x)·F″(x).

mod difference;
mod report;
mod subject;
mod terms;

use crate::kernel::random::{fork, uniform};
use crate::params::Params;
use crate::real::Real;
use crate::run::Tensor;
use crate::tape::{Step, Var};

pub use report::{Element, InputReport, Report, Verdict};

use difference::{Change, Setting, differentiate};
use report::Comparison;
use subject::{Block, Derivative, Function, Model, Recorded, Subject};

/// Rounding errors of an element of a term, in units of its last place.
const ROUNDINGS: f64 = 16.0;
/// Rounding errors of a derivative from the tape, in units of the last place of what enters it.
const DERIVATIVE_ROUNDINGS: f64 = 16.0;
/// An error of this part of the tolerance is small where the tape says 0 or the derivative is roughly known,
const SMALL: f64 = 1e-2;
/// and one of this part anywhere.
const NEGLIGIBLE: f64 = 1e-3;

/// A check that is set up and not yet run: [`assert`](Check::assert) or [`report`](Check::report) runs it.
#[must_use = "a check does nothing until `assert` or `report` runs it"]
pub struct Check<'a, T: Real> {
    subject: Box<dyn Subject<T> + 'a>,
    order: usize,
    directions: Option<usize>,
    seed: u64,
    tolerance: f64,
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
        Self { subject: Box::new(subject), order: 1, directions: None, seed: 0, tolerance }
    }

    /// Checks derivatives up to this order; the default is 1. Order 2 checks the gradient of the gradient, weighted with
    /// random numbers.
    ///
    /// # Panics
    ///
    /// If it is 0.
    #[track_caller]
    pub fn order(mut self, order: usize) -> Self {
        assert!(order > 0, "check: order 0, expected at least 1");
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
    ///
    /// # Panics
    ///
    /// If it is not above 0 and below 1.
    #[track_caller]
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        let allowed = tolerance > 0.0 && tolerance < 1.0;
        assert!(allowed, "check: tolerance {tolerance}, expected one above 0 and below 1");
        self.tolerance = tolerance;
        self
    }

    /// Records for training, with this seed: dropout drops and batch normalisation uses the batch.
    ///
    /// # Panics
    ///
    /// If the check is that of a recording ([`Var::check`]), which is made already.
    #[track_caller]
    pub fn training(mut self, seed: u64) -> Self {
        if let Err(message) = self.subject.set_training(seed) {
            panic!("check: training: {message}");
        }
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
        let mut report = Report::new(self.tolerance, self.directions, &blocks, self.subject.lack());
        let mut scales = vec![0.0; blocks.len()];
        for order in 1..=self.order {
            let base = self.subject.derivative(order, self.seed, &point);
            for (input, block) in blocks.iter().enumerate() {
                // Derivatives that cancel leave the rounding errors of what they were computed from.
                scales[input] = scale(&blocks, &base, input).max(scales[input]);
                let at = At { order, input, block, base: &base, scale: scales[input] };
                let elements = match self.directions {
                    None => self.every_element(&at, &mut point),
                    Some(count) => self.some_directions(&at, count, &mut point),
                };
                report.add(order, input, at.reached(), elements);
            }
        }
        report
    }

    /// The derivative of a displacement of `point`, the size of what is displaced being known.
    fn differentiate(
        &mut self,
        at: &At<'_, T>,
        (claim, rounding): (f64, f64),
        size: f64,
        point: &mut [Vec<T>],
        displace: impl Fn(&mut [T], T) -> f64,
    ) -> difference::Estimate {
        let setting = Setting { tolerance: self.tolerance, negligible: SMALL * self.tolerance, size, claim, rounding };
        differentiate(setting, |h: T| {
            let displacement = displace(&mut point[at.input], h);
            let terms = self.subject.values(at.order, self.seed, point);
            let (value, noise) = at.change(&terms);
            Change { displacement, value, noise }
        })
    }

    fn every_element(&mut self, at: &At<'_, T>, point: &mut [Vec<T>]) -> Vec<Comparison> {
        let analytic = &at.base.gradients[at.input];
        let mut elements = Vec::with_capacity(analytic.len());
        for (place, slope) in analytic.iter().enumerate() {
            let x = at.block.values[place];
            let size = size(x);
            let claim = (slope.as_f64(), at.rounding(size));
            let estimate = self.differentiate(at, claim, size, point, |values, h| {
                values[place] = x + h;
                (x + h).as_f64() - x.as_f64()
            });
            point[at.input][place] = x;
            let index = at.block.shape.coordinates(place);
            elements.push(Comparison { index, rounding: at.rounding(size), analytic: slope.as_f64(), estimate });
        }
        elements
    }

    fn some_directions(&mut self, at: &At<'_, T>, count: usize, point: &mut [Vec<T>]) -> Vec<Comparison> {
        let mut elements = Vec::with_capacity(count);
        let start = &at.block.values;
        if start.is_empty() {
            return elements;
        }
        let analytic = &at.base.gradients[at.input];
        let length: f64 = analytic.iter().map(|g| g.as_f64().abs()).sum();
        for number in 0..count {
            // Entries of one size keep every element in play; signs are random.
            let seed = fork(self.seed, (at.input * count + number) as u64);
            let sign = |i: usize| T::of(if uniform(seed, i as u64) < 0.5 { -1.0 } else { 1.0 });
            let slope: f64 = analytic.iter().enumerate().map(|(i, g)| g.as_f64() * sign(i).as_f64()).sum();
            let rounding = at.rounding(1.0).max(DERIVATIVE_ROUNDINGS * T::epsilon().as_f64() * length);
            let estimate = self.differentiate(at, (slope, rounding), 1.0, point, |values, h| {
                for (i, (to, &x)) in values.iter_mut().zip(start).enumerate() {
                    *to = x + h * sign(i);
                }
                h.as_f64()
            });
            point[at.input].copy_from_slice(start);
            elements.push(Comparison { index: format!("direction {number}"), rounding, analytic: slope, estimate });
        }
        elements
    }
}

/// What is being differentiated: a scalar at a point, for one of its inputs.
struct At<'c, T> {
    order: usize,
    input: usize,
    block: &'c Block<T>,
    base: &'c Derivative<T>,
    /// The size of what the derivative is computed from.
    scale: f64,
}

impl<T: Real> At<'_, T> {
    fn reached(&self) -> bool {
        self.base.depends[self.input].iter().any(|&depends| depends)
    }

    /// How far rounding may have moved the derivative from the tape; exactly 0 where nothing is computed.
    fn rounding(&self, size: f64) -> f64 {
        DERIVATIVE_ROUNDINGS * T::epsilon().as_f64() * self.scale / size
    }

    /// By how much the scalar changed from the base to `terms`, and how far rounding may have moved that.
    fn change(&self, terms: &[Vec<f64>]) -> (f64, f64) {
        let base = &self.base.terms;
        let epsilon = T::epsilon().as_f64();
        if !terms.iter().map(Vec::len).eq(base.iter().map(Vec::len)) {
            // Another branch was taken there.
            let all = |terms: &[Vec<f64>]| terms.iter().flatten().sum::<f64>();
            let size: f64 = terms.iter().chain(base).flatten().map(|x| x.abs()).sum();
            return (all(terms) - all(base), ROUNDINGS * epsilon * size);
        }
        let mut change = 0.0;
        // What does not change may have changed by less than its last place.
        let mut noise = epsilon * self.scale;
        for (&there, &here) in terms.iter().flatten().zip(base.iter().flatten()) {
            if there.total_cmp(&here).is_ne() || !here.is_finite() {
                change += there - here;
                noise += ROUNDINGS * epsilon * there.abs().max(here.abs());
            }
        }
        (change, noise)
    }
}

/// The size of a number that is displaced, or 1.
fn size<T: Real>(x: T) -> f64 {
    x.as_f64().abs().max(1.0)
}

/// The size of what an input's derivative is computed from, 0 where nothing depends on it: the terms that depend on it, or
/// the largest product of an element and its derivative, for all inputs that share a term with it.
fn scale<T: Real>(blocks: &[Block<T>], base: &Derivative<T>, input: usize) -> f64 {
    let own = &base.depends[input];
    let terms = base.terms.iter().zip(own).filter(|(_, depends)| **depends);
    let sum: f64 = terms.flat_map(|(term, _)| term).map(|x| x.abs()).filter(|x| x.is_finite()).sum();
    let related = (0..blocks.len()).filter(|&other| base.depends[other].iter().zip(own).any(|(&a, &b)| a && b));
    let products = related.flat_map(|other| {
        let elements = blocks[other].values.iter().zip(&base.gradients[other]);
        elements.map(|(&x, g)| size(x) * g.as_f64().abs())
    });
    products.filter(|product| product.is_finite()).fold(sum, f64::max)
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
