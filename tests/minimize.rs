//! The loop of `minimize`: criteria and reasons, what is left in the parameters, history, batches.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gradus::data::{Batches, Stream};
use gradus::minimize::{Report, minimize_objective};
use gradus::optim::stop::{self, Reason, Status, Stop};
use gradus::optim::{GradientDescent, Lbfgs, Method, NewtonCg, Objective, Stuck, flat};
use gradus::prelude::*;

/// x² from 8 with η = ¼: 8, 4, 2, 1, … with values 64, 16, 4, 1, …
fn halving(stop: Stop) -> (Report<f64>, f64) {
    let mut params = Params::new();
    let x = params.add("x", [], || 8.0);
    let report = minimize(|step| step.param(x).square()).with(Sgd::new(0.25)).until(stop).run(&mut params);
    (report, params.flat()[0])
}

#[test]
fn each_criterion_stops_where_it_first_holds() {
    let cases = [
        (stop::max_iterations(3), 3, "3 iterations were made"),
        (stop::max_iterations(0), 0, "0 iterations were made"),
        (stop::gradient_norm(4.0), 2, "‖g‖ = 4.000e0 ≤ 4e0"),
        (stop::value_change(3.0), 3, "the value's change is 3.000e0 ≤ 3e0"),
        (stop::relative_value_change(3.0), 1, "the value's relative change is 3.000e0 ≤ 3e0"),
        (stop::step_norm(1.0), 3, "‖Δθ‖ = 1.000e0 ≤ 1e0"),
        (stop::target(1.0), 3, "the value 1e0 has reached the target 1e0"),
        (stop::above(63.0), 0, "diverged: the value 6.4e1 is above 6.3e1"),
        (stop::time(Duration::ZERO), 0, "the time is over: 0.0 s"),
        (stop::when("it is the fifth", |now| now.iteration == 5), 5, "it is the fifth"),
        (stop::target(1.0).or(stop::max_iterations(2)), 2, "2 iterations were made"),
        (
            stop::target(20.0).and(stop::max_iterations(2)),
            2,
            "the value 4e0 has reached the target 2e1 and 2 iterations were made",
        ),
    ];
    for (stop, iterations, text) in cases {
        let name = format!("{stop:?}");
        let (report, x) = halving(stop);
        assert_eq!((report.iterations, report.reason.to_string().as_str()), (iterations, text), "{name}");
        assert_eq!(x, 8.0 / 2.0_f64.powi(i32::try_from(iterations).unwrap()), "{name}");
        // What is reported is where the parameters are.
        assert_eq!((report.value, report.gradient_norm), (x * x, 2.0 * x), "{name}");
        assert_eq!((report.evaluations, report.history.len() as u64), (iterations + 1, iterations + 1), "{name}");
    }
}

#[test]
fn norms_are_measured_for_those_who_ask() {
    let all = |xs: &[f64], nan| xs.iter().all(|x| x.is_nan() == nan);
    let (report, _) = halving(stop::max_iterations(3));
    assert!(all(report.history.gradient_norms(), true) && all(report.history.step_norms(), true));
    let (report, _) = halving(stop::gradient_norm(0.0).or(stop::max_iterations(3)));
    assert!(all(report.history.gradient_norms(), false) && all(report.history.step_norms(), true));
    let (report, _) = halving(stop::when("never", |_| false).or(stop::max_iterations(3)));
    assert!(all(report.history.gradient_norms(), false) && all(&report.history.step_norms()[1..], false));
    assert_eq!(report.history.step_sizes()[1..], [0.25; 3]);
}

#[test]
fn divergence_leaves_the_best_iterate() {
    // η = 1.5/½ … of x²: |x| doubles. From 1 the best is the start.
    let run = |stop| {
        let mut params = Params::<f64>::new();
        let x = params.add("x", [], || 1.0);
        let report = minimize(|step| step.param(x).square()).with(Sgd::new(1.5)).until(stop).run(&mut params);
        (report, params.flat()[0])
    };
    for stop in [stop::growing(4), stop::above(100.0)] {
        let (report, x) = run(stop);
        assert_eq!((report.iterations, x, report.value, report.gradient_norm), (4, 1.0, 1.0, 2.0));
        let best = report.best.unwrap();
        assert_eq!((best.value, best.iteration), (1.0, 0));
        assert_eq!(report.history.values(), [1.0, 4.0, 16.0, 64.0, 256.0]);
    }
    // A value that falls in between begins to count anew.
    let (report, _) = run(stop::growing(4).and(stop::max_iterations(6)));
    assert_eq!(report.iterations, 6);
}

#[test]
fn a_raised_flag_stops_after_the_iteration() {
    let flag = Arc::new(AtomicBool::new(false));
    let (raise, count) = (Arc::clone(&flag), Cell::new(0));
    let mut params = Params::<f64>::new();
    let x = params.add("x", [], || 1.0);
    let report = minimize(|step| {
        count.set(count.get() + 1);
        if count.get() == 5 {
            raise.store(true, Ordering::Relaxed); // as a handler of Ctrl-C would
        }
        step.param(x).square()
    })
    .with(Sgd::new(0.25))
    .until(stop::flag(flag).or(stop::max_iterations(100)))
    .run(&mut params);
    assert_eq!((report.reason, report.iterations, params.flat()[0]), (Reason::Flag, 4, 0.0625));
}

#[test]
fn early_stopping_brings_the_best_back() {
    // Validation is best at x = 3, which the descent from 0 to 10 passes.
    let mut params = Params::<f64>::new();
    let x = params.add("x", [], || 0.0);
    let report = minimize(|step| 0.5 * (step.param(x) - 10.0).square())
        .with(Sgd::new(0.1))
        .validate(1, |step| (step.param(x) - 3.0).square())
        .until(stop::early_stopping(5))
        .run(&mut params);
    let path = |k: i32| 10.0 * (1.0 - 0.9_f64.powi(k));
    let best = (0..20).min_by(|&a, &b| (path(a) - 3.0).abs().total_cmp(&(path(b) - 3.0).abs())).unwrap();
    assert_eq!(report.best.as_ref().unwrap().iteration, u64::try_from(best).unwrap());
    assert!((params.flat()[0] - path(best)).abs() < 1e-12);
    assert_eq!(report.iterations, u64::try_from(best).unwrap() + 5);
    assert!(matches!(report.reason, Reason::EarlyStopping { waited: 5, .. }), "{report}");
    assert!((report.value - 0.5 * (params.flat()[0] - 10.0).powi(2)).abs() < 1e-12);
}

#[test]
fn early_stopping_ignores_nan_and_what_is_too_little() {
    let mut metrics = [5.0, f64::NAN, 4.5, 4.4, 4.3, 1.0].into_iter();
    let mut params = Params::<f64>::new();
    let x = params.add("x", [], || 1.0);
    let report = minimize(|step| step.param(x).square())
        .with(Sgd::new(0.1))
        .validate_with(1, |_: &Params<f64>| metrics.next().unwrap())
        .until(stop::early_stopping_by(4, 1.0))
        .run(&mut params);
    assert_eq!((report.iterations, report.history.validation().len()), (4, 5));
}

#[test]
fn a_start_that_is_not_finite_is_named() {
    let mut params = Params::<f64>::new();
    let x = params.add_array("layer.x", &array![1.0, f64::NAN]);
    let report = minimize(|step| step.param(x).square().sum()).with(Sgd::new(0.1)).run(&mut params);
    assert_eq!(report.reason.to_string(), "not finite: `layer.x` is NaN at [1] at the start");
    assert_eq!((report.iterations, report.history.len(), params.flat()[0]), (0, 0, 1.0));
    assert!(report.best.is_none() && report.value.is_nan());
}

#[test]
fn an_objective_that_is_nan_at_once_names_its_op() {
    let mut params = Params::<f64>::new();
    let x = params.add("x", [2], || -1.0);
    let report = minimize(|step| step.param(x).ln().sum()).with(Sgd::new(0.1)).run(&mut params);
    let text = report.reason.to_string();
    assert!(text.contains("ln") && text.contains("tests/minimize.rs"), "{text}");
    assert_eq!((params.flat(), report.history.len()), (&[-1.0, -1.0][..], 0));
}

#[test]
fn an_objective_that_becomes_nan_leaves_the_last_finite_values() {
    // ln x + x: steps of 1/x + 1 from 3 with η = 1 lead below 0.
    let mut params = Params::<f64>::new();
    let x = params.add("x", [], || 3.0);
    let report = minimize(|step| step.param(x).ln() + step.param(x))
        .with(Sgd::new(1.0))
        .until(stop::max_iterations(50))
        .run(&mut params);
    let text = report.reason.to_string();
    assert!(matches!(report.reason, Reason::NotFinite(_)) && text.contains("ln"), "{text}");
    assert_eq!(report.history.len() as u64, report.iterations);
    let x = params.flat()[0];
    assert!(x > 0.0);
    assert_eq!((report.value, *report.history.values().last().unwrap()), (x.ln() + x, x.ln() + x));
}

#[test]
fn a_gradient_that_is_nan_is_named_by_its_op() {
    // √(x²) at 0 has the value 0 and the slope 0/0.
    let mut params = Params::<f64>::new();
    let x = params.add("x", [], || 0.0);
    let report = minimize(|step| step.param(x).square().sqrt())
        .with(Sgd::new(1.0))
        .until(stop::max_iterations(50))
        .run(&mut params);
    let text = report.reason.to_string();
    assert!(text.contains("`x` is NaN at [] after iteration 1; before it, "), "{text}");
    assert_eq!((params.flat(), report.history.values()), (&[0.0][..], &[0.0][..]));
}

#[test]
fn steps_that_overflow_are_named_too() {
    let mut params = Params::<f32>::new();
    let x = params.add("x", [], || 1e30);
    let report =
        minimize(|step| 1e30 * step.param(x)).with(Sgd::new(1e30)).until(stop::max_iterations(9)).run(&mut params);
    let text = report.reason.to_string();
    assert!(matches!(report.reason, Reason::NotFinite(_)), "{text}");
    assert!(params.flat()[0].is_finite());
}

#[test]
fn batches_visit_every_sample_once_an_epoch() {
    let x = Array2::from_shape_fn((10, 1), |(i, _)| i as f64);
    for (size, iterations) in [(10, 3), (1, 30), (4, 9)] {
        let seen = Cell::new(0.0);
        let mut params = Params::<f64>::new();
        let w = params.add("w", [1, 1], || 0.0);
        let report = minimize_batches(Batches::of(&x, &x, size).shuffled(3), |step, x, y| {
            seen.set(seen.get() + x.sum());
            (step.input(x).matmul(step.param(w)) - step.input(y)).square().mean()
        })
        .with(Sgd::new(1e-3))
        .until(stop::max_epochs(3))
        .run(&mut params);
        assert_eq!((report.iterations, report.epochs, seen.get()), (iterations, 3, 3.0 * 45.0), "{size}");
        assert_eq!((report.reason, report.evaluations), (Reason::MaxEpochs(3), iterations));
    }
}

#[test]
fn a_batch_of_everything_walks_as_the_whole_objective_does() {
    let x = Array2::from_shape_fn((6, 2), |(i, j)| ((3 * i + 5 * j) % 7) as f64);
    let y = Array2::from_shape_fn((6, 1), |(i, _)| i as f64);
    let make = || {
        let mut params = Params::<f64>::new();
        let line = Linear::new(&mut params, "line", 2, 1, &mut StdRng::seed_from_u64(7));
        (params, line)
    };
    let (mut a, line) = make();
    minimize(|step| mse(line.forward(step.input(&x)), step.input(&y)))
        .with(Adam::new(0.1))
        .until(stop::max_iterations(20))
        .run(&mut a);
    let (mut b, line) = make();
    minimize_batches(Batches::of(&x, &y, 6), |step, x, y| mse(line.forward(step.input(x)), step.input(y)))
        .with(Adam::new(0.1))
        .until(stop::max_epochs(20))
        .run(&mut b);
    assert_eq!(a.flat(), b.flat());
}

#[test]
fn batches_can_be_validated_and_stopped_early() {
    let x = Array2::from_shape_fn((32, 1), |(i, _)| i as f64 / 32.0);
    let y = &x * 3.0;
    let mut params = Params::<f64>::new();
    let line = Linear::new(&mut params, "line", 1, 1, &mut StdRng::seed_from_u64(7));
    let report = minimize_batches(Batches::of(&x, &y, 8).shuffled(1), |step, x, y| {
        mse(line.forward(step.input(x)), step.input(y))
    })
    .with(Adam::new(0.05))
    .validate(2, |step| mse(line.forward(step.input(&x)), step.input(&y)))
    .until(stop::early_stopping_by(3, 1e-3).or(stop::max_epochs(500)))
    .run(&mut params);
    assert!(matches!(report.reason, Reason::EarlyStopping { .. }), "{report}");
    let history = &report.history;
    assert_eq!(history.validation().len() as u64, report.epochs / 2);
    let best = history.validation().iter().map(|&(_, metric)| metric).fold(f64::INFINITY, f64::min);
    // The last three measurements, and no earlier three in a row, are no improvement by more than 0.001.
    let (mut least, mut row, mut rows) = (f64::INFINITY, 0, Vec::new());
    for &(_, metric) in history.validation() {
        (least, row) = if metric < least - 1e-3 { (metric, 0) } else { (least, row + 1) };
        rows.push(row);
    }
    assert_eq!((rows.iter().position(|&row| row == 3), rows.len()), (Some(rows.len() - 1), rows.len()), "{rows:?}");
    assert_eq!(report.best.unwrap().value, best);
    let loss = (&x * params.flat()[0] + params.flat()[1] - &y).mapv(|d| d * d).mean().unwrap();
    assert!((loss - best).abs() < 1e-12, "the parameters are those of the best epoch");
}

#[test]
fn runs_repeat_to_the_bit_and_a_method_that_is_lent_goes_on() {
    let run = |iterations: &[u64]| {
        let mut params = Params::<f64>::new();
        let x = params.add_array("x", &array![-1.2, 1.0]);
        let mut adam = Adam::new(0.01);
        for &n in iterations {
            minimize(|step| {
                let (a, b) = (step.param(x).slice(s![0]), step.param(x).slice(s![1]));
                100.0 * (b - a * a).square() + (1.0 - a).square()
            })
            .with(&mut adam)
            .until(stop::max_iterations(n))
            .run(&mut params);
        }
        params.flat().to_vec()
    };
    assert_eq!(run(&[200]), run(&[200]));
    assert_eq!(run(&[200]), run(&[50, 149, 1]));
}

#[test]
fn an_objective_by_hand_is_minimised_like_one_on_a_tape() {
    let by_hand = flat(|x: &[f64], g: &mut [f64]| {
        let (a, b) = (x[0], x[1]);
        g[0] = -400.0 * a * (b - a * a) - 2.0 * (1.0 - a);
        g[1] = 200.0 * (b - a * a);
        100.0 * (b - a * a).powi(2) + (1.0 - a).powi(2)
    });
    let mut params = Params::<f64>::new();
    params.add_array("x", &array![-1.2, 1.0]);
    let report = minimize_objective(by_hand).with(Lbfgs::new()).until(stop::gradient_norm(1e-8)).run(&mut params);
    assert!(report.converged() && (params.flat()[0] - 1.0).abs() < 1e-8);
}

#[test]
fn bad_criteria_are_refused_where_they_are_made() {
    let refused = |f: fn() -> Stop| *std::panic::catch_unwind(f).unwrap_err().downcast::<String>().unwrap();
    assert_eq!(refused(|| stop::gradient_norm(-1.0)), "stop: gradient_norm is -1, expected a finite number ≥ 0");
    assert_eq!(refused(|| stop::step_norm(f64::NAN)), "stop: step_norm is NaN, expected a finite number ≥ 0");
    assert!(std::panic::catch_unwind(|| stop::early_stopping(0)).is_err());
    assert!(std::panic::catch_unwind(|| stop::growing(0)).is_err());
    assert!(std::panic::catch_unwind(|| stop::target(f64::NAN)).is_err());
}

#[test]
fn an_objective_that_is_no_scalar_says_so() {
    let mut params = Params::<f64>::new();
    let x = params.add("x", [2], || 1.0);
    let run =
        std::panic::AssertUnwindSafe(|| minimize(|step| step.param(x).square()).with(Sgd::new(0.1)).run(&mut params));
    let text = *std::panic::catch_unwind(run).unwrap_err().downcast::<String>().unwrap();
    assert!(text.contains("[2] is no scalar"), "{text}");
}

#[test]
fn what_counts_begins_anew_with_each_run() {
    let mut growing = stop::growing(2);
    let up = |value, previous| Status { value, previous, fresh: true, ..Status::start() };
    assert_eq!(growing.ask(&up(2.0, 1.0)), None);
    growing.reset();
    assert_eq!(growing.ask(&up(3.0, 2.0)), None);
    assert_eq!(growing.ask(&up(4.0, 3.0)), Some(Reason::Growing(2)));
}

#[test]
fn a_stream_is_learned_from_until_it_ends() {
    // y = 2x + 1, one sample after the other, seen once.
    let samples = (0..2000).map(|i| {
        let x = f64::from(i * 37 % 101) / 50.0 - 1.0;
        ([x], [2.0 * x + 1.0])
    });
    let mut params = Params::<f64>::new();
    let line = Linear::new(&mut params, "line", 1, 1, &mut StdRng::seed_from_u64(7));
    let report = minimize_batches(Stream::of(samples, 8), |step, x, y| mse(line.forward(step.input(x)), step.input(y)))
        .with(Sgd::new(0.3))
        .until(stop::max_iterations(1_000_000))
        .run(&mut params);
    assert_eq!((report.reason, report.iterations), (Reason::NoMoreData, 250));
    assert!((params.flat()[0] - 2.0).abs() < 1e-6 && (params.flat()[1] - 1.0).abs() < 1e-6, "{:?}", params.flat());
}

#[test]
fn a_rule_that_looks_ahead_leaves_its_iterate_and_reports_its_value() {
    let mut params = Params::<f64>::new();
    let x = params.add_array("x", &array![3.0, -1.0]);
    let report = minimize(|step| step.param(x).square().sum())
        .with(NesterovLookahead::new(0.05).momentum(0.8))
        .until(stop::max_iterations(7))
        .run(&mut params);
    // The same by hand: v ← βv − η∇L(θ + βv), θ ← θ + v.
    let (mut theta, mut v) = ([3.0, -1.0], [0.0, 0.0]);
    for _ in 0..7 {
        for i in 0..2 {
            v[i] = 0.8 * v[i] - 0.05 * 2.0 * (theta[i] + 0.8 * v[i]);
            theta[i] += v[i];
        }
    }
    for (found, by_hand) in params.flat().iter().zip(theta) {
        assert!((found - by_hand).abs() < 1e-14);
    }
    assert_eq!(report.value, params.flat().iter().map(|x| x * x).sum::<f64>());
    // A value that is not finite leaves finite parameters here, too.
    let mut params = Params::<f64>::new();
    let x = params.add("x", [], || 3.0);
    let report = minimize(|step| step.param(x).ln() + step.param(x))
        .with(NesterovLookahead::new(1.0).momentum(0.5))
        .until(stop::max_iterations(50))
        .run(&mut params);
    assert!(matches!(report.reason, Reason::NotFinite(_)) && params.flat()[0] > 0.0, "{report}: {:?}", params.flat());
}

#[test]
fn with_batches_a_lent_optimiser_goes_on_to_the_bit() {
    let x = Array2::from_shape_fn((12, 1), |(i, _)| i as f64 / 12.0);
    let run = |epochs: &[u64]| {
        let mut params = Params::<f64>::new();
        let line = Linear::new(&mut params, "line", 1, 1, &mut StdRng::seed_from_u64(7));
        let mut adam = Adam::new(0.05);
        let mut batches = Batches::of(&x, &x, 4);
        for &n in epochs {
            minimize_batches(&mut batches, |step, x, y| mse(line.forward(step.input(x)), step.input(y)))
                .with(&mut adam)
                .until(stop::max_epochs(n))
                .run(&mut params);
        }
        (params.flat().to_vec(), adam.iteration())
    };
    assert_eq!(run(&[6]), run(&[1, 3, 2]));
    assert_eq!(run(&[6]).1, 18);
}

#[test]
fn steps_that_move_nothing_are_no_convergence() {
    let run = |sgd: Sgd<f64>| {
        let mut params = Params::<f64>::new();
        let x = params.add("x", [], || 8.0);
        let stop = stop::value_change(1e-12).or(stop::step_norm(1e-12)).or(stop::max_iterations(200));
        let report = minimize(|step| step.param(x).square()).with(sgd).until(stop).run(&mut params);
        (report, params.flat()[0])
    };
    let (report, x) = run(Sgd::new(0.25).accumulate(3));
    assert!(report.converged() && x.abs() < 1e-5, "{report}: {x}");
    // A rate that begins with 0 and rises.
    let (report, x) = run(Sgd::new(0.25).schedule(schedule::from_fn(|base, t| if t < 5 { 0.0 } else { base })));
    assert!(report.converged() && x.abs() < 1e-5, "{report}: {x}");
    // One that ends with 0, far from the minimum.
    let (report, x) = run(Sgd::new(0.05).schedule(schedule::Linear::new(5)));
    assert_eq!((report.reason, x > 1.0), (Reason::MaxIterations(200), true));
}

#[test]
fn a_direction_that_does_not_descend_is_no_convergence_and_moves_nothing() {
    let wrong = || {
        flat(|x: &[f64], g: &mut [f64]| {
            (g[0], g[1]) = (-2.0 * x[0], -2.0 * x[1]);
            x[0] * x[0] + x[1] * x[1]
        })
    };
    let run = |method: &mut dyn Method<f64>| {
        let mut params = Params::<f64>::new();
        params.add("x", [2], || 3.0);
        let report = minimize_objective(wrong()).with(method).run(&mut params);
        assert!(matches!(report.reason, Reason::Stuck(_)), "{report}");
        assert_eq!((params.flat(), report.value), (&[3.0, 3.0][..], 18.0));
        report.evaluations
    };
    assert!(run(&mut GradientDescent::new(1.0)) > 10);
    assert!(run(&mut Lbfgs::new()) > 10, "those of the search that failed count, too");
}

#[test]
fn a_derivative_that_is_not_finite_does_not_pass_unseen() {
    // The value does not depend on the first parameter, whose derivative is wrong.
    let spoiled = flat(|x: &[f64], g: &mut [f64]| {
        (g[0], g[1]) = (f64::NAN, 2.0 * x[1]);
        x[1] * x[1]
    });
    let mut params = Params::<f64>::new();
    params.add("x", [2], || 1.0);
    let report = minimize_objective(spoiled).with(Sgd::new(0.1)).until(stop::max_iterations(9)).run(&mut params);
    assert!(report.reason.to_string().contains("`x` is NaN at [0] after iteration 1"), "{report}");
    assert_eq!((params.flat(), report.history.values()), (&[1.0, 1.0][..], &[1.0][..]));
}

#[test]
fn a_batch_that_is_not_finite_names_its_op_or_is_skipped() {
    let x = array![[1.0], [2.0], [f64::NAN], [3.0]];
    let run = |sgd: Sgd<f64>| {
        let mut params = Params::<f64>::new();
        let w = params.add("w", [1, 1], || 0.0);
        let mut sgd = sgd;
        let report = minimize_batches(Batches::single(&x, &x), |step, x, _| {
            (step.input(x).matmul(step.param(w)) - 1.0).square().mean()
        })
        .with(&mut sgd)
        .until(stop::max_epochs(2))
        .run(&mut params);
        (report, params.flat()[0], sgd.skipped())
    };
    let (report, w, _) = run(Sgd::new(0.1));
    assert!(report.reason.to_string().contains("input") && w.is_finite(), "{report}");
    assert_eq!(report.history.len(), 2);
    let (report, w, skipped) = run(Sgd::new(0.1).skip_not_finite(true));
    assert_eq!((report.reason, skipped, report.history.len()), (Reason::MaxEpochs(2), 2, 8));
    assert!(w.is_finite() && w > 0.0 && report.history.values()[2].is_nan());
}

#[test]
fn where_a_rule_looks_ahead_the_op_is_named_too() {
    let mut params = Params::<f64>::new();
    let x = params.add("x", [], || 3.0);
    let report = minimize(|step| step.param(x).ln() + step.param(x))
        .with(NesterovLookahead::new(0.5))
        .until(stop::max_iterations(50))
        .run(&mut params);
    assert!(report.reason.to_string().contains("ln"), "{report}");
    assert!(params.flat()[0] > 0.0);
}

#[test]
fn a_flag_brings_the_best_back_and_growing_counts_rows_of_new_values() {
    let flag = Arc::new(AtomicBool::new(false));
    let mut params = Params::<f64>::new();
    let x = params.add("x", [], || 1.0);
    let raise = Arc::clone(&flag);
    let report = minimize(|step| step.param(x).square())
        .with(Sgd::new(1.5))
        .each(move |_: &Params<f64>, now| raise.store(now.iteration == 3, Ordering::Relaxed))
        .until(stop::flag(flag))
        .run(&mut params);
    assert_eq!((report.reason, report.iterations, params.flat()[0]), (Reason::Flag, 3, 1.0));

    let mut growing = stop::growing(2);
    let at = |previous, value, fresh| Status { value, previous, fresh, ..Status::start() };
    let asked = [(1.0, 2.0, true), (1.0, 2.0, false), (2.0, 1.0, true), (1.0, 2.0, true), (2.0, 3.0, true)];
    let answers = asked.map(|(previous, value, fresh)| growing.ask(&at(previous, value, fresh)).is_some());
    assert_eq!(answers, [false, false, false, false, true]);
}

#[test]
#[cfg(feature = "csv")]
fn the_table_of_a_history_has_every_validation() {
    let x = array![[1.0], [2.0]];
    let mut params = Params::<f64>::new();
    let w = params.add("w", [1, 1], || 0.0);
    let report =
        minimize_batches(Batches::single(&x, &x), |step, x, y| mse(step.input(x).matmul(step.param(w)), step.input(y)))
            .with(Sgd::new(0.1))
            .validate_with(1, |params: &Params<f64>| params.flat()[0])
            .until(stop::max_epochs(2))
            .run(&mut params);
    let path = std::env::temp_dir().join(format!("gradus-history-test-{}.csv", std::process::id()));
    report.history.save_csv(&path).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let metrics: Vec<_> =
        text.lines().skip(1).filter_map(|line| line.rsplit(',').next().filter(|m| !m.is_empty())).collect();
    assert_eq!(metrics.len(), 2, "{text}");
    assert_eq!(metrics[1].parse::<f64>().unwrap(), params.flat()[0], "{text}");
}

#[test]
fn the_best_is_the_least_however_little_the_others_are_above_it() {
    // |x| doubles: 0.1 is less than 0.4, 1.6, …
    let mut params = Params::<f64>::new();
    let x = params.add("x", [], || 1.0);
    let report =
        minimize(|step| 0.1 * step.param(x).square()).with(Sgd::new(15.0)).until(stop::growing(2)).run(&mut params);
    let best = report.best.unwrap();
    assert_eq!((best.value, best.iteration, params.flat()[0]), (0.1, 0, 1.0));
}

/// x² with the sign of its gradient turned, and a Hessian that goes with neither.
struct Turned;

impl Objective<f64> for Turned {
    fn value_and_gradient(&mut self, params: &Params<f64>, gradient: &mut Gradient<f64>) -> f64 {
        gradient.flat_mut()[0] = -2.0 * params.flat()[0];
        self.value(params)
    }

    fn value(&mut self, params: &Params<f64>) -> f64 {
        params.flat()[0] * params.flat()[0]
    }

    fn hessian_vector(&mut self, _: &Params<f64>, v: &[f64], product: &mut Gradient<f64>) -> Result<(), Stuck> {
        product.flat_mut().copy_from_slice(v);
        Ok(())
    }
}

#[test]
fn newton_that_is_stuck_goes_back() {
    let mut params = Params::<f64>::new();
    params.add("x", [1], || 3.0);
    let report = minimize_objective(Turned).with(NewtonCg::new()).run(&mut params);
    assert!(matches!(report.reason, Reason::Stuck(_)), "{report}");
    assert_eq!((params.flat(), report.value), (&[3.0][..], 9.0));
}
