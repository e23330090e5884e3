//! Gradients of first and second order against differences.

use gradus::prelude::*;

use crate::cases;
use crate::support::{Layout, sample, tensors};

#[test]
fn gradients_equal_differences_for_every_shape() {
    let mut rng = StdRng::seed_from_u64(12);
    for case in cases::all() {
        for shapes in &case.shapes {
            let inputs: Vec<_> = shapes.iter().map(|shape| sample(shape, &(-2.0..2.0), &[0.0], &mut rng)).collect();
            // `detach` says 0 on purpose.
            if inputs.iter().all(gradus::prelude::ndarray::ArrayBase::is_empty) || case.name == "detach" {
                continue;
            }
            let report = check::gradients(|v| (case.f)(v), &tensors(&inputs)).order(2).report();
            assert!(report.failures.is_empty(), "{} {shapes:?}: {report}", case.name);
        }
    }
}

#[test]
fn gradients_are_right_for_every_layout() {
    let mut rng = StdRng::seed_from_u64(13);
    for case in cases::all() {
        for shapes in &case.shapes {
            for layout in &Layout::ALL[1..] {
                let sample = |shape: &Vec<usize>| layout.source(&sample(shape, &(-2.0..2.0), &[0.0], &mut rng));
                let sources: Vec<_> = shapes.iter().map(sample).collect();
                if sources.iter().all(gradus::prelude::ndarray::ArrayBase::is_empty) || case.name == "detach" {
                    continue;
                }
                let report = check::gradients(
                    |v| (case.f)(&v.iter().map(|&x| layout.view(x)).collect::<Vec<_>>()),
                    &tensors(&sources),
                )
                .order(2)
                .directions(1)
                .report();
                assert!(report.failures.is_empty(), "{} {shapes:?} {layout:?}: {report}", case.name);
            }
        }
    }
}

/// A function of the result where the condition is 1, and a constant where it is 0.
fn chosen<'t>(condition: f64, y: Var<'t, f64>) -> Var<'t, f64> {
    y.scalar(condition).select(y.sin(), 0.0).sum()
}

#[test]
fn behind_a_choice_gradients_are_the_same() {
    let mut rng = StdRng::seed_from_u64(15);
    for case in cases::all().into_iter().filter(|case| case.name != "detach") {
        let inputs: Vec<_> = case.shapes[0].iter().map(|shape| sample(shape, &(-2.0..2.0), &[0.0], &mut rng)).collect();
        let report = check::gradients(|v| chosen(1.0, (case.f)(v)), &tensors(&inputs)).order(2).report();
        assert!(report.failures.is_empty(), "{}: {report}", case.name);
    }
}

#[test]
fn what_is_not_chosen_gets_nothing_whatever_it_holds() {
    for case in cases::all() {
        for x in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0] {
            let inputs: Vec<_> = case.shapes[0].iter().map(|shape| ArrayD::from_elem(&shape[..], x)).collect();
            for gradient in grads(|v| chosen(0.0, (case.f)(v)), &tensors(&inputs)) {
                assert!(gradient.iter().all(|&x| x == 0.0), "{} at {x}: {gradient}", case.name);
            }
            // The same for the derivative of the derivative.
            let second = grads(
                |v| {
                    let first = chosen(0.0, (case.f)(v)).gradients(v);
                    first.into_iter().map(|g| (g + 1.0).square().sum()).reduce(|a, b| a + b).expect("an input")
                },
                &tensors(&inputs),
            );
            for gradient in second {
                assert!(gradient.iter().all(|&x| x == 0.0), "{} at {x}, second order: {gradient}", case.name);
            }
        }
    }
}

#[test]
fn a_variable_used_twice_gets_both_parts() {
    let mut rng = StdRng::seed_from_u64(14);
    for case in cases::all() {
        let shapes = &case.shapes[0];
        let inputs: Vec<_> = shapes.iter().map(|shape| sample(shape, &(-2.0..2.0), &[0.0], &mut rng)).collect();
        if case.name == "detach" {
            continue;
        }
        let report = check::gradients(
            |v| {
                // Operands of one shape are one variable; and the result meets the variable again.
                let first = v[0].shape();
                let shared: Vec<_> = v.iter().map(|x| if x.shape() == first { v[0] } else { *x }).collect();
                (case.f)(&shared).square().sum() * v[0].sum() + (case.f)(&shared).sum()
            },
            &tensors(&inputs),
        )
        .order(2)
        .report();
        assert!(report.failures.is_empty(), "{} {shapes:?}: {report}", case.name);
    }
}
