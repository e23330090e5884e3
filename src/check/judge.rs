//! What differences say about a derivative that is claimed: the rule of the module's page.

use super::difference::{Ladder, Line, Window};
use super::report::Verdict;

/// An error of this part of the tolerance is small anywhere.
const NEGLIGIBLE: f64 = 1e-3;

/// What is to be confirmed, and where differences may be taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim {
    pub(super) derivative: f64,
    /// The relative error that is good enough.
    pub(super) tolerance: f64,
    /// The largest derivative of the same input that is confirmed.
    pub(super) largest: f64,
    /// The widest step.
    pub(super) size: f64,
    /// The narrowest step.
    pub(super) finest: f64,
    /// The machine epsilon.
    pub(super) epsilon: f64,
}

/// What was found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Finding {
    pub(super) value: f64,
    pub(super) error: f64,
    /// `None` where the claim is confirmed.
    pub(super) verdict: Option<Verdict>,
    pub(super) kink: bool,
}

/// A window, and how far it may be off when what narrower ones leave open is rounding.
#[derive(Clone, Copy)]
struct Evidence {
    window: Window,
    error: f64,
    doubt: f64,
    kink: bool,
}

impl Claim {
    fn magnitude(&self, value: f64) -> f64 {
        self.derivative.abs().max(value.abs())
    }

    fn admits(&self, value: f64, error: f64) -> bool {
        (self.derivative - value).abs() <= self.tolerance * self.magnitude(value) + error
    }

    /// Whether an error is small beside `size`, or anywhere.
    fn is_small(&self, error: f64, size: f64) -> bool {
        error <= self.tolerance * size || error <= NEGLIGIBLE * self.tolerance
    }

    fn is_resolved(&self, by: &Evidence) -> bool {
        let size = self.magnitude(by.window.value);
        self.admits(by.window.value, by.error) && (by.error <= self.tolerance * size || size == 0.0 && self.is_small(by.error, 0.0))
    }

    fn is_excluded(&self, by: &Evidence) -> bool {
        !self.admits(by.window.value, by.doubt)
    }

    /// Whether the best window excludes the claim, and no other excludes what it says and admits the claim.
    fn is_contradicted(&self, best: &Evidence, all: &[Evidence]) -> bool {
        let says = best.window.value;
        let takes_side = |other: &Evidence| {
            let apart = (other.window.value - says).abs();
            self.admits(other.window.value, other.error)
                && apart > self.tolerance * self.magnitude(says) + other.doubt + best.doubt
        };
        self.is_excluded(best) && !all.iter().any(takes_side)
    }

    /// Whether what the tape says elsewhere in a window explains what differences say across it.
    fn is_explained(&self, by: &Evidence, slopes: [f64; 6]) -> bool {
        let low = slopes.into_iter().fold(self.derivative, f64::min);
        let high = slopes.into_iter().fold(self.derivative, f64::max);
        Claim { derivative: by.window.value.clamp(low, high), ..*self }.admits(by.window.value, by.doubt)
    }
}

/// Confirms or contradicts a claim about the derivative at 0 of a function of a displacement.
pub(super) fn judge(claim: Claim, line: impl Line) -> Finding {
    let mut ladder = Ladder::new(power_of_two(claim.size), line);
    let start = -claim.epsilon.powf(START).log2().round() as i32;
    let first = ladder.window(start);
    let windows = vec![first];
    let mut finding = weigh(&claim, &windows, false);
    if finding.verdict.is_none() {
        return finding;
    }
    ladder.look_far();
    let first = ladder.window(start);
    let mut windows = vec![first];
    let noisy = 2.0 * first.noise > first.error();
    let magnitude = claim.magnitude(if first.is_finite() { first.value } else { 0.0 });
    for wider in [noisy, !noisy] {
        let mut level = start;
        while finding.verdict.is_some() {
            level += if wider { -1 } else { 1 };
            if level < 0 || ladder.step(level + 2) < claim.finest {
                break;
            }
            let window = ladder.window(level);
            if wider { windows.insert(0, window) } else { windows.push(window) }
            finding = weigh(&claim, &windows, false);
            if !wider && window.noise >= magnitude {
                break;
            }
        }
        if finding.verdict.is_some() {
            finding = weigh(&claim, &windows, true);
        }
    }
    if finding.verdict == Some(Verdict::Mismatch) {
        let evidence = carry(&claim, &windows);
        let narrowest = evidence.iter().rfind(|by| claim.is_excluded(by)).expect("the best window excludes the claim");
        if claim.is_explained(narrowest, ladder.slopes(&narrowest.window)) {
            finding = Finding { verdict: Some(Verdict::Inconclusive), ..finding };
        }
    }
    finding
}

/// What all windows together say, from wide to narrow.
fn weigh(claim: &Claim, windows: &[Window], all: bool) -> Finding {
    let evidence = carry(claim, windows);
    let Some(best) = evidence.iter().min_by(|a, b| a.doubt.total_cmp(&b.doubt)) else {
        let value = windows.first().map_or(f64::NAN, |window| window.value);
        return Finding { value, error: f64::INFINITY, verdict: Some(Verdict::NotFinite), kink: false };
    };
    let finding = |by: &Evidence, verdict| Finding { value: by.window.value, error: by.error, verdict, kink: false };
    if !claim.derivative.is_finite() {
        return finding(best, Some(Verdict::NotFinite));
    }
    if claim.is_contradicted(best, &evidence) {
        return finding(best, Some(Verdict::Mismatch));
    }
    let enough = |by: &&Evidence| {
        let size = claim.magnitude(by.window.value).max(claim.largest);
        claim.is_resolved(by) || (all && claim.admits(by.window.value, by.error) && claim.is_small(by.error, size))
    };
    if let Some(by) = evidence.iter().filter(enough).min_by(|a, b| a.error.total_cmp(&b.error)) {
        return finding(by, None);
    }
    let smooth = best.window.spread;
    let size = claim.magnitude(best.window.value).max(best.window.gap);
    if all && best.kink && (claim.derivative - best.window.value).abs() <= claim.tolerance * size && claim.is_small(smooth, size) {
        return finding(best, None);
    }
    Finding { kink: best.kink, ..finding(best, Some(Verdict::Inconclusive)) }
}

/// Rounding moves a function by as much in wide windows as in narrow ones.
fn carry(claim: &Claim, windows: &[Window]) -> Vec<Evidence> {
    let finite: Vec<_> = windows.iter().filter(|window| window.is_finite()).copied().collect();
    let narrower = |window: &Window| {
        let apart = finite.iter().filter(|other| other.step <= window.step / 4.0);
        apart.map(|other| (other.spread + other.gap) * other.step).fold(0.0, f64::max) / window.step
    };
    let evidence = finite.iter().map(|&window| {
        let noise = narrower(&window);
        let error = window.error().max(noise);
        Evidence { window, error, doubt: error + window.hidden / claim.epsilon.sqrt(), kink: window.gap > window.spread + noise }
    });
    evidence.collect()
}

/// A power of two is exact, and so is its sum with almost every number.
pub(super) fn power_of_two(x: f64) -> f64 {
    x.log2().round().exp2()
}
const START: f64 = 0.25;
