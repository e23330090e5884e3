//! Which parameters a loss reaches, and why not the others.

use std::collections::VecDeque;
use std::fmt;

use crate::op::{Elementary, Op};
use crate::real::Real;
use crate::tape::log::{Id, Log};
use crate::tape::{Var, line, name};

/// Says for each parameter of the store whether a derivative of this tensor reaches it: by which way, or why not.
///
/// It looks at the recording, not at numbers: a parameter behind a `relu` that is 0 everywhere is reached, with a derivative
/// of 0.
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
    let log = loss.recording().live().log();
    let (open, all) = (Search::from(&log, loss.id(), true), Search::from(&log, loss.id(), false));
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
                    let block = through.iter().find(|&&id| !passes(log.entry(id).op));
                    Way::Blocked { by: block.map_or_else(String::new, |&id| line(&log, id)) }
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
fn passes(op: Op) -> bool {
    use Elementary::{Ceil, Floor, Round, Sign};
    op.is_differentiable() && !matches!(op, Op::Elementary(Ceil | Floor | Round | Sign))
}

/// A walk back from one tensor.
pub(super) struct Search {
    /// For each instruction, the one that it was first met as an operand of; itself at the start.
    by: Vec<Option<Id>>,
    /// For each instruction, how often it was met as an operand.
    uses: Vec<usize>,
}

impl Search {
    /// Goes back through all ops, or only those that a derivative passes.
    pub(super) fn from<T: Real>(log: &Log<T>, start: Id, open: bool) -> Self {
        let mut search = Self { by: vec![None; log.len()], uses: vec![0; log.len()] };
        search.by[start as usize] = Some(start);
        let mut queue = VecDeque::from([start]);
        while let Some(id) = queue.pop_front() {
            let entry = log.entry(id);
            if open && !passes(entry.op) {
                continue;
            }
            for &operand in log.operands(entry) {
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
