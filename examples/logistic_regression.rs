//! Logistic regression by full batch, mini-batch and single samples: one algorithm, three batch sizes, against data passes.
//!
//! 569 tumours, 30 features, benign or malignant. The scaler is fitted on the training part alone: statistics of the test part
//! would leak into training. Against *passes over the data* small batches are ahead, since each sample moves the weights at once.
//! What their noise costs near the minimum is the subject of `noise_and_batch_size`.
//!
//! Expect: test accuracy of at least 0.96 for all three; curves in `target/logistic_regression/losses.svg`.

use gradus::data::{Batches, Csv, StandardScaler, labels, rows, split};
use gradus::optim::stop;
use gradus::plot;
use gradus::prelude::*;

const PASSES: u64 = 40;

fn main() -> Result<(), Error> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/breast_cancer.csv");
    let table = Csv::new().header(false).skip(1).read::<f64>(path)?;
    let classes = labels(&table.column(30))?;
    let [train, test] = split::stratified(&classes, [0.7, 0.3], 7)?;
    let features = table.slice(s![.., ..30]).to_owned();
    let x = StandardScaler::fit(&rows(&features, &train))?.transform(&features)?;
    let y = table.slice(s![.., 30..]).to_owned();
    let (x_train, y_train, x_test) = (rows(&x, &train), rows(&y, &train), rows(&x, &test));
    println!("{} tumours for training, {} for testing", train.len(), test.len());

    let mut curves = Vec::new();
    println!("{:14} {:>10} {:>12} {:>10} {:>10}", "batch", "steps", "loss", "accuracy", "time");
    for (name, size, rate) in [("full", train.len(), 1.0), ("mini, 32", 32, 0.2), ("single", 1, 0.02)] {
        let mut params = Params::<f64>::new();
        let line = Linear::new(&mut params, "line", 30, 1, &mut StdRng::seed_from_u64(0));
        let batches = Batches::of(&x_train, &y_train, size).shuffled(7);
        let report =
            minimize_batches(batches, |step, x, y| bce_with_logits(line.forward(step.input(x)), step.input(y)))
                .with(Sgd::new(rate))
                .validate(1, |step| bce_with_logits(line.forward(step.input(&x_train)), step.input(&y_train)))
                .until(stop::max_epochs(PASSES))
                .run(&mut params);
        let losses: Vec<f64> = report.history.validation().iter().map(|&(_, loss)| loss).collect();

        let mut tape = Tape::new();
        let step = tape.record(&params);
        let logits = line.forward(step.input(&x_test)).value();
        let right = logits.iter().zip(&test).filter(|(logit, i)| (**logit > 0.0) == (classes[**i] == 1)).count();
        let accuracy = right as f64 / test.len() as f64;
        println!(
            "{name:14} {:10} {:12.5} {accuracy:10.4} {:10.1?}",
            report.iterations,
            losses[losses.len() - 1],
            report.time
        );
        assert!(accuracy >= 0.96, "{name}: {accuracy}");
        curves.push((name, losses));
    }
    // After the first pass the smaller batch is ahead.
    assert!(curves[2].1[0] < curves[1].1[0] && curves[1].1[0] < curves[0].1[0]);

    std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/target/logistic_regression"))
        .expect("target can be written");
    plot::loss_curves(curves.iter().map(|(name, losses)| (*name, &losses[..])))
        .title("Logistic regression: the batch size against passes over the data")
        .x_label("passes over the data")
        .y_label("cross-entropy of the training part, in nats")
        .log_y()
        .save(concat!(env!("CARGO_MANIFEST_DIR"), "/target/logistic_regression/losses.svg"))?;
    println!("picture: target/logistic_regression/losses.svg");
    Ok(())
}
