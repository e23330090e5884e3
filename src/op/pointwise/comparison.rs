//! Comparisons: 1 where they hold, 0 elsewhere; without derivative.

use super::{mask, pointwise};

pointwise! {
    /// Comparisons of two operands, which broadcast.
    Comparison {
        /// 1 where x = y, else 0. Operands broadcast; the derivative is 0 everywhere.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// let hits = value(|x| x.eq(2.0).sum(), &array![1.0, 2.0, 2.0]);
        /// assert_eq!(hits, 2.0);
        /// ```
        pub Eq: eq(a, b) = mask(a == b), |y, c| [], on [-3.0..-0.5, 0.5..3.0], kinks [];

        /// 1 where x ≠ y (also where one is NaN), else 0. Operands broadcast; the derivative is 0 everywhere.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(value(|x| x.ne(2.0).sum(), &array![1.0, 2.0, 2.0]), 1.0);
        /// ```
        pub Ne: ne(a, b) = mask(a != b), |y, c| [], on [-3.0..-0.5, 0.5..3.0], kinks [];

        /// 1 where x < y, else 0. Operands broadcast; the derivative is 0 everywhere.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(value(|x| x.lt(2.0).sum(), &array![1.0, 2.0, 3.0]), 1.0);
        /// ```
        pub Lt: lt(a, b) = mask(a < b), |y, c| [], on [-3.0..-0.5, 0.5..3.0], kinks [];

        /// 1 where x ≤ y, else 0. Operands broadcast; the derivative is 0 everywhere.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(value(|x| x.le(2.0).sum(), &array![1.0, 2.0, 3.0]), 2.0);
        /// ```
        pub Le: le(a, b) = mask(a <= b), |y, c| [], on [-3.0..-0.5, 0.5..3.0], kinks [];

        /// 1 where x > y, else 0. Operands broadcast; the derivative is 0 everywhere.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(value(|x| x.gt(2.0).sum(), &array![1.0, 2.0, 3.0]), 1.0);
        /// ```
        pub Gt: gt(a, b) = mask(a > b), |y, c| [], on [-3.0..-0.5, 0.5..3.0], kinks [];

        /// 1 where x ≥ y, else 0. Operands broadcast; the derivative is 0 everywhere.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(value(|x| x.ge(2.0).sum(), &array![1.0, 2.0, 3.0]), 2.0);
        /// ```
        pub Ge: ge(a, b) = mask(a >= b), |y, c| [], on [-3.0..-0.5, 0.5..3.0], kinks [];
    }
}
