//! Tokens that end in a checksum of their own text: GitHub, npm, Vercel, Grafana, GitLab, Confluent, Atlassian, Zuplo.
//!
//! CRC32 is the one of zlib and IEEE 802.3 throughout.

use sha2::{Digest, Sha256};

use super::codec::{BASE36, BASE62, base64, digits, to_base32, to_base64};
use super::{Checked, HOLDS, PROVEN, confirmed, hint, rejected, silent};

const HELD: &str = "its checksum holds";

/// GitHub's `ghp_`, `gho_`, `ghu_`, `ghr_`, npm's `npm_`, Vercel's `vcp_` and relatives (facts 1 and 3): the CRC32 of
/// what stands between the prefix and the last six characters, in base 62, six digits wide, is those six.
/// The prefix goes up to and including an underscore: the first one (Vercel's body may hold more of them), or a later
/// one, as in `polar_oat_`.
pub(super) fn crc32_base62(secret: &[u8], _whole: &[u8]) -> Checked {
    match base62_holds(secret) {
        true => confirmed(PROVEN, HELD),
        false => rejected("its checksum (CRC32 in base 62) does not hold"),
    }
}

/// The same for GitHub's `ghs_`, of which real tokens are known that fail (fact 1).
pub(super) fn crc32_base62_hint(secret: &[u8], _whole: &[u8]) -> Checked {
    match base62_holds(secret) {
        true => confirmed(PROVEN, HELD),
        false => hint(-5, "the usual checksum does not hold; not every issuer of this kind writes it"),
    }
}

fn base62_holds(token: &[u8]) -> bool {
    let Some((text, check)) = token.split_last_chunk::<6>() else { return false };
    let mut bodies = memchr::memchr_iter(b'_', text).take(4).map(|at| &text[at + 1..]);
    bodies.any(|body| !body.is_empty() && digits(u64::from(crc32fast::hash(body)), BASE62, 6) == check)
}

/// Grafana's `glsa_` (fact 4): prefix, 32 characters, `_`, and the CRC32 of all before that underscore as four
/// little-endian bytes in lower-case hex.
pub(super) fn crc32_le_hex(secret: &[u8], _whole: &[u8]) -> Checked {
    let Some((text, check)) = secret.split_last_chunk::<8>() else { return rejected("too short for its checksum") };
    let text = text.strip_suffix(b"_").unwrap_or(text);
    let expected = format!("{:08x}", crc32fast::hash(text).swap_bytes());
    match expected.as_bytes() == check {
        true => confirmed(PROVEN, HELD),
        false => rejected("its checksum (CRC32, little-endian hex) does not hold"),
    }
}

/// GitHub's `github_pat_` (fact 2): characters 78 to 85 of the 93 are the first eight of the base32 of the SHA-256
/// of the first 77. Known from one token only, so a failure is a hint.
pub(super) fn github_fine_grained(secret: &[u8], _whole: &[u8]) -> Checked {
    let (Some(text), Some(check)) = (secret.get(..77), secret.get(77..85)) else {
        return hint(-15, "shorter than a fine-grained token");
    };
    match &to_base32(&Sha256::digest(text)).as_bytes()[..8] == check {
        true => confirmed(PROVEN, HELD),
        false => hint(-15, "the checksum seen in other fine-grained tokens does not hold"),
    }
}

/// GitLab's routable tokens (fact 5): prefix, payload, `.`, perhaps `01.`, the payload's length as two digits of
/// base 36, the CRC32 of all that as seven digits of base 36. The payload is base64url of lines (`o:1`, `u:2`, ...:
/// numbers in base 36), random bytes, and a byte that says how many random bytes.
pub(super) fn gitlab_routable(secret: &[u8], _whole: &[u8]) -> Checked {
    let Some((text, check)) = secret.split_last_chunk::<7>() else { return rejected("too short for its checksum") };
    if digits(u64::from(crc32fast::hash(text)), BASE36, 7) != check {
        return rejected("its checksum (CRC32 in base 36) does not hold");
    }
    let dot = text.iter().position(|byte| *byte == b'.').unwrap_or(text.len());
    let length = text.len().checked_sub(2).and_then(|at| small(&text[at..]));
    let payload =
        length.and_then(|length| dot.checked_sub(usize::try_from(length).ok()?)).map(|start| &text[start..dot]);
    let Some(payload) = payload.and_then(base64).filter(|payload| !payload.is_empty()) else {
        return rejected("its payload is not as long as it says");
    };
    let random = usize::from(payload[payload.len() - 1]) + 1;
    let lines = &payload[..payload.len().saturating_sub(random)];
    let mut checked = confirmed(PROVEN, HELD);
    for line in lines.split(|byte| *byte == b'\n') {
        let name = match line.first() {
            Some(b'o') => "organisation",
            Some(b'u') => "user",
            Some(b'g') => "group",
            Some(b'p') => "project",
            Some(b'c') => "cell",
            _ => continue,
        };
        let number = line.get(2..).filter(|_| line[1] == b':').and_then(small);
        checked = checked.with_some(name, number.map(|number| number.to_string()));
    }
    checked
}

/// A number in base 36 of at most ten digits.
fn small(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 10 {
        return None;
    }
    super::codec::number::<8>(text, BASE36).map(u64::from_be_bytes)
}

/// Confluent's `cflt` (fact 6): the CRC32 of the 54 characters after it, as four little-endian bytes in base64, of
/// which the first six characters are the last six of the secret.
pub(super) fn confluent(secret: &[u8], _whole: &[u8]) -> Checked {
    let Some((text, check)) = secret.strip_prefix(b"cflt").and_then(|body| body.split_last_chunk::<6>()) else {
        return silent();
    };
    let expected = to_base64(&crc32fast::hash(text).to_le_bytes());
    match &expected.as_bytes()[..6] == check {
        true => confirmed(PROVEN, HELD),
        false => rejected("its checksum (CRC32, little-endian base64) does not hold"),
    }
}

/// Atlassian's `ATATT` and `ATCTT` (fact 7): the CRC32 of everything up to and including `=` in upper-case hex is
/// the last eight characters. Known from one token only, so a failure is a hint.
pub(super) fn atlassian(secret: &[u8], _whole: &[u8]) -> Checked {
    let Some((text, check)) = secret.split_last_chunk::<8>() else { return silent() };
    if text.last() != Some(&b'=') {
        return hint(-15, "no checksum after an equals sign, as other tokens of this kind have it");
    }
    match format!("{:08X}", crc32fast::hash(text)).as_bytes() == check {
        true => confirmed(PROVEN, HELD),
        false => hint(-15, "the checksum seen in other tokens of this kind does not hold"),
    }
}

/// Zuplo's `zpka_` (fact 8): 32 characters, `_`, their CRC32 in lower-case hex.
pub(super) fn zuplo(secret: &[u8], _whole: &[u8]) -> Checked {
    let body = secret.strip_prefix(b"zpka_").unwrap_or(secret);
    let held = body.split_last_chunk::<8>().is_some_and(|(text, check)| {
        text.strip_suffix(b"_").is_some_and(|text| format!("{:08x}", crc32fast::hash(text)).as_bytes() == check)
    });
    match held {
        true => confirmed(HOLDS + PROVEN, HELD),
        false => rejected("its checksum (CRC32 in hex) does not hold"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    const E: &str = "EXAMPLE0";

    /// CRC32 bit by bit, so that the tests do not lean on the crate they check.
    fn crc32(text: &str) -> u32 {
        !text.bytes().fold(u32::MAX, |crc, byte| {
            (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
        })
    }

    fn in_base(mut value: u32, base: u32, alphabet: &str, width: usize) -> String {
        let mut text = String::new();
        for _ in 0..width {
            text.insert(0, char::from(alphabet.as_bytes()[(value % base) as usize]));
            value /= base;
        }
        text
    }

    fn holds(validator: super::super::Validator, token: &str) -> bool {
        matches!(validator(token.as_bytes(), token.as_bytes()).verdict, Verdict::Confirmed(_))
    }

    fn refuses(validator: super::super::Validator, token: &str) -> bool {
        matches!(validator(token.as_bytes(), token.as_bytes()).verdict, Verdict::Rejected(_))
    }

    /// Flips one character of the token's middle.
    fn altered(token: &str) -> String {
        let middle = token.len() / 2;
        let other = if token.as_bytes()[middle] == b'A' { "B" } else { "A" };
        format!("{}{other}{}", &token[..middle], &token[middle + 1..])
    }

    #[test]
    fn base62_checksums() {
        let letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        for prefix in ["ghp_", "gho_", "ghu_", "ghr_", "npm_", "vcp_"] {
            let body = format!("{}_{E}", E.repeat(5));
            let token = format!("{prefix}{body}{}", in_base(crc32(&body), 62, letters, 6));
            assert!(holds(crc32_base62, &token) && holds(crc32_base62_hint, &token), "{prefix}");
            assert!(refuses(crc32_base62, &altered(&token)), "{prefix}");
            assert!(matches!(crc32_base62_hint(altered(&token).as_bytes(), b"").verdict, Verdict::Hint(_)));
        }
        assert!(holds(crc32_base62, &format!("ghp_{}EXAMPL{}", E.repeat(3), "0Lu8TY")));
        assert!(holds(crc32_base62, &format!("vcp_{}EX{}", E.repeat(6), "3yt9BM")));
        assert!(refuses(crc32_base62, "ghp_000000"));
    }

    #[test]
    fn grafana_and_zuplo() {
        assert!(holds(crc32_le_hex, &format!("glsa_{}_{}", E.repeat(4), "93a951a7")));
        let token = format!("glsa_{}_{:08x}", E.repeat(4), crc32(&format!("glsa_{}", E.repeat(4))).swap_bytes());
        assert!(holds(crc32_le_hex, &token) && refuses(crc32_le_hex, &altered(&token)));
        let token = format!("zpka_{}_{}", "example0".repeat(4), "b978bc71");
        assert!(holds(zuplo, &token) && refuses(zuplo, &altered(&token)));
    }

    #[test]
    fn github_fine_grained_tokens() {
        let first = format!("github_pat_11{E}{E}EXAM_{}EXA", E.repeat(5));
        let token = format!("{first}{}{E}", "CVOS7N3Y");
        assert_eq!(token.len(), 93);
        assert!(holds(github_fine_grained, &token));
        assert!(
            matches!(github_fine_grained(altered(&token).as_bytes(), b"").verdict, Verdict::Hint(why) if why.points < 0)
        );
    }

    #[test]
    fn gitlab_tokens_tell_whose_they_are() {
        let token = format!("glpat-{}{}.01.0w{}", "bzoxCnU6MgABAgME", "BQYHCAkKCwwNDg8Q", "0f3z10x");
        let checked = gitlab_routable(token.as_bytes(), b"");
        assert!(matches!(checked.verdict, Verdict::Confirmed(_)));
        assert_eq!(checked.facts, [("organisation", "1".to_owned()), ("user", "2".to_owned())]);
        assert!(refuses(gitlab_routable, &altered(&token)));
        // A right checksum over a wrong length.
        let wrong = format!("glpat-{}{}.zz", "bzoxCnU6MgABAgME", "BQYHCAkKCwwNDg8Q");
        let wrong = format!("{wrong}{}", in_base(crc32(&wrong), 36, "0123456789abcdefghijklmnopqrstuvwxyz", 7));
        assert!(refuses(gitlab_routable, &wrong));
        // Without the version, after a longer prefix, a user in base 36 above 32 bits.
        let payload = to_base64(b"o:1\nu:1z141z3\n0123456789abcdef\x10").replace('=', "");
        let text =
            format!("glrt-t1_{payload}.{}", in_base(payload.len() as u32, 36, std::str::from_utf8(BASE36).unwrap(), 2));
        let token = format!("{text}{}", in_base(crc32(&text), 36, std::str::from_utf8(BASE36).unwrap(), 7));
        assert!(gitlab_routable(token.as_bytes(), b"").facts.contains(&("user", "4294967295".to_owned())));
    }

    #[test]
    fn confluent_and_atlassian() {
        let token = format!("cflt{}EXAMPL{}", E.repeat(6), "uKwjcQ");
        assert!(holds(confluent, &token) && refuses(confluent, &altered(&token)));
        let token = format!("ATATT3xFfGF0{E}{E}={}", "44FC9225");
        assert!(holds(atlassian, &token));
        assert!(matches!(atlassian(altered(&token).as_bytes(), b"").verdict, Verdict::Hint(why) if why.points < 0));
    }
}
