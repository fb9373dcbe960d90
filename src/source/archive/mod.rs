//! Archives and other containers, told by their content: what they hold, handed on piece by piece.
//!
//! ```text
//!  bytes -> sniff -> reader (zip, tar, gzip, 7z, ...) -> member -> sniff -> ...  to a depth of eight
//!                                                            \-> text, whole or in windows
//! ```
//!
//! A `Walker` hands every piece to a function with its [`Place`]. Nothing is written to disk; what is compressed is
//! read as a stream where its form allows it, so that memory stays bounded whatever the size. All output of one
//! outermost file is paid from one budget, so a bomb ends early, and so does an archive that holds itself. Damage is
//! told, what was readable is handed on, and a container of which nothing was readable is handed on as it is.

mod bytes;
mod bzip2;
mod class;
mod gzip;
mod marshal;
mod pack;
mod pdf;
mod pyc;
mod sevenz;
mod sevenz_header;
mod sqlite;
pub(in crate::source) mod tar;
#[cfg(test)]
mod tests;
mod walker;
mod words;
mod xz;
mod zip;
mod zstd;

use std::io::{self, Read};
use std::ops::Range;

use crate::finding::position::Start;
use walker::{Budget, Paid, Walker};

/// Containers in containers, at most.
pub const DEEPEST: usize = 8;

/// Memory for one decompressor's window, in bytes.
const MEMORY: usize = 128 << 20;
/// What one outermost file may unpack to: this, and [`RATIO`] times its size beside it.
const LEAST_BUDGET: u64 = 64 << 20;
/// See [`LEAST_BUDGET`]. Text compresses to a twentieth at best, bombs to a thousandth.
const RATIO: u64 = 200;
/// But not more than this, or four times its size.
const MOST_BUDGET: u64 = 4 << 30;

/// How many bytes a file of `size` bytes may unpack to, all that is in it taken together.
pub fn budget(size: u64) -> u64 {
    size.saturating_mul(RATIO).saturating_add(LEAST_BUDGET).min(MOST_BUDGET.max(size.saturating_mul(4)))
}

/// Where a piece stands in a container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// Paths of members, outermost first.
    pub member: Vec<String>,
    /// Compressions without a path of their own (`gzip`), outermost first.
    pub decode: Vec<&'static str>,
    /// How many of `decode` come before the first member.
    pub outer: usize,
}

/// What a container holds, or what is wrong with it.
#[derive(Debug)]
pub enum Event<'e> {
    /// A text, or a window of a large one.
    Text {
        /// Its bytes.
        bytes: &'e [u8],
        /// Where they start in the whole.
        start: Start,
        /// Of a window: matches count whose secret starts here.
        core: Option<Range<usize>>,
    },
    /// Something could not be read as it should.
    Trouble(Trouble),
}

/// What went wrong with a container or member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// It is damaged or cut off: how, in words.
    Damaged(String),
    /// It needs a password.
    Locked,
    /// Its form is not known here: what, in words.
    Unknown(String),
    /// A limit ended it: which, in words.
    Budget(&'static str),
}

/// Forms of containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Bzip2,
    Class,
    Gzip,
    Lzma,
    Pack,
    Pdf,
    Pyc,
    SevenZip,
    Sqlite,
    Tar,
    Xz,
    Zip,
    Zstd,
}

/// The form of a container, by its first bytes (zip: also by its last).
fn sniff(bytes: &[u8]) -> Option<Form> {
    let form = match bytes {
        [b'P', b'K', ..] if zip::is_zip(bytes) => Form::Zip,
        [0x1f, 0x8b, 8, ..] => Form::Gzip,
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31 | 0x17, 0x41 | 0x72, ..] => Form::Bzip2,
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Form::Xz,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Form::Zstd,
        [b'S', b'Q', ..] if bytes.starts_with(sqlite::MAGIC) => Form::Sqlite,
        [b'%', b'P', b'D', b'F', b'-', ..] => Form::Pdf,
        [b'P', b'A', b'C', b'K', ..] | [b'#', b' ', b'v', ..] if pack::is_pack(bytes) => Form::Pack,
        [_, _, b'\r', b'\n', ..] if pyc::is_pyc(bytes) => Form::Pyc,
        [0xca, 0xfe, ..] if class::is_class(bytes) => Form::Class,
        [b'7', b'z', ..] if bytes.starts_with(sevenz::MAGIC) => Form::SevenZip,
        // The properties that everybody writes, and a dictionary of a whole number of 64 KB.
        [0x5d, 0, 0, _, 0 | 1, _, _, _, 0 | 255, 0 | 255, 0 | 255, 0 | 255, 0 | 255, 0, ..] => Form::Lzma,
        _ if tar::is_tar(bytes) => Form::Tar,
        _ if zip::is_zip(bytes) => Form::Zip,
        _ => return None,
    };
    Some(form)
}

/// Whether `bytes` are a container that [`open`] looks into. Cheap: the first 512 bytes and the last 22 decide.
pub fn is_container(bytes: &[u8]) -> bool {
    sniff(bytes).is_some()
}

/// Looks into a container; `out` gets what it holds. `context` is how far the engine looks to each side, for windows.
pub fn open(bytes: &[u8], context: usize, out: &mut dyn FnMut(&Place, Event<'_>)) {
    Walker::new(budget(bytes.len() as u64), context, out).whole(bytes);
}

/// Tells the names of the files in a layer of an image: a tar archive, compressed or not.
pub(super) fn names(bytes: &[u8], out: &mut dyn FnMut(&str)) {
    let budget = Budget::new(budget(bytes.len() as u64));
    let source: Box<dyn Read + '_> = match sniff(bytes) {
        Some(Form::Gzip) => Box::new(Paid { source: gzip::Gzip::new(bytes), budget }),
        Some(Form::Zstd) => Box::new(Paid { source: zstd::Zstd::new(bytes), budget }),
        Some(Form::Xz) => Box::new(Paid { source: xz::xz(bytes), budget }),
        Some(Form::Bzip2) => Box::new(Paid { source: bzip2::Bzip2::new(bytes), budget }),
        _ => Box::new(bytes),
    };
    let mut tar = tar::Tar::new(source);
    while let Ok(Some(name)) = tar.next() {
        out(&name);
    }
}

impl Form {
    /// Whether it is read from front to end.
    fn is_stream(self) -> bool {
        use Form::{Bzip2, Gzip, Lzma, Tar, Xz, Zstd};
        matches!(self, Bzip2 | Gzip | Lzma | Tar | Xz | Zstd)
    }
}

/// Damage in a container, named.
fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("it is damaged ({what})"))
}

/// A decompressor asks for more memory than it may have.
fn too_large() -> io::Error {
    io::ErrorKind::OutOfMemory.into()
}
