#![allow(
    clippy::cast_possible_truncation,
    clippy::neg_cmp_op_on_partial_ord,
    clippy::decimal_bitwise_operands,
    clippy::manual_is_multiple_of,
    reason = "samples are made of whatever comes"
)]
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::super::block::Block;
use super::super::formula::{block, fill_at, formula};
use super::super::simd::math::{FARTHEST, Functions};
use super::super::simd::{Isa, Kernel, Level, dispatch_at};
use super::execute::Machine;
use super::*;
use crate::number::Number as _;

/// A function computed as an op alone is: by a kernel over blocks.
fn alone<T: Functions>(level: Level, function: Function<T>, x: [T; 3]) -> T {
    let mut out = [T::zero()];
    let [a, b, c] = x.each_ref().map(std::slice::from_ref);
    macro_rules! fill {
        ($inputs:expr, |$($x:ident),+| $value:expr) => { fill!($inputs, false, |$($x),+| $value) };
        ($inputs:expr, $angle:expr, |$($x:ident),+| $value:expr) => {{
            formula!(Row, angle $angle, |$($x),+| $value);
            fill_at::<{ [$(stringify!($x)),+].len() }, T, Row>(level, $inputs, &mut out)
        }};
    }
    let holds = |holds: bool| if holds { T::one() } else { T::zero() };
    match function {
        Function::Unary(function) => match function {
            Unary::Neg => fill!([a], |x| -x),
            Unary::Abs => fill!([a], |x| x.abs()),
            Unary::Square => fill!([a], |x| x * x),
            Unary::Sqrt => fill!([a], |x| x.sqrt()),
            Unary::Recip => fill!([a], |x| 1.0 / x),
            Unary::Relu => out[0] = if x[0] <= T::zero() { T::zero() } else { x[0] },
            Unary::Exp => fill!([a], |x| x.exp()),
            Unary::Ln => fill!([a], |x| x.ln()),
            Unary::Sin => fill!([a], true, |x| x.sin()),
            Unary::Cos => fill!([a], true, |x| x.cos()),
            Unary::Tanh => fill!([a], |x| x.tanh()),
            Unary::Sigmoid => fill!([a], |x| x.sigmoid()),
        },
        Function::Binary(function) => match function {
            Binary::Add => fill!([a, b], |x, y| x + y),
            Binary::Sub => fill!([a, b], |x, y| x - y),
            Binary::Mul => fill!([a, b], |x, y| x * y),
            Binary::Div => fill!([a, b], |x, y| x / y),
            Binary::Weigh => out[0] = if x[0] == T::zero() { x[0] } else { x[0] * x[1] },
            Binary::Maximum => out[0] = if x[0].is_nan() || x[0] >= x[1] { x[0] } else { x[1] },
            Binary::Minimum => out[0] = if x[0].is_nan() || x[0] <= x[1] { x[0] } else { x[1] },
            Binary::Eq => out[0] = holds(x[0] == x[1]),
            Binary::Ne => out[0] = holds(x[0] != x[1]),
            Binary::Lt => out[0] = holds(x[0] < x[1]),
            Binary::Le => out[0] = holds(x[0] <= x[1]),
            Binary::Gt => out[0] = holds(x[0] > x[1]),
            Binary::Ge => out[0] = holds(x[0] >= x[1]),
        },
        Function::Select => out[0] = if x[0] == T::zero() { x[2] } else { x[1] },
        Function::Call(block) => match block.arity() {
            1 => block.fill(&[a], &mut out),
            2 => block.fill(&[a, b], &mut out),
            _ => block.fill(&[a, b, c], &mut out),
        },
    }
    out[0]
}

/// The twin of programs: one node after the other, through the table.
fn one_by_one<T: Functions>(level: Level, nodes: &[Node<T>], table: &mut [T]) {
    for node in nodes {
        let mut x = [T::zero(); 3];
        for (x, &operand) in x.iter_mut().zip(&node.operands[..node.function.arity()]) {
            *x = table[operand as usize];
        }
        table[node.result as usize] = alone(level, node.function, x);
    }
}

/// The bits of a table where they are wanted, all NaN being one.
fn bits<T: Real>(table: &[T], wanted: impl Fn(u32) -> bool) -> Vec<Option<u64>> {
    (0..).zip(table).filter(|(at, _)| wanted(*at)).map(|(_, x)| (!x.is_nan()).then(|| x.bits())).collect()
}

/// Every entry of the table is wanted, each second one, …, or none but those that nodes do not compute.
fn some(turn: usize) -> impl Fn(u32) -> bool {
    move |entry| turn % 7 != 6 && (entry as usize).is_multiple_of(turn % 7 + 1)
}

const SPECIAL: [f64; 22] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    2.0,
    -2.5,
    3.0,
    1e-3,
    -1e-30,
    1e-40,
    1e-310,
    88.0,
    -88.0,
    710.0,
    1e5,
    1_048_577.0,
    -3e7,
    1e30,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
];

fn calls<T: Functions>() -> [Block<T>; 4] {
    formula!(Sum, angle false, |x, y, z| x + y + z);
    formula!(Gelu, angle false, |x| x * 0.5 * (x * -0.7).erfc());
    formula!(Power, angle false, |x, y| x.pow(y));
    formula!(Tan, angle true, |x| x.tan());
    [block::<3, T, Sum>(), block::<1, T, Gelu>(), block::<2, T, Power>(), block::<1, T, Tan>()]
}

/// A random program over a table whose first entries are given, and such a table.
fn random<T: Functions>(rng: &mut StdRng, len: usize, calls: &[Block<T>]) -> (Vec<Node<T>>, Vec<T>) {
    let given = rng.random_range(1..8);
    let mut table = vec![T::of(-7.0); given + len + 3];
    for x in &mut table[..given] {
        *x = T::of(if rng.random_range(0..3) == 0 {
            SPECIAL[rng.random_range(0..SPECIAL.len())]
        } else {
            rng.random_range(-3.0..3.0)
        });
    }
    // Results stand anywhere, not in the order of the nodes.
    let mut places: Vec<u32> = (0..).take(table.len()).collect();
    for at in (given + 1..places.len()).rev() {
        places.swap(at, rng.random_range(given..=at));
    }
    let nodes = (0..len).map(|at| {
        let mut operand = || match rng.random_range(0..4) {
            0 if at > 0 => places[given + at - 1],
            1 => places[rng.random_range(0..given)],
            _ => places[rng.random_range(0..given + at)],
        };
        let operands = [operand(), operand(), operand()];
        let function = match rng.random_range(0..11) {
            0..4 => Function::Binary(Binary::ALL[rng.random_range(0..Binary::ALL.len())]),
            4..6 => Function::Unary(Unary::ALL[rng.random_range(0..Unary::ALL.len())]),
            6 => Function::Unary(Unary::Sin),
            7 => Function::Unary(Unary::Cos),
            8 => Function::Select,
            _ if !calls.is_empty() => Function::Call(calls[rng.random_range(0..calls.len())]),
            _ => Function::Unary(Unary::Neg),
        };
        Node { function, operands, result: places[given + at] }
    });
    (nodes.collect(), table)
}

fn random_programs<T: Functions>() {
    let mut rng = StdRng::seed_from_u64(1);
    let calls = calls::<T>();
    for turn in 0..if cfg!(miri) { 25 } else { 600 } {
        let (nodes, table) = random::<T>(&mut rng, [1, 2, 3, 10, 60][turn % 5], &calls);
        let (mut found, mut expected) = (table.clone(), table);
        let wanted = some(turn);
        compile(&nodes, &wanted).run(&mut found);
        one_by_one(super::super::simd::level(), &nodes, &mut expected);
        assert_eq!(bits(&found, &wanted), bits(&expected, &wanted), "{nodes:#?}");
    }
}

#[test]
fn programs_compute_what_ops_alone_do() {
    random_programs::<f32>();
    random_programs::<f64>();
}

fn random_programs_at<T: Functions>(level: Level) {
    let mut rng = StdRng::seed_from_u64(2);
    for turn in 0..if cfg!(miri) { 10 } else { 200 } {
        let (nodes, table) = random::<T>(&mut rng, 20, &[]);
        let (mut found, mut expected) = (table.clone(), table);
        let wanted = some(turn);
        let program = compile(&nodes, &wanted);
        assert!(found.len() >= program.entries && program.calls.is_empty());
        // SAFETY: the table is long enough, and there are no calls.
        dispatch_at(level, unsafe { Machine::new(&program.code, &[], found.as_mut_ptr()) });
        one_by_one(level, &nodes, &mut expected);
        assert_eq!(bits(&found, &wanted), bits(&expected, &wanted), "{level:?}: {nodes:#?}");
    }
}

#[test]
fn with_every_instruction_set() {
    for level in Level::available() {
        random_programs_at::<f32>(level);
        random_programs_at::<f64>(level);
    }
}

/// Sine and cosine at once, at each of these numbers.
struct Both<'a, T>(&'a [T]);

impl<T: Functions> Kernel for Both<'_, T> {
    type Output = Vec<[T; 2]>;

    #[inline(always)]
    fn run<I: Isa>(self) -> Vec<[T; 2]> {
        self.0.iter().map(|&x| <T as Functions>::sin_cos::<I>(x).into()).collect()
    }
}

fn pairs<T: Functions>(level: Level, angles: &[T]) {
    let (mut sin, mut cos) = (vec![T::zero(); angles.len()], vec![T::zero(); angles.len()]);
    formula!(Sin, angle true, |x| x.sin());
    formula!(Cos, angle true, |x| x.cos());
    fill_at::<1, T, Sin>(level, [angles], &mut sin);
    fill_at::<1, T, Cos>(level, [angles], &mut cos);
    for ((found, &x), expected) in
        dispatch_at(level, Both(angles)).into_iter().zip(angles).zip(sin.into_iter().zip(cos))
    {
        let (found, expected) = (bits(&found, |_| true), bits(&[expected.0, expected.1], |_| true));
        assert_eq!(found, expected, "{level:?}: {x:e}");
    }
}

#[test]
fn sines_and_cosines_at_once_have_the_bits_of_each_alone() {
    let near = |x: &f64| x.is_nan() || x.abs() <= FARTHEST;
    let narrow = |angles: &[f64]| angles.iter().map(|&x| f32::of(x)).collect::<Vec<_>>();
    let any: Vec<_> = (0..u32::MAX).step_by(40_009).map(|bits| f64::from(f32::from_bits(bits))).filter(near).collect();
    let fine: Vec<_> = (0..u64::MAX).step_by((1 << 48) + 12_345).map(f64::from_bits).filter(near).collect();
    let turns = (-2_000..2_000).map(|k| f64::from(k) * std::f64::consts::FRAC_PI_4);
    let around: Vec<_> = turns.flat_map(|x| [x, x.next_up(), x.next_down(), x + 1e-9]).collect();
    for level in Level::available() {
        for angles in [&any, &fine, &around] {
            pairs::<f64>(level, angles);
            pairs::<f32>(level, &narrow(angles));
        }
    }
}

#[test]
fn another_program_computes_something_else() {
    // The negative control: exchanged operands, another function, another operand are each seen.
    let right = [
        Node { function: Function::Unary(Unary::Sin), operands: [0, 0, 0], result: 2 },
        Node { function: Function::Binary(Binary::Sub), operands: [2, 1, 0], result: 3 },
        Node { function: Function::Unary(Unary::Cos), operands: [0, 0, 0], result: 4 },
        Node { function: Function::Binary(Binary::Mul), operands: [3, 4, 0], result: 5 },
    ];
    let table = [0.3, 0.7, 0.0, 0.0, 0.0, 0.0];
    let mut expected = table;
    one_by_one(super::super::simd::level(), &right, &mut expected);
    let computed = |nodes: &[Node<f64>]| {
        let mut found = table;
        compile(nodes, |_| true).run(&mut found);
        found
    };
    assert_eq!(computed(&right), expected);
    for wrong in 0..4 {
        let mut nodes = right;
        match wrong {
            0 => nodes[1].operands.swap(0, 1),
            1 => nodes[2].function = Function::Unary(Unary::Exp),
            2 => nodes[2].operands[0] = 1,
            _ => nodes[3].operands = [2, 4, 0],
        }
        assert_ne!(computed(&nodes), expected, "{wrong}");
    }
}

#[test]
fn a_chain_and_its_derivative_stay_in_the_accumulator() {
    // x·k, + c, sin and on the way back cos, ·, ·: one instruction each but for the cosine, which comes with the sine.
    let links = 5_u32;
    let (k, c, mut x, mut next) = (0, 1, 2, 4);
    let mut nodes = Vec::new();
    let mut node = |function, operands| {
        nodes.push(Node::<f32> { function, operands, result: next });
        next += 1;
        next - 1
    };
    let mut angles = Vec::new();
    for _ in 0..links {
        x = node(Function::Binary(Binary::Mul), [x, k, 0]);
        x = node(Function::Binary(Binary::Add), [c, x, 0]);
        angles.push(x);
        x = node(Function::Unary(Unary::Sin), [x, 0, 0]);
    }
    let mut slope = 3;
    for angle in angles.into_iter().rev() {
        let cos = node(Function::Unary(Unary::Cos), [angle, 0, 0]);
        slope = node(Function::Binary(Binary::Mul), [slope, cos, 0]);
        slope = node(Function::Binary(Binary::Mul), [slope, k, 0]);
    }
    let code = |wanted: bool| compile(&nodes, |_| wanted).code;
    let count =
        |code: &[Instruction], wanted: Code| code.iter().filter(|instruction| instruction.code == wanted).count();
    // Where everything is wanted, nothing is left out but the cosines.
    let apart = code(true);
    assert_eq!(apart.len(), 5 * links as usize);
    assert_eq!(count(&apart, Code::SinCos), links as usize);
    assert_eq!(count(&apart, Code::AddFirst), links as usize);
    assert_eq!(count(&apart, Code::MulNeither), 2, "where each of the two ways begins");
    // Where nothing is, there are three instructions a link, but for the beginnings.
    let chained = code(false);
    assert_eq!(count(&chained, Code::SinCos), links as usize);
    assert_eq!(count(&chained, Code::MulAdd), links as usize - 1);
    assert_eq!(chained.len(), 3 * links as usize + 2);
}

#[test]
fn an_empty_program_does_nothing() {
    compile::<f64>(&[], |_| true).run(&mut []);
}

#[test]
#[should_panic(expected = "a table of 2 for 3 entries")]
fn a_table_that_is_too_short() {
    compile(&[Node { function: Function::Unary(Unary::Neg), operands: [0, 0, 0], result: 2 }], |_| true)
        .run(&mut [1.0, 2.0]);
}

#[test]
#[should_panic(expected = "two nodes have the result 1")]
fn a_result_written_twice() {
    let node = Node::<f32> { function: Function::Unary(Unary::Neg), operands: [0, 0, 0], result: 1 };
    compile(&[node, node], |_| true);
}

#[test]
#[should_panic(expected = "is not there yet")]
fn an_operand_that_comes_later() {
    let first = Node::<f32> { function: Function::Unary(Unary::Neg), operands: [2, 0, 0], result: 1 };
    compile(&[first, Node { operands: [1, 0, 0], result: 2, ..first }], |_| true);
}
