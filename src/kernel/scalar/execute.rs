//! Running a program over single numbers.

use super::super::lane::Lane;
use super::super::simd::math::Functions;
use super::super::simd::{Isa, Kernel, dispatch};
use super::function::Parts;
use super::{Call, Instruction};
use crate::real::{Real, twin};

/// Runs instructions over the table that stands at a pointer.
///
/// # Safety
///
/// All entries that instructions and calls name must be there to be read and written, and the calls that instructions name.
pub(super) type Execute<T> = unsafe fn(code: &[Instruction], calls: &[Call<T>], table: *mut T);

/// The one for this element.
pub(super) fn executor<T: Real>() -> Execute<T> {
    twin(&(execute::<f32> as Execute<f32>), &(execute::<f64> as Execute<f64>))
}

/// # Safety
///
/// See [`Execute`].
unsafe fn execute<T: Functions>(code: &[Instruction], calls: &[Call<T>], table: *mut T) {
    // SAFETY: handed on to the caller.
    dispatch(unsafe { Machine::new(code, calls, table) });
}

pub(super) struct Machine<'a, T> {
    code: &'a [Instruction],
    calls: &'a [Call<T>],
    table: *mut T,
}

impl<'a, T> Machine<'a, T> {
    /// # Safety
    ///
    /// See [`Execute`].
    #[inline(always)]
    pub(super) unsafe fn new(code: &'a [Instruction], calls: &'a [Call<T>], table: *mut T) -> Self {
        Self { code, calls, table }
    }
}

impl<T: Functions> Kernel for Machine<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { code, calls, table } = self;
        let mut accumulator: Lane<T, I> = Lane::new(T::zero());
        for instruction in code {
            // By value, so that the pointer stays in a register: in memory, each write to the table might have changed it.
            accumulator = instruction.code.compute(accumulator, Step { instruction, calls, table });
            write(table, instruction.out, accumulator.0);
        }
    }
}

/// An instruction and what it refers to.
#[derive(Clone, Copy)]
struct Step<'a, T> {
    instruction: &'a Instruction,
    calls: &'a [Call<T>],
    table: *mut T,
}

#[inline(always)]
fn entry<T: Copy, I: Isa>(table: *mut T, at: u32) -> Lane<T, I> {
    // SAFETY: whoever made the machine vouches for all entries that its instructions name.
    Lane::new(unsafe { *table.add(at as usize) })
}

#[inline(always)]
fn write<T>(table: *mut T, at: u32, value: T) {
    // SAFETY: as above.
    unsafe { *table.add(at as usize) = value }
}

impl<T: Functions, I: Isa> Parts<T, I> for Step<'_, T> {
    #[inline(always)]
    fn a(self) -> Lane<T, I> {
        entry(self.table, self.instruction.a)
    }

    #[inline(always)]
    fn b(self) -> Lane<T, I> {
        entry(self.table, self.instruction.b)
    }

    #[inline(always)]
    fn write_b(self, value: T) {
        write(self.table, self.instruction.b, value);
    }

    #[inline(always)]
    fn call(self) -> Lane<T, I> {
        call(&self.calls[self.instruction.a as usize], self.table, self.instruction.out);
        entry(self.table, self.instruction.out)
    }
}

/// Not inlined: the registers are for everything else.
#[inline(never)]
fn call<T: Copy>(call: &Call<T>, table: *mut T, out: u32) {
    let mut operands = [std::ptr::null(); 3];
    for (operand, &at) in operands.iter_mut().zip(&call.operands) {
        *operand = table.wrapping_add(at as usize).cast_const();
    }
    // SAFETY: the operands of a call and its result are entries, and a result may be an operand.
    unsafe { call.block.run(operands.as_ptr(), table.add(out as usize), 1) }
}
