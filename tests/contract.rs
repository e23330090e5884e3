//! The patterns that user code relies on: that they compile is the first thing this file tests.

#![allow(
    clippy::op_ref,
    clippy::assign_op_pattern,
    clippy::needless_borrows_for_generic_args,
    reason = "users write these, and they have to compile"
)]

use std::sync::Arc;

use gradus::prelude::*;
use ndarray::{ArrayView2, ArrayViewD};
use rand::RngExt;

struct Linear {
    w: Param,
    b: Param,
}

impl Linear {
    fn new<T: Real>(p: &mut Params<T>, name: &str, i: usize, o: usize, rng: &mut StdRng) -> Self {
        Linear {
            w: p.add(&format!("{name}.w"), &[i, o], || T::of(rng.random::<f64>() - 0.5)),
            b: p.add(&format!("{name}.b"), &[o], || T::of(0.0)),
        }
    }

    fn forward<'t, T: Real>(&self, x: Var<'t, T>) -> Var<'t, T> {
        x.affine(x.param(self.w), x.param(self.b))
    }
}

struct Mlp {
    layers: Vec<Linear>,
}

impl Mlp {
    fn new<T: Real>(p: &mut Params<T>, s: &[usize], rng: &mut StdRng) -> Self {
        let layers = s.windows(2).enumerate();
        Mlp { layers: layers.map(|(i, w)| Linear::new(p, &format!("mlp.{i}"), w[0], w[1], rng)).collect() }
    }

    fn forward<'t, T: Real>(&self, x: Var<'t, T>) -> Var<'t, T> {
        let (last, hidden) = self.layers.split_last().unwrap();
        last.forward(hidden.iter().fold(x, |h, l| l.forward(h).relu()))
    }
}

/// A hand-written update, as a user may write one.
struct Descent {
    rate: f32,
}

impl Descent {
    fn step(&mut self, params: &mut Params<f32>, gradient: &Gradient<f32>) {
        gradient.consume(params);
        params.flat_mut().iter_mut().zip(gradient.flat()).for_each(|(x, g)| *x -= self.rate * g);
        params.apply_updates(gradient);
    }
}

fn data() -> Vec<(Array2<f32>, Vec<usize>)> {
    let mut r = StdRng::seed_from_u64(1);
    let batch = |_| (Array2::from_shape_simple_fn((8, 4), || r.random::<f32>()), (0..8).map(|i| i % 3).collect());
    (0..3).map(batch).collect()
}

#[test]
fn the_loop() {
    let mut rng = StdRng::seed_from_u64(7);
    let mut params = Params::<f32>::new();
    let mlp = Mlp::new(&mut params, &[4, 5, 3], &mut rng);
    let mut optimizer = Descent { rate: 0.5 };
    let mut gradient = params.gradient();
    let mut tape = Tape::new();
    let mut valid_tape = Tape::new();
    let batches = data();
    let (mut first, mut last) = (None, 0.0);
    for _ in 0..50 {
        for (images, labels) in &batches {
            let step = tape.record(&params);
            let logits = mlp.forward(step.input(images));
            let loss = cross_entropy(logits, labels);
            // validation on another tape while the first recording is alive
            let v = valid_tape.record(&params);
            let valid = cross_entropy(mlp.forward(v.input(images.slice(s![..4, ..]))), &labels[..4]).item();
            let value = loss.backward(&mut gradient);
            let out: ArrayD<f32> = logits.value(); // several results from a step
            optimizer.step(&mut params, &gradient);
            first.get_or_insert(value);
            last = value;
            assert!(valid.is_finite() && out.shape() == [8, 3]);
        }
    }
    assert!(last < first.unwrap());
}

#[test]
fn data_made_after_record_and_lending_batches() {
    struct Lend {
        buf: Array2<f32>,
        lab: Vec<usize>,
        n: usize,
    }
    impl Lend {
        fn next(&mut self) -> Option<(ArrayView2<'_, f32>, &[usize])> {
            self.n += 1;
            self.buf.fill(self.n as f32);
            (self.n < 5).then_some((self.buf.view(), &self.lab[..]))
        }
    }
    let mut params = Params::<f32>::new();
    let mut rng = StdRng::seed_from_u64(7);
    let mlp = Mlp::new(&mut params, &[4, 3], &mut rng);
    let (mut tape, mut g, mut o) = (Tape::new(), params.gradient(), Descent { rate: 0.1 });
    let mut b = Lend { buf: Array2::zeros((8, 4)), lab: vec![0; 8], n: 0 };
    while let Some((x, y)) = b.next() {
        let step = tape.record(&params);
        let noise = &x * 0.5; // born AFTER record
        let loss = cross_entropy(mlp.forward(step.input(&noise)), y);
        loss.backward(&mut g);
        o.step(&mut params, &g);
    }
}

fn penalty<'t>(step: Step<'t, '_, f32>, l: &Linear) -> Var<'t, f32> {
    let w = step.param(l.w);
    (w * w).sum()
}

fn swish<'t, T: Real>(x: Var<'t, T>) -> Var<'t, T> {
    x * x.sigmoid()
}

fn affine_generic<'t, T: Real>(x: Var<'t, T>, k: T) -> Var<'t, T> {
    2.0 * x + 1.0 - x / 3.0 + x * k - 1
}

#[test]
fn helpers_and_scalars() {
    let mut params = Params::<f32>::new();
    let mut rng = StdRng::seed_from_u64(7);
    let l = Linear::new(&mut params, "l", 4, 3, &mut rng);
    let mut tape = Tape::new();
    let step = tape.record(&params);
    let row = array![[1.0f32, 2.0, 3.0, 4.0]];
    let x = step.input(&row);
    let k = 0.5f32;
    let h = ((2.0 * l.forward(x) + 1.0) * k + 0.25f32).sum();
    let r = h + penalty(&step, &l) + swish(h) + affine_generic(h, 0.5f32);
    let rec = x.recording();
    let q = rec.ones(&[]) + r;
    assert!(q.item().is_finite());
}

#[test]
fn references_assignment_and_sums() {
    let g = grad(
        |x| {
            let parts = [x, &x * 2.0, x * &x, 1.0 / &x];
            let mut total: Var<'_, f64> = parts.iter().sum();
            total += x;
            total -= 1;
            total *= 2.0;
            total /= &x.scalar(2_usize);
            (total + parts.into_iter().sum::<Var<'_, f64>>()).sum()
        },
        &array![1.0, 2.0],
    );
    // d/dx [(x + 2x + x² + 1/x + x − 1) + (x + 2x + x² + 1/x)] = 7 + 4x − 2/x²
    assert_eq!(g, array![9.0, 14.5]);
}

#[test]
fn functional() {
    let g = grad(|x| (x * x).sum(), &array![1.0, 2.0]);
    assert_eq!(g, array![2.0, 4.0]);
    let g = grad(|x| (2.0 * x + 1.0).sum() + (x * 0.5).sum(), &array![1.0, 2.0]);
    assert_eq!(g, array![2.5, 2.5]);
    let g = grad(|x| swish(x).sum(), &array![[0.0f32]]);
    assert_eq!(g, array![[0.5]]);
    let g = grad(swish_sum::<f64>, &array![0.0]);
    assert_eq!(g, array![0.5]);
    let a = array![3.0, 4.0];
    let g = grad(|x| (x * x.constant(&a)).sum(), &array![1.0, 2.0]);
    assert_eq!(g, a);
    // higher order = Var-level operators on the same recording
    let g2 = grad(|x| x.grad_of(|z| (z * z * z).sum()).sum(), &array![1.0, 2.0]);
    assert_eq!(g2, array![6.0, 12.0]);
    let h = hessian(|x| (x * x * x).sum() + x.sum() * x.sum(), &array![1.0, 2.0]);
    assert_eq!(h, array![[8.0, 2.0], [2.0, 14.0]]);
    let j = jvp(|x| x.tanh() * x, &array![0.5, -1.0], &array![1.0, 2.0]);
    let t = 0.5f64.tanh();
    assert!((j[0] - (t + 0.5 * (1.0 - t * t))).abs() < 1e-12);
}

fn swish_sum<'t, T: Real>(x: Var<'t, T>) -> Var<'t, T> {
    swish(x).sum()
}

#[test]
fn checks_over_ranks() {
    let a = array![[1.0, 2.0], [3.0, 4.0]];
    let b = array![[0.1], [0.2]];
    let c = array![0.3];
    check::gradients(|v| v[0].matmul(v[1]).tanh().sum() + (v[1] * v[2]).sum(), &[&a, &b, &c]).assert();
    check::gradients(|v| 2.0 * (v[0] * v[0]).sum(), &[&array![1.0, 2.0]]).assert();
    let labels = vec![0usize, 1];
    check::gradients(|v| cross_entropy(v[0], &labels), &[&a]).assert(); // captured labels: copied, any lifetime
}

#[test]
fn perturbation_confusion() {
    // d/dz (z * x) at z = x is x, not 2x
    let by_node = grad(|x| (x * x).gradient(x).sum(), &array![3.0]); // d/dx 2x = 2
    let fresh = grad(|x| x.grad_of(|z| (z * x).sum()).sum(), &array![3.0]); // d/dx x = 1
    assert_eq!((by_node[0], fresh[0]), (2.0, 1.0));
}

#[test]
fn control_flow_and_dropout() {
    let params = Params::<f64>::new();
    let mut tape = Tape::new();
    for k in 0..3_u32 {
        let x0 = array![1.0 + f64::from(k), 2.0];
        let step = tape.record(&params);
        let mut x = step.input(&x0);
        let mut hs: Vec<Var<'_, f64>> = vec![];
        while (x * x).sum().item() > 0.5 {
            x = x * 0.7;
            hs.push(x);
        }
        let y = hs.iter().copied().fold(x, |a, h| a + h).dropout(0.5, k.into()).sum();
        assert_eq!(hs.len(), [4, 4, 5][k as usize]);
        assert!(y.item().is_finite());
    }
}

struct Cube {
    k: f64,
}

impl<T: Real> CustomOp<T> for Cube {
    fn shape(&self, i: &[Shape]) -> Shape {
        i[0]
    }

    fn eval(&self, i: &[ArrayViewD<'_, T>], out: &mut [T]) {
        for (o, &x) in out.iter_mut().zip(&i[0]) {
            *o = x * x * x * T::of(self.k);
        }
    }

    fn vjp<'t>(&self, i: &[Var<'t, T>], _y: Var<'t, T>, c: Var<'t, T>) -> Vec<Cotangent<'t, T>> {
        vec![Cotangent::Var(c * i[0] * i[0] * (3.0 * self.k))]
    }
}

#[test]
fn custom_op() {
    let op: Arc<dyn CustomOp<f64>> = Arc::new(Cube { k: 2.0 });
    let h = grad(|x| x.custom(op.clone(), &[x]).gradient(x).sum(), &array![2.0]);
    assert_eq!(h, array![24.0]);
    check::gradients(|v| v[0].custom(op.clone(), &[v[0]]).sum(), &[&array![1.0, 2.0]]).assert();
}

fn is_send<T: Send>() {}
fn is_sync<T: Sync>() {}

#[test]
fn send() {
    is_send::<Tape<f32>>();
    is_send::<Params<f32>>();
    is_sync::<Params<f32>>();
    is_send::<Box<dyn Optimizer<f32> + Send>>();
    is_sync::<Gradient<f32>>();
    is_sync::<Tape<f32>>();
}

trait Layer<T: Real> {
    fn forward<'t>(&self, x: Var<'t, T>) -> Var<'t, T>;
}

impl<T: Real> Layer<T> for Linear {
    fn forward<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
        Linear::forward(self, x)
    }
}

struct Fun<F>(F);

impl<T: Real, F: for<'t> Fn(Var<'t, T>) -> Var<'t, T>> Layer<T> for Fun<F> {
    fn forward<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
        (self.0)(x)
    }
}

struct Sequential<T: Real> {
    l: Vec<Box<dyn Layer<T>>>,
}

impl<T: Real> Sequential<T> {
    fn then(mut self, l: impl Layer<T> + 'static) -> Self {
        self.l.push(Box::new(l));
        self
    }

    fn map(mut self, f: impl for<'t> Fn(Var<'t, T>) -> Var<'t, T> + 'static) -> Self {
        self.l.push(Box::new(Fun(f)));
        self
    }

    fn forward<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
        self.l.iter().fold(x, |x, l| l.forward(x))
    }
}

#[test]
fn sequential() {
    let mut p = Params::<f32>::new();
    let mut rng = StdRng::seed_from_u64(7);
    let net = Sequential { l: vec![] }
        .then(Linear::new(&mut p, "a", 2, 3, &mut rng))
        .map(|x| x.relu())
        .map(gradus::functions::tanh)
        .map(|x| 2.0 * x + 1.0);
    let mut tape = Tape::new();
    let s = tape.record(&p);
    let x = array![[1.0f32, 2.0]];
    assert_eq!(net.forward(s.input(&x)).value().shape(), &[1, 3]);
}

struct Trainer {
    tape: Tape<f32>,
    params: Params<f32>,
    model: Mlp,
    gradient: Gradient<f32>,
    opt: Descent,
}

impl Trainer {
    fn step(&mut self, x: &Array2<f32>, y: &[usize]) -> (f32, ArrayD<f32>) {
        let step = self.tape.record(&self.params);
        let logits = self.model.forward(step.input(x));
        let value = cross_entropy(logits, y).backward(&mut self.gradient);
        let out = logits.value();
        self.opt.step(&mut self.params, &self.gradient);
        (value, out)
    }
}

#[test]
fn trainer() {
    let mut r = StdRng::seed_from_u64(7);
    let mut params = Params::new();
    let model = Mlp::new(&mut params, &[4, 3], &mut r);
    let gradient = params.gradient();
    let mut t = Trainer { tape: Tape::new(), params, model, gradient, opt: Descent { rate: 0.1 } };
    let d = data();
    assert!(t.step(&d[0].0, &d[0].1).0 > 0.0);
}

#[test]
#[should_panic(expected = "two recordings")]
fn mixing_tapes_compiles_and_must_be_checked_at_run_time() {
    let p = Params::<f64>::new();
    let (mut t1, mut t2) = (Tape::new(), Tape::new());
    let (a, b) = (array![1.0], array![2.0]);
    let (r1, r2) = (t1.record(&p), t2.record(&p));
    let _ = r1.input(&a) + r2.input(&b);
}

#[test]
fn an_empty_input() {
    let g: Array1<f64> = grad(|x| x.sum(), &Array1::zeros(0));
    assert!(g.is_empty());
}

/// Closures that borrow their caller's data: nothing is copied.
#[test]
fn a_model_check_borrows_images_and_labels() {
    let mut p = Params::<f32>::new();
    let mut rng = StdRng::seed_from_u64(7);
    let l = Linear::new(&mut p, "l", 4, 3, &mut rng);
    let (images, mask, labels) = (Array2::<f32>::ones((8, 4)), Array2::<f32>::ones((8, 3)), vec![0usize; 8]);
    check::model(&p, |step| cross_entropy(l.forward(step.input(&images)) * step.input(&mask), &labels)).assert();
    check::model(&p, |step| l.forward(step.input(images.slice(s![..2, ..]))).sum()).assert();
}
