//! What a history says about a run.

use std::fmt;

use crate::minimize::History;

/// Reads a history and says what ails the run, with the evidence and the remedy.
///
/// It looks at the last quarter of the iterates, at most 200 and at least 8. With batches, values are noisy: what it says of
/// oscillation is then about noise as much as about the rate.
///
/// | symptom | evidence |
/// |---|---|
/// | diverging | the window ends above its start, the start of the run, and ten times the best |
/// | oscillating | at least a quarter of the steps lead up, and the way is five times as long as what is gained |
/// | exploding gradient | the largest ‖g‖ is a thousand times the median |
/// | vanishing gradient | ‖g‖ fell below 10⁻⁶ of its start, while the value lost less than a tenth of itself |
/// | plateau | the window gains at most 10⁻³ of what the run has gained and 1 % of the value, and ‖g‖ neither is small nor shrinks |
/// | stalled | the same with ‖g‖ below 10⁻³ of its start: a minimum, a saddle, or a flat region |
/// | slow | each step gains less than 10⁻³ of the value, always downwards, and the window 1 % of all that was gained |
/// | overfitting | validation is more than a tenth worse than its best, which is past, while the value went on falling |
///
/// # Examples
///
/// ```
/// use gradus::diagnostics::{Symptom, diagnose};
/// use gradus::minimize::minimize;
/// use gradus::optim::stop;
/// use gradus::prelude::*;
///
/// let mut params = Params::<f64>::new();
/// let x = params.add("x", [], || 1.0);
/// let report = minimize(|step| step.param(x).square())
///     .with(Sgd::new(1.1)) // above 2/L
///     .until(stop::max_iterations(40))
///     .run(&mut params);
/// let diagnosis = diagnose(&report.history);
/// assert_eq!(diagnosis.findings[0].symptom, Symptom::Diverging);
/// ```
#[must_use]
pub fn diagnose(history: &History) -> Diagnosis {
    let mut findings = Vec::new();
    let values = history.values();
    if values.len() >= WINDOW {
        let run = Run::new(history);
        let looks = [
            Run::diverging,
            Run::exploding,
            Run::oscillating,
            Run::vanishing,
            Run::standing,
            Run::slow,
            Run::overfitting,
        ];
        findings.extend(looks.iter().filter_map(|look| look(&run)));
    }
    Diagnosis { iterates: values.len(), findings }
}

/// The least that can be judged.
const WINDOW: usize = 8;

/// What is wrong with a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Symptom {
    /// The value grows.
    Diverging,
    /// The value goes up and down and gains little.
    Oscillating,
    /// Some gradients are far longer than others.
    ExplodingGradient,
    /// The gradient became tiny far from any gain.
    VanishingGradient,
    /// The value no longer falls, though the gradient is not small.
    Plateau,
    /// The value no longer falls, and the gradient is small: a minimum, a saddle or a flat region.
    Stalled,
    /// The value falls steadily and far too slowly.
    Slow,
    /// Validation becomes worse while the value falls.
    Overfitting,
}

/// One symptom.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Finding {
    /// What it is.
    pub symptom: Symptom,
    /// The numbers it was seen by.
    pub evidence: String,
    /// What to do.
    pub remedy: &'static str,
}

/// What a history says.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Diagnosis {
    /// The iterates there were to look at.
    pub iterates: usize,
    /// The symptoms, the gravest first; none in a run that is well.
    pub findings: Vec<Finding>,
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { iterates, findings } = self;
        if *iterates < WINDOW {
            return write!(f, "{iterates} iterates are too few to judge, it takes {WINDOW}");
        }
        if findings.is_empty() {
            return write!(f, "nothing conspicuous in {iterates} iterates");
        }
        for (k, Finding { symptom, evidence, remedy }) in findings.iter().enumerate() {
            let line = if k > 0 { "\n" } else { "" };
            write!(f, "{line}{symptom:?}: {evidence}\n  do: {remedy}")?;
        }
        Ok(())
    }
}

struct Run<'a> {
    values: &'a [f64],
    window: &'a [f64],
    /// ‖g‖ where it was measured.
    norms: Vec<f64>,
    validation: &'a [(u64, f64)],
    best: f64,
}

impl<'a> Run<'a> {
    fn new(history: &'a History) -> Self {
        let values = history.values();
        let length = (values.len() / 4).clamp(WINDOW, 200);
        Self {
            values,
            window: &values[values.len() - length..],
            norms: history.gradient_norms().iter().copied().filter(|norm| !norm.is_nan()).collect(),
            validation: history.validation(),
            best: values.iter().copied().fold(f64::INFINITY, f64::min),
        }
    }

    fn first(&self) -> f64 {
        self.values[0]
    }

    fn last(&self) -> f64 {
        self.values[self.values.len() - 1]
    }

    /// What the window gains.
    fn gain(&self) -> f64 {
        self.window[0] - self.last()
    }

    fn ups(&self) -> usize {
        self.window.windows(2).filter(|pair| pair[1] > pair[0]).count()
    }

    fn diverging(&self) -> Option<Finding> {
        let (first, last, best) = (self.first(), self.last(), self.best);
        let grown = last > self.window[0] && last > first && last - best > 9.0 * best.abs().max(first - best);
        grown.then(|| Finding {
            symptom: Symptom::Diverging,
            evidence: format!("the value went from {first:.3e} by {best:.3e} to {last:.3e}"),
            remedy: "a smaller learning rate: it must be below 2/L (`curvature` measures L); clip the gradient; warm up",
        })
    }

    fn oscillating(&self) -> Option<Finding> {
        let (ups, steps) = (self.ups(), self.window.len() - 1);
        let way: f64 = self.window.windows(2).map(|pair| (pair[1] - pair[0]).abs()).sum();
        // A way within rounding is a standstill.
        let real = way > 1e-9 * self.last().abs() * steps as f64;
        let swings = 4 * ups >= steps && ups < steps && way > 5.0 * self.gain().abs() && real;
        swings.then(|| Finding {
            symptom: Symptom::Oscillating,
            evidence: format!("{ups} of the last {steps} steps led up; the way of {way:.3e} gained {:.3e}", self.gain()),
            remedy: "a smaller learning rate or a schedule that lowers it; momentum in ravines; with batches, larger ones",
        })
    }

    fn exploding(&self) -> Option<Finding> {
        let mut sorted = self.norms.clone();
        sorted.sort_by(f64::total_cmp);
        let (&median, &largest) = (sorted.get(sorted.len() / 2)?, sorted.last()?);
        (sorted.len() >= WINDOW && median > 0.0 && largest > 1e3 * median && largest > 10.0 * self.norms[0]).then(|| Finding {
            symptom: Symptom::ExplodingGradient,
            evidence: format!("‖g‖ came to {largest:.3e}, {:.0} times its median", largest / median),
            remedy: "clip the gradient (`clip_norm`); a smaller learning rate; normalise layers, initialise smaller",
        })
    }

    fn vanishing(&self) -> Option<Finding> {
        let (&first, &last) = (self.norms.first()?, self.norms.last()?);
        let little = self.first() - self.best < 0.1 * self.first().abs();
        (last < 1e-6 * first && little).then(|| Finding {
            symptom: Symptom::VanishingGradient,
            evidence: format!("‖g‖ fell from {first:.3e} to {last:.3e}, the value only from {:.3e} to {:.3e}", self.first(), self.best),
            remedy: "activations that do not saturate (relu, gelu), initialisation by fan-in, normalised layers and features",
        })
    }

    fn standing(&self) -> Option<Finding> {
        let all = self.first() - self.best;
        let gain = self.gain().abs();
        let stands = gain <= 1e-3 * all.abs() && gain <= (1e-2 * self.last().abs()).max(1e-12 * all.abs());
        // A gradient that goes on shrinking converges.
        let window = &self.norms[self.norms.len().saturating_sub(self.window.len())..];
        let shrinks = window.first().zip(window.last()).is_some_and(|(first, last)| *last > 0.0 && 2.0 * last < *first);
        if !stands || shrinks || self.vanishing().is_some() {
            return None;
        }
        let evidence =
            format!("the last {} iterates gained {:.3e} of {all:.3e} in all", self.window.len(), self.gain());
        let small = match (self.norms.first(), self.norms.last()) {
            (Some(&first), Some(&last)) => Some((last <= 1e-3 * first, last)),
            _ => None,
        };
        Some(match small {
            Some((true, norm)) => Finding {
                symptom: Symptom::Stalled,
                evidence: format!("{evidence}; ‖g‖ = {norm:.3e}"),
                remedy: "`classify_critical_point` tells a minimum from a saddle: of a saddle, leave by noise or momentum; a flat valley wants scaled features, momentum or L-BFGS",
            },
            Some((false, norm)) => Finding {
                symptom: Symptom::Plateau,
                evidence: format!("{evidence}; ‖g‖ = {norm:.3e}"),
                remedy: "another learning rate (`find_learning_rate`), momentum, or a schedule; is the rate too large for the ravine?",
            },
            None => Finding {
                symptom: Symptom::Plateau,
                evidence: format!("{evidence}; ‖g‖ was not measured"),
                remedy: "measure ‖g‖ (`norms(true)`): small, it is a minimum or a saddle; large, try another learning rate or momentum",
            },
        })
    }

    fn slow(&self) -> Option<Finding> {
        let steps = (self.window.len() - 1) as f64;
        let each = self.gain() / steps;
        // What has arrived gains nothing more, and may.
        let much = self.gain() > 1e-2 * (self.first() - self.best);
        let slow =
            self.ups() == 0 && each > 0.0 && each < 1e-3 * self.last().abs() && much && self.standing().is_none();
        slow.then(|| Finding {
            symptom: Symptom::Slow,
            evidence: format!("each of the last {steps} steps gained {each:.3e} of {:.3e}", self.last()),
            remedy: "a larger learning rate, up to 2/L; if κ is large (`curvature`), scale features or take momentum, Adam, L-BFGS",
        })
    }

    fn overfitting(&self) -> Option<Finding> {
        let &(_, last) = self.validation.last()?;
        let &(at, best) = self.validation.iter().min_by(|a, b| a.1.total_cmp(&b.1))?;
        let value = *self.values.get(usize::try_from(at).ok()?)?;
        let worse = self.validation.len() >= 4 && last > best + 0.1 * best.abs() && self.last() < value;
        worse.then(|| Finding {
            symptom: Symptom::Overfitting,
            evidence: format!("validation was {best:.3e} after iteration {at} and is {last:.3e}"),
            remedy: "early stopping, weight decay, dropout, more data",
        })
    }
}
