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
mod judge;
mod report;
mod subject;
mod terms;

use crate::kernel::random::{fork, uniform};
use crate::params::Params;
use crate::real::Real;
use crate::run::Tensor;
use crate::tape::{Step, Var};

pub use report::{Element, InputReport, Report, Verdict};

use difference::{Change, Line};
use judge::{Claim, judge, power_of_two};
use report::Comparison;
use subject::{Block, Derivative, Function, Model, Recorded, Subject};
use terms::Values;

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
        for order in 1..=self.order {
            let base = self.subject.derivative(order, self.seed, &point);
            for (input, block) in blocks.iter().enumerate() {
                let at = At { order, input, block, base: &base };
                let comparisons = self.compare(&at, &mut point);
                report.add(order, input, at.reached(), comparisons);
            }
        }
        report
    }

    /// Judges every derivative of one input.
    fn compare(&mut self, at: &At<'_, T>, point: &mut [Vec<T>]) -> Vec<Comparison> {
        let (block, analytic) = (at.block, &at.base.gradients[at.input]);
        let (seed, directions) = (self.seed, self.directions);
        let path = |number: usize| match directions {
            None => Path::element(block, number),
            Some(count) => Path::random(block, number, fork(seed, (at.input * count + number) as u64)),
        };
        let count = if block.values.is_empty() { 0 } else { directions.unwrap_or(block.values.len()) };
        let mut claims: Vec<_> = (0..count).map(|number| (number, path(number).slope(analytic))).collect();
        // Large derivatives first: what is small beside them is known when it comes to the small ones.
        claims.sort_by(|(_, a), (_, b)| b.abs().total_cmp(&a.abs()));
        let mut largest = 0.0_f64;
        let mut found = Vec::with_capacity(count);
        for (number, derivative) in claims {
            let path = path(number);
            let claim = Claim {
                derivative,
                tolerance: self.tolerance,
                largest,
                size: path.size,
                finest: path.finest,
                epsilon: T::epsilon().as_f64(),
            };
            let seen = vec![false; at.base.terms.iter().map(|term| term.elements.len()).sum()];
            let finding = judge(claim, Displaced { subject: &mut *self.subject, seed, at, path: &path, point, seen });
            path.displace(&mut point[at.input], &block.values, T::zero());
            if finding.verdict.is_none() {
                largest = largest.max(derivative.abs().min(finding.value.abs()));
            }
            found.push((number, Comparison { index: path.name, analytic: derivative, finding }));
        }
        found.sort_by_key(|(number, _)| *number);
        found.into_iter().map(|(_, comparison)| comparison).collect()
    }
}

/// A straight line on which an input is displaced.
struct Path<T> {
    name: String,
    /// Which elements move, and by how much with a step of 1.
    parts: Vec<(usize, T)>,
    /// The widest step.
    size: f64,
    /// The narrowest step that numbers can be displaced by.
    finest: f64,
}

impl<T: Real> Path<T> {
    fn element(block: &Block<T>, place: usize) -> Self {
        let x = block.values[place].as_f64().abs();
        let finest = T::epsilon().as_f64() * if x > 0.0 { x } else { 1.0 };
        let name = block.shape.coordinates(place);
        Self { name, parts: vec![(place, T::one())], size: size(block.values[place]), finest }
    }

    /// Every element moves by the same part of its size, so that all are in play; signs are random.
    fn random(block: &Block<T>, number: usize, seed: u64) -> Self {
        let part = |(i, &x): (usize, &T)| {
            let sign = if uniform(seed, i as u64) < 0.5 { -1.0 } else { 1.0 };
            (i, T::of(sign * power_of_two(size(x))))
        };
        let parts = block.values.iter().enumerate().map(part).collect();
        Self { name: format!("direction {number}"), parts, size: 1.0, finest: T::epsilon().as_f64() }
    }

    /// The derivative on the line, from that for each element.
    fn slope(&self, gradient: &[T]) -> f64 {
        self.parts.iter().map(|&(i, part)| gradient[i].as_f64() * part.as_f64()).sum()
    }

    /// Moves `values` away from `start`, and tells the step that was really made, after rounding: on average over elements.
    fn displace(&self, values: &mut [T], start: &[T], h: T) -> f64 {
        let mut made = 0.0;
        for &(i, part) in &self.parts {
            values[i] = start[i] + h * part;
            made += (values[i].as_f64() - start[i].as_f64()) / part.as_f64();
        }
        made / self.parts.len() as f64
    }
}

/// The scalar on a line.
struct Displaced<'c, T: Real> {
    subject: &'c mut dyn Subject<T>,
    seed: u64,
    at: &'c At<'c, T>,
    path: &'c Path<T>,
    point: &'c mut [Vec<T>],
    /// Which elements of the terms have been seen to change.
    seen: Vec<bool>,
}

impl<T: Real> Displaced<'_, T> {
    fn displace(&mut self, h: f64) -> f64 {
        self.path.displace(&mut self.point[self.at.input], &self.at.block.values, T::of(h))
    }
}

impl<T: Real> Line for Displaced<'_, T> {
    fn change(&mut self, h: f64) -> Change {
        let displacement = self.displace(h);
        self.at.change(displacement, &self.subject.values(self.at.order, self.seed, self.point), &mut self.seen)
    }

    fn rounding(&self) -> f64 {
        self.at.rounding(&self.seen)
    }

    fn slope(&mut self, h: f64) -> f64 {
        self.displace(h);
        let there = self.subject.derivative(self.at.order, self.seed, self.point);
        self.path.slope(&there.gradients[self.at.input])
    }
}

/// What is being differentiated: a scalar at a point, for one of its inputs.
struct At<'c, T> {
    order: usize,
    input: usize,
    block: &'c Block<T>,
    base: &'c Derivative<T>,
}

impl<T: Real> At<'_, T> {
    fn reached(&self) -> bool {
        self.base.depends[self.input].iter().any(|&depends| depends)
    }

    /// By how much the scalar changed from the base to `terms`, and how far rounding of the terms alone may have moved that.
    fn change(&self, displacement: f64, terms: &[Values], seen: &mut [bool]) -> Change {
        let base = &self.base.terms;
        let epsilon = T::epsilon().as_f64();
        let lengths = |terms: &[Values]| terms.iter().map(|term| term.elements.len()).collect::<Vec<_>>();
        if lengths(terms) != lengths(base) {
            // Another branch was taken there.
            let all = |terms: &[Values]| terms.iter().flat_map(|term| &term.elements).sum::<f64>();
            let size: f64 = terms.iter().chain(base).flat_map(|term| &term.elements).map(|x| x.abs()).sum();
            return Change { displacement, value: all(terms) - all(base), noise: epsilon * size, hidden: 0.0 };
        }
        let (mut value, mut noise, mut moved) = (0.0, 0.0, false);
        let pairs = terms.iter().zip(base).flat_map(|(there, here)| there.elements.iter().zip(&here.elements));
        for ((&there, &here), seen) in pairs.zip(seen) {
            if there.total_cmp(&here).is_ne() || !here.is_finite() {
                value += there - here;
                // Half of the last place.
                noise += 0.5 * epsilon * there.abs();
                moved = true;
                *seen = true;
            }
        }
        let hidden = if moved { 0.0 } else { epsilon * self.grain() };
        Change { displacement, value, noise, hidden }
    }

    /// How far the elements that were seen to change are rounded at the base.
    fn rounding(&self, seen: &[bool]) -> f64 {
        let elements = self.base.terms.iter().flat_map(|term| &term.elements);
        let size: f64 = elements.zip(seen).filter(|(_, seen)| **seen).map(|(x, _)| x.abs()).sum();
        0.5 * T::epsilon().as_f64() * size
    }

    /// What may hide a change from all terms: they are rounded, and where a term is small, so may be what it was made from,
    /// as in ln(1 + x) or 1 − x.
    fn grain(&self) -> f64 {
        let terms = self.base.terms.iter().zip(&self.base.depends[self.input]).filter(|(_, depends)| **depends);
        let grain = |term: &Values| term.elements.iter().fold(term.factor.abs(), |a, x| a.max(x.abs()));
        terms.map(|(term, _)| grain(term)).sum()
    }
}

/// The size of a number that is displaced, or 1.
fn size<T: Real>(x: T) -> f64 {
    x.as_f64().abs().max(1.0)
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
