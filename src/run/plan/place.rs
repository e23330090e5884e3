//! A slot for each value that has to stand in memory.

use super::group::{Grouping, Step};
use super::program::{ARENA, OWN, TARGET};
use super::select::{Kind, Selection, operands};
use crate::kernel::space::Slot;
use crate::tape::log::Instructions;

/// Slots start at multiples of this many elements: 64 bytes or more.
const ALIGNMENT: usize = 16;

/// Where values stand.
pub(super) struct Places {
    /// For each node; `None` for what is never stored, and for data and imports.
    pub(super) slots: Vec<Option<Slot>>,
    pub(super) arena: usize,
    pub(super) own: usize,
}

/// Free stretches of the arena, ascending and apart from each other.
struct Free {
    stretches: Vec<(usize, usize)>,
    end: usize,
}

impl Free {
    /// The first stretch that is large enough, or new room at the end.
    fn take(&mut self, len: usize) -> usize {
        if let Some(at) = self.stretches.iter().position(|&(_, free)| free >= len) {
            let (start, free) = self.stretches[at];
            if free == len {
                self.stretches.remove(at);
            } else {
                self.stretches[at] = (start + len, free - len);
            }
            return start;
        }
        // A free stretch at the very end grows.
        let start = match self.stretches.last() {
            Some(&(start, free)) if start + free == self.end => {
                self.stretches.pop();
                start
            }
            _ => self.end,
        };
        self.end = start + len;
        start
    }

    fn give(&mut self, start: usize, len: usize) {
        if len == 0 {
            return;
        }
        let at = self.stretches.partition_point(|&(other, _)| other < start);
        self.stretches.insert(at, (start, len));
        if at + 1 < self.stretches.len() && start + len == self.stretches[at + 1].0 {
            self.stretches[at].1 += self.stretches.remove(at + 1).1;
        }
        if at > 0 && self.stretches[at - 1].0 + self.stretches[at - 1].1 == start {
            self.stretches[at - 1].1 += self.stretches.remove(at).1;
        }
    }
}

fn aligned(len: usize) -> usize {
    len.next_multiple_of(ALIGNMENT)
}

impl Places {
    /// Numbers get cells in the program's own memory, what is `kept` slots there, `parts` their place in the target, all
    /// other values the arena's memory from the step that computes them to the last that reads them.
    pub(super) fn new(
        log: &Instructions,
        selection: &Selection,
        grouping: &Grouping,
        kept: &[usize],
        parts: &[(usize, usize)],
    ) -> Self {
        let count = selection.nodes.len();
        let mut slots: Vec<Option<Slot>> = vec![None; count];
        let mut own = 0;
        let size = |at: usize| log.shape(selection.nodes[at].id).size();
        let computed = |at: usize| !matches!(selection.nodes[at].kind, Kind::Data | Kind::Import);
        for at in (0..count).filter(|&at| computed(at) && grouping.stored[at] && size(at) == 1) {
            slots[at] = Some(Slot { region: OWN, start: own, len: 1 });
            own += 1;
        }
        for &(at, start) in parts.iter().filter(|&&(at, _)| computed(at)) {
            slots[at].get_or_insert(Slot { region: TARGET, start, len: size(at) });
        }
        // What is kept stands in the program's own memory, even if it is a part, too: the target is not ours afterwards.
        own = aligned(own);
        for &at in kept.iter().filter(|&&at| computed(at)) {
            if slots[at].is_none_or(|slot| slot.region != OWN) {
                slots[at] = Some(Slot { region: OWN, start: own, len: size(at) });
                own += aligned(size(at));
            }
        }
        let (reads, writes) = uses(log, selection, grouping);
        let mut last = vec![0; count];
        for (step, reads) in reads.iter().enumerate() {
            for &at in reads {
                last[at] = step;
            }
        }
        let mut free = Free { stretches: Vec::new(), end: 0 };
        let mut dying: Vec<Vec<usize>> = vec![Vec::new(); grouping.steps.len()];
        for (step, writes) in writes.iter().enumerate() {
            for &at in writes {
                if slots[at].is_some() {
                    continue;
                }
                let len = size(at);
                let start = free.take(aligned(len));
                slots[at] = Some(Slot { region: ARENA, start, len });
                dying[last[at].max(step)].push(at);
            }
            for &at in &dying[step] {
                let slot = slots[at].expect("it was placed");
                free.give(slot.start, aligned(slot.len));
            }
        }
        Self { slots, arena: free.end, own }
    }
}

/// For each step the nodes whose stored values it reads, and those that it writes.
fn uses(log: &Instructions, selection: &Selection, grouping: &Grouping) -> (Vec<Vec<usize>>, Vec<Vec<usize>>) {
    let alone = |at: usize| operands(log, selection.nodes[at].id).map(|id| selection.index(id));
    let mut reads = Vec::with_capacity(grouping.steps.len());
    let mut writes = Vec::with_capacity(grouping.steps.len());
    for step in &grouping.steps {
        match step {
            // Cells live through the whole run.
            Step::Scalars(_) => {
                reads.push(Vec::new());
                writes.push(Vec::new());
            }
            Step::Alone(at) => {
                reads.push(alone(*at).collect());
                writes.push(vec![*at]);
            }
            Step::Pass(pass) => {
                let members = &grouping.passes[*pass].members;
                let walks = members.iter().flat_map(|&at| selection.walks(&selection.nodes[at]));
                reads.push(
                    walks.map(|walk| selection.index(walk.base)).filter(|&base| grouping.pass[base] != *pass).collect(),
                );
                writes.push(members.iter().copied().filter(|&at| grouping.stored[at]).collect());
            }
        }
    }
    (reads, writes)
}
