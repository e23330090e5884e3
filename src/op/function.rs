//! Pointwise functions of the user's own, in one row.

use std::sync::{OnceLock, PoisonError, RwLock};

use super::pointwise::{broadcast, compute};
use super::{Args, Call, Primitive};
use crate::grad::Cotangents;
use crate::kernel::block::Block;
use crate::kernel::function::{Compile, Compiled, Order};
use crate::kernel::map;
use crate::kernel::tile::Slope;
use crate::op::pointwise::Incoming;
use crate::real::Real;
use crate::shape::Shape;
use crate::tape::Var;

/// All functions that were recorded, each once; the order in which they came tells nothing.
static FUNCTIONS: RwLock<Vec<&'static Compiled>> = RwLock::new(Vec::new());

/// A function of [`pointwise!`](crate::pointwise), or a derivative of one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Function {
    index: u16,
    arity: u8,
    order: Order,
}

/// In the place of an order: what the formula decides.
const DECISIONS: Order = [u8::MAX; 3];

impl Function {
    fn compiled(self) -> &'static Compiled {
        FUNCTIONS.read().unwrap_or_else(PoisonError::into_inner)[usize::from(self.index)]
    }

    /// Whether this derivative has a kernel.
    #[inline]
    pub(crate) fn has_kernel(self) -> bool {
        self.order.iter().map(|&times| u32::from(times)).sum::<u32>() <= 2
    }

    /// Which first derivative this is, if it is one, for two of them to be computed together.
    pub(crate) fn slope(self) -> Option<Slope> {
        let operand = self.order.iter().position(|&times| times == 1)?;
        if self.order.iter().map(|&times| u32::from(times)).sum::<u32>() != 1 {
            return None;
        }
        #[allow(clippy::cast_possible_truncation, reason = "at most 2")]
        Some(Slope { function: self.index, operand: operand as u8, pairs: self.compiled().pairs(operand) })
    }

    /// The derivative of this for an operand.
    fn derivative(mut self, operand: usize) -> Self {
        self.order[operand] = self.order[operand].checked_add(1).expect("fewer than 256 derivatives");
        self
    }

    /// A function that has another value, as good as surely, where the formula takes another branch.
    pub(crate) fn decisions(self) -> Self {
        Self { order: DECISIONS, ..self }
    }

    /// This function of other operands.
    #[track_caller]
    pub(crate) fn record<'t, T: Real>(self, operands: &[Var<'t, T>]) -> Var<'t, T> {
        match *operands {
            [x] => x.record(self, [x]),
            [x, y] => x.record(self, [x, y]),
            [x, y, z] => x.record(self, [x, y, z]),
            _ => unreachable!("one, two or three operands"),
        }
    }
}

impl Primitive for Function {
    const NAMES: &'static [&'static str] = &["function"];

    fn name(self) -> &'static str {
        self.compiled().name
    }

    fn arity(self) -> usize {
        self.arity.into()
    }

    fn shape<T: Real>(self, call: &Call<'_, T>) -> Result<Shape, String> {
        broadcast(call)
    }

    fn eval<T: Real>(self, args: &Args<'_, T>, out: &mut [T]) {
        if let Some(block) = self.block() {
            return compute(self.arity(), args, out, block);
        }
        let compiled = self.compiled();
        let directions: Vec<usize> =
            (0..3).flat_map(|operand| std::iter::repeat_n(operand, self.order[operand].into())).collect();
        let operand = |k: usize| map::Operand { data: args.data(k), shape: *args.shape(k) };
        let operands: Vec<_> = (0..self.arity()).map(operand).collect();
        map::each(args.out_shape(), &operands, out, |rows, out| {
            for (i, y) in out.iter_mut().enumerate() {
                let mut x = [0.0; 3];
                for (x, row) in x.iter_mut().zip(rows) {
                    *x = row[i].as_f64();
                }
                *y = T::of(match self.order {
                    // As many bits as every type of elements has, and something of all: whole parts differ in the highest.
                    DECISIONS => {
                        let all = compiled.decisions(&x);
                        ((all ^ all >> 24 ^ all >> 48) % (1 << 24)) as f64
                    }
                    _ => compiled.derivative(&x, &directions),
                });
            }
        });
    }

    fn block<T: Real>(self) -> Option<Block<T>> {
        self.compiled().block(self.order)
    }

    fn vjp<'t, T: Real>(self, ct: &mut Cotangents<'_, 't, T>) {
        let (operands, c): (Vec<_>, _) = ((0..ct.count()).map(|k| ct.x(k)).collect(), Incoming(ct.c()));
        for k in 0..operands.len() {
            ct.add(k, || c * self.derivative(k).record(&operands));
        }
    }

    fn arguments(self, _: [u32; 3]) -> String {
        match self.order {
            [0, 0, 0] => String::new(),
            DECISIONS => "decisions".to_owned(),
            order => format!("derivative {:?}", &order[..self.arity()]),
        }
    }
}

/// Where a function is known, once it was recorded.
#[derive(Debug, Default)]
pub struct Place(OnceLock<u16>);

impl Place {
    /// A function that nobody has recorded yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// Records the function that this place is for.
    #[doc(hidden)]
    #[inline]
    #[track_caller]
    pub fn record<'t, T: Real, const N: usize, F: Compile<N>>(&self, operands: [Var<'t, T>; N]) -> Var<'t, T> {
        let index = *self.0.get_or_init(Self::compile::<N, F>);
        #[allow(clippy::cast_possible_truncation, reason = "at most 3")]
        let function = Function { index, arity: N as u8, order: [0; 3] };
        function.record(&operands)
    }

    #[cold]
    fn compile<const N: usize, F: Compile<N>>() -> u16 {
        let mut functions = FUNCTIONS.write().unwrap_or_else(PoisonError::into_inner);
        functions.push(Box::leak(Box::new(F::compile())));
        u16::try_from(functions.len() - 1).expect("fewer than 65536 functions")
    }
}

/// Makes scalar formulas functions of tensors: one row each, with values, derivatives of any order and kernels for the
/// machine's vector registers.
///
/// ```text
/// /// documentation
/// pub fn name(x, more, …) = formula;
/// ```
///
/// A function takes one to three operands, the first a [`Var`](crate::Var), the others whatever may stand beside one;
/// shapes broadcast. The formula is an expression over [`Number`](crate::number::Number)s: arithmetic, with plain `f64`
/// on either side; the functions of that trait; `let`, and `if` on comparisons. Functions of one's own may be
/// called in it if they are generic over `N: Number` and `#[inline(always)]`. A plain number that is a result by itself, as at the
/// end of a branch, is written `Number::of(1.0)`; numbers beside others are written with a point, `2.0 * x`, and the larger of
/// two is `x.maximum(y)`.
///
/// # Derivatives
///
/// They are those of the formula by the rules of [`Dual`](crate::number::Dual), so it should be written as carefully as one
/// that is to be computed: where it overflows or subtracts what is nearly equal, so may its derivative. An `if` is
/// differentiated along the branch taken. First and second derivatives have kernels of their own; higher ones are
/// computed number by number in `f64`, each order three times as slowly as the one before. With `f32` they take the other
/// branch of an `if` whose bound `f32` rounds onto the operand: `x <= 0.1` holds for the `f32` next to 0.1, and does not in `f64`.
///
/// # Speed
///
/// The formula is compiled into your crate, with its optimisation: a build without any is slow. In a pass with its
/// neighbours a function costs one look at its operands, whatever the length of its formula.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// gradus::pointwise! {
///     /// One term of the Rosenbrock function.
///     fn rosenbrock(x, y) = 100.0 * (y - x * x).square() + (1.0 - x).square();
///
///     /// x · sigmoid(β·x).
///     fn swish(x, beta) = x * (beta * x).sigmoid();
///
///     /// Quadratic near 0, linear beyond 1.
///     fn soft_abs(x) = if x.abs() <= 1.0 { 0.5 * x * x } else { x.abs() - 0.5 };
///
///     /// x above 0, 0 below.
///     fn ramp(x) = if x > 0.0 { x } else { Number::of(0.0) };
/// }
///
/// let x = array![0.5, -1.0, 2.0];
/// let gradient = grad(|x| rosenbrock(x.slice(s![..-1]), x.slice(s![1..])).sum(), &x);
/// assert_eq!(gradient, array![249.0, 396.0 - 250.0, 200.0]);
///
/// assert_eq!(grad(|x| soft_abs(x).sum(), &x), array![0.5, -1.0, 1.0]);
/// assert_eq!(grad(|x| ramp(x).sum(), &x), array![1.0, 0.0, 1.0]);
/// check::gradients(|v| swish(v[0], v[1]), &[&x, &array![1.5]]).order(2).assert();
/// ```
///
/// Four operands are too many, and the compiler says so:
///
/// ```compile_fail
/// gradus::pointwise! {
///     fn weighted(x, y, z, weight) = weight * (x + y + z);
/// }
/// ```
#[macro_export]
macro_rules! pointwise {
    // One row with more operands than there are kernels for.
    ($(#[$meta:meta])* $vis:vis fn $name:ident(
        $x:ident, $y:ident, $z:ident, $($more:ident),+ $(,)?
    ) = $value:expr;) => {
        compile_error!(concat!(
            "pointwise: `", stringify!($name), "` has more than three operands\n",
            "  help: make a part of the formula a function of its own",
        ));
    };
    // One row.
    ($(#[$meta:meta])* $vis:vis fn $name:ident($x:ident $(, $more:ident)* $(,)?) = $value:expr;) => {
        $(#[$meta])*
        #[inline]
        #[track_caller]
        $vis fn $name<'t, T: $crate::Real>(
            $x: $crate::Var<'t, T> $(, $more: impl $crate::op::Operand<'t, T>)*
        ) -> $crate::Var<'t, T> {
            const OPERANDS: usize = [stringify!($x) $(, stringify!($more))*].len();
            struct Formula;
            impl $crate::number::ScalarFunction<OPERANDS> for Formula {
                const NAME: &'static str = stringify!($name);
                #[inline(always)]
                fn formula<N: $crate::number::Number>(
                    [$x $(, $more)*]: [$crate::number::Dual<N>; OPERANDS],
                ) -> $crate::number::Dual<N> {
                    #[allow(unused_imports, reason = "a formula may be arithmetic alone")]
                    use $crate::number::Number;
                    $value
                }
            }
            static PLACE: $crate::op::function::Place = $crate::op::function::Place::new();
            PLACE.record::<T, OPERANDS, Formula>([$x $(, $more.var($x))*])
        }
    };
    // Several rows, one by one.
    ($($(#[$meta:meta])* $vis:vis fn $name:ident($($x:ident),+ $(,)?) = $value:expr;)+) => {
        $($crate::pointwise! { $(#[$meta])* $vis fn $name($($x),+) = $value; })+
    };
}
