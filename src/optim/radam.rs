//! `RAdam`.

use super::Descent;
use super::adam::Moments;
use super::allowed::Allowed;
use super::rule::{Iteration, Rule, Vectors};
use crate::kernel::update::update;
use crate::real::Real;

/// [`Adam`](super::Adam) that waits until its moving average of squares can be relied on: momentum alone until then, and
/// shorter steps for a while after.
///
/// ```text
/// m ← β₁ m + (1 − β₁) g          m̂ = m/(1 − β₁ᵗ)
/// v ← β₂ v + (1 − β₂) g²
/// ρ∞ = 2/(1 − β₂) − 1            ρ = ρ∞ − 2t β₂ᵗ/(1 − β₂ᵗ)
/// ρ > 5:  r = √((ρ − 4)(ρ − 2) ρ∞/((ρ∞ − 4)(ρ∞ − 2) ρ))
///         θ ← θ − η r m̂ √(1 − β₂ᵗ)/(√v + ε)
/// else    θ ← θ − η m̂
/// ```
///
/// η `learning_rate`, β₁ `beta1`, β₂ `beta2`, ε `epsilon` (outside the root, and unlike Adam's not after the correction), m
/// `first_moment`, v `second_moment`; both begin with 0. t counts from 1.
///
/// Defaults: η 0.001, β₁ 0.9, β₂ 0.999, ε 10⁻⁸, as in PyTorch. With this β₂ the first five steps are by momentum alone:
/// their length is η|m̂|, where those of the other rules of the family are about η.
///
/// As in PyTorch, the border is ρ > 5; the paper has 4. In the steps by momentum alone, a gradient whose square overflows
/// makes NaN of its parameter.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let mut params = Params::<f64>::new();
/// let _ = params.add("x", [1], || 1.0);
/// let (mut gradient, mut optimizer) = (params.gradient(), RAdam::new(0.1));
/// gradient.flat_mut().fill(3.0);
/// optimizer.step(&mut params, &gradient); // m̂ is g
/// assert!((params.flat()[0] - (1.0 - 0.1 * 3.0)).abs() < 1e-15);
/// ```
///
/// # References
///
/// Liu et al. 2020, On the variance of the adaptive learning rate and beyond.
pub type RAdam<T> = Descent<RAdamRule, T>;

/// The rule of [`RAdam`].
#[derive(Clone, PartialEq, Debug)]
pub struct RAdamRule {
    beta1: f64,
    beta2: f64,
    epsilon: f64,
}

impl<T: Real> Descent<RAdamRule, T> {
    /// `RAdam` with learning rate η.
    ///
    /// # Panics
    ///
    /// If η is not a finite number ≥ 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let optimizer = RAdam::<f32>::new(0.1);
    /// assert_eq!((optimizer.learning_rate(), RAdam::<f32>::default().learning_rate()), (0.1, 0.001));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn new(learning_rate: f64) -> Self {
        Self::with_rule(RAdamRule { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }, learning_rate)
    }

    /// β₁, the weight of the past in the moving average of gradients; the default is 0.9.
    ///
    /// # Panics
    ///
    /// If β₁ is not in [0, 1).
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let _ = params.add("x", [1], || 1.0);
    /// let (mut gradient, mut optimizer) = (params.gradient(), RAdam::new(0.5).beta1(0.5));
    /// for g in [2.0, 8.0] {
    ///     gradient.flat_mut().fill(g);
    ///     optimizer.step(&mut params, &gradient);
    /// }
    /// assert_eq!(params.flat(), [1.0 - 0.5 * 2.0 - 0.5 * 6.0]); // m is 1, then 4.5; divided by 0.5 and 0.75
    /// ```
    #[must_use]
    #[track_caller]
    pub fn beta1(mut self, beta1: f64) -> Self {
        self.rule_mut().beta1 = Self::checked("beta1", beta1, Allowed::Fraction);
        self
    }

    /// β₂, the weight of the past in the moving average of squares; the default is 0.999.
    ///
    /// For β₂ ≤ 2/3, ρ never comes beyond 5, so that momentum alone is all there is.
    ///
    /// # Panics
    ///
    /// If β₂ is not in [0, 1).
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let _ = params.add("x", [1], || 1.0);
    /// let (mut gradient, mut optimizer) = (params.gradient(), RAdam::new(0.5).beta1(0.0).beta2(0.5));
    /// for _ in 0..100 {
    ///     gradient.flat_mut().fill(2.0);
    ///     optimizer.step(&mut params, &gradient);
    /// }
    /// assert_eq!(params.flat(), [1.0 - 100.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn beta2(mut self, beta2: f64) -> Self {
        self.rule_mut().beta2 = Self::checked("beta2", beta2, Allowed::Fraction);
        self
    }

    /// ε, added to the root so that a parameter without any gradient stays where it is; the default is 10⁻⁸.
    ///
    /// # Panics
    ///
    /// If ε is not a finite number > 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let run = |epsilon| {
    ///     let mut params = Params::<f64>::new();
    ///     let _ = params.add("x", [1], || 1.0);
    ///     let (mut gradient, mut optimizer) = (params.gradient(), RAdam::new(0.1).epsilon(epsilon));
    ///     for _ in 0..6 {
    ///         gradient.flat_mut().fill(3.0);
    ///         optimizer.step(&mut params, &gradient);
    ///     }
    ///     params.flat()[0]
    /// };
    /// assert!((run(1e300) - (1.0 - 5.0 * 0.3)).abs() < 1e-15); // nothing is left of the sixth step
    /// ```
    #[must_use]
    #[track_caller]
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.rule_mut().epsilon = Self::checked("epsilon", epsilon, Allowed::Positive);
        self
    }
}

impl<T: Real> Default for Descent<RAdamRule, T> {
    fn default() -> Self {
        Self::new(1e-3)
    }
}

impl Rule for RAdamRule {
    const NAME: &'static str = "RAdam";

    fn vectors(&self) -> &'static [&'static str] {
        &["first_moment", "second_moment"]
    }

    fn update<T: Real>(&self, now: Iteration<T>, theta: &mut [T], gradient: &[T], vectors: Vectors<'_, T>) {
        let &Self { beta1, beta2, epsilon } = self;
        let corrected = now.bias_correction(beta2);
        let longest = 2.0 / (1.0 - beta2) - 1.0;
        let length = longest - 2.0 * now.number as f64 * (1.0 - corrected) / corrected;
        let rate = now.learning_rate / now.bias_correction(beta1);
        let moments = if length > 5.0 {
            let rectified = (length - 4.0) * (length - 2.0) * longest / ((longest - 4.0) * (longest - 2.0) * length);
            Moments { beta1, beta2, rate: rate * (rectified * corrected).sqrt(), unbias: 1.0, epsilon }
        } else {
            // m/(0 · √v + 1)
            Moments { beta1, beta2, rate, unbias: 0.0, epsilon: 1.0 }
        };
        update(moments, now.before(), theta, gradient, vectors.split());
    }
}
