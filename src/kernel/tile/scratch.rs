//! Memory of passes, kept from run to run.

use crate::real::Real;

/// Alignment of memory in bytes: a line of the cache.
const LINE: usize = 64;

/// Working memory for any number of programs, one after the other.
#[derive(Debug)]
pub(crate) struct Scratch<T> {
    numbers: Vec<T>,
    pointers: Pointers<T>,
}

#[derive(Debug)]
struct Pointers<T>(Vec<*mut T>);

// SAFETY: each run writes the pointers before it reads them; between runs they mean nothing.
unsafe impl<T: Send> Send for Pointers<T> {}
// SAFETY: nobody reads them through a shared reference.
unsafe impl<T: Sync> Sync for Pointers<T> {}

impl<T: Real> Scratch<T> {
    pub(crate) fn new() -> Self {
        Self { numbers: Vec::new(), pointers: Pointers(Vec::new()) }
    }

    /// Memory for so many numbers, at the start of a line, and so many pointers; what is in it is left from before.
    #[inline]
    pub(super) fn reserve(&mut self, numbers: usize, pointers: usize) -> (*mut T, *mut *mut T) {
        let numbers = numbers + LINE / size_of::<T>();
        if self.numbers.len() < numbers || self.pointers.0.len() < pointers {
            self.grow(numbers, pointers);
        }
        let start = self.numbers.as_mut_ptr();
        (start.wrapping_add(start.align_offset(LINE)), self.pointers.0.as_mut_ptr())
    }

    #[cold]
    fn grow(&mut self, numbers: usize, pointers: usize) {
        if self.numbers.len() < numbers {
            self.numbers = vec![T::zero(); numbers];
        }
        if self.pointers.0.len() < pointers {
            self.pointers.0 = vec![std::ptr::null_mut(); pointers];
        }
    }
}
