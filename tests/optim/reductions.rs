//! Options that make one rule another, and closed forms.

use gradus::prelude::*;

use super::support::{assert_close, follow, store, walk};

fn same(a: &mut impl Optimizer<f32>, b: &mut impl Optimizer<f32>, what: &str) {
    let (mut x, mut y) = (store(), store());
    walk(a, &mut x, 0..20);
    walk(b, &mut y, 0..20);
    assert_eq!(x.flat(), y.flat(), "{what}");
}

#[test]
fn without_momentum_it_is_plain_descent() {
    same(&mut Sgd::new(0.1).momentum(0.0), &mut Sgd::new(0.1), "heavy ball");
    same(&mut Sgd::new(0.1).ema_momentum(0.0), &mut Sgd::new(0.1), "average");
    same(&mut RmsProp::new(0.1).momentum(0.0), &mut RmsProp::new(0.1), "RmsProp");
    // So small a velocity is lost in rounding, but the loop of momentum has run.
    same(&mut Sgd::new(0.1).momentum(1e-30), &mut Sgd::new(0.1), "heavy ball, almost");
    same(&mut Sgd::new(0.1).ema_momentum(1e-30), &mut Sgd::new(0.1), "average, almost");
    same(&mut Sgd::new(0.1).nesterov(1e-30), &mut Sgd::new(0.1), "Nesterov, almost");
    same(&mut RmsProp::new(0.1).momentum(1e-30), &mut RmsProp::new(0.1), "RmsProp, almost");
}

#[test]
fn adamw_is_adam_with_decoupled_decay() {
    same(&mut AdamW::new(0.1).weight_decay(0.0), &mut Adam::new(0.1), "λ = 0");
    same(&mut AdamW::new(0.1), &mut Adam::new(0.1).weight_decay(0.01).decoupled_weight_decay(true), "λ = 0.01");
    same(
        &mut AdamW::new(0.1).decoupled_weight_decay(false).amsgrad(true),
        &mut Adam::new(0.1).weight_decay(0.01).amsgrad(true),
        "coupled",
    );
}

#[test]
fn amsgrad_changes_nothing_while_the_squares_grow() {
    let gradients = [0.5, -1.0, 2.0, -4.0];
    let found = follow(Adam::new(0.1).amsgrad(true), 1.0, &gradients);
    assert_eq!(found, follow(Adam::new(0.1), 1.0, &gradients));
}

#[test]
fn without_memory_adaptive_rules_only_see_the_sign() {
    let gradients = [2.0, -0.01, 30.0, -4.0];
    let signs = [0.9, 1.0, 0.9, 1.0];
    let rmsprop = RmsProp::new(0.1).rho(0.0).epsilon(1e-300);
    assert_close(&follow(rmsprop, 1.0, &gradients), &signs, 1e-15, "RmsProp");
    let adam = Adam::new(0.1).beta1(0.0).beta2(0.0).epsilon(1e-300);
    assert_close(&follow(adam, 1.0, &gradients), &signs, 1e-15, "Adam");
}

#[test]
fn decoupled_decay_of_plain_descent_is_l2() {
    // θ(1 − ηλ) − ηg = θ − η(g + λθ)
    let gradients = [2.0, -1.0, 0.5];
    let coupled = follow(Sgd::new(0.1).weight_decay(0.3), 1.0, &gradients);
    let optimizer = Sgd::new(0.1).weight_decay(0.3).decoupled_weight_decay(true);
    assert_close(&follow(optimizer, 1.0, &gradients), &coupled, 1e-15, "L2");
}

#[test]
fn velocities_of_a_constant_gradient() {
    // Σ βᵏ = 1/(1 − β) steps in one, or one step.
    let last = |x: &[f64]| x[x.len() - 2] - x[x.len() - 1];
    let ball = follow(Sgd::new(0.5).momentum(0.75), 0.0, &[1.0; 200]);
    assert!((last(&ball) - 0.5 / 0.25).abs() < 1e-12);
    let nesterov = follow(Sgd::new(0.5).nesterov(0.75), 0.0, &[1.0; 200]);
    assert!((last(&nesterov) - 0.5 / 0.25).abs() < 1e-12);
    let average = follow(Sgd::new(0.5).ema_momentum(0.75), 0.0, &[1.0; 200]);
    assert!((last(&average) - 0.5).abs() < 1e-12);
    // After t steps G = t, so that the t-th step is η/√t.
    let adagrad = follow(AdaGrad::new(0.5), 0.0, &[1.0; 100]);
    assert!((last(&adagrad) - 0.5 / 10.0).abs() < 1e-9);
    // The averages are 1 − βᵗ, the corrections take that away: every step is η long from the first.
    let adam = follow(Adam::new(0.5), 0.0, &[1.0; 100]);
    assert!(adam.iter().zip(1..).all(|(x, t)| (x + 0.5 * f64::from(t)).abs() < 1e-5));
}

#[test]
fn nesterov_is_the_look_ahead_gradient_in_other_variables() {
    // Sutskever et al. 2013: v ← βv − η∇f(θ + βv), θ ← θ + v; ours walks the points θ + βv.
    let (eta, beta) = (0.1, 0.8);
    let slope = |x: f64| 3.0 * x + x.sin();
    let (mut theta, mut v) = (1.0, 0.0);
    let mut params = Params::new();
    let _ = params.add("x", [], || theta);
    let (mut gradient, mut optimizer) = (params.gradient(), Sgd::new(eta).nesterov(beta));
    for _ in 0..20 {
        v = beta * v - eta * slope(theta + beta * v);
        theta += v;
        gradient.flat_mut()[0] = slope(params.flat()[0]);
        optimizer.step(&mut params, &gradient);
        assert!((params.flat()[0] - (theta + beta * v)).abs() < 1e-13);
    }
}
