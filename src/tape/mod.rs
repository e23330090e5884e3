//! The tape: what records, what is recorded, and handles to it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::kernel::lend::Lender;
use crate::params::{Layout, Params};
use crate::real::Real;

mod callers;
pub(crate) mod cons;
mod core;
mod dot;
pub mod graph;
mod input;
mod listing;
pub(crate) mod log;
mod payload;
mod recorder;
mod recording;
pub(crate) mod shapes;
mod shelf;
pub(crate) mod sweeps;
mod var;

pub(crate) use self::core::{Core, Limits, Live, Run, Target};
pub use input::Input;
pub(crate) use listing::{line, name, nearest_param};
pub use recorder::Recorder;
pub(crate) use recording::Standing;
pub use recording::{Recording, Step};
pub use var::Var;
pub(crate) use var::{expect_own, two_recordings};

use graph::Graph;
use log::Log;

/// A list of instructions that is recorded, run, and found again.
///
/// [`record`](Tape::record) starts a recording that borrows the parameters and the data for one step. The tape keeps
/// instructions and buffers, so that recording and running the same thing again allocates nothing and costs a comparison
/// per instruction; where the program takes another turn, the first instruction that differs is noticed and the rest is
/// recorded anew.
///
/// Printing a tape ([`Display`](fmt::Display)) lists the last recording.
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
/// let y = (step.param(w) * step.input(&[1.0, 2.0])).sum();
/// assert_eq!(y.item(), 9.0);
/// assert!(tape.to_string().contains("%2 = mul %0 %1 : f64[2]"));
/// ```
pub struct Tape<T: Real> {
    /// Never locked while recording: `record` has the tape to itself. The lock makes the tape `Sync`.
    core: Mutex<Lender<Core<T>, T>>,
}

impl<T: Real> Tape<T> {
    /// A tape whose recordings this runner computes.
    pub(crate) fn with_runner(runner: Box<dyn Run<T>>) -> Self {
        Self { core: Mutex::new(Lender::new(Core::new(Log::new(), runner))) }
    }

    /// Starts a recording over these parameters.
    ///
    /// The returned [`Recording`] borrows the tape and the parameters; the borrow ends with its last use.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let w = params.add("w", [2], || 3.0);
    /// let mut tape = Tape::new();
    /// for batch in [[1.0, 2.0], [3.0, 4.0]] {
    ///     let step = tape.record(&params); // found again the second time
    ///     assert_eq!(step.param(w).dot(step.constant(&array![batch[0], batch[1]])).item(), 3.0 * (batch[0] + batch[1]));
    /// }
    /// ```
    pub fn record<'r, 'd>(&'r mut self, params: &'r Params<T>) -> Recording<'r, 'd, T> {
        self.start(params, None)
    }

    /// Starts a recording for training: dropout drops, batch normalisation uses the batch and updates its statistics.
    ///
    /// All that is random in it follows from `seed`; the number of the step is a good one.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let (params, mut tape) = (Params::<f64>::new(), Tape::new());
    /// let drop = Dropout::new(0.5);
    /// let ones = Array1::ones(100);
    /// let step = tape.train(&params, 7);
    /// assert_ne!(drop.forward(step.input(&ones)).value(), ones.clone().into_dyn());
    /// let step = tape.record(&params);
    /// assert_eq!(drop.forward(step.input(&ones)).value(), ones.clone().into_dyn());
    /// ```
    pub fn train<'r, 'd>(&'r mut self, params: &'r Params<T>, seed: u64) -> Recording<'r, 'd, T> {
        self.start(params, Some(seed))
    }

    /// Records once, for good, over the values of a store of this layout.
    pub(crate) fn stand<'d>(self, layout: &Arc<Layout>, values: [&'d [T]; 2]) -> Standing<'d, T> {
        let mut lender = self.core.into_inner().unwrap_or_else(PoisonError::into_inner);
        lender.state_mut().begin(layout, None);
        Standing::new(lender.stand(values))
    }

    fn start<'r, 'd>(&'r mut self, params: &'r Params<T>, training: Option<u64>) -> Recording<'r, 'd, T> {
        let lender = self.lender();
        lender.state_mut().begin(params.layout(), training);
        Recording::new(lender.open([params.flat(), params.flat_buffers()]))
    }

    /// Whether each op is computed as soon as it is recorded, for debugging: errors then appear at the line that caused
    /// them. The values are the same to the bit.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let (params, mut tape) = (Params::<f64>::new(), Tape::new());
    /// tape.eager(true);
    /// let y = tape.record(&params).input(&[2.0]).square().item(); // computed by `square`, read by `item`
    /// assert_eq!(y, 4.0);
    /// ```
    pub fn eager(&mut self, eager: bool) {
        self.lender().state_mut().set_eager(eager);
    }

    /// Whether reading a value, or a `backward`, panics at the first NaN or infinity: of a value or, where derivatives are
    /// asked for, of a value or a derivative, in the order of the recording.
    ///
    /// The message names the op, the line that recorded it (for a derivative, that of the op that is differentiated), the nearest parameter, the operands with their
    /// ranges, and shows the listing around it. What is not needed for what was read does not matter. All is computed op by
    /// op meanwhile, with the same bits, and slower.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::panic::{AssertUnwindSafe, catch_unwind};
    /// use gradus::prelude::*;
    ///
    /// let (params, mut tape) = (Params::<f64>::new(), Tape::new());
    /// tape.check_finite(true);
    /// let step = tape.record(&params);
    /// let y = step.input(&[-1.0]).ln();
    /// let message = catch_unwind(AssertUnwindSafe(|| y.item())).unwrap_err();
    /// assert!(message.downcast_ref::<String>().unwrap().contains("%1 = ln %0"));
    /// ```
    pub fn check_finite(&mut self, check: bool) {
        self.lender().state_mut().check_finite(check);
    }

    /// A tape on which an op that refuses its operands, such as the inverse of a singular matrix, has a result of NaN.
    #[must_use]
    pub(crate) fn lenient(mut self) -> Self {
        self.lender().state_mut().set_lenient();
        self
    }

    /// The number of instructions of the last recording, those of its derivatives included.
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
    /// let _ = step.param(w) + step.param(w); // a parameter is one instruction
    /// assert_eq!(tape.len(), 2);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.with(|core| core.log().len())
    }

    /// Whether nothing was recorded yet.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let (params, mut tape) = (Params::<f64>::new(), Tape::new());
    /// assert!(tape.is_empty());
    /// let _ = tape.record(&params).input(&[1.0]);
    /// assert!(!tape.is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes that instructions and programs take, all tables included but for the values themselves.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let (params, mut tape) = (Params::<f64>::new(), Tape::new());
    /// let bytes = [1, 2].map(|_| {
    ///     let _ = (0..1000).fold(tape.record(&params).input(&[1.0]), |x, _| x.sin());
    ///     tape.bytes()
    /// });
    /// assert_eq!(bytes[0], bytes[1]); // found again, not recorded again
    /// ```
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.with(|core| core.log().bytes() + core.runner().bytes())
    }

    /// How many threads may work for this tape at a time, the caller among them; 0 counts as 1. Without a limit by default.
    ///
    /// At most as many work as rayon's current pool has. The values do not depend on it.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let (params, x) = (Params::<f32>::new(), Array1::from_elem(1 << 17, 0.3));
    /// let sum = |threads| {
    ///     let mut tape = Tape::new();
    ///     tape.threads(threads);
    ///     tape.record(&params).input(&x).exp().sum().item()
    /// };
    /// assert_eq!(sum(1), sum(2));
    /// ```
    pub fn threads(&mut self, at_most: usize) {
        self.lender().state_mut().limits().threads = at_most.max(1);
    }

    /// How many programs are kept ready at a time; at the next one beyond, all are forgotten. By default 512; 0 counts as 1.
    ///
    /// A program is what is planned for one reading of values, or one `backward`; branches, batch sizes and sequence lengths
    /// each have their own.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let (params, data) = (Params::<f64>::new(), [1.0, 2.0, 3.0]);
    /// let plans = |limit| {
    ///     let mut tape = Tape::new();
    ///     tape.limit(limit);
    ///     for size in [2, 3, 2, 3, 2, 3] {
    ///         let _ = tape.record(&params).input(&data[..size]).exp().sum().item();
    ///     }
    ///     tape.plans()
    /// };
    /// assert_eq!((plans(1), plans(2)), (0, 2)); // with one, each size drives the other out before it comes again
    /// ```
    pub fn limit(&mut self, programs: usize) {
        self.lender().state_mut().limits().programs = programs.max(1);
    }

    /// The number of programs planned so far. In a loop it stops growing after the second pass over what differs; if it does
    /// not, the programs are not the same: shapes that are always others, or more branches than are kept.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let (params, mut tape) = (Params::<f64>::new(), Tape::new());
    /// for size in [2, 3, 2, 3, 2, 3] {
    ///     let _ = tape.record(&params).input(&[1.0, 2.0, 3.0][..size]).exp().sum().item();
    /// }
    /// assert_eq!(tape.plans(), 2); // one for each size
    /// ```
    #[must_use]
    pub fn plans(&self) -> usize {
        self.with(|core| core.runner().plans())
    }

    /// How many times all programs that are kept go over memory: what could be fused counts once, each instruction that is
    /// computed by itself counts once, numbers count for nothing. It tells what a step costs beside its arithmetic.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let (params, mut tape) = (Params::<f64>::new(), Tape::new());
    /// for _ in 0..3 {
    ///     let step = tape.record(&params);
    ///     let x = step.input(&[1.0, 2.0, 3.0]);
    ///     let y = ((x * 2.0).exp() + 1.0).sqrt().sum().item();
    ///     assert!((y - 30.463_218_483_777_12).abs() < 1e-12);
    /// }
    /// assert_eq!((tape.plans(), tape.passes()), (1, 1));
    /// ```
    #[must_use]
    pub fn passes(&self) -> usize {
        self.with(|core| core.runner().passes())
    }

    /// The last recording as a graph, with the groups that run as one and the memory of values; see
    /// [`Recording::graph`].
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let (params, mut tape) = (Params::<f64>::new(), Tape::new());
    /// let _ = tape.record(&params).input(&[1.0, 2.0]).exp().sum().item();
    /// assert_eq!(tape.graph().groups.len(), 1);
    /// ```
    #[must_use]
    pub fn graph(&self) -> Graph {
        self.with(Core::graph)
    }

    /// Gives back the memory of values and programs, and keeps the instructions.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let (params, mut tape) = (Params::<f64>::new(), Tape::new());
    /// let _ = tape.record(&params).input(&[1.0, 2.0]).exp().sum().item();
    /// let instructions = tape.len();
    /// tape.shrink();
    /// assert_eq!((tape.len(), tape.passes()), (instructions, 0)); // no program is left
    /// ```
    pub fn shrink(&mut self) {
        self.lender().state_mut().shrink();
    }

    /// Gives all memory back; the next recording starts from nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let (params, mut tape) = (Params::<f64>::new(), Tape::new());
    /// let _ = tape.record(&params).input(&[1.0, 2.0]).exp();
    /// tape.clear();
    /// assert!(tape.is_empty());
    /// ```
    pub fn clear(&mut self) {
        self.lender().state_mut().clear();
    }

    fn lender(&mut self) -> &mut Lender<Core<T>, T> {
        self.core.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<R>(&self, f: impl FnOnce(&Core<T>) -> R) -> R {
        f(self.core.lock().unwrap_or_else(PoisonError::into_inner).state())
    }
}

impl<T: Real> fmt::Display for Tape<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with(|core| listing::write(&core.log(), f))
    }
}

impl<T: Real> fmt::Debug for Tape<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tape<{}>({} instructions)", T::NAME, self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clearing_forgets_what_was_recorded_and_keeps_what_was_set() {
        let settings = |tape: &Tape<f64>| tape.with(|core| (core.log().lenient, core.log().is_eager()));
        let mut tape = Tape::new().lenient();
        tape.eager(true);
        tape.clear();
        assert_eq!(settings(&tape), (true, true));
        let mut plain = Tape::new();
        plain.clear();
        assert_eq!(settings(&plain), (false, false));
    }
}
