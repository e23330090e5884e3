//! The log of a tape: its instructions, and how recording the same ones again finds them.
//!
//! Recording walks a cursor through the log of last time. An instruction that equals the one under the cursor is a
//! *hit* and costs a comparison; the first that differs is a *miss*: the rest of the log is dropped and recording
//! appends. The rule that keeps this sound is:
//!
//! > Payload — what may change from one recording to the next without changing the program — stands in leaves alone:
//! > scalars, seeds, labels, arrays. It is overwritten at every recording. Everything else is structure, compared by
//! > value.
//!
//! Equal instructions at equal positions then have equal operands and, by induction, equal shapes, so a hit checks
//! nothing else. A derivative rule is a function of structure alone, and what it records holds no payload (its numbers
//! are literals, which are structure); a reverse sweep that starts at the same position with the same request has the
//! same instructions and is found again whole.

use std::ops::Deref;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

mod instructions;
mod turns;

pub(crate) use instructions::Instructions;

use super::cons::Cons;
use super::payload::{LeafData, Payload};
use super::shapes::ShapeId;
use super::shelf::{Mark, Shelf, Tail};
use super::sweeps::{Answers, Request, Sweeps};
use crate::op::custom::CustomOp;
use crate::op::{Call, Leaf, Op};
use crate::params::{Layout, Param};
use crate::real::Real;
use crate::shape::Shape;

/// A line of source code, as `#[track_caller]` sees it.
pub(crate) type Place = &'static Location<'static>;

/// The side of an operator that a scalar stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Left,
    Right,
}

impl Side {
    /// The scalar and the other operand as they stand.
    #[inline(always)]
    pub(crate) fn order<V>(self, scalar: V, other: V) -> [V; 2] {
        match self {
            Self::Left => [scalar, other],
            Self::Right => [other, scalar],
        }
    }
}

/// The position of an instruction, and so of its value.
pub(crate) type Id = u32;

/// The mark of a cursor where no instruction is found the quick way: beyond any log.
const SLOW: usize = 1 << (usize::BITS - 1);

/// One instruction: 32 bytes of plain data.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) op: Op,
    /// Operands (the first `op.arity()` of them) and small arguments; what they mean is the op's affair.
    pub(crate) inputs: [u32; 3],
    pub(crate) shape: ShapeId,
    /// The line that called the op; [`Log::place`] knows better.
    place: Place,
}

pub(crate) struct Log<T> {
    code: Instructions,
    customs: Vec<Arc<dyn CustomOp<T>>>,
    arrays: Payload<LeafData<T>>,
    indices: Payload<Vec<u32>>,
    pub(crate) sweeps: Sweeps,
    cons: Cons,
    /// Notes of the runner, by position.
    marks: Vec<Mark>,
    shelf: Shelf<T>,
    /// Positions from here on hold other instructions than when the runner last looked.
    changed_from: usize,
    /// Counts recordings; a value computed in an earlier one is stale.
    epoch: u32,
    layout: Option<Arc<Layout>>,
    param_ids: Vec<Id>,
    buffer_ids: Vec<Id>,
    updates: Vec<(u32, Id)>,
    pub(crate) training: Option<u64>,
    pub(crate) calls: u64,
    eager: bool,
    /// Whether an op that refuses its operands has a result of NaN instead of ending the run: while differences are taken,
    /// points beyond a domain are no error.
    pub(crate) lenient: bool,
    /// Whether an error was passed over for that reason.
    pub(crate) passed_over: AtomicBool,
}

impl<T> Deref for Log<T> {
    type Target = Instructions;

    #[inline(always)]
    fn deref(&self) -> &Instructions {
        &self.code
    }
}

impl<T: Real> Log<T> {
    pub(crate) fn new() -> Self {
        Self {
            code: Instructions::default(),
            customs: Vec::new(),
            arrays: Payload::default(),
            indices: Payload::default(),
            sweeps: Sweeps::default(),
            cons: Cons::default(),
            marks: Vec::new(),
            shelf: Shelf::default(),
            changed_from: 0,
            epoch: 0,
            layout: None,
            param_ids: Vec::new(),
            buffer_ids: Vec::new(),
            updates: Vec::new(),
            training: None,
            calls: 0,
            eager: false,
            lenient: false,
            passed_over: AtomicBool::new(false),
        }
    }

    /// Starts a recording over a store of this layout.
    pub(crate) fn begin(&mut self, layout: &Arc<Layout>, training: Option<u64>) {
        let known = self.layout.as_ref().is_some_and(|old| Arc::ptr_eq(old, layout));
        if !known {
            if !self.layout.as_ref().is_some_and(|old| old.is_same_but_for_freezing(layout)) {
                self.code.cursor = 0;
                self.drop_rest();
                self.shelf.clear();
            }
            self.layout = Some(Arc::clone(layout));
            self.param_ids.resize(layout.params.len(), 0);
            self.buffer_ids.resize(layout.buffers.len(), 0);
        }
        self.arrays.restart();
        self.indices.restart();
        self.calls = 0;
        self.training = training;
        self.sweeps.restart();
        self.cons.restart();
        self.code.callers.restart();
        self.updates.clear();
        self.next_epoch();
        self.move_to(0);
    }

    /// Makes every value stale.
    pub(crate) fn next_epoch(&mut self) {
        self.epoch = self.epoch.wrapping_add(1);
        if self.epoch == 0 {
            // Once in 2^32 recordings, numbers come round: forget every value, so that none of an old one passes as new.
            self.epoch = 1;
            self.changed_from = 0;
        }
    }

    pub(crate) fn set_eager(&mut self, eager: bool) {
        self.eager = eager;
        self.move_to(self.len());
    }

    pub(crate) fn is_eager(&self) -> bool {
        self.eager
    }

    /// Moves the cursor, and marks it where every push needs care.
    fn move_to(&mut self, position: usize) {
        let slow = self.eager || self.sweeps.deriving().is_some();
        self.code.cursor = if slow { position | SLOW } else { position };
    }

    // ---- recording -------------------------------------------------------------------------------------------------

    /// The hit, where the instruction equals the one under the cursor: the whole cost of recording something again.
    #[inline(always)]
    pub(crate) fn find(&mut self, op: Op, inputs: [u32; 3], place: Place) -> Option<Id> {
        let position = self.code.cursor;
        let entry = self.code.entries.get_mut(position)?;
        // Where all inputs are operands, those that an op does not have are 0 on both sides.
        let count = if op.is_pointwise() { op.arity() } else { 3 };
        let same = |k: usize| k >= count || entry.inputs[k] == inputs[k];
        if !(entry.op.is(op) && same(0) && same(1) && same(2)) {
            return None;
        }
        entry.place = place;
        self.code.cursor = position + 1;
        Some(id(position))
    }

    /// The same for an instruction whose shape is an argument.
    #[inline]
    pub(crate) fn find_shaped(&mut self, op: Op, inputs: [u32; 3], shape: &Shape, place: Place) -> Option<Id> {
        let entry = self.code.entries.get(self.code.cursor)?;
        if self.code.shapes.get(entry.shape) == shape { self.find(op, inputs, place) } else { None }
    }

    /// The same for a leaf whose inputs are payload: they are overwritten.
    #[inline(always)]
    pub(crate) fn find_payload(&mut self, leaf: Leaf, payload: u64, place: Place) -> Option<Id> {
        let position = self.code.cursor;
        let entry = self.code.entries.get_mut(position)?;
        if !entry.op.is(Op::Leaf(leaf)) {
            return None;
        }
        entry.inputs = split(payload);
        entry.place = place;
        self.code.cursor = position + 1;
        Some(id(position))
    }

    /// The same for a scalar and, right behind it, an op of two operands that has it on one side and `other` on the other:
    /// `x * 2.0` in one go.
    #[inline(always)]
    pub(crate) fn find_beside_scalar(&mut self, op: Op, other: Id, side: Side, x: u64, place: Place) -> Option<Id> {
        let position = self.code.cursor;
        let [scalar, entry] = self.code.entries.get_mut(position..position.wrapping_add(2))? else { return None };
        let [a, b] = side.order(id(position), other);
        if !(scalar.op.is(Op::Leaf(Leaf::Scalar)) && entry.op.is(op) && entry.inputs[0] == a && entry.inputs[1] == b) {
            return None;
        }
        scalar.inputs = split(x);
        scalar.place = place;
        entry.place = place;
        self.code.cursor = position + 2;
        Some(id(position + 1))
    }

    /// Records an instruction the slow way: looks for one like it where rules are recording, compares it with the one
    /// under the cursor, or else drops the rest and appends it. Nothing changes if its shapes do not fit.
    #[cold]
    pub(crate) fn push(&mut self, op: Op, inputs: [u32; 3], given: Option<&Shape>, place: Place) -> Result<Id, String> {
        let deriving = self.sweeps.deriving();
        let place = deriving.unwrap_or(place);
        let payload = matches!(op, Op::Leaf(Leaf::Scalar | Leaf::Seed));
        let shared = deriving.is_some() && op.is_pure() && !self.sweeps.is_copying();
        if shared && let Some(id) = self.cons.find(op, inputs, given, &self.code, &self.sweeps) {
            return Ok(id);
        }
        let position = self.len();
        if let Some(entry) = self.code.entries.get_mut(position)
            && entry.op == op
            && (payload || entry.inputs == inputs)
            && given.is_none_or(|shape| self.code.shapes.get(entry.shape) == shape)
        {
            entry.inputs = inputs;
            entry.place = place;
        } else if let Some(tail) = self.shelved(op, payload, inputs, given) {
            self.turn(tail);
            let position = self.len();
            let entry = &mut self.code.entries[position];
            entry.inputs = inputs;
            entry.place = place;
        } else {
            let call = Call { log: self, inputs, given: given.copied(), arity: op.arity() };
            let shape = op.shape(&call)?;
            self.drop_rest();
            assert!(position < u32::MAX as usize, "a tape holds fewer than 2^32 instructions");
            let shape = self.code.shapes.intern(shape);
            if self.code.entries.len() == self.code.entries.capacity() {
                // Growing by a quarter instead of twofold keeps long tapes within 64 bytes an instruction.
                self.code.entries.reserve_exact(self.code.entries.len() / 4 + 64);
            }
            self.code.entries.push(Entry { op, inputs, shape, place });
        }
        self.move_to(position + 1);
        if shared {
            self.cons.insert(id(position), &self.code);
        }
        Ok(id(position))
    }

    /// Records a leaf that lends or copies an array; [`last_array`](Log::last_array) takes it.
    pub(crate) fn push_array(&mut self, leaf: Leaf, shape: &Shape, place: Place) -> Result<Id, String> {
        let inputs = [id(self.arrays.next()), 0, 0];
        let id = match self.find_shaped(Op::Leaf(leaf), inputs, shape, place) {
            Some(id) => id,
            None => self.push(Op::Leaf(leaf), inputs, Some(shape), place)?,
        };
        self.arrays.grow();
        Ok(id)
    }

    /// The array of the [`push_array`](Log::push_array) just recorded.
    pub(crate) fn last_array(&mut self) -> &mut LeafData<T> {
        self.arrays.last()
    }

    /// Records labels or indices; [`last_indices`](Log::last_indices) takes them.
    pub(crate) fn push_indices(&mut self, count: usize, place: Place) -> Result<Id, String> {
        let shape = Shape::from([count]);
        let (op, inputs) = (Op::Leaf(Leaf::Indices), [id(self.indices.next()), 0, 0]);
        let id = match self.find_shaped(op, inputs, &shape, place) {
            Some(id) => id,
            None => self.push(op, inputs, Some(&shape), place)?,
        };
        self.indices.grow();
        Ok(id)
    }

    /// The list of the [`push_indices`](Log::push_indices) just recorded.
    pub(crate) fn last_indices(&mut self) -> &mut Vec<u32> {
        self.indices.last()
    }

    /// Records an instruction with any number of operands.
    pub(crate) fn push_list(
        &mut self,
        op: Op,
        operands: &[Id],
        custom: Option<Arc<dyn CustomOp<T>>>,
        place: Place,
    ) -> Result<Id, String> {
        if let Some(&entry) = self.code.entries.get(self.len())
            && entry.op == op
            && self.list(&entry) == operands
            && custom.as_ref().is_none_or(|new| Arc::ptr_eq(new, self.custom(&entry)))
        {
            return self.push(op, entry.inputs, None, place);
        }
        let same = |tail: &Tail<T>| {
            let entry = &tail.entries[0];
            entry.op == op
                && tail.lists.get(..operands.len()) == Some(operands)
                && entry.inputs[1] as usize == operands.len()
                && custom.as_ref().is_none_or(|new| tail.customs.first().is_some_and(|known| Arc::ptr_eq(new, known)))
        };
        if let Some(tail) = self.shelf.take(self.len(), same) {
            let inputs = tail.entries[0].inputs;
            self.turn(tail);
            return self.push(op, inputs, None, place);
        }
        self.drop_rest();
        let inputs = [id(self.code.lists.len()), id(operands.len()), id(self.customs.len())];
        self.code.lists.extend_from_slice(operands);
        self.customs.extend(custom);
        self.push(op, inputs, None, place)
    }

    /// Records an instruction in a sweep as the copy of another: with other operands, and not shared.
    pub(crate) fn push_copy(&mut self, op: Op, inputs: [u32; 3], of: Id) -> Id {
        let (shape, place) = (*self.shape(of), self.place(of));
        self.sweeps.set_copying(true);
        let result = self.push(op, inputs, Some(&shape), place);
        self.sweeps.set_copying(false);
        result.expect("the shapes are those of what is copied")
    }

    /// The same for an instruction with a list of operands.
    pub(crate) fn push_copy_of_list(&mut self, of: Id, operands: &[Id]) -> Id {
        let entry = *self.entry(of);
        let custom = matches!(entry.op, Op::Custom(_)).then(|| Arc::clone(self.custom(&entry)));
        if custom.is_some() {
            self.sweeps.derive_impure();
        }
        let result = self.push_list(entry.op, operands, custom, self.place(of));
        result.expect("the shapes are those of what is copied")
    }

    // ---- leaves with an identity -----------------------------------------------------------------------------------

    /// The instruction that stands for the parameter: one in a recording, however often the handle is used.
    #[inline]
    pub(crate) fn param_id(&self, index: u32) -> Option<Id> {
        self.leaf_id(&self.param_ids, Leaf::Parameter, index)
    }

    /// That instruction, recorded before or found under the cursor.
    #[inline]
    pub(crate) fn find_param(&mut self, param: Param, place: Place) -> Option<Id> {
        if !self.layout.as_ref().is_some_and(|layout| layout.has_param(param)) {
            return None;
        }
        let index = param.index;
        if let Some(id) = self.param_id(index) {
            return Some(id);
        }
        let known = self.param_ids[index as usize] as usize == self.len();
        if known { self.find(Op::Leaf(Leaf::Parameter), [index, 0, 0], place) } else { None }
    }

    #[inline]
    pub(crate) fn buffer_id(&self, index: u32) -> Option<Id> {
        self.leaf_id(&self.buffer_ids, Leaf::Buffer, index)
    }

    #[inline]
    fn leaf_id(&self, ids: &[Id], leaf: Leaf, index: u32) -> Option<Id> {
        let id = *ids.get(index as usize)?;
        let entry = self.code.entries[..self.len()].get(id as usize)?;
        (entry.op == Op::Leaf(leaf) && entry.inputs[0] == index).then_some(id)
    }

    pub(crate) fn set_leaf_id(&mut self, leaf: Leaf, index: u32, id: Id) {
        let ids = if leaf == Leaf::Parameter { &mut self.param_ids } else { &mut self.buffer_ids };
        ids[index as usize] = id;
    }

    pub(crate) fn layout(&self) -> &Arc<Layout> {
        self.layout.as_ref().expect("a recording has begun")
    }

    /// Notes that a buffer is to become the value of `id`.
    pub(crate) fn update(&mut self, buffer: u32, id: Id) {
        self.updates.retain(|&(other, _)| other != buffer);
        self.updates.push((buffer, id));
    }

    pub(crate) fn updates(&self) -> &[(u32, Id)] {
        &self.updates
    }

    // ---- sweeps ----------------------------------------------------------------------------------------------------

    /// The answers of an equal sweep recorded at this very position last time; the cursor moves behind it.
    pub(crate) fn find_sweep(&mut self, request: &Request) -> Option<Answers> {
        if self.eager || self.sweeps.deriving().is_some() {
            return None;
        }
        let start = self.len();
        let (end, answers) = self.sweeps.find(start, request)?;
        self.code.callers.pause(id(start));
        self.move_to(end);
        self.code.callers.resume(id(end));
        Some(answers)
    }

    /// Starts recording rules: equal instructions are shared, scalars are literals. Returns the rule that asks for this
    /// sweep, if one does; the outermost sweep has to [`finish_sweep`](Log::finish_sweep).
    pub(crate) fn start_sweep(&mut self, place: Place) -> Option<(Place, bool)> {
        if let Some(rule) = self.sweeps.rule() {
            return Some(rule);
        }
        self.cons.take_in(self.sweeps.done(), &self.code);
        self.sweeps.start(self.len(), place);
        self.code.callers.pause(id(self.len()));
        self.move_to(self.len());
        None
    }

    /// The rule of this instruction runs next; whether its cotangent is masked.
    pub(crate) fn derive_at(&mut self, id: Id, masked: bool) {
        self.sweeps.derive_at(self.place(id), masked);
    }

    pub(crate) fn finish_sweep(&mut self, request: Request, answers: &Answers) {
        self.sweeps.finish(self.len(), request, answers);
        self.cons.count_sweep();
        self.end_sweep();
    }

    /// Ends a sweep that failed.
    pub(crate) fn abandon_sweep(&mut self) {
        self.sweeps.abandon();
        self.cons.restart();
        self.end_sweep();
    }

    fn end_sweep(&mut self) {
        self.move_to(self.len());
        self.code.callers.resume(id(self.len()));
    }

    // ---- callers ---------------------------------------------------------------------------------------------------

    /// Sets the line on whose behalf instructions are recorded from now on.
    pub(crate) fn set_caller(&mut self, caller: Option<Place>) {
        // What a rule records has the line of the instruction that it differentiates, whoever calls.
        let position = self.sweeps.deriving().is_none().then(|| id(self.len()));
        self.code.callers.set(caller, position);
    }

    pub(crate) fn caller(&self) -> Option<Place> {
        self.code.callers.current()
    }

    // ---- looking -----------------------------------------------------------------------------------------------

    pub(crate) fn custom(&self, entry: &Entry) -> &Arc<dyn CustomOp<T>> {
        &self.customs[entry.inputs[2] as usize]
    }

    pub(crate) fn custom_at(&self, index: u32) -> &Arc<dyn CustomOp<T>> {
        &self.customs[index as usize]
    }

    pub(crate) fn array(&self, entry: &Entry) -> &LeafData<T> {
        self.arrays.of(entry.inputs[0])
    }

    pub(crate) fn index_list(&self, id: Id) -> &[u32] {
        self.indices.of(self.entry(id).inputs[0])
    }

    pub(crate) fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The first position that changed since this was last asked.
    pub(crate) fn take_changed(&mut self) -> usize {
        std::mem::replace(&mut self.changed_from, usize::MAX)
    }

    /// The bytes that the log holds, by capacity.
    pub(crate) fn bytes(&self) -> usize {
        self.code.entries.capacity() * size_of::<Entry>()
            + self.cons.bytes()
            + self.code.callers.bytes()
            + self.code.lists.capacity() * size_of::<u32>()
            + self.shelf.bytes()
            + self.code.shapes.bytes()
    }
}

/// A payload of 64 bits as it stands in the inputs of a leaf.
#[allow(clippy::cast_possible_truncation, reason = "the two halves of a word")]
pub(crate) fn split(payload: u64) -> [u32; 3] {
    [payload as u32, (payload >> 32) as u32, 0]
}

/// The payload that [`split`] took apart.
pub(crate) fn join(inputs: [u32; 3]) -> u64 {
    u64::from(inputs[0]) | u64::from(inputs[1]) << 32
}

#[inline]
#[allow(clippy::cast_possible_truncation, reason = "`push` refuses to grow the log beyond")]
fn id(position: usize) -> Id {
    position as u32
}
