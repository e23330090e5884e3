//! Softmax and what belongs to it, standardisation: ops over whole rows, each with its formula in smaller ops.

use super::index::Indices;
use super::reduce::Span;
use super::{Args, Call, OneHot, Primitive};
use crate::axes::{Axes, Axis};
use crate::grad::Cotangents;
use crate::kernel::rows;
use crate::real::Real;
use crate::shape::Shape;
use crate::tape::Var;

/// eˣ/Σeˣ along a span.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Softmax(pub(crate) Span);

impl Primitive for Softmax {
    const NAMES: &'static [&'static str] = &["softmax"];

    fn shape<T: Real>(self, call: &Call<'_, T>) -> Result<Shape, String> {
        Ok(call.shape(0))
    }

    fn eval<T: Real>(self, args: &Args<'_, T>, out: &mut [T]) {
        rows::softmax(self.0.lines(args.shape(0)), args.data(0), out);
    }

    // x̄ = y ⊙ (c − Σ c⊙y)
    fn vjp<'t, T: Real>(self, ct: &mut Cotangents<'_, 't, T>) {
        let (y, c) = (ct.y(), ct.c());
        ct.add(0, || {
            let weighted = c.times(y);
            weighted - weighted.sum_span(self.0).times(y)
        });
    }

    fn arguments(self, _: [u32; 3]) -> String {
        self.0.arguments()
    }
}

/// x − ln Σeˣ along a span.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct LogSoftmax(pub(super) Span);

impl Primitive for LogSoftmax {
    const NAMES: &'static [&'static str] = &["log_softmax"];

    fn shape<T: Real>(self, call: &Call<'_, T>) -> Result<Shape, String> {
        Ok(call.shape(0))
    }

    fn eval<T: Real>(self, args: &Args<'_, T>, out: &mut [T]) {
        rows::log_softmax(self.0.lines(args.shape(0)), args.data(0), out);
    }

    // x̄ = c − softmax(x)·Σc
    fn vjp<'t, T: Real>(self, ct: &mut Cotangents<'_, 't, T>) {
        let (y, c) = (ct.y(), ct.c());
        ct.add(0, || c - c.sum_span(self.0).times(y.exp()));
    }

    fn arguments(self, _: [u32; 3]) -> String {
        self.0.arguments()
    }
}

/// ln Σeˣ − x[label] for each row.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct CrossEntropy;

impl Primitive for CrossEntropy {
    const NAMES: &'static [&'static str] = &["cross_entropy"];

    fn arity(self) -> usize {
        2
    }

    fn shape<T: Real>(self, call: &Call<'_, T>) -> Result<Shape, String> {
        let (logits, labels) = (call.shape(0), call.shape(1));
        if logits[0] == labels[0] {
            return Ok(labels);
        }
        Err(format!("logits {logits} and {} labels: one label for each row is needed", labels[0]))
    }

    fn eval<T: Real>(self, args: &Args<'_, T>, out: &mut [T]) {
        rows::cross_entropy(args.shape(0)[1], args.data(0), args.indices(1), out);
    }

    // x̄ = (softmax(x) − one-hot) · c, row by row
    fn vjp<'t, T: Real>(self, ct: &mut Cotangents<'_, 't, T>) {
        let (x, labels, c) = (ct.x(0), ct.x(1), ct.c());
        ct.add(0, || c.unsqueeze(1).times(x.softmax(1) - labels.record_shaped(OneHot, [labels], &x.shape())));
    }
}

/// (x − mean)/√(variance + ε) along a span; ε is the second operand.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Standardize(pub(super) Span);

impl Primitive for Standardize {
    const NAMES: &'static [&'static str] = &["standardize"];

    fn arity(self) -> usize {
        2
    }

    fn shape<T: Real>(self, call: &Call<'_, T>) -> Result<Shape, String> {
        Ok(call.shape(0))
    }

    fn eval<T: Real>(self, args: &Args<'_, T>, out: &mut [T]) {
        rows::standardize(self.0.lines(args.shape(0)), args.data(1)[0], args.data(0), out);
    }

    // With r = 1/√(variance + ε): x̄ = r·(c − mean c − y·mean(c⊙y)), ε̄ = −½r²·Σ c⊙y.
    fn vjp<'t, T: Real>(self, ct: &mut Cotangents<'_, 't, T>) {
        let (x, epsilon, y, c) = (ct.x(0), ct.x(1), ct.y(), ct.c());
        let n = self.0.lines(&x.shape()).n;
        // Spread over the rows at once: what is done with one number for each row would be a pass by itself.
        let mean = |v: Var<'t, T>| v.sum_span(self.0).broadcast_to(x.shape()) * v.literal(1.0 / n as f64);
        let scale = || {
            let centred = x - mean(x);
            (mean(centred.square()) + epsilon).rsqrt()
        };
        ct.add(0, || (c - mean(c) - mean(c.times(y)).times(y)).times(scale()));
        ct.add(1, || {
            let r = scale();
            c.times(y).times(r * r).sum() * -0.5
        });
    }

    fn arguments(self, _: [u32; 3]) -> String {
        self.0.arguments()
    }
}

impl<'t, T: Real> Var<'t, T> {
    #[track_caller]
    fn sum_span(self, span: Span) -> Self {
        self.record(super::Sum(span), [self])
    }

    /// Softmax along an axis: eˣ/Σeˣ, shifted by the largest element; zeros where all are −∞.
    ///
    /// Cotangent: x̄ = y ⊙ (c − Σ c⊙y), so 0 where all are −∞.
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
    /// let p = value(|x| x.softmax(0).max(), &array![1000.0, 1000.0]);
    /// assert_eq!(p, 0.5);
    /// ```
    #[track_caller]
    pub fn softmax(self, axis: impl Axis) -> Self {
        let axis = self.expect_axis("softmax", axis);
        self.record(Softmax(Span::new(axis, axis + 1, true)), [self])
    }

    /// Logarithm of the softmax along an axis, x − ln Σeˣ, without the loss of digits that taking both has; −∞ where all
    /// are −∞.
    ///
    /// Cotangent: x̄ = c − softmax(x)·Σc, so c where all are −∞.
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
    /// assert_eq!(value(|x| x.log_softmax(0).min(), &array![0.0, 1e4]), -1e4);
    /// ```
    #[track_caller]
    pub fn log_softmax(self, axis: impl Axis) -> Self {
        let axis = self.expect_axis("log_softmax", axis);
        self.record(LogSoftmax(Span::new(axis, axis + 1, true)), [self])
    }

    /// Cross-entropy of each row of logits `[batch, classes]` with its label, in nats: `−log_softmax(x)[label]`.
    ///
    /// One loss for each row; [`cross_entropy`](crate::nn::cross_entropy) is their mean. A row of −∞ has the loss +∞.
    /// Cotangent: x̄ = c·(softmax(x) − one-hot), row by row.
    ///
    /// # Panics
    ///
    /// If the logits are no matrix, the batch is empty, or the labels do not fit in number or range.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// // equal logits: the loss of each row is ln 2
    /// let x = array![[0.0, 0.0], [5.0, 5.0]];
    /// assert_eq!(value(|x| x.cross_entropy_rows(&[0, 1]).max(), &x), 2.0_f64.ln());
    /// assert_eq!(grad(|x| x.cross_entropy_rows(&[0, 1]).sum(), &x), array![[-0.5, 0.5], [0.5, -0.5]]);
    /// ```
    #[track_caller]
    #[allow(clippy::needless_pass_by_value, reason = "a reference is passed")]
    pub fn cross_entropy_rows(self, labels: impl Indices) -> Self {
        let shape = self.shape();
        let labels = labels.positions();
        if shape.rank() != 2 {
            self.fail("cross_entropy", &format!("logits {shape}, expected [batch, classes]"));
        }
        if shape.size() == 0 {
            self.fail("cross_entropy", &format!("logits {shape}: there is nothing to take the loss of"));
        }
        if labels.len() != shape[0] {
            self.fail(
                "cross_entropy",
                &format!("logits {shape} and {} labels: one label for each row is needed", labels.len()),
            );
        }
        let labels = self.indices("cross_entropy: label", labels, shape[1]);
        self.record(CrossEntropy, [self, labels])
    }

    /// Mean 0 and variance 1 along some neighbouring axes: (x − mean)/√(variance + ε), the variance over n.
    ///
    /// `epsilon` keeps rows of equal elements finite. Cotangent, with r = 1/√(variance + ε):
    /// x̄ = r·(c − mean c − y·mean(c⊙y)).
    ///
    /// # Panics
    ///
    /// If an axis is out of range or the axes do not lie beside each other.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// assert_eq!(value(|x| x.standardize(0, 0.0).max(), &array![1.0, 3.0]), 1.0);
    /// ```
    #[track_caller]
    #[allow(clippy::needless_pass_by_value, reason = "axes are small and written in place")]
    pub fn standardize(self, axes: impl Axes, epsilon: f64) -> Self {
        let set = self.expect_axes("standardize", &axes);
        let Some((start, end)) = set.span() else {
            self.fail("standardize", "the axes must lie beside each other");
        };
        if epsilon.is_nan() || epsilon < 0.0 {
            self.fail("standardize", &format!("an epsilon of {epsilon}, expected 0 or more"));
        }
        let epsilon = self.literal(epsilon);
        self.record(Standardize(Span::new(start, end, true)), [self, epsilon])
    }

    /// Layer normalisation: [`standardize`](Var::standardize) along the last axis, then scaled and moved.
    ///
    /// `scale` and `shift` have the length of the last axis; 1e-5 is the usual `epsilon`. Cotangents, with s for the
    /// standardised x: c·scale into that of `standardize`, Σ c⊙s and Σ c over all rows.
    ///
    /// # Panics
    ///
    /// If the tensor is a scalar, the shapes do not broadcast, or `epsilon` is negative or NaN.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let (scale, shift) = (array![2.0, 2.0], array![10.0, 10.0]);
    /// let y = value(|x| x.layer_norm(x.constant(&scale), x.constant(&shift), 0.0).max(), &array![[1.0, 3.0]]);
    /// assert_eq!(y, 12.0); // 2·1 + 10
    /// ```
    ///
    /// # References
    ///
    /// Ba, Kiros, Hinton 2016, Layer normalization.
    #[track_caller]
    pub fn layer_norm(self, scale: Self, shift: Self, epsilon: f64) -> Self {
        let shape = self.shape();
        for (name, given) in [("scale", scale.shape()), ("shift", shift.shape())] {
            if !given.broadcasts_to(&shape) {
                self.fail(
                    "layer_norm",
                    &format!("a {name} of shape {given} for {shape}, expected the length of the last axis"),
                );
            }
        }
        self.standardize(-1, epsilon) * scale + shift
    }
}
