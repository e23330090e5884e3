//! Dual numbers of dual numbers, as deep as a derivative of any order needs.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::ops::{Add, Div, Mul, Neg, Sub};

use super::{Dual, Num, Number, ScalarFunction};

thread_local! {
    /// The parts of all towers of this thread, one behind the other.
    static PARTS: RefCell<Vec<f64>> = const { RefCell::new(Vec::new()) };
}

/// `Dual<Dual<…Num<f64>>>`, with a depth that is known at run time only. The 2^depth parts stand in a list of the thread: the
/// value's, then the slope's, each of which is a tower less deep.
///
/// All rules are those of [`Dual`].
#[derive(Clone, Copy, Debug)]
struct Tower {
    start: usize,
    depth: u32,
}

/// The derivative of a formula at a point, once for each of the directions, which are operands of the formula.
///
/// Each direction takes three times as long as the one before.
pub(crate) fn derivative<const N: usize, F: ScalarFunction<N>>(x: [f64; N], directions: &[usize]) -> f64 {
    let first = PARTS.with_borrow(Vec::len);
    let depth = u32::try_from(directions.len()).expect("a few derivatives");
    let y = F::formula(std::array::from_fn(|operand| {
        let start = PARTS.with_borrow_mut(|parts| {
            let start = parts.len();
            parts.resize(start + (1 << depth), 0.0);
            parts[start] = x[operand];
            for (level, _) in directions.iter().enumerate().filter(|&(_, &direction)| direction == operand) {
                parts[start + (1 << level)] = 1.0;
            }
            start
        });
        Dual::constant(Tower { start, depth })
    }));
    let Tower { start, depth: reached } = y.value;
    PARTS.with_borrow_mut(|parts| {
        let derivative = if reached == depth { parts[start + (1 << depth) - 1] } else { 0.0 };
        parts.truncate(first);
        derivative
    })
}

impl Tower {
    fn number(x: f64) -> Self {
        PARTS.with_borrow_mut(|parts| {
            parts.push(x);
            Self { start: parts.len() - 1, depth: 0 }
        })
    }

    /// As a dual number of towers of `depth` − 1.
    fn split(self, depth: u32) -> Dual<Self> {
        if self.depth < depth {
            return Dual::constant(self);
        }
        let part = |start| Self { start, depth: depth - 1 };
        Dual::new(part(self.start), part(self.start + (1 << (depth - 1))))
    }

    /// The tower of `depth` that a dual number of towers is.
    fn join(dual: Dual<Self>, depth: u32) -> Self {
        let half = 1 << (depth - 1);
        PARTS.with_borrow_mut(|parts| {
            let start = parts.len();
            for part in [Some(dual.value), dual.known_slope()] {
                let begin = parts.len();
                if let Some(Self { start, depth }) = part {
                    parts.extend_from_within(start..start + (1 << depth));
                }
                parts.resize(begin + half, 0.0);
            }
            Self { start, depth }
        })
    }

    /// A function of one number: that of plain numbers, or the rule of dual ones.
    fn unary(self, plain: fn(Num<f64>) -> Num<f64>, dual: fn(Dual<Self>) -> Dual<Self>) -> Self {
        match self.depth {
            0 => Self::number(plain(Num(self.real())).0),
            depth => Self::join(dual(self.split(depth)), depth),
        }
    }

    /// A function of two numbers.
    fn binary(
        self,
        other: Self,
        plain: fn(Num<f64>, Num<f64>) -> Num<f64>,
        dual: fn(Dual<Self>, Dual<Self>) -> Dual<Self>,
    ) -> Self {
        match self.depth.max(other.depth) {
            0 => Self::number(plain(Num(self.real()), Num(other.real())).0),
            depth => Self::join(dual(self.split(depth), other.split(depth)), depth),
        }
    }
}

macro_rules! by_dual {
    (unary $($unary:ident)+; binary $($binary:ident)+) => {
        impl Number for Tower {
            fn of(x: f64) -> Self {
                Self::number(x)
            }

            fn real(self) -> f64 {
                PARTS.with_borrow(|parts| parts[self.start])
            }

            fn powi(self, n: i32) -> Self {
                match self.depth {
                    0 => Self::number(Num(self.real()).powi(n).0),
                    depth => Self::join(self.split(depth).powi(n), depth),
                }
            }

            $(fn $unary(self) -> Self {
                self.unary(Number::$unary, Number::$unary)
            })+

            $(fn $binary(self, other: Self) -> Self {
                self.binary(other, Number::$binary, Number::$binary)
            })+
        }
    };
}

by_dual! {
    unary abs sqrt exp exp2 expm1 ln ln_1p log2 log10 sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh erf erfc
        floor ceil round sigmoid softplus;
    binary pow atan2 hypot maximum minimum
}

macro_rules! operators {
    ($($Trait:ident::$name:ident),+) => { $(
        impl $Trait for Tower {
            type Output = Self;
            fn $name(self, other: Self) -> Self {
                self.binary(other, $Trait::$name, $Trait::$name)
            }
        }

        impl $Trait<f64> for Tower {
            type Output = Self;
            fn $name(self, other: f64) -> Self {
                self.$name(Self::number(other))
            }
        }
    )+ };
}

operators! { Add::add, Sub::sub, Mul::mul, Div::div }

impl Neg for Tower {
    type Output = Self;
    fn neg(self) -> Self {
        self.unary(Neg::neg, Neg::neg)
    }
}

impl PartialEq for Tower {
    fn eq(&self, other: &Self) -> bool {
        self.real() == other.real()
    }
}

impl PartialEq<f64> for Tower {
    fn eq(&self, other: &f64) -> bool {
        self.real() == *other
    }
}

impl PartialOrd for Tower {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.real().partial_cmp(&other.real())
    }
}

impl PartialOrd<f64> for Tower {
    fn partial_cmp(&self, other: &f64) -> Option<Ordering> {
        self.real().partial_cmp(other)
    }
}
