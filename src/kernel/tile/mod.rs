//! One pass over a group of pointwise ops, with broadcasts, row kernels and reductions at their ends.
//!
//! A [`Graph`] says what is to be computed, [`compile`] makes a [`Program`] of it, [`Program::run`] computes it tile by tile:
//! what lies between the inputs and the outputs never leaves the nearest cache.
#![allow(unsafe_code, reason = "kernels are the home of unsafe code")]

mod compile;
mod emit;
mod expand;
mod facts;
mod formula;
mod fuse;
mod graph;
mod instr;
mod key;
mod lower;
mod machine;
mod pair;
mod pass;
mod program;
mod rows;
mod run;
mod scratch;
mod shift;
mod sums;
mod tiling;
mod worker;

pub(crate) use graph::{
    Binary, BlockKernel, BlockKernels, Extent, Graph, Node, NodeId, Operands, Output, PairKernel, PairKernels,
    RowKernels, Slope, Twins, Unary,
};
pub(crate) use pass::{Pass, Passes};
pub(crate) use program::Program;
pub(crate) use rows::{RowKernel, Rows};
pub(crate) use scratch::Scratch;

use crate::kernel::reduce::{BLOCK as ROWS, LANES};
use crate::kernel::simd;
use crate::real::Real;

/// Elements that a sum takes in one go, see [`reduce`](super::reduce).
const SUM_BLOCK: usize = LANES * ROWS;

/// Compiles a graph. The program may run any number of times, with other data of the same layout.
pub(crate) fn compile<T: Real>(graph: &Graph) -> Program<T> {
    compile::compile_at(graph, simd::level())
}

#[cfg(test)]
mod tests;
