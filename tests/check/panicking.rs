//! Functions and ops that panic in a check: where, in what, and what to do.

use gradus::check::{self, Outcome};
use gradus::prelude::*;
use ndarray::ArrayViewD;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::Arc;

/// x², which panics in one of its methods, or in none, where an element is larger than 1.
struct Fragile(&'static str);

impl CustomOp<f64> for Fragile {
    fn name(&self) -> &'static str {
        "fragile"
    }

    fn shape(&self, inputs: &[Shape]) -> Shape {
        inputs[0]
    }

    fn eval(&self, inputs: &[ArrayViewD<'_, f64>], out: &mut [f64]) {
        assert!(self.0 != "eval" || inputs[0].iter().all(|x| *x <= 1.0), "my op failed");
        out.iter_mut().zip(&inputs[0]).for_each(|(y, &x)| *y = x * x);
    }

    fn vjp<'t>(&self, x: &[Var<'t, f64>], _: Var<'t, f64>, c: Var<'t, f64>) -> Vec<Cotangent<'t, f64>> {
        assert!(self.0 != "vjp" || x[0].value().iter().all(|x| *x <= 1.0), "my op failed");
        if self.0 == "inner" {
            return vec![c.matmul(x[0]).into()];
        }
        vec![(c * x[0] * 2.0).into()]
    }
}

fn fragile(method: &'static str) -> Arc<dyn CustomOp<f64>> {
    Arc::new(Fragile(method))
}

fn message<R>(f: impl FnOnce() -> R) -> String {
    let payload = catch_unwind(AssertUnwindSafe(|| drop(f()))).expect_err("it panics");
    *payload.downcast::<String>().expect("a text")
}

/// What an op says that fails in one of its methods.
fn told(message: &str, start: &str, method: &str, help: &str) {
    let start = format!("{start}fragile: {method} panics: my op failed\n  recorded at tests/check/panicking.rs:");
    assert!(message.starts_with(&start) && message.contains(&format!("\n  help: {help}")), "{message}");
    assert_eq!(message.matches("help: ").count(), 1, "{message}");
}

const POINT: &str = "check: the function panics at the point itself: ";

/// Each method with its help.
const METHODS: [(&str, &str); 2] = [("eval", "`eval` meets any numbers"), ("vjp", "`vjp` records a formula")];

#[test]
fn an_op_that_panics_at_the_point_is_named_with_its_line_and_method() {
    let x = array![0.5, 2.0];
    for (method, help) in METHODS {
        let op = fragile(method);
        let check = || check::gradients(|v| v[0].custom(op.clone(), v).sum(), &[&x]);
        told(&message(|| check().report()), POINT, method, help);
        told(&message(|| check().assert()), POINT, method, help);
        told(&message(|| check().directions(1).report()), POINT, method, help);
        told(&message(|| check().order(2).taylor()), POINT, method, help);
        let mut params = Params::<f64>::new();
        let w = params.add("w", [2], || 2.0);
        let model = check::model(&params, |step| step.param(w).custom(op.clone(), &[step.param(w)]).sum());
        told(&message(|| model.report()), POINT, method, help);
        let mut tape = Tape::new();
        let step = tape.record(&params);
        let recorded = step.param(w).custom(op.clone(), &[step.param(w)]).sum();
        told(&message(|| recorded.check().report()), POINT, method, help);
    }
    // The same op without a panic.
    let op = fragile("none");
    check::gradients(|v| v[0].custom(op.clone(), v).sum(), &[&x]).order(2).assert();
}

#[test]
fn an_op_that_panics_in_a_check_of_ops_is_named_once_for_all_cases() {
    for (method, help) in METHODS {
        let op = fragile(method);
        let report = check::op(1, |v: &[Var<'_, f64>]| v[0].custom(op.clone(), v)).report();
        let panicked = report.cases.iter().filter_map(|case| match &case.outcome {
            Outcome::Panicked(text) => Some(text),
            _ => None,
        });
        let at_point: Vec<_> = panicked.filter(|text| text.starts_with("fragile")).collect();
        assert!(at_point.len() > 2, "{report}");
        for text in at_point {
            told(text, "", method, help);
        }
        let text = report.to_string();
        assert!(text.contains(" more like this: ") && text.lines().count() < 25, "{text}");
    }
    check::op(1, |v: &[Var<'_, f64>]| v[0].custom(fragile("none"), v)).assert();
}

#[test]
fn an_op_that_panics_beside_the_point_is_told_as_well() {
    for method in ["eval", "vjp"] {
        let op = fragile(method);
        // The slope beside the point is asked where differences say another one.
        let check = || check::gradients(|v| v[0].custom(op.clone(), v).sum(), &[&array![1.0]]).report();
        let found = catch_unwind(AssertUnwindSafe(check));
        if method == "vjp" {
            assert!(found.is_ok_and(|report| report.passed()));
            continue;
        }
        let message = *found.unwrap_err().downcast::<String>().unwrap();
        let start =
            "check: the function panics where input [0] is moved by 1.220703125e-4: fragile: eval panics: my op failed";
        assert!(
            message.starts_with(start) && message.contains("\n  recorded at tests/check/panicking.rs:"),
            "{message}"
        );
        assert!(message.ends_with("\n  help: check it at a point around which it is defined"), "{message}");
    }
    let op = fragile("eval");
    let taylor = || check::gradients(|v| v[0].custom(op.clone(), v).sum(), &[&array![0.9, 0.9]]).taylor();
    let text = message(taylor);
    assert!(
        text.starts_with("check: the function panics where every input is moved by 5e-1: fragile: eval "),
        "{text}"
    );
}

#[test]
fn what_is_no_op_is_told_with_its_own_text() {
    let unwrap = || check::gradients(|v| v[0] * "x".parse::<f64>().expect("a number"), &[&array![1.0]]).report();
    let text = message(unwrap);
    assert!(text.starts_with(&format!("{POINT}a number: ParseFloatError")), "{text}");
    let help = "\n  help: no input was moved: call it there without a check; if it doesn't panic then, it keeps state";
    assert!(text.contains(help), "{text}");
    // One that panics at its third call alone.
    let calls = Cell::new(0);
    let third = |v: &[f64]| {
        calls.set(calls.get() + 1);
        assert!(calls.get() != 3, "called too often");
        v[0]
    };
    let counted = || check::gradients(|v| v[0] * third(&[1.0]), &[&array![1.0]]).report();
    let text = message(counted);
    assert!(text.contains(": called too often\n") && text.contains(help), "{text}");
    // What is no text is carried on.
    let typed = || check::gradients(|v| if v.is_empty() { v[0] } else { panic_any(7) }, &[&array![1.0]]).report();
    assert_eq!(catch_unwind(typed).unwrap_err().downcast_ref(), Some(&7));
}

#[test]
fn messages_with_help_are_kept_whole() {
    let (a, b) = (array![[1.0, 2.0]], array![[1.0, 2.0]]);
    let alone = message(|| grads(|v| v[0].matmul(v[1]).sum(), &[&a, &b]));
    let text = message(|| check::gradients(|v| v[0].matmul(v[1]), &[&a, &b]).report());
    assert!(alone.contains("help: "), "{alone}");
    assert_eq!(text, format!("{POINT}{alone}"));
    // In a rule.
    let op = fragile("inner");
    let text = message(|| check::gradients(|v| v[0].custom(op.clone(), v), &[&a]).report());
    let start = format!("{POINT}fragile: vjp panics: matmul: [1, 2] · [1, 2]: inner axes 2 and 1 differ");
    assert!(text.starts_with(&start) && text.contains("recorded at tests/check/panicking.rs:"), "{text}");
    assert_eq!(text.matches("help: ").count(), 1, "{text}");
    // And where a rule answers wrongly.
    let missing = message(|| check::gradients(|v| v[0].custom(Arc::new(Missing), v), &[&a]).report());
    let start = format!("{POINT}custom: the derivative for operand 0 is missing and was asked for\n  recorded at ");
    assert!(missing.starts_with(&start) && missing.ends_with("or `detach` the operand"), "{missing}");
}

/// An op without a derivative.
struct Missing;

impl CustomOp<f64> for Missing {
    fn shape(&self, inputs: &[Shape]) -> Shape {
        inputs[0]
    }

    fn eval(&self, _: &[ArrayViewD<'_, f64>], _: &mut [f64]) {}

    fn vjp<'t>(&self, _: &[Var<'t, f64>], _: Var<'t, f64>, _: Var<'t, f64>) -> Vec<Cotangent<'t, f64>> {
        vec![Cotangent::Missing]
    }
}
