//! Counts.

use crate::real::Real;
use crate::tape::Var;

/// Mean Poisson loss eˣ − t·x of logarithms of rates x with counts t: the negative logarithm of the likelihood without
/// what does not depend on x.
///
/// | log-rates, counts | result |
/// |---|---|
/// | any shape, the same | `[]` |
///
/// The slope is eˣ − t. A log-rate whose exponential overflows gives ∞, the true value.
///
/// # Panics
///
/// If the shapes differ or the batch is empty.
///
/// # Examples
///
/// ```
/// use gradus::{nn::loss::poisson, prelude::*};
///
/// let counts = array![1.0, 3.0];
/// let (loss, gradient) = value_and_grad(|x| poisson(x, x.constant(&counts)), &array![0.0, 0.0]);
/// assert_eq!((loss, gradient), (1.0, array![0.0, -1.0]));
/// ```
#[must_use]
#[track_caller]
pub fn poisson<'t, T: Real>(log_rate: Var<'t, T>, counts: Var<'t, T>) -> Var<'t, T> {
    each::poisson(log_rate, counts).mean()
}

/// The same with Stirling's approximation of ln t!, so that the loss is the whole negative log-likelihood:
/// eˣ − t·x + t·ln t − t + ½ ln(2πt), the added term being 0 for t ≤ 1.
///
/// It does not change the gradient for x. As `full=True` in PyTorch.
///
/// # Panics
///
/// If the shapes differ or the batch is empty.
///
/// # Examples
///
/// ```
/// use gradus::{nn::loss::poisson_full, prelude::*};
///
/// let loss = |count: f64| value(|x| poisson_full(x, x.constant(&array![count])), &array![0.0]);
/// assert_eq!(loss(1.0), 1.0); // ln 1! is 0
/// let exact = 1.0 + 3_628_800.0_f64.ln(); // 10!
/// assert!((loss(10.0) - exact).abs() < 0.01);
/// ```
#[must_use]
#[track_caller]
pub fn poisson_full<'t, T: Real>(log_rate: Var<'t, T>, counts: Var<'t, T>) -> Var<'t, T> {
    each::poisson_full(log_rate, counts).mean()
}

pub(super) mod each {
    use std::f64::consts::TAU;

    use super::super::expect_pair;
    use crate::real::Real;
    use crate::tape::Var;

    /// eˣ − t·x for each element; see [`poisson`](super::poisson).
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::{nn::loss::each, prelude::*};
    ///
    /// let sum = value(|x| each::poisson(x, x.constant(&array![3.0, 5.0])).sum(), &array![0.0, 0.0]);
    /// assert_eq!(sum, 1.0 + 1.0); // e⁰ − t · 0
    /// ```
    #[must_use]
    #[track_caller]
    pub fn poisson<'t, T: Real>(log_rate: Var<'t, T>, counts: Var<'t, T>) -> Var<'t, T> {
        expect_pair("poisson", log_rate, counts);
        log_rate.exp() - counts * log_rate
    }

    /// eˣ − t·x + ln t! by Stirling for each element; see [`poisson_full`](super::poisson_full).
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::{nn::loss::each, prelude::*};
    ///
    /// let sum = value(|x| each::poisson_full(x, x.constant(&array![1.0, 10.0])).sum(), &array![0.0, 0.0]);
    /// assert!((sum - (1.0 + 1.0 + 3_628_800.0_f64.ln())).abs() < 0.01); // ln 1! = 0, ln 10!
    /// ```
    #[must_use]
    #[track_caller]
    pub fn poisson_full<'t, T: Real>(log_rate: Var<'t, T>, counts: Var<'t, T>) -> Var<'t, T> {
        let loss = poisson(log_rate, counts);
        let many = counts.gt(1.0);
        // What is not chosen must be finite, too, or its derivative is NaN.
        let t = many.select(counts, 1.0);
        loss + many.select(t * t.ln() - t + (t * TAU).ln() * 0.5, 0.0)
    }
}
