//! Angles.

use crate::real::Real;
use crate::tape::Var;

/// Mean of 1 − cos ∠(prediction, target), the vectors lying along the last axis: 0 for one direction, 2 for opposite ones.
///
/// | prediction, target | result |
/// |---|---|
/// | `[…, n]`, the same | `[]` |
///
/// Each vector is divided by its length first, so nothing overflows. A vector of zeros has no direction: it is left as
/// it is, costs 1 and gets a finite gradient (minus the other's direction).
///
/// # Panics
///
/// If the shapes differ, they are scalars, or the batch is empty.
///
/// # Examples
///
/// ```
/// use gradus::{nn::loss::cosine, prelude::*};
///
/// let target = array![[0.0, 2.0], [5.0, 0.0]];
/// assert_eq!(value(|x| cosine(x, x.constant(&target)), &array![[0.0, 9.0], [0.0, 1.0]]), 0.5);
/// ```
#[must_use]
#[track_caller]
pub fn cosine<'t, T: Real>(prediction: Var<'t, T>, target: Var<'t, T>) -> Var<'t, T> {
    each::cosine(prediction, target).mean()
}

/// The vectors along the last axis, each divided by its length; zeros stay.
#[track_caller]
fn direction<T: Real>(x: Var<'_, T>) -> Var<'_, T> {
    let length = x.norm_axis(crate::axes::keep(-1));
    x / length.eq(0.0).select(1.0, length)
}

pub(super) mod each {
    use super::super::expect_rows;
    use super::direction;
    use crate::real::Real;
    use crate::tape::Var;

    /// 1 − cos ∠(prediction, target) for each row; see [`cosine`](super::cosine).
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::{nn::loss::each, prelude::*};
    ///
    /// let target = array![[1.0, 0.0], [1.0, 0.0]];
    /// let sum = value(|x| each::cosine(x, x.constant(&target)).sum(), &array![[2.0, 0.0], [0.0, 3.0]]);
    /// assert!((sum - 1.0_f64).abs() < 1e-12);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn cosine<'t, T: Real>(prediction: Var<'t, T>, target: Var<'t, T>) -> Var<'t, T> {
        expect_rows("cosine", prediction, target);
        1.0 - (direction(prediction) * direction(target)).sum_axis(-1)
    }
}
