//! Limited-memory BFGS.

use super::method::{Evaluation, Method};
use super::objective::Stuck;
use super::vector::{add_scaled, dot, line, scale};
use super::wolfe::Wolfe;
use crate::real::Real;

/// A quasi-Newton method that builds the inverse Hessian from the last few steps and never stores it.
///
/// ```text
/// s = θₖ₊₁ − θₖ,  y = gₖ₊₁ − gₖ,  ρ = 1/yᵀs              the last m pairs are kept
/// d = −H g by the two-loop recursion, from H₀ = (sᵀy/yᵀy) I
/// θ ← θ + α d,  α by a search for the strong Wolfe conditions, beginning with 1 (with min(1, 1/‖g‖₁) the first time)
/// ```
///
/// A pair with yᵀs ≤ 10⁻¹⁰ ‖y‖ ‖s‖ is skipped: H would no longer be safely positive definite. Where the search fails, the pairs
/// are forgotten and steepest descent is tried before the method says that it is stuck.
///
/// Defaults: m 10; c₁ 10⁻⁴, c₂ 0.9. It needs the whole objective, not a batch of it, and allocates 2m + 3 vectors when it
/// begins and nothing after that.
///
/// # Examples
///
/// ```
/// use gradus::minimize::minimize;
/// use gradus::optim::{Lbfgs, stop};
/// use gradus::prelude::*;
///
/// let mut params = Params::<f64>::new();
/// let x = params.add_array("x", &array![-1.2, 1.0]);
/// let report = minimize(|step| {
///     let (a, b) = (step.param(x).slice(s![0]), step.param(x).slice(s![1]));
///     (100.0 * (b - a * a).square() + (1.0 - a).square()).sum()
/// })
/// .with(Lbfgs::new())
/// .until(stop::gradient_norm(1e-8))
/// .run(&mut params);
/// assert!(report.iterations < 50 && params.flat().iter().all(|x| (x - 1.0).abs() < 1e-8));
/// ```
///
/// # References
///
/// Nocedal 1980, Updating quasi-Newton matrices with limited storage. Liu & Nocedal 1989, On the limited memory BFGS method
/// for large scale optimization. Nocedal & Wright 2006, Numerical optimization, algorithms 7.4 and 7.5.
#[derive(Clone, Debug)]
pub struct Lbfgs<T> {
    memory: usize,
    wolfe: Wolfe,
    step: f64,
    /// The parameters and the gradient that an iteration begins with, and its direction.
    x: Vec<T>,
    g: Vec<T>,
    d: Vec<T>,
    /// Pairs in a ring: `pairs` of them, the oldest at `oldest`.
    s: Vec<T>,
    y: Vec<T>,
    rho: Vec<f64>,
    alpha: Vec<f64>,
    oldest: usize,
    pairs: usize,
    /// sᵀy/yᵀy of the last pair.
    gamma: f64,
    skipped: u64,
}

/// yᵀs must be above this part of ‖y‖ ‖s‖.
const CURVED: f64 = 1e-10;

impl<T: Real> Default for Lbfgs<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Real> Lbfgs<T> {
    /// L-BFGS with the defaults.
    #[must_use]
    pub fn new() -> Self {
        Self {
            memory: 10,
            wolfe: Wolfe::new().in_units_of(T::epsilon().as_f64()),
            step: 0.0,
            x: Vec::new(),
            g: Vec::new(),
            d: Vec::new(),
            s: Vec::new(),
            y: Vec::new(),
            rho: Vec::new(),
            alpha: Vec::new(),
            oldest: 0,
            pairs: 0,
            gamma: 1.0,
            skipped: 0,
        }
    }

    /// m, the number of pairs that are kept; the default is 10. More cost memory and time, 20 seldom help.
    ///
    /// # Panics
    ///
    /// If m is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::minimize::minimize;
    /// use gradus::optim::Lbfgs;
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let x = params.add("x", [50], || 1.0);
    /// let report = minimize(|step| step.param(x).powi(4).sum()).with(Lbfgs::new().memory(3)).run(&mut params);
    /// assert!(report.value < 1e-8);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn memory(mut self, pairs: usize) -> Self {
        assert!(pairs > 0, "Lbfgs: memory is 0, expected at least 1 pair");
        self.memory = pairs;
        self.x.clear();
        self
    }

    /// Another line search.
    #[must_use]
    pub fn line_search(mut self, wolfe: Wolfe) -> Self {
        self.wolfe = wolfe.in_units_of(T::epsilon().as_f64());
        self
    }

    /// How many pairs were skipped because they were not curved upwards.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    fn allocate(&mut self, size: usize) {
        if self.x.len() == size && !self.rho.is_empty() {
            return;
        }
        let zeros = |n| vec![T::zero(); n];
        (self.x, self.g, self.d) = (zeros(size), zeros(size), zeros(size));
        (self.s, self.y) = (zeros(size * self.memory), zeros(size * self.memory));
        (self.rho, self.alpha) = (vec![0.0; self.memory], vec![0.0; self.memory]);
        self.forget();
    }

    fn forget(&mut self) {
        (self.oldest, self.pairs, self.gamma) = (0, 0, 1.0);
    }

    /// d ← −H g.
    fn aim(&mut self) {
        let Self { memory, g, d, s, y, rho, alpha, oldest, pairs, gamma, .. } = self;
        let n = g.len();
        d.copy_from_slice(g);
        let place = |age: usize| (*oldest + age) % *memory;
        for k in (0..*pairs).map(place).rev() {
            let (s, y) = (&s[k * n..][..n], &y[k * n..][..n]);
            alpha[k] = rho[k] * dot(s, d);
            add_scaled(d, -alpha[k], y);
        }
        scale(d, *gamma);
        for k in (0..*pairs).map(place) {
            let (s, y) = (&s[k * n..][..n], &y[k * n..][..n]);
            let beta = rho[k] * dot(y, d);
            add_scaled(d, alpha[k] - beta, s);
        }
        scale(d, -1.0);
    }

    /// Takes the pair of a step into the ring, unless it is not curved.
    fn learn(&mut self, x: &[T], g: &[T]) {
        let n = x.len();
        let at = (self.oldest + self.pairs) % self.memory;
        let (s, y) = (&mut self.s[at * n..][..n], &mut self.y[at * n..][..n]);
        line(s, x, -1.0, &self.x);
        line(y, g, -1.0, &self.g);
        let (sy, yy, ss) = (dot(s, y), dot(y, y), dot(s, s));
        if !(sy.is_finite() && sy > CURVED * (yy * ss).sqrt()) {
            // In a full ring the place was the oldest pair's, which is lost.
            self.skipped += 1;
            if self.pairs == self.memory {
                (self.oldest, self.pairs) = ((self.oldest + 1) % self.memory, self.pairs - 1);
            }
            return;
        }
        (self.rho[at], self.gamma) = (sy.recip(), sy / yy);
        if self.pairs == self.memory {
            self.oldest = (self.oldest + 1) % self.memory;
        } else {
            self.pairs += 1;
        }
    }

    /// Searches along d from `x`.
    fn search(&self, at: &mut Evaluation<'_, T>, value: f64) -> Result<f64, Stuck> {
        let slope = dot(&self.g, &self.d);
        let first = if self.pairs == 0 {
            let sum: f64 = self.g.iter().map(|g| g.as_f64().abs()).sum();
            sum.recip().min(1.0)
        } else {
            1.0
        };
        let phi = |alpha: f64| {
            line(at.params_mut().flat_mut(), &self.x, alpha, &self.d);
            let value = at.evaluate();
            (value, dot(at.gradient().flat(), &self.d))
        };
        self.wolfe.search(phi, (value, slope), first).map(|found| found.step)
    }
}

impl<T: Real> Method<T> for Lbfgs<T> {
    fn advance(&mut self, at: &mut Evaluation<'_, T>) -> Result<(), Stuck> {
        self.allocate(at.params().len());
        let value = at.value();
        self.x.copy_from_slice(at.params().flat());
        self.g.copy_from_slice(at.gradient().flat());
        if self.g.iter().all(|&g| g == T::zero()) {
            self.step = 0.0;
            return Ok(());
        }
        loop {
            self.aim();
            match self.search(at, value) {
                Ok(step) => {
                    self.step = step;
                    self.learn(at.params().flat(), at.gradient().flat());
                    return Ok(());
                }
                Err(_) if self.pairs > 0 => self.forget(),
                Err(stuck) => {
                    at.go_back(&self.x, &self.g, value);
                    return Err(stuck);
                }
            }
        }
    }

    fn step_size(&self) -> f64 {
        self.step
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// L-BFGS in one dimension, standing at x = 0 with g = 0.
    fn at_zero(memory: usize) -> Lbfgs<f64> {
        let mut method = Lbfgs::new().memory(memory);
        method.allocate(1);
        method
    }

    #[test]
    fn pairs_that_are_not_curved_are_skipped() {
        let mut method = at_zero(2);
        for (y, pairs, skipped) in [(2.0, 1, 0), (-1.0, 1, 1), (0.0, 1, 2), (3.0, 2, 2), (f64::NAN, 1, 3)] {
            method.learn(&[1.0], &[y]);
            assert_eq!((method.pairs, method.skipped), (pairs, skipped), "{y}");
        }
    }

    #[test]
    fn the_direction_is_that_of_bfgs() {
        // In one dimension any pair fixes the curvature: d = −g s/y, whatever the older pairs say.
        let mut method = at_zero(3);
        for y in [2.0, 8.0, 4.0, 5.0] {
            method.learn(&[1.0], &[y]);
            method.g[0] = 10.0;
            method.aim();
            assert!((method.d[0] + 10.0 / y).abs() < 1e-12, "{y}: {}", method.d[0]);
            method.g[0] = 0.0;
        }
    }
}
