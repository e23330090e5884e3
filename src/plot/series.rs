//! What is drawn over the axes: series of points, and marks.

/// Points with a name in the legend.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) name: String,
    /// All points in order; where one is not finite, there is a gap.
    pub(super) points: Vec<(f64, f64)>,
    pub(super) style: Style,
    /// Whether the x values are 1, 2, … and the axis has whole numbers.
    pub(super) is_counted: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Style {
    /// A line through the points.
    Line,
    /// A line with dots, a ring where it starts and a disc where it ends.
    Path,
    /// A disc at each point.
    Points,
    /// A line from 0 to each point.
    Stems,
}

/// A line across the picture at one value.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    pub(super) value: f64,
    pub(super) label: String,
}

impl Series {
    /// The points that can be drawn.
    pub(super) fn drawn(&self) -> impl Iterator<Item = (f64, f64)> + Clone {
        self.points.iter().copied().filter(is_finite)
    }

    /// The stretches between gaps.
    pub(super) fn stretches(&self) -> impl Iterator<Item = &[(f64, f64)]> {
        self.points.split(|point| !is_finite(point)).filter(|points| !points.is_empty())
    }
}

fn is_finite(&(x, y): &(f64, f64)) -> bool {
    x.is_finite() && y.is_finite()
}
