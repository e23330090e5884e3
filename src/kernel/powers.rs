//! Whole powers.
#![allow(unsafe_code, reason = "kernels are the home of unsafe code")]

use super::block::{Block, CHUNK, Chunk, Map, cover, run};
use super::simd::Isa;
use super::simd::math::Functions;
use crate::real::Real;

/// The kernel of xⁿ. Its second operand points at n, an `i32`, whatever the element type.
pub(crate) fn powers<T: Functions>() -> Block<T> {
    Block::new::<2>(|inputs, out, n| {
        // SAFETY: handed on to the caller.
        unsafe { cover::<2, T>(chunks::<T>, 1, inputs, out, n) }
    })
}

/// Fills whole chunks.
///
/// # Safety
///
/// As for [`run`]; the exponent must stand behind the second pointer.
unsafe fn chunks<T: Functions>(inputs: *const *const T, out: *mut T, n: usize) {
    // SAFETY: the exponent stands there; the rest is handed on to the caller.
    unsafe {
        let exponent = (*inputs.add(1)).cast::<i32>().read_unaligned();
        run(Map::<1, T, _> { inputs, out, n, chunk: Powers(exponent) });
    }
}

/// Fills `out` with xⁿ, given the kernel.
pub(crate) fn fill<T: Real>(kernel: Block<T>, x: &[T], n: i32, out: &mut [T]) {
    assert!(kernel.arity() == 2 && x.len() == out.len(), "operands of one length");
    let inputs = [x.as_ptr(), (&raw const n).cast()];
    // SAFETY: just asserted; what is borrowed mutably overlaps nothing.
    unsafe { kernel.run(inputs.as_ptr(), out.as_mut_ptr(), out.len()) }
}

/// xⁿ by repeated squaring: the same bits on every machine.
struct Powers(i32);

impl<T: Functions> Chunk<1, T> for Powers {
    #[inline(always)]
    unsafe fn compute<I: Isa>(&self, [x]: [*const T; 1]) -> [T; CHUNK] {
        // SAFETY: the caller vouches for a whole chunk.
        let mut square = unsafe { x.cast::<[T; CHUNK]>().read() };
        let (mut values, mut rest) = ([T::one(); CHUNK], self.0.unsigned_abs());
        while rest > 0 {
            if rest & 1 == 1 {
                for (value, &square) in values.iter_mut().zip(&square) {
                    *value *= square;
                }
            }
            for square in &mut square {
                *square *= *square;
            }
            rest >>= 1;
        }
        if self.0 < 0 {
            for value in &mut values {
                *value = T::one() / *value;
            }
        }
        values
    }
}
