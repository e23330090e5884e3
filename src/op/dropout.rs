//! Dropout.

use super::{Args, Call, Primitive};
use crate::grad::Cotangents;
use crate::kernel::random;
use crate::real::{Real, Scalar};
use crate::shape::Shape;
use crate::tape::Var;

/// Elements set to 0 at random. The probability and the seed are operands, so that the derivative drops the same ones.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Dropout;

impl Primitive for Dropout {
    const NAMES: &'static [&'static str] = &["dropout"];

    fn arity(self) -> usize {
        3
    }

    fn shape<T: Real>(self, call: &Call<'_, T>) -> Result<Shape, String> {
        Ok(call.shape(0))
    }

    fn eval<T: Real>(self, args: &Args<'_, T>, out: &mut [T]) {
        random::dropout(args.data(0), args.data(1)[0].as_f64(), args.payload(2), out);
    }

    fn vjp<'t, T: Real>(self, ct: &mut Cotangents<'_, 't, T>) {
        let ([_, p, seed], c) = (ct.xs::<3>(), ct.c());
        ct.add(0, || c.record(Dropout, [c, p, seed]));
    }
}

impl<'t, T: Real> Var<'t, T> {
    /// Each element set to 0 with probability `p`, the others scaled by 1/(1 − p), so that the mean stays.
    ///
    /// The same seed drops the same elements; nothing is stored for the derivative. This op drops whether or not one
    /// trains: the layer [`Dropout`](crate::nn::Dropout) looks after that.
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
    /// let kept = value(|x| x.dropout(0.5, 7).sum(), &Array1::ones(1000));
    /// assert!((850.0..1150.0).contains(&kept)); // 2 for each that stays: 4.7 standard deviations
    /// ```
    ///
    /// # References
    ///
    /// Srivastava et al. 2014, Dropout: a simple way to prevent neural networks from overfitting.
    #[track_caller]
    pub fn dropout(self, p: impl Scalar, seed: u64) -> Self {
        let p = p.as_f64();
        if !(0.0..=1.0).contains(&p) {
            self.fail("dropout", &format!("probability {p}, expected one in [0, 1]"));
        }
        let (p, seed) = (self.scalar(p), self.seed(seed));
        self.record(Dropout, [self, p, seed])
    }
}
