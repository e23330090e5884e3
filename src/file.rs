//! Whole files: read or written completely, or not at all.

use std::path::Path;

use crate::error::{Error, ErrorKind};

/// All bytes of a file.
#[cfg(any(feature = "csv", feature = "safetensors"))]
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|source| failed("read", path, source))
}

/// Writes a file so that under its name there is the old content or the new, never a part of it.
///
/// The bytes go to a new file in the same directory, which then takes the name; what was there is replaced.
#[cfg(any(feature = "csv", feature = "safetensors", feature = "plot"))]
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let fail = |source| failed("write", path, source);
    let temporary = beside(path).map_err(fail)?;
    let written = create(&temporary, bytes).and_then(|()| std::fs::rename(&temporary, path));
    written.map_err(|source| {
        // The first error is the one to report; where even the file is missing, there is nothing to remove.
        let _ = std::fs::remove_file(&temporary);
        fail(source)
    })
}

#[cfg(any(feature = "csv", feature = "safetensors", feature = "plot"))]
fn create(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    // Otherwise a power failure after the rename can leave an empty file under the final name.
    file.sync_all()
}

/// A name in the same directory that nobody else uses: renaming works within one file system only.
#[cfg(any(feature = "csv", feature = "safetensors", feature = "plot"))]
fn beside(path: &Path) -> std::io::Result<std::path::PathBuf> {
    use std::sync::atomic::{AtomicU64, Ordering};
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let Some(name) = path.file_name() else {
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, "this is no file name"));
    };
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}-{}.part", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
    Ok(path.with_file_name(hidden))
}

fn failed(what: &str, path: &Path, source: std::io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("cannot {what} `{}`: {source}", path.display())).caused_by(source)
}
