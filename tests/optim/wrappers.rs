//! What goes with every rule: cutting elements, means of several gradients, skipping, schedules.

use gradus::optim::{Descent, Lion, Progress, Rule, Sgd, State};
use gradus::prelude::*;
use gradus::{ErrorKind, Shape};

use super::support::{Boxed, Configure, Plain, all, assert_close, bits, panics, quadratic, store, walk};

/// One step of descent with rate 1 from 0: minus the gradient that the rule saw, and the norm.
fn seen(optimizer: Sgd<f64>, g: &[f64]) -> (Vec<f64>, Option<f64>) {
    let mut params = Params::new();
    let _ = params.add("x", [g.len()], || 0.0);
    let (mut gradient, mut optimizer) = (params.gradient(), optimizer);
    gradient.flat_mut().copy_from_slice(g);
    optimizer.step(&mut params, &gradient);
    assert_eq!(bits(gradient.flat()), bits(g), "the gradient is only read");
    (params.flat().iter().map(|&x| -x).collect(), optimizer.gradient_norm())
}

#[test]
fn elements_are_cut() {
    let g = [3.0, -4.0, 0.5, -0.5, 2.0, f64::INFINITY, f64::NEG_INFINITY];
    let (cut, norm) = seen(Sgd::new(1.0).clip_value(2.0), &g);
    assert_eq!((cut, norm), (vec![2.0, -2.0, 0.5, -0.5, 2.0, 2.0, -2.0], None));
    let (cut, _) = seen(Sgd::new(1.0).clip_value(2.0), &[f64::NAN, 3.0]);
    assert!(cut[0].is_nan() && cut[1] == 2.0);
    assert_eq!(seen(Sgd::new(1.0).clip_value(f64::INFINITY), &[1e300, -3.0]).0, [1e300, -3.0]);
}

#[test]
fn elements_are_cut_before_the_norm() {
    // (100, 1) is cut to (3, 1), then ‖(3, 1)‖ to 1: the other order would leave (1, 0.01).
    let both = || Sgd::new(1.0).clip_value(3.0).clip_norm(1.0);
    let (g, norm) = seen(both(), &[100.0, 1.0]);
    let root = 10.0_f64.sqrt();
    assert_close(&g, &[3.0 / root, 1.0 / root], 1e-15, "value, then norm");
    assert_close(&[norm.unwrap()], &[root], 1e-15, "the norm after the cut");
    // Also where one element is infinite.
    assert_close(&seen(both(), &[f64::INFINITY, 1.0]).0, &[3.0 / root, 1.0 / root], 1e-15, "∞");
    // The order of the calls is no matter.
    let (other, _) = seen(Sgd::new(1.0).clip_norm(1.0).clip_value(3.0), &[100.0, 1.0]);
    assert_eq!(other, g);
}

struct Cut(f64);

impl Configure for Cut {
    fn configure<R: Rule, T: Real>(&self, optimizer: Descent<R, T>) -> Descent<R, T> {
        optimizer.clip_value(self.0).weight_decay(0.01)
    }
}

struct Decayed;

impl Configure for Decayed {
    fn configure<R: Rule, T: Real>(&self, optimizer: Descent<R, T>) -> Descent<R, T> {
        optimizer.weight_decay(0.01)
    }
}

#[test]
fn every_rule_sees_the_cut_gradient() {
    for ((name, mut cut), (_, mut plain)) in all::<f32>(&Cut(0.25)).into_iter().zip(all(&Decayed)) {
        let mut x = store();
        let mut y = x.clone();
        let (mut long, mut short) = (x.gradient(), x.gradient());
        for t in 0..5 {
            cut.prepare(&mut x);
            plain.prepare(&mut y);
            quadratic(&x, &mut long, 1.0, t);
            short.flat_mut().iter_mut().zip(long.flat()).for_each(|(s, &l)| *s = l.clamp(-0.25, 0.25));
            assert_ne!(short.flat(), long.flat());
            cut.step(&mut x, &long);
            plain.step(&mut y, &short);
            assert_eq!(bits(x.flat()), bits(y.flat()), "{name}");
        }
    }
}

struct Mean(u64);

impl Configure for Mean {
    fn configure<R: Rule, T: Real>(&self, optimizer: Descent<R, T>) -> Descent<R, T> {
        optimizer.accumulate(self.0).clip_norm(1.0).weight_decay(0.01).schedule(schedule::Linear::new(10))
    }
}

/// The gradient of ones times a number that differs from call to call.
fn give<T: Real>(optimizer: &mut Boxed<T>, params: &mut Params<T>, size: f64) {
    let mut gradient = params.gradient();
    optimizer.prepare(params);
    gradient.flat_mut().iter_mut().enumerate().for_each(|(i, g)| *g = T::of(size * (i as f64 - 4.5)));
    optimizer.step(params, &gradient);
}

#[test]
fn every_rule_steps_by_the_mean() {
    // Sums of these are exact, and so are their means.
    let sizes = [1.0, 2.0, -4.0, 8.0, 0.5, 0.5, 0.25, 0.75];
    for n in [1, 2, 4] {
        for ((name, mut many), (_, mut one)) in all::<f64>(&Mean(n)).into_iter().zip(all(&Mean(1))) {
            let (mut x, mut y) = (store::<f64>(), store::<f64>());
            for (i, part) in sizes.chunks(usize::try_from(n).unwrap()).enumerate() {
                for (k, &size) in part.iter().enumerate() {
                    assert_eq!(bits(x.flat()), bits(y.flat()), "{name}, mean of {n}: stays between, {i}.{k}");
                    give(&mut many, &mut x, size);
                }
                give(&mut one, &mut y, part.iter().sum::<f64>() / n as f64);
                assert_eq!(bits(x.flat()), bits(y.flat()), "{name}, mean of {n}");
            }
            assert_eq!((many.iteration(), many.gradient_norm()), (one.iteration(), one.gradient_norm()), "{name}");
            let tensors = many.state().tensors().to_vec();
            assert!(tensors.iter().all(|tensor| tensor.iterations == many.iteration()), "{name}");
        }
    }
}

#[test]
fn the_mean_is_cut_and_not_its_parts() {
    let mut params = Params::<f64>::new();
    let _ = params.add("x", [2], || 0.0);
    let (mut gradient, mut optimizer) = (params.gradient(), Sgd::new(1.0).accumulate(2).clip_value(1.0));
    for g in [[3.0, 3.0], [-2.0, 5.0]] {
        gradient.flat_mut().copy_from_slice(&g);
        optimizer.step(&mut params, &gradient);
    }
    assert_eq!(params.flat(), [-0.5, -1.0]);
}

#[test]
fn a_mean_is_resumed_to_the_bit() {
    for calls in 1..8 {
        let runs = all::<f32>(&Mean(3)).into_iter().zip(all(&Mean(3)));
        for ((name, mut straight), (_, mut resumed)) in runs {
            let mut x = store();
            walk(&mut straight, &mut x, 0..calls);
            let (mut y, state) = (x.clone(), straight.state());
            assert_eq!(state.pending(), u64::from(calls % 3), "{name}");
            let vectors = state.iter().map(|(name, values)| (name.to_owned(), values.to_vec())).collect();
            let tensors = state.tensors().to_vec();
            let again = State::from_parts(state.rule(), state.iteration(), state.learning_rate(), tensors, vectors)
                .unwrap()
                .with_pending(state.pending());
            assert_eq!(again, state, "{name}: survives its parts");
            resumed.restore(&again, &y).unwrap();
            assert_eq!(resumed.state(), state, "{name}");
            walk(&mut straight, &mut x, calls..calls + 7);
            walk(&mut resumed, &mut y, calls..calls + 7);
            assert_eq!(bits(x.flat()), bits(y.flat()), "{name} after {calls}");
            assert_eq!(straight.state(), resumed.state(), "{name} after {calls}");
        }
    }
}

#[test]
fn states_of_other_means_are_refused() {
    let params = store::<f64>();
    let mut optimizer = Sgd::new(0.1).accumulate(3);
    walk(&mut optimizer, &mut params.clone(), 0..2);
    let state = optimizer.state();
    let error = Sgd::new(0.1).restore(&state, &params).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Sgd: the state keeps accumulated, the optimiser keeps no vectors\n  help: build the optimiser with the options it was saved with"
    );
    let error = Sgd::new(0.1).accumulate(2).restore(&state, &params).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Sgd: the state has summed 2 gradients, the optimiser takes the mean of 2\n  help: build the optimiser with the options it was saved with"
    );
    assert_eq!(error.kind(), ErrorKind::Value);
    Sgd::new(0.1).accumulate(5).restore(&state, &params).unwrap();
    let unused = State::<f64>::from_parts("Sgd", 0, 0.1, Vec::<Progress>::new(), Vec::new()).unwrap();
    assert!(Sgd::new(0.1).accumulate(2).restore(&unused, &params).is_err(), "another list of vectors");
}

#[test]
fn a_tensor_that_is_added_within_a_mean_has_had_no_gradient() {
    let (mut params, mut optimizer) = (Params::<f64>::new(), Sgd::new(1.0).accumulate(2));
    let _ = params.add("a", [1], || 0.0);
    let mut gradient = params.gradient();
    gradient.flat_mut().fill(2.0);
    optimizer.step(&mut params, &gradient);
    let _ = params.add("b", [1], || 0.0);
    let mut gradient = params.gradient();
    gradient.flat_mut().fill(2.0);
    optimizer.step(&mut params, &gradient);
    assert_eq!(params.flat(), [-2.0, -1.0]);
}

#[test]
fn running_statistics_are_taken_over_in_every_call() {
    let (mut params, mut optimizer) = (Params::<f64>::new(), Sgd::new(1.0).accumulate(2));
    let w = params.add("w", [], || 1.0);
    let last = params.add_buffer("last", [], || 0.0);
    let (mut tape, mut gradient) = (Tape::new(), params.gradient());
    for value in [3.0, 4.0] {
        let step = tape.record(&params);
        let x = step.recorder().scalar(value);
        step.recorder().update(last, x);
        (step.param(w) * x).backward(&mut gradient);
        optimizer.step(&mut params, &gradient);
        assert_eq!(params.buffer(last)[[]], value);
    }
    assert_eq!(params.flat(), [1.0 - 3.5]);
}

struct Careful;

impl Configure for Careful {
    fn configure<R: Rule, T: Real>(&self, optimizer: Descent<R, T>) -> Descent<R, T> {
        optimizer.skip_not_finite(true).clip_value(0.5).clip_norm(1.0).weight_decay(0.1)
    }
}

#[test]
fn every_rule_skips_what_is_not_finite() {
    for (name, mut optimizer) in all::<f32>(&Careful) {
        let mut params = store::<f32>();
        walk(&mut optimizer, &mut params, 0..3);
        let (before, state, norm) = (bits(params.flat()), optimizer.state(), optimizer.gradient_norm());
        let mut gradient = params.gradient();
        for (skips, odd) in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY].into_iter().enumerate() {
            optimizer.prepare(&mut params);
            gradient.flat_mut().fill(1.0);
            gradient.flat_mut()[7] = odd;
            optimizer.step(&mut params, &gradient);
            assert!(!gradient.is_fresh(), "{name}: used up");
            assert_eq!(bits(params.flat()), before, "{name}, {odd}");
            assert_eq!(optimizer.state().skipped(), skips as u64 + 1, "{name}");
        }
        let after = optimizer.state();
        assert_eq!((after.iteration(), after.tensors()), (3, state.tensors()), "{name}");
        for ((vector, new), (_, old)) in after.iter().zip(state.iter()) {
            // The iterate is what the parameters came back to.
            assert!(vector == "iterate" || bits(new) == bits(old), "{name}: {vector}");
        }
        assert_eq!(optimizer.gradient_norm(), norm, "{name}");
        walk(&mut optimizer, &mut params, 3..4);
        assert_ne!(bits(params.flat()), before, "{name}: goes on");
    }
}

#[test]
fn frozen_tensors_and_large_numbers_are_no_reason_to_skip() {
    let (mut params, mut optimizer) = (store::<f64>(), Sgd::new(1e-300).skip_not_finite(true));
    params.freeze(|name| name == "b");
    let mut gradient = params.gradient();
    gradient.flat_mut().fill(1e300); // its square is beyond f64
    gradient.flat_mut()[8] = f64::NAN;
    let before = params.flat()[0];
    optimizer.step(&mut params, &gradient);
    assert_eq!((optimizer.skipped(), optimizer.iteration(), params.flat()[0]), (0, 1, before - 1.0));
}

#[test]
fn what_is_skipped_is_not_counted_in_a_mean_nor_taken_over() {
    let (mut params, mut optimizer) = (Params::<f64>::new(), Sgd::new(1.0).accumulate(2).skip_not_finite(true));
    let w = params.add("w", [], || 1.0);
    let last = params.add_buffer("last", [], || 0.0);
    let (mut tape, mut gradient) = (Tape::new(), params.gradient());
    for (value, kept) in [(1.0, 1.0), (f64::NAN, 1.0), (f64::INFINITY, 1.0), (2.0, 2.0)] {
        let step = tape.record(&params);
        let x = step.recorder().scalar(value);
        step.recorder().update(last, x);
        (step.param(w) * x).backward(&mut gradient);
        optimizer.step(&mut params, &gradient);
        assert_eq!(params.buffer(last)[[]], kept);
    }
    assert_eq!((params.flat(), optimizer.iteration(), optimizer.skipped()), (&[1.0 - 1.5][..], 1, 2));
    let state = optimizer.state();
    let mut resumed = Sgd::new(1.0).accumulate(2).skip_not_finite(true);
    resumed.restore(&state, &params).unwrap();
    assert_eq!(resumed.skipped(), 2);
}

#[test]
fn without_being_asked_nothing_is_skipped() {
    let (mut params, mut optimizer) = (store::<f64>(), Sgd::new(1.0));
    let mut gradient = params.gradient();
    gradient.flat_mut().fill(f64::NAN);
    optimizer.step(&mut params, &gradient);
    assert!(params.flat().iter().all(|x| x.is_nan()) && optimizer.skipped() == 0);
}

/// A schedule that tells what it was asked.
struct Planned;

impl Configure for Planned {
    fn configure<R: Rule, T: Real>(&self, optimizer: Descent<R, T>) -> Descent<R, T> {
        optimizer
            .weight_decay(0.1)
            .group(|name| name == "b", |group| group.learning_rate(0.05))
            .group(|name| name.ends_with("bias"), |group| group.learning_rate_factor(0.5))
            .schedule(schedule::InverseTime::new(0.5))
    }
}

/// The same groups, for rates that are set by hand.
struct Unplanned;

impl Configure for Unplanned {
    fn configure<R: Rule, T: Real>(&self, optimizer: Descent<R, T>) -> Descent<R, T> {
        optimizer
            .weight_decay(0.1)
            .group(|name| name == "b", |group| group.learning_rate(0.05))
            .group(|name| name.ends_with("bias"), |group| group.learning_rate_factor(0.5))
    }
}

#[test]
fn every_rule_takes_the_rate_of_the_schedule() {
    for ((name, mut planned), (_, mut by_hand)) in all::<f64>(&Planned).into_iter().zip(all(&Unplanned)) {
        let (mut x, mut y) = (store::<f64>(), store::<f64>());
        let base = planned.learning_rate();
        for t in 0..6 {
            let rate = base / (1.0 + 0.5 * f64::from(t));
            assert_eq!((planned.learning_rate(), planned.scheduled_rate()), (base, rate), "{name}");
            by_hand.set_learning_rate(rate);
            walk(&mut planned, &mut x, t..t + 1);
            walk(&mut by_hand, &mut y, t..t + 1);
            assert_eq!(bits(&x.flat()[..6]), bits(&y.flat()[..6]), "{name}: base rate, and a factor of it");
        }
    }
}

#[test]
fn rates_of_groups_follow_the_schedule_too() {
    let (mut params, mut optimizer) = (store::<f64>(), Planned.configure(Sgd::new(1.0)).weight_decay(0.0));
    let mut gradient = params.gradient();
    for t in 0..4 {
        let before = params.flat().to_vec();
        gradient.flat_mut().fill(1.0);
        optimizer.step(&mut params, &gradient);
        let moved: Vec<f64> = before.iter().zip(params.flat()).map(|(a, b)| a - b).collect();
        let part = 1.0 / (1.0 + 0.5 * f64::from(t));
        let expected = [1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.05, 0.05, 0.05].map(|rate| rate * part);
        assert_close(&moved, &expected, 1e-14, "moved");
        assert_eq!(optimizer.settings("b").learning_rate, 0.05, "settings are before the schedule");
    }
}

#[test]
fn a_schedule_goes_on_where_it_was() {
    let optimizer = || Lion::new(0.1).schedule(schedule::Cosine::new(12));
    let (mut x, mut straight) = (store::<f32>(), optimizer());
    walk(&mut straight, &mut x, 0..5);
    let (mut y, mut resumed) = (x.clone(), optimizer());
    resumed.restore(&straight.state(), &y).unwrap();
    assert_eq!(resumed.scheduled_rate(), straight.scheduled_rate());
    walk(&mut straight, &mut x, 5..11);
    walk(&mut resumed, &mut y, 5..11);
    assert_eq!(bits(x.flat()), bits(y.flat()));
}

#[test]
fn a_schedule_that_gives_no_rate_is_told_before_anything_changes() {
    let (mut params, mut gradient) = (store::<f32>(), store::<f32>().gradient());
    gradient.clone_from(&params.gradient());
    gradient.flat_mut().fill(1.0);
    let mut late = Sgd::new(0.5).schedule(schedule::from_fn(|base, t| if t < 1 { base } else { f64::NAN }));
    walk(&mut late, &mut params, 0..1);
    let before = bits(params.flat());
    assert_eq!(
        panics(|| late.step(&mut params, &gradient)),
        "Sgd: learning_rate, scheduled for η₀ = 0.5 after 1 iterations, is NaN, expected a finite number ≥ 0"
    );
    assert!(gradient.is_fresh());
    assert_eq!(bits(params.flat()), before);
    let mut group = Sgd::new(0.5)
        .group(|name| name == "b", |group| group.learning_rate(0.25))
        .schedule(schedule::from_fn(|base, _| if base < 0.5 { -1.0 } else { base }));
    assert_eq!(
        panics(|| group.step(&mut params, &gradient)),
        "Sgd: learning_rate, scheduled for η₀ = 0.25 after 0 iterations, is -1, expected a finite number ≥ 0"
    );
    let mut beyond = Sgd::new(0.5).schedule(schedule::from_fn(|_, _| 1e300));
    assert_eq!(
        panics(|| beyond.step(&mut params, &gradient)),
        "Sgd: learning_rate, scheduled for η₀ = 0.5 after 0 iterations, is 1e300 (inf as f32), expected a finite number ≥ 0"
    );
}

/// Everything at once, in every rule, and once more in a state.
struct Everything;

impl Configure for Everything {
    fn configure<R: Rule, T: Real>(&self, optimizer: Descent<R, T>) -> Descent<R, T> {
        Planned.configure(optimizer).accumulate(2).skip_not_finite(true).clip_value(0.5).clip_norm(0.75)
    }
}

#[test]
fn all_together_are_resumed_to_the_bit() {
    for ((name, mut straight), (_, mut resumed)) in all::<f64>(&Everything).into_iter().zip(all(&Everything)) {
        let mut x = store::<f64>();
        x.freeze(|name| name == "a");
        walk(&mut straight, &mut x, 0..3);
        x.unfreeze(|name| name == "a");
        give(&mut straight, &mut x, f64::NAN);
        let mut y = x.clone();
        resumed.restore(&straight.state(), &y).unwrap();
        walk(&mut straight, &mut x, 3..10);
        walk(&mut resumed, &mut y, 3..10);
        assert_eq!(bits(x.flat()), bits(y.flat()), "{name}");
        assert_eq!(straight.state(), resumed.state(), "{name}");
        assert_eq!((resumed.iteration(), resumed.state().skipped()), (5, 1), "{name}");
    }
}

#[test]
fn threads_change_no_bit_of_a_mean() {
    let run = |threads| {
        let mut params = Params::<f32>::new();
        let _ = params.add("x", [100_003], || 1.0);
        let mut gradient = params.gradient();
        let mut optimizer =
            Adam::new(0.1).accumulate(2).clip_value(0.9).skip_not_finite(true).clip_norm(1.0).threads(threads);
        for t in 0..4_u32 {
            let values = gradient.flat_mut().iter_mut().zip(t..);
            values.for_each(|(g, i)| *g = (i * 31 % 1013) as f32 / 500.0 - 1.0);
            optimizer.step(&mut params, &gradient);
        }
        bits(params.flat())
    };
    assert_eq!(run(1), run(2));
}

#[test]
fn shapes_of_a_state_are_those_of_the_store() {
    let mut params = store::<f64>();
    let mut optimizer = Sgd::new(0.1).accumulate(4);
    walk(&mut optimizer, &mut params, 0..1);
    let state = optimizer.state();
    assert_eq!(state.tensors()[0].shape, Shape::new(&[2, 2]));
    assert_eq!(state.vector("accumulated").map(<[f64]>::len), Some(9));
    assert_eq!((state.iteration(), state.tensors()[0].iterations), (0, 0));
    let (_, mut plain) = all::<f64>(&Plain).swap_remove(0);
    assert!(plain.restore(&state, &params).is_err());
}
