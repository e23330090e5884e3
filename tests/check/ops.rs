//! `check::op`: an op at all shapes, layouts and edges.

use gradus::check::{self, Outcome};
use gradus::prelude::*;
use ndarray::ArrayViewD;
use std::sync::Arc;

use super::panics::assert_panics;
use super::planted::Planted;

fn planted(op: Planted) -> Arc<dyn CustomOp<f64>> {
    Arc::new(op)
}

fn product(x: &[ArrayViewD<'_, f64>]) -> ArrayD<f64> {
    &x[0] * &x[1]
}

#[test]
fn right_ops_pass_everywhere() {
    check::op(1, |v: &[Var<'_, f64>]| v[0].sigmoid()).assert();
    check::op(1, |v: &[Var<'_, f64>]| v[0].relu()).kinks(&[0.0]).assert();
    check::op(1, |v: &[Var<'_, f64>]| v[0].sqrt()).domain(0, 0.0..4.0).assert();
    check::op(1, |v: &[Var<'_, f32>]| v[0].tanh()).assert();
    check::op(2, |v: &[Var<'_, f64>]| v[0] * v[1]).assert();
    check::op(2, |v: &[Var<'_, f64>]| v[0] / v[1]).domain(1, 0.5..3.0).assert();
    check::op(3, |v: &[Var<'_, f64>]| v[0].affine(v[1], v[2])).shapes(&[&[&[4, 3], &[3, 2], &[2]]]).assert();
    check::op(1, |v: &[Var<'_, f64>]| v[0].softmax(-1)).shapes(&[&[&[3]], &[&[2, 3]], &[&[2, 1]], &[&[2, 0]]]).assert();
    let op = planted(Planted {
        shape: |inputs| inputs[0].broadcast(&inputs[1]).expect("shapes that broadcast"),
        eval: product,
        vjp: |x, _, c| vec![(c * x[1]).into(), (c * x[0]).into()],
    });
    check::op(2, |v: &[Var<'_, f64>]| v[0].custom(op.clone(), v)).assert();
}

#[test]
fn many_cases_are_run_and_named() {
    let report = check::op(2, |v: &[Var<'_, f64>]| v[0] + v[1]).report();
    assert!(report.passed(), "{report}");
    let names: Vec<_> = report.cases.iter().map(|case| &case.name[..]).collect();
    for name in [
        "[] and [], in standard order",
        "[2, 3] and [2, 3], transposed",
        "[2, 3] and [2, 3], operand 1 transposed",
        "[0] and [0], reversed",
        "[2, 3] and [2, 1], every second element",
        "[1] and [2, 3], in standard order",
    ] {
        assert!(names.contains(&name), "{name} is not in {names:?}");
    }
    assert!(names.iter().any(|name| name.starts_with("operand 1 at edges [0, -0, 1, -1")), "{names:?}");
    assert!(report.to_string().starts_with("op check passed: 0 of "), "{report}");
}

#[test]
fn what_is_wrong_for_transposed_operands_alone_is_caught() {
    let op = planted(Planted {
        shape: |inputs| inputs[0],
        eval: |x| x[0].mapv(f64::exp),
        // A kernel that takes the layout for granted.
        vjp: |x, y, c| {
            let strided = format!("{:?}", x[0]).contains("permute");
            vec![if strided { (c * y.flip(0)).into() } else { (c * y).into() }]
        },
    });
    let check = check::op(1, |v: &[Var<'_, f64>]| v[0].custom(op.clone(), &[v[0]]));
    let report = check.shapes(&[&[&[2, 3]]]).report();
    let failed: Vec<_> = report.cases.iter().filter(|case| !case.passed()).map(|case| &case.name[..]).collect();
    assert_eq!(failed, ["[2, 3], transposed"], "{report}");
}

#[test]
fn what_is_wrong_for_broadcast_operands_alone_is_caught() {
    let op = planted(Planted {
        shape: |inputs| inputs[0].broadcast(&inputs[1]).expect("shapes that broadcast"),
        eval: product,
        vjp: |x, _, c| {
            let w = c * x[0];
            let mean = x[1].shape().size() < c.shape().size();
            vec![(c * x[1]).into(), (if mean { w / 2.0 } else { w }).into()]
        },
    });
    let report = check::op(2, |v: &[Var<'_, f64>]| v[0].custom(op.clone(), v)).report();
    assert!(!report.passed());
    for case in report.cases.iter().filter(|case| !case.passed()) {
        assert!(
            matches!(&case.outcome, Outcome::Failed(_)) && !case.name.starts_with("[2, 3] and [2, 3]"),
            "{}",
            case.name
        );
    }
    assert!(check::op(2, |v: &[Var<'_, f64>]| v[0].custom(op.clone(), v)).same_shapes().report().passed());
}

#[test]
fn what_is_wrong_at_an_edge_alone_is_caught() {
    // The slope is clipped far out.
    let op = planted(Planted {
        shape: |inputs| inputs[0],
        eval: |x| x[0].mapv(|x| x * x),
        vjp: |x, _, c| vec![(c * x[0].clamp(-1e3, 1e3) * 2.0).into()],
    });
    let report = check::op(1, |v: &[Var<'_, f64>]| v[0].custom(op.clone(), &[v[0]])).report();
    let failed: Vec<_> = report.cases.iter().filter(|case| !case.passed()).map(|case| &case.name[..]).collect();
    assert!(failed.len() == 1 && failed[0].starts_with("operand 0 at edges"), "{report}");
    assert!(check::op(1, |v: &[Var<'_, f64>]| v[0].custom(op.clone(), &[v[0]])).domain(0, -2.0..2.0).report().passed());
}

#[test]
fn second_derivatives_are_part_of_it() {
    let op = planted(Planted {
        shape: |inputs| inputs[0],
        eval: |x| x[0].mapv(f64::exp),
        vjp: |_, y, c| vec![(c * y.detach()).into()],
    });
    assert!(!check::op(1, |v: &[Var<'_, f64>]| v[0].custom(op.clone(), &[v[0]])).report().passed());
    check::op(1, |v: &[Var<'_, f64>]| v[0].custom(op.clone(), &[v[0]])).order(1).assert();
}

#[test]
fn an_op_that_panics_is_a_case_that_failed() {
    let report = check::op(2, |v: &[Var<'_, f64>]| v[0].dot(v[1])).report();
    assert!(!report.passed());
    let panicked = |name: &str| {
        let case = report.cases.iter().find(|case| case.name == name).unwrap();
        matches!(&case.outcome, Outcome::Panicked(text) if text.starts_with("dot: "))
    };
    assert!(
        panicked("[2, 3] and [2, 3], in standard order") && !panicked("[3] and [3], in standard order"),
        "{report}"
    );
    assert!(report.to_string().contains(": the op panicked: dot: "), "{report}");
}

#[test]
fn impossible_settings_are_refused() {
    let op = || check::op(2, |v: &[Var<'_, f64>]| v[0] + v[1]);
    assert_panics("check::op: domain of operand 2, the op has 2, counted from 0", || op().domain(2, 0.0..1.0));
    let message = "check::op: domain 1.0..1.0 of operand 0, expected a finite range from low to high";
    assert_panics(message, || op().domain(0, 1.0..1.0));
    let message = "check::op: 1 shapes [[2, 3]], expected one for each of 2 operands";
    assert_panics(message, || op().shapes(&[&[&[2, 3]]]));
    assert_panics("check::op: order 0, expected at least 1", || op().order(0));
}
