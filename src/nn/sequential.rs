//! Layers one after the other.

use std::fmt;
use std::panic::Location;

use super::Layer;
use crate::real::Real;
use crate::tape::Var;

/// Layers and functions one after the other: y = fₙ(…f₂(f₁(x))).
///
/// `then` adds a layer, `map` a function. Without any it is the identity.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let (mut params, mut rng) = (Params::<f64>::new(), StdRng::seed_from_u64(7));
/// let net = Sequential::new()
///     .then(Linear::new(&mut params, "first", 4, 8, &mut rng))
///     .then(Activation::Gelu)
///     .then(Dropout::new(0.1))
///     .map(|x| 2.0 * x)
///     .then(Linear::new(&mut params, "second", 8, 1, &mut rng));
/// let mut tape = Tape::new();
/// let step = tape.record(&params);
/// assert_eq!(net.forward(step.input(&Array2::zeros((3, 4)))).shape(), [3, 1]);
/// ```
pub struct Sequential<T: Real> {
    layers: Vec<Box<dyn Layer<T> + Send + Sync>>,
}

/// A function as a layer.
struct Map<F>(F);

impl<T: Real, F: for<'t> Fn(Var<'t, T>) -> Var<'t, T>> Layer<T> for Map<F> {
    fn forward<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
        (self.0)(x)
    }
}

impl<T: Real> Sequential<T> {
    /// No layers yet.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let (params, mut tape) = (Params::<f64>::new(), Tape::new());
    /// let step = tape.record(&params);
    /// assert_eq!(Sequential::new().forward(step.input(&[3.0])).item(), 3.0); // without layers x passes through
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self { layers: Vec::new() }
    }

    /// The same with this layer behind it.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let (params, mut tape) = (Params::<f64>::new(), Tape::new());
    /// let net = Sequential::new().map(|x| x - 5.0).then(Activation::Relu);
    /// assert_eq!(net.forward(tape.record(&params).input(&[3.0, 7.0])).value(), array![0.0, 2.0].into_dyn());
    /// ```
    #[must_use]
    pub fn then(mut self, layer: impl Layer<T> + Send + Sync + 'static) -> Self {
        self.layers.push(Box::new(layer));
        self
    }

    /// The same with this function behind it, such as `|x| x.relu()` or one of [`functions`](crate::functions).
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::{functions, prelude::*};
    ///
    /// let (params, mut tape) = (Params::<f64>::new(), Tape::new());
    /// let net = Sequential::new().map(functions::square).map(|x| x + 1.0);
    /// assert_eq!(net.forward(tape.record(&params).input(&[3.0])).item(), 10.0);
    /// ```
    #[must_use]
    pub fn map(self, function: impl for<'t> Fn(Var<'t, T>) -> Var<'t, T> + Send + Sync + 'static) -> Self {
        self.then(Map(function))
    }

    /// The number of layers and functions.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// assert_eq!(Sequential::<f32>::new().then(Activation::Tanh).map(|x| 2.0 * x).len(), 2);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.layers.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }
}

impl<T: Real> Layer<T> for Sequential<T> {
    #[track_caller]
    fn forward<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
        let _here = x.recording().on_behalf_of(Location::caller());
        self.layers.iter().fold(x, |x, layer| layer.forward(x))
    }
}

impl<T: Real> Default for Sequential<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Real> fmt::Debug for Sequential<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sequential<{}>({} layers)", T::NAME, self.layers.len())
    }
}
