//! The multi-pack-index: one table of ids over several packs. A cross-check of the packs' own indexes, and a stand-in
//! for one that is missing or broken.

use std::path::Path;

use super::index::{Ids, long_number, number};
use crate::source::history::fault::Fault;
use crate::source::history::object::{Format, ObjectId};
use crate::source::map::Map;

/// A multi-pack-index, mapped.
#[derive(Debug)]
pub struct MultiIndex {
    map: Map,
    ids: Ids,
    names: Vec<String>,
    offsets: std::ops::Range<usize>,
    long_offsets: std::ops::Range<usize>,
}

impl MultiIndex {
    /// Maps the multi-pack-index at `path`.
    ///
    /// # Errors
    /// When it cannot be read, is of another hash, or its chunks do not fit its length.
    pub fn open(path: &Path, format: Format) -> Result<Self, Fault> {
        Self::new(Map::open(path).map_err(|error| Fault::Io(error.to_string()))?, format)
    }

    /// Reads one from memory.
    ///
    /// # Errors
    /// When its tables do not fit its length.
    pub fn from_bytes(bytes: Vec<u8>, format: Format) -> Result<Self, Fault> {
        Self::new(Map::Bytes(bytes), format)
    }

    fn new(map: Map, format: Format) -> Result<Self, Fault> {
        let wanted = if format == Format::Sha1 { 1 } else { 2 };
        if !map.starts_with(b"MIDX") || map.len() < 12 || map[4] != 1 {
            return Err(Fault::File("the multi-pack-index has an unknown form"));
        }
        if map[5] != wanted {
            return Err(Fault::File("the multi-pack-index has another hash"));
        }
        let end = map.len().saturating_sub(format.id_len());
        let chunk = |name: &[u8; 4]| {
            // Chunk table: name and start; the next row's start is the end.
            (0..usize::from(map[6])).find_map(|row| {
                let at = 12 + 12 * row;
                let from = usize::try_from(long_number(&map, at + 4)).ok()?;
                let to = usize::try_from(long_number(&map, at + 16)).ok()?;
                (map.get(at..at + 4)? == name && from <= to && to <= end).then_some(from..to)
            })
        };
        let missing = Fault::File("the multi-pack-index lacks a table");
        let (Some(names), Some(fan_out), Some(ids), Some(offsets)) =
            (chunk(b"PNAM"), chunk(b"OIDF"), chunk(b"OIDL"), chunk(b"OOFF"))
        else {
            return Err(missing);
        };
        let count = number(&map, fan_out.start + 255 * 4);
        if fan_out.len() != 1024
            || (count as usize).checked_mul(format.id_len()) != Some(ids.len())
            || (count as usize).checked_mul(8) != Some(offsets.len())
        {
            return Err(Fault::File("the multi-pack-index has another length than its tables"));
        }
        let names = map[names]
            .split(|&byte| byte == 0)
            .filter(|name| !name.is_empty())
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .collect();
        let long_offsets = chunk(b"LOFF").unwrap_or(0..0);
        let ids = Ids::new(format, count, ids.start, format.id_len());
        Ok(Self { map, ids, names, offsets, long_offsets })
    }

    /// How many objects it lists.
    pub fn count(&self) -> u32 {
        self.ids.count()
    }

    /// The id at `position`.
    pub fn id(&self, position: u32) -> Option<ObjectId> {
        ObjectId::new(self.ids.raw(&self.map, position))
    }

    /// The file name of the index of the pack the object is in (`pack-….idx`), and its offset there.
    pub fn place(&self, position: u32) -> Option<(&str, u64)> {
        let row = self.offsets.start + position as usize * 8;
        let name = self.names.get(number(&self.map, row) as usize)?;
        let short = number(&self.map, row + 4);
        if short & 0x8000_0000 == 0 || self.long_offsets.is_empty() {
            return Some((name, u64::from(short)));
        }
        let at = self.long_offsets.start + (short & 0x7fff_ffff) as usize * 8;
        (at + 8 <= self.long_offsets.end).then(|| (name.as_str(), long_number(&self.map, at)))
    }

    /// Whether it is what was written.
    ///
    /// # Errors
    /// When its check sum is wrong.
    pub fn check(&self, format: Format) -> Result<(), Fault> {
        let end = self.map.len() - format.id_len();
        if format.hash(&self.map[..end]).as_bytes() == &self.map[end..] {
            Ok(())
        } else {
            Err(Fault::File("the multi-pack-index's check sum is wrong"))
        }
    }
}
