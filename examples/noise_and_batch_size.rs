//! Noise and batch size: the variance of a gradient falls as 1/m, and a constant rate ends in a cloud that grows with η/m.
//!
//! Least squares on the diabetes data. For each batch size the variance of the gradient is measured from pairs of batches; then
//! descent with a constant rate begins at the minimum, and its mean excess loss is what noise costs. A rate that falls as 1/t
//! removes it.
//!
//! Expect: variance a sample the same for all m within its errors; an excess that falls about as 1/m; and far less of it with
//! η₀/(1 + αt), from the same batches of one.

use gradus::data::{Batches, Csv, StandardScaler};
use gradus::diagnostics::gradient_noise;
use gradus::optim::{Lbfgs, stop};
use gradus::prelude::*;

fn main() -> Result<(), Error> {
    let table = Csv::new().read::<f64>(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/diabetes.csv"))?;
    let features = table.slice(s![.., ..10]).to_owned();
    let x = StandardScaler::fit(&features)?.transform(&features)?;
    let y =
        StandardScaler::fit(&table.slice(s![.., 10..]).to_owned())?.transform(&table.slice(s![.., 10..]).to_owned())?;
    let mut params = Params::<f64>::new();
    let line = Linear::new(&mut params, "line", 10, 1, &mut StdRng::seed_from_u64(0));
    let solved = minimize(|step| mse(line.forward(step.input(&x)), step.input(&y)))
        .with(Lbfgs::new())
        .until(stop::gradient_norm(1e-10).or(stop::max_iterations(500)))
        .run(&mut params);
    let minimum = params.snapshot();
    println!("the minimum: {solved}");

    println!(
        "{:>6} {:>24} {:>16} {:>12} {:>10}",
        "batch", "variance of a sample", "excess loss", "excess · m", "η/m · Var"
    );
    let mut excesses = Vec::new();
    for m in [1, 4, 16, 64] {
        params.restore(&minimum);
        let batches = Batches::of(&x, &y, m).with_replacement(7);
        let noise =
            gradient_noise(&params, batches, 2000, |step, x, y| mse(line.forward(step.input(x)), step.input(y)))?;
        let excess = walk(&mut params, &line, (&x, &y), m, Sgd::new(0.005)) - solved.value;
        let (variance, error) = (noise.variance.value, noise.variance.error);
        println!(
            "{m:6} {variance:15.3} ± {error:6.3} {excess:16.3e} {:12.3e} {:10.3e}",
            excess * m as f64,
            noise.scale(0.005, m)
        );
        excesses.push(excess);
    }
    for pair in excesses.windows(2) {
        assert!(
            (2.0..8.0).contains(&(pair[0] / pair[1])),
            "four times the batch, about a fourth of the excess: {excesses:?}"
        );
    }
    params.restore(&minimum);
    let falling = Sgd::new(0.005).schedule(schedule::InverseTime::new(0.01));
    let excess = walk(&mut params, &line, (&x, &y), 1, falling) - solved.value;
    println!("batches of one with η₀/(1 + 0.01 t): excess {excess:.3e}");
    assert!(excess < 0.3 * excesses[0]);
    Ok(())
}

/// The mean loss of the whole data on a walk of 20 000 steps.
fn walk(params: &mut Params<f64>, line: &Linear, (x, y): (&Array2<f64>, &Array2<f64>), m: usize, sgd: Sgd<f64>) -> f64 {
    let batches = Batches::of(x, y, m).with_replacement(11);
    let report = minimize_batches(batches, |step, x, y| mse(line.forward(step.input(x)), step.input(y)))
        .with(sgd)
        .validate(1, |step| mse(line.forward(step.input(x)), step.input(y)))
        .until(stop::max_iterations(20_000))
        .run(params);
    let losses = report.history.validation();
    losses.iter().map(|&(_, loss)| loss).sum::<f64>() / losses.len() as f64
}
