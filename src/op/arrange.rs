//! Arranging elements: compositions of the primitives of [`layout`](super::layout).

use ndarray::SliceInfoElem;

use super::layout::concat;
use crate::axes::{Axes, Axis};
use crate::real::{Real, Scalar};
use crate::shape::{MAX_RANK, Shape};
use crate::tape::Var;

/// Tensors of one shape side by side along a new axis. Cotangents: to each the part of `c` that it filled.
///
/// # Panics
///
/// If there is none, the place of the axis is out of range, or shapes differ.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let shape = value(|x| stack(&[x, x, x], 0).sum_axis(0).max(), &array![1.0, 2.0]);
/// assert_eq!(shape, 6.0);
/// ```
#[track_caller]
pub fn stack<'t, T: Real>(parts: &[Var<'t, T>], axis: impl Axis) -> Var<'t, T> {
    let Some(first) = parts.first() else { panic!("stack: of no tensors at all") };
    let shape = first.shape();
    if let Some(other) = parts.iter().find(|part| part.shape() != shape) {
        first.fail("stack", &format!("{shape} and {}: all shapes must be equal", other.shape()));
    }
    let raised: Vec<_> = parts.iter().map(|part| part.insert_axis("stack", axis)).collect();
    let axis = raised[0].expect_axis("stack", axis);
    concat(&raised, axis)
}

/// Where a slice `start..end` by `step` begins, and how many places it takes, as `ndarray` counts them: negative ends
/// count from the back, and a negative step walks the range from its end.
fn places(start: isize, end: Option<isize>, step: isize, length: usize) -> Result<(usize, usize), String> {
    let n = length.cast_signed();
    let resolve = |at: isize| if at < 0 { at + n } else { at };
    let (from, to) = (resolve(start), end.map_or(n, resolve));
    let to = to.max(from);
    if step == 0 {
        return Err("a step of 0".to_owned());
    }
    if from < 0 || to > n {
        let end = end.map_or(String::new(), |end| end.to_string());
        return Err(format!("{start}..{end} reaches beyond the length {length}"));
    }
    let count = (to - from).cast_unsigned().div_ceil(step.unsigned_abs());
    let first = if step < 0 && count > 0 { to - 1 } else { from };
    Ok((first.cast_unsigned(), count))
}

impl<'t, T: Real> Var<'t, T> {
    /// Part of the tensor, chosen as in `ndarray` with [`s!`](ndarray::s): ranges, steps (also negative), single
    /// positions (the axis vanishes) and new axes.
    ///
    /// Positions are structure: another one next time is another program, so gather with
    /// [`index_select`](Var::index_select) where they change with the data. Cotangent: `c` at the places taken, 0 elsewhere.
    ///
    /// # Panics
    ///
    /// If a position lies outside, a step is 0, there are more entries than axes, or the rank would exceed 6.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let g = grad(|x| x.slice(s![..;2]).sum(), &array![1.0, 2.0, 3.0]);
    /// assert_eq!(g, array![1.0, 0.0, 1.0]);
    /// ```
    #[track_caller]
    #[allow(clippy::needless_pass_by_value, reason = "s![…] is written in place")]
    pub fn slice(self, places: impl AsRef<[SliceInfoElem]>) -> Self {
        let whole = self.shape();
        let count = |kind: fn(&SliceInfoElem) -> bool| places.as_ref().iter().filter(|&element| kind(element)).count();
        let (new, gone) = (count(SliceInfoElem::is_new_axis), count(SliceInfoElem::is_index));
        if whole.rank() + new > MAX_RANK + gone {
            let axes = if new == 1 { "axis" } else { "axes" };
            self.fail("slice", &format!("{whole} with {new} new {axes} would have more than {MAX_RANK}"));
        }
        let (mut result, mut axis, mut shape) = (self, 0, Shape::scalar());
        for &element in places.as_ref() {
            if let SliceInfoElem::NewAxis = element {
                shape.push(1);
                continue;
            }
            if axis == whole.rank() {
                self.fail("slice", &format!("more entries than the axes of {whole}"));
            }
            let (start, end, step) = match element {
                SliceInfoElem::Slice { start, end, step } => (start, end, step),
                SliceInfoElem::Index(at) => (at, if at == -1 { None } else { Some(at + 1) }, 1),
                SliceInfoElem::NewAxis => unreachable!("handled above"),
            };
            match self::places(start, end, step, whole[axis]) {
                Ok((_, 0)) if matches!(element, SliceInfoElem::Index(_)) => {
                    self.fail("slice", &format!("position {start} along axis {axis} of {whole}"));
                }
                Ok((first, count)) => {
                    result = result.slice_axis(axis, first, step, count);
                    if !matches!(element, SliceInfoElem::Index(_)) {
                        shape.push(count);
                    }
                }
                Err(message) => self.fail("slice", &format!("{message} of axis {axis} of {whole}")),
            }
            axis += 1;
        }
        whole[axis..].iter().for_each(|&n| shape.push(n));
        if result.shape() == shape { result.apart_from(self) } else { result.reshape(shape) }
    }

    /// The part at one position along an axis, which vanishes. Cotangent: `c` at the position, 0 elsewhere.
    ///
    /// # Panics
    ///
    /// If the axis or the position is out of range.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let x = array![[1.0, 2.0], [3.0, 4.0]];
    /// assert_eq!(grad(|x| x.index_axis(0, 1).sum(), &x), array![[0.0, 0.0], [1.0, 1.0]]);
    /// ```
    #[track_caller]
    pub fn index_axis(self, axis: impl Axis, position: usize) -> Self {
        let axis = self.expect_axis("index_axis", axis);
        let shape = self.shape();
        if position >= shape[axis] {
            self.fail("index_axis", &format!("position {position} along axis {axis} of {shape}"));
        }
        self.slice_axis(axis, position, 1, 1).reshape(shape.reduced(axis, axis + 1, false))
    }

    /// The tensor cut into parts of these lengths along an axis. Cotangent: those of the parts behind each other.
    ///
    /// # Panics
    ///
    /// If the axis is out of range or the lengths do not add up to its length.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let tail = value(|x| x.split(&[1, 2], 0)[1].sum(), &array![1.0, 2.0, 3.0]);
    /// assert_eq!(tail, 5.0);
    /// ```
    #[track_caller]
    pub fn split(self, lengths: &[usize], axis: impl Axis) -> Vec<Self> {
        let axis = self.expect_axis("split", axis);
        let shape = self.shape();
        if lengths.iter().sum::<usize>() != shape[axis] {
            self.fail("split", &format!("lengths {lengths:?} do not add up to axis {axis} of {shape}"));
        }
        let mut start = 0;
        let mut parts = Vec::with_capacity(lengths.len());
        for &length in lengths {
            parts.push(self.slice_axis(axis, start, 1, length).apart_from(self));
            start += length;
        }
        parts
    }

    /// The tensor with `before` and `after` more elements of the given value along each axis. Cotangent: the inner part of
    /// `c`.
    ///
    /// # Panics
    ///
    /// If there is not one pair for each axis.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// assert_eq!(value(|x| x.pad(&[(1, 2)], 5.0).sum(), &array![1.0]), 16.0);
    /// ```
    #[track_caller]
    pub fn pad(self, widths: &[(usize, usize)], value: impl Scalar) -> Self {
        let shape = self.shape();
        if widths.len() != shape.rank() {
            self.fail("pad", &format!("{} pairs of widths for the {} axes of {shape}", widths.len(), shape.rank()));
        }
        let edge = self.scalar(value);
        let mut padded = self;
        for (axis, &(before, after)) in widths.iter().enumerate() {
            let shape = padded.shape();
            let side = |length: usize| edge.broadcast_to(shape.with(axis, length));
            padded = match (before, after) {
                (0, 0) => padded,
                (0, after) => concat(&[padded, side(after)], axis),
                (before, 0) => concat(&[side(before), padded], axis),
                (before, after) => concat(&[side(before), padded, side(after)], axis),
            };
        }
        padded.apart_from(self)
    }

    /// The tensor with the order along these axes reversed. Cotangent: `c` reversed along them.
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
    /// let g = grad(|x| (x.flip(0) * x.constant(&array![1.0, 2.0])).sum(), &array![0.0, 0.0]);
    /// assert_eq!(g, array![2.0, 1.0]);
    /// ```
    #[track_caller]
    #[allow(clippy::needless_pass_by_value, reason = "axes are small and written in place")]
    pub fn flip(self, axes: impl Axes) -> Self {
        let set = self.expect_axes("flip", &axes);
        let shape = self.shape();
        set.iter()
            .filter(|&axis| shape[axis] > 1)
            .fold(self, |x, axis| x.slice_axis(axis, shape[axis] - 1, -1, shape[axis]))
            .apart_from(self)
    }

    /// The tensor rotated along an axis: element i moves to i + `shift`, round the end. Cotangent: `c` rotated back.
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
    /// let first = value(|x| x.roll(1, 0).index_axis(0, 0), &array![1.0, 2.0, 3.0]);
    /// assert_eq!(first, 3.0);
    /// ```
    #[track_caller]
    pub fn roll(self, shift: isize, axis: impl Axis) -> Self {
        let axis = self.expect_axis("roll", axis);
        let n = self.shape()[axis];
        if n == 0 || shift.rem_euclid(n.cast_signed()) == 0 {
            return self.apart_from(self);
        }
        let cut = n - shift.rem_euclid(n.cast_signed()).cast_unsigned();
        concat(&[self.slice_axis(axis, cut, 1, n - cut), self.slice_axis(axis, 0, 1, cut)], axis)
    }

    /// The tensor repeated as a whole along each axis. Cotangent: `c` summed over the repetitions.
    ///
    /// # Panics
    ///
    /// If there is not one number for each axis.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// assert_eq!(grad(|x| x.tile(&[3]).sum(), &array![1.0, 2.0]), array![3.0, 3.0]);
    /// ```
    #[track_caller]
    pub fn tile(self, repeats: &[usize]) -> Self {
        let shape = self.shape();
        if repeats.len() != shape.rank() {
            self.fail("tile", &format!("{} numbers for the {} axes of {shape}", repeats.len(), shape.rank()));
        }
        let mut tiled = self;
        for (axis, &times) in repeats.iter().enumerate().filter(|&(_, &times)| times != 1) {
            let shape = tiled.shape();
            let (outer, rest) = (shape[..axis].iter().product(), shape[axis..].iter().product());
            tiled = tiled
                .reshape([outer, 1, rest])
                .broadcast_to([outer, times, rest])
                .reshape(shape.with(axis, shape[axis] * times));
        }
        tiled.apart_from(self)
    }

    /// The main diagonal of a matrix as a vector, or a vector as the diagonal of a square matrix of zeros.
    /// Cotangent: of a matrix, `c` on the diagonal of zeros; of a vector, the diagonal of `c`.
    ///
    /// # Panics
    ///
    /// If the tensor is neither.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// assert_eq!(grad(|x| x.diag().sum(), &array![[1.0, 2.0], [3.0, 4.0]]), array![[1.0, 0.0], [0.0, 1.0]]);
    /// ```
    #[track_caller]
    pub fn diag(self) -> Self {
        match *self.shape() {
            [n] => {
                // Each element before n zeros, the last one alone, is the matrix in standard order.
                let spaced = self.reshape([n, 1]).pad(&[(0, 0), (0, n)], 0.0).flatten();
                spaced.slice_axis(0, 0, 1, n * n).reshape([n, n])
            }
            [rows, columns] => self.diagonal(rows.min(columns), columns),
            _ => self.fail("diag", &format!("{} is neither a matrix nor a vector", self.shape())),
        }
    }

    /// The sum of the diagonal of the square matrices in the last two axes: `[…, n, n]` becomes `[…]`. Cotangent: `c` on the
    /// diagonal of zeros.
    ///
    /// # Panics
    ///
    /// If the matrices are not square.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let x = array![[1.0, 2.0], [3.0, 4.0]];
    /// assert_eq!((value(|x| x.trace(), &x), grad(|x| x.trace(), &x)), (5.0, Array2::eye(2)));
    /// ```
    #[track_caller]
    pub fn trace(self) -> Self {
        match self.shape()[..] {
            [.., rows, columns] if rows == columns => self.diagonal(rows, columns).sum_axis(-1),
            _ => self.fail("trace", &format!("{}: expected a square matrix", self.shape())),
        }
    }

    /// The main diagonals of the matrices in the last two axes.
    #[track_caller]
    pub(crate) fn diagonal(self, length: usize, columns: usize) -> Self {
        let flat = self.flatten_from(-2);
        let axis = flat.shape().rank() - 1;
        flat.slice_axis(axis, 0, (columns + 1).cast_signed(), length)
    }
}
