//! Activation functions.

use std::f64::consts::FRAC_1_SQRT_2;
use std::ops::Neg as _;

use super::pointwise;
use crate::number::Number;

/// 1/√(2π), the height of the normal density.
const FRAC_1_SQRT_2PI: f64 = 0.398_942_280_401_432_7;
/// √(2/π).
const SQRT_2_OVER_PI: f64 = 0.797_884_560_802_865_4;
/// The coefficient of x³ in the approximation of GELU (Hendrycks, Gimpel 2016, section 2).
const GELU_CUBIC: f64 = 0.044_715;
/// λ of SELU (Klambauer et al. 2017).
const SELU_SCALE: f64 = 1.050_700_987_355_480_5;
/// α of SELU (Klambauer et al. 2017).
const SELU_ALPHA: f64 = 1.673_263_242_354_377_2;

pointwise! {
    /// Activation functions of one operand, some with a parameter.
    Activation {
        /// Logistic function 1/(1 + e⁻ˣ), computed from the side that cannot overflow.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(grad(|x| x.sigmoid().sum(), &array![0.0]), array![0.25]);
        /// ```
        pub Sigmoid: sigmoid(x) = x.sigmoid(),
            |y, c| [c * (y * (1.0 - y))], on [-3.0..3.0], kinks [];

        /// Logarithm of the logistic function, −ln(1 + e⁻ˣ), stable for large |x|.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(value(|x| x.log_sigmoid().sum(), &array![-1000.0]), -1000.0);
        /// ```
        pub LogSigmoid: log_sigmoid(x) = -(-x).softplus(),
            |y, c| [c * x.neg().sigmoid()], on [-3.0..3.0], kinks [];

        /// Smooth ramp ln(1 + eˣ), as max(x, 0) + ln(1 + e^−|x|).
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(value(|x| x.softplus().sum(), &array![1000.0, -1000.0]), 1000.0);
        /// ```
        pub Softplus: softplus(x) = x.softplus(),
            |y, c| [c * x.sigmoid()], on [-3.0..3.0], kinks [];

        /// Ramp max(x, 0). NaN stays NaN.
        ///
        /// # Kinks and limits
        ///
        /// The slope at 0 is 0.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(grad(|x| x.relu().sum(), &array![-1.0, 0.0, 2.0]), array![0.0, 0.0, 1.0]);
        /// ```
        ///
        /// # References
        ///
        /// Glorot, Bordes, Bengio 2011, Deep sparse rectifier neural networks.
        pub Relu: relu(x) = if x <= 0.0 { Number::of(0.0) } else { x },
            |y, c| [x.gt(0.0).select(c, 0.0)], on [-3.0..3.0], kinks [0.0];

        /// Ramp with a slope below 0: x for x > 0, `slope`·x elsewhere. The slope may be learned.
        ///
        /// # Kinks and limits
        ///
        /// At 0 the slope is that of the left side.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(grad(|x| x.leaky_relu(0.01).sum(), &array![-1.0, 2.0]), array![0.01, 1.0]);
        /// ```
        ///
        /// # References
        ///
        /// Maas, Hannun, Ng 2013, Rectifier nonlinearities improve neural network acoustic models.
        /// He et al. 2015, Delving deep into rectifiers (learned slopes).
        pub LeakyRelu: leaky_relu(x, slope) = if x <= 0.0 { x * slope } else { x },
            |y, c| [x.gt(0.0).select(c, c * slope), x.gt(0.0).select(0.0, c * x)], on [-3.0..3.0, 0.05..0.3], kinks [0.0];

        /// Exponential linear unit: x for x > 0, α(eˣ − 1) elsewhere.
        ///
        /// # Kinks and limits
        ///
        /// At 0 the slope is α, that of the left side; the second derivative is α/2, halfway between the sides.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(grad(|x| x.elu(1.0).sum(), &array![0.0, 2.0]), array![1.0, 1.0]);
        /// ```
        ///
        /// # References
        ///
        /// Clevert, Unterthiner, Hochreiter 2016, Fast and accurate deep network learning by exponential linear units.
        pub Elu: elu(x, alpha) = if x <= 0.0 { alpha * x.expm1() } else { x },
            |y, c| [x.gt(0.0).select(c, c * (alpha * x.minimum(0.0).exp())), x.gt(0.0).select(0.0, c * x.minimum(0.0).expm1())], on [-3.0..3.0, 0.5..1.5], kinks [0.0];

        /// Self-normalising linear unit: λx for x > 0, λα(eˣ − 1) elsewhere, λ ≈ 1.0507, α ≈ 1.6733.
        ///
        /// # Kinks and limits
        ///
        /// At 0 the slope is λα, that of the left side; the second derivative is λα/2, halfway between the sides.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// let at = value(|x| x.selu().sum(), &array![1.0]);
        /// assert_eq!(at, 1.050_700_987_355_480_5);
        /// ```
        ///
        /// # References
        ///
        /// Klambauer et al. 2017, Self-normalizing neural networks (α and λ to 16 digits: appendix A1).
        pub Selu: selu(x) = if x <= 0.0 { x.expm1() * (SELU_SCALE * SELU_ALPHA) } else { x * SELU_SCALE },
            |y, c| [x.gt(0.0).select(c * SELU_SCALE, c * (x.minimum(0.0).exp() * (SELU_SCALE * SELU_ALPHA)))], on [-3.0..3.0], kinks [0.0];

        /// Continuously differentiable ELU: x for x > 0, α(e^(x/α) − 1) elsewhere; α must not be 0.
        ///
        /// # Kinks and limits
        ///
        /// The slope is continuous at 0, where it is 1; the second derivative is taken as 1/(2α) there, halfway between the
        /// sides.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(grad(|x| x.celu(2.0).sum(), &array![0.0, 2.0]), array![1.0, 1.0]);
        /// ```
        ///
        /// # References
        ///
        /// Barron 2017, Continuously differentiable exponential linear units.
        pub Celu: celu(x, alpha) = if x <= 0.0 { alpha * (x / alpha).expm1() } else { x },
            |y, c| [x.gt(0.0).select(c, c * (x.minimum(0.0) / alpha).exp()), { let z = x.minimum(0.0) / alpha; c * (z.expm1() - z * z.exp()) }], on [-3.0..3.0, 0.5..1.5], kinks [0.0];

        /// Gaussian error linear unit x·Φ(x), exact; Φ is the normal distribution, taken as ½ erfc(−x/√2) so that the negative
        /// tail keeps all its digits.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(grad(|x| x.gelu().sum(), &array![0.0]), array![0.5]);
        /// ```
        ///
        /// # References
        ///
        /// Hendrycks, Gimpel 2016, Gaussian error linear units.
        pub Gelu: gelu(x) = x * 0.5 * (x * -FRAC_1_SQRT_2).erfc(),
            |y, c| [{
                // Beyond ±40 the density is 0 and the slope constant, while x² may overflow.
                let z = x.clamp(-40.0, 40.0);
                c * ((z * -FRAC_1_SQRT_2).erfc() * 0.5 + z * ((z.square() * -0.5).exp() * FRAC_1_SQRT_2PI))
            }], on [-3.0..3.0], kinks [];

        /// The approximation ½x(1 + tanh(√(2/π)(x + 0.044715x³))) of [`gelu`](crate::Var::gelu).
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(grad(|x| x.gelu_tanh().sum(), &array![0.0]), array![0.5]);
        /// ```
        ///
        /// # References
        ///
        /// Hendrycks, Gimpel 2016, Gaussian error linear units.
        pub GeluTanh: gelu_tanh(x) = x * 0.5 * (((x * x * GELU_CUBIC + 1.0) * x * SQRT_2_OVER_PI).tanh() + 1.0),
            |y, c| [{
                // Beyond ±10 the hyperbolic tangent is ±1 and the slope constant, while x² may overflow.
                let z = x.clamp(-10.0, 10.0);
                let square = z.square();
                let t = ((square * GELU_CUBIC + 1.0) * z * SQRT_2_OVER_PI).tanh();
                let slope = (square * (3.0 * GELU_CUBIC) + 1.0) * SQRT_2_OVER_PI;
                c * ((t + 1.0) * 0.5 + z * 0.5 * ((t + 1.0) * (1.0 - t)) * slope)
            }], on [-3.0..3.0], kinks [];

        /// Sigmoid-weighted linear unit x·σ(x), also known as swish.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(grad(|x| x.silu().sum(), &array![0.0]), array![0.5]);
        /// ```
        ///
        /// # References
        ///
        /// Elfwing, Uchibe, Doya 2018, Sigmoid-weighted linear units.
        pub Silu: silu(x) = x * x.sigmoid(),
            |y, c| [{ let s = x.sigmoid(); c * (s * (x * (1.0 - s) + 1.0)) }], on [-3.0..3.0], kinks [];

        /// x·tanh(softplus x).
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(value(|x| x.mish().sum(), &array![0.0]), 0.0);
        /// ```
        ///
        /// # References
        ///
        /// Misra 2020, Mish: a self regularized non-monotonic activation function.
        pub Mish: mish(x) = x * x.softplus().tanh(),
            |y, c| [{
                // Beyond ±800 the slope is constant, while 2x may overflow.
                let z = x.clamp(-800.0, 800.0);
                let t = z.softplus().tanh();
                c * (t + z * z.sigmoid() * ((t + 1.0) * (1.0 - t)))
            }], on [-3.0..3.0], kinks [];

        /// x limited to [−1, 1].
        ///
        /// # Kinks and limits
        ///
        /// The slope at ±1 is 0.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(grad(|x| x.hard_tanh().sum(), &array![-2.0, 0.5, 1.0]), array![0.0, 1.0, 0.0]);
        /// ```
        pub HardTanh: hard_tanh(x) = if x < -1.0 {
            Number::of(-1.0)
        } else if x > 1.0 {
            Number::of(1.0)
        } else {
            x
        },
            |y, c| [(x.gt(-1.0) * x.lt(1.0)).select(c, 0.0)], on [-3.0..3.0], kinks [-1.0, 1.0];

        /// Piecewise linear sigmoid: x/6 + ½ limited to [0, 1].
        ///
        /// # Kinks and limits
        ///
        /// The slope at ±3 is 0.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(value(|x| x.hard_sigmoid().sum(), &array![-4.0, 0.0, 4.0]), 1.5);
        /// ```
        ///
        /// # References
        ///
        /// Howard et al. 2019, Searching for MobileNetV3.
        pub HardSigmoid: hard_sigmoid(x) = if x <= -3.0 {
            Number::of(0.0)
        } else if x >= 3.0 {
            Number::of(1.0)
        } else {
            x / 6.0 + 0.5
        },
            |y, c| [(x.gt(-3.0) * x.lt(3.0)).select(c / 6.0, 0.0)], on [-5.0..5.0], kinks [-3.0, 3.0];

        /// `x · hard_sigmoid(x)`.
        ///
        /// # Kinks and limits
        ///
        /// At −3 the slope is 0, at 3 it is 1: those of the outer sides.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(grad(|x| x.hard_swish().sum(), &array![-3.0, 0.0, 3.0]), array![0.0, 0.5, 1.0]);
        /// ```
        ///
        /// # References
        ///
        /// Howard et al. 2019, Searching for MobileNetV3.
        pub HardSwish: hard_swish(x) = if x <= -3.0 {
            Number::of(0.0)
        } else if x >= 3.0 {
            x
        } else {
            x * (x / 6.0 + 0.5)
        },
            |y, c| [x.le(-3.0).select(0.0, x.ge(3.0).select(c, c * (x / 3.0 + 0.5)))], on [-5.0..5.0], kinks [-3.0, 3.0];

        /// x/(1 + |x|).
        ///
        /// # Kinks and limits
        ///
        /// The slope at 0 is 1; the second derivative jumps there and is taken as 0.
        ///
        /// # Examples
        ///
        /// ```
        /// use gradus::prelude::*;
        ///
        /// assert_eq!(grad(|x| x.softsign().sum(), &array![0.0, 1.0]), array![1.0, 0.25]);
        /// ```
        pub Softsign: softsign(x) = x / (x.abs() + 1.0),
            |y, c| [{ let d = x.abs() + 1.0; c / d / d }], on [-3.0..3.0], kinks [];
    }
}
