//! Whether derivatives are right a little beside the point, too.

use super::Check;
use super::judge::{FIRST, power_of_two};
use super::path::{At, Path, elements, random_direction};
use super::subject::Block;
use crate::kernel::random::fork;
use crate::real::Real;

impl<T: Real> Check<'_, T> {
    /// Where the derivative of this order is wrong when all inputs are moved a little.
    ///
    /// A rule that keeps a number which it computed at the point is right at the point, and the next derivative agrees with the
    /// differences of this one: it is that of a constant, on the tape and at every step.
    pub(super) fn beside(&mut self, order: usize, blocks: &[Block<T>]) -> Option<String> {
        // The function need not be defined there.
        self.watch(|check| check.wrong_beside(order, blocks)).unwrap_or_else(|_| {
            self.subject.forget();
            None
        })
    }

    fn wrong_beside(&mut self, order: usize, blocks: &[Block<T>]) -> Option<String> {
        let seed = |input: usize| fork(self.seed, 51 + input as u64);
        // As far as the steps of the first window, for an element of size 1.
        let step = power_of_two(T::epsilon().as_f64().powf(FIRST));
        let moved = blocks.iter().enumerate().map(|(input, Block { name, shape, values })| {
            let direction = random_direction(values, seed(input));
            let values = values.iter().zip(direction).map(|(&x, v)| x + T::of(step) * v).collect();
            Block { name: name.clone(), shape: *shape, values }
        });
        let moved: Vec<_> = moved.collect();
        let paths: Vec<_> =
            moved.iter().enumerate().map(|(input, block)| Path::random(block, 0, seed(input))).collect();
        let mut point: Vec<_> = moved.iter().map(|block| block.values.clone()).collect();
        let base = self.subject.derivative(order, self.seed, &point);
        if !elements(&base.terms).all(|x| x.is_finite()) {
            return None;
        }
        moved.iter().zip(&paths).enumerate().filter(|(_, (block, _))| !block.values.is_empty()).find_map(
            |(input, (block, path))| {
                let at = At { order, input, block, base: &base };
                let found = self.judge(&at, path, 0.0, &mut point);
                found.is_wrong().then(|| {
                    let (name, claimed, numeric) = (&block.name, found.analytic, found.finding.value);
                    format!(
                        "where every input is moved by {step:.1e} of its size, derivative {order} for {name} along a random \
                         direction is {claimed:e}, differences say {numeric:e} ± {:.1e}\n    help: a rule must keep nothing \
                         from an earlier point: make the derivative of the operands that `vjp` is given",
                        found.finding.error
                    )
                })
            },
        )
    }
}
