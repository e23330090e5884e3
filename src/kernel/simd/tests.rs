//! Every method of every register against the scalar formula, on each instruction set that this machine has.

use super::array::Array;
use super::{Element, Isa, Kernel, Lanes, Level, dispatch, dispatch_at};

/// Numbers of every kind; pairs and triples of them are tried.
fn samples<T: Element>() -> Vec<T> {
    let tiny = T::min_positive_value();
    let whole = T::epsilon().recip();
    let sizes = [
        T::zero(),
        T::one(),
        T::of(0.5),
        T::of(1.5),
        T::of(2.5),
        T::of(0.3),
        T::of(1234.567),
        tiny,
        tiny / T::of(4.0),
        whole,
        whole - T::of(0.5),
        whole + T::one(),
        whole * T::of(1000.0),
        T::max_value(),
        T::infinity(),
        T::nan(),
    ];
    sizes.into_iter().flat_map(|x| [x, -x]).collect()
}

fn same<T: Element>(a: T, b: T) -> bool {
    a.bits() == b.bits() || (a.is_nan() && b.is_nan())
}

fn place<T: Element, V: Lanes<T>>(values: &[T]) -> V {
    assert_eq!(values.len(), V::N);
    // SAFETY: as many elements as lanes.
    unsafe { V::load(values.as_ptr()) }
}

fn lanes<T: Element, V: Lanes<T>>(v: V) -> Vec<T> {
    v.to_array()[..V::N].to_vec()
}

/// Asserts that lane by lane `got` is `want(a, b, c)`.
#[track_caller]
fn assert_lanes<T: Element, V: Lanes<T>>(name: &str, got: V, [a, b, c]: [V; 3], want: impl Fn(T, T, T) -> T) {
    let (got, a, b, c) = (lanes(got), lanes(a), lanes(b), lanes(c));
    for i in 0..V::N {
        let want = want(a[i], b[i], c[i]);
        assert!(same(got[i], want), "{name} of {}, {}, {}: {} is not {want}", a[i], b[i], c[i], got[i]);
    }
}

/// Compares all that works lane by lane.
fn check_lanes<T: Element, I: Isa>([a, b, c]: [T::V<I>; 3]) {
    let all = [a, b, c];
    let truth = |mask| T::V::<I>::select(mask, T::V::<I>::splat(T::one()), T::V::<I>::zero());
    let number = |truth: bool| if truth { T::one() } else { T::zero() };
    assert_lanes("add", a + b, all, |a, b, _| a + b);
    assert_lanes("sub", a - b, all, |a, b, _| a - b);
    assert_lanes("mul", a * b, all, |a, b, _| a * b);
    assert_lanes("div", a / b, all, |a, b, _| a / b);
    assert_lanes("neg", -a, all, |a, _, _| -a);
    assert_lanes("abs", a.abs(), all, |a, _, _| a.abs());
    assert_lanes("copysign", a.copysign(b), all, |a, b, _| a.copysign(b));
    assert_lanes("sqrt", a.sqrt(), all, |a, _, _| a.sqrt());
    assert_lanes("floor", a.floor(), all, |a, _, _| a.floor());
    assert_lanes("ceil", a.ceil(), all, |a, _, _| a.ceil());
    assert_lanes("round", a.round(), all, |a, _, _| even(a));
    assert_lanes("fma", a.fma(b, c), all, |a, b, c| if I::FMA { a.mul_add(b, c) } else { a * b + c });
    assert_lanes("fma of numbers", a.fma(b, c), all, T::fma::<I>);
    assert_lanes("max", a.max(b), all, |a, b, _| if a > b { a } else { b });
    assert_lanes("min", a.min(b), all, |a, b, _| if a < b { a } else { b });
    assert_lanes("lt", truth(a.lt(b)), all, |a, b, _| number(a < b));
    assert_lanes("le", truth(a.le(b)), all, |a, b, _| number(a <= b));
    assert_lanes("eq", truth(a.eq(b)), all, |a, b, _| number(a == b));
    assert_lanes("gt", truth(a.gt(b)), all, |a, b, _| number(a > b));
    assert_lanes("ge", truth(a.ge(b)), all, |a, b, _| number(a >= b));
    let (less, equal) = (a.lt(b), b.eq(c));
    assert_lanes("both", truth(T::V::<I>::both(less, equal)), all, |a, b, c| number(a < b && b == c));
    assert_lanes("either", truth(T::V::<I>::either(less, equal)), all, |a, b, c| number(a < b || b == c));
    assert_lanes("select", T::V::<I>::select(less, b, c), all, |a, b, c| if a < b { b } else { c });
    let pairs: Vec<bool> = lanes(a).iter().zip(&lanes(b)).map(|(a, b)| a < b).collect();
    assert_eq!(T::V::<I>::any(less), pairs.contains(&true));
    assert_eq!(T::V::<I>::all(less), !pairs.contains(&false));
}

/// The nearest integer, the even one of two.
fn even<T: Element>(x: T) -> T {
    let near = x.round();
    let tie = (x - x.trunc()).abs() == T::of(0.5);
    if tie { (T::of(2.0) * (x / T::of(2.0)).round()).copysign(x) } else { near }
}

/// Compares what works on bits with the same on arrays, and with integers.
fn check_bits<T: Element, I: Isa>([a, b, c]: [T::V<I>; 3]) {
    let all = [a, b, c];
    let of = |f: fn(u64, u64) -> u64| move |a: T, b: T, _: T| T::from_bits(f(a.bits(), b.bits()));
    assert_lanes("bit_and", a.bit_and(b), all, of(|a, b| a & b));
    assert_lanes("bit_or", a.bit_or(b), all, of(|a, b| a | b));
    assert_lanes("bit_xor", a.bit_xor(b), all, of(|a, b| a ^ b));
    assert_lanes("bits_add", a.bits_add(b), all, of(u64::wrapping_add));
    assert_lanes("bits_sub", a.bits_sub(b), all, of(u64::wrapping_sub));
    for by in [0, 1, 23, 31] {
        assert_lanes("bits_shl", a.bits_shl(by), all, |a, _, _| T::from_bits(a.bits() << by));
        assert_lanes("bits_shr", a.bits_shr(by), all, |a, _, _| T::from_bits(a.bits() >> by));
    }
}

/// Compares reductions with halves taken by hand.
fn check_reductions<T: Element, I: Isa>(a: T::V<I>) {
    let halve = |f: fn(T, T) -> T| {
        let mut rest = lanes(a);
        while rest.len() > 1 {
            let upper = rest.split_off(rest.len() / 2);
            rest.iter_mut().zip(upper).for_each(|(lower, upper)| *lower = f(*lower, upper));
        }
        rest[0]
    };
    assert!(same(a.reduce_sum(), halve(|a, b| a + b)), "sum of {:?}", lanes(a));
    assert!(same(a.reduce_max(), halve(|a, b| if a > b { a } else { b })), "max of {:?}", lanes(a));
    assert!(same(a.reduce_min(), halve(|a, b| if a < b { a } else { b })), "min of {:?}", lanes(a));
}

/// Compares the lanes of two vectors in turn with the same by hand.
fn check_zip<T: Element, I: Isa>(a: T::V<I>, b: T::V<I>) {
    let (lower, upper) = a.zip(b);
    let got = [lanes(lower), lanes(upper)].concat();
    let want: Vec<T> = lanes(a).into_iter().zip(lanes(b)).flat_map(|(a, b)| [a, b]).collect();
    assert!(got.iter().zip(&want).all(|(&a, &b)| same(a, b)), "{got:?} are not {want:?}");

    let block = 16 / size_of::<T>();
    let (lower, upper) = a.zip_blocks(b);
    for (at, (a, b)) in lanes(a).chunks(block).zip(lanes(b).chunks(block)).enumerate() {
        let want: Vec<T> = a.iter().zip(b).flat_map(|(&a, &b)| [a, b]).collect();
        let part = |v| lanes(v)[at * block..][..block].to_vec();
        let got = [part(lower), part(upper)].concat();
        assert!(got.iter().zip(&want).all(|(&a, &b)| same(a, b)), "{got:?} are not {want:?}");
    }
}

/// Masked loads and stores at the very end of memory that is there, and nothing written behind.
fn check_memory<T: Element, I: Isa>() {
    let n = <T::V<I>>::N;
    for count in 0..=n {
        let values: Vec<T> = (0..count).map(|i| T::of(i as f64 + 1.0)).collect();
        // SAFETY: as many elements as are read.
        let v = unsafe { <T::V<I>>::load_masked(values.as_ptr(), count) };
        let mut want = values.clone();
        want.resize(n, T::zero());
        assert_eq!(lanes(v), want);
        // SAFETY: as many elements as are read.
        let v = unsafe { <T::V<I>>::splat(T::of(9.0)).load_over(values.as_ptr(), count) };
        want[count..].fill(T::of(9.0));
        assert_eq!(lanes(v), want);
        let mut out = vec![T::of(-1.0); n + 1];
        // SAFETY: fewer elements than there are.
        unsafe { <T::V<I>>::splat(T::of(7.0)).store_masked(out.as_mut_ptr(), count) };
        assert!(out[..count].iter().all(|&x| x == T::of(7.0)), "{count} stored");
        assert!(out[count..].iter().all(|&x| x == T::of(-1.0)), "behind {count}");
        // SAFETY: one element more than a vector has, from the second on.
        unsafe { <T::V<I>>::load(out.as_ptr().add(1)).store(out.as_mut_ptr()) };
        assert_eq!(out[n - 1], out[n], "unaligned");
    }
    let (block, stride) = (16 / size_of::<T>(), 5);
    let values: Vec<T> = (0..(n / block - 1) * stride + block).map(|i| T::of(i as f64)).collect();
    // SAFETY: the last block ends with the values.
    let got = lanes(unsafe { <T::V<I>>::load_blocks(values.as_ptr(), stride) });
    let want: Vec<T> = (0..n).map(|i| values[i / block * stride + i % block]).collect();
    assert_eq!(got, want);
}

struct Check<T>(std::marker::PhantomData<T>);

impl<T: Element> Kernel for Check<T> {
    type Output = Level;

    #[inline(always)]
    fn run<I: Isa>(self) -> Level {
        let (samples, n) = (samples::<T>(), <T::V<I>>::N);
        // All pairs stand side by side as i runs over a period of their steps' product.
        let at = |i: usize, step: usize| samples[i / step % samples.len()];
        // Miri looks at accesses, not at values: a few will do.
        let step = if cfg!(miri) { 61 * n } else { n };
        for start in (0..samples.len() * samples.len()).step_by(step) {
            let row = |f: &dyn Fn(usize) -> T| place::<T, T::V<I>>(&(start..start + n).map(f).collect::<Vec<_>>());
            let a = row(&|i| at(i, 1));
            let b = row(&|i| at(i, samples.len()));
            for shift in [0, 3, 7] {
                let c = row(&|i| at(i * 5 + shift, 3));
                check_lanes::<T, I>([a, b, c]);
                check_bits::<T, I>([a, b, c]);
                check_reductions::<T, I>(c);
                check_zip::<T, I>(a, c);
            }
            check_reductions::<T, I>(a * b);
        }
        check_memory::<T, I>();
        I::LEVEL
    }
}

#[test]
fn lanes_compute_what_the_formulas_say() {
    for level in Level::available() {
        assert_eq!(dispatch_at(level, Check::<f32>(std::marker::PhantomData)), level);
        assert_eq!(dispatch_at(level, Check::<f64>(std::marker::PhantomData)), level);
    }
}

#[test]
fn arrays_compute_what_the_formulas_say() {
    Check::<f32>(std::marker::PhantomData).run::<super::array::Plain>();
    Check::<f64>(std::marker::PhantomData).run::<super::array::Plain>();
    assert_eq!(<Array<f32, 4> as Lanes<f32>>::N, 4);
}

#[test]
#[should_panic(expected = "add of")]
fn a_wrong_sum_is_seen() {
    let a = Array::<f32, 4>::splat(1.0);
    assert_lanes("add", a + a, [a, a, a], |a: f32, b, _| a - b);
}

/// How wide the code is that a kernel really runs as.
struct Width;

impl Kernel for Width {
    type Output = (usize, usize, Level);

    #[inline(always)]
    fn run<I: Isa>(self) -> Self::Output {
        (<I::F32 as Lanes<f32>>::N, <I::F64 as Lanes<f64>>::N, I::LEVEL)
    }
}

#[test]
fn dispatch_reaches_the_widest_set() {
    let (single, double, level) = dispatch(Width);
    assert_eq!(Some(level), Level::available().last());
    let want = match level {
        Level::Avx512 => (16, 8),
        Level::Avx2 => (8, 4),
        Level::Neon | Level::Portable => (4, 2),
    };
    assert_eq!((single, double), want);
}

/// A product and a sum of three numbers, which one rounding alone gets right.
struct Fused([f32; 3]);

impl Kernel for Fused {
    type Output = (f32, bool);

    #[inline(always)]
    fn run<I: Isa>(self) -> (f32, bool) {
        let [a, b, c] = self.0;
        (f32::fma::<I>(a, b, c), I::FMA)
    }
}

#[test]
fn fma_rounds_once_where_it_says_so() {
    let x = 1.0 + f32::EPSILON;
    for level in Level::available() {
        let (got, fused) = dispatch_at(level, Fused([x, x, -(x * x)]));
        assert_eq!(got != 0.0, fused, "{level:?}");
    }
}
