//! The main job: a small network learns handwritten digits.
//!
//! Shows the whole way from a table to a saved model: reading, splitting by class, standardising with the training part
//! alone, mini-batches, a network, cross-entropy, Adam, early stopping that goes back to the best parameters, a picture of
//! the loss, weights in a file and back.
//!
//! Run it with `cargo run --release --example digits`; numbers behind `--` are the seeds to try instead of the default,
//! and the last line is the mean over them. Expect a test accuracy of about 0.98 within a second.

use std::path::PathBuf;

use gradus::data::{Batches, Csv, StandardScaler, labels, rows, split};
use gradus::prelude::*;
use gradus::train::{EarlyStopping, Progress};
use gradus::{io, plot};

const SEED: u64 = 7;

fn main() -> Result<(), Error> {
    let seeds: Vec<u64> = std::env::args().skip(1).map(|text| text.parse().expect("seeds are whole numbers")).collect();
    let seeds = if seeds.is_empty() { vec![SEED] } else { seeds };
    let mut sum = 0.0;
    for &seed in &seeds {
        let accuracy = train(seed)?;
        println!("seed {seed}: {accuracy:.4}");
        assert!(accuracy >= 0.95, "seed {seed} reaches {accuracy:.4} only");
        sum += accuracy;
    }
    let mean = sum / seeds.len() as f64;
    println!("test accuracy: {mean:.4}");
    assert!(mean >= 0.97, "a mean of {mean:.4} is below 0.97");
    Ok(())
}

fn train(seed: u64) -> Result<f64, Error> {
    // 1797 pictures of 8 × 8 pixels, each pixel from 0 to 16, and the digit.
    let table = Csv::new().header(false).rows(1797).read::<f32>(project("examples/data/digits.csv"))?;
    let digits = labels(&table.column(64))?;
    let [training, validation, test] = split::stratified(&digits, [0.7, 0.15, 0.15], seed)?;

    // The scaler must not see what the network is judged by.
    let pixels = table.slice(s![.., ..64]);
    let scaler = StandardScaler::fit(&rows(&pixels, &training))?;
    let images = scaler.transform(&pixels)?;
    let part = |indices: &[usize]| (rows(&images, indices), rows(&digits[..], indices));
    let ((valid_images, valid_digits), (test_images, test_digits)) = (part(&validation), part(&test));

    let mut rng = StdRng::seed_from_u64(seed);
    let mut params = Params::<f32>::new();
    let mlp = Mlp::new(&mut params, "mlp", &[64, 256, 10], Activation::Relu, &mut rng);
    println!(
        "{} parameters, {} training, {} validation, {} test pictures",
        params.len(),
        training.len(),
        validation.len(),
        test.len()
    );

    let (mut tape, mut gradient, mut optimizer) = (Tape::new(), params.gradient(), Adam::new(5e-4));
    let mut batches = Batches::of(&images, &digits, 32).rows(&training).shuffled(seed);
    let (mut stopping, mut training_curve, mut validation_curve) = (EarlyStopping::minimise(15), vec![], vec![]);
    let mut progress = Progress::new("epoch", 150);
    for _epoch in 0..150 {
        let mut loss = 0.0;
        while let Some((x, y)) = batches.next() {
            let step = tape.record(&params);
            loss += cross_entropy(mlp.forward(step.input(x)), y).backward(&mut gradient);
            optimizer.step(&mut params, &gradient);
        }
        training_curve.push(loss / batches.per_epoch() as f32);

        let step = tape.record(&params);
        let valid_loss = cross_entropy(mlp.forward(step.input(&valid_images)), &valid_digits).item();
        validation_curve.push(valid_loss);
        progress.step(format_args!("training {:.4}, validation {valid_loss:.4} nats", training_curve.last().unwrap()));
        if stopping.observe(valid_loss, &params) {
            break;
        }
    }
    let best = stopping.restore(&mut params).expect("some loss was finite");
    progress.finish(format_args!("best validation loss {:.4} in epoch {}", best.value, best.epoch));

    // The weights as a file, and what is read back judges the test pictures.
    std::fs::create_dir_all(project("target/digits")).expect("the build made target");
    let file = project("target/digits/weights.safetensors");
    io::safetensors::save(&params, &file)?;
    let mut loaded = Params::<f32>::new();
    let mlp = Mlp::new(&mut loaded, "mlp", &[64, 256, 10], Activation::Relu, &mut rng);
    io::safetensors::load(&mut loaded, &file)?;
    assert_eq!(loaded.flat(), params.flat());

    plot::loss_curves([("training", &training_curve[..]), ("validation", &validation_curve[..])])
        .title("Handwritten digits")
        .y_label("cross-entropy in nats")
        .log_y()
        .save(project("target/digits/loss.svg"))?;

    println!("weights and loss curves: target/digits/");

    let mut tape = Tape::new();
    let step = tape.record(&loaded);
    let logits = mlp.forward(step.input(&test_images)).value();
    Ok(accuracy(&logits, &test_digits))
}

/// A path below the project's folder, wherever the example is started.
fn project(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}
