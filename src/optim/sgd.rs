//! Gradient descent, plain and with momentum.

use super::Descent;
use super::allowed::Allowed;
use super::rule::{Iteration, Rule, Vectors};
use crate::kernel::simd::{Element, Lanes};
use crate::kernel::update::{Formula, Twins, splat, update};
use crate::real::Real;

/// Gradient descent; the batch decides whether it is called batch, stochastic or mini-batch.
///
/// ```text
/// plain              θ ← θ − η g
/// momentum(β)        v ← β v + (1 − dampening) g, first step v = g;   θ ← θ − η v
/// nesterov(β)        v ← β v + g;                                     θ ← θ − η (g + β v)
/// ema_momentum(β)    v ← β v + (1 − β) g;                             θ ← θ − η v
/// ```
///
/// η `learning_rate`, v `velocity` (0 before the first step). Of the three kinds of momentum the last one asked for
/// counts.
///
/// Defaults: plain; no dampening, as in PyTorch. β is commonly 0.9.
///
/// `momentum` and `nesterov` are PyTorch's forms, where η multiplies v: in Sutskever et al. η stands inside v, which is
/// the same as long as η does not change. `nesterov` is the look-ahead gradient after a change of variables. With
/// `ema_momentum` steps are 1 − β times as long as with `momentum` once v has settled.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let mut params = Params::<f64>::new();
/// let _ = params.add("x", [1], || 1.0);
/// let (mut gradient, mut optimizer) = (params.gradient(), Sgd::new(0.5).momentum(0.5));
/// for _ in 0..2 {
///     gradient.flat_mut().fill(1.0);
///     optimizer.step(&mut params, &gradient);
/// }
/// assert_eq!(params.flat(), [1.0 - 0.5 * 1.0 - 0.5 * 1.5]); // v is 1, then 0.5 · 1 + 1
/// ```
///
/// # References
///
/// Polyak 1964, Some methods of speeding up the convergence of iteration methods. Nesterov 1983, A method for solving
/// the convex programming problem with convergence rate O(1/k²). Sutskever et al. 2013, On the importance of initialization
/// and momentum in deep learning. Shafi 2026, Gradient Descent (lecture notes, DS 4400), for `momentum`; Ruiz Correa
/// 2026, Machine Learning (lecture notes), eq. 29–30, for `ema_momentum`.
pub type Sgd<T> = Descent<SgdRule, T>;

/// The rule of [`Sgd`].
#[derive(Clone, PartialEq, Debug)]
pub struct SgdRule(Momentum);

#[derive(Clone, Copy, PartialEq, Debug)]
enum Momentum {
    None,
    HeavyBall { beta: f64, dampening: f64 },
    Nesterov { beta: f64 },
    Average { beta: f64 },
}

impl<T: Real> Descent<SgdRule, T> {
    /// Plain gradient descent with learning rate η.
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
    /// let mut params = Params::<f64>::new();
    /// let _ = params.add("x", [1], || 1.0);
    /// let mut gradient = params.gradient();
    /// gradient.flat_mut().fill(4.0);
    /// Sgd::new(0.1).step(&mut params, &gradient);
    /// assert_eq!(params.flat(), [1.0 - 0.1 * 4.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn new(learning_rate: f64) -> Self {
        Self::with_rule(SgdRule(Momentum::None), learning_rate)
    }

    /// Heavy-ball momentum β; 0 switches momentum off.
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
    /// let optimizer = Sgd::<f64>::new(0.1).momentum(0.9);
    /// assert_eq!(optimizer.state().iter().map(|(name, _)| name).collect::<Vec<_>>(), ["velocity"]);
    /// assert_eq!(optimizer.momentum(0.0).state().iter().len(), 0);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn momentum(mut self, beta: f64) -> Self {
        let beta = Self::checked("momentum", beta, Allowed::Fraction);
        let momentum = Momentum::HeavyBall { beta, dampening: 0.0 };
        self.rule_mut().0 = if beta == 0.0 { Momentum::None } else { momentum };
        self
    }

    /// Dampening of the heavy ball: every gradient but the first enters the velocity with 1 − dampening;
    /// the default is 0.
    ///
    /// # Panics
    ///
    /// If it is not in [0, 1), or not preceded by [`momentum`](Sgd::momentum) with β > 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let _ = params.add("x", [1], || 0.0);
    /// let (mut gradient, mut optimizer) = (params.gradient(), Sgd::new(1.0).momentum(0.5).dampening(0.75));
    /// for _ in 0..2 {
    ///     gradient.flat_mut().fill(1.0);
    ///     optimizer.step(&mut params, &gradient);
    /// }
    /// assert_eq!(params.flat(), [-1.0 - (0.5 * 1.0 + 0.25 * 1.0)]); // v is 1, then 0.75
    /// ```
    #[must_use]
    #[track_caller]
    pub fn dampening(mut self, dampening: f64) -> Self {
        let dampening = Self::checked("dampening", dampening, Allowed::Fraction);
        let Momentum::HeavyBall { beta, .. } = self.rule.0 else {
            panic!(
                "Sgd: dampening is {dampening}, expected none without heavy-ball momentum\n  help: call `.momentum(0.9)` first"
            )
        };
        self.rule_mut().0 = Momentum::HeavyBall { beta, dampening };
        self
    }

    /// Nesterov momentum β in PyTorch's form.
    ///
    /// # Panics
    ///
    /// If β is not in (0, 1): without momentum there is nothing to look ahead with.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let _ = params.add("x", [1], || 0.0);
    /// let mut gradient = params.gradient();
    /// gradient.flat_mut().fill(1.0);
    /// Sgd::new(1.0).nesterov(0.5).step(&mut params, &gradient);
    /// assert_eq!(params.flat(), [-(1.0 + 0.5 * 1.0)]); // g + β v, and v = g
    /// ```
    #[must_use]
    #[track_caller]
    pub fn nesterov(mut self, beta: f64) -> Self {
        let beta = Self::checked("nesterov", beta, Allowed::PositiveFraction);
        self.rule_mut().0 = Momentum::Nesterov { beta };
        self
    }

    /// Momentum as a moving average of gradients with weight β of the past; 0 switches momentum off.
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
    /// let _ = params.add("x", [1], || 0.0);
    /// let mut gradient = params.gradient();
    /// gradient.flat_mut().fill(1.0);
    /// Sgd::new(1.0).ema_momentum(0.75).step(&mut params, &gradient);
    /// assert_eq!(params.flat(), [-0.25]); // v = (1 − 0.75) g
    /// ```
    #[must_use]
    #[track_caller]
    pub fn ema_momentum(mut self, beta: f64) -> Self {
        let beta = Self::checked("ema_momentum", beta, Allowed::Fraction);
        self.rule_mut().0 = if beta == 0.0 { Momentum::None } else { Momentum::Average { beta } };
        self
    }
}

impl Rule for SgdRule {
    const NAME: &'static str = "Sgd";

    fn vectors(&self) -> &'static [&'static str] {
        if self.0 == Momentum::None { &[] } else { &["velocity"] }
    }

    fn update<T: Real>(&self, now: Iteration<T>, theta: &mut [T], gradient: &[T], vectors: Vectors<'_, T>) {
        let rate = now.learning_rate;
        let (beta, take, ahead) = match self.0 {
            Momentum::None => return update(Downhill { rate }, now.before(), theta, gradient, vectors.split()),
            Momentum::HeavyBall { beta, .. } if now.number == 1 => (beta, 1.0, false),
            Momentum::HeavyBall { beta, dampening } => (beta, 1.0 - dampening, false),
            Momentum::Nesterov { beta } => (beta, 1.0, true),
            Momentum::Average { beta } => (beta, 1.0 - beta, false),
        };
        let formula = Rolling { rate, beta, take, ahead };
        update(formula, now.before(), theta, gradient, vectors.split());
    }
}

/// θ by g.
#[derive(Clone, Copy)]
struct Downhill {
    rate: f64,
}

impl Formula<0> for Downhill {
    #[inline(always)]
    fn next<T: Element, V: Lanes<T>>(self, theta: V, g: V, _: [V; 0]) -> (V, [V; 0]) {
        let [rate] = splat::<T, V, 1>([self.rate]);
        (theta - rate * g, [])
    }

    #[inline(never)]
    fn twins() -> Twins<Self, 0> {
        Twins::of()
    }
}

/// v, and θ by it, or by where it will be in the next step.
#[derive(Clone, Copy)]
struct Rolling {
    rate: f64,
    beta: f64,
    take: f64,
    ahead: bool,
}

impl Formula<1> for Rolling {
    #[inline(always)]
    fn next<T: Element, V: Lanes<T>>(self, theta: V, g: V, [velocity]: [V; 1]) -> (V, [V; 1]) {
        let [rate, beta, take] = splat::<T, V, 3>([self.rate, self.beta, self.take]);
        let velocity = beta * velocity + take * g;
        let direction = if self.ahead { g + beta * velocity } else { velocity };
        (theta - rate * direction, [velocity])
    }

    #[inline(never)]
    fn twins() -> Twins<Self, 1> {
        Twins::of()
    }
}
