//! Negative controls: derivatives that are wrong on purpose must be caught.

use std::sync::Arc;

use gradus::check::{Report, Verdict};
use gradus::prelude::*;
use ndarray::ArrayViewD;

/// y = x·w, summed over rows by nobody, with one of several mistakes in its derivative.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Slip {
    None,
    Sign,
    FactorTwo,
    ForgottenUnbroadcast,
    DroppedTie,
    OneElement,
    SecondOrder,
}

struct Product(Slip);

impl CustomOp<f64> for Product {
    fn name(&self) -> &'static str {
        "product"
    }

    fn shape(&self, inputs: &[Shape]) -> Shape {
        inputs[0].broadcast(&inputs[1]).unwrap()
    }

    fn eval(&self, inputs: &[ArrayViewD<'_, f64>], out: &mut [f64]) {
        let product = &inputs[0] * &inputs[1];
        out.iter_mut().zip(&product).for_each(|(y, &x)| *y = x);
    }

    fn vjp<'t>(&self, v: &[Var<'t, f64>], _: Var<'t, f64>, c: Var<'t, f64>) -> Vec<Cotangent<'t, f64>> {
        let (x, w) = (c * v[1], c * v[0]);
        let x = match self.0 {
            Slip::Sign => -x,
            Slip::FactorTwo => 2.0 * x,
            Slip::OneElement => x * x.constant(&array![[1.0, 1.0, 1.0], [1.0, 1.01, 1.0]]),
            // Right itself, but cut off from further derivatives.
            Slip::SecondOrder => c * v[1].detach(),
            _ => x,
        };
        let w = match self.0 {
            // One row instead of the sum over rows.
            Slip::ForgottenUnbroadcast => w.index_axis(0, 0),
            _ => w,
        };
        vec![x.into(), w.into()]
    }
}

fn report(slip: Slip, order: usize) -> Report {
    let op: Arc<dyn CustomOp<f64>> = Arc::new(Product(slip));
    let (x, w) = (array![[1.0, 2.0, 3.0], [0.5, -1.0, 4.0]], array![0.3, 0.7, -1.1]);
    check::gradients(move |v| v[0].custom(op.clone(), &[v[0], v[1]]).square().sum(), &[&x, &w]).order(order).report()
}

#[test]
fn the_right_derivative_passes() {
    let report = report(Slip::None, 2);
    assert!(report.passed(), "{report}");
    assert_eq!(report.checked(), 2 * (6 + 3));
}

#[test]
fn a_wrong_sign_is_caught() {
    let report = report(Slip::Sign, 1);
    assert_eq!(report.failures.len(), 6);
    for failure in &report.failures {
        assert_eq!((&failure.input[..], failure.verdict), ("input 0", Verdict::Mismatch));
        assert!((failure.ratio() + 1.0).abs() < 1e-6, "{failure}");
    }
}

#[test]
fn a_missing_factor_is_caught() {
    let report = report(Slip::FactorTwo, 1);
    assert_eq!(report.failures.len(), 6);
    assert!(report.failures.iter().all(|failure| (failure.ratio() - 2.0).abs() < 1e-6), "{report}");
}

#[test]
fn a_forgotten_unbroadcast_is_caught() {
    let report = report(Slip::ForgottenUnbroadcast, 1);
    assert_eq!(report.failures.len(), 3);
    assert!(report.failures.iter().all(|failure| failure.input == "input 1"), "{report}");
}

#[test]
fn one_wrong_element_is_caught_and_named() {
    let report = report(Slip::OneElement, 1);
    assert_eq!(report.failures.len(), 1);
    assert_eq!(report.failures[0].index, "[1, 1]");
}

#[test]
fn random_directions_catch_it_too() {
    for slip in [Slip::Sign, Slip::FactorTwo, Slip::ForgottenUnbroadcast, Slip::OneElement] {
        let op: Arc<dyn CustomOp<f64>> = Arc::new(Product(slip));
        let (x, w) = (array![[1.0, 2.0, 3.0], [0.5, -1.0, 4.0]], array![0.3, 0.7, -1.1]);
        let report =
            check::gradients(move |v| v[0].custom(op.clone(), &[v[0], v[1]]), &[&x, &w]).directions(2).report();
        assert!(!report.passed(), "{slip:?}");
    }
}

#[test]
fn a_wrong_second_derivative_is_caught_at_order_two_alone() {
    assert!(report(Slip::SecondOrder, 1).passed());
    let report = report(Slip::SecondOrder, 2);
    assert!(!report.passed());
    assert!(report.failures.iter().all(|failure| failure.order == 2), "{report}");
}

/// The larger of two, whose derivative gives a tie to the first alone.
struct Larger(Slip);

impl CustomOp<f64> for Larger {
    fn shape(&self, inputs: &[Shape]) -> Shape {
        inputs[0]
    }

    fn eval(&self, inputs: &[ArrayViewD<'_, f64>], out: &mut [f64]) {
        for ((y, &a), &b) in out.iter_mut().zip(&inputs[0]).zip(&inputs[1]) {
            *y = a.max(b);
        }
    }

    fn vjp<'t>(&self, v: &[Var<'t, f64>], _: Var<'t, f64>, c: Var<'t, f64>) -> Vec<Cotangent<'t, f64>> {
        let tie = if self.0 == Slip::DroppedTie { 0.0 } else { 0.5 };
        let share = |a: Var<'t, f64>, b: Var<'t, f64>| c * (a.gt(b) + a.eq(b) * tie);
        vec![share(v[0], v[1]).into(), share(v[1], v[0]).into()]
    }
}

#[test]
fn a_dropped_tie_is_caught() {
    // max(x, x) = x has slope 1 however the tie is shared, as long as it is shared.
    let slope = |slip| {
        let op: Arc<dyn CustomOp<f64>> = Arc::new(Larger(slip));
        check::gradients(move |v| v[0].custom(op.clone(), &[v[0], v[0]]), &[&array![1.0, -2.0]]).report()
    };
    assert!(slope(Slip::None).passed());
    let report = slope(Slip::DroppedTie);
    assert_eq!(report.failures.len(), 2);
    assert!(report.failures.iter().all(|failure| failure.analytic == 0.0), "{report}");
}

#[test]
fn a_kink_is_not_confirmed() {
    let report = check::gradients(|v| v[0].floor().sum(), &[&array![2.0]]).report();
    assert!(!report.passed(), "{report}");
    let report = check::gradients(|v| v[0].abs().sqrt().sum(), &[&array![0.0]]).report();
    assert!(!report.passed(), "{report}");
}
