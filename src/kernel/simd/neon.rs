//! NEON, which every `aarch64` machine has.

#[allow(clippy::wildcard_imports, reason = "intrinsics bear the name of their set")]
use std::arch::aarch64::*;

use super::lanes::lanes;
use super::{Isa, Kernel, Level};

#[derive(Clone, Copy)]
pub(super) struct Neon;

impl Isa for Neon {
    const FMA: bool = true;
    const LEVEL: Level = Level::Neon;
    type F32 = F32x4;
    type F64 = F64x2;

    #[inline(never)]
    fn call<K: Kernel>(kernel: K) -> K::Output {
        kernel.run::<Self>()
    }
}

lanes! {
    F32x4(float32x4_t): 4 of f32, masks uint32x4_t;
    memory { vdupq_n_f32, vld1q_f32, vst1q_f32 }
    operators { Add add = vaddq_f32, Sub sub = vsubq_f32, Mul mul = vmulq_f32, Div div = vdivq_f32, }
    unary { sqrt = vsqrtq_f32, floor = vrndmq_f32, ceil = vrndpq_f32, round = vrndnq_f32, }
    binary {
        max = single::max,
        min = single::min,
        bit_and = single::bit_and,
        bit_or = single::bit_or,
        bit_xor = single::bit_xor,
        bits_add = single::bits_add,
        bits_sub = single::bits_sub,
    }
    fma { single::fma }
    compare { lt = vcltq_f32, le = vcleq_f32, eq = vceqq_f32, }
    masks { both = vandq_u32, either = vorrq_u32, }
    tests { any = single::any, all = single::all, }
    select { vbslq_f32 }
    zip { vzip1q_f32, vzip2q_f32 }
    shifts { bits_shl = single::bits_shl, bits_shr = single::bits_shr, }
    reduce { }
}

lanes! {
    F64x2(float64x2_t): 2 of f64, masks uint64x2_t;
    memory { vdupq_n_f64, vld1q_f64, vst1q_f64 }
    operators { Add add = vaddq_f64, Sub sub = vsubq_f64, Mul mul = vmulq_f64, Div div = vdivq_f64, }
    unary { sqrt = vsqrtq_f64, floor = vrndmq_f64, ceil = vrndpq_f64, round = vrndnq_f64, }
    binary {
        max = double::max,
        min = double::min,
        bit_and = double::bit_and,
        bit_or = double::bit_or,
        bit_xor = double::bit_xor,
        bits_add = double::bits_add,
        bits_sub = double::bits_sub,
    }
    fma { double::fma }
    compare { lt = vcltq_f64, le = vcleq_f64, eq = vceqq_f64, }
    masks { both = vandq_u64, either = vorrq_u64, }
    tests { any = double::any, all = double::all, }
    select { vbslq_f64 }
    zip { vzip1q_f64, vzip2q_f64 }
    shifts { bits_shl = double::bits_shl, bits_shr = double::bits_shr, }
    reduce { }
}

/// What NEON does in more than one instruction, or takes in another order.
macro_rules! composed {
    (
        $module:ident, $element:ty, $vector:ty, $mask:ty, $integer:ty;
        $from_bits:ident $to_bits:ident $to_word:ident $fma:ident $select:ident $gt:ident $lt:ident
        $and:ident $or:ident $xor:ident $add:ident $sub:ident $shift:ident $splat:ident
    ) => {
        #[allow(unused_unsafe, reason = "NEON belongs to the architecture")]
        mod $module {
            use std::arch::aarch64::*;

            #[allow(unused_imports, reason = "masks of single numbers are words already")]
            use super::same;

            #[inline(always)]
            pub(super) fn fma(a: $vector, b: $vector, c: $vector) -> $vector {
                // SAFETY: NEON belongs to the architecture.
                unsafe { $fma(c, a, b) }
            }

            // The instructions for these answer NaN if either is NaN.
            #[inline(always)]
            pub(super) fn max(a: $vector, b: $vector) -> $vector {
                // SAFETY: NEON belongs to the architecture.
                unsafe { $select($gt(a, b), a, b) }
            }

            #[inline(always)]
            pub(super) fn min(a: $vector, b: $vector) -> $vector {
                // SAFETY: NEON belongs to the architecture.
                unsafe { $select($lt(a, b), a, b) }
            }

            #[inline(always)]
            pub(super) fn bit_and(a: $vector, b: $vector) -> $vector {
                // SAFETY: NEON belongs to the architecture.
                unsafe { $from_bits($and($to_bits(a), $to_bits(b))) }
            }

            #[inline(always)]
            pub(super) fn bit_or(a: $vector, b: $vector) -> $vector {
                // SAFETY: NEON belongs to the architecture.
                unsafe { $from_bits($or($to_bits(a), $to_bits(b))) }
            }

            #[inline(always)]
            pub(super) fn bit_xor(a: $vector, b: $vector) -> $vector {
                // SAFETY: NEON belongs to the architecture.
                unsafe { $from_bits($xor($to_bits(a), $to_bits(b))) }
            }

            #[inline(always)]
            pub(super) fn bits_add(a: $vector, b: $vector) -> $vector {
                // SAFETY: NEON belongs to the architecture.
                unsafe { $from_bits($add($to_bits(a), $to_bits(b))) }
            }

            #[inline(always)]
            pub(super) fn bits_sub(a: $vector, b: $vector) -> $vector {
                // SAFETY: NEON belongs to the architecture.
                unsafe { $from_bits($sub($to_bits(a), $to_bits(b))) }
            }

            #[inline(always)]
            pub(super) fn bits_shl(v: $vector, by: u32) -> $vector {
                // SAFETY: NEON belongs to the architecture.
                unsafe { $from_bits($shift($to_bits(v), $splat(by as $integer))) }
            }

            // A shift by a negative number moves the other way.
            #[inline(always)]
            pub(super) fn bits_shr(v: $vector, by: u32) -> $vector {
                // SAFETY: NEON belongs to the architecture.
                unsafe { $from_bits($shift($to_bits(v), $splat(-(by as $integer)))) }
            }

            #[inline(always)]
            pub(super) fn any(mask: $mask) -> bool {
                // SAFETY: NEON belongs to the architecture.
                unsafe { vmaxvq_u32($to_word(mask)) != 0 }
            }

            #[inline(always)]
            pub(super) fn all(mask: $mask) -> bool {
                // SAFETY: NEON belongs to the architecture.
                unsafe { vminvq_u32($to_word(mask)) != 0 }
            }
        }
    };
}

#[inline(always)]
fn same(mask: uint32x4_t) -> uint32x4_t {
    mask
}

composed! {
    single, f32, float32x4_t, uint32x4_t, i32;
    vreinterpretq_f32_u32 vreinterpretq_u32_f32 same vfmaq_f32 vbslq_f32 vcgtq_f32 vcltq_f32
    vandq_u32 vorrq_u32 veorq_u32 vaddq_u32 vsubq_u32 vshlq_u32 vdupq_n_s32
}

composed! {
    double, f64, float64x2_t, uint64x2_t, i64;
    vreinterpretq_f64_u64 vreinterpretq_u64_f64 vreinterpretq_u32_u64 vfmaq_f64 vbslq_f64 vcgtq_f64 vcltq_f64
    vandq_u64 vorrq_u64 veorq_u64 vaddq_u64 vsubq_u64 vshlq_u64 vdupq_n_s64
}
