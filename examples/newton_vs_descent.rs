//! Newton against descent: what curvature buys, on a narrow valley and on logistic regression.
//!
//! Gradient descent pays for the condition number κ in iterations; L-BFGS and Newton's method hardly notice it. An iteration of
//! Newton costs more: products with the Hessian, each about as much as two gradients.
//!
//! Expect: on Rosenbrock's valley (κ ≈ 2500 at the minimum) thousands of iterations of descent against some dozens; on the
//! breast cancer data with a small ridge the same minimum to a part in 10⁸ in about ten iterations of Newton.

use gradus::data::{Csv, StandardScaler};
use gradus::diagnostics::curvature;
use gradus::optim::{GradientDescent, Lbfgs, NewtonCg, stop};
use gradus::prelude::*;

fn rosenbrock<'t>(v: Var<'t, f64>) -> Var<'t, f64> {
    let (a, b) = (v.slice(s![0]), v.slice(s![1]));
    100.0 * (b - a * a).square() + (1.0 - a).square()
}

fn main() -> Result<(), Error> {
    println!("Rosenbrock's valley from (-1.2, 1) until ‖g‖ ≤ 1e-8");
    let mut params = Params::<f64>::new();
    let v = params.add("v", [2], || 1.0);
    let at_minimum = curvature(&params, |step| rosenbrock(step.param(v)))?;
    println!("{at_minimum}");
    let start = |params: &mut Params<f64>| params.flat_mut().copy_from_slice(&[-1.2, 1.0]);
    let enough = || stop::gradient_norm(1e-8).or(stop::max_iterations(100_000));

    start(&mut params);
    let descent =
        minimize(|step| rosenbrock(step.param(v))).with(GradientDescent::new(1.0)).until(enough()).run(&mut params);
    println!("  backtracking  {descent}");
    start(&mut params);
    let lbfgs = minimize(|step| rosenbrock(step.param(v))).with(Lbfgs::new()).until(enough()).run(&mut params);
    println!("  L-BFGS        {lbfgs}");
    start(&mut params);
    let mut method = NewtonCg::new();
    let newton = minimize(|step| rosenbrock(step.param(v))).with(&mut method).until(enough()).run(&mut params);
    println!("  Newton        {newton}, {} products with the Hessian", method.hessian_products());
    assert!(descent.iterations > 1000 && lbfgs.iterations < 50 && newton.iterations < 80);

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/breast_cancer.csv");
    let table = Csv::new().header(false).skip(1).read::<f64>(path)?;
    let features = table.slice(s![.., ..30]).to_owned();
    let x = StandardScaler::fit(&features)?.transform(&features)?;
    let y = table.slice(s![.., 30..]).to_owned();
    println!("logistic regression, 569 tumours, 30 features, ridge 0.001");
    let mut values = Vec::new();
    for name in ["L-BFGS", "Newton"] {
        let mut params = Params::<f64>::new();
        let line = Linear::new(&mut params, "line", 30, 1, &mut StdRng::seed_from_u64(0));
        let problem = minimize(|step| {
            let fit = bce_with_logits(line.forward(step.input(&x)), step.input(&y));
            fit + 5e-4 * step.param(line.weight).square().sum()
        });
        let enough = stop::gradient_norm(1e-9).or(stop::max_iterations(1000));
        let report = match name {
            "Newton" => problem.with(NewtonCg::new()).until(enough).run(&mut params),
            _ => problem.with(Lbfgs::new()).until(enough).run(&mut params),
        };
        println!("  {name:13} {report}");
        assert!(report.converged());
        values.push((report.value, report.iterations));
    }
    assert!((values[0].0 - values[1].0).abs() < 1e-8 * values[0].0 && values[1].1 < values[0].1);
    Ok(())
}
