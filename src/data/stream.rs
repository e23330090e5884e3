//! Mini-batches of samples that come in one by one.

use std::fmt;

use ndarray::{Array, Array1, Array2, ArrayBase, ArrayView1, Axis, Data, Dimension, RemoveAxis};

use super::samples::Samples;
use super::source::Source;

/// Mini-batches of samples that come in one by one, with no known end: online learning.
///
/// The samples are those of any iterator over pairs of a sample and its target: what a sensor measures
/// ([`std::iter::from_fn`] makes an iterator of a closure), what a channel receives, lines of a file larger than the
/// memory. [`next`](Stream::next) waits for as many as a batch has and lends them; buffers are made with the first batch,
/// and nothing is allocated after it, unless by the iterator itself.
///
/// A [`Sample`] is a number, a label, a list of numbers or an array. There are no epochs: the stream ends, if it does, and
/// [`epochs`](Stream::epochs) is 1 from then on.
///
/// # Examples
///
/// The mean of a stream, followed by stochastic gradient descent on the squared distance with the rate 1/t:
///
/// ```
/// use gradus::data::Stream;
///
/// let mut time = 0.0;
/// let readings = std::iter::from_fn(move || {
///     time += 1.0;
///     Some(([time % 4.0], 0.0)) // 1, 2, 3, 0, 1, …, without an end
/// });
/// let (mut batches, mut mean) = (Stream::of(readings, 4), 0.0);
/// for t in 1..=10 {
///     let (x, _) = batches.next().expect("it has no end");
///     mean -= 1.0 / t as f64 * (mean - x.mean().unwrap());
/// }
/// assert_eq!(mean, 1.5);
/// ```
pub struct Stream<I, X: Sample, Y: Sample> {
    samples: I,
    size: usize,
    keep_partial: bool,
    has_ended: bool,
    /// Made with the first batch, which tells the shapes.
    buffers: Option<(X::Many, Y::Many)>,
}

impl<I: Iterator<Item = (X, Y)>, X: Sample, Y: Sample> Stream<I, X, Y> {
    /// Batches of `size` samples as they come.
    ///
    /// # Panics
    ///
    /// If the size is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::Stream;
    /// use ndarray::array;
    ///
    /// let mut batches = Stream::of([([1.0, 2.0], 0), ([3.0, 4.0], 1), ([5.0, 6.0], 0)], 2);
    /// let (x, labels) = batches.next().unwrap();
    /// assert_eq!((x, labels), (array![[1.0, 2.0], [3.0, 4.0]].view(), &[0, 1][..]));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn of(samples: impl IntoIterator<IntoIter = I>, size: usize) -> Self {
        assert!(size > 0, "stream: the batch size is 0");
        Self { samples: samples.into_iter(), size, keep_partial: true, has_ended: false, buffers: None }
    }

    /// Leaves out the last batch where it would be smaller than the others.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::Stream;
    ///
    /// let count = |mut batches: Stream<_, f64, f64>| std::iter::from_fn(|| batches.next().map(drop)).count();
    /// let samples = [(1.0, 2.0), (2.0, 4.0), (3.0, 6.0)];
    /// assert_eq!(count(Stream::of(samples, 2)), 2);
    /// assert_eq!(count(Stream::of(samples, 2).drop_last()), 1);
    /// ```
    #[must_use]
    pub fn drop_last(mut self) -> Self {
        self.keep_partial = false;
        self
    }

    /// The next batch, `x` and targets, or `None` where the stream has ended.
    ///
    /// # Panics
    ///
    /// If a sample or target has another shape than the first.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::Stream;
    ///
    /// let mut batches = Stream::of((1..=3).map(|i| (i as f64, 2.0 * i as f64)), 2);
    /// assert_eq!(batches.next().unwrap().1.to_vec(), [2.0, 4.0]);
    /// assert_eq!(batches.next().unwrap().1.to_vec(), [6.0]); // as many as there were
    /// assert!(batches.next().is_none());
    /// ```
    #[allow(clippy::should_implement_trait, reason = "what it lends lives no longer than until the next call")]
    #[allow(clippy::type_complexity, reason = "a pair of what the two lend")]
    #[track_caller]
    pub fn next(&mut self) -> Option<(<X::Many as Samples>::Lent<'_>, <Y::Many as Samples>::Lent<'_>)> {
        let mut count = 0;
        while count < self.size && !self.has_ended {
            let Some((x, y)) = self.samples.next() else {
                self.has_ended = true;
                break;
            };
            let size = self.size;
            let (many_x, many_y) = self.buffers.get_or_insert_with(|| (x.room_for(size), y.room_for(size)));
            x.put(many_x, count, "sample");
            y.put(many_y, count, "target");
            count += 1;
        }
        if count == 0 || (count < self.size && !self.keep_partial) {
            return None;
        }
        let (x, y) = self.buffers.as_ref()?;
        Some((X::Many::lend(x, count), Y::Many::lend(y, count)))
    }

    /// 0 while samples may come, 1 when the stream has ended.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::Stream;
    ///
    /// let mut batches = Stream::of([(1.0, 0), (2.0, 1)], 1);
    /// while batches.next().is_some() {
    ///     assert_eq!(batches.epochs(), 0);
    /// }
    /// assert_eq!(batches.epochs(), 1);
    /// ```
    #[must_use]
    pub fn epochs(&self) -> usize {
        usize::from(self.has_ended)
    }
}

impl<I: Iterator<Item = (X, Y)>, X: Sample, Y: Sample> Source for Stream<I, X, Y> {
    type X = X::Many;
    type Y = Y::Many;

    #[track_caller]
    fn next(&mut self) -> Option<(<X::Many as Samples>::Lent<'_>, <Y::Many as Samples>::Lent<'_>)> {
        self.next()
    }

    fn epochs(&self) -> usize {
        self.epochs()
    }
}

impl<I, X: Sample, Y: Sample> fmt::Debug for Stream<I, X, Y> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("size", &self.size).field("has_ended", &self.has_ended).finish_non_exhaustive()
    }
}

/// One sample of a [`Stream`], or its target: a number, a label (`usize`), a list of numbers, an array of any rank, or a
/// reference to one.
///
/// It is implemented here and nowhere else.
///
/// # Examples
///
/// ```
/// use gradus::data::Stream;
/// use ndarray::{Array2, array};
///
/// let image = |shade: f32| Array2::from_elem((8, 8), shade);
/// let mut batches = Stream::of([(image(0.1), 3), (image(0.7), 5)], 2);
/// assert_eq!(batches.next().unwrap().0.shape(), [2, 8, 8]);
/// ```
pub trait Sample: sealed::Sealed {
    /// Several of them.
    type Many: Samples<Owned = Self::Many>;

    /// Room for this many of the same shape.
    #[doc(hidden)]
    fn room_for(&self, samples: usize) -> Self::Many;

    /// Copies it to a place in `room`.
    #[doc(hidden)]
    #[track_caller]
    fn put(&self, room: &mut Self::Many, place: usize, what: &str);
}

mod sealed {
    pub trait Sealed {}
}

#[track_caller]
fn assert_shape(what: &str, first: &[usize], found: &[usize]) {
    assert!(first == found, "stream: a {what} of shape {found:?} after those of {first:?}");
}

impl<A, S: Data<Elem = A>, D: Dimension> sealed::Sealed for ArrayBase<S, D> {}

impl<A, S, D> Sample for ArrayBase<S, D>
where
    A: Copy + Default + 'static,
    S: Data<Elem = A>,
    D: Dimension<Larger: RemoveAxis<Smaller = D> + 'static>,
{
    type Many = Array<A, D::Larger>;

    fn room_for(&self, samples: usize) -> Self::Many {
        let mut shape = self.raw_dim().insert_axis(Axis(0));
        shape[0] = samples;
        Array::from_elem(shape, A::default())
    }

    #[track_caller]
    fn put(&self, room: &mut Self::Many, place: usize, what: &str) {
        assert_shape(what, &room.shape()[1..], self.shape());
        room.index_axis_mut(Axis(0), place).assign(self);
    }
}

impl<A> sealed::Sealed for [A] {}

impl<A: Copy + Default + 'static> Sample for [A] {
    type Many = Array2<A>;

    fn room_for(&self, samples: usize) -> Array2<A> {
        ArrayView1::from(self).room_for(samples)
    }

    #[track_caller]
    fn put(&self, room: &mut Array2<A>, place: usize, what: &str) {
        ArrayView1::from(self).put(room, place, what);
    }
}

/// What is a sample by being another one.
macro_rules! delegate {
    ($(impl[$($generics:tt)*] $type:ty => $target:ty;)*) => {$(
        impl<$($generics)*> sealed::Sealed for $type {}

        impl<$($generics)*> Sample for $type {
            type Many = <$target as Sample>::Many;

            fn room_for(&self, samples: usize) -> Self::Many {
                <$target>::room_for(self, samples)
            }

            #[track_caller]
            fn put(&self, room: &mut Self::Many, place: usize, what: &str) {
                <$target>::put(self, room, place, what);
            }
        }
    )*};
}

delegate! {
    impl['a, S: Sample + ?Sized] &'a S => S;
    impl[A: Copy + Default + 'static, const N: usize] [A; N] => [A];
    impl[A: Copy + Default + 'static] Vec<A> => [A];
}

macro_rules! number {
    ($($type:ty),*) => {$(
        impl sealed::Sealed for $type {}

        impl Sample for $type {
            type Many = Array1<$type>;

            fn room_for(&self, samples: usize) -> Array1<$type> {
                Array1::zeros(samples)
            }

            fn put(&self, room: &mut Array1<$type>, place: usize, _: &str) {
                room[place] = *self;
            }
        }
    )*};
}

number!(f32, f64);

impl sealed::Sealed for usize {}

impl Sample for usize {
    type Many = Vec<usize>;

    fn room_for(&self, samples: usize) -> Vec<usize> {
        vec![0; samples]
    }

    fn put(&self, room: &mut Vec<usize>, place: usize, _: &str) {
        room[place] = *self;
    }
}
