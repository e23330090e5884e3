//! The multi-layer perceptron.

use rand::Rng;

use super::{Activation, Dropout, Init, Layer, Linear};
use crate::params::Params;
use crate::real::Real;
use crate::tape::Var;

/// Multi-layer perceptron: dense layers with an activation, and dropout if wanted, behind each but the last.
///
/// ```text
/// h₀ = x,  hₖ = dropout(activation(hₖ₋₁·Wₖ + bₖ)),  y = hₙ₋₁·Wₙ + bₙ
/// ```
///
/// | | shape |
/// |---|---|
/// | x | `[…, first size]` |
/// | y | `[…, last size]` |
///
/// Weights of hidden layers start as [`Init::of`] the activation says (He uniform for `Relu`), the last weight Glorot
/// uniform, biases at 0. (PyTorch draws all of them uniform in ±1/√in.) Names are `….0.weight`, `….0.bias`, and so on.
///
/// # Panics
///
/// `forward` panics if the last axis of x is not the first size.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let (mut params, mut rng) = (Params::<f32>::new(), StdRng::seed_from_u64(7));
/// let mlp = Mlp::new(&mut params, "mlp", &[64, 32, 10], Activation::Relu, &mut rng);
/// let mut tape = Tape::new();
/// let step = tape.record(&params);
/// assert_eq!(mlp.forward(step.input(&Array2::zeros((5, 64)))).shape(), [5, 10]);
/// assert_eq!(params.len(), 64 * 32 + 32 + 32 * 10 + 10);
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct Mlp {
    /// The dense layers, from the input on.
    pub layers: Vec<Linear>,
    /// What stands behind each layer but the last.
    pub activation: Activation,
    /// What stands behind each activation.
    pub dropout: Dropout,
}

impl Mlp {
    /// Adds the layers to the store; `sizes` are the widths of the input, of each hidden layer and of the output.
    ///
    /// Two sizes make a single dense layer.
    ///
    /// # Panics
    ///
    /// If there are fewer than two sizes, one is 0, or a name is taken.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let (mut params, mut rng) = (Params::<f64>::new(), StdRng::seed_from_u64(7));
    /// let mlp = Mlp::new(&mut params, "mlp", &[4, 8, 1], Activation::Tanh, &mut rng);
    /// assert_eq!(mlp.layers.len(), 2);
    /// assert_eq!(params.iter().next().unwrap().name, "mlp.0.weight");
    /// ```
    #[track_caller]
    pub fn new<T: Real>(
        params: &mut Params<T>,
        name: &str,
        sizes: &[usize],
        activation: Activation,
        rng: &mut (impl Rng + ?Sized),
    ) -> Self {
        assert!(
            sizes.len() >= 2 && !sizes.contains(&0),
            "mlp `{name}`: sizes {sizes:?}, expected two or more, none of them 0\n  help: they are the widths of the input, of each hidden layer and of the output: &[64, 32, 10]"
        );
        let count = sizes.len() - 1;
        let mut layers = Vec::with_capacity(count);
        for k in 0..count {
            let init = Init::of(if k + 1 < count { activation } else { Activation::Identity });
            let (name, widths) = (format!("{name}.{k}"), [sizes[k], sizes[k + 1]]);
            layers.push(Linear::with_init(params, &name, widths, init, rng));
        }
        Self { layers, activation, dropout: Dropout::default() }
    }

    /// The same with dropout of this probability between hidden layers.
    ///
    /// # Panics
    ///
    /// If `p` is not in [0, 1].
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let (mut params, mut rng) = (Params::<f32>::new(), StdRng::seed_from_u64(7));
    /// let mlp = Mlp::new(&mut params, "mlp", &[4, 8, 2], Activation::Tanh, &mut rng).with_dropout(0.1);
    /// assert_eq!(mlp.dropout.p(), 0.1);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn with_dropout(self, p: f64) -> Self {
        Self { dropout: Dropout::new(p), ..self }
    }
}

impl<T: Real> Layer<T> for Mlp {
    #[track_caller]
    fn forward<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
        let mut h = x;
        for (k, layer) in self.layers.iter().enumerate() {
            if k > 0 {
                h = self.dropout.forward(self.activation.forward(h));
            }
            h = layer.forward(h);
        }
        h
    }
}
