//! A catalogue of planted bugs: every one is caught, and where there is a hint, it is right.

use std::f64::consts::{LN_2, PI};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gradus::Tensor;
use gradus::check::{self, Hint, Report, Slip};
use gradus::prelude::*;
use ndarray::{ArrayViewD, Axis};

type Shaped = fn(&[Shape]) -> Shape;
type Eval = fn(&[ArrayViewD<'_, f64>]) -> ArrayD<f64>;
pub(super) type Vjp = for<'t> fn(&[Var<'t, f64>], Var<'t, f64>, Var<'t, f64>) -> Vec<Cotangent<'t, f64>>;

/// An op made of three functions.
pub(super) struct Planted {
    pub(super) shape: Shaped,
    pub(super) eval: Eval,
    pub(super) vjp: Vjp,
}

impl CustomOp<f64> for Planted {
    fn name(&self) -> &'static str {
        "planted"
    }

    fn shape(&self, inputs: &[Shape]) -> Shape {
        (self.shape)(inputs)
    }

    fn eval(&self, inputs: &[ArrayViewD<'_, f64>], out: &mut [f64]) {
        out.iter_mut().zip((self.eval)(inputs)).for_each(|(to, from)| *to = from);
    }

    fn vjp<'t>(&self, x: &[Var<'t, f64>], y: Var<'t, f64>, c: Var<'t, f64>) -> Vec<Cotangent<'t, f64>> {
        (self.vjp)(x, y, c)
    }
}

/// A bug, the inputs and the order at which it shows, and what the hint must be.
struct Bug {
    name: &'static str,
    op: Planted,
    inputs: Vec<ArrayD<f64>>,
    order: usize,
    hint: fn(&Hint) -> bool,
}

const SAME: Shaped = |inputs| inputs[0];

fn bug(name: &'static str, shape: Shaped, eval: Eval, vjp: Vjp, inputs: &[&dyn Tensor<f64>]) -> Bug {
    let array = |x: &&dyn Tensor<f64>| ArrayD::from_shape_vec(x.lengths(), x.elements()).unwrap();
    let inputs = inputs.iter().map(array).collect();
    Bug { name, op: Planted { shape, eval, vjp }, inputs, order: 1, hint: |_| true }
}

/// One that maps each element of one input.
fn pointwise(name: &'static str, eval: Eval, vjp: Vjp) -> Bug {
    bug(name, SAME, eval, vjp, &[&array![[0.3, -0.7, 1.9], [-1.4, 0.2, 0.8]]])
}

impl Bug {
    fn hint(self, hint: fn(&Hint) -> bool) -> Self {
        Self { hint, ..self }
    }

    fn order(self, order: usize) -> Self {
        Self { order, ..self }
    }
}

fn factor(hint: &Hint, expected: f64) -> Option<String> {
    match &hint.slip {
        Some(Slip::Factor { factor, meaning }) if (factor / expected - 1.0).abs() < 1e-4 => {
            Some(meaning.clone().unwrap_or_default())
        }
        _ => None,
    }
}

fn pointwise_bugs() -> Vec<Bug> {
    vec![
        pointwise("wrong sign", |x| x[0].mapv(f64::exp), |_, y, c| vec![(-c * y).into()])
            .hint(|hint| hint.slip == Some(Slip::Sign)),
        pointwise("missing factor 2", |x| x[0].mapv(|x| x * x), |x, _, c| vec![(c * x[0]).into()])
            .hint(|hint| factor(hint, 0.5).is_some_and(|meaning| meaning.contains("factor 2 is missing"))),
        pointwise("factor 2 too many", |x| x[0].mapv(f64::exp), |_, y, c| vec![(c * y * 2.0).into()])
            .hint(|hint| factor(hint, 2.0).is_some()),
        pointwise("half of it", |x| x[0].mapv(f64::sin), |x, _, c| vec![(c * x[0].cos() * 0.5).into()])
            .hint(|hint| factor(hint, 0.5).is_some()),
        pointwise("an odd factor", |x| x[0].mapv(f64::sin), |x, _, c| vec![(c * x[0].cos() * 0.7).into()])
            .hint(|hint| factor(hint, 0.7).is_some()),
        pointwise("one per cent", |x| x[0].mapv(f64::sin), |x, _, c| vec![(c * x[0].cos() * 1.01).into()])
            .hint(|hint| factor(hint, 1.01).is_some()),
        pointwise("base of the logarithm", |x| x[0].mapv(f64::exp2), |_, y, c| vec![(c * y).into()])
            .hint(|hint| factor(hint, 1.0 / LN_2).is_some_and(|meaning| meaning.contains("1/ln 2"))),
        pointwise(
            "degrees",
            |x| x[0].mapv(|x| x.to_radians().sin()),
            |x, _, c| vec![(c * (x[0] * (PI / 180.0)).cos()).into()],
        )
        .hint(|hint| factor(hint, 180.0 / PI).is_some_and(|meaning| meaning.contains("degrees"))),
        pointwise(
            "constant in place of the slope",
            |x| x[0].mapv(|x| 1.0 / (1.0 + (-x).exp())),
            |_, _, c| vec![(c * 0.25).into()],
        ),
        pointwise("missing term of the chain", |x| x[0].mapv(|x| x * x.exp()), |x, _, c| vec![(c * x[0].exp()).into()]),
        pointwise("derivative forgotten", |x| x[0].mapv(f64::tanh), |_, _, _| vec![().into()])
            .hint(|hint| hint.slip == Some(Slip::Zero { by: None })),
        pointwise("derivative detached", |x| x[0].mapv(|x| x * x), |x, _, c| vec![(c * x[0].detach() * 2.0).into()])
            .order(2),
        pointwise(
            "another slope for negative numbers",
            |x| x[0].mapv(|x| if x > 0.0 { x } else { 0.2 * x }),
            |x, _, c| vec![x[0].gt(0.0).select(c, c * 0.1).into()],
        )
        .hint(|hint| {
            let half = factor(hint, 0.5).is_some();
            half && hint.place.as_deref() == Some("only where the input is negative")
        }),
        pointwise(
            "clipped slope",
            |x| x[0].mapv(|x| x * x),
            |x, _, c| vec![(c * (x[0] * 2.0).clamp(-1.0, 1.0)).into()],
        ),
        pointwise("cotangent ignored", |x| x[0].mapv(f64::exp), |_, y, _| vec![y.into()]),
        pointwise("cotangent squared", |x| x[0].mapv(f64::exp), |_, y, c| vec![(c * c * y).into()]),
        pointwise("the slope at the result", |x| x[0].mapv(f64::sin), |_, y, c| vec![(c * y.cos()).into()]),
        pointwise("the value is a constant", |x| x[0].mapv(|_| 2.0), |_, _, c| vec![(c * 3.0).into()])
            .hint(|hint| hint.slip == Some(Slip::Still)),
        pointwise("wrong second derivative", |x| x[0].mapv(f64::exp), |_, y, c| vec![(c * y.detach()).into()]).order(2),
        pointwise(
            "one element",
            |x| x[0].mapv(f64::exp),
            |_, y, c| vec![(c * y * y.constant(&array![[1.0, 1.0, 1.0], [1.0, 1.02, 1.0]])).into()],
        )
        .hint(|hint| hint.slip.is_none() && hint.place.is_none()),
        pointwise(
            "the last column",
            |x| x[0].mapv(f64::exp),
            |_, y, c| vec![(c * y * y.constant(&array![1.0, 1.0, 0.0])).into()],
        )
        .hint(|hint| {
            let zero = hint.slip == Some(Slip::Zero { by: None });
            zero && hint.place.as_deref() == Some("only at the last index of axis 1, 2")
        }),
    ]
}

#[allow(clippy::too_many_lines, reason = "a list")]
fn shaped_bugs() -> Vec<Bug> {
    let column: Shaped = |inputs| Shape::from([inputs[0][1]]);
    let (x, y) = (array![[0.3, -0.7, 1.9], [-1.4, 0.2, 0.8]], array![[1.3, 0.4, -0.9], [0.6, -1.2, 2.1]]);
    let square = array![[0.3, -0.7, 1.9], [-1.4, 0.2, 0.8], [0.5, 1.1, -0.6]];
    let batch = Array2::from_shape_fn((8, 3), |(i, j)| ((3 * i + j) as f64).sin());
    let vector = array![0.3, -0.7, 1.9, 0.9, -1.1];
    let matmul: Eval = |x| {
        let matrix = |x: &ArrayViewD<'_, f64>| x.to_owned().into_dimensionality::<ndarray::Ix2>().unwrap();
        matrix(&x[0]).dot(&matrix(&x[1])).into_dyn()
    };
    vec![
        bug(
            "forgotten mean of the batch",
            column,
            |x| x[0].mean_axis(Axis(0)).unwrap(),
            |x, _, c| vec![c.broadcast_to(x[0].shape()).into()],
            &[&batch],
        )
        .hint(|hint| factor(hint, 8.0).is_some_and(|meaning| meaning.contains("8 is the length of axis 0 of `input`"))),
        bug(
            "1/n twice",
            |_| Shape::scalar(),
            |x| ndarray::arr0(x[0].mean().unwrap()).into_dyn(),
            |x, _, c| vec![(c.broadcast_to(x[0].shape()) / 576.0).into()],
            &[&batch],
        )
        .hint(|hint| factor(hint, 1.0 / 24.0).is_some_and(|meaning| meaning.contains("24 is the number of elements"))),
        bug(
            "n − 1 in place of n",
            |_| Shape::scalar(),
            |x| ndarray::arr0(x[0].var(0.0)).into_dyn(),
            |x, _, c| vec![(c * (x[0] - x[0].mean()) * (2.0 / 4.0)).into()],
            &[&vector],
        )
        .hint(|hint| factor(hint, 1.25).is_some_and(|meaning| meaning.contains("n/(n − 1)"))),
        bug(
            "wrong axis",
            column,
            |x| x[0].sum_axis(Axis(0)),
            |x, _, c| vec![c.unsqueeze(1).broadcast_to(x[0].shape()).into()],
            &[&square],
        )
        .hint(|hint| hint.slip == Some(Slip::Transposed)),
        bug(
            "transposed weights",
            SAME,
            matmul,
            |x, _, c| vec![c.matmul(x[1].t()).into(), c.t().matmul(x[0]).into()],
            &[&square, &square.mapv(|x| 0.5 - x * x)],
        )
        .hint(|hint| hint.slip == Some(Slip::Transposed)),
        bug(
            "operands mixed up",
            SAME,
            |x| (&x[0] * &x[1]).into_owned(),
            |x, _, c| vec![(c * x[0]).into(), (c * x[1]).into()],
            &[&x, &y],
        )
        .hint(|hint| matches!(&hint.slip, Some(Slip::Swapped { .. }))),
        bug(
            "missing sum over what was broadcast",
            SAME,
            |x| (&x[0] * &x[1]).into_owned(),
            |x, _, c| vec![(c * x[1]).into(), (c * x[0]).index_axis(0, 0).into()],
            &[&x, &array![0.3, 0.7, -1.1]],
        )
        .hint(|hint| {
            matches!(&hint.slip, Some(Slip::NotSummed(how)) if how.contains("`planted` repeats it along axis 0"))
        }),
        bug(
            "a sum that nobody asked for",
            SAME,
            |x| (&x[0] * 2.0).into_owned(),
            |x, _, c| vec![(c * 2.0).sum_axis(keep(0)).broadcast_to(x[0].shape()).into()],
            &[&x],
        )
        .hint(|hint| hint.slip == Some(Slip::Summed { axis: 0 })),
        bug(
            "a mean in place of each",
            SAME,
            |x| x[0].mapv(f64::exp),
            |x, y, c| vec![(c * y).mean_axis(keep(1)).broadcast_to(x[0].shape()).into()],
            &[&x],
        )
        .hint(|hint| hint.slip == Some(Slip::Averaged { axis: 1 })),
        bug("not turned back", SAME, flipped, |_, _, c| vec![c.into()], &[&vector])
            .hint(|hint| hint.slip == Some(Slip::Reversed { axis: 0 })),
        bug(
            "slice off by one",
            |inputs| Shape::from([inputs[0][0] - 1]),
            |x| x[0].slice_axis(Axis(0), (1..).into()).mapv(f64::exp),
            |_, y, c| vec![(c * y).pad(&[(0, 1)], 0.0).into()],
            &[&vector],
        )
        .hint(|hint| hint.slip == Some(Slip::Shifted { axis: 0 })),
        bug(
            "gradient off by one",
            SAME,
            |x| x[0].mapv(f64::exp),
            |_, y, c| vec![(c * y).roll(1, 0).into()],
            &[&vector],
        )
        .hint(|hint| hint.slip == Some(Slip::Shifted { axis: 0 })),
        bug(
            "another order",
            SAME,
            |x| x[0].select(Axis(0), &[3, 0, 4, 1, 2]).mapv(f64::exp),
            |_, y, c| vec![(c * y).index_select(0, [3, 0, 4, 1, 2]).into()],
            &[&vector],
        )
        .hint(|hint| hint.slip == Some(Slip::Permuted)),
        bug(
            "forgotten tie",
            SAME,
            |x| ndarray::Zip::from(&x[0]).and(&x[1]).map_collect(|&a, &b| a.max(b)),
            |x, _, c| vec![(c * x[0].gt(x[1])).into(), (c * x[1].gt(x[0])).into()],
            &[&array![0.3, 0.5], &array![0.3, 0.1]],
        ),
        bug(
            "wrong mixed derivative",
            SAME,
            |x| (&x[0] * &x[1]).into_owned(),
            |x, _, c| vec![(c * x[1].detach()).into(), (c * x[0]).into()],
            &[&x, &y],
        )
        .order(2),
        bug(
            "a term too many",
            |_| Shape::scalar(),
            |x| ndarray::arr0(x[0].mapv(f64::exp).sum()).into_dyn(),
            |x, _, c| vec![(c * (x[0].exp() + 0.5)).into()],
            &[&vector],
        )
        .hint(|hint| matches!(hint.slip, Some(Slip::Offset(offset)) if (offset - 0.5).abs() < 1e-5)),
    ]
}

fn flipped(x: &[ArrayViewD<'_, f64>]) -> ArrayD<f64> {
    let mut y = x[0].to_owned();
    y.invert_axis(Axis(0));
    y.iter().copied().collect::<Array1<f64>>().into_dyn()
}

fn run(op: Planted, inputs: &[ArrayD<f64>], order: usize) -> Report {
    let op: Arc<dyn CustomOp<f64>> = Arc::new(op);
    let inputs: Vec<_> = inputs.iter().map(|x| x as &dyn Tensor<f64>).collect();
    check::gradients(|v| v[0].custom(op.clone(), v), &inputs).order(order).report()
}

#[test]
fn every_planted_bug_is_caught_and_hinted_at_rightly() {
    let bugs: Vec<_> = pointwise_bugs().into_iter().chain(shaped_bugs()).collect();
    assert!(bugs.len() >= 25, "{} bugs", bugs.len());
    for Bug { name, op, inputs, order, hint } in bugs {
        if order > 1 {
            let Planted { shape, eval, vjp } = op;
            let first = run(Planted { shape, eval, vjp }, &inputs, 1);
            assert!(first.passed(), "{name} shows at order {order} alone: {first}");
        }
        let report = run(op, &inputs, order);
        assert!(!report.passed(), "{name} was not caught: {report}");
        for input in report.inputs.iter().filter(|input| input.order == order) {
            let Some(found) = &input.hint else { continue };
            assert!(hint(found), "{name}: {found:?} in {report}");
            assert!(report.to_string().contains(&format!("{found}")), "{name}: {report}");
        }
        // Where a hint is expected, there is one.
        let nothing = Hint::clone(report.inputs.iter().find_map(|input| input.hint.as_ref()).unwrap_or(&nothing()));
        assert!(hint(&nothing), "{name} has no hint: {report}");
    }
}

/// A hint that says nothing.
fn nothing() -> Hint {
    // Made by a bug at a single element, which looks like nothing.
    let report = run(
        Planted {
            shape: SAME,
            eval: |x| x[0].mapv(f64::exp),
            vjp: |_, y, c| vec![(c * y * y.constant(&array![1.0, 3.3])).into()],
        },
        &[array![0.1, 0.2].into_dyn()],
        1,
    );
    assert!(report.inputs[0].hint.is_none(), "{report}");
    let bug = shaped_bugs().remove(0);
    let mut hint = run(bug.op, &bug.inputs, 1).inputs.remove(0).hint.expect("a factor");
    (hint.slip, hint.place) = (None, None);
    hint
}

/// Multiplies by a number that depends on what was computed before.
struct Stateful {
    calls: AtomicUsize,
    changes: fn(usize) -> f64,
    in_rule: bool,
}

impl CustomOp<f64> for Stateful {
    fn shape(&self, inputs: &[Shape]) -> Shape {
        inputs[0]
    }

    fn eval(&self, inputs: &[ArrayViewD<'_, f64>], out: &mut [f64]) {
        let k = if self.in_rule { 1.0 } else { (self.changes)(self.calls.fetch_add(1, Ordering::Relaxed)) };
        out.iter_mut().zip(&inputs[0]).for_each(|(y, &x)| *y = k * x);
    }

    fn vjp<'t>(&self, _: &[Var<'t, f64>], _: Var<'t, f64>, c: Var<'t, f64>) -> Vec<Cotangent<'t, f64>> {
        let k = if self.in_rule { (self.changes)(self.calls.fetch_add(1, Ordering::Relaxed)) } else { 1.0 };
        vec![(c * k).into()]
    }
}

fn stateful(changes: fn(usize) -> f64, in_rule: bool) -> Report {
    let op: Arc<dyn CustomOp<f64>> = Arc::new(Stateful { calls: AtomicUsize::new(0), changes, in_rule });
    check::gradients(|v| v[0].custom(op.clone(), &[v[0]]).sum(), &[&array![0.5, 0.7]]).report()
}

#[test]
fn state_between_calls_is_found() {
    assert!(stateful(|_| 1.0, false).passed() && stateful(|_| 1.0, true).passed());
    // A value that changes from run to run, and one that does so after a while, in value and rule.
    for (after, in_rule) in [(1, false), (2, false), (1, true), (2, true)] {
        let report = match after {
            1 => stateful(|call| if call < 1 { 1.0 } else { 1.5 }, in_rule),
            _ => stateful(|call| if call < 2 { 1.0 } else { 1.5 }, in_rule),
        };
        let failed: Vec<_> = report.structure.iter().filter(|property| property.failure.is_some()).collect();
        assert!(!report.passed() && !failed.is_empty(), "{after} {in_rule}: {report}");
        assert!(report.to_string().contains("    help: "), "{report}");
    }
}

/// x³, right to the second derivative: the rule's own op forgets a derivative.
struct Cube;

/// x² without a derivative of its derivative.
struct FlatSquare;

impl CustomOp<f64> for Cube {
    fn shape(&self, inputs: &[Shape]) -> Shape {
        inputs[0]
    }

    fn eval(&self, inputs: &[ArrayViewD<'_, f64>], out: &mut [f64]) {
        out.iter_mut().zip(&inputs[0]).for_each(|(y, &x)| *y = x * x * x);
    }

    fn vjp<'t>(&self, x: &[Var<'t, f64>], _: Var<'t, f64>, c: Var<'t, f64>) -> Vec<Cotangent<'t, f64>> {
        vec![(c * 3.0 * x[0].custom(Arc::new(FlatSquare), &[x[0]])).into()]
    }
}

impl CustomOp<f64> for FlatSquare {
    fn shape(&self, inputs: &[Shape]) -> Shape {
        inputs[0]
    }

    fn eval(&self, inputs: &[ArrayViewD<'_, f64>], out: &mut [f64]) {
        out.iter_mut().zip(&inputs[0]).for_each(|(y, &x)| *y = x * x);
    }

    fn vjp<'t>(&self, x: &[Var<'t, f64>], _: Var<'t, f64>, c: Var<'t, f64>) -> Vec<Cotangent<'t, f64>> {
        vec![(c * x[0].detach() * 2.0).into()]
    }
}

#[test]
fn a_wrong_third_derivative_is_caught_at_order_three_alone() {
    let x = array![0.5, -0.8];
    let planted = || check::gradients(|v| v[0].custom(Arc::new(Cube), &[v[0]]).sum(), &[&x]);
    assert!(planted().order(2).report().passed());
    let report = planted().order(3).report();
    assert!(report.failures.iter().all(|failure| failure.order == 3) && report.failures.len() == 2, "{report}");
    let right = || check::gradients(|v| (v[0].powi(4) * v[0].sin()).sum(), &[&x]);
    assert!(right().order(4).report().passed());
}

#[test]
fn what_lets_no_derivative_pass_is_named() {
    let report = check::gradients(|v| (v[0].detach().exp() * 2.0).sum(), &[&array![0.1, 0.2]]).report();
    let Some(Slip::Zero { by: Some(line) }) = report.inputs[0].hint.as_ref().and_then(|hint| hint.slip.clone()) else {
        panic!("{report}")
    };
    assert!(line.contains(" = detach %") && line.contains("tests/check/planted.rs"), "{line}");
}
