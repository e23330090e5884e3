//! Columns of text.

use std::fmt;

/// Rows under a heading; the first column and texts to the left, numbers to the right.
pub(super) struct Table {
    rows: Vec<Option<Vec<String>>>,
}

impl Table {
    pub(super) fn new(heading: &[&str]) -> Self {
        Self { rows: vec![Some(heading.iter().map(|&cell| cell.to_owned()).collect()), None] }
    }

    pub(super) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(Some(cells));
    }

    /// A line between rows.
    pub(super) fn rule(&mut self) {
        self.rows.push(None);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cells = |column: usize| self.rows.iter().flatten().map(move |row| row[column].as_str());
        let columns = 0..self.rows[0].as_ref().map_or(0, Vec::len);
        let width = |column| cells(column).map(|cell| cell.chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = columns.clone().map(width).collect();
        // Below its heading, a column of numbers has nothing but numbers.
        let number = |cell: &str| {
            matches!(cell, "" | "NaN" | "inf") || cell.starts_with(|c: char| c.is_ascii_digit() || c == '-')
        };
        let right: Vec<bool> = columns.map(|column| column > 0 && cells(column).skip(1).all(number)).collect();
        for (index, row) in self.rows.iter().enumerate() {
            let end = if index > 0 { "\n" } else { "" };
            let line = match row {
                None => "-".repeat(widths.iter().sum::<usize>() + 2 * (widths.len() - 1)),
                Some(cells) => {
                    let cells = cells.iter().zip(&widths).zip(&right);
                    let cells = cells.map(
                        |((cell, &width), &right)| {
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
