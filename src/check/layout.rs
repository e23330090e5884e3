//! How an operand comes to lie in memory before an op sees it.

use std::fmt;

use ndarray::{ArrayD, Axis, IxDyn, SliceInfoElem};

use crate::real::Real;
use crate::tape::Var;

#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Layout {
    Standard,
    Transposed,
    Sliced,
    Reversed,
}

impl Layout {
    pub(super) const ALL: [Self; 4] = [Self::Standard, Self::Transposed, Self::Sliced, Self::Reversed];

    /// The array from which [`view`](Self::view) makes this one.
    pub(super) fn source<T: Real>(self, x: &ArrayD<T>) -> ArrayD<T> {
        match self {
            Self::Standard => x.clone(),
            Self::Transposed => x.clone().reversed_axes(),
            Self::Reversed => {
                let mut reversed = x.clone();
                (0..x.ndim()).for_each(|axis| reversed.invert_axis(Axis(axis)));
                reversed
            }
            Self::Sliced => {
                // Every second element of a tensor twice as long along each axis; what lies between must not matter.
                let lengths: Vec<_> = x.shape().iter().map(|n| 2 * n).collect();
                ArrayD::from_shape_fn(IxDyn(&lengths), |index| {
                    let half: Vec<_> = (0..x.ndim()).map(|axis| index[axis] / 2).collect();
                    let between = (0..x.ndim()).any(|axis| index[axis] % 2 == 1);
                    if between { T::of(1e3) } else { x[&half[..]] }
                })
            }
        }
    }

    pub(super) fn view<T: Real>(self, x: Var<'_, T>) -> Var<'_, T> {
        let rank = x.shape().rank();
        match self {
            Self::Standard => x,
            Self::Transposed => x.permute(&(0..rank).rev().collect::<Vec<_>>()),
            Self::Reversed => x.flip(&(0..rank).collect::<Vec<_>>()[..]),
            Self::Sliced => x.slice(vec![SliceInfoElem::Slice { start: 0, end: None, step: 2 }; rank]),
        }
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Standard => "in standard order",
            Self::Transposed => "transposed",
            Self::Sliced => "every second element",
            Self::Reversed => "reversed",
        })
    }
}
