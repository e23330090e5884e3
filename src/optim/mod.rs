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
//! | [`Adam`] | θ ← θ − η m̂/(√v̂ + ε), moving averages of g and g² | m, v |
//! | [`AdamW`] | as `Adam`, after θ ← θ(1 − ηλ) | m, v |
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
//! * *Order.* Clipping comes first, then L2 decay adds λθ to the gradient; decoupled decay shrinks θ before the update.
//! * *Frozen tensors* are left exactly as they are: no decay, no momentum, and what is kept for them stays.
//! * *Iterations* count from 1 and are counted for each tensor: one that was frozen, or is added later, begins with
//!   its own first step (its bias correction in `Adam`, its first velocity in `Sgd`).
//! * *Arithmetic* is done in the element type; coefficients such as 1 − β₁ᵗ are computed in `f64` and rounded once.
//!   Only +, −, ×, ÷ and √ touch the elements, so that the same bits come out on every machine.
//! * *NaN and ∞* in a gradient flow on as IEEE says. In `f32`, g² overflows for |g| > 1.8e19: the rules that divide by
//!   √G then leave that element where it is for good. Clipping prevents it.
//! * *Threads.* A step on many parameters (2¹⁶ or more) is shared by the threads of rayon's current pool; see
//!   [`Descent::threads`]. The bits do not depend on it.
//! * *Memory.* After the first step nothing is allocated, but for a few bytes where threads have to be called again.

use std::fmt;

use crate::error::Error;
use crate::params::{Gradient, Params};
use crate::real::Real;

mod adagrad;
mod adam;
mod adamw;
mod allowed;
mod armijo;
mod descent;
mod group;
mod lbfgs;
mod memory;
mod method;
mod newton_cg;
mod objective;
mod rmsprop;
mod rule;
mod sgd;
mod state;
pub mod stop;
mod vector;
mod wolfe;

pub use adagrad::{AdaGrad, AdaGradRule};
pub use adam::{Adam, AdamRule};
pub use adamw::AdamW;
pub use armijo::{Armijo, GradientDescent};
pub use descent::Descent;
pub use group::{Group, Settings};
pub use lbfgs::Lbfgs;
pub use method::{Evaluation, Method};
pub use newton_cg::NewtonCg;
pub use objective::{Flat, Objective, Stuck, flat};
pub use rmsprop::{RmsProp, RmsPropRule};
pub use rule::{Iteration, Rule, Vectors};
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
    /// Changes the parameters once. The gradient is used up: the next step needs a new `backward`.
    ///
    /// New values of buffers that travel in the gradient, such as running statistics, are taken over too.
    ///
    /// # Panics
    ///
    /// If the gradient is of another store or was not computed since it was last used, or if an earlier step was on
    /// another store. Nothing is changed then.
    #[track_caller]
    fn step(&mut self, params: &mut Params<T>, gradient: &Gradient<T>);

    /// The learning rate η; groups may have their own.
    fn learning_rate(&self) -> f64;

    /// Sets the learning rate from the next step on: what a schedule does.
    ///
    /// # Panics
    ///
    /// If it is not a finite number ≥ 0.
    #[track_caller]
    fn set_learning_rate(&mut self, learning_rate: f64);

    /// The number of steps made.
    fn iteration(&self) -> u64;

    /// The Euclidean norm of the last step's gradient before it was clipped, over all tensors that are not frozen;
    /// `None` where nothing measured it.
    fn gradient_norm(&self) -> Option<f64>;

    /// All that a fresh optimiser with the same options needs to go on with the same bits.
    fn state(&self) -> State<T>;

    /// Goes on from a saved state: iterations, learning rate and what is kept for each parameter.
    ///
    /// Options (β, ε, decay, groups, clipping) are not in the state: build the optimiser as it was built before.
    ///
    /// # Errors
    ///
    /// If the state is of another rule, of other options that keep other vectors, or of other tensors than `params`
    /// has; nothing is changed then.
    fn restore(&mut self, state: &State<T>, params: &Params<T>) -> Result<(), Error>;
}

impl<T: Real, O: Optimizer<T> + ?Sized> Optimizer<T> for Box<O> {
    fn step(&mut self, params: &mut Params<T>, gradient: &Gradient<T>) {
        (**self).step(params, gradient);
    }

    fn learning_rate(&self) -> f64 {
        (**self).learning_rate()
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
