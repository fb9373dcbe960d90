//! Hexadecimal: two digits a byte, in either case.

use std::ops::Range;

use super::piece::Piece;

/// The decoder's name.
pub(super) const NAME: &str = "hex";

/// The value of a digit; [`NONE`] for every other byte, [`TEXT`] beside it when a byte it begins may be one of text.
const DIGITS: [u8; 256] = {
    let mut table = [NONE; 256];
    let mut value = 0;
    while value < 16 {
        let digit = b"0123456789abcdef"[value];
        let text = if value < 8 && value != 1 { TEXT } else { 0 };
        table[digit as usize] = value as u8 | text;
        table[digit.to_ascii_uppercase() as usize] = value as u8 | text;
        value += 1;
    }
    table
};
const NONE: u8 = 0x80;
const TEXT: u8 = 0x40;

/// The first stretch of `digits` that is hex, of `least` or more.
pub(super) fn find(digits: &[u8], least: usize) -> Option<Range<usize>> {
    let is_hex = |byte: &u8| DIGITS[usize::from(*byte)] != NONE;
    let mut at = 0;
    while let Some(window) = digits.get(at..at + least) {
        // The last byte that is none rules out every stretch that holds it.
        match window.iter().rposition(|byte| !is_hex(byte)) {
            Some(place) => at += place + 1,
            None => return Some(at..at + least + digits[at + least..].iter().take_while(|byte| is_hex(byte)).count()),
        }
    }
    None
}

/// Where in `run` (hex digits alone) text begins: 0 or 1, when twelve bytes in a row are text.
pub(super) fn text_at(run: &[u8]) -> Option<usize> {
    let odd = usize::from(!run.len().is_multiple_of(2));
    (0..=odd).find(|&start| {
        let mut streak = 0;
        run[start..].chunks_exact(2).any(|pair| {
            // Most bytes that are not text show it in their first digit.
            let maybe = DIGITS[usize::from(pair[0])] & TEXT != 0;
            streak = if maybe && super::is_text_byte(byte(pair)) { streak + 1 } else { 0 };
            streak == super::TEXT
        })
    })
}

/// Whether `run` begins with a compressed stream.
pub(super) fn compressed(run: &[u8]) -> bool {
    let head: Vec<u8> = run.chunks_exact(2).take(3).map(byte).collect();
    super::inflate::is_stream(&head)
}

/// Decodes from `start` on, as far as the digits go, or until `largest` bytes came out that are no compressed stream.
pub(super) fn decode(text: &[u8], start: usize, largest: usize) -> Piece {
    let mut piece = Piece::new(NAME, start);
    let pairs = text[start..].chunks_exact(2).take_while(|pair| pair.iter().all(u8::is_ascii_hexdigit));
    let largest = if compressed(&text[start..]) { usize::MAX } else { largest };
    for (at, pair) in pairs.take(largest).enumerate() {
        let at = start + 2 * at;
        piece.push(&[byte(pair)], at..at + 2);
    }
    piece
}

/// The byte of two digits.
fn byte(pair: &[u8]) -> u8 {
    pair.iter().fold(0, |byte, &digit| byte << 4 | DIGITS[usize::from(digit)] & 15)
}

#[cfg(test)]
mod tests {
    use super::{decode, text_at};

    fn hex(text: &str) -> String {
        text.bytes().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn text_is_told_from_digests() {
        let encoded = hex("some plain text");
        assert_eq!(text_at(encoded.as_bytes()), Some(0));
        assert_eq!(text_at(format!("0{encoded}").as_bytes()), Some(1));
        assert_eq!(text_at(b"da39a3ee5e6b4b0d3255bfef95601890afd80709"), None);
        let piece = decode(format!("x{encoded}z").as_bytes(), 1, usize::MAX);
        assert_eq!(piece.text, b"some plain text");
        assert_eq!(piece.outer(2..4), 5..9);
        assert_eq!(piece.outer, 1..1 + encoded.len());
    }
}
