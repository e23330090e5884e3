//! Two instructions in one where the second takes what the first leaves in the accumulator: the same roundings, less traffic.

use super::instr::{Instr, Op};

/// Fused pairs: the first, the second, both in one. The operand of the second stands behind those of the first.
#[rustfmt::skip]
const PAIRS: &[(Op, Op, Op)] = &[
    (Op::Load, Op::Square, Op::SquareM),
    (Op::SquareM, Op::SubMA, Op::SubMSquareM),
    (Op::MulMN, Op::AddAM, Op::MulMNAddM),
    (Op::MulMN, Op::SubAM, Op::MulMNSubM),
    (Op::MulMN, Op::SubMA, Op::SubMMulMN),
    (Op::MulMN, Op::MulAB, Op::MulMNMulB),
    (Op::MulMM, Op::AddAM, Op::MulMMAddM),
    (Op::MulMM, Op::AddAN, Op::MulMMAddN),
    (Op::MulMM, Op::MulAN, Op::MulMMMulN),
    (Op::MulAN, Op::MulAN, Op::MulANMulN),
    (Op::MulAN, Op::AddAN, Op::MulANAddN),
    (Op::MulAN, Op::AddAM, Op::MulANAddM),
    (Op::MulAN, Op::AddAB, Op::MulANAddB),
    (Op::MulAM, Op::AddAN, Op::MulAMAddN),
    (Op::MulAM, Op::AddAM, Op::MulAMAddM),
    (Op::MulAM, Op::AddAB, Op::MulAMAddB),
    (Op::MulAM, Op::MulAN, Op::MulAMMulN),
    (Op::MulAM, Op::MulAM, Op::MulAMMulM),
    (Op::AddMN, Op::MulAM, Op::AddMNMulM),
    (Op::AddMN, Op::MulAB, Op::AddMNMulB),
    (Op::AddAN, Op::MulAM, Op::AddANMulM),
    (Op::AddAN, Op::MulAN, Op::AddANMulN),
    (Op::AddMM, Op::Relu, Op::AddMMRelu),
    (Op::SubNA, Op::MulAM, Op::SubNAMulM),
    (Op::SubNM, Op::MulAM, Op::SubNMMulM),
    (Op::SubNM, Op::MulAN, Op::SubNMMulN),
    (Op::SubNM, Op::Square, Op::SubNMSquare),
    (Op::SubMN, Op::MulAM, Op::SubMNMulM),
    (Op::SubMN, Op::MulAN, Op::SubMNMulN),
    (Op::SubMM, Op::MulAM, Op::SubMMMulM),
    (Op::SubMM, Op::MulAN, Op::SubMMMulN),
    (Op::SubMM, Op::Square, Op::SubMMSquare),
    (Op::Load, Op::GtAN, Op::GtMN),
];

/// The code with pairs in one instruction.
pub(super) fn fuse(code: &mut Vec<Instr>) {
    let mut fused: Vec<Instr> = Vec::with_capacity(code.len());
    for &instr in &*code {
        let both = fused.last().and_then(|&last| pair(last, instr));
        match (fused.last_mut(), both) {
            (Some(last), Some(both)) => *last = both,
            _ => fused.push(instr),
        }
    }
    *code = fused;
}

fn pair(first: Instr, second: Instr) -> Option<Instr> {
    // A mask chooses between a number and what stands beside: the number twice is one place.
    if first.op == Op::GtMN && second.op == Op::SelectAMN && first.at[1] == second.at[2] {
        return Some(Instr { op: Op::SelectGtMMN, at: [first.at[0], second.at[1], first.at[1]] });
    }
    let &(_, _, op) = PAIRS.iter().find(|pair| (pair.0, pair.1) == (first.op, second.op))?;
    let at = match second.op {
        Op::GtAN => [first.at[0], second.at[1], 0],
        Op::SubMA => [first.at[0], first.at[1], second.at[0]],
        _ => [first.at[0], first.at[1], second.at[1]],
    };
    Some(Instr { op, at })
}
