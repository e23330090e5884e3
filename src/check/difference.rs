//! Central differences, extrapolated to step 0.

use crate::real::Real;

/// A derivative from differences, and how far it may be off.
#[derive(Clone, Copy, Debug)]
pub(super) struct Estimate {
    pub(super) value: f64,
    pub(super) error: f64,
}

/// The number of step sizes, each half of the one before.
const LEVELS: usize = 4;
/// The first step is this many times the cube root of the machine epsilon, which would be best without extrapolation.
const WIDE: f64 = 16.0;
/// Rounding errors of a function value, in units of its last place.
const ROUNDINGS: f64 = 16.0;
/// How often a narrower window is tried where the differences do not settle.
const RETRIES: i32 = 3;

/// How a function is differentiated.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    /// The relative error that is good enough.
    pub(super) tolerance: f64,
    /// The size of what is displaced, or 1.
    pub(super) size: f64,
    /// The size of what the function is computed from: its rounding errors are parts of this, also where it cancels.
    pub(super) scale: f64,
}

/// The derivative at 0 of a function of a displacement. `f` answers the displacement it really made, after rounding,
/// and the function value there.
pub(super) fn differentiate<T: Real>(setting: Setting, mut f: impl FnMut(T) -> (f64, f64)) -> Estimate {
    let Setting { tolerance, size, scale } = setting;
    let epsilon = T::epsilon().as_f64();
    let step = WIDE * epsilon.cbrt() * size;
    let mut best = Estimate { value: f64::NAN, error: f64::INFINITY };
    for retry in 0..=RETRIES {
        // A power of two is exact, and so is its sum with almost every number.
        let first = (step / 8.0_f64.powi(retry)).log2().round().exp2();
        let estimate = extrapolate(first, ROUNDINGS * epsilon, scale, |h| f(T::of(h)));
        if estimate.error < best.error || (best.error.is_infinite() && best.value.is_nan()) {
            best = estimate;
        }
        // A kink within the window shows as differences that do not settle: look closer.
        if best.error <= tolerance * best.value.abs().max(1e-3) {
            break;
        }
    }
    best
}

/// Ridders' tableau: column j removes the error of order h²ʲ; the entry that agrees best with its neighbours wins.
fn extrapolate(first: f64, rounding: f64, scale: f64, mut f: impl FnMut(f64) -> (f64, f64)) -> Estimate {
    let mut best = Estimate { value: f64::NAN, error: f64::INFINITY };
    let mut last = [0.0; LEVELS];
    let mut h = first;
    for level in 0..LEVELS {
        let ((right, above), (left, below)) = (f(h), f(-h));
        let noise = rounding * above.abs().max(below.abs()).max(scale) / (right - left);
        let mut row = [0.0; LEVELS];
        row[0] = (above - below) / (right - left);
        let mut factor = 1.0;
        for j in 1..=level {
            factor *= 4.0;
            row[j] = (factor * row[j - 1] - last[j - 1]) / (factor - 1.0);
            let error = (row[j] - row[j - 1]).abs().max((row[j] - last[j - 1]).abs()) + noise;
            if error < best.error {
                best = Estimate { value: row[j], error };
            }
        }
        if !row[0].is_finite() {
            return Estimate { value: row[0], error: f64::INFINITY };
        }
        last = row;
        h /= 2.0;
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smooth_functions_are_differentiated_to_ten_digits() {
        for (x, slope, f) in [
            (0.7_f64, 0.7_f64.cos(), f64::sin as fn(f64) -> f64),
            (-2.0, (-2.0_f64).exp(), f64::exp),
            (1000.0, 1e-3, f64::ln),
        ] {
            let setting = Setting { tolerance: 1e-6, size: x.abs().max(1.0), scale: 0.0 };
            let estimate = differentiate(setting, |h: f64| ((x + h) - x, f(x + h)));
            assert!((estimate.value - slope).abs() <= 1e-9 * slope.abs() + estimate.error, "{x}: {estimate:?}");
            assert!(estimate.error < 1e-8, "{x}: {estimate:?}");
        }
    }

    #[test]
    fn a_kink_beside_the_point_is_avoided_and_one_at_the_point_is_not_believed() {
        let setting = Setting { tolerance: 1e-6, size: 1.0, scale: 0.0 };
        let beside = differentiate(setting, |h: f64| (h, (1e-5 + h).abs()));
        assert!((beside.value - 1.0).abs() < 1e-6, "{beside:?}");
        let jump = differentiate(setting, |h: f64| (h, if h > 0.0 { 1.0 } else { 0.0 }));
        assert!(jump.error > 1.0, "{jump:?}");
    }
}
