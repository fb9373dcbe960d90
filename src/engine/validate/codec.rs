//! Encodings that tokens are written in: base64 in every dialect, base32, base58, numbers in base 36 and 62.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Digits of base 62 as GitHub, npm and KSUID order them; the first 36 (lower-cased) are not base 36.
pub(super) const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Digits of base 36.
pub(super) const BASE36: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// Padding is optional and the unused bits of the last character are not looked at: issuers differ in both.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Decodes base64 (RFC 4648), either alphabet, padded or not.
pub(super) fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let standard: Vec<u8> = text
        .iter()
        .map(|byte| match byte {
            b'-' => b'+',
            b'_' => b'/',
            other => *other,
        })
        .collect();
    LENIENT.decode(standard).ok()
}

/// Encodes in standard base64 with padding.
pub(super) fn to_base64(bytes: &[u8]) -> String {
    LENIENT.encode(bytes)
}

/// Decodes base32 (RFC 4648: A-Z 2-7), no padding; bits that fill no byte are dropped.
pub(super) fn base32(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 5 / 8);
    let (mut buffer, mut bits) = (0u32, 0u32);
    for byte in text {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'2'..=b'7' => byte - b'2' + 26,
            _ => return None,
        };
        buffer = (buffer << 5) | u32::from(digit);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((buffer >> bits) as u8);
            buffer &= (1 << bits) - 1;
        }
    }
    Some(bytes)
}

/// Encodes in base32 without padding.
pub(super) fn to_base32(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = String::with_capacity(bytes.len() * 8 / 5 + 1);
    let (mut buffer, mut bits) = (0u32, 0u32);
    for byte in bytes {
        buffer = (buffer << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(DIGITS[(buffer >> bits) as usize & 31]));
            buffer &= (1 << bits) - 1;
        }
    }
    if bits > 0 {
        text.push(char::from(DIGITS[(buffer << (5 - bits)) as usize & 31]));
    }
    text
}

/// Reads a number in any base into big-endian bytes of a fixed width; `None` when a digit is wrong or it overflows.
///
/// The work grows with length times width, so callers bound the length.
pub(super) fn number<const WIDTH: usize>(text: &[u8], digits: &[u8]) -> Option<[u8; WIDTH]> {
    let mut value = [0u8; WIDTH];
    for byte in text {
        let mut carry = digits.iter().position(|digit| digit == byte)? as u32;
        for place in value.iter_mut().rev() {
            carry += u32::from(*place) * digits.len() as u32;
            *place = carry as u8;
            carry >>= 8;
        }
        if carry > 0 {
            return None;
        }
    }
    Some(value)
}

/// Writes a number in any base, left-padded with its zero to `width` digits; the most significant digits are cut.
pub(super) fn digits(mut value: u64, alphabet: &[u8], width: usize) -> Vec<u8> {
    let base = alphabet.len() as u64;
    let mut text = vec![alphabet[0]; width];
    for place in text.iter_mut().rev() {
        *place = alphabet[(value % base) as usize];
        value /= base;
    }
    text
}

/// Decodes base58 (Bitcoin's alphabet) of at most 128 characters.
pub(super) fn base58(text: &[u8]) -> Option<Vec<u8>> {
    const DIGITS: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    if text.len() > 128 {
        return None;
    }
    let value = number::<96>(text, DIGITS)?;
    let zeros = text.iter().take_while(|byte| **byte == b'1').count();
    let first = value.iter().position(|byte| *byte != 0).unwrap_or(value.len());
    let mut bytes = vec![0; zeros];
    bytes.extend_from_slice(&value[first..]);
    Some(bytes)
}

/// Whether `needle` stands in `text`.
pub(super) fn contains(text: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(text, needle).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read_in_every_dialect() {
        for text in ["-_-_", "+/+/"] {
            assert_eq!(base64(text.as_bytes()), Some(vec![0xfb, 0xff, 0xbf]));
        }
        for text in ["aGk", "aGk=", "aGl"] {
            assert_eq!(base64(text.as_bytes()), Some(b"hi".to_vec()), "{text}");
        }
        for text in ["a", "aGk*", "aG=k", "\u{fc}"] {
            assert_eq!(base64(text.as_bytes()), None, "{text}");
        }
    }

    /// RFC 4648 section 10.
    #[test]
    fn base32_agrees_with_the_rfc() {
        for (plain, text) in [("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foob", "MZXW6YQ"), ("foobar", "MZXW6YTBOI")] {
            assert_eq!(to_base32(plain.as_bytes()), text);
            assert_eq!(base32(text.as_bytes()), Some(plain.as_bytes().to_vec()));
        }
        assert_eq!(base32(b"my"), None);
    }

    #[test]
    fn numbers_go_both_ways_and_overflow_is_seen() {
        assert_eq!(digits(323_682_008, BASE62, 6), b"0Lu8TY");
        assert_eq!(number::<8>(b"0Lu8TY", BASE62), Some(323_682_008u64.to_be_bytes()));
        assert_eq!(number::<1>(b"7z", BASE36), None);
        assert_eq!(number::<2>(b"!", BASE36), None);
    }

    #[test]
    fn base58_keeps_leading_zeros() {
        assert_eq!(base58(b"112"), Some(vec![0, 0, 1]));
        assert_eq!(base58(b"5Q"), Some(vec![255]));
        assert_eq!(base58(b"0"), None);
        assert_eq!(base58(&[b'z'; 129]), None);
    }
}
