//! Schedules that only fall, by themselves or at given times.

use super::Schedule;
use crate::optim::allowed::{Allowed, counted};

/// η₀ throughout.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// assert_eq!(schedule::Constant.rate(0.1, 1_000_000), 0.1);
/// ```
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Constant;

impl Schedule for Constant {
    fn rate(&self, base: f64, _: u64) -> f64 {
        base
    }

    fn satisfies_robbins_monro(&self) -> Option<bool> {
        Some(false)
    }
}

/// η₀ γ^⌊t/T₀⌋: times γ after every T₀ iterations.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let plan = schedule::Step::new(2, 0.5);
/// assert_eq!([0, 1, 2, 3, 4].map(|t| plan.rate(8.0, t)), [8.0, 8.0, 4.0, 4.0, 2.0]);
/// ```
///
/// # References
///
/// Ruiz Correa 2026, Machine Learning (lecture notes), eq. 18.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Step {
    every: u64,
    factor: f64,
}

impl Step {
    /// Times γ = `factor` after every T₀ = `every` iterations.
    ///
    /// # Panics
    ///
    /// If T₀ is 0, or γ not in (0, 1].
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// assert_eq!(schedule::Step::new(30, 0.1).rate(1.0, 29), 1.0);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn new(every: u64, factor: f64) -> Self {
        let factor = Allowed::UpToOne.check::<f64>("Step", "factor", factor);
        Self { every: counted("Step", "every", every), factor }
    }
}

impl Schedule for Step {
    fn rate(&self, base: f64, t: u64) -> f64 {
        base * libm::pow(self.factor, (t / self.every) as f64)
    }

    fn satisfies_robbins_monro(&self) -> Option<bool> {
        Some(false)
    }
}

/// η₀ γᵏ, k being the number of milestones that t has reached: at a milestone the new rate holds.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let plan = schedule::MultiStep::new([2, 3], 0.5);
/// assert_eq!([0, 1, 2, 3, 4].map(|t| plan.rate(8.0, t)), [8.0, 8.0, 4.0, 2.0, 2.0]);
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct MultiStep {
    milestones: Vec<u64>,
    factor: f64,
}

impl MultiStep {
    /// Times γ = `factor` at each of the milestones.
    ///
    /// # Panics
    ///
    /// If the milestones do not ascend, or γ is not in (0, 1].
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// assert_eq!(schedule::MultiStep::new([], 0.1).rate(1.0, 100), 1.0);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn new(milestones: impl Into<Vec<u64>>, factor: f64) -> Self {
        let factor = Allowed::UpToOne.check::<f64>("MultiStep", "factor", factor);
        let milestones = milestones.into();
        assert!(
            milestones.is_sorted_by(|a, b| a < b),
            "MultiStep: milestones are {milestones:?}, expected ascending iterations"
        );
        Self { milestones, factor }
    }
}

impl Schedule for MultiStep {
    fn rate(&self, base: f64, t: u64) -> f64 {
        let reached = self.milestones.partition_point(|&milestone| milestone <= t);
        base * libm::pow(self.factor, reached as f64)
    }

    fn satisfies_robbins_monro(&self) -> Option<bool> {
        Some(false)
    }
}

/// η₀ e^(−λt).
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let plan = schedule::Exponential::new(0.5_f64.ln().abs());
/// assert!((plan.rate(1.0, 3) - 0.125).abs() < 1e-15);
/// ```
///
/// # References
///
/// Ruiz Correa 2026, Machine Learning (lecture notes), eq. 19. PyTorch's `gamma` is e^(−λ).
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Exponential {
    decay: f64,
}

impl Exponential {
    /// Falls by the factor e^(−λ), λ = `decay`, in every iteration.
    ///
    /// # Panics
    ///
    /// If λ is not a finite number ≥ 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// assert_eq!(schedule::Exponential::new(0.1).rate(1.0, 10), (-1.0_f64).exp());
    /// ```
    #[must_use]
    #[track_caller]
    pub fn new(decay: f64) -> Self {
        Self { decay: Allowed::NonNegative.check::<f64>("Exponential", "decay", decay) }
    }
}

impl Schedule for Exponential {
    fn rate(&self, base: f64, t: u64) -> f64 {
        base * libm::exp(-self.decay * t as f64)
    }

    fn satisfies_robbins_monro(&self) -> Option<bool> {
        Some(false)
    }
}

/// η₀ (1 + αt)^(−β), β ∈ (0.5, 1].
///
/// In this range of β the conditions of Robbins and Monro hold.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let plan = schedule::Polynomial::new(5.0, 0.75);
/// assert!((plan.rate(1.0, 3) - 0.125).abs() < 1e-15); // 16^(−¾)
/// ```
///
/// # References
///
/// Ruiz Correa 2026, Machine Learning (lecture notes), eq. 20.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Polynomial {
    speed: f64,
    power: f64,
}

impl Polynomial {
    /// With α = `speed` and β = `power`.
    ///
    /// # Panics
    ///
    /// If α is not a finite number > 0, or β not in (0.5, 1].
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// assert_eq!(schedule::Polynomial::new(1.0, 1.0).rate(1.0, 3), 0.25);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn new(speed: f64, power: f64) -> Self {
        Self {
            speed: Allowed::Positive.check::<f64>("Polynomial", "speed", speed),
            power: Allowed::Power.check::<f64>("Polynomial", "power", power),
        }
    }
}

impl Schedule for Polynomial {
    fn rate(&self, base: f64, t: u64) -> f64 {
        base * libm::pow(1.0 + self.speed * t as f64, -self.power)
    }

    fn satisfies_robbins_monro(&self) -> Option<bool> {
        Some(true)
    }
}

/// η₀/(1 + αt).
///
/// The conditions of Robbins and Monro hold.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// assert_eq!(schedule::InverseTime::new(0.5).rate(1.0, 6), 0.25);
/// ```
///
/// # References
///
/// Ruiz Correa 2026, Machine Learning (lecture notes), eq. 21.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct InverseTime {
    speed: f64,
}

impl InverseTime {
    /// With α = `speed`.
    ///
    /// # Panics
    ///
    /// If α is not a finite number > 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// assert_eq!(schedule::InverseTime::new(1e-3).rate(1.0, 1000), 0.5);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn new(speed: f64) -> Self {
        Self { speed: Allowed::Positive.check::<f64>("InverseTime", "speed", speed) }
    }

    /// η₀ divided by the number of the iteration, which counts from 1: α = 1.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let plan = schedule::InverseTime::harmonic();
    /// assert_eq!([0, 1, 3].map(|t| plan.rate(1.0, t)), [1.0, 0.5, 0.25]);
    /// ```
    #[must_use]
    pub fn harmonic() -> Self {
        Self { speed: 1.0 }
    }
}

impl Schedule for InverseTime {
    fn rate(&self, base: f64, t: u64) -> f64 {
        base / (1.0 + self.speed * t as f64)
    }

    fn satisfies_robbins_monro(&self) -> Option<bool> {
        Some(true)
    }
}
