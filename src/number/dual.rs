//! Dual numbers: a value with its derivative along one direction.

use std::cmp::Ordering;
use std::ops::{Add, Div, Mul, Neg, Sub};

use super::Number;

/// A number with its derivative along one direction: `value + slope·ε`, ε² = 0.
///
/// # Examples
///
/// ```
/// use gradus::number::{Dual, Num, Number};
///
/// let x = Dual::variable(Num(3.0_f64)); // dx/dx = 1
/// let y = x * x * 0.5;
/// assert_eq!((y.value.0, y.slope.0), (4.5, 3.0));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Dual<N> {
    /// The value.
    pub value: N,
    /// The derivative.
    pub slope: N,
}

impl<N: Number> Dual<N> {
    /// The variable that is differentiated for: slope 1.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::number::{Dual, Num, Number};
    ///
    /// let y = Dual::variable(Num(0.5_f64)).sin();
    /// assert_eq!((y.value.0, y.slope.0), (0.5_f64.sin(), 0.5_f64.cos()));
    /// ```
    #[must_use]
    pub fn variable(value: N) -> Self {
        Self { value, slope: N::of(1.0) }
    }

    /// A constant: slope 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::number::{Dual, Num};
    ///
    /// let (x, a) = (Dual::variable(Num(3.0_f64)), Dual::constant(Num(5.0)));
    /// assert_eq!((a * x).slope.0, 5.0); // a is held fast
    /// ```
    #[must_use]
    pub fn constant(value: N) -> Self {
        Self { value, slope: N::of(0.0) }
    }

    fn chain(self, value: N, slope: N) -> Self {
        Self { value, slope: self.slope * slope }
    }
}

impl<N: Number> Number for Dual<N> {
    fn of(x: f64) -> Self {
        Self::constant(N::of(x))
    }
    fn real(self) -> f64 {
        self.value.real()
    }
    fn abs(self) -> Self {
        let slope = if self > 0.0 {
            1.0
        } else if self < 0.0 {
            -1.0
        } else {
            0.0
        };
        self.chain(self.value.abs(), N::of(slope))
    }
    fn sqrt(self) -> Self {
        let y = self.value.sqrt();
        self.chain(y, N::of(0.5) / y)
    }
    fn exp(self) -> Self {
        let y = self.value.exp();
        self.chain(y, y)
    }
    fn exp2(self) -> Self {
        let y = self.value.exp2();
        self.chain(y, y * std::f64::consts::LN_2)
    }
    fn expm1(self) -> Self {
        self.chain(self.value.expm1(), self.value.exp())
    }
    fn ln(self) -> Self {
        self.chain(self.value.ln(), N::of(1.0) / self.value)
    }
    fn ln_1p(self) -> Self {
        self.chain(self.value.ln_1p(), N::of(1.0) / (self.value + 1.0))
    }
    fn log2(self) -> Self {
        self.chain(self.value.log2(), N::of(std::f64::consts::LOG2_E) / self.value)
    }
    fn log10(self) -> Self {
        self.chain(self.value.log10(), N::of(std::f64::consts::LOG10_E) / self.value)
    }
    fn sin(self) -> Self {
        self.chain(self.value.sin(), self.value.cos())
    }
    fn cos(self) -> Self {
        self.chain(self.value.cos(), -self.value.sin())
    }
    fn tan(self) -> Self {
        let c = self.value.cos();
        self.chain(self.value.tan(), N::of(1.0) / (c * c))
    }
    fn asin(self) -> Self {
        let x = self.value;
        self.chain(x.asin(), N::of(1.0) / (N::of(1.0) - x * x).sqrt())
    }
    fn acos(self) -> Self {
        let x = self.value;
        self.chain(x.acos(), N::of(-1.0) / (N::of(1.0) - x * x).sqrt())
    }
    fn atan(self) -> Self {
        let x = self.value;
        self.chain(x.atan(), N::of(1.0) / (x * x + 1.0))
    }
    fn sinh(self) -> Self {
        self.chain(self.value.sinh(), self.value.cosh())
    }
    fn cosh(self) -> Self {
        self.chain(self.value.cosh(), self.value.sinh())
    }
    fn tanh(self) -> Self {
        let c = self.value.cosh();
        self.chain(self.value.tanh(), N::of(1.0) / (c * c))
    }
    fn asinh(self) -> Self {
        let x = self.value;
        self.chain(x.asinh(), N::of(1.0) / (x * x + 1.0).sqrt())
    }
    fn acosh(self) -> Self {
        let x = self.value;
        self.chain(x.acosh(), N::of(1.0) / (x * x - 1.0).sqrt())
    }
    fn atanh(self) -> Self {
        let x = self.value;
        self.chain(x.atanh(), N::of(1.0) / (N::of(1.0) - x * x))
    }
    fn erf(self) -> Self {
        let x = self.value;
        self.chain(x.erf(), (-(x * x)).exp() * std::f64::consts::FRAC_2_SQRT_PI)
    }
    fn erfc(self) -> Self {
        let x = self.value;
        self.chain(x.erfc(), (-(x * x)).exp() * -std::f64::consts::FRAC_2_SQRT_PI)
    }
    fn pow(self, y: Self) -> Self {
        let value = self.value.pow(y.value);
        let by_base = if y.value.real() == 0.0 { N::of(0.0) } else { y.value * self.value.pow(y.value - 1.0) };
        let by_exponent =
            if self.value.real() == 0.0 && y.value.real() >= 0.0 { N::of(0.0) } else { value * self.value.ln() };
        // A constant exponent must not bring in the logarithm of a negative base.
        let exponent_part = if y.slope.real() == 0.0 { N::of(0.0) } else { y.slope * by_exponent };
        Self { value, slope: self.slope * by_base + exponent_part }
    }
    fn atan2(self, x: Self) -> Self {
        let square = x.value * x.value + self.value * self.value;
        Self { value: self.value.atan2(x.value), slope: (x.value * self.slope - self.value * x.slope) / square }
    }
    fn hypot(self, y: Self) -> Self {
        let value = self.value.hypot(y.value);
        Self { value, slope: (self.value * self.slope + y.value * y.slope) / value }
    }
    fn floor(self) -> Self {
        Self::constant(self.value.floor())
    }
    fn ceil(self) -> Self {
        Self::constant(self.value.ceil())
    }
    fn round(self) -> Self {
        Self::constant(self.value.round())
    }
}

impl<N: Number> Neg for Dual<N> {
    type Output = Self;
    fn neg(self) -> Self {
        Self { value: -self.value, slope: -self.slope }
    }
}

impl<N: Number> Add for Dual<N> {
    type Output = Self;
    fn add(self, y: Self) -> Self {
        Self { value: self.value + y.value, slope: self.slope + y.slope }
    }
}

impl<N: Number> Sub for Dual<N> {
    type Output = Self;
    fn sub(self, y: Self) -> Self {
        Self { value: self.value - y.value, slope: self.slope - y.slope }
    }
}

impl<N: Number> Mul for Dual<N> {
    type Output = Self;
    fn mul(self, y: Self) -> Self {
        Self { value: self.value * y.value, slope: self.slope * y.value + self.value * y.slope }
    }
}

impl<N: Number> Div for Dual<N> {
    type Output = Self;
    fn div(self, y: Self) -> Self {
        let value = self.value / y.value;
        Self { value, slope: (self.slope - value * y.slope) / y.value }
    }
}

impl<N: Number> Add<f64> for Dual<N> {
    type Output = Self;
    fn add(self, y: f64) -> Self {
        Self { value: self.value + y, slope: self.slope }
    }
}

impl<N: Number> Sub<f64> for Dual<N> {
    type Output = Self;
    fn sub(self, y: f64) -> Self {
        Self { value: self.value - y, slope: self.slope }
    }
}

impl<N: Number> Mul<f64> for Dual<N> {
    type Output = Self;
    fn mul(self, y: f64) -> Self {
        Self { value: self.value * y, slope: self.slope * y }
    }
}

impl<N: Number> Div<f64> for Dual<N> {
    type Output = Self;
    fn div(self, y: f64) -> Self {
        Self { value: self.value / y, slope: self.slope / y }
    }
}

impl<N: Number> PartialEq for Dual<N> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<N: Number> PartialOrd for Dual<N> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.value.partial_cmp(&other.value)
    }
}

impl<N: Number> PartialEq<f64> for Dual<N> {
    fn eq(&self, other: &f64) -> bool {
        self.value == *other
    }
}

impl<N: Number> PartialOrd<f64> for Dual<N> {
    fn partial_cmp(&self, other: &f64) -> Option<Ordering> {
        self.value.partial_cmp(other)
    }
}

impl<N: Number> Add<Dual<N>> for f64 {
    type Output = Dual<N>;
    #[inline]
    fn add(self, y: Dual<N>) -> Dual<N> {
        Dual::of(self) + y
    }
}

impl<N: Number> Sub<Dual<N>> for f64 {
    type Output = Dual<N>;
    #[inline]
    fn sub(self, y: Dual<N>) -> Dual<N> {
        Dual::of(self) - y
    }
}

impl<N: Number> Mul<Dual<N>> for f64 {
    type Output = Dual<N>;
    #[inline]
    fn mul(self, y: Dual<N>) -> Dual<N> {
        Dual::of(self) * y
    }
}

impl<N: Number> Div<Dual<N>> for f64 {
    type Output = Dual<N>;
    #[inline]
    fn div(self, y: Dual<N>) -> Dual<N> {
        Dual::of(self) / y
    }
}
