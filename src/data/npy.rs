//! Arrays of `NumPy`: `.npy` files, and `.npz` archives of several.
//!
//! What is read may have any type of numbers that is asked for; integers, booleans and numbers of the other precision are
//! converted. So a file that holds `float64` or `uint8` can be read as `f32`. Complex numbers, strings and objects cannot be
//! read.
//!
//! ```
//! use gradus::data::npy;
//! use ndarray::{Array2, array};
//!
//! let bytes = npy::to_bytes(&array![[1.0_f64, 2.0]])?;
//! let x: Array2<f32> = npy::parse(&bytes, "x.npy")?;
//! assert_eq!(x, array![[1.0, 2.0]]);
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! It needs the feature `npy`, which is off by default.

use std::error::Error as StdError;
use std::fmt;
use std::io::Cursor;
use std::path::Path;

use ndarray::{Array, Array1, ArrayD, ArrayRef, Dimension, OwnedRepr};
use ndarray_npy::{
    NpzReader, NpzWriter, ReadNpyError, ReadNpyExt, ReadNpzError, ReadableElement, WritableElement, WriteNpyExt,
};

use crate::error::{Error, ErrorKind};
use crate::file;
use crate::real::Real;

/// Reads the array of a `.npy` file.
///
/// # Errors
///
/// If the file cannot be read, is broken, holds no numbers, or an array of another number of dimensions than asked for
/// (`IxDyn` takes any). The text names the file.
///
/// # Examples
///
/// ```
/// use gradus::data::npy;
/// use ndarray::{Array2, array};
///
/// let path = std::env::temp_dir().join(format!("gradus-{}-read.npy", std::process::id()));
/// npy::save(&path, &array![[1.0_f32, 2.0]])?;
/// let x: Array2<f32> = npy::read(&path)?;
/// assert_eq!(x, array![[1.0, 2.0]]);
/// # std::fs::remove_file(path).unwrap();
/// # Ok::<(), gradus::Error>(())
/// ```
pub fn read<T: Real, D: Dimension>(path: impl AsRef<Path>) -> Result<Array<T, D>, Error> {
    let path = path.as_ref();
    parse(&file::read(path)?, &path.display().to_string())
}

/// Reads the labels of a `.npy` file: an array of one dimension.
///
/// # Errors
///
/// As [`read`] and [`labels`](super::labels).
///
/// # Examples
///
/// ```
/// use gradus::data::npy;
/// use ndarray::array;
///
/// let path = std::env::temp_dir().join(format!("gradus-{}-labels.npy", std::process::id()));
/// npy::save(&path, &array![2_i64, 0, 1])?; // as `numpy.save` writes integers
/// assert_eq!(npy::read_labels(&path)?, [2, 0, 1]);
/// # std::fs::remove_file(path).unwrap();
/// # Ok::<(), gradus::Error>(())
/// ```
pub fn read_labels(path: impl AsRef<Path>) -> Result<Vec<usize>, Error> {
    let path = path.as_ref();
    labels(&read(path)?, &path.display().to_string())
}

/// Reads the content of a `.npy` file; errors call it `name`.
///
/// # Errors
///
/// As [`read`].
///
/// # Examples
///
/// ```
/// use gradus::data::npy;
/// use ndarray::Array1;
///
/// let error = npy::parse::<f64, ndarray::Ix1>(b"no array", "x.npy").unwrap_err();
/// assert!(error.to_string().starts_with("x.npy: "));
/// ```
pub fn parse<T: Real, D: Dimension>(bytes: &[u8], name: &str) -> Result<Array<T, D>, Error> {
    dimensions(numbers(&mut Bytes(bytes), name)?, name)
}

/// Writes an array to a `.npy` file, which is complete or not there.
///
/// Elements may be `f32`, `f64`, `bool` or integers of a fixed size; `usize` is none of them.
///
/// # Errors
///
/// If the file cannot be written.
///
/// # Examples
///
/// ```
/// use gradus::data::npy;
/// use ndarray::array;
///
/// let path = std::env::temp_dir().join(format!("gradus-{}-save.npy", std::process::id()));
/// npy::save(&path, &array![1.0, 2.0])?;
/// assert!(std::fs::read(&path).unwrap().starts_with(b"\x93NUMPY"));
/// # std::fs::remove_file(path).unwrap();
/// # Ok::<(), gradus::Error>(())
/// ```
pub fn save<A: WritableElement, D: Dimension>(path: impl AsRef<Path>, array: &ArrayRef<A, D>) -> Result<(), Error> {
    file::write(path.as_ref(), &to_bytes(array)?)
}

/// The content of a `.npy` file.
///
/// # Errors
///
/// If the format has no room for the shape.
///
/// # Examples
///
/// ```
/// use gradus::data::npy;
/// use ndarray::array;
///
/// assert!(npy::to_bytes(&array![1_u8])?.ends_with(&[1]));
/// # Ok::<(), gradus::Error>(())
/// ```
pub fn to_bytes<A: WritableElement, D: Dimension>(array: &ArrayRef<A, D>) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    array.view().write_npy(&mut bytes).map_err(|e| cannot_write("npy", e))?;
    Ok(bytes)
}

/// The arrays of a `.npz` archive, by name.
///
/// # Examples
///
/// ```
/// use gradus::data::npy::{NpzBuilder, Npz};
/// use ndarray::{Array2, array};
///
/// let bytes = NpzBuilder::new().array("x", &array![[1.0], [2.0]])?.array("y", &array![0_u8, 1])?.to_bytes()?;
/// let mut archive = Npz::parse(bytes, "train.npz")?;
/// assert_eq!(archive.names()?, ["x", "y"]);
/// let x: Array2<f32> = archive.array("x")?;
/// assert_eq!((x, archive.labels("y")?), (array![[1.0], [2.0]], vec![0, 1]));
/// # Ok::<(), gradus::Error>(())
/// ```
pub struct Npz {
    name: String,
    reader: NpzReader<Cursor<Vec<u8>>>,
}

impl Npz {
    /// Opens a file, which is read whole; its arrays are unpacked when they are asked for.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or is no archive.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::npy::{Npz, NpzBuilder};
    /// use ndarray::array;
    ///
    /// let path = std::env::temp_dir().join(format!("gradus-{}-read.npz", std::process::id()));
    /// NpzBuilder::new().array("labels", &array![3_i64, 4])?.save(&path)?;
    /// assert_eq!(Npz::read(&path)?.labels("labels")?, [3, 4]);
    /// # std::fs::remove_file(path).unwrap();
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        Self::parse(file::read(path)?, &path.display().to_string())
    }

    /// Opens the content of a file; errors call it `name`.
    ///
    /// # Errors
    ///
    /// If it is no archive.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::npy::Npz;
    ///
    /// assert!(Npz::parse(b"no archive".to_vec(), "x.npz").is_err());
    /// ```
    pub fn parse(bytes: Vec<u8>, name: &str) -> Result<Self, Error> {
        let reader = NpzReader::new(Cursor::new(bytes)).map_err(|e| broken(name, e))?;
        Ok(Self { name: name.to_owned(), reader })
    }

    /// The names of all arrays, in order of the alphabet.
    ///
    /// # Errors
    ///
    /// If the archive is broken.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::npy::{Npz, NpzBuilder};
    ///
    /// let mut empty = Npz::parse(NpzBuilder::new().to_bytes()?, "x.npz")?;
    /// assert!(empty.names()?.is_empty());
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn names(&mut self) -> Result<Vec<String>, Error> {
        let mut names = self.reader.names().map_err(|e| broken(&self.name, e))?;
        names.sort();
        Ok(names)
    }

    /// The array of this name.
    ///
    /// # Errors
    ///
    /// If there is none, or as [`read`](fn@read).
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::npy::{Npz, NpzBuilder};
    /// use ndarray::{Array1, array};
    ///
    /// let mut archive = Npz::parse(NpzBuilder::new().array("x", &array![1.0, 2.0])?.to_bytes()?, "x.npz")?;
    /// let x: Array1<f64> = archive.array("x")?;
    /// assert_eq!(x, array![1.0, 2.0]);
    /// assert!(archive.array::<f64, ndarray::Ix1>("y").is_err());
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn array<T: Real, D: Dimension>(&mut self, name: &str) -> Result<Array<T, D>, Error> {
        let names = self.names()?;
        if !names.iter().any(|known| known == name) {
            let message = format!("{}: no array `{name}` here; there are {}", self.name, names.join(", "));
            return Err(Error::new(ErrorKind::Name, message));
        }
        let place = self.place(name);
        dimensions(numbers(&mut Member(&mut self.reader, name), &place)?, &place)
    }

    /// The labels of this name.
    ///
    /// # Errors
    ///
    /// As [`array`](Npz::array) and [`labels`](super::labels).
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::npy::{Npz, NpzBuilder};
    /// use ndarray::array;
    ///
    /// let bytes = NpzBuilder::new().array("y", &array![1_u8, 0])?.to_bytes()?;
    /// assert_eq!(Npz::parse(bytes, "x.npz")?.labels("y")?, [1, 0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn labels(&mut self, name: &str) -> Result<Vec<usize>, Error> {
        labels(&self.array(name)?, &self.place(name))
    }

    fn place(&self, name: &str) -> String {
        format!("{}: array `{name}`", self.name)
    }
}

impl fmt::Debug for Npz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Npz").field("name", &self.name).field("arrays", &self.reader.len()).finish()
    }
}

/// Writes a `.npz` archive, array after array, each packed as `numpy.savez_compressed` does.
///
/// # Examples
///
/// ```
/// use gradus::data::npy::NpzBuilder;
/// use ndarray::array;
///
/// let bytes = NpzBuilder::new().array("x", &array![1.0])?.to_bytes()?;
/// assert!(bytes.starts_with(b"PK"));
/// # Ok::<(), gradus::Error>(())
/// ```
#[must_use = "an archive is written by `save` or `to_bytes`"]
pub struct NpzBuilder {
    writer: NpzWriter<Cursor<Vec<u8>>>,
}

impl Default for NpzBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl NpzBuilder {
    /// An archive without arrays.
    pub fn new() -> Self {
        Self { writer: NpzWriter::new_compressed(Cursor::new(Vec::new())) }
    }

    /// Adds an array, with elements as for [`save`](fn@save).
    ///
    /// # Errors
    ///
    /// If there is one of this name.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::npy::NpzBuilder;
    /// use ndarray::array;
    ///
    /// let twice = NpzBuilder::new().array("x", &array![1.0])?.array("x", &array![1.0]);
    /// assert!(twice.is_err());
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn array<A: WritableElement, D: Dimension>(
        mut self,
        name: &str,
        array: &ArrayRef<A, D>,
    ) -> Result<Self, Error> {
        self.writer.add_array(name, &array.view()).map_err(|e| cannot_write(&format!("array `{name}`"), e))?;
        Ok(self)
    }

    /// Writes the file, which is complete or not there.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::npy::NpzBuilder;
    /// use ndarray::array;
    ///
    /// let path = std::env::temp_dir().join(format!("gradus-{}-save.npz", std::process::id()));
    /// NpzBuilder::new().array("x", &array![1.0])?.save(&path)?;
    /// # std::fs::remove_file(path).unwrap();
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn save(self, path: impl AsRef<Path>) -> Result<(), Error> {
        file::write(path.as_ref(), &self.to_bytes()?)
    }

    /// The content of the file.
    ///
    /// # Errors
    ///
    /// If the format has no room for an array.
    pub fn to_bytes(self) -> Result<Vec<u8>, Error> {
        Ok(self.writer.finish().map_err(|e| cannot_write("npz", e))?.into_inner())
    }
}

impl fmt::Debug for NpzBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NpzBuilder").finish_non_exhaustive()
    }
}

/// Where an array can be read from, as often as there are types to try.
trait Stored {
    fn read<A: ReadableElement>(&mut self) -> Result<ArrayD<A>, ReadNpyError>;
}

struct Bytes<'a>(&'a [u8]);

impl Stored for Bytes<'_> {
    fn read<A: ReadableElement>(&mut self) -> Result<ArrayD<A>, ReadNpyError> {
        ArrayD::read_npy(self.0)
    }
}

struct Member<'a>(&'a mut NpzReader<Cursor<Vec<u8>>>, &'a str);

impl Stored for Member<'_> {
    fn read<A: ReadableElement>(&mut self) -> Result<ArrayD<A>, ReadNpyError> {
        self.0.by_name::<OwnedRepr<A>, _>(self.1).map_err(|e| match e {
            ReadNpzError::Npy(e) => e,
            ReadNpzError::Zip(e) => ReadNpyError::Io(std::io::Error::other(e)),
        })
    }
}

/// The numbers of an array of whatever type.
fn numbers<T: Real>(source: &mut impl Stored, name: &str) -> Result<ArrayD<T>, Error> {
    /// The first type that the file has; its header is read before anything else.
    macro_rules! first_of {
        ($($type:ty: $convert:expr),*) => {$(
            match source.read::<$type>() {
                Ok(array) => return Ok(array.mapv(|x| T::of($convert(x)))),
                Err(ReadNpyError::WrongDescriptor(_)) => {}
                Err(e) => return Err(broken(name, e)),
            }
        )*};
    }
    first_of! {
        f64: f64::from, f32: f64::from,
        u8: f64::from, i8: f64::from, u16: f64::from, i16: f64::from, u32: f64::from, i32: f64::from,
        i64: |x| x as f64, u64: |x| x as f64,
        bool: |x| f64::from(u8::from(x))
    }
    let found = match source.read::<f64>() {
        Err(ReadNpyError::WrongDescriptor(found)) => found.to_string(),
        _ => "another".to_owned(),
    };
    let message = format!("{name}: elements of type {found}; floats, integers and booleans can be read");
    Err(Error::new(ErrorKind::Format, message))
}

fn dimensions<T, D: Dimension>(array: ArrayD<T>, name: &str) -> Result<Array<T, D>, Error> {
    let shape = array.shape().to_vec();
    array.into_dimensionality().map_err(|_| {
        let asked = D::NDIM.expect("an array of any dimension takes any shape");
        Error::new(ErrorKind::Shape, format!("{name}: shape {shape:?}, asked for {asked} dimensions"))
    })
}

fn labels(values: &Array1<f64>, name: &str) -> Result<Vec<usize>, Error> {
    super::labels(values).map_err(|e| Error::new(e.kind(), format!("{name}: {e}")))
}

fn broken(name: &str, e: impl StdError + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Format, format!("{name}: {e}")).caused_by(e)
}

fn cannot_write(what: &str, e: impl StdError + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Format, format!("cannot write {what}: {e}")).caused_by(e)
}
