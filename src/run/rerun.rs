//! What running again with other values has to compute: the instructions that depend on what is given, and nothing else.
//!
//! All that does not depend on it is computed once in a recording, by a request like any other, and kept; the program of a
//! rerun reads it where it stands. Programs stay as long as the log holds the instructions that they were made of.

use std::cell::RefCell;

use super::plan::{Goal, Program, is_address, plan};
use crate::kernel::aligned::Aligned;
use crate::kernel::simd::Element;
use crate::kernel::space::Slot;
use crate::kernel::tile::Passes;
use crate::op::{Leaf, Op};
use crate::tape::log::{Id, Instructions, Log};

/// A program that computes some values out of given ones.
#[derive(Debug)]
pub(super) struct Rerun<T> {
    given: Vec<Id>,
    wanted: Vec<Id>,
    /// What it reads that is not a leaf of its own: given values, and values of the recording that do not depend on them.
    pub(super) held: Vec<Id>,
    pub(super) program: Program<T>,
    /// The memory of the program.
    pub(super) own: Aligned<T>,
}

impl<T: Element> Rerun<T> {
    pub(super) fn new(log: &Log<T>, given: &[Id], wanted: &[Id], passes: &mut Passes<T>) -> Self {
        let affected = affected(log, given, wanted);
        let stands = |id: Id| {
            given.contains(&id) || (!matches!(log.entry(id).op, Op::Leaf(_)) && affected.binary_search(&id).is_err())
        };
        let (held, places) = (RefCell::new(Vec::new()), RefCell::new(vec![None; log.len()]));
        let place = |id: Id| {
            *places.borrow_mut()[id as usize].get_or_insert_with(|| {
                held.borrow_mut().push(id);
                held.borrow().len() - 1
            })
        };
        let program = plan(log, Goal { kept: wanted, parts: &[] }, passes, &|id| {
            stands(id).then(|| (place(id), Slot { region: 0, start: 0, len: log.shape(id).size() }))
        });
        Self { given: given.to_vec(), wanted: wanted.to_vec(), held: held.into_inner(), program, own: Aligned::new() }
    }

    /// Whether it is this one that is asked for.
    pub(super) fn answers(&self, given: &[Id], wanted: &[Id]) -> bool {
        self.given == given && self.wanted == wanted
    }

    /// Behind the last instruction that it is made of.
    pub(super) fn end(&self) -> usize {
        self.given.iter().chain(&self.wanted).max().map_or(0, |&id| id as usize + 1)
    }
}

/// Whether a program can read another value at this position: not where the position only says how another is read, nor
/// where a number stands in the instruction.
pub(super) fn can_be_lent(log: &Instructions, id: Id) -> bool {
    !is_address(log, id) && !matches!(log.entry(id).op, Op::Leaf(leaf) if leaf.is_number() || leaf == Leaf::Indices)
}

/// The instructions that `wanted` needs and that depend on one of `given`, ascending.
pub(super) fn affected(log: &Instructions, given: &[Id], wanted: &[Id]) -> Vec<Id> {
    let (Some(&first), Some(&last)) = (given.iter().min(), wanted.iter().max()) else { return Vec::new() };
    if last < first {
        return Vec::new();
    }
    let at = |id: Id| (id - first) as usize;
    let mut needed = vec![false; at(last) + 1];
    let mut stack = wanted.to_vec();
    while let Some(id) = stack.pop() {
        if id >= first && !given.contains(&id) && !std::mem::replace(&mut needed[at(id)], true) {
            stack.extend(log.operands(log.entry(id)));
        }
    }
    let mut affected = vec![false; needed.len()];
    let mut ids = Vec::new();
    for id in (first..=last).filter(|&id| needed[at(id)]) {
        let depends = |&operand: &Id| operand >= first && (given.contains(&operand) || affected[at(operand)]);
        if log.operands(log.entry(id)).iter().any(depends) {
            affected[at(id)] = true;
            ids.push(id);
        }
    }
    ids
}
