//! Reducing the learning rate on a plateau, against sequences that are counted by hand.

use gradus::optim::{PlateauState, ReduceOnPlateau, Reduction};
use gradus::prelude::*;

use super::support::panics;

const NAN: f64 = f64::NAN;

/// The numbers of the observations, counted from 1, in which it fires.
fn fires(mut plateau: ReduceOnPlateau, metrics: &[f64]) -> Vec<u64> {
    let mut optimizer = Sgd::<f64>::new(1.0);
    metrics.iter().filter_map(|&m| plateau.observe(m, &mut optimizer)).map(|reduction| reduction.observation).collect()
}

fn plateau() -> ReduceOnPlateau {
    ReduceOnPlateau::new().patience(1).factor(0.5)
}

#[test]
fn it_fires_after_patience_and_again() {
    assert_eq!(fires(plateau(), &[3.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0]), [4, 6]);
    assert_eq!(fires(plateau(), &[3.0, 3.0, 2.0, 2.0, 1.0, 1.0, 1.0]), [7], "what improves begins anew");
    assert_eq!(fires(plateau(), &[5.0, 4.0, 3.0, 2.0, 1.0, 0.0, -1.0, -2.0]), [0; 0]);
    assert_eq!(fires(plateau().patience(0), &[1.0, 1.0, 1.0]), [2, 3]);
    assert_eq!(fires(ReduceOnPlateau::new(), &[1.0; 24]), [12, 23], "the default patience is 10");
}

#[test]
fn small_improvements_do_not_count() {
    // The limit from 1 is 0.75, from −1 it is −1.25; at the limit it is not better.
    let wide = || plateau().threshold(0.25);
    assert_eq!(fires(wide(), &[1.0, 0.76, 0.75]), [3]);
    assert_eq!(fires(wide(), &[1.0, 0.76, 0.74]), [0; 0]);
    assert_eq!(fires(wide(), &[-1.0, -1.2, -1.25]), [3]);
    assert_eq!(fires(wide(), &[-1.0, -1.2, -1.26]), [0; 0]);
    // For PyTorch −0.9 would be better than −1 by enough.
    assert_eq!(fires(wide(), &[-1.0, -0.9, -0.9]), [3]);
    assert_eq!(fires(plateau().threshold(0.0), &[1.0, 1.0 - 1e-15, 1.0 - 3e-15]), [0; 0]);
    assert_eq!(fires(plateau(), &[0.0, -1e-300, -2e-300, -3e-300]), [0; 0], "from 0, everything below is better");
    assert_eq!(fires(ReduceOnPlateau::new().patience(0), &[1.0, 0.99995]), [2], "the default threshold is 10⁻⁴");
    assert_eq!(fires(ReduceOnPlateau::new().patience(0), &[1.0, 0.99985]), [0; 0]);
}

#[test]
fn larger_is_better_on_request() {
    let up = || plateau().maximise(true).threshold(0.25);
    assert_eq!(fires(up(), &[1.0, 2.0, 3.0, 4.0]), [0; 0]);
    assert_eq!(fires(up(), &[4.0, 3.0, 2.0]), [3]);
    assert_eq!(fires(up(), &[1.0, 1.25, 1.25]), [3]);
    assert_eq!(fires(up(), &[-1.0, -0.8, -0.75]), [3]);
    assert_eq!(fires(up(), &[-1.0, -0.8, -0.74]), [0; 0]);
}

#[test]
fn what_is_not_a_number_is_no_improvement() {
    assert_eq!(fires(plateau(), &[1.0, NAN, NAN]), [3]);
    assert_eq!(fires(plateau(), &[NAN, NAN, 1.0, NAN, 0.5]), [2], "before there is a best");
    assert_eq!(fires(plateau(), &[f64::INFINITY, f64::INFINITY]), [2]);
    assert_eq!(fires(plateau(), &[f64::INFINITY, 5.0, 4.0]), [0; 0], "a number is better than ∞");
    assert_eq!(fires(plateau(), &[f64::NEG_INFINITY, -1e300, f64::NEG_INFINITY]), [3]);
    assert_eq!(fires(plateau().maximise(true), &[f64::NEG_INFINITY, 5.0, 6.0]), [0; 0]);
}

#[test]
fn cooldown() {
    // Fires at 3; 4 and 5 are the cooldown, 6 and 7 bad.
    assert_eq!(fires(plateau().cooldown(2), &[1.0; 12]), [3, 7, 11]);
    // What is better within the cooldown counts.
    assert_eq!(fires(plateau().cooldown(2), &[1.0, 1.0, 1.0, 0.5, 0.6, 0.6, 0.4, 0.3]), [3]);
}

#[test]
fn rates() {
    let mut optimizer = Adam::<f32>::new(0.8);
    let mut plateau = ReduceOnPlateau::new().patience(0).factor(0.25).minimum(0.04);
    let found = [1.0; 5].map(|metric| plateau.observe(metric, &mut optimizer));
    let fired = |observation, old, new| Some(Reduction { observation, old, new });
    assert_eq!(found, [None, fired(2, 0.8, 0.2), fired(3, 0.2, 0.05), fired(4, 0.05, 0.04), None]);
    assert_eq!(optimizer.learning_rate(), 0.04);
    // A rate below the minimum is not raised.
    optimizer.set_learning_rate(0.01);
    assert_eq!((plateau.observe(1.0, &mut optimizer), optimizer.learning_rate()), (None, 0.01));
    let mut boxed: Box<dyn Optimizer<f32>> = Box::new(optimizer);
    assert_eq!(plateau.observe(1.0, &mut *boxed), None);
    assert_eq!(plateau.observe(1.0, &mut boxed), None);
}

#[test]
fn groups_and_schedules_follow() {
    let mut optimizer = Sgd::<f64>::new(1.0)
        .group(|name| name == "a", |group| group.learning_rate(0.3))
        .group(|name| name == "b", |group| group.learning_rate_factor(0.5))
        .schedule(schedule::Linear::new(4));
    let mut plateau = ReduceOnPlateau::new().patience(0);
    assert!([1.0, 1.0].map(|metric| plateau.observe(metric, &mut optimizer))[1].is_some());
    let rate = |name| optimizer.settings(name).learning_rate;
    assert_eq!((rate("a"), rate("b"), optimizer.scheduled_rate()), (0.3, 0.05, 0.1));
}

#[test]
fn a_saved_one_goes_on() {
    let metrics = [3.0, 2.0, NAN, 2.5, 1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 1.0, 1.0, 1.0];
    let make = || plateau().cooldown(1);
    for cut in 0..metrics.len() {
        let (mut straight, mut first) = (make(), make());
        let (mut a, mut b) = (Sgd::<f64>::new(1.0), Sgd::<f64>::new(1.0));
        let whole: Vec<_> = metrics.iter().map(|&m| straight.observe(m, &mut a)).collect();
        let mut parts: Vec<_> = metrics[..cut].iter().map(|&m| first.observe(m, &mut b)).collect();
        let mut second = make();
        let PlateauState { best, bad, cooling, observations } = first.state();
        second.restore(PlateauState { best, bad, cooling, observations });
        parts.extend(metrics[cut..].iter().map(|&m| second.observe(m, &mut b)));
        assert_eq!(parts, whole, "{cut}");
        assert_eq!((second, b.learning_rate()), (straight, a.learning_rate()), "{cut}");
    }
}

#[test]
fn numbers_out_of_range() {
    for (value, text) in [(0.0, "0"), (1.0, "1"), (NAN, "NaN")] {
        let message = format!("ReduceOnPlateau: factor is {text}, expected a number in (0, 1)");
        assert_eq!(panics(|| ReduceOnPlateau::new().factor(value)), message);
    }
    for (value, text) in [(-1.0, "-1"), (f64::INFINITY, "inf"), (NAN, "NaN")] {
        let message = |field| format!("ReduceOnPlateau: {field} is {text}, expected a finite number ≥ 0");
        assert_eq!(panics(|| ReduceOnPlateau::new().threshold(value)), message("threshold"));
        assert_eq!(panics(|| ReduceOnPlateau::new().minimum(value)), message("minimum"));
    }
}
