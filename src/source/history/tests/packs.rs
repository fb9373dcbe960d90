//! Writes packs and indexes of any shape.

use std::fs;
use std::path::{Path, PathBuf};

use crate::source::history::delta::tests::{Step, write};
use crate::source::history::inflate::deflate;
use crate::source::history::object::{Format, Kind, ObjectId};

/// An entry to write.
#[derive(Debug, Clone)]
pub(crate) enum Write {
    /// A whole object.
    Whole(Kind, Vec<u8>),
    /// A delta on an earlier entry, named by its distance.
    Offset(usize, Vec<Step>),
    /// A delta on any entry, named by its id; it must have been resolved before (order of `resolve`).
    Id(usize, Vec<Step>),
    /// A delta on an object of another pack.
    Outside(Kind, Vec<u8>, Vec<Step>),
    /// An entry of this id: header byte's kind, size to claim, base id, stream.
    Raw(ObjectId, u8, usize, Option<ObjectId>, Vec<u8>),
}

/// A pack in the making.
pub(crate) struct Packed {
    pub(crate) bytes: Vec<u8>,
    /// Id, kind, content, offset, CRC-32 of every entry.
    pub(crate) objects: Vec<(ObjectId, Kind, Vec<u8>, u64, u32)>,
    pub(crate) format: Format,
}

fn header(out: &mut Vec<u8>, kind: u8, mut size: usize) {
    let mut byte = kind << 4 | (size & 15) as u8;
    size >>= 4;
    while size > 0 {
        out.push(byte | 0x80);
        byte = (size & 0x7f) as u8;
        size >>= 7;
    }
    out.push(byte);
}

fn distance(out: &mut Vec<u8>, mut back: u64) {
    let mut bytes = vec![(back & 0x7f) as u8];
    back >>= 7;
    while back > 0 {
        back -= 1;
        bytes.push((back & 0x7f) as u8 | 0x80);
        back >>= 7;
    }
    bytes.reverse();
    out.extend(bytes);
}

impl Packed {
    pub(crate) fn new(format: Format, entries: &[Write]) -> Self {
        let mut bytes = b"PACK\0\0\0\x02".to_vec();
        bytes.extend((entries.len() as u32).to_be_bytes());
        let mut packed = Self { bytes, objects: Vec::new(), format };
        entries.iter().for_each(|entry| packed.add(entry));
        let sum = format.hash(&packed.bytes);
        packed.bytes.extend(sum.as_bytes());
        packed
    }

    fn add(&mut self, entry: &Write) {
        let offset = self.bytes.len() as u64;
        let number = |kind: Kind| match kind {
            Kind::Commit => 1,
            Kind::Tree => 2,
            Kind::Blob => 3,
            Kind::Tag => 4,
        };
        let (kind, content, stream) = match entry {
            Write::Whole(kind, content) => {
                header(&mut self.bytes, number(*kind), content.len());
                (*kind, content.clone(), content.clone())
            }
            Write::Offset(base, steps) => {
                let (_, kind, text, base_offset, _) = &self.objects[*base];
                let (delta, content) = write(text, steps);
                header(&mut self.bytes, 6, delta.len());
                distance(&mut self.bytes, offset - base_offset);
                (*kind, content, delta)
            }
            Write::Id(base, steps) => {
                let (id, kind, text, ..) = &self.objects[*base];
                let (delta, content) = write(text, steps);
                header(&mut self.bytes, 7, delta.len());
                self.bytes.extend(id.as_bytes());
                (*kind, content, delta)
            }
            Write::Outside(kind, text, steps) => {
                let (delta, content) = write(text, steps);
                header(&mut self.bytes, 7, delta.len());
                self.bytes.extend(kind.id_of(self.format, text).as_bytes());
                (*kind, content, delta)
            }
            Write::Raw(_, kind, size, base, stream) => {
                header(&mut self.bytes, *kind, *size);
                self.bytes.extend(base.iter().flat_map(|id| id.as_bytes().to_vec()));
                (Kind::Blob, Vec::new(), stream.clone())
            }
        };
        self.bytes.extend(deflate(&stream));
        let crc = crc32fast::hash(&self.bytes[offset as usize..]);
        let id = match entry {
            Write::Raw(id, ..) => *id,
            _ => kind.id_of(self.format, &content),
        };
        self.objects.push((id, kind, content, offset, crc));
    }

    /// An index of version 1 or 2; with `long`, every offset goes through the table of 64-bit offsets.
    pub(crate) fn index(&self, version: u32, long: bool) -> Vec<u8> {
        let mut sorted: Vec<_> = self.objects.iter().collect();
        sorted.sort_by_key(|object| object.0);
        sorted.dedup_by_key(|object| object.0);
        let mut out = Vec::new();
        if version == 2 {
            out.extend(b"\xfftOc\0\0\0\x02");
        }
        for first in 0..=255u8 {
            let count = sorted.iter().filter(|object| object.0.as_bytes()[0] <= first).count();
            out.extend((count as u32).to_be_bytes());
        }
        if version == 1 {
            for object in &sorted {
                out.extend((object.3 as u32).to_be_bytes());
                out.extend(object.0.as_bytes());
            }
        } else {
            sorted.iter().for_each(|object| out.extend(object.0.as_bytes()));
            sorted.iter().for_each(|object| out.extend(object.4.to_be_bytes()));
            for (place, object) in sorted.iter().enumerate() {
                let short = if long { 0x8000_0000 | place as u32 } else { object.3 as u32 };
                out.extend(short.to_be_bytes());
            }
            if long {
                sorted.iter().for_each(|object| out.extend(object.3.to_be_bytes()));
            }
        }
        out.extend(&self.bytes[self.bytes.len() - self.format.id_len()..]);
        let sum = self.format.hash(&out);
        out.extend(sum.as_bytes());
        out
    }

    /// Writes pack and index into the object folder `objects`.
    pub(crate) fn save(&self, objects: &Path, name: &str, version: u32, long: bool) -> PathBuf {
        let folder = objects.join("pack");
        fs::create_dir_all(&folder).expect("folder");
        let path = folder.join(format!("pack-{name}.pack"));
        fs::write(&path, &self.bytes).expect("pack");
        fs::write(path.with_extension("idx"), self.index(version, long)).expect("index");
        path
    }
}

/// Writes a loose object.
pub(crate) fn save_loose(objects: &Path, format: Format, kind: Kind, content: &[u8]) -> ObjectId {
    let id = kind.id_of(format, content);
    let path = crate::source::history::loose::path(objects, &id);
    fs::create_dir_all(path.parent().expect("parent")).expect("folder");
    let text = [format!("{} {}\0", kind.name(), content.len()).as_bytes(), content].concat();
    fs::write(path, deflate(&text)).expect("loose");
    id
}
