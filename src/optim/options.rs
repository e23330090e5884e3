//! What one asks of an optimiser, whatever its rule.

use std::sync::Arc;

use super::Descent;
use super::allowed::{Allowed, counted};
use super::group::{Group, Predicate};
use super::rule::Rule;
use super::schedule::Schedule;
use crate::real::Real;

impl<R: Rule, T: Real> Descent<R, T> {
    /// Scales the gradient down to Euclidean norm C where it is longer: g ← g · C/‖g‖ if ‖g‖ > C.
    ///
    /// The norm is over all tensors that are not frozen; [`gradient_norm`](super::Optimizer::gradient_norm) tells it.
    /// `f64::INFINITY` only measures. PyTorch divides by ‖g‖ + 10⁻⁶ instead. It comes after
    /// [`clip_value`](Descent::clip_value). NaN and ∞ are not caught here: with NaN the gradient stays as it is, with ∞ the
    /// other elements become 0, as the formula says; [`skip_not_finite`](Descent::skip_not_finite) catches them.
    ///
    /// # Panics
    ///
    /// If C is not > 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let _ = params.add("x", [2], || 0.0);
    /// let (mut gradient, mut optimizer) = (params.gradient(), Sgd::new(1.0).clip_norm(2.5));
    /// for g in [[3.0, 4.0], [0.0, 1.0]] {
    ///     gradient.flat_mut().copy_from_slice(&g);
    ///     optimizer.step(&mut params, &gradient); // the first is halved, the second is short enough
    /// }
    /// assert_eq!(params.flat(), [-1.5, -2.0 - 1.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn clip_norm(mut self, limit: f64) -> Self {
        self.clip_norm = Some(Self::checked("clip_norm", limit, Allowed::PositiveOrInfinite));
        self
    }

    /// Cuts every element of the gradient to [−c, c]: g ← min(max(g, −c), c).
    ///
    /// Unlike a limit on the norm it changes the gradient's direction. It comes before
    /// [`clip_norm`](Descent::clip_norm): one element that is far off, ∞ even, is cut first and does not make all others small;
    /// [`gradient_norm`](super::Optimizer::gradient_norm) then is that of the elements after the cut. Both limits hold for the
    /// result. NaN stays. The cut gradient is a copy: one vector more.
    ///
    /// # Panics
    ///
    /// If c is not > 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let _ = params.add("x", [3], || 0.0);
    /// let mut gradient = params.gradient();
    /// gradient.flat_mut().copy_from_slice(&[3.0, f64::NEG_INFINITY, 0.25]);
    /// Sgd::new(1.0).clip_value(1.0).step(&mut params, &gradient);
    /// assert_eq!(params.flat(), [-1.0, 1.0, -0.25]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn clip_value(mut self, limit: f64) -> Self {
        self.clip_value = Self::checked("clip_value", limit, Allowed::PositiveOrInfinite);
        self
    }

    /// Makes an update with the mean of every n gradients: a batch n times as large, in the memory of a small one.
    ///
    /// `step` is called with each of them. The first n − 1 calls change no parameter and are no
    /// [`iteration`](super::Optimizer::iteration); their sum, one vector more, is part of the [`state`](super::Optimizer::state).
    /// Running statistics are taken over in every call. Clipping is of the mean; a gradient that
    /// [`skip_not_finite`](Descent::skip_not_finite) skips is not counted.
    ///
    /// `backward_add` instead sums within one gradient, and the optimiser sees the sum once: n times the mean, from as many
    /// recordings as you like, without memory of its own, and with nothing to save in between.
    ///
    /// # Panics
    ///
    /// If n is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let _ = params.add("x", [1], || 1.0);
    /// let (mut gradient, mut optimizer) = (params.gradient(), Sgd::new(0.5).accumulate(2));
    /// for (g, expected) in [(1.0, 1.0), (3.0, 0.0), (8.0, 0.0), (0.0, -2.0)] {
    ///     gradient.flat_mut().fill(g);
    ///     optimizer.step(&mut params, &gradient);
    ///     assert_eq!(params.flat(), [expected]);
    /// }
    /// assert_eq!(optimizer.iteration(), 2);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn accumulate(mut self, gradients: u64) -> Self {
        self.accumulate = counted(R::NAME, "accumulate", gradients);
        self
    }

    /// Skips a step whose gradient has NaN or ∞ in a tensor that is not frozen.
    ///
    /// Nothing changes then, running statistics included, but that [`skipped`](Descent::skipped) counts it and that the
    /// gradient is used up. It is asked before clipping, and costs one more reading of the gradient.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let _ = params.add("x", [2], || 1.0);
    /// let (mut gradient, mut optimizer) = (params.gradient(), Adam::new(0.5).skip_not_finite(true));
    /// gradient.flat_mut().copy_from_slice(&[1.0, f64::INFINITY]);
    /// optimizer.step(&mut params, &gradient);
    /// assert_eq!((params.flat(), optimizer.skipped()), (&[1.0, 1.0][..], 1));
    /// ```
    #[must_use]
    pub fn skip_not_finite(mut self, skip: bool) -> Self {
        self.skip_not_finite = skip;
        self
    }

    /// Has the learning rate follow a schedule, a function of the iteration: see [`schedule`](super::schedule).
    ///
    /// It is applied to the learning rate η₀ and to those of groups. [`learning_rate`](super::Optimizer::learning_rate) remains η₀,
    /// [`scheduled_rate`](super::Optimizer::scheduled_rate) tells what the next step takes. t is the number of updates made, so that
    /// a run that is resumed from a [`state`](super::Optimizer::state) goes on where it was. A step to which it gives anything but a
    /// finite number ≥ 0 panics, before anything changes.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let _ = params.add("x", [1], || 0.0);
    /// let mut optimizer = Sgd::new(1.0).schedule(schedule::Step::new(2, 0.5));
    /// let mut gradient = params.gradient();
    /// for rate in [1.0, 1.0, 0.5, 0.5, 0.25] {
    ///     assert_eq!(optimizer.scheduled_rate(), rate);
    ///     gradient.flat_mut().fill(1.0);
    ///     optimizer.step(&mut params, &gradient);
    /// }
    /// assert_eq!(params.flat(), [-3.25]);
    /// ```
    #[must_use]
    pub fn schedule(mut self, schedule: impl Schedule + 'static) -> Self {
        self.schedule = Some(Arc::new(schedule));
        self
    }

    /// Weight decay λ: λθ is added to the gradient, as if ½λ‖θ‖² were added to the loss (L2), unless it is decoupled.
    ///
    /// # Panics
    ///
    /// If λ is not a finite number ≥ 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let _ = params.add("x", [1], || 2.0);
    /// let mut gradient = params.gradient();
    /// gradient.flat_mut().fill(1.0);
    /// Sgd::new(0.5).weight_decay(0.25).step(&mut params, &gradient);
    /// assert_eq!(params.flat(), [2.0 - 0.5 * (1.0 + 0.25 * 2.0)]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.weight_decay = Self::checked("weight_decay", weight_decay, Allowed::NonNegative);
        self
    }

    /// Whether weight decay acts on θ itself, θ ← θ(1 − ηλ) before the update, instead of on the gradient.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let _ = params.add("x", [1], || 2.0);
    /// let mut gradient = params.gradient();
    /// gradient.flat_mut().fill(4.0);
    /// RmsProp::new(0.5).rho(0.0).weight_decay(0.25).decoupled_weight_decay(true).step(&mut params, &gradient);
    /// assert!((params.flat()[0] - (2.0 * (1.0 - 0.5 * 0.25) - 0.5)).abs() < 1e-8); // λ is not divided by √G
    /// ```
    #[must_use]
    pub fn decoupled_weight_decay(mut self, decoupled: bool) -> Self {
        self.decoupled = decoupled;
        self
    }

    /// Lets a step use at most so many threads, the calling one included; without a limit, those of rayon's pool.
    ///
    /// Only steps on many parameters use more than one. The result does not depend on it, to the bit.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let run = |threads| {
    ///     let mut params = Params::<f32>::new();
    ///     let _ = params.add("x", [100_000], || 1.0);
    ///     let mut gradient = params.gradient();
    ///     gradient.flat_mut().fill(0.3);
    ///     Adam::new(0.1).threads(threads).step(&mut params, &gradient);
    ///     params.flat().to_vec()
    /// };
    /// assert_eq!(run(1), run(2));
    /// ```
    #[must_use]
    pub fn threads(mut self, limit: usize) -> Self {
        self.threads = limit;
        self
    }

    /// Gives the tensors whose name the predicate accepts settings of their own.
    ///
    /// A tensor belongs to the first group that accepts it. [`settings`](Descent::settings) tells what a name gets. A step
    /// on a store without a tensor that the predicate accepts panics: a mistyped name would pass in silence.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let optimizer = Sgd::<f64>::new(0.1)
    ///     .group(|name| name.starts_with("head."), |group| group.learning_rate(1.0))
    ///     .group(|name| name.ends_with("bias"), |group| group.learning_rate(0.2));
    /// let rates = ["head.bias", "body.bias", "body.weight"].map(|name| optimizer.settings(name).learning_rate);
    /// assert_eq!(rates, [1.0, 0.2, 0.1]);
    /// ```
    #[must_use]
    pub fn group(
        mut self,
        which: impl Fn(&str) -> bool + Send + Sync + 'static,
        settings: impl FnOnce(Group) -> Group,
    ) -> Self {
        self.groups.push(settings(Group::new(R::NAME, Predicate(Arc::new(which)))));
        self.memory.replan();
        self
    }
}
