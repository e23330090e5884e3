//! Central differences, extrapolated to step 0.

use crate::real::Real;

/// A derivative from differences, and how far it may be off.
#[derive(Clone, Copy, Debug)]
pub(super) struct Estimate {
    pub(super) value: f64,
    pub(super) error: f64,
    /// Slopes to the left and to the right, where they stay apart however near they are taken.
    pub(super) kink: Option<[f64; 2]>,
}

/// How a function changed from its value at the point.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    /// The displacement that was really made, after rounding.
    pub(super) displacement: f64,
    pub(super) value: f64,
    /// How far rounding may have moved `value`.
    pub(super) noise: f64,
}

/// The number of step sizes, each half of the one before.
const LEVELS: usize = 4;
/// The first step is this many times the cube root of the machine epsilon, which would be best without extrapolation.
const WIDE: f64 = 16.0;
/// Of many estimates the one with the smallest error is taken, so that error is rather too small.
const OPTIMISM: f64 = 4.0;
/// How often another window is tried, and by what factor it is narrower or wider.
const RETRIES: i32 = 3;
const ZOOM: f64 = 8.0;
/// How many windows narrower than the one believed are asked where it contradicts what is claimed.
const NARROWER: i32 = 6;
/// How many times the scatter of slopes may be in what is extrapolated from them.
const AMPLIFIED: f64 = 4.0;

/// How a function is differentiated.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    /// The relative error that is good enough.
    pub(super) tolerance: f64,
    /// The error that is good enough where the derivative may be 0.
    pub(super) negligible: f64,
    /// The size of what is displaced, or 1.
    pub(super) size: f64,
    /// The derivative to be confirmed, and how far rounding may have moved it.
    pub(super) claim: f64,
    pub(super) rounding: f64,
}

impl Setting {
    fn is_claimed(&self, value: f64, error: f64) -> bool {
        let size = value.abs().max(self.claim.abs());
        (value - self.claim).abs() <= self.tolerance * size + error + self.rounding
    }
}

/// The derivative at 0 of a function of a displacement.
pub(super) fn differentiate<T: Real>(setting: Setting, mut f: impl FnMut(T) -> Change) -> Estimate {
    let Setting { tolerance, negligible, size, .. } = setting;
    let step = WIDE * T::epsilon().as_f64().cbrt() * size;
    let mut f = |h: f64| f(T::of(h));
    let mut best = extrapolate(power_of_two(step), &mut f);
    // Rounding errors shrink in wider windows; a kink within the window, which shows as differences that do not settle,
    // is avoided by narrower ones.
    let zoom = if best.noise > best.disagreement { ZOOM } else { 1.0 / ZOOM };
    let mut last = power_of_two(step);
    for retry in 1..=RETRIES {
        let window = power_of_two((step * zoom.powi(retry)).min(size));
        let (size, error) = (best.value.abs(), best.error());
        let settled = error <= tolerance * size || (size <= error && error <= negligible);
        if settled || window.total_cmp(&last).is_eq() {
            break;
        }
        last = window;
        let next = extrapolate(window, &mut f);
        if next.error() < best.error() {
            best = Tableau { sides: if zoom < 1.0 { next.sides } else { best.sides }, ..next };
        } else if zoom < 1.0 {
            best.sides = next.sides;
        }
    }
    let mut error = best.error();
    if !setting.is_claimed(best.value, error) {
        error = error.max(doubt(&best, power_of_two(step), &mut f));
    }
    Estimate { value: best.value, error, kink: best.kink() }
}

/// How far the differences may be off after all, where they contradict the claim.
///
/// Rounding within the function, which its value does not show, shows as scatter of slopes to narrow steps. And a kink or a
/// pole within a window, or steps too narrow to move a rounded value, can make differences agree by chance: another window
/// is of another mind then.
fn doubt(best: &Tableau, step: f64, f: &mut impl FnMut(f64) -> Change) -> f64 {
    let mut doubt = 0.0_f64;
    let mut window = step.max(ZOOM * best.step);
    while window >= best.step / ZOOM.powi(NARROWER) {
        let other = extrapolate(window, f);
        let noise = AMPLIFIED * other.scatter;
        if window <= step {
            doubt = doubt.max(noise / best.step);
        }
        let apart = (other.value - best.value).abs();
        if apart > OPTIMISM * other.disagreement + noise / other.step {
            doubt = doubt.max(2.0 * apart);
        }
        window /= ZOOM;
    }
    doubt
}

/// A power of two is exact, and so is its sum with almost every number.
fn power_of_two(x: f64) -> f64 {
    x.log2().round().exp2()
}

/// What the differences in one window say.
struct Tableau {
    value: f64,
    /// The narrowest step that the value was made from.
    step: f64,
    /// How far rounding moves the function, as slopes to neighbouring steps show it.
    scatter: f64,
    /// How far entries that should be equal differ.
    disagreement: f64,
    /// How far rounding errors of the function may have moved the value.
    noise: f64,
    /// For the widest and the narrowest step: slopes to the left and to the right, and how far rounding may have moved them.
    sides: [Sides; 2],
}

#[derive(Clone, Copy, Default)]
struct Sides {
    left: f64,
    right: f64,
    noise: f64,
}

impl Tableau {
    fn error(&self) -> f64 {
        OPTIMISM * self.disagreement + self.noise
    }

    /// Where the function is smooth, slopes to both sides approach each other as the step does 0.
    fn kink(&self) -> Option<[f64; 2]> {
        let [wide, narrow] = self.sides;
        let gap = |sides: Sides| (sides.right - sides.left).abs();
        let kink = gap(narrow) > 0.5 * gap(wide) && gap(narrow) > OPTIMISM * narrow.noise;
        kink.then_some([narrow.left, narrow.right])
    }
}

/// Ridders' tableau: column j removes the error of order h²ʲ; the entry that agrees best with its neighbours wins.
fn extrapolate(first: f64, f: &mut impl FnMut(f64) -> Change) -> Tableau {
    let sides = Default::default();
    let mut best =
        Tableau { value: f64::NAN, step: first, scatter: 0.0, disagreement: f64::INFINITY, noise: 0.0, sides };
    let mut last = [0.0; LEVELS];
    let mut h = first;
    for level in 0..LEVELS {
        let (right, left) = (f(h), f(-h));
        let width = right.displacement - left.displacement;
        let noise = (right.noise + left.noise) / width;
        let slope = |side: Change| side.value / side.displacement;
        best.sides[usize::from(level > 0)] = Sides { left: slope(left), right: slope(right), noise: 2.0 * noise };
        let mut row = [0.0; LEVELS];
        row[0] = (right.value - left.value) / width;
        if !row[0].is_finite() {
            return Tableau { value: row[0], disagreement: f64::INFINITY, ..best };
        }
        if level > 0 {
            best.scatter = best.scatter.max((row[0] - last[0]).abs() * h);
        }
        let mut factor = 1.0;
        for j in 1..=level {
            factor *= 4.0;
            row[j] = (factor * row[j - 1] - last[j - 1]) / (factor - 1.0);
            let disagreement = (row[j] - row[j - 1]).abs().max((row[j] - last[j - 1]).abs());
            if OPTIMISM * disagreement + noise < best.error() {
                best = Tableau { value: row[j], step: h, disagreement, noise, ..best };
            }
        }
        last = row;
        h /= 2.0;
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTING: Setting = Setting { tolerance: 1e-6, negligible: 0.0, size: 1.0, claim: 1.0, rounding: 0.0 };

    fn change(displacement: f64, value: f64) -> Change {
        Change { displacement, value, noise: 1e-15 * value.abs() }
    }

    #[test]
    fn smooth_functions_are_differentiated_to_nine_digits() {
        for (x, slope, f) in [
            (0.7_f64, 0.7_f64.cos(), f64::sin as fn(f64) -> f64),
            (-2.0, (-2.0_f64).exp(), f64::exp),
            (1000.0, 1e-3, f64::ln),
        ] {
            let setting = Setting { size: x.abs().max(1.0), claim: slope, ..SETTING };
            // Rounding moves the values, of size f(x), not only what is left of them.
            let noise = 1e-15 * f(x).abs().max(1.0);
            let estimate = differentiate(setting, |h: f64| Change { noise, ..change((x + h) - x, f(x + h) - f(x)) });
            assert!((estimate.value - slope).abs() <= 1e-9 * slope.abs(), "{x}: {estimate:?}");
            assert!((estimate.value - slope).abs() <= estimate.error, "{x}: {estimate:?}");
            assert!(estimate.error < 1e-8 && estimate.kink.is_none(), "{x}: {estimate:?}");
        }
    }

    #[test]
    fn a_kink_beside_the_point_is_avoided_and_one_at_the_point_is_seen() {
        let beside = differentiate(SETTING, |h: f64| change(h, (1e-5 + h).abs() - 1e-5));
        assert!((beside.value - 1.0).abs() < 1e-6 && beside.kink.is_none(), "{beside:?}");
        let at = differentiate(SETTING, |h: f64| change(h, 3.0 * h.max(0.0) + h * h));
        let [left, right] = at.kink.expect("a kink");
        assert!(left.abs() < 1e-3 && (right - 3.0).abs() < 1e-3, "{at:?}");
        let jump = differentiate(SETTING, |h: f64| change(h, if h > 0.0 { 1.0 } else { 0.0 }));
        assert!(jump.error > 1.0 && jump.kink.is_some(), "{jump:?}");
    }

    #[test]
    fn noise_is_met_with_wider_steps() {
        // Noise of 1e-9 in a function of size 1 leaves 1e-5 of a derivative at the usual step.
        let noise = |h: f64| 1e-9 * (h * 1e9).sin();
        let estimate = differentiate(SETTING, |h: f64| Change { noise: 2e-9, ..change(h, h.sin() + noise(h)) });
        assert!((estimate.value - 1.0).abs() <= estimate.error && estimate.error < 1e-6, "{estimate:?}");
    }
}
