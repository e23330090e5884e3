//! Mini-batches of a stream: every sample once, in order, in buffers of a fixed shape.

use std::sync::mpsc;

use gradus::data::{Batches, Sample, Source, Stream};
use ndarray::{Array1, Array2, arr0, array};
use proptest::prelude::*;

/// The labels of all batches there are.
fn labels<S: Source<Y = Vec<usize>>>(source: &mut S) -> Vec<Vec<usize>> {
    let mut labels = Vec::new();
    while let Some((_, y)) = source.next() {
        labels.push(y.to_vec());
    }
    labels
}

fn numbered(n: usize) -> impl Iterator<Item = ([f64; 2], usize)> {
    (0..n).map(|i| ([i as f64, -(i as f64)], i))
}

#[test]
fn in_the_order_they_come() {
    assert_eq!(labels(&mut Stream::of(numbered(5), 2)), [vec![0, 1], vec![2, 3], vec![4]]);
    assert_eq!(labels(&mut Stream::of(numbered(5), 2).drop_last()), [[0, 1], [2, 3]]);
    assert_eq!(labels(&mut Stream::of(numbered(1), 9)), [[0]]);
    assert!(labels(&mut Stream::of(numbered(0), 2)).is_empty());
    let mut stream = Stream::of(numbered(3), 2);
    assert_eq!(stream.next().unwrap().0, array![[0.0, -0.0], [1.0, -1.0]]);
    assert_eq!(stream.next().unwrap().0, array![[2.0, -2.0]]);
    // It has ended for good, and asks its iterator no more.
    assert!(stream.next().is_none() && stream.next().is_none());
    assert_eq!(stream.epochs(), 1);
}

/// Once it has answered `None`, an iterator may do anything.
#[test]
fn an_iterator_that_goes_on_is_not_asked() {
    let mut calls = 0;
    let odd = std::iter::from_fn(move || {
        calls += 1;
        (calls % 3 != 0).then_some((f64::from(calls), 1.0))
    });
    let mut stream = Stream::of(odd, 2);
    assert!(stream.next().is_some());
    assert!((0..4).all(|_| stream.next().is_none()));
}

#[test]
fn samples_of_any_kind() {
    fn shapes<X: Sample, Y: Sample>(x: X, y: Y) -> (Vec<usize>, Vec<usize>)
    where
        for<'a> <X::Many as gradus::data::Samples>::Lent<'a>: Shaped,
        for<'a> <Y::Many as gradus::data::Samples>::Lent<'a>: Shaped,
    {
        let mut stream = Stream::of([(x, y)], 3);
        let (x, y) = stream.next().unwrap();
        (x.lengths(), y.lengths())
    }
    trait Shaped {
        fn lengths(&self) -> Vec<usize>;
    }
    impl<A, D: ndarray::Dimension> Shaped for ndarray::ArrayView<'_, A, D> {
        fn lengths(&self) -> Vec<usize> {
            self.shape().to_vec()
        }
    }
    impl Shaped for &[usize] {
        fn lengths(&self) -> Vec<usize> {
            vec![self.len()]
        }
    }
    let image = Array2::<f32>::zeros((4, 5));
    assert_eq!(shapes(1.5_f32, 2.5_f64), (vec![1], vec![1]));
    assert_eq!(shapes([1.0, 2.0], 3_usize), (vec![1, 2], vec![1]));
    assert_eq!(shapes(vec![1.0_f32; 3], [7_usize, 8]), (vec![1, 3], vec![1, 2]));
    assert_eq!(shapes(&[1.0, 2.0][..], &Array1::<f64>::zeros(4)), (vec![1, 2], vec![1, 4]));
    assert_eq!(shapes(image.view(), image.row(0)), (vec![1, 4, 5], vec![1, 5]));
    assert_eq!(shapes(image.t(), arr0(1.0)), (vec![1, 5, 4], vec![1]));
}

/// What another thread sends, while it sends.
#[test]
fn from_a_channel() {
    let (sender, receiver) = mpsc::sync_channel(1);
    let thread = std::thread::spawn(move || numbered(7).for_each(|sample| sender.send(sample).unwrap()));
    assert_eq!(labels(&mut Stream::of(receiver, 3)), [vec![0, 1, 2], vec![3, 4, 5], vec![6]]);
    thread.join().unwrap();
}

#[test]
fn no_known_end() {
    let mut stream = Stream::of((0_usize..).map(|i| (i as f64, i)), 10);
    for k in 0..100 {
        assert_eq!(stream.next().unwrap().1[0], 10 * k);
    }
    assert_eq!(stream.epochs(), 0);
}

/// What works with a source works with a reference to one.
#[test]
fn sources_of_either_kind() {
    let (x, y) = (Array2::<f64>::zeros((5, 2)), (0..5).collect::<Vec<_>>());
    let mut batches = Batches::of(&x, &y, 2);
    assert_eq!(labels(&mut &mut batches), labels(&mut Stream::of(numbered(5), 2)));
    assert_eq!((Source::epochs(&batches), Source::epochs(&&mut batches)), (1, 1));
}

#[test]
#[should_panic(expected = "stream: the batch size is 0")]
fn no_size() {
    let _ = Stream::of(numbered(3), 0);
}

#[test]
#[should_panic(expected = "stream: a sample of shape [3] after those of [2]")]
fn another_shape() {
    let _ = Stream::of([(vec![1.0, 2.0], 0), (vec![1.0, 2.0, 3.0], 0)], 2).next();
}

#[test]
#[should_panic(expected = "stream: a target of shape [1] after those of [2]")]
fn another_shape_of_a_target() {
    let mut stream = Stream::of([(0.0, vec![1.0, 2.0]), (0.0, vec![1.0])], 1);
    while stream.next().is_some() {}
}

proptest! {
    #[test]
    fn every_sample_once(n in 0_usize..50, size in 1_usize..20, drop_last: bool) {
        let stream = Stream::of(numbered(n), size);
        let mut stream = if drop_last { stream.drop_last() } else { stream };
        let seen = labels(&mut stream).concat();
        let kept = if drop_last { n / size * size } else { n };
        prop_assert_eq!(seen, (0..kept).collect::<Vec<_>>());
    }
}
