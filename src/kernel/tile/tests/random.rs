//! Graphs and data by chance.
#![allow(
    clippy::cast_possible_truncation,
    clippy::range_plus_one,
    clippy::nonminimal_bool,
    reason = "samples are made of whatever comes"
)]

use super::super::{Binary, BlockKernels, Extent, Graph, Node, NodeId, Operands, Output, Rows, Slope, Twins, Unary};
use super::reference::Data;
use crate::real::Real;

/// A generator of numbers that is good enough for tests.
pub(super) struct Chance(pub(super) u64);

impl Chance {
    pub(super) fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }

    pub(super) fn number<T: Real>(&mut self) -> T {
        match self.below(40) {
            0 => T::nan(),
            1 => T::infinity(),
            2 => T::neg_infinity(),
            3 | 4 => T::zero(),
            5 => T::neg_zero(),
            6 => T::min_positive_value() / T::of(8.0),
            _ => T::of(self.below(2_000_001) as f64 * 3e-6 - 3.0),
        }
    }

    fn one_of<A: Copy>(&mut self, list: &[A]) -> A {
        list[self.below(list.len())]
    }
}

const UNARY: &[Unary] = &[
    Unary::Neg,
    Unary::Abs,
    Unary::Sign,
    Unary::Square,
    Unary::Sqrt,
    Unary::Rsqrt,
    Unary::Recip,
    Unary::Relu,
    Unary::Floor,
    Unary::Ceil,
    Unary::Round,
];

const BINARY: &[Binary] = &[
    Binary::Add,
    Binary::Add,
    Binary::Sub,
    Binary::Sub,
    Binary::Mul,
    Binary::Mul,
    Binary::Div,
    Binary::Maximum,
    Binary::Minimum,
    Binary::Weigh,
    Binary::Eq,
    Binary::Ne,
    Binary::Lt,
    Binary::Le,
    Binary::Gt,
    Binary::Ge,
];

/// x·y + 1 in two roundings.
///
/// # Safety
///
/// Two operands and the result must have `len` elements.
unsafe fn affine<T: Real>(operands: *const *const T, out: *mut T, len: usize) {
    // SAFETY: the caller vouches for two operands and `len` elements everywhere.
    let [x, y] = unsafe { [*operands, *operands.add(1)] };
    for i in 0..len {
        // SAFETY: see above.
        unsafe { *out.add(i) = *x.add(i) * *y.add(i) + T::one() };
    }
}

/// The other derivative: x − y.
///
/// # Safety
///
/// As for [`affine`].
unsafe fn difference<T: Real>(operands: *const *const T, out: *mut T, len: usize) {
    // SAFETY: the caller vouches for two operands and `len` elements everywhere.
    let [x, y] = unsafe { [*operands, *operands.add(1)] };
    for i in 0..len {
        // SAFETY: see above.
        unsafe { *out.add(i) = *x.add(i) - *y.add(i) };
    }
}

/// Both at once.
///
/// # Safety
///
/// As for [`affine`], with two results.
unsafe fn both<T: Real>(operands: *const *const T, outs: *const *mut T, len: usize) {
    // SAFETY: handed on to the caller.
    unsafe {
        affine(operands, *outs, len);
        difference(operands, *outs.add(1), len);
    }
}

/// Each row without its largest element, times a number of the row.
fn below_largest<T: Real>(rows: &mut Rows<'_, T>) {
    for i in 0..rows.len() {
        let scale = rows.number(1, i);
        let ([x, ..], out) = rows.both(i);
        let top = x.iter().copied().fold(T::neg_infinity(), crate::kernel::reduce::maximum);
        out.iter_mut().zip(x).for_each(|(out, &x)| *out = (x - top) * scale);
    }
}

/// The element of each row that its label names.
fn picked<T: Real>(rows: &mut Rows<'_, T>) {
    for i in 0..rows.len() {
        let x = rows.row(0, i).get(rows.label(i) as usize).copied().unwrap_or(T::one());
        rows.out(i)[0] = x;
    }
}

/// A graph and what it reads.
pub(super) struct Case<T> {
    pub(super) graph: Graph,
    pub(super) data: Data<T>,
    /// For each output slot, how many elements before and from element (0, 0) on.
    pub(super) outputs: Vec<(usize, usize)>,
}

/// What a graph may contain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// Dense inputs and cheap nodes.
    Cheap,
    /// Calls and broadcasts besides.
    Calls,
    /// Rows, too.
    Rows,
    /// Shifts and pointwise nodes.
    Shifts,
}

struct Maker<'c, T> {
    chance: &'c mut Chance,
    case: Case<T>,
    extents: Vec<Extent>,
    kind: Kind,
}

/// A graph of about `size` nodes over a domain.
pub(super) fn case<T: Real>(chance: &mut Chance, rows: usize, columns: usize, kind: Kind, size: usize) -> Case<T> {
    let case =
        Case { graph: Graph::new(rows, columns), data: Data { inputs: vec![], labels: vec![] }, outputs: vec![] };
    let mut maker = Maker { chance, case, extents: Vec::new(), kind };
    maker.case.data.labels = vec![(0..rows).map(|i| (i * 7 % columns.max(1)) as u32).collect()];
    maker.input();
    for _ in 0..size {
        maker.node();
    }
    for _ in 0..1 + maker.chance.below(4) {
        maker.output();
    }
    maker.case
}

impl<T: Real> Maker<'_, T> {
    fn push(&mut self, node: Node, extent: Extent) {
        self.case.graph.push(node);
        self.extents.push(extent);
    }

    fn any(&mut self) -> NodeId {
        // Late nodes are likelier, so that chains get long.
        let n = self.extents.len();
        let back = if self.chance.below(2) == 0 { self.chance.below(n.min(3)) } else { self.chance.below(n) };
        NodeId((n - 1 - back) as u32)
    }

    fn input(&mut self) {
        let Graph { rows, columns, .. } = self.case.graph;
        let slot = self.case.data.inputs.len();
        let wide = columns + 1 + self.chance.below(5);
        let layouts = [
            (columns, 1, Extent::Whole),
            (columns, 1, Extent::Whole),
            (0, 0, Extent::Number),
            (0, 1, Extent::Whole),
            (1, 0, Extent::Column),
            (wide, 1, Extent::Whole),
            (wide, 0, Extent::Column),
        ];
        let choices = if self.kind == Kind::Cheap { 3 } else { layouts.len() };
        let (row, column, mut extent): (usize, usize, _) = layouts[self.chance.below(choices)];
        if row == 0 && column == 0 || column == 0 && rows == 1 {
            extent = Extent::Number;
        } else if columns == 1 {
            extent = Extent::Whole;
        }
        let backwards = row > 0 && self.kind != Kind::Cheap && self.chance.below(6) == 0;
        let reach = rows.saturating_sub(1) * row;
        let len = reach + if column == 1 { columns } else { 1 };
        let memory = (0..len).map(|_| self.chance.number()).collect();
        self.case.data.inputs.push((memory, if backwards { reach } else { 0 }));
        let row_stride = if backwards { -row.cast_signed() } else { row.cast_signed() };
        self.push(Node::Input { slot, row_stride, column_stride: column.cast_signed() }, extent);
    }

    fn node(&mut self) {
        let (a, b, c) = (self.any(), self.any(), self.any());
        let extent = |ids: &[NodeId]| ids.iter().map(|id| self.extents[id.index()]).max().unwrap();
        let heavy = match self.kind {
            Kind::Cheap => 0,
            Kind::Calls => 2,
            Kind::Rows | Kind::Shifts => 4,
        };
        match self.chance.below(22 + heavy) {
            0..3 => self.input(),
            3 => {
                let x: T = self.chance.number();
                self.push(Node::Constant(x.bits()), Extent::Number);
            }
            4..8 => {
                let extent = extent(&[a]);
                let unary = self.chance.one_of(UNARY);
                self.push(Node::Unary(unary, a), extent);
            }
            8..19 => {
                let extent = extent(&[a, b]);
                let binary = self.chance.one_of(BINARY);
                self.push(Node::Binary(binary, a, b), extent);
            }
            19..21 => {
                let extent = extent(&[a, b, c]);
                self.push(Node::Select(a, b, c), extent);
            }
            21 => self.push(Node::Spread(a, Extent::Whole), Extent::Whole),
            22 if self.chance.below(2) == 0 => self.slopes(),
            22 | 23 => {
                let extent = extent(&[a, b]);
                self.push(
                    Node::Call { kernel: Twins::new(affine, affine), operands: Operands::new(&[a, b]), slope: None },
                    extent,
                );
            }
            _ if self.kind == Kind::Shifts => {
                let columns = self.case.graph.columns;
                let (length, far) = (self.chance.below(columns + 1), self.chance.below(columns + 2).cast_signed());
                let near = self.chance.below(3).cast_signed();
                let shift = [near, -near, far, -far][self.chance.below(4)];
                self.push(Node::Shifted { operand: a, shift, length }, Extent::Whole);
            }
            _ if self.kind != Kind::Rows || extent(&[a]) != Extent::Whole => {}
            24 if extent(&[b]) != Extent::Whole => {
                let operands = Operands::new(&[a, b]);
                self.push(
                    Node::Row { kernel: Twins::new(below_largest, below_largest), operands, labels: None },
                    Extent::Whole,
                );
            }
            24 => self.push(Node::RowSum(a), Extent::Column),
            _ => {
                let operands = Operands::new(&[a]);
                self.push(
                    Node::RowReduce { kernel: Twins::new(picked, picked), operands, labels: Some(0) },
                    Extent::Column,
                );
            }
        }
    }

    /// Two derivatives of one function of the same operands, shifted against each other where shifts are about.
    fn slopes(&mut self) {
        self.input();
        let a = self.last();
        if self.chance.below(2) == 0 {
            self.input();
        }
        let b = if self.chance.below(3) == 0 { self.any() } else { self.last() };
        let extent = self.extents[a.index()].max(self.extents[b.index()]);
        let operands = Operands::new(&[a, b]);
        let first = self.chance.below(2);
        for operand in [first, 1 - first] {
            let kernel: BlockKernels =
                if operand == 0 { Twins::new(affine, affine) } else { Twins::new(difference, difference) };
            #[allow(clippy::cast_possible_truncation, reason = "0 or 1")]
            let slope = Slope {
                function: 7,
                operand: operand as u8,
                pairs: [None, if operand == 0 { Some(Twins::new(both, both)) } else { None }, None],
            };
            self.push(Node::Call { kernel, operands, slope: Some(slope) }, extent);
            if self.kind == Kind::Shifts {
                let (call, length) = (self.last(), self.case.graph.columns);
                let shift = self.chance.below(4).cast_signed() - 1;
                self.push(Node::Shifted { operand: call, shift, length }, Extent::Whole);
            }
        }
    }

    fn last(&self) -> NodeId {
        NodeId(u32::try_from(self.case.graph.nodes.len() - 1).expect("a few nodes"))
    }

    fn output(&mut self) {
        let Graph { rows, columns, .. } = self.case.graph;
        let (node, slot) = (self.any(), self.case.outputs.len());
        let extent = self.extents[node.index()];
        let choice = self.chance.below(8);
        if choice < 2 && extent != Extent::Column && self.kind != Kind::Shifts {
            self.case.graph.output(node, Output::SumAll { slot });
            self.case.outputs.push((0, 1));
            return;
        }
        if choice == 2 && extent == Extent::Whole && matches!(self.kind, Kind::Calls | Kind::Rows) {
            self.case.graph.output(node, Output::SumRows { slot });
            self.case.outputs.push((0, columns));
            return;
        }
        let row = columns + if self.kind == Kind::Cheap { 0 } else { self.chance.below(2) * 3 };
        let (row, column): (usize, usize) = match extent {
            Extent::Number if self.chance.below(2) == 0 => (0, 0),
            Extent::Column if self.chance.below(2) == 0 => (1 + self.chance.below(2), 0),
            _ => (row, 1),
        };
        let reach = rows.saturating_sub(1) * row;
        let backwards = row > 0 && self.kind != Kind::Cheap && self.chance.below(6) == 0;
        let (row_stride, column_stride) = (row.cast_signed() * if backwards { -1 } else { 1 }, column.cast_signed());
        let len = reach + if column == 1 { columns } else { 1 };
        self.case.outputs.push(if backwards { (reach, len - reach) } else { (0, len) });
        self.case.graph.output(node, Output::Store { slot, row_stride, column_stride });
    }
}
