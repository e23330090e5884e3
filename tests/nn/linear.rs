use super::panics::assert_panics;
use super::{check_layer, rng, wave};
use gradus::prelude::*;

#[test]
fn it_is_the_product_and_the_bias_for_every_rank() {
    let mut params = Params::<f64>::new();
    let layer = Linear::new(&mut params, "layer", 4, 3, &mut rng());
    params.value_mut(layer.bias.unwrap()).assign(&wave(2.0, &[3]));
    let weight = params.value(layer.weight).to_owned().into_shape_with_order((4, 3)).unwrap();
    let bias = params.value(layer.bias.unwrap()).to_owned();
    let mut tape = Tape::new();
    for shape in [&[4][..], &[5, 4], &[2, 3, 4], &[1, 2, 1, 4]] {
        let x = wave(0.0, shape);
        let step = tape.record(&params);
        let y = layer.forward(step.input(&x)).value();
        let rows = x.to_shape((x.len() / 4, 4)).unwrap();
        let expected = (rows.dot(&weight) + &bias).into_shape_with_order(y.raw_dim()).unwrap();
        assert_eq!(y.shape()[..shape.len() - 1], shape[..shape.len() - 1]);
        assert!((&y - &expected).iter().all(|e| e.abs() < 1e-15), "{shape:?}");
        check_layer(&params, &layer, &x);
    }
}

#[test]
fn without_a_bias_it_is_the_product() {
    let mut params = Params::<f64>::new();
    let layer = Linear::without_bias(&mut params, "layer", 4, 3, &mut rng());
    assert_eq!((params.len(), layer.bias), (12, None));
    let x = wave(0.0, &[5, 4]);
    let rows = x.view().into_dimensionality::<ndarray::Ix2>().unwrap();
    let weight = params.value(layer.weight).to_owned().into_dimensionality::<ndarray::Ix2>().unwrap();
    let mut tape = Tape::new();
    let step = tape.record(&params);
    let y = layer.forward(step.input(&x)).value();
    assert!((y - rows.dot(&weight)).iter().all(|e| e.abs() < 1e-15));
    check_layer(&params, &layer, &x);
}

#[test]
fn parameters_have_names_and_documented_first_values() {
    let mut params = Params::<f32>::new();
    let layer = Linear::new(&mut params, "head", 300, 100, &mut rng());
    let names: Vec<_> = params.iter().map(|entry| (entry.name, entry.shape)).collect();
    assert_eq!(names, [("head.weight", Shape::from([300, 100])), ("head.bias", Shape::from([100]))]);
    let same = Init::GlorotUniform.array::<f32>([300, 100], &mut rng());
    assert_eq!(params.value(layer.weight), same);
    assert!(params.value(layer.bias.unwrap()).iter().all(|&b| b == 0.0));
}

/// One handle used twice: the gradient is the sum over both places.
#[test]
fn tied_weights_share_a_gradient() {
    let mut params = Params::<f64>::new();
    let encoder = Linear::without_bias(&mut params, "encoder", 3, 3, &mut rng());
    let x = wave(0.0, &[2, 3]);
    check::model(&params, |step| encoder.forward(encoder.forward(step.input(&x)).tanh()).sum()).order(2).assert();
    check::model(&params, |step| {
        let h = encoder.forward(step.input(&x)).tanh();
        h.matmul(step.param(encoder.weight).t()).square().sum()
    })
    .order(2)
    .assert();
    // Twice the layer side by side is once the layer with twice the gradient.
    let (mut tape, mut twice, mut once) = (Tape::new(), params.gradient(), params.gradient());
    let step = tape.record(&params);
    let x = step.input(&x);
    (encoder.forward(x).sum() + encoder.forward(x).sum()).backward(&mut twice);
    encoder.forward(x).sum().backward(&mut once);
    once.scale(2.0);
    assert_eq!(twice.flat(), once.flat());
}

#[test]
fn an_input_of_another_width_names_the_layer() {
    let mut params = Params::<f64>::new();
    let first = Linear::new(&mut params, "first", 4, 3, &mut rng());
    let second = Linear::without_bias(&mut params, "second", 4, 3, &mut rng());
    let x = wave(0.0, &[2, 5]);
    let mut tape = Tape::new();
    let step = tape.record(&params);
    assert_panics(
        "affine: [2, 5] · [4, 3]: inner axes 5 and 4 differ\n  help: a weight has shape [in, out]\n  near parameter `first.weight`",
        || first.forward(step.input(&x)),
    );
    assert_panics("matmul: [2, 5] · [4, 3]: inner axes 5 and 4 differ\n  near parameter `second.weight`", || {
        second.forward(step.input(&x))
    });
}

#[test]
fn impossible_layers_are_refused_and_leave_no_trace() {
    let mut params = Params::<f32>::new();
    assert_panics("linear `head`: 0 inputs and 3 outputs, expected at least one of each", || {
        Linear::new(&mut params, "head", 0, 3, &mut rng())
    });
    assert_panics("linear `head`: 3 inputs and 0 outputs, expected at least one of each", || {
        Linear::without_bias(&mut params, "head", 3, 0, &mut rng())
    });
    assert!(params.is_empty());
    let _ = Linear::new(&mut params, "head", 2, 3, &mut rng());
    assert_panics(
        "params: the name `head.weight` is taken by a tensor of shape [2, 3]\n  help: give each layer a path of its own, such as `encoder.head.weight`",
        || Linear::new(&mut params, "head", 2, 3, &mut rng()),
    );
}

#[test]
fn a_layer_of_another_store_is_refused() {
    let (mut own, mut other) = (Params::<f64>::new(), Params::<f64>::new());
    let layer = Linear::new(&mut own, "layer", 2, 2, &mut rng());
    let _ = other.add("w", [2], || 0.0);
    let mut tape = Tape::new();
    let step = tape.record(&other);
    let x = array![[1.0, 2.0]];
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _ = layer.forward(step.input(&x));
    }));
    let text = *result.unwrap_err().downcast::<String>().unwrap();
    assert!(text.starts_with("param: parameter `layer.weight` belongs to store #"), "{text}");
}

#[test]
fn a_layer_needs_a_name() {
    let text =
        "params: `.weight` has an empty part\n  help: give each layer a name, parts of a path are joined by one dot";
    assert_panics(text, || {
        Linear::new(&mut Params::<f64>::new(), "", 1, 1, &mut StdRng::seed_from_u64(1));
    });
}
