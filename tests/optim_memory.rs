//! After its first step an optimiser allocates nothing.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use gradus::optim::{
    AdaDelta, AdaMax, Averaged, Ema, Evaluation, GradientDescent, Lbfgs, Lion, Method, NAdam, NesterovLookahead, RAdam,
    Rprop, flat,
};
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
        optimizer.prepare(&mut params);
        gradient.flat_mut().fill(T::of(0.5));
        optimizer.set_learning_rate(0.01);
        optimizer.step(&mut params, &gradient);
    };
    assert!(counted(&mut step) > 0, "{name}: the counter counts");
    assert_eq!(counted(|| (0..10).for_each(|_| step())), 0, "{name}");
    assert!(optimizer.gradient_norm().is_some(), "{name}: updates were made");
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
        NesterovLookahead::new(0.1);
        AdaDelta::new(0.1);
        AdaMax::new(0.1);
        NAdam::new(0.1);
        RAdam::new(0.1);
        Rprop::new(0.1);
        Lion::new(0.1);
        Adam::new(0.1).schedule(schedule::WarmUp::new(3, schedule::Cosine::new(10)));
        Adam::new(0.1).clip_value(0.25).accumulate(2).skip_not_finite(true);
        NesterovLookahead::new(0.1).clip_value(0.25).accumulate(2).skip_not_finite(true);
    }
}

#[test]
fn a_steady_iteration_of_a_method_allocates_nothing() {
    fn check(name: &str, mut method: impl Method<f64>) {
        let mut params = Params::new();
        params.add("x", [100], || 2.0);
        // A long valley: no method is done in 20 iterations.
        let mut objective = flat(|x: &[f64], g: &mut [f64]| {
            let mut value = 0.0;
            for (i, (&x, g)) in x.iter().zip(g).enumerate() {
                let k = 1.0 + i as f64;
                value += k * x.powi(4);
                *g = 4.0 * k * x.powi(3);
            }
            value
        });
        let mut gradient = params.gradient();
        let mut at = Evaluation::new(&mut objective, &mut params, &mut gradient);
        let mut go = || {
            method.advance(&mut at).unwrap();
            if at.is_stale() {
                at.evaluate();
            }
        };
        assert!(counted(&mut go) > 0, "{name}: the counter counts");
        go();
        assert_eq!(counted(|| (0..15).for_each(|_| go())), 0, "{name}");
    }
    check("L-BFGS", Lbfgs::new().memory(4));
    check("backtracking", GradientDescent::new(1.0));
}

#[test]
fn steady_averages_allocate_nothing() {
    let mut params = Params::<f32>::new();
    let _ = params.add("x", [1000], || 1.0);
    let (mut ema, mut mean) = (Ema::new(0.9), Averaged::new());
    ema.update(&params);
    mean.update(&params);
    let steady = counted(|| {
        for _ in 0..10 {
            ema.update(&params);
            mean.update(&params);
            ema.swap(&mut params);
            ema.swap(&mut params);
        }
    });
    assert_eq!(steady, 0);
}
