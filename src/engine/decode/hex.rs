//! Hexadecimal: two digits a byte, in either case.

use super::piece::Piece;

/// The decoder's name.
pub(super) const NAME: &str = "hex";

/// Where in `run` (hex digits alone) text begins: 0 or 1, when twelve bytes in a row are text.
pub(super) fn text_at(run: &[u8]) -> Option<usize> {
    let odd = usize::from(!run.len().is_multiple_of(2));
    (0..=odd).find(|&start| {
        let mut streak = 0;
        run[start..].chunks_exact(2).any(|pair| {
            streak = if super::is_text_byte(byte(pair)) { streak + 1 } else { 0 };
            streak == super::TEXT
        })
    })
}

/// Whether `run` begins with a compressed stream.
pub(super) fn compressed(run: &[u8]) -> bool {
    let head: Vec<u8> = run.chunks_exact(2).take(3).map(byte).collect();
    super::inflate::is_stream(&head)
}

/// Decodes from `start` on, as far as the digits go.
pub(super) fn decode(text: &[u8], start: usize) -> Piece {
    let mut piece = Piece::new(NAME, start);
    let pairs = text[start..].chunks_exact(2).take_while(|pair| pair.iter().all(u8::is_ascii_hexdigit));
    for (at, pair) in pairs.enumerate() {
        let at = start + 2 * at;
        piece.push(&[byte(pair)], at..at + 2);
    }
    piece
}

/// The byte of two digits.
fn byte(pair: &[u8]) -> u8 {
    pair.iter().fold(0, |byte, &digit| byte << 4 | digit_value(digit))
}

/// The value of a hex digit; 0 for what is none.
fn digit_value(digit: u8) -> u8 {
    char::from(digit).to_digit(16).map_or(0, |value| value as u8)
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
        let piece = decode(format!("x{encoded}z").as_bytes(), 1);
        assert_eq!(piece.text, b"some plain text");
        assert_eq!(piece.outer(2..4), 5..9);
        assert_eq!(piece.outer, 1..1 + encoded.len());
    }
}
