//! A planned program: steps over slots, ready to run any number of times.

use std::ops::Range;
use std::sync::Arc;

use smallvec::SmallVec;

use super::super::anomaly;
use super::super::runner::Sources;
use crate::kernel::aligned::Aligned;
use crate::kernel::scalar;
use crate::kernel::simd::Element;
use crate::kernel::space::{Others, Slot, Space};
use crate::kernel::team;
use crate::kernel::tile;
use crate::op::{Args, Values};
use crate::tape::log::{Entry, Id, Log, join};

/// Regions of the space that a program runs in. Behind them come those of its arrays, then those of the segments whose
/// values it takes over.
pub(super) const ARENA: usize = 0;
pub(super) const OWN: usize = 1;
pub(super) const TARGET: usize = 2;
pub(super) const PARAMS: usize = 3;
pub(super) const BUFFERS: usize = 4;
pub(super) const OTHERS: usize = 5;

/// One step of a program.
#[derive(Debug)]
pub(super) enum Action<T> {
    Scalars(Box<scalar::Program<T>>),
    Pass {
        pass: Arc<tile::Pass<T>>,
        /// What it reads and writes, and the lists of labels: stretches of the program's own lists.
        reads: Range<u32>,
        writes: Range<u32>,
        labels: Range<u32>,
    },
    Alone {
        id: Id,
        /// What the op asks for, and where it stands: a stretch of the program's list.
        operands: Range<u32>,
        out: Slot,
    },
}

/// A program for one request.
#[derive(Debug)]
pub(crate) struct Program<T> {
    pub(super) steps: Vec<Action<T>>,
    /// What passes read and write, one after the other, and their labels.
    pub(super) slots: Vec<Slot>,
    pub(super) labels: Vec<Id>,
    /// What instructions that are computed by themselves ask for, and where it stands.
    pub(super) operands: Vec<(Id, Slot)>,
    /// Elements of working memory that any program may use.
    pub(super) arena: usize,
    /// Elements of memory that nobody else writes until the next run.
    pub(super) own: usize,
    /// Numbers that are part of the program, and the cells they stand in from the first run on.
    pub(super) literals: Vec<(usize, T)>,
    /// Numbers that may be others in the next run.
    pub(super) numbers: Vec<(Id, u32)>,
    /// What is copied into cells, to be used among numbers.
    pub(super) loads: Vec<(Slot, usize)>,
    /// Leaves whose arrays are read.
    pub(super) arrays: Vec<Id>,
    /// Memory that is read besides, by its number.
    pub(super) imports: Vec<usize>,
    /// What is copied at the end, for values that more than one place gets.
    pub(super) copies: Vec<(Slot, Slot)>,
    /// Values that can be read afterwards, by position.
    pub(super) readable: Vec<(Id, Slot)>,
    /// All positions that the program computes, as stretches from the first to behind the last, ascending.
    pub(super) computed: Vec<(Id, Id)>,
}

/// Working memory that programs share, one after the other.
#[derive(Debug)]
pub(crate) struct Workspace<T> {
    arena: Aligned<T>,
    scratch: tile::Scratch<T>,
}

impl<T: Element> Workspace<T> {
    pub(crate) fn new() -> Self {
        Self { arena: Aligned::new(), scratch: tile::Scratch::new() }
    }
}

impl<T: Element> Program<T> {
    /// Runs the program; an error where an op refuses its operands. `own` is its own memory, `target` what parts of the
    /// request are written to, `others` the memory that values were imported from.
    pub(crate) fn run(
        &self,
        sources: Sources<'_, T>,
        workspace: &mut Workspace<T>,
        own: &mut Aligned<T>,
        target: &mut [T],
        others: &[&[T]],
        threads: usize,
    ) -> Result<(), String> {
        let Sources { log, live } = sources;
        if own.len() != self.own {
            *own = Aligned::zeros(self.own);
            self.literals.iter().for_each(|&(cell, x)| own[cell] = x);
        }
        for &(id, cell) in &self.numbers {
            own[cell as usize] = T::from_bits(join(log.entry(id).inputs));
        }
        if workspace.arena.len() < self.arena {
            // The old memory goes before the new comes.
            workspace.arena = Aligned::new();
            workspace.arena = Aligned::zeros(self.arena);
        }
        let mut space = Space::new();
        space.lend_mut(&mut workspace.arena);
        space.lend_mut(own);
        space.lend_mut(target);
        space.lend(live.slice(0));
        space.lend(live.slice(1));
        for &id in &self.arrays {
            space.lend(sources.array(id));
        }
        for &place in &self.imports {
            space.lend(others[place]);
        }
        for &(from, cell) in &self.loads {
            let x = space.read(from)[0];
            space.set(Slot { region: OWN, start: cell, len: 1 }, x);
        }
        team::limited(threads, || {
            self.steps.iter().try_for_each(|step| self.step(step, log, &mut space, &mut workspace.scratch))
        })?;
        for &(from, to) in &self.copies {
            space.fill(to, |others, out| out.copy_from_slice(others.read(from)));
        }
        Ok(())
    }

    fn step(
        &self,
        step: &Action<T>,
        log: &Log<T>,
        space: &mut Space<'_, T>,
        scratch: &mut tile::Scratch<T>,
    ) -> Result<(), String> {
        match step {
            Action::Scalars(program) => {
                let cells = Slot { region: OWN, start: 0, len: program.entries() };
                space.fill(cells, |_, cells| program.run(cells));
            }
            Action::Pass { pass, reads, writes, labels } => {
                let slots = |range: &Range<u32>| &self.slots[range.start as usize..range.end as usize];
                let labels = &self.labels[labels.start as usize..labels.end as usize];
                let labels: SmallVec<[&[u32]; 2]> = labels.iter().map(|&id| log.index_list(id)).collect();
                pass.run(space, slots(reads), &labels, slots(writes), scratch, team::limit());
            }
            Action::Alone { id, operands, out } => {
                let mut result = Ok(());
                let places = &self.operands[operands.start as usize..operands.end as usize];
                space.fill(*out, |others, out| {
                    result = Args::new(log, *id, &Operands { log, places, others }).eval(out);
                });
                return result.map_err(|why| anomaly::refused(log, *id, &why));
            }
        }
        Ok(())
    }

    /// Where a value stands, if it can be read.
    pub(crate) fn slot(&self, root: Id) -> Option<Slot> {
        let at = self.readable.binary_search_by_key(&root, |&(id, _)| id).ok()?;
        Some(self.readable[at].1)
    }

    /// The bytes of all tables, without the values.
    pub(crate) fn bytes(&self) -> usize {
        let scalars =
            self.steps.iter().map(|step| if let Action::Scalars(program) = step { program.bytes() } else { 0 });
        size_of_val(&self.steps[..])
            + size_of_val(&self.slots[..])
            + size_of_val(&self.labels[..])
            + size_of_val(&self.operands[..])
            + scalars.sum::<usize>()
            + size_of_val(&self.literals[..])
            + size_of_val(&self.numbers[..])
            + size_of_val(&self.loads[..])
            + size_of_val(&self.readable[..])
            + size_of_val(&self.computed[..])
    }

    /// How many times it goes over memory: passes, and instructions that are computed by themselves.
    pub(crate) fn passes(&self) -> usize {
        self.steps.iter().filter(|step| !matches!(step, Action::Scalars(_))).count()
    }

    /// Whether the program computes this value, though it may not keep it.
    pub(crate) fn computes(&self, id: Id) -> bool {
        let at = self.computed.partition_point(|&(_, end)| end <= id);
        self.computed.get(at).is_some_and(|&(start, _)| start <= id)
    }
}

/// The operands of an instruction that is computed by itself.
struct Operands<'s, 'o, 'a, T> {
    log: &'o Log<T>,
    places: &'o [(Id, Slot)],
    others: &'o Others<'s, 'a, T>,
}

impl<T: Element> Values<T> for Operands<'_, '_, '_, T> {
    fn value(&self, id: Id) -> &[T] {
        let (_, slot) = self.places.iter().find(|(operand, _)| *operand == id).expect("an operand of the instruction");
        self.others.read(*slot)
    }

    fn source(&self, entry: &Entry, operand: usize) -> Id {
        super::source(self.log, entry, operand)
    }
}
