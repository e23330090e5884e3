//! Averages of iterates.

use gradus::optim::{Averaged, Ema};
use gradus::prelude::*;

use super::support::{assert_close, bits, panics, store, walk};

/// A store of one parameter and one buffer, and values it takes on.
fn one<T: Real>(value: f64) -> Params<T> {
    let mut params = Params::new();
    let _ = params.add("x", [], || T::of(value));
    let _ = params.add_buffer("b", [], || T::of(10.0 * value));
    params
}

const VALUES: [f64; 6] = [4.0, -1.0, 0.5, 3.0, 3.0, -2.0];

/// The average after each update.
fn run(mut update: impl FnMut(&Params<f64>) -> Option<f64>) -> Vec<Option<f64>> {
    let mut params = one(0.0);
    VALUES
        .iter()
        .map(|&x| {
            params.flat_mut()[0] = x;
            update(&params)
        })
        .collect()
}

fn ema(mut average: Ema<f64>) -> Vec<f64> {
    let found = run(|params| {
        average.update(params);
        average.params().map(|params| params.flat()[0])
    });
    assert_eq!(average.updates(), VALUES.len() as u64);
    found.into_iter().map(Option::unwrap).collect()
}

#[test]
fn a_plain_average_begins_with_the_first() {
    let mut mean = VALUES[0];
    let expected = VALUES.map(|x| {
        mean = 0.75 * mean + 0.25 * x;
        mean
    });
    assert_close(&ema(Ema::new(0.75)), &expected, 1e-15, "plain");
    assert_close(&ema(Ema::new(0.0)), &VALUES, 1e-15, "no past");
}

#[test]
fn a_corrected_average_has_weights_in_proportion() {
    let expected: Vec<f64> = (1..=VALUES.len())
        .map(|t| {
            let weights = (0..t).map(|i| 0.75_f64.powi(i32::try_from(t - 1 - i).unwrap()));
            weights.clone().zip(VALUES).map(|(w, x)| w * x).sum::<f64>() / weights.sum::<f64>()
        })
        .collect();
    assert_close(&ema(Ema::new(0.75).bias_correction(true)), &expected, 1e-14, "corrected");
    // With d near 1 it is the mean.
    let means: Vec<f64> = (1..=VALUES.len()).map(|t| VALUES[..t].iter().sum::<f64>() / t as f64).collect();
    assert_close(&ema(Ema::new(1.0 - 1e-12).bias_correction(true)), &means, 1e-3, "mean");
}

#[test]
fn a_warm_up_has_a_short_memory() {
    let (mut mean, mut t) = (VALUES[0], 0.0);
    let expected = VALUES.map(|x| {
        let d = f64::min(0.35, (1.0 + t) / (10.0 + t)); // n updates were made before
        t += 1.0;
        mean = d * mean + (1.0 - d) * x;
        if t == 1.0 {
            mean = x;
        }
        mean
    });
    assert_close(&ema(Ema::new(0.35).warm_up(true)), &expected, 1e-14, "warm-up");
    // The last one asked for counts.
    assert_eq!(ema(Ema::new(0.9).warm_up(true).bias_correction(true)), ema(Ema::new(0.9).bias_correction(true)));
    assert_eq!(ema(Ema::new(0.9).bias_correction(true).bias_correction(false)), ema(Ema::new(0.9)));
}

#[test]
fn the_mean_of_iterates() {
    for (start, every) in [(1, 1), (3, 1), (1, 2), (2, 3), (6, 1), (7, 1)] {
        let mut average = Averaged::new().starting_at(start).every(every);
        let found = run(|params| {
            average.update(params);
            average.params().map(|params| params.flat()[0])
        });
        let counts = |i: u64| i >= start && (i - start).is_multiple_of(every);
        for (t, found) in (1..).zip(&found) {
            let taken: Vec<f64> = (1..=t).zip(VALUES).filter(|&(i, _)| counts(i)).map(|(_, x)| x).collect();
            let mean = (!taken.is_empty()).then(|| taken.iter().sum::<f64>() / taken.len() as f64);
            match (found, mean) {
                (Some(found), Some(mean)) => assert!((found - mean).abs() < 1e-15, "{start}, {every}, {t}"),
                (found, mean) => assert_eq!((*found, mean), (None, None), "{start}, {every}, {t}"),
            }
        }
        let taken = (1..=6).filter(|&i| counts(i)).count() as u64;
        assert_eq!((average.taken(), average.iterations()), (taken, 6), "{start}, {every}");
    }
}

/// Seed 001, theorem 0.2, is about the mean of the iterates; the last one is further from the optimum.
#[test]
fn the_averaged_iterate_is_better_under_noise() {
    let mut params = Params::<f64>::new();
    let _ = params.add("x", [50], || 5.0);
    let mut gradient = params.gradient();
    let mut optimizer = Sgd::new(0.2).schedule(schedule::Polynomial::new(0.01, 0.6));
    let mut average = Averaged::new().starting_at(200);
    let mut noise = 1_u64;
    for _ in 0..4000 {
        for (g, &x) in gradient.flat_mut().iter_mut().zip(params.flat()) {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *g = x + 4.0 * ((noise >> 11) as f64 / (1_u64 << 53) as f64 - 0.5);
        }
        optimizer.step(&mut params, &gradient);
        average.update(&params);
    }
    let loss = |params: &Params<f64>| params.flat().iter().map(|x| x * x).sum::<f64>() / 50.0;
    let (last, mean) = (loss(&params), loss(average.params().unwrap()));
    assert!(mean < 0.1 * last && mean < 2e-3, "{mean} and {last}");
}

#[test]
fn what_does_not_change_is_its_average_to_the_bit() {
    let params = store::<f32>();
    let mut averages = (Ema::new(0.9), Ema::new(0.9).bias_correction(true), Averaged::new());
    for _ in 0..50 {
        averages.0.update(&params);
        averages.1.update(&params);
        averages.2.update(&params);
    }
    let of = |average: Option<&Params<f32>>| bits(average.unwrap().flat());
    let expected = bits(params.flat());
    assert_eq!(
        [of(averages.0.params()), of(averages.1.params()), of(averages.2.params())],
        [(); 3].map(|()| expected.clone())
    );
}

#[test]
fn buffers_are_copied_applied_and_swapped() {
    let (mut params, mut average) = (one::<f64>(1.0), Ema::new(0.5));
    let buffer = |params: &Params<f64>| params.buffers().next().unwrap().values[0];
    average.update(&params);
    params.flat_mut()[0] = 3.0;
    let handle = Params::clone(&params);
    drop(handle);
    average.update(&params);
    assert_eq!((average.params().unwrap().flat(), buffer(average.params().unwrap())), (&[2.0][..], 10.0));
    let other = one::<f64>(7.0);
    params.restore(&{
        let mut changed = params.clone();
        changed.flat_mut()[0] = other.flat()[0];
        changed.snapshot()
    });
    average.swap(&mut params);
    assert_eq!((params.flat(), buffer(&params)), (&[2.0][..], 10.0));
    assert_eq!(average.params().unwrap().flat(), [7.0]);
    average.swap(&mut params);
    assert_eq!((params.flat(), average.params().unwrap().flat()), (&[7.0][..], &[2.0][..]));
    average.apply(&mut params);
    assert_eq!((params.flat(), buffer(&params)), (&[2.0][..], 10.0));
}

#[test]
fn running_statistics_of_the_last_update_go_with_the_average() {
    let mut params = Params::<f64>::new();
    let mean = params.add_buffer("mean", [2], || 0.0);
    let _ = params.add("x", [], || 1.0);
    let mut average = Averaged::new();
    average.update(&params);
    params.buffer_mut(mean).fill(5.0);
    average.update(&params);
    assert_eq!(average.params().unwrap().buffer(mean), array![5.0, 5.0].into_dyn());
    params.buffer_mut(mean).fill(9.0);
    average.swap(&mut params);
    assert_eq!(params.buffer(mean), array![5.0, 5.0].into_dyn());
    average.swap(&mut params);
    assert_eq!(params.buffer(mean), array![9.0, 9.0].into_dyn());
    average.apply(&mut params);
    assert_eq!(params.buffer(mean), array![5.0, 5.0].into_dyn());
}

#[test]
fn saved_averages_go_on_to_the_bit() {
    let make = || (Ema::<f32>::new(0.9).bias_correction(true), Averaged::<f32>::new().starting_at(2).every(2));
    let (mut params, mut optimizer) = (store::<f32>(), Adam::new(0.1));
    let (mut straight, mut other) = make();
    for t in 0..5 {
        walk(&mut optimizer, &mut params, t..t + 1);
        straight.update(&params);
        other.update(&params);
    }
    let (mut resumed, mut resumed_other) = make();
    resumed.restore(straight.params().unwrap(), straight.updates());
    resumed_other.restore(other.params().unwrap(), other.iterations());
    for t in 5..12 {
        walk(&mut optimizer, &mut params, t..t + 1);
        straight.update(&params);
        resumed.update(&params);
        other.update(&params);
        resumed_other.update(&params);
        let of = |average: Option<&Params<f32>>| bits(average.unwrap().flat());
        assert_eq!(of(straight.params()), of(resumed.params()), "{t}");
        assert_eq!(of(other.params()), of(resumed_other.params()), "{t}");
        assert_eq!(other.taken(), resumed_other.taken());
    }
}

#[test]
fn long_averages_by_several_threads() {
    let mut params = Params::<f64>::new();
    let mut next = 0.0;
    let _ = params.add("x", [100_003], || {
        next += 1.0;
        next
    });
    let mut average = Averaged::new();
    average.update(&params);
    params.flat_mut().iter_mut().for_each(|x| *x += 2.0);
    average.update(&params);
    assert!((1..).zip(average.params().unwrap().flat()).all(|(i, &x)| x == f64::from(i) + 1.0));
}

#[test]
fn models_work_with_the_average() {
    let mut params = Params::<f64>::new();
    let w = params.add("w", [2], || 1.0);
    let mut average = Ema::new(0.5);
    average.update(&params);
    params.flat_mut().fill(3.0);
    average.update(&params);
    let mut tape = Tape::new();
    let step = tape.record(average.params().unwrap());
    assert_eq!(step.param(w).sum().item(), 4.0);
}

#[test]
fn messages() {
    for (value, text) in [(1.0, "1"), (-0.1, "-0.1"), (f64::NAN, "NaN")] {
        assert_eq!(panics(|| Ema::<f32>::new(value)), format!("Ema: decay is {text}, expected a number in [0, 1)"));
    }
    let averaged = || Averaged::<f32>::new();
    assert_eq!(panics(|| averaged().starting_at(0)), "Averaged: starting_at is 0, expected a whole number ≥ 1");
    assert_eq!(panics(|| averaged().every(0)), "Averaged: every is 0, expected a whole number ≥ 1");
    let mut params = store::<f32>();
    assert_eq!(panics(|| averaged().apply(&mut params)), "Averaged: nothing was averaged yet");
    assert_eq!(panics(|| Ema::<f32>::new(0.5).swap(&mut params)), "Ema: nothing was averaged yet");
    let mut average = Ema::new(0.5);
    average.update(&params);
    let _ = params.add("late", [2], || 0.0);
    let message = panics(|| average.update(&params));
    assert!(message.starts_with("Ema: the average is of store #") && message.contains("with 4 tensors"), "{message}");
    assert!(message.ends_with("help: give each store an average of its own, once the model is complete"), "{message}");
    assert!(panics(|| average.apply(&mut store())).starts_with("Ema: the average is of store #"));
    assert_eq!(average.updates(), 1);
}
