//! Cross-entropy with label smoothing, class weights and a label to ignore.

use super::panics::assert_panics;
use super::{evaluate, prediction};
use gradus::nn::loss::{self, each};
use gradus::prelude::*;

const LABELS: [usize; 3] = [0, 3, 1];
const WEIGHTS: [f64; 4] = [1.0, 2.0, 0.5, 3.0];

/// For the prediction of the list, labels 0, 3, 1, weights 1, 2, ½, 3, smoothing 0.1, label 3 ignored: PyTorch 2.15,
/// float64; the losses of the rows and their mean.
#[test]
fn all_options_are_those_of_pytorch() {
    for (smooth, weighted, ignore, rows, mean) in [
        (false, false, false, [1.847_312_789_797, 2.481_691_825_692, 6.073_049_295_039], 3.467_351_303_509),
        (false, false, true, [1.847_312_789_797, 0.0, 6.073_049_295_039], 3.960_181_042_418),
        (false, true, false, [1.847_312_789_797, 7.445_075_477_077, 12.146_098_590_08], 3.573_081_142_825),
        (false, true, true, [1.847_312_789_797, 0.0, 12.146_098_590_08], 4.664_470_459_958),
        (true, false, false, [1.862_937_789_797, 2.462_941_825_692, 5.791_799_295_039], 3.372_559_636_843),
        (true, false, true, [1.862_937_789_797, 0.0, 5.791_799_295_039], 3.827_368_542_418),
        (true, true, false, [2.059_644_839_159, 7.078_842_851_044, 11.515_234_241_51], 3.442_286_988_62),
        (true, true, true, [2.059_644_839_159, 0.0, 11.515_234_241_51], 4.524_959_693_558),
    ] {
        let mut loss = CrossEntropy::new();
        loss = if smooth { loss.label_smoothing(0.1) } else { loss };
        loss = if weighted { loss.class_weights(&WEIGHTS) } else { loss };
        loss = if ignore { loss.ignore_index(3) } else { loss };
        let x = prediction();
        let (params, mut tape) = (Params::new(), Tape::new());
        let step = tape.record(&params);
        let logits = step.input(&x);
        let each = loss.each(logits, LABELS).value();
        for (y, e) in each.iter().zip(rows) {
            assert!((y - e).abs() < 1e-11, "{loss:?}: {each}");
        }
        let found = loss.mean(logits, LABELS).item();
        assert!((found - mean).abs() < 1e-11, "{loss:?}: {found}, {mean}");
        let sum = loss.sum(logits, LABELS).item();
        assert!((sum - each.sum()).abs() < 1e-14 * sum, "{loss:?}: {sum}");
        check::gradients(|v| loss.mean(v[0], LABELS), &[&x]).order(2).assert();
        check::gradients(|v| loss.each(v[0], LABELS), &[&x]).order(2).assert();
    }
}

#[test]
fn without_options_it_is_the_plain_one() {
    let x = prediction();
    let plain = value_and_grad(|x| cross_entropy(x, LABELS), &x);
    assert_eq!(value_and_grad(|x| CrossEntropy::new().mean(x, LABELS), &x), plain);
    let rows = evaluate(|x, _| each::cross_entropy(x, LABELS), &x, &x);
    assert_eq!(evaluate(|x, _| CrossEntropy::new().each(x, LABELS), &x, &x), rows);
}

/// Smoothing is the cross-entropy with softened distributions.
#[test]
fn smoothing_softens_the_labels() {
    let x = prediction();
    for epsilon in [0.0, 0.2, 1.0] {
        let mut target = Array2::from_elem((3, 4), epsilon / 4.0);
        LABELS.iter().enumerate().for_each(|(row, &y)| target[[row, y]] += 1.0 - epsilon);
        let soft = value(|x| loss::soft_cross_entropy(x, x.constant(&target)), &x);
        let smooth = CrossEntropy::new().label_smoothing(epsilon);
        let smooth = value(|x| smooth.mean(x, LABELS), &x);
        assert!((soft - smooth).abs() < 1e-14, "{epsilon}: {soft} {smooth}");
    }
}

/// The mean is weighted: only ratios of weights matter, and a weight of 2 is a row that comes twice.
#[test]
fn weights_count_rows() {
    let x = prediction();
    let mean = |weights: &[f64]| {
        let loss = CrossEntropy::new().class_weights(weights);
        value(|x| loss.mean(x, LABELS), &x)
    };
    assert_eq!(mean(&[1.0, 2.0, 0.5, 3.0]), mean(&[4.0, 8.0, 2.0, 12.0]));
    let twice = value(|x| cross_entropy(x.index_select(0, [0, 1, 1, 2]), [0, 3, 3, 1]), &x);
    assert!((mean(&[1.0, 1.0, 1.0, 2.0]) - twice).abs() < 1e-15);
}

#[test]
fn weights_come_from_a_buffer_or_from_any_array() {
    let mut params = Params::<f64>::new();
    let mut weights = WEIGHTS.into_iter();
    let buffer = params.add_buffer("class_weights", [4], || weights.next().unwrap());
    let x = prediction();
    let mut tape = Tape::new();
    let mean = |loss: CrossEntropy, tape: &mut Tape<f64>| {
        let step = tape.record(&params);
        loss.mean(step.input(&x), LABELS).item()
    };
    let of_buffer = mean(CrossEntropy::new().class_weights(buffer), &mut tape);
    let array = Array1::from(WEIGHTS.to_vec());
    for loss in [
        CrossEntropy::new().class_weights(&WEIGHTS),
        CrossEntropy::new().class_weights(&WEIGHTS[..]),
        CrossEntropy::new().class_weights(&WEIGHTS.to_vec()),
        CrossEntropy::new().class_weights(&array),
        CrossEntropy::new().class_weights(&array.mapv(f32::of)),
    ] {
        assert_eq!(mean(loss, &mut tape), of_buffer);
    }
}

/// The ignored label may be no class at all, and an ignored row has exactly no influence, also where it is NaN.
#[test]
fn ignored_rows_have_no_influence() {
    let mut x = prediction();
    let loss = CrossEntropy::new().ignore_index(usize::MAX).label_smoothing(0.1);
    let labels = [0, usize::MAX, 1];
    let clean = value_and_grad(|x| loss.mean(x, labels), &x);
    x.row_mut(1).fill(f64::NAN);
    let (value, gradient) = value_and_grad(|x| loss.mean(x, labels), &x);
    assert_eq!((value, &gradient), (clean.0, &clean.1));
    assert!(gradient.row(1).iter().all(|&g| g == 0.0));
    let others =
        value_and_grad(|x| CrossEntropy::new().label_smoothing(0.1).mean(x.index_select(0, [0, 2]), [0, 1]), &x);
    assert!((others.0 - value).abs() < 1e-15);
}

#[test]
fn a_batch_of_ignored_rows_sums_to_0_and_has_no_mean() {
    let x = prediction();
    let loss = CrossEntropy::new().ignore_index(9).class_weights(&WEIGHTS);
    let (sum, gradient) = value_and_grad(|x| loss.sum(x, [9, 9, 9]), &x);
    assert!(sum == 0.0 && gradient.iter().all(|&g| g == 0.0));
    let (params, mut tape) = (Params::new(), Tape::new());
    let step = tape.record(&params);
    let logits = step.input(&x);
    assert_panics("cross_entropy: all 3 labels are ignored: there is no mean\n  help: `sum` is 0 then", || {
        loss.mean(logits, [9, 9, 9])
    });
}

#[test]
fn a_batch_of_labels_without_weight_has_no_mean() {
    let (params, mut tape, x) = (Params::new(), Tape::new(), prediction());
    let step = tape.record(&params);
    let logits = step.input(&x);
    let loss = CrossEntropy::new().class_weights(&[0.0, 1.0, 0.0, 1.0]);
    for (loss, labels, count) in [(loss.clone(), [0, 2, 0], 3), (loss.clone().ignore_index(1), [0, 1, 2], 2)] {
        let text = format!(
            "cross_entropy: all {count} labels are of classes with weight 0: there is no mean\n  help: take the `sum`, or other weights"
        );
        assert_panics(&text, || loss.mean(logits, labels));
        assert_eq!(loss.sum(logits, labels).item(), 0.0);
    }
    assert!(loss.mean(logits, [0, 1, 2]).item().is_finite());
}

/// Which rows are ignored is data: a varying number of them is the same program.
#[test]
fn other_rows_ignored_are_the_same_program() {
    let (params, mut tape, x) = (Params::new(), Tape::new(), prediction());
    let loss = CrossEntropy::new().ignore_index(9).class_weights(&WEIGHTS).label_smoothing(0.3);
    let mut lengths = Vec::new();
    for labels in [[0, 3, 1], [9, 2, 2], [0, 9, 9]] {
        let fresh = value(|x| loss.mean(x, labels), &x);
        let step = tape.record(&params);
        assert_eq!(loss.mean(step.input(&x), labels).item(), fresh);
        lengths.push(tape.len());
    }
    assert!(lengths.iter().all(|&n| n == lengths[0]), "{lengths:?}");
}

#[test]
fn what_does_not_fit_is_refused() {
    let (params, mut tape, x) = (Params::<f64>::new(), Tape::new(), prediction());
    let step = tape.record(&params);
    let x = step.input(&x);
    for (epsilon, text) in [(-0.1, "-0.1"), (1.5, "1.5"), (f64::NAN, "NaN")] {
        let expected = format!("cross_entropy: label smoothing {text}, expected one in [0, 1]");
        assert_panics(&expected, || CrossEntropy::new().label_smoothing(epsilon));
    }
    assert_panics("cross_entropy: weight -1 of class 1, expected a finite number of at least 0", || {
        CrossEntropy::new().class_weights(&[1.0, -1.0])
    });
    assert_panics("cross_entropy: class weights [3] for logits [3, 4], expected [4]", || {
        CrossEntropy::new().class_weights(&[1.0, 1.0, 1.0]).mean(x, LABELS)
    });
    for loss in [CrossEntropy::new(), CrossEntropy::new().ignore_index(9)] {
        assert_panics("cross_entropy: logits [3, 4] and 2 labels: one label for each row is needed", || {
            loss.mean(x, [0, 1])
        });
        assert_panics("cross_entropy: label 4 at position 2: expected 0 to 3", || loss.sum(x, [0, 1, 4]));
        assert_panics("cross_entropy: logits [12], expected [batch, classes]", || loss.each(x.flatten(), LABELS));
        assert_panics("cross_entropy: logits [0, 4]: there is nothing to take the loss of", || {
            loss.mean(x.slice(s![..0, ..]), [])
        });
    }
}
