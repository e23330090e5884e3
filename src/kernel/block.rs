//! Functions over blocks of numbers, element by element, at the full width of the machine.
#![allow(unsafe_code, reason = "kernels are the home of unsafe code")]

use super::simd::math::Functions;
use super::simd::{Isa, Kernel, dispatch};
use crate::real::Real;

/// Elements computed at a time. The last ones of a block are brought to this number, so that all run through the same
/// instructions.
pub(super) const CHUNK: usize = 32;

/// Fills `out`, of `n` elements, from the operands that stand at `inputs`.
pub(super) type Run<T> = unsafe fn(inputs: *const *const T, out: *mut T, n: usize);

/// A function of one to three numbers as a kernel over blocks of them.
///
/// Element i of the result depends on elements i of the operands alone, not on where a block begins or ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block<T> {
    run: Run<T>,
    arity: usize,
}

impl<T> Block<T> {
    /// A function of `N` operands.
    pub(super) fn new<const N: usize>(run: Run<T>) -> Self {
        Self { run, arity: N }
    }

    /// How many operands it takes.
    pub(crate) fn arity(self) -> usize {
        self.arity
    }

    /// The bare function, for machines that call it on blocks of their own.
    ///
    /// Calling it asks for what [`run`](Block::run) asks.
    pub(crate) fn function(self) -> unsafe fn(*const *const T, *mut T, usize) {
        self.run
    }

    /// Computes `n` elements.
    ///
    /// # Safety
    ///
    /// As many pointers as it takes operands must stand at `inputs`; `n` elements must be readable at each of them and
    /// writable at `out`. An input may be `out` itself, but not overlap it in any other way.
    #[inline]
    pub(crate) unsafe fn run(self, inputs: *const *const T, out: *mut T, n: usize) {
        // SAFETY: handed on to the caller.
        unsafe { (self.run)(inputs, out, n) }
    }

    /// Computes as many elements as all operands have.
    #[inline]
    pub(crate) fn fill(self, inputs: &[&[T]], out: &mut [T]) {
        let fit = self.arity == inputs.len() && inputs.iter().all(|input| input.len() == out.len());
        assert!(fit, "operands of one length");
        let mut starts = [std::ptr::null(); 3];
        for (start, input) in starts.iter_mut().zip(inputs) {
            *start = input.as_ptr();
        }
        // SAFETY: just asserted; what is borrowed mutably overlaps nothing.
        unsafe { self.run(starts.as_ptr(), out.as_mut_ptr(), out.len()) }
    }

    /// The same with `out` holding one of the operands, and what was given for it not looked at.
    #[cfg(test)]
    pub(crate) fn fill_in_place<const N: usize>(self, inputs: [&[T]; N], operand: usize, out: &mut [T]) {
        assert!(self.arity == N && inputs.iter().all(|input| input.len() == out.len()), "operands of one length");
        let to = out.as_mut_ptr();
        let mut inputs = inputs.map(<[T]>::as_ptr);
        inputs[operand] = to;
        // SAFETY: just asserted; but for the one that is `out`, operands overlap nothing.
        unsafe { self.run(inputs.as_ptr(), to, out.len()) }
    }
}

/// What is done to a chunk.
pub(super) trait Chunk<const N: usize, T> {
    /// Must be `#[inline(always)]` where it is implemented.
    ///
    /// # Safety
    ///
    /// A whole chunk must be readable at each operand.
    unsafe fn compute<I: Isa>(&self, operands: [*const T; N]) -> [T; CHUNK];
}

/// Whole chunks of a block, `n` elements of them.
pub(super) struct Map<const N: usize, T, C> {
    pub(super) inputs: *const *const T,
    pub(super) out: *mut T,
    pub(super) n: usize,
    pub(super) chunk: C,
}

impl<const N: usize, T: Functions, C: Chunk<N, T>> Kernel for Map<N, T, C> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        // SAFETY: as many pointers as operands stand there.
        let mut inputs = unsafe { self.inputs.cast::<[*const T; N]>().read() };
        let (mut to, mut left) = (self.out, self.n);
        while left > 0 {
            // SAFETY: whole chunks can be read and written there; `values` overlaps nothing.
            unsafe {
                let values = self.chunk.compute::<I>(inputs);
                values.as_ptr().copy_to_nonoverlapping(to, CHUNK);
            }
            for input in &mut inputs {
                *input = input.wrapping_add(CHUNK);
            }
            (to, left) = (to.wrapping_add(CHUNK), left - CHUNK);
            keep_apart();
        }
    }
}

/// Keeps the compiler from taking the elements of several chunks together, which would have to be gathered.
#[inline(always)]
pub(super) fn keep_apart() {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: no instruction at all.
    unsafe {
        std::arch::asm!("", options(nomem, nostack, preserves_flags));
    }
}

/// Runs a map with the widest instruction set that this machine has.
///
/// # Safety
///
/// As for [`Block::run`], and `n` must be a multiple of [`CHUNK`].
#[inline(always)]
pub(super) unsafe fn run<const N: usize, T: Functions, C: Chunk<N, T>>(map: Map<N, T, C>) {
    dispatch(map);
}

/// Fills `out` by a function that fills whole chunks: the last elements are brought to one and run through the same
/// instructions. Of the `N` pointers at `inputs`, the first `operands` are to elements.
///
/// It is compiled once for all formulas.
///
/// # Safety
///
/// As for [`Block::run`].
#[inline(never)]
pub(super) unsafe fn cover<const N: usize, T: Real>(
    chunks: Run<T>,
    operands: usize,
    inputs: *const *const T,
    out: *mut T,
    n: usize,
) {
    let (whole, rest) = (n - n % CHUNK, n % CHUNK);
    // SAFETY: as many pointers as there are stand there, and the caller vouches for `n` elements at those to elements.
    unsafe {
        if whole > 0 {
            chunks(inputs, out, whole);
        }
        if rest > 0 {
            let mut inputs = inputs.cast::<[*const T; N]>().read();
            let mut ends = [[T::zero(); CHUNK]; N];
            for (input, end) in inputs.iter_mut().zip(&mut ends).take(operands) {
                input.add(whole).copy_to_nonoverlapping(end.as_mut_ptr(), rest);
                *input = end.as_ptr();
            }
            let mut end = [T::zero(); CHUNK];
            chunks(inputs.as_ptr(), end.as_mut_ptr(), CHUNK);
            end.as_ptr().copy_to_nonoverlapping(out.add(whole), rest);
        }
    }
}
