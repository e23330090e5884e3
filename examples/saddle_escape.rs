//! Leaving a saddle: plain descent stands still on it, curvature tells what it is, and a step along it leads down.
//!
//! f(x, y) = x² − y² + ½ y⁴ has a saddle at (0, 0), where the gradient is 0, and minima of −½ at (0, ±1). Descent that comes
//! down the ridge y = 0 ends at the saddle. The Hessian's eigenvalue −2 along y shows the way; noise or momentum find it too.
//!
//! Expect: the saddle is reached and recognised, and each of three ways out ends at −0.5.

use gradus::diagnostics::{Kind, classify_critical_point};
use gradus::optim::{NewtonCg, stop};
use gradus::prelude::*;
use rand::RngExt;

fn saddle<'t>(v: Var<'t, f64>) -> Var<'t, f64> {
    let (x, y) = (v.slice(s![0]), v.slice(s![1]));
    x.square() - y.square() + 0.5 * y.powi(4)
}

fn main() -> Result<(), Error> {
    let mut params = Params::<f64>::new();
    let v = params.add_array("v", &array![2.0, 0.0]);

    let report =
        minimize(|step| saddle(step.param(v))).with(Sgd::new(0.1)).until(stop::gradient_norm(1e-9)).run(&mut params);
    println!("from (2, 0), plain descent: {report}");
    let point = classify_critical_point(&params, |step| saddle(step.param(v)))?;
    println!("{point}");
    assert_eq!(point.kind, Kind::Saddle);

    // Way 1: a small step along the direction of negative curvature, then descent as before.
    let stuck = params.snapshot();
    params.flat_mut().iter_mut().zip(&point.direction).for_each(|(x, d)| *x += 1e-3 * d);
    let report =
        minimize(|step| saddle(step.param(v))).with(Sgd::new(0.1)).until(stop::gradient_norm(1e-9)).run(&mut params);
    println!("a step along it, then descent: {report}");
    assert!((report.value + 0.5).abs() < 1e-12);

    // Way 2: noise in the gradient, as batches make it.
    params.restore(&stuck);
    let (mut tape, mut gradient, mut rng) = (Tape::new(), params.gradient(), StdRng::seed_from_u64(7));
    let mut sgd = Sgd::new(0.1).momentum(0.5);
    for step in 0..400 {
        saddle(tape.record(&params).param(v)).backward(&mut gradient);
        let noise = if step < 200 { 0.01 } else { 0.0 };
        gradient.flat_mut().iter_mut().for_each(|g| *g += noise * (rng.random::<f64>() - 0.5));
        sgd.step(&mut params, &gradient);
    }
    println!("noise for 200 steps: at {:.6?}", params.flat());
    assert!((params.flat()[1].abs() - 1.0).abs() < 1e-6);

    // Way 3: a method that looks at curvature itself. It needs to be a hair off the ridge to see a slope at all.
    params.flat_mut().copy_from_slice(&[2.0, 1e-8]);
    let report =
        minimize(|step| saddle(step.param(v))).with(NewtonCg::new()).until(stop::gradient_norm(1e-9)).run(&mut params);
    println!("truncated Newton from (2, 1e-8): {report}");
    assert!((report.value + 0.5).abs() < 1e-12);
    Ok(())
}
