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

/// The functions, each by a formula for the number within.
macro_rules! computed {
    ($($name:ident($x:ident $(, $y:ident)?) = $value:expr;)+) => { $(
        #[inline]
        fn $name(self $(, $y: Self)?) -> Self {
            let $x = self.0;
            $(let $y = $y.0;)?
            Self($value)
        }
    )+ };
}

impl<T: Real> Number for Num<T> {
    #[inline]
    fn of(x: f64) -> Self {
        Self(T::of(x))
    }

    #[inline]
    fn real(self) -> f64 {
        self.0.as_f64()
    }

    computed! {
        abs(x) = x.abs();
        sqrt(x) = x.sqrt();
        exp(x) = x.exp();
        exp2(x) = x.exp2();
        expm1(x) = x.exp_m1();
        ln(x) = x.ln();
        ln_1p(x) = x.ln_1p();
        log2(x) = x.log2();
        log10(x) = x.log10();
        sin(x) = x.sin();
        cos(x) = x.cos();
        tan(x) = x.tan();
        asin(x) = x.asin();
        acos(x) = x.acos();
        atan(x) = x.atan();
        sinh(x) = x.sinh();
        cosh(x) = x.cosh();
        tanh(x) = x.tanh();
        asinh(x) = x.asinh();
        acosh(x) = x.acosh();
        atanh(x) = x.atanh();
        erf(x) = T::of(libm::erf(x.as_f64()));
        erfc(x) = T::of(libm::erfc(x.as_f64()));
        pow(x, y) = x.powf(y);
        atan2(y, x) = y.atan2(x);
        hypot(x, y) = x.hypot(y);
        floor(x) = x.floor();
        ceil(x) = x.ceil();
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

macro_rules! operators {
    ($($Trait:ident::$name:ident),+) => { $(
        impl<T: Real> $Trait for Num<T> {
            type Output = Self;
            #[inline]
            fn $name(self, y: Self) -> Self {
                Self(self.0.$name(y.0))
            }
        }

        impl<T: Real> $Trait<f64> for Num<T> {
            type Output = Self;
            #[inline]
            fn $name(self, y: f64) -> Self {
                Self(self.0.$name(T::of(y)))
            }
        }

        impl<T: Real> $Trait<Num<T>> for f64 {
            type Output = Num<T>;
            #[inline]
            fn $name(self, y: Num<T>) -> Num<T> {
                Num::of(self).$name(y)
            }
        }
    )+ };
}

operators! { Add::add, Sub::sub, Mul::mul, Div::div }

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
