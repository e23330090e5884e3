//! Running a program: chunk by chunk, tile by tile, step by step.

use std::sync::atomic::{AtomicU64, Ordering};

use super::program::{Part, Program};
use super::scratch::Scratch;
use super::worker::Worker;
use crate::kernel::simd::{Element, Level};
use crate::kernel::team;

/// As many threads as take part in a pass.
const MOST: usize = u64::BITS as usize;

impl<T: Element> Program<T> {
    /// Computes all outputs. In steady state nothing is allocated.
    ///
    /// # Safety
    ///
    /// For every row and column, what the graph's inputs describe must be readable and what its outputs describe must be
    /// writable by nobody else; outputs overlap neither inputs nor each other. Each slot of labels holds one for each row.
    pub(crate) unsafe fn run(
        &self,
        inputs: &[*const T],
        labels: &[*const u32],
        outputs: &[*mut T],
        scratch: &mut Scratch<T>,
        threads: usize,
    ) {
        for (part, constants) in self.parts.iter().zip(&self.constants) {
            assert!(inputs.len() >= part.inputs && outputs.len() >= part.outputs, "a slot is missing");
            let workers = threads.clamp(1, part.chunks.min(MOST));
            let (numbers, pointers) = (part.shared + workers * part.area, workers * part.pointers);
            let (shared, table) = scratch.reserve(numbers, pointers);
            let pass = Pass { part, constants, level: self.level, inputs, labels, outputs, shared, table };
            // SAFETY: the caller vouches for inputs and outputs; the memory is as large as the part asks for.
            unsafe {
                let mut worker = pass.worker(0);
                worker.once();
                if workers == 1 {
                    worker.chunk(0, part.tiling.length());
                } else {
                    pass.share(workers);
                }
                worker.finish();
            }
        }
    }
}

/// What is the same for all threads of a run.
pub(super) struct Pass<'a, T> {
    pub(super) part: &'a Part,
    pub(super) constants: &'a [T],
    pub(super) level: Level,
    pub(super) inputs: &'a [*const T],
    pub(super) labels: &'a [*const u32],
    pub(super) outputs: &'a [*mut T],
    pub(super) shared: *mut T,
    pub(super) table: *mut *mut T,
}

// SAFETY: threads read the inputs, write different chunks of the outputs, and each has memory of its own in the rest but for
// what is the same for all, which is written before they begin, and places for each chunk.
unsafe impl<T: Sync> Sync for Pass<'_, T> {}

impl<'a, T: Element> Pass<'a, T> {
    /// The `k`th thread, with its own memory.
    pub(super) fn worker(&'a self, k: usize) -> Worker<'a, T> {
        let area = self.shared.wrapping_add(self.part.shared + k * self.part.area);
        // SAFETY: there is room for as many pointers as the part asks for, and nobody else is the `k`th.
        unsafe { Worker::new(self, area, self.table.wrapping_add(k * self.part.pointers)) }
    }

    /// Shares the chunks among threads.
    ///
    /// # Safety
    ///
    /// That of [`Program::run`].
    unsafe fn share(&self, workers: usize) {
        let tiling = &self.part.tiling;
        let places = Places(AtomicU64::new(u64::MAX >> (u64::BITS as usize - workers)));
        team::run(self.part.chunks, workers, &|chunk| {
            let place = places.take();
            let start = chunk * tiling.chunk;
            // SAFETY: the caller vouches for it; nobody else has this memory before its place is given back.
            unsafe { self.worker(place.1).chunk(start, tiling.length().min(start + tiling.chunk)) };
        });
    }
}

/// Which memory is free, a bit for each thread.
struct Places(AtomicU64);

/// A place that is taken until it is dropped.
struct Taken<'a>(&'a Places, usize);

impl Places {
    /// There must be one: no more threads are at work than there are bits.
    fn take(&self) -> Taken<'_> {
        let first = |free: u64| Some(free & free.wrapping_sub(1));
        let Ok(free) = self.0.fetch_update(Ordering::Acquire, Ordering::Relaxed, first) else { unreachable!() };
        assert!(free != 0, "more threads than were asked for");
        Taken(self, free.trailing_zeros() as usize)
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_or(1 << self.1, Ordering::Release);
    }
}
