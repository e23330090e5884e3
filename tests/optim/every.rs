//! What all optimisers promise, over the list of all of them.

use gradus::optim::{Descent, Rule};
use gradus::prelude::*;

use super::support::{Boxed, Configure, Plain, all, bits, quadratic, store, walk};

#[test]
fn the_list_is_complete() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/optim");
    let mut found = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() {
            continue;
        }
        let text = std::fs::read_to_string(path).unwrap();
        let aliases = text.lines().filter(|line| line.contains("<T> = Descent<"));
        found.extend(aliases.map(|line| line.split(['<', ' ']).nth(2).unwrap().to_owned()));
    }
    found.sort();
    let mut listed: Vec<_> = all::<f32>(&Plain).iter().map(|(_, o)| o.state().rule().to_owned()).collect();
    listed.sort();
    listed.dedup();
    assert_eq!(found, listed);
}

/// Σ ½ kᵢ θᵢ².
fn value<T: Real>(params: &Params<T>) -> f64 {
    params.flat().iter().zip([1.0, 2.0, 3.0].iter().cycle()).map(|(x, k)| 0.5 * k * x.as_f64().powi(2)).sum()
}

fn walks_down_a_quadratic<T: Real>() {
    for (name, mut optimizer) in all::<T>(&Plain) {
        let mut params = store();
        let (mut gradient, start) = (params.gradient(), value(&params));
        for t in 0..200 {
            optimizer.prepare(&mut params);
            quadratic(&params, &mut gradient, 0.0, t);
            optimizer.step(&mut params, &gradient);
        }
        assert_eq!(optimizer.iteration(), 200);
        assert!(value(&params) < 0.02 * start, "{name}: {start} to {}", value(&params));
    }
}

#[test]
fn walks_down_a_quadratic_in_f32() {
    walks_down_a_quadratic::<f32>();
}

#[test]
fn walks_down_a_quadratic_in_f64() {
    walks_down_a_quadratic::<f64>();
}

#[test]
fn no_rate_no_step() {
    for (name, mut optimizer) in all::<f32>(&Plain) {
        let mut params = store();
        optimizer.set_learning_rate(0.0);
        walk(&mut optimizer, &mut params, 0..3);
        if name == "Rprop" {
            // η is the length of its first step, which the shortest step bounds.
            let start = store::<f32>();
            let mut moved = params.flat().iter().zip(start.flat()).map(|(x, y)| (x - y).abs());
            assert!(moved.all(|moved| moved > 0.0 && moved < 4e-6));
            continue;
        }
        assert_eq!(bits(params.flat()), bits(store::<f32>().flat()), "{name}");
    }
}

/// All that could touch a tensor.
struct Decay(bool);

impl Configure for Decay {
    fn configure<R: Rule, T: Real>(&self, optimizer: Descent<R, T>) -> Descent<R, T> {
        optimizer.weight_decay(0.5).decoupled_weight_decay(self.0)
    }
}

fn frozen_tensors_stay_to_the_bit<T: Real>() {
    let both = [true, false].map(|decoupled| all::<T>(&Decay(decoupled)));
    for (name, mut optimizer) in both.into_iter().flatten() {
        let mut params = store();
        walk(&mut optimizer, &mut params, 0..2);
        params.freeze(|name| name != "a.bias");
        let (before, state) = (params.clone(), optimizer.state());
        walk(&mut optimizer, &mut params, 2..5);
        let (x, y) = (bits(params.flat()), bits(before.flat()));
        assert_eq!((&x[..4], &x[6..]), (&y[..4], &y[6..]), "{name}");
        assert!(x[4] != y[4] && x[5] != y[5], "{name}");
        let after = optimizer.state();
        for ((vector, new), (_, old)) in after.iter().zip(state.iter()) {
            let (new, old) = (bits(new), bits(old));
            assert_eq!((&new[..4], &new[6..]), (&old[..4], &old[6..]), "{name}: {vector}");
            assert_ne!(new[4..6], old[4..6], "{name}: {vector}");
        }
        let iterations: Vec<_> = after.tensors().iter().map(|tensor| tensor.iterations).collect();
        assert_eq!((iterations, optimizer.iteration()), (vec![2, 5, 2, 2], 5), "{name}");
    }
}

/// The neighbours on both sides are alike, and must not be taken for one range.
fn a_frozen_tensor_in_the_middle_stays_to_the_bit<T: Real>() {
    let both = [true, false].map(|decoupled| all::<T>(&Decay(decoupled)));
    for (name, mut optimizer) in both.into_iter().flatten() {
        let mut params = store();
        params.freeze(|name| name == "a.bias");
        walk(&mut optimizer, &mut params, 0..3);
        let (x, y) = (bits(params.flat()), bits(store::<T>().flat()));
        for i in 0..9 {
            assert_eq!(x[i] == y[i], i == 4 || i == 5, "{name}: {i}");
        }
    }
}

#[test]
fn frozen_tensors_stay_to_the_bit_in_f32() {
    frozen_tensors_stay_to_the_bit::<f32>();
    a_frozen_tensor_in_the_middle_stays_to_the_bit::<f32>();
}

#[test]
fn frozen_tensors_stay_to_the_bit_in_f64() {
    frozen_tensors_stay_to_the_bit::<f64>();
    a_frozen_tensor_in_the_middle_stays_to_the_bit::<f64>();
}

/// Steps under the gradient of ones, so that both ways meet the same.
fn push<T: Real>(optimizer: &mut Boxed<T>, params: &mut Params<T>, steps: usize) {
    let mut gradient = params.gradient();
    for _ in 0..steps {
        optimizer.prepare(params);
        gradient.flat_mut().fill(T::one());
        optimizer.step(params, &gradient);
    }
}

#[test]
fn a_tensor_that_was_frozen_begins_with_its_first_iteration() {
    for ((name, mut late), (_, mut fresh)) in all::<f64>(&Plain).into_iter().zip(all(&Plain)) {
        let (mut x, mut y) = (store::<f64>(), store::<f64>());
        x.freeze(|name| name == "b");
        push(&mut late, &mut x, 7);
        x.unfreeze(|name| name == "b");
        push(&mut late, &mut x, 3);
        push(&mut fresh, &mut y, 3);
        assert_eq!(bits(&x.flat()[6..]), bits(&y.flat()[6..]), "{name}");
    }
}

#[test]
fn a_tensor_that_is_added_begins_with_its_first_iteration() {
    for ((name, mut late), (_, mut fresh)) in all::<f64>(&Plain).into_iter().zip(all(&Plain)) {
        let (mut x, mut y) = (store::<f64>(), store::<f64>());
        push(&mut late, &mut x, 7);
        let _ = x.add("added", [5], || 0.75);
        let _ = y.add("added", [5], || 0.75);
        push(&mut late, &mut x, 3);
        push(&mut fresh, &mut y, 3);
        assert_eq!(bits(&x.flat()[9..]), bits(&y.flat()[9..]), "{name}");

        let mut straight = store::<f64>();
        let (_, mut without) = all(&Plain).into_iter().find(|(other, _)| *other == name).unwrap();
        push(&mut without, &mut straight, 10);
        assert_eq!(bits(&x.flat()[..9]), bits(straight.flat()), "{name}: the others go on");
    }
}

fn a_zero_gradient_moves_nothing<T: Real>() {
    for (name, mut optimizer) in all::<T>(&Whole) {
        let mut params = store();
        let mut gradient = params.gradient();
        for _ in 0..3 {
            optimizer.prepare(&mut params);
            gradient.flat_mut().fill(T::zero());
            optimizer.step(&mut params, &gradient);
        }
        assert_eq!(bits(params.flat()), bits(store::<T>().flat()), "{name}");
        assert_eq!(optimizer.gradient_norm(), Some(0.0), "{name}");
    }
}

/// Without decay, so that only the gradient can move anything.
struct Whole;

impl Configure for Whole {
    fn configure<R: Rule, T: Real>(&self, optimizer: Descent<R, T>) -> Descent<R, T> {
        optimizer.weight_decay(0.0).clip_norm(1.0)
    }
}

#[test]
fn a_zero_gradient_moves_nothing_in_f32() {
    a_zero_gradient_moves_nothing::<f32>();
}

#[test]
fn a_zero_gradient_moves_nothing_in_f64() {
    a_zero_gradient_moves_nothing::<f64>();
}

fn huge_gradients_stay_in_range<T: Real>(huge: f64, beyond: f64) {
    let signs = [1.0, -1.0, 1.0, 1.0, -1.0, -1.0, 1.0, -1.0, 1.0];
    let fill = |gradient: &mut Gradient<T>, size: f64| {
        gradient.flat_mut().iter_mut().zip(signs).for_each(|(g, sign)| *g = T::of(sign * size));
    };
    for ((name, mut plain), (_, mut clipped)) in all::<T>(&Plain).into_iter().zip(all(&Whole)) {
        let mut x = store::<T>();
        let (mut y, mut gradient) = (x.clone(), x.gradient());
        for _ in 0..3 {
            plain.prepare(&mut x);
            fill(&mut gradient, huge);
            plain.step(&mut x, &gradient);
            clipped.prepare(&mut y);
            fill(&mut gradient, beyond);
            clipped.step(&mut y, &gradient);
        }
        assert!(x.flat().iter().all(|x| x.is_finite()), "{name}");
        let start = store::<T>();
        for ((y, start), sign) in y.flat().iter().zip(start.flat()).zip(signs) {
            let moved = (start.as_f64() - y.as_f64()) * sign;
            assert!(moved > 0.0 && moved < 3.0, "{name}: {moved}");
        }
    }
}

#[test]
fn huge_gradients_stay_in_range_in_f32() {
    huge_gradients_stay_in_range::<f32>(1e18, 1e38);
}

#[test]
fn huge_gradients_stay_in_range_in_f64() {
    huge_gradients_stay_in_range::<f64>(1e150, 1e300);
}

#[test]
fn nan_stays_where_it_is() {
    for (name, mut optimizer) in all::<f64>(&Plain) {
        let mut params = store();
        let mut gradient = params.gradient();
        optimizer.prepare(&mut params);
        gradient.flat_mut().fill(1.0);
        gradient.flat_mut()[2] = f64::NAN;
        optimizer.step(&mut params, &gradient);
        let nans: Vec<_> = params.flat().iter().map(|x| x.is_nan()).collect();
        assert!(nans.iter().enumerate().all(|(i, &nan)| nan == (i == 2)), "{name}: {nans:?}");
    }
}

#[test]
fn infinite_values_stay_infinite_where_no_decay_asks() {
    for (name, mut optimizer) in all::<f64>(&Whole) {
        let mut params = store();
        params.flat_mut()[2] = f64::INFINITY;
        let mut gradient = params.gradient();
        optimizer.prepare(&mut params);
        gradient.flat_mut().fill(1.0);
        optimizer.step(&mut params, &gradient);
        assert!(params.flat()[2].is_infinite(), "{name}");
    }
}

#[test]
fn stores_with_nothing_to_learn() {
    for (name, mut optimizer) in all::<f32>(&Decay(true)) {
        let mut params = Params::new();
        walk(&mut optimizer, &mut params, 0..2);
        let _ = params.add("nothing", [3, 0], || unreachable!("no elements"));
        walk(&mut optimizer, &mut params, 2..4);
        assert_eq!(optimizer.iteration(), 4, "{name}");
        let state = optimizer.state();
        assert_eq!(state.tensors()[0].iterations, 2, "{name}");
        optimizer.restore(&state, &params).unwrap();
    }
}

#[test]
fn running_statistics_are_taken_over() {
    for (name, mut optimizer) in all::<f64>(&Plain) {
        let mut params = store();
        let mean = params.add_buffer("mean", [2], || 0.0);
        let (mut tape, mut gradient) = (Tape::new(), params.gradient());
        optimizer.prepare(&mut params);
        let step = tape.record(&params);
        let x = step.input(&[2.0, 3.0]);
        step.recorder().update(mean, x * 0.5);
        x.sum().backward(&mut gradient);
        optimizer.step(&mut params, &gradient);
        assert_eq!(params.buffer(mean), array![1.0, 1.5].into_dyn(), "{name}");
    }
}

#[test]
fn clones_of_a_store_share_an_optimiser() {
    let (mut x, mut optimizer) = (store::<f64>(), Adam::new(0.1));
    let mut copy = x.clone();
    walk(&mut optimizer, &mut x, 0..2);
    copy.freeze(|name| name == "a");
    walk(&mut optimizer, &mut copy, 2..4);
    walk(&mut optimizer, &mut x, 4..6);
    let iterations: Vec<_> = optimizer.state().tensors().iter().map(|tensor| tensor.iterations).collect();
    assert_eq!(iterations, [4, 6, 6, 6]);
}

#[test]
fn boxes_and_generic_code() {
    fn train<T: Real>(optimizer: &mut impl Optimizer<T>) -> Params<T> {
        let mut params = store();
        walk(optimizer, &mut params, 0..3);
        params
    }
    fn is_send<T: Send>(_: &T) {}
    let mut boxed: Box<dyn Optimizer<f32> + Send> = Box::new(Adam::new(0.1).clip_norm(1.0));
    is_send(&boxed);
    assert_eq!(train(&mut boxed).flat(), train::<f32>(&mut Adam::new(0.1).clip_norm(1.0)).flat());
    boxed.set_learning_rate(0.5);
    assert!((boxed.learning_rate() - 0.5).abs() < 1e-18 && boxed.iteration() == 3);
    assert!(boxed.gradient_norm().is_some());
    let state = boxed.state();
    boxed.restore(&state, &store()).unwrap();
    assert!(format!("{boxed:?}").contains("AdamRule"));
}

#[test]
fn a_line_is_fitted_through_a_tape() {
    let mut wave = (0..).map(|i| f64::from((7 * i) % 11) / 5.0 - 1.0);
    let x = Array2::from_shape_simple_fn((40, 2), || wave.next().unwrap());
    let y = x.dot(&array![2.0, -1.0]) + 0.5;
    let mut params = Params::<f64>::new();
    let w = params.add("w", [2], || 0.0);
    let b = params.add("b", [], || 0.0);
    let (mut tape, mut gradient, mut optimizer) = (Tape::new(), params.gradient(), Adam::new(0.05));
    for _ in 0..600 {
        let step = tape.record(&params);
        let error = step.input(&x).matmul(step.param(w)) + step.param(b) - step.input(&y);
        error.square().mean().backward(&mut gradient);
        optimizer.step(&mut params, &gradient);
    }
    assert!(params.flat().iter().zip([2.0, -1.0, 0.5]).all(|(p, e)| (p - e).abs() < 1e-3), "{params:?}");
}
