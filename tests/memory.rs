//! What a tape takes: bytes per instruction, no allocation in the steady state, no recursion.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use gradus::prelude::*;

/// Counts what the program allocates.
struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);
static LARGE: AtomicUsize = AtomicUsize::new(0);
static HELD: AtomicUsize = AtomicUsize::new(0);

static PACKED: AtomicUsize = AtomicUsize::new(0);

/// matrixmultiply packs operands into a buffer of its own for each product, aligned like this; tensors are not.
const PACKING: usize = 32;
/// From this size on an allocation may hold a tensor of these tests.
const TENSOR: usize = 512;

#[allow(unsafe_code, reason = "an allocator is unsafe by its trait; all is handed to the system's")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        HELD.fetch_add(layout.size(), Ordering::Relaxed);
        if layout.align() >= PACKING {
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
    a_million_instructions_take_64_bytes_each();
    println!("3 passed, 0 failed");
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
    (0..4).for_each(&mut step);
    assert_eq!(counted(&LARGE, || (0..100).for_each(&mut step)), 0, "each turn takes over the buffers of the other");
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
}
