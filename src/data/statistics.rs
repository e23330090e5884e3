//! Statistics of a feature, for numbers of any size.

/// What a [`Scaler`](super::Scaler) takes from the values of a feature: [`Standard`](super::Standard),
/// [`MinMax`](super::MinMax) or [`Robust`](super::Robust).
///
/// # Examples
///
/// ```
/// use gradus::data::{Scaler, Standard, Statistic};
/// use ndarray::{Array2, array};
///
/// /// With whatever scaler a program chooses.
/// fn scaled<S: Statistic>(train: &Array2<f64>) -> Result<Array2<f64>, gradus::Error> {
///     Scaler::<S>::fit(train)?.transform(train)
/// }
/// assert_eq!(scaled::<Standard>(&array![[1.0], [3.0]])?, array![[-1.0], [1.0]]);
/// # Ok::<(), gradus::Error>(())
/// ```
pub trait Statistic: sealed::Sealed {
    /// Shift and scale. There is at least one value, all of them are finite; the scale is not 0.
    #[doc(hidden)]
    fn of(values: Vec<f64>) -> (f64, f64);
}

pub(super) mod sealed {
    pub trait Sealed {}
}

/// A scale, or 1 where it is none: what is constant keeps its scale.
pub(super) fn divisor(scale: f64) -> f64 {
    if scale == 0.0 { 1.0 } else { scale }
}

/// Mean and standard deviation (divided by n), the latter 1 for a constant.
pub(super) fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let first = values[0];
    // Exact, where the rounded mean of a constant would leave a deviation of 10⁻¹⁷ to divide by.
    if values.iter().all(|x| x - first == 0.0) {
        return (first, 1.0);
    }
    let n = values.len() as f64;
    // Scaled by a power of two, which is exact, so that neither sums nor squares leave the range of numbers.
    let unit = power_of_two_near(values.iter().fold(0.0, |largest, x| x.abs().max(largest)));
    let mean = values.iter().map(|x| x / unit).sum::<f64>() / n;
    let deviations = || values.iter().map(|x| x / unit - mean);
    let largest = power_of_two_near(deviations().fold(0.0, |largest, d| d.abs().max(largest)));
    let variance = deviations().map(|d| (d / largest).powi(2)).sum::<f64>() / n;
    (mean * unit, variance.sqrt() * largest * unit)
}

/// A power of two within a factor of two of `x`; 1 where `x` is none, or no number to divide by.
fn power_of_two_near(x: f64) -> f64 {
    let power = x.log2().floor().clamp(-1021.0, 1023.0).exp2();
    if x.is_finite() && x > 0.0 { power } else { 1.0 }
}

/// The value below which a share `p` of sorted values lies, interpolated linearly between the two nearest.
pub(super) fn quantile(sorted: &[f64], p: f64) -> f64 {
    let place = p * (sorted.len() - 1) as f64;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index of the list")]
    let below = place.floor() as usize;
    let (low, high) = (sorted[below], sorted[(below + 1).min(sorted.len() - 1)]);
    let share = place.fract();
    // Of two equal values exactly that value.
    if low == high { low } else { low * (1.0 - share) + high * share }
}
