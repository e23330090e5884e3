//! How ops take part in a pass: one walk over a domain of rows × columns that computes many of them together.

use super::{Arithmetic, Comparison, Elementary, Op, Selection};
use crate::kernel::tile::{Binary, Node, NodeId, Operands, RowKernels, Rows, Twins, Unary};
use crate::kernel::{Lines, rows};
use crate::real::Real;
use crate::shape::Shape;

/// What an op does within a pass.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    /// Each element is made of the elements in its place.
    Pointwise,
    /// Each row is made of the row in its place.
    Row,
    /// Each row becomes one number.
    RowReduce,
    /// All becomes one number, the sum.
    SumAll,
    /// Rows are added up.
    SumRows,
    /// All elements of another domain, further on in this one; zeros elsewhere.
    Embed,
}

/// How an op takes part in a pass.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fusion {
    pub(crate) part: Part,
    /// What the pass walks over.
    pub(crate) domain: Shape,
    /// How many of the domain's axes are its rows, where that is prescribed.
    pub(crate) rows: Option<usize>,
    /// How many of the operands are read as tensors.
    pub(crate) operands: usize,
}

impl Op {
    /// How it takes part in a pass, given the shapes of its first operand and its result.
    pub(crate) fn fusion(self, operand: &Shape, result: &Shape) -> Option<Fusion> {
        let pass = |part, domain: &Shape, rows, operands| Some(Fusion { part, domain: *domain, rows, operands });
        match self {
            Op::Arithmetic(_)
            | Op::Elementary(_)
            | Op::Trigonometric(_)
            | Op::Activation(_)
            | Op::Comparison(_)
            | Op::Selection(_) => pass(Part::Pointwise, result, None, self.arity()),
            Op::Function(function) if function.has_kernel() => pass(Part::Pointwise, result, None, self.arity()),
            Op::Sum(sum) => {
                let Lines { outer, inner, .. } = sum.0.lines(operand);
                match (outer, inner) {
                    (1, 1) => pass(Part::SumAll, operand, None, 1),
                    (_, 1) => pass(Part::RowReduce, operand, Some(sum.0.first()), 1),
                    (1, _) => pass(Part::SumRows, operand, Some(sum.0.end()), 1),
                    _ => None,
                }
            }
            Op::Softmax(softmax) if softmax.0.lines(operand).inner == 1 => {
                pass(Part::Row, result, Some(softmax.0.first()), 1)
            }
            Op::LogSoftmax(softmax) if softmax.0.lines(operand).inner == 1 => {
                pass(Part::Row, result, Some(softmax.0.first()), 1)
            }
            Op::Standardize(standardize) if standardize.0.lines(operand).inner == 1 => {
                pass(Part::Row, result, Some(standardize.0.first()), 2)
            }
            Op::LogSumExp(sum) if sum.0.lines(operand).inner == 1 => {
                pass(Part::RowReduce, operand, Some(sum.0.first()), 1)
            }
            Op::Embed(_) => pass(Part::Embed, result, Some(0), 1),
            Op::CrossEntropy(_) => pass(Part::RowReduce, operand, Some(1), 1),
            Op::OneHot(_) => pass(Part::Row, result, Some(1), 0),
            _ => None,
        }
    }

    /// Which of its operands is a list of labels, if one is.
    pub(crate) fn labels(self) -> Option<usize> {
        match self {
            Op::CrossEntropy(_) => Some(1),
            Op::OneHot(_) => Some(0),
            _ => None,
        }
    }

    /// The node of a pass that computes this op, given those of its operands and the slot of its labels.
    pub(crate) fn node(self, operands: &[NodeId], labels: Option<usize>) -> Node {
        let called = || {
            let single = self.block::<f32>().expect("a pointwise op").function();
            let double = self.block::<f64>().expect("a pointwise op").function();
            let slope = if let Op::Function(function) = self { function.slope() } else { None };
            Node::Call { kernel: Twins::new(single, double), operands: Operands::new(operands), slope }
        };
        match (self, operands) {
            (Op::Arithmetic(op), &[a, b]) => arithmetic(op).map_or_else(called, |binary| Node::Binary(binary, a, b)),
            (Op::Comparison(op), &[a, b]) => Node::Binary(comparison(op), a, b),
            (Op::Elementary(op), &[a]) => elementary(op).map_or_else(called, |unary| Node::Unary(unary, a)),
            (Op::Selection(Selection::Select), &[a, b, c]) => Node::Select(a, b, c),
            (Op::Sum(_), &[a]) => Node::RowSum(a),
            (Op::Softmax(_), _) => row(Twins::new(softmax, softmax), operands, labels),
            (Op::LogSoftmax(_), _) => row(Twins::new(log_softmax, log_softmax), operands, labels),
            (Op::Standardize(_), _) => row(Twins::new(standardize, standardize), operands, labels),
            (Op::OneHot(_), _) => row(Twins::new(one_hot, one_hot), operands, labels),
            (Op::LogSumExp(_), _) => reduction(Twins::new(logsumexp, logsumexp), operands, labels),
            (Op::CrossEntropy(_), _) => reduction(Twins::new(cross_entropy, cross_entropy), operands, labels),
            _ => called(),
        }
    }
}

fn row(kernel: RowKernels, operands: &[NodeId], labels: Option<usize>) -> Node {
    Node::Row { kernel, operands: Operands::new(operands), labels }
}

fn reduction(kernel: RowKernels, operands: &[NodeId], labels: Option<usize>) -> Node {
    Node::RowReduce { kernel, operands: Operands::new(operands), labels }
}

/// What stays in registers; all others are called on blocks.
fn arithmetic(op: Arithmetic) -> Option<Binary> {
    Some(match op {
        Arithmetic::Add => Binary::Add,
        Arithmetic::Sub => Binary::Sub,
        Arithmetic::Mul => Binary::Mul,
        Arithmetic::Div => Binary::Div,
        Arithmetic::Maximum => Binary::Maximum,
        Arithmetic::Minimum => Binary::Minimum,
        Arithmetic::Weigh => Binary::Weigh,
        _ => return None,
    })
}

fn comparison(op: Comparison) -> Binary {
    match op {
        Comparison::Eq => Binary::Eq,
        Comparison::Ne => Binary::Ne,
        Comparison::Lt => Binary::Lt,
        Comparison::Le => Binary::Le,
        Comparison::Gt => Binary::Gt,
        Comparison::Ge => Binary::Ge,
    }
}

fn elementary(op: Elementary) -> Option<Unary> {
    Some(match op {
        Elementary::Neg => Unary::Neg,
        Elementary::Abs => Unary::Abs,
        Elementary::Sign => Unary::Sign,
        Elementary::Square => Unary::Square,
        Elementary::Sqrt => Unary::Sqrt,
        Elementary::Rsqrt => Unary::Rsqrt,
        Elementary::Recip => Unary::Recip,
        Elementary::Floor => Unary::Floor,
        Elementary::Ceil => Unary::Ceil,
        Elementary::Round => Unary::Round,
        _ => return None,
    })
}

// ---- kernels over rows, in the shape that a pass asks for -----------------------------------------------------------

fn softmax<T: Real>(rows: &mut Rows<'_, T>) {
    each_row(rows, rows::softmax);
}

fn log_softmax<T: Real>(rows: &mut Rows<'_, T>) {
    each_row(rows, rows::log_softmax);
}

fn standardize<T: Real>(rows: &mut Rows<'_, T>) {
    if !rows.is_empty() {
        let epsilon = rows.number(1, 0);
        each_row(rows, |lines, x, out| rows::standardize(lines, epsilon, x, out));
    }
}

fn logsumexp<T: Real>(rows: &mut Rows<'_, T>) {
    each_row(rows, rows::logsumexp);
}

fn cross_entropy<T: Real>(rows: &mut Rows<'_, T>) {
    let columns = rows.columns();
    if let Some((x, labels, out)) = rows.all() {
        return rows::cross_entropy(columns, x, labels, out);
    }
    for i in 0..rows.len() {
        let label = [rows.label(i)];
        let ([x, ..], out) = rows.both(i);
        rows::cross_entropy(x.len(), x, &label, out);
    }
}

fn one_hot<T: Real>(rows: &mut Rows<'_, T>) {
    for i in 0..rows.len() {
        let label = rows.label(i) as usize;
        let out = rows.out(i);
        out.fill(T::zero());
        out[label] = T::one();
    }
}

fn each_row<T: Real>(rows: &mut Rows<'_, T>, f: impl Fn(Lines, &[T], &mut [T])) {
    let (outer, n) = (rows.len(), rows.columns());
    if let Some((x, _, out)) = rows.all() {
        return f(Lines { outer, n, inner: 1 }, x, out);
    }
    for i in 0..outer {
        let ([x, ..], out) = rows.both(i);
        f(Lines { outer: 1, n, inner: 1 }, x, out);
    }
}
