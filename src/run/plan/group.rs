//! Which instructions are computed together: levels, passes, and what of a pass has to be stored.
//!
//! Every instruction gets a level. Within a pass, and among numbers, an operand may have the same level as its result; in
//! all other cases its level is lower. So steps that are run level by level, in any order within one, find their operands
//! computed; no cycle between steps can come about.

use std::collections::BTreeMap;

use super::access::Access;
use super::select::{Kind, Node, Selection};
use crate::op::fuse::Part;
use crate::shape::{MAX_RANK, Shape};
use crate::tape::log::{Id, Instructions};

/// Instructions that are computed in one walk over a domain.
#[derive(Debug)]
pub(super) struct Pass {
    pub(super) domain: Shape,
    /// Which numbers of axes may be the rows, for all members.
    splits: u8,
    /// Whether one of its members is an `embed`, and whether one is of whole rows or a sum. A pass has not both.
    shifts: bool,
    reduces: bool,
    /// Nodes, operands before results.
    pub(super) members: Vec<usize>,
}

impl Pass {
    /// Whether this node can be a member, too.
    fn admits(&self, node: &Node) -> bool {
        let fits = match node.kind {
            Kind::Pass(Part::Pointwise) => true,
            Kind::Pass(Part::Embed) => !self.reduces,
            _ => !self.shifts,
        };
        fits && self.splits & node.splits != 0
    }

    fn admit(&mut self, node: &Node) {
        self.splits &= node.splits;
        self.shifts |= node.kind == Kind::Pass(Part::Embed);
        self.reduces |= !matches!(node.kind, Kind::Pass(Part::Embed | Part::Pointwise));
    }

    /// How many axes are the rows: as few as possible.
    pub(super) fn rows(&self) -> usize {
        self.splits.trailing_zeros() as usize
    }
}

/// What is run at one go.
#[derive(Debug)]
pub(super) enum Step {
    /// Numbers out of numbers: nodes, operands before results.
    Scalars(Vec<usize>),
    /// The pass with this index.
    Pass(usize),
    Alone(usize),
}

/// A program in steps.
pub(super) struct Grouping {
    pub(super) passes: Vec<Pass>,
    /// For each node that is part of a pass, which.
    pub(super) pass: Vec<usize>,
    pub(super) steps: Vec<Step>,
    /// Whether the value of a node has to stand in memory: another step reads it, or it was asked for, or it is a number.
    pub(super) stored: Vec<bool>,
    /// For numbers: whether another step reads it, or it was asked for.
    pub(super) outside: Vec<bool>,
}

const NONE: usize = usize::MAX;

/// Whether the node makes a value that later members of its pass can use without reading it from memory.
fn is_within(kind: Kind) -> bool {
    matches!(kind, Kind::Pass(Part::Pointwise | Part::Row | Part::RowReduce | Part::Embed))
}

struct Builder<'a> {
    log: &'a Instructions,
    selection: &'a Selection,
    levels: Vec<u32>,
    pass: Vec<usize>,
    passes: Vec<Pass>,
    /// The pass over a domain at a level.
    found: BTreeMap<(u32, usize, [usize; MAX_RANK]), usize>,
}

impl Grouping {
    pub(super) fn new(log: &Instructions, selection: &Selection, wanted: &[Id]) -> Self {
        let count = selection.nodes.len();
        let mut builder = Builder {
            log,
            selection,
            levels: vec![0; count],
            pass: vec![NONE; count],
            passes: Vec::new(),
            found: BTreeMap::new(),
        };
        for at in 0..count {
            builder.place(at);
        }
        let mut asked = vec![false; count];
        for &id in wanted {
            asked[selection.index(id)] = true;
        }
        builder.delay(&asked);
        builder.absorb(&asked);
        let (stored, outside) = builder.stored(asked);
        let steps = builder.steps();
        let Builder { pass, passes, .. } = builder;
        Self { passes, pass, steps, stored, outside }
    }
}

impl Builder<'_> {
    fn node(&self, at: usize) -> &Node {
        &self.selection.nodes[at]
    }

    /// Whether a member of a pass over this domain can take an operand from the same pass.
    fn joins(&self, domain: &Shape, walk: &Access) -> bool {
        let base = self.node(self.selection.index(walk.base));
        let fits = || match base.kind {
            Kind::Pass(Part::RowReduce) => walk.is_column(base.splits),
            _ => walk.is_whole(self.log),
        };
        is_within(base.kind) && base.domain == *domain && fits()
    }

    /// Gives the next node its level, and its pass.
    fn place(&mut self, at: usize) {
        let node = self.node(at).clone();
        let level = match node.kind {
            Kind::Data | Kind::Number | Kind::Import => 0,
            Kind::Scalar => self.behind(node.id, |kind| kind == Kind::Scalar),
            Kind::Alone => self.behind(node.id, |_| false),
            Kind::Pass(part) => {
                let walks = self.selection.walks(&node);
                let lowest = walks.iter().map(|walk| {
                    let base = self.selection.index(walk.base);
                    self.behind_operand(base, part != Part::Embed && self.joins(&node.domain, walk))
                });
                let level = lowest.max().unwrap_or(1);
                let (pass, level) = self.find_pass(level, &node);
                self.passes[pass].admit(&node);
                self.pass[at] = pass;
                level
            }
        };
        self.levels[at] = level;
    }

    /// The lowest level for a node by itself: behind its operands, beside those that it joins.
    fn behind(&self, id: Id, joins: fn(Kind) -> bool) -> u32 {
        let operands = super::select::operands(self.log, id).map(|operand| self.selection.index(operand));
        operands.map(|at| self.behind_operand(at, joins(self.node(at).kind))).max().unwrap_or(1)
    }

    fn behind_operand(&self, at: usize, joins: bool) -> u32 {
        match self.node(at).kind {
            Kind::Data | Kind::Number | Kind::Import => 1,
            _ if joins => self.levels[at],
            _ => self.levels[at] + 1,
        }
    }

    /// The first pass from a level on that this node can be part of, and its level.
    fn find_pass(&mut self, mut level: u32, node: &Node) -> (usize, u32) {
        let mut lengths = [0; MAX_RANK];
        lengths[..node.domain.rank()].copy_from_slice(&node.domain);
        loop {
            let next = self.passes.len();
            let pass = *self.found.entry((level, node.domain.rank(), lengths)).or_insert(next);
            if pass == next {
                let (splits, members) = (u8::MAX, Vec::new());
                self.passes.push(Pass { domain: node.domain, splits, shifts: false, reduces: false, members });
            }
            if self.passes[pass].admits(node) {
                return (pass, level);
            }
            level += 1;
        }
    }

    /// Moves what only later passes need into the first of them: then its operands are stored instead of it, and those
    /// mostly are anyway.
    fn delay(&mut self, asked: &[bool]) {
        let count = self.levels.len();
        let mut fixed = asked.to_vec();
        let mut first_user = vec![NONE; count];
        for at in (0..count).rev() {
            let node = self.node(at).clone();
            let movable = matches!(node.kind, Kind::Pass(Part::Pointwise | Part::Row)) && !fixed[at];
            if movable && first_user[at] != NONE {
                let user = first_user[at];
                let pass = self.pass[user];
                if self.levels[user] > self.levels[at] && self.passes[pass].admits(&node) {
                    self.passes[pass].admit(&node);
                    (self.levels[at], self.pass[at]) = (self.levels[user], pass);
                }
            }
            match node.kind {
                Kind::Pass(part) => {
                    for walk in self.selection.walks(&node) {
                        let base = self.selection.index(walk.base);
                        if part == Part::Embed || !self.joins(&node.domain, walk) {
                            fixed[base] = true;
                        } else if first_user[base] == NONE || self.levels[first_user[base]] > self.levels[at] {
                            first_user[base] = at;
                        }
                    }
                }
                Kind::Scalar | Kind::Alone => {
                    for operand in super::select::operands(self.log, node.id) {
                        fixed[self.selection.index(operand)] = true;
                    }
                }
                Kind::Data | Kind::Number | Kind::Import => {}
            }
        }
    }

    /// Merges a pass all of whose values only enter the pass over another domain by `embed` into that pass.
    fn absorb(&mut self, asked: &[bool]) {
        let mut outside = asked.to_vec();
        let mut ways: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (at, node) in self.selection.nodes.iter().enumerate() {
            match node.kind {
                Kind::Pass(part) => {
                    for walk in self.selection.walks(node) {
                        let base = self.selection.index(walk.base);
                        if part == Part::Embed && self.enters(base, walk) {
                            let ways = ways.entry(self.pass[base]).or_default();
                            if !ways.contains(&self.pass[at]) {
                                ways.push(self.pass[at]);
                            }
                        } else {
                            outside[base] |= !(self.joins(&node.domain, walk) && self.pass[base] == self.pass[at]);
                        }
                    }
                }
                Kind::Scalar | Kind::Alone => {
                    let operands = super::select::operands(self.log, node.id);
                    operands.for_each(|operand| outside[self.selection.index(operand)] = true);
                }
                Kind::Data | Kind::Number | Kind::Import => {}
            }
        }
        for (at, &outside) in outside.iter().enumerate() {
            if outside || !matches!(self.node(at).kind, Kind::Pass(Part::Pointwise)) {
                ways.remove(&self.pass[at]);
            }
        }
        for (from, to) in ways {
            let [to] = to[..] else { continue };
            let level = self.pass.iter().position(|&pass| pass == to).map(|at| self.levels[at]);
            for at in 0..self.pass.len() {
                if self.pass[at] == from {
                    (self.pass[at], self.levels[at]) = (to, level.expect("a pass with a member"));
                }
            }
        }
    }

    /// Whether `embed` can take this value from within its own pass.
    fn enters(&self, base: usize, walk: &Access) -> bool {
        matches!(self.node(base).kind, Kind::Pass(Part::Pointwise)) && walk.is_whole(self.log)
    }

    /// Whether a value reaches its user within their pass.
    fn stays_within(&self, at: usize, part: Part, walk: &Access) -> bool {
        let base = self.selection.index(walk.base);
        let domain = &self.node(at).domain;
        let fits = if part == Part::Embed { self.enters(base, walk) } else { self.joins(domain, walk) };
        fits && self.pass[base] == self.pass[at]
    }

    /// Which values have to stand in memory: those asked for, and those that another step reads, or that are numbers.
    ///
    /// And which numbers are read outside of their step.
    fn stored(&self, asked: Vec<bool>) -> (Vec<bool>, Vec<bool>) {
        let mut outside = asked.clone();
        let mut stored = asked;
        for (at, node) in self.selection.nodes.iter().enumerate() {
            match node.kind {
                Kind::Pass(part) => {
                    // The result of a reduction over the whole pass exists in memory alone.
                    stored[at] |= !is_within(Kind::Pass(part));
                    for walk in self.selection.walks(node) {
                        let base = self.selection.index(walk.base);
                        stored[base] |= !self.stays_within(at, part, walk);
                        outside[base] = true;
                    }
                }
                Kind::Scalar | Kind::Alone => {
                    for operand in super::select::operands(self.log, node.id) {
                        let operand = self.selection.index(operand);
                        let beside = node.kind == Kind::Scalar && self.levels[operand] == self.levels[at];
                        stored[operand] = true;
                        outside[operand] |= !beside;
                    }
                }
                Kind::Data | Kind::Number | Kind::Import => {}
            }
        }
        (stored, outside)
    }

    /// All steps, level by level.
    fn steps(&mut self) -> Vec<Step> {
        let mut scalars: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let mut steps = Vec::new();
        let mut started = vec![false; self.passes.len()];
        for at in 0..self.levels.len() {
            let level = self.levels[at];
            match self.node(at).kind {
                Kind::Data | Kind::Number | Kind::Import => {}
                Kind::Scalar => scalars.entry(level as usize).or_default().push(at),
                Kind::Alone => steps.push((level, at, Step::Alone(at))),
                Kind::Pass(_) => {
                    let pass = self.pass[at];
                    self.passes[pass].members.push(at);
                    if !std::mem::replace(&mut started[pass], true) {
                        steps.push((level, at, Step::Pass(pass)));
                    }
                }
            }
        }
        steps.extend(scalars.into_values().map(|nodes| (self.levels[nodes[0]], nodes[0], Step::Scalars(nodes))));
        in_order(steps)
    }
}

/// Level by level; apart, since it does not depend on the type of the elements.
fn in_order(mut steps: Vec<(u32, usize, Step)>) -> Vec<Step> {
    steps.sort_by_key(|&(level, at, _)| (level, at));
    steps.into_iter().map(|(_, _, step)| step).collect()
}
