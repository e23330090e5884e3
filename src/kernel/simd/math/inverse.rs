//! Inverse trigonometric and hyperbolic functions.

use super::super::Isa;
use super::format::{Format, polynomial};
use super::logarithm::ln_1p;

/// arctan x for x not negative.
///
/// The angle of the nearest c among 0, ½, 1, 3/2 and ∞, and the arctangent of what is left, (x − c)/(1 + cx).
#[inline(always)]
fn atan_positive<I: Isa, T: Format>(x: T) -> T {
    let (one, half) = (T::one(), T::of(0.5));
    let [at_half, at_one, at_three_halves, at_infinity] = T::ANGLES;
    let (c, angle) = if x < T::of(0.6875) { (half, at_half) } else { (one, at_one) };
    let (c, angle) = if x < T::of(0.4375) { (T::zero(), [T::zero(); 2]) } else { (c, angle) };
    let (c, angle) = if x > T::of(1.1875) { (T::of(1.5), at_three_halves) } else { (c, angle) };
    let (over, under) = (x - c, T::fma::<I>(x, c, one));
    let far = x > T::of(2.4375);
    let (over, under) = if far { (-one, x) } else { (over, under) };
    let angle = if far { at_infinity } else { angle };
    let rest = over / under;
    let square = rest * rest;
    let bend = rest * square * polynomial::<I, T>(square, T::ATAN);
    angle[0] + (rest + (bend + angle[1]))
}

#[inline(always)]
pub(crate) fn atan<I: Isa, T: Format>(x: T) -> T {
    atan_positive::<I, T>(x.abs()).copysign(x)
}

/// The angle of the point (x, y).
#[inline(always)]
pub(crate) fn atan2<I: Isa, T: Format>(y: T, x: T) -> T {
    let (across, along) = (y.abs(), x.abs());
    let steep = across > along;
    let (less, more) = if steep { (along, across) } else { (across, along) };
    // 0/0 and ∞/∞ stand for the angles of (±0, 0) and (±∞, ∞).
    let ratio = less / more;
    let ratio = if more == T::zero() { T::zero() } else { ratio };
    let ratio = if less == T::infinity() { T::one() } else { ratio };
    let angle = atan_positive::<I, T>(ratio);
    let [right, right_rest] = T::ANGLES[3];
    let angle = if steep { right - (angle - right_rest) } else { angle };
    let two = T::of(2.0);
    // −0 is behind, too.
    let angle = if T::one().copysign(x) < T::zero() { two * right - (angle - two * right_rest) } else { angle };
    let angle = angle.copysign(y);
    if x.is_nan() || y.is_nan() { T::nan() } else { angle }
}

/// arcsin |x| up to 0.6; from there on half of what that is short of π/2, the arcsine of √((1 − |x|)/2). Whether it was the
/// first.
#[inline(always)]
fn asin_parts<I: Isa, T: Format>(size: T) -> (T, bool) {
    let half = T::of(0.5);
    let near = size < T::of(0.6);
    let square = if near { size * size } else { (T::one() - size) * half };
    let t = if near { size } else { square.sqrt() };
    (T::fma::<I>(t * square, polynomial::<I, T>(square, T::ASIN), t), near)
}

#[inline(always)]
pub(crate) fn asin<I: Isa, T: Format>(x: T) -> T {
    let (angle, near) = asin_parts::<I, T>(x.abs());
    let [right, right_rest] = T::ANGLES[3];
    (if near { angle } else { right - (T::of(2.0) * angle - right_rest) }).copysign(x)
}

#[inline(always)]
pub(crate) fn acos<I: Isa, T: Format>(x: T) -> T {
    let (angle, near) = asin_parts::<I, T>(x.abs());
    let (two, [right, right_rest]) = (T::of(2.0), T::ANGLES[3]);
    let beside = right - (angle.copysign(x) - right_rest);
    let ahead = two * angle;
    let behind = two * right - (ahead - two * right_rest);
    let far = if x < T::zero() { behind } else { ahead };
    if near { beside } else { far }
}

/// From here on x² + 1 is x², to the last digit of the logarithm.
const LARGE: f64 = 268_435_456.0;

/// The logarithm that both inverse hyperbolic functions are: ln(1 + more), or ln 2x for large x.
#[inline(always)]
fn ln_twice<I: Isa, T: Format>(x: T, more: T) -> T {
    let large = x > T::of(LARGE);
    ln_1p::<I, T>(if large { x - T::one() } else { more }) + if large { T::LN_2() } else { T::zero() }
}

#[inline(always)]
pub(crate) fn asinh<I: Isa, T: Format>(x: T) -> T {
    let size = x.abs();
    let square = size * size;
    let more = size + square / (T::one() + (square + T::one()).sqrt());
    ln_twice::<I, T>(size, more).copysign(x)
}

#[inline(always)]
pub(crate) fn acosh<I: Isa, T: Format>(x: T) -> T {
    let above = x - T::one();
    let log = ln_twice::<I, T>(x, above + T::fma::<I>(above, above, above + above).sqrt());
    if x < T::one() { T::nan() } else { log }
}

#[inline(always)]
pub(crate) fn atanh<I: Isa, T: Format>(x: T) -> T {
    let size = x.abs();
    let twice = size + size;
    let rest = T::one() - size;
    let more = if size < T::of(0.5) { twice + twice * size / rest } else { twice / rest };
    (T::of(0.5) * ln_1p::<I, T>(more)).copysign(x)
}
