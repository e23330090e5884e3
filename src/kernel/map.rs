//! Pointwise maps of one to three operands with broadcasting.

use crate::real::Real;
use crate::shape::{MAX_RANK, Shape};

/// Elements of a broadcast or strided operand that are laid out side by side at a time.
const TILE: usize = 256;

/// An operand and the shape it has before broadcasting.
#[derive(Clone, Copy)]
pub(crate) struct Operand<'a, T> {
    pub(crate) data: &'a [T],
    pub(crate) shape: Shape,
}

/// Fills `out`, of the given shape, with `f` of the operands broadcast to that shape.
#[inline]
pub(crate) fn map<const N: usize, T: Real>(
    shape: &Shape,
    operands: [Operand<'_, T>; N],
    out: &mut [T],
    f: impl Fn([T; N]) -> T,
) {
    if out.len() == 1 {
        out[0] = f(operands.map(|operand| operand.data[0]));
        return;
    }
    if out.is_empty() {
        return;
    }
    if operands.iter().all(|operand| operand.shape == *shape) {
        contiguous(operands.map(|operand| operand.data), out, &f);
        return;
    }
    let (lengths, strides, rank) = merge(shape, operands.map(|operand| operand.shape.broadcast_strides(shape)));
    let row = lengths[rank - 1];
    let row_strides = strides.map(|s| s[rank - 1]);
    let mut index = [0; MAX_RANK];
    let mut offsets = [0; N];
    for out in out.chunks_exact_mut(row) {
        let data: [&[T]; N] = std::array::from_fn(|k| &operands[k].data[offsets[k]..]);
        strided_row(data, row_strides, out, &f);
        for axis in (0..rank - 1).rev() {
            index[axis] += 1;
            (0..N).for_each(|k| offsets[k] += strides[k][axis]);
            if index[axis] < lengths[axis] {
                break;
            }
            (0..N).for_each(|k| offsets[k] -= strides[k][axis] * lengths[axis]);
            index[axis] = 0;
        }
    }
}

/// Merges axes that every operand walks through in one stride, so that rows get as long as possible.
fn merge<const N: usize>(
    shape: &Shape,
    strides: [[usize; MAX_RANK]; N],
) -> ([usize; MAX_RANK], [[usize; MAX_RANK]; N], usize) {
    let (mut lengths, mut merged, mut rank) = ([1; MAX_RANK], [[0; MAX_RANK]; N], 0);
    for axis in (0..shape.rank()).filter(|&axis| shape[axis] != 1) {
        let joins = rank > 0 && (0..N).all(|k| merged[k][rank - 1] == strides[k][axis] * shape[axis]);
        if joins {
            lengths[rank - 1] *= shape[axis];
        } else {
            lengths[rank] = shape[axis];
            rank += 1;
        }
        (0..N).for_each(|k| merged[k][rank - 1] = strides[k][axis]);
    }
    (lengths, merged, rank)
}

#[inline]
fn contiguous<const N: usize, T: Real>(data: [&[T]; N], out: &mut [T], f: &impl Fn([T; N]) -> T) {
    let data = data.map(|slice| &slice[..out.len()]);
    for (i, out) in out.iter_mut().enumerate() {
        *out = f(std::array::from_fn(|k| data[k][i]));
    }
}

#[inline]
fn strided_row<const N: usize, T: Real>(data: [&[T]; N], strides: [usize; N], out: &mut [T], f: &impl Fn([T; N]) -> T) {
    let mut tiles = [[T::zero(); TILE]; N];
    for (t, out) in out.chunks_mut(TILE).enumerate() {
        let start = t * TILE;
        for k in (0..N).filter(|&k| strides[k] != 1) {
            // An operand that does not move is laid out once, for the first tile.
            if strides[k] == 0 && t > 0 {
                continue;
            }
            let source = &data[k][start * strides[k]..];
            tiles[k][..out.len()].iter_mut().enumerate().for_each(|(i, to)| *to = source[i * strides[k]]);
        }
        let rows = std::array::from_fn(|k| if strides[k] == 1 { &data[k][start..] } else { &tiles[k][..] });
        contiguous(rows, out, f);
    }
}
