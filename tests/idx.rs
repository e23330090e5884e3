//! IDX files: bytes written by hand, there and back, and what is said of broken ones.

use gradus::ErrorKind;
use gradus::data::Idx;
use ndarray::{Array1, Array2, Array3, ArrayD, IxDyn, array};
use proptest::prelude::*;

/// Two pictures of 2 × 3 pixels, as `train-images-idx3-ubyte` has 60000 of 28 × 28.
const IMAGES: [u8; 28] = [
    0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3, // magic 0x0803, 2 × 2 × 3
    0, 1, 2, 3, 4, 5, 250, 251, 252, 253, 254, 255,
];

#[track_caller]
fn refused(bytes: &[u8], message: &str) {
    let error = Idx::parse(bytes, "f").unwrap_err();
    assert_eq!((error.to_string().as_str(), error.kind()), (message, ErrorKind::Format));
}

#[test]
fn bytes_written_by_hand() {
    let images: Array3<f32> = Idx::parse(&IMAGES, "f").unwrap().array().unwrap();
    assert_eq!(images, array![[[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]], [[250.0, 251.0, 252.0], [253.0, 254.0, 255.0]]]);
    let cases: [(&[u8], Idx); 6] = [
        (&[0, 0, 0x08, 1, 0, 0, 0, 2, 1, 255], array![1_u8, 255].into()),
        (&[0, 0, 0x09, 1, 0, 0, 0, 2, 1, 255], array![1_i8, -1].into()),
        (&[0, 0, 0x0B, 1, 0, 0, 0, 2, 1, 0, 255, 254], array![256_i16, -2].into()),
        (&[0, 0, 0x0C, 1, 0, 0, 0, 1, 0, 1, 0, 0], array![65536_i32].into()),
        (&[0, 0, 0x0D, 1, 0, 0, 0, 1, 0x3F, 0xC0, 0, 0], array![1.5_f32].into()),
        (&[0, 0, 0x0E, 2, 0, 0, 0, 1, 0, 0, 0, 1, 0xC0, 0, 0, 0, 0, 0, 0, 0], array![[-2.0_f64]].into()),
    ];
    for (bytes, idx) in cases {
        assert_eq!(Idx::parse(bytes, "f").unwrap(), idx);
        assert_eq!(idx.to_bytes().unwrap(), bytes);
    }
}

#[test]
fn labels_and_shapes() {
    let labels = Idx::from(array![5_u8, 0, 4]);
    assert_eq!(labels.labels().unwrap(), [5, 0, 4]);
    let error = Idx::from(array![0.5_f32]).labels().unwrap_err();
    assert_eq!(error.to_string(), "labels: row 1: 0.5 is no label, expected a whole number from 0");
    let error = Idx::parse(&IMAGES, "f").unwrap().labels().unwrap_err();
    assert_eq!(
        (error.to_string().as_str(), error.kind()),
        ("idx: shape [2, 2, 3], asked for 1 dimensions", ErrorKind::Shape)
    );
    let dynamic: ArrayD<f64> = labels.array().unwrap();
    assert_eq!(dynamic.shape(), [3]);
    // No axis is one value; an axis of length 0 has none.
    assert_eq!(Idx::parse(&[0, 0, 8, 0, 7], "f").unwrap().array::<f64, IxDyn>().unwrap().sum(), 7.0);
    assert_eq!(Idx::parse(&[0, 0, 8, 1, 0, 0, 0, 0], "f").unwrap().labels().unwrap(), [0; 0]);
}

/// In whatever order an array lies in memory, the last axis comes fastest.
#[test]
fn other_layouts() {
    let table = array![[1_u8, 2, 3], [4, 5, 6]];
    let transposed = Idx::from(table.t().to_owned());
    assert!(transposed.to_bytes().unwrap().ends_with(&[1, 4, 2, 5, 3, 6]));
    let back: Array2<f64> = Idx::parse(&transposed.to_bytes().unwrap(), "f").unwrap().array().unwrap();
    assert_eq!(back, table.t().mapv(f64::from));
}

#[test]
fn what_is_refused() {
    refused(&[], "f: truncated: 0 bytes, an IDX file has at least 4");
    refused(&[0, 0, 8], "f: truncated: 3 bytes, an IDX file has at least 4");
    refused(&[0x1F, 0x8B, 8, 0, 0], "f: packed with gzip\n  help: unpack it first, `gunzip` does");
    refused(b"1,2\n3,4\n", "f: no IDX file: it begins with 0x31 0x2c, not with two zeros");
    refused(
        &[0, 0, 0x0A, 1, 0, 0, 0, 0],
        "f: no IDX file: 0x0a is no element type, those are 0x08, 0x09 and 0x0b to 0x0e",
    );
    refused(&IMAGES[..10], "f: truncated: the lengths of 3 axes need more than 6 bytes");
    refused(&IMAGES[..27], "f: truncated: 11 bytes of values, shape [2, 2, 3] of u8 needs 12");
    refused(&[&IMAGES[..], &[0]].concat(), "f: too long: 13 bytes of values, shape [2, 2, 3] of u8 needs 12");
    let [header, lengths] = [[0, 0, 14, 3], [255; 4]];
    refused(
        &[header, lengths, lengths, lengths].concat(),
        "f: truncated: 0 bytes of values, shape [4294967295, 4294967295, 4294967295] of f64 needs more than there can be",
    );
    let error = Idx::from(ArrayD::<u8>::zeros(vec![1; 256])).to_bytes().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Shape);
    let missing = Idx::read("/no/such/file").unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::Io);
    assert!(missing.to_string().contains("/no/such/file"), "{missing}");
}

#[test]
fn a_file_and_back() {
    let path = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("generated-images-idx3-ubyte");
    let images = Idx::from(Array3::from_shape_fn((5, 4, 3), |(i, j, k)| u8::try_from(20 * i + 4 * j + k).unwrap()));
    images.save(&path).unwrap();
    assert_eq!(Idx::read(&path).unwrap(), images);
    // A broken one is called by its path.
    std::fs::write(&path, &IMAGES[..20]).unwrap();
    let error = Idx::read(&path).unwrap_err();
    assert!(error.to_string().starts_with(&path.display().to_string()), "{error}");
}

proptest! {
    #[test]
    fn there_and_back(rows in 0_usize..6, columns in 0_usize..6, bits in prop::collection::vec(any::<u64>(), 36)) {
        fn same(idx: &Idx) -> bool {
            // Bit for bit, NaN included.
            let bytes = idx.to_bytes().unwrap();
            Idx::parse(&bytes, "f").unwrap().to_bytes().unwrap() == bytes
        }
        let table = Array2::from_shape_fn((rows, columns), |(i, j)| bits[6 * i + j].to_ne_bytes());
        let first = |x: [u8; 8]| [x[0], x[1], x[2], x[3]];
        prop_assert!(same(&table.mapv(|x| x[0]).into()) && same(&table.mapv(|x| i8::from_ne_bytes([x[0]])).into()));
        prop_assert!(same(&table.mapv(|x| i16::from_ne_bytes([x[0], x[1]])).into()));
        prop_assert!(same(&table.mapv(|x| i32::from_ne_bytes(first(x))).into()));
        prop_assert!(same(&table.mapv(|x| f32::from_ne_bytes(first(x))).into()));
        prop_assert!(same(&table.mapv(f64::from_ne_bytes).into()));
    }

    /// Any bytes: an array whose bytes they are, or an error.
    #[test]
    fn any_bytes(tail in prop::collection::vec(any::<u8>(), 0..40), kind in 7_u8..16, rank in 0_u8..4) {
        let bytes = [&[0, 0, kind, rank][..], &tail].concat();
        if let Ok(idx) = Idx::parse(&bytes, "f") {
            prop_assert_eq!(idx.to_bytes().unwrap(), bytes);
        }
    }
}

#[test]
fn values_convert_exactly() {
    let all: Array1<f32> = Idx::from(Array1::from_iter(0..=255_u8)).array().unwrap();
    assert!(all.iter().enumerate().all(|(i, &x)| x == i as f32));
}
