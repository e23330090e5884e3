//! Running sums and products, and the linear recurrence that is their common derivative.

use super::Lines;
use crate::real::Real;

/// Visits the elements of each line one after the other, from the front or from the back: `f(line, position, last)`,
/// where `last` is the position visited before, if any.
fn walk(lines: Lines, reverse: bool, mut f: impl FnMut(usize, Option<usize>)) {
    let Lines { n, inner, .. } = lines;
    for start in lines.starts() {
        let mut last = None;
        for i in 0..n {
            let at = start + inner * if reverse { n - 1 - i } else { i };
            f(at, last);
            last = Some(at);
        }
    }
}

/// yᵢ = f(yᵢ₋₁, xᵢ) along each line, y₀ = x₀.
pub(crate) fn accumulate<T: Real>(lines: Lines, reverse: bool, x: &[T], out: &mut [T], f: impl Fn(T, T) -> T) {
    walk(lines, reverse, |at, last| out[at] = last.map_or(x[at], |last| f(out[last], x[at])));
}

/// hᵢ = aᵢ·hᵢ₋₁ + bᵢ along each line, with 0 before the first. Where hᵢ₋₁ is 0, aᵢ does not matter, NaN and ∞ included.
pub(crate) fn recurrence<T: Real>(lines: Lines, reverse: bool, a: &[T], b: &[T], out: &mut [T]) {
    let next = |a: T, before: T, b: T| if before == T::zero() { b } else { a * before + b };
    walk(lines, reverse, |at, last| out[at] = last.map_or(b[at], |last| next(a[at], out[last], b[at])));
}
