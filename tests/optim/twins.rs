//! Each rule against a twin that is one plain loop over single numbers: the same bits, however a step is computed.

use gradus::optim::{
    AdaDelta, AdaMax, Descent, Iteration, Lion, NAdam, NesterovLookahead, RAdam, Rprop, Rule, Vectors,
};
use gradus::prelude::*;
use rayon::ThreadPoolBuilder;

use super::support::{Boxed, Configure, bits};

/// The recurrences of the docs, with the order of operations that they state.
#[derive(Clone, Debug)]
enum Twin {
    Descent,
    Momentum {
        beta: f64,
        take: f64,
        ahead: bool,
    },
    AdaGrad,
    RmsProp {
        momentum: f64,
        centered: bool,
    },
    Adam {
        amsgrad: bool,
    },
    AdaDelta,
    AdaMax,
    /// With ψ = 0, so that every μ is β₁/2.
    NAdam,
    RAdam,
    Rprop,
    Lion,
}

fn sign<T: Real>(x: T) -> T {
    if x > T::zero() {
        T::one()
    } else if x < T::zero() {
        -T::one()
    } else {
        x
    }
}

impl Rule for Twin {
    const NAME: &'static str = "Twin";

    fn vectors(&self) -> &'static [&'static str] {
        &["a", "b", "c"]
    }

    fn update<T: Real>(&self, now: Iteration<T>, theta: &mut [T], gradient: &[T], vectors: Vectors<'_, T>) {
        let [a, b, c] = vectors.split();
        let rate = T::of(now.learning_rate);
        for (((x, &g), a), (b, c)) in theta.iter_mut().zip(gradient).zip(a).zip(b.iter_mut().zip(c)) {
            let (g, start) = (now.gradient(g, *x), now.decayed(*x));
            *x = match *self {
                Self::Descent => start - rate * g,
                Self::Momentum { beta, take, ahead } => {
                    let beta = T::of(beta);
                    let take = T::of(if now.number == 1 && take != 0.25 { 1.0 } else { take });
                    *a = beta * *a + take * g;
                    start - rate * if ahead { g + beta * *a } else { *a }
                }
                Self::AdaGrad => {
                    *a += g * g;
                    start - rate * g / (a.sqrt() + T::of(1e-10))
                }
                Self::RmsProp { momentum, centered } => {
                    let (keep, take) = (T::of(0.9), T::of(1.0 - 0.9));
                    *a = keep * *a + take * g * g;
                    *b = keep * *b + take * g;
                    let variance = if centered { *a - *b * *b } else { *a };
                    let variance = if variance < T::zero() { T::zero() } else { variance };
                    *c = T::of(momentum) * *c + g / (variance.sqrt() + T::of(1e-8));
                    start - rate * *c
                }
                Self::Adam { amsgrad } => {
                    let rate = T::of(now.learning_rate / now.bias_correction(0.9));
                    let unbias = T::of(now.bias_correction(0.999).sqrt().recip());
                    *a = T::of(0.9) * *a + T::of(1.0 - 0.9) * g;
                    *b = T::of(0.999) * *b + T::of(1.0 - 0.999) * g * g;
                    *c = if amsgrad && *c > *b { *c } else { *b };
                    start - rate * *a / (unbias * c.sqrt() + T::of(1e-8))
                }
                Self::AdaDelta => {
                    let (keep, take, epsilon) = (T::of(0.9), T::of(1.0 - 0.9), T::of(1e-6));
                    *a = keep * *a + take * g * g;
                    let d = (*b + epsilon).sqrt() / (*a + epsilon).sqrt() * g;
                    *b = keep * *b + take * d * d;
                    start - rate * d
                }
                Self::AdaMax => {
                    let (faded, size) = (T::of(0.999) * *b, g.abs() + T::of(1e-8));
                    *a = T::of(0.9) * *a + T::of(1.0 - 0.9) * g;
                    *b = if faded > size { faded } else { size };
                    start - T::of(now.learning_rate / now.bias_correction(0.9)) * *a / *b
                }
                Self::NAdam => {
                    let momentum = 0.9 * 0.5;
                    let product = (0..now.number).fold(1.0, |product, _| product * momentum);
                    let rate = now.learning_rate * momentum / (1.0 - product * momentum);
                    let ahead = now.learning_rate * (1.0 - momentum) / (1.0 - product);
                    let unbias = T::of(now.bias_correction(0.999).sqrt().recip());
                    *a = T::of(0.9) * *a + T::of(1.0 - 0.9) * g;
                    *b = T::of(0.999) * *b + T::of(1.0 - 0.999) * g * g;
                    start - (T::of(rate) * *a + T::of(ahead) * g) / (unbias * b.sqrt() + T::of(1e-8))
                }
                Self::RAdam => {
                    let (corrected, longest) = (now.bias_correction(0.9), 2.0 / (1.0 - 0.9) - 1.0);
                    let length = longest - 2.0 * now.number as f64 * (1.0 - corrected) / corrected;
                    let rectified =
                        (length - 4.0) * (length - 2.0) * longest / ((longest - 4.0) * (longest - 2.0) * length);
                    let rate = now.learning_rate / now.bias_correction(0.9);
                    *a = T::of(0.9) * *a + T::of(1.0 - 0.9) * g;
                    *b = T::of(0.9) * *b + T::of(1.0 - 0.9) * g * g;
                    if length > 5.0 {
                        start - T::of(rate * (rectified * corrected).sqrt()) * *a / (b.sqrt() + T::of(1e-8))
                    } else {
                        // What overflows is NaN: see the docs.
                        start - T::of(rate) * *a / (T::zero() * b.sqrt() + T::one())
                    }
                }
                Self::Rprop => {
                    let size = if now.number == 1 { rate } else { *b };
                    let turn = *a * sign(g);
                    let factor = [1.0, 1.2, 0.5][usize::from(turn > T::zero()) + 2 * usize::from(turn < T::zero())];
                    *b = (size * T::of(factor)).max(T::of(1e-6)).min(T::of(50.0));
                    *a = if turn < T::zero() { T::zero() } else { sign(g) };
                    start - *b * *a
                }
                Self::Lion => {
                    let direction = T::of(0.9) * *a + T::of(1.0 - 0.9) * g;
                    *a = T::of(0.99) * *a + T::of(1.0 - 0.99) * g;
                    start - rate * sign(direction)
                }
            };
        }
    }
}

/// The same for the rule that looks ahead.
#[derive(Clone, Debug)]
struct AheadTwin;

impl Rule for AheadTwin {
    const NAME: &'static str = "AheadTwin";
    const LOOKS_AHEAD: bool = true;

    fn vectors(&self) -> &'static [&'static str] {
        &["velocity", "iterate"]
    }

    fn look_ahead<T: Real>(&self, theta: &mut [T], vectors: Vectors<'_, T>) {
        let [velocity, iterate] = vectors.split();
        for ((x, v), start) in theta.iter_mut().zip(velocity).zip(iterate) {
            *start = *x;
            *x += T::of(0.9) * *v;
        }
    }

    fn look_back<T: Real>(&self, theta: &mut [T], vectors: Vectors<'_, T>) {
        let [_, iterate] = vectors.split();
        theta.copy_from_slice(iterate);
    }

    fn update<T: Real>(&self, now: Iteration<T>, theta: &mut [T], gradient: &[T], vectors: Vectors<'_, T>) {
        let [velocity, iterate] = vectors.split();
        for (((x, &g), v), start) in theta.iter_mut().zip(gradient).zip(velocity).zip(iterate) {
            *v = T::of(0.9) * *v - T::of(now.learning_rate) * now.gradient(g, *x);
            *x = now.decayed(*start) + *v;
        }
    }
}

/// What is done to a gradient or value before a rule sees it.
#[derive(Clone, Copy, Debug)]
struct Options {
    decay: f64,
    decoupled: bool,
    clip: Option<f64>,
    threads: usize,
}

impl Configure for Options {
    fn configure<R: Rule, T: Real>(&self, optimizer: Descent<R, T>) -> Descent<R, T> {
        let optimizer = optimizer
            .weight_decay(self.decay)
            .decoupled_weight_decay(self.decoupled)
            .threads(self.threads)
            .group(|name| name == "middle", |group| group.learning_rate_factor(0.5));
        self.clip.into_iter().fold(optimizer, Descent::clip_norm)
    }
}

/// Every rule beside its twin.
fn pairs<T: Real>(by: Options) -> Vec<(&'static str, Boxed<T>, Boxed<T>)> {
    fn pair<R: Rule, T: Real>(by: Options, rule: Descent<R, T>, twin: impl Rule) -> (&'static str, Boxed<T>, Boxed<T>) {
        let alone = Options { threads: 1, ..by };
        (R::NAME, Box::new(by.configure(rule)), Box::new(alone.configure(Descent::with_rule(twin, 0.1))))
    }
    let momentum = |beta, take, ahead| Twin::Momentum { beta, take, ahead };
    vec![
        pair(by, Sgd::new(0.1), Twin::Descent),
        pair(by, Sgd::new(0.1).momentum(0.9), momentum(0.9, 1.0, false)),
        pair(by, Sgd::new(0.1).momentum(0.9).dampening(0.5), momentum(0.9, 0.5, false)),
        pair(by, Sgd::new(0.1).nesterov(0.9), momentum(0.9, 1.0, true)),
        pair(by, Sgd::new(0.1).ema_momentum(0.75), momentum(0.75, 0.25, false)),
        pair(by, AdaGrad::new(0.1), Twin::AdaGrad),
        pair(by, RmsProp::new(0.1), Twin::RmsProp { momentum: 0.0, centered: false }),
        pair(by, RmsProp::new(0.1).momentum(0.5), Twin::RmsProp { momentum: 0.5, centered: false }),
        pair(by, RmsProp::new(0.1).centered(true), Twin::RmsProp { momentum: 0.0, centered: true }),
        pair(by, RmsProp::new(0.1).momentum(0.5).centered(true), Twin::RmsProp { momentum: 0.5, centered: true }),
        pair(by, Adam::new(0.1), Twin::Adam { amsgrad: false }),
        pair(by, Adam::new(0.1).amsgrad(true), Twin::Adam { amsgrad: true }),
        pair(by, AdamW::new(0.1), Twin::Adam { amsgrad: false }),
        pair(by, NesterovLookahead::new(0.1), AheadTwin),
        pair(by, AdaDelta::new(0.1), Twin::AdaDelta),
        pair(by, AdaMax::new(0.1), Twin::AdaMax),
        pair(by, NAdam::new(0.1).momentum_decay(0.0), Twin::NAdam),
        pair(by, RAdam::new(0.1).beta2(0.9), Twin::RAdam),
        pair(by, Rprop::new(0.1), Twin::Rprop),
        pair(by, Lion::new(0.1), Twin::Lion),
    ]
}

/// Three tensors, the middle one in a group of its own.
fn store<T: Real>(n: usize) -> Params<T> {
    let mut params = Params::new();
    let mut wave = (0..).map(|i| T::of(f64::from(i * 7919 % 1009) / 500.0 - 1.0));
    for (name, size) in [("first", n / 2), ("middle", n / 3), ("last", n - n / 2 - n / 3)] {
        let _ = params.add(name, [size], || wave.next().unwrap());
    }
    params
}

/// The values after some steps under gradients of all sizes.
fn walk<T: Real>(mut optimizer: Boxed<T>, n: usize, with: Option<T>) -> Vec<u64> {
    let mut params = store::<T>(n);
    let mut gradient = params.gradient();
    // RAdam's average of squares is of use from the sixth on.
    for step in 0..8 {
        optimizer.prepare(&mut params);
        for (i, g) in (0_u32..).zip(gradient.flat_mut()) {
            *g = T::of((f64::from(i * 31 % 1013) - 400.0 + f64::from(step)) / 300.0);
        }
        if let Some(odd) = with {
            gradient.flat_mut()[n / 2] = odd;
        }
        optimizer.step(&mut params, &gradient);
    }
    bits(params.flat())
}

/// Equal but for the payloads of NaN, which instruction sets choose.
fn same<T: Real>(a: &[u64], b: &[u64]) -> bool {
    let equal = |(&a, &b): (&u64, &u64)| a == b || (T::from_bits(a).is_nan() && T::from_bits(b).is_nan());
    a.len() == b.len() && a.iter().zip(b).all(equal)
}

fn rules_match_their_twins<T: Real>(n: usize, options: Options) {
    for (name, rule, twin) in pairs::<T>(options) {
        assert!(same::<T>(&walk(rule, n, None), &walk(twin, n, None)), "{name}, {n}, {options:?}");
    }
}

fn with_all_options<T: Real>(sizes: &[usize]) {
    for &n in sizes {
        for (decay, decoupled) in [(0.0, false), (0.25, false), (0.25, true)] {
            for clip in [None, Some(0.5)] {
                rules_match_their_twins::<T>(n, Options { decay, decoupled, clip, threads: 1 });
            }
        }
    }
}

#[test]
fn rules_match_their_twins_in_f32() {
    with_all_options::<f32>(&[1, 2, 3, 15, 16, 17, 31, 64, 100, 1000]);
}

#[test]
fn rules_match_their_twins_in_f64() {
    with_all_options::<f64>(&[1, 2, 3, 7, 8, 9, 31, 64, 100, 1000]);
}

#[test]
fn threads_change_no_bit() {
    let pool = ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    pool.install(|| {
        let options = Options { decay: 0.25, decoupled: true, clip: Some(0.5), threads: usize::MAX };
        rules_match_their_twins::<f32>(70_003, options);
        rules_match_their_twins::<f64>(70_003, Options { threads: 2, ..options });
    });
}

#[test]
fn what_is_not_finite_takes_the_same_way() {
    let options = Options { decay: 0.25, decoupled: false, clip: None, threads: 1 };
    for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 1e-310, 1e300] {
        for (name, rule, twin) in pairs::<f64>(options) {
            assert!(same::<f64>(&walk(rule, 100, Some(odd)), &walk(twin, 100, Some(odd))), "{name}, {odd}");
        }
    }
}

/// The negative control: a twin with another coefficient is told apart.
#[test]
fn another_recurrence_has_other_bits() {
    let rule: Boxed<f32> = Box::new(RmsProp::new(0.1).epsilon(1.1e-8));
    let twin: Boxed<f32> = Box::new(Descent::with_rule(Twin::RmsProp { momentum: 0.0, centered: false }, 0.1));
    let options = Options { decay: 0.0, decoupled: false, clip: None, threads: 1 };
    let Some((_, right, _)) = pairs::<f32>(options).into_iter().find(|(name, ..)| *name == "RmsProp") else {
        panic!("RmsProp has a twin")
    };
    let (rule, twin) = (walk(rule, 1000, None), walk(twin, 1000, None));
    assert!(!same::<f32>(&rule, &twin) && !same::<f32>(&twin, &walk(right, 1000, None)));
}
