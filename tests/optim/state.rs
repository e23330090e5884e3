//! Saving and going on.

use gradus::optim::{Descent, Progress, Rule, State};
use gradus::prelude::*;
use gradus::{ErrorKind, Shape};

use super::support::{Configure, all, bits, store, walk};

/// Everything a driver can do, so that a saved run has it all.
struct Busy;

impl Configure for Busy {
    fn configure<R: Rule, T: Real>(&self, optimizer: Descent<R, T>) -> Descent<R, T> {
        optimizer
            .clip_norm(1.0)
            .weight_decay(0.01)
            .group(|name| name.ends_with("bias"), |group| group.learning_rate_factor(0.5))
    }
}

fn a_saved_run_goes_on_with_the_same_bits<T: Real>() {
    let fresh = all::<T>(&Busy).into_iter();
    for ((name, mut straight), (_, mut resumed)) in all::<T>(&Busy).into_iter().zip(fresh) {
        let mut x = store::<T>();
        x.freeze(|name| name == "a");
        walk(&mut straight, &mut x, 0..3);
        x.unfreeze(|name| name == "a");
        straight.set_learning_rate(0.03);
        walk(&mut straight, &mut x, 3..5);

        let mut y = x.clone();
        let state = straight.state();
        resumed.restore(&state, &y).unwrap();
        assert_eq!(resumed.state(), state, "{name}");
        walk(&mut straight, &mut x, 5..11);
        walk(&mut resumed, &mut y, 5..11);
        assert_eq!(bits(x.flat()), bits(y.flat()), "{name}");
        assert_eq!(straight.state(), resumed.state(), "{name}");
        assert_eq!(resumed.iteration(), 11, "{name}");
    }
}

#[test]
fn a_saved_run_goes_on_with_the_same_bits_in_f32() {
    a_saved_run_goes_on_with_the_same_bits::<f32>();
}

#[test]
fn a_saved_run_goes_on_with_the_same_bits_in_f64() {
    a_saved_run_goes_on_with_the_same_bits::<f64>();
}

#[test]
fn a_state_survives_its_parts() {
    for (name, mut optimizer) in all::<f32>(&Busy) {
        let mut params = store();
        walk(&mut optimizer, &mut params, 0..3);
        let state = optimizer.state();
        let vectors = state.iter().map(|(name, values)| (name.to_owned(), values.to_vec()));
        let (rule, rate) = (state.rule(), state.learning_rate());
        let tensors = state.tensors().to_vec();
        let again = State::from_parts(rule, state.iteration(), rate, tensors, vectors.collect());
        assert_eq!(again.unwrap(), state, "{name}");
    }
}

#[test]
fn a_state_can_be_looked_at() {
    let mut params = store::<f64>();
    params.freeze(|name| name == "b");
    let mut optimizer = Adam::new(0.1).amsgrad(true);
    walk(&mut optimizer, &mut params, 0..1);
    params.unfreeze(|name| name == "b");
    walk(&mut optimizer, &mut params, 1..2);
    let state = optimizer.state();
    assert_eq!((state.rule(), state.iteration(), state.learning_rate()), ("Adam", 2, 0.1));
    let progress = |name: &str, shape: &[usize], iterations| Progress {
        name: name.to_owned(),
        shape: Shape::new(shape),
        iterations,
    };
    assert_eq!(
        state.tensors(),
        [progress("a", &[2, 2], 2), progress("a.bias", &[2], 2), progress("empty", &[0, 3], 2), progress("b", &[3], 1),]
    );
    let names: Vec<_> = state.iter().map(|(name, values)| (name, values.len())).collect();
    assert_eq!(names, [("first_moment", 9), ("second_moment", 9), ("largest_second_moment", 9)]);
    assert_eq!(state.vector("first_moment"), state.iter().next().map(|(_, values)| values));
    assert_eq!(state.vector("velocity"), None);
}

#[test]
fn the_state_before_the_first_step_starts_anew_anywhere() {
    for ((name, fresh), (_, mut used)) in all::<f64>(&Busy).into_iter().zip(all(&Busy)) {
        let state = fresh.state();
        assert!(state.tensors().is_empty() && state.iteration() == 0, "{name}");
        walk(&mut used, &mut store(), 0..3);
        let mut other = Params::new();
        let _ = other.add("other.bias", [2], || 1.0);
        used.restore(&state, &other).unwrap();
        assert_eq!(used.state(), state, "{name}");
        walk(&mut used, &mut other, 0..1); // another store than in the steps before
        assert_eq!(used.iteration(), 1, "{name}");
    }
}

/// Restoring fails with this text and kind, and leaves the optimiser as it was.
#[track_caller]
fn refused(optimizer: &mut impl Optimizer<f64>, state: &State<f64>, expected: (&str, ErrorKind)) {
    let mut params = store();
    walk(optimizer, &mut params, 0..2);
    let before = optimizer.state();
    let error = optimizer.restore(state, &params).unwrap_err();
    assert_eq!((error.to_string().as_str(), error.kind()), expected);
    assert_eq!(optimizer.state(), before);
}

fn state_of(mut optimizer: impl Optimizer<f64>, mut params: Params<f64>) -> State<f64> {
    walk(&mut optimizer, &mut params, 0..3);
    optimizer.state()
}

#[test]
fn a_state_that_does_not_fit_is_refused() {
    refused(&mut Adam::new(0.1), &state_of(AdamW::new(0.1), store()), ("Adam: the state is of AdamW", ErrorKind::Name));
    refused(
        &mut Adam::new(0.1).amsgrad(true),
        &state_of(Adam::new(0.1), store()),
        (
            "Adam: the state keeps first_moment, second_moment, the optimiser keeps first_moment, second_moment, largest_second_moment\n  help: build the optimiser with the options it was saved with",
            ErrorKind::Name,
        ),
    );
    refused(
        &mut Sgd::new(0.1),
        &state_of(Sgd::new(0.1).momentum(0.5), store()),
        (
            "Sgd: the state keeps velocity, the optimiser keeps no vectors\n  help: build the optimiser with the options it was saved with",
            ErrorKind::Name,
        ),
    );
    // An unused state has no tensors that could differ, but is of one rule and its options all the same.
    refused(&mut Sgd::new(0.1), &Adam::new(0.1).state(), ("Sgd: the state is of Adam", ErrorKind::Name));
}

#[test]
fn a_state_of_other_tensors_is_refused() {
    let of = |tensors: &[(&str, &[usize])]| {
        let mut params = Params::new();
        for (name, shape) in tensors {
            params.add(name, *shape, || 1.0);
        }
        state_of(Sgd::new(0.1).momentum(0.5), params)
    };
    let optimizer = || Sgd::new(0.1).momentum(0.5);
    let (a, bias, empty) = (("a", &[2, 2][..]), ("a.bias", &[2][..]), ("empty", &[0, 3][..]));
    refused(
        &mut optimizer(),
        &of(&[a, ("a.biases", &[2]), empty, ("b", &[3])]),
        ("Sgd: the state has `a.biases` where the parameters have `a.bias`", ErrorKind::Name),
    );
    refused(
        &mut optimizer(),
        &of(&[a, bias, empty, ("b", &[4])]),
        ("Sgd: `b` has shape [3], found [4] in the state", ErrorKind::Shape),
    );
    refused(
        &mut optimizer(),
        &of(&[a, bias, empty]),
        ("Sgd: the parameters have `b`, which the state has not", ErrorKind::Name),
    );
    refused(
        &mut optimizer(),
        &of(&[a, bias, empty, ("b", &[3]), ("c", &[1])]),
        ("Sgd: the state has `c`, which the parameters have not", ErrorKind::Name),
    );
}

#[test]
fn parts_that_do_not_fit_together_are_refused() {
    let tensors = |iterations| vec![Progress { name: "x".to_owned(), shape: Shape::new(&[3]), iterations }];
    let vectors = |n| vec![("velocity".to_owned(), vec![0.0_f32; n])];
    let text = |state: Result<State<f32>, Error>| {
        let error = state.unwrap_err();
        (error.to_string(), error.kind())
    };
    assert_eq!(
        text(State::from_parts("Sgd", 2, 0.1, tensors(2), vectors(2))),
        ("state of Sgd: vector `velocity` has 2 values, the tensors have 3".into(), ErrorKind::Shape)
    );
    assert_eq!(
        text(State::from_parts("Sgd", 2, 0.1, tensors(3), vectors(3))),
        ("state of Sgd: `x` has had 3 updates in 2 iterations".into(), ErrorKind::Value)
    );
    assert_eq!(
        text(State::from_parts("Sgd", 2, f64::NAN, tensors(2), vectors(3))),
        ("state of Sgd: learning_rate is NaN, expected a finite number ≥ 0".into(), ErrorKind::Value)
    );
}

#[test]
fn a_copy_goes_its_own_way() {
    let (mut x, mut optimizer) = (store::<f32>(), Adam::new(0.1));
    walk(&mut optimizer, &mut x, 0..3);
    let (mut y, mut copy) = (x.clone(), optimizer.clone());
    walk(&mut copy, &mut y, 10..14);
    walk(&mut copy, &mut y, 14..15);
    walk(&mut optimizer, &mut x, 3..5);
    let mut z = store::<f32>();
    let mut straight = Adam::new(0.1);
    walk(&mut straight, &mut z, 0..5);
    assert_eq!(bits(x.flat()), bits(z.flat()));
    assert_eq!((optimizer.iteration(), copy.iteration()), (5, 8));
}
