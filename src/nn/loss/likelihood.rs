//! One label for each row.

use crate::op::Indices;
use crate::real::Real;
use crate::tape::Var;

/// Mean cross-entropy of logits with labels, in nats: −ln softmax(x)\[label\], the mean over the batch.
///
/// | logits | labels | result |
/// |---|---|---|
/// | `[batch, classes]` | one for each row, from 0 to classes − 1 | `[]` |
///
/// From logits, not probabilities: shifted by the row maximum, so nothing overflows. The slope is
/// (softmax(x) − one-hot)/batch. With label smoothing, class weights or a label to ignore: [`CrossEntropy`]; with
/// distributions instead of labels: [`soft_cross_entropy`].
///
/// [`CrossEntropy`]: super::CrossEntropy
/// [`soft_cross_entropy`]: super::soft_cross_entropy
///
/// # Panics
///
/// If the logits are no matrix, the batch is empty, or the labels do not fit in number or range.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let (loss, gradient) = value_and_grad(|x| cross_entropy(x, &[0]), &array![[0.0, 0.0]]);
/// assert_eq!((loss, gradient), (2.0_f64.ln(), array![[-0.5, 0.5]]));
/// ```
#[must_use]
#[track_caller]
pub fn cross_entropy<T: Real>(logits: Var<'_, T>, labels: impl Indices) -> Var<'_, T> {
    each::cross_entropy(logits, labels).mean()
}

/// Mean negative log-likelihood of labels, in nats, from log-probabilities x: −x\[label\], the mean over the batch.
///
/// | log-probabilities | labels | result |
/// |---|---|---|
/// | `[batch, classes]` | one for each row, from 0 to classes − 1 | `[]` |
///
/// `nll(x.log_softmax(1), labels)` is [`cross_entropy`] of x.
///
/// # Panics
///
/// If the log-probabilities are no matrix, the batch is empty, or the labels do not fit in number or range.
///
/// # Examples
///
/// ```
/// use gradus::{nn::loss::nll, prelude::*};
///
/// let (loss, gradient) = value_and_grad(|x| nll(x, &[1, 0]), &array![[-3.0, -1.0], [-2.0, -5.0]]);
/// assert_eq!((loss, gradient), (1.5, array![[0.0, -0.5], [-0.5, 0.0]]));
/// ```
#[must_use]
#[track_caller]
pub fn nll<T: Real>(log_probabilities: Var<'_, T>, labels: impl Indices) -> Var<'_, T> {
    each::nll(log_probabilities, labels).mean()
}

/// Refuses what is no non-empty matrix with one label for each row; returns the number of classes.
#[track_caller]
pub(super) fn expect_labelled<T: Real>(loss: &str, x: Var<'_, T>, labels: usize) -> usize {
    let shape = x.shape();
    if shape.rank() != 2 {
        x.fail(loss, &format!("logits {shape}, expected [batch, classes]"));
    }
    if shape.size() == 0 {
        x.fail(loss, &format!("logits {shape}: there is nothing to take the loss of"));
    }
    if labels != shape[0] {
        x.fail(loss, &format!("logits {shape} and {labels} labels: one label for each row is needed"));
    }
    shape[1]
}

pub(super) mod each {
    use super::expect_labelled;
    use crate::op::Indices;
    use crate::real::Real;
    use crate::tape::Var;

    /// −ln softmax(x)\[label\] for each row; see [`cross_entropy`](super::cross_entropy).
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::{nn::loss::each, prelude::*};
    ///
    /// let logits = array![[0.0, 0.0], [0.0, 3.0_f64.ln()]];
    /// let sum = value(|x| each::cross_entropy(x, &[1, 0]).sum(), &logits);
    /// assert!((sum - (2.0_f64.ln() + 4.0_f64.ln())).abs() < 1e-15);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn cross_entropy<T: Real>(logits: Var<'_, T>, labels: impl Indices) -> Var<'_, T> {
        logits.cross_entropy_rows(labels)
    }

    /// −x\[label\] for each row; see [`nll`](super::nll).
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::{nn::loss::each, prelude::*};
    ///
    /// assert_eq!(value(|x| each::nll(x, &[1, 0]).sum(), &array![[-1.0, -2.0], [-3.0, -4.0]]), 2.0 + 3.0);
    /// ```
    #[must_use]
    #[track_caller]
    #[allow(clippy::needless_pass_by_value, reason = "a reference is passed")]
    pub fn nll<T: Real>(log_probabilities: Var<'_, T>, labels: impl Indices) -> Var<'_, T> {
        let labels = labels.positions();
        let classes = expect_labelled("nll", log_probabilities, labels.len());
        let mut positions = Vec::with_capacity(labels.len());
        for (row, label) in labels.enumerate() {
            if label >= classes {
                log_probabilities
                    .fail("nll", &format!("label {label} at position {row}: expected 0 to {}", classes - 1));
            }
            positions.push(row * classes + label);
        }
        -log_probabilities.flatten().index_select(0, &positions)
    }
}
