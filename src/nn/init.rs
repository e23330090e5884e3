//! Initialisers: where learning starts.
//!
//! A layer keeps the size of what flows through it, forwards and backwards, if the variance of its weights fits the
//! number of its inputs and outputs. [`Init`] draws such weights from a generator of the caller: the same seed gives the
//! same numbers, for `f32` those of `f64` rounded.
//!
//! ```
//! use gradus::prelude::*;
//!
//! let mut rng = StdRng::seed_from_u64(7);
//! let mut params = Params::<f32>::new();
//! let w = params.add_array("w", &Init::HeUniform.array([64, 32], &mut rng));
//! let bound = (6.0_f32 / 64.0).sqrt();
//! assert!(params.value(w).iter().all(|w| w.abs() <= bound));
//! ```

use ndarray::{Array2, ArrayD, Axis};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use super::Activation;
use crate::real::{Real, Scalar as _};
use crate::shape::{Lengths, Shape};

/// What is left of the standard deviation of a normal distribution that is cut at two of them:
/// √(1 − 4φ(2)/(Φ(2) − Φ(−2))), φ and Φ being density and distribution.
pub const TRUNCATED_DEVIATION: f64 = 0.879_625_661_034_239_8;

/// How the first values of a tensor are drawn.
///
/// `in` and `out` below are the [`fans`] of the shape: for a weight `[in, out]` its two lengths. None of these knows
/// which activation follows, but that He's are made for [`relu`](crate::Var::relu) and LeCun's for
/// [`selu`](crate::Var::selu); [`Init::of`] chooses, and the general form with a [`gain`] is `VarianceScaling` of scale
/// gain².
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let mut rng = StdRng::seed_from_u64(7);
/// let weight = Init::of(Activation::Relu).array::<f32>([64, 10], &mut rng);
/// assert_eq!(weight.shape(), [64, 10]);
/// ```
#[derive(Clone, Copy, PartialEq, Debug)]
#[non_exhaustive]
pub enum Init {
    /// Every element 0.
    Zeros,
    /// Every element 1.
    Ones,
    /// Every element this number.
    Constant(f64),
    /// Uniform in [`low`, `high`]: mean (low + high)/2, variance (high − low)²/12.
    Uniform {
        /// The smallest value.
        low: f64,
        /// The largest value.
        high: f64,
    },
    /// Normal with this mean and standard deviation.
    Normal {
        /// The mean.
        mean: f64,
        /// The standard deviation.
        deviation: f64,
    },
    /// Normal, with what lies more than two standard deviations from the mean drawn again.
    ///
    /// `deviation` is that of the distribution before the cut, as in `trunc_normal_` of PyTorch: it is *not* corrected,
    /// and the values have [`TRUNCATED_DEVIATION`] ≈ 0.88 of it.
    TruncatedNormal {
        /// The mean.
        mean: f64,
        /// The standard deviation of the distribution before it is cut.
        deviation: f64,
    },
    /// Uniform in ±√(6/(in + out)): variance 2/(in + out), a compromise between keeping the variance forwards and
    /// backwards. Also known as Xavier.
    ///
    /// Glorot, Bengio 2010, Understanding the difficulty of training deep feedforward neural networks (eq. 16).
    GlorotUniform,
    /// Normal of variance 2/(in + out) (Glorot, Bengio 2010, eq. 12). Not cut, as in PyTorch; Keras and JAX cut it.
    GlorotNormal,
    /// Uniform in ±√(6/in): variance 2/in, which makes up for the half that `relu` drops. Also known as Kaiming.
    ///
    /// He, Zhang, Ren, Sun 2015, Delving deep into rectifiers (eq. 10).
    HeUniform,
    /// Normal of variance 2/in (He et al. 2015, eq. 10). Not cut, as in PyTorch; Keras and JAX cut it.
    HeNormal,
    /// Uniform in ±√(3/in): variance 1/in, which keeps the variance forwards.
    ///
    /// LeCun, Bottou, Orr, Müller 1998, Efficient backprop (eq. 16).
    LeCunUniform,
    /// Normal of variance 1/in (LeCun et al. 1998, eq. 16), as self-normalising networks need it (Klambauer et al. 2017).
    LeCunNormal,
    /// Variance `scale`/fan: the general form of the six above.
    VarianceScaling {
        /// The variance times the fan: the square of the [`gain`].
        scale: f64,
        /// What to divide by.
        fan: Fan,
        /// The distribution.
        density: Density,
    },
    /// A random matrix with QᵀQ = gain²·I, or QQᵀ where it is wider than high: all singular values equal the gain.
    ///
    /// Leading axes count as one, the rows. The orthonormal factor of a Gaussian matrix, with the signs that make the
    /// diagonal of the other factor positive: that makes it uniform among all such matrices (Mezzadri 2007).
    ///
    /// Saxe, McClelland, Ganguli 2014, Exact solutions to the nonlinear dynamics of learning in deep linear neural
    /// networks. Mezzadri 2007, How to generate random matrices from the classical compact groups.
    Orthogonal {
        /// The singular values.
        gain: f64,
    },
}

/// Which fan the variance is divided by.
///
/// # Examples
///
/// ```
/// use gradus::nn::init::{Density, Fan};
/// use gradus::prelude::*;
///
/// let bound = |fan| {
///     let init = Init::VarianceScaling { scale: 1.0 / 3.0, fan, density: Density::Uniform };
///     let w = init.array::<f64>([400, 100], &mut StdRng::seed_from_u64(7));
///     w.iter().fold(0.0_f64, |most, x| most.max(x.abs()))
/// };
/// assert!((bound(Fan::In) - 0.05).abs() < 1e-3); // 1/√400
/// assert!((bound(Fan::Out) - 0.1).abs() < 1e-3); // 1/√100
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fan {
    /// The number of inputs of each output: keeps the variance forwards.
    In,
    /// The number of outputs that each input reaches: keeps the variance backwards.
    Out,
    /// The mean of the two.
    Average,
}

/// The distribution of values whose variance is given.
///
/// # Examples
///
/// ```
/// use gradus::nn::init::{Density, Fan};
/// use gradus::prelude::*;
///
/// let inside = |density| {
///     let init = Init::VarianceScaling { scale: 1.0 / 3.0, fan: Fan::In, density };
///     let w = init.array::<f64>([100, 100], &mut StdRng::seed_from_u64(7));
///     w.iter().all(|x| x.abs() <= 0.1) // √(3 · variance)
/// };
/// assert!(inside(Density::Uniform) && !inside(Density::Normal));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Density {
    /// Uniform in ±√(3 · variance).
    Uniform,
    /// Normal.
    Normal,
}

impl Init {
    /// What suits a weight that this activation follows: He uniform, its scale adapted to the slope, for
    /// `LeakyRelu`; He uniform for the other relatives of `Relu`, LeCun normal for `Selu`, Glorot uniform for the rest.
    ///
    /// This is the default of [`Mlp`](super::Mlp). PyTorch's own is uniform in ±1/√in for weights and biases, whatever
    /// follows.
    ///
    /// # Panics
    ///
    /// If a slope is not finite.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// assert_eq!(Init::of(Activation::Relu), Init::HeUniform);
    /// assert_eq!(Init::of(Activation::Tanh), Init::GlorotUniform);
    /// assert_eq!(Init::of(Activation::Selu), Init::LeCunNormal);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn of(activation: Activation) -> Self {
        match activation {
            Activation::Selu => Self::LeCunNormal,
            Activation::LeakyRelu(_) => Self::scaling(gain(activation).powi(2), Fan::In, Density::Uniform),
            other if is_ramp(other) => Self::HeUniform,
            _ => Self::GlorotUniform,
        }
    }

    /// An array of this shape, drawn in standard order.
    ///
    /// # Panics
    ///
    /// If bounds, means, deviations or scales are impossible, a value is not finite as `T`, or the distribution needs fans and
    /// the shape has fewer than two axes.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut rng = StdRng::seed_from_u64(7);
    /// let q = Init::Orthogonal { gain: 1.0 }.array::<f64>([3, 1], &mut rng);
    /// assert!((q.mapv(|x| x * x).sum() - 1.0).abs() < 1e-15);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn array<T: Real>(self, shape: impl Lengths, rng: &mut (impl Rng + ?Sized)) -> ArrayD<T> {
        let shape = Shape::asked_of("init", shape);
        let drawn = self.draw(&shape, rng);
        let values: Vec<T> = drawn.iter().copied().map(T::of).collect();
        if let Some(at) = values.iter().position(|x| !x.is_finite()) {
            panic!("init: {self:?} gives {:e} ({:e} as {}), expected finite numbers", drawn[at], values[at], T::NAME);
        }
        ArrayD::from_shape_vec(&shape[..], values).expect("as many values as the shape says")
    }

    #[track_caller]
    fn draw(self, shape: &Shape, rng: &mut (impl Rng + ?Sized)) -> Vec<f64> {
        let size = shape.size();
        match self {
            Self::Zeros => vec![0.0; size],
            Self::Ones => vec![1.0; size],
            Self::Constant(x) => {
                expect_finite("constant", x);
                vec![x; size]
            }
            Self::Uniform { low, high } => {
                let width = high - low;
                assert!(
                    width.is_finite() && width >= 0.0,
                    "init: uniform from {low} to {high}, expected finite bounds, the lower one first"
                );
                (0..size).map(|_| low + width * rng.random::<f64>()).collect()
            }
            Self::Normal { mean, deviation } => {
                expect_finite("mean", mean);
                expect_deviation(deviation);
                (0..size).map(|_| mean + deviation * standard_normal(rng)).collect()
            }
            Self::TruncatedNormal { mean, deviation } => {
                expect_finite("mean", mean);
                expect_deviation(deviation);
                (0..size).map(|_| mean + deviation * truncated_normal(rng)).collect()
            }
            Self::GlorotUniform => Self::scaling(1.0, Fan::Average, Density::Uniform).draw(shape, rng),
            Self::GlorotNormal => Self::scaling(1.0, Fan::Average, Density::Normal).draw(shape, rng),
            Self::HeUniform => Self::scaling(2.0, Fan::In, Density::Uniform).draw(shape, rng),
            Self::HeNormal => Self::scaling(2.0, Fan::In, Density::Normal).draw(shape, rng),
            Self::LeCunUniform => Self::scaling(1.0, Fan::In, Density::Uniform).draw(shape, rng),
            Self::LeCunNormal => Self::scaling(1.0, Fan::In, Density::Normal).draw(shape, rng),
            Self::VarianceScaling { scale, fan, density } => {
                let allowed = scale.is_finite() && scale >= 0.0;
                assert!(allowed, "init: scale {scale}, expected a finite number of at least 0");
                // Only a tensor without elements has a fan of 0, and for it nothing is drawn.
                let variance = scale / fan.of(shape).max(1.0);
                match density {
                    Density::Uniform => {
                        let bound = (3.0 * variance).sqrt();
                        Self::Uniform { low: -bound, high: bound }.draw(shape, rng)
                    }
                    Density::Normal => Self::Normal { mean: 0.0, deviation: variance.sqrt() }.draw(shape, rng),
                }
            }
            Self::Orthogonal { gain } => orthogonal(shape, gain, rng),
        }
    }

    fn scaling(scale: f64, fan: Fan, density: Density) -> Self {
        Self::VarianceScaling { scale, fan, density }
    }
}

impl Fan {
    #[track_caller]
    fn of(self, shape: &Shape) -> f64 {
        let (inputs, outputs) = fans(shape);
        match self {
            Self::In => inputs.as_f64(),
            Self::Out => outputs.as_f64(),
            Self::Average => f64::midpoint(inputs.as_f64(), outputs.as_f64()),
        }
    }
}

/// The number of inputs of each output, and of outputs of each input: (in, out) for a weight `[in, out]`.
///
/// Axes before the last two count as a window that a convolution moves, `[…, in, out]`: both fans are multiplied by
/// its size.
///
/// # Panics
///
/// If there are fewer than two axes.
///
/// # Examples
///
/// ```
/// use gradus::nn::init::fans;
///
/// assert_eq!(fans([64, 10]), (64, 10));
/// assert_eq!(fans([3, 3, 16, 32]), (144, 288));
/// ```
#[must_use]
#[track_caller]
pub fn fans(shape: impl Lengths) -> (usize, usize) {
    let shape = Shape::asked_of("init", shape);
    let [window @ .., inputs, outputs] = &shape[..] else {
        panic!(
            "init: {shape} has no fans, which take a weight [in, out]\n  help: give a bias `Init::Zeros`, or state the spread with `Init::Uniform` or `Init::Normal`"
        )
    };
    let window: usize = window.iter().product();
    (window * inputs, window * outputs)
}

/// The factor on the standard deviation of weights that makes up for what the activation behind them does to it.
///
/// | activation | gain |
/// |---|---|
/// | `Identity`, `Sigmoid` | 1 |
/// | `Tanh` | 5/3 |
/// | `Relu` | √2 |
/// | `LeakyRelu(slope)` | √(2/(1 + slope²)) |
/// | `Selu` | 3/4 |
///
/// These are the numbers of `calculate_gain` in PyTorch. It has none for the rest: here smooth relatives of `Relu` have
/// its √2, `HardTanh` has the 5/3 of `Tanh`, and all others have 1.
///
/// # Examples
///
/// ```
/// use gradus::{nn::init::gain, prelude::*};
///
/// assert_eq!(gain(Activation::Relu), 2.0_f64.sqrt());
/// assert_eq!(gain(Activation::LeakyRelu(1.0)), 1.0);
/// ```
///
/// # References
///
/// He et al. 2015, Delving deep into rectifiers (section 2.2).
///
/// # Panics
///
/// If a slope is not finite.
#[must_use]
#[track_caller]
pub fn gain(activation: Activation) -> f64 {
    match activation {
        Activation::Tanh | Activation::HardTanh => 5.0 / 3.0,
        Activation::LeakyRelu(slope) => {
            expect_finite("slope", slope);
            (2.0 / (1.0 + slope * slope)).sqrt()
        }
        Activation::Selu => 0.75,
        other if is_ramp(other) => std::f64::consts::SQRT_2,
        _ => 1.0,
    }
}

/// Whether it grows like x on the right and stays near 0 on the left: such an activation drops half of the variance.
fn is_ramp(activation: Activation) -> bool {
    matches!(
        activation,
        Activation::Relu
            | Activation::Softplus
            | Activation::Elu(_)
            | Activation::Celu(_)
            | Activation::Gelu
            | Activation::GeluTanh
            | Activation::Silu
            | Activation::Mish
            | Activation::HardSwish
    )
}

#[track_caller]
fn expect_finite(what: &str, x: f64) {
    assert!(x.is_finite(), "init: {what} {x}, expected a finite number");
}

#[track_caller]
fn expect_deviation(deviation: f64) {
    assert!(
        deviation.is_finite() && deviation >= 0.0,
        "init: standard deviation {deviation}, expected a finite number of at least 0"
    );
}

fn standard_normal(rng: &mut (impl Rng + ?Sized)) -> f64 {
    rng.sample(StandardNormal)
}

/// One draw in twenty-two is rejected.
fn truncated_normal(rng: &mut (impl Rng + ?Sized)) -> f64 {
    loop {
        let x = standard_normal(rng);
        if x.abs() <= 2.0 {
            return x;
        }
    }
}

/// Rows or columns, whichever are fewer, made orthonormal one after the other (Gram–Schmidt). The diagonal of the other
/// factor is a length and so positive, which is the choice of signs that makes the result uniform.
#[track_caller]
fn orthogonal(shape: &Shape, gain: f64, rng: &mut (impl Rng + ?Sized)) -> Vec<f64> {
    expect_finite("gain", gain);
    let [rows @ .., columns] = &shape[..] else { panic!("init: {shape} is no matrix, and only one can be orthogonal") };
    let (rows, columns) = (rows.iter().product::<usize>(), *columns);
    let (count, length) = (rows.min(columns), rows.max(columns));
    let mut basis = Array2::from_shape_simple_fn((count, length), || standard_normal(rng));
    for k in 0..count {
        let (done, mut rest) = basis.view_mut().split_at(Axis(0), k);
        let mut vector = rest.row_mut(0);
        // Once leaves what rounding left; twice is enough (Giraud et al. 2005, The loss of orthogonality in Gram-Schmidt).
        for _ in 0..2 {
            for unit in done.rows() {
                let along = unit.dot(&vector);
                vector.scaled_add(-along, &unit);
            }
        }
        let norm = vector.dot(&vector).sqrt();
        vector.mapv_inplace(|x| x / norm);
    }
    let matrix = if rows < columns { basis } else { basis.reversed_axes() };
    matrix.iter().map(|x| gain * x).collect()
}
