//! Backtracking until the value decreases enough, and gradient descent by it.

use super::allowed::Allowed;
use super::method::{Evaluation, Method};
use super::objective::Stuck;
use super::vector::{dot, line};
use crate::real::Real;

/// Backtracking: the largest step α = α₀ρᵏ, k = 0, 1, …, that decreases the value enough.
///
/// ```text
/// f(x + α d) ≤ f(x) + c α ∇f(x)ᵀd
/// ```
///
/// For d = −∇f the right side is f(x) − c α ‖∇f‖². A value that is NaN or infinite never is enough.
///
/// Defaults: c 10⁻⁴, ρ ½; at most 60 reductions, which shorten a step by 10¹⁸.
///
/// # References
///
/// Armijo 1966, Minimization of functions having Lipschitz continuous first partial derivatives. Nocedal & Wright 2006,
/// Numerical optimization, algorithm 3.1.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Armijo {
    c: f64,
    rho: f64,
    reductions: u32,
    /// Increases of the value below this part of it are rounding.
    rounding: f64,
}

impl Default for Armijo {
    fn default() -> Self {
        Self { c: 1e-4, rho: 0.5, reductions: 60, rounding: 0.0 }
    }
}

impl Armijo {
    /// Backtracking with the default constants.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// c, the part of the decrease predicted by the slope that is enough; the default is 10⁻⁴.
    ///
    /// # Panics
    ///
    /// If c is not in (0, 1).
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::optim::Armijo;
    ///
    /// // x² from 1 along −2: the step 0.9 decreases the value by a tenth of what the slope says.
    /// let phi = |a: f64| (1.0 - 2.0 * a) * (1.0 - 2.0 * a);
    /// let first = |c| Armijo::new().c(c).search(phi, (1.0, -4.0), 0.9).map(|found| found.0);
    /// assert_eq!((first(0.05)?, first(0.2)?), (0.9, 0.45));
    /// # Ok::<(), gradus::optim::Stuck>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn c(mut self, c: f64) -> Self {
        self.c = Allowed::PositiveFraction.check::<f64>("Armijo", "c", c);
        self
    }

    /// ρ, by which a step that is too long is multiplied; the default is ½.
    ///
    /// # Panics
    ///
    /// If ρ is not in (0, 1).
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::optim::Armijo;
    ///
    /// let phi = |a: f64| (1.0 - 2.0 * a) * (1.0 - 2.0 * a);
    /// assert_eq!(Armijo::new().rho(0.25).search(phi, (1.0, -4.0), 2.0)?.0, 0.5);
    /// # Ok::<(), gradus::optim::Stuck>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn rho(mut self, rho: f64) -> Self {
        self.rho = Allowed::PositiveFraction.check::<f64>("Armijo", "rho", rho);
        self
    }

    /// Accepts increases that are rounding, in numbers with this distance from 1 to the next.
    pub(super) fn in_units_of(mut self, epsilon: f64) -> Self {
        self.rounding = 4.0 * epsilon;
        self
    }

    /// The step and the value there; `phi` answers f(x + αd), `start` is f(x) and ∇f(x)ᵀd, and `first` is α₀.
    ///
    /// The accepted step is the last that `phi` was asked for.
    ///
    /// # Errors
    ///
    /// If ∇f(x)ᵀd is not negative, f(x) not finite, or no step decreases the value enough.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::optim::Armijo;
    ///
    /// // x² from 1 along −∇f = −2: 1 lands on −1, no lower; ½ lands on the minimum.
    /// let (step, value) = Armijo::new().search(|a| (1.0 - 2.0 * a) * (1.0 - 2.0 * a), (1.0, -4.0), 1.0)?;
    /// assert_eq!((step, value), (0.5, 0.0));
    /// # Ok::<(), gradus::optim::Stuck>(())
    /// ```
    pub fn search(
        &self,
        mut phi: impl FnMut(f64) -> f64,
        (value, slope): (f64, f64),
        first: f64,
    ) -> Result<(f64, f64), Stuck> {
        if !(value.is_finite() && slope < 0.0 && slope.is_finite()) {
            return Err(Stuck::new(format!(
                "backtracking: the value is {value} and the slope along the direction {slope}, expected a finite value and a slope < 0"
            )));
        }
        // Rounding excuses an increase only where the whole decrease that the slope promises is about as small.
        let rounding = self.rounding * value.abs();
        let excused = if -first * slope <= 1e3 * rounding { rounding } else { 0.0 };
        let mut step = first;
        for _ in 0..=self.reductions {
            let found = phi(step);
            if found <= value + self.c * step * slope + excused {
                return Ok((step, found));
            }
            step *= self.rho;
        }
        Err(Stuck::new(format!(
            "backtracking: no step from {first:e} to {step:e} decreases the value {value:e} enough, the slope is {slope:e}"
        )))
    }
}

/// Steepest descent whose step length is searched in each iteration.
///
/// ```text
/// η = η₀ρᵏ with the smallest k ≥ 0 for which f(θ − ηg) ≤ f(θ) − c η ‖g‖²
/// θ ← θ − η g
/// ```
///
/// Defaults: c 10⁻⁴, ρ ½. Each iteration begins anew with η₀. With η₀ ≥ 1/L it needs no knowledge of the curvature L:
/// the steps it takes are at least min(η₀, 2ρ(1 − c)/L).
///
/// # Examples
///
/// ```
/// use gradus::minimize::minimize;
/// use gradus::optim::{GradientDescent, stop};
/// use gradus::prelude::*;
///
/// let mut params = Params::<f64>::new();
/// let x = params.add("x", [2], || 3.0);
/// let report = minimize(|step| step.param(x).square().sum())
///     .with(GradientDescent::new(1.0))
///     .until(stop::gradient_norm(1e-9))
///     .run(&mut params);
/// assert_eq!((report.iterations, params.flat()), (1, &[0.0, 0.0][..])); // η = ½
/// ```
///
/// # References
///
/// Armijo 1966, Minimization of functions having Lipschitz continuous first partial derivatives. Lecture notes on gradient
/// descent (backtracking line search).
#[derive(Clone, PartialEq, Debug)]
pub struct GradientDescent<T> {
    first: f64,
    armijo: Armijo,
    step: f64,
    start: Vec<T>,
}

impl<T: Real> GradientDescent<T> {
    /// Gradient descent whose searches begin with the rate η₀.
    ///
    /// # Panics
    ///
    /// If η₀ is not a finite number > 0.
    #[must_use]
    #[track_caller]
    pub fn new(first: f64) -> Self {
        let first = Allowed::Positive.check::<T>("GradientDescent", "learning_rate", first);
        Self { first, armijo: Armijo::new(), step: 0.0, start: Vec::new() }
    }

    /// Other constants of the search.
    #[must_use]
    pub fn armijo(mut self, armijo: Armijo) -> Self {
        self.armijo = armijo;
        self
    }
}

impl<T: Real> Method<T> for GradientDescent<T> {
    fn advance(&mut self, at: &mut Evaluation<'_, T>) -> Result<(), Stuck> {
        let (Self { first, armijo, step, start }, value) = (self, at.value());
        start.clear();
        start.extend_from_slice(at.params().flat());
        let squares = dot(at.gradient().flat(), at.gradient().flat());
        if squares == 0.0 {
            // A critical point: every step is the same.
            *step = *first;
            return Ok(());
        }
        let found = armijo.search(
            |rate| {
                at.move_by(start, -rate);
                at.probe()
            },
            (value, -squares),
            *first,
        );
        match found {
            Ok(_) if at.params().flat() == start => {
                at.undo(start);
                Err(Stuck::new(format!(
                    "backtracking: only steps too short for the numbers do not increase the value {value:e}"
                )))
            }
            Ok((rate, _)) => {
                *step = rate;
                Ok(())
            }
            Err(stuck) => {
                at.undo(start);
                Err(stuck)
            }
        }
    }

    fn step_size(&self) -> f64 {
        self.step
    }
}

impl<T: Real> Evaluation<'_, T> {
    /// x ← start + α g with the gradient as it is known.
    fn move_by(&mut self, start: &[T], alpha: f64) {
        let (params, gradient) = self.parts();
        line(params.flat_mut(), start, alpha, gradient.flat());
    }
}
