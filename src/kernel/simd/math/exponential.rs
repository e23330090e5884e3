//! eˣ and what is made of it.

use super::super::Isa;
use super::format::{Format, polynomial};

/// x as n ln 2 + r + rest, with |r| ≤ ln 2/2 and n whole; the rest is what r was rounded by.
#[inline(always)]
pub(super) fn reduce<I: Isa, T: Format>(x: T) -> (T, T, T) {
    let n = T::fma::<I>(x, T::LOG2_E(), T::MAGIC) - T::MAGIC;
    let exact = T::fma::<I>(-n, T::LN_2_PARTS[0], x);
    let low = -n * T::LN_2_PARTS[1];
    let r = exact + low;
    (n, r, (exact - r) + low)
}

/// e^(r + rest) − 1 for |r| ≤ ln 2/2 and a rest that only the last digits of r depend on.
#[inline(always)]
pub(super) fn expm1_small<I: Isa, T: Format>(r: T, rest: T) -> T {
    expm1_with::<I, T>(r, rest, T::EXP)
}

/// The same with the polynomial given.
#[inline(always)]
fn expm1_with<I: Isa, T: Format>(r: T, rest: T, coefficients: &[T]) -> T {
    let square = r * r;
    let cubic = polynomial::<I, T>(r, coefficients);
    r + T::fma::<I>(square, T::fma::<I>(r, cubic, T::of(0.5)), rest)
}

/// 2ⁿ for a whole n that is the exponent of a normal number.
#[inline(always)]
fn exp2_int<T: Format>(n: T) -> T {
    T::exp2_int(n + T::MAGIC)
}

/// y · 2ⁿ, rounded once, also where 2ⁿ alone is no normal number.
#[inline(always)]
pub(super) fn scale<I: Isa, T: Format>(y: T, n: T) -> T {
    let half = T::fma::<I>(n, T::of(0.5), T::MAGIC);
    y * T::exp2_int(half) * exp2_int(n - (half - T::MAGIC))
}

/// x between the two, NaN staying NaN.
#[inline(always)]
pub(super) fn clamp<T: Format>(x: T, [low, high]: [T; 2]) -> T {
    let x = if x < low { low } else { x };
    if x > high { high } else { x }
}

/// eˣ for |x| ≤ ln 2/2.
#[inline(always)]
fn exp_small<I: Isa, T: Format>(r: T) -> T {
    let cubic = polynomial::<I, T>(r, T::EXP_SHORT);
    T::one() + T::fma::<I>(r * r, T::fma::<I>(r, cubic, T::of(0.5)), r)
}

#[inline(always)]
pub(crate) fn exp<I: Isa, T: Format>(x: T) -> T {
    let x = clamp(x, T::EXP_RANGE);
    let n = T::fma::<I>(x, T::LOG2_E(), T::MAGIC) - T::MAGIC;
    let r = T::fma::<I>(-n, T::LN_2_PARTS[1], T::fma::<I>(-n, T::LN_2_PARTS[0], x));
    scale::<I, T>(exp_small::<I, T>(r), n)
}

/// eˣ for x ≤ 0 that is known to half a unit in its last place, as a difference is, so that the result may be off as far
/// as that moves it.
///
/// It is computed larger by a power of 2 and brought down once, which is all that subnormal numbers need.
#[inline(always)]
pub(crate) fn exp_of_difference<I: Isa, T: Format>(x: T) -> T {
    let x = if x < T::EXP_RANGE[0] { T::EXP_RANGE[0] } else { x };
    let raised = T::MAGIC + T::LIFT;
    let magic = T::fma::<I>(x, T::LOG2_E(), raised);
    let r = T::fma::<I>(raised - magic, T::LN_2(), x);
    exp_small::<I, T>(r).times_exp2_int(magic) * T::LOWER
}

#[inline(always)]
pub(crate) fn exp2<I: Isa, T: Format>(x: T) -> T {
    let x = clamp(x, T::EXP2_RANGE);
    let n = (x + T::MAGIC) - T::MAGIC;
    let fraction = x - n;
    let r = fraction * T::LN_2();
    let rest = T::fma::<I>(fraction, T::LN_2_PARTS[1], T::fma::<I>(fraction, T::LN_2_PARTS[0], -r));
    scale::<I, T>(T::one() + expm1_small::<I, T>(r, rest), n)
}

/// 2ⁿ(1 + y) − 1 for a whole n and an eˣ that is 2ⁿ(1 + y).
#[inline(always)]
fn expm1_of<I: Isa, T: Format>(y: T, n: T) -> T {
    // The largest results need 2¹⁰²⁴, which is no number: a factor of 2 is left for the end.
    let over = n > T::MAX_EXPONENT;
    let power = exp2_int(if over { T::MAX_EXPONENT } else { n });
    T::fma::<I>(power, y, power - T::one()) * if over { T::of(2.0) } else { T::one() }
}

#[inline(always)]
pub(crate) fn expm1<I: Isa, T: Format>(x: T) -> T {
    let (n, r, rest) = reduce::<I, T>(clamp(x, [-T::NEGLIGIBLE, T::EXP_RANGE[1]]));
    expm1_of::<I, T>(expm1_small::<I, T>(r, rest), n).copysign(x)
}

/// With m = e^2|x| − 1 and the sign of x: |x| + (m − 2|x| − m|x|)/(m + 2) up to 0.55, where the quotient is small and its
/// errors more so; from there on 1 − 2/(m + 2).
#[inline(always)]
pub(crate) fn tanh<I: Isa, T: Format>(x: T) -> T {
    let size = x.abs();
    let twice = if size > T::NEGLIGIBLE { T::NEGLIGIBLE } else { size } * T::of(2.0);
    let (n, r, rest) = reduce::<I, T>(twice);
    let power = exp2_int(n);
    let less = T::fma::<I>(power, expm1_with::<I, T>(r, rest, T::EXP_SHORT), power - T::one());
    let is_near = size <= T::of(0.55);
    let near = T::fma::<I>(-less, size, less - twice);
    let (base, rise) = (if is_near { size } else { T::one() }, if is_near { near } else { T::of(-2.0) });
    (base + rise / (less + T::of(2.0))).copysign(x)
}

#[inline(always)]
pub(crate) fn sinh<I: Isa, T: Format>(x: T) -> T {
    let (y, n) = exp_parts::<I, T>(x.abs());
    let less = expm1_of::<I, T>(y, n);
    let quotient = less / (less + T::one());
    // For small x both terms of the mean are nearly x: their difference is what has to be computed.
    let nearest = less - T::of(0.5) * less * quotient;
    let near = if n == T::zero() { nearest } else { T::of(0.5) * (less + quotient) };
    let far = scale::<I, T>(T::one() + y, n - T::one());
    (if n < T::of(40.0) { near } else { far }).copysign(x)
}

#[inline(always)]
pub(crate) fn cosh<I: Isa, T: Format>(x: T) -> T {
    let (y, n) = exp_parts::<I, T>(x.abs());
    let half = scale::<I, T>(T::one() + y, n - T::one());
    half + T::of(0.25) / half
}

/// y and n with eˣ = 2ⁿ(1 + y), for positive x up to where half of eˣ is ∞.
#[inline(always)]
fn exp_parts<I: Isa, T: Format>(x: T) -> (T, T) {
    let end = T::EXP_RANGE[1] + T::one();
    let (n, r, rest) = reduce::<I, T>(if x > end { end } else { x });
    (expm1_small::<I, T>(r, rest), n)
}

/// 1/(1 + e⁻ˣ), from the side that cannot overflow.
///
/// With e⁻ˣ = 2ⁿ(1 + y) that is 1/((1 + 2ⁿ) + 2ⁿy), or 2⁻ⁿ/((1 + 2⁻ⁿ) + y): denominators that are rounded once.
#[inline(always)]
pub(crate) fn sigmoid<I: Isa, T: Format>(x: T) -> T {
    let (n, r, rest) = reduce::<I, T>(-clamp(x, [T::EXP_RANGE[0], -T::EXP_RANGE[0]]));
    let y = expm1_with::<I, T>(r, rest, T::EXP_SHORT);
    let up = n > T::zero();
    let down = if up { -n } else { n };
    let power = exp2_int(if down < T::of(-100.0) { T::of(-100.0) } else { down });
    let factor = if up { T::one() } else { power };
    // 1 + 2⁻ⁿ is exact unless 2⁻ⁿ is tiny; then it is added to y first, where its digits count.
    let denominator = if down > T::of(-20.0) {
        T::fma::<I>(factor, y, T::one() + power)
    } else {
        T::one() + T::fma::<I>(factor, y, power)
    };
    scale::<I, T>(T::one() / denominator, if up { down } else { T::zero() })
}
