//! Differences in windows of three steps, extrapolated to step 0.

use std::collections::BTreeMap;

use super::rounding::Rounding;

/// This many times the size is so far away that what depends on the displacement at all has changed.
pub(super) const FAR: f64 = 1024.0;

/// A function that stands still and then moves by this many times its rounding, at twice the step, jumps: a smooth one that
/// starts with an order below 8 does not.
const JUMP: f64 = 256.0;

/// At how many steps a function stands still, at least, so that a window and two narrower ones do.
const STILL: i32 = 5;

/// A function of a displacement.
pub(super) trait Line {
    /// By how much the function changes.
    fn change(&mut self, h: f64) -> Change;

    /// How far the value at the point itself is rounded, as far as it is made of what has been seen to change.
    fn rounding(&self) -> f64;

    /// The derivative there, as the tape has it.
    fn slope(&mut self, h: f64) -> f64;

    /// How far rounding within moves the function and its derivative, by what the tape knows.
    fn analyse(&mut self) -> Rounding;

    /// The first of these steps at which the function takes another branch than at the point, by what the tape knows.
    fn kink(&mut self, steps: &[f64]) -> Option<Kink>;
}

/// A branch that is another one nearby.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Kink {
    /// What chooses.
    pub(super) choice: String,
    /// How far away it chooses otherwise.
    pub(super) step: f64,
}

/// How a function changed from its value at the point.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    /// The displacement that was really made, after rounding.
    pub(super) displacement: f64,
    pub(super) value: f64,
    /// How far the value there is rounded.
    pub(super) noise: f64,
    /// Where nothing changed: what rounding may hide, otherwise 0.
    pub(super) hidden: f64,
}

/// What differences with the steps h, h/2 and h/4 to both sides say about a derivative.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// The widest step.
    pub(super) step: f64,
    /// The derivative.
    pub(super) value: f64,
    /// How far it may be off where the function is smooth.
    pub(super) spread: f64,
    /// The part of that which is known beforehand: the rounding of results.
    pub(super) noise: f64,
    /// How far the slopes to the left and to the right stay away from their mean at step 0; 0 where the function is smooth.
    /// A kink beside the point moves the value by as much at most.
    pub(super) gap: f64,
    /// The derivative that may be hidden where the function changed at none of the steps, otherwise 0.
    pub(super) hidden: f64,
}

impl Window {
    /// How far the value may be off.
    pub(super) fn error(&self) -> f64 {
        self.spread + self.gap + self.hidden
    }

    pub(super) fn is_finite(&self) -> bool {
        self.value.is_finite() && self.error().is_finite()
    }
}

/// The steps size, size/2, size/4, and so on, to both sides. At each the function is evaluated once.
pub(super) struct Ladder<L> {
    line: L,
    size: f64,
    changes: BTreeMap<i32, [Change; 2]>,
}

impl<L: Line> Ladder<L> {
    pub(super) fn new(size: f64, line: L) -> Self {
        Self { line, size, changes: BTreeMap::new() }
    }

    fn step(&self, level: i32) -> f64 {
        self.size * (-f64::from(level)).exp2()
    }

    /// The narrowest step of a window.
    pub(super) fn narrowest(&self, level: i32) -> f64 {
        self.step(level + 2)
    }

    /// Moves far away, to see which results depend on the displacement at all.
    pub(super) fn look_far(&mut self) {
        for far in [FAR, -FAR] {
            self.line.change(far * self.size);
        }
    }

    fn changes(&mut self, level: i32) -> [Change; 2] {
        let (step, line) = (self.step(level), &mut self.line);
        *self.changes.entry(level).or_insert_with(|| [line.change(step), line.change(-step)])
    }

    /// The window whose widest step is that of `level`.
    pub(super) fn window(&mut self, level: i32) -> Window {
        let pairs = [0, 1, 2].map(|narrower| self.changes(level + narrower));
        let step = self.step(level);
        let slope = |side: Change| side.value / side.displacement;
        let central = pairs.map(|[right, left]| (right.value - left.value) / (right.displacement - left.displacement));
        let half = pairs.map(|[right, left]| (slope(right) - slope(left)) / 2.0);
        // Central differences err by h², h⁴, …; half of the distance between the slopes to both sides is h, h³, … .
        let value = |k: usize| (4.0 * central[k + 1] - central[k]) / 3.0;
        let gap = |k: usize| (2.0 * half[k + 1] - half[k]).abs();
        let sides = pairs.as_flattened();
        let rounding = self.line.rounding() + sides.iter().map(|side| side.noise).fold(0.0, f64::max);
        // An error r of the change at each of the four steps that `value(0)` is made of.
        let noise = (4.0 * 2.0 + 1.0) / 3.0 * rounding / step;
        // The error of order h⁴ is 16/15 of what the two values differ by. It is up to four times as much where the values
        // are rounded so coarsely that only the widest step shows.
        let spread = 4.0 * (value(0) - value(1)).abs() + noise;
        let hidden = sides.iter().map(|side| side.hidden).fold(f64::INFINITY, f64::min) / step;
        Window { step, value: value(0), spread, noise, gap: gap(0).max(gap(1)), hidden }
    }

    /// How far rounding within moves the function and its derivative.
    pub(super) fn analyse(&mut self) -> Rounding {
        self.line.analyse()
    }

    /// Whether the function stands still at many narrow steps in a row and jumps at the next wider one.
    pub(super) fn is_staircase(&mut self, rounding: Rounding, finest: f64, epsilon: f64) -> bool {
        let moves = |pair: &[Change; 2]| pair.iter().any(|side| side.hidden == 0.0);
        let Some(mut level) = self.changes.iter().rev().find(|(_, pair)| moves(pair)).map(|(&level, _)| level) else {
            return false;
        };
        while moves(&self.changes(level + 1)) && self.step(level + STILL) >= finest {
            level += 1;
        }
        let [right, left] = self.changes(level);
        // The user's own op may lose half of the digits.
        let lost = self.changes(level + 1)[0].hidden / epsilon.sqrt();
        right.value.abs().max(left.value.abs()) > lost.max(JUMP * rounding.result)
            && self.step(level + STILL) >= finest
            && (1..=STILL).all(|narrower| !moves(&self.changes(level + narrower)))
    }

    /// What takes another branch within a window, as near to the point as its steps are.
    pub(super) fn kink(&mut self, window: &Window) -> Option<Kink> {
        self.line.kink(&[0.25, -0.25, 0.5, -0.5, 1.0, -1.0].map(|part| part * window.step))
    }

    /// What the tape says the derivative is a step to either side.
    pub(super) fn beside(&mut self, step: f64) -> [f64; 2] {
        [step, -step].map(|step| self.line.slope(step))
    }

    /// What the tape says the derivative is at the steps of a window.
    pub(super) fn slopes(&mut self, window: &Window) -> [f64; 6] {
        [1.0, 0.5, 0.25, -1.0, -0.5, -0.25].map(|part| self.line.slope(part * window.step))
    }
}
