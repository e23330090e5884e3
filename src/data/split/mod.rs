//! Dividing samples into parts: training, validation, test.
//!
//! A split is made of indices; [`rows`](super::rows) and [`Batches::rows`](super::Batches::rows) turn them into samples.
//! The same seed gives the same split.
//!
//! | what | for |
//! |---|---|
//! | [`shuffled`] | samples that are independent of each other |
//! | [`stratified`] | classes, of which each part is to have the same share |
//! | [`ordered`] | samples in order of time: the future is not to be known while training |
//! | [`k_fold`], [`stratified_k_fold`], [`rolling`] | the same three when data are scarce: several divisions, each sample tested once |

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use super::samples::counted;
use crate::error::{Error, ErrorKind};

mod folds;

pub use folds::{Fold, k_fold, rolling, stratified_k_fold};

/// Divides `samples` samples at random into one part for each fraction.
///
/// Each sample is in exactly one part, in random order. The size of a part differs from its fraction of all samples by
/// less than one.
///
/// # Errors
///
/// If a fraction is not above 0, the fractions do not add up to 1, or a part would be empty.
///
/// # Examples
///
/// ```
/// use gradus::data::split;
///
/// let [train, validation, test] = split::shuffled(10, [0.6, 0.2, 0.2], 7)?;
/// assert_eq!((train.len(), validation.len(), test.len()), (6, 2, 2));
/// # Ok::<(), gradus::Error>(())
/// ```
pub fn shuffled<const N: usize>(samples: usize, fractions: [f64; N], seed: u64) -> Result<[Vec<usize>; N], Error> {
    let sizes = sizes(samples, fractions)?;
    let mut order: Vec<usize> = (0..samples).collect();
    order.shuffle(&mut StdRng::seed_from_u64(seed));
    let mut parts = [const { Vec::new() }; N];
    deal(&order, sizes, &mut parts);
    Ok(parts)
}

/// Divides `samples` samples in order of time: the first part has the earliest, the last part the latest.
///
/// Each sample is in exactly one part, in order. The size of a part differs from its fraction of all samples by less than
/// one. For what depends on time: were the parts shuffled, a model would be tested by days between those it has seen.
///
/// # Errors
///
/// If a fraction is not above 0, the fractions do not add up to 1, or a part would be empty.
///
/// # Examples
///
/// ```
/// use gradus::data::split;
///
/// let [train, test] = split::ordered(5, [0.6, 0.4])?;
/// assert_eq!((train, test), (vec![0, 1, 2], vec![3, 4]));
/// # Ok::<(), gradus::Error>(())
/// ```
pub fn ordered<const N: usize>(samples: usize, fractions: [f64; N]) -> Result<[Vec<usize>; N], Error> {
    let order: Vec<usize> = (0..samples).collect();
    let mut parts = [const { Vec::new() }; N];
    deal(&order, sizes(samples, fractions)?, &mut parts);
    Ok(parts)
}

/// Divides labelled samples at random into one part for each fraction, so that every class has the same share in each.
///
/// Each sample is in exactly one part, in random order. In each part the number of samples of a class differs from its
/// fraction of the class by less than one, and no class is missing.
///
/// # Errors
///
/// If a fraction is not above 0, the fractions do not add up to 1, there are no samples, or a class has too few samples
/// for one in each part.
///
/// # Examples
///
/// ```
/// use gradus::data::split;
///
/// let labels = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1];
/// let [train, test] = split::stratified(&labels, [0.75, 0.25], 7)?;
/// assert_eq!(train.iter().filter(|&&i| labels[i] == 0).count(), 6);
/// assert_eq!(test.iter().filter(|&&i| labels[i] == 1).count(), 1);
/// # Ok::<(), gradus::Error>(())
/// ```
pub fn stratified<const N: usize>(labels: &[usize], fractions: [f64; N], seed: u64) -> Result<[Vec<usize>; N], Error> {
    let fractions = shares(fractions)?;
    if labels.is_empty() {
        return Err(refuse("there are no samples"));
    }
    let mut classes: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (sample, &label) in labels.iter().enumerate() {
        classes.entry(label).or_default().push(sample);
    }
    let mut rng = StdRng::seed_from_u64(seed);
    let mut parts = [const { Vec::new() }; N];
    // What a part should have got so far, less what it got. Where a class does not divide evenly, the odd samples go to
    // the parts that are most behind; otherwise they would all go to the same part.
    let mut behind = [0.0; N];
    for (class, members) in &mut classes {
        let quotas = fractions.map(|fraction| quota(members.len(), fraction));
        (0..N).for_each(|part| behind[part] += quotas[part]);
        let sizes = apportion(members.len(), quotas, behind);
        if let Some(empty) = sizes.iter().position(|&size| size == 0) {
            return Err(refuse(&format!(
                "class {class} has {}, too few for one in each part: part {empty} with a fraction of {:.3} would have none\n  help: larger fractions, or `split::shuffled`",
                counted(members.len(), "sample"),
                fractions[empty]
            )));
        }
        (0..N).for_each(|part| behind[part] -= float(sizes[part]));
        members.shuffle(&mut rng);
        deal(members, sizes, &mut parts);
    }
    // So far class follows class; a mini-batch taken from that in order would hold one class only.
    for part in &mut parts {
        part.shuffle(&mut rng);
    }
    Ok(parts)
}

/// The size of each part, none of them 0.
fn sizes<const N: usize>(samples: usize, fractions: [f64; N]) -> Result<[usize; N], Error> {
    let fractions = shares(fractions)?;
    let quotas = fractions.map(|fraction| quota(samples, fraction));
    let sizes = apportion(samples, quotas, quotas);
    if let Some(empty) = sizes.iter().position(|&size| size == 0) {
        return Err(refuse(&format!(
            "{} too few: part {empty} with a fraction of {:.3} would be empty",
            if samples == 1 { "1 sample is".to_owned() } else { format!("{samples} samples are") },
            fractions[empty]
        )));
    }
    Ok(sizes)
}

/// The fractions, checked and scaled to a sum of 1.
fn shares<const N: usize>(fractions: [f64; N]) -> Result<[f64; N], Error> {
    /// Enough for fractions written with six digits, such as 0.333333.
    const SLACK: f64 = 1e-5;
    if let Some((part, fraction)) = fractions.iter().enumerate().find(|(_, f)| f.is_nan() || **f <= 0.0) {
        return Err(refuse(&format!("the fraction of part {part} is {fraction}, not above 0")));
    }
    let sum = fractions.iter().fold(0.0, |sum, fraction| sum + fraction);
    if (sum - 1.0).abs() > SLACK {
        return Err(refuse(&format!("the fractions {fractions:?} add up to {sum}, not to 1")));
    }
    Ok(fractions.map(|fraction| fraction / sum))
}

/// `fraction · samples`, where rounding errors do not make an 8.999… of a 9.
fn quota(samples: usize, fraction: f64) -> f64 {
    const ROUNDING: f64 = 1e-9;
    let exact = fraction * float(samples);
    let whole = exact.round();
    if (exact - whole).abs() <= ROUNDING * whole { whole } else { exact }
}

/// Whole numbers that add up to `samples`, each a quota rounded down or up: up for those with nothing otherwise, then for
/// those that claim most beyond the rounded-down quota (Hamilton's method where the claims are the quotas).
fn apportion<const N: usize>(samples: usize, quotas: [f64; N], claims: [f64; N]) -> [usize; N] {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a quota is neither negative nor above the number of samples"
    )]
    let mut sizes = quotas.map(|quota| quota.floor() as usize);
    let open = samples.saturating_sub(sizes.iter().sum());
    let mut candidates: Vec<usize> = (0..N).filter(|&part| quotas[part].fract() > 0.0).collect();
    let claim = |part: usize| claims[part] - quotas[part].floor();
    candidates.sort_by(|&a, &b| (sizes[a] > 0).cmp(&(sizes[b] > 0)).then(claim(b).total_cmp(&claim(a))));
    candidates.iter().take(open).for_each(|&part| sizes[part] += 1);
    debug_assert_eq!(sizes.iter().sum::<usize>(), samples, "every sample is in a part");
    sizes
}

fn deal<const N: usize>(members: &[usize], sizes: [usize; N], parts: &mut [Vec<usize>; N]) {
    let mut rest = members;
    for (part, size) in parts.iter_mut().zip(sizes) {
        let (own, others) = rest.split_at(size);
        part.extend_from_slice(own);
        rest = others;
    }
}

#[allow(clippy::cast_precision_loss, reason = "numbers of samples stay below 2^53")]
fn float(n: usize) -> f64 {
    n as f64
}

fn refuse(message: &str) -> Error {
    Error::new(ErrorKind::Value, format!("split: {message}"))
}
