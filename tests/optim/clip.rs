//! Clipping by the global norm.

use gradus::optim::{Descent, Rule};
use gradus::prelude::*;

use super::support::{Configure, all, assert_close, bits, store, walk};

/// One step of descent with rate 1 from 0: minus the clipped gradient, and the norm before.
fn clipped<T: Real>(limit: f64, g: &[T]) -> (Vec<T>, f64) {
    let mut params = Params::new();
    let _ = params.add("x", [g.len()], T::zero);
    let mut gradient = params.gradient();
    gradient.flat_mut().copy_from_slice(g);
    let mut optimizer = Sgd::new(1.0).clip_norm(limit);
    optimizer.step(&mut params, &gradient);
    (params.flat().iter().map(|&x| -x).collect(), optimizer.gradient_norm().unwrap())
}

#[test]
fn a_long_gradient_is_shortened_to_the_limit() {
    let (g, norm) = clipped(1.0, &[3.0, -4.0, 12.0]);
    assert_close(&[norm], &[13.0], 0.0, "norm before");
    assert_close(&g, &[3.0 / 13.0, -4.0 / 13.0, 12.0 / 13.0], 1e-15, "clipped");
}

#[test]
fn a_short_gradient_stays_to_the_bit() {
    for limit in [5.0, 5.001, 50.0, f64::INFINITY] {
        let (g, norm) = clipped(limit, &[3.0_f32, -4.0]);
        assert_eq!(g, [3.0, -4.0], "{limit}");
        assert_close(&[norm], &[5.0], 0.0, "norm");
    }
    let (g, _) = clipped(4.999, &[3.0_f32, -4.0]);
    assert_ne!(g, [3.0, -4.0]);
}

#[test]
fn the_norm_counts_every_element_once() {
    for n in 0..40_u32 {
        let g: Vec<f64> = (1..=n).map(f64::from).collect();
        let squares = f64::from(n * (n + 1) * (2 * n + 1)) / 6.0;
        assert_close(&[clipped(1e9, &g).1], &[squares.sqrt()], 1e-14, "norm");
    }
}

#[test]
fn the_norm_neither_overflows_nor_underflows() {
    for scale in [1e-300, 1e-160, 1e-130, 1.0, 1e130, 1e160, 1e300] {
        let (g, norm) = clipped(scale, &[3.0 * scale, 4.0 * scale]);
        assert!((norm / (5.0 * scale) - 1.0).abs() < 1e-15, "{scale}: {norm}");
        assert_close(&[g[0] / scale, g[1] / scale], &[0.6, 0.8], 1e-15, "clipped");
    }
    let (g, norm) = clipped(1.0, &[3e38_f32, 1e38]); // the squares are beyond f32
    assert!((norm / 3.162_277_66e38 - 1.0).abs() < 1e-6);
    assert!((g[0] - 0.948_683_3).abs() < 1e-6 && (g[1] - 0.316_227_8).abs() < 1e-6);
}

#[test]
fn what_is_not_finite_flows_on() {
    let (g, norm) = clipped(1.0, &[3.0, f64::NAN]);
    assert!(norm.is_nan() && g[1].is_nan());
    assert_close(&g[..1], &[3.0], 0.0, "beside NaN");
    let (g, norm) = clipped(1.0, &[3.0, f64::INFINITY]);
    assert!(norm.is_infinite() && g[1].is_nan());
    assert_close(&g[..1], &[0.0], 0.0, "beside ∞");
}

#[test]
fn a_zero_gradient_has_norm_zero() {
    let (g, norm) = clipped(1.0, &[0.0, 0.0]);
    assert_close(&[norm, g[0], g[1]], &[0.0; 3], 0.0, "zero");
}

#[test]
fn frozen_tensors_and_groups() {
    let mut params = store::<f64>();
    params.freeze(|name| name == "a");
    let mut optimizer = Sgd::new(1.0).clip_norm(1.0).group(|name| name == "b", |group| group);
    let mut gradient = params.gradient();
    gradient.flat_mut().copy_from_slice(&[9.0, 9.0, 9.0, 9.0, 3.0, 0.0, 4.0, 0.0, 12.0]);
    let before = params.flat().to_vec();
    optimizer.step(&mut params, &gradient);
    assert_eq!(optimizer.gradient_norm(), Some(13.0)); // over `a.bias` and `b` together
    let moved: Vec<f64> = before.iter().zip(params.flat()).map(|(a, b)| a - b).collect();
    let expected = [0.0, 0.0, 0.0, 0.0, 3.0 / 13.0, 0.0, 4.0 / 13.0, 0.0, 12.0 / 13.0];
    assert_close(&moved, &expected, 1e-15, "moved");
}

#[test]
fn clipping_comes_before_weight_decay() {
    let mut params = Params::new();
    let _ = params.add("x", [], || 10.0);
    let mut gradient = params.gradient();
    gradient.flat_mut()[0] = 8.0;
    Sgd::new(0.5).weight_decay(0.25).clip_norm(2.0).step(&mut params, &gradient);
    assert_eq!(params.flat(), [10.0 - 0.5 * (2.0 + 0.25 * 10.0)]);
}

#[test]
fn without_clipping_nothing_is_measured() {
    let (mut params, mut optimizer) = (store::<f32>(), Sgd::new(0.1));
    walk(&mut optimizer, &mut params, 0..1);
    assert_eq!(optimizer.gradient_norm(), None);
}

struct Clip(f64);

impl Configure for Clip {
    fn configure<R: Rule, T: Real>(&self, optimizer: Descent<R, T>) -> Descent<R, T> {
        optimizer.clip_norm(self.0)
    }
}

#[test]
fn every_rule_sees_the_clipped_gradient() {
    for ((name, mut clipped), (_, mut plain)) in all::<f64>(&Clip(0.5)).into_iter().zip(all(&Clip(1e9))) {
        let mut x = store();
        let mut y = x.clone();
        let (mut long, mut short) = (x.gradient(), x.gradient());
        for t in 0..5 {
            clipped.prepare(&mut x);
            plain.prepare(&mut y);
            super::support::quadratic(&x, &mut long, 1.0, t);
            let norm = long.norm();
            assert!(norm > 0.5, "{name}: too short to tell anything");
            short.flat_mut().iter_mut().zip(long.flat()).for_each(|(s, l)| *s = l * (0.5 / norm));
            clipped.step(&mut x, &long);
            plain.step(&mut y, &short);
            assert!((clipped.gradient_norm().unwrap() - norm).abs() < 1e-14, "{name}");
            assert!((plain.gradient_norm().unwrap() - 0.5).abs() < 1e-14, "{name}");
            assert_close(x.flat(), y.flat(), 1e-12, name);
        }
        assert_ne!(bits(x.flat()), bits(store::<f64>().flat()), "{name}");
    }
}

#[test]
fn the_gradient_has_the_norm_that_the_step_tells() {
    for n in [1, 100, 20_000, 100_000_u32] {
        let mut params = Params::new();
        let _ = params.add("x", [n as usize], || 0.0_f32);
        let mut gradient = params.gradient();
        gradient.flat_mut().iter_mut().zip((1_u16..1000).cycle()).for_each(|(g, i)| *g = 0.1 * f32::from(i).sqrt());
        let mut optimizer = Sgd::new(1.0).clip_norm(f64::INFINITY);
        optimizer.step(&mut params, &gradient);
        assert_eq!(optimizer.gradient_norm(), Some(gradient.norm()), "{n}");
    }
}
