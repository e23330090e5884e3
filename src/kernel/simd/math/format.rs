//! The two floating-point formats: their constants, and what is done to bits.
#![allow(
    clippy::unreadable_literal,
    clippy::excessive_precision,
    clippy::approx_constant,
    reason = "numbers are printed by a program"
)]

use super::super::{Element, Isa};

/// A binary floating-point format. Polynomials are listed from the lowest power on; `docs/coefficients.py` makes them.
pub(crate) trait Format: Element {
    /// 1.5 · 2^(bits of the fraction): added to a number it rounds that number to an integer, which then stands in the
    /// low bits of the sum.
    const MAGIC: Self;
    /// The largest integer that may be an exponent.
    const MAX_EXPONENT: Self;
    /// eˣ is 0 below the first, ∞ above the second, to the last digit of the smallest and largest number.
    const EXP_RANGE: [Self; 2];
    /// An exponent that lifts the smallest number among the normal ones, and two to the power of its opposite.
    const LIFT: Self;
    const LOWER: Self;
    /// 2ˣ likewise.
    const EXP2_RANGE: [Self; 2];
    /// e⁻ˣ, and e^−2x still more so, is nothing beside 1 from here on.
    const NEGLIGIBLE: Self;
    /// erfc x is 0 from here on.
    const ERFC_END: Self;
    /// ln 2 in two parts; the first has so few bits that its product with an exponent is exact. So have the others.
    const LN_2_PARTS: [Self; 2];
    const LOG2_E_PARTS: [Self; 2];
    const LOG10_E_PARTS: [Self; 2];
    const LOG10_2_PARTS: [Self; 2];
    /// (eˣ − 1 − x − x²/2)/x³ on ±ln 2/2; the second with one term less where that is enough.
    const EXP: &'static [Self];
    const EXP_SHORT: &'static [Self];
    /// (2 artanh s − 2s)/s³ over s², for (1 + s)/(1 − s) from √½ to √2.
    const LN: &'static [Self];
    /// erf(x)/x − 1 over x², to 0.75.
    const ERF: &'static [Self];
    /// ln(erfc(x)/w) + x² over w − 0.2, w being 1/(x + 2), from 0.75 to where erfc ends.
    const ERFC: &'static [Self];

    /// arctan of ½, 1, 3/2 and ∞, each in two parts.
    const ANGLES: [[Self; 2]; 4];
    /// (arctan x − x)/x³ over x², to 7/16.
    const ATAN: &'static [Self];
    /// (arcsin x − x)/x³ over x², to 0.6.
    const ASIN: &'static [Self];

    /// 2ⁿ, given n + `MAGIC`, n being an exponent of normal numbers.
    fn exp2_int(magic: Self) -> Self;

    /// x · 2ⁿ, given n + `MAGIC`, x and the result being normal numbers.
    fn times_exp2_int(self, magic: Self) -> Self;

    /// m and n with x = m · 2ⁿ and m from √½ to √2. x must be positive, finite and normal; what comes of others is no
    /// more than a number.
    fn split(self) -> (Self, Self);

    /// The number with the lower half of its digits cleared, so that products of two such are exact.
    fn head(self) -> Self;

    /// Whether n is odd, given n + `MAGIC`.
    fn is_odd(magic: Self) -> bool;
}

macro_rules! format {
    ($float:ident, $bits:ident, fraction $fraction:literal, bias $bias:literal, { $($constants:tt)* }) => {
        impl Format for $float {
            $($constants)*

            #[inline(always)]
            fn exp2_int(magic: Self) -> Self {
                // All but the low bits of the integer leave the word at its upper end.
                Self::from_bits(magic.to_bits().wrapping_add($bias) << $fraction)
            }

            #[inline(always)]
            fn times_exp2_int(self, magic: Self) -> Self {
                Self::from_bits(self.to_bits().wrapping_add(magic.to_bits() << $fraction))
            }

            #[inline(always)]
            fn split(self) -> (Self, Self) {
                const ROOT: $bits = std::$float::consts::FRAC_1_SQRT_2.to_bits();
                const BIAS: $float = $bias as $float;
                const UNIT: $float = ((1 as $bits) << $fraction) as $float;
                let above = self.to_bits().wrapping_sub(ROOT);
                let mantissa = Self::from_bits((above & ((1 << $fraction) - 1)).wrapping_add(ROOT));
                // Biased, so that no arithmetic shift is needed: AVX2 has none for 64 bits. Behind the fraction of
                // 2^(bits of the fraction), an integer is a float.
                let biased = above.wrapping_add($bias << $fraction) >> $fraction;
                (mantissa, Self::from_bits(biased | UNIT.to_bits()) - (UNIT + BIAS))
            }

            #[inline(always)]
            fn head(self) -> Self {
                Self::from_bits(self.to_bits() & ($bits::MAX << ($fraction / 2 + 1)))
            }

            #[inline(always)]
            fn is_odd(magic: Self) -> bool {
                magic.to_bits() & 1 == 1
            }
        }
    };
}

format! { f32, u32, fraction 23, bias 127, {
    const MAGIC: Self = 12_582_912.0;
    const MAX_EXPONENT: Self = 127.0;
    const EXP_RANGE: [Self; 2] = [-105.0, 89.0];
    const LIFT: Self = 64.0;
    const LOWER: Self = 5.421010862427522e-20;
    const EXP2_RANGE: [Self; 2] = [-151.0, 129.0];
    const NEGLIGIBLE: Self = 20.0;
    const ERFC_END: Self = 10.2;
    const LN_2_PARTS: [Self; 2] = [0.693115234375, 3.194618329871446e-05];
    const LOG2_E_PARTS: [Self; 2] = [1.4423828125, 0.00031222839606925845];
    const LOG10_E_PARTS: [Self; 2] = [0.4342041015625, 9.038033749675378e-05];
    const LOG10_2_PARTS: [Self; 2] = [0.301025390625, 4.605039066518657e-06];
    const EXP: &'static [Self] = &[0.166666672, 0.0416665561, 0.0083331503, 0.00139260304, 0.00019998019];
    const EXP_SHORT: &'static [Self] = &[0.166665405, 0.0416664779, 0.00836682133, 0.00139336928];
    const LN: &'static [Self] = &[0.666666687, 0.399995506, 0.28589654, 0.225764409];
    const ERF: &'static [Self] = &[0.128379166, -0.37612623, 0.112834282, -0.0268369652, 0.00511880452, -0.000677976466];
    const ERFC: &'static [Self] = &[-0.110925116, 2.59384227, 1.1593771, -2.29593277, -4.35139513, 5.05426502, 17.2111225, -16.8288422, -45.2094727];
    const ANGLES: [[Self; 2]; 4] = [[0.46364760398864746, 5.01215868809e-9], [0.78539818525314331, -2.18556941434e-8], [0.98279374837875366, -2.51314240529e-8], [1.5707963705062866, -4.37113882867e-8]];
    const ATAN: &'static [Self] = &[-0.333333313, 0.19999367, -0.142576665, 0.106765211, -0.0623562485];
    const ASIN: &'static [Self] = &[0.166666627, 0.0750085488, 0.0443718247, 0.033430241, 0.00750944763, 0.0476005748];
}}

format! { f64, u64, fraction 52, bias 1023, {
    const MAGIC: Self = 6_755_399_441_055_744.0;
    const MAX_EXPONENT: Self = 1023.0;
    const EXP_RANGE: [Self; 2] = [-746.0, 710.0];
    const LIFT: Self = 512.0;
    const LOWER: Self = 7.458340731200207e-155;
    const EXP2_RANGE: [Self; 2] = [-1076.0, 1025.0];
    const NEGLIGIBLE: Self = 44.0;
    const ERFC_END: Self = 28.0;
    const LN_2_PARTS: [Self; 2] = [0.6931471804855391, 7.440617110012397e-11];
    const LOG2_E_PARTS: [Self; 2] = [1.4426950216293335, 1.9259629911266175e-08];
    const LOG10_E_PARTS: [Self; 2] = [0.4342944771051407, 4.798111141615973e-09];
    const LOG10_2_PARTS: [Self; 2] = [0.30102999566395283, 2.8363394551044964e-14];
    const EXP: &'static [Self] = &[0.16666666666666669, 0.041666666666666671, 0.0083333333333288802, 0.0013888888888882519, 0.00019841269866595208, 2.4801587328619362e-05, 2.7557264528904933e-06, 2.7557270612236529e-07, 2.5101839918412484e-08, 2.0915719194673064e-09];
    const EXP_SHORT: &'static [Self] = Self::EXP;
    const LN: &'static [Self] = &[0.66666666666666696, 0.3999999999989976, 0.28571428625968287, 0.22222211129976971, 0.18182889654720366, 0.15331701496587977, 0.14616709658969645];
    const ERF: &'static [Self] = &[0.12837916709551259, -0.37612638903183893, 0.11283791670959394, -0.02686617064563087, 0.0052239776270940957, -0.00085483268694652303, 0.00012055314433604272, -1.492476966736194e-05, 1.6438787800497443e-06, -1.6004155820215702e-07, 1.1689694987725375e-08];
    const ERFC: &'static [Self] = &[-0.1109251295470122, 2.593842225080861, 1.1594021238206444, -2.2959342261709836, -4.3595341774941101, 5.0656091593473542, 18.121263953188887, -18.957966033035579, -82.545099839151575, 106.51527835187137, 379.621761793166, -721.23458888267146, -1561.5388359407566, 4894.9995924087007, 4222.0030293027739, -29686.687814674493, 8846.1095308041695, 144802.74804837778, -220875.77547991011, -479378.98968993902, 1579815.3375297324, 713379.16322279966, -5198799.8392188726];
    const ANGLES: [[Self; 2]; 4] = [[0.4636476090008061, 2.2698777452961687e-17], [0.7853981633974483, 3.061616997868383e-17], [0.982793723247329, 1.3903311031230998e-17], [1.5707963267948966, 6.123233995736766e-17]];
    const ATAN: &'static [Self] = &[-0.33333333333333326, 0.19999999999988882, -0.14285714283297191, 0.11111110909235003, -0.090909004661469867, 0.076920923258555082, -0.066632959022878094, 0.058481271263610225, -0.050356833809954649, 0.037867105409167393, -0.01759022960111542];
    const ASIN: &'static [Self] = &[0.16666666666666671, 0.074999999999952882, 0.044642857152082001, 0.030381943715730286, 0.022372189409358461, 0.017352004383674274, 0.013977252422778809, 0.011413484401344797, 0.010843794042885225, 0.0023700964595658102, 0.031108469786988963, -0.059284079076248802, 0.12760648710538908, -0.13377596449953694, 0.082343651712304053];
}}

/// The polynomial with these coefficients, from the lowest power on.
#[inline(always)]
pub(super) fn polynomial<I: Isa, T: Format>(x: T, coefficients: &[T]) -> T {
    let mut k = coefficients.len() - 1;
    let mut sum = coefficients[k];
    while k > 0 {
        k -= 1;
        sum = T::fma::<I>(sum, x, coefficients[k]);
    }
    sum
}
