//! Programs over single numbers.
//!
//! Where every operand and every result is one number, finding operands costs more than computing with them. So such a part
//! of a recording becomes a short program over a table of numbers. [`compile`] turns functions of table entries into
//! instructions, and [`Program::run`] goes through them:
//!
//! * The result of an instruction stays in a register, the *accumulator*, for the next one, which usually wants it. Through
//!   the table it would take longer, and a chain of functions is all waiting. It is written to the table as well, and
//!   nobody waits for that.
//! * Sine and cosine of one number are computed together, when the first of them is due. They have all but the last step
//!   in common, and one of them is usually there for the derivative of the other.
//! * Two sums, differences or products that follow each other are one instruction, if nobody else wants what is between.
//!   That is for the jump from one instruction to the next, which has to be guessed; each function still rounds by itself.
//!   So the bits are those of the ops computed alone, for which functions with a kernel over blocks are the same code.
#![allow(unsafe_code, reason = "kernels are the home of unsafe code")]

mod compile;
mod execute;
mod function;
#[cfg(test)]
mod tests;

pub(crate) use compile::compile;
use execute::{Execute, executor};
use function::Code;
pub(crate) use function::{Binary, Unary};

use super::block::Block;
use crate::real::Real;

/// A number to compute: the entry `result` of the table, from others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node<T> {
    pub(crate) function: Function<T>,
    /// Entries of the table: as many as the function takes, the rest means nothing.
    pub(crate) operands: [u32; 3],
    pub(crate) result: u32,
}

/// A function of one to three numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Function<T> {
    Unary(Unary),
    Binary(Binary),
    /// The second operand where the first is not 0, else the third.
    Select,
    /// Whatever has a kernel over blocks.
    Call(Block<T>),
}

impl<T: Copy> Function<T> {
    fn arity(&self) -> usize {
        match self {
            Self::Unary(_) => 1,
            Self::Binary(_) => 2,
            Self::Select => 3,
            Self::Call(block) => block.arity(),
        }
    }
}

/// One step of a program. Entries of the table are `a`, `b` and `out`, which takes the accumulator.
#[derive(Clone, Copy, Debug)]
struct Instruction {
    code: Code,
    a: u32,
    b: u32,
    out: u32,
}

/// A function with a kernel over blocks, and its operands.
#[derive(Clone, Copy, Debug)]
struct Call<T> {
    block: Block<T>,
    operands: [u32; 3],
}

/// Functions of entries of a table, ready to run.
#[derive(Debug)]
pub(crate) struct Program<T> {
    code: Vec<Instruction>,
    calls: Vec<Call<T>>,
    /// The length that a table must have.
    entries: usize,
    execute: Execute<T>,
}

impl<T: Real> Program<T> {
    /// Computes all results that are wanted in the table.
    ///
    /// # Panics
    ///
    /// If the table is too short.
    #[inline]
    pub(crate) fn run(&self, table: &mut [T]) {
        assert!(table.len() >= self.entries, "a table of {} for {} entries", table.len(), self.entries);
        // SAFETY: programs are made by `compile`, which lets no entry in at `self.entries` or beyond.
        unsafe { (self.execute)(&self.code, &self.calls, table.as_mut_ptr()) }
    }

    /// The length that a table must have.
    pub(crate) fn entries(&self) -> usize {
        self.entries
    }

    /// The bytes that the program takes.
    pub(crate) fn bytes(&self) -> usize {
        self.code.capacity() * size_of::<Instruction>() + self.calls.capacity() * size_of::<Call<T>>()
    }
}
