//! RMSProp.

use super::Descent;
use super::allowed::Allowed;
use super::rule::{Iteration, Rule, Vectors};
use crate::kernel::simd::{Element, Lanes};
use crate::kernel::update::{Formula, Twins, splat, update, weights};
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
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let optimizer = RmsProp::<f32>::new(0.1);
    /// assert_eq!((optimizer.learning_rate(), RmsProp::<f32>::default().learning_rate()), (0.1, 0.01));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn new(learning_rate: f64) -> Self {
        let rule = RmsPropRule { rho: 0.9, epsilon: 1e-8, momentum: 0.0, centered: false };
        Self::with_rule(rule, learning_rate)
    }

    /// ρ, the weight of the past in the moving averages; the default is 0.9 (lecture notes; 0.99 in PyTorch).
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
    /// let (mut gradient, mut optimizer) = (params.gradient(), RmsProp::new(0.1).rho(0.5));
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

    /// ε, added to the root so that a parameter without any gradient stays where it is; the default is 10⁻⁸, as in
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
    /// RmsProp::new(1.0).rho(0.0).epsilon(1.0).step(&mut params, &gradient);
    /// assert_eq!(params.flat(), [1.0 - 3.0 / (3.0 + 1.0)]); // with ρ = 0, G = g²
    /// ```
    #[must_use]
    #[track_caller]
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.rule_mut().epsilon = Self::checked("epsilon", epsilon, Allowed::Positive);
        self
    }

    /// Heavy-ball momentum β on the divided gradient; 0, the default, switches it off.
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
    /// let (mut gradient, mut optimizer) = (params.gradient(), RmsProp::new(1.0).rho(0.0).momentum(0.5));
    /// for _ in 0..2 {
    ///     gradient.flat_mut().fill(3.0);
    ///     optimizer.step(&mut params, &gradient);
    /// }
    /// assert!((params.flat()[0] + 2.5).abs() < 1e-7); // d = 1 twice, so v is 1, then 1.5
    /// ```
    #[must_use]
    #[track_caller]
    pub fn momentum(mut self, beta: f64) -> Self {
        self.rule_mut().momentum = Self::checked("momentum", beta, Allowed::Fraction);
        self
    }

    /// Whether to divide by the deviation of the gradient from its mean instead of its size; the default is its size.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let _ = params.add("x", [1], || 0.0);
    /// let mut gradient = params.gradient();
    /// gradient.flat_mut().fill(2.0);
    /// RmsProp::new(1.0).rho(0.5).centered(true).step(&mut params, &gradient);
    /// assert!((params.flat()[0] + 2.0).abs() < 1e-7); // V = ½ · 4 − (½ · 2)² = 1
    /// ```
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
        let scale = Scale { rho: self.rho, epsilon: self.epsilon };
        let (rate, beta, before) = (now.learning_rate, self.momentum, now.before());
        match (self.centered, self.momentum > 0.0) {
            (false, false) => update(BySize { scale, rate }, before, theta, gradient, vectors.split()),
            (false, true) => update(BySizeRolling { scale, rate, beta }, before, theta, gradient, vectors.split()),
            (true, false) => update(ByDeviation { scale, rate }, before, theta, gradient, vectors.split()),
            (true, true) => update(ByDeviationRolling { scale, rate, beta }, before, theta, gradient, vectors.split()),
        }
    }
}

/// G and m, and g by them.
#[derive(Clone, Copy)]
struct Scale {
    rho: f64,
    epsilon: f64,
}

impl Scale {
    /// G and d.
    #[inline(always)]
    fn by_size<T: Element, V: Lanes<T>>(self, g: V, squares: V) -> (V, V) {
        let ([keep, take], [epsilon]) = (weights::<T, V>(self.rho), splat::<T, V, 1>([self.epsilon]));
        let squares = keep * squares + take * g * g;
        (squares, g / (squares.sqrt() + epsilon))
    }

    /// G, m and d.
    #[inline(always)]
    fn by_deviation<T: Element, V: Lanes<T>>(self, g: V, squares: V, mean: V) -> (V, V, V) {
        let ([keep, take], [epsilon]) = (weights::<T, V>(self.rho), splat::<T, V, 1>([self.epsilon]));
        let squares = keep * squares + take * g * g;
        let mean = keep * mean + take * g;
        // In this order NaN stays NaN.
        let variance = V::zero().max(squares - mean * mean);
        (squares, mean, g / (variance.sqrt() + epsilon))
    }
}

#[derive(Clone, Copy)]
struct BySize {
    scale: Scale,
    rate: f64,
}

impl Formula<1> for BySize {
    #[inline(always)]
    fn next<T: Element, V: Lanes<T>>(self, theta: V, g: V, [squares]: [V; 1]) -> (V, [V; 1]) {
        let [rate] = splat::<T, V, 1>([self.rate]);
        let (squares, d) = self.scale.by_size(g, squares);
        (theta - rate * d, [squares])
    }

    #[inline(never)]
    fn twins() -> Twins<Self, 1> {
        Twins::of()
    }
}

#[derive(Clone, Copy)]
struct BySizeRolling {
    scale: Scale,
    rate: f64,
    beta: f64,
}

impl Formula<2> for BySizeRolling {
    #[inline(always)]
    fn next<T: Element, V: Lanes<T>>(self, theta: V, g: V, [squares, velocity]: [V; 2]) -> (V, [V; 2]) {
        let [rate, beta] = splat::<T, V, 2>([self.rate, self.beta]);
        let (squares, d) = self.scale.by_size(g, squares);
        let velocity = beta * velocity + d;
        (theta - rate * velocity, [squares, velocity])
    }

    #[inline(never)]
    fn twins() -> Twins<Self, 2> {
        Twins::of()
    }
}

#[derive(Clone, Copy)]
struct ByDeviation {
    scale: Scale,
    rate: f64,
}

impl Formula<2> for ByDeviation {
    #[inline(always)]
    fn next<T: Element, V: Lanes<T>>(self, theta: V, g: V, [squares, mean]: [V; 2]) -> (V, [V; 2]) {
        let [rate] = splat::<T, V, 1>([self.rate]);
        let (squares, mean, d) = self.scale.by_deviation(g, squares, mean);
        (theta - rate * d, [squares, mean])
    }

    #[inline(never)]
    fn twins() -> Twins<Self, 2> {
        Twins::of()
    }
}

#[derive(Clone, Copy)]
struct ByDeviationRolling {
    scale: Scale,
    rate: f64,
    beta: f64,
}

impl Formula<3> for ByDeviationRolling {
    #[inline(always)]
    fn next<T: Element, V: Lanes<T>>(self, theta: V, g: V, [squares, mean, velocity]: [V; 3]) -> (V, [V; 3]) {
        let [rate, beta] = splat::<T, V, 2>([self.rate, self.beta]);
        let (squares, mean, d) = self.scale.by_deviation(g, squares, mean);
        let velocity = beta * velocity + d;
        (theta - rate * velocity, [squares, mean, velocity])
    }

    #[inline(never)]
    fn twins() -> Twins<Self, 3> {
        Twins::of()
    }
}
