//! Dropout as a layer.

use super::Layer;
use crate::real::Real;
use crate::tape::Var;

/// Dropout: in training each element is set to 0 with probability p and the others are scaled by 1/(1 − p), so that the
/// mean stays; outside of training it does nothing.
///
/// Which elements are dropped follows from the seed given to [`Tape::train`](crate::Tape::train) and from how many
/// random layers came before: the same seed drops the same ones, another call others. Nothing is stored for the
/// derivative.
///
/// The default has p = 0 and does nothing.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let (params, mut tape) = (Params::<f64>::new(), Tape::new());
/// let dropout = Dropout::new(0.5);
/// let evaluation = tape.record(&params);
/// assert_eq!(dropout.forward(evaluation.input(&[1.0; 100])).sum().item(), 100.0);
/// let training = tape.train(&params, 7);
/// let kept = dropout.forward(training.input(&[1.0; 100])).value();
/// assert!(kept.iter().all(|&x| x == 0.0 || x == 2.0));
/// ```
///
/// # References
///
/// Srivastava et al. 2014, Dropout: a simple way to prevent neural networks from overfitting.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Dropout {
    p: f64,
}

impl Dropout {
    /// Dropout with this probability.
    ///
    /// # Panics
    ///
    /// If `p` is not in [0, 1].
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let (params, mut tape) = (Params::<f64>::new(), Tape::new());
    /// let y = Dropout::new(0.75).forward(tape.train(&params, 7).input(&[1.0; 1000])).value();
    /// assert!(y.iter().all(|&y| y == 0.0 || y == 4.0)); // 1/(1 − p)
    /// ```
    #[must_use]
    #[track_caller]
    pub fn new(p: f64) -> Self {
        assert!((0.0..=1.0).contains(&p), "dropout: probability {p}, expected one in [0, 1]");
        Self { p }
    }

    /// The probability that an element is dropped.
    #[must_use]
    pub fn p(&self) -> f64 {
        self.p
    }
}

impl<T: Real> Layer<T> for Dropout {
    #[track_caller]
    fn forward<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
        if self.p == 0.0 {
            return x;
        }
        match x.recording().next_seed() {
            Some(seed) => x.dropout(self.p, seed),
            None => x,
        }
    }
}
