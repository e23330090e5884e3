//! Least squares, by walking downhill and by the closed form, on real data.
//!
//! The measure of progression of diabetes in 442 patients is predicted from ten features. On standardised features plain
//! gradient descent with the right learning rate ends where the normal equations do.
//!
//! Expect: both give the same coefficients to a part in 10⁸, and a mean squared error of about 2860 (R² 0.518).

use gradus::data::{Csv, StandardScaler};
use gradus::prelude::*;
use ndarray::Axis;

fn main() -> Result<(), Error> {
    let table = Csv::new().read_table::<f64>(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/diabetes.csv"))?;
    let features = table.values.slice(s![.., ..10]).to_owned();
    let target = table.values.slice(s![.., 10..]).to_owned();
    let x = StandardScaler::fit(&features)?.transform(&features)?;

    // Downhill: L is the largest eigenvalue of the Hessian 2XᵀX/n, and 1/L the rate that theory gives.
    let largest = power_iteration(&(x.t().dot(&x) * (2.0 / x.nrows() as f64)));
    let mut params = Params::<f64>::new();
    let mut rng = StdRng::seed_from_u64(0);
    let line = Linear::new(&mut params, "line", 10, 1, &mut rng);
    let (mut tape, mut gradient) = (Tape::new(), params.gradient());
    let mut optimizer = Sgd::new(1.0 / largest).nesterov(0.98);
    let mut loss = f64::INFINITY;
    let mut steps = 0;
    while gradient.norm() > 1e-9 || steps == 0 {
        let step = tape.record(&params);
        loss = mse(line.forward(step.input(&x)), step.input(&target)).backward(&mut gradient);
        optimizer.step(&mut params, &gradient);
        steps += 1;
    }
    println!("gradient descent: {steps} steps, mean squared error {loss:.3}");

    // The closed form (XᵀX)⁻¹Xᵀy; features are centred, so the intercept is the mean of the target.
    let exact = solve(x.t().dot(&x), x.t().dot(&target.column(0)));
    let weight = params.value(line.weight).into_dimensionality::<ndarray::Ix2>().expect("a matrix");
    println!("{:12} {:>14} {:>14}", "feature", "descent", "closed form");
    for (name, (descent, exact)) in table.names.iter().zip(weight.column(0).iter().zip(&exact)) {
        println!("{name:12} {descent:14.8} {exact:14.8}");
        assert!((descent - exact).abs() < 1e-8 * exact.abs().max(1.0), "{name}");
    }
    let bias = params.array("line.bias")?[0];
    let mean = target.mean_axis(Axis(0)).expect("there are patients")[0];
    assert!((bias - mean).abs() < 1e-8 * mean);

    let spread = target.var_axis(Axis(0), 0.0)[0];
    println!("R² {:.4}", 1.0 - loss / spread);
    assert!((1.0 - loss / spread - 0.5177).abs() < 1e-4);
    Ok(())
}

/// The largest eigenvalue of a symmetric matrix.
fn power_iteration(a: &Array2<f64>) -> f64 {
    let mut v = Array1::from_elem(a.nrows(), 1.0);
    for _ in 0..1000 {
        v = a.dot(&v);
        v /= v.dot(&v).sqrt();
    }
    v.dot(&a.dot(&v))
}

/// Gaussian elimination with row pivoting: a teaching tool, good enough for ten unknowns.
fn solve(mut a: Array2<f64>, mut b: Array1<f64>) -> Array1<f64> {
    let n = b.len();
    for k in 0..n {
        let pivot = (k..n).max_by(|&i, &j| a[[i, k]].abs().total_cmp(&a[[j, k]].abs())).expect("rows are left");
        (0..n).for_each(|j| a.swap([k, j], [pivot, j]));
        b.swap(k, pivot);
        for i in k + 1..n {
            let factor = a[[i, k]] / a[[k, k]];
            (k..n).for_each(|j| a[[i, j]] -= factor * a[[k, j]]);
            b[i] -= factor * b[k];
        }
    }
    for k in (0..n).rev() {
        let rest: f64 = (k + 1..n).map(|j| a[[k, j]] * b[j]).sum();
        b[k] = (b[k] - rest) / a[[k, k]];
    }
    b
}
