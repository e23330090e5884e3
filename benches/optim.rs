//! A step of each rule in parameters a second, from one parameter to ten million, beside plain copies.
//!
//! A rule reads the gradient once, and reads and writes the parameters and what it keeps. `copy of 7` moves as many bytes as a
//! rule that goes through seven vectors, such as Adam; the number behind a rule's name says which copy is its peer.
//! `cargo bench --bench optim`; a word after `--` is a filter on names, such as `Adam` or `/10000000`. With
//! `RAYON_NUM_THREADS=1`, steps and copies have one thread.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gradus::optim::{AdaDelta, AdaMax, Lion, NAdam, NesterovLookahead, RAdam, Rprop};
use gradus::prelude::*;

const SIZES: [usize; 5] = [1, 100, 10_000, 1_000_000, 10_000_000];
/// A derivative that keeps all that is computed from it far from subnormal numbers and from overflow.
const DERIVATIVE: f32 = 0.01;

type Make = fn() -> Box<dyn Optimizer<f32>>;

/// Rules, and the vectors that they read or write.
const RULES: [(&str, usize, Make); 20] = [
    ("Sgd", 3, || Box::new(Sgd::new(1e-3))),
    ("Sgd with momentum", 5, || Box::new(Sgd::new(1e-3).momentum(0.9))),
    ("Sgd with Nesterov momentum", 5, || Box::new(Sgd::new(1e-3).nesterov(0.9))),
    ("AdaGrad", 5, || Box::new(AdaGrad::new(1e-3))),
    ("RmsProp", 5, || Box::new(RmsProp::new(1e-3))),
    ("RmsProp with momentum", 7, || Box::new(RmsProp::new(1e-3).momentum(0.9))),
    ("RmsProp centered, with momentum", 9, || Box::new(RmsProp::new(1e-3).momentum(0.9).centered(true))),
    ("Adam", 7, || Box::new(Adam::new(1e-3))),
    ("Adam with AMSGrad", 9, || Box::new(Adam::new(1e-3).amsgrad(true))),
    ("AdamW", 7, || Box::new(AdamW::new(1e-3))),
    ("AdaDelta", 7, || Box::new(AdaDelta::new(1e-3))),
    ("AdaMax", 7, || Box::new(AdaMax::new(1e-3))),
    ("NAdam", 7, || Box::new(NAdam::new(1e-3))),
    ("RAdam", 7, || Box::new(RAdam::new(1e-3))),
    ("Rprop", 7, || Box::new(Rprop::new(1e-3))),
    ("Lion", 5, || Box::new(Lion::new(1e-3))),
    // Looking ahead goes through the parameters and both of what it keeps.
    ("NesterovLookahead", 12, || Box::new(NesterovLookahead::new(1e-3))),
    // The norm takes the gradient once more.
    ("AdamW with clipped gradient", 8, || Box::new(AdamW::new(1e-3).clip_norm(1.0))),
    // So does the question whether it is finite; cutting its elements makes a copy of it.
    ("AdamW, skipping", 8, || Box::new(AdamW::new(1e-3).skip_not_finite(true))),
    ("AdamW with cut elements", 10, || Box::new(AdamW::new(1e-3).clip_value(1.0))),
];

fn rules(c: &mut Criterion) {
    for (name, vectors, make) in RULES {
        let mut group = c.benchmark_group(format!("{name} ({vectors})"));
        for n in SIZES {
            group.throughput(Throughput::Elements(n as u64));
            let mut state = None;
            group.bench_function(n.to_string(), |b| {
                let (params, gradient, optimizer) = state.get_or_insert_with(|| {
                    let mut params = Params::new();
                    let _ = params.add("all", [n], || 0.5);
                    let mut gradient = params.gradient();
                    gradient.flat_mut().fill(DERIVATIVE);
                    (params, gradient, make())
                });
                b.iter(|| {
                    // What is written is fresh, which a step asks for.
                    optimizer.prepare(params);
                    gradient.flat_mut()[0] = DERIVATIVE;
                    optimizer.step(params, gradient);
                });
                assert!(params.flat()[n / 2].is_finite());
            });
        }
        group.finish();
    }
}

fn copies(c: &mut Criterion) {
    for vectors in [3, 5, 7, 8, 9, 10, 12] {
        let mut group = c.benchmark_group(format!("copy of {vectors}"));
        for n in SIZES {
            group.throughput(Throughput::Elements(n as u64));
            let mut state = None;
            group.bench_function(n.to_string(), |b| {
                let length = (n * vectors).div_ceil(2);
                let (from, to) = state.get_or_insert_with(|| (vec![1.0; length], vec![0.0; length]));
                b.iter(|| copy(black_box(from), black_box(to)));
            });
        }
        group.finish();
    }
}

/// A copy by as many threads as a step may have.
fn copy(from: &[f32], to: &mut [f32]) {
    let threads = rayon::current_num_threads();
    let share = from.len().div_ceil(threads).max(1 << 16);
    if threads == 1 || share >= from.len() {
        to.copy_from_slice(from);
    } else {
        rayon::scope(|scope| {
            for (from, to) in from.chunks(share).zip(to.chunks_mut(share)) {
                scope.spawn(|_| to.copy_from_slice(from));
            }
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(400))
        .nresamples(2000);
    targets = rules, copies
}
criterion_main!(benches);
