//! Choosing between operands.

use super::pointwise;

pointwise! {
    /// Ops of three operands that choose one of them.
    Selection {
        /// `chosen` where the condition is not 0, `otherwise` elsewhere; also known as `where`.
        ///
        /// All three broadcast. What is not chosen contributes exactly 0 to every derivative, also where it holds NaN or ∞;
        /// a NaN condition counts as not 0.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// let g = grad(|x| x.gt(0.0).select(x, 3.0 * x).sum(), &array![1.0, -1.0]);
        /// assert_eq!(g, array![1.0, 3.0]);
        /// ```
        pub Select: select(condition, chosen, otherwise) = if condition == 0.0 { otherwise } else { chosen },
            |y, c| [(), condition.select(c, 0.0), condition.select(0.0, c)],
            on [0.5..1.5, -3.0..3.0, -3.0..3.0], kinks [];

        /// x limited to the interval [`low`, `high`].
        ///
        /// All three broadcast. NaN stays NaN. Bounds the wrong way round are not refused, since they may be tensors: where
        /// `low` is above `high`, x below `low` becomes `low`, any other x becomes `high`.
        ///
        /// # Kinks
        ///
        /// At a bound the slope for x is 0, as it is outside. The bounds get the cotangent where x lies beyond them.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// let g = grad(|x| x.clamp(0.0, 1.0).sum(), &array![-1.0, 0.0, 0.5, 1.0, 2.0]);
        /// assert_eq!(g, array![0.0, 0.0, 1.0, 0.0, 0.0]);
        /// ```
        pub Clamp: clamp(x, low, high) = if x < low { low } else if x > high { high } else { x },
            |y, c| [
                (x.gt(low) * x.lt(high)).select(c, 0.0),
                x.lt(low).select(c, 0.0),
                x.lt(low).select(0.0, x.gt(high).select(c, 0.0))
            ],
            on [-3.0..3.0, -1.0..-0.9, 0.9..1.0], kinks [];
    }
}
