//! Which branches a recording takes: what every instruction that chooses decides, element by element.

use super::rounding::before;
use crate::op::{Activation, Arithmetic, Elementary, Op};
use crate::real::Real;
use crate::shape::Shape;
use crate::tape::Var;
use crate::tape::log::{Id, Place};

/// The instructions that choose on the way to a scalar, each with a tensor that tells what it decides.
pub(super) struct Choices<'t, T: Real> {
    program: Vec<Op>,
    decisions: Vec<(Choice, Var<'t, T>)>,
}

/// An instruction that chooses.
#[derive(Clone, PartialEq, Debug)]
struct Choice {
    op: &'static str,
    place: Place,
    shape: Shape,
}

/// What all of them decided at a point, and the program that they are part of.
#[derive(Debug)]
pub(super) struct Branches {
    program: Vec<Op>,
    decisions: Vec<(Choice, Vec<f64>)>,
}

impl<'t, T: Real> Choices<'t, T> {
    /// Records what tells the decisions: their values may be read at any point.
    pub(super) fn new(scalar: Var<'t, T>) -> Self {
        let on_the_way = before(&scalar.live().log(), &[scalar.id()]);
        let ids: Vec<Id> = (0..).zip(&on_the_way).filter(|(_, wanted)| **wanted).map(|(id, _)| id).collect();
        let program = ids.iter().map(|&id| scalar.live().log().entry(id).op).collect();
        let choice = |id: Id| {
            let y = scalar.at(id);
            let (op, place, operands) = {
                let log = scalar.live().log();
                let entry = log.entry(id);
                (entry.op, log.place(id), log.operands(entry).iter().map(|&x| scalar.at(x)).collect::<Vec<_>>())
            };
            let decision = decision(op, y, &operands)?;
            Some((Choice { op: op.name(), place, shape: decision.shape() }, decision))
        };
        Self { program, decisions: ids.into_iter().filter_map(choice).collect() }
    }

    /// The decisions, from the values of the tensors that tell them.
    pub(super) fn read(&self, values: impl FnOnce(&[Var<'t, T>]) -> Vec<Vec<T>>) -> Branches {
        let vars: Vec<_> = self.decisions.iter().map(|(_, decision)| *decision).collect();
        let values = values(&vars).into_iter().map(|values| values.iter().map(|x| x.as_f64()).collect());
        let decisions = self.decisions.iter().map(|(choice, _)| choice.clone()).zip(values).collect();
        Branches { program: self.program.clone(), decisions }
    }
}

/// Numbers that are others where an instruction takes another branch; nothing for those that are smooth.
///
/// Of functions whose slope is continuous (`celu`, `softsign`) only the derivative has kinks, and its instructions tell.
fn decision<'t, T: Real>(op: Op, y: Var<'t, T>, x: &[Var<'t, T>]) -> Option<Var<'t, T>> {
    use Activation::{Elu, HardSigmoid, HardSwish, HardTanh, LeakyRelu, Relu, Selu};
    use Elementary::{Abs, Ceil, Floor, Round, Sign};
    let side = |a: Var<'t, T>, b: Var<'t, T>| a.gt(b) - a.lt(b);
    let within = |low: Var<'t, T>, high: Var<'t, T>| side(x[0], low) + side(x[0], high) * 3.0;
    let interval = |size: f64| within(y.literal(-size), y.literal(size));
    Some(match op {
        Op::Elementary(Abs | Sign) | Op::Activation(Relu | LeakyRelu | Elu | Selu) => x[0].sign(),
        Op::Elementary(Floor | Ceil | Round) | Op::Comparison(_) | Op::ArgExtreme(_) => y,
        Op::Activation(HardTanh) => interval(1.0),
        Op::Activation(HardSigmoid | HardSwish) => interval(3.0),
        Op::Selection(crate::op::Selection::Select) => x[0].ne(0.0),
        Op::Selection(crate::op::Selection::Clamp) => within(x[1], x[2]),
        Op::Arithmetic(Arithmetic::Maximum | Arithmetic::Minimum) => side(x[0], x[1]),
        Op::Arithmetic(Arithmetic::Hypot) | Op::Norm(_) => y.ne(0.0),
        Op::Extreme(extreme) => extreme.winners(x[0], y),
        Op::Function(function) => function.decisions().record(x),
        _ => return None,
    })
}

impl Branches {
    /// The first instruction that decided otherwise at another point, if there is one.
    pub(super) fn difference(&self, other: &Self) -> Option<String> {
        if self.program != other.program {
            return Some("the program".to_owned());
        }
        self.decisions.iter().zip(&other.decisions).find_map(|((choice, here), (_, there))| {
            let differs = |(a, b): (&f64, &f64)| a != b && !(a.is_nan() && b.is_nan());
            let at = here.iter().zip(there).position(differs)?;
            let element = if here.len() > 1 { format!(" {}", choice.shape.coordinates(at)) } else { String::new() };
            Some(format!("`{}`{element} at {}", choice.op, choice.place))
        })
    }
}
