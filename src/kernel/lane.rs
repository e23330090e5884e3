//! A number of a formula that is compiled for an instruction set.

use std::cmp::Ordering;
use std::marker::PhantomData;
use std::ops::{Add, Div, Mul, Neg, Sub};

use super::simd::math::{self, Functions};
use super::simd::{Isa, Level};
use crate::number::Number;

/// A plain number, like [`Num`](crate::number::Num), that knows the instruction set it is computed with: its functions are
/// those of [`math`], and a loop over it becomes a loop over registers.
pub(crate) struct Lane<T, I>(pub(crate) T, PhantomData<I>);

impl<T, I> Lane<T, I> {
    #[inline(always)]
    pub(crate) fn new(value: T) -> Self {
        Self(value, PhantomData)
    }
}

impl<T: Copy, I> Clone for Lane<T, I> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Copy, I> Copy for Lane<T, I> {}

/// Whether functions are called instead of inlined into each formula: where two numbers fill a register, that costs less than
/// half of the speed, and saves most of the code.
const fn is_shared<T, I: Isa>() -> bool {
    matches!(I::LEVEL, Level::Portable) && size_of::<T>() == size_of::<f64>()
}

macro_rules! number {
    (
        inlined { $($name:ident($x:ident) = $value:expr;)+ }
        shared { $($function:ident($u:ident $(, $v:ident)?) = $result:expr;)+ }
    ) => {
        impl<T: Functions, I: Isa> Number for Lane<T, I> {
            #[inline(always)]
            fn of(x: f64) -> Self {
                Self::new(T::of(x))
            }

            #[inline(always)]
            fn real(self) -> f64 {
                self.0.as_f64()
            }

            $(#[inline(always)]
            fn $name(self) -> Self {
                let $x = self.0;
                Self::new($value)
            })+

            $(#[inline(always)]
            fn $function(self $(, $v: Self)?) -> Self {
                let $u = self.0;
                $(let $v = $v.0;)?
                Self::new(if const { is_shared::<T, I>() } {
                    shared::$function::<I, T>($u $(, $v)?)
                } else {
                    $result
                })
            })+
        }

        /// Functions that are compiled once for all formulas.
        mod shared {
            use super::{Functions, Isa, math};

            $(#[inline(never)]
            pub(super) fn $function<I: Isa, T: Functions>($u: T $(, $v: T)?) -> T {
                $result
            })+
        }
    };
}

number! {
    inlined {
        abs(x) = x.abs();
        sqrt(x) = x.sqrt();
        floor(x) = math::floor(x);
        ceil(x) = math::ceil(x);
        round(x) = math::round(x);
        softplus(x) = math::softplus::<I, T>(x);
    }
    shared {
        exp(x) = math::exp::<I, T>(x);
        exp2(x) = math::exp2::<I, T>(x);
        expm1(x) = math::expm1::<I, T>(x);
        ln(x) = math::ln::<I, T>(x);
        ln_1p(x) = math::ln_1p::<I, T>(x);
        log2(x) = math::log2::<I, T>(x);
        log10(x) = math::log10::<I, T>(x);
        sin(x) = <T as Functions>::sin::<I>(x);
        cos(x) = <T as Functions>::cos::<I>(x);
        tan(x) = <T as Functions>::tan::<I>(x);
        asin(x) = math::asin::<I, T>(x);
        acos(x) = math::acos::<I, T>(x);
        atan(x) = math::atan::<I, T>(x);
        sinh(x) = math::sinh::<I, T>(x);
        cosh(x) = math::cosh::<I, T>(x);
        tanh(x) = math::tanh::<I, T>(x);
        asinh(x) = math::asinh::<I, T>(x);
        acosh(x) = math::acosh::<I, T>(x);
        atanh(x) = math::atanh::<I, T>(x);
        erf(x) = math::erf::<I, T>(x);
        erfc(x) = math::erfc::<I, T>(x);
        pow(x, y) = <T as Functions>::pow::<I>(x, y);
        atan2(y, x) = math::atan2::<I, T>(y, x);
        hypot(x, y) = <T as Functions>::hypot::<I>(x, y);
        sigmoid(x) = math::sigmoid::<I, T>(x);
    }
}

macro_rules! operators {
    ($($Trait:ident::$name:ident),+) => { $(
        impl<T: Functions, I: Isa> $Trait for Lane<T, I> {
            type Output = Self;
            #[inline(always)]
            fn $name(self, y: Self) -> Self {
                Self::new(self.0.$name(y.0))
            }
        }

        impl<T: Functions, I: Isa> $Trait<f64> for Lane<T, I> {
            type Output = Self;
            #[inline(always)]
            fn $name(self, y: f64) -> Self {
                Self::new(self.0.$name(T::of(y)))
            }
        }

        impl<T: Functions, I: Isa> $Trait<Lane<T, I>> for f64 {
            type Output = Lane<T, I>;
            #[inline(always)]
            fn $name(self, y: Lane<T, I>) -> Lane<T, I> {
                Lane::new(T::of(self).$name(y.0))
            }
        }
    )+ };
}

operators! { Add::add, Sub::sub, Mul::mul, Div::div }

impl<T: Functions, I: Isa> Neg for Lane<T, I> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Self::new(-self.0)
    }
}

/// Comparisons one by one: an `Ordering` on the way would be a branch.
macro_rules! comparisons {
    ($Other:ty, $other:ident => $value:expr, $($name:ident),+) => {
        impl<T: Functions, I: Isa> PartialEq<$Other> for Lane<T, I> {
            #[inline(always)]
            fn eq(&self, $other: &$Other) -> bool {
                self.0 == $value
            }
        }

        impl<T: Functions, I: Isa> PartialOrd<$Other> for Lane<T, I> {
            #[inline(always)]
            fn partial_cmp(&self, $other: &$Other) -> Option<Ordering> {
                self.0.partial_cmp(&$value)
            }

            $(#[inline(always)]
            fn $name(&self, $other: &$Other) -> bool {
                self.0.$name(&$value)
            })+
        }
    };
}

comparisons! { Lane<T, I>, other => other.0, lt, le, gt, ge }
comparisons! { f64, other => T::of(*other), lt, le, gt, ge }
