//! What a parallel region costs: two equal tasks after a serial gap, by the team, by rayon, and one after the other.
//!
//! `cargo bench --bench team`. Prints microseconds of the region, median and 90th percentile.

use std::hint::spin_loop;
use std::time::Instant;

use gradus::bench::team;

fn main() {
    // Without it, as in `cargo test --benches`, it is only seen that all runs.
    let all = std::env::args().any(|argument| argument == "--bench");
    println!("{:>6} {:>6} {}", "gap", "task", WAYS.map(|(name, _)| format!("{name:>20}")).concat());
    let (gaps, tasks) = if all {
        (&[0.0, 20.0, 200.0, 2000.0][..], &[0.0, 5.0, 10.0, 25.0, 100.0][..])
    } else {
        (&[0.0][..], &[1.0][..])
    };
    for &gap in gaps {
        for &task in tasks {
            let count = if all { 300 } else { 3 };
            let cells = WAYS.map(|(name, way)| {
                let measured = || measure(gap, count, || way(task));
                let (median, late) = if name.ends_with("in the pool") { in_the_pool(measured) } else { measured() };
                format!("{:>20}", format!("{median:.1} ({late:.1})"))
            });
            println!("{gap:>6} {task:>6} {}", cells.concat());
        }
    }
}

/// A way to do two tasks of so many microseconds.
type Way = fn(f64);

const WAYS: [(&str, Way); 6] = [
    ("team, 2 chunks", |task| team(2, 2, &|_| busy(task))),
    ("team, 8 chunks", |task| team(8, 2, &|_| busy(task / 4.0))),
    ("team, in the pool", |task| team(2, 2, &|_| busy(task))),
    ("rayon::join", join),
    ("join in the pool", join),
    ("serial", |task| (0..2).for_each(|_| busy(task))),
];

fn join(task: f64) {
    rayon::join(|| busy(task), || busy(task));
}

fn in_the_pool<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    rayon::scope(|_| f())
}

fn busy(microseconds: f64) {
    let start = Instant::now();
    while start.elapsed().as_secs_f64() * 1e6 < microseconds {
        spin_loop();
    }
}

/// Median and 90th percentile of what a region takes after a gap, in microseconds.
fn measure(gap: f64, count: usize, region: impl Fn()) -> (f64, f64) {
    let mut times: Vec<f64> = (0..count + 5)
        .map(|_| {
            busy(gap);
            let start = Instant::now();
            region();
            start.elapsed().as_secs_f64() * 1e6
        })
        .skip(5)
        .collect();
    times.sort_by(f64::total_cmp);
    (times[count / 2], times[count * 9 / 10])
}
