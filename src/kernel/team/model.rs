//! All interleavings of small regions, tried out by loom: `RUSTFLAGS="--cfg loom" cargo test --release --lib team`.
//!
//! Chunks write cells that are not atomic, and the caller reads them when its region is over: loom reports every access
//! that another one does not happen before.

use std::sync::atomic::{AtomicUsize, Ordering};

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::{Region, SEAT};

/// A number for each chunk.
struct Cells(Vec<UnsafeCell<usize>>);

// SAFETY: loom panics where accesses are not ordered; that is what is tested.
unsafe impl Sync for Cells {}

impl Cells {
    fn new(chunks: usize) -> Self {
        Self((0..chunks).map(|_| UnsafeCell::new(0)).collect())
    }

    fn add(&self, chunk: usize, by: usize) {
        // SAFETY: see above.
        self.0[chunk].with_mut(|cell| unsafe { *cell += by });
    }

    /// Takes them back: here a race with anybody who is still at work would be seen.
    fn take(self) -> Vec<usize> {
        // SAFETY: see above.
        self.0.iter().map(|cell| cell.with_mut(|cell| unsafe { *cell })).collect()
    }
}

fn region_of(region: &Region, chunks: usize, helpers: usize, by: usize) {
    let cells = Cells::new(chunks);
    region.run(chunks, helpers, &|chunk| cells.add(chunk, by));
    assert_eq!(cells.take(), vec![by; chunks], "each chunk once");
}

/// All interleavings with at most so many changes of thread that were not forced; without the bound, three threads take hours.
fn bounded() -> loom::model::Builder {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model
}

#[test]
fn one_helper_and_two_regions() {
    loom::model(|| {
        let region = Arc::new(Region::new());
        let other = Arc::clone(&region);
        let helper = thread::spawn(move || {
            other.help();
            other.help();
        });
        region_of(&region, 2, 1, 3);
        region_of(&region, 2, 1, 5);
        helper.join().unwrap();
    });
}

#[test]
fn two_helpers_and_one_seat() {
    bounded().check(|| {
        let region = Arc::new(Region::new());
        let helpers = [(); 2].map(|()| {
            let region = Arc::clone(&region);
            thread::spawn(move || region.help())
        });
        region_of(&region, 2, 1, 3);
        let joined = helpers.map(|helper| usize::from(helper.join().unwrap()));
        assert!(joined[0] + joined[1] <= 1, "a seat for one");
    });
}

#[test]
fn two_helpers_and_two_regions() {
    bounded().check(|| {
        let region = Arc::new(Region::new());
        let helpers = [(); 2].map(|()| {
            let region = Arc::clone(&region);
            thread::spawn(move || region.help())
        });
        region_of(&region, 3, 2, 3);
        region_of(&region, 2, 2, 5);
        helpers.into_iter().for_each(|helper| drop(helper.join().unwrap()));
    });
}

#[test]
fn some_interleaving_has_help() {
    static HELPED: AtomicUsize = AtomicUsize::new(0);
    loom::model(|| {
        let region = Arc::new(Region::new());
        let other = Arc::clone(&region);
        let helper = thread::spawn(move || HELPED.fetch_add(usize::from(other.help()), Ordering::Relaxed));
        region_of(&region, 2, 1, 3);
        helper.join().unwrap();
    });
    assert!(HELPED.load(Ordering::Relaxed) > 0);
}

/// The negative control: a helper that looks the closure up before it has claimed a chunk.
#[test]
#[should_panic(expected = "Causality violation")]
fn looking_before_claiming_is_caught() {
    loom::model(|| {
        let region = Arc::new(Region::new());
        let other = Arc::clone(&region);
        let helper = thread::spawn(move || {
            // SAFETY: none; that is what is to be found.
            let work = other.work.with(|place| unsafe { *place });
            if let Some(chunk) = other.claim(SEAT) {
                // SAFETY: as above.
                unsafe { (*work)(chunk) };
                other.pending.0.fetch_sub(1, super::Ordering::Release);
            }
        });
        region_of(&region, 2, 1, 3);
        region_of(&region, 2, 1, 5);
        helper.join().unwrap();
    });
}

/// Another: a report that does not publish what was computed.
#[test]
#[should_panic(expected = "Causality violation")]
fn a_relaxed_report_is_caught() {
    loom::model(|| {
        let region = Arc::new(Region::new());
        let other = Arc::clone(&region);
        let helper = thread::spawn(move || {
            if let Some(chunk) = other.claim(SEAT) {
                // SAFETY: a chunk is claimed and not reported.
                other.work.with(|place| unsafe { (**place)(chunk) });
                other.pending.0.fetch_sub(1, super::Ordering::Relaxed);
            }
        });
        region_of(&region, 2, 1, 3);
        helper.join().unwrap();
    });
}
