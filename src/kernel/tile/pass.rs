//! A program over slots of a space: the safe way to run one.

use std::collections::HashMap;
use std::sync::Arc;

use super::key::{Key, key};
use super::{Graph, Node, Output, Program, Scratch, compile};
use crate::kernel::simd::Element;
use crate::kernel::space::{Slot, Space};

/// A compiled graph that knows how far its inputs and outputs reach.
#[derive(Debug)]
pub(crate) struct Pass<T> {
    program: Program<T>,
    rows: usize,
    /// For each slot of inputs and of outputs, how many elements from its start on are touched.
    inputs: Vec<usize>,
    outputs: Vec<usize>,
}

impl<T: Element> Pass<T> {
    /// Compiles a graph, whose strides must not be negative.
    pub(crate) fn new(graph: &Graph) -> Self {
        let (rows, columns) = (graph.rows, graph.columns);
        let reach = |row_stride: isize, column_stride: isize, columns: usize| {
            let stride = |stride: isize| usize::try_from(stride).expect("a stride that is not negative");
            (rows - 1) * stride(row_stride) + columns.saturating_sub(1) * stride(column_stride) + 1
        };
        let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
        for (node, columns) in graph.nodes.iter().zip(columns_needed(graph)) {
            if let Node::Input { slot, row_stride, column_stride } = *node {
                note(&mut inputs, slot, reach(row_stride, column_stride, columns));
            }
        }
        for &(_, output) in &graph.outputs {
            let (slot, reach) = match output {
                Output::Store { slot, row_stride, column_stride } => (slot, reach(row_stride, column_stride, columns)),
                Output::SumAll { slot } => (slot, 1),
                Output::SumRows { slot } => (slot, columns),
            };
            note(&mut outputs, slot, reach);
        }
        Self { program: compile(graph), rows, inputs, outputs }
    }

    /// Computes all outputs.
    ///
    /// # Panics
    ///
    /// If a slot is smaller than what the graph reaches, or one that is written overlaps another.
    pub(crate) fn run(
        &self,
        space: &mut Space<'_, T>,
        reads: &[Slot],
        labels: &[&[u32]],
        writes: &[Slot],
        scratch: &mut Scratch<T>,
        threads: usize,
    ) {
        let fits = |reaches: &[usize], slots: &[Slot]| {
            reaches.len() <= slots.len() && reaches.iter().zip(slots).all(|(&reach, slot)| reach <= slot.len)
        };
        assert!(fits(&self.inputs, reads) && fits(&self.outputs, writes), "slots of a pass");
        assert!(labels.iter().all(|list| list.len() >= self.rows), "a label for each row");
        let (inputs, outputs) = space.pointers(reads, writes);
        let labels: smallvec::SmallVec<[*const u32; 2]> = labels.iter().map(|list| list.as_ptr()).collect();
        // SAFETY: `pointers` has checked that all slots lie in their regions, and that what is written overlaps nothing; they
        // are as long as the graph reaches, by `fits`, and there is a label for each row.
        unsafe { self.program.run(&inputs, &labels, &outputs, scratch, threads) }
    }
}

/// Compiled graphs by what they say: layers that look alike share one pass, however many there are.
#[derive(Debug)]
pub(crate) struct Passes<T> {
    known: HashMap<Key, Arc<Pass<T>>>,
    /// How many may be known before those that nobody uses any more are looked for.
    room: usize,
}

impl<T> Default for Passes<T> {
    fn default() -> Self {
        Self { known: HashMap::new(), room: 64 }
    }
}

impl<T: Element> Passes<T> {
    /// The pass for a graph, compiled if there is none yet.
    pub(crate) fn compiled(&mut self, graph: &Graph) -> Arc<Pass<T>> {
        if self.known.len() >= self.room {
            self.known.retain(|_, pass| Arc::strong_count(pass) > 1);
            self.room = 64.max(2 * self.known.len());
        }
        Arc::clone(self.known.entry(key(graph)).or_insert_with(|| Arc::new(Pass::new(graph))))
    }

    /// Passes known at present, those that nobody uses among them.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }
}

/// For each node how many columns of it are looked at.
fn columns_needed(graph: &Graph) -> Vec<usize> {
    let mut needed = vec![0; graph.nodes.len()];
    graph.outputs.iter().for_each(|(node, _)| needed[node.index()] = graph.columns);
    for at in (0..graph.nodes.len()).rev() {
        let node = &graph.nodes[at];
        let columns = match node {
            Node::Shifted { length, .. } => *length,
            _ => needed[at],
        };
        node.each_operand(|operand| needed[operand.index()] = needed[operand.index()].max(columns));
    }
    needed
}

fn note(reaches: &mut Vec<usize>, slot: usize, reach: usize) {
    if reaches.len() <= slot {
        reaches.resize(slot + 1, 0);
    }
    reaches[slot] = reaches[slot].max(reach);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::tile::{Binary, NodeId};
    use crate::real::Real;

    /// x·k over `columns`, stored.
    fn scaled(columns: usize, k: f32) -> Graph {
        let mut graph = Graph::new(1, columns);
        let x = graph.push(Node::Input { slot: 0, row_stride: 0, column_stride: 1 });
        let k = graph.push(Node::Constant(k.bits()));
        let y = graph.push(Node::Binary(Binary::Mul, x, k));
        graph.output(y, Output::Store { slot: 0, row_stride: columns.cast_signed(), column_stride: 1 });
        graph
    }

    #[test]
    fn the_same_graph_is_compiled_once() {
        let mut passes = Passes::<f32>::default();
        let first = passes.compiled(&scaled(8, 2.0));
        assert!(Arc::ptr_eq(&first, &passes.compiled(&scaled(8, 2.0))));
        assert!(!Arc::ptr_eq(&first, &passes.compiled(&scaled(9, 2.0))));
        assert!(!Arc::ptr_eq(&passes.compiled(&scaled(8, 0.0)), &passes.compiled(&scaled(8, -0.0))));
        let mut other = scaled(8, 2.0);
        other.nodes[2] = Node::Binary(Binary::Add, NodeId(0), NodeId(1));
        assert!(!Arc::ptr_eq(&first, &passes.compiled(&other)));
    }

    #[test]
    fn what_nobody_uses_is_forgotten() {
        let mut passes = Passes::<f32>::default();
        let kept = passes.compiled(&scaled(1, 2.0));
        for columns in 2..1000 {
            passes.compiled(&scaled(columns, 2.0));
        }
        assert!(passes.len() <= 64);
        assert!(Arc::ptr_eq(&kept, &passes.compiled(&scaled(1, 2.0))));
    }
}
