//! After its first step an optimiser allocates nothing.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use gradus::prelude::*;

/// Counts what the running thread allocates.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

#[allow(unsafe_code, reason = "an allocator is unsafe by its trait; all is handed to the system's")]
// SAFETY: the system's allocator, and counting neither allocates nor panics.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promise is handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is handed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn counted(f: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    f();
    ALLOCATIONS.get() - before
}

fn check<T: Real>(name: &str, mut optimizer: impl Optimizer<T>) {
    let mut params = Params::<T>::new();
    for layer in 0..20 {
        let _ = params.add(&format!("{layer}.weight"), [16, 16], T::one);
        let _ = params.add(&format!("{layer}.bias"), [16], T::zero);
    }
    params.freeze(|name| name.starts_with("3."));
    let mut gradient = params.gradient();
    let mut step = || {
        gradient.flat_mut().fill(T::of(0.5));
        optimizer.set_learning_rate(0.01);
        optimizer.step(&mut params, &gradient);
        assert!(optimizer.gradient_norm().is_some());
    };
    assert!(counted(&mut step) > 0, "{name}: the counter counts");
    assert_eq!(counted(|| (0..10).for_each(|_| step())), 0, "{name}");
}

#[test]
fn a_steady_step_allocates_nothing() {
    macro_rules! check {
        ($($optimizer:expr;)*) => {$({
            let optimizer = $optimizer
                .clip_norm(1.0)
                .weight_decay(0.01)
                .group(|name| name.ends_with("bias"), |group| group.weight_decay(0.0).learning_rate_factor(0.5));
            check::<f32>(stringify!($optimizer), optimizer);
        })*};
    }
    check! {
        Sgd::new(0.1);
        Sgd::new(0.1).momentum(0.9);
        Sgd::new(0.1).nesterov(0.9);
        AdaGrad::new(0.1);
        RmsProp::new(0.1);
        RmsProp::new(0.1).centered(true).momentum(0.9);
        Adam::new(0.1);
        AdamW::new(0.1).amsgrad(true);
    }
}
