//! Deflate and gzip: one or several members in a row, of any size.

use std::io::{self, Read};

use zlib_rs::{Inflate, InflateFlush, Status};

use super::damaged;

/// Bytes taken from below at a time.
const INPUT: usize = 32 << 10;

/// Decompresses a deflate stream; of gzip every member.
pub(super) struct Gzip<R> {
    source: R,
    inflate: Inflate,
    input: Box<[u8]>,
    /// What of `input` is still to be read.
    start: usize,
    end: usize,
    /// Members have a header, and more of them may follow.
    gzip: bool,
    /// No member was begun yet.
    first: bool,
    state: State,
    /// The check sum of the member's bytes so far.
    sum: crc32fast::Hasher,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Header,
    Body,
    /// A member's check sum and length follow.
    Trailer,
    End,
}

impl<R: Read> Gzip<R> {
    /// A gzip file.
    pub(super) fn new(source: R) -> Self {
        Self::with(source, false, true)
    }

    /// A deflate stream without a header, as in zip.
    pub(super) fn raw(source: R) -> Self {
        Self::with(source, false, false)
    }

    /// A zlib stream, as in PDF.
    pub(super) fn zlib(source: R) -> Self {
        Self::with(source, true, false)
    }

    fn with(source: R, zlib: bool, gzip: bool) -> Self {
        Self {
            source,
            inflate: Inflate::new(zlib, 15),
            input: vec![0; INPUT].into(),
            start: 0,
            end: 0,
            gzip,
            first: true,
            state: if gzip { State::Header } else { State::Body },
            sum: crc32fast::Hasher::new(),
        }
    }

    /// Compressed bytes that were read so far.
    pub(super) fn consumed(&self) -> u64 {
        self.inflate.total_in()
    }

    /// Makes sure that something is in `input`; false at the end of the source.
    fn fill(&mut self) -> io::Result<bool> {
        if self.start == self.end {
            self.start = 0;
            self.end = self.source.read(&mut self.input)?;
        }
        Ok(self.start < self.end)
    }

    fn byte(&mut self) -> io::Result<u8> {
        if !self.fill()? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.start += 1;
        Ok(self.input[self.start - 1])
    }

    fn skip(&mut self, count: usize) -> io::Result<()> {
        (0..count).try_for_each(|_| self.byte().map(drop))
    }

    /// Reads what follows a member's bytes, and makes ready for the next.
    fn trailer(&mut self) -> io::Result<()> {
        let told = u32::from_le_bytes([self.byte()?, self.byte()?, self.byte()?, self.byte()?]);
        self.skip(4)?;
        self.inflate.reset(false);
        self.state = State::Header;
        let sum = std::mem::take(&mut self.sum).finalize();
        if told == sum { Ok(()) } else { Err(damaged("gzip check sum")) }
    }

    /// Reads a member's header; false when no member follows.
    fn header(&mut self) -> io::Result<bool> {
        if !self.fill()? {
            return Ok(false);
        }
        let magic = [self.byte()?, self.byte()?, self.byte()?];
        if magic != [0x1f, 0x8b, 8] {
            // Padding or rubbish behind the last member is common.
            return if self.first { Err(damaged("no gzip header")) } else { Ok(false) };
        }
        self.first = false;
        let flags = self.byte()?;
        self.skip(6)?;
        if flags & 4 != 0 {
            let length = u16::from_le_bytes([self.byte()?, self.byte()?]);
            self.skip(usize::from(length))?;
        }
        for text in [8, 16] {
            if flags & text != 0 {
                while self.byte()? != 0 {}
            }
        }
        if flags & 2 != 0 {
            self.skip(2)?;
        }
        Ok(true)
    }
}

impl<R: Read> Read for Gzip<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while !out.is_empty() {
            match self.state {
                State::End => return Ok(0),
                State::Header => {
                    self.state = if self.header()? { State::Body } else { State::End };
                    continue;
                }
                State::Trailer => {
                    self.trailer()?;
                    continue;
                }
                State::Body => {}
            }
            let more = self.fill()?;
            let (consumed, produced) = (self.inflate.total_in(), self.inflate.total_out());
            let input = &self.input[self.start..self.end];
            let status =
                self.inflate.decompress(input, out, InflateFlush::NoFlush).map_err(|_| damaged("deflate data"))?;
            let consumed = (self.inflate.total_in() - consumed) as usize;
            let produced = (self.inflate.total_out() - produced) as usize;
            self.start += consumed.min(self.end - self.start);
            if self.gzip {
                self.sum.update(&out[..produced]);
            }
            if status == Status::StreamEnd {
                // What was read is handed on before trouble with what follows it.
                self.state = if self.gzip { State::Trailer } else { State::End };
            } else if produced == 0 && consumed == 0 && !more {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if produced > 0 {
                return Ok(produced);
            }
        }
        Ok(0)
    }
}
