//! Seeing what a training step is: the listing with groups and memory, and the same as a drawing.
//!
//! A network of two layers takes one step. On the standard error stands the listing: which instructions run as one, which
//! values need memory, which live in registers. On the standard output stands the graph for Graphviz:
//!
//! ```text
//! cargo run --release --example graph | dot -Tsvg > docs/graph.svg
//! ```
//!
//! Expect: bias, activation, loss and their derivatives in a few groups around the products of matrices.

use gradus::graph::{Graph, Memory};
use gradus::prelude::*;

pub(crate) fn training_step() -> Graph {
    let mut params = Params::<f32>::new();
    let mlp = Mlp::new(&mut params, "mlp", &[2, 16, 3], Activation::Tanh, &mut StdRng::seed_from_u64(7));
    let (points, labels) = (Array2::from_shape_fn((32, 2), |(i, j)| (i * (j + 1)) as f32 / 32.0), [0, 1, 2, 1]);
    let labels = labels.repeat(8);

    let (mut tape, mut gradient) = (Tape::new(), params.gradient());
    let step = tape.record(&params);
    let loss = cross_entropy(mlp.forward(step.input(&points)), &labels);
    loss.backward(&mut gradient);
    step.graph()
}

fn main() {
    let graph = training_step();
    eprintln!("{graph}");
    println!("{}", graph.dot());

    // One gradient for each parameter, written where it belongs; and less memory than if every value were kept.
    assert_eq!(graph.nodes.iter().filter(|node| node.memory == Memory::Gradient).count(), 4);
    assert!(graph.working + graph.kept < graph.unplanned());
}
