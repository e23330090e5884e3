//! Sine, cosine and tangent.
//!
//! An angle is brought to ±π/4 by subtracting a multiple of π/2, in which π/2 has so many digits that what is left is right
//! to the last. That holds up to [`FARTHEST`]; beyond it, where an angle hardly means anything, `std` has to do.
#![allow(
    clippy::unreadable_literal,
    clippy::excessive_precision,
    clippy::approx_constant,
    reason = "numbers are printed by a program"
)]

use super::super::{Element, Isa};
use super::format::{Format, polynomial};
use crate::real::Real as _;

/// The largest angle, in radians, that these functions are right for.
pub(crate) const FARTHEST: f64 = 1_048_576.0;

/// π/2 in parts of 33 bits, whose products with a multiple are exact, and the rest.
const FRAC_PI_2: [f64; 4] =
    [1.570_796_326_734_125_6, 6.077_100_506_303_966e-11, 2.022_266_248_711_166_5e-21, 8.478_427_660_368_9e-32];
/// π/2 without its first part, rounded.
const FRAC_PI_2_REST: f64 = 6.077_100_506_506_192e-11;

/// (sin x − x)/x³ and (cos x − 1 + x²/2)/x⁴ over x², on ±π/4.
const SIN: [f64; 6] = [
    -0.16666666666666666,
    0.0083333333333313105,
    -0.00019841269837086374,
    2.755731622361486e-06,
    -2.5051151398821025e-08,
    1.5919277501378158e-10,
];
const COS: [f64; 6] = [
    0.041666666666666664,
    -0.0013888888888887061,
    2.4801587298460378e-05,
    -2.7557317158376932e-07,
    2.0876127852426169e-09,
    -1.1381544295657313e-11,
];
/// The same, as many digits as an `f32` has and some more.
const SIN_SHORT: [f64; 4] =
    [-0.16666666663855825, 0.0083333318746482057, -0.00019840086614266676, 2.7249902525924852e-06];
const COS_SHORT: [f64; 4] =
    [0.041666666664321318, -0.0013888887671868113, 2.4800600234175449e-05, -2.7300935248265892e-07];

/// Sine and cosine of the angle that is left, each with what it was rounded by, and the quadrant in the low bits of a sum with `MAGIC`.
struct Turn {
    sin: [f64; 2],
    cos: [f64; 2],
    quadrant: f64,
}

impl Turn {
    /// sin, or cos where the angle is a quarter turn ahead.
    #[inline(always)]
    fn component(&self, ahead: bool) -> [f64; 2] {
        let odd = f64::is_odd(self.quadrant) != ahead;
        let size = [0, 1].map(|k| if odd { self.cos[k] } else { self.sin[k] });
        let k = self.quadrant.to_bits().wrapping_add(u64::from(ahead));
        size.map(|size| f64::from_bits(size.to_bits() ^ ((k & 2) << 62)))
    }
}

/// a − b, and what that was rounded by.
#[inline(always)]
fn difference(a: f64, b: f64) -> (f64, f64) {
    let d = a - b;
    let back = d - a;
    (d, (a - (d - back)) - (b + back))
}

#[inline(always)]
fn turn<I: Isa>(x: f64) -> Turn {
    let quadrant = f64::fma::<I>(x, std::f64::consts::FRAC_2_PI, f64::MAGIC);
    let n = quadrant - f64::MAGIC;
    let first = f64::fma::<I>(-n, FRAC_PI_2[0], x);
    let (second, lost) = difference(first, n * FRAC_PI_2[1]);
    let (third, lost_again) = difference(second, n * FRAC_PI_2[2]);
    let low = f64::fma::<I>(-n, FRAC_PI_2[3], lost + lost_again);
    let r = third + low;
    let rest = (third - r) + low;
    let square = r * r;
    let cube = square * r;
    let series = polynomial::<I, f64>(square, &SIN);
    let bend = f64::fma::<I>(cube, series, f64::fma::<I>(-0.5 * square, rest, rest));
    let half = 0.5 * square;
    let near = 1.0 - half;
    let series = polynomial::<I, f64>(square, &COS);
    let more = ((1.0 - near) - half) + f64::fma::<I>(square * square, series, -r * rest);
    let (sin, cos) = (r + bend, near + more);
    Turn { sin: [sin, (r - sin) + bend], cos: [cos, (near - cos) + more], quadrant }
}

/// For `f32` the angle that is left is one `f64`.
#[inline(always)]
fn turn_short<I: Isa>(x: f32) -> Turn {
    let x = f64::from(x);
    let quadrant = f64::fma::<I>(x, std::f64::consts::FRAC_2_PI, f64::MAGIC);
    let n = quadrant - f64::MAGIC;
    let r = f64::fma::<I>(-n, FRAC_PI_2_REST, f64::fma::<I>(-n, FRAC_PI_2[0], x));
    let square = r * r;
    let sin = f64::fma::<I>(square * r, polynomial::<I, f64>(square, &SIN_SHORT), r);
    let cos = f64::fma::<I>(square, f64::fma::<I>(square, polynomial::<I, f64>(square, &COS_SHORT), -0.5), 1.0);
    Turn { sin: [sin, 0.0], cos: [cos, 0.0], quadrant }
}

/// y, or x itself where that is 0: the multiple that is subtracted would take its sign.
#[inline(always)]
fn keep_zero<T: Format>(x: T, y: T) -> T {
    if x == T::zero() { x } else { y }
}

#[inline(always)]
pub(super) fn sin<I: Isa>(x: f64) -> f64 {
    keep_zero(x, turn::<I>(x).component(false)[0])
}

#[inline(always)]
pub(super) fn cos<I: Isa>(x: f64) -> f64 {
    turn::<I>(x).component(true)[0]
}

#[inline(always)]
pub(super) fn tan<I: Isa>(x: f64) -> f64 {
    let turn = turn::<I>(x);
    let ([sin, sin_rest], [cos, cos_rest]) = (turn.component(false), turn.component(true));
    let tan = sin / cos;
    keep_zero(x, tan + f64::fma::<I>(-tan, cos_rest, sin_rest) / cos)
}

#[inline(always)]
pub(super) fn sin_short<I: Isa>(x: f32) -> f32 {
    keep_zero(x, f32::of(turn_short::<I>(x).component(false)[0]))
}

#[inline(always)]
pub(super) fn cos_short<I: Isa>(x: f32) -> f32 {
    f32::of(turn_short::<I>(x).component(true)[0])
}

#[inline(always)]
pub(super) fn tan_short<I: Isa>(x: f32) -> f32 {
    let turn = turn_short::<I>(x);
    keep_zero(x, f32::of(turn.component(false)[0] / turn.component(true)[0]))
}

#[inline(always)]
pub(super) fn sin_cos<I: Isa>(x: f64) -> (f64, f64) {
    let turn = turn::<I>(x);
    (keep_zero(x, turn.component(false)[0]), turn.component(true)[0])
}

/// For each parity of the quadrant, what makes [`turn_short`] its sine: the coefficients of a polynomial, and a factor and a
/// summand that leave the angle or make it 1.
const SINES: [([f64; 5], [f64; 2]); 2] = [
    ([SIN_SHORT[0], SIN_SHORT[1], SIN_SHORT[2], SIN_SHORT[3], 0.0], [1.0, -0.0]),
    ([-0.5, COS_SHORT[0], COS_SHORT[1], COS_SHORT[2], COS_SHORT[3]], [0.0, 1.0]),
];

/// Of a single number. The same arithmetic as in [`turn_short`], but what the quadrant decides is looked up before it is
/// wanted, so that nothing waits for a selection in the end: a chain of sines is nothing but waiting.
#[inline(always)]
pub(super) fn sin_cos_short<I: Isa>(x: f32) -> (f32, f32) {
    let wide = f64::from(x);
    let quadrant = f64::fma::<I>(wide, std::f64::consts::FRAC_2_PI, f64::MAGIC);
    let n = quadrant - f64::MAGIC;
    let r = f64::fma::<I>(-n, FRAC_PI_2_REST, f64::fma::<I>(-n, FRAC_PI_2[0], wide));
    let square = r * r;
    let [sin, cos] = [0, 1].map(|ahead| {
        let k = quadrant.to_bits().wrapping_add(ahead);
        let (coefficients, [factor, summand]) = &SINES[usize::from(k & 1 == 1)];
        // −0 as a summand and 0 as a coefficient change nothing, 0·r + 1 is 1: the bits are those of the formulas apart.
        let start = f64::fma::<I>(r, *factor, *summand);
        let size = f64::fma::<I>(square * start, polynomial::<I, f64>(square, coefficients), start);
        f32::of(f64::from_bits(size.to_bits() ^ ((k & 2) << 62)))
    });
    (keep_zero(x, sin), cos)
}
