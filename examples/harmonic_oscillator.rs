//! A differential equation solved by a network: u″ + u = 0 with u(0) = 1 and u′(0) = 0, whose solution is cos t.
//!
//! The loss is the mean square of u″ + u at points of [0, π], so it holds second derivatives of the network for its input, and
//! a step of descent differentiates a third time. Both are ops like others: `y.jvp(t, 1)` is du/dt at every point, since the
//! network treats each row by itself. The initial conditions are built in: u(t) = 1 + t²·n(t) has them whatever n is.
//!
//! Expect: L-BFGS brings u within 1e-3 of cos t, and u′ within 1e-2 of −sin t, in a few seconds.

use std::f64::consts::PI;

use gradus::optim::{Lbfgs, stop};
use gradus::prelude::*;

/// u(t) and u′(t).
fn solution<'t>(network: &Mlp, t: Var<'t, f64>) -> [Var<'t, f64>; 2] {
    let u = 1.0 + t.square() * network.forward(t);
    [u, u.jvp(t, t.recording().ones(t.shape()))]
}

/// What is left of u″ + u at each time.
fn residual<'t>(network: &Mlp, t: Var<'t, f64>) -> Var<'t, f64> {
    let [u, velocity] = solution(network, t);
    velocity.jvp(t, t.recording().ones(t.shape())) + u
}

fn main() {
    let mut params = Params::<f64>::new();
    let network = Mlp::new(&mut params, "u", &[1, 16, 16, 1], Activation::Tanh, &mut StdRng::seed_from_u64(7));
    let times = Array1::linspace(0.0, PI, 32).insert_axis(ndarray::Axis(1));

    let report = minimize(|step| residual(&network, step.input(&times)).square().mean())
        .with(Lbfgs::new())
        .until(stop::gradient_norm(1e-7).or(stop::max_iterations(1500)))
        .run(&mut params);
    println!("{report}");

    // Between the points that it was trained on, too.
    let times = Array1::linspace(0.0, PI, 200).insert_axis(ndarray::Axis(1));
    let mut tape = Tape::new();
    let step = tape.record(&params);
    let found = step.values(&solution(&network, step.input(&times)));
    let error = |found: &ArrayD<f64>, exact: fn(f64) -> f64| {
        found.iter().zip(&times).map(|(u, &t)| (u - exact(t)).abs()).fold(0.0, f64::max)
    };
    let (position, velocity) = (error(&found[0], f64::cos), error(&found[1], |t| -t.sin()));
    println!("largest error of u: {position:.1e}, of u′: {velocity:.1e}");
    assert!(position < 1e-3 && velocity < 1e-2);
}
