//! Memory that a kernel needs while it runs, kept by each thread from one to the next.
#![allow(unsafe_code, reason = "kernels are the home of unsafe code")]

use std::cell::RefCell;

use super::simd::Element;

/// A cache line, which this memory is aligned to.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Line([u8; LINE]);

/// Bytes of a cache line.
pub(crate) const LINE: usize = 64;

thread_local! {
    static LINES: RefCell<Vec<Line>> = const { RefCell::new(Vec::new()) };
}

/// The memory of this thread, for as long as a kernel needs it.
#[derive(Debug)]
pub(crate) struct Workspace(Vec<Line>);

impl Workspace {
    pub(crate) fn take() -> Self {
        Self(LINES.take())
    }

    /// Room for `length` elements, aligned to cache lines; what it holds is unknown. Valid until it is asked for again.
    pub(crate) fn room<T: Element>(&mut self, length: usize) -> *mut T {
        self.slice(length).as_mut_ptr()
    }

    /// The same as a slice.
    pub(crate) fn slice<T: Element>(&mut self, length: usize) -> &mut [T] {
        let needed = (length * size_of::<T>()).div_ceil(LINE);
        if self.0.len() < needed {
            self.0.resize(needed, Line([0; LINE]));
        }
        // SAFETY: as many bytes are there, aligned to cache lines; any bits are a floating-point number.
        unsafe { std::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast(), length) }
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        LINES.set(std::mem::take(&mut self.0));
    }
}
