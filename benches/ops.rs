//! Ops through the public interface, on a tape that is recorded again each time: their values alone, and with the backward pass
//! of a scalar loss.
//!
//! Sizes go from one number to 2²⁴, which no cache holds. `cargo bench --bench ops`; a word after `--` is a filter on names,
//! such as `softmax` or `'/1024x1024'`. The loss is Σy², so that y itself and a cotangent that is no constant are needed.

use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gradus::prelude::*;

/// Rows and columns.
const SIZES: [[usize; 2]; 4] = [[1, 1], [32, 32], [1024, 1024], [4096, 4096]];

/// What an operand is of a matrix.
#[derive(Clone, Copy)]
enum Extent {
    Whole,
    Row,
    Column,
}
use Extent::{Column, Row, Whole};

/// Positions to choose by.
struct Picks {
    /// For each row a column, and a matrix of one column with the same.
    labels: Vec<usize>,
    columns: Array2<usize>,
    /// All rows in another order.
    rows: Vec<usize>,
}

type Function = for<'t> fn(&[Var<'t, f32>], &Picks) -> Var<'t, f32>;

const OPS: &[(&str, &[Extent], Function)] = &[
    ("add", &[Whole, Whole], |x, _| x[0] + x[1]),
    ("add a row", &[Whole, Row], |x, _| x[0] + x[1]),
    ("multiply by a column", &[Whole, Column], |x, _| x[0] * x[1]),
    ("tanh", &[Whole], |x, _| x[0].tanh()),
    ("sum", &[Whole], |x, _| x[0].sum()),
    ("sum of columns", &[Whole], |x, _| x[0].sum_axis(0)),
    ("sum of rows", &[Whole], |x, _| x[0].sum_axis(1)),
    ("max of columns", &[Whole], |x, _| x[0].max_axis(0)),
    ("max of rows", &[Whole], |x, _| x[0].max_axis(1)),
    ("softmax", &[Whole], |x, _| x[0].softmax(1)),
    ("log_softmax", &[Whole], |x, _| x[0].log_softmax(1)),
    ("cross_entropy", &[Whole], |x, picks| cross_entropy(x[0], &picks.labels)),
    ("layer_norm", &[Whole, Row, Row], |x, _| x[0].layer_norm(x[1], x[2], 1e-5)),
    ("slice", &[Whole], |x, _| {
        let half = x[0].shape()[1].div_ceil(2);
        x[0].slice(s![.., ..half])
    }),
    ("concat", &[Whole, Whole], |x, _| concat(x, 1)),
    ("index_select", &[Whole], |x, picks| x[0].index_select(0, &picks.rows)),
    ("gather", &[Whole], |x, picks| x[0].gather(1, &picks.columns)),
];

/// An op with operands, tape and memory for results.
struct Case {
    params: Params<f32>,
    /// The last is repeated where there are fewer.
    operands: [Param; 3],
    arity: usize,
    picks: Picks,
    function: Function,
    tape: Tape<f32>,
    value: ArrayD<f32>,
    gradient: Gradient<f32>,
}

impl Case {
    fn new([rows, columns]: [usize; 2], extents: &[Extent], function: Function) -> Self {
        let (mut params, mut k) = (Params::new(), 0_u32);
        // From −2 to 2, without a pattern that any op could make use of.
        let mut number = || {
            k = k.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (k >> 8) as f32 / (1 << 22) as f32 - 2.0
        };
        let names = ["first", "second", "third"];
        let operands = extents.iter().zip(names).map(|(extent, name)| {
            let shape = match extent {
                Whole => [rows, columns],
                Row => [1, columns],
                Column => [rows, 1],
            };
            params.add(name, shape, &mut number)
        });
        let operands: Vec<_> = operands.collect();
        let arity = operands.len();
        let operands = [0, 1, 2].map(|at: usize| operands[at.min(arity - 1)]);
        let labels: Vec<usize> = (0..rows).map(|row| row * 31 % columns).collect();
        let columns = Array2::from_shape_vec((rows, 1), labels.clone()).expect("as many labels as rows");
        // 31 has no divisor in common with any number of rows, so each row comes up once.
        let picks = Picks { labels, columns, rows: (0..rows).map(|row| row * 31 % rows).collect() };
        let gradient = params.gradient();
        let value = ArrayD::zeros(&[0][..]);
        let mut case = Self { params, operands, arity, picks, function, tape: Tape::new(), value, gradient };
        let step = case.tape.record(&case.params);
        let x = operands.map(|operand| step.param(operand));
        case.value = function(&x[..arity], &case.picks).value();
        case
    }

    fn forward(&mut self) {
        let step = self.tape.record(&self.params);
        let x = self.operands.map(|operand| step.param(operand));
        (self.function)(&x[..self.arity], &self.picks).value_into(&mut self.value);
    }

    fn backward(&mut self) -> f32 {
        let step = self.tape.record(&self.params);
        let x = self.operands.map(|operand| step.param(operand));
        (self.function)(&x[..self.arity], &self.picks).square().sum().backward(&mut self.gradient)
    }
}

fn ops(c: &mut Criterion) {
    for &(name, extents, function) in OPS {
        let mut group = c.benchmark_group(name);
        for size in SIZES {
            let [rows, columns] = size;
            group.throughput(Throughput::Elements((rows * columns) as u64));
            // Made when the filter lets it through. What is seen for the first time is planned at the second.
            let mut case = None;
            group.bench_function(format!("forward/{rows}x{columns}"), |b| {
                let case = case.get_or_insert_with(|| {
                    let mut case = Case::new(size, extents, function);
                    (0..2).for_each(|_| case.forward());
                    case
                });
                b.iter(|| case.forward());
            });
            case = None;
            group.bench_function(format!("forward and backward/{rows}x{columns}"), |b| {
                let case = case.get_or_insert_with(|| {
                    let mut case = Case::new(size, extents, function);
                    (0..2).for_each(|_| _ = case.backward());
                    case
                });
                b.iter(|| case.backward());
            });
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(400))
        .nresamples(2000);
    targets = ops
}
criterion_main!(benches);
