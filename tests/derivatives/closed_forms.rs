//! Gradients, Jacobians and Hessians against formulas from books.

use gradus::prelude::*;
use ndarray::{Axis, Ix2};

use crate::{assert_close, vector, wave};

fn matrix<T: Real>(start: f64, rows: usize, columns: usize) -> Array2<T> {
    wave(start, &[rows, columns]).into_dimensionality::<Ix2>().unwrap()
}

/// ½xᵀAx + bᵀx: gradient ½(A + Aᵀ)x + b, Hessian ½(A + Aᵀ).
fn quadratic<T: Real>(tolerance: f64) {
    let (a, b, x) = (matrix::<T>(0.2, 6, 6), vector::<T>(1.1, 6), vector::<T>(2.7, 6));
    let f = objective(|x: Var<'_, T>| x.dot(x.constant(&a).matmul(x)) * 0.5 + x.constant(&b).dot(x));
    let half = T::of(0.5);
    let symmetric = (&a + &a.t()).mapv(|x| x * half);
    assert_close(&grad(f, &x), &(symmetric.dot(&x) + &b), tolerance);
    assert_close(&hessian(f, &x), &symmetric, tolerance);
}

/// Mean of ln(1 + e^(−ȳ x·w)): gradient Xᵀ(σ(Xw) − y)/n, Hessian Xᵀ diag(σ(1 − σ)) X/n.
fn logistic_regression<T: Real>(tolerance: f64) {
    let (x, w) = (matrix::<T>(0.4, 20, 4), vector::<T>(0.9, 4));
    let y = Array1::from_shape_fn(20, |i| T::of(f64::from(u8::from(i % 3 == 0))));
    let f = objective(|w: Var<'_, T>| bce_with_logits(w.constant(&x).matmul(w), w.constant(&y)));
    let one = T::one();
    let sigma = x.dot(&w).mapv(|z| one / (one + (-z).exp()));
    let n = T::of(20.0);
    assert_close(&grad(f, &w), &x.t().dot(&(&sigma - &y)).mapv(|g| g / n), tolerance);
    let weights = sigma.mapv(|s| s * (one - s) / n).insert_axis(Axis(1));
    assert_close(&hessian(f, &w), &x.t().dot(&(&x * &weights)), tolerance);
}

/// Softmax: J = diag(p) − ppᵀ; log-softmax: J = I − 1pᵀ; logsumexp: gradient p, Hessian diag(p) − ppᵀ.
fn softmax<T: Real>(tolerance: f64) {
    let x = vector::<T>(0.3, 5).mapv(|x| x + x);
    let e = x.mapv(T::exp);
    let p = e.mapv(|e_i| e_i / e.sum());
    let unit = |i: usize, j: usize| if i == j { T::one() } else { T::zero() };
    let curved = Array2::from_shape_fn((5, 5), |(i, j)| unit(i, j) * p[i] - p[i] * p[j]);
    assert_close(&jacobian(|x| x.softmax(0), &x), &curved, tolerance);
    let logarithm = Array2::from_shape_fn((5, 5), |(i, j)| unit(i, j) - p[j]);
    assert_close(&jacobian(|x| x.log_softmax(0), &x), &logarithm, tolerance);
    assert_close(&grad(|x| x.logsumexp(), &x), &p, tolerance);
    assert_close(&hessian(|x| x.logsumexp(), &x), &curved, tolerance);
    let row = x.clone().insert_axis(Axis(0));
    assert_close(&hessian(|x| cross_entropy(x, [2]), &row), &curved, tolerance);
}

/// Σ 100(xᵢ₊₁ − xᵢ²)² + (1 − xᵢ)²: a tridiagonal Hessian with 1200xᵢ² − 400xᵢ₊₁ + 2 (and 200) on its diagonal and −400xᵢ
/// beside it.
fn rosenbrock<T: Real>(tolerance: f64) {
    for n in [2, 3, 10] {
        let x = vector::<T>(0.6, n);
        let f = objective(|x: Var<'_, T>| {
            let (head, tail) = (x.slice(s![..-1]), x.slice(s![1..]));
            (100.0 * (tail - head * head).square() + (1.0 - head).square()).sum()
        });
        let at = |i: usize| x[i].as_f64();
        let expected = Array2::from_shape_fn((n, n), |(i, j)| {
            let own = if i + 1 < n { 1200.0 * at(i) * at(i) - 400.0 * at(i + 1) + 2.0 } else { 0.0 };
            T::of(match i.abs_diff(j) {
                0 => own + if i > 0 { 200.0 } else { 0.0 },
                1 => -400.0 * at(i.min(j)),
                _ => 0.0,
            })
        });
        assert_close(&hessian(f, &x), &expected, tolerance);
        let slope = Array1::from_shape_fn(n, |i| {
            let ahead =
                if i + 1 < n { -400.0 * at(i) * (at(i + 1) - at(i) * at(i)) - 2.0 * (1.0 - at(i)) } else { 0.0 };
            let behind = if i > 0 { 200.0 * (at(i) - at(i - 1) * at(i - 1)) } else { 0.0 };
            T::of(ahead + behind)
        });
        assert_close(&grad(f, &x), &slope, tolerance);
    }
}

/// ‖x‖: gradient x/‖x‖, Hessian (I − x̂x̂ᵀ)/‖x‖; Πx: mixed second derivatives are the products of the others.
fn norm_and_product<T: Real>(tolerance: f64) {
    let x = vector::<T>(0.5, 4);
    let norm = x.dot(&x).sqrt();
    let unit = x.mapv(|x| x / norm);
    let expected = Array2::from_shape_fn((4, 4), |(i, j)| {
        ((if i == j { T::one() } else { T::zero() }) - unit[i] * unit[j]) / norm
    });
    assert_close(&hessian(|x| x.norm(), &x), &expected, tolerance);
    let others = Array2::from_shape_fn((4, 4), |(i, j)| {
        let rest = (0..4).filter(|&k| k != i && k != j).fold(T::one(), |p, k| p * x[k]);
        if i == j { T::zero() } else { rest }
    });
    assert_close(&hessian(|x| x.prod(), &x), &others, tolerance);
}

/// Of X ↦ tr(XᵀAX): gradient (A + Aᵀ)X; of X ↦ XB the Jacobian is the Kronecker product of 1 and Bᵀ.
fn matrices<T: Real>(tolerance: f64) {
    let (a, b, x) = (matrix::<T>(0.2, 3, 3), matrix::<T>(1.3, 2, 4), matrix::<T>(2.2, 3, 2));
    let trace = grad(|x| (x * x.constant(&a).matmul(x)).sum(), &x);
    assert_close(&trace, &(&a + &a.t()).dot(&x), tolerance);
    let kronecker =
        Array2::from_shape_fn(
            (12, 6),
            |(row, column)| {
                if row / 4 == column / 2 { b[[column % 2, row % 4]] } else { T::zero() }
            },
        );
    assert_close(&jacobian(|x| x.matmul(x.constant(&b)), &x), &kronecker, tolerance);
}

#[test]
fn in_f64() {
    quadratic::<f64>(1e-14);
    logistic_regression::<f64>(1e-14);
    softmax::<f64>(1e-14);
    rosenbrock::<f64>(1e-13);
    norm_and_product::<f64>(1e-14);
    matrices::<f64>(1e-14);
}

#[test]
fn in_f32() {
    quadratic::<f32>(1e-5);
    logistic_regression::<f32>(1e-5);
    softmax::<f32>(1e-5);
    rosenbrock::<f32>(1e-5);
    norm_and_product::<f32>(1e-5);
    matrices::<f32>(1e-5);
}

#[test]
fn the_tolerance_would_catch_a_wrong_factor() {
    let (x, wrong) = (vector::<f64>(0.5, 4), std::cell::Cell::new(false));
    let f = objective(|x: Var<'_, f64>| if wrong.get() { x.square().sum() * 1.000_001 } else { x.square().sum() });
    let right = hessian(f, &x);
    assert_close(&right, &(2.0 * Array2::eye(4)), 1e-14);
    wrong.set(true);
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        assert_close(&hessian(f, &x), &right, 1e-14);
    }));
    assert!(result.is_err());
}
