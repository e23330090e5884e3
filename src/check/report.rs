//! What a check found.

use std::fmt;

use super::judge::Finding;
use super::subject::Block;
use crate::real::Real;
use crate::shape::Shape;

/// How many of the worst elements a report lists.
const LISTED: usize = 10;

/// What a check found: a summary for each input, and the elements that failed. Print it, or [`assert`](Report::assert) it.
#[derive(Clone, Debug)]
pub struct Report {
    /// One summary for each input and order.
    pub inputs: Vec<InputReport>,
    /// The elements that failed: those that are wrong before those that are inconclusive, worst first.
    pub failures: Vec<Element>,
    element_type: &'static str,
    coarse: bool,
    tolerance: f64,
    directions: Option<usize>,
    names: Vec<(String, Shape)>,
    /// What there is instead of inputs, if there are none.
    lack: String,
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
    /// Whether what is differentiated depends on the input at all.
    pub reached: bool,
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
    /// Whether there is a kink or a jump at the point itself.
    pub kink: bool,
}

/// What is wrong with an element.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Verdict {
    /// Analytic and numeric derivative differ.
    Mismatch,
    /// The differences are too coarse to tell, or there is a kink or a jump at the point or near it.
    Inconclusive,
    /// One of the two derivatives is NaN or infinite.
    NotFinite,
}

/// A derivative from the tape beside what differences say about it.
#[derive(Clone, Debug)]
pub(super) struct Comparison {
    pub(super) index: String,
    pub(super) analytic: f64,
    pub(super) finding: Finding,
}

impl Comparison {
    fn magnitude(&self) -> f64 {
        self.analytic.abs().max(self.finding.value.abs())
    }

    fn difference(&self) -> f64 {
        (self.analytic - self.finding.value).abs()
    }
}

impl Report {
    pub(super) fn new<T: Real>(tolerance: f64, directions: Option<usize>, blocks: &[Block<T>], lack: String) -> Self {
        let names = blocks.iter().map(|block| (block.name.clone(), block.shape)).collect();
        let (element_type, coarse) = (T::NAME, T::epsilon() > T::of(1e-10));
        Self { inputs: Vec::new(), failures: Vec::new(), element_type, coarse, tolerance, directions, names, lack }
    }

    /// Takes in what was compared for one input.
    pub(super) fn add(&mut self, order: usize, input: usize, reached: bool, elements: Vec<Comparison>) {
        let (name, shape) = self.names[input].clone();
        let mut summary = InputReport {
            name: name.clone(),
            shape,
            order,
            reached,
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
            let Comparison { index, analytic, finding } = element;
            let Finding { value: numeric, error, verdict, kink } = finding;
            if let Some(verdict) = verdict {
                summary.failed += 1;
                let input = name.clone();
                self.failures.push(Element { input, index, order, analytic, numeric, error, verdict, kink });
            }
        }
        self.inputs.push(summary);
        let certain = |element: &Element| element.verdict != Verdict::Inconclusive;
        self.failures.sort_by(|a, b| certain(b).cmp(&certain(a)).then(b.badness().total_cmp(&a.badness())));
    }

    /// The number of elements (or directions) checked, over all inputs and orders.
    #[must_use]
    pub fn checked(&self) -> usize {
        self.inputs.iter().map(|input| input.checked).sum()
    }

    /// Whether every derivative was confirmed, there was at least one, and what was differentiated depends on an input.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.failures.is_empty() && self.checked() > 0 && self.inputs.iter().any(|input| input.reached)
    }

    /// Panics with the report unless it [`passed`](Report::passed).
    ///
    /// # Panics
    ///
    /// If a derivative was not confirmed, there was none, or nothing depends on the inputs.
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

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.directions.is_some() { "directions" } else { "elements" };
        let (checked, failed) = (self.checked(), self.failures.len());
        if checked == 0 {
            let why = match (self.names.len(), self.directions) {
                (0, _) => &self.lack[..],
                (_, Some(0)) => "0 directions were asked for",
                _ => "no input has an element",
            };
            return writeln!(f, "gradient check failed: nothing to check, {why}");
        }
        let outcome = if self.passed() { "passed" } else { "failed" };
        let doubts = self.failures.iter().filter(|element| element.verdict == Verdict::Inconclusive).count();
        let doubted = if doubts == 0 { String::new() } else { format!(", {doubts} inconclusive") };
        writeln!(
            f,
            "gradient check {outcome}: {} of {checked} {what} wrong{doubted} ({}, tolerance {:e})",
            failed - doubts,
            self.element_type,
            self.tolerance
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
        self.write_unreached(f)?;
        for element in self.failures.iter().take(LISTED) {
            writeln!(f, "  {element}")?;
        }
        if failed > LISTED {
            writeln!(f, "  … and {} more", failed - LISTED)?;
        }
        if self.coarse && self.failures.iter().any(|e| e.verdict == Verdict::Inconclusive && !e.kink) {
            let name = self.element_type;
            writeln!(f, "  help: {name} is too coarse here; check in f64, a model with `params.cast::<f64>()`")?;
        }
        Ok(())
    }
}

impl Report {
    /// Names the inputs that play no part: a layer that is left out by mistake shows nowhere else.
    fn write_unreached(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.inputs.iter().filter(|input| input.order == 1);
        let unreached: Vec<_> = first.clone().filter(|input| !input.reached).map(|input| &input.name[..]).collect();
        if unreached.is_empty() {
            return Ok(());
        }
        if unreached.len() == first.count() {
            writeln!(f, "  nothing to differentiate: what is checked depends on none of its inputs")?;
        }
        writeln!(f, "  not reached, so the derivative is 0: {}", unreached.join(", "))
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = if self.order == 1 { String::new() } else { format!(" order {}", self.order) };
        write!(
            f,
            "{}: {} {}{order}: analytic {:.10e}, numeric {:.10e} ± {:.1e}",
            self.verdict, self.input, self.index, self.analytic, self.numeric, self.error
        )?;
        if !self.ratio().is_nan() {
            write!(f, ", ratio {:.6}", self.ratio())?;
        }
        if self.kink { f.write_str(" (a kink or a jump at the point)") } else { Ok(()) }
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
