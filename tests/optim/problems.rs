//! Every rule on the functions that optimisers are tried on, with gradients worked out by hand.

use gradus::optim::{AdaDelta, AdaMax, Descent, Lion, NAdam, NesterovLookahead, RAdam, Rprop, Rule};
use gradus::prelude::*;

use super::support::{Boxed, Plain, all};

/// A function of two or more numbers: its value, and its gradient into the slice.
type Function = fn(&[f64], &mut [f64]) -> f64;

/// ½(x² + 10y²)
fn quadratic(p: &[f64], g: &mut [f64]) -> f64 {
    g.copy_from_slice(&[p[0], 10.0 * p[1]]);
    0.5 * (p[0].powi(2) + 10.0 * p[1].powi(2))
}

/// (1 − x)² + 100(y − x²)²
fn rosenbrock(p: &[f64], g: &mut [f64]) -> f64 {
    let (a, b) = (1.0 - p[0], p[1] - p[0] * p[0]);
    g.copy_from_slice(&[-2.0 * a - 400.0 * p[0] * b, 200.0 * b]);
    a * a + 100.0 * b * b
}

/// (x² + y − 11)² + (x + y² − 7)²
fn himmelblau(p: &[f64], g: &mut [f64]) -> f64 {
    let (a, b) = (p[0] * p[0] + p[1] - 11.0, p[0] + p[1] * p[1] - 7.0);
    g.copy_from_slice(&[4.0 * p[0] * a + 2.0 * b, 2.0 * a + 4.0 * p[1] * b]);
    a * a + b * b
}

/// Σ (cᵢ − x + x yⁱ)², c = 1.5, 2.25, 2.625
fn beale(p: &[f64], g: &mut [f64]) -> f64 {
    g.fill(0.0);
    let mut value = 0.0;
    for (i, c) in (1..).zip([1.5, 2.25, 2.625]) {
        let r = c - p[0] + p[0] * p[1].powi(i);
        value += r * r;
        g[0] += 2.0 * r * (p[1].powi(i) - 1.0);
        g[1] += 2.0 * r * p[0] * f64::from(i) * p[1].powi(i - 1);
    }
    value
}

/// Inputs and outputs of twenty points; the outputs are those of a line with weights 2 and −1, and 0.5.
fn points() -> impl Iterator<Item = ([f64; 3], f64)> {
    (0..20).map(|i| {
        let x = [f64::from(i * 7 % 20) / 10.0 - 1.0, f64::from(i * 11 % 19) / 9.0 - 1.0, 1.0];
        (x, 2.0 * x[0] - x[1] + 0.5)
    })
}

/// (1/n) Σ (w · x − y)²
fn least_squares(w: &[f64], g: &mut [f64]) -> f64 {
    g.fill(0.0);
    let mut value = 0.0;
    for (x, y) in points() {
        let error = x.iter().zip(w).map(|(x, w)| x * w).sum::<f64>() - y;
        value += error * error / 20.0;
        g.iter_mut().zip(x).for_each(|(g, x)| *g += 2.0 * error * x / 20.0);
    }
    value
}

/// The regularised logistic loss less its minimum: (1/n) Σ ln(1 + e^(−s w·x)) + 0.05‖w‖² − L*, s = ±1.
fn logistic(w: &[f64], g: &mut [f64]) -> f64 {
    g.iter_mut().zip(w).for_each(|(g, w)| *g = 0.1 * w);
    let mut value = 0.05 * w.iter().map(|w| w * w).sum::<f64>();
    for (x, y) in points() {
        let margin = y.signum() * x.iter().zip(w).map(|(x, w)| x * w).sum::<f64>();
        value += (-margin).exp().ln_1p() / 20.0;
        let part = -y.signum() / (1.0 + margin.exp()) / 20.0;
        g.iter_mut().zip(x).for_each(|(g, x)| *g += part * x);
    }
    value - LOGISTIC_MINIMUM
}

/// Found by 10⁵ steps of plain descent; a test finds it again.
const LOGISTIC_MINIMUM: f64 = 0.514_248_578_491_661_2;

struct Problem {
    name: &'static str,
    function: Function,
    start: &'static [f64],
    /// The value that every rule must come below.
    target: f64,
}

const PROBLEMS: [Problem; 6] = [
    Problem { name: "quadratic", function: quadratic, start: &[2.0, -1.5], target: 1e-6 },
    Problem { name: "Rosenbrock", function: rosenbrock, start: &[-1.2, 1.0], target: 2e-2 },
    Problem { name: "Himmelblau", function: himmelblau, start: &[0.0, 0.0], target: 1e-6 },
    Problem { name: "Beale", function: beale, start: &[1.0, 1.0], target: 1e-3 },
    Problem { name: "least squares", function: least_squares, start: &[0.0, 0.0, 0.0], target: 1e-6 },
    Problem { name: "logistic", function: logistic, start: &[0.0, 0.0, 0.0], target: 1e-6 },
];

const STEPS: u64 = 3000;

fn descend(problem: &Problem, mut optimizer: Boxed<f64>) -> f64 {
    let mut params = Params::new();
    let _ = params.add_array("x", &Array1::from(problem.start.to_vec()));
    let mut gradient = params.gradient();
    for _ in 0..STEPS {
        optimizer.prepare(&mut params);
        (problem.function)(params.flat(), gradient.flat_mut());
        optimizer.step(&mut params, &gradient);
    }
    (problem.function)(params.flat(), gradient.flat_mut())
}

type Make = fn(f64) -> Boxed<f64>;

/// Rules, and a rate for each of the problems. Those whose steps do not become shorter by themselves have a schedule;
/// `RAdam`'s first steps by momentum alone would go far where gradients are large.
#[rustfmt::skip]
const RULES: &[(&str, Make, [f64; 6])] = &[
    ("Sgd", |rate| Box::new(Sgd::new(rate)), [0.01, 0.002, 0.005, 0.02, 0.05, 1.0]),
    ("Sgd, momentum", |rate| Box::new(Sgd::new(rate).momentum(0.9)), [0.005, 0.002, 0.001, 0.002, 0.01, 0.1]),
    ("Sgd, Nesterov", |rate| Box::new(Sgd::new(rate).nesterov(0.9)), [0.005, 0.001, 0.001, 0.002, 0.01, 0.1]),
    ("Sgd, average", |rate| Box::new(Sgd::new(rate).ema_momentum(0.9)), [0.05, 0.02, 0.01, 0.02, 0.1, 1.0]),
    ("NesterovLookahead", |rate| Box::new(NesterovLookahead::new(rate)), [0.005, 0.001, 0.001, 0.002, 0.01, 0.1]),
    ("AdaGrad", |rate| Box::new(AdaGrad::new(rate)), [0.5, 1.0, 0.5, 0.5, 0.5, 0.5]),
    ("RmsProp", |rate| Box::new(decaying(RmsProp::new(rate))), [0.005, 0.005, 0.005, 0.005, 0.005, 0.005]),
    ("RmsProp, both", |rate| Box::new(decaying(RmsProp::new(rate).centered(true).momentum(0.5))), [2e-4, 5e-4, 2e-4, 1e-4, 2e-4, 2e-4]),
    ("AdaDelta", |rate| Box::new(decaying(AdaDelta::new(rate))), [1.0, 1.0, 1.0, 1.0, 1.0, 1.0]),
    ("Adam", |rate| Box::new(Adam::new(rate)), [0.02, 0.05, 0.02, 0.01, 0.02, 0.02]),
    ("Adam, AMSGrad", |rate| Box::new(Adam::new(rate).amsgrad(true)), [0.02, 0.1, 0.02, 0.02, 0.02, 0.02]),
    ("AdamW", |rate| Box::new(AdamW::new(rate).weight_decay(1e-9)), [0.02, 0.05, 0.02, 0.01, 0.02, 0.02]),
    ("AdaMax", |rate| Box::new(AdaMax::new(rate)), [0.02, 0.2, 0.02, 0.02, 0.02, 0.02]),
    ("NAdam", |rate| Box::new(NAdam::new(rate)), [0.02, 0.02, 0.02, 0.01, 0.02, 0.02]),
    ("RAdam", |rate| Box::new(RAdam::new(rate).clip_norm(1.0)), [0.02, 0.05, 0.02, 0.02, 0.02, 0.02]),
    ("Rprop", |rate| Box::new(Rprop::new(rate)), [1e-2, 1e-5, 1e-2, 1e-2, 1e-2, 1e-2]),
    ("Lion", |rate| Box::new(decaying(Lion::new(rate))), [0.005, 0.02, 0.005, 0.005, 0.005, 0.005]),
];

fn decaying<R: Rule>(optimizer: Descent<R, f64>) -> Descent<R, f64> {
    optimizer.schedule(schedule::Linear::new(STEPS))
}

fn every_rule_minimises(name: &str) {
    let (column, problem) = (0..).zip(&PROBLEMS).find(|(_, problem)| problem.name == name).unwrap();
    let mut failures = Vec::new();
    for (rule, make, rates) in RULES {
        let value = descend(problem, make(rates[column]));
        if value.is_nan() || value > problem.target {
            failures.push(format!("{rule}: {value:e}"));
        }
    }
    assert!(failures.is_empty(), "{name}, below {}: {failures:?}", problem.target);
}

#[test]
fn every_rule_minimises_a_quadratic() {
    every_rule_minimises("quadratic");
}

#[test]
fn every_rule_minimises_rosenbrock() {
    every_rule_minimises("Rosenbrock");
}

#[test]
fn every_rule_minimises_himmelblau() {
    every_rule_minimises("Himmelblau");
}

#[test]
fn every_rule_minimises_beale() {
    every_rule_minimises("Beale");
}

#[test]
fn every_rule_minimises_least_squares() {
    every_rule_minimises("least squares");
}

#[test]
fn every_rule_minimises_a_logistic_loss() {
    every_rule_minimises("logistic");
}

#[test]
fn every_rule_is_tried() {
    let mut tried: Vec<String> = RULES.iter().map(|(_, make, _)| make(0.1).state().rule().to_owned()).collect();
    let mut listed: Vec<String> = all::<f64>(&Plain).iter().map(|(_, o)| o.state().rule().to_owned()).collect();
    for names in [&mut tried, &mut listed] {
        names.sort();
        names.dedup();
    }
    assert_eq!(tried, listed);
}

/// The negative control: uphill, or with half of the gradient missing, the targets are out of reach.
#[test]
fn a_broken_rule_reaches_no_target() {
    for problem in &PROBLEMS {
        let value = |rate: f64, keep: fn(usize) -> bool| {
            let (mut x, mut g) = (problem.start.to_vec(), problem.start.to_vec());
            for _ in 0..STEPS {
                (problem.function)(&x, &mut g);
                x.iter_mut().zip(&g).enumerate().filter(|(i, _)| keep(*i)).for_each(|(_, (x, g))| *x -= rate * g);
            }
            (problem.function)(&x, &mut g)
        };
        for broken in [value(-0.001, |_| true), value(0.001, |i| i == 0)] {
            assert!(broken.is_nan() || broken > problem.target, "{}: {broken}", problem.name);
        }
    }
}

#[test]
fn gradients_are_those_of_the_functions() {
    for problem in &PROBLEMS {
        let x: Vec<f64> = (0..problem.start.len()).map(|i| 0.3 + 0.4 * i as f64).collect();
        let mut g = x.clone();
        (problem.function)(&x, &mut g);
        for i in 0..x.len() {
            let at = |h: f64| {
                let (mut y, mut unused) = (x.clone(), x.clone());
                y[i] += h;
                (problem.function)(&y, &mut unused)
            };
            let difference = (at(1e-5) - at(-1e-5)) / 2e-5;
            assert!((difference - g[i]).abs() < 1e-6 * g[i].abs().max(1.0), "{}, {i}: {difference}", problem.name);
        }
    }
}

#[test]
fn the_minimum_of_the_logistic_loss() {
    let (mut w, mut g) = ([0.0; 3], [0.0; 3]);
    for _ in 0..2000 {
        logistic(&w, &mut g);
        w.iter_mut().zip(g).for_each(|(w, g)| *w -= g);
    }
    assert!(logistic(&w, &mut g).abs() < 1e-15 && g.iter().all(|g| g.abs() < 1e-12), "{g:?}");
}
