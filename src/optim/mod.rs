//! Optimisers: update rules that walk downhill, given parameters and a gradient.
//!
//! An optimiser knows nothing of tapes: it sees one flat slice of values θ, one of derivatives g, and the vectors it
//! keeps between the steps. A [`Rule`] is a family of updates with its hyper-parameters; [`Descent`] drives a rule over
//! a store and adds what goes with every rule: groups, weight decay, clipping, saving. The names one uses are aliases:
//!
//! | optimiser | update, g being the gradient | keeps |
//! |---|---|---|
//! | [`Sgd`] | θ ← θ − η g, or with a velocity v in place of g | v with momentum |
//! | [`AdaGrad`] | θ ← θ − η g/(√G + ε), G the sum of all g² | G |
//! | [`RmsProp`] | the same with a moving average G of g² | G, and more on request |
//! | [`NesterovLookahead`] | v ← β v − η ∇L(θ + β v), θ ← θ + v | v, and θ while it looks ahead |
//! | [`AdaDelta`] | θ ← θ − η g √(D + ε)/√(G + ε), D a moving average of squared steps | G, D |
//! | [`Adam`] | θ ← θ − η m̂/(√v̂ + ε), moving averages of g and g² | m, v |
//! | [`AdamW`] | as `Adam`, after θ ← θ(1 − ηλ) | m, v |
//! | [`AdaMax`] | as `Adam` with the largest \|g\| of late in place of √v̂ | m, u |
//! | [`NAdam`] | as `Adam` with Nesterov momentum | m, v |
//! | [`RAdam`] | as `Adam`, which begins with momentum alone until v̂ can be relied on | m, v |
//! | [`Lion`] | θ ← θ − η sign(m + …), after θ ← θ(1 − ηλ) | m |
//! | [`Rprop`] | θ ← θ − s sign(g), s longer while signs stay and shorter when they turn | s, sign(g) |
//!
//! Learning rates that change are in [`schedule`] and [`ReduceOnPlateau`]; averages of the iterates in [`Ema`] and
//! [`Averaged`].
//!
//! ```
//! use gradus::prelude::*;
//!
//! let mut params = Params::<f64>::new();
//! let x = params.add("line.bias", [2], || 1.0);
//! let mut optimizer = Adam::new(0.1)
//!     .clip_norm(1.0)
//!     .weight_decay(1e-4)
//!     .group(|name| name.ends_with("bias"), |group| group.weight_decay(0.0));
//! let (mut tape, mut gradient) = (Tape::new(), params.gradient());
//! for _ in 0..100 {
//!     let step = tape.record(&params);
//!     step.param(x).square().sum().backward(&mut gradient);
//!     optimizer.step(&mut params, &gradient);
//! }
//! assert!(params.value(x).iter().all(|x| x.abs() < 0.05));
//! ```
//!
//! # What holds for all of them
//!
//! * *Order.* What is not finite is skipped, several gradients become their mean, elements are cut, the norm is cut, then L2
//!   decay adds λθ to the gradient; decoupled decay shrinks θ before the update. See [`Descent`].
//! * *Look-ahead.* A loop that works with every rule calls [`prepare`](Optimizer::prepare) before it records the loss; only
//!   [`NesterovLookahead`] needs it, and says so. After a step the parameters hold θ.
//! * *Frozen tensors* are left exactly as they are: no decay, no momentum, and what is kept for them stays.
//! * *Iterations* count from 1 and are counted for each tensor: one that was frozen, or is added later, begins with
//!   its own first step (its bias correction in `Adam`, its first velocity in `Sgd`).
//! * *Arithmetic* is done in the element type; coefficients such as 1 − β₁ᵗ are computed in `f64` and rounded once.
//!   Only +, −, ×, ÷ and √ touch the elements, so that the same bits come out on every machine.
//! * *NaN and ∞* in a gradient flow on as IEEE says, unless [`Descent::skip_not_finite`] is asked for. In `f32`, g² overflows for |g| > 1.8e19: the rules that divide by
//!   √G then leave that element where it is for good. Clipping prevents it.
//! * *Threads.* A step on many parameters (2¹⁶ or more) is shared by the threads of rayon's current pool; see
//!   [`Descent::threads`]. The bits do not depend on it.
//! * *Memory.* After the first step nothing is allocated, but for a few bytes where threads have to be called again.

use std::fmt;

use crate::error::Error;
use crate::params::{Gradient, Params};
use crate::real::Real;

mod adadelta;
mod adagrad;
mod adam;
mod adamax;
mod adamw;
mod allowed;
mod armijo;
mod average;
mod averaged;
mod descent;
mod ema;
mod group;
mod intake;
mod lbfgs;
mod lion;
mod lookahead;
mod memory;
mod method;
mod nadam;
mod newton_cg;
mod objective;
mod options;
mod plateau;
mod radam;
mod rmsprop;
mod rprop;
mod rule;
pub mod schedule;
mod sgd;
mod state;
pub mod stop;
pub(crate) mod vector;
mod wolfe;

pub use adadelta::{AdaDelta, AdaDeltaRule};
pub use adagrad::{AdaGrad, AdaGradRule};
pub use adam::{Adam, AdamRule};
pub use adamax::{AdaMax, AdaMaxRule};
pub use adamw::AdamW;
pub use armijo::{Armijo, GradientDescent};
pub use averaged::Averaged;
pub use descent::Descent;
pub use ema::Ema;
pub use group::{Group, Settings};
pub use lbfgs::Lbfgs;
pub use lion::{Lion, LionRule};
pub use lookahead::{NesterovLookahead, NesterovLookaheadRule};
pub use method::{Evaluation, Method};
pub use nadam::{NAdam, NAdamRule};
pub use newton_cg::NewtonCg;
pub use objective::{Flat, Objective, Stuck, flat};
pub use plateau::{PlateauState, ReduceOnPlateau, Reduction};
pub use radam::{RAdam, RAdamRule};
pub use rmsprop::{RmsProp, RmsPropRule};
pub use rprop::{Rprop, RpropRule};
pub use rule::{Iteration, Rule, Vectors};
pub use schedule::Schedule;
pub use sgd::{Sgd, SgdRule};
pub use state::{Progress, State};
pub use wolfe::{Accepted, Wolfe};

/// What changes parameters against a gradient, step by step.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let mut optimizers: Vec<Box<dyn Optimizer<f32> + Send>> = vec![Box::new(Sgd::new(0.1)), Box::new(Adam::new(1e-3))];
/// optimizers[0].set_learning_rate(0.05);
/// assert_eq!(optimizers[0].learning_rate(), 0.05);
/// ```
pub trait Optimizer<T: Real>: fmt::Debug {
    /// Moves the parameters to the point where the next gradient is to be taken: most rules take it where they are, and do
    /// nothing here.
    ///
    /// To be called before the loss is recorded by loops that work with every rule; [`NesterovLookahead`] needs it. Tensors that
    /// are frozen are not moved. The step moves the parameters back; a second call before it does nothing. A
    /// [`state`](Optimizer::state) is to be saved after a step, not after this.
    ///
    /// # Panics
    ///
    /// If an earlier step was on another store.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// fn minimise(mut optimizer: impl Optimizer<f64>) -> f64 {
    ///     let mut params = Params::new();
    ///     let x = params.add("x", [], || 1.0);
    ///     let (mut tape, mut gradient) = (Tape::new(), params.gradient());
    ///     for _ in 0..100 {
    ///         optimizer.prepare(&mut params);
    ///         tape.record(&params).param(x).square().backward(&mut gradient);
    ///         optimizer.step(&mut params, &gradient);
    ///     }
    ///     params.flat()[0]
    /// }
    /// assert!(minimise(NesterovLookahead::new(0.1).momentum(0.5)).abs() < 1e-9);
    /// assert!(minimise(Sgd::new(0.1)).abs() < 1e-9);
    /// ```
    #[track_caller]
    fn prepare(&mut self, params: &mut Params<T>) {
        let _ = params;
    }

    /// Takes back what [`prepare`](Optimizer::prepare) has done, to the bit, where no step follows.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f32>::new();
    /// let _ = params.add("x", [], || 1.0);
    /// let (mut gradient, mut optimizer) = (params.gradient(), NesterovLookahead::new(0.1));
    /// optimizer.prepare(&mut params);
    /// gradient.flat_mut().fill(1.0);
    /// optimizer.step(&mut params, &gradient);
    /// let iterate = params.flat()[0];
    /// optimizer.prepare(&mut params);
    /// assert_ne!(params.flat(), [iterate]);
    /// optimizer.unprepare(&mut params);
    /// assert_eq!(params.flat(), [iterate]);
    /// ```
    fn unprepare(&mut self, params: &mut Params<T>) {
        let _ = params;
    }

    /// Changes the parameters once. The gradient is used up: the next step needs a new `backward`.
    ///
    /// New values of buffers that travel in the gradient, such as running statistics, are taken over too.
    ///
    /// # Panics
    ///
    /// If the gradient is of another store or was not computed since it was last used, or if an earlier step was on
    /// another store, or if the rule looks ahead and the parameters were not [prepared](Optimizer::prepare). Nothing is
    /// changed then.
    #[track_caller]
    fn step(&mut self, params: &mut Params<T>, gradient: &Gradient<T>);

    /// The learning rate η, before a schedule; groups may have their own.
    fn learning_rate(&self) -> f64;

    /// The learning rate that the next step takes for tensors without a group: with a
    /// [schedule](Descent::schedule), what it makes of [`learning_rate`](Optimizer::learning_rate).
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let optimizer = Sgd::<f64>::new(1.0).schedule(schedule::WarmUp::new(3, schedule::Constant));
    /// assert_eq!((optimizer.learning_rate(), optimizer.scheduled_rate()), (1.0, 0.25));
    /// ```
    fn scheduled_rate(&self) -> f64 {
        self.learning_rate()
    }

    /// The learning rate that the last step took for tensors without a group.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let _ = params.add("x", [1], || 1.0);
    /// let (mut gradient, mut optimizer) = (params.gradient(), Sgd::new(1.0).schedule(schedule::Step::new(1, 0.5)));
    /// gradient.flat_mut().fill(0.0);
    /// optimizer.step(&mut params, &gradient);
    /// assert_eq!((optimizer.last_rate(), optimizer.scheduled_rate()), (1.0, 0.5));
    /// ```
    fn last_rate(&self) -> f64 {
        self.learning_rate()
    }

    /// Whether a step leaves everything as it is where a derivative is NaN or infinite; see
    /// [`Descent::skip_not_finite`].
    fn skips_not_finite(&self) -> bool {
        false
    }

    /// Sets the learning rate from the next step on; a schedule goes on from it.
    ///
    /// # Panics
    ///
    /// If it is not a finite number ≥ 0.
    #[track_caller]
    fn set_learning_rate(&mut self, learning_rate: f64);

    /// The number of updates made: of steps, but for those that were skipped or that took a gradient into a mean.
    fn iteration(&self) -> u64;

    /// The Euclidean norm of the last step's gradient before it was clipped, over all tensors that are not frozen;
    /// `None` where nothing measured it.
    fn gradient_norm(&self) -> Option<f64>;

    /// All that a fresh optimiser with the same options needs to go on with the same bits.
    fn state(&self) -> State<T>;

    /// Goes on from a saved state: iterations, learning rate and what is kept for each parameter.
    ///
    /// Options (β, ε, decay, groups, clipping, schedules) are not in the state: build the optimiser as it was built before.
    ///
    /// # Errors
    ///
    /// If the state is of another rule, of other options that keep other vectors, or of other tensors than `params`
    /// has; nothing is changed then.
    fn restore(&mut self, state: &State<T>, params: &Params<T>) -> Result<(), Error>;
}

/// A pointer to an optimiser is one.
macro_rules! hand_on {
    ($Pointer:ty) => {
        impl<T: Real, O: Optimizer<T> + ?Sized> Optimizer<T> for $Pointer {
            fn prepare(&mut self, params: &mut Params<T>) {
                (**self).prepare(params);
            }

            fn unprepare(&mut self, params: &mut Params<T>) {
                (**self).unprepare(params);
            }

            fn step(&mut self, params: &mut Params<T>, gradient: &Gradient<T>) {
                (**self).step(params, gradient);
            }

            fn learning_rate(&self) -> f64 {
                (**self).learning_rate()
            }

            fn scheduled_rate(&self) -> f64 {
                (**self).scheduled_rate()
            }

            fn last_rate(&self) -> f64 {
                (**self).last_rate()
            }

            fn skips_not_finite(&self) -> bool {
                (**self).skips_not_finite()
            }

            fn set_learning_rate(&mut self, learning_rate: f64) {
                (**self).set_learning_rate(learning_rate);
            }

            fn iteration(&self) -> u64 {
                (**self).iteration()
            }

            fn gradient_norm(&self) -> Option<f64> {
                (**self).gradient_norm()
            }

            fn state(&self) -> State<T> {
                (**self).state()
            }

            fn restore(&mut self, state: &State<T>, params: &Params<T>) -> Result<(), Error> {
                (**self).restore(state, params)
            }
        }
    };
}
hand_on!(Box<O>);
hand_on!(&mut O);
