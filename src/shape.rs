//! Shapes: how many elements a tensor has along each axis, and how two shapes broadcast.

use std::fmt;
use std::ops::Deref;

/// The largest number of axes of a tensor.
pub const MAX_RANK: usize = 6;

/// The number of elements along each axis, outermost first; a scalar has none.
///
/// A `Shape` is a small `Copy` value that reads like a slice: `shape[0]`, `shape.len()` is the rank, `shape.iter()`.
/// Elements are stored in row-major ("standard") order.
///
/// # Examples
///
/// ```
/// use gradus::Shape;
///
/// let shape = Shape::from([32, 10]);
/// assert_eq!((shape.rank(), shape.size()), (2, 320));
/// assert_eq!(shape.to_string(), "[32, 10]");
/// assert_eq!(shape.broadcast(&Shape::from([10])), Some(shape));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Unused entries are 0, so that equality and hash may look at all of them.
    dims: [usize; MAX_RANK],
    rank: u8,
}

impl Shape {
    /// The shape with these lengths.
    ///
    /// # Panics
    ///
    /// With more than [`MAX_RANK`] axes, or more elements than can be counted.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::Shape;
    ///
    /// assert_eq!(Shape::new(&[2, 3]), Shape::from([2, 3]));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn new(lengths: &[usize]) -> Self {
        match Self::try_new(lengths) {
            Ok(shape) => shape,
            Err(message) => panic!("{message}"),
        }
    }

    /// The shape that is asked of `op`, which messages name.
    #[track_caller]
    pub(crate) fn asked_of(op: &str, lengths: impl Lengths) -> Self {
        match Self::try_new(lengths.lengths()) {
            Ok(shape) => shape,
            Err(message) => panic!("{op}: {message}"),
        }
    }

    pub(crate) fn try_new(lengths: &[usize]) -> Result<Self, String> {
        if lengths.len() > MAX_RANK {
            return Err(format!(
                "shape {lengths:?}: rank {} exceeds {MAX_RANK}, the largest rank of a tensor",
                lengths.len()
            ));
        }
        // Zero lengths are left out of the product, so that [0, huge, huge] is refused as well.
        if lengths.iter().filter(|&&n| n > 0).try_fold(1_usize, |size, &n| size.checked_mul(n)).is_none() {
            return Err(format!("shape {lengths:?}: more elements than can be counted"));
        }
        let mut dims = [0; MAX_RANK];
        dims[..lengths.len()].copy_from_slice(lengths);
        #[allow(clippy::cast_possible_truncation, reason = "at most MAX_RANK")]
        Ok(Self { dims, rank: lengths.len() as u8 })
    }

    /// The shape of a scalar, `[]`.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::Shape;
    ///
    /// assert_eq!((Shape::scalar().rank(), Shape::scalar().size()), (0, 1));
    /// ```
    #[must_use]
    pub const fn scalar() -> Self {
        Self { dims: [0; MAX_RANK], rank: 0 }
    }

    /// The number of axes.
    #[must_use]
    pub fn rank(&self) -> usize {
        usize::from(self.rank)
    }

    /// The number of elements: the product of the lengths, 1 for a scalar.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::Shape;
    ///
    /// assert_eq!(Shape::from([2, 3]).size(), 6);
    /// assert_eq!(Shape::from([2, 0]).size(), 0);
    /// ```
    #[must_use]
    pub fn size(&self) -> usize {
        self.iter().product()
    }

    /// The shape that `self` and `other` broadcast to, or `None` where they do not.
    ///
    /// Axes are matched from the last one on; lengths must be equal or 1, a missing axis counts as 1.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::Shape;
    ///
    /// let column = Shape::from([3, 1]);
    /// assert_eq!(column.broadcast(&Shape::from([4])), Some(Shape::from([3, 4])));
    /// assert_eq!(column.broadcast(&Shape::from([2, 4])), None);
    /// ```
    #[must_use]
    pub fn broadcast(&self, other: &Self) -> Option<Self> {
        let (long, short) = if self.rank >= other.rank { (self, other) } else { (other, self) };
        let mut out = *long;
        let lead = long.rank() - short.rank();
        for (axis, &n) in short.iter().enumerate() {
            let m = &mut out.dims[lead + axis];
            match (*m, n) {
                (a, b) if a == b || b == 1 => {}
                (1, b) => *m = b,
                _ => return None,
            }
        }
        Some(out)
    }

    /// Whether a tensor of this shape can be broadcast to `target`.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::Shape;
    ///
    /// let (row, matrix) = (Shape::from([1, 4]), Shape::from([3, 4]));
    /// assert!(row.broadcasts_to(&matrix) && !matrix.broadcasts_to(&row));
    /// ```
    #[must_use]
    pub fn broadcasts_to(&self, target: &Self) -> bool {
        self.broadcast(target) == Some(*target)
    }

    /// The distance in elements between neighbours along each axis, in standard order.
    pub(crate) fn strides(&self) -> [usize; MAX_RANK] {
        let mut strides = [0; MAX_RANK];
        let mut step = 1;
        for axis in (0..self.rank()).rev() {
            strides[axis] = step;
            step *= self.dims[axis];
        }
        strides
    }

    /// The coordinates of an element, as messages print them.
    pub(crate) fn coordinates(&self, at: usize) -> String {
        let index: Vec<_> = self.iter().zip(self.strides()).map(|(&n, stride)| at / stride % n).collect();
        format!("{index:?}")
    }

    /// Strides of `self` seen as a tensor of the shape `target`: 0 along every axis that is repeated.
    pub(crate) fn broadcast_strides(&self, target: &Self) -> [usize; MAX_RANK] {
        let own = self.strides();
        let lead = target.rank() - self.rank();
        let mut strides = [0; MAX_RANK];
        for axis in 0..self.rank() {
            if self.dims[axis] != 1 {
                strides[lead + axis] = own[axis];
            }
        }
        strides
    }

    pub(crate) fn with(&self, axis: usize, length: usize) -> Self {
        let mut out = *self;
        out[..][axis] = length;
        out
    }

    /// The shape without the axes `start..end`; they stay with length 1 if `keep` says so.
    pub(crate) fn reduced(&self, start: usize, end: usize, keep: bool) -> Self {
        if keep {
            let mut out = *self;
            out.dims[start..end].fill(1);
            return out;
        }
        let mut out = Self::scalar();
        for &n in self[..start].iter().chain(&self[end..]) {
            out.push(n);
        }
        out
    }

    pub(crate) fn push(&mut self, length: usize) {
        self.dims[self.rank()] = length;
        self.rank += 1;
    }
}

impl Deref for Shape {
    type Target = [usize];

    fn deref(&self) -> &[usize] {
        &self.dims[..usize::from(self.rank)]
    }
}

impl std::ops::DerefMut for Shape {
    fn deref_mut(&mut self) -> &mut [usize] {
        &mut self.dims[..usize::from(self.rank)]
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self[..], f)
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What names a shape: a [`Shape`], lengths in an array or a slice, or the one length of a vector.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let ones = |shape: &[usize]| value(|x| x.recording().ones(shape).sum() * x, &ndarray::arr0(1.0));
/// assert_eq!((ones(&[2, 3]), ones(&[])), (6.0, 1.0));
/// ```
pub trait Lengths {
    /// The number of elements along each axis, outermost first.
    fn lengths(&self) -> &[usize];
}

impl Lengths for Shape {
    fn lengths(&self) -> &[usize] {
        self
    }
}

impl<const N: usize> Lengths for [usize; N] {
    fn lengths(&self) -> &[usize] {
        self
    }
}

impl Lengths for [usize] {
    fn lengths(&self) -> &[usize] {
        self
    }
}

impl Lengths for Vec<usize> {
    fn lengths(&self) -> &[usize] {
        self
    }
}

impl Lengths for usize {
    fn lengths(&self) -> &[usize] {
        std::slice::from_ref(self)
    }
}

impl<L: Lengths + ?Sized> Lengths for &L {
    fn lengths(&self) -> &[usize] {
        (**self).lengths()
    }
}

impl From<&[usize]> for Shape {
    #[track_caller]
    fn from(lengths: &[usize]) -> Self {
        Self::new(lengths)
    }
}

impl<const N: usize> From<[usize; N]> for Shape {
    #[track_caller]
    fn from(lengths: [usize; N]) -> Self {
        Self::new(&lengths)
    }
}

impl<const N: usize> From<&[usize; N]> for Shape {
    #[track_caller]
    fn from(lengths: &[usize; N]) -> Self {
        Self::new(lengths)
    }
}

impl From<usize> for Shape {
    fn from(length: usize) -> Self {
        Self::new(&[length])
    }
}

impl From<&Shape> for Shape {
    fn from(shape: &Shape) -> Self {
        *shape
    }
}

impl PartialEq<[usize]> for Shape {
    fn eq(&self, other: &[usize]) -> bool {
        self[..] == *other
    }
}

impl<const N: usize> PartialEq<[usize; N]> for Shape {
    fn eq(&self, other: &[usize; N]) -> bool {
        self[..] == *other
    }
}
