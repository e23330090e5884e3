//! What a tensor depends on: its own operands, however the tape shares or skips work.

use gradus::prelude::*;

/// Runs a program on a fresh recording.
fn with<'d>(f: impl for<'t> FnOnce(Step<'t, 'd, f64>)) {
    let params = Params::new();
    let mut tape = Tape::new();
    f(&tape.record(&params));
}

fn zeros(x: Var<'_, f64>) -> bool {
    x.value().iter().all(|&x| x == 0.0)
}

#[test]
fn a_derivative_does_not_depend_on_a_tensor_that_happens_to_be_equal() {
    let z = array![[0.1, 0.2, 0.3]];
    with(|step| {
        let z = step.variable(&z);
        let p = z.softmax(1);
        let g = cross_entropy(z, [1]).gradient(z);
        assert!(zeros(g.square().sum().gradient(p)));
        let before = g.value();
        let replayed = step.replay(&[(p, &array![[0.0, 0.0, 0.0]])], &[g]);
        assert_eq!(replayed[0], before);
    });
}

#[test]
fn a_derivative_taken_twice_is_two_tensors() {
    with(|step| {
        let x = step.variable(&[0.5]);
        let (a, b) = (x.sin().sum().gradient(x), x.sin().sum().gradient(x));
        assert_eq!((a * b).sum().gradient(a).item(), 0.5_f64.cos());
        // One answer of a sweep that another is made of.
        let b = step.variable(&[0.3]);
        let a = b.sin();
        let parts = a.square().sum().gradients(&[a, b]);
        assert!(zeros(parts[1].sum().gradient(parts[0])));
        let replayed = step.replay(&[(parts[0], &array![100.0])], &[parts[1]]);
        assert_eq!(replayed[0], parts[1].value());
        // Also two answers of one sweep that are the same thing, and one that is the cotangent itself.
        let (u, v, c) = (step.variable(&[1.0]), step.variable(&[2.0]), step.variable(&[3.0]));
        let parts = (u + v).vjp(&[u, v], c);
        assert_eq!((parts[0] * parts[1]).sum().gradient(parts[0]).item(), 3.0);
        assert_eq!((parts[0] * c).sum().gradient(c).item(), 6.0);
        // A derivative of the first, recorded before the second, still counts.
        let first = (x * x * x).sum().gradient(x);
        let second = first.sum().gradient(x);
        let again = (x * x * x).sum().gradient(x).sum().gradient(x);
        assert_eq!((second.item(), again.item()), (3.0, 3.0));
    });
}

#[test]
fn an_op_with_nothing_to_do_makes_a_tensor_of_its_own() {
    type Op = for<'t> fn(Var<'t, f64>) -> Var<'t, f64>;
    let idle: [(&str, Op); 9] = [
        ("flip", |x| x.flip(0)),
        ("roll", |x| x.roll(3, 1)),
        ("tile", |x| x.tile(&[1, 1])),
        ("slice", |x| x.slice(s![.., ..])),
        ("split", |x| x.split(&[3], 1)[0]),
        ("pad", |x| x.pad(&[(0, 0), (0, 0)], 0.0)),
        ("broadcast_to", |x| x.broadcast_to([1, 3])),
        ("einsum", |x| einsum("ij->ij", &[x])),
        ("permute", |x| x.permute(&[0, 1])),
    ];
    let data = array![[1.0, 2.0, 3.0]];
    for (name, op) in idle {
        with(|step| {
            let x = step.variable(&data);
            let z = op(x);
            let product = (z * x).sum();
            assert_eq!(product.gradient(z).value(), data.clone().into_dyn(), "{name}");
            assert_eq!(product.gradient(x).value(), (2.0 * &data).into_dyn(), "{name}");
        });
    }
}

#[test]
fn a_cotangent_that_is_a_product_of_the_program_stays_in_the_graph() {
    let ones = Array2::ones((2, 2));
    with(|step| {
        let (a, x) = (step.variable(&ones), step.variable(&ones));
        x.square().sum().gradient(x); // the product comes right behind a sweep
        let c = a.matmul(a);
        let back = x.t().vjp(&[x], c)[0];
        assert_eq!((back * back).sum().gradient(c).value(), array![[4.0, 4.0], [4.0, 4.0]].into_dyn());
    });
}

#[test]
fn a_transposition_in_a_product_is_a_tensor_like_others() {
    let (x, w) = (array![[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], array![[1.0, -1.0], [0.5, 2.0]]);
    with(|step| {
        let (x, w) = (step.variable(&x), step.variable(&w));
        let wt = w.t();
        let y = x.matmul(wt);
        let same = einsum("ij,jk->ik", &[x, wt]);
        for (product, twin) in [(y, same), (y.square(), same.square())] {
            let (product, twin) = (product.sum(), twin.sum());
            assert_eq!(product.gradient(wt).value(), twin.gradient(wt).value());
            assert_eq!(product.gradient(w).value(), twin.gradient(w).value());
            assert_eq!(product.gradient(x).value(), twin.gradient(x).value());
        }
        let direction = step.constant(&array![[0.0, 1.0], [0.0, 0.0]]);
        assert_eq!(y.jvp(wt, direction).value(), same.jvp(wt, direction).value());
        assert!(!zeros(y.jvp(wt, direction)));
        // Given another value, the product takes it; without, it reads what is transposed.
        let replayed = step.replay(&[(wt, &array![[0.0, 0.0], [0.0, 0.0]])], &[y]);
        assert!(replayed[0].iter().all(|&x| x == 0.0));
        let replayed = step.replay(&[(w, &array![[1.0, 1.0], [0.0, 0.0]])], &[y]);
        assert_eq!(replayed[0], array![[3.0, 0.0], [7.0, 0.0], [11.0, 0.0]].into_dyn());
    });
}

#[test]
fn products_of_transpositions_need_no_copies() {
    // Neither the value nor the gradients compute a permutation, whichever operand is transposed.
    let (params, ones) = (Params::<f64>::new(), Array2::ones((3, 3)));
    for which in 0..4 {
        let mut tape = Tape::new();
        let step = tape.record(&params);
        let (a, b) = (step.variable(&ones), step.variable(&ones));
        let left = if which & 1 == 1 { a.t() } else { a };
        let right = if which & 2 == 2 { b.t() } else { b };
        let gradients = left.matmul(right).square().sum().gradients(&[a, b]);
        assert_eq!(gradients.len(), 2);
        let listing = tape.to_string();
        let aliases: Vec<_> = listing.lines().filter(|line| line.contains("= alias")).collect();
        assert_eq!(aliases.len(), 2, "{listing}");
        for alias in aliases {
            let of = alias.split_whitespace().nth(3).unwrap_or_default();
            let made = listing.lines().find(|line| line.starts_with(&format!("{of} = "))).unwrap_or_default();
            assert!(made.contains("= matmul"), "{which}: {made}");
        }
    }
}

/// The ops of a recording's instructions, as the listing has them.
fn listed(f: impl for<'t> FnOnce(Step<'t, '_, f64>)) -> Vec<String> {
    let params = Params::new();
    let mut tape = Tape::new();
    f(&tape.record(&params));
    tape.to_string().lines().map(|line| line.split(' ').nth(2).unwrap().to_owned()).collect()
}

#[test]
fn rows_of_all_batches_times_a_matrix_are_one_product() {
    let (x, w) = (ndarray::Array3::<f64>::ones((2, 3, 4)), Array2::<f64>::ones((4, 5)));
    let found = listed(|step| {
        let (x, w) = (step.constant(&x), step.constant(&w));
        x.matmul(w);
    });
    assert_eq!(found, ["constant", "constant", "reshape", "matmul", "reshape"]);
    // What is read transposed stays as it is: rows beside each other would take a copy.
    let x = ndarray::Array3::<f64>::ones((2, 4, 3));
    let found = listed(|step| {
        let (x, w) = (step.constant(&x), step.constant(&w));
        x.t().matmul(w);
    });
    assert_eq!(found, ["constant", "constant", "permute", "matmul"]);
}

#[test]
fn what_a_sweep_recorded_for_its_answer_alone_is_the_answer() {
    // The derivative of a number for itself is the one instruction that such a sweep records.
    let found = listed(|step| {
        let x = step.constant(&ndarray::arr0(3.0));
        x.gradient(x);
    });
    assert_eq!(found, ["constant", "literal"]);
    // Asked again, it is another tensor.
    let found = listed(|step| {
        let x = step.constant(&ndarray::arr0(3.0));
        let (a, b) = (x.gradient(x), x.gradient(x));
        assert_eq!((a * b).gradient(a).item(), 1.0);
    });
    assert_eq!(found[..3], ["constant", "literal", "literal"]);
}

#[test]
fn sweeps_share_what_they_record_with_earlier_ones() {
    // The same derivative again records nothing but an identity of its own for the answer.
    let found = |times: usize| {
        listed(|step| {
            let x = step.constant(&array![0.5]);
            let y = x.sin().tanh().sum();
            for _ in 0..times {
                y.gradient(x);
            }
        })
    };
    let [once, twice, thrice] = [1, 2, 3].map(|times| found(times).len());
    assert!(twice - once <= 2, "{:?}", found(2));
    assert_eq!(thrice - twice, twice - once);
}
