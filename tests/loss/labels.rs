//! Cross-entropy with labels, negative log-likelihood, weighted positives.

use super::panics::assert_panics;
use super::{evaluate, prediction, probabilities};
use gradus::nn::loss::{bce_with_logits_weighted, each, nll};
use gradus::prelude::*;

const LABELS: [usize; 3] = [0, 3, 1];

/// For the prediction of the list and labels 0, 3, 1: PyTorch 2.15, float64.
#[test]
fn values_are_those_of_pytorch() {
    let x = prediction();
    let loss = value(|x| cross_entropy(x, LABELS), &x);
    assert!((loss - 3.467_351_303_509).abs() < 1e-11, "{loss}");
    let loss = value(|x| nll(x, LABELS), &x);
    assert!((loss - 0.666_666_666_666_7).abs() < 1e-12, "{loss}");
}

#[test]
fn cross_entropy_is_nll_of_log_softmax() {
    let x = prediction();
    let rows = evaluate(|x, _| each::cross_entropy(x, LABELS), &x, &x);
    let picked = evaluate(|x, _| each::nll(x.log_softmax(1), LABELS), &x, &x);
    assert_eq!(rows.0.shape(), [3]);
    for (a, b) in [(&rows.0, &picked.0), (&rows.1, &picked.1)] {
        assert!((a - b).iter().all(|e| e.abs() < 1e-14), "{a} {b}");
    }
    assert_eq!(value(|x| nll(x, LABELS), &x), -(0.5 - 0.5 - 2.0) / 3.0);
}

#[test]
fn gradients_are_right_to_second_order() {
    let x = prediction();
    check::gradients(|v| cross_entropy(v[0], LABELS), &[&x]).order(2).assert();
    check::gradients(|v| each::cross_entropy(v[0], LABELS), &[&x]).order(2).assert();
    check::gradients(|v| nll(v[0].log_softmax(1), LABELS), &[&x]).order(2).assert();
    check::gradients(|v| each::nll(v[0].sin(), LABELS), &[&x]).order(2).assert();
}

/// Weights of positives 1, 2, ½, 3, one for each column: PyTorch 2.15 (`pos_weight`), float64.
#[test]
fn weighted_positives_are_those_of_pytorch() {
    let (x, t, w) = (prediction(), probabilities(), array![1.0, 2.0, 0.5, 3.0]);
    let loss = value(|x| bce_with_logits_weighted(x, x.constant(&t), x.constant(&w)), &x);
    assert!((loss - 1.126_431_988_379).abs() < 1e-12, "{loss}");
    check::gradients(|v| bce_with_logits_weighted(v[0], v[1], v[2]), &[&x, &t, &w]).order(2).assert();
    // A number for all, and a weight of 1.
    let twice = evaluate(|x, t| each::bce_with_logits_weighted(x, t, 2.0), &x, &t).0;
    let once = evaluate(each::bce_with_logits, &x, &t).0;
    let positive = evaluate(|x, t| t * (-x).softplus(), &x, &t).0;
    assert!((twice - &once - positive).iter().all(|e| e.abs() < 1e-15));
    assert_eq!(evaluate(|x, t| each::bce_with_logits_weighted(x, t, 1), &x, &t).0, once);
}

#[test]
fn what_does_not_fit_is_refused() {
    let (params, mut tape) = (Params::<f64>::new(), Tape::new());
    let (matrix, vector) = (Array2::ones((2, 3)), Array1::ones(3));
    let (none, no_class) = (Array2::zeros((0, 3)), Array2::zeros((2, 0)));
    let step = tape.record(&params);
    let (matrix, vector) = (step.input(&matrix), step.input(&vector));
    let (none, no_class) = (step.input(&none), step.input(&no_class));
    assert_panics("cross_entropy: logits [2, 3] and 3 labels: one label for each row is needed", || {
        cross_entropy(matrix, [0, 1, 2])
    });
    assert_panics("nll: logits [2, 3] and 3 labels: one label for each row is needed", || nll(matrix, [0, 1, 2]));
    assert_panics("cross_entropy: label 3 at position 1: expected 0 to 2", || cross_entropy(matrix, [0, 3]));
    assert_panics("nll: label 3 at position 1: expected 0 to 2", || nll(matrix, [0, 3]));
    assert_panics("cross_entropy: logits [3], expected [batch, classes]", || cross_entropy(vector, [0, 1, 2]));
    assert_panics("nll: logits [3], expected [batch, classes]", || nll(vector, [0, 1, 2]));
    assert_panics("cross_entropy: logits [0, 3]: there is nothing to take the loss of", || cross_entropy(none, []));
    assert_panics("nll: logits [0, 3]: there is nothing to take the loss of", || nll(none, []));
    assert_panics("nll: logits [2, 0]: there is nothing to take the loss of", || nll(no_class, [0, 0]));
    assert_panics("bce_with_logits: weight of positives [2] does not broadcast to [2, 3]", || {
        bce_with_logits_weighted(matrix, matrix, matrix.index_axis(1, 0))
    });
    // A weight may not make the loss larger than its operands.
    assert_panics("bce_with_logits: weight of positives [2, 3] does not broadcast to [3]", || {
        bce_with_logits_weighted(vector, vector, matrix)
    });
}

/// Labels are data: other ones next time change values, not the program.
#[test]
fn other_labels_are_the_same_program() {
    let (params, mut tape, x) = (Params::new(), Tape::new(), prediction());
    let mut seen = Vec::new();
    for labels in [[0, 3, 1], [2, 2, 2], [0, 3, 1]] {
        let step = tape.record(&params);
        let x = step.input(&x);
        let losses = [nll(x, labels).item(), cross_entropy(x, labels).item()];
        let fresh = [value(|x| nll(x, labels), &prediction()), value(|x| cross_entropy(x, labels), &prediction())];
        assert_eq!(losses, fresh);
        seen.push((losses, tape.len()));
    }
    assert_eq!(seen[0], seen[2]);
    assert_ne!(seen[0].0, seen[1].0);
    assert_eq!(seen[0].1, seen[1].1);
}
