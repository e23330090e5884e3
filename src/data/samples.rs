//! What has one sample a row: arrays, and lists of labels.

use ndarray::{Array, ArrayBase, ArrayRef1, ArrayView, Axis, Data, RemoveAxis, Slice};

use crate::error::{Error, ErrorKind};
use crate::real::Real;

/// Anything with one sample a row: an array of any rank, whose axis 0 counts the samples, or a list of labels.
///
/// [`rows`] and [`Batches`](super::Batches) take it. It is implemented here and nowhere else.
///
/// # Examples
///
/// ```
/// use gradus::data::Samples;
/// use ndarray::Array3;
///
/// assert_eq!(Array3::<f32>::zeros((5, 8, 8)).samples(), 5);
/// assert_eq!([3_usize, 1, 4][..].samples(), 3);
/// ```
pub trait Samples: sealed::Sealed {
    /// Samples of one's own: an array, or a vector of labels.
    type Owned;

    /// Some of them, lent.
    type Lent<'a>;

    /// How many samples there are.
    fn samples(&self) -> usize;

    /// Room for this many samples of the same kind.
    #[doc(hidden)]
    fn room(&self, samples: usize) -> Self::Owned;

    /// Copies the samples of these indices to the front of `room`.
    #[doc(hidden)]
    fn gather(&self, indices: &[usize], room: &mut Self::Owned);

    /// The first samples of `room`.
    #[doc(hidden)]
    fn lend(room: &Self::Owned, samples: usize) -> Self::Lent<'_>;
}

mod sealed {
    pub trait Sealed {}
}

impl<A, S, D> sealed::Sealed for ArrayBase<S, D>
where
    A: Copy + Default,
    S: Data<Elem = A>,
    D: RemoveAxis,
{
}

impl<A, S, D> Samples for ArrayBase<S, D>
where
    A: Copy + Default + 'static,
    S: Data<Elem = A>,
    D: RemoveAxis + 'static,
{
    type Owned = Array<A, D>;
    type Lent<'a> = ArrayView<'a, A, D>;

    fn samples(&self) -> usize {
        self.len_of(Axis(0))
    }

    fn room(&self, samples: usize) -> Array<A, D> {
        let mut shape = self.raw_dim();
        shape[0] = samples;
        Array::from_elem(shape, A::default())
    }

    fn gather(&self, indices: &[usize], room: &mut Array<A, D>) {
        for (mut to, &index) in room.outer_iter_mut().zip(indices) {
            to.assign(&self.index_axis(Axis(0), index));
        }
    }

    fn lend(room: &Array<A, D>, samples: usize) -> ArrayView<'_, A, D> {
        room.slice_axis(Axis(0), Slice::from(..samples))
    }
}

impl sealed::Sealed for [usize] {}

impl Samples for [usize] {
    type Owned = Vec<usize>;
    type Lent<'a> = &'a [usize];

    fn samples(&self) -> usize {
        self.len()
    }

    fn room(&self, samples: usize) -> Vec<usize> {
        vec![0; samples]
    }

    fn gather(&self, indices: &[usize], room: &mut Vec<usize>) {
        room.iter_mut().zip(indices).for_each(|(to, &index)| *to = self[index]);
    }

    fn lend(room: &Vec<usize>, samples: usize) -> &[usize] {
        &room[..samples]
    }
}

impl sealed::Sealed for Vec<usize> {}

impl Samples for Vec<usize> {
    type Owned = Vec<usize>;
    type Lent<'a> = &'a [usize];

    fn samples(&self) -> usize {
        self.len()
    }

    fn room(&self, samples: usize) -> Vec<usize> {
        self.as_slice().room(samples)
    }

    fn gather(&self, indices: &[usize], room: &mut Vec<usize>) {
        self.as_slice().gather(indices, room);
    }

    fn lend(room: &Vec<usize>, samples: usize) -> &[usize] {
        &room[..samples]
    }
}

/// The samples of these indices, in their order; an index may come twice.
///
/// # Panics
///
/// If an index is out of range.
///
/// # Examples
///
/// ```
/// use gradus::data;
/// use ndarray::array;
///
/// let (x, labels) = (array![[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], vec![0, 1, 2]);
/// assert_eq!(data::rows(&x, &[2, 0]), array![[5.0, 6.0], [1.0, 2.0]]);
/// assert_eq!(data::rows(&labels, &[2, 0]), [2, 0]);
/// ```
#[must_use]
#[track_caller]
pub fn rows<S: Samples + ?Sized>(samples: &S, indices: &[usize]) -> S::Owned {
    assert_in_range("rows", indices, samples.samples());
    let mut owned = samples.room(indices.len());
    samples.gather(indices, &mut owned);
    owned
}

#[track_caller]
pub(super) fn assert_in_range(what: &str, indices: &[usize], samples: usize) {
    if let Some(index) = indices.iter().find(|&&index| index >= samples) {
        panic!("{what}: index {index} is out of range for {}", counted(samples, "sample"));
    }
}

/// A number with its noun: `1 sample`, `2 samples`.
pub(super) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// The whole numbers of a column as labels.
///
/// # Errors
///
/// If a number is negative, no whole number or not finite. The text names the row, counted from 1 as the lines of a table
/// are.
///
/// # Examples
///
/// ```
/// use gradus::data;
/// use ndarray::array;
///
/// let table = array![[0.1, 0.2, 2.0], [0.3, 0.4, 0.0]];
/// assert_eq!(data::labels(&table.column(2))?, [2, 0]);
/// assert!(data::labels(&table.column(0)).is_err());
/// # Ok::<(), gradus::Error>(())
/// ```
pub fn labels<T: Real>(column: &ArrayRef1<T>) -> Result<Vec<usize>, Error> {
    /// Above it an `f64` no longer holds every whole number.
    const LARGEST: f64 = 9_007_199_254_740_992.0;
    let label = |(row, &value): (usize, &T)| {
        let number = value.as_f64();
        if !(0.0..=LARGEST).contains(&number) || number.fract() != 0.0 {
            let message = format!("labels: row {}: {value} is no label, expected a whole number from 0", row + 1);
            return Err(Error::new(ErrorKind::Value, message));
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number in range")]
        Ok(number as usize)
    };
    column.iter().enumerate().map(label).collect()
}
