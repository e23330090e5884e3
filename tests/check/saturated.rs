//! Where values within are rounded so coarsely that differences stand still: never a mismatch unless something is wrong.

use gradus::check::{self, Report, Verdict};
use gradus::prelude::*;
use ndarray::ArrayViewD;
use std::sync::Arc;

use super::slips::off;

fn count(report: &Report, verdict: Verdict) -> usize {
    report.failures.iter().filter(|failure| failure.verdict == verdict).count()
}

/// x rounded to a whole number, with a derivative that claims `slope`.
struct Stairs {
    slope: f64,
}

impl<T: Real> CustomOp<T> for Stairs {
    fn shape(&self, inputs: &[Shape]) -> Shape {
        inputs[0]
    }

    fn eval(&self, inputs: &[ArrayViewD<'_, T>], out: &mut [T]) {
        out.iter_mut().zip(&inputs[0]).for_each(|(y, &x)| *y = x.round());
    }

    fn vjp<'t>(&self, _: &[Var<'t, T>], _: Var<'t, T>, c: Var<'t, T>) -> Vec<Cotangent<'t, T>> {
        vec![(c * self.slope).into()]
    }
}

/// The network of the README after some steps of training.
fn trained(activation: Activation, seed: u64, steps: &[usize]) -> Vec<(Mlp, Params<f32>)> {
    let mut params = Params::<f32>::new();
    let mlp = Mlp::new(&mut params, "mlp", &[2, 16, 2], activation, &mut StdRng::seed_from_u64(seed));
    let (images, labels) = exclusive_or::<f32>();
    let (mut tape, mut gradient, mut optimizer) = (Tape::new(), params.gradient(), Adam::new(0.05));
    let mut snapshots = Vec::new();
    for step in 1..=steps[steps.len() - 1] {
        let recording = tape.record(&params);
        cross_entropy(mlp.forward(recording.input(&images)), labels).backward(&mut gradient);
        optimizer.step(&mut params, &gradient);
        if steps.contains(&step) {
            snapshots.push((mlp.clone(), params.clone()));
        }
    }
    snapshots
}

fn exclusive_or<T: Real>() -> (Array2<T>, [usize; 4]) {
    (array![[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]].mapv(T::of), [0, 1, 1, 0])
}

/// Checks it, with the derivative for its logits off by a factor.
fn report<T: Real>(mlp: &Mlp, params: &Params<T>, factor: Option<f64>) -> Report {
    let (images, labels) = exclusive_or::<T>();
    let op = factor.map(|factor| off::<T>(factor, None));
    let loss = check::model(params, |step| {
        let logits = mlp.forward(step.input(&images));
        cross_entropy(op.iter().fold(logits, |logits, op| logits.custom(op.clone(), &[logits])), labels)
    });
    loss.report()
}

#[test]
fn a_trained_network_in_f32_is_not_called_wrong() {
    const STEPS: [usize; 3] = [300, 1000, 3000];
    for activation in [Activation::Tanh, Activation::Sigmoid, Activation::Relu] {
        for seed in [3, 7, 11] {
            for ((mlp, params), steps) in trained(activation, seed, &STEPS).iter().zip(STEPS) {
                let case = format!("{activation:?}, seed {seed}, {steps} steps");
                for factor in [None, Some(1.0)] {
                    let right = report(mlp, params, factor);
                    assert_eq!(count(&right, Verdict::Mismatch), 0, "{case}: {right}");
                }
                // In the end the derivatives are so small that f32 sees only what makes them large.
                let factor = if steps == 3000 { -100.0 } else { -1.0 };
                let wrong = report(mlp, params, Some(factor));
                assert!(count(&wrong, Verdict::Mismatch) > 0, "{case}: {wrong}");
                let double = params.cast::<f64>();
                let right = report(mlp, &double, None);
                assert_eq!(count(&right, Verdict::Mismatch), 0, "{case}: {right}");
                let wrong = report(mlp, &double, Some(-1.0));
                assert!(count(&wrong, Verdict::Mismatch) > 0, "{case}: {wrong}");
            }
        }
    }
}

/// Saturated rows at order 2: a cross-entropy and a weighted softmax, with a slip of the logits by `factor`.
fn rows<T: Real>(gap: f64, factor: f64) -> [Report; 2] {
    let x = array![[T::of(gap), T::of(0.0), T::of(0.3 * gap)]];
    let weights = array![[T::of(0.7), T::of(-1.1), T::of(0.4)]];
    let op = off::<T>(factor, None);
    let loss =
        check::gradients(|v| cross_entropy(v[0].custom(op.clone(), &[v[0]]), [0_usize]), &[&x]).order(2).report();
    let sum =
        check::gradients(|v| (v[0].custom(op.clone(), &[v[0]]).softmax(1) * v[0].constant(&weights)).sum(), &[&x]);
    [loss, sum.order(2).report()]
}

#[test]
fn saturated_rows_at_order_2_are_not_called_wrong() {
    fn check<T: Real>() {
        for k in 0..40 {
            let gap = f64::from(k + 1);
            for report in rows::<T>(gap, 1.0) {
                assert_eq!(count(&report, Verdict::Mismatch), 0, "{} {gap}: {report}", T::NAME);
            }
        }
        // The gradient is (p − 1, …), and a slip counts twice at order 2; up to here p − 1 is far from being rounded away.
        for gap in [1.0, 3.0, 5.0] {
            for report in rows::<T>(gap, 1.1) {
                let wrong = |order| report.failures.iter().any(|e| e.order == order && e.verdict == Verdict::Mismatch);
                assert!(wrong(1) && wrong(2), "{} {gap}: {report}", T::NAME);
            }
        }
    }
    check::<f32>();
    check::<f64>();
}

#[test]
fn staircases_are_flat_from_nearby() {
    fn check<T: Real>(sizes: &[f64]) {
        for &size in sizes {
            let one = array![T::of(size + 0.3)];
            let many = Array2::from_shape_fn((3, 4), |(i, j)| T::of(size + (3 * i + 7 * j) as f64 + 0.3));
            let round = check::gradients(|v| v[0].round().sum(), &[&one]).report();
            let floor = check::gradients(|v| v[0].floor().sum(), &[&many]).report();
            let directions = check::gradients(|v| v[0].floor().sum(), &[&many]).directions(4).report();
            let product = check::gradients(|v| (v[0].round() * v[0]).sum(), &[&one]).order(2).report();
            for report in [round, floor, directions, product] {
                assert_eq!(count(&report, Verdict::Mismatch), 0, "{} {size:e}: {report}", T::NAME);
                assert!(report.passed(), "{} {size:e}: {report}", T::NAME);
            }
            // A slope that a staircase has neither from nearby nor from afar.
            for slope in [0.5, -1.0, 3.0] {
                let op: Arc<dyn CustomOp<T>> = Arc::new(Stairs { slope });
                let slipped = check::gradients(|v| v[0].custom(op.clone(), &[v[0]]).sum(), &[&one]).report();
                assert_eq!(count(&slipped, Verdict::Mismatch), 1, "{} {size:e}, {slope}: {slipped}", T::NAME);
            }
        }
    }
    check::<f32>(&[0.0, 10.0, 1e3]);
    check::<f64>(&[0.0, 10.0, 1e3, 1e6]);
}

/// 3x, whose derivative is the user's own op again, `off` by a factor, and which has no derivative for its second operand.
struct Tripled {
    off: f64,
}

impl<T: Real> CustomOp<T> for Tripled {
    fn shape(&self, inputs: &[Shape]) -> Shape {
        inputs[0]
    }

    fn eval(&self, inputs: &[ArrayViewD<'_, T>], out: &mut [T]) {
        out.iter_mut().zip(&inputs[0]).for_each(|(y, &x)| *y = x * T::of(3.0));
    }

    fn vjp<'t>(&self, x: &[Var<'t, T>], _: Var<'t, T>, c: Var<'t, T>) -> Vec<Cotangent<'t, T>> {
        let op: Arc<dyn CustomOp<T>> = Arc::new(Last);
        vec![(c.custom(op, &[c, x[1]]) * self.off).into(), Cotangent::Missing]
    }
}

/// 3x without any derivative.
struct Last;

impl<T: Real> CustomOp<T> for Last {
    fn shape(&self, inputs: &[Shape]) -> Shape {
        inputs[0]
    }

    fn eval(&self, inputs: &[ArrayViewD<'_, T>], out: &mut [T]) {
        out.iter_mut().zip(&inputs[0]).for_each(|(y, &x)| *y = x * T::of(3.0));
    }

    fn vjp<'t>(&self, x: &[Var<'t, T>], _: Var<'t, T>, _: Var<'t, T>) -> Vec<Cotangent<'t, T>> {
        x.iter().map(|_| Cotangent::Missing).collect()
    }
}

#[test]
fn derivatives_that_the_users_own_op_lacks_are_not_asked_for() {
    for (off, expected) in [(1.0, 0), (2.0, 3)] {
        let op: Arc<dyn CustomOp<f64>> = Arc::new(Tripled { off });
        let x = array![0.3, -0.2, 0.9];
        let report =
            check::gradients(|v| v[0].sin().custom(op.clone(), &[v[0].sin(), v[0].detach().exp()]).exp(), &[&x]);
        let report = report.report();
        assert_eq!(count(&report, Verdict::Mismatch), expected, "{report}");
    }
}
