//! The learning rate: too small, right, too large; and three ways to find a good one.
//!
//! On f(x) = x² the curvature is L = 2 everywhere: η = 1/L lands on the minimum in one step, η > 2/L diverges. On logistic
//! regression the largest eigenvalue of the Hessian plays the same part, and Lanczos measures it.
//!
//! Expect: on x² the three behaviours; on the tumour data a curve that creeps, one that falls smoothly and one that jumps about,
//! drawn in `target/learning_rate/losses.svg`, beside the range test and six schedules; and `diagnose` naming what ails each.

use gradus::data::{Csv, StandardScaler};
use gradus::diagnostics::{Symptom, curvature, diagnose, find_learning_rate};
use gradus::optim::stop;
use gradus::plot::{self, Plot};
use gradus::prelude::*;

fn main() -> Result<(), Error> {
    println!("x² from 1, eight steps:");
    for rate in [0.05, 0.5, 1.05] {
        let mut params = Params::<f64>::new();
        let x = params.add("x", [], || 1.0);
        let report = minimize(|step| step.param(x).square())
            .with(Sgd::new(rate))
            .until(stop::max_iterations(8))
            .run(&mut params);
        let values: Vec<_> = report.history.values().iter().map(|value| format!("{value:.3}")).collect();
        println!("  η = {rate:<5} {}", values.join(" "));
    }

    let table = Csv::new()
        .header(false)
        .skip(1)
        .read::<f64>(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/breast_cancer.csv"))?;
    let features = table.slice(s![.., ..30]).to_owned();
    let x = StandardScaler::fit(&features)?.transform(&features)?;
    let y = table.slice(s![.., 30..]).to_owned();
    let mut params = Params::<f64>::new();
    let line = Linear::new(&mut params, "line", 30, 1, &mut StdRng::seed_from_u64(0));
    let start = params.snapshot();

    let measured = curvature(&params, |step| bce_with_logits(line.forward(step.input(&x)), step.input(&y)))?;
    println!("logistic regression on 569 tumours\n{measured}");
    let range = find_learning_rate(&params, Sgd::new(1.0), |step| {
        bce_with_logits(line.forward(step.input(&x)), step.input(&y))
    })?;
    println!("{range}");

    let limit = measured.largest_stable_rate();
    let mut picture = Plot::new()
        .title("Logistic regression, three learning rates")
        .x_label("iteration")
        .y_label("loss in nats")
        .log_y();
    let (mut symptoms, mut ends) = (Vec::new(), Vec::new());
    for (name, rate) in [
        ("too small: 2/L ÷ 20 000", limit / 20_000.0),
        ("right: 1/L", limit / 2.0),
        ("too large: 200 × 2/L", 200.0 * limit),
    ] {
        params.restore(&start);
        let report = minimize(|step| bce_with_logits(line.forward(step.input(&x)), step.input(&y)))
            .with(Sgd::new(rate))
            .norms(true)
            .until(stop::max_iterations(300))
            .run(&mut params);
        let diagnosis = diagnose(&report.history);
        println!("{name}: {report}\n  {diagnosis}");
        picture = picture.curve(name, report.history.values());
        ends.push(report.value);
        symptoms.push(diagnosis.findings.first().map(|finding| finding.symptom));
    }
    std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/target/learning_rate"))
        .expect("target can be written");
    picture.save(concat!(env!("CARGO_MANIFEST_DIR"), "/target/learning_rate/losses.svg"))?;
    range.plot().title("Range test").save(concat!(env!("CARGO_MANIFEST_DIR"), "/target/learning_rate/range.svg"))?;
    schedules().save(concat!(env!("CARGO_MANIFEST_DIR"), "/target/learning_rate/schedules.svg"))?;
    println!("pictures: target/learning_rate/");
    assert!(ends[1] < 0.5 * ends[0] && ends[1] < 0.5 * ends[2], "the right one ends lowest: {ends:?}");
    assert_eq!(symptoms[0], Some(Symptom::Slow));
    assert!(matches!(symptoms[2], Some(Symptom::Oscillating | Symptom::Diverging)), "{symptoms:?}");
    Ok(())
}

/// How schedules lower a rate of 0.1 in 200 iterations.
fn schedules() -> Plot {
    let plans: [(&str, Box<dyn Schedule>); 6] = [
        ("step: half after each 50", Box::new(schedule::Step::new(50, 0.5))),
        ("exponential", Box::new(schedule::Exponential::new(0.015))),
        ("1/(1 + t/20)", Box::new(schedule::InverseTime::new(0.05))),
        ("warm-up, then cosine", Box::new(schedule::WarmUp::new(20, schedule::Cosine::new(180)))),
        ("warm restarts", Box::new(schedule::WarmRestarts::new(50).factor(2))),
        ("one cycle", Box::new(schedule::OneCycle::new(200))),
    ];
    let curves: Vec<_> =
        plans.iter().map(|(name, plan)| (*name, (0..200).map(|t| plan.rate(0.1, t)).collect::<Vec<f64>>())).collect();
    plot::rate_curves(curves.iter().map(|(name, rates)| (*name, &rates[..]))).title("Six schedules")
}
