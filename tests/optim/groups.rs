//! Groups: tensors with settings of their own.

use gradus::optim::{Descent, Rule, Settings};
use gradus::prelude::*;

use super::support::{Configure, all, bits, store, walk};

fn of(optimizer: &Descent<impl Rule, f64>, name: &str) -> (f64, f64) {
    let Settings { learning_rate, weight_decay } = optimizer.settings(name);
    (learning_rate, weight_decay)
}

#[test]
fn settings_by_name() {
    let mut optimizer = Sgd::new(0.5)
        .weight_decay(0.25)
        .group(|name| name.ends_with("bias"), |group| group.weight_decay(0.0))
        .group(|name| name.starts_with("head"), |group| group.learning_rate(0.125))
        .group(|name| name.starts_with("body"), |group| group.learning_rate_factor(0.5).weight_decay(1.0));
    assert_eq!(of(&optimizer, "tail.weight"), (0.5, 0.25));
    assert_eq!(of(&optimizer, "tail.bias"), (0.5, 0.0));
    assert_eq!(of(&optimizer, "head.weight"), (0.125, 0.25));
    assert_eq!(of(&optimizer, "head.bias"), (0.5, 0.0), "the first group that accepts it");
    assert_eq!(of(&optimizer, "body.weight"), (0.25, 1.0));
    optimizer.set_learning_rate(0.25);
    assert_eq!(of(&optimizer, "tail.weight"), (0.25, 0.25));
    assert_eq!(of(&optimizer, "head.weight"), (0.125, 0.25), "its own");
    assert_eq!(of(&optimizer, "body.weight"), (0.125, 1.0), "a factor follows");
}

/// `b` does not move, `a.bias` moves as with another optimiser.
struct Split;

impl Configure for Split {
    fn configure<R: Rule, T: Real>(&self, optimizer: Descent<R, T>) -> Descent<R, T> {
        optimizer
            .weight_decay(0.5)
            .group(|name| name == "b", |group| group.learning_rate(0.0))
            .group(|name| name.ends_with("bias"), |group| group.learning_rate_factor(0.5).weight_decay(0.0))
    }
}

/// What the groups above come to for one tensor, set on the whole optimiser.
struct Whole {
    factor: f64,
    weight_decay: f64,
}

impl Configure for Whole {
    fn configure<R: Rule, T: Real>(&self, optimizer: Descent<R, T>) -> Descent<R, T> {
        let mut optimizer = optimizer.weight_decay(self.weight_decay);
        optimizer.set_learning_rate(self.factor * optimizer.learning_rate());
        optimizer
    }
}

fn groups_of_every_rule<T: Real>() {
    let split = all::<T>(&Split).into_iter();
    let rest = all::<T>(&Whole { factor: 1.0, weight_decay: 0.5 }).into_iter();
    let biases = all::<T>(&Whole { factor: 0.5, weight_decay: 0.0 }).into_iter();
    for (((name, mut split), (_, mut rest)), (_, mut biases)) in split.zip(rest).zip(biases) {
        let (mut x, mut y, mut z) = (store::<T>(), store::<T>(), store::<T>());
        walk(&mut split, &mut x, 0..6);
        walk(&mut rest, &mut y, 0..6);
        walk(&mut biases, &mut z, 0..6);
        let [x, y, z, start] = [&x, &y, &z, &store::<T>()].map(|params| bits(params.flat()));
        assert_eq!(x[..4], y[..4], "{name}: a");
        assert_eq!(x[4..6], z[4..6], "{name}: a.bias");
        // η is no more than the length of the first step to Rprop.
        assert!(name == "Rprop" || x[6..] == start[6..], "{name}: b");
        assert!((0..6).all(|i| x[i] != start[i]) && x[4] != y[4], "{name}: nothing moved");
    }
}

#[test]
fn groups_of_every_rule_in_f32() {
    groups_of_every_rule::<f32>();
}

#[test]
fn groups_of_every_rule_in_f64() {
    groups_of_every_rule::<f64>();
}

/// Groups that change nothing.
struct Idle;

impl Configure for Idle {
    fn configure<R: Rule, T: Real>(&self, optimizer: Descent<R, T>) -> Descent<R, T> {
        optimizer.group(|name| name == "a", |group| group).group(|name| name == "b", |group| group)
    }
}

#[test]
fn cutting_the_values_into_ranges_changes_no_bit() {
    for ((name, mut whole), (_, mut cut)) in all::<f32>(&super::support::Plain).into_iter().zip(all(&Idle)) {
        let (mut x, mut y) = (store::<f32>(), store::<f32>());
        walk(&mut whole, &mut x, 0..6);
        walk(&mut cut, &mut y, 0..6);
        assert_eq!(bits(x.flat()), bits(y.flat()), "{name}");
    }
}

#[test]
fn a_group_may_come_in_the_middle_of_training() {
    let (mut x, mut y) = (store::<f64>(), store::<f64>());
    let (mut before, mut plain) = (Adam::new(0.1), Adam::new(0.1));
    walk(&mut before, &mut x, 0..3);
    walk(&mut plain, &mut y, 0..3);
    let mut after = before.group(|name| name == "b", |group| group.learning_rate(0.0));
    let frozen = bits(&x.flat()[6..]);
    walk(&mut after, &mut x, 3..6);
    walk(&mut plain, &mut y, 3..6);
    assert_eq!(bits(&x.flat()[..6]), bits(&y.flat()[..6]));
    assert_eq!(bits(&x.flat()[6..]), frozen);
}
