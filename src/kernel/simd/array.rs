//! Plain arrays: what is portable where nothing better is known, and the twin that every register is tested against.

use std::ops::{Add, Div, Mul, Neg, Sub};

use super::{Isa, Kernel, Lanes, Level};
use crate::real::Real;

#[derive(Clone, Copy)]
pub(super) struct Plain;

impl Isa for Plain {
    const FMA: bool = false;
    const LEVEL: Level = Level::Portable;
    type F32 = Array<f32, 4>;
    type F64 = Array<f64, 2>;

    #[inline(never)]
    fn call<K: Kernel>(kernel: K) -> K::Output {
        kernel.run::<Self>()
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Array<T, const N: usize>([T; N]);

impl<T: Real, const N: usize> Array<T, N> {
    #[inline(always)]
    fn each(mut self, b: Self, f: impl Fn(T, T) -> T) -> Self {
        self.0.iter_mut().zip(b.0).for_each(|(a, b)| *a = f(*a, b));
        self
    }

    #[inline(always)]
    fn map(self, f: impl Fn(T) -> T) -> Self {
        Self(self.0.map(f))
    }

    #[inline(always)]
    fn compare(self, b: Self, f: impl Fn(T, T) -> bool) -> [bool; N] {
        std::array::from_fn(|i| f(self.0[i], b.0[i]))
    }

    /// With the bits as integers; those beyond the lane's width are dropped.
    #[inline(always)]
    fn on_bits(self, b: Self, f: impl Fn(u64, u64) -> u64) -> Self {
        self.each(b, |a, b| T::from_bits(f(a.bits(), b.bits())))
    }
}

macro_rules! operator {
    ($operator:ident, $operate:ident, $symbol:tt) => {
        impl<T: Real, const N: usize> $operator for Array<T, N> {
            type Output = Self;

            #[inline(always)]
            fn $operate(self, b: Self) -> Self {
                self.each(b, |a, b| a $symbol b)
            }
        }
    };
}

operator!(Add, add, +);
operator!(Sub, sub, -);
operator!(Mul, mul, *);
operator!(Div, div, /);

impl<T: Real, const N: usize> Neg for Array<T, N> {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        self.map(|x| -x)
    }
}

impl<T: Real, const N: usize> Lanes<T> for Array<T, N> {
    type Mask = [bool; N];
    const N: usize = N;

    #[inline(always)]
    fn splat(x: T) -> Self {
        Self([x; N])
    }

    #[inline(always)]
    unsafe fn load(from: *const T) -> Self {
        // SAFETY: the caller vouches for N elements; an array of them is aligned as they are, or need not be.
        Self(unsafe { from.cast::<[T; N]>().read_unaligned() })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut T) {
        // SAFETY: the caller vouches for N elements.
        unsafe { to.cast::<[T; N]>().write_unaligned(self.0) }
    }

    #[inline(always)]
    fn max(self, b: Self) -> Self {
        self.each(b, |a, b| if a > b { a } else { b })
    }

    #[inline(always)]
    fn min(self, b: Self) -> Self {
        self.each(b, |a, b| if a < b { a } else { b })
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        self.map(T::sqrt)
    }

    #[inline(always)]
    fn lt(self, b: Self) -> [bool; N] {
        self.compare(b, |a, b| a < b)
    }

    #[inline(always)]
    fn le(self, b: Self) -> [bool; N] {
        self.compare(b, |a, b| a <= b)
    }

    #[inline(always)]
    fn eq(self, b: Self) -> [bool; N] {
        self.compare(b, |a, b| a == b)
    }

    #[inline(always)]
    fn both(a: [bool; N], b: [bool; N]) -> [bool; N] {
        std::array::from_fn(|i| a[i] & b[i])
    }

    #[inline(always)]
    fn either(a: [bool; N], b: [bool; N]) -> [bool; N] {
        std::array::from_fn(|i| a[i] | b[i])
    }

    #[inline(always)]
    fn any(mask: [bool; N]) -> bool {
        mask.contains(&true)
    }

    #[inline(always)]
    fn all(mask: [bool; N]) -> bool {
        !mask.contains(&false)
    }

    #[inline(always)]
    fn select(mask: [bool; N], a: Self, b: Self) -> Self {
        Self(std::array::from_fn(|i| if mask[i] { a.0[i] } else { b.0[i] }))
    }

    #[inline(always)]
    fn zip(self, b: Self) -> (Self, Self) {
        let lane = |i: usize| if i.is_multiple_of(2) { self.0[i / 2] } else { b.0[i / 2] };
        (Self(std::array::from_fn(lane)), Self(std::array::from_fn(|i| lane(N + i))))
    }

    #[inline(always)]
    fn bit_and(self, b: Self) -> Self {
        self.on_bits(b, |a, b| a & b)
    }

    #[inline(always)]
    fn bit_or(self, b: Self) -> Self {
        self.on_bits(b, |a, b| a | b)
    }

    #[inline(always)]
    fn bit_xor(self, b: Self) -> Self {
        self.on_bits(b, |a, b| a ^ b)
    }

    #[inline(always)]
    fn bits_add(self, b: Self) -> Self {
        self.on_bits(b, u64::wrapping_add)
    }

    #[inline(always)]
    fn bits_sub(self, b: Self) -> Self {
        self.on_bits(b, u64::wrapping_sub)
    }

    #[inline(always)]
    fn bits_shl(self, by: u32) -> Self {
        self.map(|x| T::from_bits(x.bits() << by))
    }

    #[inline(always)]
    fn bits_shr(self, by: u32) -> Self {
        self.map(|x| T::from_bits(x.bits() >> by))
    }
}
