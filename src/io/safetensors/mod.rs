//! Parameters, and how far an optimiser has come, as safetensors files.
//!
//! A [safetensors] file holds named arrays and nothing that runs; many other programs read and write it. All tensors of
//! a store are in it under their paths, parameters and buffers alike, as `F32` or `F64`. A run that is to go on later
//! also saves its optimiser: [`save_state`].
//!
//! ```
//! use gradus::io::safetensors;
//! use gradus::prelude::*;
//!
//! let mut params = Params::<f32>::new();
//! let w = params.add("line.weight", [2], || 0.5);
//! let bytes = safetensors::to_bytes(&params)?;
//! params.value_mut(w).fill(0.0);
//! safetensors::from_bytes(&mut params, &bytes)?;
//! assert_eq!(params.flat(), [0.5, 0.5]);
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! [safetensors]: https://huggingface.co/docs/safetensors

use std::borrow::Cow;
use std::path::Path;

use ndarray::ArrayD;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors, View};

use crate::error::{Error, ErrorKind};
use crate::file;
use crate::params::{Entry, Params};
use crate::real::Real;

mod state;

use state::RULE;
pub use state::{load_state, save_state, state_from_bytes, state_to_bytes};

/// Writes all parameters and buffers to a file, which is complete or not there: a file of that name keeps its content
/// until the new one is written.
///
/// # Errors
///
/// If the file cannot be written, or a tensor is named `__metadata__`; nothing is written then.
///
/// # Examples
///
/// ```
/// use gradus::{io::safetensors, prelude::*};
///
/// let mut params = Params::<f32>::new();
/// params.add("w", [2], || 0.5);
/// let path = std::env::temp_dir().join(format!("gradus-{}-save.safetensors", std::process::id()));
/// safetensors::save(&params, &path)?;
/// params.flat_mut().fill(0.0);
/// safetensors::load(&mut params, &path)?;
/// assert_eq!(params.flat(), [0.5, 0.5]);
/// # std::fs::remove_file(path).expect("it was written");
/// # Ok::<(), Error>(())
/// ```
pub fn save<T: Real>(params: &Params<T>, path: impl AsRef<Path>) -> Result<(), Error> {
    file::write(path.as_ref(), &to_bytes(params)?)
}

/// Reads all parameters and buffers from a file.
///
/// Names, shapes and the element type must be those of the store: the file neither lacks a tensor nor has one more.
///
/// # Errors
///
/// If the file cannot be read, is broken or truncated, or does not fit. The text names the file and the tensor;
/// `params` are left as they were.
///
/// # Examples
///
/// ```
/// use gradus::{io::safetensors, prelude::*};
///
/// let mut params = Params::<f32>::new();
/// params.add("w", [2], || 0.5);
/// let path = std::env::temp_dir().join(format!("gradus-{}-load.safetensors", std::process::id()));
/// safetensors::save(&params, &path)?;
/// params.flat_mut().fill(0.0);
/// safetensors::load(&mut params, &path)?;
/// assert_eq!(params.flat(), [0.5, 0.5]);
/// # std::fs::remove_file(path).expect("it was written");
/// # Ok::<(), Error>(())
/// ```
pub fn load<T: Real>(params: &mut Params<T>, path: impl AsRef<Path>) -> Result<(), Error> {
    let path = path.as_ref();
    read(params, &file::read(path)?, &path.display().to_string())
}

/// The content of the file that [`save`] writes.
///
/// # Errors
///
/// If the names do not fit the header of the format, which holds 100 MB, or one is `__metadata__`, which the format keeps
/// for itself.
///
/// # Examples
///
/// ```
/// use gradus::{io::safetensors, prelude::*};
///
/// let mut params = Params::<f32>::new();
/// params.add("w", [2], || 0.5);
/// let bytes = safetensors::to_bytes(&params)?;
/// params.flat_mut().fill(0.0);
/// safetensors::from_bytes(&mut params, &bytes)?;
/// assert_eq!(params.flat(), [0.5, 0.5]);
/// # Ok::<(), Error>(())
/// ```
pub fn to_bytes<T: Real>(params: &Params<T>) -> Result<Vec<u8>, Error> {
    /// A tensor of this name would be written and could not be read.
    const RESERVED: &str = "__metadata__";
    let tensors = params.iter().chain(params.buffers());
    if params.iter().chain(params.buffers()).any(|entry| entry.name == RESERVED) {
        let message = format!("safetensors: the format keeps the name `{RESERVED}` for itself, no tensor can have it");
        return Err(Error::new(ErrorKind::Name, message));
    }
    safetensors::serialize(tensors.map(|entry| (entry.name, Stored(entry))), None)
        .map_err(|e| Error::new(ErrorKind::Format, format!("cannot write safetensors: {e}")).caused_by(e))
}

/// Reads all parameters and buffers from the content of a file, as [`load`] does.
///
/// # Errors
///
/// As [`load`]; `params` are left as they were.
///
/// # Examples
///
/// ```
/// use gradus::{io::safetensors, prelude::*};
///
/// let mut params = Params::<f32>::new();
/// params.add("w", [2], || 0.5);
/// let bytes = safetensors::to_bytes(&params)?;
/// params.flat_mut().fill(0.0);
/// safetensors::from_bytes(&mut params, &bytes)?;
/// assert_eq!(params.flat(), [0.5, 0.5]);
/// # Ok::<(), Error>(())
/// ```
pub fn from_bytes<T: Real>(params: &mut Params<T>, bytes: &[u8]) -> Result<(), Error> {
    read(params, bytes, "safetensors")
}

fn read<T: Real>(params: &mut Params<T>, bytes: &[u8], name: &str) -> Result<(), Error> {
    let wrong = |kind, what: &str| Error::new(kind, format!("{name}: {what}"));
    let file = SafeTensors::deserialize(bytes).map_err(|e| {
        let message = format!("no safetensors file, or a truncated one: {e}");
        wrong(ErrorKind::Format, &message).caused_by(e)
    })?;
    if let Some(extra) = file.names().into_iter().filter(|n| params.array(n).is_err()).min() {
        let is_state = SafeTensors::read_metadata(bytes)
            .is_ok_and(|(_, metadata)| metadata.metadata().as_ref().is_some_and(|entries| entries.contains_key(RULE)));
        let help = "\n  help: it holds the state of an optimiser, which `load_state` reads";
        let help = if is_state { help } else { "" };
        return Err(wrong(ErrorKind::Name, &format!("tensor `{extra}` is unknown to the model{help}")));
    }
    let mut tensors = Vec::with_capacity(file.len());
    for entry in params.iter().chain(params.buffers()) {
        let stored = file
            .tensor(entry.name)
            .map_err(|_| wrong(ErrorKind::Name, &format!("tensor `{}` of the model is missing", entry.name)))?;
        let array = array(&entry, &stored).map_err(|(kind, what)| wrong(kind, &what))?;
        tensors.push((entry.name, array));
    }
    params.assign_all(tensors.iter().map(|(name, array)| (*name, &**array)))
}

/// The values of a stored tensor, where it fits.
fn array<T: Real>(entry: &Entry<'_, T>, stored: &TensorView<'_>) -> Result<ArrayD<T>, (ErrorKind, String)> {
    let (name, expected, found) = (entry.name, dtype::<T>(), stored.dtype());
    if found != expected {
        let help = match found {
            Dtype::F32 | Dtype::F64 => {
                let other = if found == Dtype::F32 { "f32" } else { "f64" };
                format!("\n  help: load into `params.cast::<{other}>()` and cast back with `.cast::<{}>()`", T::NAME)
            }
            _ => String::new(),
        };
        let what = format!("tensor `{name}` holds {found}, the model is in {expected}{help}");
        return Err((ErrorKind::Format, what));
    }
    if entry.shape != *stored.shape() {
        let found = stored.shape();
        let what = format!("tensor `{name}` has shape {found:?}, in the model {}", entry.shape);
        return Err((ErrorKind::Shape, what));
    }
    let values = numbers(stored.data());
    Ok(ArrayD::from_shape_vec(&entry.shape[..], values).expect("as many values as its shape says"))
}

/// Numbers from their bytes, the lowest first.
fn numbers<T: Real>(bytes: &[u8]) -> Vec<T> {
    let word = |bytes: &[u8]| bytes.iter().rev().fold(0, |bits, &byte| (bits << 8) | u64::from(byte));
    bytes.chunks_exact(size_of::<T>()).map(|bytes| T::from_bits(word(bytes))).collect()
}

/// The bytes of numbers, the lowest first.
fn to_le_bytes<T: Real>(values: &[T]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(size_of_val(values));
    for x in values {
        bytes.extend_from_slice(&x.bits().to_le_bytes()[..size_of::<T>()]);
    }
    bytes
}

fn dtype<T: Real>() -> Dtype {
    if size_of::<T>() == 4 { Dtype::F32 } else { Dtype::F64 }
}

/// A tensor of a store as the format sees it.
struct Stored<'a, T>(Entry<'a, T>);

impl<T: Real> View for Stored<'_, T> {
    fn dtype(&self) -> Dtype {
        dtype::<T>()
    }

    fn shape(&self) -> &[usize] {
        &self.0.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        to_le_bytes(self.0.values).into()
    }

    fn data_len(&self) -> usize {
        size_of_val(self.0.values)
    }
}
