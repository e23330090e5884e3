//! Running sums and products, and linear recurrences.

use super::{Args, Call, Primitive};
use crate::axes::Axis;
use crate::grad::Cotangents;
use crate::kernel::{Lines, scan};
use crate::real::Real;
use crate::shape::Shape;
use crate::tape::Var;

/// An axis, and whether it is walked from the back.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Way {
    axis: u8,
    reverse: bool,
}

impl Way {
    #[allow(clippy::cast_possible_truncation, reason = "at most 6 axes")]
    fn new(axis: usize, reverse: bool) -> Self {
        Self { axis: axis as u8, reverse }
    }

    fn axis(self) -> usize {
        self.axis.into()
    }

    fn back(self) -> Self {
        Self { reverse: !self.reverse, ..self }
    }

    fn lines(self, shape: &Shape) -> Lines {
        Lines::along(shape, self.axis(), self.axis() + 1)
    }

    fn arguments(self) -> String {
        format!("axis {}{}", self.axis, if self.reverse { " reversed" } else { "" })
    }
}

/// Running sum.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct CumSum(Way);

impl Primitive for CumSum {
    const NAMES: &'static [&'static str] = &["cumsum"];

    fn shape<T: Real>(self, call: &Call<'_, T>) -> Result<Shape, String> {
        Ok(call.shape(0))
    }

    fn eval<T: Real>(self, args: &Args<'_, T>, out: &mut [T]) {
        scan::accumulate(self.0.lines(args.shape(0)), self.0.reverse, args.data(0), out, |a, x| a + x);
    }

    fn vjp<'t, T: Real>(self, ct: &mut Cotangents<'_, 't, T>) {
        let c = ct.c();
        ct.add(0, || c.record(CumSum(self.0.back()), [c]));
    }

    fn arguments(self, _: [u32; 3]) -> String {
        self.0.arguments()
    }
}

/// Running product.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct CumProd(Way);

impl Primitive for CumProd {
    const NAMES: &'static [&'static str] = &["cumprod"];

    fn shape<T: Real>(self, call: &Call<'_, T>) -> Result<Shape, String> {
        Ok(call.shape(0))
    }

    fn eval<T: Real>(self, args: &Args<'_, T>, out: &mut [T]) {
        scan::accumulate(self.0.lines(args.shape(0)), self.0.reverse, args.data(0), out, |a, x| a * x);
    }

    fn vjp<'t, T: Real>(self, ct: &mut Cotangents<'_, 't, T>) {
        let (x, y, c, way) = (ct.x(0), ct.y(), ct.c(), self.0);
        // x̄ᵢ = (Πⱼ<ᵢ xⱼ) · rᵢ with rᵢ = cᵢ + xᵢ₊₁·rᵢ₊₁: no division, so zeros do no harm.
        ct.add(0, || {
            let before = y.shifted(way.axis(), 1.0, way.reverse);
            let next = x.shifted(way.axis(), 0.0, !way.reverse);
            next.record(Recurrence(way.back()), [next, c]).times(before)
        });
    }

    fn arguments(self, _: [u32; 3]) -> String {
        self.0.arguments()
    }
}

/// hᵢ = aᵢ·hᵢ₋₁ + bᵢ; where hᵢ₋₁ is 0, aᵢ does not matter, whatever it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Recurrence(Way);

impl Primitive for Recurrence {
    const NAMES: &'static [&'static str] = &["recurrence"];

    fn arity(self) -> usize {
        2
    }

    fn shape<T: Real>(self, call: &Call<'_, T>) -> Result<Shape, String> {
        let (a, b) = (call.shape(0), call.shape(1));
        if a == b { Ok(b) } else { Err(format!("factors {a} and summands {b} must have one shape")) }
    }

    fn eval<T: Real>(self, args: &Args<'_, T>, out: &mut [T]) {
        scan::recurrence(self.0.lines(args.shape(0)), self.0.reverse, args.data(0), args.data(1), out);
    }

    fn vjp<'t, T: Real>(self, ct: &mut Cotangents<'_, 't, T>) {
        let (a, h, c, way) = (ct.x(0), ct.y(), ct.c(), self.0);
        // gᵢ = cᵢ + aᵢ₊₁·gᵢ₊₁ is the same recurrence, walked back.
        let back = || {
            let next = a.shifted(way.axis(), 0.0, !way.reverse);
            next.record(Recurrence(way.back()), [next, c])
        };
        ct.add(0, || back().meet(h.shifted(way.axis(), 0.0, way.reverse)));
        ct.add(1, back);
    }

    fn arguments(self, _: [u32; 3]) -> String {
        self.0.arguments()
    }
}

impl<'t, T: Real> Var<'t, T> {
    /// Running sum along an axis: yᵢ = x₀ + … + xᵢ.
    ///
    /// Cotangent: the running sum of `c` from the back.
    ///
    /// # Panics
    ///
    /// If the axis is out of range.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// assert_eq!(grad(|x| x.cumsum(0).sum(), &array![1.0, 1.0, 1.0]), array![3.0, 2.0, 1.0]);
    /// ```
    #[track_caller]
    pub fn cumsum(self, axis: impl Axis) -> Self {
        let axis = self.expect_axis("cumsum", axis);
        self.record(CumSum(Way::new(axis, false)), [self])
    }

    /// Running product along an axis: yᵢ = x₀·…·xᵢ.
    ///
    /// Cotangent: x̄ᵢ = (Πⱼ<ᵢ xⱼ)·rᵢ with rᵢ = cᵢ + xᵢ₊₁·rᵢ₊₁, formed without division: right with any number of zeros, to
    /// any order.
    ///
    /// # Panics
    ///
    /// If the axis is out of range.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// // y = (x₀, x₀x₁), so ∂Σy/∂x = (1 + x₁, x₀)
    /// assert_eq!(grad(|x| x.cumprod(0).sum(), &array![0.0, 3.0]), array![4.0, 0.0]);
    /// ```
    #[track_caller]
    pub fn cumprod(self, axis: impl Axis) -> Self {
        let axis = self.expect_axis("cumprod", axis);
        self.record(CumProd(Way::new(axis, false)), [self])
    }

    /// Running product from the back.
    #[track_caller]
    pub(crate) fn cumprod_reverse(self, axis: usize) -> Self {
        self.record(CumProd(Way::new(axis, true)), [self])
    }

    /// Linear recurrence along an axis: hᵢ = aᵢ·hᵢ₋₁ + bᵢ with `a` this tensor and h₋₁ = 0 (so that a₀ has no effect).
    ///
    /// Cotangents: b̄ᵢ = cᵢ + aᵢ₊₁·b̄ᵢ₊₁, the same recurrence walked back, and āᵢ = b̄ᵢ·hᵢ₋₁.
    ///
    /// # Panics
    ///
    /// If the shapes differ or the axis is out of range.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// // h = (1, 0.5·1 + 1)
    /// let last = value(|a| a.recurrence(a.constant(&array![1.0, 1.0]), 0).max(), &array![0.5, 0.5]);
    /// assert_eq!(last, 1.5);
    /// ```
    #[track_caller]
    pub fn recurrence(self, b: Self, axis: impl Axis) -> Self {
        let axis = self.expect_axis("recurrence", axis);
        self.record(Recurrence(Way::new(axis, false)), [self, b])
    }

    /// The tensor moved by one place along an axis, towards its end (or its front), `fill` coming in.
    #[track_caller]
    pub(crate) fn shifted(self, axis: usize, fill: f64, to_front: bool) -> Self {
        let shape = self.shape();
        if shape[axis] == 0 {
            return self;
        }
        let edge = self.literal(fill).broadcast_to(shape.with(axis, 1));
        let start = usize::from(to_front);
        let rest = self.slice_axis(axis, start, 1, shape[axis] - 1);
        if to_front { super::layout::concat(&[rest, edge], axis) } else { super::layout::concat(&[edge, rest], axis) }
    }
}
