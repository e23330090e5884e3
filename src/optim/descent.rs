//! The driver: one rule over one store, with groups, decay, clipping and saving.

use std::sync::Arc;

use super::Optimizer;
use super::allowed::Allowed;
use super::group::{Group, Predicate, Settings};
use super::memory::Memory;
use super::rule::{Iteration, Rule, Vectors};
use super::state::{Progress, State};
use crate::error::Error;
use crate::kernel::parts::{each_range, fill};
use crate::kernel::squares::{largest, squares};
use crate::params::{Gradient, Params, norm};
use crate::real::Real;

/// Values from which on a step is shared by threads.
const LARGE: usize = 1 << 16;

/// A rule at work: what every optimiser can do, whatever its rule.
///
/// ```text
/// g ← g · min(1, C/‖g‖)        clip_norm(C)
/// g ← g + λ θ                  weight_decay(λ)
/// θ ← θ (1 − η λ)              weight_decay(λ) and decoupled_weight_decay(true), instead of the line above
/// θ ← rule(θ, g, η, t)
/// ```
///
/// Defaults: no clipping, λ = 0, coupled ([`AdamW`](super::AdamW): λ = 0.01, decoupled), no groups.
///
/// What it keeps grows when tensors are added to the store; the new ones begin with their own first iteration. One
/// optimiser works on one store, its clones included.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let mut params = Params::<f64>::new();
/// let _ = params.add("weight", [1], || 1.0);
/// let _ = params.add("bias", [1], || 1.0);
/// let mut gradient = params.gradient();
/// gradient.flat_mut().copy_from_slice(&[3.0, 4.0]);
///
/// let mut optimizer =
///     Sgd::new(0.5).clip_norm(2.5).group(|name| name == "bias", |group| group.learning_rate(0.25));
/// optimizer.step(&mut params, &gradient); // ‖g‖ = 5, so g ← [1.5, 2]
/// assert_eq!(optimizer.gradient_norm(), Some(5.0));
/// assert_eq!(params.flat(), [1.0 - 0.5 * 1.5, 1.0 - 0.25 * 2.0]);
/// ```
///
/// # References
///
/// Clipping: Pascanu, Mikolov & Bengio 2013, On the difficulty of training recurrent neural networks; Ruiz Correa 2026,
/// Machine Learning (lecture notes), eq. 28. Decoupled decay: Loshchilov & Hutter 2019, Decoupled weight decay
/// regularization.
#[derive(Clone, Debug)]
pub struct Descent<R, T> {
    pub(super) rule: R,
    learning_rate: f64,
    weight_decay: f64,
    decoupled: bool,
    clip_norm: Option<f64>,
    groups: Vec<Group>,
    threads: usize,
    iteration: u64,
    gradient_norm: Option<f64>,
    memory: Memory<T>,
}

impl<R: Rule, T: Real> Descent<R, T> {
    /// An optimiser with this rule and learning rate η.
    ///
    /// # Panics
    ///
    /// If η is not a finite number ≥ 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::optim::{AdamRule, Descent};
    /// use gradus::prelude::*;
    ///
    /// let optimizer = Descent::<_, f32>::with_rule(AdamRule::<true>::default(), 0.01);
    /// assert_eq!(optimizer.state().rule(), "AdamW");
    /// assert_eq!(optimizer.settings("weight").weight_decay, 0.0); // `AdamW::new` sets it, the rule does not
    /// ```
    #[must_use]
    #[track_caller]
    pub fn with_rule(rule: R, learning_rate: f64) -> Self {
        Self {
            rule,
            learning_rate: Self::checked("learning_rate", learning_rate, Allowed::NonNegative),
            weight_decay: 0.0,
            decoupled: false,
            clip_norm: None,
            groups: Vec::new(),
            threads: usize::MAX,
            iteration: 0,
            gradient_norm: None,
            memory: Memory::new(),
        }
    }

    /// Scales the gradient down to Euclidean norm C where it is longer: g ← g · C/‖g‖ if ‖g‖ > C.
    ///
    /// The norm is over all tensors that are not frozen; [`gradient_norm`](Optimizer::gradient_norm) tells it.
    /// `f64::INFINITY` only measures. PyTorch divides by ‖g‖ + 10⁻⁶ instead. NaN and ∞ are not caught here: with NaN
    /// the gradient stays as it is, with ∞ the other elements become 0, as the formula says.
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

    /// What a tensor of this name is trained with.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let optimizer: AdamW<f32> =
    ///     AdamW::new(1e-3).group(|name| name.ends_with("bias"), |group| group.weight_decay(0.0));
    /// assert_eq!(optimizer.settings("mlp.0.bias").weight_decay, 0.0);
    /// assert_eq!(optimizer.settings("mlp.0.weight").weight_decay, 0.01);
    /// ```
    #[must_use]
    pub fn settings(&self, name: &str) -> Settings {
        let own = self.groups.iter().find(|group| (group.which.0)(name));
        own.map_or(self.base(), |group| group.settings(self.base()))
    }

    /// What tensors without a group are trained with.
    fn base(&self) -> Settings {
        Settings { learning_rate: self.learning_rate, weight_decay: self.weight_decay }
    }

    /// How much the gradient is scaled by clipping; keeps its norm.
    fn clip(&mut self, gradient: &[T]) -> f64 {
        let Some(limit) = self.clip_norm else {
            return 1.0;
        };
        let threads = self.step_threads();
        let Memory { pieces, sums, .. } = &mut self.memory;
        let piece = |index: usize| &gradient[pieces[index].clone()];
        let all = |unit| {
            fill(sums, threads, &|index| squares(piece(index), unit));
            sums.iter().sum()
        };
        let norm = norm(all, || (0..pieces.len()).map(|index| largest(piece(index))).fold(0.0, f64::max));
        self.gradient_norm = Some(norm);
        if norm > limit { limit / norm } else { 1.0 }
    }

    fn update(&mut self, theta: &mut [T], gradient: &[T], clip: f64) {
        let threads = self.step_threads();
        let base = self.base();
        let Self { rule, groups, decoupled, memory, .. } = self;
        let Memory { pieces, segment_of, segments, iterations, vectors, .. } = memory;
        each_range(pieces, threads, theta, vectors, &|index, theta, parts| {
            let segment = &segments[segment_of[index]];
            let settings = segment.group.map_or(base, |group| groups[group].settings(base));
            let decay = (settings.weight_decay, *decoupled);
            let now = Iteration::new(iterations[segment.tensor], settings.learning_rate, clip, decay);
            rule.update(now, theta, &gradient[pieces[index].clone()], Vectors::new(parts));
        });
    }

    /// The threads that are worth their wakening.
    fn step_threads(&self) -> usize {
        if self.memory.size() < LARGE { 1 } else { self.threads }
    }

    /// The rule, to change its options.
    pub(super) fn rule_mut(&mut self) -> &mut R {
        self.memory.replan();
        &mut self.rule
    }

    #[track_caller]
    pub(super) fn checked(field: &str, value: f64, allowed: Allowed) -> f64 {
        allowed.check::<T>(R::NAME, field, value)
    }
}

impl<R: Rule, T: Real> Optimizer<T> for Descent<R, T> {
    fn step(&mut self, params: &mut Params<T>, gradient: &Gradient<T>) {
        let ready = self.memory.is_ready(params.layout());
        if !ready && let Err(message) = self.memory.check(params.layout(), &self.rule, &self.groups) {
            panic!("{}: {message}", R::NAME);
        }
        gradient.consume(params);
        if !ready {
            self.memory.prepare(params.layout(), &self.rule, &self.groups);
        }
        let clip = self.clip(gradient.flat());
        self.memory.count();
        self.iteration += 1;
        self.update(params.flat_mut(), gradient.flat(), clip);
        params.apply_updates(gradient);
    }

    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn set_learning_rate(&mut self, learning_rate: f64) {
        self.learning_rate = Self::checked("learning_rate", learning_rate, Allowed::NonNegative);
    }

    fn iteration(&self) -> u64 {
        self.iteration
    }

    fn gradient_norm(&self) -> Option<f64> {
        self.gradient_norm
    }

    fn state(&self) -> State<T> {
        let slots = self.memory.slots().iter().zip(&self.memory.iterations);
        let tensors =
            slots.map(|(slot, &iterations)| Progress { name: slot.name.to_owned(), shape: slot.shape, iterations });
        let names = self.rule.vectors().iter().map(|&name| name.to_owned());
        let vectors = self.memory.vectors.iter().map(|vector| vector.to_vec()).chain(std::iter::repeat(Vec::new()));
        State::from_parts(R::NAME, self.iteration, self.learning_rate, tensors.collect(), names.zip(vectors).collect())
            .expect("what is kept fits together")
    }

    fn restore(&mut self, state: &State<T>, params: &Params<T>) -> Result<(), Error> {
        let (names, layout) = (self.rule.vectors(), params.layout());
        state.fits(R::NAME, names, &layout.params)?;
        self.iteration = state.iteration();
        self.learning_rate = state.learning_rate();
        self.gradient_norm = None;
        if state.is_unused() {
            self.memory = Memory::new();
        } else {
            let vectors = state.iter().map(|(_, values)| values.into()).collect();
            let iterations = state.tensors().iter().map(|tensor| tensor.iterations).collect();
            self.memory.restore(layout, names, vectors, iterations);
        }
        Ok(())
    }
}
