//! A state that is borrowed at run time: a `RefCell` whose exclusive borrow costs two stores.
#![allow(unsafe_code, reason = "kernels are the home of unsafe code")]
//!
//! Recording takes the log for every single instruction. The guards of the standard library's cell count: giving a
//! borrow back is a load, an addition, a store and, at the next borrow, another comparison. An exclusive borrow that is
//! given back leaves exactly nobody behind, and where that is written as a constant the compiler sees through a whole row
//! of borrows and keeps one comparison of the first.

use std::cell::{Cell, UnsafeCell};
use std::ops::{Deref, DerefMut};

/// The count of borrows while the state is borrowed exclusively.
const TAKEN: usize = usize::MAX;

/// A state that many may look at, or one may change.
pub(crate) struct Guarded<S> {
    /// The number of shared borrows, or [`TAKEN`].
    borrows: Cell<usize>,
    state: UnsafeCell<S>,
}

impl<S> Guarded<S> {
    pub(crate) fn new(state: S) -> Self {
        Self { borrows: Cell::new(0), state: UnsafeCell::new(state) }
    }

    /// The state, to look at.
    ///
    /// # Panics
    ///
    /// If it is borrowed exclusively.
    #[inline]
    pub(crate) fn borrow(&self) -> Shared<'_, S> {
        let borrows = self.borrows.get();
        // Guards that were forgotten may bring the count near its end.
        if borrows >= TAKEN - 1 {
            taken();
        }
        self.borrows.set(borrows + 1);
        Shared { cell: self }
    }

    /// The state, to change.
    ///
    /// # Panics
    ///
    /// If it is borrowed.
    #[inline(always)]
    pub(crate) fn borrow_mut(&self) -> Exclusive<'_, S> {
        if self.borrows.get() != 0 {
            taken();
        }
        self.borrows.set(TAKEN);
        Exclusive { cell: self }
    }

    pub(crate) fn get_mut(&mut self) -> &mut S {
        self.state.get_mut()
    }
}

/// The guard of a shared borrow.
pub(crate) struct Shared<'a, S> {
    cell: &'a Guarded<S>,
}

impl<S> Deref for Shared<'_, S> {
    type Target = S;

    #[inline]
    fn deref(&self) -> &S {
        // SAFETY: while this guard counts among the borrows, `borrow_mut` refuses, so there is no exclusive reference.
        unsafe { &*self.cell.state.get() }
    }
}

impl<S> Drop for Shared<'_, S> {
    #[inline]
    fn drop(&mut self) {
        self.cell.borrows.set(self.cell.borrows.get() - 1);
    }
}

/// The guard of the exclusive borrow.
pub(crate) struct Exclusive<'a, S> {
    cell: &'a Guarded<S>,
}

impl<S> Deref for Exclusive<'_, S> {
    type Target = S;

    #[inline(always)]
    fn deref(&self) -> &S {
        // SAFETY: this guard was made when nobody borrowed, and as long as it lives both kinds of borrows refuse.
        unsafe { &*self.cell.state.get() }
    }
}

impl<S> DerefMut for Exclusive<'_, S> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut S {
        // SAFETY: as above; the reference borrows the guard exclusively, so there is one at a time.
        unsafe { &mut *self.cell.state.get() }
    }
}

impl<S> Drop for Exclusive<'_, S> {
    #[inline(always)]
    fn drop(&mut self) {
        self.cell.borrows.set(0);
    }
}

#[cold]
#[inline(never)]
fn taken() -> ! {
    panic!("the tape is in use: what is called here while it computes must not record or read");
}
