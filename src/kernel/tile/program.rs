//! What a graph is compiled to.

use super::Graph;
use super::scratch::Scratch;
use crate::real::Real;

/// A graph, ready to run.
#[derive(Debug)]
pub(crate) struct Program<T> {
    graph: Graph<T>,
}

/// Compiles a graph. The program may run any number of times, with other data of the same layout.
pub(crate) fn compile<T: Real>(graph: &Graph<T>) -> Program<T> {
    Program { graph: graph.clone() }
}

impl<T: Real> Program<T> {
    /// Computes all outputs. In steady state nothing is allocated.
    ///
    /// # Safety
    ///
    /// For every row and column, what the graph's inputs describe must be readable and what its outputs describe must be
    /// writable by nobody else; outputs overlap neither inputs nor each other. Each slot of labels holds one for each row.
    pub(crate) unsafe fn run(
        &self,
        _inputs: &[*const T],
        _labels: &[*const u32],
        _outputs: &[*mut T],
        _scratch: &mut Scratch<T>,
        _threads: usize,
    ) {
        unimplemented!()
    }
}
