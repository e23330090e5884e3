//! The functions that programs over single numbers have instructions for.
//!
//! Each is the formula of the op with the same name, bit by bit; a test beside the ops holds them together.

use super::super::lane::Lane;
use super::super::simd::Isa;
use super::super::simd::math::{FARTHEST, Functions};
use crate::number::Number as _;

/// A function of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unary {
    Neg,
    Abs,
    Square,
    Sqrt,
    Recip,
    Relu,
    Exp,
    Ln,
    Sin,
    Cos,
    Tanh,
    Sigmoid,
}

/// A function of two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    Weigh,
    Maximum,
    Minimum,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl Unary {
    #[inline(always)]
    pub(super) fn of<T: Functions, I: Isa>(self, x: Lane<T, I>) -> Lane<T, I> {
        match self {
            Self::Neg => -x,
            Self::Abs => x.abs(),
            Self::Square => x * x,
            Self::Sqrt => x.sqrt(),
            Self::Recip => 1.0 / x,
            Self::Relu => {
                if x <= 0.0 {
                    Lane::new(T::zero())
                } else {
                    x
                }
            }
            Self::Exp => x.exp(),
            Self::Ln => x.ln(),
            Self::Sin => sin_cos(x).0,
            Self::Cos => sin_cos(x).1,
            Self::Tanh => x.tanh(),
            Self::Sigmoid => x.sigmoid(),
        }
    }
}

impl Binary {
    #[inline(always)]
    pub(super) fn of<T: Functions, I: Isa>(self, a: Lane<T, I>, b: Lane<T, I>) -> Lane<T, I> {
        let mask = |holds: bool| Lane::new(if holds { T::one() } else { T::zero() });
        match self {
            Self::Add => a + b,
            Self::Sub => a - b,
            Self::Mul => a * b,
            Self::Div => a / b,
            Self::Weigh => {
                if a == 0.0 {
                    a
                } else {
                    a * b
                }
            }
            Self::Maximum => {
                if a >= b || a.0.is_nan() {
                    a
                } else {
                    b
                }
            }
            Self::Minimum => {
                if a <= b || a.0.is_nan() {
                    a
                } else {
                    b
                }
            }
            Self::Eq => mask(a == b),
            Self::Ne => mask(a != b),
            Self::Lt => mask(a < b),
            Self::Le => mask(a <= b),
            Self::Gt => mask(a > b),
            Self::Ge => mask(a >= b),
        }
    }
}

/// Sine and cosine, of large angles the slow ones.
#[inline(always)]
pub(super) fn sin_cos<T: Functions, I: Isa>(x: Lane<T, I>) -> (Lane<T, I>, Lane<T, I>) {
    if x.0.abs() > T::of(FARTHEST) {
        return (Lane::new(x.0.sin()), Lane::new(x.0.cos()));
    }
    let (sin, cos) = <T as Functions>::sin_cos::<I>(x.0);
    (Lane::new(sin), Lane::new(cos))
}
