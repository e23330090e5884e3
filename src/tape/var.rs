//! A handle of one value of a recording.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use ndarray::{ArrayD, ArrayRef, Dimension};

use super::Target;
use super::core::Live;
use super::log::{Id, Place, Side};
use super::recorder::Recorder;
use crate::axes::{Axes, Axis, AxisSet, resolve_axis};
use crate::op::custom::CustomOp;
use crate::op::{Arithmetic, Op};
use crate::params::{Buffer, Param};
use crate::real::{Real, Scalar};
use crate::shape::{Lengths, Shape};

/// A tensor of a recording: a small `Copy` handle. Ops on it record instructions; reading it computes.
///
/// All of an op's shapes are checked when it is recorded, at the line that records it. `T` is `f32` or `f64`.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let params = Params::<f64>::new();
/// let mut tape = Tape::new();
/// let step = tape.record(&params);
/// let x = step.input(&[1.0, 2.0]);
/// let y = (x * x + 1.0).sum(); // recorded
/// assert_eq!(y.item(), 7.0); // computed
/// ```
#[derive(Clone, Copy)]
pub struct Var<'t, T: Real> {
    live: &'t Live<T>,
    id: Id,
}

impl<'t, T: Real> Var<'t, T> {
    #[inline]
    pub(crate) fn new(recorder: Recorder<'t, T>, id: Id) -> Self {
        Self { live: recorder.live(), id }
    }

    #[inline]
    pub(crate) fn id(self) -> Id {
        self.id
    }

    /// Another value of the same recording.
    #[inline]
    pub(crate) fn at(self, id: Id) -> Self {
        Self { live: self.live, id }
    }

    #[inline]
    pub(crate) fn live(self) -> &'t Live<T> {
        self.live
    }

    /// The recording that this tensor belongs to.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let params = Params::<f64>::new();
    /// let mut tape = Tape::new();
    /// let step = tape.record(&params);
    /// let x = step.input(&[1.0, 2.0]);
    /// let mask = x.recording().ones([2]);
    /// assert_eq!((x * mask).sum().item(), 3.0);
    /// ```
    #[inline]
    #[must_use]
    pub fn recording(self) -> Recorder<'t, T> {
        Recorder::new(self.live)
    }

    /// The lengths of the axes.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let params = Params::<f64>::new();
    /// let mut tape = Tape::new();
    /// let step = tape.record(&params);
    /// let x = step.constant(&array![[1.0, 2.0, 3.0]]);
    /// assert_eq!((x.shape(), x.sum_axis(1).shape()), ([1, 3].into(), [1].into()));
    /// ```
    #[must_use]
    pub fn shape(self) -> Shape {
        *self.live.log().shape(self.id)
    }

    // ---- recording -------------------------------------------------------------------------------------------------

    /// Records an op of these operands.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn record<const N: usize>(self, op: impl Into<Op>, operands: [Self; N]) -> Self {
        let op = op.into();
        self.check_recording(op, &operands);
        self.record_with(op, inputs(operands))
    }

    /// Records an op of these operands whose shape is an argument.
    #[inline]
    #[track_caller]
    pub(crate) fn record_shaped<const N: usize>(self, op: impl Into<Op>, operands: [Self; N], shape: &Shape) -> Self {
        let op = op.into();
        self.check_recording(op, &operands);
        self.record_with_shape(op, inputs(operands), shape)
    }

    /// Records an op of this tensor and a number on one side of it, which may be another one at the next recording.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn record_beside(self, op: Arithmetic, side: Side, x: impl Scalar) -> Self {
        let (bits, place) = (T::of(x.as_f64()).bits(), Location::caller());
        let found = self.live.log_mut().find_beside_scalar(op.into(), self.id, side, bits, place);
        match found {
            Some(id) => self.at(id),
            None => self.at(self.record_apart(op, side, x.as_f64())),
        }
    }

    #[cold]
    #[track_caller]
    fn record_apart(self, op: Arithmetic, side: Side, x: f64) -> Id {
        self.record(op, side.order(self.scalar(x), self)).id
    }

    /// Records an op with the inputs of its instruction as they are.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn record_with(self, op: impl Into<Op>, inputs: [u32; 3]) -> Self {
        let (op, place) = (op.into(), Location::caller());
        let found = self.live.log_mut().find(op, inputs, place);
        match found {
            Some(id) => self.at(id),
            // One by one: an array would be built in memory, also for a hit.
            None => self.at(self.record_anew(op, inputs[0], inputs[1], inputs[2], place)),
        }
    }

    #[inline]
    #[track_caller]
    pub(crate) fn record_with_shape(self, op: impl Into<Op>, inputs: [u32; 3], shape: &Shape) -> Self {
        let (op, place) = (op.into(), Location::caller());
        let found = self.live.log_mut().find_shaped(op, inputs, shape, place);
        match found {
            Some(id) => self.at(id),
            None => self.at(self.push(op, inputs, Some(shape), place)),
        }
    }

    #[cold]
    #[track_caller]
    fn record_anew(self, op: Op, a: u32, b: u32, c: u32, place: Place) -> Id {
        self.push(op, [a, b, c], None, place)
    }

    #[cold]
    #[track_caller]
    fn push(self, op: Op, inputs: [u32; 3], given: Option<&Shape>, place: Place) -> Id {
        let result = self.live.log_mut().push(op, inputs, given, place);
        match result {
            Ok(id) => {
                self.recorded(id);
                id
            }
            Err(message) => self.fail_near(op.name(), &message, &inputs[..op.arity()]),
        }
    }

    /// Records an op of any number of operands.
    #[track_caller]
    pub(crate) fn record_list(
        self,
        op: impl Into<Op>,
        operands: &[Self],
        custom: Option<Arc<dyn CustomOp<T>>>,
    ) -> Self {
        let op = op.into();
        self.check_recording(op, operands);
        let ids: Vec<_> = operands.iter().map(|operand| operand.id).collect();
        let result = self.live.log_mut().push_list(op, &ids, custom, Location::caller());
        match result {
            Ok(id) => {
                self.recorded(id);
                self.at(id)
            }
            Err(message) => self.fail_near(op.name(), &message, &ids),
        }
    }

    #[track_caller]
    fn recorded(self, id: Id) {
        if self.live.log().is_eager() {
            self.recording().run(&[id]);
        }
    }

    #[inline(always)]
    #[track_caller]
    fn check_recording(self, op: Op, operands: &[Self]) {
        if let Some(&other) = operands.iter().find(|operand| !std::ptr::eq(operand.live, self.live)) {
            two_recordings(op.name(), self, other);
        }
    }

    // ---- leaves beside this tensor ---------------------------------------------------------------------------------

    /// A learned tensor of the store, in this tensor's recording.
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
    /// let x = step.input(&[1.0, 2.0]);
    /// assert_eq!(x.param(w).dot(x).item(), 9.0); // a layer needs nothing but its input
    /// ```
    #[inline]
    #[track_caller]
    pub fn param(self, param: Param) -> Self {
        self.recording().param(param)
    }

    /// A tensor of the store that is not learned, in this tensor's recording.
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
    /// let scale = params.add_buffer("scale", [2], || 10.0);
    /// let mut tape = Tape::new();
    /// let step = tape.record(&params);
    /// let x = step.input(&[1.0, 2.0]);
    /// assert_eq!((x * x.buffer(scale)).sum().item(), 30.0);
    /// ```
    #[track_caller]
    pub fn buffer(self, buffer: Buffer) -> Self {
        self.recording().buffer(buffer)
    }

    /// Data that is copied, from any lifetime, in this tensor's recording.
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
    /// let weights = array![1.0, 10.0];
    /// assert_eq!(grad(|x| (x * x.constant(&weights)).sum(), &array![0.0, 0.0]), weights);
    /// ```
    #[track_caller]
    pub fn constant<D: Dimension>(self, data: &ArrayRef<T, D>) -> Self {
        self.recording().constant(data)
    }

    /// A number in this tensor's recording. It may be another one next time without changing the program.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// // Numbers beside an operator become scalars by themselves; this is for where a `Var` is asked for.
    /// assert_eq!(grad(|x| x.scalar(2.0).pow(x).sum(), &array![0.0]), array![2.0_f64.ln()]);
    /// ```
    #[inline]
    #[track_caller]
    pub fn scalar(self, x: impl Scalar) -> Self {
        self.recording().scalar(x)
    }

    #[inline]
    #[track_caller]
    pub(crate) fn literal(self, x: f64) -> Self {
        self.recording().literal(x)
    }

    #[track_caller]
    pub(crate) fn seed(self, seed: u64) -> Self {
        self.recording().seed(seed)
    }

    #[track_caller]
    pub(crate) fn indices(self, what: &str, positions: impl ExactSizeIterator<Item = usize>, bound: usize) -> Self {
        self.recording().indices(what, positions, bound, Some(self.id))
    }

    // ---- reading ---------------------------------------------------------------------------------------------------

    /// The value, as an array of its own.
    ///
    /// Reading computes what the value needs and nothing else, once in a recording; it changes no other value, and the
    /// recording goes on.
    ///
    /// # Panics
    ///
    /// With [`check_finite`](crate::Tape::check_finite), if a value on the way is NaN or infinite; if an op on the way has
    /// no result for its operands, such as the inverse of a singular matrix.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let params = Params::<f64>::new();
    /// let mut tape = Tape::new();
    /// let step = tape.record(&params);
    /// let y = step.input(&[1.0, 2.0]).square();
    /// assert_eq!(y.value(), array![1.0, 4.0].into_dyn());
    /// ```
    #[must_use]
    #[track_caller]
    pub fn value(self) -> ArrayD<T> {
        let shape = self.shape();
        self.recording()
            .read(self.id, |data| ArrayD::from_shape_vec(&shape[..], data.to_vec()).expect("a value fills its shape"))
    }

    /// Writes the value into an array of the same shape.
    ///
    /// # Panics
    ///
    /// If the shape is another.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let params = Params::<f64>::new();
    /// let mut tape = Tape::new();
    /// let step = tape.record(&params);
    /// let mut out = Array1::zeros(2);
    /// step.input(&[1.0, 2.0]).square().value_into(&mut out);
    /// assert_eq!(out, array![1.0, 4.0]);
    /// ```
    #[track_caller]
    pub fn value_into<D: Dimension>(self, out: &mut ArrayRef<T, D>) {
        let shape = self.shape();
        if shape != *out.shape() {
            self.fail("value_into", &format!("the array has shape {:?}, the value {shape}", out.shape()));
        }
        let recorder = self.recording();
        match out.as_slice_mut() {
            // What is computed for this alone is computed in its place.
            Some(values) => {
                let parts = [(self.id, 0..values.len())];
                recorder.run_into(&[], Some(Target { values, parts: &parts }));
            }
            None => recorder.read(self.id, |data| out.iter_mut().zip(data).for_each(|(to, &from)| *to = from)),
        }
    }

    /// The value of a tensor with one element, as a plain number.
    ///
    /// # Panics
    ///
    /// If there is not exactly one element.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let params = Params::<f64>::new();
    /// let mut tape = Tape::new();
    /// let step = tape.record(&params);
    /// let mut x = step.input(&[8.0]);
    /// let mut halvings = 0;
    /// while x.item() > 1.0 {
    ///     x = x * 0.5; // control flow may look at values
    ///     halvings += 1;
    /// }
    /// assert_eq!(halvings, 3);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn item(self) -> T {
        let shape = self.shape();
        if shape.size() != 1 {
            self.fail(
                "item",
                &format!(
                    "{shape} has {} elements, not one\n  help: read an array with `value()`, or reduce it first",
                    shape.size()
                ),
            );
        }
        self.recording().read(self.id, |data| data[0])
    }

    // ---- help for ops ----------------------------------------------------------------------------------------------

    /// The op and the inputs of the instruction that made this tensor.
    pub(crate) fn instruction(self) -> (Op, [u32; 3]) {
        let log = self.live.log();
        let entry = log.entry(self.id);
        (entry.op, entry.inputs)
    }

    /// The product of a cotangent with a slope, for derivative rules: [weighed](Var::weigh) where the cotangent of the
    /// rule that runs is 0 for what was not chosen.
    #[track_caller]
    pub(crate) fn times(self, slope: Self) -> Self {
        if self.live.log().sweeps.is_masked() { self.weigh(slope) } else { self * slope }
    }

    /// The quotient of a cotangent, for derivative rules: 0 where the cotangent is 0 for what was not chosen.
    #[track_caller]
    pub(crate) fn divided(self, divisor: Self) -> Self {
        if self.live.log().sweeps.is_masked() { self.over(divisor) } else { self / divisor }
    }

    #[inline]
    #[track_caller]
    pub(crate) fn expect_shape(self, op: &str, shape: impl Lengths) -> Shape {
        match Shape::try_new(shape.lengths()) {
            Ok(shape) => shape,
            Err(message) => self.fail(op, &message),
        }
    }

    #[track_caller]
    pub(crate) fn expect_axis(self, op: &str, axis: impl Axis) -> usize {
        match resolve_axis(axis.signed(), &self.shape()) {
            Ok(axis) => axis,
            Err(message) => self.fail(op, &message),
        }
    }

    #[track_caller]
    pub(crate) fn expect_axes(self, op: &str, axes: &impl Axes) -> AxisSet {
        match axes.resolve(&self.shape()) {
            Ok(set) => set,
            Err(message) => self.fail(op, &message),
        }
    }

    /// Panics at the line that called the op: `op: message`.
    #[cold]
    #[track_caller]
    pub(crate) fn fail(self, op: &str, message: &str) -> ! {
        self.fail_near(op, message, &[self.id])
    }

    #[cold]
    #[track_caller]
    fn fail_near(self, op: &str, message: &str, operands: &[Id]) -> ! {
        // A line inside a layer helps nobody: the nearest parameter tells which layer it is.
        let (near, caller) = {
            let log = self.live.log();
            (super::listing::nearest_param(&log, operands), log.caller())
        };
        let near = near.map_or_else(String::new, |name| format!("\n  near parameter `{name}`"));
        let caller = caller.map_or_else(String::new, |place| format!("\n  called from {place}"));
        panic!("{op}: {message}{near}{caller}");
    }
}

/// Operands as the inputs of an instruction. Built without a loop, so that it stays in registers: a detour through
/// memory costs more than all the rest of a hit.
#[inline(always)]
fn inputs<T: Real, const N: usize>(operands: [Var<'_, T>; N]) -> [u32; 3] {
    let input = |k: usize| if k < N { operands[k].id } else { 0 };
    [input(0), input(1), input(2)]
}

/// Panics, naming a tensor of each recording.
#[cold]
#[track_caller]
pub(crate) fn two_recordings<T: Real>(op: &str, one: Var<'_, T>, other: Var<'_, T>) -> ! {
    let line = |var: Var<'_, T>| super::listing::line(&var.live.log(), var.id);
    panic!(
        "{op}: the operands belong to two recordings\n  {}\n  {}\n  help: take values over as data, with `input` or `constant`",
        line(one),
        line(other)
    )
}

/// Refuses a tensor that is not of this recording.
#[track_caller]
pub(crate) fn expect_own<T: Real>(op: &str, live: &Live<T>, var: Var<'_, T>) {
    let instruction = || super::listing::line(&var.live.log(), var.id);
    assert!(
        std::ptr::eq(var.live(), live),
        "{op}: a tensor of another recording\n  {}\n  help: ask the recording that it is of, or take its value over as data, with `input` or `constant`",
        instruction()
    );
}

impl<T: Real> fmt::Debug for Var<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Var(%{} = {} : {}{})", self.id, self.instruction().0.name(), T::NAME, self.shape())
    }
}
