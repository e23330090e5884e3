//! Whole powers.

use crate::grad::Cotangents;
use crate::kernel::block::Block;
use crate::kernel::powers;
use crate::op::{Args, Call, Primitive};
use crate::real::{Real, twin};
use crate::shape::Shape;
use crate::tape::Var;

/// xⁿ for a whole n, which stands in the second input.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Powi;

impl Primitive for Powi {
    const NAMES: &'static [&'static str] = &["powi"];

    fn shape<T: Real>(self, call: &Call<'_, T>) -> Result<Shape, String> {
        Ok(call.shape(0))
    }

    fn eval<T: Real>(self, args: &Args<'_, T>, out: &mut [T]) {
        let kernel = self.block().expect("a pointwise op");
        powers::fill(kernel, args.data(0), args.entry.inputs[1].cast_signed(), out);
    }

    fn block<T: Real>(self) -> Option<Block<T>> {
        Some(twin(&powers::powers::<f32>(), &powers::powers::<f64>()))
    }

    fn vjp<'t, T: Real>(self, ct: &mut Cotangents<'_, 't, T>) {
        let (n, x, y, c) = (ct.argument(1).cast_signed(), ct.x(0), ct.y(), ct.c());
        match n {
            0 => {}
            1 => ct.add(0, || c),
            i32::MIN => ct.add(0, || c.times(y / x * f64::from(n))),
            _ => ct.add(0, || c.times(x.powi(n - 1) * f64::from(n))),
        }
    }

    fn arguments(self, inputs: [u32; 3]) -> String {
        inputs[1].cast_signed().to_string()
    }
}

impl<T: Real> Var<'_, T> {
    /// Whole power xⁿ, by repeated multiplication: exact for small whole numbers, right for negative bases.
    ///
    /// x⁰ is 1 with slope 0 everywhere, also at 0. Cotangent: x̄ = n·xⁿ⁻¹·c.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// assert_eq!(grad(|x| x.powi(3).sum(), &array![-2.0, 0.0]), array![12.0, 0.0]);
    /// ```
    #[inline]
    #[track_caller]
    pub fn powi(self, n: i32) -> Self {
        self.record_with(Powi, [self.id(), n.cast_unsigned(), 0])
    }
    /// Power xᵉ with a plain number as the exponent: [`pow`](Var::pow) under its other name.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// assert_eq!(grad(|x| x.powf(1.5).sum(), &array![4.0]), array![3.0]);
    /// ```
    #[inline]
    #[track_caller]
    pub fn powf(self, exponent: impl crate::Scalar) -> Self {
        self.pow(exponent)
    }
}
