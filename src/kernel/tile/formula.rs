//! The cheap ops over vectors, each lane with the bits of the scalar op.

use crate::kernel::simd::Lanes;
use crate::real::Real;

/// Functions that are inlined wherever they are called: only then are they compiled for the right instruction set.
macro_rules! formulas {
    ($($(#[$doc:meta])* $name:ident($($x:ident),+) = $value:expr;)+) => {$(
        $(#[$doc])*
        #[inline(always)]
        pub(super) fn $name<T: Real, V: Lanes<T>>($($x: V),+) -> V {
            $value
        }
    )+};
}

formulas! {
    copy(x) = x;
    neg(x) = -x;
    abs(x) = x.abs();
    sign(x) = V::select(x.gt(V::zero()), one(), V::select(x.lt(V::zero()), -one::<T, V>(), x));
    square(x) = x * x;
    sqrt(x) = x.sqrt();
    rsqrt(x) = one::<T, V>() / x.sqrt();
    recip(x) = one::<T, V>() / x;
    relu(x) = V::select(x.le(V::zero()), V::zero(), x);
    floor(x) = x.floor();
    ceil(x) = x.ceil();
    round(x) = x.round();
    add(x, y) = x + y;
    sub(x, y) = x - y;
    mul(x, y) = x * y;
    div(x, y) = x / y;
    /// `Lanes::max` gives its second operand for equals and for NaN; only a NaN in `y` must be seen to.
    maximum(x, y) = V::select(y.eq(y), y.max(x), y);
    /// See [`maximum`].
    minimum(x, y) = V::select(y.eq(y), y.min(x), y);
    weigh(x, y) = V::select(x.eq(V::zero()), x, x * y);
    eq(x, y) = truth::<T, V>(x.eq(y));
    ne(x, y) = V::select(x.eq(y), V::zero(), one());
    lt(x, y) = truth::<T, V>(x.lt(y));
    le(x, y) = truth::<T, V>(x.le(y));
    gt(x, y) = truth::<T, V>(x.gt(y));
    ge(x, y) = truth::<T, V>(x.ge(y));
    /// `chosen` where x is greater than what stands in otherwise.
    choose_greater(x, chosen, otherwise) = V::select(x.gt(otherwise), chosen, otherwise);
    choose(condition, chosen, otherwise) = V::select(condition.eq(V::zero()), otherwise, chosen);
}

#[inline(always)]
fn one<T: Real, V: Lanes<T>>() -> V {
    V::splat(T::one())
}

#[inline(always)]
fn truth<T: Real, V: Lanes<T>>(mask: V::Mask) -> V {
    V::select(mask, one(), V::zero())
}
