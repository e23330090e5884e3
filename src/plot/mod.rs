//! Pictures of a training, as SVG.
//!
//! ```
//! use gradus::plot;
//!
//! let (training, validation) = ([2.3, 0.9, 0.4, 0.2], [2.3, 1.1, 0.7, 0.6]);
//! let picture = plot::loss_curves([("training", &training[..]), ("validation", &validation[..])])
//!     .title("Digits")
//!     .y_label("cross-entropy in nats")
//!     .log_y()
//!     .svg()?;
//! assert!(picture.starts_with("<svg") && picture.contains("validation"));
//! # Ok::<(), gradus::Error>(())
//! ```

mod axis;
mod draw;

use std::path::Path;

use crate::error::{Error, ErrorKind};
use crate::file;
use crate::real::Real;

use axis::{Axis, Scale};

/// Loss against epoch, a curve for each name.
///
/// The values are those of the epochs 1, 2, …; curves may differ in length. Where a value is NaN or infinite, its curve
/// has a gap. The axes are named `epoch` and `loss`; [`Plot::y_label`] can say more, such as the unit.
///
/// # Examples
///
/// ```
/// use gradus::plot::loss_curves;
///
/// let picture = loss_curves([("training", &[2.3, 0.9, 0.4][..])]).svg()?;
/// assert!(picture.contains("epoch"));
/// # Ok::<(), gradus::Error>(())
/// ```
pub fn loss_curves<'a, T: Real>(curves: impl IntoIterator<Item = (&'a str, &'a [T])>) -> Plot {
    let plot = Plot::new().x_label("epoch").y_label("loss");
    curves.into_iter().fold(plot, |plot, (name, values)| plot.curve(name, values))
}

/// A picture with two axes, curves and a legend beside them.
///
/// Defaults: 800 × 500 pixels, legend aside; linear axes. Eight curves differ in colour; the next eight have the same
/// colours and dashes, and so on with longer ones.
///
/// # Examples
///
/// ```
/// use gradus::plot::Plot;
///
/// let error = Plot::new().title("Empty").svg().unwrap_err();
/// assert_eq!(error.kind(), gradus::ErrorKind::Value); // there is nothing to draw
/// ```
#[derive(Clone, Debug)]
#[must_use = "a picture is drawn by `save` or `svg`"]
pub struct Plot {
    title: String,
    x_label: String,
    y_label: String,
    log_y: bool,
    curves: Vec<Curve>,
}

#[derive(Clone, Debug)]
struct Curve {
    name: String,
    /// All points in order; where y is not finite, there is a gap.
    points: Vec<(f64, f64)>,
}

impl Default for Plot {
    fn default() -> Self {
        Self::new()
    }
}

impl Plot {
    /// An empty picture.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::plot::Plot;
    ///
    /// let picture = Plot::new().title("Noise").x_label("step").curve("norm", &[1.0, 0.5]).svg()?;
    /// assert!(picture.contains("Noise"));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn new() -> Self {
        let (title, x_label, y_label) = (String::new(), String::new(), String::new());
        Self { title, x_label, y_label, log_y: false, curves: Vec::new() }
    }

    /// What stands above the picture, in several lines where it is long.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::plot::Plot;
    ///
    /// let picture = Plot::new().title("Diabetes").curve("loss", &[2.0, 1.0]).svg()?;
    /// assert!(picture.contains("Diabetes"));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn title(self, title: impl Into<String>) -> Self {
        Self { title: title.into(), ..self }
    }

    /// What the horizontal axis shows.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::plot::Plot;
    ///
    /// let picture = Plot::new().x_label("iteration").curve("loss", &[2.0, 1.0]).svg()?;
    /// assert!(picture.contains("iteration"));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn x_label(self, label: impl Into<String>) -> Self {
        Self { x_label: label.into(), ..self }
    }

    /// What the vertical axis shows, with its unit.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::plot::Plot;
    ///
    /// let picture = Plot::new().y_label("loss in nats").curve("loss", &[2.0, 1.0]).svg()?;
    /// assert!(picture.contains("loss in nats"));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn y_label(self, label: impl Into<String>) -> Self {
        Self { y_label: label.into(), ..self }
    }

    /// A logarithmic vertical axis; every value must be above 0 then.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::plot::Plot;
    ///
    /// assert!(Plot::new().log_y().curve("loss", &[1.0, 0.01]).svg().is_ok());
    /// assert!(Plot::new().log_y().curve("loss", &[1.0, 0.0]).svg().is_err());
    /// ```
    pub fn log_y(self) -> Self {
        Self { log_y: true, ..self }
    }

    /// Adds a curve through (1, y₁), (2, y₂), …, with gaps where a value is NaN or infinite.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::plot::Plot;
    ///
    /// let picture = Plot::new().curve("loss", &[2.0, f64::NAN, 1.0, 0.5]).svg()?;
    /// assert!(picture.contains("loss"));
    /// assert!(Plot::new().curve("loss", &[f64::NAN]).svg().is_err()); // nothing but a gap
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn curve<T: Real>(mut self, name: &str, values: &[T]) -> Self {
        let numbers = (1_u32..).map(f64::from);
        let points = numbers.zip(values.iter().map(|y| y.as_f64())).collect();
        self.curves.push(Curve { name: name.into(), points });
        self
    }

    /// Draws the picture into a file, which is complete or not there.
    ///
    /// # Errors
    ///
    /// If there is nothing to draw, a value is not above 0 on a logarithmic axis, or the file cannot be written.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::plot::Plot;
    ///
    /// let path = std::env::temp_dir().join(format!("gradus-curve-{}.svg", std::process::id()));
    /// let plot = Plot::new().curve("loss", &[2.0, 1.0]);
    /// plot.save(&path)?;
    /// assert_eq!(std::fs::read_to_string(&path).unwrap(), plot.svg()?);
    /// # std::fs::remove_file(&path).unwrap();
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        file::write(path.as_ref(), self.svg()?.as_bytes())
    }

    /// The picture as the text of an SVG file.
    ///
    /// # Errors
    ///
    /// If there is nothing to draw, or a value is not above 0 on a logarithmic axis.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::plot::Plot;
    ///
    /// let picture = Plot::new().curve("loss", &[2.0, 1.0]).svg()?;
    /// assert!(picture.starts_with("<svg") && picture.contains("800"));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn svg(&self) -> Result<String, Error> {
        let (x, y) = self.axes()?;
        draw::svg(self, &x, &y)
    }

    fn axes(&self) -> Result<(Axis, Axis), Error> {
        let refuse = |message: String| Err(Error::new(ErrorKind::Value, format!("plot: {message}")));
        let heights = || self.curves.iter().flat_map(Curve::drawn).map(|(_, y)| y);
        if heights().next().is_none() {
            return refuse("there is no finite value to draw".into());
        }
        if self.log_y {
            for curve in &self.curves {
                if let Some((x, y)) = curve.drawn().find(|&(_, y)| y <= 0.0) {
                    return refuse(format!(
                        "curve `{}` is {y} at {x}, and a logarithmic axis shows values above 0\n  help: leave out `log_y`",
                        curve.name
                    ));
                }
            }
        }
        let scale = if self.log_y { Scale::Logarithmic } else { Scale::Linear };
        let numbers = self.curves.iter().flat_map(|curve| &curve.points).map(|(x, _)| *x);
        let (x, y) = (Axis::of_counts(numbers), Axis::of(heights(), scale));
        if !y.is_finite() {
            return refuse("the values lie further apart than an axis can show".into());
        }
        Ok((x, y))
    }
}

impl Curve {
    /// The points that can be drawn.
    fn drawn(&self) -> impl Iterator<Item = (f64, f64)> {
        self.points.iter().copied().filter(|(_, y)| y.is_finite())
    }

    /// The stretches between gaps.
    fn stretches(&self) -> impl Iterator<Item = &[(f64, f64)]> {
        self.points.split(|(_, y)| !y.is_finite()).filter(|points| !points.is_empty())
    }
}
