//! Slices lent for a while to a state that outlives them.
#![allow(unsafe_code, reason = "kernels are the home of unsafe code")]
//!
//! A tape lives longer than the batches that pass through it, and what is recorded refers to their data without a
//! copy. The lifetime of the data can be named where they are lent ([`Loan`]), but not in a handle with a single
//! lifetime `'t` that closures `for<'t> Fn(Var<'t>)` pass around. Here it is erased, and given back by the borrow
//! checker at every access:
//!
//! * slices enter only through a `Loan<'r, 'd, …>`: at its opening with lifetime `'r`, later with `'d`;
//! * they are read only through a [`Live`], which only [`Loan::live`] hands out, as `&'t Live` from `&'t Loan<'r, 'd>`.
//!   That reference is well-formed only if `'r: 't` and `'d: 't`, so whatever was lent is still there;
//! * `'d` is invariant, so a loan can't be narrowed to lend shorter-lived slices behind its owner's back;
//! * opening the next loan borrows the lender exclusively and forgets all earlier slices;
//! * a [`Standing`] lender has given itself away: all its slices live for `'d`, and its loans are borrowed from it.

use std::cell::{Cell, RefCell};
use std::marker::PhantomData;
use std::ops::Deref;

/// A state of type `S` to which slices of `T` can be lent.
pub(crate) struct Lender<S, T> {
    live: Live<S, T>,
}

/// A lender with one loan that stands as long as it is kept: whatever is lent lives for `'d`.
pub(crate) struct Standing<'d, S, T> {
    lender: Lender<S, T>,
    invariant: PhantomData<Cell<&'d T>>,
}

/// A period in which slices that live for `'d` may be lent.
pub(crate) struct Loan<'r, 'd, S, T> {
    live: &'r Live<S, T>,
    invariant: PhantomData<Cell<&'d T>>,
}

/// The state together with what is lent to it.
pub(crate) struct Live<S, T> {
    state: S,
    slices: RefCell<Vec<Lent<T>>>,
}

struct Lent<T> {
    start: *const T,
    len: usize,
}

impl<T> Lent<T> {
    fn new(slice: &[T]) -> Self {
        Self { start: slice.as_ptr(), len: slice.len() }
    }
}

// SAFETY: a `Lent` is a shared slice; sending it is sending `&[T]`, which `T: Sync` allows.
unsafe impl<T: Sync> Send for Lent<T> {}

impl<S, T> Lender<S, T> {
    pub(crate) fn new(state: S) -> Self {
        Self { live: Live { state, slices: RefCell::new(Vec::new()) } }
    }

    pub(crate) fn state(&self) -> &S {
        &self.live.state
    }

    pub(crate) fn state_mut(&mut self) -> &mut S {
        &mut self.live.state
    }

    /// Starts a loan with these slices in the first places; everything lent before is forgotten.
    pub(crate) fn open<'r, 'd>(&'r mut self, first: [&'r [T]; 2]) -> Loan<'r, 'd, S, T> {
        self.lend_first(first);
        Loan { live: &self.live, invariant: PhantomData }
    }

    fn lend_first(&mut self, first: [&[T]; 2]) {
        let slices = self.live.slices.get_mut();
        slices.clear();
        slices.extend(first.map(Lent::new));
    }

    /// Lends for good, with these slices in the first places; everything lent before is forgotten.
    pub(crate) fn stand<'d>(mut self, first: [&'d [T]; 2]) -> Standing<'d, S, T> {
        self.lend_first(first);
        Standing { lender: self, invariant: PhantomData }
    }
}

impl<'d, S, T> Standing<'d, S, T> {
    /// The loan.
    pub(crate) fn loan(&self) -> Loan<'_, 'd, S, T> {
        Loan { live: &self.lender.live, invariant: PhantomData }
    }
}

impl<'d, S, T> Loan<'_, 'd, S, T> {
    /// Lends a slice, which gets the next place.
    pub(crate) fn lend(&self, slice: &'d [T]) {
        self.live.slices.borrow_mut().push(Lent::new(slice));
    }

    /// The state with all that is lent, for as long as the loan is borrowed.
    pub(crate) fn live(&self) -> &Live<S, T> {
        self.live
    }
}

impl<S, T> Live<S, T> {
    /// The number of slices lent.
    pub(crate) fn count(&self) -> usize {
        self.slices.borrow().len()
    }

    /// The slice lent in this place.
    pub(crate) fn slice(&self, place: usize) -> &[T] {
        let lent = &self.slices.borrow()[place];
        // SAFETY: the slice was lent through a `Loan<'r, 'd, …>` and `self` comes from `Loan::live` of that same loan,
        // so its lifetime is within both `'r` and `'d`; or through a `Standing<'d, …>` of which `self` is a part,
        // so its lifetime is within `'d` (see the head of this file).
        unsafe { std::slice::from_raw_parts(lent.start, lent.len) }
    }
}

impl<S, T> Deref for Live<S, T> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.state
    }
}
