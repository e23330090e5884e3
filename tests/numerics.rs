//! The table of numerical rules, line by line: kinks, zeros, infinities, extreme arguments.

use gradus::functions;
use gradus::prelude::*;

const INF: f64 = f64::INFINITY;

fn slope(f: impl for<'t> FnOnce(Var<'t, f64>) -> Var<'t, f64>, x: f64) -> f64 {
    grad(|v| f(v).sum(), &array![x])[0]
}

fn at(f: impl for<'t> FnOnce(Var<'t, f64>) -> Var<'t, f64>, x: f64) -> f64 {
    value(|v| f(v).reshape([]), &array![x])
}

fn curvature(f: impl for<'t> FnOnce(Var<'t, f64>) -> Var<'t, f64>, x: f64) -> f64 {
    hessian(|v| f(v).sum(), &array![x])[[0, 0]]
}

// ---- kinks ---------------------------------------------------------------------------------------------------------

#[test]
fn slopes_at_kinks() {
    assert_eq!(slope(|x| x.relu(), 0.0), 0.0);
    assert_eq!(slope(|x| x.relu(), -0.0), 0.0);
    assert_eq!(slope(|x| x.abs(), 0.0), 0.0);
    assert_eq!(slope(|x| x.clamp(-1.0, 1.0), 1.0), 0.0);
    assert_eq!(slope(|x| x.clamp(-1.0, 1.0), -1.0), 0.0);
    assert_eq!(slope(|x| x.clamp(-1.0, 1.0), 0.999), 1.0);
    // Bounds the wrong way round: whichever is taken gets the cotangent, and only that one.
    for (x, bounds, expected) in [(0.5, [1.0, 0.0], [1.0, 0.0]), (2.0, [1.0, 0.0], [0.0, 1.0])] {
        let g = grad(|b| b.scalar(x).clamp(b.index_axis(0, 0), b.index_axis(0, 1)), &Array1::from(bounds.to_vec()));
        assert_eq!(g, Array1::from(expected.to_vec()));
    }
    for f in [functions::sign, functions::floor, functions::ceil, functions::round] {
        assert_eq!([slope(f, 0.0), slope(f, 0.5), slope(f, -2.0)], [0.0; 3]);
    }
}

#[test]
fn ties_share_the_gradient_equally() {
    assert_eq!(grad(|x| x.max(), &array![3.0, 1.0, 3.0]), array![0.5, 0.0, 0.5]);
    assert_eq!(grad(|x| x.min(), &array![1.0, 1.0, 1.0]), array![1.0, 1.0, 1.0] / 3.0);
    let g = grad(|x| x.max_axis(1).sum(), &array![[2.0, 2.0], [1.0, 5.0]]);
    assert_eq!(g, array![[0.5, 0.5], [0.0, 1.0]]);
    // Axes that are not neighbours are taken together: four equal winners, a quarter each.
    let g = grad(|x| x.max_axis([0, 2]).sum(), &ndarray::Array3::<f64>::ones((2, 1, 2)));
    assert!(g.iter().all(|&g| g == 0.25));
    assert_eq!(slope(|x| x.maximum(x), 4.0), 1.0);
    assert_eq!(slope(|x| x.minimum(x), 4.0), 1.0);
    let g = grads(|v| v[0].maximum(v[1]).sum(), &[&array![1.0], &array![1.0]]);
    assert_eq!((g[0][0], g[1][0]), (0.5, 0.5));
}

#[test]
fn a_variable_times_itself() {
    assert_eq!(slope(|x| x * x, 3.0), 6.0);
    assert_eq!(slope(|x| x / x, 3.0), 0.0);
    assert_eq!(slope(|x| x - x, 3.0), 0.0);
    assert_eq!(slope(|x| x.dot(x), 3.0), 6.0);
    assert_eq!(curvature(|x| x * x * x, 2.0), 12.0);
}

// ---- roots, powers, norms ------------------------------------------------------------------------------------------

#[test]
fn the_root_of_zero_is_steep_and_the_norm_of_zero_is_flat() {
    assert_eq!(slope(|x| x.sqrt(), 0.0), INF);
    assert_eq!(grad(|x| x.norm(), &array![0.0, 0.0]), array![0.0, 0.0]);
    for p in [1.0, 1.5, 2.0, 3.0, INF] {
        assert_eq!(grad(|x| x.norm_p(p, 0), &array![0.0, 0.0]), array![0.0, 0.0], "p = {p}");
    }
    for size in [1e-300, 1.0, 1e300] {
        let x = array![size, -2.0 * size, 2.0 * size];
        assert!((value(|x| x.norm_p(3.0, 0), &x) / size - 17_f64.cbrt()).abs() < 1e-15 * 4.0);
        let want = array![1.0, -4.0, 4.0] / 17_f64.powf(2.0 / 3.0);
        assert!((grad(|x| x.norm_p(3.0, 0), &x) - want).iter().all(|error| error.abs() < 1e-15));
    }
    assert_eq!(value(|x| x.norm_p(3.0, 0), &array![INF, 1.0]), INF);
    assert_eq!(grad(|x| x.std(0), &array![5.0, 5.0]), array![0.0, 0.0]);
    assert_eq!(slope(|x| x.hypot(x), 0.0), 0.0);
    assert!((slope(|x| x.acosh(), 1e200) * 1e200 - 1.0).abs() < 1e-15);
    assert!(slope(|x| x.acosh(), -2.0).is_nan());
}

#[test]
fn norms_neither_overflow_nor_underflow() {
    assert!((value(|x| x.norm(), &array![3e200_f64, 4e200]) / 5e200 - 1.0).abs() < 1e-15);
    assert!((value(|x| x.norm(), &array![3e-200_f64, 4e-200]) / 5e-200 - 1.0).abs() < 1e-15);
    assert_eq!(value(|x| x.norm(), &array![INF, 1.0]), INF);
    assert!(value(|x| x.norm(), &array![f64::NAN, 1.0]).is_nan());
    assert_eq!(at(|x| x.hypot(1e200), 1e200), 2.0_f64.sqrt() * 1e200);
    assert!((slope(|x| x.atan2(1e200), 1e200) / 0.5e-200 - 1.0).abs() < 1e-15);
    assert!((slope(|x| x.atan2(1e-200), 1e-200) / 0.5e200 - 1.0).abs() < 1e-15);
}

#[test]
fn gradients_of_norms_neither_overflow_nor_underflow() {
    assert_eq!(grad(|x| x.norm() * 1e10, &array![1e30_f32, 0.0]), array![1e10, 0.0]);
    assert_eq!(grad(|x| x.norm().square(), &array![1e-170, 0.0]), array![2e-170, 0.0]);
    assert_eq!(grad(|x| (x.norm_axis(0) * 1e200).sum(), &array![[3e200], [0.0]]), array![[1e200], [0.0]]);
}

#[test]
fn powers_at_their_edges() {
    // d/dx x⁰ = 0, also at 0
    assert_eq!(slope(|x| x.pow(0.0), 0.0), 0.0);
    assert_eq!(slope(|x| x.pow(0.0), 2.0), 0.0);
    assert_eq!(curvature(|x| x.pow(0.0), 0.0), 0.0);
    assert_eq!(slope(|x| x.powi(0), 0.0), 0.0);
    // d/db 0ᵇ = 0 for b ≥ 0
    for b in [0.0, 0.5, 2.0] {
        assert_eq!(slope(|b| b.scalar(0.0).pow(b), b), 0.0, "0^{b}");
    }
    assert_eq!(slope(|b| b.scalar(2.0).pow(b), 3.0), 8.0 * 2.0_f64.ln());
    // Whole powers of negative bases are exact.
    assert_eq!(at(|x| x.powi(3), -2.0), -8.0);
    assert_eq!(at(|x| x.pow(3.0), -2.0), -8.0);
    assert_eq!(slope(|x| x.pow(3.0), -2.0), 12.0);
    assert_eq!(slope(|x| x.powi(2), 0.0), 0.0);
    assert_eq!(curvature(|x| x.pow(2.0), 0.0), 2.0);
    assert_eq!(curvature(|x| x.powi(2), 0.0), 2.0);
    assert_eq!(at(|x| x.powi(-2), -2.0), 0.25);
    assert_eq!(slope(|x| x.pow(0.5), 0.0), INF);
    // The exponent of the slope is no `i32` any more.
    let n = f64::from(i32::MIN);
    assert_eq!((slope(|x| x.powi(i32::MIN), 1.0), curvature(|x| x.powi(i32::MIN), 1.0)), (n, n * (n - 1.0)));
    assert_eq!((slope(|x| x.powi(i32::MIN), -1.0), slope(|x| x.powi(i32::MIN), 2.0)), (-n, 0.0));
}

// ---- selection -----------------------------------------------------------------------------------------------------

fn chain(x: Var<'_, f64>) -> Var<'_, f64> {
    let root = x.sqrt();
    x.gt(0.0).select((root * root.ln() + root / x).exp(), x * x)
}

#[test]
fn what_is_not_chosen_contributes_nothing() {
    // The branch not taken holds NaN and infinities.
    assert_eq!(slope(|x| x.gt(0.0).select(x.sqrt(), 3.0 * x), -4.0), 3.0);
    assert_eq!(slope(|x| x.eq(0.0).select(x, x.recip()), 0.0), 1.0);
    // Also through a chain, with a value used twice, and to second order.
    assert_eq!((slope(chain, -3.0), curvature(chain, -3.0)), (-6.0, 2.0));
    assert!((slope(chain, 0.0), curvature(chain, 0.0)) == (0.0, 2.0));
    check::gradients(|v| chain(v[0]), &[&array![2.0, -3.0, 0.5]]).order(2).assert();
    let g = grads(|v| v[0].gt(0.0).select(v[0], v[1]).sum(), &[&array![1.0, 1.0], &array![f64::NAN, INF]]);
    assert_eq!(g[0], array![1.0, 1.0].into_dyn());
    assert_eq!(g[1], array![0.0, 0.0].into_dyn());
    assert!(value(|x| x.gt(0.0).select(1.0, x).sum(), &array![5.0, f64::NAN]).is_nan());
}

#[test]
fn what_is_not_chosen_contributes_nothing_on_its_whole_way() {
    // One choice inside another; two choices of one value; a choice among broadcast, reduced and rearranged values.
    let nested = grad(|x| x.scalar(1.0).select(x.scalar(0.0).select(x.ln(), 0.0), 0.0).sum(), &array![0.0]);
    assert_eq!(nested, array![0.0]);
    let (m1, m2) = (array![0.0, 1.0], array![0.0, 0.0]);
    let twice = objective(|x| {
        let y = x.ln();
        (x.constant(&m1).select(y, 0.0) + x.constant(&m2).select(y, 0.0)).sum()
    });
    assert_eq!(grad(twice, &array![0.0, 2.0]), array![0.0, 0.5]);
    let m = array![[1.0, 0.0], [1.0, 0.0]];
    assert_eq!(grad(|x| x.constant(&m).select(x.ln(), 0.0).sum(), &array![0.5, 0.0]), array![4.0, 0.0]);
    assert_eq!(grad(|x| x.scalar(0.0).select(x.ln().sum(), 0.0), &array![0.0, 1.0]), array![0.0, 0.0]);
    let x = array![[0.0], [2.0]];
    let arranged = objective(|x| x.constant(&m1).select(x.ln().reshape([2]).flip(0).flip(0), 0.0).sum());
    assert_eq!(grad(arranged, &x), array![[0.0], [0.5]]);
    assert_eq!(hessian(arranged, &x).sum(), -0.25);
    // Distances with themselves, left out behind a transposition.
    let distances = objective(|x| {
        let d = (x.unsqueeze(0) - x.unsqueeze(1)).square().sum_axis(2).sqrt();
        x.constant(&array![[1.0, 0.0], [0.0, 1.0]]).select(0.0, d.t()).sum()
    });
    let g = grad(distances, &array![[0.0, 0.0], [3.0, 4.0]]);
    assert!((g - array![[-1.2, -1.6], [1.2, 1.6]]).iter().all(|x: &f64| x.abs() < 1e-15));
    // Limits choose, too.
    assert_eq!(slope(|x| x.recip().minimum(1.0), 0.0), 0.0);
    assert_eq!(grad(|x| stack(&[x.ln(), x], 0).max_axis(0).sum(), &array![0.0]), array![1.0]);
}

#[test]
fn rows_left_out_behind_a_layer_contribute_nothing() {
    let (x, keep) = (array![[1.0, 2.0], [f64::NAN, 3.0]], array![[1.0], [0.0]]);
    let mut params = Params::<f64>::new();
    let layer = Linear::new(&mut params, "layer", 2, 2, &mut StdRng::seed_from_u64(1));
    let (mut tape, mut gradient) = (Tape::new(), params.gradient());
    let mut of = |f: &dyn for<'t> Fn(Var<'t, f64>) -> Var<'t, f64>| {
        let step = tape.record(&params);
        step.input(&keep).select(f(step.input(&x)), 0.0).sum().backward(&mut gradient);
        gradient.flat().to_vec()
    };
    assert_eq!(of(&|x| layer.forward(x)), [1.0, 1.0, 2.0, 2.0, 1.0, 1.0]);
    assert_eq!(of(&|x| x.matmul(x.param(layer.weight).t()))[..4], [1.0, 2.0, 1.0, 2.0]);
    let finite = [
        of(&|x| layer.forward(x).softmax(1).square()),
        of(&|x| layer.forward(x).log_softmax(1)),
        of(&|x| layer.forward(x).logsumexp_axis(1).unsqueeze(1)),
        of(&|x| layer.forward(x).standardize(1, 1e-5).square()),
        of(&|x| layer.forward(x).norm_axis(1).unsqueeze(1)),
        of(&|x| layer.forward(x).prod_axis(1).unsqueeze(1)),
        of(&|x| layer.forward(x).cumprod(1)),
        of(&|x| layer.forward(x).std_axis(1, 0).unsqueeze(1)),
        of(&|x| layer.forward(x).cross_entropy_rows([0, 1]).unsqueeze(1)),
        of(&|x| einsum("bi,bi->b", &[layer.forward(x), layer.forward(x)]).unsqueeze(1)),
    ];
    for (at, gradient) in finite.iter().enumerate() {
        assert!(gradient.iter().all(|x| x.is_finite()), "{at}: {gradient:?}");
    }
}

#[test]
fn comparisons_with_nan() {
    let nan = array![f64::NAN];
    assert_eq!(value(|x| x.eq(x).sum(), &nan), 0.0);
    assert_eq!(value(|x| x.ne(x).sum(), &nan), 1.0);
    assert!(value(|x| x.maximum(1.0).sum(), &nan).is_nan());
    assert!(value(|x| x.minimum(1.0).sum(), &nan).is_nan());
    assert!(value(|x| (x.scalar(1.0) + x * 0.0).maximum(x).sum(), &nan).is_nan());
    assert!(value(|x| x.max(), &array![1.0, f64::NAN, 2.0]).is_nan());
    assert!(value(|x| x.min(), &array![1.0, f64::NAN, 2.0]).is_nan());
    assert_eq!(value(|x| x.argmax(0), &array![1.0, f64::NAN, 2.0]), 1.0);
    assert!(value(|x| x.relu().sum(), &nan).is_nan());
    assert!(value(|x| x.clamp(0.0, 1.0).sum(), &nan).is_nan());
}

// ---- products ------------------------------------------------------------------------------------------------------

#[test]
fn products_with_zeros_are_right_to_second_order() {
    for x in [array![2.0, 3.0, 5.0], array![2.0, 0.0, 5.0], array![0.0, 0.0, 5.0], array![0.0, 0.0, 0.0]] {
        let others = |skip: &[usize]| (0..3).filter(|i| !skip.contains(i)).map(|i| x[i]).product::<f64>();
        assert_eq!(grad(|x| x.prod(), &x), Array1::from_shape_fn(3, |i| others(&[i])), "{x}");
        let h = hessian(|x| x.prod(), &x);
        assert_eq!(h, Array2::from_shape_fn((3, 3), |(i, j)| if i == j { 0.0 } else { others(&[i, j]) }), "{x}");
        // Σ of running products, differentiated by hand.
        let g = grad(|x| x.cumprod(0).sum(), &x);
        assert_eq!(g, array![1.0 + x[1] + x[1] * x[2], x[0] + x[0] * x[2], x[0] * x[1]], "{x}");
    }
}

// ---- softmax and its kin -------------------------------------------------------------------------------------------

/// A cotangent of 1 to the first element of each row.
fn first(y: Var<'_, f64>) -> Var<'_, f64> {
    y.slice(s![.., 0]).sum()
}

#[test]
fn rows_of_minus_infinity() {
    let rows = array![[-INF, -INF], [0.0, -INF]];
    let read = |f: for<'t> fn(Var<'t, f64>) -> Var<'t, f64>| {
        let (params, mut tape) = (Params::new(), Tape::new());
        f(tape.record(&params).input(&rows)).value()
    };
    assert_eq!(read(|x| x.logsumexp_axis(1)), array![-INF, 0.0].into_dyn());
    assert_eq!(read(|x| x.log_softmax(1)), array![[-INF, -INF], [0.0, -INF]].into_dyn());
    assert_eq!(read(|x| x.softmax(1)), array![[0.0, 0.0], [1.0, 0.0]].into_dyn());
    assert_eq!(grad(|x| x.logsumexp_axis(1).sum(), &rows), array![[0.0, 0.0], [1.0, 0.0]]);
    assert_eq!(value(|x| x.logsumexp(), &array![INF, 0.0]), INF);
    assert_eq!(grad(|x| first(x.softmax(1)), &rows), array![[0.0, 0.0], [0.0, 0.0]]);
    assert_eq!(grad(|x| first(x.log_softmax(1)), &rows), array![[1.0, 0.0], [0.0, 0.0]]);
    // Along the first axis another loop runs.
    assert_eq!(read(|x| x.t().log_softmax(0).t()), read(|x| x.log_softmax(1)));
    assert_eq!(read(|x| x.t().softmax(0).t()), read(|x| x.softmax(1)));
    assert!(value(|x| x.softmax(0).sum(), &array![[INF, 1.0], [0.0, f64::NAN]]).is_nan());
}

#[test]
fn rows_along_any_axis_are_the_rows_along_the_last() {
    // More lines than are taken side by side, more elements than in a block of a sum.
    let x =
        ndarray::Array3::from_shape_fn((2, 300, 70), |(i, j, k)| ((i * 7 + j * 31 + k * 13) % 101) as f64 * 0.1 - 5.0);
    let (params, mut tape) = (Params::new(), Tape::new());
    let step = tape.record(&params);
    let x = step.input(&x);
    let last = x.swap_axes(1, 2);
    for (along, last) in [
        (x.softmax(1), last.softmax(2)),
        (x.log_softmax(1), last.log_softmax(2)),
        (x.standardize(1, 1e-5), last.standardize(2, 1e-5)),
    ] {
        assert!((along - last.swap_axes(1, 2)).abs().max().item() < 1e-13);
    }
}

fn fused<'t>(x: Var<'t, f64>, labels: &[usize]) -> Var<'t, f64> {
    x.cross_entropy_rows(labels)
}

fn formula<'t>(x: Var<'t, f64>, labels: &[usize]) -> Var<'t, f64> {
    let picked = x.recording().one_hot(labels, 2).gt(0.0).select(-x.log_softmax(1), 0.0);
    picked.sum_axis(1)
}

#[test]
fn cross_entropy_is_its_formula_at_the_edges() {
    let rows = array![[-INF, -INF], [-INF, 0.0], [0.0, -INF], [INF, 0.0], [f64::NAN, 0.0], [1e4, 1.0]];
    let labels = [0; 6];
    let (params, mut tape) = (Params::new(), Tape::new());
    let step = tape.record(&params);
    let x = step.input(&rows);
    let same = |a: ArrayD<f64>, b: ArrayD<f64>| {
        assert!(a.iter().zip(&b).all(|(a, b)| a == b || (a.is_nan() && b.is_nan())), "{a} and {b}");
    };
    same(fused(x, &labels).value(), formula(x, &labels).value());
    assert_eq!(fused(x, &labels).value().as_slice().unwrap()[..3], [INF, INF, 0.0]);
    let ones = step.ones([6]);
    same(fused(x, &labels).vjp(&[x], ones)[0].value(), formula(x, &labels).vjp(&[x], ones)[0].value());
    assert_eq!(grad(|x| fused(x, &[1]).sum(), &array![[-INF, -INF]]), array![[0.0, -1.0]]);
}

#[test]
fn logits_of_ten_thousand() {
    for size in [1e4_f64, -1e4, 1e300] {
        let logits: Array2<f64> = array![[size, size - 1.0, 0.0]];
        let loss = value(|x| cross_entropy(x, [0]), &logits);
        assert!(loss.is_finite() && loss >= 0.0, "{size}: {loss}");
        let g = grad(|x| cross_entropy(x, [0]), &logits);
        assert!(g.iter().all(|g| g.is_finite()), "{size}: {g}");
    }
    // Nearly equal large logits: the loss is exact although the logits have lost their last digits.
    let near: f64 = value(|x| cross_entropy(x, [0]), &array![[1e4, 1e4]]);
    assert_eq!(near, 2.0_f64.ln());
    let single: f32 = value(|x| cross_entropy(x, [1]), &array![[1e4_f32, 1e4 - 2.0]]);
    assert!((single - 2.126_928).abs() < 1e-6, "{single}"); // 2 + ln(1 + e⁻²)
}

#[test]
fn losses_from_logits_reach_the_ends_of_the_type() {
    for x in [-1e300_f64, -1e4, -800.0, 800.0, 1e4, 1e300] {
        assert_eq!(at(|x| x.softplus(), x), x.max(0.0));
        assert_eq!(at(|x| x.log_sigmoid(), x), x.min(0.0));
        assert_eq!(at(|x| x.sigmoid(), x), if x > 0.0 { 1.0 } else { 0.0 });
        for f in [functions::softplus, functions::log_sigmoid, functions::sigmoid] {
            assert!(slope(f, x).is_finite(), "{x}");
        }
    }
    for x in [-1e30_f32, -200.0, 200.0, 1e30] {
        assert!(grad(|x| x.softplus().sum(), &array![x])[0].is_finite());
    }
}

#[test]
fn saturated_functions_have_slope_zero() {
    for x in [40.0, 1e300] {
        assert_eq!(slope(|x| x.tanh(), x), 0.0);
        assert_eq!(slope(|x| x.tanh(), -x), 0.0);
        assert_eq!(slope(|x| x.sigmoid(), x), 0.0);
        assert_eq!(curvature(|x| x.tanh(), x), 0.0);
    }
    // Negative activations far out: the branch not taken would overflow.
    let all = |x: f64| {
        vec![
            slope(functions::selu, x),
            slope(functions::gelu, x),
            slope(functions::silu, x),
            slope(functions::mish, x),
            curvature(functions::selu, x),
        ]
    };
    {
        for x in [-800.0, 800.0] {
            assert!(all(x).iter().all(|y| y.is_finite()), "{x}");
            assert!(slope(|x| x.elu(1.0), x).is_finite() && curvature(|x| x.elu(1.0), x).is_finite());
            assert!(slope(|x| x.celu(1.0), x).is_finite() && curvature(|x| x.celu(1.0), x).is_finite());
        }
    }
}

#[test]
fn activations_are_straight_at_the_ends_of_the_type() {
    let third = |f: fn(Var<'_, f64>) -> Var<'_, f64>, x: f64| {
        grad(|v| f(v).sum().gradient(v).sum().gradient(v).sum(), &array![x])[0]
    };
    for f in [functions::gelu, functions::gelu_tanh] {
        for x in [45.0, 1e5, 1e154, 1e160, 1e300, f64::MAX] {
            assert_eq!([slope(f, x), curvature(f, x), third(f, x)], [1.0, 0.0, 0.0], "{x}");
            assert_eq!([slope(f, -x), curvature(f, -x), third(f, -x)], [0.0; 3], "-{x}");
        }
    }
    for f in [functions::silu, functions::mish] {
        for x in [1e5, 1e160, 1e300, f64::MAX] {
            assert_eq!([slope(f, x), curvature(f, x)], [1.0, 0.0], "{x}");
            assert_eq!([slope(f, -x), curvature(f, -x)], [0.0; 2], "-{x}");
        }
    }
    for f in [functions::gelu, functions::gelu_tanh, functions::silu, functions::mish] {
        for x in [200.0, 2e19_f32, 1e30, f32::MAX] {
            let at = |x: f32| [grad(|v| f(v).sum(), &array![x])[0], hessian(|v| f(v).sum(), &array![x])[[0, 0]]];
            assert_eq!((at(x), at(-x)), ([1.0, 0.0], [0.0, 0.0]), "{x}");
        }
    }
}

#[test]
fn exponential_units_have_the_slope_of_the_left_and_the_mean_curvature_at_their_kink() {
    let at = |f: fn(Var<'_, f64>) -> Var<'_, f64>| [slope(f, 0.0), curvature(f, 0.0)];
    assert_eq!(at(|x| x.elu(0.5)), [0.5, 0.25]);
    assert_eq!(at(|x| x.celu(0.25)), [1.0, 2.0]);
    let [first, second] = at(|x| x.selu());
    // λα, from the digits of both in the paper
    assert!((first - 1.758_099_340_847_376_6).abs() < 1e-15 && second == first / 2.0, "{first} {second}");
}

#[test]
fn the_tail_of_gelu_keeps_its_digits() {
    // −10·Φ(−10), Φ(−10) = 7.619853024160525e-24 (Abramowitz and Stegun, table 26.2, has 7.61985 × 10⁻²⁴)
    assert!((at(|x| x.gelu(), -10.0) / -7.619_853_024_160_525e-23 - 1.0).abs() < 1e-13);
}

// ---- what is not used, what is refused -----------------------------------------------------------------------------

#[test]
fn parameters_that_the_loss_does_not_use() {
    let mut params = Params::<f64>::new();
    let used = params.add("used", [2], || 1.0);
    let recorded = params.add("recorded", [2], || 1.0);
    let detached = params.add("detached", [2], || 1.0);
    params.add("unseen", [2], || 1.0);
    let (mut tape, mut gradient) = (Tape::new(), params.gradient());
    gradient.flat_mut().fill(7.0);
    let step = tape.record(&params);
    let _ = step.param(recorded).exp();
    let loss = (step.param(used) * step.param(detached).detach()).sum();
    loss.backward(&mut gradient);
    assert_eq!(gradient.flat(), [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(gradient.unreached().collect::<Vec<_>>(), ["recorded", "detached", "unseen"]);
}

#[test]
fn variance_is_taken_in_two_passes() {
    // One pass, Σx²/n − mean², gives 0 or worse here.
    let x = array![1e9 + 4.0, 1e9 + 7.0, 1e9 + 13.0, 1e9 + 16.0];
    assert_eq!(value(|x| x.var(1), &x), 30.0);
}

#[test]
fn nan_and_infinity_flow_as_ieee_says() {
    assert!(at(|x| x * 0.0, INF).is_nan());
    assert_eq!(at(|x| x.exp(), -INF), 0.0);
    assert_eq!(at(|x| 1.0 / x, -0.0), -INF);
    assert_eq!(at(|x| x.ln(), 0.0), -INF);
    assert!(at(|x| x.ln(), -1.0).is_nan());
    assert!(at(|x| x.sqrt(), -1.0).is_nan());
    assert_eq!(at(|x| x.atanh(), 1.0), INF);
    assert_eq!(at(|x| x.round(), -0.4).to_bits(), (-0.0_f64).to_bits());
    assert_eq!(at(|x| x.round(), INF), INF);
    for (x, rounded) in [
        (0.5, 0.0),
        (1.5, 2.0),
        (2.5, 2.0),
        (-0.5, -0.0),
        (-1.5, -2.0),
        (4.503_599_627_370_497e15, 4.503_599_627_370_497e15),
    ] {
        assert_eq!(at(|x| x.round(), x), rounded, "{x}");
    }
}
