//! What the tape knows of an input that may explain a slip in its derivative.

use super::explain::{Search, passes};
use crate::op::custom::{Cotangent, answers};
use crate::op::{Leaf, Op};
use crate::real::Real;
use crate::tape::log::{Id, Log};
use crate::tape::{Var, line};

/// What stands around all inputs.
#[derive(Debug, Default)]
pub(super) struct Surroundings {
    /// Lengths of axes and numbers of elements of what is given, each with what it is.
    pub(super) lengths: Vec<(usize, String)>,
    /// One for each input.
    pub(super) inputs: Vec<Surrounding>,
}

/// What stands around one input.
#[derive(Debug, Default)]
pub(super) struct Surrounding {
    /// The instruction that lets no derivative pass, where there is no way around it.
    pub(super) blocked: Option<String>,
    /// The user's op that repeats the input along some axes, and which these are, where the tape doesn't sum over them.
    pub(super) repeated: Option<String>,
}

impl Surroundings {
    pub(super) fn new<T: Real>(scalar: Var<'_, T>, inputs: &[(&str, Id)]) -> Self {
        let mut around = Self::recorded(scalar, inputs);
        for (around, (_, id)) in around.inputs.iter_mut().zip(inputs) {
            around.repeated = (id + 1..=scalar.id()).find_map(|at| repeats(scalar, at, *id));
        }
        around
    }

    fn recorded<T: Real>(scalar: Var<'_, T>, inputs: &[(&str, Id)]) -> Self {
        let log = scalar.live().log();
        let open = Search::from(&log, scalar.id(), |id, _| passes(log.entry(id).op));
        let all = Search::from(&log, scalar.id(), |_, _| true);
        let blocked = |id: Id| {
            let way = all.way(id).filter(|_| open.way(id).is_none())?;
            way.into_iter().find(|&id| !log.entry(id).op.is_differentiable()).map(|id| line(&log, id))
        };
        let around = |&(_, id): &(&str, Id)| Surrounding { blocked: blocked(id), repeated: None };
        Self { lengths: lengths(&log, scalar.id(), inputs), inputs: inputs.iter().map(around).collect() }
    }
}

/// Axis 0 of everything that is given comes first, since it is the batch.
fn lengths<T: Real>(log: &Log<T>, last: Id, inputs: &[(&str, Id)]) -> Vec<(usize, String)> {
    let given = (0..=last).filter_map(|id| {
        let name = match log.entry(id).op {
            Op::Leaf(Leaf::Parameter) => log.layout().params[log.entry(id).inputs[0] as usize].name.to_owned(),
            Op::Leaf(Leaf::Input | Leaf::Variable | Leaf::Constant) => inputs
                .iter()
                .find(|(_, input)| *input == id)
                .map_or_else(|| format!("%{id}"), |(name, _)| (*name).into()),
            _ => return None,
        };
        Some((name, *log.shape(id)))
    });
    let (mut first, mut other) = (Vec::new(), Vec::new());
    for (name, shape) in given {
        for (axis, &length) in shape.iter().enumerate() {
            let lengths = if axis == 0 { &mut first } else { &mut other };
            lengths.push((length, format!("the length of axis {axis} of `{name}`")));
        }
        other.push((shape.size(), format!("the number of elements of `{name}`")));
    }
    first.into_iter().chain(other).collect()
}

/// Whether the instruction at `at` is a user's op that broadcasts `input`, with a rule that doesn't leave the sum over what was
/// repeated to the tape: which op, and along which axes.
fn repeats<T: Real>(scalar: Var<'_, T>, at: Id, input: Id) -> Option<String> {
    let (op, operands) = {
        let log = scalar.live().log();
        let entry = log.entry(at);
        let Op::Custom(_) = entry.op else { return None };
        (log.custom(entry).clone(), log.operands(entry).to_vec())
    };
    let place = operands.iter().position(|&operand| operand == input)?;
    let (y, operand) = (scalar.at(at), scalar.at(input).shape());
    let result = y.shape();
    if !operand.broadcasts_to(&result) {
        return None;
    }
    let lead = result.rank() - operand.rank();
    let repeated = |axis: &usize| result[*axis] > 1 && (*axis < lead || operand[*axis - lead] == 1);
    let axes: Vec<_> = (0..result.rank()).filter(repeated).map(|axis| axis.to_string()).collect();
    if axes.is_empty() {
        return None;
    }
    let operands: Vec<_> = operands.iter().map(|&operand| scalar.at(operand)).collect();
    // The tape sums what has the result's shape by itself.
    let answers = answers(&*op, &operands, y, y.recording().ones(result));
    let Some(Cotangent::Var(answer)) = answers.get(place) else { return None };
    if answer.shape() == result {
        return None;
    }
    let plural = if axes.len() == 1 { "axis" } else { "axes" };
    let list = axes.join(" and ");
    Some(format!("`{}` repeats it along {plural} {list} of its result", op.name()))
}
