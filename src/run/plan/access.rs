//! How an operand is read where it stands: reshapes, broadcasts, slices and permutations as address arithmetic.

use super::select::root;
use crate::op::{Op, View};
use crate::shape::{MAX_RANK, Shape};
use crate::tape::log::{Id, Instructions};

/// Elements of a value that is stored in standard order: element (i₀, i₁, …) of a tensor of this shape stands at
/// `offset + Σ iₖ·strideₖ`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Access {
    pub(super) base: Id,
    offset: isize,
    shape: Shape,
    strides: [isize; MAX_RANK],
}

/// How an operand is walked through in a domain of rows × columns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Pattern {
    pub(super) offset: usize,
    pub(super) row_stride: usize,
    /// 0 or 1.
    pub(super) column_stride: usize,
}

impl Access {
    /// The value at a position, broadcast to a shape.
    pub(super) fn of(log: &Instructions, id: Id, to: &Shape) -> Self {
        Self::resolve(log, id).broadcast(to)
    }

    /// The same where the value is stored at `root`, in the order of `shape`.
    pub(super) fn of_stored(log: &Instructions, root: Id, shape: &Shape, to: &Shape) -> Self {
        debug_assert_eq!(log.shape(root).size(), shape.size(), "a root has all elements");
        Self::stored(root, *shape).broadcast(to)
    }

    /// The value at a position, in its own shape.
    fn resolve(log: &Instructions, id: Id) -> Self {
        // Down to what is stored, then up again.
        let mut way = Vec::new();
        let mut at = id;
        while is_address(log, at) {
            way.push(at);
            at = log.entry(at).inputs[0];
        }
        let mut access = Self::stored(at, *log.shape(at));
        while let Some(id) = way.pop() {
            match access.step(log, id) {
                Some(next) => access = next,
                // What can't be read in place is stored, and read from there.
                None => access = Self::stored(root(log, id), *log.shape(id)),
            }
        }
        access
    }

    fn stored(base: Id, shape: Shape) -> Self {
        Self { base, offset: 0, shape, strides: shape.strides().map(usize::cast_signed) }
    }

    /// What is read through one more instruction.
    fn step(self, log: &Instructions, id: Id) -> Option<Self> {
        let (entry, shape) = (log.entry(id), log.shape(id));
        match entry.op {
            Op::View(View::Reshape) => self.reshape(shape),
            Op::View(_) => Some(self),
            Op::BroadcastTo(_) => Some(self.broadcast(shape)),
            Op::Slice(slice) => {
                let (axis, start, step) = slice.place(entry.inputs);
                let mut next = Self { shape: *shape, ..self };
                next.offset += start.cast_signed() * self.strides[axis];
                next.strides[axis] *= step;
                Some(next)
            }
            Op::Permute(permutation) => {
                let mut next = Self { shape: *shape, ..self };
                for (k, axis) in permutation.order(shape.rank()).enumerate() {
                    next.strides[k] = self.strides[axis];
                }
                Some(next)
            }
            _ => None,
        }
    }

    fn broadcast(self, to: &Shape) -> Self {
        let (rank, own) = (to.rank(), self.shape.rank());
        let mut strides = [0; MAX_RANK];
        for axis in 0..own {
            if self.shape[axis] == to[rank - own + axis] {
                strides[rank - own + axis] = self.strides[axis];
            }
        }
        Self { shape: *to, strides, ..self }
    }

    /// Only what is contiguous or repeated as a whole, or gains and loses axes of length 1, has another shape in place.
    fn reshape(self, to: &Shape) -> Option<Self> {
        let mut strides = [0; MAX_RANK];
        if self.same_everywhere() {
            return Some(Self { shape: *to, strides, ..self });
        }
        if self.is_contiguous() {
            return Some(Self { shape: *to, strides: to.strides().map(usize::cast_signed), ..self });
        }
        let mut own = (0..self.shape.rank()).filter(|&axis| self.shape[axis] != 1);
        for axis in (0..to.rank()).filter(|&axis| to[axis] != 1) {
            let from = own.next().filter(|&from| self.shape[from] == to[axis])?;
            strides[axis] = self.strides[from];
        }
        own.next().is_none().then_some(Self { shape: *to, strides, ..self })
    }

    fn same_everywhere(&self) -> bool {
        (0..self.shape.rank()).all(|axis| self.strides[axis] == 0 || self.shape[axis] == 1)
    }

    fn is_contiguous(&self) -> bool {
        let standard = self.shape.strides();
        (0..self.shape.rank()).all(|axis| self.shape[axis] == 1 || self.strides[axis] == standard[axis].cast_signed())
    }

    /// The number of elements walked through.
    pub(super) fn size(&self) -> usize {
        self.shape.size()
    }

    /// Whether this is all of the stored value, in its order.
    pub(super) fn is_whole(&self, log: &Instructions) -> bool {
        self.offset == 0 && self.is_contiguous() && self.shape.size() == log.shape(self.base).size()
    }

    /// Whether this has one number of the stored value for each row, if the rows are those of the only split given.
    pub(super) fn is_column(&self, split: u8) -> bool {
        self.splits() & split != 0 && {
            let rows = split.trailing_zeros() as usize;
            let column = Pattern { offset: 0, row_stride: usize::from(rows > 0), column_stride: 0 };
            self.pattern(rows) == column
        }
    }

    /// The axes of length other than 1: lengths and strides.
    fn axes(&self) -> impl Iterator<Item = (usize, isize)> + '_ {
        (0..self.shape.rank()).filter(|&axis| self.shape[axis] != 1).map(|axis| (self.shape[axis], self.strides[axis]))
    }

    /// Bit k is set if this can be walked through with the first k axes as rows and the others as columns; only axes of
    /// length other than 1 count, and at least one stays for the columns.
    pub(super) fn splits(&self) -> u8 {
        let axes: smallvec::SmallVec<[_; MAX_RANK]> = self.axes().collect();
        if self.offset < 0 || axes.iter().any(|&(_, stride)| stride < 0) {
            return 0;
        }
        (0..axes.len().max(1)).filter(|&k| pattern(&axes, k, 0).is_some()).map(|k| 1 << k).sum()
    }

    /// The walk with the first k axes as rows, where [`splits`](Access::splits) has this bit.
    pub(super) fn pattern(&self, k: usize) -> Pattern {
        let axes: smallvec::SmallVec<[_; MAX_RANK]> = self.axes().collect();
        pattern(&axes, k, self.offset).expect("one of the splits")
    }
}

fn pattern(axes: &[(usize, isize)], k: usize, offset: isize) -> Option<Pattern> {
    let (rows, columns) = axes.split_at(k);
    let column_stride = columns.last().map_or(0, |&(_, stride)| stride);
    let row_stride = rows.last().map_or(0, |&(_, stride)| stride);
    let joined = |axes: &[(usize, isize)]| axes.windows(2).all(|pair| pair[0].1 == pair[1].1 * pair[1].0.cast_signed());
    let fits = column_stride <= 1 && joined(rows) && joined(columns);
    fits.then(|| Pattern {
        offset: offset.cast_unsigned(),
        row_stride: row_stride.cast_unsigned(),
        column_stride: column_stride.cast_unsigned(),
    })
}

/// Whether an instruction only says how its operand is read.
pub(crate) fn is_address(log: &Instructions, id: Id) -> bool {
    match log.entry(id).op {
        Op::View(_) | Op::BroadcastTo(_) | Op::Permute(_) => true,
        Op::Slice(slice) => slice.place(log.entry(id).inputs).2 > 0,
        _ => false,
    }
}
