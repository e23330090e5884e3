//! What the tests share: the list of all rules, and short ways to run them.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::Once;

use gradus::optim::{AdaDelta, AdaMax, Descent, Lion, NAdam, NesterovLookahead, RAdam, Rprop, Rule};
use gradus::prelude::*;

pub(crate) type Boxed<T> = Box<dyn Optimizer<T>>;

/// What a test wants of every optimiser: any method of the driver.
pub(crate) trait Configure {
    fn configure<R: Rule, T: Real>(&self, optimizer: Descent<R, T>) -> Descent<R, T>;
}

/// As it comes.
pub(crate) struct Plain;

impl Configure for Plain {
    fn configure<R: Rule, T: Real>(&self, optimizer: Descent<R, T>) -> Descent<R, T> {
        optimizer
    }
}

/// All rules with all options that change what they keep or do, each with a learning rate that suits a quadratic.
pub(crate) fn all<T: Real>(by: &impl Configure) -> Vec<(&'static str, Boxed<T>)> {
    fn boxed<R: Rule, T: Real>(by: &impl Configure, optimizer: Descent<R, T>) -> Boxed<T> {
        Box::new(by.configure(optimizer))
    }
    vec![
        ("Sgd", boxed(by, Sgd::new(0.1))),
        ("Sgd, heavy ball", boxed(by, Sgd::new(0.1).momentum(0.5))),
        ("Sgd, dampened", boxed(by, Sgd::new(0.1).momentum(0.5).dampening(0.25))),
        ("Sgd, Nesterov", boxed(by, Sgd::new(0.1).nesterov(0.5))),
        ("Sgd, average", boxed(by, Sgd::new(0.1).ema_momentum(0.5))),
        ("AdaGrad", boxed(by, AdaGrad::new(0.5))),
        ("AdaGrad, initial", boxed(by, AdaGrad::new(0.5).initial_squares(0.25))),
        ("RmsProp", boxed(by, RmsProp::new(0.05))),
        ("RmsProp, momentum", boxed(by, RmsProp::new(0.02).momentum(0.5))),
        ("RmsProp, centred", boxed(by, RmsProp::new(0.01).centered(true))),
        ("RmsProp, both", boxed(by, RmsProp::new(0.01).centered(true).momentum(0.5))),
        ("Adam", boxed(by, Adam::new(0.1))),
        ("Adam, AMSGrad", boxed(by, Adam::new(0.1).amsgrad(true))),
        ("AdamW", boxed(by, AdamW::new(0.1))),
        ("AdamW, AMSGrad", boxed(by, AdamW::new(0.1).amsgrad(true))),
        ("NesterovLookahead", boxed(by, NesterovLookahead::new(0.1).momentum(0.5))),
        ("AdaDelta", boxed(by, AdaDelta::new(0.5).epsilon(1e-3))),
        ("AdaMax", boxed(by, AdaMax::new(0.1))),
        ("NAdam", boxed(by, NAdam::new(0.05))),
        ("NAdam, fast", boxed(by, NAdam::new(0.05).momentum_decay(10.0))),
        ("RAdam", boxed(by, RAdam::new(0.1))),
        ("RAdam, by momentum alone", boxed(by, RAdam::new(0.1).beta2(0.5))),
        ("Rprop", boxed(by, Rprop::new(0.1))),
        ("Lion", boxed(by, Lion::new(0.02))),
    ]
}

/// A store of `a` [2, 2], `a.bias` [2], nothing in `empty` [0, 3], and `b` [3].
pub(crate) fn store<T: Real>() -> Params<T> {
    let mut params = Params::new();
    let mut values = (1..).map(|i| T::of(1.0 / f64::from(i) - 0.25));
    for (name, shape) in [("a", &[2, 2][..]), ("a.bias", &[2]), ("empty", &[0, 3]), ("b", &[3])] {
        params.add(name, shape, || values.next().unwrap());
    }
    params
}

/// The gradient of Σ ½ kᵢ θᵢ² with curvatures 1, 2, 3, 1, … at the parameters, the frozen ones included, plus noise
/// that differs from step to step.
pub(crate) fn quadratic<T: Real>(params: &Params<T>, gradient: &mut Gradient<T>, noise: f64, t: u32) {
    for (i, (g, &x)) in (0_u32..).zip(gradient.flat_mut().iter_mut().zip(params.flat())) {
        let wobble = f64::from((7 * i + 5 * t) % 11) / 11.0 - 0.5;
        *g = T::of(f64::from(i % 3 + 1)) * x + T::of(noise * wobble);
    }
}

/// Makes `steps` noisy steps.
pub(crate) fn walk<T: Real, O: Optimizer<T> + ?Sized>(
    optimizer: &mut O,
    params: &mut Params<T>,
    steps: std::ops::Range<u32>,
) {
    let mut gradient = params.gradient();
    for t in steps {
        optimizer.prepare(params);
        quadratic(params, &mut gradient, 1.0, t);
        optimizer.step(params, &gradient);
    }
}

pub(crate) fn bits<T: Real>(values: &[T]) -> Vec<u64> {
    values.iter().map(|x| x.bits()).collect()
}

/// One parameter, walked over gradients that are given: its value after each step.
pub(crate) fn follow<O: Optimizer<f64>>(mut optimizer: O, start: f64, gradients: &[f64]) -> Vec<f64> {
    let mut params = Params::new();
    let _ = params.add("x", [], || start);
    let mut gradient = params.gradient();
    let step = |&g: &f64| {
        optimizer.prepare(&mut params);
        gradient.flat_mut()[0] = g;
        optimizer.step(&mut params, &gradient);
        params.flat()[0]
    };
    gradients.iter().map(step).collect()
}

#[track_caller]
pub(crate) fn assert_close(found: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (i, (&f, &e)) in found.iter().zip(expected).enumerate() {
        assert!((f - e).abs() <= tolerance * e.abs().max(1.0), "{what}: {i}: {f} instead of {e}");
    }
}

thread_local! {
    static PANICKED_AT: Cell<Option<(&'static str, u32)>> = const { Cell::new(None) };
}

/// The message of a panic, which must have been put down to this file and a line from here to 12 lines on.
#[track_caller]
pub(crate) fn panics<R>(f: impl FnOnce() -> R) -> String {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let default = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            // A leak for each panic of the tests: the file names of a location live as long as the program only here.
            let at = info.location().map(|l| (&*String::leak(l.file().to_owned()), l.line()));
            PANICKED_AT.set(at);
            default(info);
        }));
    });
    let here = Location::caller();
    let Err(panic) = catch_unwind(AssertUnwindSafe(f)) else { panic!("no panic") };
    let (file, line) = PANICKED_AT.get().expect("a panic has a location");
    assert_eq!(file, here.file(), "the panic is put down to another file");
    assert!((here.line()..here.line() + 12).contains(&line), "the panic is put down to line {line}");
    panic
        .downcast_ref::<String>()
        .cloned()
        .unwrap_or_else(|| (*panic.downcast_ref::<&str>().expect("a panic carries a text")).to_owned())
}
