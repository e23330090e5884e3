//! Mini-batches: each sample once an epoch, with its own target, in an order that follows from the seed.
#![allow(clippy::float_cmp, clippy::cast_precision_loss, reason = "exact results are meant, and counts are small")]

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use gradus::data::{Batches, Samples};
use ndarray::{Array1, Array2, Array3, array, s};
use proptest::prelude::*;

/// Samples whose every number is the number of the sample.
fn numbered(n: usize) -> (Array2<f64>, Vec<usize>) {
    (Array2::from_shape_fn((n, 3), |(i, _)| i as f64), (0..n).collect())
}

type Numbered<'a> = Batches<'a, Array2<f64>, Vec<usize>>;

/// The labels of one epoch, batch by batch; each sample comes with its own.
fn epoch(batches: &mut Numbered<'_>) -> Vec<Vec<usize>> {
    let mut labels = Vec::new();
    while let Some((x, y)) = batches.next() {
        assert!(x.is_standard_layout() && x.nrows() == y.len());
        assert!(x.rows().into_iter().zip(y).all(|(row, &label)| row.iter().all(|&v| v == label as f64)));
        labels.push(y.to_vec());
    }
    labels
}

#[test]
fn in_order_without_further_options() {
    let (x, labels) = numbered(7);
    let mut batches = Batches::of(&x, &labels, 3);
    assert_eq!(batches.per_epoch(), 3);
    for epochs in 0..3 {
        assert_eq!(batches.epochs(), epochs);
        assert_eq!(epoch(&mut batches), [vec![0, 1, 2], vec![3, 4, 5], vec![6]]);
    }
    let mut batches = Batches::of(&x, &labels, 3).drop_last();
    assert_eq!(batches.per_epoch(), 2);
    assert_eq!(epoch(&mut batches), [[0, 1, 2], [3, 4, 5]]);
    let mut batches = Batches::of(&x, &labels, 100);
    assert_eq!(epoch(&mut batches), [[0, 1, 2, 3, 4, 5, 6]]);
    let mut batches = Batches::of(&x, &labels, 7).drop_last();
    assert_eq!((batches.per_epoch(), epoch(&mut batches).len()), (1, 1));
}

#[test]
fn the_order_follows_from_seed_and_epoch() {
    let (x, labels) = numbered(20);
    let new = |seed| Batches::of(&x, &labels, 6).shuffled(seed);
    let (mut a, mut b) = (new(1), new(1));
    let first: Vec<_> = (0..4).map(|_| epoch(&mut a)).collect();
    let again: Vec<_> = (0..4).map(|_| epoch(&mut b)).collect();
    assert_eq!(first, again);
    assert_ne!(first[0], first[1]);
    assert_ne!(first[0], epoch(&mut new(2)));
    // An interrupted training goes on as it would have.
    let mut resumed = new(1);
    resumed.begin(2);
    assert_eq!(epoch(&mut resumed), first[2]);
    assert_eq!(epoch(&mut resumed), first[3]);
    // The order of the options does not matter.
    let all: Vec<usize> = (0..20).collect();
    let mut other = Batches::of(&x, &labels, 6).rows(&all).shuffled(1);
    assert_eq!(epoch(&mut other), first[0]);
    let mut other = Batches::of(&x, &labels, 6).shuffled(1).rows(&all);
    assert_eq!(epoch(&mut other), first[0]);
}

#[test]
fn three_names() {
    let (x, labels) = numbered(5);
    assert_eq!(epoch(&mut Batches::full(&x, &labels)), [[0, 1, 2, 3, 4]]);
    assert_eq!(epoch(&mut Batches::single(&x, &labels)), [[0], [1], [2], [3], [4]]);
    let mut full = Batches::full(&x, &labels).rows(&[3, 1]).drop_last();
    assert_eq!((full.per_epoch(), epoch(&mut full), epoch(&mut full)), (1, vec![vec![3, 1]], vec![vec![3, 1]]));
    // Kept from epoch to epoch, until something changes it.
    let mut full = Batches::full(&x, &labels);
    assert_eq!(epoch(&mut full), epoch(&mut full));
    let mut full = full.rows(&[2, 2]);
    assert_eq!(epoch(&mut full), [[2, 2]]);
    let mut full = full.shuffled(3).rows(&[0, 1, 2, 3, 4]);
    let orders: Vec<_> = (0..5).map(|_| epoch(&mut full)).collect();
    assert!(orders.windows(2).any(|pair| pair[0] != pair[1]));
    assert!(orders.iter().all(|order| order.len() == 1 && order[0].len() == 5));
}

#[test]
fn draws_with_replacement() {
    let (x, labels) = numbered(6);
    let new = |seed| Batches::of(&x, &labels, 4).with_replacement(seed);
    let lengths = |epoch: Vec<Vec<usize>>| epoch.iter().map(Vec::len).collect::<Vec<_>>();
    assert_eq!((new(1).per_epoch(), lengths(epoch(&mut new(1)))), (2, vec![4, 2]));
    assert_eq!(lengths(epoch(&mut new(1).drop_last())), [4]);
    let (mut a, mut b) = (new(1), new(1));
    let first: Vec<_> = (0..4).map(|_| epoch(&mut a)).collect();
    assert_eq!(first, (0..4).map(|_| epoch(&mut b)).collect::<Vec<_>>());
    assert_ne!(first[0], first[1]);
    let mut resumed = new(1);
    resumed.begin(3);
    assert_eq!(epoch(&mut resumed), first[3]);
    // Of the rows asked for alone.
    let mut some = new(1).rows(&[5, 3]);
    assert!((0..20).all(|_| epoch(&mut some).concat().iter().all(|i| [3, 5].contains(i))));
}

/// 6000 epochs of 6 draws: each sample comes 6000 times, with a standard deviation of √(36000 · 1/6 · 5/6) = 71; each pair of
/// the first two draws 167 times, with one of 13.
#[test]
fn draws_are_uniform_and_independent() {
    let (x, labels) = numbered(6);
    let mut batches = Batches::full(&x, &labels).with_replacement(11);
    let (mut counts, mut pairs) = ([0_u32; 6], [[0_u32; 6]; 6]);
    for _ in 0..6000 {
        let draws = epoch(&mut batches).concat();
        for &i in &draws {
            counts[i] += 1;
        }
        pairs[draws[0]][draws[1]] += 1;
    }
    assert!(counts.iter().all(|count| count.abs_diff(6000) < 4 * 71), "{counts:?}");
    assert!(pairs.as_flattened().iter().all(|count| count.abs_diff(167) < 4 * 13), "{pairs:?}");
}

#[test]
fn begin_leaves_an_epoch_half_way() {
    let (x, labels) = numbered(5);
    let mut batches = Batches::of(&x, &labels, 2);
    assert!(batches.next().is_some());
    batches.begin(0);
    assert_eq!(epoch(&mut batches).concat(), [0, 1, 2, 3, 4]);
}

#[test]
fn some_rows_only() {
    let (x, labels) = numbered(10);
    let mut batches = Batches::of(&x, &labels, 2).rows(&[7, 1, 7]);
    assert_eq!(epoch(&mut batches), [vec![7, 1], vec![7]]);
}

#[test]
fn samples_and_targets_of_any_rank() {
    let images = Array3::from_shape_fn((5, 2, 2), |(i, _, _)| i as f32);
    let targets = Array2::from_shape_fn((5, 1), |(i, _)| 10.0 * i as f32);
    let mut batches = Batches::of(&images, &targets, 2).shuffled(3);
    let mut seen = 0;
    while let Some((x, y)) = batches.next() {
        assert!((0..x.dim().0).all(|i| 10.0 * x[[i, 1, 1]] == y[[i, 0]]));
        seen += x.dim().0;
    }
    assert_eq!(seen, 5);
    // Views of what lies in another order, and lists.
    let table = array![[0.0, 1.0, 2.0], [10.0, 11.0, 12.0]];
    let (x, y) = (table.t(), Array1::from_vec(vec![0.0, 1.0, 2.0]));
    let mut batches = Batches::of(&x, &y, 2);
    let (x, y) = batches.next().unwrap();
    assert_eq!((x.to_owned(), y.to_owned()), (array![[0.0, 10.0], [1.0, 11.0]], array![0.0, 1.0]));
    let part = table.slice(s![.., 1..]);
    let mut batches = Batches::of(&part, [3, 4].as_slice(), 1);
    let (x, y) = batches.next().unwrap();
    assert_eq!((x.to_owned(), y), (array![[1.0, 2.0]], &[3][..]));
}

/// The pattern of a training loop: a batch lives until the next one, and the source is free in between.
#[test]
fn batches_lend() {
    fn total<Y: Samples + ?Sized>(batches: &mut Batches<'_, Array2<f64>, Y>) -> f64 {
        let mut sum = 0.0;
        while let Some((x, _)) = batches.next() {
            sum += x.sum();
        }
        sum
    }
    let (x, labels) = numbered(6);
    assert_eq!(total(&mut Batches::of(&x, &labels, 4)), x.sum());
    assert_eq!(total(&mut Batches::of(&x, &labels[..], 4)), x.sum());
    assert_eq!(total(&mut Batches::of(&x, &x, 4)), x.sum());
}

thread_local! {
    static PLACE: RefCell<Option<(String, u32)>> = const { RefCell::new(None) };
}

/// The text of the panic of `f` and the line it points to.
fn panic_of(f: impl FnOnce()) -> (String, u32) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let place = info.location().map(|place| (place.file().to_owned(), place.line()));
            PLACE.with_borrow_mut(|kept| *kept = place);
            before(info);
        }));
    });
    let payload = panic::catch_unwind(AssertUnwindSafe(f)).expect_err("a panic");
    let text = payload.downcast_ref::<String>().cloned();
    let text = text.or_else(|| payload.downcast_ref::<&str>().map(|&s| s.to_owned())).unwrap();
    let (file, line) = PLACE.with_borrow_mut(Option::take).unwrap();
    assert!(file.ends_with("batches.rs") && !file.contains("src"), "{file}");
    (text, line)
}

#[test]
fn mistakes_panic_at_the_line_of_the_caller() {
    let (x, labels) = numbered(5);
    let none = Array2::<f64>::zeros((0, 3));
    let check = |line: u32, f: &dyn Fn(), text: &str| assert_eq!(panic_of(f), (text.into(), line));
    check(line!(), &|| drop(Batches::of(&x, &labels, 0)), "batches: the batch size is 0");
    check(line!(), &|| drop(Batches::of(&x, &labels[1..], 2)), "batches: 5 samples, 4 targets");
    check(line!(), &|| drop(Batches::of(&none, &none, 2)), "batches: there are no samples");
    check(line!(), &|| drop(Batches::full(&none, &none)), "batches: there are no samples");
    check(line!(), &|| drop(Batches::single(&x, &labels[1..])), "batches: 5 samples, 4 targets");
    let new = || Batches::of(&x, &labels, 2);
    check(line!(), &|| drop(new().rows(&[])), "batches: there are no samples");
    let text = "batches: index 5 is out of range for 5 samples";
    check(line!(), &|| drop(new().rows(&[0, 5])), text);
    let text = "batches: 1 sample, too few for one batch of 2, and the last is to be dropped";
    check(line!(), &|| assert!(new().drop_last().rows(&[3]).next().is_none()), text);
}

proptest! {
    #[test]
    fn an_epoch_sees_every_sample_once(n in 1_usize..60, size in 1_usize..70, seed: u64, drop_last: bool) {
        let (x, labels) = numbered(n);
        let mut batches = Batches::of(&x, &labels, size).shuffled(seed);
        if drop_last && size <= n {
            batches = batches.drop_last();
            let kept = n / size * size;
            for _ in 0..3 {
                let mut seen = epoch(&mut batches).concat();
                prop_assert_eq!(seen.len(), kept);
                seen.sort_unstable();
                seen.dedup();
                prop_assert_eq!(seen.len(), kept);
            }
            return Ok(());
        }
        for _ in 0..3 {
            let lots = epoch(&mut batches);
            prop_assert_eq!(lots.len(), n.div_ceil(size));
            prop_assert!(lots.iter().rev().skip(1).all(|lot| lot.len() == size));
            let mut seen = lots.concat();
            seen.sort_unstable();
            prop_assert_eq!(seen, labels.clone());
        }
    }
}
