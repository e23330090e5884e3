//! Powers and the hypotenuse.
#![allow(clippy::unreadable_literal, clippy::excessive_precision, reason = "coefficients are printed by a program")]

use super::super::{Element, Isa};
use super::exponential::{clamp, expm1_small, scale};
use super::format::{Format, polynomial};
use super::rounding::round;
use crate::real::Real as _;

/// A number as the sum of two, the second being what the first was rounded by.
#[derive(Clone, Copy)]
struct Double {
    high: f64,
    low: f64,
}

impl Double {
    /// a + b, where a is the larger one or 0.
    #[inline(always)]
    fn sum(a: f64, b: f64) -> Self {
        let high = a + b;
        Self { high, low: (a - high) + b }
    }

    #[inline(always)]
    fn product<I: Isa>(a: f64, b: f64) -> Self {
        let high = a * b;
        if I::FMA {
            return Self { high, low: a.mul_add(b, -high) };
        }
        let (a_head, b_head) = (a.head(), b.head());
        let (a_rest, b_rest) = (a - a_head, b - b_head);
        Self { high, low: ((a_head * b_head - high) + a_head * b_rest + a_rest * b_head) + a_rest * b_rest }
    }

    #[inline(always)]
    fn times<I: Isa>(self, other: Self) -> Self {
        let Self { high, low } = Self::product::<I>(self.high, other.high);
        Self { high, low: low + (self.high * other.low + self.low * other.high) }
    }
}

const TWO_THIRDS: Double = Double { high: 0.666_666_666_666_666_6, low: 3.700_743_415_417_188e-17 };
/// (2 artanh s − 2s − ⅔s³)/s⁵ over s², for (1 + s)/(1 − s) from √½ to √2.
const LN_REST: [f64; 8] = [
    0.4,
    0.28571428571426322,
    0.22222222222772112,
    0.18181818154916737,
    0.15384609943569089,
    0.13334138664267392,
    0.11721316725382794,
    0.11586590356294264,
];

/// (2 artanh s − 2s)/s³ over s², and (eˣ − 1 − x − x²/2)/x³, with as many digits as an `f32` has and some more.
const LN_SHORT: [f64; 4] = [0.6666666655378406, 0.40000122277366806, 0.28550781106836376, 0.23331367481830703];
const EXP_SHORT: [f64; 5] =
    [0.16666666681627315, 0.041666554594762241, 0.0083333109227610065, 0.0013926186078645629, 0.00019890993088792768];

/// ln x with some twelve digits more than an `f64` has, for x positive and finite.
#[inline(always)]
fn ln_double<I: Isa>(x: f64) -> Double {
    let subnormal = x < f64::MIN_POSITIVE;
    let (m, n) = (if subnormal { x / f64::EPSILON } else { x }).split();
    let n = if subnormal { n - 52.0 } else { n };
    let f = m - 1.0;
    let d = Double::sum(2.0, f);
    let w = 1.0 / d.high;
    let s = f * w;
    let back = Double::product::<I>(s, d.high);
    let s = Double { high: s, low: w * (((f - back.high) - back.low) - s * d.low) };
    let square = s.times::<I>(s);
    let rest = square.high * polynomial::<I, f64>(square.high, &LN_REST);
    let series = Double::sum(TWO_THIRDS.high, rest);
    let cubic = square.times::<I>(Double { low: series.low + TWO_THIRDS.low, ..series });
    let factor = Double::sum(2.0, cubic.high);
    let log = s.times::<I>(Double { low: factor.low + cubic.low, ..factor });
    let whole = Double::sum(n * f64::LN_2_PARTS[0], log.high);
    Double::sum(whole.high, whole.low + (log.low + n * f64::LN_2_PARTS[1]))
}

/// xʸ for positive x, 0 and ∞ included.
#[inline(always)]
fn positive_power<I: Isa>(x: f64, y: f64) -> f64 {
    // Larger exponents make 0 or ∞ of every base but 1, too, and their products do not overflow.
    let y = clamp(y, [-1e20, 1e20]);
    let log = ln_double::<I>(x);
    let Double { high, low } = Double::product::<I>(y, log.high);
    let low = f64::fma::<I>(y, log.low, low);
    let bounded = clamp(high, f64::EXP_RANGE);
    let low = if bounded == high { low } else { 0.0 };
    let n = f64::fma::<I>(bounded, std::f64::consts::LOG2_E, f64::MAGIC) - f64::MAGIC;
    let exact = f64::fma::<I>(-n, f64::LN_2_PARTS[0], bounded);
    let low = f64::fma::<I>(-n, f64::LN_2_PARTS[1], low);
    let r = exact + low;
    let power = scale::<I, f64>(1.0 + expm1_small::<I, f64>(r, (exact - r) + low), n);
    let end = if y > 0.0 { x } else { 1.0 / x };
    if x == 0.0 || x == f64::INFINITY { end } else { power }
}

/// The power of any base, given that of its size.
#[inline(always)]
fn signed_power<T: Format>(x: T, y: T, power: T) -> T {
    let half = y * T::of(0.5);
    let whole = round(y) == y;
    let odd = whole && round(half) != half;
    let power = if odd { power.copysign(x) } else { power };
    let power = if x < T::zero() && !whole && x != T::neg_infinity() { T::nan() } else { power };
    // NaN has these two powers only.
    let power = if x.is_nan() || y.is_nan() { T::nan() } else { power };
    let endless = y.abs() == T::infinity() && x == -T::one();
    if y == T::zero() || x == T::one() || endless { T::one() } else { power }
}

#[inline(always)]
pub(super) fn pow<I: Isa>(x: f64, y: f64) -> f64 {
    signed_power(x, y, positive_power::<I>(x.abs(), y))
}

/// For `f32` an `f64` has digits enough, and exponents: no number is subnormal on the way.
#[inline(always)]
pub(super) fn pow_short<I: Isa>(x: f32, y: f32) -> f32 {
    let size = f64::from(x.abs());
    let (m, n) = size.split();
    let s = (m - 1.0) / (m + 1.0);
    let square = s * s;
    let log = f64::fma::<I>(s * square, polynomial::<I, f64>(square, &LN_SHORT), s + s);
    let log = f64::fma::<I>(n, std::f64::consts::LN_2, log);
    let log = if size == f64::INFINITY { size } else { log };
    let log = if size == 0.0 { f64::NEG_INFINITY } else { log };
    // The least and the largest `f32` are far within.
    let log = clamp(f64::from(y) * log, [-200.0, 200.0]);
    let n = f64::fma::<I>(log, std::f64::consts::LOG2_E, f64::MAGIC) - f64::MAGIC;
    let r = f64::fma::<I>(-n, std::f64::consts::LN_2, log);
    let cubic = polynomial::<I, f64>(r, &EXP_SHORT);
    let power = 1.0 + f64::fma::<I>(r * r, f64::fma::<I>(r, cubic, 0.5), r);
    signed_power(x, y, f32::of(power * f64::exp2_int(n + f64::MAGIC)))
}

/// √(x² + y²), scaled by a power of 2 where squares would overflow or vanish.
#[inline(always)]
pub(super) fn hypot<I: Isa>(x: f64, y: f64) -> f64 {
    /// 2⁻⁶⁰⁰ and 2⁶⁰⁰.
    const DOWN: f64 = f64::from_bits(423 << 52);
    const UP: f64 = f64::from_bits(1623 << 52);
    let (x, y) = (x.abs(), y.abs());
    let larger = if x > y { x } else { y };
    let (to, from) = if larger > 1e150 {
        (DOWN, UP)
    } else if larger < 1e-140 {
        (UP, DOWN)
    } else {
        (1.0, 1.0)
    };
    let (a, b) = (x * to, y * to);
    let length = f64::fma::<I>(a, a, b * b).sqrt() * from;
    if x == f64::INFINITY || y == f64::INFINITY { f64::INFINITY } else { length }
}

#[inline(always)]
pub(super) fn hypot_short<I: Isa>(x: f32, y: f32) -> f32 {
    let (a, b) = (f64::from(x), f64::from(y));
    let length = f64::fma::<I>(a, a, b * b).sqrt();
    if x.abs() == f32::INFINITY || y.abs() == f32::INFINITY { f32::INFINITY } else { f32::of(length) }
}
