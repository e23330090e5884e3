//! Programs over single numbers: a chain of sines and its derivative, against the same chain as compiled code and against
//! `std`. Medians of interleaved runs, in microseconds: `cargo bench --bench scalar`.

use std::hint::black_box;
use std::time::Instant;

use gradus::bench::{Chain, straight_chain};

const RUNS: usize = 101;
const REPEATS: usize = 50;
const LINKS: usize = 250;

fn main() {
    let mut chain = Chain::new(LINKS);
    let mut cosines = [vec![0.0; LINKS], vec![0.0; LINKS]];
    let [first, second] = &mut cosines;
    let mut calls: [(&str, &mut dyn FnMut() -> f32); 3] = [
        ("program", &mut || chain.run()),
        ("compiled code", &mut || straight_chain(first, black_box(0.3))),
        ("compiled code, sines of std", &mut || std_chain(second, black_box(0.3))),
    ];
    let mut times = [const { Vec::new() }; 3];
    for _ in 0..RUNS {
        for ((_, call), times) in calls.iter_mut().zip(&mut times) {
            let start = Instant::now();
            for _ in 0..REPEATS {
                black_box(call());
            }
            times.push(start.elapsed().as_secs_f64() / REPEATS as f64 * 1e6);
        }
    }
    let start = Instant::now();
    (0..REPEATS).for_each(|_| drop(black_box(Chain::new(LINKS))));
    let nodes = (REPEATS * LINKS * 7) as f64;
    println!("a program is made in {:.0} ns a node", start.elapsed().as_secs_f64() / nodes * 1e9);
    for ((name, call), mut times) in calls.into_iter().zip(times) {
        times.sort_by(f64::total_cmp);
        let (median, best) = (times[RUNS / 2], times[0]);
        println!("{LINKS} links, {name}: {median:.2} (best {best:.2}), derivative {}", call());
    }
}

fn std_chain(cosines: &mut [f32], x: f32) -> f32 {
    let (k, c, d) = black_box((1.001, 0.01, 0.5));
    let mut x = x;
    for slot in cosines.iter_mut() {
        let (sin, cos) = (x * k + c).sin_cos();
        *slot = cos;
        x = sin - d;
    }
    cosines.iter().rev().fold(1.0, |slope, &cos| slope * cos * k)
}
