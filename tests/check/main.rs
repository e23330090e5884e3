//! The gradient check itself: what it confirms, what it refuses, and what it says.

use gradus::check::Verdict;
use gradus::prelude::*;
use ndarray::ArrayViewD;
use rand::RngExt;
use std::sync::Arc;

mod alarms;
mod explain;
mod families;
mod held;
mod hints;
mod kinks;
mod large;
mod modes;
mod ops;
mod panicking;
#[path = "../support/panics.rs"]
mod panics;
mod planted;
mod programs;
mod saturated;
mod slips;
mod structure;
mod taylor;

use panics::assert_panics;

/// x·k, whose derivative claims k·`factor` for one element and k for the others.
struct Slip {
    factor: f64,
    element: usize,
}

impl<T: Real> CustomOp<T> for Slip {
    fn name(&self) -> &'static str {
        "slip"
    }

    fn shape(&self, inputs: &[Shape]) -> Shape {
        inputs[0]
    }

    fn eval(&self, inputs: &[ArrayViewD<'_, T>], out: &mut [T]) {
        out.iter_mut().zip(&inputs[0]).for_each(|(y, &x)| *y = x * T::of(3.0));
    }

    fn vjp<'t>(&self, x: &[Var<'t, T>], _: Var<'t, T>, c: Var<'t, T>) -> Vec<Cotangent<'t, T>> {
        let mut weights = ArrayD::from_elem(&x[0].shape()[..], T::of(3.0));
        let wrong = weights.iter_mut().nth(self.element).unwrap();
        *wrong *= T::of(self.factor);
        vec![(c * c.constant(&weights)).into()]
    }
}

fn slip<T: Real>(factor: f64, element: usize) -> Arc<dyn CustomOp<T>> {
    Arc::new(Slip { factor, element })
}

#[test]
fn the_report_of_a_failure_to_the_letter() {
    let op = slip::<f64>(2.0, 3);
    let x = array![[1.0, 2.0], [3.0, 4.0]];
    let report = check::gradients(|v| (v[0].custom(op.clone(), &[v[0]]) * v[1]).sum(), &[&x, &array![0.5]]).report();
    let failure = &report.failures[0];
    let line = |k: usize| {
        let input = &report.inputs[k];
        format!("{:>13.2e}  {:>13.2e}  {:>9.6}", input.max_absolute_error, input.max_relative_error, input.cosine)
    };
    let (first, second) = (line(0), line(1));
    let (numeric, error) = (failure.numeric, failure.error);
    let expected = format!(
        "\
gradient check failed: 1 of 5 elements wrong (f64, tolerance 1e-6)
  input    order           shape  checked  failed  max abs error  max rel error     cosine
  input 0      1          [2, 2]        4       1  {first}
  input 1      1             [1]        1       0  {second}
  deterministic, the same when recorded again, linear in the cotangent, the same when used twice
  hint: input 0: 2 times what it should be: a factor ½ is missing, or something is counted twice; 2 is the length of \
         axis 0 of `input 0`: a factor 1/n is missing, or a sum is taken twice
  verdict       element                  analytic            numeric         ±      ratio
  mismatch      input 0 [1, 1]  {:>17.10e}  {numeric:>17.10e}  {error:>8.1e}   2.000000
",
        3.0
    );
    assert_eq!(report.to_string(), expected);
    assert_eq!((&failure.input[..], &failure.index[..], failure.order), ("input 0", "[1, 1]", 1));
    assert_eq!(failure.verdict, Verdict::Mismatch);
    assert!((failure.ratio() - 2.0).abs() < 1e-9 && (failure.numeric - 1.5).abs() < 1e-9 && failure.analytic == 3.0);
}

#[test]
#[should_panic(expected = "gradient check failed: 1 of 2 elements wrong")]
fn assert_panics_with_the_report() {
    let op = slip::<f64>(-1.0, 0);
    check::gradients(|v| v[0].custom(op.clone(), &[v[0]]), &[&array![1.0, 2.0]]).assert();
}

#[test]
fn many_failures_are_listed_worst_first_and_cut_off() {
    let report = check::gradients(|v| (v[0] * v[0].detach()).sum(), &[&Array1::linspace(1.0, 3.0, 14)]).report();
    assert_eq!((report.failures.len(), report.checked()), (14, 14));
    assert!(report.to_string().ends_with("… and 4 more\n"), "{report}");
    assert!(report.failures.iter().all(|failure| (failure.ratio() - 0.5).abs() < 1e-6));
}

#[test]
fn small_slips_are_seen_and_tiny_ones_are_allowed() {
    let failed = |factor: f64| {
        let op = slip::<f64>(factor, 1);
        let report = check::gradients(|v| v[0].custom(op.clone(), &[v[0]]).tanh(), &[&array![0.1, 0.2, 0.3]]).report();
        !report.passed()
    };
    assert!(failed(1.0 + 1e-5));
    assert!(!failed(1.0 + 1e-8));
}

#[test]
fn f32_has_a_rule_of_its_own() {
    let x = array![[0.3_f32, -0.7, 1.9], [2.1, -1.4, 0.2]];
    let labels = [2, 0];
    check::gradients(|v| cross_entropy(v[0] * 2.0, labels), &[&x]).assert();
    check::gradients(|v| (v[0].tanh() * v[0].gelu()).matmul(v[0].t().exp()).sum(), &[&x]).order(2).assert();
    check::gradients(|v| v[0].powi(3).sum(), &[&array![100.0_f32, 0.01]]).assert();
    let op = slip::<f32>(1.05, 4);
    let report = check::gradients(|v| v[0].custom(op.clone(), &[v[0]]).sigmoid(), &[&x]).report();
    assert_eq!(report.failures.len(), 1, "{report}");
    assert!(report.to_string().contains("(f32, tolerance 5e-3)"));
}

#[test]
fn points_of_all_sizes() {
    // Steps are relative: neither 1e8 nor 1e-8 drowns in them.
    let x = array![1e8, 1e4, 1.0, 1e-4];
    check::gradients(|v| (v[0].ln() + v[0].sqrt()).sum(), &[&x]).assert();
    check::gradients(|v| v[0].square().sum() * 1e-20, &[&array![1.0, -2.0]]).assert();
    check::gradients(|v| v[0].square().sum() * 1e20, &[&array![1.0, -2.0]]).assert();
    let op = slip::<f64>(1.1, 0);
    let report = check::gradients(|v| v[0].custom(op.clone(), &[v[0]]) * 1e-20, &[&array![1e6, 3.0]]).report();
    assert_eq!(report.failures.len(), 1, "{report}");
}

#[test]
fn kinks_beside_the_point_are_avoided_and_at_the_point_reported() {
    for distance in [1e-2, 1e-3, 1e-4, 1e-5] {
        let report =
            check::gradients(|v| v[0].relu().sum() + v[0].abs().sum(), &[&array![distance, -distance]]).report();
        assert!(report.passed(), "{distance}: {report}");
    }
    let report = check::gradients(|v| v[0].abs().sum(), &[&array![0.0, 1.0]]).report();
    // By symmetry the differences agree on 0 at the kink itself; relu's don't agree with the slope 0 that is its rule.
    assert!(report.passed());
    let report = check::gradients(|v| v[0].relu().sum(), &[&array![0.0, 1.0]]).report();
    assert_eq!(report.failures.len(), 1, "{report}");
    assert!(
        report.to_string().starts_with("gradient check failed: 0 of 2 elements wrong, 1 at a kink (f64"),
        "{report}"
    );
    let failure = &report.failures[0];
    assert!((failure.numeric - 0.5).abs() < 1e-6);
    assert_eq!((failure.verdict, failure.apart), (Verdict::Kink, true), "{report}");
    let kink = failure.kink.as_deref().unwrap();
    assert!(kink.starts_with("`relu` [0] at tests/check/main.rs:") && kink.contains(" takes another branch within "));
    assert!(report.to_string().ends_with("help: move the point off the kink, or accept it with `allow_kinks()`\n"));
    // What lies outside of both slopes is wrong, kink or not.
    let below = check::gradients(|v| v[0].abs().sum() - 3.0 * v[0].sum() + 3.0 * v[0].detach().sum(), &[&array![0.0]]);
    let report = below.report();
    assert_eq!(report.failures[0].verdict, Verdict::Mismatch, "{report}");
}

#[test]
fn what_is_not_finite_is_said() {
    let report = check::gradients(|v| v[0].sqrt().sum(), &[&array![0.0, 4.0]]).report();
    assert_eq!(report.failures.len(), 1);
    assert_eq!(report.failures[0].verdict, Verdict::NotFinite);
    let text = report.to_string();
    assert!(text.contains("1 of 2 elements wrong (") && text.contains("  not finite    input [0] "), "{report}");
    assert!(
        text.ends_with("  help: where a derivative is not finite, there is nothing to compare; move the point\n"),
        "{text}"
    );
}

#[test]
fn jumps_are_inconclusive_or_wrong_but_never_right() {
    let report = check::gradients(|v| (v[0] + v[0].floor()).sum(), &[&array![2.0]]).report();
    assert!(!report.passed(), "{report}");
}

#[test]
#[should_panic(expected = "nothing to check, no input has an element")]
fn nothing_to_check_is_no_success() {
    check::gradients(|v| v[0].sum(), &[&Array1::<f64>::zeros(0)]).assert();
}

#[test]
fn why_there_is_nothing_to_check_is_said() {
    let (mut params, layers) = network(5);
    params.freeze(|_| true);
    let frozen = check::model(&params, |step| step.param(layers[0].0).square().sum()).report();
    assert!(frozen.to_string().contains("nothing to check, all 4 parameters are frozen"), "{frozen}");
    let none = check::model(&Params::<f64>::new(), |step| step.scalar(1.0)).report();
    assert!(none.to_string().contains("nothing to check, the store has no parameters"), "{none}");
    let directions = check::gradients(|v| v[0].sum(), &[&array![1.0]]).directions(0).report();
    assert!(directions.to_string().contains("nothing to check, 0 directions were asked for"), "{directions}");
    let mut tape = Tape::new();
    let step = tape.record(&params);
    let inputs = (step.input(&[1.0, 2.0]).sum() + step.param(layers[0].0).sum()).check().report();
    assert!(inputs.to_string().contains("no `variable` and no parameter that is not frozen"), "{inputs}");
    for report in [frozen, none, directions, inputs] {
        assert!(!report.passed() && report.to_string().contains("\n  help: a check needs an input "), "{report}");
    }
}

#[test]
fn what_the_loss_does_not_reach_is_named() {
    let (params, layers) = network(6);
    let part = check::model(&params, |step| step.param(layers[1].0).square().sum() + step.param(layers[0].1).sum());
    let report = part.order(2).report();
    assert!(report.passed(), "{report}");
    let named = "  not reached, so the derivative is 0: layer.0.weight, layer.1.bias\n";
    assert!(report.to_string().contains(named), "{report}");
    let reached: Vec<_> = report.inputs[..4].iter().map(|input| input.reached).collect();
    assert_eq!(reached, [false, true, true, false]);
    // A derivative of 0 is not the same: a value depends on all of them.
    let all = check::model(&params, |step| {
        layers.iter().map(|l| step.param(l.0).ge(9.0).sum() + step.param(l.1).sum()).sum()
    });
    assert!(!all.report().to_string().contains("not reached"));
    let nothing = check::model(&params, |step| step.scalar(2.0).square()).report();
    assert!(!nothing.passed());
    assert!(nothing.to_string().starts_with("gradient check failed"), "{nothing}");
    assert!(nothing.to_string().contains("depends on none of its inputs"), "{nothing}");
}

#[test]
fn impossible_settings_are_refused() {
    let check = || check::gradients(|v| v[0].sum(), &[&array![1.0]]);
    for tolerance in [f64::NAN, f64::INFINITY, -1e-6, 0.0, 1.0] {
        let message = format!("check: tolerance {tolerance}, expected one above 0 and below 1");
        assert_panics(&message, || check().tolerance(tolerance));
    }
    assert_panics("check: order 0, expected at least 1", || check().order(0));
    let message = "check: training: a recording is checked as it stands\n  help: record it with `tape.train`";
    assert_panics(message, || {
        drop(Tape::new().record(&Params::<f64>::new()).variable(&[1.0]).sum().check().training(1));
    });
}

#[test]
fn an_empty_input_beside_others_is_fine() {
    check::gradients(|v| v[0].sum() + v[1].exp().sum(), &[&Array1::<f64>::zeros(0), &array![1.0]]).assert();
}

#[test]
fn directions_cost_the_same_for_any_size_and_repeat_by_seed() {
    let x = Array1::from_shape_fn(2000, |i| (i as f64 * 0.37).sin());
    let calls = std::cell::Cell::new(0);
    let report = check::gradients(
        |v| {
            calls.set(calls.get() + 1);
            v[0].tanh().square().sum()
        },
        &[&x],
    )
    .directions(3)
    .seed(5)
    .report();
    assert!(report.passed() && report.checked() == 3, "{report}");
    assert!(calls.get() < 3 * 40, "{} evaluations", calls.get());
    assert!(report.to_string().contains("of 3 directions wrong"));

    let op = slip::<f64>(1.5, 1234);
    let failing = |seed| {
        let check = check::gradients(|v| v[0].custom(op.clone(), &[v[0]]), &[&x]).directions(3).seed(seed);
        check.report().to_string()
    };
    assert!(failing(1).contains("mismatch      input [1234] "));
    assert_eq!(failing(1), failing(1));
    assert_ne!(failing(1), failing(2));
}

fn network(seed: u64) -> (Params<f64>, Vec<(Param, Param)>) {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut params = Params::new();
    let layers = [(4, 5), (5, 3)].iter().enumerate().map(|(i, &(n, m))| {
        let w = params.add(&format!("layer.{i}.weight"), [n, m], || rng.random_range(-1.0..1.0));
        let b = params.add(&format!("layer.{i}.bias"), [m], || rng.random_range(-0.1..0.1));
        (w, b)
    });
    let layers = layers.collect();
    (params, layers)
}

fn forward<'t>(layers: &[(Param, Param)], x: Var<'t, f64>) -> Var<'t, f64> {
    layers.iter().fold(x, |h, &(w, b)| h.tanh().affine(h.param(w), h.param(b)))
}

#[test]
fn a_model_by_name() {
    let (mut params, layers) = network(1);
    let images = Array2::from_shape_fn((6, 4), |(i, j)| ((i * 4 + j) as f64 * 0.7).sin());
    let labels = vec![0, 1, 2, 2, 1, 0];
    let report =
        check::model(&params, |step| cross_entropy(forward(&layers, step.input(&images)), &labels)).order(2).report();
    assert!(report.passed(), "{report}");
    let names: Vec<_> = report.inputs.iter().map(|input| (&input.name[..], input.order)).collect();
    assert_eq!(names[..3], [("layer.0.weight", 1), ("layer.0.bias", 1), ("layer.1.weight", 1)]);
    assert_eq!(names.len(), 8);
    // The store itself is left as it was, and frozen tensors are not checked.
    let before = params.flat().to_vec();
    params.freeze(|name| name.ends_with("bias"));
    let report = check::model(&params, |step| cross_entropy(forward(&layers, step.input(&images)), &labels)).report();
    assert!(report.inputs.iter().all(|input| input.name.ends_with("weight")) && report.inputs.len() == 2);
    assert_eq!(params.flat(), before);
}

#[test]
fn a_wrong_model_names_the_parameter() {
    let (params, layers) = network(2);
    let images = Array2::from_elem((2, 4), 0.5);
    let report = check::model(&params, |step| {
        let h = step.input(&images).affine(step.param(layers[0].0).detach(), step.param(layers[0].1));
        h.tanh().affine(step.param(layers[1].0), step.param(layers[1].1)).square().sum()
    })
    .report();
    assert!(report.failures.iter().all(|failure| failure.input == "layer.0.weight"), "{report}");
    assert_eq!(report.failures.len(), 20);
}

#[test]
fn training_mode_can_be_checked_with_a_seed() {
    let (params, layers) = network(3);
    let images = Array2::from_elem((2, 4), 0.5);
    let dropped = |step: Step<'_, '_, f64>| step.recorder().next_seed().is_some();
    let seen = std::cell::Cell::new(false);
    check::model(&params, |step| {
        seen.set(dropped(step));
        let x = step.input(&images);
        let x = step.recorder().next_seed().map_or(x, |seed| x.dropout(0.5, seed));
        forward(&layers, x).square().sum()
    })
    .training(9)
    .assert();
    assert!(seen.get());
}

#[test]
fn a_function_can_be_checked_in_training() {
    let seen = std::cell::Cell::new(false);
    let checked = check::gradients(
        |v| {
            seen.set(v[0].recording().is_training());
            v[0].square().sum()
        },
        &[&array![1.0]],
    );
    checked.training(4).assert();
    assert!(seen.get());
}

#[test]
fn a_recording_without_a_closure() {
    let (params, layers) = network(4);
    let images = Array2::from_shape_fn((3, 4), |(i, j)| (i as f64 - j as f64) * 0.3);
    let mut tape = Tape::new();
    let step = tape.record(&params);
    let x = step.variable(&images);
    let loss = forward(&layers, x).square().mean();
    let before = loss.item();
    let report = loss.check().order(2).report();
    assert!(report.passed(), "{report}");
    assert_eq!(report.checked(), 2 * (12 + 20 + 5 + 15 + 3));
    assert_eq!(loss.item(), before);
    // Wrong for one element of the variable.
    let op = slip::<f64>(0.5, 7);
    let report = x.custom(op, &[x]).tanh().sum().check().report();
    assert_eq!(report.failures.len(), 1);
    assert_eq!(report.failures[0].index, "[1, 3]");
    assert!(report.failures[0].input.starts_with("variable %"));
}

#[test]
fn results_of_any_shape_are_weighted() {
    // A wrong sign in half of the results would cancel in a plain sum.
    struct Cancel;
    impl CustomOp<f64> for Cancel {
        fn shape(&self, inputs: &[Shape]) -> Shape {
            inputs[0]
        }
        fn eval(&self, inputs: &[ArrayViewD<'_, f64>], out: &mut [f64]) {
            out.iter_mut().zip(&inputs[0]).for_each(|(y, &x)| *y = x);
        }
        fn vjp<'t>(&self, _: &[Var<'t, f64>], _: Var<'t, f64>, c: Var<'t, f64>) -> Vec<Cotangent<'t, f64>> {
            vec![c.flip(0).into()]
        }
    }
    let op: Arc<dyn CustomOp<f64>> = Arc::new(Cancel);
    let report = check::gradients(|v| v[0].custom(op.clone(), &[v[0]]), &[&array![1.0, 2.0]]).report();
    assert_eq!(report.failures.len(), 2, "{report}");
    let report = check::gradients(|v| v[0].custom(op.clone(), &[v[0]]).sum(), &[&array![1.0, 2.0]]).report();
    assert!(report.passed(), "a plain sum can't see it");
}
