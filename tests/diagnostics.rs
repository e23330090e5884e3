//! Diagnostics: against closed forms, with what each must say and must not say.

use gradus::data::Batches;
use gradus::diagnostics::{
    Kind, Lanczos, Probe, RangeTest, Symptom, classify_critical_point, curvature, diagnose, find_learning_rate,
    gradient_noise, probe_convexity,
};
use gradus::minimize::{History, Report};
use gradus::optim::stop::{self, Stop};
use gradus::prelude::*;

/// ½ Σ kᵢ xᵢ² at (1, 1, …).
fn bowl(curvatures: &Array1<f64>) -> (Params<f64>, Param) {
    let mut params = Params::new();
    let x = params.add("x", [curvatures.len()], || 1.0);
    (params, x)
}

#[test]
fn the_curvature_of_a_quadratic_is_that_of_its_matrix() {
    let k = Array1::from_iter((1..=200).map(f64::from));
    let (params, x) = bowl(&k);
    let found = curvature(&params, |step| (0.5 * step.input(&k) * step.param(x).square()).sum()).unwrap();
    assert!((found.largest - 200.0).abs() < 1e-3 && found.largest_error < 1e-2, "{found}");
    assert!((found.smallest - 1.0).abs() < 1e-2, "{found}");
    assert!((found.condition().unwrap() - 200.0).abs() < 3.0 && found.products <= 60 && found.size == 200);
    assert!((found.largest_stable_rate() - 0.01).abs() < 1e-6 && (found.best_rate() - 2.0 / 201.0).abs() < 1e-5);
}

#[test]
fn with_as_many_products_as_parameters_all_eigenvalues_come_out() {
    // Xᵀ X of a small matrix, against its characteristic polynomial by power sums.
    let x = Array2::from_shape_fn((7, 5), |(i, j)| ((3 * i * i + 5 * j + i * j) % 11) as f64 - 4.0);
    let hessian = x.t().dot(&x);
    let mut params = Params::<f64>::new();
    let w = params.add("w", [5, 1], || 0.3);
    let spectrum = Lanczos::new()
        .tolerance(0.0)
        .spectrum(&params, |step| 0.5 * step.input(&x).matmul(step.param(w)).square().sum())
        .unwrap();
    assert_eq!((spectrum.products, spectrum.values.len()), (5, 5));
    assert!(spectrum.errors.iter().all(|&error| error < 1e-14 * 5.0 * spectrum.values[4]), "only rounding is left");
    let mut power = Array2::<f64>::eye(5);
    for k in 1..=5 {
        power = power.dot(&hessian);
        let (trace, sum) = (power.diag().sum(), spectrum.values.iter().map(|v| v.powi(k)).sum::<f64>());
        assert!((trace - sum).abs() < 1e-9 * trace.abs(), "{k}: {trace} {sum}");
    }
    assert!((spectrum.weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
}

#[test]
fn every_error_bound_holds() {
    let k = Array1::from_iter((0..100).map(|i| (f64::from(i) / 10.0).exp() * if i % 7 == 0 { -1.0 } else { 1.0 }));
    let (params, x) = bowl(&k);
    for products in [3, 10, 30] {
        let spectrum = Lanczos::new()
            .products(products)
            .seed(products as u64)
            .spectrum(&params, |step| (0.5 * step.input(&k) * step.param(x).square()).sum())
            .unwrap();
        for (value, error) in spectrum.values.iter().zip(&spectrum.errors) {
            let nearest = k.iter().map(|k| (k - value).abs()).fold(f64::INFINITY, f64::min);
            assert!(
                nearest <= error * (1.0 + 1e-9) + 1e-9,
                "{products}: {value} ± {error}, the nearest is {nearest} away"
            );
        }
    }
}

#[test]
fn frozen_parameters_do_not_count_for_curvature() {
    let mut params = Params::<f64>::new();
    let (a, b) = (params.add("a", [], || 1.0), params.add("b", [], || 1.0));
    params.freeze(|name| name == "b");
    let found = curvature(&params, |step| step.param(a).square() + 50.0 * step.param(b).square()).unwrap();
    assert_eq!((found.largest, found.smallest, found.size), (2.0, 2.0, 1));
    params.freeze(|_| true);
    let error = curvature(&params, |step| step.param(a).square()).unwrap_err();
    assert!(error.to_string().contains("no parameter that is not frozen"));
}

#[test]
fn a_hessian_that_is_not_finite_is_an_error() {
    let mut params = Params::<f64>::new();
    let x = params.add("x", [2], || 0.0);
    let error = curvature(&params, |step| step.param(x).powf(1.5).sum()).unwrap_err();
    assert!(error.to_string().contains("product with the Hessian"), "{error}");
}

#[test]
fn critical_points_are_told_apart() {
    let classify = |at: [f64; 2], a: f64, b: f64| {
        let mut params = Params::<f64>::new();
        let x = params.add_array("x", &array![at[0], at[1]]);
        classify_critical_point(&params, |step| (step.constant(&array![a, b]) * step.param(x).square()).sum()).unwrap()
    };
    assert_eq!(classify([0.0, 0.0], 1.0, 3.0).kind, Kind::Minimum);
    assert_eq!(classify([0.0, 0.0], -1.0, -3.0).kind, Kind::Maximum);
    assert_eq!(classify([0.0, 0.0], -1.0, 3.0).kind, Kind::Saddle);
    assert_eq!(classify([0.0, 0.0], 0.0, 3.0).kind, Kind::Degenerate);
    assert_eq!(classify([0.1, 0.0], 1.0, 3.0).kind, Kind::NotCritical);
    let saddle = classify([0.0, 0.0], 2.0, -5.0);
    assert!(saddle.direction[0].abs() < 1e-9 && (saddle.direction[1].abs() - 1.0).abs() < 1e-9);
    assert!(saddle.to_string().contains("a saddle"));
}

#[test]
fn convex_losses_have_no_counterexample_and_others_have_a_true_one() {
    // Logistic regression is convex; a network of one hidden layer is not.
    let x = Array2::from_shape_fn((20, 3), |(i, j)| ((7 * i + 3 * j) % 13) as f64 / 6.0 - 1.0);
    let labels: Vec<usize> = (0..20).map(|i| i % 2).collect();
    let mut rng = StdRng::seed_from_u64(7);
    let mut params = Params::<f64>::new();
    let linear = Linear::new(&mut params, "linear", 3, 2, &mut rng);
    let loss = probe_convexity(&params, |step| cross_entropy(linear.forward(step.input(&x)), &labels)).unwrap();
    assert!(loss.counterexample.is_none() && loss.to_string().contains("no counterexample to convexity in 100"));

    let mut params = Params::<f64>::new();
    let mlp = Mlp::new(&mut params, "mlp", &[3, 4, 2], Activation::Tanh, &mut rng);
    let record = |params: &Params<f64>, point: &[f64]| {
        let mut params = params.clone();
        params.flat_mut().copy_from_slice(point);
        let mut tape = Tape::new();
        let step = tape.record(&params);
        cross_entropy(mlp.forward(step.input(&x)), &labels).item()
    };
    let found = Probe::new()
        .radius(2.0)
        .segments(500)
        .run(&params, |step| cross_entropy(mlp.forward(step.input(&x)), &labels))
        .unwrap();
    let shown = found.counterexample.expect("a network is not convex");
    let mix: Vec<_> = shown.a.iter().zip(&shown.b).map(|(a, b)| shown.lambda * a + (1.0 - shown.lambda) * b).collect();
    let chord = shown.lambda * record(&params, &shown.a) + (1.0 - shown.lambda) * record(&params, &shown.b);
    assert!(record(&params, &mix) > chord && (chord - shown.chord).abs() < 1e-12);
}

#[test]
fn a_straight_line_is_convex_in_spite_of_rounding() {
    let mut params = Params::<f32>::new();
    let x = params.add("x", [50], || 3.0);
    let flat = Probe::new().segments(300).run(&params, |step| 1e4 * step.param(x).sum()).unwrap();
    assert!(flat.counterexample.is_none(), "{flat}");
}

#[test]
fn the_noise_of_gradients_is_that_of_the_data() {
    // ½(w − x)² for x from a set of known mean and variance: the gradient of a sample is w − x.
    let x = Array2::from_shape_fn((5000, 2), |(i, j)| ((i * 7919 + j * 104_729) % 1000) as f64 / 100.0);
    let mean = x.mean_axis(ndarray::Axis(0)).unwrap();
    let variance: f64 = x.rows().into_iter().map(|row| (&row - &mean).mapv(|d| d * d).sum()).sum::<f64>() / 5000.0;
    let mut params = Params::<f64>::new();
    let w = params.add("w", [2], || 7.0);
    let squared: f64 = mean.iter().map(|m| (7.0 - m) * (7.0 - m)).sum();
    let mut critical = Vec::new();
    for m in [1, 4, 16] {
        let batches = Batches::of(&x, &x, m).shuffled(3);
        let noise = gradient_noise(&params, batches, 150, |step, x, _| {
            0.5 * (step.param(w) - step.input(x)).square().sum() / x.nrows() as f64
        })
        .unwrap();
        assert!((noise.variance.value - variance).abs() < 4.0 * noise.variance.error, "{m}: {noise} {variance}");
        assert!((noise.squared_gradient.value - squared).abs() < 4.0 * noise.squared_gradient.error, "{m}: {noise}");
        assert!((noise.scale(0.1, 8) - 0.1 / 8.0 * noise.variance.value).abs() < 1e-12);
        critical.push(noise.critical_batch());
    }
    assert!(critical.iter().all(|b| (b / (variance / squared) - 1.0).abs() < 0.5), "{critical:?}");
    let few = gradient_noise(&params, Batches::of(&x, &x, 4), 1, |step, _, _| step.param(w).sum()).unwrap_err();
    assert!(few.to_string().contains("1 pairs of batches, expected at least 2"));
}

#[test]
fn the_range_test_finds_a_stable_rate_and_changes_nothing() {
    let k = array![1.0, 20.0];
    let (params, x) = bowl(&k);
    let rates =
        find_learning_rate(&params, Sgd::new(1.0), |step| (0.5 * step.input(&k) * step.param(x).square()).sum())
            .unwrap();
    assert!(rates.suggestion < 0.1 && rates.suggestion > 1e-3, "{rates}");
    let diverged = rates.diverged.expect("10 is far above 2/L = 0.1");
    assert!(diverged > 0.1 && diverged < 2.0, "{rates}");
    assert_eq!(params.flat(), [1.0, 1.0]);
    let error =
        RangeTest::new().rates(1e-8, 1e-7).run(&params, Sgd::new(1.0), |step| step.param(x).sum() * 0.0).unwrap_err();
    assert!(error.to_string().contains("no rate from 1e-8 to 1e-7 lowers the loss"), "{error}");
}

#[test]
fn the_range_test_works_on_batches() {
    let x = Array2::from_shape_fn((64, 3), |(i, j)| ((5 * i + 7 * j) % 17) as f64 / 8.0 - 1.0);
    let y = x.sum_axis(ndarray::Axis(1)).insert_axis(ndarray::Axis(1));
    let mut params = Params::<f64>::new();
    let line = Linear::new(&mut params, "line", 3, 1, &mut StdRng::seed_from_u64(7));
    let batches = Batches::of(&x, &y, 8).shuffled(5);
    let rates = RangeTest::new()
        .run_batches(&params, Adam::new(1.0), batches, |step, x, y| mse(line.forward(step.input(x)), step.input(y)))
        .unwrap();
    assert!((1e-3..3.0).contains(&rates.suggestion), "{rates}");
    assert_eq!(rates.rates.len(), rates.smoothed.len());
}

fn descend(start: &[f64], k: &[f64], rate: f64, stop: Stop) -> Report<f64> {
    let mut params = Params::new();
    let x = params.add_array("x", &Array1::from(start.to_vec()));
    let k = Array1::from(k.to_vec());
    minimize(|step| (0.5 * step.input(&k) * step.param(x).square()).sum())
        .with(Sgd::new(rate))
        .norms(true)
        .until(stop)
        .run(&mut params)
}

fn symptoms(history: &History) -> Vec<Symptom> {
    diagnose(history).findings.iter().map(|finding| finding.symptom).collect()
}

#[test]
fn runs_that_fail_are_told_what_ails_them() {
    let run = |start: &[f64], k: &[f64], rate, n| symptoms(&descend(start, k, rate, stop::max_iterations(n)).history);
    assert_eq!(run(&[1.0], &[1.0], 2.2, 60)[0], Symptom::Diverging);
    assert_eq!(run(&[1.0], &[1.0], 1e-4, 60), [Symptom::Slow]);
    assert_eq!(run(&[1.0, 1e-9], &[1.0, -1e-3], 0.5, 200)[0], Symptom::Stalled); // beside a saddle
    assert_eq!(run(&[1.0], &[1.0], 0.1, 60), []);
    assert_eq!(run(&[1.0], &[1.0], 0.5, 4), []);
    assert!(diagnose(&descend(&[1.0], &[1.0], 0.5, stop::max_iterations(4)).history).to_string().contains("too few"));
}

#[test]
fn oscillation_is_seen_where_the_sign_of_the_gradient_does_not_shrink() {
    // |x| by steps of 0.3 from 1: it ends going to and fro.
    let mut params = Params::<f64>::new();
    let x = params.add("x", [], || 1.0);
    let report =
        minimize(|step| step.param(x).abs()).with(Sgd::new(0.3)).until(stop::max_iterations(80)).run(&mut params);
    assert!(symptoms(&report.history).contains(&Symptom::Oscillating), "{}", diagnose(&report.history));
}

#[test]
fn saturation_is_a_vanishing_gradient_and_a_cliff_an_exploding_one() {
    let mut params = Params::<f64>::new();
    let x = params.add("x", [], || -2.0);
    // The first step leads far into the flat part of the sigmoid.
    let report = minimize(|step| 1.0 - 0.01 * step.param(x).sigmoid())
        .with(Sgd::new(1e5))
        .norms(true)
        .until(stop::max_iterations(40))
        .run(&mut params);
    assert!(symptoms(&report.history).contains(&Symptom::VanishingGradient), "{}", diagnose(&report.history));

    // A wall at −1: the descent of a gentle slope runs into it again and again.
    let mut params = Params::<f64>::new();
    let x = params.add("x", [], || 1.05);
    let report = minimize(|step| 0.01 * step.param(x) + 1e-3 * (-(step.param(x) + 1.0) * 200.0).exp())
        .with(Sgd::new(10.0))
        .norms(true)
        .until(stop::max_iterations(40))
        .run(&mut params);
    let norms = report.history.gradient_norms();
    let largest = norms.iter().copied().fold(0.0, f64::max);
    assert!(largest > 1000.0, "the run must meet the wall");
    assert!(symptoms(&report.history).contains(&Symptom::ExplodingGradient), "{}", diagnose(&report.history));
}

#[test]
fn overfitting_is_seen_by_validation() {
    let mut params = Params::<f64>::new();
    let x = params.add("x", [], || 0.0);
    let report = minimize(|step| 0.5 * (step.param(x) - 10.0).square())
        .with(Sgd::new(0.1))
        .validate(1, |step| 1.0 + (step.param(x) - 3.0).square())
        .until(stop::max_iterations(30))
        .run(&mut params);
    assert!(symptoms(&report.history).contains(&Symptom::Overfitting), "{}", diagnose(&report.history));
}

#[test]
fn flat_directions_have_no_condition_number_whatever_rounding_says() {
    // Fewer samples than weights: μ is 0, and comes out as ±1e-16.
    for seed in 0..40 {
        let mut rng = StdRng::seed_from_u64(seed);
        let x = Array2::from_shape_fn((4, 8), |_| rand::RngExt::random_range(&mut rng, -1.0..1.0));
        let mut params = Params::<f64>::new();
        let w = params.add("w", [8, 1], || 0.1);
        let found = Lanczos::new()
            .products(8)
            .curvature(&params, |step| 0.5 * step.input(&x).matmul(step.param(w)).square().sum())
            .unwrap();
        assert_eq!(found.condition(), None, "{found}");
        assert!(found.smallest.abs() <= found.smallest_error, "{found}");
    }
}

#[test]
fn what_is_not_resolved_is_said_to_be() {
    let k = Array1::from_iter((0..500).map(|i| 10.0_f64.powf(-3.0 * f64::from(i) / 499.0)));
    let (params, x) = bowl(&k);
    let found = Lanczos::new()
        .products(15)
        .curvature(&params, |step| (0.5 * step.input(&k) * step.param(x).square()).sum())
        .unwrap();
    assert_eq!(found.condition(), None);
    assert!(found.to_string().contains("not told from 0 by these products"), "{found}");
}

#[test]
fn critical_points_do_not_depend_on_the_scale_of_the_loss() {
    for scale in [1e-9, 1.0, 1e9] {
        let classify = |start: f64| {
            let mut params = Params::<f64>::new();
            let x = params.add("x", [], || start);
            classify_critical_point(&params, |step| scale * (step.param(x) - 5.0).square()).unwrap().kind
        };
        assert_eq!((classify(0.0), classify(5.0)), (Kind::NotCritical, Kind::Minimum), "{scale}");
    }
}

#[test]
fn range_tests_prepare_rules_that_look_ahead_and_refuse_schedules() {
    let (params, x) = bowl(&array![1.0, 10.0]);
    let test = |optimizer: Box<dyn Optimizer<f64>>| {
        find_learning_rate(&params, optimizer, |step| (step.constant(&array![0.5, 5.0]) * step.param(x).square()).sum())
    };
    assert!(test(Box::new(NesterovLookahead::new(0.1))).unwrap().suggestion < 0.2);
    let error = test(Box::new(Sgd::new(0.1).schedule(schedule::Linear::new(10)))).unwrap_err();
    assert!(error.to_string().contains("without its schedule"), "{error}");
}

#[test]
fn a_run_that_has_arrived_is_not_slow() {
    let mut params = Params::<f64>::new();
    let x = params.add("x", [], || 1.0);
    let report = minimize(|step| step.param(x).square() + 1.0)
        .with(Sgd::new(0.1))
        .until(stop::gradient_norm(1e-8))
        .run(&mut params);
    assert_eq!(symptoms(&report.history), [], "{}", diagnose(&report.history));
}

#[test]
fn segments_that_are_not_finite_are_no_evidence() {
    let mut params = Params::<f64>::new();
    let x = params.add("x", [], || 1e-3);
    // ln x² is defined but at 0, √(1e-6 − (x − 0.001)²) next to nowhere.
    let error = probe_convexity(&params, |step| (1e-12 - (step.param(x) - 1e-3).square()).sqrt()).unwrap_err();
    assert!(error.to_string().contains("not finite at an end of each of 100 segments"), "{error}");
}
