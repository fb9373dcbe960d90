//! Git bundles and packs: every blob, commit and tag, deltas applied. Blobs have the path that a tree in the same pack
//! gives them.

use std::collections::HashMap;
use std::io::{self, Read};
use std::rc::Rc;

use sha1::{Digest as _, Sha1};

use super::bytes::u32_be;
use super::damaged;
use super::gzip::Gzip;
use super::walker::Walker;

/// Largest object that is read, in bytes.
const LARGEST: u64 = 64 << 20;
/// Trees in trees, at most.
const DEEPEST: usize = 128;

type Id = [u8; 20];

/// An entry of a pack.
struct Entry {
    kind: u8,
    size: u64,
    /// Where its compressed bytes begin.
    body: usize,
}

/// A pack being read.
struct Pack<'p> {
    bytes: &'p [u8],
    entries: Vec<Entry>,
    /// Entries that are deltas of the entry with this index.
    children: Vec<Vec<u32>>,
    /// Entries that are deltas of the object with this id.
    by_id: HashMap<Id, Vec<u32>>,
    /// In which tree an object stands, and under which name.
    names: HashMap<Id, (Id, String)>,
}

/// Whether `bytes` begin a pack or a bundle.
pub(super) fn is_pack(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PACK\0\0\0\x02")
        || bytes.starts_with(b"# v2 git bundle\n")
        || bytes.starts_with(b"# v3 git bundle\n")
}

/// Looks at every object.
///
/// # Errors
/// When the pack is damaged or cut off; what could be read was.
pub(super) fn read(bytes: &[u8], walker: &mut Walker<'_>) -> io::Result<()> {
    let start = if bytes.starts_with(b"#") {
        let head = memchr::memmem::find(bytes, b"\n\n").ok_or_else(|| damaged("bundle header"))?;
        walker.member("refs", |walker| walker.text(&bytes[..head]));
        if memchr::memmem::find(&bytes[..head], b"@object-format=sha256").is_some() {
            walker.unknown("a bundle of a SHA-256 repository");
            return Ok(());
        }
        head + 2
    } else {
        0
    };
    let bytes = &bytes[start..];
    let mut pack =
        Pack { bytes, entries: Vec::new(), children: Vec::new(), by_id: HashMap::new(), names: HashMap::new() };
    let listed = pack.list(walker);
    // Trees first: they name the blobs.
    for kind in [2, 3, 1, 4] {
        for index in 0..pack.entries.len() as u32 {
            if pack.entries[index as usize].kind == kind && !walker.is_over() {
                pack.family(index, kind, walker)?;
            }
        }
    }
    if !pack.by_id.is_empty() && listed.is_ok() && !walker.is_over() {
        walker.unknown("a delta of an object that is not in the bundle");
    }
    listed
}

impl Pack<'_> {
    /// Reads the entries' headers, and passes over what they compress.
    fn list(&mut self, walker: &mut Walker<'_>) -> io::Result<()> {
        let end = || io::Error::from(io::ErrorKind::UnexpectedEof);
        if !self.bytes.starts_with(b"PACK") {
            return Err(damaged("no pack in it"));
        }
        let count = u32_be(self.bytes, 8).ok_or_else(end)?;
        let mut at = 12;
        let mut offsets = HashMap::new();
        for index in 0..count {
            let offset = at;
            let mut byte = *self.bytes.get(at).ok_or_else(end)?;
            at += 1;
            let kind = byte >> 4 & 7;
            let (mut size, mut shift) = (u64::from(byte & 15), 4);
            while byte & 0x80 != 0 {
                byte = *self.bytes.get(at).ok_or_else(end)?;
                at += 1;
                size |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
                shift += 7;
            }
            match kind {
                1..=4 => {}
                6 => {
                    let mut back = 0usize;
                    loop {
                        let byte = *self.bytes.get(at).ok_or_else(end)?;
                        at += 1;
                        back = back << 7 | usize::from(byte & 0x7f);
                        if byte & 0x80 == 0 {
                            break;
                        }
                        back = back.checked_add(1).filter(|back| *back < 1 << 56).ok_or_else(|| damaged("pack"))?;
                    }
                    let base = offset.checked_sub(back).and_then(|base| offsets.get(&base)).copied();
                    let base: u32 = base.ok_or_else(|| damaged("pack"))?;
                    self.children[base as usize].push(index);
                }
                7 => {
                    let id: Id = *self.bytes.get(at..).and_then(<[u8]>::first_chunk).ok_or_else(end)?;
                    at += id.len();
                    self.by_id.entry(id).or_default().push(index);
                }
                _ => return Err(damaged("pack")),
            }
            let body = self.bytes.get(at..).ok_or_else(end)?;
            let mut stream = walker.paid(Gzip::zlib(body));
            io::copy(&mut stream, &mut io::sink())?;
            offsets.insert(offset, index);
            self.entries.push(Entry { kind, size, body: at });
            self.children.push(Vec::new());
            at += stream.source.consumed() as usize;
        }
        Ok(())
    }

    /// Looks at an object and all that are deltas of it, of them, and so on.
    fn family(&mut self, root: u32, kind: u8, walker: &mut Walker<'_>) -> io::Result<()> {
        let mut todo: Vec<(u32, Option<Rc<Vec<u8>>>)> = vec![(root, None)];
        while let Some((index, base)) = todo.pop() {
            let entry = &self.entries[index as usize];
            if entry.size > LARGEST {
                walker.unknown("an object of more than 64 MB in a pack");
                continue;
            }
            let mut content = Vec::new();
            let stream = Gzip::zlib(&self.bytes[entry.body..]);
            walker.paid(stream).take(LARGEST).read_to_end(&mut content)?;
            if let Some(base) = base {
                content = apply(&base, &content).ok_or_else(|| damaged("delta in a pack"))?;
                walker.pay(content.len())?;
            }
            let id = self.look(kind, &content, walker);
            let mut children = std::mem::take(&mut self.children[index as usize]);
            children.extend(self.by_id.remove(&id).unwrap_or_default());
            if !children.is_empty() {
                let content = Rc::new(content);
                todo.extend(children.into_iter().map(|child| (child, Some(Rc::clone(&content)))));
            }
        }
        Ok(())
    }

    /// Looks at one object; its id.
    fn look(&mut self, kind: u8, content: &[u8], walker: &mut Walker<'_>) -> Id {
        let word = ["", "commit", "tree", "blob", "tag"][usize::from(kind.min(4))];
        let id: Id =
            Sha1::new().chain_update(format!("{word} {}\0", content.len())).chain_update(content).finalize().into();
        if kind == 2 {
            let mut rest = content;
            while let Some(nul) = memchr::memchr(0, rest) {
                let Some(&child) = rest[nul + 1..].first_chunk::<20>() else { break };
                let name = rest[..nul].splitn(2, |&byte| byte == b' ').nth(1).unwrap_or_default();
                self.names.entry(child).or_insert_with(|| (id, String::from_utf8_lossy(name).into_owned()));
                rest = &rest[nul + 21..];
            }
            return id;
        }
        let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        let path = self.path(id);
        let name = if path.is_empty() { format!("{word} {hex}") } else { format!("{path}@{hex}") };
        walker.member(&name, |walker| walker.whole(content));
        id
    }

    /// A path of an object, as far as trees tell it.
    fn path(&self, mut id: Id) -> String {
        let mut parts = Vec::new();
        while let Some((tree, name)) = self.names.get(&id).filter(|_| parts.len() < DEEPEST) {
            parts.push(name.as_str());
            id = *tree;
        }
        parts.reverse();
        parts.join("/")
    }
}

/// Applies a delta: copies of the base and new bytes.
fn apply(base: &[u8], delta: &[u8]) -> Option<Vec<u8>> {
    let mut at = 0;
    let next = |at: &mut usize| {
        let byte = delta.get(*at).copied();
        *at += 1;
        byte
    };
    let number = |at: &mut usize| {
        let (mut value, mut shift) = (0u64, 0);
        loop {
            let byte = next(at)?;
            value |= u64::from(byte & 0x7f).checked_shl(shift)?;
            shift += 7;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
    };
    let from = number(&mut at)?;
    let size = number(&mut at)?;
    if from != base.len() as u64 || size > LARGEST {
        return None;
    }
    let mut out = Vec::new();
    while let Some(&operation) = delta.get(at) {
        at += 1;
        if operation & 0x80 == 0 {
            let stop = at + usize::from(operation);
            out.extend_from_slice(delta.get(at..stop).filter(|new| !new.is_empty())?);
            at = stop;
        } else {
            let mut field = |bits: std::ops::Range<u32>| {
                let mut value = 0usize;
                for (place, bit) in bits.enumerate() {
                    if operation >> bit & 1 == 1 {
                        value |= usize::from(*delta.get(at)?) << (8 * place);
                        at += 1;
                    }
                }
                Some(value)
            };
            let start = field(0..4)?;
            let length = field(4..7)?;
            let length = if length == 0 { 0x1_0000 } else { length };
            out.extend_from_slice(base.get(start..start + length)?);
        }
        if out.len() as u64 > size {
            return None;
        }
    }
    (out.len() as u64 == size).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::apply;

    #[test]
    fn deltas() {
        assert_eq!(apply(b"hello world", b"\x0b\x09\x91\x06\x05\x04 and"), Some(b"world and".to_vec()));
        assert_eq!(apply(b"hello world", b"\x0b\x09\x91\x06\x07\x04 and"), None, "beyond the base");
        assert_eq!(apply(b"hello", b"\x0b\x01\x01a"), None, "another base");
        assert_eq!(apply(b"", b"\0\x02\x01a"), None, "too short");
        assert_eq!(apply(b"", b"\0\x01\x02ab"), None, "too long");
        assert_eq!(apply(b"", b""), None);
    }
}
