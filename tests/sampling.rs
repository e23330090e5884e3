//! The stochastic gradient: its mean is the gradient of the mean loss, its variance falls as 1/m.
//!
//! Tolerances are four standard errors, estimated from the draws themselves: a true statement passes with probability
//! 0.99994 for each number compared, and seeds are fixed. Beside each statement stands one that is false and must be refused.
#![allow(clippy::cast_precision_loss, reason = "counts are small")]

use gradus::data::{Batches, Source};
use gradus::prelude::*;
use ndarray::Axis;

const SAMPLES: usize = 24;
const FEATURES: usize = 3;
const DRAWS: usize = 4000;
const TOLERANCE: f64 = 4.0;

/// Linear regression of noisy targets; residuals differ from sample to sample.
fn problem() -> (Array2<f64>, Array1<f64>, Params<f64>) {
    let x = Array2::from_shape_fn((SAMPLES, FEATURES), |(i, j)| ((3 * i + 7 * j) as f64 * 0.7).sin() + 0.3 * j as f64);
    let y = Array1::from_shape_fn(SAMPLES, |i| (i as f64 * 1.3).cos() + 0.1 * i as f64);
    let mut params = Params::new();
    params.add_array("w", &array![0.5, -1.0, 0.25]);
    (x, y, params)
}

/// ∇J of the mean squared error over each batch that comes, at the same parameters.
struct Gradients<'a, S> {
    source: S,
    params: &'a Params<f64>,
    tape: Tape<f64>,
    gradient: Gradient<f64>,
}

impl<'a, S: Source<X = Array2<f64>, Y = Array1<f64>>> Gradients<'a, S> {
    fn of(source: S, params: &'a Params<f64>) -> Self {
        Self { source, params, tape: Tape::new(), gradient: params.gradient() }
    }

    fn next(&mut self) -> Option<Array1<f64>> {
        let (x, y) = self.source.next()?;
        let step = self.tape.record(self.params);
        let w = step.param(self.params.params().next().unwrap());
        mse(step.input(x).matmul(w), step.input(y)).backward(&mut self.gradient);
        Some(Array1::from_vec(self.gradient.flat().to_vec()))
    }
}

/// The gradient of every sample, a row each.
fn singles(x: &Array2<f64>, y: &Array1<f64>, params: &Params<f64>) -> Array2<f64> {
    let mut gradients = Gradients::of(Batches::single(x, y), params);
    let mut rows = Array2::zeros((0, FEATURES));
    while let Some(gradient) = gradients.next() {
        rows.push_row(gradient.view()).unwrap();
    }
    rows
}

/// The gradient over all samples at once.
fn full(x: &Array2<f64>, y: &Array1<f64>, params: &Params<f64>) -> Array1<f64> {
    Gradients::of(Batches::full(x, y), params).next().unwrap()
}

/// Gradients of the first batch of each of many epochs, which are independent of each other.
fn draws(mut batches: Batches<'_, Array2<f64>, Array1<f64>>, params: &Params<f64>) -> Array2<f64> {
    let mut rows = Array2::zeros((0, FEATURES));
    let (mut tape, mut gradient) = (Tape::new(), params.gradient());
    for epoch in 0..DRAWS {
        batches.begin(epoch);
        let (x, y) = batches.next().unwrap();
        let step = tape.record(params);
        let w = step.param(params.params().next().unwrap());
        mse(step.input(x).matmul(w), step.input(y)).backward(&mut gradient);
        rows.push_row(ndarray::aview1(gradient.flat())).unwrap();
    }
    rows
}

/// By how many standard errors the means of the columns differ from `expected`, at most.
fn off_mean(draws: &Array2<f64>, expected: &Array1<f64>) -> f64 {
    let errors = draws.std_axis(Axis(0), 1.0) / (draws.nrows() as f64).sqrt();
    ((draws.mean_axis(Axis(0)).unwrap() - expected) / errors).fold(0.0, |worst, z| z.abs().max(worst))
}

/// The same for their variances.
fn off_variance(draws: &Array2<f64>, expected: &Array1<f64>) -> f64 {
    let squares = (draws - &draws.mean_axis(Axis(0)).unwrap()).mapv(|d| d * d);
    off_mean(&squares, expected)
}

/// J is a mean over samples, and so is its gradient.
#[test]
fn the_full_gradient_is_the_mean_of_those_of_the_samples() {
    let (x, y, params) = problem();
    let rows = singles(&x, &y, &params);
    assert_eq!(rows.nrows(), SAMPLES);
    let (mean, full) = (rows.mean_axis(Axis(0)).unwrap(), full(&x, &y, &params));
    assert!((&mean - &full).iter().all(|difference| difference.abs() < 1e-14), "{mean} {full}");
    // By hand for the first component: 2/n Σ (w·x − y) x₀.
    let residuals = x.dot(&array![0.5, -1.0, 0.25]) - &y;
    let by_hand = 2.0 * residuals.dot(&x.column(0)) / SAMPLES as f64;
    assert!((full[0] - by_hand).abs() < 1e-14);
}

#[test]
fn with_replacement_the_gradient_is_unbiased_and_its_variance_falls_as_1_over_m() {
    let (x, y, params) = problem();
    let (full, variance) = (full(&x, &y, &params), singles(&x, &y, &params).var_axis(Axis(0), 0.0));
    for (seed, m) in [1, 2, 4, 8, 16].into_iter().enumerate() {
        let draws = draws(Batches::of(&x, &y, m).with_replacement(seed as u64), &params);
        assert!(off_mean(&draws, &full) < TOLERANCE, "m = {m}: {}", off_mean(&draws, &full));
        let off = off_variance(&draws, &(&variance / m as f64));
        assert!(off < TOLERANCE, "m = {m}: {off}");
        // A batch of twice the size has another variance.
        assert!(off_variance(&draws, &(&variance / (2 * m) as f64)) > TOLERANCE, "m = {m}");
    }
}

#[test]
fn in_a_permutation_the_variance_has_the_factor_of_a_finite_population() {
    let (x, y, params) = problem();
    let (full, variance) = (full(&x, &y, &params), singles(&x, &y, &params).var_axis(Axis(0), 0.0));
    for (seed, m) in [1, 2, 4, 8, 12].into_iter().enumerate() {
        let draws = draws(Batches::of(&x, &y, m).shuffled(seed as u64), &params);
        assert!(off_mean(&draws, &full) < TOLERANCE, "m = {m}: {}", off_mean(&draws, &full));
        let factor = (SAMPLES - m) as f64 / (SAMPLES - 1) as f64;
        let off = off_variance(&draws, &(&variance * factor / m as f64));
        assert!(off < TOLERANCE, "m = {m}: {off}");
        // Without the factor it is wrong, but for m = 1, where there is none.
        assert!(m <= 2 || off_variance(&draws, &(&variance / m as f64)) > TOLERANCE, "m = {m}");
    }
}

/// Wrong on purpose: draws from half of the data alone.
#[test]
fn draws_from_a_part_are_biased() {
    let (x, y, params) = problem();
    let half: Vec<usize> = (0..SAMPLES / 2).collect();
    let draws = draws(Batches::of(&x, &y, 4).rows(&half).with_replacement(1), &params);
    assert!(off_mean(&draws, &full(&x, &y, &params)) > TOLERANCE);
}
