//! Planned programs against the interpreter: the same bits, whatever was recorded and read before.

use gradus::prelude::*;
use rand::RngExt;

gradus::pointwise! {
    /// A function of two operands, with branches.
    fn blend(x, y) = if x > y { x.sigmoid() * y } else { 0.5 * (x - y).square() };
    /// A function of one.
    fn bump(x) = (-x.square()).exp() + x.sin();
}

/// Values to the bit; one NaN is like another.
fn bits<T: Real>(values: &[T]) -> Vec<u64> {
    values.iter().map(|x| if x.is_nan() { u64::MAX } else { x.bits() }).collect()
}

/// A random program over three matrices and a vector; everything it makes, in order.
fn record<'t, T: Real>(leaves: &[Var<'t, T>], seed: u64) -> Vec<Var<'t, T>> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut pool = leaves.to_vec();
    for _ in 0..rng.random_range(4..18) {
        let a = pool[rng.random_range(0..pool.len())];
        let b = pool[rng.random_range(0..pool.len())];
        let (shape, other) = (a.shape(), b.shape());
        let fits = shape.broadcast(&other).is_some();
        let y = match rng.random_range(0..38) {
            0 => a.tanh(),
            1 => a.relu(),
            2 => (a * 0.25).exp(),
            3 => a.sin() * a,
            4 => a.square() - 1.0,
            5 => 2.0 / (a.abs() + 1.5),
            6 => a.gelu(),
            7 => a.sigmoid() * 3.0,
            8 => a.clamp(-1.0, 0.75),
            9 => a.gt(0.1).select(a, a * 0.5),
            10 | 11 if fits => a + b,
            12 | 13 if fits => a * b,
            14 if fits => a - b * 0.5,
            15 if fits => a.maximum(b),
            16 if fits => a / (b.square() + 1.0),
            17 => a.sum(),
            18 => a.mean(),
            19 if shape.rank() > 0 => a.sum_axis(0),
            20 if shape.rank() > 0 => a.sum_axis(keep(-1)),
            21 if shape.rank() > 0 => a.softmax(-1),
            22 if shape.rank() > 0 => a.log_softmax(-1),
            23 if shape.rank() > 0 => a.logsumexp_axis(-1),
            24 if shape.rank() == 2 && other.rank() == 2 && shape[1] == other[0] => a.matmul(b) * 0.3,
            25 if shape.rank() == 2 && other.rank() == 2 && shape[1] == other[1] => a.matmul(b.t()) * 0.3,
            26 if shape.rank() == 2 && other.rank() == 2 && shape[0] == other[0] => a.t().matmul(b) * 0.3,
            27 if shape.rank() == 2 => a.t(),
            28 if shape.rank() > 0 && shape[0] > 1 => a.slice(s![1..]),
            29 if shape.rank() > 0 && shape[0] > 1 => a.slice(s![..-1]),
            30 if shape.rank() > 0 => a.reshape([shape.size()]),
            31 if shape.rank() > 0 => a.standardize(-1, 1e-3),
            32 if shape.rank() > 0 => a.slice(s![..;-1]),
            33 if shape.rank() > 0 => concat(&[a, a * 2.0], 0),
            34 | 35 if fits => blend(a, b),
            36 => bump(a),
            _ => a.softplus(),
        };
        if y.shape().size() <= 4000 {
            pool.push(y);
        }
    }
    pool
}

/// Runs the program on a tape: what it reads depends on `reads`.
fn run<T: Real>(
    tape: &mut Tape<T>,
    params: &Params<T>,
    data: &[ArrayD<T>],
    handles: &[Param],
    seed: u64,
    reads: u64,
) -> Vec<Vec<u64>> {
    let mut rng = StdRng::seed_from_u64(reads);
    let mut gradient = params.gradient();
    let step = tape.record(params);
    let mut leaves: Vec<_> = data.iter().map(|array| step.variable(array)).collect();
    leaves.extend(handles.iter().map(|&handle| step.param(handle)));
    let pool = record(&leaves, seed);
    let loss = pool[leaves.len()..].iter().fold(pool[0].sum() * 0.1, |loss, y| loss + y.mean());
    let mut results = Vec::new();
    for _ in 0..rng.random_range(1..4) {
        match rng.random_range(0..5) {
            0 => results.push(bits(&[loss.item()])),
            1 => {
                results.push(bits(&[loss.backward(&mut gradient)]));
                results.push(bits(gradient.flat()));
            }
            2 => {
                let some = pool[rng.random_range(0..pool.len())];
                results.push(bits(some.value().as_slice().unwrap()));
            }
            3 => {
                let g = loss.gradient(leaves[rng.random_range(0..leaves.len())]);
                results.push(bits(g.value().as_slice().unwrap()));
            }
            _ => {
                let some: Vec<_> = (0..3).map(|_| pool[rng.random_range(0..pool.len())]).collect();
                step.values(&some).iter().for_each(|value| results.push(bits(value.as_slice().unwrap())));
            }
        }
    }
    results
}

fn programs_have_the_bits_of_the_interpreter<T: Real>(programs: u64, sizes: &[(usize, usize)]) {
    for seed in 0..programs {
        let mut rng = StdRng::seed_from_u64(1000 + seed);
        let (rows, columns) = sizes[rng.random_range(0..sizes.len())];
        let mut params = Params::<T>::new();
        let mut random = |shape: &[usize]| ArrayD::from_shape_simple_fn(shape, || T::of(rng.random_range(-2.0..2.0)));
        let handles = [
            params.add_array("w", &random(&[columns, 3])),
            params.add_array("b", &random(&[columns])),
            params.add_array("c", &random(&[1])),
        ];
        let batches: Vec<_> = (0..3).map(|_| vec![random(&[rows, columns]), random(&[rows, 1])]).collect();
        let mut tape = Tape::new();
        for turn in 0..10 {
            // The same program again and again, then two that take turns; other data each time, other reads now and then.
            let program = if turn < 5 { seed } else { seed + u64::from(turn % 2 == 1) };
            let reads = seed + u64::from(turn == 3 || turn == 8);
            let data = &batches[turn % 3];
            let planned = run(&mut tape, &params, data, &handles, program, reads);
            let fresh = run(&mut Tape::new(), &params, data, &handles, program, reads);
            assert_eq!(planned, fresh, "program {program}, reads {reads}, turn {turn}, [{rows}, {columns}]:\n{tape}");
        }
        assert!(tape.plans() > 0, "program {seed} was never planned");
    }
}

#[test]
fn programs_in_f64_have_the_bits_of_the_interpreter() {
    programs_have_the_bits_of_the_interpreter::<f64>(150, &[(1, 1), (2, 3), (5, 1), (1, 7), (16, 16), (33, 10)]);
}

#[test]
fn programs_in_f32_have_the_bits_of_the_interpreter() {
    programs_have_the_bits_of_the_interpreter::<f32>(150, &[(3, 3), (1, 1), (4, 65), (64, 10), (7, 17), (70, 40)]);
}

/// Replays of a random program with random tensors given, own values read in between.
fn replays<T: Real>(tape: &mut Tape<T>, params: &Params<T>, data: &[ArrayD<T>], w: Param, seed: u64) -> Vec<Vec<u64>> {
    let mut rng = StdRng::seed_from_u64(seed);
    let step = tape.record(params);
    let mut leaves: Vec<_> = data.iter().map(|array| step.variable(array)).collect();
    leaves.push(step.param(w));
    let pool = record(&leaves, seed);
    let loss = pool[leaves.len()..].iter().fold(pool[0].sum() * 0.1, |loss, y| loss + y.mean());
    let gradients = loss.gradients(&leaves);
    let mut results = Vec::new();
    for _ in 0..4 {
        let given = [pool[rng.random_range(0..pool.len())], leaves[rng.random_range(0..leaves.len())]];
        let wanted = [loss, gradients[rng.random_range(0..leaves.len())], pool[rng.random_range(0..pool.len())]];
        for _ in 0..3 {
            let mut random =
                |x: Var<'_, T>| ArrayD::from_shape_simple_fn(&x.shape()[..], || T::of(rng.random_range(-2.0..2.0)));
            let (one, two) = (random(given[0]), random(given[1]));
            let values = step.replay(&[(given[0], &one), (given[1], &two)], &wanted);
            results.extend(values.iter().map(|value| bits(value.as_slice().unwrap())));
        }
        let some = pool[rng.random_range(0..pool.len())];
        results.push(bits(some.value().as_slice().unwrap()));
    }
    results
}

#[test]
fn replays_have_the_bits_of_the_interpreter() {
    let (mut changed, mut planned) = (0, 0);
    for seed in 0..150 {
        let mut rng = StdRng::seed_from_u64(seed);
        let (rows, columns) = [(1, 1), (2, 3), (5, 1), (33, 10)][rng.random_range(0..4)];
        let mut random = |shape: &[usize]| ArrayD::from_shape_simple_fn(shape, || rng.random_range(-2.0..2.0));
        let mut params = Params::<f64>::new();
        let w = params.add_array("w", &random(&[columns, 3]));
        let data = [random(&[rows, columns]), random(&[rows, 1])];
        let (mut tape, mut twin) = (Tape::new(), Tape::new());
        twin.eager(true);
        let expected = replays(&mut twin, &params, &data, w, seed);
        for turn in 0..3 {
            // Another program in between: what is found again is what was planned for it.
            assert_eq!(replays(&mut tape, &params, &data, w, seed), expected, "program {seed}, turn {turn}");
            if turn == 1 {
                let _ = replays(&mut tape, &params, &data, w, seed + 1);
            }
        }
        assert_eq!(twin.plans(), 0, "an eager tape interprets");
        planned += tape.plans();
        changed += usize::from(expected[0] != expected[3]);
    }
    assert!(planned > 600 && changed > 100, "{planned} plans, {changed} of 150 replays changed the loss");
}

#[test]
fn a_loop_is_planned_once() {
    let (mut params, mut rng) = (Params::<f32>::new(), StdRng::seed_from_u64(3));
    let mlp = Mlp::new(&mut params, "mlp", &[6, 8, 3], Activation::Tanh, &mut rng);
    let (mut tape, mut gradient, mut optimizer) = (Tape::new(), params.gradient(), Adam::new(1e-2));
    let (images, labels) = (Array2::<f32>::ones((10, 6)), vec![1_usize; 10]);
    for _ in 0..20 {
        let step = tape.record(&params);
        cross_entropy(mlp.forward(step.input(&images)), &labels).backward(&mut gradient);
        optimizer.step(&mut params, &gradient);
    }
    assert_eq!(tape.plans(), 1);
    assert_eq!(tape.passes(), 9, "five products, and four passes between them");
}

#[test]
fn a_partial_last_batch_and_validation_in_between_plan_once_each() {
    let (mut params, mut rng) = (Params::<f64>::new(), StdRng::seed_from_u64(3));
    let mlp = Mlp::new(&mut params, "mlp", &[6, 8, 3], Activation::Relu, &mut rng);
    let (mut tape, mut gradient, mut optimizer) = (Tape::new(), params.gradient(), Adam::new(1e-2));
    let (images, labels) = (Array2::<f64>::ones((10, 6)), vec![1_usize; 10]);
    for _ in 0..6 {
        for batch in [0..4, 4..8, 8..10] {
            let step = tape.record(&params);
            let logits = mlp.forward(step.input(images.slice(s![batch.clone(), ..])));
            cross_entropy(logits, &labels[batch]).backward(&mut gradient);
            optimizer.step(&mut params, &gradient);
        }
        let step = tape.record(&params);
        assert!(cross_entropy(mlp.forward(step.input(&images)), &labels).item().is_finite());
    }
    assert_eq!(tape.plans(), 3, "whole batches, the last one, validation");
}

#[test]
fn an_alternating_branch_is_planned_once_each_way() {
    let mut params = Params::<f64>::new();
    let w = params.add("w", [5], || 0.3);
    let (mut tape, mut gradient) = (Tape::new(), params.gradient());
    for k in 0..12 {
        let step = tape.record(&params);
        let x = step.param(w) * f64::from(k);
        let y = if k % 2 == 0 { x.sin().exp() } else { x.square().tanh() + 1.0 };
        y.sum().backward(&mut gradient);
    }
    assert_eq!((tape.plans(), tape.passes()), (2, 2), "each way in one pass");
}

#[test]
fn a_branch_on_a_value_is_planned_with_what_comes_before() {
    let mut params = Params::<f64>::new();
    let w = params.add("w", [5], || 0.3);
    let (mut tape, mut gradient) = (Tape::new(), params.gradient());
    for k in 0..16 {
        let step = tape.record(&params);
        let x = (step.param(w) * (f64::from(k % 4) - 1.5)).tanh();
        let y = if x.sum().item() > 0.0 { x.exp() } else { x * 2.0 };
        y.sum().backward(&mut gradient);
    }
    assert!(tape.plans() <= 4, "{} plans: the sum, anew once for what is kept, and two ways on", tape.plans());
}

#[test]
fn eight_sequence_lengths_are_planned_once_each() {
    let (mut params, mut rng) = (Params::<f64>::new(), StdRng::seed_from_u64(3));
    let cell = Linear::new(&mut params, "cell", 7, 4, &mut rng);
    let (mut tape, mut gradient) = (Tape::new(), params.gradient());
    let sequence = Array2::<f64>::ones((10, 3));
    for epoch in 0..5 {
        for k in 0..8 {
            let length = 3 + (k * 5 + epoch) % 8;
            let step = tape.record(&params);
            let mut state = step.zeros([1, 4]);
            for t in 0..length {
                let x = step.input(sequence.slice(s![t..=t, ..]));
                state = cell.forward(concat(&[x, state], 1)).tanh();
            }
            state.square().sum().backward(&mut gradient);
        }
    }
    assert_eq!(tape.plans(), 8);
}

#[test]
fn what_is_read_after_a_gradient_is_learned() {
    let (mut params, mut rng) = (Params::<f64>::new(), StdRng::seed_from_u64(3));
    let mlp = Mlp::new(&mut params, "mlp", &[6, 8, 3], Activation::Tanh, &mut rng);
    let (mut tape, mut gradient) = (Tape::new(), params.gradient());
    let (images, labels) = (Array2::<f64>::ones((10, 6)), vec![1_usize; 10]);
    let calls = std::sync::Arc::new(Counted::default());
    for k in 0..10 {
        let before = calls.count();
        let step = tape.record(&params);
        let logits = mlp.forward(step.input(&images));
        let logits = logits.custom(calls.clone(), &[logits]);
        cross_entropy(logits, &labels).backward(&mut gradient);
        let read = logits.value();
        assert_eq!(read.shape(), [10, 3]);
        assert_eq!(calls.count() - before, 1, "step {k} runs the forward pass once");
    }
}

/// The identity, which counts how often it is computed.
#[derive(Default, Debug)]
struct Counted(std::sync::atomic::AtomicUsize);

impl Counted {
    fn count(&self) -> usize {
        self.0.load(std::sync::atomic::Ordering::Relaxed)
    }
}

impl CustomOp<f64> for Counted {
    fn name(&self) -> &'static str {
        "counted"
    }

    fn shape(&self, inputs: &[Shape]) -> Shape {
        inputs[0]
    }

    fn eval(&self, inputs: &[ndarray::ArrayViewD<'_, f64>], out: &mut [f64]) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        out.iter_mut().zip(&inputs[0]).for_each(|(y, &x)| *y = x);
    }

    fn vjp<'t>(&self, _: &[Var<'t, f64>], _: Var<'t, f64>, c: Var<'t, f64>) -> Vec<Cotangent<'t, f64>> {
        vec![c.into()]
    }
}

#[test]
fn a_panicking_op_leaves_a_tape_that_works() {
    #[derive(Debug)]
    struct Fails(std::sync::atomic::AtomicBool);
    impl CustomOp<f64> for Fails {
        fn name(&self) -> &'static str {
            "fails"
        }
        fn shape(&self, inputs: &[Shape]) -> Shape {
            inputs[0]
        }
        fn eval(&self, inputs: &[ndarray::ArrayViewD<'_, f64>], out: &mut [f64]) {
            assert!(!self.0.load(std::sync::atomic::Ordering::Relaxed), "as asked");
            out.iter_mut().zip(&inputs[0]).for_each(|(y, &x)| *y = 2.0 * x);
        }
        fn vjp<'t>(&self, _: &[Var<'t, f64>], _: Var<'t, f64>, c: Var<'t, f64>) -> Vec<Cotangent<'t, f64>> {
            vec![(c * 2.0).into()]
        }
    }
    let op = std::sync::Arc::new(Fails(false.into()));
    let params = Params::<f64>::new();
    let mut tape = Tape::new();
    let mut once = |x: f64| {
        let data = [x, 1.0];
        let step = tape.record(&params);
        let x = step.variable(&data);
        x.custom(op.clone(), &[x.sin()]).exp().sum().gradient(x).value()
    };
    let expected = once(0.5);
    once(0.25);
    op.0.store(true, std::sync::atomic::Ordering::Relaxed);
    let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| once(0.5)));
    assert!(failed.is_err());
    op.0.store(false, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(once(0.5), expected);
}

#[test]
fn fewer_threads_and_smaller_limits_change_no_value() {
    let params = Params::<f64>::new();
    let x = Array1::from_shape_fn(50_000, |i| (i as f64 * 0.37).sin());
    let run = |tape: &mut Tape<f64>| {
        let step = tape.record(&params);
        let x = step.variable(&x);
        bits((x.exp() * x).square().sum().gradient(x).value().as_slice().unwrap())
    };
    let expected = run(&mut Tape::new());
    let mut tape = Tape::new();
    for threads in [1, 2, 8] {
        tape.threads(threads);
        for _ in 0..3 {
            assert_eq!(run(&mut tape), expected, "{threads} threads");
        }
    }
    tape.limit(1);
    for _ in 0..3 {
        assert_eq!(run(&mut tape), expected);
    }
    tape.shrink();
    assert_eq!(run(&mut tape), expected);
}
