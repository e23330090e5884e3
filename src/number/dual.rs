//! Dual numbers: a value with its derivative along one direction.

use std::cmp::Ordering;
use std::ops::{Add, Div, Mul, Neg, Sub};

use super::Number;

/// A number with its derivative along one direction: `value + slope·ε`, ε² = 0.
///
/// What does not depend on the variable has no slope at all, and none is computed for it. So a formula over dual numbers
/// that is inlined into a loop costs what its derivative costs, not what the general rules would.
///
/// # Examples
///
/// ```
/// use gradus::number::{Dual, Num, Number};
///
/// let x = Dual::variable(Num(3.0_f64)); // dx/dx = 1
/// let y = x * x * 0.5;
/// assert_eq!((y.value.0, y.slope().0), (4.5, 3.0));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Dual<N> {
    /// The value.
    pub value: N,
    slope: Option<N>,
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
    /// assert_eq!((y.value.0, y.slope().0), (0.5_f64.sin(), 0.5_f64.cos()));
    /// ```
    #[must_use]
    #[inline(always)]
    pub fn variable(value: N) -> Self {
        Self::new(value, N::of(1.0))
    }

    /// A constant: slope 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::number::{Dual, Num};
    ///
    /// let (x, a) = (Dual::variable(Num(3.0_f64)), Dual::constant(Num(5.0)));
    /// assert_eq!((a * x).slope().0, 5.0); // a is held fast
    /// ```
    #[must_use]
    #[inline(always)]
    pub fn constant(value: N) -> Self {
        Self { value, slope: None }
    }

    /// A number with any slope: the derivative of what it stands for along some direction.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::number::{Dual, Num};
    ///
    /// // Along (1, 2), x·y changes by y·1 + x·2.
    /// let (x, y) = (Dual::new(Num(3.0_f64), Num(1.0)), Dual::new(Num(5.0), Num(2.0)));
    /// assert_eq!((x * y).slope().0, 11.0);
    /// ```
    #[must_use]
    #[inline(always)]
    pub fn new(value: N, slope: N) -> Self {
        Self { value, slope: Some(slope) }
    }

    /// The derivative, 0 of a constant.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::number::{Dual, Num};
    ///
    /// assert_eq!(Dual::constant(Num(5.0_f64)).slope().0, 0.0);
    /// ```
    #[must_use]
    #[inline(always)]
    pub fn slope(self) -> N {
        match self.slope {
            Some(slope) => slope,
            None => N::of(0.0),
        }
    }

    /// The slope, if it is not known to be 0.
    #[inline(always)]
    pub(crate) fn known_slope(self) -> Option<N> {
        self.slope
    }

    /// A value with a slope made of those of two numbers, either of which may have none.
    #[inline(always)]
    fn of_two(
        value: N,
        slopes: (Option<N>, Option<N>),
        first: impl FnOnce(N) -> N,
        second: impl FnOnce(N) -> N,
    ) -> Self {
        let slope = match slopes {
            (Some(a), Some(b)) => Some(first(a) + second(b)),
            (Some(a), None) => Some(first(a)),
            (None, Some(b)) => Some(second(b)),
            (None, None) => None,
        };
        Self { value, slope }
    }
}

/// Functions of one number: the slope of the result, given the number, the result and the slope of the number.
macro_rules! chains {
    ($($name:ident($x:ident) = $y:ident, $dx:ident => $slope:expr;)+) => { $(
        #[inline(always)]
        #[allow(unused_variables, reason = "a slope need not look at everything")]
        fn $name(self) -> Self {
            let ($x, $y) = (self.value, self.value.$name());
            let slope = match self.slope {
                Some($dx) => Some($slope),
                None => None,
            };
            Self { value: $y, slope }
        }
    )+ };
}

impl<N: Number> Number for Dual<N> {
    #[inline(always)]
    fn of(x: f64) -> Self {
        Self::constant(N::of(x))
    }

    #[inline(always)]
    fn real(self) -> f64 {
        self.value.real()
    }

    chains! {
        abs(x) = y, dx => if x > 0.0 { dx } else if x < 0.0 { -dx } else { N::of(0.0) };
        square(x) = y, dx => dx * 2.0 * x;
        sqrt(x) = y, dx => dx * 0.5 / y;
        exp(x) = y, dx => dx * y;
        exp2(x) = y, dx => dx * (y * std::f64::consts::LN_2);
        expm1(x) = y, dx => dx * x.exp();
        ln(x) = y, dx => dx / x;
        ln_1p(x) = y, dx => dx / (x + 1.0);
        log2(x) = y, dx => dx * std::f64::consts::LOG2_E / x;
        log10(x) = y, dx => dx * std::f64::consts::LOG10_E / x;
        sin(x) = y, dx => dx * x.cos();
        cos(x) = y, dx => -(dx * x.sin());
        tan(x) = y, dx => dx * (y * y + 1.0);
        asin(x) = y, dx => dx / ((N::of(1.0) - x) * (x + 1.0)).sqrt();
        acos(x) = y, dx => -dx / ((N::of(1.0) - x) * (x + 1.0)).sqrt();
        atan(x) = y, dx => dx / (x * x + 1.0);
        sinh(x) = y, dx => dx * x.cosh();
        cosh(x) = y, dx => dx * x.sinh();
        tanh(x) = y, dx => dx * ((N::of(1.0) - y) * (y + 1.0));
        asinh(x) = y, dx => dx / x.hypot(N::of(1.0));
        acosh(x) = y, dx => dx / ((x - 1.0).sqrt() * (x + 1.0).sqrt());
        atanh(x) = y, dx => dx / ((N::of(1.0) - x) * (x + 1.0));
        erf(x) = y, dx => dx * ((-(x * x)).exp() * std::f64::consts::FRAC_2_SQRT_PI);
        erfc(x) = y, dx => dx * ((-(x * x)).exp() * -std::f64::consts::FRAC_2_SQRT_PI);
        sigmoid(x) = y, dx => dx * (y * (N::of(1.0) - y));
        softplus(x) = y, dx => dx * x.sigmoid();
    }

    #[inline(always)]
    fn powi(self, n: i32) -> Self {
        let x = self.value;
        let slope = match self.slope {
            Some(dx) if n != 0 => Some(dx * (x.powi(n.saturating_sub(1)) * f64::from(n))),
            _ => None,
        };
        Self { value: x.powi(n), slope }
    }

    #[inline(always)]
    fn pow(self, y: Self) -> Self {
        let (x, y, slopes) = (self.value, y.value, (self.slope, y.slope));
        let value = x.pow(y);
        // Where the exponent is 0 as a quotient, which is the same function and 0 for the smallest bases, too.
        let base = |dx: N| {
            let slope = if y != 0.0 {
                y * x.pow(y - 1.0)
            } else if x == 0.0 {
                N::of(0.0)
            } else {
                y / x * value
            };
            dx * slope
        };
        let exponent = |dy: N| dy * if x == 0.0 && y >= 0.0 { N::of(0.0) } else { value * x.ln() };
        Self::of_two(value, slopes, base, exponent)
    }

    #[inline(always)]
    fn atan2(self, x: Self) -> Self {
        let (y, x, slopes) = (self.value, x.value, (self.slope, x.slope));
        // Divided twice: the square of the length may be 0 or ∞ where the length is neither.
        let length = x.hypot(y);
        Self::of_two(y.atan2(x), slopes, |dy| x / length / length * dy, |dx| -(y / length / length * dx))
    }

    #[inline(always)]
    fn hypot(self, y: Self) -> Self {
        let (x, y, slopes) = (self.value, y.value, (self.slope, y.slope));
        let value = x.hypot(y);
        let part = |z: N| if value == 0.0 { N::of(0.0) } else { z / value };
        Self::of_two(value, slopes, |dx| part(x) * dx, |dy| part(y) * dy)
    }

    #[inline(always)]
    fn maximum(self, y: Self) -> Self {
        let shared = self.shared(y);
        // The comparison with itself is false for NaN, which is what comes out.
        #[allow(clippy::eq_op, reason = "only NaN differs from itself")]
        if self.value > y.value || self.value != self.value {
            self
        } else if self.value == y.value {
            shared
        } else {
            y
        }
    }

    #[inline(always)]
    fn minimum(self, y: Self) -> Self {
        let shared = self.shared(y);
        #[allow(clippy::eq_op, reason = "only NaN differs from itself")]
        if self.value < y.value || self.value != self.value {
            self
        } else if self.value == y.value {
            shared
        } else {
            y
        }
    }

    #[inline(always)]
    fn floor(self) -> Self {
        Self::constant(self.value.floor())
    }

    #[inline(always)]
    fn ceil(self) -> Self {
        Self::constant(self.value.ceil())
    }

    #[inline(always)]
    fn round(self) -> Self {
        Self::constant(self.value.round())
    }
}

impl<N: Number> Dual<N> {
    /// This number with the mean of two slopes.
    #[inline(always)]
    fn shared(self, y: Self) -> Self {
        Self::of_two(self.value, (self.slope, y.slope), |dx| dx * 0.5, |dy| dy * 0.5)
    }
}

impl<N: Number> Neg for Dual<N> {
    type Output = Self;
    #[inline(always)]
    #[allow(clippy::manual_map, reason = "a closure need not be inlined")]
    fn neg(self) -> Self {
        let slope = match self.slope {
            Some(dx) => Some(-dx),
            None => None,
        };
        Self { value: -self.value, slope }
    }
}

impl<N: Number> Add for Dual<N> {
    type Output = Self;
    #[inline(always)]
    fn add(self, y: Self) -> Self {
        Self::of_two(self.value + y.value, (self.slope, y.slope), |dx| dx, |dy| dy)
    }
}

impl<N: Number> Sub for Dual<N> {
    type Output = Self;
    #[inline(always)]
    fn sub(self, y: Self) -> Self {
        let slope = match (self.slope, y.slope) {
            (Some(dx), Some(dy)) => Some(dx - dy),
            (dx, None) => dx,
            (None, Some(dy)) => Some(-dy),
        };
        Self { value: self.value - y.value, slope }
    }
}

impl<N: Number> Mul for Dual<N> {
    type Output = Self;
    #[inline(always)]
    fn mul(self, y: Self) -> Self {
        Self::of_two(self.value * y.value, (self.slope, y.slope), |dx| dx * y.value, |dy| self.value * dy)
    }
}

impl<N: Number> Div for Dual<N> {
    type Output = Self;
    #[inline(always)]
    fn div(self, y: Self) -> Self {
        let value = self.value / y.value;
        let slope = match (self.slope, y.slope) {
            (Some(dx), Some(dy)) => Some((dx - value * dy) / y.value),
            (Some(dx), None) => Some(dx / y.value),
            (None, Some(dy)) => Some(-(value * dy) / y.value),
            (None, None) => None,
        };
        Self { value, slope }
    }
}

/// Operators with a plain number: on the right of a dual number, and on its left.
macro_rules! beside_numbers {
    ($($Trait:ident::$name:ident, $x:ident => $slope:expr;)+) => { $(
        impl<N: Number> $Trait<f64> for Dual<N> {
            type Output = Self;
            #[inline(always)]
            fn $name(self, y: f64) -> Self {
                let slope = match self.slope {
                    Some($x) => Some($slope(y)),
                    None => None,
                };
                Self { value: self.value.$name(y), slope }
            }
        }

        impl<N: Number> $Trait<Dual<N>> for f64 {
            type Output = Dual<N>;
            #[inline(always)]
            fn $name(self, y: Dual<N>) -> Dual<N> {
                Dual::of(self).$name(y)
            }
        }
    )+ };
}

beside_numbers! {
    Add::add, dx => |_| dx;
    Sub::sub, dx => |_| dx;
    Mul::mul, dx => |y| dx * y;
    Div::div, dx => |y| dx / y;
}

impl<N: Number> PartialEq for Dual<N> {
    #[inline(always)]
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<N: Number> PartialEq<f64> for Dual<N> {
    #[inline(always)]
    fn eq(&self, other: &f64) -> bool {
        self.value == *other
    }
}

/// Comparisons one by one: an `Ordering` on the way would be a branch.
macro_rules! comparisons {
    ($Other:ty, $other:ident => $value:expr, $($name:ident),+) => {
        impl<N: Number> PartialOrd<$Other> for Dual<N> {
            #[inline(always)]
            fn partial_cmp(&self, $other: &$Other) -> Option<Ordering> {
                self.value.partial_cmp(&$value)
            }

            $(#[inline(always)]
            fn $name(&self, $other: &$Other) -> bool {
                self.value.$name(&$value)
            })+
        }
    };
}

comparisons! { Dual<N>, other => other.value, lt, le, gt, ge }
comparisons! { f64, other => *other, lt, le, gt, ge }
