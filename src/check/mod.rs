//! Checking derivatives against finite differences, in anybody's tests.
//!
//! ```
//! use gradus::prelude::*;
//!
//! let (a, b) = (array![[1.0, 2.0], [3.0, 4.0]], array![[0.1], [0.2]]);
//! check::gradients(|v| v[0].matmul(v[1]).tanh().sum(), &[&a, &b]).order(2).assert();
//! ```
//!
//! Every element of every input is moved by small steps to both sides, and what differences say is held against the
//! derivative from the tape. [`gradients`] checks a function of arrays, [`model`] a loss over a store of parameters by name,
//! and [`Var::check`] a recording as it stands, without a closure.
//!
//! # What differences say
//!
//! A *window* is three steps h, h/2, h/4 to both sides. Richardson's rule makes two estimates of the derivative of its
//! central differences, n and a narrower one, and two of how far the slopes to the left and to the right stay from their
//! mean at step 0, which is nowhere where the function is smooth. The window's error bar e is the sum of
//!
//! * four times the distance of the two estimates;
//! * the larger gap between the slopes and their mean: a kink beside the point moves n by no more;
//! * how far n moves where every result that depends on the element is rounded by half of its last place;
//! * where no result changes at all, a last place of each that may, or of 1 where it is smaller (ln(1 + x) rounds 1 + x).
//!
//! What rounds within, and cancels, shows in narrow windows, where it is large. It moves the function by as much in wide
//! ones; so e is at least what the narrower windows leave open, times their step over that of the window.
//!
//! # What rounding within does
//!
//! Where values within are rounded so coarsely that a displacement is lost in them, differences stand still, look perfectly
//! sure, and are wrong. Differences cannot know it, but the tape does: a value v whose cotangent is v̄ moves the result by
//! abs(v̄) · abs(v) · ε where it is rounded, and a sum by as much for each of its parts. So before a derivative is called wrong,
//! that is added up: over all values that the displacement moves, for the result, and over all values for the derivative of
//! the tape itself, whose recording is analysed in the same way. Three times the first over h, and the second, are added to
//! every error bar, and the windows are asked again.
//!
//! # What is confirmed
//!
//! Let a be the derivative from the tape and t the tolerance. A window *excludes* a where
//! abs(a − n) > t · max(abs a, abs n) + e; otherwise it *admits* a.
//!
//! | | |
//! |---|---|
//! | confirmed | no contradiction, and a window that admits a has e ≤ t · max(abs a, abs n) |
//! | confirmed | the same with e ≤ t · the largest derivative of the same input that is confirmed, or with e ≤ t/1000 for a loss of 1 |
//! | confirmed | a is the mean of the slopes to both sides of a kink at the point, which are the tape's: ties share equally |
//! | confirmed | a is 0, and the function is a staircase |
//! | *mismatch* | a contradiction that holds with the rounding within, and the tape's derivatives at the other steps do not explain it |
//! | *inconclusive* | none of these |
//! | *not finite* | a or n is NaN or infinite |
//!
//! A *contradiction*: the window with the smallest e excludes a, and of those that exclude what that one says, the one with the
//! smallest e excludes a, too. It *holds* where the narrowest window whose rounding is far below abs(a − n) excludes a:
//! from afar a staircase looks like a line. It is *explained* where the narrowest window that excludes a does not exclude
//! everything between the least and the greatest derivative that the tape has at its six steps: then there are kinks among
//! them, nearer than rounding lets differences see.
//!
//! A *staircase* stands still at five narrow steps in a row, and jumps at the next wider one by 256 times its rounding, and
//! by more than half of the digits of the results.
//!
//! The first window alone confirms nearly every derivative that is right: six evaluations for an element. Where it does not,
//! all windows are asked, from the size of the element (or 1) down to where rounding hides the derivative.
//!
//! So a wrong sign or factor passes only where no window can tell it from the right one *and* differences see a t-th part of
//! the largest derivative of the same input, or one of t/1000 (10⁻⁹ for `f64`, 5 · 10⁻⁶ for `f32`; in a loss that is
//! multiplied by a small number, as much less). What else the loss is made of has no say in it. At a kink at the point, as
//! of `relu` at 0, a derivative between the slopes to both sides that is not their mean is inconclusive, and the report says
//! *kink*: move the point.
//!
//! # Large losses
//!
//! A sum rounds away what is small beside the rest of it. So the differences are taken of its terms, and added in `f64`:
//! what follows the last op that is no sum, difference, or multiple by a number is not recomputed from rounded numbers, and
//! elements of terms that an input does not move have no part in its error bar. To tell those from elements that are
//! rounded too coarsely to move, an input that the first window does not confirm is moved by 1024 times its size once.
//!
//! `f32` keeps four digits at best; where the report finds that too coarse, it advises a check in `f64`.
//!
//! # References
//!
//! Linnainmaa 1976, Taylor expansion of the accumulated rounding error.
//! Richardson 1911, The approximate arithmetical solution by finite differences of physical problems.

mod difference;
mod explain;
mod judge;
mod report;
mod rounding;
mod subject;
mod terms;

use crate::kernel::random::{fork, uniform};
use crate::params::Params;
use crate::real::Real;
use crate::run::Tensor;
use crate::tape::{Step, Var};

pub use explain::{Explanation, Reach, Way, explain};
pub use report::{Element, InputReport, Report, Verdict};

use difference::{Change, FAR, Line};
use judge::{Claim, judge, power_of_two};
use report::Comparison;
use rounding::Rounding;
use subject::{Anew, Block, Derivative, Function, Model, Recorded, Subject};
use terms::Values;

/// An error of this part of the tolerance is small in a loss of 1, whatever the derivative: 10⁻⁹ for `f64`, 5 · 10⁻⁶ for `f32`.
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
    Check::new(Anew(Function::new(f, inputs)))
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
    Check::new(Anew(Model::new(params, loss)))
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
    /// not depend on the number of elements. Each element moves by the same part of its size (or of 1).
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

    /// Judges every derivative of one input, by elements or by directions.
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
                negligible: NEGLIGIBLE * self.tolerance * at.scale().min(1.0),
                size: path.size,
                finest: path.finest,
                epsilon: T::epsilon().as_f64(),
                within: None,
            };
            let moved = vec![false; elements(&at.base.terms).count()];
            let finding = judge(claim, Displaced { subject: &mut *self.subject, seed, at, path: &path, point, moved });
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
    moved: Vec<bool>,
}

impl<T: Real> Displaced<'_, T> {
    fn displace(&mut self, h: f64) -> f64 {
        self.path.displace(&mut self.point[self.at.input], &self.at.block.values, T::of(h))
    }
}

impl<T: Real> Line for Displaced<'_, T> {
    fn change(&mut self, h: f64) -> Change {
        let displacement = self.displace(h);
        self.at.change(displacement, &self.subject.values(self.at.order, self.seed, self.point), &mut self.moved)
    }

    fn rounding(&self) -> f64 {
        self.at.rounding(&self.moved)
    }

    fn slope(&mut self, h: f64) -> f64 {
        self.displace(h);
        let there = self.subject.derivative(self.at.order, self.seed, self.point);
        self.path.slope(&there.gradients[self.at.input])
    }

    fn analyse(&mut self) -> Rounding {
        let input = self.at.input;
        let displaced = [FAR, -FAR, 1.0, -1.0].map(|part| {
            self.displace(part * self.path.size);
            self.point[input].clone()
        });
        self.displace(0.0);
        let mut direction = vec![T::zero(); self.at.block.values.len()];
        self.path.parts.iter().for_each(|&(i, part)| direction[i] = part);
        self.subject.analyse(self.at.order, self.seed, self.point, (input, &direction), &displaced)
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

    /// By how much the scalar changed from the base to `terms`; marks in `seen` which of their elements did.
    fn change(&self, displacement: f64, terms: &[Values], seen: &mut [bool]) -> Change {
        let base = &self.base.terms;
        let half = 0.5 * T::epsilon().as_f64();
        let lengths = |terms: &[Values]| terms.iter().map(|term| term.elements.len()).collect::<Vec<_>>();
        if lengths(terms) != lengths(base) {
            // Another branch was taken there.
            let sum = |terms: &[Values], size: fn(f64) -> f64| -> f64 { elements(terms).map(|&x| size(x)).sum() };
            let noise = half * (sum(terms, f64::abs) + sum(base, f64::abs));
            return Change { displacement, value: sum(terms, |x| x) - sum(base, |x| x), noise, hidden: 0.0 };
        }
        let (mut value, mut noise, mut moved) = (0.0, 0.0, false);
        for ((&there, &here), seen) in elements(terms).zip(elements(base)).zip(seen) {
            if there.total_cmp(&here).is_ne() || !here.is_finite() {
                value += there - here;
                noise += half * there.abs();
                (moved, *seen) = (true, true);
            }
        }
        let hidden = if moved { 0.0 } else { T::epsilon().as_f64() * self.grain() };
        Change { displacement, value, noise, hidden }
    }

    /// How far the elements that were seen to change are rounded at the base.
    fn rounding(&self, seen: &[bool]) -> f64 {
        let sizes = elements(&self.base.terms).zip(seen).map(|(x, &seen)| if seen { x.abs() } else { 0.0 });
        0.5 * T::epsilon().as_f64() * sizes.sum::<f64>()
    }

    /// The terms that depend on the input.
    fn terms(&self) -> impl Iterator<Item = &Values> {
        let terms = self.base.terms.iter().zip(&self.base.depends[self.input]);
        terms.filter(|(_, depends)| **depends).map(|(term, _)| term)
    }

    /// The size of what may hide a change from all terms: the largest element of each, or 1 where it is smaller, since it
    /// may be made of such numbers, as in ln(1 + x).
    fn grain(&self) -> f64 {
        self.terms().map(|term| term.sizes().fold(0.0, f64::max)).sum()
    }

    /// The size of the loss when terms do not cancel: with each element at least as large as its factor.
    fn scale(&self) -> f64 {
        self.terms().flat_map(Values::sizes).sum()
    }
}

fn elements(terms: &[Values]) -> impl Iterator<Item = &f64> {
    terms.iter().flat_map(|term| &term.elements)
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
