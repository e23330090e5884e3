//! Pointwise functions of the user's own: against the same formula in `Var`s, closed forms and differences.

#[path = "support/panics.rs"]
mod panics;

use gradus::number::Number;
use gradus::prelude::*;
use panics::assert_panics;
use rand::RngExt;

#[inline(always)]
fn twice<N: Number>(x: N) -> N {
    x * 2.0
}

gradus::pointwise! {
    /// One operand, transcendental.
    fn ripple(x) = (-x.square()).exp() * (3.0 * x).sin() + x.tanh();
    /// Two operands.
    fn rosenbrock(x, y) = 100.0 * (y - x.square()).square() + (1.0 - x).square();
    /// Two operands with a function of both.
    fn swish(x, beta) = x * (beta * x).sigmoid();
    /// Three operands, a block, and a function called from it.
    fn normal(x, mean, deviation) = {
        let z = (x - mean) / deviation;
        (-z * z / 2.0).exp() / (twice(deviation) * (std::f64::consts::PI / 2.0).sqrt())
    };
    /// Branches.
    fn huber(x) = if x.abs() <= 1.0 { 0.5 * x.square() } else { x.abs() - 0.5 };
    /// Everything else that a number can do.
    fn everything(x, y) = x.exp2() + x.expm1() - x.atan() * y.hypot(x) + y.atan2(x) + x.pow(y) + x.powi(3).powf(0.5)
        + x.ln() * x.ln_1p() + x.log2() / x.log10() + x.asinh() + (x + 1.0).acosh() + (x / 4.0).atanh() + x.erf()
        + x.erfc() * x.sinh() + x.cosh() * (x / 3.0).asin() + (x / 3.0).acos() + x.softplus() + x.rsqrt() + x.recip()
        + x.maximum(y) - x.minimum(0.5 * y) + y.relu() + y.clamp(-1.0, 1.0) * x.sqrt() + (x * 0.3).tan() + x.cos();
}

type Function = for<'t> fn(&[Var<'t, f64>]) -> Var<'t, f64>;

/// Each function, the same in `Var`s, and how many operands they have.
fn twins() -> Vec<(&'static str, usize, Function, Function)> {
    vec![
        ("ripple", 1, |v| ripple(v[0]), |v| (-v[0].square()).exp() * (3.0 * v[0]).sin() + v[0].tanh()),
        (
            "rosenbrock",
            2,
            |v| rosenbrock(v[0], v[1]),
            |v| 100.0 * (v[1] - v[0].square()).square() + (1.0 - v[0]).square(),
        ),
        ("swish", 2, |v| swish(v[0], v[1]), |v| v[0] * (v[1] * v[0]).sigmoid()),
        (
            "normal",
            3,
            |v| normal(v[0], v[1], v[2]),
            |v| {
                let z = (v[0] - v[1]) / v[2];
                (-z * z / 2.0).exp() / (v[2] * (2.0 * std::f64::consts::PI).sqrt())
            },
        ),
        ("huber", 1, |v| huber(v[0]), |v| v[0].huber(0.0, 1.0)),
        (
            "everything",
            2,
            |v| everything(v[0], v[1]),
            |v| {
                let (x, y) = (v[0], v[1]);
                x.exp2() + x.expm1() - x.atan() * y.hypot(x)
                    + y.atan2(x)
                    + x.pow(y)
                    + x.powi(3).powf(0.5)
                    + x.ln() * x.ln_1p()
                    + x.log2() / x.log10()
                    + x.asinh()
                    + (x + 1.0).acosh()
                    + (x / 4.0).atanh()
                    + x.erf()
                    + x.erfc() * x.sinh()
                    + x.cosh() * (x / 3.0).asin()
                    + (x / 3.0).acos()
                    + x.softplus()
                    + x.rsqrt()
                    + x.recip()
                    + x.maximum(y)
                    - x.minimum(0.5 * y)
                    + y.relu()
                    + y.clamp(-1.0, 1.0) * x.sqrt()
                    + (x * 0.3).tan()
                    + x.cos()
            },
        ),
    ]
}

trait Huber<'t> {
    fn huber(self, center: f64, width: f64) -> Self;
}

impl<'t> Huber<'t> for Var<'t, f64> {
    fn huber(self, center: f64, width: f64) -> Self {
        let size = (self - center).abs();
        size.le(width).select(0.5 * size.square(), width * (size - 0.5 * width))
    }
}

fn sample(shape: &[usize], seed: u64) -> ArrayD<f64> {
    let mut rng = StdRng::seed_from_u64(seed);
    ArrayD::from_shape_simple_fn(shape, || rng.random_range(0.2..2.5))
}

fn close(name: &str, found: &ArrayD<f64>, expected: &ArrayD<f64>, tolerance: f64) {
    assert_eq!(found.shape(), expected.shape(), "{name}");
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() <= tolerance * (1.0 + b.abs()), "{name}: {a}, expected {b}");
    }
}

/// The derivative in these directions, one after the other.
fn derivative(f: Function, inputs: &[ArrayD<f64>], directions: &[usize]) -> ArrayD<f64> {
    let (params, mut tape) = (Params::new(), Tape::new());
    let step = tape.record(&params);
    let vars: Vec<_> = inputs.iter().map(|x| step.variable(x)).collect();
    let mut y = f(&vars);
    for &direction in directions {
        y = y.sum().gradient(vars[direction]);
    }
    y.value()
}

#[test]
fn derivatives_up_to_the_fourth_equal_those_of_the_same_in_vars() {
    for (name, operands, function, vars) in twins() {
        let inputs: Vec<_> = (0..operands).map(|k| sample(&[37], k as u64)).collect();
        let last = operands - 1;
        let directions: &[&[usize]] =
            &[&[], &[0], &[last], &[0, 0], &[0, last], &[last, last], &[0, last, 0], &[0, 0, last, last]];
        for directions in directions {
            let name = format!("{name} {directions:?}");
            let [found, expected] = [function, vars].map(|f| derivative(f, &inputs, directions));
            close(&name, &found, &expected, 1e-9);
        }
    }
}

#[test]
fn a_wrong_formula_has_another_derivative() {
    let inputs = [sample(&[5], 1), sample(&[5], 2)];
    let found = derivative(|v| swish(v[0], v[1]), &inputs, &[0]);
    let wrong = derivative(|v| v[0] * v[0].sigmoid(), &inputs, &[0]);
    assert!((found - wrong).iter().all(|x| x.abs() > 1e-4));
}

#[test]
fn derivatives_pass_the_check_broadcast_and_with_plain_numbers() {
    let (column, row) = (sample(&[4, 1], 3), sample(&[3], 4));
    check::gradients(|v| swish(v[0], v[1]), &[&column, &row]).order(2).assert();
    check::gradients(|v| normal(v[0], 0.5, v[1]), &[&column, &row]).order(2).assert();
    check::gradients(|v| normal(v[0].t(), v[1], 2).sum(), &[&column, &sample(&[1, 4], 5)]).order(2).assert();
    let value = value(|x| normal(x, 0.0, 1.0).sum(), &array![0.0]);
    assert!((value - (2.0 * std::f64::consts::PI).sqrt().recip()).abs() < 1e-15);
}

#[test]
fn high_orders_have_closed_forms() {
    gradus::pointwise! { fn wave(x) = (2.0 * x).sin(); fn product(x, y, z) = x.exp() * y.powi(3) * z.ln(); }
    let x = sample(&[5], 6);
    let seventh = derivative(|v| wave(v[0]), std::slice::from_ref(&x), &[0; 7]);
    close("sin", &seventh, &x.mapv(|x| -128.0 * (2.0 * x).cos()), 1e-12);
    let (y, z) = (sample(&[5], 7), sample(&[5], 8));
    let mixed = derivative(|v| product(v[0], v[1], v[2]), &[x.clone(), y.clone(), z.clone()], &[1, 0, 2, 1, 2]);
    close("product", &mixed, &(x.exp() * 6.0 * y * -z.powi(-2)), 1e-12);
    let gone = derivative(|v| product(v[0], v[1], v[2]), &[x, sample(&[5], 7), z], &[1, 1, 1, 1]);
    assert!(gone.iter().all(|&x| x == 0.0));
}

/// A chain of neighbours: value and gradient, recorded `times` times on one tape.
fn chain<T: Real>(x: &Array1<T>, times: usize, threads: usize, eager: bool) -> Vec<(u64, Vec<u64>)> {
    let (params, mut tape) = (Params::new(), Tape::new());
    tape.threads(threads);
    tape.eager(eager);
    (0..times)
        .map(|_| {
            let step = tape.record(&params);
            let x = step.variable(x);
            let (head, tail) = (x.slice(s![..-1]), x.slice(s![1..]));
            let terms = rosenbrock(head * 0.5, tail) + swish(head, tail) + rosenbrock(tail, head);
            // Recorded in the other order, the derivative for the other operand comes first.
            let (tail, head) = (x.slice(s![1..]), x.slice(s![..-1]));
            let loss = (terms + rosenbrock(head, tail) + swish(tail, head)).sum();
            let gradient = loss.gradient(x);
            (loss.item().bits(), gradient.value().iter().map(|x| x.bits()).collect())
        })
        .collect()
}

#[test]
fn planned_runs_have_the_bits_of_the_interpreter() {
    fn check<T: Real>() {
        for n in (2..70).chain([127, 128, 129, 1000, 1025, 5000, 40_000]) {
            let x = sample(&[n], n as u64).mapv(T::of).into_dimensionality().unwrap();
            let expected = chain(&x, 1, 1, true).remove(0);
            for threads in [1, 2, 4] {
                for found in chain(&x, 3, threads, false) {
                    assert!(found == expected, "{} elements of {}, {threads} threads", n, T::NAME);
                }
            }
        }
    }
    check::<f32>();
    check::<f64>();
}

#[test]
fn two_slopes_of_rows_and_columns_have_the_bits_of_the_interpreter() {
    let (x, y) = (sample(&[30, 70], 1), sample(&[30, 70], 2));
    let run = |eager: bool, row: &ArrayD<f64>| {
        let (params, mut tape) = (Params::new(), Tape::new());
        tape.eager(eager);
        let mut all = Vec::new();
        for _ in 0..3 {
            let step = tape.record(&params);
            let (x, y) = (step.variable(&x), step.variable(row));
            let loss = (swish(x.exp(), y.exp()) * rosenbrock(x, y)).sum();
            let gradients = loss.gradients(&[x, y]);
            all.push((gradients[0].value(), gradients[1].value()));
        }
        all
    };
    for other in [&y, &sample(&[70], 3), &sample(&[30, 1], 4), &sample(&[], 5)] {
        let expected = run(true, other);
        assert!(run(false, other).iter().all(|found| *found == expected[0]), "{:?}", other.shape());
    }
}

#[test]
fn a_function_is_one_pass_with_its_neighbours() {
    let (params, mut tape) = (Params::new(), Tape::new());
    let x = sample(&[1000], 9);
    for _ in 0..3 {
        let step = tape.record(&params);
        let x = step.variable(&x);
        let _ = ((swish(x * 2.0, 1.5) + 1.0).sqrt() * ripple(x)).sum().item();
    }
    assert_eq!((tape.plans(), tape.passes()), (1, 1));
}

#[test]
fn angles_may_be_large() {
    gradus::pointwise! {
        fn wave(x) = (x * 1e14).sin() + x;
        fn chosen(x) = if (x * 1e15).cos() > 0.0 { x } else { -x };
    }
    fn check<T: Real>(tolerance: f64) {
        let x: Array1<T> = (0..100).map(|i| T::of(f64::from(i) * 0.37)).collect();
        let (params, mut tape) = (Params::new(), Tape::new());
        let step = tape.record(&params);
        let x = step.variable(&x);
        let (y, chosen) = (wave(x), chosen(x));
        let (value, slope, chosen) = (y.value(), y.sum().gradient(x).value(), chosen.sum().gradient(x).value());
        for (i, x) in x.value().iter().enumerate() {
            let (near, far) = ((*x * T::of(1e14)).as_f64(), (*x * T::of(1e15)).as_f64());
            let expected = near.sin() + x.as_f64();
            assert!((value[i].as_f64() - expected).abs() <= tolerance * 40.0, "sine of {near}");
            assert!((slope[i].as_f64() - (1e14 * near.cos() + 1.0)).abs() <= tolerance * 1e15, "cosine of {near}");
            assert_eq!(chosen[i].as_f64(), if far.cos() > 0.0 { 1.0 } else { -1.0 }, "choice at {far}");
        }
    }
    check::<f64>(1e-15);
    check::<f32>(1e-6);
}

#[test]
fn angles_of_either_operand_may_be_large() {
    gradus::pointwise! { fn waves(x, y) = x.sin() * y.cos(); }
    fn check<T: Real>(tolerance: f64) {
        let near = |start: f64| -> Array1<T> { (0..100).map(|i| T::of(start + f64::from(i) * 0.37)).collect() };
        let far = |start: f64| -> Array1<T> { (0..100).map(|i| T::of(start + f64::from(i) * 3.1e7)).collect() };
        for (x, y) in [(far(2e6), near(0.2)), (near(0.2), far(2e6)), (far(2e6), far(5e6))] {
            // Alone, together, and together in a plan.
            let run = |operands: &[usize], eager: bool| {
                let (params, mut tape) = (Params::new(), Tape::new());
                tape.eager(eager);
                let mut last = Vec::new();
                for _ in 0..3 {
                    let step = tape.record(&params);
                    let v = [step.variable(&x), step.variable(&y)];
                    let asked: Vec<_> = operands.iter().map(|&k| v[k]).collect();
                    last = step.values(&waves(v[0], v[1]).sum().gradients(&asked));
                }
                last
            };
            let together = run(&[0, 1], false);
            assert_eq!(together, run(&[0, 1], true), "{} interpreted", T::NAME);
            assert_eq!(together, [run(&[0], false).remove(0), run(&[1], false).remove(0)], "{} alone", T::NAME);
            let slopes = together[0].iter().zip(&together[1]);
            for ((x, y), (along_x, along_y)) in x.iter().zip(&y).zip(slopes) {
                let (x, y) = (x.as_f64(), y.as_f64());
                assert!((along_x.as_f64() - x.cos() * y.cos()).abs() <= tolerance, "{}: {x}, {y}", T::NAME);
                assert!((along_y.as_f64() + x.sin() * y.sin()).abs() <= tolerance, "{}: {x}, {y}", T::NAME);
            }
        }
    }
    check::<f64>(1e-15);
    check::<f32>(1e-6);
}

#[test]
fn branches_not_taken_do_not_count() {
    gradus::pointwise! { fn guarded(x) = if x > 0.0 { x.sqrt() * x.ln() } else { 0.0 * x }; }
    let x = array![-1.0, 0.0, 4.0];
    assert_eq!(grad(|x| guarded(x).sum(), &x), array![0.0, 0.0, 4_f64.ln() / 4.0 + 0.5]);
    // What stands behind a function that chooses, too: the slope of the root is ∞ where its value is not chosen.
    gradus::pointwise! { fn positive(x, y) = if y > 0.0 { x } else { y }; }
    assert_eq!(grad(|x| positive(x.sqrt(), x).sum(), &array![0.0, 4.0]), array![1.0, 0.25]);
}

#[test]
fn equals_share_the_slope_of_the_larger() {
    gradus::pointwise! { fn larger(x, y) = x.maximum(y); fn smaller(x, y) = x.minimum(y); }
    let x = array![1.0, 2.0, 3.0];
    let gradients = grads(|v| (larger(v[0], v[1]) + smaller(v[0], v[1])).sum(), &[&x, &array![2.0, 2.0, 2.0]]);
    assert!(gradients.iter().all(|g| *g == array![1.0, 1.0, 1.0].into_dyn()));
    let gradients = grads(|v| larger(v[0], v[1]).sum(), &[&x, &array![2.0, 2.0, 2.0]]);
    assert_eq!(gradients[0], array![0.0, 0.5, 1.0].into_dyn());
    let larger: f64 = value(|x| larger(x, f64::NAN).sum(), &array![1.0]);
    assert!(larger.is_nan());
}

#[test]
fn numbers_may_change_and_programs_of_numbers_stay() {
    let (params, mut tape) = (Params::<f64>::new(), Tape::new());
    let x = ndarray::arr0(0.7);
    for turn in 0..6 {
        let step = tape.record(&params);
        let (x, beta) = (step.variable(&x), f64::from(turn));
        let y = swish(x.sin() + 1.0, beta).exp();
        let slope = y.gradient(x).item();
        let expected = grad(|x| ((x.sin() + 1.0) * (beta * (x.sin() + 1.0)).sigmoid()).exp().sum(), &array![0.7])[0];
        assert!((slope - expected).abs() < 1e-12 * expected.abs(), "β = {beta}");
    }
    assert_eq!(tape.plans(), 1);
}

#[test]
fn empty_tensors_are_fine() {
    assert_eq!(grad(|x| swish(x, 1.0).sum(), &Array1::<f64>::zeros(0)).len(), 0);
    assert_eq!(derivative(|v| ripple(v[0]), &[ArrayD::zeros(vec![0, 3])], &[0, 0, 0]).shape(), [0, 3]);
}

#[test]
fn shapes_that_do_not_fit_are_told() {
    let (params, mut tape) = (Params::<f64>::new(), Tape::new());
    let step = tape.record(&params);
    let (x, y) = (step.variable(&[1.0, 2.0]), step.variable(&[1.0, 2.0, 3.0]));
    assert_panics(
        "swish: [2] and [3]: the shapes do not broadcast\n  help: lengths are matched from the last axis on and must be equal or 1",
        || swish(x, y),
    );
}

#[test]
fn listings_name_the_function_and_its_derivatives() {
    let (params, mut tape) = (Params::<f64>::new(), Tape::new());
    let _ = {
        let step = tape.record(&params);
        let x = step.variable(&[1.0]);
        swish(x, 2.0).sum().gradient(x).item()
    };
    let listing = tape.to_string();
    assert!(listing.contains("= swish %0") && listing.contains("(derivative [1, 0])"), "{listing}");
}

#[test]
fn powers_and_lengths_keep_the_rules_of_the_ops() {
    gradus::pointwise! {
        fn power(x, p) = x.pow(p);
        fn length(x, y) = x.hypot(y);
        fn angle(y, x) = y.atan2(x);
    }
    // A negative base: what does not vary has no logarithm.
    let x = ndarray::arr1(&[-2.0, -0.5]).into_dyn();
    for p in [2.0, 3.0] {
        let p = ndarray::arr0(p).into_dyn();
        for order in 0..5 {
            let directions = vec![0; order];
            let found = derivative(|v| power(v[0], v[1]), &[x.clone(), p.clone()], &directions);
            let expected = derivative(|v| v[0].pow(v[1]), &[x.clone(), p.clone()], &directions);
            close(&format!("pow, order {order}"), &found, &expected, 1e-14);
        }
    }
    assert_eq!(
        grads(|v| length(v[0], v[1]).sum(), &[&array![0.0], &array![0.0]]),
        [array![0.0].into_dyn(), array![0.0].into_dyn()]
    );
    for size in [1e-200_f64, 1e200] {
        let slope = grad(|y| angle(y, size).sum(), &array![size])[0];
        assert!((slope * size - 0.5).abs() < 1e-15, "{slope}");
    }
}
