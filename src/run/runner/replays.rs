//! Replays: a recording runs again with other values at some of its positions.
//!
//! The program of a replay is planned at once and computes only what depends on what is given. The rest it takes from the
//! recording, for which that is a request like any other.

use std::mem;

use smallvec::SmallVec;

use super::{Runner, Sources};
use crate::kernel::simd::Element;
use crate::run::plan::{Workspace, root};
use crate::run::rerun::Rerun;
use crate::tape::log::{Id, Log};
use crate::tape::{Live, Run};

impl<T: Element> Runner<T> {
    /// Computes values with others given instead of the recording's own, and hands them to `read` with their number.
    pub(super) fn run_again(
        &mut self,
        log: &mut Log<T>,
        live: &Live<T>,
        given: &[(Id, &[T])],
        wanted: &[Id],
        read: &mut dyn FnMut(usize, &[T]),
    ) -> Result<(), String> {
        let ids: SmallVec<[Id; 16]> = given.iter().map(|&(id, _)| id).collect();
        let mut rerun = self.take_rerun(log, &ids, wanted);
        self.run_rerun(log, live, given, &mut rerun)?;
        for (k, &id) in wanted.iter().enumerate() {
            let root = root(log, id);
            let lent = given.iter().find(|(given, _)| *given == root).map(|(_, data)| *data);
            let computed = || rerun.program.slot(root).map(|slot| &rerun.own[slot.start..slot.start + slot.len]);
            read(k, lent.or_else(computed).unwrap_or_else(|| self.value(log, live, id)));
        }
        self.keep_rerun(rerun);
        Ok(())
    }

    /// Plans replays, each of some given positions and wanted ones, and computes all that they take from the recording, and
    /// `also` these, in one request.
    pub(super) fn prepare_replays(
        &mut self,
        log: &mut Log<T>,
        live: &Live<T>,
        replays: &[(&[Id], &[Id])],
        also: &[Id],
    ) -> Result<(), String> {
        let mut needed = also.to_vec();
        for (given, wanted) in replays {
            let rerun = self.take_rerun(log, given, wanted);
            needed.extend(rerun.held.iter().filter(|id| !given.contains(id)));
            self.keep_rerun(rerun);
        }
        needed.sort_unstable();
        needed.dedup();
        self.request(log, live, &needed, None, true)
    }

    /// The program of a replay, planned if it is not known.
    fn take_rerun(&mut self, log: &Log<T>, given: &[Id], wanted: &[Id]) -> Rerun<T> {
        if let Some(at) = self.reruns.iter().rposition(|rerun| rerun.answers(given, wanted)) {
            return self.reruns.remove(at);
        }
        self.plans += 1;
        Rerun::new(log, given, wanted, &mut self.passes)
    }

    fn keep_rerun(&mut self, rerun: Rerun<T>) {
        if self.reruns.len() >= self.limits.programs {
            self.reruns.clear();
        }
        self.reruns.push(rerun);
    }

    /// Runs the program of a replay; what it takes from the recording is computed first, if it was not yet.
    fn run_rerun(
        &mut self,
        log: &mut Log<T>,
        live: &Live<T>,
        given: &[(Id, &[T])],
        rerun: &mut Rerun<T>,
    ) -> Result<(), String> {
        let lent = |id: Id| given.iter().find(|(given, _)| *given == id).map(|(_, data)| *data);
        let own = || rerun.held.iter().copied().filter(|&id| lent(id).is_none());
        if !own().all(|id| self.is_there(log, id) || self.interpreter.has(log, id)) {
            let own: Vec<Id> = own().collect();
            self.request(log, live, &own, None, true)?;
        }
        self.running = true;
        let mut workspace = mem::replace(&mut self.workspace, Workspace::new());
        let held: SmallVec<[&[T]; 8]> =
            rerun.held.iter().map(|&id| lent(id).unwrap_or_else(|| self.value(log, live, id))).collect();
        let (sources, threads) = (Sources { log, live }, self.limits.threads);
        let result = rerun.program.run(sources, &mut workspace, &mut rerun.own, &mut [], &held, threads);
        drop(held);
        self.workspace = workspace;
        self.running = false;
        result
    }
}
