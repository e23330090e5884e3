//! Differences in windows of three steps, extrapolated to step 0.

use std::collections::BTreeMap;

/// This many times the size is so far away that nearly all that depends on a displacement has changed.
const FAR: f64 = 1024.0;

/// How a function changed from its value at the point.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    /// The displacement that was really made, after rounding.
    pub(super) displacement: f64,
    pub(super) value: f64,
    /// How far rounding of the results there moves `value` at least.
    pub(super) noise: f64,
    /// Where nothing changed at all: what rounding may hide, otherwise 0.
    pub(super) hidden: f64,
}

/// What differences with the steps h, h/2 and h/4 to both sides say about a derivative.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// The widest step.
    pub(super) step: f64,
    /// The derivative: central differences with the error of order h² removed.
    pub(super) value: f64,
    /// How far it may be off where the function is smooth.
    pub(super) spread: f64,
    /// The part of that which rounding of the results explains.
    pub(super) noise: f64,
    /// How far the slopes to the left and to the right stay away from their mean at step 0; 0 where the function is smooth.
    pub(super) gap: f64,
    /// The derivative that may be hidden where the function changed at none of the steps, otherwise 0.
    pub(super) hidden: f64,
}

impl Window {
    /// How far the value may be off. A kink beside the point moves the value by as much as the gap at most.
    pub(super) fn error(&self) -> f64 {
        self.spread + self.gap + self.hidden
    }

    pub(super) fn is_finite(&self) -> bool {
        self.value.is_finite() && self.error().is_finite()
    }
}

/// A function of a displacement along a line.
pub(super) trait Line {
    /// How it changes.
    fn change(&mut self, h: f64) -> Change;

    /// How far rounding of the results at the point moves every change, as far as results have been seen to change at all.
    fn rounding(&self) -> f64;

    /// Its derivative there, as the tape has it.
    fn slope(&mut self, h: f64) -> f64;
}

/// The steps size, size/2, size/4, and so on to both sides; at each the function is evaluated once.
pub(super) struct Ladder<L> {
    line: L,
    size: f64,
    changes: BTreeMap<i32, [Change; 2]>,
}

impl<L: Line> Ladder<L> {
    pub(super) fn new(size: f64, line: L) -> Self {
        Self { line, size, changes: BTreeMap::new() }
    }

    pub(super) fn step(&self, level: i32) -> f64 {
        self.size * (-f64::from(level)).exp2()
    }

    fn changes(&mut self, level: i32) -> [Change; 2] {
        let step = self.step(level);
        let line = &mut self.line;
        *self.changes.entry(level).or_insert_with(|| [step, -step].map(|h| line.change(h)))
    }

    /// Moves far away, so that results which depend on the displacement are told from others.
    pub(super) fn look_far(&mut self) {
        for far in [FAR, -FAR] {
            self.line.change(far * self.size);
        }
    }

    /// What the tape says the derivative is at the steps of a window.
    pub(super) fn slopes(&mut self, window: &Window) -> [f64; 6] {
        [1.0, 0.5, 0.25, -1.0, -0.5, -0.25].map(|part| self.line.slope(part * window.step))
    }

    /// The window whose widest step is that of `level`.
    pub(super) fn window(&mut self, level: i32) -> Window {
        let pairs = [0, 1, 2].map(|finer| self.changes(level + finer));
        let width = |[right, left]: [Change; 2]| right.displacement - left.displacement;
        let slope = |side: Change| side.value / side.displacement;
        let central = pairs.map(|pair| (pair[0].value - pair[1].value) / width(pair));
        let noise = self.line.rounding() + pairs.as_flattened().iter().map(|side| side.noise).fold(0.0, f64::max);
        let hidden = pairs.as_flattened().iter().map(|side| side.hidden).fold(f64::INFINITY, f64::min);
        let half = pairs.map(|[right, left]| (slope(right) - slope(left)) / 2.0);
        // Central differences err by h², h⁴, …, half the distance of the slopes to both sides is h, h³, … .
        let smooth = |k: usize| (4.0 * central[k + 1] - central[k]) / 3.0;
        let gap = |k: usize| (2.0 * half[k + 1] - half[k]).abs();
        let noise = (4.0 * noise / width(pairs[1]) + noise / width(pairs[0])) * 2.0 / 3.0;
        // The error of order h⁴ is 16/15 of what the next value differs; where only the widest step moves a rounded number, at most four times.
        let spread = 4.0 * (smooth(0) - smooth(1)).abs() + noise;
        let step = self.step(level);
        Window { step, value: smooth(0), spread, noise, gap: gap(0).max(gap(1)), hidden: hidden / step }
    }
}
