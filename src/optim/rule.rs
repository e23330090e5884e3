//! What an update rule is, and what it is given.

use std::fmt;

use crate::kernel::parts::Parts;
use crate::kernel::update::Before;
use crate::real::Real;

/// A family of updates: its hyper-parameters, what it keeps for each parameter, and one update of a range of values.
///
/// A rule of one's own gets groups, decay, clipping and saving from [`Descent`](super::Descent).
///
/// # Examples
///
/// ```
/// use gradus::optim::{Descent, Iteration, Rule, Vectors};
/// use gradus::prelude::*;
///
/// /// θ ← θ − η sign(g)
/// #[derive(Clone, Debug)]
/// struct SignDescent;
///
/// impl Rule for SignDescent {
///     const NAME: &'static str = "SignDescent";
///
///     fn vectors(&self) -> &'static [&'static str] {
///         &[]
///     }
///
///     fn update<T: Real>(&self, now: Iteration<T>, theta: &mut [T], gradient: &[T], _: Vectors<'_, T>) {
///         let rate = T::of(now.learning_rate);
///         for (x, &g) in theta.iter_mut().zip(gradient) {
///             *x = now.decayed(*x) - rate * now.gradient(g, *x).signum();
///         }
///     }
/// }
///
/// let mut params = Params::<f32>::new();
/// let _ = params.add("x", [2], || 1.0);
/// let mut gradient = params.gradient();
/// gradient.flat_mut().copy_from_slice(&[3.0, -0.1]);
/// Descent::with_rule(SignDescent, 0.5).step(&mut params, &gradient);
/// assert_eq!(params.flat(), [0.5, 1.5]);
/// ```
pub trait Rule: Clone + fmt::Debug + Send + Sync + 'static {
    /// The name of the optimiser in messages and saved states.
    const NAME: &'static str;

    /// Whether gradients are to be taken elsewhere than at θ: see [`look_ahead`](Rule::look_ahead).
    const LOOKS_AHEAD: bool = false;

    /// The names of the vectors it keeps between the steps, each with one number for each parameter.
    fn vectors(&self) -> &'static [&'static str];

    /// The number that a vector of this name is filled with before the first step.
    fn initial(&self, vector: &str) -> f64 {
        let _ = vector;
        0.0
    }

    /// One update of a range of values θ. Must be an elementwise function: a range may be cut anywhere, and threads share
    /// the pieces.
    ///
    /// Where the rule [looks ahead](Rule::look_ahead), `theta` holds the point where the gradient was taken, and is to hold θ.
    fn update<T: Real>(&self, now: Iteration<T>, theta: &mut [T], gradient: &[T], vectors: Vectors<'_, T>);

    /// Moves a range of values from θ to where the gradient of the next update is to be taken, for a rule that
    /// [`LOOKS_AHEAD`](Rule::LOOKS_AHEAD): what [`prepare`](super::Optimizer::prepare) does.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::optim::{Descent, Iteration, Rule, Vectors};
    /// use gradus::prelude::*;
    ///
    /// /// Extragradient with the gradient of before: θ̃ = θ − η₀g, θ ← θ − η g̃
    /// #[derive(Clone, Debug)]
    /// struct Optimistic;
    ///
    /// impl Rule for Optimistic {
    ///     const NAME: &'static str = "Optimistic";
    ///     const LOOKS_AHEAD: bool = true;
    ///
    ///     fn vectors(&self) -> &'static [&'static str] {
    ///         &["gradient", "iterate"]
    ///     }
    ///
    ///     fn look_ahead<T: Real>(&self, theta: &mut [T], vectors: Vectors<'_, T>) {
    ///         let [gradient, iterate] = vectors.split();
    ///         iterate.copy_from_slice(theta);
    ///         theta.iter_mut().zip(gradient).for_each(|(x, g)| *x -= T::of(0.5) * *g);
    ///     }
    ///
    ///     fn look_back<T: Real>(&self, theta: &mut [T], vectors: Vectors<'_, T>) {
    ///         let [_, iterate] = vectors.split();
    ///         theta.copy_from_slice(iterate);
    ///     }
    ///
    ///     fn update<T: Real>(&self, now: Iteration<T>, theta: &mut [T], derivative: &[T], vectors: Vectors<'_, T>) {
    ///         let [gradient, iterate] = vectors.split();
    ///         for (i, x) in theta.iter_mut().enumerate() {
    ///             gradient[i] = now.gradient(derivative[i], *x);
    ///             *x = now.decayed(iterate[i]) - T::of(now.learning_rate) * gradient[i];
    ///         }
    ///     }
    /// }
    ///
    /// let mut params = Params::<f64>::new();
    /// let _ = params.add("x", [1], || 1.0);
    /// let (mut gradient, mut optimizer) = (params.gradient(), Descent::with_rule(Optimistic, 0.25));
    /// optimizer.prepare(&mut params);
    /// gradient.flat_mut().fill(2.0);
    /// optimizer.step(&mut params, &gradient);
    /// assert_eq!(params.flat(), [0.5]);
    /// optimizer.prepare(&mut params);
    /// assert_eq!(params.flat(), [0.5 - 0.5 * 2.0]);
    /// ```
    fn look_ahead<T: Real>(&self, theta: &mut [T], vectors: Vectors<'_, T>) {
        let _ = (theta, vectors);
    }

    /// Moves a range of values back to θ, to the bit, from where [`look_ahead`](Rule::look_ahead) has moved it: what a step
    /// does that makes no update.
    fn look_back<T: Real>(&self, theta: &mut [T], vectors: Vectors<'_, T>) {
        let _ = (theta, vectors);
    }
}

/// One iteration as a rule sees it: its number, the learning rate, and what happens to every gradient and value.
#[derive(Clone, Copy, Debug)]
pub struct Iteration<T> {
    /// t: how many updates these values have had with this one; 1 in the first.
    pub number: u64,
    /// η, of the group that the values belong to.
    pub learning_rate: f64,
    clip: T,
    l2: T,
    shrink: T,
}

impl<T: Real> Iteration<T> {
    /// `clip` scales the gradient, `weight_decay` is λ.
    pub(super) fn new(number: u64, learning_rate: f64, clip: f64, (weight_decay, decoupled): (f64, bool)) -> Self {
        let (l2, shrink) = if decoupled { (0.0, 1.0 - learning_rate * weight_decay) } else { (weight_decay, 1.0) };
        Self { number, learning_rate, clip: T::of(clip), l2: T::of(l2), shrink: T::of(shrink) }
    }

    /// The derivative that the rule works with: clipped, then + λθ where decay is coupled.
    #[inline]
    #[must_use]
    pub fn gradient(&self, derivative: T, theta: T) -> T {
        let g = self.clip * derivative;
        // Not `g + 0 · θ`: with θ = ∞ that is NaN.
        if self.l2 == T::zero() { g } else { g + self.l2 * theta }
    }

    /// The value that the rule starts from: θ(1 − ηλ) where decay is decoupled, else θ.
    #[inline]
    #[must_use]
    pub fn decayed(&self, theta: T) -> T {
        self.shrink * theta
    }

    /// The same for all values at once.
    pub(super) fn before(&self) -> Before {
        Before { clip: self.clip.as_f64(), l2: self.l2.as_f64(), shrink: self.shrink.as_f64() }
    }

    /// 1 − βᵗ: what a moving average that began with 0 has to be divided by to be one of t numbers only.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::optim::{Descent, Iteration, Rule, Vectors};
    /// use gradus::prelude::*;
    ///
    /// /// A moving average of gradients without the lag of its start: in the first step it is g itself.
    /// #[derive(Clone, Debug)]
    /// struct Averaged;
    ///
    /// impl Rule for Averaged {
    ///     const NAME: &'static str = "Averaged";
    ///
    ///     fn vectors(&self) -> &'static [&'static str] {
    ///         &["mean"]
    ///     }
    ///
    ///     fn update<T: Real>(&self, now: Iteration<T>, theta: &mut [T], gradient: &[T], vectors: Vectors<'_, T>) {
    ///         let ([mean], rate) = (vectors.split(), T::of(now.learning_rate / now.bias_correction(0.5)));
    ///         for ((x, &g), m) in theta.iter_mut().zip(gradient).zip(mean) {
    ///             *m = T::of(0.5) * (*m + now.gradient(g, *x));
    ///             *x = now.decayed(*x) - rate * *m;
    ///         }
    ///     }
    /// }
    ///
    /// let mut params = Params::<f64>::new();
    /// let _ = params.add("x", [1], || 1.0);
    /// let mut gradient = params.gradient();
    /// gradient.flat_mut().fill(3.0);
    /// Descent::with_rule(Averaged, 0.25).step(&mut params, &gradient);
    /// assert_eq!(params.flat(), [1.0 - 0.25 * 3.0]);
    /// ```
    #[must_use]
    pub fn bias_correction(&self, beta: f64) -> f64 {
        #[allow(clippy::cast_precision_loss, reason = "beyond 2^53 iterations the power is 0")]
        let number = self.number as f64;
        // The power of the standard library may differ in its last bits between machines.
        1.0 - libm::pow(beta, number)
    }
}

/// What a rule keeps for one range of values, in the order of [`Rule::vectors`].
#[derive(Debug)]
pub struct Vectors<'a, T>(Parts<'a, T>);

impl<'a, T> Vectors<'a, T> {
    pub(super) fn new(parts: Parts<'a, T>) -> Self {
        Self(parts)
    }

    /// The `N` slices: `let [m, v] = vectors.split();`
    ///
    /// # Panics
    ///
    /// If the rule names another number of vectors.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::optim::{Descent, Iteration, Rule, Vectors};
    /// use gradus::prelude::*;
    ///
    /// /// θ ← θ − η (the largest g so far)
    /// #[derive(Clone, Debug)]
    /// struct Largest;
    ///
    /// impl Rule for Largest {
    ///     const NAME: &'static str = "Largest";
    ///
    ///     fn vectors(&self) -> &'static [&'static str] {
    ///         &["largest"]
    ///     }
    ///
    ///     fn update<T: Real>(&self, now: Iteration<T>, theta: &mut [T], gradient: &[T], vectors: Vectors<'_, T>) {
    ///         let [largest] = vectors.split();
    ///         for ((x, &g), most) in theta.iter_mut().zip(gradient).zip(largest) {
    ///             *most = most.max(g);
    ///             *x = *x - T::of(now.learning_rate) * *most;
    ///         }
    ///     }
    /// }
    ///
    /// let mut params = Params::<f64>::new();
    /// params.add("x", [1], || 1.0);
    /// let (mut gradient, mut optimizer) = (params.gradient(), Descent::with_rule(Largest, 0.5));
    /// for g in [1.0, -1.0] {
    ///     gradient.flat_mut().fill(g);
    ///     optimizer.step(&mut params, &gradient);
    /// }
    /// assert_eq!(params.flat(), [1.0 - 0.5 - 0.5]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn split<const N: usize>(self) -> [&'a mut [T]; N] {
        match self.0.split() {
            Ok(parts) => parts,
            Err(count) => panic!("optim: the rule splits {N} vectors and names {count}"),
        }
    }
}
