use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use rayon::{ThreadPool, ThreadPoolBuilder};

use super::region::{CHUNKS, Region};
use super::{OWN, Team, run};

/// Regions of a stress test; Miri is some thousand times slower.
const MANY: usize = if cfg!(miri) { 30 } else { 20_000 };

fn pool(threads: usize) -> ThreadPool {
    ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
}

/// Runs a region and sees that each chunk was run once.
fn each_chunk_once(chunks: usize, threads: usize) {
    let counts: Vec<_> = (0..chunks).map(|_| AtomicUsize::new(0)).collect();
    run(chunks, threads, &|chunk| {
        counts[chunk].fetch_add(1, Ordering::Relaxed);
    });
    assert!(counts.into_iter().all(|count| count.into_inner() == 1), "{chunks} chunks, {threads} threads");
}

fn all_sizes() {
    for chunks in [0, 1, 2, 3, 17, if cfg!(miri) { 20 } else { 300 }] {
        for threads in [0, 1, 2, 3, 64] {
            each_chunk_once(chunks, threads);
        }
    }
}

#[test]
fn each_chunk_is_run_once() {
    all_sizes();
}

#[test]
fn each_chunk_is_run_once_inside_of_pools() {
    for threads in [1, 2, 3] {
        pool(threads).install(all_sizes);
    }
}

#[test]
fn each_chunk_is_run_once_inside_of_joins() {
    pool(2).install(|| {
        rayon::join(all_sizes, || rayon::join(all_sizes, all_sizes));
    });
}

#[test]
fn work_inside_of_work_is_done_by_who_has_it() {
    pool(3).install(|| {
        let count = AtomicUsize::new(0);
        run(7, 3, &|_| {
            let here = thread::current().id();
            run(5, 3, &|_| {
                assert_eq!(thread::current().id(), here);
                count.fetch_add(1, Ordering::Relaxed);
            });
        });
        assert_eq!(count.into_inner(), 35);
    });
}

#[test]
fn jobs_inside_of_work_may_call() {
    pool(2).install(|| {
        run(6, 2, &|_| {
            rayon::join(|| each_chunk_once(5, 2), || each_chunk_once(9, 2));
        });
    });
}

#[test]
fn who_is_at_work_helps_no_other() {
    let other = thread::spawn(Team::new).join().unwrap();
    pool(2).install(|| {
        run(6, 2, &|_| {
            other.helpers.fetch_add(1, Ordering::Relaxed);
            other.help();
            each_chunk_once(5, 2);
        });
    });
    assert_eq!(other.helpers.into_inner(), 0);
}

#[test]
fn one_thread_keeps_the_order() {
    let order = Mutex::new(Vec::new());
    run(9, 1, &|chunk| order.lock().unwrap().push(chunk));
    assert!(order.into_inner().unwrap().into_iter().eq(0..9));
}

/// The threads that took part in some regions of two threads at most.
fn who_works(regions: usize) -> HashSet<thread::ThreadId> {
    let ids = Mutex::new(HashSet::new());
    for _ in 0..regions {
        let now = Mutex::new(HashSet::new());
        run(12, 2, &|_| {
            now.lock().unwrap().insert(thread::current().id());
        });
        let now = now.into_inner().unwrap();
        assert!(now.len() <= 2, "{} threads", now.len());
        ids.lock().unwrap().extend(now);
    }
    ids.into_inner().unwrap()
}

#[test]
fn helpers_come() {
    pool(2).install(|| while who_works(20).len() < 2 {});
}

#[test]
fn no_more_threads_than_allowed() {
    pool(4).install(|| {
        // Four linger, two may work.
        (0..MANY.min(200)).for_each(|_| each_chunk_once(64, 4));
        who_works(MANY / 20);
    });
}

#[test]
fn helpers_are_of_the_pool() {
    let pool = pool(3);
    let members: HashSet<_> = pool.broadcast(|_| thread::current().id()).into_iter().collect();
    assert!(pool.install(|| who_works(MANY.min(200))).is_subset(&members));
}

#[test]
fn helpers_leave() {
    pool(2).install(|| {
        each_chunk_once(100, 2);
        while OWN.with(|team| team.helpers.load(Ordering::Relaxed)) > 0 {
            thread::yield_now();
        }
        each_chunk_once(100, 2);
    });
}

#[test]
fn a_panic_arrives_when_all_is_done() {
    pool(2).install(|| {
        for round in 0..if cfg!(miri) { 2 } else { 50 } {
            let done = AtomicUsize::new(0);
            let result = catch_unwind(AssertUnwindSafe(|| {
                run(10, 2, &|chunk| {
                    done.fetch_add(1, Ordering::Relaxed);
                    assert!(chunk != round % 10 && chunk != 3, "chunk of {round}");
                });
            }));
            let message = *result.unwrap_err().downcast::<String>().unwrap();
            assert_eq!((message, done.into_inner()), (format!("chunk of {round}"), 10));
            each_chunk_once(10, 2);
        }
    });
}

#[test]
#[should_panic(expected = "chunks, at most")]
fn chunks_are_counted_in_28_bits() {
    Region::new().run(CHUNKS + 1, 1, &|_| ());
}

/// Sums of numbers on the caller's stack, which are gone when the next region begins.
fn many_small_regions(regions: usize) {
    for round in 0..regions {
        let numbers = [round; 5];
        let mut squares = [0; 5];
        let places = Mutex::new(squares.iter_mut().collect::<Vec<_>>());
        run(5, 4, &|chunk| {
            let mut places = places.lock().unwrap();
            *places[chunk] = numbers[chunk] * numbers[chunk];
        });
        assert_eq!(squares, [round * round; 5]);
    }
}

#[test]
fn many_callers_at_once() {
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| many_small_regions(MANY));
        }
    });
}

#[test]
fn many_callers_of_one_pool() {
    pool(3).scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|_| many_small_regions(MANY / 4));
        }
    });
}

/// The protocol alone, with helpers that never rest.
#[test]
fn regions_under_stress() {
    let (region, over, helped) = (Region::new(), AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    helped.fetch_add(usize::from(region.help()), Ordering::Relaxed);
                }
            });
        }
        for round in 0..MANY {
            let mut out = [0; 4];
            let places = out.each_mut().map(Mutex::new);
            region.run(4, 2, &|chunk| **places[chunk].lock().unwrap() += round + chunk);
            assert_eq!(out, [0, 1, 2, 3].map(|chunk| round + chunk));
        }
        while helped.load(Ordering::Relaxed) == 0 {
            region.run(4, 2, &|_| thread::yield_now());
        }
        over.store(true, Ordering::Relaxed);
    });
}
