//! Leaving out points that are not seen.

/// How far a line may move, in tenths of a pixel.
const TOLERANCE: f64 = 1.0;

/// So many points in a row may be left out, which bounds what is compared.
const MOST: usize = 32;

/// A line without the points that lie on it anyway: one is kept as soon as the straight line past it would miss one of those
/// that were left out.
pub(super) fn line(points: &[(i32, i32)]) -> Vec<(i32, i32)> {
    let Some(&first) = points.first() else { return Vec::new() };
    let (mut kept, mut start) = (vec![first], 0);
    for end in 2..points.len() {
        let between = &points[start + 1..end];
        if between.len() > MOST || between.iter().any(|&point| off(point, points[start], points[end]) > TOLERANCE) {
            start = end - 1;
            kept.push(points[start]);
        }
    }
    if points.len() > 1 {
        kept.push(points[points.len() - 1]);
    }
    kept
}

/// The distance of a point from the straight line between two others.
fn off(point: (i32, i32), from: (i32, i32), to: (i32, i32)) -> f64 {
    let vector = |to: (i32, i32)| (f64::from(to.0 - from.0), f64::from(to.1 - from.1));
    let ((x, y), (dx, dy)) = (vector(point), vector(to));
    let length = dx.hypot(dy);
    if length == 0.0 { x.hypot(y) } else { (x * dy - y * dx).abs() / length }
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn what_lies_on_the_line_is_left_out() {
        assert_eq!(line(&[(0, 0), (10, 10), (20, 21), (30, 30)]), [(0, 0), (30, 30)]);
        assert_eq!(line(&[(0, 0), (10, 0), (20, 0), (20, 10), (20, 20)]), [(0, 0), (20, 0), (20, 20)]);
        assert_eq!(line(&[(3, 4)]), [(3, 4)]);
        assert_eq!(line(&[(3, 4), (3, 4)]), [(3, 4), (3, 4)]);
        assert!(line(&[]).is_empty());
    }

    /// A circle of a thousand points keeps its shape.
    #[test]
    fn no_point_is_missed_by_more_than_the_tolerance() {
        #[allow(clippy::cast_possible_truncation, reason = "a radius of a thousand")]
        let at = |k: i32| [f64::cos, f64::sin].map(|f| (1000.0 * f(f64::from(k) * 0.00628)).round() as i32);
        let circle: Vec<(i32, i32)> = (0..1000).map(at).map(|[x, y]| (x, y)).collect();
        let thin = line(&circle);
        assert!(thin.len() < 200, "{}", thin.len());
        for &point in &circle {
            let nearest = thin.windows(2).map(|pair| super::off(point, pair[0], pair[1])).fold(f64::INFINITY, f64::min);
            assert!(nearest <= super::TOLERANCE);
        }
    }
}
