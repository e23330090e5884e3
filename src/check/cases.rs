//! What a check of an op found: its cases, and as text those that fail for one reason together.

use std::fmt;

use super::report::{Element, Report, Verdict};

/// Of how many reasons to fail a report shows a case in full.
const SHOWN: usize = 3;

/// How many further cases that fail for one reason are named.
const NAMED: usize = 4;

/// What a check of an op found, case by case. Print it, or [`assert`](OpReport::assert) it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OpReport {
    /// All cases, in the order in which they were run.
    pub cases: Vec<Case>,
    /// The number of operands, where they had the shapes of an elementwise op.
    pub(super) elementwise: Option<usize>,
}

/// One list of operands.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Case {
    /// The shapes, layouts and values of the operands.
    pub name: String,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a case.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// Everything was confirmed.
    Passed,
    /// Nothing is wrong, but at an edge not everything could be confirmed.
    Unconfirmed(Box<Report>),
    /// Something is wrong.
    Failed(Box<Report>),
    /// The op panicked, with this message.
    Panicked(String),
}

impl Case {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn passed(&self) -> bool {
        matches!(self.outcome, Outcome::Passed | Outcome::Unconfirmed(_))
    }

    /// Why it failed, without what is of this case alone: shapes and numbers.
    fn why(&self) -> String {
        match &self.outcome {
            Outcome::Passed | Outcome::Unconfirmed(_) => String::new(),
            Outcome::Panicked(text) => {
                let mut depth = 0;
                let outside = |c: &char| {
                    depth += i32::from(*c == '[') - i32::from(*c == ']');
                    depth == 0 && !c.is_ascii_digit()
                };
                text.lines().next().unwrap_or_default().chars().filter(outside).collect()
            }
            Outcome::Failed(report) => {
                let element =
                    report.failures.first().map(|e| format!("{} {} of order {}", e.verdict, e.input, e.order));
                let wrong = || report.structure.iter().find(|property| property.failure.is_some());
                element.or_else(|| wrong().map(|property| property.name.to_owned())).unwrap_or_else(|| reason(report))
            }
        }
    }
}

impl OpReport {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.cases.iter().all(Case::passed)
    }

    /// Panics with the report unless it [`passed`](OpReport::passed).
    ///
    /// # Panics
    ///
    /// If something is wrong in a case.
    #[track_caller]
    pub fn assert(&self) {
        assert!(self.passed(), "{self}");
    }
}

impl fmt::Display for OpReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failed: Vec<_> = self.cases.iter().filter(|case| !case.passed()).collect();
        let unconfirmed = self.cases.iter().filter(|case| matches!(case.outcome, Outcome::Unconfirmed(_))).count();
        let outcome = if failed.is_empty() { "passed" } else { "failed" };
        let (count, all) = (failed.len(), self.cases.len());
        writeln!(f, "op check {outcome}: {count} of {all} cases wrong, {unconfirmed} not confirmed at every edge")?;
        let mut reasons: Vec<(String, Vec<&Case>)> = Vec::new();
        for case in failed {
            let why = case.why();
            match reasons.iter_mut().find(|(other, _)| *other == why) {
                Some((_, cases)) => cases.push(case),
                None => reasons.push((why, vec![case])),
            }
        }
        let name = |case: &&Case| case.name.clone();
        for (_, cases) in reasons.iter().take(SHOWN) {
            let case = cases[0];
            match &case.outcome {
                Outcome::Failed(report) => write!(f, "{}:\n{report}", case.name)?,
                Outcome::Panicked(text) => writeln!(f, "{}: the op panicked: {text}", case.name)?,
                Outcome::Passed | Outcome::Unconfirmed(_) => {}
            }
            let more = &cases[1..];
            if !more.is_empty() {
                let names: Vec<_> = more.iter().take(NAMED).map(name).collect();
                let rest = if more.len() > NAMED { "; …" } else { "" };
                writeln!(f, "  … and {} more like this: {}{rest}", more.len(), names.join("; "))?;
            }
        }
        for case in &self.cases {
            if let Outcome::Unconfirmed(report) = &case.outcome {
                writeln!(f, "not confirmed: {}: {}", case.name, reason(report))?;
            }
        }
        for (_, cases) in reasons.iter().skip(SHOWN) {
            let more = if cases.len() > 1 { format!(" and {} more", cases.len() - 1) } else { String::new() };
            writeln!(f, "wrong as well: {}{more}", cases[0].name)?;
        }
        let panicked = self.cases.iter().any(|case| matches!(case.outcome, Outcome::Panicked(_)));
        match self.elementwise.filter(|_| panicked) {
            Some(operands) => write_help(f, operands),
            None => Ok(()),
        }
    }
}

/// How to say which shapes an op takes, where it is not elementwise.
fn write_help(f: &mut fmt::Formatter<'_>, operands: usize) -> fmt::Result {
    write!(f, "  help: these are the shapes of an elementwise op; one that takes others says which: `.shapes(")?;
    writeln!(f, "&[&[{}]])`", vec!["&[2, 3]"; operands].join(", "))?;
    if operands > 1 {
        writeln!(f, "  help: one that does not broadcast says so: `.same_shapes()`")?;
    }
    Ok(())
}

/// Why a case at an edge is not confirmed, in short.
fn reason(report: &Report) -> String {
    if let Some((order, _)) = &report.not_finite {
        return format!("derivative {} is not finite", order - 1).replace("derivative 0", "the function");
    }
    let element = report.failures.first().map(|e| {
        let verdict = format!("{:?}", e.verdict).to_lowercase();
        format!("{verdict}, order {}, analytic {:e}, numeric {:e} ± {:.1e}", e.order, e.analytic, e.numeric, e.error)
    });
    let identity = || report.identities.iter().find(|identity| !identity.holds()).map(ToString::to_string);
    element.or_else(identity).unwrap_or_else(|| "nothing depends on the operands".to_owned())
}

/// Whether nothing is wrong, and all that is missing are derivatives that differences could not confirm at this point.
pub(super) fn is_undecided(report: &Report) -> bool {
    let open = |e: &Element| matches!(e.verdict, Verdict::Inconclusive | Verdict::Kink);
    let consistent = report.identities.iter().all(|identity| identity.holds() || identity.kink.is_some());
    let finite = report.not_finite.is_none();
    !report.failures.is_empty() && report.failures.iter().all(open) && consistent && finite && !is_wrong(report)
}

/// Whether something is wrong beyond what edges excuse: a derivative may be infinite there, but where differences are sure of
/// another one, it may not be NaN or infinite.
pub(super) fn is_wrong(report: &Report) -> bool {
    let sure = |e: &Element| e.error <= report.tolerance * e.numeric.abs().max(1e-3) && !e.apart;
    let wrong = |e: &Element| match e.verdict {
        Verdict::Mismatch => true,
        Verdict::NotFinite => !e.analytic.is_finite() && e.numeric.is_finite() && sure(e),
        Verdict::Kink | Verdict::Inconclusive => false,
    };
    report.failures.iter().any(wrong) || report.structure.iter().any(|property| property.failure.is_some())
}
