//! One pack: its bytes mapped, its index, and the headers of its entries.
//!
//! An entry is a header (kind, size; for a delta also its base) and a zlib stream:
//!
//! ```text
//!  offset                         body                                     next entry's offset
//!  | kind+size | [base: distance or id] | zlib stream ........................ |
//! ```

pub mod index;
pub mod midx;

use std::path::Path;

use self::index::{Index, number};
use super::fault::Fault;
use super::object::{Format, Kind, ObjectId};
use crate::source::map::Map;

/// What an entry is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// The object itself.
    Whole(Kind),
    /// A delta on the entry that starts at this offset of the same pack.
    OffsetDelta(u64),
    /// A delta on the object of this id, usually in the same pack.
    IdDelta(ObjectId),
}

/// The header of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// What follows.
    pub kind: EntryKind,
    /// How many bytes the zlib stream yields: the object, or the delta.
    pub size: u64,
    /// Where the zlib stream starts in the pack.
    pub body: u64,
}

/// Reads the header of the entry that starts at `offset` of `pack` (without its trailer).
///
/// # Errors
/// When it is cut off, of an unknown kind, or names a base outside the pack.
pub fn entry(pack: &[u8], offset: u64, format: Format) -> Result<Entry, Fault> {
    let bytes = usize::try_from(offset).ok().and_then(|at| pack.get(at..)).ok_or(Fault::Header)?;
    let mut at = 0;
    let mut next = || {
        at += 1;
        bytes.get(at - 1).copied().ok_or(Fault::Header)
    };
    let first = next()?;
    let mut size = u64::from(first & 0x0f);
    let mut shift = 4;
    let mut byte = first;
    while byte & 0x80 != 0 {
        byte = next()?;
        if shift > 57 {
            return Err(Fault::Header);
        }
        size |= u64::from(byte & 0x7f) << shift;
        shift += 7;
    }
    let kind = match first >> 4 & 7 {
        1 => EntryKind::Whole(Kind::Commit),
        2 => EntryKind::Whole(Kind::Tree),
        3 => EntryKind::Whole(Kind::Blob),
        4 => EntryKind::Whole(Kind::Tag),
        6 => {
            let mut byte = next()?;
            let mut back = u64::from(byte & 0x7f);
            while byte & 0x80 != 0 {
                byte = next()?;
                back = back.checked_add(1).filter(|back| *back < 1 << 56).ok_or(Fault::Header)?;
                back = back << 7 | u64::from(byte & 0x7f);
            }
            EntryKind::OffsetDelta(offset.checked_sub(back).filter(|_| back > 0).ok_or(Fault::BaseOffset)?)
        }
        7 => {
            let id = bytes.get(at..at + format.id_len()).and_then(ObjectId::new).ok_or(Fault::Header)?;
            at += format.id_len();
            EntryKind::IdDelta(id)
        }
        _ => return Err(Fault::Header),
    };
    Ok(Entry { kind, size, body: offset + at as u64 })
}

/// A pack and its index, mapped.
#[derive(Debug)]
pub struct Pack {
    /// The file's name without `.pack`.
    pub name: String,
    /// Where it is, for notices.
    pub path: String,
    /// Its index.
    pub index: Index,
    map: Map,
    format: Format,
}

impl Pack {
    /// Maps the pack at `path` and the index beside it.
    ///
    /// # Errors
    /// When one of both cannot be read or is in no known form.
    pub fn open(path: &Path, format: Format) -> Result<Self, Fault> {
        let map = Map::open(path).map_err(|error| Fault::Io(error.to_string()))?;
        if map.len() < 12 + format.id_len() || !map.starts_with(b"PACK") || !matches!(number(&map, 4), 2 | 3) {
            return Err(Fault::File("the pack has an unknown form"));
        }
        let index = Index::open(&path.with_extension("idx"), format)?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { name, path: path.to_string_lossy().into_owned(), index, map, format })
    }

    /// Its bytes without the trailer.
    pub fn bytes(&self) -> &[u8] {
        &self.map[..self.map.len() - self.format.id_len()]
    }

    /// The check sum at its end.
    pub fn sum(&self) -> &[u8] {
        &self.map[self.map.len() - self.format.id_len()..]
    }

    /// How many objects the pack itself says it holds.
    pub fn count(&self) -> u32 {
        number(&self.map, 8)
    }

    /// The header of the entry at `offset`.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn entry(&self, offset: u64) -> Result<Entry, Fault> {
        entry(self.bytes(), offset, self.format)
    }

    /// The bytes from `from` to `to`, as far as the pack has them.
    pub fn slice(&self, from: u64, to: u64) -> &[u8] {
        let bytes = self.bytes();
        let cut = |at: u64| usize::try_from(at).map_or(bytes.len(), |at| at.min(bytes.len()));
        bytes.get(cut(from)..cut(to)).unwrap_or_default()
    }
}
