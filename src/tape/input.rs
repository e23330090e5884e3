//! What can be lent to a recording.

use ndarray::{ArrayBase, ArrayView, Data, Dimension};

use crate::real::Real;
use crate::shape::Shape;

/// An array to lend to a recording: a reference to one, a view, or a vector or slice as one axis.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let (params, mut tape) = (Params::<f64>::new(), Tape::new());
/// let (matrix, list) = (array![[1.0, 2.0], [3.0, 4.0]], vec![5.0, 6.0]);
/// let step = tape.record(&params);
/// assert_eq!(step.input(&matrix).shape().rank(), 2);
/// assert_eq!(step.input(matrix.t()).value(), array![[1.0, 3.0], [2.0, 4.0]].into_dyn()); // a view, copied
/// assert_eq!(step.input(&list).value(), array![5.0, 6.0].into_dyn());
/// ```
pub trait Input<'d, T> {
    /// The shape, or why there is none.
    #[doc(hidden)]
    fn tensor_shape(&self) -> Result<Shape, String>;

    /// The elements in standard order, if they can be lent; a copy of them otherwise.
    #[doc(hidden)]
    fn lend(self, copy: &mut Vec<T>) -> Option<&'d [T]>;
}

impl<'d, T: Real, D: Dimension> Input<'d, T> for ArrayView<'d, T, D> {
    fn tensor_shape(&self) -> Result<Shape, String> {
        Shape::try_new(self.shape())
    }

    fn lend(self, copy: &mut Vec<T>) -> Option<&'d [T]> {
        if !self.is_standard_layout() {
            copy.clear();
            copy.extend(self.iter().copied());
            return None;
        }
        self.to_slice()
    }
}

impl<'d, T: Real, S: Data<Elem = T>, D: Dimension> Input<'d, T> for &'d ArrayBase<S, D> {
    fn tensor_shape(&self) -> Result<Shape, String> {
        Shape::try_new(self.shape())
    }

    fn lend(self, copy: &mut Vec<T>) -> Option<&'d [T]> {
        self.view().lend(copy)
    }
}

impl<'d, T: Real> Input<'d, T> for &'d [T] {
    fn tensor_shape(&self) -> Result<Shape, String> {
        Shape::try_new(&[self.len()])
    }

    fn lend(self, _: &mut Vec<T>) -> Option<&'d [T]> {
        Some(self)
    }
}

impl<'d, T: Real> Input<'d, T> for &'d Vec<T> {
    fn tensor_shape(&self) -> Result<Shape, String> {
        Shape::try_new(&[self.len()])
    }

    fn lend(self, _: &mut Vec<T>) -> Option<&'d [T]> {
        Some(self)
    }
}

impl<'d, T: Real, const N: usize> Input<'d, T> for &'d [T; N] {
    fn tensor_shape(&self) -> Result<Shape, String> {
        Shape::try_new(&[N])
    }

    fn lend(self, _: &mut Vec<T>) -> Option<&'d [T]> {
        Some(self)
    }
}
