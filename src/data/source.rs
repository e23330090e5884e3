//! What hands out mini-batches.

use super::samples::Samples;

/// A source of mini-batches: [`Batches`](super::Batches) of data that are all there, a [`Stream`](super::Stream) of what
/// comes in one by one, or one of your own.
///
/// A batch is lent and lives until the next call. A source that answers `None` twice in a row has no more.
///
/// # Examples
///
/// ```
/// use gradus::data::{Batches, Source, Stream};
/// use ndarray::{Array2, array};
///
/// /// Works with either.
/// fn largest<S: Source<X = Array2<f64>>>(mut source: S) -> f64 {
///     let mut largest = f64::NEG_INFINITY;
///     while let Some((x, _)) = source.next() {
///         largest = x.fold(largest, |a, &b| a.max(b));
///     }
///     largest
/// }
///
/// let (x, labels) = (array![[1.0, 5.0], [3.0, 2.0]], vec![0, 1]);
/// assert_eq!(largest(Batches::full(&x, &labels)), 5.0);
/// assert_eq!(largest(Stream::of([([1.0, 7.0], 0), ([3.0, 2.0], 1)], 2)), 7.0);
/// ```
pub trait Source {
    /// What a batch has one sample a row of: an array of this rank.
    type X: Samples + ?Sized;

    /// The same for targets: an array, or labels.
    type Y: Samples + ?Sized;

    /// The next batch, or `None` where an epoch ends or there is no more.
    #[allow(clippy::type_complexity, reason = "a pair of what the two lend")]
    fn next(&mut self) -> Option<(<Self::X as Samples>::Lent<'_>, <Self::Y as Samples>::Lent<'_>)>;

    /// How many epochs are complete: how often [`next`](Source::next) has answered `None`, unless the source went back.
    fn epochs(&self) -> usize;
}

impl<S: Source + ?Sized> Source for &mut S {
    type X = S::X;
    type Y = S::Y;

    #[track_caller]
    fn next(&mut self) -> Option<(<Self::X as Samples>::Lent<'_>, <Self::Y as Samples>::Lent<'_>)> {
        (**self).next()
    }

    fn epochs(&self) -> usize {
        (**self).epochs()
    }
}
