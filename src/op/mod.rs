//! What an op is: a shape rule, a way to compute it, and its derivative.
//!
//! Each op has one home in this folder: its method on [`Var`](crate::Var) with the documentation, and its
//! `Primitive`. Pointwise ops are rows of a table; every other one is a small `Copy` struct that holds its arguments.

use std::cell::OnceCell;
use std::sync::atomic::Ordering;

use crate::grad::Cotangents;
use crate::kernel::block::Block;
use crate::real::Real;
use crate::shape::Shape;
use crate::tape::log::{Entry, Id, Log};

pub(crate) mod arrange;
mod checkpoint;
pub(crate) mod custom;
#[cfg(feature = "linalg")]
mod dense;
mod dropout;
pub mod einsum;
mod extreme;
pub mod function;
pub(crate) mod fuse;
mod index;
pub(crate) mod layout;
mod leaf;
mod operand;
mod pointwise;
mod product;
mod reduce;
mod rows;
mod scan;
mod statistics;
mod view;

pub(crate) use checkpoint::Recompute;
pub(crate) use custom::Custom;
#[cfg(feature = "linalg")]
pub(crate) use dense::{Cholesky, Inverse, LogDet, Solve};
pub(crate) use dropout::Dropout;
pub(crate) use extreme::{ArgExtreme, Extreme};
pub(crate) use function::Function;
pub(crate) use index::{Gather, OneHot, ScatterAdd};
pub use index::{Indices, Positions};
pub(crate) use layout::{BroadcastTo, Concat, Embed, Permute, Slice, Triangle};
pub(crate) use leaf::Leaf;
pub use operand::Operand;
pub(crate) use pointwise::{Activation, Arithmetic, Comparison, Elementary, Powi, Selection, Trigonometric};
pub use pointwise::{Pointwise, SecondOrder, functions};
pub(crate) use product::{Affine, Matmul};
pub(crate) use reduce::{LogSumExp, Norm, Prod, Sum};
pub(crate) use rows::{CrossEntropy, LogSoftmax, Softmax, Standardize};
pub(crate) use scan::{CumProd, CumSum, Recurrence};
pub(crate) use view::View;

/// The three things that make an op. All three are functions of its arguments, its operands' shapes and values, and
/// nothing else: a rule that looked at anything else would go stale when a recording is found again.
pub(crate) trait Primitive: Copy {
    /// The names that listings and messages use, one for each member of the family.
    const NAMES: &'static [&'static str];

    /// The name of this one.
    fn name(self) -> &'static str {
        Self::NAMES[0]
    }

    /// How many of the inputs of its instruction are operands.
    fn arity(self) -> usize {
        1
    }

    /// The shape of the result, or why there is none: `[2, 3] · [4, 5]: inner axes 3 and 4 differ`.
    fn shape<T: Real>(self, call: &Call<'_, T>) -> Result<Shape, String>;

    /// Computes the result.
    fn eval<T: Real>(self, args: &Args<'_, T>, out: &mut [T]);

    /// The kernel that computes it element by element, where it is pointwise; operands come broadcast to the result.
    ///
    /// It is the one that `eval` uses, so the bits are the same. The second operand of `powi` is its exponent, where it
    /// stands in the instruction.
    fn block<T: Real>(self) -> Option<Block<T>> {
        None
    }

    /// Adds the derivative for each operand, as a formula in `Var`s.
    fn vjp<'t, T: Real>(self, ct: &mut Cotangents<'_, 't, T>);

    /// Arguments as listings print them behind the operands.
    fn arguments(self, inputs: [u32; 3]) -> String {
        let _ = inputs;
        String::new()
    }
}

/// Declares the closed set of ops and sends each question to the op it is about.
macro_rules! registry {
    ($($(#[$feature:meta])? $Op:ident),* $(,)?) => {
        /// An op with its arguments: at most eight bytes of plain data.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub(crate) enum Op { $($(#[$feature])? $Op($Op)),* }

        $($(#[$feature])? impl From<$Op> for Op {
            #[inline]
            fn from(op: $Op) -> Op { Op::$Op(op) }
        })*

        impl Op {
            /// Equality, laid out so that it is two byte comparisons where `other` is known to the compiler.
            #[inline(always)]
            pub(crate) fn is(&self, other: Op) -> bool {
                match other { $($(#[$feature])? Op::$Op(other) => matches!(self, Op::$Op(op) if *op == other)),* }
            }

            pub(crate) fn name(self) -> &'static str { match self { $($(#[$feature])? Op::$Op(op) => op.name()),* } }

            #[inline]
            pub(crate) fn arity(self) -> usize { match self { $($(#[$feature])? Op::$Op(op) => op.arity()),* } }

            pub(crate) fn arguments(self, inputs: [u32; 3]) -> String {
                match self { $($(#[$feature])? Op::$Op(op) => op.arguments(inputs)),* }
            }

            pub(crate) fn shape<T: Real>(self, call: &Call<'_, T>) -> Result<Shape, String> {
                match self { $($(#[$feature])? Op::$Op(op) => op.shape(call)),* }
            }

            pub(crate) fn eval<T: Real>(self, args: &Args<'_, T>, out: &mut [T]) {
                match self { $($(#[$feature])? Op::$Op(op) => op.eval(args, out)),* }
            }

            pub(crate) fn block<T: Real>(self) -> Option<Block<T>> {
                match self { $($(#[$feature])? Op::$Op(op) => op.block()),* }
            }

            pub(crate) fn vjp<'t, T: Real>(self, ct: &mut Cotangents<'_, 't, T>) {
                match self { $($(#[$feature])? Op::$Op(op) => op.vjp(ct)),* }
            }
        }

        /// The name of every primitive op, as listings print it.
        ///
        /// Ops are values in one list, so that a test can make sure it has seen all of them.
        ///
        /// # Examples
        ///
        /// ```
        /// let names = gradus::op::names();
        /// assert!(names.contains(&"tanh") && names.contains(&"matmul"));
        /// ```
        #[must_use]
        pub fn names() -> Vec<&'static str> {
            [$($(#[$feature])? $Op::NAMES),*].concat()
        }
    };
}

registry! {
    Leaf, View, Recompute,
    Arithmetic, Elementary, Trigonometric, Activation, Comparison, Selection, Powi,
    Sum, Prod, Extreme, ArgExtreme, Norm, LogSumExp,
    CumSum, CumProd, Recurrence,
    BroadcastTo, Permute, Slice, Embed, Concat, Triangle,
    Gather, ScatterAdd, OneHot,
    Matmul, Affine,
    #[cfg(feature = "linalg")] Solve, #[cfg(feature = "linalg")] Inverse,
    #[cfg(feature = "linalg")] Cholesky, #[cfg(feature = "linalg")] LogDet,
    Softmax, LogSoftmax, CrossEntropy, Standardize,
    Dropout, Custom, Function,
}

impl Op {
    /// Whether its operands stand in a list of their own instead of the instruction.
    #[inline]
    pub(crate) fn has_list(self) -> bool {
        matches!(self, Op::Concat(_) | Op::Custom(_))
    }

    /// Whether it is a row of a table of pointwise ops: all inputs of its instruction are operands, the rest 0.
    #[inline(always)]
    pub(crate) fn is_pointwise(self) -> bool {
        use Op::{Activation, Arithmetic, Comparison, Elementary, Function, Selection, Trigonometric};
        matches!(
            self,
            Arithmetic(_)
                | Elementary(_)
                | Trigonometric(_)
                | Activation(_)
                | Comparison(_)
                | Selection(_)
                | Function(_)
        )
    }

    /// Whether two equal instructions have equal values: not so for leaves, whose payload is not compared, nor for what
    /// must stay apart.
    pub(crate) fn is_pure(self) -> bool {
        match self {
            Op::Leaf(leaf) => leaf == Leaf::Literal,
            Op::View(view) => !matches!(view, View::Alias | View::Checkpoint),
            Op::Concat(_) | Op::Custom(_) | Op::Recompute(_) => false,
            _ => true,
        }
    }

    /// Whether its derivative is exactly 0 for operands that were not chosen or met a 0, whatever these hold.
    pub(crate) fn chooses(self) -> bool {
        match self {
            // A formula may choose, too.
            Op::Selection(_) | Op::Extreme(_) | Op::Recurrence(_) | Op::Function(_) => true,
            Op::Arithmetic(op) => {
                use Arithmetic::{Maximum, Meet, Minimum, Over, Weigh};
                matches!(op, Maximum | Minimum | Weigh | Meet | Over)
            }
            Op::Matmul(product) => product.weighs != [false, false],
            #[cfg(feature = "linalg")]
            Op::Solve(solve) => solve.weighs,
            _ => false,
        }
    }

    /// Whether this operand is a transposition that is not computed for its sake: what is transposed is read instead.
    #[inline]
    pub(crate) fn reads_through(self, operand: usize) -> bool {
        matches!(self, Op::Matmul(product) if product.through[operand])
    }

    /// Whether a derivative can pass through it.
    pub(crate) fn is_differentiable(self) -> bool {
        !matches!(self, Op::Leaf(_) | Op::View(View::Detach) | Op::Comparison(_) | Op::ArgExtreme(_) | Op::OneHot(_))
    }
}

/// A call that is being recorded: what a shape rule may look at.
pub(crate) struct Call<'a, T> {
    pub(crate) log: &'a Log<T>,
    pub(crate) inputs: [u32; 3],
    /// The shape asked for, where that is an argument.
    pub(crate) given: Option<Shape>,
    pub(crate) arity: usize,
}

impl<T: Real> Call<'_, T> {
    /// The shape of an operand.
    pub(crate) fn shape(&self, operand: usize) -> Shape {
        *self.log.shape(self.inputs[operand])
    }

    /// The shapes of all operands.
    pub(crate) fn shapes(&self) -> impl Iterator<Item = Shape> + '_ {
        self.inputs[..self.arity].iter().map(|&id| *self.log.shape(id))
    }

    pub(crate) fn given(&self) -> Shape {
        self.given.expect("the op is recorded with its shape")
    }
}

/// Where values are looked up while ops are computed.
pub(crate) trait Values<T> {
    /// The value at a position, in standard order.
    fn value(&self, id: Id) -> &[T];

    /// The position that is read for an operand: its own, or that of what it transposes.
    fn source(&self, entry: &Entry, operand: usize) -> Id;
}

/// An instruction that is being computed: its operands' values and shapes.
pub(crate) struct Args<'a, T> {
    pub(crate) log: &'a Log<T>,
    pub(crate) id: Id,
    pub(crate) entry: &'a Entry,
    pub(crate) values: &'a dyn Values<T>,
    /// Why there is no result: the operands' shapes fit, their values do not.
    refusal: OnceCell<String>,
}

impl<'a, T: Real> Args<'a, T> {
    pub(crate) fn new(log: &'a Log<T>, id: Id, values: &'a dyn Values<T>) -> Self {
        Self { log, id, entry: log.entry(id), values, refusal: OnceCell::new() }
    }

    /// Computes the result, or tells why there is none.
    pub(crate) fn eval(self, out: &mut [T]) -> Result<(), String> {
        self.entry.op.eval(&self, out);
        match self.refusal.into_inner() {
            Some(why) if !self.log.lenient => return Err(why),
            Some(_) => self.log.passed_over.store(true, Ordering::Relaxed),
            None => {}
        }
        Ok(())
    }

    /// Says why there is no result, which then is NaN: `what was found: what is wrong`. The first reason counts.
    #[cfg_attr(not(feature = "linalg"), expect(dead_code, reason = "no other op refuses values"))]
    pub(crate) fn refuse(&self, why: String) {
        let _ = self.refusal.set(why);
    }

    /// The value of an operand.
    pub(crate) fn data(&self, operand: usize) -> &'a [T] {
        self.values.value(self.entry.inputs[operand])
    }

    /// The shape of an operand.
    pub(crate) fn shape(&self, operand: usize) -> &'a Shape {
        self.log.shape(self.entry.inputs[operand])
    }

    /// The shape and the value that are read for an operand, and whether they are those of its transposition.
    pub(crate) fn source(&self, operand: usize) -> (&'a Shape, &'a [T], bool) {
        let source = self.values.source(self.entry, operand);
        (self.log.shape(source), self.values.value(source), source != self.entry.inputs[operand])
    }

    /// The shape of the result.
    pub(crate) fn out_shape(&self) -> &'a Shape {
        self.log.shape(self.id)
    }

    /// Labels or indices, where the operand is a list of them.
    pub(crate) fn indices(&self, operand: usize) -> &'a [u32] {
        self.log.index_list(self.entry.inputs[operand])
    }

    /// The bits of an operand that is a scalar, a literal or a seed.
    pub(crate) fn payload(&self, operand: usize) -> u64 {
        crate::tape::log::join(self.log.entry(self.entry.inputs[operand]).inputs)
    }
}
