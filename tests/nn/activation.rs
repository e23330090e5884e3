use super::panics::assert_panics;
use super::{assert_close, check_layer};
use gradus::prelude::*;

/// Values at −4, −1.5, −0.25, 0.75 and 3.5: PyTorch 2.15, float64.
const PYTORCH: [(Activation, [f64; 5]); 18] = [
    (Activation::Identity, [-4.0, -1.5, -0.25, 0.75, 3.5]),
    (
        Activation::Tanh,
        [-0.999_329_299_739_1, -0.905_148_253_644_9, -0.244_918_662_403_7, 0.635_148_952_387_3, 0.998_177_897_611_2],
    ),
    (
        Activation::Sigmoid,
        [0.017_986_209_962_09, 0.182_425_523_806_4, 0.437_823_499_114_2, 0.679_178_699_175_4, 0.970_687_769_248_6],
    ),
    (Activation::HardSigmoid, [0.0, 0.25, 0.458_333_333_333_3, 0.625, 1.0]),
    (
        Activation::LogSigmoid,
        [-4.018_149_927_918, -1.701_413_277_983, -0.825_939_419_878_8, -0.386_871_006_114_9, -0.029_750_418_272_62],
    ),
    (Activation::HardTanh, [-1.0, -1.0, -0.25, 0.75, 1.0]),
    (Activation::Softsign, [-0.8, -0.6, -0.2, 0.428_571_428_571_4, 0.777_777_777_777_8]),
    (Activation::Relu, [0.0, 0.0, 0.0, 0.75, 3.5]),
    (Activation::LeakyRelu(0.1), [-0.4, -0.15, -0.025, 0.75, 3.5]),
    (
        Activation::Softplus,
        [0.018_149_927_917_81, 0.201_413_277_982_8, 0.575_939_419_878_8, 1.136_871_006_115, 3.529_750_418_273],
    ),
    (Activation::Elu(1.5), [-1.472_526_541_667, -1.165_304_759_777, -0.331_798_825_392_9, 0.75, 3.5]),
    (Activation::Celu(1.5), [-1.395_774_823_166, -0.948_180_838_242_8, -0.230_277_412_664_1, 0.75, 3.5]),
    (
        Activation::Selu,
        [-1.725_898_628_19, -1.365_814_353_367, -0.388_890_197_478_1, 0.788_025_740_516_6, 3.677_453_455_744],
    ),
    (
        Activation::Gelu,
        [-0.000_126_684_967_332_5, -0.100_210_801_903_3, -0.100_323_418_579_3, 0.580_029_485_717_3, 3.499_185_798_223],
    ),
    (
        Activation::GeluTanh,
        [-7.024_594_819_227e-5, -0.100_428_423_019_8, -0.100_324_649_298_3, 0.579_960_555_165_6, 3.499_383_802_345],
    ),
    (
        Activation::Silu,
        [-0.071_944_839_848_37, -0.273_638_285_709_5, -0.109_455_874_778_6, 0.509_384_024_381_5, 3.397_407_192_37],
    ),
    (Activation::HardSwish, [0.0, -0.375, -0.114_583_333_333_3, 0.468_75, 3.5]),
    (
        Activation::Mish,
        [-0.072_591_740_792_03, -0.298_099_742_166_8, -0.129_926_963_679_1, 0.610_018_335_218_3, 3.493_990_715_118],
    ),
];

#[test]
fn activations_are_those_of_pytorch() {
    let x = array![-4.0, -1.5, -0.25, 0.75, 3.5].into_dyn();
    let params = Params::new();
    let mut tape = Tape::new();
    for (activation, expected) in PYTORCH {
        let step = tape.record(&params);
        assert_close(&activation.forward(step.input(&x)).value(), &expected);
        check_layer(&params, &activation, &x);
    }
}

#[test]
fn identity_records_nothing_and_is_the_default() {
    let (params, mut tape) = (Params::<f32>::new(), Tape::new());
    let step = tape.record(&params);
    let _ = Activation::default().forward(step.input(&[1.0]));
    assert_eq!(tape.len(), 1);
}

#[test]
fn slopes_that_are_no_numbers_are_refused() {
    let run = |activation: Activation| value(|x| activation.forward(x).sum(), &array![-1.0_f32]);
    assert_panics("leaky_relu: slope inf, expected a finite f32", || run(Activation::LeakyRelu(f64::INFINITY)));
    assert_panics("leaky_relu: slope 1e300, expected a finite f32", || run(Activation::LeakyRelu(1e300)));
    assert_panics("elu: alpha NaN, expected a finite f32", || run(Activation::Elu(f64::NAN)));
    assert_panics("celu: alpha -inf, expected a finite f32", || run(Activation::Celu(f64::NEG_INFINITY)));
    assert_panics("celu: alpha 0, expected a number other than 0", || run(Activation::Celu(0.0)));
}
