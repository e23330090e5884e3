//! Least squares in closed form and by descent: where they agree, where only one works, and what each costs.
//!
//! The normal equations (XᵀX/n + λI) w = Xᵀy/n cost n d² + d³ operations, a gradient n d. So the closed form wins where there
//! are few features, and descent where there are many. Where `XᵀX` has no full rank, the closed form fails without a ridge λ, and
//! descent ends somewhere on the flat bottom.
//!
//! Expect: the same weights to a part in 10⁸ on the diabetes data, with λ = 0 and λ = 0.1; on a doubled column, a determinant
//! of 0 and a descent that shares the weight between the twins; and times that grow with d: the closed form's
//! faster than those of descent.

use std::time::Instant;

use gradus::data::{Csv, StandardScaler};
use gradus::optim::{Lbfgs, stop};
use gradus::prelude::*;
use ndarray::Axis;

fn main() -> Result<(), Error> {
    let table = Csv::new().read::<f64>(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/diabetes.csv"))?;
    let features = table.slice(s![.., ..10]).to_owned();
    let x = StandardScaler::fit(&features)?.transform(&features)?;
    let y = table.slice(s![.., 10..]).to_owned();
    let y = &y - y.mean().expect("there are patients");

    println!("diabetes, 442 patients, 10 features");
    for lambda in [0.0, 0.1] {
        let exact = closed_form(&x, &y, lambda).expect("full rank");
        let (found, iterations) = descend(&x, &y, lambda);
        let apart = (&found - &exact).mapv(f64::abs).iter().copied().fold(0.0, f64::max);
        println!("  λ = {lambda}: {iterations} iterations of L-BFGS, weights apart by at most {apart:.1e}");
        assert!(apart < 1e-8 * exact.iter().fold(0.0, |most: f64, w| w.abs().max(most)));
    }

    // A column twice: the two weights are determined only in their sum.
    let twice = ndarray::concatenate![Axis(1), x.view(), x.slice(s![.., 2..3])];
    let (found, _) = descend(&twice, &y, 0.0);
    println!(
        "a column twice: the closed form {}; descent gives the twins {:.4} and {:.4}",
        if closed_form(&twice, &y, 0.0).is_some() { "works" } else { "fails, the determinant is 0" },
        found[[2, 0]],
        found[[10, 0]]
    );
    assert!(closed_form(&twice, &y, 0.0).is_none() && (found[[2, 0]] - found[[10, 0]]).abs() < 1e-6);
    let ridge = closed_form(&twice, &y, 1e-3).expect("a ridge makes the rank full");
    println!("  with a ridge of 0.001: {:.4} and {:.4}", ridge[[2, 0]], ridge[[10, 0]]);

    println!("{:>9} {:>14} {:>14}", "features", "closed form", "descent");
    for d in [10, 50, 250, 1000] {
        let x = Array2::from_shape_fn((1000, d), |(i, j)| wave(i * d + j));
        let y = x.sum_axis(Axis(1)).insert_axis(Axis(1));
        let start = Instant::now();
        let exact = closed_form(&x, &y, 0.1).expect("full rank");
        let closed = start.elapsed();
        let start = Instant::now();
        let (found, _) = descend(&x, &y, 0.1);
        println!("{d:9} {closed:14.2?} {:14.2?}", start.elapsed());
        assert!((&found - &exact).iter().all(|apart| apart.abs() < 1e-5));
    }
    Ok(())
}

/// Numbers that look random, the same on every machine.
fn wave(i: usize) -> f64 {
    ((i as f64 * 12.9898).sin() * 43758.547).fract()
}

/// Descent on ½ mean (Xw − y)² + ½ λ ‖w‖², and its iterations.
fn descend(x: &Array2<f64>, y: &Array2<f64>, lambda: f64) -> (Array2<f64>, u64) {
    let mut params = Params::<f64>::new();
    let w = params.add("w", [x.ncols(), 1], || 0.0);
    let report = minimize(|step| {
        let error = step.input(x).matmul(step.param(w)) - step.input(y);
        0.5 * error.square().mean() + 0.5 * lambda * step.param(w).square().sum()
    })
    .with(Lbfgs::new())
    .until(stop::gradient_norm(1e-8).or(stop::max_iterations(2000)))
    .run(&mut params);
    assert!(report.converged(), "{report}");
    (params.value(w).to_owned().into_dimensionality().expect("a matrix"), report.iterations)
}

/// The normal equations by Cholesky; `None` where a pivot is 0 to rounding.
fn closed_form(x: &Array2<f64>, y: &Array2<f64>, lambda: f64) -> Option<Array2<f64>> {
    let (n, d) = (x.nrows() as f64, x.ncols());
    let mut a = x.t().dot(x) / n + Array2::<f64>::eye(d) * lambda;
    let mut b = x.t().dot(y) / n;
    let size = a.diag().sum();
    for k in 0..d {
        let pivot = a[[k, k]] - (0..k).map(|j| a[[k, j]] * a[[k, j]]).sum::<f64>();
        if pivot < 1e-13 * size {
            return None;
        }
        a[[k, k]] = pivot.sqrt();
        for i in k + 1..d {
            let dot = a.slice(s![i, ..k]).dot(&a.slice(s![k, ..k]));
            a[[i, k]] = (a[[i, k]] - dot) / a[[k, k]];
        }
    }
    for k in 0..d {
        let known = a.slice(s![k, ..k]).dot(&b.slice(s![..k, 0]));
        b[[k, 0]] = (b[[k, 0]] - known) / a[[k, k]];
    }
    for k in (0..d).rev() {
        let known = a.slice(s![k + 1.., k]).dot(&b.slice(s![k + 1.., 0]));
        b[[k, 0]] = (b[[k, 0]] - known) / a[[k, k]];
    }
    Some(b)
}
