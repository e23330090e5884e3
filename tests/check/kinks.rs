//! Kinks are read from the tape: what chooses, where, and how near.

use gradus::check::{self, Report, Verdict};
use gradus::nn::loss;
use gradus::prelude::*;
use ndarray::ArrayViewD;
use std::sync::Arc;

type Function = for<'v, 't> fn(&'v [Var<'t, f64>]) -> Var<'t, f64>;

fn report(f: Function, x: &[f64]) -> Report {
    check::gradients(f, &[&Array1::from(x.to_vec())]).report()
}

#[test]
fn every_op_that_chooses_tells_so() {
    // Each at a point where it has a kink or a jump and a derivative that is not the mean of both sides.
    let cases: [(&str, Function, f64); 19] = [
        ("relu", |v| v[0].relu(), 0.0),
        ("leaky_relu", |v| v[0].leaky_relu(0.1), 0.0),
        ("elu", |v| v[0].elu(0.5), 0.0),
        ("selu", |v| v[0].selu(), 0.0),
        ("hard_tanh", |v| v[0].hard_tanh(), 1.0),
        ("hard_sigmoid", |v| v[0].hard_sigmoid(), -3.0),
        ("hard_swish", |v| v[0].hard_swish(), 3.0),
        ("abs", |v| (v[0].abs() + v[0] * 0.3).relu(), 0.0),
        ("sign", |v| v[0] + v[0].sign(), 0.0),
        ("floor", |v| v[0] + v[0].floor(), 2.0),
        ("ceil", |v| v[0] + v[0].ceil(), 2.0),
        ("round", |v| v[0] + v[0].round(), 0.5),
        ("clamp", |v| v[0].clamp(-1.0, 2.0), 2.0),
        ("gt", |v| v[0].gt(1.0).select(v[0], v[0] * 3.0 - 2.0), 1.0),
        ("maximum", |v| (v[0].maximum(1.0) - 1.0).relu(), 1.0),
        ("minimum", |v| (v[0].minimum(0.0) * -1.0).relu(), 0.0),
        ("max", |v| concat(&[v[0] * 3.0, v[0]], 0).max().relu(), 0.0),
        ("norm", |v| v[0].norm() + v[0].relu().sum(), 0.0),
        ("argmax", |v| concat(&[v[0], v[0] * -1.0], 0).argmax(0) + v[0], 0.0),
    ];
    for (name, f, x) in cases {
        let report = report(f, &[x]);
        assert_eq!(report.failures.len(), 1, "{name}: {report}");
        let failure = &report.failures[0];
        assert_eq!(failure.verdict, Verdict::Kink, "{name}: {report}");
        let kink = failure.kink.as_deref().unwrap();
        assert!(
            kink.starts_with(&format!("`{name}` ")) && kink.contains(" at tests/check/kinks.rs:"),
            "{name}: {kink}"
        );
    }
}

#[test]
fn the_instruction_is_named_with_its_element_and_distance() {
    let report = report(|v| (v[0] * 2.0).exp() + v[0].relu(), &[0.7, 0.0, -0.3]);
    assert_eq!(report.failures.len(), 1, "{report}");
    let failure = &report.failures[0];
    assert_eq!((failure.verdict, &failure.index[..]), (Verdict::Kink, "[1]"), "{report}");
    let kink = failure.kink.as_deref().unwrap();
    assert!(kink.starts_with("`relu` [1] at tests/check/kinks.rs:"), "{kink}");
    assert!(report.to_string().contains("0 of 3 elements wrong, 1 at a kink"), "{report}");
}

#[test]
fn losses_with_corners_are_kinks_at_their_corners() {
    let zero = report(|v| loss::mae(v[0], v[0].constant(&array![0.0, 1.0])) + v[0].sum() * 0.1, &[0.0, 3.0]);
    // The slope 0 of abs at 0 is the mean of both sides.
    assert!(zero.passed(), "{zero}");
    let hinge = report(|v| loss::hinge(v[0], v[0].constant(&array![1.0, 1.0])), &[1.0, 3.0]);
    assert_eq!(hinge.failures.len(), 1, "{hinge}");
    assert_eq!(hinge.failures[0].verdict, Verdict::Kink, "{hinge}");
    // The slope of huber is continuous.
    let huber = report(|v| loss::huber(v[0], v[0].constant(&array![0.0, 0.0]), 1.0), &[1.0, 3.0]);
    assert!(huber.passed(), "{huber}");
}

#[test]
fn a_kink_beside_the_point_hides_nothing() {
    // Wide steps meet the kink; narrower ones confirm what is right and exclude what is wrong.
    for distance in [1e-3, 1e-5, 1e-7] {
        let right = report(|v| v[0].relu() + v[0].tanh(), &[distance, -distance, 1.0]);
        assert!(right.passed(), "{distance}: {right}");
        let wrong = report(|v| v[0].relu() + v[0].tanh() * 2.0 - v[0].tanh().detach(), &[distance, -distance, 1.0]);
        let found: Vec<_> = wrong.failures.iter().map(|failure| failure.verdict).collect();
        assert_eq!(found, [Verdict::Mismatch; 3], "{distance}: {wrong}");
    }
}

#[test]
fn what_lies_outside_of_both_slopes_is_wrong_at_a_kink_too() {
    let report = report(|v| v[0].relu() - (v[0] * 3.0 - (v[0] * 3.0).detach()), &[0.0]);
    assert_eq!(report.failures[0].verdict, Verdict::Mismatch, "{report}");
}

#[test]
fn allowed_kinks_pass_and_are_listed_and_nothing_else_passes_with_them() {
    let x = array![0.0, 0.5, -0.2];
    let relu = check::gradients(|v| v[0].relu().sum(), &[&x]).allow_kinks().report();
    assert!(relu.passed() && relu.failures.len() == 1, "{relu}");
    assert!(relu.to_string().starts_with("gradient check passed: 0 of 3 elements wrong, 1 at a kink"), "{relu}");
    let wrong = check::gradients(|v| (v[0].relu() * v[0].detach()).sum(), &[&x]).allow_kinks().report();
    assert!(!wrong.passed(), "{wrong}");
    // Nothing but kinks confirms nothing.
    let only = check::gradients(|v| v[0].relu().sum(), &[&array![0.0]]).allow_kinks().report();
    assert!(!only.passed(), "{only}");
}

#[test]
fn a_program_that_takes_another_turn_is_a_kink() {
    let report = report(|v| if v[0].sum().item() > 1.0 { v[0] * 2.0 } else { v[0] }, &[0.25, 0.75]);
    assert!(report.failures.iter().all(|failure| failure.verdict == Verdict::Kink), "{report}");
    assert!(report.failures[0].kink.as_deref().unwrap().starts_with("the program takes another branch"), "{report}");
}

#[test]
fn kinks_of_a_recording_are_read_again() {
    let params = Params::<f64>::new();
    let mut tape = Tape::new();
    let step = tape.record(&params);
    let loss = step.variable(&[0.0, 1.0, 0.0]).relu().sum();
    let report = loss.check().report();
    let found: Vec<_> = report.failures.iter().map(|failure| (failure.verdict, &failure.index[..])).collect();
    assert_eq!(found, [(Verdict::Kink, "[0]"), (Verdict::Kink, "[2]")], "{report}");
}

/// The ramp, as an op that the tape can't look into.
struct Hidden;

impl CustomOp<f64> for Hidden {
    fn shape(&self, inputs: &[Shape]) -> Shape {
        inputs[0]
    }

    fn eval(&self, inputs: &[ArrayViewD<'_, f64>], out: &mut [f64]) {
        out.iter_mut().zip(&inputs[0]).for_each(|(y, &x)| *y = x.max(0.0));
    }

    fn vjp<'t>(&self, x: &[Var<'t, f64>], _: Var<'t, f64>, c: Var<'t, f64>) -> Vec<Cotangent<'t, f64>> {
        vec![x[0].gt(0.0).select(c, 0.0).into()]
    }
}

#[test]
fn a_kink_inside_of_a_custom_op_is_inconclusive_and_said_to_be_seen() {
    let op: Arc<dyn CustomOp<f64>> = Arc::new(Hidden);
    let report = check::gradients(|v| v[0].custom(op.clone(), &[v[0]]).sum(), &[&array![0.0, 1.0]]).report();
    let failure = &report.failures[0];
    assert_eq!(
        (failure.verdict, failure.apart, failure.kink.is_none()),
        (Verdict::Inconclusive, true, true),
        "{report}"
    );
    assert!(report.to_string().contains("(the slopes to both sides differ)"), "{report}");
}

gradus::pointwise! {
    /// 0 below 0, x above.
    fn ramp(x) = if x > 0.0 { x } else { 0.0 * x };
    /// As smooth as it could be, though it is computed by cases.
    fn smooth(x) = if x > 0.0 { x.softplus() } else { x + (-x).softplus() };
}

#[test]
fn branches_of_formulas_are_read_too() {
    let report = check::gradients(|v| ramp(v[0]).sum(), &[&array![0.0, 1.0]]).report();
    assert_eq!((report.failures.len(), report.failures[0].verdict), (1, check::Verdict::Kink), "{report}");
    assert!(report.to_string().contains("`ramp` [0] at tests/check/kinks.rs"), "{report}");
    check::gradients(|v| smooth(v[0]), &[&array![0.0, 1e-9, -1.0]]).order(2).assert();
    check::gradients(|v| ramp(v[0]), &[&array![1e-4, -1e-5]]).assert();
}
