//! Batch normalisation.

use super::Layer;
use crate::params::{Buffer, Param, Params};
use crate::real::Real;
use crate::shape::MAX_RANK;
use crate::tape::Var;

/// Batch normalisation: each feature is brought to mean 0 and variance 1 over the batch, then scaled and moved.
///
/// ```text
/// y = (x − mean)/√(variance + ε) · scale + shift
/// ```
///
/// | | shape |
/// |---|---|
/// | x, y | `[batch, …, width]`; axes between count as batch |
/// | scale, shift, running mean, running variance | `[width]` |
///
/// In training, mean and biased variance (over n) are those of the batch, and the running ones, which start at 0 and 1,
/// move towards those of the batch, the variance now being the unbiased one (over n − 1):
///
/// ```text
/// running ← (1 − momentum) · running + momentum · batch
/// ```
///
/// Outside of training the running statistics stand in for those of the batch. Momentum is 0.1 and ε 1e-5; all of this
/// is as in PyTorch. Other libraries have other names: scale and shift are weight and bias in PyTorch, gamma and beta in
/// Keras, where the running variance is the moving one, and momentum the weight of the *old* value.
///
/// The new statistics leave the recording with `backward`, in the gradient, and the optimiser's step takes them over,
/// or [`Params::apply_updates`] does where there is none. A layer used twice in a recording moves them twice. Where
/// several gradients are added up before a step, only the last batch moves them.
///
/// # Panics
///
/// `forward` panics if x has no batch axis or another width, and in training if there is just one value for each
/// feature.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let mut params = Params::<f64>::new();
/// let norm = BatchNorm::new(&mut params, "norm", 1);
/// let (mut tape, mut gradient) = (Tape::new(), params.gradient());
/// let batch = array![[1.0], [3.0]]; // mean 2, unbiased variance 2
/// let step = tape.train(&params, 0);
/// norm.forward(step.input(&batch)).square().sum().backward(&mut gradient);
/// params.apply_updates(&gradient);
/// assert_eq!(params.buffer(norm.running_mean)[0], 0.1 * 2.0);
/// assert_eq!(params.buffer(norm.running_variance)[0], 0.9 + 0.1 * 2.0);
/// ```
///
/// # References
///
/// Ioffe, Szegedy 2015, Batch normalization: accelerating deep network training by reducing internal covariate shift.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct BatchNorm {
    /// The factor for each feature, named `….scale`.
    pub scale: Param,
    /// The summand for each feature, named `….shift`.
    pub shift: Param,
    /// The mean that evaluation uses, named `….running_mean`.
    pub running_mean: Buffer,
    /// The variance that evaluation uses, named `….running_variance`.
    pub running_variance: Buffer,
    momentum: f64,
    epsilon: f64,
}

impl BatchNorm {
    /// Adds scale, shift and the running statistics to the store.
    ///
    /// # Panics
    ///
    /// If the width is 0 or a name is taken.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f32>::new();
    /// let _ = BatchNorm::new(&mut params, "norm", 4);
    /// assert_eq!(params.iter().map(|entry| entry.name).collect::<Vec<_>>(), ["norm.scale", "norm.shift"]);
    /// assert_eq!(params.buffers().len(), 2);
    /// ```
    #[track_caller]
    pub fn new<T: Real>(params: &mut Params<T>, name: &str, width: usize) -> Self {
        assert!(width > 0, "batch_norm `{name}`: width 0, expected at least one feature");
        Self {
            scale: params.add(&format!("{name}.scale"), [width], T::one),
            shift: params.add(&format!("{name}.shift"), [width], T::zero),
            running_mean: params.add_buffer(&format!("{name}.running_mean"), [width], T::zero),
            running_variance: params.add_buffer(&format!("{name}.running_variance"), [width], T::one),
            momentum: 0.1,
            epsilon: 1e-5,
        }
    }

    /// The same with another weight of the batch in the running statistics.
    ///
    /// # Panics
    ///
    /// If it is not in [0, 1].
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let norm = BatchNorm::new(&mut params, "norm", 1).with_momentum(0.5);
    /// let (mut tape, mut gradient, batch) = (Tape::new(), params.gradient(), array![[1.0], [3.0]]);
    /// norm.forward(tape.train(&params, 0).input(&batch)).sum().backward(&mut gradient);
    /// params.apply_updates(&gradient);
    /// assert_eq!(params.buffer(norm.running_mean)[0], 0.5 * 2.0);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn with_momentum(self, momentum: f64) -> Self {
        let allowed = (0.0..=1.0).contains(&momentum);
        assert!(allowed, "batch_norm: momentum {momentum}, expected one in [0, 1]");
        Self { momentum, ..self }
    }

    /// The same with another ε.
    ///
    /// # Panics
    ///
    /// If it is negative or not finite.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let norm = BatchNorm::new(&mut params, "norm", 1).with_epsilon(3.0);
    /// let (mut tape, batch) = (Tape::new(), array![[1.0], [3.0]]); // mean 2, variance 1
    /// let y = norm.forward(tape.train(&params, 0).input(&batch)).value();
    /// assert_eq!(y, array![[-0.5], [0.5]].into_dyn()); // ±1/√(1 + 3)
    /// ```
    #[must_use]
    #[track_caller]
    pub fn with_epsilon(self, epsilon: f64) -> Self {
        super::expect_epsilon("batch_norm", epsilon);
        Self { epsilon, ..self }
    }

    #[track_caller]
    fn standardize_by_batch<'t, T: Real>(&self, x: Var<'t, T>) -> Var<'t, T> {
        let shape = x.shape();
        let axes: [usize; MAX_RANK] = std::array::from_fn(|axis| axis);
        let batch = &axes[..shape.rank() - 1];
        let count: usize = shape[..batch.len()].iter().product();
        if count < 2 {
            let found = if count == 1 { "1 value for each feature has" } else { "0 values for each feature have" };
            x.fail("batch_norm", &format!("x {shape} in training: {found} no variance\n  help: train on batches of two or more, or record without training"));
        }
        self.follow(self.running_mean, x.mean_axis(batch));
        self.follow(self.running_variance, x.var_axis(batch, 1));
        x.standardize(batch, self.epsilon)
    }

    /// Notes that a running statistic moves towards that of the batch.
    #[track_caller]
    fn follow<T: Real>(&self, running: Buffer, batch: Var<'_, T>) {
        let recorder = batch.recording();
        let moved = recorder.pending(running) * (1.0 - self.momentum) + batch * self.momentum;
        recorder.update(running, moved);
    }

    #[track_caller]
    fn standardize_by_history<'t, T: Real>(&self, x: Var<'t, T>) -> Var<'t, T> {
        let variance = x.buffer(self.running_variance) + self.epsilon;
        (x - x.buffer(self.running_mean)) * variance.rsqrt()
    }

    #[track_caller]
    fn expect_width<T: Real>(&self, x: Var<'_, T>, width: usize) {
        let shape = x.shape();
        if shape.rank() < 2 || shape.last() != Some(&width) {
            let name = self.scale.name();
            x.fail("batch_norm", &format!("x {shape}, expected [batch, …, {width}] as `{name}` has it"));
        }
    }
}

impl<T: Real> Layer<T> for BatchNorm {
    #[track_caller]
    fn forward<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
        let (scale, shift) = (x.param(self.scale), x.param(self.shift));
        self.expect_width(x, scale.shape()[0]);
        let standard =
            if x.recording().is_training() { self.standardize_by_batch(x) } else { self.standardize_by_history(x) };
        standard * scale + shift
    }
}
