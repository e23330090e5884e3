//! Ops of the user's own.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use ndarray::ArrayViewD;

use super::{Args, Call, Primitive};
use crate::grad::Cotangents;
use crate::real::Real;
use crate::shape::Shape;
use crate::tape::Var;
use crate::tape::log::Place;

/// An op of one's own: a shape rule, a way to compute it, and its derivative.
///
/// What it computes must depend on its operands and on what it owns alone. An instance is recognised by its address, and
/// a tape keeps the instances that it recorded, so two instances with different captured constants are never mistaken
/// for each other.
///
/// # Behind a choice
///
/// Where `select`, `maximum`, `clamp` and the like did not choose an element, its cotangent is 0, and its slope may be
/// NaN or ∞. A product with the cotangent is therefore written [`c.weigh(slope)`](Var::weigh): its zeros stay 0. With
/// `c * slope` the derivative is right, too, but for 0·∞ and 0·NaN, which are NaN. A sweep inside `vjp` that is given the
/// cotangent (`y.vjp(&[x], c)`) weighs by itself.
///
/// # Trying it out
///
/// [`check::op`](fn@crate::check::op) runs an op at all shapes, broadcasts, layouts and edge values that it may meet, to second
/// order; [`check::gradients`](crate::check::gradients) checks it at one point. A panic in `eval` or `vjp` is carried on with
/// the op's name and the line that recorded it.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use gradus::prelude::*;
/// use ndarray::ArrayViewD;
///
/// struct Cube;
/// impl<T: Real> CustomOp<T> for Cube {
///     fn shape(&self, inputs: &[Shape]) -> Shape {
///         inputs[0]
///     }
///     fn eval(&self, inputs: &[ArrayViewD<'_, T>], out: &mut [T]) {
///         out.iter_mut().zip(&inputs[0]).for_each(|(y, &x)| *y = x * x * x);
///     }
///     fn vjp<'t>(&self, x: &[Var<'t, T>], _: Var<'t, T>, c: Var<'t, T>) -> Vec<Cotangent<'t, T>> {
///         vec![Cotangent::Var(c.weigh(3.0 * x[0] * x[0]))]
///     }
/// }
///
/// let cube: Arc<dyn CustomOp<f64>> = Arc::new(Cube);
/// assert_eq!(grad(|x| x.custom(cube.clone(), &[x]).sum(), &array![2.0]), array![12.0]);
/// check::op(1, |v: &[Var<'_, f64>]| v[0].custom(cube.clone(), v)).assert();
/// ```
pub trait CustomOp<T: Real>: Send + Sync {
    /// The name that listings and messages use.
    #[allow(clippy::unnecessary_literal_bound, reason = "implementors may own their name")]
    fn name(&self) -> &str {
        "custom"
    }

    /// The shape of the result. Panic here if the operands do not fit.
    fn shape(&self, inputs: &[Shape]) -> Shape;

    /// Computes the result into `out`, in standard order. `out` holds zeros.
    fn eval(&self, inputs: &[ArrayViewD<'_, T>], out: &mut [T]);

    /// The derivative for each operand, given the operands, the result and its cotangent: a function of these alone, linear
    /// in the cotangent.
    fn vjp<'t>(&self, inputs: &[Var<'t, T>], y: Var<'t, T>, c: Var<'t, T>) -> Vec<Cotangent<'t, T>>;
}

/// What a derivative rule answers for one operand.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let (params, mut tape) = (Params::<f64>::new(), Tape::new());
/// let step = tape.record(&params);
/// let c = step.input(&[1.0]);
/// assert!(matches!(Cotangent::from(c), Cotangent::Var(_)));
/// assert!(matches!(Cotangent::<f64>::from(()), Cotangent::Zero));
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Cotangent<'t, T: Real> {
    /// The derivative, of the operand's shape or one that broadcasting made of it.
    Var(Var<'t, T>),
    /// The derivative is 0.
    Zero,
    /// The derivative is not known. It is an error to need it.
    Missing,
}

impl<'t, T: Real> From<Var<'t, T>> for Cotangent<'t, T> {
    fn from(var: Var<'t, T>) -> Self {
        Self::Var(var)
    }
}

impl<T: Real> From<()> for Cotangent<'_, T> {
    fn from((): ()) -> Self {
        Self::Zero
    }
}

/// A call of a [`CustomOp`]; which one stands in the third input.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Custom;

impl Primitive for Custom {
    const NAMES: &'static [&'static str] = &["custom"];

    fn shape<T: Real>(self, call: &Call<'_, T>) -> Result<Shape, String> {
        let shapes: Vec<_> = call.log.inputs_list(call.inputs).iter().map(|&id| *call.log.shape(id)).collect();
        let op = call.log.custom_at(call.inputs[2]);
        catch_unwind(AssertUnwindSafe(|| op.shape(&shapes))).map_err(|payload| {
            let text = message(&*payload).unwrap_or_else(|| resume_unwind(payload));
            let shapes: Vec<_> = shapes.iter().map(ToString::to_string).collect();
            let help = if text.contains("help: ") { "" } else { "\n  help: its `shape` says which operands fit" };
            format!("`{}` refuses operands of shape {}: {text}{help}", op.name(), shapes.join(", "))
        })
    }

    fn eval<T: Real>(self, args: &Args<'_, T>, out: &mut [T]) {
        let view = |&id: &u32| {
            let shape = args.log.shape(id);
            ArrayViewD::from_shape(&shape[..], args.values.value(id)).expect("a value fills its shape")
        };
        let inputs: Vec<_> = args.log.operands(args.entry).iter().map(view).collect();
        // Buffers are used again and again: what stood there before must not show in an op that adds to its result.
        out.fill(T::zero());
        let (op, place) = (args.log.custom(args.entry), args.log.place(args.id));
        let help = "`eval` meets any numbers: where there is no result, fill it with NaN";
        watched(op.name(), "eval", place, help, || op.eval(&inputs, out));
    }

    fn vjp<'t, T: Real>(self, ct: &mut Cotangents<'_, 't, T>) {
        let inputs: Vec<_> = (0..ct.count()).map(|operand| ct.x(operand)).collect();
        let (op, y, c) = (ct.custom(), ct.y(), ct.c());
        let answers = answers(&*op, &inputs, y, c);
        let place = y.live().log().place(y.id());
        let wrong = |message: String, help: &str| -> ! {
            panic!("{}: {message}\n  recorded at {place}\n  help: {help}", op.name())
        };
        if answers.len() != inputs.len() {
            wrong(
                format!("vjp answers for {}, the op has {}", operands(answers.len()), inputs.len()),
                "answer a `Cotangent` for each operand, in their order: a `Var`, `Zero` or `Missing`",
            );
        }
        for (operand, answer) in answers.into_iter().enumerate() {
            if let Cotangent::Var(var) = answer {
                if !std::ptr::eq(var.live(), y.live()) {
                    wrong(
                        format!("vjp answers a tensor of another recording for operand {operand}"),
                        "make it of what `vjp` is given: the operands, the result and its cotangent",
                    );
                }
                let (found, expected) = (var.shape(), inputs[operand].shape());
                if !expected.broadcasts_to(&found) {
                    wrong(
                        format!(
                            "vjp answers {found} for operand {operand}, expected its shape {expected} or one that this broadcasts to"
                        ),
                        "answer it in the operand's shape; where the op broadcasts the operand, in the result's: it is summed",
                    );
                }
            }
            ct.add(operand, || answer);
        }
    }
}

/// What the rule of an op that was recorded answers for its operands.
pub(crate) fn answers<'t, T: Real>(
    op: &dyn CustomOp<T>,
    inputs: &[Var<'t, T>],
    y: Var<'t, T>,
    c: Var<'t, T>,
) -> Vec<Cotangent<'t, T>> {
    let place = y.live().log().place(y.id());
    let help = "`vjp` records a formula for every shape that `shape` lets pass";
    watched(op.name(), "vjp", place, help, || op.vjp(inputs, y, c))
}

/// Runs a method of a user's op. A panic in it is carried on with the op, the method and the line that recorded it.
fn watched<R>(op: &str, method: &str, place: Place, help: &str, run: impl FnOnce() -> R) -> R {
    // What the panic leaves behind is for whoever catches it.
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|payload| {
        let Some(text) = message(&*payload) else { resume_unwind(payload) };
        // What has help of its own knows better.
        let help = if text.contains("help: ") { String::new() } else { format!("\n  help: {help}") };
        resume_unwind(Box::new(format!("{op}: {method} panics: {text}\n  recorded at {place}{help}")))
    })
}

/// The text of a panic, if it has one.
pub(crate) fn message(payload: &(dyn Any + Send)) -> Option<String> {
    let text = payload.downcast_ref::<String>().cloned();
    text.or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned()))
}

fn operands(count: usize) -> String {
    format!("{count} operand{}", if count == 1 { "" } else { "s" })
}

impl<'t, T: Real> Var<'t, T> {
    /// An op of the user's own; see [`CustomOp`]. `self` only says which recording is meant.
    ///
    /// # Panics
    ///
    /// If the op's shape rule does, or operands are of several recordings.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// use std::sync::Arc;
    /// use ndarray::ArrayViewD;
    ///
    /// /// Counts positive elements: a step function, flat wherever it has a slope.
    /// struct Positive;
    /// impl CustomOp<f64> for Positive {
    ///     fn shape(&self, _: &[Shape]) -> Shape {
    ///         Shape::scalar()
    ///     }
    ///     fn eval(&self, inputs: &[ArrayViewD<'_, f64>], out: &mut [f64]) {
    ///         out[0] = inputs[0].iter().filter(|&&x| x > 0.0).map(|_| 1.0).sum();
    ///     }
    ///     fn vjp<'t>(&self, _: &[Var<'t, f64>], _: Var<'t, f64>, _: Var<'t, f64>) -> Vec<Cotangent<'t, f64>> {
    ///         vec![Cotangent::Zero]
    ///     }
    /// }
    ///
    /// assert_eq!(value(|x| x.custom(Arc::new(Positive), &[x]), &array![1.0, -2.0, 3.0]), 2.0);
    /// ```
    #[track_caller]
    pub fn custom(self, op: Arc<dyn CustomOp<T>>, operands: &[Self]) -> Self {
        self.record_list(Custom, operands, Some(op))
    }
}
