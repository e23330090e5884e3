//! Checkpoints: the same bits as without, whatever stands in them, and what is computed again.

use std::cell::Cell;
use std::sync::Arc;

use gradus::prelude::*;

use crate::counted::Counted;
use crate::{assert_close, wave};

/// Either a checkpoint or the plain body.
#[derive(Clone, Copy)]
struct Kept(bool);

impl Kept {
    fn run<'t, T: Real>(self, x: Var<'t, T>, f: impl FnOnce(Var<'t, T>) -> Var<'t, T>) -> Var<'t, T> {
        if self.0 { f(x) } else { x.checkpoint(f) }
    }
}

type Program<T> = for<'t> fn(Kept, Var<'t, T>, &[Var<'t, T>]) -> Var<'t, T>;

/// Programs of a [3, 4] matrix with a [4, 4] and a [4] parameter.
fn programs<T: Real>() -> Vec<(&'static str, Program<T>)> {
    vec![
        ("a chain", |k, x, _| k.run(x, |x| (x.sin() * x).exp().tanh())),
        ("layers", |k, x, p| (0..4).fold(x, |x, _| k.run(x, |x| x.matmul(p[0]).tanh() + p[1]))),
        ("a residual", |k, x, p| x + k.run(x, |x| x.affine(p[0], p[1]).gelu() * x) * x),
        ("parameters outside, too", |k, x, p| {
            let y = k.run(x, |x| x.matmul(p[0]) * p[1] + x.matmul(p[0]).sigmoid());
            y.matmul(p[0]) + p[1] * p[1].exp()
        }),
        ("what does not depend on x", |k, x, p| k.run(x, |x| x.matmul(p[0] * p[1].square()).tanh() * p[1].exp())),
        ("within another", |k, x, p| {
            k.run(x, |x| {
                let y = k.run(x * 0.5, |x| x.matmul(p[0]).tanh() * x);
                let z = k.run(y, |y| k.run(y.exp(), |y| y.ln_1p() * p[1]).sin());
                z * x + y
            })
        }),
        ("a captured tensor", |k, x, p| {
            let h = x.matmul(p[0]).tanh();
            k.run(x, |x| (x * h).sin() * h) + h
        }),
        ("one that leaks", |k, x, p| {
            let inside = Cell::new(x);
            let y = k.run(x, |x| {
                inside.set(x.matmul(p[0]).tanh());
                inside.get().square() * x
            });
            y * inside.get() + inside.get().exp()
        }),
        ("a gradient inside", |k, x, p| k.run(x, |x| x.tanh().matmul(p[0]).square().sum().gradient(x) * x)),
        ("a checkpoint in a gradient inside", |k, x, p| {
            k.run(x, |x| {
                let y = k.run(x, |x| x.matmul(p[0]).tanh());
                y.square().sum().gradient(x) + y
            })
        }),
        ("a derivative inside, of a checkpoint outside", |k, x, p| {
            let y = k.run(p[0], |w| w.tanh() * w);
            k.run(x, |x| (x.matmul(y).square().sum().gradient(p[0]).sum() * x).tanh() + x)
        }),
        ("rows and choices", |k, x, p| {
            k.run(x, |x| {
                let y = x.softmax(1) * x.standardize(1, 1e-3) + x.gt(0.0).select(x.abs().sqrt(), x * p[1]);
                concat(&[y, y.max_axis(keep(1)) * 2.0], 1).slice(s![.., 1..]).log_softmax(1)
            })
        }),
        ("transpositions", |k, x, p| k.run(x, |x| (x.matmul(p[0].t()).t() * 0.5).exp().t().matmul(p[0]))),
        ("the operand as it is", |k, x, _| k.run(x, |x| x)),
        ("nothing of the operand", |k, x, p| k.run(x, |_| p[1].exp()) + x),
        ("twice the same", |k, x, p| k.run(x, |x| x.sin() * x.sin() + x.sin().matmul(p[0]))),
        ("an operand that is a parameter", |k, x, p| x.matmul(k.run(p[0], |w| w.tanh() * w)) + p[0].sum()),
    ]
}

/// The value, and the derivatives up to an order for the input and the parameters, or what `backward` makes for 0.
fn derivatives<T: Real>(program: Program<T>, kept: bool, orders: usize, turns: usize) -> Vec<Vec<ArrayD<T>>> {
    let mut params = Params::<T>::new();
    let handles = [params.add_array("w", &wave(0.3, &[4, 4])), params.add_array("b", &wave(1.3, &[4]))];
    let (mut tape, mut gradient) = (Tape::new(), params.gradient());
    let mut last = Vec::new();
    for _ in 0..turns {
        let step = tape.record(&params);
        let x = step.constant(&wave(0.7, &[3, 4]));
        let p = handles.map(|handle| step.param(handle));
        let y = program(Kept(kept), x, &p);
        let mut scalar = (y * y.constant(&wave(2.0, &y.shape()[..]))).sum();
        let mut results = vec![vec![y.value()]];
        if orders == 0 {
            scalar.backward(&mut gradient);
            results.push(vec![Array1::from(gradient.flat().to_vec()).into_dyn()]);
        }
        for _ in 0..orders {
            let derivatives = scalar.gradients(&[x, p[0], p[1]]);
            results.push(step.values(&derivatives));
            let weighted = derivatives.iter().map(|g| (*g * g.constant(&wave(0.4, &g.shape()[..]))).sum());
            scalar = weighted.reduce(|a, b| a + b).unwrap();
        }
        last = results;
    }
    last
}

fn same_bits<T: Real>() {
    for (name, program) in programs::<T>() {
        for turns in [1, 3] {
            for orders in [0, 1] {
                let (kept, again) =
                    (derivatives(program, true, orders, turns), derivatives(program, false, orders, turns));
                // What a derivative inside makes is differentiated once more.
                let exact = if name.contains("gradient inside") || name.contains("derivative inside") { 1 } else { 2 };
                for (order, (kept, again)) in kept.iter().zip(&again).take(exact).enumerate() {
                    assert_eq!(kept, again, "{name}, {turns} turns, {orders} orders: {order}");
                }
            }
        }
        let (kept, again) = (derivatives(program, true, 4, 2), derivatives(program, false, 4, 2));
        for (kept, again) in kept.iter().flatten().zip(again.iter().flatten()) {
            let tolerance = if T::NAME == "f64" { 1e-9 } else { 2e-2 };
            let size = kept.iter().fold(1.0_f64, |size, x| size.max(x.as_f64().abs()));
            let scaled = |x: &ArrayD<T>| x.mapv(|x| x.as_f64() / size);
            assert_close(&scaled(again), &scaled(kept), tolerance);
        }
    }
}

#[test]
fn the_same_bits_in_f64() {
    same_bits::<f64>();
}

#[test]
fn the_same_bits_in_f32() {
    same_bits::<f32>();
}

#[test]
fn derivatives_are_checked() {
    check::gradients(
        |v| v[0].checkpoint(|x| (x.matmul(v[1]).tanh() * x).checkpoint(|x| x.exp())).sum(),
        &[&wave::<f64>(0.7, &[3, 4]), &wave::<f64>(0.3, &[4, 4])],
    )
    .order(2)
    .assert();
}

#[test]
fn dropout_drops_the_same_again() {
    let gradient = |kept: bool| {
        let mut params = Params::<f64>::new();
        let w = params.add_array("w", &wave(0.3, &[4, 4]));
        let (mut tape, mut gradient) = (Tape::new(), params.gradient());
        for seed in 0..3 {
            let step = tape.train(&params, seed);
            let x = step.constant(&wave(0.7, &[30, 4]));
            let w = step.param(w);
            let y = Kept(kept).run(x, |x| {
                let seed = x.recording().next_seed().unwrap();
                x.matmul(w).dropout(0.5, seed).tanh()
            });
            y.square().sum().backward(&mut gradient);
        }
        gradient.flat().to_vec()
    };
    assert_eq!(gradient(true), gradient(false));
}

#[test]
fn bodies_run_again_for_the_derivative_and_not_for_the_value() {
    let op = Arc::new(Counted::default());
    let counted = |kept: bool, differentiate: bool| {
        let (params, mut tape) = (Params::<f64>::new(), Tape::new());
        let mut run = || {
            let step = tape.record(&params);
            let x = step.constant(&array![0.5, 1.5]);
            let y = Kept(kept).run(x, |x| op.of(x).sin());
            let sum = y.sum();
            if differentiate {
                let _ = sum.gradient(x).value();
            } else {
                let _ = sum.item();
            }
        };
        run();
        run();
        let before = op.count();
        run();
        op.count() - before
    };
    assert_eq!([counted(true, false), counted(false, false)], [1, 1]);
    assert_eq!([counted(true, true), counted(false, true)], [1, 2]);
}

#[test]
fn found_again_whole() {
    let mut params = Params::<f64>::new();
    let w = params.add_array("w", &wave(0.3, &[4, 4]));
    let (mut tape, mut gradient) = (Tape::new(), params.gradient());
    let mut lengths = Vec::new();
    for turn in 0..6 {
        let step = tape.record(&params);
        let x = step.constant(&wave(f64::from(turn), &[3, 4]));
        let y = (0..3).fold(x, |x, _| x.checkpoint(|x| x.matmul(step.param(w)).tanh()));
        y.sum().backward(&mut gradient);
        lengths.push(tape.len());
    }
    assert!(lengths.iter().all(|&n| n == lengths[0]), "{lengths:?}");
    assert_eq!(tape.plans(), 1, "planned at once: the memory falls in the first step, too");
}
