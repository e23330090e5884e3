//! Linear algebra of small dense matrices: solving, inverting, factoring, determinants.
//!
//! All work on the last two axes, with any leading ones; one matrix at a time on the thread that reads the value.

use super::{Args, Call, Primitive};
use crate::grad::Cotangents;
use crate::kernel::dense::{Factors, cholesky};
use crate::kernel::reduce::is_finite;
use crate::kernel::strided::Walk;
use crate::real::Real;
use crate::shape::Shape;
use crate::tape::Var;

/// X with A·X = B, or Aᵀ·X = B.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Solve {
    transposed: bool,
    /// Whether B is a cotangent whose zeros annihilate whatever they meet: where it is all 0, so is X.
    pub(crate) weighs: bool,
}

/// A⁻¹.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Inverse;

/// L with L·Lᵀ = (A + Aᵀ)/2.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Cholesky;

/// ln |det A|.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct LogDet {
    /// Whether the sign of det A stands before it, along an axis of its own; then 0 and −∞ are a singular matrix's.
    signed: bool,
}

/// The number of rows of the matrices in the last two axes.
fn rows(shape: &Shape) -> usize {
    shape[shape.rank() - 1]
}

fn batch(shape: &Shape) -> Shape {
    Shape::from(&shape[..shape.rank() - 2])
}

fn square(shape: Shape) -> Result<Shape, String> {
    match shape[..] {
        [.., rows, columns] if rows == columns => Ok(shape),
        [.., rows, columns] => Err(format!("{shape}: {rows} rows and {columns} columns, expected a square matrix")),
        _ => Err(format!("{shape} is no matrix")),
    }
}

/// Says that a matrix of an operand has no result.
fn refuse<T: Real>(args: &Args<'_, T>, matrix: usize, what: &str, help: &str) {
    let shape = args.shape(0);
    let which = match shape.rank() {
        2 => "the matrix".to_owned(),
        _ => format!("matrix {}", batch(shape).coordinates(matrix)),
    };
    args.refuse(format!("{shape}: {which} is {what} to the precision of {}\n  help: {help}", T::NAME));
}

const SINGULAR: (&str, &str) =
    ("singular", "are rows combinations of others? adding a small multiple of the identity makes it regular");
const INDEFINITE: (&str, &str) = (
    "not positive definite",
    "is it a covariance of too few samples, or no covariance at all? adding a small multiple of the identity helps where it nearly is",
);

/// Computes a result of `size` elements from each matrix: `compute` answers whether there is one. What is not finite makes
/// all of its result NaN.
fn each<T: Real>(
    args: &Args<'_, T>,
    out: &mut [T],
    size: usize,
    (what, help): (&str, &str),
    compute: impl Fn(&[T], usize, &mut [T]) -> bool,
) {
    let n = rows(args.shape(0));
    if n == 0 {
        // The determinant of no rows is 1; nothing else has elements.
        return out.fill(T::zero());
    }
    for (matrix, (a, out)) in args.data(0).chunks_exact(n * n).zip(out.chunks_exact_mut(size)).enumerate() {
        if !is_finite(a) {
            out.fill(T::nan());
        } else if !compute(a, n, out) {
            out.fill(T::nan());
            refuse(args, matrix, what, help);
        }
    }
}

impl Primitive for Solve {
    const NAMES: &'static [&'static str] = &["solve"];

    fn arity(self) -> usize {
        2
    }

    fn shape<T: Real>(self, call: &Call<'_, T>) -> Result<Shape, String> {
        let (a, b) = (square(call.shape(0))?, call.shape(1));
        if b.rank() < 2 || b[b.rank() - 2] != rows(&a) {
            return Err(format!("{a} and right side {b}: expected {} rows", rows(&a)));
        }
        let Some(mut out) = batch(&a).broadcast(&batch(&b)) else {
            return Err(format!("{a} and right side {b}: leading axes do not broadcast"));
        };
        out.push(rows(&a));
        out.push(b[b.rank() - 1]);
        Ok(out)
    }

    fn eval<T: Real>(self, args: &Args<'_, T>, out: &mut [T]) {
        let (a, b, n) = (args.shape(0), args.shape(1), rows(args.shape(0)));
        let (square, part) = (n * n, n * b[b.rank() - 1]);
        if part == 0 {
            return;
        }
        let lead = batch(args.out_shape());
        let starts = |shape: &Shape| Walk::new(lead, batch(shape).broadcast_strides(&lead)).positions();
        // Right sides that share a matrix mostly follow each other.
        let mut last: Option<(usize, Option<Factors>)> = None;
        for ((out, i), j) in out.chunks_exact_mut(part).zip(starts(a)).zip(starts(b)) {
            let (matrix, right) = (&args.data(0)[i * square..][..square], &args.data(1)[j * part..][..part]);
            if self.weighs && right.iter().all(T::is_zero) {
                out.fill(T::zero());
            } else if !is_finite(matrix) {
                out.fill(T::nan());
            } else {
                if last.as_ref().is_none_or(|(of, _)| *of != i) {
                    last = Some((i, Factors::new(matrix, n, self.transposed)));
                }
                if let Some((_, Some(factors))) = &last {
                    factors.solve(right, out);
                } else {
                    out.fill(T::nan());
                    refuse(args, i, SINGULAR.0, SINGULAR.1);
                }
            }
        }
    }

    // A·X = B: B̄ = A⁻ᵀ·C̄, Ā = −B̄·Xᵀ (Giles 2008); with Aᵀ: B̄ = A⁻¹·C̄, Ā = −X·B̄ᵀ.
    fn vjp<'t, T: Real>(self, ct: &mut Cotangents<'_, 't, T>) {
        let ([a, _], x, c) = (ct.xs::<2>(), ct.y(), ct.c());
        let weighs = ct.is_masked() || self.weighs;
        let right = || c.record(Solve { transposed: !self.transposed, weighs }, [a, c]);
        ct.add(0, || {
            let b = right();
            if self.transposed {
                -x.product(b, [false, true], [self.weighs, weighs])
            } else {
                -b.product(x, [false, true], [weighs, self.weighs])
            }
        });
        ct.add(1, right);
    }

    fn arguments(self, _: [u32; 3]) -> String {
        if self.transposed { "transposed".to_owned() } else { String::new() }
    }
}

impl Primitive for Inverse {
    const NAMES: &'static [&'static str] = &["inverse"];

    fn shape<T: Real>(self, call: &Call<'_, T>) -> Result<Shape, String> {
        square(call.shape(0))
    }

    fn eval<T: Real>(self, args: &Args<'_, T>, out: &mut [T]) {
        each(args, out, rows(args.shape(0)).pow(2), SINGULAR, |a, n, out| {
            Factors::new(a, n, false).map(|factors| factors.inverse(out)).is_some()
        });
    }

    // Y = A⁻¹: Ā = −Yᵀ·C̄·Yᵀ (Giles 2008).
    fn vjp<'t, T: Real>(self, ct: &mut Cotangents<'_, 't, T>) {
        let (y, c, weighs) = (ct.y(), ct.c(), ct.is_masked());
        ct.add(0, || -y.product(c, [true, false], [false, weighs]).product(y, [false, true], [weighs, false]));
    }
}

impl Primitive for Cholesky {
    const NAMES: &'static [&'static str] = &["cholesky"];

    fn shape<T: Real>(self, call: &Call<'_, T>) -> Result<Shape, String> {
        square(call.shape(0))
    }

    fn eval<T: Real>(self, args: &Args<'_, T>, out: &mut [T]) {
        each(args, out, rows(args.shape(0)).pow(2), INDEFINITE, cholesky);
    }

    // P = Φ(Lᵀ·C̄), Φ the lower triangle with half of the diagonal; S = L⁻ᵀ·P·L⁻¹, Ā = (S + Sᵀ)/2 (Murray 2016).
    fn vjp<'t, T: Real>(self, ct: &mut Cotangents<'_, 't, T>) {
        let (l, c, weighs) = (ct.y(), ct.c(), ct.is_masked());
        let solve = |right| l.record(Solve { transposed: true, weighs }, [l, right]);
        ct.add(0, || {
            let product = l.product(c.tril(0), [true, false], [false, weighs]);
            let p = (product.tril(0) + product.tril(-1)) * 0.5;
            let s = solve(solve(p).t());
            (s + s.t()) * 0.5
        });
    }
}

impl Primitive for LogDet {
    const NAMES: &'static [&'static str] = &["logdet", "slogdet"];

    fn name(self) -> &'static str {
        Self::NAMES[usize::from(self.signed)]
    }

    fn shape<T: Real>(self, call: &Call<'_, T>) -> Result<Shape, String> {
        let mut out = batch(&square(call.shape(0))?);
        if self.signed {
            out.push(2);
        }
        Ok(out)
    }

    fn eval<T: Real>(self, args: &Args<'_, T>, out: &mut [T]) {
        if !self.signed {
            return each(args, out, 1, SINGULAR, |a, n, out| {
                Factors::new(a, n, false).map(|factors| out[0] = T::of(factors.log_det())).is_some()
            });
        }
        each(args, out, 2, SINGULAR, |a, n, out| {
            let (sign, log) = Factors::new(a, n, false)
                .map_or((0.0, f64::NEG_INFINITY), |factors| (factors.sign_of_det(), factors.log_det()));
            out.copy_from_slice(&[T::of(sign), T::of(log)]);
            true
        });
        if rows(args.shape(0)) == 0 {
            out.iter_mut().step_by(2).for_each(|sign| *sign = T::one());
        }
    }

    // Ā = c·A⁻ᵀ (Giles 2008).
    fn vjp<'t, T: Real>(self, ct: &mut Cotangents<'_, 't, T>) {
        let ([a], mut c) = (ct.xs(), ct.c());
        ct.add(0, || {
            if self.signed {
                c = c.slice_axis(c.shape().rank() - 1, 1, 1, 1);
                // Solved and not inverted: where c is 0, a matrix that is singular is not refused.
                let right = c.unsqueeze(-1) * c.recording().ones([rows(&a.shape())]).diag();
                return a.record(Solve { transposed: true, weighs: true }, [a, right]);
            }
            let mut shape = c.shape();
            shape.push(1);
            shape.push(1);
            c.reshape(shape).times(a.inverse().t())
        });
    }
}

impl<'t, T: Real> Var<'t, T> {
    /// X with A·X = B, where this tensor is A: the solution of linear equations, without an inverse.
    ///
    /// | A | B | result |
    /// |---|---|---|
    /// | `[n, n]` | `[n]` | `[n]` |
    /// | `[n, n]` | `[n, k]` | `[n, k]` |
    /// | `[…, n, n]` | `[…, n, k]` | `[…, n, k]`, leading axes broadcast |
    /// | `[…, n, n]` | `[n]` | `[…, n]` |
    ///
    /// By factors P·A = L·U with partial pivoting, in `f64` for both element types. Cotangents: B̄ = A⁻ᵀ·C̄, Ā = −B̄·Xᵀ. A
    /// matrix that is not finite has a solution of NaN.
    ///
    /// Needs the feature `linalg`.
    ///
    /// # Panics
    ///
    /// If the shapes do not fit; when it is read, if a matrix is singular: if a pivot is no larger than rounding makes of 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let a = array![[2.0, 0.0], [0.0, 4.0]];
    /// let x = grad(|b| b.constant(&a).solve(b).sum(), &array![1.0, 1.0]);
    /// assert_eq!(x, array![0.5, 0.25]); // A⁻ᵀ·1
    /// ```
    ///
    /// # References
    ///
    /// Giles 2008, Collected matrix derivative results for forward and reverse mode algorithmic differentiation.
    #[track_caller]
    pub fn solve(self, right: Self) -> Self {
        let solve = Solve { transposed: false, weighs: false };
        let shape = right.shape();
        if shape.rank() == 1 {
            return self.record(solve, [self, right.reshape([shape[0], 1])]).squeeze(-1);
        }
        self.record(solve, [self, right])
    }

    /// A⁻¹, for the matrices in the last two axes. Where it is only multiplied with, [`solve`](Var::solve) is quicker and
    /// more exact.
    ///
    /// Shape `[…, n, n]` as the operand's. Computed in `f64`. Cotangent: Ā = −A⁻ᵀ·C̄·A⁻ᵀ. A matrix that is not finite has an inverse of NaN.
    ///
    /// Needs the feature `linalg`.
    ///
    /// # Panics
    ///
    /// If the matrices are not square; when it is read, if one is singular: if a pivot is no larger than rounding makes of 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let g = grad(|x| x.inverse().sum(), &array![[2.0]]);
    /// assert_eq!(g, array![[-0.25]]); // −1/x²
    /// ```
    ///
    /// # References
    ///
    /// Giles 2008, Collected matrix derivative results for forward and reverse mode algorithmic differentiation.
    #[track_caller]
    pub fn inverse(self) -> Self {
        self.record(Inverse, [self])
    }

    /// The lower triangular L with L·Lᵀ = A, for the symmetric positive definite matrices in the last two axes.
    ///
    /// The symmetric part (A + Aᵀ)/2 is factored, whatever A is, so that a derivative for a single element has a meaning; the
    /// cotangent is symmetric. Shape `[…, n, n]` as the operand's, zeros above the diagonal. Computed in `f64`. Cotangent: with
    /// P the lower triangle of Lᵀ·C̄, half of its diagonal, and S = L⁻ᵀ·P·L⁻¹, it is Ā = (S + Sᵀ)/2. A matrix that is not finite has a
    /// factor of NaN.
    ///
    /// Needs the feature `linalg`.
    ///
    /// # Panics
    ///
    /// If the matrices are not square; when it is read, if one is not positive definite: if a pivot is negative, or no larger
    /// than rounding makes of 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let (params, mut tape) = (Params::<f64>::new(), Tape::new());
    /// let step = tape.record(&params);
    /// let l = step.constant(&array![[4.0, 2.0], [2.0, 2.0]]).cholesky();
    /// assert_eq!(l.value(), array![[2.0, 0.0], [1.0, 1.0]].into_dyn());
    /// ```
    ///
    /// # References
    ///
    /// Murray 2016, Differentiation of the Cholesky decomposition.
    #[track_caller]
    pub fn cholesky(self) -> Self {
        self.record(Cholesky, [self])
    }

    /// ln |det A|, for the matrices in the last two axes: the logarithm of the determinant's absolute value, whatever its
    /// sign.
    ///
    /// The determinant itself, which overflows early, is never computed. `[…, n, n]` becomes `[…]`. Computed in `f64`. Cotangent: Ā = c·A⁻ᵀ. A matrix
    /// that is not finite has NaN. [`slogdet`](Var::slogdet) gives the sign, too, and lets singular matrices pass. Where a matrix has to be positive definite, take `2·Σ ln Lᵢᵢ` of [`cholesky`](Var::cholesky), which refuses others.
    ///
    /// Needs the feature `linalg`.
    ///
    /// # Panics
    ///
    /// If the matrices are not square; when it is read, if one is singular: if a pivot is no larger than rounding makes of 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let a = array![[0.0, 2.0], [1.0, 0.0]]; // det −2
    /// assert_eq!(value(|x| x.logdet(), &a), 2.0_f64.ln());
    /// assert_eq!(grad(|x| x.logdet(), &a), array![[0.0, 0.5], [1.0, 0.0]]); // A⁻ᵀ
    /// ```
    ///
    /// # References
    ///
    /// Giles 2008, Collected matrix derivative results for forward and reverse mode algorithmic differentiation.
    #[track_caller]
    pub fn logdet(self) -> Self {
        self.record(LogDet { signed: false }, [self])
    }

    /// The sign of det A and ln |det A|, for the matrices in the last two axes: det A = sign · e^log, which overflows early and
    /// is never computed.
    ///
    /// Both are of shape `[…]` for matrices of shape `[…, n, n]`. The sign is −1 or 1. A singular matrix, one with a pivot that is no larger than rounding makes of
    /// 0, has sign 0 and logarithm −∞, where [`logdet`](Var::logdet) refuses it. Computed in `f64`. Cotangent: 0 of the sign, Ā = c·A⁻ᵀ of the
    /// logarithm, and 0 wherever c is. A matrix that is not finite has NaN for both.
    ///
    /// Needs the feature `linalg`.
    ///
    /// # Panics
    ///
    /// If the matrices are not square; when the derivative of the logarithm of a singular matrix is read.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let a = array![[0.0, 2.0], [1.0, 0.0]]; // det −2
    /// assert_eq!(value(|x| x.slogdet().0, &a), -1.0);
    /// assert_eq!(value(|x| x.slogdet().1, &a), 2.0_f64.ln());
    /// assert_eq!(grad(|x| x.slogdet().1, &a), array![[0.0, 0.5], [1.0, 0.0]]); // A⁻ᵀ
    /// assert_eq!(value(|x| x.slogdet().1, &array![[1.0, 2.0], [2.0, 4.0]]), f64::NEG_INFINITY);
    /// ```
    ///
    /// # References
    ///
    /// Giles 2008, Collected matrix derivative results for forward and reverse mode algorithmic differentiation.
    #[track_caller]
    pub fn slogdet(self) -> (Self, Self) {
        let both = self.record(LogDet { signed: true }, [self]);
        let part = |k| both.slice_axis(both.shape().rank() - 1, k, 1, 1).squeeze(-1);
        (part(0), part(1))
    }
}
