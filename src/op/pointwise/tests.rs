//! The kernel of every row: against its formula with the functions of `std`, at every level, cut anywhere, in place.

use super::{activation, arithmetic, comparison, elementary, selection, trigonometric};
use crate::kernel::block::Block;
use crate::kernel::formula::{Formula, fill_at};
use crate::kernel::lane::Lane;
use crate::kernel::powers;
use crate::kernel::simd::math::Functions;
use crate::kernel::simd::{Isa, Level};
use crate::number::Num;
use crate::op::{Leaf, Op, Powi, Primitive as _};

/// Sees the formula of each row.
pub(super) trait Visitor {
    fn row<const N: usize, F: Formula<N>>(&mut self, name: &str, op: Op);
}

fn visit(mut visitor: impl Visitor) {
    arithmetic::visit(&mut visitor);
    elementary::visit(&mut visitor);
    trigonometric::visit(&mut visitor);
    activation::visit(&mut visitor);
    comparison::visit(&mut visitor);
    selection::visit(&mut visitor);
}

/// Ordinary numbers, then every kind of number that needs care.
fn numbers<T: Functions>() -> Vec<T> {
    let tiny = T::min_positive_value();
    let edges = [
        T::zero(),
        T::one(),
        T::of(0.5),
        T::of(2.5),
        T::of(3.0),
        T::of(20.0),
        T::of(100.0),
        T::of(800.0),
        T::of(3e6),
        T::epsilon(),
        tiny,
        tiny * T::of(0.25),
        T::max_value(),
        T::infinity(),
        T::nan(),
    ];
    let ordinary = (0..200).map(|i| T::of(f64::from((i * 7919) % 1201 - 600) / 100.0));
    ordinary.chain(edges.into_iter().flat_map(|x| [x, -x])).collect()
}

/// All numbers as the first operand, each with numbers in other orders as the others.
fn operands<const N: usize, T: Functions>() -> [Vec<T>; N] {
    let all: Vec<T> = numbers();
    let n = all.len() * if N == 1 { 1 } else { 41 };
    std::array::from_fn(|k| (0..n).map(|i| all[(i + k * (i / all.len()) * 17 + k * 5) % all.len()]).collect())
}

fn borrow<const N: usize, T>(operands: &[Vec<T>; N]) -> [&[T]; N] {
    operands.each_ref().map(|operand| &operand[..])
}

fn same<T: Functions>(a: T, b: T) -> bool {
    a.bits() == b.bits() || (a.is_nan() && b.is_nan())
}

struct AgainstPlain;

impl AgainstPlain {
    fn check<const N: usize, T: Functions, F: Formula<N>>(name: &str) {
        let x = operands::<N, T>();
        let mut got = vec![T::zero(); x[0].len()];
        for level in Level::available() {
            fill_at::<N, T, F>(level, borrow(&x), &mut got);
            for (i, &got) in got.iter().enumerate() {
                let x = x.each_ref().map(|x| x[i]);
                let want = F::plain(x.map(Num)).0;
                // Functions are within two units; formulas may subtract what is as large as their operands.
                let size = x.iter().fold(want.abs(), |size, x| if x.is_finite() { size.max(x.abs()) } else { size });
                let near = (got - want).abs() <= size * T::epsilon() * T::of(8.0);
                let alike = want != T::zero() || got != want || same(got, want);
                assert!(same(got, want) || (near && alike), "{name} {} {level:?} of {x:?}: {got:e}, {want:e}", T::NAME);
            }
        }
    }
}

impl Visitor for AgainstPlain {
    fn row<const N: usize, F: Formula<N>>(&mut self, name: &str, _: Op) {
        Self::check::<N, f32, F>(name);
        Self::check::<N, f64, F>(name);
    }
}

#[test]
fn kernels_agree_with_their_formulas_at_every_level() {
    visit(AgainstPlain);
}

struct AcrossWidths;

impl AcrossWidths {
    fn check<const N: usize, T: Functions, F: Formula<N>>(name: &str) {
        let x = operands::<N, T>();
        let fused = Level::available().filter(|&level| level != Level::Portable);
        let results: Vec<Vec<T>> = fused
            .map(|level| {
                let mut out = vec![T::zero(); x[0].len()];
                fill_at::<N, T, F>(level, borrow(&x), &mut out);
                out
            })
            .collect();
        for pair in results.windows(2) {
            assert!(pair[0].iter().zip(&pair[1]).all(|(&a, &b)| same(a, b)), "{name} {}", T::NAME);
        }
    }
}

impl Visitor for AcrossWidths {
    fn row<const N: usize, F: Formula<N>>(&mut self, name: &str, _: Op) {
        Self::check::<N, f32, F>(name);
        Self::check::<N, f64, F>(name);
    }
}

#[test]
fn bits_do_not_depend_on_the_width_of_registers() {
    visit(AcrossWidths);
}

struct Cut;

impl Cut {
    fn check<const N: usize, T: Functions>(name: &str, block: Block<T>) {
        let x = operands::<N, T>();
        let x = borrow(&x);
        let mut whole = vec![T::zero(); x[0].len()];
        block.fill(&x, &mut whole);
        let last = whole.len() - 70;
        for n in (0..70).filter(|n| n % 9 < 3 || n % 32 < 2) {
            for start in [0, 1, last - 3, last] {
                let range = start..start + n;
                let mut part = vec![T::zero(); n];
                block.fill(&x.map(|x| &x[range.clone()]), &mut part);
                let equal = part.iter().zip(&whole[range]).all(|(&a, &b)| same(a, b));
                assert!(equal, "{name} {}: {n} elements from {start} on", T::NAME);
            }
        }
        for operand in 0..N {
            let mut out = x[operand].to_vec();
            block.fill_in_place(x, operand, &mut out);
            assert!(out.iter().zip(&whole).all(|(&a, &b)| same(a, b)), "{name} {}: in place {operand}", T::NAME);
        }
    }
}

impl Visitor for Cut {
    fn row<const N: usize, F: Formula<N>>(&mut self, name: &str, op: Op) {
        Self::check::<N, f32>(name, op.block().unwrap());
        Self::check::<N, f64>(name, op.block().unwrap());
    }
}

#[test]
fn blocks_may_be_cut_anywhere_and_filled_in_place() {
    visit(Cut);
}

/// Not what its formula says, and another thing at every level.
struct Wrong;

impl Formula<1> for Wrong {
    const ANGLE: bool = false;

    fn fast<T: Functions, I: Isa>([x]: [Lane<T, I>; 1]) -> Lane<T, I> {
        x + f64::from(I::LEVEL as u8)
    }

    fn plain<T: Functions>([x]: [Num<T>; 1]) -> Num<T> {
        x
    }
}

#[test]
#[should_panic(expected = "wrong f32 Portable")]
fn a_kernel_that_differs_from_its_formula_is_caught() {
    AgainstPlain.row::<1, Wrong>("wrong", Leaf::Literal.into());
}

#[test]
fn a_kernel_that_differs_between_widths_is_caught() {
    let widths = Level::available().filter(|&level| level != Level::Portable).count();
    let caught = std::panic::catch_unwind(|| AcrossWidths.row::<1, Wrong>("wrong", Leaf::Literal.into())).is_err();
    assert_eq!(caught, widths > 1);
}

#[test]
fn whole_powers_are_repeated_products() {
    let x: Vec<f64> = (0..70).map(|i| f64::from(i) * 0.25 - 8.0).collect();
    let mut out = vec![0.0; x.len()];
    let kernel = Powi.block().unwrap();
    for (n, expected) in [
        (0, (|_| 1.0) as fn(f64) -> f64),
        (1, |x| x),
        (2, |x| x * x),
        (3, |x| x * (x * x)),
        (6, |x| (x * x) * ((x * x) * (x * x))),
        (-1, |x| 1.0 / x),
        (-3, |x| 1.0 / (x * (x * x))),
    ] {
        powers::fill(kernel, &x, n, &mut out);
        for (x, y) in x.iter().zip(&out) {
            assert_eq!(expected(*x).to_bits(), y.to_bits(), "{x}^{n}");
        }
    }
}

#[test]
fn ops_that_are_not_pointwise_have_no_block() {
    assert!(Op::from(Leaf::Literal).block::<f64>().is_none());
}
