//! Plain numbers.

use std::cmp::Ordering;
use std::ops::{Add, Div, Mul, Neg, Sub};

use super::Number;
use crate::real::Real;

/// A plain number, on which a formula is simply computed.
///
/// # Examples
///
/// ```
/// use gradus::number::{Num, Number};
///
/// let x = Num(3.0_f32);
/// assert_eq!((x * x + 0.5).real(), 9.5);
/// ```
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug)]
pub struct Num<T>(pub T);

impl<T: Real> Number for Num<T> {
    #[inline]
    fn of(x: f64) -> Self {
        Self(T::of(x))
    }
    #[inline]
    fn real(self) -> f64 {
        self.0.as_f64()
    }
    #[inline]
    fn abs(self) -> Self {
        Self(self.0.abs())
    }
    #[inline]
    fn sqrt(self) -> Self {
        Self(self.0.sqrt())
    }
    #[inline]
    fn exp(self) -> Self {
        Self(self.0.exp())
    }
    #[inline]
    fn exp2(self) -> Self {
        Self(self.0.exp2())
    }
    #[inline]
    fn expm1(self) -> Self {
        Self(self.0.exp_m1())
    }
    #[inline]
    fn ln(self) -> Self {
        Self(self.0.ln())
    }
    #[inline]
    fn ln_1p(self) -> Self {
        Self(self.0.ln_1p())
    }
    #[inline]
    fn log2(self) -> Self {
        Self(self.0.log2())
    }
    #[inline]
    fn log10(self) -> Self {
        Self(self.0.log10())
    }
    #[inline]
    fn sin(self) -> Self {
        Self(self.0.sin())
    }
    #[inline]
    fn cos(self) -> Self {
        Self(self.0.cos())
    }
    #[inline]
    fn tan(self) -> Self {
        Self(self.0.tan())
    }
    #[inline]
    fn asin(self) -> Self {
        Self(self.0.asin())
    }
    #[inline]
    fn acos(self) -> Self {
        Self(self.0.acos())
    }
    #[inline]
    fn atan(self) -> Self {
        Self(self.0.atan())
    }
    #[inline]
    fn sinh(self) -> Self {
        Self(self.0.sinh())
    }
    #[inline]
    fn cosh(self) -> Self {
        Self(self.0.cosh())
    }
    #[inline]
    fn tanh(self) -> Self {
        Self(self.0.tanh())
    }
    #[inline]
    fn asinh(self) -> Self {
        Self(self.0.asinh())
    }
    #[inline]
    fn acosh(self) -> Self {
        Self(self.0.acosh())
    }
    #[inline]
    fn atanh(self) -> Self {
        Self(self.0.atanh())
    }
    #[inline]
    fn erf(self) -> Self {
        Self(T::of(libm::erf(self.0.as_f64())))
    }
    #[inline]
    fn erfc(self) -> Self {
        Self(T::of(libm::erfc(self.0.as_f64())))
    }
    #[inline]
    fn pow(self, y: Self) -> Self {
        Self(self.0.powf(y.0))
    }
    #[inline]
    fn atan2(self, x: Self) -> Self {
        Self(self.0.atan2(x.0))
    }
    #[inline]
    fn hypot(self, y: Self) -> Self {
        Self(self.0.hypot(y.0))
    }
    #[inline]
    fn floor(self) -> Self {
        Self(self.0.floor())
    }
    #[inline]
    fn ceil(self) -> Self {
        Self(self.0.ceil())
    }
    #[inline]
    fn round(self) -> Self {
        // Float::round rounds halves away from zero. Here x − x rem 1 is exact, and an odd half goes to its even neighbour.
        let x = self.0;
        let (down, half) = (x.floor(), T::of(0.5));
        let rest = x - down;
        let even = down * half == (down * half).floor();
        let rounded = if rest < half || (rest == half && even) { down } else { down + T::one() };
        // Keeps −0.0, NaN and ±∞, where the difference above is NaN.
        Self(if rest.is_nan() {
            x
        } else if rounded == T::zero() {
            rounded.copysign(x)
        } else {
            rounded
        })
    }
}

impl<T: Real> Neg for Num<T> {
    type Output = Self;
    #[inline]
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl<T: Real> Add for Num<T> {
    type Output = Self;
    #[inline]
    fn add(self, y: Self) -> Self {
        Self(self.0 + y.0)
    }
}

impl<T: Real> Sub for Num<T> {
    type Output = Self;
    #[inline]
    fn sub(self, y: Self) -> Self {
        Self(self.0 - y.0)
    }
}

impl<T: Real> Mul for Num<T> {
    type Output = Self;
    #[inline]
    fn mul(self, y: Self) -> Self {
        Self(self.0 * y.0)
    }
}

impl<T: Real> Div for Num<T> {
    type Output = Self;
    #[inline]
    fn div(self, y: Self) -> Self {
        Self(self.0 / y.0)
    }
}

impl<T: Real> Add<f64> for Num<T> {
    type Output = Self;
    #[inline]
    fn add(self, y: f64) -> Self {
        Self(self.0 + T::of(y))
    }
}

impl<T: Real> Sub<f64> for Num<T> {
    type Output = Self;
    #[inline]
    fn sub(self, y: f64) -> Self {
        Self(self.0 - T::of(y))
    }
}

impl<T: Real> Mul<f64> for Num<T> {
    type Output = Self;
    #[inline]
    fn mul(self, y: f64) -> Self {
        Self(self.0 * T::of(y))
    }
}

impl<T: Real> Div<f64> for Num<T> {
    type Output = Self;
    #[inline]
    fn div(self, y: f64) -> Self {
        Self(self.0 / T::of(y))
    }
}

impl<T: Real> PartialEq<f64> for Num<T> {
    #[inline]
    fn eq(&self, other: &f64) -> bool {
        self.0 == T::of(*other)
    }
}

impl<T: Real> PartialOrd<f64> for Num<T> {
    #[inline]
    fn partial_cmp(&self, other: &f64) -> Option<Ordering> {
        self.0.partial_cmp(&T::of(*other))
    }
}

impl<T: Real> Add<Num<T>> for f64 {
    type Output = Num<T>;
    #[inline]
    fn add(self, y: Num<T>) -> Num<T> {
        Num::of(self) + y
    }
}

impl<T: Real> Sub<Num<T>> for f64 {
    type Output = Num<T>;
    #[inline]
    fn sub(self, y: Num<T>) -> Num<T> {
        Num::of(self) - y
    }
}

impl<T: Real> Mul<Num<T>> for f64 {
    type Output = Num<T>;
    #[inline]
    fn mul(self, y: Num<T>) -> Num<T> {
        Num::of(self) * y
    }
}

impl<T: Real> Div<Num<T>> for f64 {
    type Output = Num<T>;
    #[inline]
    fn div(self, y: Num<T>) -> Num<T> {
        Num::of(self) / y
    }
}
