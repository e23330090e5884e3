//! Sample points, operand layouts, and running a case.

use std::ops::Range;

use gradus::prelude::*;
use rand::RngExt;

/// A function of several tensors.
pub(crate) type Function = for<'a, 't> fn(&'a [Var<'t, f64>]) -> Var<'t, f64>;

/// Numbers from a range, none near one of the kinks.
pub(crate) fn sample(shape: &[usize], domain: &Range<f64>, kinks: &[f64], rng: &mut StdRng) -> ArrayD<f64> {
    ArrayD::from_shape_simple_fn(shape, || {
        loop {
            let x = rng.random_range(domain.clone());
            if kinks.iter().all(|kink| (x - kink).abs() > 0.05) {
                return x;
            }
        }
    })
}

/// How an operand comes to lie in memory before the op sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Layout {
    Standard,
    Transposed,
    Sliced,
    Reversed,
}

impl Layout {
    pub(crate) const ALL: [Layout; 4] = [Layout::Standard, Layout::Transposed, Layout::Sliced, Layout::Reversed];

    /// The array from which `view` makes this one.
    pub(crate) fn source(self, x: &ArrayD<f64>) -> ArrayD<f64> {
        match self {
            Layout::Standard => x.clone(),
            Layout::Transposed => x.clone().reversed_axes(),
            Layout::Reversed => {
                let mut reversed = x.clone();
                (0..x.ndim()).for_each(|axis| reversed.invert_axis(ndarray::Axis(axis)));
                reversed
            }
            Layout::Sliced => {
                // Every second element of a tensor twice as long along each axis; what lies between must not matter.
                let lengths: Vec<_> = x.shape().iter().map(|n| 2 * n).collect();
                ArrayD::from_shape_fn(lengths, |index| {
                    let half: Vec<_> = (0..x.ndim()).map(|axis| index[axis] / 2).collect();
                    let between = (0..x.ndim()).any(|axis| index[axis] % 2 == 1);
                    if between { 1e3 } else { x[&half[..]] }
                })
            }
        }
    }

    pub(crate) fn view<'t>(self, x: Var<'t, f64>) -> Var<'t, f64> {
        let rank = x.shape().rank();
        match self {
            Layout::Standard => x,
            Layout::Transposed => x.permute(&(0..rank).rev().collect::<Vec<_>>()),
            Layout::Reversed => x.flip(&(0..rank).collect::<Vec<_>>()[..]),
            Layout::Sliced => {
                let every_second = ndarray::SliceInfoElem::Slice { start: 0, end: None, step: 2 };
                x.slice(vec![every_second; rank])
            }
        }
    }
}

/// The value of a function of arrays.
pub(crate) fn evaluate(
    f: impl for<'a, 't> Fn(&'a [Var<'t, f64>]) -> Var<'t, f64>,
    inputs: &[ArrayD<f64>],
) -> ArrayD<f64> {
    let params = Params::new();
    let mut tape = Tape::new();
    let step = tape.record(&params);
    let vars: Vec<_> = inputs.iter().map(|x| step.constant(x)).collect();
    f(&vars).value()
}

pub(crate) fn tensors(inputs: &[ArrayD<f64>]) -> Vec<&dyn gradus::Tensor<f64>> {
    inputs.iter().map(|x| x as &dyn gradus::Tensor<f64>).collect()
}

/// Whether two arrays agree to a relative error; NaN and infinities must stand in the same places.
pub(crate) fn assert_close(what: &str, found: &ArrayD<f64>, expected: &ArrayD<f64>, tolerance: f64) {
    assert_eq!(found.shape(), expected.shape(), "{what}: shape");
    for (index, (&a, &b)) in found.iter().zip(expected).enumerate() {
        let close = a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= tolerance * a.abs().max(b.abs()).max(1e-3);
        assert!(close, "{what}: element {index} is {a}, expected {b}");
    }
}
