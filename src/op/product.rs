//! Products of matrices and vectors.

use super::{Args, Call, Op, Primitive};
use crate::grad::Cotangents;
use crate::kernel::product::{Matrix, Product, Start, weighed};
use crate::kernel::reduce::is_finite;
use crate::kernel::strided::Walk;
use crate::real::Real;
use crate::shape::Shape;
use crate::tape::Var;

/// A·B over the last two axes, leading axes broadcast; each operand may be read transposed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Matmul {
    pub(crate) transposed: [bool; 2],
    /// Whether the operand is itself a transposition, which is not computed for this product: what it transposes is read.
    pub(crate) through: [bool; 2],
    /// Whether an operand is a cotangent whose zeros annihilate whatever they meet; see [`Var::weigh`].
    pub(crate) weighs: [bool; 2],
}

/// Rows and columns of the matrices in the last two axes, as they are read.
fn matrix(shape: &Shape, transposed: bool) -> (usize, usize) {
    let (rows, columns) = (shape[shape.rank() - 2], shape[shape.rank() - 1]);
    if transposed { (columns, rows) } else { (rows, columns) }
}

fn batch(shape: &Shape) -> Shape {
    Shape::from(&shape[..shape.rank() - 2])
}

/// A shape as it is read, for messages.
fn as_read(shape: &Shape, transposed: bool) -> Shape {
    let mut read = *shape;
    if transposed {
        let rank = read.rank();
        read.swap(rank - 2, rank - 1);
    }
    read
}

impl Primitive for Matmul {
    const NAMES: &'static [&'static str] = &["matmul"];

    fn arity(self) -> usize {
        2
    }

    fn shape<T: Real>(self, call: &Call<'_, T>) -> Result<Shape, String> {
        let ([a, b], [ta, tb]) = ([call.shape(0), call.shape(1)], self.transposed);
        let ((m, k), (l, n)) = (matrix(&a, ta), matrix(&b, tb));
        let (shown_a, shown_b) = (as_read(&a, ta), as_read(&b, tb));
        if k != l {
            let help = if k == n || m == l {
                "\n  help: is one of them to be transposed? `x.t()` costs nothing in a product"
            } else {
                ""
            };
            return Err(format!("{shown_a} · {shown_b}: inner axes {k} and {l} differ{help}"));
        }
        let Some(mut out) = batch(&a).broadcast(&batch(&b)) else {
            return Err(format!("{shown_a} · {shown_b}: leading axes do not broadcast"));
        };
        out.push(m);
        out.push(n);
        Ok(out)
    }

    fn eval<T: Real>(self, args: &Args<'_, T>, out: &mut [T]) {
        let ((a, left, through_a), (b, right, through_b)) = (args.source(0), args.source(1));
        let [ta, tb] = [self.transposed[0] != through_a, self.transposed[1] != through_b];
        let ((m, k), (_, n)) = (matrix(a, ta), matrix(b, tb));
        let lead = batch(args.out_shape());
        let starts = |shape: &Shape| Walk::new(lead, batch(shape).broadcast_strides(&lead)).positions();
        for ((out, i), j) in out.chunks_exact_mut((m * n).max(1)).zip(starts(a)).zip(starts(b)) {
            let left = Matrix::new(&left[i * m * k..][..m * k], a[a.rank() - 2], a[a.rank() - 1], ta);
            let right = Matrix::new(&right[j * k * n..][..k * n], b[b.rank() - 2], b[b.rank() - 1], tb);
            Product::new(left, right, Start::Zero, out).run();
            // What is not finite in an operand shows in the product, whatever it meets.
            if self.weighs.contains(&true) && !is_finite(out) {
                weighed(left, right, self.weighs, out);
            }
        }
    }

    // C = A·B: Ā = C̄·Bᵀ, B̄ = Aᵀ·C̄ (Giles 2008); an operand that is read transposed gets its cotangent transposed.
    fn vjp<'t, T: Real>(self, ct: &mut Cotangents<'_, 't, T>) {
        let ([a, b], c, [ta, tb], [wa, wb]) = (ct.xs(), ct.c(), self.transposed, self.weighs);
        // What meets a factor that is itself a cotangent weighs, as in the rule of `meet`.
        let (ca, cb) = (ct.is_masked() || wb, ct.is_masked() || wa);
        ct.add(0, || if ta { b.product(c, [tb, true], [wb, ca]) } else { c.product(b, [false, !tb], [ca, wb]) });
        ct.add(1, || if tb { c.product(a, [true, ta], [cb, wa]) } else { a.product(c, [!ta, false], [wa, cb]) });
    }

    fn arguments(self, _: [u32; 3]) -> String {
        match self.transposed {
            [false, false] => String::new(),
            [true, false] => "left transposed".to_owned(),
            [false, true] => "right transposed".to_owned(),
            [true, true] => "both transposed".to_owned(),
        }
    }
}

/// x·W + b with the bias added inside the product; the fused form of a product and a sum.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Affine;

impl Primitive for Affine {
    const NAMES: &'static [&'static str] = &["affine"];

    fn arity(self) -> usize {
        3
    }

    fn shape<T: Real>(self, call: &Call<'_, T>) -> Result<Shape, String> {
        let (x, w, b) = (call.shape(0), call.shape(1), call.shape(2));
        if w.rank() != 2 {
            return Err(format!("weight {w} is not a matrix [in, out]"));
        }
        if x[1] != w[0] {
            return Err(format!(
                "{x} · {w}: inner axes {} and {} differ\n  help: a weight has shape [in, out]",
                x[1], w[0]
            ));
        }
        if b != [w[1]] {
            return Err(format!("bias {b} for weight {w}: expected [{}]", w[1]));
        }
        Ok(Shape::from([x[0], w[1]]))
    }

    fn eval<T: Real>(self, args: &Args<'_, T>, out: &mut [T]) {
        let (x, w, bias) = (args.shape(0), args.shape(1), args.data(2));
        let left = Matrix::new(args.data(0), x[0], x[1], false);
        let right = Matrix::new(args.data(1), w[0], w[1], false);
        Product::new(left, right, Start::Row(bias), out).run();
    }

    // x̄ = c·Wᵀ, W̄ = xᵀ·c, b̄ = c summed over the rows (by `add`).
    fn vjp<'t, T: Real>(self, ct: &mut Cotangents<'_, 't, T>) {
        let ([x, w, _], c) = (ct.xs::<3>(), ct.c());
        let weighs = ct.is_masked();
        ct.add(0, || c.product(w, [false, true], [weighs, false]));
        ct.add(1, || x.product(c, [true, false], [false, weighs]));
        ct.add(2, || c);
    }
}

impl<'t, T: Real> Var<'t, T> {
    /// A·B, each operand as it stands or transposed; `weighs` says which is a cotangent whose zeros annihilate.
    #[track_caller]
    pub(super) fn product(self, right: Self, transposed: [bool; 2], weighs: [bool; 2]) -> Self {
        let through = [self.is_transposition(), right.is_transposition()];
        self.record(Matmul { transposed, through, weighs }, [self, right])
    }

    /// Whether this is a tensor with its last two axes exchanged.
    fn is_transposition(self) -> bool {
        let (op, _) = self.instruction();
        matches!(op, Op::Permute(permutation) if permutation.is_transposition(self.shape().rank()))
    }

    /// This tensor with its last two axes exchanged, where it is a product that a sweep recorded for itself: then
    /// (A·B)ᵀ = Bᵀ·Aᵀ, and A·B need never be computed.
    pub(super) fn transposed_product(self) -> Option<Self> {
        let (Op::Matmul(Matmul { transposed: [ta, tb], weighs: [wa, wb], .. }), [a, b, _]) = self.instruction() else {
            return None;
        };
        if !self.live().log().sweeps.is_private(self.id()) {
            return None;
        }
        Some(self.at(b).product(self.at(a), [!tb, !ta], [wb, wa]))
    }

    /// Matrix product over the last two axes.
    ///
    /// | left | right | result |
    /// |---|---|---|
    /// | `[m, k]` | `[k, n]` | `[m, n]` |
    /// | `[…, m, k]` | `[…, k, n]` | `[…, m, n]`, leading axes broadcast |
    /// | `[k]` | `[k, n]` | `[n]` |
    /// | `[m, k]` | `[k]` | `[m]` |
    /// | `[k]` | `[k]` | `[]` |
    ///
    /// Operands made by [`t`](Var::t) are read as they stand, without a copy. Cotangents: Ā = C̄·Bᵀ, B̄ = Aᵀ·C̄.
    ///
    /// # Panics
    ///
    /// If the shapes do not fit, or one operand is a scalar.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let a = array![[1.0, 2.0], [3.0, 4.0]];
    /// let g = grad(|x| x.constant(&a).matmul(x).sum(), &array![1.0, 1.0]);
    /// assert_eq!(g, array![4.0, 6.0]); // column sums
    /// ```
    ///
    /// # References
    ///
    /// Giles 2008, Collected matrix derivative results for forward and reverse mode algorithmic differentiation.
    #[track_caller]
    pub fn matmul(self, right: Self) -> Self {
        let (a, b) = (self.shape(), right.shape());
        match (a.rank(), b.rank()) {
            (0, _) | (_, 0) => {
                self.fail("matmul", &format!("{a} · {b}: a scalar is no matrix\n  help: multiply with `*`"))
            }
            (1, 1) => self.dot(right),
            (1, rank) if a[0] != b[rank - 2] => {
                self.fail("matmul", &format!("{a} · {b}: inner axes {} and {} differ", a[0], b[rank - 2]))
            }
            (rank, 1) if a[rank - 1] != b[0] => {
                self.fail("matmul", &format!("{a} · {b}: inner axes {} and {} differ", a[rank - 1], b[0]))
            }
            (1, _) => {
                let row = self.reshape([1, a[0]]).matmul(right);
                let axis = row.shape().rank() - 2;
                row.squeeze(axis)
            }
            (_, 1) => {
                let column = self.matmul(right.reshape([b[0], 1]));
                column.squeeze(-1)
            }
            // Rows of all batches times one matrix are one product.
            (3.., 2) if !self.is_permuted() && a[a.rank() - 1] == b[0] => {
                let mut out = a;
                let rows = a[..a.rank() - 1].iter().product();
                out[..][a.rank() - 1] = b[1];
                self.reshape([rows, b[0]]).matmul(right).reshape(out)
            }
            _ => self.product(right, [false, false], [false, false]),
        }
    }

    /// Scalar product of two vectors, Σxᵢyᵢ.
    ///
    /// # Panics
    ///
    /// If they are not vectors of one length.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// assert_eq!(grad(|x| x.dot(x), &array![1.0, 2.0]), array![2.0, 4.0]);
    /// ```
    #[track_caller]
    pub fn dot(self, right: Self) -> Self {
        let (a, b) = (self.shape(), right.shape());
        if a.rank() != 1 || a != b {
            self.fail("dot", &format!("{a} · {b}: expected two vectors of one length"));
        }
        self.reshape([1, a[0]])
            .product(right.reshape([a[0], 1]), [false, false], [false, false])
            .reshape(Shape::scalar())
    }

    /// Outer product of two vectors: element (i, j) is xᵢ·yⱼ.
    ///
    /// # Panics
    ///
    /// If they are not vectors.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// assert_eq!(grad(|x| x.outer(x).sum(), &array![1.0, 2.0]), array![6.0, 6.0]);
    /// ```
    #[track_caller]
    pub fn outer(self, right: Self) -> Self {
        let (a, b) = (self.shape(), right.shape());
        if a.rank() != 1 || b.rank() != 1 {
            self.fail("outer", &format!("{a} and {b}: expected two vectors"));
        }
        self.reshape([a[0], 1]) * right.reshape([1, b[0]])
    }

    /// Affine map x·W + b with W `[in, out]` and b `[out]`: a dense layer.
    ///
    /// `x` is `[…, in]`, the result `[…, out]`. Cotangents: x̄ = c·Wᵀ, W̄ = xᵀ·c, b̄ = Σ c over all rows.
    ///
    /// # Panics
    ///
    /// If the shapes do not fit.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let (w, b) = (array![[1.0], [2.0]], array![0.5]);
    /// let y = value(|x| x.affine(x.constant(&w), x.constant(&b)).sum(), &array![[3.0, 4.0]]);
    /// assert_eq!(y, 11.5);
    /// ```
    #[track_caller]
    pub fn affine(self, weight: Self, bias: Self) -> Self {
        let shape = self.shape();
        match shape.rank() {
            0 => self.fail("affine", "x is a scalar, expected [batch, in]"),
            2 => self.record(Affine, [self, weight, bias]),
            rank => {
                let columns = shape[rank - 1];
                let rows = self.reshape([shape[..rank - 1].iter().product(), columns]);
                let y = rows.record(Affine, [rows, weight, bias]);
                let width = y.shape()[1];
                y.reshape(shape.with(rank - 1, width))
            }
        }
    }

    fn is_permuted(self) -> bool {
        matches!(self.instruction().0, Op::Permute(_))
    }
}
