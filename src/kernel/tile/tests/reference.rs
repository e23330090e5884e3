//! The simple twin: every node by itself, over whole tensors.
#![allow(clippy::match_same_arms, reason = "a line for each function")]

use super::super::rows::{Operand, Place};
use super::super::{Binary, BlockKernel, Extent, Graph, Node, NodeId, Output, RowKernel, Rows, Unary};
use crate::kernel::{Lines, reduce};
use crate::real::Real;

/// What a graph reads.
pub(super) struct Data<T> {
    /// For each slot, all memory and the position of element (0, 0).
    pub(super) inputs: Vec<(Vec<T>, usize)>,
    pub(super) labels: Vec<Vec<u32>>,
}

/// The value of a node over its own extent.
#[derive(Clone)]
struct Value<T> {
    extent: Extent,
    data: Vec<T>,
}

impl<T: Real> Value<T> {
    fn at(&self, i: usize, j: usize, columns: usize) -> T {
        match self.extent {
            Extent::Number => self.data[0],
            Extent::Column => self.data[i],
            Extent::Whole => self.data[i * columns + j],
        }
    }
}

fn unary<T: Real>(unary: Unary, x: T) -> T {
    let one = T::one();
    match unary {
        Unary::Neg => -x,
        Unary::Abs => x.abs(),
        Unary::Sign if x > T::zero() => one,
        Unary::Sign if x < T::zero() => -one,
        Unary::Sign => x,
        Unary::Square => x * x,
        Unary::Sqrt => x.sqrt(),
        Unary::Rsqrt => one / x.sqrt(),
        Unary::Recip => one / x,
        Unary::Relu if x <= T::zero() => T::zero(),
        Unary::Relu => x,
        Unary::Floor => x.floor(),
        Unary::Ceil => x.ceil(),
        Unary::Round => T::of(x.as_f64().round_ties_even()),
    }
}

fn binary<T: Real>(binary: Binary, a: T, b: T) -> T {
    let truth = |truth| if truth { T::one() } else { T::zero() };
    match binary {
        Binary::Add => a + b,
        Binary::Sub => a - b,
        Binary::Mul => a * b,
        Binary::Div => a / b,
        Binary::Maximum => reduce::maximum(a, b),
        Binary::Minimum => reduce::minimum(a, b),
        Binary::Weigh if a == T::zero() => a,
        Binary::Weigh => a * b,
        Binary::Eq => truth(a == b),
        Binary::Ne => truth(a != b),
        Binary::Lt => truth(a < b),
        Binary::Le => truth(a <= b),
        Binary::Gt => truth(a > b),
        Binary::Ge => truth(a >= b),
    }
}

/// Computes all nodes, then hands each output with its values to `put(slot, position, value)`.
pub(super) fn evaluate<T: Real>(graph: &Graph, data: &Data<T>, mut put: impl FnMut(usize, isize, T)) {
    let Graph { rows, columns, .. } = *graph;
    let mut values: Vec<Value<T>> = Vec::new();
    for node in &graph.nodes {
        let value = value(node, &values, data, rows, columns);
        values.push(value);
    }
    for &(NodeId(id), output) in &graph.outputs {
        let value = &values[id as usize];
        match output {
            Output::Store { slot, row_stride, column_stride } => {
                let (m, n) = match (row_stride, column_stride) {
                    (_, 1) => (rows, columns),
                    (0, _) => (1, 1),
                    _ => (rows, 1),
                };
                for (i, j) in (0..m).flat_map(|i| (0..n).map(move |j| (i, j))) {
                    let at = i.cast_signed() * row_stride + j.cast_signed() * column_stride;
                    put(slot, at, value.at(i, j, columns));
                }
            }
            Output::SumAll { slot } => put(slot, 0, reduce::sum(&value.data)),
            Output::SumRows { slot } => {
                let mut out = vec![T::zero(); columns];
                reduce::sum_lines(Lines { outer: 1, n: rows, inner: columns }, &value.data, &mut out);
                (0..).zip(out).for_each(|(j, x)| put(slot, j, x));
            }
        }
    }
}

fn value<T: Real>(node: &Node, values: &[Value<T>], data: &Data<T>, rows: usize, columns: usize) -> Value<T> {
    let operand = |id: NodeId| &values[id.index()];
    let mut extent = Extent::Number;
    node.each_operand(|id| extent = extent.max(operand(id).extent));
    let fill = |extent, f: &dyn Fn(usize, usize) -> T| {
        let (m, n) = match extent {
            Extent::Number => (1, 1),
            Extent::Column => (rows, 1),
            Extent::Whole => (rows, columns),
        };
        Value { extent, data: (0..m * n).map(|k| f(k / n, k % n)).collect() }
    };
    match node {
        Node::Constant(x) => Value { extent, data: vec![T::from_bits(*x)] },
        &Node::Input { slot, row_stride, column_stride } => {
            let extent = match (row_stride, column_stride) {
                (0, 0) => Extent::Number,
                (_, 0) if rows == 1 => Extent::Number,
                (_, 0) if columns != 1 => Extent::Column,
                _ => Extent::Whole,
            };
            let (memory, start) = &data.inputs[slot];
            fill(extent, &|i, j| {
                let at = start.cast_signed() + i.cast_signed() * row_stride + j.cast_signed() * column_stride;
                memory[usize::try_from(at).unwrap()]
            })
        }
        &Node::Unary(op, a) => fill(extent, &|i, j| unary(op, operand(a).at(i, j, columns))),
        &Node::Binary(op, a, b) => {
            fill(extent, &|i, j| binary(op, operand(a).at(i, j, columns), operand(b).at(i, j, columns)))
        }
        &Node::Select(a, b, c) => fill(extent, &|i, j| {
            let chosen = if operand(a).at(i, j, columns) == T::zero() { c } else { b };
            operand(chosen).at(i, j, columns)
        }),
        &Node::Spread(a, wide) => fill(extent.max(wide), &|i, j| operand(a).at(i, j, columns)),
        Node::Call { kernel, operands, .. } => {
            let blocks: Vec<_> = operands
                .as_slice()
                .iter()
                .map(|&id| fill(extent, &|i, j| operand(id).at(i, j, columns)).data)
                .collect();
            let mut out = fill(extent, &|_, _| T::zero());
            let pointers: Vec<_> = blocks.iter().map(Vec::as_ptr).collect();
            // SAFETY: all blocks are as long as the result.
            unsafe { kernel.of::<BlockKernel<T>>()(pointers.as_ptr(), out.data.as_mut_ptr(), out.data.len()) };
            out
        }
        Node::Row { kernel, operands, labels } => Value {
            extent: Extent::Whole,
            data: by_rows(kernel.of(), operands.as_slice(), *labels, values, data, (rows, columns), columns),
        },
        Node::RowReduce { kernel, operands, labels } => Value {
            extent: Extent::Column,
            data: by_rows(kernel.of(), operands.as_slice(), *labels, values, data, (rows, columns), 1),
        },
        &Node::RowSum(a) => Value {
            extent: Extent::Column,
            data: (0..rows)
                .map(|i| reduce::sum(&(0..columns).map(|j| operand(a).at(i, j, columns)).collect::<Vec<_>>()))
                .collect(),
        },
        &Node::Shifted { operand: a, shift, length } => {
            // The operand was computed over all columns, of which it may have fewer: those behind are not looked at.
            fill(Extent::Whole, &|i, j| match usize::try_from(j.cast_signed() - shift) {
                Ok(k) if k < length => operand(a).at(i, k, columns),
                _ => T::zero(),
            })
        }
    }
}

fn by_rows<T: Real>(
    kernel: RowKernel<T>,
    operands: &[NodeId],
    labels: Option<usize>,
    values: &[Value<T>],
    data: &Data<T>,
    (rows, columns): (usize, usize),
    width: usize,
) -> Vec<T> {
    let mut out = vec![T::zero(); rows * width];
    let mut list = [Operand::NONE; 3];
    for (place, id) in list.iter_mut().zip(operands) {
        let Value { extent, data } = &values[id.index()];
        let (stride, columns) = match extent {
            Extent::Number => (0, 1),
            Extent::Column => (1, 1),
            Extent::Whole => (columns.cast_signed(), columns),
        };
        *place = Operand { start: data.as_ptr(), stride, columns };
    }
    let labels = labels.map_or(std::ptr::null(), |slot| data.labels[slot].as_ptr());
    let place = Place { start: out.as_mut_ptr(), stride: width.cast_signed(), columns: width };
    // SAFETY: all rows of all operands and of the result are there.
    kernel(&mut unsafe { Rows::new((rows, columns), list, labels, place) });
    out
}
