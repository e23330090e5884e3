//! What has to be computed for the asked-for values, and how each instruction gets its value.

use super::access::{Access, is_address};
use crate::op::fuse::Part;
use crate::op::{Leaf, Op};
use crate::shape::Shape;
use crate::tape::log::{Id, Instructions};

const PASSES: bool = true;
const NONE: u32 = u32::MAX;

/// How an instruction gets its value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// It is read where it stands: a parameter, a lent array.
    Data,
    /// A number that stands in the instruction.
    Number,
    /// It was computed before, or given.
    Import,
    /// One number out of numbers.
    Scalar,
    /// Part of a pass.
    Pass(Part),
    /// By itself, as the interpreter would.
    Alone,
}

/// An instruction that is needed.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) id: Id,
    pub(super) kind: Kind,
    /// For a pass: where the walks of its operands stand in the selection.
    walks: u32,
    operands: u8,
    /// For a pass: how many of the domain's axes of length other than 1 may be its rows, a bit for each number.
    pub(super) splits: u8,
    /// For a pass: what it walks over, without the axes of length 1.
    pub(super) domain: Shape,
}

/// Needed instructions, operands before results.
pub(super) struct Selection {
    pub(super) nodes: Vec<Node>,
    walks: Vec<Access>,
    /// The needed instruction at a position.
    at: Vec<u32>,
}

/// Skips instructions whose value is that of their operand: the root is what stands somewhere.
pub(crate) fn root(log: &Instructions, mut id: Id) -> Id {
    while matches!(log.entry(id).op, Op::View(_)) {
        id = log.entry(id).inputs[0];
    }
    id
}

/// The stored values that an instruction reads if it is computed by itself.
pub(super) fn operands(log: &Instructions, id: Id) -> impl Iterator<Item = Id> {
    let entry = log.entry(id);
    let sources = log
        .operands(entry)
        .iter()
        .enumerate()
        .map(move |(k, &operand)| if entry.op.reads_through(k) { log.entry(operand).inputs[0] } else { operand });
    let has_value = |&id: &Id| !matches!(log.entry(id).op, Op::Leaf(Leaf::Seed | Leaf::Indices));
    sources.filter(has_value).map(|id| root(log, id))
}

/// A shape without its axes of length 1.
fn squeezed(shape: &[usize]) -> Shape {
    let mut squeezed = Shape::scalar();
    shape.iter().filter(|&&n| n != 1).for_each(|&n| squeezed.push(n));
    squeezed
}

impl Selection {
    /// Selects what `wanted` needs; what is `imported` is not computed again.
    pub(super) fn new(log: &Instructions, wanted: &[Id], imported: &dyn Fn(Id) -> bool) -> Self {
        let mut needed: Vec<Id> = wanted.iter().map(|&id| root(log, id)).collect();
        let end = needed.iter().max().map_or(0, |&id| id + 1);
        let mut selection = Self { nodes: Vec::new(), walks: Vec::new(), at: vec![NONE; end as usize] };
        // Operands stand before results: on the way back, all that needs an instruction has been seen when it is met.
        for id in (0..end).rev() {
            needed.drain(..).for_each(|id| selection.at[id as usize] = 0);
            if selection.at[id as usize] != NONE {
                let node = selection.node(log, id, imported(id), &mut needed);
                selection.nodes.push(node);
            }
        }
        selection.nodes.reverse();
        for (index, node) in (0..).zip(&selection.nodes) {
            selection.at[node.id as usize] = index;
        }
        selection
    }

    /// Which of the nodes stands at this position.
    pub(super) fn index(&self, id: Id) -> usize {
        let index = self.at[id as usize];
        debug_assert_ne!(index, NONE, "a needed instruction");
        index as usize
    }

    /// The same where the instruction may not be needed, or only says how another one is read.
    pub(super) fn find(&self, id: Id) -> Option<usize> {
        self.at.get(id as usize).filter(|&&index| index != NONE).map(|&index| index as usize)
    }

    /// How the operands of a pass are walked through.
    pub(super) fn walks(&self, node: &Node) -> &[Access] {
        &self.walks[node.walks as usize..][..node.operands.into()]
    }

    fn node(&mut self, log: &Instructions, id: Id, imported: bool, needed: &mut Vec<Id>) -> Node {
        let entry = log.entry(id);
        let plain = |kind| Node { id, kind, walks: 0, operands: 0, splits: 0, domain: Shape::scalar() };
        match entry.op {
            Op::Leaf(leaf) if leaf.is_number() => return plain(Kind::Number),
            _ if imported => return plain(Kind::Import),
            Op::Leaf(_) => return plain(Kind::Data),
            _ => {}
        }
        if PASSES && let Some(node) = self.pass(log, id) {
            if node.domain.rank() == 0 && node.kind == Kind::Pass(Part::Pointwise) {
                self.walks.truncate(node.walks as usize);
                needed.extend(operands(log, id));
                return plain(Kind::Scalar);
            }
            needed.extend(self.walks(&node).iter().map(|walk| walk.base));
            return node;
        }
        needed.extend(operands(log, id));
        plain(Kind::Alone)
    }

    /// The instruction as a part of a pass, if it can be one and all its operands can be walked through with the domain.
    fn pass(&mut self, log: &Instructions, id: Id) -> Option<Node> {
        let entry = log.entry(id);
        let operand = log.operands(entry).first().map_or(Shape::scalar(), |&operand| *log.shape(operand));
        let fusion = entry.op.fusion(&operand, log.shape(id))?;
        let domain = squeezed(&fusion.domain);
        let rank = domain.rank().max(1);
        if domain.size() == 0 {
            return None;
        }
        if let Op::Embed(embed) = entry.op
            && (rank != 1 || embed.place(entry.inputs).2 != 1 || operand.size() == 0)
        {
            return None;
        }
        let mut splits = match fusion.rows {
            None => u8::MAX >> (8 - rank),
            Some(axes) => {
                let rows = squeezed(&fusion.domain[..axes]).rank();
                if rows >= rank {
                    return None;
                }
                1 << rows
            }
        };
        let walks = self.walks.len();
        for &operand in &entry.inputs[..fusion.operands] {
            let to = if fusion.part == Part::Embed { log.shape(operand) } else { &fusion.domain };
            let as_it_stands = Access::of(log, operand, to);
            let walk = match as_it_stands.splits() & splits {
                0 => Access::of_stored(log, root(log, operand), log.shape(operand), to),
                _ => as_it_stands,
            };
            splits &= walk.splits();
            self.walks.push(walk);
        }
        if splits == 0 {
            self.walks.truncate(walks);
            return None;
        }
        let first = u32::try_from(walks).expect("fewer than 2^32 operands");
        #[allow(clippy::cast_possible_truncation, reason = "at most 3 operands")]
        let operands = (self.walks.len() - walks) as u8;
        Some(Node { id, kind: Kind::Pass(fusion.part), walks: first, operands, splits, domain })
    }
}

/// Walks down from `wanted` over what is computed, but not below what `visit` answers `false` for; leaves, and what only
/// says how something is read, are passed over.
pub(crate) fn walk_down(log: &Instructions, wanted: impl Iterator<Item = Id>, visit: &mut dyn FnMut(Id) -> bool) {
    let mut stack: Vec<Id> = wanted.map(|id| root(log, id)).collect();
    let mut seen = vec![false; stack.iter().max().map_or(0, |&id| id as usize + 1)];
    while let Some(id) = stack.pop() {
        let leaf = matches!(log.entry(id).op, Op::Leaf(_));
        if std::mem::replace(&mut seen[id as usize], true) || leaf {
            continue;
        }
        if is_address(log, id) || visit(id) {
            stack.extend(operands(log, id));
        }
    }
}
