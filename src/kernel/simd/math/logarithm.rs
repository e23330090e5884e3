//! Logarithms.
//!
//! With x = m · 2ⁿ, f = m − 1 and s = f/(2 + f), ln m is 2 artanh s, which is written f − f²/2 + s(f²/2 + R) so that its
//! leading term is exact.

use super::super::Isa;
use super::exponential::exp;
use super::format::{Format, polynomial};

/// f, f²/2, s(f²/2 + R) and n for a positive number.
#[inline(always)]
fn parts<I: Isa, T: Format>(x: T) -> (T, T, T, T) {
    let (m, n) = x.split();
    let f = m - T::one();
    let s = f / (f + T::of(2.0));
    let square = s * s;
    let half = T::of(0.5) * f * f;
    (f, half, s * T::fma::<I>(square, polynomial::<I, T>(square, T::LN), half), n)
}

/// The same where x may be subnormal.
#[inline(always)]
fn parts_of_any<I: Isa, T: Format>(x: T) -> (T, T, T, T) {
    let subnormal = x < T::min_positive_value();
    let up = T::epsilon().recip();
    let (f, half, tail, n) = parts::<I, T>(if subnormal { x * up } else { x });
    (f, half, tail, n - if subnormal { up.log2() } else { T::zero() })
}

/// The logarithm of x, given what the formula gives: −∞ at 0, NaN below, ∞ at ∞.
#[inline(always)]
fn at_edges<T: Format>(x: T, log: T) -> T {
    let log = if x == T::infinity() { x } else { log };
    let log = if x == T::zero() { T::neg_infinity() } else { log };
    if x >= T::zero() { log } else { T::nan() }
}

#[inline(always)]
pub(crate) fn ln<I: Isa, T: Format>(x: T) -> T {
    let (f, half, tail, n) = parts_of_any::<I, T>(x);
    let low = half - T::fma::<I>(n, T::LN_2_PARTS[1], tail);
    at_edges(x, T::fma::<I>(n, T::LN_2_PARTS[0], f - low))
}

/// The logarithm in another base: `per` is that of e in two parts, `octave` that of 2.
#[inline(always)]
fn log<I: Isa, T: Format>(x: T, per: [T; 2], octave: [T; 2]) -> T {
    let (f, half, tail, n) = parts_of_any::<I, T>(x);
    let high = (f - half).head();
    let low = ((f - high) - half) + tail;
    let (whole, fraction) = (n * octave[0], high * per[0]);
    let sum = whole + fraction;
    let rest = T::fma::<I>(low + high, per[1], T::fma::<I>(low, per[0], n * octave[1])) + ((whole - sum) + fraction);
    at_edges(x, sum + rest)
}

#[inline(always)]
pub(crate) fn log2<I: Isa, T: Format>(x: T) -> T {
    log::<I, T>(x, T::LOG2_E_PARTS, [T::one(), T::zero()])
}

#[inline(always)]
pub(crate) fn log10<I: Isa, T: Format>(x: T) -> T {
    log::<I, T>(x, T::LOG10_E_PARTS, T::LOG10_2_PARTS)
}

/// ln u and what u = 1 + x was rounded by, over u.
#[inline(always)]
pub(crate) fn ln_1p<I: Isa, T: Format>(x: T) -> T {
    let u = x + T::one();
    let back = u - x;
    let rounded = (x - (u - back)) + (T::one() - back);
    let (f, half, tail, n) = parts::<I, T>(u);
    let low = half - T::fma::<I>(n, T::LN_2_PARTS[1], tail + rounded / u);
    let log = T::fma::<I>(n, T::LN_2_PARTS[0], f - low).copysign(x);
    at_edges(u, log)
}

/// ln(1 + eˣ), as max(x, 0) + ln(1 + e^−|x|).
#[inline(always)]
pub(crate) fn softplus<I: Isa, T: Format>(x: T) -> T {
    let tail = ln_1p::<I, T>(exp::<I, T>(-x.abs()));
    if x <= T::zero() { tail } else { x + tail }
}
