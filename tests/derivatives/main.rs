//! Derivative operators: closed forms, orders, operators against each other, what they cost, and their messages.

use gradus::prelude::*;

mod checkpoint;
mod closed_forms;
mod cost;
mod counted;
mod held;
mod linearize;
mod messages;
mod operators;
mod orders;
#[path = "../support/panics.rs"]
mod panics;

/// sin(start), sin(start + 1), …
fn wave<T: Real>(start: f64, shape: &[usize]) -> ArrayD<T> {
    let mut at = start - 1.0;
    ArrayD::from_shape_simple_fn(shape, || {
        at += 1.0;
        T::of(at.sin())
    })
}

fn vector<T: Real>(start: f64, n: usize) -> Array1<T> {
    wave(start, &[n]).into_dimensionality().unwrap()
}

#[track_caller]
fn assert_close<'a, T: Real>(
    found: impl IntoIterator<Item = &'a T>,
    expected: impl IntoIterator<Item = &'a T>,
    tolerance: f64,
) {
    let (found, expected): (Vec<_>, Vec<_>) = (found.into_iter().collect(), expected.into_iter().collect());
    assert_eq!(found.len(), expected.len());
    for (k, (a, b)) in found.iter().zip(&expected).enumerate() {
        let (a, b) = (a.as_f64(), b.as_f64());
        assert!((a - b).abs() <= tolerance * b.abs().max(1.0), "element {k}: {a}, expected {b}");
    }
}
