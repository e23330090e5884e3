//! Lines along another axis than the last, side by side.

use crate::kernel::Lines;
use crate::kernel::reduce::{LANES, maximum, sum_tile};
use crate::real::Real;

/// Up to [`LANES`] lines along another axis, side by side: where they stand in `data` and `out` alike.
pub(super) struct Tile<'a, T> {
    data: &'a [T],
    out: &'a mut [T],
    n: usize,
    inner: usize,
    start: usize,
    width: usize,
}

/// Hands all lines to `f`, tile by tile.
pub(super) fn each_tile<T: Real>(lines: Lines, data: &[T], out: &mut [T], mut f: impl FnMut(&mut Tile<'_, T>)) {
    let Lines { outer, n, inner } = lines;
    for o in 0..outer {
        for first in (0..inner).step_by(LANES) {
            let (start, width) = (o * n * inner + first, LANES.min(inner - first));
            f(&mut Tile { data, out, n, inner, start, width });
        }
    }
}

impl<T: Real> Tile<'_, T> {
    fn row(&self, i: usize) -> std::ops::Range<usize> {
        let start = self.start + i * self.inner;
        start..start + self.width
    }

    /// The largest element of each line.
    pub(super) fn top(&self) -> [T; LANES] {
        let mut top = [T::neg_infinity(); LANES];
        for i in 0..self.n {
            top.iter_mut().zip(&self.data[self.row(i)]).for_each(|(top, &x)| *top = maximum(*top, x));
        }
        top
    }

    /// Σ `f(line, x, y)` over each line, y being what the result holds at present.
    pub(super) fn sum(&self, f: impl Fn(usize, T, T) -> T) -> [T; LANES] {
        sum_tile(self.n, |i, lanes| {
            let (x, y) = (&self.data[self.row(i)], &self.out[self.row(i)]);
            lanes.iter_mut().zip(x).zip(y).enumerate().for_each(|(k, ((sum, &x), &y))| *sum += f(k, x, y));
        })
    }

    /// Writes `f(line, x, y)`, y being what the result held before.
    pub(super) fn fill(&mut self, f: impl Fn(usize, T, T) -> T) {
        for i in 0..self.n {
            let row = self.row(i);
            let (x, y) = (&self.data[row.clone()], &mut self.out[row]);
            y.iter_mut().zip(x).enumerate().for_each(|(k, (y, &x))| *y = f(k, x, *y));
        }
    }
}
