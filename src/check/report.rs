//! What a check found.

use super::consistency::Identity;
use super::hint::{Compared, Hint, Sides};
use super::judge::Finding;
use super::structure::Property;
use super::subject::Block;
use crate::real::Real;
use crate::shape::Shape;

/// What a check found: a summary for each input, and the elements that failed. Print it, or [`assert`](Report::assert) it.
#[derive(Clone, Debug)]
pub struct Report {
    /// One summary for each input and order.
    pub inputs: Vec<InputReport>,
    /// The elements that were not confirmed: those that are wrong first, then those that are inconclusive, then kinks; of
    /// each the worst first.
    pub failures: Vec<Element>,
    /// What must hold of any derivative, whatever its value.
    pub structure: Vec<Property>,
    /// Forward against reverse mode and the symmetry of the Hessian, in checks of order 2 and where
    /// [`consistency`](super::Check::consistency) asks for it.
    pub identities: Vec<Identity>,
    /// The order at which the function is not finite at the point, and where that begins, with what to do.
    pub(super) not_finite: Option<(usize, String)>,
    pub(super) element_type: &'static str,
    pub(super) coarse: bool,
    pub(super) tolerance: f64,
    pub(super) allow_kinks: bool,
    /// What is counted: elements or directions.
    pub(super) unit: &'static str,
    pub(super) counts: Counts,
    pub(super) names: Vec<(String, Shape)>,
    /// Why there was nothing to check, if there was nothing.
    pub(super) lack: String,
}

/// How many elements (or directions) failed, by verdict.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Counts {
    pub(super) wrong: usize,
    pub(super) inconclusive: usize,
    pub(super) kinks: usize,
}

/// What a check found for one input at one order of derivative.
#[derive(Clone, Debug)]
#[non_exhaustive]
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
    /// The number of those that were not confirmed.
    pub failed: usize,
    /// The largest |analytic − numeric|.
    pub max_absolute_error: f64,
    /// The largest |analytic − numeric| / max(|analytic|, |numeric|).
    pub max_relative_error: f64,
    /// The cosine of the angle between the derivative from the tape and that from differences, over what was checked: 1 where
    /// they agree, also on 0 everywhere.
    pub cosine: f64,
    /// What the wrong derivatives look like, if there are wrong ones that look like anything.
    pub hint: Option<Hint>,
}

/// One element (or direction) whose derivative was not confirmed.
#[derive(Clone, Debug)]
#[non_exhaustive]
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
    /// Whether the slopes to both sides differ, as differences see it. Of a kink inside of a [`CustomOp`](crate::CustomOp),
    /// which the tape does not see, this is all that shows.
    pub apart: bool,
    /// For a [`Verdict::Kink`]: the instruction that takes another branch, and how near.
    pub kink: Option<String>,
}

/// What is wrong with an element.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Verdict {
    /// Analytic and numeric derivative differ.
    Mismatch,
    /// The function takes another branch within the step, by what the tape says, and that is why the derivative can be neither
    /// confirmed nor excluded: it lies between the slopes to both sides.
    ///
    /// Steps shrink before this is said: a kink beside the point is no reason where narrower steps confirm or exclude the
    /// derivative. At the point itself the derivative is a convention. [`Report::assert`] counts it as a failure, since a
    /// derivative that is wrong may hide behind it; move the point, or accept it with
    /// [`allow_kinks`](super::Check::allow_kinks).
    Kink,
    /// The differences are too coarse to tell.
    Inconclusive,
    /// One of the two derivatives is NaN or infinite.
    NotFinite,
}

/// A derivative from the tape beside what differences say about it.
#[derive(Clone, Debug)]
pub(super) struct Comparison {
    pub(super) index: String,
    /// The element, or nothing for a direction; and the value of the input there.
    pub(super) place: Option<usize>,
    pub(super) x: f64,
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

    pub(super) fn is_wrong(&self) -> bool {
        self.finding.verdict == Some(Verdict::Mismatch)
    }

    fn sides(&self) -> Sides {
        let Finding { value: numeric, error, .. } = self.finding;
        Sides { place: self.place, x: self.x, analytic: self.analytic, numeric, error, is_wrong: self.is_wrong() }
    }
}

/// What was compared for one input.
pub(super) struct Comparisons {
    pub(super) reached: bool,
    /// Elements or directions.
    pub(super) all: Vec<Comparison>,
    /// The elements that were found to be wrong in a direction that is.
    pub(super) located: Vec<Comparison>,
}

impl Comparisons {
    pub(super) fn is_wrong(&self) -> bool {
        self.all.iter().any(Comparison::is_wrong)
    }

    /// The numbers, for a hint.
    pub(super) fn compared<T: Real>(&self, block: &Block<T>) -> [Compared; 2] {
        [&self.all, &self.located].map(|list| Compared {
            name: block.name.clone(),
            shape: block.shape,
            elements: list.iter().map(Comparison::sides).collect(),
        })
    }
}

impl Report {
    pub(super) fn new<T: Real>(tolerance: f64, blocks: &[Block<T>]) -> Self {
        Self {
            inputs: Vec::new(),
            failures: Vec::new(),
            structure: Vec::new(),
            identities: Vec::new(),
            not_finite: None,
            element_type: T::NAME,
            coarse: T::epsilon() > T::of(1e-10),
            tolerance,
            allow_kinks: false,
            unit: "elements",
            counts: Counts::default(),
            names: blocks.iter().map(|block| (block.name.clone(), block.shape)).collect(),
            lack: String::new(),
        }
    }

    /// Takes in what was compared for one input.
    pub(super) fn add(&mut self, order: usize, input: usize, comparisons: Comparisons, hint: Option<Hint>) {
        let (name, shape) = self.names[input].clone();
        let mut summary = InputReport {
            name,
            shape,
            order,
            reached: comparisons.reached,
            checked: comparisons.all.len(),
            failed: 0,
            max_absolute_error: 0.0,
            max_relative_error: 0.0,
            cosine: cosine(&comparisons.all),
            hint,
        };
        for element in &comparisons.all {
            let difference = element.difference();
            // `max` would let NaN pass.
            let worst = |a: f64, b: f64| if a >= b || a.is_nan() { a } else { b };
            summary.max_absolute_error = worst(difference, summary.max_absolute_error);
            let relative = if difference == 0.0 { 0.0 } else { difference / element.magnitude() };
            summary.max_relative_error = worst(relative, summary.max_relative_error);
            summary.failed += usize::from(element.finding.verdict.is_some());
            match element.finding.verdict {
                Some(Verdict::Mismatch | Verdict::NotFinite) => self.counts.wrong += 1,
                Some(Verdict::Inconclusive) => self.counts.inconclusive += 1,
                Some(Verdict::Kink) => self.counts.kinks += 1,
                None => {}
            }
        }
        // Elements tell more than the directions in which they were found.
        let Comparisons { all, located, .. } = comparisons;
        let listed = if located.is_empty() { all } else { located };
        self.failures.extend(listed.into_iter().filter_map(|element| Element::new(&summary, element)));
        self.inputs.push(summary);
        self.failures.sort_by(|a, b| a.rank().cmp(&b.rank()).then(b.badness().total_cmp(&a.badness())));
    }

    /// The number of elements (or directions) checked, over all inputs and orders.
    #[must_use]
    pub fn checked(&self) -> usize {
        self.inputs.iter().map(|input| input.checked).sum()
    }

    /// Whether every derivative was confirmed, but for kinks where they are allowed, there was at least one, what was
    /// differentiated depends on an input, and structure and identities are right.
    #[must_use]
    pub fn passed(&self) -> bool {
        let Counts { wrong, inconclusive, kinks } = self.counts;
        let failed = wrong + inconclusive + if self.allow_kinks { 0 } else { kinks };
        let consistent = self.structure.iter().all(|property| property.failure.is_none())
            && self.identities.iter().all(|identity| identity.holds() || identity.kink.is_some());
        let checked = self.checked() > kinks && self.inputs.iter().any(|input| input.reached);
        failed == 0 && consistent && checked && self.not_finite.is_none()
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

/// The cosine of the angle between both derivatives.
fn cosine(elements: &[Comparison]) -> f64 {
    let size = elements.iter().map(Comparison::magnitude).fold(0.0, f64::max);
    if size == 0.0 {
        return 1.0;
    }
    let product = |f: fn(&Comparison) -> (f64, f64)| -> f64 {
        elements.iter().map(f).map(|(a, b)| (a / size) * (b / size)).sum()
    };
    let [a, n] = [product(|e| (e.analytic, e.analytic)), product(|e| (e.finding.value, e.finding.value))];
    let both = product(|e| (e.analytic, e.finding.value));
    if a == 0.0 || n == 0.0 { 0.0 } else { both / (a.sqrt() * n.sqrt()) }
}

impl Element {
    fn new(input: &InputReport, element: Comparison) -> Option<Self> {
        let Comparison { index, analytic, finding, .. } = element;
        let Finding { value: numeric, error, verdict, apart, kink } = finding;
        let kink = kink.map(|kink| format!("{} takes another branch within {:.1e}", kink.choice, kink.step));
        let (input, order) = (input.name.clone(), input.order);
        Some(Self { input, index, order, analytic, numeric, error, verdict: verdict?, apart, kink })
    }

    /// analytic / numeric: a factor that was forgotten shows here.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        self.analytic / self.numeric
    }

    /// What is certain comes first.
    fn rank(&self) -> u8 {
        match self.verdict {
            Verdict::Mismatch | Verdict::NotFinite => 0,
            Verdict::Inconclusive => 1,
            Verdict::Kink => 2,
        }
    }

    fn badness(&self) -> f64 {
        let size = self.analytic.abs().max(self.numeric.abs());
        let relative = (self.analytic - self.numeric).abs() / size.max(f64::MIN_POSITIVE);
        if relative.is_nan() { f64::INFINITY } else { relative }
    }
}
