//! Checkpoints: what is between a tensor and its result is computed again for the derivative instead of being kept.

use super::{Args, Call, Primitive, View};
use crate::grad::Cotangents;
use crate::real::Real;
use crate::shape::Shape;
use crate::tape::Var;

/// The value of the first operand, computed when the others are there: a copy, from which a body is computed again.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Recompute {
    /// Followed by the copies of a body; the third operand is its result.
    Body,
    /// By itself.
    Plain,
}

impl Primitive for Recompute {
    const NAMES: &'static [&'static str] = &["recompute"];

    fn arity(self) -> usize {
        3
    }

    fn shape<T: Real>(self, call: &Call<'_, T>) -> Result<Shape, String> {
        Ok(call.shape(0))
    }

    fn eval<T: Real>(self, args: &Args<'_, T>, out: &mut [T]) {
        out.copy_from_slice(args.data(0));
    }

    fn vjp<'t, T: Real>(self, ct: &mut Cotangents<'_, 't, T>) {
        let c = ct.c();
        ct.add(0, || c);
    }
}

impl<'t, T: Real> Var<'t, T> {
    /// `f` of this tensor, with less memory: for the derivative, what `f` computes on its way is computed again instead of being
    /// kept from the forward pass until then. Known as checkpointing or rematerialisation.
    ///
    /// Value and gradient have the same bits as those of `f(x)`; in derivatives of higher order, sums may be taken in another
    /// order. Only what depends on `x` is computed again; parameters, data
    /// and tensors that `f` captures are used as they are and differentiated for. Checkpoints may stand within another. The
    /// price is a second run of `f` for each sweep. It saves where `f` makes several tensors on the way; a copy of `x` and the
    /// result are kept. With dropout inside, the same elements are dropped again.
    ///
    /// The memory falls where a planned program runs. [`eager`](crate::Tape::eager) tapes keep every value.
    ///
    /// Cotangent: as that of `f`.
    ///
    /// # Panics
    ///
    /// If the result of `f` belongs to another recording.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let x = array![0.5, 1.0];
    /// let deep = objective(|x| (0..4).fold(x, |x, _| x.checkpoint(|x| (x.sin() * x).exp().tanh())).sum());
    /// let kept = objective(|x| (0..4).fold(x, |x, _| (x.sin() * x).exp().tanh()).sum());
    /// assert_eq!(grad(deep, &x), grad(kept, &x)); // to the bit
    /// ```
    ///
    /// # References
    ///
    /// Griewank 1992, Achieving logarithmic growth of temporal and spatial complexity in reverse automatic differentiation;
    /// Chen et al. 2016, Training deep nets with sublinear memory cost.
    #[track_caller]
    #[doc(alias = "remat")]
    pub fn checkpoint(self, f: impl FnOnce(Self) -> Self) -> Self {
        if self.live().log().sweeps.deriving().is_some() {
            // What a rule records is shared with other rules: it has no body of its own.
            return f(self);
        }
        let start = self.live().log().len();
        let y = f(self);
        if !std::ptr::eq(y.live(), self.live()) {
            crate::tape::two_recordings("checkpoint", self, y);
        }
        #[allow(clippy::cast_possible_truncation, reason = "a log refuses to grow beyond")]
        let start = start as u32;
        self.record_with_shape(View::Checkpoint, [y.id(), self.id(), start], &y.shape())
    }
}
