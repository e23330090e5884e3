//! Nesterov momentum as it was stated: the gradient is taken ahead.

use super::Descent;
use super::allowed::Allowed;
use super::rule::{Iteration, Rule, Vectors};
use crate::kernel::simd::{Element, Lanes};
use crate::kernel::update::{Before, Formula, Twins, splat, update};
use crate::real::Real;

/// Momentum whose gradient is taken where the velocity is about to lead.
///
/// ```text
/// prepare    θ̃ = θ + β v
/// backward   g = ∇L(θ̃)
/// step       v ← β v − η g,   θ ← θ + v
/// ```
///
/// η `learning_rate`, β `momentum`, v `velocity` (0 before the first step), θ `iterate`, kept while the parameters hold
/// θ̃. [`prepare`](super::Optimizer::prepare) moves the parameters to θ̃, and a step without it panics; after every
/// `step` they hold θ again, to the bit, so that what is measured or saved then is a true iterate. Weight decay that is
/// coupled adds λθ̃ to g, being part of the gradient; decoupled, it shrinks θ.
///
/// Defaults: β 0.9.
///
/// Against the lecture notes: their eq. 31–33 have θ̃ = θ + βv, v ← βv + ηg and θ ← θ − v, where v points uphill, so that
/// θ + βv looks *back*. Here v points downhill in all three lines, which is the form of Sutskever et al. (θ̃ = θ − βv makes
/// theirs consistent too, and gives the same θ.) With η and β constant, the points θ̃ are those that
/// [`Sgd::nesterov`](super::Sgd::nesterov) walks through, which needs no preparation and keeps one vector less.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let mut params = Params::<f64>::new();
/// let x = params.add("x", [1], || 1.0);
/// let (mut tape, mut gradient) = (Tape::new(), params.gradient());
/// let mut optimizer = NesterovLookahead::new(0.25).momentum(0.5);
/// for _ in 0..2 {
///     optimizer.prepare(&mut params);
///     tape.record(&params).param(x).square().sum().backward(&mut gradient);
///     optimizer.step(&mut params, &gradient);
/// }
/// // v is −0.25 · 2, θ is 0.5; then θ̃ is 0.25, and v is −0.25 − 0.25 · 0.5
/// assert_eq!(params.flat(), [0.5 - 0.375]);
/// ```
///
/// # References
///
/// Nesterov 1983, A method for solving the convex programming problem with convergence rate O(1/k²). Sutskever et al.
/// 2013, On the importance of initialization and momentum in deep learning. Ruiz Correa 2026, Machine Learning (lecture
/// notes), eq. 31–33.
pub type NesterovLookahead<T> = Descent<NesterovLookaheadRule, T>;

/// The rule of [`NesterovLookahead`].
#[derive(Clone, PartialEq, Debug)]
pub struct NesterovLookaheadRule {
    momentum: f64,
}

impl<T: Real> Descent<NesterovLookaheadRule, T> {
    /// Look-ahead momentum with learning rate η and β = 0.9.
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
    /// let optimizer = NesterovLookahead::<f64>::new(0.1);
    /// assert_eq!(optimizer.state().iter().map(|(name, _)| name).collect::<Vec<_>>(), ["velocity", "iterate"]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn new(learning_rate: f64) -> Self {
        Self::with_rule(NesterovLookaheadRule { momentum: 0.9 }, learning_rate)
    }

    /// Momentum β; with 0 it is plain gradient descent.
    ///
    /// # Panics
    ///
    /// If β is not in [0, 1).
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let _ = params.add("x", [1], || 1.0);
    /// let (mut gradient, mut optimizer) = (params.gradient(), NesterovLookahead::new(0.5).momentum(0.75));
    /// gradient.flat_mut().fill(1.0);
    /// optimizer.prepare(&mut params);
    /// optimizer.step(&mut params, &gradient); // θ = 1 − 0.5
    /// optimizer.prepare(&mut params);
    /// assert_eq!(params.flat(), [0.5 - 0.75 * 0.5]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn momentum(mut self, beta: f64) -> Self {
        self.rule_mut().momentum = Self::checked("momentum", beta, Allowed::Fraction);
        self
    }
}

impl Rule for NesterovLookaheadRule {
    const NAME: &'static str = "NesterovLookahead";
    const LOOKS_AHEAD: bool = true;

    fn vectors(&self) -> &'static [&'static str] {
        &["velocity", "iterate"]
    }

    fn update<T: Real>(&self, now: Iteration<T>, theta: &mut [T], gradient: &[T], vectors: Vectors<'_, T>) {
        let before = now.before();
        let formula = Onward { rate: now.learning_rate, beta: self.momentum, shrink: before.shrink };
        update(formula, before, theta, gradient, vectors.split());
    }

    fn look_ahead<T: Real>(&self, theta: &mut [T], vectors: Vectors<'_, T>) {
        let [velocity, iterate] = vectors.split();
        update(Ahead { beta: self.momentum }, Before::NOTHING, theta, velocity, [iterate]);
    }

    fn look_back<T: Real>(&self, theta: &mut [T], vectors: Vectors<'_, T>) {
        let [_, iterate] = vectors.split();
        theta.copy_from_slice(iterate);
    }
}

/// θ̃ by the velocity, and θ to come back to.
#[derive(Clone, Copy)]
struct Ahead {
    beta: f64,
}

impl Formula<1> for Ahead {
    #[inline(always)]
    fn next<T: Element, V: Lanes<T>>(self, theta: V, velocity: V, _: [V; 1]) -> (V, [V; 1]) {
        let [beta] = splat::<T, V, 1>([self.beta]);
        (theta + beta * velocity, [theta])
    }

    #[inline(never)]
    fn twins() -> Twins<Self, 1> {
        Twins::of()
    }
}

/// v by the gradient at θ̃, and θ by it.
#[derive(Clone, Copy)]
struct Onward {
    rate: f64,
    beta: f64,
    shrink: f64,
}

impl Formula<2> for Onward {
    #[inline(always)]
    fn next<T: Element, V: Lanes<T>>(self, _: V, g: V, [velocity, iterate]: [V; 2]) -> (V, [V; 2]) {
        let [rate, beta, shrink] = splat::<T, V, 3>([self.rate, self.beta, self.shrink]);
        let velocity = beta * velocity - rate * g;
        (shrink * iterate + velocity, [velocity, iterate])
    }

    #[inline(never)]
    fn twins() -> Twins<Self, 2> {
        Twins::of()
    }
}
