//! High derivatives of single functions, at ordinary and at extreme points, and mixed partials.

use gradus::prelude::*;

use crate::assert_close;

type Function = for<'t> fn(Var<'t, f64>) -> Var<'t, f64>;

/// Its derivatives of orders 1 to 4.
type Derivatives = fn(f64) -> [f64; 4];

/// The derivatives of orders 1 to 4, each by `derive` from the one before.
fn orders(
    f: Function,
    x: &Array1<f64>,
    derive: for<'t> fn(Var<'t, f64>, Var<'t, f64>) -> Var<'t, f64>,
) -> [ArrayD<f64>; 4] {
    let (params, mut tape) = (Params::new(), Tape::new());
    let step = tape.record(&params);
    let x = step.constant(x);
    let mut y = f(x);
    std::array::from_fn(|_| {
        y = derive(y, x);
        y.value()
    })
}

/// By reverse sweeps.
fn backwards(f: Function, x: &Array1<f64>) -> [ArrayD<f64>; 4] {
    orders(f, x, |y, x| y.sum().gradient(x))
}

/// By forward derivatives along 1.
fn forwards(f: Function, x: &Array1<f64>) -> [ArrayD<f64>; 4] {
    orders(f, x, |y, x| y.jvp(x, x.recording().ones(x.shape())))
}

/// tanh and its derivatives as polynomials in t = tanh x: t′ = (1 + t)(1 − t), with (1 − t)(1 + t) from exponentials.
fn tanh(x: f64) -> [f64; 4] {
    let t = x.tanh();
    // 1 − t² = 4e/(1 + e)² with e = e^(−2|x|) keeps its digits where t is close to 1.
    let e = (-2.0 * x.abs()).exp();
    let s = 4.0 * e / (1.0 + e).powi(2);
    [s, -2.0 * t * s, s * (4.0 * t * t - 2.0 * s), t * s * (16.0 * s - 8.0 * t * t)]
}

/// softplus: σ, σ(1 − σ), σ(1 − σ)(1 − 2σ), σ(1 − σ)(1 − 6σ(1 − σ)).
fn softplus(x: f64) -> [f64; 4] {
    let e = (-x.abs()).exp();
    let (sigma, s) = (if x > 0.0 { 1.0 } else { e } / (1.0 + e), e / (1.0 + e).powi(2));
    let odd = if x > 0.0 { (e - 1.0) / (1.0 + e) } else { (1.0 - e) / (1.0 + e) };
    [sigma, s, s * odd, s * (1.0 - 6.0 * s)]
}

fn sin(x: f64) -> [f64; 4] {
    [x.cos(), -x.sin(), -x.cos(), x.sin()]
}

#[test]
fn four_derivatives_at_ordinary_points() {
    let x = Array1::linspace(-4.0, 4.0, 33);
    let known: [(Function, Derivatives); 3] = [(|x| x.sin(), sin), (|x| x.tanh(), tanh), (|x| x.softplus(), softplus)];
    for (f, expected) in known {
        for (way, found) in [("reverse", backwards(f, &x)), ("forward", forwards(f, &x))] {
            for (k, found) in found.iter().enumerate() {
                let expected = x.mapv(|x| expected(x)[k]);
                println!("{way}, order {}", k + 1);
                assert_close(found, &expected, 1e-13);
            }
        }
    }
}

#[test]
fn four_derivatives_at_extreme_points() {
    // Where functions are flat, derivatives are small and not noise: relative error; where e^(−2|x|) is gone, exactly 0.
    let x = array![-40.0, -25.0, -15.0, 15.0, 25.0, 40.0, -800.0, 800.0, 1e300, -1e300];
    let known: [(Function, Derivatives); 2] = [(|x| x.tanh(), tanh), (|x| x.softplus(), softplus)];
    for (which, (f, expected)) in known.into_iter().enumerate() {
        for found in [backwards(f, &x), forwards(f, &x)] {
            for (k, found) in found.iter().enumerate() {
                for (&x, &y) in x.iter().zip(found) {
                    let e = expected(x)[k];
                    assert!(y.is_finite(), "order {}, x = {x}: {y}", k + 1);
                    // Slopes are (1 + y)(1 − y) and y(1 − y): they have the digits that 1 − y has where y comes close to 1.
                    let near_one = which == 0 || x > 0.0;
                    let allowed = if near_one { 1e-15 } else { 1e-13 * e.abs() };
                    assert!((y - e).abs() <= allowed.max(1e-300), "order {}, x = {x}: {y}, expected {e}", k + 1);
                }
            }
        }
    }
    let far = backwards(|x| x.sin(), &array![1e8, -1e15]);
    for (k, found) in far.iter().enumerate() {
        assert_close(found, &array![sin(1e8)[k], sin(-1e15)[k]], 1e-15);
    }
    let at_zero = backwards(|x| x.tanh(), &array![0.0, -0.0]);
    let expected = [array![1.0, 1.0], array![0.0, 0.0], array![-2.0, -2.0], array![0.0, 0.0]];
    at_zero.iter().zip(&expected).for_each(|(found, expected)| assert_eq!(*found, expected.clone().into_dyn()));
}

#[test]
fn mixed_partials_commute() {
    type Two = for<'t> fn(Var<'t, f64>, Var<'t, f64>) -> Var<'t, f64>;
    let functions: [(&str, Two); 6] = [
        ("sin(xy)", |x, y| (x * y).sin()),
        ("atan2", |x, y| y.atan2(x)),
        ("pow", |x, y| x.pow(y)),
        ("softmax", |x, y| (x * y.softmax(0)).logsumexp()),
        ("standardize", |x, y| (x * 2.0 + y).standardize(0, 0.1) * x),
        ("tanh of a quotient", |x, y| (x / y).tanh() * y.ln()),
    ];
    let (a, b) = (array![0.7, 1.3, 2.2], array![1.9, 0.4, 1.1]);
    for (name, f) in functions {
        let h = hessians(|v| f(v[0], v[1]).sum(), &[&a, &b]);
        assert_close(&h[0][1], &h[1][0].t().to_owned(), 1e-12);
        assert!(h[0][1].iter().any(|&h| h != 0.0), "{name}");
        // x, y, x, y, … in every order up to four.
        let along = |order: &[usize]| {
            let (params, mut tape) = (Params::new(), Tape::new());
            let step = tape.record(&params);
            let v = [step.constant(&a), step.constant(&b)];
            let mut scalar = f(v[0], v[1]).sum();
            for &k in order {
                scalar = (scalar.gradient(v[k]) * v[k].constant(&array![1.0, -0.5, 0.25])).sum();
            }
            scalar.item()
        };
        for orders in [[[0, 0, 1], [0, 1, 0], [1, 0, 0]], [[1, 1, 0], [1, 0, 1], [0, 1, 1]]] {
            let values = orders.map(|order| along(&order));
            assert_close(&values, &[values[0]; 3], 1e-11);
        }
        let fourth = [[0, 0, 1, 1], [0, 1, 0, 1], [1, 1, 0, 0], [1, 0, 0, 1]].map(|order| along(&order));
        assert_close(&fourth, &[fourth[0]; 4], 1e-10);
    }
}

#[test]
fn a_polynomial_ends_at_its_degree() {
    let f = |x: Var<'_, f64>| -> Vec<f64> {
        let mut y = (3.0 * x.powi(5) - 2.0 * x.powi(3) + x).sum();
        (0..7)
            .map(|_| {
                y = y.gradient(x).sum();
                y.item()
            })
            .collect()
    };
    let (params, mut tape) = (Params::new(), Tape::new());
    let step = tape.record(&params);
    let x = 1.5_f64;
    let expected = [
        15.0 * x.powi(4) - 6.0 * x * x + 1.0,
        60.0 * x.powi(3) - 12.0 * x,
        180.0 * x * x - 12.0,
        360.0 * x,
        360.0,
        0.0,
        0.0,
    ];
    assert_close(&f(step.variable(&[x])), &expected, 1e-14);
}

/// Where a factor of a derivative is 0 its own derivative is not: at the exponents 0, 1 and 2, as an op and as a function.
#[test]
fn powers_at_small_whole_exponents() {
    gradus::pointwise! {
        fn power(x, p) = x.pow(p);
    }
    type Two = for<'t> fn(Var<'t, f64>, Var<'t, f64>) -> Var<'t, f64>;
    let (op, function): (Two, Two) = (|x, p| x.pow(p), |x, p| power(x, p));
    let (x, l) = (2.0_f64, std::f64::consts::LN_2);
    for (name, f) in [("op", op), ("function", function)] {
        for p in [0.0, 1.0, 2.0, -1.0] {
            let along = |order: &[usize]| {
                let (params, mut tape) = (Params::new(), Tape::new());
                let step = tape.record(&params);
                let v = [step.constant(&array![x]), step.constant(&array![p])];
                order.iter().fold(f(v[0], v[1]).sum(), |y, &k| y.gradient(v[k]).sum()).item()
            };
            let power = |by: f64| x.powf(p - by);
            let mixed = power(1.0) * (1.0 + p * l);
            let bent_in_x = power(2.0) * (2.0 * p - 1.0 + p * (p - 1.0) * l);
            let bent_in_p = power(1.0) * (2.0 * l + p * l * l);
            let (second, third) = (p * (p - 1.0) * power(2.0), p * (p - 1.0) * (p - 2.0) * power(3.0));
            let expected: [(&[usize], f64); 12] = [
                (&[0], p * power(1.0)),
                (&[0, 0], second),
                (&[0, 0, 0], third),
                (&[0, 1], mixed),
                (&[1, 0], mixed),
                (&[1, 1], power(0.0) * l * l),
                (&[0, 0, 1], bent_in_x),
                (&[0, 1, 0], bent_in_x),
                (&[1, 0, 0], bent_in_x),
                (&[0, 1, 1], bent_in_p),
                (&[1, 0, 1], bent_in_p),
                (&[1, 1, 0], bent_in_p),
            ];
            for (order, expected) in expected {
                let found = along(order);
                assert!((found - expected).abs() < 1e-13, "{name}, {order:?} at {p}: {found}, expected {expected}");
            }
        }
        // Also where 1/x is not finite, and at 0.
        for x in [5e-324, 0.0, -0.5, f64::INFINITY] {
            let (x, p) = (array![x], array![0.0]);
            let g = grads(|v| f(v[0], v[1]).sum(), &[&x, &p]);
            assert_eq!(g[0][0], 0.0, "{name} at {x}");
        }
    }
}
