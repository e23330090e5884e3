//! Buffers whose data begin at a multiple of 64 bytes.
#![allow(unsafe_code, reason = "kernels are the home of unsafe code")]
//!
//! That is a cache line, and the widest vector register: a loop over such buffers never touches two lines for one
//! register. `Vec<f32>` promises 4 bytes and usually has 16.

use std::fmt;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ops::{Deref, DerefMut};

use crate::real::Real;

/// Bytes of a cache line.
const LINE: usize = 64;

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([MaybeUninit<u8>; LINE]);

/// A growable array of numbers, aligned to a cache line; its memory is a whole number of lines.
///
/// Only one of [`Real`] numbers ever has elements, since nothing else adds any. Copying and showing need not say so.
pub(crate) struct Aligned<T> {
    /// Lines that the elements reach into; the last may have unwritten bytes behind them.
    lines: Vec<Line>,
    len: usize,
    elements: PhantomData<T>,
}

impl<T: Real> Aligned<T> {
    /// Elements of a line.
    const PER_LINE: usize = LINE / size_of::<T>();

    pub(crate) const fn new() -> Self {
        Self { lines: Vec::new(), len: 0, elements: PhantomData }
    }

    /// Empty, with room for exactly so many elements, rounded up to whole lines.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self { lines: Vec::with_capacity(capacity.div_ceil(Self::PER_LINE)), ..Self::new() }
    }

    pub(crate) fn zeros(len: usize) -> Self {
        let mut zeros = Self::new();
        zeros.resize(len, T::zero());
        zeros
    }

    pub(crate) fn of_each(mut values: impl ExactSizeIterator<Item = T>) -> Self {
        let mut all = Self::with_capacity(values.len());
        all.extend_by(values.len(), || values.next().expect("as many as were counted"));
        all
    }

    pub(crate) fn capacity(&self) -> usize {
        self.lines.capacity() * Self::PER_LINE
    }

    /// The capacity of a buffer made for so many elements.
    pub(crate) fn whole_lines(len: usize) -> usize {
        len.next_multiple_of(Self::PER_LINE)
    }

    /// Cuts the end off, or fills up with `value`; where memory is needed, it is just what is needed.
    pub(crate) fn resize(&mut self, len: usize, value: T) {
        self.grow(len, Vec::reserve_exact, |new| {
            for element in new {
                element.write(value);
            }
        });
    }

    /// Sets the length. `fill` must write all it is given: the elements behind the present ones.
    fn grow(&mut self, len: usize, reserve: fn(&mut Vec<Line>, usize), fill: impl FnOnce(&mut [MaybeUninit<T>])) {
        let lines = len.div_ceil(Self::PER_LINE);
        let missing = lines.saturating_sub(self.lines.len());
        reserve(&mut self.lines, missing);
        // SAFETY: so many lines have room, and any bytes, unwritten ones too, make a line.
        unsafe { self.lines.set_len(lines) }
        if len > self.len {
            // SAFETY: the lines are memory for `len` elements, of which those from `self.len` on may be unwritten.
            let new = unsafe {
                std::slice::from_raw_parts_mut(
                    self.lines.as_mut_ptr().cast::<MaybeUninit<T>>().add(self.len),
                    len - self.len,
                )
            };
            fill(new);
        }
        self.len = len;
    }

    /// Appends so many elements, each from `next`.
    pub(crate) fn extend_by(&mut self, count: usize, mut next: impl FnMut() -> T) {
        // Amortised, since a store grows tensor by tensor.
        self.grow(self.len + count, Vec::reserve, |new| {
            for element in new {
                element.write(next());
            }
        });
    }
}

impl<T> Deref for Aligned<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        // SAFETY: the lines hold `len` numbers that were written, and are aligned for them.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl<T> DerefMut for Aligned<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as for `deref`, and the lines are borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}

impl<T: Real> From<&[T]> for Aligned<T> {
    fn from(values: &[T]) -> Self {
        Self::of_each(values.iter().copied())
    }
}

impl<T> Clone for Aligned<T> {
    fn clone(&self) -> Self {
        Self { lines: self.lines.clone(), ..*self }
    }
}

impl<T: Real> Default for Aligned<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for Aligned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_aligned<T>(slice: &[T]) -> bool {
        slice.as_ptr().addr().is_multiple_of(LINE)
    }

    fn behaves_as_a_vector<T: Real>() {
        let (mut aligned, mut vector) = (Aligned::new(), Vec::new());
        assert!(aligned.is_empty() && is_aligned::<T>(&aligned));
        for (step, len) in [3, 0, 1, 16, 17, 5, 64, 63, 1000, 999, 2].into_iter().enumerate() {
            let value = T::of(step as f64);
            aligned.resize(len, value);
            vector.resize(len, value);
            assert_eq!(aligned[..], vector[..]);
            assert!(is_aligned(&aligned) && is_aligned(&aligned.clone()));
            assert_eq!(aligned.clone()[..], vector[..]);
        }
        for count in [1, 0, 7, 100] {
            let mut next = (0..).map(|i| T::of(f64::from(i)));
            aligned.extend_by(count, || next.next().unwrap());
            vector.extend((0..).map(|i| T::of(f64::from(i))).take(count));
            assert_eq!(aligned[..], vector[..]);
        }
        aligned[1] = T::one();
        assert_eq!((aligned[1], format!("{:?}", &aligned[..2])), (T::one(), format!("{:?}", [vector[0], T::one()])));
    }

    #[test]
    fn behaves_as_a_vector_of_f32() {
        behaves_as_a_vector::<f32>();
    }

    #[test]
    fn behaves_as_a_vector_of_f64() {
        behaves_as_a_vector::<f64>();
    }

    #[test]
    fn takes_whole_lines_and_no_more() {
        for (len, capacity) in [(0, 0), (1, 16), (16, 16), (17, 32), (1000, 1008)] {
            assert_eq!(Aligned::<f32>::with_capacity(len).capacity(), capacity);
            assert_eq!((Aligned::<f32>::zeros(len).capacity(), Aligned::<f32>::whole_lines(len)), (capacity, capacity));
        }
        let mut grown = Aligned::<f64>::zeros(100);
        grown.resize(110, 1.0);
        assert_eq!(grown.capacity(), 112);
        grown.resize(3, 1.0);
        assert_eq!((grown.len(), grown.capacity()), (3, 112));
    }

    #[test]
    fn a_panic_while_growing_leaves_what_was_there() {
        let mut aligned = Aligned::from(&[1.0_f32, 2.0][..]);
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            aligned.extend_by(100, || panic!("no element"));
        }));
        assert!(result.is_err());
        assert_eq!(aligned[..], [1.0, 2.0]);
        aligned.extend_by(1, || 3.0);
        assert_eq!(aligned[..], [1.0, 2.0, 3.0]);
    }
}
