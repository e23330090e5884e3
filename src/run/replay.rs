//! Running a recording again with other data.

use ndarray::{ArrayBase, ArrayD, Data, Dimension};

use crate::real::Real;
use crate::shape::Shape;
use crate::tape::{Recorder, Recording, Var};

/// An array of any rank: what functions of several arrays take as `&[&a, &b]`.
pub trait Tensor<T> {
    /// The lengths of the axes.
    #[doc(hidden)]
    fn lengths(&self) -> &[usize];

    /// The elements in standard order.
    #[doc(hidden)]
    fn elements(&self) -> Vec<T>;
}

impl<T: Real, S: Data<Elem = T>, D: Dimension> Tensor<T> for ArrayBase<S, D> {
    fn lengths(&self) -> &[usize] {
        self.shape()
    }

    fn elements(&self) -> Vec<T> {
        self.iter().copied().collect()
    }
}

impl<T: Real> Recording<'_, '_, T> {
    /// Runs the recording again with other values at some of its tensors, and reads `outputs`.
    ///
    /// The instructions stay as they are, branches taken included; each tensor of `given` takes the given value instead of
    /// its own. Afterwards all is as before: the next read sees the recording's own data. Line searches, rows of a
    /// Hessian and gradient checks stand on this.
    ///
    /// # Panics
    ///
    /// If a shape is another or a tensor belongs to another recording.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let params = Params::<f64>::new();
    /// let mut tape = Tape::new();
    /// let step = tape.record(&params);
    /// let x = step.variable(&[1.0, 2.0]);
    /// let y = x.square().sum();
    /// let other = step.replay(&[(x, &array![3.0, 4.0])], &[y]);
    /// assert_eq!((other[0].sum(), y.item()), (25.0, 5.0));
    /// ```
    #[track_caller]
    pub fn replay(&self, given: &[(Var<'_, T>, &dyn Tensor<T>)], outputs: &[Var<'_, T>]) -> Vec<ArrayD<T>> {
        let recorder = self.recorder();
        let mut data = Vec::with_capacity(given.len());
        for (var, tensor) in given {
            let (own, other) = (var.shape(), tensor.lengths());
            if own != *other {
                var.fail("replay", &format!("the value has shape {other:?}, the tensor {own}"));
            }
            data.push((*var, tensor.elements()));
        }
        let given: Vec<_> = data.iter().map(|(var, elements)| (*var, &elements[..])).collect();
        let mut results = Vec::with_capacity(outputs.len());
        recorder.replay(&given, outputs, |shape, values| {
            results.push(ArrayD::from_shape_vec(&shape[..], values.to_vec()).expect("a value fills its shape"));
        });
        results
    }
}

impl<T: Real> Recorder<'_, T> {
    /// Runs again with values given in standard order, and hands each output to `read`.
    #[track_caller]
    pub(crate) fn replay(
        self,
        given: &[(Var<'_, T>, &[T])],
        outputs: &[Var<'_, T>],
        mut read: impl FnMut(&Shape, &[T]),
    ) {
        let live = self.live();
        assert!(
            !given.iter().map(|(var, _)| var).chain(outputs).any(|var| !std::ptr::eq(var.recording().live(), live)),
            "replay: a tensor of another recording"
        );
        let release = Release(self);
        for (var, data) in given {
            live.runner_mut().give(&mut live.log_mut(), var.id(), data);
        }
        let ids: Vec<_> = outputs.iter().map(|var| var.id()).collect();
        self.run(&ids);
        for output in outputs {
            read(&output.shape(), live.runner().value(&live.log(), live, output.id()));
        }
        drop(release);
    }
}

/// Takes the given values back, also when an op panics.
struct Release<'t, T: Real>(Recorder<'t, T>);

impl<T: Real> Drop for Release<'_, T> {
    fn drop(&mut self) {
        let live = self.0.live();
        live.runner_mut().release(&mut live.log_mut());
    }
}
