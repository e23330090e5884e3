//! Every function against its reference, on every instruction set that this machine has.

use super::super::Level;
use super::reference::Wide;
use super::{FARTHEST, Functions};
use crate::kernel::formula::{Formula, fill_at, formula};
use crate::number::Number as _;
use crate::real::Real as _;

/// Units in the last place that any function may be off, with and without fused multiply-add.
const BOUND: f64 = 2.0;

/// Numbers of all sizes and both signs: bit patterns at even distances, and even distances around 0 and 1.
fn numbers<T: Functions>() -> Vec<T> {
    let patterns = 4001;
    let stride = (if T::NAME == "f32" { u64::from(u32::MAX) } else { u64::MAX }) / patterns;
    let any = (0..patterns).map(|i| T::from_bits(i * stride + i));
    let around = [1.0, 4.0, 30.0, 120.0, 800.0].into_iter().flat_map(|range| {
        (-1500..1500).map(move |i| T::of((f64::from(i) + 0.137 * f64::from(i % 7)) / 1500.0 * range))
    });
    let close = (-1000..1000).map(|i| T::of(1.0 + f64::from(i) * f64::from(i).abs() * 1e-7));
    any.chain(around).chain(close).filter(|x: &T| x.is_finite()).collect()
}

/// The error in units in the last place of the exact result.
fn ulps<T: Functions>(got: T, want: Wide) -> f64 {
    let near = T::of(want.high);
    if near.is_nan() || got.is_nan() {
        return if near.is_nan() && got.is_nan() { 0.0 } else { f64::INFINITY };
    }
    if near.is_infinite() || got.is_infinite() {
        return if near == got { 0.0 } else { f64::INFINITY };
    }
    let size = near.abs();
    let (next, before) = (T::from_bits(size.bits() + 1), T::from_bits(size.bits().saturating_sub(1)));
    let unit = if next.is_finite() { next.as_f64() - size.as_f64() } else { size.as_f64() - before.as_f64() };
    ((got.as_f64() - want.high) - want.low).abs() / unit
}

/// Asserts the bound at all levels.
fn check<const N: usize, T: Functions, F: Formula<N>>(name: &str, points: [Vec<T>; N], exact: &[Wide]) {
    let mut out = vec![T::zero(); exact.len()];
    for level in Level::available() {
        fill_at::<N, T, F>(level, points.each_ref().map(|points| &points[..]), &mut out);
        let errors = out.iter().zip(exact).map(|(&y, &want)| ulps(y, want)).enumerate();
        let (at, error) = errors.fold((0, 0.0), |worst, new| if new.1 > worst.1 { new } else { worst });
        let x = points.each_ref().map(|points| points[at]);
        assert!(error <= BOUND, "{name} {} {level:?}: {error} ulp at {x:?}: {:?}, {:?}", T::NAME, out[at], exact[at]);
        println!("{name} {} {level:?}: {error:.3} ulp at {x:?}", T::NAME);
    }
}

fn check_one<T: Functions, F: Formula<1>>(name: &str, reference: fn(Wide) -> Wide, domain: fn(f64) -> bool) {
    let points: Vec<T> = numbers().into_iter().filter(|x: &T| domain(x.as_f64())).collect();
    let exact: Vec<Wide> = points.iter().map(|x| reference(x.as_f64().into())).collect();
    check::<1, T, F>(name, [points], &exact);
}

/// Pairs of all numbers in another order.
fn check_two<T: Functions, F: Formula<2>>(
    name: &str,
    reference: fn(Wide, Wide) -> Wide,
    numbers: [Vec<T>; 2],
    domain: fn(f64, f64) -> bool,
) {
    let [first, second] = numbers;
    let n = first.len() * 2;
    let pairs = (0..n).map(|i| (first[i * 31 % first.len()], second[(i * 7919 + i / first.len()) % second.len()]));
    let (a, b): (Vec<T>, Vec<T>) = pairs.filter(|(a, b)| domain(a.as_f64(), b.as_f64())).unzip();
    assert!(a.len() > 1000);
    let exact: Vec<Wide> = a.iter().zip(&b).map(|(a, b)| reference(a.as_f64().into(), b.as_f64().into())).collect();
    check::<2, T, F>(name, [a, b], &exact);
}

#[test]
#[should_panic(expected = "ulp at")]
fn four_units_are_too_many() {
    formula!(Function, angle false, |x| x.exp() * (1.0 + 4.0 * f64::EPSILON));
    check_one::<f64, Function>("exp", Wide::exp, everywhere);
}

macro_rules! functions {
    ($($name:ident within $domain:expr;)+) => { $(
        #[test]
        fn $name() {
            formula!(Function, angle false, |x| x.$name());
            check_one::<f32, Function>(stringify!($name), Wide::$name, $domain);
            check_one::<f64, Function>(stringify!($name), Wide::$name, $domain);
        }
    )+ };
}

fn everywhere(_: f64) -> bool {
    true
}

fn positive(x: f64) -> bool {
    x > 0.0
}

fn cosine(x: f64) -> bool {
    x.abs() <= 1.0
}

fn angle(x: f64) -> bool {
    x.abs() <= FARTHEST
}

functions! {
    exp within everywhere;
    exp2 within everywhere;
    expm1 within everywhere;
    tanh within everywhere;
    sinh within everywhere;
    cosh within everywhere;
    sigmoid within everywhere;
    softplus within everywhere;
    ln within positive;
    ln_1p within |x| x > -1.0;
    log2 within positive;
    log10 within positive;
    erf within everywhere;
    erfc within everywhere;
    sin within angle;
    cos within angle;
    tan within angle;
    asin within cosine;
    acos within cosine;
    atan within everywhere;
    asinh within everywhere;
    acosh within |x| x >= 1.0;
    atanh within |x| x.abs() < 1.0;
}

#[test]
fn pow() {
    formula!(Function, angle false, |x, y| x.pow(y));
    let result_is_normal = |x: f64, y: f64| x > 0.0 && (x.ln() * y).abs() < 700.0;
    let bases = |n| (1..3000).map(move |i| f64::from(i) / n);
    let exponents = || (-3000..3000).map(|i| f64::from(i) * f64::from(i).abs() * 1e-5 + 0.3);
    for n in [30.0, 1e3, 3e3, 1e10] {
        let points = [bases(n).collect(), exponents().collect()];
        check_two::<f64, Function>("pow", Wide::pow, points, result_is_normal);
        let points = [bases(n).map(f32::of).collect(), exponents().map(f32::of).collect()];
        check_two::<f32, Function>("pow", Wide::pow, points, result_is_normal);
    }
    check_two::<f64, Function>("pow", Wide::pow, [numbers(), numbers()], result_is_normal);
    check_two::<f32, Function>("pow", Wide::pow, [numbers(), numbers()], result_is_normal);
}

#[test]
fn atan2() {
    formula!(Function, angle false, |y, x| y.atan2(x));
    // Beyond that the smaller part of a `Wide` quotient has no digits.
    let quotient_is_normal = |y: f64, x: f64| x != 0.0 && (1e-250..1e250).contains(&(y / x).abs());
    check_two::<f64, Function>("atan2", Wide::atan2, [numbers(), numbers()], quotient_is_normal);
    check_two::<f32, Function>("atan2", Wide::atan2, [numbers(), numbers()], quotient_is_normal);
}

#[test]
fn hypot() {
    formula!(Function, angle false, |x, y| x.hypot(y));
    let sizes_are_near = |x: f64, y: f64| (1e-20..1e20).contains(&(x / y).abs());
    check_two::<f64, Function>("hypot", Wide::hypot, [numbers(), numbers()], sizes_are_near);
    check_two::<f32, Function>("hypot", Wide::hypot, [numbers(), numbers()], sizes_are_near);
}
