//! Trigonometric and hyperbolic functions and their inverses. Angles are in radians.

use super::pointwise;
use crate::number::Number as _;

pointwise! {
    /// Trigonometric and hyperbolic functions.
    Trigonometric {
        /// Sine, radians.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(grad(|x| x.sin().sum(), &array![0.0]), array![1.0]);
        /// ```
        pub Sin: sin(x) = x.sin(),
            |y, c| [c * x.cos()], on [-3.0..3.0], kinks [], angle;

        /// Cosine, radians.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(value(|x| x.cos().sum(), &array![0.0]), 1.0);
        /// ```
        pub Cos: cos(x) = x.cos(),
            |y, c| [-(c * x.sin())], on [-3.0..3.0], kinks [], angle;

        /// Tangent, radians.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(grad(|x| x.tan().sum(), &array![0.0]), array![1.0]);
        /// ```
        pub Tan: tan(x) = x.tan(),
            |y, c| [c * (y * y + 1.0)], on [-1.2..1.2], kinks [], angle;

        /// Arcsine in radians, in [−π/2, π/2]; NaN outside [−1, 1].
        ///
        /// # Kinks and limits
        ///
        /// The slope at ±1 is +∞.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(grad(|x| x.asin().sum(), &array![0.0]), array![1.0]);
        /// ```
        pub Asin: asin(x) = x.asin(),
            |y, c| [c / ((x + 1.0) * (1.0 - x)).sqrt()], on [-0.8..0.8], kinks [];

        /// Arccosine in radians, in [0, π]; NaN outside [−1, 1].
        ///
        /// # Kinks and limits
        ///
        /// The slope at ±1 is −∞.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(grad(|x| x.acos().sum(), &array![0.0]), array![-1.0]);
        /// ```
        pub Acos: acos(x) = x.acos(),
            |y, c| [-(c / ((x + 1.0) * (1.0 - x)).sqrt())], on [-0.8..0.8], kinks [];

        /// Arctangent in radians, in (−π/2, π/2).
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(grad(|x| x.atan().sum(), &array![1.0]), array![0.5]);
        /// ```
        pub Atan: atan(x) = x.atan(),
            |y, c| [c / (x * x + 1.0)], on [-3.0..3.0], kinks [];

        /// Hyperbolic sine.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(grad(|x| x.sinh().sum(), &array![0.0]), array![1.0]);
        /// ```
        pub Sinh: sinh(x) = x.sinh(),
            |y, c| [c * x.cosh()], on [-2.0..2.0], kinks [];

        /// Hyperbolic cosine.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(value(|x| x.cosh().sum(), &array![0.0]), 1.0);
        /// ```
        pub Cosh: cosh(x) = x.cosh(),
            |y, c| [c * x.sinh()], on [-2.0..2.0], kinks [];

        /// Hyperbolic tangent.
        ///
        /// # Kinks and limits
        ///
        /// The slope is computed from the result in factored form and is 0 where that is ±1.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(grad(|x| x.tanh().sum(), &array![0.0, 1000.0]), array![1.0, 0.0]);
        /// ```
        pub Tanh: tanh(x) = x.tanh(),
            |y, c| [c * ((y + 1.0) * (1.0 - y))], on [-2.0..2.0], kinks [];

        /// Inverse hyperbolic sine.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(grad(|x| x.asinh().sum(), &array![0.0]), array![1.0]);
        /// ```
        pub Asinh: asinh(x) = x.asinh(),
            |y, c| [c / x.hypot(1.0)], on [-3.0..3.0], kinks [];

        /// Inverse hyperbolic cosine; NaN below 1.
        ///
        /// # Kinks and limits
        ///
        /// The slope at 1 is +∞.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(value(|x| x.acosh().sum(), &array![1.0]), 0.0);
        /// ```
        pub Acosh: acosh(x) = x.acosh(),
            |y, c| [c / ((x - 1.0).sqrt() * (x + 1.0).sqrt())], on [1.3..3.0], kinks [];

        /// Inverse hyperbolic tangent; NaN outside [−1, 1].
        ///
        /// # Kinks and limits
        ///
        /// ±∞ at ±1.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(grad(|x| x.atanh().sum(), &array![0.0]), array![1.0]);
        /// ```
        pub Atanh: atanh(x) = x.atanh(),
            |y, c| [c / ((x + 1.0) * (1.0 - x))], on [-0.8..0.8], kinks [];
    }
}
