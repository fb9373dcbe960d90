//! Pack indexes (`.idx`, versions 1 and 2): which ids a pack holds, where, with which CRC-32.
//!
//! Only the lengths of the tables are believed; every number in them is checked where it is used.

use std::cmp;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::source::history::fault::Fault;
use crate::source::history::object::{Format, ObjectId};
use crate::source::map::Map;

/// The big-endian number of four bytes at `at`; 0 behind the end (lengths are checked when a file is opened).
pub(crate) fn number(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).map_or(0, |four| u32::from_be_bytes([four[0], four[1], four[2], four[3]]))
}

/// The big-endian number of eight bytes at `at`.
pub(crate) fn long_number(bytes: &[u8], at: usize) -> u64 {
    u64::from(number(bytes, at)) << 32 | u64::from(number(bytes, at + 4))
}

/// A sorted table of ids in a file, with its fan-out table: what `.idx` and multi-pack-index have in common.
#[derive(Debug)]
pub(crate) struct Ids {
    format: Format,
    count: u32,
    /// Where the first id stands, and how far it is to the next.
    start: usize,
    stride: usize,
    /// First position of every bucket of leading bits: one look instead of twenty. Made when it begins to pay.
    buckets: OnceLock<(u32, Vec<u32>)>,
    /// How many ids were looked for without it.
    looks: AtomicU32,
}

/// So many ids are looked for before buckets are made, or one of so many that there are: making them reads every id once.
const FEW_LOOKS: (u32, u32) = (1024, 64);

impl Ids {
    pub(crate) fn new(format: Format, count: u32, start: usize, stride: usize) -> Self {
        Self { format, count, start, stride, buckets: OnceLock::new(), looks: AtomicU32::new(0) }
    }

    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// The id's bytes at a position below the count.
    pub(crate) fn raw<'f>(&self, file: &'f [u8], position: u32) -> &'f [u8] {
        let at = self.start + position as usize * self.stride;
        file.get(at..at + self.format.id_len()).unwrap_or_default()
    }

    /// The position of an id.
    pub(crate) fn find(&self, file: &[u8], id: &[u8]) -> Option<u32> {
        let (mut low, mut high) = (0, self.count);
        let known = self.buckets.get();
        if known.is_some() || self.looks.fetch_add(1, Ordering::Relaxed) >= FEW_LOOKS.0.max(self.count / FEW_LOOKS.1) {
            let (shift, buckets) = known.unwrap_or_else(|| self.buckets.get_or_init(|| self.sort_into_buckets(file)));
            let bucket = (prefix(id) >> shift) as usize;
            (low, high) = (*buckets.get(bucket)?, *buckets.get(bucket + 1)?);
        }
        while low < high {
            let middle = low + (high - low) / 2;
            match self.raw(file, middle).cmp(id) {
                cmp::Ordering::Less => low = middle + 1,
                cmp::Ordering::Greater => high = middle,
                cmp::Ordering::Equal => return Some(middle),
            }
        }
        None
    }

    fn sort_into_buckets(&self, file: &[u8]) -> (u32, Vec<u32>) {
        let bits = (u32::BITS - self.count.leading_zeros()).clamp(8, 28);
        let shift = 32 - bits;
        let mut buckets = vec![0u32; (1 << bits) + 1];
        let mut filled = 0usize;
        for position in 0..self.count {
            // Never backwards: an unsorted table only hides its own ids.
            let bucket = (prefix(self.raw(file, position)) >> shift) as usize;
            while filled <= bucket {
                buckets[filled] = position;
                filled += 1;
            }
        }
        buckets[filled..].fill(self.count);
        (shift, buckets)
    }
}

fn prefix(id: &[u8]) -> u32 {
    number(id, 0)
}

/// A pack's index, mapped.
#[derive(Debug)]
pub struct Index {
    map: Map,
    format: Format,
    ids: Ids,
    version: u32,
    /// Where the tables of version 2 stand.
    crcs: usize,
    offsets: usize,
    long_offsets: usize,
    trailer: usize,
}

impl Index {
    /// Maps the index at `path`.
    ///
    /// # Errors
    /// When it cannot be read or its tables do not fit its length.
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
        let hash = format.id_len();
        let version = if map.starts_with(b"\xfftOc") { number(&map, 4) } else { 1 };
        let fan_out = match version {
            1 => 0,
            2 => 8,
            _ => return Err(Fault::File("the index has an unknown version")),
        };
        let trailer = map
            .len()
            .checked_sub(2 * hash)
            .filter(|&trailer| trailer >= fan_out + 1024)
            .ok_or(Fault::File("the index is cut off"))?;
        let count = number(&map, fan_out + 255 * 4);
        let start = fan_out + 1024;
        let total = count as usize;
        if version == 1 {
            let ids = Ids::new(format, count, start + 4, hash + 4);
            if total.checked_mul(hash + 4).and_then(|len| len.checked_add(start)) != Some(trailer) {
                return Err(Fault::File("the index has another length than its tables"));
            }
            return Ok(Self { map, format, ids, version, crcs: 0, offsets: start, long_offsets: trailer, trailer });
        }
        let end_of = |from: usize, width: usize| total.checked_mul(width).and_then(|len| len.checked_add(from));
        let tables = end_of(start, hash).and_then(|crcs| Some((crcs, end_of(crcs, 4)?)));
        let tables = tables.and_then(|(crcs, offsets)| Some((crcs, offsets, end_of(offsets, 4)?)));
        let Some((crcs, offsets, long_offsets)) = tables.filter(|tables| tables.2 <= trailer) else {
            return Err(Fault::File("the index has another length than its tables"));
        };
        let ids = Ids::new(format, count, start, hash);
        Ok(Self { map, format, ids, version, crcs, offsets, long_offsets, trailer })
    }

    /// How many objects it lists.
    pub fn count(&self) -> u32 {
        self.ids.count()
    }

    /// The bytes of the id at `position`.
    pub fn raw_id(&self, position: u32) -> &[u8] {
        self.ids.raw(&self.map, position)
    }

    /// The id at `position`; all zeros behind the end.
    pub fn id(&self, position: u32) -> ObjectId {
        ObjectId::new(self.raw_id(position)).unwrap_or_else(|| zero(self.format))
    }

    /// Where in the pack the object at `position` stands; `None` when the table it points into is too short.
    pub fn offset(&self, position: u32) -> Option<u64> {
        if self.version == 1 {
            return Some(u64::from(number(&self.map, self.offsets + position as usize * (self.format.id_len() + 4))));
        }
        let short = number(&self.map, self.offsets + position as usize * 4);
        if short & 0x8000_0000 == 0 {
            return Some(u64::from(short));
        }
        let at = self.long_offsets + (short & 0x7fff_ffff) as usize * 8;
        (at + 8 <= self.trailer).then(|| long_number(&self.map, at))
    }

    /// The CRC-32 of the entry at `position` (version 2 has them).
    pub fn crc(&self, position: u32) -> Option<u32> {
        (self.version == 2).then(|| number(&self.map, self.crcs + position as usize * 4))
    }

    /// The position of an id.
    pub fn find(&self, id: &[u8]) -> Option<u32> {
        self.ids.find(&self.map, id)
    }

    /// The check sum of the pack it belongs to.
    pub fn pack_sum(&self) -> &[u8] {
        &self.map[self.trailer..self.trailer + self.format.id_len()]
    }

    /// Whether the index is what was written: its own check sum holds.
    ///
    /// # Errors
    /// When it does not.
    pub fn check(&self) -> Result<(), Fault> {
        let end = self.map.len() - self.format.id_len();
        if self.format.hash(&self.map[..end]).as_bytes() == &self.map[end..] {
            Ok(())
        } else {
            Err(Fault::File("the index's check sum is wrong"))
        }
    }
}

fn zero(format: Format) -> ObjectId {
    let zeros = [0; 32];
    ObjectId::new(&zeros[..format.id_len()]).unwrap_or_else(|| format.hash(b""))
}
