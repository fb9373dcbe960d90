//! Xz and the older `.lzma`, by lzma-rust2, with bounded memory.

use std::io::{self, Read};

use lzma_rust2::{LzmaReader, XzReader};

use super::MEMORY;

/// Memory for a dictionary, in KiB.
const LIMIT: u32 = (MEMORY >> 10) as u32;

/// An xz file; streams in a row.
pub(super) fn xz<R: Read>(source: R) -> impl Read {
    XzReader::new_mem_limit(source, true, LIMIT)
}

/// An `.lzma` file.
///
/// # Errors
/// When its header is none.
pub(super) fn lzma<R: Read>(source: R) -> io::Result<impl Read> {
    LzmaReader::new_mem_limit(source, LIMIT, None)
}

/// An LZMA stream without a header, of `size` bytes (`u64::MAX`: it has an end mark).
///
/// # Errors
/// When the properties are none, or the dictionary needs too much memory.
pub(super) fn lzma_with<R: Read>(source: R, size: u64, props: u8, dictionary: u32) -> io::Result<impl Read> {
    if u64::from(dictionary) > MEMORY as u64 {
        return Err(super::too_large());
    }
    LzmaReader::new_with_props(source, size, props, dictionary, None)
}

/// An LZMA2 stream.
///
/// # Errors
/// When the dictionary needs too much memory.
pub(super) fn lzma2<R: Read>(source: R, dictionary: u32) -> io::Result<impl Read> {
    lzma_rust2::Lzma2Reader::new_mem_limit(source, dictionary, LIMIT, None)
}
