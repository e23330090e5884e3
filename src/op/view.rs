//! Ops that leave the elements where they are: another shape, another identity, no derivative.

use super::{Args, Call, Primitive};
use crate::axes::{Axes, Axis, resolve_axis};
use crate::grad::Cotangents;
use crate::real::Real;
use crate::shape::{Lengths, MAX_RANK, Shape};
use crate::tape::Var;

/// The same elements in the same order; nothing is computed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum View {
    /// Another shape of the same size.
    Reshape,
    /// The value as a constant.
    Detach,
    /// The value under another identity, to be differentiated for by itself.
    Alias,
    /// The result of what is computed again for its derivative. The other inputs are what that is made from, and the first
    /// instruction of it.
    Checkpoint,
}

impl Primitive for View {
    const NAMES: &'static [&'static str] = &["reshape", "detach", "alias", "checkpoint"];

    fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    fn shape<T: Real>(self, call: &Call<'_, T>) -> Result<Shape, String> {
        let from = call.shape(0);
        match call.given {
            Some(to) if to.size() != from.size() => {
                Err(format!("{from} to {to}: {} elements do not fill {}", from.size(), to.size()))
            }
            Some(to) => Ok(to),
            None => Ok(from),
        }
    }

    fn eval<T: Real>(self, _: &Args<'_, T>, _: &mut [T]) {
        unreachable!("views are read where they stand")
    }

    fn vjp<'t, T: Real>(self, ct: &mut Cotangents<'_, 't, T>) {
        let (c, shape) = (ct.c(), ct.x(0).shape());
        match self {
            View::Reshape => ct.add(0, || c.reshape(shape)),
            View::Alias | View::Checkpoint => ct.add(0, || c),
            View::Detach => {}
        }
    }
}

impl<'t, T: Real> Var<'t, T> {
    /// The same elements in another shape.
    ///
    /// Elements keep their standard (row-major) order. Cotangent: x̄ = c in the shape of `x`.
    ///
    /// # Panics
    ///
    /// If the number of elements differs.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let g = grad(|x| (x.reshape([2, 2]) * x.constant(&array![[1.0, 2.0], [3.0, 4.0]])).sum(), &array![0.0, 0.0, 0.0, 0.0]);
    /// assert_eq!(g, array![1.0, 2.0, 3.0, 4.0]);
    /// ```
    #[track_caller]
    pub fn reshape(self, shape: impl Lengths) -> Self {
        let shape = self.expect_shape("reshape", shape);
        self.record_shaped(View::Reshape, [self], &shape)
    }

    /// All elements in one axis. Cotangent: x̄ = c in the shape of `x`.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// assert_eq!(value(|x| x.flatten().slice(s![2]), &array![[1.0, 2.0], [3.0, 4.0]]), 3.0);
    /// ```
    #[track_caller]
    pub fn flatten(self) -> Self {
        self.reshape([self.shape().size()])
    }

    /// All axes from `axis` on as one. Cotangent: x̄ = c in the shape of `x`.
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
    /// // two images of 2 × 1 as rows of 2
    /// let x = array![[[1.0], [2.0]], [[3.0], [4.0]]];
    /// assert_eq!(value(|x| x.flatten_from(1).max_axis(1).sum(), &x), 6.0); // 2 + 4
    /// ```
    #[track_caller]
    pub fn flatten_from(self, axis: impl Axis) -> Self {
        let shape = self.shape();
        let axis = self.expect_axis("flatten_from", axis);
        let mut flat = Shape::from(&shape[..axis]);
        flat.push(shape[axis..].iter().product());
        self.reshape(flat)
    }

    /// The tensor without these axes, which must have length 1. Cotangent: x̄ = c in the shape of `x`.
    ///
    /// # Panics
    ///
    /// If an axis is out of range or longer than 1.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// assert_eq!(grad(|x| x.squeeze(0).dot(x.squeeze(0)), &array![[1.0, 2.0]]), array![[2.0, 4.0]]);
    /// ```
    #[track_caller]
    pub fn squeeze(self, axes: impl Axes) -> Self {
        let shape = self.shape();
        let set = self.expect_axes("squeeze", &axes);
        let mut squeezed = Shape::scalar();
        for (axis, &n) in shape.iter().enumerate() {
            if !set.member[axis] {
                squeezed.push(n);
            } else if n != 1 {
                self.fail("squeeze", &format!("axis {axis} of {shape} has length {n}, not 1"));
            }
        }
        self.reshape(squeezed)
    }

    /// The tensor with a new axis of length 1 at this place; −1 puts it last. Cotangent: x̄ = c in the shape of `x`.
    ///
    /// # Panics
    ///
    /// If the place is out of range or the rank would exceed 6.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let g = grad(|x| (x.unsqueeze(1) * x.unsqueeze(0)).sum(), &array![1.0, 2.0]); // (Σx)²
    /// assert_eq!(g, array![6.0, 6.0]);
    /// ```
    #[track_caller]
    pub fn unsqueeze(self, axis: impl Axis) -> Self {
        self.insert_axis("unsqueeze", axis)
    }

    #[track_caller]
    pub(crate) fn insert_axis(self, name: &str, axis: impl Axis) -> Self {
        let shape = self.shape();
        if shape.rank() == MAX_RANK {
            self.fail(name, &format!("{shape} has the largest rank already, {MAX_RANK}"));
        }
        let mut wider = shape;
        wider.push(1);
        match resolve_axis(axis.signed(), &wider) {
            Ok(axis) => {
                wider.copy_within(axis..shape.rank(), axis + 1);
                wider[axis] = 1;
                self.reshape(wider)
            }
            Err(_) => self.fail(name, &format!("no place {} for a new axis in {shape}", axis.signed())),
        }
    }

    /// The value as a constant: nothing is differentiated through it. Also known as `stop_gradient`.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let g = grad(|x| (x.detach() * x).sum(), &array![3.0]);
    /// assert_eq!(g, array![3.0]); // not 6
    /// ```
    #[doc(alias = "stop_gradient")]
    #[track_caller]
    pub fn detach(self) -> Self {
        self.record(View::Detach, [self])
    }

    /// What an op that had nothing to do makes of `operand`: in a program a tensor of its own like any other result, in a
    /// derivative rule the same one.
    #[track_caller]
    pub(crate) fn apart_from(self, operand: Self) -> Self {
        let same = self.id() == operand.id() && self.live().log().sweeps.deriving().is_none();
        if same { self.alias() } else { self }
    }

    /// The value under an identity of its own.
    #[track_caller]
    pub(crate) fn alias(self) -> Self {
        self.record(View::Alias, [self])
    }
}
