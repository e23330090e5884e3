//! Means, variances, deviations and p-norms: compositions of reductions.

use super::extreme::Extreme;
use super::reduce::{Norm, nothing};
use crate::axes::{Axes, AxisSet};
use crate::real::{Real, Scalar as _};
use crate::tape::Var;

impl<T: Real> Var<'_, T> {
    /// The number of elements that fall together, which must not be 0, as a constant of the program.
    #[track_caller]
    fn count(self, name: &str, set: AxisSet) -> (f64, Self) {
        let shape = self.shape();
        let n = set.size(&shape);
        if n == 0 {
            self.fail(name, &nothing(&shape));
        }
        (n.as_f64(), self.literal(n.as_f64()))
    }

    /// Mean of all elements.
    ///
    /// Cotangent: x̄ = c/n.
    ///
    /// # Panics
    ///
    /// If there are no elements.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// assert_eq!(grad(|x| x.mean(), &array![1.0, 2.0]), array![0.5, 0.5]);
    /// ```
    #[track_caller]
    pub fn mean(self) -> Self {
        let set = AxisSet::all(&self.shape());
        let (_, n) = self.count("mean", set);
        self.sum_set(set) / n
    }

    /// Mean along some axes, which vanish, or stay with length 1 inside [`keep`](crate::keep). Cotangent: x̄ = c/n along
    /// each line of n elements.
    ///
    /// # Panics
    ///
    /// If an axis is out of range or named twice, or there are no elements along them.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// assert_eq!(grad(|x| x.mean_axis(1).sum(), &array![[1.0, 2.0]]), array![[0.5, 0.5]]);
    /// ```
    #[track_caller]
    pub fn mean_axis(self, axes: impl Axes) -> Self {
        let set = self.expect_axes("mean", &axes);
        let (_, n) = self.count("mean", set);
        self.sum_set(set) / n
    }

    /// Variance of all elements, Σ(x − mean)²/(n − ddof), in two passes.
    ///
    /// `ddof` 0 gives the variance of these numbers, 1 the unbiased estimate from a sample. Cotangent:
    /// x̄ = 2c·(x − mean)/(n − ddof).
    ///
    /// # Panics
    ///
    /// If there are not more than `ddof` elements.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// assert_eq!(value(|x| x.var(1), &array![1.0, 2.0, 3.0]), 1.0);
    /// ```
    #[track_caller]
    pub fn var(self, ddof: usize) -> Self {
        let set = AxisSet::all(&self.shape());
        self.variance("var", set, ddof, |centred| centred.square().sum_set(set), |n| n)
    }

    /// Variance along some axes, which vanish, or stay with length 1 inside [`keep`](crate::keep). Cotangent: as for
    /// [`var`](Var::var), line by line.
    ///
    /// # Panics
    ///
    /// If an axis is out of range or named twice, or there are not more than `ddof` elements along them.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let x = array![[1.0, 3.0], [5.0, 5.0]];
    /// assert_eq!(value(|x| x.var_axis(1, 0).sum(), &x), 1.0); // 1 + 0
    /// ```
    #[track_caller]
    pub fn var_axis(self, axes: impl Axes, ddof: usize) -> Self {
        let set = self.expect_axes("var", &axes);
        self.variance("var", set, ddof, |centred| centred.square().sum_set(set), |n| n)
    }

    /// Standard deviation y of all elements, the root of [`var`](Var::var).
    ///
    /// Cotangent: x̄ = c·(x − mean)/((n − ddof)·y); 0 where all are equal.
    ///
    /// # Panics
    ///
    /// If there are not more than `ddof` elements.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let x = array![1.0, 1.0, 5.0, 5.0];
    /// assert_eq!(value(|x| x.std(0), &x), 2.0);
    /// assert_eq!(grad(|x| x.std(0), &x), array![-0.25, -0.25, 0.25, 0.25]);
    /// ```
    #[track_caller]
    pub fn std(self, ddof: usize) -> Self {
        let set = AxisSet::all(&self.shape());
        self.variance("std", set, ddof, |centred| centred.reduce_set(set, Norm), f64::sqrt)
    }

    /// Standard deviation along some axes, which vanish, or stay with length 1 inside [`keep`](crate::keep). Cotangent: as
    /// for [`std`](Var::std), line by line.
    ///
    /// # Panics
    ///
    /// If an axis is out of range or named twice, or there are not more than `ddof` elements along them.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let x = array![[1.0, 5.0], [3.0, 3.0]];
    /// assert_eq!(value(|x| x.std_axis(1, 0).sum(), &x), 2.0); // 2 + 0
    /// ```
    #[track_caller]
    pub fn std_axis(self, axes: impl Axes, ddof: usize) -> Self {
        let set = self.expect_axes("std", &axes);
        self.variance("std", set, ddof, |centred| centred.reduce_set(set, Norm), f64::sqrt)
    }

    #[track_caller]
    fn variance(
        self,
        name: &str,
        set: AxisSet,
        ddof: usize,
        spread: impl FnOnce(Self) -> Self,
        denominator: impl FnOnce(f64) -> f64,
    ) -> Self {
        let (count, n) = self.count(name, set);
        let freedom = count - ddof.as_f64();
        if freedom <= 0.0 {
            self.fail(name, &format!("too few elements of {} fall together for ddof {ddof}: {count}", self.shape()));
        }
        let mean = self.sum_set(AxisSet { keep: true, ..set }) / n;
        spread(self - mean) / self.literal(denominator(freedom))
    }

    /// The p-norm (Σ|x|ᵖ)^(1/p) along some axes; p is 1, 2, `f64::INFINITY` (the largest |x|) or anything from 1 on.
    ///
    /// Cotangent: x̄ = c·sign(x)·(|x|/y)^(p − 1), 0 where y = 0; for ∞, the largest |x| share c·sign(x). Powers
    /// are formed of x over the largest |x|, so that they neither overflow nor vanish.
    ///
    /// # Panics
    ///
    /// If p is below 1, or an axis is out of range or named twice.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let x = array![3.0, -4.0];
    /// assert_eq!(value(|x| x.norm_p(1.0, 0), &x), 7.0);
    /// assert_eq!(value(|x| x.norm_p(f64::INFINITY, 0), &x), 4.0);
    /// ```
    #[track_caller]
    pub fn norm_p(self, p: f64, axes: impl Axes) -> Self {
        let set = self.expect_axes("norm_p", &axes);
        if p.is_nan() || p < 1.0 {
            self.fail("norm_p", &format!("p is {p}, and a norm needs p of at least 1"));
        }
        if p == 1.0 {
            return self.abs().sum_set(set);
        }
        if p == 2.0 {
            return self.reduce_set(set, Norm);
        }
        if p == f64::INFINITY {
            return self.abs().reduce_set(set, Extreme::largest);
        }
        let kept = AxisSet { keep: true, ..set };
        // A norm does not depend on what it is divided and multiplied by, so that has no derivative.
        let top = self.detach().abs().reduce_set(kept, Extreme::largest);
        let top = (top.gt(self.literal(0.0)) * top.lt(self.literal(f64::INFINITY))).select(top, self.literal(1.0));
        let sum = (self.abs() / top).pow(self.literal(p)).sum_set(kept);
        let zero = sum.eq(self.literal(0.0));
        // The root is taken of a safe number, so that its infinite slope at 0 does not turn into NaN.
        let root = zero.select(self.literal(1.0), sum).pow(self.literal(p.recip()));
        let norm = zero.select(self.literal(0.0), root) * top;
        if set.keep { norm } else { norm.sum_set(set) }
    }
}
