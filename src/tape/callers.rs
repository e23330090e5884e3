//! The lines on whose behalf stretches of a recording were recorded.
//!
//! An instruction remembers the line that called its op. Where layers stand behind a `dyn`, that is a line of a layer, and
//! the call that matters is further out. It is noted once for the stretch that the call records, so that recording an
//! instruction again need not ask for it.

use super::log::{Id, Place};

#[derive(Default, Debug)]
pub(super) struct Callers {
    /// Ascending and apart from each other; the last one may still be growing.
    calls: Vec<Call>,
    /// The call that is under way.
    current: Option<Place>,
}

#[derive(Debug)]
struct Call {
    start: Id,
    end: Id,
    place: Place,
}

impl Callers {
    /// Another recording begins.
    pub(super) fn restart(&mut self) {
        self.calls.clear();
        self.current = None;
    }

    pub(super) fn current(&self) -> Option<Place> {
        self.current
    }

    /// What is recorded from this position on — or, without one, when what is paused goes on — is recorded on behalf of
    /// this line, or of none.
    pub(super) fn set(&mut self, caller: Option<Place>, position: Option<Id>) {
        position.inspect(|&position| self.pause(position));
        self.current = caller;
        position.inspect(|&position| self.resume(position));
    }

    /// What is recorded from this position on has lines of its own.
    pub(super) fn pause(&mut self, position: Id) {
        if self.current.is_some()
            && let Some(call) = self.calls.last_mut()
        {
            call.end = position;
        }
    }

    /// The call that was paused goes on.
    pub(super) fn resume(&mut self, position: Id) {
        if let Some(place) = self.current {
            let last = self.calls.last_mut().filter(|last| last.end == position && last.place == place);
            match last {
                Some(last) => last.end = Id::MAX,
                None => self.calls.push(Call { start: position, end: Id::MAX, place }),
            }
        }
    }

    /// The line on whose behalf this was recorded.
    pub(super) fn of(&self, id: Id) -> Option<Place> {
        let at = self.calls.partition_point(|call| call.end <= id);
        self.calls.get(at).filter(|call| call.start <= id).map(|call| call.place)
    }

    pub(super) fn bytes(&self) -> usize {
        self.calls.capacity() * size_of::<Call>()
    }
}

#[cfg(test)]
mod tests {
    use std::panic::Location;

    use super::*;

    #[test]
    fn stretches_and_the_pauses_in_them() {
        let (first, second) = (Location::caller(), Location::caller());
        let mut callers = Callers::default();
        callers.set(Some(first), Some(2));
        callers.set(Some(first), Some(3)); // a call within the call
        callers.pause(5);
        callers.set(Some(second), None); // a call in what is paused
        callers.set(Some(first), None);
        assert_eq!(callers.of(4), Some(first));
        assert_eq!(callers.of(5), None);
        callers.resume(8);
        callers.set(None, Some(9));
        callers.set(Some(second), Some(9));
        callers.set(None, Some(9)); // recorded nothing
        callers.set(Some(second), Some(12));
        let found: Vec<_> = (0..14).map(|id| callers.of(id)).collect();
        let (a, b, no) = (Some(first), Some(second), None);
        assert_eq!(found, [no, no, a, a, a, no, no, no, a, no, no, no, b, b]);
        callers.restart();
        assert_eq!((callers.of(4), callers.current()), (None, None));
    }

    #[test]
    fn a_call_that_is_taken_up_where_it_stopped_is_one_stretch() {
        let place = Location::caller();
        let mut callers = Callers::default();
        for position in 0..100 {
            callers.set(Some(place), Some(position));
            callers.set(None, Some(position + 1));
        }
        assert_eq!(callers.calls.len(), 1);
    }
}
