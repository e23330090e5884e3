//! The learning-rate range test.

use std::fmt;

use crate::data::{Batches, Samples};
use crate::error::{Error, ErrorKind};
use crate::minimize::Loss;
use crate::optim::{Objective, Optimizer};
use crate::params::{Gradient, Params};
use crate::real::Real;
use crate::tape::{Step, Tape, Var};

/// Tries learning rates on a loss, with the defaults of [`RangeTest`].
///
/// # Errors
///
/// If the loss is not finite at the parameters, no rate lowers it, or the optimiser has a schedule.
///
/// # Examples
///
/// ```
/// use gradus::diagnostics::find_learning_rate;
/// use gradus::prelude::*;
///
/// let mut params = Params::<f64>::new();
/// let x = params.add("x", [2], || 1.0);
/// let rates = find_learning_rate(&params, Sgd::new(0.1), |step| (step.constant(&array![0.5, 5.0]) * step.param(x).square()).sum())?;
/// assert!(rates.suggestion < 0.2, "{rates}"); // 2/L is 0.2
/// assert_eq!(params.flat(), [1.0, 1.0]); // as they were
/// # Ok::<(), gradus::Error>(())
/// ```
pub fn find_learning_rate<'d, T: Real, F>(
    params: &Params<T>,
    optimizer: impl Optimizer<T>,
    loss: F,
) -> Result<LearningRates, Error>
where
    F: for<'t> Fn(Step<'t, 'd, T>) -> Var<'t, T>,
{
    RangeTest::new().run(params, optimizer, loss)
}

/// A range test: one step with each of many learning rates, from very small to too large, on a copy of the parameters.
///
/// ```text
/// ηₖ = from · (to/from)^(k/(steps − 1)),  k = 0, …, steps − 1
/// ```
///
/// The losses are smoothed by a moving average (weight 0.9 of the past with batches, 0.5 without, freed from its start). The
/// test ends where the smoothed loss exceeds its least by 4 times the largest of the first tenth, or is not finite.
/// Suggested is a tenth of the rate where it is least: there it still falls, and steadily.
///
/// Defaults: from 10⁻⁶ to 10 in 100 steps.
///
/// # References
///
/// Smith 2017, Cyclical learning rates for training neural networks.
#[derive(Clone, Debug)]
pub struct RangeTest {
    from: f64,
    to: f64,
    steps: usize,
}

/// The losses of a range test.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct LearningRates {
    /// The rates that were tried.
    pub rates: Vec<f64>,
    /// The loss after the steps with all smaller rates; where the first entry is that of the parameters.
    pub losses: Vec<f64>,
    /// The same smoothed.
    pub smoothed: Vec<f64>,
    /// A tenth of the rate where the loss is least.
    pub suggestion: f64,
    /// The rate from which on the loss grew out of hand, if the test came so far.
    pub diverged: Option<f64>,
}

impl Default for RangeTest {
    fn default() -> Self {
        Self { from: 1e-6, to: 10.0, steps: 100 }
    }
}

impl RangeTest {
    /// A test with the defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The smallest and the largest rate.
    ///
    /// # Panics
    ///
    /// Unless 0 < `from` < `to`, both finite.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::diagnostics::RangeTest;
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let x = params.add("x", [], || 1.0);
    /// let rates = RangeTest::new().rates(1e-3, 1e2).run(&params, Sgd::new(1.0), |step| step.param(x).square())?;
    /// assert_eq!(rates.rates[0], 1e-3);
    /// assert!(rates.diverged.unwrap() > 1.0); // 2/L is 1
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn rates(mut self, from: f64, to: f64) -> Self {
        assert!(
            0.0 < from && from < to && to.is_finite(),
            "range test: rates from {from} to {to}, expected 0 < from < to"
        );
        (self.from, self.to) = (from, to);
        self
    }

    /// The number of rates.
    ///
    /// # Panics
    ///
    /// If there are fewer than 10.
    #[must_use]
    #[track_caller]
    pub fn steps(mut self, steps: usize) -> Self {
        assert!(steps >= 10, "range test: {steps} steps, expected at least 10");
        self.steps = steps;
        self
    }

    /// Tests rates on a whole objective.
    ///
    /// # Errors
    ///
    /// If the loss is not finite at the parameters, or no rate lowers it.
    pub fn run<'d, T: Real, F>(
        &self,
        params: &Params<T>,
        optimizer: impl Optimizer<T>,
        loss: F,
    ) -> Result<LearningRates, Error>
    where
        F: for<'t> Fn(Step<'t, 'd, T>) -> Var<'t, T>,
    {
        let mut loss = Loss::new(loss);
        self.test(params, optimizer, 0.5, |params, gradient| loss.value_and_gradient(params, gradient))
    }

    /// Tests rates on batches.
    ///
    /// # Errors
    ///
    /// If the loss is not finite at the parameters, or no rate lowers it.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::Batches;
    /// use gradus::diagnostics::RangeTest;
    /// use gradus::prelude::*;
    ///
    /// let x = Array2::from_shape_fn((64, 1), |(i, _)| i as f64 / 64.0);
    /// let mut params = Params::<f64>::new();
    /// let line = Linear::new(&mut params, "line", 1, 1, &mut StdRng::seed_from_u64(7));
    /// let batches = Batches::of(&x, &x, 8).shuffled(7);
    /// let rates = RangeTest::new()
    ///     .run_batches(&params, Adam::new(1.0), batches, |step, x, y| mse(line.forward(step.input(x)), step.input(y)))?;
    /// assert!(rates.suggestion > 1e-4, "{rates}");
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn run_batches<T, X, Y, F>(
        &self,
        params: &Params<T>,
        optimizer: impl Optimizer<T>,
        mut batches: Batches<'_, X, Y>,
        loss: F,
    ) -> Result<LearningRates, Error>
    where
        T: Real,
        X: Samples + ?Sized,
        Y: Samples + ?Sized,
        F: for<'t, 'b> Fn(Step<'t, 'b, T>, X::Lent<'b>, Y::Lent<'b>) -> Var<'t, T>,
    {
        let mut tape = Tape::new().lenient();
        self.test(params, optimizer, 0.9, |params, gradient| {
            loop {
                let Some((x, y)) = batches.next() else { continue };
                let step = tape.record(params);
                break loss(&step, x, y).backward(gradient).as_f64();
            }
        })
    }

    fn test<T: Real>(
        &self,
        params: &Params<T>,
        mut optimizer: impl Optimizer<T>,
        past: f64,
        mut evaluate: impl FnMut(&Params<T>, &mut Gradient<T>) -> f64,
    ) -> Result<LearningRates, Error> {
        let wrong = |message: String| Error::new(ErrorKind::Value, format!("range test: {message}"));
        let (mut params, mut gradient) = (params.clone(), params.gradient());
        let mut found = LearningRates {
            rates: Vec::new(),
            losses: Vec::new(),
            smoothed: Vec::new(),
            suggestion: f64::NAN,
            diverged: None,
        };
        let (mut average, mut weight) = (0.0, 0.0);
        let (mut least, mut size) = (f64::INFINITY, 0.0_f64);
        for k in 0..self.steps {
            let rate = self.from * (self.to / self.from).powf(k as f64 / (self.steps - 1) as f64);
            optimizer.prepare(&mut params);
            let loss = evaluate(&params, &mut gradient);
            if k == 0 && !loss.is_finite() {
                return Err(wrong(format!("the loss is {loss} at the parameters, expected a finite number")));
            }
            average = past * average + (1.0 - past) * loss;
            weight = past * weight + (1.0 - past);
            let smoothed = average / weight;
            least = least.min(smoothed);
            if k <= self.steps / 10 {
                size = size.max(loss.abs());
            }
            if !smoothed.is_finite() || smoothed - least > 4.0 * size {
                found.diverged = found.rates.last().copied();
                break;
            }
            found.rates.push(rate);
            found.losses.push(loss);
            found.smoothed.push(smoothed);
            optimizer.set_learning_rate(rate);
            let scheduled = optimizer.scheduled_rate();
            if (scheduled - rate).abs() > 1e-9 * rate {
                return Err(wrong(format!(
                    "a schedule makes {scheduled:e} of the rate {rate:e}\n  help: test the optimiser without its schedule"
                )));
            }
            optimizer.step(&mut params, &gradient);
        }
        let lowest = (0..found.smoothed.len()).min_by(|&a, &b| found.smoothed[a].total_cmp(&found.smoothed[b]));
        match lowest.filter(|&k| found.smoothed[k] < found.smoothed[0]) {
            Some(k) => {
                found.suggestion = 0.1 * found.rates[k];
                Ok(found)
            }
            None => Err(wrong(format!(
                "no rate from {:e} to {:e} lowers the loss\n  help: is the gradient right, and the start no minimum already?",
                self.from, self.to
            ))),
        }
    }
}

impl LearningRates {
    /// A picture of the smoothed loss against the rate, with the suggestion marked.
    #[cfg(feature = "plot")]
    pub fn plot(&self) -> crate::plot::Plot {
        let plot = crate::plot::Plot::new()
            .x_label("learning rate")
            .y_label("loss, smoothed")
            .log_x()
            .curve_over("loss", &self.rates, &self.smoothed)
            .mark_x(self.suggestion, "suggestion");
        match self.diverged {
            Some(rate) => plot.mark_x(rate, "too large"),
            None => plot,
        }
    }
}

impl fmt::Display for LearningRates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rates, suggestion, diverged, .. } = self;
        write!(
            f,
            "learning rate {suggestion:.1e}, a tenth of where the loss is least, of {} rates from {:.1e} on",
            rates.len(),
            rates[0]
        )?;
        match diverged {
            Some(rate) => write!(f, "; it grew out of hand from {rate:.2e} on"),
            None => write!(f, "; no rate was too large: widen the range to see where it ends"),
        }
    }
}
