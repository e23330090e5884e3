//! What a picture shows.

use std::ops::RangeInclusive;
use std::path::Path;

use super::axis::{Axis, Scale, threshold};
use super::draw;
use super::levels::{Field, Spacing};
use super::series::{Mark, Series, Style};
use crate::error::{Error, ErrorKind};
use crate::file;
use crate::real::Real;

/// A picture with two axes, what is drawn over them, and a legend beside them.
///
/// Defaults: 800 × 500 pixels, legend aside; linear axes that show all there is. Eight curves differ in colour; the next
/// eight have the same colours and dashes, and so on with longer ones.
///
/// # Examples
///
/// A learning rate range test: the loss against the rate, and the rate to take.
///
/// ```
/// use gradus::plot::Plot;
///
/// let (rates, losses) = ([1e-4, 1e-3, 1e-2, 1e-1, 1.0], [2.3, 2.2, 1.4, 0.9, 8.0]);
/// let picture = Plot::new()
///     .x_label("learning rate")
///     .y_label("loss")
///     .log_x()
///     .curve_over("loss", &rates, &losses)
///     .mark_x(0.02, "suggested: 0.02")
///     .svg()?;
/// assert!(picture.contains("suggested"));
///
/// let error = Plot::new().title("Empty").svg().unwrap_err();
/// assert_eq!(error.kind(), gradus::ErrorKind::Value); // there is nothing to draw
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a picture is drawn by `save` or `svg`"]
pub struct Plot {
    pub(super) title: String,
    pub(super) x_label: String,
    pub(super) y_label: String,
    x_scale: Scale,
    y_scale: Scale,
    x_range: Option<RangeInclusive<f64>>,
    y_range: Option<RangeInclusive<f64>>,
    pub(super) series: Vec<Series>,
    pub(super) x_marks: Vec<Mark>,
    pub(super) y_marks: Vec<Mark>,
    pub(super) field: Option<Field>,
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
        Self::default()
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

    /// A logarithmic horizontal axis; every x must be above 0 then.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::plot::Plot;
    ///
    /// let rates = [1e-4, 1e-2, 1.0];
    /// assert!(Plot::new().log_x().curve_over("loss", &rates, &[2.0, 1.0, 5.0]).svg().is_ok());
    /// assert!(Plot::new().log_x().curve_over("loss", &[0.0, 1.0], &[2.0, 1.0]).svg().is_err());
    /// ```
    pub fn log_x(self) -> Self {
        Self { x_scale: Scale::Logarithmic, ..self }
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
        Self { y_scale: Scale::Logarithmic, ..self }
    }

    /// A vertical axis that is logarithmic upwards and downwards from 0, for values of either sign.
    ///
    /// It is linear between the powers of ten ±τ next to the smallest value that is not 0, but no more than twelve orders
    /// of magnitude below the largest.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::plot::Plot;
    ///
    /// let picture = Plot::new().symlog_y().curve("curvature", &[100.0, 1.0, 0.0, -1.0]).svg()?;
    /// assert!(picture.contains("-1"));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn symlog_y(self) -> Self {
        // What the values are is known when all are there.
        Self { y_scale: Scale::Symmetric(f64::NAN), ..self }
    }

    /// Shows this part of the horizontal axis; what lies beyond is cut off.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::plot::Plot;
    ///
    /// let plot = Plot::new().curve("loss", &[2.0, 1.0, 0.5]);
    /// assert!(plot.clone().x_range(2.0..=3.0).svg().is_ok());
    /// assert!(plot.x_range(3.0..=2.0).svg().is_err()); // there is nothing in it
    /// ```
    pub fn x_range(self, range: RangeInclusive<f64>) -> Self {
        Self { x_range: Some(range), ..self }
    }

    /// Shows this part of the vertical axis; what lies beyond is cut off.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::plot::Plot;
    ///
    /// // The rest can be read although one rule diverges.
    /// let plot = Plot::new().curve("η = 0.1", &[1.0, 0.8, 0.64]).curve("η = 1.1", &[1.0, 1e3, 1e6]);
    /// assert!(plot.y_range(0.0..=1.5).svg().is_ok());
    /// ```
    pub fn y_range(self, range: RangeInclusive<f64>) -> Self {
        Self { y_range: Some(range), ..self }
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
    pub fn curve<T: Real>(self, name: &str, values: &[T]) -> Self {
        let numbers = (1_u32..).map(f64::from);
        self.add(name.into(), numbers.zip(values.iter().map(|y| y.as_f64())).collect(), Style::Line, true)
    }

    /// Adds a curve through (x₁, y₁), (x₂, y₂), …, with gaps where a number is NaN or infinite.
    ///
    /// # Panics
    ///
    /// If there are not as many `y` as `x`.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::plot::Plot;
    ///
    /// let (seconds, losses) = ([0.1, 0.9, 1.7], [2.0, 1.0, 0.5]);
    /// let picture = Plot::new().x_label("seconds").curve_over("loss", &seconds, &losses).svg()?;
    /// assert!(picture.contains("seconds"));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[track_caller]
    pub fn curve_over<T: Real, U: Real>(self, name: &str, x: &[T], y: &[U]) -> Self {
        assert!(x.len() == y.len(), "plot: curve `{name}` has {} x and {} y", x.len(), y.len());
        let points = x.iter().zip(y).map(|(x, y)| (x.as_f64(), y.as_f64()));
        self.add(name.into(), points.collect(), Style::Line, false)
    }

    /// Adds the path of an update rule: a line with a dot at every iterate, a ring where it starts and a disc where it ends.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::plot::contours;
    ///
    /// let picture = contours(|x, y| x * x + y * y, -1.0..=1.0, -1.0..=1.0)
    ///     .path("gradient descent", &[[0.9, 0.5], [0.45, 0.25], [0.225, 0.125]])
    ///     .svg()?;
    /// assert!(picture.contains("gradient descent"));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn path<T: Real>(self, name: &str, points: &[[T; 2]]) -> Self {
        self.add(name.into(), pairs(points), Style::Path, false)
    }

    /// Adds points without a line, such as a minimum or data.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::plot::Plot;
    ///
    /// let picture = Plot::new().points("samples", &[[1.0, 2.0], [2.0, 4.0], [3.0, 5.0]]).svg()?;
    /// assert_eq!(picture.matches("<circle").count(), 4); // one in the legend
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn points<T: Real>(self, name: &str, points: &[[T; 2]]) -> Self {
        self.add(name.into(), pairs(points), Style::Points, false)
    }

    pub(super) fn stems(self, name: String, points: Vec<(f64, f64)>) -> Self {
        self.add(name, points, Style::Stems, true)
    }

    fn add(mut self, name: String, points: Vec<(f64, f64)>, style: Style, is_counted: bool) -> Self {
        self.series.push(Series { name, points, style, is_counted });
        self
    }

    /// Adds a vertical line at `x` with a text beside it, which may be empty.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::plot::Plot;
    ///
    /// let picture = Plot::new().curve("loss", &[2.0, 1.0, 1.2]).mark_x(2.0, "stopped").svg()?;
    /// assert!(picture.contains("stopped"));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn mark_x(mut self, x: f64, label: impl Into<String>) -> Self {
        self.x_marks.push(Mark { value: x, label: label.into() });
        self
    }

    /// Adds a horizontal line at `y` with a text on it, which may be empty.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::plot::Plot;
    ///
    /// let picture = Plot::new().curve("loss", &[2.0, 1.0, 0.6]).mark_y(0.5, "Bayes error").svg()?;
    /// assert!(picture.contains("Bayes error"));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn mark_y(mut self, y: f64, label: impl Into<String>) -> Self {
        self.y_marks.push(Mark { value: y, label: label.into() });
        self
    }

    pub(super) fn field(self, field: Field) -> Self {
        Self { field: Some(field), ..self }
    }

    /// About how many level lines [`contours`](super::contours) has, at least 1; 12 otherwise.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::plot::contours;
    ///
    /// let plot = contours(|x, y| x * x + y * y, -1.0..=1.0, -1.0..=1.0);
    /// assert!(plot.clone().levels(30).svg()?.len() > plot.levels(3).svg()?.len());
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn levels(mut self, levels: usize) -> Self {
        if let Some(field) = &mut self.field {
            field.count = levels.max(1);
        }
        self
    }

    /// Level lines of [`contours`](super::contours) at equal factors: what a ravine needs, in whose floor the function
    /// hardly differs compared with its walls.
    ///
    /// Factors are those of the height above 0 or, where the function goes below it or far from it, above its least value.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::plot::contours;
    ///
    /// let rosenbrock = |x: f64, y: f64| (1.0 - x).powi(2) + 100.0 * (y - x * x).powi(2);
    /// let picture = contours(rosenbrock, -2.0..=2.0, -1.0..=3.0).log_levels().svg()?;
    /// assert!(picture.contains("level lines"));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn log_levels(mut self) -> Self {
        if let Some(field) = &mut self.field {
            field.spacing = Spacing::Factors;
        }
        self
    }

    /// Draws the picture into a file, which is complete or not there.
    ///
    /// # Errors
    ///
    /// If there is nothing to draw, a value is not above 0 on a logarithmic axis, a range is empty, or the file cannot be
    /// written.
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
    /// If there is nothing to draw, a value is not above 0 on a logarithmic axis, or a range is empty.
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
        let points = || self.series.iter().flat_map(Series::drawn);
        if points().next().is_none() && !self.field.as_ref().is_some_and(Field::is_drawn) {
            return refuse("there is no finite value to draw");
        }
        let has_stems = self.series.iter().any(|series| series.style == Style::Stems);
        let all_counted = self.series.iter().all(|series| series.is_counted);

        // Of counts those of gaps, too.
        let numbers = self.series.iter().filter(|series| series.is_counted).flat_map(|series| &series.points);
        let x = points().chain(numbers.copied()).map(|(x, _)| x).chain(marked(&self.x_marks));
        let y = points().map(|(_, y)| y).chain(marked(&self.y_marks)).chain(has_stems.then_some(0.0));
        let y_scale = match self.y_scale {
            Scale::Symmetric(_) => Scale::Symmetric(threshold(y.clone())),
            scale => scale,
        };
        self.check_logarithmic('x', self.x_scale, &self.x_marks, |(x, _)| x)?;
        self.check_logarithmic('y', self.y_scale, &self.y_marks, |(_, y)| y)?;

        let x = match &self.x_range {
            Some(range) => within('x', range, self.x_scale)?,
            // Half a step beside the first and the last stem, so that they stand within the picture.
            None if has_stems => Axis::of_counts(x.flat_map(|x| [x - 0.5, x + 0.5])),
            None if all_counted && self.x_scale == Scale::Linear => Axis::of_counts(x),
            None if all_counted => Axis::without_margin(x, self.x_scale),
            None => Axis::of(x, self.x_scale),
        };
        let y = match &self.y_range {
            Some(range) => within('y', range, y_scale)?,
            None => Axis::of(y, y_scale),
        };
        if !(x.is_finite() && y.is_finite()) {
            return refuse("the values lie further apart than an axis can show");
        }
        Ok((x, y))
    }

    fn check_logarithmic(
        &self,
        axis: char,
        scale: Scale,
        marks: &[Mark],
        coordinate: impl Fn((f64, f64)) -> f64,
    ) -> Result<(), Error> {
        if scale != Scale::Logarithmic {
            return Ok(());
        }
        let help = format!("a logarithmic axis shows values above 0\n  help: leave out `log_{axis}`");
        for series in &self.series {
            if let Some((x, y)) = series.drawn().find(|&point| coordinate(point) <= 0.0) {
                return refuse(&match axis {
                    'x' => format!("curve `{}` has {y} at {x}, and {help}", series.name),
                    _ => format!("curve `{}` is {y} at {x}, and {help}", series.name),
                });
            }
        }
        if let Some(value) = marked(marks).find(|&value| value <= 0.0) {
            return refuse(&format!("a mark lies at {axis} = {value}, and {help}"));
        }
        Ok(())
    }
}

fn pairs<T: Real>(points: &[[T; 2]]) -> Vec<(f64, f64)> {
    points.iter().map(|[x, y]| (x.as_f64(), y.as_f64())).collect()
}

fn marked(marks: &[Mark]) -> impl Iterator<Item = f64> + Clone {
    marks.iter().map(|mark| mark.value).filter(|value| value.is_finite())
}

/// The axis of a range that was asked for.
fn within(axis: char, range: &RangeInclusive<f64>, scale: Scale) -> Result<Axis, Error> {
    let (low, high) = (*range.start(), *range.end());
    if !(low < high && low.is_finite() && high.is_finite()) {
        return refuse(&format!("the range of {axis} from {low} to {high} is empty"));
    }
    if scale == Scale::Logarithmic && low <= 0.0 {
        return refuse(&format!("the range of {axis} begins at {low}, and a logarithmic axis shows values above 0"));
    }
    Ok(Axis::within(low, high, scale))
}

fn refuse<T>(message: &str) -> Result<T, Error> {
    Err(Error::new(ErrorKind::Value, format!("plot: {message}")))
}
