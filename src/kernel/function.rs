//! Functions of the user's own as kernels: their values, and their first and second derivatives.
#![allow(unsafe_code, reason = "kernels are the home of unsafe code")]

use std::cell::Cell;
use std::marker::PhantomData;

use super::block::{Block, CHUNK, Chunk, Map, cover, keep_apart, run};
use super::lane::Lane;
use super::simd::math::Functions;
use super::simd::{Isa, Kernel, dispatch};
use super::tile::{PairKernels, Twins};
use super::watched::{Decisions, FarAngles, Watched};
use crate::number::{self, Dual, Num, Number, ScalarFunction};
use crate::real::{Real, twin};

/// How often a function is differentiated for each of its operands.
pub(crate) type Order = [u8; 3];

/// A function that is compiled: a kernel for each of its derivatives up to the second, for both types of elements, and a
/// slow way to all others.
#[derive(Debug)]
pub struct Compiled {
    pub(crate) name: &'static str,
    single: Vec<(Order, Block<f32>)>,
    double: Vec<(Order, Block<f64>)>,
    pairs: Vec<Pair>,
    derivative: fn(&[f64], &[usize]) -> f64,
    decisions: fn(&[f64]) -> u64,
}

/// Two operands, and the kernel of the derivatives for both.
type Pair = (usize, usize, PairKernels);

impl Compiled {
    /// The kernel of a derivative, if there is one.
    pub(crate) fn block<T: Real>(&self, order: Order) -> Option<Block<T>> {
        fn find<T: Copy>(list: &[(Order, Block<T>)], order: Order) -> Option<Block<T>> {
            list.iter().find(|(of, _)| *of == order).map(|&(_, block)| block)
        }
        twin(&find(&self.single, order), &find(&self.double, order))
    }

    /// For each operand behind this one, the kernel of the derivatives for both.
    pub(crate) fn pairs(&self, operand: usize) -> [Option<PairKernels>; 3] {
        let mut pairs = [None; 3];
        for &(_, second, kernels) in self.pairs.iter().filter(|&&(first, ..)| first == operand) {
            pairs[second] = Some(kernels);
        }
        pairs
    }

    /// A derivative of any order at a point, once for each of the directions.
    pub(crate) fn derivative(&self, x: &[f64], directions: &[usize]) -> f64 {
        (self.derivative)(x, directions)
    }

    /// A number that is another one where the formula takes another branch.
    pub(crate) fn decisions(&self, x: &[f64]) -> u64 {
        (self.decisions)(x)
    }
}

/// What can be compiled: functions of one, two or three numbers.
pub trait Compile<const N: usize>: ScalarFunction<N> {
    /// Compiles the function.
    fn compile() -> Compiled;
}

macro_rules! compile {
    ($n:literal: $($k:literal)+; $($l:literal $m:literal),+; $($first:literal $second:literal),*) => {
        impl<F: ScalarFunction<$n>> Compile<$n> for F {
            fn compile() -> Compiled {
                fn blocks<T: Functions, F: ScalarFunction<$n>>() -> Vec<(Order, Block<T>)> {
                    vec![
                        (order(&[]), block::<$n, T, Value<F>>()),
                        $((order(&[$k]), block::<$n, T, First<F, $k>>()),)+
                        $((order(&[$l, $m]), block::<$n, T, Second<F, $l, $m>>())),+
                    ]
                }
                #[allow(clippy::extra_unused_type_parameters, reason = "a single operand has no pairs")]
                fn pairs<F: ScalarFunction<$n>>() -> Vec<Pair> {
                    vec![$((
                        $first,
                        $second,
                        Twins::new(pair::<$n, f32, F, $first, $second>, pair::<$n, f64, F, $first, $second>),
                    )),*]
                }
                fn decisions<F: ScalarFunction<$n>>(x: &[f64]) -> u64 {
                    decided::<$n, F>(std::array::from_fn(|operand| x[operand]))
                }
                fn derivative<F: ScalarFunction<$n>>(x: &[f64], directions: &[usize]) -> f64 {
                    number::derivative::<$n, F>(std::array::from_fn(|operand| x[operand]), directions)
                }
                Compiled {
                    name: F::NAME,
                    single: blocks::<f32, F>(),
                    double: blocks::<f64, F>(),
                    pairs: pairs::<F>(),
                    derivative: derivative::<F>,
                    decisions: decisions::<F>,
                }
            }
        }
    };
}

compile! { 1: 0; 0 0; }
compile! { 2: 0 1; 0 0, 0 1, 1 1; 0 1 }
compile! { 3: 0 1 2; 0 0, 0 1, 0 2, 1 1, 1 2, 2 2; 0 1, 0 2, 1 2 }

/// What a formula decides at a point.
fn decided<const N: usize, F: ScalarFunction<N>>(x: [f64; N]) -> u64 {
    let all = Cell::new(0);
    Value::<F>::of(x.map(|x| Watched::new(Num(x), Decisions(Some(&all)))));
    all.get()
}

/// The order of a derivative in these directions.
fn order(directions: &[usize]) -> Order {
    let mut order = [0; 3];
    for &operand in directions {
        order[operand] += 1;
    }
    order
}

/// What is made of a function: a formula again, over any numbers.
trait Derived<const N: usize>: 'static {
    /// Must be `#[inline(always)]` where it is implemented.
    fn of<X: Number>(x: [X; N]) -> X;
}

/// The function itself.
struct Value<F>(PhantomData<F>);

impl<const N: usize, F: ScalarFunction<N>> Derived<N> for Value<F> {
    #[inline(always)]
    fn of<X: Number>(x: [X; N]) -> X {
        F::formula(constants(x)).value
    }
}

/// Its derivative for operand `K`.
struct First<F, const K: usize>(PhantomData<F>);

impl<const N: usize, F: ScalarFunction<N>, const K: usize> Derived<N> for First<F, K> {
    #[inline(always)]
    fn of<X: Number>(x: [X; N]) -> X {
        let mut duals = constants(x);
        duals[K] = Dual::variable(x[K]);
        F::formula(duals).slope()
    }
}

/// The derivative of that for operand `L`.
struct Second<F, const K: usize, const L: usize>(PhantomData<F>);

impl<const N: usize, F: ScalarFunction<N>, const K: usize, const L: usize> Derived<N> for Second<F, K, L> {
    #[inline(always)]
    fn of<X: Number>(x: [X; N]) -> X {
        let mut inner = constants(x);
        inner[L] = Dual::variable(x[L]);
        let mut duals = constants(inner);
        duals[K] = Dual::variable(inner[K]);
        F::formula(duals).slope().slope()
    }
}

#[inline(always)]
fn constants<const N: usize, X: Number>(x: [X; N]) -> [Dual<X>; N] {
    let (mut duals, mut k) = ([Dual::constant(x[0]); N], 1);
    while k < N {
        duals[k] = Dual::constant(x[k]);
        k += 1;
    }
    duals
}

fn block<const N: usize, T: Functions, D: Derived<N>>() -> Block<T> {
    Block::new::<N>(|inputs, out, n| {
        // SAFETY: handed on to the caller.
        unsafe { cover::<N, T>(chunks::<N, T, D>, N, inputs, out, n) }
    })
}

/// Fills whole chunks.
///
/// # Safety
///
/// As for [`run`].
unsafe fn chunks<const N: usize, T: Functions, D: Derived<N>>(inputs: *const *const T, out: *mut T, n: usize) {
    // SAFETY: handed on to the caller.
    unsafe { run(Map::<N, T, _> { inputs, out, n, chunk: Values::<D>(PhantomData) }) }
}

struct Values<D>(PhantomData<D>);

impl<const N: usize, T: Functions, D: Derived<N>> Chunk<N, T> for Values<D> {
    #[inline(always)]
    unsafe fn compute<I: Isa>(&self, operands: [*const T; N]) -> [T; CHUNK] {
        // An array of its own: it overlaps no operand, whatever these do among each other.
        let mut values = [T::zero(); CHUNK];
        let far = Cell::new(false);
        let mut i = 0;
        while i < CHUNK {
            // SAFETY: the caller vouches for whole chunks.
            let x = unsafe { element(operands, i) };
            values[i] = watched::<N, T, I, D>(x, &far);
            i += 1;
        }
        if far.get() {
            // SAFETY: as above.
            unsafe { far_angles::<N, T, I, D>(operands, &mut values) };
        }
        values
    }
}

/// # Safety
///
/// Element `i` of each operand must be readable.
#[inline(always)]
unsafe fn element<const N: usize, T: Real>(operands: [*const T; N], i: usize) -> [T; N] {
    let (mut x, mut k) = ([T::zero(); N], 0);
    while k < N {
        // SAFETY: the caller vouches for it.
        x[k] = unsafe { *operands[k].add(i) };
        k += 1;
    }
    x
}

/// The value, and whether there was an angle too large for the quick way.
#[inline(always)]
fn watched<const N: usize, T: Functions, I: Isa, D: Derived<N>>(x: [T; N], far: &Cell<bool>) -> T {
    let (mut numbers, mut k) = ([Watched::new(Lane::<T, I>::new(x[0]), FarAngles(Some(far))); N], 1);
    while k < N {
        numbers[k] = Watched::new(Lane::new(x[k]), FarAngles(Some(far)));
        k += 1;
    }
    D::of(numbers).number.0
}

/// Computes those elements again in which an angle is too large for the quick way.
///
/// # Safety
///
/// A whole chunk must be readable at each operand.
#[cold]
#[inline(never)]
unsafe fn far_angles<const N: usize, T: Functions, I: Isa, D: Derived<N>>(
    operands: [*const T; N],
    values: &mut [T; CHUNK],
) {
    for (i, value) in values.iter_mut().enumerate() {
        // SAFETY: the caller vouches for whole chunks.
        let x = unsafe { element(operands, i) };
        let far = Cell::new(false);
        watched::<N, T, I, D>(x, &far);
        if far.get() {
            *value = D::of(x.map(Num)).0;
        }
    }
}

/// The derivatives for two operands, element by element.
///
/// # Safety
///
/// `N` pointers must stand at `inputs` and two at `outs`; `n` elements must be readable and writable there. No out overlaps
/// an input, nor the other one.
unsafe fn pair<const N: usize, T: Functions, F: ScalarFunction<N>, const K: usize, const L: usize>(
    inputs: *const *const T,
    outs: *const *mut T,
    n: usize,
) {
    let (whole, rest) = (n - n % CHUNK, n % CHUNK);
    // SAFETY: the caller vouches for `n` elements at all pointers, and for these.
    unsafe {
        let (mut inputs, outs) = (inputs.cast::<[*const T; N]>().read(), outs.cast::<[*mut T; 2]>().read());
        dispatch(Both::<N, T, F, K, L> { inputs, outs, n: whole, function: PhantomData });
        if rest > 0 {
            let (mut heads, mut tails) = ([[T::zero(); CHUNK]; N], [[T::zero(); CHUNK]; 2]);
            for (input, head) in inputs.iter_mut().zip(&mut heads) {
                input.add(whole).copy_to_nonoverlapping(head.as_mut_ptr(), rest);
                *input = head.as_ptr();
            }
            let ends = tails.each_mut().map(|tail| tail.as_mut_ptr());
            dispatch(Both::<N, T, F, K, L> { inputs, outs: ends, n: CHUNK, function: PhantomData });
            for (tail, out) in ends.into_iter().zip(outs) {
                tail.copy_to_nonoverlapping(out.add(whole), rest);
            }
        }
    }
}

/// Two derivatives of whole chunks, `n` elements of them.
struct Both<const N: usize, T, F, const K: usize, const L: usize> {
    inputs: [*const T; N],
    outs: [*mut T; 2],
    n: usize,
    function: PhantomData<F>,
}

impl<const N: usize, T: Functions, F: ScalarFunction<N>, const K: usize, const L: usize> Kernel
    for Both<N, T, F, K, L>
{
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { mut inputs, mut outs, n, .. } = self;
        for _ in 0..n / CHUNK {
            let mut values = [[T::zero(); CHUNK]; 2];
            let far = Cell::new(false);
            let mut i = 0;
            while i < CHUNK {
                // SAFETY: whoever made this vouches for whole chunks.
                let x = unsafe { element(inputs, i) };
                values[0][i] = watched::<N, T, I, First<F, K>>(x, &far);
                values[1][i] = watched::<N, T, I, First<F, L>>(x, &far);
                i += 1;
            }
            // SAFETY: as above; `values` overlaps nothing.
            unsafe {
                if far.get() {
                    far_angles::<N, T, I, First<F, K>>(inputs, &mut values[0]);
                    far_angles::<N, T, I, First<F, L>>(inputs, &mut values[1]);
                }
                for (values, out) in values.iter().zip(outs) {
                    values.as_ptr().copy_to_nonoverlapping(out, CHUNK);
                }
            }
            inputs = inputs.map(|input| input.wrapping_add(CHUNK));
            outs = outs.map(|out| out.wrapping_add(CHUNK));
            keep_apart();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::simd::{Level, dispatch_at};

    /// x·sigmoid(y·x) + sin x: a function of two numbers with an angle in it.
    struct Wave;

    impl ScalarFunction<2> for Wave {
        const NAME: &'static str = "wave";
        #[inline(always)]
        fn formula<N: Number>([x, y]: [Dual<N>; 2]) -> Dual<N> {
            x * (y * x).sigmoid() + x.sin()
        }
    }

    /// Every kind of number that needs care among ordinary ones; the others stand in another order.
    fn operands<T: Functions>() -> [Vec<T>; 2] {
        // Miri's `sin` of angles far away is off by a digit now and then, on purpose.
        let far = if cfg!(miri) { 1.0 } else { 1.5e6 };
        let edges = [0.0, -0.0, 1e-30, 90.0, -800.0, far, -2e3 * far, f64::INFINITY, f64::NAN];
        let all: Vec<T> =
            (0..CHUNK * 8 - edges.len()).map(|i| (i * 37 % 501) as f64 / 50.0 - 5.0).chain(edges).map(T::of).collect();
        let other = (0..all.len()).map(|i| all[(i * 29 + 7) % all.len()]).collect();
        [all, other]
    }

    fn at<T: Functions, D: Derived<2>>(level: Level, x: &[Vec<T>; 2]) -> Vec<T> {
        let (mut out, inputs) = (vec![T::zero(); x[0].len()], x.each_ref().map(Vec::as_ptr));
        let chunk = Values::<D>(PhantomData);
        dispatch_at(level, Map::<2, T, _> { inputs: inputs.as_ptr(), out: out.as_mut_ptr(), n: out.len(), chunk });
        out
    }

    fn same<T: Real>(a: &[T], b: &[T]) -> bool {
        a.iter().zip(b).all(|(a, b)| a.bits() == b.bits() || (a.is_nan() && b.is_nan()))
    }

    fn agrees<T: Functions, D: Derived<2>>() {
        let x = operands::<T>();
        let mut fused: Option<Vec<T>> = None;
        for level in Level::available() {
            let found = at::<T, D>(level, &x);
            for (i, &found) in found.iter().enumerate() {
                let expected = D::of([Num(x[0][i]), Num(x[1][i])]).0;
                let size = expected.abs().max(x[0][i].abs()).max(x[1][i].abs()).max(T::one());
                let near = (found - expected).abs() <= size * T::epsilon() * T::of(16.0);
                let alike = found.bits() == expected.bits() || (found.is_nan() && expected.is_nan());
                assert!(near || alike, "{level:?} of {:e}, {:e}: {found:e}, {expected:e}", x[0][i], x[1][i]);
            }
            if level != Level::Portable {
                let first = fused.get_or_insert_with(|| found.clone());
                assert!(same(first, &found), "{level:?} has other bits");
            }
        }
    }

    #[test]
    fn all_derivatives_agree_with_plain_numbers_at_every_level() {
        agrees::<f32, Value<Wave>>();
        agrees::<f64, Value<Wave>>();
        agrees::<f32, First<Wave, 0>>();
        agrees::<f64, First<Wave, 0>>();
        agrees::<f64, First<Wave, 1>>();
        agrees::<f32, Second<Wave, 0, 1>>();
        agrees::<f64, Second<Wave, 0, 0>>();
    }

    #[test]
    fn two_slopes_together_have_the_bits_of_each_alone() {
        fn check<T: Functions>() {
            let x = operands::<T>();
            let alone = [block::<2, T, First<Wave, 0>>(), block::<2, T, First<Wave, 1>>()].map(|block| {
                let mut out = vec![T::zero(); x[0].len()];
                block.fill(&[&x[0], &x[1]], &mut out);
                out
            });
            for n in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, x[0].len()] {
                let mut outs = [vec![T::one(); x[0].len()], vec![T::one(); x[0].len()]];
                let (inputs, to) = (x.each_ref().map(Vec::as_ptr), outs.each_mut().map(Vec::as_mut_ptr));
                // SAFETY: all of them have `n` elements and more, and overlap nothing.
                unsafe { pair::<2, T, Wave, 0, 1>(inputs.as_ptr(), to.as_ptr(), n) };
                for (out, alone) in outs.iter().zip(&alone) {
                    assert!(same(&out[..n], &alone[..n]), "{n} elements");
                    assert!(out[n..].iter().all(|&x| x == T::one()), "nothing is written behind {n} elements");
                }
            }
        }
        check::<f32>();
        check::<f64>();
    }
}
