//! Right derivatives are never called wrong: networks with kinks, poles, digits that cancel.

use gradus::Tensor;
use gradus::check::{self, Report, Verdict};
use gradus::prelude::*;
use rand::RngExt;

fn mismatches(report: &Report) -> usize {
    report.failures.iter().filter(|failure| failure.verdict == Verdict::Mismatch).count()
}

/// A network of three layers, by the kind of its activation and of its loss.
fn network<'t, T: Real>(kind: usize, v: &[Var<'t, T>]) -> Var<'t, T> {
    let activation = |h: Var<'t, T>| match kind % 7 {
        0 => h.relu(),
        1 => h.leaky_relu(0.1),
        2 => h.abs(),
        3 => h.clamp(-0.5, 0.5),
        4 => h.maximum(h.flip(1) * 0.5),
        5 => h.gt(0.0).select(h, h * h * 0.3),
        _ => h.tanh(),
    };
    let h = activation(v[0].affine(v[1], v[2]));
    let y = activation(h.affine(v[3], v[4])).affine(v[5], v[6]);
    match kind / 7 {
        0 => cross_entropy(y, [1, 0]),
        1 => (y - 0.3).square().mean(),
        2 => (y - 0.3).abs().mean(),
        3 => y.max_axis(1).sum(),
        _ => (1.0 - y).relu().square().sum(),
    }
}

/// Data of size `x` and weights of about `w`/√width.
fn arrays<T: Real>(rng: &mut StdRng, x: f64, w: f64) -> Vec<ArrayD<T>> {
    let shapes: [&[usize]; 7] = [&[2, 3], &[3, 5], &[5], &[5, 5], &[5], &[5, 3], &[3]];
    let array = |(i, shape): (usize, &&[usize])| {
        let size = if i == 0 {
            x
        } else if shape.len() == 1 {
            0.3 * w
        } else {
            1.7 * w / (shape[0] as f64).sqrt()
        };
        ArrayD::from_shape_simple_fn(*shape, || T::of(rng.random_range(-size..size)))
    };
    shapes.iter().enumerate().map(array).collect()
}

/// How many of how many elements are not confirmed, in networks of all kinds.
fn unconfirmed<T: Real>(x: f64, w: f64) -> (usize, usize) {
    let (mut failed, mut checked) = (0, 0);
    for kind in 0..35 {
        let arrays = arrays::<T>(&mut StdRng::seed_from_u64(kind as u64), x, w);
        let inputs: Vec<_> = arrays.iter().map(|array| array as &dyn Tensor<T>).collect();
        let report = check::gradients(|v| network(kind, v), &inputs).report();
        assert_eq!(mismatches(&report), 0, "{}, {x:e}, {w:e}, kind {kind}: {report}", T::NAME);
        failed += report.failures.len();
        checked += report.checked();
    }
    (failed, checked)
}

#[test]
fn right_networks_are_never_called_wrong_and_rarely_doubted() {
    for (x, w) in [(1.0, 1.0), (1e-3, 1.0), (1e3, 1.0), (1.0, 0.05), (1.0, 10.0), (1e-6, 1e-2)] {
        let (failed, checked) = unconfirmed::<f64>(x, w);
        assert!(checked > 2500 && failed * 100 <= checked, "f64, {x:e}, {w:e}: {failed} of {checked}");
        let (failed, checked) = unconfirmed::<f32>(x, w);
        // The four digits of f32 do for networks at their natural scale.
        let natural = (x, w) == (1.0, 1.0);
        assert!(!natural || failed * 100 <= checked, "f32: {failed} of {checked}");
    }
}

#[test]
fn right_derivatives_are_no_mismatch_beside_kinks_and_poles() {
    // Beside a kink: chance must not make differences across it agree.
    for k in 1..200 {
        let x = 1e-6 * 1.11_f64.powi(k).min(1e5);
        for x in [x, -x] {
            let single =
                check::gradients(|v| v[0].relu().sum() + v[0].abs().sum() * 0.3, &[&array![f32::of(x)]]).report();
            assert!(single.failures.iter().all(|e| e.verdict != Verdict::Mismatch), "{x}: {single}");
            let double = check::gradients(|v| v[0].leaky_relu(0.1).sum(), &[&array![x * 1e-3]]).report();
            assert!(double.failures.iter().all(|e| e.verdict != Verdict::Mismatch), "{x}: {double}");
        }
    }
    // Beside a pole, and where nothing settles.
    for x in [5e-4_f32, 1e-3, 0.02] {
        let report = check::gradients(|v| v[0].recip().sum(), &[&array![x]]).report();
        assert!(report.failures.iter().all(|e| e.verdict == Verdict::Inconclusive), "{x}: {report}");
    }
    let wild = check::gradients(|v| (v[0] * 1e9).sin().sum(), &[&array![1.0]]).report();
    assert_eq!(wild.failures[0].verdict, Verdict::Inconclusive, "{wild}");
}

/// The slope of ln Σeˣ − x₀ for (x, sin x), by formula.
fn confident(x: f64) -> f64 {
    let p = 1.0 / (1.0 + (x - x.sin()).exp());
    p * (x.cos() - 1.0)
}

#[test]
fn confident_rows_of_one_number() {
    let double = objective(|x: Var<'_, f64>| concat(&[x, x.sin()], 0).reshape([1, 2]).cross_entropy_rows([0]).sum());
    let single = objective(|x: Var<'_, f32>| concat(&[x, x.sin()], 0).reshape([1, 2]).cross_entropy_rows([0]).sum());
    for k in 0..250 {
        // Up to where the loss has been 0 for long.
        let x = 0.5 * 1.04_f64.powi(k);
        assert!((grad(double, &array![x])[0] - confident(x)).abs() <= 1e-12, "{x}");
        let report = check::gradients(|v| double(v[0]), &[&array![x]]).report();
        assert_eq!(mismatches(&report), 0, "{x}: {report}");
        let report = check::gradients(|v| single(v[0]), &[&array![f32::of(x)]]).report();
        assert_eq!(mismatches(&report), 0, "{x}: {report}");
    }
}

#[test]
fn confident_rows_of_logits() {
    fn check<T: Real>(seed: u64) {
        let rng = &mut StdRng::seed_from_u64(seed);
        let top = 10.0_f64.powf(rng.random_range(-1.0..4.0));
        // Right with all confidence, or anything.
        let sure = seed.is_multiple_of(2);
        let x = Array2::from_shape_fn((3, 4), |(i, j)| {
            let size = if sure { 0.5 } else { top };
            T::of(if sure && i == j { top } else { 0.0 } + rng.random_range(-size..size))
        });
        let one_hot = Array2::from_shape_fn((3, 4), |(i, j)| T::of(if i == j { 1.0 } else { 0.0 }));
        let mean = check::gradients(|v| cross_entropy(v[0], [0, 1, 2]), &[&x]).report();
        let sum = check::gradients(|v| (v[0] * 2.0).cross_entropy_rows([0, 1, 2]).sum(), &[&x]).report();
        // The same by hand, with digits that cancel within.
        let cancelled = check::gradients(
            |v| (v[0].logsumexp_axis(1) - (v[0] * v[0].constant(&one_hot)).sum_axis(1)).tanh().sum(),
            &[&x],
        )
        .report();
        for report in [mean, sum, cancelled] {
            assert_eq!(mismatches(&report), 0, "{} {top}: {report}", T::NAME);
        }
    }
    for seed in 0..200 {
        check::<f32>(seed);
        check::<f64>(seed);
    }
}
