//! Random numbers by counting: a function of a seed and an index, so that nothing has to be stored to see them again.

use crate::real::Real;

/// The finaliser of `SplitMix64` (Steele, Lea, Flood 2014): a bijection of 64-bit words that mixes every bit into every bit.
pub(crate) fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// A seed for the `call`-th consumer of `seed`.
pub(crate) fn fork(seed: u64, call: u64) -> u64 {
    mix(mix(seed.wrapping_add(GOLDEN)).wrapping_add(call.wrapping_mul(GOLDEN)))
}

/// The increment of `SplitMix64`: 2⁶⁴ divided by the golden ratio, odd.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// The `index`-th number of the stream `seed`, uniform in [0, 1).
#[allow(clippy::cast_precision_loss, reason = "53 bits fit an f64")]
pub(crate) fn uniform(seed: u64, index: u64) -> f64 {
    let bits = mix(seed.wrapping_add(index.wrapping_add(1).wrapping_mul(GOLDEN)));
    (bits >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
}

/// `x` with each element dropped (set to 0) with the given probability and the others scaled by 1/(1 − p).
pub(crate) fn dropout<T: Real>(x: &[T], p: f64, seed: u64, out: &mut [T]) {
    let scale = if p < 1.0 { T::of(1.0 / (1.0 - p)) } else { T::zero() };
    for (i, (out, &x)) in out.iter_mut().zip(x).enumerate() {
        *out = if uniform(seed, i as u64) < p { T::zero() } else { x * scale };
    }
}
