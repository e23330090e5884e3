//! Tensors that remember how they were made, exact derivatives of any order, small networks, gradient descent, and
//! gradient checks for your own tests. For `f32` and `f64`, on a CPU.
//!
//! # One idea
//!
//! A [`Tape`] is a list of plain instructions. Calling an op checks shapes and appends one; nothing is computed.
//! Differentiating appends more. Asking for a number computes just what that number needs, in memory kept from last
//! time. And recording the same thing again costs one comparison per instruction, about a nanosecond.
//!
//! So a training step is ordinary Rust, with loops, `if` and helper functions; there is no separate compilation and no
//! trace that could go stale. When the program takes another turn, the first instruction that differs is noticed.
//!
//! ```
//! use gradus::prelude::*;
//!
//! let mut rng = StdRng::seed_from_u64(7);
//! let mut params = Params::<f32>::new(); // every number that is learned, in one flat buffer
//! let mlp = Mlp::new(&mut params, "mlp", &[2, 16, 2], Activation::Tanh, &mut rng);
//! let (images, labels) = (array![[0.0, 1.0], [1.0, 0.0]], [0, 1]);
//!
//! let (mut tape, mut gradient, mut optimizer) = (Tape::new(), params.gradient(), Adam::new(0.01));
//! for _ in 0..200 {
//!     let step = tape.record(&params); // borrows the parameters and the data for this step only
//!     let logits = mlp.forward(step.input(&images));
//!     let loss = cross_entropy(logits, &labels);
//!     loss.backward(&mut gradient); // computes; returns the loss
//!     optimizer.step(&mut params, &gradient);
//! }
//!
//! let step = tape.record(&params);
//! assert_eq!(accuracy(&mlp.forward(step.input(&images)).value(), &labels), 1.0);
//! ```
//!
//! # A tour
//!
//! * [`Var`] is a tensor of a recording: `Copy`, with operators and about a hundred ops. `x.value()` and `x.item()` read
//!   it, and a program may branch on what it reads.
//! * [`Params`] holds what is learned, by name; a model is a plain struct of [`Param`] handles. Groups, freezing, snapshots
//!   and saving work on names.
//! * [`functional`] differentiates plain functions of arrays, and models for their parameters: [`grad`](functional::grad),
//!   [`hessian`](functional::hessian), [`jvp`](functional::jvp), [`linearize`](functional::linearize), … Derivatives of
//!   derivatives are ops like others: [`Var::gradient`], [`Var::grad_of`]. [`Var::checkpoint`] trades time for memory.
//! * [`graph`] shows a recording: what runs as one, where values stand, as a listing and as a drawing.
//! * [`check`] holds gradients against finite differences, in one line of a test, and says which element of which
//!   parameter is wrong and by what factor.
//! * [`nn`] has layers, initialisers and losses; [`optim`] the update rules, schedules and criteria to stop.
//! * [`minimize`](mod@minimize) runs a loss with a rule until a criterion holds and reports; [`diagnostics`] measures curvature, noise
//!   and rates, and says what ails a run.
//! * [`data`] has tables, splits, scalers and batches; [`train`] early stopping and progress; with features, `io` weights in files
//!   and `plot` pictures.
//! * [`pointwise!`] makes a formula a function of tensors, with derivatives and kernels of its own; [`CustomOp`] is any other op of
//!   one's own.
//!
//! # What to expect
//!
//! Shapes that do not fit panic at the line that recorded the op, with both shapes and, where it is known, the remedy. What
//! comes from outside, such as files, returns an [`Error`] with file, line and column. Numerical conventions, such as the
//! slope of `relu` at 0, are listed in `docs/numerics.md`, every derivative in `docs/derivatives.md`.
//!
//! Cargo's profiles do not reach dependants: put `[profile.dev]` with `opt-level = 1` into your `Cargo.toml`, or debug
//! builds will be some thirty times slower than they need to be.
//!
//! # Features
//!
//! On by default: `csv` (tables), `safetensors` (weights), `progress` (a bar on terminals), `plot` (SVG pictures). Off:
//! `npy` (arrays of NumPy), which brings some thirty crates, and `linalg` (solving, inverting and factoring small dense
//! matrices), whose library takes fifteen seconds to build.

mod axes;
mod bytes;
pub mod check;
pub mod data;
pub mod diagnostics;
mod error;
mod file;
pub mod functional;
mod grad;
#[cfg(feature = "safetensors")]
pub mod io;
mod kernel;
pub mod minimize;
pub mod nn;
pub mod number;
pub mod op;
pub mod optim;
mod params;
#[cfg(feature = "plot")]
pub mod plot;
mod real;
mod run;
mod shape;
mod tape;
pub mod train;

pub use axes::{Axes, Axis, keep};
pub use error::{Error, ErrorKind};
pub use op::arrange::stack;
pub use op::custom::{Cotangent, CustomOp};
pub use op::einsum::einsum;
pub use op::layout::concat;
pub use op::{Indices, Operand, Positions, functions};
pub use params::{Buffer, Entry, Gradient, Param, Params, Snapshot};
pub use real::{Real, Scalar};
pub use run::Tensor;
pub use shape::{Lengths, MAX_RANK, Shape};
pub use tape::{Input, Recorder, Recording, Step, Tape, Var, graph};

/// What the benches measure. No public API: it may change with any release.
#[doc(hidden)]
pub use kernel::bench;

/// The code of the README, so that it is compiled and run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

/// The names that most programs need.
pub mod prelude {
    pub use crate::check;
    pub use crate::functional::*;
    pub use crate::minimize::{minimize, minimize_batches};
    pub use crate::nn::{
        Activation, BatchNorm, CrossEntropy, Dropout, Embedding, Init, Layer, LayerNorm, Linear, Mlp, Sequential,
        accuracy, bce_with_logits, cross_entropy, huber, mae, mse,
    };
    pub use crate::optim::{
        AdaDelta, AdaGrad, AdaMax, Adam, AdamW, Averaged, Ema, Lion, NAdam, NesterovLookahead, Optimizer, RAdam,
        ReduceOnPlateau, RmsProp, Rprop, Schedule, Sgd, schedule,
    };
    pub use crate::{
        Cotangent, CustomOp, Error, Gradient, Param, Params, Real, Recorder, Recording, Scalar, Shape, Step, Tape, Var,
        concat, einsum, keep, stack,
    };
    pub use ndarray::{self, Array1, Array2, ArrayD, array, s};
    pub use rand::{self, SeedableRng, rngs::StdRng};
}
