//! Steps as programs of the kernels.

use std::collections::BTreeMap;
use std::ops::Range;

use super::access::Pattern;
use super::group::{Grouping, Step};
use super::program::{Action, BUFFERS, OTHERS, PARAMS, Program};
use super::select::{Kind, Node, Selection, operands, root};
use super::sketch::Sketch;
use super::{Goal, Imported, source};
use crate::kernel::scalar;
use crate::kernel::simd::Element;
use crate::kernel::space::Slot;
use crate::kernel::tile::{self, Binary, Extent, Graph, NodeId, Output, Passes};
use crate::op::fuse::Part;
use crate::op::{Leaf, Op};
use crate::tape::log::{Id, Log, join};

/// Plans a program for the goal; `passes` has those that were compiled before, `imported` tells what is held already.
pub(crate) fn plan<T: Element>(
    log: &Log<T>,
    goal: Goal<'_>,
    passes: &mut Passes<T>,
    imported: &dyn Fn(Id) -> Option<Imported>,
) -> Program<T> {
    let Sketch { selection, grouping, kept, parts, places } = Sketch::new(log, goal, &|id| imported(id).is_some());
    let mut lowering = Lowering {
        log,
        selection: &selection,
        grouping: &grouping,
        slots: places.slots,
        made: vec![None; selection.nodes.len()],
        loaded: BTreeMap::new(),
        program: Program {
            steps: Vec::with_capacity(grouping.steps.len()),
            slots: Vec::new(),
            labels: Vec::new(),
            operands: Vec::new(),
            arena: places.arena,
            own: places.own,
            literals: Vec::new(),
            numbers: Vec::new(),
            loads: Vec::new(),
            arrays: Vec::new(),
            imports: Vec::new(),
            copies: Vec::new(),
            readable: Vec::new(),
            computed: Vec::new(),
        },
    };
    lowering.find_sources(imported);
    for step in &grouping.steps {
        let action = match step {
            Step::Scalars(nodes) => lowering.scalars(nodes),
            Step::Pass(pass) => lowering.pass(*pass, passes),
            Step::Alone(at) => lowering.alone(*at),
        };
        lowering.program.steps.push(action);
    }
    lowering.finish(goal, &kept, &parts)
}

struct Lowering<'a, T> {
    log: &'a Log<T>,
    selection: &'a Selection,
    grouping: &'a Grouping,
    slots: Vec<Option<Slot>>,
    /// For members of passes the node that stands for them there.
    made: Vec<Option<NodeId>>,
    /// The cells of numbers that are copied, by where they stand.
    loaded: BTreeMap<(usize, usize), usize>,
    program: Program<T>,
}

impl<T: Element> Lowering<'_, T> {
    fn node(&self, at: usize) -> &Node {
        &self.selection.nodes[at]
    }

    fn slot(&self, at: usize) -> Slot {
        self.slots[at].expect("what is read has a place")
    }

    /// Gives places to what is not computed, and cells to what is used among numbers.
    fn find_sources(&mut self, imported: &dyn Fn(Id) -> Option<Imported>) {
        let log = self.log;
        let mut imports = Vec::new();
        for at in 0..self.selection.nodes.len() {
            let id = self.node(at).id;
            let entry = log.entry(id);
            match (self.node(at).kind, entry.op) {
                (Kind::Number, Op::Leaf(leaf)) => {
                    let Some(cell) = self.slots[at] else { continue };
                    if leaf == Leaf::Literal {
                        self.program.literals.push((cell.start, T::from_bits(join(entry.inputs))));
                    } else {
                        self.program.numbers.push((id, u32::try_from(cell.start).expect("fewer than 2^32 numbers")));
                    }
                }
                (Kind::Data, Op::Leaf(Leaf::Parameter)) => {
                    let range = log.layout().params[entry.inputs[0] as usize].range();
                    self.slots[at] = Some(Slot { region: PARAMS, start: range.start, len: range.len() });
                }
                (Kind::Data, Op::Leaf(Leaf::Buffer)) => {
                    let range = log.layout().buffers[entry.inputs[0] as usize].range();
                    self.slots[at] = Some(Slot { region: BUFFERS, start: range.start, len: range.len() });
                }
                (Kind::Data, _) => {
                    let region = OTHERS + self.program.arrays.len();
                    self.program.arrays.push(id);
                    self.slots[at] = Some(Slot { region, start: 0, len: log.shape(id).size() });
                }
                (Kind::Import, _) => imports.push(at),
                _ => {}
            }
        }
        let mut numbers: Vec<Option<usize>> = Vec::new();
        for at in imports {
            let (place, slot) = imported(self.node(at).id).expect("it was imported when it was selected");
            let imports = &mut self.program.imports;
            numbers.resize(numbers.len().max(place + 1), None);
            let index = *numbers[place].get_or_insert_with(|| {
                imports.push(place);
                imports.len() - 1
            });
            self.slots[at] = Some(Slot { region: OTHERS + self.program.arrays.len() + index, ..slot });
        }
    }

    /// The cell of a number: its own, or one that it is copied to before the program runs.
    fn cell(&mut self, at: usize) -> u32 {
        let slot = self.slot(at);
        let cell = if matches!(self.node(at).kind, Kind::Data | Kind::Import) {
            let program = &mut self.program;
            *self.loaded.entry((slot.region, slot.start)).or_insert_with(|| {
                program.loads.push((slot, program.own));
                program.own += 1;
                program.own - 1
            })
        } else {
            slot.start
        };
        u32::try_from(cell).expect("fewer than 2^32 cells")
    }

    fn scalars(&mut self, nodes: &[usize]) -> Action<T> {
        let mut list = Vec::with_capacity(nodes.len());
        for &at in nodes {
            let id = self.node(at).id;
            let mut cells = [0; 3];
            for (cell, operand) in cells.iter_mut().zip(operands(self.log, id)) {
                *cell = self.cell(self.selection.index(operand));
            }
            list.push(scalar::Node {
                function: self.log.entry(id).op.scalar().expect("a pointwise op"),
                operands: cells,
                result: self.cell(at),
            });
        }
        let grouping = self.grouping;
        let outside = nodes.iter().filter(|&&at| grouping.outside[at]);
        let mut outside: Vec<u32> = outside.map(|&at| self.cell(at)).collect();
        outside.sort_unstable();
        Action::Scalars(Box::new(scalar::compile(&list, |cell| outside.binary_search(&cell).is_ok())))
    }

    fn alone(&mut self, at: usize) -> Action<T> {
        let id = self.node(at).id;
        let entry = self.log.entry(id);
        let has_value = |&id: &Id| !matches!(self.log.entry(id).op, Op::Leaf(Leaf::Seed | Leaf::Indices));
        let sources =
            (0..self.log.operands(entry).len()).map(|operand| source(self.log, entry, operand)).filter(has_value);
        let operands: Vec<(Id, Slot)> =
            sources.map(|id| (id, self.slot(self.selection.index(root(self.log, id))))).collect();
        let operands = append(&mut self.program.operands, &operands);
        Action::Alone { id, operands, out: self.slot(at) }
    }

    fn pass(&mut self, pass: usize, passes: &mut Passes<T>) -> Action<T> {
        let pass_of = &self.grouping.passes[pass];
        let rows = pass_of.rows();
        let (height, width) =
            (pass_of.domain[..rows].iter().product::<usize>(), pass_of.domain[rows..].iter().product::<usize>());
        let mut build = Build {
            graph: Graph::new(height, width),
            reads: Vec::new(),
            walked: Vec::new(),
            labels: Vec::new(),
            writes: Vec::new(),
        };
        for &at in &pass_of.members {
            let node = self.node(at);
            let Kind::Pass(part) = node.kind else { unreachable!("members of passes") };
            let mut operands: Vec<NodeId> = Vec::new();
            for walk in self.selection.walks(node) {
                let base = self.selection.index(walk.base);
                let made = self.made[base].filter(|_| self.grouping.pass[base] == pass);
                let columns = if node.domain == pass_of.domain && part != Part::Embed { width } else { walk.size() };
                operands.push(made.unwrap_or_else(|| self.input(&mut build, base, walk.pattern(rows), columns)));
            }
            if part != Part::Pointwise
                && let Some(first) = operands.first_mut()
            {
                // Numbers and columns count as often as they are repeated.
                *first = build.graph.push(tile::Node::Spread(*first, Extent::Whole));
            }
            self.made[at] = self.member(&mut build, at, part, &operands);
        }
        let Build { graph, reads, labels, writes, .. } = build;
        let slots = &mut self.program.slots;
        let (reads, writes) = (append(slots, &reads), append(slots, &writes));
        let labels = append(&mut self.program.labels, &labels);
        Action::Pass { pass: passes.compiled(&graph), reads, writes, labels }
    }

    /// An operand that is read from memory.
    fn input(&self, build: &mut Build, base: usize, pattern: Pattern, columns: usize) -> NodeId {
        let node = self.node(base);
        if let Op::Leaf(Leaf::Literal) = self.log.entry(node.id).op {
            let bits = join(self.log.entry(node.id).inputs);
            return build.graph.push(tile::Node::Constant(bits));
        }
        let walk = (base, pattern, columns);
        if let Some(&(_, made)) = build.walked.iter().find(|&&(other, _)| other == walk) {
            return made;
        }
        let extent = (build.graph.rows - 1) * pattern.row_stride + (columns - 1) * pattern.column_stride + 1;
        let slot = build.reads.len();
        build.reads.push(self.slot(base).part(pattern.offset, extent));
        let made = build.graph.push(tile::Node::Input {
            slot,
            row_stride: pattern.row_stride.cast_signed(),
            column_stride: pattern.column_stride.cast_signed(),
        });
        build.walked.push((walk, made));
        made
    }

    /// One instruction of a pass.
    fn member(&self, build: &mut Build, at: usize, part: Part, operands: &[NodeId]) -> Option<NodeId> {
        let id = self.node(at).id;
        let entry = self.log.entry(id);
        let slot = build.writes.len();
        if matches!(part, Part::SumAll | Part::SumRows) {
            build.writes.push(self.slot(at));
            let output = if part == Part::SumAll { Output::SumAll { slot } } else { Output::SumRows { slot } };
            build.graph.output(operands[0], output);
            return None;
        }
        let labels = entry.op.labels().map(|operand| {
            let list = self.log.operands(entry)[operand];
            build.labels.iter().position(|&other| other == list).unwrap_or_else(|| {
                build.labels.push(list);
                build.labels.len() - 1
            })
        });
        let node = match entry.op {
            Op::Embed(embed) => tile::Node::Shifted {
                operand: operands[0],
                shift: embed.place(entry.inputs).1.cast_signed(),
                length: self.log.shape(entry.inputs[0]).size(),
            },
            op => op.node(operands, labels),
        };
        let made = unchanged(&build.graph, &node, T::one().bits()).unwrap_or_else(|| build.graph.push(node));
        if self.grouping.stored[at] {
            build.writes.push(self.slot(at));
            let columns = build.graph.columns.cast_signed();
            let (row_stride, column_stride) = if part == Part::RowReduce { (1, 0) } else { (columns, 1) };
            // A value made of numbers and columns alone still fills its tensor.
            let whole = if matches!(part, Part::Pointwise | Part::Embed) {
                build.graph.push(tile::Node::Spread(made, Extent::Whole))
            } else {
                made
            };
            build.graph.output(whole, Output::Store { slot, row_stride, column_stride });
        }
        Some(made)
    }

    fn finish(mut self, goal: Goal<'_>, kept: &[usize], parts: &[(usize, usize)]) -> Program<T> {
        for ((id, range), &(at, _)) in goal.parts.iter().zip(parts) {
            let to = Slot { region: super::program::TARGET, start: range.start, len: range.len() };
            let from = self.slot(at);
            debug_assert_eq!(from.len, to.len, "%{id} fills its part");
            if from != to {
                self.program.copies.push((from, to));
            }
        }
        // Each once, by position, as the nodes stand.
        let mut is_readable = vec![false; self.selection.nodes.len()];
        for &at in kept {
            is_readable[at] = !matches!(self.node(at).kind, Kind::Data | Kind::Import);
        }
        let readable = (0..is_readable.len()).filter(|&at| is_readable[at]);
        self.program.readable = readable.map(|at| (self.node(at).id, self.slot(at))).collect();
        let computed =
            self.selection.nodes.iter().filter(|node| !matches!(node.kind, Kind::Data | Kind::Number | Kind::Import));
        for id in computed.map(|node| node.id) {
            match self.program.computed.last_mut() {
                Some((_, end)) if *end == id => *end += 1,
                _ => self.program.computed.push((id, id + 1)),
            }
        }
        self.program
    }
}

/// The operand that a product with 1, which has the bits `one`, is: the cotangent of a sum is 1, and its products are everywhere.
fn unchanged(graph: &Graph, node: &tile::Node, one: u64) -> Option<NodeId> {
    let is_one = |id: NodeId| matches!(graph.nodes[id.index()], tile::Node::Constant(bits) if bits == one);
    match *node {
        tile::Node::Binary(Binary::Mul | Binary::Weigh, one, x) if is_one(one) => Some(x),
        tile::Node::Binary(Binary::Mul, x, one) if is_one(one) => Some(x),
        _ => None,
    }
}

/// Where the items stand now that they are at the end of the list.
fn append<X: Copy>(list: &mut Vec<X>, items: &[X]) -> Range<u32> {
    let place = |at: usize| u32::try_from(at).expect("fewer than 2^32 operands");
    let start = list.len();
    list.extend_from_slice(items);
    place(start)..place(list.len())
}

/// A pass while its graph is made.
struct Build {
    graph: Graph,
    reads: Vec<Slot>,
    /// Inputs so far: what is walked through, how and how far, and the node.
    walked: Vec<((usize, Pattern, usize), NodeId)>,
    labels: Vec<Id>,
    writes: Vec<Slot>,
}
