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
    assert!(names.iter().any(|name| name.starts_with("operand 1 at edge -0.0")), "{names:?}");
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
    assert_eq!(failed, ["operand 0 at edge 67108864.0", "operand 0 at edge -67108864.0"], "{report}");
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
fn cases_that_fail_for_one_reason_are_told_once_and_shapes_are_asked_for() {
    let report = check::op(2, |v: &[Var<'_, f64>]| v[0].dot(v[1])).report();
    let text = report.to_string();
    assert!(text.lines().count() < 30 && text.lines().all(|line| line.chars().count() < 400), "{text}");
    assert!(text.contains(" more like this: ") && text.contains("; …\n"), "{text}");
    assert!(text.ends_with(
        "`.shapes(&[&[&[2, 3], &[2, 3]]])`\n  help: one that does not broadcast says so: `.same_shapes()`\n"
    ));
    let right = check::op(2, |v: &[Var<'_, f64>]| v[0].dot(v[1])).shapes(&[&[&[3], &[3]]]).report();
    assert!(right.passed() && !right.to_string().contains("help: "), "{right}");
    // What is wrong everywhere is told once, too.
    let wrong =
        planted(Planted { shape: |x| x[0], eval: |x| x[0].mapv(f64::sin), vjp: |_, y, c| vec![(c * y).into()] });
    let text = check::op(1, |v: &[Var<'_, f64>]| v[0].custom(wrong.clone(), v)).report().to_string();
    assert!(text.matches("gradient check failed").count() <= 3 && !text.contains(".shapes("), "{text}");
}

#[test]
fn identities_that_overflow_say_so() {
    let report = check::gradients(|v| (v[0] * 10.0).exp().sum(), &[&array![8.5_f32]]).order(2).report();
    let text = report.to_string();
    assert!(!report.passed() && text.contains("⟨v, Hw⟩ = ⟨Hv, w⟩ is not finite: "), "{text}");
    let help = "    help: derivatives overflow there, or are infinite; check at smaller numbers, or in f64\n";
    assert!(text.contains(help) && !text.contains("inf allowed"), "{text}");
    check::gradients(|v| (v[0] * 10.0).exp().sum(), &[&array![8.5]]).order(2).assert();
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
    let message = "check::op: no shapes, so there is nothing to check\n  help: give a list for each way to call the op: \
                   `.shapes(&[&[&[2, 3], &[2, 3]]])`";
    assert_panics(message, || op().shapes(&[]));
}

/// An op of one operand with this rule.
fn unary(eval: fn(&[ArrayViewD<'_, f64>]) -> ArrayD<f64>, vjp: super::planted::Vjp) -> Arc<dyn CustomOp<f64>> {
    planted(Planted { shape: |inputs| inputs[0], eval, vjp })
}

fn passes(op: &Arc<dyn CustomOp<f64>>, edges: &[f64]) -> bool {
    check::op(1, |v: &[Var<'_, f64>]| v[0].custom(op.clone(), v)).edges(edges).report().passed()
}

#[test]
fn an_edge_that_is_not_finite_hides_no_other() {
    let exp = |x: &[ArrayViewD<'_, f64>]| x[0].mapv(f64::exp);
    assert!(passes(&unary(exp, |_, y, c| vec![(c * y).into()]), &[5.0, 6.0]));
    let at_zero = unary(exp, |x, y, c| vec![x[0].abs().lt(1e-6).select(c * 3.0, c * y).into()]);
    assert!(!passes(&at_zero, &[]));
    let far_out = unary(exp, |x, y, c| vec![x[0].gt(3.0).select(c * 3.0, c * y).into()]);
    assert!(!passes(&far_out, &[5.0, 6.0]));
}

#[test]
fn a_slope_that_is_nan_where_differences_have_one_is_wrong() {
    let tanh = |x: &[ArrayViewD<'_, f64>]| x[0].mapv(f64::tanh);
    let nan = unary(tanh, |x, y, c| vec![x[0].gt(1e6).select(c * f64::NAN, c * (1.0 - y * y)).into()]);
    assert!(!passes(&nan, &[]));
}

#[test]
fn a_rule_that_makes_an_exception_of_a_point_is_wrong() {
    let sin = |x: &[ArrayViewD<'_, f64>]| x[0].mapv(f64::sin);
    assert!(passes(&unary(sin, |x, _, c| vec![(c * x[0].cos()).into()]), &[]));
    assert!(!passes(&unary(sin, |x, _, c| vec![x[0].eq(1.0).select(c * 3.0, c * x[0].cos()).into()]), &[]));
    assert!(!passes(&unary(sin, |x, _, c| vec![x[0].eq(0.0).select(c * 3.0, c * x[0].cos()).into()]), &[]));
}

#[test]
fn rules_must_be_linear_for_negative_and_large_cotangents() {
    let square = |x: &[ArrayViewD<'_, f64>]| x[0].mapv(|x| x * x);
    for vjp in [
        (|x, _, c| vec![(c.abs() * x[0] * 2.0).into()]) as super::planted::Vjp,
        |x, _, c| vec![(c.relu() * x[0] * 2.0).into()],
        |x, _, c| vec![(c.clamp(-5.0, 5.0) * x[0] * 2.0).into()],
    ] {
        let op = unary(square, vjp);
        let report = check::gradients(|v| v[0].custom(op.clone(), v), &[&array![0.5, 1.5]]).report();
        let linear = report.structure.iter().find(|property| property.name == "linear in the cotangent");
        assert!(linear.is_some_and(|property| property.failure.is_some()), "{report}");
    }
}

#[test]
fn errors_of_equal_elements_do_not_cancel_in_a_direction() {
    let sin = |x: &[ArrayViewD<'_, f64>]| x[0].mapv(f64::sin);
    let op = unary(sin, |x, _, c| vec![(c * x[0].cos() * c.constant(&array![1.1, 0.9])).into()]);
    for x in [array![0.0, 0.0], array![1.0, 1.0]] {
        for seed in 0..50 {
            let check = || check::gradients(|v| v[0].custom(op.clone(), v), &[&x]).seed(seed);
            assert!(!check().directions(1).report().passed() && !check().taylor().passed(), "seed {seed}");
        }
    }
}

/// ln Σeˣ of all elements, as it does not overflow.
fn stable<'t, T: Real>(x: Var<'t, T>) -> Var<'t, T> {
    let largest = x.max().detach();
    (x - largest).exp().sum().ln() + largest
}

#[test]
fn right_ops_pass_in_f32_whatever_the_seed() {
    for seed in 0..6 {
        check::op(2, |v: &[Var<'_, f32>]| v[0].tanh() * v[1].sin()).seed(seed).assert();
        check::op(2, |v: &[Var<'_, f32>]| v[0] * v[1]).seed(seed).assert();
    }
    for seed in 0..20 {
        check::op(1, |v: &[Var<'_, f32>]| stable(v[0])).shapes(&[&[&[3]], &[&[2, 3]]]).seed(seed).assert();
        check::op(1, |v: &[Var<'_, f32>]| v[0].sin()).seed(seed).assert();
    }
}

#[test]
fn what_is_wrong_or_never_confirmed_is_not_drawn_away() {
    for seed in 0..5 {
        let wrong = planted(Planted {
            shape: |inputs| inputs[0],
            eval: |x| x[0].mapv(f64::sin),
            vjp: |x, _, c| vec![(c * x[0].cos() * 1.01).into()],
        });
        let report = check::op(1, |v: &[Var<'_, f64>]| v[0].custom(wrong.clone(), v)).seed(seed).report();
        let plain = |case: &check::Case| case.name.ends_with("in standard order") && !case.name.contains('0');
        let mut ordinary = report.cases.iter().filter(|case| plain(case));
        assert!(ordinary.all(|case| matches!(case.outcome, Outcome::Failed(_))), "{report}");
        // Wrong in f32 as well, and only for numbers of one sign.
        let check = check::op(1, |v: &[Var<'_, f32>]| v[0].sin() + v[0].relu().detach() * 0.1).seed(seed);
        assert!(!check.report().passed(), "seed {seed}");
        // A small part beside a large one: at no point are differences fine enough.
        let coarse = || check::op(1, |v: &[Var<'_, f32>]| (v[0].sin() + 1e6) - 1e6).order(1).shapes(&[&[&[2]]]);
        let report = coarse().seed(seed).report();
        assert!(!report.cases[0].passed(), "seed {seed}: {report}");
    }
}
