//! Penalties on the size of parameters, to be added to a loss.

use crate::real::{Real, Scalar};
use crate::tape::Var;

/// The sum of absolute values Σ|w|: a penalty that drives weights to exactly 0.
///
/// # Kinks
///
/// The slope at 0 is 0.
///
/// # Examples
///
/// ```
/// use gradus::{nn::loss::l1, prelude::*};
///
/// let (penalty, slope) = value_and_grad(|w| l1(w), &array![-2.0, 0.0, 3.0]);
/// assert_eq!((penalty, slope), (5.0, array![-1.0, 0.0, 1.0]));
/// ```
///
/// # References
///
/// Tibshirani 1996, Regression shrinkage and selection via the lasso.
#[must_use]
#[track_caller]
pub fn l1<T: Real>(w: Var<'_, T>) -> Var<'_, T> {
    w.abs().sum()
}

/// The sum of squares Σw², without a factor ½: a penalty that keeps weights small.
///
/// λ·l2 adds 2λw to the gradient: for plain gradient descent the same as a weight decay of 2λ.
///
/// # Examples
///
/// ```
/// use gradus::{nn::loss::l2, prelude::*};
///
/// let (penalty, slope) = value_and_grad(|w| l2(w), &array![-2.0, 3.0]);
/// assert_eq!((penalty, slope), (13.0, array![-4.0, 6.0]));
/// ```
///
/// # References
///
/// Hoerl, Kennard 1970, Ridge regression: biased estimation for nonorthogonal problems.
#[must_use]
#[track_caller]
pub fn l2<T: Real>(w: Var<'_, T>) -> Var<'_, T> {
    w.square().sum()
}

/// The elastic net λ₁·Σ|w| + λ₂·Σw².
///
/// Both weights are plain factors, as in the paper; scikit-learn's α and `l1_ratio` ρ are λ₁ = αρ and λ₂ = ½α(1 − ρ).
///
/// # Kinks
///
/// The slope of |w| at 0 is 0.
///
/// # Examples
///
/// ```
/// use gradus::{nn::loss::elastic_net, prelude::*};
///
/// assert_eq!(value(|w| elastic_net(w, 0.5, 0.1), &array![-2.0, 4.0]), 0.5 * 6.0 + 0.1 * 20.0);
/// ```
///
/// # References
///
/// Zou, Hastie 2005, Regularization and variable selection via the elastic net.
#[must_use]
#[track_caller]
pub fn elastic_net<T: Real>(w: Var<'_, T>, lambda1: impl Scalar, lambda2: impl Scalar) -> Var<'_, T> {
    l1(w) * lambda1 + l2(w) * lambda2
}
