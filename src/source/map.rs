//! Memory maps of files: one of the few places with unsafe code.
//!
//! A map is sound as long as nobody truncates the file under it; that cannot be excluded, so maps are used only for
//! files too large to read into a buffer, for git packs (which git never changes in place), and never for what
//! another program writes as a matter of course.

#![allow(unsafe_code)]

use std::fs::File;
use std::io;

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
