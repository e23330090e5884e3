//! How curved a loss is, and what kind of critical point it stands at.

use std::fmt;

use super::lanczos::{Lanczos, Spectrum};
use crate::error::{Error, ErrorKind};
use crate::minimize::Loss;
use crate::optim::Objective;
use crate::optim::vector::dot;
use crate::params::Params;
use crate::real::Real;
use crate::tape::{Step, Var};

/// The extreme curvatures of a loss at its parameters: eigenvalues of the Hessian, by [`Lanczos`] with its defaults.
///
/// For a quadratic they are L and μ of the theory everywhere; elsewhere, only around these parameters.
///
/// # Errors
///
/// If every parameter is frozen or there is none, or a product with the Hessian is not finite.
///
/// # Examples
///
/// ```
/// use gradus::diagnostics::curvature;
/// use gradus::prelude::*;
///
/// let mut params = Params::<f64>::new();
/// let x = params.add("x", [], || 3.0);
/// let parabola = curvature(&params, |step| step.param(x).square())?;
/// // η = 1/L = ½ lands on the minimum in one step, η > 2/L = 1 diverges.
/// assert_eq!((parabola.largest, parabola.largest_stable_rate(), parabola.condition()), (2.0, 1.0, Some(1.0)));
/// # Ok::<(), gradus::Error>(())
/// ```
pub fn curvature<'d, T: Real, F>(params: &Params<T>, loss: F) -> Result<Curvature, Error>
where
    F: for<'t> Fn(Step<'t, 'd, T>) -> Var<'t, T>,
{
    Lanczos::new().curvature(params, loss)
}

/// The largest and smallest eigenvalue of a Hessian.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Curvature {
    /// L, the largest eigenvalue.
    pub largest: f64,
    /// There is an eigenvalue no farther from `largest` than this.
    pub largest_error: f64,
    /// μ, the smallest eigenvalue; negative where the loss curves down in some direction.
    pub smallest: f64,
    /// There is an eigenvalue no farther from `smallest` than this.
    pub smallest_error: f64,
    /// The products H v that were made.
    pub products: usize,
    /// The parameters that are not frozen.
    pub size: usize,
}

impl Lanczos {
    /// The extreme curvatures, measured so.
    ///
    /// # Errors
    ///
    /// If every parameter is frozen or there is none, or a product with the Hessian is not finite.
    pub fn curvature<'d, T: Real, F>(&self, params: &Params<T>, loss: F) -> Result<Curvature, Error>
    where
        F: for<'t> Fn(Step<'t, 'd, T>) -> Var<'t, T>,
    {
        Ok(Curvature::of(&self.spectrum(params, loss)?))
    }
}

impl Curvature {
    fn of(Spectrum { values, errors, products, size, .. }: &Spectrum) -> Self {
        let last = values.len() - 1;
        Self {
            largest: values[last],
            largest_error: errors[last],
            smallest: values[0],
            smallest_error: errors[0],
            products: *products,
            size: *size,
        }
    }

    /// κ = L/μ; `None` unless μ is above its error: the loss is flat or curves down somewhere, or more products are needed to tell.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::diagnostics::curvature;
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let x = params.add("x", [2], || 1.0);
    /// let saddle = curvature(&params, |step| (step.constant(&array![1.0, -1.0]) * step.param(x).square()).sum())?;
    /// assert_eq!(saddle.condition(), None);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn condition(&self) -> Option<f64> {
        (self.smallest > self.smallest_error && self.smallest > 0.0).then(|| self.largest / self.smallest)
    }

    /// 2/L: gradient descent with a larger η moves away along the direction of L. Infinite where nothing curves up.
    #[must_use]
    pub fn largest_stable_rate(&self) -> f64 {
        if self.largest > 0.0 { 2.0 / self.largest } else { f64::INFINITY }
    }

    /// 2/(L + μ): the rate with which gradient descent converges fastest on a quadratic, by (κ − 1)/(κ + 1) an iteration;
    /// 1/L where μ is not positive.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::diagnostics::curvature;
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let x = params.add("x", [2], || 1.0);
    /// let bowl = curvature(&params, |step| (step.constant(&array![0.5, 1.5]) * step.param(x).square()).sum())?;
    /// assert!((bowl.best_rate() - 2.0 / (3.0 + 1.0)).abs() < 1e-12);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn best_rate(&self) -> f64 {
        match self.condition() {
            Some(_) => 2.0 / (self.largest + self.smallest),
            None => 0.5 * self.largest_stable_rate(),
        }
    }
}

impl fmt::Display for Curvature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { largest, largest_error, smallest, smallest_error, products, size } = self;
        writeln!(f, "curvature of {size} parameters, from {products} products with the Hessian:")?;
        writeln!(
            f,
            "  largest L = {largest:.6e} ± {largest_error:.0e}, smallest μ = {smallest:.6e} ± {smallest_error:.0e}"
        )?;
        match self.condition() {
            Some(condition) if *smallest_error < 1e-2 * smallest => {
                writeln!(f, "  condition κ = L/μ = {condition:.4e}")?;
            }
            Some(_) => {
                let (least, most) = (largest / (smallest + smallest_error), largest / (smallest - smallest_error));
                writeln!(f, "  condition κ = L/μ between {least:.1e} and {most:.1e}: more products would tell")?;
            }
            None if smallest + smallest_error < 0.0 => writeln!(f, "  it curves down in some direction")?,
            None if products < size => {
                writeln!(
                    f,
                    "  μ is not told from 0 by these products; κ is at least {:.1e}",
                    largest / smallest_error
                )?;
            }
            None => writeln!(f, "  it is flat in some direction, up to rounding")?,
        }
        write!(f, "  gradient descent is stable for η < 2/L = {:.4e}", self.largest_stable_rate())?;
        if self.condition().is_some_and(|condition| condition > 100.0) {
            write!(
                f,
                "\n  do: scale the features, or take momentum, Adam or L-BFGS: κ decides the number of iterations"
            )?;
        }
        Ok(())
    }
}

/// What a point is where the gradient is 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// The loss curves up in every direction.
    Minimum,
    /// The loss curves down in every direction.
    Maximum,
    /// It curves up in some directions and down in others.
    Saddle,
    /// An extreme curvature is not told from 0: flat in some direction, or more products are needed.
    Degenerate,
    /// The gradient is not 0: no critical point.
    NotCritical,
}

/// A point, its gradient and its curvature.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct CriticalPoint {
    /// What it is.
    pub kind: Kind,
    /// ‖g‖.
    pub gradient_norm: f64,
    /// The extreme curvatures.
    pub curvature: Curvature,
    /// The direction of the smallest curvature, of length 1, in the layout of the store: where it is negative, a step along it
    /// or against it leads down.
    pub direction: Vec<f64>,
}

/// Classifies the parameters as a minimum, a maximum or a saddle by the Hessian's extreme eigenvalues.
///
/// The gradient counts as 0 where a step of ‖g‖/L, L the largest curvature, is no longer than 10⁻⁶ · max(1, ‖θ‖); an eigenvalue
/// up to its error and 10⁻⁶ of the largest.
///
/// # Errors
///
/// If every parameter is frozen or there is none, or value, gradient or a product with the Hessian is not finite.
///
/// # Examples
///
/// ```
/// use gradus::diagnostics::{Kind, classify_critical_point};
/// use gradus::prelude::*;
///
/// let mut params = Params::<f64>::new();
/// let x = params.add("x", [2], || 0.0);
/// let saddle = classify_critical_point(&params, |step| {
///     step.param(x).slice(s![0]).square() - step.param(x).slice(s![1]).square()
/// })?;
/// assert_eq!(saddle.kind, Kind::Saddle);
/// assert!((saddle.direction[1].abs() - 1.0).abs() < 1e-9); // down along the second axis
/// # Ok::<(), gradus::Error>(())
/// ```
pub fn classify_critical_point<'d, T: Real, F>(params: &Params<T>, loss: F) -> Result<CriticalPoint, Error>
where
    F: for<'t> Fn(Step<'t, 'd, T>) -> Var<'t, T>,
{
    /// What counts as 0, beside the largest curvature.
    const ZERO: f64 = 1e-6;
    let mut loss = Loss::new(loss);
    let mut gradient = params.gradient();
    let value = loss.value_and_gradient(params, &mut gradient);
    let gradient_norm = gradient.norm();
    if !(value.is_finite() && gradient_norm.is_finite()) {
        let message =
            format!("critical point: the value is {value} and ‖g‖ is {gradient_norm}, expected finite numbers");
        return Err(Error::new(ErrorKind::Value, message));
    }
    let spectrum = Lanczos::new().of(params, &mut loss)?;
    let curvature = Curvature::of(&spectrum);
    let size = curvature.largest.abs().max(curvature.smallest.abs());
    let sign = |value: f64, error: f64| {
        let zero = error.max(ZERO * size);
        i8::from(value > zero) - i8::from(value < -zero)
    };
    let length = dot(params.flat(), params.flat()).sqrt();
    let signs = (sign(curvature.smallest, curvature.smallest_error), sign(curvature.largest, curvature.largest_error));
    let kind = match signs {
        _ if gradient_norm > ZERO * size * length.max(1.0) => Kind::NotCritical,
        (1, 1) => Kind::Minimum,
        (-1, -1) => Kind::Maximum,
        (-1, 1) => Kind::Saddle,
        _ => Kind::Degenerate,
    };
    let [direction, _] = spectrum.ends;
    Ok(CriticalPoint { kind, gradient_norm, curvature, direction })
}

impl fmt::Display for CriticalPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            Kind::Minimum => "a minimum",
            Kind::Maximum => "a maximum\n  do: any step leads down",
            Kind::Saddle => {
                "a saddle\n  do: step along the direction of negative curvature, or add noise: small batches, momentum"
            }
            Kind::Degenerate => {
                "an extreme curvature is not told from 0: flat in some direction, or more products would tell"
            }
            Kind::NotCritical => "no critical point\n  do: go on descending",
        };
        write!(f, "‖g‖ = {:.3e}, {what}\n{}", self.gradient_norm, self.curvature)
    }
}
