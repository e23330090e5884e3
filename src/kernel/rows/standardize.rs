//! Standardisation, row by row.
#![allow(unsafe_code, reason = "kernels are the home of unsafe code")]

use super::vector::{each, sum};
use crate::kernel::simd::{Element, Isa, Kernel, Lanes};

/// (x − mean)/√(variance + ε) for rows of `n`.
pub(super) struct Standardize<'a, T> {
    pub(super) n: usize,
    pub(super) epsilon: T,
    pub(super) x: &'a [T],
    pub(super) out: &'a mut [T],
}

impl<T: Element> Kernel for Standardize<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let n = self.n;
        let count = T::of(n as f64);
        for at in (0..self.out.len()).step_by(n) {
            let (x, out) = (&self.x[at..at + n], &mut self.out[at..at + n]);
            let mean = <T::V<I>>::splat(sum::<T, I>(x) / count);
            each!(T, I, n; x: x.as_ptr(); out.as_mut_ptr() => (x - mean) * (x - mean));
            let scale = (sum::<T, I>(out) / count + self.epsilon).sqrt().recip();
            let scale = <T::V<I>>::splat(scale);
            each!(T, I, n; x: x.as_ptr(); out.as_mut_ptr() => (x - mean) * scale);
        }
    }
}
