//! What a vector register can do.

use std::ops::{Add, Div, Mul, Neg, Sub};

use crate::real::Real;

/// A vector register of `N` numbers. Operators work lane by lane.
///
/// Every instruction set gives the same bits but for `fma` (see [`Isa::FMA`](super::Isa::FMA)), which lane a sum starts in
/// (see [`reduce_sum`](Lanes::reduce_sum)), and the payloads of NaN.
#[allow(dead_code, reason = "a register is complete, whatever the kernels of today use")]
pub(crate) trait Lanes<T: Real>:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self> + Neg<Output = Self>
{
    /// One truth value for each lane.
    type Mask: Copy;

    const N: usize;

    fn splat(x: T) -> Self;

    #[inline(always)]
    fn zero() -> Self {
        Self::splat(T::zero())
    }

    /// # Safety
    ///
    /// `N` elements at `from` must be readable; any alignment will do.
    unsafe fn load(from: *const T) -> Self;

    /// # Safety
    ///
    /// `N` elements at `to` must be writable; any alignment will do.
    unsafe fn store(self, to: *mut T);

    /// The first `n` elements, zeros in the other lanes; memory behind the first `n` is not touched.
    ///
    /// # Safety
    ///
    /// `n ≤ N`, and `n` elements at `from` must be readable.
    #[inline(always)]
    unsafe fn load_masked(from: *const T, n: usize) -> Self {
        let mut lanes = [T::zero(); WIDEST];
        for (i, lane) in lanes.iter_mut().enumerate().take(n) {
            // SAFETY: the caller vouches for n elements.
            *lane = unsafe { *from.add(i) };
        }
        // SAFETY: no vector has more lanes.
        unsafe { Self::load(lanes.as_ptr()) }
    }

    /// The first `n` elements, and `self` in the other lanes; memory behind the first `n` is not touched.
    ///
    /// # Safety
    ///
    /// As for [`load_masked`](Lanes::load_masked).
    #[inline(always)]
    unsafe fn load_over(self, from: *const T, n: usize) -> Self {
        let mut lanes = self.to_array();
        for (i, lane) in lanes.iter_mut().enumerate().take(n) {
            // SAFETY: the caller vouches for n elements.
            *lane = unsafe { *from.add(i) };
        }
        // SAFETY: no vector has more lanes.
        unsafe { Self::load(lanes.as_ptr()) }
    }

    /// Stores the first `n` lanes; memory behind the first `n` elements is not touched.
    ///
    /// # Safety
    ///
    /// `n ≤ N`, and `n` elements at `to` must be writable.
    #[inline(always)]
    unsafe fn store_masked(self, to: *mut T, n: usize) {
        for (i, &lane) in self.to_array().iter().enumerate().take(n) {
            // SAFETY: the caller vouches for n elements.
            unsafe { *to.add(i) = lane }
        }
    }

    /// The lanes, and zeros behind them.
    #[inline(always)]
    fn to_array(self) -> [T; WIDEST] {
        let mut lanes = [T::zero(); WIDEST];
        // SAFETY: no vector has more lanes.
        unsafe { self.store(lanes.as_mut_ptr()) }
        lanes
    }

    /// self·b + c.
    #[inline(always)]
    fn fma(self, b: Self, c: Self) -> Self {
        self * b + c
    }

    /// `self` where it is larger than `b`, else `b`: so `b` if either is NaN, or both are zeros.
    fn max(self, b: Self) -> Self;

    /// `self` where it is smaller than `b`, else `b`: so `b` if either is NaN, or both are zeros.
    fn min(self, b: Self) -> Self;

    fn sqrt(self) -> Self;

    /// The nearest integer, the even one of two.
    #[inline(always)]
    fn round(self) -> Self {
        // Adding 2^p, where neighbours are 1 apart, rounds; what is that large is whole.
        let (size, whole) = (self.abs(), Self::splat(T::epsilon().recip()));
        let rounded = (size + whole) - whole;
        Self::select(size.lt(whole), rounded.copysign(self), self)
    }

    #[inline(always)]
    fn floor(self) -> Self {
        let near = self.round();
        let low = Self::select(near.gt(self), near - Self::splat(T::one()), near);
        low.copysign(self)
    }

    #[inline(always)]
    fn ceil(self) -> Self {
        let near = self.round();
        let high = Self::select(near.lt(self), near + Self::splat(T::one()), near);
        high.copysign(self)
    }

    fn lt(self, b: Self) -> Self::Mask;
    fn le(self, b: Self) -> Self::Mask;
    fn eq(self, b: Self) -> Self::Mask;

    #[inline(always)]
    fn gt(self, b: Self) -> Self::Mask {
        b.lt(self)
    }

    #[inline(always)]
    fn ge(self, b: Self) -> Self::Mask {
        b.le(self)
    }

    fn both(a: Self::Mask, b: Self::Mask) -> Self::Mask;
    fn either(a: Self::Mask, b: Self::Mask) -> Self::Mask;
    fn any(mask: Self::Mask) -> bool;
    fn all(mask: Self::Mask) -> bool;

    /// `a` where the mask is set, else `b`.
    fn select(mask: Self::Mask, a: Self, b: Self) -> Self;

    fn bit_and(self, b: Self) -> Self;
    fn bit_or(self, b: Self) -> Self;
    fn bit_xor(self, b: Self) -> Self;

    /// The sum of the bits as integers of the lane's width, wrapping.
    fn bits_add(self, b: Self) -> Self;
    /// The difference of the bits as integers of the lane's width, wrapping.
    fn bits_sub(self, b: Self) -> Self;
    /// The bits moved towards the sign; `by` below the lane's width, best a constant.
    fn bits_shl(self, by: u32) -> Self;
    /// The bits moved away from the sign, zeros moving in; `by` below the lane's width, best a constant.
    fn bits_shr(self, by: u32) -> Self;

    #[inline(always)]
    fn abs(self) -> Self {
        // All bits but the sign's.
        self.bit_and(Self::splat(T::from_bits(!T::neg_zero().bits())))
    }

    /// The size of `self` with the sign of `sign`.
    #[inline(always)]
    fn copysign(self, sign: Self) -> Self {
        self.abs().bit_or(sign.bit_and(Self::splat(T::neg_zero())))
    }

    /// The lanes of both in turn, in two vectors: a₀ b₀ a₁ b₁ …
    fn zip(self, b: Self) -> (Self, Self);

    /// [`zip`](Lanes::zip) within each block of 16 bytes.
    #[inline(always)]
    fn zip_blocks(self, b: Self) -> (Self, Self) {
        self.zip(b)
    }

    /// Blocks of 16 bytes that stand `stride` elements apart.
    ///
    /// # Safety
    ///
    /// As many blocks as a vector has must be readable from `from` on.
    #[inline(always)]
    unsafe fn load_blocks(from: *const T, stride: usize) -> Self {
        let _ = stride;
        // SAFETY: the vector is one block.
        unsafe { Self::load(from) }
    }

    /// The sum over all lanes: the upper half is added to the lower, then again, until one is left.
    #[inline(always)]
    fn reduce_sum(self) -> T {
        fold(
            self.to_array(),
            Self::N,
            #[inline(always)]
            |a, b| a + b,
        )
    }

    /// The largest lane, halves compared as [`reduce_sum`](Lanes::reduce_sum) adds them: `lower.max(upper)`.
    #[inline(always)]
    fn reduce_max(self) -> T {
        fold(
            self.to_array(),
            Self::N,
            #[inline(always)]
            |a, b| if a > b { a } else { b },
        )
    }

    /// The smallest lane, halves compared as [`reduce_sum`](Lanes::reduce_sum) adds them: `lower.min(upper)`.
    #[inline(always)]
    fn reduce_min(self) -> T {
        fold(
            self.to_array(),
            Self::N,
            #[inline(always)]
            |a, b| if a < b { a } else { b },
        )
    }
}

/// Lanes of the widest vector there is.
pub(crate) const WIDEST: usize = 16;

/// Halves `n` lanes until one is left.
#[inline(always)]
fn fold<T: Real>(mut lanes: [T; WIDEST], n: usize, f: impl Fn(T, T) -> T) -> T {
    let mut half = n / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] = f(lanes[i], lanes[i + half]);
        }
        half /= 2;
    }
    lanes[0]
}

/// Implements [`Lanes`] for a register by functions of the bare vector, listed by their kind.
macro_rules! lanes {
    (
        $name:ident($vector:ty): $n:literal of $element:ty, masks $mask:ty;
        memory { $splat:expr, $load:expr, $store:expr }
        $(masked { $load_masked:expr, $load_over:expr, $store_masked:expr })?
        operators { $($operator:ident $operate:ident = $operation:expr,)* }
        unary { $($unary:ident = $of_one:expr,)* }
        binary { $($binary:ident = $of_two:expr,)* }
        $(fma { $fma:expr })?
        compare { $($compare:ident = $comparison:expr,)* }
        masks { $($join:ident = $of_masks:expr,)* }
        tests { $($test:ident = $tested:expr,)* }
        select { $select:expr }
        zip { $lower:expr, $upper:expr }
        $(blocks { $lower_blocks:expr, $upper_blocks:expr, $load_blocks:expr })?
        shifts { $($shift:ident = $shifted:expr,)* }
        reduce { $($reduce:ident = $reduced:expr,)* }
    ) => {
        #[derive(Clone, Copy, Debug)]
        pub(crate) struct $name(pub(super) $vector);

        /// What a call of an instruction needs is stated once, for all of them.
        macro_rules! instruction {
            ($call:expr) => {{
                // SAFETY: whoever has this vector has it from `dispatch`, so the machine has the instructions (see the
                // module); where memory is touched, the caller vouches for it.
                #[allow(unused_unsafe, reason = "what the architecture always has is safe to call")]
                unsafe {
                    $call
                }
            }};
        }

        $(impl std::ops::$operator for $name {
            type Output = Self;

            #[inline(always)]
            fn $operate(self, b: Self) -> Self {
                Self(instruction!($operation(self.0, b.0)))
            }
        })*

        impl std::ops::Neg for $name {
            type Output = Self;

            #[inline(always)]
            fn neg(self) -> Self {
                $crate::kernel::simd::Lanes::bit_xor(self, $crate::kernel::simd::Lanes::splat(-0.0))
            }
        }

        impl $crate::kernel::simd::Lanes<$element> for $name {
            type Mask = $mask;
            const N: usize = $n;

            #[inline(always)]
            fn splat(x: $element) -> Self {
                Self(instruction!($splat(x)))
            }

            #[inline(always)]
            unsafe fn load(from: *const $element) -> Self {
                Self(instruction!($load(from)))
            }

            #[inline(always)]
            unsafe fn store(self, to: *mut $element) {
                instruction!($store(to, self.0))
            }

            $(#[inline(always)]
            unsafe fn load_masked(from: *const $element, n: usize) -> Self {
                Self(instruction!($load_masked(from, n)))
            }

            #[inline(always)]
            unsafe fn load_over(self, from: *const $element, n: usize) -> Self {
                Self(instruction!($load_over(self.0, from, n)))
            }

            #[inline(always)]
            unsafe fn store_masked(self, to: *mut $element, n: usize) {
                instruction!($store_masked(to, n, self.0))
            })?

            $(#[inline(always)]
            fn $unary(self) -> Self {
                Self(instruction!($of_one(self.0)))
            })*

            $(#[inline(always)]
            fn $binary(self, b: Self) -> Self {
                Self(instruction!($of_two(self.0, b.0)))
            })*

            $(#[inline(always)]
            fn fma(self, b: Self, c: Self) -> Self {
                Self(instruction!($fma(self.0, b.0, c.0)))
            })?

            $(#[inline(always)]
            fn $compare(self, b: Self) -> $mask {
                instruction!($comparison(self.0, b.0))
            })*

            $(#[inline(always)]
            fn $join(a: $mask, b: $mask) -> $mask {
                instruction!($of_masks(a, b))
            })*

            $(#[inline(always)]
            fn $test(mask: $mask) -> bool {
                instruction!($tested(mask))
            })*

            #[inline(always)]
            fn select(mask: $mask, a: Self, b: Self) -> Self {
                Self(instruction!($select(mask, a.0, b.0)))
            }

            #[inline(always)]
            fn zip(self, b: Self) -> (Self, Self) {
                (Self(instruction!($lower(self.0, b.0))), Self(instruction!($upper(self.0, b.0))))
            }

            $(#[inline(always)]
            fn zip_blocks(self, b: Self) -> (Self, Self) {
                (Self(instruction!($lower_blocks(self.0, b.0))), Self(instruction!($upper_blocks(self.0, b.0))))
            }

            #[inline(always)]
            unsafe fn load_blocks(from: *const $element, stride: usize) -> Self {
                Self(instruction!($load_blocks(from, stride)))
            })?

            $(#[inline(always)]
            fn $shift(self, by: u32) -> Self {
                Self(instruction!($shifted(self.0, by)))
            })*

            $(#[inline(always)]
            fn $reduce(self) -> $element {
                instruction!($reduced(self.0))
            })*
        }
    };
}

/// Arithmetic on the bits of a vector of x86, by instructions on vectors of integers.
#[cfg(target_arch = "x86_64")]
macro_rules! bits {
    ($module:ident, $vector:ty; $to:ident, $from:ident, $add:ident, $sub:ident, $left:ident, $right:ident) => {
        /// Functions without an instruction of their own.
        ///
        /// # Safety
        ///
        /// The machine must have the instruction set.
        #[allow(unused_unsafe, reason = "what the architecture always has is safe to call")]
        mod $module {
            use std::arch::x86_64::*;

            #[inline(always)]
            pub(super) unsafe fn add(a: $vector, b: $vector) -> $vector {
                // SAFETY: the caller vouches for the instruction set.
                unsafe { $from($add($to(a), $to(b))) }
            }

            #[inline(always)]
            pub(super) unsafe fn sub(a: $vector, b: $vector) -> $vector {
                // SAFETY: the caller vouches for the instruction set.
                unsafe { $from($sub($to(a), $to(b))) }
            }

            #[inline(always)]
            pub(super) unsafe fn left(v: $vector, by: u32) -> $vector {
                // SAFETY: the caller vouches for the instruction set.
                unsafe { $from($left($to(v), _mm_cvtsi32_si128(by.cast_signed()))) }
            }

            #[inline(always)]
            pub(super) unsafe fn right(v: $vector, by: u32) -> $vector {
                // SAFETY: the caller vouches for the instruction set.
                unsafe { $from($right($to(v), _mm_cvtsi32_si128(by.cast_signed()))) }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
pub(super) use bits;
pub(super) use lanes;
