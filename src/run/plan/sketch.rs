//! A plan before it becomes a program: what is needed, what is computed together, and where it stands.

use super::Goal;
use super::group::{Grouping, Step};
use super::place::Places;
use super::program::{OWN, TARGET};
use super::select::{Kind, Selection, root};
use crate::shape::Shape;
use crate::tape::graph::{Group, GroupKind, Memory, Outline};
use crate::tape::log::{Id, Instructions};

/// The steps of a program and the places of its values.
pub(crate) struct Sketch {
    pub(super) selection: Selection,
    pub(super) grouping: Grouping,
    /// What can be read afterwards, and what is written where in the target, as nodes of the selection.
    pub(super) kept: Vec<usize>,
    pub(super) parts: Vec<(usize, usize)>,
    pub(super) places: Places,
}

impl Sketch {
    /// Plans for the goal; what is `imported` earlier segments hold.
    pub(crate) fn new(log: &Instructions, goal: Goal<'_>, imported: &dyn Fn(Id) -> bool) -> Self {
        let parts = goal.parts.iter().map(|&(id, _)| id);
        let wanted: Vec<Id> = goal.kept.iter().copied().chain(parts).map(|id| root(log, id)).collect();
        let selection = Selection::new(log, &wanted, imported);
        let grouping = Grouping::new(log, &selection, &wanted);
        let kept: Vec<usize> = goal.kept.iter().map(|&id| selection.index(root(log, id))).collect();
        let parts: Vec<_> =
            goal.parts.iter().map(|(id, range)| (selection.index(root(log, *id)), range.start)).collect();
        let places = Places::new(log, &selection, &grouping, &kept, &parts);
        Self { selection, grouping, kept, parts, places }
    }

    /// Adds to an outline what this plan computes and where its values stand.
    pub(crate) fn outline(&self, log: &Instructions, goal: Goal<'_>, outline: &mut Outline) {
        let members = |nodes: &[usize]| nodes.iter().map(|&at| self.selection.nodes[at].id as usize).collect();
        for step in &self.grouping.steps {
            let (kind, domain, nodes) = match step {
                Step::Scalars(nodes) => (GroupKind::Numbers, Shape::scalar(), members(nodes)),
                Step::Pass(pass) => {
                    let pass = &self.grouping.passes[*pass];
                    (GroupKind::Pass, pass.domain, members(&pass.members))
                }
                Step::Alone(at) => (GroupKind::Alone, *log.shape(self.selection.nodes[*at].id), members(&[*at])),
            };
            outline.groups.push(Group { request: outline.requests, kind, domain, members: nodes });
        }
        outline.memory.extend((0..self.selection.nodes.len()).filter_map(|at| self.memory(at)));
        self.note_addresses(log, goal, outline);
        outline.working = outline.working.max(self.places.arena);
        outline.kept += self.places.own;
        // What has all it needs computes nothing, and is no request any more the second time.
        outline.requests += usize::from(!self.grouping.steps.is_empty());
    }

    /// Where a needed value stands, unless an earlier request has told.
    fn memory(&self, at: usize) -> Option<(Id, Memory)> {
        let node = &self.selection.nodes[at];
        let memory = match (node.kind, self.places.slots[at]) {
            (Kind::Import, _) => return None,
            (Kind::Data, _) => Memory::Borrowed,
            (Kind::Number, _) => Memory::Number,
            (_, None) => Memory::Registers,
            (_, Some(slot)) if slot.region == TARGET => Memory::Gradient,
            (_, Some(slot)) if slot.region != OWN => Memory::Working,
            _ if self.kept.contains(&at) => Memory::Kept,
            _ => Memory::Number,
        };
        Some((node.id, memory))
    }

    /// What is needed and no node only says how another value is read, or is a list that an op looks at.
    fn note_addresses(&self, log: &Instructions, goal: Goal<'_>, outline: &mut Outline) {
        let mut stack: Vec<Id> = goal.kept.iter().copied().chain(goal.parts.iter().map(|&(id, _)| id)).collect();
        let mut seen = vec![false; log.len()];
        while let Some(id) = stack.pop() {
            if std::mem::replace(&mut seen[id as usize], true) {
                continue;
            }
            let entry = log.entry(id);
            let node = self.selection.find(id).map(|at| self.selection.nodes[at].kind);
            if node.is_none() {
                let leaf = log.operands(entry).is_empty();
                outline.memory.push((id, if leaf { Memory::Borrowed } else { Memory::Address }));
            }
            if node != Some(Kind::Import) {
                stack.extend(log.operands(entry));
            }
        }
    }
}
