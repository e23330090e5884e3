//! Hints that need evidence: what any slip would look like is none, and what shows is still told.

use std::sync::Arc;

use gradus::check::{self, Hint, Slip};
use gradus::prelude::*;
use ndarray::ArrayViewD;

use super::planted::{Planted, Vjp};

type Eval = fn(&[ArrayViewD<'_, f64>]) -> ArrayD<f64>;

/// The hint for the sum of an op of one operand.
fn hint(eval: Eval, vjp: Vjp, x: &[f64]) -> Option<Hint> {
    let op: Arc<dyn CustomOp<f64>> = Arc::new(Planted { shape: |inputs| inputs[0], eval, vjp });
    let report = check::gradients(|v| v[0].custom(op.clone(), v).sum(), &[&Array1::from_vec(x.to_vec())]).report();
    assert!(!report.passed(), "{report}");
    report.inputs[0].hint.clone()
}

fn slip(eval: Eval, vjp: Vjp, x: &[f64]) -> Option<Slip> {
    hint(eval, vjp, x)?.slip
}

#[test]
fn a_missing_mask_is_no_sum() {
    let relu: Eval = |x| x[0].mapv(|x| x.max(0.0));
    let place = |x: &[f64]| {
        let found = hint(relu, |_, _, c| vec![c.into()], x).expect("a place");
        assert_eq!(found.slip, None);
        found.place.unwrap_or_default()
    };
    assert_eq!(place(&[-5.0, 1.0, -2.0, -0.3]), "only where the input is negative");
    let both = "everywhere but at the first index of axis 0, 0, or only where the input is negative";
    assert_eq!(place(&[1.0, -5.0, -2.0, -0.3]), both);
    assert_eq!(slip(relu, |_, _, c| vec![c.into()], &[1.0, 2.0, 0.5, -0.3]), None);
    assert_eq!(slip(|x| x[0].mapv(|x| x.clamp(-1.0, 1.0)), |_, _, c| vec![c.into()], &[0.5, 3.0]), None);
    // A sum of numbers that tell of it.
    let sum: Vjp = |x, _, c| vec![(c * x[0].cos()).sum_axis(keep(0)).broadcast_to(x[0].shape()).into()];
    assert_eq!(slip(|x| x[0].mapv(f64::sin), sum, &[0.4, 1.0, -0.7]), Some(Slip::Summed { axis: 0 }));
}

#[test]
fn the_derivative_of_another_choice_is_not_moved() {
    let max: Eval = |x| ArrayD::from_elem(x[0].raw_dim(), x[0].fold(f64::MIN, |a, &b| a.max(b)) / x[0].len() as f64);
    let of_min: Vjp = |x, _, c| vec![(c.mean() * x[0].eq(x[0].min())).into()];
    for x in [[1.0, 5.0, 2.0], [1.0, 2.0, 5.0], [5.0, 1.0, 2.0]] {
        assert_eq!(slip(max, of_min, &x), None, "{x:?}");
        assert_eq!(slip(max, |_, _, c| vec![c.into()], &x), None, "{x:?}");
    }
    let moved: Vjp = |_, y, c| vec![(c * y).roll(1, 0).into()];
    assert_eq!(slip(|x| x[0].mapv(f64::exp), moved, &[0.3, 0.9, -0.4]), Some(Slip::Shifted { axis: 0 }));
}

#[test]
fn masks_that_are_swapped_both_ways_are_mixed_up() {
    let op: Arc<dyn CustomOp<f64>> = Arc::new(Planted {
        shape: |inputs| inputs[0],
        eval: |x| ndarray::Zip::from(&x[0]).and(&x[1]).map_collect(|&a, &b| a.max(b)),
        vjp: |x, _, c| vec![(c * x[0].lt(x[1])).into(), (c * x[1].lt(x[0])).into()],
    });
    let (a, b) = (array![1.0, 2.0, 0.4], array![0.5, 3.0, 0.1]);
    let report = check::gradients(|v| v[0].custom(op.clone(), v).sum(), &[&a, &b]).report();
    let slip = report.inputs[0].hint.as_ref().and_then(|hint| hint.slip.clone());
    assert_eq!(slip, Some(Slip::Swapped { with: "input 1".to_owned() }), "{report}");
}

#[test]
fn a_sum_that_the_tape_makes_is_not_asked_for() {
    fn asked(vjp: Vjp) -> bool {
        let op: Arc<dyn CustomOp<f64>> =
            Arc::new(Planted { shape: |inputs| inputs[0], eval: |x| &x[0] * &x[1].mapv(f64::sin), vjp });
        let (x, b) = (array![[0.3, -0.7, 1.9], [-1.4, 0.2, 0.8]], array![0.3, 0.7, -1.1]);
        let report = check::gradients(|v| v[0].custom(op.clone(), v), &[&x, &b]).report();
        assert!(!report.passed() && report.inputs[0].failed == 0 && report.inputs[1].failed > 0, "{report}");
        report.to_string().contains("is its cotangent summed over what was repeated?")
    }
    assert!(!asked(|x, _, c| vec![(c * x[1].sin()).into(), (c * x[0] * x[1].sin()).into()]));
    assert!(asked(|x, _, c| vec![(c * x[1].sin()).into(), (c * x[0] * x[1].cos()).index_axis(0, 0).into()]));
}
