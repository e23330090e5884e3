//! Cutting lines off at the edges of the picture.

use std::ops::RangeInclusive;

/// A place in the picture, each number 0 at the lower and 1 at the upper end of its axis.
pub(super) type Place = (f64, f64);

const INSIDE: RangeInclusive<f64> = 0.0..=1.0;

pub(super) fn is_inside(&(x, y): &Place) -> bool {
    INSIDE.contains(&x) && INSIDE.contains(&y)
}

/// The stretches of a line that lie in the picture, each with at least two places.
pub(super) fn line(places: &[Place]) -> Vec<Vec<Place>> {
    let mut stretches: Vec<Vec<Place>> = Vec::new();
    let mut is_open = false;
    for pair in places.windows(2) {
        let Some((start, end)) = segment(pair[0], pair[1]) else {
            is_open = false;
            continue;
        };
        match stretches.last_mut() {
            Some(stretch) if is_open => stretch.push(end),
            _ => stretches.push(vec![start, end]),
        }
        is_open = end == pair[1];
    }
    stretches
}

/// The part of a segment that lies in the picture, by the algorithm of Liang and Barsky (1984).
fn segment(from: Place, to: Place) -> Option<(Place, Place)> {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    if !(dx.is_finite() && dy.is_finite()) {
        return None;
    }
    let (mut enter, mut leave) = (0.0_f64, 1.0_f64);
    for (step, room) in [(-dx, from.0), (dx, 1.0 - from.0), (-dy, from.1), (dy, 1.0 - from.1)] {
        if step == 0.0 {
            if room < 0.0 {
                return None;
            }
        } else if step < 0.0 {
            enter = enter.max(room / step);
        } else {
            leave = leave.min(room / step);
        }
    }
    if enter > leave {
        return None;
    }
    let at = |share: f64| (from.0 + share * dx, from.1 + share * dy);
    let start = if enter > 0.0 { at(enter) } else { from };
    let end = if leave < 1.0 { at(leave) } else { to };
    // Where a segment is much longer than the picture, rounding may leave it by a little.
    let inside = |(x, y): Place| (x.clamp(0.0, 1.0), y.clamp(0.0, 1.0));
    Some((inside(start), inside(end)))
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn what_lies_inside_is_kept() {
        let inside = [(0.0, 0.0), (0.5, 1.0), (1.0, 0.2)];
        assert_eq!(line(&inside), [inside.to_vec()]);
        assert!(line(&[(0.5, 0.5)]).is_empty() && line(&[]).is_empty());
    }

    #[test]
    fn lines_are_cut_at_the_edges() {
        // Out at the right, back in from above.
        let places = [(0.5, 0.5), (1.5, 0.5), (0.5, 1.5), (0.5, 0.75)];
        assert_eq!(
            line(&places),
            [vec![(0.5, 0.5), (1.0, 0.5)], vec![(1.0, 1.0), (1.0, 1.0)], vec![(0.5, 1.0), (0.5, 0.75)]]
        );
        // Across, without a place inside.
        assert_eq!(line(&[(-1.0, 0.25), (2.0, 0.25)]), [[(0.0, 0.25), (1.0, 0.25)]]);
        assert!(line(&[(-1.0, 0.25), (-0.5, 2.0)]).is_empty());
        assert!(line(&[(0.5, 2.0), (0.7, 2.0)]).is_empty());
        assert!(line(&[(f64::NAN, 0.5), (0.7, 0.5)]).is_empty());
    }
}
