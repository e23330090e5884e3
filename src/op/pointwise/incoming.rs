//! The cotangent as pullbacks see it.

use std::ops::{Div, Mul, Neg};

use crate::op::Operand;
use crate::op::custom::Cotangent;
use crate::real::Real;
use crate::tape::Var;

/// The cotangent of the result. Its products and quotients are what [`Var::times`] and [`Var::divided`] make of them, so
/// a pullback reads like its formula and need not know whether it stands behind a choice.
#[derive(Clone, Copy)]
pub(crate) struct Incoming<'t, T: Real>(pub(crate) Var<'t, T>);

impl<'t, T: Real> Incoming<'t, T> {
    /// The product with another cotangent.
    #[track_caller]
    pub(super) fn meet(self, other: Var<'t, T>) -> Self {
        Self(self.0.meet(other))
    }

    /// The quotient, 0 where this is 0 wherever the rule runs: behind [`meet`](Incoming::meet).
    #[track_caller]
    pub(super) fn over(self, divisor: Var<'t, T>) -> Self {
        Self(self.0.over(divisor))
    }
}

impl<'t, T: Real, R: Operand<'t, T>> Mul<R> for Incoming<'t, T> {
    type Output = Self;
    #[track_caller]
    fn mul(self, slope: R) -> Self {
        Self(self.0.times(slope.var(self.0)))
    }
}

impl<'t, T: Real, R: Operand<'t, T>> Div<R> for Incoming<'t, T> {
    type Output = Self;
    #[track_caller]
    fn div(self, divisor: R) -> Self {
        Self(self.0.divided(divisor.var(self.0)))
    }
}

impl<T: Real> Neg for Incoming<'_, T> {
    type Output = Self;
    #[track_caller]
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl<'t, T: Real> Operand<'t, T> for Incoming<'t, T> {
    fn var(self, _: Var<'t, T>) -> Var<'t, T> {
        self.0
    }
}

impl<'t, T: Real> From<Incoming<'t, T>> for Cotangent<'t, T> {
    fn from(cotangent: Incoming<'t, T>) -> Self {
        Self::Var(cotangent.0)
    }
}
