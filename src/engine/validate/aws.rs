//! Amazon Web Services: the account inside an access key id, and what a secret access key cannot be.

use super::codec::{base32, contains};
use super::{Checked, HOLDS, Weighed, hint, rejected, silent};

/// Access key ids (fact 9): four letters and 16 characters of base32. Of ids issued since about 2019 (fifth character
/// Q or later in base32's order) the first six bytes hold the account's number, 12 digits.
pub(super) fn key_id(id: &[u8], _whole: &[u8]) -> Checked {
    let Some((_, body)) = id.split_first_chunk::<4>() else { return rejected("too short for an access key id") };
    if contains(body, b"EXAMPLE") {
        return rejected("the sample id of the vendor's documentation");
    }
    let Some(bytes) = base32(body) else { return rejected("an access key id has only A to Z and 2 to 7") };
    let Some((head, _)) = bytes.split_first_chunk::<6>() else { return rejected("too short for an access key id") };
    if body.iter().all(|byte| *byte == body[0]) {
        return rejected("one character repeated");
    }
    if (b'A'..b'Q').contains(&body[0]) {
        return silent();
    }
    let number = head.iter().fold(0u64, |number, byte| (number << 8) | u64::from(*byte));
    let account = (number & 0x7fff_ffff_ff80) >> 7;
    if account > 999_999_999_999 {
        return hint(-10, "the account number inside has more than 12 digits");
    }
    hint(HOLDS, "an account number can be read from it").with("account", format!("{account:012}"))
}

/// Secret access keys: 40 random characters of base64. Refuses commit ids, samples, and text that reads like a path
/// or words: random text changes between small letters, capitals and digits at three steps of five, words at one of
/// five at most. Of random keys one in 4,000 changes at fewer than one step of three (that only weighs), one in a million
/// at fewer than one of four.
pub(super) fn secret(secret: &[u8], _whole: &[u8]) -> Checked {
    if secret.len() != 40 || !secret.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(byte)) {
        return rejected("a secret access key is 40 characters of base64");
    }
    if secret.iter().all(u8::is_ascii_hexdigit) {
        return rejected("40 hex digits are a commit id or a digest");
    }
    if contains(secret, b"EXAMPLE") {
        return rejected("the sample key of the vendor's documentation");
    }
    if !secret.iter().any(u8::is_ascii_uppercase) || !secret.iter().any(u8::is_ascii_lowercase) {
        return rejected("random base64 has letters of both cases");
    }
    let mut seen = [false; 256];
    secret.iter().for_each(|byte| seen[usize::from(*byte)] = true);
    if seen.iter().filter(|seen| **seen).count() < 17 {
        return rejected("too few different characters for random text");
    }
    let plain: Vec<u8> = secret.iter().copied().filter(u8::is_ascii_alphanumeric).map(class).collect();
    let changes = plain.windows(2).filter(|pair| pair[0] != pair[1]).count();
    if changes * 4 < plain.len() {
        return rejected("reads like a path or words, not like random text");
    }
    let mut weighed = Weighed::default();
    if changes * 3 < plain.len() {
        weighed.add(-15, "few changes between small letters, capitals and digits");
    }
    if !secret.iter().any(u8::is_ascii_digit) {
        weighed.add(-20, "no digit among 40 characters");
    }
    if secret.iter().filter(|byte| **byte == b'/').count() > 4 {
        weighed.add(-20, "many slashes, as in a path");
    }
    weighed.verdict()
}

fn class(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' => 0,
        b'A'..=b'Z' => 1,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::super::codec::to_base32;
    use super::super::{Verdict, codec};
    use super::*;

    #[test]
    fn an_id_tells_its_account() {
        let checked = key_id(format!("AKIA{}{}", "RZPUZDIK", "AAAAAAAA").as_bytes(), b"");
        assert_eq!(checked.facts, [("account", "123456789012".to_owned())]);
        // The other way round, with an account that has a leading zero.
        let packed = ((1u64 << 47) | (12_345_678_901u64 << 7)).to_be_bytes();
        let id = format!("ASIA{}", to_base32(&[&packed[2..], &[7; 4]].concat()));
        assert_eq!(key_id(id.as_bytes(), b"").facts, [("account", "012345678901".to_owned())]);
    }

    #[test]
    fn ids_that_cannot_be() {
        for id in ["AKIAIOSFODNN7EXAMPLE", "AKIA0123456789ABCDEF", "AKIAQQQQQQQQQQQQQQQQ", "AKIA", "", "AKIARZ"] {
            assert!(matches!(key_id(id.as_bytes(), b"").verdict, Verdict::Rejected(_)), "{id}");
        }
        assert_eq!(key_id(b"AKIAIABCDEFGH234567A", b"").verdict, Verdict::Silent);
    }

    #[test]
    fn random_keys_pass_and_paths_do_not() {
        for seed in 0..20_000u32 {
            let bytes = &sha2::Sha256::digest(seed.to_le_bytes())[..30];
            let key = codec::to_base64(bytes);
            assert!(!matches!(secret(key.as_bytes(), b"").verdict, Verdict::Rejected(_)), "seed {seed}: {key}");
        }
        for text in [
            "0123456789abcdef0123456789abcdef01234567",
            "src/main/java/com/company/Project/Config",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "getApplicationConfigurationFromContext12",
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "aB1aB1aB1aB1aB1aB1aB1aB1aB1aB1aB1aB1aB1a",
            "",
        ] {
            assert!(matches!(secret(text.as_bytes(), b"").verdict, Verdict::Rejected(_)), "{text}");
        }
    }

    use sha2::Digest as _;
}
