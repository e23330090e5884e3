//! Axes: from values to a range and round numbers to write beside it.

use std::ops::RangeInclusive;

/// How values lie along an axis.
#[derive(Clone, Copy, PartialEq, Default, Debug)]
pub(super) enum Scale {
    #[default]
    Linear,
    Logarithmic,
    /// Linear within ± this, logarithmic beyond.
    Symmetric(f64),
}

/// A range of values and its ticks.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    scale: Scale,
    /// The places of the ends: on a logarithmic axis their logarithms to base 10.
    ends: (f64, f64),
    /// The value of each tick, and what is written there.
    pub(super) ticks: Vec<(f64, String)>,
}

/// About as many labels as are legible side by side.
const TICKS: f64 = 8.0;

impl Axis {
    /// An axis for these values with a little space beyond them.
    pub(super) fn of(values: impl Iterator<Item = f64>, scale: Scale) -> Self {
        /// The share of the range that is left free at either end.
        const MARGIN: f64 = 0.05;
        let (low, high) = bounds(values.map(|value| scale.place(value)));
        let margin = (high - low) * MARGIN;
        Self::between(low - margin, high + margin, scale)
    }

    /// An axis for just these values.
    pub(super) fn without_margin(values: impl Iterator<Item = f64>, scale: Scale) -> Self {
        let (low, high) = bounds(values.map(|value| scale.place(value)));
        Self::between(low, high, scale)
    }

    /// An axis from one value to another.
    pub(super) fn within(low: f64, high: f64, scale: Scale) -> Self {
        Self::between(scale.place(low), scale.place(high), scale)
    }

    /// An axis for counts such as epochs, which ends where they end and has whole numbers as ticks.
    pub(super) fn of_counts(values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = bounds(values);
        let step = round_step((high - low) / TICKS).max(1.0);
        Self { scale: Scale::Linear, ends: (low, high), ticks: linear_ticks(low..=high, step) }
    }

    fn between(low: f64, high: f64, scale: Scale) -> Self {
        let ticks = match scale {
            Scale::Linear => linear_ticks(low..=high, round_step((high - low) / TICKS)),
            Scale::Logarithmic => logarithmic_ticks(low, high),
            Scale::Symmetric(threshold) => symmetric_ticks(low, high, threshold),
        };
        Self { scale, ends: (low, high), ticks }
    }

    /// Whether the range is one that numbers can hold.
    pub(super) fn is_finite(&self) -> bool {
        (self.ends.1 - self.ends.0).is_finite()
    }

    /// The values at the ends.
    pub(super) fn ends(&self) -> (f64, f64) {
        (self.scale.value(self.ends.0), self.scale.value(self.ends.1))
    }

    /// Where a value lies between the ends, 0 at the lower and 1 at the upper.
    pub(super) fn position(&self, value: f64) -> f64 {
        (self.scale.place(value) - self.ends.0) / (self.ends.1 - self.ends.0)
    }

    /// What is written at the tick of this value.
    pub(super) fn label(&self, value: f64) -> String {
        let tick = self.ticks.iter().find(|(tick, _)| tick.total_cmp(&value).is_eq());
        tick.map_or_else(String::new, |(_, label)| label.clone())
    }
}

impl Scale {
    fn place(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            Self::Logarithmic => value.log10(),
            Self::Symmetric(threshold) => {
                let size = (value / threshold).abs();
                (if size <= 1.0 { size } else { 1.0 + size.log10() }).copysign(value)
            }
        }
    }

    fn value(self, place: f64) -> f64 {
        match self {
            Self::Linear => place,
            Self::Logarithmic => 10_f64.powf(place),
            Self::Symmetric(threshold) => {
                let size = place.abs();
                threshold * (if size <= 1.0 { size } else { 10_f64.powf(size - 1.0) }).copysign(place)
            }
        }
    }
}

/// Where a symmetric scale is to become linear: the power of ten at or below the smallest value that is not 0, but no more
/// than twelve orders of magnitude below the largest.
pub(super) fn threshold(values: impl Iterator<Item = f64>) -> f64 {
    const ORDERS: f64 = 12.0;
    let sizes = values.map(f64::abs).filter(|&size| size > 0.0);
    let (least, most) = sizes.fold((f64::INFINITY, 0.0), |(least, most), size| (size.min(least), size.max(most)));
    if most == 0.0 {
        return 1.0;
    }
    let order = |size: f64| size.log10().floor();
    10_f64.powf(order(least).max(order(most) - ORDERS)).max(f64::MIN_POSITIVE)
}

/// The smallest and the largest value, moved apart where they are the same or differ by rounding errors only.
fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
    const ROUNDING: f64 = 1e-9;
    let ends = (f64::INFINITY, f64::NEG_INFINITY);
    let (low, high) = values.fold(ends, |(low, high), x| (low.min(x), high.max(x)));
    let size = low.abs().max(high.abs());
    if high - low > ROUNDING * size {
        return (low, high);
    }
    let apart = if size > 0.0 { (size / 2.0).max(f64::MIN_POSITIVE) } else { 1.0 };
    (low - apart, high + apart)
}

/// The smallest of 1, 2, 5, 10, 20, … and 0.5, 0.2, 0.1, … that is not below `least`.
pub(super) fn round_step(least: f64) -> f64 {
    let least = least.max(f64::MIN_POSITIVE);
    let power = 10_f64.powf(least.log10().floor());
    let steps = [1.0, 2.0, 5.0].map(|digit| digit * power);
    steps.into_iter().find(|&step| step >= least).unwrap_or(10.0 * power)
}

/// The multiples of `step` within the range, all with as many decimals as the step has.
fn linear_ticks(range: RangeInclusive<f64>, step: f64) -> Vec<(f64, String)> {
    let (first, last) = ((range.start() / step).ceil(), (range.end() / step).floor());
    let multiples = std::iter::successors(Some(first), |k| Some(k + 1.0));
    // Adding 0 makes 0 of −0, which would be written with its sign.
    let values = multiples.take_while(|&k| k <= last).map(|k| k * step + 0.0);
    let largest = range.start().abs().max(range.end().abs());
    values.map(|value| (value, label(value, step, largest))).collect()
}

/// Powers of ten between two logarithms, or in a short range also their double and fivefold, or in a very short one the
/// ticks of a linear scale.
fn logarithmic_ticks(low: f64, high: f64) -> Vec<(f64, String)> {
    /// Fewer do not show what the scale is.
    const LEAST: usize = 3;
    let powers = |every: f64| {
        let multiples = linear_ticks(low.floor()..=high.ceil(), every);
        multiples.into_iter().map(|(power, _)| power)
    };
    let inside = |(value, _): &(f64, String)| (low..=high).contains(&value.log10());
    let every = round_step((high - low) / TICKS).max(1.0);
    let ticks: Vec<_> = powers(every).map(|power| multiple(1.0, power)).filter(inside).collect();
    if ticks.len() >= LEAST {
        return ticks;
    }
    let digits = powers(1.0).flat_map(|power| [1.0, 2.0, 5.0].map(|digit| multiple(digit, power)));
    let ticks: Vec<_> = digits.filter(inside).collect();
    if ticks.len() >= LEAST {
        return ticks;
    }
    let (least, most) = (10_f64.powf(low), 10_f64.powf(high));
    linear_ticks(least..=most, round_step((most - least) / TICKS))
}

/// 0 and powers of ten of either sign between two places, from the threshold outwards.
fn symmetric_ticks(low: f64, high: f64, threshold: f64) -> Vec<(f64, String)> {
    let every = round_step((high - low) / TICKS).max(1.0);
    let finest = threshold.log10().round();
    let orders = || std::iter::successors(Some(0.0), |order| Some(order + every));
    let within = |end: f64| orders().take_while(move |order| 1.0 + order <= end).map(|order| finest + order);
    let below = within(-low).map(|power| {
        let (value, label) = multiple(1.0, power);
        (-value, format!("-{label}"))
    });
    let mut ticks: Vec<_> = below.collect();
    ticks.reverse();
    ticks.push((0.0, "0".to_owned()));
    ticks.extend(within(high).map(|power| multiple(1.0, power)));
    ticks.retain(|(value, _)| (low..=high).contains(&Scale::Symmetric(threshold).place(*value)));
    ticks
}

/// Whether a number of this size is written as `0.001` or as `1e-3`.
fn is_plain(size: f64) -> bool {
    (1e-4..1e6).contains(&size)
}

/// `digit` times a power of ten, as a number and as it is written.
pub(super) fn multiple(digit: f64, power: f64) -> (f64, String) {
    let scientific = format!("{digit}e{power}");
    let value: f64 = scientific.parse().unwrap_or(f64::NAN);
    (value, if is_plain(value) { value.to_string() } else { scientific })
}

/// A multiple of `step`, alone.
pub(super) fn written(value: f64, step: f64) -> String {
    label(value, step, value.abs())
}

/// A multiple of `step` in a range up to `largest`.
fn label(value: f64, step: f64, largest: f64) -> String {
    // A step just below a power of ten through rounding must not cost a decimal.
    const ROUNDING: f64 = 1e-6;
    let digits = |size: f64| {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a number of digits, and below 0 none are needed"
        )]
        let digits = size.max(0.0) as usize;
        digits
    };
    let finest = (step.log10() + ROUNDING).floor();
    if is_plain(largest) {
        return format!("{value:.*}", digits(-finest));
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    format!("{value:.*e}", digits((value.abs().log10() + ROUNDING).floor() - finest))
}

#[cfg(test)]
mod tests {
    use super::{Axis, Scale};

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, label)| label.as_str()).collect()
    }

    fn of(values: &[f64], scale: Scale) -> Axis {
        Axis::of(values.iter().copied(), scale)
    }

    #[test]
    fn linear_ticks_are_round_and_written_alike() {
        let cases: [(&[f64], &[&str]); 6] = [
            (&[0.0, 2.3], &["0.0", "0.5", "1.0", "1.5", "2.0"]),
            (&[0.11, 0.15], &["0.11", "0.12", "0.13", "0.14", "0.15"]),
            (&[-1.0, 1.0], &["-1.0", "-0.5", "0.0", "0.5", "1.0"]),
            (&[1e-8, 4e-8], &["1.0e-8", "1.5e-8", "2.0e-8", "2.5e-8", "3.0e-8", "3.5e-8", "4.0e-8"]),
            (&[0.0, 8e6], &["0", "2e6", "4e6", "6e6", "8e6"]),
            (&[0.0, 7.0], &["0", "1", "2", "3", "4", "5", "6", "7"]),
        ];
        for (values, expected) in cases {
            assert_eq!(labels(&of(values, Scale::Linear)), expected, "{values:?}");
        }
    }

    #[test]
    fn logarithmic_ticks_are_powers_then_digits_then_linear() {
        let cases: [(&[f64], &[&str]); 4] = [
            (&[1e-3, 2.3], &["0.001", "0.01", "0.1", "1"]),
            (&[0.06, 2.3], &["0.1", "0.2", "0.5", "1", "2"]),
            (&[2.1, 3.4], &["2.2", "2.4", "2.6", "2.8", "3.0", "3.2", "3.4"]),
            (&[1e-30, 1.0], &["1e-30", "1e-25", "1e-20", "1e-15", "1e-10", "1e-5", "1"]),
        ];
        for (values, expected) in cases {
            assert_eq!(labels(&of(values, Scale::Logarithmic)), expected, "{values:?}");
        }
    }

    #[test]
    fn symmetric_ticks_are_powers_of_either_sign() {
        let of = |values: &[f64]| of(values, Scale::Symmetric(super::threshold(values.iter().copied())));
        let axis = of(&[-0.5, 0.0, 20.0]);
        assert_eq!(labels(&axis), ["-0.1", "0", "0.1", "1", "10"]);
        // 0.1 is as far from 0 as 1 from 0.1; what is within ±0.1 is linear.
        let place = |value| axis.position(value);
        assert!((place(0.1) - place(0.0) - (place(1.0) - place(0.1))).abs() < 1e-12);
        assert!((place(0.05) - place(0.0) - (place(0.1) - place(0.05))).abs() < 1e-12);
        assert!((place(0.1) - place(0.0) - (place(0.0) - place(-0.1))).abs() < 1e-12);
        assert_eq!(labels(&of(&[-1e-3, 1e3])), ["-0.001", "0", "0.001", "0.1", "10", "1000"]);
        // Rounding errors do not stretch it.
        assert!(of(&[1e-30, 1.0, 1e3]).ticks.len() < 12);
        assert_eq!(labels(&of(&[0.0, 0.0])), ["-1", "0", "1"]);
    }

    #[test]
    fn counts_have_whole_ticks() {
        let counts = |n: u32| Axis::of_counts((1..=n).map(f64::from));
        assert_eq!(labels(&counts(4)), ["1", "2", "3", "4"]);
        assert_eq!(labels(&counts(60)), ["10", "20", "30", "40", "50", "60"]);
        assert_eq!(labels(&counts(1)), ["1"]);
    }

    #[test]
    fn a_single_value_is_inside() {
        for value in [0.0, 3.0, -1e-12, 1e300] {
            let axis = of(&[value, value], Scale::Linear);
            let (low, high) = axis.ends();
            assert!(low < value && value < high && !axis.ticks.is_empty(), "{value}: {axis:?}");
        }
    }
}
