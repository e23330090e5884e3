//! Identities between derivatives, which hold without any difference: forward against reverse mode, and the symmetry of the
//! Hessian.

use std::fmt;

use super::panic::Whereabouts;
use super::path::size;
use super::subject::{Subject, weighted, weights};
use crate::kernel::random::{fork, uniform};
use crate::real::Real;
use crate::tape::Var;

/// How far away a kink is looked for, as a power of the machine epsilon: far beyond what rounding does to a tie.
const STEP: f64 = 0.4;

/// An identity between two numbers that are computed in two ways.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Identity {
    /// What is compared, such as `⟨u, Jv⟩ = ⟨Jᵀu, v⟩`.
    pub name: &'static str,
    /// Its left side.
    pub left: f64,
    /// Its right side.
    pub right: f64,
    /// How far both may be apart: the tolerance, relative to the sum of what they are made of without signs, and to a
    /// thousandth of the size of the function, since what cancels leaves rounding behind.
    pub allowed: f64,
    /// Where it does not hold because of a kink at the point: what takes another branch beside it. The Hessian of a function
    /// that has none is not symmetric, however right the rules are.
    pub kink: Option<String>,
}

/// How far two numbers may be apart that are computed in two ways.
#[derive(Clone, Copy)]
pub(super) struct Allowed {
    /// The part of their size.
    pub(super) tolerance: f64,
    /// What is allowed whatever their size.
    pub(super) slack: f64,
}

impl Identity {
    /// An identity between sums of these parts.
    fn new<T: Real>(name: &'static str, [left, right]: [&[Vec<T>]; 2], allowed: Allowed) -> Self {
        let sum = |parts: &[Vec<T>], f: fn(f64) -> f64| -> f64 { parts.iter().flatten().map(|x| f(x.as_f64())).sum() };
        let size = sum(left, f64::abs).max(sum(right, f64::abs));
        Self {
            name,
            left: sum(left, |x| x),
            right: sum(right, |x| x),
            allowed: allowed.tolerance * size + allowed.slack,
            kink: None,
        }
    }

    /// Whether both sides are numbers: where a derivative overflows, or is infinite, there is nothing to compare.
    #[must_use]
    pub fn is_finite(&self) -> bool {
        self.left.is_finite() && self.right.is_finite()
    }

    /// Whether both sides agree.
    #[must_use]
    pub fn holds(&self) -> bool {
        (self.left - self.right).abs() <= self.allowed
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_finite() {
            return write!(f, "{} is not finite: {:e} and {:e}", self.name, self.left, self.right);
        }
        let sign = if self.holds() { "holds" } else { "does not hold" };
        write!(f, "{} {sign}: {:.10e} and {:.10e}, {:.1e} allowed", self.name, self.left, self.right, self.allowed)?;
        self.kink.iter().try_for_each(|kink| write!(f, "; at a kink it need not: {kink}"))
    }
}

/// A direction for every input.
fn directions<'t, T: Real>(inputs: &[Var<'t, T>], seed: u64) -> Vec<Var<'t, T>> {
    (0..).zip(inputs).map(|(k, &x)| weights(x, fork(seed, k))).collect()
}

/// The products of tensors with directions, one for each input.
fn products<'t, T: Real>(tensors: &[Var<'t, T>], directions: &[Var<'t, T>]) -> Vec<Var<'t, T>> {
    tensors.iter().zip(directions).map(|(&x, &v)| x * v).collect()
}

/// The scalar product of tensors with directions, over all inputs.
fn dot<'t, T: Real>(tensors: &[Var<'t, T>], directions: &[Var<'t, T>]) -> Option<Var<'t, T>> {
    products(tensors, directions).into_iter().map(Var::sum).reduce(|a, b| a + b)
}

/// Both sides of ⟨u, Jv⟩ = ⟨Jᵀu, v⟩ for random u and v.
pub(super) fn modes<T: Real>(subject: &mut dyn Subject<T>, seed: u64, point: &[Vec<T>], allowed: Allowed) -> Identity {
    let parts = subject.ask(1, point, &|y, inputs| {
        let (u, v) = (weights(y, fork(seed, 21)), directions(inputs, fork(seed, 22)));
        let forward = inputs.iter().zip(&v).map(|(&x, &v)| y.jvp(x, v)).reduce(|a, b| a + b);
        let reverse = y.vjp(inputs, u);
        forward.map(|dy| dy * u).into_iter().chain(products(&reverse, &v)).collect()
    });
    let (left, right) = parts.split_at(parts.len().min(1));
    Identity::new("⟨u, Jv⟩ = ⟨Jᵀu, v⟩", [left, right], allowed)
}

/// Both sides of ⟨v, Hw⟩ = ⟨Hv, w⟩ for random v and w.
pub(super) fn symmetry<T: Real>(
    subject: &mut dyn Subject<T>,
    seed: u64,
    point: &[Vec<T>],
    allowed: Allowed,
    whereabouts: &mut Whereabouts,
) -> Identity {
    let parts = subject.ask(1, point, &|y, inputs| {
        let (v, w) = (directions(inputs, fork(seed, 23)), directions(inputs, fork(seed, 24)));
        let gradients = weighted(y, fork(seed, 1)).gradients(inputs);
        let along = |slope: Option<_>| slope.map_or_else(Vec::new, |slope: Var<'_, T>| slope.gradients(inputs));
        let [hv, hw] = [&v, &w].map(|direction| along(dot(&gradients, direction)));
        [products(&hw, &v), products(&hv, &w)].concat()
    });
    let (left, right) = parts.split_at(parts.len() / 2);
    let identity = Identity::new("⟨v, Hw⟩ = ⟨Hv, w⟩", [left, right], allowed);
    let kink = if identity.holds() || !identity.is_finite() { None } else { kink(subject, seed, point, whereabouts) };
    whereabouts.step = 0.0;
    Identity { kink, ..identity }
}

/// What takes another branch beside the point, where everything moves a little.
fn kink<T: Real>(
    subject: &mut dyn Subject<T>,
    seed: u64,
    point: &[Vec<T>],
    whereabouts: &mut Whereabouts,
) -> Option<String> {
    let here = subject.branches(2, seed, point);
    "every input".clone_into(&mut whereabouts.what);
    let step = T::epsilon().as_f64().powf(STEP);
    [step, -step].into_iter().find_map(|step| {
        // By another part of each, so that no tie stays one.
        let moved = |(k, values): (u64, &Vec<T>)| {
            let part = |i: usize| 0.5 + uniform(fork(seed, 25 + k), i as u64);
            values.iter().enumerate().map(|(i, &x)| x + T::of(step * size(x) * part(i))).collect()
        };
        let there: Vec<_> = (0..).zip(point).map(moved).collect();
        whereabouts.step = step;
        here.difference(&subject.branches(2, seed, &there))
    })
}
