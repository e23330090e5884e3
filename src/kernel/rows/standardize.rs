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
    /// 1/√(variance + ε) of each row, for those who go back; nothing if there is no room.
    pub(super) scales: &'a mut [T],
}

impl<T: Element> Kernel for Standardize<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let n = self.n;
        let count = T::of(n as f64);
        for (row, at) in (0..self.out.len()).step_by(n).enumerate() {
            let (x, out) = (&self.x[at..at + n], &mut self.out[at..at + n]);
            let mean = <T::V<I>>::splat(sum::<T, I>(x) / count);
            each!(T, I, n; x: x.as_ptr(); out.as_mut_ptr() => (x - mean) * (x - mean));
            let scale = (sum::<T, I>(out) / count + self.epsilon).sqrt().recip();
            if let Some(to) = self.scales.get_mut(row) {
                *to = scale;
            }
            let scale = <T::V<I>>::splat(scale);
            each!(T, I, n; x: x.as_ptr(); out.as_mut_ptr() => (x - mean) * scale);
        }
    }
}

/// x̄ for rows of `n` that were standardised to y, with the cotangent c: scale·(c − mean c − y·mean(c⊙y)).
pub(super) struct StandardizeBackward<'a, T> {
    pub(super) n: usize,
    pub(super) scales: &'a [T],
    pub(super) y: &'a [T],
    pub(super) c: &'a [T],
    pub(super) out: &'a mut [T],
}

impl<T: Element> Kernel for StandardizeBackward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let n = self.n;
        let count = T::of(n as f64);
        for (row, at) in (0..self.out.len()).step_by(n).enumerate() {
            let (y, c, out) = (&self.y[at..at + n], &self.c[at..at + n], &mut self.out[at..at + n]);
            each!(T, I, n; c: c.as_ptr(), y: y.as_ptr(); out.as_mut_ptr() => c * y);
            let along = <T::V<I>>::splat(sum::<T, I>(out) / count);
            let mean = <T::V<I>>::splat(sum::<T, I>(c) / count);
            let scale = <T::V<I>>::splat(self.scales[row]);
            each!(T, I, n; c: c.as_ptr(), y: y.as_ptr(); out.as_mut_ptr() => ((c - mean) - along * y) * scale);
        }
    }
}
