//! From a [`Plot`] and its axes to the text of an SVG file.

use std::io;
use std::ops::Range;

use plotters::coord::Shift;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use plotters::drawing::DrawingAreaErrorKind;
use plotters::element::DashedPathElement;
use plotters::prelude::{
    BLACK, ChartBuilder, Circle, DashedLineSeries, DrawingArea, IntoDrawingArea, IntoFont, LineSeries, PathElement,
    RGBColor, SVGBackend, Text, WHITE,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, ShapeStyle};

use super::{Axis, Plot};
use crate::error::{Error, ErrorKind};

/// The picture without the legend, in pixels; a long legend makes it higher.
const WIDTH: u32 = 800;
const HEIGHT: u32 = 500;

/// The place of the first name in the legend and the distance to the next, in pixels.
const LEGEND_TOP: u32 = 40;
const LEGEND_LINE: u32 = 24;

/// Sizes in the unit of the drawing library, which is 1.24 times the size in pixels.
const TITLE_SIZE: u32 = 24;
const TEXT_SIZE: u32 = 18;

/// The width of a character of [`TEXT_SIZE`] in pixels, on the generous side: a reader's font is not known here.
const CHARACTER: u32 = 9;

/// The same for a character of the title, the height of one of its lines, and the space above and below them.
const TITLE_CHARACTER: u32 = 12;
const TITLE_LINE: u32 = 28;
const TITLE_MARGIN: u32 = 8;

/// The colours of Okabe and Ito (2008), which the colour-blind can tell apart, without the yellow that is too light for a
/// thin line. The ninth curve has the colour of the first and is dashed, the seventeenth has longer dashes, and so on.
const COLORS: [RGBColor; 8] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
    RGBColor(0, 0, 0),
    RGBColor(128, 128, 128),
];

/// The length of the line beside a name, and of the gap between dashes, in pixels.
const SAMPLE: i32 = 44;
const GAP: i32 = 5;

/// What tells curves apart: a colour, and the length of dashes, 0 for a line without gaps.
struct Mark {
    color: RGBColor,
    dash: i32,
}

fn marks() -> impl Iterator<Item = Mark> {
    let dashes = (0..).step_by(6);
    dashes.flat_map(|dash| COLORS.iter().map(move |&color| Mark { color, dash }))
}

type Failure = DrawingAreaErrorKind<io::Error>;

pub(super) fn svg(plot: &Plot, x: &Axis, y: &Axis) -> Result<String, Error> {
    let mut text = String::new();
    draw(plot, x, y, &mut text)
        .map_err(|e| Error::new(ErrorKind::Io, format!("plot: cannot draw: {e}")).caused_by(e))?;
    Ok(text)
}

fn draw(plot: &Plot, x: &Axis, y: &Axis, text: &mut String) -> Result<(), Failure> {
    let names = plot.curves.iter().map(|curve| characters(&curve.name));
    let legend = names.max().unwrap_or(0) * CHARACTER + SAMPLE.cast_unsigned() + 24;
    let rows = u32::try_from(plot.curves.len()).unwrap_or(u32::MAX / LEGEND_LINE);
    let title = wrapped(&legible(&plot.title), (WIDTH / TITLE_CHARACTER) as usize);
    let lines = u32::try_from(title.len()).unwrap_or(u32::MAX / TITLE_LINE);
    let head = if title.is_empty() { 0 } else { lines * TITLE_LINE + 2 * TITLE_MARGIN };
    // A title of one line leaves the height as it is.
    let height = HEIGHT.max(head + LEGEND_TOP + rows * LEGEND_LINE) + lines.saturating_sub(1) * TITLE_LINE;
    let root = SVGBackend::with_string(text, (WIDTH + legend, height)).into_drawing_area();
    root.fill(&WHITE)?;
    let (above, below) = root.split_vertically(head);
    draw_title(&title, &above)?;
    let (area, aside) = below.split_horizontally(WIDTH);
    curves(plot, x, y, &area)?;
    names_beside(plot, &aside)?;
    root.present()
}

fn curves(plot: &Plot, x: &Axis, y: &Axis, area: &DrawingArea<SVGBackend<'_>, Shift>) -> Result<(), Failure> {
    let widest = y.ticks.iter().map(|(_, label)| characters(label)).max().unwrap_or(0);
    let mut builder = ChartBuilder::on(area);
    builder.margin(16).x_label_area_size(52).y_label_area_size(widest * CHARACTER + 44);
    let mut chart = builder.build_cartesian_2d(x.clone(), y.clone())?;
    chart
        .configure_mesh()
        .x_desc(legible(&plot.x_label))
        .y_desc(legible(&plot.y_label))
        .label_style(("sans-serif", TEXT_SIZE).into_font())
        .bold_line_style(RGBColor(225, 225, 225))
        .draw()?;
    for (curve, Mark { color, dash }) in plot.curves.iter().zip(marks()) {
        for stretch in curve.stretches() {
            let points = stretch.iter().copied();
            if let &[point] = stretch {
                // A line through one point would not be seen.
                chart.draw_series([Circle::new(point, 3, color.filled())])?;
            } else if dash == 0 {
                chart.draw_series(LineSeries::new(points, stroke(color)))?;
            } else {
                chart.draw_series(DashedLineSeries::new(points, dash, GAP, stroke(color)))?;
            }
        }
    }
    Ok(())
}

/// The title, above the middle of the curves.
fn draw_title(lines: &[String], above: &DrawingArea<SVGBackend<'_>, Shift>) -> Result<(), Failure> {
    let middle = WIDTH.cast_signed() / 2;
    let style = ("sans-serif", TITLE_SIZE).into_font().color(&BLACK).pos(Pos::new(HPos::Center, VPos::Top));
    for (line, top) in lines.iter().zip((TITLE_MARGIN.cast_signed()..).step_by(TITLE_LINE as usize)) {
        above.draw(&Text::new(line.clone(), (middle, top), style.clone()))?;
    }
    Ok(())
}

/// A text in lines of at most `width` characters, broken between words where possible.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    if !text.is_empty() && text.chars().count() <= width {
        return vec![text.to_owned()];
    }
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let letters: Vec<char> = word.chars().collect();
        for piece in letters.chunks(width) {
            let piece: String = piece.iter().collect();
            match lines.last_mut() {
                Some(line) if line.chars().count() + 1 + piece.chars().count() <= width => {
                    line.push(' ');
                    line.push_str(&piece);
                }
                _ => lines.push(piece),
            }
        }
    }
    lines
}

/// The axis as the drawing library asks for it.
impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (start, end): (i32, i32)) -> i32 {
        #[allow(clippy::cast_possible_truncation, reason = "a pixel between start and end")]
        let offset = (self.position(*value) * f64::from(end - start)).round() as i32;
        start + offset
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() {
            return Vec::new();
        }
        self.ticks.iter().map(|(value, _)| *value).collect()
    }

    fn range(&self) -> Range<f64> {
        let (low, high) = self.ends();
        low..high
    }
}

impl ValueFormatter<f64> for Axis {
    fn format(value: &f64) -> String {
        value.to_string()
    }

    fn format_ext(&self, value: &f64) -> String {
        self.label(*value)
    }
}

/// The names beside the picture, where they cover no curve.
fn names_beside(plot: &Plot, aside: &DrawingArea<SVGBackend<'_>, Shift>) -> Result<(), Failure> {
    let middles = (LEGEND_TOP.cast_signed()..).step_by(LEGEND_LINE as usize);
    for ((curve, Mark { color, dash }), y) in plot.curves.iter().zip(marks()).zip(middles) {
        let ends = [(0, y), (SAMPLE, y)];
        if dash == 0 {
            aside.draw(&PathElement::new(ends, stroke(color)))?;
        } else {
            aside.draw(&DashedPathElement::new(ends, dash, GAP, stroke(color)))?;
        }
        let font = ("sans-serif", TEXT_SIZE).into_font();
        aside.draw(&Text::new(legible(&curve.name), (SAMPLE + 8, y - 6), font))?;
    }
    Ok(())
}

fn stroke(color: RGBColor) -> ShapeStyle {
    color.stroke_width(2)
}

fn characters(text: &str) -> u32 {
    u32::try_from(text.chars().count()).unwrap_or(u32::MAX / CHARACTER - 1000)
}

/// Without control characters, which XML does not allow.
fn legible(text: &str) -> String {
    text.replace(char::is_control, " ")
}
