//! AVX-512: F, VL, DQ and BW, which come together on every machine of interest.
//!
//! # Safety
//!
//! Of all functions: the machine must have them.

#[allow(clippy::wildcard_imports, reason = "intrinsics bear the name of their set")]
use std::arch::x86_64::*;
use std::ops::{BitAnd, BitOr};

use super::avx2::{F32x8, F64x4};
use super::lanes::{bits, lanes};
use super::{Isa, Kernel, Lanes, Level};

#[derive(Clone, Copy)]
pub(super) struct Avx512;

impl Isa for Avx512 {
    const FMA: bool = true;
    const LEVEL: Level = Level::Avx512;
    type F32 = F32x16;
    type F64 = F64x8;

    #[inline(always)]
    fn call<K: Kernel>(kernel: K) -> K::Output {
        // SAFETY: whoever has this type has it from `dispatch`, so the machine has the instructions.
        unsafe { outlined(kernel) }
    }
}

/// # Safety
///
/// As for [`run`].
#[inline(never)]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
unsafe fn outlined<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<Avx512>()
}

/// # Safety
///
/// The machine must have the instruction sets named.
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
pub(super) unsafe fn run<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<Avx512>()
}

lanes! {
    F32x16(__m512): 16 of f32, masks __mmask16;
    memory { _mm512_set1_ps, _mm512_loadu_ps, _mm512_storeu_ps }
    masked { load_single, load_over_single, store_single }
    operators { Add add = _mm512_add_ps, Sub sub = _mm512_sub_ps, Mul mul = _mm512_mul_ps, Div div = _mm512_div_ps, }
    unary { sqrt = _mm512_sqrt_ps, floor = _mm512_roundscale_ps::<DOWN>, ceil = _mm512_roundscale_ps::<UP>, round = _mm512_roundscale_ps::<NEAREST>, }
    binary {
        max = _mm512_max_ps,
        min = _mm512_min_ps,
        bit_and = _mm512_and_ps,
        bit_or = _mm512_or_ps,
        bit_xor = _mm512_xor_ps,
        bits_add = single_bits::add,
        bits_sub = single_bits::sub,
    }
    fma { _mm512_fmadd_ps }
    compare { lt = _mm512_cmp_ps_mask::<_CMP_LT_OQ>, le = _mm512_cmp_ps_mask::<_CMP_LE_OQ>, eq = _mm512_cmp_ps_mask::<_CMP_EQ_OQ>, }
    masks { both = u16::bitand, either = u16::bitor, }
    tests { any = any_single, all = all_single, }
    select { select_single }
    zip { lower_single, upper_single }
    blocks { _mm512_unpacklo_ps, _mm512_unpackhi_ps, blocks_single }
    shifts { bits_shl = single_bits::left, bits_shr = single_bits::right, }
    reduce { reduce_sum = sum_single, reduce_max = max_single, reduce_min = min_single, }
}

lanes! {
    F64x8(__m512d): 8 of f64, masks __mmask8;
    memory { _mm512_set1_pd, _mm512_loadu_pd, _mm512_storeu_pd }
    masked { load_double, load_over_double, store_double }
    operators { Add add = _mm512_add_pd, Sub sub = _mm512_sub_pd, Mul mul = _mm512_mul_pd, Div div = _mm512_div_pd, }
    unary { sqrt = _mm512_sqrt_pd, floor = _mm512_roundscale_pd::<DOWN>, ceil = _mm512_roundscale_pd::<UP>, round = _mm512_roundscale_pd::<NEAREST>, }
    binary {
        max = _mm512_max_pd,
        min = _mm512_min_pd,
        bit_and = _mm512_and_pd,
        bit_or = _mm512_or_pd,
        bit_xor = _mm512_xor_pd,
        bits_add = double_bits::add,
        bits_sub = double_bits::sub,
    }
    fma { _mm512_fmadd_pd }
    compare { lt = _mm512_cmp_pd_mask::<_CMP_LT_OQ>, le = _mm512_cmp_pd_mask::<_CMP_LE_OQ>, eq = _mm512_cmp_pd_mask::<_CMP_EQ_OQ>, }
    masks { both = u8::bitand, either = u8::bitor, }
    tests { any = any_double, all = all_double, }
    select { select_double }
    zip { lower_double, upper_double }
    blocks { _mm512_unpacklo_pd, _mm512_unpackhi_pd, blocks_double }
    shifts { bits_shl = double_bits::left, bits_shr = double_bits::right, }
    reduce { reduce_sum = sum_double, reduce_max = max_double, reduce_min = min_double, }
}

/// Ways to round, without a flag for what was inexact.
const NEAREST: i32 = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
const DOWN: i32 = _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC;
const UP: i32 = _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC;

bits!(single_bits, __m512; _mm512_castps_si512, _mm512_castsi512_ps, _mm512_add_epi32, _mm512_sub_epi32, _mm512_sll_epi32, _mm512_srl_epi32);
bits!(double_bits, __m512d; _mm512_castpd_si512, _mm512_castsi512_pd, _mm512_add_epi64, _mm512_sub_epi64, _mm512_sll_epi64, _mm512_srl_epi64);

/// The mask for the first `n ≤ 16` elements.
#[inline(always)]
#[allow(clippy::cast_possible_truncation, reason = "the bits wanted are the low ones")]
fn first_single(n: usize) -> __mmask16 {
    ((1_u32 << n) - 1) as __mmask16
}

/// # Safety
///
/// As for [`Lanes::load_masked`].
#[inline(always)]
unsafe fn load_single(from: *const f32, n: usize) -> __m512 {
    // SAFETY: the caller vouches for the instruction set and for n elements.
    unsafe { _mm512_maskz_loadu_ps(first_single(n), from) }
}

/// # Safety
///
/// As for [`Lanes::store_masked`].
#[inline(always)]
unsafe fn store_single(to: *mut f32, n: usize, v: __m512) {
    // SAFETY: the caller vouches for the instruction set and for n elements.
    unsafe { _mm512_mask_storeu_ps(to, first_single(n), v) }
}

#[inline(always)]
fn any_single(mask: __mmask16) -> bool {
    mask != 0
}

#[inline(always)]
fn all_single(mask: __mmask16) -> bool {
    mask == __mmask16::MAX
}

#[inline(always)]
unsafe fn select_single(mask: __mmask16, a: __m512, b: __m512) -> __m512 {
    // SAFETY: the caller vouches for the instruction set.
    unsafe { _mm512_mask_blend_ps(mask, b, a) }
}

/// The lower and the upper half.
#[inline(always)]
unsafe fn halves_single(v: __m512) -> (F32x8, F32x8) {
    // SAFETY: the caller vouches for the instruction set.
    unsafe { (F32x8(_mm512_castps512_ps256(v)), F32x8(_mm512_extractf32x8_ps::<1>(v))) }
}

#[inline(always)]
unsafe fn sum_single(v: __m512) -> f32 {
    // SAFETY: the caller vouches for the instruction set.
    let (lower, upper) = unsafe { halves_single(v) };
    (lower + upper).reduce_sum()
}

#[inline(always)]
unsafe fn max_single(v: __m512) -> f32 {
    // SAFETY: the caller vouches for the instruction set.
    let (lower, upper) = unsafe { halves_single(v) };
    lower.max(upper).reduce_max()
}

#[inline(always)]
unsafe fn min_single(v: __m512) -> f32 {
    // SAFETY: the caller vouches for the instruction set.
    let (lower, upper) = unsafe { halves_single(v) };
    lower.min(upper).reduce_min()
}

/// The mask for the first `n ≤ 8` elements.
#[inline(always)]
#[allow(clippy::cast_possible_truncation, reason = "the bits wanted are the low ones")]
fn first_double(n: usize) -> __mmask8 {
    ((1_u32 << n) - 1) as __mmask8
}

/// # Safety
///
/// As for [`Lanes::load_masked`].
#[inline(always)]
unsafe fn load_double(from: *const f64, n: usize) -> __m512d {
    // SAFETY: the caller vouches for the instruction set and for n elements.
    unsafe { _mm512_maskz_loadu_pd(first_double(n), from) }
}

/// # Safety
///
/// As for [`Lanes::store_masked`].
#[inline(always)]
unsafe fn store_double(to: *mut f64, n: usize, v: __m512d) {
    // SAFETY: the caller vouches for the instruction set and for n elements.
    unsafe { _mm512_mask_storeu_pd(to, first_double(n), v) }
}

#[inline(always)]
fn any_double(mask: __mmask8) -> bool {
    mask != 0
}

#[inline(always)]
fn all_double(mask: __mmask8) -> bool {
    mask == __mmask8::MAX
}

#[inline(always)]
unsafe fn select_double(mask: __mmask8, a: __m512d, b: __m512d) -> __m512d {
    // SAFETY: the caller vouches for the instruction set.
    unsafe { _mm512_mask_blend_pd(mask, b, a) }
}

/// The lower and the upper half.
#[inline(always)]
unsafe fn halves_double(v: __m512d) -> (F64x4, F64x4) {
    // SAFETY: the caller vouches for the instruction set.
    unsafe { (F64x4(_mm512_castpd512_pd256(v)), F64x4(_mm512_extractf64x4_pd::<1>(v))) }
}

#[inline(always)]
unsafe fn sum_double(v: __m512d) -> f64 {
    // SAFETY: the caller vouches for the instruction set.
    let (lower, upper) = unsafe { halves_double(v) };
    (lower + upper).reduce_sum()
}

#[inline(always)]
unsafe fn max_double(v: __m512d) -> f64 {
    // SAFETY: the caller vouches for the instruction set.
    let (lower, upper) = unsafe { halves_double(v) };
    lower.max(upper).reduce_max()
}

#[inline(always)]
unsafe fn min_double(v: __m512d) -> f64 {
    // SAFETY: the caller vouches for the instruction set.
    let (lower, upper) = unsafe { halves_double(v) };
    lower.min(upper).reduce_min()
}

/// The lower half of the lanes of both in turn.
#[inline(always)]
unsafe fn lower_single(a: __m512, b: __m512) -> __m512 {
    // SAFETY: the caller vouches for the instruction set.
    unsafe { _mm512_permutex2var_ps(a, _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23), b) }
}

/// The upper half of the lanes of both in turn.
#[inline(always)]
unsafe fn upper_single(a: __m512, b: __m512) -> __m512 {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        _mm512_permutex2var_ps(a, _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31), b)
    }
}

/// The lower half of the lanes of both in turn.
#[inline(always)]
unsafe fn lower_double(a: __m512d, b: __m512d) -> __m512d {
    // SAFETY: the caller vouches for the instruction set.
    unsafe { _mm512_permutex2var_pd(a, _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11), b) }
}

/// The upper half of the lanes of both in turn.
#[inline(always)]
unsafe fn upper_double(a: __m512d, b: __m512d) -> __m512d {
    // SAFETY: the caller vouches for the instruction set.
    unsafe { _mm512_permutex2var_pd(a, _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15), b) }
}

/// # Safety
///
/// As for [`Lanes::load_blocks`].
#[inline(always)]
unsafe fn blocks_single(from: *const f32, stride: usize) -> __m512 {
    // SAFETY: the caller vouches for four blocks.
    unsafe {
        let first = _mm512_castps128_ps512(_mm_loadu_ps(from));
        let second = _mm512_insertf32x4::<1>(first, _mm_loadu_ps(from.add(stride)));
        let third = _mm512_insertf32x4::<2>(second, _mm_loadu_ps(from.add(2 * stride)));
        _mm512_insertf32x4::<3>(third, _mm_loadu_ps(from.add(3 * stride)))
    }
}

/// # Safety
///
/// As for [`Lanes::load_blocks`].
#[inline(always)]
unsafe fn blocks_double(from: *const f64, stride: usize) -> __m512d {
    // SAFETY: the caller vouches for four blocks.
    unsafe {
        let first = _mm512_castpd128_pd512(_mm_loadu_pd(from));
        let second = _mm512_insertf64x2::<1>(first, _mm_loadu_pd(from.add(stride)));
        let third = _mm512_insertf64x2::<2>(second, _mm_loadu_pd(from.add(2 * stride)));
        _mm512_insertf64x2::<3>(third, _mm_loadu_pd(from.add(3 * stride)))
    }
}

/// # Safety
///
/// As for [`Lanes::load_over`].
#[inline(always)]
unsafe fn load_over_single(v: __m512, from: *const f32, n: usize) -> __m512 {
    // SAFETY: the caller vouches for the instruction set and for n elements.
    unsafe { _mm512_mask_loadu_ps(v, first_single(n), from) }
}

/// # Safety
///
/// As for [`Lanes::load_over`].
#[inline(always)]
unsafe fn load_over_double(v: __m512d, from: *const f64, n: usize) -> __m512d {
    // SAFETY: the caller vouches for the instruction set and for n elements.
    unsafe { _mm512_mask_loadu_pd(v, first_double(n), from) }
}
