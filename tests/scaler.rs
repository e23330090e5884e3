//! Scalers: against numbers worked by hand, and there and back.
#![allow(clippy::float_cmp, clippy::cast_precision_loss, reason = "exact results are meant, and counts are small")]

use gradus::data::{MinMax, MinMaxScaler, Robust, RobustScaler, Scaler, Standard, StandardScaler, Statistic};
use gradus::{ErrorKind, Params};
use ndarray::{Array2, array};
use proptest::prelude::*;

#[test]
fn numbers_worked_by_hand() {
    // Column 0: mean 5, squared deviations 9 1 1 1 0 0 4 16, variance 32 / 8 = 4.
    let x = array![[2.0], [4.0], [4.0], [4.0], [5.0], [5.0], [7.0], [9.0]];
    let scaler = StandardScaler::fit(&x).unwrap();
    assert_eq!((scaler.mean()[0], scaler.std()[0]), (5.0, 2.0));
    let z = array![[-1.5], [-0.5], [-0.5], [-0.5], [0.0], [0.0], [1.0], [2.0]];
    assert_eq!(scaler.transform(&x).unwrap(), z);
    assert_eq!(scaler.inverse(&z).unwrap(), x);
}

/// The mean of ten times 0.1 is not 0.1 in floating point: a deviation computed from it would be 1e-17, not 0.
#[test]
fn a_constant_feature_becomes_0_and_keeps_its_scale() {
    let x = Array2::from_elem((10, 1), 0.1);
    let scaler = StandardScaler::fit(&x).unwrap();
    assert_eq!((scaler.mean()[0], scaler.std()[0]), (0.1, 1.0));
    assert_eq!(scaler.transform(&x).unwrap(), Array2::<f64>::zeros((10, 1)));
    assert_eq!(scaler.transform(&array![[1.1]]).unwrap(), array![[1.0]]);
    let zeros = StandardScaler::fit(&array![[0.0], [-0.0]]).unwrap();
    assert_eq!(zeros.std()[0], 1.0);
}

/// In `f32` the mean of these would be off by 0.5 and the deviation by a factor.
#[test]
fn statistics_are_in_double_precision() {
    let x = Array2::from_shape_fn((1000, 1), |(i, _)| 16_777_000.0_f32 + (i % 2) as f32);
    let scaler = StandardScaler::fit(&x).unwrap();
    assert_eq!((scaler.mean()[0], scaler.std()[0]), (16_777_000.5, 0.5));
    assert_eq!(scaler.transform(&array![[16_777_001.0_f32]]).unwrap(), array![[1.0]]);
}

/// Squares of such numbers are 0 or infinite.
#[test]
fn numbers_of_any_size() {
    for size in [1e-300, 1e-200, 1e200, 1e308] {
        let scaler = StandardScaler::fit(&array![[-size], [size], [-size], [size]]).unwrap();
        assert_eq!((scaler.mean()[0], scaler.std()[0]), (0.0, size));
    }
    let scaler = StandardScaler::fit(&array![[1e-200_f64], [2e-200]]).unwrap();
    let z = scaler.transform(&array![[1e-200_f64], [2e-200]]).unwrap();
    assert!((z[[0, 0]] + 1.0).abs() < 1e-14 && (z[[1, 0]] - 1.0).abs() < 1e-14, "{z}");
    let x = array![[1.7e308], [-1.7e308], [-1.7e308]];
    let z = StandardScaler::fit(&x).unwrap().transform(&x).unwrap();
    assert!((z[[0, 0]] - 2.0_f64.sqrt()).abs() < 1e-14, "{z}");
    // A small spread far from 0.
    let scaler = StandardScaler::fit(&array![[1e200], [1e200 * (1.0 + f64::EPSILON)]]).unwrap();
    assert!(scaler.std()[0] > 0.0 && scaler.std()[0].is_finite());
}

/// The test part does not enter the statistics: that would be leakage.
#[test]
fn other_parts_are_scaled_with_the_statistics_of_the_training_part() {
    let scaler = StandardScaler::fit(&array![[0.0], [2.0]]).unwrap();
    assert_eq!(scaler.transform(&array![[100.0], [102.0]]).unwrap(), array![[99.0], [101.0]]);
}

#[test]
fn not_a_number_stays_in_its_column() {
    for odd in [f64::NAN, f64::INFINITY] {
        for column in [[odd, 1.0, 1.0], [1.0, odd, 1.0], [odd, odd, odd]] {
            let x = array![[column[0], 1.0], [column[1], 3.0], [column[2], 2.0]];
            let scaler = StandardScaler::fit(&x).unwrap();
            assert!(scaler.std()[0].is_nan(), "{column:?}");
            let z = scaler.transform(&array![[1.0, 2.0_f64]]).unwrap();
            assert!(z[[0, 0]].is_nan() && z[[0, 1]] == 0.0, "{column:?}");
        }
    }
}

#[test]
fn views_and_other_orders() {
    let x = array![[0.0, 2.0], [10.0, 30.0]];
    let scaler = StandardScaler::fit(&x.t()).unwrap();
    assert_eq!(scaler.mean(), &array![1.0, 20.0]);
    assert_eq!(scaler.transform(&x.t()).unwrap(), array![[-1.0, -1.0], [1.0, 1.0]]);
}

#[test]
fn minimum_and_maximum() {
    let x = array![[3.0, -1.0], [1.0, -3.0], [2.0, 7.0]];
    let scaler = MinMaxScaler::fit(&x).unwrap();
    assert_eq!((scaler.shift(), scaler.scale()), (&array![1.0, -3.0], &array![2.0, 10.0]));
    assert_eq!(scaler.transform(&x).unwrap(), array![[1.0, 0.2], [0.0, 0.0], [0.5, 1.0]]);
    // Beyond the training part, beyond 0 and 1: nothing is cut off.
    assert_eq!(scaler.transform(&array![[5.0, -13.0]]).unwrap(), array![[2.0, -1.0]]);
    let scaler = scaler.onto(-1.0, 3.0);
    let z = scaler.transform(&x).unwrap();
    let expected: Array2<f64> = array![[3.0, -0.2], [-1.0, -1.0], [1.0, 3.0]];
    assert!((&z - &expected).iter().all(|d| d.abs() < 1e-15), "{z}");
    assert!((scaler.inverse(&z).unwrap() - &x).iter().all(|d| d.abs() < 1e-14));
}

#[test]
#[should_panic(expected = "scaler: 1 to 1 is no range")]
fn no_range() {
    let _ = MinMaxScaler::identity(1).onto(1.0, 1.0);
}

/// Quartiles as NumPy 2 gives them: `np.percentile(x, [25, 50, 75])`.
#[test]
fn median_and_quartiles() {
    let cases: [(&[f64], [f64; 3]); 4] = [
        (&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0], [4.0, 4.5, 5.5]),
        (&[1.0, 1e6, 3.0, 2.0, 4.0], [2.0, 3.0, 4.0]),
        (&[3.0, 1.0, 10.0, 2.0], [1.75, 2.5, 4.75]),
        (&[1.0, 2.0], [1.25, 1.5, 1.75]),
    ];
    for (values, [first, median, third]) in cases {
        let x = Array2::from_shape_vec((values.len(), 1), values.to_vec()).unwrap();
        let scaler = RobustScaler::fit(&x).unwrap();
        assert_eq!((scaler.shift()[0], scaler.scale()[0]), (median, third - first), "{values:?}");
    }
}

/// An outlier, however far away, moves neither median nor quartiles; mean and maximum it does.
#[test]
fn outliers() {
    let with = |outlier: f64| array![[1.0], [2.0], [3.0], [4.0], [5.0], [6.0], [outlier]];
    assert_eq!(RobustScaler::fit(&with(7.0)).unwrap(), RobustScaler::fit(&with(1e9)).unwrap());
    assert_ne!(StandardScaler::fit(&with(7.0)).unwrap(), StandardScaler::fit(&with(1e9)).unwrap());
    assert_ne!(MinMaxScaler::fit(&with(7.0)).unwrap(), MinMaxScaler::fit(&with(1e9)).unwrap());
}

/// Every kind of scaler, so that a new one cannot be forgotten.
#[test]
fn what_all_have_in_common() {
    fn hold<S: Statistic>() {
        // A constant becomes 0 and keeps its scale; quartiles may be the same where the rest is not.
        let x: Array2<f64> = array![[0.1, 1.0], [0.1, 1.0], [0.1, 1.0], [0.1, 1.0], [0.1, 9.0]];
        let scaler = Scaler::<S>::fit(&x).unwrap();
        assert_eq!(scaler.scale()[0], 1.0);
        assert_eq!(scaler.transform(&x).unwrap().column(0), array![0.0, 0.0, 0.0, 0.0, 0.0]);
        assert!(scaler.transform(&x).unwrap().iter().all(|z| z.is_finite()));
        assert_eq!(scaler.transform(&array![[1.1, 1.0]]).unwrap()[[0, 0]], 1.0);
        // A row stands for itself, whatever else is scaled with it.
        let alone = scaler.transform(&array![[0.1, 9.0]]).unwrap();
        assert_eq!(scaler.transform(&x).unwrap().row(4), alone.row(0));
        // NaN and infinity make their column NaN, no other.
        for odd in [f64::NAN, f64::INFINITY] {
            let scaler = Scaler::<S>::fit(&array![[odd, 1.0], [1.0, 2.0], [2.0, 3.0]]).unwrap();
            let z = scaler.transform(&array![[1.0, 2.0_f64]]).unwrap();
            assert!(z[[0, 0]].is_nan() && z[[0, 1]].is_finite());
        }
        assert_eq!(Scaler::<S>::fit(&Array2::<f64>::zeros((0, 1))).unwrap_err().kind(), ErrorKind::Value);
        assert_eq!(Scaler::<S>::fit(&Array2::<f64>::zeros((3, 0))).unwrap().scale().len(), 0);
    }
    hold::<Standard>();
    hold::<MinMax>();
    hold::<Robust>();
    let error = MinMaxScaler::fit(&array![[0.0, -1.7e308], [0.0, 1.7e308]]).unwrap_err();
    assert_eq!(error.to_string(), "scaler: the values of feature 1 lie further apart than the largest number");
}

#[test]
fn part_of_a_model() {
    let scaler = RobustScaler::fit(&array![[1.0, 10.0], [2.0, 30.0], [4.0, 20.0]]).unwrap();
    let mut params = Params::<f64>::new();
    scaler.add_to(&mut params, "scaler");
    assert_eq!((params.len(), params.buffers().len()), (0, 2));
    assert_eq!(RobustScaler::from_params(&params, "scaler").unwrap(), scaler);
    assert_eq!(RobustScaler::from_params(&params.cast::<f32>(), "scaler").unwrap(), scaler); // these fit an f32
    let error = RobustScaler::from_params(&params, "other").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Name);
    params.assign("scaler.scale", &array![1.0, 0.0]).unwrap();
    let error = RobustScaler::from_params(&params, "scaler").unwrap_err();
    assert_eq!(error.to_string(), "scaler: the scale of feature 1 is 0, nothing to divide by");
    let error = StandardScaler::from_parts(array![1.0], array![1.0, 2.0]).unwrap_err();
    assert_eq!((error.to_string().as_str(), error.kind()), ("scaler: 1 shifts, 2 scales", ErrorKind::Shape));
}

#[cfg(feature = "safetensors")]
#[test]
fn saved_with_a_model() {
    use gradus::io::safetensors;
    let scaler = StandardScaler::fit(&array![[0.1, 10.0], [0.7, 30.0]]).unwrap();
    let (mut params, mut loaded) = (Params::<f64>::new(), Params::<f64>::new());
    scaler.add_to(&mut params, "scaler");
    StandardScaler::identity(2).add_to(&mut loaded, "scaler");
    safetensors::from_bytes(&mut loaded, &safetensors::to_bytes(&params).unwrap()).unwrap();
    assert_eq!(StandardScaler::from_params(&loaded, "scaler").unwrap(), scaler);
}

#[test]
fn what_is_refused() {
    let error = StandardScaler::fit(&Array2::<f64>::zeros((0, 3))).unwrap_err();
    assert_eq!(error.to_string(), "scaler: there are no samples to fit");
    assert_eq!(error.kind(), ErrorKind::Value);
    let scaler = StandardScaler::fit(&array![[1.0, 2.0]]).unwrap();
    for result in [scaler.transform(&array![[1.0]]), scaler.inverse(&array![[1.0]])] {
        let error = result.unwrap_err();
        assert_eq!(error.to_string(), "scaler: fitted on 2 features, found 1");
        assert_eq!(error.kind(), ErrorKind::Shape);
    }
    assert_eq!(scaler.transform(&Array2::<f64>::zeros((0, 2))).unwrap().dim(), (0, 2));
}

proptest! {
    #[test]
    fn every_scaler_there_and_back(
        rows in 1_usize..20, values in prop::collection::vec(-1e3_f64..1e3, 40), low in -3.0_f64..0.0, width in 0.1_f64..5.0,
    ) {
        let x = Array2::from_shape_fn((rows, 2), |(i, j)| values[2 * i + j]);
        let robust = RobustScaler::fit(&x).unwrap();
        let minmax = MinMaxScaler::fit(&x).unwrap();
        let other = minmax.clone().onto(low, low + width);
        let (z, u, v) = (robust.transform(&x).unwrap(), minmax.transform(&x).unwrap(), other.transform(&x).unwrap());
        prop_assert!(u.iter().all(|z| (0.0..=1.0).contains(z)));
        prop_assert!(u.iter().zip(&v).all(|(u, v)| (low + u * width - v).abs() < 1e-9));
        for back in [robust.inverse(&z).unwrap(), minmax.inverse(&u).unwrap(), other.inverse(&v).unwrap()] {
            prop_assert!(back.iter().zip(&x).all(|(a, b)| (a - b).abs() <= 1e-9));
        }
        // As many values on either side of the median.
        for column in z.columns() {
            let (below, above) = (column.iter().filter(|&&z| z < 0.0).count(), column.iter().filter(|&&z| z > 0.0).count());
            prop_assert!(below <= rows / 2 && above <= rows / 2);
        }
    }

    #[test]
    fn there_and_back(
        rows in 1_usize..20, columns in 0_usize..5, scale in -6..6, values in prop::collection::vec(-1.0_f64..1.0, 100),
    ) {
        let size = 10_f64.powi(scale);
        let x = Array2::from_shape_fn((rows, columns), |(i, j)| size * values[5 * i + j]);
        let scaler = StandardScaler::fit(&x).unwrap();
        let z = scaler.transform(&x).unwrap();
        let back = scaler.inverse(&z).unwrap();
        prop_assert!(back.iter().zip(&x).all(|(a, b)| (a - b).abs() <= 1e-14 * size));
        for (column, original) in z.columns().into_iter().zip(x.columns()) {
            let n = rows as f64;
            prop_assert!((column.sum() / n).abs() < 1e-9);
            let variance = column.iter().map(|z| z * z).sum::<f64>() / n;
            let constant = original.iter().all(|&x| x == original[0]);
            let expected = if constant { 0.0 } else { 1.0 };
            prop_assert!((variance - expected).abs() < 1e-9);
        }
    }
}
