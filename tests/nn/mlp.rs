use super::panics::assert_panics;
use super::{assert_close, check_layer, rng, wave};
use gradus::prelude::*;

fn mlp(sizes: &[usize], activation: Activation) -> (Params<f64>, Mlp) {
    let mut params = Params::new();
    let mlp = Mlp::new(&mut params, "mlp", sizes, activation, &mut rng());
    (params, mlp)
}

/// Sizes 3, 4, 4, 2; parameters sin 1, sin 2, … in the order of the store; input sin 0.5, sin 1.5, … of shape
/// [5, 3]: PyTorch 2.15, float64.
#[test]
fn values_are_those_of_pytorch() {
    for (activation, expected) in [
        (
            Activation::Tanh,
            [
                1.761_941_575_159,
                2.009_662_370_32,
                1.791_143_821_719,
                1.979_572_747_783,
                1.704_152_962_22,
                1.973_556_134_84,
                1.808_867_022_537,
                1.915_344_167_071,
                1.615_989_029_715,
                1.906_350_745_888,
            ],
        ),
        (
            Activation::Relu,
            [
                0.883_225_864_388_3,
                2.090_631_436_116,
                0.454_209_560_354_8,
                1.612_699_864_733,
                0.829_358_661_458_9,
                1.902_625_498_235,
                0.498_325_339_265,
                1.775_850_104_151,
                0.772_199_025_826_6,
                1.711_643_241_102,
            ],
        ),
        (
            Activation::Gelu,
            [
                0.880_582_510_526_6,
                1.978_637_104_339,
                0.506_230_976_298_9,
                1.791_391_727_182,
                0.864_131_300_224_9,
                1.773_717_263_051,
                0.493_884_906_312_6,
                1.969_962_905_352,
                0.843_467_192_846_2,
                1.630_842_225_855,
            ],
        ),
    ] {
        let (mut params, mlp) = mlp(&[3, 4, 4, 2], activation);
        let first = wave(1.0, &[params.len()]);
        params.flat_mut().copy_from_slice(first.as_slice().unwrap());
        let x = wave(0.5, &[5, 3]);
        let mut tape = Tape::new();
        let step = tape.record(&params);
        assert_close(&mlp.forward(step.input(&x)).value(), &expected);
        check_layer(&params, &mlp, &x);
    }
}

#[test]
fn parameters_have_names_in_order_and_documented_first_values() {
    let (params, _) = mlp(&[4, 8, 2], Activation::Relu);
    let names: Vec<_> = params.iter().map(|entry| entry.name).collect();
    assert_eq!(names, ["mlp.0.weight", "mlp.0.bias", "mlp.1.weight", "mlp.1.bias"]);
    let mut rng = rng();
    let hidden = Init::HeUniform.array::<f64>([4, 8], &mut rng);
    let last = Init::GlorotUniform.array::<f64>([8, 2], &mut rng);
    assert_eq!(params.array("mlp.0.weight").unwrap(), hidden);
    assert_eq!(params.array("mlp.1.weight").unwrap(), last);
    assert!(params.array("mlp.0.bias").unwrap().iter().all(|&b| b == 0.0));
}

#[test]
fn two_sizes_are_a_dense_layer_without_activation() {
    let (params, mlp) = mlp(&[4, 3], Activation::Relu);
    let x = wave(0.0, &[2, 4]);
    let mut tape = Tape::new();
    let step = tape.record(&params);
    let (deep, flat) = (mlp.forward(step.input(&x)), mlp.layers[0].forward(step.input(&x)));
    assert_eq!(deep.value(), flat.value());
}

/// Forward and backward: a further layer costs the same number of instructions wherever it stands.
#[test]
fn the_number_of_instructions_grows_linearly_with_depth() {
    let count = |depth: usize| {
        let (params, mlp) = mlp(&vec![4; depth + 1], Activation::Gelu);
        let (mut tape, mut gradient) = (Tape::new(), params.gradient());
        let x = wave(0.0, &[3, 4]);
        let step = tape.record(&params);
        mlp.forward(step.input(&x)).square().mean().backward(&mut gradient);
        tape.len()
    };
    let step = count(12) - count(11);
    assert!(step < 40, "{step} instructions for a layer");
    assert_eq!(count(111) - count(11), 100 * step);
}

#[test]
fn dropout_stands_behind_hidden_activations_only() {
    let (params, mlp) = mlp(&[4, 8, 8, 3], Activation::Tanh);
    let mlp = mlp.with_dropout(0.5);
    let x = wave(0.0, &[6, 4]);
    let mut tape = Tape::new();
    let step = tape.train(&params, 1);
    let y = mlp.forward(step.input(&x)).value();
    assert_eq!(tape.to_string().matches("= dropout").count(), 2);
    // By hand, with the same seed.
    let step = tape.train(&params, 1);
    let dropout = Dropout::new(0.5);
    let mut h = step.input(&x);
    for layer in &mlp.layers[..2] {
        h = dropout.forward(layer.forward(h).tanh());
    }
    assert_eq!(mlp.layers[2].forward(h).value(), y);
    // Off outside of training.
    let step = tape.record(&params);
    let plain = Mlp { dropout: Dropout::default(), ..mlp.clone() };
    assert_eq!(mlp.forward(step.input(&x)).value(), plain.forward(step.input(&x)).value());
    check::model(&params, |step| mlp.forward(step.input(&x)).square().mean()).training(3).order(2).assert();
}

#[test]
fn f32_and_f64_agree() {
    let (params, mlp) = mlp(&[4, 16, 3], Activation::Silu);
    let (narrow, x) = (params.cast::<f32>(), wave(0.0, &[5, 4]));
    let x32 = x.mapv(f32::of);
    let (mut wide_tape, mut narrow_tape) = (Tape::new(), Tape::new());
    let (wide, narrow) = (wide_tape.record(&params), narrow_tape.record(&narrow));
    let (a, b) = (mlp.forward(wide.input(&x)).value(), mlp.forward(narrow.input(&x32)).value());
    assert!(a.iter().zip(&b).all(|(a, &b)| (a - f64::from(b)).abs() < 1e-6));
    check::model(&params.cast::<f32>(), |step| mlp.forward(step.input(&x32)).square().mean()).assert();
}

#[test]
fn impossible_sizes_are_refused() {
    const HELP: &str =
        "\n  help: they are the widths of the input, of each hidden layer and of the output: &[64, 32, 10]";
    for sizes in [&[][..], &[64], &[64, 0, 10], &[0, 10], &[64, 0]] {
        assert_panics(&format!("mlp `net`: sizes {sizes:?}, expected two or more, none of them 0{HELP}"), || {
            let mut params = Params::<f32>::new();
            Mlp::new(&mut params, "net", sizes, Activation::Relu, &mut rng())
        });
    }
    let (_, mlp) = mlp(&[4, 8, 2], Activation::Relu);
    assert_panics("dropout: probability 1.5, expected one in [0, 1]", || mlp.with_dropout(1.5));
}

#[test]
fn an_input_of_another_width_names_the_layer() {
    let (params, mlp) = mlp(&[4, 8, 2], Activation::Relu);
    let x = wave(0.0, &[2, 5]);
    let mut tape = Tape::new();
    let step = tape.record(&params);
    assert_panics(
        "affine: [2, 5] · [4, 8]: inner axes 5 and 4 differ\n  help: a weight has shape [in, out]\n  near parameter `mlp.0.weight`",
        || mlp.forward(step.input(&x)),
    );
}
