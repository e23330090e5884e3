//! The dense layer.

use rand::Rng;

use super::{Init, Layer};
use crate::params::{Param, Params};
use crate::real::Real;
use crate::tape::Var;

/// Dense layer y = x·W + b.
///
/// | | shape |
/// |---|---|
/// | x | `[…, in]` |
/// | weight | `[in, out]` |
/// | bias | `[out]` |
/// | y | `[…, out]` |
///
/// The weight starts Glorot uniform (Glorot, Bengio 2010), which suits any layer whose activation it does not know; the
/// bias starts at 0. (PyTorch draws both uniform in ±1/√in.) Other values: [`with_init`](Linear::with_init), or
/// `params.value_mut(linear.weight)`.
///
/// # Panics
///
/// `forward` panics if the last axis of x is not `in`.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let mut params = Params::<f64>::new();
/// let line = Linear::new(&mut params, "line", 2, 1, &mut StdRng::seed_from_u64(7));
/// params.value_mut(line.weight).assign(&array![[1.0], [10.0]]);
/// let (mut tape, x) = (Tape::new(), array![[3.0, 4.0]]);
/// let step = tape.record(&params);
/// assert_eq!(line.forward(step.input(&x)).item(), 43.0);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Linear {
    /// W, `[in, out]`, named `….weight`.
    pub weight: Param,
    /// b, `[out]`, named `….bias`.
    pub bias: Option<Param>,
}

impl Linear {
    /// Adds a weight and a bias to the store.
    ///
    /// # Panics
    ///
    /// If a width is 0 or a name is taken.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let (mut params, mut rng) = (Params::<f64>::new(), StdRng::seed_from_u64(7));
    /// let line = Linear::new(&mut params, "line", 3, 2, &mut rng);
    /// assert_eq!(params.value(line.weight).shape(), [3, 2]);
    /// assert_eq!(params.value(line.bias.unwrap()), array![0.0, 0.0].into_dyn());
    /// ```
    #[track_caller]
    pub fn new<T: Real>(
        params: &mut Params<T>,
        name: &str,
        inputs: usize,
        outputs: usize,
        rng: &mut (impl Rng + ?Sized),
    ) -> Self {
        Self::with_init(params, name, [inputs, outputs], Init::GlorotUniform, rng)
    }

    /// Adds a weight without a bias: for a layer that is followed by a normalisation, or whose weight is tied.
    ///
    /// # Panics
    ///
    /// If a width is 0 or the name is taken.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let (mut params, mut rng) = (Params::<f64>::new(), StdRng::seed_from_u64(7));
    /// let line = Linear::without_bias(&mut params, "line", 3, 2, &mut rng);
    /// assert_eq!((line.bias, params.len()), (None, 6));
    /// ```
    #[track_caller]
    pub fn without_bias<T: Real>(
        params: &mut Params<T>,
        name: &str,
        inputs: usize,
        outputs: usize,
        rng: &mut (impl Rng + ?Sized),
    ) -> Self {
        let weight = weight(params, name, [inputs, outputs], Init::GlorotUniform, rng);
        Self { weight, bias: None }
    }

    /// Adds a weight that is drawn as stated, `widths` being `[in, out]`, and a bias of 0.
    ///
    /// # Panics
    ///
    /// If a width is 0 or a name is taken.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let (mut params, mut rng) = (Params::<f32>::new(), StdRng::seed_from_u64(7));
    /// let layer = Linear::with_init(&mut params, "head", [4, 2], Init::Zeros, &mut rng);
    /// assert_eq!(params.value(layer.weight).sum(), 0.0);
    /// ```
    #[track_caller]
    pub fn with_init<T: Real>(
        params: &mut Params<T>,
        name: &str,
        widths: [usize; 2],
        init: Init,
        rng: &mut (impl Rng + ?Sized),
    ) -> Self {
        let weight = weight(params, name, widths, init, rng);
        let bias = params.add(&format!("{name}.bias"), [widths[1]], T::zero);
        Self { weight, bias: Some(bias) }
    }
}

#[track_caller]
fn weight<T: Real>(
    params: &mut Params<T>,
    name: &str,
    widths: [usize; 2],
    init: Init,
    rng: &mut (impl Rng + ?Sized),
) -> Param {
    let [inputs, outputs] = widths;
    assert!(
        inputs > 0 && outputs > 0,
        "linear `{name}`: {inputs} inputs and {outputs} outputs, expected at least one of each"
    );
    params.add_array(&format!("{name}.weight"), &init.array(widths, rng))
}

impl<T: Real> Layer<T> for Linear {
    #[track_caller]
    fn forward<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
        let weight = x.param(self.weight);
        match self.bias {
            Some(bias) => x.affine(weight, x.param(bias)),
            None => x.matmul(weight),
        }
    }
}
