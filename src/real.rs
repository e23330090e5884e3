//! The element types, [`f32`] and [`f64`], and what may stand for a scalar in an expression.

use std::any::Any;
use std::fmt::{Debug, Display, LowerExp};
use std::iter::Sum;
use std::str::FromStr;

use num_traits::{Float, FloatConst, NumAssign};

/// The element of a tensor: `f32` or `f64`, and no other type.
///
/// Models may be generic over it. All of [`num_traits::Float`] is there, so `x.exp()` and `T::epsilon()` work as usual.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// fn half<T: Real>(x: T) -> T {
///     x * T::of(0.5)
/// }
/// assert_eq!(half(3.0_f32), 1.5);
/// ```
pub trait Real:
    sealed::Sealed
    + Float
    + FloatConst
    + NumAssign
    + Scalar
    + Sum
    + Default
    + Debug
    + Display
    + LowerExp
    + FromStr
    + Send
    + Sync
    + 'static
{
    /// The name of the type as listings print it.
    const NAME: &'static str;

    /// The number nearest to `x`.
    fn of(x: f64) -> Self;

    /// The bits of the number, in the low half of the word for `f32`.
    fn bits(self) -> u64;

    /// The number with these [`bits`](Real::bits).
    fn from_bits(bits: u64) -> Self;
}

mod sealed {
    /// What only this crate can implement.
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// Of two twins, one for each element type, the one that has the type asked for.
///
/// Generic code is compiled in every crate that uses it, with the optimisation of that crate. What is named here once for
/// `f32` and once for `f64` is compiled with this crate: quicker to build and, in a debug build, much quicker to run.
pub(crate) fn twin<F: Copy + 'static>(single: &dyn Any, double: &dyn Any) -> F {
    *single.downcast_ref().or_else(|| double.downcast_ref()).expect("an element is f32 or f64")
}

impl Real for f32 {
    const NAME: &'static str = "f32";

    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "rounding to the nearest f32 is what is asked for")]
    fn of(x: f64) -> Self {
        x as f32
    }

    #[inline]
    fn bits(self) -> u64 {
        u64::from(self.to_bits())
    }

    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "the high half is zero")]
    fn from_bits(bits: u64) -> Self {
        f32::from_bits(bits as u32)
    }
}

impl Real for f64 {
    const NAME: &'static str = "f64";

    #[inline]
    fn of(x: f64) -> Self {
        x
    }

    #[inline]
    fn bits(self) -> u64 {
        self.to_bits()
    }

    #[inline]
    fn from_bits(bits: u64) -> Self {
        f64::from_bits(bits)
    }
}

/// A plain number that may stand beside a tensor in an expression: `f32`, `f64`, `i32` or `usize`.
///
/// On the right of an operator any of them works, on the left `f64` only: `2.0 * x + 1.0`, `x * k`, `x / 3`.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let (params, mut tape) = (Params::<f32>::new(), Tape::new());
/// let step = tape.record(&params);
/// let x = step.input(&[6.0]);
/// assert_eq!((2.0 * x + 1.0).item(), 13.0); // `f64` beside a tensor of `f32`
/// assert_eq!((x / 3).item() + (x * 2_usize).item(), 14.0);
/// ```
pub trait Scalar: Copy {
    /// The number as an `f64`; exact but for a `usize` above 2⁵³.
    fn as_f64(self) -> f64;
}

impl Scalar for f64 {
    #[inline]
    fn as_f64(self) -> f64 {
        self
    }
}

impl Scalar for f32 {
    #[inline]
    fn as_f64(self) -> f64 {
        f64::from(self)
    }
}

impl Scalar for i32 {
    #[inline]
    fn as_f64(self) -> f64 {
        f64::from(self)
    }
}

impl Scalar for usize {
    #[inline]
    #[allow(clippy::cast_precision_loss, reason = "documented: exact up to 2^53")]
    fn as_f64(self) -> f64 {
        self as f64
    }
}
