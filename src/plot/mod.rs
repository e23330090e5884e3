//! Pictures of a training, as SVG: curves, the paths of update rules over level lines, spectra.
//!
//! All of them are a [`Plot`], so titles, logarithmic axes, ranges, marks and further curves work with each.
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
mod clip;
mod draw;
mod labels;
mod legend;
mod levels;
mod picture;
mod series;
mod thin;

use std::cmp::Ordering;
use std::ops::RangeInclusive;

use crate::real::Real;

pub use picture::Plot;

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
    counted("epoch", "loss", curves)
}

/// Learning rate against iteration, a curve for each schedule.
///
/// The values are those of the iterations 1, 2, …. [`Plot::log_y`] shows a rate that falls by factors as a straight line,
/// [`Plot::log_x`] besides one that falls as a power of the iteration.
///
/// # Examples
///
/// ```
/// use gradus::plot::rate_curves;
///
/// let (halved, inverse) = ([0.1, 0.05, 0.025], [0.1, 0.05, 0.0333]);
/// let picture = rate_curves([("halved", &halved[..]), ("1/t", &inverse[..])]).log_y().svg()?;
/// assert!(picture.contains("learning rate") && picture.contains("iteration"));
/// # Ok::<(), gradus::Error>(())
/// ```
pub fn rate_curves<'a, T: Real>(curves: impl IntoIterator<Item = (&'a str, &'a [T])>) -> Plot {
    counted("iteration", "learning rate", curves)
}

fn counted<'a, T: Real>(x: &str, y: &str, curves: impl IntoIterator<Item = (&'a str, &'a [T])>) -> Plot {
    let plot = Plot::new().x_label(x).y_label(y);
    curves.into_iter().fold(plot, |plot, (name, values)| plot.curve(name, values))
}

/// Level lines of a function of two variables over a rectangle; [`Plot::path`] draws the iterates of update rules on them.
///
/// The function is evaluated on a grid of 401 × 401 points here, and lines are interpolated linearly in its cells; where it
/// is NaN or infinite, there are none. Some twelve levels at round numbers and equal distances are drawn, the low ones
/// darker; [`Plot::levels`] asks for more or fewer, [`Plot::log_levels`] for equal factors, which a ravine needs. What
/// leaves the rectangle is cut off.
///
/// # Examples
///
/// ```
/// use gradus::plot::contours;
///
/// // Gradient descent in a ravine, with η = 0.18.
/// let mut path = vec![[9.0, 1.0]];
/// for t in 0..20 {
///     let [x, y]: [f64; 2] = path[t];
///     path.push([x - 0.18 * x, y - 0.18 * 10.0 * y]);
/// }
/// let picture = contours(|x, y| 0.5 * (x * x + 10.0 * y * y), -10.0..=10.0, -4.0..=4.0)
///     .log_levels()
///     .path("gradient descent", &path)
///     .svg()?;
/// assert!(picture.contains("gradient descent"));
/// # Ok::<(), gradus::Error>(())
/// ```
pub fn contours(f: impl FnMut(f64, f64) -> f64, x: RangeInclusive<f64>, y: RangeInclusive<f64>) -> Plot {
    let (field, plot) = (levels::Field::of(f, &x, &y), Plot::new().x_label("x").y_label("y"));
    plot.x_range(x).y_range(y).field(field)
}

/// Eigenvalues, such as those of a Hessian, from the largest to the smallest: how far apart they are and how many are
/// negative.
///
/// Positive ones are stems up from the line at 0, negative ones stems down in another colour, and the legend counts them.
/// [`Plot::symlog_y`] shows several orders of magnitude on either side of 0. NaN and infinite values are left out.
///
/// # Examples
///
/// ```
/// use gradus::plot::spectrum;
///
/// let picture = spectrum(&[-0.1, 20.0, 3.0, 0.0]).symlog_y().svg()?;
/// assert!(picture.contains("2 positive") && picture.contains("1 negative") && picture.contains("1 zero"));
/// # Ok::<(), gradus::Error>(())
/// ```
pub fn spectrum<T: Real>(eigenvalues: &[T]) -> Plot {
    let mut values: Vec<f64> =
        eigenvalues.iter().map(|value| value.as_f64()).filter(|value| value.is_finite()).collect();
    values.sort_by(|a, b| b.total_cmp(a));
    let numbered = (1_u32..).map(f64::from).zip(values);
    let kinds = [("positive", Ordering::Greater), ("negative", Ordering::Less), ("zero", Ordering::Equal)];
    let plot = Plot::new().x_label("number, from the largest").y_label("eigenvalue");
    kinds.into_iter().fold(plot, |plot, (kind, side)| {
        let is_of_kind = |value: f64| value.partial_cmp(&0.0) == Some(side);
        let points: Vec<(f64, f64)> = numbered.clone().filter(|&(_, value)| is_of_kind(value)).collect();
        if points.is_empty() { plot } else { plot.stems(format!("{} {kind}", points.len()), points) }
    })
}
