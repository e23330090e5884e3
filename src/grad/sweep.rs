//! The sweep itself, and what a derivative rule sees of it.

use std::sync::Arc;

use super::recompute::{Body, Copies};
use crate::op::custom::{Cotangent, CustomOp};
use crate::real::{Real, twin};
use crate::tape::log::{Entry, Id, Instructions, Place};
use crate::tape::sweeps::{Answers, Request};
use crate::tape::{Recorder, Var, name};

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
    copies: Copies,
}

/// The derivative for one of `N` operands, out of these, the result and its cotangent.
pub(crate) type Pullback<'t, T, const N: usize> = fn([Var<'t, T>; N], Var<'t, T>, Var<'t, T>) -> Cotangent<'t, T>;

const NONE: Id = Id::MAX;

impl Sweep {
    /// Marks what depends on `inputs` up to `output`.
    fn new(log: &Instructions, output: Id, inputs: &[Id]) -> Self {
        let first = inputs.iter().copied().min().unwrap_or(output).min(output);
        let len = (output - first) as usize + 1;
        let (active, gathered, masked) = (vec![false; len], vec![NONE; len], vec![false; len]);
        let mut sweep = Self { first, active, gathered, masked, copies: Copies::default() };
        for &input in inputs.iter().filter(|&&input| input <= output) {
            sweep.active[(input - first) as usize] = true;
        }
        for id in first..=output {
            sweep.copies.note(log, id);
            if sweep.copies.is_copy(id) {
                continue;
            }
            let entry = log.entry(id);
            let depends = || log.operands(entry).iter().any(|&operand| sweep.is_active(operand));
            if entry.op.is_differentiable() && depends() {
                sweep.active[(id - first) as usize] = true;
            }
        }
        sweep
    }

    /// Whether a derivative for this position is wanted, or, for a copy, for what it is a copy of.
    fn is_active(&self, id: Id) -> bool {
        self.copies
            .original(id)
            .checked_sub(self.first)
            .and_then(|at| self.active.get(at as usize))
            .is_some_and(|&active| active)
    }

    fn gathered(&self, id: Id) -> Option<Id> {
        let at = id.checked_sub(self.first)? as usize;
        self.gathered.get(at).copied().filter(|&gathered| gathered != NONE)
    }

    fn is_masked(&self, id: Id) -> bool {
        self.masked[(id - self.first) as usize]
    }

    /// The last position of the body of a checkpoint for which there is a cotangent, and that.
    fn gathered_in_body(&self, log: &Instructions, checkpoint: Id) -> Option<Id> {
        Body::of(log, checkpoint)?.backwards().find_map(|id| self.gathered(id).filter(|_| self.is_active(id)))
    }

    #[track_caller]
    fn gather<T: Real>(&mut self, id: Id, cotangent: Var<'_, T>, masked: bool) {
        let at = (self.copies.original(id) - self.first) as usize;
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
        Var::new(self.recorder, self.sweep.copies.stand_in(self.operand(operand)))
    }

    /// All operands of an op that has `N` of them.
    pub(crate) fn xs<const N: usize>(&self) -> [Var<'t, T>; N] {
        let mut xs = [self.c; N];
        for (operand, x) in xs.iter_mut().enumerate() {
            *x = self.x(operand);
        }
        xs
    }

    /// The result.
    pub(crate) fn y(&self) -> Var<'t, T> {
        Var::new(self.recorder, self.sweep.copies.stand_in(self.id))
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
        if self.wants(operand) {
            self.gather(operand, formula().into());
        }
    }

    /// [`add`](Self::add) for each operand in turn.
    pub(crate) fn add_each<const N: usize>(&mut self, pullbacks: &[Pullback<'t, T, N>]) {
        for (operand, pullback) in pullbacks.iter().enumerate() {
            let (xs, y, c) = (self.xs(), self.y(), self.c);
            self.add(operand, || pullback(xs, y, c));
        }
    }

    /// Whether the derivative for an operand is wanted; apart, since each rule asks.
    #[inline(never)]
    fn wants(&self, operand: usize) -> bool {
        self.sweep.is_active(self.operand(operand))
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
        let after = sweep.gathered_in_body(&live.log(), id);
        if let Some(after) = after {
            live.log_mut().derive_at(id, false);
            sweep.copies.record(recorder, id, after);
        }
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
