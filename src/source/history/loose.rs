//! Loose objects: a file each, `objects/ab/cdef...`, holding a zlib stream of `blob 12\0` and the content.

use std::fs;
use std::path::{Path, PathBuf};

use super::fault::Fault;
use super::inflate::{Stream, plausible};
use super::object::{Format, Kind, ObjectId};

/// Where the object `id` lies in the object folder `folder` when it is loose.
pub fn path(folder: &Path, id: &ObjectId) -> PathBuf {
    let hex = id.to_string();
    folder.join(&hex[..2]).join(&hex[2..])
}

/// The folders of loose objects, each with the first byte of their ids; most repositories have few.
fn folders(folder: &Path, unreadable: &mut Vec<(PathBuf, String)>) -> Vec<(u8, PathBuf)> {
    let mut folders = Vec::new();
    match fs::read_dir(folder) {
        Ok(entries) => {
            for entry in entries {
                match entry {
                    Ok(entry) => {
                        let name = entry.file_name();
                        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
                        let digits = name.to_str().filter(|name| name.len() == 2 && name.bytes().all(is_digit));
                        let first = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
                        folders.extend(first.map(|first| (first, entry.path())));
                    }
                    Err(error) => unreadable.push((folder.to_owned(), error.to_string())),
                }
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        // Its folders may be entered all the same.
        Err(_) => folders.extend((0..=255).map(|first| (first, folder.join(format!("{first:02x}"))))),
    }
    folders
}

/// The ids of all loose objects in `folder`, sorted, and the folders that could not be listed.
pub fn list(folder: &Path, format: Format) -> (Vec<ObjectId>, Vec<(PathBuf, String)>) {
    let (mut ids, mut unreadable) = (Vec::new(), Vec::new());
    for (first, path) in folders(folder, &mut unreadable) {
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => {
                unreadable.push((path, error.to_string()));
                continue;
            }
        };
        for entry in entries {
            match entry {
                Ok(entry) => {
                    let name = entry.file_name();
                    let hex = [format!("{first:02x}").as_bytes(), name.as_encoded_bytes()].concat();
                    // Names of another form are temporary files of git.
                    ids.extend(ObjectId::from_hex(&hex).filter(|id| id.as_bytes().len() == format.id_len()));
                }
                Err(error) => unreadable.push((path.clone(), error.to_string())),
            }
        }
    }
    ids.sort_unstable();
    (ids, unreadable)
}

/// A loose object whose header has been read.
pub struct Loose<'f> {
    /// What it is.
    pub kind: Kind,
    /// How many bytes it says it has.
    pub size: u64,
    stream: Stream<'f>,
    /// Content that came with the header.
    first: Vec<u8>,
}

impl<'f> Loose<'f> {
    /// Reads the header of the loose object whose file holds `file`.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn new(file: &'f [u8]) -> Result<Self, Fault> {
        let mut stream = Stream::new(file);
        let mut head = [0; 64];
        let got = stream.read(&mut head)?;
        let nul = memchr::memchr(0, &head[..got]).ok_or(Fault::Header)?;
        let space = memchr::memchr(b' ', &head[..nul]).ok_or(Fault::Header)?;
        let kind = Kind::from_name(&head[..space]).ok_or(Fault::Header)?;
        let digits = std::str::from_utf8(&head[space + 1..nul]).map_err(|_| Fault::Header)?;
        let size = digits.parse().map_err(|_| Fault::Header)?;
        plausible(file, size)?;
        Ok(Self { kind, size, stream, first: head[nul + 1..got].to_vec() })
    }

    /// Reads all of it into `out`.
    ///
    /// # Errors
    /// When it is damaged, has another size than it says, or more than `limit` bytes.
    pub fn read_all(mut self, limit: u64, out: &mut Vec<u8>) -> Result<(), Fault> {
        if self.size > limit {
            return Err(Fault::Memory(self.size));
        }
        let size = usize::try_from(self.size).map_err(|_| Fault::Size)?;
        out.clear();
        out.resize(size, 0);
        if self.read(out)? != size || !self.at_end()? { Err(Fault::Size) } else { Ok(()) }
    }

    /// Fills `out` as far as the content goes.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn read(&mut self, out: &mut [u8]) -> Result<usize, Fault> {
        let ready = self.first.len().min(out.len());
        out[..ready].copy_from_slice(&self.first[..ready]);
        self.first.drain(..ready);
        Ok(ready + self.stream.read(&mut out[ready..])?)
    }

    /// Whether all has been read.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn at_end(&mut self) -> Result<bool, Fault> {
        Ok(self.first.is_empty() && self.stream.at_end()?)
    }
}

/// What the loose object `id` says it is; `None` when it cannot be read.
pub fn kind(folder: &Path, id: &ObjectId) -> Option<Kind> {
    Loose::new(&file(folder, id).ok()?).ok().map(|loose| loose.kind)
}

/// The bytes of the file of a loose object.
///
/// # Errors
/// When it cannot be read, or is no file.
pub fn file(folder: &Path, id: &ObjectId) -> Result<Bytes, Fault> {
    const MAP_FROM: u64 = 1 << 20;
    let path = path(folder, id);
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => Fault::Missing,
        _ => Fault::Io(error.to_string()),
    };
    let about = fs::metadata(&path).map_err(failed)?;
    if about.len() >= MAP_FROM || !about.is_file() {
        return crate::source::map::Map::open(&path).map(Bytes::Mapped).map_err(failed);
    }
    fs::read(&path).map(Bytes::Read).map_err(failed)
}

/// A file's bytes, read or mapped.
pub enum Bytes {
    /// Read into memory.
    Read(Vec<u8>),
    /// Mapped.
    Mapped(crate::source::map::Map),
}

impl std::ops::Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Read(bytes) => bytes,
            Self::Mapped(map) => map,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Loose;
    use crate::source::history::fault::Fault;
    use crate::source::history::inflate::deflate;
    use crate::source::history::object::Kind;

    #[test]
    fn sizes_that_lie_are_refused() {
        let mut out = Vec::new();
        let read =
            |text: &[u8], out: &mut Vec<u8>| Loose::new(&deflate(text)).and_then(|loose| loose.read_all(1 << 20, out));
        assert_eq!(read(b"blob 5\0hello", &mut out), Ok(()));
        assert_eq!(out, b"hello");
        assert_eq!(read(b"blob 4\0hello", &mut out), Err(Fault::Size));
        assert_eq!(read(b"blob 6\0hello", &mut out), Err(Fault::Size));
        assert_eq!(read(b"blob 6000000000000\0hello", &mut out), Err(Fault::Size));
        assert_eq!(read(b"blib 5\0hello", &mut out), Err(Fault::Header));
        assert_eq!(read(b"blob 5hello", &mut out), Err(Fault::Header));
    }

    proptest! {
        #[test]
        fn content_comes_back_and_damage_does_no_harm(
            content in prop::collection::vec(any::<u8>(), 0..500), at in any::<prop::sample::Index>(), bit in 0u8..8,
        ) {
            let mut packed = deflate(&[format!("tree {}\0", content.len()).as_bytes(), &content].concat());
            let loose = Loose::new(&packed).expect("good");
            prop_assert_eq!(loose.kind, Kind::Tree);
            let mut out = Vec::new();
            loose.read_all(1000, &mut out).expect("good");
            prop_assert_eq!(&out, &content);
            let at = at.index(packed.len());
            packed[at] ^= 1 << bit;
            if let Ok(loose) = Loose::new(&packed) {
                let _ = loose.read_all(1 << 20, &mut out);
            }
        }
    }
}
