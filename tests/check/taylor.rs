//! Taylor slopes where wide steps cross a kink and the function is a polynomial beside the point.

use std::sync::Arc;

use gradus::check::{self, Slope};
use gradus::prelude::*;

use super::planted::{Planted, Vjp};

/// relu², with this rule.
fn checked(vjp: Vjp, seed: u64) -> check::Taylor {
    let op: Arc<dyn CustomOp<f64>> =
        Arc::new(Planted { shape: |inputs| inputs[0], eval: |x| x[0].mapv(|x| x.max(0.0).powi(2)), vjp });
    let check = check::gradients(|v| v[0].custom(op.clone(), v).sum(), &[&array![0.3, 1.0, -0.2]]);
    check.order(2).seed(seed).taylor()
}

#[test]
fn piecewise_polynomials_are_exact_away_from_kinks() {
    let mut exact = 0;
    for seed in 0..30 {
        let x = array![0.3, 1.0, -0.2];
        check::gradients(|v| v[0].relu().square().sum(), &[&x]).order(2).seed(seed).taylor().assert();
        check::gradients(|v| (v[0].relu() * 3.0 + v[0].abs()).sum(), &[&x]).order(2).seed(seed).taylor().assert();
        check::gradients(|v| v[0].abs().square().sum(), &[&x.mapv(f32::of)]).order(2).seed(seed).taylor().assert();
        let right = checked(|x, _, c| vec![(c * x[0].relu() * 2.0).into()], seed);
        assert!(right.passed(), "{right}");
        exact += usize::from(right.second == Some(Slope::Exact));
    }
    assert!(exact > 0);
}

#[test]
fn what_is_wrong_there_is_still_caught() {
    for seed in 0..30 {
        for vjp in [
            // Another gradient, by much, by little, and at one element.
            (|x, _, c| vec![(c * x[0].relu() * 3.0).into()]) as Vjp,
            |x, _, c| vec![(c * x[0].relu() * 2.002).into()],
            |x, _, c| vec![(c * x[0].relu() * c.constant(&array![2.0, 2.1, 2.0])).into()],
            // Another Hessian: none, and one that is off.
            |x, _, c| vec![(c * x[0].relu().detach() * 2.0).into()],
            |x, _, c| vec![(c * (x[0].relu() * 2.01 - x[0].relu().detach() * 0.01)).into()],
        ] {
            let wrong = checked(vjp, seed);
            assert!(!wrong.passed(), "seed {seed}: {wrong}");
        }
    }
}
