//! Vector registers: one interface over AVX-512, AVX2, SSE2, NEON and plain arrays, chosen at run time.
//!
//! A kernel is a struct that implements [`Kernel`]; its `run` is generic over an instruction set [`Isa`] and computes with
//! [`Lanes`]. [`dispatch`] runs it with the widest set that this machine has.
//!
//! ```text
//! struct Scale<'a> { by: f32, values: &'a mut [f32] }
//!
//! impl Kernel for Scale<'_> {
//!     type Output = ();
//!     #[inline(always)]
//!     fn run<I: Isa>(self) { … I::F32::splat(self.by) … }
//! }
//! dispatch(Scale { by: 2.0, values: &mut values });
//! ```
//!
//! `run`, and every function with lanes in it that `run` calls, must be `#[inline(always)]`: only what is inlined into the
//! wrapper that enables an instruction set is compiled for it. The rest would still be right, and ten times slower; closures
//! are such a rest, for their calls need not be inlined.
//!
//! *Why lanes are safe to call.* The types of instruction sets are private to this module. Other code meets them as
//! `I: Isa` alone, inside a kernel that `dispatch` runs, and `dispatch` picks no set that the machine lacks.
#![allow(unsafe_code, reason = "kernels are the home of unsafe code")]

#[cfg(any(test, not(target_arch = "x86_64")))]
mod array;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod lanes;
mod level;
pub(crate) mod math;
#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(target_arch = "x86_64")]
mod sse2;
#[cfg(test)]
mod tests;

pub(crate) use lanes::{Lanes, WIDEST};
pub(crate) use level::{Level, level};

use crate::real::Real;

/// An instruction set, as a type without values.
pub(crate) trait Isa: Copy + Send + Sync + 'static {
    /// Whether `fma` rounds once. Where it does not, it is a product and a sum.
    const FMA: bool;
    const LEVEL: Level;
    type F32: Lanes<f32>;
    type F64: Lanes<f64>;

    /// Runs a kernel as a function of its own, compiled for this set: for parts that should not be inlined into one large
    /// function, which gets fewer registers.
    fn call<K: Kernel>(kernel: K) -> K::Output;
}

/// An element type and its vectors.
pub(crate) trait Element: Real {
    type V<I: Isa>: Lanes<Self>;

    /// a·b + c of single numbers, rounded as the vectors of the instruction set do.
    fn fma<I: Isa>(a: Self, b: Self, c: Self) -> Self;
}

macro_rules! element {
    ($element:ty, $lanes:ident) => {
        impl Element for $element {
            type V<I: Isa> = I::$lanes;

            #[inline(always)]
            fn fma<I: Isa>(a: Self, b: Self, c: Self) -> Self {
                if I::FMA { a.mul_add(b, c) } else { a * b + c }
            }
        }
    };
}

element!(f32, F32);
element!(f64, F64);

/// A computation that can be compiled for any instruction set.
pub(crate) trait Kernel {
    type Output;

    /// Must be `#[inline(always)]` where it is implemented.
    fn run<I: Isa>(self) -> Self::Output;
}

/// Runs a kernel with the widest instruction set that this machine has.
#[inline]
pub(crate) fn dispatch<K: Kernel>(kernel: K) -> K::Output {
    // SAFETY: `level` answers with a set that the machine has.
    unsafe { run_at(level(), kernel) }
}

/// Runs a kernel with a certain instruction set, for comparisons.
///
/// # Panics
///
/// If the machine lacks it.
#[cfg(test)]
pub(crate) fn dispatch_at<K: Kernel>(level: Level, kernel: K) -> K::Output {
    assert!(level.is_available(), "this machine lacks {level:?}");
    // SAFETY: the machine has the set.
    unsafe { run_at(level, kernel) }
}

/// Asks for the cache line of `at`, which will be written soon. Any address will do.
#[inline(always)]
pub(crate) fn prefetch<T>(at: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint; no address faults.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_ET0 }>(at.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}

/// Runs a kernel with AVX-512 or AVX2, for what other sets have another way to: it is not compiled for them.
///
/// # Safety
///
/// The machine must have the set.
///
/// # Panics
///
/// If the level is another.
#[inline]
pub(crate) unsafe fn run_wide<K: Kernel>(level: Level, kernel: K) -> K::Output {
    match level {
        // SAFETY: the caller vouches for the set.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { avx512::run(kernel) },
        // SAFETY: the caller vouches for the set.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { avx2::run(kernel) },
        _ => {
            drop(kernel);
            unreachable!("{level:?} is not wide")
        }
    }
}

/// Runs a kernel with a certain instruction set.
///
/// # Safety
///
/// The machine must have it.
#[inline]
pub(crate) unsafe fn run_at<K: Kernel>(level: Level, kernel: K) -> K::Output {
    match level {
        // SAFETY: the caller vouches for the set.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { avx512::run(kernel) },
        // SAFETY: the caller vouches for the set.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { avx2::run(kernel) },
        #[cfg(target_arch = "x86_64")]
        _ => kernel.run::<sse2::Sse2>(),
        #[cfg(target_arch = "aarch64")]
        Level::Neon => kernel.run::<neon::Neon>(),
        #[cfg(not(target_arch = "x86_64"))]
        _ => kernel.run::<array::Plain>(),
    }
}
