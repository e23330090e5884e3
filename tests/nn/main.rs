//! Layers: values against formulas and against PyTorch, gradients against differences, the text of every panic.

use gradus::prelude::*;

mod activation;
mod batch_norm;
mod dropout;
mod embedding;
mod layer_norm;
mod linear;
mod metric;
mod mlp;
#[path = "../support/panics.rs"]
mod panics;
mod sequential;

/// sin(start), sin(start + 1), …: data that PyTorch can be given, too.
fn wave(start: f64, shape: &[usize]) -> ArrayD<f64> {
    let mut at = start - 1.0;
    ArrayD::from_shape_simple_fn(shape, || {
        at += 1.0;
        at.sin()
    })
}

fn rng() -> StdRng {
    StdRng::seed_from_u64(7)
}

/// Checks values against third-party numbers printed with 13 digits.
#[track_caller]
fn assert_close<'a>(values: impl IntoIterator<Item = &'a f64>, expected: &[f64]) {
    let values: Vec<f64> = values.into_iter().copied().collect();
    assert_eq!(values.len(), expected.len());
    for (at, (x, e)) in values.iter().zip(expected).enumerate() {
        assert!((x - e).abs() <= 1e-12 * e.abs().max(1.0), "element {at}: {x}, expected {e}");
    }
}

/// Checks a layer's gradients of first and second order for its parameters and its input.
#[track_caller]
fn check_layer(params: &Params<f64>, layer: &impl Layer<f64>, x: &ArrayD<f64>) {
    let mut tape = Tape::new();
    let step = tape.record(params);
    layer.forward(step.variable(x)).check().order(2).assert();
}

/// A model is plain data: it can be moved to and shared between threads.
#[test]
fn models_are_send_and_sync() {
    fn check<T: Send + Sync>() {}
    check::<Linear>();
    check::<Mlp>();
    check::<Activation>();
    check::<Dropout>();
    check::<LayerNorm>();
    check::<BatchNorm>();
    check::<Embedding>();
    check::<Sequential<f32>>();
    check::<CrossEntropy>();
}

/// The loop of the readme with everything from the prelude, for both element types.
#[test]
fn a_network_of_all_layers_learns() {
    fn train<T: Real>() -> (f64, f64) {
        let (mut params, mut rng) = (Params::<T>::new(), rng());
        let embedding = Embedding::new(&mut params, "embedding", 4, 6, &mut rng);
        let net = Sequential::new()
            .then(LayerNorm::new(&mut params, "norm", 6))
            .then(Mlp::new(&mut params, "mlp", &[6, 16, 8], Activation::Relu, &mut rng))
            .then(BatchNorm::new(&mut params, "batch_norm", 8))
            .then(Activation::Gelu)
            .then(Linear::new(&mut params, "head", 8, 4, &mut rng));
        let (mut tape, mut gradient) = (Tape::new(), params.gradient());
        let (things, labels) = ([0, 1, 2, 3, 3, 2, 1, 0], [3, 2, 1, 0, 0, 1, 2, 3]);
        let mut losses = Vec::new();
        for seed in 0..100 {
            let step = tape.train(&params, seed);
            let logits = net.forward(embedding.forward(&step, things));
            losses.push(cross_entropy(logits, labels).backward(&mut gradient).as_f64());
            gradient.consume(&params);
            for (x, g) in params.flat_mut().iter_mut().zip(gradient.flat()) {
                *x -= T::of(0.1) * *g;
            }
            params.apply_updates(&gradient);
        }
        let step = tape.record(&params);
        let logits = net.forward(embedding.forward(&step, things));
        assert_eq!(accuracy(&logits.value(), &labels), 1.0);
        (losses[0], losses[99])
    }
    for (first, last) in [train::<f32>(), train::<f64>()] {
        assert!(last < 0.05 * first, "{first} to {last}");
    }
}
