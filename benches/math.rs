//! What elementary functions cost, beside those of `std`, and how exact they are.
//!
//! ```text
//! cargo bench --bench math                 nanoseconds per element, and how many times as fast as a loop over `std`
//! cargo bench --bench math -- --sweep      the largest error over all f32 numbers there are, in units in the last place
//! cargo bench --bench math -- --sweep exp  of one function
//! ```
//!
//! Functions are reached as ops of a recording, of whose result one element is read; what that costs is in the figures, a few
//! hundredths of a nanosecond per element.

use std::hint::black_box;
use std::ops::Range;
use std::time::Instant;

use gradus::prelude::*;

/// Elements of a tensor: few enough to stay in the cache.
const N: usize = 4096;

/// An op for both types, and the same by `std` in `f64`, of one number or of two.
struct Row {
    name: &'static str,
    single: for<'t> fn(Var<'t, f32>, Var<'t, f32>) -> Var<'t, f32>,
    double: for<'t> fn(Var<'t, f64>, Var<'t, f64>) -> Var<'t, f64>,
    std_single: fn(&[f32], &[f32], &mut [f32]),
    std_double: fn(&[f64], &[f64], &mut [f64]),
    /// Where it is timed.
    domain: Range<f64>,
    operands: usize,
}

macro_rules! rows {
    ($($name:ident($x:ident $(, $y:ident)?) in $domain:expr, $value:expr;)+) => {
        vec![$({
            #[allow(unused_variables, reason = "most functions have one operand")]
            fn plain<T: Real>(x: &[T], y: &[T], out: &mut [T]) {
                for ((out, &$x), &second) in out.iter_mut().zip(x).zip(y) {
                    $(let $y = second;)?
                    *out = $value;
                }
            }
            Row {
                name: stringify!($name),
                single: |$x, _second| $x.$name($({ let $y = _second; $y })?),
                double: |$x, _second| $x.$name($({ let $y = _second; $y })?),
                std_single: plain,
                std_double: plain,
                domain: $domain,
                operands: 1 $(+ { let _ = stringify!($y); 1 })?,
            }
        }),+]
    };
}

fn erfc<T: Real>(x: T) -> T {
    T::of(libm::erfc(x.as_f64()))
}

fn sigmoid<T: Real>(x: T) -> T {
    if x >= T::zero() { T::one() / (T::one() + (-x).exp()) } else { x.exp() / (T::one() + x.exp()) }
}

fn softplus<T: Real>(x: T) -> T {
    x.max(T::zero()) + (-x.abs()).exp().ln_1p()
}

fn table() -> Vec<Row> {
    rows! {
        maximum(x, y) in -4.0..4.0, if x >= y || x.is_nan() { x } else { y };
        relu(x) in -4.0..4.0, if x <= T::zero() { T::zero() } else { x };
        sqrt(x) in 0.1..4.0, x.sqrt();
        rsqrt(x) in 0.1..4.0, T::one() / x.sqrt();
        round(x) in -4.0..4.0, T::of(x.as_f64().round_ties_even());
        exp(x) in -4.0..4.0, x.exp();
        exp2(x) in -4.0..4.0, x.exp2();
        expm1(x) in -4.0..4.0, x.exp_m1();
        ln(x) in 0.1..4.0, x.ln();
        ln_1p(x) in -0.9..4.0, x.ln_1p();
        log2(x) in 0.1..4.0, x.log2();
        log10(x) in 0.1..4.0, x.log10();
        sin(x) in -4.0..4.0, x.sin();
        cos(x) in -4.0..4.0, x.cos();
        tan(x) in -4.0..4.0, x.tan();
        asin(x) in -1.0..1.0, x.asin();
        acos(x) in -1.0..1.0, x.acos();
        atan(x) in -4.0..4.0, x.atan();
        sinh(x) in -4.0..4.0, x.sinh();
        cosh(x) in -4.0..4.0, x.cosh();
        tanh(x) in -4.0..4.0, x.tanh();
        asinh(x) in -4.0..4.0, x.asinh();
        acosh(x) in 1.0..4.0, x.acosh();
        atanh(x) in -1.0..1.0, x.atanh();
        erf(x) in -4.0..4.0, T::of(libm::erf(x.as_f64()));
        erfc(x) in -4.0..4.0, erfc(x);
        sigmoid(x) in -4.0..4.0, sigmoid(x);
        softplus(x) in -4.0..4.0, softplus(x);
        gelu(x) in -4.0..4.0, x * T::of(0.5) * erfc(x * T::of(-std::f64::consts::FRAC_1_SQRT_2));
        silu(x) in -4.0..4.0, x * sigmoid(x);
        mish(x) in -4.0..4.0, x * softplus(x).tanh();
        pow(x, y) in 0.1..4.0, x.powf(y);
        atan2(x, y) in -4.0..4.0, x.atan2(y);
        hypot(x, y) in -4.0..4.0, x.hypot(y);
    }
}

/// Seconds of the median of several runs.
fn median(mut run: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..21)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64()
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Nanoseconds per element of an op, and of a loop over `std`.
fn measure<T: Real>(
    op: for<'t> fn(Var<'t, T>, Var<'t, T>) -> Var<'t, T>,
    std: fn(&[T], &[T], &mut [T]),
    domain: &Range<f64>,
    by_std: bool,
) -> f64 {
    let width = domain.end - domain.start;
    let x: Array1<T> = (0..N).map(|i| T::of(domain.start + (i * 7 % N) as f64 / N as f64 * width)).collect();
    let y: Array1<T> = (0..N).map(|i| T::of((i * 11 % N) as f64 / N as f64 * 2.0 + 0.5)).collect();
    let mut out = Array1::from_elem(N, T::zero());
    let seconds = if by_std {
        let (x, y, out) = (x.as_slice().unwrap(), y.as_slice().unwrap(), out.as_slice_mut().unwrap());
        median(|| std(black_box(x), black_box(y), out))
    } else {
        let (params, mut tape) = (Params::new(), Tape::new());
        median(|| {
            let step = tape.record(&params);
            black_box(op(step.input(&x), step.input(&y)).index_axis(0, 0).item());
        })
    };
    black_box(&out);
    seconds / N as f64 * 1e9
}

fn speed() {
    println!("{:10} {:>9} {:>9} {:>7} {:>10} {:>9} {:>7}", "ns/element", "f32", "std", "ratio", "f64", "std", "ratio");
    for row in table() {
        let single = [false, true].map(|std| measure(row.single, row.std_single, &row.domain, std));
        let double = [false, true].map(|std| measure(row.double, row.std_double, &row.domain, std));
        println!(
            "{:10} {:9.3} {:9.3} {:6.1}x {:10.3} {:9.3} {:6.1}x",
            row.name,
            single[0],
            single[1],
            single[1] / single[0],
            double[0],
            double[1],
            double[1] / double[0]
        );
    }
}

/// The error in units in the last place of the exact result, `f64` standing for exact.
fn ulps(got: f32, want: f64) -> f64 {
    let near = f32::of(want);
    if near.is_nan() || got.is_nan() || near.is_infinite() || got.is_infinite() {
        let same = near == got || (near.is_nan() && got.is_nan());
        return if same { 0.0 } else { f64::INFINITY };
    }
    let size = near.abs();
    let unit = f64::from(f32::from_bits(size.to_bits() + 1)) - f64::from(size);
    let unit = if unit.is_finite() { unit } else { f64::from(size) - f64::from(f32::from_bits(size.to_bits() - 1)) };
    (f64::from(got) - want).abs() / unit
}

fn from_halves(high: u16, low: u16) -> f32 {
    f32::from_bits(u32::from(high) << 16 | u32::from(low))
}

/// Every pattern of bits through every function of one operand.
fn sweep(only: Option<&str>) {
    let rows = table().into_iter().filter(|row| row.operands == 1 && only.is_none_or(|name| name == row.name));
    for row in rows.filter(|row| !["gelu", "silu", "mish"].contains(&row.name) || only.is_some()) {
        let (params, mut tape) = (Params::new(), Tape::new());
        let (mut worst, mut at) = (0.0, 0.0);
        let (mut out, mut exact) = (Array1::from_elem(1 << 16, 0.0_f32), vec![0.0; 1 << 16]);
        for high in 0..=u16::MAX {
            let x: Array1<f32> = (0..=u16::MAX).map(|low| from_halves(high, low)).collect();
            let step = tape.record(&params);
            let x_var = step.input(&x);
            (row.single)(x_var, x_var).value_into(&mut out);
            let wide: Vec<f64> = x.iter().copied().map(f64::from).collect();
            (row.std_double)(&wide, &wide, &mut exact);
            for ((&x, &y), &exact) in x.iter().zip(&out).zip(&exact) {
                let error = ulps(y, exact);
                if error > worst {
                    (worst, at) = (error, x);
                }
            }
        }
        println!("{:10} {worst:6.3} at {at:e}", row.name);
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.first().map(String::as_str) {
        Some("--sweep") => sweep(arguments.get(1).map(String::as_str)),
        _ => speed(),
    }
}
