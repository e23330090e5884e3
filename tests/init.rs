//! Initialisers: moments, bounds, orthogonality, and that the same seed gives the same numbers.
//!
//! Statistical bounds are five standard errors wide: with a random seed a correct initialiser would pass one such
//! comparison with probability 1 − 6·10⁻⁷. Seeds are fixed, so that nothing is left to chance.

use std::f64::consts::SQRT_2;

use gradus::Scalar as _;
use gradus::nn::init::{Density, Fan, TRUNCATED_DEVIATION, fans, gain};
use gradus::prelude::*;

#[path = "support/panics.rs"]
mod panics;
use panics::assert_panics;

const SIGMAS: f64 = 5.0;
const SHAPE: [usize; 2] = [300, 500];

fn rng() -> StdRng {
    StdRng::seed_from_u64(20)
}

fn draw(init: Init, shape: impl gradus::Lengths) -> ArrayD<f64> {
    init.array(shape, &mut rng())
}

/// Mean, variance and the mean of (x − mean)⁴/variance².
fn moments(x: &ArrayD<f64>) -> (f64, f64, f64) {
    let mean = x.mean().unwrap();
    let power = |p: i32| x.mapv(|x| (x - mean).powi(p)).mean().unwrap();
    (mean, power(2), power(4) / power(2).powi(2))
}

/// Checks the first two moments of 150 000 draws against those of the distribution, whose kurtosis is given.
#[track_caller]
fn assert_moments(init: Init, mean: f64, variance: f64, kurtosis: f64) {
    let x = draw(init, SHAPE);
    let (found, n) = (moments(&x), x.len().as_f64());
    let error = SIGMAS * (variance / n).sqrt();
    assert!((found.0 - mean).abs() <= error, "{init:?}: mean {}, not {mean}", found.0);
    let error = SIGMAS * variance * ((kurtosis - 1.0) / n).sqrt();
    assert!((found.1 - variance).abs() <= error, "{init:?}: variance {}, not {variance}", found.1);
    // Tells a uniform distribution (1.8) from a normal one (3) and from one that is cut (2.37).
    assert!((found.2 - kurtosis).abs() < 0.1, "{init:?}: kurtosis {}, not {kurtosis}", found.2);
}

const UNIFORM: f64 = 1.8;
const NORMAL: f64 = 3.0;

#[test]
fn constants_are_constant() {
    assert_eq!(draw(Init::Zeros, [2, 3]), ArrayD::<f64>::zeros(&[2, 3][..]));
    assert_eq!(draw(Init::Ones, [2]), ArrayD::<f64>::ones(&[2][..]));
    assert_eq!(draw(Init::Constant(0.3), []), ArrayD::from_elem(&[][..], 0.3));
}

#[test]
fn uniform_and_normal_have_the_moments_they_state() {
    assert_moments(Init::Uniform { low: -1.0, high: 3.0 }, 1.0, 16.0 / 12.0, UNIFORM);
    assert_moments(Init::Normal { mean: -2.0, deviation: 0.5 }, -2.0, 0.25, NORMAL);
}

#[test]
fn scaled_initialisers_have_the_variance_of_their_papers() {
    let (inputs, outputs) = (300.0, 500.0);
    let glorot = 2.0 / (inputs + outputs);
    for (init, variance, kurtosis) in [
        (Init::GlorotUniform, glorot, UNIFORM),
        (Init::GlorotNormal, glorot, NORMAL),
        (Init::HeUniform, 2.0 / inputs, UNIFORM),
        (Init::HeNormal, 2.0 / inputs, NORMAL),
        (Init::LeCunUniform, 1.0 / inputs, UNIFORM),
        (Init::LeCunNormal, 1.0 / inputs, NORMAL),
    ] {
        assert_moments(init, 0.0, variance, kurtosis);
    }
    let scaling = |fan, density| Init::VarianceScaling { scale: 3.0, fan, density };
    assert_moments(scaling(Fan::Out, Density::Normal), 0.0, 3.0 / outputs, NORMAL);
    assert_moments(scaling(Fan::In, Density::Uniform), 0.0, 3.0 / inputs, UNIFORM);
    assert_moments(scaling(Fan::Average, Density::Normal), 0.0, 3.0 / 400.0, NORMAL);
}

/// All of 150 000 uniform draws lie within the bound, and come within a thousandth of it: for a correct initialiser
/// the chance that they do not is 2·(1 − 1/2000)^150000 < 10⁻³².
#[test]
fn uniform_initialisers_fill_their_interval() {
    for (init, low, high) in [
        (Init::Uniform { low: -1.0, high: 3.0 }, -1.0, 3.0),
        (Init::GlorotUniform, -(6.0_f64 / 800.0).sqrt(), (6.0_f64 / 800.0).sqrt()),
        (Init::HeUniform, -(6.0_f64 / 300.0).sqrt(), (6.0_f64 / 300.0).sqrt()),
        (Init::LeCunUniform, -0.1, 0.1),
    ] {
        let x = draw(init, SHAPE);
        let (min, max) = x.iter().fold((f64::MAX, f64::MIN), |(a, b), &x| (a.min(x), b.max(x)));
        let margin = (high - low) / 1000.0;
        assert!((low..low + margin).contains(&min), "{init:?}: {min}");
        assert!((high - margin..=high).contains(&max), "{init:?}: {max}");
    }
}

#[test]
fn a_truncated_normal_is_cut_at_two_deviations_and_not_corrected() {
    let (mean, deviation) = (1.0, 0.5);
    let init = Init::TruncatedNormal { mean, deviation };
    // Kurtosis of the standard normal cut at a = 2: (3 − (a³ + 3a)r)/(1 − a·r)², r = 2φ(a)/(Φ(a) − Φ(−a)).
    let left = TRUNCATED_DEVIATION.powi(2);
    let r = (1.0 - left) / 2.0;
    let kurtosis = (3.0 - 14.0 * r) / left.powi(2);
    assert_moments(init, mean, (deviation * TRUNCATED_DEVIATION).powi(2), kurtosis);
    assert!(draw(init, SHAPE).iter().all(|x| (x - mean).abs() <= 2.0 * deviation));
}

/// φ and Φ from the error function, which the crate has from elsewhere.
#[test]
fn the_deviation_of_a_cut_normal_is_that_of_its_formula() {
    let density = (-2.0_f64).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let inside = value(|x| x.erf().sum(), &array![SQRT_2]);
    let variance = 1.0 - 4.0 * density / inside;
    assert!((TRUNCATED_DEVIATION - variance.sqrt()).abs() < 1e-15);
}

#[test]
fn orthogonal_matrices_are_orthogonal() {
    for (shape, gain) in [([40, 40], 1.0), ([60, 7], 2.0), ([7, 60], 0.5), ([1, 5], 1.0), ([5, 1], -3.0)] {
        let q = draw(Init::Orthogonal { gain }, shape).into_dimensionality::<ndarray::Ix2>().unwrap();
        assert_eq!(q.shape(), shape);
        let product = if shape[0] >= shape[1] { q.t().dot(&q) } else { q.dot(&q.t()) };
        let error = product - Array2::<f64>::eye(shape[0].min(shape[1])) * (gain * gain);
        assert!(error.iter().all(|e| e.abs() < 1e-13), "{shape:?}: {error}");
    }
    // Leading axes count as rows.
    let q = draw(Init::Orthogonal { gain: 1.0 }, [3, 4, 5]);
    let q = q.into_shape_with_order((12, 5)).unwrap();
    assert!((q.t().dot(&q) - Array2::<f64>::eye(5)).iter().all(|e| e.abs() < 1e-13));
}

/// Uniform among all orthogonal matrices: an entry of a 2 × 2 one has mean 0 and variance ½, and half of them have
/// determinant 1. Without the choice of signs the first entry would always have the same one.
#[test]
fn orthogonal_matrices_are_uniform() {
    let (mut rng, n) = (rng(), 10_000);
    let (mut sum, mut square, mut rotations) = (0.0, 0.0, 0);
    for _ in 0..n {
        let q = Init::Orthogonal { gain: 1.0 }.array::<f64>([2, 2], &mut rng);
        sum += q[[0, 0]];
        square += q[[0, 0]].powi(2);
        rotations += i32::from(q[[0, 0]] * q[[1, 1]] - q[[0, 1]] * q[[1, 0]] > 0.0);
    }
    let n = f64::from(n);
    assert!((sum / n).abs() < SIGMAS * (0.5 / n).sqrt(), "mean {}", sum / n);
    // The square of a cosine of a uniform angle has mean ½ and variance ⅛.
    assert!((square / n - 0.5).abs() < SIGMAS * (0.125 / n).sqrt(), "second moment {}", square / n);
    assert!((f64::from(rotations) / n - 0.5).abs() < SIGMAS * 0.5 / n.sqrt(), "{rotations}");
}

#[test]
fn the_same_seed_gives_the_same_bits_and_another_one_others() {
    for init in [
        Init::Uniform { low: 0.0, high: 1.0 },
        Init::TruncatedNormal { mean: 0.0, deviation: 1.0 },
        Init::GlorotUniform,
        Init::GlorotNormal,
        Init::HeUniform,
        Init::HeNormal,
        Init::LeCunUniform,
        Init::LeCunNormal,
        Init::Orthogonal { gain: 1.0 },
    ] {
        let first = draw(init, [5, 4]);
        assert_eq!(first, draw(init, [5, 4]), "{init:?}");
        let other = init.array::<f64>([5, 4], &mut StdRng::seed_from_u64(21));
        assert!(first.iter().zip(&other).all(|(a, b)| a.to_bits() != b.to_bits()), "{init:?}");
        // f32 are the f64 rounded.
        let narrow = init.array::<f32>([5, 4], &mut rng());
        assert_eq!(narrow.mapv(f64::from), first.mapv(|x| f64::from(f32::of(x))), "{init:?}");
    }
}

#[test]
fn any_generator_will_do_also_behind_a_trait_object() {
    let mut rng = rng();
    let object: &mut dyn rand::Rng = &mut rng;
    assert_eq!(Init::HeNormal.array::<f64>([3, 2], object), draw(Init::HeNormal, [3, 2]));
}

#[test]
fn fans_count_inputs_and_outputs() {
    assert_eq!(fans([64, 10]), (64, 10));
    assert_eq!(fans([3, 5, 16, 32]), (240, 480));
    assert_eq!(draw(Init::HeUniform, [0, 4]).shape(), [0, 4]);
}

/// The numbers of `torch.nn.init.calculate_gain`, PyTorch 2.15.
#[test]
fn gains_are_those_of_pytorch() {
    assert_eq!(gain(Activation::Identity), 1.0);
    assert_eq!(gain(Activation::Sigmoid), 1.0);
    assert_eq!(gain(Activation::Tanh), 5.0 / 3.0);
    assert_eq!(gain(Activation::Relu), SQRT_2);
    assert!((gain(Activation::LeakyRelu(0.3)) - 1.354_570_922_957).abs() < 1e-12);
    assert_eq!(gain(Activation::Selu), 0.75);
}

/// What `Init::of` promises: depth neither inflates nor starves what flows through it. For relatives of `Relu` the
/// expected mean square behind ten layers is exactly that before them, 1; for `Selu` 1 attracts it. One network of width
/// 128 is off by a factor of about exp(±√(10·5/128)), the mean of forty by some 11 %; a gain off by √2 would show as
/// a factor of 1024.
#[test]
fn the_default_keeps_the_signal_alive_through_ten_layers() {
    let mut rng = rng();
    let input = Init::Normal { mean: 0.0, deviation: 1.0 }.array::<f64>([8, 128], &mut rng);
    for activation in [Activation::Relu, Activation::LeakyRelu(0.3), Activation::Selu] {
        let (mut tape, mut sum) = (Tape::new(), 0.0);
        for _ in 0..40 {
            let mut params = Params::<f64>::new();
            let mlp = Mlp::new(&mut params, "mlp", &[128; 12], activation, &mut rng);
            let step = tape.record(&params);
            let mut h = step.input(&input);
            for layer in &mlp.layers[..10] {
                h = activation.forward(layer.forward(h));
            }
            sum += h.square().mean().item();
        }
        assert!((sum / 40.0 - 1.0).abs() < SIGMAS * 0.11, "{activation:?}: {}", sum / 40.0);
    }
}

#[test]
fn impossible_arguments_are_refused() {
    assert_panics("init: uniform from 1 to 0, expected finite bounds, the lower one first", || {
        Init::Uniform { low: 1.0, high: 0.0 }.array::<f64>([2, 2], &mut rng())
    });
    assert_panics("init: uniform from -inf to inf, expected finite bounds, the lower one first", || {
        let init = Init::Uniform { low: f64::NEG_INFINITY, high: f64::INFINITY };
        init.array::<f64>([2, 2], &mut rng())
    });
    let deviation = -1.0;
    assert_panics("init: standard deviation -1, expected a finite number of at least 0", || {
        Init::Normal { mean: 0.0, deviation }.array::<f64>([2], &mut rng())
    });
    assert_panics("init: standard deviation -1, expected a finite number of at least 0", || {
        Init::TruncatedNormal { mean: 0.0, deviation }.array::<f64>([2], &mut rng())
    });
    assert_panics("init: scale -2, expected a finite number of at least 0", || {
        let init = Init::VarianceScaling { scale: -2.0, fan: Fan::In, density: Density::Normal };
        init.array::<f64>([2, 2], &mut rng())
    });
    assert_panics(
        "init: [3] has no fans, which take a weight [in, out]\n  help: give a bias `Init::Zeros`, or state the spread with `Init::Uniform` or `Init::Normal`",
        || Init::HeUniform.array::<f64>([3], &mut rng()),
    );
    assert_panics("init: constant NaN, expected a finite number", || draw(Init::Constant(f64::NAN), [2]));
    for init in
        [Init::Normal { mean: f64::NAN, deviation: 1.0 }, Init::TruncatedNormal { mean: f64::NAN, deviation: 1.0 }]
    {
        assert_panics("init: mean NaN, expected a finite number", || draw(init, [2]));
    }
    assert_panics("init: Constant(1e300) gives 1e300 (inf as f32), expected finite numbers", || {
        Init::Constant(1e300).array::<f32>([2], &mut rng())
    });
    let uniform = Init::Uniform { low: 0.0, high: 1e300 };
    assert!(draw(uniform, [9]).iter().all(|x| x.is_finite()));
    assert!(std::panic::catch_unwind(|| uniform.array::<f32>([9], &mut rng())).is_err());
    assert_panics("init: slope inf, expected a finite number", || gain(Activation::LeakyRelu(f64::INFINITY)));
    assert_panics("init: gain NaN, expected a finite number", || {
        Init::Orthogonal { gain: f64::NAN }.array::<f64>([2, 2], &mut rng())
    });
    assert_panics("init: [] is no matrix, and only one can be orthogonal", || {
        Init::Orthogonal { gain: 1.0 }.array::<f64>([], &mut rng())
    });
}
