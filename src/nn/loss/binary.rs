//! Two classes.

use crate::op::Operand;
use crate::real::Real;
use crate::tape::Var;

/// Mean binary cross-entropy of logits x with targets t in [0, 1], in nats: −t·ln σ(x) − (1 − t)·ln(1 − σ(x)).
///
/// | logits, target | result |
/// |---|---|
/// | any shape, the same | `[]` |
///
/// Computed as t·softplus(−x) + (1 − t)·softplus(x), which neither overflows nor cancels. The slope is σ(x) − t.
///
/// # Panics
///
/// If the shapes differ or the batch is empty.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let target = array![1.0, 0.0];
/// let (loss, gradient) = value_and_grad(|x| bce_with_logits(x, x.constant(&target)), &array![0.0, 0.0]);
/// assert_eq!((loss, gradient), (2.0_f64.ln(), array![-0.25, 0.25]));
/// ```
#[must_use]
#[track_caller]
pub fn bce_with_logits<'t, T: Real>(logits: Var<'t, T>, target: Var<'t, T>) -> Var<'t, T> {
    each::bce_with_logits(logits, target).mean()
}

/// Mean binary cross-entropy with the positive class weighted: −w·t·ln σ(x) − (1 − t)·ln(1 − σ(x)).
///
/// | logits, target | weight of positives w | result |
/// |---|---|---|
/// | any shape, the same | a number, or a tensor that broadcasts to it | `[]` |
///
/// w = negatives/positives balances a data set. The mean is over elements, not weighted, as with `pos_weight` in
/// PyTorch.
///
/// # Panics
///
/// If the shapes differ, w does not broadcast to them, or the batch is empty.
///
/// # Examples
///
/// ```
/// use gradus::{nn::loss::bce_with_logits_weighted, prelude::*};
///
/// let target = array![1.0, 0.0];
/// let loss = value(|x| bce_with_logits_weighted(x, x.constant(&target), 3.0), &array![0.0, 0.0]);
/// assert_eq!(loss, 2.0 * 2.0_f64.ln()); // (3 ln 2 + ln 2)/2
/// ```
#[must_use]
#[track_caller]
pub fn bce_with_logits_weighted<'t, T: Real>(
    logits: Var<'t, T>,
    target: Var<'t, T>,
    positive_weight: impl Operand<'t, T>,
) -> Var<'t, T> {
    each::bce_with_logits_weighted(logits, target, positive_weight).mean()
}

/// Mean hinge loss max(0, 1 − t·x) of scores x with targets t of −1 or 1.
///
/// | scores, target | result |
/// |---|---|
/// | any shape, the same | `[]` |
///
/// # Kinks
///
/// The slope at t·x = 1 is 0.
///
/// # Panics
///
/// If the shapes differ or the batch is empty.
///
/// # Examples
///
/// ```
/// use gradus::{nn::loss::hinge, prelude::*};
///
/// let target = array![1.0, -1.0];
/// let (loss, gradient) = value_and_grad(|x| hinge(x, x.constant(&target)), &array![2.0, 0.5]);
/// assert_eq!((loss, gradient), (0.75, array![0.0, 0.5])); // (0 + 1.5)/2
/// ```
///
/// # References
///
/// Cortes, Vapnik 1995, Support-vector networks.
#[must_use]
#[track_caller]
pub fn hinge<'t, T: Real>(scores: Var<'t, T>, target: Var<'t, T>) -> Var<'t, T> {
    each::hinge(scores, target).mean()
}

pub(super) mod each {
    use super::super::expect_pair;
    use crate::op::Operand;
    use crate::real::Real;
    use crate::tape::Var;

    /// Binary cross-entropy for each element; see [`bce_with_logits`](super::bce_with_logits).
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::{nn::loss::each, prelude::*};
    ///
    /// let sum = value(|x| each::bce_with_logits(x, x.constant(&array![1.0, 0.0])).sum(), &array![0.0, 0.0]);
    /// assert!((sum - 2.0 * 2.0_f64.ln()).abs() < 1e-15);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn bce_with_logits<'t, T: Real>(logits: Var<'t, T>, target: Var<'t, T>) -> Var<'t, T> {
        expect_pair("bce_with_logits", logits, target);
        target * (-logits).softplus() + (1.0 - target) * logits.softplus()
    }

    /// Binary cross-entropy with the positive class weighted, for each element; see
    /// [`bce_with_logits_weighted`](super::bce_with_logits_weighted).
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::{nn::loss::each, prelude::*};
    ///
    /// let target = array![1.0, 0.0];
    /// let sum = value(|x| each::bce_with_logits_weighted(x, x.constant(&target), 3.0).sum(), &array![0.0, 0.0]);
    /// assert!((sum - (3.0 + 1.0) * 2.0_f64.ln()).abs() < 1e-15);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn bce_with_logits_weighted<'t, T: Real>(
        logits: Var<'t, T>,
        target: Var<'t, T>,
        positive_weight: impl Operand<'t, T>,
    ) -> Var<'t, T> {
        expect_pair("bce_with_logits", logits, target);
        let weight = positive_weight.var(logits);
        let (own, shape) = (weight.shape(), logits.shape());
        if !own.broadcasts_to(&shape) {
            logits.fail("bce_with_logits", &format!("weight of positives {own} does not broadcast to {shape}"));
        }
        weight * target * (-logits).softplus() + (1.0 - target) * logits.softplus()
    }

    /// max(0, 1 − t·x) for each element; see [`hinge`](super::hinge).
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::{nn::loss::each, prelude::*};
    ///
    /// let sum = value(|x| each::hinge(x, x.constant(&array![1.0, -1.0])).sum(), &array![2.0, 0.5]);
    /// assert_eq!(sum, 0.0 + 1.5);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn hinge<'t, T: Real>(scores: Var<'t, T>, target: Var<'t, T>) -> Var<'t, T> {
        expect_pair("hinge", scores, target);
        (1.0 - target * scores).relu()
    }
}
