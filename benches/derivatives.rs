//! What derivatives cost beside the function: its value, a gradient, a jvp, a product with the Hessian and with the
//! Gauss–Newton matrix, and a direction of a function that is linearised.
//!
//! `cargo bench --bench derivatives` measures with criterion; `… -- --ratios` prints a line for each workload instead:
//! medians as multiples of the function's. `… -- --steps=1000 hvp mlp` runs just so many of one of them, for a profiler
//! that counts instructions. Recordings are made anew each time, as a program does, and found again. All rows of one workload
//! use the same number of threads; `RAYON_NUM_THREADS=1` for one.

use std::env;
use std::hint::black_box;
use std::time::Instant;

use criterion::{BenchmarkId, Criterion};
use gradus::minimize::Loss;
use gradus::optim::Objective;
use gradus::prelude::*;

const KINDS: [&str; 8] = ["value", "grad", "jvp", "hvp", "ggn", "linear jvp", "linear vjp", "linear hvp"];
const WORKLOADS: [&str; 4] = ["mlp", "wide mlp", "layers", "elementwise"];
const RUNS: usize = 31;

/// A network and its data, or a function of one vector.
struct Workload {
    params: Params<f32>,
    mlp: Option<Mlp>,
    x: Array2<f32>,
    labels: Vec<usize>,
    norm: Option<[Param; 2]>,
}

fn network(sizes: &[usize], batch: usize, norm: bool) -> Workload {
    let (mut params, mut rng) = (Params::new(), StdRng::seed_from_u64(7));
    let mlp = Mlp::new(&mut params, "mlp", sizes, Activation::Tanh, &mut rng);
    let norm = norm.then(|| [params.add("scale", [sizes[0]], || 1.0), params.add("shift", [sizes[0]], || 0.1)]);
    let x =
        Init::Normal { mean: 0.0, deviation: 1.0 }.array([batch, sizes[0]], &mut rng).into_dimensionality().unwrap();
    let labels = (0..batch).map(|i| i % sizes[sizes.len() - 1]).collect();
    Workload { params, mlp: Some(mlp), x, labels, norm }
}

fn workload(name: &str) -> Workload {
    match name {
        "mlp" => network(&[784, 128, 10], 64, false),
        "wide mlp" => network(&[512, 512, 512, 512, 10], 128, false),
        "layers" => network(&[256, 256, 256, 10], 128, true),
        _ => {
            let mut params = Params::new();
            let mut rng = StdRng::seed_from_u64(7);
            let start: ArrayD<f32> = Init::Normal { mean: 0.0, deviation: 1.0 }.array([1 << 20], &mut rng);
            params.add_array("x", &start);
            Workload { params, mlp: None, x: Array2::zeros((0, 0)), labels: Vec::new(), norm: None }
        }
    }
}

impl Workload {
    fn outputs<'t, 'd>(&'d self, step: Step<'t, 'd, f32>) -> Var<'t, f32> {
        let Some(mlp) = &self.mlp else {
            let x = step.param(self.params.params().next().unwrap());
            return (x.tanh() * 2.0 + x.square()).sigmoid() * x;
        };
        let x = step.input(&self.x);
        let normed = self.norm.map(|[scale, shift]| x.layer_norm(step.param(scale), step.param(shift), 1e-5));
        mlp.forward(normed.unwrap_or(x))
    }

    fn loss<'t>(&self, z: Var<'t, f32>) -> Var<'t, f32> {
        if self.mlp.is_some() { cross_entropy(z, &self.labels) } else { z.square().mean() }
    }

    /// Hands a closure that runs one of the kinds to `measure`.
    fn with<R>(&self, kind: &str, measure: impl FnOnce(&mut dyn FnMut()) -> R) -> R {
        let (mut tape, mut gradient) = (Tape::new(), self.params.gradient());
        let v: Vec<f32> = (0..self.params.len()).map(|i| (i % 7) as f32 * 0.1 - 0.3).collect();
        let handles: Vec<Param> = self.params.params().collect();
        if kind.starts_with("linear") {
            return self.linear(kind, &v, measure);
        }
        if kind == "hvp" {
            let mut loss = Loss::new(|step: Step<'_, '_, f32>| self.loss(self.outputs(step)));
            return measure(&mut || {
                loss.hessian_vector(&self.params, &v, &mut gradient).unwrap();
                black_box(gradient.flat()[0]);
            });
        }
        measure(&mut || {
            let step = tape.record(&self.params);
            let z = self.outputs(&step);
            let loss = self.loss(z);
            if kind == "value" {
                black_box(loss.item());
                return;
            }
            if kind == "grad" {
                black_box(loss.backward(&mut gradient));
                return;
            }
            let vars: Vec<_> = handles.iter().map(|&param| step.param(param)).collect();
            let mut at = 0;
            let directions: Vec<_> = vars
                .iter()
                .map(|var| {
                    let size = var.shape().size();
                    let part = ndarray::ArrayView::from_shape(&var.shape()[..], &v[at..at + size]).unwrap();
                    at += size;
                    step.input(part)
                })
                .collect();
            if kind == "jvp" {
                black_box(loss.jvps(&vars, &directions).item());
                return;
            }
            let curved = loss.gradient(z).vjp(&[z], z.jvps(&vars, &directions))[0];
            (z * curved.detach()).sum().backward(&mut gradient);
            black_box(gradient.flat()[0]);
        })
    }

    /// Directions of a function that is linearised once.
    fn linear<R>(&self, kind: &str, v: &[f32], measure: impl FnOnce(&mut dyn FnMut()) -> R) -> R {
        if kind == "linear hvp" {
            let line = model::linearize(&self.params, |step| {
                let vars: Vec<_> = self.params.params().map(|param| step.param(param)).collect();
                let loss = self.loss(self.outputs(step));
                concat(&loss.gradients(&vars).iter().map(|g| g.flatten()).collect::<Vec<_>>(), 0)
            });
            let v = Array1::from(v.to_vec());
            return measure(&mut || {
                black_box(line.vjp(&v).flat()[0]);
            });
        }
        let line = model::linearize(&self.params, |step| self.loss(self.outputs(step)));
        measure(&mut || {
            if kind == "linear jvp" {
                black_box(line.jvp(v).sum());
            } else {
                black_box(line.vjp(&ndarray::arr0(1.0)).flat()[0]);
            }
        })
    }
}

/// The median time of a call, in seconds.
fn median(call: &mut dyn FnMut()) -> f64 {
    (0..5).for_each(|_| call());
    let start = Instant::now();
    call();
    let once = start.elapsed().as_secs_f64();
    let repeats = (1..1000).find(|&n| f64::from(n) * once > 2e-3).unwrap_or(1000);
    let mut times: Vec<f64> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            (0..repeats).for_each(|_| call());
            start.elapsed().as_secs_f64() / f64::from(repeats)
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[RUNS / 2]
}

fn ratios() {
    for name in WORKLOADS {
        let workload = workload(name);
        let times: Vec<f64> = KINDS.iter().map(|kind| workload.with(kind, |call| median(call))).collect();
        let others = KINDS.iter().zip(&times).skip(1).map(|(kind, time)| format!("{kind} {:.2}", time / times[0]));
        println!("{name}: {:.1} µs; × {}", times[0] * 1e6, others.collect::<Vec<_>>().join(", "));
    }
}

fn main() {
    let words: Vec<String> = env::args().skip(1).filter(|word| word != "--bench").collect();
    if words.iter().any(|word| word == "--ratios") {
        return ratios();
    }
    if let Some(steps) = words.iter().find_map(|word| word.strip_prefix("--steps=")?.parse::<u32>().ok()) {
        let named =
            |list: &[&'static str]| *list.iter().find(|name| words.iter().any(|word| word == *name)).expect("a name");
        return workload(named(&WORKLOADS)).with(named(&KINDS), |call| (0..steps).for_each(|_| call()));
    }
    let mut criterion = Criterion::default().configure_from_args();
    for name in WORKLOADS {
        let workload = workload(name);
        let mut group = criterion.benchmark_group(name);
        for kind in KINDS {
            group.bench_function(BenchmarkId::from_parameter(kind), |b| workload.with(kind, |call| b.iter(call)));
        }
        group.finish();
    }
    criterion.final_summary();
}
