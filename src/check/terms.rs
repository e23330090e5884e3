//! A scalar as a sum of terms, so that a change of one is not lost in the rounding of all.

use std::collections::BTreeMap;

use crate::op::{Arithmetic, Elementary, Leaf, Op};
use crate::real::{Real, Scalar as _};
use crate::tape::Var;
use crate::tape::log::{Id, Log, join};

/// A tensor whose elements, each times `factor`, add to the scalar.
#[derive(Clone, Copy)]
pub(super) struct Term {
    pub(super) id: Id,
    pub(super) factor: f64,
}

/// What a term is at a point.
pub(super) struct Values {
    pub(super) factor: f64,
    /// Times the factor.
    pub(super) elements: Vec<f64>,
}

impl Values {
    /// The size of each element, or the factor where that is larger.
    pub(super) fn sizes(&self) -> impl Iterator<Item = f64> + '_ {
        self.elements.iter().map(|x| x.abs().max(self.factor.abs()))
    }
}

impl Term {
    pub(super) fn values<'a, T: Real>(self, elements: impl IntoIterator<Item = &'a T>) -> Values {
        let elements = elements.into_iter().map(|x| self.factor * x.as_f64()).collect();
        Values { factor: self.factor, elements }
    }
}

/// The terms of a scalar: what its last sums, differences and multiples by numbers are made of. The sum over all
/// elements of all terms is the scalar, but for rounding.
pub(super) fn terms<T: Real>(scalar: Var<'_, T>) -> Vec<Term> {
    let log = scalar.live().log();
    let mut terms = Vec::new();
    // Later instructions first: when one is taken, all that use it have been.
    let mut open = BTreeMap::from([(scalar.id(), 1.0)]);
    while let Some((id, factor)) = open.pop_last() {
        let parts = parts(&log, id);
        if parts.is_empty() {
            terms.push(Term { id, factor });
        }
        for (operand, times) in parts {
            *open.entry(operand).or_insert(0.0) += factor * times;
        }
    }
    terms
}

/// The operands of a linear instruction, and how often an element of each counts in the sum over the result's elements.
fn parts<T: Real>(log: &Log<T>, id: Id) -> Vec<(Id, f64)> {
    let entry = log.entry(id);
    let operands = log.operands(entry);
    let size = |id: Id| log.shape(id).size().as_f64();
    let number = |id: Id| match log.entry(id) {
        leaf if matches!(leaf.op, Op::Leaf(Leaf::Scalar | Leaf::Literal)) => {
            Some(T::from_bits(join(leaf.inputs)).as_f64())
        }
        _ => None,
    };
    // A broadcast operand counts once for each of its copies.
    let part = |operand: usize, factor: f64| {
        let copies = if size(id) == 0.0 { 0.0 } else { size(id) / size(operands[operand]) };
        (operands[operand], factor * copies)
    };
    match entry.op {
        Op::Arithmetic(Arithmetic::Add) => vec![part(0, 1.0), part(1, 1.0)],
        Op::Arithmetic(Arithmetic::Sub) => vec![part(0, 1.0), part(1, -1.0)],
        Op::Arithmetic(Arithmetic::Mul) => match (number(operands[0]), number(operands[1])) {
            (_, Some(x)) => vec![part(0, x)],
            (Some(x), None) => vec![part(1, x)],
            (None, None) => Vec::new(),
        },
        Op::Arithmetic(Arithmetic::Div) => number(operands[1]).map(|x| part(0, 1.0 / x)).into_iter().collect(),
        Op::Elementary(Elementary::Neg) => vec![(operands[0], -1.0)],
        Op::Sum(_) | Op::View(_) | Op::Permute(_) => vec![(operands[0], 1.0)],
        Op::BroadcastTo(_) => vec![part(0, 1.0)],
        _ => Vec::new(),
    }
}

/// Whether each of `terms` depends on the value at `input`, be it through a derivative or not.
pub(super) fn depend<T: Real>(terms: &[Term], input: Var<'_, T>) -> Vec<bool> {
    let log = input.live().log();
    let first = input.id();
    let last = terms.iter().map(|term| term.id).max().unwrap_or(first);
    let mut reached = vec![true];
    for id in first + 1..=last {
        let operands = log.operands(log.entry(id));
        reached.push(operands.iter().any(|&operand| operand >= first && reached[(operand - first) as usize]));
    }
    terms.iter().map(|term| term.id >= first && reached[(term.id - first) as usize]).collect()
}
