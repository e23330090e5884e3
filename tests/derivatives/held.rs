//! What a sweep keeps: answers apart from each other, and zeros of what was not chosen.

use std::sync::Arc;

use gradus::prelude::*;
use ndarray::ArrayViewD;

#[test]
fn answers_do_not_depend_on_each_other_nor_on_the_cotangent() {
    let (params, mut tape) = (Params::<f64>::new(), Tape::new());
    let step = tape.record(&params);
    let (x, c) = (step.variable(&[0.5, 2.0]), step.variable(&[3.0, 5.0]));
    // What the sweep did not record: the cotangent itself.
    let answer = x.vjp(&[x], c)[0];
    assert_eq!((answer * c).sum().gradient(answer).value(), array![3.0, 5.0].into_dyn());
    // One that is made of another.
    let y = x.exp();
    let answers = y.square().sum().gradients(&[y, x]);
    assert_eq!(answers[1].sum().gradient(answers[0]).value(), array![0.0, 0.0].into_dyn());
    // One that was given before.
    let [first, second] = [(); 2].map(|()| x.square().sum().gradient(x));
    assert_eq!((first * second).sum().gradient(first).value(), array![1.0, 4.0].into_dyn());
}

/// √x + √(x/4), whose rule asks for two sweeps of its own.
struct Roots;

impl CustomOp<f64> for Roots {
    fn shape(&self, inputs: &[Shape]) -> Shape {
        inputs[0]
    }

    fn eval(&self, inputs: &[ArrayViewD<'_, f64>], out: &mut [f64]) {
        out.iter_mut().zip(&inputs[0]).for_each(|(y, &x)| *y = 1.5 * x.sqrt());
    }

    fn vjp<'t>(&self, x: &[Var<'t, f64>], _: Var<'t, f64>, c: Var<'t, f64>) -> Vec<Cotangent<'t, f64>> {
        let part = |y: Var<'t, f64>| y.vjp(&[x[0]], c)[0];
        vec![(part(x[0].sqrt()) + part((x[0] * 0.25).sqrt())).into()]
    }
}

#[test]
fn sweeps_inside_of_a_rule_keep_the_zeros_of_what_was_not_chosen() {
    let chosen = objective(|x| {
        let y = x.custom(Arc::new(Roots), &[x]);
        x.gt(0.0).select(y, 0.0).sum()
    });
    assert_eq!(grad(chosen, &array![0.0, 4.0]), array![0.0, 0.375]);
    // Ops that choose nothing stand between.
    let further = objective(|x| {
        let y = (x.sqrt() * 2.0).square();
        x.gt(0.0).select(y, 0.0).sum()
    });
    assert_eq!(grad(further, &array![0.0, 4.0]), array![0.0, 4.0]);
}
