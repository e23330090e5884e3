//! A loss of one's own: any expression of tensors that ends in a scalar.
//!
//! A line is fitted to points of which a fifth are far off. The squared error follows the outliers; a loss that grows
//! like a logarithm (Cauchy's) does not mind them, a bounded one even less. The first is three ops, the second a function in
//! one row, which is compiled to a kernel. Their gradients are checked in one line each.
//!
//! Expect: slope 2.0 and intercept −1.0 from the robust losses, far off from the squared one.

use gradus::prelude::*;
use rand_distr::{Distribution, StandardNormal};

/// ln(1 + (r/γ)²), the negative log-density of Cauchy's distribution up to a constant; mean over all residuals.
fn cauchy<'t, T: Real>(prediction: Var<'t, T>, target: Var<'t, T>, gamma: f64) -> Var<'t, T> {
    ((prediction - target) / gamma).square().ln_1p().mean()
}

gradus::pointwise! {
    /// r²/(1 + r²) with r = residual/γ.
    fn geman_mcclure(residual, gamma) = {
        let square = (residual / gamma).square();
        square / (square + 1.0)
    };
}

/// Points near y = 2x − 1; every fifth is moved up by 15.
fn points(rng: &mut StdRng) -> (Array2<f64>, Array2<f64>) {
    let x = Array2::from_shape_fn((100, 1), |(i, _)| i as f64 / 25.0 - 2.0);
    let y = Array2::from_shape_fn((100, 1), |(i, _)| {
        let noise: f64 = StandardNormal.sample(rng);
        2.0 * x[[i, 0]] - 1.0 + 0.1 * noise + if i % 5 == 0 { 15.0 } else { 0.0 }
    });
    (x, y)
}

/// The slope and the intercept that minimise a loss.
fn fit(
    x: &Array2<f64>,
    y: &Array2<f64>,
    loss: impl for<'t> Fn(Var<'t, f64>, Var<'t, f64>) -> Var<'t, f64>,
) -> (f64, f64) {
    let mut params = Params::new();
    let line = Linear::new(&mut params, "line", 1, 1, &mut StdRng::seed_from_u64(1));
    let (mut tape, mut gradient, mut optimizer) = (Tape::new(), params.gradient(), Adam::new(0.05));
    for _ in 0..2000 {
        let step = tape.record(&params);
        loss(line.forward(step.input(x)), step.input(y)).backward(&mut gradient);
        optimizer.step(&mut params, &gradient);
    }
    (params.flat()[0], params.flat()[1])
}

fn main() {
    let mut rng = StdRng::seed_from_u64(5);
    let (x, y) = points(&mut rng);
    check::gradients(|v| cauchy(v[0], v[1], 0.5), &[&x, &y]).order(2).assert();
    check::gradients(|v| geman_mcclure(v[0], v[1]), &[&x, &array![0.5]]).order(2).assert();

    let (slope, intercept) = fit(&x, &y, mse);
    println!("squared error: y = {slope:.3} x + {intercept:.3}");
    assert!((intercept + 1.0).abs() > 1.0, "the outliers pull");

    let (slope, intercept) = fit(&x, &y, |prediction, target| cauchy(prediction, target, 0.5));
    println!("Cauchy's loss: y = {slope:.3} x + {intercept:.3}");
    assert!((slope - 2.0).abs() < 0.05 && (intercept + 1.0).abs() < 0.05);

    let (slope, intercept) = fit(&x, &y, |prediction, target| geman_mcclure(prediction - target, 1.0).mean());
    println!("bounded loss:  y = {slope:.3} x + {intercept:.3}");
    assert!((slope - 2.0).abs() < 0.05 && (intercept + 1.0).abs() < 0.05);
}
