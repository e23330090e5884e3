//! The state of an optimiser as a safetensors file.
//!
//! Beside the numbers of the optimiser (`iteration`, `learning_rate`, `pending`, `skipped`) there is for each tensor of the
//! store, the `i`th, `tensor.i.PATH`: the updates that it has had and the lengths of its axes; and for each vector that the
//! rule keeps, the `k`th, `vector.k.NAME`: the values of one tensor after the other. The file's metadata has the rule, and
//! `type`, without elements, tells `f32` from `f64` where there are no vectors.

use std::borrow::Cow;
use std::path::Path;

use safetensors::{Dtype, SafeTensors, View};

use super::{dtype, numbers, to_le_bytes};
use crate::error::{Error, ErrorKind};
use crate::file;
use crate::optim::{Progress, State};
use crate::real::Real;
use crate::shape::Shape;

/// The entry of the metadata with the name of the rule.
pub(super) const RULE: &str = "optimizer";

/// Writes how far an optimiser has come to a file, which is complete or not there, as [`save`](super::save) does for
/// parameters: with both files a run goes on with the same bits.
///
/// # Errors
///
/// If the file cannot be written; a file of that name keeps its content then.
///
/// # Examples
///
/// ```
/// use gradus::{io::safetensors, prelude::*};
///
/// let mut params = Params::<f32>::new();
/// params.add("w", [2], || 0.5);
/// let (mut gradient, mut optimizer) = (params.gradient(), Adam::new(0.01));
/// gradient.flat_mut().fill(1.0);
/// optimizer.step(&mut params, &gradient);
/// let path = std::env::temp_dir().join(format!("gradus-{}-save-state.safetensors", std::process::id()));
/// safetensors::save_state(&optimizer.state(), &path)?;
///
/// let mut resumed = Adam::new(0.01);
/// resumed.restore(&safetensors::load_state(&path)?, &params)?;
/// assert_eq!(resumed.state(), optimizer.state());
/// # std::fs::remove_file(path).expect("it was written");
/// # Ok::<(), Error>(())
/// ```
pub fn save_state<T: Real>(state: &State<T>, path: impl AsRef<Path>) -> Result<(), Error> {
    file::write(path.as_ref(), &state_to_bytes(state)?)
}

/// Reads the state of an optimiser from a file, for [`Optimizer::restore`](crate::optim::Optimizer::restore), which sees
/// whether it fits.
///
/// # Errors
///
/// If the file cannot be read, is broken or truncated, holds something else (parameters, say), or numbers of the other
/// type.
///
/// # Examples
///
/// ```
/// use gradus::{io::safetensors, prelude::*};
///
/// let path = std::env::temp_dir().join(format!("gradus-{}-load-state.safetensors", std::process::id()));
/// safetensors::save_state(&Sgd::<f64>::new(0.1).momentum(0.9).state(), &path)?;
/// let state = safetensors::load_state::<f64>(&path)?;
/// assert_eq!((state.rule(), state.learning_rate()), ("Sgd", 0.1));
/// assert!(safetensors::load_state::<f32>(&path).is_err());
/// # std::fs::remove_file(path).expect("it was written");
/// # Ok::<(), Error>(())
/// ```
pub fn load_state<T: Real>(path: impl AsRef<Path>) -> Result<State<T>, Error> {
    let path = path.as_ref();
    read(&file::read(path)?, &path.display().to_string())
}

/// The content of the file that [`save_state`] writes: the same bytes for the same state.
///
/// # Errors
///
/// If the names do not fit the header of the format, which holds 100 MB.
///
/// # Examples
///
/// ```
/// use gradus::{io::safetensors, prelude::*};
///
/// let state = RmsProp::<f32>::new(0.01).state();
/// let bytes = safetensors::state_to_bytes(&state)?;
/// assert_eq!(safetensors::state_from_bytes::<f32>(&bytes)?, state);
/// # Ok::<(), Error>(())
/// ```
pub fn state_to_bytes<T: Real>(state: &State<T>) -> Result<Vec<u8>, Error> {
    let (tensors, vectors) = (state.tensors().iter().enumerate(), state.iter().enumerate());
    let mut stored = vec![
        ("iteration".to_owned(), Stored::count(state.iteration())),
        ("learning_rate".to_owned(), Stored::numbers(&[], &[state.learning_rate()])),
        ("pending".to_owned(), Stored::count(state.pending())),
        ("skipped".to_owned(), Stored::count(state.skipped())),
        ("type".to_owned(), Stored::numbers::<T>(&[0], &[])),
    ];
    stored.extend(tensors.map(|(i, tensor)| {
        let lengths = tensor.shape.iter().map(|&length| length as u64);
        let words: Vec<_> = [tensor.iterations].into_iter().chain(lengths).collect();
        (format!("tensor.{i}.{}", tensor.name), Stored::words(vec![words.len()], &words))
    }));
    stored.extend(
        vectors.map(|(k, (name, values))| (format!("vector.{k}.{name}"), Stored::numbers(&[values.len()], values))),
    );
    // Whichever map the format's crate takes: it depends on its features.
    let rule = [(RULE.to_owned(), state.rule().to_owned())].into_iter().collect();
    safetensors::serialize(stored, Some(rule))
        .map_err(|e| Error::new(ErrorKind::Format, format!("cannot write safetensors: {e}")).caused_by(e))
}

/// The state in the content of a file, as [`load_state`] reads it.
///
/// # Errors
///
/// As [`load_state`].
///
/// # Examples
///
/// ```
/// use gradus::{io::safetensors, prelude::*};
///
/// let params = safetensors::to_bytes(&Params::<f32>::new())?;
/// let error = safetensors::state_from_bytes::<f32>(&params).unwrap_err();
/// assert!(error.to_string().contains("no state of an optimiser"));
/// # Ok::<(), Error>(())
/// ```
pub fn state_from_bytes<T: Real>(bytes: &[u8]) -> Result<State<T>, Error> {
    read(bytes, "safetensors")
}

fn read<T: Real>(bytes: &[u8], name: &str) -> Result<State<T>, Error> {
    let wrong = |what: &str| Error::new(ErrorKind::Format, format!("{name}: {what}"));
    let broken = |e| wrong(&format!("no safetensors file, or a truncated one: {e}")).caused_by(e);
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(broken)?;
    let Some(rule) = metadata.metadata().as_ref().and_then(|entries| entries.get(RULE)) else {
        return Err(wrong("no state of an optimiser\n  help: parameters are read by `load`"));
    };
    let file = SafeTensors::deserialize(bytes).map_err(broken)?;
    let found = |name: &str, expected: Dtype| {
        let stored = file.tensor(name).map_err(|_| wrong(&format!("`{name}` is missing")))?;
        if stored.dtype() != expected {
            return Err(wrong(&format!("`{name}` holds {}, expected {expected}", stored.dtype())));
        }
        Ok(stored.data())
    };
    let one = |name: &str, expected| {
        let data = found(name, expected)?;
        <[u8; 8]>::try_from(data)
            .map_err(|_| wrong(&format!("`{name}` holds {} bytes, expected one number", data.len())))
    };
    let count = |name: &str| one(name, Dtype::U64).map(u64::from_le_bytes);
    found("type", dtype::<T>()).map_err(|e| {
        let other = if size_of::<T>() == 4 { "f64" } else { "f32" };
        Error::new(e.kind(), format!("{e}\n  help: read it as `load_state::<{other}>`"))
    })?;

    let mut tensors = Vec::new();
    for (key, path) in numbered(&file, "tensor.").map_err(|what| wrong(&what))? {
        let words: Vec<_> =
            found(key, Dtype::U64)?.as_chunks().0.iter().map(|&word| u64::from_le_bytes(word)).collect();
        let lengths = words.iter().skip(1).map(|&length| usize::try_from(length)).collect::<Result<Vec<_>, _>>();
        let (Some(&iterations), Ok(lengths)) = (words.first(), lengths) else {
            return Err(wrong(&format!("`{key}` holds no shape")));
        };
        let shape = Shape::try_new(&lengths).map_err(|what| wrong(&format!("`{key}`: {what}")))?;
        tensors.push(Progress { name: path.to_owned(), shape, iterations });
    }
    let mut vectors = Vec::new();
    for (key, name) in numbered(&file, "vector.").map_err(|what| wrong(&what))? {
        vectors.push((name.to_owned(), numbers(found(key, dtype::<T>())?)));
    }
    let rate = f64::from_le_bytes(one("learning_rate", Dtype::F64)?);
    let state = State::from_parts(rule, count("iteration")?, rate, tensors, vectors)
        .map_err(|e| Error::new(e.kind(), format!("{name}: {e}")))?;
    Ok(state.with_pending(count("pending")?).with_skipped(count("skipped")?))
}

/// The tensors whose names are this beginning, a number and something after a point, in the order of the numbers; and
/// what comes after.
fn numbered<'a>(file: &'a SafeTensors<'_>, beginning: &str) -> Result<Vec<(&'a str, &'a str)>, String> {
    let parts = file.names().into_iter().filter_map(|key| {
        let (number, name) = key.strip_prefix(beginning)?.split_once('.')?;
        Some((number.parse::<usize>().ok()?, key, name))
    });
    let mut parts: Vec<_> = parts.collect();
    parts.sort_unstable();
    match parts.iter().enumerate().find(|(i, part)| *i != part.0) {
        Some((i, _)) => Err(format!("`{beginning}{i}.…` is missing, or there twice")),
        None => Ok(parts.into_iter().map(|(_, key, name)| (key, name)).collect()),
    }
}

/// A tensor as the format sees it.
struct Stored {
    dtype: Dtype,
    shape: Vec<usize>,
    data: Vec<u8>,
}

impl Stored {
    fn words(shape: Vec<usize>, words: &[u64]) -> Self {
        Self { dtype: Dtype::U64, shape, data: words.iter().flat_map(|word| word.to_le_bytes()).collect() }
    }

    fn count(count: u64) -> Self {
        Self::words(vec![], &[count])
    }

    fn numbers<T: Real>(shape: &[usize], values: &[T]) -> Self {
        Self { dtype: dtype::<T>(), shape: shape.to_vec(), data: to_le_bytes(values) }
    }
}

impl View for Stored {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        self.data.as_slice().into()
    }

    fn data_len(&self) -> usize {
        self.data.len()
    }
}
