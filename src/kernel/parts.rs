//! Slices whose parts are changed by several threads, each part by one.
#![allow(unsafe_code, reason = "kernels are the home of unsafe code")]

use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

use smallvec::SmallVec;

use super::aligned::Aligned;
use super::team;
use crate::real::Real;

/// A slice to change that several threads hold.
struct Shared<'a, T> {
    start: *mut T,
    len: usize,
    slice: PhantomData<&'a mut [T]>,
}

// SAFETY: what is shared is taken apart by `part` alone, whose caller vouches that no two threads get the same element;
// sending an element to a thread is what `T: Send` allows.
unsafe impl<T: Send> Sync for Shared<'_, T> {}

impl<'a, T> Shared<'a, T> {
    fn new(slice: &'a mut [T]) -> Self {
        Self { start: slice.as_mut_ptr(), len: slice.len(), slice: PhantomData }
    }

    /// # Safety
    ///
    /// No element of the range may be in another part that is still in use.
    unsafe fn part(&self, range: &Range<usize>) -> &'a mut [T] {
        assert!(range.start <= range.end && range.end <= self.len, "parts: {range:?} of {}", self.len);
        // SAFETY: the range is in the slice, which is borrowed for `'a`, and no other part has its elements.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(range.start), range.len()) }
    }
}

/// One range of several slices, to change.
pub(crate) struct Parts<'a, T> {
    slices: &'a [Shared<'a, T>],
    range: Range<usize>,
}

impl<'a, T> Parts<'a, T> {
    /// The part of each slice; an error that tells their number where it is not `N`.
    pub(crate) fn split<const N: usize>(self) -> Result<[&'a mut [T]; N], usize> {
        let slices: &[Shared<'a, T>; N] = self.slices.try_into().map_err(|_| self.slices.len())?;
        // SAFETY: this is the only `Parts` of the range, no other range overlaps it, and it is used up here.
        Ok(slices.each_ref().map(|slice| unsafe { slice.part(&self.range) }))
    }
}

impl<T> fmt::Debug for Parts<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} of {} slices", self.range, self.slices.len())
    }
}

/// Work on a range: its number, the part of the first slice, and the parts of the others.
type Work<'w, T> = dyn Fn(usize, &mut [T], Parts<'_, T>) + Sync + 'w;

/// Runs `work` for each range: with its number, the part of `first` and the parts of the others. Threads share the ranges.
///
/// # Panics
///
/// If the ranges do not ascend, or leave a slice.
pub(crate) fn each_range<T: Real>(
    ranges: &[Range<usize>],
    threads: usize,
    first: &mut [T],
    others: &mut [Aligned<T>],
    work: &Work<'_, T>,
) {
    assert!(ranges.windows(2).all(|pair| pair[0].end <= pair[1].start), "parts: the ranges do not ascend");
    let first = Shared::new(first);
    // On the stack: no rule keeps more.
    let others: SmallVec<[_; 8]> = others.iter_mut().map(|slice| Shared::new(slice)).collect();
    team::run(ranges.len(), threads, &|index| {
        let range = ranges[index].clone();
        // SAFETY: the ranges do not overlap, and each is worked on once.
        let part = unsafe { first.part(&range) };
        work(index, part, Parts { slices: &others, range });
    });
}

/// `out[i] = f(i)`, threads sharing the elements.
pub(crate) fn fill<T: Send>(out: &mut [T], threads: usize, f: &(dyn Fn(usize) -> T + Sync)) {
    let out = Shared::new(out);
    team::run(out.len, threads, &|index| {
        // SAFETY: each element is worked on once.
        let part = unsafe { out.part(&(index..index + 1)) };
        part[0] = f(index);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three(len: usize) -> (Vec<f32>, Vec<Aligned<f32>>) {
        (vec![1.0; len], vec![Aligned::zeros(len), Aligned::zeros(len)])
    }

    #[test]
    fn each_range_is_worked_on_once() {
        let ranges: Vec<_> = (0..50).map(|i| 20 * i..20 * i + 10).collect();
        for threads in [1, 4] {
            let (mut first, mut others) = three(1000);
            each_range(&ranges, threads, &mut first, &mut others, &|index, part, parts| {
                let [a, b] = parts.split().unwrap();
                part.iter_mut().zip(a).zip(b).for_each(|((x, a), b)| {
                    *x += 1.0;
                    *a -= 1.0;
                    *b += index as f32;
                });
            });
            for i in 0..1000 {
                let inside = if i % 20 < 10 { 1.0 } else { 0.0 };
                let found = (first[i], others[0][i], others[1][i]);
                assert_eq!(found, (1.0 + inside, -inside, inside * (i / 20) as f32));
            }
        }
    }

    #[test]
    fn another_number_of_parts_is_told() {
        let (mut first, mut others) = three(2);
        each_range(std::slice::from_ref(&(0..2)), 1, &mut first, &mut others, &|_, _, parts| {
            assert_eq!(parts.split::<3>().unwrap_err(), 2);
        });
    }

    #[test]
    #[should_panic(expected = "the ranges do not ascend")]
    fn ranges_that_overlap_are_refused() {
        let (mut first, mut others) = three(20);
        each_range(&[0..10, 9..20], 1, &mut first, &mut others, &|_, _, _| ());
    }

    #[test]
    #[should_panic(expected = "1..21 of 20")]
    fn ranges_that_leave_the_slice_are_refused() {
        let (mut first, mut others) = three(20);
        each_range(std::slice::from_ref(&(1..21)), 1, &mut first, &mut others, &|_, _, _| ());
    }

    #[test]
    fn elements_are_filled() {
        let mut out = vec![0; 100];
        fill(&mut out, 3, &|i| i * i);
        assert!(out.into_iter().eq((0..100).map(|i| i * i)));
    }
}
