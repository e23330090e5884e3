use super::{check_layer, rng, wave};
use gradus::{functions, prelude::*};

#[test]
fn it_is_the_composition_of_its_layers() {
    let (mut params, mut rng) = (Params::<f64>::new(), rng());
    let first = Linear::new(&mut params, "first", 4, 3, &mut rng);
    let second = LayerNorm::new(&mut params, "second", 3);
    let net = Sequential::new()
        .then(first)
        .map(functions::tanh)
        .then(second)
        .map(|x| 2.0 * x + 1.0)
        .then(Activation::Softplus);
    assert_eq!((net.len(), net.is_empty()), (5, false));
    assert_eq!(format!("{net:?}"), "Sequential<f64>(5 layers)");
    let x = wave(0.0, &[2, 4]);
    let mut tape = Tape::new();
    let step = tape.record(&params);
    let x_var = step.input(&x);
    let by_hand = (2.0 * second.forward(first.forward(x_var).tanh()) + 1.0).softplus();
    assert_eq!(net.forward(x_var).value(), by_hand.value());
    check_layer(&params, &net, &x);
}

#[test]
fn without_layers_it_is_the_identity() {
    let (params, mut tape) = (Params::<f32>::new(), Tape::new());
    let step = tape.record(&params);
    let net = Sequential::default();
    assert_eq!(net.forward(step.input(&[1.0, 2.0])).value(), array![1.0, 2.0].into_dyn());
    assert!(net.is_empty());
}

/// Networks may hold networks, closures may hold handles, and threads may share all of it.
#[test]
fn it_nests_captures_and_is_shared() {
    let (mut params, mut rng) = (Params::<f32>::new(), rng());
    let gate = params.add("gate", [3], || 0.5);
    let net = Sequential::new()
        .then(Sequential::new().then(Linear::new(&mut params, "a", 3, 3, &mut rng)))
        .map(move |x| x * x.param(gate).sigmoid());
    let values: Vec<_> = std::thread::scope(|scope| {
        let run = || {
            let (mut tape, x) = (Tape::new(), array![[1.0_f32, 2.0, 3.0]]);
            let step = tape.record(&params);
            net.forward(step.input(&x)).value()
        };
        let threads = [scope.spawn(run), scope.spawn(run)];
        threads.map(|thread| thread.join().unwrap()).into()
    });
    assert_eq!(values[0], values[1]);
}

/// The line of a layer behind a trait object is inside the library, but the message names the parameter.
#[test]
#[should_panic(expected = "near parameter `second.weight`")]
fn an_input_of_another_width_names_the_layer() {
    let (mut params, mut rng) = (Params::<f64>::new(), rng());
    let net = Sequential::new().then(Linear::new(&mut params, "first", 4, 3, &mut rng)).then(Linear::new(
        &mut params,
        "second",
        5,
        3,
        &mut rng,
    ));
    let (mut tape, x) = (Tape::new(), wave(0.0, &[2, 4]));
    let step = tape.record(&params);
    let _ = net.forward(step.input(&x));
}
