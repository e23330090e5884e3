//! Pictures as SVG: what is drawn, read from the text of the picture.
#![cfg(feature = "plot")]

use std::path::PathBuf;

use gradus::ErrorKind;
use gradus::plot::{Plot, contours, loss_curves, rate_curves, spectrum};
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

/// The points of each curve in pixels: the lines of its colour within the picture.
fn curves(svg: &str, color: &str) -> Vec<Vec<(f64, f64)>> {
    let lines = svg.lines().filter(|line| line.starts_with("<polyline") && line.contains(color));
    let point = |pair: &str| {
        let (x, y) = pair.split_once(',').unwrap();
        // The picture counts in tenths of a pixel.
        let pixels = |text: &str| text.parse::<f64>().unwrap() / 10.0;
        (pixels(x), pixels(y))
    };
    let points = |line: &str| {
        let list = line.split_once("points=\"").unwrap().1.split_once('"').unwrap().0;
        list.split_whitespace().map(point).collect::<Vec<_>>()
    };
    lines.map(points).filter(|points| points.iter().all(|(x, _)| *x < 800.0)).collect()
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
        assert!((0..3).all(|i| (width(i) - width(0)).abs() <= 0.2));
        [0, 1, 2].map(|i| points[i + 1].1 - points[i].1)
    };
    let linear = apart(&two_curves().svg().unwrap());
    assert!((linear[0] / linear[1] - 2.0).abs() < 0.01 && (linear[1] / linear[2] - 2.0).abs() < 0.01, "{linear:?}");
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
    let y: f64 = last.split_once(" y=\"").unwrap().1.split_once('"').unwrap().0.parse().unwrap();
    assert!(curves(&svg, FIRST)[0].iter().all(|point| point.1 > y / 10.0 + 20.0), "{y}");
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
        let length: &mut f64 = longest.entry(y.to_bits()).or_default();
        *length = (end - start).max(*length);
    }
    let longest: Vec<f64> = longest.into_values().rev().collect();
    assert!(longest.len() == 3 && (600.0..800.0).contains(&longest[0]), "{longest:?}");
    assert!((longest[1] - 6.0).abs() < 1.0 && (longest[2] - 12.0).abs() < 1.0, "{longest:?}");
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
        let (x, y) = (x / 10, y / 10);
        assert!(x > 800 && x + 42 * 9 < width && y < height - 10, "{x}, {y} in {width} × {height}");
    }
}

/// The discs of a colour in pixels, but for those in the legend.
fn discs(svg: &str, color: &str) -> Vec<(f64, f64)> {
    let discs = svg.lines().filter(|line| line.starts_with("<circle") && line.contains(&format!("fill=\"{color}\"")));
    let attribute = |line: &str, name: &str| -> f64 {
        let rest = line.split_once(&format!(" {name}=\"")).unwrap().1;
        rest.split_once('"').unwrap().0.parse::<f64>().unwrap() / 10.0
    };
    discs.map(|line| (attribute(line, "cx"), attribute(line, "cy"))).filter(|(x, _)| *x < 800.0).collect()
}

#[test]
fn curves_over_other_values() {
    let rates = [1e-4, 1e-3, 1e-2, 1e-1];
    let svg = Plot::new().log_x().curve_over("loss", &rates, &[1.0_f32, 0.5, 0.25, 2.0]).svg().unwrap();
    let points = &curves(&svg, FIRST)[0];
    let steps = [0, 1, 2].map(|i| points[i + 1].0 - points[i].0);
    assert!(steps.iter().all(|step| (step - steps[0]).abs() < 0.2), "{steps:?}");
    for tick in ["0.0001", "0.001", "0.01", "0.1"] {
        assert!(texts(&svg).iter().any(|text| text == tick), "{tick}");
    }
    // The x of a gap counts as little as its y.
    let svg = Plot::new().curve_over("loss", &[1.0, NAN, 3.0, 4.0], &[1.0, 1.0, 1.0, 2.0]).svg().unwrap();
    assert_eq!(curves(&svg, FIRST).concat().len(), 2);
    let power: Vec<f64> = (1..100).map(|t| 0.1 / f64::from(t)).collect();
    let svg = rate_curves([("1/t", &power[..])]).log_x().log_y().svg().unwrap();
    let points = &curves(&svg, FIRST)[0];
    let slope = |i: usize, j: usize| (points[j].1 - points[i].1) / (points[j].0 - points[i].0);
    assert!((slope(0, 9) / slope(9, 98) - 1.0).abs() < 0.01, "a power is a straight line");
}

#[test]
#[should_panic(expected = "plot: curve `loss` has 2 x and 1 y")]
fn as_many_x_as_y() {
    let _ = Plot::new().curve_over("loss", &[1.0, 2.0], &[1.0]);
}

#[test]
fn marks_lie_where_their_values_do() {
    let plot = Plot::new().curve("loss", &[3.0, 1.0, 2.0]).mark_x(2.0, "best").mark_y(3.0, "start");
    let svg = plot.svg().unwrap();
    assert!(["best", "start"].iter().all(|label| texts(&svg).iter().any(|text| text == label)));
    let marks = curves(&svg, "#464646");
    let points = &curves(&svg, FIRST)[0];
    let (vertical, horizontal): (Vec<_>, Vec<_>) = marks.concat().into_iter().partition(|point| point.0 == points[1].0);
    assert!(vertical.len() > 20 && horizontal.len() > 20);
    assert!(horizontal.iter().all(|point| point.1 == points[0].1));
    // What is marked is seen, unless a range says otherwise.
    let svg = Plot::new().curve("loss", &[3.0, 1.0]).mark_y(-50.0, "").svg().unwrap();
    assert!(texts(&svg).contains(&"-50".to_owned()));
    let svg = Plot::new().curve("loss", &[3.0, 1.0]).mark_y(-50.0, "low").y_range(0.0..=4.0).svg().unwrap();
    assert!(curves(&svg, "#464646").is_empty() && !texts(&svg).contains(&"low".to_owned()));
}

/// Labels at the same value, and at the right edge, are all there and none covers another.
#[test]
fn labels_of_marks_leave_each_other_room() {
    let plot = Plot::new().curve("loss", &[3.0, 1.0, 2.0]);
    let svg = (0..5).fold(plot, |plot, k| plot.mark_x(3.0, format!("label {k}"))).svg().unwrap();
    let lines: Vec<&str> = svg.lines().collect();
    let heights = lines.windows(2).filter(|pair| pair[1].starts_with("label")).map(|pair| {
        let number = |name: &str| -> i32 {
            let rest = pair[0].split_once(&format!(" {name}=\"")).unwrap().1;
            rest.split_once('"').unwrap().0.parse().unwrap()
        };
        assert!(number("x") < 7700);
        number("y")
    });
    let heights: Vec<i32> = heights.collect();
    assert_eq!(heights.len(), 5);
    assert!(heights.windows(2).all(|pair| pair[1] - pair[0] >= 160), "{heights:?}");
}

#[test]
fn ranges_cut_off_what_lies_beyond() {
    let plot = Plot::new().curve("a", &[1.0, 2.0, 1000.0, 2.0, 1.0]).y_range(0.0..=4.0);
    let pieces = curves(&plot.svg().unwrap(), FIRST);
    assert_eq!(pieces.len(), 2);
    // Both end at the upper edge.
    assert_eq!(pieces[0].last().unwrap().1, pieces[1][0].1);
    assert!(pieces[0].last().unwrap().1 < 20.0);
    let refused = |plot: Plot| plot.svg().unwrap_err().to_string();
    assert_eq!(refused(two_curves().x_range(2.0..=2.0)), "plot: the range of x from 2 to 2 is empty");
    assert_eq!(refused(two_curves().y_range(NAN..=2.0)), "plot: the range of y from NaN to 2 is empty");
    assert_eq!(
        refused(two_curves().log_y().y_range(0.0..=2.0)),
        "plot: the range of y begins at 0, and a logarithmic axis shows values above 0"
    );
}

#[test]
fn level_lines_and_paths() {
    let bowl = |x: f64, y: f64| x * x + 4.0 * y * y;
    let path = [[1.5, 0.5], [0.5, -0.25], [0.1, 0.1], [9.0, 9.0], [0.0, 0.0]];
    let svg = contours(bowl, -2.0..=2.0, -1.0..=1.0).path("descent", &path).svg().unwrap();
    let texts = texts(&svg);
    for text in ["descent", "level lines, 0.5 apart", "x", "y"] {
        assert!(texts.iter().any(|found| found == text), "{text} in {texts:?}");
    }
    // The path leaves the picture and comes back; a ring where it starts, a disc where it ends.
    assert_eq!(curves(&svg, FIRST).len(), 2);
    let dots = discs(&svg, FIRST);
    assert_eq!(dots.len(), 4 + 1);
    let (first, last) = (curves(&svg, FIRST)[0][0], *dots.last().unwrap());
    assert_eq!(discs(&svg, "#FFFFFF"), [first]);
    assert_eq!(last, *curves(&svg, FIRST)[1].last().unwrap());
    // Every level line is on the grid of pixels around the middle: as far to the left as to the right.
    let lines = svg.lines().filter(|line| line.starts_with("<polyline") && !line.contains(FIRST)).count();
    assert!(lines > 10, "{lines}");
}

/// In a ravine, equal steps miss the floor: the least of equal factors lies far below the first of them.
#[test]
fn equal_factors_show_the_floor_of_a_ravine() {
    let plot = contours(|x, y| x * x + 1000.0 * y * y, -2.0..=2.0, -2.0..=2.0);
    let legend = |plot: &Plot, after: &str, before: &str| -> f64 {
        let texts = texts(&plot.svg().unwrap());
        let name = texts.iter().find_map(|text| text.strip_prefix(after)).unwrap_or_else(|| panic!("{texts:?}"));
        name.split_once(before).unwrap().0.parse().unwrap()
    };
    let step = legend(&plot, "level lines, ", " apart");
    let least = legend(&plot.clone().log_levels(), "level lines, ", " to ");
    assert!(step >= 200.0 && least <= step / 20.0, "{step} {least}");
    let lines = |plot: &Plot| plot.svg().unwrap().matches("<polyline").count();
    assert!(lines(&plot.clone().levels(40)) > lines(&plot));
}

#[test]
fn a_function_without_values() {
    let error = contours(|_, _| NAN, 0.0..=1.0, 0.0..=1.0).svg().unwrap_err();
    assert_eq!(error.to_string(), "plot: there is no finite value to draw");
    // Flat ground has no level lines, but paths.
    let flat = contours(|_, _| 1.0, 0.0..=1.0, 0.0..=1.0).path("p", &[[0.1, 0.1], [0.9, 0.9]]);
    assert_eq!(curves(&flat.svg().unwrap(), FIRST).len(), 1);
    let error = contours(|x, y| x + y, 1.0..=0.0, 0.0..=1.0).svg().unwrap_err();
    assert_eq!(error.to_string(), "plot: the range of x from 1 to 0 is empty");
    // Any numbers at all.
    for f in [|x: f64, _: f64| 1e308 * x, |x: f64, y: f64| 1.0 / (x * y), |x: f64, _: f64| 1e-320 * x] {
        for plot in [contours(f, -2.0..=2.0, -1.0..=1.0), contours(f, -2.0..=2.0, -1.0..=1.0).log_levels()] {
            assert!(plot.svg().unwrap().matches("<polyline").count() < 20_000);
        }
    }
}

#[test]
fn a_spectrum_from_the_largest_to_the_smallest() {
    let svg = spectrum(&[-2.0, 0.0, 4.0, NAN, 1.0]).svg().unwrap();
    for text in ["2 positive", "1 negative", "1 zero"] {
        assert!(texts(&svg).iter().any(|found| found == text), "{text}");
    }
    let (positive, negative, zero) = (discs(&svg, FIRST), discs(&svg, SECOND), discs(&svg, "#009E73"));
    assert_eq!((positive.len(), negative.len(), zero.len()), (2, 1, 1));
    // 4, 1, 0, −2 at equal distances; up and down from the line at 0.
    let level = zero[0].1;
    assert!(positive[0].0 < positive[1].0 && positive[1].0 < zero[0].0 && zero[0].0 < negative[0].0);
    assert!(((level - positive[0].1) / (negative[0].1 - level) - 2.0).abs() < 0.02);
    let stems = curves(&svg, FIRST);
    assert_eq!(stems.iter().map(|stem| stem[0].1).collect::<Vec<_>>(), [level, level]);
    // Factors of ten are equal steps on either side.
    let svg = spectrum(&[100.0, 10.0, 1.0, -1.0, -10.0]).symlog_y().svg().unwrap();
    let (up, down) = (discs(&svg, FIRST), discs(&svg, SECOND));
    let decades = [up[1].1 - up[0].1, up[2].1 - up[1].1, down[1].1 - down[0].1];
    assert!(decades.iter().all(|decade| (decade - decades[0]).abs() < 0.2), "{decades:?}");
    assert!(spectrum::<f64>(&[]).svg().is_err());
    let many: Vec<f64> = (0..3000).map(|i| f64::from(i) - 10.0).collect();
    assert!(spectrum(&many).svg().unwrap().contains("10 negative"));
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
    refused(
        Plot::new().log_x().curve_over("a", &[1.0, -2.0], &[0.5, 0.25]),
        "plot: curve `a` has 0.25 at -2, and a logarithmic axis shows values above 0\n  help: leave out `log_x`",
    );
    refused(
        Plot::new().log_y().curve("a", &[1.0]).mark_y(0.0, ""),
        "plot: a mark lies at y = 0, and a logarithmic axis shows values above 0\n  help: leave out `log_y`",
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
        assert!(curves(&svg, FIRST)[0].iter().all(|(_, y)| (0.0..500.0).contains(y)));
    }
}

proptest! {
    /// Any numbers, down to the smallest there is: a picture whose curve lies in it, or an error.
    #[test]
    fn any_numbers(values in prop::collection::vec(prop::num::f64::ANY, 1..8), log: bool) {
        let plot = Plot::new().curve("x", &values);
        if let Ok(svg) = (if log { plot.log_y() } else { plot }).svg() {
            for (x, y) in curves(&svg, FIRST).concat() {
                prop_assert!((0.0..800.0).contains(&x) && (0.0..500.0).contains(&y));
            }
            prop_assert!(texts(&svg).len() < 40, "not too many ticks");
        }
    }

    /// The same for points anywhere, on axes of any kind.
    #[test]
    fn any_points(
        points in prop::collection::vec(prop::array::uniform2(prop::num::f64::ANY), 1..8), kind in 0..4, range: bool,
    ) {
        let plot = Plot::new().path("p", &points).mark_x(points[0][0], "here").mark_y(1.0, "one");
        let plot = if range { plot.x_range(0.5..=2.0).y_range(0.5..=1e5) } else { plot };
        let plot = match kind {
            0 => plot,
            1 => plot.log_x(),
            2 => plot.symlog_y(),
            _ => plot.log_x().log_y(),
        };
        if let Ok(svg) = plot.svg() {
            for (x, y) in [curves(&svg, FIRST).concat(), discs(&svg, FIRST)].concat() {
                prop_assert!((0.0..800.0).contains(&x) && (0.0..500.0).contains(&y));
            }
            prop_assert!(texts(&svg).len() < 50, "not too many ticks");
        }
    }

    #[test]
    fn tiny_differences(start in -1e3_f64..1e3, steps in prop::collection::vec(0_u64..3, 1..8)) {
        let values: Vec<f64> = steps.iter().map(|&step| f64::from_bits(start.to_bits() + step)).collect();
        let svg = Plot::new().curve("x", &values).svg().unwrap();
        prop_assert!(texts(&svg).len() < 40);
    }
}
