//! A recording as text.

use std::collections::VecDeque;
use std::fmt;

use super::log::{Entry, Id, Log, join};
use crate::op::{Leaf, Op};
use crate::real::Real;

/// One line for each instruction: `%7 = matmul %2 %5 : f32[32, 10]  # src/main.rs:12:9`.
pub(crate) fn write<T: Real>(log: &Log<T>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    (0..log.len()).try_for_each(|position| {
        let id = u32::try_from(position).expect("ids are u32");
        writeln!(f, "{}", line(log, id))
    })
}

/// The line of one instruction.
pub(crate) fn line<T: Real>(log: &Log<T>, id: Id) -> String {
    let entry = log.entry(id);
    let operands: Vec<_> = log.operands(entry).iter().map(|operand| format!(" %{operand}")).collect();
    let arguments = arguments(log, entry);
    let arguments = if arguments.is_empty() { arguments } else { format!(" ({arguments})") };
    let name = name(log, entry);
    format!("%{id} = {name}{}{arguments} : {}{}  # {}", operands.concat(), T::NAME, log.shape(id), log.place(id))
}

/// The name of an op, that of a user's own op included.
pub(crate) fn name<'a, T: Real>(log: &'a Log<T>, entry: &Entry) -> &'a str {
    if matches!(entry.op, Op::Custom(_)) { log.custom(entry).name() } else { entry.op.name() }
}

/// The arguments behind the operands.
pub(super) fn arguments<T: Real>(log: &Log<T>, entry: &Entry) -> String {
    match entry.op {
        Op::Leaf(leaf) => leaf_argument(log, leaf, entry.inputs),
        op => op.arguments(entry.inputs),
    }
}

fn leaf_argument<T: Real>(log: &Log<T>, leaf: Leaf, inputs: [u32; 3]) -> String {
    let index = inputs[0] as usize;
    match leaf {
        Leaf::Parameter => log.layout().params[index].name.to_owned(),
        Leaf::Buffer => log.layout().buffers[index].name.to_owned(),
        Leaf::Scalar | Leaf::Literal => T::from_bits(join(inputs)).to_string(),
        Leaf::Seed => join(inputs).to_string(),
        Leaf::Input | Leaf::Variable | Leaf::Constant | Leaf::Indices => String::new(),
    }
}

/// The parameter closest to these values, going back through operands.
pub(crate) fn nearest_param<T: Real>(log: &Log<T>, from: &[Id]) -> Option<&'static str> {
    const FAR_ENOUGH: usize = 256;
    let mut queue: VecDeque<Id> = from.iter().copied().collect();
    for _ in 0..FAR_ENOUGH {
        let entry = log.entry(queue.pop_front()?);
        if entry.op == Op::Leaf(Leaf::Parameter) {
            return Some(log.layout().params[entry.inputs[0] as usize].name);
        }
        queue.extend(log.operands(entry));
    }
    None
}
