//! What `minimize` adds to an iteration of descent: the same steps in a plain loop, and through `minimize`.
//!
//! Both walk 1000 iterations down a quadratic of n parameters whose gradient is written by hand; divide by 1000. The difference is
//! what a criterion, the history and the copy of the parameters cost. `cargo bench --bench minimize`.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use gradus::minimize::minimize_objective;
use gradus::optim::{Objective, flat, stop};
use gradus::prelude::*;

const ITERATIONS: u64 = 1000;

fn bowl(x: &[f64], g: &mut [f64]) -> f64 {
    let mut value = 0.0;
    for (g, &x) in g.iter_mut().zip(x) {
        value += x * x;
        *g = 2.0 * x;
    }
    value
}

fn store(n: usize) -> Params<f64> {
    let mut params = Params::new();
    let _ = params.add("x", [n], || 1.0);
    params
}

fn iterations(c: &mut Criterion) {
    let mut group = c.benchmark_group("1000 iterations");
    for n in [1, 10, 100, 10_000] {
        group.bench_function(BenchmarkId::new("loop", n), |b| {
            let (mut params, mut objective) = (store(n), flat(bowl));
            let mut gradient = params.gradient();
            b.iter(|| {
                let mut sgd = Sgd::new(1e-3);
                for _ in 0..ITERATIONS {
                    black_box(objective.value_and_gradient(&params, &mut gradient));
                    sgd.step(&mut params, &gradient);
                }
            });
        });
        group.bench_function(BenchmarkId::new("minimize", n), |b| {
            let mut params = store(n);
            b.iter(|| {
                let report = minimize_objective(flat(bowl))
                    .with(Sgd::new(1e-3))
                    .until(stop::max_iterations(ITERATIONS))
                    .run(&mut params);
                assert_eq!(report.iterations, ITERATIONS);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, iterations);
criterion_main!(benches);
