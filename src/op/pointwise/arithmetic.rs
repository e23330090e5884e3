//! Arithmetic of two operands.

use super::pointwise;
use crate::number::Number as _;

pointwise! {
    /// Arithmetic of two operands, which broadcast.
    Arithmetic {
        /// x + y, as the operator `+`.
        Add: add(a, b) = a + b, |y, c| [c, c], on [-3.0..3.0, -3.0..3.0], kinks [];

        /// x − y, as the operator `-`.
        Sub: sub(a, b) = a - b, |y, c| [c, -c], on [-3.0..3.0, -3.0..3.0], kinks [];

        /// x · y, as the operator `*`.
        Mul: mul(a, b) = a * b, |y, c| [c * b, c * a], on [-3.0..3.0, -3.0..3.0], kinks [];

        /// x · y for a cotangent x and a slope y: exactly 0 where the cotangent is 0, also if the slope is NaN or ∞ there.
        ///
        /// The product by which cotangents go on behind an op that chooses: what was not chosen contributes nothing. Any
        /// other cotangent meets its slope as IEEE says: ∞ times a slope of 0 is NaN. A [`CustomOp`](crate::CustomOp) that
        /// may stand behind a choice multiplies its cotangent so, too.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// let y = value(|c| c.weigh(c.constant(&array![f64::NAN, 3.0])).sum(), &array![0.0, 2.0]);
        /// assert_eq!(y, 6.0);
        /// ```
        pub Weigh: weigh(a, b) = if a == 0.0 { a } else { a * b },
            |y, c| [c * b, c.meet(a)], on [0.5..3.0, 0.5..3.0], kinks [];

        /// x · y for two cotangents, as a derivative of [`weigh`](crate::Var::weigh) for the slope has them: exactly 0
        /// where either is 0, whatever the other one is.
        pub(crate) Meet: meet(a, b) = if a == 0.0 { a } else if b == 0.0 { b } else { a * b },
            |y, c| [c.meet(b), c.meet(a)], on [0.5..3.0, 0.5..3.0], kinks [];

        /// x / y for a cotangent x: exactly 0 where the cotangent is 0, whatever y is.
        pub(crate) Over: over(a, b) = if a == 0.0 { a } else { a / b },
            |y, c| [c / b, -c.meet(y).over(b)], on [-3.0..3.0, 0.5..3.0], kinks [];

        /// x / y, as the operator `/`.
        Div: div(a, b) = a / b, |y, c| [c / b, -(c * y / b)], on [-3.0..3.0, 0.5..3.0], kinks [];

        /// Power xᵉ with an exponent that may be a tensor, too.
        ///
        /// Operands broadcast. Negative bases give NaN unless the exponent is a whole number. For a fixed whole exponent
        /// [`powi`](crate::Var::powi) is exact and quicker.
        ///
        /// # Kinks and limits
        ///
        /// The derivative for the base is 0 where the exponent is 0, also at x = 0, where it is constant in the exponent, too.
        /// The derivative for the exponent is 0 where the base is 0 and the exponent is not negative; it is NaN for negative
        /// bases.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(grad(|x| x.pow(3.0).sum(), &array![2.0, -1.0]), array![12.0, 3.0]);
        /// assert_eq!(grad(|e| e.constant(&array![1.0]).pow(e).sum(), &array![5.0]), array![0.0]);
        /// ```
        pub Pow: pow(x, exponent) = x.pow(exponent),
            |y, c| [
                {
                    // What `select` drops must be finite, or its own derivative is NaN: operands are made safe first.
                    let zero = exponent.eq(0.0);
                    let usual = c * (exponent * x.pow(zero.select(1.0, exponent) - 1.0));
                    // The same function as a quotient, which is 0 for the smallest bases, too, and whose derivatives are right.
                    let beside = zero * x.ne(0.0);
                    let quotient = exponent / beside.select(x, 1.0) * beside.select(y, 1.0);
                    beside.select(c * quotient, zero.select(0.0, usual))
                },
                {
                    let zero = x.eq(0.0) * exponent.ge(0.0);
                    zero.select(0.0, c * y * zero.select(1.0, x).ln())
                }
            ],
            on [0.3..3.0, -2.0..3.0], kinks [];

        /// The angle of the point (`other`, `self`) in radians, in (−π, π].
        ///
        /// Operands broadcast. The derivative is computed without squaring, so it neither overflows nor underflows; at the
        /// origin it is NaN.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// let g = grad(|y| y.atan2(2.0).sum(), &array![0.0]);
        /// assert_eq!(g, array![0.5]); // x/(x² + y²)
        /// ```
        pub Atan2: atan2(a, b) = a.atan2(b),
            |y, c| [{ let r = a.hypot(b); c * (b / r / r) }, { let r = a.hypot(b); -(c * (a / r / r)) }],
            on [-3.0..3.0, 0.5..3.0], kinks [];

        /// Length of the hypotenuse, √(x² + y²), without overflow on the way.
        ///
        /// Operands broadcast. At the origin the derivatives are 0.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(grad(|x| x.hypot(4.0).sum(), &array![3.0]), array![0.6]);
        /// ```
        pub Hypot: hypot(a, b) = a.hypot(b),
            |y, c| [c * (a / y.eq(0.0).select(1.0, y)), c * (b / y.eq(0.0).select(1.0, y))],
            on [-3.0..3.0, 0.5..3.0], kinks [];

        /// The larger of two operands, NaN where one of them is NaN.
        ///
        /// Operands broadcast. Where they are equal, each gets half of the cotangent, so that `x.maximum(x)` has slope 1.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(grad(|x| x.maximum(0.0).sum(), &array![-1.0, 0.0, 2.0]), array![0.0, 0.5, 1.0]);
        /// ```
        pub Maximum: maximum(a, b) = if a >= b || is_nan(a) { a } else { b },
            |y, c| [
                a.gt(b).select(c, a.eq(b).select(c * 0.5, 0.0)),
                a.lt(b).select(c, a.eq(b).select(c * 0.5, 0.0))
            ],
            on [-3.0..-0.5, 0.5..3.0], kinks [];

        /// The smaller of two operands, NaN where one of them is NaN.
        ///
        /// Operands broadcast. Where they are equal, each gets half of the cotangent.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(grad(|x| x.minimum(0.0).sum(), &array![-1.0, 0.0, 2.0]), array![1.0, 0.5, 0.0]);
        /// ```
        pub Minimum: minimum(a, b) = if a <= b || is_nan(a) { a } else { b },
            |y, c| [
                a.lt(b).select(c, a.eq(b).select(c * 0.5, 0.0)),
                a.gt(b).select(c, a.eq(b).select(c * 0.5, 0.0))
            ],
            on [-3.0..-0.5, 0.5..3.0], kinks [];
    }
}

#[allow(clippy::eq_op, reason = "a number that differs from itself is NaN")]
fn is_nan<N: PartialEq>(x: N) -> bool {
    x != x
}
