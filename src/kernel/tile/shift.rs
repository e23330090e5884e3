//! Shifted operands, without copies: a domain falls into ranges of columns in which each shifted operand is either there or
//! zero, and where it is there, the inputs below it are read from further on.

use super::lower::Lowered;
use super::{Graph, LANES, Node, NodeId, Operands, Output};

/// Columns of a range that is worth another one before it.
const LONG: usize = 1 << 13;

/// Whether anything is shifted.
pub(super) fn any(graph: &Graph) -> bool {
    graph.nodes.iter().any(|node| matches!(node, Node::Shifted { .. }))
}

/// A graph without shifts for each range of columns.
///
/// # Panics
///
/// If nodes over rows or sums stand beside the shifts.
pub(super) fn ranges(graph: &Graph) -> Vec<Lowered> {
    let is_wide = |output: &Output| match output {
        Output::Store { column_stride, .. } => *column_stride == 1,
        _ => panic!("beside shifts there are no sums"),
    };
    assert!(!graph.nodes.iter().any(Node::takes_rows), "beside shifts there are no computations over rows");
    let (mut cuts, mut seen) = (vec![0], Vec::new());
    cut(&mut cuts, graph.columns);
    graph.outputs.iter().for_each(|&(id, _)| find_cuts(graph, id, 0, &mut cuts, &mut seen));
    align(&mut cuts);
    let range = |ends: &[usize]| {
        let mut part = Graph::new(graph.rows, ends[1] - ends[0]);
        let mut unfolding =
            Unfolding { graph, first: ends[0], part: &mut part, offsets: Vec::new(), known: Vec::new() };
        let outputs = graph.outputs.iter().filter(|(_, output)| is_wide(output) || ends[0] == 0);
        let outputs = outputs.map(|&(id, output)| (unfolding.unfold(id, 0), output)).collect();
        let offsets = unfolding.offsets;
        part.outputs = outputs;
        Lowered { graph: part, offsets, first: ends[0] }
    };
    cuts.windows(2).map(range).collect()
}

/// Cuts at a column, unless there is a cut; they are kept in order.
fn cut(cuts: &mut Vec<usize>, column: usize) {
    if let Err(at) = cuts.binary_search(&column) {
        cuts.insert(at, column);
    }
}

/// Cuts a few columns off the front of long ranges, so that the rest is written at the edges of cache lines.
fn align(cuts: &mut Vec<usize>) {
    let ends = cuts.clone();
    let long = ends.windows(2).filter(|ends| ends[1] - ends[0] > LONG && !ends[0].is_multiple_of(LANES));
    long.for_each(|ends| cut(cuts, ends[0].next_multiple_of(LANES)));
}

/// Collects the columns at which a shifted operand begins or ends, seen through shifts by `by` columns altogether.
fn find_cuts(graph: &Graph, id: NodeId, by: isize, cuts: &mut Vec<usize>, seen: &mut Vec<(NodeId, isize)>) {
    if seen.contains(&(id, by)) {
        return;
    }
    seen.push((id, by));
    let mut below = by;
    if let Node::Shifted { shift, length, .. } = graph.nodes[id.index()] {
        below += shift;
        let inside = |&column: &isize| (0..=graph.columns.cast_signed()).contains(&column);
        let ends = [below, below + length.cast_signed()];
        ends.iter().filter(|&column| inside(column)).for_each(|column| cut(cuts, column.cast_unsigned()));
    }
    graph.nodes[id.index()].each_operand(|operand| find_cuts(graph, operand, below, cuts, seen));
}

/// The nodes of a range of columns, each for each shift that it is needed with.
struct Unfolding<'g> {
    graph: &'g Graph,
    first: usize,
    part: &'g mut Graph,
    offsets: Vec<isize>,
    known: Vec<((NodeId, isize), NodeId)>,
}

impl Unfolding<'_> {
    /// The node as it is `by` columns further back.
    fn unfold(&mut self, id: NodeId, by: isize) -> NodeId {
        if let Some(&(_, known)) = self.known.iter().find(|(key, _)| *key == (id, by)) {
            return known;
        }
        let first = self.first.cast_signed();
        let mut offset = 0;
        let node = match self.graph.nodes[id.index()] {
            Node::Input { slot, row_stride, column_stride } => {
                offset = (first - by) * column_stride;
                Node::Input { slot, row_stride, column_stride }
            }
            Node::Constant(x) => Node::Constant(x),
            Node::Unary(op, a) => Node::Unary(op, self.unfold(a, by)),
            Node::Binary(op, a, b) => Node::Binary(op, self.unfold(a, by), self.unfold(b, by)),
            Node::Select(a, b, c) => Node::Select(self.unfold(a, by), self.unfold(b, by), self.unfold(c, by)),
            Node::Spread(a, extent) => Node::Spread(self.unfold(a, by), extent),
            Node::Call { kernel, operands, slope } => {
                let list: Vec<_> = operands.as_slice().iter().map(|&a| self.unfold(a, by)).collect();
                Node::Call { kernel, operands: Operands::new(&list), slope }
            }
            Node::Shifted { operand, shift, length } => {
                let column = first - by - shift;
                if (0..length.cast_signed()).contains(&column) {
                    return self.unfold(operand, by + shift);
                }
                // The bits of 0 in any type.
                Node::Constant(0)
            }
            Node::Row { .. } | Node::RowReduce { .. } | Node::RowSum(_) => {
                unreachable!("there are no rows beside shifts")
            }
        };
        self.offsets.push(offset);
        let new = self.part.push(node);
        self.known.push(((id, by), new));
        new
    }
}
