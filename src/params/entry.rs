//! What a store shows of one tensor.

use ndarray::ArrayD;

use super::array;
use crate::real::Real;
use crate::shape::Shape;

/// One named tensor of a store, as [`Params::iter`](super::Params::iter) shows it.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let mut params = Params::<f64>::new();
/// params.add("layer.weight", [1, 2], || 0.5);
/// params.freeze(|_| true);
/// let gradus::Entry { name, shape, values, frozen } = params.iter().next().unwrap();
/// assert_eq!((name, shape, values, frozen), ("layer.weight", Shape::from([1, 2]), &[0.5, 0.5][..], true));
/// ```
#[derive(Clone, Debug)]
pub struct Entry<'a, T> {
    /// The path, such as `mlp.0.weight`.
    pub name: &'static str,
    /// The shape.
    pub shape: Shape,
    /// The values in standard order.
    pub values: &'a [T],
    /// Whether it is left as it is by optimisers.
    pub frozen: bool,
}

/// An owned copy, for files and messages.
impl<T: Real> Entry<'_, T> {
    /// The values as an array of their shape.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// params.add("w", [1, 2], || 0.5);
    /// assert_eq!(params.iter().next().unwrap().to_array(), array![[0.5, 0.5]].into_dyn());
    /// ```
    #[must_use]
    pub fn to_array(&self) -> ArrayD<T> {
        array(self.shape, self.values).to_owned()
    }
}
