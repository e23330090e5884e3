//! A schedule that goes up and down along lines.

use super::Schedule;
use crate::optim::allowed::{Allowed, counted};

/// From ηₘᵢₙ to η₀ and back along lines, again and again.
///
/// ```text
/// ηₘᵢₙ + (η₀ − ηₘᵢₙ) γᵏ h
/// ```
///
/// k is the number of cycles that are over, γ `shrink`, h goes from 0 to 1 in `up` iterations and back to 0 in `down`.
///
/// Defaults: down as up, γ = 1 (the *triangular* policy; *triangular2* is γ = ½).
///
/// In PyTorch's `CyclicLR`, η₀ is the lower end (`base_lr`).
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let plan = schedule::Cyclic::new(0.5, 2).shrink(0.5);
/// assert_eq!([0, 1, 2, 3, 4, 5, 6].map(|t| plan.rate(1.5, t)), [0.5, 1.0, 1.5, 1.0, 0.5, 0.75, 1.0]);
/// ```
///
/// # References
///
/// Smith 2017, Cyclical learning rates for training neural networks.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Cyclic {
    minimum: f64,
    up: u64,
    down: u64,
    shrink: f64,
}

impl Cyclic {
    /// From ηₘᵢₙ = `minimum` to η₀ in `up` iterations, and back in as many.
    ///
    /// # Panics
    ///
    /// If ηₘᵢₙ is not a finite number ≥ 0, or `up` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// assert_eq!(schedule::Cyclic::new(0.0, 2).rate(1.0, 2), 1.0);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn new(minimum: f64, up: u64) -> Self {
        let minimum = Allowed::NonNegative.check::<f64>("Cyclic", "minimum", minimum);
        let up = counted("Cyclic", "up", up);
        Self { minimum, up, down: up, shrink: 1.0 }
    }

    /// The iterations from η₀ down.
    ///
    /// # Panics
    ///
    /// If it is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let plan = schedule::Cyclic::new(0.0, 1).down(2);
    /// assert_eq!([0, 1, 2, 3].map(|t| plan.rate(1.0, t)), [0.0, 1.0, 0.5, 0.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn down(mut self, down: u64) -> Self {
        self.down = counted("Cyclic", "down", down);
        self
    }

    /// γ: how many times as high as the one before each cycle goes.
    ///
    /// # Panics
    ///
    /// If it is not in (0, 1].
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// assert_eq!(schedule::Cyclic::new(0.0, 1).shrink(0.5).rate(1.0, 5), 0.25);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn shrink(mut self, factor: f64) -> Self {
        self.shrink = Allowed::UpToOne.check::<f64>("Cyclic", "shrink", factor);
        self
    }
}

impl Schedule for Cyclic {
    fn rate(&self, base: f64, t: u64) -> f64 {
        let length = self.up.saturating_add(self.down);
        let (cycle, at) = (t / length, t % length);
        let height = if at <= self.up { at as f64 / self.up as f64 } else { (length - at) as f64 / self.down as f64 };
        self.minimum + (base - self.minimum) * libm::pow(self.shrink, cycle as f64) * height
    }

    fn satisfies_robbins_monro(&self) -> Option<bool> {
        Some(false)
    }
}
