//! A step of each optimiser against a plain copy that moves as many bytes, and the times of steps of usual sizes.
//!
//! `cargo bench --bench optim`; with `RAYON_NUM_THREADS=1` for one thread. Medians of steps and copies in turn.

use std::time::Instant;

use gradus::optim::{Descent, Rule};
use gradus::prelude::*;

fn main() {
    // Without it, as in `cargo test --benches`, it is only seen that all runs.
    let all = std::env::args().any(|argument| argument == "--bench");
    let (sizes, repeats) = if all { (&[10_000_000, 535_818, 101_770, 1000][..], 15) } else { (&[100][..], 1) };
    for &n in sizes {
        println!("\n{n} parameters: microseconds of a step, of a copy of as many bytes, ratio");
        // The vectors read and written: parameters and what is kept twice, the gradient once.
        row("Sgd", n, repeats, 3, Sgd::new(1e-3));
        row("Sgd, momentum", n, repeats, 5, Sgd::new(1e-3).momentum(0.9));
        row("Sgd, Nesterov", n, repeats, 5, Sgd::new(1e-3).nesterov(0.9));
        row("AdaGrad", n, repeats, 5, AdaGrad::new(1e-3));
        row("RmsProp", n, repeats, 5, RmsProp::new(1e-3));
        row("RmsProp, momentum", n, repeats, 7, RmsProp::new(1e-3).momentum(0.9));
        row("RmsProp, both", n, repeats, 9, RmsProp::new(1e-3).momentum(0.9).centered(true));
        row("Adam", n, repeats, 7, Adam::new(1e-3));
        row("Adam, AMSGrad", n, repeats, 9, Adam::new(1e-3).amsgrad(true));
        row("AdamW", n, repeats, 7, AdamW::new(1e-3));
        row("AdamW, clipped", n, repeats, 8, AdamW::new(1e-3).clip_norm(1.0));
    }
}

fn row<R: Rule>(name: &str, n: usize, repeats: usize, vectors: usize, mut optimizer: Descent<R, f32>) {
    let mut params = Params::<f32>::new();
    let _ = params.add("all", [n], || 0.5);
    let mut gradient = params.gradient();
    let bytes = n * vectors / 2;
    let (from, mut to) = (vec![1.0_f32; bytes], vec![0.0; bytes]);
    let inner = (200_000 / n).clamp(1, 100);
    let (mut steps, mut copies) = (Vec::new(), Vec::new());
    for round in 0..repeats + 2 {
        let step = time(|| {
            for _ in 0..inner {
                // Marks the gradient fresh.
                gradient.flat_mut()[0] = round as f32;
                optimizer.step(&mut params, &gradient);
            }
        });
        let copy = time(|| (0..inner).for_each(|_| copy(&from, &mut to)));
        if round >= 2 {
            steps.push(step / inner as f64);
            copies.push(copy / inner as f64);
        }
    }
    assert!(params.flat()[n / 2].is_finite());
    let (step, copy) = (median(steps), median(copies));
    println!("{name:>20} {step:10.1} {copy:10.1} {:6.2}", step / copy);
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
    std::hint::black_box(to);
}

fn time(f: impl FnOnce()) -> f64 {
    let start = Instant::now();
    f();
    start.elapsed().as_secs_f64() * 1e6
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
