//! Schedules against closed forms in every iteration, and against PyTorch.

use gradus::prelude::*;
use schedule::{
    Constant, Cosine, Cyclic, Exponential, InverseTime, Linear, MultiStep, OneCycle, Polynomial, Product, Sequence,
    Step, WarmRestarts, WarmUp, WarmUpStableDecay, from_fn,
};

use super::support::panics;

/// The rates in the first iterations are these, for several η₀.
#[track_caller]
fn follows(schedule: &impl Schedule, until: u64, expected: impl Fn(f64, u64) -> f64) {
    for base in [1.0, 0.3, 2e-4] {
        for t in 0..=until {
            let (found, expected) = (schedule.rate(base, t), expected(base, t));
            assert!((found - expected).abs() <= 1e-14 * base, "{schedule:?}, {base}, {t}: {found} for {expected}");
        }
    }
    assert!(schedule.rate(1.0, u64::MAX).is_finite(), "{schedule:?}: the end of time");
    assert_eq!(schedule.rate(0.0, 0), schedule.rate(0.0, 0).abs(), "{schedule:?}: no rate");
}

fn index(t: u64) -> usize {
    usize::try_from(t).unwrap()
}

fn power(base: f64, t: u64) -> f64 {
    base.powi(i32::try_from(t).unwrap())
}

fn pi() -> f64 {
    std::f64::consts::PI
}

#[test]
fn constant_and_steps() {
    follows(&Constant, 20, |base, _| base);
    for (every, factor) in [(1, 0.5), (3, 0.1), (7, 1.0)] {
        follows(&Step::new(every, factor), 23, |base, t| base * power(factor, t / every));
    }
    follows(&MultiStep::new([2, 5], 0.5), 8, |base, t| {
        base * [1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25][index(t)]
    });
    follows(&MultiStep::new([0], 0.5), 3, |base, _| base * 0.5);
    follows(&MultiStep::new([], 0.5), 3, |base, _| base);
}

#[test]
fn smooth_decays() {
    for decay in [0.0, 0.1, 3.0] {
        follows(&Exponential::new(decay), 20, |base, t| base * (-decay * t as f64).exp());
    }
    for (speed, power) in [(1.0, 1.0), (0.1, 0.75), (5.0, 0.6)] {
        follows(&Polynomial::new(speed, power), 20, |base, t| base * (1.0 + speed * t as f64).powf(-power));
    }
    for speed in [1e-3, 0.5, 7.0] {
        follows(&InverseTime::new(speed), 20, |base, t| base / (1.0 + speed * t as f64));
        follows(&Polynomial::new(speed, 1.0), 20, |base, t| base / (1.0 + speed * t as f64));
    }
    follows(&InverseTime::harmonic(), 20, |base, t| base / (t + 1) as f64);
}

#[test]
fn over_a_time_that_is_known() {
    for end in [1, 2, 7, 10_u64] {
        follows(&Linear::new(end), end + 2, |base, t| if t < end { base * (1.0 - t as f64 / end as f64) } else { 0.0 });
        assert_eq!(Linear::new(end).rate(0.3, end), 0.0);
        for low in [0.0, 1e-5] {
            follows(&Cosine::new(end).minimum(low), end + 2, |base, t| {
                let part = (t.min(end)) as f64 / end as f64;
                low + 0.5 * (base - low) * (1.0 + (pi() * part).cos())
            });
            let plan = Cosine::new(end).minimum(low);
            assert_eq!([plan.rate(0.3, 0), plan.rate(0.3, end), plan.rate(0.3, end + 5)], [0.3, low, low]);
        }
    }
}

#[test]
fn restarts() {
    let cosine = |base: f64, at: u64, of: u64| 0.1 * base + 0.45 * base * (1.0 + (pi() * at as f64 / of as f64).cos());
    for base in [1.0, 0.3] {
        // 3, then 6, then 12 iterations.
        let plan = WarmRestarts::new(3).factor(2).minimum(0.1 * base);
        for (t, (at, of)) in
            (0..3).map(|i| (i, 3)).chain((0..6).map(|i| (i, 6))).chain((0..12).map(|i| (i, 12))).enumerate()
        {
            let found = plan.rate(base, t as u64);
            assert!((found - cosine(base, at, of)).abs() < 1e-15, "{t}: {found}");
        }
        assert_eq!([0, 3, 9, 21].map(|t| plan.rate(base, t)), [base; 4]);
    }
    follows(&WarmRestarts::new(4), 13, |base, t| 0.5 * base * (1.0 + (pi() * (t % 4) as f64 / 4.0).cos()));
    follows(&WarmRestarts::new(1), 5, |base, _| base);
    assert!(WarmRestarts::new(1).factor(u64::MAX).rate(1.0, u64::MAX).is_finite());
}

#[test]
fn up_and_down_along_lines() {
    let plan = Cyclic::new(0.0, 2).down(4).shrink(0.5);
    let heights = [0.0, 0.5, 1.0, 0.75, 0.5, 0.25, 0.0, 0.25, 0.5, 0.375, 0.25, 0.125, 0.0];
    follows(&plan, 12, |base, t| base * heights[index(t)]);
    follows(&Cyclic::new(1e-4, 1), 6, |base, t| if t % 2 == 0 { 1e-4 } else { base });
}

#[test]
fn warm_ups() {
    for n in [1, 4_u64] {
        let line = |t: u64| (t + 1) as f64 / (n + 1) as f64;
        follows(&WarmUp::new(n, Constant), n + 5, |base, t| base * line(t).min(1.0));
        follows(&WarmUp::new(n, Linear::new(3)), n + 5, |base, t| {
            if t < n { base * line(t) } else { base * (1.0 - (t - n) as f64 / 3.0).max(0.0) }
        });
        // Up to what comes then, not to η₀.
        follows(&WarmUp::new(n, MultiStep::new([0], 0.5)), n + 5, |base, t| 0.5 * base * line(t).min(1.0));
    }
    let parts = |base: f64, t: u64| match t {
        0..3 => base * (t + 1) as f64 / 4.0,
        3..7 => base,
        7..12 => base * (1.0 - (t - 7) as f64 / 5.0),
        _ => 0.0,
    };
    follows(&WarmUpStableDecay::new(3, 4, 5), 14, parts);
    let composed = WarmUp::new(3, Sequence::new(Constant).then(4, Linear::new(5)));
    follows(&composed, 14, parts);
    follows(&WarmUpStableDecay::new(0, 0, 2), 4, |base, t| base * [1.0, 0.5, 0.0, 0.0, 0.0][index(t)]);
}

#[test]
fn composed() {
    let plan = Sequence::new(Step::new(1, 0.5)).then(3, Constant).then(4, InverseTime::harmonic());
    follows(&plan, 7, |base, t| base * [1.0, 0.5, 0.25, 1.0, 1.0, 0.5, 1.0 / 3.0, 0.25][index(t)]);
    let plan = Product::new(Linear::new(10), Exponential::new(0.1));
    follows(&plan, 12, |base, t| base * (1.0 - t as f64 / 10.0).max(0.0) * (-0.1 * t as f64).exp());
    follows(&Product::new(Exponential::new(0.1), Linear::new(10)), 12, |base, t| plan.rate(base, t));
    let boxed: Box<dyn Schedule> = Box::new(plan.clone());
    let shared: std::sync::Arc<dyn Schedule> = std::sync::Arc::new(plan.clone());
    follows(&boxed, 12, |base, t| plan.rate(base, t));
    follows(&shared, 12, |base, t| plan.rate(base, t));
    let own = from_fn(|base, t| base * power(0.5, t.min(9)));
    follows(&own, 9, |base, t| base * power(0.5, t));
    assert_eq!(format!("{own:?}"), "|base, t| …");
}

/// The η₀ of ours is the highest rate, whatever PyTorch calls it.
#[track_caller]
fn lists(schedule: &impl Schedule, base: f64, expected: &[f64]) {
    for (t, expected) in (0..).zip(expected) {
        let found = schedule.rate(base, t);
        assert!((found - expected).abs() < 1e-15, "{schedule:?}, {t}: {found} for {expected}");
    }
}

/// `torch.optim.lr_scheduler` of PyTorch 2.15.0.
#[test]
fn schedules_of_pytorch() {
    // OneCycleLR(max_lr=1, total_steps=10)
    #[rustfmt::skip]
    lists(&OneCycle::new(10), 1.0, &[
        0.04, 0.52, 1.0, 0.950_484_632_013_473_7, 0.811_745_653_949_763_1, 0.611_262_021_936_289_3,
        0.388_741_978_063_710_75, 0.188_258_346_050_236_97, 0.049_519_367_986_526_286, 4e-6, 4e-6,
    ]);
    // OneCycleLR(max_lr=0.5, total_steps=7, pct_start=0.5, div_factor=4, final_div_factor=10)
    #[rustfmt::skip]
    lists(&OneCycle::new(7).rise(0.5).start_divisor(4.0).end_divisor(10.0), 0.5, &[
        0.125, 0.254_559_313_554_697_35, 0.464_190_686_445_302_65, 0.475_861_161_551_214_66,
        0.310_489_477_651_851_64, 0.104_274_360_796_933_71, 0.0125,
    ]);
    // CosineAnnealingWarmRestarts(T_0=3, T_mult=2, eta_min=0.1)
    #[rustfmt::skip]
    lists(&WarmRestarts::new(3).factor(2).minimum(0.1), 1.0, &[
        1.0, 0.775, 0.325, 1.0, 0.939_711_431_702_997_4, 0.775, 0.55, 0.325, 0.160_288_568_297_002_58, 1.0,
        0.984_666_621_830_080_7, 0.939_711_431_702_997_4,
    ]);
    // CyclicLR(base_lr=0.1, max_lr=1, step_size_up=3, step_size_down=2, mode='triangular2')
    #[rustfmt::skip]
    lists(&Cyclic::new(0.1, 3).down(2).shrink(0.5), 1.0, &[
        0.1, 0.4, 0.7, 1.0, 0.55, 0.1, 0.25, 0.4, 0.55, 0.325, 0.1, 0.175,
    ]);
    // CosineAnnealingLR(T_max=5, eta_min=0.1)
    #[rustfmt::skip]
    lists(&Cosine::new(5).minimum(0.1), 1.0, &[
        1.0, 0.914_057_647_468_726_3, 0.689_057_647_468_726_3, 0.410_942_352_531_273_65, 0.185_942_352_531_273_7, 0.1,
    ]);
    // MultiStepLR([2, 5], gamma=0.5)
    lists(&MultiStep::new([2, 5], 0.5), 1.0, &[1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25]);
}

#[test]
fn one_cycle_at_its_edges() {
    for n in [1, 2, 3, 4] {
        let rates: Vec<f64> = (0..n + 2).map(|t| OneCycle::new(n).rate(1.0, t)).collect();
        assert!(rates.iter().all(|rate| (4e-6..=1.0).contains(&(rate + 1e-18))), "{n}: {rates:?}");
        assert!((rates[index(n + 1)] - 4e-6).abs() < 1e-18 || n == 1, "{n}: {rates:?}");
    }
    assert_eq!(OneCycle::new(100).rise(0.5).rate(1.0, 49), 1.0);
}

/// A sum over the first iterations grows without end, or hardly at all, when their number doubles.
fn grows(schedule: &dyn Schedule, power: i32) -> bool {
    let sum = |from: u64, to: u64| (from..to).map(|t| schedule.rate(1.0, t).powi(power)).sum::<f64>();
    let n = 1 << 17;
    // Of Σ t^−p the second doubling adds 2^(1 − p) times as much as the first.
    let (first, second) = (sum(n, 2 * n), sum(2 * n, 4 * n));
    first > 0.0 && second > 0.97 * first
}

#[test]
fn the_conditions_of_robbins_and_monro_are_those_of_the_sums() {
    let known: Vec<Box<dyn Schedule>> = vec![
        Box::new(Constant),
        Box::new(Step::new(1000, 0.9)),
        Box::new(MultiStep::new([10, 20], 0.1)),
        Box::new(Exponential::new(1e-4)),
        Box::new(Polynomial::new(1.0, 1.0)),
        Box::new(Polynomial::new(0.5, 0.55)),
        Box::new(InverseTime::new(0.1)),
        Box::new(InverseTime::harmonic()),
        Box::new(Linear::new(100)),
        Box::new(Cosine::new(100)),
        Box::new(WarmRestarts::new(64)),
        Box::new(Cyclic::new(0.0, 32)),
        Box::new(Cyclic::new(0.0, 32).shrink(0.5)),
        Box::new(OneCycle::new(100)),
        Box::new(WarmUpStableDecay::new(10, 10, 10)),
        Box::new(WarmUp::new(10, InverseTime::new(1.0))),
        Box::new(WarmUp::new(10, Constant)),
        Box::new(Sequence::new(Constant).then(1000, Polynomial::new(1.0, 0.75))),
        Box::new(Sequence::new(InverseTime::new(1.0)).then(1000, Constant)),
    ];
    for plan in known {
        // What ends at a small rate above 0 never comes to rest.
        let expected = grows(&plan, 1) && !grows(&plan, 2);
        assert_eq!(plan.satisfies_robbins_monro(), Some(expected), "{plan:?}");
    }
    for unknown in [
        Box::new(from_fn(|base, _| base)) as Box<dyn Schedule>,
        Box::new(Product::new(InverseTime::new(1.0), InverseTime::new(1.0))),
        Box::new(WarmUp::new(2, from_fn(|base, _| base))),
        Box::new(Sequence::new(Constant).then(2, from_fn(|base, _| base))),
    ] {
        assert_eq!(unknown.satisfies_robbins_monro(), None, "{unknown:?}");
    }
}

#[test]
fn lengths_that_are_nothing() {
    let message = |what: &str| format!("{what} is 0, expected a whole number ≥ 1");
    assert_eq!(panics(|| Step::new(0, 0.5)), message("Step: every"));
    assert_eq!(panics(|| Linear::new(0)), message("Linear: iterations"));
    assert_eq!(panics(|| Cosine::new(0)), message("Cosine: iterations"));
    assert_eq!(panics(|| WarmRestarts::new(0)), message("WarmRestarts: first"));
    assert_eq!(panics(|| WarmRestarts::new(1).factor(0)), message("WarmRestarts: factor"));
    assert_eq!(panics(|| OneCycle::new(0)), message("OneCycle: iterations"));
    assert_eq!(panics(|| Cyclic::new(0.0, 0)), message("Cyclic: up"));
    assert_eq!(panics(|| Cyclic::new(0.0, 1).down(0)), message("Cyclic: down"));
    assert_eq!(panics(|| WarmUp::new(0, Constant)), message("WarmUp: iterations"));
    assert_eq!(panics(|| WarmUpStableDecay::new(1, 1, 0)), message("WarmUpStableDecay: decay"));
}

#[test]
fn numbers_out_of_range() {
    for (value, text) in [(0.0, "0"), (1.5, "1.5"), (-0.5, "-0.5"), (f64::NAN, "NaN")] {
        let message = |what: &str| format!("{what} is {text}, expected a number in (0, 1]");
        assert_eq!(panics(|| Step::new(2, value)), message("Step: factor"));
        assert_eq!(panics(|| MultiStep::new([2], value)), message("MultiStep: factor"));
        assert_eq!(panics(|| Cyclic::new(0.0, 1).shrink(value)), message("Cyclic: shrink"));
    }
    for (value, text) in [(0.5, "0.5"), (1.01, "1.01"), (f64::NAN, "NaN")] {
        let message = format!("Polynomial: power is {text}, expected a number in (0.5, 1]");
        assert_eq!(panics(|| Polynomial::new(1.0, value)), message);
    }
    for (value, text) in [(0.0, "0"), (-1.0, "-1"), (f64::INFINITY, "inf"), (f64::NAN, "NaN")] {
        let message = |what: &str| format!("{what} is {text}, expected a finite number > 0");
        assert_eq!(panics(|| Polynomial::new(value, 1.0)), message("Polynomial: speed"));
        assert_eq!(panics(|| InverseTime::new(value)), message("InverseTime: speed"));
        assert_eq!(panics(|| OneCycle::new(9).start_divisor(value)), message("OneCycle: start_divisor"));
        assert_eq!(panics(|| OneCycle::new(9).end_divisor(value)), message("OneCycle: end_divisor"));
    }
    for (value, text) in [(-1e-9, "-1e-9"), (f64::INFINITY, "inf"), (f64::NAN, "NaN")] {
        let message = |what: &str| format!("{what} is {text}, expected a finite number ≥ 0");
        assert_eq!(panics(|| Exponential::new(value)), message("Exponential: decay"));
        assert_eq!(panics(|| Cosine::new(1).minimum(value)), message("Cosine: minimum"));
        assert_eq!(panics(|| WarmRestarts::new(1).minimum(value)), message("WarmRestarts: minimum"));
        assert_eq!(panics(|| Cyclic::new(value, 1)), message("Cyclic: minimum"));
    }
    let rise = panics(|| OneCycle::new(9).rise(1.0));
    assert_eq!(rise, "OneCycle: rise is 1, expected a number in (0, 1)");
    let milestones = panics(|| MultiStep::new([3, 3], 0.5));
    assert_eq!(milestones, "MultiStep: milestones are [3, 3], expected ascending iterations");
    let part = panics(|| Sequence::new(Constant).then(5, Constant).then(5, Constant));
    assert_eq!(part, "Sequence: a part begins at 5, expected an iteration > 5");
    assert_eq!(
        panics(|| Sequence::new(Constant).then(0, Constant)),
        "Sequence: a part begins at 0, expected an iteration > 0"
    );
}
