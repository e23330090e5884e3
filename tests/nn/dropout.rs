use super::panics::assert_panics;
use super::{rng, wave};
use gradus::Scalar as _;
use gradus::prelude::*;

/// The value of dropout of ones, in one or two calls of one recording.
fn masks<const N: usize>(p: f64, seed: u64, n: usize) -> [ArrayD<f64>; N] {
    let (params, mut tape, ones) = (Params::new(), Tape::new(), Array1::<f64>::ones(n));
    let dropout = Dropout::new(p);
    let step = tape.train(&params, seed);
    std::array::from_fn(|_| dropout.forward(step.input(&ones)).value())
}

#[test]
fn outside_of_training_it_does_nothing() {
    let (params, mut tape, x) = (Params::new(), Tape::new(), wave(0.0, &[50]));
    let step = tape.record(&params);
    assert_eq!(Dropout::new(0.9).forward(step.input(&x)).value(), x);
    assert_eq!(tape.len(), 1, "nothing is recorded");
}

#[test]
fn the_same_seed_drops_the_same_and_another_call_or_seed_others() {
    let [first, second] = masks(0.5, 1, 200);
    assert_eq!([first.clone(), second.clone()], masks(0.5, 1, 200));
    assert_ne!(first, second, "two calls of one recording");
    let [other] = masks(0.5, 2, 200);
    assert_ne!(first, other, "two seeds");
    // Independent: two masks of 200 agree in 100 places, give or take 5 × 7.
    for mask in [&second, &other] {
        let agree = first.iter().zip(mask).filter(|(a, b)| (**a > 0.0) == (**b > 0.0)).count();
        assert!((65..=135).contains(&agree), "{agree}");
    }
}

/// 100 000 elements are kept with probability 1 − p: number and mean within five standard deviations (a correct
/// generator with a random seed would pass with probability 1 − 6·10⁻⁷).
#[test]
fn the_part_kept_and_the_mean_are_right() {
    for p in [0.1, 0.5, 0.8] {
        let n = 100_000;
        let [y] = masks(p, 5, n);
        let scale = 1.0 / (1.0 - p);
        assert!(y.iter().all(|&y| y == 0.0 || (y - scale).abs() < 1e-15));
        let kept = y.iter().filter(|&&y| y != 0.0).count().as_f64() / n.as_f64();
        assert!((kept - (1.0 - p)).abs() < 5.0 * (p * (1.0 - p) / n.as_f64()).sqrt(), "{kept}");
        let mean = y.mean().unwrap();
        assert!((mean - 1.0).abs() < 5.0 * (p / (1.0 - p) / n.as_f64()).sqrt(), "{mean}");
    }
}

#[test]
fn p_0_keeps_and_p_1_drops_everything() {
    assert_eq!(masks(0.0, 1, 20), [ArrayD::<f64>::ones(&[20][..])]);
    assert_eq!(masks(1.0, 1, 20), [ArrayD::<f64>::zeros(&[20][..])]);
}

/// What is dropped on the way forward gets no gradient, what stays gets the factor.
#[test]
fn the_gradient_drops_the_same_elements() {
    let mut params = Params::<f64>::new();
    let w = params.add("w", [100], || 1.0);
    let (mut tape, mut gradient) = (Tape::new(), params.gradient());
    let step = tape.train(&params, 9);
    let y = Dropout::new(0.3).forward(step.param(w));
    y.sum().backward(&mut gradient);
    assert_eq!(gradient.value(w), y.value());
    let layer = Linear::new(&mut params, "layer", 100, 2, &mut rng());
    check::model(&params, |step| layer.forward(Dropout::new(0.3).forward(step.param(w).square())).tanh().sum())
        .training(4)
        .directions(3)
        .order(2)
        .assert();
}

#[test]
fn impossible_probabilities_are_refused() {
    for (p, text) in [(-0.1, "-0.1"), (1.01, "1.01"), (f64::NAN, "NaN")] {
        let expected = format!("dropout: probability {text}, expected one in [0, 1]");
        assert_panics(&expected, || assert_eq!(Dropout::new(p).p(), p));
    }
}
