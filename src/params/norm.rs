//! The Euclidean norm of a gradient in pieces.

use crate::real::Real;

/// The norm over all pieces, in `f64`. Neither overflows nor underflows where the result does not.
pub(crate) fn norm<'a, T: Real, I: Iterator<Item = &'a [T]>>(pieces: impl Fn() -> I) -> f64 {
    let plain = pieces().map(|piece| squares(piece, |g| g)).sum::<f64>();
    // Squares of f64 numbers beyond 1e±150 leave the range: measured in units of the largest they do not.
    if plain.is_nan() || (1e-280..1e300).contains(&plain) {
        return plain.sqrt();
    }
    let largest = pieces().flatten().fold(0.0, |largest, g| g.as_f64().abs().max(largest));
    if largest == 0.0 || largest.is_infinite() {
        return largest;
    }
    largest * pieces().map(|piece| squares(piece, |g| g / largest)).sum::<f64>().sqrt()
}

/// The sum of the squares. Eight running sums, so that the loop can use vectors; always eight, so that the bits do not
/// depend on the machine.
fn squares<T: Real>(values: &[T], of: impl Fn(f64) -> f64) -> f64 {
    let mut sums = [0.0; 8];
    let mut add = |values: &[T]| {
        for (sum, &g) in sums.iter_mut().zip(values) {
            let g = of(g.as_f64());
            *sum += g * g;
        }
    };
    let (chunks, rest) = values.as_chunks::<8>();
    for chunk in chunks {
        add(chunk);
    }
    add(rest);
    sums.iter().sum()
}
