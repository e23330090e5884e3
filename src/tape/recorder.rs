//! What every tensor of a recording can reach: leaves, training mode, reading several values at once.

use std::fmt;
use std::panic::Location;

use ndarray::{ArrayD, ArrayRef, Dimension};

use super::Target;
use super::core::Live;
use super::log::{Id, Log, Place, split};
use super::var::{Var, expect_own};
use crate::kernel::random;
use crate::op::{Indices, Leaf, OneHot, Op};
use crate::params::{Buffer, Param};
use crate::real::{Real, Scalar};
use crate::shape::{Lengths, Shape};

/// The part of a recording that any [`Var`] of it can reach: everything but lending data.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let mut params = Params::<f64>::new();
/// let bias = params.add("bias", [2], || 1.0);
/// let mut tape = Tape::new();
/// let step = tape.record(&params);
/// let x = step.input(&[1.0, 2.0]);
/// let here = x.recording(); // where only a tensor is at hand
/// assert_eq!((x + here.param(bias) * here.ones([2])).sum().item(), 5.0);
/// ```
#[derive(Clone, Copy)]
pub struct Recorder<'t, T: Real> {
    live: &'t Live<T>,
}

impl<'t, T: Real> Recorder<'t, T> {
    #[inline]
    pub(crate) fn live(self) -> &'t Live<T> {
        self.live
    }

    #[inline]
    pub(crate) fn new(live: &'t Live<T>) -> Self {
        Self { live }
    }

    /// A learned tensor of the store; one instruction, however often it is asked for.
    ///
    /// # Panics
    ///
    /// If the handle is of another store.
    #[inline]
    #[track_caller]
    pub fn param(self, param: Param) -> Var<'t, T> {
        let id = self.live.log_mut().find_param(param, Location::caller());
        // No closures here and below: they would hide the caller's line.
        match id {
            Some(id) => Var::new(self, id),
            None => self.new_param(param),
        }
    }

    #[cold]
    #[track_caller]
    fn new_param(self, param: Param) -> Var<'t, T> {
        let shape = match self.live.log().layout().param(param) {
            Ok(slot) => slot.shape,
            Err(message) => panic!("param: {message}"),
        };
        self.store_leaf(Leaf::Parameter, param.index, &shape)
    }

    /// A tensor of the store that is not learned.
    ///
    /// # Panics
    ///
    /// If the handle is of another store.
    #[track_caller]
    pub fn buffer(self, buffer: Buffer) -> Var<'t, T> {
        let (shape, known) = {
            let log = self.live.log();
            match log.layout().buffer(buffer) {
                Ok(slot) => (slot.shape, log.buffer_id(buffer.index)),
                Err(message) => panic!("buffer: {message}"),
            }
        };
        match known {
            Some(id) => Var::new(self, id),
            None => self.store_leaf(Leaf::Buffer, buffer.index, &shape),
        }
    }

    #[track_caller]
    fn store_leaf(self, leaf: Leaf, index: u32, shape: &Shape) -> Var<'t, T> {
        let (op, inputs, place) = (Op::Leaf(leaf), [index, 0, 0], Location::caller());
        let mut log = self.live.log_mut();
        let id = match log.find_shaped(op, inputs, shape, place) {
            Some(id) => id,
            None => log.push(op, inputs, Some(shape), place).expect("a leaf takes any shape"),
        };
        log.set_leaf_id(leaf, index, id);
        Var::new(self, id)
    }

    /// Notes that a buffer is to become `value` with the next optimiser step, as running statistics do.
    ///
    /// The value travels in the gradient that `backward` fills. A later note for the same buffer replaces this one.
    ///
    /// # Panics
    ///
    /// If the handle is of another store or the shape is another.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let mean = params.add_buffer("mean", [], || 0.0);
    /// let w = params.add("w", [], || 4.0);
    /// let (mut tape, mut gradient) = (Tape::new(), params.gradient());
    /// let step = tape.record(&params);
    /// step.recorder().update(mean, step.param(w) * 0.5);
    /// step.param(w).backward(&mut gradient);
    /// Sgd::new(1.0).step(&mut params, &gradient);
    /// assert_eq!(params.buffer(mean)[[]], 2.0);
    /// ```
    #[track_caller]
    pub fn update(self, buffer: Buffer, value: Var<'t, T>) {
        expect_own("update", self.live, value);
        let mut log = self.live.log_mut();
        let slot = match log.layout().buffer(buffer) {
            Ok(slot) => slot.shape,
            Err(message) => panic!("update: {message}"),
        };
        let shape = *log.shape(value.id());
        assert!(slot == shape, "update: buffer `{}` has shape {slot}, the new value has {shape}", buffer.name());
        log.update(buffer.index, value.id());
    }

    /// The value a buffer will have after the next step: that of the last [`update`](Recorder::update), or the present one.
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
    /// let mean = params.add_buffer("mean", [], || 1.0);
    /// let mut tape = Tape::new();
    /// let step = tape.record(&params);
    /// let recorder = step.recorder();
    /// recorder.update(mean, recorder.pending(mean) * 2.0);
    /// recorder.update(mean, recorder.pending(mean) * 2.0); // goes on from the first
    /// assert_eq!((recorder.pending(mean).item(), recorder.buffer(mean).item()), (4.0, 1.0));
    /// ```
    #[track_caller]
    pub fn pending(self, buffer: Buffer) -> Var<'t, T> {
        let present = self.buffer(buffer);
        let update = self.live.log().updates().iter().find(|(index, _)| *index == buffer.index).map(|&(_, id)| id);
        update.map_or(present, |id| Var::new(self, id))
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
    /// // A helper has no recording at hand, but a tensor.
    /// fn weighted<'t>(x: Var<'t, f64>) -> Var<'t, f64> {
    ///     (x * x.recording().constant(&array![1.0, 10.0])).sum()
    /// }
    ///
    /// assert_eq!(grad(weighted, &array![2.0, 3.0]), array![1.0, 10.0]);
    /// ```
    #[track_caller]
    pub fn constant<D: Dimension>(self, data: &ArrayRef<T, D>) -> Var<'t, T> {
        let id = self.array(Leaf::Constant, Shape::try_new(data.shape()));
        let mut log = self.live.log_mut();
        log.sweeps.derive_impure();
        let target = log.last_array();
        target.lent = None;
        target.owned.clear();
        target.owned.extend(data.iter().copied());
        Var::new(self, id)
    }

    #[track_caller]
    pub(super) fn array(self, leaf: Leaf, shape: Result<Shape, String>) -> u32 {
        let place = Location::caller();
        let shape = match shape {
            Ok(shape) => shape,
            Err(message) => panic!("{}: {message}", Op::from(leaf).name()),
        };
        self.live.log_mut().push_array(leaf, &shape, place).expect("a leaf takes any shape")
    }

    /// A number that may be another one at the next recording without changing the program.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let (params, mut tape) = (Params::<f64>::new(), Tape::new());
    /// for rate in [0.1, 0.2] {
    ///     assert_eq!(tape.record(&params).recorder().scalar(rate).exp().item(), f64::exp(rate));
    /// }
    /// assert_eq!(tape.plans(), 1);
    /// ```
    #[inline]
    #[track_caller]
    pub fn scalar(self, x: impl Scalar) -> Var<'t, T> {
        let (bits, place) = (T::of(x.as_f64()).bits(), Location::caller());
        let mut log = self.live.log_mut();
        let id = match log.find_payload(Leaf::Scalar, bits, place) {
            Some(id) => id,
            None => push_scalar(&mut log, split(bits), place),
        };
        Var::new(self, id)
    }

    /// A number that is part of the program: another one is another program.
    #[inline]
    #[track_caller]
    pub(crate) fn literal(self, x: f64) -> Var<'t, T> {
        let (op, inputs, place) = (Op::Leaf(Leaf::Literal), split(T::of(x).bits()), Location::caller());
        let mut log = self.live.log_mut();
        let id = match log.find(op, inputs, place) {
            Some(id) => id,
            None => log.push(op, inputs, None, place).expect("a leaf takes any shape"),
        };
        Var::new(self, id)
    }

    #[track_caller]
    pub(crate) fn seed(self, seed: u64) -> Var<'t, T> {
        let place = Location::caller();
        let mut log = self.live.log_mut();
        log.sweeps.derive_impure();
        let id = match log.find_payload(Leaf::Seed, seed, place) {
            Some(id) => id,
            None => log.push(Op::Leaf(Leaf::Seed), split(seed), None, place).expect("a leaf takes any shape"),
        };
        Var::new(self, id)
    }

    /// Labels or positions, each below `bound`; `what` names the op and what they are, `near` what they belong to.
    #[track_caller]
    pub(crate) fn indices(
        self,
        what: &str,
        positions: impl ExactSizeIterator<Item = usize>,
        bound: usize,
        near: Option<Id>,
    ) -> Var<'t, T> {
        let place = Location::caller();
        let mut log = self.live.log_mut();
        log.sweeps.derive_impure();
        let count = positions.len();
        let id = log.push_indices(count, place).expect("a leaf takes any shape");
        let target = log.last_indices();
        target.clear();
        let mut wrong = None;
        for (at, position) in positions.enumerate() {
            match u32::try_from(position) {
                Ok(narrow) if position < bound => target.push(narrow),
                _ => {
                    wrong = Some((at, position));
                    break;
                }
            }
        }
        if let Some((at, position)) = wrong {
            let near = near.and_then(|id| super::listing::nearest_param(&log, &[id]));
            out_of_range(what, at, position, bound, near);
        }
        Var::new(self, id)
    }

    /// A tensor of this shape with every element `x`.
    #[track_caller]
    pub fn full(self, shape: impl Lengths, x: impl Scalar) -> Var<'t, T> {
        self.scalar(x).broadcast_to(Shape::asked_of("full", shape))
    }

    /// A tensor of zeros.
    #[track_caller]
    pub fn zeros(self, shape: impl Lengths) -> Var<'t, T> {
        self.literal(0.0).broadcast_to(Shape::asked_of("zeros", shape))
    }

    /// A tensor of ones.
    #[track_caller]
    pub fn ones(self, shape: impl Lengths) -> Var<'t, T> {
        self.literal(1.0).broadcast_to(Shape::asked_of("ones", shape))
    }

    /// One row for each label: 1 in the column of the label, 0 elsewhere.
    ///
    /// # Panics
    ///
    /// If a label is not below `classes`.
    #[track_caller]
    pub fn one_hot(self, labels: impl Indices, classes: usize) -> Var<'t, T> {
        let labels = labels.positions();
        let shape = Shape::from([labels.len(), classes]);
        let labels = self.indices("one_hot: label", labels, classes, None);
        labels.record_shaped(OneHot, [labels], &shape)
    }

    /// Whether this recording is for training.
    #[must_use]
    pub fn is_training(self) -> bool {
        self.live.log().training.is_some()
    }

    /// A seed for the next random op of this recording, if it is for training: a function of the recording's seed and
    /// the number of calls so far.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let (params, mut tape) = (Params::<f64>::new(), Tape::new());
    /// assert_eq!(tape.record(&params).recorder().next_seed(), None);
    /// let step = tape.train(&params, 7);
    /// assert_ne!(step.recorder().next_seed(), step.recorder().next_seed());
    /// ```
    #[must_use]
    pub fn next_seed(self) -> Option<u64> {
        let mut log = self.live.log_mut();
        let seed = log.training?;
        log.calls += 1;
        Some(random::fork(seed, log.calls))
    }

    /// Until the answer is dropped, instructions count as recorded at this line: that of a call whose layers stand behind
    /// a `dyn`, where the compiler loses it. The outermost such call wins.
    #[must_use]
    pub(crate) fn on_behalf_of(self, place: Place) -> OnBehalf<'t, T> {
        let mut log = self.live.log_mut();
        let before = log.caller();
        log.set_caller(before.or(Some(place)));
        OnBehalf { recorder: self, before }
    }

    /// Runs `f` while ops that refuse their operands have a result of NaN, or while they end the run.
    pub(crate) fn lenient<R>(self, lenient: bool, f: impl FnOnce() -> R) -> R {
        /// Sets it back, also when `f` panics.
        struct Before<'t, T: Real>(Recorder<'t, T>, bool);
        impl<T: Real> Drop for Before<'_, T> {
            fn drop(&mut self) {
                let mut log = self.0.live.log_mut();
                log.lenient = self.1;
                // What is NaN for want of an error must not be found when an error is due.
                if std::mem::take(log.passed_over.get_mut()) {
                    log.next_epoch();
                }
            }
        }
        let _before = Before(self, std::mem::replace(&mut self.live.log_mut().lenient, lenient));
        f()
    }

    /// Several values at once, in one run.
    ///
    /// # Panics
    ///
    /// If one is of another recording.
    #[track_caller]
    pub fn values(self, vars: &[Var<'_, T>]) -> Vec<ArrayD<T>> {
        let ids: Vec<_> = vars.iter().map(|var| var.id()).collect();
        for &var in vars {
            expect_own("values", self.live, var);
        }
        self.run(&ids);
        vars.iter().map(|var| var.value()).collect()
    }

    /// Computes these values.
    #[track_caller]
    pub(crate) fn run(self, ids: &[u32]) {
        self.run_into(ids, None);
    }

    /// Describes the first value on the way to these that is NaN or infinite, or that an op refuses to compute, if there is
    /// one.
    pub(crate) fn first_not_finite(self, vars: &[Var<'_, T>]) -> Option<String> {
        let ids: Vec<_> = vars.iter().map(|var| var.id()).collect();
        // What was computed before is computed again, to be looked at.
        self.live.log_mut().next_epoch();
        self.live.runner_mut().check_finite(true);
        let run = || self.live.runner_mut().run(&mut self.live.log_mut(), self.live, &ids, None);
        let result = self.lenient(false, run);
        self.live.runner_mut().check_finite(false);
        result.err()
    }

    /// Computes these values and writes the parts of a target.
    #[track_caller]
    pub(crate) fn run_into(self, ids: &[u32], target: Option<Target<'_, T>>) {
        let result = self.live.runner_mut().run(&mut self.live.log_mut(), self.live, ids, target);
        if let Err(message) = result {
            panic!("{message}");
        }
    }

    /// Hands a value to `f`.
    #[track_caller]
    pub(crate) fn read<R>(self, id: u32, f: impl FnOnce(&[T]) -> R) -> R {
        self.run(&[id]);
        f(self.live.runner().value(&self.live.log(), self.live, id))
    }
}

/// See [`Recorder::on_behalf_of`].
pub(crate) struct OnBehalf<'t, T: Real> {
    recorder: Recorder<'t, T>,
    before: Option<Place>,
}

impl<T: Real> Drop for OnBehalf<'_, T> {
    fn drop(&mut self) {
        self.recorder.live.log_mut().set_caller(self.before);
    }
}

#[cold]
fn push_scalar<T: Real>(log: &mut Log<T>, inputs: [u32; 3], place: Place) -> u32 {
    // In a derivative rule, numbers are part of the program.
    let leaf = if log.sweeps.deriving().is_some() { Leaf::Literal } else { Leaf::Scalar };
    log.push(Op::Leaf(leaf), inputs, None, place).expect("a leaf takes any shape")
}

#[cold]
#[track_caller]
fn out_of_range(what: &str, at: usize, position: usize, bound: usize, near: Option<&str>) -> ! {
    let range =
        if bound == 0 { "there is nothing to choose from".to_owned() } else { format!("expected 0 to {}", bound - 1) };
    let near = near.map_or_else(String::new, |name| format!("\n  near parameter `{name}`"));
    panic!("{what} {position} at position {at}: {range}{near}")
}

impl<T: Real> fmt::Debug for Recorder<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recording<{}>({} instructions)", T::NAME, self.live.log().len())
    }
}
