//! A recording: where data and parameters enter.

use std::fmt;

use ndarray::{ArrayD, ArrayRef, Dimension};

use super::core::Core;
use super::graph::Graph;
use super::input::Input;
use super::recorder::Recorder;
use super::var::Var;
use crate::kernel::lend::{self, Loan};
use crate::op::{Indices, Leaf};
use crate::params::{Buffer, Param};
use crate::real::{Real, Scalar};
use crate::shape::Lengths;

/// One recording of a tape: borrows the tape and the parameters (`'r`) and the data (`'d`) until its last use.
///
/// It has no destructor, so data made after it may be lent to it, and the loop of a training program borrows nothing
/// across steps.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let (params, mut tape) = (Params::<f64>::new(), Tape::new());
/// let step = tape.record(&params);
/// let data = vec![1.0, 2.0]; // younger than the recording that borrows it
/// assert_eq!(step.input(&data).sum().item(), 3.0);
/// ```
pub struct Recording<'r, 'd, T: Real> {
    loan: Loan<'r, 'd, Core<T>, T>,
}

/// A recording that owns its tape and can be run again as long as it is kept.
pub(crate) struct Standing<'d, T: Real> {
    tape: lend::Standing<'d, Core<T>, T>,
}

impl<'d, T: Real> Standing<'d, T> {
    pub(super) fn new(tape: lend::Standing<'d, Core<T>, T>) -> Self {
        Self { tape }
    }

    /// The recording.
    pub(crate) fn recording(&self) -> Recording<'_, 'd, T> {
        Recording::new(self.tape.loan())
    }
}

/// A `Copy` handle of a recording, as helper functions and closures take it: `fn penalty<'t>(step: Step<'t, '_, f32>, …)`.
///
/// Passing `&step` where `step` is a [`Recording`] makes one. `'t` is the lifetime of the recording's [`Var`]s, `'d` that
/// of the data that may be lent.
pub type Step<'t, 'd, T> = &'t Recording<'t, 'd, T>;

impl<'t, T: Real> From<&'t Recording<'_, '_, T>> for Recorder<'t, T> {
    fn from(recording: &'t Recording<'_, '_, T>) -> Self {
        recording.recorder()
    }
}

impl<'r, 'd, T: Real> Recording<'r, 'd, T> {
    pub(super) fn new(loan: Loan<'r, 'd, Core<T>, T>) -> Self {
        Self { loan }
    }

    /// The part that does not need to know the lifetime of the data.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// fn range<'t>(step: Recorder<'t, f64>, end: f64) -> Var<'t, f64> {
    ///     step.scalar(end) - step.ones([2])
    /// }
    ///
    /// let (params, mut tape) = (Params::new(), Tape::new());
    /// assert_eq!(range(tape.record(&params).recorder(), 3.0).value(), array![2.0, 2.0].into_dyn());
    /// ```
    #[inline]
    pub fn recorder(&self) -> Recorder<'_, T> {
        Recorder::new(self.loan.live())
    }

    /// Data, such as a batch: borrowed without a copy where the array is in standard layout, copied otherwise.
    ///
    /// # Panics
    ///
    /// If the rank is above 6.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let params = Params::<f64>::new();
    /// let mut tape = Tape::new();
    /// let step = tape.record(&params);
    /// let batch = array![[1.0, 2.0], [3.0, 4.0]];
    /// assert_eq!(step.input(&batch).sum().item(), 10.0);
    /// ```
    #[track_caller]
    pub fn input(&self, data: impl Input<'d, T>) -> Var<'_, T> {
        self.lend(Leaf::Input, data)
    }

    /// Data that is differentiated for but is no parameter; [`check`](crate::check) looks for these.
    ///
    /// # Panics
    ///
    /// If the rank is above 6.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let params = Params::<f64>::new();
    /// let mut tape = Tape::new();
    /// let step = tape.record(&params);
    /// let x = step.variable(&[3.0]);
    /// assert_eq!(x.square().sum().gradient(x).item(), 6.0);
    /// x.square().sum().check().assert(); // a check finds its variables
    /// ```
    #[track_caller]
    pub fn variable(&self, data: impl Input<'d, T>) -> Var<'_, T> {
        self.lend(Leaf::Variable, data)
    }

    #[track_caller]
    fn lend(&self, leaf: Leaf, data: impl Input<'d, T>) -> Var<'_, T> {
        let recorder = self.recorder();
        let id = recorder.array(leaf, data.tensor_shape());
        let place = recorder.live().count();
        let mut log = recorder.live().log_mut();
        let target = log.last_array();
        let lent = data.lend(&mut target.owned);
        target.lent = lent.is_some().then_some(place);
        drop(log);
        if let Some(slice) = lent {
            self.loan.lend(slice);
        }
        Var::new(recorder, id)
    }

    /// A learned tensor of the store.
    ///
    /// # Panics
    ///
    /// If the handle is of another store.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let w = params.add("w", [2], || 3.0);
    /// let mut tape = Tape::new();
    /// let step = tape.record(&params);
    /// assert_eq!(step.param(w).sum().item(), 6.0);
    /// ```
    #[inline]
    #[track_caller]
    pub fn param(&self, param: Param) -> Var<'_, T> {
        self.recorder().param(param)
    }

    /// A tensor of the store that is not learned.
    ///
    /// # Panics
    ///
    /// If the handle is of another store.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let mean = params.add_buffer("mean", [2], || 0.5);
    /// let mut tape = Tape::new();
    /// assert_eq!(tape.record(&params).buffer(mean).sum().item(), 1.0);
    /// ```
    #[track_caller]
    pub fn buffer(&self, buffer: Buffer) -> Var<'_, T> {
        self.recorder().buffer(buffer)
    }

    /// Data that is copied, from any lifetime.
    ///
    /// # Panics
    ///
    /// If the rank is above 6.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let (params, mut tape) = (Params::<f64>::new(), Tape::new());
    /// let step = tape.record(&params);
    /// let x = step.constant(&array![1.0, 2.0]); // a temporary: `input` could not borrow it so long
    /// assert_eq!(x.square().sum().item(), 5.0);
    /// ```
    #[track_caller]
    pub fn constant<D: Dimension>(&self, data: &ArrayRef<T, D>) -> Var<'_, T> {
        self.recorder().constant(data)
    }

    /// A number that may be another one at the next recording without changing the program.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let (params, mut tape) = (Params::<f64>::new(), Tape::new());
    /// for temperature in [1.0, 0.5, 0.25] {
    ///     let step = tape.record(&params);
    ///     assert_eq!((step.input(&[3.0]) / step.scalar(temperature)).item(), 3.0 / temperature);
    /// }
    /// assert_eq!(tape.plans(), 1);
    /// ```
    #[track_caller]
    pub fn scalar(&self, x: impl Scalar) -> Var<'_, T> {
        self.recorder().scalar(x)
    }

    /// A tensor of this shape with every element `x`.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let params = Params::<f64>::new();
    /// let mut tape = Tape::new();
    /// let step = tape.record(&params);
    /// assert_eq!(step.full([2, 3], 0.5).sum().item(), 3.0);
    /// ```
    #[track_caller]
    pub fn full(&self, shape: impl Lengths, x: impl Scalar) -> Var<'_, T> {
        self.recorder().full(shape, x)
    }

    /// A tensor of zeros.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let (params, mut tape) = (Params::<f64>::new(), Tape::new());
    /// assert_eq!(tape.record(&params).zeros([2]).value(), array![0.0, 0.0].into_dyn());
    /// ```
    #[track_caller]
    pub fn zeros(&self, shape: impl Lengths) -> Var<'_, T> {
        self.recorder().zeros(shape)
    }

    /// A tensor of ones.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let (params, mut tape) = (Params::<f64>::new(), Tape::new());
    /// assert_eq!(tape.record(&params).ones([2, 3]).sum().item(), 6.0);
    /// ```
    #[track_caller]
    pub fn ones(&self, shape: impl Lengths) -> Var<'_, T> {
        self.recorder().ones(shape)
    }

    /// One row for each label: 1 in the column of the label, 0 elsewhere.
    ///
    /// # Panics
    ///
    /// If a label is not below `classes`.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let params = Params::<f64>::new();
    /// let mut tape = Tape::new();
    /// let step = tape.record(&params);
    /// let rows = step.one_hot(&[1, 0], 3);
    /// assert_eq!(rows.value(), array![[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]].into_dyn());
    /// ```
    #[track_caller]
    pub fn one_hot(&self, labels: impl Indices, classes: usize) -> Var<'_, T> {
        self.recorder().one_hot(labels, classes)
    }

    /// The recording so far as a graph: what is computed together for what was read of it, and where values stand.
    ///
    /// [`Display`](fmt::Display) lists it, [`dot`](Graph::dot) draws it.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let (params, mut tape) = (Params::<f64>::new(), Tape::new());
    /// let step = tape.record(&params);
    /// let y = step.input(&[1.0, 2.0]).square().sum();
    /// assert!(step.graph().to_string().contains("not planned")); // before anything is read
    /// let _ = y.item();
    /// assert!(step.graph().to_string().contains("0 fused"), "{}", step.graph());
    /// ```
    #[must_use]
    pub fn graph(&self) -> Graph {
        self.recorder().live().graph()
    }

    /// Several values at once, in one run.
    ///
    /// # Panics
    ///
    /// If one is of another recording.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let params = Params::<f64>::new();
    /// let mut tape = Tape::new();
    /// let step = tape.record(&params);
    /// let x = step.input(&[2.0]);
    /// let both = step.values(&[x.square(), x.exp()]); // in one run
    /// assert_eq!((both[0][[0]], both[1][[0]]), (4.0, 2.0_f64.exp()));
    /// ```
    #[track_caller]
    pub fn values(&self, vars: &[Var<'_, T>]) -> Vec<ArrayD<T>> {
        self.recorder().values(vars)
    }

    /// Whether this recording is for training.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let (params, mut tape) = (Params::<f64>::new(), Tape::new());
    /// assert!(!tape.record(&params).is_training());
    /// assert!(tape.train(&params, 7).is_training());
    /// ```
    #[must_use]
    pub fn is_training(&self) -> bool {
        self.recorder().is_training()
    }
}

impl<T: Real> fmt::Debug for Recording<'_, '_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.recorder().fmt(f)
    }
}

impl<T: Real> fmt::Display for Recording<'_, '_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        super::listing::write(&self.recorder().live().log(), f)
    }
}
