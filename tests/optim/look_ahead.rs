//! Looking ahead: where the parameters are between `prepare` and `step`, and after.

use gradus::optim::{Descent, NesterovLookahead, Rule};
use gradus::prelude::*;

use super::support::{Boxed, Configure, Plain, all, bits, panics, quadratic, store, walk};

const UNPREPARED: &str = "NesterovLookahead: the parameters are not where the gradient is to be taken\n  help: call `optimizer.prepare(&mut params)` before the loss is recorded, and freeze or add tensors before that";

#[test]
fn it_walks_as_nesterov_in_other_variables() {
    // The points at which gradients are taken are those of PyTorch's form.
    let (mut ahead, mut form) = (NesterovLookahead::new(0.1).momentum(0.8), Sgd::new(0.1).nesterov(0.8));
    let (mut x, mut y) = (store::<f64>(), store::<f64>());
    let (mut of_x, mut of_y) = (x.gradient(), y.gradient());
    for t in 0..30 {
        ahead.prepare(&mut x);
        let difference = x.flat().iter().zip(y.flat()).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(difference < 1e-13, "{t}: {difference}");
        quadratic(&x, &mut of_x, 1.0, t);
        quadratic(&y, &mut of_y, 1.0, t);
        ahead.step(&mut x, &of_x);
        form.step(&mut y, &of_y);
    }
}

#[test]
fn the_form_of_the_notes_with_consistent_signs_gives_the_same() {
    // θ̃ = θ − βv, v ← βv + η∇L(θ̃), θ ← θ − v
    let (eta, beta) = (0.1, 0.8);
    let slope = |x: f64| 3.0 * x + x.sin();
    let (mut theta, mut v) = (1.0, 0.0);
    let mut params = Params::new();
    let _ = params.add("x", [], || theta);
    let (mut gradient, mut optimizer) = (params.gradient(), NesterovLookahead::new(eta).momentum(beta));
    for _ in 0..20 {
        v = beta * v + eta * slope(theta - beta * v);
        theta -= v;
        optimizer.prepare(&mut params);
        gradient.flat_mut()[0] = slope(params.flat()[0]);
        optimizer.step(&mut params, &gradient);
        assert!((params.flat()[0] - theta).abs() < 1e-14);
    }
}

#[test]
fn a_step_that_was_not_prepared_changes_nothing() {
    let (mut params, mut optimizer) = (store::<f32>(), NesterovLookahead::new(0.1));
    let mut gradient = params.gradient();
    gradient.flat_mut().fill(1.0);
    assert_eq!(panics(|| optimizer.step(&mut params, &gradient)), UNPREPARED);
    walk(&mut optimizer, &mut params, 0..2);
    let (before, state) = (bits(params.flat()), optimizer.state());
    assert_eq!(panics(|| optimizer.step(&mut params, &gradient)), UNPREPARED);
    assert!(gradient.is_fresh());
    assert_eq!((bits(params.flat()), optimizer.state()), (before, state));
    optimizer.prepare(&mut params);
    optimizer.step(&mut params, &gradient);
}

#[test]
fn only_looking_ahead_needs_a_preparation() {
    for (name, mut optimizer) in all::<f64>(&Plain) {
        let (mut params, mut moved) = (store::<f64>(), store::<f64>());
        walk(&mut optimizer, &mut params, 0..2);
        moved.flat_mut().copy_from_slice(params.flat());
        optimizer.prepare(&mut params);
        assert_eq!(bits(moved.flat()) != bits(params.flat()), name == "NesterovLookahead", "{name}");
    }
}

#[test]
fn preparing_twice_is_preparing_once() {
    let run = |times: usize| {
        let (mut params, mut optimizer) = (store::<f64>(), NesterovLookahead::new(0.1));
        let mut gradient = params.gradient();
        for t in 0..5 {
            (0..times).for_each(|_| optimizer.prepare(&mut params));
            quadratic(&params, &mut gradient, 1.0, t);
            optimizer.step(&mut params, &gradient);
        }
        bits(params.flat())
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn a_preparation_can_be_taken_back() {
    for (name, mut optimizer) in all::<f32>(&Plain) {
        let mut params = store::<f32>();
        walk(&mut optimizer, &mut params, 0..3);
        let before = bits(params.flat());
        optimizer.unprepare(&mut params);
        optimizer.prepare(&mut params);
        optimizer.unprepare(&mut params);
        assert_eq!(bits(params.flat()), before, "{name}");
    }
    let (mut params, mut optimizer) = (store::<f32>(), NesterovLookahead::new(0.1));
    optimizer.prepare(&mut params);
    optimizer.unprepare(&mut params);
    let mut gradient = params.gradient();
    gradient.flat_mut().fill(1.0);
    assert_eq!(panics(|| optimizer.step(&mut params, &gradient)), UNPREPARED);
}

#[test]
fn frozen_tensors_are_not_moved() {
    let (mut params, mut optimizer) = (store::<f64>(), NesterovLookahead::new(0.1));
    walk(&mut optimizer, &mut params, 0..3);
    params.freeze(|name| name == "a");
    let before = bits(params.flat());
    optimizer.prepare(&mut params);
    let after = bits(params.flat());
    assert_eq!(before[..4], after[..4]);
    assert!((4..9).all(|i| before[i] != after[i]));
}

#[test]
fn freezing_after_the_preparation_is_told_and_put_right() {
    let (mut params, mut optimizer) = (store::<f64>(), NesterovLookahead::new(0.1));
    walk(&mut optimizer, &mut params, 0..3);
    let before = bits(params.flat());
    optimizer.prepare(&mut params);
    params.freeze(|name| name == "a");
    let mut gradient = params.gradient();
    gradient.flat_mut().fill(1.0);
    assert_eq!(panics(|| optimizer.step(&mut params, &gradient)), UNPREPARED);
    optimizer.prepare(&mut params);
    assert_eq!(bits(&params.flat()[..4]), before[..4], "back where it was");
    optimizer.step(&mut params, &gradient);
}

#[test]
fn a_foreign_store_is_told_before_it_is_moved() {
    let (mut params, mut other, mut optimizer) = (store::<f64>(), store::<f64>(), NesterovLookahead::new(0.1));
    walk(&mut optimizer, &mut params, 0..2);
    let message = panics(|| optimizer.prepare(&mut other));
    assert!(message.starts_with("NesterovLookahead: an earlier step was on store #"), "{message}");
    assert_eq!(bits(other.flat()), bits(store::<f64>().flat()));
}

/// All that may end a step without an update.
struct Idle;

impl Configure for Idle {
    fn configure<R: Rule, T: Real>(&self, optimizer: Descent<R, T>) -> Descent<R, T> {
        optimizer.skip_not_finite(true).accumulate(3)
    }
}

#[test]
fn after_every_step_the_parameters_are_iterates_to_the_bit() {
    let mut optimizer: Boxed<f32> = Box::new(Idle.configure(NesterovLookahead::new(0.1)));
    let mut params = store::<f32>();
    walk(&mut optimizer, &mut params, 0..3);
    let (before, mut gradient) = (bits(params.flat()), params.gradient());
    for value in [f32::NAN, 1.0, f32::INFINITY, 2.0] {
        optimizer.prepare(&mut params);
        assert_ne!(bits(params.flat()), before, "ahead");
        gradient.flat_mut().fill(value);
        optimizer.step(&mut params, &gradient);
        assert_eq!(bits(params.flat()), before, "{value}");
    }
    optimizer.prepare(&mut params);
    gradient.flat_mut().fill(1.0);
    optimizer.step(&mut params, &gradient);
    assert_ne!(bits(params.flat()), before, "the third of the mean");
    assert_eq!(optimizer.iteration(), 2);
}

#[test]
fn coupled_decay_is_taken_ahead_and_decoupled_decay_at_the_iterate() {
    let run = |decoupled: bool| {
        let mut params = Params::new();
        let _ = params.add("x", [], || 1.0);
        let mut gradient = params.gradient();
        let mut optimizer =
            NesterovLookahead::new(0.5).momentum(0.5).weight_decay(0.25).decoupled_weight_decay(decoupled);
        for _ in 0..2 {
            optimizer.prepare(&mut params);
            gradient.flat_mut()[0] = 1.0;
            optimizer.step(&mut params, &gradient);
        }
        params.flat()[0]
    };
    // v = −½(1 + ¼) = −0.625, θ = 0.375; θ̃ = 0.0625, v = −0.3125 − ½(1 + ¼ · 0.0625)
    assert_eq!(run(false), 0.375 - 0.3125 - 0.5 * (1.0 + 0.25 * 0.0625));
    // v = −½, θ = 7/8 − ½ = 0.375; v = −¼ − ½, θ = 7/8 · 0.375 − 0.75
    assert_eq!(run(true), 0.875 * 0.375 - 0.75);
}
