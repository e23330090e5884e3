//! Functions over blocks of numbers, element by element, at the full width of the machine.
#![allow(unsafe_code, reason = "kernels are the home of unsafe code")]

use super::simd::math::Functions;
use super::simd::{Isa, Kernel, dispatch};

/// Elements computed at a time. The last ones of a block are brought to this number, so that all run through the same
/// instructions.
pub(super) const CHUNK: usize = 32;

/// Fills `out`, of `n` elements, from the operands that stand at `inputs`.
type Run<T> = unsafe fn(inputs: *const *const T, out: *mut T, n: usize);

/// A function of one to three numbers as a kernel over blocks of them.
///
/// Element i of the result depends on elements i of the operands alone, not on where a block begins or ends.
#[derive(Clone, Copy)]
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
    pub(crate) fn fill<const N: usize>(self, inputs: [&[T]; N], out: &mut [T]) {
        assert!(self.arity == N && inputs.iter().all(|input| input.len() == out.len()), "operands of one length");
        let inputs = inputs.map(<[T]>::as_ptr);
        // SAFETY: just asserted; what is borrowed mutably overlaps nothing.
        unsafe { self.run(inputs.as_ptr(), out.as_mut_ptr(), out.len()) }
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

/// A block of chunks.
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
        let mut inputs = [self.out.cast_const(); N];
        for (k, input) in inputs.iter_mut().enumerate() {
            // SAFETY: as many pointers as operands stand there.
            *input = unsafe { *self.inputs.add(k) };
        }
        let mut ends = [[T::zero(); CHUNK]; N];
        let mut end = [T::zero(); CHUNK];
        let mut start = 0;
        while start < self.n {
            let width = CHUNK.min(self.n - start);
            let (mut from, mut to) = (inputs, end.as_mut_ptr());
            for (from, end) in from.iter_mut().zip(&mut ends) {
                // SAFETY: the block has elements from `start` on, `width` of them in this chunk.
                unsafe {
                    *from = from.add(start);
                    if width < CHUNK {
                        from.copy_to_nonoverlapping(end.as_mut_ptr(), width);
                        *from = end.as_ptr();
                    }
                }
            }
            if width == CHUNK {
                // SAFETY: a whole chunk is left.
                to = unsafe { self.out.add(start) };
            }
            // SAFETY: whole chunks can be read, in the block or at its end.
            let values = unsafe { self.chunk.compute::<I>(from) };
            // SAFETY: a whole chunk can be written there; `values` overlaps nothing.
            unsafe { values.as_ptr().copy_to_nonoverlapping(to, CHUNK) };
            if width < CHUNK {
                // SAFETY: the block has that many elements left.
                unsafe { end.as_ptr().copy_to_nonoverlapping(self.out.add(start), width) };
            }
            start += CHUNK;
        }
    }
}

/// Runs a map with the widest instruction set that this machine has.
///
/// # Safety
///
/// As for [`Block::run`].
#[inline(always)]
pub(super) unsafe fn run<const N: usize, T: Functions, C: Chunk<N, T>>(map: Map<N, T, C>) {
    dispatch(map);
}
