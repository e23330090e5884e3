//! The Euclidean norm of a long vector.

/// The root of a sum of squares, in `f64`, that neither overflows nor underflows where the result does not.
///
/// `squares(unit)` is Σ (g/unit)², `largest` the largest |g| that is not NaN.
pub(crate) fn norm(mut squares: impl FnMut(f64) -> f64, largest: impl FnOnce() -> f64) -> f64 {
    let plain = squares(1.0);
    // Squares of f64 numbers beyond 1e±150 leave the range: measured in units of the largest they do not.
    if plain.is_nan() || (1e-280..1e300).contains(&plain) {
        return plain.sqrt();
    }
    let largest = largest();
    if largest == 0.0 || largest.is_infinite() {
        return largest;
    }
    largest * squares(largest).sqrt()
}

/// The norm of numbers that are computed on the way.
pub(crate) fn norm_of<I: Iterator<Item = f64>>(numbers: impl Fn() -> I) -> f64 {
    norm(|unit| numbers().map(|x| (x / unit) * (x / unit)).sum(), || numbers().fold(0.0, |most, x| x.abs().max(most)))
}
