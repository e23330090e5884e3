//! Sums over two flat slices, always in the same order.

use crate::real::Real;

/// Σ aᵢ bᵢ in `f64`. The order of the additions depends on the length alone.
pub(crate) fn dot<T: Real>(a: &[T], b: &[T]) -> f64 {
    /// Running sums side by side, which processors add at once.
    const LANES: usize = 8;
    let ((a, rest_a), (b, rest_b)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            sums[lane] += a[lane].as_f64() * b[lane].as_f64();
        }
    }
    let rest: f64 = rest_a.iter().zip(rest_b).map(|(&a, &b)| a.as_f64() * b.as_f64()).sum();
    let [a, b, c, d, e, f, g, h] = sums;
    ((a + e) + (c + g)) + ((b + f) + (d + h)) + rest
}

/// x ← x + α d.
pub(super) fn add_scaled<T: Real>(x: &mut [T], alpha: f64, d: &[T]) {
    let alpha = T::of(alpha);
    x.iter_mut().zip(d).for_each(|(x, &d)| *x += alpha * d);
}

/// to ← x + α d.
pub(super) fn line<T: Real>(to: &mut [T], x: &[T], alpha: f64, d: &[T]) {
    let alpha = T::of(alpha);
    to.iter_mut().zip(x).zip(d).for_each(|((to, &x), &d)| *to = x + alpha * d);
}

/// x ← α x.
pub(super) fn scale<T: Real>(x: &mut [T], alpha: f64) {
    let alpha = T::of(alpha);
    for x in x {
        *x *= alpha;
    }
}

/// Whether no element is NaN or infinite.
pub(crate) fn all_finite<T: Real>(x: &[T]) -> bool {
    // In pieces without a branch within, which processors take at once.
    x.chunks(64).all(|piece| piece.iter().fold(true, |finite, x| finite & x.is_finite()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_product_of_any_length_is_the_sum_of_products() {
        for n in [0, 1, 7, 8, 9, 31] {
            let a: Vec<f64> = (0..n).map(f64::from).collect();
            let b: Vec<f64> = (0..n).map(|i| f64::from(2 * i % 5) - 1.0).collect();
            let plain: f64 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
            assert_eq!(dot(&a, &b), plain, "{n}"); // small whole numbers: exact in any order
        }
    }
}
