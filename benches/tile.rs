//! Groups of pointwise ops in one pass: nanoseconds, and how many times as long as a loop written by hand for this machine.
//! Medians of interleaved runs; `cargo bench --bench tile [NAME…]`.

#![allow(unsafe_code)]

use std::hint::black_box;
use std::time::Instant;

use gradus::bench::tile::{Group, Pass};

const RUNS: usize = 31;
/// Seconds that one measured run takes at least.
const LONG: f64 = 5e-4;

/// Medians of both, in nanoseconds.
fn compare(mut ours: impl FnMut(), mut theirs: impl FnMut()) -> (f64, f64) {
    let time = |f: &mut dyn FnMut(), n: usize| {
        let start = Instant::now();
        (0..n).for_each(|_| f());
        start.elapsed().as_secs_f64() / n as f64
    };
    let enough = |f: &mut dyn FnMut()| {
        time(f, 3);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let count = (LONG / time(f, 3)).ceil().max(1.0) as usize;
        count
    };
    let counts = (enough(&mut ours), enough(&mut theirs));
    let mut runs: Vec<_> = (0..RUNS).map(|_| (time(&mut ours, counts.0), time(&mut theirs, counts.1))).collect();
    let median = |list: &mut Vec<f64>| {
        list.sort_by(f64::total_cmp);
        list[if std::env::var("MIN").is_ok() { 0 } else { list.len() / 2 }] * 1e9
    };
    let (mut a, mut b): (Vec<_>, Vec<_>) = runs.drain(..).unzip();
    (median(&mut a), median(&mut b))
}

/// A loop that is compiled for the widest instruction set this machine has.
macro_rules! by_hand {
    (fn $name:ident($($arg:ident: $Type:ty),*) $body:block) => {
        fn $name($($arg: $Type),*) {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
                fn wide($($arg: $Type),*) $body
                #[target_feature(enable = "avx2,fma")]
                fn middle($($arg: $Type),*) $body
                if is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512dq") {
                    // SAFETY: the machine has the instructions.
                    return unsafe { wide($($arg),*) };
                }
                if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                    // SAFETY: the machine has the instructions.
                    return unsafe { middle($($arg),*) };
                }
            }
            $body
        }
    };
}

by_hand! {
    fn bias_relu(x: &[f32], bias: &[f32], y: &mut [f32]) {
        for (x, y) in x.chunks_exact(bias.len()).zip(y.chunks_exact_mut(bias.len())) {
            for ((y, x), b) in y.iter_mut().zip(x).zip(bias) {
                let sum = x + b;
                *y = if sum <= 0.0 { 0.0 } else { sum };
            }
        }
    }
}

by_hand! {
    fn relu_back(x: &[f32], c: &[f32], y: &mut [f32], total: &mut [f32]) {
        total.fill(0.0);
        let n = total.len();
        for ((x, c), y) in x.chunks_exact(n).zip(c.chunks_exact(n)).zip(y.chunks_exact_mut(n)) {
            for (((y, x), c), total) in y.iter_mut().zip(x).zip(c).zip(&mut *total) {
                *y = if *x > 0.0 { *c } else { 0.0 };
                *total += *y;
            }
        }
    }
}

by_hand! {
    fn gated(x: &[f32], c: &[f32], y: &mut [f32], z: &mut [f32]) {
        for (((y, z), x), c) in y.iter_mut().zip(z).zip(x).zip(c) {
            let s = x / (1.0 + x.abs());
            *y = 0.5 * x * (1.0 + s);
            *z = s * c + x;
        }
    }
}

/// The sum in 64 lanes, as vectors can take it.
#[inline(always)]
fn sum(values: impl Iterator<Item = [f32; 64]>) -> f32 {
    let mut lanes = [0.0_f32; 64];
    for row in values {
        lanes.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
    }
    lanes.iter().sum()
}

by_hand! {
    fn standardize(x: &[f32], y: &mut [f32], columns: usize) {
        let n = columns as f32;
        for (x, y) in x.chunks_exact(columns).zip(y.chunks_exact_mut(columns)) {
            let rows = || x.chunks_exact(64).map(|row| <[f32; 64]>::try_from(row).unwrap());
            let rest = x.chunks_exact(64).remainder();
            let mean = (sum(rows()) + rest.iter().sum::<f32>()) / n;
            let squares = sum(rows().map(|row| row.map(|x| (x - mean) * (x - mean))));
            let variance = (squares + rest.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>()) / n;
            let scale = 1.0 / (variance + 1e-5).sqrt();
            y.iter_mut().zip(x).for_each(|(y, x)| *y = (x - mean) * scale);
        }
    }
}

by_hand! {
    fn rosenbrock(x: &[f32], next: &[f32], out: &mut [f32]) {
        let mut lanes = [0.0_f32; 64];
        for (x, next) in x.chunks_exact(64).zip(next.chunks_exact(64)) {
            for ((sum, x), next) in lanes.iter_mut().zip(x).zip(next) {
                let (u, w) = (next - x * x, 1.0 - x);
                *sum += u * u * 100.0 + w * w;
            }
        }
        let (x, next) = (x.chunks_exact(64).remainder(), next.chunks_exact(64).remainder());
        for ((sum, x), next) in lanes.iter_mut().zip(x).zip(next) {
            let (u, w) = (next - x * x, 1.0 - x);
            *sum += u * u * 100.0 + w * w;
        }
        out[0] = lanes.iter().sum();
    }
}

by_hand! {
    fn rosenbrock_gradient(x: &[f32], g: &mut [f32]) {
        let n = x.len();
        let back = |x: f32, next: f32| (next - x * x) * 2.0 * 100.0;
        let front = |x: f32, back: f32| -back * (x * 2.0) - (1.0 - x) * 2.0;
        g[0] = front(x[0], back(x[0], x[1]));
        for ((g, x), (before, next)) in g[1..].iter_mut().zip(&x[1..]).zip(x.iter().zip(&x[2..])) {
            *g = front(*x, back(*x, *next)) + back(*before, *x);
        }
        g[n - 1] = back(x[n - 2], x[n - 1]);
    }
}

by_hand! {
    fn axpy(x: &[f32], y: &[f32], z: &mut [f32]) {
        for ((z, x), y) in z.iter_mut().zip(x).zip(y) {
            *z = x * 0.5 + y;
        }
    }
}

/// Numbers at the start of a cache line.
fn aligned(n: usize, seed: usize) -> &'static mut [f32] {
    let data = Box::leak(vec![0.0; n + 16 + seed * 272].into_boxed_slice());
    let start = data.as_ptr().align_offset(64) + seed * 272;
    let data = &mut data[start..start + n];
    data.iter_mut().enumerate().for_each(|(i, x)| *x = ((i * 37 + seed * 11) % 101) as f32 * 0.04 - 2.0);
    data
}

/// Groups and domains.
const CASES: &[(&str, Group, usize, usize)] = &[
    ("axpy", Group::Axpy, 1, 32),
    ("axpy", Group::Axpy, 1, 1000),
    ("axpy", Group::Axpy, 1, 65_536),
    ("axpy", Group::Axpy, 1, 1_000_000),
    ("bias_relu", Group::BiasRelu, 4, 8),
    ("bias_relu", Group::BiasRelu, 64, 10),
    ("bias_relu", Group::BiasRelu, 64, 32),
    ("bias_relu", Group::BiasRelu, 128, 512),
    ("bias_relu", Group::BiasRelu, 64, 784),
    ("bias_relu", Group::BiasRelu, 256, 2048),
    ("relu_back", Group::ReluBack, 32, 16),
    ("relu_back", Group::ReluBack, 64, 10),
    ("relu_back", Group::ReluBack, 64, 128),
    ("relu_back", Group::ReluBack, 128, 512),
    ("relu_back", Group::ReluBack, 256, 2048),
    ("gated", Group::Gated, 1, 32),
    ("gated", Group::Gated, 1, 65_536),
    ("gated", Group::Gated, 1, 1_000_000),
    ("standardize", Group::Standardize, 64, 10),
    ("standardize", Group::Standardize, 128, 512),
    ("standardize", Group::Standardize, 128, 2048),
    ("rosenbrock", Group::Rosenbrock, 1, 999),
    ("rosenbrock", Group::Rosenbrock, 1, 999_999),
    ("gradient", Group::RosenbrockGradient, 1, 1000),
    ("gradient", Group::RosenbrockGradient, 1, 1_000_000),
];

fn main() {
    let names: Vec<_> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    println!("{:<24}{:>12}{:>12}{:>8}{:>12}{:>8}", "", "ours ns", "by hand ns", "ratio", "2 threads", "gain");
    for &(name, group, rows, columns) in CASES {
        if !names.is_empty() && !names.iter().any(|n| n == name) {
            continue;
        }
        let n = rows * columns;
        let (x, c, bias) = (&*aligned(n, 0), &*aligned(n, 1), &*aligned(columns, 2));
        let (y, z, total) = (aligned(n, 3), aligned(n, 4), aligned(columns, 5));
        let (hy, hz, htotal) = (aligned(n, 3), aligned(n, 4), aligned(columns, 5));
        let mut pass = Pass::new(group, rows, columns);
        let mut run = |threads| match group {
            Group::BiasRelu => pass.run([x, bias], [y], threads),
            Group::ReluBack => pass.run([x, c], [y, total], threads),
            Group::Gated => pass.run([x, c], [y, z], threads),
            Group::Standardize => pass.run([x], [y], threads),
            Group::Rosenbrock => pass.run([x, c], [total], threads),
            Group::Chain(_) => (),
            Group::RosenbrockGradient => pass.run([x, &x[1..]], [y], threads),
            Group::Axpy => pass.run([x, c], [y], threads),
        };
        let hand = || match group {
            Group::BiasRelu => bias_relu(black_box(x), bias, hy),
            Group::ReluBack => relu_back(black_box(x), c, hy, htotal),
            Group::Gated => gated(black_box(x), c, hy, hz),
            Group::Standardize => standardize(black_box(x), hy, columns),
            Group::Rosenbrock => rosenbrock(black_box(x), c, htotal),
            Group::Chain(_) => (),
            Group::RosenbrockGradient => rosenbrock_gradient(black_box(x), hy),
            Group::Axpy => axpy(black_box(x), c, hy),
        };
        let (ours, theirs) = compare(|| run(1), hand);
        let (both, _) = compare(|| run(2), || ());
        println!(
            "{:<24}{ours:>12.0}{theirs:>12.0}{:>8.2}{both:>12.0}{:>8.2}",
            format!("{name} {rows}x{columns}"),
            ours / theirs,
            ours / both
        );
        let close = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-3 * (1.0 + b.abs()));
        assert!(close(y, hy) && close(z, hz) && close(total, htotal), "{name}: other results");
    }
}
