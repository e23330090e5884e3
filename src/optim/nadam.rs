//! `NAdam`.

use std::sync::{Mutex, PoisonError};

use super::Descent;
use super::adam::Moments;
use super::allowed::Allowed;
use super::rule::{Iteration, Rule, Vectors};
use crate::kernel::simd::{Element, Lanes};
use crate::kernel::update::{Formula, Twins, splat, update};
use crate::real::Real;

/// [`Adam`](super::Adam) with Nesterov momentum: the gradient at hand counts once more, as it will in the next step.
///
/// ```text
/// μₜ = β₁ (1 − ½ · 0.96^(tψ))
/// m ← β₁ m + (1 − β₁) g
/// v ← β₂ v + (1 − β₂) g²         v̂ = v/(1 − β₂ᵗ)
/// m̂ = μₜ₊₁ m/(1 − μ₁ μ₂ … μₜ₊₁) + (1 − μₜ) g/(1 − μ₁ μ₂ … μₜ)
/// θ ← θ − η m̂/(√v̂ + ε)
/// ```
///
/// η `learning_rate`, β₁ `beta1`, β₂ `beta2`, ψ `momentum_decay`, ε `epsilon` (outside the root, after the correction), m
/// `first_moment`, v `second_moment`; both begin with 0. t counts from 1.
///
/// Defaults: η 0.002, β₁ 0.9, β₂ 0.999, ψ 0.004, ε 10⁻⁸, as in PyTorch; the paper has η 0.002 and β₁ 0.99.
///
/// As in PyTorch, m is averaged with β₁ and not with μₜ.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let mut params = Params::<f64>::new();
/// let _ = params.add("x", [1], || 1.0);
/// let (mut gradient, mut optimizer) = (params.gradient(), NAdam::new(0.1).beta1(0.5).momentum_decay(0.0));
/// gradient.flat_mut().fill(3.0);
/// optimizer.step(&mut params, &gradient); // every μ is ¼, so m̂ is ¼ · 1.5/(1 − 1/16) + 3
/// assert!((params.flat()[0] - (1.0 - 0.1 * 3.4 / 3.0)).abs() < 1e-8);
/// ```
///
/// # References
///
/// Dozat 2016, Incorporating Nesterov momentum into Adam.
pub type NAdam<T> = Descent<NAdamRule, T>;

/// The rule of [`NAdam`].
#[derive(Debug)]
pub struct NAdamRule {
    beta1: f64,
    beta2: f64,
    momentum_decay: f64,
    epsilon: f64,
    /// The last product that was asked for: what the next one goes on from.
    product: Mutex<Product>,
}

/// μ₁ μ₂ … μₜ.
#[derive(Clone, Copy, Debug)]
struct Product {
    factors: u64,
    value: f64,
}

impl Product {
    const EMPTY: Self = Self { factors: 0, value: 1.0 };
}

impl NAdamRule {
    fn new(beta1: f64, beta2: f64, momentum_decay: f64, epsilon: f64) -> Self {
        Self { beta1, beta2, momentum_decay, epsilon, product: Mutex::new(Product::EMPTY) }
    }

    /// μₜ.
    fn momentum(&self, t: u64) -> f64 {
        self.beta1 * (1.0 - 0.5 * libm::pow(0.96, t as f64 * self.momentum_decay))
    }

    /// μ₁ μ₂ … μₜ, or 0 where 1 minus the product is 1. The bits depend on t alone.
    fn product(&self, t: u64) -> f64 {
        let mut last = self.product.lock().unwrap_or_else(PoisonError::into_inner);
        if last.factors > t {
            *last = Product::EMPTY;
        }
        while last.factors < t && last.value > 0.0 {
            last.factors += 1;
            last.value *= self.momentum(last.factors);
            if last.value < f64::EPSILON / 4.0 {
                last.value = 0.0;
            }
        }
        last.value
    }
}

impl Clone for NAdamRule {
    fn clone(&self) -> Self {
        Self::new(self.beta1, self.beta2, self.momentum_decay, self.epsilon)
    }
}

impl<T: Real> Descent<NAdamRule, T> {
    /// `NAdam` with learning rate η.
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
    /// let optimizer = NAdam::<f32>::new(0.1);
    /// assert_eq!((optimizer.learning_rate(), NAdam::<f32>::default().learning_rate()), (0.1, 0.002));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn new(learning_rate: f64) -> Self {
        Self::with_rule(NAdamRule::new(0.9, 0.999, 4e-3, 1e-8), learning_rate)
    }

    /// β₁, the weight of the past in the moving average of gradients, and what μₜ grows to; the default is 0.9.
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
    /// let (mut gradient, mut optimizer) = (params.gradient(), NAdam::new(0.1).beta1(0.75));
    /// gradient.flat_mut().fill(8.0);
    /// optimizer.step(&mut params, &gradient);
    /// assert_eq!(optimizer.state().vector("first_moment"), Some(&[2.0][..]));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn beta1(mut self, beta1: f64) -> Self {
        let NAdamRule { beta2, momentum_decay, epsilon, .. } = *self.rule_mut();
        let beta1 = Self::checked("beta1", beta1, Allowed::Fraction);
        *self.rule_mut() = NAdamRule::new(beta1, beta2, momentum_decay, epsilon);
        self
    }

    /// β₂, the weight of the past in the moving average of squares; the default is 0.999.
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
    /// let (mut gradient, mut optimizer) = (params.gradient(), NAdam::new(0.1).beta2(0.75));
    /// gradient.flat_mut().fill(4.0);
    /// optimizer.step(&mut params, &gradient);
    /// assert_eq!(optimizer.state().vector("second_moment"), Some(&[4.0][..]));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn beta2(mut self, beta2: f64) -> Self {
        self.rule_mut().beta2 = Self::checked("beta2", beta2, Allowed::Fraction);
        self
    }

    /// ψ, how soon μₜ grows from β₁/2 to β₁; the default is 0.004, as in PyTorch and the paper.
    ///
    /// # Panics
    ///
    /// If ψ is not a finite number ≥ 0.
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
    /// // So large a ψ has μ = β₁ from the first step on: m̂ is 0.5 · 1.5/(1 − ¼) + 0.5 · 3/(1 − ½)
    /// NAdam::new(0.1).beta1(0.5).momentum_decay(1e4).step(&mut params, &gradient);
    /// assert!((params.flat()[0] - (1.0 - 0.1 * 4.0 / 3.0)).abs() < 1e-8);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn momentum_decay(mut self, decay: f64) -> Self {
        let NAdamRule { beta1, beta2, epsilon, .. } = *self.rule_mut();
        let decay = Self::checked("momentum_decay", decay, Allowed::NonNegative);
        *self.rule_mut() = NAdamRule::new(beta1, beta2, decay, epsilon);
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
    /// let mut params = Params::<f64>::new();
    /// let _ = params.add("x", [1], || 1.0);
    /// let mut gradient = params.gradient();
    /// gradient.flat_mut().fill(3.0);
    /// NAdam::new(1.0).beta1(0.0).epsilon(1.0).step(&mut params, &gradient); // m̂ is g
    /// assert!((params.flat()[0] - (1.0 - 3.0 / (3.0 + 1.0))).abs() < 1e-15);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.rule_mut().epsilon = Self::checked("epsilon", epsilon, Allowed::Positive);
        self
    }
}

impl<T: Real> Default for Descent<NAdamRule, T> {
    fn default() -> Self {
        Self::new(2e-3)
    }
}

impl Rule for NAdamRule {
    const NAME: &'static str = "NAdam";

    fn vectors(&self) -> &'static [&'static str] {
        &["first_moment", "second_moment"]
    }

    fn update<T: Real>(&self, now: Iteration<T>, theta: &mut [T], gradient: &[T], vectors: Vectors<'_, T>) {
        let (momentum, next) = (self.momentum(now.number), self.momentum(now.number + 1));
        let product = self.product(now.number);
        let moments = Moments {
            beta1: self.beta1,
            beta2: self.beta2,
            rate: now.learning_rate * next / (1.0 - product * next),
            unbias: now.bias_correction(self.beta2).sqrt().recip(),
            epsilon: self.epsilon,
        };
        let formula = Onward { moments, ahead: now.learning_rate * (1.0 - momentum) / (1.0 - product) };
        update(formula, now.before(), theta, gradient, vectors.split());
    }
}

/// m and v, and θ by them and by g.
#[derive(Clone, Copy)]
struct Onward {
    moments: Moments,
    ahead: f64,
}

impl Formula<2> for Onward {
    #[inline(always)]
    fn next<T: Element, V: Lanes<T>>(self, theta: V, g: V, kept: [V; 2]) -> (V, [V; 2]) {
        let Moments { rate, unbias, epsilon, .. } = self.moments;
        let [rate, ahead, unbias, epsilon] = splat::<T, V, 4>([rate, self.ahead, unbias, epsilon]);
        let [m, v] = self.moments.averages(g, kept);
        (theta - (rate * m + ahead * g) / (unbias * v.sqrt() + epsilon), [m, v])
    }

    #[inline(never)]
    fn twins() -> Twins<Self, 2> {
        Twins::of()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_do_not_depend_on_what_was_asked_before() {
        let rule = NAdamRule::new(0.9, 0.999, 4e-3, 1e-8);
        for t in [1, 2, 3, 10, 4, 400, 7, 7, 6, 100_000, 5, u64::MAX] {
            let plain = (1..=t.min(1000)).fold(1.0, |product, i| product * rule.momentum(i));
            let found = rule.product(t);
            assert!(found == plain || (found == 0.0 && plain < 1e-16), "{t}: {found} instead of {plain}");
            assert_eq!(1.0 - found, 1.0 - plain, "{t}");
        }
    }
}
