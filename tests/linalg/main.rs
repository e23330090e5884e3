//! Small dense matrices: closed forms, exact rational values, identities, derivatives to second order, what is refused.
#![cfg(feature = "linalg")]

use gradus::optim::{GradientDescent, stop};
use gradus::prelude::*;
use ndarray::{Array3, Axis};

mod determinants;
#[path = "../support/panics.rs"]
mod panics;

use panics::assert_panics;

/// The value of a function of one array.
fn of<T: Real>(f: impl for<'t> Fn(Var<'t, T>) -> Var<'t, T>, a: &Array2<T>) -> Array2<T> {
    let (params, mut tape) = (Params::new(), Tape::new());
    let step = tape.record(&params);
    f(step.input(a)).value().into_dimensionality().unwrap()
}

/// The largest difference, relative to the largest element.
fn distance<'a, T: Real>(a: impl IntoIterator<Item = &'a T>, b: impl IntoIterator<Item = &'a f64>) -> f64 {
    let (mut most, mut size) = (0.0_f64, 0.0_f64);
    for (a, b) in a.into_iter().zip(b) {
        most = most.max((a.as_f64() - b).abs());
        size = size.max(b.abs());
    }
    most / size
}

fn random(n: usize, seed: u64) -> Array2<f64> {
    use rand::RngExt;
    let mut rng = StdRng::seed_from_u64(seed);
    Array2::from_shape_fn((n, n), |(i, j)| rng.random_range(-1.0..1.0) + if i == j { 2.5 } else { 0.0 })
}

/// A·Aᵀ + I/2.
fn covariance(n: usize, seed: u64) -> Array2<f64> {
    let a = random(n, seed);
    a.dot(&a.t()) + 0.5 * Array2::<f64>::eye(n)
}

#[test]
fn two_by_two_in_closed_form() {
    fn holds<T: Real>(tolerance: f64) {
        let (a, b, c, d) = (3.0, -1.5, 0.25, 2.0);
        let det: f64 = a * d - b * c;
        let x = array![[a, b], [c, d]].mapv(T::of);
        let inverse = array![[d, -b], [-c, a]] / det;
        assert!(distance(&of(|x| x.inverse(), &x), &inverse) < tolerance);
        let right = array![[1.0], [2.0]];
        let single = right.mapv(T::of);
        assert!(distance(&of(|x| x.solve(x.constant(&single)), &x), &inverse.dot(&right)) < tolerance);
        assert!((value(|x| x.logdet(), &x).as_f64() - det.ln()).abs() < tolerance);
        // Rows exchanged: another sign of the determinant, the same logarithm.
        let exchanged = array![[c, d], [a, b]].mapv(T::of);
        assert!((value(|x| x.logdet(), &exchanged).as_f64() - det.ln()).abs() < tolerance);
        assert_eq!(value(|x| x.trace(), &x).as_f64(), a + d);
        let l = of(|x| x.cholesky(), &array![[a, c], [c, d]].mapv(T::of));
        assert!(distance(&l, &array![[a.sqrt(), 0.0], [c / a.sqrt(), (d - c * c / a).sqrt()]]) < tolerance);
        assert_eq!(l[[0, 1]], T::zero());
    }
    holds::<f64>(1e-15);
    holds::<f32>(1e-7);
}

fn factorial(n: usize) -> f64 {
    (1..=n).map(|k| k as f64).product()
}

fn choose(n: usize, k: usize) -> f64 {
    (1..=k).map(|i| (n - k + i) as f64 / i as f64).product::<f64>().round()
}

fn hilbert(n: usize) -> Array2<f64> {
    Array2::from_shape_fn((n, n), |(i, j)| 1.0 / (i + j + 1) as f64)
}

/// Its inverse has whole numbers for elements (Choi 1983, Tricks or treats with the Hilbert matrix).
fn hilbert_inverse(n: usize) -> Array2<f64> {
    Array2::from_shape_fn((n, n), |(i, j)| {
        let sign = if (i + j) % 2 == 0 { 1.0 } else { -1.0 };
        let choices = choose(n + i, n - j - 1) * choose(n + j, n - i - 1) * choose(i + j, i).powi(2);
        sign * (i + j + 1) as f64 * choices
    })
}

/// The condition numbers of the Hilbert matrices of 2, 3, … rows (Todd 1961).
const CONDITION: [f64; 7] = [1.93e1, 5.24e2, 1.55e4, 4.77e5, 1.50e7, 4.75e8, 1.53e10];

#[test]
fn hilbert_matrices_against_exact_values() {
    assert_eq!(hilbert_inverse(3), array![[9.0, -36.0, 30.0], [-36.0, 192.0, -180.0], [30.0, -180.0, 180.0]]);
    for (n, condition) in (2..).zip(CONDITION) {
        let h = hilbert(n);
        // A backward stable method is off by the condition number times rounding, and here by less than ten times that.
        let tolerance = 10.0 * condition * f64::EPSILON;
        assert!(distance(&of(|x| x.inverse(), &h), &hilbert_inverse(n)) < tolerance, "inverse of {n} rows");
        let ones = Array2::ones((n, 1));
        let sums = hilbert_inverse(n).sum_axis(Axis(1)).insert_axis(Axis(1));
        assert!(distance(&of(|x| x.solve(x.constant(&ones)), &h), &sums) < tolerance, "solution with {n} rows");
        // det = c(n)⁴/c(2n), c(n) the product of factorials below n.
        let c = |n: usize| (1..n).map(|k| factorial(k).ln()).sum::<f64>();
        assert!((value(|x| x.logdet(), &h) - (4.0 * c(n) - c(2 * n))).abs() < tolerance, "determinant of {n} rows");
        let l = Array2::from_shape_fn((n, n), |(i, j)| {
            let below = || factorial(i).powi(2) / (factorial(i + j + 1) * factorial(i - j));
            if j > i { 0.0 } else { ((2 * j + 1) as f64).sqrt() * below() }
        });
        assert!(distance(&of(|x| x.cholesky(), &h), &l) < tolerance, "factor of {n} rows");
    }
    for (n, condition) in (2..=4).zip(CONDITION) {
        let found = of(|x| x.inverse(), &hilbert(n).mapv(f32::of));
        assert!(distance(&found, &hilbert_inverse(n)) < condition * f64::from(f32::EPSILON), "{n} rows in f32");
    }
}

#[test]
fn identities() {
    for n in [1, 2, 5, 12] {
        let (a, s) = (random(n, 1), covariance(n, 2));
        assert!(distance(&of(|x| x.matmul(x.inverse()), &a), &Array2::eye(n)) < 1e-13);
        assert!(distance(&of(|x| x.solve(x), &a), &Array2::eye(n)) < 1e-13);
        assert!(distance(&of(|x| x.cholesky().matmul(x.cholesky().t()), &s), &s) < 1e-14);
        let by_factor = value(|x| 2.0 * x.cholesky().diag().ln().sum(), &s);
        assert!((value(|x| x.logdet(), &s) - by_factor).abs() < 1e-13 * n as f64);
        // d ln|det A|/dA = A⁻ᵀ; of the factor, its symmetric part.
        let inverse = of(|x| x.inverse(), &a);
        assert!(distance(&grad(|x| x.logdet(), &a), inverse.t()) < 1e-14);
        let inverse = of(|x| x.inverse(), &s);
        assert!(distance(&grad(|x| 2.0 * x.cholesky().diag().ln().sum(), &s), &inverse) < 1e-12);
        // d tr(A⁻¹)/dA = −A⁻²ᵀ, d tr(A)/dA = I.
        let inverse = of(|x| x.inverse(), &a);
        assert!(distance(&grad(|x| x.inverse().trace(), &a), inverse.dot(&inverse).mapv(|x| -x).t()) < 1e-13);
        assert_eq!(grad(|x| x.trace(), &a), Array2::<f64>::eye(n));
    }
}

#[test]
fn hessians_in_closed_form() {
    let n = 3;
    let (a, s) = (random(n, 3), covariance(n, 4));
    // ∂² ln|det A| / ∂Aᵢⱼ∂Aₖₗ = −(A⁻¹)ⱼₖ·(A⁻¹)ₗᵢ.
    let y = of(|x| x.inverse(), &a);
    let expected = Array2::from_shape_fn((n * n, n * n), |(p, q)| {
        let ([i, j], [k, l]) = ([p / n, p % n], [q / n, q % n]);
        -y[[j, k]] * y[[l, i]]
    });
    assert!(distance(&hessian(|x| x.logdet(), &a), &expected) < 1e-13);
    // The same through the factor, of the symmetric part.
    let by_factor = hessian(|x| 2.0 * x.cholesky().diag().ln().sum(), &s);
    let direct = hessian(|x| (0.5 * (x + x.t())).logdet(), &s);
    assert!(distance(&by_factor, &direct) < 1e-11, "{by_factor}\n{direct}");
    // bᵀ·A⁻¹·b has the Hessian A⁻¹ + A⁻ᵀ in b.
    let b = array![1.0, -2.0, 0.5];
    let quadratic = hessian(|b| b.dot(b.constant(&a).solve(b)), &b);
    assert!(distance(&quadratic, &(&y + &y.t())) < 1e-14);
    // Fourth derivative of 1/x at 2, by inverses of one row: 24/x⁵.
    let fourth: Array2<f64> =
        grad(|x| x.inverse().sum().gradient(x).sum().gradient(x).sum().gradient(x).sum(), &array![[2.0]]);
    assert!((fourth[[0, 0]] - 24.0 / 32.0).abs() < 1e-14);
}

#[test]
fn derivatives_equal_differences_to_second_order() {
    for n in [2, 4] {
        let (a, s, b) = (random(n, 5), covariance(n, 6), random(n, 7));
        check::gradients(|v| v[0].solve(v[1]), &[&a, &b]).order(2).assert();
        check::gradients(|v| v[0].inverse(), &[&a]).order(2).assert();
        check::gradients(|v| v[0].logdet(), &[&a]).order(2).assert();
        check::gradients(|v| v[0].cholesky(), &[&s]).order(2).assert();
        // Together: the density of a Gaussian with this covariance.
        check::gradients(
            |v| {
                let l = v[0].cholesky();
                l.diag().ln().sum() + 0.5 * l.solve(v[1]).square().sum()
            },
            &[&s, &b],
        )
        .order(2)
        .assert();
    }
}

/// Differences are taken beyond the domain, too: at a matrix that is nearly singular, or nearly indefinite, that is no error.
#[test]
fn a_check_may_step_out_of_the_domain() {
    let near = array![[1.0, 0.999], [0.999, 1.0]];
    check::gradients(|v| v[0].cholesky(), &[&near]).assert();
    let mut params = Params::<f64>::new();
    let w = params.add_array("w", &near);
    check::model(&params, |step| step.param(w).cholesky().diag().ln().sum()).assert();
    let mut tape = Tape::new();
    let step = tape.record(&params);
    step.param(w).cholesky().sum().check().assert();
    // At a matrix that has no factor, there is nothing to confirm; and the recording still refuses it.
    let singular = Array2::<f64>::ones((2, 2));
    assert!(!check::gradients(|v| v[0].cholesky(), &[&singular]).report().passed());
    let y = step.variable(&singular).cholesky().sum();
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| y.check().report().passed())).is_ok_and(|ok| !ok));
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| y.item())).is_err());
    // So it does where the variables have no part in it.
    let (x, constant) = (step.variable(&[1.0]), step.constant(&singular).inverse());
    let y = (x * constant).sum();
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| y.check().report()));
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| y.item())).is_err());
}

/// tr(S·A) − ln det A, least at A = S⁻¹ and defined where A is positive definite: the precision matrix of a Gaussian by
/// maximum likelihood.
fn loss<'t>(a: Var<'t, f64>, s: Var<'t, f64>) -> Var<'t, f64> {
    (s * a).sum() - 2.0 * a.cholesky().diag().ln().sum()
}

#[test]
fn a_minimisation_goes_back_where_it_leaves_the_domain() {
    let s = covariance(3, 14);
    let start = || {
        let mut params = Params::<f64>::new();
        let a = params.add_array("precision", &Array2::<f64>::eye(3));
        (params, a)
    };
    let (mut params, a) = start();
    minimize(|step| loss(step.param(a), step.input(&s)))
        .with(GradientDescent::new(1e3)) // the first trial is far beyond
        .until(stop::gradient_norm(1e-6).or(stop::max_iterations(2000)))
        .run(&mut params);
    let found = params.value(a).to_owned();
    assert!(distance(&found, &of(|x| x.inverse(), &s)) < 1e-5, "{found}");
    // Without a search the run ends, at the last point of the domain, and says why.
    let (mut params, a) = start();
    let report = minimize(|step| loss(step.param(a), step.input(&s)))
        .with(Sgd::new(1e3))
        .until(stop::max_iterations(9))
        .run(&mut params);
    let reason = report.reason.to_string();
    assert!(reason.contains("cholesky: [3, 3]: the matrix is not positive definite"), "{reason}");
    assert!(reason.contains("near parameter `precision`"), "{reason}");
    assert_eq!(params.value(a), Array2::<f64>::eye(3).into_dyn());
}

#[test]
fn batches_are_matrices_one_by_one() {
    let a = Array3::from_shape_fn((4, 3, 3), |(b, i, j)| random(3, b as u64)[[i, j]]);
    let b = Array3::from_shape_fn((4, 3, 2), |(b, i, j)| (b + i * j) as f64 - 1.0);
    let (params, mut tape) = (Params::<f64>::new(), Tape::new());
    let step = tape.record(&params);
    let (x, y) = (step.input(&a), step.input(&b));
    let (inverses, dets, solutions) = (x.inverse().value(), x.logdet().value(), x.solve(y).value());
    let weighed = (x.logdet() * step.input(&[1.0, 2.0, 3.0, 4.0])).sum().gradient(x).value();
    for k in 0..4 {
        let one = a.index_axis(Axis(0), k).to_owned();
        let inverse = of(|x| x.inverse(), &one);
        assert_eq!(inverses.index_axis(Axis(0), k), inverse.clone().into_dyn());
        assert_eq!(dets[[k]], value(|x| x.logdet(), &one));
        let right = b.index_axis(Axis(0), k).to_owned();
        assert_eq!(solutions.index_axis(Axis(0), k), of(|x| x.solve(x.constant(&right)), &one).into_dyn());
        assert_eq!(weighed.index_axis(Axis(0), k), (inverse.t().to_owned() * (k + 1) as f64).into_dyn());
    }
}

#[test]
fn single_precision_is_double_precision_rounded() {
    let (a, s) = (random(5, 8).mapv(f32::of), covariance(5, 9).mapv(f32::of));
    let (wide, symmetric) = (a.mapv(f64::from), s.mapv(f64::from));
    let same = |single: &Array2<f32>, double: &Array2<f64>| assert_eq!(*single, double.mapv(f32::of));
    same(&of(|x| x.inverse(), &a), &of(|x| x.inverse(), &wide));
    same(&of(|x| x.cholesky(), &s), &of(|x| x.cholesky(), &symmetric));
    assert!(distance(&grad(|x| x.logdet(), &a), &grad(|x| x.logdet(), &wide)) < 1e-7);
    let single = grad(|x| x.cholesky().inverse().square().sum(), &s);
    assert!(distance(&single, &grad(|x| x.cholesky().inverse().square().sum(), &symmetric)) < 1e-5);
}

#[test]
fn plans_compute_the_same_bits() {
    let mut params = Params::<f64>::new();
    let w = params.add_array("w", &covariance(4, 10));
    let (mut tape, mut gradient) = (Tape::new(), params.gradient());
    let runs = [0, 1, 2].map(|_| {
        let step = tape.record(&params);
        let l = step.param(w).cholesky();
        let value = (l.diag().ln().sum() + l.solve(step.ones([4])).square().sum().tanh()).backward(&mut gradient);
        (value, gradient.flat().to_vec())
    });
    assert!(runs[0] == runs[1] && runs[1] == runs[2] && tape.plans() == 1);
}

/// Whether reading an op of this array panics with this text, and the line that recorded the op.
#[track_caller]
fn refused<D: ndarray::Dimension>(
    text: &str,
    a: &ndarray::Array<f64, D>,
    op: impl for<'t> Fn(Var<'t, f64>) -> Var<'t, f64>,
) {
    let (params, mut tape) = (Params::new(), Tape::new());
    let step = tape.record(&params);
    let y = op(step.constant(a));
    let listing = step.to_string();
    let (_, place) = listing.trim_end().rsplit_once("# ").unwrap();
    assert!(place.starts_with(file!()), "{place}");
    assert_panics(&format!("{text}\n  recorded at {place}"), || y.value());
}

const SINGULAR: &str = "is singular to the precision of f64\n  help: are rows combinations of others? adding a small multiple of the identity makes it regular";
const INDEFINITE: &str = "is not positive definite to the precision of f64\n  help: is it a covariance of too few samples, or no covariance at all? adding a small multiple of the identity helps where it nearly is";

#[test]
fn singular_matrices_are_refused_where_they_are_read() {
    let text = |shape: &str, which: &str| format!("{shape}: {which} {SINGULAR}");
    let twice = array![[1.0, 2.0], [2.0, 4.0]];
    refused(&format!("inverse: {}", text("[2, 2]", "the matrix")), &twice, |x| x.inverse());
    refused(&format!("solve: {}", text("[2, 2]", "the matrix")), &twice, |x| x.solve(x));
    refused(&format!("logdet: {}", text("[1, 1]", "the matrix")), &array![[0.0]], |x| x.logdet());
    // Rounding makes the last pivot something like 1e-16.
    let nine = Array2::from_shape_fn((3, 3), |(i, j)| (3 * i + j + 1) as f64 * 0.1);
    refused(&format!("inverse: {}", text("[3, 3]", "the matrix")), &nine, |x| x.inverse());
    let batch = Array3::from_shape_fn((3, 2, 2), |(b, i, j)| if b == 2 { 1.0 } else { (2 * i + j) as f64 });
    refused(&format!("logdet: {}", text("[3, 2, 2]", "matrix [2]")), &batch, |x| x.logdet());
    refused(&format!("solve: {}", text("[3, 2, 2]", "matrix [2]")), &batch, |x| x.solve(x.recording().ones([2, 1])));
    let text = format!("cholesky: [2, 2]: the matrix {INDEFINITE}");
    for indefinite in [[[1.0, 2.0], [2.0, 1.0]], [[1.0, 1.0], [1.0, 1.0]], [[-1.0, 0.0], [0.0, 1.0]]] {
        refused(&text, &ndarray::arr2(&indefinite), |x| x.cholesky());
    }
    // The Gram matrix of two vectors in three dimensions.
    let v = array![[0.1, 0.7], [0.3, -0.2], [0.9, 0.4]];
    refused(&format!("cholesky: [3, 3]: the matrix {INDEFINITE}"), &v.dot(&v.t()), |x| x.cholesky());
}

#[test]
fn scale_makes_nothing_singular() {
    assert_eq!(of(|x| x.inverse(), &array![[1e-200, 0.0], [0.0, 1e200]]), array![[1e200, 0.0], [0.0, 1e-200]]);
    let a = random(4, 11);
    let tiny = of(|x| x.inverse(), &(&a * 1e-150));
    assert!(distance(&(tiny * 1e-150), &of(|x| x.inverse(), &a)) < 1e-14);
    let rows = &a * &array![[1e-30], [1.0], [1e30], [1e-10]];
    assert!(distance(&of(|x| x.matmul(x.inverse()), &rows).diag().to_owned(), &Array1::ones(4)) < 1e-13);
    // Ill-conditioned is not singular as long as a digit is left.
    assert!(value(|x| x.logdet(), &hilbert(11)).is_finite());
    assert!(value(|x| x.cholesky().sum(), &hilbert(11)).is_finite());
}

#[test]
fn a_refusal_names_the_parameter_and_leaves_the_tape_in_order() {
    let mut params = Params::<f64>::new();
    let w = params.add_array("mixing.weight", &random(2, 12));
    let (mut tape, mut gradient) = (Tape::new(), params.gradient());
    let regular = params.flat().to_vec();
    let mut run = |params: &Params<f64>, gradient: &mut Gradient<f64>| {
        let step = tape.record(params);
        step.param(w).inverse().square().sum().backward(gradient)
    };
    // Interpreted, planned, and planned once more.
    let first = run(&params, &mut gradient);
    for _ in 0..3 {
        let bits = gradient.flat().to_vec();
        params.flat_mut().fill(1.0);
        let text = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(&params, &mut gradient))).unwrap_err();
        let text = text.downcast_ref::<String>().unwrap();
        let expected = format!("inverse: [2, 2]: the matrix {SINGULAR}\n  recorded at tests/linalg/main.rs:");
        assert!(text.starts_with(&expected) && text.ends_with("\n  near parameter `mixing.weight`"), "{text}");
        params.flat_mut().copy_from_slice(&regular);
        assert_eq!((run(&params, &mut gradient), gradient.flat()), (first, &bits[..]));
    }
}

#[test]
fn what_is_not_read_is_not_refused_and_derivatives_say_that_they_are() {
    let (params, mut tape) = (Params::<f64>::new(), Tape::new());
    let step = tape.record(&params);
    let x = step.constant(&Array2::ones((2, 2)));
    let (unread, gradient) = (x.inverse(), x.logdet().gradient(x));
    assert_eq!((x.trace().item(), unread.shape()), (2.0, Shape::from([2, 2])));
    let text = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| gradient.value())).unwrap_err();
    let text = text.downcast_ref::<String>().unwrap();
    assert!(
        text.starts_with("inverse: [2, 2]: the matrix is singular") && text.ends_with(", for a derivative"),
        "{text}"
    );
}

#[test]
fn the_precision_is_that_of_the_elements() {
    // Singular but for what rounding to f32 leaves.
    let nine = Array2::from_shape_fn((3, 3), |(i, j)| (3 * i + j + 1) as f64 * 0.1);
    let rounded = nine.mapv(f32::of);
    assert!(value(|x| x.logdet(), &rounded.mapv(f64::from)).is_finite());
    let (params, mut tape) = (Params::<f32>::new(), Tape::new());
    let step = tape.record(&params);
    let y = step.input(&rounded).logdet();
    let text = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| y.item())).unwrap_err();
    assert!(text.downcast_ref::<String>().unwrap().contains("singular to the precision of f32"));
}

/// Of matrices whose rank is one too low but for rounding, most are refused; of those of full rank, none.
#[test]
fn most_of_what_is_singular_is_found_and_nothing_else() {
    use rand::RngExt;
    let mut rng = StdRng::seed_from_u64(15);
    let mut matrix = |rows, columns| Array2::from_shape_fn((rows, columns), |_| rng.random_range(-1.0..1.0));
    let refused = |a: &Array2<f64>| {
        let (params, mut tape) = (Params::new(), Tape::new());
        let step = tape.record(&params);
        let y = step.constant(a).logdet();
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| y.item())).is_err()
    };
    for n in [3, 6, 12] {
        let found = (0..100).filter(|_| refused(&matrix(n, n - 1).dot(&matrix(n - 1, n)))).count();
        assert!(found >= 80, "{found} of 100 with {n} rows");
        assert!((0..100).all(|_| !refused(&matrix(n, n))), "{n} rows");
    }
}

#[test]
fn a_small_ridge_is_enough_in_single_precision() {
    // The covariance of 60 nearby points under a smooth kernel is singular to f32 but for the ridge.
    let n = 60;
    let a = Array2::from_shape_fn((n, n), |(i, j)| {
        let distance = (i as f32 - j as f32) / 20.0;
        (-0.5 * distance * distance).exp() + if i == j { 1e-4 } else { 0.0 }
    });
    let l = of(|x| x.cholesky(), &a);
    assert!(distance(&l.dot(&l.t()), &a.mapv(f64::from)) < 1e-6);
}

#[test]
fn what_is_not_finite_stays_so_and_is_found() {
    let broken = array![[f64::NAN, 1.0], [1.0, 1.0]];
    assert!(of(|x| x.inverse(), &broken).iter().all(|x| x.is_nan()));
    assert!(of(|x| x.cholesky(), &broken).iter().all(|x| x.is_nan()));
    assert!(value(|x| x.logdet(), &broken).is_nan());
    let infinite = array![[1.0, 0.0], [0.0, f64::INFINITY]];
    assert!(of(|x| x.solve(x), &infinite).iter().all(|x| x.is_nan()));
}

type Op = for<'t> fn(Var<'t, f64>) -> Var<'t, f64>;

#[test]
fn matrices_that_are_not_chosen_leave_the_gradient_alone() {
    // The second matrix of the batch holds NaN and is not chosen.
    let mut a = Array3::from_shape_fn((2, 2, 2), |(_, i, j)| random(2, 13)[[i, j]]);
    a.index_axis_mut(Axis(0), 1).fill(f64::NAN);
    let ops: [Op; 4] = [
        |x| x.inverse(),
        |x| x.solve(x.recording().ones([2, 1])),
        |x| (0.1 * x + 2.0 * x.recording().ones([2]).diag()).cholesky(),
        |x| x.logdet().unsqueeze(-1).unsqueeze(-1),
    ];
    for op in ops {
        let g = grad(|x| x.constant(&array![[[1.0]], [[0.0]]]).select(op(x), 0.0).sum(), &a);
        assert!(g.index_axis(Axis(0), 0).iter().all(|&x| x.is_finite() && x != 0.0), "{g}");
        assert!(g.index_axis(Axis(0), 1).iter().all(|&x| x == 0.0), "{g}");
    }
}

#[test]
fn nothing_is_a_matrix_too() {
    let empty = Array2::<f64>::zeros((0, 0));
    assert_eq!(value(|x| x.logdet() + x.trace() + x.inverse().sum() + x.solve(x).sum(), &empty), 0.0);
    assert_eq!(grad(|x| x.logdet() + x.cholesky().sum(), &empty).len(), 0);
}

#[test]
fn shapes_that_do_not_fit() {
    let (params, mut tape) = (Params::<f64>::new(), Tape::new());
    let step = tape.record(&params);
    let (wide, vector, square) = (step.zeros([2, 3]), step.zeros([2]), step.zeros([2, 2]));
    assert_panics("inverse: [2, 3]: 2 rows and 3 columns, expected a square matrix", || wide.inverse());
    assert_panics("logdet: [2] is no matrix", || vector.logdet());
    assert_panics("cholesky: [2, 3]: 2 rows and 3 columns, expected a square matrix", || wide.cholesky());
    assert_panics("solve: [2, 2] and right side [3, 1]: expected 2 rows", || square.solve(step.zeros([3])));
    assert_panics("solve: [2, 2] and right side []: expected 2 rows", || square.solve(step.scalar(1.0)));
    let (three, two) = (step.zeros([3, 2, 2]), step.zeros([2, 2, 1]));
    assert_panics("solve: [3, 2, 2] and right side [2, 2, 1]: leading axes do not broadcast", || three.solve(two));
    assert_panics("trace: [2, 3]: expected a square matrix", || wide.trace());
}

#[test]
fn a_check_steps_back_from_where_a_factor_has_no_value() {
    for a in [array![[1.0, 0.999], [0.999, 1.0]], array![[100.0, 99.9], [99.9, 100.0]]] {
        check::gradients(|v| v[0].cholesky().trace(), &[&a]).assert();
        check::gradients(|v| v[0].cholesky().trace(), &[&a]).order(2).assert();
        check::gradients(|v| v[0].cholesky(), &[&a]).directions(3).assert();
        // A derivative that is half too large.
        let wrong = check::gradients(|v| 1.5 * v[0].cholesky().trace() - 0.5 * v[0].cholesky().detach().trace(), &[&a]);
        let report = wrong.report();
        assert!(report.failures.iter().any(|e| e.verdict == check::Verdict::Mismatch), "{report}");
    }
    for a in [array![[1.0_f32, 0.9], [0.9, 1.0]], array![[100.0, 90.0], [90.0, 100.0]]] {
        check::gradients(|v| v[0].cholesky().trace(), &[&a]).assert();
    }
    // Nearer to the border than f32 can tell: nothing is called wrong, and nothing panics.
    for a in [array![[1.0_f32, 0.999], [0.999, 1.0]], array![[100.0, 99.9], [99.9, 100.0]]] {
        let report = check::gradients(|v| v[0].cholesky().trace(), &[&a]).report();
        assert!(!report.failures.iter().any(|e| e.verdict == check::Verdict::Mismatch), "{report}");
    }
}
