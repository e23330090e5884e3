//! What holds for every function: forward against reverse, symmetry, linearity, invariances, growth.

use gradus::prelude::*;
use ndarray::Axis;
use proptest::prelude::*;

/// A smooth function of a matrix [3, 2] whose ops are chosen by numbers. The part that is x itself keeps it from being
/// nothing but rounding errors where the rest cancels.
fn function<'t>(choices: &[u8], x: Var<'t, f64>) -> Var<'t, f64> {
    let mixing = x.constant(&array![[0.5, -0.3], [0.2, 0.7]]);
    let y = choices.iter().fold(x, |y, choice| match choice % 12 {
        0 => y.tanh() + x * 0.5,
        1 => y.matmul(mixing),
        2 => y.softmax(1) * 2.0 - y,
        3 => y.sigmoid() * x,
        4 => (y - y.mean_axis(keep(0))).sin(),
        5 => y.cumsum(0) * 0.4,
        6 => y.standardize(1, 0.5) + y,
        7 => y.flip([0, 1]).gelu(),
        8 => y / (1.0 + x.square()),
        9 => concat(&[y.slice(s![1.., ..]), y.slice(s![..1, ..])], 0).softplus(),
        10 => (y * y.t().matmul(y).sum()).tanh(),
        _ => y.logsumexp_axis(keep(1)) - y * 0.3,
    });
    y + x * 0.5
}

fn matrix() -> impl Strategy<Value = Array2<f64>> {
    proptest::collection::vec(-1.5..1.5, 6).prop_map(|values| Array2::from_shape_vec((3, 2), values).unwrap())
}

fn choices() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 1..6)
}

fn close(a: f64, b: f64, scale: f64) -> Result<(), TestCaseError> {
    prop_assert!((a - b).abs() <= 1e-9 * scale.max(1.0), "{a} and {b}");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, rng_seed: proptest::test_runner::RngSeed::Fixed(9), failure_persistence: None, ..ProptestConfig::default() })]

    /// ⟨u, Jv⟩ = ⟨Jᵀu, v⟩.
    #[test]
    fn forward_and_reverse_are_adjoint(f in choices(), x in matrix(), u in matrix(), v in matrix()) {
        let forward = jvp(|x| function(&f, x), &x, &v);
        let reverse = vjp(|x| function(&f, x), &x, &u);
        let (left, right) = ((&forward * &u).sum(), (&reverse * &v).sum());
        close(left, right, forward.iter().map(|x| x.abs()).sum())?;
    }

    #[test]
    fn the_hessian_is_symmetric_and_hvp_is_its_product(f in choices(), x in matrix(), v in matrix()) {
        let scalar = objective(|x| function(&f, x).square().sum());
        let h = hessian(scalar, &x);
        let size = h.iter().fold(0.0, |a: f64, x| a.max(x.abs()));
        for (i, j) in (0..6).flat_map(|i| (0..i).map(move |j| (i, j))) {
            close(h[[i, j]], h[[j, i]], size)?;
        }
        let product = h.dot(&v.flatten());
        for (a, b) in hvp(scalar, &x, &v).iter().zip(&product) {
            close(*a, *b, size)?;
        }
    }

    #[test]
    fn jacobian_products(f in choices(), x in matrix(), u in matrix(), v in matrix()) {
        let j = jacobian(|x| function(&f, x), &x);
        let size = j.iter().fold(0.0, |a: f64, x| a.max(x.abs()));
        for (a, b) in jvp(|x| function(&f, x), &x, &v).iter().zip(&j.dot(&v.flatten())) {
            close(*a, *b, size)?;
        }
        for (a, b) in vjp(|x| function(&f, x), &x, &u).iter().zip(&j.t().dot(&u.flatten())) {
            close(*a, *b, size)?;
        }
        // Fewer columns than rows, so that the Jacobian is built the other way round.
        let tall = jacobian(|x| function(&f, x.broadcast_to([3, 2])).flatten(), &x.slice(s![..1, ..]).to_owned());
        prop_assert_eq!(tall.dim(), (6, 2));
        let wide = jacobian(|x| function(&f, x).sum_axis(0), &x);
        let summed = j.clone().into_shape_with_order((3, 2, 6)).unwrap().sum_axis(Axis(0));
        for (a, b) in wide.iter().zip(&summed) {
            close(*a, *b, size)?;
        }
    }

    #[test]
    fn the_gradient_is_linear(f in choices(), g in choices(), x in matrix(), k in -3.0..3.0) {
        let both: Array2<f64> = grad(|x| (function(&f, x) * k + function(&g, x)).sum(), &x);
        let first: Array2<f64> = grad(|x| function(&f, x).sum(), &x);
        let second: Array2<f64> = grad(|x| function(&g, x).sum(), &x);
        let size = first.iter().chain(&second).fold(0.0, |a: f64, x| a.max(x.abs()));
        let expected: Array2<f64> = &first * k + &second;
        for (a, b) in both.iter().zip(&expected) {
            close(*a, *b, size * 3.0)?;
        }
    }

    /// Reordering the rows of the argument reorders the rows of the gradient, for functions that do not look at the order.
    #[test]
    fn permutations_pass_through(x in matrix(), shift in 0_usize..3) {
        let rows: Vec<_> = (0..3).map(|i| (i + shift) % 3).collect();
        let scalar = objective(|x: Var<'_, f64>| {
            (x.softmax(1) * x).sum() + x.logsumexp_axis(0).square().sum() + x.std(1) + x.prod() + x.max()
        });
        let moved = x.select(Axis(0), &rows);
        close(value(scalar, &x), value(scalar, &moved), 1.0)?;
        let expected = grad(scalar, &x).select(Axis(0), &rows);
        for (a, b) in grad(scalar, &moved).iter().zip(&expected) {
            close(*a, *b, 1.0)?;
        }
    }

    #[test]
    fn the_gradient_is_right(f in choices(), x in matrix()) {
        let report = check::gradients(|v| function(&f, v[0]), &[&x]).order(2).directions(2).report();
        prop_assert!(report.passed(), "{}", report);
    }
}

#[test]
fn functions_of_several_arrays() {
    let (a, b) = (array![[1.0, 2.0], [3.0, 4.0]], array![0.5, -1.0]);
    let (da, db) = (array![[1.0, 0.0], [0.0, 2.0]], array![1.0, 1.0]);
    // f = Σ (A·b)², so ∂f/∂A = 2(A·b)bᵀ and ∂f/∂b = 2Aᵀ(A·b)
    let y = a.dot(&b);
    let (value, g) = value_and_grads(|v| v[0].matmul(v[1]).square().sum(), &[&a, &b]);
    assert_eq!(value, y.dot(&y));
    let (ga, gb) = (Array2::from_shape_fn((2, 2), |(i, j)| 2.0 * y[i] * b[j]), a.t().dot(&y) * 2.0);
    assert_eq!((&g[0], &g[1]), (&ga.into_dyn(), &gb.clone().into_dyn()));
    // Directions: A·db + dA·b
    let tangent = jvps(|v| v[0].matmul(v[1]), &[&a, &b], &[&da, &db]);
    assert_eq!(tangent, (a.dot(&db) + da.dot(&b)).into_dyn());
    let c = array![2.0, 3.0];
    let parts = vjps(|v| v[0].matmul(v[1]), &[&a, &b], &c);
    assert_eq!(parts[1], a.t().dot(&c).into_dyn());
    let jacobians = jacobians(|v| v[0].matmul(v[1]), &[&a, &b]);
    assert_eq!(jacobians[1], a);
    assert_eq!(jacobians[0], array![[0.5, -1.0, 0.0, 0.0], [0.0, 0.0, 0.5, -1.0]]);
    let h = hessians(|v| v[0].matmul(v[1]).square().sum(), &[&a, &b]);
    assert_eq!(h[1][1], a.t().dot(&a) * 2.0);
    assert_eq!(h[0][1], h[1][0].t());
    let along = hvps(|v| v[0].matmul(v[1]).square().sum(), &[&a, &b], &[&da, &db]);
    let expected = h[1][0].dot(&da.flatten()) + h[1][1].dot(&db);
    assert_eq!(along[1], expected.into_dyn());
}

#[test]
fn known_gradients() {
    // Seed notes: x² + y², sin x·cos y, ‖x‖², ‖x‖.
    let p = array![0.7_f64, -1.2];
    assert_eq!(grad(|x| x.square().sum(), &p), &p * 2.0);
    let g = grad(|x| x.index_axis(0, 0).sin() * x.index_axis(0, 1).cos(), &p);
    assert_eq!(g, array![p[0].cos() * p[1].cos(), -p[0].sin() * p[1].sin()]);
    let norm = p.dot(&p).sqrt();
    let g = grad(|x| x.norm(), &p);
    assert!(g.iter().zip(&p).all(|(g, x)| (g - x / norm).abs() < 1e-15));
}

#[test]
fn instructions_of_a_backward_pass_grow_linearly_with_depth() {
    let params = Params::<f64>::new();
    let length = |depth: usize| {
        let mut tape = Tape::new();
        {
            let step = tape.record(&params);
            let x = step.constant(&array![[0.3, 0.7]]);
            let w = step.constant(&array![[0.5, 0.1], [0.2, 0.4]]);
            let y = (0..depth).fold(x, |x, _| x.matmul(w).tanh() + x);
            y.sum().gradients(&[x, w]);
        }
        tape.len()
    };
    let (a, b, c) = (length(10), length(20), length(40));
    assert_eq!(c - b, 2 * (b - a));
    assert!(c < 40 * 16, "{c} instructions for 40 layers");
}

#[test]
fn equal_adjoints_are_one() {
    let params = Params::<f64>::new();
    let mut tape = Tape::new();
    {
        let step = tape.record(&params);
        let x = step.constant(&array![0.4]);
        let mut y = (x.sin() * x.tanh()).sum();
        for _ in 0..6 {
            y = y.gradient(x).sum();
        }
        // d⁶/dx⁶ (sin x · tanh x) at 0.4; by mpmath with 30 digits.
        assert!((y.item() - SIXTH).abs() < 1e-8, "{}", y.item());
    }
    assert!(tape.len() < 700, "{} instructions", tape.len());
}

/// d⁶/dx⁶ (sin x · tanh x) at x = 0.4 (mpmath, `diff` with 30 digits).
const SIXTH: f64 = -18.372_409_586_096_093;

#[test]
fn a_million_links_need_no_stack() {
    let run = || {
        let params = Params::<f32>::new();
        let mut tape = Tape::new();
        let step = tape.record(&params);
        let x = step.variable(&[0.5]);
        let y = (0..1_000_000).fold(x, |y, _| y * 0.999_999);
        let slope = y.gradient(x);
        assert!((slope.item() - (-1.0_f32).exp()).abs() < 1e-2, "{}", slope.item());
    };
    // A stack of 128 KiB: any recursion over the chain would run over it.
    std::thread::Builder::new().stack_size(128 * 1024).spawn(run).unwrap().join().unwrap();
}
