//! Rprop.

use super::Descent;
use super::allowed::Allowed;
use super::rule::{Iteration, Rule, Vectors};
use crate::kernel::simd::{Element, Lanes};
use crate::kernel::update::{Formula, Twins, sign, splat, update};
use crate::real::Real;

/// Steps by the sign of the gradient alone, for each parameter longer while the sign stays and shorter when it turns.
///
/// ```text
/// first step     s = η
/// sign(g) = d    s ← s η⁺
/// sign(g) = −d   s ← s η⁻,  g ← 0          (else s stays)
/// s ← min(max(s, sₘᵢₙ), sₘₐₓ)
/// d ← sign(g)
/// θ ← θ − s d
/// ```
///
/// η `learning_rate`, η⁻ and η⁺ `factors`, sₘᵢₙ and sₘₐₓ `step_bounds`, s `step_size`, d `direction` (0 before the first
/// step). Where the sign has turned, θ waits for one step, and the step after that leaves s as it is.
///
/// Defaults: η 0.01, η⁻ 0.5, η⁺ 1.2, sₘᵢₙ 10⁻⁶, sₘₐₓ 50, as in PyTorch. The paper begins with 0.1.
///
/// η is the length of the first step and nothing else: a schedule, or another learning rate later on, changes no step.
/// For whole batches: from batch to batch a sign turns by chance, which only ever shortens the steps.
///
/// PyTorch multiplies the gradient with the one before, which for small ones gives 0; here signs are compared.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let mut params = Params::<f64>::new();
/// let _ = params.add("x", [1], || 1.0);
/// let (mut gradient, mut optimizer) = (params.gradient(), Rprop::new(0.25).factors(0.5, 2.0));
/// for g in [0.001, 7.0, -3.0, -3.0] {
///     gradient.flat_mut().fill(g);
///     optimizer.step(&mut params, &gradient);
/// }
/// assert_eq!(params.flat(), [1.0 - 0.25 - 0.5 - 0.0 + 0.25]); // s is 0.25, 0.5, 0.25 and stays
/// ```
///
/// # References
///
/// Riedmiller & Braun 1993, A direct adaptive method for faster backpropagation learning: the RPROP algorithm. Igel &
/// Hüsken 2000, Improving the Rprop learning algorithm: this is their Rprop−, without a way back, but with the gradient set to 0.
pub type Rprop<T> = Descent<RpropRule, T>;

/// The rule of [`Rprop`].
#[derive(Clone, PartialEq, Debug)]
pub struct RpropRule {
    shorter: f64,
    longer: f64,
    shortest: f64,
    longest: f64,
}

impl<T: Real> Descent<RpropRule, T> {
    /// Rprop whose first step is η long in every direction.
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
    /// let optimizer = Rprop::<f32>::new(0.1);
    /// assert_eq!((optimizer.learning_rate(), Rprop::<f32>::default().learning_rate()), (0.1, 0.01));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn new(learning_rate: f64) -> Self {
        let rule = RpropRule { shorter: 0.5, longer: 1.2, shortest: 1e-6, longest: 50.0 };
        Self::with_rule(rule, learning_rate)
    }

    /// η⁻, by which a step becomes shorter, and η⁺, by which it becomes longer; the defaults are 0.5 and 1.2.
    ///
    /// # Panics
    ///
    /// If η⁻ is not in (0, 1), or η⁺ is not a finite number > 1.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let _ = params.add("x", [2], || 1.0);
    /// let (mut gradient, mut optimizer) = (params.gradient(), Rprop::new(0.5).factors(0.25, 1.5));
    /// for g in [[1.0, 1.0], [1.0, -1.0]] {
    ///     gradient.flat_mut().copy_from_slice(&g);
    ///     optimizer.step(&mut params, &gradient);
    /// }
    /// assert_eq!(optimizer.state().vector("step_size"), Some(&[0.75, 0.125][..]));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn factors(mut self, shorter: f64, longer: f64) -> Self {
        self.rule_mut().shorter = Self::checked("the first of factors", shorter, Allowed::PositiveFraction);
        self.rule_mut().longer = Self::checked("the second of factors", longer, Allowed::AboveOne);
        self
    }

    /// sₘᵢₙ and sₘₐₓ, between which the length of a step stays; the defaults are 10⁻⁶ and 50.
    ///
    /// # Panics
    ///
    /// If they are not finite numbers > 0, or the first is larger than the second.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let _ = params.add("x", [1], || 1.0);
    /// let mut gradient = params.gradient();
    /// gradient.flat_mut().fill(1.0);
    /// Rprop::new(4.0).step_bounds(0.125, 0.5).step(&mut params, &gradient);
    /// assert_eq!(params.flat(), [1.0 - 0.5]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn step_bounds(mut self, shortest: f64, longest: f64) -> Self {
        self.rule_mut().shortest = Self::checked("the first of step_bounds", shortest, Allowed::Positive);
        self.rule_mut().longest = Self::checked("the second of step_bounds", longest, Allowed::Positive);
        assert!(shortest <= longest, "Rprop: step_bounds are {shortest} and {longest}, expected the shortest first");
        self
    }
}

impl<T: Real> Default for Descent<RpropRule, T> {
    fn default() -> Self {
        Self::new(1e-2)
    }
}

impl Rule for RpropRule {
    const NAME: &'static str = "Rprop";

    fn vectors(&self) -> &'static [&'static str] {
        &["direction", "step_size"]
    }

    fn update<T: Real>(&self, now: Iteration<T>, theta: &mut [T], gradient: &[T], vectors: Vectors<'_, T>) {
        // The first step takes η instead of the 0 that the vector begins with.
        let (keep, start) = if now.number == 1 { (0.0, now.learning_rate) } else { (1.0, 0.0) };
        let &Self { shorter, longer, shortest, longest } = self;
        let formula = BySign { keep, start, shorter, longer, shortest, longest };
        update(formula, now.before(), theta, gradient, vectors.split());
    }
}

/// d and s, and θ by them.
#[derive(Clone, Copy)]
struct BySign {
    keep: f64,
    start: f64,
    shorter: f64,
    longer: f64,
    shortest: f64,
    longest: f64,
}

impl Formula<2> for BySign {
    #[inline(always)]
    fn next<T: Element, V: Lanes<T>>(self, theta: V, g: V, [direction, size]: [V; 2]) -> (V, [V; 2]) {
        let [keep, start, one, zero] = splat::<T, V, 4>([self.keep, self.start, 1.0, 0.0]);
        let [shorter, longer, shortest, longest] =
            splat::<T, V, 4>([self.shorter, self.longer, self.shortest, self.longest]);
        let next = sign(g);
        let turn = direction * next;
        let (turned, same) = (turn.lt(zero), turn.gt(zero));
        let factor = V::select(turned, shorter, V::select(same, longer, one));
        let size = ((keep * size + start) * factor).max(shortest).min(longest);
        let next = V::select(turned, zero, next);
        (theta - size * next, [next, size])
    }

    #[inline(never)]
    fn twins() -> Twins<Self, 2> {
        Twins::of()
    }
}
