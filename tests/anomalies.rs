//! The first value or derivative that is not finite: where it comes from, in every way to compute, and nothing else.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use gradus::data::Batches;
use gradus::minimize::minimize_batches;
use gradus::optim::stop;
use gradus::prelude::*;
use ndarray::ArrayViewD;

/// What a panic says.
fn message<R>(f: impl FnOnce() -> R) -> String {
    let error = catch_unwind(AssertUnwindSafe(|| drop(f()))).expect_err("no panic");
    error.downcast_ref::<String>().expect("a message with arguments").clone()
}

fn checked() -> Tape<f64> {
    let mut tape = Tape::new();
    tape.check_finite(true);
    tape
}

/// The lines of the listing that a message shows, and the one that is marked.
fn listing(message: &str) -> (Vec<&str>, &str) {
    let lines: Vec<_> = message
        .lines()
        .filter(|line| line.starts_with("    %") || line.starts_with("  > %"))
        .map(|l| &l[4..])
        .collect();
    let marked: Vec<_> = message.lines().filter_map(|line| line.strip_prefix("  > ")).collect();
    assert_eq!(marked.len(), 1, "{message}");
    (lines, marked[0])
}

#[test]
fn a_value_forward() {
    let (params, mut tape) = (Params::new(), checked());
    let x = array![[1.0, 4.0], [0.0, 9.0]];
    let found = message(|| {
        let step = tape.record(&params);
        (1.0 / step.input(&x)).sqrt().sum().item()
    });
    assert!(found.starts_with("check_finite: div gives inf at [1, 0]\n  recorded at tests/anomalies.rs:"), "{found}");
    assert!(found.contains("scalar (1) : f64[]") && found.contains(": 1 there, from 1 to 1\n"), "{found}");
    assert!(found.contains("= input : f64[2, 2]") && found.contains(": 0 there, from 0 to 9\n"), "{found}");
    assert!(found.contains("result [2, 2]: from 0.1111111111111111 to 1, 1 infinite, of 4\n"), "{found}");
    let (lines, marked) = listing(&found);
    assert!(marked.starts_with("%2 = div ") && lines.len() == 5, "{found}");
    // No parameter is near.
    assert!(!found.contains("near parameter"), "{found}");
}

#[test]
fn a_derivative_alone() {
    let mut params = Params::<f64>::new();
    let w = params.add("layer.weight", [2], || 0.0);
    let (mut tape, mut gradient) = (checked(), params.gradient());
    // The value is 0; the slope of a root is infinite there.
    let step = tape.record(&params);
    assert_eq!(step.param(w).sqrt().sum().item(), 0.0);
    let line = line!() + 3;
    let found = message(|| {
        let step = tape.record(&params);
        let loss = step.param(w).sqrt().sum();
        loss.backward(&mut gradient)
    });
    assert!(found.contains(", in a derivative, gives inf at [0]\n"), "{found}");
    assert!(found.contains(&format!("\n  for what was recorded at tests/anomalies.rs:{line}:")), "{found}");
    assert!(found.contains("\n  near parameter `layer.weight`\n"), "{found}");
    assert!(found.contains(": 0 there, from 0 to 0\n"), "{found}");
    // With one's own weights it is no different.
    let found = message(|| {
        let step = tape.record(&params);
        let x = step.param(w);
        x.sqrt().vjp(&[x], step.ones([2]))[0].value()
    });
    assert!(found.contains("in a derivative, gives inf at [0]"), "{found}");
}

#[test]
fn zero_times_infinity_is_named_where_the_infinity_is_made() {
    let mut params = Params::<f64>::new();
    let w = params.add("w", [], || 0.0);
    let (mut tape, mut gradient) = (checked(), params.gradient());
    // d/dw √(w²) = ∞ · 0.
    let found = message(|| tape.record(&params).param(w).square().sqrt().backward(&mut gradient));
    assert!(found.contains("in a derivative, gives inf at []"), "{found}");
    let (_, marked) = listing(&found);
    assert!(!marked.contains("= mul"), "{found}");
    // Unchecked, the gradient is NaN: there was something to find.
    tape.check_finite(false);
    tape.record(&params).param(w).square().sqrt().backward(&mut gradient);
    assert!(gradient.flat()[0].is_nan());
}

/// ln x, with a slope that is not finite at 1.
struct Spoiled;

impl CustomOp<f64> for Spoiled {
    fn name(&self) -> &'static str {
        "spoiled_ln"
    }

    fn shape(&self, inputs: &[Shape]) -> Shape {
        inputs[0]
    }

    fn eval(&self, inputs: &[ArrayViewD<'_, f64>], out: &mut [f64]) {
        out.iter_mut().zip(&inputs[0]).for_each(|(y, x)| *y = x.ln());
    }

    fn vjp<'t>(&self, x: &[Var<'t, f64>], _: Var<'t, f64>, c: Var<'t, f64>) -> Vec<Cotangent<'t, f64>> {
        vec![(c / (x[0] - 1.0)).into()]
    }
}

#[test]
fn a_custom_op_forward_and_in_its_derivative() {
    let (params, mut tape) = (Params::<f64>::new(), checked());
    let op: Arc<dyn CustomOp<f64>> = Arc::new(Spoiled);
    let found = message(|| {
        let step = tape.record(&params);
        let x = step.input(&[2.0, -1.0]);
        x.custom(op.clone(), &[x]).value()
    });
    assert!(found.starts_with("check_finite: spoiled_ln gives NaN at [1]\n"), "{found}");
    assert!(found.contains("= input : f64[2]") && found.contains(": from -1 to 2\n"), "{found}");
    let line = line!() + 4;
    let found = message(|| {
        let step = tape.record(&params);
        let x = step.input(&[2.0, 1.0]);
        let y = x.custom(op.clone(), &[x]).sum();
        y.gradient(x).value()
    });
    assert!(found.starts_with("check_finite: div, in a derivative, gives inf at [1]\n"), "{found}");
    assert!(found.contains(&format!("for what was recorded at tests/anomalies.rs:{line}:")), "{found}");
}

#[test]
fn a_program_that_is_planned_already() {
    let mut params = Params::<f64>::new();
    let mlp = Mlp::new(&mut params, "mlp", &[2, 8, 2], Activation::Tanh, &mut StdRng::seed_from_u64(7));
    let x = array![[0.5, -0.5], [1.0, 2.0]];
    let (mut tape, mut gradient) = (Tape::new(), params.gradient());
    let run = |tape: &mut Tape<f64>, params: &Params<f64>, gradient: &mut Gradient<f64>| {
        let step = tape.record(params);
        cross_entropy(mlp.forward(step.input(&x)), [0, 1]).backward(gradient)
    };
    let losses = [0, 1, 2].map(|_| run(&mut tape, &params, &mut gradient));
    assert_eq!(tape.plans(), 1);
    let bits = gradient.flat().to_vec();
    tape.check_finite(true);
    // Finite: the same bits, and no complaint.
    assert_eq!((run(&mut tape, &params, &mut gradient), gradient.flat()), (losses[2], &bits[..]));
    params.flat_mut()[3] = f64::INFINITY;
    let found = message(|| run(&mut tape, &params, &mut gradient));
    assert!(found.starts_with("check_finite: parameter holds inf at [0, 3]\n"), "{found}");
    assert!(found.contains("near parameter `mlp.0.weight`"), "{found}");
    // Where the check is off again, the plan goes on; after an error, the next step is right again.
    params.flat_mut()[3] = 0.1;
    run(&mut tape, &params, &mut gradient);
    let (checked, bits) = (run(&mut tape, &params, &mut gradient), gradient.flat().to_vec());
    tape.check_finite(false);
    assert_eq!((run(&mut tape, &params, &mut gradient), gradient.flat()), (checked, &bits[..]));
    assert_eq!(tape.plans(), 1);
}

#[test]
fn the_batch_whose_value_is_not_finite_names_its_op_from_the_first_on() {
    // In the first batch nothing is planned: what was computed is looked at once more.
    for rows in [array![[-1.0], [1.0], [2.0]], array![[2.0], [1.0], [-1.0]]] {
        let mut params = Params::<f64>::new();
        let w = params.add("w", [1, 1], || 1.0);
        let report = minimize_batches(Batches::single(&rows, &rows), |step, x, _| {
            step.input(x).matmul(step.param(w)).ln().mean()
        })
        .with(Sgd::new(1e-6))
        .until(stop::max_epochs(1))
        .run(&mut params);
        let text = report.reason.to_string();
        assert!(text.contains("ln gives NaN at [0, 0]") && text.contains("near parameter `w`"), "{text}");
    }
}

#[test]
fn values_that_are_given_are_named_themselves() {
    let (params, mut tape) = (Params::<f64>::new(), checked());
    let found = message(|| {
        let step = tape.record(&params);
        let x = step.variable(&[1.0]);
        let y = x.exp();
        step.replay(&[(y, &array![f64::NAN])], &[y.square()])
    });
    assert!(found.starts_with("check_finite: exp gives NaN at [0]\n"), "{found}");
}

#[test]
fn finite_programs_and_what_is_not_read_pass() {
    let mut params = Params::<f64>::new();
    let (w, zero) = (params.add("w", [3], || 0.5), params.add("zero", [3], || 0.0));
    let broken = array![f64::NAN, f64::INFINITY, 0.0];
    let (mut tape, mut gradient) = (checked(), params.gradient());
    for _ in 0..3 {
        let step = tape.record(&params);
        let (w, zero) = (step.param(w), step.param(zero));
        let _ = (step.input(&broken).exp(), zero.ln(), (w / zero).sum()); // nobody reads these
        let unread = zero.sqrt().sum().gradient(zero); // nor this derivative
        let loss = (w.tanh() * zero.exp()).sum();
        let value = loss.backward(&mut gradient);
        assert!((value - 3.0 * 0.5_f64.tanh()).abs() < 1e-15);
        assert_eq!(unread.shape(), [3]);
    }
    // The largest numbers are finite.
    let step = tape.record(&params);
    assert_eq!(step.input(&[f64::MAX, f64::MIN, 5e-324]).max().item(), f64::MAX);
}
