use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::super::block::Block;
use super::super::formula::{block, fill_at, formula};
use super::super::simd::math::Functions;
use super::super::simd::{Level, dispatch_at};
use super::execute::Machine;
use super::*;
use crate::number::Number as _;

const UNARY: [Unary; 12] = [
    Unary::Neg,
    Unary::Abs,
    Unary::Square,
    Unary::Sqrt,
    Unary::Recip,
    Unary::Relu,
    Unary::Exp,
    Unary::Ln,
    Unary::Sin,
    Unary::Cos,
    Unary::Tanh,
    Unary::Sigmoid,
];

const BINARY: [Binary; 13] = [
    Binary::Add,
    Binary::Sub,
    Binary::Mul,
    Binary::Div,
    Binary::Weigh,
    Binary::Maximum,
    Binary::Minimum,
    Binary::Eq,
    Binary::Ne,
    Binary::Lt,
    Binary::Le,
    Binary::Gt,
    Binary::Ge,
];

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
        Function::Copy => out[0] = x[0],
        Function::Call(block) => match block.arity() {
            1 => block.fill([a], &mut out),
            2 => block.fill([a, b], &mut out),
            _ => block.fill([a, b, c], &mut out),
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

fn bits<T: Real>(table: &[T]) -> Vec<Option<u64>> {
    table.iter().map(|x| (!x.is_nan()).then(|| x.bits())).collect()
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
        let function = match rng.random_range(0..12) {
            0..4 => Function::Binary(BINARY[rng.random_range(0..BINARY.len())]),
            4..6 => Function::Unary(UNARY[rng.random_range(0..UNARY.len())]),
            6 => Function::Unary(Unary::Sin),
            7 => Function::Unary(Unary::Cos),
            8 => Function::Select,
            9 => Function::Copy,
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
    for turn in 0..600 {
        let (nodes, table) = random::<T>(&mut rng, [1, 2, 3, 10, 60][turn % 5], &calls);
        let (mut found, mut expected) = (table.clone(), table);
        compile(&nodes).run(&mut found);
        one_by_one(super::super::simd::level(), &nodes, &mut expected);
        assert_eq!(bits(&found), bits(&expected), "{nodes:#?}");
    }
}

#[test]
fn programs_compute_what_ops_alone_do() {
    random_programs::<f32>();
    random_programs::<f64>();
}

fn random_programs_at<T: Functions>(level: Level) {
    let mut rng = StdRng::seed_from_u64(2);
    for _ in 0..200 {
        let (nodes, table) = random::<T>(&mut rng, 20, &[]);
        let (mut found, mut expected) = (table.clone(), table);
        let program = compile(&nodes);
        assert!(found.len() >= program.entries && program.calls.is_empty());
        // SAFETY: the table is long enough, and there are no calls.
        dispatch_at(level, unsafe { Machine::new(&program.code, &[], found.as_mut_ptr()) });
        one_by_one(level, &nodes, &mut expected);
        assert_eq!(bits(&found), bits(&expected), "{level:?}: {nodes:#?}");
    }
}

#[test]
fn with_every_instruction_set() {
    for level in Level::available() {
        random_programs_at::<f32>(level);
        random_programs_at::<f64>(level);
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
        compile(nodes).run(&mut found);
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
    let code = compile(&nodes).code;
    assert_eq!(code.len(), 5 * links as usize);
    let count = |wanted: fn(&Code) -> bool| code.iter().filter(|instruction| wanted(&instruction.code)).count();
    assert_eq!(count(|code| matches!(code, Code::SinCos)), links as usize);
    assert_eq!(count(|code| matches!(code, Code::Second(Binary::Add))), links as usize);
    // The two beginnings.
    assert_eq!(count(|code| matches!(code, Code::Neither(_))), 2);
}

#[test]
fn an_empty_program_does_nothing() {
    compile::<f64>(&[]).run(&mut []);
}

#[test]
#[should_panic(expected = "a table of 2 for 3 entries")]
fn a_table_that_is_too_short() {
    compile(&[Node { function: Function::Copy, operands: [0, 0, 0], result: 2 }]).run(&mut [1.0, 2.0]);
}

#[test]
#[should_panic(expected = "two nodes have the result 1")]
fn a_result_written_twice() {
    let node = Node::<f32> { function: Function::Copy, operands: [0, 0, 0], result: 1 };
    compile(&[node, node]);
}

#[test]
#[should_panic(expected = "is not there yet")]
fn an_operand_that_comes_later() {
    let first = Node::<f32> { function: Function::Copy, operands: [2, 0, 0], result: 1 };
    compile(&[first, Node { operands: [1, 0, 0], result: 2, ..first }]);
}
