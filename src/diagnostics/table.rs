//! Columns of text.

use std::fmt;

/// Rows under a heading; the first column and texts to the left, numbers to the right.
pub(super) struct Table<const N: usize> {
    rows: Vec<Option<[String; N]>>,
}

impl<const N: usize> Table<N> {
    pub(super) fn new(heading: [&str; N]) -> Self {
        Self { rows: vec![Some(heading.map(str::to_owned)), None] }
    }

    pub(super) fn row(&mut self, cells: [String; N]) {
        self.rows.push(Some(cells));
    }

    /// A line between rows.
    pub(super) fn rule(&mut self) {
        self.rows.push(None);
    }
}

impl<const N: usize> fmt::Display for Table<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cells = |column: usize| self.rows.iter().flatten().map(move |row| row[column].as_str());
        let widths: [usize; N] =
            std::array::from_fn(|column| cells(column).map(|cell| cell.chars().count()).max().unwrap_or(0));
        // Below its heading, a column of numbers has nothing but numbers.
        let number = |cell: &str| {
            matches!(cell, "" | "NaN" | "inf") || cell.starts_with(|c: char| c.is_ascii_digit() || c == '-')
        };
        let right: [bool; N] = std::array::from_fn(|column| column > 0 && cells(column).skip(1).all(number));
        for (index, row) in self.rows.iter().enumerate() {
            let end = if index > 0 { "\n" } else { "" };
            let line = match row {
                None => "-".repeat(widths.iter().sum::<usize>() + 2 * (N - 1)),
                Some(cells) => {
                    let cells = cells.iter().zip(widths).zip(right);
                    let cells = cells.map(
                        |((cell, width), right)| {
                            if right { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
                        },
                    );
                    cells.collect::<Vec<_>>().join("  ")
                }
            };
            write!(f, "{end}{}", line.trim_end())?;
        }
        Ok(())
    }
}
