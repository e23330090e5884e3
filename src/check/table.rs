//! A report as text: a table of the inputs, and one of the worst elements.

use std::fmt;

use super::consistency::Identity;
use super::report::{Counts, Element, InputReport, Report, Verdict};

/// How many of the worst elements a report lists.
const LISTED: usize = 10;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let checked = self.checked();
        if let Some((order, first)) = &self.not_finite {
            let what =
                if *order == 1 { "the function".to_owned() } else { format!("its derivative of order {}", order - 1) };
            return writeln!(f, "gradient check failed: {what} is not finite at the point{first}");
        }
        if checked == 0 {
            let why = if self.lack.is_empty() { "no input has an element" } else { &self.lack[..] };
            writeln!(f, "gradient check failed: nothing to check, {why}")?;
            return writeln!(
                f,
                "  help: a check needs an input with an element, and no parameter is checked that is frozen"
            );
        }
        let Counts { wrong, inconclusive, kinks } = self.counts;
        let outcome = if self.passed() { "passed" } else { "failed" };
        write!(f, "gradient check {outcome}: {wrong} of {checked} {} wrong", self.unit)?;
        for (count, what) in [(inconclusive, "inconclusive"), (kinks, "at a kink")] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        writeln!(f, " ({}, tolerance {:e})", self.element_type, self.tolerance)?;
        let width = self.names.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0).max(5);
        writeln!(
            f,
            "  {:width$}  order  {:>14}  checked  failed  max abs error  max rel error     cosine",
            "input", "shape"
        )?;
        self.inputs.iter().try_for_each(|input| input.write(f, width))?;
        self.write_unreached(f)?;
        self.write_structure(f)?;
        for input in &self.inputs {
            if let Some(hint) = &input.hint {
                let order = if input.order == 1 { String::new() } else { format!(" order {}", input.order) };
                writeln!(f, "  hint: {}{order}: {hint}", input.name)?;
            }
        }
        write_elements(f, &self.failures)?;
        self.write_help(f)
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

    /// What holds in a line, and what does not in one each.
    fn write_structure(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (right, wrong): (Vec<_>, Vec<_>) = self.structure.iter().partition(|property| property.failure.is_none());
        let right: Vec<_> = right.iter().map(|property| property.name).collect();
        if !right.is_empty() {
            writeln!(f, "  {}", right.join(", "))?;
        }
        wrong.iter().try_for_each(|property| writeln!(f, "  {property}"))?;
        self.identities.iter().try_for_each(|identity| writeln!(f, "  {identity}"))?;
        if self.identities.iter().all(Identity::is_finite) {
            return Ok(());
        }
        let wider = if self.coarse { ", or in f64" } else { "" };
        writeln!(f, "    help: derivatives overflow there, or are infinite; check at smaller numbers{wider}")
    }

    fn write_help(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.element_type;
        let Counts { inconclusive, kinks, .. } = self.counts;
        let hidden = self.failures.iter().any(|e| e.verdict == Verdict::Inconclusive && !e.apart);
        if self.coarse && inconclusive > 0 && hidden {
            writeln!(f, "  help: {name} is too coarse here; check in f64, a model with `params.cast::<f64>()`")?;
        }
        if self.failures.iter().any(|element| element.verdict == Verdict::NotFinite) {
            writeln!(f, "  help: where a derivative is not finite, there is nothing to compare; move the point")?;
        }
        if kinks > 0 && !self.allow_kinks {
            writeln!(f, "  help: move the point off the kink, or accept it with `allow_kinks()`")?;
        }
        Ok(())
    }
}

impl InputReport {
    fn write(&self, f: &mut fmt::Formatter<'_>, width: usize) -> fmt::Result {
        writeln!(
            f,
            "  {:width$}  {:>5}  {:>14}  {:>7}  {:>6}  {:>13.2e}  {:>13.2e}  {:>9.6}",
            self.name,
            self.order,
            self.shape.to_string(),
            self.checked,
            self.failed,
            self.max_absolute_error,
            self.max_relative_error,
            self.cosine
        )
    }
}

/// The worst elements, in columns.
fn write_elements(f: &mut fmt::Formatter<'_>, failures: &[Element]) -> fmt::Result {
    if failures.is_empty() {
        return Ok(());
    }
    let listed = &failures[..failures.len().min(LISTED)];
    let width = listed.iter().map(|element| element.name().chars().count()).max().unwrap_or(0).max(7);
    writeln!(
        f,
        "  {:12}  {:width$}  {:>17}  {:>17}  {:>8}  {:>9}",
        "verdict", "element", "analytic", "numeric", "±", "ratio"
    )?;
    for element in listed {
        let ratio = element.ratio();
        let ratio = if ratio.is_nan() { String::new() } else { format!("{ratio:.6}") };
        let line = format!(
            "  {:12}  {:width$}  {:>17.10e}  {:>17.10e}  {:>8.1e}  {ratio:>9}{}",
            element.verdict.to_string(),
            element.name(),
            element.analytic,
            element.numeric,
            element.error,
            element.note()
        );
        writeln!(f, "{}", line.trim_end())?;
    }
    let rest = failures.len() - listed.len();
    if rest > 0 { writeln!(f, "  … and {rest} more") } else { Ok(()) }
}

impl Element {
    fn name(&self) -> String {
        let order = if self.order == 1 { String::new() } else { format!(" order {}", self.order) };
        format!("{} {}{order}", self.input, self.index)
    }

    fn note(&self) -> String {
        match (&self.kink, self.apart) {
            (Some(kink), _) => format!("  ({kink})"),
            (None, true) => "  (the slopes to both sides differ)".to_owned(),
            (None, false) => String::new(),
        }
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verdict, name) = (self.verdict, self.name());
        write!(f, "{verdict}: {name}: analytic {:.10e}, numeric {:.10e}", self.analytic, self.numeric)?;
        write!(f, " ± {:.1e}", self.error)?;
        if !self.ratio().is_nan() {
            write!(f, ", ratio {:.6}", self.ratio())?;
        }
        f.write_str(&self.note())
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::Mismatch => "mismatch",
            Verdict::Kink => "kink",
            Verdict::Inconclusive => "inconclusive",
            Verdict::NotFinite => "not finite",
        })
    }
}
