//! How noisy gradients of batches are.

use std::fmt;

use crate::data::{Batches, Samples};
use crate::error::{Error, ErrorKind};
use crate::params::{Gradient, Params};
use crate::real::Real;
use crate::tape::{Step, Tape, Var};

/// Measures the noise of gradients from pairs of batches at the parameters as they are.
///
/// ```text
/// for independent batches of m samples with gradients g, g′:
/// E ½‖g − g′‖² = tr Σ/m       Σ the covariance of the gradient of one sample
/// E gᵀg′ = ‖G‖²               G the gradient of the whole objective
/// ```
///
/// Each is a mean over the pairs with its standard error. Batches must be independent: draw them
/// [with replacement](Batches::with_replacement). The batches of one shuffled pass over n samples are not: they avoid each
/// other's samples, so that tr Σ comes out too large by n/(n − 1) and ‖G‖² too small by tr Σ/(n − 1). Partial batches are left out.
///
/// # Errors
///
/// If there are fewer than 2 pairs, or a gradient is not finite.
///
/// # Examples
///
/// ```
/// use gradus::data::Batches;
/// use gradus::diagnostics::gradient_noise;
/// use gradus::prelude::*;
///
/// // ½(w − x)² with x = ±1 has the gradients w ∓ 1: variance 1 around w.
/// let x = Array2::from_shape_fn((4096, 1), |(i, _)| if i % 2 == 0 { 1.0 } else { -1.0 });
/// let mut params = Params::<f64>::new();
/// let w = params.add("w", [1], || 2.0);
/// let batches = Batches::of(&x, &x, 8).shuffled(7);
/// let noise = gradient_noise(&params, batches, 200, |step, x, _| 0.5 * (step.param(w) - step.input(x)).square().mean())?;
/// assert!((noise.variance.value - 1.0).abs() < 4.0 * noise.variance.error);
/// assert!((noise.squared_gradient.value - 4.0).abs() < 4.0 * noise.squared_gradient.error);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # References
///
/// Ruiz Correa 2026, Machine Learning (lecture notes), eq. 24 and 25. `McCandlish` et al. 2018, An empirical model of
/// large-batch training.
pub fn gradient_noise<T, X, Y, F>(
    params: &Params<T>,
    mut batches: Batches<'_, X, Y>,
    pairs: usize,
    loss: F,
) -> Result<GradientNoise, Error>
where
    T: Real,
    X: Samples + ?Sized,
    Y: Samples + ?Sized,
    F: for<'t, 'b> Fn(Step<'t, 'b, T>, X::Lent<'b>, Y::Lent<'b>) -> Var<'t, T>,
{
    let wrong = |message: String| Err(Error::new(ErrorKind::Value, format!("gradient noise: {message}")));
    if pairs < 2 {
        return wrong(format!("{pairs} pairs of batches, expected at least 2"));
    }
    let batch = batches.size();
    batches = batches.drop_last();
    let (mut tape, mut gradients) = (Tape::new(), [params.gradient(), params.gradient()]);
    let (mut halves, mut products) = (Sum::default(), Sum::default());
    for pair in 0..pairs {
        for gradient in &mut gradients {
            loop {
                let Some((x, y)) = batches.next() else { continue };
                let step = tape.record(params);
                loss(&step, x, y).backward(gradient);
                break;
            }
        }
        let [a, b] = gradients.each_ref().map(Gradient::flat);
        let (mut apart, mut along) = (0.0, 0.0);
        for (a, b) in a.iter().zip(b) {
            let (a, b) = (a.as_f64(), b.as_f64());
            apart += (a - b) * (a - b);
            along += a * b;
        }
        if !(apart.is_finite() && along.is_finite()) {
            return wrong(format!("a gradient of pair {} is not finite", pair + 1));
        }
        halves.add(0.5 * apart * batch as f64);
        products.add(along);
    }
    Ok(GradientNoise { variance: halves.mean(), squared_gradient: products.mean(), batch, pairs })
}

/// A mean with its standard error.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Measured {
    /// The mean.
    pub value: f64,
    /// The standard deviation of the mean.
    pub error: f64,
}

/// The noise of gradients.
#[derive(Clone, Copy, PartialEq, Debug)]
#[non_exhaustive]
pub struct GradientNoise {
    /// tr Σ: the variance of the gradient of one sample, summed over all parameters.
    pub variance: Measured,
    /// ‖G‖²: the squared norm of the gradient of the whole objective.
    pub squared_gradient: Measured,
    /// m, the samples of a batch.
    pub batch: usize,
    /// The pairs of batches that were measured.
    pub pairs: usize,
}

impl GradientNoise {
    /// The noise scale η/m · Var of descent with this rate and batch size.
    #[must_use]
    pub fn scale(&self, learning_rate: f64, batch: usize) -> f64 {
        learning_rate / batch as f64 * self.variance.value
    }

    /// tr Σ/‖G‖²: with smaller batches noise prevails, with larger ones they cost more than they bring. Infinite where ‖G‖² is
    /// not above its error.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::Batches;
    /// use gradus::diagnostics::gradient_noise;
    /// use gradus::prelude::*;
    ///
    /// let x = Array2::from_shape_fn((1000, 1), |(i, _)| if i % 2 == 0 { 1.0 } else { -1.0 });
    /// let mut params = Params::<f64>::new();
    /// let w = params.add("w", [1], || 0.5); // Var = 1, ‖G‖² = ¼
    /// let batches = Batches::of(&x, &x, 4).with_replacement(7);
    /// let noise = gradient_noise(&params, batches, 500, |step, x, _| 0.5 * (step.param(w) - step.input(x)).square().mean())?;
    /// assert!((2.0..8.0).contains(&noise.critical_batch()), "{noise}");
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn critical_batch(&self) -> f64 {
        let Measured { value, error } = self.squared_gradient;
        if value > error { self.variance.value / value } else { f64::INFINITY }
    }
}

impl fmt::Display for GradientNoise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { variance, squared_gradient, batch, pairs } = self;
        write!(
            f,
            "gradient noise from {pairs} pairs of batches of {batch}: Var = {:.3e} ± {:.0e} a sample, ‖G‖² = {:.3e} ± {:.0e}\n  ",
            variance.value, variance.error, squared_gradient.value, squared_gradient.error
        )?;
        let critical = self.critical_batch();
        if variance.value == 0.0 {
            return f.write_str("all batches are alike\n  do: measure smaller ones");
        }
        if critical.is_infinite() {
            return f.write_str("the gradient is lost in the noise\n  do: lower the learning rate over time, average the iterates, or take larger batches");
        }
        let advice = if (*batch as f64) < 0.1 * critical {
            "larger batches, or a lower rate: noise prevails"
        } else if (*batch as f64) > 10.0 * critical {
            "smaller batches would bring as much a step"
        } else {
            "the batch size is near the critical one"
        };
        write!(f, "critical batch size {critical:.1}\n  do: {advice}")
    }
}

#[derive(Default)]
struct Sum {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Sum {
    /// Welford's way: nothing cancels.
    fn add(&mut self, x: f64) {
        self.count += 1.0;
        let away = x - self.mean;
        self.mean += away / self.count;
        self.squares += away * (x - self.mean);
    }

    fn mean(&self) -> Measured {
        Measured { value: self.mean, error: (self.squares / (self.count - 1.0) / self.count).sqrt() }
    }
}
