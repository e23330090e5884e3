//! Standardising: against numbers worked by hand, and there and back.
#![allow(clippy::float_cmp, clippy::cast_precision_loss, reason = "exact results are meant, and counts are small")]

use gradus::ErrorKind;
use gradus::data::StandardScaler;
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
