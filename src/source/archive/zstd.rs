//! Zstandard, by ruzstd, with bounded memory: frames in a row, skippable ones passed over.

use std::io::{self, BufRead, BufReader, Read};

use ruzstd::decoding::StreamingDecoder;

use super::{MEMORY, damaged};

/// Decompresses zstd.
pub(super) struct Zstd<R: Read> {
    state: State<R>,
}

enum State<R: Read> {
    Between(BufReader<R>),
    Frame(Box<StreamingDecoder<BufReader<R>, ruzstd::decoding::FrameDecoder>>),
    End,
}

impl<R: Read> Zstd<R> {
    pub(super) fn new(source: R) -> Self {
        Self { state: State::Between(BufReader::new(source)) }
    }
}

/// Passes over skippable frames and opens the next one.
fn open<R: Read>(mut source: BufReader<R>) -> io::Result<State<R>> {
    loop {
        let head = source.fill_buf()?;
        if head.is_empty() {
            return Ok(State::End);
        }
        let skippable = matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]);
        if !skippable {
            let decoder = StreamingDecoder::new_with_max_window_size(source, MEMORY as u64)
                .map_err(|error| damaged(&format!("zstd frame: {error}")))?;
            return Ok(State::Frame(Box::new(decoder)));
        }
        let mut header = [0; 8];
        source.read_exact(&mut header)?;
        let [.., a, b, c, d] = header;
        let length = u64::from(u32::from_le_bytes([a, b, c, d]));
        if io::copy(&mut source.by_ref().take(length), &mut io::sink())? < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

impl<R: Read> Read for Zstd<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            match std::mem::replace(&mut self.state, State::End) {
                State::End => return Ok(0),
                State::Between(source) => self.state = open(source)?,
                State::Frame(mut decoder) => {
                    let count = decoder.read(out)?;
                    if count > 0 || out.is_empty() {
                        self.state = State::Frame(decoder);
                        return Ok(count);
                    }
                    self.state = State::Between(decoder.into_inner());
                }
            }
        }
    }
}
