//! Folds: every sample is tested once, or tomorrow is tested by what was known today.

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use super::refuse;
use crate::data::samples::counted;
use crate::error::Error;

/// What to train on and what to test by, as indices.
///
/// # Examples
///
/// ```
/// use gradus::data::split;
///
/// let folds = split::k_fold(6, 3, 7)?;
/// assert!(folds.iter().all(|fold| fold.train.len() == 4 && fold.test.len() == 2));
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fold {
    /// The samples to train on, and to fit a scaler on.
    pub train: Vec<usize>,
    /// The samples to test by, none of which is trained on.
    pub test: Vec<usize>,
}

/// Cross-validation: divides the samples at random into `k` parts, each of which is the test part once while all others are
/// trained on.
///
/// The sizes of two parts differ by at most one; both lists of a fold are in random order. Each sample is tested once, so
/// the mean of the k results uses all the data; the scaler is fitted anew in each fold.
///
/// # Errors
///
/// If `k` is below 2 or above the number of samples.
///
/// # Examples
///
/// ```
/// use gradus::data::split;
///
/// let mut tested: Vec<usize> = split::k_fold(10, 3, 7)?.into_iter().flat_map(|fold| fold.test).collect();
/// tested.sort();
/// assert_eq!(tested, (0..10).collect::<Vec<_>>());
/// # Ok::<(), gradus::Error>(())
/// ```
pub fn k_fold(samples: usize, k: usize, seed: u64) -> Result<Vec<Fold>, Error> {
    check(samples, k)?;
    let mut order: Vec<usize> = (0..samples).collect();
    order.shuffle(&mut StdRng::seed_from_u64(seed));
    let mut part_of = vec![0; samples];
    order.iter().enumerate().for_each(|(place, &sample)| part_of[sample] = place % k);
    Ok(folds(&order, &part_of, k))
}

/// Cross-validation as [`k_fold`], with every class in the same share in each part.
///
/// The sizes of two parts differ by at most one, and so do the numbers of samples of a class in them. A class with fewer
/// than `k` samples is in as many test parts as it has samples.
///
/// # Errors
///
/// If `k` is below 2 or above the number of samples.
///
/// # Examples
///
/// ```
/// use gradus::data::split;
///
/// let labels = [0, 0, 0, 0, 0, 0, 1, 1, 1];
/// for fold in split::stratified_k_fold(&labels, 3, 7)? {
///     assert_eq!(fold.test.iter().filter(|&&i| labels[i] == 1).count(), 1);
/// }
/// # Ok::<(), gradus::Error>(())
/// ```
pub fn stratified_k_fold(labels: &[usize], k: usize, seed: u64) -> Result<Vec<Fold>, Error> {
    check(labels.len(), k)?;
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.shuffle(&mut StdRng::seed_from_u64(seed));
    let mut classes: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for &sample in &order {
        classes.entry(labels[sample]).or_default().push(sample);
    }
    let mut part_of = vec![0; labels.len()];
    // One round through the parts for all classes: where one class ends, the next goes on, so that no part gets the odd
    // sample of each.
    let by_class = classes.into_values().flatten();
    by_class.enumerate().for_each(|(place, sample)| part_of[sample] = place % k);
    Ok(folds(&order, &part_of, k))
}

/// Folds for samples in order of time: trains on all that came before what is tested, never on what came after.
///
/// The samples are divided into `k + 1` stretches of the same length, the first of which takes what is odd. Fold `i`
/// trains on the first `i` of them (counted from 1) and tests by the next. Indices are in order.
///
/// # Errors
///
/// If `k` is 0, or there are fewer than `k + 1` samples.
///
/// # Examples
///
/// ```
/// use gradus::data::split;
///
/// let folds = split::rolling(7, 2)?;
/// assert_eq!((&folds[0].train[..], &folds[0].test[..]), (&[0, 1, 2][..], &[3, 4][..]));
/// assert_eq!((&folds[1].train[..], &folds[1].test[..]), (&[0, 1, 2, 3, 4][..], &[5, 6][..]));
/// # Ok::<(), gradus::Error>(())
/// ```
pub fn rolling(samples: usize, k: usize) -> Result<Vec<Fold>, Error> {
    if k == 0 {
        return Err(refuse("0 folds: there is nothing to test by"));
    }
    if samples <= k {
        return Err(refuse(&format!("{}, too few for {k} folds in order of time", counted(samples, "sample"))));
    }
    let length = samples / (k + 1);
    let starts = (0..k).map(|fold| samples - (k - fold) * length);
    Ok(starts.map(|start| Fold { train: (0..start).collect(), test: (start..start + length).collect() }).collect())
}

fn check(samples: usize, k: usize) -> Result<(), Error> {
    if k < 2 {
        return Err(refuse(&format!("{}: one part is tested, the others are trained on", counted(k, "fold"))));
    }
    if samples < k {
        return Err(refuse(&format!("{}, too few for {k} folds", counted(samples, "sample"))));
    }
    Ok(())
}

fn folds(order: &[usize], part_of: &[usize], k: usize) -> Vec<Fold> {
    let fold = |part| {
        let (test, train) = order.iter().partition(|&&sample| part_of[sample] == part);
        Fold { train, test }
    };
    (0..k).map(fold).collect()
}
