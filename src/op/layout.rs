//! Primitives that move elements: broadcasting, permuting, slicing, joining, cutting triangles.
//!
//! They are each other's adjoints: broadcast and sum, permutation and its inverse, slice and embedding, joining and
//! slicing. What users compose from them stands in [`arrange`](super::arrange).

use super::{Args, Call, Primitive};
use crate::axes::Axis;
use crate::grad::Cotangents;
use crate::kernel::strided::{self, Walk};
use crate::real::Real;
use crate::shape::{Lengths, MAX_RANK, Shape};
use crate::tape::Var;

/// Repetition along axes of length 1 and new leading axes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct BroadcastTo;

impl Primitive for BroadcastTo {
    const NAMES: &'static [&'static str] = &["broadcast_to"];

    fn shape<T: Real>(self, call: &Call<'_, T>) -> Result<Shape, String> {
        let (from, to) = (call.shape(0), call.given());
        if from.broadcasts_to(&to) {
            return Ok(to);
        }
        Err(format!("{from} to {to}: lengths are matched from the last axis on and must be equal or 1"))
    }

    fn eval<T: Real>(self, args: &Args<'_, T>, out: &mut [T]) {
        let to = args.out_shape();
        strided::read(&Walk::new(*to, args.shape(0).broadcast_strides(to)), args.data(0), out);
    }

    fn vjp<'t, T: Real>(self, ct: &mut Cotangents<'_, 't, T>) {
        // `add` sums over what was repeated.
        let c = ct.c();
        ct.add(0, || c);
    }
}

/// Axes in another order: axis k of the result is axis `self.0[k]` of the operand.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Permute([u8; MAX_RANK]);

impl Permute {
    fn new(order: &[usize]) -> Self {
        let mut permutation = [0; MAX_RANK];
        #[allow(clippy::cast_possible_truncation, reason = "at most 6 axes")]
        permutation.iter_mut().zip(order).for_each(|(to, &axis)| *to = axis as u8);
        Self(permutation)
    }

    pub(crate) fn order(self, rank: usize) -> impl Iterator<Item = usize> {
        self.0.into_iter().take(rank).map(usize::from)
    }

    /// Whether it does nothing but exchange the last two axes.
    pub(crate) fn is_transposition(self, rank: usize) -> bool {
        rank >= 2 && self.order(rank).eq((0..rank - 2).chain([rank - 1, rank - 2]))
    }
}

impl Primitive for Permute {
    const NAMES: &'static [&'static str] = &["permute"];

    fn shape<T: Real>(self, call: &Call<'_, T>) -> Result<Shape, String> {
        let from = call.shape(0);
        let mut to = from;
        self.order(from.rank()).enumerate().for_each(|(k, axis)| to[k] = from[axis]);
        Ok(to)
    }

    fn eval<T: Real>(self, args: &Args<'_, T>, out: &mut [T]) {
        let (from, to) = (args.shape(0), args.out_shape());
        let own = from.strides();
        let mut strides = [0; MAX_RANK];
        self.order(from.rank()).enumerate().for_each(|(k, axis)| strides[k] = own[axis]);
        strided::read(&Walk::new(*to, strides), args.data(0), out);
    }

    fn vjp<'t, T: Real>(self, ct: &mut Cotangents<'_, 't, T>) {
        let c = ct.c();
        let rank = c.shape().rank();
        let mut inverse = vec![0; rank];
        self.order(rank).enumerate().for_each(|(k, axis)| inverse[axis] = k);
        let transposed = || if self.is_transposition(rank) { c.transposed_product() } else { None };
        ct.add(0, || transposed().unwrap_or_else(|| c.permute(&inverse)));
    }

    fn arguments(self, _: [u32; 3]) -> String {
        String::new()
    }
}

/// Some places along one axis: `start`, `start + step`, …; start and step stand in the other inputs, the shape is given.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Slice {
    axis: u8,
}

impl Embed {
    /// The axis, the first place and the step.
    pub(crate) fn place(self, [_, start, step]: [u32; 3]) -> (usize, usize, isize) {
        (self.axis.into(), start as usize, step.cast_signed() as isize)
    }
}

impl Slice {
    /// The axis, the first place and the step.
    pub(crate) fn place(self, [_, start, step]: [u32; 3]) -> (usize, usize, isize) {
        (self.axis.into(), start as usize, step.cast_signed() as isize)
    }
}

/// The adjoint of a slice: zeros, with the operand at the places that the slice takes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Embed {
    axis: u8,
}

/// The walk of a slice through the whole tensor.
fn slice_walk(part: &Shape, whole: &Shape, axis: usize, [_, start, step]: [u32; 3]) -> Walk {
    let mut walk = Walk::new(*part, whole.strides());
    walk.start = start as usize * walk.strides[axis].cast_unsigned();
    walk.strides[axis] *= step.cast_signed() as isize;
    walk
}

fn slice_arguments(axis: u8, [_, start, step]: [u32; 3]) -> String {
    format!("axis {axis} from {start} by {}", step.cast_signed())
}

impl Primitive for Slice {
    const NAMES: &'static [&'static str] = &["slice"];

    fn shape<T: Real>(self, call: &Call<'_, T>) -> Result<Shape, String> {
        Ok(call.given())
    }

    fn eval<T: Real>(self, args: &Args<'_, T>, out: &mut [T]) {
        let walk = slice_walk(args.out_shape(), args.shape(0), self.axis.into(), args.entry.inputs);
        strided::read(&walk, args.data(0), out);
    }

    fn vjp<'t, T: Real>(self, ct: &mut Cotangents<'_, 't, T>) {
        let (c, shape, inputs) = (ct.c(), ct.x(0).shape(), ct.arguments());
        ct.add(0, || c.record_with_shape(Embed { axis: self.axis }, [c.id(), inputs[1], inputs[2]], &shape));
    }

    fn arguments(self, inputs: [u32; 3]) -> String {
        slice_arguments(self.axis, inputs)
    }
}

impl Primitive for Embed {
    const NAMES: &'static [&'static str] = &["embed"];

    fn shape<T: Real>(self, call: &Call<'_, T>) -> Result<Shape, String> {
        Ok(call.given())
    }

    fn eval<T: Real>(self, args: &Args<'_, T>, out: &mut [T]) {
        out.fill(T::zero());
        let walk = slice_walk(args.shape(0), args.out_shape(), self.axis.into(), args.entry.inputs);
        strided::write(&walk, args.data(0), out);
    }

    fn vjp<'t, T: Real>(self, ct: &mut Cotangents<'_, 't, T>) {
        let (c, shape, inputs) = (ct.c(), ct.x(0).shape(), ct.arguments());
        ct.add(0, || c.record_with_shape(Slice { axis: self.axis }, [c.id(), inputs[1], inputs[2]], &shape));
    }

    fn arguments(self, inputs: [u32; 3]) -> String {
        slice_arguments(self.axis, inputs)
    }
}

/// Tensors behind each other along an axis.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Concat {
    axis: u8,
}

impl Primitive for Concat {
    const NAMES: &'static [&'static str] = &["concat"];

    fn shape<T: Real>(self, call: &Call<'_, T>) -> Result<Shape, String> {
        let axis = usize::from(self.axis);
        let parts: Vec<_> = call.log.inputs_list(call.inputs).iter().map(|&id| *call.log.shape(id)).collect();
        let fits = |part: &Shape| part.rank() == parts[0].rank() && part.with(axis, 0) == parts[0].with(axis, 0);
        if let Some(part) = parts.iter().find(|part| !fits(part)) {
            return Err(format!("{} and {part} along axis {axis}: all other lengths must be equal", parts[0]));
        }
        Ok(parts[0].with(axis, parts.iter().map(|part| part[axis]).sum()))
    }

    fn eval<T: Real>(self, args: &Args<'_, T>, out: &mut [T]) {
        let (whole, axis) = (args.out_shape(), usize::from(self.axis));
        let mut start = 0;
        for &id in args.log.operands(args.entry) {
            let part = args.log.shape(id);
            let inputs = [0, u32::try_from(start).expect("a length below 2^32"), 1];
            strided::write(&slice_walk(part, whole, axis, inputs), args.values.value(id), out);
            start += part[axis];
        }
    }

    fn vjp<'t, T: Real>(self, ct: &mut Cotangents<'_, 't, T>) {
        let (c, axis) = (ct.c(), usize::from(self.axis));
        let mut start = 0;
        for operand in 0..ct.count() {
            let length = ct.x(operand).shape()[axis];
            ct.add(operand, || c.slice_axis(axis, start, 1, length));
            start += length;
        }
    }

    fn arguments(self, _: [u32; 3]) -> String {
        format!("axis {}", self.axis)
    }
}

/// The lower or upper triangle of the matrices in the last two axes, zeros elsewhere; the diagonal it reaches to stands
/// in the second input.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Triangle {
    upper: bool,
}

impl Primitive for Triangle {
    const NAMES: &'static [&'static str] = &["tril", "triu"];

    fn name(self) -> &'static str {
        Self::NAMES[usize::from(self.upper)]
    }

    fn shape<T: Real>(self, call: &Call<'_, T>) -> Result<Shape, String> {
        let shape = call.shape(0);
        if shape.rank() < 2 { Err(format!("{shape} is not a matrix")) } else { Ok(shape) }
    }

    fn eval<T: Real>(self, args: &Args<'_, T>, out: &mut [T]) {
        let shape = args.out_shape();
        let (rows, columns) = (shape[shape.rank() - 2], shape[shape.rank() - 1]);
        let diagonal = args.entry.inputs[1].cast_signed() as isize;
        for (at, (out, &x)) in out.iter_mut().zip(args.data(0)).enumerate() {
            let (i, j) = (at / columns % rows, at % columns);
            let distance = j.cast_signed() - i.cast_signed() - diagonal;
            *out = if distance == 0 || (distance > 0) == self.upper { x } else { T::zero() };
        }
    }

    fn vjp<'t, T: Real>(self, ct: &mut Cotangents<'_, 't, T>) {
        let (c, diagonal) = (ct.c(), ct.argument(1));
        ct.add(0, || c.record_with(self, [c.id(), diagonal, 0]));
    }

    fn arguments(self, inputs: [u32; 3]) -> String {
        format!("diagonal {}", inputs[1].cast_signed())
    }
}

impl<'t, T: Real> Var<'t, T> {
    /// Repetition to a larger shape: axes of length 1 are repeated, missing leading axes are added.
    ///
    /// Ops of several operands broadcast by themselves; this is for the rest. Cotangent: `c` summed over what was repeated.
    ///
    /// # Panics
    ///
    /// If the shapes do not fit.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// assert_eq!(grad(|x| x.broadcast_to([3, 2]).sum(), &array![1.0, 2.0]), array![3.0, 3.0]);
    /// ```
    #[track_caller]
    pub fn broadcast_to(self, shape: impl Lengths) -> Self {
        let shape = self.expect_shape("broadcast_to", shape);
        if self.shape() == shape { self.apart_from(self) } else { self.record_shaped(BroadcastTo, [self], &shape) }
    }

    /// Axes in another order: axis k of the result is axis `order[k]` of this tensor. Cotangent: x̄ = c with its axes put
    /// back.
    ///
    /// # Panics
    ///
    /// If `order` does not name each axis once.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let first = value(|x| x.permute(&[1, 0]).reshape([4]).slice(s![1..2]).sum(), &array![[1.0, 2.0], [3.0, 4.0]]);
    /// assert_eq!(first, 3.0); // [[1, 3], [2, 4]]
    /// ```
    #[track_caller]
    pub fn permute(self, order: &[usize]) -> Self {
        let shape = self.shape();
        let mut seen = [false; MAX_RANK];
        let once = order.iter().all(|&axis| axis < shape.rank() && !std::mem::replace(&mut seen[axis], true));
        if !once || order.len() != shape.rank() {
            self.fail("permute", &format!("{order:?} does not name each axis of {shape} once"));
        }
        self.record(Permute::new(order), [self])
    }

    /// The matrix (or the matrices in the last two axes) transposed. Cotangent: x̄ = cᵀ.
    ///
    /// In a [`matmul`](Var::matmul) this costs nothing: the product reads the operand as it stands.
    ///
    /// # Panics
    ///
    /// If there are fewer than two axes.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let x = array![[1.0, 2.0], [3.0, 4.0]];
    /// assert_eq!(value(|x| x.t().slice(s![0, 1]), &x), 3.0);
    /// ```
    #[track_caller]
    pub fn t(self) -> Self {
        let shape = self.shape();
        if shape.rank() < 2 {
            self.fail("t", &format!("{shape} has no two axes to exchange"));
        }
        self.swap_axes(-2, -1)
    }

    /// Two axes exchanged. Cotangent: x̄ = c with them exchanged back.
    ///
    /// # Panics
    ///
    /// If an axis is out of range.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let x = array![[[1.0, 2.0]], [[3.0, 4.0]]];
    /// assert_eq!(value(|x| x.swap_axes(0, 2).slice(s![0, 0, 1]), &x), 3.0);
    /// ```
    #[track_caller]
    pub fn swap_axes(self, a: impl Axis, b: impl Axis) -> Self {
        let (a, b) = (self.expect_axis("swap_axes", a), self.expect_axis("swap_axes", b));
        let mut order = [0, 1, 2, 3, 4, 5];
        order.swap(a, b);
        self.permute(&order[..self.shape().rank()])
    }

    /// `length` places along an axis, from `start` on in steps, which must lie within it.
    #[track_caller]
    pub(crate) fn slice_axis(self, axis: usize, start: usize, step: isize, length: usize) -> Self {
        let shape = self.shape();
        if (start, step, length) == (0, 1, shape[axis]) {
            return self;
        }
        let narrow = |n: isize| i32::try_from(n).expect("lengths below 2^31").cast_unsigned();
        let inputs = [self.id(), narrow(start.cast_signed()), narrow(step)];
        #[allow(clippy::cast_possible_truncation, reason = "at most 6 axes")]
        self.record_with_shape(Slice { axis: axis as u8 }, inputs, &shape.with(axis, length))
    }

    /// The lower triangle of the matrices in the last two axes, zeros above the diagonal.
    ///
    /// `diagonal` moves the border: positive numbers keep that many diagonals above the main one, too. Cotangent: the same
    /// triangle of `c`.
    ///
    /// # Panics
    ///
    /// If there are fewer than two axes.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// assert_eq!(grad(|x| x.tril(0).sum(), &array![[1.0, 2.0], [3.0, 4.0]]), array![[1.0, 0.0], [1.0, 1.0]]);
    /// ```
    #[track_caller]
    pub fn tril(self, diagonal: i32) -> Self {
        self.record_with(Triangle { upper: false }, [self.id(), diagonal.cast_unsigned(), 0])
    }

    /// The upper triangle of the matrices in the last two axes, zeros below the diagonal; see [`tril`](Var::tril).
    ///
    /// A positive `diagonal` drops that many diagonals from the main one on. Cotangent: the same triangle of `c`.
    ///
    /// # Panics
    ///
    /// If there are fewer than two axes.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// assert_eq!(grad(|x| x.triu(0).sum(), &array![[1.0, 2.0], [3.0, 4.0]]), array![[1.0, 1.0], [0.0, 1.0]]);
    /// ```
    #[track_caller]
    pub fn triu(self, diagonal: i32) -> Self {
        self.record_with(Triangle { upper: true }, [self.id(), diagonal.cast_unsigned(), 0])
    }
}

/// Tensors behind each other along an axis.
///
/// Cotangents: to each the slice of `c` that it filled.
///
/// # Panics
///
/// If there is none, the axis is out of range, or other lengths differ.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let twice = grad(|x| concat(&[x, 2.0 * x], 0).sum(), &array![1.0, 1.0]);
/// assert_eq!(twice, array![3.0, 3.0]);
/// ```
#[track_caller]
pub fn concat<'t, T: Real>(parts: &[Var<'t, T>], axis: impl Axis) -> Var<'t, T> {
    let Some(first) = parts.first() else { panic!("concat: of no tensors at all") };
    let axis = first.expect_axis("concat", axis);
    #[allow(clippy::cast_possible_truncation, reason = "at most 6 axes")]
    first.record_list(Concat { axis: axis as u8 }, parts, None)
}
