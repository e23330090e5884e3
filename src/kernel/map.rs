//! Pointwise kernels over operands that broadcast.

use super::block::Block;
use crate::real::Real;
use crate::shape::{MAX_RANK, Shape};

/// Elements of an operand that are laid out side by side at a time.
const TILE: usize = 256;

/// As many operands as a function has at most.
const MOST: usize = 3;

/// An operand and the shape it has before broadcasting.
#[derive(Clone, Copy)]
pub(crate) struct Operand<'a, T> {
    pub(crate) data: &'a [T],
    pub(crate) shape: Shape,
}

/// Fills `out`, of the given shape, with a function of the operands broadcast to that shape.
pub(crate) fn map<T: Real>(shape: &Shape, operands: &[Operand<'_, T>], out: &mut [T], block: Block<T>) {
    if operands.iter().all(|operand| operand.data.len() == out.len()) {
        // With as many elements as the result, an operand differs from it in axes of length 1 only.
        let mut rows: [&[T]; MOST] = [&[]; MOST];
        for (row, operand) in rows.iter_mut().zip(operands) {
            *row = operand.data;
        }
        return block.fill(&rows[..operands.len()], out);
    }
    each(shape, operands, out, |rows, out| block.fill(rows, out));
}

/// Hands the operands, broadcast to a shape, and the place of the result to `f`, part by part.
pub(crate) fn each<T: Real>(
    shape: &Shape,
    operands: &[Operand<'_, T>],
    out: &mut [T],
    mut f: impl FnMut(&[&[T]], &mut [T]),
) {
    let mut walks = [Walk::new(shape, operands[0]); MOST];
    for (walk, &operand) in walks.iter_mut().zip(operands).skip(1) {
        *walk = Walk::new(shape, operand);
    }
    let walks = &mut walks[..operands.len()];
    let mut tiles = [[T::zero(); TILE]; MOST];
    for (t, out) in out.chunks_mut(TILE).enumerate() {
        let mut rows: [&[T]; MOST] = [&[]; MOST];
        for ((walk, tile), row) in walks.iter_mut().zip(&mut tiles).zip(&mut rows) {
            let tile = &mut tile[..out.len()];
            walk.lay_out(t * TILE, tile);
            *row = walk.tile(t * TILE, out.len()).unwrap_or(tile);
        }
        f(&rows[..walks.len()], out);
    }
}

/// The way through an operand in the order of the result.
#[derive(Clone, Copy)]
struct Walk<'a, T> {
    data: &'a [T],
    /// Axes, the last first, and by how much an operand's position grows along each.
    lengths: [usize; MAX_RANK],
    strides: [usize; MAX_RANK],
    rank: usize,
    index: [usize; MAX_RANK],
    position: usize,
}

impl<'a, T: Real> Walk<'a, T> {
    fn new(shape: &Shape, operand: Operand<'a, T>) -> Self {
        let all = operand.shape.broadcast_strides(shape);
        let (mut lengths, mut strides, mut rank) = ([1; MAX_RANK], [0; MAX_RANK], 0);
        for axis in (0..shape.rank()).rev().filter(|&axis| shape[axis] != 1) {
            // Axes that are walked through in one stride are one.
            if rank > 0 && all[axis] == strides[rank - 1] * lengths[rank - 1] {
                lengths[rank - 1] *= shape[axis];
            } else {
                (lengths[rank], strides[rank]) = (shape[axis], all[axis]);
                rank += 1;
            }
        }
        Self { data: operand.data, lengths, strides, rank, index: [0; MAX_RANK], position: 0 }
    }

    /// The operand's own elements, where they stand in the order of the result.
    fn tile(&self, start: usize, n: usize) -> Option<&'a [T]> {
        (self.rank == 1 && self.strides[0] == 1).then(|| &self.data[start..start + n])
    }

    /// Writes the next elements into a tile.
    fn lay_out(&mut self, start: usize, tile: &mut [T]) {
        if self.tile(start, tile.len()).is_some() {
            return;
        }
        if self.rank == 1 && self.strides[0] == 0 {
            // One number everywhere: the first tile will do for all.
            if start == 0 {
                tile.fill(self.data[0]);
            }
            return;
        }
        let mut rest = tile;
        while !rest.is_empty() {
            let n = rest.len().min(self.lengths[0] - self.index[0]);
            let (row, behind) = rest.split_at_mut(n);
            let (from, stride) = (&self.data[self.position..], self.strides[0]);
            match stride {
                0 => row.fill(from[0]),
                1 => row.copy_from_slice(&from[..n]),
                _ => row.iter_mut().enumerate().for_each(|(i, to)| *to = from[i * stride]),
            }
            self.advance(n);
            rest = behind;
        }
    }

    /// Goes on by `n` elements of the last axis.
    fn advance(&mut self, n: usize) {
        self.index[0] += n;
        self.position += n * self.strides[0];
        for axis in 0..self.rank {
            if self.index[axis] < self.lengths[axis] {
                break;
            }
            self.index[axis] = 0;
            self.position -= self.lengths[axis] * self.strides[axis];
            if axis + 1 < self.rank {
                self.index[axis + 1] += 1;
                self.position += self.strides[axis + 1];
            }
        }
    }
}
