//! One pass over a group of pointwise ops, with broadcasts, row kernels and reductions at their ends.
//!
//! A [`Graph`] says what is to be computed, [`compile`] makes a [`Program`] of it, [`Program::run`] computes it tile by tile:
//! what lies between the inputs and the outputs never leaves the nearest cache.
#![allow(unsafe_code, reason = "kernels are the home of unsafe code")]

mod graph;
mod pass;
mod program;
mod rows;
mod scratch;

pub(crate) use graph::{Binary, BlockKernel, Extent, Graph, Node, NodeId, Operands, Output, Unary};
pub(crate) use pass::Pass;
pub(crate) use program::{Program, compile};
pub(crate) use rows::{RowKernel, Rows};
pub(crate) use scratch::Scratch;
