//! Encodings: UTF-16 (with or without a mark) to UTF-8 before matching, and offsets back to the raw bytes.

use std::borrow::Cow;

/// Text ready for the engine, and what it was.
pub struct Decoded<'b> {
    /// Bytes to match; borrowed when nothing had to be decoded. A byte order mark is left out.
    pub text: Cow<'b, [u8]>,
    /// `utf-16le` or `utf-16be`, when decoded.
    pub encoding: Option<&'static str>,
    /// Raw bytes in front of the text (a byte order mark).
    pub skipped: usize,
    /// Length of the raw bytes.
    length: usize,
}

/// Decodes UTF-16; everything else passes as it is.
pub fn decode(raw: &[u8]) -> Decoded<'_> {
    if let Some(rest) = raw.strip_prefix(b"\xef\xbb\xbf") {
        return Decoded { text: Cow::Borrowed(rest), encoding: None, skipped: 3, length: raw.len() };
    }
    let (encoding, name, skipped) = match raw {
        [0xff, 0xfe, ..] => (encoding_rs::UTF_16LE, "utf-16le", 2),
        [0xfe, 0xff, ..] => (encoding_rs::UTF_16BE, "utf-16be", 2),
        _ => match unmarked(raw) {
            Some((encoding, name)) => (encoding, name, 0),
            None => return Decoded { text: Cow::Borrowed(raw), encoding: None, skipped: 0, length: raw.len() },
        },
    };
    let (text, _) = encoding.decode_without_bom_handling(&raw[skipped..]);
    Decoded { text: Cow::Owned(text.into_owned().into_bytes()), encoding: Some(name), skipped, length: raw.len() }
}

/// Whether [`decode`] leaves the bytes as they are.
pub fn is_plain(raw: &[u8]) -> bool {
    !matches!(raw, [0xef, 0xbb, 0xbf, ..] | [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) && unmarked(raw).is_none()
}

/// UTF-16 without a mark: in its first 256 bytes nearly every second byte is NUL and the others are text.
fn unmarked(raw: &[u8]) -> Option<(&'static encoding_rs::Encoding, &'static str)> {
    let head = &raw[..raw.len().min(256) & !1];
    if head.len() < 8 || memchr::memchr(0, head).is_none() {
        return None;
    }
    let pairs = head.len() / 2;
    let text = |byte: u8| byte == b'\t' || byte == b'\n' || byte == b'\r' || (0x20..0x7f).contains(&byte);
    let little = head.chunks_exact(2).filter(|pair| text(pair[0]) && pair[1] == 0).count();
    let big = head.chunks_exact(2).filter(|pair| pair[0] == 0 && text(pair[1])).count();
    if little * 10 >= pairs * 9 {
        Some((encoding_rs::UTF_16LE, "utf-16le"))
    } else if big * 10 >= pairs * 9 {
        Some((encoding_rs::UTF_16BE, "utf-16be"))
    } else {
        None
    }
}

impl Decoded<'_> {
    /// The raw offset of a text offset.
    pub fn raw_offset(&self, offset: usize) -> usize {
        match self.encoding {
            None => self.skipped + offset,
            Some(_) => {
                let before = &self.text[..offset.min(self.text.len())];
                let units: usize =
                    before.utf8_chunks().flat_map(|chunk| chunk.valid().chars()).map(char::len_utf16).sum();
                // An odd last byte is one replacement character, but not two bytes.
                (self.skipped + 2 * units).min(self.length)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn utf16_is_found_with_and_without_a_mark() {
        let text = "key = ä\u{1F511}x and more text to be sure of it";
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for (raw, name) in [(little, "utf-16le"), (big, "utf-16be")] {
            let decoded = decode(&raw);
            assert_eq!(decoded.encoding, Some(name));
            assert_eq!(&*decoded.text, text.as_bytes());
            let at = text.find('x').expect("there");
            assert_eq!(decoded.raw_offset(at), 2 * "key = ä".encode_utf16().count() + 4);
        }
    }

    #[test]
    fn an_odd_last_byte_has_its_place() {
        let decoded = decode(b"\xff\xfea\0b");
        assert_eq!(decoded.raw_offset(decoded.text.len()), 5);
    }
}
