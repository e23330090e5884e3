//! Making programs over single numbers.

use std::collections::BTreeMap;

use super::{Binary, Call, Code, Function, Instruction, Node, Program, Unary, executor};
use crate::real::Real;

/// The program that computes these nodes, in their order. Of their results, those need not be in the table that are not
/// `wanted`.
///
/// # Panics
///
/// If two nodes have one result, or a node needs one that comes later: sines and cosines may be computed before their turn.
pub(crate) fn compile<T: Real>(nodes: &[Node<T>], wanted: impl Fn(u32) -> bool) -> Program<T> {
    let entries = nodes.iter().flat_map(entries).max().map_or(0, |last| last as usize + 1);
    check_order(nodes, entries);
    let mut uses = vec![0_u32; entries];
    nodes.iter().flat_map(operands).for_each(|&entry| uses[entry as usize] += 1);
    let mut compiler = Compiler {
        program: Program { code: Vec::with_capacity(nodes.len()), calls: Vec::new(), entries, execute: executor() },
        held: None,
        last: None,
        needed: &|entry| uses[entry as usize] > 1 || wanted(entry),
    };
    for (node, pair) in nodes.iter().zip(pairs(nodes)) {
        compiler.add(node, pair);
    }
    let mut program = compiler.program;
    program.code.shrink_to_fit();
    program.calls.shrink_to_fit();
    program
}

/// What a sine or a cosine has to do with the other of the same number.
#[derive(Clone, Copy)]
enum Pair {
    None,
    /// The other one comes later and goes to this entry.
    Before(u32),
    /// The other one was there before.
    Behind,
}

fn pairs<T: Copy>(nodes: &[Node<T>]) -> Vec<Pair> {
    let mut pairs = vec![Pair::None; nodes.len()];
    // For each angle, the node whose partner has not come yet, if there is one.
    let mut alone: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, node) in nodes.iter().enumerate() {
        let Function::Unary(function @ (Unary::Sin | Unary::Cos)) = node.function else { continue };
        let waiting = alone.entry(node.operands[0] as usize).or_default();
        match waiting[..] {
            [first] if !matches!(nodes[first].function, Function::Unary(other) if other == function) => {
                pairs[first] = Pair::Before(node.result);
                pairs[at] = Pair::Behind;
                waiting.clear();
            }
            [] => waiting.push(at),
            _ => {}
        }
    }
    pairs
}

fn operands<T: Copy>(node: &Node<T>) -> &[u32] {
    &node.operands[..node.function.arity()]
}

/// The entries that a node names.
fn entries<T: Copy>(node: &Node<T>) -> impl Iterator<Item = u32> + '_ {
    operands(node).iter().copied().chain([node.result])
}

fn check_order<T: Copy>(nodes: &[Node<T>], entries: usize) {
    let mut makers = vec![None; entries];
    for (at, node) in nodes.iter().enumerate() {
        let maker = &mut makers[node.result as usize];
        assert!(maker.is_none(), "two nodes have the result {}", node.result);
        *maker = Some(at);
    }
    for (at, node) in nodes.iter().enumerate() {
        let later = |entry: &&u32| makers[**entry as usize].is_some_and(|maker| maker >= at);
        let early = operands(node).iter().find(later);
        assert!(early.is_none(), "a node needs the entry {early:?}, which is not there yet");
    }
}

struct Compiler<'a, T> {
    program: Program<T>,
    /// The entry whose value is in the accumulator.
    held: Option<u32>,
    /// If the last instruction is one of the accumulator and an entry: which.
    last: Option<(Binary, u32)>,
    /// Whether anybody but the next node needs an entry.
    needed: &'a dyn Fn(u32) -> bool,
}

impl<T: Real> Compiler<'_, T> {
    fn add(&mut self, node: &Node<T>, pair: Pair) {
        let ([a, b, c], out) = (node.operands, node.result);
        match node.function {
            Function::Unary(function) => match (function, pair) {
                (_, Pair::Behind) => {}
                (Unary::Sin, Pair::Before(cos)) => self.push_on(a, Code::SinCos, [0, cos], out),
                (Unary::Cos, Pair::Before(sin)) => self.push_on(a, Code::CosSin, [0, sin], out),
                _ => self.push_on(a, function.code(), [0, 0], out),
            },
            Function::Binary(function) => self.add_binary(function, a, b, out),
            Function::Select => self.push_on(a, Code::Select, [b, c], out),
            Function::Call(block) => {
                let place = u32::try_from(self.program.calls.len()).expect("fewer than 2^32 calls");
                let mut operands = [out; 3];
                operands[..block.arity()].copy_from_slice(&node.operands[..block.arity()]);
                self.program.calls.push(Call { block, operands });
                self.push(Code::Call, place, 0, out);
            }
        }
    }

    fn add_binary(&mut self, function: Binary, a: u32, b: u32, out: u32) {
        let [first, second, neither] = function.codes();
        let other = match self.held {
            Some(held) if held == a => b,
            Some(held) if held == b && function.commutes() => a,
            Some(held) if held == b => return self.push(second, a, 0, out),
            _ => return self.push(neither, a, b, out),
        };
        // In a chain, what is between is written nowhere: it must not be the other operand as well.
        let chain = self.last.filter(|_| self.held.is_some_and(|held| held != other && !(self.needed)(held)));
        if let Some((entry, code)) = chain.and_then(|(before, entry)| Some((entry, before.chain(function)?))) {
            self.program.code.pop();
            self.push(code, entry, other, out);
        } else {
            self.push(first, 0, other, out);
            self.last = Some((function, other));
        }
    }

    /// An instruction on a number that has to be in the accumulator.
    fn push_on(&mut self, accumulator: u32, code: Code, [a, b]: [u32; 2], out: u32) {
        if self.held != Some(accumulator) {
            self.push(Code::Load, accumulator, 0, accumulator);
        }
        self.push(code, a, b, out);
    }

    fn push(&mut self, code: Code, a: u32, b: u32, out: u32) {
        self.program.code.push(Instruction { code, a, b, out });
        self.held = Some(out);
        self.last = None;
    }
}
