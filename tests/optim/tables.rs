//! Rules against tables that are worked by hand, and against their recurrence in plain arithmetic.

use gradus::optim::{AdaDelta, AdaMax, Lion, NAdam, NesterovLookahead, RAdam, Rprop};
use gradus::prelude::*;

use super::support::{assert_close, follow};

const START: f64 = 1.5;
const GRADIENTS: [f64; 8] = [2.0, -1.0, 0.5, 3.0, -0.25, 1.0, 0.125, -2.0];
const EXACT: f64 = 1e-14;

#[test]
fn look_ahead() {
    // L = θ², so g = 2 θ̃.
    // θ̃ = 1,       g = 2,      v = −0.5,               θ = 0.5
    // θ̃ = 0.25,    g = 0.5,    v = −0.25 − 0.125,      θ = 0.125
    // θ̃ = −0.0625, g = −0.125, v = −0.1875 + 0.03125,  θ = −0.03125
    let mut params = Params::new();
    let x = params.add("x", [], || 1.0);
    let (mut tape, mut gradient) = (Tape::new(), params.gradient());
    let mut optimizer = NesterovLookahead::new(0.25).momentum(0.5);
    for (ahead, theta) in [(1.0, 0.5), (0.25, 0.125), (-0.0625, -0.03125)] {
        optimizer.prepare(&mut params);
        assert_eq!(params.flat(), [ahead]);
        tape.record(&params).param(x).square().backward(&mut gradient);
        optimizer.step(&mut params, &gradient);
        assert_eq!(params.flat(), [theta]);
    }
}

#[test]
fn adadelta() {
    // ρ = 0 forgets: G = g², d = g √(D + 7)/√(g² + 7), D = d²
    // g = 3: d = 3 √7/4;   g = −3: d = −3 √(63/16 + 7)/4
    let first = 3.0 * 7.0_f64.sqrt() / 4.0;
    let second = 3.0 * (63.0_f64 / 16.0 + 7.0).sqrt() / 4.0;
    let third = 3.0 * (second * second + 7.0).sqrt() / 4.0;
    let found = follow(AdaDelta::new(1.0).rho(0.0).epsilon(7.0), 1.0, &[3.0, -3.0, 3.0]);
    let expected = [1.0 - first, 1.0 - first + second, 1.0 - first + second - third];
    assert_close(&found, &expected, EXACT, "table");

    for (rate, rho, epsilon) in [(1.0, 0.9, 1e-6), (0.5, 0.95, 0.25), (2.0, 0.0, 1e-3)] {
        let (mut x, mut squares, mut steps) = (START, 0.0_f64, 0.0_f64);
        let expected = GRADIENTS.map(|g| {
            squares = rho * squares + (1.0 - rho) * g * g;
            let d = g * (steps + epsilon).sqrt() / (squares + epsilon).sqrt();
            steps = rho * steps + (1.0 - rho) * d * d;
            x -= rate * d;
            x
        });
        let optimizer = AdaDelta::new(rate).rho(rho).epsilon(epsilon);
        assert_close(&follow(optimizer, START, &GRADIENTS), &expected, EXACT, "AdaDelta");
    }
}

#[test]
fn adamax() {
    // m: 1, 0, 4;  1 − 0.5ᵗ: 0.5, 0.75, 0.875;  u: 2, max(1, 1), 8
    let found = follow(AdaMax::new(0.1).beta1(0.5).beta2(0.5).epsilon(1e-300), 1.5, &[2.0, -1.0, 8.0]);
    assert_close(&found, &[1.4, 1.4, 1.4 - 0.1 * 4.0 / 0.875 / 8.0], EXACT, "table");

    for (beta1, beta2, epsilon) in [(0.9, 0.999, 1e-8), (0.5, 0.75, 0.25), (0.0, 0.0, 1e-8)] {
        let (mut x, mut m, mut u, mut t) = (START, 0.0, 0.0_f64, 0);
        let expected = GRADIENTS.map(|g| {
            t += 1;
            m = beta1 * m + (1.0 - beta1) * g;
            u = (beta2 * u).max(g.abs() + epsilon);
            x -= 0.1 / (1.0 - f64::powi(beta1, t)) * m / u;
            x
        });
        let optimizer = AdaMax::new(0.1).beta1(beta1).beta2(beta2).epsilon(epsilon);
        assert_close(&follow(optimizer, START, &GRADIENTS), &expected, EXACT, "AdaMax");
    }
}

#[test]
fn nadam() {
    // β₁ = 0.5 and ψ = 0, so every μ is ¼; β₂ = 0, so v̂ = g².
    // m: 1, 2.5, 0.25;  m̂ = m/4/(1 − 4^−(t+1)) + ¾ g/(1 − 4^−t)
    //   t = 1: ¼/(15/16) + 1.5/(3/4) = 4/15 + 2;   |g| = 2
    //   t = 2: 0.625/(63/64) + 3/(15/16) = 40/63 + 16/5;   |g| = 4
    //   t = 3: 0.0625/(255/256) − 1.5/(63/64) = 16/255 − 32/21;   |g| = 2
    let optimizer = NAdam::new(0.1).beta1(0.5).beta2(0.0).momentum_decay(0.0).epsilon(1e-300);
    let mut x = 1.5;
    let steps = [2.0 / 15.0 + 1.0, (40.0 / 63.0 + 3.2) / 4.0, 8.0 / 255.0 - 16.0 / 21.0];
    let expected = steps.map(|step| {
        x -= 0.1 * step;
        x
    });
    assert_close(&follow(optimizer, 1.5, &[2.0, 4.0, -2.0]), &expected, EXACT, "table");

    for (beta1, beta2, decay, epsilon) in [(0.9, 0.999, 4e-3, 1e-8), (0.5, 0.75, 2.0, 0.25), (0.0, 0.0, 1.0, 1e-8)] {
        let momentum = |t: i32| beta1 * (1.0 - 0.5 * f64::powf(0.96, f64::from(t) * decay));
        let (mut x, mut m, mut v, mut product, mut t) = (START, 0.0, 0.0, 1.0, 0);
        let expected = GRADIENTS.map(|g| {
            t += 1;
            product *= momentum(t);
            m = beta1 * m + (1.0 - beta1) * g;
            v = beta2 * v + (1.0 - beta2) * g * g;
            let v_hat: f64 = v / (1.0 - f64::powi(beta2, t));
            let next = momentum(t + 1);
            let m_hat = next * m / (1.0 - product * next) + (1.0 - momentum(t)) * g / (1.0 - product);
            x -= 0.1 * m_hat / (v_hat.sqrt() + epsilon);
            x
        });
        let optimizer = NAdam::new(0.1).beta1(beta1).beta2(beta2).momentum_decay(decay).epsilon(epsilon);
        assert_close(&follow(optimizer, START, &GRADIENTS), &expected, 1e-13, "NAdam");
    }
}

#[test]
fn radam() {
    // Three steps with the defaults are momentum alone: m/(1 − 0.5ᵗ) is 2, 0/0.75 …
    let found = follow(RAdam::new(0.1).beta1(0.5), 1.5, &[2.0, -1.0, 8.0]);
    assert_close(&found, &[1.3, 1.3, 1.3 - 0.1 * 4.0 / 0.875], EXACT, "table");

    for (beta1, beta2, epsilon) in [(0.9, 0.999, 1e-8), (0.5, 0.9, 0.25), (0.0, 0.8, 1e-8)] {
        let (mut x, mut m, mut v, mut t, mut rectified) = (START, 0.0, 0.0_f64, 0, 0);
        let expected = GRADIENTS.map(|g| {
            t += 1;
            m = beta1 * m + (1.0 - beta1) * g;
            v = beta2 * v + (1.0 - beta2) * g * g;
            let m_hat = m / (1.0 - f64::powi(beta1, t));
            let longest = 2.0 / (1.0 - beta2) - 1.0;
            let power = f64::powi(beta2, t);
            let length = longest - 2.0 * f64::from(t) * power / (1.0 - power);
            x -= if length > 5.0 {
                rectified += 1;
                let r =
                    ((length - 4.0) * (length - 2.0) * longest / ((longest - 4.0) * (longest - 2.0) * length)).sqrt();
                0.1 * m_hat * r * (1.0 - power).sqrt() / (v.sqrt() + epsilon)
            } else {
                0.1 * m_hat
            };
            x
        });
        assert!(rectified > 0 && rectified < 8, "both ways are taken");
        let optimizer = RAdam::new(0.1).beta1(beta1).beta2(beta2).epsilon(epsilon);
        assert_close(&follow(optimizer, START, &GRADIENTS), &expected, 1e-11, "RAdam");
    }
}

#[test]
fn rprop() {
    // s: 0.1, 0.2, 0.3 (of 0.4), 0.15, 0.15, 0.075, 0.075, 0.06 (of 0.0375), 0.06, 0.06
    let gradients = [2.0, 0.001, 4.0, -1.0, -1.0, 1.0, -1.0, 1.0, 0.0, 1.0];
    let expected = [1.4, 1.2, 0.9, 0.9, 1.05, 1.05, 1.125, 1.125, 1.125, 1.065];
    let optimizer = || Rprop::new(0.1).factors(0.5, 2.0).step_bounds(0.06, 0.3);
    assert_close(&follow(optimizer(), 1.5, &gradients), &expected, EXACT, "table");
    // Only signs count, however small the gradients: their products would be 0.
    let tiny = gradients.map(|g| g * 1e-300);
    assert_eq!(follow(optimizer(), 1.5, &tiny), follow(optimizer(), 1.5, &gradients));
    // The bounds hold for the first step, and η for no other.
    assert_close(&follow(Rprop::new(1e-9), 0.0, &[1.0, 1.0]), &[-1e-6, -1e-6 - 1.2e-6], 1e-20, "shortest");
    assert_close(&follow(Rprop::new(1e9), 0.0, &[1.0, 1.0]), &[-50.0, -100.0], EXACT, "longest");
}

#[test]
fn lion() {
    // m: 0, 0.5, 0.125, 0.21875;  β₁m + (1 − β₁)g: 1, −0.25, 0.3125, −0.140625
    let found = follow(Lion::new(0.1).beta1(0.5).beta2(0.75), 1.5, &[2.0, -1.0, 0.5, -0.5]);
    assert_close(&found, &[1.4, 1.5, 1.4, 1.5], EXACT, "table");

    for (beta1, beta2, decay) in [(0.9, 0.99, 0.0), (0.5, 0.75, 0.3), (0.0, 0.0, 0.0)] {
        let (mut x, mut m) = (START, 0.0);
        let expected = GRADIENTS.map(|g| {
            x *= 1.0 - 0.1 * decay;
            x -= 0.1 * (beta1 * m + (1.0 - beta1) * g).signum();
            m = beta2 * m + (1.0 - beta2) * g;
            x
        });
        let optimizer = Lion::new(0.1).beta1(beta1).beta2(beta2).weight_decay(decay);
        assert_close(&follow(optimizer, START, &GRADIENTS), &expected, EXACT, "Lion");
    }
}

#[test]
fn defaults_are_those_of_the_docs() {
    fn same<O: Optimizer<f64>>(default: O, spelled: O, rate: f64) {
        assert!((default.learning_rate() - rate).abs() < 1e-18);
        assert_eq!(follow(default, START, &GRADIENTS), follow(spelled, START, &GRADIENTS));
    }
    same(NesterovLookahead::new(0.1), NesterovLookahead::new(0.1).momentum(0.9), 0.1);
    same(AdaDelta::default(), AdaDelta::new(1.0).rho(0.9).epsilon(1e-6), 1.0);
    same(AdaMax::default(), AdaMax::new(0.002).beta1(0.9).beta2(0.999).epsilon(1e-8), 0.002);
    let nadam = NAdam::new(0.002).beta1(0.9).beta2(0.999).epsilon(1e-8).momentum_decay(0.004);
    same(NAdam::default(), nadam, 0.002);
    same(RAdam::default(), RAdam::new(0.001).beta1(0.9).beta2(0.999).epsilon(1e-8), 0.001);
    same(Rprop::default(), Rprop::new(0.01).factors(0.5, 1.2).step_bounds(1e-6, 50.0), 0.01);
    same(Lion::default(), Lion::new(1e-4).beta1(0.9).beta2(0.99).weight_decay(0.0).decoupled_weight_decay(true), 1e-4);
}

#[test]
fn options_that_make_one_rule_another() {
    let same = |a: Vec<f64>, b: Vec<f64>, what: &str| assert_close(&a, &b, 1e-13, what);
    let plain = || follow(Sgd::new(0.1), START, &GRADIENTS);
    same(follow(NesterovLookahead::new(0.1).momentum(0.0), START, &GRADIENTS), plain(), "look-ahead, β = 0");
    same(follow(RAdam::new(0.1).beta1(0.0).beta2(0.5), START, &GRADIENTS), plain(), "RAdam, never rectified");
    // Without a past, AdaMax, NAdam and Lion see the sign alone.
    let signs = follow(Lion::new(0.1).beta1(0.0), START, &GRADIENTS);
    let adamax = AdaMax::new(0.1).beta1(0.0).beta2(0.0).epsilon(1e-300);
    same(follow(adamax, START, &GRADIENTS), signs.clone(), "AdaMax");
    let nadam = NAdam::new(0.1).beta1(0.0).beta2(0.0).epsilon(1e-300);
    same(follow(nadam, START, &GRADIENTS), signs, "NAdam");
    // With every gradient the same, NAdam's m̂ is that of Adam once μ is β₁, but for one step of momentum.
    let constant = follow(NAdam::new(0.5).momentum_decay(1e4), 0.0, &[1.0; 300]);
    assert!((constant[298] - constant[299] - 0.5).abs() < 1e-5);
    // And RAdam's is Adam's once its average is long.
    let last = |x: Vec<f64>| x[x.len() - 2] - x[x.len() - 1];
    let radam = last(follow(RAdam::new(0.5).beta2(0.99), 0.0, &vec![3.0; 3000]));
    assert!((radam - 0.5).abs() < 1e-6, "{radam}");
    // AdaDelta's step does not depend on the unit of the gradient, once that is large beside ε.
    let scaled = |unit: f64| follow(AdaDelta::new(1.0).epsilon(1e-9), START, &GRADIENTS.map(|g| unit * g));
    assert_close(&scaled(1e3), &scaled(1e6), 1e-9, "AdaDelta");
}
