//! A line search for the strong Wolfe conditions.

use super::allowed::Allowed;
use super::objective::Stuck;

/// A search for a step α along a descent direction that satisfies the strong Wolfe conditions.
///
/// ```text
/// φ(α) = f(x + α d)
/// φ(α) ≤ φ(0) + c₁ α φ′(0)       the value decreases enough
/// |φ′(α)| ≤ c₂ |φ′(0)|           the slope is flatter by enough
/// ```
///
/// Steps grow fourfold at most until the conditions are bracketed, then cubic interpolation narrows the bracket down. A
/// value that is NaN or infinite counts as too far. Where φ(α) and φ(0) differ by rounding alone (4ε|φ(0)|), the first
/// condition is asked of slopes, φ′(α) ≤ (2c₁ − 1) φ′(0), which follows from it for a quadratic.
///
/// Defaults: c₁ 10⁻⁴, c₂ 0.9, those of Nocedal & Wright for quasi-Newton methods; at most 40 evaluations.
///
/// # Examples
///
/// ```
/// use gradus::optim::Wolfe;
///
/// let parabola = |a: f64| ((a - 3.0).powi(2), 2.0 * (a - 3.0));
/// let found = Wolfe::new().search(parabola, parabola(0.0), 1.0)?;
/// assert!(found.value <= 9.0 - 1e-4 * found.step * 6.0 && found.slope.abs() <= 0.9 * 6.0);
/// # Ok::<(), gradus::optim::Stuck>(())
/// ```
///
/// # References
///
/// Nocedal & Wright 2006, Numerical optimization, algorithms 3.5 and 3.6. Hager & Zhang 2005, A new conjugate gradient
/// method with guaranteed descent and an efficient line search (the condition on slopes).
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Wolfe {
    c1: f64,
    c2: f64,
    evaluations: usize,
    /// Differences of values below this part of φ(0) are rounding.
    rounding: f64,
}

/// A step that a line search accepts.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Accepted {
    /// α.
    pub step: f64,
    /// φ(α).
    pub value: f64,
    /// φ′(α).
    pub slope: f64,
}

/// How much longer than the last the next step may be.
const GROWTH: f64 = 4.0;

impl Default for Wolfe {
    fn default() -> Self {
        Self { c1: 1e-4, c2: 0.9, evaluations: 40, rounding: 4.0 * f64::EPSILON }
    }
}

impl Wolfe {
    /// A search with the default constants.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// c₁ and c₂.
    ///
    /// # Panics
    ///
    /// Unless 0 < c₁ < c₂ < 1.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::optim::Wolfe;
    ///
    /// let parabola = |a: f64| ((a - 3.0).powi(2), 2.0 * (a - 3.0));
    /// let found = Wolfe::new().constants(1e-4, 0.1).search(parabola, parabola(0.0), 1.0).unwrap();
    /// assert!(found.slope.abs() <= 0.1 * 6.0);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn constants(mut self, c1: f64, c2: f64) -> Self {
        self.c1 = Allowed::PositiveFraction.check::<f64>("Wolfe", "c1", c1);
        self.c2 = Allowed::PositiveFraction.check::<f64>("Wolfe", "c2", c2);
        assert!(c1 < c2, "Wolfe: c1 is {c1} and c2 {c2}, expected c1 < c2: otherwise no step may satisfy both");
        self
    }

    /// How many values a search may ask for before it gives up.
    ///
    /// # Panics
    ///
    /// If it is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::optim::Wolfe;
    ///
    /// // A line that falls for ever is never flatter.
    /// let stuck = Wolfe::new().evaluations(5).search(|a| (-a, -1.0), (0.0, -1.0), 1.0).unwrap_err();
    /// assert!(stuck.to_string().contains("within 5 evaluations"));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn evaluations(mut self, at_most: usize) -> Self {
        assert!(at_most > 0, "Wolfe: evaluations is 0, expected at least 1");
        self.evaluations = at_most;
        self
    }

    /// For values that are computed in numbers with this distance from 1 to the next.
    pub(super) fn in_units_of(mut self, epsilon: f64) -> Self {
        self.rounding = 4.0 * epsilon;
        self
    }

    /// Finds a step; `phi` answers φ(α) and φ′(α), `start` is both at 0, and `first` is tried first.
    ///
    /// The accepted step is the last that `phi` was asked for.
    ///
    /// # Errors
    ///
    /// If φ′(0) is not negative, if no step is found, if φ(0) is not finite, or if `first` is not a finite number > 0.
    pub fn search(
        &self,
        mut phi: impl FnMut(f64) -> (f64, f64),
        start: (f64, f64),
        first: f64,
    ) -> Result<Accepted, Stuck> {
        let (value, slope) = start;
        if !(value.is_finite() && slope < 0.0 && slope.is_finite()) {
            return Err(Stuck::new(format!(
                "line search: the value is {value} and the slope along the direction {slope}, expected a finite value and a slope < 0"
            )));
        }
        if !(first > 0.0 && first.is_finite()) {
            return Err(Stuck::new(format!("line search: the first step is {first}, expected a finite number > 0")));
        }
        let mut search = Search { wolfe: *self, start, left: self.evaluations, phi: &mut phi };
        let found = search.bracket(first);
        found.ok_or_else(|| {
            Stuck::new(format!(
                "line search: no step satisfies the Wolfe conditions within {} evaluations, from value {value:e} with slope {slope:e}",
                self.evaluations
            ))
        })
    }
}

/// One point of a search.
#[derive(Clone, Copy)]
struct Point {
    step: f64,
    value: f64,
    slope: f64,
}

struct Search<'f, F> {
    wolfe: Wolfe,
    start: (f64, f64),
    left: usize,
    phi: &'f mut F,
}

impl<F: FnMut(f64) -> (f64, f64)> Search<'_, F> {
    fn ask(&mut self, step: f64) -> Option<Point> {
        self.left = self.left.checked_sub(1)?;
        let (value, slope) = (self.phi)(step);
        Some(Point { step, value, slope })
    }

    /// Whether the value decreases enough, by itself or, where rounding hides that, by the slope.
    fn decreases(&self, at: Point) -> bool {
        let ((value, slope), c1) = (self.start, self.wolfe.c1);
        let enough = at.value <= value + c1 * at.step * slope;
        let close = (at.value - value).abs() <= self.wolfe.rounding * value.abs();
        enough || (close && at.slope <= (2.0 * c1 - 1.0) * slope)
    }

    fn is_flat(&self, at: Point) -> bool {
        at.slope.abs() <= -self.wolfe.c2 * self.start.1
    }

    /// Takes longer steps until one is accepted or too long.
    fn bracket(&mut self, first: f64) -> Option<Accepted> {
        let mut before = Point { step: 0.0, value: self.start.0, slope: self.start.1 };
        let mut step = first;
        loop {
            let at = self.ask(step)?;
            if !(at.value.is_finite() && at.slope.is_finite()) {
                // Nothing is known beyond: half way back.
                let limit = at.step;
                return self.narrow(before, Point { step: limit, value: f64::INFINITY, slope: f64::INFINITY });
            }
            if !self.decreases(at) || (before.step > 0.0 && at.value > before.value) {
                return self.narrow(before, at);
            }
            if self.is_flat(at) {
                return Some(at.into());
            }
            if at.slope >= 0.0 {
                return self.narrow(at, before);
            }
            let far = at.step + GROWTH * (at.step - before.step);
            let near = at.step + 0.1 * (at.step - before.step);
            step = minimum(before, at).map_or(far, |step| if step > at.step { step.clamp(near, far) } else { far });
            before = at;
        }
    }

    /// Narrows a bracket. `best` decreases enough and slopes down towards `other`.
    fn narrow(&mut self, mut best: Point, mut other: Point) -> Option<Accepted> {
        let mut last_width = f64::INFINITY;
        loop {
            let (low, high) = (best.step.min(other.step), best.step.max(other.step));
            let width = high - low;
            let middle = low + 0.5 * width;
            let margin = 0.1 * width;
            // Interpolation may creep along one end: then cut in two.
            let creeps = width > 0.66 * last_width;
            let step = match minimum(best, other) {
                Some(step) if !creeps => step.clamp(low + margin, high - margin),
                _ => middle,
            };
            last_width = width;
            if step <= low || step >= high {
                return None;
            }
            let at = self.ask(step)?;
            if !at.value.is_finite() || !at.slope.is_finite() {
                other = Point { step, value: f64::INFINITY, slope: f64::INFINITY };
            } else if !self.decreases(at) || at.value > best.value + self.wolfe.rounding * best.value.abs() {
                other = at;
            } else if self.is_flat(at) {
                return Some(at.into());
            } else {
                if at.slope * (other.step - best.step) >= 0.0 {
                    other = best;
                }
                best = at;
            }
        }
    }
}

impl From<Point> for Accepted {
    fn from(Point { step, value, slope }: Point) -> Self {
        Self { step, value, slope }
    }
}

/// Where the cubic through two points with their slopes has its minimum, if it has one.
fn minimum(a: Point, b: Point) -> Option<f64> {
    let d1 = a.slope + b.slope - 3.0 * (a.value - b.value) / (a.step - b.step);
    let square = d1 * d1 - a.slope * b.slope;
    let d2 = (b.step - a.step).signum() * square.sqrt();
    let step = b.step - (b.step - a.step) * (b.slope + d2 - d1) / (b.slope - a.slope + 2.0 * d2);
    (square >= 0.0 && step.is_finite()).then_some(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(step: f64, f: impl Fn(f64) -> (f64, f64)) -> Point {
        let (value, slope) = f(step);
        Point { step, value, slope }
    }

    #[test]
    fn the_cubic_of_a_cubic_has_its_minimum() {
        // x³ − 3x has its minimum at 1.
        let cubic = |x: f64| (x.powi(3) - 3.0 * x, 3.0 * x * x - 3.0);
        for (a, b) in [(0.0, 2.0), (2.0, 0.0), (0.5, 3.0), (-0.5, 0.7)] {
            let found = minimum(at(a, cubic), at(b, cubic)).unwrap();
            assert!((found - 1.0).abs() < 1e-12, "{a}, {b}: {found}");
        }
    }

    #[test]
    fn a_line_has_no_minimum() {
        let line = |x: f64| (-x, -1.0);
        assert_eq!(minimum(at(0.0, line), at(1.0, line)), None);
    }
}
