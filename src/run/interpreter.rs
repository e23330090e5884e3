//! The interpreter: computes one instruction after the other, just what is needed, and keeps every value.
//!
//! It is the reference that every faster way is held against.

use super::anomaly;
use super::rerun::affected;
use super::store::Store;
use crate::op::{Args, Leaf, Op, Values};
use crate::real::Real;
use crate::tape::Live;
use crate::tape::log::{Entry, Id, Log};

pub(super) struct Interpreter<T> {
    store: Store<T>,
    /// For each position, the recording in which its value was computed.
    computed: Vec<u32>,
    given: Vec<(Id, Vec<T>)>,
    /// Work lists, kept for their memory.
    stack: Vec<Id>,
    order: Vec<Id>,
    check_finite: bool,
    /// Set while a run is under way: found set at the start of one, it tells that the last one panicked.
    running: bool,
}

impl<T: Real> Interpreter<T> {
    pub(super) fn new() -> Self {
        Self {
            store: Store::new(),
            computed: Vec::new(),
            given: Vec::new(),
            stack: Vec::new(),
            order: Vec::new(),
            check_finite: false,
            running: false,
        }
    }

    fn is_given(&self, id: Id) -> bool {
        self.given.iter().any(|(given, _)| *given == id)
    }

    /// Collects in `order` what has to be computed for `wanted`, operands before results.
    fn select(&mut self, log: &Log<T>, wanted: &[Id]) {
        self.order.clear();
        self.stack.clear();
        self.stack.extend_from_slice(wanted);
        while let Some(id) = self.stack.pop() {
            if self.is_given(id) {
                if self.check_finite {
                    self.order.push(id);
                }
                continue;
            }
            let entry = log.entry(id);
            match entry.op {
                Op::View(_) => self.stack.push(entry.inputs[0]),
                Op::Leaf(Leaf::Seed | Leaf::Indices) => {}
                Op::Leaf(leaf) if !leaf.is_number() && self.check_finite => {
                    self.order.push(id);
                }
                _ if self.computed[id as usize] != log.epoch() => {
                    self.computed[id as usize] = log.epoch();
                    self.order.push(id);
                    for (operand, &id) in log.operands(entry).iter().enumerate() {
                        let through = entry.op.reads_through(operand) && !self.is_given(id);
                        self.stack.push(if through { log.entry(id).inputs[0] } else { id });
                    }
                }
                _ => {}
            }
        }
        // An operand always stands before its result.
        self.order.sort_unstable();
        self.order.dedup();
    }

    fn compute(&mut self, log: &Log<T>, live: &Live<T>, id: Id) -> Result<(), String> {
        let (given, mut result) = (&self.given, Ok(()));
        self.store.fill(id as usize, log.shape(id).size(), |store, out| {
            result = Args::new(log, id, &Reader { store, given, log, live }).eval(out);
        });
        result.map_err(|why| anomaly::refused(log, id, &why))
    }

    fn reader<'a>(&'a self, log: &'a Log<T>, live: &'a Live<T>) -> Reader<'a, T> {
        Reader { store: &self.store, given: &self.given, log, live }
    }
}

impl<T: Real> Interpreter<T> {
    /// The instructions from here on are others: their memory is free.
    pub(super) fn truncate(&mut self, changed: usize) {
        self.store.truncate(changed);
        self.computed.truncate(changed);
    }

    /// Computes what these values need, and keeps them; an error where an op refuses its operands, or a value is not finite
    /// and that is checked.
    pub(super) fn run(&mut self, log: &mut Log<T>, live: &Live<T>, wanted: &[Id]) -> Result<(), String> {
        self.given.clear();
        self.compute_all(log, live, wanted)
    }

    /// Computes values with others given instead of the recording's own, and hands them to `read` with their number. Only
    /// what depends on the given ones is computed again, and has to be once more when the recording asks for its own.
    pub(super) fn replay(
        &mut self,
        log: &mut Log<T>,
        live: &Live<T>,
        given: &[(Id, &[T])],
        wanted: &[Id],
        read: &mut dyn FnMut(usize, &[T]),
    ) -> Result<(), String> {
        let ids: Vec<Id> = given.iter().map(|&(id, _)| id).collect();
        let affected = affected(log, &ids, wanted);
        self.given = given.iter().map(|&(id, data)| (id, data.to_vec())).collect();
        self.forget(&affected);
        let result = self.compute_all(log, live, wanted);
        if result.is_ok() {
            wanted.iter().enumerate().for_each(|(k, &id)| read(k, self.value(log, live, id)));
        }
        self.given.clear();
        self.forget(&affected);
        result
    }

    fn forget(&mut self, ids: &[Id]) {
        for &id in ids {
            if let Some(computed) = self.computed.get_mut(id as usize) {
                *computed = 0;
            }
        }
    }

    /// Whether the value was computed in this recording.
    pub(super) fn has(&self, log: &Log<T>, id: Id) -> bool {
        self.computed.get(id as usize) == Some(&log.epoch())
    }

    fn compute_all(&mut self, log: &mut Log<T>, live: &Live<T>, wanted: &[Id]) -> Result<(), String> {
        if std::mem::replace(&mut self.running, true) {
            log.next_epoch();
        }
        if self.computed.len() < log.len() {
            self.computed.reserve_exact(log.len() - self.computed.len());
            self.computed.resize(log.len(), 0);
        }
        self.store.cover(log.len());
        self.select(log, wanted);
        for k in 0..self.order.len() {
            let id = self.order[k];
            if !is_data(log.entry(id).op) && !self.is_given(id) {
                self.compute(log, live, id)?;
            }
            if self.check_finite
                && let Some(message) = anomaly::describe(log, &self.reader(log, live), id)
            {
                return Err(message);
            }
        }
        self.running = false;
        Ok(())
    }

    /// A value that `run` computed in this recording.
    pub(super) fn value<'a>(&'a self, log: &'a Log<T>, live: &'a Live<T>, id: Id) -> &'a [T] {
        self.reader(log, live).find(id)
    }

    /// Sets whether a value that is not finite stops the run.
    pub(super) fn check_finite(&mut self, check: bool) {
        self.check_finite = check;
    }

    /// The bytes of all tables, but for the values themselves.
    pub(super) fn bytes(&self) -> usize {
        self.store.bytes()
            + self.computed.capacity() * size_of::<u32>()
            + (self.stack.capacity() + self.order.capacity()) * size_of::<Id>()
    }

    /// Gives all memory back.
    pub(super) fn clear(&mut self) {
        *self = Self { check_finite: self.check_finite, ..Self::new() };
    }
}

/// Finds values where they stand: lent, in the store of parameters, given, or computed.
struct Reader<'a, T: Real> {
    store: &'a Store<T>,
    given: &'a [(Id, Vec<T>)],
    log: &'a Log<T>,
    live: &'a Live<T>,
}

impl<'a, T: Real> Reader<'a, T> {
    fn find(&self, id: Id) -> &'a [T] {
        let mut id = id;
        loop {
            if let Some((_, data)) = self.given.iter().find(|(given, _)| *given == id) {
                return data;
            }
            let entry = self.log.entry(id);
            return match entry.op {
                Op::View(_) => {
                    id = entry.inputs[0];
                    continue;
                }
                Op::Leaf(Leaf::Parameter) => {
                    &self.live.slice(0)[self.log.layout().params[entry.inputs[0] as usize].range()]
                }
                Op::Leaf(Leaf::Buffer) => {
                    &self.live.slice(1)[self.log.layout().buffers[entry.inputs[0] as usize].range()]
                }
                Op::Leaf(Leaf::Input | Leaf::Variable | Leaf::Constant) => {
                    let array = self.log.array(entry);
                    array.lent.map_or(&array.owned[..], |place| self.live.slice(place))
                }
                _ => self.store.get(id as usize),
            };
        }
    }
}

impl<T: Real> Values<T> for Reader<'_, T> {
    fn value(&self, id: Id) -> &[T] {
        self.find(id)
    }

    fn source(&self, entry: &Entry, operand: usize) -> Id {
        let id = self.log.operands(entry)[operand];
        let through = entry.op.reads_through(operand) && !self.given.iter().any(|(given, _)| *given == id);
        if through { self.log.entry(id).inputs[0] } else { id }
    }
}

/// Whether a position holds data that are read where they stand.
fn is_data(op: Op) -> bool {
    matches!(op, Op::Leaf(leaf) if !leaf.is_number())
}
