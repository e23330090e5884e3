//! A model of one's own: a plain struct of handles and a function.
//!
//! A gated recurrent cell, written from its paper, learns to remember: it reads a sequence of signs and has to
//! answer the first one. Loops over time are ordinary Rust; sequences of several lengths train on one tape.
//!
//! Expect: an accuracy of 1.0 on sequences it has not seen.
//!
//! Cho et al. 2014, Learning phrase representations using RNN encoder–decoder for statistical machine translation.

use gradus::nn::loss::bce_with_logits;
use gradus::prelude::*;
use rand::RngExt;

/// One gate: σ(x·W + h·U + b), or tanh in place of σ.
struct Gate {
    w: Param,
    u: Param,
    b: Param,
}

impl Gate {
    fn new<T: Real>(params: &mut Params<T>, name: &str, inputs: usize, hidden: usize, rng: &mut StdRng) -> Self {
        let mut matrix = |part: &str, rows: usize| {
            let values = Init::GlorotUniform.array([rows, hidden], rng);
            params.add_array(&format!("{name}.{part}"), &values)
        };
        let (w, u) = (matrix("w", inputs), matrix("u", hidden));
        Self { w, u, b: params.add(&format!("{name}.b"), [hidden], T::zero) }
    }

    fn forward<'t, T: Real>(&self, x: Var<'t, T>, h: Var<'t, T>) -> Var<'t, T> {
        x.affine(x.param(self.w), x.param(self.b)) + h.matmul(h.param(self.u))
    }
}

struct Memory {
    update: Gate,
    reset: Gate,
    candidate: Gate,
    readout: Linear,
    hidden: usize,
}

impl Memory {
    fn new<T: Real>(params: &mut Params<T>, hidden: usize, rng: &mut StdRng) -> Self {
        Self {
            update: Gate::new(params, "update", 1, hidden, rng),
            reset: Gate::new(params, "reset", 1, hidden, rng),
            candidate: Gate::new(params, "candidate", 1, hidden, rng),
            readout: Linear::new(params, "readout", hidden, 1, rng),
            hidden,
        }
    }

    /// The logit for `+1` having come first; `sequence` is [time, batch].
    fn forward<'t, T: Real>(&self, sequence: Var<'t, T>) -> Var<'t, T> {
        let [time, batch] = *sequence.shape() else { panic!("expected [time, batch]") };
        let mut h = sequence.recording().zeros([batch, self.hidden]);
        for t in 0..time {
            let x = sequence.index_axis(0, t).unsqueeze(1);
            let z = self.update.forward(x, h).sigmoid();
            let r = self.reset.forward(x, h).sigmoid();
            h = (1.0 - z) * h + z * self.candidate.forward(x, r * h).tanh();
        }
        self.readout.forward(h)
    }
}

/// Random signs, and whether the first one is +1.
fn sequences(time: usize, batch: usize, rng: &mut StdRng) -> (Array2<f32>, Array2<f32>) {
    let signs = Array2::from_shape_simple_fn((time, batch), || if rng.random::<bool>() { 1.0 } else { -1.0 });
    let first = signs.slice(s![..1, ..]).t().mapv(|sign: f32| sign.max(0.0));
    (signs, first)
}

fn main() {
    let mut rng = StdRng::seed_from_u64(3);
    let mut params = Params::<f32>::new();
    let model = Memory::new(&mut params, 8, &mut rng);

    // Before a model of one's own is trained, its gradient is checked.
    let (signs, first) = sequences(4, 3, &mut rng);
    let (exact, signs, first) = (params.cast::<f64>(), signs.mapv(f64::from), first.mapv(f64::from));
    check::model(&exact, |step| bce_with_logits(model.forward(step.input(&signs)), step.input(&first))).assert();

    let (mut tape, mut gradient, mut optimizer) = (Tape::new(), params.gradient(), Adam::new(0.02).clip_norm(1.0));
    for iteration in 1..=600 {
        let (signs, first) = sequences(4 + iteration % 8, 32, &mut rng);
        let step = tape.record(&params);
        let loss = bce_with_logits(model.forward(step.input(&signs)), step.input(&first)).backward(&mut gradient);
        optimizer.step(&mut params, &gradient);
        if iteration % 100 == 0 {
            println!("iteration {iteration}: loss {loss:.4} nats");
        }
    }

    let (signs, first) = sequences(12, 500, &mut rng);
    let step = tape.record(&params);
    let logits = model.forward(step.input(&signs)).value();
    let right = logits.iter().zip(&first).filter(|(logit, first)| (**logit > 0.0) == (**first > 0.5)).count();
    println!("accuracy on sequences of length 12: {:.3}", right as f64 / 500.0);
    assert!(right >= 495, "{right} of 500");
}
