//! What may stand on the right of an operator: a `Var`, a reference to one, or a plain number.

use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use super::{Arithmetic, Elementary};
use crate::real::{Real, Scalar};
use crate::tape::Var;

/// A [`Var`], a reference to one, or a plain number (`f32`, `f64`, `i32`, `usize`).
pub trait Operand<'t, T: Real> {
    /// The operand as a `Var` of the recording that `near` belongs to.
    #[doc(hidden)]
    #[track_caller]
    fn var(self, near: Var<'t, T>) -> Var<'t, T>;
}

impl<'t, T: Real> Operand<'t, T> for Var<'t, T> {
    #[inline]
    fn var(self, _: Var<'t, T>) -> Var<'t, T> {
        self
    }
}

impl<'t, T: Real> Operand<'t, T> for &Var<'t, T> {
    #[inline]
    fn var(self, _: Var<'t, T>) -> Var<'t, T> {
        *self
    }
}

impl<'t, T: Real, S: Scalar> Operand<'t, T> for S {
    #[inline]
    #[track_caller]
    fn var(self, near: Var<'t, T>) -> Var<'t, T> {
        near.scalar(self)
    }
}

impl<'t, T: Real, R: Operand<'t, T>> Add<R> for Var<'t, T> {
    type Output = Self;
    #[inline]
    #[track_caller]
    fn add(self, right: R) -> Self {
        let right = right.var(self);
        self.record(Arithmetic::Add, [self, right])
    }
}

impl<'t, T: Real, R: Operand<'t, T>> Sub<R> for Var<'t, T> {
    type Output = Self;
    #[inline]
    #[track_caller]
    fn sub(self, right: R) -> Self {
        let right = right.var(self);
        self.record(Arithmetic::Sub, [self, right])
    }
}

impl<'t, T: Real, R: Operand<'t, T>> Mul<R> for Var<'t, T> {
    type Output = Self;
    #[inline]
    #[track_caller]
    fn mul(self, right: R) -> Self {
        let right = right.var(self);
        self.record(Arithmetic::Mul, [self, right])
    }
}

impl<'t, T: Real, R: Operand<'t, T>> Div<R> for Var<'t, T> {
    type Output = Self;
    #[inline]
    #[track_caller]
    fn div(self, right: R) -> Self {
        let right = right.var(self);
        self.record(Arithmetic::Div, [self, right])
    }
}

impl<T: Real> Neg for Var<'_, T> {
    type Output = Self;
    #[inline]
    #[track_caller]
    fn neg(self) -> Self {
        self.record(Elementary::Neg, [self])
    }
}

impl<'t, T: Real, R: Operand<'t, T>> Add<R> for &Var<'t, T> {
    type Output = Var<'t, T>;
    #[inline]
    #[track_caller]
    fn add(self, right: R) -> Var<'t, T> {
        *self + right
    }
}

impl<'t, T: Real, R: Operand<'t, T>> Sub<R> for &Var<'t, T> {
    type Output = Var<'t, T>;
    #[inline]
    #[track_caller]
    fn sub(self, right: R) -> Var<'t, T> {
        *self - right
    }
}

impl<'t, T: Real, R: Operand<'t, T>> Mul<R> for &Var<'t, T> {
    type Output = Var<'t, T>;
    #[inline]
    #[track_caller]
    fn mul(self, right: R) -> Var<'t, T> {
        *self * right
    }
}

impl<'t, T: Real, R: Operand<'t, T>> Div<R> for &Var<'t, T> {
    type Output = Var<'t, T>;
    #[inline]
    #[track_caller]
    fn div(self, right: R) -> Var<'t, T> {
        *self / right
    }
}

impl<'t, T: Real> Neg for &Var<'t, T> {
    type Output = Var<'t, T>;
    #[inline]
    #[track_caller]
    fn neg(self) -> Var<'t, T> {
        -*self
    }
}

impl<'t, T: Real> Add<Var<'t, T>> for f64 {
    type Output = Var<'t, T>;
    #[inline]
    #[track_caller]
    fn add(self, right: Var<'t, T>) -> Var<'t, T> {
        right.scalar(self) + right
    }
}

impl<'t, T: Real> Sub<Var<'t, T>> for f64 {
    type Output = Var<'t, T>;
    #[inline]
    #[track_caller]
    fn sub(self, right: Var<'t, T>) -> Var<'t, T> {
        right.scalar(self) - right
    }
}

impl<'t, T: Real> Mul<Var<'t, T>> for f64 {
    type Output = Var<'t, T>;
    #[inline]
    #[track_caller]
    fn mul(self, right: Var<'t, T>) -> Var<'t, T> {
        right.scalar(self) * right
    }
}

impl<'t, T: Real> Div<Var<'t, T>> for f64 {
    type Output = Var<'t, T>;
    #[inline]
    #[track_caller]
    fn div(self, right: Var<'t, T>) -> Var<'t, T> {
        right.scalar(self) / right
    }
}

impl<'t, T: Real> Add<&Var<'t, T>> for f64 {
    type Output = Var<'t, T>;
    #[inline]
    #[track_caller]
    fn add(self, right: &Var<'t, T>) -> Var<'t, T> {
        self + *right
    }
}

impl<'t, T: Real> Sub<&Var<'t, T>> for f64 {
    type Output = Var<'t, T>;
    #[inline]
    #[track_caller]
    fn sub(self, right: &Var<'t, T>) -> Var<'t, T> {
        self - *right
    }
}

impl<'t, T: Real> Mul<&Var<'t, T>> for f64 {
    type Output = Var<'t, T>;
    #[inline]
    #[track_caller]
    fn mul(self, right: &Var<'t, T>) -> Var<'t, T> {
        self * *right
    }
}

impl<'t, T: Real> Div<&Var<'t, T>> for f64 {
    type Output = Var<'t, T>;
    #[inline]
    #[track_caller]
    fn div(self, right: &Var<'t, T>) -> Var<'t, T> {
        self / *right
    }
}

impl<'t, T: Real, R: Operand<'t, T>> AddAssign<R> for Var<'t, T> {
    #[inline]
    #[track_caller]
    fn add_assign(&mut self, right: R) {
        *self = *self + right;
    }
}

impl<'t, T: Real, R: Operand<'t, T>> SubAssign<R> for Var<'t, T> {
    #[inline]
    #[track_caller]
    fn sub_assign(&mut self, right: R) {
        *self = *self - right;
    }
}

impl<'t, T: Real, R: Operand<'t, T>> MulAssign<R> for Var<'t, T> {
    #[inline]
    #[track_caller]
    fn mul_assign(&mut self, right: R) {
        *self = *self * right;
    }
}

impl<'t, T: Real, R: Operand<'t, T>> DivAssign<R> for Var<'t, T> {
    #[inline]
    #[track_caller]
    fn div_assign(&mut self, right: R) {
        *self = *self / right;
    }
}

impl<'t, T: Real> Sum for Var<'t, T> {
    #[track_caller]
    fn sum<I: Iterator<Item = Self>>(vars: I) -> Self {
        vars.reduce(|a, b| a + b).expect("sum: of no tensors at all, which has no recording to belong to")
    }
}

impl<'a, 't: 'a, T: Real> Sum<&'a Var<'t, T>> for Var<'t, T> {
    #[track_caller]
    fn sum<I: Iterator<Item = &'a Self>>(vars: I) -> Self {
        vars.copied().sum()
    }
}
