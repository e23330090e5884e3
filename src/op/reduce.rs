//! Reductions: over all axes, one or several, with or without keeping them.
//!
//! A primitive reduction takes neighbouring axes together; others are brought beside each other first.

use super::{Args, Call, Op, Primitive};
use crate::axes::{Axes, AxisSet};
use crate::grad::Cotangents;
use crate::kernel::{Lines, reduce, rows};
use crate::real::Real;
use crate::shape::Shape;
use crate::tape::Var;

/// The axes `start..end` of the operand, and whether they stay with length 1.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Span {
    start: u8,
    end: u8,
    keep: bool,
}

/// What is said of a reduction over no elements that needs some.
pub(super) fn nothing(shape: &Shape) -> String {
    format!(
        "{shape} has no elements along the reduced axes\n  help: there is no mean and no extreme of nothing: leave empty arrays out"
    )
}

impl Span {
    #[allow(clippy::cast_possible_truncation, reason = "at most 6 axes")]
    pub(crate) fn new(start: usize, end: usize, keep: bool) -> Self {
        Self { start: start as u8, end: end as u8, keep }
    }

    pub(crate) fn lines(self, shape: &Shape) -> Lines {
        Lines::along(shape, self.start.into(), self.end.into())
    }

    /// The first of its axes.
    pub(crate) fn first(self) -> usize {
        self.start.into()
    }

    /// The axis behind its last one.
    pub(crate) fn end(self) -> usize {
        self.end.into()
    }

    pub(super) fn reduced(self, shape: &Shape) -> Shape {
        shape.reduced(self.start.into(), self.end.into(), self.keep)
    }

    pub(super) fn kept(self) -> Self {
        Self { keep: true, ..self }
    }

    /// A reduced tensor with the reduced axes back as axes of length 1, to broadcast against the operand.
    pub(super) fn spread<'t, T: Real>(self, reduced: Var<'t, T>, operand: &Shape) -> Var<'t, T> {
        if self.keep { reduced } else { reduced.reshape(self.kept().reduced(operand)) }
    }

    /// The operand of a reduction with its reduced axes made one; returns that axis, too.
    fn merged<'t, T: Real>(self, x: Var<'t, T>) -> (Var<'t, T>, usize) {
        let shape = x.shape();
        let mut merged = Shape::from(&shape[..self.start.into()]);
        merged.push(self.lines(&shape).n);
        shape[self.end.into()..].iter().for_each(|&n| merged.push(n));
        (x.reshape(merged), self.start.into())
    }

    pub(super) fn refuse_empty<T: Real>(self, call: &Call<'_, T>) -> Result<Shape, String> {
        let shape = call.shape(0);
        let lines = self.lines(&shape);
        if lines.n == 0 && lines.outer * lines.inner > 0 {
            return Err(nothing(&shape));
        }
        Ok(self.reduced(&shape))
    }

    pub(crate) fn arguments(self) -> String {
        let axes: Vec<_> = (self.start..self.end).map(|axis| axis.to_string()).collect();
        format!("axes [{}]{}", axes.join(", "), if self.keep { " kept" } else { "" })
    }
}

/// Σ along a span.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Sum(pub(crate) Span);

impl Primitive for Sum {
    const NAMES: &'static [&'static str] = &["sum"];

    fn shape<T: Real>(self, call: &Call<'_, T>) -> Result<Shape, String> {
        Ok(self.0.reduced(&call.shape(0)))
    }

    fn eval<T: Real>(self, args: &Args<'_, T>, out: &mut [T]) {
        reduce::sum_lines(self.0.lines(args.shape(0)), args.data(0), out);
    }

    fn vjp<'t, T: Real>(self, ct: &mut Cotangents<'_, 't, T>) {
        let (shape, c) = (ct.x(0).shape(), ct.c());
        ct.add(0, || self.0.spread(c, &shape).broadcast_to(shape));
    }

    fn arguments(self, _: [u32; 3]) -> String {
        self.0.arguments()
    }
}

/// Π along a span.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Prod(Span);

impl Primitive for Prod {
    const NAMES: &'static [&'static str] = &["prod"];

    fn shape<T: Real>(self, call: &Call<'_, T>) -> Result<Shape, String> {
        Ok(self.0.reduced(&call.shape(0)))
    }

    fn eval<T: Real>(self, args: &Args<'_, T>, out: &mut [T]) {
        reduce::fold_lines(self.0.lines(args.shape(0)), args.data(0), out, T::one(), |a, x| a * x);
    }

    fn vjp<'t, T: Real>(self, ct: &mut Cotangents<'_, 't, T>) {
        let (x, c) = (ct.x(0), ct.c());
        let shape = x.shape();
        // The product of all the others, from both sides, since dividing by x fails where x is 0.
        ct.add(0, || {
            let (line, axis) = self.0.merged(x);
            let before = line.cumprod(axis).shifted(axis, 1.0, false);
            let behind = line.cumprod_reverse(axis).shifted(axis, 1.0, true);
            self.0.spread(c, &shape).times((before * behind).reshape(shape))
        });
    }

    fn arguments(self, _: [u32; 3]) -> String {
        self.0.arguments()
    }
}

/// √Σx² along a span.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Norm(pub(super) Span);

impl Primitive for Norm {
    const NAMES: &'static [&'static str] = &["norm"];

    fn shape<T: Real>(self, call: &Call<'_, T>) -> Result<Shape, String> {
        Ok(self.0.reduced(&call.shape(0)))
    }

    fn eval<T: Real>(self, args: &Args<'_, T>, out: &mut [T]) {
        reduce::norm_lines(self.0.lines(args.shape(0)), args.data(0), out);
    }

    fn vjp<'t, T: Real>(self, ct: &mut Cotangents<'_, 't, T>) {
        let (x, y, c) = (ct.x(0), ct.y(), ct.c());
        let shape = x.shape();
        ct.add(0, || {
            let safe = y.eq(0.0).select(1.0, y);
            // The direction first: c·x may overflow or underflow.
            self.0.spread(c, &shape).times(x / self.0.spread(safe, &shape))
        });
    }

    fn arguments(self, _: [u32; 3]) -> String {
        self.0.arguments()
    }
}

/// ln Σeˣ along a span.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct LogSumExp(pub(super) Span);

impl Primitive for LogSumExp {
    const NAMES: &'static [&'static str] = &["logsumexp"];

    fn shape<T: Real>(self, call: &Call<'_, T>) -> Result<Shape, String> {
        self.0.refuse_empty(call)
    }

    fn eval<T: Real>(self, args: &Args<'_, T>, out: &mut [T]) {
        rows::logsumexp(self.0.lines(args.shape(0)), args.data(0), out);
    }

    fn vjp<'t, T: Real>(self, ct: &mut Cotangents<'_, 't, T>) {
        let (x, c) = (ct.x(0), ct.c());
        ct.add(0, || self.0.spread(c, &x.shape()).times(x.record(super::Softmax(self.0.kept()), [x])));
    }

    fn arguments(self, _: [u32; 3]) -> String {
        self.0.arguments()
    }
}

impl<'t, T: Real> Var<'t, T> {
    /// Records a reduction over any set of axes by a primitive that takes a span.
    #[track_caller]
    pub(super) fn reduce<P: Into<Op>>(self, name: &str, axes: &impl Axes, primitive: impl Fn(Span) -> P) -> Self {
        let set = self.expect_axes(name, axes);
        self.reduce_set(set, primitive)
    }

    #[track_caller]
    pub(super) fn reduce_set<P: Into<Op>>(self, set: AxisSet, primitive: impl Fn(Span) -> P) -> Self {
        if let Some((start, end)) = set.span() {
            return self.record(primitive(Span::new(start, end, set.keep)), [self]);
        }
        let shape = self.shape();
        let (reduced, rest): (Vec<_>, Vec<_>) = (0..shape.rank()).partition(|&axis| set.member[axis]);
        let order = [&rest[..], &reduced].concat();
        let gathered = self.permute(&order);
        let result = gathered.record(primitive(Span::new(rest.len(), shape.rank(), false)), [gathered]);
        if set.keep {
            let mut kept = shape;
            set.iter().for_each(|axis| kept[axis] = 1);
            return result.reshape(kept);
        }
        result
    }

    #[track_caller]
    pub(super) fn reduce_all<P: Into<Op>>(self, primitive: impl Fn(Span) -> P) -> Self {
        self.record(primitive(Span::new(0, self.shape().rank(), false)), [self])
    }

    /// Sum of all elements, Σx: a scalar.
    ///
    /// Summed in blocks, so that rounding errors stay small. The sum of no elements is 0. Cotangent: x̄ = c everywhere.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// assert_eq!(grad(|x| (x * x).sum(), &array![1.0, 2.0]), array![2.0, 4.0]);
    /// ```
    #[track_caller]
    pub fn sum(self) -> Self {
        self.reduce_all(Sum)
    }

    /// Sum along some axes, which vanish, or stay with length 1 inside [`keep`](crate::keep). Cotangent: `c` along each
    /// line.
    ///
    /// # Panics
    ///
    /// If an axis is out of range or named twice.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let rows = value(|x| x.sum_axis(1).max(), &array![[1.0, 2.0], [3.0, 4.0]]);
    /// assert_eq!(rows, 7.0);
    /// ```
    #[track_caller]
    pub fn sum_axis(self, axes: impl Axes) -> Self {
        let set = self.expect_axes("sum", &axes);
        self.sum_set(set)
    }

    /// Sums one group of neighbouring axes after the other, from the last one on: no element has to move.
    #[track_caller]
    pub(crate) fn sum_set(self, set: AxisSet) -> Self {
        let (mut sum, mut end) = (self, crate::shape::MAX_RANK);
        if set.iter().next().is_none() {
            return self.record(Sum(Span::new(0, 0, set.keep)), [self]);
        }
        while let Some(last) = (0..end).rev().find(|&axis| set.member[axis]) {
            let start = (0..last).rev().take_while(|&axis| set.member[axis]).last().unwrap_or(last);
            sum = sum.record(Sum(Span::new(start, last + 1, set.keep)), [sum]);
            end = start;
        }
        sum
    }

    /// Product of all elements; 1 for none.
    ///
    /// Cotangent: x̄ᵢ = c·Πⱼ≠ᵢ xⱼ, formed without division: right with any number of zeros, to any order.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// assert_eq!(grad(|x| x.prod(), &array![2.0, 0.0, 5.0]), array![0.0, 10.0, 0.0]);
    /// ```
    #[track_caller]
    pub fn prod(self) -> Self {
        self.reduce_all(Prod)
    }

    /// Product along some axes, which vanish, or stay with length 1 inside [`keep`](crate::keep). Cotangent: as for
    /// [`prod`](Var::prod), line by line.
    ///
    /// # Panics
    ///
    /// If an axis is out of range or named twice.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let x = array![[2.0, 3.0], [0.0, 5.0]];
    /// assert_eq!(grad(|x| x.prod_axis(1).sum(), &x), array![[3.0, 2.0], [5.0, 0.0]]);
    /// ```
    #[track_caller]
    pub fn prod_axis(self, axes: impl Axes) -> Self {
        self.reduce("prod", &axes, Prod)
    }

    /// Euclidean norm of all elements, √Σx², without overflow on the way. The gradient at 0 is 0.
    ///
    /// Cotangent: x̄ = c·x/‖x‖.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// assert_eq!(grad(|x| x.norm(), &array![3.0, 4.0]), array![0.6, 0.8]);
    /// assert_eq!(grad(|x| x.norm(), &array![0.0, 0.0]), array![0.0, 0.0]);
    /// ```
    #[track_caller]
    pub fn norm(self) -> Self {
        self.reduce_all(Norm)
    }

    /// Euclidean norm along some axes, which vanish, or stay with length 1 inside [`keep`](crate::keep). Cotangent: x̄ =
    /// c·x/‖x‖ line by line, 0 where the norm is 0.
    ///
    /// # Panics
    ///
    /// If an axis is out of range or named twice.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// assert_eq!(value(|x| x.norm_axis(1).sum(), &array![[3.0, 4.0], [6.0, 8.0]]), 15.0); // 5 + 10
    /// ```
    #[track_caller]
    pub fn norm_axis(self, axes: impl Axes) -> Self {
        self.reduce("norm", &axes, Norm)
    }

    /// ln Σeˣ over all elements, shifted by the largest so that nothing overflows; −∞ if all are −∞.
    ///
    /// Cotangent: x̄ = c·softmax(x); 0 if all are −∞.
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
    /// assert_eq!(value(|x| x.logsumexp(), &array![1000.0, -1000.0]), 1000.0);
    /// assert_eq!(grad(|x| x.logsumexp(), &array![7.0, 7.0]), array![0.5, 0.5]);
    /// ```
    #[track_caller]
    pub fn logsumexp(self) -> Self {
        self.reduce_all(LogSumExp)
    }

    /// ln Σeˣ along some axes, which vanish, or stay with length 1 inside [`keep`](crate::keep). Cotangent: x̄ =
    /// c·softmax(x) line by line; 0 along a line of −∞.
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
    /// let x = array![[7.0, 7.0], [0.0, f64::NEG_INFINITY]];
    /// assert_eq!(grad(|x| x.logsumexp_axis(1).sum(), &x), array![[0.5, 0.5], [1.0, 0.0]]);
    /// ```
    #[track_caller]
    pub fn logsumexp_axis(self, axes: impl Axes) -> Self {
        self.reduce("logsumexp", &axes, LogSumExp)
    }

    /// Sums over the axes along which `shape` was broadcast to the shape of this tensor: the adjoint of broadcasting.
    #[track_caller]
    pub(crate) fn sum_to(self, shape: &Shape) -> Self {
        let own = self.shape();
        if own == *shape {
            return self;
        }
        let lead = own.rank() - shape.rank();
        let mut set = AxisSet { member: [false; crate::shape::MAX_RANK], keep: true };
        for axis in 0..own.rank() {
            set.member[axis] = axis < lead || (shape[axis - lead] == 1 && own[axis] != 1);
        }
        self.sum_set(set).reshape(*shape)
    }
}
