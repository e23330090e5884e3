//! Splits: every sample in one part, classes in their proportion, and what is refused.
#![allow(clippy::cast_precision_loss, reason = "counts are small")]

use std::collections::BTreeMap;

use gradus::data::{self, split};
use gradus::{Error, ErrorKind};
use ndarray::array;
use proptest::prelude::*;

fn sorted(parts: &[Vec<usize>]) -> Vec<usize> {
    let mut all = parts.concat();
    all.sort_unstable();
    all
}

fn text<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Value);
    error.to_string()
}

#[test]
fn sizes_worked_by_hand() {
    let sizes = |n, fractions: [f64; 3]| split::shuffled(n, fractions, 1).unwrap().map(|part| part.len());
    assert_eq!(sizes(100, [0.7, 0.15, 0.15]), [70, 15, 15]);
    // Quotas 4.9, 1.05, 1.05: the odd sample goes to the largest fraction of a sample.
    assert_eq!(sizes(7, [0.7, 0.15, 0.15]), [5, 1, 1]);
    // 0.29 · 100 is 28.999999999999996 in floating point.
    assert_eq!(sizes(100, [0.29, 0.57, 0.14]), [29, 57, 14]);
    assert_eq!(sizes(9, [0.333_333, 0.333_333, 0.333_333]), [3, 3, 3]);
}

#[test]
fn the_digits_in_proportion() {
    // Class sizes of the shipped digits; each part within one sample of its share of each class.
    let counts = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180];
    let labels: Vec<usize> = counts.iter().enumerate().flat_map(|(c, &n)| vec![c; n]).collect();
    let parts = split::stratified(&labels, [0.7, 0.15, 0.15], 7).unwrap();
    let totals = parts.each_ref().map(Vec::len);
    assert_eq!(totals.iter().sum::<usize>(), 1797);
    // 1257.9, 269.55, 269.55: the odd samples of the classes do not add up in one part.
    assert!((1256..=1260).contains(&totals[0]), "{totals:?}");
    assert!(totals[1].abs_diff(totals[2]) <= 2, "{totals:?}");
}

/// Twenty classes of nine, halved: were the odd sample always to go to the same part, there would be 100 and 80.
#[test]
fn odd_samples_do_not_add_up() {
    let labels: Vec<usize> = (0..180).map(|i| i / 9).collect();
    let halves = split::stratified(&labels, [0.5, 0.5], 7).unwrap();
    assert_eq!(halves.map(|half| half.len()), [90, 90]);
}

/// Five classes of three leave the second part behind: of each it has one sample, not 1.65. Of the class of 100 it has its
/// 55 all the same, though 0.29 · 100 is 28.999999999999996 in floating point and 0.55 · 100 is 55.00000000000001.
#[test]
fn whole_shares_are_kept() {
    let labels: Vec<usize> = (0..115).map(|i| if i < 15 { i / 3 } else { 5 }).collect();
    let parts = split::stratified(&labels, [0.29, 0.55, 0.16], 1).unwrap();
    let counts = parts.map(|part| part.iter().filter(|&&i| labels[i] == 5).count());
    assert_eq!(counts, [29, 55, 16]);
}

#[test]
fn same_seed_same_split() {
    let labels: Vec<usize> = (0..60).map(|i| i % 3).collect();
    let stratified = |seed| split::stratified(&labels, [0.5, 0.5], seed).unwrap();
    let shuffled = |seed| split::shuffled(60, [0.5, 0.5], seed).unwrap();
    assert_eq!((stratified(3), shuffled(3)), (stratified(3), shuffled(3)));
    // Other samples, not only another order.
    let first = |parts: [Vec<usize>; 2]| sorted(&parts[..1]);
    assert_ne!(first(stratified(3)), first(stratified(4)));
    assert_ne!(first(shuffled(3)), first(shuffled(4)));
}

/// In order of the classes, a mini-batch would see one class only.
#[test]
fn parts_are_in_random_order() {
    let labels: Vec<usize> = (0..100).map(|i| i / 50).collect();
    let [part] = split::stratified(&labels, [1.0], 5).unwrap();
    assert!(part[..50].iter().any(|&i| labels[i] == 0) && part[..50].iter().any(|&i| labels[i] == 1));
    let [part] = split::shuffled(100, [1.0], 5).unwrap();
    assert!(!part.is_sorted());
}

#[test]
fn in_order_of_time() {
    let parts = split::ordered(10, [0.7, 0.1, 0.2]).unwrap();
    assert_eq!(parts, [vec![0, 1, 2, 3, 4, 5, 6], vec![7], vec![8, 9]]);
    assert_eq!(split::ordered(7, [0.7, 0.15, 0.15]).unwrap().map(|part| part.len()), [5, 1, 1]);
    assert_eq!(
        text(split::ordered(2, [0.8, 0.1, 0.1])),
        "split: 2 samples are too few: part 2 with a fraction of 0.100 would be empty"
    );
}

#[test]
fn folds_worked_by_hand() {
    let sizes = |n, k| split::k_fold(n, k, 1).unwrap().iter().map(|fold| fold.test.len()).collect::<Vec<_>>();
    assert_eq!(sizes(10, 3), [4, 3, 3]);
    assert_eq!(sizes(4, 4), [1, 1, 1, 1]); // leave one out
    let folds = split::rolling(10, 3).unwrap();
    let ends: Vec<_> = folds.iter().map(|fold| (fold.train.len(), fold.test.clone())).collect();
    assert_eq!(ends, [(4, vec![4, 5]), (6, vec![6, 7]), (8, vec![8, 9])]);
    // Two classes of 5 in two folds: 5 and 5, not 6 and 4.
    let labels: Vec<usize> = (0..10).map(|i| i / 5).collect();
    let folds = split::stratified_k_fold(&labels, 2, 1).unwrap();
    assert_eq!((folds[0].test.len(), folds[1].test.len()), (5, 5));
    // A class of one is in one test part.
    let folds = split::stratified_k_fold(&[0, 0, 0, 0, 1], 2, 3).unwrap();
    assert_eq!(folds.iter().filter(|fold| fold.test.contains(&4)).count(), 1);
}

#[test]
fn folds_follow_from_the_seed_and_are_shuffled() {
    let labels: Vec<usize> = (0..60).map(|i| i % 3).collect();
    assert_eq!(split::k_fold(60, 4, 3).unwrap(), split::k_fold(60, 4, 3).unwrap());
    assert_ne!(split::k_fold(60, 4, 3).unwrap(), split::k_fold(60, 4, 4).unwrap());
    let stratified = |seed| split::stratified_k_fold(&labels, 4, seed).unwrap();
    assert_eq!(stratified(3), stratified(3));
    assert_ne!(stratified(3), stratified(4));
    for fold in split::k_fold(60, 4, 3).unwrap().iter().chain(&stratified(3)) {
        assert!(!fold.train.is_sorted() && !fold.test.is_sorted());
    }
}

#[test]
fn folds_that_are_refused() {
    assert_eq!(text(split::k_fold(5, 1, 0)), "split: 1 fold: one part is tested, the others are trained on");
    assert_eq!(text(split::k_fold(1, 2, 0)), "split: 1 sample, too few for 2 folds");
    assert_eq!(text(split::stratified_k_fold(&[0, 1], 3, 0)), "split: 2 samples, too few for 3 folds");
    assert_eq!(text(split::rolling(5, 0)), "split: 0 folds: there is nothing to test by");
    assert_eq!(text(split::rolling(3, 3)), "split: 3 samples, too few for 3 folds in order of time");
}

#[test]
fn every_order_is_equally_likely() {
    // 6 orders of 3 samples, 6000 seeds: 1000 each, with a standard deviation of 29.
    let mut counts = BTreeMap::new();
    for seed in 0..6000 {
        let [order] = split::shuffled(3, [1.0], seed).unwrap();
        *counts.entry(order).or_insert(0_u32) += 1;
    }
    assert_eq!(counts.len(), 6);
    assert!(counts.values().all(|count| count.abs_diff(1000) < 150), "{counts:?}");
}

#[test]
fn what_is_refused() {
    let two = |fractions: [f64; 2]| text(split::shuffled(10, fractions, 0));
    assert_eq!(two([0.5, 0.4]), "split: the fractions [0.5, 0.4] add up to 0.9, not to 1");
    assert_eq!(two([0.8, 0.8]), "split: the fractions [0.8, 0.8] add up to 1.6, not to 1");
    assert_eq!(two([1.0, 0.0]), "split: the fraction of part 1 is 0, not above 0");
    assert_eq!(two([-0.5, 1.5]), "split: the fraction of part 0 is -0.5, not above 0");
    assert_eq!(two([f64::NAN, 0.5]), "split: the fraction of part 0 is NaN, not above 0");
    assert_eq!(two([f64::INFINITY, 0.5]), "split: the fractions [inf, 0.5] add up to inf, not to 1");
    assert_eq!(text(split::shuffled(10, [], 0)), "split: the fractions [] add up to 0, not to 1");
    assert_eq!(
        text(split::shuffled(0, [0.5, 0.5], 0)),
        "split: 0 samples are too few: part 0 with a fraction of 0.500 would be empty"
    );
    assert_eq!(
        text(split::shuffled(1, [0.5, 0.5], 0)),
        "split: 1 sample is too few: part 1 with a fraction of 0.500 would be empty"
    );
    assert_eq!(
        text(split::stratified(&[0, 0, 1], [0.5, 0.5], 0)),
        "split: class 1 has 1 sample, too few for one in each part: part 1 with a fraction of 0.500 would have none\n  help: larger fractions, or `split::shuffled`"
    );
    assert_eq!(
        text(split::shuffled(2, [0.8, 0.1, 0.1], 0)),
        "split: 2 samples are too few: part 2 with a fraction of 0.100 would be empty"
    );
    assert_eq!(text(split::stratified(&[], [0.5, 0.5], 0)), "split: there are no samples");
    assert_eq!(
        text(split::stratified(&[0, 0, 0, 4, 4, 4, 4, 9, 9], [0.6, 0.2, 0.2], 0)),
        "split: class 9 has 2 samples, too few for one in each part: part 2 with a fraction of 0.200 would have none\n  help: larger fractions, or `split::shuffled`"
    );
    assert!(split::stratified(&[0, 0, 1, 1, 1], [0.6, 0.4], 0).is_ok());
}

#[test]
fn rows_of_arrays_and_labels() {
    let x = array![[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]];
    assert_eq!(data::rows(&x, &[2, 0, 2]), array![[5.0, 6.0], [1.0, 2.0], [5.0, 6.0]]);
    assert_eq!(data::rows(&x.t(), &[1]), array![[2.0, 4.0, 6.0]]);
    assert_eq!(data::rows(&array![7_usize, 8], &[1]), array![8]);
    assert_eq!(data::rows([7, 8, 9].as_slice(), &[2, 1]), [9, 8]);
    assert_eq!(data::rows(&x, &[]).dim(), (0, 2));
}

#[test]
#[should_panic(expected = "rows: index 3 is out of range for 3 samples")]
fn a_row_that_is_not_there() {
    let _ = data::rows(&vec![0, 1, 2], &[0, 3]);
}

/// Fractions that add up to 1.
fn fractions() -> impl Strategy<Value = [f64; 4]> {
    prop::array::uniform4(0.05_f64..1.0).prop_map(|f| f.map(|x| x / f.iter().sum::<f64>()))
}

proptest! {
    #[test]
    fn every_sample_is_tested_once(labels in prop::collection::vec(0_usize..4, 2..100), k in 2_usize..12, seed: u64) {
        let n = labels.len();
        prop_assume!(k <= n);
        let all: Vec<usize> = (0..n).collect();
        for folds in [split::k_fold(n, k, seed).unwrap(), split::stratified_k_fold(&labels, k, seed).unwrap()] {
            prop_assert_eq!(folds.len(), k);
            let tests: Vec<_> = folds.iter().map(|fold| fold.test.clone()).collect();
            prop_assert_eq!(sorted(&tests), all.clone());
            for fold in &folds {
                prop_assert_eq!(sorted(&[fold.train.clone(), fold.test.clone()]), all.clone());
                prop_assert!(fold.test.len() == n / k || fold.test.len() == n.div_ceil(k));
            }
        }
        let folds = split::stratified_k_fold(&labels, k, seed).unwrap();
        for class in 0..4 {
            let counts = folds.iter().map(|fold| fold.test.iter().filter(|&&i| labels[i] == class).count());
            let total = labels.iter().filter(|&&label| label == class).count();
            prop_assert!(counts.into_iter().all(|count| count == total / k || count == total.div_ceil(k)));
        }
    }

    #[test]
    fn nothing_of_the_future_is_trained_on(n in 2_usize..200, k in 1_usize..20) {
        prop_assume!(n > k);
        let folds = split::rolling(n, k).unwrap();
        for fold in &folds {
            prop_assert_eq!(&fold.train, &(0..fold.test[0]).collect::<Vec<_>>());
            prop_assert!(fold.test.len() == n / (k + 1) && fold.train.len() >= fold.test.len());
        }
        prop_assert!(folds.windows(2).all(|pair| pair[1].test[0] == pair[0].test.last().unwrap() + 1));
        prop_assert_eq!(*folds.last().unwrap().test.last().unwrap(), n - 1);
    }

    #[test]
    fn a_split_is_a_partition(n in 4_usize..400, fractions in fractions(), seed: u64) {
        if let Ok(parts) = split::shuffled(n, fractions, seed) {
            prop_assert_eq!(sorted(&parts), (0..n).collect::<Vec<_>>());
            for (part, fraction) in parts.iter().zip(fractions) {
                prop_assert!((part.len() as f64 - fraction * n as f64).abs() < 1.0);
            }
        } else {
            prop_assert!(fractions.iter().any(|fraction| fraction * (n as f64) < 1.0));
        }
    }

    #[test]
    fn a_stratified_split_keeps_the_shares(
        labels in prop::collection::vec(0_usize..5, 4..400), fractions in fractions(), seed: u64,
    ) {
        let mut classes = BTreeMap::new();
        for &label in &labels {
            *classes.entry(label).or_insert(0_usize) += 1;
        }
        let least = fractions.iter().copied().fold(1.0, f64::min);
        let Ok(parts) = split::stratified(&labels, fractions, seed) else {
            prop_assert!(classes.values().any(|&n| n as f64 * least < 1.0));
            return Ok(());
        };
        prop_assert_eq!(sorted(&parts), (0..labels.len()).collect::<Vec<_>>());
        for (part, fraction) in parts.iter().zip(fractions) {
            for (&class, &n) in &classes {
                let found = part.iter().filter(|&&i| labels[i] == class).count();
                prop_assert!(found > 0 && (found as f64 - fraction * n as f64).abs() < 1.0);
            }
            // What is odd in one class is made up for in the others, unless a part needs one of each class.
            let is_free = classes.values().all(|&n| n as f64 * least >= 1.0);
            let total = part.len() as f64 - fraction * labels.len() as f64;
            let bound = if is_free { 2.0 } else { classes.len() as f64 };
            prop_assert!(total.abs() < bound, "{total} samples too many");
        }
    }
}
