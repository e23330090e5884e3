//! What holds for every loss of a prediction and a target.

use super::panics::assert_panics;
use super::{Formula, evaluate, pairs, positive_distributions, prediction};
use gradus::Scalar as _;
use gradus::prelude::*;

#[test]
fn values_are_those_of_the_formulas() {
    let x = prediction();
    for loss in pairs() {
        let t = (loss.target)();
        let (each, _) = evaluate(loss.each, &x, &t);
        let expected: Vec<f64> = match loss.formula {
            Formula::Element(f) => x.iter().zip(&t).map(|(&x, &t)| f(x, t)).collect(),
            Formula::Row(f) => {
                let rows = x.rows().into_iter().zip(t.rows());
                rows.map(|(x, t)| f(x.as_slice().unwrap(), t.as_slice().unwrap())).collect()
            }
        };
        let rows = matches!(loss.formula, Formula::Row(_));
        assert_eq!(each.shape(), if rows { &x.shape()[..1] } else { x.shape() }, "{}", loss.name);
        for (at, (y, e)) in each.iter().zip(&expected).enumerate() {
            assert!((y - e).abs() <= 1e-13 * e.abs().max(1.0), "{} {at}: {y}, {e}", loss.name);
        }
        let mean = evaluate(loss.mean, &x, &t).0.sum();
        let by_hand = expected.iter().sum::<f64>() / each.len().as_f64();
        assert!((mean - by_hand).abs() <= 1e-13 * by_hand.abs(), "{}: {mean}", loss.name);
    }
}

#[test]
fn means_are_those_of_pytorch() {
    for loss in pairs() {
        let Some(expected) = loss.pytorch else { continue };
        let mean = evaluate(loss.mean, &prediction(), &(loss.target)()).0.sum();
        assert!((mean - expected).abs() <= 1e-12 * expected, "{}: {mean}", loss.name);
    }
}

#[test]
fn gradients_are_right_to_second_order_for_prediction_and_target() {
    let x = prediction();
    for loss in pairs() {
        // Entropies have an infinite slope where the target is 0; Stirling's term begins at 1.
        let target = match loss.name {
            "soft_cross_entropy" | "kl_divergence" => positive_distributions(),
            "poisson" => (loss.target)() + 1.5,
            _ => (loss.target)(),
        };
        for f in [loss.mean, loss.each] {
            let report = check::gradients(|v| f(v[0], v[1]), &[&x, &target]).order(2).report();
            assert!(report.passed(), "{}\n{report}", loss.name);
        }
        let t = (loss.target)();
        let report = check::gradients(|v| f(loss.mean, v[0], &t), &[&x]).order(2).report();
        assert!(report.passed(), "{}\n{report}", loss.name);
    }
}

fn f<'t>(loss: super::Pair, x: Var<'t, f64>, t: &Array2<f64>) -> Var<'t, f64> {
    loss(x, x.constant(t))
}

/// The most common bug of the field: `[8, 1]` beside `[8]`.
#[test]
fn shapes_that_would_broadcast_are_refused() {
    let params = Params::<f64>::new();
    let mut tape = Tape::new();
    let (column, row) = (Array2::ones((8, 1)), Array1::ones(8));
    for loss in pairs().iter().filter(|loss| loss.name != "kl_divergence") {
        for f in [loss.mean, loss.each] {
            let step = tape.record(&params);
            let (column, row) = (step.input(&column), step.input(&row));
            let name = loss.name;
            assert_panics(
                &format!(
                    "{name}: prediction [8, 1] and target [8] differ\n  help: the elements are as many: `target.reshape([8, 1])`?"
                ),
                || f(column, row),
            );
            assert_panics(
                &format!(
                    "{name}: prediction [8] and target [8, 1] differ\n  help: the elements are as many: `target.reshape([8])`?"
                ),
                || f(row, column),
            );
            assert_panics(
                &format!(
                    "{name}: prediction [8] and target [] differ\n  help: losses do not broadcast; where it is meant, `broadcast_to` says so"
                ),
                || f(row, row.scalar(1.0)),
            );
        }
    }
}

#[test]
fn an_empty_batch_is_refused() {
    let params = Params::<f64>::new();
    let (mut tape, none) = (Tape::new(), Array2::zeros((0, 4)));
    for loss in pairs().iter().filter(|loss| loss.name != "kl_divergence") {
        for f in [loss.mean, loss.each] {
            let step = tape.record(&params);
            let x = step.input(&none);
            assert_panics(&format!("{}: prediction [0, 4]: there is nothing to take the loss of", loss.name), || {
                f(x, x)
            });
        }
    }
}

/// The divergence of the list goes through `log_softmax`, which does not take everything; so by itself here.
#[test]
fn the_divergence_refuses_the_same() {
    use gradus::nn::loss::{each, kl_divergence};
    let params = Params::<f64>::new();
    let mut tape = Tape::new();
    let (column, row, none) = (Array2::ones((8, 1)), Array1::ones(8), Array2::zeros((0, 4)));
    let step = tape.record(&params);
    let (column, row, none) = (step.input(&column), step.input(&row), step.input(&none));
    let text = "kl_divergence: prediction [8, 1] and target [8] differ\n  help: the elements are as many: `target.reshape([8, 1])`?";
    assert_panics(text, || kl_divergence(column, row));
    assert_panics(text, || each::kl_divergence(column, row));
    let text = "kl_divergence: prediction [0, 4]: there is nothing to take the loss of";
    assert_panics(text, || kl_divergence(none, none));
}

#[test]
fn rows_need_an_axis() {
    use gradus::nn::loss::{cosine, kl_divergence, soft_cross_entropy};
    let losses: [(&str, super::Pair); 3] = [
        ("cosine", |x, t| cosine(x, t)),
        ("kl_divergence", |x, t| kl_divergence(x, t)),
        ("soft_cross_entropy", |x, t| soft_cross_entropy(x, t)),
    ];
    let (params, mut tape) = (Params::new(), Tape::new());
    let step = tape.record(&params);
    let x = step.recorder().scalar(1.0);
    for (name, f) in losses {
        assert_panics(&format!("{name}: prediction [] is a scalar, expected rows along the last axis"), || f(x, x));
    }
}

/// The message names the layer that the prediction comes from.
#[test]
fn the_nearest_parameter_is_named() {
    let (mut params, mut tape) = (Params::<f64>::new(), Tape::new());
    let w = params.add("head.weight", [2, 1], || 1.0);
    let (x, t) = (Array2::ones((3, 2)), Array1::ones(3));
    let step = tape.record(&params);
    let prediction = step.input(&x).matmul(step.param(w));
    let target = step.input(&t);
    assert_panics(
        "mse: prediction [3, 1] and target [3] differ\n  help: the elements are as many: `target.reshape([3, 1])`?\n  near parameter `head.weight`",
        || mse(prediction, target),
    );
}

#[test]
fn impossible_thresholds_are_refused() {
    use gradus::nn::loss::smooth_l1;
    let (params, mut tape) = (Params::<f64>::new(), Tape::new());
    let step = tape.record(&params);
    let x = step.input(&[1.0]);
    for (delta, text) in [(0.0, "0"), (-1.0, "-1"), (f64::NAN, "NaN"), (f64::INFINITY, "inf")] {
        let expected = format!("delta {text}, expected a finite number above 0");
        assert_panics(&format!("huber: {expected}"), || huber(x, x, delta));
        let expected = format!("beta {text}, expected a finite number above 0");
        assert_panics(&format!("smooth_l1: {expected}"), || smooth_l1(x, x, delta));
    }
}

/// A list that forgets a loss proves nothing about it: every function of `each` that takes two tensors is in it.
#[test]
fn the_list_is_complete() {
    let source = include_str!("../../src/nn/loss/mod.rs");
    let listed: Vec<_> = pairs().iter().map(|loss| loss.name).collect();
    let table = source.lines().filter_map(|line| line.strip_prefix("//! | [`"));
    let losses: Vec<_> = table.map(|line| line.split('`').next().unwrap()).collect();
    assert!(losses.len() > 10);
    for loss in losses {
        let of_labels = ["cross_entropy", "nll"].contains(&loss);
        assert!(of_labels || listed.contains(&loss), "`{loss}` is not in the list");
    }
}
