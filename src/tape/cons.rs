//! Hash-consing: finding an instruction that a sweep recorded before.
//!
//! Derivative rules ask for the same things again and again (`tanh`, six times differentiated, would record a thousand
//! instructions for sixty). While a sweep records, equal instructions of this and earlier sweeps are one.
//!
//! What somebody holds a handle of is not shared: a derivative that quietly went through it would depend on it.

use std::hash::{Hash, Hasher};

use super::log::{Id, Instructions};
use super::sweeps::Sweeps;
use crate::kernel::random::mix;
use crate::op::Op;
use crate::shape::Shape;

const EMPTY: u32 = u32::MAX;

/// An open-addressed table of the positions that sweeps of this recording filled.
#[derive(Default)]
pub(crate) struct Cons {
    table: Vec<u32>,
    used: usize,
    /// The number of sweeps of this recording whose instructions are in the table; none before the first is needed.
    sweeps: Option<usize>,
}

impl Cons {
    /// Another recording begins.
    pub(crate) fn restart(&mut self) {
        self.sweeps = None;
    }

    /// The position of such an instruction that may be shared.
    pub(crate) fn find(
        &self,
        op: Op,
        inputs: [u32; 3],
        given: Option<&Shape>,
        log: &Instructions,
        sweeps: &Sweeps,
    ) -> Option<Id> {
        let same = |candidate: Id| {
            let entry = log.entry(candidate);
            entry.op == op
                && entry.inputs == inputs
                && given.is_none_or(|shape| log.shape(candidate) == shape)
                && !sweeps.is_answer(candidate)
        };
        if self.table.is_empty() { None } else { self.probe(hash(op, inputs), same).ok() }
    }

    /// Takes in the instructions of these sweeps, all there were in this recording, as far as they are not in.
    pub(crate) fn take_in(&mut self, sweeps: &[(Id, Id)], log: &Instructions) {
        let known = self.sweeps.unwrap_or_else(|| {
            self.table.fill(EMPTY);
            self.used = 0;
            0
        });
        for &(start, end) in &sweeps[known..] {
            (start..end).for_each(|id| self.insert(id, log));
        }
        self.sweeps = Some(sweeps.len());
    }

    /// The sweep that filled the table while it recorded is one of those taken in.
    pub(crate) fn count_sweep(&mut self) {
        self.sweeps = self.sweeps.map(|sweeps| sweeps + 1);
    }

    /// Takes an instruction in, which comes once in a recording. One that equals it is there already only if somebody
    /// holds a handle of that.
    pub(crate) fn insert(&mut self, id: Id, log: &Instructions) {
        if !log.entry(id).op.is_pure() {
            return;
        }
        if 5 * (self.used + 1) > 4 * self.table.len() {
            self.grow(log);
        }
        self.place(id, log);
        self.used += 1;
    }

    fn place(&mut self, id: Id, log: &Instructions) {
        let entry = log.entry(id);
        if let Err(free) = self.probe(hash(entry.op, entry.inputs), |_| false) {
            self.table[free] = id;
        }
    }

    fn grow(&mut self, log: &Instructions) {
        let wider = vec![EMPTY; (2 * self.table.len()).max(64)];
        let old = std::mem::replace(&mut self.table, wider);
        old.into_iter().filter(|&id| id != EMPTY).for_each(|id| self.place(id, log));
    }

    /// The first position on the hash's path that `accept`s, or the free place at its end.
    fn probe(&self, hash: u64, accept: impl Fn(u32) -> bool) -> Result<Id, usize> {
        let mask = self.table.len() - 1;
        #[allow(clippy::cast_possible_truncation, reason = "masked")]
        let mut at = hash as usize & mask;
        loop {
            match self.table[at] {
                EMPTY => return Err(at),
                candidate if accept(candidate) => return Ok(candidate),
                _ => at = (at + 1) & mask,
            }
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.table.capacity() * size_of::<u32>()
    }
}

fn hash(op: Op, inputs: [u32; 3]) -> u64 {
    let mut state = Mixer(0);
    op.hash(&mut state);
    inputs.hash(&mut state);
    state.finish()
}

/// A small deterministic hasher: nothing may depend on a random seed.
struct Mixer(u64);

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0 = mix(self.0 ^ u64::from_le_bytes(word)).wrapping_add(0x9E37_79B9_7F4A_7C15);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
