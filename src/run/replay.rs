//! Running a recording again with other data.

use ndarray::{ArrayBase, ArrayD, Data, Dimension};
use smallvec::SmallVec;

use crate::real::Real;
use crate::shape::Shape;
use crate::tape::log::Id;
use crate::tape::sweeps::Ids;
use crate::tape::{Recorder, Recording, Var, expect_own};

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
    /// What does not depend on the given tensors is computed once and kept until the next recording; each further call with
    /// the same tensors and outputs runs a program over the rest.
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
        given.iter().map(|(var, _)| var).chain(outputs).for_each(|&var| expect_own("replay", live, var));
        let given: SmallVec<[(Id, &[T]); 8]> = given.iter().map(|&(var, data)| (var.id(), data)).collect();
        let wanted: Ids = outputs.iter().map(|var| var.id()).collect();
        let shapes: SmallVec<[Shape; 8]> = outputs.iter().map(|var| var.shape()).collect();
        let mut hand = |k: usize, values: &[T]| read(&shapes[k], values);
        if let Err(message) = live.runner_mut().replay(&mut live.log_mut(), live, &given, &wanted, &mut hand) {
            panic!("{message}");
        }
    }

    /// Computes and keeps what replays with some tensors given and others wanted take from the recording, and `also` these.
    #[track_caller]
    pub(crate) fn prepare(self, replays: &[(&[Id], &[Id])], also: &[Id]) {
        let live = self.live();
        if let Err(message) = live.runner_mut().prepare(&mut live.log_mut(), live, replays, also) {
            panic!("{message}");
        }
    }
}
