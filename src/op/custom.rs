//! Ops of the user's own.

use std::sync::Arc;

use ndarray::ArrayViewD;

use super::{Args, Call, Primitive};
use crate::grad::Cotangents;
use crate::real::Real;
use crate::shape::Shape;
use crate::tape::Var;

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
/// check::gradients(|v| v[0].custom(cube.clone(), &[v[0]]).sum(), &[&array![1.0, -2.0]]).assert();
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
        Ok(call.log.custom_at(call.inputs[2]).shape(&shapes))
    }

    fn eval<T: Real>(self, args: &Args<'_, T>, out: &mut [T]) {
        let view = |&id: &u32| {
            let shape = args.log.shape(id);
            ArrayViewD::from_shape(&shape[..], args.values.value(id)).expect("a value fills its shape")
        };
        let inputs: Vec<_> = args.log.operands(args.entry).iter().map(view).collect();
        // Buffers are used again and again: what stood there before must not show in an op that adds to its result.
        out.fill(T::zero());
        args.log.custom(args.entry).eval(&inputs, out);
    }

    fn vjp<'t, T: Real>(self, ct: &mut Cotangents<'_, 't, T>) {
        let inputs: Vec<_> = (0..ct.count()).map(|operand| ct.x(operand)).collect();
        let (op, y, c) = (ct.custom(), ct.y(), ct.c());
        let answers = op.vjp(&inputs, y, c);
        let wrong = |message: String| -> ! {
            let place = y.live().log().place(y.id());
            panic!("{}: {message}\n  recorded at {place}", op.name())
        };
        if answers.len() != inputs.len() {
            wrong(format!("vjp answers for {}, the op has {}", operands(answers.len()), inputs.len()));
        }
        for (operand, answer) in answers.into_iter().enumerate() {
            if let Cotangent::Var(var) = answer {
                if !std::ptr::eq(var.live(), y.live()) {
                    wrong(format!("vjp answers a tensor of another recording for operand {operand}"));
                }
                let (found, expected) = (var.shape(), inputs[operand].shape());
                if !expected.broadcasts_to(&found) {
                    wrong(format!(
                        "vjp answers {found} for operand {operand}, expected its shape {expected} or one that this broadcasts to"
                    ));
                }
            }
            ct.add(operand, || answer);
        }
    }
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
