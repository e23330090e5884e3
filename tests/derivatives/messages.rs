//! Bad input: what is said, and that it points at the caller.

use gradus::prelude::*;

use crate::panics::assert_panics;

#[test]
fn a_result_that_is_no_scalar() {
    let x = array![1.0, 2.0];
    let text = "gradient: [2] is no scalar\n  help: reduce it with `sum()` or `mean()`, or give a cotangent of its shape to `vjp`";
    assert_panics(text, || grad(|x| x.square(), &x));
    assert_panics(text, || value_and_grad(|x| x.square(), &x));
    assert_panics(text, || value_and_grad_aux(|x| (x.square(), [x]), &x));
    assert_panics(text, || hvp(|x| x.square(), &x, &x));
    assert_panics(text, || hessian(|x| x.square(), &x));
    assert_panics(text, || gauss_newton_vp(|x| x.square(), |z| z.exp(), &x, &x));
    assert_panics(text, || grads(|v| v[0] * 2.0, &[&x]));
    let mut params = Params::<f64>::new();
    let w = params.add("w", [2], || 1.0);
    let near = |op: &str| format!("{op}{}\n  near parameter `w`", text.strip_prefix("gradient").unwrap());
    assert_panics(&near("grad"), || model::grad(&params, |step| step.param(w)));
    assert_panics(&near("hvp"), || model::hvp(&params, |step| step.param(w), &[1.0, 1.0]));
    assert_panics(&near("gradient"), || model::hessian(&params, |step| step.param(w)));
}

#[test]
fn directions_and_cotangents_that_do_not_fit() {
    let x = array![1.0, 2.0];
    assert_panics(
        "jvp: the direction has shape [3], the variable [2]\n  help: a direction has a number for each one of the variable",
        || jvp(|x| x.exp(), &x, &array![1.0, 2.0, 3.0]),
    );
    assert_panics(
        "vjp: the cotangent has shape [1], the output [2]\n  help: a cotangent has a weight for each number of the output",
        || vjp(|x| x.exp(), &x, &array![1.0]),
    );
    let long = array![1.0, 2.0, 3.0];
    let text = |op: &str| {
        format!(
            "{op}: the direction has shape [3], the variable [2]\n  help: a direction has a number for each one of the variable"
        )
    };
    assert_panics(&text("hvp"), || hvp(|x| x.exp().sum(), &x, &long));
    assert_panics(&text("hvp"), || hvps(|v| v[0].exp().sum(), &[&x], &[&long]));
    assert_panics("hvp: 2 directions for 1 variables\n  help: give one for each, of zeros where nothing moves", || {
        hvps(|v| v[0].exp().sum(), &[&x], &[&x, &long])
    });
    assert_panics(&text("gauss_newton_vp"), || gauss_newton_vp(|x| x.exp(), |z| z.sum(), &x, &long));
    assert_panics("jvp: 2 directions for 1 variables\n  help: give one for each, of zeros where nothing moves", || {
        jvps(|v| v[0], &[&x], &[&x, &x])
    });
    let mut params = Params::<f64>::new();
    let w = params.add("w", [2], || 1.0);
    let text = |op: &str| {
        format!(
            "{op}: the direction has 3 elements, the parameters 2\n  help: it is a slice in the order of `params.flat()`"
        )
    };
    let v = [1.0, 2.0, 3.0];
    assert_panics(&text("jvp"), || model::jvp(&params, |step| step.param(w), &v));
    assert_panics(&text("hvp"), || model::hvp(&params, |step| step.param(w).sum(), &v));
    assert_panics(&text("gauss_newton_vp"), || model::gauss_newton_vp(&params, |step| step.param(w), |z| z.sum(), &v));
    let text = "vjp: the cotangent has shape [3], the output [2]\n  help: a cotangent has a weight for each number of the output\n  near parameter `w`";
    assert_panics(text, || model::vjp(&params, |step| step.param(w), &array![1.0, 2.0, 3.0]));
}

#[test]
fn a_linearised_function_at_other_shapes() {
    let line = linearize(|x| x.sum_axis(0), &array![[1.0, 2.0], [3.0, 4.0]]);
    let help = "help: a function of another shape is another function: linearise it again";
    let text = |shape: &str| {
        format!(
            "linearize: the direction has shape {shape}, the function was linearised at a point of shape [2, 2]\n  {help}"
        )
    };
    assert_panics(&text("[1, 2]"), || line.jvp(&array![[1.0, 2.0]]));
    assert_panics(&text("[0, 2]"), || line.jvp(&Array2::zeros((0, 2))));
    assert_panics(
        "linearize: the cotangent has shape [1], the result [2]\n  help: a cotangent has a weight for each number of the result",
        || line.vjp(&array![1.0]),
    );
    assert_eq!(line.vjp(&array![1.0, 10.0]), array![[1.0, 10.0], [1.0, 10.0]], "it can be used afterwards");
    let mut params = Params::<f64>::new();
    let w = params.add("w", [2], || 1.0);
    let line = model::linearize(&params, |step| step.param(w));
    let text = "linearize: the direction has 1 elements, the parameters 2\n  help: it is a slice in the order of `params.flat()`";
    assert_panics(text, || line.jvp(&[1.0]));
}

#[test]
fn two_recordings() {
    let params = Params::<f64>::new();
    let (mut first, mut second) = (Tape::new(), Tape::new());
    let (one, two) = (first.record(&params), second.record(&params));
    let (x, y) = (one.variable(&[1.0]), two.variable(&[2.0]));
    let (at, file) = (line!() - 1, "tests/derivatives/messages.rs");
    let text = |op: &str| {
        format!(
            "{op}: the operands belong to two recordings\n  %0 = variable : f64[1]  # {file}:{at}:23\n  %0 = variable : f64[1]  # {file}:{at}:45\n  help: take values over as data, with `input` or `constant`"
        )
    };
    assert_panics(&text("add"), || x + y);
    assert_panics(&text("gradient"), || x.gradient(y));
    assert_panics(&text("gradient"), || x.vjp(&[x], y));
    assert_panics(&text("gradient"), || x.jvp(y, y));
}

#[test]
fn a_panic_in_a_replay_leaves_the_recording_usable() {
    use std::sync::Arc;
    struct Picky;
    impl CustomOp<f64> for Picky {
        fn shape(&self, inputs: &[Shape]) -> Shape {
            inputs[0]
        }
        fn eval(&self, inputs: &[ndarray::ArrayViewD<'_, f64>], out: &mut [f64]) {
            assert!(inputs[0][0] < 5.0, "too large");
            out.iter_mut().zip(&inputs[0]).for_each(|(y, x)| *y = x * x);
        }
        fn vjp<'t>(&self, x: &[Var<'t, f64>], _: Var<'t, f64>, c: Var<'t, f64>) -> Vec<Cotangent<'t, f64>> {
            vec![Cotangent::Var(c.weigh(2.0 * x[0]))]
        }
    }
    for eager in [false, true] {
        let (params, mut tape) = (Params::<f64>::new(), Tape::new());
        tape.eager(eager);
        let step = tape.record(&params);
        let x = step.variable(&[3.0]);
        let y = x.exp().custom(Arc::new(Picky), &[x]) + x;
        assert_eq!(y.item(), 12.0);
        for _ in 0..2 {
            let caught =
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| step.replay(&[(x, &array![7.0])], &[y])));
            assert!(caught.is_err());
            assert_eq!(step.replay(&[(x, &array![2.0])], &[y])[0].sum(), 6.0);
            assert_eq!(y.item(), 12.0);
        }
    }
}
