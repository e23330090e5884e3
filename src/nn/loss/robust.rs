//! Errors that are squared near 0 and absolute far from it, so that outliers pull with bounded force.

use crate::real::Real;
use crate::tape::Var;

/// Mean Huber loss: with d = prediction − target, ½d² for |d| ≤ δ, δ(|d| − ½δ) beyond.
///
/// | prediction, target | result |
/// |---|---|
/// | any shape, the same | `[]` |
///
/// The slope is d limited to [−δ, δ]. PyTorch's default for δ is 1.
///
/// # Kinks
///
/// The slope is continuous; the curvature at |d| = δ is taken as 0.
///
/// # Panics
///
/// If δ is not a positive number, the shapes differ or the batch is empty.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let target = array![0.0, 0.0];
/// let (loss, gradient) = value_and_grad(|x| huber(x, x.constant(&target), 1.0), &array![1.0, 3.0]);
/// assert_eq!((loss, gradient), (1.5, array![0.5, 0.5])); // (0.5 + 2.5)/2
/// ```
///
/// # References
///
/// Huber 1964, Robust estimation of a location parameter.
#[must_use]
#[track_caller]
pub fn huber<'t, T: Real>(prediction: Var<'t, T>, target: Var<'t, T>, delta: f64) -> Var<'t, T> {
    each::huber(prediction, target, delta).mean()
}

/// Mean smooth L1 loss: with d = prediction − target, ½d²/β for |d| ≤ β, |d| − ½β beyond.
///
/// | prediction, target | result |
/// |---|---|
/// | any shape, the same | `[]` |
///
/// [`huber`]/β: the slope far out is 1 whatever β is. PyTorch's default for β is 1; for β → 0 it becomes
/// [`mae`](super::mae).
///
/// # Panics
///
/// If β is not a positive number, the shapes differ or the batch is empty.
///
/// # Examples
///
/// ```
/// use gradus::{nn::loss::smooth_l1, prelude::*};
///
/// let target = array![0.0, 0.0];
/// assert_eq!(value(|x| smooth_l1(x, x.constant(&target), 2.0), &array![2.0, 4.0]), 2.0); // (1 + 3)/2
/// ```
///
/// # References
///
/// Girshick 2015, Fast R-CNN (section 2.3).
#[must_use]
#[track_caller]
pub fn smooth_l1<'t, T: Real>(prediction: Var<'t, T>, target: Var<'t, T>, beta: f64) -> Var<'t, T> {
    each::smooth_l1(prediction, target, beta).mean()
}

/// Mean of ln cosh(prediction − target): like ½d² near 0 and |d| − ln 2 far from it, smooth everywhere.
///
/// | prediction, target | result |
/// |---|---|
/// | any shape, the same | `[]` |
///
/// The slope is tanh d. Near 0 it is computed as ½ ln(1 + sinh² d), which keeps all digits, elsewhere as
/// |d| + ln(1 + e^(−2|d|)) − ln 2, which does not overflow.
///
/// # Panics
///
/// If the shapes differ or the batch is empty.
///
/// # Examples
///
/// ```
/// use gradus::{nn::loss::log_cosh, prelude::*};
///
/// let target = array![0.0];
/// let far = value(|x| log_cosh(x, x.constant(&target)), &array![1e4]);
/// assert_eq!(far, 1e4 - 2.0_f64.ln());
/// ```
#[must_use]
#[track_caller]
pub fn log_cosh<'t, T: Real>(prediction: Var<'t, T>, target: Var<'t, T>) -> Var<'t, T> {
    each::log_cosh(prediction, target).mean()
}

pub(super) mod each {
    use std::f64::consts::LN_2;

    use super::super::{expect_pair, expect_positive};
    use crate::real::Real;
    use crate::tape::Var;

    /// ½d² for |d| ≤ δ, δ(|d| − ½δ) beyond, for each element; see [`huber`](super::huber).
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::{nn::loss::each, prelude::*};
    ///
    /// let sum = value(|x| each::huber(x, x.constant(&array![0.0, 0.0]), 1.0).sum(), &array![1.0, 3.0]);
    /// assert_eq!(sum, 0.5 + 2.5);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn huber<'t, T: Real>(prediction: Var<'t, T>, target: Var<'t, T>, delta: f64) -> Var<'t, T> {
        expect_pair("huber", prediction, target);
        expect_positive("huber", "delta", delta);
        let d = prediction - target;
        // One formula for both sides; nothing is squared that could overflow.
        let limited = d.clamp(-delta, delta);
        limited * (d - 0.5 * limited)
    }

    /// ½d²/β for |d| ≤ β, |d| − ½β beyond, for each element; see [`smooth_l1`](super::smooth_l1).
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::{nn::loss::each, prelude::*};
    ///
    /// let sum = value(|x| each::smooth_l1(x, x.constant(&array![0.0, 0.0]), 2.0).sum(), &array![2.0, 4.0]);
    /// assert_eq!(sum, 1.0 + 3.0);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn smooth_l1<'t, T: Real>(prediction: Var<'t, T>, target: Var<'t, T>, beta: f64) -> Var<'t, T> {
        expect_pair("smooth_l1", prediction, target);
        expect_positive("smooth_l1", "beta", beta);
        let d = prediction - target;
        let limited = d.clamp(-beta, beta);
        limited / beta * (d - 0.5 * limited)
    }

    /// ln cosh(prediction − target) for each element; see [`log_cosh`](super::log_cosh).
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::{nn::loss::each, prelude::*};
    ///
    /// let sum = value(|x| each::log_cosh(x, x.constant(&array![0.0, 0.0])).sum(), &array![1.0, -1.0]);
    /// assert!((sum - 2.0 * 1.0_f64.cosh().ln()).abs() < 1e-15);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn log_cosh<'t, T: Real>(prediction: Var<'t, T>, target: Var<'t, T>) -> Var<'t, T> {
        expect_pair("log_cosh", prediction, target);
        let d = prediction - target;
        let size = d.abs();
        let near = size.lt(1.0);
        // What is not chosen must be finite, too, or its derivative is NaN.
        let small = near.select(d, 0.0);
        near.select(small.sinh().square().ln_1p() * 0.5, size + (size * -2.0).softplus() - LN_2)
    }
}
