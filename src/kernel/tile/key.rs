//! Graphs as words, to find one again.

use super::{Graph, Node, NodeId, Operands, Output};

/// All that a graph says, in words: two graphs with the same words are one.
pub(super) type Key = Box<[u64]>;

/// The words of a graph.
pub(super) fn key(graph: &Graph) -> Key {
    let mut words = Words(Vec::with_capacity(4 * (graph.nodes.len() + graph.outputs.len()) + 3));
    words.put([graph.rows as u64, graph.columns as u64, graph.nodes.len() as u64]);
    graph.nodes.iter().for_each(|node| words.node(node));
    graph.outputs.iter().for_each(|&(node, output)| words.output(node, output));
    words.0.into()
}

struct Words(Vec<u64>);

impl Words {
    fn put(&mut self, words: impl IntoIterator<Item = u64>) {
        self.0.extend(words);
    }

    fn node(&mut self, node: &Node) {
        let of = |id: NodeId| u64::from(id.0);
        let signed = |x: isize| x.cast_unsigned() as u64;
        match *node {
            Node::Input { slot, row_stride, column_stride } => {
                self.put([0, slot as u64, signed(row_stride), signed(column_stride)]);
            }
            Node::Constant(x) => self.put([1, x]),
            Node::Unary(unary, a) => self.put([2, unary as u64, of(a)]),
            Node::Binary(binary, a, b) => self.put([3, binary as u64, of(a), of(b)]),
            Node::Select(a, b, c) => self.put([4, of(a), of(b), of(c)]),
            Node::Spread(a, extent) => self.put([5, of(a), extent as u64]),
            Node::Call { kernel, operands, slope } => {
                self.call(6, [kernel.single as usize, kernel.double as usize], operands, None);
                self.put([slope.map_or(0, |slope| 1 + u64::from(slope.operand) + 4 * u64::from(slope.function))]);
            }
            Node::Row { kernel, operands, labels } => {
                self.call(7, [kernel.single as usize, kernel.double as usize], operands, labels);
            }
            Node::RowReduce { kernel, operands, labels } => {
                self.call(8, [kernel.single as usize, kernel.double as usize], operands, labels);
            }
            Node::RowSum(a) => self.put([9, of(a)]),
            Node::Shifted { operand, shift, length } => self.put([10, of(operand), signed(shift), length as u64]),
        }
    }

    fn call(&mut self, tag: u64, [single, double]: [usize; 2], operands: Operands, labels: Option<usize>) {
        let operands = operands.as_slice();
        self.put([tag, single as u64, double as u64]);
        self.put([labels.map_or(0, |slot| slot as u64 + 1), operands.len() as u64]);
        self.put(operands.iter().map(|id| u64::from(id.0)));
    }

    fn output(&mut self, node: NodeId, output: Output) {
        let signed = |x: isize| x.cast_unsigned() as u64;
        self.put([u64::from(node.0)]);
        match output {
            Output::Store { slot, row_stride, column_stride } => {
                self.put([0, slot as u64, signed(row_stride), signed(column_stride)]);
            }
            Output::SumAll { slot } => self.put([1, slot as u64]),
            Output::SumRows { slot } => self.put([2, slot as u64]),
        }
    }
}
