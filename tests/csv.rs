//! Tables of numbers: what is read, and what is said of files that hold something else.
#![cfg(feature = "csv")]
#![allow(clippy::float_cmp, reason = "exact results are meant")]

use std::io::{self, Read};

use gradus::data::{self, Csv, Table};
use gradus::{Error, ErrorKind, Real};
use ndarray::array;
use proptest::prelude::*;

fn parse(csv: &Csv, text: &str) -> Result<Table<f64>, Error> {
    csv.parse(text.as_bytes(), "t.csv")
}

fn bare() -> Csv {
    Csv::new().header(false)
}

#[track_caller]
fn assert_format_error(csv: &Csv, text: &str, message: &str) {
    let error = parse(csv, text).unwrap_err();
    assert_eq!((error.to_string().as_str(), error.kind()), (message, ErrorKind::Format));
}

#[test]
fn a_header_names_the_columns() {
    let table = parse(&Csv::new(), "a, b\n1,2\n3,4\n").unwrap();
    assert_eq!(table.names, ["a", "b"]);
    assert_eq!(table.values, array![[1.0, 2.0], [3.0, 4.0]]);
    assert_eq!(table.column("b").unwrap(), array![2.0, 4.0]);
    let error = table.column("c").unwrap_err();
    assert_eq!(error.to_string(), "no column `c` here; there are a, b");
    assert_eq!(error.kind(), ErrorKind::Name);
}

#[test]
fn the_same_numbers_in_many_spellings() {
    let expected = array![[1.5, -2.0], [3e-4, 40.0]];
    for text in [
        "1.5,-2\n3e-4,40\n",
        "1.5,-2\n3e-4,40",
        "1.5,-2\r\n3e-4,40\r\n",
        " 1.5 ,\t-2.0\n\n\n0.0003, +40.\n\n",
        "\"1.5\",\"-2\"\n3E-4,\"40\"\n",
        "1.5, \"-2\"\n \" 3e-4\" ,\t\"40\" \n",
        "1.5,-2\r3e-4,40\r",
        "\u{feff}1.5,-2\n3e-4,40\n",
    ] {
        let table = parse(&bare(), text).unwrap();
        assert_eq!(table.values, expected, "{text:?}");
        assert!(table.names.is_empty());
    }
    let table = parse(&bare().delimiter(b';').skip(2), "from 1987\n2;2\n1.5;-2\n3e-4;40").unwrap();
    assert_eq!(table.values, expected);
}

#[test]
fn nan_and_infinity_are_numbers() {
    let values = parse(&bare(), "nan,inf\nNaN,-inf\n").unwrap().values;
    assert!(values[[0, 0]].is_nan() && values[[1, 0]].is_nan());
    assert_eq!((values[[0, 1]], values[[1, 1]]), (f64::INFINITY, f64::NEG_INFINITY));
}

#[test]
fn errors_name_file_line_and_column() {
    let named = Csv::new();
    let cases = [
        (&named, "a,b\n1,2\n3,x\n", "t.csv, line 3, column 2 (b): `x` is no number"),
        (&named, "a,b\r\n1,2\r\n\r\n\r\n,4\r\n", "t.csv, line 5, column 1 (a): `` is no number"),
        (&bare(), "1,2\n3,4 5\n", "t.csv, line 2, column 2: `4 5` is no number"),
        (&named, "a, \"b\"\r1,2\r3,x\r", "t.csv, line 3, column 2 (b): `x` is no number"),
        (&bare().skip(1), "x,y\r1,2\r3,?\r", "t.csv, line 3, column 2: `?` is no number"),
        (&bare(), "1,2\n3,1e999\n", "t.csv, line 2, column 2: `1e999` is too large for f64"),
        (&bare().skip(1), "x\n1,2\n3,?\n", "t.csv, line 3, column 2: `?` is no number"),
        (
            &bare(),
            "1\n0123456789 0123456789 0123456789\n",
            "t.csv, line 2, column 1: `0123456789 0123456789 01…` is no number",
        ),
        (&bare(), "1,2\n\"3,4\n5,6\n", "t.csv, line 2: 1 column, line 1 has 2; is a quote left open?"),
        (&bare(), "1,2\n3,\"4\n5\"\n", "t.csv, line 2, column 2: `4\\n5` is no number"),
    ];
    for (csv, text, message) in cases {
        assert_format_error(csv, text, message);
    }
    let error = bare().parse::<f32>(&b"1\n\xff\n"[..], "t.csv").unwrap_err();
    assert_eq!(error.to_string(), "t.csv, line 2, column 1: `\u{fffd}` is no number");
    let error = bare().parse::<f32>(&b"1e39"[..], "t.csv").unwrap_err();
    assert_eq!(error.to_string(), "t.csv, line 1, column 1: `1e39` is too large for f32");
}

#[test]
fn ragged_rows() {
    let named = Csv::new();
    assert_format_error(&named, "a,b\n1,2\n3\n4,5\n", "t.csv, line 3: 1 column, line 1 has 2");
    assert_format_error(&bare(), "\n1,2\n3,4,5", "t.csv, line 3: 3 columns, line 2 has 2");
    let cut = "t.csv, line 2: 2 columns, line 1 has 3; the file ends within this row";
    assert_format_error(&bare(), "1,2,3\n4,5", cut);
}

#[test]
fn nothing_to_read() {
    assert_format_error(&bare(), "", "t.csv: the file is empty");
    assert_format_error(&bare(), "\n\n", "t.csv: there are no rows of numbers");
    assert_format_error(&Csv::new(), "a,b\n", "t.csv: there are no rows of numbers");
    assert_format_error(&bare().skip(3), "1\n2\n3\n", "t.csv: there are no rows of numbers");
}

/// Either would lose a row without a sign, or refuse a good file without a hint.
#[test]
fn a_header_that_is_none_and_one_that_was_forgotten() {
    assert_format_error(
        &Csv::new(),
        "1,2\n3,4\n",
        "t.csv: line 1 should hold the names of the columns and holds numbers\n  help: without names, call `.header(false)`",
    );
    assert_format_error(
        &bare(),
        "a,b\n3,4\n",
        "t.csv, line 1, column 1: `a` is no number\n  help: if this line holds the names of the columns, call `.header(true)`",
    );
}

#[test]
fn a_missing_file() {
    let error = bare().read::<f64>("no/such.csv").unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(error.to_string(), format!("cannot read `no/such.csv`: {cause}"));
    assert_eq!(error.kind(), ErrorKind::Io);
}

#[test]
fn a_source_that_fails_half_way() {
    struct Breaks(bool);
    impl Read for Breaks {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if std::mem::replace(&mut self.0, true) {
                return Err(io::Error::other("the cable is out"));
            }
            buffer[..4].copy_from_slice(b"1,2\n");
            Ok(4)
        }
    }
    let error = bare().parse::<f64>(Breaks(false), "stream").unwrap_err();
    assert_eq!(error.to_string(), "cannot read `stream`: the cable is out");
    assert_eq!(error.kind(), ErrorKind::Io);
}

/// A file cut at any byte is an error, but for cuts within the last number and of the last line end, which no reader
/// can see.
#[test]
fn every_truncation() {
    let text = "a,b\n1.25,2.5\n3.75,4\n";
    let csv = Csv::new().rows(2);
    assert!(parse(&csv, text).is_ok());
    for cut in 0..text.rfind(',').unwrap() + 2 {
        let result = parse(&csv, &text[..cut]);
        assert_eq!(result.is_ok(), cut == text.rfind('4').unwrap() + 1, "{:?}", &text[..cut]);
    }
    assert_format_error(&csv, "a,b\n1,2\n", "t.csv: expected 2 rows, found 1");
    assert_format_error(&csv, "a,b\n1,2\n1,2\n1,2", "t.csv: expected 2 rows, found 3");
}

/// Facts as published with the data sets.
#[test]
fn the_shipped_data_sets() {
    let digits = bare().rows(1797).read::<f32>("examples/data/digits.csv").unwrap();
    assert_eq!(digits.dim(), (1797, 65));
    assert!(digits.iter().all(|&x| (0.0..=16.0).contains(&x)));
    let labels = data::labels(&digits.column(64)).unwrap();
    let mut counts = [0; 10];
    for label in labels {
        counts[label] += 1;
    }
    assert_eq!(counts, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);

    let path = "examples/data/breast_cancer.csv";
    let cancer = bare().skip(1).rows(569).read::<f64>(path).unwrap();
    assert_eq!(cancer.dim(), (569, 31));
    let labels = data::labels(&cancer.column(30)).unwrap();
    assert_eq!(labels.iter().filter(|&&label| label == 0).count(), 212);

    let diabetes = Csv::new().rows(442).read_table::<f64>("examples/data/diabetes.csv").unwrap();
    assert_eq!(diabetes.values.dim(), (442, 11));
    let progression = diabetes.column("progression").unwrap();
    assert_eq!(progression.sum(), 67243.0); // mean 152.1335
    assert_eq!(diabetes.column("bmi").unwrap()[0], 32.1);
}

#[test]
fn labels_are_whole_numbers_from_0() {
    assert_eq!(data::labels(&array![3.0_f32, 0.0]).unwrap(), [3, 0]);
    for (wrong, text) in [(0.5, "0.5"), (-1.0, "-1"), (f64::NAN, "NaN"), (1e300, &*1e300.to_string())] {
        let error = data::labels(&array![0.0, wrong]).unwrap_err();
        let expected = format!("labels: row 2: {text} is no label, expected a whole number from 0");
        assert_eq!((error.to_string(), error.kind()), (expected, ErrorKind::Value));
    }
}

fn same_bits<T: Real>(numbers: &[T]) {
    let text = numbers.iter().map(T::to_string).collect::<Vec<_>>().join("\n");
    let table = bare().parse::<T>(text.as_bytes(), "t.csv").unwrap();
    assert!(table.values.iter().zip(numbers).all(|(a, b)| a.bits() == b.bits()));
}

proptest! {
    #[test]
    fn numbers_keep_their_bits(
        doubles in prop::collection::vec(prop::num::f64::ANY.prop_filter("a number", |x| !x.is_nan()), 1..20),
        singles in prop::collection::vec(prop::num::f32::ANY.prop_filter("a number", |x| !x.is_nan()), 1..20),
    ) {
        same_bits(&doubles);
        same_bits(&singles);
    }

    /// Whatever the bytes are, the answer is a table or an error.
    #[test]
    fn any_bytes(bytes in prop::collection::vec(prop::sample::select(b"1-.e,;\"\n\r x\xff\xef\xbb\xbf".to_vec()), 0..60), header: bool) {
        let _ = Csv::new().header(header).parse::<f64>(&bytes[..], "t.csv");
    }
}
