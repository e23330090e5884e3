//! The list of all ops that are not rows of the pointwise table.

use gradus::prelude::*;
use ndarray::{Axis, Ix1, Ix2, concatenate};

use crate::support::Function;

/// An op as a function of its operands, the shapes to try, and what `ndarray` says it is.
pub(crate) struct Case {
    /// The methods and primitives that it shows.
    pub(crate) name: &'static str,
    /// One list of operand shapes for each way to call it.
    pub(crate) shapes: Vec<Vec<Vec<usize>>>,
    pub(crate) f: Function,
    pub(crate) reference: fn(&[ArrayD<f64>]) -> ArrayD<f64>,
}

type A = ArrayD<f64>;

fn case(name: &'static str, shapes: &[&[&[usize]]], f: Function, reference: fn(&[A]) -> A) -> Case {
    let shapes = shapes.iter().map(|list| list.iter().map(|shape| shape.to_vec()).collect()).collect();
    Case { name, shapes, f, reference }
}

fn scalar(x: f64) -> A {
    ndarray::arr0(x).into_dyn()
}

/// The reduction of each line along an axis.
fn lines(x: &A, axis: usize, f: impl Fn(&Array1<f64>) -> f64) -> A {
    x.map_axis(Axis(axis), |line| f(&line.to_owned()))
}

/// Each line along an axis replaced.
fn relines(x: &A, axis: usize, f: impl Fn(&Array1<f64>) -> Array1<f64>) -> A {
    let mut out = x.clone();
    for mut line in out.lanes_mut(Axis(axis)) {
        let new = f(&line.to_owned());
        line.assign(&new);
    }
    out
}

fn flat(x: &A) -> Array1<f64> {
    x.iter().copied().collect()
}

fn matrix(x: &A) -> Array2<f64> {
    x.clone().into_dimensionality::<Ix2>().unwrap()
}

fn vector(x: &A) -> Array1<f64> {
    x.clone().into_dimensionality::<Ix1>().unwrap()
}

fn softmax(x: &Array1<f64>) -> Array1<f64> {
    let e = x.mapv(f64::exp);
    &e / e.sum()
}

fn max(x: &Array1<f64>) -> f64 {
    x.iter().copied().fold(f64::MIN, f64::max)
}

fn min(x: &Array1<f64>) -> f64 {
    x.iter().copied().fold(f64::MAX, f64::min)
}

const ANY: &[&[&[usize]]] =
    &[&[&[]], &[&[3]], &[&[2, 3]], &[&[1, 3]], &[&[2, 1]], &[&[0]], &[&[2, 0]], &[&[1, 2, 1, 3]], &[&[2, 2, 2, 2]]];
const FILLED: &[&[&[usize]]] = &[&[&[]], &[&[3]], &[&[2, 3]], &[&[1, 3]], &[&[2, 1]], &[&[1, 2, 1, 3]]];
/// At least one axis, axis 0 of at least one element.
const LINED: &[&[&[usize]]] = &[&[&[3]], &[&[2, 3]], &[&[1, 3]], &[&[3, 1]], &[&[2, 0]], &[&[2, 2, 1, 3]]];
const RANK_3: &[&[&[usize]]] = &[&[&[2, 3, 2]], &[&[1, 3, 2]], &[&[2, 1, 1]]];
const MATRICES: &[&[&[usize]]] = &[&[&[2, 3]], &[&[3, 2]], &[&[1, 1]], &[&[3, 3]], &[&[0, 3]], &[&[3, 0]]];

pub(crate) fn all() -> Vec<Case> {
    [reductions(), scans(), views(), moves(), indices(), products(), dense(), rows(), others()]
        .into_iter()
        .flatten()
        .collect()
}

fn reductions() -> Vec<Case> {
    vec![
        case("sum", ANY, |v| v[0].sum(), |x| scalar(x[0].sum())),
        case("sum_axis", LINED, |v| v[0].sum_axis(0), |x| x[0].sum_axis(Axis(0))),
        case(
            "sum_axis last",
            LINED,
            |v| v[0].sum_axis(keep(-1)),
            |x| {
                let last = Axis(x[0].ndim() - 1);
                x[0].sum_axis(last).insert_axis(last)
            },
        ),
        case("sum_axis apart", RANK_3, |v| v[0].sum_axis([0, 2]), |x| x[0].sum_axis(Axis(2)).sum_axis(Axis(0))),
        case("sum_axis none", LINED, |v| v[0].sum_axis([0_usize; 0]), |x| x[0].clone()),
        case("mean", FILLED, |v| v[0].mean(), |x| scalar(x[0].mean().unwrap())),
        case(
            "mean_axis",
            RANK_3,
            |v| v[0].mean_axis([-1, 0]),
            |x| x[0].mean_axis(Axis(2)).unwrap().mean_axis(Axis(0)).unwrap(),
        ),
        case("prod", ANY, |v| v[0].prod(), |x| scalar(x[0].product())),
        case("prod_axis", LINED, |v| v[0].prod_axis(0), |x| lines(&x[0], 0, |l| l.product())),
        case(
            "prod_axis apart",
            RANK_3,
            |v| v[0].prod_axis(keep([0, 2])),
            |x| lines(&lines(&x[0], 2, |l| l.product()), 0, |l| l.product()).insert_axis(Axis(0)).insert_axis(Axis(2)),
        ),
        case("max", FILLED, |v| v[0].max(), |x| scalar(max(&flat(&x[0])))),
        case("max_axis", LINED, |v| v[0].max_axis(0), |x| lines(&x[0], 0, max)),
        case("max_axis apart", RANK_3, |v| v[0].max_axis([0, 2]), |x| lines(&lines(&x[0], 2, max), 0, max)),
        case("min", FILLED, |v| v[0].min(), |x| scalar(min(&flat(&x[0])))),
        case("min_axis", LINED, |v| v[0].min_axis(0), |x| lines(&x[0], 0, min)),
        case("var", &[&[&[3]], &[&[2, 3]]], |v| v[0].var(1), |x| scalar(x[0].var(1.0))),
        case("var_axis", RANK_3, |v| v[0].var_axis(1, 0), |x| x[0].var_axis(Axis(1), 0.0)),
        case("std", &[&[&[3]], &[&[2, 3]]], |v| v[0].std(0), |x| scalar(x[0].std(0.0))),
        case(
            "std_axis",
            &[&[&[3, 2]], &[&[3, 1, 2]]],
            |v| v[0].std_axis(keep(0), 1),
            |x| x[0].std_axis(Axis(0), 1.0).insert_axis(Axis(0)),
        ),
        case("norm", FILLED, |v| v[0].norm(), |x| scalar((&x[0] * &x[0]).sum().sqrt())),
        case("norm_axis", LINED, |v| v[0].norm_axis(0), |x| (&x[0] * &x[0]).sum_axis(Axis(0)).mapv(f64::sqrt)),
        case("norm_p 1", LINED, |v| v[0].norm_p(1.0, 0), |x| x[0].mapv(f64::abs).sum_axis(Axis(0))),
        case("norm_p 2", LINED, |v| v[0].norm_p(2.0, 0), |x| (&x[0] * &x[0]).sum_axis(Axis(0)).mapv(f64::sqrt)),
        case(
            "norm_p 3",
            LINED,
            |v| v[0].norm_p(3.0, 0),
            |x| x[0].mapv(|x| x.abs().powi(3)).sum_axis(Axis(0)).mapv(f64::cbrt),
        ),
        case("norm_p infinite", LINED, |v| v[0].norm_p(f64::INFINITY, 0), |x| lines(&x[0].mapv(f64::abs), 0, max)),
        case("logsumexp", FILLED, |v| v[0].logsumexp(), |x| scalar(x[0].mapv(f64::exp).sum().ln())),
        case(
            "logsumexp_axis",
            LINED,
            |v| v[0].logsumexp_axis(0),
            |x| x[0].mapv(f64::exp).sum_axis(Axis(0)).mapv(f64::ln),
        ),
        case(
            "logsumexp_axis apart",
            RANK_3,
            |v| v[0].logsumexp_axis([0, 2]),
            |x| x[0].mapv(f64::exp).sum_axis(Axis(2)).sum_axis(Axis(0)).mapv(f64::ln),
        ),
        case(
            "argmax",
            LINED,
            |v| v[0].argmax(0),
            |x| lines(&x[0], 0, |l| l.iter().position(|&y| y == max(l)).unwrap() as f64),
        ),
        case(
            "argmin",
            LINED,
            |v| v[0].argmin(0),
            |x| lines(&x[0], 0, |l| l.iter().position(|&y| y == min(l)).unwrap() as f64),
        ),
    ]
}

fn scans() -> Vec<Case> {
    fn running(x: &Array1<f64>, f: fn(f64, f64) -> f64) -> Array1<f64> {
        let mut last = None;
        x.mapv(|x| {
            let y = last.map_or(x, |last| f(last, x));
            last = Some(y);
            y
        })
    }
    vec![
        case("cumsum", LINED, |v| v[0].cumsum(0), |x| relines(&x[0], 0, |l| running(l, |a, b| a + b))),
        case(
            "cumsum last",
            LINED,
            |v| v[0].cumsum(-1),
            |x| relines(&x[0], x[0].ndim() - 1, |l| running(l, |a, b| a + b)),
        ),
        case("cumprod", LINED, |v| v[0].cumprod(0), |x| relines(&x[0], 0, |l| running(l, |a, b| a * b))),
        case(
            "recurrence",
            &[&[&[3], &[3]], &[&[4, 2], &[4, 2]], &[&[1, 2], &[1, 2]]],
            |v| v[0].recurrence(v[1], 0),
            |x| {
                let mut h = x[1].clone();
                for i in 1..h.shape()[0] {
                    let last = h.index_axis(Axis(0), i - 1).to_owned();
                    let next = &x[0].index_axis(Axis(0), i) * &last + x[1].index_axis(Axis(0), i);
                    h.index_axis_mut(Axis(0), i).assign(&next);
                }
                h
            },
        ),
    ]
}

fn views() -> Vec<Case> {
    vec![
        case(
            "reshape",
            &[&[&[2, 3]], &[&[6]], &[&[1, 6, 1]]],
            |v| v[0].reshape([3, 2]),
            |x| flat(&x[0]).into_shape_with_order(ndarray::IxDyn(&[3, 2])).unwrap(),
        ),
        case("flatten", ANY, |v| v[0].flatten(), |x| flat(&x[0]).into_dyn()),
        case(
            "flatten_from",
            RANK_3,
            |v| v[0].flatten_from(1),
            |x| {
                let n = x[0].shape();
                flat(&x[0]).into_shape_with_order(ndarray::IxDyn(&[n[0], n[1] * n[2]])).unwrap()
            },
        ),
        case("squeeze", &[&[&[1, 3]], &[&[1, 2, 2]]], |v| v[0].squeeze(0), |x| x[0].clone().remove_axis(Axis(0))),
        case("unsqueeze", ANY, |v| v[0].unsqueeze(-1), |x| x[0].clone().insert_axis(Axis(x[0].ndim()))),
        case("detach", ANY, |v| v[0].detach() * v[0].detach(), |x| &x[0] * &x[0]),
        case("checkpoint", ANY, |v| v[0].checkpoint(|x| x.sin() * x), |x| x[0].mapv(|x| x.sin() * x)),
        case("alias", ANY, |v| v[0].grad_of(|z| (z * z).sum()), |x| &x[0] * 2.0),
    ]
}

#[allow(clippy::too_many_lines, reason = "a list")]
fn moves() -> Vec<Case> {
    vec![
        case(
            "broadcast_to",
            &[&[&[]], &[&[3]], &[&[1, 3]], &[&[2, 1]], &[&[2, 3]]],
            |v| v[0].broadcast_to([4, 2, 3]),
            |x| x[0].broadcast(&[4, 2, 3][..]).unwrap().to_owned(),
        ),
        case("permute", RANK_3, |v| v[0].permute(&[2, 0, 1]), |x| x[0].clone().permuted_axes(&[2, 0, 1][..])),
        case("t", MATRICES, |v| v[0].t(), |x| x[0].clone().reversed_axes()),
        case(
            "swap_axes",
            RANK_3,
            |v| v[0].swap_axes(0, -1),
            |x| {
                let mut y = x[0].clone();
                y.swap_axes(0, 2);
                y
            },
        ),
        case(
            "slice",
            &[&[&[5, 4]]],
            |v| v[0].slice(s![1..4;2, ..;-1]),
            |x| matrix(&x[0]).slice(s![1..4;2, ..;-1]).to_owned().into_dyn(),
        ),
        case(
            "slice index",
            &[&[&[5, 4]]],
            |v| v[0].slice(s![-1, ..-1]),
            |x| matrix(&x[0]).slice(s![-1, ..-1]).to_owned().into_dyn(),
        ),
        case(
            "slice axis",
            &[&[&[5, 4]]],
            |v| v[0].slice(s![ndarray::NewAxis, .., 1..1]),
            |x| matrix(&x[0]).slice(s![ndarray::NewAxis, .., 1..1]).to_owned().into_dyn(),
        ),
        case(
            "slice back",
            &[&[&[7, 1]]],
            |v| v[0].slice(s![1..6;-3, ..]),
            |x| matrix(&x[0]).slice(s![1..6;-3, ..]).to_owned().into_dyn(),
        ),
        case(
            "embed",
            &[&[&[6]]],
            |v| v[0].slice(s![..;2]).square().sum().gradient(v[0]),
            |x| {
                let mut y = vector(&x[0]) * 2.0;
                y.slice_mut(s![1..;2]).fill(0.0);
                y.into_dyn()
            },
        ),
        case("index_axis", RANK_3, |v| v[0].index_axis(1, 0), |x| x[0].index_axis(Axis(1), 0).to_owned()),
        case(
            "split",
            &[&[&[3, 2]], &[&[3]]],
            |v| v[0].split(&[1, 2], 0)[1],
            |x| x[0].slice_axis(Axis(0), ndarray::Slice::from(1..)).to_owned(),
        ),
        case(
            "concat",
            &[&[&[2, 3], &[1, 3]], &[&[0, 3], &[2, 3]], &[&[2], &[3]]],
            |v| concat(&[v[0], v[1], v[0]], 0),
            |x| concatenate![Axis(0), x[0], x[1], x[0]],
        ),
        case("concat last", &[&[&[2, 3], &[2, 1]]], |v| concat(v, -1), |x| concatenate![Axis(1), x[0], x[1]]),
        case(
            "stack",
            &[&[&[], &[]], &[&[2, 3], &[2, 3]], &[&[0], &[0]]],
            |v| stack(v, 0),
            |x| ndarray::stack![Axis(0), x[0], x[1]],
        ),
        case(
            "stack last",
            &[&[&[3], &[3]], &[&[2, 3], &[2, 3]]],
            |v| stack(v, -1),
            |x| ndarray::stack![Axis(x[0].ndim()), x[0], x[1]],
        ),
        case(
            "pad",
            &[&[&[2, 3]], &[&[0, 3]]],
            |v| v[0].pad(&[(1, 0), (2, 1)], 7.0),
            |x| {
                let (rows, columns) = (x[0].shape()[0], x[0].shape()[1]);
                let mut y = Array2::from_elem((rows + 1, columns + 3), 7.0);
                y.slice_mut(s![1.., 2..columns + 2]).assign(&matrix(&x[0]));
                y.into_dyn()
            },
        ),
        case(
            "flip",
            RANK_3,
            |v| v[0].flip([0, 2]),
            |x| {
                let mut y = x[0].clone();
                y.invert_axis(Axis(0));
                y.invert_axis(Axis(2));
                y
            },
        ),
        case(
            "roll",
            &[&[&[5]], &[&[5, 2]], &[&[0]]],
            |v| v[0].roll(-2, 0),
            |x| {
                let n = x[0].shape()[0];
                if n == 0 {
                    return x[0].clone();
                }
                let order: Vec<_> = (0..n).map(|i| (i + 2) % n).collect();
                x[0].select(Axis(0), &order)
            },
        ),
        case(
            "tile",
            &[&[&[2, 3]], &[&[1, 1]]],
            |v| v[0].tile(&[2, 3]),
            |x| {
                let row = concatenate![Axis(1), x[0], x[0], x[0]];
                concatenate![Axis(0), row, row]
            },
        ),
        case("diag", &[&[&[3]], &[&[1]], &[&[0]]], |v| v[0].diag(), |x| Array2::from_diag(&vector(&x[0])).into_dyn()),
        case(
            "diag",
            &[&[&[3, 3]], &[&[2, 3]], &[&[3, 2]], &[&[0, 2]]],
            |v| v[0].diag(),
            |x| matrix(&x[0]).diag().to_owned().into_dyn(),
        ),
        case(
            "trace",
            &[&[&[3, 3]], &[&[1, 1]], &[&[2, 2, 2]], &[&[0, 0]], &[&[0, 2, 2]]],
            |v| v[0].trace(),
            |x| {
                let (rank, n) = (x[0].ndim(), *x[0].shape().last().unwrap());
                let mut sum = ArrayD::zeros(&x[0].shape()[..rank - 2]);
                (0..n).for_each(|i| {
                    sum += &x[0].index_axis(Axis(rank - 1), i).index_axis(Axis(rank - 2), i);
                });
                sum
            },
        ),
        case("tril", MATRICES, |v| v[0].tril(0), |x| triangle(&x[0], |i, j| j <= i)),
        case("tril above", &[&[&[2, 3, 3]], &[&[3, 2]]], |v| v[0].tril(1), |x| triangle(&x[0], |i, j| j <= i + 1)),
        case("triu", MATRICES, |v| v[0].triu(0), |x| triangle(&x[0], |i, j| j >= i)),
        case("triu below", &[&[&[3, 3]]], |v| v[0].triu(-1), |x| triangle(&x[0], |i, j| j + 1 >= i)),
    ]
}

fn triangle(x: &A, inside: fn(usize, usize) -> bool) -> A {
    let mut y = x.clone();
    let rank = x.ndim();
    y.indexed_iter_mut().for_each(|(index, y)| {
        if !inside(index[rank - 2], index[rank - 1]) {
            *y = 0.0;
        }
    });
    y
}

fn indices() -> Vec<Case> {
    vec![
        case(
            "index_select",
            &[&[&[3]], &[&[3, 2]], &[&[3, 0]]],
            |v| v[0].index_select(0, [2, 0, 2, 2]),
            |x| x[0].select(Axis(0), &[2, 0, 2, 2]),
        ),
        case(
            "index_select last",
            &[&[&[2, 3]], &[&[2, 2, 3]]],
            |v| v[0].index_select(-1, [1, 1]),
            |x| x[0].select(Axis(x[0].ndim() - 1), &[1, 1]),
        ),
        case(
            "gather",
            &[&[&[2, 3]]],
            |v| v[0].gather(1, &array![[2, 0], [1, 1]]),
            |x| array![[x[0][[0, 2]], x[0][[0, 0]]], [x[0][[1, 1]], x[0][[1, 1]]]].into_dyn(),
        ),
        case(
            "gather first",
            &[&[&[3, 2]]],
            |v| v[0].gather(0, &array![[2, 0]]),
            |x| array![[x[0][[2, 0]], x[0][[0, 1]]]].into_dyn(),
        ),
        case(
            "scatter_add",
            &[&[&[3, 2], &[4, 2]], &[&[3], &[4]]],
            |v| v[0].scatter_add(0, [2, 0, 2, 1], v[1]),
            |x| {
                let mut y = x[0].clone();
                for (k, at) in [2, 0, 2, 1].into_iter().enumerate() {
                    let mut part = y.index_axis_mut(Axis(0), at);
                    part += &x[1].index_axis(Axis(0), k);
                }
                y
            },
        ),
        case(
            "one_hot",
            &[&[&[2, 3]]],
            |v| v[0] * v[0].recording().one_hot([2, 0], 3),
            |x| &x[0] * &array![[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]],
        ),
    ]
}

#[allow(clippy::too_many_lines, reason = "a list")]
fn products() -> Vec<Case> {
    vec![
        case(
            "matmul",
            &[&[&[2, 3], &[3, 4]], &[&[1, 3], &[3, 1]], &[&[2, 0], &[0, 3]], &[&[0, 3], &[3, 2]], &[&[3, 2], &[2, 0]]],
            |v| v[0].matmul(v[1]),
            |x| matrix(&x[0]).dot(&matrix(&x[1])).into_dyn(),
        ),
        case(
            "matmul transposed",
            &[&[&[3, 2], &[4, 3]]],
            |v| v[0].t().matmul(v[1].t()),
            |x| matrix(&x[0]).t().dot(&matrix(&x[1]).t()).into_dyn(),
        ),
        case(
            "matmul right transposed",
            &[&[&[2, 3], &[4, 3]]],
            |v| v[0].matmul(v[1].t()),
            |x| matrix(&x[0]).dot(&matrix(&x[1]).t()).into_dyn(),
        ),
        case(
            "matmul left transposed",
            &[&[&[3, 2], &[3, 4]]],
            |v| v[0].t().matmul(v[1]),
            |x| matrix(&x[0]).t().dot(&matrix(&x[1])).into_dyn(),
        ),
        case(
            "matmul vectors",
            &[&[&[3], &[3, 4]]],
            |v| v[0].matmul(v[1]),
            |x| vector(&x[0]).dot(&matrix(&x[1])).into_dyn(),
        ),
        case(
            "matmul vectors",
            &[&[&[2, 3], &[3]]],
            |v| v[0].matmul(v[1]),
            |x| matrix(&x[0]).dot(&vector(&x[1])).into_dyn(),
        ),
        case("matmul vectors", &[&[&[3], &[3]]], |v| v[0].matmul(v[1]), |x| scalar(vector(&x[0]).dot(&vector(&x[1])))),
        case(
            "matmul batched",
            &[
                &[&[2, 2, 3], &[2, 3, 2]],
                &[&[2, 2, 3], &[1, 3, 2]],
                &[&[1, 2, 2, 3], &[2, 1, 3, 2]],
                &[&[2, 2, 3], &[3, 2]],
                &[&[2, 3], &[2, 3, 2]],
                &[&[2, 3, 1, 3], &[3, 3, 2]],
                &[&[0, 2, 3], &[0, 3, 2]],
            ],
            |v| v[0].matmul(v[1]),
            |x| batched(&x[0], &x[1]),
        ),
        case(
            "matmul batched transposed",
            &[&[&[2, 3, 2], &[2, 4, 3]], &[&[1, 3, 2], &[2, 4, 3]]],
            |v| v[0].t().matmul(v[1].t()),
            |x| {
                let swap = |x: &A| {
                    let mut y = x.clone();
                    y.swap_axes(1, 2);
                    y
                };
                batched(&swap(&x[0]), &swap(&x[1]))
            },
        ),
        case("dot", &[&[&[3], &[3]], &[&[0], &[0]]], |v| v[0].dot(v[1]), |x| scalar(vector(&x[0]).dot(&vector(&x[1])))),
        case(
            "outer",
            &[&[&[3], &[2]], &[&[1], &[0]]],
            |v| v[0].outer(v[1]),
            |x| {
                let (a, b) = (vector(&x[0]), vector(&x[1]));
                a.insert_axis(Axis(1)).dot(&b.insert_axis(Axis(0))).into_dyn()
            },
        ),
        case(
            "affine",
            &[
                &[&[4, 3], &[3, 2], &[2]],
                &[&[0, 3], &[3, 2], &[2]],
                &[&[2, 0], &[0, 2], &[2]],
                &[&[1, 1], &[1, 1], &[1]],
            ],
            |v| v[0].affine(v[1], v[2]),
            |x| (matrix(&x[0]).dot(&matrix(&x[1])) + vector(&x[2])).into_dyn(),
        ),
        case(
            "affine vector",
            &[&[&[3], &[3, 2], &[2]]],
            |v| v[0].affine(v[1], v[2]),
            |x| (vector(&x[0]).dot(&matrix(&x[1])) + vector(&x[2])).into_dyn(),
        ),
        case(
            "affine batched",
            &[&[&[2, 4, 3], &[3, 2], &[2]]],
            |v| v[0].affine(v[1], v[2]),
            |x| batched(&x[0], &x[1].clone().insert_axis(Axis(0))) + &x[2],
        ),
        case(
            "einsum",
            &[&[&[2, 3], &[3, 4]]],
            |v| einsum("ij,jk->ik", v),
            |x| matrix(&x[0]).dot(&matrix(&x[1])).into_dyn(),
        ),
        case("einsum trace", &[&[&[3, 3]]], |v| einsum("ii", v), |x| scalar(matrix(&x[0]).diag().sum())),
        case(
            "einsum diagonal",
            &[&[&[2, 3, 3]]],
            |v| einsum("bii->ib", v),
            |x| Array2::from_shape_fn((3, 2), |(i, b)| x[0][[b, i, i]]).into_dyn(),
        ),
        case("einsum batch", &[&[&[2, 3, 2], &[2, 2, 4]]], |v| einsum("bij,bjk->bik", v), |x| batched(&x[0], &x[1])),
        case(
            "einsum outer",
            &[&[&[2], &[3]]],
            |v| einsum("i,j->ji", v),
            |x| Array2::from_shape_fn((3, 2), |(j, i)| x[0][[i]] * x[1][[j]]).into_dyn(),
        ),
        case(
            "einsum sum",
            &[&[&[2, 3], &[4]]],
            |v| einsum("ij,k->j", v),
            |x| (x[0].sum_axis(Axis(0)) * x[1].sum()).into_dyn(),
        ),
        case(
            "einsum three",
            &[&[&[2, 3], &[3, 2], &[2, 2]]],
            |v| einsum("ij,jk,kl->il", v),
            |x| matrix(&x[0]).dot(&matrix(&x[1])).dot(&matrix(&x[2])).into_dyn(),
        ),
        case(
            "einsum ellipsis",
            &[&[&[2, 2, 3], &[1, 3, 2]], &[&[2, 3], &[2, 3, 2]]],
            |v| einsum("...ij, ...jk -> ...ik", v),
            |x| batched(&x[0], &x[1]),
        ),
        case(
            "einsum ellipsis of rank 6",
            &[&[&[2, 1, 2, 1, 1, 2], &[1, 2, 2, 1, 3, 2]], &[&[0, 1, 1, 1, 2, 2], &[1, 2, 3, 1, 1, 2]]],
            |v| einsum("...j, ...j -> ...", v),
            |x| (&x[0] * &x[1]).sum_axis(Axis(5)),
        ),
        case(
            "einsum by way of rank 8",
            &[&[&[2, 1, 1, 3], &[2, 1, 1, 2], &[2, 1, 2, 1], &[1, 3, 1, 2]]],
            |v| einsum("abcd,efgh,abef,cdgh->", v),
            |x| {
                let pairs = |x: &A| -> Array2<f64> {
                    let n = x.shape()[0] * x.shape()[1];
                    x.to_shape((n, x.len() / n)).unwrap().to_owned()
                };
                let [p, q, r, s] = [0, 1, 2, 3].map(|k| pairs(&x[k]));
                scalar((p.t().dot(&r).dot(&q) * s).sum())
            },
        ),
        case(
            "einsum by way of rank 7 to companions",
            &[&[&[2, 3, 2], &[2, 2, 3, 1], &[2, 2, 3, 1]]],
            |v| einsum("abc,defg,defg->bcaf", v),
            |x| {
                let squares = (&x[1] * &x[2]).sum_axis(Axis(3)).sum_axis(Axis(1)).sum_axis(Axis(0));
                ArrayD::from_shape_fn(vec![3, 2, 2, 3], |i| x[0][[i[2], i[0], i[1]]] * squares[[i[3]]])
            },
        ),
        case(
            "einsum implicit",
            &[&[&[2, 3], &[3, 4]]],
            |v| einsum("bj,ja", v),
            |x| matrix(&x[0]).dot(&matrix(&x[1])).reversed_axes().into_dyn(),
        ),
    ]
}

/// Square matrices out of any numbers of the samples, far from singular and, made symmetric, positive definite.
#[cfg(feature = "linalg")]
fn regular<'t>(x: Var<'t, f64>) -> Var<'t, f64> {
    let shape = x.shape();
    0.2 * x + 2.0 * x.recording().ones([shape[shape.rank() - 1]]).diag()
}

/// A⁻¹ and ln det A of each of these matrices made regular, by elimination without pivots.
#[cfg(feature = "linalg")]
fn eliminated(x: &A) -> (A, A) {
    let (rank, n) = (x.ndim(), *x.shape().last().unwrap());
    let (mut inverses, mut dets) = (x.clone(), ArrayD::zeros(&x.shape()[..rank - 2]));
    let count = x.len() / (n * n).max(1);
    let mut flat = inverses.view_mut().into_shape_with_order((count, n, n)).unwrap();
    for (mut a, det) in flat.outer_iter_mut().zip(&mut dets) {
        let mut left = &a * 0.2 + 2.0 * Array2::<f64>::eye(n);
        let mut right = Array2::<f64>::eye(n);
        for k in 0..n {
            let pivot = left[[k, k]];
            *det += pivot.ln();
            for i in (0..n).filter(|&i| i != k) {
                let factor = left[[i, k]] / pivot;
                for side in [&mut left, &mut right] {
                    let row = side.row(k).to_owned();
                    side.row_mut(i).scaled_add(-factor, &row);
                }
            }
        }
        (0..n).for_each(|k| right.row_mut(k).mapv_inplace(|x| x / left[[k, k]]));
        a.assign(&right);
    }
    (inverses, dets)
}

#[cfg(not(feature = "linalg"))]
fn dense() -> Vec<Case> {
    Vec::new()
}

#[cfg(feature = "linalg")]
fn dense() -> Vec<Case> {
    const SQUARE: &[&[&[usize]]] = &[&[&[3, 3]], &[&[1, 1]], &[&[2, 2, 2]], &[&[2, 1, 3, 3]], &[&[0, 2, 2]]];
    vec![
        case("inverse", SQUARE, |v| regular(v[0]).inverse(), |x| eliminated(&x[0]).0),
        case("logdet", SQUARE, |v| regular(v[0]).logdet(), |x| eliminated(&x[0]).1),
        case(
            "slogdet",
            SQUARE,
            |v| {
                let (sign, log) = regular(v[0]).slogdet();
                sign * log
            },
            |x| eliminated(&x[0]).1,
        ),
        case(
            "cholesky",
            SQUARE,
            |v| {
                let l = regular(v[0]).cholesky();
                l.matmul(l.t())
            },
            |x| {
                let (mut t, rank) = (x[0].clone(), x[0].ndim());
                t.swap_axes(rank - 2, rank - 1);
                (&x[0] + &t) * 0.1 + 2.0 * Array2::<f64>::eye(t.shape()[rank - 1])
            },
        ),
        case(
            "solve",
            &[
                &[&[3, 3], &[3, 2]],
                &[&[1, 1], &[1, 1]],
                &[&[2, 2, 2], &[2, 3]],
                &[&[2, 2], &[3, 2, 1]],
                &[&[2, 1, 2, 2], &[1, 3, 2, 2]],
                &[&[2, 2], &[2, 0]],
            ],
            |v| regular(v[0]).solve(v[1]),
            |x| batched(&eliminated(&x[0]).0, &x[1]),
        ),
        case(
            "solve vector",
            &[&[&[3, 3], &[3]], &[&[2, 2, 2], &[2]]],
            |v| regular(v[0]).solve(v[1]),
            |x| batched(&eliminated(&x[0]).0, &x[1].clone().insert_axis(Axis(1))).remove_axis(Axis(x[0].ndim() - 1)),
        ),
    ]
}

/// The product of matrices in the last two axes, one by one.
fn batched(a: &A, b: &A) -> A {
    let lead = |x: &A| Shape::from(&x.shape()[..x.ndim() - 2]);
    let out = lead(a).broadcast(&lead(b)).unwrap();
    let wide = |x: &A| {
        let shape = [&out[..], &x.shape()[x.ndim() - 2..]].concat();
        x.broadcast(shape).unwrap().to_owned()
    };
    let (a, b) = (wide(a), wide(b));
    let (m, n) = (a.shape()[a.ndim() - 2], b.shape()[b.ndim() - 1]);
    let mut result = ArrayD::zeros([&out[..], &[m, n]].concat());
    for index in ndarray::indices(&out[..]) {
        let pick = |x: &A| {
            let mut view = x.view();
            (0..out.len()).for_each(|axis| view = view.clone().index_axis_move(Axis(0), index[axis]));
            view.into_dimensionality::<Ix2>().unwrap().to_owned()
        };
        let product = pick(&a).dot(&pick(&b));
        for ((i, j), &x) in product.indexed_iter() {
            let place: Vec<_> = (0..out.len()).map(|axis| index[axis]).chain([i, j]).collect();
            result[&place[..]] = x;
        }
    }
    result
}

fn rows() -> Vec<Case> {
    vec![
        case("softmax", LINED, |v| v[0].softmax(0), |x| relines(&x[0], 0, softmax)),
        case("softmax last", LINED, |v| v[0].softmax(-1), |x| relines(&x[0], x[0].ndim() - 1, softmax)),
        case("log_softmax", LINED, |v| v[0].log_softmax(0), |x| relines(&x[0], 0, |l| softmax(l).mapv(f64::ln))),
        case(
            "log_softmax last",
            LINED,
            |v| v[0].log_softmax(-1),
            |x| relines(&x[0], x[0].ndim() - 1, |l| softmax(l).mapv(f64::ln)),
        ),
        case(
            "cross_entropy_rows",
            &[&[&[2, 3]], &[&[2, 4]]],
            |v| v[0].cross_entropy_rows([2, 0]),
            |x| {
                let row = |i: usize, label: usize| -softmax(&matrix(&x[0]).row(i).to_owned())[label].ln();
                array![row(0, 2), row(1, 0)].into_dyn()
            },
        ),
        case(
            "standardize",
            &[&[&[3]], &[&[3, 2]], &[&[1, 2]]],
            |v| v[0].standardize(0, 0.1),
            |x| relines(&x[0], 0, |l| (l - l.mean().unwrap()) / (l.var(0.0) + 0.1).sqrt()),
        ),
        case(
            "standardize several",
            &[&[&[2, 3, 2]]],
            |v| v[0].standardize([0, 1], 0.1),
            |x| {
                let flat = x[0].clone().into_shape_with_order(ndarray::IxDyn(&[6, 2])).unwrap();
                relines(&flat, 0, |l| (l - l.mean().unwrap()) / (l.var(0.0) + 0.1).sqrt())
                    .into_shape_with_order(ndarray::IxDyn(&[2, 3, 2]))
                    .unwrap()
            },
        ),
        case(
            "layer_norm",
            &[&[&[2, 3], &[3], &[3]], &[&[2, 2, 3], &[3], &[3]]],
            |v| v[0].layer_norm(v[1], v[2], 1e-2),
            |x| {
                let last = x[0].ndim() - 1;
                relines(&x[0], last, |l| (l - l.mean().unwrap()) / (l.var(0.0) + 1e-2).sqrt()) * &x[1] + &x[2]
            },
        ),
    ]
}

fn others() -> Vec<Case> {
    vec![
        case("powi", ANY, |v| v[0].powi(3), |x| x[0].mapv(|x| x * x * x)),
        case("powi negative", FILLED, |v| v[0].powi(-2), |x| x[0].mapv(|x| 1.0 / (x * x))),
        case("powf", FILLED, |v| v[0].square().powf(1.5), |x| x[0].mapv(|x| x.abs().powi(3))),
        case("dropout", &[&[&[4]], &[&[2, 3]]], |v| v[0].dropout(0.0, 1), |x| x[0].clone()),
        case(
            "dropout some",
            &[&[&[20]]],
            |v| v[0].dropout(0.5, 1) * v[0].dropout(0.5, 1) / v[0],
            |x| {
                // Dropped or doubled, the same elements both times.
                let kept = gradus::functional::grad(|x| x.dropout(0.5, 1).sum(), &vector(&x[0]));
                (&vector(&x[0]) * &kept * &kept).into_dyn()
            },
        ),
    ]
}
