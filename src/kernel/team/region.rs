//! The protocol of a parallel region: who computes which chunk, and when all are done.
#![allow(unsafe_code, reason = "kernels are the home of unsafe code")]
//!
//! One word holds the number of chunks, the next one to claim, and how many helpers may still join. Whoever wants a chunk
//! replaces the word by its successor in one atomic step. A second word counts the chunks that are not done.
//!
//! *Why nobody meets a region that is over.* The caller leaves a region only when no chunk is pending. A claim is a
//! compare-and-swap, so it succeeds only on the word as it is now, and what was claimed is pending until its claimant
//! reports. Therefore
//!
//! * between a claim and its report the region can't end: the closure, which the claimant looks up *after* claiming, is
//!   that of the region in which it claimed, however long ago it looked at the word before;
//! * a helper that comes late finds no chunk left and touches nothing; one that never comes is missed by nobody.
//!
//! *Why nothing is read while it is written.* The closure is written before the word is published (release) and looked up
//! after a claim (acquire; claims are read-modify-writes and so carry the publication on). It is written again only after
//! all reports (release) were seen (acquire), and each lookup comes before its report.
//!
//! `model.rs` has all interleavings of small regions tried out by loom.

use std::any::Any;
use std::mem::{forget, transmute};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Mutex, PoisonError};

use super::sync::{AtomicBool, AtomicU64, Ordering, UnsafeCell, Wait};

/// The most chunks of a region.
pub(super) const CHUNKS: usize = (1 << BITS) - 1;
/// The most helpers of a region.
const HELPERS: usize = (1 << (64 - 2 * BITS)) - 1;

const BITS: u32 = 28;
const MASK: u64 = (1 << BITS) - 1;
/// One more chunk is claimed.
const NEXT: u64 = 1 << BITS;
/// One helper may join.
const SEAT: u64 = 1 << (2 * BITS);

#[cfg(all(test, loom))]
#[path = "model.rs"]
mod model;

type Work<'a> = dyn Fn(usize) + Sync + 'a;

/// A value in cache lines of its own.
#[repr(align(128))]
struct Line<T>(T);

/// One region after the other; never two at a time.
pub(super) struct Region {
    /// Chunks, the next one, seats: from the low bits up.
    word: Line<AtomicU64>,
    /// Chunks that are not done.
    pending: Line<AtomicU64>,
    work: UnsafeCell<*const Work<'static>>,
    running: AtomicBool,
}

// SAFETY: the closure is `Sync` and read by other threads only as the head of this file says.
unsafe impl Send for Region {}
// SAFETY: as above.
unsafe impl Sync for Region {}

impl Region {
    pub(super) fn new() -> Self {
        let nothing: &Work<'static> = &|_| ();
        Self {
            word: Line(AtomicU64::new(0)),
            pending: Line(AtomicU64::new(0)),
            work: UnsafeCell::new(nothing),
            running: AtomicBool::new(false),
        }
    }

    /// Runs `work` for each chunk: here, and in at most so many of the threads that are in [`help`](Region::help).
    ///
    /// # Panics
    ///
    /// With the panic of a chunk, after all are done; or if a region is running.
    pub(super) fn run(&self, chunks: usize, helpers: usize, work: &Work<'_>) {
        assert!(chunks <= CHUNKS, "team: {chunks} chunks, at most {CHUNKS} are counted");
        assert!(!self.running.swap(true, Ordering::Acquire), "team: one region at a time");
        let panic = Mutex::new(None::<Box<dyn Any + Send>>);
        let guarded = |chunk| {
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| work(chunk))) {
                let mut first = panic.lock().unwrap_or_else(PoisonError::into_inner);
                if first.is_none() {
                    *first = Some(payload);
                } else {
                    // Dropping it could panic again, here where nothing may.
                    forget(payload);
                }
            }
        };
        self.run_guarded(chunks, helpers, &guarded);
        self.running.store(false, Ordering::Release);
        if let Some(payload) = panic.into_inner().unwrap_or_else(PoisonError::into_inner) {
            resume_unwind(payload);
        }
    }

    /// The same for work that does not panic: nothing between here and the end does.
    fn run_guarded(&self, chunks: usize, helpers: usize, work: &Work<'_>) {
        #[allow(clippy::transmute_ptr_to_ptr, reason = "casts are not to lengthen the lifetime of a trait object")]
        // SAFETY: only the lifetime is changed. The pointer is read after a claim alone, which this function outlives.
        let work = unsafe { transmute::<*const Work<'_>, *const Work<'static>>(work) };
        self.pending.0.store(chunks as u64, Ordering::Relaxed);
        self.work.with_mut(|place| {
            // SAFETY: one region at a time, and no chunk is pending: nobody reads it.
            unsafe { *place = work };
        });
        let seats = helpers.min(HELPERS) as u64;
        self.word.0.store(seats * SEAT + chunks as u64, Ordering::Release);
        self.claim_and_work(0);
        let mut wait = Wait::new();
        while self.pending.0.load(Ordering::Acquire) != 0 {
            wait.once();
        }
    }

    /// Joins the region that is running, if it has a seat and a chunk left; tells whether it did.
    pub(super) fn help(&self) -> bool {
        self.claim_and_work(SEAT)
    }

    /// Claims chunks and computes them until there are none; tells whether there was one. The first costs a seat.
    fn claim_and_work(&self, seat: u64) -> bool {
        let Some(first) = self.claim(seat) else {
            return false;
        };
        // SAFETY: a chunk is claimed and not reported, so this is the region's closure, and nobody writes it.
        let work = self.work.with(|place| unsafe { &**place });
        work(first);
        let mut done = 1;
        while let Some(chunk) = self.claim(0) {
            work(chunk);
            done += 1;
        }
        self.pending.0.fetch_sub(done, Ordering::Release);
        true
    }

    fn claim(&self, seat: u64) -> Option<usize> {
        let mut word = self.word.0.load(Ordering::Relaxed);
        loop {
            let (chunks, next) = (word & MASK, word >> BITS & MASK);
            // Seats are the high bits: the word is below one seat when none is left.
            if next >= chunks || word < seat {
                return None;
            }
            match self.word.0.compare_exchange_weak(word, word + NEXT - seat, Ordering::Acquire, Ordering::Relaxed) {
                #[allow(clippy::cast_possible_truncation, reason = "below 2^28")]
                Ok(_) => return Some(next as usize),
                Err(current) => word = current,
            }
        }
    }
}
