//! What derivatives cost, counted: how often a planned program goes over memory, as a multiple of the function's.

use gradus::minimize::Loss;
use gradus::optim::Objective;
use gradus::prelude::*;

use crate::wave;

/// Passes over memory of the value, the gradient, a jvp and an hvp of a function of parameters.
fn passes(shapes: &[&[usize]], f: impl for<'t> Fn(&[Var<'t, f64>]) -> Var<'t, f64>) -> [usize; 4] {
    let mut params = Params::<f64>::new();
    let handles: Vec<_> = (0_u8..)
        .zip(shapes)
        .map(|(k, shape)| params.add_array(&format!("p{k}"), &wave(f64::from(k) + 0.3, shape)))
        .collect();
    let counted = |run: &dyn Fn(&mut Tape<f64>)| {
        let mut tape = Tape::new();
        // Planned when they come for the second time.
        (0..2).for_each(|_| run(&mut tape));
        assert_eq!(tape.plans(), 1);
        tape.passes()
    };
    let value = counted(&|tape| {
        let step = tape.record(&params);
        let vars: Vec<_> = handles.iter().map(|&p| step.param(p)).collect();
        let _ = f(&vars).item();
    });
    let gradient = counted(&|tape| {
        let step = tape.record(&params);
        let vars: Vec<_> = handles.iter().map(|&p| step.param(p)).collect();
        f(&vars).backward(&mut params.gradient());
    });
    let jvp = counted(&|tape| {
        let step = tape.record(&params);
        let vars: Vec<_> = handles.iter().map(|&p| step.param(p)).collect();
        let directions: Vec<_> = vars.iter().map(|v| step.constant(&v.value())).collect();
        let _ = f(&vars).jvps(&vars, &directions).item();
    });
    let hvp = counted(&|tape| {
        let step = tape.record(&params);
        let vars: Vec<_> = handles.iter().map(|&p| step.param(p)).collect();
        let along = f(&vars).gradients(&vars).into_iter().zip(&vars).map(|(g, v)| (g * v.detach()).sum());
        along.reduce(|a, b| a + b).unwrap().backward(&mut params.gradient());
    });
    [value, gradient, jvp, hvp]
}

#[test]
fn elementwise_functions() {
    let [value, gradient, jvp, hvp] =
        passes(&[&[2000]], |p| ((p[0].tanh() * 2.0 + p[0].square()).sigmoid() * p[0]).sum());
    println!("elementwise: {value}, {gradient}, {jvp}, {hvp}");
    assert_eq!([value, gradient, jvp, hvp], [1, 1, 1, 1], "all of it in one pass");
}

#[test]
fn networks() {
    // Two layers between others: 3 products a layer for the gradient and a jvp, 8 for an hvp, and passes in between.
    let [value, gradient, jvp, hvp] = passes(&[&[32, 16], &[16, 16], &[16, 16], &[16, 16]], |p| {
        p[1..].iter().fold(p[0], |x, &w| x.matmul(w).tanh()).square().mean()
    });
    println!("network: {value}, {gradient}, {jvp}, {hvp}");
    // Passes count alike whether they are products or not; of these, the function has 3.
    assert!(gradient <= 3 * value && jvp <= 2 * value && hvp <= 8 * value, "{value}, {gradient}, {jvp}, {hvp}");
}

#[test]
fn fused_ops_have_rules_of_their_own() {
    type F = for<'t> fn(&[Var<'t, f64>]) -> Var<'t, f64>;
    let ops: [(&str, &[&[usize]], F); 5] = [
        ("softmax", &[&[40, 10]], |p| p[0].softmax(1).square().sum()),
        ("log_softmax", &[&[40, 10]], |p| p[0].log_softmax(1).square().sum()),
        ("logsumexp", &[&[40, 10]], |p| p[0].logsumexp_axis(1).square().sum()),
        ("cross_entropy", &[&[4, 10]], |p| cross_entropy(p[0], [1, 2, 3, 4])),
        ("layer_norm", &[&[40, 10], &[10], &[10]], |p| p[0].layer_norm(p[1], p[2], 1e-5).square().sum()),
    ];
    for (name, shapes, f) in ops {
        let [value, gradient, jvp, hvp] = passes(shapes, f);
        println!("{name}: {value}, {gradient}, {jvp}, {hvp}");
        assert!(
            gradient <= 4 * value && jvp <= 3 * value && hvp <= 6 * value,
            "{name}: {value}, {gradient}, {jvp}, {hvp}"
        );
    }
}

#[test]
fn products_with_a_hessian_are_planned_once() {
    let mut params = Params::<f64>::new();
    let w = params.add_array("w", &wave(0.3, &[8, 8]));
    let mut loss = Loss::new(|step: Step<'_, '_, f64>| step.param(w).matmul(step.param(w)).tanh().sum());
    let mut product = params.gradient();
    for k in 0..4 {
        let v = wave::<f64>(f64::from(k), &[64]);
        loss.hessian_vector(&params, v.as_slice().unwrap(), &mut product).unwrap();
        let expected = hvp(
            |w| w.matmul(w).tanh().sum(),
            &params.value(w),
            &v.into_shape_with_order(ndarray::IxDyn(&[8, 8])).unwrap(),
        );
        assert_eq!(product.value(w), expected, "to the bit");
    }
}
