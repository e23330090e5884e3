//! `AdaMax`.

use super::Descent;
use super::allowed::Allowed;
use super::rule::{Iteration, Rule, Vectors};
use crate::kernel::simd::{Element, Lanes};
use crate::kernel::update::{Formula, Twins, splat, update, weights};
use crate::real::Real;

/// [`Adam`](super::Adam) with the largest gradient of late in place of a moving average of squares.
///
/// ```text
/// m ← β₁ m + (1 − β₁) g
/// u ← max(β₂ u, |g| + ε)
/// θ ← θ − η/(1 − β₁ᵗ) · m/u
/// ```
///
/// η `learning_rate`, β₁ `beta1`, β₂ `beta2`, ε `epsilon` (inside the maximum), m `first_moment`, u `largest`; both begin
/// with 0. t counts from 1. u needs no correction of its start.
///
/// Defaults: η 0.002, β₁ 0.9, β₂ 0.999, those of the paper, and ε 10⁻⁸, as in PyTorch; the paper has no ε.
///
/// Nothing is squared, so that no gradient is too large for it.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let mut params = Params::<f64>::new();
/// let _ = params.add("x", [2], || 1.0);
/// let (mut gradient, mut optimizer) = (params.gradient(), AdaMax::new(0.1));
/// gradient.flat_mut().copy_from_slice(&[5.0, -0.01]);
/// optimizer.step(&mut params, &gradient); // the first step is η long in every direction: m is (1 − β₁) g, u is |g|
/// assert!(params.flat().iter().zip([0.9, 1.1]).all(|(x, y)| (x - y).abs() < 1e-6));
/// ```
///
/// # References
///
/// Kingma & Ba 2015, Adam: a method for stochastic optimization, section 7.1.
pub type AdaMax<T> = Descent<AdaMaxRule, T>;

/// The rule of [`AdaMax`].
#[derive(Clone, PartialEq, Debug)]
pub struct AdaMaxRule {
    beta1: f64,
    beta2: f64,
    epsilon: f64,
}

impl<T: Real> Descent<AdaMaxRule, T> {
    /// `AdaMax` with learning rate η.
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
    /// let optimizer = AdaMax::<f32>::new(0.1);
    /// assert_eq!((optimizer.learning_rate(), AdaMax::<f32>::default().learning_rate()), (0.1, 0.002));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn new(learning_rate: f64) -> Self {
        Self::with_rule(AdaMaxRule { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }, learning_rate)
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
    /// let (mut gradient, mut optimizer) = (params.gradient(), AdaMax::new(0.1).beta1(0.75));
    /// gradient.flat_mut().fill(8.0);
    /// optimizer.step(&mut params, &gradient);
    /// assert_eq!(optimizer.state().vector("first_moment"), Some(&[2.0][..]));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn beta1(mut self, beta1: f64) -> Self {
        self.rule_mut().beta1 = Self::checked("beta1", beta1, Allowed::Fraction);
        self
    }

    /// β₂, by which the largest gradient fades with every step; the default is 0.999.
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
    /// let (mut gradient, mut optimizer) = (params.gradient(), AdaMax::new(0.1).beta2(0.75));
    /// for g in [8.0, 1.0] {
    ///     gradient.flat_mut().fill(g);
    ///     optimizer.step(&mut params, &gradient);
    /// }
    /// assert!((optimizer.state().vector("largest").unwrap()[0] - 6.0).abs() < 1e-7); // 8, then 0.75 · 8
    /// ```
    #[must_use]
    #[track_caller]
    pub fn beta2(mut self, beta2: f64) -> Self {
        self.rule_mut().beta2 = Self::checked("beta2", beta2, Allowed::Fraction);
        self
    }

    /// ε, added to |g| so that a parameter without any gradient stays where it is; the default is 10⁻⁸, as in PyTorch.
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
    /// let mut params = Params::<f64>::new();
    /// let _ = params.add("x", [1], || 1.0);
    /// let mut gradient = params.gradient();
    /// gradient.flat_mut().fill(3.0);
    /// AdaMax::new(1.0).beta1(0.0).epsilon(1.0).step(&mut params, &gradient);
    /// assert_eq!(params.flat(), [1.0 - 3.0 / (3.0 + 1.0)]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.rule_mut().epsilon = Self::checked("epsilon", epsilon, Allowed::Positive);
        self
    }
}

impl<T: Real> Default for Descent<AdaMaxRule, T> {
    fn default() -> Self {
        Self::new(2e-3)
    }
}

impl Rule for AdaMaxRule {
    const NAME: &'static str = "AdaMax";

    fn vectors(&self) -> &'static [&'static str] {
        &["first_moment", "largest"]
    }

    fn update<T: Real>(&self, now: Iteration<T>, theta: &mut [T], gradient: &[T], vectors: Vectors<'_, T>) {
        let rate = now.learning_rate / now.bias_correction(self.beta1);
        let formula = ByLargest { rate, beta1: self.beta1, beta2: self.beta2, epsilon: self.epsilon };
        update(formula, now.before(), theta, gradient, vectors.split());
    }
}

/// m and u, and θ by them.
#[derive(Clone, Copy)]
struct ByLargest {
    rate: f64,
    beta1: f64,
    beta2: f64,
    epsilon: f64,
}

impl Formula<2> for ByLargest {
    #[inline(always)]
    fn next<T: Element, V: Lanes<T>>(self, theta: V, g: V, [m, u]: [V; 2]) -> (V, [V; 2]) {
        let [keep, take] = weights::<T, V>(self.beta1);
        let [rate, beta2, epsilon] = splat::<T, V, 3>([self.rate, self.beta2, self.epsilon]);
        let m = keep * m + take * g;
        let u = (beta2 * u).max(g.abs() + epsilon);
        (theta - rate * m / u, [m, u])
    }

    #[inline(never)]
    fn twins() -> Twins<Self, 2> {
        Twins::of()
    }
}
