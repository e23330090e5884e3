//! After it is made, a source of mini-batches allocates nothing. A program of its own: it counts every allocation.
#![allow(unsafe_code, reason = "an allocator cannot be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use gradus::data::{Batches, Source, Stream};
use ndarray::{Array2, Array4};

struct Counting;

thread_local! {
    /// Of this thread alone: the one that runs the tests allocates too.
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: all of it is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How many allocations `f` makes.
fn allocations(f: impl FnOnce()) -> usize {
    let before = COUNT.get();
    f();
    COUNT.get() - before
}

#[test]
fn epochs_allocate_nothing() {
    let (x, labels) = (Array2::<f32>::ones((103, 64)), vec![1_usize; 103]);
    let mut batches = Batches::of(&x, &labels, 32).shuffled(7);
    let mut seen = 0;
    let table = allocations(|| {
        for _epoch in 0..5 {
            while let Some((_, labels)) = batches.next() {
                seen += labels.len();
            }
        }
    });
    assert_eq!((table, seen), (0, 5 * 103));

    let (x, y) = (Array4::<f64>::ones((40, 2, 3, 3)), Array2::<f64>::ones((40, 1)));
    let mut batches = Batches::of(&x, &y, 16).shuffled(7);
    let images = allocations(|| while batches.next().is_some() {});
    assert_eq!(images, 0);

    let mut drawn = Batches::of(&x, &y, 16).with_replacement(7);
    assert_eq!(allocations(|| while drawn.next().is_some() {}), 0);
    let mut full = Batches::full(&x, &y);
    assert_eq!(allocations(|| while full.next().is_some() {}), 0);

    let mut stream = Stream::of((0..103_u8).map(|i| ([f32::from(i); 64], usize::from(i))), 16);
    let buffers = allocations(|| assert!(Source::next(&mut stream).is_some()));
    let batches = allocations(|| while Source::next(&mut stream).is_some() {});
    assert_eq!((buffers, batches), (2, 0));
    // That the counter counts.
    assert!(allocations(|| drop(std::hint::black_box(x.clone()))) > 0);
}
