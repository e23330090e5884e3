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
    pub(crate) fn positions(self) -> impl Iterator<Item = usize> {
        let (mut index, mut at) = ([0; MAX_RANK], self.start.cast_signed());
        (0..self.shape.size()).map(move |_| {
            let here = at.cast_unsigned();
            self.advance(self.shape.rank(), &mut index, &mut at);
            here
        })
    }

    /// Calls `visit` with the position of the first element of each innermost row.
    fn rows(&self, mut visit: impl FnMut(usize)) {
        let lead = self.shape.rank().saturating_sub(1);
        let (mut index, mut at) = ([0; MAX_RANK], self.start.cast_signed());
        loop {
            visit(at.cast_unsigned());
            if !self.advance(lead, &mut index, &mut at) {
                return;
            }
        }
    }

    /// Goes on to the next position over the first `axes` axes; after the last one, back to the first, which it tells.
    fn advance(&self, axes: usize, index: &mut [usize; MAX_RANK], at: &mut isize) -> bool {
        for axis in (0..axes).rev() {
            index[axis] += 1;
            *at += self.strides[axis];
            if index[axis] < self.shape[axis] {
                return true;
            }
            *at -= self.strides[axis] * self.shape[axis].cast_signed();
            index[axis] = 0;
        }
        false
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
