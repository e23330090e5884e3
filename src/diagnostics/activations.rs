//! Statistics of the values inside of a model.

use std::fmt;

use super::table::Table;
use crate::real::Real;
use crate::shape::Shape;
use crate::tape::Var;

/// Statistics of some tensors of a recording: whether signals die out, blow up or saturate on their way through a model.
///
/// All are read in one run. Mean and standard deviation (the population's, dividing by n) are computed in `f64` over
/// finite elements.
///
/// # Panics
///
/// If the tensors are of several recordings.
///
/// # Examples
///
/// ```
/// use gradus::diagnostics::activations;
/// use gradus::prelude::*;
///
/// let (params, mut tape) = (Params::<f64>::new(), Tape::new());
/// let step = tape.record(&params);
/// let x = step.input(&[-3.0, -1.0, 1.0, 3.0]);
/// let found = activations(&[("x", x), ("hidden", x.relu())]);
/// let hidden = &found.rows[1];
/// assert_eq!((hidden.mean, hidden.max, hidden.zeros), (1.0, 3.0, 0.5)); // half of them are 0
/// println!("{found}");
/// ```
#[must_use]
#[track_caller]
pub fn activations<T: Real>(tensors: &[(&str, Var<'_, T>)]) -> Activations {
    let vars: Vec<_> = tensors.iter().map(|&(_, var)| var).collect();
    let Some(first) = vars.first() else { return Activations { rows: Vec::new() } };
    let values = first.recording().values(&vars);
    let rows = tensors.iter().zip(values).map(|(&(name, var), value)| {
        ActivationRow::new(name, var.shape(), value.as_slice().expect("a value in standard order"))
    });
    Activations { rows: rows.collect() }
}

/// What [`activations`] found, in the order that was asked for.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Activations {
    /// One entry for each tensor.
    pub rows: Vec<ActivationRow>,
}

/// The statistics of one tensor. Where no element is finite, all but the fractions are NaN.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct ActivationRow {
    /// The name given.
    pub name: String,
    /// The shape.
    pub shape: Shape,
    /// The mean of finite elements.
    pub mean: f64,
    /// Their standard deviation.
    pub std: f64,
    /// The least of them.
    pub min: f64,
    /// The largest of them.
    pub max: f64,
    /// The fraction of all elements that is exactly 0.
    pub zeros: f64,
    /// The fraction that is NaN or infinite.
    pub not_finite: f64,
}

impl ActivationRow {
    fn new<T: Real>(name: &str, shape: Shape, values: &[T]) -> Self {
        let finite = || values.iter().map(|x| x.as_f64()).filter(|x| x.is_finite());
        let count = finite().count() as f64;
        let mean = finite().sum::<f64>() / count;
        let std = (finite().map(|x| (x - mean) * (x - mean)).sum::<f64>() / count).sqrt();
        let fraction = |n: usize| if values.is_empty() { 0.0 } else { n as f64 / values.len() as f64 };
        Self {
            name: name.to_owned(),
            shape,
            mean,
            std,
            min: finite().fold(f64::NAN, f64::min),
            max: finite().fold(f64::NAN, f64::max),
            zeros: fraction(values.iter().filter(|x| x.is_zero()).count()),
            not_finite: fraction(values.iter().filter(|x| !x.is_finite()).count()),
        }
    }
}

impl fmt::Display for Activations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(&["tensor", "shape", "mean", "std", "min", "max", "zeros", "not finite"]);
        for row in &self.rows {
            let number = |x: f64| format!("{x:.3e}");
            let percent = |x: f64| format!("{:.1} %", 100.0 * x);
            table.row(vec![
                row.name.clone(),
                row.shape.to_string(),
                number(row.mean),
                number(row.std),
                number(row.min),
                number(row.max),
                percent(row.zeros),
                percent(row.not_finite),
            ]);
        }
        table.fmt(f)
    }
}
