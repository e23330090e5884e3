//! Distributions held against distributions.

use crate::real::Real;
use crate::tape::Var;

/// Mean cross-entropy of logits x with distributions t, in nats: −Σ t·ln softmax(x) over the last axis.
///
/// | logits, target | result |
/// |---|---|
/// | `[…, classes]`, the same | `[]` |
///
/// For labels that are not certain: soft labels, mixtures of two samples, the answers of another model. Rows of the
/// target should sum to 1; that is not checked. A class with t = 0 costs nothing, also where its logit is −∞.
///
/// # Panics
///
/// If the shapes differ, they are scalars, or the batch is empty.
///
/// # Examples
///
/// ```
/// use gradus::{nn::loss::soft_cross_entropy, prelude::*};
///
/// let target = array![[0.25, 0.75]];
/// let (loss, gradient) = value_and_grad(|x| soft_cross_entropy(x, x.constant(&target)), &array![[0.0, 0.0]]);
/// assert_eq!((loss, gradient), (2.0_f64.ln(), array![[0.25, -0.25]])); // softmax − target
/// ```
#[must_use]
#[track_caller]
pub fn soft_cross_entropy<'t, T: Real>(logits: Var<'t, T>, target: Var<'t, T>) -> Var<'t, T> {
    each::soft_cross_entropy(logits, target).mean()
}

/// Mean Kullback–Leibler divergence D(t ‖ q) = Σ t·(ln t − ln q) over the last axis, in nats, from log-probabilities
/// ln q and probabilities t.
///
/// | log-probabilities, target | result |
/// |---|---|
/// | `[…, classes]`, the same | `[]` |
///
/// The order of arguments is that of all losses and of `kl_div` in PyTorch: the prediction's *logarithms* first, then
/// the target, from which the divergence is taken. The other direction D(q ‖ t) is `kl_divergence(ln t, q)`. A target
/// given as logarithms (`log_target` in PyTorch) goes in as `log_t.exp()`.
///
/// The mean is over rows, each row summed: `reduction="batchmean"` in PyTorch for `[batch, classes]`. (Its `"mean"`
/// divides by the number of classes as well, which makes it no divergence.)
///
/// Where t = 0 value and derivatives are 0, also where q is 0.
///
/// # Panics
///
/// If the shapes differ, they are scalars, or the batch is empty.
///
/// # Examples
///
/// ```
/// use gradus::{nn::loss::kl_divergence, prelude::*};
///
/// let target = array![[1.0, 0.0]];
/// let d = value(|x| kl_divergence(x.log_softmax(1), x.constant(&target)), &array![[3.0, 3.0]]);
/// assert_eq!(d, 2.0_f64.ln());
/// ```
///
/// # References
///
/// Kullback, Leibler 1951, On information and sufficiency.
#[must_use]
#[track_caller]
pub fn kl_divergence<'t, T: Real>(log_probabilities: Var<'t, T>, target: Var<'t, T>) -> Var<'t, T> {
    each::kl_divergence(log_probabilities, target).mean()
}

pub(super) mod each {
    use super::super::expect_rows;
    use crate::real::Real;
    use crate::tape::Var;

    /// −Σ t·ln softmax(x) for each row; see [`soft_cross_entropy`](super::soft_cross_entropy).
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::{nn::loss::each, prelude::*};
    ///
    /// let target = array![[0.5, 0.5], [1.0, 0.0]];
    /// let sum = value(|x| each::soft_cross_entropy(x, x.constant(&target)).sum(), &array![[0.0, 0.0], [0.0, 0.0]]);
    /// assert!((sum - 2.0 * 2.0_f64.ln()).abs() < 1e-15);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn soft_cross_entropy<'t, T: Real>(logits: Var<'t, T>, target: Var<'t, T>) -> Var<'t, T> {
        expect_rows("soft_cross_entropy", logits, target);
        // 0·∞ is not 0: classes that do not count are taken out first.
        let log_q = target.eq(0.0).select(0.0, logits.log_softmax(-1));
        -(target * log_q).sum_axis(-1)
    }

    /// Σ t·(ln t − ln q) for each row; see [`kl_divergence`](super::kl_divergence).
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::{nn::loss::each, prelude::*};
    ///
    /// let target = array![[0.5, 0.5], [1.0, 0.0]];
    /// let log_q = array![[0.5_f64, 0.5], [0.5, 0.5]].ln();
    /// let sum = value(|x| each::kl_divergence(x, x.constant(&target)).sum(), &log_q);
    /// assert!((sum - (0.0 + 2.0_f64.ln())).abs() < 1e-15);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn kl_divergence<'t, T: Real>(log_probabilities: Var<'t, T>, target: Var<'t, T>) -> Var<'t, T> {
        expect_rows("kl_divergence", log_probabilities, target);
        let absent = target.eq(0.0);
        let log_t = absent.select(1.0, target).ln();
        let log_q = absent.select(0.0, log_probabilities);
        (target * (log_t - log_q)).sum_axis(-1)
    }
}
