//! Numbers that tell what a formula does with them.

use std::cell::Cell;
use std::cmp::Ordering;
use std::ops::{Add, Div, Mul, Neg, Sub};

use super::simd::math::FARTHEST;
use crate::number::Number;

/// A number, and where to note what it meets.
#[derive(Clone, Copy)]
pub(crate) struct Watched<N, W> {
    pub(crate) number: N,
    watch: W,
}

/// Where to note something; constants need no such place.
pub(crate) trait Watch: Copy {
    /// No place.
    const NONE: Self;

    /// The place of one of two numbers that has one.
    #[must_use]
    fn or(self, other: Self) -> Self;

    /// The sine, cosine or tangent of an angle is taken.
    #[inline(always)]
    fn angle(self, _: impl Number) {}

    /// The formula decides something.
    #[inline(always)]
    fn decide(self, _: impl FnOnce() -> u64) {}
}

/// Notes an angle beyond [`FARTHEST`], which is too large for the quick way.
#[derive(Clone, Copy)]
pub(crate) struct FarAngles<'w>(pub(crate) Option<&'w Cell<bool>>);

impl Watch for FarAngles<'_> {
    const NONE: Self = Self(None);

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        match self.0 {
            Some(_) => self,
            None => other,
        }
    }

    #[inline(always)]
    fn angle(self, x: impl Number) {
        if let Some(far) = self.0 {
            far.set(far.get() | (x.abs() > FARTHEST));
        }
    }
}

/// Notes comparisons, signs and whole parts, all in one number: it is another one, as good as surely, where a formula takes
/// another branch.
#[derive(Clone, Copy)]
pub(crate) struct Decisions<'w>(pub(crate) Option<&'w Cell<u64>>);

impl Watch for Decisions<'_> {
    const NONE: Self = Self(None);

    fn or(self, other: Self) -> Self {
        if self.0.is_some() { self } else { other }
    }

    fn decide(self, decision: impl FnOnce() -> u64) {
        if let Some(all) = self.0 {
            // The step of FNV-1a, a word at a time.
            all.set((all.get() ^ decision()).wrapping_mul(0x0100_0000_01b3));
        }
    }
}

impl<N: Number, W: Watch> Watched<N, W> {
    #[inline(always)]
    pub(crate) fn new(number: N, watch: W) -> Self {
        Self { number, watch }
    }

    #[inline(always)]
    fn with(self, number: N) -> Self {
        Self { number, ..self }
    }
}

macro_rules! passed_on {
    (angles $($angle:ident)+; whole $($whole:ident)+; unary $($unary:ident)+; binary $($binary:ident)+) => {
        impl<N: Number, W: Watch> Number for Watched<N, W> {
            #[inline(always)]
            fn of(x: f64) -> Self {
                Self { number: N::of(x), watch: W::NONE }
            }

            #[inline(always)]
            fn real(self) -> f64 {
                self.number.real()
            }

            #[inline(always)]
            fn abs(self) -> Self {
                self.watch.decide(|| u64::from(self.number > 0.0) + 2 * u64::from(self.number < 0.0));
                self.with(self.number.abs())
            }

            $(#[inline(always)]
            fn $angle(self) -> Self {
                self.watch.angle(self.number);
                self.with(self.number.$angle())
            })+

            $(#[inline(always)]
            fn $whole(self) -> Self {
                self.watch.decide(|| self.number.$whole().real().to_bits());
                self.with(self.number.$whole())
            })+

            $(#[inline(always)]
            fn $unary(self) -> Self {
                self.with(self.number.$unary())
            })+

            $(#[inline(always)]
            fn $binary(self, other: Self) -> Self {
                Self { number: self.number.$binary(other.number), watch: self.watch.or(other.watch) }
            })+
        }
    };
}

passed_on! {
    angles sin cos tan;
    whole floor ceil round;
    unary sqrt exp exp2 expm1 ln ln_1p log2 log10 asin acos atan sinh cosh tanh asinh acosh atanh erf erfc sigmoid softplus;
    binary pow atan2 hypot
}

macro_rules! operators {
    ($($Trait:ident::$name:ident),+) => { $(
        impl<N: Number, W: Watch> $Trait for Watched<N, W> {
            type Output = Self;
            #[inline(always)]
            fn $name(self, other: Self) -> Self {
                Self { number: self.number.$name(other.number), watch: self.watch.or(other.watch) }
            }
        }

        impl<N: Number, W: Watch> $Trait<f64> for Watched<N, W> {
            type Output = Self;
            #[inline(always)]
            fn $name(self, other: f64) -> Self {
                self.with(self.number.$name(other))
            }
        }
    )+ };
}

operators! { Add::add, Sub::sub, Mul::mul, Div::div }

impl<N: Number, W: Watch> Neg for Watched<N, W> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        self.with(-self.number)
    }
}

/// Comparisons one by one: an `Ordering` on the way would be a branch.
macro_rules! comparisons {
    ($Other:ty, $other:ident => $value:expr, $watch:expr; $($name:ident),+) => {
        impl<N: Number, W: Watch> PartialEq<$Other> for Watched<N, W> {
            #[inline(always)]
            fn eq(&self, $other: &$Other) -> bool {
                let equal = self.number == $value;
                self.watch.or($watch).decide(|| equal.into());
                equal
            }
        }

        impl<N: Number, W: Watch> PartialOrd<$Other> for Watched<N, W> {
            #[inline(always)]
            fn partial_cmp(&self, $other: &$Other) -> Option<Ordering> {
                let ordering = self.number.partial_cmp(&$value);
                self.watch.or($watch).decide(|| ordering.map_or(0, |ordering| 1 + u64::from(ordering.is_ge()) + u64::from(ordering.is_gt())));
                ordering
            }

            $(#[inline(always)]
            fn $name(&self, $other: &$Other) -> bool {
                let decision = self.number.$name(&$value);
                self.watch.or($watch).decide(|| decision.into());
                decision
            })+
        }
    };
}

comparisons! { Self, other => other.number, other.watch; lt, le, gt, ge }
comparisons! { f64, other => *other, W::NONE; lt, le, gt, ge }
