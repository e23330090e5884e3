//! Pointwise ops as functions of single numbers.

use super::{Activation, Arithmetic, Comparison, Elementary, Selection, Trigonometric};
use crate::kernel::scalar::{Binary, Function, Unary};
use crate::op::Op;
use crate::real::Real;

impl Op {
    /// The op where all its operands are single numbers, if it is a row of a table.
    pub(crate) fn scalar<T: Real>(self) -> Option<Function<T>> {
        let unary = |function| Some(Function::Unary(function));
        let binary = |function| Some(Function::Binary(function));
        match self {
            Op::Arithmetic(Arithmetic::Add) => binary(Binary::Add),
            Op::Arithmetic(Arithmetic::Sub) => binary(Binary::Sub),
            Op::Arithmetic(Arithmetic::Mul) => binary(Binary::Mul),
            Op::Arithmetic(Arithmetic::Div) => binary(Binary::Div),
            Op::Arithmetic(Arithmetic::Weigh) => binary(Binary::Weigh),
            Op::Arithmetic(Arithmetic::Maximum) => binary(Binary::Maximum),
            Op::Arithmetic(Arithmetic::Minimum) => binary(Binary::Minimum),
            Op::Comparison(Comparison::Eq) => binary(Binary::Eq),
            Op::Comparison(Comparison::Ne) => binary(Binary::Ne),
            Op::Comparison(Comparison::Lt) => binary(Binary::Lt),
            Op::Comparison(Comparison::Le) => binary(Binary::Le),
            Op::Comparison(Comparison::Gt) => binary(Binary::Gt),
            Op::Comparison(Comparison::Ge) => binary(Binary::Ge),
            Op::Elementary(Elementary::Neg) => unary(Unary::Neg),
            Op::Elementary(Elementary::Abs) => unary(Unary::Abs),
            Op::Elementary(Elementary::Square) => unary(Unary::Square),
            Op::Elementary(Elementary::Sqrt) => unary(Unary::Sqrt),
            Op::Elementary(Elementary::Recip) => unary(Unary::Recip),
            Op::Elementary(Elementary::Exp) => unary(Unary::Exp),
            Op::Elementary(Elementary::Ln) => unary(Unary::Ln),
            Op::Trigonometric(Trigonometric::Sin) => unary(Unary::Sin),
            Op::Trigonometric(Trigonometric::Cos) => unary(Unary::Cos),
            Op::Trigonometric(Trigonometric::Tanh) => unary(Unary::Tanh),
            Op::Activation(Activation::Relu) => unary(Unary::Relu),
            Op::Activation(Activation::Sigmoid) => unary(Unary::Sigmoid),
            Op::Selection(Selection::Select) => Some(Function::Select),
            op if op.is_pointwise() => op.block().map(Function::Call),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::scalar::{Node, compile};

    const NUMBERS: [f64; 27] = [
        0.0,
        -0.0,
        0.3,
        -0.7,
        1.0,
        -1.0,
        1.5,
        -2.0,
        3.0,
        -5.5,
        20.0,
        -30.0,
        88.7,
        -104.0,
        700.0,
        1e-3,
        -1e-8,
        1e-39,
        -1e-310,
        1e5,
        -1_048_576.5,
        3e9,
        1e30,
        -1e200,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
    ];

    fn ops() -> Vec<Op> {
        let mut ops = Vec::new();
        ops.extend(Arithmetic::ALL.iter().copied().map(Op::from));
        ops.extend(Comparison::ALL.iter().copied().map(Op::from));
        ops.extend(Elementary::ALL.iter().copied().map(Op::from));
        ops.extend(Trigonometric::ALL.iter().copied().map(Op::from));
        ops.extend(Activation::ALL.iter().copied().map(Op::from));
        ops.extend(Selection::ALL.iter().copied().map(Op::from));
        ops
    }

    /// The bits, all NaN being one.
    fn bits<T: Real>(x: T) -> Option<u64> {
        (!x.is_nan()).then(|| x.bits())
    }

    /// The op computed alone, and the function in a program, of these numbers.
    fn both<T: Real>(op: Op, function: Function<T>, x: [T; 3]) -> [Option<u64>; 2] {
        let block = op.block::<T>().expect("a pointwise op");
        let (mut alone, [a, b, c]) = ([T::zero()], x.each_ref().map(std::slice::from_ref));
        match op.arity() {
            1 => block.fill(&[a], &mut alone),
            2 => block.fill(&[a, b], &mut alone),
            _ => block.fill(&[a, b, c], &mut alone),
        }
        let mut table = [x[0], x[1], x[2], T::zero()];
        compile(&[Node { function, operands: [0, 1, 2], result: 3 }], |_| true).run(&mut table);
        [alone[0], table[3]].map(bits)
    }

    fn same_bits<T: Real>() {
        for op in ops() {
            let function = op.scalar::<T>().expect("a pointwise op");
            for a in NUMBERS.map(T::of) {
                for b in NUMBERS.map(T::of) {
                    let [alone, found] = both(op, function, [a, b, T::of(0.9)]);
                    assert_eq!(alone, found, "{op:?} of {a:e} and {b:e}");
                }
            }
        }
    }

    #[test]
    fn a_program_has_the_bits_of_the_op() {
        same_bits::<f32>();
        same_bits::<f64>();
    }

    #[test]
    fn another_function_has_others() {
        let sub = Op::Arithmetic(Arithmetic::Sub);
        let wrong = Op::Arithmetic(Arithmetic::Add).scalar().expect("a pointwise op");
        let [alone, found] = both(sub, wrong, [1.0, 2.0, 0.0]);
        assert_ne!(alone, found);
    }

    #[test]
    fn other_ops_are_none() {
        assert!(Op::from(crate::op::View::Alias).scalar::<f64>().is_none());
        assert!(Op::from(crate::op::Powi).scalar::<f64>().is_none());
    }
}
