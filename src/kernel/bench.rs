//! Kernels as the benches of this crate call them. No public API: it may change with any release.
#![allow(unsafe_code, reason = "kernels are the home of unsafe code")]

pub mod tile;

use super::Lines;
use super::product::{Matrix, Product, Start};
use super::rows;
use super::scalar::{self, Binary, Function, Node, Unary};
use super::simd::math::Functions;
use super::simd::{Element, Isa, Kernel, Lanes, Level, dispatch, level, run_at};
use crate::real::Real;

/// Runs chunks of work by the team of threads.
pub fn team(chunks: usize, threads: usize, work: &(dyn Fn(usize) + Sync)) {
    super::team::run(chunks, threads, work);
}

/// Whose product is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// What tensors are computed with.
    Widest,
    /// Our own on AVX2, or what the machine has.
    Avx2,
    /// The crate `matrixmultiply`.
    Library,
}

impl Code {
    fn level(self) -> Level {
        match self {
            Self::Avx2 if Level::Avx2.is_available() => Level::Avx2,
            Self::Widest | Self::Avx2 => level(),
            Self::Library => Level::Portable,
        }
    }
}

/// `c = a·b`, A of `m × k`, B of `k × n`, either stored transposed.
pub fn product<T: Real>([m, k, n]: [usize; 3], [ta, tb]: [bool; 2], a: &[T], b: &[T], c: &mut [T], code: Code) {
    let a = if ta { Matrix::new(a, k, m, true) } else { Matrix::new(a, m, k, false) };
    let b = if tb { Matrix::new(b, n, k, true) } else { Matrix::new(b, k, n, false) };
    // SAFETY: a level that the machine has.
    unsafe { Product::new(a, b, Start::Zero, c).run_at(code.level()) }
}

/// Independent sums: enough to hide how long one multiply-add takes, few enough for all registers.
const CHAINS: usize = 12;

struct MultiplyAdds<T> {
    rounds: usize,
    x: T,
}

impl<T: Element> Kernel for MultiplyAdds<T> {
    type Output = (T, usize);

    #[inline(always)]
    fn run<I: Isa>(self) -> (T, usize) {
        let x = <T::V<I>>::splat(self.x);
        let mut sums = [x; CHAINS];
        for _ in 0..self.rounds {
            for sum in &mut sums {
                *sum = sum.fma(x, x);
            }
        }
        let total = sums.into_iter().fold(<T::V<I>>::zero(), |a, b| a + b);
        (total.reduce_sum(), 2 * CHAINS * self.rounds * <T::V<I>>::N)
    }
}

/// Multiply-adds in registers alone: what no product can be faster than. Answers with how many operations that were.
pub fn multiply_adds(rounds: usize, double: bool, code: Code) -> usize {
    let x = std::hint::black_box(0.5_f32);
    // SAFETY: a level that the machine has.
    unsafe {
        if double {
            let (sum, count) = run_at(code.level(), MultiplyAdds { rounds, x: f64::from(x) });
            std::hint::black_box(sum);
            count
        } else {
            let (sum, count) = run_at(code.level(), MultiplyAdds { rounds, x });
            std::hint::black_box(sum);
            count
        }
    }
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
