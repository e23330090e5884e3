//! Running a program over single numbers.

use super::super::lane::Lane;
use super::super::simd::math::Functions;
use super::super::simd::{Isa, Kernel, dispatch};
use super::function::sin_cos;
use super::{Call, Code, Instruction};
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

impl<'a, T: Functions> Machine<'a, T> {
    /// # Safety
    ///
    /// See [`Execute`].
    #[inline(always)]
    pub(super) unsafe fn new(code: &'a [Instruction], calls: &'a [Call<T>], table: *mut T) -> Self {
        Self { code, calls, table }
    }

    #[inline(always)]
    fn entry<I: Isa>(&self, at: u32) -> Lane<T, I> {
        // SAFETY: whoever made the machine vouches for all entries that its instructions name.
        Lane::new(unsafe { *self.table.add(at as usize) })
    }

    #[inline(always)]
    fn write<I: Isa>(&self, at: u32, value: Lane<T, I>) {
        // SAFETY: as above.
        unsafe { *self.table.add(at as usize) = value.0 }
    }

    #[inline(never)]
    fn call(&self, place: u32, out: u32) {
        let Call { block, operands } = &self.calls[place as usize];
        let operands = operands.map(|at| self.table.wrapping_add(at as usize).cast_const());
        // SAFETY: the call's operands and its result are entries. Blocks allow that a result is an operand.
        unsafe { block.run(operands.as_ptr(), self.table.add(out as usize), 1) }
    }
}

impl<T: Functions> Kernel for Machine<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let mut accumulator: Lane<T, I> = Lane::new(T::zero());
        for &Instruction { code, a, b, out } in self.code {
            accumulator = match code {
                Code::Load => self.entry(a),
                Code::Unary(function) => function.of(accumulator),
                Code::First(function) => function.of(accumulator, self.entry(b)),
                Code::Second(function) => function.of(self.entry(a), accumulator),
                Code::Neither(function) => function.of(self.entry(a), self.entry(b)),
                Code::Select => self.entry(if accumulator == 0.0 { b } else { a }),
                Code::SinCos => {
                    let (sin, cos) = sin_cos(accumulator);
                    self.write(b, cos);
                    sin
                }
                Code::CosSin => {
                    let (sin, cos) = sin_cos(accumulator);
                    self.write(b, sin);
                    cos
                }
                Code::Call => {
                    self.call(a, out);
                    self.entry(out)
                }
            };
            self.write(out, accumulator);
        }
    }
}
