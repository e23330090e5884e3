//! Rounding to whole numbers.

use super::format::Format;

/// The nearest whole number, halves to even, with the sign of x.
#[inline(always)]
pub(crate) fn round<T: Format>(x: T) -> T {
    let (size, unit) = (x.abs(), T::epsilon().recip());
    // Numbers from here on are whole; below, the sum has no room for a fraction.
    let rounded = if size < unit { (size + unit) - unit } else { size };
    rounded.copysign(x)
}

#[inline(always)]
pub(crate) fn floor<T: Format>(x: T) -> T {
    let near = round(x);
    if near > x { near - T::one() } else { near }
}

#[inline(always)]
pub(crate) fn ceil<T: Format>(x: T) -> T {
    let near = round(x);
    (if near < x { near + T::one() } else { near }).copysign(x)
}
