//! The memory of a run: regions that are read and written by numbered slots.
#![allow(unsafe_code, reason = "kernels are the home of unsafe code")]
//!
//! A plan decides where every value stands before anything runs: in a slot, a stretch of a region. A [`Space`] brings the
//! regions together for one run, some to read and some to write, and hands out slices of them. What is written is
//! compared with what is read meanwhile, so that no plan, however wrong, can make two slices overlap of which one is
//! written.

use std::marker::PhantomData;

use smallvec::SmallVec;

/// A stretch of a region.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Slot {
    pub(crate) region: usize,
    pub(crate) start: usize,
    pub(crate) len: usize,
}

impl Slot {
    /// Whether both have an element in common.
    pub(crate) fn overlaps(self, other: Slot) -> bool {
        self.region == other.region
            && self.start < other.start + other.len
            && other.start < self.start + self.len
            && self.len > 0
            && other.len > 0
    }

    /// A part of this stretch.
    pub(crate) fn part(self, start: usize, len: usize) -> Slot {
        debug_assert!(start + len <= self.len, "a part lies within its slot");
        Slot { region: self.region, start: self.start + start, len }
    }
}

struct Region<T> {
    start: *mut T,
    len: usize,
    writable: bool,
}

/// Regions lent for one run.
pub(crate) struct Space<'a, T> {
    regions: SmallVec<[Region<T>; 16]>,
    lent: PhantomData<&'a mut [T]>,
}

impl<'a, T> Space<'a, T> {
    pub(crate) fn new() -> Self {
        Self { regions: SmallVec::new(), lent: PhantomData }
    }

    /// The next region, to be read.
    pub(crate) fn lend(&mut self, data: &'a [T]) {
        self.regions.push(Region { start: data.as_ptr().cast_mut(), len: data.len(), writable: false });
    }

    /// The next region, to be read and written.
    pub(crate) fn lend_mut(&mut self, data: &'a mut [T]) {
        self.regions.push(Region { start: data.as_mut_ptr(), len: data.len(), writable: true });
    }

    fn checked(&self, slot: Slot, write: bool) -> *mut T {
        let region = &self.regions[slot.region];
        let fits = slot.start.checked_add(slot.len).is_some_and(|end| end <= region.len);
        assert!(fits && (region.writable || !write), "a slot beyond its region");
        // SAFETY: `start` is within the region, or just behind it.
        unsafe { region.start.add(slot.start) }
    }

    /// What stands in a slot.
    pub(crate) fn read(&self, slot: Slot) -> &[T] {
        // SAFETY: the slot lies in a region that is lent for `'a`; while the result lives, `self` is borrowed, so that
        // nothing is written.
        unsafe { std::slice::from_raw_parts(self.checked(slot, false), slot.len) }
    }

    /// Writes one number.
    pub(crate) fn set(&mut self, slot: Slot, x: T)
    where
        T: Copy,
    {
        self.fill(slot, |_, out| out[0] = x);
    }

    /// Hands a slot to be written to `fill`, which may read all other slots meanwhile.
    pub(crate) fn fill<R>(&mut self, out: Slot, fill: impl FnOnce(&Others<'_, 'a, T>, &mut [T]) -> R) -> R {
        // SAFETY: as in `read`; `self` is borrowed exclusively until `fill` returns, and `Others` refuses to read what
        // overlaps `out`, so this is the only access to these elements.
        let data = unsafe { std::slice::from_raw_parts_mut(self.checked(out, true), out.len) };
        fill(&Others { space: self, out }, data)
    }

    /// Pointers to slots that are read and slots that are written, for kernels that look after several at a time.
    ///
    /// # Panics
    ///
    /// If a slot that is written overlaps another slot, unless it is the very same as one that is read.
    pub(crate) fn pointers(
        &mut self,
        reads: &[Slot],
        writes: &[Slot],
    ) -> (SmallVec<[*const T; 16]>, SmallVec<[*mut T; 8]>) {
        for (k, &out) in writes.iter().enumerate() {
            let others = writes[k + 1..].iter().any(|&other| out.overlaps(other));
            let inputs = reads.iter().any(|&input| out.overlaps(input) && out != input);
            assert!(!others && !inputs, "a slot that is written overlaps another");
        }
        let reads = reads.iter().map(|&slot| self.checked(slot, false).cast_const()).collect();
        (reads, writes.iter().map(|&slot| self.checked(slot, true)).collect())
    }
}

/// All slots but the one that is written.
pub(crate) struct Others<'s, 'a, T> {
    space: &'s Space<'a, T>,
    out: Slot,
}

impl<'s, T> Others<'s, '_, T> {
    /// What stands in a slot.
    ///
    /// # Panics
    ///
    /// If it overlaps the one that is written.
    pub(crate) fn read(&self, slot: Slot) -> &'s [T] {
        assert!(!slot.overlaps(self.out), "a slot is read while it is written");
        self.space.read(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOW: Slot = Slot { region: 0, start: 0, len: 2 };
    const HIGH: Slot = Slot { region: 0, start: 2, len: 2 };
    const GIVEN: Slot = Slot { region: 1, start: 1, len: 2 };

    #[test]
    fn slots_are_filled_from_others() {
        let (mut arena, given) = ([0.0_f64; 4], [1.0, 2.0, 3.0]);
        let mut space = Space::new();
        space.lend_mut(&mut arena);
        space.lend(&given);
        space.fill(LOW, |others, out| out.copy_from_slice(others.read(GIVEN)));
        space.fill(HIGH, |others, out| out.iter_mut().zip(others.read(LOW)).for_each(|(y, x)| *y = 10.0 * x));
        space.set(LOW.part(1, 1), 7.0);
        assert_eq!((space.read(LOW), space.read(HIGH)), (&[2.0, 7.0][..], &[20.0, 30.0][..]));
    }

    #[test]
    #[should_panic(expected = "a slot is read while it is written")]
    fn what_is_written_is_not_read() {
        let mut arena = [0.0_f64; 4];
        let mut space = Space::new();
        space.lend_mut(&mut arena);
        space.fill(LOW, |others, _| others.read(Slot { start: 1, ..LOW }).len());
    }

    #[test]
    #[should_panic(expected = "a slot beyond its region")]
    fn what_is_lent_to_be_read_is_not_written() {
        let given = [1.0_f64; 3];
        let mut space = Space::new();
        space.lend(&given);
        space.set(Slot { region: 0, start: 0, len: 1 }, 2.0);
    }

    #[test]
    #[should_panic(expected = "a slot beyond its region")]
    fn a_slot_ends_within_its_region() {
        let given = [1.0_f64; 3];
        let mut space = Space::new();
        space.lend(&given);
        let _ = space.read(Slot { region: 0, start: 2, len: 2 });
    }

    #[test]
    #[should_panic(expected = "a slot that is written overlaps another")]
    fn pointers_do_not_overlap() {
        let mut arena = [0.0_f64; 4];
        let mut space = Space::new();
        space.lend_mut(&mut arena);
        let _ = space.pointers(&[Slot { start: 1, ..LOW }], &[LOW]);
    }

    #[test]
    fn a_value_may_take_the_place_of_one_that_is_read() {
        let mut arena = [0.0_f64; 4];
        let mut space = Space::new();
        space.lend_mut(&mut arena);
        let (reads, writes) = space.pointers(&[LOW, HIGH], &[LOW]);
        assert_eq!((reads.len(), writes.len(), reads[0]), (2, 1, writes[0].cast_const()));
    }
}
