//! Losses: what a prediction costs.
//!
//! The functions here reduce to one number, the mean; those in [`each`] do not reduce, so that `each::mse(p, t).sum()`
//! is the sum and `(each::mse(p, t) * weight).mean()` a weighted mean. [Penalties](l1) are sums over parameters.
//!
//! Prediction and target must have *equal* shapes: `[8, 1]` beside `[8]` is refused, where broadcasting would silently
//! compare each of eight predictions with each of eight targets. An empty batch is refused, too: it has no mean.
//!
//! | loss | of each element or row | one for each |
//! |---|---|---|
//! | [`mse`] | d², d = prediction − target | element |
//! | [`mae`] | \|d\| | element |
//! | [`huber`] | ½d² for \|d\| ≤ δ, δ(\|d\| − ½δ) beyond | element |
//! | [`smooth_l1`] | huber/β | element |
//! | [`log_cosh`] | ln cosh d | element |
//! | [`bce_with_logits`] | −t·ln σ(x) − (1 − t)·ln(1 − σ(x)) | element |
//! | [`hinge`] | max(0, 1 − t·x) | element |
//! | [`poisson`] | eˣ − t·x | element |
//! | [`cross_entropy`], [`CrossEntropy`] | −ln softmax(x)\[label\] | row |
//! | [`soft_cross_entropy`] | −Σ t·ln softmax(x) | row |
//! | [`nll`] | −x\[label\] | row |
//! | [`kl_divergence`] | Σ t·(ln t − x) | row |
//! | [`cosine`] | 1 − cosine of the angle | row |
//!
//! Logarithms are natural: entropies are in nats.

mod binary;
mod cosine;
mod cross_entropy;
mod divergence;
mod likelihood;
mod penalty;
mod poisson;
mod regression;
mod robust;

pub use binary::{bce_with_logits, bce_with_logits_weighted, hinge};
pub use cosine::cosine;
pub use cross_entropy::{ClassWeights, CrossEntropy};
pub use divergence::{kl_divergence, soft_cross_entropy};
pub use likelihood::{cross_entropy, nll};
pub use penalty::{elastic_net, l1, l2};
pub use poisson::{poisson, poisson_full};
pub use regression::{mae, mse};
pub use robust::{huber, log_cosh, smooth_l1};

/// The losses without reduction: one number for each element, or for each row where the loss is of whole rows.
///
/// # Examples
///
/// ```
/// use gradus::{nn::loss::each, prelude::*};
///
/// let sum = value(|x| each::mse(x, x.constant(&array![1.0, 1.0])).sum(), &array![3.0, 2.0]);
/// assert_eq!(sum, 5.0);
/// ```
pub mod each {
    pub use super::binary::each::*;
    pub use super::cosine::each::*;
    pub use super::divergence::each::*;
    pub use super::likelihood::each::*;
    pub use super::poisson::each::*;
    pub use super::regression::each::*;
    pub use super::robust::each::*;
}

use crate::real::Real;
use crate::tape::Var;

/// Refuses a prediction and a target of different shapes, and an empty batch.
#[track_caller]
fn expect_pair<T: Real>(loss: &str, prediction: Var<'_, T>, target: Var<'_, T>) {
    let (p, t) = (prediction.shape(), target.shape());
    if p != t {
        let help = if p.size() == t.size() {
            format!("the elements are as many: `target.reshape({p})`?")
        } else {
            "losses do not broadcast; where it is meant, `broadcast_to` says so".to_owned()
        };
        prediction.fail(loss, &format!("prediction {p} and target {t} differ\n  help: {help}"));
    }
    if p.size() == 0 {
        prediction.fail(loss, &format!("prediction {p}: there is nothing to take the loss of"));
    }
}

/// The same for losses of whole rows, which lie along the last axis.
#[track_caller]
fn expect_rows<T: Real>(loss: &str, prediction: Var<'_, T>, target: Var<'_, T>) {
    expect_pair(loss, prediction, target);
    if prediction.shape().rank() == 0 {
        prediction.fail(loss, "prediction [] is a scalar, expected rows along the last axis");
    }
}

#[track_caller]
fn expect_positive(loss: &str, name: &str, x: f64) {
    assert!(x.is_finite() && x > 0.0, "{loss}: {name} {x}, expected a finite number above 0");
}
