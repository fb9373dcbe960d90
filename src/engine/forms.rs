//! Values of a well-known form that are no secrets: instants, numbers with a type or unit, UUIDs, encoded names.

use base64::Engine as _;

use super::assignment::Operator;
use super::value::Candidate;
use super::words::{placeholder, reads_as_words};

/// Whether the value is base64 of `name:password` with a password worth reporting; `None` when it is no such thing.
pub(super) fn basic(value: &[u8]) -> Option<bool> {
    if value.len() > 400 || !value.len().is_multiple_of(4) {
        return None;
    }
    let decoded = base64::engine::general_purpose::STANDARD.decode(value).ok()?;
    let colon = decoded.iter().position(|&byte| byte == b':')?;
    let (name, password) = (&decoded[..colon], &decoded[colon + 1..]);
    if name.is_empty() || !decoded.iter().all(|byte| (b' '..0x7f).contains(byte)) {
        return None;
    }
    Some(password.len() >= 6 && !reads_as_words(password) && placeholder(password).is_none() && password != name)
}

/// `2016-09-08T21:47:36Z` and the like.
pub(super) fn instant(value: &[u8]) -> bool {
    let letters = value.iter().filter(|byte| byte.is_ascii_alphabetic()).all(|byte| matches!(byte, b'T' | b'Z' | b'z'));
    letters && value.len() >= 16 && value.get(4) == Some(&b'-') && value.get(10) == Some(&b'T')
}

/// `T1003.008`, `v1.2.3`: a letter or two and numbers with points between them.
pub(super) fn numbered(value: &[u8]) -> bool {
    let letters = value.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let mut numbers = value[letters..].split(|&byte| byte == b'.');
    (1..=2).contains(&letters)
        && numbers.clone().count() > 1
        && numbers.all(|number| !number.is_empty() && number.len() <= 6 && number.iter().all(u8::is_ascii_digit))
}

/// `2048u32`, `10_000L`, `304ns`: digits and a type or a unit.
pub(super) fn suffixed(value: &[u8]) -> bool {
    let value = value.strip_prefix(b"-").unwrap_or(value);
    let digits = value.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'_').count();
    const TYPES: [&[u8]; 23] = [
        b"u8", b"u16", b"u32", b"u64", b"u128", b"usize", b"i8", b"i16", b"i32", b"i64", b"isize", b"f32", b"f64",
        b"L", b"UL", b"n", b"ns", b"us", b"ms", b"s", b"KB", b"MB", b"GB",
    ];
    digits > 0 && TYPES.contains(&&value[digits..])
}

/// How many letters and digits stand beside the UUIDs of a value; `None` when it holds none.
pub(super) fn beside_uuids(value: &[u8]) -> Option<usize> {
    let (mut at, mut rest, mut found) = (0, 0, false);
    while at < value.len() {
        if value.get(at..at + 36).is_some_and(uuid) {
            found = true;
            at += 36;
        } else {
            rest += usize::from(value[at].is_ascii_alphanumeric());
            at += 1;
        }
    }
    found.then_some(rest)
}

pub(super) fn uuid(value: &[u8]) -> bool {
    value.len() == 36
        && value.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// What is said of a value that is a UUID, which some providers' keys are.
pub(super) const UUID: &str = "the value is a UUID";

/// Whether name and value are two plain names on lines of their own: `"grpc_credentials",` over `"iomgr_fwd",`.
pub(super) fn items_of_a_list(candidate: &Candidate<'_>) -> bool {
    let between = candidate.text.get(candidate.name_at.end..candidate.value_at.start).unwrap_or_default();
    let plain = |byte: &u8| byte.is_ascii_lowercase() || *byte == b'_';
    candidate.operator == Operator::Call
        && between.contains(&b'\n')
        && candidate.value.contains(&b'_')
        && candidate.value.iter().all(plain)
}

#[cfg(test)]
mod tests {
    use super::{beside_uuids, numbered, suffixed};

    #[test]
    fn uuids_are_told_from_what_stands_beside_them() {
        let one = "123e4567-e89b-12d3-a456-426614174000";
        assert_eq!(beside_uuids(one.as_bytes()), Some(0));
        assert_eq!(beside_uuids(format!("{one}:{one}:abc").as_bytes()), Some(3));
        assert_eq!(beside_uuids(b"123e4567-e89b-12d3-a456"), None);
    }

    #[test]
    fn numbers_have_types_and_units() {
        for number in ["2048u32", "10_000L", "304ns", "-5MB"] {
            assert!(suffixed(number.as_bytes()), "{number}");
        }
        assert!(!suffixed(b"ns") && !suffixed(b"304nsx"));
        assert!(numbered(b"T1003.008") && numbered(b"v1.2.3") && !numbered(b"k9.x7") && !numbered(b"T1003"));
    }
}
