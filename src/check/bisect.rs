//! From a direction whose derivative is wrong to the elements that are.

use super::Check;
use super::path::{At, Path};
use super::report::Comparison;
use crate::real::Real;

/// At most so many elements are looked for: more than a few say nothing new.
const ENOUGH: usize = 10;

impl<T: Real> Check<'_, T> {
    /// The elements of a direction that are wrong, or its smallest part that is wrong as a whole.
    ///
    /// The derivative along a direction is the sum of those along its halves, so one of these is wrong, too, unless what is
    /// wrong in it is below the tolerance there.
    pub(super) fn bisect(
        &mut self,
        at: &At<'_, T>,
        direction: &Path<T>,
        largest: f64,
        point: &mut [Vec<T>],
    ) -> Vec<Comparison> {
        let mut found = Vec::new();
        let mut open = vec![(direction.clone(), None)];
        while let Some((path, comparison)) = open.pop() {
            if path.element().is_some() {
                found.extend(comparison);
                continue;
            }
            let halves = path.halves(at.block).map(|half| {
                let comparison = self.judge(at, &half, largest, point);
                (half, comparison)
            });
            let mut wrong: Vec<_> = halves.into_iter().filter(|(_, comparison)| comparison.is_wrong()).collect();
            if wrong.is_empty() {
                found.extend(comparison);
            }
            // The first elements come first.
            wrong.reverse();
            open.extend(wrong.into_iter().map(|(half, comparison)| (half, Some(comparison))));
            if found.len() >= ENOUGH {
                break;
            }
        }
        found.truncate(ENOUGH);
        found
    }
}
