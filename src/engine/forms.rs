//! Values of a well-known form that are no secrets: instants, numbers with a type or unit, UUIDs, encoded names.

use base64::Engine as _;

use super::assignment::Operator;
use super::innocent::words;
use super::value::Candidate;
use super::words::{distinct, placeholder, reads_as_words, transitions};

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

/// Whether the value is a random UUID (version 4, RFC 9562 section 5.4) that nobody counted up or made of one sign.
pub(super) fn random_uuid(value: &[u8]) -> bool {
    uuid(value)
        && value[14] == b'4'
        && matches!(value[19], b'8' | b'9' | b'a' | b'b' | b'A' | b'B')
        && distinct(value) > 9
}

/// Whether the value is random hexadecimal digits, fewer than a digest has: 8 to 15 bytes in one case of letters.
pub(super) fn short_random_hex(value: &[u8]) -> bool {
    let count = |test: fn(&u8) -> bool| value.iter().filter(|byte| test(byte)).count();
    let (digits, lower, upper) =
        (count(u8::is_ascii_digit), count(u8::is_ascii_lowercase), count(u8::is_ascii_uppercase));
    (16..=30).contains(&value.len())
        && value.len().is_multiple_of(2)
        && value.iter().all(u8::is_ascii_hexdigit)
        && digits > 3
        && (lower > 2 && upper == 0 || upper > 2 && lower == 0)
        && distinct(value) > 7
}

/// Whether only secrets have the name: it says what the secret is for, or that it is one, in at least two words
/// (`client_secret`, `apiKey`, `ACCESS_TOKEN`).
pub(super) fn names_a_key(name: &[u8]) -> bool {
    const KEYS: [(&[u8], &[u8]); 16] = [
        (b"api", b"key"),
        (b"api", b"secret"),
        (b"api", b"token"),
        (b"access", b"token"),
        (b"auth", b"token"),
        (b"refresh", b"token"),
        (b"secret", b"key"),
        (b"secret", b"token"),
        (b"client", b"secret"),
        (b"app", b"secret"),
        (b"webhook", b"secret"),
        (b"signing", b"secret"),
        (b"shared", b"secret"),
        (b"jwt", b"secret"),
        (b"signing", b"key"),
        (b"encryption", b"key"),
    ];
    let spelt: Vec<&[u8]> = words(name).collect();
    let pair = |two: &[&[u8]]| {
        KEYS.iter().any(|(first, last)| two[0].eq_ignore_ascii_case(first) && two[1].eq_ignore_ascii_case(last))
    };
    // Written as one word as well: `apikey`, `ACCESSTOKEN`.
    let whole = |word: &&[u8]| {
        KEYS.iter().any(|(first, last)| {
            word.split_at_checked(first.len())
                .is_some_and(|(a, b)| a.eq_ignore_ascii_case(first) && b.eq_ignore_ascii_case(last))
        })
    };
    spelt.windows(2).any(pair) || spelt.iter().any(whole)
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

/// Whether capitals and small letters alternate as in no name: at least at every third place.
pub(super) fn is_mixed(value: &[u8]) -> bool {
    transitions(value) > 0.3 && !value.contains(&b'_')
}

/// `Sunny.Garden1987`: capitals, small letters, and digits at the end that are no width of bits.
pub(super) fn ends_in_a_year(value: &[u8]) -> bool {
    let digits = value.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let width: [&[u8]; 8] = [b"16", b"32", b"64", b"128", b"256", b"384", b"512", b"1024"];
    value.len() >= 10
        && (2..=4).contains(&digits)
        && !width.contains(&&value[value.len() - digits..])
        && value.iter().any(u8::is_ascii_uppercase)
        && value.iter().any(u8::is_ascii_lowercase)
}

#[cfg(test)]
mod tests {
    use super::{beside_uuids, names_a_key, numbered, random_uuid, short_random_hex, suffixed};

    #[test]
    fn random_uuids_are_keys_under_the_name_of_one() {
        assert!(random_uuid(b"3f2b9c04-d71e-4a86-8b5d-0e6fa4c29137"));
        for other in ["123e4567-e89b-12d3-a456-426614174000", "00000000-0000-4000-8000-000000000000", "3f2b9c04"] {
            assert!(!random_uuid(other.as_bytes()), "{other}");
        }
        for name in ["api_key", "clientSecret", "X-Api-Key", "SECRET_KEY", "app.auth.token", "APIKEY", "accesstoken"] {
            assert!(names_a_key(name.as_bytes()), "{name}");
        }
        for name in ["token", "secret", "key", "access_key", "session_token"] {
            assert!(!names_a_key(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn a_short_key_of_hex_is_told_from_counting_and_from_digests() {
        assert!(short_random_hex(b"9f1c15d9a67db5e7") && short_random_hex(b"44CF9590006BF252F707"));
        for other in
            ["0000000000000001", "20240131235959001122", "9F1c15d9a67dB5e7", "9f1c15d9a67db5e", "deadbeefcafebabe"]
        {
            assert!(!short_random_hex(other.as_bytes()), "{other}");
        }
        assert!(!short_random_hex(b"9f1c15d9a67db5e79f1c15d9a67db5e7"));
    }

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
