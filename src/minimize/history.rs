//! What a minimisation went through, iteration by iteration.

#[cfg(feature = "csv")]
use std::path::Path;

#[cfg(feature = "csv")]
use crate::error::Error;

/// What was measured at each iterate; entry 0 is the start.
///
/// All slices of one history have the same length, but for [`validation`](History::validation). What was not measured is
/// NaN.
///
/// # Examples
///
/// ```
/// use gradus::minimize::minimize;
/// use gradus::optim::stop;
/// use gradus::prelude::*;
///
/// let mut params = Params::<f64>::new();
/// let x = params.add("x", [], || 4.0);
/// let report = minimize(|step| step.param(x).square())
///     .with(Sgd::new(0.25))
///     .until(stop::max_iterations(3))
///     .norms(true)
///     .run(&mut params);
/// let history = &report.history;
/// assert_eq!(history.values(), [16.0, 4.0, 1.0, 0.25]);
/// assert_eq!(history.gradient_norms(), [8.0, 4.0, 2.0, 1.0]);
/// assert_eq!(history.step_norms()[1..], [2.0, 1.0, 0.5]);
/// ```
#[derive(Clone, PartialEq, Debug, Default)]
pub struct History {
    pub(super) values: Vec<f64>,
    pub(super) gradient_norms: Vec<f64>,
    pub(super) step_sizes: Vec<f64>,
    pub(super) step_norms: Vec<f64>,
    pub(super) validation: Vec<(u64, f64)>,
}

impl History {
    /// The number of iterates.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether nothing was measured.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The objective's value at each iterate; with batches, of the batch that the next step was made with.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// ‖g‖ at each iterate.
    #[must_use]
    pub fn gradient_norms(&self) -> &[f64] {
        &self.gradient_norms
    }

    /// The learning rate or step length that led to each iterate; NaN at the start.
    #[must_use]
    pub fn step_sizes(&self) -> &[f64] {
        &self.step_sizes
    }

    /// ‖Δθ‖ of the step that led to each iterate; NaN at the start.
    #[must_use]
    pub fn step_norms(&self) -> &[f64] {
        &self.step_norms
    }

    /// The validation metric with the iteration after which it was measured.
    #[must_use]
    pub fn validation(&self) -> &[(u64, f64)] {
        &self.validation
    }

    /// Writes a table with a line for each iterate: `iteration, value, gradient_norm, step_size, step_norm, validation`.
    ///
    /// What was not measured is an empty field. The file is written completely or not at all.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::minimize::minimize;
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let x = params.add("x", [], || 4.0);
    /// let report = minimize(|step| step.param(x).square()).with(Sgd::new(0.5)).run(&mut params);
    /// let path = std::env::temp_dir().join(format!("gradus-history-{}.csv", std::process::id()));
    /// report.history.save_csv(&path)?;
    /// let text = std::fs::read_to_string(&path).unwrap();
    /// # std::fs::remove_file(&path).unwrap();
    /// assert!(text.starts_with("iteration,value,gradient_norm,step_size,step_norm,validation\n0,16,,,,\n1,0,,0.5,,\n"));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[cfg(feature = "csv")]
    pub fn save_csv(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        use crate::error::ErrorKind;
        let path = path.as_ref();
        let text = |x: f64| if x.is_nan() { String::new() } else { x.to_string() };
        let mut writer = csv::Writer::from_writer(Vec::new());
        let mut write = |row: [String; 6]| writer.write_record(row);
        let names = ["iteration", "value", "gradient_norm", "step_size", "step_norm", "validation"];
        let mut written = write(names.map(str::to_owned));
        let mut validation = self.validation.iter().peekable();
        for (k, &value) in self.values.iter().enumerate() {
            let measured = validation.next_if(|(iteration, _)| *iteration <= k as u64);
            let row = [
                k.to_string(),
                text(value),
                text(self.gradient_norms[k]),
                text(self.step_sizes[k]),
                text(self.step_norms[k]),
                measured.map_or_else(String::new, |&(_, metric)| text(metric)),
            ];
            written = written.and_then(|()| write(row));
        }
        // With batches, the last metric is measured after the last step, where no batch was looked at.
        for &(iteration, metric) in validation {
            let empty = String::new;
            let row = [iteration.to_string(), empty(), empty(), empty(), empty(), text(metric)];
            written = written.and_then(|()| write(row));
        }
        let failed = |source: csv::Error| {
            Error::new(ErrorKind::Io, format!("cannot write `{}`: {source}", path.display())).caused_by(source)
        };
        written.map_err(failed)?;
        let bytes = writer.into_inner().map_err(|full| failed(full.into_error().into()))?;
        crate::file::write(path, &bytes)
    }

    /// A picture of value and, where they were measured, ‖g‖ and the validation metric against iterations, on a
    /// logarithmic axis where all values are positive.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::minimize::minimize;
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let x = params.add("x", [], || 4.0);
    /// let report = minimize(|step| step.param(x).square()).with(Sgd::new(0.4)).run(&mut params);
    /// assert!(report.history.plot().title("A parabola").svg()?.contains("A parabola"));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[cfg(feature = "plot")]
    pub fn plot(&self) -> crate::plot::Plot {
        let iterations: Vec<f64> = (0..self.values.len()).map(|k| k as f64).collect();
        let mut plot = crate::plot::Plot::new().x_label("iteration").y_label("value").curve_over(
            "value",
            &iterations,
            &self.values,
        );
        let mut positive = self.values.iter().all(|&x| x > 0.0);
        if self.gradient_norms.iter().any(|x| !x.is_nan()) {
            plot = plot.curve_over("‖g‖", &iterations, &self.gradient_norms);
        }
        if !self.validation.is_empty() {
            let (at, metrics): (Vec<f64>, Vec<f64>) =
                self.validation.iter().map(|&(k, metric)| (k as f64, metric)).unzip();
            positive &= metrics.iter().all(|&x| x > 0.0 || x.is_nan());
            plot = plot.curve_over("validation", &at, &metrics);
        }
        if positive { plot.log_y() } else { plot }
    }
}
