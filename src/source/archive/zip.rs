//! Zip (jar, whl, docx, apk, nupkg): entries by the directory at the end, or, when that is gone, by their own headers.

use std::io::{self, Read};
use std::ops::Range;

use super::bytes::{u16_le, u32_le, u64_le};
use super::{Walker, damaged};

const LOCAL: &[u8; 4] = b"PK\x03\x04";
const DIRECTORY: &[u8; 4] = b"PK\x01\x02";
const END: &[u8; 4] = b"PK\x05\x06";
const END_LENGTH: usize = 22;

/// Whether `bytes` are a zip archive; a program or script may stand before it.
pub(super) fn is_zip(bytes: &[u8]) -> bool {
    bytes.starts_with(LOCAL) || bytes.len() >= END_LENGTH && bytes[bytes.len() - END_LENGTH..].starts_with(END)
}

/// An entry.
struct Entry<'z> {
    name: String,
    encrypted: bool,
    method: u16,
    /// Its bytes as they lie there, to the archive's end when their length is not known.
    data: &'z [u8],
}

/// What the end of the directory says.
struct Directory {
    /// The entries' records.
    records: Range<usize>,
    /// Bytes that were put in front of the archive after its places were written.
    shift: usize,
    comment: usize,
}

/// Looks at every entry.
///
/// # Errors
/// When the archive is damaged; what could be read was.
pub(super) fn read(bytes: &[u8], walker: &mut Walker<'_>) -> io::Result<()> {
    let Some(directory) = directory(bytes) else { return by_headers(bytes, walker) };
    walker.text(bytes.get(directory.comment..).unwrap_or_default());
    let mut first = directory.records.start;
    let mut records = bytes.get(directory.records.clone()).unwrap_or_default();
    let mut result = Ok(());
    while records.starts_with(DIRECTORY) {
        let Some((entry, header, length)) = entry(bytes, records, directory.shift) else {
            result = Err(damaged("zip directory"));
            break;
        };
        first = first.min(header);
        one(entry, walker);
        if walker.is_over() {
            return Ok(());
        }
        let comment = usize::from(u16_le(records, 32).unwrap_or(0));
        if comment > 0 {
            walker.text(records.get(length - comment..length).unwrap_or_default());
        }
        records = records.get(length..).unwrap_or_default();
    }
    walker.text(bytes.get(..first).unwrap_or_default());
    result
}

fn directory(bytes: &[u8]) -> Option<Directory> {
    let tail = bytes.len().saturating_sub(END_LENGTH + usize::from(u16::MAX));
    let end = tail + memchr::memmem::rfind(&bytes[tail..], END)?;
    let mut size = u32_le(bytes, end + 12)? as usize;
    let mut start = u32_le(bytes, end + 16)? as usize;
    let mut behind = end;
    // Zip64 keeps the large numbers in a record of its own, to which a locator points.
    let locator = end.checked_sub(20).filter(|&at| bytes[at..].starts_with(b"PK\x06\x07"));
    if let Some(locator) = locator {
        let mut record = u64_le(bytes, locator + 8)?;
        if !bytes.get(record..).is_some_and(|rest| rest.starts_with(b"PK\x06\x06")) {
            record = locator.checked_sub(56)?;
        }
        if bytes[record..].starts_with(b"PK\x06\x06") {
            (size, start, behind) = (u64_le(bytes, record + 40)?, u64_le(bytes, record + 48)?, record);
        }
    }
    let begin = behind.checked_sub(size)?;
    let shift = begin.checked_sub(start)?;
    (size == 0 || bytes[begin..].starts_with(DIRECTORY)).then_some(Directory {
        records: begin..behind,
        shift,
        comment: end + END_LENGTH,
    })
}

/// The entry of the directory's record at the start of `records`, where its own header stands, and the record's length.
fn entry<'z>(bytes: &'z [u8], records: &[u8], shift: usize) -> Option<(Entry<'z>, usize, usize)> {
    let flags = u16_le(records, 8)?;
    let method = u16_le(records, 10)?;
    let packed = u32_le(records, 20)?;
    let size = u32_le(records, 24)?;
    let (name, extra, comment) = (u16_le(records, 28)?, u16_le(records, 30)?, u16_le(records, 32)?);
    let mut header = u32_le(records, 42)? as usize;
    let mut length = packed as usize;
    let name_end = 46 + usize::from(name);
    let mut fields = records.get(name_end..name_end + usize::from(extra))?;
    while let (Some(id), Some(field)) = (u16_le(fields, 0), u16_le(fields, 2)) {
        if id == 1 {
            let mut at = 4 + 8 * usize::from(size == u32::MAX);
            if packed == u32::MAX {
                length = u64_le(fields, at)?;
                at += 8;
            }
            if header == u32::MAX as usize {
                header = u64_le(fields, at)?;
            }
        }
        fields = fields.get(4 + usize::from(field)..).unwrap_or_default();
    }
    let header = header.checked_add(shift)?;
    let local = bytes.get(header..)?;
    let start = 30 + usize::from(u16_le(local, 26)?) + usize::from(u16_le(local, 28)?);
    let data = local.get(start..)?;
    let entry = Entry {
        name: String::from_utf8_lossy(records.get(46..name_end)?).into_owned(),
        encrypted: flags & 1 != 0,
        method,
        data: data.get(..length).unwrap_or(data),
    };
    Some((entry, header, name_end + usize::from(extra) + usize::from(comment)))
}

/// The archive lost its end: entries are found by their headers, as far as they go.
fn by_headers(bytes: &[u8], walker: &mut Walker<'_>) -> io::Result<()> {
    let mut at = 0;
    while let Some(found) = memchr::memmem::find(&bytes[at..], LOCAL) {
        let header = &bytes[at + found..];
        at += found + LOCAL.len();
        let read = || -> Option<(Entry<'_>, u32, usize)> {
            let name_end = 30 + usize::from(u16_le(header, 26)?);
            let start = name_end + usize::from(u16_le(header, 28)?);
            let flags = u16_le(header, 6)?;
            let name = String::from_utf8_lossy(header.get(30..name_end)?).into_owned();
            let data = header.get(start..)?;
            let entry = Entry { name, encrypted: flags & 1 != 0, method: u16_le(header, 8)?, data };
            // Behind a stream of unknown length its length follows.
            let packed = if flags & 8 != 0 { 0 } else { u32_le(header, 18)? };
            Some((entry, packed, start))
        };
        let Some((mut entry, packed, start)) = read() else { break };
        if packed > 0 && packed != u32::MAX {
            let length = (packed as usize).min(entry.data.len());
            entry.data = &entry.data[..length];
            at += start - LOCAL.len() + length;
        } else if entry.method != 8 {
            // Not even the next header's place is known, for the entry's bytes may hold one.
            let next = memchr::memmem::find(entry.data, b"PK\x07\x08").unwrap_or(entry.data.len());
            entry.data = &entry.data[..next];
        }
        if !entry.name.ends_with('/') {
            one(entry, walker);
        }
        if walker.is_over() {
            return Ok(());
        }
    }
    Err(damaged("the zip directory is missing"))
}

/// Hands an entry on.
fn one(entry: Entry<'_>, walker: &mut Walker<'_>) {
    if entry.name.ends_with('/') {
        return;
    }
    let data = entry.data;
    walker.member(&entry.name, |walker| {
        if entry.encrypted {
            walker.locked();
            return;
        }
        match entry.method {
            0 => walker.whole(data),
            8 => walker.unpacked(super::gzip::Gzip::raw(data)),
            12 => walker.unpacked(super::bzip2::Bzip2::new(data)),
            14 => match lzma(data) {
                Some(reader) => walker.unpacked(reader),
                None => walker.damage(&damaged("lzma header")),
            },
            93 => walker.unpacked(super::zstd::Zstd::new(data)),
            95 => walker.unpacked(super::xz::xz(data)),
            other => walker.unknown(&format!("compression method {other}")),
        }
    });
}

/// Zip puts a version before LZMA's header, and leaves the size out.
fn lzma(data: &[u8]) -> Option<impl Read + '_> {
    let length = usize::from(u16_le(data, 2)?);
    let properties = data.get(4..4 + length)?;
    let (&props, dictionary) = (properties.first()?, u32_le(properties, 1)?);
    super::xz::lzma_with(data.get(4 + length..)?, u64::MAX, props, dictionary).ok()
}
