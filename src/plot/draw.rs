//! From a [`Plot`] and its axes to the text of an SVG file.

use std::io;
use std::ops::Range;

use plotters::coord::Shift;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use plotters::drawing::DrawingAreaErrorKind;
use plotters::element::DashedPathElement;
use plotters::prelude::{
    BLACK, ChartBuilder, Circle, DrawingArea, IntoDrawingArea, IntoFont, PathElement, RGBColor, SVGBackend, Text, WHITE,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, ShapeStyle};

use super::axis::Axis;
use super::clip::{self, Place};
use super::labels::{self, Labels};
use super::legend;
use super::levels::Levels;
use super::picture::Plot;
use super::series::{Series, Style};
use super::thin;
use crate::error::{Error, ErrorKind};

/// The drawing library places everything at whole numbers. They are tenths of a pixel, so that curves are smooth.
pub(super) const PIXEL: u32 = 10;

/// The picture without the legend; a long legend makes it higher.
const WIDTH: u32 = 800 * PIXEL;
const HEIGHT: u32 = 500 * PIXEL;

/// Sizes in the unit of the drawing library, which is 1.24 times the size in pixels.
const TITLE_SIZE: u32 = 24 * PIXEL;
pub(super) const TEXT_SIZE: u32 = 18 * PIXEL;

/// The width of a character of [`TEXT_SIZE`], on the generous side: a reader's font is not known here.
pub(super) const CHARACTER: u32 = 9 * PIXEL;

/// The same for a character of the title, the height of one of its lines, and the space above and below them.
const TITLE_CHARACTER: u32 = 12 * PIXEL;
const TITLE_LINE: u32 = 28 * PIXEL;
const TITLE_MARGIN: u32 = 8 * PIXEL;

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

/// The gap between dashes.
const GAP: u32 = 5 * PIXEL;

/// Of marks and of the line at 0.
const DARK: RGBColor = RGBColor(70, 70, 70);

/// Level lines, from the lowest to the highest.
const LEVELS: [RGBColor; 2] = [RGBColor(110, 120, 140), RGBColor(205, 210, 218)];

/// Above this many a path has no dots: they would be its line.
const DOTS: usize = 200;

/// What tells series apart: a colour, and the length of dashes, 0 for a line without gaps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pen {
    pub(super) color: RGBColor,
    dash: u32,
}

impl Pen {
    pub(super) fn solid(color: RGBColor) -> Self {
        Self { color, dash: 0 }
    }
}

pub(super) fn pens() -> impl Iterator<Item = Pen> {
    let dashes = (0..).step_by(6 * PIXEL as usize);
    dashes.flat_map(|dash| COLORS.iter().map(move |&color| Pen { color, dash }))
}

pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub(super) type Drawn = Result<(), DrawingAreaErrorKind<io::Error>>;

pub(super) fn svg(plot: &Plot, x: &Axis, y: &Axis) -> Result<String, Error> {
    let mut text = String::new();
    let size = draw(plot, x, y, &mut text)
        .map_err(|e| Error::new(ErrorKind::Io, format!("plot: cannot draw: {e}")).caused_by(e))?;
    let attributes = |(width, height): (u32, u32)| format!("width=\"{width}\" height=\"{height}\"");
    // The view box keeps the finer unit.
    Ok(text.replacen(&attributes(size), &attributes((size.0 / PIXEL, size.1 / PIXEL)), 1))
}

fn draw(plot: &Plot, x: &Axis, y: &Axis, text: &mut String) -> Result<(u32, u32), DrawingAreaErrorKind<io::Error>> {
    let levels = plot.field.as_ref().map(super::levels::Field::levels);
    let entries = legend::entries(plot, levels.as_ref());
    let title = wrapped(&legible(&plot.title), (WIDTH / TITLE_CHARACTER) as usize);
    let lines = u32::try_from(title.len()).unwrap_or(u32::MAX / TITLE_LINE);
    let head = if title.is_empty() { 0 } else { lines * TITLE_LINE + 2 * TITLE_MARGIN };
    // A title of one line leaves the height as it is.
    let height = HEIGHT.max(head + legend::height(&entries)) + lines.saturating_sub(1) * TITLE_LINE;
    let size = (WIDTH + legend::width(&entries), height);
    let root = SVGBackend::with_string(text, size).into_drawing_area();
    root.fill(&WHITE)?;
    let (above, below) = root.split_vertically(head);
    draw_title(&title, &above)?;
    let (area, aside) = below.split_horizontally(WIDTH);
    Canvas::with_axes(plot, x, y, &area)?.draw(plot, levels.as_ref())?;
    legend::draw(&entries, &aside)?;
    root.present()?;
    Ok(size)
}

/// The part of the picture within the axes.
struct Canvas<'a, 'b> {
    x: &'a Axis,
    y: &'a Axis,
    area: Area<'b>,
}

impl<'a, 'b> Canvas<'a, 'b> {
    /// Draws the axes.
    fn with_axes(
        plot: &Plot,
        x: &'a Axis,
        y: &'a Axis,
        area: &Area<'b>,
    ) -> Result<Self, DrawingAreaErrorKind<io::Error>> {
        let widest = y.ticks.iter().map(|(_, label)| characters(label)).max().unwrap_or(0);
        let mut builder = ChartBuilder::on(area);
        builder.margin(16 * PIXEL).x_label_area_size(52 * PIXEL).y_label_area_size(widest * CHARACTER + 44 * PIXEL);
        let mut chart = builder.build_cartesian_2d(x.clone(), y.clone())?;
        let mut mesh = chart.configure_mesh();
        mesh.x_desc(legible(&plot.x_label))
            .y_desc(legible(&plot.y_label))
            .label_style(("sans-serif", TEXT_SIZE).into_font())
            .axis_style(BLACK.stroke_width(PIXEL))
            .set_all_tick_mark_size(5 * PIXEL)
            .bold_line_style(RGBColor(225, 225, 225).stroke_width(PIXEL));
        if plot.field.is_some() {
            // Level lines are lines enough.
            mesh.disable_mesh();
        }
        mesh.draw()?;
        Ok(Self { x, y, area: chart.plotting_area().strip_coord_spec() })
    }

    fn draw(&self, plot: &Plot, levels: Option<&Levels>) -> Drawn {
        if let Some(levels) = levels {
            let lines = plot.series.iter().flat_map(Series::stretches).map(|points| self.places(points));
            self.levels(levels, &lines.collect::<Vec<_>>())?;
        }
        if plot.series.iter().any(|series| series.style == Style::Stems) {
            self.across(&[(0.0, self.y.position(0.0)), (1.0, self.y.position(0.0))], None)?;
        }
        for mark in &plot.x_marks {
            let x = self.x.position(mark.value);
            self.across(&[(x, 0.0), (x, 1.0)], Some(4 * PIXEL))?;
        }
        for mark in &plot.y_marks {
            let y = self.y.position(mark.value);
            self.across(&[(0.0, y), (1.0, y)], Some(4 * PIXEL))?;
        }
        for (series, pen) in plot.series.iter().zip(pens()) {
            self.series(series, pen)?;
        }
        // Where paths begin and end is seen whatever crosses there.
        for (series, pen) in plot.series.iter().zip(pens()) {
            self.ends(series, pen)?;
        }
        let mut labels = Labels::new(self.area.dim_in_pixel());
        for mark in &plot.x_marks {
            labels.beside_vertical(&mark.label, self.x.position(mark.value));
        }
        for mark in &plot.y_marks {
            labels.on_horizontal(&mark.label, self.y.position(mark.value));
        }
        labels.draw(&self.area)
    }

    /// Level lines, and their heights where the other lines of the picture leave room.
    fn levels(&self, levels: &Levels, others: &[Vec<Place>]) -> Drawn {
        let mut labels = Labels::new(self.area.dim_in_pixel());
        for level in &levels.levels {
            let color = level_color(level.rank);
            let mut longest: Vec<Place> = Vec::new();
            for line in &level.lines {
                for stretch in clip::line(&self.places(line)) {
                    let pixels = thin::line(&self.pixels(&stretch));
                    self.area.draw(&PathElement::new(pixels, color.stroke_width(PIXEL)))?;
                    if labels.length(&stretch) > labels.length(&longest) {
                        longest = stretch;
                    }
                }
            }
            labels.on_line(&level.label, &longest, others);
        }
        labels.draw(&self.area)
    }

    /// A dark line from one edge to the other.
    fn across(&self, places: &[Place], dash: Option<u32>) -> Drawn {
        for stretch in clip::line(places) {
            let pen = Pen { color: DARK, dash: dash.unwrap_or(0) };
            line(&self.area, self.pixels(&stretch), pen, 12)?;
        }
        Ok(())
    }

    fn series(&self, series: &Series, pen: Pen) -> Drawn {
        match series.style {
            Style::Line => self.curve(series, pen, 20),
            Style::Path => {
                self.curve(series, pen, 18)?;
                let places = self.places(&series.drawn().collect::<Vec<_>>());
                let dots = if places.len() <= DOTS { &places[..] } else { &[] };
                self.discs(dots, 25, pen)
            }
            Style::Points => self.discs(&self.places(&series.drawn().collect::<Vec<_>>()), 40, pen),
            Style::Stems => {
                let points: Vec<_> = series.drawn().collect();
                let width = if points.len() > DOTS { 10 } else { 20 };
                for &(x, y) in &points {
                    for stretch in clip::line(&self.places(&[(x, 0.0), (x, y)])) {
                        line(&self.area, self.pixels(&stretch), pen, width)?;
                    }
                }
                self.discs(&self.places(&points), if points.len() > DOTS { 15 } else { 35 }, pen)
            }
        }
    }

    /// The ring where a path starts and the disc where it ends.
    fn ends(&self, series: &Series, pen: Pen) -> Drawn {
        let places = self.places(&series.drawn().collect::<Vec<_>>());
        match places[..] {
            [first, .., last] if series.style == Style::Path => {
                if clip::is_inside(&first) {
                    ring(&self.area, self.pixel(first), pen)?;
                }
                self.discs(&[last], 60, pen)
            }
            _ => Ok(()),
        }
    }

    fn curve(&self, series: &Series, pen: Pen, width: u32) -> Drawn {
        for points in series.stretches() {
            let places = self.places(points);
            if let [place] = places[..] {
                // A line through one point would not be seen.
                self.discs(&[place], 30, pen)?;
            }
            for stretch in clip::line(&places) {
                line(&self.area, self.pixels(&stretch), pen, width)?;
            }
        }
        Ok(())
    }

    fn discs(&self, places: &[Place], radius: u32, pen: Pen) -> Drawn {
        for &place in places.iter().filter(|place| clip::is_inside(place)) {
            self.area.draw(&disc(self.pixel(place), radius, pen))?;
        }
        Ok(())
    }

    fn places(&self, points: &[(f64, f64)]) -> Vec<Place> {
        points.iter().map(|&(x, y)| (self.x.position(x), self.y.position(y))).collect()
    }

    fn pixels(&self, places: &[Place]) -> Vec<(i32, i32)> {
        places.iter().map(|&place| self.pixel(place)).collect()
    }

    fn pixel(&self, place: Place) -> (i32, i32) {
        labels::pixel(place, self.area.dim_in_pixel())
    }
}

pub(super) fn line(area: &Area<'_>, pixels: Vec<(i32, i32)>, pen: Pen, width: u32) -> Drawn {
    let style: ShapeStyle = pen.color.stroke_width(width);
    if pen.dash == 0 {
        area.draw(&PathElement::new(pixels, style))
    } else {
        area.draw(&DashedPathElement::new(pixels, pen.dash, GAP, style))
    }
}

pub(super) fn disc(center: (i32, i32), radius: u32, pen: Pen) -> Circle<(i32, i32), u32> {
    Circle::new(center, radius, pen.color.filled())
}

/// White inside, so that what it stands on does not make it a disc.
pub(super) fn ring(area: &Area<'_>, center: (i32, i32), pen: Pen) -> Drawn {
    area.draw(&Circle::new(center, 55_u32, WHITE.filled()))?;
    area.draw(&Circle::new(center, 55_u32, pen.color.stroke_width(20)))
}

pub(super) fn level_color(rank: f64) -> RGBColor {
    let [low, high] = LEVELS;
    let mix = |low: u8, high: u8| {
        let mixed = f64::from(low) * (1.0 - rank) + f64::from(high) * rank;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between two bytes")]
        let byte = mixed.round() as u8;
        byte
    };
    RGBColor(mix(low.0, high.0), mix(low.1, high.1), mix(low.2, high.2))
}

/// The title, above the middle of the curves.
fn draw_title(lines: &[String], above: &Area<'_>) -> Drawn {
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

pub(super) fn characters(text: &str) -> u32 {
    u32::try_from(text.chars().count()).unwrap_or(u32::MAX / CHARACTER - 10_000)
}

/// Without control characters, which XML does not allow.
pub(super) fn legible(text: &str) -> String {
    text.replace(char::is_control, " ")
}
