//! The innermost part: a tile of C in registers.
//!
//! A tile of `M` rows and `V` vectors of columns is summed over the depth of a block, each element in order of k, and
//! added to what C starts from. Which tile an element falls into does not matter for its bits.
#![allow(clippy::needless_range_loop, reason = "rows and vectors of a tile are registers, which are numbered")]

use crate::kernel::simd::{Element, Isa, Kernel, Lanes, Level, prefetch};

/// Rows of the tallest tile of an instruction set.
pub(super) const fn height(level: Level) -> usize {
    match level {
        Level::Avx512 => 8,
        _ => 6,
    }
}

/// Vectors of the widest tile of an instruction set: with `height`, what its registers hold.
pub(super) const fn width(level: Level) -> usize {
    match level {
        Level::Avx512 => 3,
        _ => 2,
    }
}

/// What a panel of C is summed from: a few vectors of columns, any number of rows, one block of depth.
pub(super) struct Sums<T> {
    pub(super) depth: usize,
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// A(i, p) of the block is at `i / height · a_block + i % height · a_row + p · a_step`.
    pub(super) a: *const T,
    pub(super) a_block: usize,
    pub(super) a_row: usize,
    pub(super) a_step: usize,
    /// B(p, j) is at `p · b_step + j`. But on AVX-512, rows reach to the end of the last vector.
    pub(super) b: *const T,
    pub(super) b_step: usize,
    pub(super) c: *mut T,
    pub(super) c_row: usize,
    /// What the sums are added to, laid out as C is but for the distance of rows; null for zeros.
    pub(super) start: *const T,
    pub(super) start_row: usize,
}

/// The sums of a panel of at most `V` vectors of columns, tile by tile.
pub(super) struct Panel<T, const V: usize>(pub(super) Sums<T>);

/// Where one tile begins.
#[derive(Clone, Copy)]
struct Place<T> {
    a: *const T,
    c: *mut T,
    start: *const T,
}

impl<T: Element, const V: usize> Kernel for Panel<T, V> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let tallest = const { height(I::LEVEL) };
        let sums = &self.0;
        let mut at = Place { a: sums.a, c: sums.c, start: sums.start };
        let mut left = sums.rows;
        while left > 0 {
            let here = left.min(tallest);
            // SAFETY: whoever made the panel vouches for its pointers; the tile is one of its tiles.
            unsafe {
                match here {
                    1 => tile::<T, I, 1, V>(sums, at),
                    2 => tile::<T, I, 2, V>(sums, at),
                    3 => tile::<T, I, 3, V>(sums, at),
                    4 => tile::<T, I, 4, V>(sums, at),
                    5 => tile::<T, I, 5, V>(sums, at),
                    _ if const { height(I::LEVEL) == 6 } => tile::<T, I, 6, V>(sums, at),
                    6 => tile::<T, I, 6, V>(sums, at),
                    7 => tile::<T, I, 7, V>(sums, at),
                    _ => tile::<T, I, 8, V>(sums, at),
                }
            }
            left -= here;
            at.a = at.a.wrapping_add(sums.a_block);
            at.c = at.c.wrapping_add(here * sums.c_row);
            at.start = at.start.wrapping_add(here * sums.start_row);
        }
    }
}

/// # Safety
///
/// The pointers of the panel must reach what their docs say, for `M` rows from `at` on.
#[inline(always)]
unsafe fn tile<T: Element, I: Isa, const M: usize, const V: usize>(panel: &Sums<T>, at: Place<T>) {
    let n = <T::V<I>>::N;
    let last = panel.columns - (V - 1) * n;
    for r in 0..M {
        for v in 0..V {
            prefetch(at.c.wrapping_add(r * panel.c_row + v * n));
        }
    }
    let mut sums = [[<T::V<I>>::zero(); V]; M];
    let (mut a, mut b) = (at.a, panel.b);
    for _ in 0..panel.depth {
        let mut row = [<T::V<I>>::zero(); V];
        for v in 0..V {
            let from = b.wrapping_add(v * n);
            // SAFETY: within a row of B, or of its packed panel; masked where B may end with the row.
            row[v] = unsafe {
                if const { matches!(I::LEVEL, Level::Avx512) } && v + 1 == V {
                    <T::V<I>>::load_masked(from, last)
                } else {
                    <T::V<I>>::load(from)
                }
            };
        }
        for r in 0..M {
            // SAFETY: an element of A.
            let x = <T::V<I>>::splat(unsafe { *a.wrapping_add(r * panel.a_row) });
            for v in 0..V {
                sums[r][v] = x.fma(row[v], sums[r][v]);
            }
        }
        a = a.wrapping_add(panel.a_step);
        b = b.wrapping_add(panel.b_step);
    }
    for r in 0..M {
        for v in 0..V {
            let c = at.c.wrapping_add(r * panel.c_row + v * n);
            let start = at.start.wrapping_add(r * panel.start_row + v * n);
            let lanes = if v + 1 == V { last } else { n };
            // SAFETY: the columns of C, and what stands in its place, have that many lanes here.
            unsafe { finish::<T, I>(sums[r][v], c, if panel.start.is_null() { panel.start } else { start }, lanes) }
        }
    }
}

/// Stores start + sum, the first `lanes` lanes.
///
/// # Safety
///
/// Both must reach that many elements, unless `start` is null.
#[inline(always)]
unsafe fn finish<T: Element, I: Isa>(sum: T::V<I>, c: *mut T, start: *const T, lanes: usize) {
    // SAFETY: the caller vouches for as many elements as are touched.
    unsafe {
        if lanes == <T::V<I>>::N {
            let value = if start.is_null() { sum } else { <T::V<I>>::load(start) + sum };
            value.store(c);
        } else {
            let value = if start.is_null() { sum } else { <T::V<I>>::load_masked(start, lanes) + sum };
            value.store_masked(c, lanes);
        }
    }
}
