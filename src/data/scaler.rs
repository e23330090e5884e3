//! Features of mean 0 and standard deviation 1.

use ndarray::{Array1, Array2, ArrayRef2, Axis};

use crate::error::{Error, ErrorKind};
use crate::real::Real;

/// Brings every feature to mean 0 and standard deviation 1.
///
/// ```text
/// z = (x − μ) / s        μ the mean of a feature, s its standard deviation (divided by n)
/// ```
///
/// A sample is a row, a feature a column. Fit it on the **training part only**: statistics that have seen the
/// validation or test part carry what is to be predicted into the training, and the test result is too good (leakage).
///
/// A constant feature keeps its scale (`s = 1`), so it becomes 0 there. Mean and deviation are computed in `f64`, in two
/// passes, whatever the elements are; NaN and ∞ make their whole column NaN.
///
/// # Examples
///
/// ```
/// use gradus::data::StandardScaler;
/// use ndarray::array;
///
/// let scaler = StandardScaler::fit(&array![[1.0, 5.0], [3.0, 5.0]])?;
/// assert_eq!((scaler.mean(), scaler.std()), (&array![2.0, 5.0], &array![1.0, 1.0]));
/// assert_eq!(scaler.transform(&array![[4.0, 5.0]])?, array![[2.0, 0.0]]);
/// assert_eq!(scaler.inverse(&array![[2.0, 0.0]])?, array![[4.0, 5.0]]);
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct StandardScaler {
    mean: Array1<f64>,
    std: Array1<f64>,
}

impl StandardScaler {
    /// Mean and standard deviation of each column of `train`, the training part.
    ///
    /// # Errors
    ///
    /// If there are no rows.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::StandardScaler;
    /// use ndarray::array;
    ///
    /// let scaler = StandardScaler::fit(&array![[1.0], [5.0]])?;
    /// assert_eq!((scaler.mean()[0], scaler.std()[0]), (3.0, 2.0)); // divided by n, not by n − 1
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn fit<T: Real>(train: &ArrayRef2<T>) -> Result<Self, Error> {
        if train.nrows() == 0 {
            let message = "scaler: there are no samples to fit".to_owned();
            return Err(Error::new(ErrorKind::Value, message));
        }
        let (mean, std) = train.axis_iter(Axis(1)).map(|feature| statistics(&feature)).unzip();
        Ok(Self { mean: Array1::from_vec(mean), std: Array1::from_vec(std) })
    }

    /// The mean of each feature.
    #[must_use]
    pub fn mean(&self) -> &Array1<f64> {
        &self.mean
    }

    /// What each feature is divided by: its standard deviation, or 1 where it is constant.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::StandardScaler;
    /// use ndarray::array;
    ///
    /// let scaler = StandardScaler::fit(&array![[0.0, 7.0], [4.0, 7.0]])?;
    /// assert_eq!(scaler.std(), array![2.0, 1.0]); // the second is constant
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn std(&self) -> &Array1<f64> {
        &self.std
    }

    /// Standardises samples, of whatever part.
    ///
    /// # Errors
    ///
    /// If there are not as many columns as in the training part.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::StandardScaler;
    /// use ndarray::array;
    ///
    /// let (train, test) = (array![[1.0], [3.0]], array![[2.0], [5.0]]);
    /// let scaler = StandardScaler::fit(&train)?;
    /// assert_eq!(scaler.transform(&test)?, array![[0.0], [3.0]]);
    /// assert!(scaler.transform(&array![[1.0, 2.0]]).is_err());
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn transform<T: Real>(&self, x: &ArrayRef2<T>) -> Result<Array2<T>, Error> {
        self.apply(x, |x, mean, std| {
            let deviation = x - mean;
            // The two may lie further apart than the largest number.
            if deviation.is_infinite() { x / std - mean / std } else { deviation / std }
        })
    }

    /// Takes standardised samples back to the scale of the data.
    ///
    /// # Errors
    ///
    /// If there are not as many columns as in the training part.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::StandardScaler;
    /// use ndarray::array;
    ///
    /// let scaler = StandardScaler::fit(&array![[1.0], [3.0]])?;
    /// assert_eq!(scaler.inverse(&array![[0.0], [-1.0]])?, array![[2.0], [1.0]]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn inverse<T: Real>(&self, z: &ArrayRef2<T>) -> Result<Array2<T>, Error> {
        self.apply(z, |z, mean, std| z * std + mean)
    }

    fn apply<T: Real>(&self, x: &ArrayRef2<T>, formula: impl Fn(f64, f64, f64) -> f64) -> Result<Array2<T>, Error> {
        if x.ncols() != self.mean.len() {
            let message = format!("scaler: fitted on {} features, found {}", self.mean.len(), x.ncols());
            return Err(Error::new(ErrorKind::Shape, message));
        }
        let mut scaled = x.to_owned();
        for mut sample in scaled.rows_mut() {
            for ((x, &mean), &std) in sample.iter_mut().zip(&self.mean).zip(&self.std) {
                *x = T::of(formula(x.as_f64(), mean, std));
            }
        }
        Ok(scaled)
    }
}

/// Mean and standard deviation (divided by n), the latter 1 for a constant.
fn statistics<T: Real>(feature: &ndarray::ArrayRef1<T>) -> (f64, f64) {
    let values = || feature.iter().map(|x| x.as_f64());
    let first = feature[0].as_f64();
    // Exact, where the rounded mean of a constant would leave a deviation of 10⁻¹⁷ to divide by.
    if values().all(|x| x - first == 0.0) {
        return (first, 1.0);
    }
    #[allow(clippy::cast_precision_loss, reason = "numbers of samples stay below 2^53")]
    let n = feature.len() as f64;
    // Scaled by a power of two, which is exact, so that neither sums nor squares leave the range of numbers.
    let unit = power_of_two_near(values().fold(0.0, |largest, x| x.abs().max(largest)));
    let mean = values().map(|x| x / unit).sum::<f64>() / n;
    let deviations = || values().map(|x| x / unit - mean);
    let largest = power_of_two_near(deviations().fold(0.0, |largest, d| d.abs().max(largest)));
    let variance = deviations().map(|d| (d / largest).powi(2)).sum::<f64>() / n;
    (mean * unit, variance.sqrt() * largest * unit)
}

/// A power of two within a factor of two of `x`; 1 where `x` is none, or no number to divide by.
fn power_of_two_near(x: f64) -> f64 {
    let power = x.log2().floor().clamp(-1021.0, 1023.0).exp2();
    if x.is_finite() && x > 0.0 { power } else { 1.0 }
}
