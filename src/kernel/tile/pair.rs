//! Two derivatives of one function in one call.
//!
//! A gradient for several operands wants the derivatives of a function of the same numbers; what they have in common is
//! computed once. The numbers of one may also stand a few columns before those of the other, as where neighbours are
//! operands of a function and a derivative is wanted for either: then the call begins so much earlier, and what the other
//! one makes of these columns is not looked at.

use super::compile::{Compiler, Order};
use super::program::{Entry, EntryId, Step};
use super::{Extent, LANES, Node, NodeId, Operands, PairKernels, Slope};

/// Columns that one of a pair may stand before the other.
const FARTHEST: usize = LANES;

impl Compiler<'_> {
    /// The step that computes a call together with another one, if there is such a one; both have their homes then.
    pub(super) fn pair(&mut self, id: NodeId) -> Option<Step> {
        let (other, kernel, lead) = (id.index() + 1..self.graph.nodes.len()).find_map(|at| {
            #[allow(clippy::cast_possible_truncation, reason = "nodes are numbered in 32 bits")]
            let other = NodeId(at as u32);
            let (kernel, lead) = self.partner(id, other)?;
            Some((other, kernel, lead))
        })?;
        // A lead is negative where the first begins later than the other.
        let extent = self.extent(id);
        let earlier = if lead < 0 { other } else { id };
        let Node::Call { operands, .. } = &self.graph.nodes[earlier.index()] else { return None };
        let operands = self.blocks_of(operands, extent);
        let mut outs = [(id, lead.min(0)), (other, (-lead).min(0))]
            .map(|(id, before)| self.out(id, before.unsigned_abs(), lead != 0));
        // The kernel writes the derivative for the operand that stands first.
        if self.operand_of(id) > self.operand_of(other) {
            outs.swap(0, 1);
        }
        Some(Step::Pair { kernel, operands, outs, lead: lead.unsigned_abs(), extent })
    }

    fn operand_of(&self, id: NodeId) -> Option<u8> {
        match &self.graph.nodes[id.index()] {
            Node::Call { slope, .. } => slope.map(|slope| slope.operand),
            _ => None,
        }
    }

    /// The kernel of both, and by how many columns the first begins earlier, if they can be computed together.
    fn partner(&self, id: NodeId, other: NodeId) -> Option<(PairKernels, isize)> {
        let nodes = [id, other].map(|id| &self.graph.nodes[id.index()]);
        let [Node::Call { operands, slope: Some(a), .. }, Node::Call { operands: others, slope: Some(b), .. }] = nodes
        else {
            return None;
        };
        let (fact, there) = (self.facts[id.index()], self.facts[other.index()]);
        if a.function != b.function
            || !there.needed
            || (fact.stage, fact.extent) != (there.stage, there.extent)
            || self.homes[other.index()].is_some()
        {
            return None;
        }
        let kernel = both(a, b)?;
        let lead = self.lead(operands, others)?;
        let stays = |id: NodeId| !self.orders[id.index()].iter().any(|order| matches!(order, Order::Store(_)));
        let free = lead == 0
            || fact.extent == Extent::Whole
                && self.tiling.is_flat()
                && lead.unsigned_abs() <= FARTHEST
                && stays(id)
                && stays(other);
        free.then_some((kernel, lead))
    }

    /// By how many columns these operands begin before the others, being the same otherwise.
    fn lead(&self, operands: &Operands, others: &Operands) -> Option<isize> {
        let (mut lead, mut repeated) = (None, false);
        for (&a, &b) in operands.as_slice().iter().zip(others.as_slice()) {
            let by = match (&self.graph.nodes[a.index()], &self.graph.nodes[b.index()]) {
                _ if a == b && operands == others => 0,
                (Node::Constant(x), Node::Constant(y)) if x == y => {
                    repeated = true;
                    continue;
                }
                (
                    &Node::Input { slot, row_stride, column_stride },
                    &Node::Input { slot: slot_b, row_stride: row_b, column_stride: column_b },
                ) if (slot, row_stride, column_stride) == (slot_b, row_b, column_b) => {
                    let by = self.offsets[b.index()] - self.offsets[a.index()];
                    match column_stride {
                        1 => by,
                        _ if by == 0 => {
                            repeated = true;
                            continue;
                        }
                        _ => return None,
                    }
                }
                _ => return None,
            };
            if lead.is_some_and(|lead| lead != by) {
                return None;
            }
            lead = Some(by);
        }
        // A number or a column is repeated over the tile alone.
        lead.filter(|&lead| lead == 0 || !repeated)
    }

    /// Where the kernel writes to: the home of the call, or so many elements before it.
    fn out(&mut self, id: NodeId, before: usize, apart: bool) -> EntryId {
        if !apart {
            return self.home(id);
        }
        let len = self.padded(self.extent(id));
        let start = self.area(len + 2 * FARTHEST) + (FARTHEST - before) % FARTHEST;
        let home = self.entry(Entry::Area(start + before));
        self.homes[id.index()] = Some(home);
        self.entry(Entry::Area(start))
    }
}

/// The kernel of two derivatives.
fn both(a: &Slope, b: &Slope) -> Option<PairKernels> {
    let (first, second) = if a.operand < b.operand { (a, b) } else { (b, a) };
    first.pairs[usize::from(second.operand)]
}
