//! Compressed streams that an encoding held: gzip and zlib, up to a limit.

use zlib_rs::{Inflate, InflateFlush, Status};

/// What a stream was called, and what came out of it.
pub(super) struct Inflated {
    pub(super) name: &'static str,
    pub(super) text: Vec<u8>,
    /// The limit ended it.
    pub(super) cut: bool,
}

/// Whether `head` (three bytes do) begins a gzip or zlib stream.
pub(super) fn is_stream(head: &[u8]) -> bool {
    match *head {
        [0x1f, 0x8b, 8, ..] => true,
        // Window of 32 KB, no dictionary, a header that adds up, and no stored block of odd padding: nine in a
        // thousand random heads pass, and fail when they are decompressed.
        [0x78, flags, first, ..] => {
            (u32::from(0x78u8) * 256 + u32::from(flags)).is_multiple_of(31) && flags & 0x20 == 0 && first & 6 != 6
        }
        _ => false,
    }
}

/// Decompresses up to `limit` bytes; `None` when nothing of it can be read. Of a damaged stream the readable part
/// comes back.
pub(super) fn inflate(input: &[u8], limit: usize) -> Option<Inflated> {
    let (name, header, body) = match input {
        [0x1f, 0x8b, ..] => ("gzip", false, &input[gzip_header(input)?..]),
        _ => ("zlib", true, input),
    };
    let mut stream = Inflate::new(header, 15);
    let (mut text, mut buffer) = (Vec::new(), vec![0; 16 << 10]);
    let (mut rest, mut cut) = (body, false);
    loop {
        let (consumed, produced) = (stream.total_in(), stream.total_out());
        let status = stream.decompress(rest, &mut buffer, InflateFlush::NoFlush);
        let consumed = (stream.total_in() - consumed) as usize;
        let produced = ((stream.total_out() - produced) as usize).min(buffer.len());
        rest = rest.get(consumed..).unwrap_or_default();
        let room = limit - text.len();
        text.extend_from_slice(&buffer[..produced.min(room)]);
        if produced > room {
            cut = true;
            break;
        }
        match status {
            Ok(Status::StreamEnd) | Err(_) => break,
            Ok(_) if consumed == 0 && produced == 0 => break,
            Ok(_) => {}
        }
    }
    (!text.is_empty()).then_some(Inflated { name, text, cut })
}

/// Length of a gzip member's header.
fn gzip_header(input: &[u8]) -> Option<usize> {
    let flags = *input.get(3)?;
    let mut at = 10;
    if flags & 4 != 0 {
        let extra = input.get(at..at + 2)?;
        at += 2 + usize::from(u16::from_le_bytes([extra[0], extra[1]]));
    }
    for flag in [8, 16] {
        if flags & flag != 0 {
            at += input.get(at..)?.iter().position(|&byte| byte == 0)? + 1;
        }
    }
    if flags & 2 != 0 {
        at += 2;
    }
    (at <= input.len()).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::{inflate, is_stream};

    /// zlib of "some plain text, some plain text".
    const PLAIN: [u8; 28] = [
        0x78, 0x9c, 0x2b, 0xce, 0xcf, 0x4d, 0x55, 0x28, 0xc8, 0x49, 0xcc, 0xcc, 0x53, 0x28, 0x49, 0xad, 0x28, 0xd1,
        0x51, 0x28, 0x46, 0x15, 0x00, 0x00, 0xc3, 0xe5, 0x0b, 0xe7,
    ];

    #[test]
    fn limits_hold_and_damage_leaves_the_start() {
        assert!(is_stream(&PLAIN));
        let whole = inflate(&PLAIN, 1000).expect("inflates");
        assert_eq!((whole.name, whole.cut), ("zlib", false));
        assert_eq!(whole.text, b"some plain text, some plain text");
        let cut = inflate(&PLAIN, 10).expect("inflates");
        assert_eq!((cut.text.len(), cut.cut), (10, true));
        let damaged = inflate(&PLAIN[..20], 1000).map(|inflated| inflated.text).unwrap_or_default();
        assert!(b"some plain text, some plain text".starts_with(&damaged));
        assert!(inflate(b"\x1f\x8b\x08\x1cxxxxxx\xff\xff", 100).is_none());
    }
}
