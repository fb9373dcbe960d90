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
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Header,
    Body,
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
            state: if gzip { State::Header } else { State::Body },
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

    /// Reads a member's header; false when no member follows.
    fn header(&mut self, first: bool) -> io::Result<bool> {
        if !self.fill()? {
            return Ok(false);
        }
        let magic = [self.byte()?, self.byte()?, self.byte()?];
        if magic != [0x1f, 0x8b, 8] {
            // Padding or rubbish behind the last member is common.
            return if first { Err(damaged("no gzip header")) } else { Ok(false) };
        }
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
        let mut first = self.inflate.total_out() == 0;
        while !out.is_empty() {
            match self.state {
                State::End => return Ok(0),
                State::Header => {
                    self.state = if self.header(first)? { State::Body } else { State::End };
                    first = false;
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
            if status == Status::StreamEnd {
                if self.gzip {
                    self.skip(8)?;
                    self.inflate.reset(false);
                    self.state = State::Header;
                    first = false;
                } else {
                    self.state = State::End;
                }
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
