//! The tape: what records, what is recorded, and handles to it.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use crate::kernel::lend::Lender;
use crate::params::Params;
use crate::real::Real;

mod callers;
pub(crate) mod cons;
mod core;
mod input;
mod listing;
pub(crate) mod log;
mod recorder;
mod recording;
pub(crate) mod shapes;
pub(crate) mod sweeps;
mod var;

pub(crate) use self::core::{Core, Live, Run};
pub use input::Input;
pub(crate) use listing::line;
pub use recorder::Recorder;
pub use recording::{Recording, Step};
pub use var::Var;

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
    pub fn record<'r, 'd>(&'r mut self, params: &'r Params<T>) -> Recording<'r, 'd, T> {
        self.start(params, None)
    }

    /// Starts a recording for training: dropout drops, batch normalisation uses the batch and updates its statistics.
    ///
    /// All that is random in it follows from `seed`; the number of the step is a good one.
    pub fn train<'r, 'd>(&'r mut self, params: &'r Params<T>, seed: u64) -> Recording<'r, 'd, T> {
        self.start(params, Some(seed))
    }

    fn start<'r, 'd>(&'r mut self, params: &'r Params<T>, training: Option<u64>) -> Recording<'r, 'd, T> {
        let lender = self.lender();
        lender.state_mut().begin(params.layout(), training);
        Recording::new(lender.open([params.flat(), params.flat_buffers()]))
    }

    /// Whether each op is computed as soon as it is recorded, for debugging: errors then appear at the line that caused
    /// them. The values are the same to the bit.
    pub fn eager(&mut self, eager: bool) {
        self.lender().state_mut().set_eager(eager);
    }

    /// Whether reading a value panics at the first NaN or infinity, naming the op that produced it, its source line and
    /// its operands.
    pub fn check_finite(&mut self, check: bool) {
        self.lender().state_mut().check_finite(check);
    }

    /// The number of instructions of the last recording, those of its derivatives included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.with(|core| core.log().len())
    }

    /// Whether nothing was recorded yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes that instructions take, all tables included but for the values themselves.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.with(|core| core.log().bytes() + core.runner().bytes())
    }

    /// Gives all memory back; the next recording starts from nothing.
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
