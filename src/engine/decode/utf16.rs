//! UTF-16 that an encoding held (PowerShell's `-EncodedCommand` is base64 of it); little endian.

use super::piece::Piece;

/// The decoder's name, as that of whole files.
pub(super) const NAME: &str = "utf-16le";

/// Whether `bytes` are UTF-16 of ASCII text for the most part: every second byte is NUL. 0 or 1 is where it begins.
pub(super) fn starts(bytes: &[u8]) -> Option<usize> {
    let head = &bytes[..bytes.len().min(64)];
    (0..2).find(|&start| {
        let pairs = head.get(start..).unwrap_or_default().chunks_exact(2);
        let count = pairs.len();
        let text = pairs.filter(|pair| super::is_text_byte(pair[0]) && pair[1] == 0).count();
        count >= super::TEXT / 2 && text * 10 >= count * 9
    })
}

/// Decodes from `start` on.
pub(super) fn decode(bytes: &[u8], start: usize) -> Piece {
    let mut piece = Piece::new(NAME, start);
    let units =
        bytes.get(start..).unwrap_or_default().chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let mut at = start;
    for character in char::decode_utf16(units) {
        let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
        let mut buffer = [0; 4];
        let encoded = character.encode_utf8(&mut buffer);
        let width = 2 * character.len_utf16();
        piece.push(encoded.as_bytes(), at..at + width);
        at += width;
    }
    piece
}

#[cfg(test)]
mod tests {
    use super::{decode, starts};

    #[test]
    fn it_is_told_and_decoded() {
        let text = "$token = 'ä\u{1F511}x'"; // keysweep:allow made up
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let at = starts(&bytes[..18]).expect("told");
        let piece = decode(&bytes, at);
        assert_eq!(piece.text, text.as_bytes());
        let x = text.find('x').expect("there");
        assert_eq!(piece.outer(x..x + 1), bytes.len() - 4..bytes.len() - 2);
        assert_eq!(starts(b"plain text is none"), None);
        assert_eq!(starts(&[0; 40]), None);
    }
}
