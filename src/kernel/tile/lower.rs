//! Brings a graph into a form with fewer cases.

use super::facts::{Fact, facts};
use super::{Extent, Graph, Node, NodeId, Output, shift};

/// A graph of pointwise nodes, rows and calls alone, on a range of columns.
#[derive(Debug)]
pub(super) struct Lowered {
    pub(super) graph: Graph,
    /// Where each input begins, beyond its slot.
    pub(super) offsets: Vec<isize>,
    /// The column of the outputs at which the domain begins.
    pub(super) first: usize,
}

/// The graph in this form, in one part or, where something is shifted, several.
pub(super) fn lower(graph: &Graph) -> Vec<Lowered> {
    let mut parts = if shift::any(graph) {
        shift::ranges(graph)
    } else {
        vec![Lowered { graph: graph.clone(), offsets: vec![0; graph.nodes.len()], first: 0 }]
    };
    for Lowered { graph, offsets, .. } in &mut parts {
        narrow(graph);
        join_spreads(graph);
        widen(graph);
        flatten(graph);
        offsets.resize(graph.nodes.len(), 0);
    }
    parts
}

/// Inputs of one row or one column have one way to be described.
fn narrow(graph: &mut Graph) {
    let Graph { rows, columns, .. } = *graph;
    for node in &mut graph.nodes {
        let Node::Input { row_stride, column_stride, .. } = node else { continue };
        if rows == 1 {
            *row_stride = *column_stride * columns.cast_signed();
        } else if columns == 1 && *row_stride != 0 {
            *column_stride = 1;
        }
    }
    for (_, output) in &mut graph.outputs {
        // Over a single column this is one line, which is summed as such.
        if let (Output::SumRows { slot }, 1) = (&output, columns) {
            *output = Output::SumAll { slot: *slot };
        }
    }
}

/// What is repeated over its own extent is itself, to other nodes; a sum has to have a node of its own.
fn join_spreads(graph: &mut Graph) {
    let facts = facts(graph);
    let mut same: Vec<NodeId> = Vec::with_capacity(graph.nodes.len());
    for (i, node) in (0..).zip(&mut graph.nodes) {
        node.each_operand_mut(|operand| *operand = same[operand.index()]);
        same.push(match *node {
            Node::Spread(operand, extent) if facts[operand.index()].extent == extent => operand,
            _ => NodeId(i),
        });
    }
}

/// What is stored over more than its own extent is spread first.
fn widen(graph: &mut Graph) {
    let facts = facts(graph);
    for i in 0..graph.outputs.len() {
        let (id, output) = graph.outputs[i];
        let Output::Store { row_stride, column_stride, .. } = output else {
            continue;
        };
        let extent = match (row_stride, column_stride) {
            (_, 1) => Extent::Whole,
            (0, _) => Extent::Number,
            _ if graph.rows == 1 => Extent::Number,
            _ => Extent::Column,
        };
        if facts[id.index()].extent < extent {
            graph.outputs[i].0 = graph.push(Node::Spread(id, extent));
        }
    }
}

/// A domain in which all stands in one order is one long row.
fn flatten(graph: &mut Graph) {
    let facts = facts(graph);
    let (Graph { columns, .. }, dense) = (&*graph, graph.columns.cast_signed());
    let plain = |node: &Node, fact: &Fact| match *node {
        Node::Input { row_stride, column_stride, .. } => {
            fact.extent == Extent::Number || (row_stride, column_stride) == (dense, 1)
        }
        _ => fact.extent != Extent::Column && !node.takes_rows(),
    };
    let in_order = |(_, output): &(NodeId, Output)| match *output {
        Output::Store { row_stride, column_stride, .. } => {
            (row_stride, column_stride) == (dense, 1) || (row_stride, column_stride) == (0, 0)
        }
        Output::SumAll { .. } => true,
        Output::SumRows { .. } => false,
    };
    let all = graph.nodes.iter().zip(&facts).all(|(node, fact)| !fact.needed || plain(node, fact));
    if all && graph.outputs.iter().all(in_order) && graph.rows > 1 && *columns > 0 {
        graph.columns *= graph.rows;
        graph.rows = 1;
        for node in &mut graph.nodes {
            if let Node::Input { row_stride, column_stride: 1, .. } = node {
                *row_stride = graph.columns.cast_signed();
            }
        }
    }
}
