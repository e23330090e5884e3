//! Code for the accumulator machine: each value is computed just before it is used, so that most never leave the registers.

use super::compile::{Compiler, Order};
use super::facts::{Fact, Moment, Phase};
use super::fuse::fuse;
use super::instr::{Beside, Instr, Mode, Op};
use super::machine::{BLOCK, has_spare_registers};
use super::program::{Entry, EntryId, Foreign, Segment, Step};
use super::{Binary, Extent, Node, NodeId};

/// What is known while the code of a segment is written.
struct Emitter<'c, 'g> {
    compiler: &'c mut Compiler<'g>,
    stage: u32,
    extent: Extent,
    code: Vec<Instr>,
    /// For each node, how often code of this segment is still going to use it.
    uses: Vec<u32>,
    /// Whether the value stands where it belongs.
    done: Vec<bool>,
    /// The register or block that holds a value for the time being.
    kept: Vec<Option<Operand>>,
    /// Registers beside the accumulator that are free.
    beside: Vec<Beside>,
    /// Whether only memory will do, since some op that takes the value finds it nowhere else.
    in_memory: Vec<bool>,
    /// The node that the accumulator holds.
    held: Option<NodeId>,
    /// How many blocks a value takes to compute.
    depth: Vec<u32>,
    /// Blocks that are free.
    free: Vec<EntryId>,
    /// The memory that the code touches.
    table: Vec<Touched>,
}

#[derive(Clone, Copy)]
struct Touched {
    entry: EntryId,
    moving: bool,
    reads: bool,
    writes: bool,
}

/// An operand that is there.
type Operand = (Mode, EntryId);

impl Compiler<'_> {
    /// Writes the code of a stage over an extent, if there is any.
    pub(super) fn segment(&mut self, stage: u32, extent: Extent) {
        let nodes = &self.graph.nodes;
        let here = |fact: &Fact| fact.needed && fact.stage == stage && fact.extent == extent;
        if !self.facts.iter().any(here) {
            return;
        }
        let (mut uses, mut depth) = (vec![0; nodes.len()], vec![0; nodes.len()]);
        let mut in_memory = vec![false; nodes.len()];
        for (i, (node, fact)) in nodes.iter().zip(&self.facts).enumerate() {
            if here(fact) && node.is_cheap() {
                let mut operands = Vec::new();
                let from_memory = takes_memory(node);
                node.each_operand(|id| {
                    uses[id.index()] += 1;
                    in_memory[id.index()] |= from_memory;
                    operands.push(depth[id.index()]);
                });
                operands.sort_unstable();
                depth[i] = operands.iter().rev().zip(0..).map(|(&depth, k)| depth + k).max().unwrap_or(0).max(1);
            }
        }
        let roots: Vec<_> = (0..nodes.len()).filter(|&i| here(&self.facts[i])).collect();
        let mut emitter = Emitter {
            stage,
            extent,
            code: Vec::new(),
            uses,
            done: self.homes.iter().map(Option::is_some).collect(),
            kept: vec![None; nodes.len()],
            beside: if has_spare_registers(self.level) { vec![Beside::C, Beside::B] } else { Vec::new() },
            in_memory,
            held: None,
            depth,
            free: self.blocks.clone(),
            table: Vec::new(),
            compiler: self,
        };
        for i in roots {
            #[allow(clippy::cast_possible_truncation, reason = "nodes are numbered in 32 bits")]
            emitter.root(NodeId(i as u32));
        }
        emitter.finish();
    }
}

/// Whether its instructions find operands in the accumulator and in memory only.
fn takes_memory(node: &Node) -> bool {
    match node {
        Node::Binary(binary, ..) => !matches!(binary, Binary::Add | Binary::Sub | Binary::Mul | Binary::Div),
        Node::Select(..) => true,
        _ => false,
    }
}

impl Emitter<'_, '_> {
    /// Computes a node for what is outside of this segment.
    fn root(&mut self, id: NodeId) {
        if self.compiler.graph.nodes[id.index()].is_cheap() {
            if !self.done[id.index()] && self.is_wanted(id) {
                self.compute(id, 0);
            }
        } else if self.compiler.orders[id.index()].iter().any(|order| !matches!(order, Order::AtEnd(_))) {
            self.fetch(id);
            self.follow_orders(id);
        }
    }

    /// Whether anything but code of this segment needs the node.
    fn is_wanted(&self, id: NodeId) -> bool {
        self.outlives(id) || !self.compiler.orders[id.index()].is_empty()
    }

    /// Whether the node is used later than by code of this segment. Numbers are, or else they would be pointless.
    fn outlives(&self, id: NodeId) -> bool {
        let phase = if self.extent == Extent::Whole { Phase::Cells } else { Phase::Columns };
        self.extent == Extent::Number || self.compiler.facts[id.index()].last > Moment { stage: self.stage, phase }
    }

    /// Computes a node into the accumulator, does with it what was ordered, and keeps it if it is used again by others than
    /// those `users` it is computed for.
    fn compute(&mut self, id: NodeId, users: u32) {
        let graph = self.compiler.graph;
        match graph.nodes[id.index()] {
            Node::Unary(unary, a) => {
                if self.bring(&[a]).is_none() {
                    self.fetch(a);
                }
                self.push(Op::unary(unary), &[]);
                self.used(&[a]);
            }
            Node::Spread(a, _) => {
                if self.bring(&[a]).is_none() {
                    self.fetch(a);
                }
                self.used(&[a]);
            }
            Node::Binary(binary, a, b) => {
                let choose = |modes: &[Operand]| Op::binary(binary, modes[0].0, modes[1].0);
                self.combine(&[a, b], choose);
            }
            Node::Select(a, b, c) => {
                let choose = |modes: &[Operand]| Some((Op::select([modes[0].0, modes[1].0, modes[2].0])?, false));
                self.combine(&[a, b, c], choose);
            }
            _ => unreachable!("the accumulator computes cheap nodes only"),
        }
        self.computed(id, users);
    }

    /// An instruction of several operands, or two where they are not where any instruction takes them.
    fn combine(&mut self, operands: &[NodeId], choose: impl Fn(&[Operand]) -> Option<(Op, bool)>) {
        let acc = self.bring(operands);
        let mut places: Vec<Operand> = operands
            .iter()
            .map(|&id| if Some(id) == acc { (Mode::Acc, 0) } else { self.place(id).expect("it was brought") })
            .collect();
        let (op, flipped) = choose(&places).unwrap_or_else(|| {
            if let Some(id) = acc {
                self.keep(id);
            }
            self.fetch(operands[0]);
            for (place, &id) in places.iter_mut().zip(operands).skip(1) {
                *place = self.place(id).expect("it was kept");
            }
            places[0] = (Mode::Acc, 0);
            choose(&places).expect("there is an instruction for a first operand in the accumulator")
        });
        if flipped {
            places.reverse();
        }
        self.push(op, &places);
        self.used(operands);
    }

    /// Sees to it that all operands are there; answers with the one that is in the accumulator, if one is.
    fn bring(&mut self, operands: &[NodeId]) -> Option<NodeId> {
        let mut missing: Vec<_> = operands.iter().copied().filter(|&id| self.place(id).is_none()).collect();
        // The deepest first; three at most.
        for end in (1..missing.len()).rev() {
            for k in 0..end {
                if self.depth[missing[k].index()] < self.depth[missing[k + 1].index()] {
                    missing.swap(k, k + 1);
                }
            }
        }
        // What the accumulator happens to hold need not be fetched.
        let mut acc = self.held.filter(|id| missing.is_empty() && operands.contains(id));
        for id in missing {
            if acc == Some(id) || self.place(id).is_some() {
                continue;
            }
            if let Some(id) = acc {
                self.keep(id);
            }
            self.compute(id, 1);
            acc = Some(id);
        }
        acc
    }

    /// Where a node stands in memory, if it does.
    fn place(&mut self, id: NodeId) -> Option<Operand> {
        if let Some(kept) = self.kept[id.index()] {
            return Some(kept);
        }
        if !self.done[id.index()] {
            return None;
        }
        let home = self.compiler.homes[id.index()]?;
        let extent = self.compiler.extent(id);
        let is_leaf = self.compiler.graph.nodes[id.index()].is_leaf();
        Some(match extent {
            Extent::Number if is_leaf || self.extent != Extent::Number => (Mode::Number, home),
            Extent::Column if self.extent == Extent::Whole && self.compiler.single_row() => (Mode::Number, home),
            _ => (Mode::Memory, self.compiler.memory(id, self.extent)),
        })
    }

    /// Loads a node that stands in memory into the accumulator.
    fn fetch(&mut self, id: NodeId) {
        let place = self.place(id).expect("it was computed before");
        if let Some(op) = Op::fetch(place.0) {
            self.push(op, &[place]);
        }
        self.held = Some(id);
    }

    /// Keeps the accumulator, which holds this node, in a register or a block, unless it is in memory already.
    fn keep(&mut self, id: NodeId) {
        if self.place(id).is_some() {
            return;
        }
        if let Some(register) = self.beside.pop_if(|_| !self.in_memory[id.index()]) {
            self.kept[id.index()] = Some((Mode::Beside(register), 0));
            self.push(Op::keep(register), &[]);
            return;
        }
        let block = self.free.pop().unwrap_or_else(|| {
            let offset = self.compiler.area(BLOCK);
            let block = self.compiler.entry(Entry::Area(offset));
            self.compiler.blocks.push(block);
            block
        });
        self.kept[id.index()] = Some((Mode::Memory, block));
        self.push(Op::Store, &[(Mode::Memory, block)]);
    }

    /// The accumulator holds a node that has just been computed.
    fn computed(&mut self, id: NodeId, users: u32) {
        let stored = self.compiler.orders[id.index()].iter().any(|order| !matches!(order, Order::Sum(_)));
        if stored || self.outlives(id) {
            let home = self.compiler.home(id);
            self.done[id.index()] = true;
            self.push(Op::Store, &[(Mode::Memory, home)]);
        } else if self.uses[id.index()] > users {
            self.keep(id);
        }
        self.follow_orders(id);
        self.held = Some(id);
    }

    /// Some code used these nodes.
    fn used(&mut self, operands: &[NodeId]) {
        for id in operands {
            let uses = &mut self.uses[id.index()];
            *uses -= 1;
            if *uses == 0 {
                match self.kept[id.index()].take() {
                    Some((Mode::Beside(register), _)) => self.beside.push(register),
                    Some((_, block)) => self.free.push(block),
                    None => {}
                }
            }
        }
    }

    /// Does with a value in the accumulator what was ordered.
    fn follow_orders(&mut self, id: NodeId) {
        for order in std::mem::take(&mut self.compiler.orders[id.index()]) {
            match order {
                Order::Store(to) => self.push(Op::Store, &[(Mode::Memory, to)]),
                Order::Sum(lanes) => self.push(Op::Sum, &[(Mode::Number, lanes)]),
                Order::AtEnd(_) => self.compiler.orders[id.index()].push(order),
            }
        }
    }

    fn push(&mut self, op: Op, places: &[Operand]) {
        if !matches!(op, Op::Store | Op::Sum | Op::KeepB | Op::KeepC) {
            self.held = None;
        }
        let mut at = [0; 3];
        for (at, &(mode, entry)) in
            at.iter_mut().zip(places).filter(|(_, place)| matches!(place.0, Mode::Memory | Mode::Number))
        {
            *at = entry;
            let moving = mode == Mode::Memory && !self.compiler.blocks.contains(&entry);
            let known = self.table.iter().position(|touched| touched.entry == entry);
            let k = known.unwrap_or_else(|| {
                self.table.push(Touched { entry, moving, reads: false, writes: false });
                self.table.len() - 1
            });
            let touched = &mut self.table[k];
            touched.reads |= op != Op::Store;
            touched.writes |= op == Op::Store;
        }
        self.code.push(Instr { op, at });
    }

    /// Hands the code over as a step, with places in its own table instead of entries.
    fn finish(mut self) {
        if self.code.is_empty() {
            return;
        }
        fuse(&mut self.code);
        self.code.push(Instr { op: Op::End, at: [0; 3] });
        let (moving, still): (Vec<_>, Vec<_>) = self.table.drain(..).partition(|touched| touched.moving);
        self.table.extend(moving.into_iter().chain(still));
        let place = |entry| self.table.iter().position(|touched| touched.entry == entry).unwrap_or(0);
        #[allow(clippy::cast_possible_truncation, reason = "no more places than entries")]
        let code =
            self.code.iter().map(|instr| Instr { at: instr.at.map(|entry| place(entry) as u16), ..*instr }).collect();
        let moving = self.table.iter().filter(|touched| touched.moving).count();
        let foreign: Vec<_> =
            (0..).zip(&self.table[..moving]).filter(|(_, touched)| self.compiler.is_foreign(touched.entry)).collect();
        let overrun = foreign.iter().all(|(_, touched)| self.compiler.is_dense(touched.entry, self.extent));
        let foreign =
            foreign.iter().map(|&(place, &Touched { reads, writes, .. })| Foreign { place, reads, writes }).collect();
        let table = self.table.iter().map(|touched| touched.entry).collect();
        let code = self.compiler.append(code);
        let segment = Segment { extent: self.extent, code, table, moving, foreign, overrun };
        let part = &mut self.compiler.part;
        let steps = if self.extent == Extent::Number { &mut part.once } else { &mut part.steps };
        steps.push(Step::Code(segment));
    }
}
