//! Methods that search along lines: L-BFGS, gradient descent with backtracking, truncated Newton.

use gradus::minimize::{Report, minimize_objective};
use gradus::optim::stop::{self, Reason};
use gradus::optim::{Armijo, Evaluation, GradientDescent, Lbfgs, Method, NewtonCg, Wolfe, flat};
use gradus::prelude::*;

type Function = for<'t> fn(Var<'t, f64>) -> Var<'t, f64>;

fn at<'t>(x: Var<'t, f64>, i: usize) -> Var<'t, f64> {
    x.slice(s![i])
}

fn chained_rosenbrock<'t>(x: Var<'t, f64>) -> Var<'t, f64> {
    let (head, tail) = (x.slice(s![..-1]), x.slice(s![1..]));
    (100.0 * (tail - head * head).square() + (1.0 - head).square()).sum()
}

fn himmelblau<'t>(x: Var<'t, f64>) -> Var<'t, f64> {
    let (a, b) = (at(x, 0), at(x, 1));
    (a * a + b - 11.0).square() + (a + b * b - 7.0).square()
}

fn beale<'t>(x: Var<'t, f64>) -> Var<'t, f64> {
    let (a, b) = (at(x, 0), at(x, 1));
    (1.5 - a + a * b).square() + (2.25 - a + a * b.powi(2)).square() + (2.625 - a + a * b.powi(3)).square()
}

fn wood<'t>(x: Var<'t, f64>) -> Var<'t, f64> {
    let (a, b, c, d) = (at(x, 0), at(x, 1), at(x, 2), at(x, 3));
    100.0 * (b - a * a).square()
        + (1.0 - a).square()
        + 90.0 * (d - c * c).square()
        + (1.0 - c).square()
        + 10.1 * ((b - 1.0).square() + (d - 1.0).square())
        + 19.8 * (b - 1.0) * (d - 1.0)
}

fn powell<'t>(x: Var<'t, f64>) -> Var<'t, f64> {
    let (a, b, c, d) = (at(x, 0), at(x, 1), at(x, 2), at(x, 3));
    (a + 10.0 * b).square() + 5.0 * (c - d).square() + (b - 2.0 * c).powi(4) + 10.0 * (a - d).powi(4)
}

/// Pairs of Rosenbrock's function side by side.
fn extended_rosenbrock<'t>(x: Var<'t, f64>) -> Var<'t, f64> {
    let (a, b) = (x.slice(s![..;2]), x.slice(s![1..;2]));
    (100.0 * (b - a * a).square() + (1.0 - a).square()).sum()
}

/// Problems of Moré, Garbow & Hillstrom 1981 (and Himmelblau's) with their usual starts, and the number of iterations
/// after which `SciPy` 1.17's L-BFGS-B with 10 corrections and analytic gradients first has ‖g‖ ≤ 1e-8, measured 2026-11-26
/// (`gtol` 1e-8, `ftol` 0; for the chained Rosenbrock function the iterations until it stops at ‖g‖ = 1.6e-8).
fn problems() -> Vec<(&'static str, Function, Vec<f64>, u64)> {
    vec![
        ("Rosenbrock", chained_rosenbrock, vec![-1.2, 1.0], 38),
        ("extended Rosenbrock, n = 100", extended_rosenbrock, [-1.2, 1.0].repeat(50), 37),
        ("chained Rosenbrock, n = 100", chained_rosenbrock, [-1.2, 1.0].repeat(50), 537),
        ("Himmelblau", himmelblau, vec![0.0, 0.0], 11),
        ("Beale", beale, vec![1.0, 1.0], 16),
        ("Wood", wood, vec![-3.0, -1.0, -3.0, -1.0], 88),
        ("Powell's singular function", powell, vec![3.0, -1.0, 0.0, 1.0], 54),
    ]
}

fn solve(f: Function, start: &[f64], method: impl Method<f64>) -> (Report<f64>, Vec<f64>) {
    let mut params = Params::new();
    let x = params.add_array("x", &Array1::from(start.to_vec()));
    let report = minimize(|step| f(step.param(x)))
        .with(method)
        .until(stop::gradient_norm(1e-8).or(stop::max_iterations(1000)))
        .run(&mut params);
    (report, params.flat().to_vec())
}

#[test]
fn lbfgs_needs_as_many_iterations_as_scipy() {
    for (name, f, start, scipy) in problems() {
        let (report, _) = solve(f, &start, Lbfgs::new());
        assert!(report.converged(), "{name}: {report}");
        let allowed = scipy + scipy / 5 + 2;
        assert!(report.iterations <= allowed, "{name}: {} iterations, SciPy {scipy}", report.iterations);
        assert!(report.evaluations <= 3 * report.iterations / 2 + 5, "{name}: {report}");
    }
}

#[test]
fn truncated_newton_reaches_the_minima() {
    for (name, f, start, _) in problems() {
        let mut method = NewtonCg::new();
        let (report, _) = solve(f, &start, &mut method);
        assert!(report.converged(), "{name}: {report}");
        assert!(method.hessian_products() >= report.iterations, "{name}");
    }
}

#[test]
fn truncated_newton_solves_a_quadratic_in_as_many_products_as_it_has_curvatures() {
    // Three distinct curvatures: conjugate gradients need three products, whatever the size.
    let mut params = Params::<f64>::new();
    let x = params.add("x", [60], || 1.0);
    let curvatures = Array1::from_iter((0..60).map(|i| [1.0, 10.0, 1000.0][i % 3]));
    let mut method = NewtonCg::new();
    let report = minimize(|step| (step.input(&curvatures) * step.param(x).square()).sum())
        .with(&mut method)
        .until(stop::gradient_norm(1e-9).or(stop::max_iterations(20)))
        .run(&mut params);
    assert!(report.converged() && method.hessian_products() <= 3 * report.iterations, "{report}");
}

#[test]
fn truncated_newton_leaves_a_saddle_downwards() {
    // x² − y² + y⁴/2 has a saddle at 0 and minima at y = ±1; along y the curvature is negative at the start.
    let f: Function = |x| at(x, 0).square() - at(x, 1).square() + 0.5 * at(x, 1).powi(4);
    let (report, x) = solve(f, &[0.5, 1e-3], NewtonCg::new());
    assert!(report.converged() && x[0].abs() < 1e-8 && (x[1].abs() - 1.0).abs() < 1e-8, "{report}: {x:?}");
}

#[test]
fn each_step_of_lbfgs_satisfies_both_wolfe_conditions() {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    for (name, f, start, _) in problems() {
        let mut params = Params::<f64>::new();
        let x = params.add_array("x", &Array1::from(start));
        let mut objective = gradus::minimize::Loss::new(|step: Step<'_, '_, f64>| f(step.param(x)));
        let (mut gradient, mut method) = (params.gradient(), Lbfgs::new());
        let mut at = Evaluation::new(&mut objective, &mut params, &mut gradient);
        for k in 0..30 {
            let (value, from, g) = (at.value(), at.params().flat().to_vec(), at.gradient().flat().to_vec());
            if at.gradient().norm() < 1e-6 {
                break;
            }
            method.advance(&mut at).unwrap();
            let moved: Vec<_> = at.params().flat().iter().zip(&from).map(|(b, a)| b - a).collect();
            let (before, after) = (dot(&g, &moved), dot(at.gradient().flat(), &moved));
            let slack = 1e-12 * value.abs();
            assert!(at.value() <= value + 1e-4 * before + slack, "{name}, {k}: too little decrease");
            assert!(after.abs() <= 0.9 * before.abs() * (1.0 + 1e-6), "{name}, {k}: too steep, {after} of {before}");
            assert!(before < 0.0 && !at.is_stale());
        }
    }
}

#[test]
fn a_wolfe_step_is_found_wherever_the_search_begins() {
    // The functions of Moré & Thuente 1994, (5.1) and (5.2), each from steps over six decades.
    let phi1 = |a: f64| (-a / (a * a + 2.0), (a * a - 2.0) / (a * a + 2.0).powi(2));
    let phi2 = |a: f64| {
        let b = a + 0.004;
        (b.powi(5) - 2.0 * b.powi(4), 5.0 * b.powi(4) - 8.0 * b.powi(3))
    };
    for first in [1e-3, 1e-1, 1e1, 1e3] {
        for (phi, c1, c2) in [(&phi1 as &dyn Fn(f64) -> (f64, f64), 1e-3, 0.1), (&phi2, 0.1, 0.1001)] {
            let start = phi(0.0);
            let mut asked = 0;
            let counted = |a: f64| {
                asked += 1;
                phi(a)
            };
            let found = Wolfe::new().constants(c1, c2).search(counted, start, first).unwrap();
            assert_eq!((found.value, found.slope), phi(found.step));
            assert!(found.value <= start.0 + c1 * found.step * start.1 && found.slope.abs() <= c2 * start.1.abs());
            assert!(asked <= 20, "{asked} evaluations from {first}");
        }
    }
}

#[test]
fn a_wolfe_search_backs_off_from_where_nothing_is_defined() {
    // −ln(1 − a) − 2a is +∞ from 1 on; its minimum is at ½.
    let phi = |a: f64| (-(1.0 - a).ln() - 2.0 * a, 1.0 / (1.0 - a) - 2.0);
    let found = Wolfe::new().constants(1e-4, 0.1).search(phi, phi(0.0), 8.0).unwrap();
    assert!((found.step - 0.5).abs() < 0.1);
}

#[test]
fn directions_that_do_not_descend_are_refused() {
    for start in [(1.0, 0.0), (1.0, 2.0), (f64::NAN, -1.0), (1.0, f64::NAN)] {
        let wolfe = Wolfe::new().search(|_| unreachable!(), start, 1.0).unwrap_err().to_string();
        let armijo = Armijo::new().search(|_| unreachable!(), start, 1.0).unwrap_err().to_string();
        let expected = format!("the value is {} and the slope along the direction {}", start.0, start.1);
        assert!(wolfe.contains(&expected) && armijo.contains(&expected), "{wolfe}, {armijo}");
    }
}

#[test]
fn backtracking_takes_the_largest_step_that_is_good_enough() {
    // f = ½ k x²: η is accepted if and only if η ≤ 2(1 − c)/k.
    for k in [0.3, 1.0, 7.0, 1e4] {
        let (c, rho, first) = (0.25, 0.7, 4.0);
        let mut params = Params::<f64>::new();
        params.add("x", [1], || 1.0);
        let mut bowl = flat(|x: &[f64], g: &mut [f64]| {
            g[0] = k * x[0];
            0.5 * k * x[0] * x[0]
        });
        let (mut gradient, mut method) =
            (params.gradient(), GradientDescent::new(first).armijo(Armijo::new().c(c).rho(rho)));
        let mut at = Evaluation::new(&mut bowl, &mut params, &mut gradient);
        method.advance(&mut at).unwrap();
        let limit = 2.0 * (1.0 - c) / k;
        let expected = (0..100).map(|j| first * rho.powi(j)).find(|&eta| eta <= limit).unwrap();
        assert!((method.step_size() / expected - 1.0).abs() < 1e-12, "{k}: {} {expected}", method.step_size());
        assert_eq!(at.params().flat(), [1.0 - method.step_size() * k]);
    }
}

#[test]
fn frozen_tensors_stay_to_the_bit() {
    let methods: Vec<(&str, Box<dyn Method<f64>>)> = vec![
        ("L-BFGS", Box::new(Lbfgs::new())),
        ("Armijo", Box::new(GradientDescent::new(1.0))),
        ("Newton", Box::new(NewtonCg::new())),
    ];
    for (name, mut method) in methods {
        let mut params = Params::<f64>::new();
        let (x, y) = (params.add("x", [2], || 3.0), params.add("y", [2], || 0.3));
        params.freeze(|name| name == "y");
        let report = minimize(|step| ((step.param(x) - step.param(y)).square() * (1.0 + step.param(y).square())).sum())
            .with(&mut *method)
            .until(stop::gradient_norm(1e-8).or(stop::max_iterations(200)))
            .run(&mut params);
        assert!(report.converged(), "{name}: {report}");
        assert_eq!(params.flat()[2..], [0.3, 0.3], "{name}");
        assert!((params.flat()[0] - 0.3).abs() < 1e-7, "{name}");
    }
}

#[test]
fn in_f32_they_come_as_close_as_f32_can() {
    let methods: Vec<(&str, Box<dyn Method<f32>>)> =
        vec![("L-BFGS", Box::new(Lbfgs::new())), ("Newton", Box::new(NewtonCg::new()))];
    for (name, mut method) in methods {
        let mut params = Params::<f32>::new();
        let x = params.add_array("x", &array![-1.2, 1.0]);
        let report = minimize(|step| {
            let (a, b) = (step.param(x).slice(s![0]), step.param(x).slice(s![1]));
            100.0 * (b - a * a).square() + (1.0 - a).square()
        })
        .with(&mut *method)
        .until(stop::gradient_norm(1e-3).or(stop::max_iterations(300)))
        .run(&mut params);
        assert!(report.converged(), "{name}: {report}");
        assert!((params.flat()[0] - 1.0).abs() < 1e-2, "{name}");
    }
}

#[test]
fn at_a_minimum_nothing_moves() {
    for mut method in
        [Box::new(Lbfgs::new()) as Box<dyn Method<f64>>, Box::new(GradientDescent::new(1.0)), Box::new(NewtonCg::new())]
    {
        let mut params = Params::<f64>::new();
        let x = params.add("x", [3], || 0.0);
        let report = minimize(|step| step.param(x).square().sum())
            .with(&mut *method)
            .until(stop::max_iterations(3))
            .run(&mut params);
        assert_eq!((report.iterations, params.flat()), (3, &[0.0; 3][..]));
    }
}

#[test]
fn an_objective_that_falls_without_end_ends_where_it_was_known() {
    let mut params = Params::<f64>::new();
    let x = params.add("x", [1], || 1.0);
    // −eˣ falls without end.
    let report = minimize(|step| -step.param(x).exp().sum())
        .with(Lbfgs::new())
        .until(stop::max_iterations(10_000))
        .run(&mut params);
    assert!(matches!(report.reason, Reason::Stuck(_)), "{report}");
    assert_eq!((report.value, params.flat()[0]), (report.history.values()[0], 1.0));
}

#[test]
fn without_second_derivatives_newton_says_so() {
    let mut params = Params::<f64>::new();
    params.add("x", [1], || 1.0);
    let parabola = flat(|x: &[f64], g: &mut [f64]| {
        g[0] = 2.0 * x[0];
        x[0] * x[0]
    });
    let report = minimize_objective(parabola).with(NewtonCg::new()).run(&mut params);
    assert!(report.reason.to_string().contains("no products with its Hessian"), "{report}");
    assert_eq!(params.flat(), [1.0]);
}
