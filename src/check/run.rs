//! Running a check: every derivative on its line, order by order.

use super::consistency::Allowed;
use super::hint::{self, Hint};
use super::judge::{Claim, judge};
use super::path::{At, Displaced, Path, elements};
use super::report::{Comparison, Comparisons, Report};
use super::structure::Property;
use super::subject::Block;
use super::terms::Values;
use super::{Check, Mode, consistency};
use crate::kernel::random::{fork, uniform};
use crate::real::Real;

/// An error of this part of the tolerance is small in a loss of 1, whatever the derivative: 10⁻⁹ for `f64`, 5 · 10⁻⁶ for `f32`.
const NEGLIGIBLE: f64 = 1e-3;

impl<T: Real> Check<'_, T> {
    pub(super) fn run(&mut self) -> Report {
        let blocks = self.subject.blocks();
        let mut point: Vec<Vec<T>> = blocks.iter().map(|block| block.values.clone()).collect();
        let mut report = self.empty_report(&blocks);
        if !report.lack.is_empty() || point.iter().all(Vec::is_empty) {
            return report;
        }
        let (mut size, mut beside) = (0.0, None);
        for order in 1..=self.order {
            let base = self.subject.derivative(order, self.seed, &point);
            if !elements(&base.terms).all(|x| x.is_finite()) {
                report.not_finite = Some((order, self.not_finite(order, &blocks, &point)));
                return report;
            }
            if order == 1 {
                size = base.terms.iter().flat_map(Values::sizes).sum();
                report.structure = self.properties(&blocks, &base, &point, self.allowed(size));
            }
            let compare = |(input, block)| self.compare(&At { order, input, block, base: &base }, &mut point);
            let found: Vec<_> = blocks.iter().enumerate().map(compare).collect();
            if order < self.order && !found.iter().any(Comparisons::is_wrong) {
                let found = self.beside(order, &blocks);
                if beside.as_ref().is_none_or(|earlier: &Property| earlier.failure.is_none()) {
                    beside = found.or(beside);
                }
            }
            let hints = self.hints(order, &blocks, &found, &point);
            for (input, (comparisons, hint)) in found.into_iter().zip(hints).enumerate() {
                report.add(order, input, comparisons, hint);
            }
        }
        report.structure.extend(beside);
        if self.consistency || self.order > 1 {
            let (allowed, subject) = (self.allowed(size), &mut *self.subject);
            let modes = consistency::modes(subject, self.seed, &point, allowed);
            let symmetry = consistency::symmetry(subject, self.seed, &point, allowed, &mut self.whereabouts);
            report.identities = vec![modes, symmetry];
        }
        report
    }

    /// What is not finite first, where the scalar of this order is not, on lines of their own with what to do.
    pub(super) fn not_finite(&mut self, order: usize, blocks: &[Block<T>], point: &[Vec<T>]) -> String {
        let held = blocks.iter().find_map(|block| {
            let place = block.values.iter().position(|x| !x.is_finite())?;
            let (name, value, at) = (&block.name, block.values[place], block.shape.coordinates(place));
            Some(format!(
                "\n  `{name}` holds {value} at {at}\n  help: give a number in its place: there is no derivative there"
            ))
        });
        held.unwrap_or_else(|| {
            let first = self.subject.not_finite(order, self.seed, point);
            let first =
                first.map_or_else(String::new, |text| format!("\n  {}", text.trim_start_matches("check_finite: ")));
            format!("{first}\n  help: check where it is finite, and a little around")
        })
    }

    /// How far two ways to compute one number may be apart, where the function has this size.
    fn allowed(&self, size: f64) -> Allowed {
        Allowed { tolerance: self.tolerance, slack: NEGLIGIBLE * self.tolerance * size }
    }

    fn empty_report(&self, blocks: &[Block<T>]) -> Report {
        let mut report = Report::new(self.tolerance, blocks);
        report.allow_kinks = self.allow_kinks;
        if matches!(self.mode, Mode::Directions(_)) {
            report.unit = "directions";
        }
        report.lack = match self.mode {
            _ if blocks.is_empty() => self.subject.lack(),
            Mode::Directions(0) => "0 directions were asked for".to_owned(),
            Mode::Sample(0) => "a sample of 0 elements was asked for".to_owned(),
            _ => String::new(),
        };
        report
    }

    /// Judges every derivative of one input, by elements or by directions.
    fn compare(&mut self, at: &At<'_, T>, point: &mut [Vec<T>]) -> Comparisons {
        let analytic = &at.base.gradients[at.input];
        let mut claims: Vec<_> = self.paths(at).into_iter().map(|path| (path.slope(analytic), path)).collect();
        // Large derivatives first: what is small beside them is known when it comes to the small ones.
        claims.sort_by(|(a, _), (b, _)| b.abs().total_cmp(&a.abs()));
        let (mut largest, mut wrong) = (0.0_f64, None);
        let mut all = Vec::with_capacity(claims.len());
        for (_, path) in claims {
            let comparison = self.judge(at, &path, largest, point);
            if comparison.finding.verdict.is_none() {
                largest = largest.max(comparison.analytic.abs().min(comparison.finding.value.abs()));
            }
            if comparison.is_wrong() && path.element().is_none() {
                wrong.get_or_insert_with(|| path.clone());
            }
            all.push((path.number, comparison));
        }
        all.sort_by_key(|(number, _)| *number);
        let all = all.into_iter().map(|(_, comparison)| comparison).collect();
        let located = wrong.map_or_else(Vec::new, |path| self.bisect(at, &path, largest, point));
        Comparisons { reached: at.reached(), all, located }
    }

    /// The lines on which an input is displaced.
    fn paths(&self, at: &At<'_, T>) -> Vec<Path<T>> {
        let (block, n) = (at.block, at.block.values.len());
        match self.mode {
            Mode::Elements => (0..n).map(|place| Path::single(block, place)).collect(),
            Mode::Sample(count) => {
                let seed = fork(self.seed, 10_000 + at.input as u64);
                let mut places: Vec<_> = (0..n).collect();
                places.sort_by(|&a, &b| uniform(seed, a as u64).total_cmp(&uniform(seed, b as u64)));
                places.truncate(count);
                places.into_iter().map(|place| Path::single(block, place)).collect()
            }
            Mode::Directions(_) if n == 0 => Vec::new(),
            Mode::Directions(count) => {
                let seed = |number: usize| fork(self.seed, (at.input * count + number) as u64);
                (0..count).map(|number| Path::random(block, number, seed(number))).collect()
            }
        }
    }

    /// Judges one derivative; `largest` is the largest one of the same input that is confirmed.
    pub(super) fn judge(&mut self, at: &At<'_, T>, path: &Path<T>, largest: f64, point: &mut [Vec<T>]) -> Comparison {
        let derivative = path.slope(&at.base.gradients[at.input]);
        let claim = Claim {
            derivative,
            tolerance: self.tolerance,
            largest,
            negligible: NEGLIGIBLE * self.tolerance * at.scale().min(1.0),
            affine: at.is_affine(),
            size: path.size,
            finest: path.finest,
            epsilon: T::epsilon().as_f64(),
            within: None,
        };
        let moved = vec![false; elements(&at.base.terms).count()];
        self.whereabouts.what = format!("{} {}", at.block.name, path.name);
        let (subject, whereabouts) = (&mut *self.subject, &mut self.whereabouts);
        let finding = judge(claim, Displaced { subject, seed: self.seed, at, path, point, whereabouts, moved });
        self.whereabouts.step = 0.0;
        path.displace(&mut point[at.input], &at.block.values, T::zero());
        let place = path.element();
        let x = place.map_or(f64::NAN, |place| at.block.values[place].as_f64());
        Comparison { index: path.name.clone(), place, x, analytic: derivative, finding }
    }

    /// What the wrong derivatives of each input look like.
    fn hints(
        &mut self,
        order: usize,
        blocks: &[Block<T>],
        found: &[Comparisons],
        point: &[Vec<T>],
    ) -> Vec<Option<Hint>> {
        if !found.iter().any(Comparisons::is_wrong) {
            return vec![None; found.len()];
        }
        let around = self.subject.surroundings(order, self.seed, point);
        let compared = found.iter().zip(blocks).map(|(comparisons, block)| comparisons.compared(block));
        let (all, located): (Vec<_>, Vec<_>) = compared.map(|[all, located]| (all, located)).unzip();
        let hint = |input| {
            let of = |compared: &[hint::Compared]| Hint::find(input, compared, &around, self.tolerance);
            of(&all).or_else(|| of(&located))
        };
        (0..found.len()).map(hint).collect()
    }
}
