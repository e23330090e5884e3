//! Negative controls: whatever is planted is caught, at every scale, in both element types, and nothing else is.

use gradus::check::{self, Report, Verdict};
use gradus::prelude::*;
use ndarray::ArrayViewD;
use proptest::prelude::*;
use std::sync::Arc;

/// x, whose derivative claims `factor`, at all elements or at one.
struct Off {
    factor: f64,
    element: Option<usize>,
}

impl<T: Real> CustomOp<T> for Off {
    fn shape(&self, inputs: &[Shape]) -> Shape {
        inputs[0]
    }

    fn eval(&self, inputs: &[ArrayViewD<'_, T>], out: &mut [T]) {
        out.iter_mut().zip(&inputs[0]).for_each(|(y, &x)| *y = x);
    }

    fn vjp<'t>(&self, x: &[Var<'t, T>], _: Var<'t, T>, c: Var<'t, T>) -> Vec<Cotangent<'t, T>> {
        let mut weights = ArrayD::from_elem(&x[0].shape()[..], T::of(1.0));
        let chosen = |&(i, _): &(usize, &mut T)| self.element.is_none_or(|element| element == i);
        weights.iter_mut().enumerate().filter(chosen).for_each(|(_, weight)| *weight = T::of(self.factor));
        vec![(c * c.constant(&weights)).into()]
    }
}

pub(super) fn off<T: Real>(factor: f64, element: Option<usize>) -> Arc<dyn CustomOp<T>> {
    Arc::new(Off { factor, element })
}

/// x + b for a matrix and a row, or the larger of two, with something forgotten.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Forgotten {
    Nothing,
    /// The sum over the rows that b was broadcast to.
    Sum,
    /// The half of a tie.
    Tie,
}

impl<T: Real> CustomOp<T> for Forgotten {
    fn shape(&self, inputs: &[Shape]) -> Shape {
        inputs[0]
    }

    fn eval(&self, inputs: &[ArrayViewD<'_, T>], out: &mut [T]) {
        let (x, b) = (&inputs[0], inputs[1].broadcast(inputs[0].raw_dim()).unwrap());
        let joined = |(&x, &b): (&T, &T)| if *self == Forgotten::Tie { x.max(b) } else { x + b };
        out.iter_mut().zip(x.iter().zip(&b)).for_each(|(y, pair)| *y = joined(pair));
    }

    fn vjp<'t>(&self, v: &[Var<'t, T>], _: Var<'t, T>, c: Var<'t, T>) -> Vec<Cotangent<'t, T>> {
        let b = if *self == Forgotten::Sum { c.index_axis(0, 0) } else { c.sum_axis(0) };
        match self {
            Forgotten::Tie => vec![(c * v[0].ge(v[1])).into(), (c * v[1].gt(v[0])).sum_axis(0).into()],
            _ => vec![c.into(), b.into()],
        }
    }
}

/// Functions of x in units of its size, smooth ones and some with kinks. Their derivatives are all of one size.
fn function<T: Real>(kind: usize, x: Var<'_, T>) -> Var<'_, T> {
    match kind {
        0 => x.sin(),
        1 => x.square() + x,
        2 => (x * 2.0).relu() + x.tanh(),
        3 => x.maximum(x * 0.5 + 0.1) * 2.0,
        4 => x.abs() + x.exp(),
        _ => x.cumsum(0).softplus(),
    }
}

/// Checks `scale` times a function of `size` times numbers about 1, with a slip.
fn report<T: Real>(kind: usize, size: f64, scale: f64, factor: f64, element: Option<usize>, seed: u64) -> Report {
    let op = off::<T>(factor, element);
    let numbers = (0..5).map(|i| T::of(size * (0.3 + 0.1 * ((seed as f64 + f64::from(i)) * 2.3).sin()))).collect();
    let x = Array1::from_vec(numbers);
    check::gradients(|v| function(kind, v[0].custom(op.clone(), &[v[0]]) / size).sum() * scale, &[&x]).report()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, rng_seed: proptest::test_runner::RngSeed::Fixed(3), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn slips_are_caught_at_every_scale_and_in_both_types(
        kind in 0..6_usize,
        size in -4.0..6.0,
        scale in -15.0..15.0,
        factor in proptest::sample::select(vec![-1.0, 2.0, 0.5, 0.0, 1.03]),
        element in proptest::option::of(0..5_usize),
        seed in 0..1000_u64,
    ) {
        let (size, scale) = (10.0_f64.powf(size), 10.0_f64.powf(scale));
        let right = [report::<f32>(kind, size, scale, 1.0, element, seed), report::<f64>(kind, size, scale, 1.0, element, seed)];
        let wrong = [report::<f32>(kind, size, scale, factor, element, seed), report::<f64>(kind, size, scale, factor, element, seed)];
        for report in &right {
            prop_assert!(report.failures.iter().all(|failure| failure.verdict != Verdict::Mismatch), "{report}");
        }
        prop_assert!(right[1].passed(), "{}", right[1]);
        for report in &wrong {
            let caught = |i: usize| report.failures.iter().any(|failure| failure.index == format!("[{i}]"));
            for i in (0..5).filter(|&i| element.is_none_or(|element| element == i)) {
                prop_assert!(caught(i), "{i} was planted: {report}");
            }
            let others = report.failures.iter().filter(|failure| element.is_some_and(|i| failure.index != format!("[{i}]")));
            prop_assert!(others.clone().all(|failure| failure.verdict != Verdict::Mismatch), "{report}");
        }
    }
}

#[test]
fn a_forgotten_sum_and_a_dropped_tie_are_caught_at_every_scale() {
    fn verdicts<T: Real>(forgotten: Forgotten, scale: f64) -> Vec<Verdict> {
        let op: Arc<dyn CustomOp<T>> = Arc::new(forgotten);
        let (x, b) = (array![[0.3, 0.7], [0.3, -0.2]], array![0.3, 0.1]);
        let (x, b) = (x.mapv(T::of), b.mapv(T::of));
        let report =
            check::gradients(|v| v[0].custom(op.clone(), &[v[0], v[1]]).exp().sum() * scale, &[&x, &b]).report();
        report.failures.iter().map(|failure| failure.verdict).collect()
    }
    let both = |forgotten, scale| [verdicts::<f32>(forgotten, scale), verdicts::<f64>(forgotten, scale)];
    for scale in [1e-20, 1e-6, 1e-3, 1.0, 1e6, 1e20] {
        for found in both(Forgotten::Nothing, scale) {
            assert!(found.is_empty(), "{scale:e}: {found:?}");
        }
        for found in both(Forgotten::Sum, scale) {
            assert_eq!(found, [Verdict::Mismatch; 2], "{scale:e}");
        }
        // At a tie all that lies between the slopes to both sides is possible, but only the mean is confirmed.
        for found in both(Forgotten::Tie, scale) {
            assert_eq!(found, [Verdict::Inconclusive; 3], "{scale:e}");
        }
    }
}

#[test]
fn ties_that_share_equally_are_confirmed_at_every_scale() {
    fn passed<T: Real>(scale: f64) -> bool {
        let (x, b) = (array![0.3, 0.7, 0.3], array![0.3, 0.1, 2.0]);
        let (x, b) = (x.mapv(T::of), b.mapv(T::of));
        let report = check::gradients(|v| (v[0].maximum(v[1]).exp().sum() + v[0].max()) * scale, &[&x, &b]).report();
        report.passed()
    }
    for scale in [1e-20, 1e-6, 1e-3, 1.0, 1e6, 1e20] {
        assert!(passed::<f32>(scale) && passed::<f64>(scale), "{scale:e}");
    }
}
