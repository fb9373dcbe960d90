//! Alphabets and encodings of templates.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

pub(super) const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
pub(super) const BASE36: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
pub(super) const BASE58: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
pub(super) const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

pub(super) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(super) fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes in groups of five bits, without padding.
pub(super) fn fives(bytes: &[u8]) -> Vec<u8> {
    let (mut groups, mut held, mut bits) = (Vec::new(), 0u32, 0);
    for byte in bytes {
        held = (held << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            groups.push((held >> bits & 31) as u8);
        }
    }
    if bits > 0 {
        groups.push((held << (5 - bits) & 31) as u8);
    }
    groups
}

pub(super) fn base32(bytes: &[u8]) -> String {
    fives(bytes).into_iter().map(|group| char::from(BASE32[usize::from(group)])).collect()
}

/// `value` in base `digits.len()`, as wide as `width`.
pub(super) fn number(mut value: u64, digits: &[u8], width: usize) -> String {
    let mut text = vec![digits[0]; width];
    for place in text.iter_mut().rev() {
        *place = digits[(value % digits.len() as u64) as usize];
        value /= digits.len() as u64;
    }
    text.into_iter().map(char::from).collect()
}

/// Big-endian `bytes` as one number in base `digits.len()`; leading zeros are left out.
pub(super) fn long_number(bytes: &[u8], digits: &[u8]) -> String {
    let (mut value, mut text, base) = (bytes.to_vec(), Vec::new(), digits.len() as u32);
    while value.iter().any(|byte| *byte != 0) {
        let mut rest = 0u32;
        for byte in &mut value {
            let sum = rest * 256 + u32::from(*byte);
            *byte = (sum / base) as u8;
            rest = sum % base;
        }
        text.push(char::from(digits[rest as usize]));
    }
    text.into_iter().rev().collect()
}

/// Percent signs for all but RFC 3986's unreserved characters.
pub(super) fn url(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
        out
    })
}

/// As inside a JSON string.
pub(super) fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

pub(super) fn indented(text: &str, blanks: usize) -> String {
    let blanks = " ".repeat(blanks.min(64));
    text.lines().map(|line| format!("{blanks}{line}")).collect::<Vec<_>>().join("\n")
}
