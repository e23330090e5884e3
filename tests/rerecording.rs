//! Recording again, the same or something else, gives what a fresh tape gives, to the bit.

use std::sync::Arc;

use gradus::prelude::*;
use ndarray::ArrayViewD;
use rand::RngExt;

type Program<'a> = Box<dyn for<'t> Fn(Step<'t, '_, f64>) -> Var<'t, f64> + 'a>;

fn program<'a>(f: impl for<'t> Fn(Step<'t, '_, f64>) -> Var<'t, f64> + 'a) -> Program<'a> {
    Box::new(f)
}

fn params() -> (Params<f64>, Param, Param) {
    let mut params = Params::new();
    let mut next = 0.0;
    let mut count = || {
        next += 0.1;
        next
    };
    let w = params.add("w", [3, 2], &mut count);
    let b = params.add("b", [2], &mut count);
    (params, w, b)
}

/// All that a program answers: its value and the gradient of its sum for the parameters, as bits. One NaN is like another:
/// which of two a sum passes on is the machine's choice.
fn answers(tape: &mut Tape<f64>, params: &Params<f64>, training: Option<u64>, f: &Program<'_>) -> Vec<u64> {
    let mut gradient = params.gradient();
    let step = match training {
        Some(seed) => tape.train(params, seed),
        None => tape.record(params),
    };
    let y = f(&step);
    let loss = y.sum().backward(&mut gradient);
    let value = y.value();
    std::iter::once(&loss)
        .chain(value.iter())
        .chain(gradient.flat())
        .map(|x| if x.is_nan() { u64::MAX } else { x.to_bits() })
        .collect()
}

/// Runs the programs one after the other on one tape and holds each against a fresh tape; eager or not.
fn same_as_fresh(params: &Params<f64>, programs: &[&Program<'_>]) {
    for eager in [false, true] {
        let mut tape = Tape::new();
        tape.eager(eager);
        for (turn, f) in programs.iter().enumerate() {
            let found = answers(&mut tape, params, None, f);
            assert_eq!(found, answers(&mut Tape::new(), params, None, f), "turn {turn}, eager {eager}");
        }
    }
}

#[test]
fn the_same_again_is_found_again() {
    let (params, w, b) = params();
    let f = program(|step| (step.constant(&array![[1.0, 2.0, 3.0]]).affine(step.param(w), step.param(b))).tanh());
    same_as_fresh(&params, &[&f, &f, &f]);
    let mut tape = Tape::new();
    answers(&mut tape, &params, None, &f);
    let listing = tape.to_string();
    answers(&mut tape, &params, None, &f);
    assert_eq!(tape.to_string(), listing);
}

#[test]
fn scalars_are_data() {
    let (params, w, _) = params();
    let with = |k: f64| program(move |step| (step.param(w) * k + 1.0 / (step.param(w) + k)).sum_axis(0));
    let programs: Vec<_> = [2.0, 3.0, 0.0, -0.0, f64::NAN, f64::INFINITY, 2.0].into_iter().map(with).collect();
    same_as_fresh(&params, &programs.iter().collect::<Vec<_>>());
    // Another scalar is no other program: nothing was recorded anew.
    let mut tape = Tape::new();
    answers(&mut tape, &params, None, &programs[0]);
    let len = tape.len();
    answers(&mut tape, &params, None, &programs[1]);
    assert_eq!(tape.len(), len);
}

#[test]
fn the_op_beside_a_scalar_may_change() {
    let (params, w, b) = params();
    let mut programs = Vec::new();
    for k in [2.0, -3.0] {
        programs.extend([
            program(move |step| step.param(w) * k),
            program(move |step| step.param(w) - k),
            program(move |step| k - step.param(w)),
            program(move |step| step.param(w) / k + k),
            program(move |step| k / step.param(w) + k),
            // A scalar with something else behind it, and one that is an operand of something else.
            program(move |step| step.scalar(k).param(w).sin()),
            program(move |step| step.scalar(k) * step.param(w)),
            program(move |step| step.scalar(k) - step.scalar(k + 1.0) * 2.0),
            program(move |step| (step.param(w) + step.param(b)) * k),
        ]);
    }
    let mut rng = StdRng::seed_from_u64(4);
    let turns: Vec<_> = (0..200).map(|_| &programs[rng.random_range(0..programs.len())]).collect();
    same_as_fresh(&params, &turns);
    // The scalar of another op is no miss of its own: what comes before the op that changed is kept.
    let mut tape = Tape::new();
    for (f, len) in [(&programs[0], 3), (&programs[1], 3), (&programs[0], 3)] {
        f(&tape.record(&params));
        assert_eq!(tape.len(), len);
    }
}

#[test]
fn negative_zero_is_another_scalar_than_zero() {
    let params = Params::<f64>::new();
    let mut tape = Tape::new();
    for (k, expected) in [(0.0, f64::INFINITY), (-0.0, f64::NEG_INFINITY), (0.0, f64::INFINITY)] {
        let step = tape.record(&params);
        assert_eq!((1.0 / step.input(&[1.0]).scalar(k)).item(), expected);
    }
}

#[test]
fn shapes_may_change() {
    let (params, w, _) = params();
    let with =
        |n: usize| program(move |step| step.ones([n, 3]).matmul(step.param(w)).exp().sum_axis(0) / step.full([2], n));
    let programs: Vec<_> = [4, 4, 7, 1, 0, 4].into_iter().map(with).collect();
    same_as_fresh(&params, &programs.iter().collect::<Vec<_>>());
}

#[test]
fn labels_and_indices_are_data() {
    let (params, w, b) = params();
    let with = |labels: [usize; 3]| {
        program(move |step| {
            let logits = step.param(w) + step.param(b);
            logits.cross_entropy_rows(labels) + logits.index_select(1, labels).sum_axis(1)
        })
    };
    let programs: Vec<_> = [[0, 1, 0], [1, 1, 1], [0, 0, 0], [0, 1, 0]].into_iter().map(with).collect();
    same_as_fresh(&params, &programs.iter().collect::<Vec<_>>());
}

#[test]
fn branches_may_change_and_alternate() {
    let (params, w, b) = params();
    let left = program(|step| (step.param(w).sin() * step.param(b)).exp());
    let right = program(|step| (step.param(w).sin() + step.param(b)).exp());
    let late = program(|step| (step.param(w).sin() * step.param(b)).tanh());
    same_as_fresh(&params, &[&left, &right, &left, &right, &late, &left, &late, &right]);
}

#[test]
fn a_branch_on_a_value_is_taken_anew() {
    let mut params = Params::<f64>::new();
    let w = params.add("w", [2], || 1.0);
    let f = program(move |step| {
        let x = step.param(w);
        if x.sum().item() > 0.0 { x * x } else { x.exp() * 3.0 }
    });
    let mut tape = Tape::new();
    for value in [1.0, -1.0, 2.0, -2.0, -3.0, 1.0] {
        params.value_mut(w).fill(value);
        assert_eq!(answers(&mut tape, &params, None, &f), answers(&mut Tape::new(), &params, None, &f), "{value}");
    }
}

#[test]
fn eight_sequence_lengths_shorter_and_longer() {
    let (params, w, b) = params();
    let with = |n: usize| {
        program(move |step| {
            let recurrent = step.param(w).slice(s![..2, ..]);
            (0..n).fold(step.param(b), |h, k| (h.matmul(recurrent) + k).tanh())
        })
    };
    let lengths = [3, 8, 1, 5, 2, 7, 4, 6, 8, 3, 1];
    let programs: Vec<_> = lengths.into_iter().map(with).collect();
    same_as_fresh(&params, &programs.iter().collect::<Vec<_>>());
}

#[test]
fn freezing_and_unfreezing() {
    let (mut params, w, b) = params();
    let f = program(move |step| step.constant(&array![[1.0, 2.0, 3.0]]).affine(step.param(w), step.param(b)).exp());
    let mut tape = Tape::new();
    for frozen in ["", "w", "b", "w", "", "all", ""] {
        params.unfreeze(|_| true);
        params.freeze(|name| name == frozen || frozen == "all");
        let found = answers(&mut tape, &params, None, &f);
        assert_eq!(found, answers(&mut Tape::new(), &params, None, &f), "frozen: {frozen}");
        let mut gradient = params.gradient();
        f(&tape.record(&params)).sum().backward(&mut gradient);
        assert_eq!(gradient.value(w).iter().all(|&g| g == 0.0), ["w", "all"].contains(&frozen), "frozen: {frozen}");
    }
}

#[test]
fn training_on_and_off_and_other_seeds() {
    let (params, w, _) = params();
    let f = program(move |step| match step.recorder().next_seed() {
        Some(seed) => step.param(w).dropout(0.5, seed) * 2.0,
        None => step.param(w) * 2.0,
    });
    let mut tape = Tape::new();
    for training in [None, Some(1), Some(2), None, Some(1), Some(1), None] {
        let found = answers(&mut tape, &params, training, &f);
        assert_eq!(found, answers(&mut Tape::new(), &params, training, &f), "{training:?}");
    }
    assert_ne!(answers(&mut tape, &params, Some(1), &f), answers(&mut tape, &params, Some(2), &f));
}

/// y = k·x, with the constant captured twice: as a number and as an array that its derivative records.
struct Scale {
    k: f64,
}

impl CustomOp<f64> for Scale {
    fn shape(&self, inputs: &[Shape]) -> Shape {
        inputs[0]
    }

    fn eval(&self, inputs: &[ArrayViewD<'_, f64>], out: &mut [f64]) {
        out.iter_mut().zip(&inputs[0]).for_each(|(y, x)| *y = self.k * x);
    }

    fn vjp<'t>(&self, _: &[Var<'t, f64>], _: Var<'t, f64>, c: Var<'t, f64>) -> Vec<Cotangent<'t, f64>> {
        let half = c.constant(&ndarray::arr0(self.k / 2.0));
        vec![(c * half + c * (self.k / 2.0)).into()]
    }
}

#[test]
fn a_custom_op_with_another_captured_constant() {
    let (params, w, _) = params();
    let with =
        |op: Arc<dyn CustomOp<f64>>| program(move |step| step.param(w).custom(op.clone(), &[step.param(w)]).square());
    let (two, three): (Arc<dyn CustomOp<f64>>, Arc<dyn CustomOp<f64>>) =
        (Arc::new(Scale { k: 2.0 }), Arc::new(Scale { k: 3.0 }));
    let (f, g) = (with(two.clone()), with(three));
    same_as_fresh(&params, &[&f, &g, &f, &f, &g, &with(two)]);
}

/// Σx, added up in the place of the result; what is not written there stays as it was found.
struct AddedUp;

impl CustomOp<f64> for AddedUp {
    fn shape(&self, _: &[Shape]) -> Shape {
        Shape::from([3])
    }

    fn eval(&self, inputs: &[ArrayViewD<'_, f64>], out: &mut [f64]) {
        inputs[0].iter().for_each(|x| out[0] += x);
    }

    fn vjp<'t>(&self, x: &[Var<'t, f64>], _: Var<'t, f64>, c: Var<'t, f64>) -> Vec<Cotangent<'t, f64>> {
        vec![c.slice(s![..1]).broadcast_to(x[0].shape()).into()]
    }
}

#[test]
fn a_custom_op_finds_zeros_in_its_place() {
    let (params, w, _) = params();
    let op: Arc<dyn CustomOp<f64>> = Arc::new(AddedUp);
    let f = program(move |step| {
        let w = step.param(w);
        let first = (w * 5.0).exp().sum();
        w.custom(op.clone(), &[w]) * first + (w * 7.0).sum()
    });
    same_as_fresh(&params, &[&f, &f, &f, &f]);
}

#[test]
fn another_instance_at_the_same_address() {
    let (params, w, _) = params();
    let mut tape = Tape::new();
    for k in [2.0, 3.0, 5.0, 7.0] {
        // Dropped at the end of each turn, so that the allocator may hand out its place again.
        let op: Arc<dyn CustomOp<f64>> = Arc::new(Scale { k });
        let f = program(move |step| step.param(w).custom(op.clone(), &[step.param(w)]));
        assert_eq!(answers(&mut tape, &params, None, &f), answers(&mut Tape::new(), &params, None, &f), "{k}");
    }
}

#[test]
fn other_derivatives_of_the_same_values() {
    let params = Params::<f64>::new();
    let (x0, y0) = (array![0.5, 1.5], array![2.0, -1.0]);
    let with = |which: usize| {
        let (x0, y0) = (x0.clone(), y0.clone());
        program(move |step| {
            let (x, y) = (step.constant(&x0), step.constant(&y0));
            let z = (x.sin() * y).sum();
            match which {
                0 => z.gradient(x),
                1 => z.gradient(y),
                2 => z.gradient(x) + z.gradient(y),
                3 => z.gradient(y) + z.gradient(x),
                4 => z.gradient(x).sum().gradient(x),
                5 => z.gradient(x).vjp(&[y], x)[0],
                6 => (x.sin() * y).jvp(x, y),
                _ => x * 2.0 * y,
            }
        })
    };
    let turns = [0, 1, 0, 7, 2, 3, 7, 4, 5, 6, 0, 6, 7, 4, 4, 1];
    let programs: Vec<_> = turns.into_iter().map(with).collect();
    same_as_fresh(&params, &programs.iter().collect::<Vec<_>>());
}

#[test]
fn a_scalar_recorded_where_a_derivative_stood() {
    // First a sweep records its literals from some position on, then the user's scalars stand there, then the sweep again.
    let params = Params::<f64>::new();
    let x0 = array![0.5, 1.5];
    let swept = program(|step| {
        let x = step.constant(&x0);
        (x * x).sum().gradient(x)
    });
    let typed = program(|step| {
        let x = step.constant(&x0);
        let y = (x * x).sum();
        y * 5.0 + x * 7.0
    });
    same_as_fresh(&params, &[&swept, &typed, &swept, &typed, &typed, &swept]);
}

#[test]
fn other_parameter_stores_on_one_tape() {
    let (first, w, _) = params();
    let (mut second, v, _) = params();
    second.flat_mut().iter_mut().for_each(|x| *x *= -2.0);
    let mut tape = Tape::new();
    for _ in 0..3 {
        for (params, handle) in [(&first, w), (&second, v), (&first.clone(), w)] {
            let f = program(move |step| step.param(handle).exp());
            assert_eq!(answers(&mut tape, params, None, &f), answers(&mut Tape::new(), params, None, &f));
        }
    }
}

#[test]
fn a_parameter_added_between_recordings() {
    let (mut params, w, _) = params();
    let mut tape = Tape::new();
    let f = program(move |step| step.param(w).exp());
    answers(&mut tape, &params, None, &f);
    let v = params.add("v", [3, 2], || 0.5);
    let g = program(move |step| step.param(w).exp() * step.param(v));
    assert_eq!(answers(&mut tape, &params, None, &g), answers(&mut Tape::new(), &params, None, &g));
}

#[test]
fn a_panic_in_between_leaves_the_tape_usable() {
    let (params, w, b) = params();
    let f = program(move |step| step.param(w).exp() * step.param(b));
    let broken = program(move |step| (step.param(w).exp()).matmul(step.param(b).reshape([1, 2])));
    let mut tape = Tape::new();
    for _ in 0..3 {
        let found = answers(&mut tape, &params, None, &f);
        assert_eq!(found, answers(&mut Tape::new(), &params, None, &f));
        let failed =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| answers(&mut tape, &params, None, &broken)));
        assert!(failed.is_err());
    }
}

/// A program in which the same instruction is there twice, the first of the two only on its second recording.
fn twins<'t>(z: Var<'t, f64>, first: bool) -> Var<'t, f64> {
    let gate = if first { z.sigmoid() } else { z.softmax(0) };
    let attention = z.softmax(0);
    let y = (gate * gate * z).sum() + (attention * z.sin()).sum() + z.logsumexp();
    y.gradient(z).square().sum().gradient(z)
}

#[test]
fn an_instruction_recorded_twice() {
    let params = Params::new();
    for k in 0..100 {
        let z = array![0.01 * f64::from(k), -0.3, 0.9];
        let first = program(|step| twins(step.constant(&z), true));
        let second = program(|step| twins(step.constant(&z), false));
        same_as_fresh(&params, &[&first, &second, &first]);
    }
}

#[test]
fn reads_are_pure() {
    let (params, w, _) = params();
    let mut tape = Tape::new();
    let step = tape.record(&params);
    let y = step.param(w).exp();
    let z = y.sum();
    let before = (y.value(), z.item());
    let _ = step.replay(&[(y, &Array2::<f64>::zeros((3, 2)))], &[z]);
    let later = y.sin().sum();
    assert!(later.item().is_finite());
    assert_eq!((y.value(), z.item()), before);
}

/// A program drawn at random: ops on a stack of values, some derivatives among them.
fn random_program(seed: u64, len: usize) -> Program<'static> {
    program(move |step| {
        let mut rng = StdRng::seed_from_u64(seed);
        let x = step.constant(&array![[0.3, 0.7], [1.1, -0.4]]);
        let mut values = vec![x, step.constant(&array![[2.0, 0.5], [0.1, 0.9]])];
        for _ in 0..len {
            let a = values[rng.random_range(0..values.len())];
            let b = values[rng.random_range(0..values.len())];
            let k = rng.random_range(-2.0..2.0);
            values.push(match rng.random_range(0..14) {
                0 => a + b,
                1 => a * b,
                2 => a.tanh() * k,
                3 => a.sin() - b * k,
                4 => a.matmul(b) * 0.3,
                5 => a.t().matmul(b.t()) * 0.3,
                6 => a.softmax(rng.random_range(0..2)),
                7 => a.sum_axis(keep(rng.random_range(0..2))) * 0.5 + b,
                8 => a.flip(0).maximum(b),
                9 => a.tanh().sum().gradient(values[0]),
                10 => a.index_select(0, [rng.random_range(0..2), 0]),
                11 => a.dropout(0.3, rng.random()),
                12 => concat(&[a, b], 0).slice(s![1..3, ..]),
                _ => a.sigmoid().cumsum(0) * k,
            });
        }
        values[values.len() - 1] + x
    })
}

#[test]
fn random_programs_one_after_the_other() {
    let params = Params::<f64>::new();
    // Programs of a few families that share beginnings, in random order, on one tape.
    let mut rng = StdRng::seed_from_u64(3);
    let programs: Vec<_> =
        (0..12).map(|k| random_program(k / 3, [10, 15, 20][usize::try_from(k % 3).unwrap()])).collect();
    for eager in [false, true] {
        let mut tape = Tape::new();
        tape.eager(eager);
        for turn in 0..150 {
            let f = &programs[rng.random_range(0..programs.len())];
            let found = answers(&mut tape, &params, None, f);
            assert_eq!(found, answers(&mut Tape::new(), &params, None, f), "turn {turn}, eager {eager}");
        }
    }
}
