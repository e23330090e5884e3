use super::panics::assert_panics;
use super::{assert_close, check_layer, wave};
use gradus::prelude::*;

fn norm(width: usize) -> (Params<f64>, LayerNorm) {
    let mut params = Params::new();
    let norm = LayerNorm::new(&mut params, "norm", width);
    (params, norm)
}

/// Scale 1.5, −0.5, 2; shift 0.25, 2, −1; x = sin 1, sin 2, … of shape [2, 3]; gradients of Σ y·w with w = sin 7, sin 8,
/// …: PyTorch 2.15, float64.
#[test]
fn values_and_gradients_are_those_of_pytorch() {
    let (mut params, norm) = norm(3);
    params.value_mut(norm.scale).assign(&array![1.5, -0.5, 2.0]);
    params.value_mut(norm.shift).assign(&array![0.25, 2.0, -1.0]);
    let (x, w) = (wave(1.0, &[2, 3]), wave(7.0, &[2, 3]));
    let (mut tape, mut gradient) = (Tape::new(), params.gradient());
    let step = tape.record(&params);
    let input = step.variable(&x);
    let y = norm.forward(input);
    let loss = (y * step.input(&w)).sum();
    loss.backward(&mut gradient);
    let expected = [
        1.160_747_614_656,
        1.598_756_791_109,
        -3.819_302_988_438,
        -0.233_070_558_153_1,
        2.515_732_630_709,
        1.707_024_600_373,
    ];
    assert_close(&y.value(), &expected);
    let expected = [
        2.135_401_496_088,
        -1.946_959_309_521,
        -0.188_442_186_567_3,
        -1.881_452_728_045,
        1.322_118_557_03,
        0.559_334_171_014_2,
    ];
    assert_close(&loss.gradient(input).value(), &expected);
    assert_close(gradient.value(norm.scale), &[0.574_099_706_219_1, 1.825_401_715_051, -1.307_201_482_977]);
    check_layer(&params, &norm, &x);
}

#[test]
fn rows_of_any_rank_get_mean_0_and_variance_1() {
    let (params, norm) = norm(8);
    let mut tape = Tape::new();
    for shape in [&[8][..], &[5, 8], &[2, 3, 8]] {
        let x = wave(3.0, shape) * 100.0 + 7.0;
        let step = tape.record(&params);
        let y = norm.with_epsilon(0.0).forward(step.input(&x)).value();
        for row in y.rows() {
            assert!(row.mean().unwrap().abs() < 1e-14);
            assert!((row.var(0.0) - 1.0).abs() < 1e-13);
        }
    }
}

/// ε keeps rows of equal elements finite, value and gradient.
#[test]
fn equal_elements_give_the_shift() {
    let (params, norm) = norm(3);
    let (mut tape, x) = (Tape::new(), array![[4.0, 4.0, 4.0]]);
    let step = tape.record(&params);
    let x = step.variable(&x);
    let y = norm.forward(x);
    assert_eq!(y.value(), array![[0.0, 0.0, 0.0]].into_dyn());
    assert!(y.square().sum().gradient(x).value().iter().all(|g| *g == 0.0));
}

#[test]
fn what_does_not_fit_is_refused() {
    let (params, norm) = norm(4);
    let mut tape = Tape::new();
    let step = tape.record(&params);
    let (wide, thin) = (wave(0.0, &[2, 5]), wave(0.0, &[2, 1]));
    assert_panics("layer_norm: x [2, 5], expected […, 4] as `norm.scale` has it", || norm.forward(step.input(&wide)));
    // This one would broadcast.
    assert_panics("layer_norm: x [2, 1], expected […, 4] as `norm.scale` has it", || norm.forward(step.input(&thin)));
    assert_panics("layer_norm: x [], expected […, 4] as `norm.scale` has it", || {
        norm.forward(step.recorder().scalar(1.0))
    });
    assert_panics("layer_norm `norm`: width 0, expected at least one feature", || {
        LayerNorm::new(&mut Params::<f32>::new(), "norm", 0)
    });
    assert_panics("layer_norm: epsilon -1, expected a finite number of at least 0", || norm.with_epsilon(-1.0));
}
