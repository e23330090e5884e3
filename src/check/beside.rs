//! Whether derivatives are right a little beside the point, too.

use super::Check;
use super::judge::{FIRST, Finding, power_of_two};
use super::path::{At, Path, elements, random_direction};
use super::structure::Property;
use super::subject::Block;
use crate::kernel::random::fork;
use crate::real::Real;

impl<T: Real> Check<'_, T> {
    /// Whether the derivative of this order is right when all inputs are moved a little; nothing where that can't be told.
    ///
    /// A rule that keeps a number which it computed at the point is right at the point, and the next derivative agrees with the
    /// differences of this one: it is that of a constant, on the tape and at every step.
    pub(super) fn beside(&mut self, order: usize, blocks: &[Block<T>]) -> Option<Property> {
        // The function need not be defined there.
        self.watch(|check| check.moved(order, blocks)).unwrap_or_else(|_| {
            self.subject.forget();
            None
        })
    }

    fn moved(&mut self, order: usize, blocks: &[Block<T>]) -> Option<Property> {
        let name = "right beside the point";
        // As far as the steps of the first window, for an element of size 1.
        let step = power_of_two(T::epsilon().as_f64().powf(FIRST));
        let seed = |input: usize| fork(self.seed, 51 + input as u64);
        let moved = blocks.iter().enumerate().map(|(input, Block { name, shape, values })| {
            let direction = random_direction(values, seed(input));
            let values = values.iter().zip(direction).map(|(&x, v)| x + T::of(step) * v).collect();
            Block { name: name.clone(), shape: *shape, values }
        });
        let moved: Vec<_> = moved.collect();
        let paths = moved.iter().enumerate().map(|(input, block)| Path::random(block, 0, seed(input)));
        let paths: Vec<_> = paths.collect();
        let mut point: Vec<_> = moved.iter().map(|block| block.values.clone()).collect();
        let base = self.subject.derivative(order, self.seed, &point);
        if !elements(&base.terms).all(|x| x.is_finite()) {
            return None;
        }
        let mut told = false;
        for (input, (block, path)) in moved.iter().zip(&paths).enumerate() {
            if block.values.is_empty() {
                continue;
            }
            let found = self.judge(&At { order, input, block, base: &base }, path, 0.0, &mut point);
            if found.is_wrong() {
                let Finding { value, error, .. } = found.finding;
                let failure = format!(
                    "where every input is moved by {step:.1e} of its size, derivative {order} for {} along a random direction is \
                     {:e}, differences say {value:e} ± {error:.1e}\n    help: a rule must keep nothing from an earlier point: \
                     make the derivative of the operands that `vjp` is given",
                    block.name, found.analytic
                );
                return Some(Property { name, failure: Some(failure) });
            }
            told |= found.finding.verdict.is_none();
        }
        told.then_some(Property { name, failure: None })
    }
}
