//! Activations as values, to be chosen at run time.

use super::Layer;
use crate::real::Real;
use crate::tape::Var;

/// An activation function, also a layer without parameters.
///
/// | variant | function |
/// |---|---|
/// | `Identity` | x |
/// | `Tanh` | [`tanh`](Var::tanh) |
/// | `Sigmoid`, `HardSigmoid`, `LogSigmoid` | [`sigmoid`](Var::sigmoid), [`hard_sigmoid`](Var::hard_sigmoid), [`log_sigmoid`](Var::log_sigmoid) |
/// | `HardTanh`, `Softsign` | [`hard_tanh`](Var::hard_tanh), [`softsign`](Var::softsign) |
/// | `Relu`, `LeakyRelu(slope)`, `Softplus` | [`relu`](Var::relu), [`leaky_relu`](Var::leaky_relu), [`softplus`](Var::softplus) |
/// | `Elu(alpha)`, `Celu(alpha)`, `Selu` | [`elu`](Var::elu), [`celu`](Var::celu), [`selu`](Var::selu) |
/// | `Gelu`, `GeluTanh` | [`gelu`](Var::gelu), [`gelu_tanh`](Var::gelu_tanh) |
/// | `Silu`, `HardSwish`, `Mish` | [`silu`](Var::silu), [`hard_swish`](Var::hard_swish), [`mish`](Var::mish) |
///
/// Kinks and papers stand with the functions.
///
/// # Panics
///
/// `forward` panics if a slope or an alpha is not finite, or the alpha of `Celu` is 0.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let y = value(|x| Activation::LeakyRelu(0.1).forward(x).sum(), &array![-10.0, 2.0]);
/// assert_eq!(y, 1.0);
/// ```
#[derive(Clone, Copy, PartialEq, Debug, Default)]
#[non_exhaustive]
pub enum Activation {
    /// x.
    #[default]
    Identity,
    /// Hyperbolic tangent.
    Tanh,
    /// Logistic function.
    Sigmoid,
    /// x/6 + ½ limited to [0, 1].
    HardSigmoid,
    /// Logarithm of the logistic function.
    LogSigmoid,
    /// x limited to [−1, 1].
    HardTanh,
    /// x/(1 + |x|).
    Softsign,
    /// max(x, 0).
    Relu,
    /// x for x > 0, `slope`·x elsewhere; 0.01 is usual.
    LeakyRelu(f64),
    /// ln(1 + eˣ).
    Softplus,
    /// x for x > 0, α(eˣ − 1) elsewhere; 1 is usual.
    Elu(f64),
    /// x for x > 0, α(e^(x/α) − 1) elsewhere; 1 is usual, and it must not be 0.
    Celu(f64),
    /// λ·elu with the constants of self-normalising networks.
    Selu,
    /// x·Φ(x), exact.
    Gelu,
    /// The approximation of x·Φ(x) with a tanh.
    GeluTanh,
    /// x·σ(x), also known as swish.
    Silu,
    /// x · hard sigmoid of x.
    HardSwish,
    /// x·tanh(softplus x).
    Mish,
}

impl<T: Real> Layer<T> for Activation {
    #[track_caller]
    fn forward<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
        match *self {
            Self::Identity => x,
            Self::Tanh => x.tanh(),
            Self::Sigmoid => x.sigmoid(),
            Self::HardSigmoid => x.hard_sigmoid(),
            Self::LogSigmoid => x.log_sigmoid(),
            Self::HardTanh => x.hard_tanh(),
            Self::Softsign => x.softsign(),
            Self::Relu => x.relu(),
            Self::LeakyRelu(slope) => x.leaky_relu(finite::<T>("leaky_relu", "slope", slope)),
            Self::Softplus => x.softplus(),
            Self::Elu(alpha) => x.elu(finite::<T>("elu", "alpha", alpha)),
            Self::Celu(alpha) => {
                assert!(T::of(alpha) != T::zero(), "celu: alpha {alpha}, expected a number other than 0");
                x.celu(finite::<T>("celu", "alpha", alpha))
            }
            Self::Selu => x.selu(),
            Self::Gelu => x.gelu(),
            Self::GeluTanh => x.gelu_tanh(),
            Self::Silu => x.silu(),
            Self::HardSwish => x.hard_swish(),
            Self::Mish => x.mish(),
        }
    }
}

#[track_caller]
fn finite<T: Real>(op: &str, what: &str, x: f64) -> f64 {
    assert!(T::of(x).is_finite(), "{op}: {what} {x:?}, expected a finite {}", T::NAME);
    x
}
