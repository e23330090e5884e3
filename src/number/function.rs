//! Scalar formulas of the user's own.

use super::{Dual, Number};

/// A scalar formula of `N` numbers, written once over all numbers: what [`pointwise!`](crate::pointwise) makes of one row.
///
/// Over dual numbers it carries its derivative along; with [`Dual::constant`] it is the plain value, and for that nothing
/// is computed that the value does not need. Its derivatives of any order come from the same text.
///
/// # Examples
///
/// ```
/// use gradus::number::{Dual, Num, Number, ScalarFunction};
///
/// struct Cube;
/// impl ScalarFunction<1> for Cube {
///     const NAME: &'static str = "cube";
///     #[inline(always)]
///     fn formula<N: Number>([x]: [Dual<N>; 1]) -> Dual<N> {
///         x * x * x
///     }
/// }
///
/// let y = Cube::formula([Dual::variable(Num(2.0_f64))]);
/// assert_eq!((y.value.0, y.slope().0), (8.0, 12.0));
/// ```
pub trait ScalarFunction<const N: usize>: 'static {
    /// The name that listings and messages use.
    const NAME: &'static str;

    /// The formula. It must be `#[inline(always)]`, and so must be what it calls: only then is it compiled for the
    /// machine's widest registers. Otherwise it is right, but may be ten times slower.
    fn formula<X: Number>(x: [Dual<X>; N]) -> Dual<X>;
}
