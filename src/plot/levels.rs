//! Level lines of a function of two variables: values on a grid, heights to draw, lines by marching squares.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::axis::{round_step, written};

/// The cells of the grid along either axis.
const CELLS: usize = 400;
const POINTS: usize = CELLS + 1;

/// About how many level lines there are unless another number is asked for.
const COUNT: usize = 12;

/// The values of a function on a grid.
#[derive(Clone, Debug)]
pub(super) struct Field {
    x: (f64, f64),
    y: (f64, f64),
    /// Row by row, the lowest first.
    values: Vec<f64>,
    pub(super) count: usize,
    pub(super) spacing: Spacing,
}

/// How far heights are apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Spacing {
    Steps,
    Factors,
}

/// The lines of one height.
#[derive(Clone, Debug)]
pub(super) struct Level {
    pub(super) label: String,
    /// Between 0 for the lowest level and 1 for the highest.
    pub(super) rank: f64,
    /// Closed ones end where they begin.
    pub(super) lines: Vec<Vec<(f64, f64)>>,
}

/// All levels, and what a legend says of them.
#[derive(Clone, Debug)]
pub(super) struct Levels {
    pub(super) name: String,
    pub(super) levels: Vec<Level>,
}

impl Field {
    pub(super) fn of(mut f: impl FnMut(f64, f64) -> f64, x: &RangeInclusive<f64>, y: &RangeInclusive<f64>) -> Self {
        let (x, y) = ((*x.start(), *x.end()), (*y.start(), *y.end()));
        let points = (0..POINTS * POINTS).map(|k| (k % POINTS, k / POINTS));
        let values = points.map(|(i, j)| f(along(x, i as f64), along(y, j as f64))).collect();
        Self { x, y, values, count: COUNT, spacing: Spacing::Steps }
    }

    /// Whether there is a value.
    pub(super) fn is_drawn(&self) -> bool {
        self.values.iter().any(|value| value.is_finite())
    }

    pub(super) fn levels(&self) -> Levels {
        let mut finite: Vec<f64> = self.values.iter().copied().filter(|value| value.is_finite()).collect();
        finite.sort_by(f64::total_cmp);
        let (name, heights) = match (self.spacing, &finite[..]) {
            (_, []) => (String::new(), Vec::new()),
            (Spacing::Steps, [low, ..]) => steps(*low, finite[finite.len() - 1], self.count),
            (Spacing::Factors, _) => factors(&finite, self.count),
        };
        let last = (heights.len().max(2) - 1) as f64;
        let level = |(k, (height, label))| Level { label, rank: k as f64 / last, lines: self.lines(height) };
        Levels { name, levels: heights.into_iter().enumerate().map(level).collect() }
    }

    /// The lines at one height.
    fn lines(&self, height: f64) -> Vec<Vec<(f64, f64)>> {
        let mut joints: BTreeMap<Edge, [Option<Edge>; 2]> = BTreeMap::new();
        let mut join = |a: Edge, b: Edge| {
            for (from, to) in [(a, b), (b, a)] {
                let ends = joints.entry(from).or_default();
                ends[usize::from(ends[0].is_some())] = Some(to);
            }
        };
        for cell in (0..CELLS * CELLS).map(|k| (k % CELLS, k / CELLS)) {
            self.march(cell, height, &mut join);
        }
        let chains = chains(joints);
        chains.into_iter().map(|chain| chain.into_iter().map(|edge| self.crossing(edge, height)).collect()).collect()
    }

    /// The lines through one cell, as pairs of the edges they cross.
    fn march(&self, (i, j): (usize, usize), height: f64, join: &mut impl FnMut(Edge, Edge)) {
        let corners = [(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)].map(|(i, j)| self.values[j * POINTS + i]);
        if corners.iter().any(|value| !value.is_finite()) {
            return;
        }
        let above = corners.map(|value| value > height);
        let edges = [Edge::Bottom(i, j), Edge::Left(i + 1, j), Edge::Bottom(i, j + 1), Edge::Left(i, j)];
        let mut crossed = (0..4).filter(|&k| above[k] != above[(k + 1) % 4]).map(|k| edges[k]);
        match (crossed.next(), crossed.next(), crossed.next(), crossed.next()) {
            (Some(a), Some(b), None, _) => join(a, b),
            // A saddle: the middle tells which corners belong together.
            (Some(bottom), Some(right), Some(top), Some(left)) => {
                let middle = corners.iter().map(|value| value / 4.0).sum::<f64>() > height;
                if middle == above[0] {
                    join(bottom, right);
                    join(top, left);
                } else {
                    join(bottom, left);
                    join(right, top);
                }
            }
            _ => {}
        }
    }

    /// Where the function has this height on an edge.
    fn crossing(&self, edge: Edge, height: f64) -> (f64, f64) {
        let (from, to) = match edge {
            Edge::Bottom(i, j) => ((i, j), (i + 1, j)),
            Edge::Left(i, j) => ((i, j), (i, j + 1)),
        };
        let [low, high] = [from, to].map(|(i, j)| self.values[j * POINTS + i]);
        let share = (height / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0);
        let between = |a: usize, b: usize| a as f64 + share * (b as f64 - a as f64);
        (along(self.x, between(from.0, to.0)), along(self.y, between(from.1, to.1)))
    }
}

/// The place of a grid line, counted from the lower end of a range.
fn along((low, high): (f64, f64), line: f64) -> f64 {
    let share = line / CELLS as f64;
    low * (1.0 - share) + high * share
}

/// An edge of the cell at these coordinates; its other two are edges of its neighbours.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Edge {
    Bottom(usize, usize),
    Left(usize, usize),
}

/// Edges in the order in which lines cross them: open lines from end to end, closed ones back to where they began.
fn chains(mut joints: BTreeMap<Edge, [Option<Edge>; 2]>) -> Vec<Vec<Edge>> {
    let ends: Vec<Edge> = joints.iter().filter(|(_, next)| next[1].is_none()).map(|(&edge, _)| edge).collect();
    let mut chains = Vec::new();
    let mut follow = |start: Edge, joints: &mut BTreeMap<Edge, [Option<Edge>; 2]>| {
        let mut chain = vec![start];
        let mut next = joints.remove(&start)?[0];
        while let Some(edge) = next {
            let Some(neighbours) = joints.remove(&edge) else {
                // Where a closed line has come round.
                chain.push(edge);
                break;
            };
            let before = chain.last().copied();
            chain.push(edge);
            next = neighbours.into_iter().flatten().find(|&neighbour| Some(neighbour) != before);
        }
        chains.push(chain);
        Some(())
    };
    for end in ends {
        follow(end, &mut joints);
    }
    while let Some((&start, _)) = joints.iter().next() {
        follow(start, &mut joints);
    }
    chains
}

/// Heights at equal distances, and what to say of them.
fn steps(low: f64, high: f64, count: usize) -> (String, Vec<(f64, String)>) {
    /// Steps are rounded up, to less than 2.5 times; so that counts come out about right, a smaller one is rounded.
    const ROUNDED: f64 = 1.5;
    let step = round_step((high / 2.0 - low / 2.0) / count as f64 / ROUNDED * 2.0);
    let first = (low / step).floor() + 1.0;
    let multiples = std::iter::successors(Some(first), |k| Some(k + 1.0)).map(|k| k * step + 0.0);
    // Rounding must not make them many.
    let heights: Vec<f64> = multiples.take(4 * count).take_while(|&height| height < high).collect();
    let heights = heights.into_iter().map(|height| (height, written(height, step))).collect();
    (format!("level lines, {} apart", written(step, step)), heights)
}

/// Heights at equal factors, and what to say of them.
fn factors(sorted: &[f64], count: usize) -> (String, Vec<(f64, String)>) {
    /// The least height is one that a small share of the grid lies below.
    const BELOW: usize = 400;
    /// A lowest value that is at most this share of the least height counts as 0.
    const NEGLIGIBLE: f64 = 0.1;
    let (low, high) = (sorted[0], sorted[sorted.len() - 1]);
    let above = |base: f64| sorted.iter().map(move |value| value - base).filter(|&height| height > 0.0);
    let Some(least) = above(low).nth(sorted.len() / BELOW) else { return (String::new(), Vec::new()) };
    let is_zero = low >= 0.0 && low <= NEGLIGIBLE * least;
    let (base, name) = if is_zero { (0.0, "") } else { (low, " of f − min f") };

    let heights = round_factors(least, high - base, count);
    let labelled: Vec<_> = heights.into_iter().map(|(height, label)| (base + height, label)).collect();
    let name = match &labelled[..] {
        [(_, lowest), .., (_, highest)] => format!("level lines{name}, {lowest} to {highest}"),
        _ => format!("level lines{name}"),
    };
    (name, labelled)
}

/// About as many numbers in a range as are asked for, each by about the same factor larger than the one before.
fn round_factors(low: f64, high: f64, count: usize) -> Vec<(f64, String)> {
    const DIGITS: [&[f64]; 4] = [&[1.0, 1.5, 2.0, 3.0, 5.0, 7.0], &[1.0, 2.0, 5.0], &[1.0, 3.0], &[1.0]];
    let decades = (high / low).log10();
    let enough = |digits: &&[f64]| digits.len() as f64 * decades <= 1.25 * count as f64;
    let (digits, every) = DIGITS
        .into_iter()
        .find(enough)
        .map_or_else(|| (&[1.0][..], round_step(decades / count as f64).max(1.0)), |digits| (digits, 1.0));
    let first = (low.log10() / every).floor() * every;
    let powers = std::iter::successors(Some(first), |power| Some(power + every)).take_while(|&p| p <= high.log10());
    let numbers = powers.flat_map(|power| digits.iter().map(move |digit| super::axis::multiple(*digit, power)));
    numbers.filter(|(number, _)| (low..high).contains(number)).collect()
}

#[cfg(test)]
mod tests {
    use super::{Field, Spacing};

    fn field(f: impl FnMut(f64, f64) -> f64) -> Field {
        Field::of(f, &(-2.0..=2.0), &(-1.0..=1.0))
    }

    #[test]
    fn lines_of_a_circle_are_closed_and_where_they_belong() {
        let lines = field(|x, y| x * x + y * y).lines(0.25);
        assert_eq!(lines.len(), 1);
        assert!(lines[0].len() > 100 && lines[0].first() == lines[0].last());
        assert!(lines[0].iter().all(|(x, y)| (x.hypot(*y) - 0.5).abs() < 1e-3));
    }

    #[test]
    fn open_lines_end_at_the_edges() {
        let lines = field(|x, _| x).lines(0.3);
        assert_eq!(lines.len(), 1);
        assert!(lines[0].iter().all(|(x, _)| (x - 0.3).abs() < 1e-12));
        let ends = [lines[0][0].1, lines[0].last().unwrap().1];
        assert_eq!(ends.map(f64::abs), [1.0, 1.0]);
        // A circle that leaves the picture above and below is two arcs.
        assert_eq!(field(|x, y| x * x + y * y).lines(2.25).len(), 2);
    }

    /// Both branches of a hyperbola, through a saddle in the middle of a cell.
    #[test]
    fn saddles_do_not_cross() {
        let lines = field(|x, y| (x + 0.005) * (y + 0.0025)).lines(1e-9);
        assert_eq!(lines.len(), 2);
        let [low, high] =
            [0, 1].map(|k| lines[k].iter().map(|(x, _)| (x + 0.005).signum()).sum::<f64>() / lines[k].len() as f64);
        assert!(low * high < -0.5, "{low} {high}");
    }

    #[test]
    fn no_lines_where_there_is_no_number() {
        let lines = field(|x, y| if x < 0.0 { f64::NAN } else { x * x + y * y }).lines(0.25);
        assert_eq!(lines.len(), 1);
        assert!(lines[0].iter().all(|(x, _)| *x >= 0.0) && lines[0].first() != lines[0].last());
        assert!(!field(|_, _| f64::INFINITY).is_drawn());
        assert!(field(|_, _| 3.0).levels().levels.is_empty());
    }

    #[test]
    fn heights_are_round() {
        let labels = |field: &Field| field.levels().levels.into_iter().map(|level| level.label).collect::<Vec<_>>();
        let bowl = field(|x, y| x * x + y * y);
        assert_eq!(labels(&bowl), ["0.5", "1.0", "1.5", "2.0", "2.5", "3.0", "3.5", "4.0", "4.5"]);
        assert_eq!(bowl.levels().name, "level lines, 0.5 apart");
        let bowl = Field { spacing: Spacing::Factors, ..bowl };
        let found = labels(&bowl);
        assert!(found.len() > 6 && found.len() < 16 && found.last().unwrap() == "2", "{found:?}");
        // Where the least value is not 0, factors are those of the height above it.
        let shifted = Field { spacing: Spacing::Factors, ..field(|x, y| x * x + y * y - 7.0) };
        assert_eq!(labels(&shifted), found);
        assert!(shifted.levels().name.starts_with("level lines of f − min f"));
        let steep = Field { spacing: Spacing::Factors, ..field(|x, y| (20.0 * (x * x + y * y)).exp()) };
        assert!((3..20).contains(&labels(&steep).len()), "{:?}", labels(&steep));
    }
}
