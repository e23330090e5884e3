//! Kernels as the benches of this crate call them. No public API: it may change with any release.
#![allow(unsafe_code, reason = "kernels are the home of unsafe code")]

pub mod tile;

use super::Lines;
use super::product::{Matrix, Product, Start};
use super::rows;
use super::scalar::{self, Binary, Function, Node, Unary};
use super::simd::math::Functions;
use super::simd::{Isa, Kernel, dispatch};
use crate::real::Real;

/// Runs chunks of work by the team of threads.
pub fn team(chunks: usize, threads: usize, work: &(dyn Fn(usize) + Sync)) {
    super::team::run(chunks, threads, work);
}

/// `c = a·b`, A of `m × k`, B of `k × n`, either stored transposed.
pub fn product<T: Real>([m, k, n]: [usize; 3], [ta, tb]: [bool; 2], a: &[T], b: &[T], c: &mut [T]) {
    let a = if ta { Matrix::new(a, k, m, true) } else { Matrix::new(a, m, k, false) };
    let b = if tb { Matrix::new(b, n, k, true) } else { Matrix::new(b, k, n, false) };
    Product::new(a, b, Start::Zero, c).run();
}

/// The same by the crate `matrixmultiply`, added to what C holds where `add` says so.
///
/// # Panics
///
/// If a slice has another length than its matrix.
pub fn library_product([m, k, n]: [usize; 3], [ta, tb]: [bool; 2], a: &[f32], b: &[f32], c: &mut [f32], add: bool) {
    assert_eq!([a.len(), b.len(), c.len()], [m * k, k * n, m * n], "lengths of matrices");
    let strides = |transposed, rows: usize, columns: usize| {
        if transposed { (1, rows.cast_signed()) } else { (columns.cast_signed(), 1) }
    };
    let ((rsa, csa), (rsb, csb)) = (strides(ta, m, k), strides(tb, k, n));
    let (a, b, c, beta) = (a.as_ptr(), b.as_ptr(), c.as_mut_ptr(), f32::from(u8::from(add)));
    // SAFETY: the slices are as long as the matrices, and strides stay within them.
    unsafe { matrixmultiply::sgemm(m, k, n, 1.0, a, rsa, csa, b, rsb, csb, beta, c, n.cast_signed(), 1) }
}

/// A chain of sines of single numbers, x → sin(k·x + c) − d, and its derivative on the way back.
#[derive(Debug)]
pub struct Chain {
    program: scalar::Program<f32>,
    table: Vec<f32>,
}

impl Chain {
    /// A chain of so many links, each with numbers of its own, as a program.
    ///
    /// # Panics
    ///
    /// If it has 2^32 numbers.
    #[must_use]
    pub fn new(links: usize) -> Self {
        let mut table = vec![0.3, 1.0];
        (0..links).for_each(|_| table.extend([1.001, 0.01, 0.5]));
        let mut nodes = Vec::new();
        let mut node = |function, operands| {
            let result = u32::try_from(table.len()).expect("short chains are measured");
            nodes.push(Node { function, operands, result });
            table.push(0.0);
            result
        };
        let (mut x, mut angles) = (0, Vec::new());
        for k in (2_u32..).step_by(3).take(links) {
            x = node(Function::Binary(Binary::Mul), [x, k, 0]);
            x = node(Function::Binary(Binary::Add), [x, k + 1, 0]);
            angles.push((x, k));
            x = node(Function::Unary(Unary::Sin), [x, 0, 0]);
            x = node(Function::Binary(Binary::Sub), [x, k + 2, 0]);
        }
        let mut slope = 1;
        for (angle, k) in angles.into_iter().rev() {
            let cos = node(Function::Unary(Unary::Cos), [angle, 0, 0]);
            slope = node(Function::Binary(Binary::Mul), [slope, cos, 0]);
            slope = node(Function::Binary(Binary::Mul), [slope, k, 0]);
        }
        Self { program: scalar::compile(&nodes, |_| false), table }
    }

    /// Runs the program; answers with the derivative.
    pub fn run(&mut self) -> f32 {
        self.program.run(&mut self.table);
        self.table[self.table.len() - 1]
    }
}

/// The same chain as compiled code: what no program can be faster than. Answers with the derivative.
pub fn straight_chain(cosines: &mut [f32], x: f32) -> f32 {
    dispatch(Straight { cosines, x })
}

struct Straight<'a> {
    cosines: &'a mut [f32],
    x: f32,
}

impl Kernel for Straight<'_> {
    type Output = f32;

    #[inline(always)]
    fn run<I: Isa>(self) -> f32 {
        let (k, c, d) = std::hint::black_box((1.001, 0.01, 0.5));
        let mut x = self.x;
        for slot in self.cosines.iter_mut() {
            let (sin, cos) = <f32 as Functions>::sin_cos::<I>(x * k + c);
            *slot = cos;
            x = sin - d;
        }
        self.cosines.iter().rev().fold(1.0, |slope, &cos| slope * cos * k)
    }
}

/// Softmax of rows of `n`.
pub fn softmax<T: Real>(n: usize, x: &[T], out: &mut [T]) {
    rows::softmax(Lines { outer: x.len() / n, n, inner: 1 }, x, out);
}

/// ln Σeˣ of rows of `n`.
pub fn logsumexp<T: Real>(n: usize, x: &[T], out: &mut [T]) {
    rows::logsumexp(Lines { outer: x.len() / n, n, inner: 1 }, x, out);
}

/// The cross-entropy of rows of `n` logits.
pub fn cross_entropy<T: Real>(n: usize, x: &[T], labels: &[u32], loss: &mut [T]) {
    rows::cross_entropy(n, x, labels, loss);
}

/// Standardised rows of `n`.
pub fn standardize<T: Real>(n: usize, x: &[T], out: &mut [T]) {
    rows::standardize(Lines { outer: x.len() / n, n, inner: 1 }, T::of(1e-5), x, out);
}
