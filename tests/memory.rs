//! What a tape takes: bytes per instruction, no allocation in the steady state, no recursion.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use gradus::prelude::*;

/// Counts what the program allocates.
struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);
static LARGE: AtomicUsize = AtomicUsize::new(0);
static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

static PACKED: AtomicUsize = AtomicUsize::new(0);

/// matrixmultiply packs operands into a buffer of its own for each product, aligned like this; tensors have 64 bytes.
const PACKING: usize = 32;
/// From this size on an allocation may hold a tensor of these tests.
const TENSOR: usize = 512;

#[allow(unsafe_code, reason = "an allocator is unsafe by its trait; all is handed to the system's")]
// SAFETY: the system's allocator, and counting neither allocates nor panics.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        let held = HELD.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(held, Ordering::Relaxed);
        if layout.align() == PACKING {
            PACKED.fetch_add(1, Ordering::Relaxed);
        } else if layout.size() >= TENSOR {
            LARGE.fetch_add(1, Ordering::Relaxed);
        }
        // SAFETY: the caller's promise is handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise is handed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() {
    // One thread, one test after the other: the counters are global.
    a_steady_loop_allocates_no_tensor();
    alternating_programs_reuse_their_buffers();
    rows_along_the_first_axis_and_picks_allocate_no_tensor();
    batched_products_allocate_no_tensor();
    lengths_that_come_again_allocate_nothing();
    shapes_that_grow_leave_nothing_behind();
    checkpoints_lower_the_peak();
    a_jvp_keeps_no_more_as_it_goes_deeper();
    a_linearised_function_holds_what_directions_take_from_it();
    a_million_instructions_take_64_bytes_each();
    println!("10 passed, 0 failed");
}

fn counted(counter: &AtomicUsize, f: impl FnOnce()) -> usize {
    let before = counter.load(Ordering::Relaxed);
    f();
    counter.load(Ordering::Relaxed) - before
}

fn a_steady_loop_allocates_no_tensor() {
    let mut params = Params::<f32>::new();
    let w = params.add("w", [64, 32], || 0.01);
    let b = params.add("b", [32], || 0.0);
    let v = params.add("v", [32, 10], || 0.02);
    let (mut tape, mut gradient) = (Tape::new(), params.gradient());
    let (x, labels) = (Array2::<f32>::ones((128, 64)), vec![3_usize; 128]);
    let mut logits_out = Array2::zeros((128, 10));
    let mut step = || {
        let step = tape.record(&params);
        let hidden = step.input(&x).affine(step.param(w), step.param(b)).tanh().dropout(0.1, 5);
        let logits = hidden.matmul(step.param(v)) - step.input(&x).sum_axis(keep(1)) * 0.5;
        let loss = cross_entropy(logits.log_softmax(1), &labels) + hidden.square().mean();
        loss.backward(&mut gradient);
        logits.value_into(&mut logits_out);
    };
    let first = counted(&LARGE, &mut step);
    assert!(first > 10, "the first step makes its buffers: {first}");
    let second = counted(&LARGE, &mut step) + counted(&LARGE, &mut step);
    assert!(second < 40, "the second is planned, the third writes what it learned is read: {second}");
    let steady = counted(&LARGE, || (0..100).for_each(|_| step()));
    assert_eq!(steady, 0, "large allocations in 100 steps");
    let all = counted(&ALLOCATIONS, || (0..100).for_each(|_| step()));
    let packed = counted(&PACKED, || (0..100).for_each(|_| step()));
    println!("allocator calls per steady step: {}, {} of them by matrixmultiply", all / 100, packed / 100);
    assert!(all - packed <= 100 * 12, "{all} allocations in 100 steps");
}

fn alternating_programs_reuse_their_buffers() {
    let params = Params::<f32>::new();
    let mut tape = Tape::new();
    let x = Array2::<f32>::ones((64, 64));
    let mut step = |k: usize| {
        let step = tape.record(&params);
        let y = step.input(&x);
        let y = if k.is_multiple_of(2) { y.exp() + y } else { y.sin() * y };
        assert!(y.sum().item().is_finite());
    };
    (0..6).for_each(&mut step);
    assert_eq!(counted(&LARGE, || (0..100).for_each(&mut step)), 0, "each turn takes over the buffers of the other");
}

fn rows_along_the_first_axis_and_picks_allocate_no_tensor() {
    let mut params = Params::<f32>::new();
    let w = params.add("w", [3], || 0.5);
    let norm = BatchNorm::new(&mut params, "norm", 3);
    let (mut tape, mut gradient) = (Tape::new(), params.gradient());
    let x = Array2::from_shape_fn((2000, 3), |(i, j)| (i * (j + 1) % 17) as f32);
    let picks = Array2::from_shape_fn((2000, 1), |(i, _)| i % 3);
    let mut step = || {
        let step = tape.train(&params, 1);
        let x = step.input(&x) * step.param(w);
        let rows = x.softmax(0) + x.log_softmax(0) + x.standardize(0, 1e-5) + norm.forward(x);
        (rows.sum() + rows.gather(1, &picks).square().mean()).backward(&mut gradient);
    };
    (0..3).for_each(|_| step());
    assert_eq!(counted(&LARGE, || (0..20).for_each(|_| step())), 0, "large allocations in 20 steps");
}

fn batched_products_allocate_no_tensor() {
    let params = Params::<f32>::new();
    let mut tape = Tape::new();
    let (a, b) = (ndarray::Array3::<f32>::ones((2000, 2, 3)), ndarray::Array3::<f32>::ones((2000, 3, 2)));
    let mut step = || {
        let step = tape.record(&params);
        let a = step.input(&a);
        let slope = a.matmul(step.input(&b)).square().sum().gradient(a);
        assert_eq!(slope.sum().item(), 2000.0 * 6.0 * 12.0);
    };
    (0..3).for_each(|_| step());
    assert_eq!(counted(&LARGE, || (0..5).for_each(|_| step())), 0, "large allocations in 5 steps");
}

/// A chain of tensors of this length.
fn wave(tape: &mut Tape<f64>, params: &Params<f64>, length: usize) {
    let data = vec![0.5; length];
    let step = tape.record(params);
    let mut x = step.input(&data[..]);
    for _ in 0..5 {
        x = x.sin();
    }
    assert!(x.sum().item().is_finite());
}

fn lengths_that_come_again_allocate_nothing() {
    let params = Params::<f64>::new();
    for lengths in [&[128, 128, 128, 37][..], &[100, 200, 300, 400, 500, 600, 700, 800], &[800, 70, 300, 2000, 150]] {
        let mut tape = Tape::new();
        let mut epoch = || lengths.iter().for_each(|&length| wave(&mut tape, &params, length));
        // A few epochs, until each length has found its buffers.
        (0..8).for_each(|_| epoch());
        let data = lengths.iter().filter(|&&length| length * size_of::<f64>() >= TENSOR).count();
        assert_eq!(counted(&LARGE, || (0..10).for_each(|_| epoch())), 10 * data, "{lengths:?}: more than the data");
    }
}

fn shapes_that_grow_leave_nothing_behind() {
    let params = Params::<f64>::new();
    let ways: [(&str, Vec<usize>); 2] =
        [("by 10", (10..=12_000).step_by(10).collect()), ("threefold", (0..7).map(|k| 30 * 3_usize.pow(k)).collect())];
    for (way, lengths) in ways {
        let mut tape = Tape::new();
        let before = HELD.load(Ordering::Relaxed);
        for &length in &lengths {
            wave(&mut tape, &params, length);
        }
        let held = HELD.load(Ordering::Relaxed) - before;
        let alive = 5 * lengths[lengths.len() - 1] * size_of::<f64>();
        // Besides the values, the tape keeps each shape that it met.
        let shapes = 256 * lengths.len();
        println!("growing {way}: {held} bytes held, {alive} in values");
        assert!(held < alive + alive / 10 + shapes, "{held} bytes held for {alive} in values");
        tape.clear();
        assert!(HELD.load(Ordering::Relaxed) < before + alive / 10, "`clear` gives it back");
    }
}

/// The most that is held at a time while `f` runs, beyond what was held before.
fn peak(f: impl FnOnce()) -> usize {
    let before = HELD.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    f();
    PEAK.load(Ordering::Relaxed) - before
}

fn checkpoints_lower_the_peak() {
    const LAYERS: usize = 36;
    const BATCH: usize = 512;
    let mut params = Params::<f32>::new();
    let layers: Vec<_> = (0..LAYERS).map(|k| params.add(&format!("w{k}"), [32, 32], || 0.02)).collect();
    let x = Array2::<f32>::ones((BATCH, 32));
    let tensor = BATCH * 32 * size_of::<f32>();
    // A checkpoint around as many layers, none for 0; those of the second kind stand within larger ones.
    let step = |tape: &mut Tape<f32>, gradient: &mut Gradient<f32>, each: usize, within: bool| {
        let step = tape.record(&params);
        let mut y = step.input(&x);
        for block in layers.chunks(each.max(1)) {
            y = match (each, within) {
                (0, _) => run(y, block),
                (_, false) => y.checkpoint(|y| run(y, block)),
                (_, true) => y.checkpoint(|y| block.chunks(3).fold(y, |y, inner| y.checkpoint(|y| run(y, inner)))),
            };
        }
        y.square().mean().backward(gradient)
    };
    let measure = |each: usize, within: bool| {
        let before = HELD.load(Ordering::Relaxed);
        let (mut tape, mut gradient) = (Tape::new(), params.gradient());
        let first = peak(|| {
            step(&mut tape, &mut gradient, each, within);
        });
        let bits: Vec<u32> = gradient.flat().iter().map(|g| g.to_bits()).collect();
        for _ in 0..6 {
            step(&mut tape, &mut gradient, each, within);
        }
        let steady = HELD.load(Ordering::Relaxed) - before;
        assert_eq!(gradient.flat().iter().map(|g| g.to_bits()).collect::<Vec<_>>(), bits);
        println!(
            "checkpoints of {each} layers, within others: {within}: {} tensors at the peak of the first step, {} held later",
            first / tensor,
            steady / tensor
        );
        (first, steady, bits)
    };
    let (kept, by_six, within) = (measure(0, false), measure(6, false), measure(12, true));
    assert!(kept.2 == by_six.2 && kept.2 == within.2, "the same bits");
    // Without checkpoints the tensors of each layer are kept; with them the ends of blocks and those of one block.
    assert!(kept.1 > 2 * LAYERS * tensor, "{} tensors", kept.1 / tensor);
    assert!(3 * by_six.0 < kept.0 && 3 * by_six.1 < kept.1, "{} and {} bytes", by_six.0, by_six.1);
    assert!(within.1 < by_six.1, "checkpoints within checkpoints: {} against {}", within.1, by_six.1);
}

/// A few layers.
fn run<'t>(x: Var<'t, f32>, layers: &[Param]) -> Var<'t, f32> {
    layers.iter().fold(x, |x, &w| (x.matmul(x.param(w)).sin() * 0.5 + x).tanh())
}

fn a_jvp_keeps_no_more_as_it_goes_deeper() {
    let x = Array2::<f32>::ones((512, 32));
    let tensor = x.len() * size_of::<f32>();
    let held = |depth: usize| {
        let mut params = Params::<f32>::new();
        let layers: Vec<_> = (0..depth).map(|k| params.add(&format!("w{k}"), [32, 32], || 0.02)).collect();
        let before = HELD.load(Ordering::Relaxed);
        let mut tape = Tape::new();
        for _ in 0..6 {
            let step = tape.record(&params);
            let weights: Vec<_> = layers.iter().map(|&w| step.param(w)).collect();
            let tangent = run(step.input(&x), &layers).sum().jvps(&weights, &weights);
            assert!(tangent.item().is_finite());
        }
        // Without what the tables take.
        HELD.load(Ordering::Relaxed) - before - tape.bytes()
    };
    let (shallow, deep) = (held(6), held(36));
    println!("a jvp: {} tensors for 6 layers, {} for 36", shallow / tensor, deep / tensor);
    assert!(deep < shallow + 2 * tensor, "{shallow} bytes for 6 layers, {deep} for 36");
}

fn a_linearised_function_holds_what_directions_take_from_it() {
    const DEPTH: usize = 20;
    let x = Array2::<f64>::from_elem((500, 20), 0.3);
    let tensor = x.len() * size_of::<f64>();
    let before = HELD.load(Ordering::Relaxed);
    let line = linearize(|x| (0..DEPTH).fold(x, |x, _| x.tanh()), &x);
    let held = HELD.load(Ordering::Relaxed) - before;
    println!("linearised: {} tensors held for {DEPTH} slopes", held / tensor);
    // (1 + y) and (1 − y) of each, the point, the direction, the cotangent, the result; and what a run takes.
    assert!(held < (2 * DEPTH + 10) * tensor, "{} tensors", held / tensor);
    let (direction, mut sum) = (x.clone(), 0.0);
    sum += line.jvp(&direction).sum();
    let more = peak(|| (0..10).for_each(|_| sum += line.jvp(&direction).sum()));
    assert!(more < 2 * tensor, "{more} bytes in 10 directions: no more than a result");
    drop(line);
    // But for the direction.
    assert!(HELD.load(Ordering::Relaxed) < before + 2 * tensor, "all is given back; {sum}");
}

fn a_million_instructions_take_64_bytes_each() {
    const LINKS: usize = 250_000;
    let params = Params::<f32>::new();
    let mut tape = Tape::new();
    let before = HELD.load(Ordering::Relaxed);
    let chain = |tape: &mut Tape<f32>, differentiate: bool| {
        let step = tape.record(&params);
        let start = step.variable(&[0.5]);
        let mut x = start;
        for _ in 0..LINKS {
            x = (x * 1.001 - 0.0005).sin().tanh() + 0.1;
        }
        if differentiate {
            let slope = x.gradient(start);
            (x.item(), slope.item())
        } else {
            (x.item(), 0.0)
        }
    };
    let (value, _) = chain(&mut tape, false);
    let per_instruction = |tape: &Tape<f32>| (HELD.load(Ordering::Relaxed) - before) as f64 / tape.len() as f64;
    println!("forward: {} instructions, {:.1} bytes each, values included", tape.len(), per_instruction(&tape));
    assert!(tape.len() > 1_000_000);
    let (again, slope) = chain(&mut tape, true);
    assert!(value == again && value.is_finite() && slope.is_finite());
    println!(
        "with adjoint: {} instructions, {:.1} bytes each, values included; tables alone {:.1}",
        tape.len(),
        per_instruction(&tape),
        tape.bytes() as f64 / tape.len() as f64
    );
    assert!(tape.len() > 2_000_000);
    assert!(tape.bytes() as f64 <= 64.0 * tape.len() as f64, "{} bytes for {}", tape.bytes(), tape.len());
    for _ in 0..4 {
        assert_eq!(chain(&mut tape, true), (again, slope));
    }
    println!(
        "planned: {:.1} bytes each, values included; tables alone {:.1}",
        per_instruction(&tape),
        tape.bytes() as f64 / tape.len() as f64
    );
    assert!(tape.plans() > 0);
    assert!(tape.bytes() as f64 <= 64.0 * tape.len() as f64, "{} bytes for {}", tape.bytes(), tape.len());
}
