//! Passes over groups of pointwise ops that are typical of models.

use crate::kernel::simd::{Element, Isa, Kernel, dispatch};
use crate::kernel::tile::{
    Binary, BlockKernels, Graph, Node, NodeId, Operands, Output, Program, Scratch, Twins, Unary, compile,
};
use crate::real::Real;

/// Which computation is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// relu(x + bias).
    BiasRelu,
    /// The cotangent behind a relu, and its sum over rows.
    ReluBack,
    /// 0.5·x·(1 + s(x)) and s(x)·c + x, s being a function computed by calls.
    Gated,
    /// (x − mean)/√(variance + ε) for each row.
    Standardize,
    /// Σ 100·(y − x²)² + (1 − x)².
    Rosenbrock,
    /// The gradient of that, x being all numbers but the last and y all but the first.
    RosenbrockGradient,
    /// y + 0.5·x.
    Axpy,
    /// Twenty of one kind.
    Chain(u8),
}

/// A compiled pass with its memory.
#[derive(Debug)]
pub struct Pass {
    program: Program<f32>,
    scratch: Scratch<f32>,
    inputs: Vec<usize>,
    outputs: Vec<usize>,
}

struct Writer(Graph, Vec<usize>, Vec<usize>);

impl Writer {
    fn input(&mut self, row: bool, column: bool) -> NodeId {
        let Graph { rows, columns, .. } = self.0;
        let (row_stride, column_stride) = match (row, column) {
            (true, true) => (columns, 1),
            (false, true) => (0, 1),
            (true, false) => (1, 0),
            (false, false) => (0, 0),
        };
        self.1.push(if row { rows } else { 1 } * if column { columns } else { 1 });
        let slot = self.1.len() - 1;
        self.0.push(Node::Input { slot, row_stride: row_stride.cast_signed(), column_stride })
    }

    fn constant(&mut self, x: f32) -> NodeId {
        self.0.push(Node::Constant(x.bits()))
    }

    fn one(&mut self, op: Unary, a: NodeId) -> NodeId {
        self.0.push(Node::Unary(op, a))
    }

    fn two(&mut self, op: Binary, a: NodeId, b: NodeId) -> NodeId {
        self.0.push(Node::Binary(op, a, b))
    }

    fn store(&mut self, node: NodeId) {
        let Graph { rows, columns, .. } = self.0;
        let slot = self.2.len();
        self.0.output(node, Output::Store { slot, row_stride: columns.cast_signed(), column_stride: 1 });
        self.2.push(rows * columns);
    }
}

/// x/(1 + |x|), a stand-in for longer functions.
///
/// # Safety
///
/// That of a [`BlockKernel`](crate::kernel::tile::BlockKernel).
unsafe fn softsign<T: Element>(operands: *const *const T, out: *mut T, len: usize) {
    // SAFETY: the caller vouches for one operand and `len` elements.
    let (x, out) = unsafe { (std::slice::from_raw_parts(*operands, len), std::slice::from_raw_parts_mut(out, len)) };
    dispatch(Softsign { x, out });
}

struct Softsign<'a, T> {
    x: &'a [T],
    out: &'a mut [T],
}

impl<T: Element> Kernel for Softsign<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        self.out.iter_mut().zip(self.x).for_each(|(out, &x)| *out = x / (T::one() + x.abs()));
    }
}

impl Pass {
    /// The pass over a domain of `rows × columns`.
    #[must_use]
    #[allow(clippy::too_many_lines, reason = "a list of groups")]
    pub fn new(group: Group, rows: usize, columns: usize) -> Self {
        let mut g = Writer(Graph::new(rows, columns), Vec::new(), Vec::new());
        let x = g.input(true, true);
        match group {
            Group::BiasRelu => {
                let bias = g.input(false, true);
                let sum = g.two(Binary::Add, x, bias);
                let y = g.one(Unary::Relu, sum);
                g.store(y);
            }
            Group::ReluBack => {
                let (c, zero) = (g.input(true, true), g.constant(0.0));
                let mask = g.two(Binary::Gt, x, zero);
                let y = g.0.push(Node::Select(mask, c, zero));
                g.store(y);
                g.0.output(y, Output::SumRows { slot: 1 });
                g.2.push(columns);
            }
            Group::Gated => {
                let (c, half, one) = (g.input(true, true), g.constant(0.5), g.constant(1.0));
                let kernel: BlockKernels = Twins::new(softsign, softsign);
                let s = g.0.push(Node::Call { kernel, operands: Operands::new(&[x]), slope: None });
                let (plus, scaled) = (g.two(Binary::Add, s, one), g.two(Binary::Mul, x, half));
                let y = g.two(Binary::Mul, scaled, plus);
                let product = g.two(Binary::Mul, s, c);
                let z = g.two(Binary::Add, product, x);
                g.store(y);
                g.store(z);
            }
            Group::Standardize => {
                let (n, epsilon) = (g.constant(columns as f32), g.constant(1e-5));
                let sum = g.0.push(Node::RowSum(x));
                let mean = g.two(Binary::Div, sum, n);
                let away = g.two(Binary::Sub, x, mean);
                let squares = g.one(Unary::Square, away);
                let total = g.0.push(Node::RowSum(squares));
                let variance = g.two(Binary::Div, total, n);
                let safe = g.two(Binary::Add, variance, epsilon);
                let root = g.one(Unary::Sqrt, safe);
                let scale = g.one(Unary::Recip, root);
                let y = g.two(Binary::Mul, away, scale);
                g.store(y);
            }
            Group::Rosenbrock => {
                let (next, one, hundred) = (g.input(true, true), g.constant(1.0), g.constant(100.0));
                let square = g.one(Unary::Square, x);
                let u = g.two(Binary::Sub, next, square);
                let u = g.one(Unary::Square, u);
                let u = g.two(Binary::Mul, u, hundred);
                let w = g.two(Binary::Sub, one, x);
                let w = g.one(Unary::Square, w);
                let terms = g.two(Binary::Add, u, w);
                g.0.output(terms, Output::SumAll { slot: 0 });
                g.2.push(1);
            }
            Group::RosenbrockGradient => {
                let (two, one, hundred) = (g.constant(2.0), g.constant(1.0), g.constant(100.0));
                let next = g.input(true, true);
                let square = g.one(Unary::Square, x);
                let u = g.two(Binary::Sub, next, square);
                let twice = g.two(Binary::Mul, u, two);
                let back = g.two(Binary::Mul, twice, hundred);
                let minus = g.one(Unary::Neg, back);
                let slope = g.two(Binary::Mul, x, two);
                let first = g.two(Binary::Mul, minus, slope);
                let w = g.two(Binary::Sub, one, x);
                let w = g.two(Binary::Mul, w, two);
                let front = g.two(Binary::Sub, first, w);
                let length = columns - 1;
                let a = g.0.push(Node::Shifted { operand: front, shift: 0, length });
                let b = g.0.push(Node::Shifted { operand: back, shift: 1, length });
                let all = g.two(Binary::Add, a, b);
                g.store(all);
                g.1.fill(length);
            }
            Group::Chain(k) => {
                let (y, c) = (g.input(true, true), g.constant(0.5));
                let mut a = x;
                for _ in 0..20 {
                    a = match k {
                        0 => g.one(Unary::Relu, a),
                        1 => g.two(Binary::Add, a, c),
                        2 => g.two(Binary::Add, a, y),
                        3 => g.two(Binary::Gt, a, c),
                        4 => g.one(Unary::Square, a),
                        5 => g.0.push(Node::Select(y, a, c)),
                        6 => g.two(Binary::Maximum, a, y),
                        7 => g.one(Unary::Neg, a),
                        8 => g.two(Binary::Div, a, y),
                        9 => g.one(Unary::Sqrt, a),
                        10 => g.one(Unary::Floor, a),
                        11 => g.two(Binary::Weigh, a, y),
                        12 => {
                            let m = g.two(Binary::Gt, y, c);
                            g.0.push(Node::Select(m, a, c))
                        }
                        15 => {
                            let m = g.two(Binary::Add, a, c);
                            g.two(Binary::Mul, m, c)
                        }
                        16 => {
                            let m = g.two(Binary::Add, a, y);
                            g.two(Binary::Mul, m, c)
                        }
                        17 => {
                            let m = g.two(Binary::Add, a, c);
                            g.one(Unary::Neg, m)
                        }
                        13 => {
                            let m = g.two(Binary::Add, y, c);
                            g.two(Binary::Add, a, m)
                        }
                        _ => g.two(Binary::Mul, a, c),
                    };
                }
                g.store(a);
            }
            Group::Axpy => {
                let (y, k) = (g.input(true, true), g.constant(0.5));
                let scaled = g.two(Binary::Mul, x, k);
                let y = g.two(Binary::Add, y, scaled);
                g.store(y);
            }
        }
        let Writer(graph, inputs, outputs) = g;
        Self { program: compile(&graph), scratch: Scratch::new(), inputs, outputs }
    }

    /// Computes all outputs.
    ///
    /// # Panics
    ///
    /// If a slice is shorter than the domain asks for.
    pub fn run<const I: usize, const O: usize>(
        &mut self,
        inputs: [&[f32]; I],
        outputs: [&mut [f32]; O],
        threads: usize,
    ) {
        assert!(inputs.len() == self.inputs.len() && outputs.len() == self.outputs.len());
        assert!(inputs.iter().zip(&self.inputs).all(|(data, &len)| data.len() >= len));
        assert!(outputs.iter().zip(&self.outputs).all(|(data, &len)| data.len() >= len));
        let (inputs, outputs) = (inputs.map(<[f32]>::as_ptr), outputs.map(<[f32]>::as_mut_ptr));
        // SAFETY: all slices are long enough, as just asserted; the borrow checker knows that they do not overlap.
        unsafe { self.program.run(&inputs, &[], &outputs, &mut self.scratch, threads) };
    }
}
