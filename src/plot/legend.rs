//! The names beside the picture, where they cover no curve.

use plotters::prelude::{BLACK, IntoFont, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::draw::{
    Area, CHARACTER, Drawn, PIXEL, Pen, TEXT_SIZE, characters, disc, legible, level_color, line, pens, ring,
};
use super::levels::Levels;
use super::picture::Plot;
use super::series::Style;

/// The place of the first name and the distance to the next.
const TOP: u32 = 40 * PIXEL;
const LINE: u32 = 24 * PIXEL;

/// The length of the sample beside a name.
const SAMPLE: i32 = 44 * PIXEL.cast_signed();

/// A name and what it stands for.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    name: String,
    sample: Sample,
}

#[derive(Clone, Copy, Debug)]
enum Sample {
    Series(Style, Pen),
    Levels,
}

pub(super) fn entries(plot: &Plot, levels: Option<&Levels>) -> Vec<Entry> {
    let series = plot.series.iter().zip(pens());
    let series =
        series.map(|(series, pen)| Entry { name: series.name.clone(), sample: Sample::Series(series.style, pen) });
    let levels = levels.filter(|levels| !levels.levels.is_empty());
    let levels = levels.map(|levels| Entry { name: levels.name.clone(), sample: Sample::Levels });
    series.chain(levels).collect()
}

pub(super) fn width(entries: &[Entry]) -> u32 {
    let names = entries.iter().map(|entry| characters(&entry.name));
    names.max().unwrap_or(0) * CHARACTER + SAMPLE.cast_unsigned() + 24 * PIXEL
}

pub(super) fn height(entries: &[Entry]) -> u32 {
    TOP + u32::try_from(entries.len()).unwrap_or(u32::MAX / LINE - 2) * LINE
}

pub(super) fn draw(entries: &[Entry], aside: &Area<'_>) -> Drawn {
    let middles = (TOP.cast_signed()..).step_by(LINE as usize);
    let style = ("sans-serif", TEXT_SIZE).into_font().color(&BLACK).pos(Pos::new(HPos::Left, VPos::Center));
    for (entry, y) in entries.iter().zip(middles) {
        sample(entry.sample, y, aside)?;
        aside.draw(&Text::new(legible(&entry.name), (SAMPLE + 8 * PIXEL.cast_signed(), y), style.clone()))?;
    }
    Ok(())
}

fn sample(sample: Sample, y: i32, aside: &Area<'_>) -> Drawn {
    let (left, right, middle) = ((0, y), (SAMPLE, y), (SAMPLE / 2, y));
    match sample {
        Sample::Series(Style::Line, pen) => line(aside, vec![left, right], pen, 20),
        Sample::Series(Style::Path, pen) => {
            let room = 6 * PIXEL.cast_signed();
            line(aside, vec![(room, y), (SAMPLE - room, y)], pen, 18)?;
            ring(aside, (room, y), pen)?;
            aside.draw(&disc((SAMPLE - room, y), 60, pen))
        }
        Sample::Series(Style::Points, pen) => aside.draw(&disc(middle, 40, pen)),
        Sample::Series(Style::Stems, pen) => {
            let reach = LINE.cast_signed() / 3;
            line(aside, vec![(middle.0, y + reach), (middle.0, y - reach / 2)], pen, 20)?;
            aside.draw(&disc((middle.0, y - reach / 2), 35, pen))
        }
        Sample::Levels => [(-1, 0.0), (0, 0.5), (1, 1.0)].into_iter().try_for_each(|(step, rank)| {
            let y = y + step * 5 * PIXEL.cast_signed();
            line(aside, vec![(0, y), (SAMPLE, y)], Pen::solid(level_color(rank)), PIXEL)
        }),
    }
}
