//! What is to be known of the nodes of a graph before code is made.

use super::{Extent, Graph, Node};

/// What is known of a node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fact {
    pub(super) extent: Extent,
    /// How many computations on whole tiles lie below it, one upon the other.
    pub(super) stage: u32,
    /// Whether an output needs it.
    pub(super) needed: bool,
    /// The moment of its last use by another node.
    pub(super) last: Moment,
}

/// When something happens within a tile: stages follow each other, and within each the four phases.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Moment {
    pub(super) stage: u32,
    pub(super) phase: Phase,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Phase {
    /// Computations on whole tiles.
    Heavy,
    /// The accumulator machine, for columns.
    Columns,
    /// The accumulator machine, for the whole domain.
    Cells,
    /// What becomes of finished tiles.
    End,
}

impl Node {
    /// Whether it is computed on whole tiles at a time.
    pub(super) fn is_heavy(&self) -> bool {
        matches!(self, Self::Call { .. } | Self::Row { .. } | Self::RowReduce { .. } | Self::RowSum(_))
    }

    /// Whether the accumulator machine computes it.
    pub(super) fn is_cheap(&self) -> bool {
        matches!(self, Self::Unary(..) | Self::Binary(..) | Self::Select(..) | Self::Spread(..))
    }

    pub(super) fn is_leaf(&self) -> bool {
        matches!(self, Self::Input { .. } | Self::Constant(_))
    }

    /// Whether it needs whole rows.
    pub(super) fn takes_rows(&self) -> bool {
        matches!(self, Self::Row { .. } | Self::RowReduce { .. } | Self::RowSum(_))
    }
}

/// The facts about each node.
pub(super) fn facts(graph: &Graph) -> Vec<Fact> {
    let mut facts: Vec<Fact> = Vec::with_capacity(graph.nodes.len());
    for node in &graph.nodes {
        let (mut extent, mut stage) = (Extent::Number, 0);
        node.each_operand(|id| {
            let fact = facts[id.index()];
            extent = extent.max(fact.extent);
            stage = stage.max(fact.stage);
        });
        let extent = match node {
            Node::Input { row_stride: 0, column_stride: 0, .. } => Extent::Number,
            Node::Input { column_stride: 0, .. } | Node::RowReduce { .. } | Node::RowSum(_) => Extent::Column,
            Node::Input { .. } | Node::Row { .. } | Node::Shifted { .. } => Extent::Whole,
            Node::Spread(_, wide) => extent.max(*wide),
            _ => extent,
        };
        let stage = stage + u32::from(node.is_heavy());
        facts.push(Fact { extent, stage, needed: false, last: Moment { stage, phase: Phase::Heavy } });
    }
    for &(id, _) in &graph.outputs {
        facts[id.index()].needed = true;
    }
    for (i, node) in graph.nodes.iter().enumerate().rev() {
        if facts[i].needed {
            node.each_operand(|id| facts[id.index()].needed = true);
        }
    }
    sink(graph, &mut facts);
    for (i, node) in graph.nodes.iter().enumerate() {
        let Fact { stage, extent, needed: true, .. } = facts[i] else { continue };
        let phase = match extent {
            _ if node.is_heavy() => Phase::Heavy,
            Extent::Whole => Phase::Cells,
            _ => Phase::Columns,
        };
        node.each_operand(|id| {
            let last = &mut facts[id.index()].last;
            *last = Moment { stage, phase }.max(*last);
        });
    }
    facts
}

/// Puts cheap nodes off until they are used, unless that leaves more values waiting than before.
fn sink(graph: &Graph, facts: &mut [Fact]) {
    let mut latest = vec![u32::MAX; graph.nodes.len()];
    graph.outputs.iter().for_each(|(id, _)| latest[id.index()] = 0);
    for (i, node) in graph.nodes.iter().enumerate().rev().filter(|(_, node)| !node.is_leaf()) {
        if !facts[i].needed {
            continue;
        }
        let mut waiting = 0;
        node.each_operand(|id| waiting += usize::from(!graph.nodes[id.index()].is_leaf()));
        if node.is_cheap() && waiting <= 1 && facts[i].extent != Extent::Number {
            facts[i].stage = facts[i].stage.max(latest[i]);
            facts[i].last.stage = facts[i].stage;
        }
        let before = facts[i].stage - u32::from(node.is_heavy());
        node.each_operand(|id| latest[id.index()] = latest[id.index()].min(before));
    }
}
