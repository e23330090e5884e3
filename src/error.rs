//! What can go wrong with things that come from outside: files, tables, user-given text.

use std::error::Error as StdError;
use std::fmt;

/// An error of something that came from outside the program: a file, a table, a name, a saved state.
///
/// Mistakes in the program itself, such as shapes that do not fit, panic at the line that made them instead.
/// The text names the thing, what was expected and what was found; [`kind`](Error::kind) is for code that decides.
///
/// # Examples
///
/// ```
/// use gradus::ErrorKind;
/// use gradus::prelude::*;
///
/// let mut params = Params::<f64>::new();
/// params.add("w", [2], || 0.0);
/// let error = params.assign("w", &array![1.0, 2.0, 3.0]).unwrap_err();
/// assert_eq!((error.kind(), error.to_string()), (ErrorKind::Shape, "`w` has shape [2], found [3]".into()));
/// ```
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The kind of an [`Error`].
///
/// # Examples
///
/// ```
/// use gradus::{ErrorKind, prelude::*};
///
/// let mut params = Params::<f64>::new();
/// params.add("w", [2], || 0.0);
/// assert_eq!(params.assign("v", &array![1.0, 2.0]).unwrap_err().kind(), ErrorKind::Name);
/// assert_eq!(params.assign("w", &array![1.0]).unwrap_err().kind(), ErrorKind::Shape);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A file could not be opened, read or written.
    Io,
    /// The content of a file is broken: truncated, of another format, or not a number.
    Format,
    /// A name is missing, unknown or stands there twice.
    Name,
    /// An array has another shape than the thing it is meant for.
    Shape,
    /// A value lies outside its allowed range.
    Value,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    pub(crate) fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What kind of error this is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|e| e as &(dyn StdError + 'static))
    }
}
