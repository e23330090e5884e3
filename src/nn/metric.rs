//! How good a classifier is: counts on values, nothing to differentiate.

use ndarray::{ArrayRef, Dimension, Ix2};

use crate::op::Indices;
use crate::real::{Real, Scalar as _};

/// The part of the rows of `logits` `[batch, classes]` whose largest element stands at the label, in [0, 1].
///
/// Of equal elements the first counts as the largest; a row with a NaN is never right.
///
/// # Panics
///
/// If the logits are no matrix, the batch is empty, or the labels do not fit in number or range.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let logits = array![[0.1, 2.0], [3.0, 0.0], [1.0, 1.5], [0.0, 9.0]];
/// assert_eq!(accuracy(&logits, &[1, 0, 0, 1]), 0.75);
/// ```
#[must_use]
#[track_caller]
pub fn accuracy<T: Real, D: Dimension>(logits: &ArrayRef<T, D>, labels: impl Indices) -> f64 {
    hits("accuracy", logits, labels, 1)
}

/// The part of the rows of `logits` `[batch, classes]` whose label is among the `k` largest elements, in [0, 1].
///
/// Of equal elements the first counts as the larger one; a row with a NaN is never right.
///
/// # Panics
///
/// If `k` is not between 1 and the number of classes, the logits are no matrix, the batch is empty, or the labels do not
/// fit in number or range.
///
/// # Examples
///
/// ```
/// use gradus::{nn::top_k_accuracy, prelude::*};
///
/// let logits = array![[3.0, 2.0, 1.0], [3.0, 2.0, 1.0]];
/// assert_eq!(top_k_accuracy(&logits, &[1, 2], 2), 0.5);
/// ```
#[must_use]
#[track_caller]
pub fn top_k_accuracy<T: Real, D: Dimension>(logits: &ArrayRef<T, D>, labels: impl Indices, k: usize) -> f64 {
    hits("top_k_accuracy", logits, labels, k)
}

#[track_caller]
#[allow(clippy::needless_pass_by_value, reason = "a reference is passed")]
fn hits<T: Real, D: Dimension>(name: &str, logits: &ArrayRef<T, D>, labels: impl Indices, k: usize) -> f64 {
    let shape = logits.shape();
    let Ok(rows) = logits.view().into_dimensionality::<Ix2>() else {
        panic!("{name}: logits {shape:?}, expected [batch, classes]")
    };
    let (labels, classes) = (labels.positions(), rows.ncols());
    assert!(!rows.is_empty(), "{name}: logits {shape:?}: there is nothing to count");
    assert!(
        labels.len() == rows.nrows(),
        "{name}: logits {shape:?} and {} labels: one label for each row is needed",
        labels.len()
    );
    assert!((1..=classes).contains(&k), "{name}: k {k}, expected 1 to {classes}");
    let mut hits = 0_usize;
    for (at, (row, label)) in rows.rows().into_iter().zip(labels).enumerate() {
        let last = classes - 1;
        assert!(label <= last, "{name}: label {label} at position {at}: expected 0 to {last}");
        let x = row[label];
        let ahead = row.indexed_iter().filter(|&(at, &y)| y > x || (y == x && at < label)).count();
        hits += usize::from(ahead < k && !row.iter().any(|y| y.is_nan()));
    }
    hits.as_f64() / rows.nrows().as_f64()
}
