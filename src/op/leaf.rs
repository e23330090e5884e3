//! Leaves: where data, parameters and scalars enter a recording.

use super::{Args, Call, Primitive};
use crate::grad::Cotangents;
use crate::real::Real;
use crate::shape::Shape;

/// A value that is not computed. Everything that may change from one recording to the next without changing the
/// program stands in leaves.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Leaf {
    /// An array lent for the recording.
    Input,
    /// An array lent for the recording that is meant to be differentiated for.
    Variable,
    /// A learned tensor of the store.
    Parameter,
    /// A tensor of the store that is not learned.
    Buffer,
    /// An array copied at the recording.
    Constant,
    /// A number that may be another one next time.
    Scalar,
    /// A number that is part of the program.
    Literal,
    /// The seed of a random op.
    Seed,
    /// Labels or positions: whole numbers.
    Indices,
}

impl Primitive for Leaf {
    const NAMES: &'static [&'static str] =
        &["input", "variable", "parameter", "buffer", "constant", "scalar", "literal", "seed", "indices"];

    fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    fn arity(self) -> usize {
        0
    }

    fn shape<T: Real>(self, call: &Call<'_, T>) -> Result<Shape, String> {
        Ok(call.given.unwrap_or(Shape::scalar()))
    }

    fn eval<T: Real>(self, args: &Args<'_, T>, out: &mut [T]) {
        // All other leaves are read where they stand.
        if matches!(self, Leaf::Scalar | Leaf::Literal) {
            out[0] = T::from_bits(crate::tape::log::join(args.entry.inputs));
        }
    }

    fn vjp<'t, T: Real>(self, _: &mut Cotangents<'_, 't, T>) {}
}

impl Leaf {
    /// Whether its value is a number that stands in the instruction itself.
    pub(crate) fn is_number(self) -> bool {
        matches!(self, Leaf::Scalar | Leaf::Literal)
    }
}
