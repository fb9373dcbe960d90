//! Memory maps of files: one of the few places with unsafe code.
//!
//! A map is sound as long as nobody truncates the file under it; that cannot be excluded, so maps are used only for
//! files too large to read into a buffer, for git packs (which git never changes in place), and never for what
//! another program writes as a matter of course.

#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::path::Path;

use memmap2::Mmap;

/// Maps a regular file for reading.
///
/// # Errors
/// What the system says.
pub fn map(file: &File) -> io::Result<Mmap> {
    // SAFETY: the map is private and only read. If another process truncates the file meanwhile, reading beyond its
    // new end raises SIGBUS and ends this process: no memory is corrupted. See the module's restrictions.
    unsafe { Mmap::map(file) }
}

/// A whole file, mapped; an empty file is an empty map.
#[derive(Debug)]
pub enum Map {
    /// The file.
    File(Mmap),
    /// Bytes that never were a file.
    Bytes(Vec<u8>),
}

impl Map {
    /// Maps the regular file at `path`.
    ///
    /// # Errors
    /// When it cannot be opened or mapped, or is no regular file.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let about = file.metadata()?;
        if !about.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        if about.len() == 0 { Ok(Self::Bytes(Vec::new())) } else { Ok(Self::File(map(&file)?)) }
    }
}

impl Deref for Map {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::File(map) => map,
            Self::Bytes(bytes) => bytes,
        }
    }
}
