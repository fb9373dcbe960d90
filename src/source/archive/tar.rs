//! Tar: a header of 512 bytes, then the file's bytes; GNU's and POSIX's long names. Read from front to end.

use std::io::{self, Read};

use super::damaged;

const BLOCK: usize = 512;
/// Longest extended header or long name that is read.
const EXTENDED: u64 = 1 << 20;

/// Walks a tar archive. As a reader it gives the bytes of the entry [`Tar::next`] told of.
pub(super) struct Tar<R> {
    source: R,
    /// Bytes of this entry still to come, and of its padding.
    left: u64,
    padding: u64,
    /// The source ended, or failed, within an entry.
    pub(super) failed: bool,
    /// Tell of links as well; what the last one names.
    links: bool,
    target: Option<String>,
}

/// Whether `head` begins a tar archive: its check sum holds.
pub(super) fn is_tar(head: &[u8]) -> bool {
    let Some(block) = head.first_chunk::<BLOCK>() else { return false };
    block[0] != 0 && plausible(block) && checked(block)
}

/// A cheap look before the check sum is computed.
fn plausible(block: &[u8; BLOCK]) -> bool {
    &block[257..262] == b"ustar" || block[100..107].iter().all(|byte| matches!(byte, b'0'..=b'7' | b' ' | 0))
}

fn checked(block: &[u8; BLOCK]) -> bool {
    let plain: u64 = block.iter().map(|&byte| u64::from(byte)).sum();
    let field: u64 = block[148..156].iter().map(|&byte| u64::from(byte)).sum();
    number(&block[148..156]) == Some(plain - field + 8 * u64::from(b' '))
}

/// An octal number, or a binary one where the first bit says so.
fn number(field: &[u8]) -> Option<u64> {
    if let [first, rest @ ..] = field
        && first & 0x80 != 0
    {
        let (high, low) = rest.split_at(rest.len().saturating_sub(8));
        let zero = first & 0x7f == 0 && high.iter().all(|&byte| byte == 0);
        return zero.then(|| low.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)));
    }
    let text: Vec<u8> = field.iter().copied().filter(|byte| !matches!(byte, 0 | b' ')).collect();
    text.iter().try_fold(0u64, |number, &byte| match byte {
        b'0'..=b'7' => number.checked_mul(8)?.checked_add(u64::from(byte - b'0')),
        _ => None,
    })
}

fn text(field: &[u8]) -> Vec<u8> {
    field.iter().copied().take_while(|&byte| byte != 0).collect()
}

impl<R: Read> Tar<R> {
    pub(super) fn new(source: R) -> Self {
        Self { source, left: 0, padding: 0, failed: false, links: false, target: None }
    }

    /// Goes to the next file; its name. `None` at the end.
    ///
    /// # Errors
    /// When the archive is damaged or cut off.
    pub(super) fn next(&mut self) -> io::Result<Option<String>> {
        let (mut long_name, mut long_size) = (None, None);
        loop {
            let rest = self.left + self.padding;
            if rest > 0 && io::copy(&mut self.source.by_ref().take(rest), &mut io::sink())? < rest {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            (self.left, self.padding) = (0, 0);
            let mut block = [0; BLOCK];
            match read_full(&mut self.source, &mut block)? {
                0 => return Ok(None),
                BLOCK => {}
                _ => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
            if block.iter().all(|&byte| byte == 0) {
                return Ok(None);
            }
            if !checked(&block) {
                return Err(damaged("tar header"));
            }
            let kind = block[156];
            let size = number(&block[124..136]).ok_or_else(|| damaged("tar size"))?;
            // Links, devices and folders have no bytes of their own.
            let size = if matches!(kind, b'1'..=b'6') { 0 } else { long_size.take().unwrap_or(size) };
            self.left = size;
            self.padding = (BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64;
            match kind {
                b'L' => long_name = Some(text(&self.extended()?)),
                b'x' => {
                    for (key, value) in records(&self.extended()?) {
                        match key {
                            b"path" => long_name = Some(value.to_vec()),
                            b"size" => long_size = std::str::from_utf8(value).ok().and_then(|size| size.parse().ok()),
                            _ => {}
                        }
                    }
                }
                0 | b'0' | b'7' | b'S' => {
                    let name = long_name.take().unwrap_or_else(|| {
                        let mut name = text(&block[..100]);
                        let prefix = if &block[257..263] == b"ustar\0" { text(&block[345..500]) } else { Vec::new() };
                        if !prefix.is_empty() {
                            name = [&prefix[..], b"/", &name].concat();
                        }
                        name
                    });
                    // A folder by an old convention.
                    if !name.ends_with(b"/") {
                        return Ok(Some(String::from_utf8_lossy(&name).into_owned()));
                    }
                }
                b'1' | b'2' if self.links => {
                    self.target = Some(String::from_utf8_lossy(&text(&block[157..257])).into_owned());
                    let name = long_name.take().unwrap_or_else(|| text(&block[..100]));
                    return Ok(Some(String::from_utf8_lossy(&name).into_owned()));
                }
                // `g`, `K`, `V`, `D`, `M` and others: nothing to scan.
                _ => (long_name, long_size) = (None, None),
            }
        }
    }

    /// The bytes of an extended header.
    fn extended(&mut self) -> io::Result<Vec<u8>> {
        if self.left > EXTENDED {
            return Err(damaged("tar header"));
        }
        let mut bytes = Vec::new();
        self.read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// The `length key=value\n` records of a POSIX header.
fn records(mut bytes: &[u8]) -> Vec<(&[u8], &[u8])> {
    let mut records = Vec::new();
    while let Some(space) = memchr::memchr(b' ', bytes) {
        let length = std::str::from_utf8(&bytes[..space]).ok().and_then(|length| length.parse::<usize>().ok());
        let Some(record) = length.and_then(|length| bytes.get(space + 1..length)) else { break };
        let record = record.strip_suffix(b"\n").unwrap_or(record);
        if let Some(equals) = memchr::memchr(b'=', record) {
            records.push((&record[..equals], &record[equals + 1..]));
        }
        bytes = &bytes[length.unwrap_or(bytes.len())..];
    }
    records
}

/// Fills `out` as far as the source goes.
fn read_full(source: &mut impl Read, out: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < out.len() {
        match source.read(&mut out[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}

impl<R: Read> Read for Tar<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).map_or(out.len(), |left| left.min(out.len()));
        if wanted == 0 {
            return Ok(0);
        }
        let count = self.source.read(&mut out[..wanted]).inspect_err(|_| self.failed = true)?;
        if count == 0 {
            self.failed = true;
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= count as u64;
        Ok(count)
    }
}

/// Where every file of an uncompressed archive stands: name and bytes, and for links what they name.
///
/// # Errors
/// When the archive is damaged or cut off.
pub(in crate::source) fn index(bytes: &[u8]) -> io::Result<Vec<(String, Indexed)>> {
    let mut tar = Tar::new(io::Cursor::new(bytes));
    tar.links = true;
    let mut files = Vec::new();
    while let Some(name) = tar.next()? {
        let entry = match tar.target.take() {
            Some(target) => Indexed::Link(target),
            None => {
                let start = tar.source.position() as usize;
                let end = usize::try_from(tar.left).ok().and_then(|left| start.checked_add(left));
                Indexed::Bytes(start..end.filter(|&end| end <= bytes.len()).ok_or(io::ErrorKind::UnexpectedEof)?)
            }
        };
        files.push((name, entry));
    }
    Ok(files)
}

/// What [`index`] found under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::source) enum Indexed {
    /// A file's bytes.
    Bytes(std::ops::Range<usize>),
    /// The name a link gives.
    Link(String),
}
