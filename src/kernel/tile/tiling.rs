//! How a domain is cut: into chunks for threads, and chunks into tiles.

use super::facts::Fact;
use super::machine::BLOCK;
use super::{Extent, Graph, Node, Output, SUM_BLOCK};
use crate::kernel::reduce;

// Miri is some thousand times slower: it is to see small domains cut as large ones are.

/// Elements of a tile that intermediate values are kept of.
const TILE: usize = if cfg!(miri) { 128 } else { 1024 };
/// Elements of a tile of which nothing but repeated operands is kept.
const LIGHT: usize = if cfg!(miri) { 256 } else { 4096 };
/// Elements of a chunk without intermediate tiles, below which another chunk does not pay.
const CHUNK: usize = if cfg!(miri) { 256 } else { 1 << 14 };

/// The lengths of tiles and chunks. A tile has several whole rows, or one row or a part of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Tiling {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) tile_rows: usize,
    pub(super) tile_columns: usize,
    /// Rows of a chunk; of a flat domain, columns.
    pub(super) chunk: usize,
    /// Whether a tile takes so long that what it writes can be asked for before.
    pub(super) is_slow: bool,
}

impl Tiling {
    pub(super) fn new(graph: &Graph, facts: &[Fact], cost: f64) -> Self {
        let Graph { rows, columns, .. } = *graph;
        let needed = || graph.nodes.iter().zip(facts).filter(|(_, fact)| fact.needed).map(|(node, _)| node);
        let heavy = needed().any(Node::is_heavy);
        // A column that goes out must be written once for each row.
        let columns_out = graph.outputs.iter().any(|(id, _)| facts[id.index()].extent == Extent::Column);
        let whole_rows = columns_out || needed().any(Node::takes_rows);
        let sums = graph.outputs.iter().any(|(_, output)| matches!(output, Output::SumAll { .. }));
        let (tile_rows, tile_columns) = match () {
            () if rows == 1 && whole_rows => (1, columns),
            () if rows == 1 && (heavy || sums) => (1, if heavy { TILE } else { SUM_BLOCK }),
            () if rows == 1 => (1, CHUNK),
            () if columns > if heavy { TILE / 2 } else { LIGHT / 2 } => {
                (1, if whole_rows || !heavy { columns } else { TILE })
            }
            () => (several_rows(columns, if heavy { TILE } else { LIGHT }).min(rows), columns),
        };
        let mut tiling = Self {
            rows,
            columns,
            tile_rows,
            tile_columns: tile_columns.min(columns),
            chunk: 0,
            is_slow: heavy && cost > SLOW,
        };
        tiling.chunk = tiling.chunk_length(graph, facts, cost);
        tiling
    }

    /// Rows, or columns of a flat domain, that a chunk must be a multiple of, and how many make it worth a thread.
    fn chunk_length(&self, graph: &Graph, facts: &[Fact], cost: f64) -> usize {
        let unit = if self.is_flat() { self.tile_columns.max(SUM_BLOCK) } else { self.chunk_unit(graph, facts) };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a length")]
        let worth = (CHUNK_COST / (cost * if self.is_flat() { 1.0 } else { self.columns.max(1) as f64 })) as usize;
        worth.div_ceil(unit).max(1) * unit
    }

    fn chunk_unit(&self, graph: &Graph, facts: &[Fact]) -> usize {
        let mut unit = self.tile_rows.max(1);
        for (id, output) in &graph.outputs {
            let least = match output {
                Output::SumRows { .. } => reduce::BLOCK,
                Output::SumAll { .. } if facts[id.index()].extent == Extent::Whole => {
                    SUM_BLOCK / common(SUM_BLOCK, self.columns)
                }
                _ => 1,
            };
            unit = unit / common(unit, least) * least;
        }
        unit
    }

    /// Whether the domain is one row.
    pub(super) fn is_flat(&self) -> bool {
        self.rows == 1
    }

    /// The rows or, of a flat domain, columns that chunks are made of.
    pub(super) fn length(&self) -> usize {
        if self.is_flat() { self.columns } else { self.rows }
    }

    pub(super) fn chunks(&self) -> usize {
        self.length().div_ceil(self.chunk).max(1)
    }

    /// The elements of a tile, rounded up to whole blocks.
    pub(super) fn padded(&self) -> usize {
        (self.tile_rows * self.tile_columns).next_multiple_of(BLOCK)
    }

    /// Whether the tiles follow the blocks in which sums are taken.
    pub(super) fn follows_sums(&self) -> bool {
        let is_one = self.tile_columns == self.columns && self.columns <= SUM_BLOCK;
        self.is_flat() && self.tile_columns > 0 && (is_one || SUM_BLOCK.is_multiple_of(self.tile_columns))
    }
}

/// What an element costs, in nanoseconds, where asking for the places of results beforehand pays.
const SLOW: f64 = 0.7;

/// What a chunk should cost at least, in nanoseconds.
const CHUNK_COST: f64 = if cfg!(miri) { 5.0 } else { 5000.0 };

/// As many rows as make a tile, if possible a whole number of blocks.
fn several_rows(columns: usize, tile: usize) -> usize {
    let columns = columns.max(1);
    let whole = BLOCK / common(BLOCK, columns);
    if whole * columns <= 4 * TILE { whole * (tile / (whole * columns)).max(1) } else { (tile / columns).max(1) }
}

/// The greatest common divisor.
fn common(a: usize, b: usize) -> usize {
    if b == 0 { a } else { common(b, a % b) }
}
