//! What differences say about a derivative that is claimed: the rule of the module's page.

use std::collections::VecDeque;

use super::difference::{Kink, Ladder, Line, Window};
use super::report::Verdict;
use super::rounding::Rounding;

/// The first window's widest step is this power of the machine epsilon. Differences whose error is of order h⁴ are best near
/// ε^⅕; somewhat narrower ones lose little, and have fewer kinks within.
pub(super) const FIRST: f64 = 0.25;

/// Error bars of windows are up to this many times what rounding does to their values.
const MARGIN: f64 = 32.0;

/// A derivative that is to be confirmed, and where differences may be taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim {
    pub(super) derivative: f64,
    /// The relative error that is good enough.
    pub(super) tolerance: f64,
    /// The largest derivative of the same input that is confirmed.
    pub(super) largest: f64,
    /// The error that is good enough anywhere.
    pub(super) negligible: f64,
    /// The widest step.
    pub(super) size: f64,
    /// The narrowest step.
    pub(super) finest: f64,
    /// The machine epsilon.
    pub(super) epsilon: f64,
    /// Whether the function is affine: differences with any step are exact, and wide ones lose nothing to rounding.
    pub(super) affine: bool,
    /// How far rounding within moves the function and the claim, once the tape was asked.
    pub(super) within: Option<Rounding>,
}

/// What was found.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    /// The derivative from differences.
    pub(super) value: f64,
    /// How far it may be off.
    pub(super) error: f64,
    /// What is wrong; `None` where the claim is confirmed.
    pub(super) verdict: Option<Verdict>,
    /// Whether the slopes to both sides differ.
    pub(super) apart: bool,
    /// What takes another branch within the steps, where that is why the claim can't be confirmed.
    pub(super) kink: Option<Kink>,
}

impl Finding {
    fn new(value: f64, error: f64, verdict: Option<Verdict>) -> Self {
        Self { value, error, verdict, apart: false, kink: None }
    }
}

/// A window in the light of the others.
#[derive(Clone, Copy)]
struct Evidence {
    value: f64,
    /// How far the value may be off where a claim is confirmed by it, and where one is excluded.
    error: f64,
    doubt: f64,
    window: Window,
    /// Whether the slopes to both sides stay apart by more than rounding explains.
    apart: bool,
}

/// Judges a claim about the derivative at 0 of a function of a displacement.
///
/// Windows are asked until one confirms the claim: the first one, then wider ones where rounding rules and narrower ones
/// where it does not, then the others.
pub(super) fn judge(claim: Claim, line: impl Line) -> Finding {
    let mut ladder = Ladder::new(power_of_two(claim.size), line);
    let start = if claim.affine { 0 } else { level(claim.epsilon.powf(FIRST)) };
    let finding = claim.weigh(&claim.evidence([&ladder.window(start)]), false);
    if finding.verdict.is_none() || !claim.derivative.is_finite() {
        return finding;
    }
    ladder.look_far();
    let first = ladder.window(start);
    let mut windows = VecDeque::from([first]);
    let noisy = 2.0 * first.noise > first.error();
    for wider in [noisy, !noisy] {
        let step = if wider { -1 } else { 1 };
        let mut next = start + step;
        while next >= 0 && ladder.narrowest(next) >= claim.finest {
            let window = ladder.window(next);
            if wider {
                windows.push_front(window);
            } else {
                windows.push_back(window);
            }
            let finding = claim.weigh(&claim.evidence(&windows), false);
            if finding.verdict.is_none() {
                return finding;
            }
            // Still narrower ones could not tell the claim from 0.
            if !wider && window.noise >= claim.derivative.abs().max(first.value.abs()) {
                break;
            }
            next += step;
        }
        // The wide ones have the smaller errors.
        let finding = claim.weigh(&claim.evidence(&windows), wider || noisy);
        if finding.verdict.is_none() {
            return finding;
        }
    }
    let finding = claim.weigh(&claim.evidence(&windows), true);
    // What a difference cannot know, the tape does: how far values within are rounded.
    let claims_zero = claim.derivative == 0.0 && finding.verdict == Some(Verdict::Inconclusive);
    let within = (claims_zero || finding.verdict == Some(Verdict::Mismatch)).then(|| ladder.analyse());
    let claim = Claim { within, ..claim };
    if claim.derivative == 0.0 && within.is_some_and(|within| ladder.is_staircase(within, claim.finest, claim.epsilon))
    {
        return Finding::new(0.0, 0.0, None);
    }
    let evidence = claim.evidence(&windows);
    let finding = claim.weigh(&evidence, true);
    let doubtful = match finding.verdict {
        Some(Verdict::Mismatch) => claim.explanation(&evidence, &mut ladder),
        Some(Verdict::Inconclusive) if claim.is_mean_of_kink(&evidence, &mut ladder) => {
            return Finding { verdict: None, ..finding };
        }
        Some(Verdict::Inconclusive) => best(&evidence),
        _ => None,
    };
    let Some(by) = doubtful else { return finding };
    let kink = ladder.kink(&by.window);
    let stands_alone = finding.verdict == Some(Verdict::Mismatch) && claim.stands_alone(by, &mut ladder);
    if kink.is_none() && stands_alone {
        return finding;
    }
    let verdict = if kink.is_some() { Verdict::Kink } else { Verdict::Inconclusive };
    Finding { verdict: Some(verdict), kink, ..finding }
}

impl Claim {
    /// The larger one of the claim and a derivative from differences.
    fn magnitude(&self, value: f64) -> f64 {
        self.derivative.abs().max(value.abs())
    }

    fn admits(&self, value: f64, error: f64) -> bool {
        (self.derivative - value).abs() <= self.tolerance * self.magnitude(value) + error
    }

    fn is_excluded(&self, by: &Evidence) -> bool {
        !self.admits(by.value, by.doubt)
    }

    /// What all windows together say, those from wide to narrow. Before the `last` one, an error that is only small beside
    /// other derivatives is no reason to stop.
    fn weigh(&self, evidence: &[Evidence], last: bool) -> Finding {
        let Some(found) = best(evidence) else {
            let verdict = Some(Verdict::NotFinite);
            return Finding::new(f64::NAN, f64::INFINITY, verdict);
        };
        let by = |by: &Evidence, verdict| Finding::new(by.value, by.error, verdict);
        if !self.derivative.is_finite() {
            return by(found, Some(Verdict::NotFinite));
        }
        if self.is_contradicted(found, evidence) {
            if self.holds(found, evidence) {
                return by(found, Some(Verdict::Mismatch));
            }
            return Finding { apart: found.apart, ..by(found, Some(Verdict::Inconclusive)) };
        }
        if let Some(confirming) = best(evidence.iter().filter(|by| self.is_confirmed(by, last))) {
            return by(confirming, None);
        }
        Finding { apart: found.apart, ..by(found, Some(Verdict::Inconclusive)) }
    }

    /// Whether the best window excludes the claim, and the surest of those that exclude what that one says does not admit it.
    fn is_contradicted(&self, best: &Evidence, all: &[Evidence]) -> bool {
        let disagrees = |other: &&Evidence| {
            // Where nothing moved, the tape knows how much rounding may hide.
            let doubt = if self.within.is_some() { other.error } else { other.doubt };
            (other.value - best.value).abs() > self.tolerance * self.magnitude(best.value) + doubt + best.doubt
        };
        let surest = all.iter().filter(disagrees).min_by(|a, b| a.error.total_cmp(&b.error));
        self.is_excluded(best) && !surest.is_some_and(|other| self.admits(other.value, other.error))
    }

    /// Whether the claim stays excluded when steps become as narrow as rounding lets them.
    fn holds(&self, best: &Evidence, all: &[Evidence]) -> bool {
        let Some(within) = self.within else { return true };
        let apart = (self.derivative - best.value).abs();
        let tells = |by: &&Evidence| {
            let Window { step, noise, hidden, .. } = by.window;
            MARGIN * (noise + hidden + 3.0 * within.result / step + within.derivative) < apart
        };
        let mut narrower = all.iter().filter(|by| by.window.step < best.window.step);
        narrower.rfind(tells).is_none_or(|by| !self.admits(by.value, by.error))
    }

    fn is_confirmed(&self, by: &Evidence, last: bool) -> bool {
        let size = self.magnitude(by.value);
        let small = if last {
            by.error <= (self.tolerance * size.max(self.largest)).max(self.negligible)
        } else {
            by.error <= self.tolerance * size || (size == 0.0 && by.error <= self.negligible)
        };
        small && self.admits(by.value, by.error)
    }

    /// Whether the claim is the mean of the slopes to both sides of a kink at the point, as for ties that share equally, and
    /// the tape has these slopes to both sides.
    fn is_mean_of_kink(&self, evidence: &[Evidence], ladder: &mut Ladder<impl Line>) -> bool {
        let Some(by) = best(evidence).filter(|by| by.apart) else {
            return false;
        };
        let Window { spread, gap, .. } = by.window;
        let allowed = self.tolerance * self.magnitude(by.value).max(gap);
        spread <= allowed && (self.derivative - by.value).abs() <= allowed && {
            let (low, high) = self.range(by, ladder);
            low <= by.value - gap + allowed && by.value + gap - allowed <= high
        }
    }

    /// The least and the greatest derivative that the tape has in a window.
    fn range(&self, by: &Evidence, ladder: &mut Ladder<impl Line>) -> (f64, f64) {
        let slopes = ladder.slopes(&by.window);
        slopes.iter().fold((self.derivative, self.derivative), |(low, high), x| (low.min(*x), high.max(*x)))
    }

    /// The window in which what the tape says elsewhere explains what differences say across it: kinks hide from steps that
    /// are wide, and rounding hides them from steps that are narrow. The narrowest window that excludes the claim decides.
    fn explanation<'e>(&self, evidence: &'e [Evidence], ladder: &mut Ladder<impl Line>) -> Option<&'e Evidence> {
        evidence.iter().rfind(|by| self.is_excluded(by)).filter(|by| {
            let (low, high) = self.range(by, ladder);
            !Claim { derivative: by.value.clamp(low, high), ..*self }.is_excluded(by)
        })
    }

    /// Whether the tape claims this at the point alone: what it says at the nearest numbers to both sides excludes the claim
    /// and is what differences say. No function has such a slope; its rule makes an exception of the point.
    fn stands_alone(&self, by: &Evidence, ladder: &mut Ladder<impl Line>) -> bool {
        ladder.beside(2.0 * self.finest).into_iter().all(|slope| {
            let beside = Claim { derivative: slope, ..*self };
            slope.is_finite() && !beside.is_excluded(by) && !self.admits(slope, by.doubt)
        })
    }

    /// What windows from wide to narrow are worth. Rounding moves a function by as much in a wide window as in a narrow one,
    /// where it shows.
    fn evidence<'w>(&self, windows: impl IntoIterator<Item = &'w Window>) -> Vec<Evidence> {
        let windows: Vec<_> = windows.into_iter().filter(|window| window.is_finite()).collect();
        let evidence = windows.iter().map(|&&window| {
            let narrower = windows.iter().filter(|other| other.step <= window.step / 4.0);
            let rounding =
                narrower.map(|other| (other.spread + other.gap) * other.step).fold(0.0, f64::max) / window.step;
            let within = self.within.unwrap_or_default();
            let error = window.error().max(rounding) + 3.0 * within.result / window.step + within.derivative;
            // Half of the digits may be lost in what a function that does not move was computed from.
            let doubt = error + window.hidden / self.epsilon.sqrt();
            Evidence { value: window.value, error, doubt, window, apart: window.gap > window.spread + rounding }
        });
        evidence.collect()
    }
}

/// The evidence that leaves least in doubt.
fn best<'e>(evidence: impl IntoIterator<Item = &'e Evidence>) -> Option<&'e Evidence> {
    evidence.into_iter().min_by(|a, b| a.doubt.total_cmp(&b.doubt))
}

/// The level of the ladder whose step is nearest to this part of the size.
#[allow(clippy::cast_possible_truncation, reason = "logarithms are small")]
fn level(part: f64) -> i32 {
    -part.log2().round() as i32
}

/// A power of two is exact, and so is its sum with almost every number.
pub(super) fn power_of_two(x: f64) -> f64 {
    x.log2().round().exp2()
}

#[cfg(test)]
mod tests {
    use super::super::difference::Change;
    use super::*;

    type Function = fn(f64) -> f64;

    /// A function of a displacement with the derivative that a tape claims for it, in `f64`.
    struct Plain {
        f: Function,
        slope: Function,
        noise: f64,
        within: f64,
    }

    impl Line for Plain {
        fn change(&mut self, h: f64) -> Change {
            let (value, noise) = ((self.f)(h) - (self.f)(0.0), self.noise);
            Change { displacement: h, value, noise, hidden: if value == 0.0 { f64::EPSILON } else { 0.0 } }
        }

        fn rounding(&self) -> f64 {
            self.noise
        }

        fn slope(&mut self, h: f64) -> f64 {
            (self.slope)(h)
        }

        fn analyse(&mut self) -> Rounding {
            Rounding { result: self.within, derivative: 0.0 }
        }

        fn kink(&mut self, _: &[f64]) -> Option<Kink> {
            None
        }
    }

    fn judged(f: Function, slope: Function, noise: f64) -> Finding {
        judge_plain(Plain { f, slope, noise, within: noise })
    }

    /// The same where the tape knows more of the rounding than shows in the result.
    fn judged_within(f: Function, slope: Function, within: f64) -> Finding {
        judge_plain(Plain { f, slope, noise: 0.0, within })
    }

    fn judge_plain(line: Plain) -> Finding {
        let epsilon = f64::EPSILON;
        let claim = Claim {
            derivative: (line.slope)(0.0),
            tolerance: 1e-6,
            largest: 0.0,
            negligible: 1e-9,
            size: 1.0,
            finest: epsilon,
            epsilon,
            affine: false,
            within: None,
        };
        judge(claim, line)
    }

    #[test]
    fn smooth_functions_are_confirmed_and_known_to_the_tolerance() {
        let cases: [(Function, Function); 4] = [
            (|h| (0.7 + h).sin(), |h| (0.7 + h).cos()),
            (|h| (h - 2.0).exp(), |h| (h - 2.0).exp()),
            (|h| (1e3 + h).ln(), |h| 1.0 / (1e3 + h)),
            (|h| (1e4 * h).sin(), |h| 1e4 * (1e4 * h).cos()),
        ];
        for (f, slope) in cases {
            let finding = judged(f, slope, 1e-16 * f(0.0).abs());
            let off = (finding.value - slope(0.0)).abs();
            let known = off <= finding.error && finding.error <= 1e-6 * slope(0.0).abs();
            assert!(finding.verdict.is_none() && known, "{finding:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_a_mismatch_at_any_size() {
        let cases: [(Function, Function); 6] = [
            (|h| (0.7 + h).sin(), |h| -(0.7 + h).cos()),
            (|h| (0.7 + h).sin(), |h| 1.001 * (0.7 + h).cos()),
            (|h| 1e-30 * (h - 2.0).exp(), |h| 2e-30 * (h - 2.0).exp()),
            (|h| 1e30 * (h - 2.0).exp(), |h| 5e29 * (h - 2.0).exp()),
            (|h| (h - 2.0).exp(), |_| 0.0),
            (|_| 3.0, |_| 1.0),
        ];
        for (f, slope) in cases {
            let finding = judged(f, slope, 1e-16 * f(0.0).abs());
            assert_eq!(finding.verdict, Some(Verdict::Mismatch), "{finding:?}");
        }
    }

    #[test]
    fn kinks_beside_the_point_are_avoided_and_at_the_point_seen() {
        let beside = judged(|h| (1e-5 + h).abs(), |h| (1e-5 + h).signum(), 0.0);
        assert!(beside.verdict.is_none() && (beside.value - 1.0).abs() < 1e-6, "{beside:?}");
        // Half of the slope is what differences with wide steps say.
        let half = judged(|h| (1e-5 + h).max(0.0), |h| if h > -1e-5 { 0.5 } else { 0.0 }, 0.0);
        assert_eq!(half.verdict, Some(Verdict::Mismatch), "{half:?}");
        let between = judged(|h| 3.0 * h.max(0.0) + h * h, |h| if h > 0.0 { 3.0 } else { 0.0 } + 2.0 * h, 0.0);
        assert!(between.verdict == Some(Verdict::Inconclusive) && between.apart, "{between:?}");
        let mean = judged(f64::abs, |h| if h == 0.0 { 0.0 } else { h.signum() }, 0.0);
        assert!(mean.verdict.is_none(), "{mean:?}");
        let forgotten = judged(f64::abs, |_| 0.0, 0.0);
        assert!(forgotten.verdict == Some(Verdict::Inconclusive) && forgotten.apart, "{forgotten:?}");
        let outside = judged(f64::abs, |h| h.signum() - 3.0, 0.0);
        assert_eq!(outside.verdict, Some(Verdict::Mismatch), "{outside:?}");
        let jump = judged(|h| if h > 0.0 { 1.0 } else { 0.0 }, |_| 0.0, 0.0);
        assert!(jump.verdict == Some(Verdict::Inconclusive) && jump.error > 1.0, "{jump:?}");
    }

    #[test]
    fn kinks_that_rounding_hides_are_no_mismatch() {
        // Values are multiples of 10⁻⁹, and the slope is another within 10⁻¹⁰ of the point.
        let f = |h: f64| ((h.clamp(-1e-10, 1e-10) + 0.3 * h) * 1e9).round() / 1e9;
        let hidden = judged(f, |h| if h.abs() < 1e-10 { 1.3 } else { 0.3 }, 0.0);
        assert_eq!(hidden.verdict, Some(Verdict::Inconclusive), "{hidden:?}");
        let wrong = judged(f, |_| 1.3, 0.0);
        assert_eq!(wrong.verdict, Some(Verdict::Mismatch), "{wrong:?}");
    }

    #[test]
    fn what_the_tape_knows_to_be_rounded_is_no_mismatch() {
        // A displacement that is lost within: differences agree, and nothing shows.
        let coarse = |h: f64| 1e-30 * h;
        let unaware = judged(coarse, |_| 1e-13, 0.0);
        assert_eq!(unaware.verdict, Some(Verdict::Mismatch), "{unaware:?}");
        let aware = judged_within(coarse, |_| 1e-13, 1e-13);
        assert!(aware.verdict.is_none() && aware.error >= 1e-13, "{aware:?}");
        let wrong = judged_within(coarse, |_| 1e-6, 1e-13);
        assert_eq!(wrong.verdict, Some(Verdict::Mismatch), "{wrong:?}");
    }

    #[test]
    fn staircases_are_flat_where_steps_are_narrow() {
        let stairs = |h: f64| (1e3 * h + 0.3).floor();
        let flat = judged(stairs, |_| 0.0, 0.0);
        assert!(flat.verdict.is_none() && flat.value == 0.0, "{flat:?}");
        let wrong = judged(stairs, |_| 500.0, 0.0);
        assert_eq!(wrong.verdict, Some(Verdict::Mismatch), "{wrong:?}");
        // What grows as a power does not jump.
        let power = |h: f64| ((h + 0.1).powi(3) * 1e9).round() / 1e9;
        let known = judged_within(power, |_| 0.0, 1e-9);
        assert_eq!(known.verdict, Some(Verdict::Mismatch), "{known:?}");
        // Where the tape does not know of the rounding, it is not confirmed at least.
        let unknown = judged(power, |_| 0.0, 0.0);
        assert!(unknown.verdict.is_some(), "{unknown:?}");
    }

    #[test]
    fn rounding_within_shows_and_is_met_with_wider_steps() {
        // A thousand million steps to 1: at the usual window they leave 10⁻⁵ of a derivative.
        let coarse = judged(|h| ((1.0 + h.sin()) * 1e9).round() / 1e9, f64::cos, 0.0);
        assert!(coarse.verdict.is_none() && coarse.error < 1e-6, "{coarse:?}");
        // Where every step is too narrow to see a slope of 10⁻¹⁰, it is not said to be 0 for sure.
        let unseen = judged(|h| ((1.0 + 1e-10 * h) * 1e9).round() / 1e9, |_| 1e-10, 0.0);
        assert!(unseen.verdict.is_none(), "{unseen:?}");
    }
}
