//! Features brought to one scale.

use std::fmt;
use std::marker::PhantomData;

use ndarray::{Array1, Array2, ArrayRef1, ArrayRef2, Axis};

use super::statistics::sealed::Sealed;
use super::statistics::{self, Statistic};
use crate::error::{Error, ErrorKind};
use crate::params::Params;
use crate::real::Real;

/// Brings every feature to mean 0 and standard deviation 1: a [`Scaler`] with
///
/// ```text
/// z = (x − μ) / s        μ the mean of a feature, s its standard deviation (divided by n)
/// ```
///
/// The usual choice. A feature whose values are all the same keeps its scale (`s = 1`) and becomes 0.
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
pub type StandardScaler = Scaler<Standard>;

/// Brings every feature to the range from 0 to 1: a [`Scaler`] with
///
/// ```text
/// z = (x − min) / (max − min)
/// ```
///
/// For features with bounds that mean something, such as pixels; a single outlier squeezes all other values together. Other
/// parts of the data may go beyond 0 and 1: they have not been seen. A feature whose values are all the same keeps its scale
/// and becomes 0. [`onto`](Scaler::onto) takes another range.
///
/// # Examples
///
/// ```
/// use gradus::data::MinMaxScaler;
/// use ndarray::array;
///
/// let scaler = MinMaxScaler::fit(&array![[1.0, 7.0], [2.0, 7.0], [5.0, 7.0]])?;
/// assert_eq!(scaler.transform(&array![[5.0, 7.0], [3.0, 8.0]])?, array![[1.0, 0.0], [0.5, 1.0]]);
/// # Ok::<(), gradus::Error>(())
/// ```
pub type MinMaxScaler = Scaler<MinMax>;

/// Brings the median of every feature to 0 and its quartiles to a distance of 1: a [`Scaler`] with
///
/// ```text
/// z = (x − median) / (q₃ − q₁)        q₁, q₃ the first and the third quartile
/// ```
///
/// For features with outliers, which move neither. Between two values quantiles are interpolated linearly (type 7 of
/// Hyndman and Fan 1996, as in NumPy). A feature whose quartiles are the same, whether or not other values differ, keeps its
/// scale.
///
/// # Examples
///
/// ```
/// use gradus::data::RobustScaler;
/// use ndarray::array;
///
/// let scaler = RobustScaler::fit(&array![[1.0], [2.0], [3.0], [4.0], [1e6]])?;
/// assert_eq!((scaler.shift()[0], scaler.scale()[0]), (3.0, 2.0));
/// assert_eq!(scaler.transform(&array![[4.0]])?, array![[0.5]]);
/// # Ok::<(), gradus::Error>(())
/// ```
pub type RobustScaler = Scaler<Robust>;

/// By mean and standard deviation: see [`StandardScaler`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Standard;

/// By minimum and maximum: see [`MinMaxScaler`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MinMax;

/// By median and quartiles: see [`RobustScaler`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Robust;

/// Shifts and scales every feature, `z = (x − shift) / scale`, by statistics of the training part.
///
/// [`StandardScaler`], [`MinMaxScaler`] and [`RobustScaler`] differ in what the two are. A sample is a row, a feature a
/// column. Features of one scale are what gradient descent with one learning rate needs: the condition number of a least
/// squares problem grows with the square of the ratio of the scales.
///
/// Fit it on the **training part only**: statistics that have seen the validation or test part carry what is to be
/// predicted into the training, and the test result is too good (leakage).
///
/// A constant feature keeps its scale (`scale = 1`), so it becomes 0 there. Statistics are computed in `f64`, whatever the
/// elements are; NaN and ∞ make their whole column NaN.
///
/// To save it with a model, [`add_to`](Scaler::add_to) makes it buffers of the model's parameters.
///
/// # Examples
///
/// ```
/// use gradus::data::{RobustScaler, StandardScaler};
/// use ndarray::array;
///
/// let train = array![[1.0], [3.0], [5.0]];
/// let (standard, robust) = (StandardScaler::fit(&train)?, RobustScaler::fit(&train)?);
/// assert_eq!((standard.shift(), robust.shift()), (&array![3.0], &array![3.0]));
/// # Ok::<(), gradus::Error>(())
/// ```
pub struct Scaler<S> {
    shift: Array1<f64>,
    scale: Array1<f64>,
    statistic: PhantomData<S>,
}

impl<S> Scaler<S> {
    fn new(shift: Array1<f64>, scale: Array1<f64>) -> Self {
        Self { shift, scale, statistic: PhantomData }
    }

    /// The statistics of each column of `train`, the training part.
    ///
    /// # Errors
    ///
    /// If there are no rows, or the values of a feature lie further apart than the largest number.
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
    pub fn fit<T: Real>(train: &ArrayRef2<T>) -> Result<Self, Error>
    where
        S: Statistic,
    {
        if train.nrows() == 0 {
            return Err(refuse(ErrorKind::Value, "there are no samples to fit"));
        }
        let statistics = |feature: &ArrayRef1<T>| {
            let values: Vec<f64> = feature.iter().map(|x| x.as_f64()).collect();
            // What is no number has no order either.
            if values.iter().all(|x| x.is_finite()) { S::of(values) } else { (f64::NAN, f64::NAN) }
        };
        let (shift, scale): (Vec<_>, Vec<_>) = train.axis_iter(Axis(1)).map(|feature| statistics(&feature)).unzip();
        if let Some(feature) = scale.iter().position(|scale| scale.is_infinite()) {
            let message = format!("the values of feature {feature} lie further apart than the largest number");
            return Err(refuse(ErrorKind::Value, &message));
        }
        Ok(Self::new(Array1::from_vec(shift), Array1::from_vec(scale)))
    }

    /// A scaler of statistics known from elsewhere.
    ///
    /// # Errors
    ///
    /// If there are not as many scales as shifts, or a scale is 0 or infinite.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::StandardScaler;
    /// use ndarray::array;
    ///
    /// let published = StandardScaler::from_parts(array![0.1307], array![0.3081])?; // of the pixels of MNIST
    /// assert_eq!(published.transform(&array![[0.1307]])?, array![[0.0]]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn from_parts(shift: Array1<f64>, scale: Array1<f64>) -> Result<Self, Error> {
        if shift.len() != scale.len() {
            let message = format!("{} shifts, {} scales", shift.len(), scale.len());
            return Err(refuse(ErrorKind::Shape, &message));
        }
        if let Some(feature) = scale.iter().position(|&scale| scale == 0.0 || scale.is_infinite()) {
            let message = format!("the scale of feature {feature} is {}, nothing to divide by", scale[feature]);
            return Err(refuse(ErrorKind::Value, &message));
        }
        Ok(Self::new(shift, scale))
    }

    /// A scaler that leaves everything as it is: shift 0, scale 1. Its buffers are room to load others into.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::StandardScaler;
    /// use ndarray::array;
    ///
    /// assert_eq!(StandardScaler::identity(1).transform(&array![[3.0]])?, array![[3.0]]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn identity(features: usize) -> Self {
        Self::new(Array1::zeros(features), Array1::ones(features))
    }

    /// What is subtracted from each feature.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::MinMaxScaler;
    /// use ndarray::array;
    ///
    /// let scaler = MinMaxScaler::fit(&array![[2.0], [6.0]])?;
    /// assert_eq!((scaler.shift()[0], scaler.scale()[0]), (2.0, 4.0)); // minimum and range
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn shift(&self) -> &Array1<f64> {
        &self.shift
    }

    /// What each feature is divided by, after the shift: 1 where it is constant.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::RobustScaler;
    /// use ndarray::array;
    ///
    /// let scaler = RobustScaler::fit(&array![[2.0, 1.0], [6.0, 1.0]])?;
    /// assert_eq!(scaler.scale(), array![2.0, 1.0]); // quartiles 3 and 5; the second is constant
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn scale(&self) -> &Array1<f64> {
        &self.scale
    }

    /// Scales samples, of whatever part.
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
        self.apply(x, |x, shift, scale| {
            let deviation = x - shift;
            // The two may lie further apart than the largest number.
            if deviation.is_infinite() { x / scale - shift / scale } else { deviation / scale }
        })
    }

    /// Takes scaled samples back to the scale of the data.
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
        self.apply(z, |z, shift, scale| z * scale + shift)
    }

    fn apply<T: Real>(&self, x: &ArrayRef2<T>, formula: impl Fn(f64, f64, f64) -> f64) -> Result<Array2<T>, Error> {
        if x.ncols() != self.shift.len() {
            let message = format!("fitted on {} features, found {}", self.shift.len(), x.ncols());
            return Err(refuse(ErrorKind::Shape, &message));
        }
        let mut scaled = x.to_owned();
        for mut sample in scaled.rows_mut() {
            for ((x, &shift), &scale) in sample.iter_mut().zip(&self.shift).zip(&self.scale) {
                *x = T::of(formula(x.as_f64(), shift, scale));
            }
        }
        Ok(scaled)
    }

    /// Makes the scaler part of a model: adds the buffers `NAME.shift` and `NAME.scale`, which are saved and loaded with
    /// the parameters. They have the element type of the store; in `f32` they are rounded.
    ///
    /// # Panics
    ///
    /// If a name is taken.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::StandardScaler;
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f32>::new();
    /// let scaler = StandardScaler::fit(&array![[1.0], [3.0]])?;
    /// scaler.add_to(&mut params, "scaler");
    ///
    /// // Where the model is loaded, there is room for a scaler of as many features.
    /// let mut loaded = Params::<f32>::new();
    /// StandardScaler::identity(1).add_to(&mut loaded, "scaler");
    /// # #[cfg(feature = "safetensors")] {
    /// use gradus::io::safetensors;
    /// safetensors::from_bytes(&mut loaded, &safetensors::to_bytes(&params)?)?;
    /// assert_eq!(StandardScaler::from_params(&loaded, "scaler")?, scaler);
    /// # }
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn add_to<T: Real>(&self, params: &mut Params<T>, name: &str) {
        for (part, values) in [("shift", &self.shift), ("scale", &self.scale)] {
            let mut values = values.iter();
            let next = || T::of(*values.next().expect("one value for each element"));
            params.add_buffer(&format!("{name}.{part}"), [self.shift.len()], next);
        }
    }

    /// The scaler that [`add_to`](Scaler::add_to) made part of a model.
    ///
    /// # Errors
    ///
    /// If there is none of this name, or as [`from_parts`](Scaler::from_parts).
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::MinMaxScaler;
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let scaler = MinMaxScaler::fit(&array![[0.0], [255.0]])?;
    /// scaler.add_to(&mut params, "pixels");
    /// assert_eq!(MinMaxScaler::from_params(&params, "pixels")?, scaler);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn from_params<T: Real>(params: &Params<T>, name: &str) -> Result<Self, Error> {
        let part = |part| {
            let values = params.array(&format!("{name}.{part}"))?;
            Ok(values.iter().map(|x| x.as_f64()).collect())
        };
        Self::from_parts(part("shift")?, part("scale")?)
    }
}

impl StandardScaler {
    /// The mean of each feature, which is the [`shift`](Scaler::shift).
    #[must_use]
    pub fn mean(&self) -> &Array1<f64> {
        &self.shift
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
        &self.scale
    }
}

impl MinMaxScaler {
    /// The same scaler for the range from `low` to `high` instead of 0 to 1; the ends are met to within rounding.
    ///
    /// # Panics
    ///
    /// If `low` is not below `high`, or one of them is not finite.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::MinMaxScaler;
    /// use ndarray::array;
    ///
    /// let scaler = MinMaxScaler::fit(&array![[0.0], [16.0]])?.onto(-1.0, 1.0);
    /// assert_eq!(scaler.transform(&array![[0.0], [4.0], [16.0]])?, array![[-1.0], [-0.5], [1.0]]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn onto(self, low: f64, high: f64) -> Self {
        assert!(low < high && (high - low).is_finite(), "scaler: {low} to {high} is no range");
        // low + (x − shift) / scale · (high − low), written as one shift and one scale.
        let scale = self.scale / (high - low);
        Self::new(self.shift - &scale * low, scale)
    }
}

impl<S> Clone for Scaler<S> {
    fn clone(&self) -> Self {
        Self::new(self.shift.clone(), self.scale.clone())
    }
}

impl<S> PartialEq for Scaler<S> {
    fn eq(&self, other: &Self) -> bool {
        (&self.shift, &self.scale) == (&other.shift, &other.scale)
    }
}

impl<S> fmt::Debug for Scaler<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scaler").field("shift", &self.shift).field("scale", &self.scale).finish()
    }
}

impl Sealed for Standard {}
impl Sealed for MinMax {}
impl Sealed for Robust {}

impl Statistic for Standard {
    fn of(values: Vec<f64>) -> (f64, f64) {
        statistics::mean_and_deviation(&values)
    }
}

impl Statistic for MinMax {
    fn of(values: Vec<f64>) -> (f64, f64) {
        let (low, high) = values.iter().fold((values[0], values[0]), |(low, high), &x| (low.min(x), high.max(x)));
        (low, statistics::divisor(high - low))
    }
}

impl Statistic for Robust {
    fn of(mut values: Vec<f64>) -> (f64, f64) {
        values.sort_unstable_by(f64::total_cmp);
        let [first, median, third] = [0.25, 0.5, 0.75].map(|p| statistics::quantile(&values, p));
        (median, statistics::divisor(third - first))
    }
}

fn refuse(kind: ErrorKind, message: &str) -> Error {
    Error::new(kind, format!("scaler: {message}"))
}
