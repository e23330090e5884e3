//! Row kernels: nanoseconds for each element. Medians; `cargo bench --bench rows`.

use std::sync::OnceLock;
use std::time::Instant;

use gradus::bench;

const RUNS: usize = 25;
/// Seconds that one measured run takes at least.
const LONG: f64 = 5e-4;

fn now() -> f64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_secs_f64()
}

/// The median time of one call.
fn measure(mut call: impl FnMut()) -> f64 {
    let mut time = |repeats: usize| {
        let start = now();
        (0..repeats).for_each(|_| call());
        now() - start
    };
    let mut repeats = 1;
    while time(repeats) < LONG {
        repeats *= 2;
    }
    let mut times: Vec<f64> = (0..RUNS).map(|_| time(repeats) / repeats as f64).collect();
    times.sort_by(f64::total_cmp);
    times[RUNS / 2]
}

fn line(name: &str, rows: usize, n: usize, seconds: f64) {
    let each = seconds * 1e9 / (rows * n) as f64;
    println!("{name:>24} {:>10}  {:>10.3} µs  {each:>7.3} ns an element", format!("{rows}x{n}"), seconds * 1e6);
}

fn main() {
    println!("f32: rows x length");
    for (rows, n) in [(64, 10), (64, 64), (128, 1000), (1024, 1024), (1, 100_000)] {
        let x: Vec<f32> = (0..rows * n).map(|i| (i * 31 % 97) as f32 * 0.1 - 5.0).collect();
        let labels: Vec<u32> = (0..rows).map(|row| u32::try_from(row % n).expect("a label")).collect();
        let (mut out, mut loss) = (vec![0.0_f32; rows * n], vec![0.0; rows]);
        line("softmax", rows, n, measure(|| bench::softmax(n, &x, &mut out)));
        line("logsumexp", rows, n, measure(|| bench::logsumexp(n, &x, &mut loss)));
        line("cross-entropy", rows, n, measure(|| bench::cross_entropy(n, &x, &labels, &mut loss)));
        line("standardize", rows, n, measure(|| bench::standardize(n, &x, &mut out)));
    }
}
