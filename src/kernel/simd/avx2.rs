//! AVX2 with FMA.
//!
//! # Safety
//!
//! Of all functions: the machine must have them.

#[allow(clippy::wildcard_imports, reason = "intrinsics bear the name of their set")]
use std::arch::x86_64::*;

use super::lanes::{bits, lanes};
use super::sse2::{F32x4, F64x2};
use super::{Isa, Kernel, Lanes, Level};

#[derive(Clone, Copy)]
pub(super) struct Avx2;

impl Isa for Avx2 {
    const FMA: bool = true;
    const LEVEL: Level = Level::Avx2;
    type F32 = F32x8;
    type F64 = F64x4;

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
#[target_feature(enable = "avx2,fma")]
unsafe fn outlined<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<Avx2>()
}

/// # Safety
///
/// The machine must have AVX2 and FMA.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn run<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<Avx2>()
}

lanes! {
    F32x8(__m256): 8 of f32, masks __m256;
    memory { _mm256_set1_ps, _mm256_loadu_ps, _mm256_storeu_ps }
    masked { load_single, load_over_single, store_single }
    operators { Add add = _mm256_add_ps, Sub sub = _mm256_sub_ps, Mul mul = _mm256_mul_ps, Div div = _mm256_div_ps, }
    unary { sqrt = _mm256_sqrt_ps, floor = _mm256_floor_ps, ceil = _mm256_ceil_ps, round = _mm256_round_ps::<NEAREST>, }
    binary {
        max = _mm256_max_ps,
        min = _mm256_min_ps,
        bit_and = _mm256_and_ps,
        bit_or = _mm256_or_ps,
        bit_xor = _mm256_xor_ps,
        bits_add = single_bits::add,
        bits_sub = single_bits::sub,
    }
    fma { _mm256_fmadd_ps }
    compare { lt = _mm256_cmp_ps::<_CMP_LT_OQ>, le = _mm256_cmp_ps::<_CMP_LE_OQ>, eq = _mm256_cmp_ps::<_CMP_EQ_OQ>, }
    masks { both = _mm256_and_ps, either = _mm256_or_ps, }
    tests { any = any_single, all = all_single, }
    select { select_single }
    zip { lower_single, upper_single }
    blocks { _mm256_unpacklo_ps, _mm256_unpackhi_ps, blocks_single }
    shifts { bits_shl = single_bits::left, bits_shr = single_bits::right, }
    reduce { reduce_sum = sum_single, reduce_max = max_single, reduce_min = min_single, }
}

lanes! {
    F64x4(__m256d): 4 of f64, masks __m256d;
    memory { _mm256_set1_pd, _mm256_loadu_pd, _mm256_storeu_pd }
    masked { load_double, load_over_double, store_double }
    operators { Add add = _mm256_add_pd, Sub sub = _mm256_sub_pd, Mul mul = _mm256_mul_pd, Div div = _mm256_div_pd, }
    unary { sqrt = _mm256_sqrt_pd, floor = _mm256_floor_pd, ceil = _mm256_ceil_pd, round = _mm256_round_pd::<NEAREST>, }
    binary {
        max = _mm256_max_pd,
        min = _mm256_min_pd,
        bit_and = _mm256_and_pd,
        bit_or = _mm256_or_pd,
        bit_xor = _mm256_xor_pd,
        bits_add = double_bits::add,
        bits_sub = double_bits::sub,
    }
    fma { _mm256_fmadd_pd }
    compare { lt = _mm256_cmp_pd::<_CMP_LT_OQ>, le = _mm256_cmp_pd::<_CMP_LE_OQ>, eq = _mm256_cmp_pd::<_CMP_EQ_OQ>, }
    masks { both = _mm256_and_pd, either = _mm256_or_pd, }
    tests { any = any_double, all = all_double, }
    select { select_double }
    zip { lower_double, upper_double }
    blocks { _mm256_unpacklo_pd, _mm256_unpackhi_pd, blocks_double }
    shifts { bits_shl = double_bits::left, bits_shr = double_bits::right, }
    reduce { reduce_sum = sum_double, reduce_max = max_double, reduce_min = min_double, }
}

/// To the nearest, without a flag for what was inexact.
const NEAREST: i32 = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;

bits!(single_bits, __m256; _mm256_castps_si256, _mm256_castsi256_ps, _mm256_add_epi32, _mm256_sub_epi32, _mm256_sll_epi32, _mm256_srl_epi32);
bits!(double_bits, __m256d; _mm256_castpd_si256, _mm256_castsi256_pd, _mm256_add_epi64, _mm256_sub_epi64, _mm256_sll_epi64, _mm256_srl_epi64);

/// Read from its middle, minus a length: a mask for the first elements of that length.
static MASKS: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];

/// The mask for the first `n` elements, of `size` words of four bytes each.
///
/// # Safety
///
/// `n · size ≤ 8`, and the machine has AVX2.
#[inline(always)]
unsafe fn first(n: usize, size: usize) -> __m256i {
    // SAFETY: eight words are read from one of the places 0 to 8 of sixteen.
    unsafe { _mm256_loadu_si256(MASKS.as_ptr().add(8 - n * size).cast()) }
}

/// # Safety
///
/// As for [`Lanes::load_masked`].
#[inline(always)]
unsafe fn load_single(from: *const f32, n: usize) -> __m256 {
    // SAFETY: the caller vouches for the instruction set and for n elements.
    unsafe { _mm256_maskload_ps(from, first(n, 1)) }
}

/// # Safety
///
/// As for [`Lanes::store_masked`].
#[inline(always)]
unsafe fn store_single(to: *mut f32, n: usize, v: __m256) {
    // SAFETY: the caller vouches for the instruction set and for n elements.
    unsafe { _mm256_maskstore_ps(to, first(n, 1), v) }
}

#[inline(always)]
unsafe fn any_single(mask: __m256) -> bool {
    // SAFETY: the caller vouches for the instruction set.
    unsafe { _mm256_movemask_ps(mask) != 0 }
}

#[inline(always)]
unsafe fn all_single(mask: __m256) -> bool {
    // SAFETY: the caller vouches for the instruction set.
    unsafe { _mm256_movemask_ps(mask) == 255 }
}

#[inline(always)]
unsafe fn select_single(mask: __m256, a: __m256, b: __m256) -> __m256 {
    // SAFETY: the caller vouches for the instruction set.
    unsafe { _mm256_blendv_ps(b, a, mask) }
}

/// The lower and the upper half.
#[inline(always)]
unsafe fn halves_single(v: __m256) -> (F32x4, F32x4) {
    // SAFETY: the caller vouches for the instruction set.
    unsafe { (F32x4(_mm256_castps256_ps128(v)), F32x4(_mm256_extractf128_ps::<1>(v))) }
}

#[inline(always)]
unsafe fn sum_single(v: __m256) -> f32 {
    // SAFETY: the caller vouches for the instruction set.
    let (lower, upper) = unsafe { halves_single(v) };
    (lower + upper).reduce_sum()
}

#[inline(always)]
unsafe fn max_single(v: __m256) -> f32 {
    // SAFETY: the caller vouches for the instruction set.
    let (lower, upper) = unsafe { halves_single(v) };
    lower.max(upper).reduce_max()
}

#[inline(always)]
unsafe fn min_single(v: __m256) -> f32 {
    // SAFETY: the caller vouches for the instruction set.
    let (lower, upper) = unsafe { halves_single(v) };
    lower.min(upper).reduce_min()
}

/// # Safety
///
/// As for [`Lanes::load_masked`].
#[inline(always)]
unsafe fn load_double(from: *const f64, n: usize) -> __m256d {
    // SAFETY: the caller vouches for the instruction set and for n elements.
    unsafe { _mm256_maskload_pd(from, first(n, 2)) }
}

/// # Safety
///
/// As for [`Lanes::store_masked`].
#[inline(always)]
unsafe fn store_double(to: *mut f64, n: usize, v: __m256d) {
    // SAFETY: the caller vouches for the instruction set and for n elements.
    unsafe { _mm256_maskstore_pd(to, first(n, 2), v) }
}

#[inline(always)]
unsafe fn any_double(mask: __m256d) -> bool {
    // SAFETY: the caller vouches for the instruction set.
    unsafe { _mm256_movemask_pd(mask) != 0 }
}

#[inline(always)]
unsafe fn all_double(mask: __m256d) -> bool {
    // SAFETY: the caller vouches for the instruction set.
    unsafe { _mm256_movemask_pd(mask) == 15 }
}

#[inline(always)]
unsafe fn select_double(mask: __m256d, a: __m256d, b: __m256d) -> __m256d {
    // SAFETY: the caller vouches for the instruction set.
    unsafe { _mm256_blendv_pd(b, a, mask) }
}

/// The lower and the upper half.
#[inline(always)]
unsafe fn halves_double(v: __m256d) -> (F64x2, F64x2) {
    // SAFETY: the caller vouches for the instruction set.
    unsafe { (F64x2(_mm256_castpd256_pd128(v)), F64x2(_mm256_extractf128_pd::<1>(v))) }
}

#[inline(always)]
unsafe fn sum_double(v: __m256d) -> f64 {
    // SAFETY: the caller vouches for the instruction set.
    let (lower, upper) = unsafe { halves_double(v) };
    (lower + upper).reduce_sum()
}

#[inline(always)]
unsafe fn max_double(v: __m256d) -> f64 {
    // SAFETY: the caller vouches for the instruction set.
    let (lower, upper) = unsafe { halves_double(v) };
    lower.max(upper).reduce_max()
}

#[inline(always)]
unsafe fn min_double(v: __m256d) -> f64 {
    // SAFETY: the caller vouches for the instruction set.
    let (lower, upper) = unsafe { halves_double(v) };
    lower.min(upper).reduce_min()
}

/// The lower half of the lanes of both in turn.
#[inline(always)]
unsafe fn lower_single(a: __m256, b: __m256) -> __m256 {
    // SAFETY: the caller vouches for the instruction set.
    unsafe { _mm256_permute2f128_ps::<0x20>(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b)) }
}

/// The upper half of the lanes of both in turn.
#[inline(always)]
unsafe fn upper_single(a: __m256, b: __m256) -> __m256 {
    // SAFETY: the caller vouches for the instruction set.
    unsafe { _mm256_permute2f128_ps::<0x31>(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b)) }
}

/// The lower half of the lanes of both in turn.
#[inline(always)]
unsafe fn lower_double(a: __m256d, b: __m256d) -> __m256d {
    // SAFETY: the caller vouches for the instruction set.
    unsafe { _mm256_permute2f128_pd::<0x20>(_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b)) }
}

/// The upper half of the lanes of both in turn.
#[inline(always)]
unsafe fn upper_double(a: __m256d, b: __m256d) -> __m256d {
    // SAFETY: the caller vouches for the instruction set.
    unsafe { _mm256_permute2f128_pd::<0x31>(_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b)) }
}

/// # Safety
///
/// As for [`Lanes::load_blocks`].
#[inline(always)]
unsafe fn blocks_single(from: *const f32, stride: usize) -> __m256 {
    // SAFETY: the caller vouches for two blocks.
    unsafe {
        let lower = _mm256_castps128_ps256(_mm_loadu_ps(from));
        _mm256_insertf128_ps::<1>(lower, _mm_loadu_ps(from.add(stride)))
    }
}

/// # Safety
///
/// As for [`Lanes::load_blocks`].
#[inline(always)]
unsafe fn blocks_double(from: *const f64, stride: usize) -> __m256d {
    // SAFETY: the caller vouches for two blocks.
    unsafe {
        let lower = _mm256_castpd128_pd256(_mm_loadu_pd(from));
        _mm256_insertf128_pd::<1>(lower, _mm_loadu_pd(from.add(stride)))
    }
}

/// # Safety
///
/// As for [`Lanes::load_over`].
#[inline(always)]
unsafe fn load_over_single(v: __m256, from: *const f32, n: usize) -> __m256 {
    // SAFETY: the caller vouches for the instruction set and for n elements.
    unsafe {
        let mask = first(n, 1);
        _mm256_blendv_ps(v, _mm256_maskload_ps(from, mask), _mm256_castsi256_ps(mask))
    }
}

/// # Safety
///
/// As for [`Lanes::load_over`].
#[inline(always)]
unsafe fn load_over_double(v: __m256d, from: *const f64, n: usize) -> __m256d {
    // SAFETY: the caller vouches for the instruction set and for n elements.
    unsafe {
        let mask = first(n, 2);
        _mm256_blendv_pd(v, _mm256_maskload_pd(from, mask), _mm256_castsi256_pd(mask))
    }
}
