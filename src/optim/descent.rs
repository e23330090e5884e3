//! The driver: one rule over one store, with groups, decay, clipping and saving.

use std::sync::Arc;

use super::Optimizer;
use super::allowed::Allowed;
use super::group::{Group, Settings};
use super::intake::Intake;
use super::memory::Memory;
use super::rule::{Iteration, Rule, Vectors};
use super::schedule::Schedule;
use super::state::{Progress, State};
use crate::error::Error;
use crate::kernel::parts::{each_range, fill};
use crate::kernel::squares::{largest, squares};
use crate::params::{Gradient, Layout, Params, norm};
use crate::real::Real;

/// Values from which on a step is shared by threads.
const LARGE: usize = 1 << 16;

/// A rule at work: what every optimiser can do, whatever its rule.
///
/// ```text
/// no step at all               skip_not_finite(true), where g has NaN or ∞
/// g ← (g₁ + … + gₙ)/n          accumulate(n), with every n-th gradient; no update before
/// g ← min(max(g, −c), c)       clip_value(c)
/// g ← g · min(1, C/‖g‖)        clip_norm(C)
/// η ← s(η₀, t)                 schedule(s), of the learning rate and of those of groups
/// g ← g + λ θ                  weight_decay(λ)
/// θ ← θ (1 − η λ)              weight_decay(λ) and decoupled_weight_decay(true), instead of the line above
/// θ ← rule(θ, g, η, t)
/// ```
///
/// Defaults: no skipping, n = 1, no clipping, no schedule, λ = 0, coupled ([`AdamW`](super::AdamW): λ = 0.01, decoupled;
/// [`Lion`](super::Lion): decoupled), no groups.
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
    pub(super) schedule: Option<Arc<dyn Schedule>>,
    pub(super) weight_decay: f64,
    pub(super) decoupled: bool,
    pub(super) clip_norm: Option<f64>,
    pub(super) clip_value: f64,
    pub(super) accumulate: u64,
    pub(super) skip_not_finite: bool,
    pub(super) groups: Vec<Group>,
    pub(super) threads: usize,
    iteration: u64,
    skipped: u64,
    gradient_norm: Option<f64>,
    pub(super) memory: Memory<T>,
    intake: Intake<T>,
    /// The learning rates of this step: without a group, then those of the groups.
    rates: Vec<f64>,
    /// Whether the parameters are where the next gradient is to be taken, and not at θ.
    ahead: bool,
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
            schedule: None,
            weight_decay: 0.0,
            decoupled: false,
            clip_norm: None,
            clip_value: f64::INFINITY,
            accumulate: 1,
            skip_not_finite: false,
            groups: Vec::new(),
            threads: usize::MAX,
            iteration: 0,
            skipped: 0,
            gradient_norm: None,
            memory: Memory::new(),
            intake: Intake::default(),
            rates: Vec::new(),
            ahead: false,
        }
    }

    /// What a tensor of this name is trained with; the learning rate is η₀, before a schedule.
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

    /// The steps that [`skip_not_finite`](Descent::skip_not_finite) has skipped.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let _ = params.add("x", [1], || 1.0);
    /// let (mut gradient, mut optimizer) = (params.gradient(), Sgd::new(0.5).skip_not_finite(true));
    /// for g in [1.0, f64::NAN, 1.0] {
    ///     gradient.flat_mut().fill(g);
    ///     optimizer.step(&mut params, &gradient);
    /// }
    /// assert_eq!((params.flat(), optimizer.iteration(), optimizer.skipped()), (&[0.0][..], 2, 1));
    /// ```
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// What tensors without a group are trained with.
    fn base(&self) -> Settings {
        Settings { learning_rate: self.learning_rate, weight_decay: self.weight_decay }
    }

    /// Panics where a step on this layout cannot be made.
    #[track_caller]
    fn expect_fit(&self, layout: &Arc<Layout>) {
        if !self.memory.is_ready(layout)
            && let Err(message) = self.memory.check(layout, &self.rule, &self.groups)
        {
            panic!("{}: {message}", R::NAME);
        }
    }

    /// The rate that a schedule makes of η₀.
    fn scheduled(&self, base: f64) -> f64 {
        self.schedule.as_ref().map_or(base, |schedule| schedule.rate(base, self.iteration))
    }

    /// Finds the learning rates of this step.
    #[track_caller]
    fn find_rates(&mut self) {
        self.rates.clear();
        for group in std::iter::once(None).chain(self.groups.iter().map(Some)) {
            let settings = group.map_or(self.base(), |group| group.settings(self.base()));
            let rate = self.scheduled(settings.learning_rate);
            if !Allowed::NonNegative.holds_as::<T>(rate) {
                let (base, t) = (settings.learning_rate, self.iteration);
                let field = format!("learning_rate, scheduled for η₀ = {base} after {t} iterations,");
                let _ = Self::checked(&field, rate, Allowed::NonNegative);
            }
            self.rates.push(rate);
        }
    }

    /// Whether no derivative of a tensor that is trained is NaN or ∞.
    fn is_finite(&mut self, gradient: &[T]) -> bool {
        let threads = self.step_threads();
        let Memory { pieces, sums, .. } = &mut self.memory;
        fill(sums, threads, &|index| {
            let piece = &gradient[pieces[index].clone()];
            // Squares are quick to sum, but may overflow.
            let finite = squares(piece, 1.0).is_finite() || piece.iter().all(|g| g.is_finite());
            if finite { 0.0 } else { 1.0 }
        });
        sums.iter().all(|&found| found == 0.0)
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

    /// Makes the update, with the gradient as it came or as it was taken in.
    fn update(&mut self, params: &mut Params<T>, gradient: &[T]) {
        let clip = self.clip(gradient);
        self.memory.count();
        self.iteration += 1;
        let threads = self.step_threads();
        let base = self.base();
        let Self { rule, groups, decoupled, memory, rates, .. } = self;
        let Memory { pieces, segment_of, segments, iterations, vectors, .. } = memory;
        each_range(pieces, threads, params.flat_mut(), vectors, &|index, theta, parts| {
            let segment = &segments[segment_of[index]];
            let settings = segment.group.map_or(base, |group| groups[group].settings(base));
            let decay = (settings.weight_decay, *decoupled);
            let rate = rates[segment.group.map_or(0, |group| group + 1)];
            let now = Iteration::new(iterations[segment.tensor], rate, clip, decay);
            rule.update(now, theta, &gradient[pieces[index].clone()], Vectors::new(parts));
        });
    }

    /// Moves the parameters with one of the rule's ways to look.
    fn look(&mut self, params: &mut Params<T>, way: fn(&R, &mut [T], Vectors<'_, T>)) {
        let threads = self.step_threads();
        let Self { rule, memory, .. } = self;
        let Memory { pieces, vectors, .. } = memory;
        each_range(pieces, threads, params.flat_mut(), vectors, &|_, theta, parts| {
            way(rule, theta, Vectors::new(parts));
        });
    }

    /// The names of what a state keeps of it, in order.
    fn kept(&self) -> Vec<&'static str> {
        let sum = (self.accumulate > 1).then_some("accumulated");
        self.rule.vectors().iter().copied().chain(sum).collect()
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
    fn prepare(&mut self, params: &mut Params<T>) {
        if !R::LOOKS_AHEAD {
            return;
        }
        self.expect_fit(params.layout());
        if !self.memory.is_ready(params.layout()) {
            // Tensors were frozen or added: those that were moved go back before others are.
            self.unprepare(params);
            self.memory.prepare(params.layout(), &self.rule, &self.groups);
        }
        if !self.ahead {
            self.look(params, R::look_ahead::<T>);
            self.ahead = true;
        }
    }

    fn unprepare(&mut self, params: &mut Params<T>) {
        if self.ahead {
            self.look(params, R::look_back::<T>);
            self.ahead = false;
        }
    }

    fn step(&mut self, params: &mut Params<T>, gradient: &Gradient<T>) {
        self.expect_fit(params.layout());
        let ready = self.memory.is_ready(params.layout());
        assert!(
            !R::LOOKS_AHEAD || (self.ahead && ready),
            "{}: the parameters are not where the gradient is to be taken\n  help: call `optimizer.prepare(&mut params)` before the loss is recorded, and freeze or add tensors before that",
            R::NAME
        );
        self.find_rates();
        gradient.consume(params);
        if !ready {
            self.memory.prepare(params.layout(), &self.rule, &self.groups);
        }
        if self.skip_not_finite && !self.is_finite(gradient.flat()) {
            self.skipped += 1;
            return self.unprepare(params);
        }
        params.apply_updates(gradient);
        if self.accumulate == 1 && self.clip_value == f64::INFINITY {
            self.update(params, gradient.flat());
        } else {
            let (count, limit, threads) = (self.accumulate, self.clip_value, self.step_threads());
            if !self.intake.take(gradient.flat(), count, limit, threads) {
                return self.unprepare(params);
            }
            let intake = std::mem::take(&mut self.intake);
            self.update(params, &intake.values);
            self.intake = intake;
        }
        self.ahead = false;
    }

    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn set_learning_rate(&mut self, learning_rate: f64) {
        self.learning_rate = Self::checked("learning_rate", learning_rate, Allowed::NonNegative);
    }

    fn scheduled_rate(&self) -> f64 {
        self.scheduled(self.learning_rate)
    }

    fn last_rate(&self) -> f64 {
        self.rates.first().copied().unwrap_or(0.0)
    }

    fn skips_not_finite(&self) -> bool {
        self.skip_not_finite
    }

    fn iteration(&self) -> u64 {
        self.iteration
    }

    fn gradient_norm(&self) -> Option<f64> {
        self.gradient_norm
    }

    fn state(&self) -> State<T> {
        let Self { memory, intake, .. } = self;
        let slots = memory.slots().iter().zip(&memory.iterations);
        let tensors: Vec<_> = slots
            .map(|(slot, &iterations)| Progress { name: slot.name.to_owned(), shape: slot.shape, iterations })
            .collect();
        let size = tensors.iter().map(|tensor| tensor.shape.size()).sum();
        let mut sum = if intake.pending > 0 { intake.values.to_vec() } else { Vec::new() };
        sum.resize(size, T::zero());
        let mut vectors: Vec<_> = memory.vectors.iter().map(|vector| vector.to_vec()).collect();
        vectors.resize(self.rule.vectors().len(), Vec::new());
        vectors.push(sum);
        let names = self.kept().into_iter().map(ToOwned::to_owned);
        State::from_parts(R::NAME, self.iteration, self.learning_rate, tensors, names.zip(vectors).collect())
            .expect("what is kept fits together")
            .with_pending(intake.pending)
            .with_skipped(self.skipped)
    }

    fn restore(&mut self, state: &State<T>, params: &Params<T>) -> Result<(), Error> {
        let layout = params.layout();
        state.fits(R::NAME, &self.kept(), self.accumulate, &layout.params)?;
        self.iteration = state.iteration();
        self.skipped = state.skipped();
        self.learning_rate = state.learning_rate();
        self.gradient_norm = None;
        self.ahead = false;
        self.intake = Intake::default();
        if state.is_unused() {
            self.memory = Memory::new();
            return Ok(());
        }
        let names = self.rule.vectors();
        let vectors = state.iter().take(names.len()).map(|(_, values)| values.into()).collect();
        let iterations = state.tensors().iter().map(|tensor| tensor.iterations).collect();
        self.memory.restore(layout, names, vectors, iterations);
        if state.pending() > 0
            && let Some((_, sum)) = state.iter().nth(names.len())
        {
            self.intake.restore(sum, state.pending());
        }
        Ok(())
    }
}
