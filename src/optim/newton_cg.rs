//! Truncated Newton: conjugate gradients on products with the Hessian.

use super::armijo::Armijo;
use super::method::{Evaluation, Method};
use super::objective::Stuck;
use super::vector::{add_scaled, dot, line};
use crate::params::Gradient;
use crate::real::Real;

/// Newton's method whose equation H p = −g is solved by conjugate gradients, only as exactly as it pays, from products H v.
///
/// ```text
/// conjugate gradients from p = 0 until ‖H p + g‖ ≤ min(½, √‖g‖) ‖g‖, or until a direction d has dᵀH d ≤ 0:
///   then p as it is, or −g if d is the first
/// θ ← θ + α p,  α by backtracking from 1
/// ```
///
/// Far from a minimum it is cheap, near one it converges faster than linearly. It never stores a Hessian; a product costs
/// about as much as two to three gradients.
///
/// Defaults: at most max(10, min(n, 200)) products an iteration; c 10⁻⁴, ρ ½.
///
/// # Examples
///
/// ```
/// use gradus::minimize::minimize;
/// use gradus::optim::{NewtonCg, stop};
/// use gradus::prelude::*;
///
/// let mut params = Params::<f64>::new();
/// let x = params.add_array("x", &array![3.0, -2.0]);
/// let report = minimize(|step| (step.param(x) * step.constant(&array![1.0, 1000.0]) * step.param(x)).sum())
///     .with(NewtonCg::new())
///     .until(stop::gradient_norm(1e-9))
///     .run(&mut params);
/// assert!(report.iterations <= 5); // however long and narrow the bowl
/// ```
///
/// # References
///
/// Dembo & Steihaug 1983, Truncated-Newton algorithms for large-scale unconstrained optimization. Nocedal & Wright 2006,
/// Numerical optimization, algorithm 7.1.
#[derive(Debug)]
pub struct NewtonCg<T> {
    armijo: Armijo,
    products: Option<usize>,
    step: f64,
    asked: u64,
    room: Option<Room<T>>,
}

/// The vectors of an iteration.
#[derive(Debug)]
struct Room<T> {
    x: Vec<T>,
    g: Vec<T>,
    p: Vec<T>,
    r: Vec<T>,
    d: Vec<T>,
    product: Gradient<T>,
}

impl<T: Real> Default for NewtonCg<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Real> NewtonCg<T> {
    /// Truncated Newton with the defaults.
    #[must_use]
    pub fn new() -> Self {
        let armijo = Armijo::new().in_units_of(T::epsilon().as_f64());
        Self { armijo, products: None, step: 0.0, asked: 0, room: None }
    }

    /// The most products with the Hessian in one iteration.
    ///
    /// # Panics
    ///
    /// If it is 0.
    #[must_use]
    #[track_caller]
    pub fn products(mut self, at_most: usize) -> Self {
        assert!(at_most > 0, "NewtonCg: products is 0, expected at least 1");
        self.products = Some(at_most);
        self
    }

    /// Other constants of the backtracking.
    #[must_use]
    pub fn armijo(mut self, armijo: Armijo) -> Self {
        self.armijo = armijo.in_units_of(T::epsilon().as_f64());
        self
    }

    /// How many products with the Hessian there were so far.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::minimize::minimize;
    /// use gradus::optim::NewtonCg;
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let x = params.add("x", [3], || 2.0);
    /// let mut newton = NewtonCg::new();
    /// minimize(|step| step.param(x).square().sum()).with(&mut newton).run(&mut params);
    /// assert!(newton.hessian_products() >= 1);
    /// ```
    #[must_use]
    pub fn hessian_products(&self) -> u64 {
        self.asked
    }
}

impl<T: Real> Room<T> {
    fn at(at: &Evaluation<'_, T>) -> Self {
        let zeros = || vec![T::zero(); at.params().len()];
        Self { x: zeros(), g: zeros(), p: zeros(), r: zeros(), d: zeros(), product: at.params().gradient() }
    }

    /// Fills p; the number of products it took.
    fn solve(&mut self, at: &mut Evaluation<'_, T>, at_most: usize) -> Result<u64, Stuck> {
        let Self { g, p, r, d, product, .. } = self;
        let norm = dot(g, g).sqrt();
        let tolerance = norm.sqrt().min(0.5) * norm;
        // r = H p + g with p = 0, and d = −r.
        p.fill(T::zero());
        r.copy_from_slice(g);
        d.iter_mut().zip(&*r).for_each(|(d, &r)| *d = -r);
        let mut rr = dot(r, r);
        for k in 0..at_most {
            at.hessian_vector(d, product)?;
            let h = product.flat();
            let curvature = dot(d, h);
            if !(curvature > 0.0 && curvature.is_finite()) {
                if k == 0 {
                    p.copy_from_slice(d);
                }
                return Ok(k as u64 + 1);
            }
            let alpha = rr / curvature;
            add_scaled(p, alpha, d);
            add_scaled(r, alpha, h);
            let next = dot(r, r);
            if next.sqrt() <= tolerance {
                return Ok(k as u64 + 1);
            }
            let beta = T::of(next / rr);
            d.iter_mut().zip(&*r).for_each(|(d, &r)| *d = beta * *d - r);
            rr = next;
        }
        Ok(at_most as u64)
    }
}

impl<T: Real> Method<T> for NewtonCg<T> {
    fn advance(&mut self, at: &mut Evaluation<'_, T>) -> Result<(), Stuck> {
        let (n, value) = (at.params().len(), at.value());
        if self.room.as_ref().is_none_or(|room| room.x.len() != n) {
            self.room = Some(Room::at(at));
        }
        let Self { armijo, products, step, asked, room: Some(room) } = self else { unreachable!("made above") };
        room.x.copy_from_slice(at.params().flat());
        room.g.copy_from_slice(at.gradient().flat());
        if room.g.iter().all(|&g| g == T::zero()) {
            *step = 0.0;
            return Ok(());
        }
        *asked += room.solve(at, products.unwrap_or(n.clamp(10, 200)))?;
        let Room { x, g, p, .. } = room;
        let phi = |alpha: f64| {
            line(at.params_mut().flat_mut(), x, alpha, p);
            at.probe()
        };
        match armijo.search(phi, (value, dot(g, p)), 1.0) {
            Ok(_) if at.params().flat() == x => {
                at.go_back(x, g, value);
                Err(Stuck::new(format!(
                    "Newton: only steps too short for the numbers do not increase the value {value:e}"
                )))
            }
            Ok((alpha, _)) => {
                *step = alpha;
                Ok(())
            }
            Err(stuck) => {
                at.go_back(x, g, value);
                Err(stuck)
            }
        }
    }

    fn step_size(&self) -> f64 {
        self.step
    }
}
