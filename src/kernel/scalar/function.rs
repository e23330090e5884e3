//! The functions that programs over single numbers have instructions for, and what the instructions compute.
//!
//! Each function is the formula of the op with the same name, bit by bit; a test beside the ops holds them together.

use super::super::lane::Lane;
use super::super::simd::Isa;
use super::super::simd::math::{FARTHEST, Functions};
use crate::number::Number;

/// What the parts of an instruction are when it runs.
pub(super) trait Parts<T, I>: Copy {
    /// The entry `a`.
    fn a(self) -> Lane<T, I>;
    /// The entry `b`.
    fn b(self) -> Lane<T, I>;
    /// Writes the entry `b`.
    fn write_b(self, value: T);
    /// The result of the call in place `a`.
    fn call(self) -> Lane<T, I>;
}

/// Declares functions and their instructions. A function of two numbers has three: the accumulator is its first operand, its
/// second, or neither; where two functions follow each other and nobody else wants what is between, one instruction does both.
///
/// All instructions are one flat list: each further list to look up would be a jump that the processor has to guess.
macro_rules! functions {
    (
        unary { $($Unary:ident($u:ident) = $one:expr;)+ }
        binary { $($Binary:ident[$First:ident, $Second:ident, $Neither:ident]($x:ident, $y:ident) = $two:expr;)+ }
        chains { $($Chain:ident[$Before:ident, $After:ident]($p:ident, $q:ident, $r:ident) = $three:expr;)+ }
    ) => {
        /// A function of one number.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Unary { $($Unary),+ }

        /// A function of two numbers.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Binary { $($Binary),+ }

        /// What an instruction makes the accumulator.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Code {
            /// The entry `a`.
            Load,
            /// `a` where the accumulator is not 0, else `b`.
            Select,
            /// Its sine; the cosine goes to `b`.
            SinCos,
            /// Its cosine; the sine goes to `b`.
            CosSin,
            /// The result of the call in place `a`.
            Call,
            $($Unary,)+
            $($First, $Second, $Neither,)+
            $($Chain,)+
        }

        impl Unary {
            #[cfg(test)]
            pub(super) const ALL: &[Self] = &[$(Self::$Unary),+];

            /// The instruction with the accumulator as the operand.
            pub(super) fn code(self) -> Code {
                match self { $(Self::$Unary => Code::$Unary),+ }
            }
        }

        impl Binary {
            #[cfg(test)]
            pub(super) const ALL: &[Self] = &[$(Self::$Binary),+];

            /// The instruction with the accumulator as the first operand, the second, or neither: `b` is the second, `a` the first.
            pub(super) fn codes(self) -> [Code; 3] {
                match self { $(Self::$Binary => [Code::$First, Code::$Second, Code::$Neither]),+ }
            }

            /// The instruction with the accumulator as the first operand and `a` as the second, and then with `b` as the second
            /// operand of a function that comes after this one.
            pub(super) fn chain(self, after: Self) -> Option<Code> {
                match (self, after) {
                    $((Self::$Before, Self::$After) => Some(Code::$Chain),)+
                    _ => None,
                }
            }
        }

        impl Code {
            /// The accumulator behind the instruction.
            #[inline(always)]
            pub(super) fn compute<T: Functions, I: Isa>(self, accumulator: Lane<T, I>, parts: impl Parts<T, I>) -> Lane<T, I> {
                match self {
                    Code::Load => parts.a(),
                    Code::Select => if accumulator == 0.0 { parts.b() } else { parts.a() },
                    Code::SinCos if is_far(accumulator.0) => Lane::new(far([num_traits::Float::sin, num_traits::Float::cos], accumulator.0, parts)),
                    Code::CosSin if is_far(accumulator.0) => Lane::new(far([num_traits::Float::cos, num_traits::Float::sin], accumulator.0, parts)),
                    Code::SinCos => {
                        let (sin, cos) = <T as Functions>::sin_cos::<I>(accumulator.0);
                        parts.write_b(cos);
                        Lane::new(sin)
                    }
                    Code::CosSin => {
                        let (sin, cos) = <T as Functions>::sin_cos::<I>(accumulator.0);
                        parts.write_b(sin);
                        Lane::new(cos)
                    }
                    Code::Call => parts.call(),
                    $(Code::$Unary => {
                        let $u = accumulator;
                        $one
                    })+
                    $(Code::$First => {
                        let ($x, $y) = (accumulator, parts.b());
                        $two
                    }
                    Code::$Second => {
                        let ($x, $y) = (parts.a(), accumulator);
                        $two
                    }
                    Code::$Neither => {
                        let ($x, $y) = (parts.a(), parts.b());
                        $two
                    })+
                    $(Code::$Chain => {
                        let ($p, $q, $r) = (accumulator, parts.a(), parts.b());
                        $three
                    })+
                }
            }
        }
    };
}

functions! {
    unary {
        Neg(x) = -x;
        Abs(x) = x.abs();
        Square(x) = x * x;
        Sqrt(x) = x.sqrt();
        Recip(x) = 1.0 / x;
        Relu(x) = if x <= 0.0 { Lane::of(0.0) } else { x };
        Exp(x) = x.exp();
        Ln(x) = x.ln();
        Sin(x) = sin(x);
        Cos(x) = cos(x);
        Tanh(x) = x.tanh();
        Sigmoid(x) = x.sigmoid();
    }
    binary {
        Add[AddFirst, AddSecond, AddNeither](x, y) = x + y;
        Sub[SubFirst, SubSecond, SubNeither](x, y) = x - y;
        Mul[MulFirst, MulSecond, MulNeither](x, y) = x * y;
        Div[DivFirst, DivSecond, DivNeither](x, y) = x / y;
        Weigh[WeighFirst, WeighSecond, WeighNeither](x, y) = if x == 0.0 { x } else { x * y };
        Maximum[MaximumFirst, MaximumSecond, MaximumNeither](x, y) = if x >= y || x.0.is_nan() { x } else { y };
        Minimum[MinimumFirst, MinimumSecond, MinimumNeither](x, y) = if x <= y || x.0.is_nan() { x } else { y };
        Eq[EqFirst, EqSecond, EqNeither](x, y) = mask(x == y);
        Ne[NeFirst, NeSecond, NeNeither](x, y) = mask(x != y);
        Lt[LtFirst, LtSecond, LtNeither](x, y) = mask(x < y);
        Le[LeFirst, LeSecond, LeNeither](x, y) = mask(x <= y);
        Gt[GtFirst, GtSecond, GtNeither](x, y) = mask(x > y);
        Ge[GeFirst, GeSecond, GeNeither](x, y) = mask(x >= y);
    }
    chains {
        AddAdd[Add, Add](x, y, z) = x + y + z;
        AddSub[Add, Sub](x, y, z) = x + y - z;
        AddMul[Add, Mul](x, y, z) = (x + y) * z;
        SubAdd[Sub, Add](x, y, z) = x - y + z;
        SubSub[Sub, Sub](x, y, z) = x - y - z;
        SubMul[Sub, Mul](x, y, z) = (x - y) * z;
        MulAdd[Mul, Add](x, y, z) = x * y + z;
        MulSub[Mul, Sub](x, y, z) = x * y - z;
        MulMul[Mul, Mul](x, y, z) = x * y * z;
    }
}

impl Binary {
    /// Whether the operands may change places.
    pub(super) fn commutes(self) -> bool {
        matches!(self, Self::Add | Self::Mul)
    }
}

#[inline(always)]
fn mask<N: Number>(holds: bool) -> N {
    N::of(f64::from(u8::from(holds)))
}

/// Whether an angle is so large that its functions are the slow ones.
#[inline(always)]
fn is_far<T: Functions>(x: T) -> bool {
    x.abs() > T::of(FARTHEST)
}

#[inline(always)]
fn sin<T: Functions, I: Isa>(x: Lane<T, I>) -> Lane<T, I> {
    if is_far(x.0) { Lane::new(x.0.sin()) } else { Lane::new(<T as Functions>::sin_cos::<I>(x.0).0) }
}

#[inline(always)]
fn cos<T: Functions, I: Isa>(x: Lane<T, I>) -> Lane<T, I> {
    if is_far(x.0) { Lane::new(x.0.cos()) } else { Lane::new(<T as Functions>::sin_cos::<I>(x.0).1) }
}

/// The first of two functions; the second goes to `b`.
#[cold]
#[inline(never)]
fn far<T: Functions, I: Isa>([first, second]: [fn(T) -> T; 2], x: T, parts: impl Parts<T, I>) -> T {
    parts.write_b(second(x));
    first(x)
}
