//! Samples and directions.

use gradus::check::{self, Report, Slip, Verdict};
use gradus::prelude::*;
use std::cell::Cell;

use super::slips::off;

fn indices(report: &Report) -> Vec<&str> {
    report.failures.iter().map(|failure| &failure.index[..]).collect()
}

#[test]
fn a_sample_is_drawn_by_seed_for_each_input() {
    let (x, y) = (Array1::from_shape_fn(500, |i| (i as f64 * 0.37).sin()), array![0.3, 0.4]);
    let op = off::<f64>(2.0, None);
    let report = |seed| {
        let check = check::gradients(|v| (v[0].custom(op.clone(), &[v[0]]) * v[1].sum()).sum(), &[&x, &y]);
        check.sample(5).seed(seed).report()
    };
    let first = report(1);
    assert_eq!((first.inputs[0].checked, first.inputs[1].checked, first.failures.len()), (5, 2, 5), "{first}");
    assert_eq!(indices(&first), indices(&report(1)));
    assert_ne!(indices(&first), indices(&report(2)));
    assert!(check::gradients(|v| v[0].sin().sum(), &[&x]).sample(7).report().passed());
    let none = check::gradients(|v| v[0].sin().sum(), &[&x]).sample(0).report();
    assert!(!none.passed() && none.to_string().contains("a sample of 0 elements was asked for"), "{none}");
}

#[test]
fn directions_bisect_to_the_parameter_and_the_element() {
    let mut params = Params::<f64>::new();
    let mut numbers = StdRng::seed_from_u64(1);
    let mlp = Mlp::new(&mut params, "mlp", &[6, 20, 4], Activation::Tanh, &mut numbers);
    let scale = params.add("scale", [300], || 0.5);
    let x = Array2::from_shape_fn((5, 6), |(i, j)| ((i * 6 + j) as f64).sin());
    let calls = Cell::new(0);
    let run = |element: Option<usize>, factor: f64| {
        let op = off::<f64>(factor, element);
        calls.set(0);
        let check = check::model(&params, |step| {
            calls.set(calls.get() + 1);
            let scale = step.param(scale);
            let scale = scale.custom(op.clone(), &[scale]);
            cross_entropy(mlp.forward(step.input(&x)), [0, 1, 2, 3, 0]) + (scale.exp() * scale).mean()
        });
        check.directions(2).report()
    };
    assert!(run(None, 1.0).passed());
    let right = calls.get();
    let report = run(Some(217), -1.0);
    let found: Vec<_> = report.failures.iter().map(|f| (&f.input[..], &f.index[..], f.verdict)).collect();
    assert_eq!(found, [("scale", "[217]", Verdict::Mismatch)], "{report}");
    let scale = report.inputs.iter().find(|input| input.name == "scale").unwrap();
    assert_eq!((scale.checked, scale.failed), (2, 2), "{report}");
    assert_eq!(scale.hint.as_ref().and_then(|hint| hint.slip.clone()), Some(Slip::Sign), "{report}");
    // Twice log₂ 300 directions more, not 300 elements.
    assert!(calls.get() - right < 1500, "{} and {right} evaluations", calls.get());
    // Where everything is wrong, a few elements do.
    let report = run(None, 2.0);
    assert!(report.failures.len() == 10 && report.failures.iter().all(|f| (f.ratio() - 2.0).abs() < 1e-5), "{report}");
}

#[test]
fn a_direction_without_a_wrong_part_stands_for_itself() {
    // Too little for each element, enough for all: every derivative is off by as much as the tolerance lets pass.
    let op = off::<f64>(1.0 + 3e-6, None);
    let x = Array1::from_shape_fn(4, |i| 0.5 + 0.1 * i as f64);
    let check = |tolerance| {
        let check = check::gradients(|v| v[0].custom(op.clone(), &[v[0]]).square().sum(), &[&x]);
        check.directions(1).tolerance(tolerance).report()
    };
    assert!(check(1e-5).passed());
    let report = check(1e-6);
    assert!(!report.passed() && report.failures.iter().all(|f| f.verdict == Verdict::Mismatch), "{report}");
}

#[test]
fn taylor_steps_back_into_the_domain_and_needs_something_to_check() {
    for seed in 0..40 {
        check::gradients(|v| v[0].sqrt().sum(), &[&array![0.3, 2.0]]).seed(seed).taylor().assert();
    }
    assert!(!check::gradients(|v| v[0].sum(), &[&ArrayD::<f64>::zeros(vec![0])]).taylor().passed());
    assert!(!check::gradients(|v| v[0].detach().sum(), &[&array![1.0]]).taylor().passed());
    let outside = check::gradients(|v| v[0].ln().sum(), &[&array![-1.0]]).taylor();
    assert!(!outside.passed() && outside.to_string().contains("ln"), "{outside}");
}
