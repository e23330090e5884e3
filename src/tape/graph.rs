//! A recording as a graph: what was recorded, what is computed together, and where values stand.

use std::fmt;

use super::listing;
use super::log::{Id, Log};
use crate::bytes::Bytes;
use crate::op::{Leaf, Op};
use crate::real::Real;
use crate::shape::Shape;

/// What a recording looks like: its instructions, the groups of them that run as one, and their memory.
///
/// [`Recording::graph`](crate::Recording::graph) and [`Tape::graph`](crate::Tape::graph) make it. Groups and memory are those
/// of the requests made in the recording so far (values read, a `backward`), planned as they are from the second time on; the first
/// time, an interpreter keeps every value. Where nothing was read, nothing is planned; nor is it with
/// [`eager`](crate::Tape::eager) or [`check_finite`](crate::Tape::check_finite), where the interpreter computes all.
///
/// Printed, it is a listing with a column for groups and one for memory; [`dot`](Graph::dot) draws it.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let (params, mut tape) = (Params::<f64>::new(), Tape::new());
/// let step = tape.record(&params);
/// let x = step.input(&[1.0, 2.0, 3.0]);
/// let y = (x * 2.0).exp().sum();
/// let _ = y.item();
/// let graph = step.graph();
/// assert_eq!((graph.nodes.len(), graph.groups.len()), (5, 1)); // product, exponential and sum in one pass
/// assert!(graph.to_string().contains("registers"), "{graph}");
/// assert!(graph.dot().starts_with("digraph"));
/// ```
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Graph {
    /// The instructions, in the order of the recording: operands stand before what is made of them.
    pub nodes: Vec<Node>,
    /// What is computed at one go, in the order it runs.
    pub groups: Vec<Group>,
    /// How many requests of the recording computed something.
    pub requests: usize,
    /// The bytes of working memory at the peak; requests share it, one after the other.
    pub working: usize,
    /// The bytes that stay until the next recording: what was read or is needed by later requests, and single numbers.
    pub kept: usize,
}

/// One instruction.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Node {
    /// The name of the op, that of a user's own op included.
    pub op: String,
    /// Arguments as listings show them: the name of a parameter, a number, axes.
    pub arguments: String,
    /// The positions of the operands.
    pub operands: Vec<usize>,
    /// The shape of the value.
    pub shape: Shape,
    /// The bytes of the value, wherever it stands.
    pub bytes: usize,
    /// What kind of instruction it is.
    pub role: Role,
    /// The group that computes it.
    pub group: Option<usize>,
    /// Where its value stands.
    pub memory: Memory,
    /// The line of the listing.
    pub line: String,
}

/// What kind of instruction a node is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Role {
    /// A learned tensor of the store.
    Parameter,
    /// Other data: arrays, buffers of the store, labels.
    Data,
    /// A number.
    Number,
    /// An op that the program recorded.
    Op,
    /// An op that a derivative recorded.
    Adjoint,
}

/// Where a value stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Memory {
    /// Nowhere: nothing that was read needs it.
    Unused,
    /// Where it came from: the store of parameters, an array that was lent or copied.
    Borrowed,
    /// A single number: in the instruction, or in a cell of its own.
    Number,
    /// It has no value of its own: it says how its operand is read (a reshape, a slice, a broadcast, …).
    Address,
    /// In registers and cache, within the pass that computes and uses it.
    Registers,
    /// In working memory, from the group that computes it to the last that reads it.
    Working,
    /// In memory of its own until the next recording.
    Kept,
    /// In its place in the gradient that `backward` fills.
    Gradient,
}

/// Instructions that are computed at one go.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Group {
    /// The request that it belongs to, counted from 0.
    pub request: usize,
    /// How it is computed.
    pub kind: GroupKind,
    /// What it walks over, without axes of length 1.
    pub domain: Shape,
    /// The positions of its instructions.
    pub members: Vec<usize>,
}

/// How a group is computed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum GroupKind {
    /// One pass over a domain in tiles, values staying in registers.
    Pass,
    /// Numbers out of numbers.
    Numbers,
    /// One instruction by itself, such as a product of matrices.
    Alone,
}

/// What a runner tells of a recording; counts of elements, not bytes.
#[derive(Default, Debug)]
pub(crate) struct Outline {
    pub(crate) requests: usize,
    pub(crate) groups: Vec<Group>,
    /// Where values stand; the first that is told of a position holds.
    pub(crate) memory: Vec<(Id, Memory)>,
    pub(crate) working: usize,
    pub(crate) kept: usize,
}

impl Graph {
    pub(super) fn new<T: Real>(log: &Log<T>, outline: Outline) -> Self {
        let mut nodes: Vec<_> = (0..log.len()).map(|position| Node::new(log, position)).collect();
        for &(id, memory) in outline.memory.iter().rev() {
            nodes[id as usize].memory = memory;
        }
        for (index, group) in outline.groups.iter().enumerate().rev() {
            for &member in &group.members {
                nodes[member].group = Some(index);
            }
        }
        let Outline { requests, groups, working, kept, .. } = outline;
        Self { nodes, groups, requests, working: working * size_of::<T>(), kept: kept * size_of::<T>() }
    }

    /// The bytes of all values that are computed: what they would take if each were kept, as the first time.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let (params, mut tape, x) = (Params::<f32>::new(), Tape::new(), Array1::from_elem(1000, 0.5));
    /// let step = tape.record(&params);
    /// let _ = step.input(&x).sin().exp().sum().item();
    /// let graph = step.graph();
    /// assert_eq!((graph.unplanned(), graph.working), (8004, 0)); // two tensors and a number; a pass needs neither
    /// ```
    #[must_use]
    pub fn unplanned(&self) -> usize {
        self.nodes.iter().filter(|node| node.group.is_some()).map(|node| node.bytes).sum()
    }

    /// Whether a group computes more than one instruction.
    pub(super) fn is_fused(&self, group: usize) -> bool {
        self.groups[group].members.len() > 1
    }

    /// What is planned, in a line.
    pub(super) fn headline(&self) -> String {
        let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        let instructions = count(self.nodes.len(), "instruction");
        if self.requests == 0 {
            return format!("{instructions}, not planned: nothing was read, or by the interpreter alone");
        }
        format!(
            "{instructions}, {} in {}: {} at work, {} kept ({} if every value were)",
            count(self.groups.len(), "group"),
            count(self.requests, "request"),
            Bytes(self.working),
            Bytes(self.kept),
            Bytes(self.unplanned())
        )
    }
}

impl Node {
    fn new<T: Real>(log: &Log<T>, position: usize) -> Self {
        let id = u32::try_from(position).expect("ids are u32");
        let (entry, shape) = (log.entry(id), *log.shape(id));
        let role = match entry.op {
            Op::Leaf(Leaf::Parameter) => Role::Parameter,
            Op::Leaf(Leaf::Scalar | Leaf::Literal | Leaf::Seed) => Role::Number,
            Op::Leaf(_) => Role::Data,
            _ if log.sweeps.has_recorded(id) => Role::Adjoint,
            _ => Role::Op,
        };
        Self {
            op: listing::name(log, entry).to_owned(),
            arguments: listing::arguments(log, entry),
            operands: log.operands(entry).iter().map(|&operand| operand as usize).collect(),
            shape,
            bytes: shape.size() * size_of::<T>(),
            role,
            group: None,
            memory: Memory::Unused,
            line: listing::line(log, id),
        }
    }

    /// Where its value stands, in a word or two.
    pub(super) fn memory_text(&self) -> String {
        match self.memory {
            Memory::Unused => "unused".to_owned(),
            Memory::Borrowed => "borrowed".to_owned(),
            Memory::Number => "number".to_owned(),
            Memory::Address => "in place".to_owned(),
            Memory::Registers => "registers".to_owned(),
            Memory::Working => Bytes(self.bytes).to_string(),
            Memory::Kept => format!("{} kept", Bytes(self.bytes)),
            Memory::Gradient => format!("{} gradient", Bytes(self.bytes)),
        }
    }
}

impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.headline())?;
        let planned = self.requests > 0;
        if planned {
            writeln!(f, "{:<9} {:<18} instruction", "group", "memory")?;
        }
        for node in &self.nodes {
            if planned {
                let group = node.group.map_or_else(String::new, |group| {
                    format!("{group}{}", if self.is_fused(group) { " fused" } else { "" })
                });
                write!(f, "{group:<9} {:<18} ", node.memory_text())?;
            }
            writeln!(f, "{}", node.line)?;
        }
        Ok(())
    }
}
