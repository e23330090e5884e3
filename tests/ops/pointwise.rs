//! Pointwise ops, from the table that declares them.

use gradus::number::{Dual, Num, Number};
use gradus::op::{Pointwise, SecondOrder};
use gradus::prelude::*;

use crate::support::{Layout, assert_close, evaluate, sample, tensors};

const SHAPES: [&[usize]; 9] = [&[], &[3], &[2, 3], &[1, 3], &[2, 1], &[0], &[2, 0], &[1, 2, 1, 3], &[2, 1, 2, 1]];

/// All lists of shapes, one for each operand, that broadcast.
fn broadcasts(operands: usize) -> Vec<Vec<Vec<usize>>> {
    let mut lists: Vec<(Shape, Vec<Vec<usize>>)> = SHAPES.iter().map(|&s| (Shape::from(s), vec![s.to_vec()])).collect();
    for _ in 1..operands {
        lists = lists
            .iter()
            .flat_map(|(all, list)| {
                SHAPES.iter().filter_map(move |&s| {
                    let together = all.broadcast(&Shape::from(s))?;
                    Some((together, [&list[..], &[s.to_vec()]].concat()))
                })
            })
            .collect();
    }
    // Three operands give hundreds of lists: every fifth shows each pair of shapes.
    let stride = if operands > 2 { 5 } else { 1 };
    lists.into_iter().step_by(stride).map(|(_, list)| list).collect()
}

fn inputs(op: &Pointwise, shapes: &[Vec<usize>], seed: u64) -> Vec<ArrayD<f64>> {
    let mut rng = StdRng::seed_from_u64(seed);
    let kinks = |operand: usize| if operand == 0 { &op.kinks[..] } else { &[] };
    (0..shapes.len()).map(|k| sample(&shapes[k], &op.domain[k], kinks(k), &mut rng)).collect()
}

/// Evaluates the op's formula on dual numbers for each element of the broadcast operands.
fn by_duals(op: &Pointwise, inputs: &[ArrayD<f64>], read: impl Fn(usize, SecondOrder) -> f64) -> Vec<ArrayD<f64>> {
    let shape = inputs.iter().fold(Shape::scalar(), |s, x| s.broadcast(&Shape::from(x.shape())).unwrap());
    let wide: Vec<_> = inputs.iter().map(|x| x.broadcast(&shape[..]).unwrap().to_owned()).collect();
    (0..inputs.len())
        .map(|variable| {
            ArrayD::from_shape_fn(&shape[..], |index| {
                let point: Vec<_> = (0..inputs.len())
                    .map(|k| {
                        let value = Num(wide[k][&index]);
                        if k == variable {
                            Dual::new(Dual::variable(value), Dual::constant(Num(1.0)))
                        } else {
                            Dual::constant(Dual::constant(value))
                        }
                    })
                    .collect();
                read(variable, (op.dual)(&point))
            })
        })
        .collect()
}

#[test]
fn values_equal_the_formula() {
    for op in Pointwise::all() {
        for shapes in broadcasts(op.domain.len()) {
            for layout in Layout::ALL {
                let inputs = inputs(&op, &shapes, 1);
                let sources: Vec<_> = inputs.iter().map(|x| layout.source(x)).collect();
                let found = evaluate(|v| (op.record)(&v.iter().map(|&x| layout.view(x)).collect::<Vec<_>>()), &sources);
                let expected = &by_duals(&op, &inputs, |_, y| y.real())[0];
                assert_close(&format!("{} {shapes:?} {layout:?}", op.name), &found, expected, 1e-14);
            }
        }
    }
}

#[test]
fn first_and_second_derivatives_equal_dual_numbers() {
    for op in Pointwise::all() {
        let shapes = vec![vec![40]; op.domain.len()];
        let inputs = inputs(&op, &shapes, 2);
        let first = by_duals(&op, &inputs, |_, y| y.slope().value.0);
        let second = by_duals(&op, &inputs, |_, y| y.slope().slope().0);
        for k in 0..inputs.len() {
            let name = format!("{} operand {k}", op.name);
            let slope = gradus::functional::grads(|v| (op.record)(v).sum(), &tensors(&inputs)).swap_remove(k);
            assert_close(&name, &slope, &first[k], 1e-12);
            let curvature = gradus::functional::grads(|v| (op.record)(v).sum().gradient(v[k]).sum(), &tensors(&inputs))
                .swap_remove(k);
            // The mixed part of other operands is not in the dual direction: elementwise, d²/dx_k².
            assert_close(&format!("{name}, second"), &curvature, &second[k], 1e-10);
        }
    }
}

#[test]
fn gradients_equal_differences_for_all_broadcasts() {
    for op in Pointwise::all() {
        for shapes in broadcasts(op.domain.len()) {
            let inputs = inputs(&op, &shapes, 3);
            if inputs.iter().all(gradus::prelude::ndarray::ArrayBase::is_empty) {
                continue;
            }
            let report = check::gradients(|v| (op.record)(v), &tensors(&inputs)).order(2).directions(1).report();
            assert!(report.failures.is_empty(), "{} {shapes:?}: {report}", op.name);
        }
    }
}

#[test]
fn derivatives_up_to_the_fourth_equal_differences_of_those_before() {
    for op in Pointwise::all() {
        let inputs = inputs(&op, &vec![vec![3]; op.domain.len()], 5);
        let report = check::gradients(|v| (op.record)(v), &tensors(&inputs)).order(4).report();
        assert!(report.failures.is_empty(), "{}: {report}", op.name);
    }
}

#[test]
fn gradients_equal_differences_element_by_element() {
    for op in Pointwise::all() {
        let inputs = inputs(&op, &vec![vec![2, 3]; op.domain.len()], 4);
        let report = check::gradients(|v| (op.record)(v), &tensors(&inputs)).order(2).report();
        assert!(report.passed(), "{}: {report}", op.name);
    }
}

#[test]
fn gradients_are_right_for_every_layout_and_at_edges() {
    for op in Pointwise::all() {
        let operands = op.domain.len();
        let shapes: Vec<_> = [&[3][..], &[2, 3], &[1, 2, 1, 3]].iter().map(|&shape| vec![shape; operands]).collect();
        let lists: Vec<_> = shapes.iter().map(|list| &list[..]).collect();
        let check = check::op(operands, |v: &[Var<'_, f64>]| (op.record)(v)).shapes(&lists).kinks(&op.kinks);
        let check = op.domain.iter().enumerate().fold(check, |check, (k, domain)| check.domain(k, domain.clone()));
        let report = check.report();
        assert!(report.passed(), "{}: {report}", op.name);
    }
}

#[test]
fn a_variable_used_twice_gets_both_parts() {
    for op in Pointwise::all() {
        let operands = op.domain.len();
        // One variable stands for every operand whose domain it fits, and is a factor of the result besides.
        let low = op.domain.iter().map(|d| d.start).fold(f64::MIN, f64::max);
        let high = op.domain.iter().map(|d| d.end).fold(f64::MAX, f64::min);
        let kinked = low >= high || ["maximum", "minimum"].contains(&op.name);
        let mut rng = StdRng::seed_from_u64(6);
        let domain = if kinked { op.domain[0].clone() } else { low..high };
        let x = sample(&[2, 3], &domain, &op.kinks, &mut rng);
        let others: Vec<_> = op.domain[1..].iter().map(|d| sample(&[2, 3], d, &[], &mut rng)).collect();
        let same = !kinked;
        let report = check::gradients(
            |v| {
                let rest = (1..operands).map(|k| if same { v[0] } else { v[0].constant(&others[k - 1]) });
                let all: Vec<_> = std::iter::once(v[0]).chain(rest).collect();
                (op.record)(&all) * v[0]
            },
            &[&x],
        )
        .order(2)
        .report();
        assert!(report.passed(), "{}: {report}", op.name);
    }
}

#[test]
fn f32_and_f64_agree() {
    // Through the methods, since the table records f64 only.
    let x = array![0.3_f32, 0.7];
    let single = gradus::functional::grad(|x| (x.tanh() * x.gelu() / x.sqrt()).sum(), &x);
    let double = gradus::functional::grad(|x| (x.tanh() * x.gelu() / x.sqrt()).sum(), &x.mapv(f64::from));
    single.iter().zip(&double).for_each(|(&a, &b)| assert!((f64::from(a) - b).abs() < 1e-6, "{a} {b}"));
}
