//! The number language: what a scalar formula may be written over.
//!
//! The formula of a pointwise op is written once and read by several kinds of numbers: [`Num`] computes it, [`Dual`]
//! carries a derivative along. A dual number knows nothing of tapes and of the reverse sweep, so it is an independent
//! second way to every derivative; nested, `Dual<Dual<Num<f64>>>`, to every second derivative.

use std::ops::{Add, Div, Mul, Neg, Sub};

mod dual;
mod function;
mod num;
mod tower;

pub use dual::Dual;
pub use function::ScalarFunction;
pub use num::Num;
pub(crate) use tower::derivative;

/// A number that a scalar formula can be evaluated on.
///
/// Plain `f64` values mix with it on the right: `x * 0.5`. On the left they work for the concrete types.
///
/// # Examples
///
/// ```
/// use gradus::number::{Dual, Num, Number};
///
/// fn logistic<N: Number>(x: N) -> N {
///     N::of(1.0) / ((-x).exp() + 1.0)
/// }
///
/// assert_eq!(logistic(Num(0.0_f64)).0, 0.5);
/// assert_eq!(logistic(Dual::variable(Num(0.0_f64))).slope().0, 0.25);
/// ```
pub trait Number:
    Copy
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + Add<f64, Output = Self>
    + Sub<f64, Output = Self>
    + Mul<f64, Output = Self>
    + Div<f64, Output = Self>
    + PartialOrd
    + PartialOrd<f64>
{
    /// The constant `x`.
    fn of(x: f64) -> Self;
    /// The number without its derivatives.
    fn real(self) -> f64;
    /// |x|.
    fn abs(self) -> Self;
    /// √x.
    fn sqrt(self) -> Self;
    /// eˣ.
    fn exp(self) -> Self;
    /// 2ˣ.
    fn exp2(self) -> Self;
    /// eˣ − 1, exact near 0.
    fn expm1(self) -> Self;
    /// ln x.
    fn ln(self) -> Self;
    /// ln(1 + x), exact near 0.
    fn ln_1p(self) -> Self;
    /// log₂ x.
    fn log2(self) -> Self;
    /// log₁₀ x.
    fn log10(self) -> Self;
    /// sin x, radians.
    fn sin(self) -> Self;
    /// cos x, radians.
    fn cos(self) -> Self;
    /// tan x, radians.
    fn tan(self) -> Self;
    /// arcsin x.
    fn asin(self) -> Self;
    /// arccos x.
    fn acos(self) -> Self;
    /// arctan x.
    fn atan(self) -> Self;
    /// sinh x.
    fn sinh(self) -> Self;
    /// cosh x.
    fn cosh(self) -> Self;
    /// tanh x.
    fn tanh(self) -> Self;
    /// arsinh x.
    fn asinh(self) -> Self;
    /// arcosh x.
    fn acosh(self) -> Self;
    /// artanh x.
    fn atanh(self) -> Self;
    /// The error function, 2/√π ∫₀ˣ e^(−t²) dt.
    fn erf(self) -> Self;
    /// 1 − erf x, exact in the tail.
    fn erfc(self) -> Self;
    /// xʸ.
    fn pow(self, y: Self) -> Self;
    /// The angle of the point (x, self), in (−π, π].
    fn atan2(self, x: Self) -> Self;
    /// √(x² + y²) without overflow.
    fn hypot(self, y: Self) -> Self;
    /// The largest integer not above x; its slope is 0.
    fn floor(self) -> Self;
    /// The smallest integer not below x; its slope is 0.
    fn ceil(self) -> Self;
    /// The nearest integer, halves to even; its slope is 0.
    fn round(self) -> Self;

    /// x².
    #[must_use]
    #[inline(always)]
    fn square(self) -> Self {
        self * self
    }

    /// 1/x.
    #[must_use]
    #[inline(always)]
    fn recip(self) -> Self {
        Self::of(1.0) / self
    }

    /// 1/√x.
    #[must_use]
    #[inline(always)]
    fn rsqrt(self) -> Self {
        self.sqrt().recip()
    }

    /// Whole power xⁿ by repeated multiplication; x⁰ is 1.
    #[must_use]
    #[inline(always)]
    fn powi(self, n: i32) -> Self {
        let (mut left, mut square, mut power) = (n.unsigned_abs(), self, Self::of(1.0));
        while left > 0 {
            if left % 2 == 1 {
                power = power * square;
            }
            left /= 2;
            if left > 0 {
                square = square * square;
            }
        }
        if n < 0 { power.recip() } else { power }
    }

    /// xᵉ with a plain number as the exponent.
    #[must_use]
    #[inline(always)]
    fn powf(self, exponent: f64) -> Self {
        self.pow(Self::of(exponent))
    }

    /// The larger of two, NaN where one is NaN. Equals share the slope.
    #[must_use]
    #[inline(always)]
    #[allow(clippy::eq_op, reason = "only NaN differs from itself")]
    fn maximum(self, y: Self) -> Self {
        if self >= y || self != self { self } else { y }
    }

    /// The smaller of two, NaN where one is NaN. Equals share the slope.
    #[must_use]
    #[inline(always)]
    #[allow(clippy::eq_op, reason = "only NaN differs from itself")]
    fn minimum(self, y: Self) -> Self {
        if self <= y || self != self { self } else { y }
    }

    /// max(x, 0); its slope at 0 is 0.
    #[must_use]
    #[inline(always)]
    fn relu(self) -> Self {
        if self <= 0.0 { Self::of(0.0) } else { self }
    }

    /// The number of the interval that is nearest; its slope at and beyond the ends is 0.
    #[must_use]
    #[inline(always)]
    fn clamp(self, low: f64, high: f64) -> Self {
        if self <= low {
            Self::of(low)
        } else if self >= high {
            Self::of(high)
        } else {
            self
        }
    }

    /// The logistic function 1/(1 + e⁻ˣ), from the side that cannot overflow.
    #[must_use]
    #[inline(always)]
    fn sigmoid(self) -> Self {
        let e = (-self.abs()).exp();
        let s = Self::of(1.0) / (e + 1.0);
        if self >= 0.0 { s } else { e * s }
    }

    /// ln(1 + eˣ), as max(x, 0) + ln(1 + e^−|x|).
    #[must_use]
    #[inline(always)]
    fn softplus(self) -> Self {
        let tail = (-self.abs()).exp().ln_1p();
        if self <= 0.0 { tail } else { self + tail }
    }
}
