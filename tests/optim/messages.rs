//! The exact text of every panic, and that it is put down to the caller.

use gradus::optim::{
    AdaDelta, AdaMax, Descent, Iteration, Lion, NAdam, NesterovLookahead, RAdam, Rprop, Rule, Vectors,
};
use gradus::prelude::*;

use super::support::{panics, store, walk};

#[test]
fn learning_rates() {
    for (rate, text) in [(-1.0, "-1"), (f64::NAN, "NaN"), (f64::INFINITY, "inf"), (-1e300, "-1e300")] {
        let message = |name| format!("{name}: learning_rate is {text}, expected a finite number ≥ 0");
        assert_eq!(panics(|| -> Sgd<f32> { Sgd::new(rate) }), message("Sgd"));
        assert_eq!(panics(|| -> AdaGrad<f32> { AdaGrad::new(rate) }), message("AdaGrad"));
        assert_eq!(panics(|| -> RmsProp<f32> { RmsProp::new(rate) }), message("RmsProp"));
        assert_eq!(panics(|| -> Adam<f32> { Adam::new(rate) }), message("Adam"));
        assert_eq!(panics(|| -> AdamW<f32> { AdamW::new(rate) }), message("AdamW"));
        assert_eq!(panics(|| -> NesterovLookahead<f32> { NesterovLookahead::new(rate) }), message("NesterovLookahead"));
        assert_eq!(panics(|| -> AdaDelta<f32> { AdaDelta::new(rate) }), message("AdaDelta"));
        assert_eq!(panics(|| -> AdaMax<f32> { AdaMax::new(rate) }), message("AdaMax"));
        assert_eq!(panics(|| -> NAdam<f32> { NAdam::new(rate) }), message("NAdam"));
        assert_eq!(panics(|| -> RAdam<f32> { RAdam::new(rate) }), message("RAdam"));
        assert_eq!(panics(|| -> Rprop<f32> { Rprop::new(rate) }), message("Rprop"));
        assert_eq!(panics(|| -> Lion<f32> { Lion::new(rate) }), message("Lion"));
        let mut optimizer: Adam<f64> = Adam::new(0.1);
        assert_eq!(panics(|| optimizer.set_learning_rate(rate)), message("Adam"));
        assert!((optimizer.learning_rate() - 0.1).abs() < 1e-18);
        let mut boxed: Box<Adam<f64>> = Box::new(optimizer);
        assert_eq!(panics(|| boxed.set_learning_rate(rate)), message("Adam"));
    }
    let zero: Sgd<f32> = Sgd::new(0.0);
    assert!(zero.learning_rate().abs() < 1e-300);
}

#[test]
fn what_the_element_type_makes_of_a_value_counts() {
    let rate = panics(|| -> Sgd<f32> { Sgd::new(1e300) });
    assert_eq!(rate, "Sgd: learning_rate is 1e300 (inf as f32), expected a finite number ≥ 0");
    let epsilon = panics(|| -> Adam<f32> { Adam::new(0.1).epsilon(1e-60) });
    assert_eq!(epsilon, "Adam: epsilon is 1e-60 (0 as f32), expected a finite number > 0");
    let beta = panics(|| -> Adam<f32> { Adam::new(0.1).beta2(0.999_999_999) });
    assert_eq!(beta, "Adam: beta2 is 0.999999999 (1 as f32), expected a number in [0, 1)");
    let _: Adam<f64> = Adam::new(1e300).epsilon(1e-60).beta2(0.999_999_999);
}

#[test]
fn fractions() {
    for (value, text) in [(1.0, "1"), (-0.5, "-0.5"), (f64::NAN, "NaN")] {
        let message = |field| format!("{field} is {text}, expected a number in [0, 1)");
        let sgd = || -> Sgd<f64> { Sgd::new(0.1) };
        assert_eq!(panics(|| sgd().momentum(value)), message("Sgd: momentum"));
        assert_eq!(panics(|| sgd().ema_momentum(value)), message("Sgd: ema_momentum"));
        assert_eq!(panics(|| sgd().momentum(0.9).dampening(value)), message("Sgd: dampening"));
        let rmsprop = || -> RmsProp<f64> { RmsProp::new(0.1) };
        assert_eq!(panics(|| rmsprop().rho(value)), message("RmsProp: rho"));
        assert_eq!(panics(|| rmsprop().momentum(value)), message("RmsProp: momentum"));
        let adam = || -> Adam<f64> { Adam::new(0.1) };
        assert_eq!(panics(|| adam().beta1(value)), message("Adam: beta1"));
        assert_eq!(panics(|| adam().beta2(value)), message("Adam: beta2"));
        let adamw = || -> AdamW<f64> { AdamW::new(0.1) };
        assert_eq!(panics(|| adamw().beta1(value)), message("AdamW: beta1"));
        let ahead = || -> NesterovLookahead<f64> { NesterovLookahead::new(0.1) };
        assert_eq!(panics(|| ahead().momentum(value)), message("NesterovLookahead: momentum"));
        assert_eq!(panics(|| -> AdaDelta<f64> { AdaDelta::new(0.1).rho(value) }), message("AdaDelta: rho"));
        assert_eq!(panics(|| -> AdaMax<f64> { AdaMax::new(0.1).beta1(value) }), message("AdaMax: beta1"));
        assert_eq!(panics(|| -> AdaMax<f64> { AdaMax::new(0.1).beta2(value) }), message("AdaMax: beta2"));
        assert_eq!(panics(|| -> NAdam<f64> { NAdam::new(0.1).beta1(value) }), message("NAdam: beta1"));
        assert_eq!(panics(|| -> NAdam<f64> { NAdam::new(0.1).beta2(value) }), message("NAdam: beta2"));
        assert_eq!(panics(|| -> RAdam<f64> { RAdam::new(0.1).beta1(value) }), message("RAdam: beta1"));
        assert_eq!(panics(|| -> RAdam<f64> { RAdam::new(0.1).beta2(value) }), message("RAdam: beta2"));
        assert_eq!(panics(|| -> Lion<f64> { Lion::new(0.1).beta1(value) }), message("Lion: beta1"));
        assert_eq!(panics(|| -> Lion<f64> { Lion::new(0.1).beta2(value) }), message("Lion: beta2"));
    }
}

#[test]
fn momentum_that_others_need() {
    for (value, text) in [(0.0, "0"), (1.0, "1"), (-1.0, "-1")] {
        let message = format!("Sgd: nesterov is {text}, expected a number in (0, 1)");
        assert_eq!(panics(|| -> Sgd<f64> { Sgd::new(0.1).nesterov(value) }), message);
    }
    let message =
        "Sgd: dampening is 0.5, expected none without heavy-ball momentum\n  help: call `.momentum(0.9)` first";
    assert_eq!(panics(|| -> Sgd<f64> { Sgd::new(0.1).dampening(0.5) }), message);
    assert_eq!(panics(|| -> Sgd<f64> { Sgd::new(0.1).nesterov(0.9).dampening(0.5) }), message);
    assert_eq!(panics(|| -> Sgd<f64> { Sgd::new(0.1).momentum(0.0).dampening(0.5) }), message);
}

#[test]
fn numbers_that_must_not_be_negative() {
    for (value, text) in [(0.0, "0"), (-1e-9, "-1e-9"), (f64::INFINITY, "inf"), (f64::NAN, "NaN")] {
        let message = |name| format!("{name}: epsilon is {text}, expected a finite number > 0");
        assert_eq!(panics(|| -> Adam<f32> { Adam::new(0.1).epsilon(value) }), message("Adam"));
        assert_eq!(panics(|| -> AdaGrad<f32> { AdaGrad::new(0.1).epsilon(value) }), message("AdaGrad"));
        assert_eq!(panics(|| -> RmsProp<f32> { RmsProp::new(0.1).epsilon(value) }), message("RmsProp"));
        assert_eq!(panics(|| -> AdaDelta<f32> { AdaDelta::new(0.1).epsilon(value) }), message("AdaDelta"));
        assert_eq!(panics(|| -> AdaMax<f32> { AdaMax::new(0.1).epsilon(value) }), message("AdaMax"));
        assert_eq!(panics(|| -> NAdam<f32> { NAdam::new(0.1).epsilon(value) }), message("NAdam"));
        assert_eq!(panics(|| -> RAdam<f32> { RAdam::new(0.1).epsilon(value) }), message("RAdam"));
    }
    for (value, text) in [(-1e-9, "-1e-9"), (f64::INFINITY, "inf"), (f64::NAN, "NaN")] {
        let message = format!("NAdam: momentum_decay is {text}, expected a finite number ≥ 0");
        assert_eq!(panics(|| -> NAdam<f32> { NAdam::new(0.1).momentum_decay(value) }), message);
    }
    let adagrad = || -> AdaGrad<f32> { AdaGrad::new(0.1) };
    assert_eq!(
        panics(|| adagrad().initial_squares(-0.25)),
        "AdaGrad: initial_squares is -0.25, expected a finite number ≥ 0"
    );
    assert_eq!(
        panics(|| adagrad().weight_decay(-0.25)),
        "AdaGrad: weight_decay is -0.25, expected a finite number ≥ 0"
    );
    for (value, text) in [(0.0, "0"), (-1.0, "-1"), (f64::NAN, "NaN")] {
        let message = |field| format!("AdaGrad: {field} is {text}, expected a number > 0");
        assert_eq!(panics(|| adagrad().clip_norm(value)), message("clip_norm"));
        assert_eq!(panics(|| adagrad().clip_value(value)), message("clip_value"));
    }
    assert_eq!(panics(|| adagrad().accumulate(0)), "AdaGrad: accumulate is 0, expected a whole number ≥ 1");
}

#[test]
fn factors_and_bounds_of_rprop() {
    let rprop = || -> Rprop<f32> { Rprop::new(0.1) };
    for (value, text) in [(0.0, "0"), (1.0, "1"), (f64::NAN, "NaN")] {
        let message = format!("Rprop: the first of factors is {text}, expected a number in (0, 1)");
        assert_eq!(panics(|| rprop().factors(value, 1.2)), message);
    }
    for (value, text) in [(1.0, "1"), (0.5, "0.5"), (f64::INFINITY, "inf"), (f64::NAN, "NaN")] {
        let message = format!("Rprop: the second of factors is {text}, expected a finite number > 1");
        assert_eq!(panics(|| rprop().factors(0.5, value)), message);
    }
    for (value, text) in [(0.0, "0"), (-1.0, "-1"), (f64::INFINITY, "inf"), (f64::NAN, "NaN")] {
        let message = |which| format!("Rprop: the {which} of step_bounds is {text}, expected a finite number > 0");
        assert_eq!(panics(|| rprop().step_bounds(value, 1.0)), message("first"));
        assert_eq!(panics(|| rprop().step_bounds(1e-6, value)), message("second"));
    }
    let message = "Rprop: step_bounds are 2 and 1, expected the shortest first";
    assert_eq!(panics(|| rprop().step_bounds(2.0, 1.0)), message);
}

#[test]
fn settings_of_groups() {
    let adamw = || -> AdamW<f32> { AdamW::new(0.1) };
    assert_eq!(
        panics(|| adamw().group(|_| true, |group| group.learning_rate(-1.0))),
        "AdamW: learning_rate of a group is -1, expected a finite number ≥ 0"
    );
    assert_eq!(
        panics(|| adamw().group(|_| true, |group| group.learning_rate_factor(f64::NAN))),
        "AdamW: learning_rate_factor of a group is NaN, expected a finite number ≥ 0"
    );
    assert_eq!(
        panics(|| adamw().group(|_| true, |group| group.weight_decay(-0.5))),
        "AdamW: weight_decay of a group is -0.5, expected a finite number ≥ 0"
    );
}

#[test]
fn gradients_that_were_not_computed() {
    let (mut params, mut optimizer) = (store::<f32>(), Adam::new(0.1));
    let mut gradient = params.gradient();
    assert_eq!(
        panics(|| optimizer.step(&mut params, &gradient)),
        "step: the gradient was never computed\n  help: call `loss.backward(&mut gradient)` before the step"
    );
    gradient.flat_mut().fill(1.0);
    optimizer.step(&mut params, &gradient);
    let (before, state) = (params.flat().to_vec(), optimizer.state());
    assert_eq!(
        panics(|| optimizer.step(&mut params, &gradient)),
        "step: this gradient was used by an earlier step\n  help: call `loss.backward(&mut gradient)` before each step"
    );
    assert_eq!(params.flat(), before);
    assert_eq!(optimizer.state(), state);
    let mut boxed = Box::new(optimizer);
    assert!(panics(|| boxed.step(&mut params, &gradient)).starts_with("step: this gradient"));
}

/// The identity of a store, as messages give it.
fn number_of(params: &Params<f32>) -> String {
    let debug = format!("{params:?}");
    let number = debug.split("store: ").nth(1).unwrap();
    number.chars().take_while(char::is_ascii_digit).collect()
}

#[test]
fn stores_that_are_not_the_same() {
    let (mut params, mut other) = (store::<f32>(), store::<f32>());
    let [own, foreign] = [number_of(&params), number_of(&other)];
    let (mut gradient, mut optimizer) = (other.gradient(), Adam::new(0.1));
    gradient.flat_mut().fill(1.0);
    assert_eq!(
        panics(|| optimizer.step(&mut params, &gradient)),
        format!(
            "step: the gradient is of store #{foreign} with 4 tensors, the parameters are store #{own} with 4\n  help: make it with `params.gradient()` once the model is complete"
        )
    );
    // That was no step: the optimiser is still free to take the other store.
    optimizer.step(&mut other, &gradient);
    let mut gradient = params.gradient();
    gradient.flat_mut().fill(1.0);
    assert_eq!(
        panics(|| optimizer.step(&mut params, &gradient)),
        format!(
            "Adam: an earlier step was on store #{foreign} with 4 tensors, the parameters are store #{own} with 4\n  help: give each store an optimiser of its own"
        )
    );
    assert!(gradient.is_fresh());
}

#[test]
fn options_that_change_what_is_kept_in_the_middle() {
    let (mut params, mut optimizer) = (store::<f32>(), Adam::new(0.1));
    walk(&mut optimizer, &mut params, 0..1);
    let mut optimizer = optimizer.beta1(0.5); // this is no problem
    walk(&mut optimizer, &mut params, 0..1);
    let mut optimizer = optimizer.amsgrad(true);
    let mut gradient = params.gradient();
    gradient.flat_mut().fill(1.0);
    assert_eq!(
        panics(|| optimizer.step(&mut params, &gradient)),
        "Adam: options were changed after the first step: it has kept first_moment, second_moment and would now keep first_moment, second_moment, largest_second_moment"
    );
}

#[derive(Clone, Debug)]
struct Miscounted;

impl Rule for Miscounted {
    const NAME: &'static str = "Miscounted";

    fn vectors(&self) -> &'static [&'static str] {
        &["velocity"]
    }

    fn update<T: Real>(&self, _: Iteration<T>, _: &mut [T], _: &[T], vectors: Vectors<'_, T>) {
        let [_, _] = vectors.split();
    }
}

#[test]
fn rules_that_name_fewer_vectors_than_they_use() {
    let mut params = store::<f32>();
    let mut optimizer = Descent::with_rule(Miscounted, 0.1);
    let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        walk(&mut optimizer, &mut params, 0..1);
    }));
    let text = found.unwrap_err().downcast::<String>().unwrap();
    assert_eq!(*text, "optim: the rule splits 2 vectors and names 1");
}

#[test]
fn groups_that_accept_nothing() {
    let mut params = store::<f32>();
    let mut optimizer = Adam::new(0.1)
        .group(|name| name == "b", |group| group.learning_rate(0.0))
        .group(|name| name.ends_with("biass"), |group| group.weight_decay(0.0));
    let mut gradient = params.gradient();
    gradient.flat_mut().fill(1.0);
    let text = "Adam: group 2 of 2 accepts none of the 4 tensors: a, a.bias, empty, b\n  help: its predicate gets the whole path, such as `a`";
    assert_eq!(panics(|| optimizer.step(&mut params, &gradient)), text);
    assert!(gradient.is_fresh());
    // A frozen tensor is still one of the group.
    params.freeze(|name| name == "b");
    let mut optimizer = Adam::new(0.1).group(|name| name == "b", |group| group.learning_rate(0.0));
    walk(&mut optimizer, &mut params, 0..1);
}
