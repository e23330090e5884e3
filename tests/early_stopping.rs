//! Early stopping: when it stops, what counts as better, and what it restores.
#![allow(clippy::float_cmp, reason = "exact results are meant")]

use gradus::train::{Best, EarlyStopping};
use gradus::{Param, Params};

/// One parameter and one buffer.
fn store() -> (Params<f32>, Param) {
    let mut params = Params::new();
    let w = params.add("w", [2], || 0.0);
    params.add_buffer("running", [], || 0.0);
    (params, w)
}

/// The epoch after which training stops, where the store holds the number of the epoch.
fn stops_after(stopping: &mut EarlyStopping<f32>, values: &[f64]) -> Option<usize> {
    let (mut params, w) = store();
    values
        .iter()
        .zip(1_u8..)
        .position(|(&value, epoch)| {
            params.value_mut(w).fill(f32::from(epoch));
            stopping.observe(value, &params)
        })
        .map(|index| index + 1)
}

#[test]
fn stops_after_patience_epochs_without_improvement() {
    let values = [5.0, 4.0, 4.5, 4.4, 3.0, 3.1, 3.2, 3.3, 1.0];
    let mut stopping = EarlyStopping::minimise(3);
    assert_eq!(stops_after(&mut stopping, &values), Some(8));
    assert_eq!(stopping.best(), Some(Best { value: 3.0, epoch: 5 }));
    assert_eq!(stopping.waited(), 3);
    assert_eq!(stops_after(&mut EarlyStopping::minimise(2), &values), Some(4));
    assert_eq!(stops_after(&mut EarlyStopping::minimise(1), &values), Some(3));
    assert_eq!(stops_after(&mut EarlyStopping::minimise(4), &values), None);
}

#[test]
fn maximises() {
    let mut stopping = EarlyStopping::maximise(2);
    assert_eq!(stops_after(&mut stopping, &[0.5, 0.7, 0.7, 0.6, 0.9]), Some(4));
    assert_eq!(stopping.best(), Some(Best { value: 0.7, epoch: 2 }));
}

/// Exactly `min_delta` better is not more than `min_delta` better; the numbers are exact in binary.
#[test]
fn an_improvement_is_more_than_min_delta() {
    let mut stopping = EarlyStopping::minimise(2).min_delta(0.25);
    assert_eq!(stops_after(&mut stopping, &[1.0, 0.75, 0.5, 0.25, 0.25]), Some(5));
    assert_eq!(stopping.best(), Some(Best { value: 0.5, epoch: 3 }));
    let mut stopping = EarlyStopping::maximise(2).min_delta(0.25);
    assert_eq!(stops_after(&mut stopping, &[1.0, 1.25, 1.5, 1.75, 1.75]), Some(5));
    assert_eq!(stopping.best(), Some(Best { value: 1.5, epoch: 3 }));
}

#[test]
fn nan_is_never_an_improvement() {
    let nan = f64::NAN;
    for new in [EarlyStopping::minimise, EarlyStopping::maximise] {
        let mut stopping = new(3);
        assert_eq!(stops_after(&mut stopping, &[nan, 2.0, nan, nan, nan]), Some(5));
        assert_eq!(stopping.best(), Some(Best { value: 2.0, epoch: 2 }));
        let mut stopping = new(3);
        assert_eq!(stops_after(&mut stopping, &[nan, nan, nan, nan]), Some(3));
        assert_eq!(stopping.best(), None);
    }
}

#[test]
fn restores_parameters_and_buffers_of_the_best_epoch() {
    let (mut params, w) = store();
    let mut stopping = EarlyStopping::minimise(5);
    for (loss, mark) in [(2.0_f32, 1.0), (1.0, 2.0), (3.0, 3.0)] {
        params.value_mut(w).fill(mark);
        let running = ndarray::arr0(10.0 * mark);
        params.assign("running", &running).unwrap();
        assert!(!stopping.observe(loss, &params));
    }
    assert_eq!(stopping.restore(&mut params), Some(Best { value: 1.0, epoch: 2 }));
    assert_eq!(params.flat(), [2.0, 2.0]);
    assert_eq!(params.array("running").unwrap()[[]], 20.0);
}

#[test]
fn without_a_best_epoch_nothing_is_restored() {
    let (mut params, w) = store();
    let mut stopping = EarlyStopping::minimise(1);
    assert!(stopping.observe(f64::NAN, &params));
    params.value_mut(w).fill(4.0);
    assert_eq!(stopping.restore(&mut params), None);
    assert_eq!(params.flat(), [4.0, 4.0]);
}

#[test]
#[should_panic(expected = "early stopping: the patience is 0, it must be at least 1")]
fn no_patience() {
    let _ = EarlyStopping::<f32>::maximise(0);
}

#[test]
#[should_panic(expected = "early stopping: min_delta is NaN, it must be finite and at least 0")]
fn min_delta_is_no_number() {
    let _ = EarlyStopping::<f32>::minimise(1).min_delta(f64::NAN);
}

#[test]
#[should_panic(expected = "early stopping: min_delta is -0.1, it must be finite and at least 0")]
fn min_delta_is_negative() {
    let _ = EarlyStopping::<f32>::minimise(1).min_delta(-0.1);
}

#[test]
#[should_panic(expected = "params: a snapshot of store")]
fn another_store() {
    let (params, _) = store();
    let mut stopping = EarlyStopping::minimise(1);
    assert!(!stopping.observe(1.0, &params));
    stopping.restore(&mut store().0);
}
