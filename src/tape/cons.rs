//! Hash-consing: finding an instruction that was recorded before.
//!
//! Derivative rules ask for the same things again and again (`tanh`, six times differentiated, would record a thousand
//! instructions for sixty). While a sweep records, equal instructions are one.

use std::hash::{Hash, Hasher};

use super::log::{Entry, Id, Log};
use crate::kernel::random::mix;
use crate::op::Op;
use crate::real::Real;
use crate::shape::Shape;

const EMPTY: u32 = u32::MAX;

/// An open-addressed table of positions. What it holds are hints: a position counts only if it lies before the cursor
/// and holds the very instruction.
#[derive(Default)]
pub(crate) struct Cons {
    table: Vec<u32>,
    used: usize,
    /// Positions below are in the table.
    covered: usize,
}

impl Cons {
    pub(crate) fn find<T: Real>(&self, op: Op, inputs: [u32; 3], given: Option<&Shape>, log: &Log<T>) -> Option<Id> {
        self.probe(hash(op, inputs), |candidate| {
            (candidate as usize) < log.len() && {
                let entry = log.entry(candidate);
                entry.op == op && entry.inputs == inputs && given.is_none_or(|shape| log.shape(candidate) == shape)
            }
        })
        .ok()
    }

    /// Takes in all positions below `end`.
    pub(crate) fn insert_up_to<T: Real>(&mut self, end: usize, log: &Log<T>) {
        let wanted = self.used + end.saturating_sub(self.covered);
        if self.table.is_empty() || 5 * wanted > 4 * self.table.len() {
            self.clear(end);
        }
        for position in self.covered..end {
            self.insert(position, log);
        }
        self.covered = end;
    }

    /// Positions from `len` on will hold other instructions.
    pub(crate) fn forget_from(&mut self, len: usize) {
        self.covered = self.covered.min(len);
    }

    /// Starts over with room for `end` positions and half as many again.
    fn clear(&mut self, end: usize) {
        self.table.clear();
        self.table.resize((3 * end / 2 + 16).next_power_of_two(), EMPTY);
        (self.used, self.covered) = (0, 0);
    }

    #[allow(clippy::cast_possible_truncation, reason = "ids are u32")]
    fn insert<T: Real>(&mut self, position: usize, log: &Log<T>) {
        let entry = *log.entry(position as u32);
        if !entry.op.is_pure() {
            return;
        }
        let same = |candidate: u32| is_same(log, candidate, &entry);
        if let Err(free) = self.probe(hash(entry.op, entry.inputs), same) {
            self.table[free] = position as u32;
            self.used += 1;
        }
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

fn is_same<T: Real>(log: &Log<T>, candidate: Id, entry: &Entry) -> bool {
    (candidate as usize) < log.len() && {
        let other = log.entry(candidate);
        other.op == entry.op && other.inputs == entry.inputs && other.shape == entry.shape
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
