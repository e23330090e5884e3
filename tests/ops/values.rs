//! Values against `ndarray`.

use gradus::prelude::*;

use crate::cases;
use crate::support::{Layout, assert_close, evaluate, sample};

#[test]
fn values_equal_ndarray_for_every_shape_and_layout() {
    let mut rng = StdRng::seed_from_u64(11);
    for case in cases::all() {
        for shapes in &case.shapes {
            let inputs: Vec<_> = shapes.iter().map(|shape| sample(shape, &(-2.0..2.0), &[0.0], &mut rng)).collect();
            let expected = (case.reference)(&inputs);
            for layout in Layout::ALL {
                let sources: Vec<_> = inputs.iter().map(|x| layout.source(x)).collect();
                let found = evaluate(|v| (case.f)(&v.iter().map(|&x| layout.view(x)).collect::<Vec<_>>()), &sources);
                assert_close(&format!("{} {shapes:?} {layout:?}", case.name), &found, &expected, 1e-12);
            }
        }
    }
}

#[test]
fn data_that_is_not_in_standard_layout_is_read_right() {
    let params = Params::<f64>::new();
    let mut tape = Tape::new();
    let x = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
    let step = tape.record(&params);
    let whole = step.input(&x);
    let views = [
        step.input(x.t()),
        step.input(x.slice(s![.., ..;2])),
        step.input(x.slice(s![..;-1, ..])),
        step.input(x.broadcast((2, 2, 3)).unwrap()),
    ];
    let expected = [whole.t(), whole.slice(s![.., ..;2]), whole.flip(0), whole.broadcast_to([2, 2, 3])];
    for (view, expected) in views.iter().zip(expected) {
        assert_eq!(view.value(), expected.value());
    }
}
