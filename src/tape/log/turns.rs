//! Turns that a recording takes, and the notes of the runner along its way.

use super::{Log, id};
use crate::op::Op;
use crate::real::Real;
use crate::shape::Shape;
use crate::tape::shelf::{Mark, Tail};

impl<T: Real> Log<T> {
    /// A rest on the shelf that starts here with this instruction.
    pub(super) fn shelved(
        &mut self,
        op: Op,
        payload: bool,
        inputs: [u32; 3],
        given: Option<&Shape>,
    ) -> Option<Tail<T>> {
        if self.shelf.is_empty() || op.has_list() {
            return None;
        }
        let shapes = &self.code.shapes;
        self.shelf.take(self.len(), |tail| {
            let entry = &tail.entries[0];
            entry.op == op
                && (payload || entry.inputs == inputs)
                && given.is_none_or(|shape| shapes.get(entry.shape) == shape)
        })
    }

    /// Takes a turn that was taken before: the rest of the log and the one from the shelf change places.
    pub(super) fn turn(&mut self, mut tail: Tail<T>) {
        self.drop_rest();
        self.changed_from = self.changed_from.min(self.len());
        self.code.entries.append(&mut tail.entries);
        self.code.lists.append(&mut tail.lists);
        self.customs.append(&mut tail.customs);
        self.marks.append(&mut tail.marks);
        self.sweeps.take_back(std::mem::take(&mut tail.sweeps));
        self.shelf.put_back(tail);
    }

    /// Puts the instructions from the cursor on aside, with all that is known about them.
    pub(super) fn drop_rest(&mut self) {
        let len = self.len();
        if len >= self.code.entries.len() {
            return;
        }
        let [lists, _, customs] = self.code.entries[len..]
            .iter()
            .find(|entry| entry.op.has_list())
            .map_or([id(self.code.lists.len()), 0, id(self.customs.len())], |first| first.inputs);
        let (lists, customs) = (self.code.lists.split_off(lists as usize), self.customs.split_off(customs as usize));
        let marks = self.marks.split_off(self.marks.partition_point(|mark| mark.position as usize <= len));
        let sweeps = self.sweeps.drop_from(len);
        let mut entries = self.shelf.spare();
        entries.extend(self.code.entries.drain(len..));
        self.changed_from = self.changed_from.min(len);
        self.shelf.put(len, entries, lists, customs, sweeps, marks);
    }

    /// Notes at the current position that the runner knows what was recorded up to here under this number.
    pub(crate) fn mark(&mut self, mark: u32) {
        let at = self.marks.partition_point(|mark| mark.position as usize <= self.len());
        self.marks.insert(at, Mark { position: id(self.len()), mark });
    }

    /// The notes that stand at the current position.
    pub(crate) fn marks(&self) -> impl Iterator<Item = u32> + '_ {
        let from = self.marks.partition_point(|mark| (mark.position as usize) < self.len());
        self.marks[from..].iter().take_while(|mark| mark.position as usize == self.len()).map(|mark| mark.mark)
    }

    /// All notes along the program that stands in the log, in ascending order.
    pub(crate) fn known_marks(&self) -> Vec<u32> {
        let mut marks: Vec<u32> = self.marks.iter().map(|mark| mark.mark).collect();
        marks.sort_unstable();
        marks
    }

    /// Forgets all notes.
    pub(crate) fn clear_marks(&mut self) {
        self.marks.clear();
        self.shelf.clear();
        self.shelf.orphans.clear();
    }

    /// The next of the notes that are gone.
    pub(crate) fn next_orphan(&mut self) -> Option<u32> {
        self.shelf.orphans.pop()
    }
}
