//! How a product is cut into chunks for threads.

use std::ops::Range;

use super::block::DIRECT;

/// Multiply-adds that are worth the handing over.
const WORTH: usize = 1 << 18;
/// More chunks than this would balance no better, and pack more.
const MOST: usize = 16;

/// A product cut into stripes of rows or of columns, in units that tiles are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Partition {
    rows: usize,
    columns: usize,
    by_rows: bool,
    unit: usize,
    chunks: usize,
}

impl Partition {
    /// For C of `m × n` with `k` products in each element.
    pub(super) fn of(m: usize, k: usize, n: usize, a_transposed: bool, b_transposed: bool) -> Self {
        let wanted = (m.saturating_mul(k).saturating_mul(n) / WORTH).clamp(1, MOST);
        // What is packed should be packed once: rows of A for stripes of rows, columns of B for stripes of columns. But
        // there must be enough of them.
        let packs_b = b_transposed || m > DIRECT;
        let (row_unit, column_unit) = if m == 1 || n == 1 { (64, 64) } else { (8, 16) };
        let (row_units, column_units) = (m.div_ceil(row_unit), n.div_ceil(column_unit));
        let enough = |units: usize| units >= wanted.min(4);
        let by_rows = if a_transposed || !packs_b {
            enough(row_units) || row_units >= column_units
        } else {
            !enough(column_units) && row_units > column_units
        };
        let (unit, units) = if by_rows { (row_unit, row_units) } else { (column_unit, column_units) };
        Self { rows: m, columns: n, by_rows, unit, chunks: wanted.min(units).max(1) }
    }

    pub(super) fn chunks(self) -> usize {
        self.chunks
    }

    /// The rows and columns of one chunk.
    pub(super) fn chunk(self, chunk: usize) -> (Range<usize>, Range<usize>) {
        assert!(chunk < self.chunks, "chunk {chunk} of {}", self.chunks);
        let length = if self.by_rows { self.rows } else { self.columns };
        let units = length.div_ceil(self.unit);
        let edge = |chunk: usize| (units * chunk / self.chunks * self.unit).min(length);
        let stripe = edge(chunk)..edge(chunk + 1);
        if self.by_rows { (stripe, 0..self.columns) } else { (0..self.rows, stripe) }
    }
}
