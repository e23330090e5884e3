use super::panics::assert_panics;
use gradus::nn::top_k_accuracy;
use gradus::prelude::*;

#[test]
fn it_counts_rows_whose_largest_element_is_at_the_label() {
    let logits = array![[1.0, 3.0, 2.0], [5.0, 4.0, 0.0], [-1.0, -3.0, -2.0], [0.0, 0.0, 9.0]];
    assert_eq!(accuracy(&logits, &[1, 0, 0, 2]), 1.0);
    assert_eq!(accuracy(&logits, &[1, 0, 1, 0]), 0.5);
    assert_eq!(accuracy(&logits.slice(s![1.., ..]), &[0, 1, 1]), 1.0 / 3.0);
    assert_eq!(accuracy(&logits.mapv(f32::of).into_dyn(), vec![1, 1, 1, 1].as_slice()), 0.25);
}

#[test]
fn k_counts_the_label_among_the_k_largest() {
    let logits = array![[1.0, 3.0, 2.0], [5.0, 4.0, 0.0]];
    let labels = [2, 2];
    let by_k = [1, 2, 3].map(|k| top_k_accuracy(&logits, &labels, k));
    assert_eq!(by_k, [0.0, 0.5, 1.0]);
    assert_eq!(top_k_accuracy(&logits, &[1, 0], 1), accuracy(&logits, &[1, 0]));
}

/// As in argmax: the first of equals is the largest; NaN is never right.
#[test]
fn ties_and_nan() {
    let ties = array![[2.0, 2.0], [2.0, 2.0]];
    assert_eq!(accuracy(&ties, &[0, 0]), 1.0);
    assert_eq!(accuracy(&ties, &[1, 1]), 0.0);
    assert_eq!(top_k_accuracy(&ties, &[0, 1], 2), 1.0);
    let nan = array![[f64::NAN, 1.0], [1.0, f64::NAN]];
    assert_eq!(accuracy(&nan, &[0, 0]), 0.0);
    assert_eq!(accuracy(&nan, &[1, 1]), 0.0);
    let infinite = array![[f64::NEG_INFINITY, f64::INFINITY]];
    assert_eq!(accuracy(&infinite, &[1]), 1.0);
}

#[test]
fn what_does_not_fit_is_refused() {
    let logits = array![[1.0, 2.0], [3.0, 4.0]];
    assert_panics("accuracy: logits [2], expected [batch, classes]", || accuracy(&array![1.0, 2.0], &[0]));
    assert_panics("accuracy: logits [0, 2]: there is nothing to count", || {
        accuracy(&Array2::<f32>::zeros((0, 2)), &[])
    });
    assert_panics("accuracy: logits [2, 2] and 3 labels: one label for each row is needed", || {
        accuracy(&logits, &[0, 1, 0])
    });
    assert_panics("accuracy: label 2 at position 1: expected 0 to 1", || accuracy(&logits, &[0, 2]));
    assert_panics("top_k_accuracy: k 0, expected 1 to 2", || top_k_accuracy(&logits, &[0, 1], 0));
    assert_panics("top_k_accuracy: k 3, expected 1 to 2", || top_k_accuracy(&logits, &[0, 1], 3));
}
