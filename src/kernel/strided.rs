//! Copies that change the order of elements: permutations, broadcasts, slices, and their adjoints.

use crate::real::Real;
use crate::shape::{MAX_RANK, Shape};

/// A walk through a slice in the order of a shape: element `(i₀, i₁, …)` stands at `start + Σ iₖ·strideₖ`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Walk {
    pub(crate) shape: Shape,
    pub(crate) start: usize,
    pub(crate) strides: [isize; MAX_RANK],
}

impl Walk {
    /// The walk of `shape` through a tensor stored in standard order, from its first element.
    pub(crate) fn new(shape: Shape, strides: [usize; MAX_RANK]) -> Self {
        Self { shape, start: 0, strides: strides.map(usize::cast_signed) }
    }

    /// All positions of the walk, in order.
    pub(crate) fn positions(&self) -> Vec<usize> {
        let (n, stride) = self.row();
        let mut positions = Vec::new();
        if self.shape.size() > 0 {
            self.rows(|at| positions.extend((0..n).map(|i| at.wrapping_add_signed(i.cast_signed() * stride))));
        }
        positions
    }

    /// Calls `visit` with the position of the first element of each innermost row.
    fn rows(&self, mut visit: impl FnMut(usize)) {
        let lead = self.shape.rank().saturating_sub(1);
        let mut index = [0; MAX_RANK];
        let mut at = self.start.cast_signed();
        loop {
            visit(at.cast_unsigned());
            let mut axis = lead;
            loop {
                if axis == 0 {
                    return;
                }
                axis -= 1;
                index[axis] += 1;
                at += self.strides[axis];
                if index[axis] < self.shape[axis] {
                    break;
                }
                at -= self.strides[axis] * self.shape[axis].cast_signed();
                index[axis] = 0;
            }
        }
    }

    fn row(&self) -> (usize, isize) {
        match self.shape.rank() {
            0 => (1, 1),
            rank => (self.shape[rank - 1], self.strides[rank - 1]),
        }
    }
}

/// `out[i] = data[walk(i)]`.
pub(crate) fn read<T: Real>(walk: &Walk, data: &[T], out: &mut [T]) {
    if out.is_empty() {
        return;
    }
    let (n, stride) = walk.row();
    let mut rows = out.chunks_exact_mut(n);
    walk.rows(|at| {
        let out = rows.next().expect("as many rows as the walk has");
        match stride {
            1 => out.copy_from_slice(&data[at..at + n]),
            0 => out.fill(data[at]),
            _ => {
                for (i, out) in out.iter_mut().enumerate() {
                    *out = data[at.wrapping_add_signed(i.cast_signed() * stride)];
                }
            }
        }
    });
}

/// `out[walk(i)] = data[i]`; what the walk does not visit stays as it is.
pub(crate) fn write<T: Real>(walk: &Walk, data: &[T], out: &mut [T]) {
    if data.is_empty() {
        return;
    }
    let (n, stride) = walk.row();
    let mut rows = data.chunks_exact(n);
    walk.rows(|at| {
        let row = rows.next().expect("as many rows as the walk has");
        if stride == 1 {
            out[at..at + n].copy_from_slice(row);
        } else {
            for (i, &x) in row.iter().enumerate() {
                out[at.wrapping_add_signed(i.cast_signed() * stride)] = x;
            }
        }
    });
}
