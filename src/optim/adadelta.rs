//! `AdaDelta`.

use super::Descent;
use super::allowed::Allowed;
use super::rule::{Iteration, Rule, Vectors};
use crate::kernel::simd::{Element, Lanes};
use crate::kernel::update::{Formula, Twins, splat, update, weights};
use crate::real::Real;

/// Steps in the size of earlier steps: the units of θ, whatever those of the gradient.
///
/// ```text
/// G ← ρ G + (1 − ρ) g²
/// d = g √(D + ε)/√(G + ε)
/// D ← ρ D + (1 − ρ) d²
/// θ ← θ − η d
/// ```
///
/// η `learning_rate`, ρ `rho`, ε `epsilon` (inside both roots), G `mean_square`, D `mean_square_step`; both begin with 0.
///
/// Defaults: η 1, ρ 0.9, ε 10⁻⁶, as in PyTorch. The paper has no η, and tries ρ 0.95.
///
/// The first steps are about √(ε/(1 − ρ)) long, however large the gradient: ε is what they grow from, and the larger it is,
/// the sooner they are of use.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let mut params = Params::<f64>::new();
/// let _ = params.add("x", [1], || 1.0);
/// let (mut gradient, mut optimizer) = (params.gradient(), AdaDelta::new(1.0).rho(0.75).epsilon(0.25));
/// gradient.flat_mut().fill(3.0_f64.sqrt());
/// optimizer.step(&mut params, &gradient); // G is 0.75, so d is √3 · 0.5/1
/// assert!((params.flat()[0] - (1.0 - 0.5 * 3.0_f64.sqrt())).abs() < 1e-15);
/// ```
///
/// # References
///
/// Zeiler 2012, ADADELTA: an adaptive learning rate method.
pub type AdaDelta<T> = Descent<AdaDeltaRule, T>;

/// The rule of [`AdaDelta`].
#[derive(Clone, PartialEq, Debug)]
pub struct AdaDeltaRule {
    rho: f64,
    epsilon: f64,
}

impl<T: Real> Descent<AdaDeltaRule, T> {
    /// `AdaDelta` with learning rate η, which multiplies the step; 1 is the method of the paper.
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
    /// let optimizer = AdaDelta::<f32>::new(0.5);
    /// assert_eq!((optimizer.learning_rate(), AdaDelta::<f32>::default().learning_rate()), (0.5, 1.0));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn new(learning_rate: f64) -> Self {
        Self::with_rule(AdaDeltaRule { rho: 0.9, epsilon: 1e-6 }, learning_rate)
    }

    /// ρ, the weight of the past in both moving averages; the default is 0.9, as in PyTorch.
    ///
    /// # Panics
    ///
    /// If ρ is not in [0, 1).
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let _ = params.add("x", [1], || 1.0);
    /// let (mut gradient, mut optimizer) = (params.gradient(), AdaDelta::new(1.0).rho(0.5));
    /// for _ in 0..2 {
    ///     gradient.flat_mut().fill(2.0);
    ///     optimizer.step(&mut params, &gradient);
    /// }
    /// assert_eq!(optimizer.state().vector("mean_square"), Some(&[3.0][..])); // 2, then ½ · 2 + ½ · 4
    /// ```
    #[must_use]
    #[track_caller]
    pub fn rho(mut self, rho: f64) -> Self {
        self.rule_mut().rho = Self::checked("rho", rho, Allowed::Fraction);
        self
    }

    /// ε, added inside both roots; the default is 10⁻⁶, as in PyTorch.
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
    /// gradient.flat_mut().fill(4.0);
    /// AdaDelta::new(1.0).rho(0.0).epsilon(9.0).step(&mut params, &gradient);
    /// assert!((params.flat()[0] - (1.0 - 4.0 * 3.0 / 5.0)).abs() < 1e-15); // with ρ = 0, G = g²
    /// ```
    #[must_use]
    #[track_caller]
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.rule_mut().epsilon = Self::checked("epsilon", epsilon, Allowed::Positive);
        self
    }
}

impl<T: Real> Default for Descent<AdaDeltaRule, T> {
    fn default() -> Self {
        Self::new(1.0)
    }
}

impl Rule for AdaDeltaRule {
    const NAME: &'static str = "AdaDelta";

    fn vectors(&self) -> &'static [&'static str] {
        &["mean_square", "mean_square_step"]
    }

    fn update<T: Real>(&self, now: Iteration<T>, theta: &mut [T], gradient: &[T], vectors: Vectors<'_, T>) {
        let formula = Units { rate: now.learning_rate, rho: self.rho, epsilon: self.epsilon };
        update(formula, now.before(), theta, gradient, vectors.split());
    }
}

/// G, D, and θ by them.
#[derive(Clone, Copy)]
struct Units {
    rate: f64,
    rho: f64,
    epsilon: f64,
}

impl Formula<2> for Units {
    #[inline(always)]
    fn next<T: Element, V: Lanes<T>>(self, theta: V, g: V, [squares, steps]: [V; 2]) -> (V, [V; 2]) {
        let ([keep, take], [rate, epsilon]) = (weights::<T, V>(self.rho), splat::<T, V, 2>([self.rate, self.epsilon]));
        let squares = keep * squares + take * g * g;
        let d = (steps + epsilon).sqrt() / (squares + epsilon).sqrt() * g;
        (theta - rate * d, [squares, keep * steps + take * d * d])
    }

    #[inline(never)]
    fn twins() -> Twins<Self, 2> {
        Twins::of()
    }
}
