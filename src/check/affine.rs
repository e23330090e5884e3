//! Whether a scalar is an affine function of an input, by what the tape says.

use crate::op::{Arithmetic, Elementary, Op, Selection};
use crate::real::Real;
use crate::tape::Var;
use crate::tape::log::{Id, Log};

/// Whether every instruction between the input and the scalar is linear in what depends on the input. A function that is affine
/// in each of its inputs, such as a product of two, is so for each of them.
pub(super) fn is_affine<T: Real>(scalar: Var<'_, T>, input: Var<'_, T>) -> bool {
    let log = scalar.live().log();
    let (first, last) = (input.id(), scalar.id());
    let mut moves = vec![false; (last.saturating_sub(first) + 1) as usize];
    moves[0] = true;
    for id in first + 1..=last {
        let at = |operand: &Id| operand.checked_sub(first).is_some_and(|at| moves[at as usize]);
        let operands: Vec<bool> = log.operands(log.entry(id)).iter().map(at).collect();
        if !operands.contains(&true) {
            continue;
        }
        if !is_linear(&log, id, &operands) {
            return false;
        }
        moves[(id - first) as usize] = true;
    }
    true
}

/// Whether an instruction is linear in the operands that move, taken together.
fn is_linear<T: Real>(log: &Log<T>, id: Id, moves: &[bool]) -> bool {
    let not_both = |a: usize, b: usize| !(moves[a] && moves[b]);
    match log.entry(id).op {
        Op::Arithmetic(Arithmetic::Add | Arithmetic::Sub)
        | Op::Elementary(Elementary::Neg)
        | Op::Sum(_)
        | Op::CumSum(_)
        | Op::View(_)
        | Op::BroadcastTo(_)
        | Op::Permute(_)
        | Op::Slice(_)
        | Op::Embed(_)
        | Op::Concat(_)
        | Op::Triangle(_)
        | Op::Gather(_)
        | Op::ScatterAdd(_) => true,
        Op::Arithmetic(Arithmetic::Mul | Arithmetic::Weigh | Arithmetic::Meet) | Op::Matmul(_) | Op::Affine(_) => {
            not_both(0, 1)
        }
        Op::Arithmetic(Arithmetic::Div | Arithmetic::Over) | Op::Dropout(_) => !moves[1],
        Op::Selection(Selection::Select) | Op::Recurrence(_) => !moves[0],
        _ => false,
    }
}
