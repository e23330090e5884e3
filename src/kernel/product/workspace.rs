//! Memory for packed operands, kept by each thread from one product to the next.

use std::cell::RefCell;

/// A cache line, which packed panels are aligned to.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Line([u8; LINE]);

pub(super) const LINE: usize = 64;

thread_local! {
    static LINES: RefCell<Vec<Line>> = const { RefCell::new(Vec::new()) };
}

/// The memory of this thread, for as long as a product needs it.
#[derive(Debug)]
pub(super) struct Workspace(Vec<Line>);

impl Workspace {
    pub(super) fn take() -> Self {
        Self(LINES.take())
    }

    /// Room for `length` elements, aligned to cache lines; what it holds is unknown. Valid until it is asked for again.
    pub(super) fn room<T: Copy>(&mut self, length: usize) -> *mut T {
        let needed = (length * size_of::<T>()).div_ceil(LINE);
        if self.0.len() < needed {
            self.0.resize(needed, Line([0; LINE]));
        }
        self.0.as_mut_ptr().cast()
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        LINES.set(std::mem::take(&mut self.0));
    }
}
