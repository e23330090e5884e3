//! The ranges of hyper-parameters, and what is said when one is left.

use crate::real::Real;

/// The numbers that a hyper-parameter may be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Allowed {
    NonNegative,
    Positive,
    PositiveOrInfinite,
    /// A weight of the past in a moving average.
    Fraction,
    /// The same where the past must count.
    PositiveFraction,
    /// A factor that makes nothing larger.
    UpToOne,
    AboveOne,
    /// A power of t with which the sum of rates diverges and the sum of their squares does not.
    Power,
}

impl Allowed {
    /// The value, when it and what the element type makes of it are in the range.
    ///
    /// # Panics
    ///
    /// If they are not.
    #[track_caller]
    pub(super) fn check<T: Real>(self, rule: &str, field: &str, value: f64) -> f64 {
        if self.holds_as::<T>(value) {
            return value;
        }
        let rounded = T::of(value).as_f64();
        let rounded = if self.holds(value) { format!(" ({} as {})", short(rounded), T::NAME) } else { String::new() };
        panic!("{rule}: {field} is {}{rounded}, expected {}", short(value), self.text())
    }

    /// Whether the value and what the element type makes of it are in the range.
    pub(super) fn holds_as<T: Real>(self, value: f64) -> bool {
        self.holds(value) && self.holds(T::of(value).as_f64())
    }

    pub(super) fn holds(self, value: f64) -> bool {
        match self {
            Self::NonNegative => value.is_finite() && value >= 0.0,
            Self::Positive => value.is_finite() && value > 0.0,
            Self::PositiveOrInfinite => value > 0.0,
            Self::Fraction => (0.0..1.0).contains(&value),
            Self::PositiveFraction => value > 0.0 && value < 1.0,
            Self::UpToOne => value > 0.0 && value <= 1.0,
            Self::AboveOne => value.is_finite() && value > 1.0,
            Self::Power => value > 0.5 && value <= 1.0,
        }
    }

    pub(super) fn text(self) -> &'static str {
        match self {
            Self::NonNegative => "a finite number ≥ 0",
            Self::Positive => "a finite number > 0",
            Self::PositiveOrInfinite => "a number > 0",
            Self::Fraction => "a number in [0, 1)",
            Self::PositiveFraction => "a number in (0, 1)",
            Self::UpToOne => "a number in (0, 1]",
            Self::AboveOne => "a finite number > 1",
            Self::Power => "a number in (0.5, 1]",
        }
    }
}

/// A count that must not be 0.
///
/// # Panics
///
/// If it is.
#[track_caller]
pub(super) fn counted(owner: &str, field: &str, count: u64) -> u64 {
    assert!(count > 0, "{owner}: {field} is 0, expected a whole number ≥ 1");
    count
}

/// The shorter of 0.001 and 1e-3.
fn short(x: f64) -> String {
    let (plain, scientific) = (x.to_string(), format!("{x:e}"));
    if plain.len() <= scientific.len().max(8) { plain } else { scientific }
}
