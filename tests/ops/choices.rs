//! Derivatives behind an op that chooses: what was chosen has the derivative that it has anywhere else, and what was not
//! chosen has none, whatever it holds.

use std::sync::Arc;

use gradus::op::Pointwise;
use gradus::prelude::*;
use ndarray::ArrayViewD;

use crate::cases;
use crate::support::tensors;

const POINTS: [f64; 13] =
    [0.0, -0.0, 1.0, -1.0, 0.5, -3.0, 1e-200, 1e200, -1e200, 5e-324, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];

/// A pointwise op as a function of one operand; the others are numbers of its domain.
fn of<'t>(op: &Pointwise, operand: usize, x: Var<'t, f64>) -> Var<'t, f64> {
    let operands: Vec<_> = (0..op.domain.len())
        .map(|k| if k == operand { x } else { x.scalar(0.5 * (op.domain[k].start + op.domain[k].end)) })
        .collect();
    (op.record)(&operands)
}

/// Every pointwise op, for each of its operands.
fn functions() -> Vec<(Pointwise, usize)> {
    let all = Pointwise::all().into_iter();
    all.flat_map(|op| (0..op.domain.len()).map(move |operand| (op.clone(), operand))).collect()
}

/// The first three derivatives of Σf at each of the points.
fn derivatives(f: impl for<'t> Fn(Var<'t, f64>) -> Var<'t, f64>) -> [Array1<f64>; 3] {
    let x = Array1::from(POINTS.to_vec());
    let (params, mut tape) = (Params::new(), Tape::new());
    let step = tape.record(&params);
    let x = step.input(&x);
    let first = f(x).sum().gradient(x);
    let second = first.sum().gradient(x);
    let third = second.sum().gradient(x);
    [first, second, third].map(|d| d.value().into_dimensionality().unwrap())
}

#[test]
fn what_is_chosen_has_the_derivative_it_has_elsewhere() {
    let functions = functions();
    for (inner, i) in &functions {
        for (outer, o) in &functions {
            let plain = derivatives(|x| of(outer, *o, of(inner, *i, x)));
            let chosen = derivatives(|x| x.scalar(1.0).select(of(outer, *o, of(inner, *i, x)), 0.0));
            for (at, x) in POINTS.into_iter().enumerate() {
                // A cotangent that is 0 by itself is taken for one that was not chosen. Where there is no first
                // derivative, a second one says nothing.
                let same = |a: f64, b: f64| a == b || (a.is_nan() && (b.is_nan() || b == 0.0));
                let [first, second] = [0, 1].map(|order: usize| (plain[order][at], chosen[order][at]));
                let right = same(first.0, first.1) && (!first.0.is_finite() || same(second.0, second.1));
                let name = format!("{} of {} at {x}", outer.name, inner.name);
                assert!(
                    right,
                    "{name}: {:?} elsewhere, {:?} behind a choice",
                    (first.0, second.0),
                    (first.1, second.1)
                );
            }
        }
    }
}

#[test]
fn ops_of_whole_tensors_go_on_from_a_choice_as_they_do_elsewhere() {
    for case in cases::all() {
        for fill in [0.0, 1.0, -1.0, 1e200, f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
            let mut inputs: Vec<_> = case.shapes[0].iter().map(|shape| ArrayD::from_elem(&shape[..], 0.5)).collect();
            // One element alone, so that rows and sums hold both kinds.
            for x in inputs.iter_mut().filter_map(|x| x.first_mut()) {
                *x = fill;
            }
            let plain = grads(|v| (case.f)(v).sqrt().sum(), &tensors(&inputs));
            let chosen = grads(|v| v[0].scalar(1.0).select((case.f)(v).sqrt(), 0.0).sum(), &tensors(&inputs));
            for (plain, chosen) in plain.iter().zip(&chosen) {
                for (&a, &b) in plain.iter().zip(chosen) {
                    // In sums, terms of 0·∞ fall out.
                    let same = a.is_nan() || a == b || (a - b).abs() <= 1e-12 * a.abs();
                    assert!(same, "{} with {fill}: {plain} elsewhere, {chosen} behind a choice", case.name);
                }
            }
        }
    }
}

#[test]
fn what_is_not_chosen_has_none() {
    let functions = functions();
    for (inner, i) in &functions {
        for (outer, o) in &functions {
            let found = derivatives(|x| x.scalar(0.0).select(of(outer, *o, of(inner, *i, x)), 0.0));
            for (order, found) in found.iter().enumerate() {
                assert!(
                    found.iter().all(|&d| d == 0.0),
                    "{} of {}, order {}: {found}",
                    outer.name,
                    inner.name,
                    order + 1
                );
            }
        }
    }
}

#[test]
fn an_infinite_cotangent_meets_a_slope_of_zero_as_ieee_says() {
    let slope = |f: fn(Var<'_, f64>) -> Var<'_, f64>| grad(|x| f(x).sum(), &array![0.0])[0];
    assert!(slope(|x| x.square().sqrt()).is_nan());
    assert!(slope(|x| x.square().sqrt().maximum(-1.0)).is_nan());
    assert!(slope(|x| x.square().sqrt().clamp(-1.0, 1.0)).is_nan());
    assert!(slope(|x| x.square().sqrt().max()).is_nan());
    assert!(slope(|x| x.reshape([1, 1]).matmul(x.reshape([1, 1]) * 0.0).sqrt().maximum(-1.0)).is_nan());
}

#[test]
fn quotients_stay_quotients() {
    // 1/b overflows, c/b does not.
    let tiny = array![1e-39_f32];
    let plain = grad(|x| (x / x.constant(&tiny) * 1e-10).sum(), &array![1e-39_f32]);
    let chosen = grad(|x| (x / x.constant(&tiny) * 1e-10).maximum(-1.0).sum(), &array![1e-39_f32]);
    assert_eq!((plain[0], chosen[0]), (1e-10 / 1e-39, 1e-10 / 1e-39));
    let chosen = grad(|x| (x.ln() * 1e-10).maximum(-1.0).sum(), &tiny);
    assert_eq!(chosen[0], 1e-10 / 1e-39);
}

/// √x, with its derivative taken in one of several ways.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Root {
    Weighed,
    Swept,
    /// Wrong behind a choice.
    Multiplied,
}

impl CustomOp<f64> for Root {
    fn shape(&self, inputs: &[Shape]) -> Shape {
        inputs[0]
    }

    fn eval(&self, inputs: &[ArrayViewD<'_, f64>], out: &mut [f64]) {
        out.iter_mut().zip(&inputs[0]).for_each(|(y, &x)| *y = x.sqrt());
    }

    fn vjp<'t>(&self, x: &[Var<'t, f64>], y: Var<'t, f64>, c: Var<'t, f64>) -> Vec<Cotangent<'t, f64>> {
        let x = x[0];
        let cotangent = match self {
            Self::Weighed => c.weigh(0.5 / y),
            Self::Swept => x.sqrt().vjp(&[x], c)[0],
            Self::Multiplied => c * (0.5 / y),
        };
        vec![cotangent.into()]
    }
}

#[test]
fn ops_of_the_user_go_on_from_a_choice() {
    let of = |root: Root| {
        let op: Arc<dyn CustomOp<f64>> = Arc::new(root);
        derivatives(move |x| x.gt(0.0).select(x.custom(op.clone(), &[x]).square().exp(), x))
    };
    let expected = derivatives(|x| x.gt(0.0).select(x.exp(), x));
    for root in [Root::Weighed, Root::Swept] {
        for (order, (found, expected)) in of(root).iter().zip(&expected).enumerate() {
            for ((&a, &b), x) in found.iter().zip(expected).zip(POINTS) {
                let right = (a - b).abs() <= 1e-12 * b.abs() || x.abs() > 1.0 || x.is_nan() || (0.0 < x && x < 0.1);
                assert!(right, "{root:?} at {x}, order {}: {a}, expected {b}", order + 1);
            }
        }
    }
    assert!(of(Root::Multiplied)[0][0].is_nan());
}
