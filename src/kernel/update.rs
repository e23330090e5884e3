//! Fused updates: one pass over parameters, their gradient and what an optimiser keeps for them.
//!
//! A rule is a [`Formula`] on numbers; the pass loads a vector of each, computes, and stores a vector of each, so that
//! memory is read once and written once. Multiplications and additions are not contracted: every instruction set gives
//! the bits of the formula as it stands.
#![allow(unsafe_code, reason = "kernels are the home of unsafe code")]
#![allow(
    clippy::needless_range_loop,
    reason = "registers are counted; loops over iterators are ten times the code to compile"
)]

use super::simd::{Element, Isa, Kernel, Lanes, WIDEST, dispatch};
use crate::real::{Real, twin};

/// An update of one parameter θ by its derivative g and by `K` numbers that are kept from step to step.
///
/// It is a struct of coefficients, which the type of the elements rounds once.
pub(crate) trait Formula<const K: usize>: Copy + 'static {
    /// The next θ and the next numbers. Must be `#[inline(always)]`, and a formula on lanes that do not meet.
    fn next<T: Element, V: Lanes<T>>(self, theta: V, g: V, kept: [V; K]) -> (V, [V; K]);

    /// [`Twins::of`], and `#[inline(never)]`: stated for each formula, so that its passes are compiled with this crate.
    fn twins() -> Twins<Self, K>;
}

/// What happens to every derivative and value before a formula sees them.
///
/// ```text
/// g ← clip · g + l2 · θ
/// θ ← shrink · θ
/// ```
#[derive(Clone, Copy, Debug)]
pub(crate) struct Before {
    pub(crate) clip: f64,
    pub(crate) l2: f64,
    pub(crate) shrink: f64,
}

impl Before {
    /// Nothing happens.
    pub(crate) const NOTHING: Self = Self { clip: 1.0, l2: 0.0, shrink: 1.0 };
}

/// Coefficients in all lanes.
#[inline(always)]
pub(crate) fn splat<T: Element, V: Lanes<T>, const N: usize>(coefficients: [f64; N]) -> [V; N] {
    let mut lanes = [V::zero(); N];
    for k in 0..N {
        lanes[k] = V::splat(T::of(coefficients[k]));
    }
    lanes
}

/// The weights β and 1 − β of a moving average; the difference is taken before rounding to the element type.
#[inline(always)]
pub(crate) fn weights<T: Element, V: Lanes<T>>(beta: f64) -> [V; 2] {
    splat::<T, V, 2>([beta, 1.0 - beta])
}

/// 1 with the sign of `x`; what has no sign, 0 and NaN, stays as it is.
#[inline(always)]
pub(crate) fn sign<T: Element, V: Lanes<T>>(x: V) -> V {
    V::select(x.abs().gt(V::zero()), V::splat(T::one()).copysign(x), x)
}

type Run<F, T, const K: usize> = fn(F, Before, &mut [T], &[T], [&mut [T]; K]);

/// The pass of a formula for each element type.
pub(crate) struct Twins<F, const K: usize> {
    single: Run<F, f32, K>,
    double: Run<F, f64, K>,
}

impl<F: Formula<K>, const K: usize> Twins<F, K> {
    pub(crate) fn of() -> Self {
        Self { single: pass, double: pass }
    }
}

/// Updates all parameters of a range; the slices have one length.
pub(crate) fn update<T: Real, F: Formula<K>, const K: usize>(
    formula: F,
    before: Before,
    theta: &mut [T],
    gradient: &[T],
    kept: [&mut [T]; K],
) {
    let twins = F::twins();
    let run: Run<F, T, K> = twin(&twins.single, &twins.double);
    run(formula, before, theta, gradient, kept);
}

fn pass<T: Element, F: Formula<K>, const K: usize>(
    formula: F,
    before: Before,
    theta: &mut [T],
    gradient: &[T],
    kept: [&mut [T]; K],
) {
    pass_by(&dispatch, formula, before, theta, gradient, kept);
}

/// Whole vectors, then what is left, brought to one.
fn pass_by<T: Element, F: Formula<K>, const K: usize>(
    run: &dyn Fn(Pass<T, F, K>),
    formula: F,
    before: Before,
    theta: &mut [T],
    gradient: &[T],
    kept: [&mut [T]; K],
) {
    let n = theta.len();
    assert!(gradient.len() == n && kept.iter().all(|kept| kept.len() == n), "update: slices of one length");
    let whole = n - n % WIDEST;
    let mut starts = [std::ptr::null_mut(); K];
    for k in 0..K {
        starts[k] = kept[k].as_mut_ptr();
    }
    // SAFETY: the slices are borrowed for the pass, those that are written exclusively, and have `whole` elements.
    run(unsafe { Pass::new(formula, before, whole, theta.as_mut_ptr(), gradient.as_ptr(), starts) });
    let rest = n - whole;
    if rest == 0 {
        return;
    }
    let (mut theta_end, mut gradient_end) = ([T::zero(); WIDEST], [T::zero(); WIDEST]);
    let mut kept_ends = [[T::zero(); WIDEST]; K];
    theta_end[..rest].copy_from_slice(&theta[whole..]);
    gradient_end[..rest].copy_from_slice(&gradient[whole..]);
    for k in 0..K {
        kept_ends[k][..rest].copy_from_slice(&kept[k][whole..]);
        starts[k] = kept_ends[k].as_mut_ptr();
    }
    // SAFETY: these are ours, and as long as the widest vector.
    run(unsafe { Pass::new(formula, before, WIDEST, theta_end.as_mut_ptr(), gradient_end.as_ptr(), starts) });
    theta[whole..].copy_from_slice(&theta_end[..rest]);
    for k in 0..K {
        kept[k][whole..].copy_from_slice(&kept_ends[k][..rest]);
    }
}

struct Pass<T, F, const K: usize> {
    formula: F,
    before: Before,
    /// A whole number of vectors, however wide.
    n: usize,
    theta: *mut T,
    gradient: *const T,
    kept: [*mut T; K],
}

impl<T: Element, F: Formula<K>, const K: usize> Pass<T, F, K> {
    /// # Safety
    ///
    /// `n` must be a multiple of [`WIDEST`]. `n` elements must be readable at each pointer, and writable but for the gradient's, and nobody else's meanwhile.
    unsafe fn new(formula: F, before: Before, n: usize, theta: *mut T, gradient: *const T, kept: [*mut T; K]) -> Self {
        Self { formula, before, n, theta, gradient, kept }
    }

    #[inline(always)]
    fn next<V: Lanes<T>>(&self, theta: V, gradient: V, kept: [V; K]) -> (V, [V; K]) {
        let [clip, l2, shrink] = splat::<T, V, 3>([self.before.clip, self.before.l2, self.before.shrink]);
        let g = clip * gradient;
        // Not `g + 0 · θ`: with θ = ∞ that is NaN.
        let g = if self.before.l2 == 0.0 { g } else { g + l2 * theta };
        self.formula.next(shrink * theta, g, kept)
    }
}

impl<T: Element, F: Formula<K>, const K: usize> Kernel for Pass<T, F, K> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        for at in (0..self.n).step_by(<T::V<I>>::N) {
            // SAFETY: these are among the `n` elements that `new` was promised, of which there are whole vectors.
            unsafe {
                let theta = <T::V<I>>::load(self.theta.add(at));
                let gradient = <T::V<I>>::load(self.gradient.add(at));
                let mut kept = [<T::V<I>>::zero(); K];
                for k in 0..K {
                    kept[k] = <T::V<I>>::load(self.kept[k].add(at));
                }
                let (theta, kept) = self.next(theta, gradient, kept);
                theta.store(self.theta.add(at));
                for k in 0..K {
                    kept[k].store(self.kept[k].add(at));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::simd::{Level, dispatch_at};

    /// All operations that rules use.
    #[derive(Clone, Copy)]
    struct Sample;

    impl Formula<2> for Sample {
        #[inline(always)]
        fn next<T: Element, V: Lanes<T>>(self, theta: V, g: V, [a, b]: [V; 2]) -> (V, [V; 2]) {
            let ([keep, take], [small]) = (weights::<T, V>(0.9), splat::<T, V, 1>([1e-3]));
            let a = keep * a + take * g;
            let b = b.max(a * a);
            (theta - sign(g) * a / (b.sqrt() + small), [a, b])
        }

        #[inline(never)]
        fn twins() -> Twins<Self, 2> {
            Twins::of()
        }
    }

    const BEFORE: Before = Before { clip: 0.75, l2: 0.1, shrink: 0.99 };

    fn plain<T: Real>(theta: &mut [T], gradient: &[T], [a, b]: [&mut [T]; 2]) {
        for i in 0..theta.len() {
            let g = T::of(BEFORE.clip) * gradient[i] + T::of(BEFORE.l2) * theta[i];
            a[i] = T::of(0.9) * a[i] + T::of(1.0 - 0.9) * g;
            b[i] = if b[i] > a[i] * a[i] { b[i] } else { a[i] * a[i] };
            let sign = if g == T::zero() { g } else { g.signum() };
            theta[i] = T::of(BEFORE.shrink) * theta[i] - sign * a[i] / (b[i].sqrt() + T::of(1e-3));
        }
    }

    fn every_instruction_set_gives_the_bits_of_the_formula<T: Element>() {
        for n in [0, 1, 2, 3, 15, 16, 17, 40, 100] {
            let wave = |by: u32| (0..n).map(|i| T::of(f64::from(i * by % 101) / 25.0 - 2.0)).collect::<Vec<_>>();
            let start = [wave(7), wave(11), wave(13), wave(17)];
            let [mut theta, gradient, mut a, mut b] = start.clone();
            plain(&mut theta, &gradient, [&mut a, &mut b]);
            for level in Level::available() {
                let [mut x, _, mut c, mut d] = start.clone();
                let run = |pass: Pass<T, Sample, 2>| dispatch_at(level, pass);
                pass_by(&run, Sample, BEFORE, &mut x, &gradient, [&mut c, &mut d]);
                assert_eq!((&x, &c, &d), (&theta, &a, &b), "{n}, {level:?}");
            }
            let [mut x, _, mut c, mut d] = start;
            update(Sample, BEFORE, &mut x, &gradient, [&mut c, &mut d]);
            assert_eq!((x, c, d), (theta, a, b), "{n}");
        }
    }

    #[test]
    fn every_instruction_set_gives_the_bits_of_the_formula_in_f32() {
        every_instruction_set_gives_the_bits_of_the_formula::<f32>();
    }

    #[test]
    fn every_instruction_set_gives_the_bits_of_the_formula_in_f64() {
        every_instruction_set_gives_the_bits_of_the_formula::<f64>();
    }

    /// θ by the sign of g.
    #[derive(Clone, Copy)]
    struct Signs;

    impl Formula<0> for Signs {
        #[inline(always)]
        fn next<T: Element, V: Lanes<T>>(self, _: V, g: V, _: [V; 0]) -> (V, [V; 0]) {
            (sign(g), [])
        }

        #[inline(never)]
        fn twins() -> Twins<Self, 0> {
            Twins::of()
        }
    }

    #[test]
    fn signs_of_everything() {
        let g = [3.0, -1e-45, 0.0, -0.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, -2.0, f32::MIN_POSITIVE];
        let expected = [1.0, -1.0, 0.0, -0.0, 1.0, -1.0, f32::NAN, -1.0, 1.0];
        for level in Level::available() {
            let mut theta = [7.0; 9];
            let run = |pass: Pass<f32, Signs, 0>| dispatch_at(level, pass);
            pass_by(&run, Signs, Before::NOTHING, &mut theta, &g, []);
            let equal = theta.iter().zip(expected).all(|(x, e)| x.to_bits() == e.to_bits() || x.is_nan() && e.is_nan());
            assert!(equal, "{level:?}: {theta:?}");
        }
    }

    #[test]
    #[should_panic(expected = "slices of one length")]
    fn slices_of_different_lengths_are_refused() {
        update(Sample, BEFORE, &mut [0.0_f32; 3], &[0.0; 3], [&mut [0.0; 3], &mut [0.0; 2]]);
    }
}
