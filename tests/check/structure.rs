//! Structure, identities, Taylor slopes, and points at which nothing can be checked.

use gradus::check::{self, Report, Slope, Verdict};
use gradus::prelude::*;
use ndarray::ArrayViewD;
use std::cell::Cell;
use std::sync::{Arc, OnceLock};

use super::panics::assert_panics;
use super::slips::off;

/// A function of several arrays.
type Function = for<'v, 't> fn(&'v [Var<'t, f64>]) -> Var<'t, f64>;

fn failed(report: &Report) -> Vec<&str> {
    report.structure.iter().filter(|property| property.failure.is_some()).map(|property| property.name).collect()
}

#[test]
fn structure_is_part_of_every_report() {
    let names = |report: &Report| report.structure.iter().map(|property| property.name).collect::<Vec<_>>();
    let report = check::gradients(|v| v[0].sin().sum(), &[&array![0.1]]).report();
    let all = ["deterministic", "the same when recorded again", "linear in the cotangent", "the same when used twice"];
    assert_eq!(names(&report), all, "{report}");
    assert!(report.to_string().contains(&format!("\n  {}\n", all.join(", "))), "{report}");
    let mut tape = Tape::new();
    let params = Params::<f64>::new();
    let recorded = tape.record(&params).variable(&[0.1]).sin().sum().check().report();
    assert_eq!(names(&recorded), ["deterministic", "linear in the cotangent"]);
}

#[test]
fn randomness_without_a_seed_is_found_and_with_one_it_is_replayed() {
    let calls = Cell::new(0.0);
    let random = || {
        calls.set(calls.get() + 1.0);
        calls.get()
    };
    let report = check::gradients(|v| (v[0] * random()).sum(), &[&array![0.5, 2.0]]).report();
    assert_eq!(failed(&report), ["deterministic"], "{report}");
    assert!(!report.passed());
    let text = report.to_string();
    assert!(text.contains("  not deterministic: two runs give the values ") && text.contains("\n    help: give every"));
    // Dropout in training is the same again and again, and drops.
    let mut params = Params::<f64>::new();
    let w = params.add("w", [40], || 0.7);
    let dropped = Cell::new(0);
    let report = check::model(&params, |step| {
        let y = Dropout::new(0.5).forward(step.param(w)).square();
        dropped.set(y.value().iter().filter(|y| **y == 0.0).count());
        y.sum()
    });
    let report = report.training(3).report();
    assert!(report.passed() && (5..35).contains(&dropped.get()), "{report}");
    assert_eq!(report.structure.len(), 3, "{report}");
}

/// A rule that is wrong in its cotangent alone.
struct Rule(for<'t> fn(Var<'t, f64>) -> Var<'t, f64>);

impl CustomOp<f64> for Rule {
    fn shape(&self, inputs: &[Shape]) -> Shape {
        inputs[0]
    }

    fn eval(&self, inputs: &[ArrayViewD<'_, f64>], out: &mut [f64]) {
        out.iter_mut().zip(&inputs[0]).for_each(|(y, &x)| *y = x);
    }

    fn vjp<'t>(&self, _: &[Var<'t, f64>], _: Var<'t, f64>, c: Var<'t, f64>) -> Vec<Cotangent<'t, f64>> {
        vec![(self.0)(c).into()]
    }
}

#[test]
fn a_rule_that_is_not_linear_in_its_cotangent_is_found() {
    let report = |rule| {
        let op: Arc<dyn CustomOp<f64>> = Arc::new(Rule(rule));
        // The cotangent is 1, so that differences see nothing.
        check::gradients(|v| v[0].custom(op.clone(), &[v[0]]).sum(), &[&array![0.5, 2.0]]).report()
    };
    assert!(report(|c| c).passed());
    for rule in [(|c| c * c) as for<'t> fn(Var<'t, f64>) -> Var<'t, f64>, |c| c * 0.0 + 1.0, |c| (c + 1.0) / 2.0] {
        let report = report(rule);
        assert!(report.failures.is_empty(), "{report}");
        assert_eq!(failed(&report), ["linear in the cotangent"], "{report}");
        assert!(!report.passed());
    }
}

#[test]
fn forward_is_held_against_reverse_and_the_hessian_against_its_transpose() {
    let (a, b) = (array![[0.3, -0.2], [0.8, 0.5]], array![0.4, 1.3]);
    let right = check::gradients(|v| (v[0].matmul(v[1]).tanh() * v[1]).softmax(0), &[&a, &b]).consistency().report();
    assert!(right.passed() && right.identities.len() == 2, "{right}");
    assert!(right.to_string().contains("⟨u, Jv⟩ = ⟨Jᵀu, v⟩ holds: "), "{right}");
    assert!(check::gradients(|v| v[0].sin(), &[&b]).report().identities.is_empty());
    // Half of a mixed derivative is missing.
    let half = check::gradients(|v| (v[0] * v[1]).sum(), &[&b, &b]).order(2).report();
    assert!(half.identities.iter().all(check::Identity::holds), "{half}");
    let op: Arc<dyn CustomOp<f64>> = Arc::new(super::planted::Planted {
        shape: |inputs| inputs[0],
        eval: |x| &x[0] * &x[1],
        vjp: |x, _, c| vec![(c * x[1].detach()).into(), (c * x[0]).into()],
    });
    let wrong = check::gradients(|v| v[0].custom(op.clone(), v).sum(), &[&b, &b]).consistency().report();
    let holds: Vec<_> = wrong.identities.iter().map(check::Identity::holds).collect();
    assert!(wrong.failures.is_empty() && holds == [true, false] && !wrong.passed(), "{wrong}");
    // A rule that cuts off its cotangent is right, but has no forward mode.
    let op: Arc<dyn CustomOp<f64>> = Arc::new(Rule(|c| c.detach()));
    let cut = check::gradients(|v| v[0].custom(op.clone(), &[v[0]]).sum(), &[&b]).consistency().report();
    assert!(cut.failures.is_empty() && !cut.identities[0].holds(), "{cut}");
}

#[test]
fn at_a_kink_a_hessian_need_not_be_symmetric() {
    // 0ᵇ has slope 0 for b by convention, and no slope of that for the base.
    let report =
        |base: f64| check::gradients(|v| v[0].pow(v[1]).sum(), &[&array![base], &array![1.0]]).consistency().report();
    let (at, beside) = (report(0.0), report(0.1));
    assert!(beside.passed() && beside.identities[1].holds(), "{beside}");
    assert!(at.passed() && !at.identities[1].holds(), "{at}");
    let kink = at.identities[1].kink.as_deref().unwrap();
    assert!(kink.contains("` at tests/check/structure.rs:"), "{kink}");
    assert!(at.to_string().contains("; at a kink it need not"), "{at}");
}

#[test]
fn affine_functions_are_differenced_with_wide_steps() {
    // A product is affine in each operand: nothing but rounding is left, and a slip of 10⁻⁹ shows.
    let (a, b) = (array![[0.3, -0.2], [0.8, 0.5]], array![[0.4, 1.3], [-0.6, 2.2]]);
    let run = |factor: f64| {
        let check = check::gradients(
            |v| (v[0].matmul(v[1]) * 3.0 - v[0] / 7.0).sum() * factor - (v[0].detach().sum() * (factor - 1.0)),
            &[&a, &b],
        );
        check.tolerance(1e-12).report()
    };
    assert!(run(1.0).passed(), "{}", run(1.0));
    assert!(!run(1.0 + 1e-9).passed());
    // With steps for curved functions it is too much to ask for.
    let curved = check::gradients(|v| (v[0].matmul(v[1]) * v[0]).exp().sum(), &[&a, &b]).tolerance(1e-12).report();
    assert!(!curved.passed() && curved.failures.iter().all(|e| e.verdict == Verdict::Inconclusive), "{curved}");
    let single = check::gradients(
        |v| v[0].matmul(v[1]).cumsum(0).slice(s![.., 1..]).sum(),
        &[&a.mapv(f32::of), &b.mapv(f32::of)],
    );
    assert!(single.tolerance(1e-5).report().passed());
}

#[test]
fn taylor_slopes_are_two_and_three() {
    let x = array![0.3, -0.7, 1.2];
    let of = |slope: Slope| if let Slope::Of(slope) = slope { slope } else { panic!("{slope:?}") };
    let right = check::gradients(|v| (v[0].exp() * v[0].sin()).sum(), &[&x]).order(2).taylor();
    assert!(right.passed(), "{right}");
    assert!((of(right.first) - 2.0).abs() < 0.1 && (of(right.second.unwrap()) - 3.0).abs() < 0.1, "{right}");
    for factor in [-1.0, 2.0, 1.01, 1.0001] {
        for element in [None, Some(1)] {
            let op = off::<f64>(factor, element);
            let wrong = check::gradients(|v| v[0].custom(op.clone(), &[v[0]]).exp().sum(), &[&x]).taylor();
            assert!(!wrong.passed() && (of(wrong.first) - 1.0).abs() < 0.2, "{factor}: {wrong}");
        }
    }
    // A gradient that is right and a Hessian that is not.
    let detached = check::gradients(|v| v[0].custom(Arc::new(Flat), &[v[0]]).sum(), &[&x]).order(2).taylor();
    assert!((of(detached.first) - 2.0).abs() < 0.1 && (of(detached.second.unwrap()) - 2.0).abs() < 0.2, "{detached}");
    assert!(!detached.passed() && detached.to_string().starts_with("Taylor check failed: "), "{detached}");
    let linear = check::gradients(|v| (v[0] * 3.0).sum(), &[&x]).order(2).taylor();
    assert!(linear.passed() && linear.first == Slope::Exact, "{linear}");
    let single = check::gradients(|v| v[0].exp().sum(), &[&x.mapv(f32::of)]).taylor();
    assert!(single.passed(), "{single}");
    let pole = check::gradients(|v| v[0].ln().sum(), &[&array![0.2, 0.0]]).taylor();
    assert!(!pole.passed() && pole.first == Slope::NotFinite, "{pole}");
    let mut params = Params::<f64>::new();
    let mlp = Mlp::new(&mut params, "mlp", &[3, 5, 2], Activation::Gelu, &mut StdRng::seed_from_u64(2));
    let batch = array![[0.1, 0.2, 0.3]];
    let model = check::model(&params, |step| cross_entropy(mlp.forward(step.input(&batch)), [1]));
    model.order(2).taylor().assert();
}

/// eˣ, whose derivative claims to be a constant.
struct Flat;

impl CustomOp<f64> for Flat {
    fn shape(&self, inputs: &[Shape]) -> Shape {
        inputs[0]
    }

    fn eval(&self, inputs: &[ArrayViewD<'_, f64>], out: &mut [f64]) {
        out.iter_mut().zip(&inputs[0]).for_each(|(y, &x)| *y = x.exp());
    }

    fn vjp<'t>(&self, _: &[Var<'t, f64>], y: Var<'t, f64>, c: Var<'t, f64>) -> Vec<Cotangent<'t, f64>> {
        vec![(c * y.detach()).into()]
    }
}

#[test]
fn a_point_where_the_function_is_not_finite_is_named() {
    let report = check::gradients(|v| v[0].ln().sum(), &[&array![1.0, -1.0]]).report();
    assert!(!report.passed() && report.checked() == 0);
    let text = report.to_string();
    let first = "gradient check failed: the function is not finite at the point\n  ln gives NaN at [1]\n";
    assert!(text.starts_with(first), "{text}");
    assert!(text.contains("> %1 = ln %0 : f64[2]  # tests/check/structure.rs:"), "{text}");
    assert!(text.ends_with("\n  help: check where it is finite, and a little around\n"), "{text}");
    // Where an input holds it, that is named instead.
    let (x, b) = (array![1.0, 2.0], array![[0.5, f64::NAN]]);
    let report = check::gradients(|v| v[0].sin() * v[1], &[&x, &b]).report().to_string();
    let held = "  `input 1` holds NaN at [0, 1]\n  help: give a number in its place: there is no derivative there\n";
    let first = "the function is not finite at the point\n";
    assert_eq!(report, format!("gradient check failed: {first}{held}"));
    let taylor = check::gradients(|v| v[0].sin() * v[1], &[&x, &b]).taylor().to_string();
    assert_eq!(taylor, format!("Taylor check failed: {first}{held}"));
    let alone = check::gradients(|v| v[0].sin(), &[&b]).report().to_string();
    assert!(alone.contains("\n  `input` holds NaN at [0, 1]\n"), "{alone}");
    let mut nan = Params::<f64>::new();
    let w = nan.add("layer.w", [2], || f64::NAN);
    let model = check::model(&nan, |step| step.param(w).sum()).report().to_string();
    assert!(model.contains("\n  `layer.w` holds NaN at [0]\n") && !model.contains("src/check"), "{model}");
    let second = check::gradients(|v| v[0].powf(1.5).sum(), &[&array![0.0]]).order(3).report();
    assert!(second.to_string().contains("its derivative of order 2 is not finite at the point"), "{second}");
    let params = Params::<f64>::new();
    let mut tape = Tape::new();
    let recorded = tape.record(&params).variable(&[0.0]).recip().sum().check().report();
    assert!(recorded.to_string().contains("= recip %0 : f64[1]"), "{recorded}");
}

#[test]
fn a_function_that_panics_beside_the_point_is_told_where() {
    let assert_positive = |v: &[Var<'_, f64>]| assert!(v[0].value().iter().all(|x| *x <= 1.0), "too large");
    let check = || {
        let function = check::gradients(
            |v| {
                assert_positive(v);
                v[0].square().sum()
            },
            &[&array![0.5, 1.0]],
        );
        function.assert();
    };
    let message = "check: the function panics where input [1] is moved by 1.220703125e-4: too large\n  help: check it at a point \
                   around which it is defined";
    assert_panics(message, check);
}

#[test]
fn a_rule_that_keeps_its_slope_is_caught_at_order_two() {
    let x = array![0.5, -1.5];
    let failures = |stale: bool| {
        let op = Arc::new(Cube { stale, kept: OnceLock::new() });
        failed(&check::gradients(|v| v[0].custom(op.clone(), v).sum(), &[&x]).order(2).report()).join(", ")
    };
    assert_eq!((failures(true), failures(false)), ("right beside the point".to_owned(), String::new()));
    let mut params = Params::<f64>::new();
    let w = params.add("w", [2], || 0.7);
    let model = |stale: bool, directions: bool| {
        let op = Arc::new(Cube { stale, kept: OnceLock::new() });
        let check = check::model(&params, |step| step.param(w).custom(op.clone(), &[step.param(w)]).tanh().sum());
        let check = if directions { check.directions(2) } else { check };
        check.order(2).report()
    };
    for directions in [false, true] {
        let (stale, fresh) = (model(true, directions), model(false, directions));
        assert!(!stale.passed() && fresh.passed(), "{stale}{fresh}");
        assert!(stale.structure.iter().any(|property| property.name == "right beside the point"), "{stale}");
    }
    let report = model(true, false).to_string();
    let text = "  not right beside the point: where every input is moved by 1.2e-4 of its size, derivative 1 for w along a random ";
    assert!(
        report.contains(text) && report.contains("\n    help: a rule must keep nothing from an earlier point"),
        "{report}"
    );
}

#[test]
fn a_rule_that_keeps_its_curvature_is_caught_at_order_three() {
    let report = |order: usize| {
        let op = Arc::new(Curved(OnceLock::new()));
        check::gradients(|v| v[0].custom(op.clone(), v).sum(), &[&array![0.5, -1.5]]).order(order).report()
    };
    assert!(report(2).passed(), "{}", report(2));
    assert_eq!(failed(&report(3)), ["right beside the point"], "{}", report(3));
}

/// x³, whose slope has the slope that it had at the first point that it was computed at.
struct Curved(OnceLock<ArrayD<f64>>);

impl CustomOp<f64> for Curved {
    fn shape(&self, inputs: &[Shape]) -> Shape {
        inputs[0]
    }

    fn eval(&self, inputs: &[ArrayViewD<'_, f64>], out: &mut [f64]) {
        out.iter_mut().zip(&inputs[0]).for_each(|(y, &x)| *y = x.powi(3));
    }

    fn vjp<'t>(&self, x: &[Var<'t, f64>], _: Var<'t, f64>, c: Var<'t, f64>) -> Vec<Cotangent<'t, f64>> {
        let curvature = c.constant(self.0.get_or_init(|| x[0].value() * 6.0));
        let x = x[0];
        vec![(c * (x.detach().square() * 3.0 + curvature * (x - x.detach()))).into()]
    }
}

/// x³, whose slope may be that of the first point that it was computed at.
struct Cube {
    stale: bool,
    kept: OnceLock<ArrayD<f64>>,
}

impl CustomOp<f64> for Cube {
    fn shape(&self, inputs: &[Shape]) -> Shape {
        inputs[0]
    }

    fn eval(&self, inputs: &[ArrayViewD<'_, f64>], out: &mut [f64]) {
        self.kept.get_or_init(|| inputs[0].mapv(|x| 3.0 * x * x));
        out.iter_mut().zip(&inputs[0]).for_each(|(y, &x)| *y = x.powi(3));
    }

    fn vjp<'t>(&self, x: &[Var<'t, f64>], y: Var<'t, f64>, c: Var<'t, f64>) -> Vec<Cotangent<'t, f64>> {
        let _ = y.value();
        let slope = if self.stale { c.constant(self.kept.get().unwrap()) } else { x[0].square() * 3.0 };
        vec![(c * slope).into()]
    }
}

#[test]
fn what_cancels_leaves_rounding_and_no_alarm() {
    // Derivatives that are 0 but for rounding, by many ways.
    let x = array![0.3, -0.7, 1.9, 0.4];
    let cases: [Function; 4] = [
        |v| v[0].softmax(0).sum() + v[0].exp().ln().sum(),
        |v| (v[0].sin().square() + v[0].cos().square()).sum() * 1e3,
        |v| (v[0].exp() * (-v[0]).exp()).sum() + v[0].log_softmax(0).exp().sum(),
        |v| v[0].softplus().exp().ln_1p().exp().ln().sum() - v[0].softplus().exp().ln_1p().sum(),
    ];
    for f in cases {
        let report = check::gradients(f, &[&x]).order(2).report();
        assert!(report.passed(), "{report}");
    }
}
