//! What a check found.

use std::fmt;

use super::difference::Estimate;
use super::subject::Block;
use crate::real::Real;
use crate::shape::Shape;

/// How many of the worst elements a report lists.
const LISTED: usize = 10;
/// Rounding errors of a derivative, in units of the last place of what enters it.
const ROUNDINGS: f64 = 64.0;
/// Of many estimates the one with the smallest error is taken, so that error is rather too small.
const OPTIMISM: f64 = 4.0;
/// An estimate that is off by more than this part of itself says nothing.
const USELESS: f64 = 0.05;

/// What a check found: a summary for each input, and the elements that failed. Print it, or [`assert`](Report::assert) it.
#[derive(Clone, Debug)]
pub struct Report {
    /// One summary for each input and order.
    pub inputs: Vec<InputReport>,
    /// The elements that failed, worst first.
    pub failures: Vec<Element>,
    element_type: &'static str,
    epsilon: f64,
    tolerance: f64,
    directions: bool,
    names: Vec<(String, Shape)>,
}

/// What a check found for one input at one order of derivative.
#[derive(Clone, Debug)]
pub struct InputReport {
    /// `input 0`, or the path of the parameter.
    pub name: String,
    /// The shape of the input.
    pub shape: Shape,
    /// The order of the derivative.
    pub order: usize,
    /// The number of elements (or directions) checked.
    pub checked: usize,
    /// The number of those that failed.
    pub failed: usize,
    /// The largest |analytic − numeric|.
    pub max_absolute_error: f64,
    /// The largest |analytic − numeric| / max(|analytic|, |numeric|).
    pub max_relative_error: f64,
}

/// One element (or direction) whose derivative failed.
#[derive(Clone, Debug)]
pub struct Element {
    /// The input that it belongs to.
    pub input: String,
    /// Its coordinates, such as `[0, 3]`, or the number of the direction.
    pub index: String,
    /// The order of the derivative.
    pub order: usize,
    /// The derivative from the tape.
    pub analytic: f64,
    /// The derivative from differences.
    pub numeric: f64,
    /// How far the differences may be off.
    pub error: f64,
    /// What is wrong.
    pub verdict: Verdict,
}

/// What is wrong with an element.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Verdict {
    /// Analytic and numeric derivative differ.
    Mismatch,
    /// The differences do not settle, so they can't confirm anything: there may be a kink or a jump.
    Inconclusive,
    /// One of the two derivatives is NaN or infinite.
    NotFinite,
}

/// A derivative from the tape beside one from differences.
#[derive(Clone, Debug)]
pub(super) struct Comparison {
    pub(super) index: String,
    /// The size of what was moved, or 1.
    pub(super) size: f64,
    pub(super) analytic: f64,
    pub(super) estimate: Estimate,
}

impl Comparison {
    fn magnitude(&self) -> f64 {
        self.analytic.abs().max(self.estimate.value.abs())
    }

    fn difference(&self) -> f64 {
        (self.analytic - self.estimate.value).abs()
    }
}

impl Report {
    pub(super) fn new<T: Real>(tolerance: f64, directions: Option<usize>, blocks: &[Block<T>]) -> Self {
        let names = blocks.iter().map(|block| (block.name.clone(), block.shape)).collect();
        let directions = directions.is_some();
        let (element_type, epsilon) = (T::NAME, T::epsilon().as_f64());
        Self { inputs: Vec::new(), failures: Vec::new(), element_type, epsilon, tolerance, directions, names }
    }

    /// Takes in what was compared for one input; `scale` is the size of all that enters its derivative.
    pub(super) fn add(&mut self, order: usize, input: usize, scale: f64, elements: Vec<Comparison>) {
        let (name, shape) = self.names[input].clone();
        let mut summary = InputReport {
            name: name.clone(),
            shape,
            order,
            checked: elements.len(),
            failed: 0,
            max_absolute_error: 0.0,
            max_relative_error: 0.0,
        };
        for element in elements {
            let difference = element.difference();
            // `max` would let NaN pass.
            let worst = |a: f64, b: f64| if a >= b || a.is_nan() { a } else { b };
            summary.max_absolute_error = worst(difference, summary.max_absolute_error);
            let relative = if difference == 0.0 { 0.0 } else { difference / element.magnitude() };
            summary.max_relative_error = worst(relative, summary.max_relative_error);
            if let Some(verdict) = self.judge(&element, scale) {
                summary.failed += 1;
                let Comparison { index, analytic, estimate, .. } = element;
                let (numeric, error) = (estimate.value, estimate.error);
                self.failures.push(Element { input: name.clone(), index, order, analytic, numeric, error, verdict });
            }
        }
        self.inputs.push(summary);
        self.failures.sort_by(|a, b| b.badness().total_cmp(&a.badness()));
    }

    fn judge(&self, element: &Comparison, scale: f64) -> Option<Verdict> {
        let (magnitude, error) = (element.magnitude(), element.estimate.error);
        if !element.analytic.is_finite() || !element.estimate.value.is_finite() {
            return Some(Verdict::NotFinite);
        }
        let rounding = ROUNDINGS * self.epsilon * scale / element.size;
        if element.difference() > self.tolerance * magnitude + OPTIMISM * error + rounding {
            return Some(Verdict::Mismatch);
        }
        // An error that is small beside everything else belongs to a derivative that is as good as 0.
        let small = self.tolerance * scale / element.size;
        (error > (USELESS * magnitude).max(small)).then_some(Verdict::Inconclusive)
    }

    /// The number of elements (or directions) checked, over all inputs and orders.
    #[must_use]
    pub fn checked(&self) -> usize {
        self.inputs.iter().map(|input| input.checked).sum()
    }

    /// Whether every derivative was confirmed, and there was at least one.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.failures.is_empty() && self.checked() > 0
    }

    /// Panics with the report unless it [`passed`](Report::passed).
    ///
    /// # Panics
    ///
    /// If a derivative was not confirmed, or there was none.
    #[track_caller]
    pub fn assert(&self) {
        assert!(self.passed(), "{self}");
    }
}

impl Element {
    /// analytic / numeric: a factor that was forgotten shows here.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        self.analytic / self.numeric
    }

    fn badness(&self) -> f64 {
        let size = self.analytic.abs().max(self.numeric.abs());
        let relative = (self.analytic - self.numeric).abs() / size.max(f64::MIN_POSITIVE);
        if relative.is_nan() { f64::INFINITY } else { relative }
    }
}

/// The coordinates of an element.
pub(super) fn position(shape: &Shape, at: usize) -> String {
    let strides = shape.strides();
    let index: Vec<_> = shape.iter().zip(strides).map(|(&n, stride)| at / stride % n).collect();
    format!("{index:?}")
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.directions { "directions" } else { "elements" };
        let (checked, failed) = (self.checked(), self.failures.len());
        if checked == 0 {
            return writeln!(f, "gradient check: nothing to check, no input has an element");
        }
        let outcome = if failed == 0 { "passed" } else { "failed" };
        writeln!(
            f,
            "gradient check {outcome}: {failed} of {checked} {what} wrong ({}, tolerance {:e})",
            self.element_type, self.tolerance
        )?;
        let width = self.names.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0).max(5);
        writeln!(f, "  {:width$}  order  {:>14}  checked  failed  max abs error  max rel error", "input", "shape")?;
        for input in &self.inputs {
            writeln!(
                f,
                "  {:width$}  {:>5}  {:>14}  {:>7}  {:>6}  {:>13.2e}  {:>13.2e}",
                input.name,
                input.order,
                input.shape.to_string(),
                input.checked,
                input.failed,
                input.max_absolute_error,
                input.max_relative_error
            )?;
        }
        for element in self.failures.iter().take(LISTED) {
            writeln!(f, "  {element}")?;
        }
        if failed > LISTED {
            writeln!(f, "  … and {} more", failed - LISTED)?;
        }
        Ok(())
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = if self.order == 1 { String::new() } else { format!(" order {}", self.order) };
        write!(
            f,
            "{}: {} {}{order}: analytic {:.10e}, numeric {:.10e} ± {:.1e}, ratio {:.6}",
            self.verdict,
            self.input,
            self.index,
            self.analytic,
            self.numeric,
            self.error,
            self.ratio()
        )
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::Mismatch => "mismatch",
            Verdict::Inconclusive => "inconclusive",
            Verdict::NotFinite => "not finite",
        })
    }
}
