//! One pass against every node by itself: the same bits.

mod random;
mod reference;

use random::{Case, Chance, Kind};

use super::{Program, Scratch, compile};
use crate::kernel::simd::{Element, Level};

/// What stands around outputs and must stay; Miri needs nothing there to see that it is touched.
const GUARD: usize = if cfg!(miri) { 0 } else { 300 };

/// Graphs of each kind on a domain, at most; Miri is some thousand times slower.
const GRAPHS: Option<usize> = if cfg!(miri) { Some(1) } else { None };

fn same<T: Element>(a: T, b: T) -> bool {
    a.bits() == b.bits() || (a.is_nan() && b.is_nan())
}

/// Memory for each output with something in it, and guards around it.
fn outputs<T: Element>(case: &Case<T>) -> Vec<Vec<T>> {
    let fill = |&(before, from): &(usize, usize)| {
        (0..before + from + 2 * GUARD).map(|k| T::of((k % 17) as f64 - 3.5)).collect()
    };
    case.outputs.iter().map(fill).collect()
}

fn run<T: Element>(case: &Case<T>, program: &Program<T>, scratch: &mut Scratch<T>, threads: usize) -> Vec<Vec<T>> {
    let mut memory = outputs(case);
    let inputs: Vec<_> = case.data.inputs.iter().map(|(data, at)| data.as_ptr().wrapping_add(*at)).collect();
    let labels: Vec<_> = case.data.labels.iter().map(Vec::as_ptr).collect();
    let starts =
        memory.iter_mut().zip(&case.outputs).map(|(data, (before, _))| data.as_mut_ptr().wrapping_add(GUARD + before));
    let starts: Vec<_> = starts.collect();
    // SAFETY: the case has memory of the size that its graph describes.
    unsafe { program.run(&inputs, &labels, &starts, scratch, threads) };
    memory
}

/// Runs a graph in every way and compares with the simple twin.
fn check<T: Element>(case: &Case<T>, scratch: &mut Scratch<T>, name: &str) {
    let mut want = outputs(case);
    reference::evaluate(&case.graph, &case.data, |slot, at, x| {
        let start = (GUARD + case.outputs[slot].0).cast_signed();
        want[slot][usize::try_from(start + at).unwrap()] = x;
    });
    for level in Level::available() {
        let program = compile::compile_at::<T>(&case.graph, level);
        for threads in [1, 2] {
            let got = run(case, &program, scratch, threads);
            for (slot, (got, want)) in got.iter().zip(&want).enumerate() {
                if let Some(k) = (0..got.len()).find(|&k| !same(got[k], want[k])) {
                    let (nodes, outputs) = (&case.graph.nodes, &case.graph.outputs);
                    let list: Vec<_> = nodes.iter().enumerate().map(|(i, node)| format!("{i}: {node:?}")).collect();
                    panic!(
                        "{name}, {level:?}, {threads} threads, output {slot} at {}: {} instead of {}\n{}\n{outputs:?}\n{:#?}",
                        k.cast_signed() - (GUARD + case.outputs[slot].0).cast_signed(),
                        got[k],
                        want[k],
                        list.join("\n"),
                        program.parts,
                    );
                }
            }
        }
    }
}

fn check_shapes<T: Element>(shapes: &[(usize, usize)], kind: Kind, graphs: usize) {
    let mut scratch = Scratch::new();
    for &(rows, columns) in shapes.iter().filter(|shape| !cfg!(miri) || SEEN.contains(shape)) {
        for seed in 0..GRAPHS.unwrap_or(graphs) {
            let mut chance = Chance((seed * 1_000_003 + rows * 7919 + columns * 31) as u64);
            let size = 1 + chance.below(30);
            let case = random::case::<T>(&mut chance, rows, columns, kind, size);
            check(&case, &mut scratch, &format!("{} of {rows} × {columns}, {kind:?}, seed {seed}", T::NAME));
        }
    }
}

/// The domains that Miri sees; it has them cut as others are that are a dozen times larger, see `tiling.rs`.
const SEEN: &[(usize, usize)] =
    &[(1, 0), (1, 1), (1, 17), (1, 300), (1, 600), (0, 3), (3, 0), (3, 2), (4, 9), (70, 1), (40, 7), (5, 33), (2, 130)];

const FLAT: &[(usize, usize)] = &[
    (1, 0),
    (1, 1),
    (1, 2),
    (1, 15),
    (1, 16),
    (1, 17),
    (1, 63),
    (1, 64),
    (1, 65),
    (1, 300),
    (1, 1000),
    (1, 4095),
    (1, 4096),
    (1, 4097),
    (1, 8197),
    (7, 13),
    (3, 100),
    (64, 64),
];

const ROWS: &[(usize, usize)] = &[
    (0, 3),
    (3, 0),
    (1, 7),
    (2, 1),
    (70, 1),
    (2, 2),
    (5, 10),
    (40, 7),
    (64, 10),
    (130, 10),
    (300, 11),
    (64, 16),
    (5, 33),
    (9, 63),
    (2, 130),
    (65, 64),
    (129, 65),
    (3, 511),
    (2, 512),
    (3, 513),
    (5, 784),
    (3, 1000),
    (2, 1024),
    (4, 1025),
    (2, 4097),
    (1, 5000),
    (4200, 3),
];

#[test]
fn flat_graphs_have_the_bits_of_single_ops() {
    check_shapes::<f32>(FLAT, Kind::Cheap, 60);
    check_shapes::<f64>(FLAT, Kind::Cheap, 60);
}

#[test]
fn graphs_with_calls_and_broadcasts_have_the_bits_of_single_ops() {
    for shapes in [FLAT, ROWS] {
        check_shapes::<f32>(shapes, Kind::Calls, 40);
        check_shapes::<f64>(shapes, Kind::Calls, 40);
    }
}

#[test]
fn graphs_with_rows_have_the_bits_of_single_ops() {
    for shapes in [FLAT, ROWS] {
        check_shapes::<f32>(shapes, Kind::Rows, 40);
        check_shapes::<f64>(shapes, Kind::Rows, 40);
    }
}

#[test]
fn shifted_operands_have_the_bits_of_copies() {
    let shapes =
        [(1, 1), (1, 2), (1, 17), (1, 300), (1, 5000), (3, 1), (3, 2), (4, 9), (20, 33), (2, 130), (3, 300), (2, 1500)];
    check_shapes::<f32>(&shapes, Kind::Shifts, 60);
    check_shapes::<f64>(&shapes, Kind::Shifts, 60);
}

#[test]
fn long_domains_have_the_bits_of_single_ops() {
    let shapes = [(1, 600), (1, 100_000), (1000, 100), (12_345, 7), (10, 10_001)];
    check_shapes::<f32>(&shapes[..2], Kind::Cheap, 8);
    check_shapes::<f32>(&shapes, Kind::Rows, 8);
}
