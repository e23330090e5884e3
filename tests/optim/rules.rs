//! Each rule against its recurrence, written out here in plain arithmetic.

use gradus::prelude::*;

use super::support::{assert_close, follow};

/// What the parameter of these tests begins with, and the gradients it meets.
const START: f64 = 1.5;
const GRADIENTS: [f64; 5] = [2.0, -1.0, 0.5, 3.0, -0.25];
const EXACT: f64 = 1e-14;

#[test]
fn plain_descent() {
    let expected = [1.5 - 0.2, 1.3 + 0.1, 1.4 - 0.05, 1.35 - 0.3, 1.05 + 0.025];
    assert_close(&follow(Sgd::new(0.1), START, &GRADIENTS), &expected, EXACT, "plain");
}

#[test]
fn heavy_ball() {
    // v: 2, 0.5·2 − 1 = 0, 0.5·0 + 0.5 = 0.5, 0.5·0.5 + 3 = 3.25, 0.5·3.25 − 0.25 = 1.375
    let expected = [1.3, 1.3, 1.25, 0.925, 0.7875];
    let found = follow(Sgd::new(0.1).momentum(0.5), START, &GRADIENTS);
    assert_close(&found, &expected, EXACT, "heavy ball");
}

#[test]
fn heavy_ball_with_dampening_takes_the_first_gradient_whole() {
    // v: 2, then 0.5 v + 0.75 g: 1 − 0.75 = 0.25, 0.125 + 0.375 = 0.5, 0.25 + 2.25 = 2.5, 1.25 − 0.1875 = 1.0625
    let expected = [1.3, 1.275, 1.225, 0.975, 0.86875];
    let found = follow(Sgd::new(0.1).momentum(0.5).dampening(0.25), START, &GRADIENTS);
    assert_close(&found, &expected, EXACT, "dampening");
}

#[test]
fn nesterov() {
    // v as the heavy ball: 2, 0, 0.5, 3.25, 1.375; g + v/2: 3, −1, 0.75, 4.625, 0.4375
    let expected = [1.2, 1.3, 1.225, 0.7625, 0.71875];
    let found = follow(Sgd::new(0.1).nesterov(0.5), START, &GRADIENTS);
    assert_close(&found, &expected, EXACT, "Nesterov");
}

#[test]
fn momentum_as_an_average() {
    // v: 0.25 g at first, then 0.75 v + 0.25 g: 0.5, 0.125, 0.21875, 0.9140625, 0.623046875
    let expected = [1.45, 1.4375, 1.415_625, 1.324_218_75, 1.261_914_062_5];
    let found = follow(Sgd::new(0.1).ema_momentum(0.75), START, &GRADIENTS);
    assert_close(&found, &expected, EXACT, "average");
}

#[test]
fn the_last_kind_of_momentum_counts() {
    let found = follow(Sgd::new(0.1).nesterov(0.9).ema_momentum(0.9).momentum(0.5), START, &GRADIENTS);
    assert_eq!(found, follow(Sgd::new(0.1).momentum(0.5), START, &GRADIENTS));
    let found = follow(Sgd::new(0.1).momentum(0.9).momentum(0.0), START, &GRADIENTS);
    assert_eq!(found, follow(Sgd::new(0.1), START, &GRADIENTS));
}

#[test]
fn adagrad() {
    for (epsilon, initial) in [(1e-10, 0.0), (0.25, 0.0), (1e-10, 2.25)] {
        let (mut x, mut sum) = (START, initial);
        let expected = GRADIENTS.map(|g| {
            sum += g * g;
            x -= 0.1 * g / (sum.sqrt() + epsilon);
            x
        });
        let optimizer = AdaGrad::new(0.1).epsilon(epsilon).initial_squares(initial);
        assert_close(&follow(optimizer, START, &GRADIENTS), &expected, EXACT, "AdaGrad");
    }
}

#[test]
fn rmsprop() {
    for (rho, epsilon) in [(0.9, 1e-8), (0.99, 1e-8), (0.5, 0.25), (0.0, 1e-8)] {
        let (mut x, mut s) = (START, 0.0_f64);
        let expected = GRADIENTS.map(|g| {
            s = rho * s + (1.0 - rho) * g * g;
            x -= 0.1 * g / (s.sqrt() + epsilon);
            x
        });
        let optimizer = RmsProp::new(0.1).rho(rho).epsilon(epsilon);
        assert_close(&follow(optimizer, START, &GRADIENTS), &expected, EXACT, "RmsProp");
    }
}

#[test]
fn rmsprop_with_momentum() {
    let (mut x, mut s, mut v) = (START, 0.0_f64, 0.0);
    let expected = GRADIENTS.map(|g| {
        s = 0.8 * s + 0.2 * g * g;
        v = 0.7 * v + g / (s.sqrt() + 0.01);
        x -= 0.1 * v;
        x
    });
    let optimizer = RmsProp::new(0.1).rho(0.8).epsilon(0.01).momentum(0.7);
    assert_close(&follow(optimizer, START, &GRADIENTS), &expected, EXACT, "momentum");
}

#[test]
fn rmsprop_centred() {
    for momentum in [0.0, 0.7] {
        let (mut x, mut s, mut m, mut v) = (START, 0.0, 0.0, 0.0);
        let expected = GRADIENTS.map(|g| {
            s = 0.8 * s + 0.2 * g * g;
            m = 0.8 * m + 0.2 * g;
            let variance: f64 = s - m * m;
            v = momentum * v + g / (variance.max(0.0).sqrt() + 0.01);
            x -= 0.1 * v;
            x
        });
        let optimizer = RmsProp::new(0.1).rho(0.8).epsilon(0.01).momentum(momentum).centered(true);
        assert_close(&follow(optimizer, START, &GRADIENTS), &expected, EXACT, "centred");
    }
}

#[test]
fn the_variance_of_a_constant_gradient_is_not_negative() {
    // Without the cut at 0 rounding makes it so, and the root of that is NaN.
    for g in [0.1, 0.3, 0.7, 1.1] {
        let found = follow(RmsProp::new(1e-12).rho(0.5).centered(true), START, &[g; 200]);
        assert!(found.iter().all(|x| x.is_finite()), "{g}");
    }
}

#[test]
fn adam() {
    for (beta1, beta2, epsilon) in [(0.9, 0.999, 1e-8), (0.5, 0.75, 0.25), (0.0, 0.0, 1e-8)] {
        let (mut x, mut m, mut v, mut t) = (START, 0.0, 0.0, 0);
        let expected = GRADIENTS.map(|g| {
            t += 1;
            m = beta1 * m + (1.0 - beta1) * g;
            v = beta2 * v + (1.0 - beta2) * g * g;
            let m_hat = m / (1.0 - f64::powi(beta1, t));
            let v_hat: f64 = v / (1.0 - f64::powi(beta2, t));
            x -= 0.1 * m_hat / (v_hat.sqrt() + epsilon);
            x
        });
        let optimizer = Adam::new(0.1).beta1(beta1).beta2(beta2).epsilon(epsilon);
        assert_close(&follow(optimizer, START, &GRADIENTS), &expected, EXACT, "Adam");
    }
}

#[test]
fn adam_with_amsgrad_takes_the_maximum_before_the_correction() {
    let (mut x, mut m, mut v, mut largest, mut t) = (START, 0.0, 0.0, 0.0_f64, 0);
    let expected = GRADIENTS.map(|g| {
        t += 1;
        m = 0.5 * m + 0.5 * g;
        v = 0.25 * v + 0.75 * g * g;
        largest = largest.max(v);
        let v_hat: f64 = largest / (1.0 - f64::powi(0.25, t));
        x -= 0.1 * (m / (1.0 - f64::powi(0.5, t))) / (v_hat.sqrt() + 1e-8);
        x
    });
    let optimizer = || Adam::new(0.1).beta1(0.5).beta2(0.25);
    let found = follow(optimizer().amsgrad(true), START, &GRADIENTS);
    assert_close(&found, &expected, EXACT, "AMSGrad");
    assert_ne!(found, follow(optimizer(), START, &GRADIENTS)); // the gradients do tell the two apart
}

#[test]
fn adamw() {
    let (mut x, mut m, mut v, mut t) = (START, 0.0, 0.0, 0);
    let expected = GRADIENTS.map(|g| {
        t += 1;
        x *= 1.0 - 0.1 * 0.3;
        m = 0.9 * m + 0.1 * g;
        v = 0.999 * v + 0.001 * g * g;
        let v_hat: f64 = v / (1.0 - f64::powi(0.999, t));
        x -= 0.1 * (m / (1.0 - f64::powi(0.9, t))) / (v_hat.sqrt() + 1e-8);
        x
    });
    let found = follow(AdamW::new(0.1).weight_decay(0.3), START, &GRADIENTS);
    assert_close(&found, &expected, 1e-13, "AdamW"); // 0.001 is not 1 − 0.999 to the last bit
}

#[test]
fn coupled_decay_enters_the_velocity_and_decoupled_decay_does_not() {
    let (mut x, mut v) = (START, 0.0);
    let coupled = GRADIENTS.map(|g| {
        v = 0.5 * v + (g + 0.2 * x);
        x -= 0.1 * v;
        x
    });
    let optimizer = || Sgd::new(0.1).momentum(0.5).weight_decay(0.2);
    assert_close(&follow(optimizer(), START, &GRADIENTS), &coupled, EXACT, "coupled");

    let (mut x, mut v) = (START, 0.0);
    let decoupled = GRADIENTS.map(|g| {
        x *= 1.0 - 0.1 * 0.2;
        v = 0.5 * v + g;
        x -= 0.1 * v;
        x
    });
    let found = follow(optimizer().decoupled_weight_decay(true), START, &GRADIENTS);
    assert_close(&found, &decoupled, EXACT, "decoupled");
}

#[test]
fn defaults_are_those_of_the_docs() {
    fn same<O: Optimizer<f64>>(default: O, spelled: O, rate: f64) {
        assert!((default.learning_rate() - rate).abs() < 1e-18);
        assert_eq!(follow(default, START, &GRADIENTS), follow(spelled, START, &GRADIENTS));
    }
    same(AdaGrad::default(), AdaGrad::new(0.01).epsilon(1e-10).initial_squares(0.0), 0.01);
    same(RmsProp::default(), RmsProp::new(0.01).rho(0.9).epsilon(1e-8).momentum(0.0).centered(false), 0.01);
    same(Adam::default(), Adam::new(0.001).beta1(0.9).beta2(0.999).epsilon(1e-8).amsgrad(false), 0.001);
    same(AdamW::default(), AdamW::new(0.001).weight_decay(0.01).decoupled_weight_decay(true), 0.001);
    same(Sgd::new(0.1), Sgd::new(0.1).weight_decay(0.0).decoupled_weight_decay(false), 0.1);
    same(Sgd::new(0.1).momentum(0.5), Sgd::new(0.1).momentum(0.5).dampening(0.0), 0.1);
}
