//! Tables of parameters, activations and updates.

use gradus::diagnostics::{Standing, activations, summary, update_ratios};
use gradus::prelude::*;

fn model() -> (Params<f64>, Mlp) {
    let mut params = Params::new();
    let mlp = Mlp::new(&mut params, "mlp", &[3, 5, 2], Activation::Relu, &mut StdRng::seed_from_u64(7));
    params.add_buffer("running.mean", [3], || 0.0);
    (params, mlp)
}

#[test]
fn a_summary_has_every_tensor_once_and_the_totals() {
    let (mut params, _) = model();
    params.freeze(|name| name == "mlp.0.bias");
    let summary = summary(&params);
    let names: Vec<_> = summary.rows.iter().map(|row| (&row.name[..], row.count, row.bytes, row.standing)).collect();
    let expected = [
        ("mlp.0.weight", 15, 120, Standing::Trained),
        ("mlp.0.bias", 5, 40, Standing::Frozen),
        ("mlp.1.weight", 10, 80, Standing::Trained),
        ("mlp.1.bias", 2, 16, Standing::Trained),
        ("running.mean", 3, 24, Standing::Buffer),
    ];
    assert_eq!(names, expected);
    assert_eq!((summary.trained() + summary.frozen(), summary.buffers()), (params.len(), 3));
    assert_eq!(summary.bytes(), 8 * (params.len() + 3));
    let rule = "-".repeat(44);
    let expected = [
        "name          shape   count  memory",
        &rule,
        "mlp.0.weight  [3, 5]     15   120 B  trained",
        "mlp.0.bias    [5]         5    40 B  frozen",
        "mlp.1.weight  [5, 2]     10    80 B  trained",
        "mlp.1.bias    [2]         2    16 B  trained",
        "running.mean  [3]         3    24 B  buffer",
        &rule,
        "all f64                  27   216 B  trained",
        "all f64                   5    40 B  frozen",
        "all f64                   3    24 B  buffer",
    ];
    assert_eq!(summary.to_string(), expected.join("\n"));
}

#[test]
fn an_empty_store_has_a_summary() {
    let summary = summary(&Params::<f32>::new());
    assert_eq!((summary.rows.len(), summary.trained(), summary.bytes()), (0, 0, 0));
    assert!(summary.to_string().contains("all f32"), "{summary}");
}

#[test]
fn activations_of_known_numbers() {
    let (params, mut tape) = (Params::<f32>::new(), Tape::new());
    let step = tape.record(&params);
    let x = step.constant(&array![[1.0, 0.0, -0.0, 2.0], [f32::NAN, f32::INFINITY, 4.0, -3.0]]);
    let found = activations(&[("x", x), ("nothing finite", x.scalar(f64::NAN)), ("empty", step.zeros([0]))]);
    let [x, nothing, empty] = &found.rows[..] else { panic!("{found}") };
    assert_eq!((x.min, x.max, x.zeros, x.not_finite), (-3.0, 4.0, 0.25, 0.25));
    // Finite elements: 1, 0, 0, 2, 4, −3, of mean 2/3 and variance 30/6 − 4/9.
    assert!((x.mean - 2.0 / 3.0).abs() < 1e-15 && (x.std - (5.0_f64 - 4.0 / 9.0).sqrt()).abs() < 1e-15, "{x:?}");
    assert!(nothing.mean.is_nan() && nothing.min.is_nan() && nothing.not_finite == 1.0);
    assert!(empty.mean.is_nan() && (empty.zeros, empty.not_finite) == (0.0, 0.0));
    let text = found.to_string();
    assert!(text.contains("nothing finite  []") && text.contains("25.0 %") && text.contains("NaN"), "{text}");
    assert_eq!(activations::<f64>(&[]).rows.len(), 0);
}

#[test]
fn a_large_mean_does_not_cost_the_deviation() {
    let (params, mut tape) = (Params::<f64>::new(), Tape::new());
    let step = tape.record(&params);
    let row = &activations(&[("x", step.input(&[1e9 + 1.0, 1e9 - 1.0]))]).rows[0];
    assert_eq!((row.mean, row.std), (1e9, 1.0));
}

/// Reading what a model holds within leaves the step as it is: the gradient has the same bits.
#[test]
fn looking_at_activations_changes_nothing() {
    let (params, mlp) = model();
    let x = Array2::from_shape_fn((4, 3), |(i, j)| (i + j) as f64 * 0.3 - 0.5);
    let run = |look: bool| {
        let (mut tape, mut gradient) = (Tape::new(), params.gradient());
        for _ in 0..3 {
            let step = tape.record(&params);
            let logits = mlp.forward(step.input(&x));
            if look {
                assert_eq!(activations(&[("logits", logits)]).rows[0].not_finite, 0.0);
            }
            cross_entropy(logits, [0, 1, 0, 1]).backward(&mut gradient);
        }
        gradient.flat().to_vec()
    };
    assert_eq!(run(true), run(false));
}

#[test]
fn ratios_of_a_step_of_descent_are_rate_times_gradient_over_weight() {
    let (mut params, mlp) = model();
    params.freeze(|name| name == "mlp.1.weight");
    let x = Array2::from_shape_fn((4, 3), |(i, j)| (i * j) as f64 * 0.3 - 0.5);
    let (mut tape, mut gradient) = (Tape::new(), params.gradient());
    let step = tape.record(&params);
    cross_entropy(mlp.forward(step.input(&x)), [0, 1, 0, 1]).backward(&mut gradient);
    let before = params.snapshot();
    let norms: Vec<_> = gradient.iter().map(|(name, g)| (name, g.iter().map(|x| x * x).sum::<f64>().sqrt())).collect();
    let weights: Vec<_> = params.iter().map(|entry| entry.values.iter().map(|x| x * x).sum::<f64>().sqrt()).collect();
    Sgd::new(0.125).step(&mut params, &gradient);
    let ratios = update_ratios(&before, &params);
    let names: Vec<_> = ratios.rows.iter().map(|row| &row.name[..]).collect();
    assert_eq!(names, ["mlp.0.weight", "mlp.0.bias", "mlp.1.bias"]); // not the frozen one
    for row in &ratios.rows {
        let at = norms.iter().position(|(name, _)| *name == row.name).unwrap();
        assert!((row.update - 0.125 * norms[at].1).abs() < 1e-14, "{ratios}");
        assert!((row.weight - weights[at]).abs() < 1e-14, "{ratios}");
        // Biases begin at 0: any step is infinitely larger.
        let expected = if row.weight == 0.0 { f64::INFINITY } else { row.update / row.weight };
        assert_eq!(row.ratio, expected);
    }
    assert!(ratios.to_string().contains("inf"), "{ratios}");
    // No step, no ratio.
    assert!(update_ratios(&params.snapshot(), &params).rows.iter().all(|row| row.ratio == 0.0));
}

#[test]
fn numbers_beyond_the_square_root_of_the_range() {
    let mut params = Params::<f64>::new();
    params.add("w", [2], || 1e200);
    let before = params.snapshot();
    params.flat_mut().fill(1.5e200);
    assert!((update_ratios(&before, &params).rows[0].ratio - 0.5).abs() < 1e-15);
}

#[test]
#[should_panic(expected = "a snapshot of store #")]
fn a_snapshot_of_another_store_is_refused() {
    let ((params, _), (other, _)) = (model(), model());
    let _ = update_ratios(&other.snapshot(), &params);
}
