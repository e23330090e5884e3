//! Adam.

use super::Descent;
use super::allowed::Allowed;
use super::rule::{Iteration, Rule, Vectors};
use crate::kernel::simd::{Element, Lanes};
use crate::kernel::update::{Formula, Twins, splat, update, weights};
use crate::real::Real;

/// Momentum divided by the size of each parameter's gradient, both as moving averages freed from their start at 0.
///
/// ```text
/// m ← β₁ m + (1 − β₁) g          m̂ = m/(1 − β₁ᵗ)
/// v ← β₂ v + (1 − β₂) g²         v̂ = v/(1 − β₂ᵗ)
/// amsgrad:  u ← max(u, v)        v̂ = u/(1 − β₂ᵗ)
/// θ ← θ − η m̂/(√v̂ + ε)
/// ```
///
/// η `learning_rate`, β₁ `beta1`, β₂ `beta2`, ε `epsilon` (outside the root, after the correction), m `first_moment`,
/// v `second_moment`, u `largest_second_moment`; all begin with 0. t counts from 1.
///
/// Defaults: η 0.001, β₁ 0.9, β₂ 0.999, ε 10⁻⁸, those of the paper; no AMSGrad.
///
/// As in PyTorch, the maximum of AMSGrad is taken before the bias correction, where the paper has no correction at all;
/// weight decay is L2, which Adam divides away for parameters with large gradients: [`AdamW`](super::AdamW) is usually
/// meant.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let mut params = Params::<f64>::new();
/// let _ = params.add("x", [2], || 1.0);
/// let (mut gradient, mut optimizer) = (params.gradient(), Adam::new(0.1));
/// gradient.flat_mut().copy_from_slice(&[5.0, -0.01]);
/// optimizer.step(&mut params, &gradient); // the first step is η long in every direction: m̂ = g, v̂ = g²
/// assert!(params.flat().iter().zip([0.9, 1.1]).all(|(x, y)| (x - y).abs() < 1e-6));
/// ```
///
/// # References
///
/// Kingma & Ba 2015, Adam: a method for stochastic optimization. Reddi, Kale & Kumar 2018, On the convergence of Adam
/// and beyond (AMSGrad). Shafi 2026, Gradient Descent (lecture notes, DS 4400).
pub type Adam<T> = Descent<AdamRule<false>, T>;

/// The rule of [`Adam`] and of [`AdamW`](super::AdamW), which differ in their name and in how weight decay begins.
#[derive(Clone, PartialEq, Debug)]
pub struct AdamRule<const DECOUPLED: bool> {
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    amsgrad: bool,
}

impl<const DECOUPLED: bool> Default for AdamRule<DECOUPLED> {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, amsgrad: false }
    }
}

impl<T: Real> Descent<AdamRule<false>, T> {
    /// Adam with learning rate η.
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
    /// let optimizer = Adam::<f32>::new(0.01);
    /// assert_eq!((optimizer.learning_rate(), Adam::<f32>::default().learning_rate()), (0.01, 0.001));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn new(learning_rate: f64) -> Self {
        Self::with_rule(AdamRule::default(), learning_rate)
    }
}

impl<T: Real> Default for Descent<AdamRule<false>, T> {
    fn default() -> Self {
        Self::new(1e-3)
    }
}

impl<const DECOUPLED: bool, T: Real> Descent<AdamRule<DECOUPLED>, T> {
    /// β₁, the weight of the past in the average of gradients; the default is 0.9, as in the paper.
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
    /// let (mut gradient, mut optimizer) = (params.gradient(), Adam::new(0.1).beta1(0.75));
    /// gradient.flat_mut().fill(4.0);
    /// optimizer.step(&mut params, &gradient);
    /// assert_eq!(optimizer.state().vector("first_moment"), Some(&[0.25 * 4.0][..]));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn beta1(mut self, beta1: f64) -> Self {
        self.rule_mut().beta1 = Self::checked("beta1", beta1, Allowed::Fraction);
        self
    }

    /// β₂, the weight of the past in the average of squares; the default is 0.999, as in the paper.
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
    /// let (mut gradient, mut optimizer) = (params.gradient(), Adam::new(0.1).beta2(0.75));
    /// gradient.flat_mut().fill(4.0);
    /// optimizer.step(&mut params, &gradient);
    /// assert_eq!(optimizer.state().vector("second_moment"), Some(&[0.25 * 16.0][..]));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn beta2(mut self, beta2: f64) -> Self {
        self.rule_mut().beta2 = Self::checked("beta2", beta2, Allowed::Fraction);
        self
    }

    /// ε, added to the root so that a parameter without any gradient stays where it is; the default is 10⁻⁸, as in the
    /// paper.
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
    /// Adam::new(1.0).epsilon(1.0).step(&mut params, &gradient);
    /// assert!((params.flat()[0] - 0.25).abs() < 1e-12); // 1 − 3/(√9 + 1)
    /// ```
    #[must_use]
    #[track_caller]
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.rule_mut().epsilon = Self::checked("epsilon", epsilon, Allowed::Positive);
        self
    }

    /// Whether to divide by the largest average of squares so far (AMSGrad); the default is not to.
    ///
    /// The maximum never falls. The rate can still rise a little in the first iterations, where the bias correction
    /// changes: the paper, which has none, excludes it.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let _ = params.add("x", [1], || 1.0);
    /// let (mut gradient, mut optimizer) = (params.gradient(), Adam::new(0.1).beta2(0.5).amsgrad(true));
    /// for g in [2.0, 0.0] {
    ///     gradient.flat_mut().fill(g);
    ///     optimizer.step(&mut params, &gradient);
    /// }
    /// let state = optimizer.state(); // v was 2 and is 1
    /// assert_eq!(state.vector("second_moment"), Some(&[1.0][..]));
    /// assert_eq!(state.vector("largest_second_moment"), Some(&[2.0][..]));
    /// ```
    #[must_use]
    pub fn amsgrad(mut self, amsgrad: bool) -> Self {
        self.rule_mut().amsgrad = amsgrad;
        self
    }
}

impl<const DECOUPLED: bool> Rule for AdamRule<DECOUPLED> {
    const NAME: &'static str = if DECOUPLED { "AdamW" } else { "Adam" };

    fn vectors(&self) -> &'static [&'static str] {
        if self.amsgrad {
            &["first_moment", "second_moment", "largest_second_moment"]
        } else {
            &["first_moment", "second_moment"]
        }
    }

    fn update<T: Real>(&self, now: Iteration<T>, theta: &mut [T], gradient: &[T], vectors: Vectors<'_, T>) {
        let moments = Moments {
            beta1: self.beta1,
            beta2: self.beta2,
            // η m̂/(√v̂ + ε) with both corrections taken out of the loop.
            rate: now.learning_rate / now.bias_correction(self.beta1),
            unbias: now.bias_correction(self.beta2).sqrt().recip(),
            epsilon: self.epsilon,
        };
        if self.amsgrad {
            update(Largest(moments), now.before(), theta, gradient, vectors.split());
        } else {
            update(moments, now.before(), theta, gradient, vectors.split());
        }
    }
}

/// m and v, and θ by them.
#[derive(Clone, Copy)]
pub(super) struct Moments {
    pub(super) beta1: f64,
    pub(super) beta2: f64,
    pub(super) rate: f64,
    pub(super) unbias: f64,
    pub(super) epsilon: f64,
}

impl Moments {
    #[inline(always)]
    pub(super) fn averages<T: Element, V: Lanes<T>>(self, g: V, [m, v]: [V; 2]) -> [V; 2] {
        let ([keep1, take1], [keep2, take2]) = (weights::<T, V>(self.beta1), weights::<T, V>(self.beta2));
        [keep1 * m + take1 * g, keep2 * v + take2 * g * g]
    }

    #[inline(always)]
    fn step<T: Element, V: Lanes<T>>(self, theta: V, m: V, v: V) -> V {
        let [rate, unbias, epsilon] = splat::<T, V, 3>([self.rate, self.unbias, self.epsilon]);
        theta - rate * m / (unbias * v.sqrt() + epsilon)
    }
}

impl Formula<2> for Moments {
    #[inline(always)]
    fn next<T: Element, V: Lanes<T>>(self, theta: V, g: V, kept: [V; 2]) -> (V, [V; 2]) {
        let [m, v] = self.averages(g, kept);
        (self.step(theta, m, v), [m, v])
    }

    #[inline(never)]
    fn twins() -> Twins<Self, 2> {
        Twins::of()
    }
}

/// The same, with the largest v so far in place of v.
#[derive(Clone, Copy)]
struct Largest(Moments);

impl Formula<3> for Largest {
    #[inline(always)]
    fn next<T: Element, V: Lanes<T>>(self, theta: V, g: V, [m, v, u]: [V; 3]) -> (V, [V; 3]) {
        let [m, v] = self.0.averages(g, [m, v]);
        let u = u.max(v);
        (self.0.step(theta, m, u), [m, v, u])
    }

    #[inline(never)]
    fn twins() -> Twins<Self, 3> {
        Twins::of()
    }
}
