//! A model linearised at the parameters of its store.

use std::fmt;
use std::ops::Range;

use ndarray::{ArrayD, ArrayRef, Dimension};

use super::{Learned, expect_direction};
use crate::functional::linearize::LinearMap;
use crate::params::{Gradient, Params};
use crate::real::Real;
use crate::tape::{Step, Tape, Var};

/// Linearises a model at the parameters of its store: computes it once, and keeps what its derivative along any direction
/// needs; see [`linearize`](crate::functional::linearize) for what a direction costs and what is held.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let mut params = Params::<f64>::new();
/// let w = params.add("w", [2], || 3.0);
/// let x = array![1.0, 10.0];
/// let line = model::linearize(&params, |step| step.input(&x) * step.param(w).square());
/// assert_eq!(line.value(), array![9.0, 90.0].into_dyn());
/// assert_eq!(line.jvp(&[1.0, 0.0]), array![6.0, 0.0].into_dyn());
/// assert_eq!(line.vjp(&array![1.0, 1.0]).flat(), [6.0, 60.0]);
/// ```
#[track_caller]
pub fn linearize<'d, T: Real>(
    params: &'d Params<T>,
    f: impl for<'t> FnOnce(Step<'t, 'd, T>) -> Var<'t, T>,
) -> Linearized<'d, T> {
    let standing = Tape::new().stand(params.layout(), [params.flat(), params.flat_buffers()]);
    let mut ranges = Vec::new();
    let map = LinearMap::new(standing, |step| {
        let y = f(step);
        let learned = Learned::new(step, params);
        ranges = learned.ranges;
        (y, learned.vars)
    });
    Linearized { map, params, ranges }
}

/// What [`linearize`] makes of a model.
pub struct Linearized<'d, T: Real> {
    map: LinearMap<'d, T>,
    params: &'d Params<T>,
    /// Where the parameters that are not frozen stand in the flat order.
    ranges: Vec<Range<usize>>,
}

impl<T: Real> Linearized<'_, T> {
    /// What the model gave.
    #[must_use]
    #[track_caller]
    pub fn value(&self) -> ArrayD<T> {
        self.map.value()
    }

    /// The derivative along a direction of all parameters: the Jacobian times the direction.
    ///
    /// # Panics
    ///
    /// If the direction has not as many elements as the store.
    #[must_use]
    #[track_caller]
    pub fn jvp(&self, direction: &[T]) -> ArrayD<T> {
        expect_direction("linearize", self.params, direction);
        let parts: Vec<_> = self.ranges.iter().map(|range| &direction[range.clone()]).collect();
        self.map.jvp(&parts)
    }

    /// The derivative of Σ c⊙y for all parameters: the transposed Jacobian times a cotangent of the result.
    ///
    /// # Panics
    ///
    /// If the cotangent has another shape than the result.
    #[must_use]
    #[track_caller]
    pub fn vjp<E: Dimension>(&self, cotangent: &ArrayRef<T, E>) -> Gradient<T> {
        let mut gradient = self.params.gradient();
        let flat = gradient.flat_mut();
        self.map.vjp(cotangent, |k, values| flat[self.ranges[k].clone()].copy_from_slice(values));
        gradient
    }
}

impl<T: Real> fmt::Debug for Linearized<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Linearized").field(&self.map).finish()
    }
}
