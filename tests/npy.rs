//! Files of `NumPy`: bytes that `NumPy` 2.4.6 wrote, there and back, and what is said of broken ones.
#![cfg(feature = "npy")]
#![allow(clippy::cast_precision_loss, reason = "counts are small")]

use std::fmt::Write;

use gradus::data::npy::{self, Npz, NpzBuilder};
use gradus::{Error, ErrorKind};
use ndarray::{Array1, Array2, ArrayD, Ix1, Ix2, IxDyn, array};

/// `numpy.save` of an array whose header is this text: padded with spaces so that the data begin at byte 128.
fn numpy(header: &str, data: &[u8]) -> Vec<u8> {
    let mut text = header.to_owned();
    write!(text, "{:1$}", "", 117 - header.len()).unwrap();
    [b"\x93NUMPY\x01\x00v\x00", text.as_bytes(), b"\n", data].concat()
}

/// `numpy.savez_compressed(file, x=numpy.arange(6, dtype=numpy.float32).reshape(3, 2), y=numpy.array([2, 0, 1]))`.
const ARCHIVE: &str = "\
504b03042d000000080000002100ccca9cbdffffffffffffffff05001400782e6e707901001000980000000000000055000000000000009bec17ea1b\
10c9c850c650ad9e925a9c5ca46ea5a06e9366a2aea3a09e965f54529498179f5f94920a12774bcc294e058a17672416a402f91ac63a0a469a3a0ab5\
0a64032e063068b007120e4004c40d40bcc00100504b03042d0000000800000021008a1ace13ffffffffffffffff05001400792e6e70790100100098\
000000000000004a000000000000009bec17ea1b10c9c850c650ad9e925a9c5ca46ea5a06e9369a1aea3a09e965f54529498179f5f94920a12774bcc\
294e058a17672416a402f91ac63a9a3a0ab50a14002e260654c008a501504b01022d032d000000080000002100ccca9cbd5500000098000000050000\
000000000000000000800100000000782e6e7079504b01022d032d0000000800000021008a1ace134a00000098000000050000000000000000000000\
80018c000000792e6e7079504b05060000000002000200660000000d0100000000";

fn archive() -> Vec<u8> {
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    ARCHIVE.as_bytes().chunks(2).map(byte).collect()
}

#[test]
fn what_numpy_wrote() {
    let bytes =
        numpy("{'descr': '<i8', 'fortran_order': False, 'shape': (2, 2), }", bytes_of(&[1_i64, -2, 3, 4]).as_slice());
    let x: Array2<f32> = npy::parse(&bytes, "f").unwrap();
    assert_eq!(x, array![[1.0, -2.0], [3.0, 4.0]]);
    // Columns first, and the other order of bytes.
    let columns = [1.5_f32, 4.0, 2.5, 5.0, 3.5, 6.0].map(f32::to_le_bytes).concat();
    let bytes = numpy("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }", &columns);
    assert_eq!(npy::parse::<f64, Ix2>(&bytes, "f").unwrap(), array![[1.5, 2.5, 3.5], [4.0, 5.0, 6.0]]);
    let data = [1.0_f64, 2.0].map(f64::to_be_bytes).concat();
    let bytes = numpy("{'descr': '>f8', 'fortran_order': False, 'shape': (2,), }", &data);
    assert_eq!(npy::parse::<f64, Ix1>(&bytes, "f").unwrap(), array![1.0, 2.0]);
}

fn bytes_of(values: &[i64]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

#[test]
fn an_archive_that_numpy_wrote() {
    let mut archive = Npz::parse(archive(), "train.npz").unwrap();
    assert_eq!(archive.names().unwrap(), ["x", "y"]);
    assert_eq!(archive.array::<f32, Ix2>("x").unwrap(), array![[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]);
    assert_eq!(archive.labels("y").unwrap(), [2, 0, 1]);
    let error = archive.array::<f32, Ix2>("z").unwrap_err();
    assert_eq!(error.to_string(), "train.npz: no array `z` here; there are x, y");
    assert_eq!(error.kind(), ErrorKind::Name);
    let error = archive.array::<f32, Ix1>("x").unwrap_err();
    assert_eq!(error.to_string(), "train.npz: array `x`: shape [3, 2], asked for 1 dimensions");
    assert_eq!(error.kind(), ErrorKind::Shape);
}

#[test]
fn every_type_of_numbers() {
    fn read<A: ndarray_npy::WritableElement>(values: [A; 2]) -> [f64; 2] {
        let x: Array1<f64> = npy::parse(&npy::to_bytes(&Array1::from_iter(values)).unwrap(), "f").unwrap();
        [x[0], x[1]]
    }
    assert_eq!(read([0.1_f64, f64::MIN_POSITIVE]), [0.1, f64::MIN_POSITIVE]);
    assert_eq!(read([0.1_f32, f32::MAX]), [f64::from(0.1_f32), f64::from(f32::MAX)]);
    assert_eq!(read([0_u8, 255]), [0.0, 255.0]);
    assert_eq!(read([-128_i8, 127]), [-128.0, 127.0]);
    assert_eq!(read([0_u16, 65535]), [0.0, 65535.0]);
    assert_eq!(read([i16::MIN, 1]), [-32768.0, 1.0]);
    assert_eq!(read([u32::MAX, 1]), [4_294_967_295.0, 1.0]);
    assert_eq!(read([i32::MIN, 1]), [-2_147_483_648.0, 1.0]);
    assert_eq!(read([1_u64 << 53, 1]), [9_007_199_254_740_992.0, 1.0]);
    assert_eq!(read([-1_i64 << 53, 1]), [-9_007_199_254_740_992.0, 1.0]);
    assert_eq!(read([false, true]), [0.0, 1.0]);
}

#[test]
fn a_file_and_back() -> Result<(), Error> {
    let directory = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let x = Array2::from_shape_fn((4, 3), |(i, j)| i as f64 + 0.1 * j as f64);
    npy::save(directory.join("x.npy"), &x.t())?;
    assert_eq!(npy::read::<f64, Ix2>(directory.join("x.npy"))?, x.t());
    npy::save(directory.join("y.npy"), &array![3_i32, 1])?;
    assert_eq!(npy::read_labels(directory.join("y.npy"))?, [3, 1]);
    NpzBuilder::new().array("x", &x)?.array("y", &array![3_u8, 1])?.save(directory.join("xy.npz"))?;
    let mut archive = Npz::read(directory.join("xy.npz"))?;
    assert_eq!((archive.array::<f64, Ix2>("x")?, archive.labels("y")?), (x, vec![3, 1]));
    Ok(())
}

#[test]
fn what_is_refused() {
    let bytes = npy::to_bytes(&array![[1.0, 2.0]]).unwrap();
    let said = |bytes: &[u8]| {
        let error = npy::parse::<f64, IxDyn>(bytes, "data/x.npy").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Format, "{error}");
        let text = error.to_string();
        text.strip_prefix("data/x.npy: ").unwrap_or_else(|| panic!("{text} names no file")).to_owned()
    };
    assert!(!said(b"").is_empty() && !said(b"1,2\n").is_empty());
    assert!(!said(&bytes[..40]).is_empty() && !said(&bytes[..bytes.len() - 1]).is_empty());
    assert!(!said(&[&bytes[..], &[0]].concat()).is_empty());
    let text = numpy("{'descr': '<U1', 'fortran_order': False, 'shape': (1,), }", b"a\0\0\0");
    assert_eq!(said(&text), "elements of type '<U1'; floats, integers and booleans can be read");
    let error = npy::parse::<f64, Ix1>(&bytes, "x").unwrap_err();
    assert_eq!(
        (error.to_string().as_str(), error.kind()),
        ("x: shape [1, 2], asked for 1 dimensions", ErrorKind::Shape)
    );
    assert_eq!(npy::read::<f64, Ix1>("/no/such/file").unwrap_err().kind(), ErrorKind::Io);
    let mut archive = archive();
    archive.truncate(200);
    assert_eq!(Npz::parse(archive, "x.npz").unwrap_err().kind(), ErrorKind::Format);
    // A label that is none, with its file.
    let path = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("no_labels.npy");
    npy::save(&path, &array![1.0, -1.0]).unwrap();
    let error = npy::read_labels(&path).unwrap_err().to_string();
    assert!(error.contains("no_labels.npy: labels: row 2: -1"), "{error}");
}

#[test]
fn any_shape() {
    for shape in [vec![], vec![0], vec![3], vec![2, 0, 4], vec![1, 2, 3, 4, 5]] {
        let x = ArrayD::from_shape_simple_fn(shape, || 1.5_f32);
        assert_eq!(npy::parse::<f32, IxDyn>(&npy::to_bytes(&x).unwrap(), "f").unwrap(), x);
    }
}
