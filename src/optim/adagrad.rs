//! AdaGrad.

use super::Descent;
use super::allowed::Allowed;
use super::rule::{Iteration, Rule, Vectors};
use crate::kernel::simd::{Element, Lanes};
use crate::kernel::update::{Formula, Twins, splat, update};
use crate::real::Real;

/// Gradient descent whose rate falls for each parameter with the squares of all its gradients so far.
///
/// ```text
/// G ← G + g²
/// θ ← θ − η g/(√G + ε)
/// ```
///
/// η `learning_rate`, ε `epsilon` (outside the root), G `squares`, which begins with `initial_squares`.
///
/// Defaults: η 0.01, ε 10⁻¹⁰, G begins with 0, as in PyTorch (which calls it `initial_accumulator_value`).
///
/// The paper calls ε δ and leaves its size open. PyTorch also offers a decay of η over time, which here is a schedule.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let mut params = Params::<f64>::new();
/// let _ = params.add("x", [2], || 1.0);
/// let (mut gradient, mut optimizer) = (params.gradient(), AdaGrad::new(0.1));
/// gradient.flat_mut().copy_from_slice(&[5.0, -0.01]);
/// optimizer.step(&mut params, &gradient); // the first step is η long in every direction
/// assert!(params.flat().iter().zip([0.9, 1.1]).all(|(x, y)| (x - y).abs() < 1e-8));
/// ```
///
/// # References
///
/// Duchi, Hazan & Singer 2011, Adaptive subgradient methods for online learning and stochastic optimization. Shafi
/// 2026, Gradient Descent (lecture notes, DS 4400), for the form above.
pub type AdaGrad<T> = Descent<AdaGradRule, T>;

/// The rule of [`AdaGrad`].
#[derive(Clone, PartialEq, Debug)]
pub struct AdaGradRule {
    epsilon: f64,
    initial_squares: f64,
}

impl<T: Real> Descent<AdaGradRule, T> {
    /// AdaGrad with learning rate η.
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
    /// let optimizer = AdaGrad::<f32>::new(0.1);
    /// assert_eq!((optimizer.learning_rate(), AdaGrad::<f32>::default().learning_rate()), (0.1, 0.01));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn new(learning_rate: f64) -> Self {
        Self::with_rule(AdaGradRule { epsilon: 1e-10, initial_squares: 0.0 }, learning_rate)
    }

    /// ε, added to the root so that a parameter without any gradient stays where it is; the default is 10⁻¹⁰, as in
    /// PyTorch.
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
    /// AdaGrad::new(1.0).epsilon(1.0).step(&mut params, &gradient);
    /// assert_eq!(params.flat(), [1.0 - 3.0 / (3.0 + 1.0)]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.rule_mut().epsilon = Self::checked("epsilon", epsilon, Allowed::Positive);
        self
    }

    /// What the sum of squares begins with: the larger, the shorter the first steps; the default is 0.
    ///
    /// # Panics
    ///
    /// If it is not a finite number ≥ 0.
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
    /// AdaGrad::new(1.0).initial_squares(16.0).step(&mut params, &gradient);
    /// assert!((params.flat()[0] - (1.0 - 3.0 / 5.0)).abs() < 1e-9); // G = 16 + 9
    /// ```
    #[must_use]
    #[track_caller]
    pub fn initial_squares(mut self, squares: f64) -> Self {
        self.rule_mut().initial_squares = Self::checked("initial_squares", squares, Allowed::NonNegative);
        self
    }
}

impl<T: Real> Default for Descent<AdaGradRule, T> {
    fn default() -> Self {
        Self::new(1e-2)
    }
}

impl Rule for AdaGradRule {
    const NAME: &'static str = "AdaGrad";

    fn vectors(&self) -> &'static [&'static str] {
        &["squares"]
    }

    fn initial(&self, _: &str) -> f64 {
        self.initial_squares
    }

    fn update<T: Real>(&self, now: Iteration<T>, theta: &mut [T], gradient: &[T], vectors: Vectors<'_, T>) {
        let formula = Summed { rate: now.learning_rate, epsilon: self.epsilon };
        update(formula, now.before(), theta, gradient, vectors.split());
    }
}

/// G, and θ by it.
#[derive(Clone, Copy)]
struct Summed {
    rate: f64,
    epsilon: f64,
}

impl Formula<1> for Summed {
    #[inline(always)]
    fn next<T: Element, V: Lanes<T>>(self, theta: V, g: V, [squares]: [V; 1]) -> (V, [V; 1]) {
        let [rate, epsilon] = splat::<T, V, 2>([self.rate, self.epsilon]);
        let squares = squares + g * g;
        (theta - rate * g / (squares.sqrt() + epsilon), [squares])
    }

    #[inline(never)]
    fn twins() -> Twins<Self, 1> {
        Twins::of()
    }
}
