//! Tables of numbers from CSV files.

use std::io::Read;
use std::path::Path;

use csv::ByteRecord;
use ndarray::{Array2, ArrayView1};

use crate::error::{Error, ErrorKind};
use crate::file;
use crate::real::Real;

/// How to read a table of numbers from comma-separated text.
///
/// Every row has as many columns as the first, and every field is a number: `12`, `-1.5e3`, also `nan` and `inf`. Space
/// around a field, quotes around it and empty lines are passed over; line ends are `\n`, `\r\n` or `\r`. (A name that holds
/// the delimiter needs its quotes right beside it.) A table is read whole or not at all.
///
/// # Examples
///
/// ```
/// use gradus::data::Csv;
///
/// let text = "height;weight\n1.80;79\n1.65;61\n";
/// let table = Csv::new().delimiter(b';').parse::<f64>(text.as_bytes(), "people.csv")?;
/// assert_eq!(table.names, ["height", "weight"]);
/// assert_eq!(table.values, ndarray::array![[1.80, 79.0], [1.65, 61.0]]);
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Csv {
    header: bool,
    delimiter: u8,
    skip: usize,
    rows: Option<usize>,
}

/// A table of numbers with the names of its columns.
#[derive(Clone, PartialEq, Debug)]
pub struct Table<T> {
    /// The column names; empty where the file has no header.
    pub names: Vec<String>,
    /// The numbers, a sample a row.
    pub values: Array2<T>,
}

impl Default for Csv {
    fn default() -> Self {
        Self::new()
    }
}

impl Csv {
    /// Comma-separated, with column names in the first line.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::Csv;
    ///
    /// let table = Csv::new().parse::<f64>("a,b\n1,2\n".as_bytes(), "text")?;
    /// assert_eq!(table.values, ndarray::array![[1.0, 2.0]]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self { header: true, delimiter: b',', skip: 0, rows: None }
    }

    /// Whether the first line holds column names; the default is yes.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::Csv;
    ///
    /// let table = Csv::new().header(false).parse::<f64>("1,2\n3,4\n".as_bytes(), "text")?;
    /// assert_eq!((table.names.len(), table.values.nrows()), (0, 2));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn header(self, header: bool) -> Self {
        Self { header, ..self }
    }

    /// What stands between two fields; the default is a comma.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::Csv;
    ///
    /// let table = Csv::new().delimiter(b'\t').parse::<f64>("a\tb\n1\t2\n".as_bytes(), "text")?;
    /// assert_eq!(table.names, ["a", "b"]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn delimiter(self, delimiter: u8) -> Self {
        Self { delimiter, ..self }
    }

    /// Leaves out this many lines at the top, before the header; the default is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::Csv;
    ///
    /// let text = "measured in May\nheight,weight\n1.80,79\n";
    /// let table = Csv::new().skip(1).parse::<f64>(text.as_bytes(), "people.csv")?;
    /// assert_eq!(table.names, ["height", "weight"]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn skip(self, lines: usize) -> Self {
        Self { skip: lines, ..self }
    }

    /// The number of rows that must be there, header aside.
    ///
    /// A file that was cut off at the end of a line, or within its last number, still looks whole; only the number of
    /// rows can tell.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::Csv;
    ///
    /// let error = Csv::new().rows(3).parse::<f64>("a\n1\n2\n".as_bytes(), "cut.csv").unwrap_err();
    /// assert!(error.to_string().contains("expected 3 rows, found 2"));
    /// ```
    #[must_use]
    pub fn rows(self, rows: usize) -> Self {
        Self { rows: Some(rows), ..self }
    }

    /// Reads the numbers of a file.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, is empty or broken. The text names the file, and the line and the column, both
    /// counted from 1:
    ///
    /// ```text
    /// digits.csv, line 3, column 2: `o` is no number
    /// digits.csv, line 7: 12 columns, line 1 has 65; the file ends within this row
    /// ```
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::Csv;
    ///
    /// let digits = Csv::new().header(false).read::<f32>("examples/data/digits.csv")?;
    /// assert_eq!(digits.dim(), (1797, 65)); // 8 × 8 pixels and the label
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn read<T: Real>(&self, path: impl AsRef<Path>) -> Result<Array2<T>, Error> {
        self.read_table(path).map(|table| table.values)
    }

    /// Reads the numbers of a file and the names of the columns.
    ///
    /// # Errors
    ///
    /// As [`read`](Csv::read).
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::Csv;
    ///
    /// let error = Csv::new().read_table::<f32>("missing.csv").unwrap_err();
    /// assert_eq!(error.kind(), gradus::ErrorKind::Io);
    /// ```
    pub fn read_table<T: Real>(&self, path: impl AsRef<Path>) -> Result<Table<T>, Error> {
        let path = path.as_ref();
        self.table(&Source::new(&file::read(path)?, &path.display().to_string(), self.skip))
    }

    /// Reads a table from any source of bytes; `name` stands for the file in errors.
    ///
    /// # Errors
    ///
    /// As [`read`](Csv::read).
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::Csv;
    ///
    /// let error = Csv::new().parse::<f64>("a,b\n1,2\n3,o\n".as_bytes(), "letters.csv").unwrap_err();
    /// assert!(error.to_string().starts_with("letters.csv, line 3, column 2"));
    /// ```
    pub fn parse<T: Real>(&self, mut source: impl Read, name: &str) -> Result<Table<T>, Error> {
        let mut bytes = Vec::new();
        source
            .read_to_end(&mut bytes)
            .map_err(|cause| Error::new(ErrorKind::Io, format!("cannot read `{name}`: {cause}")).caused_by(cause))?;
        self.table(&Source::new(&bytes, name, self.skip))
    }

    fn table<T: Real>(&self, source: &Source<'_>) -> Result<Table<T>, Error> {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(self.delimiter)
            .from_reader(source.body());
        let mut record = ByteRecord::new();
        let mut next = |record: &mut ByteRecord| {
            let read = reader.read_byte_record(record);
            read.map_err(|cause| source.error(&cause.to_string()).caused_by(cause))
        };

        let mut names = Vec::new();
        let mut first: Option<(usize, usize)> = None;
        if self.header && next(&mut record)? {
            names = source.names(&record)?;
            first = Some((record.len(), source.line(&record)));
        }
        let mut numbers = Vec::new();
        let mut rows = 0;
        while next(&mut record)? {
            let &mut (columns, line) = first.get_or_insert_with(|| (record.len(), source.line(&record)));
            if record.len() != columns {
                return Err(source.ragged(&record, columns, line));
            }
            let may_be_header = rows == 0 && !self.header;
            for (column, field) in record.iter().enumerate() {
                let number = number(field)
                    .map_err(|why| source.no_number(&record, column, names.get(column), &why, may_be_header))?;
                numbers.push(number);
            }
            rows += 1;
        }
        if rows == 0 {
            return Err(source.error(if source.bytes.is_empty() {
                "the file is empty"
            } else {
                "there are no rows of numbers"
            }));
        }
        if let Some(expected) = self.rows.filter(|&expected| expected != rows) {
            return Err(source.error(&format!("expected {expected} rows, found {rows}")));
        }
        let shape = (rows, numbers.len() / rows);
        let values = Array2::from_shape_vec(shape, numbers).expect("each row has as many columns");
        Ok(Table { names, values })
    }
}

impl<T: Real> Table<T> {
    /// The column of this name.
    ///
    /// # Errors
    ///
    /// If there is none of this name.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::Csv;
    ///
    /// let table = Csv::new().parse::<f64>("height,weight\n1.80,79\n1.65,61\n".as_bytes(), "people.csv")?;
    /// assert_eq!(table.column("weight")?, ndarray::array![79.0, 61.0]);
    /// assert!(table.column("age").is_err());
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn column(&self, name: &str) -> Result<ArrayView1<'_, T>, Error> {
        let place = self.names.iter().position(|known| known == name).ok_or_else(|| {
            let known = self.names.join(", ");
            Error::new(ErrorKind::Name, format!("no column `{name}` here; there are {known}"))
        })?;
        Ok(self.values.column(place))
    }
}

/// The number that a field stands for, or why it is none.
fn number<T: Real>(field: &[u8]) -> Result<T, String> {
    let text = bare(str::from_utf8(field).unwrap_or_default());
    let value: T = text.parse().map_err(|_| format!("{} is no number", quoted(field)))?;
    if value.is_infinite() && text.contains(|c: char| c.is_ascii_digit()) {
        return Err(format!("`{text}` is too large for {}", T::NAME));
    }
    Ok(value)
}

/// A field without the space around it, and without quotes, which the parser leaves where space comes before them.
fn bare(field: &str) -> &str {
    let text = field.trim();
    text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).map_or(text, str::trim)
}

/// The start of a field for a message, on one line.
fn quoted(field: &[u8]) -> String {
    const LONGEST: usize = 24;
    let text = String::from_utf8_lossy(field);
    let start: String = text.trim().chars().take(LONGEST).collect();
    let rest = if text.trim().chars().nth(LONGEST).is_some() { "…" } else { "" };
    format!("`{}{rest}`", start.escape_debug())
}

/// How many lines there are, one of them after the last line end.
fn lines(text: &[u8]) -> usize {
    line_ends(text).count() + 1
}

/// Where the lines end: behind each `\n`, and each `\r` without one.
fn line_ends(text: &[u8]) -> impl Iterator<Item = usize> {
    let ends = |&at: &usize| text[at] == b'\n' || (text[at] == b'\r' && text.get(at + 1) != Some(&b'\n'));
    (0..text.len()).filter(ends).map(|at| at + 1)
}

/// The text of a table and where it comes from.
struct Source<'a> {
    bytes: &'a [u8],
    name: &'a str,
    /// Where the lines to be left out end.
    start: usize,
}

impl<'a> Source<'a> {
    fn new(bytes: &'a [u8], name: &'a str, skip: usize) -> Self {
        let start = skip.checked_sub(1).map_or(0, |last| line_ends(bytes).nth(last).unwrap_or(bytes.len()));
        Self { bytes, name, start }
    }

    fn body(&self) -> &'a [u8] {
        &self.bytes[self.start..]
    }

    /// The line that a record starts in. The parser's own count includes neither the `\n` of a `\r\n` nor the empty
    /// lines before the record, so the lines are counted here, where an error needs them.
    fn line(&self, record: &ByteRecord) -> usize {
        let read = record.position().map_or(0, csv::Position::byte);
        let read = self.start + usize::try_from(read).expect("a position within the text");
        let blank = self.bytes[read..].iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
        lines(&self.bytes[..read + blank])
    }

    fn names(&self, record: &ByteRecord) -> Result<Vec<String>, Error> {
        if record.iter().all(|field| number::<f64>(field).is_ok()) {
            return Err(self.error(&format!(
                "line {} should hold the names of the columns and holds numbers\n  help: without names, call `.header(false)`",
                self.line(record)
            )));
        }
        Ok(record.iter().map(|field| bare(&String::from_utf8_lossy(field)).to_owned()).collect())
    }

    fn ragged(&self, record: &ByteRecord, columns: usize, first: usize) -> Error {
        let (line, found) = (self.line(record), record.len());
        let noun = if found == 1 { "column" } else { "columns" };
        let is_last = lines(self.bytes) == line;
        let why = if record.iter().any(|field| field.contains(&b'\n')) {
            "; is a quote left open?"
        } else if is_last && found < columns {
            "; the file ends within this row"
        } else {
            ""
        };
        let message = format!("{}, line {line}: {found} {noun}, line {first} has {columns}{why}", self.name);
        Error::new(ErrorKind::Format, message)
    }

    fn no_number(
        &self,
        record: &ByteRecord,
        column: usize,
        column_name: Option<&String>,
        why: &str,
        may_be_header: bool,
    ) -> Error {
        let named = column_name.map_or_else(String::new, |name| format!(" ({name})"));
        let has_number = record.iter().any(|field| number::<f64>(field).is_ok());
        let help = if may_be_header && !has_number {
            "\n  help: if this line holds the names of the columns, call `.header(true)`"
        } else {
            ""
        };
        let (line, column) = (self.line(record), column + 1);
        let message = format!("{}, line {line}, column {column}{named}: {why}{help}", self.name);
        Error::new(ErrorKind::Format, message)
    }

    fn error(&self, what: &str) -> Error {
        Error::new(ErrorKind::Format, format!("{}: {what}", self.name))
    }
}
