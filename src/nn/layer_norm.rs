//! Layer normalisation.

use super::Layer;
use crate::params::{Param, Params};
use crate::real::Real;
use crate::tape::Var;

/// Layer normalisation: each row is brought to mean 0 and variance 1 along the last axis, then scaled and moved.
///
/// ```text
/// y = (x − mean)/√(variance + ε) · scale + shift
/// ```
///
/// | | shape |
/// |---|---|
/// | x, y | `[…, width]` |
/// | scale, shift | `[width]` |
///
/// The variance is the biased one, over n. Scale starts at 1, shift at 0, ε is 1e-5 (all as in PyTorch, where they are
/// called weight and bias). Training and evaluation are the same.
///
/// # Panics
///
/// `forward` panics if the last axis of x is not `width`.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let mut params = Params::<f64>::new();
/// let norm = LayerNorm::new(&mut params, "norm", 2).with_epsilon(0.0);
/// let (mut tape, x) = (Tape::new(), array![[1.0, 5.0]]); // mean 3, variance 4
/// let step = tape.record(&params);
/// let y = norm.forward(step.input(&x));
/// assert_eq!(y.value(), array![[-1.0, 1.0]].into_dyn());
/// ```
///
/// # References
///
/// Ba, Kiros, Hinton 2016, Layer normalization.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct LayerNorm {
    /// The factor for each feature, named `….scale`.
    pub scale: Param,
    /// The summand for each feature, named `….shift`.
    pub shift: Param,
    epsilon: f64,
}

impl LayerNorm {
    /// Adds scale and shift to the store.
    ///
    /// # Panics
    ///
    /// If the width is 0 or a name is taken.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let norm = LayerNorm::new(&mut params, "norm", 2);
    /// assert_eq!(params.flat(), [1.0, 1.0, 0.0, 0.0]); // scale, shift
    /// assert_eq!(norm.shift.name(), "norm.shift");
    /// ```
    #[track_caller]
    pub fn new<T: Real>(params: &mut Params<T>, name: &str, width: usize) -> Self {
        assert!(width > 0, "layer_norm `{name}`: width 0, expected at least one feature");
        Self {
            scale: params.add(&format!("{name}.scale"), [width], T::one),
            shift: params.add(&format!("{name}.shift"), [width], T::zero),
            epsilon: 1e-5,
        }
    }

    /// The same with another ε.
    ///
    /// # Panics
    ///
    /// If it is negative or not finite.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let norm = LayerNorm::new(&mut params, "norm", 2).with_epsilon(3.0);
    /// let mut tape = Tape::new();
    /// let y = norm.forward(tape.record(&params).input(&[1.0, 3.0])).value(); // mean 2, variance 1
    /// assert_eq!(y, array![-0.5, 0.5].into_dyn()); // ±1/√(1 + 3)
    /// ```
    #[must_use]
    #[track_caller]
    pub fn with_epsilon(self, epsilon: f64) -> Self {
        super::expect_epsilon("layer_norm", epsilon);
        Self { epsilon, ..self }
    }
}

impl<T: Real> Layer<T> for LayerNorm {
    #[track_caller]
    fn forward<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
        let (scale, shift) = (x.param(self.scale), x.param(self.shift));
        let (shape, width) = (x.shape(), scale.shape()[0]);
        // A width of 1 would broadcast.
        if shape.last() != Some(&width) {
            let name = self.scale.name();
            x.fail("layer_norm", &format!("x {shape}, expected […, {width}] as `{name}` has it"));
        }
        x.layer_norm(scale, shift, self.epsilon)
    }
}
