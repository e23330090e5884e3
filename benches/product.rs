//! Matrix products: GFLOP/s, the share of what multiply-adds in registers reach, and how many times faster than
//! `matrixmultiply`. Medians of interleaved runs; `cargo bench --bench product [f64] [avx2] [NAME…]`.

use std::sync::OnceLock;
use std::time::Instant;

use gradus::Real;
use gradus::bench::{Code, multiply_adds, product};

const RUNS: usize = 25;
/// Bytes of a cache line.
const LINE: usize = 64;
/// Seconds that one measured run takes at least.
const LONG: f64 = 5e-4;

/// Rows, columns and depth; `N` for an operand as stored, `T` for a transposed one.
const SHAPES: &[([usize; 3], &str)] = &[
    ([512, 512, 512], "NN"),
    ([512, 512, 512], "NT"),
    ([512, 512, 512], "TN"),
    ([128, 512, 256], "NT"),
    ([128, 512, 512], "NT"),
    ([256, 2048, 2048], "NT"),
    ([64, 128, 784], "NN"),
    ([784, 128, 64], "TN"),
    ([128, 512, 512], "NN"),
    ([256, 2048, 2048], "NN"),
    ([2048, 2048, 256], "TN"),
    ([512, 512, 128], "TN"),
    ([64, 10, 128], "NN"),
    ([64, 128, 10], "NT"),
    ([128, 10, 64], "TN"),
    ([64, 32, 64], "NN"),
    ([64, 64, 32], "NT"),
    ([32, 16, 2], "NN"),
    ([2, 16, 32], "TN"),
    ([32, 2, 16], "NN"),
    ([30, 30, 30], "NN"),
    ([33, 47, 65], "NT"),
    ([569, 1, 30], "NN"),
    ([30, 1, 569], "TN"),
    ([1, 512, 512], "NN"),
    ([1, 512, 512], "NT"),
    ([1, 1, 1000], "NN"),
    ([100, 100, 1], "NN"),
];

fn now() -> f64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_secs_f64()
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// The times of one call of each, their runs taking turns.
fn measure(calls: &mut [&mut dyn FnMut()]) -> Vec<Vec<f64>> {
    let time = |call: &mut dyn FnMut(), repeats: usize| {
        let start = now();
        (0..repeats).for_each(|_| call());
        now() - start
    };
    let repeats: Vec<usize> = calls
        .iter_mut()
        .map(|call| {
            time(*call, 2);
            let mut repeats = 1;
            while time(*call, repeats) < LONG {
                repeats *= 2;
            }
            repeats
        })
        .collect();
    let mut times = vec![Vec::new(); calls.len()];
    for _ in 0..RUNS {
        for ((call, &repeats), times) in calls.iter_mut().zip(&repeats).zip(&mut times) {
            times.push(time(*call, repeats) / repeats as f64);
        }
    }
    times
}

/// The first `n` numbers from a cache line on.
fn aligned<T>(numbers: &[T], n: usize) -> &[T] {
    &numbers[numbers.as_ptr().align_offset(LINE)..][..n]
}

fn aligned_mut<T>(numbers: &mut [T], n: usize) -> &mut [T] {
    let start = numbers.as_ptr().align_offset(LINE);
    &mut numbers[start..][..n]
}

fn shape<T: Real>([m, n, k]: [usize; 3], layout: &str, code: Code) {
    let double = size_of::<T>() == 8;
    let transposed = [&layout[..1] == "T", &layout[1..] == "T"];
    let numbers = |n: usize| (0..n).map(|i| T::of((i * 7 % 23) as f64 / 23.0 - 0.5)).collect::<Vec<T>>();
    let (a, b) = (numbers(m * k + LINE), numbers(k * n + LINE));
    let (mut ours, mut theirs) = (numbers(m * n + LINE), numbers(m * n + LINE));
    let (a, b) = (aligned(&a, m * k), aligned(&b, k * n));
    let (ours, theirs) = (aligned_mut(&mut ours, m * n), aligned_mut(&mut theirs, m * n));
    let rounds = 20_000;
    let times = measure(&mut [
        &mut || product([m, k, n], transposed, a, b, ours, code),
        &mut || product([m, k, n], transposed, a, b, theirs, Code::Library),
        &mut || {
            multiply_adds(rounds, double, code);
        },
    ]);
    // The machine has phases: what is compared was measured next to each other.
    let ratio = |a: usize, b: usize| median(times[a].iter().zip(&times[b]).map(|(a, b)| a / b).collect());
    let (ours, operations) = (median(times[0].clone()), 2.0 * (m * n * k) as f64);
    let share = operations / multiply_adds(rounds, double, code) as f64 * ratio(2, 0);
    println!(
        "{:>16} {layout}  {:>10.3} µs  {:>7.1} GFLOP/s  {:>5.1} % of the peak  {:>5.2} × matrixmultiply",
        format!("{m}x{n}x{k}"),
        ours * 1e6,
        operations / ours / 1e9,
        share * 100.0,
        ratio(1, 0),
    );
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let has = |word: &str| words.iter().any(|w| w == word);
    let code = if has("avx2") { Code::Avx2 } else { Code::Widest };
    let names: Vec<&String> = words.iter().filter(|word| !matches!(word.as_str(), "f64" | "avx2")).collect();
    println!("{} {code:?}: rows x columns x depth", if has("f64") { "f64" } else { "f32" });
    for (size, layout) in SHAPES {
        let name = format!("{}x{}x{}{layout}", size[0], size[1], size[2]);
        if names.is_empty() || names.iter().any(|&wanted| name.contains(wanted.as_str())) {
            if has("f64") { shape::<f64>(*size, layout, code) } else { shape::<f32>(*size, layout, code) }
        }
    }
}
