//! Theorems about gradient descent, as inequalities that hold at every iteration on real data, with L and μ computed from it.
//!
//! Numbers of theorems and equations are those of Ruiz Correa 2026, Machine Learning (lecture notes).
#![cfg(feature = "csv")]

use std::sync::Arc;

use gradus::data::{Batches, Csv, StandardScaler};
use gradus::diagnostics::{Curvature, Lanczos};
use gradus::minimize::Report;
use gradus::optim::stop::{self, Stop};
use gradus::optim::{GradientDescent, Lbfgs, Objective};
use gradus::prelude::*;
use ndarray::Axis;

/// Standardised features of 442 patients, a column of ones, and the progression of their diabetes in units of its spread.
fn diabetes() -> (Array2<f64>, Array2<f64>) {
    let table = Csv::new().read::<f64>(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/diabetes.csv")).unwrap();
    let features = table.slice(s![.., ..10]).to_owned();
    let x = StandardScaler::fit(&features).unwrap().transform(&features).unwrap();
    let target = table.slice(s![.., 10..]).to_owned();
    (with_ones(&x), (&target - target.mean().unwrap()) / target.std(0.0) + 2.0)
}

/// Standardised features of 569 tumours, a column of ones, and ±1 for benign and malignant.
fn tumours() -> (Array2<f64>, Array2<f64>) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/breast_cancer.csv");
    let table = Csv::new().header(false).skip(1).read::<f64>(path).unwrap();
    let features = table.slice(s![.., ..30]).to_owned();
    let x = StandardScaler::fit(&features).unwrap().transform(&features).unwrap();
    (with_ones(&x), table.slice(s![.., 30..]).mapv(|class| 2.0 * class - 1.0))
}

fn with_ones(x: &Array2<f64>) -> Array2<f64> {
    ndarray::concatenate![Axis(1), x.view(), Array2::ones((x.nrows(), 1))]
}

/// A store with one weight for each column.
fn weights(x: &Array2<f64>, start: f64) -> (Params<f64>, Param) {
    let mut params = Params::new();
    let w = params.add("w", [x.ncols(), 1], || start);
    (params, w)
}

/// Gaussian elimination with row pivoting: an independent way to the solution.
fn solve(mut a: Array2<f64>, mut b: Array1<f64>) -> Array1<f64> {
    let n = b.len();
    for k in 0..n {
        let pivot = (k..n).max_by(|&i, &j| a[[i, k]].abs().total_cmp(&a[[j, k]].abs())).unwrap();
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

/// (XᵀX/n + λI)⁻¹ Xᵀy/n, the minimum of ½ mean (Xw − y)² + ½ λ ‖w‖².
fn closed_form(x: &Array2<f64>, y: &Array2<f64>, lambda: f64) -> Array1<f64> {
    let n = x.nrows() as f64;
    let gram = x.t().dot(x) / n + Array2::<f64>::eye(x.ncols()) * lambda;
    solve(gram, x.t().dot(&y.column(0)) / n)
}

fn least_squares<'t>(step: Step<'t, '_, f64>, w: Param, x: &Array2<f64>, y: &Array2<f64>, lambda: f64) -> Var<'t, f64> {
    let error = step.constant(x).matmul(step.param(w)) - step.constant(y);
    0.5 * error.square().mean() + 0.5 * lambda * step.param(w).square().sum()
}

/// mean ln(1 + exp(−y xᵀw)): convex and smooth with L ≤ λ/4, λ the largest eigenvalue of XᵀX/n.
fn logistic<'t>(step: Step<'t, '_, f64>, w: Param, x: &Array2<f64>, y: &Array2<f64>) -> Var<'t, f64> {
    (-step.constant(y) * step.constant(x).matmul(step.param(w))).softplus().mean()
}

/// All eigenvalues of XᵀX/n + λI at both ends.
fn extremes(x: &Array2<f64>, lambda: f64) -> Curvature {
    let (params, w) = weights(x, 0.0);
    let zero = Array2::zeros((x.nrows(), 1));
    let all = Lanczos::new().products(x.ncols()).tolerance(0.0);
    all.curvature(&params, |step| least_squares(step, w, x, &zero, lambda)).unwrap()
}

fn distance(a: &[f64], b: &Array1<f64>) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
}

#[test]
fn theorem_0_1_holds_at_every_iteration_of_least_squares() {
    // L(θ_T) − L* ≤ L ‖θ₀ − θ*‖²/(2T) with η = 1/L.
    let (x, y) = diabetes();
    let (largest, best) = (extremes(&x, 0.0).largest, closed_form(&x, &y, 0.0));
    let (mut params, w) = weights(&x, 0.0);
    let at_best = {
        let (mut params, w) = weights(&x, 0.0);
        params.flat_mut().copy_from_slice(best.as_slice().unwrap());
        value_at(&params, |step| least_squares(step, w, &x, &y, 0.0))
    };
    let start = distance(params.flat(), &best);
    let report = minimize(|step| least_squares(step, w, &x, &y, 0.0))
        .with(Sgd::new(1.0 / largest))
        .until(stop::max_iterations(2000))
        .run(&mut params);
    for (t, value) in report.history.values().iter().enumerate().skip(1) {
        let bound = largest * start * start / (2.0 * t as f64);
        assert!(value - at_best <= bound, "{t}: {} > {bound}", value - at_best);
    }
    assert!(report.history.values().windows(2).all(|pair| pair[1] <= pair[0]), "it descends at every step");
    // The bound is of the right size: it would fail were it fifty times smaller.
    let first = report.history.values()[1] - at_best;
    assert!(first > largest * start * start / 2.0 / 50.0);
}

fn value_at(params: &Params<f64>, loss: impl for<'t> Fn(Step<'t, '_, f64>) -> Var<'t, f64>) -> f64 {
    let mut tape = Tape::new();
    loss(&tape.record(params)).item()
}

#[test]
fn theorem_0_1_holds_at_every_iteration_of_logistic_regression() {
    // With a small ridge, so that there is a minimum to come to; L grows by λ.
    let (x, y) = tumours();
    let lambda = 1e-2;
    let largest = extremes(&x, 0.0).largest / 4.0 + lambda;
    let (mut params, w) = weights(&x, 0.0);
    let mut best = params.clone();
    let solved = minimize(|step| logistic(step, w, &x, &y) + 0.5 * lambda * step.param(w).square().sum())
        .with(Lbfgs::new())
        .until(stop::gradient_norm(1e-10).or(stop::max_iterations(500)))
        .run(&mut best);
    assert!(solved.converged(), "{solved}");
    let start = distance(params.flat(), &Array1::from(best.flat().to_vec()));
    let report = minimize(|step| logistic(step, w, &x, &y) + 0.5 * lambda * step.param(w).square().sum())
        .with(Sgd::new(1.0 / largest))
        .until(stop::max_iterations(1000))
        .run(&mut params);
    for (t, value) in report.history.values().iter().enumerate().skip(1) {
        assert!(value - solved.value <= largest * start * start / (2.0 * t as f64), "{t}");
    }
}

#[test]
fn the_descent_lemma_holds_at_every_step() {
    // L(θ − g/L) ≤ L(θ) − ‖g‖²/(2L), which Theorem 0.1 stands on.
    let (x, y) = tumours();
    let largest = extremes(&x, 0.0).largest / 4.0;
    let (mut params, w) = weights(&x, 0.5);
    let report = minimize(|step| logistic(step, w, &x, &y))
        .with(Sgd::new(1.0 / largest))
        .norms(true)
        .until(stop::max_iterations(500))
        .run(&mut params);
    let (values, norms) = (report.history.values(), report.history.gradient_norms());
    for t in 1..values.len() {
        let promised = norms[t - 1] * norms[t - 1] / (2.0 * largest);
        assert!(values[t] <= values[t - 1] - promised + 1e-14, "{t}");
    }
}

#[test]
fn taylor_s_theorem_holds_along_lines() {
    // Equation 34, f(x + td) = f(x) + t ∇fᵀd + ½ t² dᵀ∇²f(ξ)d: the remainder of the first order is at most ½ L t² ‖d‖², and never
    // negative where f is convex; for least squares it is ½ t² dᵀHd exactly.
    let (x, y) = tumours();
    let largest = extremes(&x, 0.0).largest / 4.0;
    let (mut params, w) = weights(&x, 0.1);
    let start = params.flat().to_vec();
    let d: Vec<f64> = (0..start.len()).map(|i| ((i * 37 % 11) as f64 - 5.0) / 10.0).collect();
    let length: f64 = d.iter().map(|d| d * d).sum();
    let (mut tape, mut gradient) = (Tape::new(), params.gradient());
    let value = logistic(&tape.record(&params), w, &x, &y).backward(&mut gradient);
    let slope: f64 = gradient.flat().iter().zip(&d).map(|(g, d)| g * d).sum();
    let mut least = gradus::minimize::Loss::new(|step: Step<'_, '_, f64>| least_squares(step, w, &x, &y, 0.0));
    let (mut product, mut g) = (params.gradient(), params.gradient());
    least.hessian_vector(&params, &d, &mut product).unwrap();
    let (base, curvature) =
        (least.value_and_gradient(&params, &mut g), product.flat().iter().zip(&d).map(|(h, d)| h * d).sum::<f64>());
    let line: f64 = g.flat().iter().zip(&d).map(|(g, d)| g * d).sum();
    for t in [1.0, 0.5, 0.1, 1e-2, -0.3, -2.0] {
        params.flat_mut().iter_mut().zip(start.iter().zip(&d)).for_each(|(to, (x, d))| *to = x + t * d);
        let remainder = value_at(&params, |step| logistic(step, w, &x, &y)) - value - t * slope;
        assert!(remainder >= -1e-13 && remainder <= 0.5 * largest * t * t * length + 1e-13, "{t}: {remainder}");
        let exact = least.value(&params) - base - t * line;
        assert!((exact - 0.5 * t * t * curvature).abs() < 1e-10 * base, "{t}: {exact}");
    }
}

#[test]
fn equation_12_holds_at_every_iteration_of_ridge_regression() {
    // ‖θ_T − θ*‖² ≤ (1 − μ/L)ᵀ ‖θ₀ − θ*‖² with η = 1/L.
    let (x, y) = diabetes();
    for lambda in [1e-3, 0.1, 1.0] {
        let Curvature { largest, smallest, .. } = extremes(&x, lambda);
        let best = closed_form(&x, &y, lambda);
        let (mut params, w) = weights(&x, 1.0);
        let start = distance(params.flat(), &best).powi(2);
        let mut sgd = Sgd::new(1.0 / largest);
        for t in 1..=300 {
            minimize(|step| least_squares(step, w, &x, &y, lambda))
                .with(&mut sgd)
                .until(stop::max_iterations(1))
                .run(&mut params);
            let (now, bound) = (distance(params.flat(), &best).powi(2), (1.0 - smallest / largest).powi(t) * start);
            assert!(now <= bound * (1.0 + 1e-9) + 1e-24, "λ = {lambda}, {t}: {now:e} > {bound:e}");
        }
    }
}

/// Least squares by descent with a rate, and the largest distance from the minimum on the way and at the end.
fn descend(rate: f64, iterations: u64) -> (f64, f64) {
    let (x, y) = diabetes();
    let best = closed_form(&x, &y, 0.1);
    let (mut params, w) = weights(&x, 0.0);
    let start = distance(params.flat(), &best);
    let report = minimize(|step| least_squares(step, w, &x, &y, 0.1))
        .with(Sgd::new(rate))
        .until(stop::max_iterations(iterations))
        .run(&mut params);
    assert_eq!(report.iterations, iterations);
    (start, distance(params.flat(), &best))
}

#[test]
fn rates_below_2_over_l_converge_and_rates_above_diverge() {
    let limit = extremes(&diabetes().0, 0.1).largest_stable_rate();
    let (start, end) = descend(0.99 * limit, 3000);
    assert!(end < 1e-6 * start, "{start} to {end}");
    let (start, end) = descend(1.01 * limit, 3000);
    assert!(end > 1e6 * start, "{start} to {end}");
}

#[test]
fn one_dimension_has_its_three_kinds_of_rates() {
    // x², L = 2: η = ½ lands at once, 0.1 multiplies by 0.8, 1.1 by −1.2.
    let walk = |rate: f64| {
        let mut params = Params::<f64>::new();
        let x = params.add("x", [], || 1.0);
        let mut path = vec![1.0];
        let mut sgd = Sgd::new(rate);
        for _ in 0..10 {
            minimize(|step| step.param(x).square()).with(&mut sgd).until(stop::max_iterations(1)).run(&mut params);
            path.push(params.flat()[0]);
        }
        path
    };
    assert_eq!(walk(0.5)[1..], [0.0; 10]);
    for (rate, factor) in [(0.1, 0.8_f64), (1.1, -1.2), (0.01, 0.98), (1.0, -1.0)] {
        for (t, x) in (0..).zip(walk(rate)) {
            assert!((x - factor.powi(t)).abs() < 1e-12 * factor.powi(t).abs(), "{rate}, {t}");
        }
    }
}

/// The iterations of plain descent with the best rate until ‖g‖ is a millionth of what it was at 0.
fn iterations(x: &Array2<f64>, y: &Array2<f64>) -> (f64, u64) {
    let curvature = extremes(x, 0.0);
    let (mut params, w) = weights(x, 0.0);
    let first = (x.t().dot(y) / x.nrows() as f64).mapv(|g| g * g).sum().sqrt();
    let report: Report<f64> = minimize(|step| least_squares(step, w, x, y, 0.0))
        .with(Sgd::new(curvature.best_rate()))
        .until(stop::gradient_norm(1e-6 * first).or(stop::max_iterations(200_000)))
        .run(&mut params);
    assert!(report.converged(), "{report}");
    (curvature.condition().unwrap(), report.iterations)
}

#[test]
fn the_condition_number_decides_the_iterations_and_scaling_lowers_it() {
    // The error falls by (κ − 1)/(κ + 1) an iteration: about ½ κ ln(10⁶ κ) iterations at worst.
    let y = diabetes().1;
    let scaled = diabetes().0.slice(s![.., 4..7]).to_owned();
    let mut raw = scaled.clone();
    raw.column_mut(1).mapv_inplace(|x| 10.0 * x);
    let ((easy, few), (hard, many)) = (iterations(&scaled, &y), iterations(&raw, &y));
    assert!(hard > 10.0 * easy && many > 5 * few, "κ {easy} and {hard}, {few} and {many} iterations");
    for (condition, n) in [(easy, few), (hard, many)] {
        let worst = (1e6 * condition).ln() / ((condition + 1.0) / (condition - 1.0)).ln();
        assert!((n as f64) <= worst + 1.0, "κ {condition}: {n} iterations, at most {worst}");
    }
}

#[test]
fn descent_comes_to_the_closed_form() {
    let (x, y) = diabetes();
    for lambda in [0.0, 0.1] {
        let exact = closed_form(&x, &y, lambda);
        let (mut params, w) = weights(&x, 0.0);
        let report = minimize(|step| least_squares(step, w, &x, &y, lambda))
            .with(Lbfgs::new())
            .until(stop::gradient_norm(1e-11).or(stop::max_iterations(1000)))
            .run(&mut params);
        assert!(distance(params.flat(), &exact) < 1e-8 * distance(&[0.0; 11], &exact), "λ = {lambda}: {report}");
    }
}

#[test]
fn a_matrix_of_lower_rank_has_a_flat_bottom() {
    // A column twice: only the sum of its two weights is determined, and descent from 0 shares it equally.
    let (x, y) = diabetes();
    let twice = ndarray::concatenate![Axis(1), x.view(), x.slice(s![.., 2..3])];
    let curvature = extremes(&twice, 0.0);
    assert!(curvature.smallest.abs() < 1e-12 * curvature.largest && curvature.condition().is_none_or(|k| k > 1e12));
    let (mut params, w) = weights(&twice, 0.0);
    minimize(|step| least_squares(step, w, &twice, &y, 0.0))
        .with(Lbfgs::new())
        .until(stop::gradient_norm(1e-11).or(stop::max_iterations(1000)))
        .run(&mut params);
    let (found, exact) = (params.flat().to_vec(), closed_form(&x, &y, 0.0));
    assert!((found[2] + found[11] - exact[2]).abs() < 1e-7 && (found[2] - found[11]).abs() < 1e-9);
    // Moving along the bottom changes nothing.
    let value = value_at(&params, |step| least_squares(step, w, &twice, &y, 0.0));
    params.flat_mut()[2] += 5.0;
    params.flat_mut()[11] -= 5.0;
    let moved = value_at(&params, |step| least_squares(step, w, &twice, &y, 0.0));
    assert!((moved - value).abs() < 1e-12);
}

/// Stochastic descent on least squares with a schedule, averaged over all iterates..
fn averaged(plan: &Arc<dyn Schedule>, iterations: u64, seed: u64, x: &Array2<f64>, y: &Array2<f64>) -> f64 {
    let (mut params, w) = weights(x, 0.0);
    let mut mean = Averaged::new();
    minimize_batches(Batches::single(x, y).with_replacement(seed), |step, x, y| {
        0.5 * (step.input(x).matmul(step.param(w)) - step.input(y)).square().mean()
    })
    .with(Sgd::new(0.05).schedule(Arc::clone(plan)))
    .each(|params: &Params<f64>, _| mean.update(params))
    .until(stop::max_iterations(iterations))
    .run(&mut params);
    mean.apply(&mut params);
    value_at(&params, |step| least_squares(step, w, x, y, 0.0))
}

#[test]
fn theorem_0_2_averaged_stochastic_descent_is_as_fast_as_promised() {
    // E L(θ̄_T) − L* falls at least as T^(−1/2), with ηₜ of the order 1/t as the theorem has it, and of 1/√t, with which it is
    // usually proven: the slope over five seeds between T = 500 and 8000.
    let (x, y) = diabetes();
    let best = closed_form(&x, &y, 0.0);
    let (mut params, w) = weights(&x, 0.0);
    params.flat_mut().copy_from_slice(best.as_slice().unwrap());
    let least = value_at(&params, |step| least_squares(step, w, &x, &y, 0.0));
    let plans: [(&str, Arc<dyn Schedule>); 2] = [
        ("1/t", Arc::new(schedule::InverseTime::new(0.002))),
        ("1/√t", Arc::new(schedule::from_fn(|base, t| base / ((t + 1) as f64).sqrt()))),
    ];
    for (name, plan) in plans {
        let excess = |t| (0..5).map(|seed| averaged(&plan, t, seed, &x, &y) - least).sum::<f64>() / 5.0;
        let (early, late) = (excess(500), excess(8000));
        let slope = (late / early).ln() / 16.0_f64.ln();
        assert!(slope < -0.45, "{name}: the excess went from {early} to {late}: slope {slope}");
        assert!(late > 0.0, "{name}");
    }
}

#[test]
fn backtracking_needs_no_knowledge_of_l_and_keeps_its_promise() {
    // Every step is at least min(η₀, 2ρ(1 − c)/L) long, and decreases the value by c η ‖g‖².
    let (x, y) = tumours();
    let largest = extremes(&x, 0.0).largest / 4.0;
    let (mut params, w) = weights(&x, 0.0);
    let report = minimize(|step| logistic(step, w, &x, &y))
        .with(GradientDescent::new(100.0))
        .norms(true)
        .until(stop::max_iterations(200))
        .run(&mut params);
    let history = &report.history;
    let (values, norms, steps) = (history.values(), history.gradient_norms(), history.step_sizes());
    for t in 1..values.len() {
        assert!(steps[t] >= (2.0 * 0.5 * (1.0 - 1e-4) / largest).min(100.0), "{t}: {}", steps[t]);
        assert!(values[t] <= values[t - 1] - 1e-4 * steps[t] * norms[t - 1] * norms[t - 1], "{t}");
    }
    assert!(steps.iter().skip(1).any(|&step| step > 1.0 / largest), "it takes longer steps than 1/L where it may");
}

#[test]
fn the_line_of_the_lecture_notes_is_not_the_least_squares_line() {
    // Notes on gradient descent: through (1, 2), (2, 4), (3, 5), (4, 4) after 500 steps of η = 0.01 they print w₁ ≈ 0.8 and
    // w₂ ≈ 1.5 and call it the least-squares solution, which is (0.7, 2.0). Five hundred steps come to
    // (0.82, 1.65): the printed w₂ is neither.
    let (x, y) = (array![[1.0, 1.0], [2.0, 1.0], [3.0, 1.0], [4.0, 1.0]], array![[2.0], [4.0], [5.0], [4.0]]);
    let walk = |stop: Stop| {
        let (mut params, w) = weights(&x, 0.0);
        minimize(|step| (step.input(&x).matmul(step.param(w)) - step.input(&y)).square().mean())
            .with(Sgd::new(0.01))
            .until(stop)
            .run(&mut params);
        params.flat().to_vec()
    };
    let exact = closed_form(&x, &y, 0.0);
    assert!((exact[0] - 0.7).abs() < 1e-12 && (exact[1] - 2.0).abs() < 1e-12);
    let early = walk(stop::max_iterations(500));
    let by_hand = {
        let (mut a, mut b) = (0.0, 0.0);
        for _ in 0..500 {
            let (mut da, mut db) = (0.0, 0.0);
            for (x, y) in [(1.0, 2.0), (2.0, 4.0), (3.0, 5.0), (4.0, 4.0)] {
                let residual: f64 = y - (a * x + b);
                (da, db) = (da - 2.0 * x * residual / 4.0, db - 2.0 * residual / 4.0);
            }
            (a, b) = (a - 0.01 * da, b - 0.01 * db);
        }
        [a, b]
    };
    assert!((early[0] - by_hand[0]).abs() < 1e-12 && (early[1] - by_hand[1]).abs() < 1e-12);
    assert!((early[0] - 0.8199).abs() < 1e-4 && (early[1] - 1.6473).abs() < 1e-4, "neither is the w₂ that they print");
    let late = walk(stop::max_iterations(20_000));
    assert!((late[0] - 0.7).abs() < 1e-9 && (late[1] - 2.0).abs() < 1e-9);
}

#[test]
fn example_3_of_the_lecture_notes() {
    // (x₁, x₂; y) = (1, 2; 3), (2, 1; 2), (3, 4; 6): ∇J is the mean of the ∇Jᵢ, and ∇J₁ = 0 at (1, 1).
    let (x, y) = (array![[1.0, 2.0], [2.0, 1.0], [3.0, 4.0]], array![[3.0], [2.0], [6.0]]);
    let gradient = |rows: std::ops::Range<usize>, at: [f64; 2]| {
        let (x, y) = (x.slice(s![rows.clone(), ..]).to_owned(), y.slice(s![rows, ..]).to_owned());
        let mut params = Params::<f64>::new();
        let w = params.add_array("w", &array![[at[0]], [at[1]]]);
        let (mut tape, mut gradient) = (Tape::new(), params.gradient());
        let step = tape.record(&params);
        (step.input(&x).matmul(step.param(w)) - step.input(&y)).square().mean().backward(&mut gradient);
        gradient.flat().to_vec()
    };
    assert_eq!(gradient(0..1, [1.0, 1.0]), [0.0, 0.0]);
    // By hand at (1, 1): residuals 0, 1, 1; ∇J₂ = 2·(2, 1), ∇J₃ = 2·(3, 4).
    assert_eq!((gradient(1..2, [1.0, 1.0]), gradient(2..3, [1.0, 1.0])), (vec![4.0, 2.0], vec![6.0, 8.0]));
    for at in [[1.0, 1.0], [0.0, 0.0], [-0.5, 2.0]] {
        let parts = [0, 1, 2].map(|i| gradient(i..i + 1, at));
        for (k, whole) in gradient(0..3, at).into_iter().enumerate() {
            assert!((whole - parts.iter().map(|g| g[k]).sum::<f64>() / 3.0).abs() < 1e-13);
        }
    }
    // Its contours are those of the formula that the notes print.
    let printed = |a: f64, b: f64| {
        ((3.0 - a - 2.0 * b).powi(2) + (2.0 - 2.0 * a - b).powi(2) + (6.0 - 3.0 * a - 4.0 * b).powi(2)) / 3.0
    };
    let mut params = Params::<f64>::new();
    let w = params.add("w", [2, 1], || 0.0);
    for (a, b) in [(0.0, 0.0), (1.0, 1.0), (0.3, -2.0)] {
        params.flat_mut().copy_from_slice(&[a, b]);
        let value =
            value_at(&params, |step| (step.constant(&x).matmul(step.param(w)) - step.constant(&y)).square().mean());
        assert!((value - printed(a, b)).abs() < 1e-12);
    }
}

#[test]
fn known_gradients_of_the_lecture_notes() {
    let at = array![0.3, -1.2];
    let (x, y) = (0.3_f64, -1.2_f64);
    let norm = x.hypot(y);
    let close = |found: Array1<f64>, expected: [f64; 2]| found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-14);
    assert!(close(grad(|v| v.square().sum(), &at), [2.0 * x, 2.0 * y]));
    assert!(close(grad(|v| v.slice(s![0]).sin() * v.slice(s![1]).cos(), &at), [x.cos() * y.cos(), -x.sin() * y.sin()]));
    assert!(close(grad(|v| v.square().sum().sqrt(), &at), [x / norm, y / norm]));
}
