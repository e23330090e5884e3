//! Loss curves as SVG: what is drawn, read from the text of the picture.
#![cfg(feature = "plot")]

use std::path::PathBuf;

use gradus::ErrorKind;
use gradus::plot::{Plot, loss_curves};
use proptest::prelude::*;

const NAN: f64 = f64::NAN;

fn directory(test: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(test);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

fn two_curves() -> Plot {
    let (training, validation) = ([2.0, 1.0, 0.5, 0.25], [2.0, 1.5, 1.0]);
    loss_curves([("training", &training[..]), ("validation", &validation[..])])
}

/// The texts of a picture, in the order they are drawn.
fn texts(svg: &str) -> Vec<String> {
    let after = svg.split("<text").skip(1);
    let text = after.map(|rest| rest.split_once('>').unwrap().1.split_once("</text>").unwrap().0);
    text.map(|text| text.trim().to_owned()).collect()
}

/// The points of each curve: the lines of its colour within the picture.
fn curves(svg: &str, color: &str) -> Vec<Vec<(i32, i32)>> {
    let lines = svg.lines().filter(|line| line.starts_with("<polyline") && line.contains(color));
    let point = |pair: &str| {
        let (x, y) = pair.split_once(',').unwrap();
        (x.parse().unwrap(), y.parse().unwrap())
    };
    let points = |line: &str| {
        let list = line.split_once("points=\"").unwrap().1.split_once('"').unwrap().0;
        list.split_whitespace().map(point).collect::<Vec<_>>()
    };
    lines.map(points).filter(|points| points.iter().all(|(x, _)| *x < 800)).collect()
}

const FIRST: &str = "#0072B2";
const SECOND: &str = "#D55E00";

#[test]
fn title_axes_and_legend() {
    let svg = two_curves().title("Digits").y_label("cross-entropy in nats").svg().unwrap();
    let texts = texts(&svg);
    for text in ["Digits", "epoch", "cross-entropy in nats", "training", "validation"] {
        assert_eq!(texts.iter().filter(|found| *found == text).count(), 1, "{text}");
    }
    for tick in ["1", "2", "3", "4", "0.5", "1.0", "1.5", "2.0"] {
        assert!(texts.iter().any(|found| found == tick), "{tick}");
    }
    let default = two_curves().svg().unwrap();
    assert!(self::texts(&default).contains(&"loss".to_owned()));
}

#[test]
fn equal_steps_on_a_linear_and_equal_factors_on_a_logarithmic_axis() {
    let apart = |svg: &str| {
        let points = &curves(svg, FIRST)[0];
        assert_eq!(points.len(), 4);
        let width = |i: usize| points[i + 1].0 - points[i].0;
        assert!((0..3).all(|i| width(i).abs_diff(width(0)) <= 1));
        [0, 1, 2].map(|i| f64::from(points[i + 1].1 - points[i].1))
    };
    let linear = apart(&two_curves().svg().unwrap());
    assert!((linear[0] / linear[1] - 2.0).abs() < 0.05 && (linear[1] / linear[2] - 2.0).abs() < 0.05, "{linear:?}");
    let logarithmic = apart(&two_curves().log_y().svg().unwrap());
    assert!(logarithmic.iter().all(|step| (step / logarithmic[0] - 1.0).abs() < 0.05), "{logarithmic:?}");
    // The shorter curve ends at epoch 3.
    let svg = two_curves().svg().unwrap();
    let (first, second) = (&curves(&svg, FIRST)[0], &curves(&svg, SECOND)[0]);
    assert_eq!((second.len(), second[2].0), (3, first[2].0));
}

#[test]
fn gaps_where_values_are_not_finite() {
    let values = [1.0, 2.0, NAN, 3.0, f64::INFINITY, 1.0, 2.0, 3.0, NAN];
    let svg = loss_curves([("loss", &values[..])]).svg().unwrap();
    let lengths: Vec<usize> = curves(&svg, FIRST).iter().map(Vec::len).collect();
    assert_eq!(lengths, [2, 3]);
    // A single point between two gaps is a dot; the axis shows all nine epochs.
    assert_eq!(svg.matches("<circle").count(), 1);
    assert!(texts(&svg).contains(&"9".to_owned()));
    let one = loss_curves([("one", &[0.5_f32][..])]).svg().unwrap();
    assert_eq!(one.matches("<circle").count(), 1);
}

/// Lines are broken between words, none reaches the ends of the picture, and the curves lie below them.
#[test]
fn a_long_title_stays_within_the_picture() {
    let words: Vec<String> = (100..140).map(|number| format!("word{number}")).collect();
    let svg = two_curves().title(words.join(" ")).svg().unwrap();
    let lines: Vec<String> = texts(&svg).into_iter().filter(|text| text.starts_with("word")).collect();
    assert_eq!(lines.join(" "), words.join(" "));
    assert!(lines.len() > 2 && lines.iter().all(|line| line.len() * 12 <= 800), "{lines:?}");
    let last = svg.lines().zip(svg.lines().skip(1)).filter(|(_, text)| text.starts_with("word")).last().unwrap().0;
    let y: i32 = last.split_once(" y=\"").unwrap().1.split_once('"').unwrap().0.parse().unwrap();
    assert!(curves(&svg, FIRST)[0].iter().all(|point| point.1 > y + 20), "{y}");
    // A word that fits no line is cut.
    let svg = two_curves().title("x".repeat(150)).svg().unwrap();
    let lengths: Vec<usize> = texts(&svg).iter().filter(|text| text.starts_with("xx")).map(String::len).collect();
    assert_eq!(lengths, [66, 66, 18]);
}

/// The ninth curve has the colour of the first, and gaps; the seventeenth has longer dashes.
#[test]
fn more_curves_than_colours_differ_in_dashes() {
    let values = [[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]];
    let plot = (0..17).fold(Plot::new(), |plot, k| plot.curve(&format!("curve {k}"), &values[k / 8]));
    let svg = plot.svg().unwrap();
    // The longest piece of each of the three, which lie at heights of their own.
    let mut longest = std::collections::BTreeMap::new();
    for piece in curves(&svg, FIRST) {
        let [(start, y), .., (end, _)] = piece[..] else { continue };
        let length: &mut i32 = longest.entry(-y).or_default();
        *length = (end - start).max(*length);
    }
    let longest: Vec<i32> = longest.into_values().collect();
    assert!(matches!(longest[..], [600..=800, 5..=7, 11..=13]), "{longest:?}");
}

#[test]
fn names_are_text() {
    let svg = Plot::new().title("a < b & \u{7} \"c\"").curve("x", &[1.0, 2.0]).svg().unwrap();
    assert!(texts(&svg).contains(&"a &lt; b &amp;   &quot;c&quot;".to_owned()));
}

/// The legend lies beside the curves, whatever their number and names.
#[test]
fn the_legend_covers_no_curve_and_is_inside_the_picture() {
    let name = "a name of forty-two characters, just right";
    let plot = (0..40).fold(Plot::new(), |plot, _| plot.curve(name, &[1.0, 2.0]));
    let svg = plot.svg().unwrap();
    let attribute = |line: &str, name: &str| -> i32 {
        let rest = line.split_once(&format!(" {name}=\"")).unwrap().1;
        rest.split_once('"').unwrap().0.parse().unwrap()
    };
    let (width, height) = (attribute(&svg, "width"), attribute(&svg, "height"));
    let lines: Vec<&str> = svg.lines().collect();
    let entries: Vec<&str> = lines.windows(2).filter(|pair| pair[1] == name).map(|pair| pair[0]).collect();
    assert_eq!(entries.len(), 40);
    for entry in entries {
        let (x, y) = (attribute(entry, "x"), attribute(entry, "y"));
        assert!(x > 800 && x + 42 * 9 < width && y < height - 10, "{x}, {y} in {width} × {height}");
    }
}

#[test]
fn what_is_refused() {
    let refused = |plot: Plot, message: &str| {
        let error = plot.svg().unwrap_err();
        assert_eq!((error.to_string().as_str(), error.kind()), (message, ErrorKind::Value));
    };
    refused(Plot::new(), "plot: there is no finite value to draw");
    refused(Plot::new().curve("x", &[NAN, NAN]), "plot: there is no finite value to draw");
    refused(
        loss_curves([("a", &[1.0, NAN][..]), ("b", &[1.0, 0.0][..])]).log_y(),
        "plot: curve `b` is 0 at 2, and a logarithmic axis shows values above 0\n  help: leave out `log_y`",
    );
    refused(Plot::new().curve("x", &[f64::MIN, f64::MAX]), "plot: the values lie further apart than an axis can show");
}

#[test]
fn saved_whole_or_not_at_all() {
    let directory = directory("saved_whole_or_not_at_all");
    let path = directory.join("loss.svg");
    two_curves().save(&path).unwrap();
    let saved = std::fs::read_to_string(&path).unwrap();
    assert_eq!(saved, two_curves().svg().unwrap());
    assert!(saved.starts_with("<svg ") && saved.trim_end().ends_with("</svg>"));
    // What cannot be drawn leaves the old picture.
    assert!(Plot::new().save(&path).is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), saved);
    assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 1);
    let error = two_curves().save(directory.join("no/loss.svg")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
}

/// Where the distance of two ticks would be rounded to 0.
#[test]
fn the_smallest_numbers_there_are() {
    for values in [[0.0, 5e-324], [5e-324, 5e-324], [5e-324, 1e-323], [-5e-324, 0.0]] {
        let svg = Plot::new().curve("x", &values).svg().unwrap();
        assert!((2..40).contains(&texts(&svg).len()), "{values:?}");
        assert!(curves(&svg, FIRST)[0].iter().all(|(_, y)| (0..500).contains(y)));
    }
}

proptest! {
    /// Any numbers, down to the smallest there is: a picture whose curve lies in it, or an error.
    #[test]
    fn any_numbers(values in prop::collection::vec(prop::num::f64::ANY, 1..8), log: bool) {
        let plot = Plot::new().curve("x", &values);
        if let Ok(svg) = (if log { plot.log_y() } else { plot }).svg() {
            for (x, y) in curves(&svg, FIRST).concat() {
                prop_assert!((0..800).contains(&x) && (0..500).contains(&y));
            }
            prop_assert!(texts(&svg).len() < 40, "not too many ticks");
        }
    }

    #[test]
    fn tiny_differences(start in -1e3_f64..1e3, steps in prop::collection::vec(0_u64..3, 1..8)) {
        let values: Vec<f64> = steps.iter().map(|&step| f64::from_bits(start.to_bits() + step)).collect();
        let svg = Plot::new().curve("x", &values).svg().unwrap();
        prop_assert!(texts(&svg).len() < 40);
    }
}
