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
//! | *kink* | none of these, and the tape takes another branch at a step of the window with the smallest e |
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
//! of `relu` at 0, a derivative between the slopes to both sides that is not their mean is a *kink*: see [`Verdict::Kink`].
//!
//! # Kinks
//!
//! What `relu`, `abs`, `max`, `clamp`, comparisons, `select`, `floor` and the like decide stands on the tape; where a
//! derivative is neither confirmed nor excluded, what they decide at x and at the six steps of the best window is compared,
//! element by element. If an instruction decides otherwise at one of them, the verdict is *kink*, and the report names the
//! instruction, its line, and the nearest step at which it does. A recording with other instructions there is a kink, too:
//! the program took another turn. What a [`CustomOp`](crate::CustomOp) decides does not show: such kinks are inconclusive.
//!
//! # Hints
//!
//! Numbers that are wrong often say why: a constant ratio of −1, 2 or the length of an axis, the right ones transposed or
//! moved by one, those of another input. See [`Slip`] for what is looked for. A hint is a guess; the verdicts do not
//! depend on it.
//!
//! # How much is checked
//!
//! | | what is compared | evaluations |
//! |---|---|---|
//! | [`gradients`], [`model`], [`Var::check`] | every element of every input | 6 for an element that is right |
//! | [`sample`](Check::sample) | some elements of each input | 6 for each |
//! | [`directions`](Check::directions) | random directions of each input; one that is wrong is bisected to its elements | 6 for each that is right |
//! | [`taylor`](Check::taylor) | the slope of the remainder along one direction of all inputs | 32 at most |
//! | [`op`](fn@op) | one op at all shapes, broadcasts, layouts and edge values | for authors of ops |
//!
//! Each goes to any [`order`](Check::order). An input of which the tape says that the function is affine in it, as a product is
//! in each of its factors, is moved by its size (or 1) at first: then nothing but rounding is left in a difference, and
//! a [`tolerance`](Check::tolerance) of 10⁻¹² can be met.
//!
//! # Structure
//!
//! Every report says whether the function is deterministic (two runs, the second one on a fresh tape, give the same bits; in
//! training with a seed, dropout drops the same elements), the same when recorded again on the tape that has planned it,
//! linear in its cotangent (0 gives 0, and twice, −1 times and 1024 times as much give that), and the same when used twice. Inputs that play no part are named.
//! From order 2 on, it says whether lower derivatives are right a little beside the point, too: a rule that keeps a number from the
//! point is right there alone. From order 2 on, or with [`consistency`](Check::consistency), forward mode is held against reverse mode, and the Hessian
//! against its transpose.
//!
//! # Large losses
//!
//! A sum rounds away what is small beside the rest of it. So the differences are taken of its terms, and added in `f64`:
//! what follows the last op that is no sum, difference, or multiple by a number is not recomputed from rounded numbers, and
//! elements of terms that an input does not move have no part in its error bar. To tell those from elements that are
//! rounded too coarsely to move, an input that the first window does not confirm is moved by 1024 times its size once.
//!
//! A result that is no scalar is multiplied by random numbers and summed, for the same reason.
//!
//! # f32
//!
//! `f32` keeps four digits at best; where the report finds that too coarse, it advises a check in `f64`. A model whose
//! `forward` is generic over the element type, as those of [`nn`](crate::nn) are, is checked in `f64` with the handles that
//! it has: `check::model(&params.cast::<f64>(), |step| …)`.
//!
//! # References
//!
//! Linnainmaa 1976, Taylor expansion of the accumulated rounding error.
//! Richardson 1911, The approximate arithmetical solution by finite differences of physical problems.

mod affine;
mod beside;
mod bisect;
mod branches;
mod cases;
mod consistency;
mod difference;
mod explain;
mod hint;
mod judge;
mod layout;
mod op;
mod panic;
mod path;
mod report;
mod rounding;
mod run;
mod structure;
mod subject;
mod surroundings;
mod table;
mod taylor;
mod terms;

use crate::params::Params;
use crate::real::Real;
use crate::run::Tensor;
use crate::tape::{Step, Var};

pub use cases::{Case, OpReport, Outcome};
pub use consistency::Identity;
pub use explain::{Explanation, Reach, Way, explain};
pub use hint::{Hint, Slip};
pub use op::{OpCheck, op};
pub use report::{Element, InputReport, Report, Verdict};
pub use structure::Property;
pub use taylor::{Remainder, Slope, Taylor};

use panic::Whereabouts;
use subject::{Anew, Function, Model, Recorded, Subject};

/// A check that is set up and not yet run: [`assert`](Check::assert) or [`report`](Check::report) runs it.
#[must_use = "a check does nothing until `assert` or `report` runs it"]
pub struct Check<'a, T: Real> {
    subject: Box<dyn Subject<T> + 'a>,
    order: usize,
    mode: Mode,
    seed: u64,
    tolerance: f64,
    allow_kinks: bool,
    consistency: bool,
    training: bool,
    /// For the message of a panic.
    whereabouts: Whereabouts,
}

/// What is compared for each input.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Mode {
    Elements,
    Sample(usize),
    Directions(usize),
}

/// Checks the gradients of a function of several arrays, which may have different ranks.
///
/// A result that is no scalar is weighted with random numbers and summed.
/// A closure that is bound to a name first goes through [`objective_of_several`](crate::functional::objective_of_several).
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
        let subject = Box::new(subject);
        Self {
            subject,
            order: 1,
            mode: Mode::Elements,
            seed: 0,
            tolerance,
            allow_kinks: false,
            consistency: false,
            training: false,
            whereabouts: Whereabouts::default(),
        }
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

    /// Checks this many elements of each input instead of every one, chosen at random, or all where there are fewer.
    pub fn sample(mut self, count: usize) -> Self {
        self.mode = Mode::Sample(count);
        self
    }

    /// Checks the derivative along this many random directions for each input instead of every element: the cost does
    /// not depend on the number of elements. Each element moves by a random part of its size (or of 1).
    ///
    /// The first direction of an input whose derivative is wrong is bisected: halves of it that are wrong, too, are halved
    /// again, down to single elements, which the report lists. That costs a check of two directions for each halving.
    pub fn directions(mut self, count: usize) -> Self {
        self.mode = Mode::Directions(count);
        self
    }

    /// Lets elements pass that can be neither confirmed nor excluded because the function takes another branch there: see
    /// [`Verdict::Kink`]. The report lists them all the same.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// // The slope of relu at 0 is 0 by convention; differences say ½.
    /// let relu = || check::gradients(|v| v[0].relu().sum(), &[&array![0.0, 1.0]]);
    /// assert!(!relu().report().passed());
    /// relu().allow_kinks().assert();
    /// ```
    pub fn allow_kinks(mut self) -> Self {
        self.allow_kinks = true;
        self
    }

    /// Also holds forward mode against reverse mode, ⟨u, Jv⟩ = ⟨Jᵀu, v⟩ for random u and v, and the Hessian against its
    /// transpose, ⟨v, Hw⟩ = ⟨Hv, w⟩. A check of order 2 or higher does so anyway.
    ///
    /// Both differentiate the derivative: an op of one's own must be written so that it can be.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let report = check::gradients(|v| v[0].softmax(0), &[&array![0.1, 0.7]]).consistency().report();
    /// assert!(report.passed() && report.identities.iter().all(|identity| identity.holds()));
    /// ```
    pub fn consistency(mut self) -> Self {
        self.consistency = true;
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
        expect_tolerance(tolerance);
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
        self.training = true;
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
    ///
    /// # Panics
    ///
    /// If the function does: the message says where it was asked, at the point or beside it, and keeps the function's text.
    /// For a [`CustomOp`](crate::CustomOp) it names the op, the line that recorded it, and whether it was `eval` or `vjp`.
    #[must_use]
    #[track_caller]
    pub fn report(mut self) -> Report {
        match self.watch(Self::run) {
            Ok(report) => report,
            Err(panicked) => panic!("{panicked}"),
        }
    }
}

#[track_caller]
fn expect_tolerance(tolerance: f64) {
    let allowed = tolerance > 0.0 && tolerance < 1.0;
    assert!(allowed, "check: tolerance {tolerance}, expected one above 0 and below 1");
}

impl<T: Real> std::fmt::Debug for Check<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Check")
            .field("order", &self.order)
            .field("mode", &self.mode)
            .field("seed", &self.seed)
            .field("tolerance", &self.tolerance)
            .field("allow_kinks", &self.allow_kinks)
            .field("consistency", &self.consistency)
            .field("training", &self.training)
            .finish_non_exhaustive()
    }
}
