//! Powers, exponentials, logarithms and rounding.

use std::f64::consts::{FRAC_2_SQRT_PI, LN_2, LOG2_E, LOG10_E};

use super::pointwise;
use crate::number::Number;

pointwise! {
    /// Elementary functions of one operand.
    Elementary {
        /// −x, as the unary operator `-`.
        Neg: neg(x) = -x,
            |y, c| [-c], on [-3.0..3.0], kinks [];

        /// Absolute value |x|.
        ///
        /// # Kinks and limits
        ///
        /// The slope at 0 is 0.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(grad(|x| x.abs().sum(), &array![-2.0, 0.0, 3.0]), array![-1.0, 0.0, 1.0]);
        /// ```
        pub Abs: abs(x) = x.abs(),
            |y, c| [c * x.sign()], on [-3.0..3.0], kinks [0.0];

        /// Sign of x: 1, −1, or x itself for 0 and NaN.
        ///
        /// # Kinks and limits
        ///
        /// The slope is 0 everywhere.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(value(|x| x.sign().sum(), &array![-2.0, 0.0, 3.0]), 0.0);
        /// ```
        pub Sign: sign(x) = if x > 0.0 {
            Number::of(1.0)
        } else if x < 0.0 {
            Number::of(-1.0)
        } else {
            x
        },
            |y, c| [], on [-3.0..3.0], kinks [0.0];

        /// Square x².
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(grad(|x| x.square().sum(), &array![3.0]), array![6.0]);
        /// ```
        pub Square: square(x) = x * x,
            |y, c| [c * (x * 2.0)], on [-3.0..3.0], kinks [];

        /// Square root √x; NaN for negative x.
        ///
        /// # Kinks and limits
        ///
        /// The slope at 0 is +∞. Where that is not wanted, [`norm`](crate::Var::norm) has slope 0 there.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(grad(|x| x.sqrt().sum(), &array![4.0, 0.0]), array![0.25, f64::INFINITY]);
        /// ```
        pub Sqrt: sqrt(x) = x.sqrt(),
            |y, c| [c * 0.5 / y], on [0.3..3.0], kinks [];

        /// Reciprocal of the square root, 1/√x.
        ///
        /// # Kinks and limits
        ///
        /// At 0 the value is +∞ and the slope −∞.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(grad(|x| x.rsqrt().sum(), &array![4.0]), array![-0.0625]);
        /// ```
        pub Rsqrt: rsqrt(x) = 1.0 / x.sqrt(),
            |y, c| [c * -0.5 * (y / x)], on [0.3..3.0], kinks [];

        /// Reciprocal 1/x.
        ///
        /// # Kinks and limits
        ///
        /// At ±0 the value is ±∞.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(grad(|x| x.recip().sum(), &array![2.0]), array![-0.25]);
        /// ```
        pub Recip: recip(x) = 1.0 / x,
            |y, c| [-(c * (y * y))], on [0.4..3.0], kinks [];

        /// Exponential eˣ.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(grad(|x| x.exp().sum(), &array![0.0]), array![1.0]);
        /// ```
        pub Exp: exp(x) = x.exp(),
            |y, c| [c * y], on [-3.0..3.0], kinks [];

        /// Power of two, 2ˣ.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(value(|x| x.exp2().sum(), &array![3.0, -1.0]), 8.5);
        /// ```
        pub Exp2: exp2(x) = x.exp2(),
            |y, c| [c * (y * LN_2)], on [-3.0..3.0], kinks [];

        /// eˣ − 1, exact for small x.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(value(|x| x.expm1().sum(), &array![1e-20]), 1e-20);
        /// ```
        pub Expm1: expm1(x) = x.expm1(),
            |y, c| [c * x.exp()], on [-3.0..3.0], kinks [];

        /// Natural logarithm ln x.
        ///
        /// # Kinks and limits
        ///
        /// −∞ at 0, NaN below.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(grad(|x| x.ln().sum(), &array![4.0]), array![0.25]);
        /// ```
        pub Ln: ln(x) = x.ln(),
            |y, c| [c / x], on [0.3..3.0], kinks [];

        /// ln(1 + x), exact for small x.
        ///
        /// # Kinks and limits
        ///
        /// −∞ at −1, NaN below.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(value(|x| x.ln_1p().sum(), &array![1e-20]), 1e-20);
        /// ```
        pub Ln1p: ln_1p(x) = x.ln_1p(),
            |y, c| [c / (x + 1.0)], on [-0.7..3.0], kinks [];

        /// Logarithm to base 2.
        ///
        /// # Kinks and limits
        ///
        /// −∞ at 0, NaN below.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(value(|x| x.log2().sum(), &array![8.0]), 3.0);
        /// ```
        pub Log2: log2(x) = x.log2(),
            |y, c| [c * LOG2_E / x], on [0.3..3.0], kinks [];

        /// Logarithm to base 10.
        ///
        /// # Kinks and limits
        ///
        /// −∞ at 0, NaN below.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(value(|x| x.log10().sum(), &array![100.0]), 2.0);
        /// ```
        pub Log10: log10(x) = x.log10(),
            |y, c| [c * LOG10_E / x], on [0.3..3.0], kinks [];

        /// Error function 2/√π ∫₀ˣ e^(−t²) dt.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(value(|x| x.erf().sum(), &array![0.0, 10.0]), 1.0);
        /// ```
        pub Erf: erf(x) = x.erf(),
            |y, c| [c * (x.square().neg().exp() * FRAC_2_SQRT_PI)], on [-2.0..2.0], kinks [];

        /// Complement 1 − erf x, exact in the tail where the difference would cancel.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// let tail = value(|x| x.erfc().sum(), &array![6.0]);
        /// assert!((2.151_973_6e-17..2.151_973_7e-17).contains(&tail));
        /// ```
        pub Erfc: erfc(x) = x.erfc(),
            |y, c| [-(c * (x.square().neg().exp() * FRAC_2_SQRT_PI))], on [-2.0..2.0], kinks [];

        /// Largest whole number not above x.
        ///
        /// # Kinks and limits
        ///
        /// The slope is 0 everywhere.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(value(|x| x.floor().sum(), &array![-1.5]), -2.0);
        /// ```
        pub Floor: floor(x) = x.floor(),
            |y, c| [], on [-2.8..2.9], kinks [-2.0, -1.0, 0.0, 1.0, 2.0];

        /// Smallest whole number not below x.
        ///
        /// # Kinks and limits
        ///
        /// The slope is 0 everywhere.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(value(|x| x.ceil().sum(), &array![-1.5]), -1.0);
        /// ```
        pub Ceil: ceil(x) = x.ceil(),
            |y, c| [], on [-2.8..2.9], kinks [-2.0, -1.0, 0.0, 1.0, 2.0];

        /// Nearest whole number, halves to the even one.
        ///
        /// # Kinks and limits
        ///
        /// The slope is 0 everywhere.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(value(|x| x.round().sum(), &array![0.5, 1.5]), 2.0); // 0 + 2
        /// ```
        pub Round: round(x) = x.round(),
            |y, c| [], on [-2.8..2.9], kinks [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5];
    }
}
