//! Looking for a counterexample to convexity.

use std::fmt;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand_distr::{Distribution, StandardNormal};

use crate::error::{Error, ErrorKind};
use crate::minimize::Loss;
use crate::optim::Objective;
use crate::params::Params;
use crate::real::Real;
use crate::tape::{Step, Var};

/// Looks for a segment on which a loss lies above its chord, with the defaults of [`Probe`].
///
/// # Errors
///
/// If the loss is not finite at the parameters, or at an end of each segment.
///
/// # Examples
///
/// ```
/// use gradus::diagnostics::probe_convexity;
/// use gradus::prelude::*;
///
/// let mut params = Params::<f64>::new();
/// let x = params.add("x", [3], || 0.5);
/// let bowl = probe_convexity(&params, |step| step.param(x).square().sum())?;
/// let wave = probe_convexity(&params, |step| step.param(x).sin().sum())?;
/// assert!(bowl.counterexample.is_none() && wave.counterexample.is_some());
/// # Ok::<(), gradus::Error>(())
/// ```
pub fn probe_convexity<'d, T: Real, F>(params: &Params<T>, loss: F) -> Result<Convexity, Error>
where
    F: for<'t> Fn(Step<'t, 'd, T>) -> Var<'t, T>,
{
    Probe::new().run(params, loss)
}

/// How convexity is probed: f(λa + (1 − λ)b) ≤ λf(a) + (1 − λ)f(b) on random segments around the parameters.
///
/// The ends a and b are the parameters plus Gaussian vectors whose elements have the radius as standard deviation; λ is ¼, ½
/// and ¾. Frozen tensors stay. Excesses within rounding (256 ε of the largest value) do not count.
///
/// Defaults: 100 segments, radius 1, seed 0.
#[derive(Clone, Debug)]
pub struct Probe {
    segments: usize,
    radius: f64,
    seed: u64,
}

/// What a probe found.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Convexity {
    /// The segments that were tried, with a finite loss at both ends.
    pub segments: usize,
    /// The first that shows that the loss is not convex.
    pub counterexample: Option<Counterexample>,
}

/// A segment on which a loss lies above its chord.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Counterexample {
    /// One end, in the layout of the store.
    pub a: Vec<f64>,
    /// The other.
    pub b: Vec<f64>,
    /// λ.
    pub lambda: f64,
    /// f(λa + (1 − λ)b).
    pub value: f64,
    /// λf(a) + (1 − λ)f(b).
    pub chord: f64,
}

impl Default for Probe {
    fn default() -> Self {
        Self { segments: 100, radius: 1.0, seed: 0 }
    }
}

impl Probe {
    /// A probe with the defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of segments.
    ///
    /// # Panics
    ///
    /// If it is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::diagnostics::Probe;
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let x = params.add("x", [], || 0.0);
    /// let found = Probe::new().segments(10).run(&params, |step| step.param(x).square())?;
    /// assert_eq!(found.to_string(), "no counterexample to convexity in 10 random segments; that is no proof");
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn segments(mut self, segments: usize) -> Self {
        assert!(segments > 0, "probe: segments is 0, expected at least 1");
        self.segments = segments;
        self
    }

    /// The standard deviation of each element of the ends around the parameters.
    ///
    /// # Panics
    ///
    /// If it is not a finite number > 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::diagnostics::Probe;
    /// use gradus::prelude::*;
    ///
    /// // x² − 0.001 x⁴ is convex up to |x| = 12.9.
    /// let mut params = Params::<f64>::new();
    /// let x = params.add("x", [], || 0.0);
    /// let probe = |radius| Probe::new().radius(radius).run(&params, |step| step.param(x).square() - 1e-3 * step.param(x).powi(4));
    /// assert!(probe(1.0)?.counterexample.is_none() && probe(30.0)?.counterexample.is_some());
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn radius(mut self, radius: f64) -> Self {
        assert!(radius > 0.0 && radius.is_finite(), "probe: radius is {radius}, expected a finite number > 0");
        self.radius = radius;
        self
    }

    /// The seed of the segments.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Looks for a counterexample.
    ///
    /// # Errors
    ///
    /// If the loss is not finite at the parameters, or at an end of each segment.
    pub fn run<'d, T: Real, F>(&self, params: &Params<T>, loss: F) -> Result<Convexity, Error>
    where
        F: for<'t> Fn(Step<'t, 'd, T>) -> Var<'t, T>,
    {
        let (mut loss, mut rng) = (Loss::new(loss), StdRng::seed_from_u64(self.seed));
        let start = loss.value(params);
        if !start.is_finite() {
            let message = format!("convexity: the loss is {start} at the parameters, expected a finite number");
            return Err(Error::new(ErrorKind::Value, message));
        }
        let mut at = params.clone();
        let mut value = |point: &[f64]| {
            at.flat_mut().iter_mut().zip(point).for_each(|(to, &x)| *to = T::of(x));
            loss.value(&at)
        };
        let mut segments = 0;
        for _ in 0..self.segments {
            let [a, b] = [(); 2].map(|()| self.end(params, &mut rng));
            let ends = (value(&a), value(&b));
            if !(ends.0.is_finite() && ends.1.is_finite()) {
                continue;
            }
            segments += 1;
            for lambda in [0.25, 0.5, 0.75] {
                let between: Vec<_> = a.iter().zip(&b).map(|(a, b)| lambda * a + (1.0 - lambda) * b).collect();
                let (value, chord) = (value(&between), lambda * ends.0 + (1.0 - lambda) * ends.1);
                let rounding = 256.0 * T::epsilon().as_f64() * ends.0.abs().max(ends.1.abs()).max(value.abs());
                if value > chord + rounding {
                    let counterexample = Some(Counterexample { a, b, lambda, value, chord });
                    return Ok(Convexity { segments, counterexample });
                }
            }
        }
        if segments == 0 {
            let message = format!(
                "convexity: the loss is not finite at an end of each of {} segments\n  help: a smaller radius than {}",
                self.segments, self.radius
            );
            return Err(Error::new(ErrorKind::Value, message));
        }
        Ok(Convexity { segments, counterexample: None })
    }

    fn end<T: Real>(&self, params: &Params<T>, rng: &mut StdRng) -> Vec<f64> {
        let mut end = Vec::with_capacity(params.len());
        for entry in params.iter() {
            for x in entry.values {
                let away: f64 = if entry.frozen { 0.0 } else { StandardNormal.sample(rng) };
                // As it will be stored, so that the point between lies on the segment.
                end.push(T::of(x.as_f64() + self.radius * away).as_f64());
            }
        }
        end
    }
}

impl fmt::Display for Convexity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.counterexample {
            None => write!(f, "no counterexample to convexity in {} random segments; that is no proof", self.segments),
            Some(Counterexample { lambda, value, chord, .. }) => write!(
                f,
                "not convex: at λ = {lambda} between two points the loss is {value:e}, above its chord {chord:e}\n  do: expect several minima and saddles; try several seeds"
            ),
        }
    }
}
