//! Linearised functions: the numbers of the operators, and what a direction costs.

use std::cell::Cell;
use std::sync::Arc;

use gradus::prelude::*;

use crate::counted::Counted;
use crate::{assert_close, vector, wave};

fn net<'t>(x: Var<'t, f64>) -> Var<'t, f64> {
    let w = x.constant(&wave::<f64>(0.3, &[6, 6]));
    (0..4).fold(x, |x, _| (x.matmul(w) + 0.1).tanh())
}

#[test]
fn directions_are_those_of_jvp_and_vjp() {
    let x = wave::<f64>(0.5, &[5, 6]);
    let calls = Cell::new(0);
    let line = linearize(
        |x| {
            calls.set(calls.get() + 1);
            net(x)
        },
        &x,
    );
    assert_eq!(line.value(), jvp_value(&x));
    for k in 0..5 {
        let (dx, c) = (wave(f64::from(k), &[5, 6]), wave(f64::from(k) + 0.5, &[5, 6]));
        assert_eq!(line.jvp(&dx), jvp(net, &x, &dx), "to the bit");
        assert_eq!(line.vjp(&c), vjp(net, &x, &c), "to the bit");
        // ⟨c, J·dx⟩ = ⟨Jᵀ·c, dx⟩
        assert_close([&(&c * &line.jvp(&dx)).sum()], [&(&line.vjp(&c) * &dx).sum()], 1e-13);
    }
    assert_eq!(line.value(), jvp_value(&x), "as it was");
    assert_eq!(calls.get(), 1);
}

fn jvp_value(x: &ArrayD<f64>) -> ArrayD<f64> {
    let (params, mut tape) = (Params::new(), Tape::new());
    net(tape.record(&params).input(x)).value()
}

#[test]
fn products_with_one_hessian() {
    let f = objective(|x: Var<'_, f64>| net(x).square().sum());
    let x = wave::<f64>(0.5, &[5, 6]);
    let line = linearize(|x| f(x).gradient(x), &x);
    assert_eq!(line.value(), grad(f, &x));
    for k in 0..3 {
        let v = wave(f64::from(k), &[5, 6]);
        assert_close(&line.vjp(&v), &hvp(f, &x, &v), 1e-13);
        assert_close(&line.jvp(&v), &hvp(f, &x, &v), 1e-12);
    }
}

#[test]
fn a_model_at_its_parameters() {
    let mut params = Params::<f64>::new();
    let mlp = Mlp::new(&mut params, "mlp", &[3, 4, 2], Activation::Gelu, &mut StdRng::seed_from_u64(5));
    params.freeze(|name| name == "mlp.0.bias");
    let x = wave::<f64>(0.2, &[6, 3]);
    let line = model::linearize(&params, |step| mlp.forward(step.input(&x)));
    for k in 0..3 {
        let (v, c) = (vector(f64::from(k), params.len()), wave(f64::from(k) + 0.3, &[6, 2]));
        let v = v.as_slice().unwrap();
        assert_eq!(line.jvp(v), model::jvp(&params, |step| mlp.forward(step.input(&x)), v), "to the bit");
        let (found, expected) = (line.vjp(&c), model::vjp(&params, |step| mlp.forward(step.input(&x)), &c));
        assert_eq!(found.flat(), expected.flat(), "to the bit");
        assert!(found.is_fresh());
    }
}

#[test]
fn data_in_any_layout() {
    let x = wave::<f64>(0.5, &[4, 3]);
    let line = linearize(|x| x.square(), &x);
    let dx = wave::<f64>(1.5, &[3, 4]).reversed_axes();
    assert!(!dx.is_standard_layout());
    assert_eq!(line.jvp(&dx), 2.0 * &x * &dx);
    assert_eq!(line.vjp(&dx), 2.0 * &x * &dx);
}

/// Passes over memory of the programs that a tape keeps.
fn passes(record: impl for<'t> Fn(Step<'t, '_, f64>)) -> usize {
    let (params, mut tape) = (Params::new(), Tape::new());
    // Ordinary requests are planned when they come for the second time.
    for _ in 0..2 {
        record(&tape.record(&params));
    }
    tape.passes()
}

#[test]
fn a_direction_runs_the_tangent_part_alone() {
    const LAYERS: usize = 4;
    let x = wave::<f64>(0.5, &[5, 6]);
    let function = passes(|step| {
        let _ = net(step.constant(&x)).value();
    });
    // A product and a pass a layer.
    assert_eq!(function, 2 * LAYERS);
    let along = passes(|step| {
        let x = step.constant(&x);
        let _ = net(x).jvp(x, step.constant(&x.value())).value();
    });
    assert!(along <= 4 * LAYERS + 1, "{along} passes: the function's and as many again");
    // A replay's program is planned at once, what it takes from the function by a request of its own.
    let (params, mut tape) = (Params::new(), Tape::new());
    let step = tape.record(&params);
    let x = step.constant(&x);
    let dx = step.constant(&x.value());
    let tangent = net(x).jvp(x, dx);
    for k in 0..5 {
        let _ = step.replay(&[(dx, &wave(f64::from(k), &[5, 6]))], &[tangent]);
    }
    assert_eq!(tape.plans(), 2, "the function, the tangent");
    assert!(tape.passes() <= function + 2 * LAYERS, "{} passes", tape.passes());
}

#[test]
fn only_what_depends_on_the_given_is_computed_again() {
    for eager in [false, true] {
        let (before, behind) = (Arc::new(Counted::default()), Arc::new(Counted::default()));
        let counts = || [before.count(), behind.count()];
        let (params, mut tape) = (Params::<f64>::new(), Tape::new());
        tape.eager(eager);
        let step = tape.record(&params);
        let (x, z) = (step.variable(&[0.0]), step.variable(&[10.0]));
        let y = before.of(x).exp() + behind.of(z);
        let own = y.item();
        let start = counts();
        for k in 0..10 {
            let found = step.replay(&[(z, &array![f64::from(k)])], &[y])[0].sum();
            assert_eq!(found, 1.0 + f64::from(k * k));
        }
        let now = counts();
        assert_eq!([now[0] - start[0], now[1] - start[1]], [0, 10], "eager: {eager}");
        assert_eq!(y.item(), own);
    }
}
