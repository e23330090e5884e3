//! Gathering and scattering by whole-number positions.

use super::{Args, Call, Primitive};
use crate::axes::Axis;
use crate::grad::Cotangents;
use crate::kernel::Lines;
use crate::real::Real;
use crate::shape::Shape;
use crate::tape::Var;

/// Labels or positions from any lifetime: they are copied and checked at every recording.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let logits = array![[0.0, 2.0], [2.0, 0.0]];
/// let (list, column) = (vec![1, 0], array![1, 0]);
/// let loss = value(|x| cross_entropy(x, &list), &logits);
/// assert_eq!(value(|x| cross_entropy(x, &column), &logits), loss);
/// assert_eq!(value(|x| cross_entropy(x, [1, 0]), &logits), loss);
/// ```
pub trait Indices {
    /// The positions one after the other.
    #[doc(hidden)]
    fn positions(&self) -> impl ExactSizeIterator<Item = usize> + '_;
}

impl Indices for &[usize] {
    fn positions(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
        self.iter().copied()
    }
}

impl<const N: usize> Indices for &[usize; N] {
    fn positions(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
        self.iter().copied()
    }
}

impl<const N: usize> Indices for [usize; N] {
    fn positions(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
        self.iter().copied()
    }
}

impl Indices for &Vec<usize> {
    fn positions(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
        self.iter().copied()
    }
}

impl<S: ndarray::Data<Elem = usize>> Indices for &ndarray::ArrayBase<S, ndarray::Ix1> {
    fn positions(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
        self.iter().copied()
    }
}

impl Indices for ndarray::ArrayView1<'_, usize> {
    fn positions(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
        self.iter().copied()
    }
}

/// Positions in a tensor of any shape: [`Indices`], or an array of several axes.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let (mut params, mut rng) = (Params::<f64>::new(), StdRng::seed_from_u64(7));
/// let words = Embedding::new(&mut params, "words", 10, 4, &mut rng);
/// let mut tape = Tape::new();
/// let step = tape.record(&params);
/// assert_eq!(words.forward(&step, &array![[3], [1]]).shape(), [2, 1, 4]); // two axes
/// ```
pub trait Positions {
    /// The lengths of the axes.
    #[doc(hidden)]
    fn lengths(&self) -> Vec<usize>;

    /// The positions in standard order.
    #[doc(hidden)]
    fn in_order(&self) -> impl ExactSizeIterator<Item = usize> + '_;
}

impl<I: Indices> Positions for I {
    fn lengths(&self) -> Vec<usize> {
        vec![self.positions().len()]
    }

    fn in_order(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
        self.positions()
    }
}

impl<S: ndarray::Data<Elem = usize>> Positions for &ndarray::ArrayBase<S, ndarray::Ix2> {
    fn lengths(&self) -> Vec<usize> {
        self.shape().to_vec()
    }

    fn in_order(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
        self.iter().copied()
    }
}

impl<S: ndarray::Data<Elem = usize>> Positions for &ndarray::ArrayBase<S, ndarray::IxDyn> {
    fn lengths(&self) -> Vec<usize> {
        self.shape().to_vec()
    }

    fn in_order(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
        self.iter().copied()
    }
}

/// Parts along an axis at listed positions.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Gather {
    axis: u8,
}

/// The adjoint of gathering: zeros, with each part added at its position.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct ScatterAdd {
    axis: u8,
}

/// One row for each label: 1 at the label, 0 elsewhere.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct OneHot;

impl Primitive for Gather {
    const NAMES: &'static [&'static str] = &["index_select"];

    fn arity(self) -> usize {
        2
    }

    fn shape<T: Real>(self, call: &Call<'_, T>) -> Result<Shape, String> {
        Ok(call.shape(0).with(self.axis.into(), call.shape(1).size()))
    }

    fn eval<T: Real>(self, args: &Args<'_, T>, out: &mut [T]) {
        let (indices, data) = (args.indices(1), args.data(0));
        let Lines { n, inner, .. } = lines(args.shape(0), self.axis);
        for (part, out) in out.chunks_exact_mut(inner.max(1)).enumerate() {
            let (outer, k) = (part / indices.len(), part % indices.len());
            let start = (outer * n + indices[k] as usize) * inner;
            out.copy_from_slice(&data[start..start + inner]);
        }
    }

    fn vjp<'t, T: Real>(self, ct: &mut Cotangents<'_, 't, T>) {
        let (x, indices, c) = (ct.x(0), ct.x(1), ct.c());
        ct.add(0, || c.record_shaped(ScatterAdd { axis: self.axis }, [c, indices], &x.shape()));
    }

    fn arguments(self, _: [u32; 3]) -> String {
        format!("axis {}", self.axis)
    }
}

impl Primitive for ScatterAdd {
    const NAMES: &'static [&'static str] = &["scatter_add"];

    fn arity(self) -> usize {
        2
    }

    fn shape<T: Real>(self, call: &Call<'_, T>) -> Result<Shape, String> {
        Ok(call.given())
    }

    fn eval<T: Real>(self, args: &Args<'_, T>, out: &mut [T]) {
        out.fill(T::zero());
        let (indices, data) = (args.indices(1), args.data(0));
        let Lines { n, inner, .. } = lines(args.out_shape(), self.axis);
        for (part, data) in data.chunks_exact(inner.max(1)).enumerate() {
            let (outer, k) = (part / indices.len(), part % indices.len());
            let start = (outer * n + indices[k] as usize) * inner;
            out[start..start + inner].iter_mut().zip(data).for_each(|(to, &x)| *to += x);
        }
    }

    fn vjp<'t, T: Real>(self, ct: &mut Cotangents<'_, 't, T>) {
        let (indices, c) = (ct.x(1), ct.c());
        ct.add(0, || c.record(Gather { axis: self.axis }, [c, indices]));
    }

    fn arguments(self, _: [u32; 3]) -> String {
        format!("axis {}", self.axis)
    }
}

impl Primitive for OneHot {
    const NAMES: &'static [&'static str] = &["one_hot"];

    fn shape<T: Real>(self, call: &Call<'_, T>) -> Result<Shape, String> {
        Ok(call.given())
    }

    fn eval<T: Real>(self, args: &Args<'_, T>, out: &mut [T]) {
        out.fill(T::zero());
        let classes = args.out_shape()[1];
        args.indices(0).iter().enumerate().for_each(|(row, &label)| out[row * classes + label as usize] = T::one());
    }

    fn vjp<'t, T: Real>(self, _: &mut Cotangents<'_, 't, T>) {}
}

fn lines(shape: &Shape, axis: u8) -> Lines {
    Lines::along(shape, axis.into(), usize::from(axis) + 1)
}

impl<'t, T: Real> Var<'t, T> {
    /// The parts along an axis at the listed positions, in that order; a position may come up again.
    ///
    /// Cotangent: each part of `c` added at its position ([`scatter_add`](Var::scatter_add)).
    ///
    /// # Panics
    ///
    /// If the axis or a position is out of range.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let g = grad(|x| x.index_select(0, &[2, 2, 0]).sum(), &array![1.0, 1.0, 1.0]);
    /// assert_eq!(g, array![1.0, 0.0, 2.0]);
    /// ```
    #[track_caller]
    #[allow(clippy::needless_pass_by_value, reason = "a reference is passed")]
    pub fn index_select(self, axis: impl Axis, positions: impl Indices) -> Self {
        self.select_at("index_select: index", axis, positions.positions())
    }

    #[track_caller]
    pub(crate) fn select_at(
        self,
        what: &str,
        axis: impl Axis,
        positions: impl ExactSizeIterator<Item = usize>,
    ) -> Self {
        let axis = self.expect_axis("index_select", axis);
        let indices = self.indices(what, positions, self.shape()[axis]);
        #[allow(clippy::cast_possible_truncation, reason = "at most 6 axes")]
        self.record(Gather { axis: axis as u8 }, [self, indices])
    }

    /// For each listed position along an axis, the element there: position (i, j, …) of `positions` along `axis` picks
    /// x[i, …, positions[i, j, …], …], as `gather` does in PyTorch and `take_along_axis` in `NumPy`.
    ///
    /// `positions` has as many elements as a tensor of this shape with `axis` replaced by their number per line. Cotangent:
    /// each element of `c` added where it was picked.
    ///
    /// # Panics
    ///
    /// If the axis or a position is out of range or the shape of the positions does not fit.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let picked = value(|x| x.gather(1, &array![[1], [0]]).sum(), &array![[1.0, 2.0], [3.0, 4.0]]);
    /// assert_eq!(picked, 5.0); // 2 + 3
    /// ```
    #[track_caller]
    pub fn gather<D: ndarray::Dimension>(self, axis: impl Axis, positions: &ndarray::Array<usize, D>) -> Self {
        let axis = self.expect_axis("gather", axis);
        let (own, other) = (self.shape(), positions.shape());
        if other.len() != own.rank() || own.with(axis, other[axis]) != *other {
            self.fail(
                "gather",
                &format!("positions {other:?} for {own} along axis {axis}: all other lengths must be equal"),
            );
        }
        let (Lines { n, inner, .. }, picks) = (Lines::along(&own, axis, axis + 1), other[axis]);
        if let Some(wrong) = positions.iter().find(|&&at| at >= n) {
            self.fail("gather", &format!("position {wrong} along axis {axis} of {own}"));
        }
        let flat = positions.iter().enumerate().map(|(at, &position)| {
            let (outer, i) = (at / (picks * inner), at % inner);
            (outer * n + position) * inner + i
        });
        let indices = self.indices("gather: index", flat, own.size());
        let shape = own.with(axis, picks);
        let elements = self.flatten();
        elements.record(Gather { axis: 0 }, [elements, indices]).reshape(shape)
    }

    /// This tensor with each part of `parts` added at its position along an axis; a position may come up again.
    ///
    /// Cotangents: `c` to this tensor, the parts of `c` at the positions to `parts`.
    ///
    /// # Panics
    ///
    /// If the axis or a position is out of range or the shape of `parts` does not fit.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let top = value(|x| x.scatter_add(0, &[1, 1], x.constant(&array![5.0, 6.0])).max(), &array![0.0, 1.0]);
    /// assert_eq!(top, 12.0);
    /// ```
    #[track_caller]
    #[allow(clippy::needless_pass_by_value, reason = "a reference is passed")]
    pub fn scatter_add(self, axis: impl Axis, positions: impl Indices, parts: Self) -> Self {
        let axis = self.expect_axis("scatter_add", axis);
        let (own, other) = (self.shape(), parts.shape());
        let positions = positions.positions();
        if own.with(axis, positions.len()) != other {
            self.fail(
                "scatter_add",
                &format!("parts {other} at {} positions along axis {axis} of {own}", positions.len()),
            );
        }
        let indices = self.indices("scatter_add: index", positions, own[axis]);
        #[allow(clippy::cast_possible_truncation, reason = "at most 6 axes")]
        let scattered = self.record_shaped(ScatterAdd { axis: axis as u8 }, [parts, indices], &own);
        self + scattered
    }
}
