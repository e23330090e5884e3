//! A function linearised at a point: its value there, and a linear map that is applied many times.

use std::borrow::Cow;
use std::fmt;

use ndarray::{Array, ArrayD, ArrayRef, Dimension};

use super::matrix::zeros;
use crate::params::Params;
use crate::real::Real;
use crate::tape::log::Id;
use crate::tape::{Standing, Step, Tape, Var};

/// Linearises a function at a point: computes it once, and keeps what its derivative along any direction needs.
///
/// [`jvp`](Linearized::jvp) and [`vjp`](Linearized::vjp) then compute the tangent or the cotangent part alone. In matrix
/// products of a network, the function being 1, that is 1 for an input that is a direction, 2 for a direction of weights; and
/// for the gradient, `linearize(|x| f(x).gradient(x), &x)`, whose `vjp` is a product with the Hessian, 6 of the 8 that
/// [`hvp`](super::hvp) takes. Branches stay as they were taken at the point.
///
/// It holds one tensor for each slope that a direction is multiplied with (about one for each nonlinear op and operand of a
/// product), the result, and the memory that a direction runs in.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let line = linearize(|x| x * x.flip(0), &array![2.0, 3.0]);
/// assert_eq!(line.value(), array![6.0, 6.0].into_dyn());
/// for (dx, dy) in [(array![1.0, 0.0], [3.0, 3.0]), (array![0.0, 1.0], [2.0, 2.0])] {
///     assert_eq!(line.jvp(&dx), array![dy[0], dy[1]].into_dyn());
/// }
/// assert_eq!(line.vjp(&array![1.0, 1.0]), array![6.0, 4.0]);
/// ```
#[track_caller]
pub fn linearize<T: Real, D: Dimension>(
    f: impl for<'t> FnOnce(Var<'t, T>) -> Var<'t, T>,
    x: &ArrayRef<T, D>,
) -> Linearized<T, D> {
    let layout = Params::<T>::new();
    let standing = Tape::new().stand(layout.layout(), [&[], &[]]);
    let map = LinearMap::new(standing, |step| {
        let x = step.constant(x);
        (f(x), vec![x])
    });
    Linearized { map, point: x.raw_dim() }
}

/// What [`linearize`] makes of a function of an array.
pub struct Linearized<T: Real, D: Dimension> {
    map: LinearMap<'static, T>,
    point: D,
}

impl<T: Real, D: Dimension> Linearized<T, D> {
    /// The value of the function at the point.
    #[must_use]
    #[track_caller]
    pub fn value(&self) -> ArrayD<T> {
        self.map.value()
    }

    /// The derivative along a direction: the Jacobian times `dx`.
    ///
    /// # Panics
    ///
    /// If the direction has another shape than the point.
    #[must_use]
    #[track_caller]
    pub fn jvp(&self, dx: &ArrayRef<T, D>) -> ArrayD<T> {
        let (found, expected) = (dx.shape(), self.point.slice());
        assert!(
            found == expected,
            "linearize: the direction has shape {found:?}, the function was linearised at a point of shape {expected:?}\n  help: a function of another shape is another function: linearise it again"
        );
        self.map.jvp(&[&elements(dx)])
    }

    /// The transposed Jacobian times a cotangent of the result.
    ///
    /// # Panics
    ///
    /// If the cotangent has another shape than the result.
    #[must_use]
    #[track_caller]
    pub fn vjp<E: Dimension>(&self, cotangent: &ArrayRef<T, E>) -> Array<T, D> {
        let mut gradient = Array::zeros(self.point.clone());
        self.map.vjp(cotangent, |_, values| {
            gradient.iter_mut().zip(values).for_each(|(to, &from)| *to = from);
        });
        gradient
    }
}

impl<T: Real, D: Dimension> fmt::Debug for Linearized<T, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Linearized").field("point", &self.point.slice()).field("map", &self.map).finish()
    }
}

/// A recording with a tangent and a cotangent part, each to be run again with other data.
pub(super) struct LinearMap<'d, T: Real> {
    standing: Standing<'d, T>,
    y: Id,
    /// What is given for a tangent, one for each variable, and what is read.
    directions: Vec<Id>,
    tangent: Id,
    /// What is given for a cotangent, and what is read, one for each variable.
    cotangent: Id,
    parts: Vec<Id>,
}

impl<'d, T: Real> LinearMap<'d, T> {
    #[track_caller]
    pub(super) fn new(
        standing: Standing<'d, T>,
        record: impl for<'t> FnOnce(Step<'t, 'd, T>) -> (Var<'t, T>, Vec<Var<'t, T>>),
    ) -> Self {
        let recording = standing.recording();
        let (y, xs) = record(&recording);
        let directions: Vec<_> = xs.iter().map(|&x| zeros(x)).collect();
        let tangent = y.jvps(&xs, &directions);
        let cotangent = zeros(y);
        let parts = y.vjp(&xs, cotangent);
        let ids = |vars: &[Var<'_, T>]| vars.iter().map(|var| var.id()).collect::<Vec<_>>();
        let (directions, tangent) = (ids(&directions), tangent.id());
        let (cotangent, parts, y) = (cotangent.id(), ids(&parts), y.id());
        recording.recorder().prepare(&[(&directions, &[tangent]), (&[cotangent], &parts)], &[y]);
        Self { standing, y, directions, tangent, cotangent, parts }
    }

    #[track_caller]
    pub(super) fn value(&self) -> ArrayD<T> {
        let recording = self.standing.recording();
        Var::new(recording.recorder(), self.y).value()
    }

    #[track_caller]
    pub(super) fn jvp(&self, directions: &[&[T]]) -> ArrayD<T> {
        let recording = self.standing.recording();
        let recorder = recording.recorder();
        let given: Vec<_> =
            self.directions.iter().map(|&id| Var::new(recorder, id)).zip(directions.iter().copied()).collect();
        let mut result = None;
        recorder.replay(&given, &[Var::new(recorder, self.tangent)], |shape, values| {
            result = Some(ArrayD::from_shape_vec(&shape[..], values.to_vec()).expect("a value fills its shape"));
        });
        result.expect("one output is read")
    }

    /// Hands the part of each variable to `read`, with its number.
    #[track_caller]
    pub(super) fn vjp<E: Dimension>(&self, cotangent: &ArrayRef<T, E>, mut read: impl FnMut(usize, &[T])) {
        let recording = self.standing.recording();
        let recorder = recording.recorder();
        let c = Var::new(recorder, self.cotangent);
        let (found, expected) = (cotangent.shape(), c.shape());
        assert!(
            expected == *found,
            "linearize: the cotangent has shape {found:?}, the result {expected}\n  help: a cotangent has a weight for each number of the result"
        );
        let parts: Vec<_> = self.parts.iter().map(|&id| Var::new(recorder, id)).collect();
        let mut number = 0;
        recorder.replay(&[(c, &elements(cotangent))], &parts, |_, values| {
            read(number, values);
            number += 1;
        });
    }
}

impl<T: Real> fmt::Debug for LinearMap<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.standing.recording().fmt(f)
    }
}

/// The elements in standard order, copied only where they do not stand so.
fn elements<T: Real, D: Dimension>(array: &ArrayRef<T, D>) -> Cow<'_, [T]> {
    array.as_slice().map_or_else(|| Cow::Owned(array.iter().copied().collect()), Cow::Borrowed)
}
