//! Dual numbers of dual numbers, as deep as a derivative of any order needs.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::ops::{Add, Div, Mul, Neg, Sub};

use super::{Dual, Num, Number, ScalarFunction};

thread_local! {
    /// All towers of this thread.
    static NODES: RefCell<Vec<Node>> = const { RefCell::new(Vec::new()) };
}

/// `Dual<Dual<…Num<f64>>>`, with a depth that is known at run time only: a dual number along the direction of its level, made
/// of towers below this level, or a plain number. A slope that is 0 is no part of it.
///
/// All rules are those of [`Dual`].
#[derive(Clone, Copy, Debug)]
struct Tower {
    /// Where it stands in the thread's list.
    at: usize,
    /// 0 of a plain number.
    level: usize,
}

#[derive(Clone, Copy, Debug)]
enum Node {
    Number(f64),
    Dual { value: Tower, slope: Tower },
}

/// The derivative of a formula at a point, once for each of the directions, which are operands of the formula.
///
/// Each direction takes up to three times as long as the one before.
pub(crate) fn derivative<const N: usize, F: ScalarFunction<N>>(x: [f64; N], directions: &[usize]) -> f64 {
    let before = NODES.with_borrow(Vec::len);
    let y = F::formula(std::array::from_fn(|operand| {
        let levels = (1..).zip(directions).filter(|&(_, &direction)| direction == operand).map(|(level, _)| level);
        let start = Tower::number(x[operand]);
        Dual::constant(levels.fold(start, |value, level| Tower::join(Dual::variable(value), level)))
    }));
    let slope = |tower: Tower, level| tower.split(level).known_slope();
    let derivative = (1..=directions.len()).rev().try_fold(y.value, slope).map_or(0.0, Tower::real);
    NODES.with_borrow_mut(|nodes| nodes.truncate(before));
    derivative
}

impl Tower {
    fn push(node: Node, level: usize) -> Self {
        NODES.with_borrow_mut(|nodes| {
            nodes.push(node);
            Self { at: nodes.len() - 1, level }
        })
    }

    fn number(x: f64) -> Self {
        Self::push(Node::Number(x), 0)
    }

    /// As a dual number along the direction of a level that is not below its own.
    fn split(self, level: usize) -> Dual<Self> {
        match NODES.with_borrow(|nodes| nodes[self.at]) {
            Node::Dual { value, slope } if self.level == level => Dual::new(value, slope),
            _ => Dual::constant(self),
        }
    }

    /// The tower of a dual number along the direction of a level.
    fn join(dual: Dual<Self>, level: usize) -> Self {
        let value = dual.value;
        dual.known_slope().map_or(value, |slope| Self::push(Node::Dual { value, slope }, level))
    }

    /// A function of one number: that of plain numbers, or the rule of dual ones.
    fn unary(self, plain: fn(Num<f64>) -> Num<f64>, dual: fn(Dual<Self>) -> Dual<Self>) -> Self {
        match self.level {
            0 => Self::number(plain(Num(self.real())).0),
            level => Self::join(dual(self.split(level)), level),
        }
    }

    /// A function of two numbers.
    fn binary(
        self,
        other: Self,
        plain: fn(Num<f64>, Num<f64>) -> Num<f64>,
        dual: fn(Dual<Self>, Dual<Self>) -> Dual<Self>,
    ) -> Self {
        match self.level.max(other.level) {
            0 => Self::number(plain(Num(self.real()), Num(other.real())).0),
            level => Self::join(dual(self.split(level), other.split(level)), level),
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
                match NODES.with_borrow(|nodes| nodes[self.at]) {
                    Node::Number(x) => x,
                    Node::Dual { value, .. } => value.real(),
                }
            }

            fn powi(self, n: i32) -> Self {
                match self.level {
                    0 => Self::number(Num(self.real()).powi(n).0),
                    level => Self::join(self.split(level).powi(n), level),
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
    unary abs square sqrt exp exp2 expm1 ln ln_1p log2 log10 sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh erf
        erfc floor ceil round sigmoid softplus;
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
