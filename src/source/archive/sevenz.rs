//! 7z: a header at the end names streams, the coders they went through and the files in them. LZMA, LZMA2, deflate,
//! bzip2, zstd and stored files are read; encrypted ones and those of other coders are told of.

use std::io::{self, Read};

use super::bytes::{u32_le, u64_le};
use super::{Paid, Walker, damaged};

/// What every 7z archive begins with.
pub(super) const MAGIC: &[u8; 6] = b"7z\xbc\xaf\x27\x1c";

/// Length of the header in front.
const FRONT: usize = 32;
/// Most streams, files and coders that are believed.
const MOST: u64 = 1 << 20;
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

/// Streams, and how they were made.
#[derive(Debug, Default)]
struct Streams {
    /// Where the first packed stream stands, behind the header in front.
    start: u64,
    packed: Vec<u64>,
    folders: Vec<Folder>,
    /// Sizes of the files in each folder.
    files: Vec<Vec<u64>>,
}

/// A packed stream and what it went through.
#[derive(Debug, Default)]
struct Folder {
    coders: Vec<Coder>,
    /// Which coder's input is another's output: (input, output).
    bonds: Vec<(u64, u64)>,
    /// Packed streams it takes.
    packed: u64,
    sizes: Vec<u64>,
}

#[derive(Debug, Default)]
struct Coder {
    id: Vec<u8>,
    properties: Vec<u8>,
    inputs: u64,
    outputs: u64,
}

/// The streams and the files' names.
struct Header {
    streams: Streams,
    /// Names of the files that have bytes.
    names: Vec<String>,
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

/// Reads the header's properties.
struct Parser<'z> {
    bytes: &'z [u8],
}

impl<'z> Parser<'z> {
    fn take(&mut self, count: u64) -> io::Result<&'z [u8]> {
        let count = usize::try_from(count).map_err(|_| damaged("7z header"))?;
        let (taken, rest) = self.bytes.split_at_checked(count).ok_or_else(|| damaged("7z header"))?;
        self.bytes = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> io::Result<u8> {
        Ok(self.take(1)?[0])
    }

    /// A number: the first byte's leading ones say how many bytes follow.
    fn number(&mut self) -> io::Result<u64> {
        let first = self.byte()?;
        let extra = first.leading_ones();
        let mut value = 0;
        for place in 0..extra {
            value |= u64::from(self.byte()?) << (8 * place);
        }
        if extra < 7 {
            value |= u64::from(first & (0x7f >> extra)) << (8 * extra);
        }
        Ok(value)
    }

    /// A number of things that each take at least a bit.
    fn count(&mut self) -> io::Result<u64> {
        let count = self.number()?;
        if count > MOST { Err(damaged("7z header")) } else { Ok(count) }
    }

    /// A bit for each of `count` things, all set when a byte says so.
    fn bits(&mut self, count: u64, or_all: bool) -> io::Result<Vec<bool>> {
        if or_all && self.byte()? != 0 {
            return Ok(vec![true; count as usize]);
        }
        let bytes = self.take(count.div_ceil(8))?;
        Ok((0..count as usize).map(|at| bytes[at / 8] >> (7 - at % 8) & 1 == 1).collect())
    }

    /// Check sums, which are passed over.
    fn sums(&mut self, count: u64) -> io::Result<Vec<bool>> {
        let defined = self.bits(count, true)?;
        self.take(4 * defined.iter().filter(|defined| **defined).count() as u64)?;
        Ok(defined)
    }

    fn header(&mut self) -> io::Result<Header> {
        let mut header = Header { streams: Streams::default(), names: Vec::new() };
        loop {
            match self.byte()? {
                0x00 => return Ok(header),
                0x02 => {
                    while self.byte()? != 0 {
                        let size = self.number()?;
                        self.take(size)?;
                    }
                }
                0x03 => drop(self.streams()?),
                0x04 => header.streams = self.streams()?,
                0x05 => header.names = self.names()?,
                _ => return Err(damaged("7z header")),
            }
        }
    }

    fn streams(&mut self) -> io::Result<Streams> {
        let mut streams = Streams::default();
        let mut summed = Vec::new();
        let mut split = false;
        loop {
            match self.byte()? {
                0x00 => break,
                0x06 => {
                    streams.start = self.number()?;
                    let count = self.count()?;
                    loop {
                        match self.byte()? {
                            0x00 => break,
                            0x09 => streams.packed = (0..count).map(|_| self.number()).collect::<io::Result<_>>()?,
                            0x0a => drop(self.sums(count)?),
                            _ => return Err(damaged("7z streams")),
                        }
                    }
                }
                0x07 => summed = self.folders(&mut streams)?,
                0x08 => {
                    split = true;
                    self.substreams(&mut streams, &summed)?;
                }
                _ => return Err(damaged("7z streams")),
            }
        }
        if !split {
            let whole = |folder: &Folder| vec![folder.size()];
            streams.files = streams.folders.iter().map(whole).collect();
        }
        Ok(streams)
    }

    fn folders(&mut self, streams: &mut Streams) -> io::Result<Vec<bool>> {
        let mut summed = Vec::new();
        if self.byte()? != 0x0b {
            return Err(damaged("7z folders"));
        }
        let count = self.count()?;
        if self.byte()? != 0 {
            return Err(damaged("7z folders kept elsewhere"));
        }
        streams.folders = (0..count).map(|_| self.folder()).collect::<io::Result<_>>()?;
        loop {
            match self.byte()? {
                0x00 => break,
                0x0c => {
                    for folder in &mut streams.folders {
                        let outputs: u64 = folder.coders.iter().map(|coder| coder.outputs).sum();
                        folder.sizes = (0..outputs).map(|_| self.number()).collect::<io::Result<_>>()?;
                    }
                }
                0x0a => summed = self.sums(count)?,
                _ => return Err(damaged("7z folders")),
            }
        }
        Ok(summed)
    }

    fn folder(&mut self) -> io::Result<Folder> {
        let mut folder = Folder::default();
        let coders = self.number()?;
        if coders == 0 || coders > 32 {
            return Err(damaged("7z coders"));
        }
        for _ in 0..coders {
            let flags = self.byte()?;
            let id = self.take(u64::from(flags & 0x0f))?.to_vec();
            let mut coder = Coder { id, inputs: 1, outputs: 1, ..Coder::default() };
            if flags & 0x10 != 0 {
                (coder.inputs, coder.outputs) = (self.number()?, self.number()?);
            }
            if coder.inputs > 32 || coder.outputs > 32 {
                return Err(damaged("7z coders"));
            }
            if flags & 0x20 != 0 {
                let size = self.number()?;
                coder.properties = self.take(size)?.to_vec();
            }
            folder.coders.push(coder);
        }
        let inputs: u64 = folder.coders.iter().map(|coder| coder.inputs).sum();
        let outputs: u64 = folder.coders.iter().map(|coder| coder.outputs).sum();
        let bonds = outputs.saturating_sub(1);
        folder.bonds = (0..bonds).map(|_| Ok((self.number()?, self.number()?))).collect::<io::Result<_>>()?;
        folder.packed = inputs.checked_sub(bonds).ok_or_else(|| damaged("7z coders"))?;
        if folder.packed > 1 {
            for _ in 0..folder.packed {
                self.number()?;
            }
        }
        Ok(folder)
    }

    fn substreams(&mut self, streams: &mut Streams, summed: &[bool]) -> io::Result<()> {
        let mut counts = vec![1; streams.folders.len()];
        let mut kind = self.byte()?;
        if kind == 0x0d {
            for count in &mut counts {
                *count = self.count()?;
            }
            if counts.iter().sum::<u64>() > MOST {
                return Err(damaged("7z files"));
            }
            kind = self.byte()?;
        }
        for (folder, &count) in streams.folders.iter().zip(&counts) {
            let mut sizes = Vec::new();
            let mut left = folder.size();
            for _ in 1..count {
                let size = if kind == 0x09 { self.number()? } else { 0 };
                left = left.saturating_sub(size);
                sizes.push(size);
            }
            if count > 0 {
                sizes.push(left);
            }
            streams.files.push(sizes);
        }
        if kind == 0x09 {
            kind = self.byte()?;
        }
        while kind != 0 {
            if kind != 0x0a {
                return Err(damaged("7z files"));
            }
            // Folders of one file have their sum already.
            let known = |at: usize| counts[at] == 1 && summed.get(at) == Some(&true);
            let missing: u64 = (0..counts.len()).filter(|&at| !known(at)).map(|at| counts[at]).sum();
            self.sums(missing)?;
            kind = self.byte()?;
        }
        Ok(())
    }

    /// Names of the files that have bytes.
    fn names(&mut self) -> io::Result<Vec<String>> {
        let count = self.count()?;
        let (mut names, mut empty) = (Vec::new(), vec![false; count as usize]);
        loop {
            let kind = self.byte()?;
            if kind == 0 {
                break;
            }
            let size = self.number()?;
            let mut property = Parser { bytes: self.take(size)? };
            match kind {
                0x11 if property.byte()? == 0 => {
                    let units: Vec<u16> =
                        property.bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
                    names = units.split(|&unit| unit == 0).map(String::from_utf16_lossy).collect();
                }
                0x0e => empty = property.bits(count, false)?,
                _ => {}
            }
        }
        names.resize(count as usize, String::new());
        Ok(names.into_iter().zip(empty).filter(|(_, empty)| !empty).map(|(name, _)| name).collect())
    }
}

impl Folder {
    /// Size of what comes out of it.
    fn size(&self) -> u64 {
        let main = (0..self.sizes.len() as u64).find(|output| self.bonds.iter().all(|(_, from)| from != output));
        main.and_then(|main| self.sizes.get(main as usize)).copied().unwrap_or(0)
    }
}
