use super::panics::assert_panics;
use super::rng;
use gradus::prelude::*;

fn embedding() -> (Params<f64>, Embedding) {
    let mut params = Params::new();
    let embedding = Embedding::new(&mut params, "words", 5, 3, &mut rng());
    (params, embedding)
}

#[test]
fn it_looks_rows_up() {
    let (params, words) = embedding();
    let mut tape = Tape::new();
    let step = tape.record(&params);
    let table = params.value(words.weight);
    let rows = words.forward(&step, [4, 0, 4]).value();
    for (row, at) in rows.rows().into_iter().zip([4, 0, 4]) {
        assert_eq!(row, table.index_axis(ndarray::Axis(0), at).into_dimensionality().unwrap());
    }
    // A recorder is as good as the recording.
    let x = step.input(&[1.0]);
    assert_eq!(words.forward(x.recording(), [4, 0, 4]).value(), rows);
}

#[test]
fn the_gradient_touches_just_the_rows_used_and_adds_up() {
    let (params, words) = embedding();
    let (mut tape, mut gradient) = (Tape::new(), params.gradient());
    let step = tape.record(&params);
    words.forward(&step, [4, 0, 4]).sum().backward(&mut gradient);
    let expected = array![[1.0, 1.0, 1.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [2.0, 2.0, 2.0]];
    assert_eq!(gradient.value(words.weight), expected.into_dyn());
    check::model(&params, |step| words.forward(step, [4, 0, 4]).powi(3).sum()).order(2).assert();
}

#[test]
fn positions_may_have_any_shape() {
    let (params, words) = embedding();
    let mut tape = Tape::new();
    let step = tape.record(&params);
    let positions = array![[4, 0, 4], [1, 1, 2]];
    let rows = words.forward(&step, &positions);
    let flat = words.forward(&step, [4, 0, 4, 1, 1, 2]);
    assert_eq!(rows.shape(), [2, 3, 3]);
    assert_eq!(rows.value(), flat.value().into_shape_with_order([2, 3, 3].as_slice()).unwrap());
    // In standard order, however the array lies in memory.
    assert_eq!(words.forward(&step, &positions.t()).value(), rows.swap_axes(0, 1).value());
    assert_eq!(words.forward(&step, &ndarray::arr0(2).into_dyn()).shape(), [3]);
    assert_eq!(words.forward(&step, &positions.clone().into_dyn()).value(), rows.value());
    assert_eq!(words.forward(&step, &Array2::<usize>::zeros((0, 3))).shape(), [0, 3, 3]);
    assert_panics("embedding: index 5 at position 3: expected 0 to 4\n  near parameter `words.weight`", || {
        words.forward(&step, &array![[0, 0], [0, 5]])
    });
    check::model(&params, |step| words.forward(step, &positions).powi(3).sum()).order(2).assert();
}

/// The table as the weight of the last layer, too: y = h·Eᵀ.
#[test]
fn it_may_be_tied_to_the_output() {
    let (params, words) = embedding();
    check::model(&params, |step| {
        let h = words.forward(step, [1, 3, 3]).tanh();
        cross_entropy(h.matmul(step.param(words.weight).t()), [0, 1, 4])
    })
    .order(2)
    .assert();
}

/// 15 000 draws: mean and variance within five standard errors.
#[test]
fn it_starts_normal() {
    let mut params = Params::<f64>::new();
    let words = Embedding::new(&mut params, "words", 1000, 15, &mut rng());
    let table = params.value(words.weight);
    let (mean, variance) = (table.mean().unwrap(), table.var(0.0));
    assert!(mean.abs() < 5.0 / 15_000.0_f64.sqrt(), "{mean}");
    assert!((variance - 1.0).abs() < 5.0 * (2.0 / 15_000.0_f64).sqrt(), "{variance}");
}

#[test]
fn what_does_not_fit_is_refused() {
    let (params, words) = embedding();
    let mut tape = Tape::new();
    let step = tape.record(&params);
    assert_panics("embedding: index 5 at position 1: expected 0 to 4\n  near parameter `words.weight`", || {
        words.forward(&step, [0, 5])
    });
    assert_panics("embedding `words`: 0 vectors of width 3, expected at least one of each", || {
        Embedding::new(&mut Params::<f32>::new(), "words", 0, 3, &mut rng())
    });
    assert_panics("embedding `words`: 3 vectors of width 0, expected at least one of each", || {
        Embedding::new(&mut Params::<f32>::new(), "words", 3, 0, &mut rng())
    });
}
