//! Scaling features: the condition number and the iterations before and after.
//!
//! The diabetes data have features from 0.5 to 300. The Hessian of least squares is XᵀX/n, so their sizes enter squared, and plain
//! descent, whose rate the steepest direction dictates, needs about κ iterations. Standardising is an invertible change of
//! variables: the minimum has the same value.
//!
//! Expect: κ falls from about 10⁷ to about 500; descent that has not arrived after 20 000 steps before arrives in about a thousand
//! after, at the same loss; the spectra in `target/feature_scaling/spectra.svg`.

use gradus::data::{Csv, MinMaxScaler, RobustScaler, StandardScaler};
use gradus::diagnostics::Lanczos;
use gradus::optim::{Lbfgs, stop};
use gradus::plot::Plot;
use gradus::prelude::*;
use ndarray::Axis;

fn main() -> Result<(), Error> {
    let table = Csv::new().read::<f64>(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/diabetes.csv"))?;
    let raw = table.slice(s![.., ..10]).to_owned();
    let y = table.slice(s![.., 10..]).to_owned();
    let sets = [
        ("as they are", raw.clone()),
        ("to [0, 1]", MinMaxScaler::fit(&raw)?.transform(&raw)?),
        ("by quartiles", RobustScaler::fit(&raw)?.transform(&raw)?),
        ("standardised", StandardScaler::fit(&raw)?.transform(&raw)?),
    ];
    let mut picture = Plot::new()
        .title("Eigenvalues of the Hessian")
        .x_label("number, from the largest")
        .y_label("eigenvalue")
        .log_y();
    let mut found = Vec::new();
    println!("{:14} {:>12} {:>12} {:>12} {:>14}", "features", "κ", "iterations", "loss", "least loss");
    for (name, features) in sets {
        let x = ndarray::concatenate![Axis(1), features.view(), Array2::ones((features.nrows(), 1))];
        let mut params = Params::<f64>::new();
        let w = params.add("w", [11, 1], || 0.0);
        let all = Lanczos::new().products(11).tolerance(0.0);
        let mut spectrum = all
            .spectrum(&params, |step| 0.5 * (step.input(&x).matmul(step.param(w)) - step.input(&y)).square().mean())?
            .values;
        spectrum.reverse();
        picture = picture.curve(name, &spectrum);

        let mut best = params.clone();
        let least = minimize(|step| 0.5 * (step.input(&x).matmul(step.param(w)) - step.input(&y)).square().mean())
            .with(Lbfgs::new().memory(20))
            .until(stop::relative_value_change(1e-14).or(stop::max_iterations(5000)))
            .run(&mut best);
        let report = minimize(|step| 0.5 * (step.input(&x).matmul(step.param(w)) - step.input(&y)).square().mean())
            .with(Sgd::new(1.0 / spectrum[0]))
            .until(stop::target(least.value * 1.0001).or(stop::max_iterations(20_000)))
            .run(&mut params);
        let condition = spectrum[0] / spectrum[10];
        println!("{name:14} {condition:12.3e} {:12} {:12.4} {:14.4}", report.iterations, report.value, least.value);
        found.push((condition, report.iterations, report.converged()));
    }
    std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/target/feature_scaling"))
        .expect("target can be written");
    picture.save(concat!(env!("CARGO_MANIFEST_DIR"), "/target/feature_scaling/spectra.svg"))?;
    println!("picture: target/feature_scaling/spectra.svg");
    let (before, after) = (found[0], found[3]);
    assert!(before.0 > 1e4 * after.0 && !before.2 && after.2);
    Ok(())
}
