//! Decompression: one call for an entry whose size is known, a stream for everything else.
//!
//! Packs give every entry's size, so libdeflate's one-shot call fits; on packs of source code it needs about two
//! thirds of zlib-rs's time (docs/history.md has the figures). Loose objects tell their size only inside the stream
//! and large blobs must not be held whole: those go through zlib-rs.

use zlib_rs::{Inflate, InflateFlush, Status};

use super::fault::Fault;

/// A byte of deflate yields at most this many bytes; a size beyond that is a lie, found before any memory is taken.
const MOST_PER_BYTE: u64 = 1040;

/// Decompresses entries; one per thread.
pub struct Inflater {
    one_shot: libdeflater::Decompressor,
}

impl Default for Inflater {
    fn default() -> Self {
        Self { one_shot: libdeflater::Decompressor::new() }
    }
}

impl Inflater {
    /// Decompresses the zlib stream at the start of `input` into `out`, which then holds exactly `size` bytes.
    ///
    /// # Errors
    /// When the stream is damaged or yields another number of bytes.
    pub fn inflate(&mut self, input: &[u8], size: u64, out: &mut Vec<u8>) -> Result<(), Fault> {
        let size = plausible(input, size)?;
        // Growing fills with zeros; buffers that are used again keep their bytes, so this costs little.
        out.resize(size, 0);
        match self.one_shot.zlib_decompress(input, out) {
            Ok(got) if got == size => Ok(()),
            Ok(_) | Err(libdeflater::DecompressionError::InsufficientSpace) => Err(Fault::Size),
            Err(_) => Err(Fault::Inflate),
        }
    }
}

/// `size` as a number of bytes in memory, when `input` can hold that much.
pub fn plausible(input: &[u8], size: u64) -> Result<usize, Fault> {
    if size > (input.len() as u64).saturating_mul(MOST_PER_BYTE) {
        return Err(Fault::Size);
    }
    usize::try_from(size).map_err(|_| Fault::Size)
}

/// A zlib stream read piece by piece.
pub struct Stream<'i> {
    inflate: Inflate,
    input: &'i [u8],
    ended: bool,
}

impl<'i> Stream<'i> {
    /// The stream at the start of `input`.
    pub fn new(input: &'i [u8]) -> Self {
        Self { inflate: Inflate::new(true, 15), input, ended: false }
    }

    /// Fills `out` as far as the stream goes; how many bytes came. Fewer than asked for: the stream has ended.
    ///
    /// # Errors
    /// When the stream is damaged or cut off.
    pub fn read(&mut self, out: &mut [u8]) -> Result<usize, Fault> {
        let mut filled = 0;
        while filled < out.len() && !self.ended {
            let (consumed, produced) = (self.inflate.total_in(), self.inflate.total_out());
            let status = self
                .inflate
                .decompress(self.input, &mut out[filled..], InflateFlush::NoFlush)
                .map_err(|_| Fault::Inflate)?;
            let consumed = (self.inflate.total_in() - consumed) as usize;
            let produced = (self.inflate.total_out() - produced) as usize;
            self.input = self.input.get(consumed..).unwrap_or_default();
            filled += produced;
            match status {
                Status::StreamEnd => self.ended = true,
                _ if consumed == 0 && produced == 0 => return Err(Fault::Inflate),
                _ => {}
            }
        }
        Ok(filled)
    }

    /// Whether all has been read: the stream ends here, with the right check sum.
    ///
    /// # Errors
    /// When the stream is damaged or cut off.
    pub fn at_end(&mut self) -> Result<bool, Fault> {
        let mut one = [0];
        Ok(self.ended || self.read(&mut one)? == 0)
    }
}

#[cfg(test)]
pub(crate) fn deflate(content: &[u8]) -> Vec<u8> {
    let mut compressor = libdeflater::Compressor::new(libdeflater::CompressionLvl::fastest());
    let mut out = vec![0; compressor.zlib_compress_bound(content.len())];
    let len = compressor.zlib_compress(content, &mut out).expect("fits");
    out.truncate(len);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Fault, Inflater, Stream, deflate};

    proptest! {
        #[test]
        fn one_shot_and_stream_agree(content in prop::collection::vec(any::<u8>(), 0..2000), piece in 1usize..300) {
            let mut packed = deflate(&content);
            packed.extend(b"what follows in the pack");
            let mut out = Vec::new();
            Inflater::default().inflate(&packed, content.len() as u64, &mut out).expect("inflates");
            prop_assert_eq!(&out, &content);
            let mut stream = Stream::new(&packed);
            let (mut all, mut buffer) = (Vec::new(), vec![0; piece]);
            loop {
                let got = stream.read(&mut buffer).expect("inflates");
                all.extend_from_slice(&buffer[..got]);
                if got < piece {
                    break;
                }
            }
            prop_assert_eq!(all, content);
        }

        #[test]
        fn damage_is_an_error(content in prop::collection::vec(any::<u8>(), 1..500), at in any::<prop::sample::Index>(), cut in any::<bool>()) {
            let mut packed = deflate(&content);
            let at = at.index(packed.len());
            if cut {
                packed.truncate(at);
            } else {
                packed[at] ^= 0x11;
            }
            let mut out = Vec::new();
            let result = Inflater::default().inflate(&packed, content.len() as u64, &mut out);
            prop_assert!(result.is_err() || out == content);
            let mut stream = Stream::new(&packed);
            let mut whole = vec![0; content.len()];
            if let Ok(got) = stream.read(&mut whole) {
                let _ = (got, stream.at_end());
            }
        }
    }

    #[test]
    fn a_size_that_lies_takes_no_memory() {
        let packed = deflate(b"small");
        let mut out = Vec::new();
        let mut inflater = Inflater::default();
        assert_eq!(inflater.inflate(&packed, u64::MAX, &mut out), Err(Fault::Size));
        assert_eq!(out.capacity(), 0);
        assert_eq!(inflater.inflate(&packed, 4, &mut out), Err(Fault::Size));
        assert_eq!(inflater.inflate(&packed, 6, &mut out), Err(Fault::Size));
    }
}
