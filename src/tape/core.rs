//! What the handles of one recording share: the log and the runner.

use std::ops::Range;
use std::sync::Arc;

use super::graph::{Graph, Outline};
use super::log::{Id, Log};
use crate::kernel::guarded::{Exclusive, Guarded, Shared};
use crate::kernel::lend;
use crate::params::Layout;
use crate::real::Real;

/// A core while arrays are lent to it: what every handle of a recording points to.
pub(crate) type Live<T> = lend::Live<Core<T>, T>;

/// What a runner may use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Threads that may work at a time, the caller among them.
    pub(crate) threads: usize,
    /// Programs that are kept.
    pub(crate) programs: usize,
}

/// Where values are written as soon as they are computed: a flat gradient.
#[derive(Debug)]
pub(crate) struct Target<'a, T> {
    pub(crate) values: &'a mut [T],
    /// Which values go where; no two ranges overlap.
    pub(crate) parts: &'a [(Id, Range<usize>)],
}

/// Computes values. The interpreter above this layer does; the tape knows only what it has to ask.
pub(crate) trait Run<T: Real>: Send {
    /// Computes what these values need, and keeps them, and writes the parts of a target; an error where an op refuses its
    /// operands, or a value is not finite and that is checked.
    fn run(
        &mut self,
        log: &mut Log<T>,
        live: &Live<T>,
        wanted: &[Id],
        target: Option<Target<'_, T>>,
    ) -> Result<(), String>;

    /// A value that `run` computed in this recording.
    fn value<'a>(&'a self, log: &'a Log<T>, live: &'a Live<T>, id: Id) -> &'a [T];

    /// Computes values with others given instead of those of some positions, and hands them to `read` with their number;
    /// the values of the recording stay as they are.
    fn replay(
        &mut self,
        log: &mut Log<T>,
        live: &Live<T>,
        given: &[(Id, &[T])],
        wanted: &[Id],
        read: &mut dyn FnMut(usize, &[T]),
    ) -> Result<(), String>;

    /// Gets ready for replays, each of some given positions and wanted ones: computes and keeps what they take from the
    /// recording, and `also` these values, all in one run.
    fn prepare(
        &mut self,
        log: &mut Log<T>,
        live: &Live<T>,
        replays: &[(&[Id], &[Id])],
        also: &[Id],
    ) -> Result<(), String>;

    /// Sets whether a value that is not finite stops the run.
    fn check_finite(&mut self, check: bool);

    /// What is computed together in this recording, and where its values stand.
    fn outline(&self, log: &Log<T>) -> Outline;

    /// What the runner may use.
    fn limits(&mut self) -> &mut Limits;

    /// The number of programs that were planned so far.
    fn plans(&self) -> usize;

    /// How many times all programs that are kept go over memory.
    fn passes(&self) -> usize;

    /// The bytes of all tables, but for the values themselves.
    fn bytes(&self) -> usize;

    /// Gives all memory back.
    fn clear(&mut self);
}

pub(crate) struct Core<T: Real> {
    log: Guarded<Log<T>>,
    runner: Guarded<Box<dyn Run<T>>>,
}

impl<T: Real> Core<T> {
    pub(super) fn new(log: Log<T>, runner: Box<dyn Run<T>>) -> Self {
        Self { log: Guarded::new(log), runner: Guarded::new(runner) }
    }

    #[inline]
    pub(crate) fn log(&self) -> Shared<'_, Log<T>> {
        self.log.borrow()
    }

    #[inline]
    pub(crate) fn log_mut(&self) -> Exclusive<'_, Log<T>> {
        self.log.borrow_mut()
    }

    pub(crate) fn runner(&self) -> Shared<'_, Box<dyn Run<T>>> {
        self.runner.borrow()
    }

    pub(crate) fn runner_mut(&self) -> Exclusive<'_, Box<dyn Run<T>>> {
        self.runner.borrow_mut()
    }

    pub(super) fn begin(&mut self, layout: &Arc<Layout>, training: Option<u64>) {
        self.log.get_mut().begin(layout, training);
    }

    pub(super) fn graph(&self) -> Graph {
        let log = self.log();
        Graph::new(&log, self.runner().outline(&log))
    }

    pub(super) fn set_eager(&mut self, eager: bool) {
        self.log.get_mut().set_eager(eager);
    }

    pub(super) fn set_lenient(&mut self) {
        self.log.get_mut().lenient = true;
    }

    pub(super) fn check_finite(&mut self, check: bool) {
        self.runner.get_mut().check_finite(check);
    }

    pub(super) fn limits(&mut self) -> &mut Limits {
        self.runner.get_mut().limits()
    }

    pub(super) fn shrink(&mut self) {
        self.log.get_mut().clear_marks();
        self.runner.get_mut().clear();
    }

    pub(super) fn clear(&mut self) {
        let before = self.log.get_mut();
        let (eager, lenient) = (before.is_eager(), before.lenient);
        let mut log = Log::new();
        log.set_eager(eager);
        log.lenient = lenient;
        *before = log;
        self.runner.get_mut().clear();
    }
}
