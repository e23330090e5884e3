//! Functions that are right, and hard to tell from wrong ones: none of them may be called wrong.

use gradus::prelude::*;

gradus::pointwise! {
    /// Swish with a steepness of its own.
    fn swish(x, beta) = x * (beta * x).sigmoid();
}

#[test]
fn a_part_below_the_rounding_of_another_is_no_mismatch() {
    check::op(2, |v: &[Var<'_, f64>]| swish(v[0], v[1])).assert();
    check::op(2, |v: &[Var<'_, f64>]| v[0] * (v[1] * v[0]).sigmoid()).assert();
    check::op(2, |v: &[Var<'_, f64>]| v[0] * (1.0 + v[1] * v[0])).assert();
    check::op(2, |v: &[Var<'_, f64>]| v[0] * (v[1] * v[0]).cos()).assert();
    check::op(2, |v: &[Var<'_, f64>]| v[0] * (-(v[1] * v[0]).square()).exp()).assert();
    check::op(2, |v: &[Var<'_, f64>]| v[0] / (1.0 + (v[1] * v[0]).square())).assert();
    check::op(2, |v: &[Var<'_, f64>]| v[0] * (v[1] * v[0]).softplus()).assert();
}

#[test]
fn nor_in_a_check_of_gradients() {
    let mismatches = |report: check::Report| {
        assert!(!report.failures.iter().any(|e| e.verdict == check::Verdict::Mismatch), "{report}");
    };
    let (x, b) = (array![1e-20], array![0.5]);
    mismatches(check::gradients(|v| v[0] * (v[1] * v[0] + 1.0), &[&x, &b]).order(2).report());
    let x = array![4.93e-32, 67_108_864.0];
    mismatches(check::gradients(|v| swish(v[0], v[1]), &[&x, &array![0.5, 0.7]]).report());
    let (x, b) = (array![1e-14_f32], array![0.5_f32]);
    mismatches(check::gradients(|v| v[0] * (v[1] * v[0]).sigmoid(), &[&x, &b]).order(2).report());
}
