//! What the checks promise of themselves, each held by something that only that promise can see.

use gradus::check::{self, Verdict};
use gradus::prelude::*;
use ndarray::ArrayViewD;
use std::cell::Cell;
use std::sync::Arc;

use super::planted::{Planted, Vjp};

/// The position of a tensor in its recording.
fn position(x: Var<'_, f64>) -> usize {
    let text = format!("{x:?}");
    text.trim_start_matches("Var(%").split(' ').next().and_then(|id| id.parse().ok()).expect("Var(%0 = …")
}

/// An op of one operand that leaves it as it is, with this rule.
fn same(vjp: Vjp) -> Arc<dyn CustomOp<f64>> {
    Arc::new(Planted { shape: |inputs| inputs[0], eval: |x| x[0].to_owned(), vjp })
}

fn failed(report: &check::Report) -> Vec<&str> {
    report.structure.iter().filter(|property| property.failure.is_some()).map(|property| property.name).collect()
}

#[test]
fn a_bilinear_function_is_differenced_from_afar_at_once() {
    // The large offset leaves a narrow step nothing but rounding; behind the custom op the tape can't tell that wide ones are exact.
    let (a, b, op) = (array![0.3, -0.7], array![0.9, 0.4], same(|_, _, c| vec![c.into()]));
    let run = |hidden: bool| {
        let calls = Cell::new(0);
        let report = check::gradients(
            |v| {
                calls.set(calls.get() + 1);
                let product = v[0] * v[1];
                (if hidden { product.custom(op.clone(), &[product]) } else { product }) + 1_048_576.0
            },
            &[&a, &b],
        )
        .report();
        assert!(report.passed(), "{report}");
        (calls.get(), report.inputs.iter().map(|input| input.max_absolute_error).fold(0.0, f64::max))
    };
    let (plain, hidden) = (run(false), run(true));
    assert!(plain.0 < hidden.0, "{plain:?}, behind an op {hidden:?}");
    assert!(plain.1 < 1e-9, "{plain:?}, behind an op {hidden:?}");
}

#[test]
fn a_rule_that_answers_for_its_first_use_alone_is_found() {
    let rule: [Vjp; 2] = [
        |_, _, c| vec![c.into()],
        |x, y, c| vec![if position(y) == position(x[0]) + 1 { c.into() } else { Cotangent::Zero }],
    ];
    let [right, wrong] = rule.map(|rule| {
        // An instance for each call, which is never taken for another one.
        check::gradients(|v| v[0].custom(same(rule), v), &[&array![0.5, 2.0]]).report()
    });
    assert!(right.passed(), "{right}");
    assert!(wrong.failures.is_empty() && !wrong.passed(), "{wrong}");
    assert_eq!(failed(&wrong), ["the same when used twice"], "{wrong}");
}

#[test]
fn each_operand_is_transposed_by_itself() {
    let product = |x: &[ArrayViewD<'_, f64>]| &x[0] * &x[1];
    let op = |vjp| -> Arc<dyn CustomOp<f64>> { Arc::new(Planted { shape: |inputs| inputs[0], eval: product, vjp }) };
    let right = op(|x, _, c| vec![(c * x[1]).into(), (c * x[0]).into()]);
    let wrong = op(|x, _, c| vec![(c * x[1]).into(), (c * x[0] * 2.0).into()]);
    let transposed = |x: Var<'_, f64>| format!("{x:?}").contains("= permute");
    for operand in 0..2 {
        let check = check::op(2, |v: &[Var<'_, f64>]| {
            let only = transposed(v[operand]) && !transposed(v[1 - operand]);
            v[0].custom(if only { wrong.clone() } else { right.clone() }, v)
        });
        let report = check.shapes(&[&[&[2, 3], &[2, 3]]]).order(1).report();
        assert!(!report.passed(), "operand {operand}: {report}");
        assert!(report.to_string().contains(&format!("operand {operand} transposed")), "{report}");
    }
}

gradus::pointwise! {
    /// Three decisions, of which the last one turns at 0.
    fn last(x) = {
        let a = if x > -5.0 { x } else { -x };
        let b = if x < 7.0 { a } else { 2.0 * a };
        if x > 0.0 { 3.0 * b } else { b }
    };
    /// Two that turn at once, in opposite directions.
    fn both(x) = {
        let a = if x > 0.0 { 2.0 * x } else { x };
        if x <= 0.0 { a } else { 1.5 * a }
    };
    /// Whole parts, whose numbers have no odd digits.
    fn whole(x) = x + (x + 2.0).floor();
}

#[test]
fn every_decision_of_a_formula_counts() {
    type Function = for<'v, 't> fn(&'v [Var<'t, f64>]) -> Var<'t, f64>;
    for (name, f) in [("last", (|v| last(v[0])) as Function), ("both", |v| both(v[0])), ("whole", |v| whole(v[0]))] {
        let report = check::gradients(f, &[&array![0.0, 0.6]]).report();
        assert_eq!((report.failures.len(), report.failures[0].verdict), (1, Verdict::Kink), "{name}: {report}");
        let kink = report.failures[0].kink.as_deref().expect("a kink has a place");
        assert!(kink.starts_with(&format!("`{name}` [0] at tests/check/held.rs:")), "{kink}");
    }
}

#[test]
fn a_rule_that_adds_a_constant_is_found_at_a_cotangent_of_zero() {
    // Too little to show in any multiple of a cotangent.
    let report = |rule| check::gradients(|v| v[0].custom(same(rule), v).sum(), &[&array![0.5, 2.0]]).report();
    assert!(report(|_, _, c| vec![c.into()]).passed());
    let report = report(|_, _, c| vec![(c + 1e-9).into()]);
    assert!(report.failures.is_empty() && !report.passed(), "{report}");
    assert_eq!(failed(&report), ["linear in the cotangent"], "{report}");
    assert!(report.to_string().contains(" at a cotangent of 0"), "{report}");
}
