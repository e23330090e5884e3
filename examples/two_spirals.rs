//! Two spirals that wind around each other: a classic that no straight line separates.
//!
//! Shows a deeper network, weight decay on weights but not on biases, and a look at what was learned: the plane as
//! characters, `#` and `.` for the two classes.
//!
//! Expect: every one of the 400 points on the right side.
//!
//! Lang, Witbrock 1988, Learning to tell two spirals apart.

use gradus::nn::loss::bce_with_logits;
use gradus::prelude::*;
use rand_distr::{Distribution, StandardNormal};

/// Points on two arms, and the arm of each: 0 or 1.
fn spirals(n: usize, rng: &mut StdRng) -> (Array2<f32>, Array2<f32>) {
    let arm = |i: usize| (i % 2) as f32;
    let points = Array2::from_shape_fn((n, 2), |(i, axis)| {
        let turn = 0.5 + 9.0 * (i / 2) as f32 / (n / 2) as f32;
        let angle = turn + arm(i) * std::f32::consts::PI;
        let noise: f32 = StandardNormal.sample(rng);
        turn / 9.5 * if axis == 0 { angle.cos() } else { angle.sin() } + 0.015 * noise
    });
    (points, Array2::from_shape_fn((n, 1), |(i, _)| arm(i)))
}

fn main() {
    let mut rng = StdRng::seed_from_u64(11);
    let (points, arms) = spirals(400, &mut rng);
    let mut params = Params::<f32>::new();
    let mlp = Mlp::new(&mut params, "mlp", &[2, 32, 32, 1], Activation::Tanh, &mut rng);
    let mut optimizer =
        AdamW::new(0.01).weight_decay(1e-3).group(|name| name.ends_with("bias"), |group| group.weight_decay(0.0));
    let (mut tape, mut gradient) = (Tape::new(), params.gradient());
    for iteration in 1..=1500 {
        let step = tape.record(&params);
        let loss = bce_with_logits(mlp.forward(step.input(&points)), step.input(&arms)).backward(&mut gradient);
        optimizer.step(&mut params, &gradient);
        if iteration % 300 == 0 {
            println!("iteration {iteration}: loss {loss:.5} nats");
        }
    }

    let plane = Array2::from_shape_fn((24 * 48, 2), |(i, axis)| {
        if axis == 0 { (i % 48) as f32 / 23.5 - 1.0 } else { 1.0 - (i / 48) as f32 / 11.5 }
    });
    let step = tape.record(&params);
    let sides = mlp.forward(step.input(&plane)).value();
    let text: Vec<_> = sides.iter().map(|&logit| if logit > 0.0 { '#' } else { '.' }).collect();
    text.chunks(48).for_each(|row| println!("{}", row.iter().collect::<String>()));

    let step = tape.record(&params);
    let logits = mlp.forward(step.input(&points)).value();
    let right = logits.iter().zip(&arms).filter(|(logit, arm)| (**logit > 0.0) == (**arm > 0.5)).count();
    println!("{right} of 400 points on the right side");
    assert_eq!(right, 400);
}
