//! What all layers have in common.

use crate::real::Real;
use crate::tape::Var;

/// A layer: a function of one tensor, with its parameters behind handles.
///
/// A model of one's own need not implement it; it is what [`Sequential`](super::Sequential) takes.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// struct Gate {
///     weight: Param,
/// }
///
/// impl<T: Real> Layer<T> for Gate {
///     fn forward<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
///         (x * x.param(self.weight)).sigmoid() * x
///     }
/// }
///
/// let mut params = Params::<f64>::new();
/// let gate = Gate { weight: params.add("gate.weight", [2], || 0.0) };
/// let mut tape = Tape::new();
/// let step = tape.record(&params);
/// assert_eq!(gate.forward(step.input(&[4.0, 6.0])).value(), array![2.0, 3.0].into_dyn());
/// ```
pub trait Layer<T: Real> {
    /// Records the layer behind `x`.
    fn forward<'t>(&self, x: Var<'t, T>) -> Var<'t, T>;
}
