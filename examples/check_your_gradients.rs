//! Verifying gradients: in a test, by name, without a closure, and what a mistake looks like.
//!
//! A user's op computes log(1 + eˣ) and its derivative by hand. One version has a slip; the check says where, by how
//! much, and what it looks like. Copy the lines with `assert()` into your own tests.
//!
//! Expect: four checks pass, one report of a failure.

use std::sync::Arc;

use gradus::prelude::*;
use ndarray::ArrayViewD;

/// ln(1 + eˣ), with a factor in its derivative that should be 1.
struct Softplus {
    factor: f64,
}

impl<T: Real> CustomOp<T> for Softplus {
    fn name(&self) -> &'static str {
        "my_softplus"
    }

    fn shape(&self, inputs: &[Shape]) -> Shape {
        inputs[0]
    }

    fn eval(&self, inputs: &[ArrayViewD<'_, T>], out: &mut [T]) {
        for (y, &x) in out.iter_mut().zip(&inputs[0]) {
            *y = x.max(T::zero()) + (-x.abs()).exp().ln_1p();
        }
    }

    fn vjp<'t>(&self, x: &[Var<'t, T>], _y: Var<'t, T>, c: Var<'t, T>) -> Vec<Cotangent<'t, T>> {
        vec![(c * x[0].sigmoid() * self.factor).into()]
    }
}

fn main() {
    let x = array![[-2.0, 0.5], [1.0, 30.0]];

    // The op by itself: at all shapes, layouts and edge values, to second order.
    let op: Arc<dyn CustomOp<f64>> = Arc::new(Softplus { factor: 1.0 });
    check::op(1, |v: &[Var<'_, f64>]| v[0].custom(op.clone(), &[v[0]])).assert();
    println!("an op: right");

    // A function of arrays, to second order.
    check::gradients(|v| v[0].custom(op.clone(), &[v[0]]).square().sum(), &[&x]).order(2).assert();
    println!("a function of arrays: right");

    // A model, by the names of its parameters; the closure borrows the data. An f32 model is checked in f64.
    let mut params = Params::<f32>::new();
    let mlp = Mlp::new(&mut params, "mlp", &[2, 8, 3], Activation::Gelu, &mut StdRng::seed_from_u64(1));
    let (exact, labels) = (params.cast::<f64>(), [2, 0]);
    check::model(&exact, |step| cross_entropy(mlp.forward(step.input(&x)), labels)).assert();
    println!("a model: right");

    // What is on the tape already, without a closure; a few random directions instead of every element.
    let mut tape = Tape::new();
    let step = tape.record(&exact);
    let loss = mlp.forward(step.variable(&x)).logsumexp_axis(1).sum();
    loss.check().directions(2).assert();
    println!("a recording: right\n");

    // A slip.
    let op: Arc<dyn CustomOp<f64>> = Arc::new(Softplus { factor: 2.0 });
    let report = check::gradients(|v| v[0].custom(op.clone(), &[v[0]]).sum(), &[&x]).report();
    println!("{report}");
    assert!(matches!(&report.inputs[0].hint.as_ref().unwrap().slip, Some(check::Slip::Factor { .. })));
    assert_eq!(report.failures.len(), 4);
    assert!(report.failures.iter().all(|failure| (failure.ratio() - 2.0).abs() < 1e-6));
}
