//! The header of a 7z archive: properties in properties, each begun by a byte that says what it is.

use std::io;

use super::damaged;

/// Most streams, files and coders that are believed.
const MOST: u64 = 1 << 20;

/// Streams, and how they were made.
#[derive(Debug, Default)]
pub(super) struct Streams {
    /// Where the first packed stream stands, behind the header in front.
    pub(super) start: u64,
    pub(super) packed: Vec<u64>,
    pub(super) folders: Vec<Folder>,
    /// Sizes of the files in each folder.
    pub(super) files: Vec<Vec<u64>>,
}

/// A packed stream and what it went through.
#[derive(Debug, Default)]
pub(super) struct Folder {
    pub(super) coders: Vec<Coder>,
    /// Which coder's input is another's output: (input, output).
    pub(super) bonds: Vec<(u64, u64)>,
    /// Packed streams it takes.
    pub(super) packed: u64,
    pub(super) sizes: Vec<u64>,
}

#[derive(Debug, Default)]
pub(super) struct Coder {
    pub(super) id: Vec<u8>,
    pub(super) properties: Vec<u8>,
    pub(super) inputs: u64,
    pub(super) outputs: u64,
}

/// The streams and the files' names.
pub(super) struct Header {
    pub(super) streams: Streams,
    /// Names of the files that have bytes.
    pub(super) names: Vec<String>,
}

/// Reads the header's properties.
pub(super) struct Parser<'z> {
    pub(super) bytes: &'z [u8],
}

impl<'z> Parser<'z> {
    fn take(&mut self, count: u64) -> io::Result<&'z [u8]> {
        let count = usize::try_from(count).map_err(|_| damaged("7z header"))?;
        let (taken, rest) = self.bytes.split_at_checked(count).ok_or_else(|| damaged("7z header"))?;
        self.bytes = rest;
        Ok(taken)
    }

    pub(super) fn byte(&mut self) -> io::Result<u8> {
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

    pub(super) fn header(&mut self) -> io::Result<Header> {
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

    pub(super) fn streams(&mut self) -> io::Result<Streams> {
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
