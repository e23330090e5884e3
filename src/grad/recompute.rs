//! Bodies of checkpoints that a sweep records again, to differentiate what is computed anew instead of what was kept.
//!
//! A sweep that comes to a checkpoint with a cotangent first records a copy of what the body makes of its operand, behind an
//! instruction that has to wait for that cotangent. Rules of the body's instructions then see the copies for their operands
//! and results, so that nothing reads the originals and no runner keeps them. Cotangents are gathered for the originals, in
//! the order in which they would be without a checkpoint, so the sums have the same bits. A later sweep that meets a copy takes
//! it for its original for the same reason.

use std::collections::BTreeMap;

use crate::op::{Op, Recompute, View};
use crate::real::Real;
use crate::tape::Recorder;
use crate::tape::log::{Id, Instructions};

/// What a sweep knows of copies.
#[derive(Default)]
pub(super) struct Copies {
    /// The copy that this sweep has made of an instruction.
    stand_ins: BTreeMap<Id, Id>,
    /// Of what an instruction that an earlier sweep recorded is the copy.
    originals: BTreeMap<Id, Id>,
}

impl Copies {
    /// Notes the copies that begin at this position, if some do.
    pub(super) fn note(&mut self, log: &Instructions, start: Id) {
        let entry = log.entry(start);
        if entry.op != Op::Recompute(Recompute::Body) {
            return;
        }
        let checkpoint = self.original(entry.inputs[2]);
        if let Some(body) = Body::of(log, checkpoint) {
            self.originals.insert(start, body.x);
            self.originals.extend((start + 1..).zip(body.copied(log)));
        }
    }

    /// The instruction that a position is a copy of, or itself.
    #[inline]
    pub(super) fn original(&self, mut id: Id) -> Id {
        if !self.originals.is_empty() {
            // What was copied may have been a copy.
            while let Some(&original) = self.originals.get(&id) {
                id = original;
            }
        }
        id
    }

    /// Whether it is a copy that was recorded by an earlier sweep.
    pub(super) fn is_copy(&self, id: Id) -> bool {
        self.originals.contains_key(&id)
    }

    /// What is read for an instruction: its copy, if this sweep has made one.
    #[inline]
    pub(super) fn stand_in(&self, id: Id) -> Id {
        if self.stand_ins.is_empty() { id } else { self.stand_ins.get(&id).copied().unwrap_or(id) }
    }

    /// Records the body of a checkpoint again, to be computed when the value at `after` is there.
    pub(super) fn record<T: Real>(&mut self, recorder: Recorder<'_, T>, checkpoint: Id, after: Id) {
        let mut log = recorder.live().log_mut();
        let Some(body) = Body::of(&log, checkpoint) else { return };
        let (x, ids) = (body.x, body.copied(&log));
        if ids.is_empty() {
            return;
        }
        let inputs = [self.stand_in(x), after, self.stand_in(checkpoint)];
        let start = log.push_copy(Op::Recompute(Recompute::Body), inputs, x);
        let mut copies = BTreeMap::new();
        copies.insert(x, start);
        for id in ids {
            let mapped = |id: &Id| copies.get(id).copied().unwrap_or_else(|| self.stand_in(*id));
            let entry = *log.entry(id);
            let copy = if entry.op.has_list() {
                let operands: Vec<Id> = log.operands(&entry).iter().map(mapped).collect();
                log.push_copy_of_list(id, &operands)
            } else {
                let mut inputs = entry.inputs;
                inputs[..entry.op.arity()].iter_mut().for_each(|input| *input = mapped(input));
                // What was a copy or a checkpoint within is part of this copy, and nothing by itself.
                let op = match entry.op {
                    Op::Recompute(_) => Op::Recompute(Recompute::Plain),
                    Op::View(View::Checkpoint) => {
                        inputs[1..].fill(0);
                        Op::View(View::Alias)
                    }
                    op => op,
                };
                log.push_copy(op, inputs, id)
            };
            copies.insert(id, copy);
        }
        copies.remove(&x);
        self.stand_ins.extend(copies);
    }
}

/// The body of a checkpoint: what `f` recorded in `x.checkpoint(f)`.
pub(super) struct Body {
    x: Id,
    start: Id,
    checkpoint: Id,
}

impl Body {
    /// The body of the checkpoint at a position, if one is there.
    pub(super) fn of(log: &Instructions, checkpoint: Id) -> Option<Self> {
        let entry = log.entry(checkpoint);
        let [_, x, start] = entry.inputs;
        (entry.op == Op::View(View::Checkpoint)).then_some(Self { x, start, checkpoint })
    }

    /// All its positions, the last first, and that of the checkpoint before.
    pub(super) fn backwards(&self) -> impl Iterator<Item = Id> {
        (self.start..=self.checkpoint).rev()
    }

    /// The instructions that depend on `x`, ascending. All others are computed once.
    fn copied(&self, log: &Instructions) -> Vec<Id> {
        let at = |id: Id| id.checked_sub(self.start).map(|at| at as usize);
        let mut depends = vec![false; (self.checkpoint - self.start) as usize];
        let mut ids = Vec::new();
        for id in self.start..self.checkpoint {
            let from = |&operand: &Id| operand == self.x || at(operand).is_some_and(|at| depends[at]);
            if log.operands(log.entry(id)).iter().any(from) {
                depends[(id - self.start) as usize] = true;
                ids.push(id);
            }
        }
        ids
    }
}
