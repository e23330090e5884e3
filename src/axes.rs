//! Which axes an op works over: one or several, counted from the front or, negative, from the back.

use crate::shape::{MAX_RANK, Shape};

/// One or several axes: `1`, `-1` (the last), `[0, 2]`, `&[0, 1]`, or [`keep`] of any of these.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let (params, mut tape) = (Params::<f64>::new(), Tape::new());
/// let step = tape.record(&params);
/// let x = step.zeros([2, 3, 4]);
/// assert_eq!(x.sum_axis(-1).shape(), Shape::from([2, 3]));
/// assert_eq!(x.sum_axis([0, 2]).shape(), Shape::from([3]));
/// assert_eq!(x.sum_axis(keep([0, 2])).shape(), Shape::from([1, 3, 1]));
/// ```
pub trait Axes {
    /// Resolves to a set of axes of a tensor of this rank and whether they are kept with length 1.
    #[doc(hidden)]
    fn resolve(&self, shape: &Shape) -> Result<AxisSet, String>;
}

/// A set of axes of one tensor, resolved and checked.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AxisSet {
    pub(crate) member: [bool; MAX_RANK],
    pub(crate) keep: bool,
}

impl AxisSet {
    pub(crate) fn all(shape: &Shape) -> Self {
        let mut member = [false; MAX_RANK];
        member[..shape.rank()].fill(true);
        Self { member, keep: false }
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = usize> + '_ {
        (0..MAX_RANK).filter(|&axis| self.member[axis])
    }

    /// The axes as one range `start..end`, where they lie beside each other. Axes of length 1 between them count for
    /// nothing, but are not in the set and must stay.
    pub(crate) fn span(self) -> Option<(usize, usize)> {
        let Some(start) = self.iter().next() else { return Some((0, 0)) };
        let end = self.iter().next_back().map_or(start, |last| last + 1);
        self.member[start..end].iter().all(|&m| m).then_some((start, end))
    }

    /// The number of elements that fall together along these axes.
    pub(crate) fn size(self, shape: &Shape) -> usize {
        self.iter().map(|axis| shape[axis]).product()
    }
}

/// Keeps the axes of a reduction with length 1, so that the result broadcasts against the operand.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let centred = grad(|x| { (x - x.mean_axis(keep(1))).square().sum() }, &array![[1.0, 3.0]]);
/// assert_eq!(centred, array![[-2.0, 2.0]]);
/// ```
pub fn keep<A: Axes>(axes: A) -> Keep<A> {
    Keep(axes)
}

/// What [`keep`] makes.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let (params, mut tape) = (Params::<f64>::new(), Tape::new());
/// let step = tape.record(&params);
/// let x = step.zeros([2, 3]);
/// assert_eq!(x.max_axis(keep(-1)).shape(), [2, 1]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Keep<A>(A);

impl<A: Axes> Axes for Keep<A> {
    fn resolve(&self, shape: &Shape) -> Result<AxisSet, String> {
        Ok(AxisSet { keep: true, ..self.0.resolve(shape)? })
    }
}

/// The axis that `axis` means in a tensor of this shape.
pub(crate) fn resolve_axis(axis: isize, shape: &Shape) -> Result<usize, String> {
    let rank = shape.rank().cast_signed();
    let resolved = if axis < 0 { axis + rank } else { axis };
    if (0..rank).contains(&resolved) {
        return Ok(resolved.cast_unsigned());
    }
    Err(match rank {
        0 => format!("axis {axis} of a scalar, which has none"),
        1 => format!("axis {axis} is out of range for {shape}, whose only axis is 0 (or -1)"),
        _ => format!("axis {axis} is out of range for {shape}, whose axes are 0 to {} (or -{rank} to -1)", rank - 1),
    })
}

fn resolve_all(axes: impl Iterator<Item = isize>, shape: &Shape) -> Result<AxisSet, String> {
    let mut set = AxisSet { member: [false; MAX_RANK], keep: false };
    for axis in axes {
        let resolved = resolve_axis(axis, shape)?;
        if std::mem::replace(&mut set.member[resolved], true) {
            return Err(format!("axis {axis} of {shape} is named twice"));
        }
    }
    Ok(set)
}

/// A single axis, as an integer of any common type.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let (params, mut tape) = (Params::<f64>::new(), Tape::new());
/// let step = tape.record(&params);
/// let x = step.input(&[1.0, 2.0]);
/// assert_eq!(x.cumsum(0_usize).value(), x.cumsum(-1).value());
/// ```
pub trait Axis: Copy {
    /// The axis as a signed number; negative ones count from the back.
    #[doc(hidden)]
    fn signed(self) -> isize;
}

impl Axis for isize {
    fn signed(self) -> isize {
        self
    }
}

impl Axis for i32 {
    #[allow(clippy::cast_possible_truncation, reason = "no rank comes near the limits")]
    fn signed(self) -> isize {
        self as isize
    }
}

impl Axis for usize {
    fn signed(self) -> isize {
        self.cast_signed()
    }
}

impl<A: Axis> Axes for A {
    fn resolve(&self, shape: &Shape) -> Result<AxisSet, String> {
        resolve_all(std::iter::once(self.signed()), shape)
    }
}

impl<A: Axis, const N: usize> Axes for [A; N] {
    fn resolve(&self, shape: &Shape) -> Result<AxisSet, String> {
        resolve_all(self.iter().map(|a| a.signed()), shape)
    }
}

impl<A: Axis> Axes for &[A] {
    fn resolve(&self, shape: &Shape) -> Result<AxisSet, String> {
        resolve_all(self.iter().map(|a| a.signed()), shape)
    }
}

impl<A: Axis, const N: usize> Axes for &[A; N] {
    fn resolve(&self, shape: &Shape) -> Result<AxisSet, String> {
        resolve_all(self.iter().map(|a| a.signed()), shape)
    }
}
