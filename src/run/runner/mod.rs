//! Which way a request is computed: by a plan where the program is known, by the interpreter where it is seen for the
//! first time.
//!
//! A recording makes requests one after the other: a loss is read, a gradient, logits. Each is a [`Segment`], known by what
//! was recorded up to it (a mark in the log), what is asked for, and the segment before. What is seen for the second time
//! is planned; at that time it is known, too, what later requests of the same recording need from this one, so that reading
//! logits after a gradient does not run the network twice.
//!
//! A program takes over the values that earlier segments keep. Where one is missing — something else was read last time —
//! the interpreter steps in once more, and the earlier segment is planned anew to keep it.

mod replays;
mod segment;

use std::mem;

use smallvec::SmallVec;

use crate::kernel::aligned::Aligned;
use crate::kernel::simd::Element;
use crate::kernel::tile::Passes;
use crate::op::Op;
use crate::run::interpreter::Interpreter;
use crate::run::plan::{Goal, Program, Sketch, Workspace, plan, root, walk_down};
use crate::run::rerun::{Rerun, can_be_lent};
use crate::tape::graph::Outline;
use crate::tape::log::{Id, Log};
use crate::tape::{Limits, Live, Run, Target};
use segment::Segment;

/// The number of segments that are known at most, unless another number is asked for; beyond it, all are forgotten.
const SEGMENTS: usize = 512;

/// How a segment of this recording was computed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    Planned,
    Interpreted,
}

/// Where programs read what is not theirs.
#[derive(Clone, Copy)]
pub(crate) struct Sources<'a, T: Element> {
    pub(crate) log: &'a Log<T>,
    pub(crate) live: &'a Live<T>,
}

impl<'a, T: Element> Sources<'a, T> {
    /// The elements of a leaf that is an array.
    pub(crate) fn array(self, id: Id) -> &'a [T] {
        let array = self.log.array(self.log.entry(id));
        array.lent.map_or(&array.owned[..], |place| self.live.slice(place))
    }
}

pub(super) struct Runner<T> {
    interpreter: Interpreter<T>,
    segments: Vec<Option<Segment<T>>>,
    free: Vec<u32>,
    /// The segments of this recording so far.
    path: Vec<(u32, Way)>,
    epoch: u32,
    workspace: Workspace<T>,
    passes: Passes<T>,
    /// Programs of replays, the last that was used at the end.
    reruns: Vec<Rerun<T>>,
    /// Checks of every value are the interpreter's affair.
    check_finite: bool,
    /// How many recordings in a row needed no interpreter.
    planned: u32,
    /// Set while a program runs: found set, it tells that the last one panicked.
    running: bool,
    /// The number of programs planned so far.
    plans: usize,
    limits: Limits,
}

impl<T: Element> Runner<T> {
    pub(super) fn new() -> Self {
        Self {
            interpreter: Interpreter::new(),
            segments: Vec::new(),
            free: Vec::new(),
            path: Vec::new(),
            epoch: 0,
            workspace: Workspace::new(),
            passes: Passes::default(),
            reruns: Vec::new(),
            check_finite: false,
            planned: 0,
            running: false,
            plans: 0,
            limits: Limits { threads: usize::MAX, programs: SEGMENTS },
        }
    }

    fn segment(&self, index: u32) -> &Segment<T> {
        self.segments[index as usize].as_ref().expect("a known segment")
    }

    /// All programs that are kept.
    fn programs(&self) -> impl Iterator<Item = &Program<T>> {
        let segments = self.segments.iter().flatten().filter_map(|segment| segment.program.as_deref());
        segments.chain(self.reruns.iter().map(|rerun| &rerun.program))
    }

    fn segment_mut(&mut self, index: u32) -> &mut Segment<T> {
        self.segments[index as usize].as_mut().expect("a known segment")
    }

    /// Follows the log: another recording, or programs that are gone from it.
    fn follow(&mut self, log: &mut Log<T>) {
        while let Some(orphan) = log.next_orphan() {
            self.forget(orphan);
        }
        let changed = log.take_changed();
        self.interpreter.truncate(changed);
        self.reruns.retain(|rerun| rerun.end() <= changed);
        if std::mem::take(&mut self.running) {
            log.next_epoch();
        }
        if self.epoch != log.epoch() {
            if self.path.iter().all(|&(_, way)| way == Way::Planned) && !self.path.is_empty() {
                self.planned = self.planned.saturating_add(1);
            }
            if self.planned == 2 {
                // The program is known: what the interpreter keeps for each instruction is not needed any more.
                self.interpreter.clear();
            }
            self.epoch = log.epoch();
            self.path.clear();
        }
    }

    fn forget(&mut self, index: u32) {
        let Some(segment) = self.segments[index as usize].take() else { return };
        self.free.push(index);
        if let Some(parent) = segment.parent.and_then(|parent| self.segments[parent as usize].as_mut()) {
            parent.children.retain(|&child| child != index);
        }
        for child in segment.children {
            if let Some(child) = &mut self.segments[child as usize] {
                // Nobody can come by this way any more.
                child.parent = Some(u32::MAX);
            }
        }
    }

    /// Whether the value can be read: it stands in a leaf, or a program of this recording kept it.
    fn is_there(&self, log: &Log<T>, id: Id) -> bool {
        let root = root(log, id);
        self.kept(root).is_some() || matches!(log.entry(root).op, Op::Leaf(leaf) if !leaf.is_number())
    }

    /// The value that a program of this recording kept.
    fn kept(&self, root: Id) -> Option<&[T]> {
        self.path.iter().rev().filter(|&&(_, way)| way == Way::Planned).find_map(|&(index, _)| {
            let segment = self.segment(index);
            let slot = segment.program.as_ref()?.slot(root)?;
            Some(&segment.own[slot.start..slot.start + slot.len])
        })
    }

    /// The segment for this request, if it was seen before.
    fn find(&self, log: &Log<T>, wanted: &[Id], target: Option<&Target<'_, T>>) -> Option<u32> {
        let parent = self.path.last().map(|&(index, _)| index);
        let parts = target.map_or(&[][..], |target| target.parts);
        log.marks().find(|&mark| {
            let segment = self.segment(mark);
            segment.parent == parent && segment.wanted == wanted && segment.parts == parts
        })
    }

    fn remember(&mut self, log: &mut Log<T>, wanted: &[Id], target: Option<&Target<'_, T>>) -> u32 {
        let parent = self.path.last().map(|&(index, _)| index);
        let segment = Segment {
            parent,
            wanted: wanted.to_vec(),
            parts: target.map_or(Vec::new(), |target| target.parts.to_vec()),
            exports: Vec::new(),
            children: Vec::new(),
            program: None,
            own: Aligned::new(),
        };
        let index = self.free.pop().unwrap_or_else(|| {
            self.segments.push(None);
            u32::try_from(self.segments.len() - 1).expect("a bounded number")
        });
        self.segments[index as usize] = Some(segment);
        if let Some(parent) = parent {
            self.segment_mut(parent).children.push(index);
        }
        log.mark(index);
        index
    }

    /// Forgets all programs, where there are too many.
    fn forget_all(&mut self, log: &mut Log<T>) {
        log.clear_marks();
        self.segments.clear();
        self.free.clear();
        self.path.clear();
        // The rest of this recording has no path to stand on.
        log.next_epoch();
        self.epoch = log.epoch();
    }

    /// Whether something is computed a second time for this request, for the sake of memory.
    fn recomputes(&self, log: &Log<T>, index: u32) -> bool {
        let mut found = false;
        walk_down(log, self.segment(index).asked(), &mut |id| {
            found |= matches!(log.entry(id).op, Op::Recompute(_));
            !found
        });
        found
    }

    /// Plans a segment that was seen before. Nothing where a value of an earlier segment is missing: then that one will
    /// keep it from the next time on.
    fn plan(&mut self, log: &Log<T>, index: u32) -> bool {
        if self.segment(index).program.is_some() {
            return true;
        }
        if !self.ask_earlier(log, index) {
            return false;
        }
        self.look_ahead(log, index);
        let mut passes = mem::take(&mut self.passes);
        let segment = self.segment(index);
        let kept: Vec<Id> = segment.wanted.iter().chain(&segment.exports).copied().collect();
        let goal = Goal { kept: &kept, parts: &segment.parts };
        let program = plan(log, goal, &mut passes, &|id| {
            self.path.iter().enumerate().rev().find_map(|(place, &(earlier, _))| {
                let slot = self.segment(earlier).program.as_ref()?.slot(id)?;
                Some((place, slot))
            })
        });
        self.passes = passes;
        let segment = self.segment_mut(index);
        // What stands in the memory of an earlier program is not this one's, not even its literals.
        (segment.program, segment.own) = (Some(Box::new(program)), Aligned::new());
        self.plans += 1;
        true
    }

    /// Whether earlier segments keep all that this one needs of what they compute.
    fn ask_earlier(&mut self, log: &Log<T>, index: u32) -> bool {
        let mut missing = Vec::new();
        walk_down(log, self.segment(index).asked(), &mut |id| {
            let Some((earlier, program)) = self.path.iter().rev().find_map(|&(earlier, _)| {
                let program = self.segment(earlier).program.as_ref()?;
                program.computes(id).then_some((earlier, program))
            }) else {
                return true;
            };
            if program.slot(id).is_none() {
                missing.push((earlier, id));
            }
            false
        });
        for &(earlier, id) in &missing {
            let segment = self.segment_mut(earlier);
            segment.export(id);
            segment.program = None;
        }
        missing.is_empty()
    }

    /// What later requests of the same program needed from this one last time.
    fn look_ahead(&mut self, log: &Log<T>, index: u32) {
        let mut ahead = self.segment(index).children.clone();
        if ahead.is_empty() {
            return;
        }
        let earlier = |id| {
            self.path
                .iter()
                .any(|&(earlier, _)| self.segment(earlier).program.as_ref().is_some_and(|program| program.computes(id)))
        };
        let mut own = Vec::new();
        walk_down(log, self.segment(index).asked(), &mut |id| {
            let computes = !earlier(id);
            own.extend(computes.then_some(id));
            computes
        });
        own.sort_unstable();
        let (known, mut exports) = (log.known_marks(), Vec::new());
        while let Some(child) = ahead.pop() {
            if known.binary_search(&child).is_ok() {
                let segment = self.segment(child);
                ahead.extend(&segment.children);
                walk_down(log, segment.asked(), &mut |id| {
                    let found = own.binary_search(&id).is_ok();
                    exports.extend(found.then_some(id));
                    !found
                });
            }
        }
        for id in exports {
            self.segment_mut(index).export(id);
        }
    }

    fn run_program(
        &mut self,
        log: &Log<T>,
        live: &Live<T>,
        index: u32,
        target: Option<Target<'_, T>>,
    ) -> Result<(), String> {
        // Taken out while it runs: should an op panic, the segment is planned anew.
        let segment = self.segment_mut(index);
        let (program, mut own) = (segment.program.take().expect("it was planned"), std::mem::take(&mut segment.own));
        self.running = true;
        let target = target.map_or(&mut [][..], |target| target.values);
        let earlier = self.path.iter().map(|&(earlier, _)| self.segments[earlier as usize].as_ref());
        let others: SmallVec<[&[T]; 8]> =
            earlier.map(|segment| segment.map_or(&[][..], |segment| &segment.own[..])).collect();
        let sources = Sources { log, live };
        let result = program.run(sources, &mut self.workspace, &mut own, target, &others, self.limits.threads);
        drop(others);
        self.running = false;
        let segment = self.segment_mut(index);
        (segment.program, segment.own) = (Some(program), own);
        result
    }

    /// Answers a request; `at_once` plans it though it was not seen before.
    fn request(
        &mut self,
        log: &mut Log<T>,
        live: &Live<T>,
        wanted: &[Id],
        target: Option<Target<'_, T>>,
        at_once: bool,
    ) -> Result<(), String> {
        let mut asked = wanted.iter().chain(target.iter().flat_map(|target| target.parts.iter().map(|(id, _)| id)));
        if asked.all(|&id| self.is_there(log, id)) {
            if let Some(Target { values, parts }) = target {
                for (id, range) in parts {
                    values[range.clone()].copy_from_slice(self.value(log, live, *id));
                }
            }
            return Ok(());
        }
        let known = self.find(log, wanted, target.as_ref());
        let index = known.unwrap_or_else(|| {
            if self.segments.len() - self.free.len() >= self.limits.programs {
                self.forget_all(log);
            }
            self.remember(log, wanted, target.as_ref())
        });
        let unbroken = self.path.iter().all(|&(_, way)| way == Way::Planned);
        // The interpreter keeps all that it computes, so with it a checkpoint would cost memory instead of saving it.
        let at_once = at_once || (known.is_none() && self.recomputes(log, index));
        if (known.is_some() || at_once) && unbroken && self.plan(log, index) {
            self.run_program(log, live, index, target)?;
            self.path.push((index, Way::Planned));
            return Ok(());
        }
        self.path.push((index, Way::Interpreted));
        self.interpret(log, live, wanted, target)
    }

    fn interpret(
        &mut self,
        log: &mut Log<T>,
        live: &Live<T>,
        wanted: &[Id],
        target: Option<Target<'_, T>>,
    ) -> Result<(), String> {
        self.planned = 0;
        let Some(target) = target else { return self.interpreter.run(log, live, wanted) };
        let all: SmallVec<[Id; 16]> = wanted.iter().copied().chain(target.parts.iter().map(|&(id, _)| id)).collect();
        self.interpreter.run(log, live, &all)?;
        for (id, range) in target.parts {
            target.values[range.clone()].copy_from_slice(self.interpreter.value(log, live, *id));
        }
        Ok(())
    }
}

impl<T: Element> Run<T> for Runner<T> {
    fn run(
        &mut self,
        log: &mut Log<T>,
        live: &Live<T>,
        wanted: &[Id],
        target: Option<Target<'_, T>>,
    ) -> Result<(), String> {
        self.follow(log);
        if log.is_eager() || self.check_finite {
            return self.interpret(log, live, wanted, target);
        }
        self.request(log, live, wanted, target, false)
    }

    fn value<'a>(&'a self, log: &'a Log<T>, live: &'a Live<T>, id: Id) -> &'a [T] {
        self.kept(root(log, id)).unwrap_or_else(|| self.interpreter.value(log, live, id))
    }

    fn replay(
        &mut self,
        log: &mut Log<T>,
        live: &Live<T>,
        given: &[(Id, &[T])],
        wanted: &[Id],
        read: &mut dyn FnMut(usize, &[T]),
    ) -> Result<(), String> {
        self.follow(log);
        if log.is_eager() || self.check_finite || !given.iter().all(|&(id, _)| can_be_lent(log, id)) {
            return self.interpreter.replay(log, live, given, wanted, read);
        }
        self.run_again(log, live, given, wanted, read)
    }

    fn prepare(
        &mut self,
        log: &mut Log<T>,
        live: &Live<T>,
        replays: &[(&[Id], &[Id])],
        also: &[Id],
    ) -> Result<(), String> {
        self.follow(log);
        self.prepare_replays(log, live, replays, also)
    }

    fn check_finite(&mut self, check: bool) {
        self.check_finite = check;
        self.interpreter.check_finite(check);
    }

    fn outline(&self, log: &Log<T>) -> Outline {
        let mut outline = Outline::default();
        // Where nothing was read yet, the path is that of the last recording.
        let path = if self.epoch == log.epoch() { &self.path[..] } else { &[] };
        let mut goals: Vec<Vec<Id>> = Vec::with_capacity(path.len());
        let mut computed: Vec<Vec<Id>> = Vec::with_capacity(path.len());
        for &(index, _) in path {
            let (segment, mut own) = (self.segment(index), Vec::new());
            // What an earlier request computes it will keep, once it is planned.
            walk_down(log, segment.asked(), &mut |id| {
                let earlier = computed.iter().rposition(|ids| ids.binary_search(&id).is_ok());
                match earlier {
                    Some(earlier) => goals[earlier].push(id),
                    None => own.push(id),
                }
                earlier.is_none()
            });
            own.sort_unstable();
            computed.push(own);
            goals.push(segment.wanted.iter().chain(&segment.exports).copied().collect());
        }
        for (k, &(index, _)) in path.iter().enumerate() {
            let goal = Goal { kept: &goals[k], parts: &self.segment(index).parts };
            let imported = |id| goals[..k].iter().flatten().any(|&kept| root(log, kept) == id);
            Sketch::new(log, goal, &imported).outline(log, goal, &mut outline);
        }
        outline
    }

    fn limits(&mut self) -> &mut Limits {
        &mut self.limits
    }

    fn plans(&self) -> usize {
        self.plans
    }

    fn passes(&self) -> usize {
        self.programs().map(Program::passes).sum()
    }

    fn bytes(&self) -> usize {
        self.interpreter.bytes()
            + self.segments.capacity() * size_of::<Option<Segment<T>>>()
            + self.programs().map(Program::bytes).sum::<usize>()
    }

    fn clear(&mut self) {
        *self = Self { check_finite: self.check_finite, limits: self.limits, plans: self.plans, ..Self::new() };
        self.interpreter.check_finite(self.check_finite);
    }
}
