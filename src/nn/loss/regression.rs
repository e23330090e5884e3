//! Squared and absolute error.

use crate::real::Real;
use crate::tape::Var;

/// Mean squared error (1/n)·Σ(prediction − target)².
///
/// | prediction, target | result |
/// |---|---|
/// | any shape, the same | `[]` |
///
/// There is no factor ½. The mean is over all elements, not over rows.
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
/// let target = array![1.0, 1.0];
/// let (loss, gradient) = value_and_grad(|x| mse(x, x.constant(&target)), &array![3.0, 2.0]);
/// assert_eq!((loss, gradient), (2.5, array![2.0, 1.0]));
/// ```
#[must_use]
#[track_caller]
pub fn mse<'t, T: Real>(prediction: Var<'t, T>, target: Var<'t, T>) -> Var<'t, T> {
    each::mse(prediction, target).mean()
}

/// Mean absolute error (1/n)·Σ|prediction − target|.
///
/// | prediction, target | result |
/// |---|---|
/// | any shape, the same | `[]` |
///
/// # Kinks
///
/// The slope where both are equal is 0.
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
/// let target = array![1.0, 1.0];
/// let (loss, gradient) = value_and_grad(|x| mae(x, x.constant(&target)), &array![3.0, 1.0]);
/// assert_eq!((loss, gradient), (1.0, array![0.5, 0.0]));
/// ```
#[must_use]
#[track_caller]
pub fn mae<'t, T: Real>(prediction: Var<'t, T>, target: Var<'t, T>) -> Var<'t, T> {
    each::mae(prediction, target).mean()
}

pub(super) mod each {
    use super::super::expect_pair;
    use crate::real::Real;
    use crate::tape::Var;

    /// (prediction − target)² for each element; see [`mse`](super::mse).
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::{nn::loss::each, prelude::*};
    ///
    /// let (target, weight) = (array![0.0, 0.0], array![1.0, 10.0]);
    /// let loss = value(|x| (each::mse(x, x.constant(&target)) * x.constant(&weight)).sum(), &array![3.0, 2.0]);
    /// assert_eq!(loss, 9.0 + 40.0);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn mse<'t, T: Real>(prediction: Var<'t, T>, target: Var<'t, T>) -> Var<'t, T> {
        expect_pair("mse", prediction, target);
        (prediction - target).square()
    }

    /// |prediction − target| for each element; see [`mae`](super::mae).
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::{nn::loss::each, prelude::*};
    ///
    /// let sum = value(|x| each::mae(x, x.constant(&array![1.0, 1.0])).sum(), &array![3.0, -2.0]);
    /// assert_eq!(sum, 2.0 + 3.0);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn mae<'t, T: Real>(prediction: Var<'t, T>, target: Var<'t, T>) -> Var<'t, T> {
        expect_pair("mae", prediction, target);
        (prediction - target).abs()
    }
}
