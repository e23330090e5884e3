//! Pointwise ops: one row each.
//!
//! A row holds an op's documentation, its value as a scalar formula, its pullback — what each operand receives, given
//! the result and the cotangent — and where a gradient check should look. The row yields the entry in the registry, the
//! method on [`Var`](crate::Var), the free function and the line in [`Pointwise::all`].

use std::ops::Range;

use super::{Args, Call};
use crate::kernel::block::Block;
use crate::kernel::map;
use crate::number::{Dual, Num, Number};
use crate::real::Real;
use crate::shape::Shape;
use crate::tape::Var;

mod activation;
mod arithmetic;
mod comparison;
mod elementary;
mod incoming;
mod powi;
mod scalar;
mod selection;
#[cfg(test)]
mod tests;
mod trigonometric;

pub(crate) use activation::Activation;
pub(crate) use arithmetic::Arithmetic;
pub(crate) use comparison::Comparison;
pub(crate) use elementary::Elementary;
pub(super) use incoming::Incoming;
pub(crate) use powi::Powi;
pub(crate) use selection::Selection;
pub(crate) use trigonometric::Trigonometric;

/// A number with derivatives along two directions and their mixed second derivative.
pub type SecondOrder = Dual<Dual<Num<f64>>>;

/// What the table knows of one pointwise op: enough to test it without knowing which one it is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Pointwise {
    /// The name, as listings print it.
    pub name: &'static str,
    /// For each operand, an interval in which the function is smooth but for its kinks.
    pub domain: Vec<Range<f64>>,
    /// Values of the first operand at which the slope jumps.
    pub kinks: Vec<f64>,
    /// Records the op.
    pub record: for<'t> fn(&[Var<'t, f64>]) -> Var<'t, f64>,
    /// Computes the op's formula on dual numbers: an independent way to its first and second derivatives.
    pub dual: fn(&[SecondOrder]) -> SecondOrder,
}

impl Pointwise {
    /// Every pointwise op that is a row of a table.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::op::Pointwise;
    ///
    /// let tanh = Pointwise::all().into_iter().find(|op| op.name == "tanh").unwrap();
    /// assert!(tanh.kinks.is_empty() && tanh.domain.len() == 1);
    /// ```
    #[must_use]
    pub fn all() -> Vec<Self> {
        let families = [
            arithmetic::rows(),
            elementary::rows(),
            trigonometric::rows(),
            activation::rows(),
            comparison::rows(),
            selection::rows(),
        ];
        families.concat()
    }
}

/// The pointwise ops as functions, to pass where a method path can't go: `.map(functions::tanh)`.
pub mod functions {
    pub use super::activation::functions::*;
    pub use super::arithmetic::functions::*;
    pub use super::comparison::functions::*;
    pub use super::elementary::functions::*;
    pub use super::selection::functions::*;
    pub use super::trigonometric::functions::*;
}

/// A family of pointwise ops, one row each:
///
/// ```text
/// /// documentation
/// pub Variant: method(x, more, …) = value, |y, c| [pullback of x, pullback of more, …], on [domain of x, …], kinks [at, …];
/// ```
///
/// The value is written over numbers (see [`crate::number`]), the pullbacks over `Var`s: `y` is the result, `c` its
/// cotangent (an [`Incoming`], which stands on the left of its products), `()` stands for no derivative. A row ends with
/// `angle` where x is one: the functions of angles have a slow way for large ones.
macro_rules! pointwise {
    ($(#[$family_doc:meta])* $Family:ident { $(
        $(#[$doc:meta])*
        $vis:vis $Variant:ident: $method:ident($x:ident $(, $more:ident)*) = $value:expr,
            |$y:ident, $c:ident| [$($pullback:expr),*], on [$($domain:expr),+], kinks [$($kink:expr),*] $(, $angle:ident)?;
    )+ }) => {
        $(#[$family_doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub(crate) enum $Family { $($Variant),+ }

        impl crate::op::Primitive for $Family {
            const NAMES: &'static [&'static str] = &[$(stringify!($method)),+];

            fn name(self) -> &'static str { Self::NAMES[self as usize] }

            #[inline]
            fn arity(self) -> usize {
                match self { $($Family::$Variant => [stringify!($x) $(, stringify!($more))*].len()),+ }
            }

            fn shape<T: crate::Real>(self, call: &crate::op::Call<'_, T>) -> Result<crate::Shape, String> {
                super::broadcast(call)
            }

            fn eval<T: crate::Real>(self, args: &crate::op::Args<'_, T>, out: &mut [T]) {
                super::compute(self.arity(), args, out, self.block().expect("a pointwise op"));
            }

            fn block<T: crate::Real>(self) -> Option<crate::kernel::block::Block<T>> {
                Some(crate::real::twin(&self.kernel::<f32>(), &self.kernel::<f64>()))
            }

            #[allow(unused_variables, reason = "a pullback need not look at everything")]
            fn vjp<'t, T: crate::Real>(self, ct: &mut crate::grad::Cotangents<'_, 't, T>) {
                match self { $($Family::$Variant => {
                    const N: usize = [stringify!($x) $(, stringify!($more))*].len();
                    ct.add_each::<N>(super::pullbacks!([$x $(, $more)*] $y $c [$($pullback),*]));
                })+ }
            }
        }

        impl $Family {
            #[cfg(test)]
            pub(super) const ALL: &[Self] = &[$(Self::$Variant),+];

            fn kernel<T: crate::kernel::simd::math::Functions>(self) -> crate::kernel::block::Block<T> {
                match self { $($Family::$Variant => {
                    crate::kernel::formula::formula!(Row, angle !stringify!($($angle)?).is_empty(), |$x $(, $more)*| $value);
                    crate::kernel::formula::block::<{ [stringify!($x) $(, stringify!($more))*].len() }, T, Row>()
                })+ }
            }
        }

        impl<'t, T: crate::Real> crate::Var<'t, T> { $(
            $(#[$doc])*
            ///
            /// # Cotangents
            ///
            /// One for each operand, `y` being the result and `c` its cotangent:
            #[doc = concat!("`", stringify!($($pullback),*), "`.")]
            #[inline]
            #[track_caller]
            $vis fn $method(self $(, $more: impl crate::op::Operand<'t, T>)*) -> Self {
                self.record($Family::$Variant, [self $(, $more.var(self))*])
            }
        )+ }

        #[allow(dead_code, reason = "operators need no function")]
        pub(super) mod functions { $(
            #[doc = concat!("[`Var::", stringify!($method), "`](crate::Var::", stringify!($method), ") as a function.")]
            #[inline]
            #[track_caller]
            $vis fn $method<'t, T: crate::Real>($x: crate::Var<'t, T> $(, $more: crate::Var<'t, T>)*) -> crate::Var<'t, T> {
                $x.$method($($more),*)
            }
        )+ }

        /// Shows the formula of each row to a test.
        #[cfg(test)]
        pub(super) fn visit(visitor: &mut impl super::tests::Visitor) {
            $({
                crate::kernel::formula::formula!(Row, angle !stringify!($($angle)?).is_empty(), |$x $(, $more)*| $value);
                visitor.row::<{ [stringify!($x) $(, stringify!($more))*].len() }, Row>(stringify!($method), $Family::$Variant.into());
            })+
        }

        pub(super) fn rows() -> Vec<super::Pointwise> {
            vec![$(super::Pointwise {
                name: stringify!($method),
                domain: vec![$($domain),+],
                kinks: vec![$($kink),*],
                record: |vars| { let [$x $(, $more)*] = *vars else { panic!("{} operands", vars.len()) }; $x.$method($($more),*) },
                dual: |numbers| { let [$x $(, $more)*] = *numbers else { panic!("{} operands", numbers.len()) }; $value },
            }),+]
        }
    };
}
use pointwise;

/// Pullbacks as functions of operands, result and cotangent.
macro_rules! pullbacks {
    ($xs:tt $y:ident $c:ident [$($pullback:expr),*]) => {
        &[$(|$xs, $y, c| { let $c = super::Incoming(c); $pullback.into() }),*]
    };
}
use pullbacks;

/// 1 where the condition holds, 0 elsewhere.
#[inline]
fn mask<N: Number>(condition: bool) -> N {
    N::of(f64::from(u8::from(condition)))
}

/// The shape that all operands broadcast to.
pub(super) fn broadcast<T: Real>(call: &Call<'_, T>) -> Result<Shape, String> {
    let mut shapes = call.shapes();
    let first = shapes.next().unwrap_or(Shape::scalar());
    shapes.try_fold(first, |all, shape| {
        all.broadcast(&shape).ok_or_else(|| {
            let list: Vec<_> = call.shapes().map(|s| s.to_string()).collect();
            format!("{}: the shapes do not broadcast\n  help: lengths are matched from the last axis on and must be equal or 1", list.join(" and "))
        })
    })
}

/// Computes an op of so many operands, broadcast to the result.
pub(super) fn compute<T: Real>(arity: usize, args: &Args<'_, T>, out: &mut [T], block: Block<T>) {
    let operand = |k: usize| map::Operand { data: args.data(k), shape: *args.shape(k) };
    // What stands for an operand that is not there is not looked at.
    let operands = [operand(0), operand(1.min(arity - 1)), operand(2.min(arity - 1))];
    map::map(args.out_shape(), &operands[..arity], out, block);
}
