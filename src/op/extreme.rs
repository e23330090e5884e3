//! The largest and the smallest element, and where they stand.

use super::reduce::{Span, Sum};
use super::{Args, Call, Primitive};
use crate::axes::Axes;
use crate::grad::Cotangents;
use crate::kernel::reduce;
use crate::real::Real;
use crate::shape::Shape;
use crate::tape::Var;

/// The largest or the smallest element along a span.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Extreme {
    span: Span,
    largest: bool,
}

impl Extreme {
    pub(super) fn largest(span: Span) -> Self {
        Self { span, largest: true }
    }

    fn smallest(span: Span) -> Self {
        Self { span, largest: false }
    }

    /// 1 where an element of the operand is the extreme one, 0 elsewhere.
    pub(crate) fn winners<'t, T: Real>(self, x: Var<'t, T>, y: Var<'t, T>) -> Var<'t, T> {
        x.eq(self.span.spread(y, &x.shape()))
    }
}

impl Primitive for Extreme {
    const NAMES: &'static [&'static str] = &["max", "min"];

    fn name(self) -> &'static str {
        Self::NAMES[usize::from(!self.largest)]
    }

    fn shape<T: Real>(self, call: &Call<'_, T>) -> Result<Shape, String> {
        self.span.refuse_empty(call)
    }

    fn eval<T: Real>(self, args: &Args<'_, T>, out: &mut [T]) {
        let lines = self.span.lines(args.shape(0));
        if self.largest {
            reduce::fold_lines(lines, args.data(0), out, T::neg_infinity(), reduce::maximum);
        } else {
            reduce::fold_lines(lines, args.data(0), out, T::infinity(), reduce::minimum);
        }
    }

    fn vjp<'t, T: Real>(self, ct: &mut Cotangents<'_, 't, T>) {
        let (x, y, c) = (ct.x(0), ct.y(), ct.c());
        let shape = x.shape();
        ct.add(0, || {
            let winners = self.winners(x, y);
            let count = winners.record(Sum(self.span.kept()), [winners]);
            winners.select(self.span.spread(c, &shape) / count, 0.0)
        });
    }

    fn arguments(self, _: [u32; 3]) -> String {
        self.span.arguments()
    }
}

/// The position of the largest or the smallest element along a span, as a number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct ArgExtreme {
    span: Span,
    largest: bool,
}

impl Primitive for ArgExtreme {
    const NAMES: &'static [&'static str] = &["argmax", "argmin"];

    fn name(self) -> &'static str {
        Self::NAMES[usize::from(!self.largest)]
    }

    fn shape<T: Real>(self, call: &Call<'_, T>) -> Result<Shape, String> {
        self.span.refuse_empty(call)
    }

    fn eval<T: Real>(self, args: &Args<'_, T>, out: &mut [T]) {
        let lines = self.span.lines(args.shape(0));
        if self.largest {
            reduce::arg_lines(lines, args.data(0), out, |a, b| a > b);
        } else {
            reduce::arg_lines(lines, args.data(0), out, |a, b| a < b);
        }
    }

    fn vjp<'t, T: Real>(self, _: &mut Cotangents<'_, 't, T>) {}

    fn arguments(self, _: [u32; 3]) -> String {
        self.span.arguments()
    }
}

impl<'t, T: Real> Var<'t, T> {
    /// Largest element; NaN if there is one.
    ///
    /// Cotangent: c where x is largest, 0 elsewhere; where several are largest, they share it equally.
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
    /// assert_eq!(grad(|x| x.max(), &array![1.0, 3.0, 3.0]), array![0.0, 0.5, 0.5]);
    /// ```
    #[track_caller]
    pub fn max(self) -> Self {
        self.reduce_all(Extreme::largest)
    }

    /// Largest element along some axes, which vanish, or stay with length 1 inside [`keep`](crate::keep). Cotangent: as
    /// for [`max`](Var::max), line by line.
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
    /// let x = array![[1.0, 3.0], [5.0, 4.0]];
    /// assert_eq!(grad(|x| x.max_axis(1).sum(), &x), array![[0.0, 1.0], [1.0, 0.0]]);
    /// ```
    #[track_caller]
    pub fn max_axis(self, axes: impl Axes) -> Self {
        self.reduce("max", &axes, Extreme::largest)
    }

    /// Smallest element; NaN if there is one.
    ///
    /// Cotangent: c where x is smallest, 0 elsewhere; where several are smallest, they share it equally.
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
    /// assert_eq!(grad(|x| x.min(), &array![1.0, 3.0, 1.0]), array![0.5, 0.0, 0.5]);
    /// ```
    #[track_caller]
    pub fn min(self) -> Self {
        self.reduce_all(Extreme::smallest)
    }

    /// Smallest element along some axes, which vanish, or stay with length 1 inside [`keep`](crate::keep). Cotangent: as
    /// for [`min`](Var::min), line by line.
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
    /// let x = array![[1.0, 3.0], [5.0, 4.0]];
    /// assert_eq!(grad(|x| x.min_axis(1).sum(), &x), array![[1.0, 0.0], [0.0, 1.0]]);
    /// ```
    #[track_caller]
    pub fn min_axis(self, axes: impl Axes) -> Self {
        self.reduce("min", &axes, Extreme::smallest)
    }

    /// Position of the first largest element along some axes taken together, counted from 0, as a number of the
    /// tensor's type (exact up to 2²⁴ for `f32`). A NaN counts as largest. The derivative is 0.
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
    /// assert_eq!(value(|x| x.argmax(0), &array![1.0, 3.0, 3.0]), 1.0);
    /// ```
    #[track_caller]
    pub fn argmax(self, axes: impl Axes) -> Self {
        self.reduce("argmax", &axes, |span| ArgExtreme { span, largest: true })
    }

    /// Position of the first smallest element along some axes taken together, as in [`argmax`](Var::argmax). A NaN counts
    /// as smallest. The derivative is 0.
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
    /// assert_eq!(value(|x| x.argmin(0), &array![2.0, 1.0, 1.0]), 1.0);
    /// ```
    #[track_caller]
    pub fn argmin(self, axes: impl Axes) -> Self {
        self.reduce("argmin", &axes, |span| ArgExtreme { span, largest: false })
    }
}
