//! Products of matrices in operations a second (a multiply-add is two), beside the crate `matrixmultiply` on the same numbers.
//!
//! Three ways: `tape` records and reads the product through the public interface, `kernel` is what it comes down to, `library`
//! is `matrixmultiply` called directly. Names are rows x depth x columns; N is an operand as stored, T a transposed one.
//! `cargo bench --bench products`; a word after `--` is a filter on names, such as `NT` or `2048x2048x2048`. The library has one
//! thread; with `RAYON_NUM_THREADS=1` everybody has.

use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use gradus::bench::{library_product, product};
use gradus::prelude::*;

const LAYOUTS: [(&str, [bool; 2]); 3] = [("NN", [false, false]), ("NT", [false, true]), ("TN", [true, false])];

/// From one number to what takes a tenth of a second, and shapes of small networks.
const MATRICES: [[usize; 3]; 14] = [
    [1, 1, 1],
    [4, 4, 4],
    [16, 16, 16],
    [64, 64, 64],
    [256, 256, 256],
    [512, 512, 512],
    [1024, 1024, 1024],
    [2048, 2048, 2048],
    [32, 2, 16],
    [64, 784, 128],
    [128, 512, 256],
    [128, 256, 512],
    [128, 512, 512],
    [256, 2048, 2048],
];
const LAYERS: [[usize; 3]; 6] =
    [[1, 1, 1], [32, 2, 16], [64, 64, 32], [64, 784, 128], [128, 512, 256], [256, 2048, 2048]];
/// Batches, and the matrices in them.
const BATCHES: [(usize, [usize; 3]); 5] =
    [(1, [1, 1, 1]), (64, [4, 4, 4]), (64, [16, 16, 16]), (64, [64, 64, 64]), (16, [256, 256, 256])];
/// With a single row, a single column, or both.
const VECTORS: [[usize; 3]; 10] = [
    [1, 1000, 1],
    [1, 1_000_000, 1],
    [1, 32, 32],
    [1, 512, 512],
    [1, 2048, 2048],
    [32, 32, 1],
    [569, 30, 1],
    [512, 512, 1],
    [2048, 2048, 1],
    [512, 1, 512],
];

/// Numbers from −½ to ½.
fn numbers(shape: &[usize]) -> ArrayD<f32> {
    let mut k = 0_u32;
    ArrayD::from_shape_simple_fn(shape, || {
        k = (k + 7) % 23;
        k as f32 / 23.0 - 0.5
    })
}

/// The shapes of the operands as they are stored.
fn stored([m, k, n]: [usize; 3], [ta, tb]: [bool; 2]) -> [[usize; 2]; 2] {
    [if ta { [k, m] } else { [m, k] }, if tb { [n, k] } else { [k, n] }]
}

fn flops([m, k, n]: [usize; 3]) -> Throughput {
    Throughput::Elements(2 * (m * k * n) as u64)
}

fn name([m, k, n]: [usize; 3]) -> String {
    format!("{m}x{k}x{n}")
}

fn flat(array: &ArrayD<f32>) -> &[f32] {
    array.as_slice().expect("arrays are in standard order")
}

/// What a function of recorded arrays costs through the public interface.
fn tape<const N: usize>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    shapes: [&[usize]; N],
    f: impl for<'t> Fn([Var<'t, f32>; N]) -> Var<'t, f32>,
) {
    let mut state = None;
    group.bench_function(format!("tape/{name}"), |b| {
        let (params, arrays, tape, out) = state.get_or_insert_with(|| {
            let (params, arrays, mut tape) = (Params::new(), shapes.map(numbers), Tape::new());
            let mut out = ArrayD::zeros(&[][..]);
            // What is seen for the first time is planned at the second.
            for _ in 0..2 {
                let step = tape.record(&params);
                out = f(arrays.each_ref().map(|array| step.input(array))).value();
            }
            (params, arrays, tape, out)
        });
        b.iter(|| {
            let step = tape.record(params);
            f(arrays.each_ref().map(|array| step.input(array))).value_into(out);
        });
    });
}

/// What `call(a, b, c)` costs on arrays of these shapes.
fn call(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    shapes: [&[usize]; 3],
    call: impl Fn(&[f32], &[f32], &mut [f32]),
) {
    let mut state = None;
    group.bench_function(name, |bench| {
        let [a, b, c] = state.get_or_insert_with(|| shapes.map(numbers));
        let (a, b, c) = (flat(a), flat(b), c.as_slice_mut().expect("arrays are in standard order"));
        bench.iter(|| call(a, b, c));
    });
}

/// The kernel and the library.
fn calls(group: &mut BenchmarkGroup<'_, WallTime>, shape: [usize; 3], transposed: [bool; 2]) {
    let [a, b] = stored(shape, transposed);
    let (shapes, name) = ([&a[..], &b, &[shape[0], shape[2]]], name(shape));
    call(group, &format!("kernel/{name}"), shapes, |a, b, c| product(shape, transposed, a, b, c));
    call(group, &format!("library/{name}"), shapes, |a, b, c| library_product(shape, transposed, a, b, c, false));
}

fn matrices(c: &mut Criterion) {
    for (layout, transposed) in LAYOUTS {
        let mut group = c.benchmark_group(layout);
        for shape in MATRICES {
            group.throughput(flops(shape));
            let [a, b] = stored(shape, transposed);
            tape(&mut group, &name(shape), [&a, &b], |[a, b]| match transposed {
                [true, _] => a.t().matmul(b),
                [_, true] => a.matmul(b.t()),
                _ => a.matmul(b),
            });
            calls(&mut group, shape, transposed);
        }
        group.finish();
    }
}

fn affine(c: &mut Criterion) {
    let mut group = c.benchmark_group("affine");
    for shape @ [m, k, n] in LAYERS {
        group.throughput(flops(shape));
        tape(&mut group, &name(shape), [&[m, k], &[k, n], &[n]], |[x, w, bias]| x.affine(w, bias));
        let bias = numbers(&[n]);
        call(&mut group, &format!("library/{}", name(shape)), [&[m, k], &[k, n], &[m, n]], |a, b, c| {
            c.chunks_exact_mut(n).for_each(|row| row.copy_from_slice(flat(&bias)));
            library_product(shape, [false; 2], a, b, c, true);
        });
    }
    group.finish();
}

fn batched(c: &mut Criterion) {
    let mut group = c.benchmark_group("batched");
    for (batch, shape @ [m, k, n]) in BATCHES {
        group.throughput(flops([batch * m, k, n]));
        let (a, b, out) = ([batch, m, k], [batch, k, n], [batch, m, n]);
        let name = format!("{batch}x{}", name(shape));
        tape(&mut group, &name, [&a, &b], |[a, b]| a.matmul(b));
        call(&mut group, &format!("library/{name}"), [&a, &b, &out], |a, b, c| {
            let operands = a.chunks_exact(m * k).zip(b.chunks_exact(k * n));
            for ((a, b), c) in operands.zip(c.chunks_exact_mut(m * n)) {
                library_product(shape, [false; 2], a, b, c, false);
            }
        });
    }
    group.finish();
}

fn vectors(c: &mut Criterion) {
    let mut group = c.benchmark_group("vectors");
    for shape @ [m, k, n] in VECTORS {
        group.throughput(flops(shape));
        tape(&mut group, &name(shape), [&[m, k], &[k, n]], |[a, b]| a.matmul(b));
        calls(&mut group, shape, [false; 2]);
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(400))
        .nresamples(2000);
    targets = matrices, affine, batched, vectors
}
criterion_main!(benches);
