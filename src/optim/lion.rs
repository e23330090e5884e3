//! Lion.

use super::Descent;
use super::allowed::Allowed;
use super::rule::{Iteration, Rule, Vectors};
use crate::kernel::simd::{Element, Lanes};
use crate::kernel::update::{Formula, Twins, sign, splat, update, weights};
use crate::real::Real;

/// Steps by the sign of momentum: all parameters move by η, and one vector is kept where Adam keeps two.
///
/// ```text
/// θ ← θ (1 − η λ)
/// θ ← θ − η sign(β₁ m + (1 − β₁) g)
/// m ← β₂ m + (1 − β₂) g
/// ```
///
/// η `learning_rate`, λ `weight_decay` (decoupled), β₁ `beta1`, β₂ `beta2`, m `momentum`, which begins with 0. sign(0) is 0;
/// no ε is needed.
///
/// Defaults: η 10⁻⁴, β₁ 0.9, β₂ 0.99, those of the paper, and λ = 0. The paper advises an η 3 to 10 times smaller than for
/// [`AdamW`](super::AdamW) and a λ as many times larger.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let mut params = Params::<f64>::new();
/// let _ = params.add("x", [3], || 1.0);
/// let (mut gradient, mut optimizer) = (params.gradient(), Lion::new(0.25));
/// gradient.flat_mut().copy_from_slice(&[5.0, -0.01, 0.0]);
/// optimizer.step(&mut params, &gradient);
/// assert_eq!(params.flat(), [0.75, 1.25, 1.0]);
/// ```
///
/// # References
///
/// Chen et al. 2023, Symbolic discovery of optimization algorithms.
pub type Lion<T> = Descent<LionRule, T>;

/// The rule of [`Lion`].
#[derive(Clone, PartialEq, Debug)]
pub struct LionRule {
    beta1: f64,
    beta2: f64,
}

impl<T: Real> Descent<LionRule, T> {
    /// Lion with learning rate η.
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
    /// let optimizer = Lion::<f32>::new(0.1);
    /// assert_eq!((optimizer.learning_rate(), Lion::<f32>::default().learning_rate()), (0.1, 1e-4));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn new(learning_rate: f64) -> Self {
        Self::with_rule(LionRule { beta1: 0.9, beta2: 0.99 }, learning_rate).decoupled_weight_decay(true)
    }

    /// β₁, the weight of the past in the direction of a step; the default is 0.9.
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
    /// let (mut gradient, mut optimizer) = (params.gradient(), Lion::new(0.25).beta1(0.0));
    /// for g in [100.0, -1.0] {
    ///     gradient.flat_mut().fill(g);
    ///     optimizer.step(&mut params, &gradient);
    /// }
    /// assert_eq!(params.flat(), [1.0]); // without a past the second gradient alone counts
    /// ```
    #[must_use]
    #[track_caller]
    pub fn beta1(mut self, beta1: f64) -> Self {
        self.rule_mut().beta1 = Self::checked("beta1", beta1, Allowed::Fraction);
        self
    }

    /// β₂, the weight of the past in what is kept; the default is 0.99.
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
    /// let (mut gradient, mut optimizer) = (params.gradient(), Lion::new(0.25).beta2(0.75));
    /// gradient.flat_mut().fill(8.0);
    /// optimizer.step(&mut params, &gradient);
    /// assert_eq!(optimizer.state().vector("momentum"), Some(&[2.0][..]));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn beta2(mut self, beta2: f64) -> Self {
        self.rule_mut().beta2 = Self::checked("beta2", beta2, Allowed::Fraction);
        self
    }
}

impl<T: Real> Default for Descent<LionRule, T> {
    fn default() -> Self {
        Self::new(1e-4)
    }
}

impl Rule for LionRule {
    const NAME: &'static str = "Lion";

    fn vectors(&self) -> &'static [&'static str] {
        &["momentum"]
    }

    fn update<T: Real>(&self, now: Iteration<T>, theta: &mut [T], gradient: &[T], vectors: Vectors<'_, T>) {
        let formula = Signed { rate: now.learning_rate, beta1: self.beta1, beta2: self.beta2 };
        update(formula, now.before(), theta, gradient, vectors.split());
    }
}

/// θ by m and g, and m.
#[derive(Clone, Copy)]
struct Signed {
    rate: f64,
    beta1: f64,
    beta2: f64,
}

impl Formula<1> for Signed {
    #[inline(always)]
    fn next<T: Element, V: Lanes<T>>(self, theta: V, g: V, [m]: [V; 1]) -> (V, [V; 1]) {
        let ([past, now], [keep, take]) = (weights::<T, V>(self.beta1), weights::<T, V>(self.beta2));
        let [rate] = splat::<T, V, 1>([self.rate]);
        (theta - rate * sign(past * m + now * g), [keep * m + take * g])
    }

    #[inline(never)]
    fn twins() -> Twins<Self, 1> {
        Twins::of()
    }
}
