//! Large arguments, kinks, and numbers that are none: where textbook formulas fail.

use super::evaluate;
use gradus::nn::loss::{self, each};
use gradus::prelude::*;

type Pair<T> = for<'t> fn(Var<'t, T>, Var<'t, T>) -> Var<'t, T>;

/// Checks value and slope for one prediction and target, and that the slope for the target is finite, too.
#[track_caller]
fn assert_at<T: Real>(f: Pair<T>, [x, t]: [f64; 2], value: f64, slope: f64) {
    let (params, mut tape) = (Params::<T>::new(), Tape::new());
    let (x, t) = ([T::of(x)], [T::of(t)]);
    let step = tape.record(&params);
    let (x, t) = (step.variable(&x), step.variable(&t));
    let y = f(x, t).sum();
    let [dx, dt] = [y.gradient(x), y.gradient(t)].map(|g| g.item().as_f64());
    let epsilon = 4.0 * T::epsilon().as_f64();
    let close = |a: f64, b: f64| a.total_cmp(&b).is_eq() || (a - b).abs() <= epsilon * b.abs();
    assert!(close(y.item().as_f64(), value), "{}: {}, expected {value}", T::NAME, y.item());
    assert!(close(dx, slope), "{}: slope {dx}, expected {slope}", T::NAME);
    assert!(dt.is_finite(), "{}: slope for the target {dt}", T::NAME);
}

fn elements_are_stable<T: Real>() {
    const BIG: f64 = 1e4;
    let ln2 = std::f64::consts::LN_2;
    for s in [1.0, -1.0] {
        assert_at::<T>(each::mse, [s * BIG, 0.0], BIG * BIG, s * 2.0 * BIG);
        assert_at::<T>(each::mae, [s * BIG, 0.0], BIG, s);
        assert_at::<T>(each::log_cosh, [s * BIG, 0.0], BIG - ln2, s);
        assert_at::<T>(|x, t| each::huber(x, t, 0.5), [s * BIG, 0.0], 0.5 * (BIG - 0.25), s * 0.5);
        assert_at::<T>(|x, t| each::smooth_l1(x, t, 0.5), [s * BIG, 0.0], BIG - 0.25, s);
        assert_at::<T>(each::hinge, [s * BIG, -s], 1.0 + BIG, s);
        assert_at::<T>(each::hinge, [s * BIG, s], 0.0, 0.0);
    }
    assert_at::<T>(each::bce_with_logits, [BIG, 0.0], BIG, 1.0);
    assert_at::<T>(each::bce_with_logits, [BIG, 1.0], 0.0, 0.0);
    assert_at::<T>(each::bce_with_logits, [-BIG, 0.0], 0.0, 0.0);
    assert_at::<T>(each::bce_with_logits, [-BIG, 1.0], BIG, -1.0);
    assert_at::<T>(|x, t| each::bce_with_logits_weighted(x, t, 3), [-BIG, 1.0], 3.0 * BIG, -3.0);
    assert_at::<T>(each::poisson, [-BIG, 2.0], 2.0 * BIG, -2.0);
    assert_at::<T>(each::poisson, [BIG, 2.0], f64::INFINITY, f64::INFINITY);
    // No logarithm of 0 where Stirling's term is left out.
    assert_at::<T>(each::poisson_full, [0.0, 0.0], 1.0, 1.0);
    assert_at::<T>(each::poisson_full, [0.0, 1.0], 1.0, 0.0);
    // Up to the type's range, where squares would overflow.
    let huge = T::max_value().as_f64() / 4.0;
    for s in [1.0, -1.0] {
        assert_at::<T>(each::mae, [s * huge, 0.0], huge, s);
        assert_at::<T>(each::log_cosh, [s * huge, 0.0], huge, s);
        assert_at::<T>(|x, t| each::huber(x, t, 2.0), [s * huge, 0.0], 2.0 * huge, s * 2.0);
        assert_at::<T>(|x, t| each::smooth_l1(x, t, 2.0), [s * huge, 0.0], huge, s);
        assert_at::<T>(each::hinge, [s * huge, -s], huge, s);
    }
    assert_at::<T>(each::bce_with_logits, [huge, 0.0], huge, 1.0);
    assert_at::<T>(each::bce_with_logits, [-huge, 1.0], huge, -1.0);
    // Small residuals keep their digits.
    assert_at::<T>(each::log_cosh, [1e-3, 0.0], 0.5e-6 - 1e-12 / 12.0 + 1e-18 / 45.0, 1e-3_f64.tanh());
    let tail = (-30.0_f64).exp();
    assert_at::<T>(each::bce_with_logits, [30.0, 1.0], tail.ln_1p(), -tail / (1.0 + tail));
}

#[test]
fn losses_of_elements_are_stable() {
    elements_are_stable::<f32>();
    elements_are_stable::<f64>();
}

/// Value and gradient for the prediction of a loss of one row.
fn row<T: Real>(f: Pair<T>, x: [f64; 2], t: [f64; 2]) -> (f64, [f64; 2]) {
    let (params, mut tape) = (Params::<T>::new(), Tape::new());
    let (x, t) = (Array2::from(vec![x.map(T::of)]), Array2::from(vec![t.map(T::of)]));
    let step = tape.record(&params);
    let (x, t) = (step.variable(&x), step.variable(&t));
    let y = f(x, t).sum();
    assert!(y.gradient(t).value().iter().all(|g| !g.is_nan()), "slope for the target");
    let slope: Vec<f64> = y.gradient(x).value().iter().map(|g| g.as_f64()).collect();
    (y.item().as_f64(), [slope[0], slope[1]])
}

fn rows_are_stable<T: Real>() {
    let (big, half) = (1e4, [0.5, 0.5]);
    let first = |x| row::<T>(|x, _| cross_entropy(x, [0]), x, half);
    let second = |x| row::<T>(|x, _| cross_entropy(x, [1]), x, half);
    assert_eq!(first([big, -big]), (0.0, [0.0, 0.0]));
    assert_eq!(second([big, -big]), (2.0 * big, [1.0, -1.0]));
    assert_eq!(second([big, big]).1, [0.5, -0.5]);
    let soft = |x, t| row::<T>(each::soft_cross_entropy, x, t);
    assert_eq!(soft([big, -big], half), (big, [0.5, -0.5]));
    assert_eq!(soft([big, -big], [1.0, 0.0]), (0.0, [0.0, 0.0]));
    let kl = |x, t| row::<T>(|x, t| each::kl_divergence(x.log_softmax(1), t), x, t);
    let (d, slope) = kl([big, -big], half);
    assert!((d - (big - 2.0_f64.ln())).abs() < 4.0 * T::epsilon().as_f64() * big, "{d}");
    assert_eq!(slope, [0.5, -0.5]);
    assert_eq!(kl([big, -big], [1.0, 0.0]), (0.0, [0.0, 0.0]));
    // Lengths do not matter to angles, also where their squares overflow or vanish.
    let top = T::max_value().as_f64() / 4.0;
    for size in [1.0, 1e4, -1e4, top, -top, T::min_positive_value().as_f64() * 4.0] {
        let (loss, slope) = row::<T>(each::cosine, [size, 0.0], [0.0, 1e4]);
        assert_eq!(loss, 1.0, "{size}");
        assert!(slope.iter().all(|g| !g.is_nan()), "{size}: {slope:?}");
        let (loss, _) = row::<T>(each::cosine, [3.0 * size / 4.0, size], [3.0, 4.0]);
        let expected = if size > 0.0 { 0.0 } else { 2.0 };
        assert!((loss - expected).abs() < 4.0 * T::epsilon().as_f64(), "{size}: {loss}");
    }
}

#[test]
fn losses_of_rows_are_stable() {
    rows_are_stable::<f32>();
    rows_are_stable::<f64>();
}

/// A class that can't be (logit −∞) costs nothing where the target is 0 there, and spoils no gradient.
#[test]
fn impossible_classes_cost_nothing_where_they_do_not_count() {
    let (x, t) = ([0.0, f64::NEG_INFINITY], [1.0, 0.0]);
    assert_eq!(row::<f64>(each::soft_cross_entropy, x, t), (0.0, [0.0, 0.0]));
    let (d, slope) = row::<f64>(each::kl_divergence, [-2.0, f64::NEG_INFINITY], t);
    assert_eq!((d, slope), (2.0, [-1.0, 0.0]));
    // Where it does count, the price is infinite.
    assert_eq!(row::<f64>(each::soft_cross_entropy, x, [0.0, 1.0]).0, f64::INFINITY);
}

/// A vector of zeros costs 1, and its gradient is minus the direction of the other.
#[test]
fn cosine_of_zero_vectors() {
    assert_eq!(row::<f64>(each::cosine, [0.0, 0.0], [3.0, 4.0]), (1.0, [-0.6, -0.8]));
    assert_eq!(row::<f64>(each::cosine, [3.0, 4.0], [0.0, 0.0]), (1.0, [0.0, 0.0]));
    assert_eq!(row::<f64>(each::cosine, [0.0, 0.0], [0.0, 0.0]), (1.0, [0.0, 0.0]));
}

/// The slopes stated in the documentation at kinks.
#[test]
fn kinks_are_as_documented() {
    assert_at::<f64>(each::mae, [2.0, 2.0], 0.0, 0.0);
    assert_at::<f64>(each::hinge, [1.0, 1.0], 0.0, 0.0);
    assert_at::<f64>(each::hinge, [-1.0, -1.0], 0.0, 0.0);
    assert_at::<f64>(|x, t| each::huber(x, t, 0.5), [0.5, 0.0], 0.125, 0.5);
    assert_at::<f64>(|x, t| each::huber(x, t, 0.5), [-0.5, 0.0], 0.125, -0.5);
    // The curvature of huber: 1 within (also at 0, where |d| has a kink), 0 beyond and at the border.
    let curvature =
        hessian(|x| loss::each::huber(x, x.recording().zeros([4]), 0.5).sum(), &array![0.0, 0.25, 0.5, 2.0]);
    assert_eq!(curvature.diag(), array![1.0, 1.0, 0.0, 0.0]);
}

/// NaN in the data is seen in the loss.
#[test]
fn nan_is_not_hidden() {
    let t = array![[0.5, 0.5]];
    for at in [0, 1] {
        let mut x = array![[1.0, 2.0]];
        x[[0, at]] = f64::NAN;
        for loss in super::pairs() {
            let (value, _) = evaluate(loss.mean, &x, &t);
            assert!(value.sum().is_nan(), "{} hides NaN in the prediction", loss.name);
        }
    }
}
