//! Instructions of the accumulator machine.

use super::{Binary, Unary};

/// An operation and, for each operand that is not in the accumulator, its place in the table of pointers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C)]
pub(super) struct Instr {
    pub(super) op: Op,
    pub(super) at: [u16; 3],
}

/// What an instruction does to the accumulator.
///
/// The letters say where the operands are: A in the accumulator, B and C in the registers beside it, M in memory, N a number
/// in memory that stands for all. The result is in the accumulator.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum Op {
    /// The end of the program for this block.
    End,
    Load,
    /// The accumulator is filled with one number.
    Splat,
    Store,
    /// From the accumulator to the register.
    KeepB,
    KeepC,
    /// From the register to the accumulator.
    TakeB,
    TakeC,
    /// Adds the accumulator to the lanes of a sum.
    Sum,
    Neg,
    Abs,
    Sign,
    Square,
    Sqrt,
    Rsqrt,
    Recip,
    Relu,
    Floor,
    Ceil,
    Round,
    AddAB,
    AddAC,
    AddAM,
    AddAN,
    AddMM,
    AddMN,
    SubAB,
    SubAC,
    SubBA,
    SubCA,
    SubAM,
    SubAN,
    SubMA,
    SubNA,
    SubMM,
    SubMN,
    SubNM,
    MulAB,
    MulAC,
    MulAM,
    MulAN,
    MulMM,
    MulMN,
    DivAB,
    DivAC,
    DivBA,
    DivCA,
    DivAM,
    DivAN,
    DivMA,
    DivNA,
    DivMM,
    DivMN,
    DivNM,
    MaximumAM,
    MaximumAN,
    MinimumAM,
    MinimumAN,
    WeighAM,
    WeighAN,
    WeighMA,
    WeighNA,
    EqAM,
    EqAN,
    NeAM,
    NeAN,
    LtAM,
    LtAN,
    LeAM,
    LeAN,
    GtAM,
    GtAN,
    GeAM,
    GeAN,
    SelectAMM,
    SelectAMN,
    SelectANM,
    SelectANN,
    SelectMAM,
    SelectMAN,
    SelectMMA,
    SelectMNA,
    // Two in one, see `fuse`: what comes first stands first.
    SquareM,
    SubMSquareM,
    MulMNAddM,
    MulMNSubM,
    SubMMulMN,
    MulMNMulB,
    MulMMAddM,
    MulMMAddN,
    MulMMMulN,
    MulANMulN,
    MulANAddN,
    MulANAddM,
    MulANAddB,
    MulAMAddN,
    MulAMAddM,
    MulAMAddB,
    MulAMMulN,
    MulAMMulM,
    AddMNMulM,
    AddMNMulB,
    AddANMulM,
    AddANMulN,
    AddMMRelu,
    SubNAMulM,
    SubNMMulM,
    SubNMMulN,
    SubNMSquare,
    SubMNMulM,
    SubMNMulN,
    SubMMMulM,
    SubMMMulN,
    SubMMSquare,
    GtMN,
    SelectGtMMN,
}

/// Where an operand of an instruction is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mode {
    Acc,
    /// In the register B or C.
    Beside(Beside),
    Memory,
    Number,
}

/// A register beside the accumulator.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Beside {
    B,
    C,
}

impl Op {
    pub(super) fn keep(register: Beside) -> Self {
        if register == Beside::B { Self::KeepB } else { Self::KeepC }
    }

    /// Brings what is there into the accumulator.
    pub(super) fn fetch(mode: Mode) -> Option<Self> {
        match mode {
            Mode::Acc => None,
            Mode::Beside(Beside::B) => Some(Self::TakeB),
            Mode::Beside(Beside::C) => Some(Self::TakeC),
            Mode::Memory => Some(Self::Load),
            Mode::Number => Some(Self::Splat),
        }
    }

    pub(super) fn unary(unary: Unary) -> Self {
        match unary {
            Unary::Neg => Self::Neg,
            Unary::Abs => Self::Abs,
            Unary::Sign => Self::Sign,
            Unary::Square => Self::Square,
            Unary::Sqrt => Self::Sqrt,
            Unary::Rsqrt => Self::Rsqrt,
            Unary::Recip => Self::Recip,
            Unary::Relu => Self::Relu,
            Unary::Floor => Self::Floor,
            Unary::Ceil => Self::Ceil,
            Unary::Round => Self::Round,
        }
    }

    /// The instruction for operands that are there, and whether its operands are to be taken in the other order.
    pub(super) fn binary(binary: Binary, a: Mode, b: Mode) -> Option<(Self, bool)> {
        Self::exact(binary, a, b).map(|op| (op, false)).or_else(|| Some((Self::exact(flipped(binary)?, b, a)?, true)))
    }

    fn exact(binary: Binary, a: Mode, b: Mode) -> Option<Self> {
        use self::Beside::{B, C};
        use Mode::{Acc, Beside, Memory, Number};
        Some(match (binary, a, b) {
            (Binary::Add, Acc, Beside(B)) => Self::AddAB,
            (Binary::Add, Acc, Beside(C)) => Self::AddAC,
            (Binary::Sub, Acc, Beside(B)) => Self::SubAB,
            (Binary::Sub, Beside(B), Acc) => Self::SubBA,
            (Binary::Sub, Acc, Beside(C)) => Self::SubAC,
            (Binary::Sub, Beside(C), Acc) => Self::SubCA,
            (Binary::Mul, Acc, Beside(B)) => Self::MulAB,
            (Binary::Mul, Acc, Beside(C)) => Self::MulAC,
            (Binary::Div, Acc, Beside(B)) => Self::DivAB,
            (Binary::Div, Beside(B), Acc) => Self::DivBA,
            (Binary::Div, Acc, Beside(C)) => Self::DivAC,
            (Binary::Div, Beside(C), Acc) => Self::DivCA,
            (Binary::Add, Acc, Memory) => Self::AddAM,
            (Binary::Add, Acc, Number) => Self::AddAN,
            (Binary::Add, Memory, Memory) => Self::AddMM,
            (Binary::Add, Memory, Number) => Self::AddMN,
            (Binary::Sub, Acc, Memory) => Self::SubAM,
            (Binary::Sub, Acc, Number) => Self::SubAN,
            (Binary::Sub, Memory, Acc) => Self::SubMA,
            (Binary::Sub, Number, Acc) => Self::SubNA,
            (Binary::Sub, Memory, Memory) => Self::SubMM,
            (Binary::Sub, Memory, Number) => Self::SubMN,
            (Binary::Sub, Number, Memory) => Self::SubNM,
            (Binary::Mul, Acc, Acc) => Self::Square,
            (Binary::Mul, Acc, Memory) => Self::MulAM,
            (Binary::Mul, Acc, Number) => Self::MulAN,
            (Binary::Mul, Memory, Memory) => Self::MulMM,
            (Binary::Mul, Memory, Number) => Self::MulMN,
            (Binary::Div, Acc, Memory) => Self::DivAM,
            (Binary::Div, Acc, Number) => Self::DivAN,
            (Binary::Div, Memory, Acc) => Self::DivMA,
            (Binary::Div, Number, Acc) => Self::DivNA,
            (Binary::Div, Memory, Memory) => Self::DivMM,
            (Binary::Div, Memory, Number) => Self::DivMN,
            (Binary::Div, Number, Memory) => Self::DivNM,
            (Binary::Maximum, Acc, Memory) => Self::MaximumAM,
            (Binary::Maximum, Acc, Number) => Self::MaximumAN,
            (Binary::Minimum, Acc, Memory) => Self::MinimumAM,
            (Binary::Minimum, Acc, Number) => Self::MinimumAN,
            (Binary::Weigh, Acc, Memory) => Self::WeighAM,
            (Binary::Weigh, Acc, Number) => Self::WeighAN,
            (Binary::Weigh, Memory, Acc) => Self::WeighMA,
            (Binary::Weigh, Number, Acc) => Self::WeighNA,
            (Binary::Eq, Acc, Memory) => Self::EqAM,
            (Binary::Eq, Acc, Number) => Self::EqAN,
            (Binary::Ne, Acc, Memory) => Self::NeAM,
            (Binary::Ne, Acc, Number) => Self::NeAN,
            (Binary::Lt, Acc, Memory) => Self::LtAM,
            (Binary::Lt, Acc, Number) => Self::LtAN,
            (Binary::Le, Acc, Memory) => Self::LeAM,
            (Binary::Le, Acc, Number) => Self::LeAN,
            (Binary::Gt, Acc, Memory) => Self::GtAM,
            (Binary::Gt, Acc, Number) => Self::GtAN,
            (Binary::Ge, Acc, Memory) => Self::GeAM,
            (Binary::Ge, Acc, Number) => Self::GeAN,
            _ => return None,
        })
    }

    /// The instruction that chooses, for operands that are there.
    pub(super) fn select(modes: [Mode; 3]) -> Option<Self> {
        use Mode::{Acc, Memory, Number};
        Some(match modes {
            [Acc, Memory, Memory] => Self::SelectAMM,
            [Acc, Memory, Number] => Self::SelectAMN,
            [Acc, Number, Memory] => Self::SelectANM,
            [Acc, Number, Number] => Self::SelectANN,
            [Memory, Acc, Memory] => Self::SelectMAM,
            [Memory, Acc, Number] => Self::SelectMAN,
            [Memory, Memory, Acc] => Self::SelectMMA,
            [Memory, Number, Acc] => Self::SelectMNA,
            _ => return None,
        })
    }
}

/// The function of the operands in the other order with the same bits.
fn flipped(binary: Binary) -> Option<Binary> {
    match binary {
        Binary::Add | Binary::Mul | Binary::Eq | Binary::Ne => Some(binary),
        Binary::Lt => Some(Binary::Gt),
        Binary::Le => Some(Binary::Ge),
        Binary::Gt => Some(Binary::Lt),
        Binary::Ge => Some(Binary::Le),
        Binary::Sub | Binary::Div | Binary::Maximum | Binary::Minimum | Binary::Weigh => None,
    }
}
