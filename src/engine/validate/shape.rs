//! Fixed inner marks and plain shapes (fact 14): no arithmetic, but enough to refuse what is something else.

use super::codec::{BASE62, base64, number};
use super::{Checked, HOLDS, Weighed, date, hint, rejected};

/// Anthropic's keys: base64url that ends in AA.
pub(super) fn anthropic(secret: &[u8], _whole: &[u8]) -> Checked {
    match secret.ends_with(b"AA") {
        true => hint(HOLDS, "ends as keys of this kind do"),
        false => rejected("keys of this kind end in AA"),
    }
}

/// OpenAI's keys: `T3BlbkFJ` (base64 of the name) stands between two halves of equal length. Old service keys carry
/// a name before the first half, and other lengths were seen, so a misfit is a hint.
pub(super) fn openai_halves(secret: &[u8], _whole: &[u8]) -> Checked {
    const MARK: &[u8] = b"T3BlbkFJ";
    const PREFIXES: [&[u8]; 6] = [b"sk-proj-", b"sk-svcacct-", b"sk-service-", b"sk-admin-", b"sk-None-", b"sk-"];
    let body = PREFIXES.iter().find_map(|prefix| secret.strip_prefix(*prefix)).unwrap_or(secret);
    let Some(at) = memchr::memmem::find(body, MARK) else { return rejected("the mark inside such keys is missing") };
    let (left, right) = (at, body.len() - at - MARK.len());
    let known = matches!(right, 20 | 58 | 74);
    if known && (left == right || secret.starts_with(b"sk-service-") && left > right) {
        return hint(HOLDS, "the mark inside stands where it should");
    }
    hint(-15, "the mark inside does not stand in the middle")
}

/// Azure's common annotated keys: `JQQJ9` and one of 9, D, H at offset 52, then the year (A is 2024) and the month
/// (A to L) of issue. The last four characters are a check that only Microsoft can compute.
pub(super) fn azure_cask(secret: &[u8], _whole: &[u8]) -> Checked {
    let marked = secret.get(52..57) == Some(b"JQQJ9") && secret.get(57).is_some_and(|byte| b"9DH".contains(byte));
    let Some([year @ (b'A'..=b'Z' | b'a'..=b'z'), month @ b'A'..=b'L']) = secret.get(58..60).filter(|_| marked) else {
        return rejected("the mark with year and month inside such keys is missing");
    };
    let year = 2024 + u32::from(if year.is_ascii_uppercase() { year - b'A' } else { year - b'a' + 26 });
    let month = format!("{year}-{:02}", month - b'A' + 1);
    let this_month = date::day(date::now()).unwrap_or_default();
    if this_month.get(..7).is_some_and(|now| month.as_str() > now) {
        return hint(-20, "the month of issue inside lies in the future");
    }
    hint(HOLDS, "mark and month of issue stand where they should").with("issued", month)
}

/// Discord's bot tokens (fact 11): the part before the first dot is base64 of the bot's id, 17 to 20 digits.
pub(super) fn discord_id(secret: &[u8], _whole: &[u8]) -> Checked {
    let first = secret.split(|byte| *byte == b'.').next().unwrap_or_default();
    let id = if first.len() <= 32 { base64(first) } else { None };
    match id.filter(|id| (17..=20).contains(&id.len()) && id.iter().all(u8::is_ascii_digit)) {
        Some(id) => hint(HOLDS, "a bot's id can be read from it").with("bot", String::from_utf8_lossy(&id)),
        None => rejected("its first part is not the base64 of an id"),
    }
}

/// JFrog's reference tokens: base64 of text that begins `reftkn:`.
pub(super) fn jfrog_reference(secret: &[u8], _whole: &[u8]) -> Checked {
    match base64(secret.get(..256).unwrap_or(secret)) {
        Some(text) if text.starts_with(b"reftkn:") => hint(HOLDS, "decodes to a reference token"),
        _ => rejected("does not decode to a reference token"),
    }
}

/// ngrok: the part before `_` is a KSUID, 27 digits of base 62: 20 bytes, of which the first four count seconds
/// since 2014-05-13 16:53:20 UTC.
pub(super) fn ngrok_ksuid(secret: &[u8], _whole: &[u8]) -> Checked {
    let first = secret.split(|byte| *byte == b'_').next().unwrap_or_default();
    if !(24..=27).contains(&first.len()) {
        return hint(-15, "no KSUID before the underscore");
    }
    let Some(bytes) = number::<20>(first, BASE62) else { return rejected("not a KSUID") };
    if first.len() < 27 {
        return hint(0, "a short KSUID");
    }
    let seconds = bytes[..4].iter().fold(0i64, |value, byte| (value << 8) | i64::from(*byte)) + 1_400_000_000;
    // The format is of 2017; a day of grace for clocks that differ.
    if !(1_490_000_000..=date::now() + 86_400).contains(&seconds) {
        return hint(-30, "the time of issue inside lies before 2017 or in the future");
    }
    hint(HOLDS, "its time of issue can be read").with_some("issued", date::day(seconds))
}

/// Base64 of exactly 64 bytes (storage and database account keys). The keys of the vendor's emulators are public.
pub(super) fn base64_64(secret: &[u8], _whole: &[u8]) -> Checked {
    const EMULATORS: [&[u8]; 2] = [b"Eby8vdM02xNOcq", b"C2y6yDjf5/R+ob0N"];
    if EMULATORS.iter().any(|start| secret.starts_with(start)) {
        return rejected("the public key of the vendor's emulator");
    }
    decodes_to(secret, 64, "does not decode to 64 bytes")
}

/// Base64 of exactly 32 bytes.
pub(super) fn base64_32(secret: &[u8], _whole: &[u8]) -> Checked {
    decodes_to(secret.strip_prefix(b"base64:").unwrap_or(secret), 32, "does not decode to 32 bytes")
}

fn decodes_to(text: &[u8], length: usize, why: &'static str) -> Checked {
    let Some(bytes) = Some(text).filter(|text| text.len() <= length * 2).and_then(base64) else { return rejected(why) };
    if bytes.len() != length {
        return rejected(why);
    }
    if bytes.iter().all(u8::is_ascii_graphic) {
        return hint(-20, "decodes to plain text, not to random bytes");
    }
    match random(&bytes) {
        true => hint(HOLDS / 2, "decodes to random bytes of the right length"),
        false => rejected("decodes to bytes that repeat"),
    }
}

/// Whether the bytes look drawn: 32 random bytes have 30 different ones on average, and 20 at least.
fn random(bytes: &[u8]) -> bool {
    let mut seen = [false; 256];
    bytes.iter().for_each(|byte| seen[usize::from(*byte)] = true);
    seen.iter().filter(|seen| **seen).count() > bytes.len() / 2
}

/// WireGuard: base64 of 32 bytes. Private keys are clamped as RFC 7748 (X25519) asks: the low three bits of the first
/// byte are 0, the top two of the last are 01. Preshared keys are not.
pub(super) fn wireguard(secret: &[u8], _whole: &[u8]) -> Checked {
    let bytes = if secret.len() == 44 { base64(secret) } else { None };
    let Some(bytes) = bytes.filter(|bytes| bytes.len() == 32) else {
        return rejected("not the base64 of 32 bytes");
    };
    if !random(&bytes) {
        return rejected("decodes to bytes that repeat");
    }
    match bytes[0] & 7 == 0 && bytes[31] & 0xc0 == 0x40 {
        true => hint(HOLDS, "clamped as private keys of this kind are"),
        false => hint(-5, "not clamped: a preshared key, or another kind of value"),
    }
}

/// A UUID (RFC 9562): 8-4-4-4-12 hex digits at the end of the secret; refuses the nil one and drawn-by-hand ones.
pub(super) fn uuid(secret: &[u8], _whole: &[u8]) -> Checked {
    let text = secret.len().checked_sub(36).map_or(secret, |start| &secret[start..]);
    let dash = |at: usize| matches!(at, 8 | 13 | 18 | 23);
    let shaped = text.len() == 36
        && text.iter().enumerate().all(|(at, byte)| if dash(at) { *byte == b'-' } else { byte.is_ascii_hexdigit() });
    if !shaped {
        return rejected("not a UUID");
    }
    let digits: Vec<u8> = text.iter().filter(|byte| **byte != b'-').map(u8::to_ascii_lowercase).collect();
    let mut seen = digits.clone();
    seen.sort_unstable();
    seen.dedup();
    if seen.len() < 6 {
        return rejected("a UUID of few different digits: a placeholder");
    }
    let next = |pair: &[u8]| pair[1] == pair[0] + 1 || (pair[0], pair[1]) == (b'9', b'a');
    if digits.windows(2).filter(|pair| next(pair)).count() > 14 {
        return rejected("a UUID counted up by hand: a placeholder");
    }
    let mut weighed = Weighed::default();
    if !(b'1'..=b'8').contains(&text[14]) || !b"89abAB".contains(&text[19]) {
        weighed.add(-5, "no version that UUIDs have");
    }
    weighed.verdict()
}

/// Refuses values of hex digits alone: commit ids, digests, trace ids.
pub(super) fn not_hex(secret: &[u8], _whole: &[u8]) -> Checked {
    match secret.iter().all(u8::is_ascii_hexdigit) {
        true => rejected("hex digits alone: a commit id or a digest"),
        false => super::silent(),
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha512};

    use super::super::codec::{digits, to_base64};
    use super::super::{Validator, Verdict};
    use super::*;

    fn rises(validator: Validator, text: &str) -> bool {
        matches!(validator(text.as_bytes(), b"").verdict, Verdict::Hint(why) if why.points > 0)
    }

    fn falls(validator: Validator, text: &str) -> bool {
        matches!(validator(text.as_bytes(), b"").verdict, Verdict::Hint(why) if why.points < 0)
    }

    fn refuses(validator: Validator, text: &str) -> bool {
        matches!(validator(text.as_bytes(), b"").verdict, Verdict::Rejected(_))
    }

    fn drawn(length: usize) -> Vec<u8> {
        Sha512::digest(b"drawn")[..length].to_vec()
    }

    #[test]
    fn marks_inside_keys() {
        let body = "aB3-_".repeat(30);
        assert!(rises(anthropic, &format!("sk-ant-api03-{}AA", &body[..93])));
        assert!(refuses(anthropic, &format!("sk-ant-api03-{}AB", &body[..93])));
        for (prefix, left, right) in
            [("sk-", 20, 20), ("sk-proj-", 74, 74), ("sk-svcacct-", 58, 58), ("sk-service-", 31, 20)]
        {
            let key = format!("{prefix}{}{}{}", &body[..left], "T3BlbkFJ", &body[..right]);
            assert!(rises(openai_halves, &key), "{key}");
        }
        assert!(falls(openai_halves, &format!("sk-proj-{}{}{}", &body[..73], "T3BlbkFJ", &body[..74])));
        assert!(refuses(openai_halves, &format!("sk-{}", &body[..48])));
    }

    #[test]
    fn annotated_keys_tell_their_month() {
        let key = |year: char, month: char| format!("{}JQQJ99{year}{month}{}", "aB3x".repeat(13), "A".repeat(24));
        let checked = azure_cask(key('A', 'K').as_bytes(), b"");
        assert_eq!(checked.facts, [("issued", "2024-11".to_owned())]);
        assert!(refuses(azure_cask, &key('A', 'M')) && refuses(azure_cask, &key('1', 'A')));
        assert!(falls(azure_cask, &key('z', 'A')));
    }

    #[test]
    fn ids_and_references_are_read() {
        let token =
            |id: &str| format!("{}.{}.{}", to_base64(id.as_bytes()).replace('=', ""), "aB3xYz", "aB3".repeat(9));
        assert_eq!(discord_id(token("123456789012345678").as_bytes(), b"").facts[0].1, "123456789012345678");
        assert!(refuses(discord_id, &token("12345678901234567x")) && refuses(discord_id, &token("1234")));
        assert!(rises(jfrog_reference, &to_base64(b"reftkn:01:0000000000:abcdefghijklmnopqrstuv")));
        assert!(refuses(jfrog_reference, &to_base64(b"other:01:000000")));
    }

    /// The seconds stand in front of 128 random bits; written with long division in base 62.
    #[test]
    fn ksuids_tell_their_time() {
        let ksuid = |seconds: u32| {
            let mut value: Vec<u8> = [&seconds.to_be_bytes()[..], &drawn(16)].concat();
            let mut text = Vec::new();
            for _ in 0..27 {
                let rest = value.iter_mut().fold(0u32, |rest, byte| {
                    let sum = rest * 256 + u32::from(*byte);
                    *byte = (sum / 62) as u8;
                    sum % 62
                });
                text.push(digits(u64::from(rest), BASE62, 1)[0]);
            }
            text.reverse();
            format!("{}_{}", String::from_utf8(text).unwrap(), "aB3x".repeat(5))
        };
        assert_eq!(ngrok_ksuid(ksuid(200_000_000).as_bytes(), b"").facts, [("issued", "2020-09-13".to_owned())]);
        assert!(falls(ngrok_ksuid, &ksuid(4_000_000_000)) && falls(ngrok_ksuid, &ksuid(5)));
        assert!(refuses(ngrok_ksuid, &"z".repeat(27)));
    }

    #[test]
    fn random_bytes_of_a_length() {
        assert!(rises(base64_64, &to_base64(&drawn(64))) && refuses(base64_64, &to_base64(&drawn(63))));
        assert!(
            refuses(base64_64, &to_base64(&[0; 64]))
                && refuses(base64_64, &format!("Eby8vdM02xNOcq{}", "A".repeat(72)))
        );
        assert!(rises(base64_32, &format!("base64:{}", to_base64(&drawn(32)))));
        assert!(falls(
            base64_32,
            &to_base64(b"this is plain text, 32 of it all".map(|byte| byte.max(b'!')).as_slice())
        ));
        let mut key = drawn(32);
        (key[0], key[31]) = (key[0] & 0xf8, key[31] & 0x3f | 0x40);
        assert!(rises(wireguard, &to_base64(&key)));
        key[0] |= 1;
        assert!(falls(wireguard, &to_base64(&key)) && refuses(wireguard, &to_base64(&drawn(31))));
    }

    #[test]
    fn uuids_and_hex() {
        let uuid_of = |digits: &str| {
            format!("{}-{}-{}-{}-{}", &digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..32])
        };
        let real = uuid_of("3f2b9c04d71e4a868b5d0e6fa4c29137");
        assert!(!refuses(uuid, &real) && !refuses(uuid, &format!("pat-na1-{}", real.to_uppercase())));
        for digits in
            ["0".repeat(32), "0123456789abcdef0123456789abcdef".to_owned(), "12345678".repeat(4), "ab".repeat(16)]
        {
            assert!(refuses(uuid, &uuid_of(&digits)), "{digits}");
        }
        assert!(refuses(uuid, &real[1..]) && refuses(uuid, ""));
        assert!(falls(uuid, &uuid_of("3f2b9c04d71e0a868b5d0e6fa4c29137")));
        assert!(refuses(not_hex, "0123456789abcdefABCDEF") && !refuses(not_hex, "0123456789abcdefg"));
    }
}
