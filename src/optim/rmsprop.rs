//! RMSProp.

use super::Descent;
use super::allowed::Allowed;
use super::rule::{Iteration, Rule, Vectors, weights};
use crate::real::Real;

/// Gradient descent divided by a moving average of the size of each parameter's gradient.
///
/// ```text
///               G ← ρ G + (1 − ρ) g²
/// centered      m ← ρ m + (1 − ρ) g,   V = max(G − m², 0)   (else V = G)
///               d = g/(√V + ε)
/// momentum(β)   v ← β v + d,   θ ← θ − η v
///               else           θ ← θ − η d
/// ```
///
/// η `learning_rate`, ρ `rho`, ε `epsilon` (outside the root), G `mean_square`, m `mean`, v `velocity`; all begin
/// with 0.
///
/// Defaults: η 0.01, ρ 0.9 (lecture notes; 0.99 in PyTorch, where it is called `alpha`), ε 10⁻⁸; not centred, no
/// momentum.
///
/// Against PyTorch: G − m², the variance, is cut at 0, where rounding can make it negative and PyTorch gives NaN. There
/// is no bias correction, so that the first steps are up to 1/√(1 − ρ) times as long as later ones.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let mut params = Params::<f64>::new();
/// let _ = params.add("x", [1], || 1.0);
/// let (mut gradient, mut optimizer) = (params.gradient(), RmsProp::new(0.1).rho(0.75));
/// gradient.flat_mut().fill(3.0);
/// optimizer.step(&mut params, &gradient); // G = 0.25 · 9, so the step is 0.1 · 3/1.5
/// assert!((params.flat()[0] - 0.8).abs() < 1e-8);
/// ```
///
/// # References
///
/// Tieleman & Hinton 2012, Lecture 6.5 of Neural networks for machine learning. Graves 2013, Generating sequences with
/// recurrent neural networks, for the centred form. Shafi 2026, Gradient Descent (lecture notes, DS 4400), for ρ.
pub type RmsProp<T> = Descent<RmsPropRule, T>;

/// The rule of [`RmsProp`].
#[derive(Clone, PartialEq, Debug)]
pub struct RmsPropRule {
    rho: f64,
    epsilon: f64,
    momentum: f64,
    centered: bool,
}

impl<T: Real> Descent<RmsPropRule, T> {
    /// `RmsProp` with learning rate η.
    ///
    /// # Panics
    ///
    /// If η is not a finite number ≥ 0.
    #[must_use]
    #[track_caller]
    pub fn new(learning_rate: f64) -> Self {
        let rule = RmsPropRule { rho: 0.9, epsilon: 1e-8, momentum: 0.0, centered: false };
        Self::with_rule(rule, learning_rate)
    }

    /// ρ, the weight of the past in the moving averages.
    ///
    /// # Panics
    ///
    /// If ρ is not in [0, 1).
    #[must_use]
    #[track_caller]
    pub fn rho(mut self, rho: f64) -> Self {
        self.rule_mut().rho = Self::checked("rho", rho, Allowed::Fraction);
        self
    }

    /// ε, added to the root so that a parameter without any gradient stays where it is.
    ///
    /// # Panics
    ///
    /// If ε is not a finite number > 0.
    #[must_use]
    #[track_caller]
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.rule_mut().epsilon = Self::checked("epsilon", epsilon, Allowed::Positive);
        self
    }

    /// Heavy-ball momentum β on the divided gradient; 0 switches momentum off.
    ///
    /// # Panics
    ///
    /// If β is not in [0, 1).
    #[must_use]
    #[track_caller]
    pub fn momentum(mut self, beta: f64) -> Self {
        self.rule_mut().momentum = Self::checked("momentum", beta, Allowed::Fraction);
        self
    }

    /// Whether to divide by the deviation of the gradient from its mean instead of its size.
    #[must_use]
    pub fn centered(mut self, centered: bool) -> Self {
        self.rule_mut().centered = centered;
        self
    }
}

impl<T: Real> Default for Descent<RmsPropRule, T> {
    fn default() -> Self {
        Self::new(1e-2)
    }
}

impl Rule for RmsPropRule {
    const NAME: &'static str = "RmsProp";

    fn vectors(&self) -> &'static [&'static str] {
        match (self.centered, self.momentum > 0.0) {
            (false, false) => &["mean_square"],
            (false, true) => &["mean_square", "velocity"],
            (true, false) => &["mean_square", "mean"],
            (true, true) => &["mean_square", "mean", "velocity"],
        }
    }

    fn update<T: Real>(&self, now: Iteration<T>, theta: &mut [T], gradient: &[T], vectors: Vectors<'_, T>) {
        let (keep, take) = weights::<T>(self.rho);
        let (rate, beta) = (T::of(now.learning_rate), T::of(self.momentum));
        let epsilon = T::of(self.epsilon);
        let by_size = |g: T, s: &mut T| {
            *s = keep * *s + take * g * g;
            g / (s.sqrt() + epsilon)
        };
        let by_deviation = |g: T, s: &mut T, m: &mut T| {
            *s = keep * *s + take * g * g;
            *m = keep * *m + take * g;
            let variance = *s - *m * *m;
            // Not `max`: it would turn NaN into 0.
            let variance = if variance < T::zero() { T::zero() } else { variance };
            g / (variance.sqrt() + epsilon)
        };
        let roll = |d: T, v: &mut T| {
            *v = beta * *v + d;
            *v
        };
        let values = theta.iter_mut().zip(gradient);
        match (self.centered, self.momentum > 0.0) {
            (false, false) => {
                let [squares] = vectors.split();
                for ((x, &g), s) in values.zip(squares) {
                    *x = now.decayed(*x) - rate * by_size(now.gradient(g, *x), s);
                }
            }
            (false, true) => {
                let [squares, velocity] = vectors.split();
                for (((x, &g), s), v) in values.zip(squares).zip(velocity) {
                    let d = by_size(now.gradient(g, *x), s);
                    *x = now.decayed(*x) - rate * roll(d, v);
                }
            }
            (true, false) => {
                let [squares, means] = vectors.split();
                for (((x, &g), s), m) in values.zip(squares).zip(means) {
                    *x = now.decayed(*x) - rate * by_deviation(now.gradient(g, *x), s, m);
                }
            }
            (true, true) => {
                let [squares, means, velocity] = vectors.split();
                for ((((x, &g), s), m), v) in values.zip(squares).zip(means).zip(velocity) {
                    let d = by_deviation(now.gradient(g, *x), s, m);
                    *x = now.decayed(*x) - rate * roll(d, v);
                }
            }
        }
    }
}
