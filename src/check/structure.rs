//! What must hold of any derivative, whatever its value: determinism, linearity in the cotangent, independence of what was
//! recorded before.

use std::fmt;

use super::Check;
use super::consistency::Allowed;
use super::path::elements;
use super::subject::{Block, Derivative, weighted, weights};
use crate::kernel::random::fork;
use crate::real::Real;

/// A rule is tried at these multiples of a cotangent: the other sign, where `abs` shows, and a large one, where a clamp does.
const MULTIPLES: [f64; 3] = [2.0, -1.0, 1024.0];

/// Something that must hold of any derivative.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Property {
    /// What it is, such as `deterministic`.
    pub name: &'static str,
    /// What was found where it does not hold, with help.
    pub failure: Option<String>,
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.failure {
            Some(failure) => write!(f, "not {}: {failure}", self.name),
            None => f.write_str(self.name),
        }
    }
}

impl<T: Real> Check<'_, T> {
    /// All properties that can be seen with a few recordings more; `base` is the first one on a tape of its own.
    pub(super) fn properties(
        &mut self,
        blocks: &[Block<T>],
        base: &Derivative<T>,
        point: &[Vec<T>],
        allowed: Allowed,
    ) -> Vec<Property> {
        let anew = self.subject.forget();
        let again = self.subject.derivative(1, self.seed, point);
        let help = "give every random number a seed (dropout takes that of `training`), and let ops keep no state";
        let failure = difference(blocks, base, &again).map(|text| format!("two runs give {text}\n    help: {help}"));
        let mut found = vec![Property { name: "deterministic", failure }];
        if found[0].failure.is_some() {
            return found;
        }
        if anew {
            // The second time it is planned, the third time the plan runs.
            let again = [(); 2].map(|()| self.subject.derivative(1, self.seed, point));
            let differs = again.iter().find_map(|again| difference(blocks, base, again));
            let help = "an op must depend on its operands and on what it owns alone";
            let failure = differs.map(|text| format!("the first and a later run give {text}\n    help: {help}"));
            found.push(Property { name: "the same when recorded again", failure });
        }
        let linear = Property { name: "linear in the cotangent", failure: self.nonlinearity(blocks, base, point) };
        found.push(linear);
        if anew && !self.training {
            found
                .push(Property { name: "the same when used twice", failure: self.reuse(blocks, base, point, allowed) });
        }
        found
    }

    /// Where the derivative for a cotangent of 0 is not 0, or that for a multiple of a cotangent not the same multiple.
    fn nonlinearity(&mut self, blocks: &[Block<T>], base: &Derivative<T>, point: &[Vec<T>]) -> Option<String> {
        let seed = fork(self.seed, 31);
        let parts = self.subject.ask(1, point, &|y, inputs| {
            let c = weights(y, seed);
            let times = |factor: f64| y.vjp(inputs, c * factor);
            [times(0.0), times(1.0)].into_iter().chain(MULTIPLES.map(times)).flatten().collect()
        });
        let n = blocks.len();
        for (k, block) in blocks.iter().enumerate() {
            let (zero, once) = (&parts[k], &parts[n + k]);
            let size = once.iter().map(|x| x.as_f64().abs()).filter(|x| x.is_finite()).fold(0.0, f64::max);
            for i in 0..zero.len() {
                let at = || format!("{} {}", block.name, block.shape.coordinates(i));
                let [zero, once] = [zero, once].map(|part| part[i].as_f64());
                if !base.gradients[k][i].is_finite() || !once.is_finite() {
                    continue;
                }
                if zero != 0.0 {
                    return Some(format!("the derivative for {} is {zero:e} at a cotangent of 0", at()));
                }
                for (factor, part) in MULTIPLES.iter().zip(2..) {
                    let multiple = parts[part * n + k][i].as_f64();
                    let apart = (multiple - factor * once).abs();
                    if apart > self.tolerance * factor.abs() * size && multiple.is_finite() {
                        return Some(format!(
                            "the derivative for {} is {once:e} at a cotangent, and {multiple:e} at {factor} times that",
                            at()
                        ));
                    }
                }
            }
        }
        None
    }

    /// Where the gradient of f + f, recorded twice, is not twice that of f.
    fn reuse(
        &mut self,
        blocks: &[Block<T>],
        base: &Derivative<T>,
        point: &[Vec<T>],
        allowed: Allowed,
    ) -> Option<String> {
        let seed = fork(self.seed, 1);
        let both = self.subject.ask(2, point, &|y, inputs| weighted(y, seed).gradients(inputs));
        for (block, (both, once)) in blocks.iter().zip(both.iter().zip(&base.gradients)) {
            let size = once.iter().map(|x| x.as_f64().abs()).filter(|x| x.is_finite()).fold(0.0, f64::max);
            for (i, (both, once)) in both.iter().zip(once).enumerate() {
                let (both, once) = (both.as_f64(), once.as_f64());
                let apart = (both - 2.0 * once).abs();
                if once.is_finite() && both.is_finite() && apart > allowed.tolerance * size + allowed.slack {
                    let at = block.shape.coordinates(i);
                    return Some(format!(
                        "the derivative for {} {at} is {once:e}, and {both:e} when the function is recorded twice and added\n    \
                         help: let ops keep no state between calls",
                        block.name
                    ));
                }
            }
        }
        None
    }
}

/// The first number that is another one, in value or gradient, to the bit.
fn difference<T: Real>(blocks: &[Block<T>], a: &Derivative<T>, b: &Derivative<T>) -> Option<String> {
    let same = |a: f64, b: f64| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
    let values: [f64; 2] = [a, b].map(|side| elements(&side.terms).sum());
    let terms = [a, b].map(|side| elements(&side.terms).copied().collect::<Vec<_>>());
    let equal = terms[0].len() == terms[1].len() && terms[0].iter().zip(&terms[1]).all(|(&a, &b)| same(a, b));
    if !equal {
        return Some(format!("the values {:e} and {:e}", values[0], values[1]));
    }
    blocks.iter().zip(a.gradients.iter().zip(&b.gradients)).find_map(|(block, (a, b))| {
        let i = a.iter().zip(b).position(|(a, b)| !same(a.as_f64(), b.as_f64()))?;
        let (name, at) = (&block.name, block.shape.coordinates(i));
        Some(format!("the derivatives {:e} and {:e} for {name} {at}", a[i].as_f64(), b[i].as_f64()))
    })
}
