//! Penalties.

use super::prediction;
use gradus::nn::loss::{elastic_net, l1, l2};
use gradus::prelude::*;

#[test]
fn values_are_those_of_the_formulas() {
    let w = prediction();
    let (absolute, square) = (w.mapv(f64::abs).sum(), w.mapv(|w| w * w).sum());
    assert_eq!(value(|w| l1(w), &w), absolute);
    assert_eq!(value(|w| l2(w), &w), square);
    let net = value(|w| elastic_net(w, 0.3, 0.01_f32), &w);
    assert!((net - (0.3 * absolute + f64::from(0.01_f32) * square)).abs() < 1e-14);
}

#[test]
fn gradients_are_right_to_second_order() {
    let w = prediction();
    check::gradients(|v| l1(v[0]), &[&w]).order(2).assert();
    check::gradients(|v| l2(v[0]), &[&w]).order(2).assert();
    check::gradients(|v| elastic_net(v[0], 0.3, 0.1), &[&w]).order(2).assert();
}

#[test]
fn the_slope_at_0_is_0() {
    let zero = array![0.0, 0.0];
    assert_eq!(grad(|w| elastic_net(w, 1.0, 1.0), &zero), zero);
}

/// λ·l2 in the loss is, for plain gradient descent, a weight decay of 2λ.
#[test]
fn l2_is_weight_decay() {
    let w = prediction();
    let lambda = 0.05;
    let slope = grad(|w| lambda * l2(w), &w);
    assert!((slope - &w * (2.0 * lambda)).iter().all(|e| e.abs() < 1e-16));
}
