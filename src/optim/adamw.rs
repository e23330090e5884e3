//! Adam with decoupled weight decay.

use super::Descent;
use super::adam::AdamRule;
use crate::real::Real;

/// [`Adam`](super::Adam) whose weight decay acts on θ itself, not on the gradient.
///
/// ```text
/// θ ← θ (1 − η λ)
/// then as Adam
/// ```
///
/// λ `weight_decay`; all else, options included, is in [`Adam`](super::Adam).
///
/// Defaults: λ 0.01, as in PyTorch, and those of `Adam`. With λ = 0 both give the same bits.
///
/// As in PyTorch, λ is multiplied by the learning rate; in the paper it is multiplied by the schedule alone, so that
/// its λ is ηλ here.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let mut params = Params::<f64>::new();
/// let _ = params.add("x", [1], || 2.0);
/// let (mut gradient, mut optimizer) = (params.gradient(), AdamW::new(0.1).weight_decay(0.5));
/// gradient.flat_mut().fill(0.0);
/// optimizer.step(&mut params, &gradient);
/// assert_eq!(params.flat(), [2.0 * (1.0 - 0.1 * 0.5)]);
/// ```
///
/// # References
///
/// Loshchilov & Hutter 2019, Decoupled weight decay regularization.
pub type AdamW<T> = Descent<AdamRule<true>, T>;

impl<T: Real> Descent<AdamRule<true>, T> {
    /// `AdamW` with learning rate η and weight decay 0.01.
    ///
    /// # Panics
    ///
    /// If η is not a finite number ≥ 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let optimizer = AdamW::<f32>::new(1e-3);
    /// assert_eq!(optimizer.settings("weight").weight_decay, 0.01);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn new(learning_rate: f64) -> Self {
        Self::with_rule(AdamRule::default(), learning_rate).decoupled_weight_decay(true).weight_decay(1e-2)
    }
}

impl<T: Real> Default for Descent<AdamRule<true>, T> {
    fn default() -> Self {
        Self::new(1e-3)
    }
}
