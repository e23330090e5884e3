//! The functions again, slow and simple, with some thirty digits: what the fast ones are held against.
//!
//! A [`Wide`] number is the unevaluated sum of two `f64`. Its functions are series that converge everywhere they are used;
//! they share neither polynomials nor reductions with the fast ones.
#![allow(clippy::cast_possible_truncation, reason = "what is made an integer is small and whole")]

use std::ops::{Add, Div, Mul, Neg, Sub};

/// high + low, |low| being at most half a unit in the last place of `high`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wide {
    pub(super) high: f64,
    pub(super) low: f64,
}

const LN_2: Wide = Wide { high: std::f64::consts::LN_2, low: 2.319_046_813_846_299_6e-17 };
const LN_10: Wide = Wide { high: std::f64::consts::LN_10, low: -2.170_756_223_382_249_4e-16 };
const FRAC_2_SQRT_PI: Wide = Wide { high: std::f64::consts::FRAC_2_SQRT_PI, low: 1.533_545_961_316_588e-17 };
const FRAC_PI_2: [f64; 3] = [std::f64::consts::FRAC_PI_2, 6.123_233_995_736_766e-17, -1.497_384_904_859_169_8e-33];

impl From<f64> for Wide {
    fn from(high: f64) -> Self {
        Self { high, low: 0.0 }
    }
}

/// π/2.
fn right_angle() -> Wide {
    Wide { high: FRAC_PI_2[0], low: FRAC_PI_2[1] }
}

/// a + b exactly.
fn sum(a: f64, b: f64) -> Wide {
    let high = a + b;
    let back = high - a;
    Wide { high, low: (a - (high - back)) + (b - back) }
}

/// a · b exactly.
fn product(a: f64, b: f64) -> Wide {
    let high = a * b;
    Wide { high, low: a.mul_add(b, -high) }
}

impl Add for Wide {
    type Output = Self;
    fn add(self, y: Self) -> Self {
        let (high, low) = (sum(self.high, y.high), sum(self.low, y.low));
        let first = sum(high.high, high.low + low.high);
        sum(first.high, first.low + low.low)
    }
}

impl Neg for Wide {
    type Output = Self;
    fn neg(self) -> Self {
        Self { high: -self.high, low: -self.low }
    }
}

impl Sub for Wide {
    type Output = Self;
    fn sub(self, y: Self) -> Self {
        self + -y
    }
}

impl Mul for Wide {
    type Output = Self;
    fn mul(self, y: Self) -> Self {
        let main = product(self.high, y.high);
        sum(main.high, main.low + (self.high * y.low + self.low * y.high))
    }
}

impl Div for Wide {
    type Output = Self;
    fn div(self, y: Self) -> Self {
        let first = self.high / y.high;
        let rest = self - y * first.into();
        let second = rest.high / y.high;
        let last = (rest - y * second.into()).high / y.high;
        sum(first, second) + last.into()
    }
}

impl Wide {
    fn sqrt(self) -> Self {
        let root = self.high.sqrt();
        if root == 0.0 || !root.is_finite() {
            return root.into();
        }
        Self::from(root) + (self - product(root, root)) / (2.0 * root).into()
    }

    /// e^x − 1 for |x| < 0.4, by halving the argument eight times.
    fn expm1_small(self) -> Self {
        let x = self * (1.0 / 256.0).into();
        let mut sum = Self::from(0.0);
        for k in (1..=12).rev() {
            sum = (x + x * sum) / f64::from(k).into();
        }
        // e^2x − 1 = y² + 2y
        (0..8).fold(sum, |y, _| y * y + y + y)
    }

    /// m and n with e^x = m · 2ⁿ.
    fn exp_parts(self) -> (Self, i32) {
        let n = (self.high / LN_2.high).round_ties_even();
        let r = self - LN_2 * n.into();
        (r.expm1_small() + 1.0.into(), n as i32)
    }

    fn times_power(self, n: i32) -> Self {
        let half = 2.0_f64.powi(n / 2);
        let rest = 2.0_f64.powi(n - n / 2);
        Self { high: self.high * half * rest, low: self.low * half * rest }
    }

    pub(super) fn exp(self) -> Self {
        if self.high.abs() > 750.0 {
            return (if self.high > 0.0 { f64::INFINITY } else { 0.0 }).into();
        }
        let (m, n) = self.exp_parts();
        m.times_power(n)
    }

    pub(super) fn expm1(self) -> Self {
        if self.is_tiny() {
            self
        } else if self.high.abs() < 0.35 {
            self.expm1_small()
        } else if self.high > 100.0 {
            self.exp()
        } else {
            self.exp() - 1.0.into()
        }
    }

    /// Whether x² is nothing beside x; the low half of so small a number is none.
    fn is_tiny(self) -> bool {
        self.high.abs() < 1e-200
    }

    pub(super) fn exp2(self) -> Self {
        let bounded = self.high.clamp(-2000.0, 2000.0);
        (Self { high: bounded, ..self } * LN_2).exp()
    }

    /// One step of Newton's method from the answer of `std`.
    pub(super) fn ln_1p(self) -> Self {
        if self.is_tiny() {
            return self;
        }
        let start = self.high.ln_1p();
        let back = (-Self::from(start)).expm1();
        Self::from(start) + (self + back + self * back)
    }

    pub(super) fn ln(self) -> Self {
        // Brought near 1 by a power of 2, so that what Newton's step subtracts is small.
        let n = self.high.log2().round() as i32;
        let x = self.times_power(-n);
        let start = x.high.ln();
        let back = (-Self::from(start)).expm1();
        Self::from(start) + ((x - 1.0.into()) + x * back) + LN_2 * f64::from(n).into()
    }

    pub(super) fn log2(self) -> Self {
        self.ln() / LN_2
    }

    pub(super) fn log10(self) -> Self {
        self.ln() / LN_10
    }

    pub(super) fn tanh(self) -> Self {
        if self.high.abs() > 40.0 {
            return self.high.signum().into();
        }
        if self.is_tiny() {
            return self;
        }
        let y = (self + self).expm1();
        y / (y + 2.0.into())
    }

    pub(super) fn sinh(self) -> Self {
        if self.high.abs() > 300.0 {
            let half = (Self { high: self.high.abs(), low: self.low * self.high.signum() } - LN_2).exp();
            return if self.high > 0.0 { half } else { -half };
        }
        if self.is_tiny() {
            return self;
        }
        let y = self.expm1();
        (y + y / (y + 1.0.into())) * 0.5.into()
    }

    pub(super) fn cosh(self) -> Self {
        if self.high.abs() > 300.0 {
            return if self.high > 0.0 { self.sinh() } else { -self.sinh() };
        }
        let y = self.exp();
        (y + Self::from(1.0) / y) * 0.5.into()
    }

    pub(super) fn sigmoid(self) -> Self {
        if self.high < -300.0 { self.exp() } else { Self::from(1.0) / ((-self).exp() + 1.0.into()) }
    }

    pub(super) fn softplus(self) -> Self {
        if self.high > 300.0 {
            self
        } else if self.high > 0.0 {
            self + (-self).exp().ln_1p()
        } else {
            self.exp().ln_1p()
        }
    }

    /// Sine and cosine, by their series after a reduction to ±π/4.
    fn turn(self) -> (Self, Self) {
        let n = (self.high / FRAC_PI_2[0]).round_ties_even();
        let r = FRAC_PI_2.iter().fold(self, |r, &part| r - product(n, part));
        let (mut sin, mut cos) = (Self::from(0.0), Self::from(0.0));
        let square = r * r;
        for k in (0..15).rev() {
            let k = f64::from(2 * k);
            sin = Self::from(1.0) - square * sin / ((k + 2.0) * (k + 3.0)).into();
            cos = Self::from(1.0) - square * cos / ((k + 1.0) * (k + 2.0)).into();
        }
        sin = sin * r;
        match (n as i64).rem_euclid(4) {
            0 => (sin, cos),
            1 => (cos, -sin),
            2 => (-sin, -cos),
            _ => (-cos, sin),
        }
    }

    pub(super) fn sin(self) -> Self {
        self.turn().0
    }

    pub(super) fn cos(self) -> Self {
        self.turn().1
    }

    pub(super) fn tan(self) -> Self {
        let (sin, cos) = self.turn();
        sin / cos
    }

    /// One step of Newton's method, where the sine is steep; half angles elsewhere.
    pub(super) fn asin(self) -> Self {
        if self.high < 0.0 {
            return -(-self).asin();
        }
        if self.high > 0.6 {
            return right_angle() - (self.missing().asin() * 2.0.into());
        }
        let start = Self::from(self.high.asin());
        let (sin, cos) = start.turn();
        start + (self - sin) / cos
    }

    /// √((1 − x)/2), the sine of half the angle whose cosine is x.
    fn missing(self) -> Self {
        ((Self::from(1.0) - self) * 0.5.into()).sqrt()
    }

    pub(super) fn acos(self) -> Self {
        if self.high > 0.6 { self.missing().asin() * 2.0.into() } else { right_angle() - self.asin() }
    }

    pub(super) fn atan(self) -> Self {
        if self.high.abs() > 1.0 {
            let side = if self.high > 0.0 { right_angle() } else { -right_angle() };
            return side - (Self::from(1.0) / self).atan();
        }
        let start = Self::from(self.high.atan());
        let (sin, cos) = start.turn();
        start + (self * cos - sin) * cos
    }

    pub(super) fn atan2(self, x: Self) -> Self {
        let (down, behind) = (self.high < 0.0, x.high < 0.0);
        let (across, along) = (if down { -self } else { self }, if behind { -x } else { x });
        let steep = across.high > along.high;
        let angle = if steep { right_angle() - (along / across).atan() } else { (across / along).atan() };
        let angle = if behind { right_angle() * 2.0.into() - angle } else { angle };
        if down { -angle } else { angle }
    }

    pub(super) fn asinh(self) -> Self {
        if self.high < 0.0 {
            return -(-self).asinh();
        }
        if self.high > 1e100 {
            return self.ln() + LN_2;
        }
        let square = self * self;
        (self + square / ((square + 1.0.into()).sqrt() + 1.0.into())).ln_1p()
    }

    pub(super) fn acosh(self) -> Self {
        if self.high > 1e100 {
            return self.ln() + LN_2;
        }
        let above = self - 1.0.into();
        (above + (above * (above + 2.0.into())).sqrt()).ln_1p()
    }

    pub(super) fn atanh(self) -> Self {
        if self.high < 0.0 {
            return -(-self).atanh();
        }
        ((self + self) / (Self::from(1.0) - self)).ln_1p() * 0.5.into()
    }

    /// 2/√π e^−x² Σ 2ᵏ x²ᵏ⁺¹/(2k + 1)!!, whose terms are all positive.
    pub(super) fn erf(self) -> Self {
        if self.high.abs() > 7.0 {
            return self.high.signum().into();
        }
        let square = self * self;
        let (mut term, mut sum) = (self, self);
        for k in 1..400 {
            if term.high.abs() < sum.high.abs() * 1e-35 {
                break;
            }
            term = term * square * 2.0.into() / f64::from(2 * k + 1).into();
            sum = sum + term;
        }
        sum * FRAC_2_SQRT_PI * (-square).exp()
    }

    /// 1 − erf x, and its continued fraction where that would cancel.
    pub(super) fn erfc(self) -> Self {
        if self.high < 3.5 {
            return Self::from(1.0) - self.erf();
        }
        let x = Self::from(self.high.min(30.0));
        let fraction = (1..300).rev().fold(x, |below, k| x + Self::from(f64::from(k) * 0.5) / below);
        (-(x * x)).exp() * FRAC_2_SQRT_PI * 0.5.into() / fraction
    }

    pub(super) fn pow(self, y: Self) -> Self {
        let odd = y.high % 2.0 != 0.0;
        let size = (Self { high: self.high.abs(), low: self.low }.ln() * y).exp();
        if self.high < 0.0 && odd { -size } else { size }
    }

    pub(super) fn hypot(self, y: Self) -> Self {
        let scale = Self::from(2.0_f64.powi(-(self.high.abs().max(y.high.abs()).log2() as i32).clamp(-1000, 1000)));
        let (a, b) = (self * scale, y * scale);
        (a * a + b * b).sqrt() / scale
    }
}

/// Values to thirty digits, from mpmath 1.3 with 70 digits.
#[test]
fn the_reference_agrees_with_mpmath() {
    let expected = [
        (Wide::exp as fn(Wide) -> Wide, 1.25, 3.490_342_957_461_841_4, -4.604_261_945_372_796e-17),
        (Wide::ln, 0.1875, -1.673_976_433_571_671_6, 3.856_976_002_116_402e-17),
        (Wide::sin, 100.5, -0.030_959_966_783_271_346, 8.320_928_549_434_447e-19),
        (Wide::erf, 0.625, 0.623_240_882_188_418, -2.701_681_683_613_529_7e-17),
        (Wide::erfc, 2.0, 0.004_677_734_981_047_266, -3.879_423_832_664_125_6e-19),
        (Wide::erfc, 5.5, 7.357_847_917_974_398e-15, -2.241_070_937_563_479_3e-31),
        (Wide::expm1, 0.007_812_5, 0.007_843_097_206_447_977, 6.611_915_286_438_626e-19),
        (Wide::asin, 0.625, 0.675_131_532_937_031_7, -5.931_934_973_320_855e-18),
        (Wide::atan, 2.5, 1.190_289_949_682_531_7, 7.683_333_629_842_069e-17),
        (Wide::acosh, 1.25, LN_2.high, LN_2.low),
        (Wide::ln_1p, -0.007_812_5, -0.007_843_177_461_025_893, -2.764_708_154_124_904e-19),
    ];
    for (f, x, high, low) in expected {
        let got = f(x.into());
        let off = (got - Wide { high, low }).high.abs();
        assert!(off < high.abs() * 1e-26, "{x}: {got:?} is off by {off:e}");
    }
}
