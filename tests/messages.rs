//! The exact text of every panic of ops, recordings, stores and gradients.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use gradus::prelude::*;
use ndarray::{ArrayViewD, NewAxis};

/// The text of a panic.
fn message<R>(f: impl FnOnce() -> R) -> String {
    let payload = catch_unwind(AssertUnwindSafe(|| {
        f();
    }))
    .expect_err("it should have panicked");
    let text = payload.downcast_ref::<String>().cloned();
    text.or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned())).expect("a text")
}

/// The text of the panic of a function of two matrices, [2, 3] and [4, 5].
fn refused(f: impl for<'t> FnOnce(Var<'t, f64>, Var<'t, f64>) -> Var<'t, f64>) -> String {
    message(|| {
        grads(|v| f(v[0], v[1]), &[&Array2::<f64>::ones((2, 3)), &Array2::<f64>::ones((4, 5))]);
    })
}

macro_rules! texts {
    ($($expression:expr => $text:expr,)*) => { $(assert_eq!(refused($expression), $text);)* };
}

#[test]
fn shapes_that_do_not_fit() {
    texts! {
        |a, b| a + b => "add: [2, 3] and [4, 5]: the shapes do not broadcast\n  help: lengths are matched from the last axis on and must be equal or 1",
        |a, b| a.gt(0.0).select(a, b) => "select: [2, 3] and [2, 3] and [4, 5]: the shapes do not broadcast\n  help: lengths are matched from the last axis on and must be equal or 1",
        |a, b| a.matmul(b) => "matmul: [2, 3] · [4, 5]: inner axes 3 and 4 differ",
        |a, _| a.matmul(a) => "matmul: [2, 3] · [2, 3]: inner axes 3 and 2 differ\n  help: is one of them to be transposed? `x.t()` costs nothing in a product",
        |a, _| a.sum_axis(0).matmul(a) => "matmul: [3] · [2, 3]: inner axes 3 and 2 differ",
        |a, _| a.matmul(a.sum_axis(1)) => "matmul: [2, 3] · [2]: inner axes 3 and 2 differ",
        |a, _| a.dot(a) => "dot: [2, 3] · [2, 3]: expected two vectors of one length",
        |a, _| a.sum().matmul(a) => "matmul: [] · [2, 3]: a scalar is no matrix\n  help: multiply with `*`",
        |a, b| a.reshape([2, 1, 3]).matmul(b) => "matmul: [2, 1, 3] · [4, 5]: inner axes 3 and 4 differ",
        |a, b| a.reshape([2, 1, 3]).matmul(b.t().slice(s![..3, ..]).reshape([3, 2, 2]).t()) => "matmul: [2, 1, 3] · [3, 2, 2]: inner axes 3 and 2 differ",
        |a, b| a.broadcast_to([3, 2, 3]).matmul(b.slice(s![..3, ..]).broadcast_to([2, 3, 5])) => "matmul: [3, 2, 3] · [2, 3, 5]: leading axes do not broadcast",
        |a, b| a.affine(b, b.sum_axis(0)) => "affine: [2, 3] · [4, 5]: inner axes 3 and 4 differ\n  help: a weight has shape [in, out]",
        |a, b| a.affine(b.slice(s![..3, ..]), a.sum_axis(0)) => "affine: bias [3] for weight [3, 5]: expected [5]",
        |a, b| a.affine(b.sum_axis(0), a) => "affine: weight [5] is not a matrix [in, out]",
        |a, b| a.sum().affine(b, b) => "affine: x is a scalar, expected [batch, in]",
        |a, b| a.dot(b) => "dot: [2, 3] · [4, 5]: expected two vectors of one length",
        |a, b| a.outer(b) => "outer: [2, 3] and [4, 5]: expected two vectors",
        |a, _| a.reshape([4, 2]) => "reshape: [2, 3] to [4, 2]: 6 elements do not fill 8",
        |a, _| a.broadcast_to([3, 3]) => "broadcast_to: [2, 3] to [3, 3]: lengths are matched from the last axis on and must be equal or 1",
        |a, b| concat(&[a, b], 0) => "concat: [2, 3] and [4, 5] along axis 0: all other lengths must be equal",
        |a, b| stack(&[a, b], 0) => "stack: [2, 3] and [4, 5]: all shapes must be equal",
        |a, b| a.recurrence(b, 0) => "recurrence: factors [2, 3] and summands [4, 5] must have one shape",
        |a, b| a.scatter_add(0, [1, 0, 1], b) => "scatter_add: parts [4, 5] at 3 positions along axis 0 of [2, 3]",
        |a, b| a.vjp(&[b], b)[0] => "vjp: the cotangent has shape [4, 5], the output [2, 3]\n  help: a cotangent has a weight for each number of the output",
        |a, b| a.jvp(a, b) => "jvp: the direction has shape [4, 5], the variable [2, 3]\n  help: a direction has a number for each one of the variable",
    }
}

#[test]
fn axes_and_positions_out_of_range() {
    texts! {
        |a, _| a.sum_axis(2) => "sum: axis 2 is out of range for [2, 3], whose axes are 0 to 1 (or -2 to -1)",
        |a, _| a.mean_axis(-3) => "mean: axis -3 is out of range for [2, 3], whose axes are 0 to 1 (or -2 to -1)",
        |a, _| a.sum_axis([0, -2]) => "sum: axis -2 of [2, 3] is named twice",
        |a, _| a.sum().max_axis(0) => "max: axis 0 of a scalar, which has none",
        |a, _| a.sum_axis(0).softmax(1) => "softmax: axis 1 is out of range for [3], whose only axis is 0 (or -1)",
        |a, _| a.squeeze(0) => "squeeze: axis 0 of [2, 3] has length 2, not 1",
        |a, _| stack(&[a, a], 4) => "stack: no place 4 for a new axis in [2, 3]",
        |a, _| a.unsqueeze(4) => "unsqueeze: no place 4 for a new axis in [2, 3]",
        |a, _| a.reshape([1, 1, 1, 1, 2, 3]).unsqueeze(0) => "unsqueeze: [1, 1, 1, 1, 2, 3] has the largest rank already, 6",
        |a, _| a.permute(&[0, 0]) => "permute: [0, 0] does not name each axis of [2, 3] once",
        |a, _| a.permute(&[0]) => "permute: [0] does not name each axis of [2, 3] once",
        |a, _| a.sum_axis(0).t() => "t: [3] has no two axes to exchange",
        |a, _| a.slice(s![..3, ..]) => "slice: 0..3 reaches beyond the length 2 of axis 0 of [2, 3]",
        |a, _| a.slice(s![5, ..]) => "slice: 5..6 reaches beyond the length 2 of axis 0 of [2, 3]",
        |a, _| a.reshape([1, 1, 1, 1, 2, 3]).slice(s![NewAxis, ..]) => "slice: [1, 1, 1, 1, 2, 3] with 1 new axis would have more than 6",
        |a, _| a.reshape([1, 1, 1, 1, 2, 3]).slice(s![NewAxis, 0, .., NewAxis]) => "slice: [1, 1, 1, 1, 2, 3] with 2 new axes would have more than 6",
        |a, _| a.reshape([1, 1, 1, 1, 2, 3]).slice(s![NewAxis, 0]).reshape([2, 3]).slice(s![.., .., ..]) => "slice: more entries than the axes of [2, 3]",
        |a, _| a.index_axis(1, 3) => "index_axis: position 3 along axis 1 of [2, 3]",
        |a, _| a.split(&[1, 2], 0)[0] => "split: lengths [1, 2] do not add up to axis 0 of [2, 3]",
        |a, _| a.pad(&[(1, 1)], 0.0) => "pad: 1 pairs of widths for the 2 axes of [2, 3]",
        |a, _| a.tile(&[2]) => "tile: 1 numbers for the 2 axes of [2, 3]",
        |a, _| a.reshape([6, 1, 1]).diag() => "diag: [6, 1, 1] is neither a matrix nor a vector",
        |a, _| a.sum_axis(0).tril(0) => "tril: [3] is not a matrix",
        |a, _| a.index_select(0, [0, 2]) => "index_select: index 2 at position 1: expected 0 to 1",
        |a, _| a.slice(s![..0, ..]).index_select(0, [0]) => "index_select: index 0 at position 0: there is nothing to choose from",
        |a, _| a.gather(1, &array![[0, 3], [0, 0]]) => "gather: position 3 along axis 1 of [2, 3]",
        |a, _| a.gather(0, &array![[0, 1]]) => "gather: positions [1, 2] for [2, 3] along axis 0: all other lengths must be equal",
        |a, _| a.standardize([0, 1], 0.0).reshape([1, 2, 3]).standardize([0, 2], 0.0) => "standardize: the axes must lie beside each other",
        |a, _| a.reshape([1, 1, 1, 1, 1, 2, 3]) => "reshape: shape [1, 1, 1, 1, 1, 2, 3]: rank 7 exceeds 6, the largest rank of a tensor",
        |a, _| a.broadcast_to([1, 1, 1, 1, 1, 2, 3]) => "broadcast_to: shape [1, 1, 1, 1, 1, 2, 3]: rank 7 exceeds 6, the largest rank of a tensor",
        |a, _| a.recording().full([1; 7], 1.0) => "full: shape [1, 1, 1, 1, 1, 1, 1]: rank 7 exceeds 6, the largest rank of a tensor",
        |a, _| a.recording().zeros([1; 7]) => "zeros: shape [1, 1, 1, 1, 1, 1, 1]: rank 7 exceeds 6, the largest rank of a tensor",
        |a, _| a.recording().ones([usize::MAX, 2]) => "ones: shape [18446744073709551615, 2]: more elements than can be counted",
    }
}

#[test]
fn empty_tensors_and_bad_numbers() {
    texts! {
        |a, _| a.slice(s![..0, ..]).mean() => "mean: [0, 3] has no elements along the reduced axes\n  help: there is no mean and no extreme of nothing: leave empty arrays out",
        |a, _| a.slice(s![..0, ..]).max_axis(0) => "max: [0, 3] has no elements along the reduced axes\n  help: there is no mean and no extreme of nothing: leave empty arrays out",
        |a, _| a.slice(s![..0, ..]).argmin(0) => "argmin: [0, 3] has no elements along the reduced axes\n  help: there is no mean and no extreme of nothing: leave empty arrays out",
        |a, _| a.slice(s![..0, ..]).logsumexp() => "logsumexp: [0, 3] has no elements along the reduced axes\n  help: there is no mean and no extreme of nothing: leave empty arrays out",
        |a, _| a.slice(s![..1, ..]).var_axis(0, 1) => "var: too few elements of [1, 3] fall together for ddof 1: 1",
        |a, _| a.norm_p(0.5, 0) => "norm_p: p is 0.5, and a norm needs p of at least 1",
        |a, _| a.standardize(1, -10.0) => "standardize: an epsilon of -10, expected 0 or more",
        |a, b| a.layer_norm(a.sum_axis(0), b.sum_axis(0), 0.0) => "layer_norm: a shift of shape [5] for [2, 3], expected the length of the last axis",
        |a, _| a.dropout(1.5, 0) => "dropout: probability 1.5, expected one in [0, 1]",
        |a, _| a.dropout(f64::NAN, 0) => "dropout: probability NaN, expected one in [0, 1]",
        |a, _| concat(&[a; 0], 0) => "concat: of no tensors at all",
        |a, _| stack(&[a; 0], 0) => "stack: of no tensors at all",
        |a, _| [a; 0].into_iter().sum() => "sum: of no tensors at all, which has no recording to belong to",
    }
}

#[test]
fn labels() {
    texts! {
        |a, _| a.cross_entropy_rows([0, 3]) => "cross_entropy: label 3 at position 1: expected 0 to 2",
        |a, _| a.cross_entropy_rows([0]) => "cross_entropy: logits [2, 3] and 1 labels: one label for each row is needed",
        |a, _| a.sum_axis(0).cross_entropy_rows([0]) => "cross_entropy: logits [3], expected [batch, classes]",
        |a, _| a.slice(s![..0, ..]).cross_entropy_rows([0; 0]) => "cross_entropy: logits [0, 3]: there is nothing to take the loss of",
        |a, _| a.recording().one_hot([1, 4], 3) => "one_hot: label 4 at position 1: expected 0 to 2",
    }
}

#[test]
fn letters() {
    texts! {
        |a, b| einsum("ij,jk->ik", &[a, b]) => "einsum: \"ij,jk->ik\": `j` has lengths 3 and 4",
        |a, _| einsum("ij,jk", &[a]) => "einsum: \"ij,jk\": 2 terms for 1 operands",
        |a, _| einsum("ijk->i", &[a]) => "einsum: \"ijk->i\": operand 0 [2, 3]: 3 letters for 2 axes",
        |a, _| einsum("i1->i", &[a]) => "einsum: \"i1->i\": operand 0 [2, 3]: `1` is no letter",
        |a, _| einsum("ij->k", &[a]) => "einsum: \"ij->k\": `k` of the result is in no operand",
        |a, _| einsum("ij->ii", &[a]) => "einsum: \"ij->ii\": `i` twice in the result",
        |a, _| einsum("...j->j", &[a]) => "einsum: \"...j->j\": the result needs `...`, since operands have axes under it",
        |a, _| {
            let x = a.sum().reshape([1, 1, 1]);
            einsum("abc,def,ghi,adg,beh,cfi->", &[x; 6])
        } => "einsum: \"abc,def,ghi,adg,beh,cfi->\": the product of operands 0 to 2 would have 9 axes, more than 6\n  help: put operands that share letters beside each other",
        |a, _| einsum("", &[a; 0]) => "einsum: \"\" of no tensors at all",
    }
}

#[test]
fn derivatives_of_what_is_no_scalar() {
    let help = "\n  help: reduce it with `sum()` or `mean()`, or give a cotangent of its shape to `vjp`";
    assert_eq!(refused(|a, _| a.gradient(a)), format!("gradient: [2, 3] is no scalar{help}"));
    let mut params = Params::<f64>::new();
    let w = params.add("w", [2], || 1.0);
    let mut gradient = params.gradient();
    let mut tape = Tape::new();
    let found = message(|| {
        tape.record(&params).param(w).exp().backward(&mut gradient);
    });
    assert_eq!(found, format!("backward: [2] is no scalar{help}\n  near parameter `w`"));
    let found = message(|| {
        let _ = tape.record(&params).param(w).item();
    });
    let expected = "item: [2] has 2 elements, not one\n  help: read an array with `value()`, or reduce it first\n  near parameter `w`";
    assert_eq!(found, expected);
    let found = message(|| tape.record(&params).param(w).value_into(&mut array![0.0]));
    assert_eq!(found, "value_into: the array has shape [1], the value [2]\n  near parameter `w`");
    let found = message(|| {
        let step = tape.record(&params);
        let x = step.variable(&[1.0]);
        let _ = step.replay(&[(x, &array![1.0, 2.0])], &[x]);
    });
    assert_eq!(found, "replay: the value has shape [2], the tensor [1]");
}

#[test]
fn two_recordings() {
    let params = Params::<f64>::new();
    let (mut first, mut second) = (Tape::new(), Tape::new());
    let (one, two) = (first.record(&params), second.record(&params));
    let (x, y) = (one.input(&[1.0]), two.input(&[2.0]));
    let line = line!() - 1;
    let both = |op: &str| {
        format!(
            "{op}: the operands belong to two recordings\n  %0 = input : f64[1]  # tests/messages.rs:{line}:23\n  %0 = input : f64[1]  # tests/messages.rs:{line}:42\n  help: take values over as data, with `input` or `constant`"
        )
    };
    assert_eq!(message(|| x * y), both("mul"));
    assert_eq!(message(|| concat(&[x, y], 0)), both("concat"));
    let gradient = message(|| x.sum().gradient(y));
    assert!(gradient.starts_with("gradient: the operands belong to two recordings\n  %1 = sum %0"), "{gradient}");
    let foreign = |op: &str, line: &str| {
        format!(
            "{op}: a tensor of another recording\n  {line}\n  help: ask the recording that it is of, or take its value over as data, with `input` or `constant`"
        )
    };
    let of_two = format!("%0 = input : f64[1]  # tests/messages.rs:{line}:42");
    assert_eq!(message(|| one.values(&[y])), foreign("values", &of_two));
    assert_eq!(message(|| one.replay(&[], &[y])), foreign("replay", &of_two));
    let mut params = Params::<f64>::new();
    let buffer = params.add_buffer("mean", [1], || 0.0);
    let (one, two) = (first.record(&params), second.record(&params));
    let found = message(|| one.recorder().update(buffer, two.input(&[2.0])));
    assert!(found.starts_with("update: a tensor of another recording\n  %0 = input : f64[1]"), "{found}");
}

#[test]
fn handles_of_another_store() {
    let (mut ours, mut theirs) = (Params::<f64>::new(), Params::<f64>::new());
    ours.add("encoder.weight", [2, 2], || 0.0);
    let foreign = theirs.add("decoder.weight", [3], || 0.0);
    theirs.add("more", [1], || 0.0);
    let buffer = theirs.add_buffer("running_mean", [3], || 0.0);
    let mut tape = Tape::new();
    let found = message(|| {
        tape.record(&ours).param(foreign);
    });
    let (store, other) = (number(&found, 0), number(&found, 1));
    assert_ne!(store, other);
    let help = "help: record with the store that the layer was made in";
    assert_eq!(
        found,
        format!(
            "param: parameter `decoder.weight` belongs to store #{store}, not to store #{other}, which has `encoder.weight` [2, 2] in that place\n  {help}"
        )
    );
    let found = message(|| {
        tape.record(&ours).buffer(buffer);
    });
    assert_eq!(
        found,
        format!(
            "buffer: buffer `running_mean` belongs to store #{store}, not to store #{other}, which has 0 such tensors\n  {help}"
        )
    );
    assert!(
        message(|| ours.value(foreign).to_owned()).starts_with("params: parameter `decoder.weight` belongs to store")
    );
}

/// The n-th number behind a `#`.
fn number(text: &str, n: usize) -> u64 {
    let part = text.split('#').nth(n + 1).unwrap();
    part.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
}

#[test]
fn the_same_name_in_a_clone_that_went_its_own_way() {
    let mut first = Params::<f64>::new();
    let mut second = first.clone();
    let a = first.add("a", [1], || 0.0);
    second.add("b", [1], || 0.0);
    assert!(message(|| second.value(a).to_owned()).contains("which has `b` [1] in that place"));
    let mut third = Params::<f64>::clone(&second);
    let c = second.add("c", [2], || 0.0);
    third.add("c", [3], || 0.0);
    assert!(message(|| third.value(c).to_owned()).contains("which has `c` [3] in that place"));
}

#[test]
fn names_of_parameters() {
    let mut params = Params::<f64>::new();
    params.add("mlp.weight", [2, 3], || 0.0);
    let help = "help: give each layer a path of its own, such as `encoder.mlp.weight`";
    let expected = format!("params: the name `mlp.weight` is taken by a tensor of shape [2, 3]\n  {help}");
    assert_eq!(message(|| params.add("mlp.weight", [1], || 0.0)), expected);
    assert_eq!(message(|| params.add_buffer("mlp.weight", [1], || 0.0)), expected);
    assert_eq!(message(|| params.add("", [1], || 0.0)), "params: a parameter needs a name");
    assert_eq!(
        params.array("mlp.wieght").unwrap_err().to_string(),
        "no tensor `mlp.wieght` here; there are mlp.weight"
    );
    assert_eq!(
        params.assign("mlp.weight", &array![1.0]).unwrap_err().to_string(),
        "`mlp.weight` has shape [2, 3], found [1]"
    );
}

#[test]
fn gradients_of_another_store_or_already_used() {
    let mut params = Params::<f64>::new();
    let w = params.add("w", [2], || 1.0);
    let mut early = Params::<f64>::new().gradient();
    let mut tape = Tape::new();
    let found = message(|| {
        tape.record(&params).param(w).sum().backward(&mut early);
    });
    let (own, other) = (number(&found, 0), number(&found, 1));
    let help = "help: make it with `params.gradient()` once the model is complete";
    assert_eq!(
        found,
        format!(
            "backward: the gradient is of store #{own} with 0 tensors, the parameters are store #{other} with 1\n  {help}"
        )
    );
    let mut gradient = params.gradient();
    assert_eq!(
        message(|| gradient.consume(&params)),
        "step: the gradient was never computed\n  help: call `loss.backward(&mut gradient)` before the step"
    );
    tape.record(&params).param(w).sum().backward(&mut gradient);
    gradient.consume(&params);
    assert_eq!(
        message(|| gradient.consume(&params)),
        "step: this gradient was used by an earlier step\n  help: call `loss.backward(&mut gradient)` before each step"
    );
    gradient.flat_mut()[0] = 1.0;
    gradient.consume(&params);
    let snapshot = params.snapshot();
    let mut other = Params::<f64>::new();
    assert!(message(|| other.restore(&snapshot)).starts_with("params: a snapshot of store #"));
    other.add_buffer("mean", [2], || 3.0);
    let found = message(|| other.apply_updates(&gradient));
    assert!(found.starts_with("apply_updates: the gradient is of store #"), "{found}");
}

#[test]
fn an_update_of_another_shape() {
    let mut params = Params::<f64>::new();
    let mean = params.add_buffer("mean", [3], || 0.0);
    let mut tape = Tape::new();
    let found = message(|| {
        let step = tape.record(&params);
        step.recorder().update(mean, step.ones([2]));
    });
    assert_eq!(found, "update: buffer `mean` has shape [3], the new value has [2]");
}

struct Careless(usize);

impl CustomOp<f64> for Careless {
    fn name(&self) -> &'static str {
        "careless"
    }

    fn shape(&self, inputs: &[Shape]) -> Shape {
        inputs[0]
    }

    fn eval(&self, inputs: &[ArrayViewD<'_, f64>], out: &mut [f64]) {
        out.iter_mut().zip(&inputs[0]).for_each(|(y, &x)| *y = x);
    }

    fn vjp<'t>(&self, x: &[Var<'t, f64>], _: Var<'t, f64>, c: Var<'t, f64>) -> Vec<Cotangent<'t, f64>> {
        match self.0 {
            0 => vec![],
            1 => vec![c.into(), Cotangent::Missing],
            2 => vec![c.sum_axis(0).into(), Cotangent::Zero],
            _ => vec![c.into(), x[1].into()],
        }
    }
}

#[test]
fn a_custom_op_that_answers_wrongly() {
    let found = |which: usize, detach: bool| {
        message(|| {
            let op: Arc<dyn CustomOp<f64>> = Arc::new(Careless(which));
            let (x, y) = (array![[1.0, 2.0]], array![3.0]);
            grads(
                |v| {
                    let second = if detach { v[1].detach() } else { v[1] };
                    v[0].custom(op.clone(), &[v[0], second]).sum()
                },
                &[&x, &y],
            );
            panic!("it went well");
        })
    };
    // With the line that recorded the op: that of `custom` above.
    let place = "\n  recorded at tests/messages.rs:";
    let wrong = found(0, false);
    assert!(wrong.starts_with(&format!("careless: vjp answers for 0 operands, the op has 2{place}")), "{wrong}");
    assert!(found(1, false).starts_with(
        "careless: the derivative for operand 1 is missing and was asked for\n  recorded at tests/messages.rs:"
    ));
    assert!(found(1, false).ends_with("help: answer `Cotangent::Zero` if it is 0, or `detach` the operand"));
    assert_eq!(found(1, true), "it went well");
    assert!(
        wrong
            .ends_with("\n  help: answer a `Cotangent` for each operand, in their order: a `Var`, `Zero` or `Missing`")
    );
    let wrong = found(2, false);
    assert!(wrong.contains("\n  help: answer it in the operand's shape; "), "{wrong}");
    let text = "careless: vjp answers [2] for operand 0, expected its shape [1, 2] or one that this broadcasts to";
    assert!(wrong.starts_with(&format!("{text}{place}")), "{wrong}");
}

#[test]
fn the_panic_is_at_the_line_of_the_call() {
    let place = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let seen = place.clone();
    let before = std::panic::take_hook();
    // Other tests panic in other threads meanwhile.
    let own = std::thread::current().id();
    std::panic::set_hook(Box::new(move |info| {
        if std::thread::current().id() == own {
            *seen.lock().unwrap() = info.location().unwrap().to_string();
        }
    }));
    let line = line!() + 1;
    let result = catch_unwind(|| grad(|x| x.matmul(x).sum(), &array![[1.0, 2.0]]));
    std::panic::set_hook(before);
    assert!(result.is_err());
    assert!(place.lock().unwrap().starts_with(&format!("tests/messages.rs:{line}:")), "{}", place.lock().unwrap());
}

#[test]
fn behind_a_list_of_layers_the_line_of_the_call_is_named() {
    let mut params = Params::<f64>::new();
    let rng = &mut StdRng::seed_from_u64(1);
    let inner = Sequential::new().then(Linear::new(&mut params, "layer", 3, 2, rng));
    let net = Sequential::new().map(|x| x).then(inner).then(BatchNorm::new(&mut params, "norm", 2));
    let mut tape = Tape::new();
    let (wide, right) = (Array2::zeros((5, 4)), Array2::zeros((5, 3)));
    let found = message(|| {
        net.forward(tape.record(&params).input(&wide));
    });
    let here = format!("{}:{}:", file!(), line!() - 2);
    let (text, caller) = found.split_once("\n  called from ").expect("a caller");
    assert_eq!(
        text,
        "affine: [5, 4] · [3, 2]: inner axes 4 and 3 differ\n  help: a weight has shape [in, out]\n  near parameter `layer.weight`"
    );
    assert!(caller.starts_with(&here), "{caller} at {here}");
    // Listings name it, too; and behind the call, lines are their own again.
    let step = tape.record(&params);
    let y = net.forward(step.input(&right));
    let call = format!("# {}:{}:", file!(), line!() - 1);
    y.relu();
    let after = format!("# {}:{}:", file!(), line!() - 1);
    let listing = tape.to_string();
    let line = |op: &str| listing.lines().find(|line| line.contains(op)).unwrap_or_default();
    assert!(line("= affine").contains(&call), "{listing}");
    assert!(line("= relu").contains(&after), "{listing}");
}

#[test]
fn derivatives_taken_within_a_call_have_the_lines_of_what_they_differentiate() {
    let net = Sequential::new().map(|x| x.exp() + x.square().sum().gradient(x)).map(|x| x.relu());
    let (params, mut tape, data) = (Params::<f64>::new(), Tape::new(), array![1.0, 2.0]);
    let mut listings = Vec::new();
    for _ in 0..3 {
        let step = tape.record(&params);
        net.forward(step.input(&data)).sin();
        listings.push(tape.to_string());
    }
    // Recorded, found again whole, and once more.
    assert!(listings.iter().all(|listing| *listing == listings[0]));
    let call = format!("# {}:{}:", file!(), line!() - 5);
    // All but the seed of the sweep, which nobody recorded before.
    let (seeds, rest): (Vec<_>, Vec<_>) = listings[0].lines().partition(|line| line.contains("literal (1)"));
    assert!(seeds.len() == 1 && rest.len() == 12 && rest.iter().all(|line| line.contains(&call)), "{}", listings[0]);
    let column = |op: &str| listings[0].lines().find(|line| line.contains(op)).unwrap().rsplit(':').next().unwrap();
    assert_eq!(column("= exp"), column("= relu"));
    assert_eq!(column("= square"), column("= mul"));
    assert_ne!(column("= sin"), column("= relu"));
}

#[test]
fn the_first_value_that_is_not_finite() {
    let mut params = Params::<f64>::new();
    let w = params.add("layer.weight", [2], || -1.0);
    let mut tape = Tape::new();
    tape.check_finite(true);
    let x = array![2.0, 1.0];
    let line = line!() + 3;
    let found = message(|| {
        let step = tape.record(&params);
        let y = (step.input(&x) * step.param(w)).ln().sum() + 1.0;
        let _ = y.item();
    });
    let expected = format!(
        "check_finite: ln gives NaN at [0]
  recorded at tests/messages.rs:{line}:50
  near parameter `layer.weight`
  result [2]: none finite, 2 NaN, of 2
  of %2 = mul %0 %1 : f64[2]  # tests/messages.rs:{line}:17: -2 there, from -2 to -1
    %0 = input : f64[2]  # tests/messages.rs:{line}:23
    %1 = parameter (layer.weight) : f64[2]  # tests/messages.rs:{line}:40
    %2 = mul %0 %1 : f64[2]  # tests/messages.rs:{line}:17
  > %3 = ln %2 : f64[2]  # tests/messages.rs:{line}:50
    %4 = sum %3 (axes [0]) : f64[]  # tests/messages.rs:{line}:55
    %5 = scalar (1) : f64[]  # tests/messages.rs:{line}:17"
    );
    assert_eq!(found, expected);
    // What nobody reads is not computed, and so not complained about.
    let step = tape.record(&params);
    let _ = (step.input(&x) * step.param(w)).ln();
    assert_eq!(step.input(&x).sum().item(), 3.0);
    // NaN in the data is found where it enters.
    let broken = array![[1.0, 2.0, 3.0], [1.0, f64::NAN, f64::INFINITY]];
    let found = message(|| {
        let _ = tape.record(&params).input(&broken).exp().sum().item();
    });
    assert!(found.starts_with("check_finite: input holds NaN at [1, 1]\n"), "{found}");
    assert!(found.contains("\n  result [2, 3]: from 1 to 3, 1 NaN, 1 infinite, of 6\n"), "{found}");
}

#[test]
fn eager_errors_appear_at_their_line() {
    let params = Params::<f64>::new();
    let mut tape = Tape::new();
    tape.eager(true);
    tape.check_finite(true);
    let found = message(|| {
        let step = tape.record(&params);
        let _unread = step.constant(&array![-1.0]).ln();
    });
    assert!(found.starts_with("check_finite: ln gives NaN at [0]"), "{found}");
}

#[test]
fn operands_that_a_custom_op_refuses() {
    struct Pair(&'static str);
    impl CustomOp<f64> for Pair {
        fn name(&self) -> &'static str {
            "pair"
        }
        fn shape(&self, inputs: &[Shape]) -> Shape {
            assert!(inputs.len() == 1, "{}", self.0);
            inputs[0]
        }
        fn eval(&self, inputs: &[ArrayViewD<'_, f64>], out: &mut [f64]) {
            out.iter_mut().zip(&inputs[0]).for_each(|(y, &x)| *y = x);
        }
        fn vjp<'t>(&self, _: &[Var<'t, f64>], _: Var<'t, f64>, c: Var<'t, f64>) -> Vec<Cotangent<'t, f64>> {
            vec![c.into()]
        }
    }
    let refused = |text| refused(|a, b| a.custom(Arc::new(Pair(text)), &[a, b]));
    let start = "custom: `pair` refuses operands of shape [2, 3], [4, 5]: ";
    assert_eq!(refused("one, please"), format!("{start}one, please\n  help: its `shape` says which operands fit"));
    assert_eq!(refused("no\n  help: give one"), format!("{start}no\n  help: give one"));
}
