//! Reductions along lines. The order in which a sum is taken depends on lengths alone.

use super::Lines;
use crate::real::Real;

/// Partial sums kept side by side, so that rounding errors stay small and the sum runs at full width.
pub(super) const LANES: usize = 64;
/// Rows or elements per lane summed before the partial sums are added up; Miri, some thousand times slower, sees several
/// blocks of few.
pub(super) const BLOCK: usize = if cfg!(miri) { 4 } else { 64 };

/// The sum of a slice: blocks in lanes, blocks pairwise, so that rounding errors grow with log n.
pub(crate) fn sum<T: Real>(values: &[T]) -> T {
    if values.len() <= 16 {
        return values.iter().fold(T::zero(), |a, &x| a + x);
    }
    match halves(values.len()) {
        Some(middle) => sum(&values[..middle]) + sum(&values[middle..]),
        None => block_sum(values),
    }
}

/// Where a sum of `n` is cut in two, at the edge of a block; nothing for a single block.
pub(super) fn halves(n: usize) -> Option<usize> {
    let blocks = n.div_ceil(LANES * BLOCK);
    (blocks > 1).then(|| blocks / 2 * LANES * BLOCK)
}

/// The same sum, in the same order, of numbers that are computed as they are needed.
pub(crate) fn sum_by<T: Real>(n: usize, f: impl Fn(usize) -> T) -> T {
    if n <= 16 {
        return (0..n).fold(T::zero(), |a, i| a + f(i));
    }
    sum_range(0, n, &f)
}

fn sum_range<T: Real>(start: usize, n: usize, f: &impl Fn(usize) -> T) -> T {
    if let Some(middle) = halves(n) {
        let rest = n - middle;
        let right = if rest <= 16 {
            (0..rest).fold(T::zero(), |a, i| a + f(start + middle + i))
        } else {
            sum_range(start + middle, rest, f)
        };
        return sum_range(start, middle, f) + right;
    }
    let mut lanes = [T::zero(); LANES];
    for row in (start..start + n).step_by(LANES) {
        lanes.iter_mut().zip(row..start + n).for_each(|(a, i)| *a += f(i));
    }
    fold_lanes(&mut lanes)
}

fn block_sum<T: Real>(values: &[T]) -> T {
    let mut lanes = [T::zero(); LANES];
    let mut rows = values.chunks_exact(LANES);
    for row in &mut rows {
        lanes.iter_mut().zip(row).for_each(|(a, &x)| *a += x);
    }
    lanes.iter_mut().zip(rows.remainder()).for_each(|(a, &x)| *a += x);
    fold_lanes(&mut lanes)
}

pub(super) fn fold_lanes<T: Real>(lanes: &mut [T; LANES]) -> T {
    let mut half = LANES / 2;
    while half > 0 {
        let (low, high) = lanes.split_at_mut(half);
        low.iter_mut().zip(high).for_each(|(a, &mut x)| *a += x);
        half /= 2;
    }
    lanes[0]
}

/// `out[line] = Σ data[line]`.
pub(crate) fn sum_lines<T: Real>(lines: Lines, data: &[T], out: &mut [T]) {
    let Lines { n, inner, .. } = lines;
    if n == 0 {
        out.fill(T::zero());
    } else if inner == 1 {
        out.iter_mut().zip(data.chunks_exact(n)).for_each(|(out, line)| *out = sum(line));
    } else if inner > 0 {
        for (data, out) in data.chunks_exact(n * inner).zip(out.chunks_exact_mut(inner)) {
            sum_rows(data, inner, out);
        }
    }
}

/// Adds the rows of a matrix up, for a tile of columns at a time.
fn sum_rows<T: Real>(data: &[T], columns: usize, out: &mut [T]) {
    for (tile, out) in out.chunks_mut(LANES).enumerate() {
        let (first, width) = (tile * LANES, out.len());
        let total = sum_tile(data.len() / columns, |row, lanes| add(lanes, &data[row * columns + first..][..width]));
        out.copy_from_slice(&total[..width]);
    }
}

/// What `add_row` adds to the lanes for each of `n` rows, summed in blocks of blocks of rows.
pub(super) fn sum_tile<T: Real>(n: usize, mut add_row: impl FnMut(usize, &mut [T; LANES])) -> [T; LANES] {
    let mut total = [T::zero(); LANES];
    for large in (0..n).step_by(BLOCK * BLOCK) {
        let (mut partial, end) = ([T::zero(); LANES], n.min(large + BLOCK * BLOCK));
        for block in (large..end).step_by(BLOCK) {
            let mut lanes = [T::zero(); LANES];
            (block..end.min(block + BLOCK)).for_each(|row| add_row(row, &mut lanes));
            add(&mut partial, &lanes);
        }
        add(&mut total, &partial);
    }
    total
}

fn add<T: Real>(to: &mut [T; LANES], from: &[T]) {
    to.iter_mut().zip(from).for_each(|(a, &x)| *a += x);
}

/// Whether no element is NaN or infinite.
pub(crate) fn is_finite<T: Real>(values: &[T]) -> bool {
    // A finite number less itself is 0, any other NaN; whole tiles at a time, so that it runs at full width.
    let mut lanes = [T::zero(); LANES];
    for row in values.chunks(LANES) {
        #[allow(clippy::eq_op, reason = "it is 0 for what is finite alone")]
        lanes.iter_mut().zip(row).for_each(|(lane, &x)| *lane += x - x);
    }
    lanes.iter().all(|&lane| lane == T::zero())
}

/// `out[line]` = `f` folded over the line, in lanes; `first` must be neutral. The order depends on the length alone.
pub(crate) fn fold_lines<T: Real>(lines: Lines, data: &[T], out: &mut [T], first: T, f: impl Fn(T, T) -> T) {
    let Lines { n, inner, .. } = lines;
    if n == 0 {
        out.fill(first);
    } else if inner == 1 {
        out.iter_mut().zip(data.chunks_exact(n)).for_each(|(out, line)| *out = fold(line, first, &f));
    } else if inner > 0 {
        for (data, out) in data.chunks_exact(n * inner).zip(out.chunks_exact_mut(inner)) {
            for (tile, out) in out.chunks_mut(LANES).enumerate() {
                let mut folds = [first; LANES];
                for row in data.chunks_exact(inner) {
                    folds.iter_mut().zip(&row[tile * LANES..][..out.len()]).for_each(|(a, &x)| *a = f(*a, x));
                }
                out.copy_from_slice(&folds[..out.len()]);
            }
        }
    }
}

fn fold<T: Real>(line: &[T], first: T, f: &impl Fn(T, T) -> T) -> T {
    if line.len() <= LANES {
        return line.iter().fold(first, |a, &x| f(a, x));
    }
    let mut lanes = [first; LANES];
    for row in line.chunks(LANES) {
        lanes.iter_mut().zip(row).for_each(|(a, &x)| *a = f(*a, x));
    }
    let mut half = LANES / 2;
    while half > 0 {
        let (low, high) = lanes.split_at_mut(half);
        low.iter_mut().zip(high).for_each(|(a, &mut x)| *a = f(*a, x));
        half /= 2;
    }
    lanes[0]
}

/// The larger one, or NaN where one of them is.
pub(crate) fn maximum<T: Real>(a: T, b: T) -> T {
    if a >= b || a.is_nan() { a } else { b }
}

/// The smaller one, or NaN where one of them is.
pub(crate) fn minimum<T: Real>(a: T, b: T) -> T {
    if a <= b || a.is_nan() { a } else { b }
}

/// `out[line]` = the position within the line of its first extreme element; a NaN is the extreme where there is one.
pub(crate) fn arg_lines<T: Real>(lines: Lines, data: &[T], out: &mut [T], better: impl Fn(T, T) -> bool) {
    let Lines { n, inner, .. } = lines;
    for (out, start) in out.iter_mut().zip(lines.starts()) {
        let at = |i: usize| data[start + i * inner];
        let best = (1..n).fold(0, |best, i| {
            let (x, y) = (at(best), at(i));
            if !x.is_nan() && (y.is_nan() || better(y, x)) { i } else { best }
        });
        #[allow(clippy::cast_precision_loss, reason = "documented on the op: exact up to the type's integers")]
        let position = T::of(best as f64);
        *out = position;
    }
}

/// `out[line]` = √Σx², without overflow or underflow on the way.
pub(crate) fn norm_lines<T: Real>(lines: Lines, data: &[T], out: &mut [T]) {
    let Lines { n, inner, .. } = lines;
    for (out, start) in out.iter_mut().zip(lines.starts()) {
        let x = |i: usize| data[start + i * inner];
        let scale = (0..n).map(|i| x(i).abs()).fold(T::zero(), maximum);
        *out = if scale == T::zero() || !scale.is_finite() {
            scale
        } else {
            scale * sum_by(n, |i| (x(i) / scale) * (x(i) / scale)).sqrt()
        };
    }
}

/// `out[line]` = ln Σ eˣ, shifted by the largest element; −∞ for a line of −∞.
pub(crate) fn logsumexp_lines<T: Real>(lines: Lines, data: &[T], out: &mut [T]) {
    let Lines { n, inner, .. } = lines;
    for (out, start) in out.iter_mut().zip(lines.starts()) {
        let (top, total) = exp_shifted(n, |i| data[start + i * inner]);
        *out = if top.is_finite() { top + total.ln() } else { top };
    }
}

/// The largest of `n` numbers and Σ e^(x − largest); 0 for the sum where the largest is not finite.
fn exp_shifted<T: Real>(n: usize, x: impl Fn(usize) -> T) -> (T, T) {
    let top = (0..n).map(&x).fold(T::neg_infinity(), maximum);
    if !top.is_finite() {
        return (top, T::zero());
    }
    (top, sum_by(n, |i| (x(i) - top).exp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sums_take_one_order() {
        for n in [0, 1, 7, 16, 17, 64, 65, 1000, 4096, 4097, 9999] {
            let values: Vec<f32> = (0..n).map(|i| ((i * 2_654_435_761_usize) % 1000) as f32 * 0.37 - 100.0).collect();
            assert_eq!(sum(&values).to_bits(), sum_by(n, |i| values[i]).to_bits(), "{n}");
        }
    }

    #[test]
    fn lines_that_lie_together_are_summed_as_slices() {
        for n in [1, 16, 17, 65, 5000] {
            let values: Vec<f32> = (0..3 * n).map(|i| ((i * 2_654_435_761_usize) % 1000) as f32 * 0.37).collect();
            let mut out = [0.0; 3];
            sum_lines(Lines { outer: 3, n, inner: 1 }, &values, &mut out);
            let expected = [0, 1, 2].map(|line| sum(&values[line * n..][..n]));
            assert_eq!(out.map(f32::to_bits), expected.map(f32::to_bits), "{n}");
        }
    }

    #[test]
    fn lines_are_folded_along_any_axis() {
        for (outer, n, inner) in [(1, 1, 1), (3, 64, 1), (2, 1000, 1), (2, 3, 5), (1, 70, 130), (2, 0, 3), (2, 3, 0)] {
            let lines = Lines { outer, n, inner };
            let data: Vec<f64> = (0..outer * n * inner).map(|i| ((i * 7919) % 1009) as f64 - 400.0).collect();
            let mut out = vec![0.0; outer * inner];
            fold_lines(lines, &data, &mut out, f64::NEG_INFINITY, maximum);
            let line = |start: usize| (0..n).map(move |i| start + i * inner);
            let want: Vec<f64> =
                lines.starts().map(|start| line(start).map(|at| data[at]).fold(f64::NEG_INFINITY, f64::max)).collect();
            assert_eq!(out, want, "{lines:?}");
        }
        let mut out = [0.0];
        let mut line = vec![1.0; 300];
        line[190] = f64::NAN;
        fold_lines(Lines { outer: 1, n: 300, inner: 1 }, &line, &mut out, f64::NEG_INFINITY, maximum);
        assert!(out[0].is_nan());
    }

    #[test]
    fn sums_keep_their_digits() {
        // Ten million times 0.1 in f32: one after the other gives 1 087 937 instead of 1 000 000.
        let values = vec![0.1_f32; 10_000_000];
        assert!((sum(&values) - 1e6).abs() < 1.0, "{}", sum(&values));
        let mut out = [0.0];
        sum_lines(Lines { outer: 1, n: 1_000_000, inner: 1 }, &values[..1_000_000], &mut out);
        assert!((out[0] - 1e5).abs() < 1.0);
        let mut columns = [0.0; 10];
        sum_lines(Lines { outer: 1, n: 1_000_000, inner: 10 }, &values, &mut columns);
        assert!(columns.iter().all(|sum| (sum - 1e5).abs() < 1.0), "{columns:?}");
    }
}
