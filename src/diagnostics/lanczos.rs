//! Lanczos: eigenvalues of a Hessian from products with it.

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand_distr::{Distribution, StandardNormal};

use super::symmetric::eigen;
use crate::error::{Error, ErrorKind};
use crate::minimize::Loss;
use crate::optim::Objective;
use crate::optim::vector::dot;
use crate::params::{Gradient, Params};
use crate::real::Real;
use crate::tape::{Step, Var};

/// How eigenvalues of a Hessian are measured: Lanczos iterations on products H v, with full reorthogonalisation.
///
/// After k products the Ritz values are the eigenvalues of H on a subspace of k dimensions that holds its extreme ones best.
/// It keeps k + 1 vectors of the size of the parameters and never a Hessian; with k as large as the number of parameters all
/// distinct eigenvalues come out exactly. Frozen tensors do not count.
///
/// Defaults: at most 60 products, fewer when both extreme eigenvalues are known to a relative error of 10⁻⁶; seed 0.
///
/// # Examples
///
/// ```
/// use gradus::diagnostics::Lanczos;
/// use gradus::prelude::*;
///
/// let mut params = Params::<f64>::new();
/// let x = params.add("x", [3], || 1.0);
/// let spectrum = Lanczos::new().spectrum(&params, |step| step.param(x).powi(4).sum() - step.param(x).slice(s![0]).square())?;
/// let expected = [10.0, 12.0]; // 12x² − 2 once and 12x² twice: the random start sees a pair as one
/// assert!(spectrum.values.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9));
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # References
///
/// Lanczos 1950, An iteration method for the solution of the eigenvalue problem. Golub & Van Loan 2013, Matrix computations,
/// section 10.1.
#[derive(Clone, Debug)]
pub struct Lanczos {
    products: usize,
    tolerance: f64,
    seed: u64,
}

/// The Ritz values of a Hessian: approximate eigenvalues, the extreme ones best.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Spectrum {
    /// The values in ascending order.
    pub values: Vec<f64>,
    /// A bound for each: an eigenvalue of H is no farther away. At least eight roundings of the largest.
    pub errors: Vec<f64>,
    /// How much of a random vector lies in the direction of each; the sum is 1. They are the density of eigenvalues.
    pub weights: Vec<f64>,
    /// The products H v that were made.
    pub products: usize,
    /// The parameters that are not frozen.
    pub size: usize,
    /// Eigenvectors of the smallest and of the largest value, of the size of all parameters.
    pub(super) ends: [Vec<f64>; 2],
}

impl Spectrum {
    /// A picture of the values: stems up and down from 0, on an axis that is logarithmic on either side.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::diagnostics::Lanczos;
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let x = params.add("x", [2], || 1.0);
    /// let spectrum =
    ///     Lanczos::new().spectrum(&params, |step| (step.constant(&array![1.0, -1.0]) * step.param(x).square()).sum())?;
    /// assert!(spectrum.plot().title("A saddle").svg()?.contains("1 negative"));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[cfg(feature = "plot")]
    pub fn plot(&self) -> crate::plot::Plot {
        crate::plot::spectrum(&self.values).symlog_y()
    }
}

impl Default for Lanczos {
    fn default() -> Self {
        Self { products: 60, tolerance: 1e-6, seed: 0 }
    }
}

impl Lanczos {
    /// Measurements with the defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The most products H v; as many vectors are kept.
    ///
    /// # Panics
    ///
    /// If it is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::diagnostics::Lanczos;
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let x = params.add("x", [100], || 0.5);
    /// let few = Lanczos::new().products(5).spectrum(&params, |step| step.param(x).powi(4).sum() + step.param(x).sum().square())?;
    /// assert!(few.products <= 5 && few.values.len() == few.products);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn products(mut self, at_most: usize) -> Self {
        assert!(at_most > 0, "lanczos: products is 0, expected at least 1");
        self.products = at_most;
        self
    }

    /// The relative error of the extreme eigenvalues that is good enough; 0 makes all products.
    ///
    /// # Panics
    ///
    /// If it is negative or NaN.
    #[must_use]
    #[track_caller]
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        assert!(tolerance >= 0.0, "lanczos: tolerance is {tolerance}, expected a number ≥ 0");
        self.tolerance = tolerance;
        self
    }

    /// The seed of the random vector it begins with.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The Ritz values of the Hessian of a loss at the parameters.
    ///
    /// # Errors
    ///
    /// If every parameter is frozen or there is none, or a product with the Hessian is not finite.
    pub fn spectrum<'d, T: Real, F>(&self, params: &Params<T>, loss: F) -> Result<Spectrum, Error>
    where
        F: for<'t> Fn(Step<'t, 'd, T>) -> Var<'t, T>,
    {
        self.of(params, &mut Loss::new(loss))
    }

    pub(super) fn of<T: Real>(&self, params: &Params<T>, objective: &mut dyn Objective<T>) -> Result<Spectrum, Error> {
        let mut hessian = Hessian::new(params, objective)?;
        let mut basis = vec![hessian.start(self.seed)];
        let (mut diagonal, mut beside): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
        let at_most = self.products.min(hessian.size);
        loop {
            let k = diagonal.len();
            let mut w = hessian.times(&basis[k])?;
            diagonal.push(dot(&w, &basis[k]));
            // Twice is enough: what rounding leaves the first time is gone the second.
            for _ in 0..2 {
                for v in &basis {
                    let along = dot(&w, v);
                    w.iter_mut().zip(v).for_each(|(w, v)| *w -= along * v);
                }
            }
            let rest = dot(&w, &w).sqrt();
            let (values, vectors) = eigen(tridiagonal(&diagonal, &beside));
            let size = values.iter().fold(0.0, |most: f64, x| x.abs().max(most));
            // An invariant subspace: nothing is left to find.
            let closed = rest <= 1e-12 * size || diagonal.len() == hessian.size;
            // What products are rounded by moves eigenvalues, too.
            let rounding = 8.0 * T::epsilon().as_f64() * size;
            let error = |last: &f64| rounding + if closed { 0.0 } else { rest * last.abs() };
            let errors: Vec<_> = vectors[k].iter().map(error).collect();
            let good = |i: usize| errors[i] <= self.tolerance * values[i].abs();
            let done = closed || diagonal.len() >= at_most || (self.tolerance > 0.0 && good(0) && good(k));
            if done {
                let end = |column: usize| {
                    let mut vector = vec![0.0; params.len()];
                    for (v, row) in basis.iter().zip(&vectors) {
                        vector.iter_mut().zip(v).for_each(|(to, v)| *to += row[column] * v);
                    }
                    vector
                };
                let ends = [end(0), end(k)];
                let weights = vectors[0].iter().map(|first| first * first).collect();
                return Ok(Spectrum { values, errors, weights, products: diagonal.len(), size: hessian.size, ends });
            }
            beside.push(rest);
            for x in &mut w {
                *x /= rest;
            }
            basis.push(w);
        }
    }
}

fn tridiagonal(diagonal: &[f64], beside: &[f64]) -> Vec<Vec<f64>> {
    let n = diagonal.len();
    let mut rows = vec![vec![0.0; n]; n];
    for i in 0..n {
        rows[i][i] = diagonal[i];
        if i + 1 < n {
            (rows[i][i + 1], rows[i + 1][i]) = (beside[i], beside[i]);
        }
    }
    rows
}

/// Products with the Hessian of an objective, in `f64`.
struct Hessian<'a, T: Real> {
    params: &'a Params<T>,
    objective: &'a mut dyn Objective<T>,
    product: Gradient<T>,
    direction: Vec<T>,
    size: usize,
}

impl<'a, T: Real> Hessian<'a, T> {
    fn new(params: &'a Params<T>, objective: &'a mut dyn Objective<T>) -> Result<Self, Error> {
        let size = params.iter().filter(|entry| !entry.frozen).map(|entry| entry.values.len()).sum();
        if size == 0 {
            let message = "curvature: there is no parameter that is not frozen";
            return Err(Error::new(ErrorKind::Value, message));
        }
        let direction = vec![T::zero(); params.len()];
        Ok(Self { params, objective, product: params.gradient(), direction, size })
    }

    /// A random direction of length 1 in the parameters that are not frozen.
    fn start(&self, seed: u64) -> Vec<f64> {
        let mut rng = StdRng::seed_from_u64(seed);
        let free = self.params.iter().flat_map(|entry| entry.values.iter().map(move |_| !entry.frozen));
        let mut start: Vec<f64> = free.map(|free| if free { StandardNormal.sample(&mut rng) } else { 0.0 }).collect();
        let length = dot(&start, &start).sqrt();
        for x in &mut start {
            *x /= length;
        }
        start
    }

    fn times(&mut self, v: &[f64]) -> Result<Vec<f64>, Error> {
        self.direction.iter_mut().zip(v).for_each(|(to, &v)| *to = T::of(v));
        let made = self.objective.hessian_vector(self.params, &self.direction, &mut self.product);
        made.map_err(|stuck| Error::new(ErrorKind::Value, format!("curvature: {stuck}")))?;
        let product: Vec<_> = self.product.flat().iter().map(|x| x.as_f64()).collect();
        if let Some(at) = product.iter().position(|x| !x.is_finite()) {
            let message = format!(
                "curvature: a product with the Hessian has the element {} at the flat index {at}\n  help: the loss has no second derivative at these parameters",
                product[at]
            );
            return Err(Error::new(ErrorKind::Value, message));
        }
        Ok(product)
    }
}
