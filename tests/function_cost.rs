//! What a function of one row costs, in instructions: as much as an op of the same formula, in every instruction set.
//!
//! Time would be another on each machine and each day. So a child process computes while its parent lets it take one
//! instruction at a time, and counts.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]
#![allow(unsafe_code, reason = "counting instructions asks the system for help")]

use gradus::number::Number;
use gradus::prelude::*;

/// Elements: many enough that they outweigh what is done once for a pass, few enough for a step at a time.
const N: usize = if cfg!(debug_assertions) { 256 } else { 2048 };

gradus::pointwise! {
    fn row_tanh(x) = x.tanh();
    fn row_softplus(x) = x.softplus();
    fn row_hypot(x, y) = x.hypot(y);
    fn row_square(x) = x * x;
    fn called(x) = outlined(x);
}

/// What must not be done: a call that is not inlined is compiled for the oldest machine, number by number.
#[inline(never)]
fn outlined<X: Number>(x: X) -> X {
    x * x
}

type Function = for<'t> fn(Var<'t, f32>, Var<'t, f32>) -> Var<'t, f32>;

/// Instructions of one step that is known, whose value alone or whose gradient is read; nothing where the system does not
/// let anybody look.
fn instructions(f: Function, slope: bool) -> Option<u64> {
    let x: Array1<f32> = (0..N).map(|i| (i as f32).sin()).collect();
    let y = x.mapv(|x| x + 0.5);
    let (params, mut tape) = (Params::new(), Tape::new());
    // A child has but one thread.
    tape.threads(1);
    let mut out = Array1::<f32>::zeros(N).into_dyn();
    let mut step = move || {
        let step = tape.record(&params);
        let (x, y) = (step.variable(&x), step.variable(&y));
        let z = f(x, y);
        let z = if slope { z.sum().gradient(x) } else { z };
        z.value_into(&mut out);
    };
    (0..3).for_each(|_| step());
    count(step)
}

/// The instructions that a closure takes in a process of its own.
fn count(f: impl FnOnce()) -> Option<u64> {
    // SAFETY: the child calls the closure, which takes memory that it has and no lock that another thread could hold, and
    // ends. The parent waits for its own child alone.
    unsafe {
        match libc::fork() {
            0 => {
                if libc::ptrace(libc::PTRACE_TRACEME) < 0 {
                    libc::_exit(1);
                }
                libc::raise(libc::SIGSTOP);
                f();
                libc::_exit(0);
            }
            -1 => None,
            child => {
                let (mut status, mut steps) = (0, 0);
                libc::waitpid(child, &raw mut status, 0);
                while libc::WIFSTOPPED(status) {
                    if libc::ptrace(libc::PTRACE_SINGLESTEP, child, 0, 0) < 0 {
                        libc::kill(child, libc::SIGKILL);
                    }
                    libc::waitpid(child, &raw mut status, 0);
                    steps += 1;
                }
                (libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0).then_some(steps)
            }
        }
    }
}

#[test]
fn a_row_costs_what_an_op_costs() {
    let pairs: [(&str, Function, Function); 4] = [
        ("tanh", |x, _| row_tanh(x), |x, _| x.tanh()),
        ("softplus", |x, _| row_softplus(x), |x, _| x.softplus()),
        ("hypot", |x, y| row_hypot(x, y), |x, y| x.hypot(y)),
        ("square", |x, _| row_square(x), |x, _| x.square()),
    ];
    for (name, row, op) in pairs {
        for slope in [false, true] {
            let (Some(row), Some(op)) = (instructions(row, slope), instructions(op, slope)) else {
                eprintln!("this system does not let a process count the instructions of its child");
                return;
            };
            println!("{name:10} slope: {slope:5}  row {row:8}  op {op:8}  {:.2} an element", row as f64 / N as f64);
            // Both beyond what a pass takes for itself; a square is an instruction of the tile machine, not a call.
            let allowed = if name == "square" { 3 * op } else { op + op / 4 };
            assert!(row <= allowed + 3000, "{name}: {row} instructions, the op takes {op}");
        }
    }
}

#[test]
#[cfg_attr(debug_assertions, ignore = "without optimisation nothing is inlined")]
fn a_formula_that_is_not_inlined_is_found_out() {
    let [inlined, outlined] = [(|x, _| row_square(x)) as Function, |x, _| called(x)].map(|f| instructions(f, false));
    if let (Some(inlined), Some(outlined)) = (inlined, outlined) {
        assert!(outlined > 3 * inlined, "{outlined} instructions, {inlined} if inlined");
    }
}
