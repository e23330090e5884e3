//! Small derivatives beside something large.

use gradus::check::{self, Verdict};
use gradus::prelude::*;
use ndarray::ArrayViewD;
use std::sync::Arc;

use super::slips::off;

/// x², whose derivative claims `claim`·2x, or that it is 0.
struct Square {
    claim: Option<f64>,
}

impl<T: Real> CustomOp<T> for Square {
    fn shape(&self, inputs: &[Shape]) -> Shape {
        inputs[0]
    }

    fn eval(&self, inputs: &[ArrayViewD<'_, T>], out: &mut [T]) {
        out.iter_mut().zip(&inputs[0]).for_each(|(y, &x)| *y = x * x);
    }

    fn vjp<'t>(&self, x: &[Var<'t, T>], _: Var<'t, T>, c: Var<'t, T>) -> Vec<Cotangent<'t, T>> {
        vec![self.claim.map_or(Cotangent::Zero, |claim| Cotangent::Var(c * x[0] * (2.0 * claim)))]
    }
}

/// Ways to make a loss of something large and something small.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Join {
    Sum,
    OneTensor,
    Root,
    Square,
}

/// Checks a derivative of size `slope`, in `claim` as [`Square`] has it, beside inputs that make the loss about `size`.
fn beside<T: Real>(size: f64, slope: f64, claim: Option<f64>, join: Join) -> check::Report {
    let op: Arc<dyn CustomOp<T>> = Arc::new(Square { claim });
    let pair = |x: f64, y: f64| array![T::of(x), T::of(y)];
    let half = (size / 2.0).sqrt();
    check::gradients(
        |v| {
            let (large, small) = (v[0].square(), v[1].custom(op.clone(), &[v[1]]));
            match join {
                Join::Sum => large.sum() + small.sum(),
                Join::OneTensor => concat(&[large, small], 0).sum(),
                Join::Root => (large.sum() + small.sum()).sqrt(),
                Join::Square => (large.sum() + small.sum()).square(),
            }
        },
        &[&pair(half, -half), &pair(0.5 * slope, -0.3 * slope)],
    )
    .report()
}

#[test]
fn nothing_wrong_passes_beside_something_large() {
    for join in [Join::Sum, Join::OneTensor, Join::Root, Join::Square] {
        for slope in [1.0, 1e-2, 1e-4] {
            for claim in [Some(-1.0), Some(2.0), Some(0.5), None] {
                for size in [1e3, 1e5, 1e8] {
                    let report = beside::<f32>(size, slope, claim, join);
                    assert!(!report.passed(), "f32 {size:e}, slope {slope:e}, {claim:?}, {join:?}: {report}");
                }
                for size in [1e3, 1e6, 1e11] {
                    let report = beside::<f64>(size, slope, claim, join);
                    // What the root leaves of the derivative here is below the 10⁻⁹ that the check promises to see.
                    if join == Join::Root && slope / size.sqrt() < 1e-9 {
                        continue;
                    }
                    assert!(!report.passed(), "f64 {size:e}, slope {slope:e}, {claim:?}, {join:?}: {report}");
                }
            }
            for size in [1e3, 1e5, 1e6, 1e8, 1e11] {
                for report in [beside::<f32>(size, slope, Some(1.0), join), beside::<f64>(size, slope, Some(1.0), join)]
                {
                    let wrong = report.failures.iter().filter(|failure| failure.verdict != Verdict::Inconclusive);
                    assert_eq!(wrong.count(), 0, "{size:e}, slope {slope:e}, {join:?}: {report}");
                    let apart = matches!(join, Join::Sum | Join::OneTensor);
                    assert!(!apart || report.passed(), "{size:e}, slope {slope:e}, {join:?}: {report}");
                }
            }
        }
    }
}

#[test]
fn what_is_too_coarse_in_f32_is_said_to_be_so() {
    let report = beside::<f32>(1e8, 1.0, Some(1.0), Join::Root);
    assert!(!report.passed());
    let help = "  help: f32 is too coarse here; check in f64, a model with `params.cast::<f64>()`\n";
    assert!(report.to_string().ends_with(help), "{report}");
    let report = beside::<f64>(1e8, 1.0, Some(1.0), Join::Root);
    assert!(report.passed(), "{report}");
}

#[test]
fn a_small_element_beside_large_ones_of_the_same_array_has_an_error_bar_of_its_own() {
    fn failed<T: Real>(large: f64, factor: f64) -> Vec<String> {
        let op = off::<T>(factor, Some(1));
        let x = array![T::of(large), T::of(0.5), T::of(-large)];
        let report = check::gradients(|v| v[0].custom(op.clone(), &[v[0]]).square().sum(), &[&x]).report();
        report.failures.into_iter().map(|failure| format!("{} {}", failure.verdict, failure.index)).collect()
    }
    for large in [1e2, 1e4, 1e6, 1e8] {
        assert!(failed::<f32>(large, 1.0).is_empty() && failed::<f64>(large, 1.0).is_empty(), "{large:e}");
        for factor in [-1.0, 2.0, 0.5, 0.0, 1.02] {
            assert_eq!(failed::<f32>(large, factor), ["mismatch [1]"], "f32 {large:e}, {factor}");
            assert_eq!(failed::<f64>(large, factor), ["mismatch [1]"], "f64 {large:e}, {factor}");
        }
    }
}

#[test]
fn directions_move_each_element_by_its_size() {
    fn passed<T: Real>(size: f64, factor: f64, element: Option<usize>) -> bool {
        let op = off::<T>(factor, element);
        let x = Array1::from_shape_fn(30, |i| T::of(size * (1.0 + 0.3 * (i as f64).sin())));
        let check = check::gradients(|v| (v[0].custom(op.clone(), &[v[0]]) / size).tanh().sum(), &[&x]);
        check.directions(4).report().passed()
    }
    for size in [1.0, 1e3, 1e6, 1e9] {
        assert!(passed::<f32>(size, 1.0, None) && passed::<f64>(size, 1.0, None), "{size:e}");
        for (factor, element) in [(-1.0, None), (2.0, None), (1.02, None), (0.5, Some(7)), (-1.0, Some(7))] {
            assert!(!passed::<f32>(size, factor, element), "f32 {size:e}, {factor}, {element:?}");
            assert!(!passed::<f64>(size, factor, element), "f64 {size:e}, {factor}, {element:?}");
        }
    }
}
