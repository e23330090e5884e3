//! Which parameters a loss reaches, and why not the others.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;

use crate::op::custom::{Cotangent, answers};
use crate::op::{Elementary, Op};
use crate::real::Real;
use crate::tape::log::{Id, Log};
use crate::tape::{Var, line, name};

/// Says for each parameter of the store whether a derivative of this tensor reaches it: by which way, or why not.
///
/// It looks at the recording, not at numbers: a parameter behind a `relu` that is 0 everywhere is reached, with a derivative
/// of 0. Of a [`CustomOp`](crate::CustomOp) it asks the rule, and records what that answers behind the tensor: no derivative
/// passes to an operand whose answer is [`Zero`](Cotangent::Zero).
///
/// # Panics
///
/// If a custom op's `vjp` does.
///
/// # Examples
///
/// ```
/// use gradus::check::{self, Way};
/// use gradus::prelude::*;
///
/// let mut params = Params::<f64>::new();
/// let (a, b) = (params.add("a", [2], || 1.0), params.add("b", [2], || 1.0));
/// params.add("c", [2], || 1.0);
/// let mut tape = Tape::new();
/// let step = tape.record(&params);
/// let loss = (step.param(a).tanh() * step.param(b).detach()).sum();
/// let explanation = check::explain(loss);
/// assert!(matches!(&explanation.parameters[0].way, Way::Reached { through, .. } if through == &["tanh", "mul", "sum"]));
/// assert!(matches!(explanation.parameters[1].way, Way::Blocked { .. })); // by `detach`
/// assert!(matches!(explanation.parameters[2].way, Way::NotRecorded));
/// assert_eq!(explanation.unreached().collect::<Vec<_>>(), ["b", "c"]);
/// ```
#[must_use]
pub fn explain<T: Real>(loss: Var<'_, T>) -> Explanation {
    let zeros = zeros(loss);
    let log = loss.recording().live().log();
    let passes = |id: Id, operand: usize| passes(log.entry(id).op) && !zeros.contains(&(id, operand));
    let (open, all) = (Search::from(&log, loss.id(), passes), Search::from(&log, loss.id(), |_, _| true));
    let slots = (0_u32..).zip(&log.layout().params);
    let reach = |(index, slot): (u32, &crate::params::Slot)| {
        let way = match log.param_id(index) {
            _ if slot.frozen => Way::Frozen,
            None => Way::NotRecorded,
            Some(id) => match (open.way(id), all.way(id)) {
                (Some(through), _) => Way::Reached {
                    through: through.iter().map(|&id| name(&log, log.entry(id)).to_owned()).collect(),
                    uses: open.uses[id as usize],
                },
                (None, Some(through)) => {
                    let mut from = id;
                    let block = through.into_iter().find(|&id| {
                        let from = std::mem::replace(&mut from, id);
                        let operands = log.operands(log.entry(id)).iter().enumerate();
                        operands.filter(|(_, operand)| **operand == from).all(|(k, _)| !passes(id, k))
                    });
                    let answers = |id: Id| {
                        let custom = matches!(log.entry(id).op, Op::Custom(_));
                        if custom { ", whose `vjp` answers `Zero` for it" } else { "" }
                    };
                    Way::Blocked { by: block.map_or_else(String::new, |id| line(&log, id) + answers(id)) }
                }
                (None, None) => Way::Unused { recorded: log.place(id).to_string() },
            },
        };
        Reach { name: slot.name.to_owned(), way }
    };
    Explanation { parameters: slots.map(reach).collect() }
}

/// What [`explain`] says of all parameters, in the order of the store.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Explanation {
    /// One entry for each parameter.
    pub parameters: Vec<Reach>,
}

/// Whether a derivative reaches one parameter.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Reach {
    /// The path, such as `mlp.0.weight`.
    pub name: String,
    /// How it is reached, or why not.
    pub way: Way,
}

/// How a parameter is reached, or why not.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum Way {
    /// A derivative flows back to it.
    Reached {
        /// The ops from the parameter to the tensor, by the shortest way.
        through: Vec<String>,
        /// How many operands on the way the parameter is.
        uses: usize,
    },
    /// It is frozen.
    Frozen,
    /// The recording does not use it.
    NotRecorded,
    /// The recording uses it, but the tensor does not depend on that.
    Unused {
        /// Where it is recorded.
        recorded: String,
    },
    /// Every way to it goes through an op that lets no derivative pass.
    Blocked {
        /// That op, as the listing of the tape shows it.
        by: String,
    },
}

impl Explanation {
    /// The names of those that are not frozen and not reached.
    pub fn unreached(&self) -> impl Iterator<Item = &str> {
        let lost = |reach: &&Reach| !matches!(reach.way, Way::Reached { .. } | Way::Frozen);
        self.parameters.iter().filter(lost).map(|reach| reach.name.as_str())
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (k, Reach { name, way }) in self.parameters.iter().enumerate() {
            let line = if k > 0 { "\n" } else { "" };
            write!(f, "{line}{name}: ")?;
            match way {
                Way::Reached { through, uses } => {
                    let often = if *uses > 1 { format!(", used {uses} times") } else { String::new() };
                    write!(f, "reached through {}{often}", through.join(" → "))?;
                }
                Way::Frozen => write!(f, "frozen")?,
                Way::NotRecorded => write!(f, "not reached: the recording does not use it")?,
                Way::Unused { recorded } => {
                    write!(f, "not reached: recorded at {recorded}, but the result does not depend on it")?;
                }
                Way::Blocked { by } => write!(f, "not reached: no derivative passes\n  {by}")?,
            }
        }
        Ok(())
    }
}

/// Whether a derivative passes an op: not where it is flat, which for an op of the user's own only its rule knows.
pub(super) fn passes(op: Op) -> bool {
    use Elementary::{Ceil, Floor, Round, Sign};
    op.is_differentiable() && !matches!(op, Op::Elementary(Ceil | Floor | Round | Sign))
}

/// The operands of custom ops on the way to a tensor for which their rules answer 0.
fn zeros<T: Real>(loss: Var<'_, T>) -> BTreeSet<(Id, usize)> {
    let customs: Vec<_> = {
        let log = loss.live().log();
        let all = Search::from(&log, loss.id(), |_, _| true);
        let is_custom = |id: &Id| matches!(log.entry(*id).op, Op::Custom(_)) && all.by[*id as usize].is_some();
        let custom = |id: Id| {
            let entry = log.entry(id);
            let operands: Vec<_> = log.operands(entry).iter().map(|&operand| loss.at(operand)).collect();
            (loss.at(id), log.custom(entry).clone(), operands)
        };
        (0..=loss.id()).filter(is_custom).map(custom).collect()
    };
    let mut zeros = BTreeSet::new();
    for (y, op, operands) in customs {
        let answers = answers(&*op, &operands, y, y.recording().ones(y.shape()));
        let zero = |(_, answer): &(usize, Cotangent<'_, T>)| matches!(answer, Cotangent::Zero);
        zeros.extend(answers.into_iter().enumerate().filter(zero).map(|(operand, _)| (y.id(), operand)));
    }
    zeros
}

/// A walk back from one tensor.
pub(super) struct Search {
    /// For each instruction, the one that it was first met as an operand of; itself at the start.
    by: Vec<Option<Id>>,
    /// For each instruction, how often it was met as an operand.
    uses: Vec<usize>,
}

impl Search {
    /// Goes back from instructions to those of their operands to which the way is open.
    pub(super) fn from<T: Real>(log: &Log<T>, start: Id, open: impl Fn(Id, usize) -> bool) -> Self {
        let mut search = Self { by: vec![None; log.len()], uses: vec![0; log.len()] };
        search.by[start as usize] = Some(start);
        let mut queue = VecDeque::from([start]);
        while let Some(id) = queue.pop_front() {
            let operands = log.operands(log.entry(id)).iter().enumerate();
            for (_, &operand) in operands.filter(|(k, _)| open(id, *k)) {
                search.uses[operand as usize] += 1;
                if search.by[operand as usize].is_none() {
                    search.by[operand as usize] = Some(id);
                    queue.push_back(operand);
                }
            }
        }
        search
    }

    /// The ops from an instruction to the start, without itself.
    pub(super) fn way(&self, from: Id) -> Option<Vec<Id>> {
        let (mut id, mut way) = (from, Vec::new());
        loop {
            let next = self.by[id as usize]?;
            if next == id {
                return Some(way);
            }
            way.push(next);
            id = next;
        }
    }
}
