//! Lines through the point on which an input is displaced, and the scalar on them.

use super::difference::{Change, FAR, Kink, Line};
use super::judge::power_of_two;
use super::panic::Whereabouts;
use super::rounding::Rounding;
use super::subject::{Block, Derivative, Subject};
use super::terms::Values;
use crate::kernel::random::uniform;
use crate::real::Real;

/// A straight line on which an input is displaced.
#[derive(Clone)]
pub(super) struct Path<T> {
    /// Its place among all lines of the input.
    pub(super) number: usize,
    pub(super) name: String,
    /// Which elements move, and by how much with a step of 1.
    parts: Vec<(usize, T)>,
    /// The widest step.
    pub(super) size: f64,
    /// The narrowest step that numbers can be displaced by.
    pub(super) finest: f64,
}

impl<T: Real> Path<T> {
    pub(super) fn single(block: &Block<T>, place: usize) -> Self {
        let x = block.values[place].as_f64().abs();
        let finest = T::epsilon().as_f64() * if x > 0.0 { x } else { 1.0 };
        let name = block.shape.coordinates(place);
        let size = size(block.values[place]);
        Self { number: place, name, parts: vec![(place, T::one())], size, finest }
    }

    /// Every element moves by a part of its size, so that all are in play.
    pub(super) fn random(block: &Block<T>, number: usize, seed: u64) -> Self {
        let parts = random_direction(&block.values, seed).into_iter().enumerate().collect();
        Self { number, name: format!("direction {number}"), parts, size: 1.0, finest: T::epsilon().as_f64() }
    }

    /// The element that moves, if it is a single one by itself.
    pub(super) fn element(&self) -> Option<usize> {
        self.parts.first().filter(|_| self.parts.len() == 1).map(|&(place, _)| place)
    }

    /// Both halves of a direction, as elements where they are single ones.
    pub(super) fn halves(&self, block: &Block<T>) -> [Self; 2] {
        let (left, right) = self.parts.split_at(self.parts.len() / 2);
        [left, right].map(|parts| match *parts {
            [(place, _)] => Self::single(block, place),
            _ => Self { parts: parts.to_vec(), ..self.clone() },
        })
    }

    /// The derivative on the line, from that for each element.
    pub(super) fn slope(&self, gradient: &[T]) -> f64 {
        self.parts.iter().map(|&(i, part)| gradient[i].as_f64() * part.as_f64()).sum()
    }

    /// Moves `values` away from `start`, and tells the step that was really made, after rounding: on average over elements.
    pub(super) fn displace(&self, values: &mut [T], start: &[T], h: T) -> f64 {
        let mut made = 0.0;
        for &(i, part) in &self.parts {
            values[i] = start[i] + h * part;
            made += (values[i].as_f64() - start[i].as_f64()) / part.as_f64();
        }
        made / self.parts.len() as f64
    }
}

/// The scalar on a line.
pub(super) struct Displaced<'c, T: Real> {
    pub(super) subject: &'c mut dyn Subject<T>,
    pub(super) seed: u64,
    pub(super) at: &'c At<'c, T>,
    pub(super) path: &'c Path<T>,
    pub(super) point: &'c mut [Vec<T>],
    pub(super) whereabouts: &'c mut Whereabouts,
    /// Which elements of the terms have been seen to change.
    pub(super) moved: Vec<bool>,
}

impl<T: Real> Displaced<'_, T> {
    fn displace(&mut self, h: f64) -> f64 {
        self.whereabouts.step = h;
        self.path.displace(&mut self.point[self.at.input], &self.at.block.values, T::of(h))
    }
}

impl<T: Real> Line for Displaced<'_, T> {
    fn change(&mut self, h: f64) -> Change {
        let displacement = self.displace(h);
        let terms = self.subject.values(self.at.order, self.seed, self.point);
        self.at.change(displacement, &terms, &mut self.moved)
    }

    fn rounding(&self) -> f64 {
        self.at.rounding(&self.moved)
    }

    fn slope(&mut self, h: f64) -> f64 {
        self.displace(h);
        let there = self.subject.derivative(self.at.order, self.seed, self.point);
        self.path.slope(&there.gradients[self.at.input])
    }

    fn analyse(&mut self) -> Rounding {
        let input = self.at.input;
        let displaced = [FAR, -FAR, 1.0, -1.0].map(|part| {
            self.displace(part * self.path.size);
            self.point[input].clone()
        });
        self.displace(0.0);
        self.whereabouts.step = FAR * self.path.size;
        let mut direction = vec![T::zero(); self.at.block.values.len()];
        self.path.parts.iter().for_each(|&(i, part)| direction[i] = part);
        self.subject.analyse(self.at.order, self.seed, self.point, (input, &direction), &displaced)
    }

    fn kink(&mut self, steps: &[f64]) -> Option<Kink> {
        self.displace(0.0);
        let here = self.subject.branches(self.at.order, self.seed, self.point);
        steps.iter().find_map(|&step| {
            self.displace(step);
            let there = self.subject.branches(self.at.order, self.seed, self.point);
            here.difference(&there).map(|choice| Kink { choice, step: step.abs() })
        })
    }
}

/// What is being differentiated: a scalar at a point, for one of its inputs.
pub(super) struct At<'c, T> {
    pub(super) order: usize,
    pub(super) input: usize,
    pub(super) block: &'c Block<T>,
    pub(super) base: &'c Derivative<T>,
}

impl<T: Real> At<'_, T> {
    pub(super) fn is_affine(&self) -> bool {
        self.base.affine[self.input]
    }

    pub(super) fn reached(&self) -> bool {
        self.base.depends[self.input].iter().any(|&depends| depends)
    }

    /// By how much the scalar changed from the base to `terms`; marks in `seen` which of their elements did.
    fn change(&self, displacement: f64, terms: &[Values], seen: &mut [bool]) -> Change {
        let base = &self.base.terms;
        let half = 0.5 * T::epsilon().as_f64();
        let lengths = |terms: &[Values]| terms.iter().map(|term| term.elements.len()).collect::<Vec<_>>();
        if lengths(terms) != lengths(base) {
            // Another branch was taken there.
            let sum = |terms: &[Values], size: fn(f64) -> f64| -> f64 { elements(terms).map(|&x| size(x)).sum() };
            let noise = half * (sum(terms, f64::abs) + sum(base, f64::abs));
            return Change { displacement, value: sum(terms, |x| x) - sum(base, |x| x), noise, hidden: 0.0 };
        }
        let (mut value, mut noise, mut moved) = (0.0, 0.0, false);
        for ((&there, &here), seen) in elements(terms).zip(elements(base)).zip(seen) {
            if there.total_cmp(&here).is_ne() || !here.is_finite() {
                value += there - here;
                noise += half * there.abs();
                (moved, *seen) = (true, true);
            }
        }
        let hidden = if moved { 0.0 } else { T::epsilon().as_f64() * self.grain() };
        Change { displacement, value, noise, hidden }
    }

    /// How far the elements that were seen to change are rounded at the base.
    fn rounding(&self, seen: &[bool]) -> f64 {
        let sizes = elements(&self.base.terms).zip(seen).map(|(x, &seen)| if seen { x.abs() } else { 0.0 });
        0.5 * T::epsilon().as_f64() * sizes.sum::<f64>()
    }

    /// The terms that depend on the input.
    fn terms(&self) -> impl Iterator<Item = &Values> {
        let terms = self.base.terms.iter().zip(&self.base.depends[self.input]);
        terms.filter(|(_, depends)| **depends).map(|(term, _)| term)
    }

    /// The size of what may hide a change from all terms: the largest element of each, or 1 where it is smaller, since it
    /// may be made of such numbers, as in ln(1 + x).
    fn grain(&self) -> f64 {
        self.terms().map(|term| term.sizes().fold(0.0, f64::max)).sum()
    }

    /// The size of the loss when terms do not cancel: with each element at least as large as its factor.
    pub(super) fn scale(&self) -> f64 {
        self.terms().flat_map(Values::sizes).sum()
    }
}

/// For every element a part of its size, or of 1: between ½ and 1½, so that errors do not cancel among equal ones, and of ten
/// bits, so that a displacement is exact; signs are random.
pub(super) fn random_direction<T: Real>(values: &[T], seed: u64) -> Vec<T> {
    let part = |(i, &x): (u64, &T)| {
        let sign = if uniform(seed, 2 * i) < 0.5 { -1.0 } else { 1.0 };
        let magnitude = 0.5 + (1024.0 * uniform(seed, 2 * i + 1)).floor() / 1024.0;
        T::of(sign * magnitude * power_of_two(size(x)))
    };
    (0..).zip(values).map(part).collect()
}

pub(super) fn elements(terms: &[Values]) -> impl Iterator<Item = &f64> {
    terms.iter().flat_map(|term| &term.elements)
}

/// The size of a number that is displaced, or 1.
pub(super) fn size<T: Real>(x: T) -> f64 {
    x.as_f64().abs().max(1.0)
}
