//! What may stand on the right of an operator: a `Var`, a reference to one, or a plain number.

use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use super::{Arithmetic, Elementary};
use crate::real::{Real, Scalar};
use crate::tape::Var;
use crate::tape::log::Side;

/// A [`Var`], a reference to one, or a plain number (`f32`, `f64`, `i32`, `usize`).
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let (params, mut tape) = (Params::<f64>::new(), Tape::new());
/// let step = tape.record(&params);
/// let x = step.input(&[3.0, 4.0]);
/// assert_eq!(x.maximum(3.5).value(), array![3.5, 4.0].into_dyn());
/// assert_eq!(x.maximum(x.square()).value(), array![9.0, 16.0].into_dyn());
/// ```
pub trait Operand<'t, T: Real> {
    /// The operand as a `Var` of the recording that `near` belongs to.
    #[doc(hidden)]
    #[track_caller]
    fn var(self, near: Var<'t, T>) -> Var<'t, T>;

    /// Records an operator between `left` and this.
    #[doc(hidden)]
    #[inline]
    #[track_caller]
    fn right_of(self, left: Var<'t, T>, operator: Operator) -> Var<'t, T>
    where
        Self: Sized,
    {
        let right = self.var(left);
        left.record(operator.0, [left, right])
    }
}

/// An operator, as code outside this crate may not name it.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Operator(Arithmetic);

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

    #[inline]
    #[track_caller]
    fn right_of(self, left: Var<'t, T>, operator: Operator) -> Var<'t, T> {
        left.record_beside(operator.0, Side::Right, self)
    }
}

impl<'t, T: Real, R: Operand<'t, T>> Add<R> for Var<'t, T> {
    type Output = Self;
    #[inline]
    #[track_caller]
    fn add(self, right: R) -> Self {
        right.right_of(self, Operator(Arithmetic::Add))
    }
}

impl<'t, T: Real, R: Operand<'t, T>> Sub<R> for Var<'t, T> {
    type Output = Self;
    #[inline]
    #[track_caller]
    fn sub(self, right: R) -> Self {
        right.right_of(self, Operator(Arithmetic::Sub))
    }
}

impl<'t, T: Real, R: Operand<'t, T>> Mul<R> for Var<'t, T> {
    type Output = Self;
    #[inline]
    #[track_caller]
    fn mul(self, right: R) -> Self {
        right.right_of(self, Operator(Arithmetic::Mul))
    }
}

impl<'t, T: Real, R: Operand<'t, T>> Div<R> for Var<'t, T> {
    type Output = Self;
    #[inline]
    #[track_caller]
    fn div(self, right: R) -> Self {
        right.right_of(self, Operator(Arithmetic::Div))
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
        right.record_beside(Arithmetic::Add, Side::Left, self)
    }
}

impl<'t, T: Real> Sub<Var<'t, T>> for f64 {
    type Output = Var<'t, T>;
    #[inline]
    #[track_caller]
    fn sub(self, right: Var<'t, T>) -> Var<'t, T> {
        right.record_beside(Arithmetic::Sub, Side::Left, self)
    }
}

impl<'t, T: Real> Mul<Var<'t, T>> for f64 {
    type Output = Var<'t, T>;
    #[inline]
    #[track_caller]
    fn mul(self, right: Var<'t, T>) -> Var<'t, T> {
        right.record_beside(Arithmetic::Mul, Side::Left, self)
    }
}

impl<'t, T: Real> Div<Var<'t, T>> for f64 {
    type Output = Var<'t, T>;
    #[inline]
    #[track_caller]
    fn div(self, right: Var<'t, T>) -> Var<'t, T> {
        right.record_beside(Arithmetic::Div, Side::Left, self)
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
