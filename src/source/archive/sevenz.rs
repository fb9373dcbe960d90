//! 7z: a header at the end names streams, the coders they went through and the files in them. LZMA, LZMA2, deflate,
//! bzip2, zstd and stored files are read; encrypted ones and those of other coders are told of.

use std::io::{self, Read};

use super::bytes::{u32_le, u64_le};
use super::sevenz_header::{Folder, Header, Parser, Streams};
use super::{Paid, Walker, damaged};

/// What every 7z archive begins with.
pub(super) const MAGIC: &[u8; 6] = b"7z\xbc\xaf\x27\x1c";

/// Length of the header in front.
const FRONT: usize = 32;
/// Largest header, decompressed.
const HEADER: usize = 64 << 20;

/// Looks at every file.
///
/// # Errors
/// When the archive is damaged; what could be read was.
pub(super) fn read(bytes: &[u8], walker: &mut Walker<'_>) -> io::Result<()> {
    let end = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let start = u64_le(bytes, 12).and_then(|offset| offset.checked_add(FRONT)).ok_or_else(end)?;
    let length = u64_le(bytes, 20).ok_or_else(end)?;
    let header = start.checked_add(length).and_then(|stop| bytes.get(start..stop)).ok_or_else(end)?;
    let mut unpacked;
    let mut parser = Parser { bytes: header };
    // A packed header is a stream like any other; it may be packed again.
    for _ in 0..4 {
        match parser.byte()? {
            0x01 => return files(bytes, &parser.header()?, walker),
            0x17 => {
                let streams = parser.streams()?;
                let folder = streams.folders.first().ok_or_else(|| damaged("7z header"))?;
                let mut out = Vec::new();
                match coded(bytes, &streams, 0, folder)? {
                    Coded::Stream(stream) => {
                        let stream = Paid { source: stream, budget: walker.budget.clone() };
                        stream.take(HEADER as u64).read_to_end(&mut out)?;
                    }
                    Coded::Locked => {
                        walker.locked();
                        return Ok(());
                    }
                    Coded::Unknown(what) => {
                        walker.unknown(&what);
                        return Ok(());
                    }
                }
                unpacked = out;
                parser = Parser { bytes: &unpacked };
            }
            _ => return Err(damaged("7z header")),
        }
    }
    Err(damaged("7z header"))
}

enum Coded<'z> {
    Stream(Box<dyn Read + 'z>),
    Locked,
    Unknown(String),
}

fn files(bytes: &[u8], header: &Header, walker: &mut Walker<'_>) -> io::Result<()> {
    let mut names = header.names.iter();
    let mut first = 0;
    for (folder, sizes) in header.streams.folders.iter().zip(&header.streams.files) {
        let mut stream = match coded(bytes, &header.streams, first, folder)? {
            Coded::Stream(stream) => Some(stream),
            other => {
                for name in names.by_ref().take(sizes.len()) {
                    walker.member(name, |walker| match &other {
                        Coded::Unknown(what) => walker.unknown(what),
                        _ => walker.locked(),
                    });
                }
                None
            }
        };
        first += folder.packed as usize;
        let Some(stream) = &mut stream else { continue };
        for &size in sizes {
            let name = names.next().map_or("", String::as_str);
            let mut file = Read::take(&mut *stream, size);
            walker.member(name, |walker| walker.unpacked(&mut file));
            let rest = file.limit();
            if walker.is_over() {
                return Ok(());
            }
            // What was not asked for has to be passed over; a stream that ended has no more files.
            if rest > 0 && io::copy(&mut file, &mut io::sink()).map_or(true, |passed| passed < rest) {
                break;
            }
        }
    }
    Ok(())
}

/// The decompressed stream of a folder whose packed streams begin with number `first`.
fn coded<'z>(bytes: &'z [u8], streams: &Streams, first: usize, folder: &Folder) -> io::Result<Coded<'z>> {
    let before: u64 = streams.packed.iter().take(first).fold(0, |sum, &size| sum.saturating_add(size));
    let start = streams.start.saturating_add(before).saturating_add(FRONT as u64);
    let length = streams.packed.get(first).copied().ok_or_else(|| damaged("7z streams"))?;
    let start = usize::try_from(start).unwrap_or(usize::MAX);
    let stop = start.saturating_add(usize::try_from(length).unwrap_or(usize::MAX));
    let data = bytes.get(start..stop.min(bytes.len())).ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
    if folder.coders.iter().any(|coder| coder.id == [0x06, 0xf1, 0x07, 0x01]) {
        return Ok(Coded::Locked);
    }
    if folder.packed != 1 || folder.coders.iter().any(|coder| (coder.inputs, coder.outputs) != (1, 1)) {
        return Ok(Coded::Unknown("a coder with several streams".to_owned()));
    }
    // The coders form a chain; the last one takes the packed stream.
    let bound = |input: u64| folder.bonds.iter().find(|(into, _)| *into == input).map(|(_, from)| *from);
    let mut order = Vec::new();
    let main = (0..folder.coders.len() as u64).find(|output| folder.bonds.iter().all(|(_, from)| from != output));
    let mut next = main;
    while let Some(coder) = next {
        if order.len() > folder.coders.len() {
            return Err(damaged("7z coders"));
        }
        order.push(coder as usize);
        next = bound(coder);
    }
    let mut stream: Box<dyn Read + 'z> = Box::new(data);
    for &index in order.iter().rev() {
        let coder = folder.coders.get(index).ok_or_else(|| damaged("7z coders"))?;
        let size = folder.sizes.get(index).copied().unwrap_or(u64::MAX);
        let properties = &coder.properties;
        stream = match coder.id.as_slice() {
            [0x00] => stream,
            [0x03, 0x01, 0x01] => {
                let (Some(&props), Some(dictionary)) = (properties.first(), u32_le(properties, 1)) else {
                    return Err(damaged("7z coder"));
                };
                Box::new(super::xz::lzma_with(stream, size, props, dictionary)?)
            }
            [0x21] => Box::new(super::xz::lzma2(stream, dictionary(properties.first().copied().unwrap_or(0)))?),
            [0x04, 0x01, 0x08] => Box::new(super::gzip::Gzip::raw(stream)),
            [0x04, 0x02, 0x02] => Box::new(super::bzip2::Bzip2::new(stream)),
            [0x04, 0xf7, 0x11, 0x01] => Box::new(super::zstd::Zstd::new(stream)),
            [0x03] => {
                let distance = usize::from(properties.first().copied().unwrap_or(0)) + 1;
                Box::new(lzma_rust2::filter::delta::DeltaReader::new(stream, distance))
            }
            [0x04] | [0x03, 0x03, 0x01, 0x03] => Box::new(lzma_rust2::filter::bcj::BcjReader::new_x86(stream, 0)),
            [0x07] | [0x03, 0x03, 0x05, 0x01] => Box::new(lzma_rust2::filter::bcj::BcjReader::new_arm(stream, 0)),
            [0x0a] => Box::new(lzma_rust2::filter::bcj::BcjReader::new_arm64(stream, 0)),
            other => return Ok(Coded::Unknown(format!("7z coder {other:02x?}"))),
        };
    }
    let size = order.first().and_then(|&index| folder.sizes.get(index)).copied().unwrap_or(u64::MAX);
    Ok(Coded::Stream(Box::new(stream.take(size))))
}

/// LZMA2's size of a dictionary, from its one byte.
fn dictionary(byte: u8) -> u32 {
    if byte >= 40 { u32::MAX } else { (2 | u32::from(byte) & 1) << (byte / 2 + 11) }
}
