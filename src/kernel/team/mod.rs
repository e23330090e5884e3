//! Threads: a caller that works, and helpers borrowed from rayon.
//!
//! Handing work to another thread costs more than most of what there is to hand over: waking one takes several
//! microseconds, a step of a small network hundreds. So whoever helped stays for a moment and looks out for more
//! ([`LINGER`]), and the work of the next region begins within one. A thread that finds nothing goes back to rayon: none
//! spins while there is nothing to do.
//!
//! * *Whose threads.* Helpers are jobs in the pool that `rayon_core::spawn` would use here: the installed one, or the global
//!   one. Together with the caller they are never more than the threads of that pool, so `RAYON_NUM_THREADS` holds.
//! * *Nobody is waited for.* Chunks are claimed, see [`region`]; the caller computes whatever nobody else took, and waits
//!   for claimed chunks only. A pool that is busy with other things costs the helpers, never the progress.
//! * *One team for each calling thread.* A thread belongs to one pool, so its helpers do; and threads that call at the same
//!   time do not meet. Work inside of work is done by the thread that has it.
//!
//! What is computed must not depend on who computes it: chunks are cut by sizes, never by the number of threads.

use std::cell::Cell;
use std::hint::spin_loop;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

mod region;
mod sync;
#[cfg(all(test, not(loom)))]
mod tests;

use region::Region;

/// How long a helper looks out for the next region: longer than the serial work between two regions of a training step.
const LINGER: Duration = Duration::from_micros(150);
/// How long a helper stays before rayon's other jobs and other callers get their turn. It comes back to where it was: a
/// thread that is woken anew may find itself on the core of the one it should help.
const STAY: Duration = Duration::from_millis(2);
/// Looks between two looks at the clock.
const LOOKS: u32 = 64;

/// Runs `work(0)`, …, `work(chunks - 1)`, each once, on this thread and on helpers: at most `threads` together.
///
/// Returns when all is done. With one thread, or where there is no other, the chunks come in order and nothing is paid.
/// `work` must not wait for another chunk.
///
/// # Panics
///
/// With the panic of a chunk, after the others are done.
pub(crate) fn run(chunks: usize, threads: usize, work: &(dyn Fn(usize) + Sync)) {
    let helpers = helpers(chunks, threads);
    if helpers == 0 || OWN.try_with(|team| team.run(chunks, helpers, work)).is_err() {
        (0..chunks).for_each(work);
    }
}

/// How many threads may work together here and now, the caller among them.
pub(crate) fn threads() -> usize {
    let most = LIMIT.get();
    if most <= 1 || INSIDE.get() { 1 } else { most.min(rayon_core::current_num_threads()) }
}

/// How many threads may work together at most, whatever the pool has.
pub(crate) fn limit() -> usize {
    LIMIT.get()
}

/// Calls `f`, in which at most so many threads work together.
pub(crate) fn limited<R>(threads: usize, f: impl FnOnce() -> R) -> R {
    /// Sets the limit back, also when `f` panics.
    struct Before(usize);
    impl Drop for Before {
        fn drop(&mut self) {
            LIMIT.set(self.0);
        }
    }
    let _before = Before(LIMIT.replace(threads));
    f()
}

/// How many helpers there may be: none where there is nothing to share, and none inside of work.
fn helpers(chunks: usize, threads: usize) -> usize {
    let most = threads.min(chunks);
    if most <= 1 || INSIDE.get() {
        return 0;
    }
    most.min(rayon_core::current_num_threads()) - 1
}

thread_local! {
    static OWN: Arc<Team> = Arc::new(Team::new());
    /// What [`limited`] set.
    static LIMIT: Cell<usize> = const { Cell::new(usize::MAX) };
    /// Whether this thread is computing chunks.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
    /// Whether this thread helps a team, and does other things meanwhile.
    static HELPING: Cell<bool> = const { Cell::new(false) };
}

/// A thread that calls and those who help it.
struct Team {
    owner: ThreadId,
    region: Region,
    /// Helpers that are there or on their way.
    helpers: AtomicUsize,
}

impl Team {
    fn new() -> Self {
        Self { owner: thread::current().id(), region: Region::new(), helpers: AtomicUsize::new(0) }
    }

    fn run(self: &Arc<Self>, chunks: usize, helpers: usize, work: &(dyn Fn(usize) + Sync)) {
        for _ in self.helpers.load(Ordering::Relaxed)..helpers {
            self.helpers.fetch_add(1, Ordering::Relaxed);
            let team = Arc::clone(self);
            rayon_core::spawn(move || team.help());
        }
        let _inside = Inside::enter();
        self.region.run(chunks, helpers, work);
    }

    /// What a helper does, from coming to leaving.
    fn help(&self) {
        // A worker finds its own job, or while it is at work another's, when it has to wait for a job of rayon.
        if thread::current().id() != self.owner && !INSIDE.get() {
            self.linger();
        }
        self.helpers.fetch_sub(1, Ordering::Relaxed);
    }

    fn linger(&self) {
        let is_guest = HELPING.replace(true);
        let mut came = Instant::now();
        let mut worked = came;
        loop {
            let inside = Inside::enter();
            let found = (0..LOOKS).any(|_| {
                spin_loop();
                self.region.help()
            });
            drop(inside);
            let now = Instant::now();
            if found {
                worked = now;
            }
            if now - worked > LINGER {
                break;
            }
            if now - came > STAY {
                if is_guest {
                    break;
                }
                rayon_core::yield_now();
                came = Instant::now();
            }
        }
        HELPING.set(is_guest);
    }
}

/// Marks this thread as one that computes chunks, until dropped.
struct Inside;

impl Inside {
    fn enter() -> Self {
        INSIDE.set(true);
        Self
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.set(false);
    }
}
