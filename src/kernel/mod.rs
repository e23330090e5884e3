//! Numbers: slices in, slices out. The only home of `unsafe`.
//!
//! Kernels know nothing of tapes. A tensor comes as a slice in standard order; a kernel over one axis (or a group of
//! neighbouring axes) sees it as `[outer, n, inner]`, see [`Lines`].

pub(crate) mod aligned;
pub mod bench;
pub(crate) mod block;
pub(crate) mod cast;
#[cfg(feature = "linalg")]
pub(crate) mod dense;
pub(crate) mod formula;
pub(crate) mod function;
pub(crate) mod guarded;
pub(crate) mod lane;
pub(crate) mod lend;
pub(crate) mod map;
pub(crate) mod parts;
pub(crate) mod powers;
pub(crate) mod product;
pub(crate) mod random;
pub(crate) mod reduce;
pub(crate) mod rows;
pub(crate) mod scalar;
pub(crate) mod scan;
pub(crate) mod simd;
pub(crate) mod space;
pub(crate) mod squares;
pub(crate) mod strided;
pub(crate) mod team;
pub(crate) mod tile;
pub(crate) mod update;
pub(crate) mod watched;
pub(crate) mod workspace;

use crate::shape::Shape;

/// A tensor seen as `[outer, n, inner]`: `outer · inner` lines of `n` elements, each `inner` apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lines {
    pub(crate) outer: usize,
    pub(crate) n: usize,
    pub(crate) inner: usize,
}

impl Lines {
    /// The lines along the axes `start..end`, taken together.
    pub(crate) fn along(shape: &Shape, start: usize, end: usize) -> Self {
        Self {
            outer: shape[..start].iter().product(),
            n: shape[start..end].iter().product(),
            inner: shape[end..].iter().product(),
        }
    }

    /// The position of the first element of each line, in the order of the reduced tensor.
    pub(crate) fn starts(self) -> impl Iterator<Item = usize> {
        (0..self.outer).flat_map(move |o| (0..self.inner).map(move |i| o * self.n * self.inner + i))
    }
}
