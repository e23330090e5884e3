//! What recording the same thing again costs, per instruction, and what the first and the second sight cost.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use gradus::prelude::*;

/// 1000 scalar instructions: 250 links of four, two of them with a number that is data.
fn chain<'t>(x: Var<'t, f32>, k: f32) -> Var<'t, f32> {
    (0..250).fold(x, |x, _| (x * k + 0.01).sin() - 0.5)
}

fn record(c: &mut Criterion) {
    let params = Params::<f32>::new();
    let mut group = c.benchmark_group("record");

    let mut tape = Tape::new();
    chain(tape.record(&params).input(&[0.3]), 1.001);
    group.throughput(Throughput::Elements(tape.len() as u64));
    group.bench_function("chain of 250 links, forward", |b| {
        b.iter(|| {
            let step = tape.record(&params);
            black_box(chain(step.input(&[0.3]), black_box(1.001)));
        });
    });

    let mut tape = Tape::new();
    let both = |tape: &mut Tape<f32>| {
        let step = tape.record(&params);
        let x = step.input(&[0.3]);
        black_box(chain(x, black_box(1.001)).gradient(x));
    };
    both(&mut tape);
    group.throughput(Throughput::Elements(tape.len() as u64));
    group.bench_function("chain of 250 links, forward and adjoint", |b| b.iter(|| both(&mut tape)));

    let mut rng = StdRng::seed_from_u64(1);
    let mut params = Params::<f32>::new();
    let mlp = Mlp::new(&mut params, "mlp", &[64, 32, 32, 10], Activation::Tanh, &mut rng);
    let (images, labels) = (Array2::<f32>::ones((64, 64)), vec![3; 64]);
    let mut tape = Tape::new();
    let model = |tape: &mut Tape<f32>| {
        let step = tape.record(&params);
        black_box(cross_entropy(mlp.forward(step.input(&images)), &labels));
    };
    model(&mut tape);
    group.throughput(Throughput::Elements(tape.len() as u64));
    group.bench_function("a small network and its loss, forward", |b| b.iter(|| model(&mut tape)));
    group.finish();

    // What is seen for the first time is recorded and interpreted; the second time, it is planned. The network is so small
    // that computing it hardly counts.
    let mut group = c.benchmark_group("first sight");
    let mut params = Params::<f32>::new();
    let mlp = Mlp::new(&mut params, "mlp", &[2, 2, 2, 2, 2, 2, 2], Activation::Tanh, &mut rng);
    let (images, labels) = (Array2::<f32>::ones((1, 2)), vec![1]);
    let step = |tape: &mut Tape<f32>, gradient: &mut Gradient<f32>| {
        let step = tape.record(&params);
        black_box(cross_entropy(mlp.forward(step.input(&images)), &labels).backward(gradient));
    };
    let mut tape = Tape::new();
    step(&mut tape, &mut params.gradient());
    group.throughput(Throughput::Elements(tape.len() as u64));
    group.bench_function("recording, differentiating and interpreting", |b| {
        b.iter_batched(
            || (Tape::new(), params.gradient()),
            |(mut tape, mut gradient)| {
                step(&mut tape, &mut gradient);
                (tape, gradient)
            },
            BatchSize::SmallInput,
        );
    });
    let seen = || {
        let (mut tape, mut gradient) = (Tape::new(), params.gradient());
        step(&mut tape, &mut gradient);
        (tape, gradient)
    };
    group.bench_function("recording again, planning and running", |b| {
        b.iter_batched(
            seen,
            |(mut tape, mut gradient)| {
                step(&mut tape, &mut gradient);
                (tape, gradient)
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, record);
criterion_main!(benches);
