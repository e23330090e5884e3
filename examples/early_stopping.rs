//! Early stopping: a network that could learn thirty noisy points by heart, stopped where validation is best.
//!
//! Thirty points of a sine with noise, and a network with far more weights than points. The training loss falls on and on; the
//! validation loss turns. The run keeps the best weights and stops when validation has not improved for a while. A flag stops it
//! the same way, for Ctrl-C or a button: the library installs no handler, the flag is yours to raise.
//!
//! Expect: stopped long before the limit, a validation loss well below that of the run to the end, and both curves in
//! `target/early_stopping/losses.svg`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gradus::diagnostics::{Symptom, diagnose};
use gradus::optim::stop::{self, Reason, Stop};
use gradus::prelude::*;
use rand::RngExt;

fn main() -> Result<(), Error> {
    let mut rng = StdRng::seed_from_u64(3);
    let mut sample = |n: usize| {
        let x = Array2::from_shape_fn((n, 1), |_| rng.random_range(-3.0..3.0));
        let y = x.mapv(|x: f64| {
            x.sin() + 0.4 * (rng.random::<f64>() + rng.random::<f64>() + rng.random::<f64>() - 1.5) * 2.0
        });
        (x, y)
    };
    let ((x, y), (x_validation, y_validation)) = (sample(30), sample(100));

    let run = |stop: Stop| {
        let mut params = Params::<f64>::new();
        let mlp = Mlp::new(&mut params, "mlp", &[1, 64, 64, 1], Activation::Tanh, &mut StdRng::seed_from_u64(7));
        let report = minimize(|step| mse(mlp.forward(step.input(&x)), step.input(&y)))
            .with(Adam::new(3e-3))
            .validate(10, |step| mse(mlp.forward(step.input(&x_validation)), step.input(&y_validation)))
            .progress(true)
            .until(stop)
            .run(&mut params);
        let mut tape = Tape::new();
        let step = tape.record(&params);
        let validation = mse(mlp.forward(step.input(&x_validation)), step.input(&y_validation)).item();
        (report, validation)
    };

    let (stopped, early) = run(stop::early_stopping(30).or(stop::max_iterations(6000)));
    println!("early stopping: {stopped}\n  validation {early:.4}");

    // Ctrl-C, played by a thread; in a program of yours: ctrlc::set_handler(move || raised.store(true, Ordering::Relaxed)).
    let flag = Arc::new(AtomicBool::new(false));
    let raised = Arc::clone(&flag);
    let interrupt = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        raised.store(true, Ordering::Relaxed);
    });
    let (interrupted, _) = run(stop::flag(flag).or(stop::max_iterations(1_000_000)));
    interrupt.join().expect("it only sleeps");
    println!("interrupted: {interrupted}");
    assert_eq!(interrupted.reason, Reason::Flag);

    let (full, late) = run(stop::max_iterations(6000));
    println!("to the end: {full}\n  validation {late:.4}\n  {}", diagnose(&full.history));

    std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/target/early_stopping"))
        .expect("target can be written");
    let best = stopped.best.as_ref().expect("it was validated");
    full.history
        .plot()
        .title("Thirty noisy points and 4353 weights")
        .y_label("mean squared error")
        .mark_x(best.iteration as f64, "best")
        .save(concat!(env!("CARGO_MANIFEST_DIR"), "/target/early_stopping/losses.svg"))?;
    stopped.history.save_csv(concat!(env!("CARGO_MANIFEST_DIR"), "/target/early_stopping/history.csv"))?;
    println!("picture and table: target/early_stopping/");
    assert!(stopped.iterations < 6000 && early < 0.8 * late && (early - best.value).abs() < 1e-9);
    assert!(diagnose(&full.history).findings.iter().any(|finding| finding.symptom == Symptom::Overfitting));
    Ok(())
}
