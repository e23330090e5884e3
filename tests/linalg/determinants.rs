//! Determinants with their sign: closed forms, singular matrices, derivatives to second order.

use gradus::prelude::*;
use ndarray::{Array3, Axis};

use crate::panics::assert_panics;
use crate::{SINGULAR, distance, of, random};

/// The sign and the logarithm.
fn slogdet<T: Real, D: ndarray::Dimension>(a: &ndarray::Array<T, D>) -> [ArrayD<T>; 2] {
    let (params, mut tape) = (Params::new(), Tape::new());
    let step = tape.record(&params);
    let (sign, log) = step.input(a).slogdet();
    [sign.value(), log.value()]
}

/// Exchanges the first two rows: another sign of the determinant.
fn exchanged(mut a: Array2<f64>) -> Array2<f64> {
    let first = a.row(0).to_owned();
    let second = a.row(1).to_owned();
    a.row_mut(0).assign(&second);
    a.row_mut(1).assign(&first);
    a
}

#[test]
fn signs_and_logarithms() {
    fn holds<T: Real>() {
        // Permutations of three rows, scaled: the determinant is their sign times 8.
        let permutations =
            [([0, 1, 2], 1.0), ([1, 0, 2], -1.0), ([0, 2, 1], -1.0), ([1, 2, 0], 1.0), ([2, 1, 0], -1.0)];
        for (order, sign) in permutations {
            let a = Array2::from_shape_fn((3, 3), |(i, j)| if order[i] == j { T::of(2.0) } else { T::zero() });
            for (a, sign) in [(a.clone(), sign), (a.mapv(|x| -x), -sign)] {
                let [found, log] = slogdet(&a);
                assert_eq!(found.sum().as_f64(), sign, "{a}");
                assert!((log.sum().as_f64() - 8_f64.ln()).abs() < 4.0 * T::epsilon().as_f64(), "{a}");
            }
        }
    }
    holds::<f32>();
    holds::<f64>();
    for n in [2, 3, 7] {
        let (a, b) = (random(n, 20), exchanged(random(n, 20)));
        let [(sign, log), (other, same)] = [&a, &b].map(|a| slogdet(a).map(|x| x.sum()).into());
        assert_eq!(sign, -other);
        assert_eq!(log, value(|x| x.logdet(), &a));
        assert!((log - same).abs() < 1e-14);
    }
}

#[test]
fn what_overflows_as_a_determinant() {
    let [sign, log] = slogdet(&(-1e300 * Array2::<f64>::eye(5)));
    assert_eq!(sign.sum(), -1.0);
    assert!((log.sum() - 5.0 * 1e300_f64.ln()).abs() < 1e-11);
}

#[test]
fn batches_with_singular_and_broken_matrices() {
    let mut a = Array3::from_shape_fn((4, 3, 3), |(b, i, j)| random(3, b as u64)[[i, j]]);
    a.index_axis_mut(Axis(0), 1).assign(&exchanged(random(3, 1)));
    a.index_axis_mut(Axis(0), 2).fill(1.0);
    a[[3, 0, 0]] = f64::NAN;
    let [signs, logs] = slogdet(&a);
    for k in 0..2 {
        let one = a.index_axis(Axis(0), k).to_owned();
        let [sign, log] = slogdet(&one);
        assert_eq!((signs[[k]], logs[[k]]), (sign.sum(), log.sum()));
    }
    assert_eq!(signs[[0]], -signs[[1]]);
    assert_eq!((signs[[2]], logs[[2]]), (0.0, f64::NEG_INFINITY));
    assert!(signs[[3]].is_nan() && logs[[3]].is_nan());
    let none = Array3::<f64>::zeros((2, 0, 0));
    assert_eq!(slogdet(&none), [array![1.0, 1.0].into_dyn(), array![0.0, 0.0].into_dyn()]);
    assert_eq!(slogdet(&Array3::<f64>::zeros((0, 2, 2)))[0].shape(), [0]);
}

#[test]
fn derivatives_in_closed_form_and_by_differences() {
    for n in [1, 2, 4] {
        let a = if n == 1 { array![[-3.0]] } else { exchanged(random(n, 21)) };
        assert!(slogdet(&a)[0].sum().abs() == 1.0);
        let inverse = of(|x| x.inverse(), &a);
        assert!(distance(&grad(|x| x.slogdet().1, &a), inverse.t()) < 1e-13);
        assert_eq!(grad(|x| x.slogdet().0, &a), Array2::<f64>::zeros((n, n)));
        // det A = sign · e^log, d det A = det A · A⁻ᵀ.
        let det = objective(|x: Var<'_, f64>| {
            let (sign, log) = x.slogdet();
            sign * log.exp()
        });
        assert!(distance(&grad(det, &a), (value(det, &a) * &inverse).t()) < 1e-13);
        // ∂² ln|det A| / ∂Aᵢⱼ∂Aₖₗ = −(A⁻¹)ⱼₖ·(A⁻¹)ₗᵢ.
        let expected = Array2::from_shape_fn((n * n, n * n), |(p, q)| {
            let ([i, j], [k, l]) = ([p / n, p % n], [q / n, q % n]);
            -inverse[[j, k]] * inverse[[l, i]]
        });
        assert!(distance(&hessian(|x| x.slogdet().1, &a), &expected) < 1e-12);
        check::gradients(|v| v[0].slogdet().1, &[&a]).order(2).assert();
        check::gradients(|v| det(v[0]), &[&a]).order(2).assert();
    }
    let batch = Array3::from_shape_fn((3, 2, 2), |(b, i, j)| random(2, b as u64)[[i, 1 - j]]);
    check::gradients(|v| v[0].slogdet().1, &[&batch]).order(2).assert();
    // A weight of 0 that moves: the derivative for A is 0 there, the mixed one is not.
    check::gradients(|v| (v[0] * v[1].slogdet().1).sum(), &[&array![0.0, 1.0, 0.0], &batch]).order(2).assert();
}

#[test]
fn singular_matrices_are_refused_by_the_derivative_that_needs_their_inverse_alone() {
    let a = array![[[1.0, 2.0], [2.0, 4.0]], [[0.0, 2.0], [1.0, 0.0]]];
    assert_eq!(grad(|x| x.slogdet().0.sum(), &a), Array3::<f64>::zeros((2, 2, 2)));
    // Chosen by the sign.
    let chosen = grad(
        |x| {
            let (sign, log) = x.slogdet();
            sign.ne(0.0).select(log, 0.0).sum()
        },
        &a,
    );
    assert_eq!(chosen, array![[[0.0, 0.0], [0.0, 0.0]], [[0.0, 0.5], [1.0, 0.0]]]);
    let (params, mut tape) = (Params::<f64>::new(), Tape::new());
    let step = tape.record(&params);
    let x = step.variable(&a);
    let gradient = x.slogdet().1.sum().gradient(x);
    let text = format!("solve: [2, 2, 2]: matrix [0] {SINGULAR}");
    let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| gradient.value())).unwrap_err();
    assert!(found.downcast_ref::<String>().unwrap().starts_with(&text));
    assert_panics("slogdet: [2] is no matrix", || step.zeros([2]).slogdet());
    assert_panics("slogdet: [2, 3]: 2 rows and 3 columns, expected a square matrix", || step.zeros([2, 3]).slogdet());
}

#[test]
fn plans_compute_the_same_bits() {
    let mut params = Params::<f64>::new();
    let w = params.add_array("w", &exchanged(random(4, 22)));
    let (mut tape, mut gradient) = (Tape::new(), params.gradient());
    let runs = [0, 1, 2].map(|_| {
        let step = tape.record(&params);
        let (sign, log) = step.param(w).slogdet();
        let value = (sign * log + log.square()).backward(&mut gradient);
        (value, gradient.flat().to_vec())
    });
    assert!(runs[0] == runs[1] && runs[1] == runs[2] && tape.plans() == 1);
}
