//! The error function.

use super::super::Isa;
use super::exponential::{expm1_small, scale};
use super::format::{Format, polynomial};

/// Up to here erf is a power series, from here on erfc is taken.
const EDGE: f64 = 0.75;

/// erf x − x for |x| up to the edge.
#[inline(always)]
fn beyond_x<I: Isa, T: Format>(x: T) -> T {
    x * polynomial::<I, T>(x * x, T::ERF)
}

/// 1 − w·d, the rounding error of w = 1/d.
#[inline(always)]
fn residual<I: Isa, T: Format>(w: T, d: T) -> T {
    if I::FMA {
        return T::fma::<I>(-w, d, T::one());
    }
    let (high, broad) = (w.head(), d.head());
    ((T::one() - high * broad) - high * (d - broad)) - (w - high) * d
}

/// erfc x for x from the edge on: w e^(g − x²), where w = 1/(x + 2) and g is smooth and small.
#[inline(always)]
fn tail<I: Isa, T: Format>(x: T) -> T {
    let (one, two) = (T::one(), T::of(2.0));
    let x = if x > T::ERFC_END { T::ERFC_END } else { x };
    let d = x + two;
    let back = d - x;
    let lost = (x - (d - back)) + (two - back);
    let w = one / d;
    // By how much w is off, relative to itself: e^(…) and the polynomial make up for it.
    let off = T::fma::<I>(-w, lost, residual::<I, T>(w, d));
    let v = T::fma::<I>(w, off, w - T::of(0.2));
    let bend = polynomial::<I, T>(v, &T::ERFC[1..]);
    let g = T::fma::<I>(v, bend, T::ERFC[0]);
    let head = x.head();
    let square = head * head;
    let n = T::fma::<I>(g - square, T::LOG2_E(), T::MAGIC) - T::MAGIC;
    let exact = T::fma::<I>(-n, T::LN_2_PARTS[0], -square);
    let small = T::fma::<I>(head - x, head + x, T::fma::<I>(-n, T::LN_2_PARTS[1], off));
    let most = T::fma::<I>(v, bend, small);
    let low = most + T::ERFC[0];
    let lost = (most - low) + T::ERFC[0];
    let r = exact + low;
    let y = expm1_small::<I, T>(r, ((exact - r) + low) + lost);
    scale::<I, T>(T::fma::<I>(w, y, w), n)
}

#[inline(always)]
pub(crate) fn erf<I: Isa, T: Format>(x: T) -> T {
    let size = x.abs();
    if size <= T::of(EDGE) { x + beyond_x::<I, T>(x) } else { (T::one() - tail::<I, T>(size)).copysign(x) }
}

#[inline(always)]
pub(crate) fn erfc<I: Isa, T: Format>(x: T) -> T {
    let (half, quarter, size) = (T::of(0.5), T::of(0.25), x.abs());
    let more = beyond_x::<I, T>(x);
    // From ¼ on the result is below ¾, and 1 − x would lose a digit.
    let near = if x < quarter { T::one() - (x + more) } else { half - ((x - half) + more) };
    let tail = tail::<I, T>(size);
    let far = if x < T::zero() { T::of(2.0) - tail } else { tail };
    if size <= T::of(EDGE) { near } else { far }
}
