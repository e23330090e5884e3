//! SSE2, which every `x86_64` machine has: what is portable there. It has no fused multiply-add.

#[allow(clippy::wildcard_imports, reason = "intrinsics bear the name of their set")]
use std::arch::x86_64::*;

use super::lanes::{bits, lanes};
use super::{Isa, Kernel, Level};

#[derive(Clone, Copy)]
pub(super) struct Sse2;

impl Isa for Sse2 {
    const FMA: bool = false;
    const LEVEL: Level = Level::Portable;
    type F32 = F32x4;
    type F64 = F64x2;

    #[inline(never)]
    fn call<K: Kernel>(kernel: K) -> K::Output {
        kernel.run::<Self>()
    }
}

lanes! {
    F32x4(__m128): 4 of f32, masks __m128;
    memory { _mm_set1_ps, _mm_loadu_ps, _mm_storeu_ps }
    operators { Add add = _mm_add_ps, Sub sub = _mm_sub_ps, Mul mul = _mm_mul_ps, Div div = _mm_div_ps, }
    unary { sqrt = _mm_sqrt_ps, }
    binary {
        max = _mm_max_ps,
        min = _mm_min_ps,
        bit_and = _mm_and_ps,
        bit_or = _mm_or_ps,
        bit_xor = _mm_xor_ps,
        bits_add = single_bits::add,
        bits_sub = single_bits::sub,
    }
    compare { lt = _mm_cmplt_ps, le = _mm_cmple_ps, eq = _mm_cmpeq_ps, }
    masks { both = _mm_and_ps, either = _mm_or_ps, }
    tests { any = any_single, all = all_single, }
    select { select_single }
    zip { _mm_unpacklo_ps, _mm_unpackhi_ps }
    shifts { bits_shl = single_bits::left, bits_shr = single_bits::right, }
    reduce { reduce_sum = sum_single, reduce_max = max_single, reduce_min = min_single, }
}

lanes! {
    F64x2(__m128d): 2 of f64, masks __m128d;
    memory { _mm_set1_pd, _mm_loadu_pd, _mm_storeu_pd }
    operators { Add add = _mm_add_pd, Sub sub = _mm_sub_pd, Mul mul = _mm_mul_pd, Div div = _mm_div_pd, }
    unary { sqrt = _mm_sqrt_pd, }
    binary {
        max = _mm_max_pd,
        min = _mm_min_pd,
        bit_and = _mm_and_pd,
        bit_or = _mm_or_pd,
        bit_xor = _mm_xor_pd,
        bits_add = double_bits::add,
        bits_sub = double_bits::sub,
    }
    compare { lt = _mm_cmplt_pd, le = _mm_cmple_pd, eq = _mm_cmpeq_pd, }
    masks { both = _mm_and_pd, either = _mm_or_pd, }
    tests { any = any_double, all = all_double, }
    select { select_double }
    zip { _mm_unpacklo_pd, _mm_unpackhi_pd }
    shifts { bits_shl = double_bits::left, bits_shr = double_bits::right, }
    reduce { reduce_sum = sum_double, reduce_max = max_double, reduce_min = min_double, }
}

bits!(single_bits, __m128; _mm_castps_si128, _mm_castsi128_ps, _mm_add_epi32, _mm_sub_epi32, _mm_sll_epi32, _mm_srl_epi32);
bits!(double_bits, __m128d; _mm_castpd_si128, _mm_castsi128_pd, _mm_add_epi64, _mm_sub_epi64, _mm_sll_epi64, _mm_srl_epi64);

#[inline(always)]
fn any_single(mask: __m128) -> bool {
    // SAFETY: SSE2 belongs to the architecture.
    unsafe { _mm_movemask_ps(mask) != 0 }
}

#[inline(always)]
fn all_single(mask: __m128) -> bool {
    // SAFETY: SSE2 belongs to the architecture.
    unsafe { _mm_movemask_ps(mask) == 15 }
}

#[inline(always)]
fn select_single(mask: __m128, a: __m128, b: __m128) -> __m128 {
    // SAFETY: SSE2 belongs to the architecture.
    unsafe { _mm_or_ps(_mm_and_ps(mask, a), _mm_andnot_ps(mask, b)) }
}

#[inline(always)]
fn any_double(mask: __m128d) -> bool {
    // SAFETY: SSE2 belongs to the architecture.
    unsafe { _mm_movemask_pd(mask) != 0 }
}

#[inline(always)]
fn all_double(mask: __m128d) -> bool {
    // SAFETY: SSE2 belongs to the architecture.
    unsafe { _mm_movemask_pd(mask) == 3 }
}

#[inline(always)]
fn select_double(mask: __m128d, a: __m128d, b: __m128d) -> __m128d {
    // SAFETY: SSE2 belongs to the architecture.
    unsafe { _mm_or_pd(_mm_and_pd(mask, a), _mm_andnot_pd(mask, b)) }
}

#[inline(always)]
fn sum_single(v: __m128) -> f32 {
    // SAFETY: SSE2 belongs to the architecture.
    unsafe {
        let pairs = _mm_add_ps(v, _mm_movehl_ps(v, v));
        _mm_cvtss_f32(_mm_add_ss(pairs, _mm_shuffle_ps::<1>(pairs, pairs)))
    }
}

#[inline(always)]
fn sum_double(v: __m128d) -> f64 {
    // SAFETY: SSE2 belongs to the architecture.
    unsafe { _mm_cvtsd_f64(_mm_add_sd(v, _mm_unpackhi_pd(v, v))) }
}

#[inline(always)]
fn max_single(v: __m128) -> f32 {
    // SAFETY: SSE2 belongs to the architecture.
    unsafe {
        let pairs = _mm_max_ps(v, _mm_movehl_ps(v, v));
        _mm_cvtss_f32(_mm_max_ss(pairs, _mm_shuffle_ps::<1>(pairs, pairs)))
    }
}

#[inline(always)]
fn max_double(v: __m128d) -> f64 {
    // SAFETY: SSE2 belongs to the architecture.
    unsafe { _mm_cvtsd_f64(_mm_max_sd(v, _mm_unpackhi_pd(v, v))) }
}

#[inline(always)]
fn min_single(v: __m128) -> f32 {
    // SAFETY: SSE2 belongs to the architecture.
    unsafe {
        let pairs = _mm_min_ps(v, _mm_movehl_ps(v, v));
        _mm_cvtss_f32(_mm_min_ss(pairs, _mm_shuffle_ps::<1>(pairs, pairs)))
    }
}

#[inline(always)]
fn min_double(v: __m128d) -> f64 {
    // SAFETY: SSE2 belongs to the architecture.
    unsafe { _mm_cvtsd_f64(_mm_min_sd(v, _mm_unpackhi_pd(v, v))) }
}
