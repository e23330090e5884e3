//! The reverse sweep: recording the derivative of a recording.
//!
//! A sweep walks back from an output over the instructions that lie between it and what is differentiated for, and asks
//! each op's rule for its part. Rules record ops like anybody else, so a derivative can be differentiated again, and
//! what nobody reads is never computed.

use std::panic::Location;
use std::sync::Arc;

use crate::op::custom::{Cotangent, CustomOp};
use crate::real::{Real, twin};
use crate::tape::log::{Entry, Id, Log, Place};
use crate::tape::sweeps::{Answers, Request, Weighted};
use crate::tape::{Recorder, Var, name, two_recordings};

/// What a derivative rule sees of its instruction: operands, result, cotangent; and where its answers go.
pub(crate) struct Cotangents<'s, 't, T: Real> {
    sweep: &'s mut Sweep,
    recorder: Recorder<'t, T>,
    id: Id,
    entry: Entry,
    c: Var<'t, T>,
    masked: bool,
}

/// Positions between what is differentiated for and the output, and the cotangents gathered there so far.
struct Sweep {
    first: Id,
    active: Vec<bool>,
    gathered: Vec<Id>,
    /// Where a cotangent has passed an op that chooses (`select`, `max`, …): it is exactly 0 for what was not chosen.
    ///
    /// What was not chosen may hold NaN or ∞, and so may the slopes on its way, and 0 times such a slope is NaN. So from
    /// there on, products with a cotangent are [weighed](Var::weigh): a cotangent of 0 stays 0.
    masked: Vec<bool>,
}

const NONE: Id = Id::MAX;

impl Sweep {
    /// Marks what depends on `inputs` up to `output`.
    fn new<T: Real>(log: &Log<T>, output: Id, inputs: &[Id]) -> Self {
        let first = inputs.iter().copied().min().unwrap_or(output).min(output);
        let len = (output - first) as usize + 1;
        let mut sweep = Self { first, active: vec![false; len], gathered: vec![NONE; len], masked: vec![false; len] };
        for &input in inputs.iter().filter(|&&input| input <= output) {
            sweep.active[(input - first) as usize] = true;
        }
        for id in first..=output {
            let entry = log.entry(id);
            let depends = || log.operands(entry).iter().any(|&operand| sweep.is_active(operand));
            if entry.op.is_differentiable() && depends() {
                sweep.active[(id - first) as usize] = true;
            }
        }
        sweep
    }

    fn is_active(&self, id: Id) -> bool {
        id.checked_sub(self.first).and_then(|at| self.active.get(at as usize)).is_some_and(|&active| active)
    }

    fn gathered(&self, id: Id) -> Option<Id> {
        let at = id.checked_sub(self.first)? as usize;
        self.gathered.get(at).copied().filter(|&gathered| gathered != NONE)
    }

    fn is_masked(&self, id: Id) -> bool {
        self.masked[(id - self.first) as usize]
    }

    #[track_caller]
    fn gather<T: Real>(&mut self, id: Id, cotangent: Var<'_, T>, masked: bool) {
        let at = (id - self.first) as usize;
        self.masked[at] |= masked;
        let slot = &mut self.gathered[at];
        *slot = if *slot == NONE { cotangent.id() } else { (cotangent.at(*slot) + cotangent).id() };
    }
}

impl<'t, T: Real> Cotangents<'_, 't, T> {
    /// The number of operands.
    pub(crate) fn count(&self) -> usize {
        self.recorder.live().log().operands(&self.entry).len()
    }

    /// An operand.
    pub(crate) fn x(&self, operand: usize) -> Var<'t, T> {
        Var::new(self.recorder, self.operand(operand))
    }

    /// All operands of an op that has `N` of them.
    pub(crate) fn xs<const N: usize>(&self) -> [Var<'t, T>; N] {
        std::array::from_fn(|operand| self.x(operand))
    }

    /// The result.
    pub(crate) fn y(&self) -> Var<'t, T> {
        Var::new(self.recorder, self.id)
    }

    /// The cotangent of the result.
    pub(crate) fn c(&self) -> Var<'t, T> {
        self.c
    }

    /// Whether the cotangent may be 0 because something was not chosen, so that products with it have to be
    /// [weighed](Var::weigh).
    pub(crate) fn is_masked(&self) -> bool {
        self.masked
    }

    /// The inputs of the instruction, arguments among them.
    pub(crate) fn arguments(&self) -> [u32; 3] {
        self.entry.inputs
    }

    /// One of the inputs of the instruction that is an argument.
    pub(crate) fn argument(&self, input: usize) -> u32 {
        self.entry.inputs[input]
    }

    /// The user's op that was called. What it records may depend on more than structure.
    pub(crate) fn custom(&self) -> Arc<dyn CustomOp<T>> {
        let mut log = self.recorder.live().log_mut();
        log.sweeps.derive_impure();
        Arc::clone(log.custom(&self.entry))
    }

    /// Adds the derivative for an operand, if it is wanted: only then is the formula recorded.
    ///
    /// Where the operand was broadcast, the derivative is summed back to its shape. This is the only place that does so.
    pub(crate) fn add<C: Into<Cotangent<'t, T>>>(&mut self, operand: usize, formula: impl FnOnce() -> C) {
        if self.sweep.is_active(self.operand(operand)) {
            self.gather(operand, formula().into());
        }
    }

    /// [`add`](Self::add) for each operand in turn.
    pub(crate) fn add_each(&mut self, formulas: &[&dyn Fn() -> Cotangent<'t, T>]) {
        for (operand, formula) in formulas.iter().enumerate() {
            self.add(operand, formula);
        }
    }

    fn gather(&mut self, operand: usize, cotangent: Cotangent<'t, T>) {
        let id = self.operand(operand);
        match cotangent {
            Cotangent::Var(cotangent) => {
                let cotangent = cotangent.sum_to(&self.x(operand).shape());
                self.sweep.gather(id, cotangent, self.masked || self.entry.op.chooses());
            }
            Cotangent::Zero => {}
            Cotangent::Missing => self.missing(operand),
        }
    }

    fn operand(&self, operand: usize) -> Id {
        self.recorder.live().log().operands(&self.entry)[operand]
    }

    fn missing(&self, operand: usize) -> ! {
        let log = self.recorder.live().log();
        panic!(
            "{}: the derivative for operand {operand} is missing and was asked for\n  recorded at {}\n  help: answer `Cotangent::Zero` if it is 0, or `detach` the operand",
            name(&log, &self.entry),
            log.place(self.id)
        )
    }
}

/// Records the derivative of the weighted outputs for each of `inputs`: its position, or nothing where no output depends
/// on the input.
///
/// A sweep recorded at this position before, with the same request, is found again whole.
pub(crate) fn sweep<T: Real>(recorder: Recorder<'_, T>, request: Request, place: Place) -> Answers {
    let live = recorder.live();
    if let Some(answers) = live.log_mut().find_sweep(&request) {
        return answers;
    }
    let record: for<'t> fn(Recorder<'t, T>, Request, Place) -> Answers = twin(
        &(record_f32 as for<'t> fn(Recorder<'t, _>, _, _) -> _),
        &(record_f64 as for<'t> fn(Recorder<'t, _>, _, _) -> _),
    );
    record(recorder, request, place)
}

fn record_f32(recorder: Recorder<'_, f32>, request: Request, place: Place) -> Answers {
    record(recorder, request, place)
}

fn record_f64(recorder: Recorder<'_, f64>, request: Request, place: Place) -> Answers {
    record(recorder, request, place)
}

/// Records a sweep that is not found again.
fn record<T: Real>(recorder: Recorder<'_, T>, request: Request, place: Place) -> Answers {
    let live = recorder.live();
    let last = request.outputs.iter().map(|&(output, _)| output).max().unwrap_or(0);
    let (around, mut sweep) = {
        let mut log = live.log_mut();
        (log.start_sweep(place), Sweep::new(&log, last, &request.inputs))
    };
    let guard = Guard { recorder, outermost: around.is_none() };
    for &(output, cotangent) in &request.outputs {
        if !sweep.is_active(output) {
            continue;
        }
        let seed = match cotangent {
            Some(id) => Var::new(recorder, id),
            None => recorder.literal(1.0).broadcast_to(Var::new(recorder, output).shape()),
        };
        // The cotangent of a sweep inside a rule is made of the rule's own.
        let masked = cotangent.is_some() && around.is_some_and(|(_, masked)| masked);
        sweep.gather(output, seed, masked);
    }
    for id in (sweep.first..=last).rev() {
        let Some(c) = sweep.gathered(id).filter(|_| sweep.is_active(id)) else { continue };
        let entry = *live.log().entry(id);
        if !entry.op.is_differentiable() {
            continue;
        }
        let masked = sweep.is_masked(id);
        live.log_mut().derive_at(id, masked);
        let c = Var::new(recorder, c);
        entry.op.vjp(&mut Cotangents { sweep: &mut sweep, recorder, id, entry, c, masked });
    }
    let answers: Answers = request.inputs.iter().map(|&input| sweep.gathered(input)).collect();
    std::mem::forget(guard);
    let mut log = live.log_mut();
    match around {
        Some((place, masked)) => log.sweeps.derive_at(place, masked),
        None => log.finish_sweep(request, &answers),
    }
    drop(log);
    answers
}

/// Ends a sweep whose rule panicked, so that a tape that lives on does not stay in it.
struct Guard<'t, T: Real> {
    recorder: Recorder<'t, T>,
    outermost: bool,
}

impl<T: Real> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        if self.outermost {
            self.recorder.live().log_mut().abandon_sweep();
        }
    }
}

/// The derivatives of Σ c⊙y over pairs of an output y and its cotangent c, in one sweep; `op` is who asks.
#[track_caller]
pub(crate) fn pull_back<'t, T: Real>(
    recorder: Recorder<'t, T>,
    op: &str,
    outputs: &[(Var<'t, T>, Var<'t, T>)],
    xs: &[Var<'t, T>],
) -> Vec<Var<'t, T>> {
    if let Some((y, _)) = outputs.first() {
        check_recording(op, *y, outputs.iter().flat_map(|(y, c)| [y, c]).chain(xs));
    }
    let request = Request {
        outputs: outputs.iter().map(|(y, c)| (y.id(), Some(c.id()))).collect(),
        inputs: xs.iter().map(|x| x.id()).collect(),
    };
    answer(recorder, request, xs)
}

#[track_caller]
fn check_recording<'v, 't: 'v, T: Real>(op: &str, own: Var<'t, T>, others: impl IntoIterator<Item = &'v Var<'t, T>>) {
    for other in others {
        if !std::ptr::eq(own.live(), other.live()) {
            two_recordings(op, own, *other);
        }
    }
}

/// Records the sweep and hands out what it found for each of `xs`; zeros where nothing depends on it.
#[track_caller]
fn answer<'t, T: Real>(recorder: Recorder<'t, T>, request: Request, xs: &[Var<'t, T>]) -> Vec<Var<'t, T>> {
    let start = recorder.live().log().len();
    let answers = sweep(recorder, request, Location::caller());
    let mut derivatives = Vec::with_capacity(xs.len());
    for (x, answer) in xs.iter().zip(answers) {
        derivatives.push(match answer {
            Some(id) => x.at(id).as_answer(start, xs.len() == 1),
            None => recorder.zeros(x.shape()),
        });
    }
    derivatives
}

impl<'t, T: Real> Var<'t, T> {
    /// The derivative of this scalar for `x`, recorded as further instructions: it can be read, used and differentiated
    /// like any tensor. Zero where this scalar does not depend on `x`.
    ///
    /// `x` may be any tensor of the recording, also one in the middle. What was computed from `x` *before* counts as a
    /// function of `x`; for the derivative of a function at a point of its own see [`grad_of`](Var::grad_of).
    ///
    /// # Panics
    ///
    /// If this is no scalar, or `x` belongs to another recording.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let third = grad(|x| (x * x * x).sum().gradient(x).sum().gradient(x).sum(), &array![5.0]);
    /// assert_eq!(third, array![6.0]);
    /// ```
    #[track_caller]
    pub fn gradient(self, x: Self) -> Self {
        self.gradients(&[x])[0]
    }

    /// The derivatives of this scalar for several tensors, in one sweep; see [`gradient`](Var::gradient).
    ///
    /// # Panics
    ///
    /// If this is no scalar, or one belongs to another recording.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let params = Params::<f64>::new();
    /// let mut tape = Tape::new();
    /// let step = tape.record(&params);
    /// let (x, y) = (step.variable(&[2.0]), step.variable(&[3.0]));
    /// let g = (x * y).sum().gradients(&[x, y]);
    /// assert_eq!((g[0].item(), g[1].item()), (3.0, 2.0));
    /// ```
    #[track_caller]
    pub fn gradients(self, xs: &[Self]) -> Vec<Self> {
        self.expect_scalar("gradient");
        self.pull_back(xs, None)
    }

    /// The derivatives of Σ c⊙y for several tensors, y being this one: the transposed Jacobian times `c`.
    ///
    /// # Panics
    ///
    /// If `c` has another shape, or one belongs to another recording.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let c = array![1.0, 10.0];
    /// let g = vjp(|x| x * x, &array![2.0, 3.0], &c);
    /// assert_eq!(g, array![4.0, 60.0]);
    /// ```
    #[track_caller]
    pub fn vjp(self, xs: &[Self], c: Self) -> Vec<Self> {
        self.expect_cotangent(c);
        self.pull_back(xs, Some(c))
    }

    /// The derivative of this tensor along `dx`, a direction of `x`: the Jacobian times `dx`.
    ///
    /// Recorded as the derivative of a [`vjp`](Var::vjp) for its cotangent, in which it is linear; the value of the vjp
    /// itself is never computed.
    ///
    /// # Panics
    ///
    /// If `dx` has another shape than `x`, or one belongs to another recording.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let dy = jvp(|x| x * x, &array![2.0, 3.0], &array![1.0, 0.0]);
    /// assert_eq!(dy, array![4.0, 0.0].into_dyn());
    /// ```
    #[track_caller]
    pub fn jvp(self, x: Self, dx: Self) -> Self {
        self.jvps(&[x], &[dx])
    }

    /// The derivative of this tensor along one direction for each of several tensors, all at once: Σ Jₖ·dxₖ; see
    /// [`jvp`](Var::jvp). Zero where this tensor depends on none of them.
    ///
    /// # Panics
    ///
    /// If there are more or fewer directions than tensors, one has another shape than its tensor, or one belongs to another
    /// recording.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let (params, mut tape) = (Params::<f64>::new(), Tape::new());
    /// let step = tape.record(&params);
    /// let (x, y) = (step.variable(&[2.0]), step.variable(&[3.0]));
    /// let dz = (x * y).jvps(&[x, y], &[step.input(&[1.0]), step.input(&[10.0])]);
    /// assert_eq!(dz.item(), 23.0); // 3·1 + 2·10
    /// ```
    #[track_caller]
    pub fn jvps(self, xs: &[Self], dxs: &[Self]) -> Self {
        if xs.len() != dxs.len() {
            self.fail("jvp", &format!("{} directions for {} variables", dxs.len(), xs.len()));
        }
        for (x, dx) in xs.iter().zip(dxs) {
            let (own, other) = (x.shape(), dx.shape());
            if own != other {
                self.fail("jvp", &format!("the direction has shape {other}, the variable {own}"));
            }
        }
        let u = self.literal(0.0).broadcast_to(self.shape()).alias();
        let reverse = self.pull_back(xs, Some(u));
        let along: Vec<_> = reverse.into_iter().zip(dxs.iter().copied()).collect();
        pull_back(self.recording(), "jvp", &along, &[u])[0]
    }

    /// The derivative of a scalar function at this point. The function gets the value under an identity of its own, so
    /// that other uses of it count as constants.
    ///
    /// # Panics
    ///
    /// If the function's result is no scalar.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// // ∂/∂z (z·x) at z = x is x, and its derivative is 1, not 2
    /// let g = grad(|x| x.grad_of(|z| (z * x).sum()).sum(), &array![3.0]);
    /// assert_eq!(g, array![1.0]);
    /// ```
    #[track_caller]
    pub fn grad_of(self, f: impl FnOnce(Self) -> Self) -> Self {
        let z = self.alias();
        f(z).gradient(z)
    }

    #[track_caller]
    fn pull_back(self, xs: &[Self], c: Option<Self>) -> Vec<Self> {
        let request = Request {
            outputs: Weighted::from_slice(&[(self.id(), c.map(Self::id))]),
            inputs: xs.iter().map(|x| x.id()).collect(),
        };
        check_recording("gradient", self, xs.iter().chain(&c));
        answer(self.recording(), request, xs)
    }

    /// The derivative that a sweep found, as something that nothing else depends on: not shared with later sweeps, and of
    /// an identity of its own where the sweep did not record it, has answered with it already, or has other answers, which
    /// may be made of it.
    #[track_caller]
    fn as_answer(self, start: usize, only: bool) -> Self {
        let mut log = self.live().log_mut();
        let own = only && self.id() as usize >= start && !log.sweeps.is_answer(self.id());
        if own {
            log.sweeps.answer(self.id());
            return self;
        }
        drop(log);
        self.alias()
    }

    #[track_caller]
    pub(crate) fn expect_cotangent(self, c: Self) {
        let (own, other) = (self.shape(), c.shape());
        if own != other {
            self.fail("vjp", &format!("the cotangent has shape {other}, the output {own}"));
        }
    }

    #[track_caller]
    pub(crate) fn expect_scalar(self, op: &str) {
        let shape = self.shape();
        if shape.size() != 1 {
            self.fail(
                op,
                &format!("{shape} is no scalar\n  help: reduce it with `sum()` or `mean()`, or give a cotangent of its shape to `vjp`"),
            );
        }
    }
}
