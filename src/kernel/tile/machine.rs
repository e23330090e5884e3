//! The accumulator machine.
//!
//! A block of vectors is local to one loop around a `match`, so the compiler keeps it in registers from one instruction to
//! the next: an instruction whose operand is the previous result neither loads nor stores it. All memory operands, be they
//! inputs, outputs or intermediate values, go through one table of pointers; those in front move on with each block.
#![allow(
    clippy::needless_range_loop,
    unused_variables,
    reason = "registers are counted; arms take what their formula needs"
)]

use std::hint::{assert_unchecked, black_box};

use super::instr::{Instr, Op};
use super::program::Foreign;
use super::{LANES, formula};
use crate::kernel::simd::{Element, Isa, Kernel, Lanes, Level};

/// One run over `len` elements.
pub(super) struct Run<'a, T> {
    pub(super) code: &'a [Instr],
    /// The pointers that the code names; behind them there is room for one more for each that is foreign.
    pub(super) table: &'a mut [*mut T],
    /// How many pointers at the front of the table move on.
    pub(super) moving: usize,
    pub(super) len: usize,
    /// The position of the first element, which decides the lanes of sums that it is added to; a whole number of blocks.
    pub(super) start: usize,
    /// Which of the moving pointers are not into our own memory.
    pub(super) foreign: &'a [Foreign],
    /// How many elements behind the last may be touched at foreign pointers.
    pub(super) behind: usize,
    /// A block for the end of each foreign operand.
    pub(super) ends: *mut T,
}

/// The elements of the largest block on any instruction set.
pub(super) const BLOCK: usize = 128;

/// The vectors of a block, and of a small one.
const VECTORS: usize = 8;
const SMALL: usize = 2;

/// Whether there are registers for two blocks beside the accumulator.
pub(super) const fn has_spare_registers(level: Level) -> bool {
    matches!(level, Level::Avx512 | Level::Neon)
}

impl<T: Element> Kernel for Run<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        // SAFETY: whoever made the run vouches for it.
        unsafe { self.all::<I>() }
    }
}

impl<T: Element> Run<'_, T> {
    /// Whole blocks, then what is left in small ones or one large one.
    ///
    /// # Safety
    ///
    /// See [`execute`](Self::execute); only `behind` elements beyond `len` are touched at foreign pointers.
    #[inline(always)]
    unsafe fn all<I: Isa>(mut self) {
        let width = T::V::<I>::N;
        let (block, small) = (VECTORS * width, SMALL * width);
        let rest = self.len % block;
        // Code for small blocks is spared where registers are short.
        let is_short = const { !matches!(I::LEVEL, Level::Portable) } && rest <= 2 * small;
        let covered = if is_short { rest.next_multiple_of(small) } else { block };
        let whole = self.len - rest;
        // SAFETY: the blocks for the ends are as long as a block of ours.
        unsafe {
            // Twice the same loop, so that the machine is compiled once: over whole blocks, and over what is left.
            let (mut len, mut done, stands_out) = (whole, 0, covered - rest > self.behind);
            loop {
                self.execute::<I, VECTORS>(len, done);
                if rest == 0 {
                    return;
                }
                if done + len > whole {
                    break;
                }
                if stands_out {
                    self.bring_ends::<I>(rest);
                }
                if const { !matches!(I::LEVEL, Level::Portable) } && is_short {
                    self.execute::<I, SMALL>(rest, whole);
                    break;
                }
                (len, done) = (rest, whole);
            }
            if stands_out {
                self.take_ends::<I>(rest);
            }
        }
    }

    /// Copies the last `rest` elements of foreign operands to where whole blocks may be touched.
    ///
    /// # Safety
    ///
    /// So many must be there, and at `ends` a block for each foreign operand.
    #[inline(always)]
    unsafe fn bring_ends<I: Isa>(&mut self, rest: usize) {
        let pointers = self.table.len() - self.foreign.len();
        for (k, foreign) in self.foreign.iter().enumerate() {
            // SAFETY: the caller vouches for `rest` elements, and for a block for each foreign operand.
            unsafe {
                let place = self.table.as_mut_ptr().add(foreign.place.into());
                let end = self.ends.add(k * BLOCK);
                if foreign.reads {
                    copy::<T, I>(*place, end, rest);
                }
                *self.table.as_mut_ptr().add(pointers + k) = *place;
                *place = end;
            }
        }
    }

    /// Copies the ends of what was written to where they belong.
    ///
    /// # Safety
    ///
    /// They must have been brought with the same `rest`.
    #[inline(always)]
    unsafe fn take_ends<I: Isa>(&mut self, rest: usize) {
        let pointers = self.table.len() - self.foreign.len();
        for (k, _) in self.foreign.iter().enumerate().filter(|(_, foreign)| foreign.writes) {
            // SAFETY: see `bring_ends`.
            unsafe { copy::<T, I>(self.ends.add(k * BLOCK), *self.table.as_mut_ptr().add(pointers + k), rest) };
        }
    }

    /// Runs the code on `len` elements, `done` behind the first.
    ///
    /// # Safety
    ///
    /// The code must end with [`Op::End`], and what it does at each place of the table must be allowed there: for as many
    /// elements as whole blocks cover, but one element where the op takes a number, and [`LANES`] where it sums.
    #[inline(always)]
    unsafe fn execute<I: Isa, const N: usize>(&mut self, len: usize, done: usize) {
        let block = N * T::V::<I>::N;
        let (mut rest, mut position) = (len, self.start + done);
        while rest > 0 {
            // SAFETY: as above, for this block.
            unsafe { one_block::<T, I, N>(self.code, self.table.as_ptr(), rest.min(block), position) };
            rest = rest.saturating_sub(block);
            position += block;
            for k in 0..self.moving {
                // SAFETY: the place is in the table. A volatile read, since a loop over vectors of so few pointers is slow.
                unsafe {
                    let pointer = self.table.as_mut_ptr().add(k);
                    *pointer = pointer.read_volatile().wrapping_add(block);
                }
            }
        }
    }
}

/// # Safety
///
/// `n` elements must be readable at one place and writable at the other.
#[inline(always)]
unsafe fn copy<T: Element, I: Isa>(from: *const T, to: *mut T, n: usize) {
    let width = T::V::<I>::N;
    for i in (0..n).step_by(width) {
        // SAFETY: not beyond the first `n`.
        unsafe {
            if i + width <= n {
                T::V::<I>::load(from.add(i)).store(to.add(i));
            } else {
                T::V::<I>::load_masked(from.add(i), n - i).store_masked(to.add(i), n - i);
            }
        }
    }
}

/// # Safety
///
/// See [`Run::execute`].
#[inline(always)]
#[allow(clippy::too_many_lines, reason = "an arm for each instruction")]
unsafe fn one_block<T: Element, I: Isa, const N: usize>(
    code: &[Instr],
    table: *const *mut T,
    live: usize,
    position: usize,
) {
    use formula::{
        abs, add, ceil, choose, choose_greater, copy, div, eq, floor, ge, gt, le, lt, maximum, minimum, mul, ne, neg,
        recip, relu, round, rsqrt, sign, sqrt, square, sub, weigh,
    };
    let width = T::V::<I>::N;
    let mut acc = [T::V::<I>::zero(); N];
    let (mut b, mut c) = (acc, acc);
    // Copies go through an operation, or the compiler shares registers between the copies and moves them at every arm.
    let nothing = T::V::<I>::splat(black_box(T::zero()));
    let is_spare = const { has_spare_registers(I::LEVEL) };
    let mut next = code.as_ptr();
    // SAFETY: the code ends with `End`, so there is an instruction behind each other one; the rest is as above.
    unsafe {
        loop {
            let instr = &*next;
            next = next.add(1);
            macro_rules! pointer {
                ($k:literal) => {
                    *table.add(instr.at[$k].into())
                };
            }
            // What is fetched once for all vectors, and what vector j of an operand is.
            macro_rules! place {
                (A $k:literal) => {
                    ()
                };
                (B $k:literal) => {
                    // SAFETY: the compiler uses no registers that there are not.
                    assert_unchecked(is_spare)
                };
                (C $k:literal) => {
                    // SAFETY: see above.
                    assert_unchecked(is_spare)
                };
                (M $k:literal) => {
                    pointer!($k)
                };
                (N $k:literal) => {
                    T::V::<I>::splat(*pointer!($k))
                };
            }
            macro_rules! vector {
                (A $at:ident $j:ident) => {
                    acc[$j]
                };
                (B $at:ident $j:ident) => {
                    b[$j]
                };
                (C $at:ident $j:ident) => {
                    c[$j]
                };
                (M $at:ident $j:ident) => {
                    T::V::<I>::load($at.add($j * width))
                };
                (N $at:ident $j:ident) => {
                    $at
                };
            }
            macro_rules! arm {
                ($f:ident $x:ident) => {{
                    let p = place!($x 0);
                    for j in 0..N {
                        acc[j] = $f::<T, T::V<I>>(vector!($x p j));
                    }
                }};
                ($f:ident $x:ident $y:ident) => {{
                    let (p, q) = (place!($x 0), place!($y 1));
                    for j in 0..N {
                        acc[j] = $f::<T, T::V<I>>(vector!($x p j), vector!($y q j));
                    }
                }};
                ($f:ident $x:ident $y:ident $z:ident) => {{
                    let (p, q, r) = (place!($x 0), place!($y 1), place!($z 2));
                    for j in 0..N {
                        acc[j] = $f::<T, T::V<I>>(vector!($x p j), vector!($y q j), vector!($z r j));
                    }
                }};
            }
            // Two functions, one upon the other; the operand of the outer one comes last in the instruction.
            macro_rules! both {
                ($g:ident ($f:ident $x:ident $y:ident)) => {{
                    let (p, q) = (place!($x 0), place!($y 1));
                    for j in 0..N {
                        let inner = $f::<T, T::V<I>>(vector!($x p j), vector!($y q j));
                        acc[j] = $g::<T, T::V<I>>(inner);
                    }
                }};
                ($g:ident ($f:ident $x:ident $y:ident) $z:ident) => {{
                    let (p, q, r) = (place!($x 0), place!($y 1), place!($z 2));
                    for j in 0..N {
                        let inner = $f::<T, T::V<I>>(vector!($x p j), vector!($y q j));
                        acc[j] = $g::<T, T::V<I>>(inner, vector!($z r j));
                    }
                }};
                ($g:ident $z:ident ($f:ident $x:ident $y:ident)) => {{
                    let (p, q, r) = (place!($x 0), place!($y 1), place!($z 2));
                    for j in 0..N {
                        let inner = $f::<T, T::V<I>>(vector!($x p j), vector!($y q j));
                        acc[j] = $g::<T, T::V<I>>(vector!($z r j), inner);
                    }
                }};
                ($g:ident $z:ident ($f:ident $x:ident)) => {{
                    let (p, r) = (place!($x 0), place!($z 2));
                    for j in 0..N {
                        let inner = $f::<T, T::V<I>>(vector!($x p j));
                        acc[j] = $g::<T, T::V<I>>(vector!($z r j), inner);
                    }
                }};
            }
            match instr.op {
                Op::End => break,
                Op::Load => arm!(copy M),
                Op::Splat => arm!(copy N),
                Op::Store => {
                    let to = pointer!(0);
                    for j in 0..N {
                        acc[j].store(to.add(j * width));
                    }
                }
                Op::KeepB => {
                    place!(B 0);
                    for j in 0..N {
                        b[j] = acc[j].bit_xor(nothing);
                    }
                }
                Op::KeepC => {
                    place!(C 0);
                    for j in 0..N {
                        c[j] = acc[j].bit_xor(nothing);
                    }
                }
                Op::TakeB => {
                    place!(B 0);
                    for j in 0..N {
                        acc[j] = b[j].bit_xor(nothing);
                    }
                }
                Op::TakeC => {
                    place!(C 0);
                    for j in 0..N {
                        acc[j] = c[j].bit_xor(nothing);
                    }
                }
                Op::Sum => add_to_lanes::<T, I, N>(&acc, pointer!(0), live, position),
                Op::Neg => arm!(neg A),
                Op::Abs => arm!(abs A),
                Op::Sign => arm!(sign A),
                Op::Square => arm!(square A),
                Op::Sqrt => arm!(sqrt A),
                Op::Rsqrt => arm!(rsqrt A),
                Op::Recip => arm!(recip A),
                Op::Relu => arm!(relu A),
                Op::Floor => arm!(floor A),
                Op::Ceil => arm!(ceil A),
                Op::Round => arm!(round A),
                Op::AddAB => arm!(add A B),
                Op::AddAC => arm!(add A C),
                Op::AddAM => arm!(add A M),
                Op::AddAN => arm!(add A N),
                Op::AddMM => arm!(add M M),
                Op::AddMN => arm!(add M N),
                Op::SubAB => arm!(sub A B),
                Op::SubAC => arm!(sub A C),
                Op::SubBA => arm!(sub B A),
                Op::SubCA => arm!(sub C A),
                Op::SubAM => arm!(sub A M),
                Op::SubAN => arm!(sub A N),
                Op::SubMA => arm!(sub M A),
                Op::SubNA => arm!(sub N A),
                Op::SubMM => arm!(sub M M),
                Op::SubMN => arm!(sub M N),
                Op::SubNM => arm!(sub N M),
                Op::MulAB => arm!(mul A B),
                Op::MulAC => arm!(mul A C),
                Op::MulAM => arm!(mul A M),
                Op::MulAN => arm!(mul A N),
                Op::MulMM => arm!(mul M M),
                Op::MulMN => arm!(mul M N),
                Op::DivAB => arm!(div A B),
                Op::DivAC => arm!(div A C),
                Op::DivBA => arm!(div B A),
                Op::DivCA => arm!(div C A),
                Op::DivAM => arm!(div A M),
                Op::DivAN => arm!(div A N),
                Op::DivMA => arm!(div M A),
                Op::DivNA => arm!(div N A),
                Op::DivMM => arm!(div M M),
                Op::DivMN => arm!(div M N),
                Op::DivNM => arm!(div N M),
                Op::MaximumAM => arm!(maximum A M),
                Op::MaximumAN => arm!(maximum A N),
                Op::MinimumAM => arm!(minimum A M),
                Op::MinimumAN => arm!(minimum A N),
                Op::WeighAM => arm!(weigh A M),
                Op::WeighAN => arm!(weigh A N),
                Op::WeighMA => arm!(weigh M A),
                Op::WeighNA => arm!(weigh N A),
                Op::EqAM => arm!(eq A M),
                Op::EqAN => arm!(eq A N),
                Op::NeAM => arm!(ne A M),
                Op::NeAN => arm!(ne A N),
                Op::LtAM => arm!(lt A M),
                Op::LtAN => arm!(lt A N),
                Op::LeAM => arm!(le A M),
                Op::LeAN => arm!(le A N),
                Op::GtAM => arm!(gt A M),
                Op::GtAN => arm!(gt A N),
                Op::GeAM => arm!(ge A M),
                Op::GeAN => arm!(ge A N),
                Op::SelectAMM => arm!(choose A M M),
                Op::SelectAMN => arm!(choose A M N),
                Op::SelectANM => arm!(choose A N M),
                Op::SelectANN => arm!(choose A N N),
                Op::SelectMAM => arm!(choose M A M),
                Op::SelectMAN => arm!(choose M A N),
                Op::SelectMMA => arm!(choose M M A),
                Op::SelectMNA => arm!(choose M N A),
                Op::SquareM => arm!(square M),
                Op::SubMSquareM => both!(sub M (square M)),
                Op::MulMNAddM => both!(add (mul M N) M),
                Op::MulMNSubM => both!(sub (mul M N) M),
                Op::SubMMulMN => both!(sub M (mul M N)),
                Op::MulMNMulB => both!(mul (mul M N) B),
                Op::MulMMAddM => both!(add (mul M M) M),
                Op::MulMMAddN => both!(add (mul M M) N),
                Op::MulMMMulN => both!(mul (mul M M) N),
                Op::MulANMulN => both!(mul (mul A N) N),
                Op::MulANAddN => both!(add (mul A N) N),
                Op::MulANAddM => both!(add (mul A N) M),
                Op::MulANAddB => both!(add (mul A N) B),
                Op::MulAMAddN => both!(add (mul A M) N),
                Op::MulAMAddM => both!(add (mul A M) M),
                Op::MulAMAddB => both!(add (mul A M) B),
                Op::MulAMMulN => both!(mul (mul A M) N),
                Op::MulAMMulM => both!(mul (mul A M) M),
                Op::AddMNMulM => both!(mul (add M N) M),
                Op::AddMNMulB => both!(mul (add M N) B),
                Op::AddANMulM => both!(mul (add A N) M),
                Op::AddANMulN => both!(mul (add A N) N),
                Op::AddMMRelu => both!(relu (add M M)),
                Op::SubNAMulM => both!(mul (sub N A) M),
                Op::SubNMMulM => both!(mul (sub N M) M),
                Op::SubNMMulN => both!(mul (sub N M) N),
                Op::SubNMSquare => both!(square (sub N M)),
                Op::SubMNMulM => both!(mul (sub M N) M),
                Op::SubMNMulN => both!(mul (sub M N) N),
                Op::SubMMMulM => both!(mul (sub M M) M),
                Op::SubMMMulN => both!(mul (sub M M) N),
                Op::SubMMSquare => both!(square (sub M M)),
                Op::GtMN => arm!(gt M N),
                Op::SelectGtMMN => arm!(choose_greater M M N),
            }
        }
    }
}

/// Adds the first `live` elements of a block to the lanes of a sum, in their order.
///
/// # Safety
///
/// [`LANES`] elements at `lanes` must be there for this alone, and `position` be a whole number of blocks.
#[inline(always)]
unsafe fn add_to_lanes<T: Element, I: Isa, const N: usize>(
    acc: &[T::V<I>; N],
    lanes: *mut T,
    live: usize,
    position: usize,
) {
    let width = T::V::<I>::N;
    let group = LANES / width;
    // SAFETY: a block covers the lanes a whole number of times or a whole part of them, and `position` is where it starts.
    unsafe {
        if live < N * width {
            let mut block = [T::zero(); BLOCK];
            for j in 0..N {
                acc[j].store(block.as_mut_ptr().add(j * width));
            }
            for j in 0..live.div_ceil(width) {
                let part = T::V::<I>::load_masked(block.as_ptr().add(j * width), width.min(live - j * width));
                let to = lanes.add((position + j * width) % LANES);
                (T::V::<I>::load(to) + part).store(to);
            }
        } else if N >= group {
            for lane in 0..group {
                let to = lanes.add(lane * width);
                let mut sum = T::V::<I>::load(to);
                for row in 0..N / group {
                    sum = sum + acc[row * group + lane];
                }
                sum.store(to);
            }
        } else {
            for j in 0..N {
                let to = lanes.add((position + j * width) % LANES);
                (T::V::<I>::load(to) + acc[j]).store(to);
            }
        }
    }
}
