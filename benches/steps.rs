//! Whole steps — forward, loss, backward, update — of the workloads that other libraries are timed on, too.
//!
//! `cargo bench --bench steps -- --tsv` prints one line a workload, `name<TAB>microseconds per step`: the median of nine
//! repetitions. Words on the command line choose workloads by name; `--listing` prints the tape instead, and `--steps=1000`
//! runs just so many steps, for a profiler. The last rows are what others are not timed on: recordings that change from step to
//! step, values that are read besides, the first step of a tape, and depth.

use std::env;
use std::hint::black_box;
use std::time::Instant;

use gradus::nn::loss::{bce_with_logits, mse};
use gradus::prelude::*;
use rand::RngExt;

const REPETITIONS: usize = 9;
/// Seconds that all repetitions of a workload take together.
const PATIENCE: f64 = 0.7;

fn main() {
    let words: Vec<String> = env::args().skip(1).filter(|word| word != "--bench").collect();
    let (flags, names): (Vec<_>, Vec<_>) = words.iter().partition(|word| word.starts_with("--"));
    let listing = flags.iter().any(|flag| *flag == "--listing");
    let steps = flags.iter().find_map(|flag| flag.strip_prefix("--steps=")?.parse().ok());
    let mut bench = Bench { names: names.into_iter().cloned().collect(), listing, steps };

    bench.mlp("tiny 2-16-1 b32 tanh mse sgd", &[2, 16, 1], 32, Activation::Tanh, Loss::Mse, || Sgd::new(1e-3));
    bench.mlp("small 64-32-10 b64 relu ce adam", &[64, 32, 10], 64, Activation::Relu, Loss::CrossEntropy, adam);
    bench.mlp("mnist 784-128-10 b64 relu ce adam", &[784, 128, 10], 64, Activation::Relu, Loss::CrossEntropy, adam);
    let larger = [784, 512, 256, 10];
    bench.mlp("mnist 784-512-256-10 b128 relu ce adam", &larger, 128, Activation::Relu, Loss::CrossEntropy, adam);
    let gelu = [256, 512, 512, 256];
    bench.mlp("gelu 256-512-512-256 b128 gelu mse adam", &gelu, 128, Activation::Gelu, Loss::Mse, adam);
    let wide = [1024, 2048, 2048, 10];
    let momentum = || Sgd::new(1e-3).momentum(0.9);
    bench.mlp("wide 1024-2048-2048-10 b256 relu ce sgdm", &wide, 256, Activation::Relu, Loss::CrossEntropy, momentum);
    bench.mlp("logreg 30-1 n569 sigmoid bce sgd", &[30, 1], 569, Activation::Relu, Loss::Bce, || Sgd::new(1e-3));

    let uniform = |n: usize| {
        let mut rng = StdRng::seed_from_u64(1);
        Array1::from_shape_simple_fn(n, || rng.random::<f32>()).into_dyn()
    };
    bench.gradient("rosenbrock n1000 grad", &uniform(1000), rosenbrock);
    bench.gradient("rosenbrock n1000000 grad", &uniform(1_000_000), rosenbrock);
    bench.gradient("rosenbrock n1000000 grad, a function of one row", &uniform(1_000_000), |x| {
        term(x.slice(s![..-1]), x.slice(s![1..])).sum()
    });
    bench.gradient("chain 1000 scalar ops grad", &ndarray::arr0(0.3).into_dyn(), chain);
    let mut rng = StdRng::seed_from_u64(2);
    let matrix = Init::Normal { mean: 0.0, deviation: 1.0 }.array([1024, 1024], &mut rng);
    bench.gradient("logsumexp-tanh 1024x1024 grad", &matrix, |x| (x.tanh() * 2.0 + 1.0).logsumexp_axis(1).mean());

    bench.recurrent("rnn 16-32-1 b32, lengths 3 to 10 in turn");
    bench.small("small, relu and tanh in turn", |turn, [first, second], images, labels| {
        let hidden = first.forward(images);
        let hidden = if turn % 2 == 0 { hidden.relu() } else { hidden.tanh() };
        (cross_entropy(second.forward(hidden), labels), None)
    });
    bench.small("small, logits read after backward", |_, [first, second], images, labels| {
        let logits = second.forward(first.forward(images).relu());
        (cross_entropy(logits, labels), Some(logits))
    });
    bench.validated("small, with the loss of 256 others each step");
    bench.first("mnist 784-128-10 b64, first step of a tape");
    for depth in [100, 1000, 10_000] {
        bench.deep(&format!("{depth} layers of width 8 b1 tanh sgd"), depth);
    }
}

fn adam() -> Adam<f32> {
    Adam::new(1e-3)
}

gradus::pointwise! {
    /// One term of the Rosenbrock function.
    fn term(x, y) = 100.0 * (y - x.square()).square() + (1.0 - x).square();
}

fn rosenbrock(x: Var<'_, f32>) -> Var<'_, f32> {
    let (head, tail) = (x.slice(s![..-1]), x.slice(s![1..]));
    (100.0 * (tail - head.square()).square() + (1.0 - head).square()).sum()
}

fn chain(x: Var<'_, f32>) -> Var<'_, f32> {
    (0..250).fold(x, |x, _| (x * 1.001 + 0.01).sin() - 0.5)
}

/// A loss, and what else is read.
type Read<'t> = (Var<'t, f32>, Option<Var<'t, f32>>);

/// A network of this seed's weights, and a batch for it.
fn classifier(sizes: &[usize], batch: usize) -> (Params<f32>, Mlp, ArrayD<f32>, Vec<usize>) {
    let mut rng = StdRng::seed_from_u64(7);
    let mut params = Params::new();
    let mlp = Mlp::new(&mut params, "mlp", sizes, Activation::Relu, &mut rng);
    let images = Init::Normal { mean: 0.0, deviation: 1.0 }.array([batch, sizes[0]], &mut rng);
    let labels = (0..batch).map(|_| rng.random_range(0..sizes[sizes.len() - 1])).collect();
    (params, mlp, images, labels)
}

#[derive(Clone, Copy)]
enum Loss {
    Mse,
    CrossEntropy,
    Bce,
}

struct Bench {
    names: Vec<String>,
    listing: bool,
    steps: Option<usize>,
}

impl Bench {
    fn mlp<O: Optimizer<f32>>(
        &mut self,
        name: &str,
        sizes: &[usize],
        batch: usize,
        activation: Activation,
        loss: Loss,
        optimizer: impl FnOnce() -> O,
    ) {
        if !self.wants(name) {
            return;
        }
        let mut rng = StdRng::seed_from_u64(7);
        let mut params = Params::<f32>::new();
        let mlp = Mlp::new(&mut params, "mlp", sizes, activation, &mut rng);
        let normal = Init::Normal { mean: 0.0, deviation: 1.0 };
        let (inputs, outputs) = (sizes[0], sizes[sizes.len() - 1]);
        let images = normal.array::<f32>([batch, inputs], &mut rng);
        let targets = match loss {
            Loss::Bce => normal.array::<f32>([batch, outputs], &mut rng).mapv(|x| f32::from(x > 0.0)),
            _ => normal.array::<f32>([batch, outputs], &mut rng),
        };
        let labels: Vec<usize> = (0..batch).map(|_| rng.random_range(0..outputs)).collect();
        let (mut tape, mut gradient, mut optimizer) = (Tape::new(), params.gradient(), optimizer());
        self.time(name, || {
            let step = tape.record(&params);
            let logits = mlp.forward(step.input(&images));
            let loss = match loss {
                Loss::Mse => mse(logits, step.input(&targets)),
                Loss::CrossEntropy => cross_entropy(logits, &labels),
                Loss::Bce => bce_with_logits(logits, step.input(&targets)),
            };
            black_box(loss.backward(&mut gradient));
            optimizer.step(&mut params, &gradient);
        });
        self.list(&tape);
    }

    /// Steps of the small network with the loss that `forward` makes in each turn; what it answers besides is read after
    /// `backward`.
    fn small(&self, name: &str, forward: impl for<'t> Fn(usize, &[Linear; 2], Var<'t, f32>, &[usize]) -> Read<'t>) {
        if !self.wants(name) {
            return;
        }
        let (_, _, images, labels) = classifier(&[64, 32, 10], 64);
        let mut rng = StdRng::seed_from_u64(8);
        let mut params = Params::<f32>::new();
        let layers =
            [("first", 64, 32), ("second", 32, 10)].map(|(name, n, m)| Linear::new(&mut params, name, n, m, &mut rng));
        let (mut tape, mut gradient, mut optimizer) = (Tape::new(), params.gradient(), adam());
        let mut read = ArrayD::zeros(vec![64, 10]);
        let mut turn = 0;
        self.time(name, || {
            let step = tape.record(&params);
            let (loss, other) = forward(turn, &layers, step.input(&images), &labels);
            black_box(loss.backward(&mut gradient));
            if let Some(other) = other {
                other.value_into(&mut read);
            }
            optimizer.step(&mut params, &gradient);
            turn += 1;
        });
        self.list(&tape);
    }

    fn validated(&self, name: &str) {
        if !self.wants(name) {
            return;
        }
        let (mut params, mlp, images, labels) = classifier(&[64, 32, 10], 64);
        let (_, _, others, their_labels) = classifier(&[64, 32, 10], 256);
        let (mut tape, mut gradient, mut optimizer) = (Tape::new(), params.gradient(), adam());
        self.time(name, || {
            let step = tape.record(&params);
            black_box(cross_entropy(mlp.forward(step.input(&images)), &labels).backward(&mut gradient));
            optimizer.step(&mut params, &gradient);
            let step = tape.record(&params);
            black_box(cross_entropy(mlp.forward(step.input(&others)), &their_labels).item());
        });
        self.list(&tape);
    }

    fn first(&self, name: &str) {
        if !self.wants(name) {
            return;
        }
        let (mut params, mlp, images, labels) = classifier(&[784, 128, 10], 64);
        let (mut gradient, mut optimizer) = (params.gradient(), adam());
        self.time(name, || {
            let mut tape = Tape::new();
            let step = tape.record(&params);
            black_box(cross_entropy(mlp.forward(step.input(&images)), &labels).backward(&mut gradient));
            optimizer.step(&mut params, &gradient);
        });
    }

    fn recurrent(&self, name: &str) {
        if !self.wants(name) {
            return;
        }
        let mut rng = StdRng::seed_from_u64(7);
        let mut params = Params::<f32>::new();
        let input = Linear::new(&mut params, "input", 16, 32, &mut rng);
        let state = Linear::without_bias(&mut params, "state", 32, 32, &mut rng);
        let output = Linear::new(&mut params, "output", 32, 1, &mut rng);
        let normal = Init::Normal { mean: 0.0, deviation: 1.0 };
        let series: Vec<ArrayD<f32>> = (0..10).map(|_| normal.array([32, 16], &mut rng)).collect();
        let targets = normal.array::<f32>([32, 1], &mut rng);
        let (mut tape, mut gradient, mut optimizer) = (Tape::new(), params.gradient(), adam());
        let mut turn = 0;
        self.time(name, || {
            let step = tape.record(&params);
            let mut hidden = input.forward(step.input(&series[0])).tanh();
            for x in &series[1..3 + turn % 8] {
                hidden = (input.forward(step.input(x)) + state.forward(hidden)).tanh();
            }
            black_box(mse(output.forward(hidden), step.input(&targets)).backward(&mut gradient));
            optimizer.step(&mut params, &gradient);
            turn += 1;
        });
        self.list(&tape);
    }

    fn deep(&self, name: &str, depth: usize) {
        if !self.wants(name) {
            return;
        }
        let mut rng = StdRng::seed_from_u64(7);
        let mut params = Params::<f32>::new();
        let layers: Vec<Linear> =
            (0..depth).map(|i| Linear::new(&mut params, &format!("layer{i}"), 8, 8, &mut rng)).collect();
        let x = Init::Normal { mean: 0.0, deviation: 1.0 }.array::<f32>([1, 8], &mut rng);
        let (mut tape, mut gradient, mut optimizer) = (Tape::new(), params.gradient(), Sgd::new(1e-3));
        self.time(name, || {
            let step = tape.record(&params);
            let y = layers.iter().fold(step.input(&x), |x, layer| layer.forward(x).tanh());
            black_box(y.square().sum().backward(&mut gradient));
            optimizer.step(&mut params, &gradient);
        });
        self.list(&tape);
    }

    fn gradient(&mut self, name: &str, x: &ArrayD<f32>, f: impl for<'t> Fn(Var<'t, f32>) -> Var<'t, f32>) {
        if !self.wants(name) {
            return;
        }
        let (params, mut tape, mut gradient) = (Params::new(), Tape::new(), ArrayD::zeros(x.raw_dim()));
        self.time(name, || {
            let step = tape.record(&params);
            let x = step.variable(x);
            f(x).gradient(x).value_into(&mut gradient);
            black_box(&gradient);
        });
        self.list(&tape);
    }

    fn wants(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|part| name.contains(part.as_str()))
    }

    fn time(&self, name: &str, mut step: impl FnMut()) {
        (0..4).for_each(|_| step());
        if let Some(steps) = self.steps {
            (0..steps).for_each(|_| step());
        }
        if self.listing || self.steps.is_some() {
            return;
        }
        let mut seconds = |count: usize| {
            let start = Instant::now();
            (0..count).for_each(|_| step());
            start.elapsed().as_secs_f64() / count as f64
        };
        let once = seconds(1).max(1e-7);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let count = ((PATIENCE / REPETITIONS as f64 / once) as usize).clamp(3, 100_000);
        let mut times: Vec<_> = (0..REPETITIONS).map(|_| seconds(count)).collect();
        times.sort_by(f64::total_cmp);
        println!("{name}\t{:.3}", times[REPETITIONS / 2] * 1e6);
    }

    fn list(&self, tape: &Tape<f32>) {
        if self.listing {
            println!("{tape}");
        }
    }
}
