//! Other ways a recording has gone: kept, so that programs that take turns are found again instead of recorded again.
//!
//! Where a recording leaves what stands in the log, the rest is put on the shelf under the position of the turn, together
//! with all that is known about it: sweeps, marks of the runner, and turns further on. When a later recording takes that
//! turn again, the two rests change places. The shelf is bounded; what was not used for the longest time goes first.

use std::sync::Arc;

use super::log::Entry;
use super::sweeps::Sweep;
use crate::op::custom::CustomOp;

/// The number of rests that are kept besides the one in the log.
const TAILS: usize = 64;
/// All rests together hold at most this many instructions for each one in the log, or [`ALWAYS`].
const TIMES: usize = 8;
const ALWAYS: usize = 1 << 16;

/// A note of the runner at a position: that it knows a program that ends there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) position: u32,
    pub(crate) mark: u32,
}

/// All that stood from a position on.
pub(super) struct Tail<T> {
    pub(super) at: usize,
    pub(super) entries: Vec<Entry>,
    pub(super) lists: Vec<u32>,
    pub(super) customs: Vec<Arc<dyn CustomOp<T>>>,
    pub(super) sweeps: Vec<Sweep>,
    pub(super) marks: Vec<Mark>,
    /// Turns further on.
    tails: Vec<Tail<T>>,
    used: u64,
}

impl<T> Tail<T> {
    fn instructions(&self) -> usize {
        self.entries.len() + self.tails.iter().map(Tail::instructions).sum::<usize>()
    }

    fn count(&self) -> usize {
        1 + self.tails.iter().map(Tail::count).sum::<usize>()
    }

    fn give_up(self, orphans: &mut Vec<u32>) {
        orphans.extend(self.marks.iter().map(|mark| mark.mark));
        self.tails.into_iter().for_each(|tail| tail.give_up(orphans));
    }
}

/// The rests that stand beside the log.
pub(super) struct Shelf<T> {
    tails: Vec<Tail<T>>,
    clock: u64,
    /// Marks of rests that were given up.
    pub(super) orphans: Vec<u32>,
    /// The memory of a rest that went back into the log, for the next one.
    spare: Vec<Entry>,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self { tails: Vec::new(), clock: 0, orphans: Vec::new(), spare: Vec::new() }
    }
}

impl<T> Shelf<T> {
    pub(super) fn is_empty(&self) -> bool {
        self.tails.is_empty()
    }

    /// Takes down the rest that stands at this position and starts with an accepted instruction.
    pub(super) fn take(&mut self, at: usize, accept: impl Fn(&Tail<T>) -> bool) -> Option<Tail<T>> {
        let found = self.tails.iter().position(|tail| tail.at == at && accept(tail))?;
        Some(self.tails.swap_remove(found))
    }

    /// A rest goes back into the log: the turns that belong to it are known again.
    pub(super) fn put_back(&mut self, mut tail: Tail<T>) {
        self.tails.append(&mut tail.tails);
        tail.entries.clear();
        self.spare = tail.entries;
    }

    /// Memory for the instructions of a rest.
    pub(super) fn spare(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.spare)
    }

    /// Puts a rest on the shelf, with the turns behind its start; `len` instructions stay in the log.
    #[allow(clippy::too_many_arguments, reason = "the parts of a rest")]
    pub(super) fn put(
        &mut self,
        at: usize,
        entries: Vec<Entry>,
        lists: Vec<u32>,
        customs: Vec<Arc<dyn CustomOp<T>>>,
        sweeps: Vec<Sweep>,
        marks: Vec<Mark>,
    ) {
        self.clock += 1;
        let tails = self.tails.extract_if(.., |tail| tail.at > at).collect();
        let room = ALWAYS.max(TIMES * (at + entries.len()));
        self.tails.push(Tail { at, entries, lists, customs, sweeps, marks, tails, used: self.clock });
        while self.tails.len() > 1
            && (self.tails.iter().map(Tail::count).sum::<usize>() > TAILS
                || self.tails.iter().map(Tail::instructions).sum::<usize>() > room)
        {
            let oldest = (0..self.tails.len()).min_by_key(|&k| self.tails[k].used).expect("there are several");
            self.tails.swap_remove(oldest).give_up(&mut self.orphans);
        }
    }

    /// Gives up every rest.
    pub(super) fn clear(&mut self) {
        self.tails.drain(..).for_each(|tail| tail.give_up(&mut self.orphans));
    }

    pub(super) fn bytes(&self) -> usize {
        self.tails.iter().map(Tail::instructions).sum::<usize>() * size_of::<Entry>()
    }
}
