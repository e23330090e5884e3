//! Operators against each other, over arrays and over parameters, nested to any order.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gradus::prelude::*;

use crate::{assert_close, vector, wave};

/// A function from 3 numbers to 5 or 2, with curvature everywhere.
fn wide<'t, T: Real>(x: Var<'t, T>) -> Var<'t, T> {
    let w = x.constant(&wave::<T>(0.3, &[3, 5]).into_dimensionality::<ndarray::Ix2>().unwrap());
    x.matmul(w).tanh() * x.square().sum() + x.exp().sum()
}

fn narrow<'t, T: Real>(x: Var<'t, T>) -> Var<'t, T> {
    wide(x).slice(s![1..3])
}

fn scalar<'t, T: Real>(x: Var<'t, T>) -> Var<'t, T> {
    wide(x).square().sum()
}

fn jvp_and_vjp_are_columns_and_rows<T: Real>(tolerance: f64) {
    type F<T> = for<'t> fn(Var<'t, T>) -> Var<'t, T>;
    let x = vector::<T>(0.7, 3);
    for (f, n) in [(wide as F<T>, 5), (narrow as F<T>, 2)] {
        // Five rows and three columns run forwards, two rows backwards.
        let j = jacobian(f, &x);
        assert_eq!(j.dim(), (n, 3));
        for k in 0..3 {
            let unit = Array1::from_shape_fn(3, |i| T::of(f64::from(u8::from(i == k))));
            assert_close(&jvp(f, &x, &unit), j.column(k), tolerance);
        }
        for k in 0..n {
            let unit = Array1::from_shape_fn(n, |i| T::of(f64::from(u8::from(i == k))));
            assert_close(&vjp(f, &x, &unit), j.row(k), tolerance);
        }
    }
    let (v, h) = (vector::<T>(2.1, 3), hessian(scalar, &x));
    assert_close(&hvp(scalar, &x, &v), &h.dot(&v), tolerance);
    assert_close(&h, &h.t().to_owned(), tolerance);
    // Of a sum of squares, J is that of `wide` and H twice the identity.
    let j = jacobian(wide, &x);
    let product = gauss_newton_vp(wide, |z| z.square().sum(), &x, &v);
    assert_close(&product, &j.t().dot(&j.dot(&v)).mapv(|x| x + x), tolerance);
}

#[test]
fn jvp_and_vjp_are_columns_and_rows_in_both_types() {
    jvp_and_vjp_are_columns_and_rows::<f64>(1e-13);
    jvp_and_vjp_are_columns_and_rows::<f32>(2e-5);
}

#[test]
fn a_linear_network_has_its_hessian_as_gauss_newton_matrix() {
    // Without curvature of the network both products are the same.
    let (x, v, labels) = (wave::<f64>(0.1, &[4, 3]), wave(0.9, &[4, 3]), [0, 2, 1, 2]);
    let gn = gauss_newton_vp(|x| x * 2.0 + 1.0, |z| cross_entropy(z, labels), &x, &v);
    let hv = hvp(|x| cross_entropy(x * 2.0 + 1.0, labels), &x, &v);
    assert_close(&gn, &hv, 1e-14);
}

struct Model {
    params: Params<f64>,
    mlp: Mlp,
    x: Array2<f64>,
    y: Array2<f64>,
}

fn model() -> Model {
    let mut params = Params::new();
    let mlp = Mlp::new(&mut params, "mlp", &[3, 4, 2], Activation::Tanh, &mut StdRng::seed_from_u64(5));
    let array = |start, shape: &[usize]| wave(start, shape).into_dimensionality().unwrap();
    Model { params, mlp, x: array(0.2, &[6, 3]), y: array(1.2, &[6, 2]) }
}

#[test]
fn operators_over_parameters_agree_with_those_over_arrays() {
    let Model { params, mlp, x, y } = model();
    // The same network as a function of one flat array.
    let (x, y) = (&x, &y);
    let flat = Array1::from(params.flat().to_vec());
    let network = objective(|w: Var<'_, f64>| {
        let part = |from: usize, shape: [usize; 2]| w.slice(s![from..from + shape[0] * shape[1]]).reshape(shape);
        let hidden = (w.constant(&array![[0.0]]) + w.constant(x)).matmul(part(0, [3, 4])) + part(12, [1, 4]);
        hidden.tanh().matmul(part(16, [4, 2])) + part(24, [1, 2])
    });
    let loss = objective(|w: Var<'_, f64>| (network(w) - w.constant(y)).square().mean());
    let v = vector(0.4, flat.len());
    let direction = v.as_slice().unwrap();

    let (value, gradient) = model::value_and_grad(&params, |step| mse(mlp.forward(step.input(x)), step.input(y)));
    let (expected, expected_gradient) = value_and_grad(loss, &flat);
    assert_close([&value], [&expected], 1e-14);
    assert_close(gradient.flat(), &expected_gradient, 1e-14);
    assert_eq!(gradient.unreached().count(), 0);

    let product = model::hvp(&params, |step| mse(mlp.forward(step.input(x)), step.input(y)), direction);
    assert_close(product.flat(), &hvp(loss, &flat, &v), 1e-13);
    let h = model::hessian(&params, |step| mse(mlp.forward(step.input(x)), step.input(y)));
    assert_close(&h, &hessian(loss, &flat), 1e-13);
    assert_close(product.flat(), &h.dot(&v), 1e-13);

    let j = model::jacobian(&params, |step| mlp.forward(step.input(x)));
    assert_eq!(j.dim(), (12, 26));
    assert_close(&j, &jacobian(network, &flat), 1e-14);
    assert_close(&model::jvp(&params, |step| mlp.forward(step.input(x)), direction), &j.dot(&v), 1e-13);
    let c = wave(0.8, &[6, 2]);
    let back = model::vjp(&params, |step| mlp.forward(step.input(x)), &c);
    assert_close(back.flat(), &j.t().dot(&c.flatten().to_owned()), 1e-13);

    let target = y;
    let product =
        model::gauss_newton_vp(&params, |step| mlp.forward(step.input(x)), |z| mse(z, z.constant(target)), direction);
    assert_close(product.flat(), &j.t().dot(&j.dot(&v)).mapv(|x| x / 6.0), 1e-13);
}

#[test]
fn a_tall_jacobian_over_parameters_runs_forwards() {
    let mut params = Params::<f64>::new();
    let (a, b) = (params.add("a", [1], || 0.5), params.add("b", [1], || 2.0));
    let x = array![1.0, 2.0, 3.0];
    let j = model::jacobian(&params, |step| (step.param(a) * step.input(&x)).exp() * step.param(b));
    let e = x.mapv(|x| (0.5 * x).exp());
    assert_close(j.column(0), &(2.0 * &x * &e), 1e-15);
    assert_close(j.column(1), &e, 1e-15);
}

/// 3·x, which counts how often it is computed, and so does its derivative, which is the same.
struct Tripled(AtomicUsize);

#[derive(Clone)]
struct Triple(Arc<Tripled>);

impl CustomOp<f64> for Triple {
    fn shape(&self, inputs: &[Shape]) -> Shape {
        inputs[0]
    }

    fn eval(&self, inputs: &[ndarray::ArrayViewD<'_, f64>], out: &mut [f64]) {
        self.0.0.fetch_add(1, Ordering::Relaxed);
        out.iter_mut().zip(&inputs[0]).for_each(|(y, x)| *y = 3.0 * x);
    }

    fn vjp<'t>(&self, _: &[Var<'t, f64>], _: Var<'t, f64>, c: Var<'t, f64>) -> Vec<Cotangent<'t, f64>> {
        vec![c.custom(Arc::new(self.clone()), &[c]).into()]
    }
}

#[test]
fn a_jacobian_runs_once_for_each_row_or_column_whichever_are_fewer() {
    for (tall, rows) in [(true, 24), (false, 2)] {
        // From 2 numbers to 24, or from 24 to 2.
        let n = if tall { 2 } else { 24 };
        let (x, w) =
            (vector::<f64>(0.7, n), wave::<f64>(0.3, &[n, rows]).into_dimensionality::<ndarray::Ix2>().unwrap());
        let expected = 3.0 * &w.t();
        let count = Arc::new(Tripled(AtomicUsize::new(0)));
        let op: Arc<dyn CustomOp<f64>> = Arc::new(Triple(count.clone()));
        let over_an_array = jacobian(|x| x.custom(op.clone(), &[x]).matmul(x.constant(&w)), &x);
        let array = count.0.swap(0, Ordering::Relaxed);
        let mut params = Params::<f64>::new();
        let a = params.add_array("a", &x);
        let over_parameters = model::jacobian(&params, |step| {
            let a = step.param(a);
            a.custom(op.clone(), &[a]).matmul(a.constant(&w))
        });
        let parameters = count.0.load(Ordering::Relaxed);
        assert_close(&over_an_array, &expected, 1e-15);
        assert_close(&over_parameters, &expected, 1e-15);
        for count in [array, parameters] {
            assert!((2..=4).contains(&count), "{rows} rows of {n}: {count} runs");
        }
    }
}

#[test]
fn frozen_parameters_have_zeros_and_no_say() {
    let Model { mut params, mlp, x, y } = model();
    params.freeze(|name| name == "mlp.0.weight");
    let (x, y) = (&x, &y);
    let v = vector::<f64>(0.4, params.len());
    let mut masked = v.clone();
    masked.slice_mut(s![..12]).fill(0.0);
    let product = model::hvp(&params, |step| mse(mlp.forward(step.input(x)), step.input(y)), v.as_slice().unwrap());
    assert!(product.flat()[..12].iter().all(|&g| g == 0.0) && product.flat()[12..].iter().all(|&g| g != 0.0));
    let h = model::hessian(&params, |step| mse(mlp.forward(step.input(x)), step.input(y)));
    assert!(h.slice(s![..12, ..]).iter().chain(h.slice(s![.., ..12])).all(|&h| h == 0.0));
    assert_close(product.flat(), &h.dot(&masked), 1e-13);
    let j = model::jacobian(&params, |step| mlp.forward(step.input(x)));
    assert!(j.slice(s![.., ..12]).iter().all(|&j| j == 0.0));
    let along = model::jvp(&params, |step| mlp.forward(step.input(x)), v.as_slice().unwrap());
    assert_close(&along, &j.dot(&masked), 1e-13);
}

#[test]
fn auxiliary_outputs_come_along_and_do_not_count() {
    let calls = Cell::new(0);
    let (loss, gradient, [logits, norm]) = value_and_grad_aux(
        |x| {
            calls.set(calls.get() + 1);
            let logits = x * 3.0;
            (logits.sum(), [logits, x.square().sum()])
        },
        &array![1.0, 2.0],
    );
    assert_eq!((loss, gradient, calls.get()), (9.0, array![3.0, 3.0], 1));
    assert_eq!((logits, norm), (array![3.0, 6.0].into_dyn(), ndarray::arr0(5.0).into_dyn()));
}

#[test]
fn inputs_parameters_and_intermediates_at_once() {
    let Model { params, mlp, x, .. } = model();
    let mut tape = Tape::new();
    let step = tape.record(&params);
    let x = step.variable(&x);
    let handles: Vec<_> = params.params().map(|param| step.param(param)).collect();
    let hidden = x.affine(handles[0], handles[1]);
    let loss = hidden.tanh().affine(handles[2], handles[3]).square().sum();
    let all = loss.gradients(&[&handles[..], &[x, hidden]].concat());
    let model = model::grad(&params, |step| mlp.forward(step.constant(&x.value())).square().sum());
    for (g, param) in all.iter().zip(params.params()) {
        assert_close(&g.value(), model.value(param), 1e-14);
    }
    // The chain rule joins what was asked for: x̄ = h̄·Wᵀ and the bias gets the sum of h̄.
    let (of_x, of_hidden) = (all[4], all[5]);
    assert_close(&of_x.value(), &of_hidden.matmul(handles[0].t()).value(), 1e-14);
    assert_close(&all[1].value(), &of_hidden.sum_axis(0).value(), 1e-14);
}

#[test]
fn operators_nest() {
    // d/dx [∂(z·x)/∂z at z = x] is 1; with the alias forgotten it would be 2.
    assert_eq!(grad(|x| x.grad_of(|z| (z * x).sum()).sum(), &array![3.0]), array![1.0]);
    assert_eq!(grad(|x| (x * x).sum().gradient(x).sum(), &array![3.0]), array![2.0]);
    // A jvp in a gradient, a gradient in a jvp, a Hessian of a Hessian's trace.
    let x = array![0.4, 0.9];
    let ones = array![1.0, 1.0];
    let inside = grad(|x| x.sin().jvp(x, x.constant(&ones)).sum(), &x);
    assert_close(&inside, &x.mapv(|x: f64| -x.sin()), 1e-15);
    let outside = jvp(|x| x.sin().sum().gradient(x), &x, &ones);
    assert_close(&outside, &inside, 1e-15);
    let third = hessian(
        |x| {
            let h = x.powi(4).sum().gradient(x).sum().gradient(x); // 12x²
            h.sum()
        },
        &x,
    );
    assert_close(&third, &array![[24.0, 0.0], [0.0, 24.0]], 1e-13);
    // Functions of several arrays, and an operator inside of one over parameters.
    let mut params = Params::<f64>::new();
    let w = params.add("w", [2], || 0.5);
    let product = model::hvp(
        &params,
        |step| {
            let w = step.param(w);
            w.grad_of(|z| (z.powi(3) * w).sum()).sum() // 3w²·w
        },
        &[1.0, 0.0],
    );
    assert_close(product.flat(), &[9.0, 0.0], 1e-14); // (3w³)″ = 18w
}

#[test]
fn jvps_of_several_tensors_are_one_sweep() {
    // Two more inputs cost what they add, not two more sweeps over all of it.
    let instructions = |n: usize| {
        let (params, mut tape) = (Params::<f64>::new(), Tape::new());
        let step = tape.record(&params);
        let xs: Vec<_> = (0..n).map(|_| step.variable(&[0.5])).collect();
        let y = (0..50).fold(xs.iter().copied().sum::<Var<'_, f64>>(), |y, _| y.sin());
        let _ = y.jvps(&xs, &xs);
        tape.len()
    };
    assert!(instructions(3) - instructions(1) <= 2 * 10, "{} and {}", instructions(3), instructions(1));
}

#[test]
fn zero_size_inputs_have_empty_derivatives() {
    let empty = Array1::<f64>::zeros(0);
    assert_eq!(value(|x| x.square().sum(), &empty), 0.0);
    assert_eq!(grad(|x| x.square().sum(), &empty).len(), 0);
    assert_eq!(hvp(|x| x.square().sum(), &empty, &empty).len(), 0);
    assert_eq!(jvp(|x| x.square().sum(), &empty, &empty).sum(), 0.0);
    assert_eq!(jacobian(|x| x.square(), &empty).dim(), (0, 0));
    assert_eq!(jacobian(|x| x.sum(), &empty).dim(), (1, 0));
    assert_eq!(hessian(|x| x.square().sum(), &empty).dim(), (0, 0));
    assert_eq!(gauss_newton_vp(|x| x.square(), |z| z.sum(), &empty, &empty).len(), 0);
    let line = linearize(|x| x.square(), &empty);
    assert_eq!((line.value().len(), line.jvp(&empty).len(), line.vjp(&empty).len()), (0, 0, 0));
    let none = Params::<f64>::new();
    let (value, gradient) = model::value_and_grad(&none, |step| step.scalar(2.0).square());
    assert_eq!((value, gradient.flat().len()), (4.0, 0));
    assert_eq!(model::hessian(&none, |step| step.scalar(2.0).square()).dim(), (0, 0));
    assert_eq!(model::jacobian(&none, |step| step.ones([3])).dim(), (3, 0));
    assert_eq!(model::hvp(&none, |step| step.scalar(2.0).square(), &[]).flat().len(), 0);
}
