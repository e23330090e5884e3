//! Elementary functions: scalar formulas without branches, which the compiler turns into vector code.
//!
//! Everything is `#[inline(always)]` and generic over the instruction set, so that a loop inside a [`Kernel`](super::Kernel)
//! becomes a loop over whole registers: what a function does to one number it does to sixteen. There are no calls, no
//! tables and no early returns, only polynomials, a few selections, and arithmetic on the bits of exponents.
//!
//! Results are within 2.2 units in the last place, with and without fused multiply-add, most of them within 2;
//! `docs/numerics.md` has the measured maxima. They are the same for AVX2, AVX-512 and NEON, bit by bit; where nothing is fused the last digit may differ.

mod error;
mod exponential;
mod format;
mod inverse;
mod logarithm;
mod power;
#[cfg(test)]
mod reference;
mod rounding;
#[cfg(test)]
mod tests;
mod trigonometric;

pub(crate) use error::{erf, erfc};
pub(crate) use exponential::{cosh, exp, exp_of_difference, exp2, expm1, sigmoid, sinh, tanh};
pub(crate) use format::Format;
pub(crate) use inverse::{acos, acosh, asin, asinh, atan, atan2, atanh};
pub(crate) use logarithm::{ln, ln_1p, log2, log10, softplus};
pub(crate) use rounding::{ceil, floor, round};
pub(crate) use trigonometric::FARTHEST;

use super::Isa;

/// The functions that are not the same formula for both types: for `f32` they go through `f64`.
///
/// Angles may be as large as [`FARTHEST`].
pub(crate) trait Functions: Format {
    fn sin<I: Isa>(x: Self) -> Self;
    fn cos<I: Isa>(x: Self) -> Self;
    /// Both at once, with the bits that each has alone.
    fn sin_cos<I: Isa>(x: Self) -> (Self, Self);
    fn tan<I: Isa>(x: Self) -> Self;
    fn pow<I: Isa>(x: Self, y: Self) -> Self;
    fn hypot<I: Isa>(x: Self, y: Self) -> Self;
}

macro_rules! functions {
    ($float:ident, $both:ident: $($module:ident::$function:ident as $name:ident($($x:ident),+)),+) => {
        impl Functions for $float {
            $(#[inline(always)]
            fn $name<I: Isa>($($x: Self),+) -> Self {
                $module::$function::<I>($($x),+)
            })+

            #[inline(always)]
            fn sin_cos<I: Isa>(x: Self) -> (Self, Self) {
                trigonometric::$both::<I>(x)
            }
        }
    };
}

functions! {
    f64, sin_cos: trigonometric::sin as sin(x), trigonometric::cos as cos(x), trigonometric::tan as tan(x),
    power::pow as pow(x, y), power::hypot as hypot(x, y)
}
functions! {
    f32, sin_cos_short: trigonometric::sin_short as sin(x), trigonometric::cos_short as cos(x), trigonometric::tan_short as tan(x),
    power::pow_short as pow(x, y), power::hypot_short as hypot(x, y)
}
