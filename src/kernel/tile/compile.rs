//! From a graph to a program: in which order, and where each value stands.

use super::facts::{Fact, Moment, Phase, facts};
use super::instr::Instr;
use super::lower::{Lowered, lower};
use super::machine::BLOCK;
use super::program::{BASES, Entry, EntryId, Finish, Part, Position, Program, RowsOf, RowsSum, Step, Sum};
use super::tiling::Tiling;
use super::{Extent, Graph, LANES, Node, NodeId, Operands, Output, SUM_BLOCK};
use crate::kernel::reduce;
use crate::kernel::simd::Level;
use crate::real::Real;

/// The state of a compilation.
pub(super) struct Compiler<'g> {
    pub(super) graph: &'g Graph,
    /// Where each input begins, beyond its slot.
    pub(super) offsets: &'g [isize],
    pub(super) facts: Vec<Fact>,
    pub(super) tiling: Tiling,
    pub(super) level: Level,
    pub(super) part: Part,
    /// What stands in memory.
    entries: Vec<Entry>,
    /// Where each constant stands.
    constants: Vec<EntryId>,
    /// Where the value of a node stands, over its own extent, once it is computed.
    pub(super) homes: Vec<Option<EntryId>>,
    /// Where an input whose rows stand apart, or one row for all, is laid out.
    packs: Vec<Option<EntryId>>,
    /// Where a narrower node stands repeated over the whole domain.
    spreads: Vec<Option<EntryId>>,
    /// What is to be done with each node when it is computed.
    pub(super) orders: Vec<Vec<Order>>,
    /// Memory of values that are used for the last time at some moment.
    busy: Vec<(Moment, usize, usize)>,
    free: Vec<(usize, usize)>,
    /// Blocks that values stay in for a few instructions.
    pub(super) blocks: Vec<EntryId>,
}

/// What is to be done with the value of a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Order {
    Store(EntryId),
    /// To be added to the lanes at this place.
    Sum(EntryId),
    /// To be kept until the end of the stage, for this.
    AtEnd(End),
}

/// What is done with a finished tile.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    Unpack { to: EntryId, stride: isize },
    Sum(usize),
    SumRows(usize),
}

impl<'g> Compiler<'g> {
    pub(super) fn new(lowered: &'g Lowered, facts: Vec<Fact>, tiling: Tiling, level: Level) -> Self {
        let Lowered { graph, offsets, .. } = lowered;
        let part = Part {
            tiling,
            chunks: tiling.chunks(),
            follows_sums: tiling.follows_sums(),
            inputs: 0,
            outputs: 0,
            located: Vec::new(),
            constants: Vec::new(),
            code: Vec::new(),
            once: Vec::new(),
            steps: Vec::new(),
            sums: Vec::new(),
            rows_sums: Vec::new(),
            travelling: Vec::new(),
            finish: Vec::new(),
            ends: 0,
            area: 0,
            shared: 0,
            pointers: 0,
        };
        let nodes = graph.nodes.len();
        let homes = vec![None; nodes];
        let (packs, spreads, orders) = (homes.clone(), homes.clone(), vec![Vec::new(); nodes]);
        let (busy, free, blocks) = (Vec::new(), Vec::new(), Vec::new());
        Self {
            graph,
            offsets,
            facts,
            tiling,
            level,
            part,
            entries: Vec::new(),
            constants: Vec::new(),
            homes,
            packs,
            spreads,
            orders,
            busy,
            free,
            blocks,
        }
    }

    pub(super) fn compile(mut self, first: usize) -> Part {
        self.leaves();
        self.outputs(first);
        let stages = self.facts.iter().filter(|fact| fact.needed).map(|fact| fact.stage).max().unwrap_or(0);
        for stage in 0..=stages {
            self.heavy(stage, |extent| extent == Extent::Number);
            self.segment(stage, Extent::Number);
        }
        for stage in 0..=stages {
            self.release(Moment { stage, phase: Phase::Heavy });
            self.heavy(stage, |extent| extent != Extent::Number);
            self.release(Moment { stage, phase: Phase::Columns });
            self.segment(stage, Extent::Column);
            self.release(Moment { stage, phase: Phase::Cells });
            self.segment(stage, Extent::Whole);
            self.end(stage);
        }
        self.numbers();
        let (foreign, table) = self.part.longest_table();
        self.part.ends = self.area(foreign * BLOCK);
        let slots =
            |each: fn(&Entry) -> Option<usize>| self.entries.iter().filter_map(each).max().map_or(0, |slot| slot + 1);
        self.part.inputs = slots(|entry| if let Entry::Input { slot, .. } = entry { Some(*slot) } else { None });
        self.part.outputs = slots(|entry| if let Entry::Output { slot, .. } = entry { Some(*slot) } else { None });
        self.part.located = self.entries.iter().map(|entry| entry.locate(self.part.inputs)).collect();
        self.part.pointers = BASES + self.part.inputs + self.part.outputs + self.entries.len() + table + foreign;
        self.part.travelling = (0..).zip(&self.entries).filter(|(_, entry)| entry.moves()).map(|(id, _)| id).collect();
        self.part
    }

    fn node(&self, id: NodeId) -> &'g Node {
        &self.graph.nodes[id.index()]
    }

    pub(super) fn extent(&self, id: NodeId) -> Extent {
        self.facts[id.index()].extent
    }

    /// Whether a tile has one row or a part of it, so that a column is one number.
    pub(super) fn single_row(&self) -> bool {
        self.tiling.tile_rows == 1
    }

    pub(super) fn entry(&mut self, entry: Entry) -> EntryId {
        self.entries.push(entry);
        EntryId::try_from(self.entries.len() - 1).expect("a group of some hundred nodes")
    }

    /// Elements of a tile of this extent, in whole blocks.
    pub(super) fn padded(&self, extent: Extent) -> usize {
        match extent {
            Extent::Number => BLOCK,
            Extent::Column => self.tiling.tile_rows.next_multiple_of(BLOCK),
            Extent::Whole => self.tiling.padded(),
        }
    }

    /// Whether an entry is not our own memory, or shared with other threads.
    pub(super) fn is_foreign(&self, entry: EntryId) -> bool {
        match self.entries[usize::from(entry)] {
            Entry::Input { .. } | Entry::Output { .. } => true,
            Entry::Shared(at) => at.row != 0,
            Entry::Area(_) | Entry::Constant(_) => false,
        }
    }

    /// Whether the tiles of an entry follow each other in memory.
    pub(super) fn is_dense(&self, entry: EntryId, extent: Extent) -> bool {
        let (Entry::Input { at, .. } | Entry::Output { at, .. } | Entry::Shared(at)) = self.entries[usize::from(entry)]
        else {
            return true;
        };
        let Tiling { columns, tile_columns, .. } = self.tiling;
        match extent {
            Extent::Number => false,
            Extent::Column => at.row == 1,
            Extent::Whole if self.tiling.is_flat() => at.column == 1,
            Extent::Whole => tile_columns == columns && at.row == columns.cast_signed() && at.column == 1,
        }
    }

    pub(super) fn shared(&mut self, len: usize) -> usize {
        let offset = self.part.shared;
        self.part.shared += len.next_multiple_of(LANES);
        offset
    }

    fn shared_entry(&mut self, len: usize, row: isize, column: isize) -> EntryId {
        let offset = self.shared(len).cast_signed();
        self.entry(Entry::Shared(Position { offset, row, column }))
    }

    pub(super) fn area(&mut self, len: usize) -> usize {
        let offset = self.part.area;
        // A line more than needed, so that tiles do not compete for the same places of the cache.
        self.part.area += (len + LANES).next_multiple_of(LANES);
        offset
    }

    /// Memory for the tile of a node until its last use.
    pub(super) fn tile(&mut self, id: NodeId) -> EntryId {
        let (len, last) = (self.padded(self.extent(id)), self.facts[id.index()].last);
        if self.extent(id) == Extent::Number {
            return self.shared_entry(len, 0, 0);
        }
        let offset = match self.free.iter().position(|&(free, _)| free == len) {
            Some(k) => self.free.swap_remove(k).1,
            None => self.area(len),
        };
        self.busy.push((last, len, offset));
        self.entry(Entry::Area(offset))
    }

    fn release(&mut self, now: Moment) {
        let free = &mut self.free;
        self.busy.retain(|&(last, len, offset)| {
            let used = last >= now;
            if !used {
                free.push((len, offset));
            }
            used
        });
    }

    /// Numbers have their places from the beginning, and so has what stands in memory as tiles need it.
    fn leaves(&mut self) {
        for i in 0..self.graph.nodes.len() {
            if !self.facts[i].needed {
                continue;
            }
            let entry = match self.graph.nodes[i] {
                Node::Constant(x) => {
                    let known = self.part.constants.iter().position(|&y| y == x);
                    if let Some(k) = known {
                        self.homes[i] = self.constants.get(k).copied();
                        continue;
                    }
                    self.part.constants.push(x);
                    let entry = self.entry(Entry::Constant(self.part.constants.len() - 1));
                    self.constants.push(entry);
                    self.homes[i] = Some(entry);
                    continue;
                }
                Node::Input { slot, row_stride, column_stride } => {
                    let at = Position { offset: self.offsets[i], row: row_stride, column: column_stride };
                    Entry::Input { slot, at }
                }
                _ => continue,
            };
            self.homes[i] = Some(self.entry(entry));
        }
    }

    /// Turns outputs into orders; the domain begins at column `first` of theirs.
    fn outputs(&mut self, first: usize) {
        let at = |row_stride, column_stride: isize| Position {
            offset: first.cast_signed() * column_stride,
            row: row_stride,
            column: column_stride,
        };
        for &(id, output) in &self.graph.outputs {
            let extent = self.extent(id);
            let order = match output {
                Output::Store { slot, row_stride, column_stride } => {
                    self.store(extent, slot, at(row_stride, column_stride))
                }
                Output::SumAll { slot } => self.sum_all(extent, slot),
                Output::SumRows { slot } => {
                    let blocks = self.tiling.rows.div_ceil(reduce::BLOCK) * self.tiling.columns;
                    let blocks = self.shared(blocks);
                    self.part.rows_sums.push(RowsSum { blocks, slot });
                    Order::AtEnd(End::SumRows(self.part.rows_sums.len() - 1))
                }
            };
            // What is stored or summed after it is computed must stand until then.
            let phase = if let Order::AtEnd(_) = order { Phase::End } else { Phase::Cells };
            let Fact { stage, last, .. } = &mut self.facts[id.index()];
            *last = Moment { stage: *stage, phase }.max(*last);
            self.orders[id.index()].push(order);
        }
    }

    fn store(&mut self, extent: Extent, slot: usize, at: Position) -> Order {
        let entry = self.entry(Entry::Output { slot, at });
        let behind = match extent {
            Extent::Whole => self.tiling.columns.cast_signed(),
            _ => 1,
        };
        if extent == Extent::Number || (!self.single_row() && at.row != behind) {
            return Order::AtEnd(End::Unpack { to: entry, stride: at.row });
        }
        Order::Store(entry)
    }

    fn sum_all(&mut self, extent: Extent, slot: usize) -> Order {
        let (rows, columns) = (self.tiling.rows, self.tiling.columns);
        if extent != Extent::Whole {
            let len = if extent == Extent::Column { rows } else { 1 };
            let from = self.shared(len.next_multiple_of(BLOCK));
            self.part.finish.push(Finish::Sum { from, len, slot });
            let row = isize::from(extent == Extent::Column);
            let at = Position { offset: from.cast_signed(), row, column: 0 };
            return Order::Store(self.entry(Entry::Shared(at)));
        }
        let blocks = self.shared((rows * columns).div_ceil(SUM_BLOCK));
        let lanes = self.area(LANES);
        self.part.sums.push(Sum { lanes, blocks, slot });
        if self.tiling.follows_sums() {
            Order::Sum(self.entry(Entry::Area(lanes)))
        } else {
            Order::AtEnd(End::Sum(self.part.sums.len() - 1))
        }
    }

    /// Computations on whole tiles.
    fn heavy(&mut self, stage: u32, which: fn(Extent) -> bool) {
        for i in 0..self.graph.nodes.len() {
            let (node, fact) = (&self.graph.nodes[i], self.facts[i]);
            if !fact.needed || fact.stage != stage || !which(fact.extent) || !node.is_heavy() {
                continue;
            }
            let extent = fact.extent;
            #[allow(clippy::cast_possible_truncation, reason = "nodes are numbered in 32 bits")]
            let id = NodeId(i as u32);
            let step = match node {
                // The other one of a pair was computed with the first.
                Node::Call { .. } if self.homes[i].is_some() => continue,
                Node::Call { kernel, operands, .. } => match self.pair(id) {
                    Some(step) => step,
                    None => Step::Call {
                        kernel: *kernel,
                        operands: self.blocks_of(operands, extent),
                        out: self.home(id),
                        extent,
                    },
                },
                Node::Row { kernel, operands, labels } | Node::RowReduce { kernel, operands, labels } => {
                    let mut rows = [None; 3];
                    for (rows, &operand) in rows.iter_mut().zip(operands.as_slice()) {
                        *rows = Some(self.rows_of(operand));
                    }
                    self.home(id);
                    Step::Rows { kernel: *kernel, operands: rows, labels: *labels, out: self.rows_of(id) }
                }
                Node::RowSum(operand) => Step::RowSum { operand: self.rows_of(*operand), out: self.home(id) },
                _ => continue,
            };
            let steps = if extent == Extent::Number { &mut self.part.once } else { &mut self.part.steps };
            steps.push(step);
        }
    }

    /// Where the operands of a call are in memory, over its extent.
    pub(super) fn blocks_of(&mut self, operands: &Operands, extent: Extent) -> [EntryId; 3] {
        let mut blocks = [0; 3];
        for (block, &operand) in blocks.iter_mut().zip(operands.as_slice()) {
            *block = self.memory(operand, extent);
        }
        blocks
    }

    /// A place for the value of a node: where it is stored anyway, or a tile.
    pub(super) fn home(&mut self, id: NodeId) -> EntryId {
        let stored = self.orders[id.index()].iter().position(|order| matches!(order, Order::Store(_)));
        let home = match stored.map(|k| self.orders[id.index()].remove(k)) {
            Some(Order::Store(entry)) => entry,
            _ => self.tile(id),
        };
        self.homes[id.index()] = Some(home);
        home
    }

    /// Where a node's own extent is in memory, one row behind the other.
    ///
    /// # Panics
    ///
    /// If it is not computed yet.
    pub(super) fn dense(&mut self, id: NodeId) -> EntryId {
        let home = self.homes[id.index()].expect("operands are computed first");
        let Node::Input { row_stride, column_stride, .. } = *self.node(id) else { return home };
        let extent = self.extent(id);
        let behind = if extent == Extent::Whole { self.tiling.columns.cast_signed() } else { 1 };
        if extent == Extent::Number || self.single_row() || (row_stride == behind) {
            return home;
        }
        if let Some(pack) = self.packs[id.index()] {
            return pack;
        }
        let len = self.padded(extent);
        let to = if row_stride == 0 && column_stride == 1 {
            let to = self.shared_entry(len, 0, 0);
            self.part.once.push(Step::RepeatRow { from: home, to });
            to
        } else {
            let offset = self.area(len);
            let to = self.entry(Entry::Area(offset));
            self.part.steps.push(Step::Pack { from: home, stride: row_stride, to, extent });
            to
        };
        self.packs[id.index()] = Some(to);
        to
    }

    /// Where a node is in memory repeated over `extent`, its own or a wider one.
    pub(super) fn memory(&mut self, id: NodeId, extent: Extent) -> EntryId {
        if self.extent(id) == extent {
            return self.dense(id);
        }
        let home = self.homes[id.index()].expect("operands are computed first");
        let is_number = self.extent(id) == Extent::Number;
        // A number may be wanted over columns and over the whole domain; the latter has room for the former.
        let wide = if is_number { Extent::Whole } else { extent };
        let len = self.padded(wide).max(self.padded(Extent::Column));
        if let Some(spread) = self.spreads[id.index()] {
            return spread;
        }
        let to = if is_number {
            let to = self.shared_entry(len, 0, 0);
            self.part.once.push(Step::Fill { from: home, to, extent: wide });
            to
        } else {
            let offset = self.area(len);
            let to = self.entry(Entry::Area(offset));
            self.part.steps.push(if self.single_row() {
                Step::Fill { from: home, to, extent: wide }
            } else {
                Step::RepeatColumn { from: home, stride: self.rows_of(id).stride, to }
            });
            to
        };
        self.spreads[id.index()] = Some(to);
        to
    }

    /// The rows of a node as a row kernel takes them.
    pub(super) fn rows_of(&self, id: NodeId) -> RowsOf {
        let entry = self.homes[id.index()].expect("operands are computed first");
        let extent = self.extent(id);
        let stride = match (self.node(id), extent) {
            (_, Extent::Number) => 0,
            (Node::Input { row_stride, .. }, _) => *row_stride,
            (_, Extent::Column) => 1,
            (_, Extent::Whole) => self.tiling.tile_columns.cast_signed(),
        };
        RowsOf { entry, stride, whole: extent == Extent::Whole }
    }

    /// What is done with finished tiles of a stage.
    fn end(&mut self, stage: u32) {
        for i in 0..self.graph.nodes.len() {
            if self.facts[i].stage != stage || self.facts[i].extent == Extent::Number {
                continue;
            }
            #[allow(clippy::cast_possible_truncation, reason = "nodes are numbered in 32 bits")]
            let id = NodeId(i as u32);
            for order in std::mem::take(&mut self.orders[i]) {
                let Order::AtEnd(end) = order else { continue };
                let step = match end {
                    End::Unpack { to, stride } => {
                        Step::Unpack { from: self.dense(id), to, stride, extent: self.extent(id) }
                    }
                    End::Sum(sum) => Step::Sum { operand: self.dense(id), sum },
                    End::SumRows(sum) => Step::SumRows { operand: self.rows_of(id), sum },
                };
                self.part.steps.push(step);
            }
        }
    }
}

/// A program for a graph at a level that the machine has.
pub(super) fn compile_at<T: Real>(graph: &Graph, level: Level) -> Program<T> {
    let parts = parts(graph, level);
    let constants = |part: &Part| part.constants.iter().map(|&bits| T::from_bits(bits)).collect();
    Program { level, constants: parts.iter().map(constants).collect(), parts }
}

fn parts(graph: &Graph, level: Level) -> Vec<Part> {
    assert!(level.is_available(), "this machine lacks {level:?}");
    let part = |lowered: &Lowered| {
        let facts = facts(&lowered.graph);
        let tiling = Tiling::new(&lowered.graph, &facts, cost(&lowered.graph, &facts));
        Compiler::new(lowered, facts, tiling, level).compile(lowered.first)
    };
    lower(graph).iter().map(part).collect()
}

/// About what an element costs, in nanoseconds.
fn cost(graph: &Graph, facts: &[Fact]) -> f64 {
    let each = |(node, fact): (&Node, &Fact)| match node {
        _ if !fact.needed => 0.0,
        Node::Call { .. } => 0.3,
        Node::Row { .. } | Node::RowReduce { .. } => 0.5,
        _ => 0.01,
    };
    graph.nodes.iter().zip(facts).map(each).sum::<f64>() + 0.01
}

impl Compiler<'_> {
    /// What becomes of single numbers.
    fn numbers(&mut self) {
        for (i, orders) in self.orders.iter().enumerate() {
            for order in orders {
                let Order::AtEnd(End::Unpack { to, .. }) = *order else { continue };
                let from = self.homes[i].expect("all numbers are computed");
                self.part.finish.push(Finish::Store { from, to });
            }
        }
    }

    /// The code of a segment is complete.
    pub(super) fn append(&mut self, code: Vec<Instr>) -> std::ops::Range<usize> {
        let start = self.part.code.len();
        self.part.code.extend(code);
        start..self.part.code.len()
    }
}
