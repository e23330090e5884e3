//! What one pass computes.

use super::rows::RowKernel;
use crate::real::twin;

/// A node of a [`Graph`], by its position.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct NodeId(pub(crate) u32);

impl NodeId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// What one pass computes over a domain of `rows` × `columns`; a flat tensor is one row.
///
/// Every node has an [`Extent`]: the whole domain, a column, or one number. A pointwise node has the largest extent among
/// its operands, and what is narrower is repeated. Operands stand before the nodes that use them.
#[derive(Clone, Debug)]
pub(crate) struct Graph {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) nodes: Vec<Node>,
    pub(crate) outputs: Vec<(NodeId, Output)>,
}

/// How far a node reaches, from the narrowest to the widest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Extent {
    Number,
    /// One number for each row.
    Column,
    Whole,
}

/// A function of up to three equal blocks of `len` elements: `kernel(blocks, out, len)`.
///
/// Each element must not depend on where the blocks were cut. `out` overlaps none of the blocks.
pub(crate) type BlockKernel<T> = unsafe fn(*const *const T, *mut T, usize);

/// Two functions of the same blocks: `kernel(blocks, outs, len)`. The outs overlap none of the blocks, nor each other.
pub(crate) type PairKernel<T> = unsafe fn(*const *const T, *const *mut T, usize);

/// A kernel for each type of elements. So a graph says what is computed, not in which type, and what compiles it is there
/// once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Twins<S, D> {
    pub(super) single: S,
    pub(super) double: D,
}

pub(crate) type BlockKernels = Twins<BlockKernel<f32>, BlockKernel<f64>>;
pub(crate) type PairKernels = Twins<PairKernel<f32>, PairKernel<f64>>;
pub(crate) type RowKernels = Twins<RowKernel<f32>, RowKernel<f64>>;

impl<S: Copy + 'static, D: Copy + 'static> Twins<S, D> {
    pub(crate) fn new(single: S, double: D) -> Self {
        Self { single, double }
    }

    /// The one that has the type asked for.
    #[inline]
    pub(super) fn of<F: Copy + 'static>(self) -> F {
        twin(&self.single, &self.double)
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Node {
    /// Element (i, j) stands at `inputs[slot]` + i·`row_stride` + j·`column_stride`.
    ///
    /// (0, 0) is one number, (0, 1) a row for all, (r, 0) a column. `column_stride` is 0 or 1. Numbers are read anew in
    /// each run.
    Input {
        slot: usize,
        row_stride: isize,
        column_stride: isize,
    },
    /// The bits of a number, in the type that the graph is computed in.
    Constant(u64),
    Unary(Unary, NodeId),
    Binary(Binary, NodeId, NodeId),
    /// The second where the first is not 0, else the third.
    Select(NodeId, NodeId, NodeId),
    /// The operand repeated over a wider extent.
    Spread(NodeId, Extent),
    /// A function too long for registers, on blocks that stay in the nearest cache.
    Call {
        kernel: BlockKernels,
        operands: Operands,
        slope: Option<Slope>,
    },
    /// Whole rows in, a whole row out.
    Row {
        kernel: RowKernels,
        operands: Operands,
        /// The slot of the labels, one for each row.
        labels: Option<usize>,
    },
    /// Whole rows in, one number for each out: a column.
    RowReduce {
        kernel: RowKernels,
        operands: Operands,
        labels: Option<usize>,
    },
    /// The sum of each row, with the bits of `reduce::sum`: a column.
    RowSum(NodeId),
    /// Column j of the result is column j − `shift` of the operand, 0 where that is not in 0..`length`: what `embed` does,
    /// and with a negative shift and full length what `slice` does.
    ///
    /// The operand's own inputs need to reach over `length` columns only. Below it stand pointwise nodes alone.
    Shifted {
        operand: NodeId,
        shift: isize,
        length: usize,
    },
}

/// Says of a call that it is a derivative of a function for one of its operands.
///
/// Where two derivatives of one function are wanted, one kernel computes both: they have most of their work in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slope {
    /// The function, by number.
    pub(crate) function: u16,
    /// The operand that it is differentiated for.
    pub(crate) operand: u8,
    /// For each later operand, the kernel of both derivatives.
    pub(crate) pairs: [Option<PairKernels>; 3],
}

/// One to three operands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Operands {
    ids: [NodeId; 3],
    len: u8,
}

impl Operands {
    /// # Panics
    ///
    /// If there are more than three.
    pub(crate) fn new(list: &[NodeId]) -> Self {
        let mut ids = [NodeId(0); 3];
        ids[..list.len()].copy_from_slice(list);
        #[allow(clippy::cast_possible_truncation, reason = "at most 3")]
        let len = list.len() as u8;
        Self { ids, len }
    }

    pub(crate) fn as_slice(&self) -> &[NodeId] {
        &self.ids[..self.len.into()]
    }
}

/// Functions of one number that stay in registers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unary {
    Neg,
    Abs,
    Sign,
    Square,
    Sqrt,
    /// 1/√x.
    Rsqrt,
    Recip,
    Relu,
    Floor,
    Ceil,
    /// Halves go to the even neighbour.
    Round,
}

/// Functions of two numbers that stay in registers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    /// The larger, NaN where one is NaN, the first of two equals.
    Maximum,
    /// The smaller, NaN where one is NaN, the first of two equals.
    Minimum,
    /// The product, but exactly the first where that is 0.
    Weigh,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

/// Where the value of a node goes. No output overlaps an input or another output.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Output {
    /// To element (i, j) at `outputs[slot]` + i·`row_stride` + j·`column_stride`; with a `column_stride` of 0, for columns and
    /// numbers only, one element for each row; with both 0, for numbers only, one element.
    Store { slot: usize, row_stride: isize, column_stride: isize },
    /// The sum over the node's own extent, with the bits of `reduce::sum` over it as a tensor: one number.
    SumAll { slot: usize },
    /// The sum over rows of a node over the whole domain, with the bits of `reduce::sum_lines`: as many numbers as columns.
    SumRows { slot: usize },
}

impl Graph {
    pub(crate) fn new(rows: usize, columns: usize) -> Self {
        Self { rows, columns, nodes: Vec::new(), outputs: Vec::new() }
    }

    pub(crate) fn push(&mut self, node: Node) -> NodeId {
        self.nodes.push(node);
        #[allow(clippy::cast_possible_truncation, reason = "a group has far fewer nodes")]
        let id = NodeId(self.nodes.len() as u32 - 1);
        id
    }

    pub(crate) fn output(&mut self, node: NodeId, output: Output) {
        self.outputs.push((node, output));
    }
}

impl Node {
    /// The nodes that it is computed from.
    pub(crate) fn operands(&self) -> Operands {
        match *self {
            Self::Input { .. } | Self::Constant(_) => Operands::new(&[]),
            Self::Unary(_, a) | Self::Spread(a, _) | Self::RowSum(a) | Self::Shifted { operand: a, .. } => {
                Operands::new(&[a])
            }
            Self::Binary(_, a, b) => Operands::new(&[a, b]),
            Self::Select(a, b, c) => Operands::new(&[a, b, c]),
            Self::Call { operands, .. } | Self::Row { operands, .. } | Self::RowReduce { operands, .. } => operands,
        }
    }

    /// Hands each operand to `f`.
    pub(crate) fn each_operand(&self, mut f: impl FnMut(NodeId)) {
        for &operand in self.operands().as_slice() {
            f(operand);
        }
    }

    /// Hands each operand to `f`, which may put another one in its place.
    pub(super) fn each_operand_mut(&mut self, f: impl FnMut(&mut NodeId)) {
        match self {
            Self::Input { .. } | Self::Constant(_) => {}
            Self::Unary(_, a) | Self::Spread(a, _) | Self::RowSum(a) | Self::Shifted { operand: a, .. } => {
                std::iter::once(a).for_each(f);
            }
            Self::Binary(_, a, b) => [a, b].into_iter().for_each(f),
            Self::Select(a, b, c) => [a, b, c].into_iter().for_each(f),
            Self::Call { operands, .. } | Self::Row { operands, .. } | Self::RowReduce { operands, .. } => {
                operands.ids[..operands.len.into()].iter_mut().for_each(f);
            }
        }
    }
}
