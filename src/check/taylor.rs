//! Taylor slopes: how fast the remainder of a Taylor polynomial shrinks with the step.

use std::fmt;

use super::Check;
use super::path::{elements, random_direction};
use super::subject::{array, weighted};
use crate::kernel::random::fork;
use crate::real::Real;
use crate::tape::Var;

/// Slopes are taken where the remainder is at least this many times the rounding of the results.
const CLEAR: f64 = 1e3;

/// How many steps there are, each half of the one before.
const STEPS: i32 = 30;

/// What is at most this many times the rounding of the results is rounding.
const ROUNDING: f64 = 16.0;

/// At how many steps a wrong derivative must show, where the remainder is rounding from some step on.
const RESOLVED: usize = 3;

/// How many of the narrowest steps that are clear of rounding decide.
const DECIDE: usize = 4;

/// How far below 2, or 3, a slope may be.
const SLACK: f64 = 0.25;

/// The remainders of a function along a random direction v of all its inputs, at steps that are halved:
///
/// ```text
/// R₁(h) = |f(x + hv) − f(x) − h·∇fᵀv|            shrinks as h²
/// R₂(h) = |f(x + hv) − f(x) − h·∇fᵀv − h²/2·vᵀHv| shrinks as h³
/// ```
///
/// A gradient that is wrong leaves a part of R₁ that shrinks as h alone, so the slope of log R₁ over log h falls from 2 to 1. It
/// costs 32 evaluations at most, whatever the size; what is wrong, and where, it does not say.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Taylor {
    /// The remainders, from the widest step on.
    pub remainders: Vec<Remainder>,
    /// The slope of log R₁ over log h, which should be 2.
    pub first: Slope,
    /// The slope of log R₂ over log h, which should be 3, in a check of order 2.
    pub second: Option<Slope>,
    /// Why there is nothing to check, if there is nothing.
    lack: Option<String>,
}

/// The remainders at a step.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Remainder {
    /// The step.
    pub step: f64,
    /// R₁.
    pub first: f64,
    /// R₂ in a check of order 2, otherwise NaN.
    pub second: f64,
    /// How far the results are rounded.
    pub rounding: f64,
}

/// What a slope is.
#[derive(Clone, Copy, PartialEq, Debug)]
#[non_exhaustive]
pub enum Slope {
    /// The median over the narrowest steps at which the remainder is clear of rounding.
    Of(f64),
    /// The polynomial is the function: no remainder is clear of rounding, or only those of wide steps, which cross a kink. All
    /// narrower ones are rounding then, at steps where that is small beside what the derivative contributes.
    Exact,
    /// Too few remainders are clear of rounding.
    TooCoarse,
    /// A remainder is NaN or infinite.
    NotFinite,
}

impl Slope {
    /// The slope of the remainders, of which the derivative contributes `part` for each step.
    fn new(remainders: &[Remainder], of: fn(&Remainder) -> f64, part: impl Fn(f64) -> f64) -> Self {
        // Wide steps may leave the domain; once within, they stay.
        let outside = remainders.iter().take_while(|remainder| !of(remainder).is_finite()).count();
        let remainders = &remainders[outside..];
        if remainders.is_empty() || remainders.iter().any(|remainder| !of(remainder).is_finite()) {
            return Self::NotFinite;
        }
        let clear = |r: &Remainder| of(r) > CLEAR * r.rounding;
        // Once rounding is met, it stays.
        let (wide, narrow) = remainders.split_at(remainders.iter().take_while(|r| clear(r)).count());
        let clear: Vec<_> = wide.iter().map(of).collect();
        // A wrong derivative leaves a remainder that falls by 2 or 4 from step to step: it is never rounding all at once.
        let rounding = narrow.iter().all(|r| of(r) <= ROUNDING * r.rounding);
        let resolved = narrow.iter().filter(|r| part(r.step).abs() > CLEAR * r.rounding).count();
        if clear.is_empty() || rounding && resolved >= RESOLVED {
            return Self::Exact;
        }
        let mut slopes: Vec<_> = clear.windows(2).map(|pair| (pair[0] / pair[1]).log2()).collect();
        if slopes.len() < 2 {
            return Self::TooCoarse;
        }
        let mut last = slopes.split_off(slopes.len().saturating_sub(DECIDE));
        last.sort_by(f64::total_cmp);
        Self::Of(last[last.len() / 2])
    }

    /// Whether the slope is at least what it should be.
    fn reaches(self, expected: f64) -> bool {
        match self {
            Slope::Of(slope) => slope >= expected - SLACK,
            Slope::Exact => true,
            Slope::TooCoarse | Slope::NotFinite => false,
        }
    }
}

/// The derivative of a scalar along a direction of all inputs.
fn along<'t, T: Real>(scalar: Var<'t, T>, inputs: &[Var<'t, T>], directions: &[Vec<T>]) -> Var<'t, T> {
    let gradients = scalar.gradients(inputs).into_iter().zip(directions);
    let parts = gradients.map(|(g, v)| (g * g.constant(&array(&g.shape(), v.clone()))).sum());
    parts.reduce(|a, b| a + b).unwrap_or(scalar * 0.0)
}

impl<T: Real> Check<'_, T> {
    /// Runs a check by Taylor slopes instead: the remainder of the first Taylor polynomial shrinks as h², and in a check of
    /// [order](Check::order) 2 that of the second one, with the product of the Hessian, as h³.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let taylor = check::gradients(|v| v[0].exp().sum(), &[&array![0.1, 0.2]]).order(2).taylor();
    /// taylor.assert();
    /// println!("{taylor}");
    /// ```
    ///
    /// # Panics
    ///
    /// If the function does: see [`report`](Check::report).
    #[must_use]
    #[track_caller]
    pub fn taylor(mut self) -> Taylor {
        match self.watch(Self::remainders) {
            Ok(taylor) => taylor,
            Err(panicked) => panic!("{panicked}"),
        }
    }

    fn remainders(&mut self) -> Taylor {
        let blocks = self.subject.blocks();
        let point: Vec<Vec<T>> = blocks.iter().map(|block| block.values.clone()).collect();
        let weight = fork(self.seed, 1);
        let direction = |(k, values): (u64, &Vec<T>)| random_direction(values, fork(self.seed, 41 + k));
        let directions: Vec<_> = (0..).zip(&point).map(direction).collect();
        let second = self.order > 1;
        let here = self.subject.derivative(1, self.seed, &point);
        let lack = if !elements(&here.terms).all(|x| x.is_finite()) {
            Some(format!("the function is not finite at the point{}", self.not_finite(1, &blocks, &point)))
        } else if point.iter().all(Vec::is_empty) {
            Some("nothing to check, no input has an element".to_owned())
        } else if !here.depends.iter().flatten().any(|&depends| depends) {
            Some("nothing to check, what is checked depends on none of its inputs".to_owned())
        } else {
            None
        };
        if lack.is_some() {
            let (first, second) = (Slope::NotFinite, second.then_some(Slope::NotFinite));
            return Taylor { remainders: Vec::new(), first, second, lack };
        }
        let derivatives = self.subject.ask(1, &point, &|y, inputs| {
            let slope = along(weighted(y, weight), inputs, &directions);
            if second { vec![slope, along(slope, inputs, &directions)] } else { vec![slope] }
        });
        let at = |k: usize| derivatives.get(k).map_or(f64::NAN, |values| values[0].as_f64());
        let (slope, curvature) = (at(0), at(1));
        let base = self.subject.values(1, self.seed, &point);
        let epsilon = T::epsilon().as_f64();
        let rounding = |terms: &[_]| 0.5 * epsilon * elements(terms).map(|x| x.abs()).sum::<f64>();
        "every input".clone_into(&mut self.whereabouts.what);
        let remainder = |level: i32| {
            let h = (-f64::from(level)).exp2();
            let moved = |(values, direction): (&Vec<T>, &Vec<T>)| {
                values.iter().zip(direction).map(|(&x, &v)| x + T::of(h) * v).collect::<Vec<_>>()
            };
            let there = point.iter().zip(&directions).map(moved).collect::<Vec<_>>();
            self.whereabouts.step = h;
            let terms = self.subject.values(1, self.seed, &there);
            let change: f64 = if elements(&terms).count() == elements(&base).count() {
                elements(&terms).zip(elements(&base)).map(|(there, here)| there - here).sum()
            } else {
                elements(&terms).sum::<f64>() - elements(&base).sum::<f64>()
            };
            let first = change - h * slope;
            // Displacements are rounded, too.
            let rounding = rounding(&base) + rounding(&terms) + epsilon * slope.abs();
            let second = (first - h * h / 2.0 * curvature).abs();
            Remainder { step: h, first: first.abs(), second, rounding }
        };
        let remainders: Vec<_> = (1..=STEPS).map(remainder).take_while(|r| r.step > epsilon.sqrt()).collect();
        let first = Slope::new(&remainders, |remainder| remainder.first, |h| h * slope);
        // Where there is no curvature, one of the size of the slope is what would have shown.
        let bend = if curvature == 0.0 { slope } else { curvature };
        let second = second.then(|| Slope::new(&remainders, |remainder| remainder.second, |h| h * h / 2.0 * bend));
        Taylor { remainders, first, second, lack }
    }
}

impl Taylor {
    /// Whether the slopes are 2 and, where it was asked for, 3 at least.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.first.reaches(2.0) && self.second.is_none_or(|slope| slope.reaches(3.0))
    }

    /// Panics with the table unless it [`passed`](Taylor::passed).
    ///
    /// # Panics
    ///
    /// If a slope is too small, or could not be taken.
    #[track_caller]
    pub fn assert(&self) {
        assert!(self.passed(), "{self}");
    }
}

impl fmt::Display for Taylor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(lack) = &self.lack {
            return writeln!(f, "Taylor check failed: {lack}");
        }
        let outcome = if self.passed() { "passed" } else { "failed" };
        write!(f, "Taylor check {outcome}: the remainder of the gradient has slope {}, expected 2", self.first)?;
        if let Some(second) = self.second {
            write!(f, "; with the Hessian {second}, expected 3")?;
        }
        writeln!(f)?;
        let two = self.second.is_some();
        let last = if two { "with Hessian" } else { "" };
        writeln!(f, "  {:>9}  {:>9}  {:>12}  {last}", "step", "rounding", "remainder")?;
        for Remainder { step, first, second, rounding } in &self.remainders {
            write!(f, "  {step:>9.2e}  {rounding:>9.1e}  {first:>12.4e}")?;
            if two { writeln!(f, "  {second:>12.4e}")? } else { writeln!(f)? }
        }
        Ok(())
    }
}

impl fmt::Display for Slope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Slope::Of(slope) => write!(f, "{slope:.3}"),
            Slope::Exact => f.write_str("none: it is exact"),
            Slope::TooCoarse => f.write_str("none: the remainder is too soon rounded away"),
            Slope::NotFinite => f.write_str("none: it is not finite"),
        }
    }
}
