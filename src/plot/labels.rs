//! Texts within the picture: they lie over the curves and leave each other room.

use plotters::prelude::{IntoFont, Rectangle, Text, WHITE};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, RGBColor};

use super::clip::{self, Place};
use super::draw::{Area, Drawn, PIXEL, characters, legible};

/// Smaller than the texts at the axes.
const SIZE: u32 = 15 * PIXEL;
const CHARACTER: i32 = 8 * PIXEL.cast_signed();
const HEIGHT: i32 = 16 * PIXEL.cast_signed();

/// What is free between a text and a line, and around a text.
const ROOM: i32 = 6 * PIXEL.cast_signed();

/// A line is labelled if it is so many times as long as the text.
const LEAST: f64 = 3.0;

/// Where a text is tried along its line.
const SHARES: [f64; 7] = [0.5, 0.35, 0.65, 0.2, 0.8, 0.1, 0.9];

/// The texts so far.
#[derive(Clone, Debug)]
pub(super) struct Labels {
    size: (u32, u32),
    labels: Vec<Label>,
}

#[derive(Clone, Debug)]
struct Label {
    text: String,
    middle: (i32, i32),
    width: i32,
}

impl Labels {
    /// For a picture of this size.
    pub(super) fn new(size: (u32, u32)) -> Self {
        Self { size, labels: Vec::new() }
    }

    /// The length of a line in the picture.
    pub(super) fn length(&self, line: &[Place]) -> f64 {
        let (width, height) = (f64::from(self.size.0), f64::from(self.size.1));
        line.windows(2).map(|pair| ((pair[1].0 - pair[0].0) * width).hypot((pair[1].1 - pair[0].1) * height)).sum()
    }

    /// On a level line, unless it is too short or there is no room among other labels and these lines.
    pub(super) fn on_line(&mut self, text: &str, line: &[Place], others: &[Vec<Place>]) {
        let width = width(text);
        if self.length(line) < LEAST * f64::from(width) {
            return;
        }
        for share in SHARES {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index of the line")]
            let middle = pixel(line[(share * (line.len() - 1) as f64) as usize], self.size);
            let label = Label { text: text.to_owned(), middle, width };
            let is_free = !self.labels.iter().any(|other| other.is_near(&label)) && !self.is_crossed(&label, others);
            if self.is_inside(&label) && is_free {
                self.labels.push(label);
                return;
            }
        }
    }

    /// Beside a vertical line, near its upper end, below the texts that are there already.
    pub(super) fn beside_vertical(&mut self, text: &str, x: f64) {
        if text.is_empty() || !(0.0..=1.0).contains(&x) {
            return;
        }
        let width = width(text);
        let (line, top) = pixel((x, 1.0), self.size);
        let reach = width / 2 + ROOM;
        let right = line + 2 * reach <= self.size.0.cast_signed();
        let middle = if right { line + reach } else { line - reach };
        self.place(text, (middle, top + HEIGHT), width);
    }

    /// Above a horizontal line, at its right end.
    pub(super) fn on_horizontal(&mut self, text: &str, y: f64) {
        if text.is_empty() || !(0.0..=1.0).contains(&y) {
            return;
        }
        let width = width(text);
        let (end, line) = pixel((1.0, y), self.size);
        let above = line - HEIGHT / 2 - ROOM / 2;
        let middle = if above < HEIGHT { line + HEIGHT / 2 + ROOM / 2 } else { above };
        self.place(text, (end - width / 2 - ROOM, middle), width);
    }

    /// Here, or as far down as others ask for.
    fn place(&mut self, text: &str, (x, y): (i32, i32), width: i32) {
        let mut label = Label { text: text.to_owned(), middle: (x, y), width };
        while self.labels.iter().any(|other| other.covers(&label)) {
            label.middle.1 += HEIGHT / 2;
        }
        self.labels.push(label);
    }

    fn is_inside(&self, label: &Label) -> bool {
        let (x, y) = label.middle;
        let fits = |middle: i32, half: i32, size: u32| middle - half >= 0 && middle + half <= size.cast_signed();
        fits(x, label.width / 2 + ROOM, self.size.0) && fits(y, HEIGHT, self.size.1)
    }

    /// Whether one of these lines goes through the label.
    fn is_crossed(&self, label: &Label, lines: &[Vec<Place>]) -> bool {
        let half = (label.width / 2, HEIGHT / 2);
        let within = |&place: &Place| {
            let (x, y) = pixel(place, self.size);
            let along = |pixel: i32, middle: i32, half: i32| f64::from(pixel - middle) / f64::from(2 * half) + 0.5;
            (along(x, label.middle.0, half.0), along(y, label.middle.1, half.1))
        };
        lines.iter().any(|line| !clip::line(&line.iter().map(within).collect::<Vec<_>>()).is_empty())
    }

    pub(super) fn draw(&self, area: &Area<'_>) -> Drawn {
        let color = RGBColor(60, 60, 60);
        let style = ("sans-serif", SIZE).into_font().color(&color).pos(Pos::new(HPos::Center, VPos::Center));
        for Label { text, middle: (x, y), width } in &self.labels {
            let corner = |sign: i32| (x + sign * width / 2, y + sign * HEIGHT / 2);
            area.draw(&Rectangle::new([corner(-1), corner(1)], WHITE.mix(0.85).filled()))?;
            area.draw(&Text::new(legible(text), (*x, *y), style.clone()))?;
        }
        Ok(())
    }
}

impl Label {
    fn covers(&self, other: &Self) -> bool {
        self.is_within(other, 0)
    }

    /// Nearer than is pleasant for texts that say nothing about each other.
    fn is_near(&self, other: &Self) -> bool {
        self.is_within(other, 2 * HEIGHT)
    }

    fn is_within(&self, other: &Self, room: i32) -> bool {
        let (dx, dy) = (self.middle.0 - other.middle.0, self.middle.1 - other.middle.1);
        dx.abs() < i32::midpoint(self.width, other.width) + room && dy.abs() < HEIGHT + room
    }
}

fn width(text: &str) -> i32 {
    characters(text).cast_signed() * CHARACTER
}

/// From a place to what the drawing library counts, from the upper left corner.
pub(super) fn pixel((x, y): Place, (width, height): (u32, u32)) -> (i32, i32) {
    #[allow(clippy::cast_possible_truncation, reason = "a pixel of the picture")]
    let along = |share: f64, length: u32| (share * f64::from(length - 1)).round() as i32;
    (along(x, width), along(1.0 - y, height))
}
