//! Eigenvalues of small symmetric matrices.

/// Eigenvalues in ascending order, and the eigenvectors as columns in the same order: Jacobi's method.
///
/// The matrix is in rows; what stands above its diagonal counts.
///
/// # References
///
/// Golub & Van Loan 2013, Matrix computations, section 8.5.
pub(super) fn eigen(mut a: Vec<Vec<f64>>) -> (Vec<f64>, Vec<Vec<f64>>) {
    /// Sweeps converge quadratically: ten are plenty.
    const SWEEPS: usize = 60;
    let n = a.len();
    let mut vectors: Vec<Vec<f64>> = (0..n).map(|i| (0..n).map(|j| f64::from(u8::from(i == j))).collect()).collect();
    for _ in 0..SWEEPS {
        let off: f64 = (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))).map(|(i, j)| a[i][j] * a[i][j]).sum();
        let all: f64 = (0..n).map(|i| a[i][i] * a[i][i]).sum();
        if off == 0.0 || off.sqrt() <= 1e-17 * all.sqrt() {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                if a[p][q] == 0.0 {
                    continue;
                }
                let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
                let t = theta.signum() / (theta.abs() + theta.hypot(1.0));
                let t = if theta == 0.0 { 1.0 } else { t };
                let c = 1.0 / t.hypot(1.0);
                let s = t * c;
                let turn = |x: f64, y: f64| (c * x - s * y, s * x + c * y);
                for row in a.iter_mut().chain(&mut vectors) {
                    (row[p], row[q]) = turn(row[p], row[q]);
                }
                let (head, tail) = a.split_at_mut(q);
                for (x, y) in head[p].iter_mut().zip(&mut tail[0]) {
                    (*x, *y) = turn(*x, *y);
                }
            }
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| a[i][i].total_cmp(&a[j][j]));
    let values = order.iter().map(|&i| a[i][i]).collect();
    let sorted = vectors.iter().map(|row| order.iter().map(|&i| row[i]).collect()).collect();
    (values, sorted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eigenvectors_are_stretched_by_eigenvalues() {
        for n in [1_usize, 2, 3, 8, 25] {
            let a: Vec<Vec<f64>> =
                (0..n).map(|i| (0..n).map(|j| (((i * j + i + j) * 37 % 19) as f64) - 9.0).collect()).collect();
            let (values, vectors) = eigen(a.clone());
            assert!(values.is_sorted());
            let size: f64 = a.iter().flatten().map(|x| x * x).sum::<f64>().sqrt();
            for k in 0..n {
                for i in 0..n {
                    let product: f64 = (0..n).map(|j| a[i][j] * vectors[j][k]).sum();
                    assert!((product - values[k] * vectors[i][k]).abs() < 1e-13 * size.max(1.0), "{n}");
                }
            }
            let trace: f64 = (0..n).map(|i| a[i][i]).sum();
            assert!((values.iter().sum::<f64>() - trace).abs() < 1e-12 * size.max(1.0));
        }
    }

    #[test]
    fn the_second_difference_has_its_well_known_eigenvalues() {
        // 2 − 2cos(kπ/(n + 1)), k = 1, …, n.
        let n = 20;
        let entry = |i: usize, j: usize| match i.abs_diff(j) {
            0 => 2.0,
            1 => -1.0,
            _ => 0.0,
        };
        let (values, _) = eigen((0..n).map(|i| (0..n).map(|j| entry(i, j)).collect()).collect());
        for (k, value) in (1..).zip(values) {
            let exact = 2.0 - 2.0 * (f64::from(k) * std::f64::consts::PI / (n as f64 + 1.0)).cos();
            assert!((value - exact).abs() < 1e-13);
        }
    }
}
