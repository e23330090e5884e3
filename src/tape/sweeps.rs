//! What a log knows of reverse sweeps: those of last time, to be found again, those of this recording, and the one that
//! is recording now.

use smallvec::SmallVec;

use super::log::{Id, Place};

/// What a reverse sweep is asked: the derivative of the sum of some outputs, each weighted by its cotangent, for each of
/// `inputs`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Request {
    pub(crate) outputs: Weighted,
    pub(crate) inputs: Ids,
}

/// Outputs with their cotangents; none stands for 1.
pub(crate) type Weighted = SmallVec<[(Id, Option<Id>); 4]>;

/// Few positions, without an allocation for most models.
pub(crate) type Ids = SmallVec<[Id; 16]>;

/// For each input of a [`Request`] where its derivative stands, if the output depends on it.
pub(crate) type Answers = SmallVec<[Option<Id>; 16]>;

/// The number of different sweeps remembered at one position.
const FORGETFUL: usize = 64;

#[derive(Default, Debug)]
pub(crate) struct Sweeps {
    /// Sweeps that can be found again, by their first instruction.
    known: Vec<Sweep>,
    /// The instructions of each sweep of this recording, from the first to behind the last.
    done: Vec<(Id, Id)>,
    /// Those of them that somebody holds a handle of, ascending.
    answers: Vec<Id>,
    deriving: Option<Deriving>,
}

/// A reverse sweep that was recorded, and what it answered.
#[derive(Debug)]
pub(super) struct Sweep {
    start: usize,
    end: usize,
    request: Request,
    answers: Answers,
}

/// The state of a reverse sweep while its rules are recording.
#[derive(Clone, Copy, Debug)]
struct Deriving {
    /// The first instruction of the sweep.
    start: usize,
    /// The line that recorded the instruction whose rule is running.
    place: Place,
    /// Whether the cotangent of that instruction is 0 where a choice was not taken.
    masked: bool,
    /// Whether all that ran so far was a function of structure alone.
    pure: bool,
    /// Whether what is recorded is a copy.
    copying: bool,
}

impl Sweeps {
    /// Another recording begins.
    pub(super) fn restart(&mut self) {
        self.done.clear();
        self.answers.clear();
        self.deriving = None;
    }

    /// The instructions from `len` on are gone, and with them these sweeps.
    pub(super) fn drop_from(&mut self, len: usize) -> Vec<Sweep> {
        self.known.extract_if(.., |sweep| sweep.end > len).collect()
    }

    /// The instructions of these sweeps are back.
    pub(super) fn take_back(&mut self, sweeps: Vec<Sweep>) {
        for sweep in sweeps {
            let at = self.known.partition_point(|known| known.start <= sweep.start);
            self.known.insert(at, sweep);
        }
    }

    /// The end and the answers of the sweep that starts here and is asked the same.
    pub(super) fn find(&mut self, start: usize, request: &Request) -> Option<(usize, Answers)> {
        let from = self.known.partition_point(|sweep| sweep.start < start);
        let here = self.known[from..].iter().take_while(|sweep| sweep.start == start);
        let sweep = here.into_iter().find(|sweep| sweep.request == *request)?;
        self.done.push((id(start), id(sweep.end)));
        Some((sweep.end, Answers::from_slice(&sweep.answers)))
    }

    pub(super) fn start(&mut self, start: usize, place: Place) {
        self.deriving = Some(Deriving { start, place, masked: false, pure: true, copying: false });
    }

    pub(super) fn finish(&mut self, end: usize, request: Request, answers: &Answers) {
        let Some(Deriving { start, pure, .. }) = self.deriving.take() else { return };
        self.done.push((id(start), id(end)));
        if !pure {
            return;
        }
        self.known.retain(|sweep| sweep.start != start || sweep.request != request);
        let here = self.known.partition_point(|sweep| sweep.start <= start);
        // Ever new requests at one position would gather without end; forgetting them only costs time.
        if here >= FORGETFUL && self.known[here - FORGETFUL].start == start {
            self.known.retain(|sweep| sweep.start != start);
        }
        let here = self.known.partition_point(|sweep| sweep.start <= start);
        self.known.insert(here, Sweep { start, end, request, answers: answers.clone() });
    }

    pub(super) fn abandon(&mut self) {
        self.deriving = None;
    }

    /// The instructions of each finished sweep of this recording.
    pub(super) fn done(&self) -> &[(Id, Id)] {
        &self.done
    }

    /// While a sweep records: the line that recorded the instruction whose rule is running.
    pub(crate) fn deriving(&self) -> Option<Place> {
        self.deriving.map(|deriving| deriving.place)
    }

    /// The rule of the instruction recorded at this line runs next; whether its cotangent is masked.
    pub(crate) fn derive_at(&mut self, place: Place, masked: bool) {
        if let Some(deriving) = &mut self.deriving {
            (deriving.place, deriving.masked) = (place, masked);
        }
    }

    /// The rule that runs, as [`derive_at`](Sweeps::derive_at) was told of it.
    pub(crate) fn rule(&self) -> Option<(Place, bool)> {
        self.deriving.map(|deriving| (deriving.place, deriving.masked))
    }

    /// Whether the rule that runs has a cotangent that is 0 where a choice was not taken.
    pub(crate) fn is_masked(&self) -> bool {
        self.deriving.is_some_and(|deriving| deriving.masked)
    }

    /// What is recorded now may depend on more than structure: the sweep must run again next time.
    pub(crate) fn derive_impure(&mut self) {
        if let Some(deriving) = &mut self.deriving {
            deriving.pure = false;
        }
    }

    /// Whether what is recorded now is a copy of what was recorded before, which is not shared.
    pub(super) fn is_copying(&self) -> bool {
        self.deriving.is_some_and(|deriving| deriving.copying)
    }

    pub(super) fn set_copying(&mut self, copying: bool) {
        if let Some(deriving) = &mut self.deriving {
            deriving.copying = copying;
        }
    }

    /// Notes that somebody gets a handle of what a sweep recorded: it is not shared any more.
    pub(crate) fn answer(&mut self, id: Id) {
        if let Err(at) = self.answers.binary_search(&id) {
            self.answers.insert(at, id);
        }
    }

    /// Whether somebody has a handle of this instruction of a sweep.
    pub(crate) fn is_answer(&self, id: Id) -> bool {
        self.answers.binary_search(&id).is_ok()
    }

    /// Whether a sweep recorded this.
    pub(crate) fn has_recorded(&self, id: Id) -> bool {
        let at = self.done.partition_point(|&(_, end)| end <= id);
        let done = self.done.get(at).is_some_and(|&(start, _)| start <= id);
        done || self.deriving.is_some_and(|deriving| deriving.start <= id as usize)
    }

    /// Whether a sweep recorded this and nobody has a handle of it.
    pub(crate) fn is_private(&self, id: Id) -> bool {
        self.has_recorded(id) && !self.is_answer(id)
    }
}

#[allow(clippy::cast_possible_truncation, reason = "a log refuses to grow beyond")]
fn id(position: usize) -> Id {
    position as u32
}
