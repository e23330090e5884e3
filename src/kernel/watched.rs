//! A number that tells when an angle is too large for the quick way to its sine.

use std::cell::Cell;
use std::cmp::Ordering;
use std::ops::{Add, Div, Mul, Neg, Sub};

use super::simd::math::FARTHEST;
use crate::number::Number;

/// A number, and where to note that the sine, cosine or tangent was asked of one beyond [`FARTHEST`]; constants need no such
/// place.
#[derive(Clone, Copy)]
pub(crate) struct Watched<'w, N> {
    pub(crate) number: N,
    far: Option<&'w Cell<bool>>,
}

impl<'w, N: Number> Watched<'w, N> {
    #[inline(always)]
    pub(crate) fn new(number: N, far: &'w Cell<bool>) -> Self {
        Self { number, far: Some(far) }
    }

    /// Notes an angle.
    #[inline(always)]
    fn watch(self) {
        if let Some(far) = self.far {
            far.set(far.get() | (self.number.abs() > FARTHEST));
        }
    }

    #[inline(always)]
    fn beside(self, other: Self) -> Option<&'w Cell<bool>> {
        match self.far {
            Some(far) => Some(far),
            None => other.far,
        }
    }
}

macro_rules! passed_on {
    (angles $($angle:ident)+; unary $($unary:ident)+; binary $($binary:ident)+) => {
        impl<N: Number> Number for Watched<'_, N> {
            #[inline(always)]
            fn of(x: f64) -> Self {
                Self { number: N::of(x), far: None }
            }

            #[inline(always)]
            fn real(self) -> f64 {
                self.number.real()
            }

            $(#[inline(always)]
            fn $angle(self) -> Self {
                self.watch();
                Self { number: self.number.$angle(), ..self }
            })+

            $(#[inline(always)]
            fn $unary(self) -> Self {
                Self { number: self.number.$unary(), ..self }
            })+

            $(#[inline(always)]
            fn $binary(self, other: Self) -> Self {
                Self { number: self.number.$binary(other.number), far: self.beside(other) }
            })+
        }
    };
}

passed_on! {
    angles sin cos tan;
    unary abs sqrt exp exp2 expm1 ln ln_1p log2 log10 asin acos atan sinh cosh tanh asinh acosh atanh erf erfc
        floor ceil round sigmoid softplus;
    binary pow atan2 hypot
}

macro_rules! operators {
    ($($Trait:ident::$name:ident),+) => { $(
        impl<N: Number> $Trait for Watched<'_, N> {
            type Output = Self;
            #[inline(always)]
            fn $name(self, other: Self) -> Self {
                Self { number: self.number.$name(other.number), far: self.beside(other) }
            }
        }

        impl<N: Number> $Trait<f64> for Watched<'_, N> {
            type Output = Self;
            #[inline(always)]
            fn $name(self, other: f64) -> Self {
                Self { number: self.number.$name(other), ..self }
            }
        }
    )+ };
}

operators! { Add::add, Sub::sub, Mul::mul, Div::div }

impl<N: Number> Neg for Watched<'_, N> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Self { number: -self.number, ..self }
    }
}

impl<N: Number> PartialEq for Watched<'_, N> {
    #[inline(always)]
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl<N: Number> PartialEq<f64> for Watched<'_, N> {
    #[inline(always)]
    fn eq(&self, other: &f64) -> bool {
        self.number == *other
    }
}

/// Comparisons one by one: an `Ordering` on the way would be a branch.
macro_rules! comparisons {
    ($Other:ty, $other:ident => $value:expr, $($name:ident),+) => {
        impl<N: Number> PartialOrd<$Other> for Watched<'_, N> {
            #[inline(always)]
            fn partial_cmp(&self, $other: &$Other) -> Option<Ordering> {
                self.number.partial_cmp(&$value)
            }

            $(#[inline(always)]
            fn $name(&self, $other: &$Other) -> bool {
                self.number.$name(&$value)
            })+
        }
    };
}

comparisons! { Self, other => other.number, lt, le, gt, ge }
comparisons! { f64, other => *other, lt, le, gt, ge }
