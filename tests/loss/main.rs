//! Losses: one list of all that hold a prediction against a target, and loops over it; what is particular stands in the
//! modules.

use gradus::nn::loss::{self, each};
use gradus::prelude::*;

mod cross_entropy;
mod labels;
mod limits;
mod pairs;
#[path = "../support/panics.rs"]
mod panics;
mod penalty;

/// A loss over a prediction and a target, both `Var`s.
type Pair = for<'t> fn(Var<'t, f64>, Var<'t, f64>) -> Var<'t, f64>;

/// What the list knows of a loss.
struct Loss {
    name: &'static str,
    mean: Pair,
    each: Pair,
    formula: Formula,
    /// A target in its domain, away from kinks.
    target: fn() -> Array2<f64>,
    /// The mean for the prediction and the target below: PyTorch 2.15, float64; none where it has no such loss.
    pytorch: Option<f64>,
}

/// The textbook formula, written without care for large numbers.
enum Formula {
    Element(fn(f64, f64) -> f64),
    Row(fn(&[f64], &[f64]) -> f64),
}

const DELTA: f64 = 0.7;

fn prediction() -> Array2<f64> {
    array![[0.5, -1.25, 2.0, 0.125], [-3.0, 0.75, 1.5, -0.5], [4.0, -2.0, 0.25, 1.0]]
}

fn reals() -> Array2<f64> {
    array![[1.0, -1.0, 0.5, 0.25], [-1.0, 0.5, -1.5, 2.0], [0.0, 1.0, -0.75, 1.5]]
}

fn probabilities() -> Array2<f64> {
    array![[1.0, 0.0, 0.25, 0.5], [0.0, 0.75, 1.0, 0.0], [0.5, 1.0, 0.0, 0.125]]
}

fn counts() -> Array2<f64> {
    array![[1.0, 0.0, 2.0, 5.0], [0.0, 3.0, 1.0, 0.0], [7.0, 1.0, 0.0, 2.0]]
}

fn signs() -> Array2<f64> {
    array![[1.0, -1.0, 1.0, 1.0], [-1.0, 1.0, -1.0, 1.0], [1.0, 1.0, -1.0, -1.0]]
}

fn distributions() -> Array2<f64> {
    array![[0.25, 0.5, 0.125, 0.125], [0.0, 0.75, 0.25, 0.0], [1.0, 0.0, 0.0, 0.0]]
}

/// The same without zeros, where entropies have an infinite slope.
fn positive_distributions() -> Array2<f64> {
    (distributions() + 0.25) / 2.0
}

fn log_softmax(x: &[f64]) -> Vec<f64> {
    let total: f64 = x.iter().map(|x| x.exp()).sum();
    x.iter().map(|x| x - total.ln()).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn log_cosh(d: f64) -> f64 {
    d.cosh().ln()
}

fn huber(d: f64) -> f64 {
    if d.abs() <= DELTA { 0.5 * d * d } else { DELTA * (d.abs() - 0.5 * DELTA) }
}

fn bce(x: f64, t: f64) -> f64 {
    let p = 1.0 / (1.0 + (-x).exp());
    -t * p.ln() - (1.0 - t) * (1.0 - p).ln()
}

fn stirling(t: f64) -> f64 {
    let tau = 2.0 * std::f64::consts::PI;
    if t > 1.0 { t * t.ln() - t + 0.5 * (tau * t).ln() } else { 0.0 }
}

/// Every loss of a prediction and a target. Closures throughout: a function as a value does not know its caller's line.
fn pairs() -> Vec<Loss> {
    elements().into_iter().chain(rows()).collect()
}

fn elements() -> Vec<Loss> {
    let element = |name, mean, each, formula, target, pytorch| {
        let formula = Formula::Element(formula);
        Loss { name, mean, each, formula, target, pytorch }
    };
    vec![
        element("mse", |x, t| mse(x, t), |x, t| each::mse(x, t), |x, t| (x - t).powi(2), reals, Some(4.011_718_75)),
        element("mae", |x, t| mae(x, t), |x, t| each::mae(x, t), |x, t| (x - t).abs(), reals, Some(1.552_083_333_333)),
        element(
            "huber",
            |x, t| loss::huber(x, t, DELTA),
            |x, t| each::huber(x, t, DELTA),
            |x, t| huber(x - t),
            reals,
            Some(0.875_442_708_333_3),
        ),
        element(
            "smooth_l1",
            |x, t| loss::smooth_l1(x, t, DELTA),
            |x, t| each::smooth_l1(x, t, DELTA),
            |x, t| huber(x - t) / DELTA,
            reals,
            Some(1.250_632_440_476),
        ),
        element(
            "log_cosh",
            |x, t| loss::log_cosh(x, t),
            |x, t| each::log_cosh(x, t),
            |x, t| log_cosh(x - t),
            reals,
            None,
        ),
        element(
            "bce_with_logits",
            |x, t| bce_with_logits(x, t),
            |x, t| each::bce_with_logits(x, t),
            bce,
            probabilities,
            Some(0.875_480_064_841_2),
        ),
        element(
            "hinge",
            |x, t| loss::hinge(x, t),
            |x, t| each::hinge(x, t),
            |x, t| (1.0 - t * x).max(0.0),
            signs,
            None,
        ),
        element(
            "poisson",
            |x, t| loss::poisson(x, t),
            |x, t| each::poisson(x, t),
            |x, t| x.exp() - t * x,
            counts,
            Some(3.297_769_166_343),
        ),
        element(
            "poisson",
            |x, t| loss::poisson_full(x, t),
            |x, t| each::poisson_full(x, t),
            |x, t| x.exp() - t * x + stirling(t),
            counts,
            Some(4.660_419_684_298),
        ),
    ]
}

fn rows() -> Vec<Loss> {
    let row = |name, mean, each, formula, target, pytorch| {
        let formula = Formula::Row(formula);
        Loss { name, mean, each, formula, target, pytorch }
    };
    vec![
        row(
            "soft_cross_entropy",
            |x, t| loss::soft_cross_entropy(x, t),
            |x, t| each::soft_cross_entropy(x, t),
            |x, t| -dot(t, &log_softmax(x)),
            distributions,
            Some(1.232_976_303_509),
        ),
        row(
            "kl_divergence",
            |x, t| loss::kl_divergence(x.log_softmax(-1), t),
            |x, t| each::kl_divergence(x.log_softmax(-1), t),
            |x, t| {
                let entropy = |t: f64| if t > 0.0 { t * t.ln() } else { 0.0 };
                t.iter().map(|&t| entropy(t)).sum::<f64>() - dot(t, &log_softmax(x))
            },
            distributions,
            Some(0.641_195_399_976_5),
        ),
        row(
            "cosine",
            |x, t| loss::cosine(x, t),
            |x, t| each::cosine(x, t),
            |x, t| 1.0 - dot(x, t) / (dot(x, x) * dot(t, t)).sqrt(),
            reals,
            Some(0.768_662_634_877_3),
        ),
    ]
}

/// The value and the gradient of a loss for its prediction.
fn evaluate(f: Pair, x: &Array2<f64>, t: &Array2<f64>) -> (ArrayD<f64>, ArrayD<f64>) {
    let params = Params::new();
    let mut tape = Tape::new();
    let step = tape.record(&params);
    let (x, t) = (step.variable(x), step.variable(t));
    let y = f(x, t);
    (y.value(), y.sum().gradient(x).value())
}
